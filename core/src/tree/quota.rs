//! Quotas: how many znodes and bytes a subtree may have, and how many it has.
//!
//! The znode `zookeeper_limits` below `/zookeeper/quota` and the subtree's path says what is
//! allowed, `zookeeper_stats` beside it what is used. Every server keeps the latter up on its own,
//! without a transaction: its stat never changes. Not here: refusing what is too much (a request
//! is checked before it becomes a transaction).
//! Source: Java's `Quotas`, `StatsTrack`, `DataTree.updateQuotaStat`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::data_tree::DataTree;
use super::path;
use crate::types::Path;

const LIMITS: &str = "/zookeeper_limits";
const STATS: &str = "/zookeeper_stats";

/// The content of such a znode, such as `count=2,bytes=4`; -1 is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Figures {
    /// Znodes, the topmost one included.
    pub count: i64,
    /// Bytes of their data.
    pub bytes: i64,
    /// The same as `count`, to be enforced.
    pub count_hard: i64,
    /// The same as `bytes`, to be enforced.
    pub bytes_hard: i64,
}

impl Figures {
    const UNLIMITED: Figures = Figures { count: -1, bytes: -1, count_hard: -1, bytes_hard: -1 };

    /// Reads what the command line and the server write; `None` for anything else. Names that are
    /// not known are skipped.
    pub fn parse(data: &[u8]) -> Option<Figures> {
        let mut figures = Figures::UNLIMITED;
        let text = core::str::from_utf8(data).ok()?;
        for pair in text.split([',', ';']).filter(|pair| !pair.is_empty()) {
            // Before the hard limits stands a lonely `=`, for servers that do not know them.
            let (name, value) = pair.trim_end_matches('=').split_once('=')?;
            let value = value.parse().ok()?;
            match name {
                "count" => figures.count = value,
                "bytes" => figures.bytes = value,
                "countHardLimit" => figures.count_hard = value,
                "byteHardLimit" => figures.bytes_hard = value,
                _ => {}
            }
        }
        Some(figures)
    }

    /// As a server writes what is used.
    fn used(self) -> Bytes {
        let Figures { count, bytes, .. } = self;
        Bytes::from(format!("count={count},bytes={bytes}").into_bytes())
    }
}

/// More than the limits of a subtree allow.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OverQuota {
    /// The top of the subtree.
    pub path: Path,
    /// What there is too much of.
    pub of: Counted,
    /// How much there would be.
    pub used: i64,
    /// How much there may be.
    pub limit: i64,
    /// Whether the limit is enforced.
    pub hard: bool,
}

/// What a quota counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Counted {
    /// Znodes.
    Count,
    /// Bytes of their data.
    Bytes,
}

/// As the server's log has it. Source: Java's `ZooKeeperServer.checkQuota`.
impl fmt::Display for OverQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OverQuota { path, of, used, limit, hard } = self;
        let kind = if *hard { "hard" } else { "soft" };
        let (what, which) = match of {
            Counted::Count => ("count", "CountLimit"),
            Counted::Bytes => ("bytes", "ByteLimit"),
        };
        write!(f, "Quota exceeded: {path} [current {what}={used}, {kind}{which}={limit}]")
    }
}

/// The subtree whose limits are at `path`. The whole tree has none.
pub(super) fn limited_by(path: &str) -> Option<&str> {
    subtree_of(path, LIMITS)
}

/// The subtree whose use is at `path`.
fn counted_by(path: &str) -> Option<&str> {
    subtree_of(path, STATS)
}

fn subtree_of<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let subtree = path.strip_prefix(path::QUOTA)?.strip_suffix(name)?;
    subtree.starts_with('/').then_some(subtree)
}

fn beside(subtree: &str, name: &str) -> String {
    [path::QUOTA, subtree, name].concat()
}

impl DataTree {
    /// What would be too much in the smallest subtree with limits that `path` is in, if it got so
    /// many more znodes and bytes: first of znodes, then of bytes. Where nobody asked for counting,
    /// nothing is.
    pub fn over_quota(&self, path: &str, count: i64, bytes: i64) -> Vec<OverQuota> {
        let Some(subtree) = self.limited_subtree(path) else { return Vec::new() };
        let figures = |name: &str| {
            let znode = self.get(&beside(subtree, name))?;
            Figures::parse(znode.data.as_deref().unwrap_or_default())
        };
        let (Some(limits), Some(used)) = (figures(LIMITS), figures(STATS)) else {
            return Vec::new();
        };
        let over = |of, used: i64, more: i64, soft: i64, enforced: i64| {
            let hard = enforced > -1;
            let (used, limit) = (used.saturating_add(more), if hard { enforced } else { soft });
            let is_over = more != 0 && limit > -1 && used > limit;
            is_over.then(|| OverQuota { path: subtree.clone(), of, used, limit, hard })
        };
        let count = over(Counted::Count, used.count, count, limits.count, limits.count_hard);
        let bytes = over(Counted::Bytes, used.bytes, bytes, limits.bytes, limits.bytes_hard);
        count.into_iter().chain(bytes).collect()
    }

