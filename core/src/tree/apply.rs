//! What a transaction does to the state, live and in replay: the only place that changes it.
//!
//! Applying is idempotent: a fuzzy snapshot may already hold what the log does again. A transaction
//! carries its results, so nothing is checked here but what would break the tree. Not here: how a
//! request becomes a transaction, and who is told of the change (see [`super::watch`]).
//! Source: Java's `DataTree.processTxn`, `ZKDatabase.processTxn`.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::Database;
use super::acl::AclKey;
use super::path;
use super::znode::{Owner, Znode};
use crate::limits::COPY_OUT_MAX;
use crate::txn::{Acl, CreateKind, CreateTxn, Txn, TxnHeader};
use crate::types::{Path, SessionId, Zxid};
use crate::wire::client::{ErrorCode, MultiResult, OpCode, Response};

/// What applying a transaction did.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Applied {
    /// 0, or why it failed. A failed multi has 0: its codes are in the result.
    pub error: i32,
    /// What it was.
    pub op: OpCode,
    /// What the client that asked for it is told; empty after an error.
    pub result: Response,
    /// For watches, in order.
    pub changes: Vec<Change>,
}

/// A change of one znode.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// To which znode.
    pub path: Path,
    /// The znode's access list, as it was if the znode has gone; none if everybody may read it.
    pub acl: Option<Arc<[Acl]>>,
    /// That of its parent, where the parent's watches are told, too.
    pub parent_acl: Option<Arc<[Acl]>>,
}

/// What can happen to a znode that a watch tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum ChangeKind {
    /// It was made.
    Created,
    /// It has gone.
    Deleted,
    /// Its data was set.
    DataChanged,
}

impl Database {
    /// Applies one transaction.
    ///
    /// # Panics
    /// If a multi holds what none may hold ([`Txn::is_multi_part`]); decoders refuse that.
    pub fn apply(&mut self, header: &TxnHeader, txn: &Txn) -> Applied {
        let mut changes = Vec::new();
        let outcome = match txn {
            Txn::Multi(parts) => Ok(Response::Multi(self.apply_multi(header, parts, &mut changes))),
            // Alone it can only be in a log that 3.8.0 poisoned; its client got no answer.
            Txn::Check { .. } => Err(ErrorCode::Unimplemented.to_wire()),
            single => self.apply_single(header, single, &mut changes),
        };
        // Last, when sessions and znodes are those of this transaction (ZOOKEEPER-3144).
        self.last_zxid = self.last_zxid.max(header.zxid);
        let (error, result) = match outcome {
            Ok(result) => (ErrorCode::Ok.to_wire(), result),
            Err(error) => (error, Response::Empty),
        };
        Applied { error, op: txn.op(), result, changes }
    }

    fn apply_multi(
        &mut self,
        header: &TxnHeader,
        parts: &[Txn],
        changes: &mut Vec<Change>,
    ) -> Vec<MultiResult> {
        if parts.iter().any(|part| matches!(part, Txn::Error(_))) {
            return failed_multi(parts);
        }
        let mut results = Vec::with_capacity(parts.len());
        for part in parts {
            // The decoder lets nothing else in.
            assert!(part.is_multi_part());
            let outcome = self.apply_single(header, part, changes);
            results.push(outcome.map_or_else(MultiResult::Error, |done| part_result(part, done)));
        }
        results
    }

    /// Applies what is no multi; what is in a multi may change the tree only.
    fn apply_single(
        &mut self,
        header: &TxnHeader,
        txn: &Txn,
        changes: &mut Vec<Change>,
    ) -> Result<Response, i32> {
        match txn {
            Txn::CreateSession { timeout_ms } => {
                self.sessions.insert(header.session, *timeout_ms);
                Ok(Response::Empty)
            }
            Txn::CloseSession { paths } => {
                let paths = paths.as_deref().unwrap_or_default();
                self.close_session(header.session, header.zxid, paths, changes);
                Ok(Response::Empty)
            }
            Txn::Error(code) => Err(*code),
            Txn::Create(create) => self.create(header, create, changes),
            Txn::Delete { path, container: _ } => {
                self.delete(header.zxid, path, changes)?;
                Ok(Response::Empty)
            }
            Txn::SetData { path, data, version, reconfig } => {
                let done = self.set_data(header, path, data.as_ref(), *version, changes)?;
                Ok(match done {
                    Response::Stat(stat) if *reconfig => {
                        Response::Data { data: data.clone(), stat }
                    }
                    done => done,
                })
            }
            Txn::SetAcl { path, acl, version } => self.set_acl(path, acl, *version),
            Txn::Check { .. } => Ok(Response::Empty), // the leader did it
            Txn::Multi(_) => Err(ErrorCode::MarshallingError.to_wire()),
        }
    }

