//! The connections of clients: sessions attach, requests queue, replies leave in order.
//!
//! Per connection everything is answered in the order it was asked: a read waits behind the
//! session's earlier writes, a watch event leaves before any reply that could show its change.
//! Source: ZooKeeper's `CommitProcessor`, `FinalRequestProcessor`, `ZooKeeperServer`. Not here:
//! what a write does (the leader decides) and whether a session lives (the leader knows, or
//! [`local`]). How a connection gets its session is in [`handshake`].

mod handshake;
mod inspect;
mod local;
mod prove;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;
use core::iter;

use self::handshake::refuse;
use crate::config::{Config, Proofs, Rules, SessionRules};
use crate::limits::{CLIENT_OUTSTANDING_MAX, OUTSTANDING_MAX};
use crate::process::{Effect, Out};
use crate::request::access::{Access, first_identities};
use crate::request::read::{Read, ReadContext, read};
use crate::request::sasl::Exchange;
use crate::request::sessions::SessionTracker;
use crate::request::{Origin, Request};
use crate::trace::Event;
use crate::tree::Database;
use crate::tree::acl::READ;
use crate::tree::apply::Applied;
use crate::tree::watch::{Fired, Watch, WatchTable};
use crate::txn::{Id, TxnHeader};
use crate::types::{ConnId, Mono, Now, ServerId, SessionId, Xid, Zxid};
use crate::view::{ClientTimes, ClientView, Stats};
use crate::wire::client::{
    self, AddWatchMode, ErrorCode, OpCode, RequestError, RequestHeader, Response, encode_event,
    encode_reply,
};
use crate::wire::client::{WatcherEvent, WatcherType, XID_PING};
use crate::wire::quorum::RevalidateRequest;

/// What stands where a reply or an event has no zxid: -1.
const NO_ZXID: Zxid = Zxid(u64::MAX);

/// What every step of a client's service looks at.
pub struct Scene<'a> {
    /// Both clocks.
    pub now: Now,
    /// The tree.
    pub database: &'a Database,
    /// What clients are told as the last zxid.
    pub last_processed: Zxid,
    /// What is decided about clients.
    pub rules: ClientRules,
    /// Counters.
    pub stats: &'a mut Stats,
    /// Where effects go.
    pub out: &'a mut Out<Effect>,
}

/// The decisions about clients, as the policy has them: all true, but for known bugs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientRules {
    /// Whether the events of a transaction leave before the reply to it.
    pub events_first: bool,
    /// Whether a client that sets its watches again is told of what it missed.
    pub tells_missed: bool,
    /// Whether headers carry the last applied transaction, and not the client's own last one.
    pub last_applied: bool,
}

/// What a client's frame asks of the role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Upstream {
    /// A write or a sync: to the leader.
    Submit(Request),
    /// A session that began elsewhere: does it live?
    Revalidate(RevalidateRequest),
    /// A sign of life.
    Touch(SessionId, i32),
    /// The client closes a session that only this server has.
    EndLocal(SessionId),
}

/// All client connections of one server.
#[derive(Clone, Debug, Hash)]
pub struct Clients {
    me: ServerId,
    min_timeout_ms: i32,
    max_timeout_ms: i32,
    max_per_address: u32,
    rules: Rules,
    sessions: SessionRules,
    super_digest: Option<String>,
    proofs: Proofs,
    /// Makes nonces that nobody can know before.
    nonce_key: [u8; 32],
    nonces: u64,
    service: Service,
    connections: BTreeMap<ConnId, Connection>,
    by_session: BTreeMap<SessionId, ConnId>,
    /// Connections whose session is being created or asked about.
    attaching: BTreeMap<SessionId, ConnId>,
    /// How many REVALIDATEs of a session the leader has not answered.
    revalidating: BTreeMap<SessionId, u32>,
    /// The sessions that only this server has.
    local: SessionTracker,
    watches: WatchTable,
    /// Requests of all connections that are not answered yet.
    outstanding: usize,
    /// Some connections are held up by that sum, whatever their own queues.
    held_up: bool,
    /// The last session id given out, none before the first.
    last_session: Option<SessionId>,
}

