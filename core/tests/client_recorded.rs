//! A standalone server against Java: the bytes that clients of 3.8.0 sent are sent again, on all
//! their connections, in the order that the recorded zxids give; every reply, every watch event
//! and their order must be the recorded ones.
//!
//! What is not compared: times; the order of children and paths, which is that of Java's hashes;
//! the zxids of events, which 3.8.0 did not send. Each other difference is listed with its reason.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use zablab_core::config::{Config, ServerConfig};
use zablab_core::endpoint::Endpoint;
use zablab_core::policy::Correct;
use zablab_core::process::{Effect, Input, Out, PortKind, Process};
use zablab_core::storage::Recovered;
use zablab_core::tree::Database;
use zablab_core::types::{ConnId, Epochs, Mono, Now, ServerId, SessionId, WallMs, Xid, Zxid};
use zablab_core::wire::client::{
    ConnectRequest, DeleteRequest, MultiResult, OpCode, ReadResult, ReplyHeader, Request,
    RequestHeader, Response, Stat, XID_EVENT, encode_request, session_password,
};

/// The connections of one run of the recording server, by the order of their sessions.
const RUN: [&str; 9] = [
    "01-basic-crud",
    "01b-after-unknown-op",
    "02-watches",
    "02-watches-writer",
    "02-watches-eph",
    "03-auth-acl-multi",
    "03-noauth",
    "03-noauth2",
    "03-super",
];

/// Replies that differ, by recording and request number: what ours says, and why.
const DIFFERENCES: [(&str, i32, i32, &str); 7] = [
    ("01-basic-crud", 37, -101, "no client means the root by an empty path"),
    ("02-watches", 10, -121, "since 3.9 a recursive watch is no child watch"),
    ("02-watches", 11, -121, "since 3.9 a recursive watch is no data watch"),
    ("02-watches-writer", 16, 0, "since 3.8.4 a create2 in a multi is answered as one"),
    ("03-noauth", 3, -102, "since 3.9.2 exists needs the permission READ"),
    ("03-noauth2", 3, 0, "since 3.8.4 a create2 in a multi is answered as one"),
    ("03-noauth2", 19, -6, "no client reaps containers"),
];

/// The clock of the recording server when it gave out its first session.
const CLOCK: WallMs = WallMs(0x14e5c3);
/// A session that nobody recorded: its writes fail, and take the zxids of what other sessions did,
/// such as to expire.
const FILLER: SessionId = SessionId(1);
const FILLER_CONN: ConnId = ConnId(99);

fn frames(name: &str) -> VecDeque<Bytes> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/client").join(name);
    let mut stream = Bytes::from(std::fs::read(path).expect("a recording"));
    let mut frames = VecDeque::new();
    while !stream.is_empty() {
        let length = stream.get_u32() as usize;
        frames.push_back(stream.split_to(length));
    }
    frames
}

/// When a request was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum When {
    /// It is the transaction with this zxid.
    Write(Zxid),
    /// This was the last zxid.
    Read(Zxid),
    /// At once: its answer has no zxid.
    Now,
}

struct Client {
    name: &'static str,
    conn: ConnId,
    connect: Bytes,
    connected: bool,
    /// Requests that are not sent yet.
    requests: VecDeque<(RequestHeader, Bytes, When)>,
    recorded: VecDeque<Bytes>,
    /// What was sent, by number.
    ops: BTreeMap<Xid, OpCode>,
}

impl Client {
    fn load(name: &'static str, conn: ConnId) -> Client {
        let mut sent = frames(&format!("{name}.c2s.bin"));
        let recorded = frames(&format!("{name}.s2c.bin"));
        let replies = recorded.iter().skip(1).map(header);
        let mut replies = replies.filter(|header| header.xid != XID_EVENT);
        let connect = sent.pop_front().expect("a connect request");
        let requests = sent.into_iter().map(|frame| {
            let (request, _) = RequestHeader::decode(frame.clone()).expect("a request");
            let reply = replies.next().expect("everything was answered");
            assert_eq!(reply.xid, request.xid, "{name}");
            let is_write = OpCode::from_wire(request.op).is_some_and(OpCode::is_write);
            let when = match reply.zxid {
                Zxid(0 | u64::MAX) => When::Now,
                zxid if is_write => When::Write(zxid),
                zxid => When::Read(zxid),
            };
            (request, later_form(name, frame), when)
        });
        let requests = requests.collect();
        let ops = BTreeMap::new();
        Client { name, conn, connect, connected: false, requests, recorded, ops }
    }

