//! The decisions that a known bug got wrong, one method each. The defaults are the protocol.
//!
//! The server is built with [`Correct`], which has no size and no state: its binary holds no bug.
//! The simulator overrides single methods to play a bug and to prove that its invariants see it.

/// What a faulty implementation decides differently.
pub trait Policy: Clone + core::hash::Hash + core::fmt::Debug {
    /// Whether an ACK of a proposal, the leader's own included, waits until the record is durable.
    /// Never waiting is mutation M32 (`follower.ack_on_receive`, and M33 on the leader).
    fn ack_waits_for_sync(&self) -> bool {
        true
    }

    /// Whether ACK NEWLEADER waits until the synchronized history and `currentEpoch` are durable.
    /// Never waiting is mutation M02 (ZOOKEEPER-3911, 4646).
    fn newleader_ack_waits_for_sync(&self) -> bool {
        true
    }

    /// Whether a promise leaves before it is durable: LEADERINFO and ACKEPOCH.
    /// Never waiting is mutation M13 (ZOOKEEPER-1291).
    fn promise_waits_for_sync(&self) -> bool {
        true
    }

    /// How many votes of `voters` make a quorum. `voters / 2` is mutation M30.
    fn quorum_size(&self, voters: usize) -> usize {
        voters / 2 + 1
    }

    /// Whether a Paxos read counts answers only if their numbers are equal. Comparing values is
    /// mutation M44 (`paxos.value_only_read`).
    fn paxos_read_compares_numbers(&self) -> bool {
        true
    }

    /// Whether a Paxos promise is synced, and not only written, before it is given. Not syncing
    /// it is mutation M45 (`paxos.promise_not_durable`).
    fn paxos_promise_is_synced(&self) -> bool {
        true
    }

    /// Whether a Paxos proposer keeps its last number on disk. Forgetting it is mutation M46
    /// (`paxos.number_reuse`).
    fn paxos_number_is_durable(&self) -> bool {
        true
    }
}

/// The protocol as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Correct;

impl Policy for Correct {}
