//! Random schedules: one seed, one run of an ensemble under load and faults, and a verdict.
//!
//! A schedule has a window, in which faults happen, and a healing phase, in which everything is
//! mended and the ensemble must come back: one leader, every server serving, every acknowledged
//! write on every server. All invariants are checked after every step. The faults are those that
//! a correct ensemble must survive: no synced write of a running ensemble is ever destroyed.
//!
//! A schedule that fails is made shorter by [`shrink`]. Source of the method: swarm testing (Groce
//! and others, 2012), TigerBeetle's simulator.

mod coverage;
mod healing;
mod load;
mod schedule;
mod shrink;
mod swarm;

use std::fmt;

use zablab_core::prng::Prng;
use zablab_core::types::ServerId;

pub(crate) use coverage::unexplained_end;
pub use coverage::{Coverage, Faults, Kind, NoSuchFault};
pub use schedule::{Schedule, Unsayable};
pub use shrink::{Shrunk, shrink};

use crate::chooser::{Chooser, Random};
use crate::invariants::Violation;
use crate::script::ast::Given;
use crate::step::{Fault, Step};
use crate::teaching::BugSet;
use crate::world::World;
use healing::Healing;
use load::Load;
use swarm::Swarm;

/// Which schedule to run. Equal plans give equal runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// How many servers there are, observers included.
    pub servers: u32,
    /// Decides everything else.
    pub seed: u64,
    /// Which bugs are in the servers.
    pub bugs: BugSet,
    /// Which faults may happen.
    pub faults: Faults,
}

/// What came of a schedule.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which schedule.
    pub plan: Plan,
    /// How it began, and the steps that were taken, in order.
    pub schedule: Schedule,
    /// How often what happened.
    pub coverage: Coverage,
    /// What went wrong first, if anything did.
    pub failure: Option<Failure>,
    /// The healing phase, if it came to that.
    healing: Option<Healing>,
}

/// What may go wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// An invariant was broken.
    Broken(Violation),
    /// A server cannot go on, although no fault explains it.
    Gone {
        /// Which.
        server: ServerId,
        /// Why, in words.
        why: String,
    },
    /// Everything was mended, but the ensemble did not come back in time.
    Stuck {
        /// How long it was given, in simulated ms.
        waited_ms: u64,
        /// What was missing, in words.
        missing: String,
    },
    /// An acknowledged write is missing.
    Lost {
        /// Where.
        server: ServerId,
        /// What was created.
        path: String,
    },
}

impl Failure {
    /// The name of the invariant that was broken, or in a word what else is wrong.
    pub fn name(&self) -> &'static str {
        match self {
            Failure::Broken(violation) => violation.invariant.id(),
            Failure::Gone { .. } => "gone",
            Failure::Stuck { .. } => "stuck",
            Failure::Lost { .. } => "lost",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Broken(violation) => write!(f, "{violation}"),
            Failure::Gone { server, why } => write!(f, "server {server} is gone: {why}"),
            Failure::Stuck { waited_ms, missing } => {
                write!(f, "not healed after {waited_ms} ms: {missing}")
            }
            Failure::Lost { server, path } => {
                write!(f, "the acknowledged {path} is missing on server {server}")
            }
        }
    }
}

/// Runs one schedule to its end or its first failure.
pub fn run(plan: Plan) -> Report {
    let (mut run, given) = Run::new(&plan);
    let mut failure = run.window().err();
    let mut healing = None;
    if failure.is_none() {
        let begin = healing.insert(Healing { from: run.play.steps.len(), load: run.load });
        failure = begin.play(&mut run.play, usize::MAX).err();
    }
    let schedule = Schedule { given, steps: run.play.steps };
    Report { plan, schedule, coverage: run.play.coverage, failure, healing }
}

struct Run {
    play: Play,
    prng: Prng,
    chooser: Random,
    swarm: Swarm,
    load: Load,
}

/// A world, and all that has happened in it so far.
struct Play {
    world: World,
    steps: Vec<Step>,
    coverage: Coverage,
}

impl Play {
    /// Takes a step; the error is what goes wrong in it.
    fn take(&mut self, step: Step) -> Result<(), Failure> {
        let events = self.world.apply(&step);
        self.steps.push(step);
        self.coverage.count(&events);
        schedule::failure_of(&self.world)
            .or_else(|| coverage::unexplained_end(&self.world, &events))
            .map_or(Ok(()), Err)
    }
}

impl Run {
    /// A run that has not begun, and its start.
    fn new(plan: &Plan) -> (Run, Vec<Given>) {
        let mut prng = Prng::new(plan.seed);
        let swarm = Swarm::draw(&mut prng, plan);
        let load = Load::draw(&mut prng, plan);
        let mut given = swarm.given(&mut prng, plan);
        given.push(Given::Clients(load.names()));
        let chooser = Random::new(prng.next_u64());
        let world = Schedule { given: given.clone(), steps: Vec::new() }.world();
        let coverage = Coverage::of_run(world.given());
        let play = Play { world, steps: Vec::new(), coverage };
        (Run { play, prng, chooser, swarm, load }, given)
    }

    /// Load and faults.
    fn window(&mut self) -> Result<(), Failure> {
        let servers: Vec<ServerId> = self.play.world.nodes().map(|(sid, _)| sid).collect();
        for server in self.swarm.starters(&mut self.prng, &servers) {
            self.play.take(Step::Fault(Fault::Start { server }))?;
        }
        for step in self.load.connect_all(&mut self.prng, &self.play.world) {
            self.play.take(step)?;
        }
        while self.play.world.steps() < self.swarm.window_steps {
            let fault = self.swarm.next_fault(&mut self.prng, &self.play.world);
            let step = match fault.map(Step::Fault) {
                Some(fault) => Some(fault),
                None => match self.load.next_act(&mut self.prng, &self.play.world) {
                    Some(act) => Some(act),
                    None => self.chooser.choose(self.play.world.agenda()),
                },
            };
            // Nothing can happen when all are down; the next draw may start one.
            if let Some(step) = step {
                self.play.take(step)?;
            }
        }
        Ok(())
    }
}
