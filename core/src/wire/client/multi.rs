//! Multi and multiRead: several operations in one request, and what became of each.
//!
//! Source: Java's `MultiOperationRecord`, `MultiResponse`.

use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;

use super::codes::OpCode;
use super::reply::{ResponseError, names};
use super::request::{
    CheckVersionRequest, CreateRequest, CreateTtlRequest, DeleteRequest, Request, RequestError,
    SetDataRequest,
};
use crate::types::Path;
use crate::wire::jute::{JuteError, Reader, Writer};
use crate::wire::records::Stat;

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
    /// Make a container; its result is path and stat.
    CreateContainer(CreateRequest),
    /// Make a znode with a time to live; its result is path and stat.
    CreateTtl(CreateTtlRequest),
}

/// One part of a multiRead.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ReadOp {
    /// Give data and stat.
    GetData {
        /// Of which znode.
        path: Path,
        /// Whether to watch it.
        watch: bool,
    },
    /// Give the names of the children.
    GetChildren {
        /// Of which znode.
        path: Path,
        /// Whether to watch its children.
        watch: bool,
    },
}

/// What became of one part of a multi.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum MultiResult {
    /// A create.
    Create {
        /// The path with its sequence number, if it has one.
        path: Path,
    },
    /// A create2, or the create of a container or of a TTL znode.
    Create2 {
        /// The path with its sequence number, if it has one.
        path: Path,
        /// Its stat.
        stat: Stat,
    },
    /// A delete.
    Delete,
    /// A setData.
    SetData {
        /// The stat.
        stat: Stat,
    },
    /// A check.
    Check,
    /// The multi failed: 0 for the parts before the one that failed, its code for that one, and
    /// `RuntimeInconsistency` for those after it.
    Error(i32),
}

/// What became of one part of a multiRead; one that failed fails alone.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ReadResult {
    /// A getData.
    Data {
        /// The data; null and empty differ.
        data: Option<Bytes>,
        /// The stat.
        stat: Stat,
    },
    /// A getChildren: names, not paths, in no order.
    Children(Vec<Arc<str>>),
    /// Why it failed.
    Error(i32),
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
            MultiOp::CreateContainer(_) => OpCode::CreateContainer,
            MultiOp::CreateTtl(_) => OpCode::CreateTtl,
        }
    }

    /// The path it is about.
    pub fn path(&self) -> &Path {
        match self {
            MultiOp::Create(create)
            | MultiOp::Create2(create)
            | MultiOp::CreateContainer(create)
            | MultiOp::CreateTtl(CreateTtlRequest { create, .. }) => &create.path,
            MultiOp::Delete(delete) => &delete.path,
            MultiOp::SetData(set) => &set.path,
            MultiOp::Check(check) => &check.path,
        }
    }
}

impl From<MultiOp> for Request {
    /// The same as a request of its own.
    fn from(op: MultiOp) -> Request {
        match op {
            MultiOp::Create(create) => Request::Create(create),
            MultiOp::Create2(create) => Request::Create2(create),
            MultiOp::Delete(delete) => Request::Delete(delete),
            MultiOp::SetData(set) => Request::SetData(set),
            MultiOp::Check(check) => Request::Check(check),
            MultiOp::CreateContainer(create) => Request::CreateContainer(create),
            MultiOp::CreateTtl(create) => Request::CreateTtl(create),
        }
    }
}

impl From<ReadOp> for Request {
    /// The same as a request of its own.
    fn from(op: ReadOp) -> Request {
        match op {
            ReadOp::GetData { path, watch } => Request::GetData { path, watch },
            ReadOp::GetChildren { path, watch } => Request::GetChildren { path, watch },
        }
    }
}

/// The number of the next part; none at the end. A loop over it ends, because every part takes
/// bytes off a frame of limited length.
fn read_head(input: &mut Reader) -> Result<Option<i32>, JuteError> {
    let (op, done, _) = (input.int()?, input.boolean()?, input.int()?);
    Ok((!done).then_some(op))
}

fn write_head(op: OpCode, err: i32, out: &mut Writer) {
    out.int(op.to_wire());
    out.boolean(false);
    out.int(err);
}

fn write_end(out: &mut Writer) {
    out.int(-1);
    out.boolean(true);
    out.int(-1);
}