/// What clients get here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
enum Service {
    /// Nothing: the server has no role that serves.
    None,
    /// Reads of what it has, while it looks for a leader.
    ReadOnly,
    /// Everything.
    Full,
}

#[derive(Clone, Debug, Hash)]
struct Connection {
    remote: String,
    /// Whom the connection has proved to be; last its address, which is only seen.
    auth: Vec<Id>,
    sasl: Exchange,
    attachment: Attachment,
    waiting: VecDeque<Waiting>,
    paused: bool,
    received: u64,
    sent: u64,
    last_xid: Xid,
    last_zxid: Zxid,
    times: ClientTimes,
}

/// How far a connection has become part of a session.
#[derive(Clone, Copy, Debug, Hash)]
enum Attachment {
    New,
    /// Its createSession is on its way.
    Creating(Offer),
    /// The leader is asked whether the session lives.
    Revalidating(Offer),
    Open(Offer),
}

#[derive(Clone, Copy, Debug, Hash)]
struct Offer {
    session: SessionId,
    timeout_ms: i32,
    /// Clients before 3.4 send no read-only flag and expect none.
    knows_read_only: bool,
}

/// A request that is not answered yet.
#[derive(Clone, Debug, Hash)]
struct Waiting {
    xid: Xid,
    op: i32,
    since: Mono,
    on: On,
}

#[derive(Clone, Debug, Hash)]
enum On {
    /// Its transaction.
    Commit,
    /// The leader's answer to the sync.
    Sync(Response),
    /// Only those before it.
    Nothing(Result<client::Request, ErrorCode>),
}

impl Clients {
    /// None yet.
    pub fn new(config: &Config) -> Clients {
        Clients {
            me: config.me,
            min_timeout_ms: config.min_session_timeout_ms,
            max_timeout_ms: config.max_session_timeout_ms,
            max_per_address: config.max_client_cnxns,
            rules: config.rules,
            sessions: SessionRules {
                local: config.sessions.local && config.ensemble.is_some(),
                ..config.sessions
            },
            super_digest: config.super_digest.clone(),
            proofs: config.proofs.clone(),
            nonce_key: [0; 32],
            nonces: 0,
            service: Service::None,
            connections: BTreeMap::new(),
            by_session: BTreeMap::new(),
            attaching: BTreeMap::new(),
            revalidating: BTreeMap::new(),
            local: SessionTracker::new(config.tick_time_ms, iter::empty(), Mono(0)),
            watches: WatchTable::default(),
            outstanding: 0,
            held_up: false,
            last_session: None,
        }
    }

    /// Whether sessions are served now, with writes.
    pub fn is_serving(&self) -> bool {
        self.service == Service::Full
    }

    /// Serving begins.
    pub fn start_serving(&mut self) {
        self.service = Service::Full;
    }

    /// The role ends: every client is cut off, and finds another server or comes back.
    pub fn stop_serving(&mut self, out: &mut Out<Effect>) {
        self.service = Service::None;
        self.by_session.clear();
        self.local.clear();
        self.attaching.clear();
        self.revalidating.clear();
        self.watches = WatchTable::default();
        self.outstanding = 0;
        self.held_up = false;
        for conn in core::mem::take(&mut self.connections).into_keys() {
            out.push(Effect::Disconnect { conn });
        }
    }

    /// Number of registered watches.
    pub fn watch_count(&self) -> u64 {
        self.watches.count()
    }

    /// Requests that are not answered yet.
    pub fn outstanding(&self) -> u64 {
        self.outstanding as u64
    }

    /// Whether this connection is not read for now.
    pub fn is_paused(&self, conn: ConnId) -> bool {
        self.connections.get(&conn).is_some_and(|connection| connection.paused)
    }

    /// Each connection, for showing.
    pub fn view(&self) -> Vec<ClientView> {
        self.connections.iter().map(|(conn, connection)| self.view_one(*conn, connection)).collect()
    }

