//! Servers in a world: what reaches them, what they want done, and their disks.

use bytes::Bytes;
use zablab_core::endpoint::Endpoint;
use zablab_core::paxos;
use zablab_core::policy::Policy;
use zablab_core::process::{Effect, Input, Out, PortKind, Process};
use zablab_core::sorted::SortedSet;
use zablab_core::storage::{Write, snapshot};
use zablab_core::trace::Event;
use zablab_core::types::{Mono, ServerId};
use zablab_core::wire::quorum::PacketKind;

use super::World;
use crate::agenda::{Auto, Entry};
use crate::given::{self, Preset};
use crate::io::{self, Batch, Busy, Io, Part};
use crate::link::{Arrival, Drained};
use crate::node::{Node, Running};
use crate::step::{Host, Keep, LaneId, Stored};
use crate::trace::What;

/// How much longer than a sync a snapshot takes: it has its own file and many more bytes.
const SNAPSHOT_SYNCS: u64 = 5;

/// What reaches a server.
impl World {
    /// Somebody wants to connect to a host.
    pub(super) fn knock(&mut self, lane: LaneId, host: Host, port: PortKind, from: Host) {
        let listener = match host {
            Host::Server(sid) => self.nodes.get_mut(&sid).and_then(|node| node.running.as_mut()),
            Host::Client(_) => None,
        };
        let Some(running) = listener.filter(|running| running.listening.contains(&port)) else {
            self.net.refuse(self.now, lane.link);
            return;
        };
        let conn = running.next_conn();
        self.net.accept(self.now, lane.link, conn);
        self.record(Some(host), What::ConnectionOpened { lane, peer: from });
        if let Host::Server(sid) = host {
            let (remote, subject) = (caller_name(from, lane), None);
            self.input(sid, Input::ConnUp { conn, port, remote, subject });
        }
    }

    pub(super) fn tell_server(&mut self, sid: ServerId, arrival: Arrival) {
        match arrival {
            Arrival::Knock { .. } => {}
            Arrival::Up { conn, port, from, .. } => {
                let (remote, subject) = (callee_name(from, port), None);
                self.input(sid, Input::ConnUp { conn, port, remote, subject });
            }
            Arrival::Message { conn, parts, .. } => {
                for chunk in parts {
                    self.input(sid, Input::Bytes { conn, chunk });
                }
            }
            Arrival::Down { conn, .. } => self.input(sid, Input::ConnDown { conn }),
        }
    }

    pub(super) fn drained(&mut self, sid: ServerId, word: Drained) {
        self.input(sid, Input::Drained { conn: word.conn, through: word.through });
    }

    pub(super) fn tick_server(&mut self, sid: ServerId) {
        if self.is_paxos(sid) {
            self.tell_paxos(sid, paxos::Input::Tick);
        } else {
            self.input(sid, Input::Tick);
        }
    }

