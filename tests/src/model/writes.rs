//! What changes znodes.

use std::rc::Rc;

use zablab_core::types::SessionId;
use zablab_core::wire::client::{
    CheckVersionRequest, CreateRequest, DeleteRequest, ErrorCode, EventType, MultiOp, MultiResult,
    OpCode, Request, Response, SetAclRequest, SetDataRequest,
};

use super::access::{ADMIN, CREATE, DELETE, READ, WRITE};
use super::{ClientId, Node, Told, World, parent_of};

/// The longest time to live: 40 bits of milliseconds.
const TTL_MAX_MS: i64 = (1 << 40) - 1;

impl World {
    pub(super) fn write(
        &mut self,
        client: ClientId,
        request: &Request,
        told: &mut Vec<Told>,
    ) -> Result<Response, ErrorCode> {
        match request {
            Request::Create(create)
            | Request::Create2(create)
            | Request::CreateContainer(create) => {
                self.create(client, request.op(), create, None, told)
            }
            Request::CreateTtl(ttl) => {
                self.create(client, request.op(), &ttl.create, Some(ttl.ttl_ms), told)
            }
            Request::Delete(delete) => self.delete(client, delete, told),
            Request::SetData(set) => self.set_data(client, set, told),
            Request::SetAcl(set) => self.set_acl(client, set),
            Request::Check(check) => self.check_version(client, check),
            Request::Multi(ops) => Ok(Response::Multi(self.multi(client, ops, told))),
            Request::CloseSession => {
                let session = self.clients[&client].session;
                told.extend(self.end_session(session));
                self.clients.remove(&client);
                Ok(Response::Empty)
            }
            other => panic!("{other:?} is no write"),
        }
    }

    /// All of it or nothing; each part sees those before it.
    fn multi(
        &mut self,
        client: ClientId,
        ops: &[MultiOp],
        told: &mut Vec<Told>,
    ) -> Vec<MultiResult> {
        let mut attempt = self.clone();
        let (mut results, mut events) = (Vec::new(), Vec::new());
        for (at, op) in ops.iter().enumerate() {
            match attempt.write(client, &op.clone().into(), &mut events) {
                Ok(reply) => results.push(part_of(op, reply)),
                Err(code) => {
                    let error = |part: usize| match part.cmp(&at) {
                        std::cmp::Ordering::Less => ErrorCode::Ok,
                        std::cmp::Ordering::Equal => code,
                        std::cmp::Ordering::Greater => ErrorCode::RuntimeInconsistency,
                    };
                    let errors = (0..ops.len()).map(|part| error(part).to_wire());
                    return errors.map(MultiResult::Error).collect();
                }
            }
        }
        *self = attempt;
        told.extend(events);
        results
    }

    fn create(
        &mut self,
        client: ClientId,
        op: OpCode,
        create: &CreateRequest,
        ttl_ms: Option<i64>,
        told: &mut Vec<Told>,
    ) -> Result<Response, ErrorCode> {
        let fits = match create.flags {
            0..=4 => ttl_ms.is_none(),
            5 | 6 => ttl_ms.is_some_and(|ms| (1..=TTL_MAX_MS).contains(&ms)),
            _ => false,
        };
        if !fits || create.path.contains('\0') {
            return Err(ErrorCode::BadArguments);
        }
        let parent = parent_of(&create.path).ok_or(ErrorCode::BadArguments)?;
        let acl = self.fixed(client, &create.acl)?;
        self.check(client, parent, CREATE)?;
        let number = self.nodes[parent].creates;
        let path = match create.flags {
            2 | 3 | 6 => format!("{}{number:010}", create.path),
            _ => create.path.to_string(),
        };
        if !is_path(&path) {
            return Err(ErrorCode::BadArguments);
        }
        if self.nodes.contains_key(&path) {
            return Err(ErrorCode::NodeExists);
        }
        if self.nodes[parent].session.is_some() {
            return Err(ErrorCode::NoChildrenForEphemerals);
        }
        let is_ephemeral =
            matches!(create.flags, 1 | 3) && matches!(op, OpCode::Create | OpCode::Create2);
        let node = Node {
            data: create.data.clone(),
            acl: acl.clone(),
            czxid: self.zxid,
            mzxid: self.zxid,
            pzxid: self.zxid,
            version: 0,
            creates: 0,
            aversion: 0,
            session: is_ephemeral.then_some(self.clients[&client].session),
        };
        self.nodes.insert(path.clone(), Rc::new(node));
        let zxid = self.zxid;
        let above = self.node_mut(parent);
        above.creates += 1;
        above.pzxid = zxid;
        self.fire(EventType::NodeCreated, &path, &acl, told);
        Ok(match op {
            OpCode::Create => Response::Create { path: path.into() },
            _ => Response::Create2 { stat: self.stat(&path), path: path.into() },
        })
    }

