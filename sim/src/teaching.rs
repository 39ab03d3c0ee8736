//! The protocol with chosen bugs in it, to teach what they break and to prove that it is seen.
//!
//! Each bug is a mutation of part C of the correctness notes, by its number there. Bugs of a disk
//! or a link are no policy; they are faults ([`crate::Fault`]).

use std::fmt;
use std::str::FromStr;

use zablab_core::policy::{Correct, Policy};

macro_rules! bugs {
    ($($(#[$text:meta])* $bug:ident $name:literal,)*) => {
        /// A bug that can be switched on.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        pub enum Bug {
            $($(#[$text])* $bug,)*
        }

        impl Bug {
            /// Every bug that there is.
            pub const ALL: &'static [Bug] = &[$(Bug::$bug),*];

            /// Its number.
            pub fn name(self) -> &'static str {
                match self {
                    $(Bug::$bug => $name,)*
                }
            }
        }
    };
}

bugs! {
    /// M01 `follower.epoch_before_log` (ZOOKEEPER-4643): currentEpoch before the history it claims.
    M01 "M01",
    /// M02 `follower.ack_newleader_before_fsync` (ZOOKEEPER-3911, 4646).
    M02 "M02",
    /// M03 `follower.apply_uncommitted_drop_queue` (ZOOKEEPER-4394): all proposals before NEWLEADER
    /// are taken for committed.
    M03 "M03",
    /// M04 `follower.ack_proposal_before_newleader_ack` (ZOOKEEPER-4685).
    M04 "M04",
    /// M05 `shutdown.leave_log_writer` (ZOOKEEPER-4712, 4541): the last role's writes go on.
    M05 "M05",
    /// M06 `db.retain_without_fastforward` (ZOOKEEPER-2845): the tree stays behind the log.
    M06 "M06",
    /// M07 `sync.set_lastzxid_to_diff_end` (ZOOKEEPER-2355): a DIFF counts before it has come.
    M07 "M07",
    /// M08 `sync.keep_partial_snap` (ZOOKEEPER-3642): a SNAP counts in memory before NEWLEADER.
    M08 "M08",
    /// M09 `sync.newleader_before_snapshot_end` (ZOOKEEPER-3104): a tree under a later zxid.
    M09 "M09",
    /// M10 `truncate.ignore_error` (ZOOKEEPER-3701): the log is not cut, and nobody notices.
    M10 "M10",
    /// M11 `sync.numeric_range_only` (ZOOKEEPER-1154): between the ends is taken for inside.
    M11 "M11",
    /// M12 `sync.snap_keeps_old_log` (ZOOKEEPER-2832): a snapshot on top of an old log.
    M12 "M12",
    /// M13 `leader.accepted_epoch_late` (ZOOKEEPER-1291).
    M13 "M13",
    /// M14 `follower.epoch_at_uptodate` (ZOOKEEPER-1282): currentEpoch after ACK NEWLEADER.
    M14 "M14",
    /// M15 `epoch.memory_before_file` (ZOOKEEPER-2307): a failed write of an epoch is survived.
    M15 "M15",
    /// M16 `db.commit_skips_committedlog` (ZOOKEEPER-4925): a hole in the window for DIFF.
    M16 "M16",
    /// M17 `disk.survive_fsync_error` (ZOOKEEPER-4882): a failed sync of the log is survived.
    M17 "M17",
    /// M18 `broadcast.use_acked_set` (TLA+ issue 1): proposals only to who acknowledged NEWLEADER.
    M18 "M18",
    /// M18c TLA+ issue 3: commits only to who acknowledged NEWLEADER.
    M18c "M18c",
    /// M19 `zxid.rollover_ignored` (ZOOKEEPER-1277): the counter runs into the epoch.
    M19 "M19",
    /// M20 `leader.early_lastzxid` (ZOOKEEPER-790): the new epoch counts as history at once.
    M20 "M20",
    /// M21 `sync.forward_not_atomic` (ZOOKEEPER-962): a learner is registered after it was read to.
    M21 "M21",
    /// M22 `fle.compare_full_vote_out_of_election` (ZOOKEEPER-1732, 1805, 1818).
    M22 "M22",
    /// M23 `fle.no_checkleader`: whom followers name is followed, though it says nothing itself.
    M23 "M23",
    /// M24 `fle.no_finalize_wait`: the first quorum decides. Breaks nothing by itself.
    M24 "M24",
    /// M24b `leader.skip_summary_check`: a learner with a more recent history is led all the same.
    M24b "M24b",
    /// M25 `snapshot.lastzxid_before_session` (ZOOKEEPER-3144): a snapshot without its session.
    M25 "M25",
    /// M26 `recover.trust_missing_snapshot` (ZOOKEEPER-2325): the log on top of an empty tree.
    M26 "M26",
    /// M27 `client.header_zxid_of_request` (ZOOKEEPER-1412): clients learn too little of the time.
    M27 "M27",
    /// M28 `readonly.writes_log` (ZOOKEEPER-3526): a transaction without a leader.
    M28 "M28",
    /// M29 `leader.count_observer_ack`: observers are counted.
    M29 "M29",
    /// M30 `quorum.half`: half of the voters are taken for a quorum.
    M30 "M30",
    /// M31 `leader.commit_out_of_order`.
    M31 "M31",
    /// M32 `follower.ack_on_receive`: an ACK does not wait for the disk.
    M32 "M32",
    /// M33 `leader.count_own_ack_before_fsync`: nor does the leader's own.
    M33 "M33",
    /// M34 `follower.accept_older_epoch`: a promise is not kept.
    M34 "M34",
    /// M35 `sync.read_from_deposed_leader_ok`: a leader without a quorum does not step down.
    M35 "M35",
    /// M36 `session.expire_locally`: followers give sessions up.
    M36 "M36",
    /// M37 `session.reset_not_on_leader_change`: sessions expire because of an election.
    M37 "M37",
    /// M38 `watch.after_reply`: a client sees a change before it is told of it.
    M38 "M38",
    /// M39 `watch.lost_on_reconnect`: what happened while a client was away is not told.
    M39 "M39",
    /// M40 `seq.counter_local`: each leader numbers sequential names from 0.
    M40 "M40",
    /// M41 `acl.refcount_after_snap` (ZOOKEEPER-3306): access lists are forgotten that are in use.
    M41 "M41",
    /// M42 `closesession.too_big` (ZOOKEEPER-4306): a packet that nobody can read.
    M42 "M42",
    /// M43 `acceptor.thread_dies_silently` (ZOOKEEPER-4203): the leader accepts no learner more.
    M43 "M43",
    /// M44 `paxos.value_only_read`: a read compares values and not numbers.
    M44 "M44",
    /// M45 `paxos.promise_not_durable`: a promise is written but not synced.
    M45 "M45",
    /// M46 `paxos.number_reuse`: a proposer forgets its last number in a restart.
    M46 "M46",
    /// M47 `truncate.no_fsync`: a cut comes back.
    M47 "M47",
    /// M48: every vote that comes in begins the wait of an election anew, as in ZooKeeper 3.9.
    M48 "M48",
    /// M49: a change of the ensemble needs a quorum of the new configuration only.
    M49 "M49",
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// There is no bug of this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no bug is called {name:?}; there are {}", names())]
pub struct NoSuchBug {
    /// The name.
    pub name: String,
}

fn names() -> String {
    Bug::ALL.iter().map(|bug| bug.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Bug {
    type Err = NoSuchBug;

    fn from_str(name: &str) -> Result<Bug, NoSuchBug> {
        let is_it = |bug: &&Bug| bug.name().eq_ignore_ascii_case(name);
        let found = Bug::ALL.iter().find(is_it).copied();
        found.ok_or_else(|| NoSuchBug { name: name.to_owned() })
    }
}

/// A set of bugs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct BugSet(u64);

impl BugSet {
    /// This set and one more bug.
    #[must_use]
    pub fn with(self, bug: Bug) -> BugSet {
        BugSet(self.0 | 1 << bug as u32)
    }

    /// True if the bug is in the set.
    pub fn has(self, bug: Bug) -> bool {
        self.0 >> bug as u32 & 1 == 1
    }

    /// Its bugs, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Bug> {
        Bug::ALL.iter().copied().filter(move |bug| self.has(*bug))
    }
}

/// The correct protocol, except for the bugs of its set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Teaching {
    /// Which bugs are on.
    pub bugs: BugSet,
}

/// Each question of the policy with the bug that answers it with no.
macro_rules! denied {
    ($($question:ident by $bug:ident,)*) => {
        $(
            fn $question(&self) -> bool {
                Correct.$question() && !self.bugs.has(Bug::$bug)
            }
        )*
    };
}

impl Policy for Teaching {
    denied! {
        ack_waits_for_sync by M32,
        own_ack_waits_for_sync by M33,
        cut_is_synced by M47,
        starts_from_a_snapshot by M26,
        snapshot_holds_its_zxid by M25,
        leads_with_its_log by M20,
        snap_names_its_tree by M09,
        keeps_accepting by M43,
        only_the_leader_expires by M36,
        numbers_by_the_tree by M40,
        events_precede_replies by M38,
        tells_what_was_missed by M39,
        headers_say_last_applied by M27,
        newleader_ack_waits_for_sync by M02,
        promise_waits_for_sync by M13,
        history_precedes_epoch by M01,
        adopts_before_ack by M14,
        stops_on_failed_epoch by M15,
        stops_on_failed_sync by M17,
        stops_on_failed_cut by M10,
        waits_for_the_log_writer by M05,
        takes_in_the_log by M06,
        counts_what_is_logged by M07,
        keeps_snap_aside by M08,
        snap_retires_the_log by M12,
        counts_users_of_lists by M41,
        syncs_by_membership by M11,
        window_has_what_was_synced by M16,
        registers_with_reading by M21,
        keeps_uncommitted_aside by M03,
        newleader_ack_comes_first by M04,
        keeps_promises by M34,
        refuses_more_recent by M24b,
        waits_for_better_votes by M24,
        asks_on_time by M48,
        joins_by_leader_and_epoch by M22,
        asks_the_leader by M23,
        only_voters_count by M29,
        reconfigures_by_both by M49,
        proposes_to_all_asked by M18,
        commits_to_all_asked by M18c,
        commits_in_order by M31,
        steps_down_at_rollover by M19,
        steps_down_without_quorum by M35,
        renews_sessions by M37,
        read_only_logs_nothing by M28,
    }

    fn majority(&self, whole: u64) -> u64 {
        match self.bugs.has(Bug::M30) {
            true => whole / 2,
            false => Correct.majority(whole),
        }
    }

    fn closing_list_max(&self) -> usize {
        match self.bugs.has(Bug::M42) {
            true => usize::MAX,
            false => Correct.closing_list_max(),
        }
    }

    fn paxos_read_compares_numbers(&self) -> bool {
        Correct.paxos_read_compares_numbers() && !self.bugs.has(Bug::M44)
    }

    fn paxos_promise_is_synced(&self) -> bool {
        Correct.paxos_promise_is_synced() && !self.bugs.has(Bug::M45)
    }

    fn paxos_number_is_durable(&self) -> bool {
        Correct.paxos_number_is_durable() && !self.bugs.has(Bug::M46)
    }
}
