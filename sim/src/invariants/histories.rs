//! All histories that any log ever held, as one tree of transactions.
//!
//! A [`History`] is a path from the root, named by its last transaction. So a server's log is one
//! number, an append is one lookup, and two logs agree up to a transaction exactly when it is the
//! same node for both: log matching (Z13) is a property of the tree and needs no comparison.
//! Deliberately not here: which server holds what, see `facts.rs`.
//! Source: Ongaro's log matching, applied to Zab's contiguous logs (ZOOKEEPER-4925).

use std::hash::{Hash, Hasher};

use zablab_core::sorted::SortedMap;
use zablab_core::txn::LogRecord;
use zablab_core::types::Zxid;

use crate::fingerprint::Fnv;

/// A sequence of transactions from the first one on, by its place in [`Histories`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub(super) struct History(u32);

impl History {
    /// The history without a transaction.
    pub(super) const EMPTY: History = History(0);
}

/// Two logs that disagree about a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Conflict {
    /// Equal zxid, other bytes.
    Content,
    /// The same transaction after another one; in the first log it came after this one.
    Before {
        /// What precedes it where it was seen first.
        first: Zxid,
    },
}

#[derive(Clone, Debug)]
struct Node {
    zxid: Zxid,
    /// A hash of its bytes; `None` if only a snapshot showed that it exists.
    content: Option<u64>,
    parent: History,
    /// A shorter history with which this one begins: the way back in few steps (Myers 1983).
    jump: History,
    /// The earliest node from which to this one each is the parent of the next in `nodes`.
    run: History,
    len: u32,
    /// A hash of all its transactions, which does not depend on what was seen before.
    digest: u64,
    /// True if what came before it is in a snapshot, so the tree does not know its parent.
    after_snapshot: bool,
    /// The next node of the same zxid; there is one only after a conflict.
    twin: Option<History>,
}

/// The tree.
#[derive(Clone, Debug)]
pub(super) struct Histories {
    nodes: Vec<Node>,
    first_of: SortedMap<Zxid, History>,
}

impl Histories {
    /// Only the empty history.
    pub(super) fn new() -> Self {
        let root = Node {
            zxid: Zxid::ZERO,
            content: None,
            parent: History::EMPTY,
            jump: History::EMPTY,
            run: History::EMPTY,
            len: 0,
            digest: 0,
            after_snapshot: false,
            twin: None,
        };
        let first_of = SortedMap::from([(Zxid::ZERO, History::EMPTY)]);
        Histories { nodes: vec![root], first_of }
    }

    /// The last transaction of a history.
    pub(super) fn last(&self, history: History) -> Zxid {
        self.node(history).zxid
    }

    /// How many transactions of it are known.
    pub(super) fn len(&self, history: History) -> usize {
        self.node(history).len as usize
    }

    /// A hash of what is in it.
    pub(super) fn digest(&self, history: History) -> u64 {
        self.node(history).digest
    }

    /// A hash of all histories that were ever seen, in whatever order.
    pub(super) fn digest_of_all(&self) -> u64 {
        self.nodes.iter().fold(0, |sum, node| sum.wrapping_add(node.digest))
    }

    /// Without the last transaction; the empty history stays empty.
    pub(super) fn parent(&self, history: History) -> History {
        self.node(history).parent
    }

    /// True if `long` begins with `short`.
    pub(super) fn is_prefix(&self, short: History, long: History) -> bool {
        self.prefix_of_len(long, self.len(short)) == Some(short)
    }

    /// The first `len` transactions of a history, if it has so many.
    fn prefix_of_len(&self, history: History, len: usize) -> Option<History> {
        let shorter = self.len(history).checked_sub(len)?;
        if let Some(at) = self.in_run(history, shorter) {
            return Some(at);
        }
        let at = self.longest(history, |beginning| self.len(beginning) <= len);
        (self.len(at) == len).then_some(at)
    }

    /// A history without so many transactions at its end, if each was added behind the one before:
    /// then no search is needed.
    fn in_run(&self, history: History, shorter: usize) -> Option<History> {
        let at = (history.0 as usize).checked_sub(shorter)?;
        (at >= self.node(history).run.0 as usize).then_some(History(at as u32))
    }

    /// The longest beginning of a history of which something is true that is true of the empty
    /// history, and of every beginning of what it is true of. Costs O(log n) looks.
    pub(super) fn longest(&self, history: History, is_so: impl Fn(History) -> bool) -> History {
        let mut at = history;
        while !is_so(at) {
            let Node { parent, jump, .. } = *self.node(at);
            at = if is_so(jump) { parent } else { jump };
        }
        at
    }