    /// Gives an input to a server that is up, and does what it wants done.
    pub(super) fn input(&mut self, sid: ServerId, input: Input) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let Some(running) = &mut node.running else { return };
        let mut out = std::mem::replace(&mut self.out, Out::new(true));
        running.process.handle(node.clock.read(self.now), input, &mut out);
        for effect in &out.effects {
            if let Effect::Persist { ticket, write } = effect {
                self.checker.on_persist_issued(sid, *ticket, write);
            }
        }
        let mut moved = false;
        for event in out.events.drain(..) {
            moved |= changes_state(&event);
            self.checker.on_event(sid, &event);
            self.record(Some(Host::Server(sid)), What::Core(event));
        }
        if moved && let Some(process) = self.nodes.get(&sid).and_then(Node::process) {
            self.checker.on_state(sid, process.database());
        }
        for effect in out.effects.drain(..) {
            self.run(sid, effect);
        }
        self.out = out;
        self.touch(Host::Server(sid));
    }

    fn run(&mut self, sid: ServerId, effect: Effect) {
        let host = Host::Server(sid);
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let Some(running) = &mut node.running else { return };
        match effect {
            Effect::Listen { port, addr: _ } => {
                running.listening.insert(port);
            }
            Effect::Unlisten { port } => {
                running.listening.remove(&port);
            }
            Effect::Connect { conn, port, addr } => {
                // An address of nobody is like a host that does not listen.
                let to = given::server_at(&addr).map_or(ServerId(-1), |(to, _)| to);
                self.net.open(self.now, host, conn, Host::Server(to), port);
            }
            Effect::Disconnect { conn } => self.net.close(self.now, host, conn),
            Effect::Send { conn, parts } => self.send(host, conn, parts),
            Effect::Datagram { to, bytes } => self.post(sid, to, bytes),
            Effect::SendSnapshot { conn, state } => {
                let parts = snapshot::encode_snap_stream(&state).collect();
                self.send(host, conn, parts);
            }
            Effect::Persist { ticket, write: Write::InstallSnapshot { state } }
                if !self.policy.snap_retires_the_log() =>
            {
                running.io.add_snapshot(ticket, *state);
            }
            Effect::Persist { ticket, write } => running.io.persist(ticket, write),
            Effect::Reload { ticket } => running.io.reload(ticket),
            Effect::ReadLog { conn, from, limit } => {
                running.io.read_log(Part { conn, from, limit });
            }
            Effect::Snapshot { state } => running.io.want_snapshot(*state),
            Effect::PauseReads { conn } => self.net.pause(host, conn, true),
            Effect::ResumeReads { conn } => self.net.pause(host, conn, false),
            // Clients that look for a server that writes ask for this word, and nobody for others.
            Effect::Command { conn, word, .. } => {
                if &word == b"isro" {
                    let answer = Bytes::from_static(running.process.view().isro().as_bytes());
                    self.send(host, conn, vec![answer]);
                }
                self.net.close(self.now, host, conn);
            }
            Effect::Halt { why } => running.halted = Some(why),
        }
    }
}

/// Disks.
impl World {
    /// A batch of writes, or a reload, is done.
    pub(super) fn complete_io(&mut self, sid: ServerId) {
        if self.is_paxos(sid) {
            return self.complete_paxos_io(sid);
        }
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        // What the disk does next takes its own time.
        self.agenda.replace(&mut node.io_done, None);
        let Some(running) = &mut node.running else { return };
        match running.io.busy() {
            None => {}
            Some(Busy::Writes { first, through, what }) => {
                let failed = if std::mem::take(&mut node.sync_fails) {
                    node.disk.fail();
                    running.io.give_up();
                    Some(String::from("the sync failed"))
                } else {
                    running.io.finish(&mut node.disk).err().map(|full| full.to_string())
                };
                let Some(error) = failed else {
                    self.checker.on_durable(sid, through);
                    self.record(Some(Host::Server(sid)), What::DiskSynced { through });
                    return self.input(sid, Input::Persisted { through });
                };
                self.record(Some(Host::Server(sid)), What::DiskFailed { ticket: first });
                if self.stops_on_failed(what) {
                    self.input(sid, Input::PersistFailed { ticket: first, error });
                } else {
                    self.checker.on_failed(sid, through);
                    self.input(sid, Input::Persisted { through });
                }
            }
            Some(Busy::Reload(ticket)) => match running.io.finish_reload(&mut node.disk) {
                Ok(recovered) => {
                    self.checker.on_reload(sid, &recovered);
                    let recovered = Box::new(recovered);
                    self.input(sid, Input::Reloaded { ticket, recovered });
                }
                Err(why) => self.refuse(sid, ticket, why.to_string()),
            },
            Some(Busy::ReadLog(part)) => {
                let records = running.io.finish_read();
                self.input(sid, Input::LogRead { conn: part.conn, records });
            }
        }
    }

