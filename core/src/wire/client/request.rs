//! Requests of a client.

use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

use super::codes::{ErrorCode, OpCode};
use super::multi::{MultiOp, ReadOp, read_multi, read_multi_read, write_multi, write_multi_read};
use crate::limits::JUTE_MAX_BUFFER_MAX;
use crate::txn::Acl;
use crate::types::{Path, Xid, Zxid};
use crate::wire::jute::{JuteError, Reader, Writer};

/// What every request but the connect request begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct RequestHeader {
    /// Chosen by the client, rising.
    pub xid: Xid,
    /// The number of the operation; see [`OpCode`].
    pub op: i32,
}

impl RequestHeader {
    /// Splits a frame into header and body.
    ///
    /// # Errors
    /// If the frame is shorter than a header.
    pub fn decode(frame: Bytes) -> Result<(RequestHeader, Bytes), JuteError> {
        let mut input = Reader::new(frame, JUTE_MAX_BUFFER_MAX);
        let header = RequestHeader { xid: Xid(input.int()?), op: input.int()? };
        Ok((header, input.rest()))
    }
}

/// What a client asks for. Bytes after a request's last field are ignored, as in Java.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Request {
    /// A learner asks its leader for a session; no client may send it.
    CreateSession {
        /// The negotiated timeout in ms.
        timeout_ms: i32,
    },
    /// End the session.
    CloseSession,
    /// Make a znode; the reply is its path.
    Create(CreateRequest),
    /// Make a znode; the reply is path and stat.
    Create2(CreateRequest),
    /// Remove a znode.
    Delete(DeleteRequest),
    /// Change data.
    SetData(SetDataRequest),
    /// Check a version; as a request of its own it is refused.
    Check(CheckVersionRequest),
    /// Change an access list.
    SetAcl(SetAclRequest),
    /// Make a container; the reply is path and stat.
    CreateContainer(CreateRequest),
    /// Make a znode with a time to live; the reply is path and stat.
    CreateTtl(CreateTtlRequest),
    /// The leader reaps a container or a znode whose time is over; no client may send it.
    DeleteContainer {
        /// Which znode.
        path: Path,
    },
    /// Several writes as one.
    Multi(Vec<MultiOp>),
    /// Several reads at once, each with a result of its own.
    MultiRead(Vec<ReadOp>),
    /// Change the ensemble; the reply is the new configuration and the stat of its znode.
    Reconfig(ReconfigRequest),
    /// Give the stat.
    Exists {
        /// Of which znode.
        path: Path,
        /// Whether to watch it, also if it is missing.
        watch: bool,
    },
    /// Give data and stat.
    GetData {
        /// Of which znode.
        path: Path,
        /// Whether to watch it.
        watch: bool,
    },
    /// Give access list and stat.
    GetAcl {
        /// Of which znode.
        path: Path,
    },
    /// Give the names of the children.
    GetChildren {
        /// Of which znode.
        path: Path,
        /// Whether to watch its children.
        watch: bool,
    },
    /// Give the names of the children, and the stat.
    GetChildren2 {
        /// Of which znode.
        path: Path,
        /// Whether to watch its children.
        watch: bool,
    },
    /// Give the paths of the session's own ephemeral znodes.
    GetEphemerals {
        /// What the paths must begin with, as text; nothing or `/` is all of them.
        prefix: Path,
    },
    /// Give the number of all descendants.
    GetAllChildrenNumber {
        /// Of which znode.
        path: Path,
    },
    /// Give the identities of the connection.
    WhoAmI,
    /// Prove an identity, for this connection.
    Auth(AuthRequest),
    /// Wait until all that was committed so far is applied here.
    Sync {
        /// Echoed; nothing needs to be there.
        path: Path,
    },
    /// A sign of life.
    Ping,
    /// Set watches again after a reconnect.
    SetWatches(SetWatches),
    /// As that, with persistent watches.
    SetWatches2(SetWatches2),
    /// Set a watch that stays.
    AddWatch {
        /// On which znode; it need not be there.
        path: Path,
        /// See [`super::AddWatchMode`].
        mode: i32,
    },
    /// Is there such a watch?
    CheckWatches {
        /// On which znode.
        path: Path,
        /// See [`super::WatcherType`].
        kind: i32,
    },
    /// Take watches back.
    RemoveWatches {
        /// On which znode.
        path: Path,
        /// See [`super::WatcherType`].
        kind: i32,
    },
}

