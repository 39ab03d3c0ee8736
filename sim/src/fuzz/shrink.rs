//! Makes a schedule that fails shorter: fewer steps, fewer hosts, a plainer start.
//!
//! Delta debugging (Zeller and Hildebrandt, 2002) over the steps: pieces are left out, in growing
//! fineness, as long as the same invariant is the first to break. Between recording and replay a
//! step names a message by its way and not by its connection's number, so that it keeps its
//! meaning when a connection before it never came to be; what is not possible is left out.
//! What shows only when all is mended (E5, E6, stuck, lost) is looked for in a healing phase of its
//! own behind each shorter schedule.

use zablab_core::process::PortKind;
use zablab_core::sorted::SortedSet;

use super::coverage::{Coverage, unexplained_end};
use super::healing::Healing;
use super::schedule::{Schedule, failure_of};
use super::{Failure, Play, Report};
use crate::link::Link;
use crate::script::ast::Given;
use crate::step::{Fault, Host, LaneId, LinkId, Side, Step};
use crate::world::World;

/// Replays of one shrinking.
const REPLAYS_MAX: u64 = 20_000;
/// Steps of all its replays together: some seconds.
const STEPS_MAX: u64 = 2_000_000;
/// The same where each replay has a healing phase, which is the longer part of it.
const HEALED_STEPS_MAX: u64 = 20_000_000;
/// Copies of the world along the schedule, from which replays begin.
const COPIES: usize = 32;

/// A failure that was made shorter.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The shortest schedule found that fails in the same way, by the name of what fails.
    pub schedule: Schedule,
    /// How it fails.
    pub failure: Failure,
    /// How many of its steps, the last ones, are the healing phase without which nothing shows.
    pub healing: usize,
}

/// Makes the schedule of a run that failed shorter; `None` if it did not fail.
pub fn shrink(report: &Report) -> Option<Shrunk> {
    let failure = report.failure.clone()?;
    let Some(mut shrinker) = Shrinker::new(report, &failure) else {
        return Some(Shrunk { schedule: report.schedule.clone(), failure, healing: 0 });
    };
    shrinker.leave_out_hosts();
    shrinker.leave_out_kinds();
    let mut size = shrinker.deeds.len() / 2;
    while size > 1 {
        shrinker.leave_out_pieces(size);
        size /= 2;
    }
    shrinker.simplify_start();
    while shrinker.leave_out_pieces(1) {
        shrinker.leave_out_hosts();
    }
    shrinker.simplify_start();
    let (given, mut steps) = (shrinker.given, shrinker.steps);
    let healing = shrinker.mended.len();
    steps.extend(shrinker.mended);
    Some(Shrunk { schedule: Schedule { given, steps }, failure: shrinker.failure, healing })
}

/// A step, by what it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Deed {
    /// It names no message and no connection.
    Plain(Step),
    /// Something happens to a connection.
    OnWay(Way, OnWay),
}

/// One direction between two hosts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Way {
    opener: Host,
    acceptor: Host,
    port: PortKind,
    datagrams: bool,
    to: Side,
    /// How many later connections of this kind there are.
    older: usize,
}

/// What happens on a way; a place counts the messages under way, the first is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum OnWay {
    Deliver { place: usize },
    GiveUp,
    Lose { place: usize },
    Hold { place: usize },
    Duplicate { place: usize },
    Release,
    Reset,
}

impl Way {
    /// The way of a lane, as things are now.
    fn of(world: &World, lane: LaneId) -> Option<Way> {
        let link = world.net().link(lane.link)?;
        let mut way = Way {
            opener: link.opener.host,
            acceptor: link.acceptor.host,
            port: link.port,
            datagrams: link.datagrams,
            to: lane.to,
            older: 0,
        };
        let later = world.net().links().filter(|(id, link)| *id > lane.link && way.is_of(link));
        let older = later.count();
        way.older = older;
        Some(way)
    }

