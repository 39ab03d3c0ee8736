//! The sans-IO contract: what goes into a server, what comes out, and the order that both keep.
//!
//! 1. A driver may run an effect as soon as it reads it. Whatever depends on the disk (an ACK, a
//!    new epoch) the core itself holds back until [`Input::Persisted`] arrives.
//! 2. Effects of one connection, and all [`Effect::Persist`] / [`Effect::Reload`], are FIFO;
//!    nothing else is ordered.
//! 3. `Persisted` is cumulative: write all that is queued, sync once, answer the last ticket.
//! 4. Timers live inside the core; only the earliest deadline leaves it.
//! 5. Output is complete when [`Process::handle`] returns.
//!
//! Deliberately absent: callbacks, storage and clock traits, a second way to ask for time.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

use crate::config::HostPort;
use crate::storage::{Recovered, Write};
use crate::trace::Event;
use crate::tree::Database;
use crate::txn::LogRecord;
use crate::types::{ConnId, Mono, Now, ServerId, Ticket, Zxid};

/// A deterministic state machine: the same inputs give the same effects, everywhere.
pub trait Process: Clone {
    /// What may happen to it.
    type Input;
    /// What it wants done.
    type Effect;
    /// Its state as plain data, for pages and tests.
    type View;

    /// Takes one input; all that follows from it is in `out` when this returns.
    fn handle(&mut self, now: Now, input: Self::Input, out: &mut Out<Self::Effect>);

    /// The earliest armed timer. The driver sends `Tick` at that moment, or later.
    fn deadline(&self) -> Option<Mono>;

    /// The state, for showing.
    fn view(&self) -> Self::View;

    /// Feeds everything that decides the future behaviour to `hasher`.
    fn fingerprint(&self, hasher: &mut dyn core::hash::Hasher);
}

/// Where a process puts its effects and, if somebody listens, its trace events.
#[derive(Clone, Debug)]
pub struct Out<E> {
    /// To be run in this order.
    pub effects: Vec<E>,
    /// What happened, in order; only the milestones unless `traced`.
    pub events: Vec<Event>,
    /// Whether anybody wants to know everything.
    pub traced: bool,
}

impl<E> Out<E> {
    /// An empty one. With `traced` false, an event that is no milestone costs one branch.
    pub fn new(traced: bool) -> Self {
        Out { effects: Vec::new(), events: Vec::new(), traced }
    }

    /// Adds an effect.
    pub fn push(&mut self, effect: E) {
        self.effects.push(effect);
    }

    /// Records what is rare and belongs into every server's log: roles, phases, histories.
    pub fn milestone(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Records what happened, if somebody listens.
    pub fn event(&mut self, make: impl FnOnce() -> Event) {
        if self.traced {
            self.events.push(make());
        }
    }
}

/// The three kinds of ports of a server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum PortKind {
    /// For clients.
    Client,
    /// Learner to leader; only a leader listens.
    Quorum,
    /// For notifications of the election; everybody listens.
    Election,
}

