//! A whole ensemble with its network, disks, clocks and clients, as one value.
//!
//! The same start and the same steps give the same world. A clone is cheap, which makes rewinding
//! and trying things out cheap. The world decides nothing: which step is next is a
//! [`crate::chooser::Chooser`]'s business.

mod clients;
mod datagrams;
mod frozen;
mod paxos;
mod servers;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use zablab_core::endpoint::Endpoint;
use zablab_core::paxos::PaxosView;
use zablab_core::process::{Effect, Out, Process};
use zablab_core::sorted::SortedMap;
use zablab_core::trace::Role;
use zablab_core::types::{ConnId, Epoch, Mono, ServerId};
use zablab_core::view::ServerView;
use zablab_core::wire::datagram::Push;
use zablab_core::wire::election::{PeerState, Vote};

use crate::agenda::{Agenda, Entry};
use crate::client::Client;
use crate::fingerprint::Fnv;
use crate::given::Given;
use crate::invariants::{Checker, Violation};
use crate::io::GivenDiskError;
use crate::link::{self, Arrival, Net};
use crate::node::Node;
use crate::step::{ClientId, Fault, Host, LaneId, Step};
use crate::teaching::Teaching;
use crate::trace::{TraceEvent, What};

/// Everything there is at one moment.
#[derive(Clone, Debug)]
pub struct World {
    given: Arc<Given>,
    policy: Teaching,
    now: Mono,
    nodes: SortedMap<ServerId, Node>,
    clients: SortedMap<ClientId, Client>,
    net: Net,
    agenda: Agenda,
    checker: Checker,
    /// When something last kept servers from working together.
    disturbed: Mono,
    /// When something was last overdue.
    late: Mono,
    /// When all this is looked at next.
    next_look: Mono,
    /// True while messages of some way take long.
    slow_ways: bool,
    next_call: u64,
    next_event: u64,
    steps: u64,
    events: Vec<TraceEvent>,
    /// Where servers put what they want: empty between two inputs, and kept for its memory.
    out: Out<Effect>,
    /// Whose timers and disks the step may have changed.
    touched: Vec<Host>,
    /// Who may look different since the last step began.
    changed: Vec<Host>,
}

/// For how many events of a step there is room before its list has to grow.
const EVENTS: usize = 12;

/// What takes longer than this, in µs, is not calm.
const CALM_US: u64 = 100_000;

impl World {
    /// The world at its beginning, with the servers running that are given to be up.
    ///
    /// # Errors
    /// If no server could have left a disk that is given.
    pub fn new(given: Arc<Given>, policy: Teaching) -> Result<World, GivenDiskError> {
        let mut nodes = SortedMap::new();
        for (sid, server) in &given.servers {
            nodes.insert(*sid, Node::new(&given, *sid, server)?);
        }
        let mut world = World {
            given: Arc::clone(&given),
            policy,
            now: Mono(0),
            nodes,
            clients: SortedMap::new(),
            net: Net::new(&given.timing, given.seed),
            agenda: Agenda::default(),
            checker: Checker::new(given.quorums(), given.timing.limits())
                .with_election(given.timing.election)
                .with_sync_quorum(given.timing.sync_quorum)
                .with_acceptors(given.acceptors()),
            disturbed: Mono(0),
            late: Mono(0),
            next_look: Mono(0),
            slow_ways: false,
            next_call: 0,
            next_event: 0,
            steps: 0,
            events: Vec::new(),
            out: Out::new(true),
            touched: Vec::new(),
            changed: Vec::new(),
        };
        for (sid, _) in given.servers.iter().filter(|(_, server)| server.up) {
            world.start(*sid);
        }
        world.settle();
        Ok(world)
    }

    /// How it began.
    pub fn given(&self) -> &Arc<Given> {
        &self.given
    }

