//! Clients that talk to a server, and what they are told, in a form that can be compared.
//!
//! Sessions are named by the order in which they were made, times by the transaction of that time,
//! and what ZooKeeper gives in the order of a hash is sorted. Nothing else is changed or left out.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use zablab_core::types::{SessionId, WallMs, Xid, Zxid};
use zablab_core::wire::client::{
    ConnectRequest, ConnectResponse, MultiResult, OpCode, ReadResult, ReplyHeader, Request,
    Response, Stat, WatcherEvent, XID_AUTH, XID_EVENT, XID_PING, XID_SET_WATCHES, encode_reply,
    encode_request,
};
use zablab_core::wire::jute::Writer;

use super::{Ask, Intruder};
use crate::model::{ClientId, Outcome, World};

/// The session timeout that clients ask for, in ms: none ends while a server is slow.
pub(super) const TIMEOUT_MS: i32 = 600_000;
/// That of a client that goes away for good.
pub(super) const SHORT_TIMEOUT_MS: i32 = 1000;

/// A server, by its connections.
pub trait Server {
    /// Its name, for people.
    fn name(&self) -> String;
    /// Opens the connection of a client, in the place of its last one, and sends these bytes.
    fn open(&mut self, client: usize, bytes: &Bytes);
    /// Sends these bytes.
    fn send(&mut self, client: usize, bytes: &Bytes);
    /// The next frame without its length; none if there will be no more.
    fn receive(&mut self, client: usize) -> Option<Bytes>;
    /// The client closes its connection.
    fn hang_up(&mut self, client: usize);
    /// Keeps the connection of a client, which gets another one; whether the server closes the
    /// old one is answered by [`Server::old_is_closed`].
    fn put_aside(&mut self, client: usize);
    /// Whether the server has closed the connection that was put aside.
    fn old_is_closed(&mut self) -> bool;
    /// Lets so many milliseconds pass.
    fn pass(&mut self, ms: u64);
}

/// What a client is told.
#[derive(Clone, PartialEq, Debug)]
pub enum Item {
    /// A watch event.
    Event {
        /// What happened.
        kind: i32,
        /// The state of the session.
        state: i32,
        /// To which znode.
        path: String,
        /// The zxid of its header.
        zxid: i64,
    },
    /// A reply.
    Reply {
        /// The request's number.
        xid: i32,
        /// The zxid of its header.
        zxid: i64,
        /// What it says.
        result: Result<Response, i32>,
        /// Bytes of its body.
        length: usize,
    },
    /// An answer to a connect request: the timeout, the session and whether the password is right.
    Session(i32, SessionId, bool),
    /// The server closed the connection.
    End,
}

/// A server and its clients.
pub struct Talk<S> {
    /// The server.
    pub server: S,
    clients: usize,
    /// The sessions by their order, and their passwords.
    sessions: Vec<(SessionId, Bytes)>,
    /// The last round, for people.
    doing: String,
    /// The time of each transaction that was told of.
    times: BTreeMap<Zxid, WallMs>,
}

impl Ask {
    /// The number of its operation.
    pub fn op(&self) -> i32 {
        match self {
            Ask::Request(request) => request.op().to_wire(),
            Ask::Malformed(op, _) => op.to_wire(),
            Ask::Unknown(op) => *op,
        }
    }

    /// The number that it has, for the one that is next.
    pub fn xid(&self, next: i32) -> Xid {
        match self {
            Ask::Request(Request::Ping) => XID_PING,
            Ask::Request(Request::Auth(_)) => XID_AUTH,
            Ask::Request(Request::SetWatches(_) | Request::SetWatches2(_)) => XID_SET_WATCHES,
            _ => Xid(next),
        }
    }

    /// What it leads to.
    pub fn outcome(&self, client: ClientId, world: &mut World) -> Outcome {
        match self {
            Ask::Request(request) => world.request(client, request),
            Ask::Malformed(op, _) => world.malformed(*op),
            Ask::Unknown(_) => world.unknown(),
        }
    }

