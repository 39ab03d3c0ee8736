//! Servers that are wired to each other in one process: what one of them sends is there at once,
//! what it writes is durable at once, and time stands still unless it is told to go on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use zablab_core::config::Config;
use zablab_core::endpoint::Endpoint;
use zablab_core::policy::Correct;
use zablab_core::process::{Effect, Input, Out, PortKind, Process};
use zablab_core::storage::Recovered;
use zablab_core::storage::snapshot::encode_snap_stream;
use zablab_core::tree::Database;
use zablab_core::types::{ConnId, Mono, Now, ServerId, WallMs};
use zablab_core::view::ServerView;

/// One end of a connection: whose, and what it calls it.
type End = (ServerId, ConnId);

/// Where the names of accepted connections of servers begin; those of clients are below.
const ACCEPTED: u64 = 1000;
/// So many timers do not go off before an ensemble serves.
const TICKS_MAX: u32 = 10_000;

/// The servers, and what their clients have received.
#[derive(Default)]
pub struct Servers {
    nodes: BTreeMap<ServerId, Endpoint<Correct>>,
    /// The server behind each port.
    ports: BTreeMap<u16, (ServerId, PortKind)>,
    /// Both directions of each connection between servers.
    links: BTreeMap<End, End>,
    open: BTreeSet<End>,
    accepted: u64,
    sent: BTreeMap<End, u64>,
    queue: VecDeque<(ServerId, Input)>,
    mono: Mono,
    /// The clock that stamps what happens now.
    pub wall: WallMs,
    received: BTreeMap<ConnId, Vec<Bytes>>,
}

impl Servers {
    /// A server starts on what its disk has.
    pub fn start(&mut self, config: Config, recovered: Recovered) {
        let me = config.me;
        let seed = me.0.unsigned_abs();
        self.nodes.insert(me, Endpoint::new(config, recovered, seed, Correct));
        self.give(me, Input::Start);
    }

    /// Lets time go on until every server answers clients, if only those that read.
    pub fn serve(&mut self) {
        for _ in 0..TICKS_MAX {
            let serves = |view: ServerView| view.serving || view.read_only;
            if self.nodes.values().map(Process::view).all(serves) {
                return;
            }
            self.tick();
        }
        panic!("the servers do not come up");
    }

    /// Lets time go on to the next timer.
    pub fn tick(&mut self) {
        let deadlines = self.nodes.values().filter_map(Process::deadline);
        let next = deadlines.min().expect("somebody waits for something").max(self.mono);
        self.wall.0 += (next.as_ms() - self.mono.as_ms()).cast_signed();
        self.mono = next;
        let is_due = |node: &Endpoint<Correct>| node.deadline().is_some_and(|at| at <= next);
        let due = self.nodes.iter().filter(|(_, node)| is_due(node)).map(|(me, _)| *me);
        for me in due.collect::<Vec<_>>() {
            self.give(me, Input::Tick);
        }
    }

    /// Tree and sessions of the server that has seen most.
    pub fn database(&self) -> &Database {
        let databases = self.nodes.values().map(Endpoint::database);
        databases.max_by_key(|database| database.last_zxid).expect("a server")
    }

    /// The server that leads, if there is more than one.
    pub fn leader(&self) -> Option<ServerId> {
        self.nodes.values().find_map(Endpoint::leader)
    }

    /// A client opens a connection, and sends its connect request.
    pub fn connect(&mut self, me: ServerId, conn: ConnId, frame: Bytes) {
        self.open.insert((me, conn));
        let remote = String::from("127.0.0.1:40000");
        self.give(me, Input::ConnUp { conn, port: PortKind::Client, remote, subject: None });
        self.send(me, conn, frame);
    }

    /// A client sends something.
    pub fn send(&mut self, me: ServerId, conn: ConnId, chunk: Bytes) {
        self.give(me, Input::Bytes { conn, chunk });
    }

    /// All frames that a client has received, without lengths.
    pub fn received(&self, conn: ConnId) -> &[Bytes] {
        self.received.get(&conn).map_or(&[], Vec::as_slice)
    }