/// A create, by whichever operation.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CreateRequest {
    /// The path asked for, without a sequence number.
    pub path: Path,
    /// The data; null and empty differ.
    pub data: Option<Bytes>,
    /// The access list.
    pub acl: Vec<Acl>,
    /// The kind of znode; see [`super::CreateMode`].
    pub flags: i32,
}

/// A delete.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DeleteRequest {
    /// Which znode.
    pub path: Path,
    /// The version it must have; -1 for any.
    pub version: i32,
}

/// A change of data.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SetDataRequest {
    /// Of which znode.
    pub path: Path,
    /// The new data; null and empty differ.
    pub data: Option<Bytes>,
    /// The version it must have; -1 for any.
    pub version: i32,
}

/// A check of a version.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CheckVersionRequest {
    /// Of which znode.
    pub path: Path,
    /// The version it must have; -1 for any.
    pub version: i32,
}

/// A change of an access list.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SetAclRequest {
    /// Of which znode.
    pub path: Path,
    /// The new list.
    pub acl: Vec<Acl>,
    /// The `aversion` it must have; -1 for any.
    pub version: i32,
}

/// A create of a znode with a time to live.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CreateTtlRequest {
    /// What every create says; the flags are those of a TTL znode.
    pub create: CreateRequest,
    /// The time to live in ms.
    pub ttl_ms: i64,
}

/// Credentials.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AuthRequest {
    /// Of which scheme.
    pub scheme: String,
    /// What proves the identity, in the form of that scheme.
    pub auth: Option<Bytes>,
}

/// A change of the ensemble: of single servers, or all of it anew.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReconfigRequest {
    /// Servers that join or change, as `server.N=...` with commas between.
    pub joining: Option<String>,
    /// Numbers of servers that leave, with commas between.
    pub leaving: Option<String>,
    /// The whole ensemble, lines with commas or ends of lines between; the others are ignored then.
    pub new_members: Option<String>,
    /// The version that it must have; -1 for any.
    pub from_config: i64,
}

/// The watches that a client had on its last connection.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SetWatches {
    /// The last zxid it saw.
    pub relative_zxid: Zxid,
    /// Set by getData, and by exists on a znode that was there.
    pub data_watches: Vec<Path>,
    /// Set by exists on a znode that was missing.
    pub exist_watches: Vec<Path>,
    /// Set by getChildren.
    pub child_watches: Vec<Path>,
}

/// As [`SetWatches`], with those that stay.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SetWatches2 {
    /// Those that are told once.
    pub once: SetWatches,
    /// Set by addWatch in the mode persistent.
    pub persistent_watches: Vec<Path>,
    /// Set by addWatch in the mode persistent recursive.
    pub recursive_watches: Vec<Path>,
}

/// Why a body is no request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The operation is not known here: answered with `Unimplemented`, then the connection ends.
    #[error("operation {op} is not known")]
    Unimplemented {
        /// Its number.
        op: i32,
    },
    /// The body does not parse: answered with `MarshallingError`, the connection stays.
    #[error("body does not parse: {0}")]
    Malformed(#[from] JuteError),
    /// A multi has a part that none may have: answered with `MarshallingError`.
    #[error("operation {op} in a multi")]
    BadMultiOp {
        /// The part's number.
        op: i32,
    },
}

impl RequestError {
    /// What the client is told.
    pub fn code(&self) -> ErrorCode {
        match self {
            RequestError::Unimplemented { .. } => ErrorCode::Unimplemented,
            RequestError::Malformed(_) | RequestError::BadMultiOp { .. } => {
                ErrorCode::MarshallingError
            }
        }
    }
}

/// One request's frame, length and header included.
pub fn encode_request(xid: Xid, request: &Request) -> Bytes {
    let mut out = Writer::frame(128);
    out.int(xid.0);
    out.int(request.op().to_wire());
    request.write(&mut out);
    out.finish_frame()
}

