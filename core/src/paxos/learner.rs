//! What a learner knows: who accepted what last, and from when on that is a majority.
//!
//! Only equal *numbers* count together: equal values under different numbers are no choice.
//! Source: "Paxos Made Simple", section 2.3.

use super::{Proposal, Value};
use crate::sorted::SortedMap;
use crate::types::ServerId;

/// The reports of the acceptors, and what follows from them.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Learner {
    /// The greatest proposal that each acceptor reported.
    reports: SortedMap<ServerId, Proposal>,
    /// What is known to be chosen.
    learned: Option<Value>,
}

impl Learner {
    /// What is known to be chosen.
    pub(super) fn learned(&self) -> Option<&Value> {
        self.learned.as_ref()
    }

    /// It is known from elsewhere. True if that is news.
    pub(super) fn know(&mut self, value: &Value) -> bool {
        let news = self.learned.is_none();
        self.learned.get_or_insert_with(|| value.clone());
        news
    }

    /// An acceptor reports. True if a majority is complete with it, for the first time.
    pub(super) fn report(&mut self, from: ServerId, proposal: &Proposal, need: usize) -> bool {
        let last = self.reports.entry(from).or_insert_with(|| proposal.clone());
        if last.ballot < proposal.ballot {
            *last = proposal.clone();
        }
        let equal = self.reports.values().filter(|last| last.ballot == proposal.ballot);
        self.learned.is_none() && equal.count() >= need && self.know(&proposal.value)
    }
}
