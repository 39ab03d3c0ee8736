//! One request at a time.

use bytes::Bytes;
use zablab_core::request::access::digest_id;
use zablab_core::txn::{Acl, Id};
use zablab_core::types::{Path, Zxid};
use zablab_core::wire::client::{
    AuthRequest, CheckVersionRequest, CreateRequest, CreateTtlRequest, DeleteRequest, MultiOp,
    OpCode, ReadOp, Request, SetAclRequest, SetDataRequest, SetWatches, SetWatches2,
};

use super::{CREATES, TRIES, Workload, succeeds};
use crate::model::{ClientId, World};

/// Names of znodes: few, so that clients meet.
const NAMES: [&str; 10] = ["a", "b", "c", "d", "e", "s-", "\u{fc}", "\u{4e2d}", "x y", "zookeeper"];
/// What is no path of a znode.
const BAD_PATHS: [&str; 18] = [
    "",
    "a",
    "a/b",
    "//",
    "/a/",
    "/a//b",
    "//a",
    "/.",
    "/a/.",
    "/../a",
    "/a/./b",
    "/a\u{1}",
    "/a\u{7f}",
    "/a\0",
    "/a\u{e000}",
    "/a\u{ffff}",
    "/a\u{1f600}",
    "/zookeeper/",
];
/// The users that there are.
const SECRETS: [&str; 4] = ["bob:secret", "eve:other", "nobody", "bob:with:colons"];
/// Deeper znodes are not made.
const DEPTH_MAX: usize = 4;

impl Workload {
    pub(super) fn super_user(&self) -> Request {
        credentials("digest", "super:admin")
    }

    pub(super) fn draw(&mut self, op: OpCode, client: ClientId, world: &World) -> Request {
        match op {
            OpCode::Create => Request::Create(self.create(world, false)),
            OpCode::Create2 => Request::Create2(self.create(world, false)),
            OpCode::CreateContainer => Request::CreateContainer(self.create(world, false)),
            OpCode::CreateTtl => {
                let ttls = [1, 5_000_000, 1 << 39, (1 << 40) - 1, 1 << 40, 0, -1, i64::MIN];
                let ttl_ms = if self.rng.below(3) > 0 { 5_000_000 } else { self.rng.pick(&ttls) };
                Request::CreateTtl(CreateTtlRequest { create: self.create(world, true), ttl_ms })
            }
            OpCode::Delete => {
                let path = self.path(world);
                Request::Delete(DeleteRequest { version: self.version(world, &path), path })
            }
            OpCode::SetData => {
                let path = self.path(world);
                let version = self.version(world, &path);
                Request::SetData(SetDataRequest { path, data: self.data(), version })
            }
            OpCode::Check => {
                let path = self.path(world);
                Request::Check(CheckVersionRequest { version: self.version(world, &path), path })
            }
            OpCode::SetAcl => self.set_acl(world),
            OpCode::Multi => Request::Multi(self.multi(client, world)),
            OpCode::MultiRead => {
                let count = self.rng.index(5);
                Request::MultiRead((0..count).map(|_| self.read_op(world)).collect())
            }
            OpCode::Exists => Request::Exists { path: self.path(world), watch: self.watch() },
            OpCode::GetData => Request::GetData { path: self.path(world), watch: self.watch() },
            OpCode::GetChildren => {
                Request::GetChildren { path: self.path(world), watch: self.watch() }
            }
            OpCode::GetChildren2 => {
                Request::GetChildren2 { path: self.path(world), watch: self.watch() }
            }
            OpCode::GetAcl => Request::GetAcl { path: self.path(world) },
            OpCode::GetAllChildrenNumber => {
                Request::GetAllChildrenNumber { path: self.path(world) }
            }
            OpCode::GetEphemerals => {
                let prefixes = ["", "/", "/a", "/b", "/a/", " ", "x"];
                Request::GetEphemerals { prefix: self.rng.pick(&prefixes).into() }
            }
            OpCode::WhoAmI => Request::WhoAmI,
            OpCode::Sync => Request::Sync { path: self.path(world) },
            OpCode::Ping => Request::Ping,
            OpCode::Auth => self.auth(),
            OpCode::AddWatch => {
                let mode = if self.rng.below(8) == 0 { 2 } else { self.rng.below(2) as i32 };
                Request::AddWatch { path: self.path(world), mode }
            }
            OpCode::CheckWatches => {
                Request::CheckWatches { path: self.watched(client, world), kind: self.kind() }
            }
            OpCode::RemoveWatches => {
                Request::RemoveWatches { path: self.watched(client, world), kind: self.kind() }
            }
            OpCode::SetWatches => Request::SetWatches(self.set_watches(world)),
            OpCode::SetWatches2 => Request::SetWatches2(SetWatches2 {
                once: self.set_watches(world),
                persistent_watches: self.paths(world),
                recursive_watches: self.paths(world),
            }),
            OpCode::CloseSession => Request::CloseSession,
            other => panic!("{other:?} is not drawn"),
        }
    }

