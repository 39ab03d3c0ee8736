//! Virtual clients: what they are asked to do, and what became of it.

use bytes::Bytes;
use zablab_core::types::{Path, ServerId, Zxid};

/// What a client may be asked to do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum ClientOp {
    /// Connect, trying these servers in this order, again and again.
    Connect {
        /// Which servers.
        servers: Vec<ServerId>,
        /// The session timeout to ask for, in ms.
        timeout_ms: i32,
    },
    /// Close the connection, keep the session, and stay away until the next `Connect`.
    Disconnect,
    /// Close the session.
    Close,
    /// Make a znode.
    Create {
        /// Its path, or its beginning if it is sequential.
        path: Path,
        /// Its data.
        data: Bytes,
        /// Whether it goes with the session.
        ephemeral: bool,
        /// Whether the server adds a number.
        sequential: bool,
    },
    /// Change a znode's data.
    Set {
        /// Which.
        path: Path,
        /// The new data.
        data: Bytes,
        /// The version it must have; -1 for any.
        version: i32,
    },
    /// Delete a znode.
    Delete {
        /// Which.
        path: Path,
        /// The version it must have; -1 for any.
        version: i32,
    },
    /// Check a znode's version; only inside `Multi`.
    Check {
        /// Which.
        path: Path,
        /// The version it must have.
        version: i32,
    },
    /// Several writes as one.
    Multi(Vec<ClientOp>),
    /// Read a znode's data.
    Get {
        /// Which.
        path: Path,
        /// Whether to watch it.
        watch: bool,
    },
    /// Ask whether a znode exists.
    Exists {
        /// Which.
        path: Path,
        /// Whether to watch it.
        watch: bool,
    },
    /// List a znode's children.
    Children {
        /// Whose.
        path: Path,
        /// Whether to watch it.
        watch: bool,
    },
    /// Bring the server up to date with its leader.
    Sync {
        /// Any path.
        path: Path,
    },
}

/// How an operation ended.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Outcome {
    /// 0, or the error's number on the wire; -4 (CONNECTIONLOSS) if its fate is unknown.
    pub error: i32,
    /// The zxid in the reply's header.
    pub zxid: Zxid,
    /// The data that a `Get` read.
    pub data: Option<Bytes>,
}