impl Request {
    /// Reads the body of operation `op`.
    ///
    /// # Errors
    /// [`RequestError`], which says what the client is told.
    pub fn decode(op: i32, body: Bytes) -> Result<Request, RequestError> {
        let code = OpCode::from_wire(op).ok_or(RequestError::Unimplemented { op })?;
        let mut input = Reader::new(body, JUTE_MAX_BUFFER_MAX);
        let input = &mut input;
        let request = match code {
            OpCode::CreateSession => Request::CreateSession { timeout_ms: input.int()? },
            OpCode::CloseSession => Request::CloseSession,
            OpCode::Create => Request::Create(CreateRequest::read(input)?),
            OpCode::Create2 => Request::Create2(CreateRequest::read(input)?),
            OpCode::Delete => Request::Delete(DeleteRequest::read(input)?),
            OpCode::SetData => Request::SetData(SetDataRequest::read(input)?),
            OpCode::Check => Request::Check(CheckVersionRequest::read(input)?),
            OpCode::Multi => Request::Multi(read_multi(input)?),
            OpCode::Exists => Request::Exists { path: input.text()?, watch: input.boolean()? },
            OpCode::GetData => Request::GetData { path: input.text()?, watch: input.boolean()? },
            OpCode::GetAcl => Request::GetAcl { path: input.text()? },
            OpCode::GetChildren => {
                Request::GetChildren { path: input.text()?, watch: input.boolean()? }
            }
            OpCode::GetChildren2 => {
                Request::GetChildren2 { path: input.text()?, watch: input.boolean()? }
            }
            OpCode::Sync => Request::Sync { path: input.text()? },
            OpCode::Ping => Request::Ping,
            OpCode::SetWatches => Request::SetWatches(SetWatches::read(input)?),
            OpCode::SetWatches2 => Request::SetWatches2(SetWatches2::read(input)?),
            OpCode::SetAcl => Request::SetAcl(SetAclRequest::read(input)?),
            OpCode::CreateContainer => Request::CreateContainer(CreateRequest::read(input)?),
            OpCode::CreateTtl => Request::CreateTtl(CreateTtlRequest::read(input)?),
            OpCode::DeleteContainer => Request::DeleteContainer { path: input.text()? },
            OpCode::MultiRead => Request::MultiRead(read_multi_read(input)?),
            OpCode::GetEphemerals => Request::GetEphemerals { prefix: input.text()? },
            OpCode::GetAllChildrenNumber => Request::GetAllChildrenNumber { path: input.text()? },
            OpCode::WhoAmI => Request::WhoAmI,
            OpCode::Auth => Request::Auth(AuthRequest::read(input)?),
            OpCode::AddWatch => Request::AddWatch { path: input.text()?, mode: input.int()? },
            OpCode::CheckWatches => {
                Request::CheckWatches { path: input.text()?, kind: input.int()? }
            }
            OpCode::RemoveWatches => {
                Request::RemoveWatches { path: input.text()?, kind: input.int()? }
            }
            OpCode::Reconfig => Request::Reconfig(ReconfigRequest::read(input)?),
            OpCode::Error | OpCode::Sasl => {
                return Err(RequestError::Unimplemented { op });
            }
        };
        Ok(request)
    }

