//! A whole ensemble with its network, disks, clocks and clients, as one value.
//!
//! The same start and the same steps give the same world. A clone is cheap, which makes rewinding
//! and trying things out cheap. The world decides nothing: which step is next is a
//! [`crate::chooser::Chooser`]'s business.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use zablab_core::endpoint::Endpoint;
use zablab_core::policy::Policy;
use zablab_core::process::{Effect, Input, Out, PortKind, Process};
use zablab_core::types::{Mono, ServerId};
use zablab_core::view::ServerView;

use crate::agenda::{Agenda, Entry, Rank};
use crate::fingerprint::Fnv;
use crate::given::{self, Given};
use crate::link::{Arrival, Net};
use crate::node::Node;
use crate::step::{Fault, Host, Keep, LaneId, Side, Step};
use crate::trace::{TraceEvent, What};

/// Everything there is at one moment.
#[derive(Clone, Debug)]
pub struct World<P: Policy> {
    given: Arc<Given>,
    policy: P,
    now: Mono,
    nodes: BTreeMap<ServerId, Node<P>>,
    net: Net,
    agenda: Agenda,
    next_event: u64,
    steps: u64,
    events: Vec<TraceEvent>,
}

impl<P: Policy> World<P> {
    /// The world at its beginning, with the servers running that are given to be up.
    pub fn new(given: Arc<Given>, policy: P) -> World<P> {
        let nodes = given.servers.iter();
        let nodes = nodes.map(|(sid, server)| (*sid, Node::new(&given, *sid, server))).collect();
        let net = Net::new(&given.timing, given.seed);
        let mut world = World {
            given: Arc::clone(&given),
            policy,
            now: Mono(0),
            nodes,
            net,
            agenda: Agenda::default(),
            next_event: 0,
            steps: 0,
            events: Vec::new(),
        };
        for (sid, server) in &given.servers {
            if server.up {
                world.start(*sid);
            }
        }
        world.settle();
        world
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
    pub fn nodes(&self) -> impl Iterator<Item = (ServerId, &Node<P>)> {
        self.nodes.iter().map(|(sid, node)| (*sid, node))
    }

    /// One server.
    pub fn node(&self, sid: ServerId) -> Option<&Node<P>> {
        self.nodes.get(&sid)
    }

    /// The state of a server that is up.
    pub fn view(&self, sid: ServerId) -> Option<ServerView> {
        self.nodes.get(&sid)?.process().map(Process::view)
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
        self.agenda.iter().map(|entry| (entry.due, entry.step.clone())).collect()
    }

    /// The events since the last call of this or of [`World::apply`], those of the beginning
    /// included.
    pub fn take_events(&mut self) -> Vec<TraceEvent> {
        std::mem::take(&mut self.events)
    }

    /// Takes one step and tells what happened. A step that is not possible (any more) changes
    /// nothing, so that a schedule from which steps were taken out can still be played.
    pub fn apply(&mut self, step: &Step) -> Vec<TraceEvent> {
        match step {
            Step::Act { .. } | Step::Fault(_) => {}
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
        match step {
            Step::Deliver { lane, .. } => self.deliver(*lane),
            Step::GiveUp { lane } => {
                let arrival = self.net.give_up(self.now, *lane);
                self.tell(*lane, 0, arrival);
            }
            Step::Tick { host } => self.tick(*host),
            Step::CompleteIo { server: _ } => {}
            Step::CompleteSnapshot { server: _ } => {}
            Step::Act { client: _, op: _ } => {}
            Step::Fault(fault) => self.inject(*fault),
        }
        self.settle();
        self.take_events()
    }

    /// Feeds everything that decides the future to a hasher whose results are the same everywhere.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = Fnv::default();
        self.now.hash(&mut hasher);
        self.steps.hash(&mut hasher);
        self.policy.hash(&mut hasher);
        for (sid, node) in &self.nodes {
            sid.hash(&mut hasher);
            node.clock.hash(&mut hasher);
            node.disk.hash(&mut hasher);
            node.listening.hash(&mut hasher);
            (node.accepted, node.starts, node.is_up()).hash(&mut hasher);
            if let Some(process) = &node.process {
                process.fingerprint(&mut hasher);
            }
        }
        self.net.hash(&mut hasher);
        self.agenda.hash(&mut hasher);
        hasher.finish()
    }

    /// The entry of the agenda that this step would take, if it is there.
    fn entry(&self, step: &Step) -> Option<&Entry> {
        let entry = match step {
            Step::Deliver { lane, .. } | Step::GiveUp { lane } => self.net.scheduled(*lane),
            Step::Tick { host: Host::Server(sid) } => self.nodes.get(sid)?.timer.as_ref(),
            Step::Tick { host: Host::Client(_) }
            | Step::CompleteIo { .. }
            | Step::CompleteSnapshot { .. }
            | Step::Act { .. }
            | Step::Fault(_) => None,
        };
        entry.filter(|entry| entry.step == *step)
    }

    fn deliver(&mut self, lane: LaneId) {
        let Some((seq, arrival)) = self.net.arrive(lane) else { return };
        self.tell(lane, seq, arrival);
    }

    /// Tells a host what has arrived for it.
    fn tell(&mut self, lane: LaneId, seq: u64, arrival: Option<Arrival>) {
        match arrival {
            None => {}
            Some(Arrival::Knock { host, port, from }) => self.knock(lane, host, port, from),
            Some(Arrival::Up { host, conn, port, from }) => {
                self.record(Some(host), What::ConnectionOpened { lane, peer: from });
                let remote = remote_name(from, port);
                self.input(host, Input::ConnUp { conn, port, remote });
            }
            Some(Arrival::Message { host, conn, from, parts }) => {
                self.record(Some(host), What::MessageDelivered { lane, seq, from });
                for chunk in parts {
                    self.input(host, Input::Bytes { conn, chunk });
                }
            }
            Some(Arrival::Down { host, conn, from }) => {
                self.record(Some(host), What::ConnectionClosed { lane, peer: from });
                self.input(host, Input::ConnDown { conn });
            }
        }
    }

    fn knock(&mut self, lane: LaneId, host: Host, port: PortKind, from: Host) {
        let listener = match host {
            Host::Server(sid) => self.nodes.get_mut(&sid),
            Host::Client(_) => None,
        };
        match listener.filter(|node| node.listening.contains(&port)) {
            None => self.net.refuse(self.now, lane.link),
            Some(node) => {
                let conn = node.next_conn();
                self.net.accept(self.now, lane.link, conn);
                self.record(Some(host), What::ConnectionOpened { lane, peer: from });
                let remote = caller_name(from, lane);
                self.input(host, Input::ConnUp { conn, port, remote });
            }
        }
    }

    fn tick(&mut self, host: Host) {
        self.input(host, Input::Tick);
    }

    /// Gives an input to a server that is up, and runs what it wants done.
    fn input(&mut self, host: Host, input: Input) {
        let Host::Server(sid) = host else { return };
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let Some(process) = &mut node.process else { return };
        let mut out = Out::new(true);
        process.handle(node.clock.read(self.now), input, &mut out);
        for event in out.events {
            self.record(Some(host), What::Core(event));
        }
        for effect in out.effects {
            self.run(sid, effect);
        }
    }

    fn run(&mut self, sid: ServerId, effect: Effect) {
        let host = Host::Server(sid);
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        match effect {
            Effect::Listen { port, addr: _ } => {
                node.listening.insert(port);
            }
            Effect::Unlisten { port } => {
                node.listening.remove(&port);
            }
            Effect::Connect { conn, port, addr } => {
                let to = given::server_at(&addr).map_or(host, |(to, _)| Host::Server(to));
                self.net.open(self.now, host, conn, to, port);
            }
            Effect::Disconnect { conn } => self.net.close(self.now, host, conn),
            Effect::Send { conn, parts } => self.send(host, conn, parts),
            Effect::PauseReads { conn } => self.net.pause(host, conn, true),
            Effect::ResumeReads { conn } => self.net.pause(host, conn, false),
            Effect::Halt { why } => self.stop(sid, why),
            Effect::SendSnapshot { .. }
            | Effect::Persist { .. }
            | Effect::Reload { .. }
            | Effect::Snapshot { .. } => {}
            Effect::Command { conn, word: _ } => self.net.close(self.now, host, conn),
        }
    }

    fn send(&mut self, host: Host, conn: zablab_core::types::ConnId, parts: Vec<bytes::Bytes>) {
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        let Some((lane, seq)) = self.net.send(self.now, host, conn, parts) else { return };
        let to = match self.net.link(lane.link) {
            Some(link) => link.end(lane.to).host,
            None => return,
        };
        self.record(Some(host), What::MessageSent { lane, seq, to, bytes });
    }

    fn start(&mut self, sid: ServerId) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        if node.is_up() {
            return;
        }
        let _ = Endpoint::<P>::new;
        node.starts += 1;
        node.clock.restart(self.now);
        self.record(Some(Host::Server(sid)), What::Started { notes: Vec::new() });
    }