    /// The part of a history that ends with this transaction, if it is in it.
    pub(super) fn up_to(&self, history: History, zxid: Zxid) -> Option<History> {
        let last = self.last(history);
        if last.epoch() == zxid.epoch() && last >= zxid {
            let shorter = (last.counter() - zxid.counter()) as usize;
            let at = self.in_run(history, shorter).filter(|at| self.last(*at) == zxid);
            if at.is_some() {
                return at;
            }
        }
        let at = self.cut(history, zxid);
        (self.last(at) == zxid).then_some(at)
    }

    /// A history without everything after `zxid`. Zxids rise along a history, or Z15 is broken.
    pub(super) fn cut(&self, history: History, zxid: Zxid) -> History {
        self.longest(history, |beginning| self.last(beginning) <= zxid)
    }

    /// The history that ended with this transaction when it was first seen.
    pub(super) fn first_with(&self, zxid: Zxid) -> Option<History> {
        self.first_of.get(&zxid).copied()
    }

    /// A history and one transaction more, and how that disagrees with what was seen before.
    pub(super) fn append(
        &mut self,
        history: History,
        zxid: Zxid,
        content: u64,
    ) -> (History, Option<Conflict>) {
        let Some(first) = self.first_with(zxid) else {
            return (self.add(history, zxid, Some(content), false), None);
        };
        let mut at = first;
        loop {
            let node = &mut self.nodes[at.0 as usize];
            let fits = node.parent == history || node.after_snapshot;
            if fits && node.content.is_none_or(|known| known == content) {
                node.content = Some(content);
                return (at, None);
            }
            let Some(twin) = node.twin else { break };
            at = twin;
        }
        let conflict = if self.node(first).content == Some(content) {
            Conflict::Before { first: self.last(self.parent(first)) }
        } else {
            Conflict::Content
        };
        let fork = self.add(history, zxid, Some(content), false);
        self.nodes[at.0 as usize].twin = Some(fork);
        (fork, Some(conflict))
    }

    /// The history that a snapshot as of this transaction stands for.
    pub(super) fn of_snapshot(&mut self, zxid: Zxid) -> History {
        match self.first_with(zxid) {
            Some(history) => history,
            None => self.add(History::EMPTY, zxid, None, true),
        }
    }

    /// A history that goes on with a snapshot of a later transaction; what is between is skipped.
    pub(super) fn jump(&mut self, history: History, zxid: Zxid) -> History {
        self.add(history, zxid, None, true)
    }

    /// True if it is not known what came before the last transaction of it.
    pub(super) fn begins_unknown(&self, history: History) -> bool {
        self.node(history).after_snapshot
    }

    /// The history of a disk that nothing is known about but what recovery read from it: its last
    /// records, and its oldest snapshot.
    pub(super) fn of_disk(&mut self, last: Zxid, oldest: Zxid, recent: &[LogRecord]) -> History {
        let Some(first) = recent.first() else {
            return self.of_snapshot(last);
        };
        let (zxid, content) = (first.zxid(), hash_of(&first.encoded));
        let start = match self.first_with(zxid) {
            Some(history) if self.node(history).content == Some(content) => history,
            // In one epoch nothing can be between them. Behind an earlier one there may be records
            // that recovery did not keep.
            _ if zxid.epoch() == oldest.epoch() && zxid.follows(oldest) => {
                let snapshot = self.of_snapshot(oldest);
                self.append(snapshot, zxid, content).0
            }
            Some(_) => self.append(History::EMPTY, zxid, content).0,
            None => self.add(History::EMPTY, zxid, Some(content), true),
        };
        recent[1..].iter().fold(start, |history, record| {
            self.append(history, record.zxid(), hash_of(&record.encoded)).0
        })
    }

    /// True if these records, oldest first, are the end of this history.
    pub(super) fn ends_with(&self, history: History, recent: &[LogRecord]) -> bool {
        let mut at = history;
        for record in recent.iter().rev() {
            let node = self.node(at);
            if at == History::EMPTY || node.zxid != record.zxid() {
                return false;
            }
            if node.content.is_some_and(|known| known != hash_of(&record.encoded)) {
                return false;
            }
            if node.after_snapshot {
                return true;
            }
            at = node.parent;
        }
        true
    }

    fn add(
        &mut self,
        parent: History,
        zxid: Zxid,
        content: Option<u64>,
        after_snapshot: bool,
    ) -> History {
        let history = History(self.nodes.len() as u32);
        let len = self.node(parent).len + 1;
        let mut hasher = Fnv::default();
        (self.digest(parent), zxid, content).hash(&mut hasher);
        let digest = hasher.finish();
        let jump = self.jump_behind(parent);
        let run = if parent.0 + 1 == history.0 { self.node(parent).run } else { history };
        let twin = None;
        let node = Node { zxid, content, parent, jump, run, len, digest, after_snapshot, twin };
        self.nodes.push(node);
        self.first_of.entry(zxid).or_insert(history);
        history
    }

