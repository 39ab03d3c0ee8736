//! What an acceptor decides: it promises and accepts nothing below what it promised.
//!
//! Pure decisions over the state that is about to be durable; the process waits for the disk
//! before it tells anybody. Source: "Paxos Made Simple", section 2.2, P1a.

use super::{Ballot, Durable, Proposal};

/// What comes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Decision {
    /// It is granted, and the state has changed.
    Granted,
    /// It was granted before: the answer was lost, or the request came twice.
    Again,
    /// A greater number was promised.
    Refused {
        /// Which.
        promised: Ballot,
    },
}

/// A proposer asks for a promise.
pub(super) fn prepare(state: &mut Durable, ballot: Ballot) -> Decision {
    match state.promised {
        Some(promised) if promised > ballot => Decision::Refused { promised },
        Some(promised) if promised == ballot => Decision::Again,
        Some(_) | None => {
            state.promised = Some(ballot);
            Decision::Granted
        }
    }
}

/// A proposer, or a reader that repairs, asks to accept.
pub(super) fn accept(state: &mut Durable, proposal: &Proposal) -> Decision {
    match state.promised {
        Some(promised) if promised > proposal.ballot => Decision::Refused { promised },
        Some(_) | None if state.accepted.as_ref() == Some(proposal) => Decision::Again,
        Some(_) | None => {
            state.promised = Some(proposal.ballot);
            state.accepted = Some(proposal.clone());
            Decision::Granted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ServerId;

    fn ballot(round: u32) -> Ballot {
        Ballot { round, proposer: ServerId(11) }
    }

    fn proposal(round: u32, value: &str) -> Proposal {
        Proposal { ballot: ballot(round), value: value.into() }
    }

    #[test]
    fn a_promise_is_kept_against_lower_numbers_only() {
        let mut state = Durable::default();
        assert_eq!(prepare(&mut state, ballot(2)), Decision::Granted);
        assert_eq!(prepare(&mut state, ballot(2)), Decision::Again);
        let refused = Decision::Refused { promised: ballot(2) };
        assert_eq!(prepare(&mut state, ballot(1)), refused);
        assert_eq!(accept(&mut state, &proposal(1, "a")), refused);
        assert_eq!(accept(&mut state, &proposal(2, "b")), Decision::Granted);
        assert_eq!(accept(&mut state, &proposal(2, "b")), Decision::Again);
        assert_eq!(accept(&mut state, &proposal(3, "c")), Decision::Granted);
        assert_eq!((state.promised, state.accepted), (Some(ballot(3)), Some(proposal(3, "c"))));
    }

    #[test]
    fn of_equal_rounds_the_greater_proposer_counts() {
        let mut state = Durable::default();
        let (low, high) = (ballot(1), Ballot { proposer: ServerId(12), ..ballot(1) });
        assert_eq!(prepare(&mut state, high), Decision::Granted);
        assert_eq!(prepare(&mut state, low), Decision::Refused { promised: high });
    }
}