    /// The process ends by its own will; the operating system goes on and writes what it holds.
    fn stop(&mut self, sid: ServerId, why: String) {
        self.go_down(sid, Keep::ALL);
        self.record(Some(Host::Server(sid)), What::Stopped { why });
    }

    fn go_down(&mut self, sid: ServerId, keep: Keep) -> Option<u32> {
        let node = self.nodes.get_mut(&sid)?;
        node.process.take()?;
        node.listening.clear();
        let lost = node.disk.crash(keep);
        self.net.crash(self.now, Host::Server(sid));
        Some(lost)
    }

    fn inject(&mut self, fault: Fault) {
        self.record(None, What::FaultInjected(fault));
        match fault {
            Fault::Crash { server, keep } => {
                if let Some(lost) = self.go_down(server, keep) {
                    self.record(Some(Host::Server(server)), What::Crashed { keep, lost });
                }
            }
            Fault::Start { server } => self.start(server),
            Fault::WipeDisk { server } => {
                if let Some(node) = self.nodes.get_mut(&server).filter(|node| !node.is_up()) {
                    node.disk.wipe();
                }
            }
            Fault::SlowDisk { .. } | Fault::FailDisk { .. } | Fault::DropClient { .. } => {}
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
            Fault::Reset { link } => self.net.reset(self.now, link),
            Fault::Hold { lane, seq } => self.net.hold(lane, seq),
            Fault::Release { lane } => self.net.release(lane),
            Fault::Delay { from, to, delay_us } => self.net.set_delay(from, to, delay_us),
            Fault::JumpWallClock { server, by_ms } => {
                if let Some(node) = self.nodes.get_mut(&server) {
                    node.clock.jump(by_ms);
                }
            }
        }
    }

