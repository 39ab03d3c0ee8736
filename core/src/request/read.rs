//! Reads: from the tree of this server, as it is.
//!
//! Not here: when a read is due (behind its session's earlier writes), and what concerns watches
//! alone. Source: Java's `FinalRequestProcessor`.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::config::Rules;
use crate::request::access::{Access, client_info};
use crate::tree::acl::READ;
use crate::tree::{Database, Watch, Znode};
use crate::txn::Id;
use crate::types::{Path, SessionId};
use crate::wire::client::{ErrorCode, ReadOp, ReadResult, Request, Response};

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub struct ReadContext<'a> {
    /// Whose ephemerals are meant.
    pub session: SessionId,
    /// The identities of the connection, its address last.
    pub auth: &'a [Id],
    /// What clients may do.
    pub rules: Rules,
}

impl ReadContext<'_> {
    fn access(&self) -> Access<'_> {
        Access { auth: self.auth, rules: self.rules }
    }

    /// The znode, if it is there and the connection may read it.
    fn readable<'d>(&self, database: &'d Database, path: &str) -> Result<&'d Znode, ErrorCode> {
        let znode = find(database, path)?;
        self.access().check(&database.tree, znode, READ)?;
        Ok(znode)
    }
}

/// What a read found.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Read {
    /// The answer.
    pub result: Result<Response, ErrorCode>,
    /// The watches to set for it.
    pub watches: Vec<Watch>,
}

/// Does a read. What is none becomes [`ErrorCode::Unimplemented`].
pub fn read(request: &Request, context: &ReadContext<'_>, database: &Database) -> Read {
    match request {
        // ZooKeeper looks for this character here, and in no other read.
        Request::Exists { path, .. } if path.contains('\0') => {
            unwatched(Err(ErrorCode::BadArguments))
        }
        Request::Exists { path, watch } => {
            let found = context.readable(database, path);
            // Also on what is missing: that is how a client waits for a znode.
            let watch = *watch && !matches!(found, Err(ErrorCode::NoAuth));
            Read {
                result: found.map(|znode| Response::Stat(znode.stat())),
                watches: watch.then(|| Watch::Data(path.clone())).into_iter().collect(),
            }
        }
        Request::GetData { path, watch } => {
            let result = context
                .readable(database, path)
                .map(|znode| Response::Data { data: znode.data.clone(), stat: znode.stat() });
            watched(result, *watch, || Watch::Data(path.clone()))
        }
        Request::GetAcl { path } => unwatched(get_acl(context, database, path)),
        Request::GetChildren { path, watch } => {
            let found = context.readable(database, path);
            let result = found.map(|_| Response::Children(names(database, path)));
            watched(result, *watch, || Watch::Child(path.clone()))
        }
        Request::GetChildren2 { path, watch } => {
            let found = context.readable(database, path);
            let result = found.map(|znode| Response::Children2 {
                children: names(database, path),
                stat: znode.stat(),
            });
            watched(result, *watch, || Watch::Child(path.clone()))
        }
        Request::GetAllChildrenNumber { path } => {
            unwatched(context.readable(database, path).map(|_| {
                let number = database.tree.descendants(path);
                Response::Number(i32::try_from(number).unwrap_or(i32::MAX))
            }))
        }
        Request::GetEphemerals { prefix } => {
            unwatched(Ok(Response::Paths(ephemerals(database, context.session, prefix))))
        }
        Request::WhoAmI => {
            unwatched(Ok(Response::Identities(context.auth.iter().map(client_info).collect())))
        }
        Request::MultiRead(ops) => read_all(ops, context, database),
        Request::CreateSession { .. }
        | Request::CloseSession
        | Request::Create(_)
        | Request::Create2(_)
        | Request::CreateContainer(_)
        | Request::CreateTtl(_)
        | Request::Delete(_)
        | Request::DeleteContainer { .. }
        | Request::SetData(_)
        | Request::SetAcl(_)
        | Request::Check(_)
        | Request::Multi(_)
        | Request::Reconfig(_)
        | Request::Sync { .. }
        | Request::Auth(_)
        | Request::Ping
        | Request::AddWatch { .. }
        | Request::CheckWatches { .. }
        | Request::RemoveWatches { .. }
        | Request::SetWatches(_)
        | Request::SetWatches2(_) => unwatched(Err(ErrorCode::Unimplemented)),
    }
}

/// A read that failed sets no watch.
fn watched(result: Result<Response, ErrorCode>, watch: bool, make: impl FnOnce() -> Watch) -> Read {
    let watches = (watch && result.is_ok()).then(make).into_iter().collect();
    Read { result, watches }
}

fn unwatched(result: Result<Response, ErrorCode>) -> Read {
    Read { result, watches: Vec::new() }
}

/// Each part is a read of its own: one that fails does not touch the others. None sets a watch,
/// whatever it asks for: ZooKeeper drops the flag when it reads the request.
fn read_all(ops: &[ReadOp], context: &ReadContext<'_>, database: &Database) -> Read {
    let mut results = Vec::with_capacity(ops.len());
    for op in ops {
        results.push(match read(&op.clone().into(), context, database).result {
            Ok(Response::Data { data, stat }) => ReadResult::Data { data, stat },
            Ok(Response::Children(children)) => ReadResult::Children(children),
            Ok(_) => ReadResult::Error(ErrorCode::RuntimeInconsistency.to_wire()),
            Err(code) => ReadResult::Error(code.to_wire()),
        });
    }
    unwatched(Ok(Response::MultiRead(results)))
}

fn get_acl(
    context: &ReadContext<'_>,
    database: &Database,
    path: &Path,
) -> Result<Response, ErrorCode> {
    let znode = find(database, path)?;
    let acl = context.access().shown(&database.tree, znode)?;
    Ok(Response::Acl { acl, stat: znode.stat() })
}

fn names(database: &Database, path: &str) -> Vec<Arc<str>> {
    database.tree.children(path).map(Arc::from).collect()
}

/// The prefix is a text, not a path: `/a` also finds `/ab`.
fn ephemerals(database: &Database, session: SessionId, prefix: &str) -> Vec<Path> {
    let all = database.tree.ephemerals_of(session);
    let is_all = matches!(prefix.trim(), "" | "/");
    all.filter(|path| is_all || path.starts_with(prefix)).cloned().collect()
}

/// The empty string is the root in snapshots, but no path of a request.
fn find<'a>(database: &'a Database, path: &str) -> Result<&'a Znode, ErrorCode> {
    let znode = if path.is_empty() { None } else { database.tree.get(path) };
    znode.ok_or(ErrorCode::NoNode)
}
