//! A read by majority: ask all acceptors, and believe only what a majority accepted under one
//! number. Whoever of those that answered lacks it is then asked to accept it (repair), which is
//! an ordinary ACCEPT and obeys the promises.
//!
//! A read that finds no majority fails; it does not finish a decision that is open.
//! Source: "Paxos Made Simple", section 2.3 (learning from a majority); the rule to compare only
//! values is the mistake of mutation M44.

use alloc::vec::Vec;

use super::Proposal;
use crate::sorted::SortedMap;
use crate::types::{Mono, ServerId};

/// How long a read waits for answers, in ms.
pub(super) const READ_TIMEOUT_MS: u64 = 1_000;

/// How far a read is.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Reading {
    /// It was not asked for yet.
    #[default]
    Idle,
    /// It waits for answers.
    Asking,
    /// A majority has accepted this.
    Found(Proposal),
    /// No majority answered with one proposal.
    Failed,
}

/// The read of a process.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Reader {
    pub(super) reading: Reading,
    /// Comes back in the answers to this read.
    pub(super) tag: u64,
    /// What each acceptor answered.
    answers: SortedMap<ServerId, Option<Proposal>>,
    pub(super) deadline: Option<Mono>,
}

impl Reader {
    /// A read begins.
    pub(super) fn begin(&mut self, now: Mono, tag: u64) {
        let deadline = Some(now.plus_ms(READ_TIMEOUT_MS));
        *self = Reader { reading: Reading::Asking, tag, answers: SortedMap::new(), deadline };
    }

    /// Who has answered.
    pub(super) fn answered(&self) -> Vec<ServerId> {
        self.answers.keys().copied().collect()
    }

    /// An acceptor answers. True if that ends the read.
    pub(super) fn answer(
        &mut self,
        from: ServerId,
        accepted: Option<Proposal>,
        rule: &Rule,
    ) -> bool {
        self.answers.insert(from, accepted);
        let found = self.majority(rule);
        if found.is_none() && self.answers.len() < rule.acceptors {
            return false;
        }
        self.end(found);
        true
    }

    /// The time is up: what has been answered is all there is.
    pub(super) fn time_up(&mut self) {
        self.end(None);
    }

    /// The acceptors that answered and lack what was found.
    pub(super) fn lacking(&self, rule: &Rule) -> Vec<ServerId> {
        let Reading::Found(found) = &self.reading else { return Vec::new() };
        let lacks = |answer: &Option<Proposal>| match answer {
            Some(proposal) => !rule.same(proposal, found),
            None => true,
        };
        self.answers.iter().filter(|(_, answer)| lacks(answer)).map(|(from, _)| *from).collect()
    }

    fn end(&mut self, found: Option<Proposal>) {
        self.deadline = None;
        self.reading = found.map_or(Reading::Failed, Reading::Found);
    }

    /// The greatest proposal that a majority answered with.
    fn majority(&self, rule: &Rule) -> Option<Proposal> {
        let answers = || self.answers.values().flatten();
        let has_majority = |proposal: &&Proposal| {
            answers().filter(|other| rule.same(proposal, other)).count() >= rule.need
        };
        answers().filter(has_majority).max_by_key(|proposal| proposal.ballot).cloned()
    }
}

/// When answers count together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// How many acceptors there are.
    pub(super) acceptors: usize,
    /// How many are a majority.
    pub(super) need: usize,
    /// Whether numbers must be equal, not only values.
    pub(super) by_number: bool,
}

impl Rule {
    fn same(&self, a: &Proposal, b: &Proposal) -> bool {
        if self.by_number { a.ballot == b.ballot } else { a.value == b.value }
    }
}
