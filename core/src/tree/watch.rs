//! Watches: who is told when a znode changes.
//!
//! They belong to connections of one server and are no replicated state. Each is told once and
//! then gone. Not here: persistent and recursive watches.
//! Source: Java's `WatchManager`, `DataTree.setWatches`.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::data_tree::DataTree;
use super::path;
use super::{Change, ChangeKind};
use crate::types::{ConnId, Path, Zxid};
use crate::wire::client::{EventType, SetWatches};

/// What a client wants to be told.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Watch {
    /// The znode is made, goes, or gets other data.
    Data(Path),
    /// The znode goes, or a child of it is made or goes.
    Child(Path),
}

/// One event for one connection.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Fired {
    /// Who is told.
    pub conn: ConnId,
    /// What happened.
    pub kind: EventType,
    /// To which znode.
    pub path: Path,
}

/// All watches of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WatchTable {
    data: Table,
    child: Table,
}

impl WatchTable {
    /// Sets a watch; setting it twice is setting it once.
    pub fn add(&mut self, watch: Watch, conn: ConnId) {
        match watch {
            Watch::Data(path) => self.data.add(path, conn),
            Watch::Child(path) => self.child.add(path, conn),
        }
    }

    /// The events of a change, and the end of the watches that made them: first the znode's own,
    /// then its parent's, each in the order of connections. A connection that watches data and
    /// children of a znode hears of its end once.
    pub fn fire(&mut self, change: &Change) -> Vec<Fired> {
        let (path, mut fired) = (&change.path, Vec::new());
        let (own, parent_is_told) = match change.kind {
            ChangeKind::Created => (EventType::NodeCreated, true),
            ChangeKind::Deleted => (EventType::NodeDeleted, true),
            ChangeKind::DataChanged => (EventType::NodeDataChanged, false),
        };
        let mut told = self.data.take(path);
        if change.kind == ChangeKind::Deleted {
            let mut more = self.child.take(path);
            more.retain(|conn| told.binary_search(conn).is_err());
            told.extend(more);
        }
        fired.extend(told.into_iter().map(|conn| Fired { conn, kind: own, path: path.clone() }));
        if parent_is_told && let Some((parent, _)) = path::split(path) {
            let parent = path::shown(parent);
            let kind = EventType::NodeChildrenChanged;
            let told = self.child.take(parent).into_iter();
            let parent = Path::from(parent);
            fired.extend(told.map(|conn| Fired { conn, kind, path: parent.clone() }));
        }
        fired
    }

    /// Sets the watches that a client had before it reconnected; gives the events that it missed,
    /// to be sent before the reply. A watch whose event is due now is not set.
    pub fn set_watches(
        &mut self,
        request: &SetWatches,
        tree: &DataTree,
        conn: ConnId,
    ) -> Vec<(EventType, Path)> {
        // Signed, as in Java: the number is the client's.
        let missed = |zxid: Zxid| zxid.to_wire() > request.relative_zxid.to_wire();
        let mut events = Vec::new();
        for path in &request.data_watches {
            match tree.get(path) {
                None => events.push((EventType::NodeDeleted, path.clone())),
                Some(znode) if missed(znode.mzxid) => {
                    events.push((EventType::NodeDataChanged, path.clone()));
                }
                Some(_) => self.data.add(path.clone(), conn),
            }
        }
        for path in &request.exist_watches {
            match tree.get(path) {
                None => self.data.add(path.clone(), conn),
                Some(_) => events.push((EventType::NodeCreated, path.clone())),
            }
        }
        for path in &request.child_watches {
            match tree.get(path) {
                None => events.push((EventType::NodeDeleted, path.clone())),
                Some(znode) if missed(znode.pzxid) => {
                    events.push((EventType::NodeChildrenChanged, path.clone()));
                }
                Some(_) => self.child.add(path.clone(), conn),
            }
        }
        events
    }