    /// The time.
    pub fn now(&self) -> Mono {
        self.now
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The servers, by number.
    pub fn nodes(&self) -> impl Iterator<Item = (ServerId, &Node)> {
        self.nodes.iter().map(|(sid, node)| (*sid, node))
    }

    /// One server.
    pub fn node(&self, sid: ServerId) -> Option<&Node> {
        self.nodes.get(&sid)
    }

    /// The state of a server that is up.
    pub fn view(&self, sid: ServerId) -> Option<ServerView> {
        self.nodes.get(&sid)?.process().map(Process::view)
    }

    /// The state of a Paxos process that is up.
    pub fn paxos(&self, sid: ServerId) -> Option<PaxosView> {
        self.nodes.get(&sid)?.paxos().map(Process::view)
    }

    /// The role of a server; `None` while it is down.
    pub fn role(&self, sid: ServerId) -> Option<Role> {
        self.nodes.get(&sid)?.process().map(Endpoint::role)
    }

    /// The clients that have acted so far, by number.
    pub fn clients(&self) -> impl Iterator<Item = (ClientId, &Client)> {
        self.clients.iter().map(|(id, client)| (*id, client))
    }

    /// One client.
    pub fn client(&self, id: ClientId) -> Option<&Client> {
        self.clients.get(&id)
    }

    /// What was broken so far: for each invariant its first violation.
    pub fn violations(&self) -> &[Violation] {
        self.checker.violations()
    }

    /// The run is over: the invariants that are kept up to date step by step are computed once
    /// more from scratch.
    pub fn end(&mut self) -> &[Violation] {
        self.checker.on_end();
        self.checker.on_calls(self.clients.values().flat_map(Client::history));
        let access = self.clients.iter().map(|(id, client)| (*id, client.history()));
        self.checker.on_access(access);
        self.checker.violations()
    }

    /// The network.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// What may happen by itself, in the order of its due time.
    pub fn agenda(&self) -> &Agenda {
        &self.agenda
    }

    /// The same as a list, for those who look at all of it.
    pub fn enabled(&self) -> Vec<(Mono, Step)> {
        self.agenda.iter().map(|entry| (entry.due, entry.step())).collect()
    }

    /// The hosts that may look different since the last step began, each once.
    pub fn changed(&self) -> &[Host] {
        &self.changed
    }

    /// What the invariants know beside their rules: the order that was committed.
    pub fn checker(&self) -> &Checker {
        &self.checker
    }

    /// The events that nobody has taken yet.
    pub fn events(&self) -> &[TraceEvent] {
        &self.events
    }

    /// The events since the last call of this or of [`World::apply`], those of the beginning
    /// included.
    pub fn take_events(&mut self) -> Vec<TraceEvent> {
        // Most steps have no more; events are large, so none is moved from list to list.
        std::mem::replace(&mut self.events, Vec::with_capacity(EVENTS))
    }

    /// Takes one step and tells what happened. A step that is not possible (any more) changes
    /// nothing, so that a schedule from which steps were taken out can still be played.
    pub fn apply(&mut self, step: &Step) -> Vec<TraceEvent> {
        self.changed.clear();
        match step {
            Step::Act { .. } | Step::Fault(_) | Step::Ask { .. } => {}
            Step::Deliver { .. }
            | Step::GiveUp { .. }
            | Step::Tick { .. }
            | Step::CompleteIo { .. }
            | Step::CompleteSnapshot { .. } => match self.entry(step) {
                Some(entry) => self.now = self.now.max(entry.due),
                None => return self.take_events(),
            },
        }
        self.steps += 1;
        self.checker.begin_step(self.steps);
        self.notice_disturbance(step);
        self.checker.on_time(self.now, self.late);
        match step {
            Step::Deliver { lane, seq } => self.deliver(*lane, *seq),
            Step::GiveUp { lane } => {
                let arrival = self.net.give_up(self.now, *lane);
                self.tell(*lane, 0, arrival);
            }
            Step::Tick { host: Host::Server(sid) } => self.tick_server(*sid),
            Step::Tick { host: Host::Client(id) } => self.tick_client(*id),
            Step::CompleteIo { server } => self.complete_io(*server),
            Step::CompleteSnapshot { server } => self.complete_snapshot(*server),
            // Who stands still hears nothing.
            Step::Act { .. } | Step::Ask { .. } if !self.can(step) => {}
            Step::Act { client, op } => self.act(*client, op),
            Step::Fault(fault) => self.inject(*fault),
            Step::Ask { server, ask } => self.ask(*server, ask),
        }
        self.settle();
        self.take_events()
    }

    /// Remembers when the world was last not calm: a fault, or something that is overdue because
    /// the chooser lets it wait. What stays, a cut or a slow disk, is looked at once a tick.
    fn notice_disturbance(&mut self, step: &Step) {
        match step {
            Step::Fault(Fault::Delay { delay_us, .. }) => self.slow_ways |= *delay_us > CALM_US,
            Step::Fault(Fault::HealAll) => self.slow_ways = false,
            _ => {}
        }
        let overdue = self.agenda.first().is_some_and(|entry| entry.due.0 + CALM_US < self.now.0);
        if overdue || self.net.has_sleepers() {
            self.late = self.now;
        }
        if matches!(step, Step::Fault(_)) || self.late == self.now {
            self.disturbed = self.now;
        }
        if self.now < self.next_look {
            return;
        }
        self.next_look = self.now.plus_ms(u64::from(self.given.timing.tick_time_ms));
        let is_slow =
            |node: &Node| node.sync_us > CALM_US || node.sync_fails || node.disk.is_limited();
        let slow = self.slow_ways || self.nodes.values().any(is_slow);
        if slow || self.given.timing.delay_us > CALM_US || self.net.is_obstructed() {
            self.disturbed = self.now;
        }
        self.checker.on_calm(self.disturbed);
    }

    /// Whether this step would do anything now.
    pub fn can(&self, step: &Step) -> bool {
        let lane = |lane: LaneId| self.net.link(lane.link).map(|link| (link, lane.to));
        match *step {
            Step::Fault(
                Fault::Hold { lane: on, seq }
                | Fault::Lose { lane: on, seq }
                | Fault::Duplicate { lane: on, seq },
            ) => lane(on).is_some_and(|(link, to)| link.in_flight(to).any(|item| item.seq == seq)),
            Step::Fault(Fault::Release { lane: on }) => {
                lane(on).is_some_and(|(link, to)| link.holds_anything(to))
            }
            Step::Fault(Fault::Reset { link }) => self.net.link(link).is_some(),
            Step::Act { client, .. } => !self.net.is_asleep(Host::Client(client)),
            Step::Ask { server, .. } => !self.net.is_asleep(Host::Server(server)),
            Step::Fault(_) => true,
            Step::Deliver { .. }
            | Step::GiveUp { .. }
            | Step::Tick { .. }
            | Step::CompleteIo { .. }
            | Step::CompleteSnapshot { .. } => self.entry(step).is_some(),
        }
    }

    /// Feeds everything that decides the future to a hasher whose results are the same everywhere.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = Fnv::default();
        self.now.hash(&mut hasher);
        self.steps.hash(&mut hasher);
        self.policy.hash(&mut hasher);
        for (sid, node) in &self.nodes {
            (sid, node.clock, &node.disk, node.sync_us, node.sync_fails).hash(&mut hasher);
            (&node.copy, node.config.me).hash(&mut hasher);
            (node.starts, node.is_up()).hash(&mut hasher);
            if let Some(running) = &node.running {
                running.process.fingerprint(&mut hasher);
                (&running.io, &running.listening, running.accepted).hash(&mut hasher);
            }
            if let Some(running) = &node.paxos {
                running.process.fingerprint(&mut hasher);
                running.io.hash(&mut hasher);
            }
        }
        for (id, client) in &self.clients {
            (id, client.away, client.history(), &client.recipes).hash(&mut hasher);
            if let Some(session) = client.session() {
                session.fingerprint(&mut hasher);
            }
        }
        self.net.hash(&mut hasher);
        self.agenda.hash(&mut hasher);
        hasher.finish()
    }

