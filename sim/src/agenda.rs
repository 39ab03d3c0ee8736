//! Everything that may happen by itself, in the order of its due time.
//!
//! The order is that of [`crate::chooser::Fifo`]: due time, then kind (disks before messages before
//! timers), then sender, then receiver. Faults and clients' acts are not here: they may happen at
//! any moment, and only a chooser or a user knows when.

use std::collections::BTreeSet;

use zablab_core::types::Mono;

use crate::step::{Host, Step};

/// One entry. Compared field by field, in this order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
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
    pub step: Step,
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

/// The entries, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub struct Agenda {
    entries: BTreeSet<Entry>,
}

impl Agenda {
    /// Adds an entry.
    pub(crate) fn insert(&mut self, entry: Entry) {
        let fresh = self.entries.insert(entry);
        debug_assert!(fresh, "an entry is on the agenda once");
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, entry: &Entry) {
        let was_there = self.entries.remove(entry);
        debug_assert!(was_there, "only what is on the agenda is taken out");
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
