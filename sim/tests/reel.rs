//! Frames: what they say is what the world is, whichever way one came there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use zablab_core::sorted::SortedMap;
use zablab_sim::formats::json;
use zablab_sim::link::Cargo;
use zablab_sim::reel::{
    Camera, Family, FlightId, Frame, How, Mark, SlotState, TileState, TrayOf, step_words,
};
use zablab_sim::script::{Start, parse, play};
use zablab_sim::step::{ClientId, LaneId, Side, Step};
use zablab_sim::teaching::Teaching;
use zablab_sim::world::World;

/// A first election, a late joiner, a write, and the loss of the leader.
const ELECTION: &str = "zablab script 1
given servers 3
given clients c1
start 1..2
run until leads(2) within 10s
start 3
run until serving(3) within 10s
c1: connect 1
run until state(c1) == CONNECTED within 5s
c1: create /a \"hello\"
run until result(c1) == OK within 5s
run for 50ms
crash 2
run until leads(1) or leads(3) within 60s
run until state(c1) == CONNECTED within 60s
run for 200ms
";

/// Five servers with an observer, an ephemeral znode, a watch, a cut, a torn write.
const FIVE: &str = "zablab script 1
given servers 5
given observers 5
given clients c1 c2
start 1..5
run until leads(4) within 10s
run until all(s in all: serving(s)) within 10s
c1: connect 1
c2: connect 2
run until state(c1) == CONNECTED and state(c2) == CONNECTED within 5s
c1: create /a \"1\" ephemeral
run until result(c1) == OK within 5s
c2: get /a watch
run until result(c2) == OK within 5s
hold 4 -> 2 COMMIT
c1: set /a \"2\"
run until oks(c1) == 2 within 5s
lose 4 -> 2 COMMIT
run for 30ms
c1: set /a \"3\"
run until event Appended server=3 within 1s
cut 1 from 4
crash 3 keep 1,0,9,0
run for 2s
heal
start 3
run for 2s
";

/// Paxos with a held, a doubled and a lost datagram, a cut and a crash.
const PAXOS: &str = "zablab script 1
given paxos acceptors 3
given paxos proposers 2
given paxos learners 1
given accepted A2,A3: (1,P1) \"old\"
hold P2->A1 *
P2: propose \"new\"
run for 12ms
duplicate A2->P2 PROMISE
lose A3->P2 PROMISE
cut P2 from A2
run for 60ms
release
heal
crash A2
run for 30ms
start A2
A1: read
run for 5s
";

struct Filmed {
    frames: Vec<Frame>,
    world: World,
    steps: Vec<Step>,
    names: SortedMap<ClientId, String>,
}

fn begin(text: &str) -> (World, SortedMap<ClientId, String>) {
    let script = parse(text).expect("it parses");
    let start = Start::of(&script).expect("it makes sense");
    let world = World::new(start.given, Teaching { bugs: start.bugs }).expect("disks are fine");
    (world, start.clients.into_iter().map(|(name, id)| (id, name)).collect())
}

fn film(text: &str) -> Filmed {
    let script = parse(text).expect("it parses");
    let played = play(&script, true).unwrap_or_else(|error| panic!("{error}"));
    let steps: Vec<Step> = played.timeline.steps(played.timeline.branch()).cloned().collect();
    let (mut world, names) = begin(text);
    let events = world.take_events();
    let mut camera = Camera::new(&world, 0, &names);
    let mut frames = vec![camera.whole(&world, &events)];
    for step in &steps {
        let events = world.apply(step);
        frames.push(camera.look(&world, step, &events));
    }
    Filmed { frames, world, steps, names }
}

/// All changes put together, as the page does it.
#[derive(Default)]
struct Folded {
    last: Option<Frame>,
    flights: BTreeMap<FlightId, zablab_sim::reel::Flight>,
}