    fn create(
        &mut self,
        header: &TxnHeader,
        create: &CreateTxn,
        changes: &mut Vec<Change>,
    ) -> Result<Response, i32> {
        let (zxid, path) = (header.zxid, &create.path);
        let owner = match create.kind {
            CreateKind::Container => Owner::Container,
            CreateKind::Ttl(ms) => Owner::Ttl(ms),
            CreateKind::Create | CreateKind::Create2 if create.ephemeral => {
                Owner::Session(header.session)
            }
            CreateKind::Create | CreateKind::Create2 => Owner::Persistent,
        };
        // Java dies of a time to live that is out of range; here it fails.
        let owner = owner.encode().ok_or(ErrorCode::BadArguments.to_wire())?;
        let (parent, _) = path::split(path).ok_or(ErrorCode::BadArguments.to_wire())?;
        let (carried, mut parent_acl) = (create.parent_cversion, AclKey::OPEN);
        // It only grows, and after 2147483647 begins again at the negative end: in a replay the
        // parent may be younger than this transaction, and its pzxid with it.
        let on_parent = |parent: &mut Znode| {
            parent_acl = parent.acl;
            let cversion = if carried == -1 { parent.cversion.wrapping_add(1) } else { carried };
            if cversion.wrapping_sub(parent.cversion) > 0 {
                parent.cversion = cversion;
                parent.pzxid = zxid;
            }
        };
        if let Some(existing) = self.tree.get(path) {
            let acl = existing.acl;
            self.tree.change(parent, on_parent);
            if acl != AclKey::OPEN && self.tree.acls().get(acl).is_none() {
                // A fuzzy snapshot had the znode but not yet its list.
                self.tree.set_acl(path, &create.acl, |_| {});
            }
            return Err(ErrorCode::NodeExists.to_wire());
        }
        let data = create.data.as_ref().map(compact);
        let znode = Znode::new(data, AclKey::OPEN, zxid, header.time, owner);
        let stat = znode.stat();
        let Some(acl) = self.tree.create(path, znode, &create.acl, on_parent) else {
            return Err(ErrorCode::NoNode.to_wire());
        };
        let (acl, parent_acl) = (self.tree.acls().shared(acl), self.tree.acls().shared(parent_acl));
        changes.push(Change { kind: ChangeKind::Created, path: path.clone(), acl, parent_acl });
        Ok(match create.kind {
            CreateKind::Create => Response::Create { path: path.clone() },
            CreateKind::Create2 | CreateKind::Container | CreateKind::Ttl(_) => {
                Response::Create2 { path: path.clone(), stat }
            }
        })
    }

    fn delete(&mut self, zxid: Zxid, path: &Path, changes: &mut Vec<Change>) -> Result<(), i32> {
        let (parent, _) = path::split(path).ok_or(ErrorCode::BadArguments.to_wire())?;
        // Also if the znode is missing: the parent in a fuzzy snapshot may be older than its
        // children. Never down: it may be younger, too.
        self.tree.change(parent, |parent| parent.pzxid = parent.pzxid.max(zxid));
        let list = |path: &str| self.tree.acls().shared(self.tree.get(path)?.acl);
        let (acl, parent_acl) = (list(path), list(parent));
        if !self.tree.remove(path) {
            return Err(ErrorCode::NoNode.to_wire());
        }
        changes.push(Change { kind: ChangeKind::Deleted, path: path.clone(), acl, parent_acl });
        Ok(())
    }