    /// A client connected; `subject` is that of its certificate.
    pub fn on_up(
        &mut self,
        conn: ConnId,
        remote: String,
        subject: Option<String>,
        out: &mut Out<Effect>,
    ) {
        let address = host_of(&remote);
        let same = self.connections.values().filter(|other| host_of(&other.remote) == address);
        if self.max_per_address > 0 && same.count() >= self.max_per_address as usize {
            refuse(conn, "too many connections from this address", out);
            return;
        }
        let auth = first_identities(address, subject, self.proofs.x509_super.as_deref());
        let connection = Connection {
            remote,
            auth,
            sasl: Exchange::default(),
            attachment: Attachment::New,
            waiting: VecDeque::new(),
            paused: false,
            received: 0,
            sent: 0,
            last_xid: Xid(0),
            last_zxid: Zxid::ZERO,
            times: ClientTimes::default(),
        };
        self.connections.insert(conn, connection);
    }

    /// A connection ended; its session lives on until it times out.
    pub fn on_down(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.remove(&conn) else { return };
        self.outstanding -= connection.waiting.len();
        let (map, offer) = match connection.attachment {
            Attachment::New => return,
            Attachment::Creating(offer) | Attachment::Revalidating(offer) => {
                (&mut self.attaching, offer)
            }
            Attachment::Open(offer) => (&mut self.by_session, offer),
        };
        if map.get(&offer.session) == Some(&conn) {
            map.remove(&offer.session);
        }
        self.watches.remove_conn(conn);
    }

    /// A whole frame came in.
    pub fn on_frame(&mut self, scene: &mut Scene, conn: ConnId, frame: Bytes) -> Vec<Upstream> {
        let Some(connection) = self.connections.get_mut(&conn) else { return Vec::new() };
        connection.received += 1;
        scene.stats.packets_received += 1;
        match connection.attachment {
            Attachment::New => self.on_connect(scene, conn, frame),
            // A client says nothing before it knows its session.
            Attachment::Creating(_) | Attachment::Revalidating(_) => {
                self.disconnect(conn, scene.out);
                Vec::new()
            }
            Attachment::Open(offer) => self.on_request(scene, conn, offer, frame),
        }
    }

    /// A transaction was applied: watches fire, then whoever asked for it is answered.
    pub fn on_applied(&mut self, scene: &mut Scene, header: &TxnHeader, applied: &Applied) {
        if scene.rules.events_first {
            self.fire_watches(scene, header.zxid, applied);
        }
        self.answer_applied(scene, header, applied);
        if !scene.rules.events_first {
            self.fire_watches(scene, header.zxid, applied);
        }
    }

    fn answer_applied(&mut self, scene: &mut Scene, header: &TxnHeader, applied: &Applied) {
        if applied.op == OpCode::CreateSession {
            self.on_session_created(scene, header.session);
            return;
        }
        let Some(conn) = self.by_session.get(&header.session).copied() else { return };
        let asked = self.take_write(conn, header);
        // That its session moved nobody is told: who asked at the old server just loses it.
        if applied.error == ErrorCode::SessionMoved.to_wire() {
            if asked.is_some() {
                self.disconnect(conn, scene.out);
            }
            return;
        }
        if let Some(waiting) = asked {
            self.reply(scene, conn, &waiting, of_write(applied));
        }
        if applied.op == OpCode::CloseSession {
            self.disconnect(conn, scene.out);
            return;
        }
        self.answer_reads(scene, conn);
    }

    /// Everything committed when the oldest sync of this session was asked for is applied.
    pub fn on_synced(&mut self, scene: &mut Scene, session: SessionId, cxid: Xid) {
        let Some(conn) = self.by_session.get(&session).copied() else { return };
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let waiting = connection
            .waiting
            .pop_front_if(|waiting| waiting.xid == cxid && matches!(waiting.on, On::Sync(_)));
        if let Some(waiting) = waiting
            && let On::Sync(response) = &waiting.on
        {
            self.reply(scene, conn, &waiting, Ok(response.clone()));
        }
        self.answer_reads(scene, conn);
    }