    fn is_of(&self, link: &Link) -> bool {
        (link.opener.host, link.acceptor.host, link.port, link.datagrams)
            == (self.opener, self.acceptor, self.port, self.datagrams)
    }

    /// The connection that is meant now: this one, or else the oldest there is.
    fn link<'w>(&self, world: &'w World) -> Option<(LinkId, &'w Link)> {
        let own = || world.net().links().filter(|(_, link)| self.is_of(link));
        let last = own().count().checked_sub(1)?;
        own().nth(last.saturating_sub(self.older))
    }

    fn touches(&self, host: Host) -> bool {
        self.opener == host || self.acceptor == host
    }
}

impl Deed {
    /// A step as things are before it.
    fn of(world: &World, step: &Step) -> Deed {
        let on = |lane: LaneId, what: OnWay| Some(Deed::OnWay(Way::of(world, lane)?, what));
        let place = |lane: LaneId, seq: u64| {
            let items = world.net().link(lane.link)?.in_flight(lane.to);
            items.into_iter().position(|item| item.seq == seq)
        };
        let deed = match *step {
            Step::Deliver { lane, seq } => {
                place(lane, seq).and_then(|place| on(lane, OnWay::Deliver { place }))
            }
            Step::GiveUp { lane } => on(lane, OnWay::GiveUp),
            Step::Fault(Fault::Lose { lane, seq }) => {
                place(lane, seq).and_then(|place| on(lane, OnWay::Lose { place }))
            }
            Step::Fault(Fault::Hold { lane, seq }) => {
                place(lane, seq).and_then(|place| on(lane, OnWay::Hold { place }))
            }
            Step::Fault(Fault::Duplicate { lane, seq }) => {
                place(lane, seq).and_then(|place| on(lane, OnWay::Duplicate { place }))
            }
            Step::Fault(Fault::Release { lane }) => on(lane, OnWay::Release),
            Step::Fault(Fault::Reset { link }) => {
                on(LaneId { link, to: Side::Acceptor }, OnWay::Reset)
            }
            _ => None,
        };
        deed.unwrap_or_else(|| Deed::Plain(step.clone()))
    }

    /// The step that it is now, if it is possible.
    fn step(&self, world: &World) -> Option<Step> {
        let (way, what) = match self {
            Deed::Plain(step) => return world.can(step).then(|| step.clone()),
            Deed::OnWay(way, what) => (way, what),
        };
        let (id, link) = way.link(world)?;
        let lane = LaneId { link: id, to: way.to };
        let seq = |place: usize| {
            let mut items = link.in_flight(way.to);
            items.nth(place).map(|item| item.seq)
        };
        let step = match *what {
            OnWay::Deliver { place } => Step::Deliver { lane, seq: seq(place)? },
            OnWay::GiveUp => Step::GiveUp { lane },
            OnWay::Lose { place } => Step::Fault(Fault::Lose { lane, seq: seq(place)? }),
            OnWay::Hold { place } => Step::Fault(Fault::Hold { lane, seq: seq(place)? }),
            OnWay::Duplicate { place } => Step::Fault(Fault::Duplicate { lane, seq: seq(place)? }),
            OnWay::Release => Step::Fault(Fault::Release { lane }),
            OnWay::Reset => Step::Fault(Fault::Reset { link: id }),
        };
        world.can(&step).then_some(step)
    }

    /// Whether this host does it or has it done to it.
    fn touches(&self, host: Host) -> bool {
        match self {
            Deed::OnWay(way, _) => way.touches(host),
            Deed::Plain(step) => match step {
                Step::Tick { host: whose } => *whose == host,
                Step::CompleteIo { server } | Step::CompleteSnapshot { server } => {
                    host == Host::Server(*server)
                }
                Step::Act { client, .. } => host == Host::Client(*client),
                Step::Fault(Fault::Cut { a, b }) => *a == host || *b == host,
                Step::Fault(
                    Fault::Crash { server, .. }
                    | Fault::Start { server }
                    | Fault::SlowDisk { server, .. }
                    | Fault::FailDisk { server },
                ) => host == Host::Server(*server),
                _ => false,
            },
        }
    }
}

