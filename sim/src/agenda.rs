//! Everything that may happen by itself, in the order of its due time.
//!
//! The order is that of [`crate::chooser::Fifo`]: due time, then kind (disks before messages before
//! timers), then sender, then receiver. Faults and clients' acts are not here: they may happen at
//! any moment, and only a chooser or a user knows when.

use zablab_core::sorted::SortedSet;
use zablab_core::types::{Mono, ServerId};

use crate::step::{Host, LaneId, Step};

/// One entry. Compared field by field, in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Entry {
    /// When it happens if nothing is chosen before it.
    pub due: Mono,
    /// What comes first among equal times.
    pub rank: Rank,
    /// Who sent it, or whose it is.
    pub from: Host,
    /// Who receives it, or whose it is.
    pub to: Host,
    /// What happens.
    pub what: Auto,
}

/// Which kind comes first among equal times.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Rank {
    /// A disk finishes.
    Io,
    /// A message arrives.
    Message,
    /// A timer fires.
    Timer,
}

/// A step that happens by itself; see [`Step`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[allow(missing_docs)]
pub enum Auto {
    Deliver { lane: LaneId, seq: u64 },
    GiveUp { lane: LaneId },
    Tick { host: Host },
    CompleteIo { server: ServerId },
    CompleteSnapshot { server: ServerId },
}

impl Entry {
    /// The timer of a host.
    pub(crate) fn timer(due: Mono, host: Host) -> Entry {
        Entry { due, rank: Rank::Timer, from: host, to: host, what: Auto::Tick { host } }
    }

    /// Something that a server's disk finishes.
    pub(crate) fn io(due: Mono, server: ServerId, what: Auto) -> Entry {
        let host = Host::Server(server);
        Entry { due, rank: Rank::Io, from: host, to: host, what }
    }

    /// It as a step.
    pub fn step(&self) -> Step {
        match self.what {
            Auto::Deliver { lane, seq } => Step::Deliver { lane, seq },
            Auto::GiveUp { lane } => Step::GiveUp { lane },
            Auto::Tick { host } => Step::Tick { host },
            Auto::CompleteIo { server } => Step::CompleteIo { server },
            Auto::CompleteSnapshot { server } => Step::CompleteSnapshot { server },
        }
    }
}

/// The entries, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub struct Agenda {
    entries: SortedSet<Entry>,
}

impl Agenda {
    /// Puts `new` in the place of what `slot` says is on the agenda.
    pub(crate) fn replace(&mut self, slot: &mut Option<Entry>, new: Option<Entry>) {
        if *slot == new {
            return;
        }
        if let Some(old) = slot {
            let was_there = self.entries.remove(old);
            debug_assert!(was_there, "a slot says what is on the agenda");
        }
        if let Some(new) = new {
            let fresh = self.entries.insert(new);
            debug_assert!(fresh, "an entry is on the agenda once");
        }
        *slot = new;
    }

    /// All entries, the first to happen first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The entry that happens first.
    pub fn first(&self) -> Option<&Entry> {
        self.entries.first()
    }

    /// How many things may happen.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if nothing may happen by itself.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
