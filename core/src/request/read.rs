//! Reads: from the tree of this server, as it is.
//!
//! Not here: when a read is due (behind its session's earlier writes).
//! Source: Java's `FinalRequestProcessor`.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::tree::{Database, Watch, Znode};
use crate::types::Path;
use crate::wire::client::{ErrorCode, Request, Response};

/// What a read found.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Read {
    /// The answer.
    pub result: Result<Response, ErrorCode>,
    /// The watch to set for it.
    pub watch: Option<Watch>,
}

/// Does a read. What is none becomes [`ErrorCode::Unimplemented`].
pub fn read(request: &Request, database: &Database) -> Read {
    match request {
        Request::Exists { path, watch } => Read {
            result: find(database, path).map(|znode| Response::Stat(znode.stat())),
            // Also on what is missing: that is how a client waits for a znode.
            watch: watch.then(|| Watch::Data(path.clone())),
        },
        Request::GetData { path, watch } => {
            let result = find(database, path)
                .map(|znode| Response::Data { data: znode.data.clone(), stat: znode.stat() });
            watched(result, *watch, || Watch::Data(path.clone()))
        }
        Request::GetAcl { path } => Read { result: get_acl(database, path), watch: None },
        Request::GetChildren { path, watch } => {
            let result = find(database, path).map(|_| Response::Children(names(database, path)));
            watched(result, *watch, || Watch::Child(path.clone()))
        }
        Request::GetChildren2 { path, watch } => {
            let result = find(database, path).map(|znode| Response::Children2 {
                children: names(database, path),
                stat: znode.stat(),
            });
            watched(result, *watch, || Watch::Child(path.clone()))
        }
        Request::CreateSession { .. }
        | Request::CloseSession
        | Request::Create(_)
        | Request::Create2(_)
        | Request::Delete(_)
        | Request::SetData(_)
        | Request::Check(_)
        | Request::Multi(_)
        | Request::Sync { .. }
        | Request::Ping
        | Request::SetWatches(_) => Read { result: Err(ErrorCode::Unimplemented), watch: None },
    }
}

/// A read that failed sets no watch.
fn watched(result: Result<Response, ErrorCode>, watch: bool, make: impl FnOnce() -> Watch) -> Read {
    let watch = (watch && result.is_ok()).then(make);
    Read { result, watch }
}

fn get_acl(database: &Database, path: &Path) -> Result<Response, ErrorCode> {
    let znode = find(database, path)?;
    // A list is missing only if a log ended before it made up for a fuzzy snapshot.
    let acl = database.tree.acls().shown(znode.acl).ok_or(ErrorCode::SystemError)?;
    Ok(Response::Acl { acl, stat: znode.stat() })
}

fn names(database: &Database, path: &str) -> Vec<Arc<str>> {
    database.tree.children(path).map(Arc::from).collect()
}

/// The empty string is the root in snapshots, but no path of a request.
fn find<'a>(database: &'a Database, path: &str) -> Result<&'a Znode, ErrorCode> {
    let znode = if path.is_empty() { None } else { database.tree.get(path) };
    znode.ok_or(ErrorCode::NoNode)
}
