//! Paxos processes in a world: what reaches them, what they want done, and their disks.

use std::sync::Arc;

use zablab_core::paxos::{Ask, Effect, Input, Paxos};
use zablab_core::process::{Out, Process};
use zablab_core::types::ServerId;

use super::World;
use super::servers::seed_of;
use crate::paxos::{RecordIo, RunningPaxos};
use crate::step::Host;
use crate::trace::What;

impl World {
    /// Whether this is a Paxos process, up or down.
    pub(super) fn is_paxos(&self, sid: ServerId) -> bool {
        self.given.servers.get(&sid).is_some_and(|server| server.paxos.is_some())
    }

    pub(super) fn start_paxos(&mut self, sid: ServerId) {
        let host = Host::Server(sid);
        let Some(config) = self.given.paxos_config(sid) else { return };
        let Some(node) = self.nodes.get_mut(&sid).filter(|node| !node.is_up()) else { return };
        let state = match RecordIo::read(&node.disk) {
            Ok(state) => state,
            Err(why) => {
                let why = why.to_string();
                self.record(Some(host), What::StartRefused { why });
                return;
            }
        };
        node.starts += 1;
        node.clock.restart(self.now);
        self.checker.on_paxos_start(sid, &state);
        let seed = seed_of(self.given.seed, sid, node.starts);
        let process = Paxos::new(config, state, seed, self.policy);
        let (io, halted) = (RecordIo::default(), None);
        node.paxos = Some(Box::new(RunningPaxos { process, io, halted }));
        self.record(Some(host), What::Started { notes: Vec::new() });
        self.tell_paxos(sid, Input::Start);
    }

    /// Somebody asks a process for something.
    pub(super) fn ask(&mut self, sid: ServerId, ask: &Arc<Ask>) {
        let (name, asked_round, value) = match &**ask {
            Ask::Propose { value } => ("Propose", None, Some(value)),
            Ask::Prepare { round, value } => ("Prepare", *round, Some(value)),
            Ask::Accept => ("Accept", None, None),
            Ask::Read => ("Read", None, None),
        };
        let (ask_name, value) = (name.to_owned(), value.cloned());
        let what = What::PaxosAsked { ask: ask_name, asked_round, value };
        self.record(Some(Host::Server(sid)), what);
        self.tell_paxos(sid, Input::Ask(Ask::clone(ask)));
    }

    /// Gives an input to a process that is up, and does what it wants done.
    pub(super) fn tell_paxos(&mut self, sid: ServerId, input: Input) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let Some(running) = &mut node.paxos else { return };
        let mut out = Out::new(true);
        running.process.handle(node.clock.read(self.now), input, &mut out);
        for effect in &out.effects {
            if let Effect::Persist { ticket, state, .. } = effect {
                self.checker.on_paxos_issued(sid, *ticket, state);
            }
        }
        for event in out.events {
            self.checker.on_paxos_event(sid, &event);
            self.record(Some(Host::Server(sid)), What::Core(event));
        }
        for effect in out.effects {
            self.run_paxos(sid, effect);
        }
        self.touch(Host::Server(sid));
    }

    fn run_paxos(&mut self, sid: ServerId, effect: Effect) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let Some(running) = &mut node.paxos else { return };
        match effect {
            Effect::Datagram { to, bytes } => {
                self.post(sid, to, bytes);
            }
            Effect::Persist { ticket, state, sync } => running.io.persist(ticket, state, sync),
            Effect::Halt { why } => running.halted = Some(why),
        }
    }

    pub(super) fn complete_paxos_io(&mut self, sid: ServerId) {
        let host = Host::Server(sid);
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        self.agenda.replace(&mut node.io_done, None);
        let Some(running) = &mut node.paxos else { return };
        let Some((first, through)) = running.io.busy() else { return };
        let error = if std::mem::take(&mut node.sync_fails) {
            node.disk.fail();
            Some(String::from("the sync failed"))
        } else {
            running.io.finish(&mut node.disk).err().map(|full| full.to_string())
        };
        if let Some(error) = error {
            self.record(Some(host), What::DiskFailed { ticket: first });
            self.tell_paxos(sid, Input::PersistFailed { ticket: first, error });
            return;
        }
        self.checker.on_paxos_durable(sid, through);
        self.record(Some(host), What::DiskSynced { through });
        self.tell_paxos(sid, Input::Persisted { through });
    }

    /// After inputs: lets the disk begin what waits. True if the process has ended.
    pub(super) fn settle_paxos(&mut self, sid: ServerId) -> bool {
        let Some(node) = self.nodes.get_mut(&sid) else { return false };
        let Some(running) = &mut node.paxos else { return false };
        if let Some(why) = running.halted.take() {
            self.stop(sid, why);
            self.touch(Host::Server(sid));
            return true;
        }
        running.io.begin(&mut node.disk);
        false
    }
}
