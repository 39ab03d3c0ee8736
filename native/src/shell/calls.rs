//! The calls that commands are made of: a request of the protocol, and the response that it has.

use std::sync::Arc;

use bytes::Bytes;
use zablab_core::client::CallError;
use zablab_core::txn::Acl;
use zablab_core::types::Path;
use zablab_core::wire::client::{ErrorCode, Request, Response, Stat};

use super::connection::Connection;
use super::trouble::Trouble;

/// Whose paths a call's are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Root {
    /// Below the chroot.
    Chroot,
    /// As the servers have them.
    Server,
}

/// Calls, and what is wrong with an answer that no server gives.
impl Connection {
    /// A request about one znode.
    ///
    /// # Errors
    /// With the znode's path.
    pub async fn ask_about(&self, path: &str, request: Request) -> Result<Response, Trouble> {
        self.ask_at(Root::Chroot, path, request).await
    }

    /// The same with the paths of that root.
    ///
    /// # Errors
    /// With the znode's path.
    pub async fn ask_at(
        &self,
        root: Root,
        path: &str,
        request: Request,
    ) -> Result<Response, Trouble> {
        let answer = match root {
            Root::Chroot => self.call(request).await,
            Root::Server => self.call_unrooted(request).await,
        };
        answer.map_err(|error| Trouble::of(error, Some(path)))
    }

    /// Names of children, sorted, and the stat.
    ///
    /// # Errors
    /// See [`Connection::ask_about`].
    pub async fn children(
        &self,
        root: Root,
        path: &str,
        watch: bool,
    ) -> Result<(Vec<Arc<str>>, Stat), Trouble> {
        let request = Request::GetChildren2 { path: path.into(), watch };
        match self.ask_at(root, path, request).await? {
            Response::Children2 { mut children, stat } => {
                children.sort();
                Ok((children, stat))
            }
            other => Err(odd(&other)),
        }
    }

    /// Data and stat.
    ///
    /// # Errors
    /// See [`Connection::ask_about`].
    pub async fn data(
        &self,
        root: Root,
        path: &str,
        watch: bool,
    ) -> Result<(Option<Bytes>, Stat), Trouble> {
        let request = Request::GetData { path: path.into(), watch };
        match self.ask_at(root, path, request).await? {
            Response::Data { data, stat } => Ok((data, stat)),
            other => Err(odd(&other)),
        }
    }

    /// Access list and stat.
    ///
    /// # Errors
    /// See [`Connection::ask_about`].
    pub async fn acl(&self, path: &str) -> Result<(Vec<Acl>, Stat), Trouble> {
        match self.ask_about(path, Request::GetAcl { path: path.into() }).await? {
            Response::Acl { acl, stat } => Ok((acl, stat)),
            other => Err(odd(&other)),
        }
    }

    /// The stat; none if the znode is missing, which is watched for too.
    ///
    /// # Errors
    /// See [`Connection::ask_about`].
    pub async fn exists(
        &self,
        root: Root,
        path: &str,
        watch: bool,
    ) -> Result<Option<Stat>, Trouble> {
        let request = Request::Exists { path: path.into(), watch };
        match self.ask_at(root, path, request).await {
            Ok(Response::Stat(stat)) => Ok(Some(stat)),
            Ok(other) => Err(odd(&other)),
            Err(trouble) if is_missing(&trouble) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// A write whose response is a stat.
    ///
    /// # Errors
    /// See [`Connection::ask_about`].
    pub async fn write(&self, root: Root, path: &str, request: Request) -> Result<Stat, Trouble> {
        match self.ask_at(root, path, request).await? {
            Response::Stat(stat) => Ok(stat),
            other => Err(odd(&other)),
        }
    }

    /// A request without a path.
    ///
    /// # Errors
    /// What the session or the server says.
    pub async fn ask(&self, request: Request) -> Result<Response, Trouble> {
        self.call(request).await.map_err(|error: CallError| Trouble::of(error, None))
    }
}

/// Whether the znode asked for is not there.
pub fn is_missing(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Refused { code, .. } if *code == ErrorCode::NoNode.to_wire())
}

/// A response of another kind than the request has; the session decodes by the request.
pub fn odd(response: &Response) -> Trouble {
    Trouble::Failed(format!("the response is of the wrong kind: {response:?}"))
}

/// A path and the name of a child.
pub fn below(path: &str, name: &str) -> Path {
    match path {
        "/" => ["/", name].concat().into(),
        _ => [path, "/", name].concat().into(),
    }
}