    /// The entry of the agenda that this step would take, if it is there.
    fn entry(&self, step: &Step) -> Option<Entry> {
        let entry = match step {
            Step::Deliver { lane, seq } if self.net.is_for_datagrams(*lane) => {
                self.net.scheduled_datagram(*lane, *seq)
            }
            Step::Deliver { lane, .. } | Step::GiveUp { lane } => self.net.scheduled(*lane),
            Step::Tick { host: Host::Server(sid) } => self.nodes.get(sid)?.timer,
            Step::Tick { host: Host::Client(id) } => self.clients.get(id)?.timer,
            Step::CompleteIo { server } => self.nodes.get(server)?.io_done,
            Step::CompleteSnapshot { server } => self.nodes.get(server)?.snapshot_done,
            Step::Act { .. } | Step::Fault(_) | Step::Ask { .. } => None,
        };
        entry.filter(|entry| entry.step() == *step)
    }

    fn deliver(&mut self, lane: LaneId, seq: u64) {
        if let Some(datagram) = self.net.take_datagram(lane, seq) {
            return self.receive(lane, seq, datagram);
        }
        let Some((seq, arrival)) = self.net.arrive(lane) else { return };
        self.tell(lane, seq, arrival);
    }

    /// Tells a host what has arrived for it.
    fn tell(&mut self, lane: LaneId, seq: u64, arrival: Option<Arrival>) {
        let Some(arrival) = arrival else { return };
        let host = match &arrival {
            Arrival::Knock { host, port, from } => return self.knock(lane, *host, *port, *from),
            Arrival::Up { host, from, .. } => {
                self.record(Some(*host), What::ConnectionOpened { lane, peer: *from });
                *host
            }
            Arrival::Message { host, from, .. } => {
                self.record(Some(*host), What::MessageDelivered { lane, seq, from: *from });
                *host
            }
            Arrival::Down { host, from, .. } => {
                self.record(Some(*host), What::ConnectionClosed { lane, peer: *from });
                *host
            }
        };
        match host {
            Host::Server(sid) => self.tell_server(sid, arrival),
            Host::Client(id) => self.tell_client(id, arrival),
        }
    }

