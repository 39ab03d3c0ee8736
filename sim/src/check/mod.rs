//! Every schedule within bounds, not a random one: depth first over the same worlds that scripts
//! and the fuzzer play, with clocks frozen, each state visited once.
//!
//! What can happen at a state is what its agenda names (a message arrives, a disk finishes, an
//! election is decided), and within the bounds a crash, a start, or a client's write. Two states
//! are one if their servers, disks, messages and the invariants' memory are equal.
//!
//! Reductions, which make it smaller than everything that can happen:
//! 1. Clocks stand still. A timer fires only if it brings its server on by itself (an election is
//!    decided, a learner calls again); nothing times out, no heartbeat is sent, no session expires.
//! 2. Connections are opened at once, and clients are as quick as that.
//! 3. A write is the creation of a session by a new client, at the server that leads.
//! 4. With [`Bounds::coarse`] an election runs to its end before anything else happens.
//!
//! Source of the method: explicit-state model checking (SPIN, TLC); coarsening the election is
//! Remix's (Ouyang and others, EuroSys 2025).

use std::collections::BTreeSet;
use std::sync::Arc;

use zablab_core::process::PortKind;
use zablab_core::trace::{Event, Role};
use zablab_core::types::{Epoch, ServerId};

use crate::client::ClientOp;
use crate::fuzz::{Failure, unexplained_end};
use crate::given::{Given, Timing};
use crate::link::Cargo;
use crate::step::{ClientId, Fault, Host, Keep, Step};
use crate::teaching::{BugSet, Teaching};
use crate::trace::{TraceEvent, What};
use crate::world::World;

/// How far a search goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Servers, all of them voters.
    pub servers: u32,
    /// Crashes of all servers together; a server that crashed may start again.
    pub crashes: u32,
    /// The greatest epoch; what leads to a greater one is not followed.
    pub epochs: u32,
    /// Writes that clients ask for.
    pub writes: u32,
    /// Whether an election runs to its end before anything else happens.
    pub coarse: bool,
    /// States after which the search stops.
    pub states: u64,
    /// Which bugs are in the servers.
    pub bugs: BugSet,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            servers: 3,
            crashes: 1,
            epochs: 2,
            writes: 2,
            coarse: true,
            states: u64::MAX,
            bugs: BugSet::default(),
        }
    }
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Distinct states.
    pub states: u64,
    /// Transitions between them.
    pub transitions: u64,
    /// Transitions that led to a state which was known already.
    pub known: u64,
    /// Transitions to an epoch beyond the bound.
    pub cut: u64,
    /// The longest schedule.
    pub depth: usize,
    /// States in which nothing can happen any more.
    pub ends: u64,
    /// True if there was nothing left to visit.
    pub whole: bool,
    /// What went wrong first, and the schedule that leads to it.
    pub failure: Option<(Failure, Vec<Step>)>,
}

/// The world in which a search begins.
pub fn start(bounds: &Bounds) -> World {
    let mut given = Given::of_voters(bounds.servers, 1);
    given.timing = Timing { delay_us: 0, sync_us: 0, ..Timing::default() };
    for server in given.servers.values_mut() {
        server.up = false;
    }
    let mut world = World::new(Arc::new(given), Teaching { bugs: bounds.bugs })
        .expect("empty disks are disks that a server may have left");
    world.freeze();
    world
}

/// One state on the way that is being searched.
struct State {
    world: World,
    crashes: u32,
    writes: u32,
    /// What is still to be tried here.
    choices: Vec<Step>,
    /// The length of the schedule that led here.
    taken: usize,
}

/// Searches until there is nothing left, something breaks, or there were too many states;
/// `progress` hears of every 65,536th state.
pub fn search(bounds: &Bounds, mut progress: impl FnMut(&Search)) -> Search {
    let mut search = Search::default();
    let mut seen = BTreeSet::new();
    let mut taken: Vec<Step> = Vec::new();
    let mut path = Vec::new();
    let first = State {
        world: start(bounds),
        crashes: bounds.crashes,
        writes: bounds.writes,
        choices: Vec::new(),
        taken: 0,
    };
    let starts = first.world.nodes().map(|(server, _)| Step::Fault(Fault::Start { server }));
    let starts: Vec<Step> = starts.collect();
    let mut walker = Walker { bounds, search: &mut search, seen: &mut seen, taken: &mut taken };
    match walker.go(&first, &starts) {
        Ok(next) => path.extend(next),
        Err(failure) => walker.search.failure = Some((failure, walker.taken.clone())),
    }
    while walker.search.failure.is_none() && walker.search.states < bounds.states {
        let Some(state) = path.last_mut() else {
            walker.search.whole = true;
            break;
        };
        walker.taken.truncate(state.taken);
        let Some(step) = state.choices.pop() else {
            path.pop();
            continue;
        };
        let before = walker.search.states;
        match walker.go(state, &[step]) {
            Ok(next) => path.extend(next),
            Err(failure) => walker.search.failure = Some((failure, walker.taken.clone())),
        }
        walker.search.depth = walker.search.depth.max(walker.taken.len());
        if walker.search.states != before && walker.search.states.is_multiple_of(1 << 16) {
            progress(walker.search);
        }
    }
    search
}

