//! How a learner is brought to the leader's history: DIFF, TRUNC or SNAP.
//!
//! A pure decision over the window of recent transactions. Source: `LearnerHandler.syncFollower`;
//! the comparison by membership and not by numeric range is ZOOKEEPER-1154. A learner whose last
//! transaction lies inside the window and is not in it left this history where an epoch ended; it
//! gets SNAP as in Java, or is cut back to the last common transaction and gets the rest. That
//! this one is in its log, too, follows from Zab: a transaction of epoch e is logged only behind
//! the initial history of e, and every later leader has that.

use crate::config::CrossEpoch;
use crate::trace::SyncMode;
use crate::txn::LogRecord;
use crate::types::Zxid;
use alloc::vec::Vec;

/// The decision for one learner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyncPlan {
    /// Which packet begins it.
    pub mode: SyncMode,
    /// That packet's zxid: the last one to come (DIFF, SNAP), or the last that stays (TRUNC),
    /// behind which more may come.
    pub to: Zxid,
    /// Index into the records of the first transaction to send.
    pub from: usize,
}

/// By which rules it is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// What a learner gets that left this history inside the window.
    pub cross_epoch: CrossEpoch,
    /// Whether only a transaction of this history can be followed by the rest of it; false is a
    /// known bug.
    pub by_membership: bool,
}

/// Chooses for a learner whose last logged transaction is `peer`. `records` is the leader's recent
/// committed history without a gap; up to `applied` it is in the leader's tree, the rest waits for
/// the leader's disk. What is committed is never cut, applied here or not: the learner's copy may
/// be one of the quorum's.
pub fn plan(peer: Zxid, applied: Zxid, records: &[LogRecord], rules: Rules) -> SyncPlan {
    let last = records.last().map_or(applied, LogRecord::zxid);
    let none = records.len();
    if peer == last {
        return SyncPlan { mode: SyncMode::Diff, to: last, from: none };
    }
    if peer > last && peer.counter() != 0 {
        // What is beyond `last` was proposed in an epoch whose initial history this leader has,
        // so the learner's log holds `last` itself. `(e,0)`, which only data from Java can
        // report, is no record that a log could be cut behind.
        return SyncPlan { mode: SyncMode::Trunc, to: last, from: none };
    }
    match records.binary_search_by(|record| record.zxid().cmp(&peer)) {
        Ok(at) => SyncPlan { mode: SyncMode::Diff, to: last, from: at + 1 },
        Err(at) => match at.checked_sub(1).map(|before| records[before].zxid()) {
            Some(_) if !rules.by_membership => {
                SyncPlan { mode: SyncMode::Diff, to: last, from: at }
            }
            // A zxid `(e,0)` proves nothing of what is before it.
            Some(common) if rules.cross_epoch == CrossEpoch::TruncDiff && peer.counter() != 0 => {
                SyncPlan { mode: SyncMode::Trunc, to: common, from: at }
            }
            Some(_) | None => whole_tree(applied, records),
        },
    }
}

/// The recent history, `window`, and what the log holds before it, `older`; the window alone if the
/// two leave a gap. Up to `applied` it is in the leader's tree.
pub fn with_older(
    mut older: Vec<LogRecord>,
    window: Vec<LogRecord>,
    applied: Zxid,
) -> Vec<LogRecord> {
    let first = window.first().map(LogRecord::zxid);
    older.retain(|record| first.map_or(record.zxid() <= applied, |first| record.zxid() < first));
    let reaches = older.last().is_some_and(|last| match first {
        Some(first) => first.follows(last.zxid()),
        None => last.zxid() == applied,
    });
    if !reaches {
        return window;
    }
    older.extend(window);
    older
}

