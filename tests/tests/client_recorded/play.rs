//! The recorded clients of some servers, played in the order of their zxids.

use std::collections::BTreeMap;

use bytes::Bytes;
use zablab_core::tree::Database;
use zablab_core::types::{ConnId, ServerId, SessionId, WallMs, Xid, Zxid};
use zablab_core::wire::client::{
    ConnectRequest, DeleteRequest, OpCode, ReadResult, ReplyHeader, Request, Response,
    WatcherEvent, XID_EVENT, encode_reply, encode_request, session_password,
};
use zablab_tests::allowed::ALLOWED;
use zablab_tests::workload::Ask;
use zablab_tests::workload::play::Expected;
use zablab_tests::workload::talk::Item;

use crate::recording::{Asked, Recording, When, header};
use crate::servers::Servers;

/// A session that nobody recorded: its writes fail, and take the zxids of what other sessions did,
/// such as to expire.
const FILLER: SessionId = SessionId(1);
const FILLER_CONN: ConnId = ConnId(99);

/// Clients of some servers, under way.
pub struct Play {
    servers: Servers,
    clients: Vec<Client>,
    /// The times of transactions, as the recordings know them.
    times: BTreeMap<Zxid, WallMs>,
    fillers: i32,
}

struct Client {
    recording: Recording,
    server: ServerId,
    conn: ConnId,
    is_connected: bool,
    /// What was asked, by number.
    asked: BTreeMap<Xid, Ask>,
}

impl Client {
    fn next(&self) -> Option<&Asked> {
        self.recording.requests.front().filter(|_| self.is_connected)
    }
}

impl Play {
    /// An empty database, but for the session that fills gaps.
    pub fn genesis() -> Database {
        let mut database = Database::genesis();
        database.sessions.insert(FILLER, 40_000);
        database
    }

