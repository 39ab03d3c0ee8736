//! One session with the servers, driven by a task: sockets and a clock around the core's
//! [`Session`].
//!
//! A call that no server can take is held here and never reaches the session, so what the user was
//! told is not done is not done later.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, warn};
use zablab_core::client::{
    CallError, CallId, ConnectString, Effect, Input, Session, SessionState, Settings, WatchView,
};
use zablab_core::config::HostPort;
use zablab_core::process::{Out, Process};
use zablab_core::types::{ConnId, Mono, Now, Path, WallMs, Zxid};
use zablab_core::wire::client::{EventType, Request, Response, WatcherType};

use crate::net::{Connector, Stream, open};

/// Bytes that are read at once.
const READ_CHUNK: usize = 64 * 1024;
/// How long the end of a session may take, so that its ephemeral znodes are gone.
const CLOSE_FOR: Duration = Duration::from_secs(2);
/// Without a deadline the task still wakes up this often.
const IDLE: Duration = Duration::from_secs(3600);

/// What a connection is made from.
#[derive(Clone, Debug)]
pub struct Target {
    /// Servers and chroot.
    pub hosts: ConnectString,
    /// The session timeout to ask for, in ms.
    pub timeout_ms: u32,
    /// Whether a server that only reads will do.
    pub read_only: bool,
    /// Whether calls wait for a server as long as the timeout, or fail once all were tried.
    pub patient: bool,
    /// How connections are made secure, if they are.
    pub tls: Option<Arc<Connector>>,
}

/// What happens without being asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A watch fired.
    Watch {
        /// What happened.
        kind: EventType,
        /// To which znode.
        path: Path,
        /// The zxid of the change, if the server told it.
        zxid: Option<Zxid>,
    },
    /// The session is in another state.
    State(SessionState),
}

/// A session. Dropped, it is left to expire.
#[derive(Debug)]
pub struct Connection {
    asks: mpsc::UnboundedSender<Ask>,
    state: watch::Receiver<SessionState>,
    chroot: String,
}

type Answer = oneshot::Sender<Result<Response, CallError>>;

#[derive(Debug)]
enum Ask {
    Call { call: Call, answer: Answer },
    Forget { path: Path, kind: WatcherType },
    Watches(oneshot::Sender<Vec<WatchView>>),
    Close,
}

#[derive(Debug)]
struct Call {
    request: Request,
    /// Whether its paths are those of the servers.
    unrooted: bool,
}

impl Connection {
    /// Begins a session; `notify` hears of what happens in it, before the calls that follow return.
    pub fn open(target: Target, notify: impl Fn(Notice) + Send + 'static) -> Connection {
        let (asks, asked) = mpsc::unbounded_channel();
        let (happened, happenings) = mpsc::unbounded_channel();
        let (state_sender, state) = watch::channel(SessionState::Connecting);
        let chroot = target.hosts.chroot.path().to_owned();
        // A number that no other client has: it decides which server is the first.
        let seed = RandomState::new().build_hasher().finish();
        let mut hosts = target.hosts.clone();
        hosts.shuffle(seed);
        let settings = Settings {
            server_count: hosts.servers.len(),
            timeout_ms: target.timeout_ms,
            read_only: target.read_only,
        };
        let driver = Driver {
            session: Session::new(settings, seed).below(hosts.chroot),
            servers: hosts.servers,
            tls: target.tls,
            wait: target.patient.then(|| Duration::from_millis(target.timeout_ms.into())),
            began: Instant::now(),
            links: BTreeMap::new(),
            happened,
            calls: BTreeMap::new(),
            last_call: 0,
            held: VecDeque::new(),
            failures: 0,
            state: state_sender,
            notify: Box::new(notify),
        };
        tokio::spawn(driver.run(asked, happenings));
        Connection { asks, state, chroot }
    }

    /// The state of the session.
    pub fn state(&self) -> SessionState {
        *self.state.borrow()
    }

    /// Where its paths begin, as the servers have it.
    pub fn chroot(&self) -> &str {
        &self.chroot
    }

    /// Whether it can still come to something.
    pub fn is_alive(&self) -> bool {
        match self.state() {
            SessionState::Connecting
            | SessionState::Connected { .. }
            | SessionState::ConnectedReadOnly { .. } => true,
            SessionState::Expired | SessionState::Closed | SessionState::AuthFailed => false,
        }
    }

    /// Whether a server has the session at the moment.
    pub fn is_connected(&self) -> bool {
        let state = self.state();
        matches!(state, SessionState::Connected { .. } | SessionState::ConnectedReadOnly { .. })
    }