    fn create(&mut self, world: &World, ttl: bool) -> CreateRequest {
        let usual: &[i32] = if ttl { &[5, 5, 6] } else { &[0, 0, 0, 1, 1, 2, 3, 4] };
        let flags = match self.rng.below(16) {
            0 => self.rng.pick(&[-1, 0, 1, 4, 5, 6, 7, 9]),
            _ => self.rng.pick(usual),
        };
        let path = self.new_path(world);
        CreateRequest { path, data: self.data(), acl: self.acl(), flags }
    }

    fn set_acl(&mut self, world: &World) -> Request {
        let path = self.path(world);
        let version = match world.versions(&path) {
            Some((_, aversion)) if self.rng.below(2) == 0 => aversion,
            _ => self.rng.pick(&[-1, -1, -1, 0, 1, -2]),
        };
        // Whoever locks the root locks everybody out.
        let acl = if &*path == "/" { vec![entry(31, "world", "anyone")] } else { self.acl() };
        Request::SetAcl(SetAclRequest { path, acl, version })
    }

    fn multi(&mut self, client: ClientId, world: &World) -> Vec<MultiOp> {
        let mut attempt = world.clone();
        let kinds = [OpCode::Delete, OpCode::SetData, OpCode::Check];
        let kinds = [&CREATES[..], &kinds[..]].concat();
        let count = self.rng.index(6);
        let mut ops = Vec::new();
        for _ in 0..count {
            let op = self.rng.pick(&kinds);
            let mut part = self.draw(op, client, &attempt);
            for _ in 1..TRIES {
                if succeeds(client, &Request::Multi(vec![multi_op(part.clone())]), &attempt) {
                    break;
                }
                part = self.draw(op, client, &attempt);
            }
            let part = multi_op(part);
            attempt.request(client, &Request::Multi(vec![part.clone()]));
            ops.push(part);
        }
        ops
    }

    fn read_op(&mut self, world: &World) -> ReadOp {
        let (path, watch) = (self.path(world), self.watch());
        if self.rng.below(2) == 0 {
            ReadOp::GetData { path, watch }
        } else {
            ReadOp::GetChildren { path, watch }
        }
    }

    fn auth(&mut self) -> Request {
        match self.rng.below(40) {
            0 => credentials("world", "anyone"),
            1 => credentials("nonsense", "x"),
            2 => credentials("ip", "127.0.0.1"),
            3 => credentials("digest", ""),
            _ => credentials("digest", self.rng.pick(&SECRETS)),
        }
    }

    fn set_watches(&mut self, world: &World) -> SetWatches {
        let zxids = [world.zxid(), world.zxid() - 20, 0, -1, i64::MAX];
        SetWatches {
            relative_zxid: Zxid::from_wire(self.rng.pick(&zxids)),
            data_watches: self.paths(world),
            exist_watches: self.paths(world),
            child_watches: self.paths(world),
        }
    }

    /// Mostly that of a znode, sometimes of one that could be, sometimes none.
    fn path(&mut self, world: &World) -> Path {
        match self.rng.below(20) {
            0 => self.rng.pick(&BAD_PATHS).into(),
            1..4 => self.new_path(world),
            _ => {
                let at = self.rng.index(world.len());
                let path = world.paths().nth(at).expect("it is below their number");
                // The configuration is another matter.
                if path == "/zookeeper/config" { "/a".into() } else { path.into() }
            }
        }
    }

