//! The world of znodes as a client sees it, written down naively: what every request must answer.
//!
//! A second opinion on the core. It shares the records of the wire with it and no decision: one map
//! of znodes, one set of watches for each client, everything looked for by walking over all of it,
//! a multi on a copy. Requests of all clients come one after the other, and there is one server.
//! A time is told by the transaction of that time, as a clock can say nothing more.
//! Not here: quotas, reaping, expiry by time, reconfiguration.
//! Source: the ZooKeeper programmer's guide, as of 3.9.

mod access;
mod reads;
mod watches;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bytes::Bytes;
use zablab_core::txn::{Acl, Id};
use zablab_core::types::{SessionId, WallMs, Zxid};
use zablab_core::wire::client::{ErrorCode, EventType, OpCode, Request, Response, Stat};

/// A client, by the order in which they were made.
pub type ClientId = usize;

/// What a header holds that belongs to no transaction.
const NO_ZXID: i64 = -1;

/// All znodes, sessions and clients at one moment.
#[derive(Clone, Debug)]
pub struct World {
    nodes: BTreeMap<String, Rc<Node>>,
    clients: BTreeMap<ClientId, Client>,
    zxid: i64,
    super_digest: String,
}

/// A znode.
#[derive(Clone, Debug)]
struct Node {
    data: Option<Bytes>,
    acl: Vec<Acl>,
    czxid: i64,
    mzxid: i64,
    pzxid: i64,
    version: i32,
    /// Creates of children; it numbers sequential names.
    creates: i32,
    aversion: i32,
    /// The session it goes with.
    session: Option<SessionId>,
}

/// A client's connection.
#[derive(Clone, Debug)]
struct Client {
    session: SessionId,
    /// Who it has proved to be, its address last.
    auth: Vec<Id>,
    watches: BTreeSet<(String, Kind)>,
}

/// A kind of watch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Data,
    Child,
    Persistent,
    Recursive,
}

/// A watch event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Who is told.
    pub client: ClientId,
    /// What happened.
    pub kind: EventType,
    /// To which znode.
    pub path: String,
    /// By which transaction; -1 if it was missed, and told to who set the watch again.
    pub zxid: i64,
    /// The client may not read the znode: since 3.9.2 it is not told after all.
    pub withheld: bool,
}

/// All that follows from a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Events, in order, all before the reply.
    pub told: Vec<Told>,
    /// The reply.
    pub reply: Result<Response, ErrorCode>,
    /// The zxid in the reply's header.
    pub zxid: i64,
    /// Whether the connection ends after it.
    pub closes: bool,
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

impl World {
    /// A new server's: the built-in znodes, no client.
    pub fn new() -> World {
        let node = |acl: Vec<Acl>| Node {
            data: Some(Bytes::new()),
            acl,
            czxid: 0,
            mzxid: 0,
            pzxid: 0,
            version: 0,
            creates: 0,
            aversion: 0,
            session: None,
        };
        let mut nodes = BTreeMap::new();
        for path in ["/", "/zookeeper", "/zookeeper/quota"] {
            nodes.insert(path.to_owned(), Rc::new(node(vec![access::anyone(access::ALL)])));
        }
        let config = Node { aversion: -1, ..node(vec![access::anyone(access::READ)]) };
        nodes.insert("/zookeeper/config".to_owned(), Rc::new(config));
        World {
            nodes,
            clients: BTreeMap::new(),
            zxid: 0,
            super_digest: "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=".to_owned(),
        }
    }

    /// The last transaction.
    pub fn zxid(&self) -> i64 {
        self.zxid
    }

    /// How many znodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: the built-in znodes stay.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All paths.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }

    /// Version of data and of the access list of a znode.
    pub fn versions(&self, path: &str) -> Option<(i32, i32)> {
        self.nodes.get(path).map(|node| (node.version, node.aversion))
    }

    /// Whether a client has a watch on the path that stays.
    pub fn has_lasting_watch(&self, client: ClientId, path: &str) -> bool {
        let watches = &self.clients[&client].watches;
        watches
            .iter()
            .any(|(on, kind)| on == path && matches!(kind, Kind::Persistent | Kind::Recursive))
    }

    /// Whether a client has watches of different modes on one path: that are told once, that stay,
    /// that are recursive.
    pub fn mixes_watches(&self, client: ClientId) -> bool {
        let mode = |kind: &Kind| match kind {
            Kind::Data | Kind::Child => 0,
            Kind::Persistent => 1,
            Kind::Recursive => 2,
        };
        let watches = self.clients.get(&client).map(|client| &client.watches);
        let watches: Vec<_> = watches.into_iter().flatten().collect();
        watches
            .windows(2)
            .any(|pair| pair[0].0 == pair[1].0 && mode(&pair[0].1) != mode(&pair[1].1))
    }

