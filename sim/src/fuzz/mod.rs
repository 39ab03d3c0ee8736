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
mod load;
mod schedule;
mod shrink;
mod swarm;

use std::fmt;

use zablab_core::prng::Prng;
use zablab_core::trace::Role;
use zablab_core::types::{Epoch, ServerId};

pub(crate) use coverage::unexplained_end;
pub use coverage::{Coverage, Faults, Kind, NoSuchFault};
pub use schedule::{Schedule, Unsayable};
pub use shrink::shrink;

use crate::chooser::{Chooser, Fifo, Random};
use crate::invariants::Violation;
use crate::script::ast::Given;
use crate::step::{Fault, Keep, Step};
use crate::teaching::BugSet;
use crate::world::World;
use load::Load;
use swarm::Swarm;

/// Steps of the healing phase between two looks at whether all is well.
const LOOK_EVERY: u64 = 64;
/// How often a leader is restarted for the sake of a stranded server; each time raises the epoch.
const FREED_MAX: u32 = 20;
/// How much longer a healing may take than the invariants E5 and E6 allow, in percent: they are
/// to speak first, as what they say can be made shorter.
const PATIENCE_PERCENT: u64 = 120;

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
    let mut run = Run::new(&plan);
    let failure = run.window().and_then(|()| run.healing()).err();
    Report { plan, schedule: run.schedule, coverage: run.coverage, failure }
}

struct Run {
    world: World,
    prng: Prng,
    chooser: Random,
    swarm: Swarm,
    load: Load,
    coverage: Coverage,
    schedule: Schedule,
    /// True from the moment at which one client of each server tries to write.
    writes_last: bool,
}

impl Run {
    fn new(plan: &Plan) -> Run {
        let mut prng = Prng::new(plan.seed);
        let swarm = Swarm::draw(&mut prng, plan);
        let load = Load::draw(&mut prng, plan);
        let mut given = swarm.given(&mut prng, plan);
        given.push(Given::Clients(load.names()));
        let schedule = Schedule { given, steps: Vec::new() };
        let chooser = Random::new(prng.next_u64());
        let world = schedule.world();
        let coverage = Coverage::of_run(world.given());
        Run { world, prng, chooser, swarm, load, coverage, schedule, writes_last: false }
    }

    /// Load and faults.
    fn window(&mut self) -> Result<(), Failure> {
        let servers: Vec<ServerId> = self.world.nodes().map(|(sid, _)| sid).collect();
        for server in self.swarm.starters(&mut self.prng, &servers) {
            self.take(Step::Fault(Fault::Start { server }))?;
        }
        for step in self.load.connect_all(&mut self.prng, &self.world) {
            self.take(step)?;
        }
        while self.world.steps() < self.swarm.window_steps {
            let fault = self.swarm.next_fault(&mut self.prng, &self.world);
            let step = match fault.map(Step::Fault) {
                Some(fault) => Some(fault),
                None => match self.load.next_act(&mut self.prng, &self.world) {
                    Some(act) => Some(act),
                    None => self.chooser.choose(self.world.agenda()),
                },
            };
            // Nothing can happen when all are down; the next draw may start one.
            if let Some(step) = step {
                self.take(step)?;
            }
        }
        Ok(())
    }

    /// Everything is mended, and the ensemble must come back.
    fn healing(&mut self) -> Result<(), Failure> {
        self.take(Step::Fault(Fault::HealAll))?;
        for host in swarm::sleepers(&self.world).collect::<Vec<_>>() {
            self.take(Step::Fault(Fault::Resume { host }))?;
        }
        let sync_us = self.world.given().timing.sync_us;
        let servers: Vec<ServerId> = self.world.nodes().map(|(sid, _)| sid).collect();
        for server in servers {
            self.take(Step::Fault(Fault::SlowDisk { server, sync_us }))?;
            self.take(Step::Fault(Fault::FreeDisk { server }))?;
        }
        let mut comes_back = self.until("a leader that all follow", |run| is_healed(&run.world))?;
        self.writes_last = true;
        let answer = "an answer to the last writes";
        comes_back = comes_back && self.until(answer, |run| run.load.is_answered(&run.world))?;
        let same = "the same state everywhere";
        if !comes_back || !self.until(same, |run| is_healed(&run.world))? {
            return Ok(());
        }
        if let Some(violation) = self.world.end().first() {
            return Err(Failure::Broken(violation.clone()));
        }
        load::check_readable(&self.world)
    }

