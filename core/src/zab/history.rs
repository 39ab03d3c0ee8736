//! What this server has of the history in memory: the recent transactions that are applied
//! (`committedLog`, the window for DIFF) and those that are in the log but not applied yet.
//!
//! There is one way in and one way through, so the window never has a hole (ZOOKEEPER-4925).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::txn::LogRecord;
use crate::types::Zxid;

/// The recent end of the history.
#[derive(Clone, Debug, Hash)]
pub struct History {
    applied: VecDeque<LogRecord>,
    pending: VecDeque<LogRecord>,
    window: usize,
}

impl History {
    /// From what recovery replayed. `window` is the number of applied transactions kept; the last
    /// one is kept always.
    pub fn new(recent: Vec<LogRecord>, window: usize) -> History {
        let mut history =
            History { applied: VecDeque::from(recent), pending: VecDeque::new(), window };
        history.trim();
        history
    }

    /// Recent applied transactions, oldest first, without a gap.
    pub fn applied(&self) -> &VecDeque<LogRecord> {
        &self.applied
    }

    /// In the log, not applied, oldest first.
    pub fn pending(&self) -> &VecDeque<LogRecord> {
        &self.pending
    }

    /// A transaction was handed to the log.
    pub fn push(&mut self, record: LogRecord) {
        if let Some(last) = self.pending.back() {
            assert!(record.zxid() > last.zxid(), "a log goes back");
        }
        self.pending.push_back(record);
    }

    /// The next transaction to apply, if it is not after `limit`; it moves into the window, which
    /// begins anew behind a hole unless it need not be `whole`.
    pub fn take_through(&mut self, limit: Zxid, whole: bool) -> Option<&LogRecord> {
        let record = self.pending.pop_front_if(|record| record.zxid() <= limit)?;
        if let Some(last) = self.applied.back()
            && !record.zxid().follows(last.zxid())
            && whole
        {
            // Only histories that Java wrote can have this (it may skip a counter after a failed
            // append); a DIFF must not span the hole.
            self.applied.clear();
        }
        self.applied.push_back(record);
        self.trim();
        self.applied.back()
    }

    /// What is in the log and not applied is of no more concern.
    pub fn forget_pending(&mut self) {
        self.pending.clear();
    }

    /// What was applied after `zxid` leaves the window.
    pub fn forget_after(&mut self, zxid: Zxid) {
        self.applied.retain(|record| record.zxid() <= zxid);
    }

    /// Another history replaces this one (SNAP, or a reload after TRUNC).
    pub fn replace(&mut self, recent: Vec<LogRecord>) {
        *self = History::new(recent, self.window);
    }

    fn trim(&mut self) {
        let excess = self.applied.len().saturating_sub(self.window.max(1));
        self.applied.drain(..excess);
    }
}
