//! What happened in a world, as plain data: the core's events and the world's own.
//!
//! The core's vocabulary is [`zablab_core::trace`]; here are only the facts that no server sees
//! (a message under way, a crash, a client's call).

use std::sync::Arc;

use zablab_core::trace::Event;
use zablab_core::types::{Mono, Ticket, Zxid};

use crate::client::{ClientOp, Outcome};
use crate::step::{Fault, Host, Keep, LaneId};

/// One fact, with its place in the order of all facts of a run.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct TraceEvent {
    /// Counts from 0 over the whole run.
    pub seq: u64,
    /// When, in the world's time.
    pub at: Mono,
    /// Where; `None` if it concerns no single host.
    pub host: Option<Host>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum What {
    /// A server did or noticed something.
    Core(Event),
    /// A fault was injected, or mended.
    FaultInjected(Fault),
    /// A server started from its disk.
    Started {
        /// What recovery had to do, in words.
        notes: Vec<String>,
    },
    /// A server refused to start on its disk.
    StartRefused {
        /// Why, in words.
        why: String,
    },
    /// A server went down.
    Crashed {
        /// What survived.
        keep: Keep,
        /// How many changes of contents and names were lost.
        lost: u32,
    },
    /// A server stopped itself for good.
    Stopped {
        /// Why, in words.
        why: String,
    },
    /// A disk made everything up to this ticket durable.
    DiskSynced {
        /// The last write of the batch.
        through: Ticket,
    },
    /// A disk failed a sync.
    DiskFailed {
        /// The first write of the batch.
        ticket: Ticket,
    },
    /// A disk made a snapshot durable.
    SnapshotWritten {
        /// Its name.
        zxid: Zxid,
    },
    /// A message went under way.
    MessageSent {
        /// Where it travels.
        lane: LaneId,
        /// Its number on that lane.
        seq: u64,
        /// To whom.
        to: Host,
        /// How many bytes it has.
        bytes: u64,
    },
    /// A message arrived.
    MessageDelivered {
        /// Where it travelled.
        lane: LaneId,
        /// Its number on that lane.
        seq: u64,
        /// From whom.
        from: Host,
    },
    /// A message will never arrive.
    MessageLost {
        /// Where it travelled.
        lane: LaneId,
        /// Its number on that lane.
        seq: u64,
    },
    /// A connection stands, as this host sees it.
    ConnectionOpened {
        /// The way to this host.
        lane: LaneId,
        /// The other end.
        peer: Host,
    },
    /// A connection ended, or was refused, as this host sees it.
    ConnectionClosed {
        /// The way to this host.
        lane: LaneId,
        /// The other end.
        peer: Host,
    },
    /// A client began an operation.
    ClientCalled {
        /// The operation's number, counted over all clients.
        call: u64,
        /// What it asks for.
        op: Arc<ClientOp>,
    },
    /// A client's operation ended.
    ClientReturned {
        /// The operation's number.
        call: u64,
        /// How.
        outcome: Outcome,
    },
}
