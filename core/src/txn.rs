//! Transactions: what the leader proposes, every log holds and every tree applies.
//!
//! Their bytes are in [`crate::wire::txn`]; how they change the tree in [`crate::tree::apply`].
//! Source: `zookeeper.jute`, module `org.apache.zookeeper.txn`.

use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

use crate::types::{Path, SessionId, WallMs, Xid, Zxid};

/// What every transaction begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct TxnHeader {
    /// The session that asked for it; 0 if a server did.
    pub session: SessionId,
    /// The request's number in that session; 0 for an expiry.
    pub cxid: Xid,
    /// Its place in the order of all transactions.
    pub zxid: Zxid,
    /// When the leader made it.
    pub time: WallMs,
}

/// What a transaction does. All results are in it, so that applying it twice changes nothing more.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Txn {
    /// A session begins (-10).
    CreateSession {
        /// Its negotiated timeout in milliseconds.
        timeout_ms: i32,
    },
    /// A session ends (-11).
    CloseSession {
        /// Its ephemeral znodes, which go with it; `None` in logs from before 3.6.
        paths: Option<Vec<Path>>,
    },
    /// A request failed (-1); it takes a zxid all the same.
    Error(i32),
    /// A znode is made (1, 15, 19, 21).
    Create(CreateTxn),
    /// A znode goes (2), or the reaper took it (20).
    Delete {
        /// Which.
        path: Path,
        /// True for type 20.
        container: bool,
    },
    /// Data changes (5), or the configuration does (16).
    SetData {
        /// Which znode.
        path: Path,
        /// The new data; null and empty differ.
        data: Option<Bytes>,
        /// The version after the change.
        version: i32,
        /// True for type 16.
        reconfig: bool,
    },
    /// The access list changes (7).
    SetAcl {
        /// Which znode.
        path: Path,
        /// The new list.
        acl: Vec<Acl>,
        /// The `aversion` after the change.
        version: i32,
    },
    /// A version was checked (13); only inside a multi.
    Check {
        /// Which znode.
        path: Path,
        /// The checked version plus one, as Java writes it.
        version: i32,
    },
    /// Several as one (14). If any part is an `Error`, the multi failed and nothing is applied.
    Multi(Vec<Txn>),
}

/// A new znode.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct CreateTxn {
    /// Its full path, with the sequence number if it has one.
    pub path: Path,
    /// Its data; null and empty differ.
    pub data: Option<Bytes>,
    /// Its access list.
    pub acl: Vec<Acl>,
    /// Which of the four create transactions this is.
    pub kind: CreateKind,
    /// Whether it goes with its session.
    pub ephemeral: bool,
    /// The parent's create counter after this create; -1 in logs from before 3.4.
    pub parent_cversion: i32,
}

/// The four create transactions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum CreateKind {
    /// Type 1.
    Create,
    /// Type 15: the reply carries a `Stat`.
    Create2,
    /// Type 19: goes when its last child has gone.
    Container,
    /// Type 21: goes when unchanged and childless for this many milliseconds.
    Ttl(i64),
}

/// One entry of an access list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Acl {
    /// READ 1, WRITE 2, CREATE 4, DELETE 8, ADMIN 16.
    pub perms: i32,
    /// Who.
    pub id: Id,
}

/// An identity in a scheme, such as `world:anyone` or `ip:127.0.0.1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Id {
    /// How it is proved.
    pub scheme: String,
    /// Who it is.
    pub id: String,
}

/// A transaction with the bytes that the log holds and a PROPOSAL carries: header, transaction,
/// and the digest of the tree after it where there is one.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct LogRecord {
    /// Its header.
    pub header: TxnHeader,
    /// What it does.
    pub txn: Txn,
    /// The digest of the tree after it, if the record carries one.
    pub digest: Option<u64>,
    /// Exactly the bytes in the log, also of parts that this version does not know.
    pub encoded: Bytes,
}

impl LogRecord {
    /// Its place in the order of all transactions.
    pub fn zxid(&self) -> Zxid {
        self.header.zxid
    }
}