    fn paths(&mut self, world: &World) -> Vec<Path> {
        let count = self.rng.index(3);
        (0..count).map(|_| self.path(world)).collect()
    }

    fn new_path(&mut self, world: &World) -> Path {
        if self.rng.below(20) == 0 {
            return self.rng.pick(&BAD_PATHS).into();
        }
        let at = self.rng.index(world.len());
        let parent = world.paths().nth(at).expect("it is below their number");
        let is_deep = parent.split('/').count() > DEPTH_MAX;
        let parent = match parent {
            parent if parent.starts_with("/zookeeper") || is_deep || parent == "/" => "",
            parent => parent,
        };
        format!("{parent}/{}", self.rng.pick(&NAMES)).into()
    }

    /// Half of them with watches that stay, if there are any.
    fn watched(&mut self, client: ClientId, world: &World) -> Path {
        let of = world.watched(client);
        if of.is_empty() || self.rng.below(5) == 0 {
            return self.path(world);
        }
        self.rng.pick(&of).into()
    }

    fn version(&mut self, world: &World, path: &str) -> i32 {
        match world.versions(path) {
            Some((version, _)) if self.rng.below(2) == 0 => version,
            _ => self.rng.pick(&[-1, -1, -1, 0, 1, 7, -2, i32::MAX]),
        }
    }

    fn data(&mut self) -> Option<Bytes> {
        match self.rng.below(10) {
            0 => None,
            1 => Some(Bytes::new()),
            2 => Some(Bytes::from(vec![b'x'; 300])),
            _ => Some(Bytes::from(self.rng.below(1000).to_string())),
        }
    }

    fn acl(&mut self) -> Vec<Acl> {
        let bob = digest_id("bob:secret");
        let open = vec![entry(31, "world", "anyone")];
        match self.rng.below(40) {
            0 => vec![],
            1 => vec![entry(31, "world", "somebody")],
            2 => vec![entry(31, "nonsense", "x")],
            3 => vec![entry(31, "digest", "without")],
            4 => vec![entry(31, "ip", "not-an-address")],
            5 => vec![entry(1, "world", "anyone"), entry(1, "world", "anyone")],
            6 => vec![entry(1, "world", "anyone"), entry(31, "auth", "")],
            7 => vec![entry(31, "auth", "whoever"), entry(31, "digest", &bob)],
            8 => vec![entry(31, "digest", &bob)],
            9 => vec![entry(31, "ip", "127.0.0.1")],
            10 => vec![entry(31, "ip", "127.0.0.0/8")],
            11 => vec![entry(1, "ip", "127.0.0.2"), entry(14, "world", "anyone")],
            12 => vec![entry(self.rng.below(32) as i32, "world", "anyone")],
            13 => vec![entry(30, "world", "anyone"), entry(1, "digest", &bob)],
            14 => vec![entry(0, "world", "anyone")],
            _ => open,
        }
    }

    fn watch(&mut self) -> bool {
        self.rng.below(2) == 0
    }

    fn kind(&mut self) -> i32 {
        if self.rng.below(20) == 0 {
            self.rng.pick(&[0, -1, 6])
        } else {
            self.rng.below(5) as i32 + 1
        }
    }
}

fn credentials(scheme: &str, secret: &str) -> Request {
    let auth = Some(Bytes::copy_from_slice(secret.as_bytes()));
    Request::Auth(AuthRequest { scheme: scheme.into(), auth })
}

fn entry(perms: i32, scheme: &str, id: &str) -> Acl {
    Acl { perms, id: Id { scheme: scheme.into(), id: id.into() } }
}

fn multi_op(request: Request) -> MultiOp {
    match request {
        Request::Create(create) => MultiOp::Create(create),
        Request::Create2(create) => MultiOp::Create2(create),
        Request::CreateContainer(create) => MultiOp::CreateContainer(create),
        Request::CreateTtl(create) => MultiOp::CreateTtl(create),
        Request::Delete(delete) => MultiOp::Delete(delete),
        Request::SetData(set) => MultiOp::SetData(set),
        Request::Check(check) => MultiOp::Check(check),
        other => panic!("{other:?} is no part of a multi"),
    }
}