struct Shrinker {
    given: Vec<Given>,
    deeds: Vec<Deed>,
    /// The same as steps.
    steps: Vec<Step>,
    /// Copies of the world after so many of the steps, the first one at the start.
    copies: Vec<(usize, World)>,
    /// The healing phase that shows what fails, if it needs one, and its steps.
    healing: Option<Healing>,
    mended: Vec<Step>,
    /// How many steps there are, healing included.
    whole: usize,
    /// What fails: its name stays the same.
    failure: Failure,
    replays: u64,
    played: u64,
}

impl Shrinker {
    /// `None` if it does not fail again.
    fn new(report: &Report, failure: &Failure) -> Option<Shrinker> {
        let schedule = &report.schedule;
        let needs_healing = match failure {
            Failure::Broken(violation) => violation.invariant.is_about_time(),
            Failure::Gone { .. } => false,
            Failure::Stuck { .. } | Failure::Lost { .. } => true,
        };
        let healing = report.healing.clone().filter(|_| needs_healing);
        let from = healing.as_ref().map_or(schedule.steps.len(), |healing| healing.from);
        let mut shrinker = Shrinker {
            given: schedule.given.clone(),
            deeds: Vec::new(),
            steps: Vec::new(),
            copies: Vec::new(),
            healing,
            mended: Vec::new(),
            whole: schedule.steps.len(),
            failure: failure.clone(),
            replays: 0,
            played: 0,
        };
        let mut world = schedule.world();
        for step in &schedule.steps[..from] {
            shrinker.deeds.push(Deed::of(&world, step));
            world.apply(step);
        }
        let (given, deeds) = (schedule.given.clone(), shrinker.deeds.clone());
        shrinker.attempt_start(given, deeds).then_some(shrinker)
    }

    fn is_spent(&self) -> bool {
        let most = if self.healing.is_some() { HEALED_STEPS_MAX } else { STEPS_MAX };
        self.replays >= REPLAYS_MAX || self.played >= most
    }

    /// Plays these deeds from this start. If the same fails, what was possible of them up to there
    /// is the schedule from now on.
    fn attempt_start(&mut self, given: Vec<Given>, deeds: Vec<Deed>) -> bool {
        let world = Schedule { given: given.clone(), steps: Vec::new() }.world();
        let copies = vec![(0, world)];
        let before = std::mem::replace(&mut self.copies, copies);
        let same = self.attempt(&deeds, 0);
        match same {
            true => self.given = given,
            false => self.copies = before,
        }
        same
    }

    /// The same from the present start. So many of the first deeds are those of the schedule.
    fn attempt(&mut self, deeds: &[Deed], common: usize) -> bool {
        if self.is_spent() {
            return false;
        }
        self.replays += 1;
        let mut usable = self.copies.iter().filter(|(position, _)| *position <= common);
        let Some((begin, world)) = usable.next_back() else { return false };
        let (begin, mut world) = (*begin, world.clone());
        let mut taken = deeds[..begin].to_vec();
        let mut steps = self.steps[..begin].to_vec();
        let mut found = None;
        for deed in &deeds[begin..] {
            let Some(step) = deed.step(&world) else { continue };
            let events = world.apply(&step);
            self.played += 1;
            taken.push(deed.clone());
            steps.push(step);
            found = failure_of(&world).or_else(|| unexplained_end(&world, &events));
            if found.is_some() {
                break;
            }
        }
        let mut mended = Vec::new();
        let found = match (found, &self.healing) {
            (Some(found), _) => Some(found),
            (None, None) => world.end().first().cloned().map(Failure::Broken),
            (None, Some(healing)) => {
                let coverage = Coverage::of_run(world.given());
                let mut play = Play { world, steps: Vec::new(), coverage };
                // Some bugs keep servers so busy that a healing has millions of steps.
                let failure = healing.play(&mut play, self.whole.saturating_sub(steps.len())).err();
                mended = play.steps;
                self.played += mended.len() as u64;
                failure
            }
        };
        let Some(found) = found.filter(|found| found.name() == self.failure.name()) else {
            return false;
        };
        self.whole = steps.len() + mended.len();
        (self.deeds, self.steps, self.mended, self.failure) = (taken, steps, mended, found);
        self.copies.retain(|(position, _)| *position <= common);
        true
    }

