//! What is read.

use zablab_core::wire::client::{ErrorCode, ReadOp, ReadResult, Request, Response};

use super::access::READ;
use super::{ClientId, Kind, World};

impl World {
    pub(super) fn read(
        &mut self,
        client: ClientId,
        request: &Request,
    ) -> Result<Response, ErrorCode> {
        let (path, children) = match request {
            Request::Ping => return Ok(Response::Empty),
            Request::Sync { path } => return Ok(Response::Sync { path: path.clone() }),
            Request::WhoAmI => return Ok(Response::Identities(self.who(client))),
            Request::MultiRead(ops) => return Ok(self.read_all(client, ops)),
            Request::GetEphemerals { prefix } => return Ok(self.ephemerals(client, prefix)),
            Request::GetAcl { path } => {
                let acl = self.shown(client, path)?;
                return Ok(Response::Acl { acl, stat: self.stat(path) });
            }
            Request::Exists { path, .. } if path.contains('\0') => {
                return Err(ErrorCode::BadArguments);
            }
            Request::Exists { path, watch } => {
                let reply = self.check(client, path, READ);
                if *watch && reply != Err(ErrorCode::NoAuth) {
                    self.watch(client, path, Kind::Data);
                }
                reply?;
                return Ok(Response::Stat(self.stat(path)));
            }
            Request::GetData { path, .. }
            | Request::GetChildren { path, .. }
            | Request::GetChildren2 { path, .. }
            | Request::GetAllChildrenNumber { path } => {
                self.check(client, path, READ)?;
                let names = self.children(path).into_iter().map(From::from).collect();
                (path, names)
            }
            _ => return Err(ErrorCode::Unimplemented),
        };
        let stat = self.stat(path);
        Ok(match request {
            Request::GetData { watch, .. } => {
                self.watch_if(*watch, client, path, Kind::Data);
                Response::Data { data: self.nodes[&**path].data.clone(), stat }
            }
            Request::GetChildren { watch, .. } => {
                self.watch_if(*watch, client, path, Kind::Child);
                Response::Children(children)
            }
            Request::GetChildren2 { watch, .. } => {
                self.watch_if(*watch, client, path, Kind::Child);
                Response::Children2 { children, stat }
            }
            _ => {
                let below = self.paths().filter(|other| is_below(other, path));
                Response::Number(below.count() as i32)
            }
        })
    }

    fn read_all(&mut self, client: ClientId, ops: &[ReadOp]) -> Response {
        let mut results = Vec::new();
        for op in ops {
            // The flag of a watch is dropped.
            let op = match op.clone() {
                ReadOp::GetData { path, .. } => ReadOp::GetData { path, watch: false },
                ReadOp::GetChildren { path, .. } => ReadOp::GetChildren { path, watch: false },
            };
            results.push(match self.read(client, &op.clone().into()) {
                Ok(Response::Data { data, stat }) => ReadResult::Data { data, stat },
                Ok(Response::Children(children)) => ReadResult::Children(children),
                Ok(other) => panic!("{op:?} cannot give {other:?}"),
                Err(code) => ReadResult::Error(code.to_wire()),
            });
        }
        Response::MultiRead(results)
    }

    fn ephemerals(&self, client: ClientId, prefix: &str) -> Response {
        let session = Some(self.clients[&client].session);
        let mine = self.nodes.iter().filter(|(_, node)| node.session == session);
        let all = prefix.trim().is_empty() || prefix.trim() == "/";
        let mine = mine.filter(|(path, _)| all || path.starts_with(prefix));
        Response::Paths(mine.map(|(path, _)| path.as_str().into()).collect())
    }

    fn watch_if(&mut self, wanted: bool, client: ClientId, path: &str, kind: Kind) {
        if wanted {
            self.watch(client, path, kind);
        }
    }
}

/// Whether a path lies below another one, at any depth.
pub(super) fn is_below(path: &str, top: &str) -> bool {
    match top {
        "" => false,
        "/" => path != "/",
        top => path.strip_prefix(top).is_some_and(|rest| rest.starts_with('/')),
    }
}