    /// Its body, as a learner sends it on to its leader.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::with_capacity(128);
        self.write(&mut out);
        out.finish()
    }

    /// Its operation.
    pub fn op(&self) -> OpCode {
        match self {
            Request::CreateSession { .. } => OpCode::CreateSession,
            Request::CloseSession => OpCode::CloseSession,
            Request::Create(_) => OpCode::Create,
            Request::Create2(_) => OpCode::Create2,
            Request::Delete(_) => OpCode::Delete,
            Request::SetData(_) => OpCode::SetData,
            Request::Check(_) => OpCode::Check,
            Request::Multi(_) => OpCode::Multi,
            Request::Exists { .. } => OpCode::Exists,
            Request::GetData { .. } => OpCode::GetData,
            Request::GetAcl { .. } => OpCode::GetAcl,
            Request::GetChildren { .. } => OpCode::GetChildren,
            Request::GetChildren2 { .. } => OpCode::GetChildren2,
            Request::Sync { .. } => OpCode::Sync,
            Request::Ping => OpCode::Ping,
            Request::SetWatches(_) => OpCode::SetWatches,
            Request::SetWatches2(_) => OpCode::SetWatches2,
            Request::SetAcl(_) => OpCode::SetAcl,
            Request::CreateContainer(_) => OpCode::CreateContainer,
            Request::CreateTtl(_) => OpCode::CreateTtl,
            Request::DeleteContainer { .. } => OpCode::DeleteContainer,
            Request::MultiRead(_) => OpCode::MultiRead,
            Request::GetEphemerals { .. } => OpCode::GetEphemerals,
            Request::GetAllChildrenNumber { .. } => OpCode::GetAllChildrenNumber,
            Request::WhoAmI => OpCode::WhoAmI,
            Request::Auth(_) => OpCode::Auth,
            Request::AddWatch { .. } => OpCode::AddWatch,
            Request::CheckWatches { .. } => OpCode::CheckWatches,
            Request::RemoveWatches { .. } => OpCode::RemoveWatches,
            Request::Reconfig(_) => OpCode::Reconfig,
        }
    }

    /// The path it is about; `None` if it is about none or several.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Request::Create(create)
            | Request::Create2(create)
            | Request::CreateContainer(create)
            | Request::CreateTtl(CreateTtlRequest { create, .. }) => Some(&create.path),
            Request::SetAcl(set) => Some(&set.path),
            Request::Delete(delete) => Some(&delete.path),
            Request::SetData(set) => Some(&set.path),
            Request::Check(check) => Some(&check.path),
            Request::Exists { path, .. }
            | Request::GetData { path, .. }
            | Request::GetAcl { path }
            | Request::GetChildren { path, .. }
            | Request::GetChildren2 { path, .. }
            | Request::GetAllChildrenNumber { path }
            | Request::DeleteContainer { path }
            | Request::AddWatch { path, .. }
            | Request::CheckWatches { path, .. }
            | Request::RemoveWatches { path, .. }
            | Request::Sync { path } => Some(path),
            Request::CreateSession { .. }
            | Request::CloseSession
            | Request::Multi(_)
            | Request::MultiRead(_)
            | Request::GetEphemerals { .. }
            | Request::WhoAmI
            | Request::Auth(_)
            | Request::Ping
            | Request::Reconfig(_)
            | Request::SetWatches(_)
            | Request::SetWatches2(_) => None,
        }
    }

    fn write(&self, out: &mut Writer) {
        match self {
            Request::CreateSession { timeout_ms } => out.int(*timeout_ms),
            Request::CloseSession | Request::Ping | Request::WhoAmI => {}
            Request::Create(create)
            | Request::Create2(create)
            | Request::CreateContainer(create) => create.write(out),
            Request::CreateTtl(ttl) => ttl.write(out),
            Request::SetAcl(set) => set.write(out),
            Request::Auth(auth) => auth.write(out),
            Request::Delete(delete) => delete.write(out),
            Request::SetData(set) => set.write(out),
            Request::Reconfig(reconfig) => reconfig.write(out),
            Request::Check(check) => check.write(out),
            Request::Multi(ops) => write_multi(ops, out),
            Request::MultiRead(ops) => write_multi_read(ops, out),
            Request::Exists { path, watch }
            | Request::GetData { path, watch }
            | Request::GetChildren { path, watch }
            | Request::GetChildren2 { path, watch } => {
                out.ustring(path);
                out.boolean(*watch);
            }
            Request::GetAcl { path }
            | Request::GetAllChildrenNumber { path }
            | Request::GetEphemerals { prefix: path }
            | Request::DeleteContainer { path }
            | Request::Sync { path } => out.ustring(path),
            Request::AddWatch { path, mode: kind }
            | Request::CheckWatches { path, kind }
            | Request::RemoveWatches { path, kind } => {
                out.ustring(path);
                out.int(*kind);
            }
            Request::SetWatches(watches) => watches.write(out),
            Request::SetWatches2(watches) => watches.write(out),
        }
    }
}

impl CreateRequest {
    pub(super) fn read(input: &mut Reader) -> Result<CreateRequest, JuteError> {
        Ok(CreateRequest {
            path: input.text()?,
            data: input.buffer()?,
            acl: Acl::read_list(input)?,
            flags: input.int()?,
        })
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.ustring(&self.path);
        out.buffer(self.data.as_deref());
        Acl::write_list(&self.acl, out);
        out.int(self.flags);
    }
}

impl DeleteRequest {
    pub(super) fn read(input: &mut Reader) -> Result<DeleteRequest, JuteError> {
        Ok(DeleteRequest { path: input.text()?, version: input.int()? })
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.ustring(&self.path);
        out.int(self.version);
    }
}

