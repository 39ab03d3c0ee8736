//! One session: which server, which connection, which requests.
//!
//! Unlike Java, a request that was never sent is not failed when an attempt to connect fails; it
//! waits for the next server. So [`CallError::ConnectionLoss`] always means "perhaps done".

mod search;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use core::hash::{Hash, Hasher};

use self::search::Search;
use super::chroot::Chroot;
use super::watches::{WatchChange, Watches};
use super::{CallError, CallId, ClientSessionView, Effect, Input, SessionState};
use crate::limits::{
    AUTH_IDS_MAX, CLIENT_CALLS_MAX, CLIENT_PING_MS, CLIENT_RECONNECT_MS, JUTE_MAX_BUFFER_PEER,
};
use crate::prng::Prng;
use crate::process::{Out, Process};
use crate::types::{ConnId, Mono, Now, SessionId, Xid, Zxid};
use crate::wire::client::{
    AuthRequest, ConnectRequest, ConnectResponse, ErrorCode, EventType, OpCode, PASSWORD_LEN,
    ReplyHeader, Request, Response, WatcherEvent, XID_AUTH, XID_EVENT, XID_PING, XID_SET_WATCHES,
    encode_request, session_password,
};
use crate::wire::frame::FrameBuffer;

/// What a session is made from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Settings {
    /// How many servers the driver knows; at least one.
    pub server_count: usize,
    /// The session timeout to ask for, in ms; above 0.
    pub timeout_ms: u32,
    /// Whether a server that only reads will do, while no other is found.
    pub read_only: bool,
}

/// A client's session.
#[derive(Clone, Debug)]
pub struct Session {
    settings: Settings,
    chroot: Chroot,
    prng: Prng,
    identity: Identity,
    last_zxid_seen: Zxid,
    watches: Watches,
    /// Given by the user, and sent on each connection before anything else.
    credentials: Vec<Credential>,
    /// Requests not sent yet; empty while connected.
    queued: VecDeque<(CallId, Request)>,
    next_server: usize,
    /// Servers in a row that did not take the session.
    failures: usize,
    next_conn: u64,
    last_xid: Xid,
    /// On a server that only reads: the search for one that also writes.
    search: Option<Search>,
    phase: Phase,
}

/// What a server gave; before that, what asks for a new session.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
struct Identity {
    session: SessionId,
    password: Bytes,
    timeout_ms: u32,
}

/// What proves who the user is.
#[derive(Clone, Debug, Hash)]
struct Credential {
    request: AuthRequest,
    /// The call that gave it, until a server has answered.
    call: Option<CallId>,
}

#[derive(Clone, Debug)]
enum Phase {
    /// Not started.
    Idle,
    /// All servers were tried in vain.
    Waiting { until: Mono },
    /// The driver is opening a connection.
    Connecting { link: Link, give_up_at: Mono },
    /// The connect request is sent.
    Handshaking { link: Link, frames: FrameBuffer, give_up_at: Mono },
    /// The server has the session.
    Connected(Connected),
    /// The server said that it expired.
    Expired,
    /// The user closed it.
    Closed,
    /// A server refused the user's credentials.
    AuthFailed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
struct Link {
    conn: ConnId,
    server: usize,
}

#[derive(Clone, Debug)]
struct Connected {
    link: Link,
    frames: FrameBuffer,
    outstanding: VecDeque<Outstanding>,
    /// The credentials sent and not answered yet, by their places.
    proving: VecDeque<usize>,
    last_sent: Mono,
    last_heard: Mono,
}

/// A request whose reply is awaited.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
struct Outstanding {
    xid: Xid,
    op: OpCode,
    /// `None` for the session's own closeSession, which is always the last one.
    call: Option<CallId>,
    /// What becomes of watches when it is answered.
    watch: Option<WatchChange>,
}

/// The server sent what no server sends; the connection is useless.
struct ProtocolError;

impl Session {
    /// A session that does not exist on any server yet. The seed chooses the first server.
    ///
    /// # Panics
    /// If there is no server or no timeout.
    pub fn new(settings: Settings, seed: u64) -> Session {
        assert!(settings.server_count > 0);
        assert!(settings.timeout_ms > 0);
        let mut prng = Prng::new(seed);
        let next_server = prng.below(settings.server_count as u64) as usize;
        Session {
            settings,
            chroot: Chroot::default(),
            prng,
            identity: Identity::asking(settings),
            last_zxid_seen: Zxid::ZERO,
            watches: Watches::default(),
            credentials: Vec::new(),
            queued: VecDeque::new(),
            next_server,
            failures: 0,
            next_conn: 0,
            last_xid: Xid(0),
            search: None,
            phase: Phase::Idle,
        }
    }

