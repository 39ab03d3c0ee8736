//! What the clients of a random schedule do, and whether all that was acknowledged is there.

use std::sync::Arc;

use bytes::Bytes;
use zablab_core::prng::Prng;
use zablab_core::sorted::SortedSet;
use zablab_core::txn::{Acl, Id};
use zablab_core::types::{Path, ServerId};
use zablab_core::wire::client::{
    CheckVersionRequest, CreateMode, CreateRequest, DeleteRequest, MultiOp, Request, Response,
    SetDataRequest,
};

use super::coverage::Kind;
use super::{Failure, Plan, swarm};
use crate::client::{Call, Client, ClientOp};
use crate::script::ast::Reconfig;
use crate::step::{ClientId, Fault, Step};
use crate::world::World;

/// Paths that begin with this are made once and never deleted.
const KEPT: &str = "/kept-";
/// How many znodes are changed by everybody.
const SHARED: u64 = 3;

/// Where the ensemble may change, one request in this many does that.
const RECONFIG_ONE_IN: u64 = 12;

/// The load of one run.
#[derive(Clone, Debug)]
pub(super) struct Load {
    clients: u32,
    servers: Vec<ServerId>,
    /// One step in this many is an act of a client.
    act_one_in: u64,
    /// One act in this many concerns the session and not the data.
    session_one_in: u64,
    timeout_ticks: u32,
    /// Whether clients may end without a word.
    drops: bool,
    next_name: u64,
}

impl Load {
    pub(super) fn draw(prng: &mut Prng, plan: &Plan) -> Load {
        Load {
            clients: 1 + prng.below(4) as u32,
            servers: (1..=i64::from(plan.servers)).map(ServerId).collect(),
            drops: plan.faults.has(Kind::DropClient),
            act_one_in: [4, 10, 30, 100][prng.below(4) as usize],
            session_one_in: [10, 40, 200][prng.below(3) as usize],
            timeout_ticks: 2 + prng.below(6) as u32,
            next_name: 0,
        }
    }

    /// The clients' names: of those that act all the time, and behind them one for each server,
    /// which writes when all is healed.
    pub(super) fn names(&self) -> Vec<String> {
        let count = self.clients + self.servers.len() as u32;
        (1..=count).map(|number| format!("c{number}")).collect()
    }

    /// The clients that write when all is healed, and where.
    fn last_clients(&self, world: &World) -> impl Iterator<Item = (ClientId, ServerId)> {
        let is_there = |sid: ServerId| swarm::members(world).any(|(member, _)| member == sid);
        let all = (self.clients + 1..).map(ClientId).zip(self.servers.iter().copied());
        all.filter(move |(_, sid)| is_there(*sid))
    }

    /// Every client begins a session.
    pub(super) fn connect_all(&self, prng: &mut Prng, world: &World) -> Vec<Step> {
        (1..=self.clients).map(|id| self.connect(prng, world, ClientId(id))).collect()
    }

    /// The next act, if it is time for one.
    pub(super) fn next_act(&mut self, prng: &mut Prng, world: &World) -> Option<Step> {
        if prng.below(self.act_one_in) > 0 {
            return None;
        }
        let client = ClientId(1 + prng.below(u64::from(self.clients)) as u32);
        let needs_session = world.client(client).is_none_or(|client| client.needs_session());
        if needs_session {
            return Some(self.connect(prng, world, client));
        }
        if prng.below(self.session_one_in) > 0 {
            let op = ClientOp::Request(self.request(prng, world));
            return Some(Step::Act { client, op: Arc::new(op) });
        }
        match prng.below(4) {
            0 if self.drops => Some(Step::Fault(Fault::DropClient { client })),
            1 => Some(Step::Act { client, op: Arc::new(ClientOp::Disconnect) }),
            2 => Some(Step::Act { client, op: Arc::new(ClientOp::Close) }),
            _ => Some(self.connect(prng, world, client)),
        }
    }

    /// One client for each server writes through it, until that has succeeded once: what each
    /// of them does next, if it waits for nothing.
    pub(super) fn last_writes(&mut self, world: &World) -> Vec<Step> {
        let mut steps = Vec::new();
        let clients: Vec<(ClientId, ServerId)> = self.last_clients(world).collect();
        for (id, sid) in clients {
            let client = world.client(id);
            if client.is_none_or(Client::needs_session) {
                let timeout_ms = self.timeout_ms(world);
                let op = ClientOp::Connect { servers: vec![sid], timeout_ms, read_only: false };
                steps.push(Step::Act { client: id, op: Arc::new(op) });
            }
            if client.is_none_or(|client| client.pending() == 0 && !has_written(client)) {
                let op = ClientOp::Request(self.create_kept());
                steps.push(Step::Act { client: id, op: Arc::new(op) });
            }
        }
        steps
    }