    /// Whether a client's connection stands.
    pub fn is_open(&self, me: ServerId, conn: ConnId) -> bool {
        self.open.contains(&(me, conn))
    }

    /// Gives an input, and all that follows from it.
    fn give(&mut self, me: ServerId, input: Input) {
        self.queue.push_back((me, input));
        while let Some((me, input)) = self.queue.pop_front() {
            if !self.is_news(me, &input) {
                continue;
            }
            let mut out = Out::new(false);
            let now = Now { mono: self.mono, wall: self.wall };
            self.nodes.get_mut(&me).expect("it was started").handle(now, input, &mut out);
            for effect in out.effects {
                self.run(me, effect);
            }
        }
    }

    /// Nothing is heard of a connection that was ended.
    fn is_news(&mut self, me: ServerId, input: &Input) -> bool {
        match input {
            Input::ConnUp { conn, .. }
            | Input::Bytes { conn, .. }
            | Input::Drained { conn, .. } => self.open.contains(&(me, *conn)),
            Input::ConnDown { conn } => self.open.remove(&(me, *conn)),
            _ => true,
        }
    }

    fn run(&mut self, me: ServerId, effect: Effect) {
        match effect {
            Effect::Listen { port, addr } => {
                self.ports.insert(addr.port, (me, port));
            }
            Effect::Unlisten { port } => self.ports.retain(|_, at| *at != (me, port)),
            Effect::Connect { conn, port, addr } => self.dial((me, conn), port, addr.port),
            Effect::Disconnect { conn } => {
                self.open.remove(&(me, conn));
                if let Some((other, conn)) = self.links.remove(&(me, conn)) {
                    self.queue.push_back((other, Input::ConnDown { conn }));
                }
            }
            Effect::Send { conn, parts } => self.deliver((me, conn), parts.concat().into()),
            Effect::SendSnapshot { conn, state } => {
                for piece in encode_snap_stream(&state) {
                    self.deliver((me, conn), piece);
                }
            }
            Effect::Persist { ticket, .. } => {
                self.queue.push_back((me, Input::Persisted { through: ticket }));
            }
            Effect::Snapshot { state } => {
                self.queue.push_back((me, Input::SnapshotDone { zxid: state.last_zxid }));
            }
            // How fast a client is read changes nothing of what it is answered.
            Effect::PauseReads { .. } | Effect::ResumeReads { .. } => {}
            Effect::Datagram { .. }
            | Effect::Reload { .. }
            | Effect::ReadLog { .. }
            | Effect::Command { .. }
            | Effect::Halt { .. } => panic!("no recording leads to {effect:?}"),
        }
    }

    fn dial(&mut self, from: End, kind: PortKind, port: u16) {
        self.open.insert(from);
        let listener = self.ports.get(&port).filter(|(_, listens)| *listens == kind);
        let Some((other, _)) = listener.copied() else {
            return self.queue.push_back((from.0, Input::ConnDown { conn: from.1 }));
        };
        self.accepted += 1;
        let to = (other, ConnId(ACCEPTED + self.accepted));
        self.open.insert(to);
        self.links.extend([(from, to), (to, from)]);
        for ((me, conn), at) in [(from, port), (to, 40_000)] {
            let remote = format!("127.0.0.1:{at}");
            self.queue.push_back((me, Input::ConnUp { conn, port: kind, remote, subject: None }));
        }
    }

    fn deliver(&mut self, from: End, chunk: Bytes) {
        let through = self.sent.entry(from).or_default();
        *through += chunk.len() as u64;
        self.queue.push_back((from.0, Input::Drained { conn: from.1, through: *through }));
        match self.links.get(&from) {
            Some((other, conn)) => {
                self.queue.push_back((*other, Input::Bytes { conn: *conn, chunk }));
            }
            None if from.1 < ConnId(ACCEPTED) => {
                self.received.entry(from.1).or_default().push(chunk.slice(4..));
            }
            None => {}
        }
    }
}