    fn on_request(
        &mut self,
        scene: &mut Scene,
        conn: ConnId,
        offer: Offer,
        frame: Bytes,
    ) -> Vec<Upstream> {
        let session = offer.session;
        let is_local = self.local.is_alive(session);
        let mut upstream = Vec::new();
        if is_local {
            self.local.touch(session, offer.timeout_ms, scene.now.mono);
        } else {
            upstream.push(Upstream::Touch(session, offer.timeout_ms));
        }
        let Ok((RequestHeader { xid, op }, body)) = RequestHeader::decode(frame) else {
            self.disconnect(conn, scene.out);
            return upstream;
        };
        if op == OpCode::Sasl.to_wire() {
            self.on_sasl(scene, conn, xid, body);
            return upstream;
        }
        let decoded = match client::Request::decode(op, body.clone()) {
            Err(RequestError::Unimplemented { .. }) if OpCode::from_wire(op).is_none() => {
                let code = ErrorCode::Unimplemented.to_wire();
                let reply = encode_reply(xid, NO_ZXID, code, &Response::Empty);
                self.send(scene, conn, reply);
                self.disconnect(conn, scene.out);
                return upstream;
            }
            // What only a server may ask, and what makes sense only inside a multi.
            Ok(
                client::Request::CreateSession { .. }
                | client::Request::DeleteContainer { .. }
                | client::Request::Check(_),
            ) => Err(ErrorCode::Unimplemented),
            Ok(request) => Ok(request),
            Err(error) => Err(error.code()),
        };
        let decoded = self.admit(op, is_local, decoded);
        if is_local && decoded.as_ref().is_ok_and(local::asks_for_ephemeral) {
            upstream.push(self.upgrade(scene, offer));
        }
        let path = decoded.as_ref().ok().and_then(|request| request.path().cloned());
        scene.out.event(|| Event::Requested { session, xid, op, path });
        if op == OpCode::Auth.to_wire() {
            match &decoded {
                Ok(client::Request::Auth(auth)) => self.on_auth(scene, conn, xid, auth),
                Ok(_) | Err(_) => self.disconnect(conn, scene.out),
            }
            return upstream;
        }
        if self.owes_proof(conn) {
            self.turn_out_unproved(scene, conn, xid, op);
            return upstream;
        }
        let on = match (&decoded, OpCode::from_wire(op)) {
            (Ok(client::Request::Sync { path }), _) => {
                On::Sync(Response::Sync { path: path.clone() })
            }
            (Ok(client::Request::CloseSession), _) if is_local => {
                upstream.push(Upstream::EndLocal(session));
                On::Nothing(decoded)
            }
            (Ok(request), _) if request.op().is_write() => On::Commit,
            // A write whose body does not parse takes a zxid all the same.
            (Err(ErrorCode::MarshallingError), Some(op)) if op.is_write() => On::Commit,
            (Ok(_) | Err(_), _) => On::Nothing(decoded),
        };
        let Some(connection) = self.connections.get_mut(&conn) else { return upstream };
        if let (On::Commit | On::Sync(_), Some(op)) = (&on, OpCode::from_wire(op)) {
            let (auth, origin) = (connection.auth.clone(), Origin::ClientOf(self.me));
            upstream.push(Upstream::Submit(Request { session, cxid: xid, op, body, auth, origin }));
        }
        connection.waiting.push_back(Waiting { xid, op, since: scene.now.mono, on });
        self.outstanding += 1;
        let sum_is_full = self.outstanding >= OUTSTANDING_MAX;
        self.held_up |= sum_is_full;
        let is_full = sum_is_full || connection.waiting.len() >= CLIENT_OUTSTANDING_MAX;
        if is_full && !connection.paused {
            connection.paused = true;
            scene.out.push(Effect::PauseReads { conn });
        }
        self.answer_reads(scene, conn);
        upstream
    }

    fn disconnect(&mut self, conn: ConnId, out: &mut Out<Effect>) {
        self.on_down(conn);
        out.push(Effect::Disconnect { conn });
    }

    fn fire_watches(&mut self, scene: &mut Scene, zxid: Zxid, applied: &Applied) {
        for change in &applied.changes {
            for Fired { conn, kind, path, acl } in self.watches.fire(change) {
                // A watch tells only what its connection may read (since 3.9.2).
                let list = acl.as_deref().unwrap_or_default();
                if self.access(conn).check_list(list, READ).is_err() {
                    continue;
                }
                let session = self.session_of(conn);
                let event = WatcherEvent::new(kind, path.clone());
                let kind = event.kind;
                scene.out.event(|| Event::WatchFired { session, kind, path, zxid });
                self.send(scene, conn, encode_event(zxid, &event));
            }
        }
    }

