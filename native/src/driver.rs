//! The core thread: owns the [`Endpoint`], feeds it inputs, runs its effects.
//!
//! It takes inputs in batches. Effects are dispatched right after the input that caused them, but
//! what they send on one connection goes out with one write, and what they hand to the log goes in
//! one piece, when the batch is done. It never waits for a client or a disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinSet};
use tracing::{Level, warn};
use zablab_core::config::{HostPort, PlainPort, ServerConfig, Tls};
use zablab_core::endpoint::Endpoint;
use zablab_core::policy::Correct;
use zablab_core::process::{Effect, Input, Out, PortKind, Process};
use zablab_core::storage::log_after;
use zablab_core::storage::snapshot::encode_snap_stream;
use zablab_core::trace::{self, Role};
use zablab_core::types::{ConnId, Mono, Now, WallMs};

use crate::admin::four_letter::{self, Answer, Word};
use crate::admin::{Counters, Status};
use crate::inbox::{Event, Events, Inbox};
use crate::journal::Journal;
use crate::net::{self, Acceptor, Around, Connection, Door, Flushed};
use crate::storage::{Job, LogThread};

/// What the core thread is made of.
pub struct Driver {
    endpoint: Endpoint<Correct>,
    out: Out<Effect>,
    journal: Journal,
    clock: Clock,
    now: Now,
    config: Arc<ServerConfig>,
    counters: Arc<Counters>,
    runtime: Handle,
    inbox: Inbox,
    events: Events,
    log: LogThread,
    /// For the log, since the batch began.
    jobs: Vec<Job>,
    connections: HashMap<ConnId, Slot>,
    /// With something to flush.
    dirty: Vec<ConnId>,
    /// Inputs that flushing gave.
    own_inputs: Vec<Input>,
    /// The tasks that accept; they end when they are dropped.
    listeners: BTreeMap<PortKind, JoinSet<()>>,
    /// How clients are served with TLS.
    secure: Option<(Tls, Arc<Acceptor>)>,
    conn_names: Arc<AtomicU64>,
    leading_since: Option<Mono>,
    /// What `stmk` has set; nothing is traced by it.
    trace_mask: i64,
    ended: Option<Ended>,
}

/// Why the thread ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// The server cannot go on.
    Failed(String),
}

/// A connection in the driver's table: what is not in it any more, the core does not hear of.
enum Slot {
    Opening(AbortHandle),
    Open { connection: Box<Connection>, dirty: bool, reported: u64 },
}

impl Driver {
    /// Everything in its place; nothing happens before [`Driver::run`].
    pub fn new(
        endpoint: Endpoint<Correct>,
        (config, acceptor): (Arc<ServerConfig>, Option<Acceptor>),
        counters: Arc<Counters>,
        runtime: Handle,
        queue: (Inbox, Events),
        log: LogThread,
    ) -> Driver {
        let (inbox, events) = queue;
        let clock = Clock { started: Instant::now() };
        Driver {
            endpoint,
            // All events of a write cost about a tenth of its time (0.6 of 7 µs), so only who
            // wants to read them pays for them; milestones come anyway.
            out: Out::new(tracing::enabled!(Level::DEBUG)),
            journal: Journal::default(),
            now: clock.now(),
            clock,
            secure: config.tls.clone().zip(acceptor.map(Arc::new)),
            config,
            counters,
            runtime,
            inbox,
            events,
            log,
            jobs: Vec::new(),
            connections: HashMap::new(),
            dirty: Vec::new(),
            own_inputs: Vec::new(),
            listeners: BTreeMap::new(),
            conn_names: Arc::new(AtomicU64::new(1)),
            leading_since: None,
            trace_mask: four_letter::TRACE_MASK,
            ended: None,
        }
    }

    /// Runs the server until somebody stops it or it cannot go on. What was handed to the log is
    /// durable when this returns.
    pub fn run(mut self) -> Ended {
        let mut batch = Vec::new();
        self.handle(Input::Start);
        loop {
            self.finish_batch();
            if let Some(ended) = self.ended.take() {
                return self.shut_down(ended);
            }
            self.events.wait(self.patience(), &mut batch);
            self.now = self.clock.now();
            for event in batch.drain(..) {
                self.take(event);
            }
            if self.endpoint.deadline().is_some_and(|deadline| deadline <= self.now.mono) {
                self.handle(Input::Tick);
            }
        }
    }

