//! Replies to a client, and watch events.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;

use super::codes::{ErrorCode, EventType, OpCode};
use super::multi::{
    MultiResult, ReadResult, read_read_results, read_results, write_read_results, write_results,
};
use super::{STATE_SYNC_CONNECTED, XID_EVENT};
use crate::limits::{JUTE_MAX_BUFFER_MAX, JUTE_MAX_BUFFER_PEER};
use crate::txn::{Acl, Id};
use crate::types::{Path, Xid, Zxid};
use crate::wire::jute::{JuteError, Reader, Writer};
use crate::wire::records::Stat;

/// What every reply but the connect response begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct ReplyHeader {
    /// The request's; [`XID_EVENT`] for a watch event.
    pub xid: Xid,
    /// The last zxid this server processed when it answered; for a watch event the zxid of the
    /// change (since 3.9).
    pub zxid: Zxid,
    /// 0, or why it failed; see [`ErrorCode`].
    pub err: i32,
}

impl ReplyHeader {
    /// Splits a frame into header and body.
    ///
    /// # Errors
    /// If the frame is shorter than a header.
    pub fn decode(frame: Bytes) -> Result<(ReplyHeader, Bytes), JuteError> {
        let mut input = Reader::new(frame, JUTE_MAX_BUFFER_PEER);
        let header = ReplyHeader {
            xid: Xid(input.int()?),
            zxid: Zxid::from_wire(input.long()?),
            err: input.int()?,
        };
        Ok((header, input.rest()))
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.int(self.xid.0);
        out.long(self.zxid.to_wire());
        out.int(self.err);
    }
}

/// The body of a reply.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Response {
    /// None: errors, delete, ping, closeSession, auth, and those of watches but addWatch.
    Empty,
    /// For create.
    Create {
        /// The path with its sequence number, if it has one.
        path: Path,
    },
    /// For create2, createContainer and createTTL.
    Create2 {
        /// The path with its sequence number, if it has one.
        path: Path,
        /// Its stat.
        stat: Stat,
    },
    /// For exists, setData and setACL.
    Stat(Stat),
    /// For getData, and for reconfig.
    Data {
        /// The data; null and empty differ.
        data: Option<Bytes>,
        /// The stat.
        stat: Stat,
    },
    /// For getACL.
    Acl {
        /// The access list.
        acl: Vec<Acl>,
        /// The stat.
        stat: Stat,
    },
    /// For getChildren: names, not paths, in no order.
    Children(Vec<Arc<str>>),
    /// For getChildren2.
    Children2 {
        /// Names, not paths, in no order.
        children: Vec<Arc<str>>,
        /// The stat.
        stat: Stat,
    },
    /// For sync.
    Sync {
        /// The request's path.
        path: Path,
    },
    /// For getEphemerals, in no order.
    Paths(Vec<Path>),
    /// For getAllChildrenNumber.
    Number(i32),
    /// For whoAmI.
    Identities(Vec<ClientInfo>),
    /// For addWatch: always 0.
    Code(i32),
    /// For multi: all parts succeeded, or all are errors.
    Multi(Vec<MultiResult>),
    /// For multiRead.
    MultiRead(Vec<ReadResult>),
}

/// Whom a connection has proved to be, without what proved it.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClientInfo {
    /// The scheme.
    pub scheme: String,
    /// The user, as that scheme names users.
    pub user: String,
}

/// What a watch tells.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct WatcherEvent {
    /// What happened; see [`EventType`].
    pub kind: i32,
    /// [`STATE_SYNC_CONNECTED`].
    pub state: i32,
    /// To which znode.
    pub path: Path,
}

/// One reply's frame, length and header included.
///
/// # Panics
/// If an error comes with a body: none has one.
pub fn encode_reply(xid: Xid, zxid: Zxid, err: i32, body: &Response) -> Bytes {
    assert!(err == ErrorCode::Ok.to_wire() || *body == Response::Empty);
    let mut out = Writer::frame(16 + body.len_hint());
    ReplyHeader { xid, zxid, err }.write(&mut out);
    body.write(&mut out);
    out.finish_frame()
}

/// One watch event's frame, length and header included; `zxid` is the change's (since 3.9).
pub fn encode_event(zxid: Zxid, event: &WatcherEvent) -> Bytes {
    let mut out = Writer::frame(32 + event.path.len());
    ReplyHeader { xid: XID_EVENT, zxid, err: 0 }.write(&mut out);
    out.int(event.kind);
    out.int(event.state);
    out.ustring(&event.path);
    out.finish_frame()
}

impl WatcherEvent {
    /// An event as a server sends it.
    pub fn new(kind: EventType, path: Path) -> WatcherEvent {
        WatcherEvent { kind: kind.to_wire(), state: STATE_SYNC_CONNECTED, path }
    }

    /// Reads the body of an event.
    ///
    /// # Errors
    /// If the bytes are no such record.
    pub fn decode(body: Bytes) -> Result<WatcherEvent, JuteError> {
        let mut input = Reader::new(body, JUTE_MAX_BUFFER_MAX);
        Ok(WatcherEvent { kind: input.int()?, state: input.int()?, path: input.text()? })
    }
}

/// Why a body is no response.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The body does not parse.
    #[error("body does not parse: {0}")]
    Malformed(#[from] JuteError),
    /// No response to this operation is known here.
    #[error("no response to operation {op:?} is known")]
    UnknownOp {
        /// The operation.
        op: OpCode,
    },
    /// A multi has a result of this type.
    #[error("result of type {op} in a multi")]
    BadMultiResult {
        /// The type.
        op: i32,
    },
}