    /// Takes out who waits for this transaction first, if it was asked for here.
    fn take_write(&mut self, conn: ConnId, header: &TxnHeader) -> Option<Waiting> {
        let connection = self.connections.get_mut(&conn)?;
        let waiting = connection
            .waiting
            .pop_front_if(|waiting| waiting.xid == header.cxid && matches!(waiting.on, On::Commit));
        if waiting.is_some() {
            connection.last_zxid = header.zxid;
        }
        waiting
    }

    /// Answers from the tree everything that waits for no write before it.
    fn answer_reads(&mut self, scene: &mut Scene, conn: ConnId) {
        loop {
            let Some(connection) = self.connections.get_mut(&conn) else { return };
            let is_local = |waiting: &mut Waiting| matches!(waiting.on, On::Nothing(_));
            let Some(waiting) = connection.waiting.pop_front_if(is_local) else { break };
            let On::Nothing(request) = &waiting.on else { break };
            let response = match request {
                Ok(request) => self.read(scene, conn, request).map_err(ErrorCode::to_wire),
                Err(code) => Err(code.to_wire()),
            };
            let closes = matches!(request, Ok(client::Request::CloseSession));
            self.reply(scene, conn, &waiting, response);
            if closes {
                self.end_local(scene, conn);
                return;
            }
        }
        self.resume(scene, conn);
    }

    fn read(
        &mut self,
        scene: &mut Scene,
        conn: ConnId,
        request: &client::Request,
    ) -> Result<Response, ErrorCode> {
        if let Some(answer) = self.set_or_ask_watches(scene, conn, request) {
            return answer;
        }
        if let client::Request::Ping | client::Request::CloseSession = request {
            return Ok(Response::Empty);
        }
        let session = self.session_of(conn);
        let Access { auth, rules } = self.access(conn);
        let context = ReadContext { session, auth, rules };
        let Read { result, watches } = read(request, &context, scene.database);
        for watch in watches {
            self.watches.add(watch, conn);
        }
        result
    }

    /// Does what concerns watches alone; none if the request is another one.
    fn set_or_ask_watches(
        &mut self,
        scene: &mut Scene,
        conn: ConnId,
        request: &client::Request,
    ) -> Option<Result<Response, ErrorCode>> {
        let watches = &mut self.watches;
        let done =
            |found: bool| if found { Ok(Response::Empty) } else { Err(ErrorCode::NoWatcher) };
        let missed = match request {
            client::Request::SetWatches(set) if !scene.rules.tells_missed => {
                watches.set_all(set, conn);
                Vec::new()
            }
            client::Request::SetWatches(set) => {
                watches.set_watches(set, &scene.database.tree, conn)
            }
            client::Request::SetWatches2(set) => {
                watches.set_watches2(set, &scene.database.tree, conn)
            }
            client::Request::AddWatch { path, mode } => {
                let watch = match AddWatchMode::from_wire(*mode) {
                    Some(AddWatchMode::Persistent) => Watch::Persistent(path.clone()),
                    Some(AddWatchMode::PersistentRecursive) => Watch::Recursive(path.clone()),
                    None => return Some(Err(ErrorCode::MarshallingError)),
                };
                watches.add(watch, conn);
                return Some(Ok(Response::Code(ErrorCode::Ok.to_wire())));
            }
            client::Request::CheckWatches { path, kind } => {
                let found = |kind| done(watches.contains(path, kind, conn));
                return Some(watcher_type(*kind).and_then(found));
            }
            client::Request::RemoveWatches { path, kind } => {
                let found = |kind| done(watches.remove(path, kind, conn));
                return Some(watcher_type(*kind).and_then(found));
            }
            _ => return None,
        };
        for (kind, path) in missed {
            // They are of no one change, so they carry no zxid. Unlike events of changes, they are
            // told whatever the list says: Java's `DataTree.setWatches` hands no list to the check
            // (3.9.5). A client that has no right to read learns that there was a change, not what.
            self.send(scene, conn, encode_event(NO_ZXID, &WatcherEvent::new(kind, path)));
        }
        Some(Ok(Response::Empty))
    }