struct Walker<'a> {
    bounds: &'a Bounds,
    search: &'a mut Search,
    seen: &'a mut BTreeSet<u64>,
    taken: &'a mut Vec<Step>,
}

impl Walker<'_> {
    /// Takes steps from a state, and what follows of itself. The state that it leads to, if it is
    /// a new one.
    fn go(&mut self, from: &State, steps: &[Step]) -> Result<Option<State>, Failure> {
        self.search.transitions += 1;
        let (mut crashes, mut writes) = (from.crashes, from.writes);
        let mut world = from.world.clone();
        for step in steps {
            match step {
                Step::Fault(Fault::Crash { .. }) => crashes -= 1,
                Step::Act { .. } => writes -= 1,
                _ => {}
            }
            if self.take(&mut world, step)? {
                return Ok(None);
            }
        }
        while let Some(step) = self.at_once(&world) {
            if self.take(&mut world, &step)? {
                return Ok(None);
            }
        }
        let budget = u64::from(crashes) << 32 | u64::from(writes);
        let state = world.frozen_fingerprint() ^ budget.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if !self.seen.insert(state) {
            self.search.known += 1;
            return Ok(None);
        }
        self.search.states += 1;
        let choices = choices(&world, crashes, writes);
        self.search.ends += u64::from(choices.is_empty());
        Ok(Some(State { world, crashes, writes, choices, taken: self.taken.len() }))
    }

    /// True if the step led beyond the bounds.
    fn take(&mut self, world: &mut World, step: &Step) -> Result<bool, Failure> {
        let events = world.apply_frozen(step);
        self.taken.push(step.clone());
        if let Some(violation) = world.violations().first() {
            return Err(Failure::Broken(violation.clone()));
        }
        if let Some(failure) = unexplained_end(world, &events) {
            return Err(failure);
        }
        let beyond = events.iter().any(|event| self.is_beyond(event));
        self.search.cut += u64::from(beyond);
        Ok(beyond)
    }

    fn is_beyond(&self, event: &TraceEvent) -> bool {
        let most = Epoch(self.bounds.epochs);
        matches!(&event.what, What::Core(Event::EpochProposed { epoch }) if *epoch > most)
    }

    /// A step that is not worth a choice, see the reductions.
    fn at_once(&self, world: &World) -> Option<Step> {
        let quick = world.agenda().iter().map(|entry| entry.step()).find(|step| match step {
            Step::Deliver { lane, .. } => {
                let Some(link) = world.net().link(lane.link) else { return false };
                let client = matches!(link.opener.host, Host::Client(_));
                let cargo = link.in_flight(lane.to).next().map(|item| &item.cargo);
                let opens = matches!(cargo, Some(Cargo::Knock | Cargo::Welcome));
                client || opens || self.bounds.coarse && link.port == PortKind::Election
            }
            Step::Tick { host: Host::Server(sid) } => redials(world, *sid),
            _ => false,
        });
        let decides = || {
            let mut up = world.nodes().map(|(sid, _)| sid);
            let sid = up.find(|sid| decides(world, *sid)).filter(|_| self.bounds.coarse)?;
            Some(Step::Tick { host: Host::Server(sid) })
        };
        quick.or_else(decides)
    }
}

/// What can happen at a state.
fn choices(world: &World, crashes: u32, writes: u32) -> Vec<Step> {
    let mut choices = Vec::new();
    for (server, node) in world.nodes() {
        if !node.is_up() {
            choices.push(Step::Fault(Fault::Start { server }));
        } else if crashes > 0 {
            let reached = (1..=node.disk().under_way() as u32)
                .map(|reached| Keep { reached, ..Keep::NOTHING });
            let keeps = [Keep::NOTHING, Keep::ALL].into_iter().chain(reached);
            choices.extend(keeps.map(|keep| Step::Fault(Fault::Crash { server, keep })));
        }
    }
    let client = ClientId(1 + world.clients().count() as u32);
    for (server, node) in world.nodes().filter(|_| writes > 0) {
        let process = node.process();
        if process.is_some_and(|process| process.is_serving() && process.role() == Role::Leading) {
            let op =
                ClientOp::Connect { servers: vec![server], timeout_ms: 10_000, read_only: false };
            choices.push(Step::Act { client, op: Arc::new(op) });
        }
    }
    choices.extend(world.agenda().iter().map(|entry| entry.step()).filter(|step| match step {
        Step::Deliver { .. } | Step::CompleteIo { .. } => true,
        Step::Tick { host: Host::Server(sid) } => decides(world, *sid),
        _ => false,
    }));
    choices
}

/// True if a server waits only for a better vote.
fn decides(world: &World, sid: ServerId) -> bool {
    let process = world.node(sid).and_then(|node| node.process());
    process.is_some_and(|process| process.role() == Role::Looking && process.goes_on_by_timer())
}

/// True if a learner waits to call its leader again, and that one listens by now.
fn redials(world: &World, sid: ServerId) -> bool {
    let process = world.node(sid).and_then(|node| node.process());
    let Some(process) = process.filter(|process| process.goes_on_by_timer()) else { return false };
    let leader = process.leader().and_then(|leader| world.node(leader));
    let running = leader.and_then(|leader| leader.running.as_ref());
    running.is_some_and(|running| running.listening.contains(&PortKind::Quorum))
}