    /// The first zxid that it knows of.
    fn next_zxid(&self) -> Option<Zxid> {
        self.requests.iter().find_map(|(_, _, when)| match when {
            When::Write(zxid) | When::Read(zxid) => Some(*zxid),
            When::Now => None,
        })
    }
}

/// Since 3.9 a persistent watch is taken back by a type of its own; 3.8.0 took its half.
fn later_form(name: &str, frame: Bytes) -> Bytes {
    let (request, body) = RequestHeader::decode(frame.clone()).expect("a request");
    if (name, request.xid) != ("02-watches", Xid(14)) {
        return frame;
    }
    let Ok(Request::RemoveWatches { path, kind: 1 }) = Request::decode(request.op, body) else {
        panic!("another request");
    };
    encode_request(request.xid, &Request::RemoveWatches { path, kind: 4 }).slice(4..)
}

fn header(frame: &Bytes) -> ReplyHeader {
    ReplyHeader::decode(frame.clone()).expect("a reply").0
}

fn framed(payload: &Bytes) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u32(payload.len() as u32);
    frame.put_slice(payload);
    frame.freeze()
}

/// As the recording server was configured.
fn configuration() -> Config {
    let zoo_cfg = "dataDir=/data\nclientPort=2181\ntickTime=2000\nextendedTypesEnabled=true\n\
                   DigestAuthenticationProvider.superDigest=super:xQJmxLMiHGwaqBvst5y6rkB6HQs=\n";
    ServerConfig::parse(zoo_cfg, None).expect("it is one").core
}

struct Run {
    endpoint: Endpoint<Correct>,
    clients: Vec<Client>,
    received: BTreeMap<ConnId, Vec<Bytes>>,
    fillers: i32,
}

impl Run {
    fn start() -> Run {
        let mut database = Database::genesis();
        database.sessions.insert(FILLER, 40_000);
        let config = Config { me: ServerId(1), ..configuration() };
        let recovered = Recovered {
            database,
            epochs: Epochs::default(),
            recent: Vec::new(),
            oldest: Zxid::ZERO,
            notes: Vec::new(),
        };
        let load = |(at, name): (usize, &&'static str)| Client::load(name, ConnId(1 + at as u64));
        let mut run = Run {
            endpoint: Endpoint::new(config, recovered, 1, Correct),
            clients: RUN.iter().enumerate().map(load).collect(),
            received: BTreeMap::new(),
            fillers: 0,
        };
        run.give(Input::Start);
        let connect = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid::ZERO,
            timeout_ms: 40_000,
            session: FILLER,
            password: Some(Bytes::copy_from_slice(&session_password(FILLER))),
            read_only: Some(false),
        };
        run.connect(FILLER_CONN, connect.encode());
        run
    }

    fn last_zxid(&self) -> Zxid {
        self.endpoint.database().last_zxid
    }

    /// Gives an input; what it writes is durable at once.
    fn give(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut out = Out::new(false);
            let now = Now { mono: Mono(0), wall: CLOCK };
            self.endpoint.handle(now, input, &mut out);
            for effect in out.effects {
                match effect {
                    Effect::Send { conn, parts } => {
                        let mut bytes = Bytes::from(parts.concat());
                        bytes.advance(4);
                        self.received.entry(conn).or_default().push(bytes);
                    }
                    Effect::Persist { ticket, .. } => {
                        inputs.push_back(Input::Persisted { through: ticket });
                    }
                    _ => {}
                }
            }
        }
    }

    fn connect(&mut self, conn: ConnId, frame: Bytes) {
        let remote = String::from("127.0.0.1:40000");
        self.give(Input::ConnUp { conn, port: PortKind::Client, remote, subject: None });
        self.give(Input::Bytes { conn, chunk: frame });
    }

    fn fill(&mut self) {
        self.fillers += 1;
        let nothing = Request::Delete(DeleteRequest { path: "/nothing".into(), version: -1 });
        let chunk = encode_request(Xid(self.fillers), &nothing);
        self.give(Input::Bytes { conn: FILLER_CONN, chunk });
    }

    fn send_next(&mut self, at: usize) {
        let client = &mut self.clients[at];
        let (header, frame, _) = client.requests.pop_front().expect("the caller looked");
        if let Some(op) = OpCode::from_wire(header.op) {
            client.ops.insert(header.xid, op);
        }
        let (conn, chunk) = (client.conn, framed(&frame));
        self.give(Input::Bytes { conn, chunk });
    }

    /// Sends one thing; false if there is nothing left to send.
    fn step(&mut self) -> bool {
        let last = self.last_zxid();
        let connected = |client: &&Client| client.connected;
        let heads = self.clients.iter().filter(connected).filter_map(|it| it.requests.front());
        let is_due = |when: When| matches!(when, When::Now) || when == When::Read(last);
        if heads.clone().any(|(_, _, when)| is_due(*when)) {
            let is_it = |it: &Client| {
                it.connected && it.requests.front().is_some_and(|(_, _, when)| is_due(*when))
            };
            let at = self.clients.iter().position(is_it).expect("there is one");
            self.send_next(at);
            return true;
        }
        let Some(target) = self.clients.iter().filter_map(Client::next_zxid).min() else {
            return false;
        };
        let next = Zxid(last.0 + 1);
        let is_next = |it: &Client| {
            let write = it.requests.front().map(|(_, _, when)| *when);
            it.connected && write == Some(When::Write(next))
        };
        if let Some(at) = self.clients.iter().position(is_next) {
            self.send_next(at);
            return true;
        }
        assert!(next <= target, "the recording cannot be ordered: {last:?} of {target:?}");
        let caller = self.clients.iter_mut().find(|it| !it.connected);
        match caller {
            Some(caller) if caller.next_zxid().is_some_and(|zxid| zxid <= target) => {
                caller.connected = true;
                let (conn, frame) = (caller.conn, framed(&caller.connect));
                self.connect(conn, frame);
            }
            Some(_) | None => self.fill(),
        }
        true
    }
}