/// SNAP, whatever the learner has: the tree with every committed record in it, applied here yet or
/// not. It replaces the learner's log at once, and that may be one of the quorum's copies of them.
pub fn whole_tree(applied: Zxid, records: &[LogRecord]) -> SyncPlan {
    let to = records.last().map_or(applied, LogRecord::zxid);
    SyncPlan { mode: SyncMode::Snap, to, from: records.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::txn::{Txn, TxnHeader};
    use crate::types::{Epoch, SessionId, WallMs, Xid};
    use bytes::Bytes;

    fn z(epoch: u32, counter: u32) -> Zxid {
        Zxid::new(Epoch(epoch), counter)
    }

    fn window(zxids: &[Zxid]) -> Vec<LogRecord> {
        let record = |zxid: &Zxid| LogRecord {
            header: TxnHeader { session: SessionId(1), cxid: Xid(1), zxid: *zxid, time: WallMs(0) },
            txn: Txn::Error(-1),
            digest: None,
            encoded: Bytes::new(),
        };
        zxids.iter().map(record).collect()
    }

    fn plan(peer: Zxid, applied: Zxid, records: &[LogRecord]) -> SyncPlan {
        let rules = Rules { cross_epoch: CrossEpoch::Snap, by_membership: true };
        super::plan(peer, applied, records, rules)
    }

    fn classic(peer: Zxid, applied: Zxid, records: &[LogRecord]) -> SyncPlan {
        let rules = Rules { cross_epoch: CrossEpoch::TruncDiff, by_membership: true };
        super::plan(peer, applied, records, rules)
    }

    #[test]
    fn the_classic_rule_cuts_back_to_what_is_common() {
        let window = window(&[z(7, 3), z(8, 1), z(8, 2)]);
        let chosen = classic(z(7, 4), z(8, 2), &window);
        assert_eq!(chosen, SyncPlan { mode: SyncMode::Trunc, to: z(7, 3), from: 1 });
        // Without anything common in the window, or a record to cut behind, it is the tree.
        assert_eq!(classic(z(7, 2), z(8, 2), &window).mode, SyncMode::Snap);
        assert_eq!(classic(z(8, 0), z(8, 2), &window).mode, SyncMode::Snap);
    }

    #[test]
    fn a_learner_inside_the_window_gets_what_it_lacks() {
        let window = window(&[z(5, 1), z(5, 2), z(5, 3)]);
        let chosen = plan(z(5, 2), z(5, 3), &window);
        assert_eq!(chosen, SyncPlan { mode: SyncMode::Diff, to: z(5, 3), from: 2 });
        let equal = plan(z(5, 3), z(5, 3), &window);
        assert_eq!(equal, SyncPlan { mode: SyncMode::Diff, to: z(5, 3), from: 3 });
    }

    #[test]
    fn a_learner_ahead_is_cut() {
        let window = window(&[z(5, 1), z(5, 2), z(5, 3)]);
        let chosen = plan(z(5, 5), z(5, 3), &window);
        assert_eq!(chosen, SyncPlan { mode: SyncMode::Trunc, to: z(5, 3), from: 3 });
    }

    #[test]
    fn between_the_ends_is_not_inside() {
        // ZOOKEEPER-1154: (7,4) lies numerically between (7,3) and (8,1).
        let window = window(&[z(7, 3), z(8, 1)]);
        assert_eq!(plan(z(7, 4), z(8, 1), &window).mode, SyncMode::Snap);
    }

    #[test]
    fn without_a_proof_it_is_the_whole_tree() {
        assert_eq!(plan(z(0, 0), z(5, 3), &window(&[z(5, 3)])).mode, SyncMode::Snap);
        assert_eq!(plan(z(5, 2), z(5, 3), &window(&[])).mode, SyncMode::Snap);
        assert_eq!(plan(z(6, 0), z(5, 3), &window(&[z(5, 3)])).mode, SyncMode::Snap);
    }

    #[test]
    fn the_log_reaches_back_where_it_leaves_no_gap() {
        let zxids = |records: &[LogRecord]| records.iter().map(LogRecord::zxid).collect::<Vec<_>>();
        let recent = || window(&[z(5, 4), z(5, 5)]);
        let whole = with_older(window(&[z(5, 2), z(5, 3), z(5, 4)]), recent(), z(5, 5));
        assert_eq!(zxids(&whole), [z(5, 2), z(5, 3), z(5, 4), z(5, 5)]);
        assert_eq!(plan(z(5, 2), z(5, 5), &whole).mode, SyncMode::Diff);
        let gap = with_older(window(&[z(5, 1), z(5, 2)]), recent(), z(5, 5));
        assert_eq!(zxids(&gap), [z(5, 4), z(5, 5)]);
        // Right after a snapshot nothing is recent; what is not applied is not committed either.
        let alone = with_older(window(&[z(5, 4), z(5, 5), z(5, 6)]), Vec::new(), z(5, 5));
        assert_eq!(zxids(&alone), [z(5, 4), z(5, 5)]);
        assert!(with_older(window(&[z(5, 3), z(5, 4)]), Vec::new(), z(5, 5)).is_empty());
        assert!(with_older(Vec::new(), Vec::new(), z(5, 5)).is_empty());
    }

    #[test]
    fn what_is_committed_but_not_applied_is_not_cut() {
        let records = window(&[z(5, 1), z(5, 2), z(5, 3)]);
        let held = plan(z(5, 3), z(5, 1), &records);
        assert_eq!(held, SyncPlan { mode: SyncMode::Diff, to: z(5, 3), from: 3 });
        let ahead = plan(z(5, 4), z(5, 1), &records);
        assert_eq!(ahead, SyncPlan { mode: SyncMode::Trunc, to: z(5, 3), from: 3 });
        let behind = plan(z(4, 9), z(5, 1), &records);
        assert_eq!(behind, SyncPlan { mode: SyncMode::Snap, to: z(5, 3), from: 3 });
    }
}