    /// A session that its servers already have, with nothing read from it yet.
    ///
    /// # Panics
    /// If there is no server or no timeout.
    pub fn resuming(settings: Settings, seed: u64, session: SessionId) -> Session {
        let password = Bytes::copy_from_slice(&session_password(session));
        let timeout_ms = settings.timeout_ms;
        let identity = Identity { session, password, timeout_ms };
        Session { identity, ..Session::new(settings, seed) }
    }

    /// The same with all its paths below a chroot.
    #[must_use]
    pub fn below(self, chroot: Chroot) -> Session {
        Session { chroot, ..self }
    }

    /// Its state.
    pub fn state(&self) -> SessionState {
        match &self.phase {
            Phase::Idle
            | Phase::Waiting { .. }
            | Phase::Connecting { .. }
            | Phase::Handshaking { .. } => SessionState::Connecting,
            Phase::Connected(connected) => self.connected_to(connected.link.server),
            Phase::Expired => SessionState::Expired,
            Phase::Closed => SessionState::Closed,
            Phase::AuthFailed => SessionState::AuthFailed,
        }
    }
}

impl Identity {
    /// What asks for a new session.
    fn asking(settings: Settings) -> Identity {
        let password = Bytes::from_static(&[0; PASSWORD_LEN]);
        Identity { session: SessionId(0), password, timeout_ms: settings.timeout_ms }
    }
}

impl Process for Session {
    type Input = Input;
    type Effect = Effect;
    type View = ClientSessionView;

    fn handle(&mut self, now: Now, input: Input, out: &mut Out<Effect>) {
        let now = now.mono;
        match input {
            Input::ConnUp { conn } | Input::ConnDown { conn } | Input::Bytes { conn, .. }
                if self.search.as_ref().is_some_and(|search| search.is_on(conn)) =>
            {
                self.on_probe(now, input, out);
            }
            Input::Start => self.start(now, out),
            Input::ConnUp { conn } => {
                if self.is_current(conn) {
                    self.shake_hands(now, out);
                }
            }
            Input::ConnDown { conn } => {
                if self.is_current(conn) {
                    self.connection_lost(now, out);
                }
            }
            Input::Bytes { conn, chunk } => {
                if self.is_current(conn) {
                    self.read(now, chunk, out);
                }
            }
            Input::Tick => self.tick(now, out),
            Input::Submit { call, request } => {
                let chroot = self.chroot.clone();
                self.submit(now, call, request, &chroot, out);
            }
            Input::SubmitUnrooted { call, request } => {
                self.submit(now, call, request, &Chroot::default(), out);
            }
            Input::Forget { mut path, kind } => {
                self.chroot.lengthen(&mut path);
                self.watches.forget(kind, &path);
            }
            Input::Close => self.close(now, out),
        }
    }

    fn deadline(&self) -> Option<Mono> {
        match &self.phase {
            Phase::Idle | Phase::Expired | Phase::Closed | Phase::AuthFailed => None,
            Phase::Waiting { until } => Some(*until),
            Phase::Connecting { give_up_at, .. } | Phase::Handshaking { give_up_at, .. } => {
                Some(*give_up_at)
            }
            Phase::Connected(connected) => {
                let timeout_ms = self.identity.timeout_ms;
                let due = connected.ping_at(timeout_ms).min(connected.give_up_at(timeout_ms));
                Some(self.search.as_ref().map_or(due, |search| search.deadline().min(due)))
            }
        }
    }