    fn frame(&self, xid: Xid) -> Bytes {
        let raw = |op: i32, body: &[u8]| {
            let mut out = Writer::default();
            out.int((8 + body.len()) as i32);
            out.int(xid.0);
            out.int(op);
            Bytes::from([&out.finish()[..], body].concat())
        };
        match self {
            Ask::Request(request) => encode_request(xid, request),
            Ask::Malformed(op, body) => raw(op.to_wire(), body),
            Ask::Unknown(op) => raw(*op, &[]),
        }
    }
}

impl<S: Server> Talk<S> {
    /// With so many clients, none of them connected.
    pub fn new(server: S, clients: usize) -> Talk<S> {
        Talk { server, clients, sessions: Vec::new(), doing: String::new(), times: BTreeMap::new() }
    }

    /// How many sessions there were so far.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// A client connects with a new session.
    pub fn connect(&mut self, client: ClientId) -> Item {
        self.server.open(client, &connect_request().encode());
        let frame = self.server.receive(client).expect("a new session is not refused");
        let response = ConnectResponse::decode(frame).expect("a connect response");
        let password = response.password.clone().expect("a session has a password");
        self.sessions.push((response.session, password));
        self.session_item(&response)
    }

    /// A client connects with the session it has, `session` by its order.
    pub fn reconnect(&mut self, client: ClientId, session: SessionId, timeout_ms: i32) -> Item {
        let (session, password) = self.sessions[session.0 as usize - 1].clone();
        let password = Some(password);
        let request = ConnectRequest { session, password, timeout_ms, ..connect_request() };
        self.server.open(client, &request.encode());
        let frame = self.server.receive(client).expect("a living session is not refused");
        self.session_item(&ConnectResponse::decode(frame).expect("a connect response"))
    }

    /// Somebody connects who may not; all that he is told.
    pub fn intrude(&mut self, intruder: Intruder, world: &World) -> Vec<Item> {
        let mut request = connect_request();
        match intruder {
            Intruder::Password(client) => {
                request.session = self.sessions[world.session(client).0 as usize - 1].0;
                request.password = Some(Bytes::from_static(&[7; 16]));
            }
            Intruder::Session => request.session = SessionId(0x1234_5678),
            Intruder::Future => request.last_zxid_seen = Zxid::from_wire(world.zxid() + 1_000_000),
        }
        let extra = self.clients;
        self.server.open(extra, &request.encode());
        let mut items = Vec::new();
        while let Some(frame) = self.server.receive(extra) {
            items.push(self.session_item(&ConnectResponse::decode(frame).expect("a response")));
        }
        items.push(Item::End);
        items
    }

    /// Sends what one client asks in one go, and reads all that everybody is told of it.
    pub fn round(&mut self, client: ClientId, asks: &[(Xid, Ask)], ends: bool) -> Vec<Vec<Item>> {
        let frames: Vec<Bytes> = asks.iter().map(|(xid, ask)| ask.frame(*xid)).collect();
        self.server.send(client, &frames.concat().into());
        let mut told = vec![Vec::new(); self.clients];
        let mut open: VecDeque<(Xid, i32)> =
            asks.iter().map(|(xid, ask)| (*xid, ask.op())).collect();
        self.doing = format!("{asks:?}");
        self.read(client, &mut open, &mut told[client]);
        if ends {
            let end = self.server.receive(client);
            assert_eq!(end, None, "client {client} is not cut off after {asks:?}");
            told[client].push(Item::End);
        }
        for other in (0..self.clients).filter(|other| !(ends && *other == client)) {
            self.settle(other, &mut told[other]);
        }
        told
    }

    /// Reads what a client is told until a ping is answered.
    pub fn settle(&mut self, client: ClientId, told: &mut Vec<Item>) {
        self.server.send(client, &encode_request(XID_PING, &Request::Ping));
        self.read(client, &mut [(XID_PING, OpCode::Ping.to_wire())].into(), told);
    }

