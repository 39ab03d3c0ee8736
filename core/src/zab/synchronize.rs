//! A learner is brought to the leader's history: DIFF, TRUNC or SNAP.
//!
//! What it gets is decided in [`super::sync_plan`], from the window of recent transactions. Where
//! that would be the whole tree only because the window does not reach back far enough, the log is
//! read first, unless what it would give is large beside the tree (`snapshotSizeFactor`).
//! Source: ZooKeeper's `LearnerHandler.syncFollower`; ZOOKEEPER-1413 for the log.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::limits::LOG_DIFF_BYTES_MIN;
use crate::policy::Policy;
use crate::process::{Effect, Out};
use crate::shared::Shared;
use crate::trace::{Event, SyncMode};
use crate::tree::Database;
use crate::txn::LogRecord;
use crate::types::{ConnId, Zxid};
use crate::zab::leader::{Held, Leader, Progress, Stage};
use crate::zab::packet::{self, send};
use crate::zab::sync_plan::{Rules, plan, whole_tree, with_older};

impl Leader {
    /// The learner acknowledged the epoch and ends at `peer_last`.
    pub(super) fn synchronize<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        conn: ConnId,
        peer_last: Zxid,
        out: &mut Out<Effect>,
    ) {
        let records = self.committed_records(shared);
        let first = records.first().map_or(shared.database.last_zxid, LogRecord::zxid);
        let chosen = plan(peer_last, shared.database.last_zxid, &records, rules(shared));
        let percent = u64::from(shared.config.log_diff_percent);
        let limit = shared.database.tree.data_size() * percent / 100;
        // `(e,0)` is no record, so no log holds it.
        let may_be_older = peer_last < first && peer_last.counter() != 0;
        if chosen.mode == SyncMode::Snap
            && may_be_older
            && limit >= LOG_DIFF_BYTES_MIN
            && let Some(handler) = self.learners.get_mut(&conn)
        {
            handler.progress = Progress::Reading { last: peer_last };
            return out.push(Effect::ReadLog { conn, from: peer_last, limit });
        }
        self.send_history(shared, conn, peer_last, &records, out);
    }

    /// What the log holds behind a learner's last transaction, which is the first of `older`.
    pub fn on_log_read<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        conn: ConnId,
        older: Option<Vec<LogRecord>>,
        out: &mut Out<Effect>,
    ) {
        let Some(handler) = self.learners.get(&conn) else { return };
        let Progress::Reading { last } = handler.progress else { return };
        let learner = handler.sid;
        let found = older.as_ref().map_or(0, Vec::len);
        let records = u32::try_from(found).unwrap_or(u32::MAX);
        out.milestone(Event::LogRead { learner, peer_last: last, records });
        let window = self.committed_records(shared);
        let records = with_older(older.unwrap_or_default(), window, shared.database.last_zxid);
        self.send_history(shared, conn, last, &records, out);
    }

    /// The recent committed history, also what is not applied here yet.
    fn committed_records<P: Policy>(&self, shared: &Shared<P>) -> Vec<LogRecord> {
        let mut records: Vec<LogRecord> = shared.history.applied().iter().cloned().collect();
        if let Stage::Broadcast(broadcast) = &self.stage {
            records.extend(broadcast.unapplied(shared).cloned());
        }
        records
    }

    /// Sends a learner what it lacks, and from then on everything new: reading the history and
    /// registering for what follows are one step (ZOOKEEPER-962), and NEWLEADER comes behind the
    /// snapshot (ZOOKEEPER-3104).
    fn send_history<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        conn: ConnId,
        peer_last: Zxid,
        records: &[LogRecord],
        out: &mut Out<Effect>,
    ) {
        let Some(handler) = self.learners.get_mut(&conn) else { return };
        let sid = handler.sid;
        let mut plan = plan(peer_last, shared.database.last_zxid, records, rules(shared));
        if plan.mode == SyncMode::Trunc
            && shared.told_to_cut.insert(sid, peer_last) == Some(peer_last)
        {
            // It comes back with the same log: it could not cut it.
            plan = whole_tree(shared.database.last_zxid, records);
        }
        let entries = u32::try_from(records.len() - plan.from).unwrap_or(u32::MAX);
        let (mode, to) = (plan.mode, plan.to);
        out.milestone(Event::SyncChosen { learner: sid, peer_last, mode, to, entries });
        send(conn, sid, &packet::sync_header(mode, to), out);
        match mode {
            SyncMode::Diff => shared.stats.syncs_diff += 1,
            SyncMode::Trunc => shared.stats.syncs_trunc += 1,
            SyncMode::Snap => {
                shared.stats.syncs_snap += 1;
                out.push(Effect::SendSnapshot {
                    conn,
                    state: Box::new(tree_with(shared, records)),
                });
            }
        }
        for record in &records[plan.from..] {
            send(conn, sid, &packet::proposal(record), out);
            send(conn, sid, &packet::commit(record.zxid()), out);
        }
        if shared.policy.registers_with_reading() {
            if let Stage::Broadcast(broadcast) = &mut self.stage {
                broadcast.forward_open(shared, conn, handler, out);
            }
            self.register(shared, conn, out);
        } else {
            self.held.push_back((shared.disk.issued(), Held::Registration(conn)));
        }
    }

    /// From here on the learner gets everything new; NEWLEADER closes what it got before.
    pub(super) fn register<P: Policy>(
        &mut self,
        shared: &Shared<P>,
        conn: ConnId,
        out: &mut Out<Effect>,
    ) {
        let Some(handler) = self.learners.get_mut(&conn) else { return };
        handler.progress = Progress::Synchronizing;
        let sid = handler.sid;
        // A configuration that is only proposed comes behind it, as a proposal (unlike Java, where
        // UPTODATE would put it in force before it is committed).
        let mut config = shared.last_seen();
        let epoch = match &self.stage {
            Stage::Broadcast(broadcast) => {
                config = shared.ensemble();
                broadcast.epoch
            }
            Stage::Discovery { .. } => unreachable!("no learner is synchronized before the epoch"),
            Stage::Promising { epoch, .. }
            | Stage::Adopting { epoch, .. }
            | Stage::Synchronization { epoch, .. } => *epoch,
        };
        send(conn, sid, &packet::new_leader(epoch, config), out);
    }
}

/// Tree and sessions with these committed records, those included that wait for the own disk.
fn tree_with<P: Policy>(shared: &Shared<P>, records: &[LogRecord]) -> Database {
    let mut state = shared.database.clone();
    if shared.policy.snap_names_its_tree() {
        let applied = state.last_zxid;
        for record in records.iter().filter(|record| record.zxid() > applied) {
            state.apply(&record.header, &record.txn);
        }
    }
    state
}

fn rules<P: Policy>(shared: &Shared<P>) -> Rules {
    Rules {
        cross_epoch: shared.config.cross_epoch,
        by_membership: shared.policy.syncs_by_membership(),
    }
}