    fn view(&self) -> ClientSessionView {
        let outstanding = match &self.phase {
            Phase::Connected(connected) => {
                connected.outstanding.iter().filter_map(|sent| sent.call).collect()
            }
            Phase::Idle
            | Phase::Waiting { .. }
            | Phase::Connecting { .. }
            | Phase::Handshaking { .. }
            | Phase::Expired
            | Phase::Closed
            | Phase::AuthFailed => Vec::new(),
        };
        ClientSessionView {
            state: self.state(),
            session: self.identity.session,
            timeout_ms: self.identity.timeout_ms,
            last_zxid_seen: self.last_zxid_seen,
            queued: self.queued.iter().map(|(call, _)| *call).collect(),
            outstanding,
            watches: self.watches.view(),
        }
    }

    fn fingerprint(&self, mut hasher: &mut dyn Hasher) {
        let hasher = &mut hasher;
        self.settings.hash(hasher);
        self.chroot.hash(hasher);
        self.prng.hash(hasher);
        self.identity.hash(hasher);
        self.last_zxid_seen.hash(hasher);
        self.watches.hash(hasher);
        self.credentials.hash(hasher);
        self.queued.hash(hasher);
        (self.next_server, self.failures, self.next_conn, self.last_xid).hash(hasher);
        self.search.hash(hasher);
        core::mem::discriminant(&self.phase).hash(hasher);
        match &self.phase {
            Phase::Idle
            | Phase::Waiting { .. }
            | Phase::Expired
            | Phase::Closed
            | Phase::AuthFailed => {}
            Phase::Connecting { link, .. } => link.hash(hasher),
            Phase::Handshaking { link, frames, .. } => (link, frames).hash(hasher),
            Phase::Connected(Connected { link, frames, outstanding, proving, .. }) => {
                (link, frames, outstanding, proving).hash(hasher);
            }
        }
    }
}

/// Connections.
impl Session {
    fn connected_to(&self, server: usize) -> SessionState {
        let session = self.identity.session;
        match self.search {
            None => SessionState::Connected { session, server },
            Some(_) => SessionState::ConnectedReadOnly { session, server },
        }
    }

    fn start(&mut self, now: Mono, out: &mut Out<Effect>) {
        if matches!(self.phase, Phase::Idle) {
            self.dial(now, out);
        }
    }

    fn dial(&mut self, now: Mono, out: &mut Out<Effect>) {
        let link = Link { conn: ConnId::outgoing(self.next_conn), server: self.next_server };
        self.next_conn += 1;
        self.next_server = (self.next_server + 1) % self.settings.server_count;
        self.phase = Phase::Connecting { link, give_up_at: self.attempt_ends_at(now) };
        out.push(Effect::Connect { conn: link.conn, server: link.server });
    }

    /// Each server gets its part of the session timeout, so that all are tried before it ends.
    fn attempt_ends_at(&self, now: Mono) -> Mono {
        let servers = self.settings.server_count as u64;
        now.plus_ms((u64::from(self.identity.timeout_ms) / servers).max(1))
    }

    fn shake_hands(&mut self, now: Mono, out: &mut Out<Effect>) {
        let Phase::Connecting { link, .. } = self.phase else { return };
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: self.last_zxid_seen,
            timeout_ms: i32::try_from(self.identity.timeout_ms).unwrap_or(i32::MAX),
            session: self.identity.session,
            password: Some(self.identity.password.clone()),
            read_only: Some(self.settings.read_only),
        };
        let give_up_at = self.attempt_ends_at(now);
        self.phase = Phase::Handshaking { link, frames: FrameBuffer::default(), give_up_at };
        out.push(Effect::Send { conn: link.conn, frame: request.encode() });
    }

    fn is_current(&self, conn: ConnId) -> bool {
        self.link().is_some_and(|link| link.conn == conn)
    }

    fn link(&self) -> Option<Link> {
        match &self.phase {
            Phase::Idle
            | Phase::Waiting { .. }
            | Phase::Expired
            | Phase::Closed
            | Phase::AuthFailed => None,
            Phase::Connecting { link, .. } | Phase::Handshaking { link, .. } => Some(*link),
            Phase::Connected(connected) => Some(connected.link),
        }
    }

