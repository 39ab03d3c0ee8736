//! Containers and znodes with a time to live: the leader finds those whose time is over, and
//! deletes them, not too many at once.
//!
//! Whether one is due is decided by the leader's clock alone; the others apply the deletion.
//! Source: Java's `ContainerManager`.

use alloc::collections::VecDeque;

use crate::config::Reaping;
use crate::tree::{DataTree, Owner, Znode};
use crate::types::{Mono, Now, Path, WallMs};

/// What a leader, or a standalone server, keeps in mind of it.
#[derive(Clone, Debug, Hash)]
pub struct Reaper {
    rules: Reaping,
    /// When it searches again, or deletes the next one that it found.
    next: Mono,
    /// Found and not deleted yet.
    found: VecDeque<Path>,
}

impl Reaper {
    /// Searches for the first time after one interval.
    pub fn new(rules: Reaping, now: Mono) -> Reaper {
        Reaper { rules, next: now.plus_ms(rules.check_interval_ms), found: VecDeque::new() }
    }

    /// When something may be due; never while the tree has none of these znodes.
    pub fn deadline(&self, tree: &DataTree) -> Option<Mono> {
        tree.reapable().next().map(|_| self.next)
    }

    /// The next znode to delete, if it is time. To be asked until there is none.
    pub fn take_due(&mut self, now: Now, tree: &DataTree) -> Option<Path> {
        if now.mono < self.next {
            return None;
        }
        let is_due =
            |path: &Path| tree.get(path).is_some_and(|znode| is_over(znode, now.wall, self.rules));
        if self.found.is_empty() {
            self.found = tree.reapable().filter(|path| is_due(path)).cloned().collect();
        }
        // What was found may have got a child or new data since.
        self.found.retain(|path| is_due(path));
        let due = self.found.pop_front();
        let pause = match self.found.is_empty() {
            true => self.rules.check_interval_ms,
            false => 60_000 / u64::from(self.rules.max_per_minute.max(1)),
        };
        self.next = now.mono.plus_ms(pause);
        due
    }
}

/// Whether nobody needs the znode any more.
fn is_over(znode: &Znode, now: WallMs, rules: Reaping) -> bool {
    let age_ms = now.0.saturating_sub(znode.mtime.0);
    let is_unused_for = |ms: u64| ms > 0 && i64::try_from(ms).is_ok_and(|ms| age_ms > ms);
    znode.children == 0
        && match znode.owner() {
            Owner::Container => znode.cversion > 0 || is_unused_for(rules.max_never_used_ms),
            Owner::Ttl(ms) => age_ms > ms,
            Owner::Persistent | Owner::Session(_) => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::AclKey;
    use crate::types::Zxid;

    const RULES: Reaping =
        Reaping { check_interval_ms: 1000, max_per_minute: 600, max_never_used_ms: 0 };

    fn at(ms: u64) -> Now {
        Now { mono: Mono(ms * 1000), wall: WallMs(ms as i64) }
    }

    fn tree(znodes: &[(&str, Owner, i32)]) -> DataTree {
        let mut tree = DataTree::fresh();
        for (path, owner, cversion) in znodes {
            let owner = owner.encode().expect("a valid time");
            let znode = Znode::new(None, AclKey::OPEN, Zxid(1), WallMs(0), owner);
            let znode = Znode { cversion: *cversion, ..znode };
            tree.insert_loaded((*path).into(), znode).expect("parents come first");
        }
        tree
    }

    fn taken(reaper: &mut Reaper, ms: u64, tree: &DataTree) -> Vec<String> {
        let due = core::iter::from_fn(|| reaper.take_due(at(ms), tree));
        due.map(|path| path.to_string()).collect()
    }

    #[test]
    fn only_childless_ones_whose_time_is_over_go() {
        let tree = tree(&[
            ("/emptied", Owner::Container, 1),
            ("/never-used", Owner::Container, 0),
            ("/full", Owner::Container, 1),
            ("/full/a", Owner::Persistent, 1),
            ("/old", Owner::Ttl(999), 0),
            ("/young", Owner::Ttl(1000), 0),
            ("/parent", Owner::Ttl(1), 1),
            ("/parent/a", Owner::Session(crate::types::SessionId(5)), 0),
        ]);
        let mut reaper = Reaper::new(RULES, Mono(0));
        assert_eq!(reaper.deadline(&tree), Some(Mono(1_000_000)));
        assert_eq!(taken(&mut reaper, 999, &tree), [""; 0]);
        assert_eq!(taken(&mut reaper, 1000, &tree), ["/emptied"]);
        assert_eq!(reaper.deadline(&tree), Some(Mono(1_100_000)), "600 in a minute");
        assert_eq!(taken(&mut reaper, 1100, &tree), ["/old"]);
        assert_eq!(reaper.deadline(&tree), Some(Mono(2_100_000)), "all that was found has gone");
        let rules = Reaping { max_never_used_ms: 1000, ..RULES };
        let mut impatient = Reaper::new(rules, Mono(0));
        assert_eq!(taken(&mut impatient, 1000, &tree), ["/emptied"], "not older than that");
        let fast = Reaping { max_per_minute: 60_001, ..rules };
        let all = taken(&mut Reaper::new(fast, Mono(0)), 1001, &tree);
        assert_eq!(all, ["/emptied", "/never-used", "/old", "/young"]);
    }

    #[test]
    fn nothing_is_due_in_a_tree_without_such_znodes() {
        let tree = tree(&[("/a", Owner::Persistent, 1)]);
        assert_eq!(Reaper::new(RULES, Mono(0)).deadline(&tree), None);
    }

    #[test]
    fn what_is_used_again_before_its_turn_stays() {
        let emptied = [("/a", Owner::Container, 1), ("/b", Owner::Container, 1)];
        let mut reaper = Reaper::new(RULES, Mono(0));
        assert_eq!(taken(&mut reaper, 1000, &tree(&emptied)), ["/a"]);
        let used = tree(&[emptied[0], emptied[1], ("/b/c", Owner::Persistent, 0)]);
        assert_eq!(taken(&mut reaper, 1100, &used), [""; 0]);
        assert_eq!(taken(&mut reaper, 2100, &used), ["/a"], "it was not deleted after all");
    }
}
