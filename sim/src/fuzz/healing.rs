//! The healing phase: everything is mended, and the ensemble must come back.
//!
//! It decides nothing by chance: from equal worlds and loads it takes the same steps, so whatever
//! only it can show is found again when the schedule before it has been made shorter.

use zablab_core::trace::Role;
use zablab_core::types::{Epoch, ServerId};

use super::load::{self, Load};
use super::{Failure, Play, swarm};
use crate::chooser::{Chooser, Fifo};
use crate::step::{Fault, Keep, Step};
use crate::world::World;

/// Steps between two looks at whether all is well.
const LOOK_EVERY: u64 = 64;
/// How often a leader is restarted for the sake of a stranded server; each time raises the epoch.
const FREED_MAX: u32 = 20;
/// How much longer it may take than the invariants E5 and E6 allow, in percent: they are to speak
/// first, as they know more.
const PATIENCE_PERCENT: u64 = 120;

/// The beginning of a healing phase.
#[derive(Clone, Debug)]
pub(super) struct Healing {
    /// How many steps of the schedule come before it.
    pub(super) from: usize,
    /// What clients have done, and will do.
    pub(super) load: Load,
}

impl Healing {
    /// Plays it to its end, or until there are so many steps. The error is what went wrong first.
    pub(super) fn play(&self, play: &mut Play, steps_max: usize) -> Result<(), Failure> {
        Mending { play, steps_max, load: self.load.clone(), writes_last: false }.mend()
    }
}

struct Mending<'a> {
    play: &'a mut Play,
    steps_max: usize,
    load: Load,
    /// True from the moment at which one client of each server tries to write.
    writes_last: bool,
}

impl Mending<'_> {
    fn mend(&mut self) -> Result<(), Failure> {
        self.play.take(Step::Fault(Fault::HealAll))?;
        for host in swarm::sleepers(&self.play.world).collect::<Vec<_>>() {
            self.play.take(Step::Fault(Fault::Resume { host }))?;
        }
        let sync_us = self.play.world.given().timing.sync_us;
        let servers: Vec<ServerId> = self.play.world.nodes().map(|(sid, _)| sid).collect();
        for server in servers {
            self.play.take(Step::Fault(Fault::SlowDisk { server, sync_us }))?;
            self.play.take(Step::Fault(Fault::FreeDisk { server }))?;
        }
        let mut comes_back =
            self.until("a leader that all follow", |mending| is_healed(&mending.play.world))?;
        self.writes_last = true;
        let answer = "an answer to the last writes";
        comes_back = comes_back
            && self.until(answer, |mending| mending.load.is_answered(&mending.play.world))?;
        let same = "the same state everywhere";
        if !comes_back || !self.until(same, |mending| is_healed(&mending.play.world))? {
            return Ok(());
        }
        if let Some(violation) = self.play.world.end().first() {
            return Err(Failure::Broken(violation.clone()));
        }
        load::check_readable(&self.play.world)
    }

    /// Starts what is down: at the beginning of the healing all that had crashed, later a server
    /// that stopped because its disk had still to fail once.
    fn start_all(&mut self) -> Result<(), Failure> {
        for server in swarm::startable(&self.play.world).collect::<Vec<_>>() {
            // Only disks that nobody else relies on are ever damaged.
            if swarm::observers(&self.play.world).any(|sid| sid == server)
                && !self.play.world.checker().vouches_for(server)
            {
                self.play.take(Step::Fault(Fault::WipeDisk { server }))?;
            }
            self.play.take(Step::Fault(Fault::Start { server }))?;
        }
        Ok(())
    }

    /// Restarts the leader if its epoch is older than what another server has promised.
    ///
    /// Such a server can follow nobody until an election includes it or has raised the epoch: that
    /// is how the protocol is (ZAB gives no liveness to a server that promised on its own), and
    /// what an operator would do. True if it was so.
    fn free_stranded(&mut self) -> Result<bool, Failure> {
        let views =
            self.play.world.nodes().filter_map(|(sid, _)| Some((sid, self.play.world.view(sid)?)));
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
        self.play.take(Step::Fault(Fault::Crash { server, keep: Keep::ALL }))?;
        Ok(true)
    }

    /// Who was taken out and crashed starts no more, also if it was to join again and is needed: an
    /// operator has to write its configuration anew.
    fn is_beyond_repair(&self) -> bool {
        let up = self.play.world.nodes().filter(|(_, node)| node.is_up());
        let up: Vec<ServerId> = up.map(|(sid, _)| sid).collect();
        self.play.world.given().timing.reconfig && !self.play.world.checker().can_lead(&up)
    }

    /// Plays on until something is so; `false` if it cannot be.
    fn until(&mut self, missing: &str, is_so: impl Fn(&Mending) -> bool) -> Result<bool, Failure> {
        let waited_ms = self.play.world.given().timing.limits().calm_ms() * PATIENCE_PERCENT / 100;
        let mut end = self.play.world.now().plus_ms(waited_ms);
        let (mut looked, mut freed, mut restarted) = (0, 0, 0);
        while looked != 0 || !is_so(self) {
            if self.play.steps.len() > self.steps_max {
                return Ok(false);
            }
            // Who stopped because its disk had still to fail once is not to be waited for.
            if restarted < FREED_MAX && swarm::startable(&self.play.world).next().is_some() {
                restarted += 1;
                end = self.play.world.now().plus_ms(waited_ms);
                self.start_all()?;
            }
            if looked == 0 {
                self.start_all()?;
                if freed < FREED_MAX && self.free_stranded()? {
                    freed += 1;
                    end = self.play.world.now().plus_ms(waited_ms);
                }
                if self.writes_last {
                    for step in self.load.last_writes(&self.play.world) {
                        self.play.take(step)?;
                    }
                }
            }
            looked = (looked + 1) % LOOK_EVERY;
            let next = Fifo.choose(self.play.world.agenda());
            let Some(step) = next.filter(|_| self.play.world.now() < end) else {
                if self.is_beyond_repair() {
                    return Ok(false);
                }
                let missing = format!("{missing}; {}", states(&self.play.world));
                return Err(Failure::Stuck { waited_ms, missing });
            };
            self.play.take(step)?;
        }
        Ok(true)
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