fn timeless(stat: &mut Stat) {
    (stat.ctime, stat.mtime) = (WallMs(0), WallMs(0));
}

/// A response without what is not compared.
fn comparable(mut response: Response) -> Response {
    match &mut response {
        Response::Create2 { stat, .. }
        | Response::Stat(stat)
        | Response::Data { stat, .. }
        | Response::Acl { stat, .. } => timeless(stat),
        Response::Children2 { stat, children } => {
            timeless(stat);
            children.sort();
        }
        Response::Children(names) | Response::Paths(names) => names.sort(),
        Response::Multi(results) => {
            for result in results {
                if let MultiResult::Create2 { stat, .. } | MultiResult::SetData { stat } = result {
                    timeless(stat);
                }
            }
        }
        Response::MultiRead(results) => {
            for result in results {
                match result {
                    ReadResult::Data { stat, .. } => timeless(stat),
                    ReadResult::Children(names) => names.sort(),
                    ReadResult::Error(_) => {}
                }
            }
        }
        Response::Empty
        | Response::Create { .. }
        | Response::Sync { .. }
        | Response::Number(_)
        | Response::Identities(_)
        | Response::Code(_) => {}
    }
    response
}

fn body(client: &Client, frame: &Bytes) -> Result<Response, Bytes> {
    let (header, body) = ReplyHeader::decode(frame.clone()).expect("a reply");
    match client.ops.get(&header.xid) {
        Some(op) if header.err == 0 => {
            Ok(comparable(Response::decode(*op, body).expect("a response")))
        }
        Some(_) | None => Err(body),
    }
}

/// Compares all that a connection was sent; gives how many frames were the recorded ones.
fn compare(client: &Client, received: &[Bytes]) -> usize {
    let name = client.name;
    assert_eq!(received[0], client.recorded[0], "{name}: session, password or timeout");
    let mut same = 1;
    for (ours, theirs) in received.iter().zip(&client.recorded).skip(1) {
        let (our_header, their_header) = (header(ours), header(theirs));
        let xid = their_header.xid;
        assert_eq!(our_header.xid, xid, "{name}: the order of replies and events");
        let differs = DIFFERENCES.iter().find(|row| (row.0, row.1) == (name, xid.0));
        if let Some((_, _, code, why)) = differs {
            let is_same = our_header == their_header && body(client, ours) == body(client, theirs);
            assert!(!is_same, "{name} {xid}: no difference any more: {why}");
            assert_eq!(our_header.err, *code, "{name} {xid}: {why}");
            continue;
        }
        if xid != XID_EVENT {
            assert_eq!(our_header, their_header, "{name}");
        }
        assert_eq!(body(client, ours), body(client, theirs), "{name} {xid}");
        same += 1;
    }
    assert_eq!(received.len(), client.recorded.len(), "{name}");
    same
}

#[test]
fn clients_are_answered_as_recorded() {
    let mut run = Run::start();
    while run.step() {}
    let same = run.clients.iter().map(|client| compare(client, &run.received[&client.conn]));
    let same: usize = same.sum();
    assert!(same > 150, "{same}");
}
