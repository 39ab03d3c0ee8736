//! Single-decree Paxos: proposer, acceptor, learner and reader as one process without IO.
//!
//! One process plays any of the [`Roles`]; all of them together choose one value. The contract is
//! that of [`crate::process`]: one input with the time, effects and events out, and whatever
//! depends on the disk waits in here until [`Input::Persisted`]. Messages travel as datagrams, so
//! any of them may be lost, doubled or late.
//!
//! | File | What it is |
//! | --- | --- |
//! | `node` | the process: inputs, roles, what waits for the disk |
//! | `acceptor` | what a promise and an acceptance depend on |
//! | `proposer` | one attempt after the other, with numbers that are never used twice |
//! | `learner` | who accepted what; what a majority accepted |
//! | `reader` | a read by majority, and its repair |
//! | `message`, `record` | the bytes of datagrams and of the disk |
//!
//! Deliberately absent: several decrees, leaders, changes of membership. ZooKeeper uses Zab, not
//! this; it is here to be compared.
//! Source: Lamport, "Paxos Made Simple" (2001), sections 2.2 to 2.4, 3 for the distinguished
//! proposer that is *not* here; "The Part-Time Parliament" (1998) for the word ballot.

mod acceptor;
mod learner;
pub mod message;
mod node;
mod proposer;
mod reader;
pub mod record;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;

use crate::types::{ServerId, Ticket};

pub use node::Paxos;
pub use proposer::Stage;
pub use reader::Reading;

/// A value that may be chosen.
pub type Value = Arc<str>;

/// The number of a proposal: a round, and who proposes. "Paxos Made Simple" says proposal number.
///
/// No two proposers share one, because the proposer is a part of it, and none uses a round twice,
/// because its last round is durable before the number is told to anybody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Ballot {
    /// Compared first; from 1.
    pub round: u32,
    /// Who proposes.
    pub proposer: ServerId,
}

/// A number and the value that is proposed under it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Proposal {
    /// Its number.
    pub ballot: Ballot,
    /// The value.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub value: Value,
}

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Roles {
    /// It proposes.
    pub proposer: bool,
    /// It promises and accepts; a majority of the acceptors chooses.
    pub acceptor: bool,
    /// Every acceptor tells it what it accepted.
    pub learner: bool,
    /// It asks the acceptors what was chosen.
    pub reader: bool,
}

/// What a process must not forget: one record on its disk, see [`record`].
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Durable {
    /// As proposer: the greatest round it has used.
    pub round: u32,
    /// As acceptor: the greatest number it promised.
    pub promised: Option<Ballot>,
    /// As acceptor: the proposal that it accepted last.
    pub accepted: Option<Proposal>,
}

/// What a process is told when it starts, beside its disk.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PaxosConfig {
    /// Its number.
    pub me: ServerId,
    /// What it does.
    pub roles: Roles,
    /// All acceptors, by number; it may be one of them.
    pub acceptors: Vec<ServerId>,
    /// All learners, by number; it may be one of them.
    pub learners: Vec<ServerId>,
}

/// What may happen to a process.
#[derive(Clone, Debug)]
pub enum Input {
    /// The first input.
    Start,
    /// A datagram came in. Bytes that are no message are dropped.
    Datagram {
        /// Who sent it.
        from: ServerId,
        /// Its bytes.
        bytes: Bytes,
    },
    /// Every write up to this ticket is durable.
    Persisted {
        /// The last one.
        through: Ticket,
    },
    /// A write failed; it is never tried again.
    PersistFailed {
        /// Which one.
        ticket: Ticket,
        /// What the system said.
        error: String,
    },
    /// The deadline has come.
    Tick,
    /// Somebody wants something of it.
    Ask(Ask),
}

/// What a process may be asked for. What its role does not do, or what it cannot do now, is
/// ignored.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Ask {
    /// Get this value chosen: both phases, again and again with greater numbers and growing
    /// pauses until a majority has accepted some value.
    Propose {
        /// What it would like to be chosen.
        value: Value,
    },
    /// Phase 1 only, once. With a round of its own choice the number may be given, if it is
    /// greater than all that this proposer used.
    Prepare {
        /// The round; the next one that it knows to be free if none is given.
        round: Option<u32>,
        /// What it would like to be chosen.
        value: Value,
    },
    /// Phase 2, if a majority has promised.
    Accept,
    /// Find out what was chosen.
    Read,
}

/// What a process wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Send a datagram.
    Datagram {
        /// To whom; never itself.
        to: ServerId,
        /// Its bytes.
        bytes: Bytes,
    },
    /// Replace what the disk holds, after all writes before it.
    Persist {
        /// Its place; tickets rise by one.
        ticket: Ticket,
        /// What the disk must hold.
        state: Durable,
        /// Always true, except in a mutation: only written, not synced, before it is answered.
        sync: bool,
    },
    /// Stop for good.
    Halt {
        /// Why, in words.
        why: String,
    },
}

/// A process as plain data.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PaxosView {
    /// Its number.
    pub me: ServerId,
    /// As acceptor: the greatest number it promised, durable or not.
    pub promised: Option<Ballot>,
    /// As acceptor: what it accepted last, durable or not.
    pub accepted: Option<Proposal>,
    /// As proposer: how far it is.
    pub stage: Stage,
    /// As proposer: its number, once it has one.
    pub ballot: Option<Ballot>,
    /// As proposer: what it proposes, or would propose now, under its number. None before a
    /// majority has promised.
    pub proposal: Option<Proposal>,
    /// As proposer: who has promised, or accepted once it proposed.
    pub counted: Vec<ServerId>,
    /// What it knows to be chosen.
    pub learned: Option<Value>,
    /// As reader: how far it is.
    pub reading: Reading,
    /// As reader: who has answered.
    pub answered: Vec<ServerId>,
    /// How many acceptors are a majority.
    pub need: u32,
}