    /// Copies the world at some places of the schedule.
    fn make_copies(&mut self) {
        self.copies.truncate(1);
        let Some((_, world)) = self.copies.first() else { return };
        let mut world = world.clone();
        let every = (self.steps.len() / COPIES).max(1);
        for (position, step) in (1..).zip(&self.steps) {
            world.apply(step);
            self.played += 1;
            if position % every == 0 {
                self.copies.push((position, world.clone()));
            }
        }
    }

    /// Leaves out pieces of this size, from the end on: what depends on a step comes after it.
    /// True if that helped.
    fn leave_out_pieces(&mut self, size: usize) -> bool {
        self.make_copies();
        let mut helped = false;
        let mut end = self.deeds.len();
        while end > 0 && !self.is_spent() {
            let begin = end.saturating_sub(size);
            let mut deeds = self.deeds.clone();
            deeds.drain(begin..end);
            if self.attempt(&deeds, begin) {
                helped = true;
            }
            end = begin.min(self.deeds.len());
        }
        helped
    }

    /// Leaves out all that clients do, then each client, then each server.
    fn leave_out_hosts(&mut self) {
        let mut hosts = SortedSet::new();
        for deed in &self.deeds {
            match deed {
                Deed::OnWay(way, _) => hosts.extend([way.opener, way.acceptor]),
                Deed::Plain(Step::Act { client, .. }) => _ = hosts.insert(Host::Client(*client)),
                Deed::Plain(_) => {}
            }
        }
        let start = self.copies.first().map(|(_, world)| world);
        let servers = start.into_iter().flat_map(World::nodes);
        hosts.extend(servers.map(|(sid, _)| Host::Server(sid)));
        let clients: Vec<Host> =
            hosts.iter().filter(|host| matches!(host, Host::Client(_))).copied().collect();
        let groups = [clients].into_iter().chain(hosts.into_iter().map(|host| vec![host]));
        for group in groups {
            let stays = |deed: &&Deed| !group.iter().any(|host| deed.touches(*host));
            let deeds: Vec<Deed> = self.deeds.iter().filter(stays).cloned().collect();
            if deeds.len() < self.deeds.len() {
                self.attempt(&deeds, 0);
            }
        }
    }

    /// Leaves out each kind of fault, and then each kind of what happens by itself.
    fn leave_out_kinds(&mut self) {
        let kinds: SortedSet<String> = self.deeds.iter().map(kind).collect();
        for name in kinds {
            let deeds: Vec<Deed> =
                self.deeds.iter().filter(|deed| kind(deed) != name).cloned().collect();
            self.attempt(&deeds, 0);
        }
    }

    /// Leaves out lines of the start.
    fn simplify_start(&mut self) {
        let mut place = 0;
        while place < self.given.len() {
            let needed = matches!(
                self.given[place],
                Given::Servers(_) | Given::Clients(_) | Given::Seed(_) | Given::Bug(_)
            );
            let mut given = self.given.clone();
            given.remove(place);
            if needed || !self.attempt_start(given, self.deeds.clone()) {
                place += 1;
            }
        }
    }
}

/// What kind of step it is, as the sources name it.
fn kind(deed: &Deed) -> String {
    let text = match deed {
        Deed::OnWay(_, what) => format!("{what:?}"),
        Deed::Plain(Step::Fault(fault)) => format!("{fault:?}"),
        Deed::Plain(step) => format!("{step:?}"),
    };
    text.split(' ').next().unwrap_or_default().to_owned()
}
