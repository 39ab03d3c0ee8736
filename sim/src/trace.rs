//! What happened in a world, as plain data: the core's events and the world's own.
//!
//! The core's vocabulary is [`zablab_core::trace`]; here are only the facts that no server sees
//! (a message under way, a crash, a client's call).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zablab_core::client::CallId;
use zablab_core::paxos::Value;
use zablab_core::recipes::Notice;
use zablab_core::trace::Event;
use zablab_core::types::{Mono, Path, ServerId, SessionId, Ticket, Zxid};
use zablab_core::wire::client::{EventType, OpCode};

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
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
#[serde(tag = "event")]
pub enum What {
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
    /// A disk was asked for something that it cannot do.
    DiskRefused {
        /// By which write.
        ticket: Ticket,
        /// Why, in words.
        why: String,
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
        #[serde(rename = "number")]
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
        #[serde(rename = "number")]
        seq: u64,
        /// From whom.
        from: Host,
    },
    /// A message will never arrive.
    MessageLost {
        /// Where it travelled.
        lane: LaneId,
        /// Its number on that lane.
        #[serde(rename = "number")]
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
    /// A client was asked for something that is no request.
    ClientActed {
        /// What.
        op: Arc<ClientOp>,
    },
    /// A client made a request.
    ClientCalled {
        /// Its number, counted over all clients.
        call: CallId,
        /// What it asks for.
        op: OpCode,
    },
    /// A client's request ended.
    ClientReturned {
        /// Its number.
        call: CallId,
        /// How.
        outcome: Box<Outcome>,
    },
    /// A client was told of a change that it watches for.
    ClientNotified {
        /// What happened.
        kind: EventType,
        /// To which znode.
        path: Path,
        /// The zxid of the change.
        zxid: Option<Zxid>,
    },
    /// A client was told what became of something that took several requests.
    RecipeTold {
        /// What it was about.
        path: Path,
        /// What became of it.
        notice: Notice,
    },
    /// A server has a client's session.
    ClientConnected {
        /// The session.
        session: SessionId,
        /// The server.
        server: ServerId,
    },
    /// No server has a client's session; it tries the next one.
    ClientDisconnected,
    /// A client learned that its session has expired.
    ClientExpired,
    /// A client's session is closed.
    ClientClosed,
    /// A Paxos process was asked for something.
    PaxosAsked {
        /// `Prepare`, `Accept`, `Propose` or `Read`.
        ask: String,
        /// With which round, if one was named.
        asked_round: Option<u32>,
        /// For which value.
        value: Option<Value>,
    },
    /// A server did or noticed something.
    #[serde(untagged)]
    Core(Event),
}