impl SetDataRequest {
    pub(super) fn read(input: &mut Reader) -> Result<SetDataRequest, JuteError> {
        Ok(SetDataRequest { path: input.text()?, data: input.buffer()?, version: input.int()? })
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.ustring(&self.path);
        out.buffer(self.data.as_deref());
        out.int(self.version);
    }
}

impl CheckVersionRequest {
    pub(super) fn read(input: &mut Reader) -> Result<CheckVersionRequest, JuteError> {
        Ok(CheckVersionRequest { path: input.text()?, version: input.int()? })
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.ustring(&self.path);
        out.int(self.version);
    }
}

impl SetWatches {
    fn read(input: &mut Reader) -> Result<SetWatches, JuteError> {
        Ok(SetWatches {
            relative_zxid: Zxid::from_wire(input.long()?),
            data_watches: paths(input)?,
            exist_watches: paths(input)?,
            child_watches: paths(input)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.long(self.relative_zxid.to_wire());
        for list in [&self.data_watches, &self.exist_watches, &self.child_watches] {
            out.vector(list, |out, path| out.ustring(path));
        }
    }
}

impl SetWatches2 {
    fn read(input: &mut Reader) -> Result<SetWatches2, JuteError> {
        Ok(SetWatches2 {
            once: SetWatches::read(input)?,
            persistent_watches: paths(input)?,
            recursive_watches: paths(input)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        self.once.write(out);
        for list in [&self.persistent_watches, &self.recursive_watches] {
            out.vector(list, |out, path| out.ustring(path));
        }
    }
}

impl SetAclRequest {
    fn read(input: &mut Reader) -> Result<SetAclRequest, JuteError> {
        Ok(SetAclRequest {
            path: input.text()?,
            acl: Acl::read_list(input)?,
            version: input.int()?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.ustring(&self.path);
        Acl::write_list(&self.acl, out);
        out.int(self.version);
    }
}

impl CreateTtlRequest {
    pub(super) fn read(input: &mut Reader) -> Result<CreateTtlRequest, JuteError> {
        Ok(CreateTtlRequest { create: CreateRequest::read(input)?, ttl_ms: input.long()? })
    }

    pub(super) fn write(&self, out: &mut Writer) {
        self.create.write(out);
        out.long(self.ttl_ms);
    }
}

impl ReconfigRequest {
    fn read(input: &mut Reader) -> Result<ReconfigRequest, JuteError> {
        let mut text = || Ok::<_, JuteError>(input.ustring()?.map(String::from));
        let (joining, leaving, new_members) = (text()?, text()?, text()?);
        Ok(ReconfigRequest { joining, leaving, new_members, from_config: input.long()? })
    }

    fn write(&self, out: &mut Writer) {
        for text in [&self.joining, &self.leaving, &self.new_members] {
            match text {
                Some(text) => out.ustring(text),
                None => out.buffer(None),
            }
        }
        out.long(self.from_config);
    }
}

impl AuthRequest {
    /// The number before the scheme has no meaning.
    fn read(input: &mut Reader) -> Result<AuthRequest, JuteError> {
        input.int()?;
        Ok(AuthRequest { scheme: String::from(&*input.text()?), auth: input.buffer()? })
    }

    fn write(&self, out: &mut Writer) {
        out.int(0);
        out.ustring(&self.scheme);
        out.buffer(self.auth.as_deref());
    }
}

/// A list of paths; null is an empty one.
fn paths(input: &mut Reader) -> Result<Vec<Path>, JuteError> {
    Ok(input.vector(4, Reader::text)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_the_client_is_told() {
        let unknown = Request::decode(999, Bytes::new()).expect_err("there is no such operation");
        assert_eq!(unknown.code(), ErrorCode::Unimplemented);
        let short = Request::decode(1, Bytes::new()).expect_err("a create has fields");
        assert_eq!(short.code(), ErrorCode::MarshallingError);
        let read = [0, 0, 0, 4, 0, 0xff, 0xff, 0xff, 0xff];
        let part = Request::decode(14, Bytes::copy_from_slice(&read));
        let part = part.expect_err("a multi holds no reads");
        assert_eq!(part, RequestError::BadMultiOp { op: 4 });
        assert_eq!(part.code(), ErrorCode::MarshallingError);
    }
}