/// What may happen to a server.
#[derive(Clone, Debug)]
pub enum Input {
    /// The first input of a process: ports are opened, the role begins.
    Start,
    /// A connection stands: accepted by the driver, or opened for [`Effect::Connect`].
    ConnUp {
        /// Its name.
        conn: ConnId,
        /// On which port it came in, or to which kind of port it went.
        port: PortKind,
        /// The other side's `address:port`.
        remote: String,
        /// The subject of the certificate that a client has proved to be its own, as RFC 2253
        /// writes it.
        subject: Option<String>,
    },
    /// A connection ended, or could not be opened. Never sent after [`Effect::Disconnect`].
    ConnDown {
        /// Its name.
        conn: ConnId,
    },
    /// Bytes came in, cut anywhere.
    Bytes {
        /// On which connection.
        conn: ConnId,
        /// The next bytes of its stream.
        chunk: Bytes,
    },
    /// The operating system took all bytes of this connection up to `through`, counted from its
    /// start.
    Drained {
        /// On which connection.
        conn: ConnId,
        /// How many bytes of all that were sent on it.
        through: u64,
    },
    /// A datagram came in: an election before FastLeaderElection.
    Datagram {
        /// The server whose address it bears.
        from: ServerId,
        /// Its bytes.
        bytes: Bytes,
    },
    /// The deadline has come.
    Tick,
    /// Every write up to this ticket is durable.
    Persisted {
        /// The last one.
        through: Ticket,
    },
    /// A write or sync failed; it is never tried again.
    PersistFailed {
        /// Which one.
        ticket: Ticket,
        /// What the system said.
        error: String,
    },
    /// The answer to [`Effect::Reload`]: what recovery read from the disk just now.
    Reloaded {
        /// Which reload.
        ticket: Ticket,
        /// What the disk holds.
        recovered: Box<Recovered>,
    },
    /// The answer to [`Effect::ReadLog`].
    LogRead {
        /// For which learner.
        conn: ConnId,
        /// What `storage::log_after` gave.
        records: Option<Vec<LogRecord>>,
    },
    /// A background snapshot is durable under its name.
    SnapshotDone {
        /// Its name.
        zxid: Zxid,
    },
    /// A background snapshot failed; the log still holds everything.
    SnapshotFailed {
        /// Its name.
        zxid: Zxid,
        /// What the system said.
        error: String,
    },
}

/// What a server wants done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Accept connections.
    Listen {
        /// For whom.
        port: PortKind,
        /// Where.
        addr: HostPort,
    },
    /// Accept no more connections on this port; those that stand are not touched.
    Unlisten {
        /// Which port.
        port: PortKind,
    },
    /// Open a connection; answered by `ConnUp` or `ConnDown`.
    Connect {
        /// Its name from now on, an outgoing one.
        conn: ConnId,
        /// The kind of port it goes to.
        port: PortKind,
        /// Where.
        addr: HostPort,
    },
    /// Send what is queued on it, then close. Nothing more is heard of it.
    Disconnect {
        /// Which.
        conn: ConnId,
    },
    /// Send one message: a peer packet, a notification or a client reply, framed and complete.
    Send {
        /// On which connection.
        conn: ConnId,
        /// The message, in a few shared pieces.
        parts: Parts,
    },
    /// Send a datagram to a server's election address. Only elections before FastLeaderElection
    /// do, which no `zoo.cfg` can choose.
    Datagram {
        /// To whom.
        to: ServerId,
        /// Its bytes.
        bytes: Bytes,
    },
    /// Send the body of a SNAP: `storage::snapshot::encode_body(state)` and `BenWasHere`.
    SendSnapshot {
        /// On which connection.
        conn: ConnId,
        /// What to encode; a cheap clone.
        state: Box<Database>,
    },
    /// Make a write durable, after all before it.
    Persist {
        /// Its place; tickets rise by one.
        ticket: Ticket,
        /// What to write.
        write: Write,
    },
    /// After all writes before it: read the disk as a start would, and answer `Reloaded`.
    Reload {
        /// Its place among the writes.
        ticket: Ticket,
    },
    /// Read a part of the log in the background, `storage::log_after(from, limit)`; answered by
    /// `LogRead`.
    ReadLog {
        /// For which learner.
        conn: ConnId,
        /// The first record that is wanted.
        from: Zxid,
        /// How many bytes it may be.
        limit: u64,
    },
    /// Write a snapshot in the background; answered by `SnapshotDone` or `SnapshotFailed`.
    Snapshot {
        /// What to write; a cheap clone.
        state: Box<Database>,
    },
    /// Read no more from this connection until `ResumeReads`.
    PauseReads {
        /// Which.
        conn: ConnId,
    },
    /// Read again.
    ResumeReads {
        /// Which.
        conn: ConnId,
    },
    /// A client connection turned out to be a four-letter word; it is the driver's from now on.
    Command {
        /// Which.
        conn: ConnId,
        /// The word, such as `*b"srvr"`.
        word: [u8; 4],
        /// The number behind it, 0 for a word that takes none.
        argument: i64,
    },
    /// Stop for good.
    Halt {
        /// Why, in words.
        why: String,
    },
}

/// One message in at most a few pieces, so that a large value is never copied.
pub type Parts = Vec<Bytes>;