pub(super) fn read_multi(input: &mut Reader) -> Result<Vec<MultiOp>, RequestError> {
    let mut ops = Vec::new();
    while let Some(op) = read_head(input)? {
        ops.push(match op {
            1 => MultiOp::Create(CreateRequest::read(input)?),
            2 => MultiOp::Delete(DeleteRequest::read(input)?),
            5 => MultiOp::SetData(SetDataRequest::read(input)?),
            13 => MultiOp::Check(CheckVersionRequest::read(input)?),
            15 => MultiOp::Create2(CreateRequest::read(input)?),
            19 => MultiOp::CreateContainer(CreateRequest::read(input)?),
            21 => MultiOp::CreateTtl(CreateTtlRequest::read(input)?),
            _ => return Err(RequestError::BadMultiOp { op }),
        });
    }
    Ok(ops)
}

pub(super) fn write_multi(ops: &[MultiOp], out: &mut Writer) {
    for op in ops {
        write_head(op.op(), -1, out);
        match op {
            MultiOp::Create(create)
            | MultiOp::Create2(create)
            | MultiOp::CreateContainer(create) => create.write(out),
            MultiOp::CreateTtl(ttl) => ttl.write(out),
            MultiOp::Delete(delete) => delete.write(out),
            MultiOp::SetData(set) => set.write(out),
            MultiOp::Check(check) => check.write(out),
        }
    }
    write_end(out);
}

pub(super) fn read_multi_read(input: &mut Reader) -> Result<Vec<ReadOp>, RequestError> {
    let mut ops = Vec::new();
    while let Some(op) = read_head(input)? {
        ops.push(match op {
            4 => ReadOp::GetData { path: input.text()?, watch: input.boolean()? },
            8 => ReadOp::GetChildren { path: input.text()?, watch: input.boolean()? },
            _ => return Err(RequestError::BadMultiOp { op }),
        });
    }
    Ok(ops)
}

pub(super) fn write_multi_read(ops: &[ReadOp], out: &mut Writer) {
    for op in ops {
        let (op, path, watch) = match op {
            ReadOp::GetData { path, watch } => (OpCode::GetData, path, watch),
            ReadOp::GetChildren { path, watch } => (OpCode::GetChildren, path, watch),
        };
        write_head(op, -1, out);
        out.ustring(path);
        out.boolean(*watch);
    }
    write_end(out);
}

pub(super) fn read_results(input: &mut Reader) -> Result<Vec<MultiResult>, ResponseError> {
    let mut results = Vec::new();
    while let Some(op) = read_head(input)? {
        results.push(match op {
            1 => MultiResult::Create { path: input.text()? },
            2 => MultiResult::Delete,
            5 => MultiResult::SetData { stat: Stat::read(input)? },
            13 => MultiResult::Check,
            15 => MultiResult::Create2 { path: input.text()?, stat: Stat::read(input)? },
            -1 => MultiResult::Error(input.int()?),
            _ => return Err(ResponseError::BadMultiResult { op }),
        });
    }
    Ok(results)
}

pub(super) fn write_results(results: &[MultiResult], out: &mut Writer) {
    for result in results {
        let (op, err) = match result {
            MultiResult::Create { .. } => (OpCode::Create, 0),
            MultiResult::Create2 { .. } => (OpCode::Create2, 0),
            MultiResult::Delete => (OpCode::Delete, 0),
            MultiResult::SetData { .. } => (OpCode::SetData, 0),
            MultiResult::Check => (OpCode::Check, 0),
            MultiResult::Error(err) => (OpCode::Error, *err),
        };
        write_head(op, err, out);
        match result {
            MultiResult::Create { path } => out.ustring(path),
            MultiResult::Create2 { path, stat } => {
                out.ustring(path);
                stat.write(out);
            }
            MultiResult::SetData { stat } => stat.write(out),
            MultiResult::Delete | MultiResult::Check => {}
            MultiResult::Error(err) => out.int(*err),
        }
    }
    write_end(out);
}

pub(super) fn read_read_results(input: &mut Reader) -> Result<Vec<ReadResult>, ResponseError> {
    let mut results = Vec::new();
    while let Some(op) = read_head(input)? {
        results.push(match op {
            4 => ReadResult::Data { data: input.buffer()?, stat: Stat::read(input)? },
            8 => ReadResult::Children(names(input)?),
            -1 => ReadResult::Error(input.int()?),
            _ => return Err(ResponseError::BadMultiResult { op }),
        });
    }
    Ok(results)
}

pub(super) fn write_read_results(results: &[ReadResult], out: &mut Writer) {
    for result in results {
        match result {
            ReadResult::Data { data, stat } => {
                write_head(OpCode::GetData, 0, out);
                out.buffer(data.as_deref());
                stat.write(out);
            }
            ReadResult::Children(children) => {
                write_head(OpCode::GetChildren, 0, out);
                out.vector(children, |out, name| out.ustring(name));
            }
            ReadResult::Error(err) => {
                write_head(OpCode::Error, *err, out);
                out.int(*err);
            }
        }
    }
    write_end(out);
}