    /// Leaves the present server for the next one.
    fn give_up(&mut self, now: Mono, out: &mut Out<Effect>) {
        if let Some(link) = self.link() {
            out.push(Effect::Disconnect { conn: link.conn });
        }
        self.connection_lost(now, out);
    }

    fn connection_lost(&mut self, now: Mono, out: &mut Out<Effect>) {
        let phase = core::mem::replace(&mut self.phase, Phase::Waiting { until: now });
        let Phase::Connected(connected) = phase else {
            self.failures += 1;
            self.try_next(now, out);
            return;
        };
        if let Some(search) = self.search.take() {
            search.stop(out);
            // Nobody else has a session of a server that only reads.
            self.identity = Identity::asking(self.settings);
        }
        let closing = connected.is_closing();
        let lost = connected.outstanding.into_iter().filter_map(|sent| sent.call);
        for call in lost {
            let result = Err(CallError::ConnectionLoss);
            out.push(Effect::Returned { call, zxid: None, result });
        }
        if closing {
            self.end(Phase::Closed, CallError::Closed, out);
        } else {
            out.push(Effect::StateChanged { state: SessionState::Connecting });
            self.try_next(now, out);
        }
    }

    /// Tries the next server, after a pause if all were tried.
    fn try_next(&mut self, now: Mono, out: &mut Out<Effect>) {
        if self.failures >= self.settings.server_count {
            self.failures = 0;
            let pause_ms = self.prng.below(CLIENT_RECONNECT_MS) + 1;
            self.phase = Phase::Waiting { until: now.plus_ms(pause_ms) };
        } else {
            self.dial(now, out);
        }
    }

    /// The session is over for good.
    fn end(&mut self, phase: Phase, error: CallError, out: &mut Out<Effect>) {
        self.phase = phase;
        if let Some(search) = self.search.take() {
            search.stop(out);
        }
        let proving = self.credentials.iter_mut().filter_map(|credential| credential.call.take());
        let queued = core::mem::take(&mut self.queued).into_iter().map(|(call, _)| call);
        for call in proving.chain(queued) {
            out.push(Effect::Returned { call, zxid: None, result: Err(error) });
        }
        out.push(Effect::StateChanged { state: self.state() });
    }

    fn tick(&mut self, now: Mono, out: &mut Out<Effect>) {
        match &mut self.phase {
            Phase::Idle | Phase::Expired | Phase::Closed | Phase::AuthFailed => {}
            Phase::Waiting { until } => {
                if *until <= now {
                    self.dial(now, out);
                }
            }
            Phase::Connecting { give_up_at, .. } | Phase::Handshaking { give_up_at, .. } => {
                if *give_up_at <= now {
                    self.give_up(now, out);
                }
            }
            Phase::Connected(connected) => {
                let timeout_ms = self.identity.timeout_ms;
                if connected.give_up_at(timeout_ms) <= now {
                    self.give_up(now, out);
                } else if connected.ping_at(timeout_ms) <= now {
                    connected.send(now, XID_PING, &Request::Ping, out);
                }
                self.search_on(now, out);
            }
        }
    }
}

/// Requests.
impl Session {
    fn submit(
        &mut self,
        now: Mono,
        call: CallId,
        request: Request,
        chroot: &Chroot,
        out: &mut Out<Effect>,
    ) {
        assert!(is_for_users(&request), "{:?} is the session's own", request.op());
        if let Request::Auth(request) = request {
            return self.prove(now, call, request, out);
        }
        let Some(request) = chroot.request(request) else {
            let result = Err(CallError::BadPath);
            return out.push(Effect::Returned { call, zxid: None, result });
        };
        let waiting = self.queued.len();
        let refused = match &mut self.phase {
            Phase::Expired => CallError::SessionExpired,
            Phase::Closed => CallError::Closed,
            Phase::AuthFailed => CallError::AuthFailed,
            Phase::Connected(connected) => {
                if connected.is_closing() {
                    CallError::Closed
                } else if connected.outstanding.len() >= CLIENT_CALLS_MAX {
                    CallError::TooManyCalls { max: CLIENT_CALLS_MAX }
                } else {
                    let xid = next_xid(&mut self.last_xid);
                    connected.request(now, xid, Some(call), &request, out);
                    return;
                }
            }
            Phase::Idle
            | Phase::Waiting { .. }
            | Phase::Connecting { .. }
            | Phase::Handshaking { .. } => {
                if waiting >= CLIENT_CALLS_MAX {
                    CallError::TooManyCalls { max: CLIENT_CALLS_MAX }
                } else {
                    self.queued.push_back((call, request));
                    return;
                }
            }
        };
        out.push(Effect::Returned { call, zxid: None, result: Err(refused) });
    }