impl Folded {
    fn add(&mut self, frame: &Frame) {
        for flight in &frame.sent {
            assert!(self.flights.insert(flight.id.clone(), flight.clone()).is_none());
        }
        for end in &frame.ended {
            assert!(self.flights.remove(&end.id).is_some(), "{:?} was never sent", end.id);
        }
        let Some(last) = &mut self.last else {
            self.last = Some(frame.clone());
            return;
        };
        for server in &frame.servers {
            let known = last.servers.iter_mut().find(|known| known.sid == server.sid);
            *known.expect("frame 0 has every server") = server.clone();
        }
        for client in &frame.clients {
            match last.clients.iter_mut().find(|known| known.host == client.host) {
                Some(known) => *known = client.clone(),
                None => last.clients.push(client.clone()),
            }
        }
        last.cuts = frame.cuts.clone().or(last.cuts.take());
        last.held = frame.held.clone().or(last.held.take());
        last.broken.extend(frame.broken.clone());
    }

    /// Compares with a fresh look.
    fn check(&self, world: &World, names: &SortedMap<ClientId, String>) {
        let fresh = Camera::new(world, 0, names).whole(world, &[]);
        let last = self.last.as_ref().expect("something was filmed");
        assert_eq!(last.servers, fresh.servers);
        assert_eq!(last.clients, fresh.clients);
        assert_eq!((&last.cuts, &last.held), (&fresh.cuts, &fresh.held));
        let flying: BTreeSet<&FlightId> = self.flights.keys().collect();
        assert_eq!(flying, fresh.sent.iter().map(|flight| &flight.id).collect());
    }
}

#[test]
fn changes_put_together_are_what_a_fresh_look_sees() {
    for text in [ELECTION, FIVE, PAXOS] {
        let filmed = film(text);
        let (mut world, names) = begin(text);
        let mut folded = Folded::default();
        folded.add(&filmed.frames[0]);
        folded.check(&world, &names);
        for (step, frame) in filmed.steps.iter().zip(&filmed.frames[1..]) {
            world.apply(step);
            folded.add(frame);
            folded.check(&world, &names);
        }
        assert_eq!(folded.flights.len(), messages_in(&filmed.world).len());
    }
}

#[test]
fn paxos_is_in_the_frames() {
    let filmed = film(PAXOS);
    let sent = || filmed.frames.iter().flat_map(|frame| &frame.sent);
    for kind in ["PREPARE", "PROMISE", "ACCEPT", "ACCEPTED", "READ", "STATE"] {
        assert!(sent().any(|flight| flight.kind == kind), "{kind}");
    }
    let servers = || filmed.frames.iter().flat_map(|frame| &frame.servers);
    let paxos = || servers().filter_map(|server| server.paxos.as_ref());
    assert!(paxos().any(|process| process.name == "A2" && process.up.is_none()));
    let last = paxos().rfind(|process| process.name == "P2");
    let up = last.and_then(|process| process.up.as_ref()).expect("P2 runs");
    assert_eq!(up.learned.as_deref(), Some("old"));
}

fn messages_in(world: &World) -> Vec<FlightId> {
    let mut ids = Vec::new();
    for (link, it) in world.net().links() {
        for to in [Side::Opener, Side::Acceptor] {
            let messages = it.in_flight(to).filter(|item| matches!(item.cargo, Cargo::Message(_)));
            ids.extend(messages.map(|item| FlightId::new(LaneId { link, to }, item.seq)));
        }
    }
    ids
}

#[test]
fn a_camera_that_starts_in_the_middle_sees_the_same() {
    let filmed = film(ELECTION);
    for from in (0..filmed.steps.len()).step_by(37) {
        let (mut world, names) = begin(ELECTION);
        filmed.steps[..from].iter().for_each(|step| drop(world.apply(step)));
        world.take_events();
        let mut camera = Camera::new(&world, from as u64, &names);
        for (step, frame) in filmed.steps[from..].iter().zip(&filmed.frames[from + 1..]).take(60) {
            let events = world.apply(step);
            assert_eq!(camera.look(&world, step, &events), *frame);
        }
    }
}