    fn delete(
        &mut self,
        client: ClientId,
        delete: &DeleteRequest,
        told: &mut Vec<Told>,
    ) -> Result<Response, ErrorCode> {
        let path = &*delete.path;
        let built_in = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];
        if path.contains('\0') || built_in.contains(&path) {
            return Err(ErrorCode::BadArguments);
        }
        let parent = parent_of(path).ok_or(ErrorCode::BadArguments)?;
        self.check(client, parent, DELETE)?;
        expect(delete.version, self.node(path)?.version)?;
        if !self.children(path).is_empty() {
            return Err(ErrorCode::NotEmpty);
        }
        self.remove(path, told);
        Ok(Response::Empty)
    }

    fn remove(&mut self, path: &str, told: &mut Vec<Told>) {
        let node = self.nodes.remove(path).expect("the caller has found it");
        let zxid = self.zxid;
        self.node_mut(parent_of(path).expect("it had one")).pzxid = zxid;
        self.fire(EventType::NodeDeleted, path, &node.acl, told);
    }

    fn set_data(
        &mut self,
        client: ClientId,
        set: &SetDataRequest,
        told: &mut Vec<Told>,
    ) -> Result<Response, ErrorCode> {
        let path = valid(&set.path)?;
        self.check(client, path, WRITE)?;
        expect(set.version, self.node(path)?.version)?;
        let zxid = self.zxid;
        let node = self.node_mut(path);
        node.data = set.data.clone();
        node.version += 1;
        node.mzxid = zxid;
        let acl = node.acl.clone();
        self.fire(EventType::NodeDataChanged, path, &acl, told);
        Ok(Response::Stat(self.stat(path)))
    }

    fn set_acl(&mut self, client: ClientId, set: &SetAclRequest) -> Result<Response, ErrorCode> {
        let path = valid(&set.path)?;
        let acl = self.fixed(client, &set.acl)?;
        self.check(client, path, ADMIN)?;
        expect(set.version, self.node(path)?.aversion)?;
        let node = self.node_mut(path);
        node.acl = acl;
        node.aversion += 1;
        Ok(Response::Stat(self.stat(path)))
    }

    fn check_version(
        &self,
        client: ClientId,
        check: &CheckVersionRequest,
    ) -> Result<Response, ErrorCode> {
        let path = valid(&check.path)?;
        self.check(client, path, READ)?;
        expect(check.version, self.node(path)?.version)?;
        Ok(Response::Empty)
    }

    /// A session's znodes go with it.
    pub(super) fn end_session(&mut self, session: SessionId) -> Vec<Told> {
        let mine = self.nodes.iter().filter(|(_, node)| node.session == Some(session));
        let mine: Vec<String> = mine.map(|(path, _)| path.clone()).collect();
        let mut told = Vec::new();
        for path in mine {
            self.remove(&path, &mut told);
        }
        told
    }
}

fn part_of(op: &MultiOp, reply: Response) -> MultiResult {
    match reply {
        Response::Create { path } => MultiResult::Create { path },
        Response::Create2 { path, stat } => MultiResult::Create2 { path, stat },
        Response::Stat(stat) => MultiResult::SetData { stat },
        _ if matches!(op, MultiOp::Check(_)) => MultiResult::Check,
        _ => MultiResult::Delete,
    }
}

fn expect(wanted: i32, version: i32) -> Result<(), ErrorCode> {
    if wanted == -1 || wanted == version { Ok(()) } else { Err(ErrorCode::BadVersion) }
}

fn valid(path: &str) -> Result<&str, ErrorCode> {
    if is_path(path) { Ok(path) } else { Err(ErrorCode::BadArguments) }
}

/// Whether a znode may have this path.
fn is_path(path: &str) -> bool {
    let refused = |c: char| {
        let code = c as u32;
        c.is_control() || (0xe000..=0xf8ff).contains(&code) || code >= 0xfff0
    };
    let bad_name = |name: &str| matches!(name, "" | "." | "..") || name.contains(refused);
    path == "/" || path.strip_prefix('/').is_some_and(|names| !names.split('/').any(bad_name))
}