    /// Credentials are kept; they are answered when the first server has answered.
    fn prove(&mut self, now: Mono, call: CallId, request: AuthRequest, out: &mut Out<Effect>) {
        let error = match &self.phase {
            Phase::Expired => CallError::SessionExpired,
            Phase::Closed => CallError::Closed,
            Phase::AuthFailed => CallError::AuthFailed,
            Phase::Connected(connected) if connected.is_closing() => CallError::Closed,
            _ if self.credentials.len() >= AUTH_IDS_MAX => {
                CallError::TooManyCalls { max: AUTH_IDS_MAX }
            }
            _ => {
                let place = self.credentials.len();
                let credential = Credential { request, call: Some(call) };
                if let Phase::Connected(connected) = &mut self.phase {
                    connected.prove(now, place, &credential, out);
                }
                return self.credentials.push(credential);
            }
        };
        out.push(Effect::Returned { call, zxid: None, result: Err(error) });
    }

    fn close(&mut self, now: Mono, out: &mut Out<Effect>) {
        match &mut self.phase {
            Phase::Expired | Phase::Closed | Phase::AuthFailed => {}
            Phase::Connected(connected) => {
                if !connected.is_closing() {
                    let xid = next_xid(&mut self.last_xid);
                    connected.request(now, xid, None, &Request::CloseSession, out);
                }
            }
            // Nobody can be told; the session expires by itself.
            Phase::Connecting { link, .. } | Phase::Handshaking { link, .. } => {
                out.push(Effect::Disconnect { conn: link.conn });
                self.end(Phase::Closed, CallError::Closed, out);
            }
            Phase::Idle | Phase::Waiting { .. } => {
                self.end(Phase::Closed, CallError::Closed, out);
            }
        }
    }
}

/// What comes from the server.
impl Session {
    fn read(&mut self, now: Mono, chunk: Bytes, out: &mut Out<Effect>) {
        if let Some(frames) = self.frames() {
            frames.push(chunk);
        }
        // Ends, because every turn takes a frame off, and without a connection there is none.
        while let Some(frames) = self.frames() {
            let done = match frames.next_frame(JUTE_MAX_BUFFER_PEER) {
                Ok(Some(frame)) => self.frame(now, frame, out),
                Ok(None) => return,
                Err(_) => Err(ProtocolError),
            };
            if let Err(ProtocolError) = done {
                self.give_up(now, out);
                return;
            }
        }
    }

    fn frames(&mut self) -> Option<&mut FrameBuffer> {
        match &mut self.phase {
            Phase::Handshaking { frames, .. } => Some(frames),
            Phase::Connected(connected) => Some(&mut connected.frames),
            Phase::Idle
            | Phase::Waiting { .. }
            | Phase::Connecting { .. }
            | Phase::Expired
            | Phase::Closed
            | Phase::AuthFailed => None,
        }
    }

    fn frame(
        &mut self,
        now: Mono,
        frame: Bytes,
        out: &mut Out<Effect>,
    ) -> Result<(), ProtocolError> {
        if let Phase::Handshaking { .. } = self.phase {
            let response = ConnectResponse::decode(frame).map_err(|_| ProtocolError)?;
            self.handshake_done(now, response, out);
            return Ok(());
        }
        let (header, body) = ReplyHeader::decode(frame).map_err(|_| ProtocolError)?;
        if let Phase::Connected(connected) = &mut self.phase {
            connected.last_heard = now;
        }
        match header.xid {
            XID_PING | XID_SET_WATCHES => Ok(()),
            XID_EVENT => self.event(header, body, out),
            XID_AUTH => self.proved(header, out),
            _ => self.reply(header, body, out),
        }
    }