    /// Asks a server.
    ///
    /// # Errors
    /// What the session or the server says.
    pub async fn call(&self, request: Request) -> Result<Response, CallError> {
        self.send(Call { request, unrooted: false }).await
    }

    /// Asks a server, with paths as it has them.
    ///
    /// # Errors
    /// What the session or the server says.
    pub async fn call_unrooted(&self, request: Request) -> Result<Response, CallError> {
        self.send(Call { request, unrooted: true }).await
    }

    async fn send(&self, call: Call) -> Result<Response, CallError> {
        let (answer, answered) = oneshot::channel();
        // The task lives as long as this value.
        let _ = self.asks.send(Ask::Call { call, answer });
        answered.await.unwrap_or(Err(CallError::Closed))
    }

    /// Forgets watches, without telling any server.
    pub fn forget(&self, path: Path, kind: WatcherType) {
        let _ = self.asks.send(Ask::Forget { path, kind });
    }

    /// The watches of the session, with the servers' paths.
    pub async fn watches(&self) -> Vec<WatchView> {
        let (answer, answered) = oneshot::channel();
        let _ = self.asks.send(Ask::Watches(answer));
        answered.await.unwrap_or_default()
    }

    /// Ends the session and waits a moment for it.
    pub async fn close(&self) {
        let mut state = self.state.clone();
        let _ = self.asks.send(Ask::Close);
        let ended = state.wait_for(|state| {
            use SessionState::{AuthFailed, Closed, Expired};
            matches!(state, Closed | Expired | AuthFailed)
        });
        let _ = timeout(CLOSE_FOR, ended).await;
    }
}

/// What comes from a socket.
#[derive(Debug)]
enum Happened {
    Up,
    Bytes(Bytes),
    Down,
}

type Happenings = mpsc::UnboundedSender<(ConnId, Happened)>;

/// A call without a server.
#[derive(Debug)]
struct Held {
    call: Call,
    answer: Answer,
    /// The count of failures at which all servers have been tried since.
    tried_at: u64,
    /// When to give up instead, if it may wait.
    until: Option<Instant>,
}

struct Driver {
    session: Session,
    servers: Vec<HostPort>,
    tls: Option<Arc<Connector>>,
    /// How long calls wait for a server, if they do.
    wait: Option<Duration>,
    began: Instant,
    links: BTreeMap<ConnId, Link>,
    happened: Happenings,
    calls: BTreeMap<CallId, Answer>,
    last_call: u64,
    held: VecDeque<Held>,
    /// Attempts to get a server that came to nothing.
    failures: u64,
    state: watch::Sender<SessionState>,
    notify: Box<dyn Fn(Notice) + Send>,
}

impl Driver {
    async fn run(
        mut self,
        mut asked: mpsc::UnboundedReceiver<Ask>,
        mut happenings: mpsc::UnboundedReceiver<(ConnId, Happened)>,
    ) {
        self.input(Input::Start);
        loop {
            let wake = self.wake_at();
            tokio::select! {
                ask = asked.recv() => match ask {
                    Some(ask) => self.take(ask),
                    None => return,
                },
                Some((conn, happened)) = happenings.recv() => self.hear(conn, happened),
                () = sleep_until(wake) => {
                    if self.session.deadline().is_some_and(|at| at <= self.now().mono) {
                        self.input(Input::Tick);
                    }
                }
            }
            self.give_up_held();
        }
    }

    fn now(&self) -> Now {
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        Now { mono: Mono(micros), wall: WallMs(0) }
    }