    /// Starts what is down: at the beginning of the healing all that had crashed, later a server
    /// that stopped because its disk had still to fail once.
    fn start_all(&mut self) -> Result<(), Failure> {
        for server in swarm::startable(&self.world).collect::<Vec<_>>() {
            // Only disks that nobody else relies on are ever damaged.
            if swarm::observers(&self.world).any(|sid| sid == server)
                && !self.world.checker().vouches_for(server)
            {
                self.take(Step::Fault(Fault::WipeDisk { server }))?;
            }
            self.take(Step::Fault(Fault::Start { server }))?;
        }
        Ok(())
    }

    /// Restarts the leader if its epoch is older than what another server has promised.
    ///
    /// Such a server can follow nobody until an election includes it or has raised the epoch: that
    /// is how the protocol is (ZAB gives no liveness to a server that promised on its own), and
    /// what an operator would do. True if it was so.
    fn free_stranded(&mut self) -> Result<bool, Failure> {
        let views = self.world.nodes().filter_map(|(sid, _)| Some((sid, self.world.view(sid)?)));
        let (mut leader, mut promised) = (None, Epoch(0));
        for (sid, view) in views {
            if view.serving && view.role == Role::Leading {
                leader = Some((sid, view.epochs.current));
            } else if !view.serving {
                promised = promised.max(view.epochs.accepted);
            }
        }
        let Some((server, _)) = leader.filter(|(_, epoch)| *epoch < promised) else {
            return Ok(false);
        };
        self.take(Step::Fault(Fault::Crash { server, keep: Keep::ALL }))?;
        Ok(true)
    }

    /// Who was taken out and crashed starts no more, also if it was to join again and is needed: an
    /// operator has to write its configuration anew.
    fn is_beyond_repair(&self) -> bool {
        let up = self.world.nodes().filter(|(_, node)| node.is_up());
        let up: Vec<ServerId> = up.map(|(sid, _)| sid).collect();
        self.world.given().timing.reconfig && !self.world.checker().can_lead(&up)
    }

    /// Plays on until something is so; `false` if it cannot be.
    fn until(&mut self, missing: &str, is_so: impl Fn(&Run) -> bool) -> Result<bool, Failure> {
        let waited_ms = self.world.given().timing.limits().calm_ms() * PATIENCE_PERCENT / 100;
        let mut end = self.world.now().plus_ms(waited_ms);
        let (mut looked, mut freed, mut restarted) = (0, 0, 0);
        while looked != 0 || !is_so(self) {
            // Who stopped because its disk had still to fail once is not to be waited for.
            if restarted < FREED_MAX && swarm::startable(&self.world).next().is_some() {
                restarted += 1;
                end = self.world.now().plus_ms(waited_ms);
                self.start_all()?;
            }
            if looked == 0 {
                self.start_all()?;
                if freed < FREED_MAX && self.free_stranded()? {
                    freed += 1;
                    end = self.world.now().plus_ms(waited_ms);
                }
                if self.writes_last {
                    for step in self.load.last_writes(&self.world) {
                        self.take(step)?;
                    }
                }
            }
            looked = (looked + 1) % LOOK_EVERY;
            let next = Fifo.choose(self.world.agenda());
            let Some(step) = next.filter(|_| self.world.now() < end) else {
                if self.is_beyond_repair() {
                    return Ok(false);
                }
                let missing = format!("{missing}; {}", states(&self.world));
                return Err(Failure::Stuck { waited_ms, missing });
            };
            self.take(step)?;
        }
        Ok(true)
    }

    fn take(&mut self, step: Step) -> Result<(), Failure> {
        let events = self.world.apply(&step);
        self.schedule.steps.push(step);
        self.coverage.count(&events);
        schedule::failure_of(&self.world)
            .or_else(|| coverage::unexplained_end(&self.world, &events))
            .map_or(Ok(()), Err)
    }
}

/// What every server is doing, in words.
fn states(world: &World) -> String {
    let state = |(sid, _)| match world.view(sid) {
        None => format!("{sid} is down"),
        Some(view) => format!(
            "{sid} is {:?} in {:?} of {:?}, serving {}, applied {:?}, logged {:?}, digest {:x}",
            view.role,
            view.phase,
            view.leader,
            view.serving,
            view.last_applied,
            view.last_logged,
            view.digest
        ),
    };
    world.nodes().map(state).collect::<Vec<_>>().join("; ")
}

/// True if there is one leader, every server serves, and all have the same state.
fn is_healed(world: &World) -> bool {
    let mut states = swarm::members(world).map(|(sid, node)| {
        let process = node.process()?;
        let view = world.view(sid)?;
        view.serving.then(|| (view.last_applied, view.leader, process.database()))
    });
    let Some(Some((zxid, leader, state))) = states.next() else { return false };
    states.all(|other| {
        other.is_some_and(|(other_zxid, other_leader, other_state)| {
            (other_zxid, other_leader) == (zxid, leader) && other_state == state
        })
    })
}
