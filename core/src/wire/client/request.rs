//! Requests of a client.

use alloc::vec::Vec;
use bytes::Bytes;

use super::codes::{ErrorCode, OpCode};
use crate::limits::JUTE_MAX_BUFFER;
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
        let mut input = Reader::new(frame, JUTE_MAX_BUFFER);
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
    /// Several writes as one.
    Multi(Vec<MultiOp>),
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
    /// Wait until all that was committed so far is applied here.
    Sync {
        /// Echoed; nothing needs to be there.
        path: Path,
    },
    /// A sign of life.
    Ping,
    /// Set watches again after a reconnect.
    SetWatches(SetWatches),
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

/// One part of a multi.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum MultiOp {
    /// Make a znode; its result is the path.
    Create(CreateRequest),
    /// Make a znode; its result is path and stat.
    Create2(CreateRequest),
    /// Remove a znode.
    Delete(DeleteRequest),
    /// Change data.
    SetData(SetDataRequest),
    /// Check a version.
    Check(CheckVersionRequest),
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
        let mut input = Reader::new(body, JUTE_MAX_BUFFER);
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
            OpCode::Error
            | OpCode::SetAcl
            | OpCode::Reconfig
            | OpCode::CheckWatches
            | OpCode::RemoveWatches
            | OpCode::CreateContainer
            | OpCode::DeleteContainer
            | OpCode::CreateTtl
            | OpCode::MultiRead
            | OpCode::Auth
            | OpCode::Sasl
            | OpCode::GetEphemerals
            | OpCode::GetAllChildrenNumber
            | OpCode::SetWatches2
            | OpCode::AddWatch
            | OpCode::WhoAmI => return Err(RequestError::Unimplemented { op }),
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
        }
    }

    /// The path it is about; `None` if it is about none or several.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Request::Create(create) | Request::Create2(create) => Some(&create.path),
            Request::Delete(delete) => Some(&delete.path),
            Request::SetData(set) => Some(&set.path),
            Request::Check(check) => Some(&check.path),
            Request::Exists { path, .. }
            | Request::GetData { path, .. }
            | Request::GetAcl { path }
            | Request::GetChildren { path, .. }
            | Request::GetChildren2 { path, .. }
            | Request::Sync { path } => Some(path),
            Request::CreateSession { .. }
            | Request::CloseSession
            | Request::Multi(_)
            | Request::Ping
            | Request::SetWatches(_) => None,
        }
    }

    fn write(&self, out: &mut Writer) {
        match self {
            Request::CreateSession { timeout_ms } => out.int(*timeout_ms),
            Request::CloseSession | Request::Ping => {}
            Request::Create(create) | Request::Create2(create) => create.write(out),
            Request::Delete(delete) => delete.write(out),
            Request::SetData(set) => set.write(out),
            Request::Check(check) => check.write(out),
            Request::Multi(ops) => write_multi(ops, out),
            Request::Exists { path, watch }
            | Request::GetData { path, watch }
            | Request::GetChildren { path, watch }
            | Request::GetChildren2 { path, watch } => {
                out.ustring(path);
                out.boolean(*watch);
            }
            Request::GetAcl { path } | Request::Sync { path } => out.ustring(path),
            Request::SetWatches(watches) => watches.write(out),
        }
    }
}

impl MultiOp {
    /// Its operation.
    pub fn op(&self) -> OpCode {
        match self {
            MultiOp::Create(_) => OpCode::Create,
            MultiOp::Create2(_) => OpCode::Create2,
            MultiOp::Delete(_) => OpCode::Delete,
            MultiOp::SetData(_) => OpCode::SetData,
            MultiOp::Check(_) => OpCode::Check,
        }
    }

    /// The path it is about.
    pub fn path(&self) -> &Path {
        match self {
            MultiOp::Create(create) | MultiOp::Create2(create) => &create.path,
            MultiOp::Delete(delete) => &delete.path,
            MultiOp::SetData(set) => &set.path,
            MultiOp::Check(check) => &check.path,
        }
    }
}

fn read_multi(input: &mut Reader) -> Result<Vec<MultiOp>, RequestError> {
    let mut ops = Vec::new();
    // Ends, because every part takes bytes off a frame of limited length.
    loop {
        let (op, done, _) = (input.int()?, input.boolean()?, input.int()?);
        if done {
            return Ok(ops);
        }
        ops.push(match op {
            1 => MultiOp::Create(CreateRequest::read(input)?),
            2 => MultiOp::Delete(DeleteRequest::read(input)?),
            5 => MultiOp::SetData(SetDataRequest::read(input)?),
            13 => MultiOp::Check(CheckVersionRequest::read(input)?),
            15 => MultiOp::Create2(CreateRequest::read(input)?),
            _ => return Err(RequestError::BadMultiOp { op }),
        });
    }
}

fn write_multi(ops: &[MultiOp], out: &mut Writer) {
    for op in ops {
        out.int(op.op().to_wire());
        out.boolean(false);
        out.int(-1);
        match op {
            MultiOp::Create(create) | MultiOp::Create2(create) => create.write(out),
            MultiOp::Delete(delete) => delete.write(out),
            MultiOp::SetData(set) => set.write(out),
            MultiOp::Check(check) => check.write(out),
        }
    }
    out.int(-1);
    out.boolean(true);
    out.int(-1);
}

impl CreateRequest {
    fn read(input: &mut Reader) -> Result<CreateRequest, JuteError> {
        Ok(CreateRequest {
            path: input.text()?,
            data: input.buffer()?,
            acl: Acl::read_list(input)?,
            flags: input.int()?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.ustring(&self.path);
        out.buffer(self.data.as_deref());
        Acl::write_list(&self.acl, out);
        out.int(self.flags);
    }
}

impl DeleteRequest {
    fn read(input: &mut Reader) -> Result<DeleteRequest, JuteError> {
        Ok(DeleteRequest { path: input.text()?, version: input.int()? })
    }

    fn write(&self, out: &mut Writer) {
        out.ustring(&self.path);
        out.int(self.version);
    }
}

impl SetDataRequest {
    fn read(input: &mut Reader) -> Result<SetDataRequest, JuteError> {
        Ok(SetDataRequest { path: input.text()?, data: input.buffer()?, version: input.int()? })
    }

    fn write(&self, out: &mut Writer) {
        out.ustring(&self.path);
        out.buffer(self.data.as_deref());
        out.int(self.version);
    }
}

impl CheckVersionRequest {
    fn read(input: &mut Reader) -> Result<CheckVersionRequest, JuteError> {
        Ok(CheckVersionRequest { path: input.text()?, version: input.int()? })
    }

    fn write(&self, out: &mut Writer) {
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