    fn set_data(
        &mut self,
        header: &TxnHeader,
        path: &Path,
        data: Option<&Bytes>,
        version: i32,
        changes: &mut Vec<Change>,
    ) -> Result<Response, i32> {
        let found = self.tree.set_data(path, data.map(compact), |znode| {
            znode.version = version;
            znode.mzxid = header.zxid;
            znode.mtime = header.time;
        });
        let znode = self.tree.get(path).filter(|_| found).ok_or(ErrorCode::NoNode.to_wire())?;
        let (stat, acl) = (znode.stat(), self.tree.acls().shared(znode.acl));
        let (kind, path) = (ChangeKind::DataChanged, path.clone());
        changes.push(Change { kind, path, acl, parent_acl: None });
        Ok(Response::Stat(stat))
    }

    fn set_acl(&mut self, path: &Path, acl: &[Acl], version: i32) -> Result<Response, i32> {
        self.tree.set_acl(path, acl, |znode| znode.aversion = version);
        let stat = self.tree.get(path).map(Znode::stat).ok_or(ErrorCode::NoNode.to_wire())?;
        Ok(Response::Stat(stat))
    }

    /// Ends a session. Its ephemerals are listed, so that a replay deletes those too that a fuzzy
    /// snapshot shows as another session's; old logs list none.
    fn close_session(
        &mut self,
        session: SessionId,
        zxid: Zxid,
        listed: &[Path],
        changes: &mut Vec<Change>,
    ) {
        self.sessions.remove(&session);
        for path in listed {
            // One that is missing was deleted by a later transaction, which the snapshot has.
            let _ = self.delete(zxid, path, changes);
        }
        let rest: Vec<Path> = self.tree.ephemerals_of(session).cloned().collect();
        for path in &rest {
            // No server makes znodes below an ephemeral one, or an ephemeral root, but a disk or a
            // peer may hold them: those below have gone with it, and the root stays.
            let _ = self.delete(zxid, path, changes);
        }
    }
}

fn part_result(part: &Txn, done: Response) -> MultiResult {
    match (part, done) {
        (_, Response::Create { path }) => MultiResult::Create { path },
        (_, Response::Create2 { path, stat }) => MultiResult::Create2 { path, stat },
        (_, Response::Stat(stat)) => MultiResult::SetData { stat },
        (Txn::Check { .. }, _) => MultiResult::Check,
        (_, _) => MultiResult::Delete,
    }
}

/// Nothing was applied: 0 for what came before the part that failed.
fn failed_multi(parts: &[Txn]) -> Vec<MultiResult> {
    let mut before = ErrorCode::Ok;
    let mut results = Vec::with_capacity(parts.len());
    for part in parts {
        results.push(match part {
            Txn::Error(code) => {
                before = ErrorCode::RuntimeInconsistency;
                MultiResult::Error(*code)
            }
            _ => MultiResult::Error(before.to_wire()),
        });
    }
    results
}

/// A small value in memory of its own: a slice would keep its whole frame alive.
fn compact(data: &Bytes) -> Bytes {
    if data.len() <= COPY_OUT_MAX { Bytes::copy_from_slice(data) } else { data.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Epoch, WallMs, Xid};

    #[test]
    fn ephemerals_below_each_other_end_with_their_session() {
        let session = SessionId(7);
        let mut database = Database::genesis();
        let make = |path: &str| {
            Txn::Create(CreateTxn {
                path: path.into(),
                data: None,
                acl: Vec::new(),
                kind: CreateKind::Create,
                ephemeral: true,
                parent_cversion: -1,
            })
        };
        let end = Txn::CloseSession { paths: None };
        let txns = [Txn::CreateSession { timeout_ms: 4000 }, make("/a"), make("/a/b"), end];
        let before = database.tree.node_count();
        let mut changes = Vec::new();
        for (counter, txn) in (1..).zip(&txns) {
            let zxid = Zxid::new(Epoch(1), counter);
            let header = TxnHeader { session, cxid: Xid(0), zxid, time: WallMs(0) };
            changes = database.apply(&header, txn).changes;
        }
        assert_eq!((changes.len(), &*changes[0].path), (1, "/a"));
        assert_eq!(database.tree.node_count(), before);
        assert!(database.sessions.is_empty() && database.tree.ephemerals().next().is_none());
    }
}
