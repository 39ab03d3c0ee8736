//! The world with frozen clocks, for exhaustive search: time does not pass, so two schedules that
//! lead to the same servers, disks and messages lead to the same state.
//!
//! A server's own clock moves only when one of its timers fires, and exactly that far.

use std::hash::{Hash, Hasher};

use zablab_core::process::Process;
use zablab_core::types::Mono;

use super::World;
use crate::fingerprint::Fnv;
use crate::step::{Host, Step};
use crate::trace::TraceEvent;

/// Where the world's clock stands: late enough that no server's clock reaches back to its start.
const FROZEN_AT: Mono = Mono(1 << 50);

impl World {
    /// Stops the world's clock. Before any server has started.
    pub(crate) fn freeze(&mut self) {
        self.now = FROZEN_AT;
    }

    /// Takes a step without letting time pass. The timer of a server fires at once, and its clock
    /// reads the time that the timer was set to.
    pub(crate) fn apply_frozen(&mut self, step: &Step) -> Vec<TraceEvent> {
        if let Step::Tick { host: Host::Server(sid) } = step
            && let Some(node) = self.nodes.get_mut(sid)
            && let Some(timer) = node.timer
        {
            node.clock.skip(timer.due.0.saturating_sub(self.now.0));
            self.touch(Host::Server(*sid));
            self.settle();
        }
        let events = self.apply(step);
        debug_assert_eq!(self.now, FROZEN_AT, "nothing takes time");
        events
    }

    /// Feeds what decides the future of a frozen world to a hasher, whatever it was that led to it:
    /// no time of the world, no number that counts steps, messages or connections of all servers
    /// together; and what the invariants remember of the past.
    pub(crate) fn frozen_fingerprint(&self) -> u64 {
        let mut hasher = Fnv::default();
        for (sid, node) in &self.nodes {
            (sid, &node.disk, node.is_up()).hash(&mut hasher);
            if let Some(running) = &node.running {
                running.process.fingerprint(&mut hasher);
                (&running.io, &running.listening, running.accepted).hash(&mut hasher);
                node.clock.read(self.now).mono.hash(&mut hasher);
            }
        }
        for (id, client) in &self.clients {
            (id, client.state()).hash(&mut hasher);
        }
        self.net.hash_cargo(&mut hasher);
        self.checker.hash(&mut hasher);
        hasher.finish()
    }
}