    /// True if the last client of every server has written.
    pub(super) fn is_answered(&self, world: &World) -> bool {
        self.last_clients(world).all(|(id, _)| world.client(id).is_some_and(has_written))
    }

    fn timeout_ms(&self, world: &World) -> u32 {
        world.given().timing.tick_time_ms * self.timeout_ticks
    }

    fn connect(&self, prng: &mut Prng, world: &World, client: ClientId) -> Step {
        let mut servers = self.servers.clone();
        let turn = prng.below(servers.len() as u64) as usize;
        servers.rotate_left(turn);
        let timeout_ms = self.timeout_ms(world);
        let read_only = world.given().timing.sessions.read_only_mode && prng.below(2) == 0;
        let op = ClientOp::Connect { servers, timeout_ms, read_only };
        Step::Act { client, op: Arc::new(op) }
    }

    fn request(&mut self, prng: &mut Prng, world: &World) -> Request {
        if world.given().timing.reconfig && prng.below(RECONFIG_ONE_IN) == 0 {
            return self.reconfig(prng);
        }
        let shared = path(&format!("/shared-{}", prng.below(SHARED)));
        let watch = prng.below(2) == 0;
        let version = if prng.below(3) == 0 { prng.below(5) as i32 } else { -1 };
        let value = Bytes::from(prng.below(1000).to_string());
        match prng.below(13) {
            0..=2 => self.create_kept(),
            3 => create(shared, value, CreateMode::Persistent),
            4 => {
                let name = self.name();
                create(path(&format!("/e-{name}")), value, CreateMode::Ephemeral)
            }
            5 => {
                let name = ["/seq-", "/lock-"][prng.below(2) as usize];
                create(path(name), value, CreateMode::PersistentSequential)
            }
            6 => Request::SetData(SetDataRequest { path: shared, data: Some(value), version }),
            7 => Request::Delete(DeleteRequest { path: shared, version }),
            8 => Request::Multi(vec![
                MultiOp::Check(CheckVersionRequest { path: shared.clone(), version }),
                MultiOp::SetData(SetDataRequest { path: shared, data: Some(value), version: -1 }),
            ]),
            9 => Request::GetData { path: shared, watch },
            10 => Request::Exists { path: shared, watch },
            11 => Request::GetChildren2 { path: path("/"), watch },
            _ => Request::Sync { path: shared },
        }
    }

    /// One server joins or observes, one leaves, or all but one are named anew.
    fn reconfig(&self, prng: &mut Prng) -> Request {
        let one = self.servers[prng.below(self.servers.len() as u64) as usize];
        let others = || self.servers.iter().copied().filter(|sid| *sid != one).collect();
        let mut reconfig = Reconfig::default();
        match prng.below(6) {
            0 | 1 => reconfig.joining = vec![one],
            2 => reconfig.observing = vec![one],
            3 | 4 => reconfig.leaving = vec![one],
            _ => reconfig = Reconfig { anew: true, joining: others(), ..reconfig },
        }
        reconfig.request()
    }

    fn create_kept(&mut self) -> Request {
        let name = self.name();
        create(path(&format!("{KEPT}{name}")), Bytes::from_static(b"kept"), CreateMode::Persistent)
    }

    fn name(&mut self) -> u64 {
        self.next_name += 1;
        self.next_name
    }
}

fn has_written(client: &Client) -> bool {
    client.history().iter().any(|call| made(call).is_some())
}

/// Every create that was answered OK is there on every server, unless it may have gone again.
///
/// # Errors
/// The first one that is missing.
pub(super) fn check_readable(world: &World) -> Result<(), Failure> {
    let calls = world.clients().flat_map(|(_, client)| client.history());
    let made: SortedSet<&Path> = calls.filter_map(made).collect();
    for path in made.into_iter().filter(|path| path.starts_with(KEPT)) {
        for (server, node) in swarm::members(world) {
            let tree = node.process().map(|process| &process.database().tree);
            if tree.and_then(|tree| tree.get(path)).is_none() {
                return Err(Failure::Lost { server, path: path.to_string() });
            }
        }
    }
    Ok(())
}

/// The path that a call has made.
fn made(call: &Call) -> Option<&Path> {
    match &call.returned.as_ref()?.1.result {
        Ok(Response::Create { path } | Response::Create2 { path, .. }) => Some(path),
        _ => None,
    }
}

fn create(path: Path, data: Bytes, mode: CreateMode) -> Request {
    let anyone = Id { scheme: "world".to_owned(), id: "anyone".to_owned() };
    let acl = vec![Acl { perms: 31, id: anyone }];
    Request::Create(CreateRequest { path, data: Some(data), acl, flags: mode.to_wire() })
}

fn path(text: &str) -> Path {
    Path::from(text)
}