    /// The recordings of a folder, with the server of each, in the order in which they connected.
    pub fn new(servers: Servers, folder: &str, clients: &[(&'static str, ServerId)]) -> Play {
        let load = |(at, (name, server)): (usize, &(&'static str, ServerId))| {
            let recording = Recording::load(folder, name);
            let conn = ConnId(1 + at as u64);
            let asked = BTreeMap::new();
            Client { recording, server: *server, conn, is_connected: false, asked }
        };
        let clients: Vec<Client> = clients.iter().enumerate().map(load).collect();
        let mut times = BTreeMap::new();
        for client in &clients {
            client.recording.add_times(&mut times);
        }
        Play { servers, clients, times, fillers: 0 }
    }

    /// Sends one thing; false if there is nothing left to send. What nobody recorded is filled up.
    pub fn step(&mut self) -> bool {
        self.advance(Play::fill)
    }

    /// The same; what nobody recorded comes with time.
    pub fn step_or_wait(&mut self) -> bool {
        self.advance(|play| play.servers.tick())
    }

    fn advance(&mut self, make_progress: impl Fn(&mut Play)) -> bool {
        let last = self.servers.database().last_zxid;
        let is_due = |when: When| when == When::Now || when == When::Read(last);
        let next = Zxid(last.0 + 1);
        let position = |is: &dyn Fn(When) -> bool| {
            self.clients.iter().position(|client| client.next().is_some_and(|it| is(it.when)))
        };
        if let Some(at) = position(&is_due).or_else(|| position(&|when| when == When::Write(next)))
        {
            self.send_next(at);
            return true;
        }
        let caller = self.clients.iter().position(|client| !client.is_connected);
        let to_come = self.clients.iter().filter_map(|client| client.recording.first_zxid());
        let Some(target) = to_come.min() else {
            return caller.is_some_and(|at| self.connect(at));
        };
        assert!(last <= target, "the recordings cannot be ordered: {last:?} of {target:?}");
        let is_called = |client: &Client| {
            !client.is_connected && client.recording.first_zxid().is_some_and(|it| it <= target)
        };
        match caller.filter(|_| self.clients.iter().any(is_called)) {
            Some(at) => self.connect(at),
            None => {
                assert!(next <= target, "the recordings cannot be ordered: {next:?}");
                make_progress(self);
                true
            }
        }
    }

    fn connect(&mut self, at: usize) -> bool {
        let client = &mut self.clients[at];
        client.is_connected = true;
        if let Some((server, clock)) = client.recording.origin() {
            assert!(server == client.server, "{}", client.recording.name);
            self.servers.wall = clock;
        }
        self.servers.connect(client.server, client.conn, client.recording.connect.clone());
        true
    }

    fn send_next(&mut self, at: usize) {
        let client = &mut self.clients[at];
        let Asked { xid, ask, frame, when } =
            client.recording.requests.pop_front().expect("the caller looked");
        if let When::Write(zxid) = when
            && let Some(time) = self.times.get(&zxid)
        {
            self.servers.wall = *time;
        }
        client.asked.insert(xid, ask);
        self.servers.send(client.server, client.conn, frame);
    }

    fn fill(&mut self) {
        let server = self.clients[0].server;
        if self.fillers == 0 {
            let connect = ConnectRequest {
                protocol_version: 0,
                last_zxid_seen: Zxid::ZERO,
                timeout_ms: 40_000,
                session: FILLER,
                password: Some(Bytes::copy_from_slice(&session_password(FILLER))),
                read_only: Some(false),
            };
            self.servers.connect(server, FILLER_CONN, connect.encode());
        }
        self.fillers += 1;
        let nothing = Request::Delete(DeleteRequest { path: "/nothing".into(), version: -1 });
        self.servers.send(server, FILLER_CONN, encode_request(Xid(self.fillers), &nothing));
    }

    /// Compares all that each connection was sent and how it ended; gives the database.
    pub fn compare(&self) -> &Database {
        let (mut same, mut allowed) = (0, BTreeMap::new());
        for client in &self.clients {
            same += self.compare_client(client, &mut allowed);
        }
        println!("{} connections, {same} frames are the same", self.clients.len());
        for (name, times) in allowed {
            println!("{name:<32}{times:>4}");
        }
        self.servers.database()
    }

    /// Whether a client's connection stands.
    pub fn is_open(&self, name: &str) -> bool {
        let client = self.clients.iter().find(|client| client.recording.name == name);
        client.is_some_and(|client| self.servers.is_open(client.server, client.conn))
    }

    fn compare_client(&self, client: &Client, met: &mut BTreeMap<&'static str, u32>) -> usize {
        let name = client.recording.name;
        let ours = self.servers.received(client.conn);
        let theirs = &client.recording.received;
        assert_eq!(ours.first(), theirs.first(), "{name}: session, password or timeout");
        let mut same = theirs.len().min(1);
        for (ours, theirs) in ours.iter().zip(theirs).skip(1) {
            let [our_header, their_header] = [ours, theirs].map(header);
            let at = (name, their_header.xid);
            assert_eq!(our_header.xid, their_header.xid, "{name}: the order of replies and events");
            let [(our, our_bytes), (their, their_bytes)] =
                [ours, theirs].map(|frame| sorted(client, frame));
            if our_bytes == their_bytes {
                same += 1;
                continue;
            }
            let same_zxid = our_header.zxid == their_header.zxid;
            assert!(same_zxid || their_header.xid == XID_EVENT, "{at:?} {our_header:?}");
            let ask = client.asked.get(&their_header.xid).cloned();
            let expected = Expected { item: their.clone(), withheld: false, ask };
            let mut rows = ALLOWED.iter();
            let row = rows.find(|row| (row.covers)(&expected, Some(&our), Some(&their)));
            let row = row.unwrap_or_else(|| panic!("{at:?}\n  ours {our:?}\ntheirs {their:?}"));
            *met.entry(row.name).or_default() += 1;
        }
        assert_eq!(ours.len(), theirs.len(), "{name}: {:?}", ours.get(theirs.len()));
        if client.recording.is_ended {
            assert!(!self.is_open(name), "{name} goes on");
        }
        same
    }
}

/// What a frame says, and its bytes with the lists of children and paths sorted.
fn sorted(client: &Client, frame: &Bytes) -> (Item, Bytes) {
    let (header, body) = ReplyHeader::decode(frame.clone()).expect("a reply");
    let (xid, zxid) = (header.xid.0, header.zxid.to_wire());
    if header.xid == XID_EVENT {
        let WatcherEvent { kind, state, path } = WatcherEvent::decode(body).expect("an event");
        return (Item::Event { kind, state, path: path.to_string(), zxid }, frame.clone());
    }
    let length = body.len();
    let reply = |result| Item::Reply { xid, zxid, result, length };
    let op = client.asked.get(&header.xid).and_then(|ask| OpCode::from_wire(ask.op()));
    let Some(op) = op.filter(|_| header.err == 0) else {
        return (reply(Err(header.err)), frame.clone());
    };
    let response = Response::decode(op, body).expect("a response");
    let sorted = sorted_lists(response.clone());
    let bytes = match sorted == response {
        true => frame.clone(),
        false => encode_reply(header.xid, header.zxid, header.err, &sorted).slice(4..),
    };
    (reply(Ok(sorted)), bytes)
}

fn sorted_lists(mut response: Response) -> Response {
    match &mut response {
        Response::Children(names) | Response::Children2 { children: names, .. } => names.sort(),
        Response::Paths(paths) => paths.sort(),
        Response::MultiRead(results) => {
            for result in results {
                if let ReadResult::Children(names) = result {
                    names.sort();
                }
            }
        }
        _ => {}
    }
    response
}