    fn wake_at(&self) -> Instant {
        let due = self.session.deadline().map(|at| self.began + Duration::from_micros(at.0));
        let given_up = self.held.iter().filter_map(|held| held.until).min();
        let never = Instant::now() + IDLE;
        due.into_iter().chain(given_up).min().unwrap_or(never)
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Call { call, answer } => {
                if matches!(*self.state.borrow(), SessionState::Connecting) {
                    let tried_at = self.failures + self.servers.len() as u64;
                    let until = self.wait.map(|wait| Instant::now() + wait);
                    self.held.push_back(Held { call, answer, tried_at, until });
                } else {
                    self.submit(call, answer);
                }
            }
            Ask::Forget { path, kind } => self.input(Input::Forget { path, kind }),
            Ask::Watches(answer) => {
                let _ = answer.send(self.session.view().watches);
            }
            Ask::Close => self.input(Input::Close),
        }
    }

    fn submit(&mut self, call: Call, answer: Answer) {
        // Nobody waits for it any more, and it was not sent.
        if answer.is_closed() {
            return;
        }
        self.last_call += 1;
        let name = CallId(self.last_call);
        self.calls.insert(name, answer);
        let Call { request, unrooted } = call;
        self.input(match unrooted {
            false => Input::Submit { call: name, request },
            true => Input::SubmitUnrooted { call: name, request },
        });
    }

    fn hear(&mut self, conn: ConnId, happened: Happened) {
        // It may be on its way while its connection is closed.
        if !self.links.contains_key(&conn) {
            return;
        }
        let input = match happened {
            Happened::Up => Input::ConnUp { conn },
            Happened::Bytes(chunk) => Input::Bytes { conn, chunk },
            Happened::Down => {
                self.unlink(conn);
                Input::ConnDown { conn }
            }
        };
        self.input(input);
    }

    fn unlink(&mut self, conn: ConnId) {
        self.links.remove(&conn);
        if matches!(*self.state.borrow(), SessionState::Connecting) {
            self.failures += 1;
        }
    }

    fn input(&mut self, input: Input) {
        let mut out = Out::new(false);
        self.session.handle(self.now(), input, &mut out);
        for effect in out.effects {
            self.effect(effect);
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { conn, server } => {
                let addr = self.servers[server].clone();
                let (tls, happened) = (self.tls.clone(), self.happened.clone());
                self.links.insert(conn, Link::start(conn, addr, tls, happened));
            }
            Effect::Disconnect { conn } => self.unlink(conn),
            Effect::Send { conn, frame } => {
                if let Some(link) = self.links.get(&conn) {
                    // The task reports the end of its connection itself.
                    let _ = link.frames.send(frame);
                }
            }
            Effect::Returned { call, result, .. } => {
                if let Some(answer) = self.calls.remove(&call) {
                    let _ = answer.send(result);
                }
            }
            Effect::WatchEvent { kind, path, zxid, .. } => {
                (self.notify)(Notice::Watch { kind, path, zxid });
            }
            Effect::StateChanged { state } => {
                (self.notify)(Notice::State(state));
                self.state.send_replace(state);
                if state != SessionState::Connecting {
                    for Held { call, answer, .. } in std::mem::take(&mut self.held) {
                        self.submit(call, answer);
                    }
                }
            }
        }
    }

    fn give_up_held(&mut self) {
        let (now, failures) = (Instant::now(), self.failures);
        let held = std::mem::take(&mut self.held).into_iter();
        let keep = |held: Held| {
            let over = held.until.map_or(held.tried_at <= failures, |until| until <= now);
            if over {
                let _ = held.answer.send(Err(CallError::ConnectionLoss));
                return None;
            }
            (!held.answer.is_closed()).then_some(held)
        };
        self.held = held.filter_map(keep).collect();
    }
}

/// A connection's task; it ends with this value.
#[derive(Debug)]
struct Link {
    frames: mpsc::UnboundedSender<Bytes>,
    task: JoinHandle<()>,
}

impl Link {
    fn start(
        conn: ConnId,
        addr: HostPort,
        tls: Option<Arc<Connector>>,
        happened: Happenings,
    ) -> Link {
        let (frames, queue) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            match talk(conn, &addr, tls.as_deref(), queue, &happened).await {
                Ok(()) => {}
                // What is wrong with a certificate does not get better by another try.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    warn!("{addr}: TLS: {error}");
                }
                Err(error) => debug!("{addr}: {error}"),
            }
            let _ = happened.send((conn, Happened::Down));
        });
        Link { frames, task }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn talk(
    conn: ConnId,
    addr: &HostPort,
    tls: Option<&Connector>,
    queue: mpsc::UnboundedReceiver<Bytes>,
    happened: &Happenings,
) -> io::Result<()> {
    let (socket, _) = open(addr).await?;
    let stream = match tls {
        None => socket.into(),
        Some(connector) => connector.secure(socket, &addr.host).await?,
    };
    let _ = happened.send((conn, Happened::Up));
    tokio::select! {
        read = read(conn, &stream, happened) => read,
        written = write(&stream, queue) => written,
    }
}

async fn read(conn: ConnId, stream: &Stream, happened: &Happenings) -> io::Result<()> {
    loop {
        stream.readable().await?;
        let mut chunk = BytesMut::with_capacity(READ_CHUNK);
        match stream.try_read_buf(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(_) => _ = happened.send((conn, Happened::Bytes(chunk.freeze()))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

async fn write(stream: &Stream, mut queue: mpsc::UnboundedReceiver<Bytes>) -> io::Result<()> {
    let mut frames = VecDeque::new();
    while let Some(frame) = queue.recv().await {
        frames.push_back(frame);
        while !frames.is_empty() || !stream.is_flushed() {
            stream.writable().await?;
            match stream.try_write(&mut frames) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