    fn read(&mut self, client: ClientId, open: &mut VecDeque<(Xid, i32)>, told: &mut Vec<Item>) {
        while let Some((_, op)) = open.front().copied() {
            let Some(frame) = self.server.receive(client) else {
                panic!(
                    "client {client} gets no answer to {open:?} after {told:?} of {}: {}",
                    self.server.name(),
                    self.doing
                );
            };
            let (header, body) = ReplyHeader::decode(frame).expect("a header");
            if header.xid == XID_EVENT {
                let event = WatcherEvent::decode(body).expect("an event");
                let WatcherEvent { kind, state, path } = event;
                let (path, zxid) = (path.to_string(), header.zxid.to_wire());
                told.push(Item::Event { kind, state, path, zxid });
                continue;
            }
            let length = body.len();
            let result = match header.err {
                0 => {
                    let op = OpCode::from_wire(op).expect("an unknown operation fails");
                    let response = Response::decode(op, body).expect("a response");
                    Ok(self.comparable(response))
                }
                code => Err(code),
            };
            let (xid, zxid) = (header.xid.0, header.zxid.to_wire());
            told.push(Item::Reply { xid, zxid, result, length });
            open.pop_front();
        }
    }

    fn session_item(&self, response: &ConnectResponse) -> Item {
        let known = self.sessions.iter().position(|(id, _)| *id == response.session);
        let has_password =
            known.is_some_and(|at| Some(&self.sessions[at].1) == response.password.as_ref());
        let session = SessionId(known.map_or(0, |at| at as i64 + 1));
        Item::Session(response.timeout_ms, session, has_password)
    }

    fn comparable(&mut self, mut response: Response) -> Response {
        match &mut response {
            Response::Create2 { stat, .. }
            | Response::Stat(stat)
            | Response::Data { stat, .. }
            | Response::Acl { stat, .. }
            | Response::Children2 { stat, .. } => self.rename(stat),
            Response::Multi(results) => {
                for result in results {
                    if let MultiResult::Create2 { stat, .. } | MultiResult::SetData { stat } =
                        result
                    {
                        self.rename(stat);
                    }
                }
            }
            Response::MultiRead(results) => {
                for result in results {
                    if let ReadResult::Data { stat, .. } = result {
                        self.rename(stat);
                    }
                }
            }
            _ => {}
        }
        sort(&mut response);
        response
    }

    fn rename(&mut self, stat: &mut Stat) {
        stat.ctime = self.time_of(stat.czxid, stat.ctime);
        stat.mtime = self.time_of(stat.mzxid, stat.mtime);
        if stat.ephemeral_owner != SessionId(0) {
            let known = self.sessions.iter().position(|(id, _)| *id == stat.ephemeral_owner);
            let at = known.unwrap_or_else(|| panic!("nobody has session {}", stat.ephemeral_owner));
            stat.ephemeral_owner = SessionId(at as i64 + 1);
        }
    }

    /// The name of a time, if it is always the same one for that transaction and not before that
    /// of an earlier one.
    fn time_of(&mut self, zxid: Zxid, time: WallMs) -> WallMs {
        if zxid == Zxid::ZERO {
            return time;
        }
        let known = *self.times.entry(zxid).or_insert(time);
        assert_eq!(known, time, "the time of {zxid}");
        let before = self.times.range(..zxid).next_back();
        assert!(before.is_none_or(|(_, before)| *before <= time), "{zxid} is before {before:?}");
        WallMs(zxid.to_wire())
    }
}

/// Sorts what ZooKeeper gives in the order of a hash.
pub(super) fn sort(response: &mut Response) {
    match response {
        Response::Acl { acl, .. } => {
            acl.sort_by_key(|acl| (acl.perms, acl.id.scheme.clone(), acl.id.id.clone()));
        }
        Response::Children(names)
        | Response::Paths(names)
        | Response::Children2 { children: names, .. } => names.sort(),
        Response::Identities(infos) => {
            infos.sort_by_key(|info| (info.scheme.clone(), info.user.clone()));
        }
        Response::MultiRead(results) => {
            for result in results {
                if let ReadResult::Children(names) = result {
                    names.sort();
                }
            }
        }
        _ => {}
    }
}

/// How many bytes a response takes.
pub(super) fn length(response: &Response) -> usize {
    let header = 20; // its frame's length, too
    encode_reply(Xid(0), Zxid::ZERO, 0, response).len() - header
}

fn connect_request() -> ConnectRequest {
    ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: Zxid::ZERO,
        timeout_ms: TIMEOUT_MS,
        session: SessionId(0),
        password: Some(Bytes::from_static(&[0; 16])),
        read_only: Some(false),
    }
}