    /// A background snapshot is durable.
    pub(super) fn complete_snapshot(&mut self, sid: ServerId) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        self.agenda.replace(&mut node.snapshot_done, None);
        let Some(running) = &mut node.running else { return };
        let Some((zxid, written)) = running.io.finish_snapshot(&mut node.disk) else { return };
        match written {
            Ok(()) => {
                self.record(Some(Host::Server(sid)), What::SnapshotWritten { zxid });
                self.input(sid, Input::SnapshotDone { zxid });
            }
            Err(full) => {
                let error = full.to_string();
                self.input(sid, Input::SnapshotFailed { zxid, error });
            }
        }
    }

    /// Whether a server ends when such a write failed.
    fn stops_on_failed(&self, batch: Batch) -> bool {
        match batch {
            Batch::Epochs => self.policy.stops_on_failed_epoch(),
            Batch::Records => self.policy.stops_on_failed_sync(),
            Batch::Cut => self.policy.stops_on_failed_cut(),
            Batch::Config | Batch::Installs => true,
        }
    }

    /// From now on only so many bytes more fit on a disk, or any number.
    pub(super) fn limit_disk(&mut self, sid: ServerId, room: Option<u64>) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        node.disk.limit(room);
        self.look(Host::Server(sid));
    }

    /// A byte on a disk changes.
    pub(super) fn flip_byte(&mut self, sid: ServerId, of: Stored, at: u32) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let Some((file, at)) = io::find(&node.disk, of, at) else { return };
        if node.disk.flip(&file, at) {
            self.checker.on_damaged(sid);
            self.look(Host::Server(sid));
        }
    }

    /// A server is told another number, if there is a server of that number.
    pub(super) fn set_myid(&mut self, sid: ServerId, says: ServerId) {
        if self.given.standalone || !self.given.servers.contains_key(&says) {
            return;
        }
        if let Some(node) = self.nodes.get_mut(&sid) {
            node.config.me = says;
        }
    }

    /// What is durable is copied.
    pub(super) fn copy_disk(&mut self, sid: ServerId) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        node.copy = Some(node.disk.copy());
    }

    /// What was copied comes back.
    pub(super) fn restore_disk(&mut self, sid: ServerId) {
        let Some(node) = self.nodes.get_mut(&sid).filter(|node| !node.is_up()) else { return };
        let Some(copy) = node.copy.clone() else { return };
        node.disk = copy;
        self.checker.on_replaced(sid);
        self.look(Host::Server(sid));
    }

    fn refuse(&mut self, sid: ServerId, ticket: zablab_core::types::Ticket, why: String) {
        self.record(Some(Host::Server(sid)), What::DiskRefused { ticket, why: why.clone() });
        self.input(sid, Input::PersistFailed { ticket, error: why });
    }

    /// After inputs: lets the disk begin what waits, ends a process that wants to end, and puts
    /// timers on the agenda.
    pub(super) fn settle_server(&mut self, sid: ServerId) {
        if self.net.is_asleep(Host::Server(sid)) {
            return self.schedule(sid);
        }
        if self.is_paxos(sid) && self.settle_paxos(sid) {
            return;
        }
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        if let Some(running) = &mut node.running {
            if let Some(why) = running.halted.take() {
                self.stop(sid, why);
                self.touch(Host::Server(sid));
                return;
            }
            if let Err(refused) = running.io.begin(&mut node.disk) {
                self.refuse(sid, refused.ticket, refused.why.to_string());
                return;
            }
        }
        self.schedule(sid);
    }

    fn schedule(&mut self, sid: ServerId) {
        let host = Host::Server(sid);
        let asleep = self.net.is_asleep(host);
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let running = node.running.as_ref().filter(|_| !asleep);
        let paxos = node.paxos.as_ref().filter(|_| !asleep);
        let deadline = match paxos {
            Some(paxos) => paxos.process.deadline(),
            None => running.and_then(|running| running.process.deadline()),
        };
        let timer = deadline.map(|local| Entry::timer(node.clock.due(local), host));
        if timer != node.timer {
            node.timer_since = self.now;
        }
        self.agenda.replace(&mut node.timer, timer);
        // An operation keeps the time that was fixed when it began.
        let writes = match paxos {
            Some(paxos) => paxos.io.busy().is_some(),
            None => running.and_then(|running| running.io.busy()).is_some(),
        };
        let io_done = writes.then(|| {
            let fresh = || {
                let jitter_us = self.net.draw(self.given.timing.sync_jitter_us);
                let due = Mono(self.now.0 + node.sync_us + jitter_us);
                Entry::io(due, sid, Auto::CompleteIo { server: sid })
            };
            node.io_done.unwrap_or_else(fresh)
        });
        self.agenda.replace(&mut node.io_done, io_done);
        let snapshot_done = running.and_then(|running| running.io.snapshot()).map(|_| {
            let fresh = || {
                let due = Mono(self.now.0 + node.sync_us * SNAPSHOT_SYNCS);
                Entry::io(due, sid, Auto::CompleteSnapshot { server: sid })
            };
            node.snapshot_done.unwrap_or_else(fresh)
        });
        self.agenda.replace(&mut node.snapshot_done, snapshot_done);
    }
}