    fn handshake_done(&mut self, now: Mono, response: ConnectResponse, out: &mut Out<Effect>) {
        let phase = core::mem::replace(&mut self.phase, Phase::Waiting { until: now });
        let Phase::Handshaking { link, frames, .. } = phase else {
            unreachable!("the caller looked at the phase");
        };
        let timeout_ms = u32::try_from(response.timeout_ms).unwrap_or(0);
        if timeout_ms == 0 || response.session == SessionId(0) {
            out.push(Effect::Disconnect { conn: link.conn });
            self.end(Phase::Expired, CallError::SessionExpired, out);
            return;
        }
        let password = response.password.unwrap_or_default();
        self.identity = Identity { session: response.session, password, timeout_ms };
        let reads_only = response.read_only == Some(true);
        let next = (link.server + 1) % self.settings.server_count;
        self.search = reads_only.then(|| Search::new(now, next));
        self.failures = 0;
        let (outstanding, proving) = (VecDeque::new(), VecDeque::new());
        let mut connected =
            Connected { link, frames, outstanding, proving, last_sent: now, last_heard: now };
        for (place, credential) in self.credentials.iter().enumerate() {
            connected.prove(now, place, credential, out);
        }
        for watches in self.watches.set_again(self.last_zxid_seen) {
            connected.send(now, XID_SET_WATCHES, &watches, out);
        }
        out.push(Effect::StateChanged { state: self.connected_to(link.server) });
        for (call, request) in core::mem::take(&mut self.queued) {
            let xid = next_xid(&mut self.last_xid);
            connected.request(now, xid, Some(call), &request, out);
        }
        self.phase = Phase::Connected(connected);
    }

    fn event(
        &mut self,
        header: ReplyHeader,
        body: Bytes,
        out: &mut Out<Effect>,
    ) -> Result<(), ProtocolError> {
        let event = WatcherEvent::decode(body).map_err(|_| ProtocolError)?;
        let kind = EventType::from_wire(event.kind).ok_or(ProtocolError)?;
        let watchers = self.watches.fire(kind, &event.path);
        if !watchers.is_empty() {
            let (mut path, zxid) = (event.path, known_zxid(header.zxid));
            self.chroot.shorten(&mut path);
            out.push(Effect::WatchEvent { kind, path, zxid, watchers });
        }
        Ok(())
    }

    /// The server has judged the oldest credentials that it was sent.
    fn proved(&mut self, header: ReplyHeader, out: &mut Out<Effect>) -> Result<(), ProtocolError> {
        let Phase::Connected(connected) = &mut self.phase else { return Err(ProtocolError) };
        let conn = connected.link.conn;
        let place = connected.proving.pop_front().ok_or(ProtocolError)?;
        let call = self.credentials.get_mut(place).and_then(|credential| credential.call.take());
        let is_proved = header.err == ErrorCode::Ok.to_wire();
        if let Some(call) = call {
            let refused = CallError::Refused { code: header.err };
            let result = if is_proved { Ok(Response::Empty) } else { Err(refused) };
            out.push(Effect::Returned { call, zxid: None, result });
        }
        if !is_proved {
            for call in connected.outstanding.drain(..).filter_map(|sent| sent.call) {
                let result = Err(CallError::ConnectionLoss);
                out.push(Effect::Returned { call, zxid: None, result });
            }
            out.push(Effect::Disconnect { conn });
            self.end(Phase::AuthFailed, CallError::AuthFailed, out);
        }
        Ok(())
    }

