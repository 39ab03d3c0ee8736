//! The client port: the records of the handshake, requests, replies and watch events.
//!
//! Every message is a frame: an `int` length and a record. The first one each way is the connect
//! request and its response, without a header; then requests and replies have headers.
//! Not here: what a request does (see [`crate::tree`]), when a reply is due, four-letter words.
//! Source: `zookeeper.jute`, modules `org.apache.zookeeper.proto` and `data`.

mod codes;
mod connect;
mod multi;
mod password;
mod reply;
mod request;
mod sasl;

pub use codes::{AddWatchMode, CreateMode, ErrorCode, EventType, OpCode, WatcherType};
pub use connect::{ConnectRequest, ConnectResponse};
pub use multi::{MultiOp, MultiResult, ReadOp, ReadResult};
pub use password::{PASSWORD_LEN, session_password};
pub use reply::{
    ClientInfo, ReplyHeader, Response, ResponseError, WatcherEvent, encode_event, encode_reply,
};
pub use request::{
    AuthRequest, CheckVersionRequest, CreateRequest, CreateTtlRequest, DeleteRequest,
    ReconfigRequest, Request, RequestError, RequestHeader, SetAclRequest, SetDataRequest,
    SetWatches, SetWatches2, encode_request,
};

pub use sasl::{decode_sasl_token, encode_sasl_reply};

pub use super::records::Stat;

use crate::types::Xid;

/// The header of a watch event has this number.
pub const XID_EVENT: Xid = Xid(-1);
/// A ping has this number, and so has its reply.
pub const XID_PING: Xid = Xid(-2);
/// Credentials have this number.
pub const XID_AUTH: Xid = Xid(-4);
/// Watches that are set again after a reconnect have this number.
pub const XID_SET_WATCHES: Xid = Xid(-8);
/// The state in every watch event of a server: SyncConnected.
pub const STATE_SYNC_CONNECTED: i32 = 3;