/// Beginning and end of a process.
impl World {
    pub(super) fn start(&mut self, sid: ServerId) {
        let host = Host::Server(sid);
        if self.is_paxos(sid) {
            return self.start_paxos(sid);
        }
        let Some(node) = self.nodes.get_mut(&sid).filter(|node| !node.is_up()) else { return };
        let started = Io::start(&mut node.disk, &self.policy).map_err(|why| why.to_string());
        let started = started.and_then(|(io, recovered)| {
            let config =
                io::read_config(&node.disk, &node.config).map_err(|why| why.to_string())?;
            Ok((io, recovered, config))
        });
        let (io, mut recovered, config) = match started {
            Ok(started) => started,
            Err(why) => {
                self.record(Some(host), What::StartRefused { why });
                return;
            }
        };
        node.starts += 1;
        node.clock.restart(self.now);
        self.checker.on_start(sid, &recovered);
        self.checker.on_config(sid, &config);
        let notes = recovered.notes.clone();
        let seed = seed_of(self.given.seed, sid, node.starts);
        let preset = match node.starts {
            1 => self.given.servers[&sid].preset,
            _ => Preset::default(),
        };
        if let Some((first, last)) = preset.commit_log {
            recovered.recent.retain(|record| (first..=last).contains(&record.zxid()));
        }
        let mut process = Endpoint::new(config, recovered, seed, self.policy);
        if let Some(round) = preset.round {
            process.preset_round(round);
        }
        if let Some(counter) = preset.counter {
            process.preset_counter(counter);
        }
        let listening = SortedSet::new();
        node.running = Some(Running { process, io, listening, accepted: 0, halted: None });
        self.record(Some(host), What::Started { notes });
        self.input(sid, Input::Start);
    }

    /// The machine stops.
    pub(super) fn crash(&mut self, sid: ServerId, keep: Keep) {
        if let Some(lost) = self.go_down(sid, keep) {
            self.record(Some(Host::Server(sid)), What::Crashed { keep, lost });
        }
    }

    pub(super) fn wipe_disk(&mut self, sid: ServerId) {
        let Some(node) = self.nodes.get_mut(&sid).filter(|node| !node.is_up()) else { return };
        node.disk.wipe();
        self.checker.on_wiped(sid);
        self.look(Host::Server(sid));
    }

    /// The process ends by its own will; the operating system goes on and writes what it holds.
    pub(super) fn stop(&mut self, sid: ServerId, why: String) {
        if self.go_down(sid, Keep::ALL).is_some() {
            self.record(Some(Host::Server(sid)), What::Stopped { why });
        }
    }

    /// How many changes of the disk were lost; `None` if it was down already.
    fn go_down(&mut self, sid: ServerId, keep: Keep) -> Option<u32> {
        let node = self.nodes.get_mut(&sid)?;
        let ended = node.running.take().is_some() | node.paxos.take().is_some();
        ended.then_some(())?;
        let lost = node.disk.crash(keep);
        self.net.crash(self.now, Host::Server(sid));
        self.net.sleep(Host::Server(sid), false);
        self.checker.on_crash(sid);
        self.touch(Host::Server(sid));
        Some(lost)
    }
}

/// Whether a server's state is another one behind this event, or now seen by clients.
fn changes_state(event: &Event) -> bool {
    matches!(
        event,
        Event::Applied { .. }
            | Event::Established { .. }
            | Event::PacketReceived { kind: PacketKind::UpToDate, .. }
    )
}

/// The seed of a process: no two servers and no two starts have the same.
pub(super) fn seed_of(seed: u64, sid: ServerId, starts: u32) -> u64 {
    let place = (sid.0 as u64) << 32 | u64::from(starts);
    seed.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// What the opener of a connection sees at the other end.
fn callee_name(host: Host, port: PortKind) -> String {
    match host {
        Host::Server(sid) => {
            let addr = given::address(sid, port);
            format!("{}:{}", addr.host, addr.port)
        }
        Host::Client(_) => unreachable!("nobody connects to a client"),
    }
}

/// What the acceptor of a connection sees at the other end: an address and a passing port.
fn caller_name(host: Host, lane: LaneId) -> String {
    let port = 32_768 + lane.link.0 % 28_000;
    match host {
        Host::Server(sid) => format!("{}:{port}", given::address(sid, PortKind::Client).host),
        Host::Client(id) => format!("{}:{port}", given::client_address(id)),
    }
}