#[test]
fn the_story_of_an_election_is_in_its_frames() {
    let filmed = film(ELECTION);
    let marks: Vec<Mark> = filmed.frames.iter().filter_map(|frame| frame.mark).collect();
    for mark in [Mark::Elected, Mark::Established, Mark::Committed, Mark::Crashed, Mark::Started] {
        assert!(marks.contains(&mark), "{mark:?} in {marks:?}");
    }
    let sent = || filmed.frames.iter().flat_map(|frame| &frame.sent);
    for kind in [
        "NOTIFICATION",
        "FOLLOWERINFO",
        "LEADERINFO",
        "ACKEPOCH",
        "DIFF",
        "NEWLEADER",
        "ACK",
        "UPTODATE",
        "connect",
        "REQUEST",
        "PROPOSAL",
        "COMMIT",
        "create",
        "reply",
    ] {
        assert!(sent().any(|flight| flight.kind == kind && !flight.quiet), "no {kind}");
    }
    let pings = || sent().filter(|flight| flight.family == Family::Heartbeat);
    assert!(pings().count() > 0 && pings().all(|ping| ping.quiet));
    assert!(sent().all(|flight| flight.kind != "UNKNOWN"));
    let proposal = sent().find(|flight| flight.letters == "P").expect("there is a proposal");
    assert!(proposal.fields.iter().any(|field| field.name == "type"));
    let trays = filmed.frames.iter().flat_map(|frame| &frame.servers);
    let trays: Vec<_> =
        trays.filter_map(|server| Some((server.sid, server.up.as_ref()?.tray.clone()?))).collect();
    for of in [TrayOf::Votes, TrayOf::Promises, TrayOf::Synced, TrayOf::Acks] {
        assert!(trays.iter().any(|(_, tray)| tray.of == of && tray.need == 2), "{of:?}");
    }
    let down =
        |tray: &zablab_sim::reel::Tray| tray.slots.iter().any(|slot| slot.state == SlotState::Down);
    assert!(trays.iter().any(|(_, tray)| down(tray)));
    let client = filmed.frames.iter().rev().find_map(|frame| frame.clients.first());
    let client = client.expect("the client is filmed");
    assert_eq!((client.name.as_str(), client.done[0].result.as_deref()), ("c1", Some("OK")));
}

#[test]
fn tiles_go_their_way_from_memory_to_the_tree() {
    let filmed = film(FIVE);
    let tiles = filmed.frames.iter().flat_map(|frame| &frame.servers).flat_map(|it| &it.log);
    let states: Vec<TileState> = tiles.map(|tile| tile.state).collect();
    for state in
        [TileState::Memory, TileState::Disk, TileState::Acked, TileState::Applied, TileState::Torn]
    {
        assert!(states.contains(&state), "{state:?}");
    }
    assert!(filmed.frames.iter().any(|frame| frame.held.as_ref().is_some_and(|h| !h.is_empty())));
    let lost = filmed.frames.iter().flat_map(|frame| &frame.ended);
    assert!(lost.into_iter().any(|end| end.how == How::Lost));
    assert!(filmed.frames.iter().any(|frame| frame.mark == Some(Mark::Watch)));
}

#[test]
fn steps_have_words() {
    let filmed = film(FIVE);
    for step in &filmed.steps {
        assert_ne!(step_words(step, &filmed.names), "", "{step:?}");
    }
    let words: BTreeSet<_> = filmed.frames.iter().filter_map(|frame| frame.step.clone()).collect();
    for wanted in ["start 3", "crash 3 keep 1,0,9,0", "cut 1 from 4", "heal", "c1: connect 1"] {
        assert!(words.contains(wanted), "{wanted}");
    }
}

/// What the page's own tests are made of. `REWRITE=1` writes it anew.
#[test]
fn the_fixture_of_the_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/tests/fixtures/election.json");
    let mut lines = Vec::new();
    for frame in &film(ELECTION).frames {
        lines.push(serde_json::to_string(frame).expect("every frame has a JSON form"));
    }
    let fresh = format!("{{\"frames\":[\n{}\n]}}\n", lines.join(",\n"));
    if std::env::var_os("REWRITE").is_some() {
        std::fs::write(&path, &fresh).expect("the file can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == fresh, "{} is not fresh: run this test with REWRITE=1", path.display());
}

#[test]
fn numbers_are_those_of_a_page() {
    let filmed = film(FIVE);
    for frame in &filmed.frames {
        let mut value = serde_json::to_value(frame).expect("every frame has a JSON form");
        let before = value.clone();
        json::drop_wide(&mut value);
        assert_eq!(value, before);
    }
}