    /// Forgets the watches of a connection.
    pub fn remove_conn(&mut self, conn: ConnId) {
        self.data.remove_conn(conn);
        self.child.remove_conn(conn);
    }

    /// How many watches there are, data and child watches counted apart.
    pub fn count(&self) -> u64 {
        self.data.count + self.child.count
    }

    /// How many of them a connection has.
    pub fn count_of(&self, conn: ConnId) -> u64 {
        self.data.count_of(conn) + self.child.count_of(conn)
    }
}

/// Watches of one kind, found by path and by connection. The path is stored once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Table {
    /// Watchers of each path in order, never none.
    by_path: BTreeMap<Path, Vec<ConnId>>,
    /// Paths of each watcher, never none.
    by_conn: BTreeMap<ConnId, BTreeSet<Path>>,
    count: u64,
}

impl Table {
    fn add(&mut self, path: Path, conn: ConnId) {
        let path = self.by_path.get_key_value(&path).map_or(path, |(stored, _)| stored.clone());
        if self.by_conn.entry(conn).or_default().insert(path.clone()) {
            let watchers = self.by_path.entry(path).or_default();
            let at = watchers.binary_search(&conn).expect_err("both directions hold the same");
            watchers.insert(at, conn);
            self.count += 1;
        }
    }

    /// Takes all watchers of `path`, in order.
    fn take(&mut self, path: &str) -> Vec<ConnId> {
        let watchers = self.by_path.remove(path).unwrap_or_default();
        for conn in &watchers {
            let paths = self.by_conn.get_mut(conn).expect("both directions hold the same");
            paths.remove(path);
            if paths.is_empty() {
                self.by_conn.remove(conn);
            }
        }
        self.count -= watchers.len() as u64;
        watchers
    }

    fn remove_conn(&mut self, conn: ConnId) {
        let paths = self.by_conn.remove(&conn).unwrap_or_default();
        self.count -= paths.len() as u64;
        for path in paths {
            let watchers = self.by_path.get_mut(&path).expect("both directions hold the same");
            watchers.retain(|watcher| *watcher != conn);
            if watchers.is_empty() {
                self.by_path.remove(&path);
            }
        }
    }