    /// A znode was made, went or got other data.
    pub(super) fn account(&mut self, path: &str, count: i64, bytes: i64) {
        let Some(subtree) = self.limited_subtree(path).cloned() else { return };
        let stats = beside(&subtree, STATS);
        let Some(znode) = self.get(&stats) else { return };
        match Figures::parse(znode.data.as_deref().unwrap_or_default()) {
            Some(used) => {
                let count = used.count.saturating_add(count);
                let bytes = used.bytes.saturating_add(bytes);
                self.write_data(&stats, Some(Figures { count, bytes, ..used }.used()), |_| {});
            }
            None => self.recount(&subtree),
        }
    }

    /// A znode was made or got other data: if it is one of the two of a quota, its subtree is
    /// counted anew. Java does so for the use alone, and takes figures that a client writes there;
    /// they would differ from those of a server that was started again.
    pub(super) fn count_if_quota(&mut self, path: &str) {
        if let Some(subtree) = counted_by(path).or(limited_by(path))
            && self.limited().contains_key(subtree)
        {
            self.recount(subtree);
        }
    }

    /// Counts a subtree, if somebody asked for it.
    pub(super) fn recount(&mut self, subtree: &str) {
        let stats = beside(subtree, STATS);
        if self.get(&stats).is_none() {
            return;
        }
        let top = self.get(subtree).map_or((0, 0), |znode| (1, znode.data_len() as i64));
        let below = self.below(subtree);
        let (count, bytes) = below
            .fold(top, |(count, bytes), znode| (count + 1_i64, bytes + znode.data_len() as i64));
        let used = Figures { count, bytes, ..Figures::UNLIMITED };
        self.write_data(&stats, Some(used.used()), |_| {});
    }

    fn limited_subtree(&self, path: &str) -> Option<&Path> {
        if self.limited().is_empty() {
            return None;
        }
        let mut at = path;
        loop {
            if let Some((subtree, ())) = self.limited().get_key_value(at) {
                return Some(subtree);
            }
            at = path::split(at)?.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::tree::{AclKey, Znode};
    use crate::types::{WallMs, Zxid};

    #[test]
    fn what_the_command_line_writes_is_read() {
        let parse = |text: &str| Figures::parse(text.as_bytes());
        let figures = |count, bytes, count_hard, bytes_hard| {
            Some(Figures { count, bytes, count_hard, bytes_hard })
        };
        assert_eq!(parse("count=2,bytes=100"), figures(2, 100, -1, -1));
        assert_eq!(
            parse("count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=7"),
            figures(5, -1, 7, -1)
        );
        assert_eq!(parse("bytes=1,new=9"), figures(-1, 1, -1, -1));
        assert_eq!(parse(""), figures(-1, -1, -1, -1));
        for text in ["count", "count=", "count=x", "count=1,bytes=99999999999999999999", "\u{e9}"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(Figures::parse(&[0xff]), None);
    }

    #[test]
    fn a_hard_limit_hides_the_soft_one() {
        let mut tree = crate::tree::Database::genesis().tree;
        let create = |tree: &mut DataTree, path: &str, data: &str| {
            let data = Some(Bytes::copy_from_slice(data.as_bytes()));
            let znode = Znode::new(data, AclKey::OPEN, Zxid(1), WallMs(0), 0);
            tree.insert_loaded(path.into(), znode).expect("its parent is there");
        };
        create(&mut tree, "/a", "xyz");
        create(&mut tree, "/zookeeper/quota/a", "");
        create(&mut tree, "/zookeeper/quota/a/zookeeper_limits", "count=2,bytes=4");
        create(&mut tree, "/zookeeper/quota/a/zookeeper_stats", "count=1,bytes=3");
        let over = |tree: &DataTree, count, bytes| {
            let over = tree.over_quota("/a/b", count, bytes);
            over.iter().map(|over| (over.to_string(), over.hard)).collect::<Vec<_>>()
        };
        assert_eq!(over(&tree, 1, 1), []);
        let count = "Quota exceeded: /a [current count=3, softCountLimit=2]";
        let bytes = "Quota exceeded: /a [current bytes=5, softByteLimit=4]";
        assert_eq!(over(&tree, 2, 2), [(count.into(), false), (bytes.into(), false)]);
        assert_eq!(over(&tree, 0, 2), [(bytes.into(), false)]);
        let limits = Bytes::from_static(b"count=2,bytes=4=;byteHardLimit=3;countHardLimit=9");
        tree.write_data("/zookeeper/quota/a/zookeeper_limits", Some(limits), |_| {});
        let bytes = "Quota exceeded: /a [current bytes=5, hardByteLimit=3]";
        assert_eq!(over(&tree, 2, 2), [(bytes.into(), true)]);
    }

    #[test]
    fn the_whole_tree_has_no_limits() {
        assert_eq!(limited_by("/zookeeper/quota/a/b/zookeeper_limits"), Some("/a/b"));
        for path in ["/zookeeper/quota/zookeeper_limits", "/a/zookeeper_limits", "/zookeeper/quota"]
        {
            assert_eq!(limited_by(path), None, "{path}");
        }
    }
}