    fn reply(
        &mut self,
        header: ReplyHeader,
        body: Bytes,
        out: &mut Out<Effect>,
    ) -> Result<(), ProtocolError> {
        let Phase::Connected(connected) = &mut self.phase else { return Err(ProtocolError) };
        let awaited = connected.outstanding.front().ok_or(ProtocolError)?;
        if awaited.xid != header.xid {
            return Err(ProtocolError);
        }
        // Decoded before the request is taken off: if that fails, it is lost with the others.
        let result = if header.err == ErrorCode::Ok.to_wire() {
            let mut response = Response::decode(awaited.op, body).map_err(|_| ProtocolError)?;
            self.chroot.response(&mut response);
            Ok(response)
        } else {
            Err(CallError::Refused { code: header.err })
        };
        let link = connected.link;
        let Some(Outstanding { op, call, watch, .. }) = connected.outstanding.pop_front() else {
            unreachable!("its front was looked at");
        };
        let zxid = known_zxid(header.zxid);
        self.last_zxid_seen = self.last_zxid_seen.max(zxid.unwrap_or(Zxid::ZERO));
        let Some(call) = call else {
            out.push(Effect::Disconnect { conn: link.conn });
            self.end(Phase::Closed, CallError::Closed, out);
            return Ok(());
        };
        if let Some(change) = watch {
            self.watches.replied(change, op, header.err, call);
        }
        out.push(Effect::Returned { call, zxid, result });
        Ok(())
    }
}

impl Connected {
    fn is_closing(&self) -> bool {
        self.outstanding.back().is_some_and(|last| last.call.is_none())
    }

    fn ping_at(&self, timeout_ms: u32) -> Mono {
        self.last_sent.plus_ms(u64::from(timeout_ms / 3).clamp(1, CLIENT_PING_MS))
    }

    fn give_up_at(&self, timeout_ms: u32) -> Mono {
        self.last_heard.plus_ms((u64::from(timeout_ms) * 2 / 3).max(1))
    }

    fn request(
        &mut self,
        now: Mono,
        xid: Xid,
        call: Option<CallId>,
        request: &Request,
        out: &mut Out<Effect>,
    ) {
        let watch = WatchChange::of(request);
        self.outstanding.push_back(Outstanding { xid, op: request.op(), call, watch });
        self.send(now, xid, request, out);
    }

    fn prove(&mut self, now: Mono, place: usize, credential: &Credential, out: &mut Out<Effect>) {
        self.proving.push_back(place);
        self.send(now, XID_AUTH, &Request::Auth(credential.request.clone()), out);
    }

    fn send(&mut self, now: Mono, xid: Xid, request: &Request, out: &mut Out<Effect>) {
        self.last_sent = now;
        out.push(Effect::Send { conn: self.link.conn, frame: encode_request(xid, request) });
    }
}

/// Numbers from 1 up, and again from 1 after the last positive one.
fn next_xid(last: &mut Xid) -> Xid {
    *last = Xid(last.0.checked_add(1).unwrap_or(1));
    *last
}

/// A header's zxid; servers write -1 where they have none.
fn known_zxid(zxid: Zxid) -> Option<Zxid> {
    (zxid.to_wire() > 0).then_some(zxid)
}

fn is_for_users(request: &Request) -> bool {
    match request {
        Request::CreateSession { .. }
        | Request::CloseSession
        | Request::Ping
        | Request::DeleteContainer { .. }
        | Request::SetWatches(_)
        | Request::SetWatches2(_) => false,
        Request::Create(_)
        | Request::Create2(_)
        | Request::Delete(_)
        | Request::SetData(_)
        | Request::Check(_)
        | Request::Multi(_)
        | Request::Exists { .. }
        | Request::GetData { .. }
        | Request::GetAcl { .. }
        | Request::GetChildren { .. }
        | Request::GetChildren2 { .. }
        | Request::SetAcl(_)
        | Request::CreateContainer(_)
        | Request::CreateTtl(_)
        | Request::MultiRead(_)
        | Request::GetEphemerals { .. }
        | Request::GetAllChildrenNumber { .. }
        | Request::WhoAmI
        | Request::Reconfig(_)
        | Request::Auth(_)
        | Request::AddWatch { .. }
        | Request::CheckWatches { .. }
        | Request::RemoveWatches { .. }
        | Request::Sync { .. } => true,
    }
}
