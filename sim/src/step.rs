//! The names of what may happen next: steps and faults.
//!
//! A step names what it acts on, never its place in a list, so that a recorded schedule keeps its
//! meaning when steps are taken out of it. Not here: when a step is due (see [`crate::agenda`]).

use core::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zablab_core::paxos::Ask;
use zablab_core::types::{ElectionEpoch, ServerId, Tag, Zxid};

use crate::client::ClientOp;

/// A virtual client's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub struct ClientId(pub u32);

/// Who owns one end of a connection. Servers come before clients.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(feature = "ts", ts(type = "string"))]
#[serde(into = "String", try_from = "String")]
pub enum Host {
    /// A server.
    Server(ServerId),
    /// A virtual client.
    Client(ClientId),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Server(sid) => write!(f, "s{sid}"),
            Host::Client(id) => write!(f, "c{}", id.0),
        }
    }
}

/// A connection's number, counted over the whole life of a world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub struct LinkId(pub u64);

/// One of the two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Side {
    /// The host that opened it.
    Opener,
    /// The host that accepted it.
    Acceptor,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Side {
        match self {
            Side::Opener => Side::Acceptor,
            Side::Acceptor => Side::Opener,
        }
    }
}

/// One direction of a connection: the way to one of its ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct LaneId {
    /// Which connection.
    pub link: LinkId,
    /// To which of its ends.
    pub to: Side,
}

/// One thing that may happen next.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Step {
    /// The first item on a lane arrives: a message, or news of the connection itself.
    Deliver {
        /// Where it travels.
        lane: LaneId,
        /// Its number on that lane.
        seq: u64,
    },
    /// The transport gives a connection up: what it sent on a cut lane was not acknowledged for
    /// too long. The sender learns it now, the receiver when the cut is healed.
    GiveUp {
        /// The lane that is cut.
        lane: LaneId,
    },
    /// The earliest timer of a server or client fires.
    Tick {
        /// Whose.
        host: Host,
    },
    /// The disk has finished the batch of writes (or the reload) that is under way.
    CompleteIo {
        /// Whose disk.
        server: ServerId,
    },
    /// The background snapshot that is under way is durable.
    CompleteSnapshot {
        /// Whose disk.
        server: ServerId,
    },
    /// A client is asked to do something.
    Act {
        /// Which client.
        client: ClientId,
        /// What it shall do.
        op: Arc<ClientOp>,
    },
    /// Something breaks, or is mended.
    Fault(Fault),
    /// A Paxos process is asked for something.
    Ask {
        /// Which.
        server: ServerId,
        /// What it shall do.
        ask: Arc<Ask>,
    },
}