impl Response {
    /// Reads the body of a reply without error to operation `op`.
    ///
    /// # Errors
    /// If the bytes are no such record, or no such operation is known.
    pub fn decode(op: OpCode, body: Bytes) -> Result<Response, ResponseError> {
        let mut input = Reader::new(body, JUTE_MAX_BUFFER_PEER);
        let input = &mut input;
        let response = match op {
            OpCode::CloseSession
            | OpCode::Delete
            | OpCode::Ping
            | OpCode::Auth
            | OpCode::CheckWatches
            | OpCode::RemoveWatches
            | OpCode::SetWatches
            | OpCode::SetWatches2 => Response::Empty,
            OpCode::Create => Response::Create { path: input.text()? },
            OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => {
                Response::Create2 { path: input.text()?, stat: Stat::read(input)? }
            }
            OpCode::Exists | OpCode::SetData | OpCode::SetAcl => Response::Stat(Stat::read(input)?),
            OpCode::GetData | OpCode::Reconfig => {
                Response::Data { data: input.buffer()?, stat: Stat::read(input)? }
            }
            OpCode::GetAcl => {
                Response::Acl { acl: Acl::read_list(input)?, stat: Stat::read(input)? }
            }
            OpCode::GetChildren => Response::Children(names(input)?),
            OpCode::GetChildren2 => {
                Response::Children2 { children: names(input)?, stat: Stat::read(input)? }
            }
            OpCode::Sync => Response::Sync { path: input.text()? },
            OpCode::GetEphemerals => Response::Paths(names(input)?),
            OpCode::GetAllChildrenNumber => Response::Number(input.int()?),
            OpCode::WhoAmI => Response::Identities(
                input.vector(Id::LEN_MIN, ClientInfo::read)?.unwrap_or_default(),
            ),
            OpCode::AddWatch => Response::Code(input.int()?),
            OpCode::Multi => Response::Multi(read_results(input)?),
            OpCode::MultiRead => Response::MultiRead(read_read_results(input)?),
            OpCode::Error
            | OpCode::CreateSession
            | OpCode::Check
            | OpCode::DeleteContainer
            | OpCode::Sasl => return Err(ResponseError::UnknownOp { op }),
        };
        Ok(response)
    }

    fn write(&self, out: &mut Writer) {
        match self {
            Response::Empty => {}
            Response::Create { path } | Response::Sync { path } => out.ustring(path),
            Response::Create2 { path, stat } => {
                out.ustring(path);
                stat.write(out);
            }
            Response::Stat(stat) => stat.write(out),
            Response::Data { data, stat } => {
                out.buffer(data.as_deref());
                stat.write(out);
            }
            Response::Acl { acl, stat } => {
                Acl::write_list(acl, out);
                stat.write(out);
            }
            Response::Children(children) => {
                out.vector(children, |out, name| out.ustring(name));
            }
            Response::Children2 { children, stat } => {
                out.vector(children, |out, name| out.ustring(name));
                stat.write(out);
            }
            Response::Paths(paths) => out.vector(paths, |out, path| out.ustring(path)),
            Response::Number(number) | Response::Code(number) => out.int(*number),
            Response::Identities(infos) => out.vector(infos, |out, info| {
                out.ustring(&info.scheme);
                out.ustring(&info.user);
            }),
            Response::Multi(results) => write_results(results, out),
            Response::MultiRead(results) => write_read_results(results, out),
        }
    }

    /// About how many bytes it takes, so that one allocation does for a large one.
    fn len_hint(&self) -> usize {
        match self {
            Response::Data { data, .. } => data.as_ref().map_or(0, Bytes::len) + 4 + Stat::LEN,
            Response::Children(children)
            | Response::Paths(children)
            | Response::Children2 { children, .. } => {
                children.iter().map(|name| 4 + name.len()).sum::<usize>() + 4 + Stat::LEN
            }
            Response::Empty
            | Response::Create { .. }
            | Response::Create2 { .. }
            | Response::Stat(_)
            | Response::Acl { .. }
            | Response::Sync { .. }
            | Response::Number(_)
            | Response::Code(_)
            | Response::Identities(_)
            | Response::Multi(_)
            | Response::MultiRead(_) => 2 * Stat::LEN,
        }
    }
}

impl ClientInfo {
    fn read(input: &mut Reader) -> Result<ClientInfo, JuteError> {
        let Id { scheme, id: user } = Id::read(input)?;
        Ok(ClientInfo { scheme, user })
    }
}

pub(super) fn names(input: &mut Reader) -> Result<Vec<Arc<str>>, JuteError> {
    Ok(input.vector(4, Reader::text)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_multi_as_recorded() {
        let results = [0, -103, -2].map(MultiResult::Error).to_vec();
        let frame = encode_reply(Xid(4), Zxid(9), 0, &Response::Multi(results));
        let (_, body) = ReplyHeader::decode(frame.slice(4..)).expect("it has a header");
        let recorded: [&[u8]; 4] = [
            &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0x99, 0xff, 0xff, 0xff, 0x99],
            &[0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xfe],
            &[0xff, 0xff, 0xff, 0xff, 1, 0xff, 0xff, 0xff, 0xff],
        ];
        assert_eq!(body, recorded.concat());
    }
}