    fn reply(
        &mut self,
        scene: &mut Scene,
        conn: ConnId,
        waiting: &Waiting,
        response: Result<Response, i32>,
    ) {
        self.outstanding -= 1;
        let own = self.connections.get(&conn).map(|connection| connection.last_zxid);
        let zxid = own.filter(|_| !scene.rules.last_applied).unwrap_or(scene.last_processed);
        let (xid, op) = (waiting.xid, waiting.op);
        let (error, body) = match response {
            Ok(body) => (0, body),
            Err(code) => (code, Response::Empty),
        };
        let session = self.session_of(conn);
        scene.out.event(|| Event::Replied { session, xid, op, zxid, error });
        let took_us = scene.now.mono.0.saturating_sub(waiting.since.0);
        if xid != XID_PING {
            count_latency(scene.stats, took_us);
        }
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.times.count(xid, op, scene.now.mono, took_us);
            connection.last_xid = xid;
            connection.last_zxid = zxid;
        }
        self.send(scene, conn, encode_reply(xid, zxid, error, &body));
    }

    fn send(&mut self, scene: &mut Scene, conn: ConnId, frame: Bytes) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.sent += 1;
            scene.stats.packets_sent += 1;
            scene.out.push(Effect::Send { conn, parts: vec![frame] });
        }
    }

    /// A request was answered: whoever was held up by the queues is read again once they are half
    /// empty.
    fn resume(&mut self, scene: &mut Scene, conn: ConnId) {
        let may_resume = |connection: &Connection| {
            connection.paused && connection.waiting.len() <= CLIENT_OUTSTANDING_MAX / 2
        };
        let mut resumed: Vec<ConnId> = Vec::new();
        if !self.held_up {
            resumed.extend(self.connections.get(&conn).filter(|it| may_resume(it)).map(|_| conn));
        } else if self.outstanding <= OUTSTANDING_MAX / 2 {
            self.held_up = false;
            let waiting = self.connections.iter().filter(|(_, it)| may_resume(it));
            resumed.extend(waiting.map(|(conn, _)| *conn));
        }
        for conn in resumed {
            if let Some(connection) = self.connections.get_mut(&conn) {
                connection.paused = false;
            }
            scene.out.push(Effect::ResumeReads { conn });
        }
    }

    /// Whose connection it is, and whether access lists count.
    fn access(&self, conn: ConnId) -> Access<'_> {
        let auth = self.connections.get(&conn).map_or(&[][..], |connection| &connection.auth);
        Access { auth, rules: self.rules }
    }

    fn session_of(&self, conn: ConnId) -> SessionId {
        match self.connections.get(&conn).map(|connection| connection.attachment) {
            Some(Attachment::Open(offer)) => offer.session,
            Some(Attachment::New | Attachment::Creating(_) | Attachment::Revalidating(_))
            | None => SessionId(0),
        }
    }

    fn view_one(&self, conn: ConnId, connection: &Connection) -> ClientView {
        let offer = match connection.attachment {
            Attachment::Open(offer) => Some(offer),
            Attachment::New | Attachment::Creating(_) | Attachment::Revalidating(_) => None,
        };
        ClientView {
            conn,
            remote: connection.remote.clone(),
            session: offer.map(|offer| offer.session),
            timeout_ms: offer.map_or(0, |offer| offer.timeout_ms),
            outstanding: connection.waiting.len() as u64,
            received: connection.received,
            sent: connection.sent,
            last_xid: connection.last_xid,
            last_zxid: connection.last_zxid,
            watches: self.watches.count_of(conn),
        }
    }
}

fn watcher_type(raw: i32) -> Result<WatcherType, ErrorCode> {
    WatcherType::from_wire(raw).ok_or(ErrorCode::MarshallingError)
}

fn of_write(applied: &Applied) -> Result<Response, i32> {
    if applied.error == 0 { Ok(applied.result.clone()) } else { Err(applied.error) }
}

fn host_of(remote: &str) -> &str {
    let host = remote.rsplit_once(':').map_or(remote, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn count_latency(stats: &mut Stats, latency_us: u64) {
    let first = stats.requests == 0;
    stats.requests += 1;
    stats.latency_min_us = if first { latency_us } else { stats.latency_min_us.min(latency_us) };
    stats.latency_max_us = stats.latency_max_us.max(latency_us);
    stats.latency_total_us = stats.latency_total_us.saturating_add(latency_us);
}