/// What may break, or be mended. The exact meaning of each is a row of the fault model.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// A server's machine stops: volatile state goes, its peers see a reset.
    Crash {
        /// Which server.
        server: ServerId,
        /// Which of the writes without a sync survive on its disk.
        keep: Keep,
    },
    /// A server that is down starts from its disk.
    Start {
        /// Which server.
        server: ServerId,
    },
    /// A server that is down loses its whole disk.
    WipeDisk {
        /// Which server.
        server: ServerId,
    },
    /// From now on a sync of this server takes this long.
    SlowDisk {
        /// Which server.
        server: ServerId,
        /// How long a sync takes, in microseconds.
        sync_us: u64,
    },
    /// The next sync of this server fails, and what it should have made durable is lost.
    FailDisk {
        /// Which server.
        server: ServerId,
    },
    /// From now on only so many bytes more fit on a disk: the write that needs more is carried out
    /// as far as it fits, and fails, and so does each after it. What is removed makes no room.
    FillDisk {
        /// Which server.
        server: ServerId,
        /// How many bytes fit.
        left: u32,
    },
    /// There is room on the disk again.
    FreeDisk {
        /// Which server.
        server: ServerId,
    },
    /// A byte that is durable changes: all its bits. Whoever reads it next finds that.
    FlipByte {
        /// Which server.
        server: ServerId,
        /// In what.
        of: Stored,
        /// Which byte of it, from 0; behind its end counting begins anew.
        at: u32,
    },
    /// From its next start on, a server takes itself for another one of the ensemble: its file
    /// `myid` says so. It listens where its machine is.
    Myid {
        /// Which server's machine.
        server: ServerId,
        /// What the file says.
        says: ServerId,
    },
    /// A copy of what is durable now is kept beside the disk, as a backup, in the place of an
    /// older one.
    CopyDisk {
        /// Which server.
        server: ServerId,
    },
    /// The disk of a server that is down becomes what its copy is.
    RestoreDisk {
        /// Which server.
        server: ServerId,
    },
    /// A process stands still: what arrives for it waits, and so do its timers and its disk. Its
    /// clocks go on.
    Pause {
        /// Whose.
        host: Host,
    },
    /// It goes on, with all its timers late.
    Resume {
        /// Whose.
        host: Host,
    },
    /// Nothing passes between two hosts, in either direction.
    Cut {
        /// One.
        a: Host,
        /// The other.
        b: Host,
    },
    /// Nothing passes from one host to another.
    CutOneWay {
        /// The sender.
        from: Host,
        /// The receiver.
        to: Host,
    },
    /// Everything passes again between two hosts.
    Heal {
        /// One.
        a: Host,
        /// The other.
        b: Host,
    },
    /// Everything passes again between all hosts, and nothing is held.
    HealAll,
    /// A message and all behind it on its lane are lost, and the connection is reset: the receiver
    /// learns it after what was sent before, the sender after one delay. A datagram is lost alone,
    /// and nobody learns of it.
    Lose {
        /// Where it travels.
        lane: LaneId,
        /// Its number on that lane.
        seq: u64,
    },
    /// A datagram with a vote reaches a server that bears another's address, though that one never
    /// sent it. Only the elections before FastLeaderElection read datagrams.
    Forge {
        /// Whose address it bears.
        from: ServerId,
        /// Who gets it.
        to: ServerId,
        /// Whom it names.
        leader: ServerId,
        /// That one's last transaction, as it says.
        zxid: Zxid,
        /// Its round.
        round: ElectionEpoch,
        /// Its tag.
        tag: Tag,
        /// The challenge that it repeats.
        challenge: Tag,
    },
    /// A connection is reset; all that is in flight on it is lost.
    Reset {
        /// Which connection.
        link: LinkId,
    },
    /// A message, and so all behind it on its lane, waits until it is released. A datagram waits
    /// alone.
    Hold {
        /// Where it travels.
        lane: LaneId,
        /// Its number on that lane.
        seq: u64,
    },
    /// A held lane flows again.
    Release {
        /// Which lane.
        lane: LaneId,
    },
    /// From now on a message from one host to another takes this long.
    Delay {
        /// The sender.
        from: Host,
        /// The receiver.
        to: Host,
        /// How long, in microseconds.
        delay_us: u64,
    },
    /// A server's wall clock jumps.
    JumpWallClock {
        /// Which server.
        server: ServerId,
        /// By how many milliseconds.
        by_ms: i64,
    },
    /// A client's process ends without closing its session.
    DropClient {
        /// Which client.
        client: ClientId,
    },
    /// A datagram arrives twice.
    Duplicate {
        /// Where it travels.
        lane: LaneId,
        /// Its number on that lane.
        seq: u64,
    },
}

/// Something on a disk that can be damaged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub enum Stored {
    /// The log record of a transaction, with its frame.
    Record(Zxid),
    /// The snapshot of this name.
    Snapshot(Zxid),
    /// The file `acceptedEpoch`.
    AcceptedEpoch,
    /// The file `currentEpoch`.
    CurrentEpoch,
}

/// What a crash leaves of the writes that no sync has made durable.
///
/// Writes to one file reach the disk in their order, and so do changes of one folder; a file's
/// content and its folder entry are independent, as in POSIX.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub struct Keep {
    /// How many operations of the batch under way were carried out, syncs among them.
    pub reached: u32,
    /// How many of the unsynced changes of file contents survive, oldest first.
    pub data: u32,
    /// How many bytes of the next change of a file content survive (a torn write); the rest of it
    /// reads as zeros.
    pub torn: u32,
    /// How many of the unsynced creations, renames and removals survive, oldest first.
    pub names: u32,
}

impl Keep {
    /// Everything without a sync is lost.
    pub const NOTHING: Keep = Keep { reached: 0, data: 0, torn: 0, names: 0 };
    /// Nothing is lost, as when only the process was killed.
    pub const ALL: Keep = Keep { reached: u32::MAX, data: u32::MAX, torn: 0, names: u32::MAX };
}