    /// How long nothing needs to be done.
    fn patience(&self) -> Option<Duration> {
        let deadline = self.endpoint.deadline()?;
        let now = self.clock.now().mono;
        Some(Duration::from_micros(deadline.0.saturating_sub(now.0)))
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Input(input) => {
                if self.is_news(&input) {
                    self.handle(input);
                }
            }
            Event::Up { conn, port, stream, remote } => {
                let opening = matches!(self.connections.get(&conn), Some(Slot::Opening(_)));
                if conn.is_outgoing() && !opening {
                    // The core has given it up meanwhile.
                    return;
                }
                let around = Around {
                    runtime: &self.runtime,
                    inbox: &self.inbox,
                    counters: &self.counters,
                    silence_max: Duration::from_millis(self.config.silence_max_ms),
                };
                let subject = stream.subject().map(String::from);
                let started = Connection::start(around, conn, port, stream, remote);
                let connection = Box::new(started);
                let slot = Slot::Open { connection, dirty: false, reported: 0 };
                self.connections.insert(conn, slot);
                let remote = remote.to_string();
                self.handle(Input::ConnUp { conn, port, remote, subject });
            }
            Event::Fatal(why) => self.end(Ended::Failed(why)),
            Event::Stop => self.end(Ended::Stopped),
        }
    }

    /// Whether the core should hear of it. Once it has let a connection go, what is still on the
    /// way from that connection's tasks is no news; neither is an older report of progress.
    fn is_news(&mut self, input: &Input) -> bool {
        match input {
            Input::Bytes { conn, .. } => self.connections.contains_key(conn),
            Input::ConnDown { conn } => self.connections.remove(conn).is_some(),
            Input::Drained { conn, through } => match self.connections.get_mut(conn) {
                Some(Slot::Open { reported, .. }) if through > reported => {
                    *reported = *through;
                    true
                }
                Some(Slot::Open { .. } | Slot::Opening(_)) | None => false,
            },
            Input::Start
            | Input::ConnUp { .. }
            | Input::Datagram { .. }
            | Input::Tick
            | Input::Persisted { .. }
            | Input::PersistFailed { .. }
            | Input::Reloaded { .. }
            | Input::LogRead { .. }
            | Input::SnapshotDone { .. }
            | Input::SnapshotFailed { .. } => true,
        }
    }

    fn handle(&mut self, input: Input) {
        self.endpoint.handle(self.now, input, &mut self.out);
        let mut effects = std::mem::take(&mut self.out.effects);
        for effect in effects.drain(..) {
            self.run_effect(effect);
        }
        self.out.effects = effects;
        for event in self.out.events.drain(..) {
            if let trace::Event::RoleChanged { role, .. } = &event {
                self.leading_since = (*role == Role::Leading).then_some(self.now.mono);
            }
            self.journal.record(self.now.mono, &event);
        }
    }

    fn run_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Send { conn, parts } => self.send(conn, parts),
            Effect::Persist { ticket, write } => self.jobs.push(Job::Write { ticket, write }),
            Effect::Reload { ticket } => self.jobs.push(Job::Reload { ticket }),
            Effect::Snapshot { state } => self.jobs.push(Job::Snapshot { state: *state }),
            Effect::SendSnapshot { conn, state } => {
                if let Some(Slot::Open { connection, .. }) = self.connections.get_mut(&conn) {
                    connection.send_made(move || encode_snap_stream(&state).collect());
                }
            }
            Effect::ReadLog { conn, from, limit } => {
                let (disk, inbox) = (self.log.reader(), self.inbox.clone());
                self.runtime.spawn_blocking(move || {
                    let files = disk.list().unwrap_or_default();
                    let records = log_after(&files, from, limit, &mut |file| disk.read(file));
                    inbox.tell(Event::Input(Input::LogRead { conn, records }));
                });
            }
            // Only elections that no zoo.cfg can choose send any.
            Effect::Datagram { .. } => {}
            Effect::PauseReads { conn } => self.set_reading(conn, false),
            Effect::ResumeReads { conn } => self.set_reading(conn, true),
            Effect::Connect { conn, port, addr } => {
                let task = net::connect(conn, port, addr, self.inbox.clone());
                let opening = self.runtime.spawn(task).abort_handle();
                self.connections.insert(conn, Slot::Opening(opening));
            }
            Effect::Disconnect { conn } => match self.connections.remove(&conn) {
                Some(Slot::Open { connection, .. }) => connection.close(&self.runtime),
                Some(Slot::Opening(task)) => task.abort(),
                None => {}
            },
            Effect::Listen { port, addr } => self.listen(port, addr),
            // What is dropped is aborted.
            Effect::Unlisten { port } => drop(self.listeners.remove(&port)),
            Effect::Command { conn, word, argument } => self.command(conn, word, argument),
            Effect::Halt { why } => self.end(Ended::Failed(why)),
        }
    }

    /// Opens a port; for clients, with TLS as the configuration has it, or both with and without.
    fn listen(&mut self, port: PortKind, addr: HostPort) {
        let mut doors = Vec::new();
        match (port, &self.secure) {
            (PortKind::Client, Some((tls, acceptor))) => {
                let acceptor = || Arc::clone(acceptor);
                match tls.plain {
                    PlainPort::None => {}
                    PlainPort::Plain => doors.push((addr, Door::Plain)),
                    PlainPort::Unified => doors.push((addr, Door::Either(acceptor()))),
                }
                doors.extend(tls.addr.clone().map(|addr| (addr, Door::Secure(acceptor()))));
            }
            (PortKind::Client | PortKind::Quorum | PortKind::Election, _) => {
                doors.push((addr, Door::Plain));
            }
        }
        let mut tasks = JoinSet::new();
        for (addr, door) in doors {
            let (names, inbox) = (Arc::clone(&self.conn_names), self.inbox.clone());
            tasks.spawn_on(net::listen(port, addr, door, names, inbox), &self.runtime);
        }
        self.listeners.insert(port, tasks);
    }

    fn send(&mut self, conn: ConnId, parts: Vec<Bytes>) {
        let Some(Slot::Open { connection, dirty, .. }) = self.connections.get_mut(&conn) else {
            // It ended by itself; the core hears of that soon.
            return;
        };
        if connection.port() == PortKind::Client {
            self.counters.responded(parts.iter().map(Bytes::len).sum());
        }
        connection.send(parts);
        if !*dirty {
            *dirty = true;
            self.dirty.push(conn);
        }
    }

    fn set_reading(&mut self, conn: ConnId, reading: bool) {
        if let Some(Slot::Open { connection, .. }) = self.connections.get(&conn) {
            connection.set_reading(reading);
        }
    }

    /// Answers a four-letter word and closes. The text is made off this thread: it may have to
    /// look at files.
    fn command(&mut self, conn: ConnId, word: [u8; 4], argument: i64) {
        let Some(Slot::Open { mut connection, .. }) = self.connections.remove(&conn) else {
            return;
        };
        let word = match four_letter::answer(word, &self.config.four_letter_whitelist) {
            Answer::Ask(word) => word,
            Answer::Text(text) => {
                connection.send(vec![text.into()]);
                return connection.close(&self.runtime);
            }
            Answer::Nothing => return connection.close(&self.runtime),
        };
        match word {
            Word::Crst if self.endpoint.is_serving() => self.endpoint.reset_client_times(),
            Word::Srst if self.endpoint.is_serving() => self.endpoint.reset_stats(),
            Word::Stmk => self.trace_mask = argument,
            _ => {}
        }
        let status = self.status(word);
        let runtime = self.runtime.clone();
        self.runtime.spawn_blocking(move || {
            let asker = connection.remote().to_string();
            connection.send(vec![four_letter::render(word, &status, &asker).into()]);
            connection.close(&runtime);
        });
    }

    /// What this word is about.
    fn status(&self, word: Word) -> Status {
        let view = self.endpoint.view();
        let is_about = |words: &[Word]| words.contains(&word);
        let times = is_about(&[Word::Cons, Word::Dump]).then(|| self.endpoint.client_times());
        let watches =
            is_about(&[Word::Wchs, Word::Wchc, Word::Wchp]).then(|| self.endpoint.data_watches());
        let database = is_about(&[Word::Dump]).then(|| self.endpoint.database().clone());
        Status {
            times: times.unwrap_or_default(),
            watches: watches.unwrap_or_default(),
            database,
            trace_mask: self.trace_mask,
            wall: self.now.wall,
            view,
            config: Arc::clone(&self.config),
            counters: Arc::clone(&self.counters),
            uptime_ms: self.now.mono.as_ms(),
            leader_uptime_ms: self.leading_since.map(|since| self.now.mono.as_ms() - since.as_ms()),
        }
    }

    /// Writes what the batch sends, hands its writes to the log, and lets the core know how far
    /// sending came; all that until nothing more follows from it.
    fn finish_batch(&mut self) {
        loop {
            if !self.jobs.is_empty() {
                self.log.queue(std::mem::take(&mut self.jobs));
            }
            self.flush();
            if self.own_inputs.is_empty() {
                return;
            }
            for input in std::mem::take(&mut self.own_inputs) {
                if self.is_news(&input) {
                    self.handle(input);
                }
            }
        }
    }

    fn flush(&mut self) {
        let mut conns = std::mem::take(&mut self.dirty);
        for conn in conns.drain(..) {
            let Some(Slot::Open { connection, dirty, .. }) = self.connections.get_mut(&conn) else {
                continue;
            };
            *dirty = false;
            match connection.flush() {
                Flushed::All(through) => self.own_inputs.push(Input::Drained { conn, through }),
                Flushed::Rest => {}
                Flushed::Gone => self.own_inputs.push(Input::ConnDown { conn }),
                Flushed::TooSlow => {
                    warn!("{} reads too slowly, its connection is closed", connection.remote());
                    self.own_inputs.push(Input::ConnDown { conn });
                }
            }
        }
        self.dirty = conns;
    }

    fn end(&mut self, ended: Ended) {
        self.ended.get_or_insert(ended);
    }

    fn shut_down(mut self, ended: Ended) -> Ended {
        self.listeners.clear();
        self.connections.clear();
        self.log.finish();
        ended
    }
}

/// Both clocks.
struct Clock {
    started: Instant,
}

impl Clock {
    fn now(&self) -> Now {
        let mono = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        // A clock before 1970 is shown as 1970; it only stamps znodes.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = i64::try_from(wall.as_millis()).unwrap_or(i64::MAX);
        Now { mono: Mono(mono), wall: WallMs(wall) }
    }
}
