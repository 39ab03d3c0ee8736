//! A proposer: one attempt after the other to get a value chosen.
//!
//! An attempt has a number, asks for promises, takes over the greatest proposal that they tell of,
//! and asks to accept. Whoever drives it may do so phase by phase; or it goes on by itself, with a
//! random pause after each failure whose upper bound doubles, because two proposers that try again
//! at once can stop each other for ever.
//! Source: "Paxos Made Simple", sections 2.2 and 2.4; exponential back-off as in Ethernet.

use alloc::vec::Vec;

use super::{Ballot, Proposal, Value};
use crate::prng::Prng;
use crate::sorted::{SortedMap, SortedSet};
use crate::types::{Mono, ServerId};

/// How long an attempt waits for answers before it counts as failed, in ms.
pub(super) const ATTEMPT_TIMEOUT_MS: u64 = 1_000;
/// The upper bound of the first pause, in ms; about two round trips.
const PAUSE_FIRST_MS: u64 = 50;
/// How often the upper bound doubles.
const PAUSE_DOUBLINGS_MAX: u32 = 6;

/// How far a proposer is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Stage {
    /// It was not asked to propose.
    #[default]
    Idle,
    /// It asks for promises.
    Preparing,
    /// A majority has promised; the next phase is asked for by hand.
    Ready,
    /// It asks to accept.
    Accepting,
    /// Somebody has promised a greater number; it does nothing by itself.
    Refused,
    /// It pauses before its next attempt.
    Waiting,
    /// A majority has accepted.
    Done,
}

/// The proposer of a process.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Proposer {
    pub(super) stage: Stage,
    pub(super) attempt: Option<Attempt>,
    /// What it wants to be chosen if it goes on by itself.
    pub(super) wish: Option<Value>,
    /// The greatest round it has heard of.
    pub(super) heard: u32,
    pub(super) deadline: Option<Mono>,
    failures: u32,
}

/// One number and what came of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Attempt {
    pub(super) ballot: Ballot,
    /// What it wants to be chosen.
    wish: Value,
    /// Who promised, and what each had accepted.
    promises: SortedMap<ServerId, Option<Proposal>>,
    /// What it proposed.
    proposed: Option<Value>,
    /// Who accepted that.
    accepted: SortedSet<ServerId>,
}

impl Attempt {
    /// What must be proposed: the value of the greatest proposal among the promises, or the own
    /// wish if there is none.
    pub(super) fn value(&self) -> &Value {
        let told = self.promises.values().flatten().max_by_key(|accepted| accepted.ballot);
        let free = told.map_or(&self.wish, |accepted| &accepted.value);
        self.proposed.as_ref().unwrap_or(free)
    }

    /// Whether some promise told of a proposal.
    pub(super) fn is_bound(&self) -> bool {
        self.promises.values().any(Option::is_some)
    }

    /// Who has promised, or accepted once it proposed.
    pub(super) fn counted(&self) -> Vec<ServerId> {
        match self.proposed {
            None => self.promises.keys().copied().collect(),
            Some(_) => self.accepted.iter().copied().collect(),
        }
    }

    /// How many have promised.
    pub(super) fn promised(&self) -> usize {
        self.promises.len()
    }
}

impl Proposer {
    /// An attempt with this number begins.
    pub(super) fn begin(&mut self, ballot: Ballot, wish: Value) {
        self.stage = Stage::Preparing;
        self.attempt = Some(Attempt {
            ballot,
            wish,
            promises: SortedMap::new(),
            proposed: None,
            accepted: SortedSet::new(),
        });
    }

    /// Its messages have left: from now on the time counts, if it goes on by itself.
    pub(super) fn asked(&mut self, now: Mono) {
        let by_itself = self.wish.is_some();
        self.deadline = by_itself.then(|| now.plus_ms(ATTEMPT_TIMEOUT_MS));
    }

    /// A promise. True if a majority is complete with it.
    pub(super) fn promise(
        &mut self,
        from: ServerId,
        ballot: Ballot,
        accepted: Option<Proposal>,
        need: usize,
    ) -> bool {
        let open = matches!(self.stage, Stage::Preparing | Stage::Ready);
        let Some(attempt) = self.attempt.as_mut().filter(|own| open && own.ballot == ballot) else {
            return false;
        };
        attempt.promises.insert(from, accepted);
        let complete = attempt.promises.len() >= need && self.stage == Stage::Preparing;
        if complete {
            self.stage = Stage::Ready;
        }
        complete
    }

    /// It proposes: what the promises allow.
    pub(super) fn propose(&mut self) -> Option<(Proposal, bool)> {
        let attempt = self.attempt.as_mut().filter(|_| self.stage == Stage::Ready)?;
        let (value, bound) = (attempt.value().clone(), attempt.is_bound());
        attempt.proposed = Some(value.clone());
        self.stage = Stage::Accepting;
        Some((Proposal { ballot: attempt.ballot, value }, bound))
    }

    /// An acceptance, however late. True if a majority is complete with it.
    pub(super) fn accepted(&mut self, from: ServerId, proposal: &Proposal, need: usize) -> bool {
        let Some(attempt) = &mut self.attempt else { return false };
        let is_own = attempt.ballot == proposal.ballot && attempt.proposed.is_some();
        if !is_own || self.stage == Stage::Done {
            return false;
        }
        attempt.accepted.insert(from);
        if attempt.accepted.len() < need {
            return false;
        }
        self.stage = Stage::Done;
        self.wish = None;
        self.deadline = None;
        true
    }

    /// Its number is refused, or too few answered in time. Acceptances are still counted.
    pub(super) fn failed(&mut self, now: Mono, prng: &mut Prng) {
        if self.wish.is_none() {
            self.stage = Stage::Refused;
            return;
        }
        let bound_us = (PAUSE_FIRST_MS * 1000) << self.failures.min(PAUSE_DOUBLINGS_MAX);
        self.failures = self.failures.saturating_add(1);
        self.stage = Stage::Waiting;
        self.deadline = Some(Mono(now.0 + 1 + prng.below(bound_us)));
    }

    /// Whether the answer to a number is still waited for.
    pub(super) fn waits_for(&self, ballot: Ballot) -> bool {
        let open = matches!(self.stage, Stage::Preparing | Stage::Ready | Stage::Accepting);
        open && self.attempt.as_ref().is_some_and(|attempt| attempt.ballot == ballot)
    }

    /// From now on it goes on by itself.
    pub(super) fn automatic(&mut self, wish: Value) {
        self.wish = Some(wish);
        self.failures = 0;
    }

    /// From now on it is driven phase by phase.
    pub(super) fn by_hand(&mut self) {
        self.wish = None;
        self.deadline = None;
    }
}