    /// Whether a client has an ephemeral znode.
    pub fn has_ephemeral(&self, client: ClientId) -> bool {
        let session = Some(self.clients[&client].session);
        self.nodes.values().any(|node| node.session == session)
    }

    /// Whether a client may read a znode, or would find none.
    pub fn is_readable(&self, client: ClientId, path: &str) -> bool {
        self.check(client, path, access::READ) != Err(ErrorCode::NoAuth)
    }

    /// The session of a client.
    pub fn session(&self, client: ClientId) -> SessionId {
        self.clients[&client].session
    }

    /// The paths on which a client has watches.
    pub fn watched(&self, client: ClientId) -> Vec<&str> {
        self.clients[&client].watches.iter().map(|(path, _)| path.as_str()).collect()
    }

    /// The identities of a client.
    pub fn auth(&self, client: ClientId) -> &[Id] {
        &self.clients[&client].auth
    }

    /// A client connects with a session of its own, made for it.
    pub fn connect(&mut self, client: ClientId, session: SessionId, address: &str) {
        self.zxid += 1;
        self.attach(client, session, address);
    }

    /// A client connects with the session it has: identities and watches are those of its last
    /// connection no more.
    pub fn reconnect(&mut self, client: ClientId, address: &str) {
        let session = self.clients[&client].session;
        self.attach(client, session, address);
    }

    fn attach(&mut self, client: ClientId, session: SessionId, address: &str) {
        let auth = vec![Id { scheme: "ip".into(), id: address.into() }];
        self.clients.insert(client, Client { session, auth, watches: BTreeSet::new() });
    }

    /// The connection of a client ends without its session.
    pub fn disconnect(&mut self, client: ClientId) {
        self.client_mut(client).watches.clear();
    }

    /// The session of a client whose connection has ended runs out.
    pub fn expire(&mut self, client: ClientId) -> Vec<Told> {
        self.zxid += 1;
        let session = self.clients[&client].session;
        self.clients.remove(&client);
        self.end_session(session)
    }

    /// What a request leads to.
    pub fn request(&mut self, client: ClientId, request: &Request) -> Outcome {
        if let Request::Auth(auth) = request {
            return self.authenticate(client, auth);
        }
        let mut told = Vec::new();
        let reply = if request.op().is_write() {
            self.zxid += 1;
            self.write(client, request, &mut told)
        } else {
            match self.watch_request(client, request, &mut told) {
                Some(reply) => reply,
                None => self.read(client, request),
            }
        };
        let closes = matches!(request, Request::CloseSession);
        Outcome { told, reply, zxid: self.zxid, closes }
    }

    /// What a request leads to whose body cannot be read. A write takes a zxid all the same.
    pub fn malformed(&mut self, op: OpCode) -> Outcome {
        self.zxid += i64::from(op.is_write());
        let reply = Err(ErrorCode::MarshallingError);
        Outcome { told: Vec::new(), reply, zxid: self.zxid, closes: false }
    }

    /// What a request leads to that nobody knows.
    pub fn unknown(&mut self) -> Outcome {
        let reply = Err(ErrorCode::Unimplemented);
        Outcome { told: Vec::new(), reply, zxid: NO_ZXID, closes: true }
    }

    fn client_mut(&mut self, client: ClientId) -> &mut Client {
        self.clients.get_mut(&client).expect("it is connected")
    }

    fn node(&self, path: &str) -> Result<&Node, ErrorCode> {
        self.nodes.get(path).map(|node| &**node).ok_or(ErrorCode::NoNode)
    }

    fn node_mut(&mut self, path: &str) -> &mut Node {
        Rc::make_mut(self.nodes.get_mut(path).expect("the caller has found it"))
    }

    /// The names of the children of a znode.
    fn children(&self, path: &str) -> Vec<&str> {
        let before = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let below = self.nodes.keys().filter_map(|key| key.strip_prefix(&before));
        below.filter(|name| !name.is_empty() && !name.contains('/')).collect()
    }

    fn stat(&self, path: &str) -> Stat {
        let node = &self.nodes[path];
        let children = self.children(path).len() as i32;
        Stat {
            czxid: Zxid::from_wire(node.czxid),
            mzxid: Zxid::from_wire(node.mzxid),
            ctime: WallMs(node.czxid),
            mtime: WallMs(node.mzxid),
            version: node.version,
            cversion: node.creates.wrapping_mul(2).wrapping_sub(children),
            aversion: node.aversion,
            ephemeral_owner: node.session.unwrap_or_default(),
            data_length: node.data.as_ref().map_or(0, Bytes::len) as i32,
            num_children: children,
            pzxid: Zxid::from_wire(node.pzxid),
        }
    }
}

/// The parent of a path as text; nothing is said of whether it is one.
fn parent_of(path: &str) -> Option<&str> {
    match path.rsplit_once('/')? {
        ("", _) => Some("/"),
        (parent, _) => Some(parent),
    }
}