    /// Ends a step: operating systems report what they took, timers and lanes go on the agenda.
    fn settle(&mut self) {
        while let Some(word) = self.net.next_drained() {
            let input = Input::Drained { conn: word.conn, through: word.through };
            self.input(word.host, input);
        }
        for (lane, seq) in self.net.take_lost() {
            self.record(None, What::MessageLost { lane, seq });
        }
        self.net.reschedule(&mut self.agenda);
        for (sid, node) in &mut self.nodes {
            let host = Host::Server(*sid);
            let deadline = node.process.as_ref().and_then(Process::deadline);
            let due = deadline.map(|local| node.clock.due(local));
            if node.timer.as_ref().map(|entry| entry.due) == due {
                continue;
            }
            if let Some(old) = node.timer.take() {
                self.agenda.remove(&old);
            }
            if let Some(due) = due {
                let step = Step::Tick { host };
                let entry = Entry { due, rank: Rank::Timer, from: host, to: host, step };
                self.agenda.insert(entry.clone());
                node.timer = Some(entry);
            }
        }
    }

    fn record(&mut self, host: Option<Host>, what: What) {
        let event = TraceEvent { seq: self.next_event, at: self.now, host, what };
        self.next_event += 1;
        self.events.push(event);
    }
}

/// What the opener of a connection sees at the other end.
fn remote_name(host: Host, port: PortKind) -> String {
    match host {
        Host::Server(sid) => {
            let addr = given::address(sid, port);
            format!("{}:{}", addr.host, addr.port)
        }
        Host::Client(id) => format!("10.1.{}.{}:0", id.0 >> 8 & 0xff, id.0 & 0xff),
    }
}

/// What the acceptor of a connection sees at the other end: an address and a passing port.
fn caller_name(host: Host, lane: LaneId) -> String {
    debug_assert!(lane.to == Side::Acceptor, "only acceptors are called");
    let port = 32_768 + lane.link.0 % 28_000;
    match host {
        Host::Server(sid) => format!("{}:{port}", given::address(sid, PortKind::Client).host),
        Host::Client(id) => format!("10.1.{}.{}:{port}", id.0 >> 8 & 0xff, id.0 & 0xff),
    }
}