    fn send(&mut self, host: Host, conn: ConnId, parts: Vec<bytes::Bytes>) {
        let bytes = link::size(&parts);
        let Some((lane, seq, to)) = self.net.send(self.now, host, conn, parts) else { return };
        self.record(Some(host), What::MessageSent { lane, seq, to, bytes });
    }

    fn inject(&mut self, fault: Fault) {
        self.record(None, What::FaultInjected(fault));
        match fault {
            Fault::Crash { server, keep } => self.crash(server, keep),
            Fault::Start { server } => self.start(server),
            Fault::WipeDisk { server } => self.wipe_disk(server),
            Fault::SlowDisk { server, sync_us } => {
                if let Some(node) = self.nodes.get_mut(&server) {
                    node.sync_us = sync_us;
                }
            }
            Fault::FailDisk { server } => {
                if let Some(node) = self.nodes.get_mut(&server) {
                    node.sync_fails = true;
                    self.look(Host::Server(server));
                }
            }
            Fault::FillDisk { server, left } => self.limit_disk(server, Some(u64::from(left))),
            Fault::FreeDisk { server } => self.limit_disk(server, None),
            Fault::FlipByte { server, of, at } => self.flip_byte(server, of, at),
            Fault::Myid { server, says } => self.set_myid(server, says),
            Fault::CopyDisk { server } => self.copy_disk(server),
            Fault::RestoreDisk { server } => self.restore_disk(server),
            Fault::Pause { host } => self.sleep(host, true),
            Fault::Resume { host } => self.sleep(host, false),
            Fault::DropClient { client } => self.drop_client(client),
            Fault::Cut { a, b } => {
                self.net.cut(self.now, a, b);
                self.net.cut(self.now, b, a);
            }
            Fault::CutOneWay { from, to } => self.net.cut(self.now, from, to),
            Fault::Heal { a, b } => {
                self.net.heal(a, b);
                self.net.heal(b, a);
            }
            Fault::HealAll => self.net.heal_all(),
            Fault::Lose { lane, seq } => self.net.lose(self.now, lane, seq),
            Fault::Forge { from, to, leader, zxid, round, tag, challenge } => {
                let vote =
                    Vote { leader, zxid, election_epoch: round, peer_epoch: Epoch::default() };
                let (tag, challenge) = (tag.0, challenge.0);
                let state = PeerState::Looking;
                let push = Push::Notification { tag, state, vote, challenge };
                self.post(from, to, push.encode());
            }
            Fault::Reset { link } => self.net.reset(self.now, link),
            Fault::Hold { lane, seq } => self.net.hold(lane, seq),
            Fault::Duplicate { lane, seq } => self.duplicate(lane, seq),
            Fault::Release { lane } => self.net.release(lane),
            Fault::Delay { from, to, delay_us } => self.net.set_delay(from, to, delay_us),
            Fault::JumpWallClock { server, by_ms } => {
                if let Some(node) = self.nodes.get_mut(&server) {
                    node.clock.jump(by_ms);
                }
            }
        }
    }

    /// A host stands still, or goes on. Only a process can.
    fn sleep(&mut self, host: Host, asleep: bool) {
        let runs = match host {
            Host::Server(sid) => self.nodes.get(&sid).is_some_and(Node::is_up),
            Host::Client(id) => self.clients.contains_key(&id),
        };
        if !asleep || runs {
            self.net.sleep(host, asleep);
            self.touch(host);
        }
    }

    /// Ends a step: operating systems report what they took, disks begin what waits, timers and
    /// lanes go on the agenda.
    fn settle(&mut self) {
        // Ends, because what a host sends after `Drained` was queued in it before.
        loop {
            if let Some(word) = self.net.next_drained() {
                if let Host::Server(sid) = word.host {
                    self.drained(sid, word);
                }
            } else if let Some(host) = self.touched.pop() {
                match host {
                    Host::Server(sid) => self.settle_server(sid),
                    Host::Client(id) => self.settle_client(id),
                }
            } else {
                break;
            }
        }
        for (lane, seq) in self.net.take_lost() {
            self.record(None, What::MessageLost { lane, seq });
        }
        self.net.reschedule(&mut self.agenda);
    }

    /// Remembers that a host's timers or disk may have changed.
    fn touch(&mut self, host: Host) {
        if self.touched.last() != Some(&host) {
            self.touched.push(host);
        }
        self.look(host);
    }

    /// Remembers that a host may look different.
    fn look(&mut self, host: Host) {
        if !self.changed.contains(&host) {
            self.changed.push(host);
        }
    }

    fn record(&mut self, host: Option<Host>, what: What) {
        let event = TraceEvent { seq: self.next_event, at: self.now, host, what };
        self.next_event += 1;
        self.events.push(event);
    }
}
