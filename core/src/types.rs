//! The numbers of the protocol, each as a type of its own, so that unlike ones never mix.
//!
//! Not here: records built from them (see [`crate::txn`], [`crate::wire`]).
//! Source: Junqueira, Reed, Serafini 2011, section III; ZooKeeper's `ZxidUtils`, `Vote`.

use alloc::sync::Arc;
use core::fmt;

/// A path of the tree, shared by the transaction, the tree and the watch event.
pub type Path = Arc<str>;

/// A transaction id: the epoch in the high 32 bits, a counter in the low 32 bits.
///
/// Compared as an unsigned pair, never as a signed difference. `(e, 0)` names no transaction: it
/// is the id of the NEWLEADER proposal of epoch `e`. A standalone server counts in epoch 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(feature = "ts", ts(type = "{ epoch: number; counter: number }"))]
#[cfg_attr(
    feature = "serde",
    serde(into = "crate::json::ZxidPair", from = "crate::json::ZxidPair")
)]
pub struct Zxid(pub u64);

impl Zxid {
    /// The id before the first transaction.
    pub const ZERO: Zxid = Zxid(0);
    /// The greatest counter that a leader proposes; at this one it steps down (ZOOKEEPER-1277).
    pub const COUNTER_MAX: u32 = 0xffff_fffe;

    /// The id of transaction `counter` of `epoch`.
    pub const fn new(epoch: Epoch, counter: u32) -> Zxid {
        Zxid(((epoch.0 as u64) << 32) | counter as u64)
    }

    /// The high half.
    pub const fn epoch(self) -> Epoch {
        Epoch((self.0 >> 32) as u32)
    }

    /// The low half; 0 for the id of a NEWLEADER proposal.
    pub const fn counter(self) -> u32 {
        self.0 as u32
    }

    /// True if `self` may directly follow `before` in a history: the next counter of the same
    /// epoch, or the first transaction of a later epoch (ZOOKEEPER-4925).
    pub fn follows(self, before: Zxid) -> bool {
        let same_epoch = self.epoch() == before.epoch();
        let next = before.counter().checked_add(1) == Some(self.counter());
        (same_epoch && next) || (self.epoch() > before.epoch() && self.counter() == 1)
    }

    /// As the signed 64-bit number of the wire.
    pub const fn to_wire(self) -> i64 {
        self.0 as i64
    }

    /// From the signed 64-bit number of the wire.
    pub const fn from_wire(raw: i64) -> Zxid {
        Zxid(raw as u64)
    }
}

impl fmt::Display for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

impl fmt::Debug for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.epoch().0, self.counter())
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS))]
        $(#[$doc])*
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number!(
    /// An epoch of Zab (`acceptedEpoch`, `currentEpoch`); below 2^31.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    Epoch(u32)
);
number!(
    /// The logical clock of the election, a round; *not* an [`Epoch`].
    #[cfg_attr(feature = "serde", serde(into = "crate::json::Hex", from = "crate::json::Hex"))]
    #[cfg_attr(feature = "ts", ts(rename = "Hex", type = "string"))]
    ElectionEpoch(u64)
);
number!(
    /// A server's number (`sid`), the `N` of `server.N` and of the file `myid`.
    #[cfg_attr(feature = "ts", ts(rename = "Sid", type = "number"))]
    ServerId(i64)
);
number!(
    /// A request's number on its session's connection, chosen by the client (`xid`, `cxid`).
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    Xid(i32)
);
number!(
    /// A connection, as driver and core call it. See [`ConnId::outgoing`].
    #[cfg_attr(feature = "serde", serde(into = "crate::json::Hex", from = "crate::json::Hex"))]
    #[cfg_attr(feature = "ts", ts(rename = "Hex", type = "string"))]
    ConnId(u64)
);
number!(
    /// A durable write's place in the order of all writes of one process.
    #[cfg_attr(feature = "serde", serde(into = "crate::json::Hex", from = "crate::json::Hex"))]
    #[cfg_attr(feature = "ts", ts(rename = "Hex", type = "string"))]
    Ticket(u64)
);
number!(
    /// Names one attempt to tell a server of a vote (`AuthFastLeaderElection`).
    #[cfg_attr(feature = "serde", serde(into = "crate::json::Hex", from = "crate::json::Hex"))]
    #[cfg_attr(feature = "ts", ts(rename = "Hex", type = "string"))]
    Tag(u64)
);
number!(
    /// Microseconds of a monotonic clock since the process was started.
    #[cfg_attr(feature = "ts", ts(rename = "Micros", type = "number"))]
    Mono(u64)
);
number!(
    /// Milliseconds of Unix time; only ever shown to users (`ctime`, `mtime`).
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    WallMs(i64)
);

impl Epoch {
    /// The greatest epoch: the next one would be negative in Java's signed arithmetic.
    pub const MAX: Epoch = Epoch(i32::MAX as u32);

    /// The epoch after this one, or `None` at [`Epoch::MAX`].
    pub fn next(self) -> Option<Epoch> {
        (self < Epoch::MAX).then(|| Epoch(self.0 + 1))
    }
}

impl ServerId {
    /// What an observer proposes: nobody.
    pub const NOBODY: ServerId = ServerId(i64::MIN);

    /// Whether this names a server at all.
    pub fn is_named(self) -> bool {
        self != ServerId::NOBODY
    }
}

impl ConnId {
    /// Connections that the core opens have the top bit set; those that a driver accepts do not.
    pub const fn outgoing(n: u64) -> ConnId {
        ConnId(n | 1 << 63)
    }

    /// True for a connection that the core opened itself.
    pub const fn is_outgoing(self) -> bool {
        self.0 >> 63 == 1
    }
}

impl Ticket {
    /// The ticket after this one.
    pub fn next(self) -> Ticket {
        Ticket(self.0 + 1)
    }
}

impl Mono {
    /// This moment plus `ms` milliseconds.
    pub fn plus_ms(self, ms: u64) -> Mono {
        Mono(self.0 + ms * 1000)
    }

    /// Whole milliseconds since the process was started.
    pub fn as_ms(self) -> u64 {
        self.0 / 1000
    }
}

/// A session's number. Its top byte is the server that made it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(into = "crate::json::Hex", from = "crate::json::Hex"))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(feature = "ts", ts(rename = "Hex", type = "string"))]
pub struct SessionId(pub i64);

impl SessionId {
    /// Whether this server made it: the top byte is the server's number.
    pub fn is_made_by(self, server: ServerId) -> bool {
        self.0 >> 56 & 0xff == server.0 & 0xff
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The two clocks that come in with every input.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// Drives every timer.
    pub mono: Mono,
    /// Stamps transactions on the leader; decides nothing.
    pub wall: WallMs,
}

/// The two epochs of one server, both durable (Zab's f.p and f.a).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Epochs {
    /// The promise: no leader of an older epoch is followed any more.
    pub accepted: Epoch,
    /// The epoch whose initial history this server has adopted; never above `accepted`.
    pub current: Epoch,
}
