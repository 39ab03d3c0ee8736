//! The decisions that a known bug got wrong, one method each. The defaults are the protocol.
//!
//! The server is built with [`Correct`], which has no size and no state: its binary holds no bug.
//! The simulator overrides single methods to play a bug and to prove that its invariants see it.
//! Each method is a question that the protocol answers with its default; its line names the
//! mutation that answers otherwise, and where ZooKeeper once did.

use crate::limits::CLOSING_LIST_MAX;

/// What a faulty implementation decides differently.
pub trait Policy: Clone + core::hash::Hash + core::fmt::Debug {
    // Writes and what waits for them.

    /// Whether a follower's ACK of a proposal waits until the record is durable.
    /// Never waiting is mutation M32 (`follower.ack_on_receive`).
    fn ack_waits_for_sync(&self) -> bool {
        true
    }

    /// Whether a leader counts its own ACK of a proposal only when the record is durable.
    /// Counting it at once is mutation M33 (`leader.count_own_ack_before_fsync`).
    fn own_ack_waits_for_sync(&self) -> bool {
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

    /// Whether the synchronized history is written before the `currentEpoch` that claims it.
    /// The other order is mutation M01 (ZOOKEEPER-4643).
    fn history_precedes_epoch(&self) -> bool {
        true
    }

    /// Whether `currentEpoch` is written before ACK NEWLEADER, and not with UPTODATE only.
    /// Writing it late is mutation M14 (ZOOKEEPER-1282).
    fn adopts_before_ack(&self) -> bool {
        true
    }

    /// Whether a failed write of an epoch ends the server. Asked by the driver.
    /// Going on with the new epoch in memory is mutation M15 (ZOOKEEPER-2307).
    fn stops_on_failed_epoch(&self) -> bool {
        true
    }

    /// Whether a failed sync of the log ends the server. Asked by the driver.
    /// Going on, as if another sync had made up for it, is mutation M17 (ZOOKEEPER-4882).
    fn stops_on_failed_sync(&self) -> bool {
        true
    }

    /// Whether a failed cut of the log ends the server. Asked by the driver.
    /// Going on with the old tail is mutation M10 (ZOOKEEPER-3701).
    fn stops_on_failed_cut(&self) -> bool {
        true
    }

    /// Whether a cut of the log is synced before the server goes on. Asked by the driver.
    /// Leaving it to the operating system is mutation M47 (`truncate.no_fsync`).
    fn cut_is_synced(&self) -> bool {
        true
    }

    /// Whether a start needs a whole snapshot to replay the log on. Asked by the driver.
    /// Replaying what is left of the log on an empty tree is mutation M26 (ZOOKEEPER-2325).
    fn starts_from_a_snapshot(&self) -> bool {
        true
    }

    /// Whether a background snapshot holds all of the transaction that it is named after.
    /// Leaving out what that one did to the sessions is mutation M25 (ZOOKEEPER-3144).
    fn snapshot_holds_its_zxid(&self) -> bool {
        true
    }

    // What a server says of its history.

    /// Whether an elected leader names its last logged transaction as its last one until its epoch
    /// has begun. Naming `(e,0)` as soon as it has chosen the epoch is mutation M20
    /// (ZOOKEEPER-790).
    fn leads_with_its_log(&self) -> bool {
        true
    }

    /// Whether a role's writes are waited for before the next role begins.
    /// Not waiting is mutation M05 (ZOOKEEPER-4712, 4541).
    fn waits_for_the_log_writer(&self) -> bool {
        true
    }

    /// Whether all that is logged is taken into the tree between two roles.
    /// Keeping the tree as it was is mutation M06 (ZOOKEEPER-2845).
    fn takes_in_the_log(&self) -> bool {
        true
    }

    /// Whether a learner counts a transaction of a DIFF only when it has it.
    /// Taking over the DIFF's end at its beginning is mutation M07 (ZOOKEEPER-2355).
    fn counts_what_is_logged(&self) -> bool {
        true
    }

    /// Whether a tree that comes by SNAP stays aside until NEWLEADER.
    /// Taking it over at once, in memory only, is mutation M08 (ZOOKEEPER-3642).
    fn keeps_snap_aside(&self) -> bool {
        true
    }

    /// Whether installing a snapshot retires the log that it replaces. Asked by the driver.
    /// Leaving the log is mutation M12 (ZOOKEEPER-2832).
    fn snap_retires_the_log(&self) -> bool {
        true
    }

    /// Whether a tree that comes by SNAP counts the znodes that use each of its access lists.
    /// Taking each list for used once is mutation M41 (ZOOKEEPER-3306).
    fn counts_users_of_lists(&self) -> bool {
        true
    }

    // Synchronization.

    /// Whether a learner's last transaction must be one of the leader's history for DIFF.
    /// Comparing numbers only is mutation M11 (ZOOKEEPER-1154).
    fn syncs_by_membership(&self) -> bool {
        true
    }

    /// Whether transactions that came by synchronization are in the window for DIFF.
    /// Leaving them out is mutation M16 (ZOOKEEPER-4925).
    fn window_has_what_was_synced(&self) -> bool {
        true
    }

    /// Whether reading the history for a learner and registering the learner are one step.
    /// Registering it later is mutation M21 (ZOOKEEPER-962).
    fn registers_with_reading(&self) -> bool {
        true
    }

    /// Whether the tree of a SNAP holds everything up to the transaction that it is sent under, the
    /// last committed one. Sending the tree as it is is mutation M09 (ZOOKEEPER-3104).
    fn snap_names_its_tree(&self) -> bool {
        true
    }

    /// Whether a leader goes on accepting learners after a connection ended before it said whose
    /// it is. Accepting no more is mutation M43 (ZOOKEEPER-4203).
    fn keeps_accepting(&self) -> bool {
        true
    }

    /// Whether proposals without a COMMIT stay aside at NEWLEADER.
    /// Taking them for committed is mutation M03 (ZOOKEEPER-4394).
    fn keeps_uncommitted_aside(&self) -> bool {
        true
    }

    /// Whether proposals are acknowledged after NEWLEADER only.
    /// Acknowledging them before it is mutation M04 (ZOOKEEPER-4685).
    fn newleader_ack_comes_first(&self) -> bool {
        true
    }

    // Discovery and election.

    /// Whether a leader of an older epoch than the promised one is refused.
    /// Following it is mutation M34.
    fn keeps_promises(&self) -> bool {
        true
    }

    /// Whether a leader refuses a learner whose history is more recent than its own.
    /// Leading it all the same is mutation M24b.
    fn refuses_more_recent(&self) -> bool {
        true
    }

    /// Whether a quorum of votes waits for a better one. Deciding at once is mutation M24.
    fn waits_for_better_votes(&self) -> bool {
        true
    }

    /// Whether a looker sends its vote again on time, whatever it hears in between. Beginning the
    /// wait anew with every vote, as ZooKeeper does, is mutation M48: who has the fastest clock
    /// silences all others for ever.
    fn asks_on_time(&self) -> bool {
        true
    }

    /// Whether votes of an established ensemble are equal by leader and epoch alone.
    /// Comparing whole votes is mutation M22 (ZOOKEEPER-1732, 1805, 1818).
    fn joins_by_leader_and_epoch(&self) -> bool {
        true
    }

    /// Whether a leader that others name must say itself that it leads. Trusting the others is
    /// mutation M23.
    fn asks_the_leader(&self) -> bool {
        true
    }

    /// How much of `whole`, voters or their weight, is a majority. Half of it is mutation M30.
    fn majority(&self, whole: u64) -> u64 {
        whole / 2 + 1
    }

    /// Whether a change of the ensemble needs a quorum of what it was, too, and not only of what it
    /// is to be. Asking the new one alone is mutation M49.
    fn reconfigures_by_both(&self) -> bool {
        true
    }

    /// Whether observers are left out of every quorum. Counting them is mutation M29.
    fn only_voters_count(&self) -> bool {
        true
    }

    // Broadcast.

    /// Whether proposals go to every learner that was sent NEWLEADER, acknowledged or not.
    /// Waiting for the ACK is mutation M18 (issue 1 of the TLA+ specification).
    fn proposes_to_all_asked(&self) -> bool {
        true
    }

    /// The same for commits: a learner's first commit point is the leader's.
    /// Beginning with its ACK is mutation M18c (issue 3 of the TLA+ specification).
    fn commits_to_all_asked(&self) -> bool {
        true
    }

    /// Whether a transaction commits only behind all smaller ones. Not so in mutation M31.
    fn commits_in_order(&self) -> bool {
        true
    }

    /// Whether the leader steps down before its counter would run into the epoch.
    /// Counting on is mutation M19 (ZOOKEEPER-1277).
    fn steps_down_at_rollover(&self) -> bool {
        true
    }

    /// Whether a leader that hears of no quorum for syncLimit steps down. Staying is mutation M35.
    fn steps_down_without_quorum(&self) -> bool {
        true
    }

    /// Whether a new leader gives every session its full timeout. Giving none is mutation M37.
    fn renews_sessions(&self) -> bool {
        true
    }

    /// Whether the leader alone gives sessions up. Followers that do so for every session they
    /// know are mutation M36 (`session.expire_locally`).
    fn only_the_leader_expires(&self) -> bool {
        true
    }

    /// How many bytes of paths a closeSession lists at most; a longer list is left out, and each
    /// server finds the ephemerals in its tree. No limit is mutation M42 (ZOOKEEPER-4306).
    fn closing_list_max(&self) -> usize {
        CLOSING_LIST_MAX
    }

    /// Whether a sequential name gets its number from its parent in the tree. Counting in the
    /// leader's memory is mutation M40 (`seq.counter_local`).
    fn numbers_by_the_tree(&self) -> bool {
        true
    }

    // Clients.

    /// Whether a server that only reads, for want of a leader, logs nothing. Logging the end of its
    /// local sessions is mutation M28 (ZOOKEEPER-3526).
    fn read_only_logs_nothing(&self) -> bool {
        true
    }

    /// Whether the events of a transaction leave before the reply to it.
    /// The other order is mutation M38 (`watch.after_reply`).
    fn events_precede_replies(&self) -> bool {
        true
    }

    /// Whether a client that sets its watches again is told of what it missed. Only setting them
    /// is mutation M39 (`watch.lost_on_reconnect`).
    fn tells_what_was_missed(&self) -> bool {
        true
    }

    /// Whether the header of a reply says up to which transaction the server has gone. Naming the
    /// last transaction that the client itself asked for is mutation M27 (ZOOKEEPER-1412).
    fn headers_say_last_applied(&self) -> bool {
        true
    }

    // Single-decree Paxos.

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