    fn count_of(&self, conn: ConnId) -> u64 {
        self.by_conn.get(&conn).map_or(0, |paths| paths.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Database, Znode};
    use crate::types::WallMs;

    const A: ConnId = ConnId(1);
    const B: ConnId = ConnId(2);

    fn data(path: &str) -> Watch {
        Watch::Data(path.into())
    }

    fn child(path: &str) -> Watch {
        Watch::Child(path.into())
    }

    fn table(watches: &[(Watch, ConnId)]) -> WatchTable {
        let mut table = WatchTable::default();
        for (watch, conn) in watches {
            table.add(watch.clone(), *conn);
        }
        table
    }

    fn fire(table: &mut WatchTable, kind: ChangeKind, path: &str) -> Vec<(u64, i32, String)> {
        let fired = table.fire(&Change { kind, path: path.into() });
        fired.iter().map(|f| (f.conn.0, f.kind.to_wire(), f.path.to_string())).collect()
    }

    fn told(events: &[(u64, i32, &str)]) -> Vec<(u64, i32, String)> {
        events.iter().map(|(conn, kind, path)| (*conn, *kind, path.to_string())).collect()
    }

    #[test]
    fn a_create_is_told_to_data_watches_then_to_the_parents_child_watches() {
        let mut table = table(&[
            (child("/a"), A),
            (data("/a/b"), B),
            (data("/a/b"), A),
            (child("/a/b"), B),
            (data("/a"), A),
        ]);
        let events = fire(&mut table, ChangeKind::Created, "/a/b");
        assert_eq!(events, told(&[(1, 1, "/a/b"), (2, 1, "/a/b"), (1, 4, "/a")]));
        assert_eq!(table.count(), 2);
    }

    #[test]
    fn a_delete_is_told_once_to_a_connection_with_both_watches() {
        let mut table =
            table(&[(child("/a"), A), (data("/a"), A), (child("/a"), B), (child("/"), B)]);
        let events = fire(&mut table, ChangeKind::Deleted, "/a");
        assert_eq!(events, told(&[(1, 2, "/a"), (2, 2, "/a"), (2, 4, "/")]));
        assert_eq!(table, WatchTable::default());
    }

    #[test]
    fn new_data_is_told_to_data_watches_only() {
        let mut table = table(&[(child("/a"), A), (data("/a"), B), (child("/"), A)]);
        assert_eq!(fire(&mut table, ChangeKind::DataChanged, "/a"), told(&[(2, 3, "/a")]));
        assert_eq!(table.count(), 2);
        assert_eq!(fire(&mut table, ChangeKind::DataChanged, "/"), told(&[]));
    }

    #[test]
    fn a_watch_is_told_once_however_often_it_was_set() {
        let mut table = table(&[(data("/a"), A), (data("/a"), A)]);
        assert_eq!(table.count_of(A), 1);
        assert_eq!(fire(&mut table, ChangeKind::DataChanged, "/a"), told(&[(1, 3, "/a")]));
        assert_eq!(fire(&mut table, ChangeKind::DataChanged, "/a"), told(&[]));
    }

    #[test]
    fn a_closed_connection_leaves_nothing() {
        let mut table = table(&[(data("/a"), A), (child("/a"), A), (data("/a"), B)]);
        assert_eq!((table.count(), table.count_of(A)), (3, 2));
        table.remove_conn(A);
        assert_eq!((table.count(), table.count_of(A), table.count_of(B)), (1, 0, 1));
        assert_eq!(fire(&mut table, ChangeKind::Deleted, "/a"), told(&[(2, 2, "/a")]));
    }

    /// `/old` last changed by transaction 5, its children by 6; `/new` by 15 and 16.
    fn tree() -> DataTree {
        let mut tree = Database::genesis().tree;
        for (path, mzxid) in [("/old", 5), ("/new", 15)] {
            let open = crate::tree::AclKey::OPEN;
            let znode = Znode::new(None, open, Zxid(mzxid), WallMs(0), 0);
            let znode = Znode { pzxid: Zxid(mzxid + 1), ..znode };
            tree.insert_loaded(path.into(), znode).expect("the root is there");
        }
        tree
    }

    fn all_kinds(relative_zxid: i64) -> (Vec<(i32, String)>, WatchTable) {
        let paths: Vec<Path> = ["/old", "/new", "/gone"].map(Path::from).into();
        let request = SetWatches {
            relative_zxid: Zxid::from_wire(relative_zxid),
            data_watches: paths.clone(),
            exist_watches: paths.clone(),
            child_watches: paths,
        };
        let mut table = WatchTable::default();
        let events = table.set_watches(&request, &tree(), A);
        (events.iter().map(|(kind, path)| (kind.to_wire(), path.to_string())).collect(), table)
    }

    #[test]
    fn after_a_reconnect_missed_changes_are_told_and_the_rest_is_set() {
        let (events, set) = all_kinds(10);
        let expected = [
            (3, "/new"), // data
            (2, "/gone"),
            (1, "/old"), // exist
            (1, "/new"),
            (4, "/new"), // child
            (2, "/gone"),
        ];
        assert_eq!(events, expected.map(|(kind, path)| (kind, path.to_string())));
        assert_eq!(set, table(&[(data("/old"), A), (data("/gone"), A), (child("/old"), A)]));
    }

    #[test]
    fn a_change_at_the_last_seen_zxid_was_not_missed() {
        let (events, _) = all_kinds(15);
        assert!(!events.contains(&(3, "/new".into())));
        assert!(events.contains(&(4, "/new".into())));
        let (events, _) = all_kinds(-1);
        assert!(events.contains(&(3, "/old".into())), "the client's number is signed");
    }
}