    /// Where one transaction more than `parent` jumps to: as far as two equal jumps of `parent`,
    /// if its first two are equal.
    fn jump_behind(&self, parent: History) -> History {
        let near = self.node(parent).jump;
        let far = self.node(near).jump;
        let (len, near_len, far_len) = (self.len(parent), self.len(near), self.len(far));
        if len - near_len == near_len - far_len { far } else { parent }
    }

    fn node(&self, history: History) -> &Node {
        &self.nodes[history.0 as usize]
    }
}

/// FNV-1a, 64 bits: two transactions with equal zxid and equal hash are taken for equal.
pub(super) fn hash_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zablab_core::txn::{Txn, TxnHeader};
    use zablab_core::types::{Epoch, SessionId, WallMs, Xid};
    use zablab_core::wire::txn;

    use super::*;

    #[derive(Clone, Debug)]
    enum Op {
        /// A transaction that no log has yet.
        Propose { log: usize },
        /// The next transaction of another log, if this one is the beginning of it.
        Copy { log: usize, from: usize },
        /// All after the first so many go.
        Cut { log: usize, keep: usize },
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            (0..3usize).prop_map(|log| Op::Propose { log }),
            (0..3usize, 0..3usize).prop_map(|(log, from)| Op::Copy { log, from }),
            (0..3usize, 0..9usize).prop_map(|(log, keep)| Op::Cut { log, keep }),
        ]
    }

    fn records(zxids: &[(u32, u32)]) -> Vec<LogRecord> {
        let record = |(epoch, counter): &(u32, u32)| {
            let (session, cxid, time) = (SessionId(1), Xid(0), WallMs(0));
            let header =
                TxnHeader { session, cxid, zxid: Zxid::new(Epoch(*epoch), *counter), time };
            let session = Txn::CreateSession { timeout_ms: 4000 };
            txn::decode(txn::encode(&header, &session, None)).expect("a record")
        };
        zxids.iter().map(record).collect()
    }

    #[test]
    fn a_disk_begins_behind_its_snapshot_only_where_nothing_can_be_between() {
        let mut histories = Histories::new();
        let snapshot = Zxid::new(Epoch(2), 3);
        let disk = records(&[(2, 4), (2, 5)]);
        let log = histories.of_disk(disk[1].zxid(), snapshot, &disk);
        assert_eq!(histories.last(histories.cut(log, snapshot)), snapshot);
        // Of this log, recovery kept what another server has behind (6,1).
        let kept = records(&[(7, 1), (7, 2)]);
        let long = histories.of_disk(kept[1].zxid(), snapshot, &kept);
        let before = histories.of_snapshot(Zxid::new(Epoch(6), 1));
        let content = hash_of(&kept[0].encoded);
        let (other, conflict) = histories.append(before, kept[0].zxid(), content);
        assert_eq!((conflict, histories.parent(long)), (None, other));
    }

    proptest! {
        /// The tree says of logs what comparing them as lists says.
        #[test]
        fn agrees_with_lists(ops in proptest::collection::vec(op(), 0..80)) {
            let mut histories = Histories::new();
            let mut lists: [Vec<Zxid>; 3] = Default::default();
            let mut logs = [History::EMPTY; 3];
            for (i, op) in (1..).zip(ops) {
                let (log, zxid) = match op {
                    Op::Propose { log } => (log, Zxid::new(Epoch(i / 8), i)),
                    Op::Copy { log, from } => {
                        if !lists[from].starts_with(&lists[log]) {
                            continue;
                        }
                        let Some(zxid) = lists[from].get(lists[log].len()) else { continue };
                        (log, *zxid)
                    }
                    Op::Cut { log, keep } => {
                        lists[log].truncate(keep);
                        let last = lists[log].last().copied().unwrap_or_default();
                        logs[log] = histories.cut(logs[log], last);
                        continue;
                    }
                };
                lists[log].push(zxid);
                let (longer, conflict) = histories.append(logs[log], zxid, zxid.0);
                prop_assert_eq!(conflict, None);
                logs[log] = longer;
            }
            for (a, list_a) in logs.into_iter().zip(&lists) {
                prop_assert_eq!(histories.len(a), list_a.len());
                prop_assert_eq!(histories.last(a), list_a.last().copied().unwrap_or_default());
                for (b, list_b) in logs.into_iter().zip(&lists) {
                    for zxid in list_b {
                        let found = histories.up_to(a, *zxid).map(|at| histories.last(at));
                        prop_assert_eq!(found, list_a.contains(zxid).then_some(*zxid));
                    }
                    prop_assert_eq!(histories.is_prefix(a, b), list_b.starts_with(list_a));
                }
            }
        }
    }
}
