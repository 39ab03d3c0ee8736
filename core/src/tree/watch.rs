//! Watches: who is told when a znode changes.
//!
//! They belong to connections of one server and are no replicated state. Data and child watches
//! are told once and then gone; persistent ones stay. One entry holds all watches of a connection
//! on a path, so that a million of them fit in memory.
//! Source: Java's `WatchManager`, `WatchStats`, `DataTree.setWatches` (3.9).

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroU8;

use super::data_tree::DataTree;
use super::path;
use super::{Change, ChangeKind};
use crate::txn::Acl;
use crate::types::{ConnId, Path, Zxid};
use crate::wire::client::{EventType, SetWatches, SetWatches2, WatcherType};

/// What a client wants to be told.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Watch {
    /// The znode is made, goes, or gets other data.
    Data(Path),
    /// The znode goes, or a child of it is made or goes.
    Child(Path),
    /// What a data and a child watch tell, again and again.
    Persistent(Path),
    /// What a data watch tells, of the znode and of all below it, again and again.
    Recursive(Path),
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
    /// Only who may read by this list is told; none if everybody may.
    pub acl: Option<Arc<[Acl]>>,
}

/// All watches of one server, found by path and by connection. A path is stored once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WatchTable {
    /// The watchers of each path, never none.
    by_path: BTreeMap<Path, Watchers>,
    /// Each connection with watches.
    by_conn: BTreeMap<ConnId, OfConn>,
    /// How many entries have a recursive watch: without any, no ancestor is looked at.
    recursive: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct OfConn {
    /// Never none.
    paths: BTreeSet<Path>,
    /// How many watches that are.
    count: u64,
}

/// The watchers of one path in order, each with its kinds of watches, never none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Watchers {
    /// As most paths have: it needs no memory of its own.
    One((ConnId, Kinds)),
    /// None, or two and more. The box makes it as small as one.
    #[expect(clippy::box_collection, reason = "a path seldom has two, and there are millions")]
    Many(Box<Vec<(ConnId, Kinds)>>),
}

const _: () = assert!(size_of::<Watchers>() == 16);

impl Watchers {
    fn nobody() -> Watchers {
        Watchers::Many(Box::default())
    }

    fn is_nobody(&self) -> bool {
        self.as_slice().is_empty()
    }

    fn as_slice(&self) -> &[(ConnId, Kinds)] {
        match self {
            Watchers::One(one) => core::slice::from_ref(one),
            Watchers::Many(many) => many,
        }
    }

    fn get(&self, conn: ConnId) -> Kinds {
        let found = self.as_slice().binary_search_by_key(&conn, |(watcher, _)| *watcher);
        found.map_or(Kinds::NONE, |at| self.as_slice()[at].1)
    }

    /// Adds a watcher, or changes its kinds.
    fn set(&mut self, conn: ConnId, kinds: Kinds) {
        let mut many = self.take();
        match many.binary_search_by_key(&conn, |(watcher, _)| *watcher) {
            Ok(at) => many[at].1 = kinds,
            Err(at) => many.insert(at, (conn, kinds)),
        }
        self.put(many);
    }

    /// Takes kinds from all of them.
    fn lose(&mut self, kinds: Kinds) {
        let mut many = self.take();
        many.iter_mut().for_each(|(_, has)| *has = has.without(kinds));
        self.put(many);
    }

    fn take(&mut self) -> Vec<(ConnId, Kinds)> {
        match self {
            Watchers::One(one) => Vec::from([*one]),
            Watchers::Many(many) => core::mem::take(many),
        }
    }

    fn put(&mut self, mut many: Vec<(ConnId, Kinds)>) {
        many.retain(|(_, has)| *has != Kinds::NONE);
        *self = match many[..] {
            [one] => Watchers::One(one),
            _ => Watchers::Many(Box::new(many)),
        };
    }
}

/// A set of kinds of watches, never 0: so [`Watchers`] needs no byte to tell one from many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kinds(NonZeroU8);

impl Kinds {
    const NONE: Kinds = Kinds::new(0);
    const DATA: Kinds = Kinds::new(1);
    const CHILD: Kinds = Kinds::new(2);
    const PERSISTENT: Kinds = Kinds::new(4);
    const RECURSIVE: Kinds = Kinds::new(8);
    /// Those that are told what happens to the znode.
    const OF_ZNODE: Kinds = Kinds::new(1 | 4 | 8);
    /// Those that are told what happens to its children, and its end.
    const OF_CHILDREN: Kinds = Kinds::new(2 | 4);
    const ALL: Kinds = Kinds::new(1 | 2 | 4 | 8);
    /// Always set.
    const MARK: NonZeroU8 = NonZeroU8::new(0x80).expect("it is not 0");

    const fn new(bits: u8) -> Kinds {
        Kinds(Kinds::MARK.saturating_add(bits))
    }

    const fn bits(self) -> u8 {
        self.0.get() - Kinds::MARK.get()
    }

    fn meets(self, other: Kinds) -> bool {
        self.bits() & other.bits() != 0
    }

    fn with(self, other: Kinds) -> Kinds {
        Kinds::new(self.bits() | other.bits())
    }

    fn without(self, other: Kinds) -> Kinds {
        Kinds::new(self.bits() & !other.bits())
    }

    /// As Java counts: what is told of the znode and what of its children are two watches.
    fn count(self) -> u64 {
        u64::from(self.meets(Kinds::OF_ZNODE)) + u64::from(self.meets(Kinds::OF_CHILDREN))
    }

    fn of(kind: WatcherType) -> Kinds {
        match kind {
            WatcherType::Children => Kinds::CHILD,
            WatcherType::Data => Kinds::DATA,
            WatcherType::Any => Kinds::ALL,
            WatcherType::Persistent => Kinds::PERSISTENT,
            WatcherType::PersistentRecursive => Kinds::RECURSIVE,
        }
    }
}

impl WatchTable {
    /// Sets a watch; setting it twice is setting it once.
    pub fn add(&mut self, watch: Watch, conn: ConnId) {
        let (path, kind) = match watch {
            Watch::Data(path) => (path, Kinds::DATA),
            Watch::Child(path) => (path, Kinds::CHILD),
            Watch::Persistent(path) => (path, Kinds::PERSISTENT),
            Watch::Recursive(path) => (path, Kinds::RECURSIVE),
        };
        let path = self.by_path.get_key_value(&path).map_or(path, |(stored, _)| stored.clone());
        let before = self.kinds(&path, conn);
        self.set(&path, conn, before, before.with(kind));
    }

    /// The events of a change, and the end of the one-shot watches that made them: first the
    /// znode's own, then its parent's, each in the order of connections. A connection hears of a
    /// change of a znode once, however many of its watches see it.
    pub fn fire(&mut self, change: &Change) -> Vec<Fired> {
        let (path, mut fired) = (&change.path, Vec::new());
        let (own, parent_is_told) = match change.kind {
            ChangeKind::Created => (EventType::NodeCreated, true),
            ChangeKind::Deleted => (EventType::NodeDeleted, true),
            ChangeKind::DataChanged => (EventType::NodeDataChanged, false),
        };
        let mut told = self.take(path, Kinds::OF_ZNODE, Kinds::DATA);
        if self.recursive > 0 {
            self.add_watchers_above(path, &mut told);
        }
        if change.kind == ChangeKind::Deleted {
            let mut more = self.take(path, Kinds::OF_CHILDREN, Kinds::CHILD);
            more.retain(|conn| told.binary_search(conn).is_err());
            told.extend(more);
        }
        let event = |conn| Fired { conn, kind: own, path: path.clone(), acl: change.acl.clone() };
        fired.extend(told.into_iter().map(event));
        if parent_is_told && let Some((parent, _)) = path::split(path) {
            let parent = path::shown(parent);
            let kind = EventType::NodeChildrenChanged;
            let told = self.take(parent, Kinds::OF_CHILDREN, Kinds::CHILD);
            if !told.is_empty() {
                let path = Path::from(parent);
                let acl = &change.parent_acl;
                let event = |conn| Fired { conn, kind, path: path.clone(), acl: acl.clone() };
                fired.extend(told.into_iter().map(event));
            }
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
                Some(_) => self.add(Watch::Data(path.clone()), conn),
            }
        }
        for path in &request.exist_watches {
            match tree.get(path) {
                None => self.add(Watch::Data(path.clone()), conn),
                Some(_) => events.push((EventType::NodeCreated, path.clone())),
            }
        }
        for path in &request.child_watches {
            match tree.get(path) {
                None => events.push((EventType::NodeDeleted, path.clone())),
                Some(znode) if missed(znode.pzxid) => {
                    events.push((EventType::NodeChildrenChanged, path.clone()));
                }
                Some(_) => self.add(Watch::Child(path.clone()), conn),
            }
        }
        events
    }

    /// As [`WatchTable::set_watches`], with those that stay: what they missed is lost.
    pub fn set_watches2(
        &mut self,
        request: &SetWatches2,
        tree: &DataTree,
        conn: ConnId,
    ) -> Vec<(EventType, Path)> {
        let events = self.set_watches(&request.once, tree, conn);
        for path in &request.persistent_watches {
            self.add(Watch::Persistent(path.clone()), conn);
        }
        for path in &request.recursive_watches {
            self.add(Watch::Recursive(path.clone()), conn);
        }
        events
    }

    /// Sets all of them, whatever the client missed; only a bug does that.
    pub fn set_all(&mut self, request: &SetWatches, conn: ConnId) {
        for path in request.data_watches.iter().chain(&request.exist_watches) {
            self.add(Watch::Data(path.clone()), conn);
        }
        for path in &request.child_watches {
            self.add(Watch::Child(path.clone()), conn);
        }
    }

    /// Whether the connection has a watch of this kind on the path.
    pub fn contains(&self, path: &str, kind: WatcherType, conn: ConnId) -> bool {
        self.kinds(path, conn).meets(Kinds::of(kind))
    }

    /// Forgets the connection's watches of this kind on the path. False if there is none.
    pub fn remove(&mut self, path: &Path, kind: WatcherType, conn: ConnId) -> bool {
        let before = self.kinds(path, conn);
        let after = before.without(Kinds::of(kind));
        self.set(path, conn, before, after);
        before != after
    }

    /// Forgets the watches of a connection.
    pub fn remove_conn(&mut self, conn: ConnId) {
        let paths = self.by_conn.get(&conn).map(|of_conn| of_conn.paths.clone());
        for path in paths.unwrap_or_default() {
            self.set(&path, conn, self.kinds(&path, conn), Kinds::NONE);
        }
    }

    /// How many watches there are: what is told of a znode and what is told of its children are
    /// counted apart, so that a persistent watch is two.
    pub fn count(&self) -> u64 {
        self.by_conn.values().map(|of_conn| of_conn.count).sum()
    }

    /// How many of them a connection has.
    pub fn count_of(&self, conn: ConnId) -> u64 {
        self.by_conn.get(&conn).map_or(0, |of_conn| of_conn.count)
    }

    /// Who is told what happens to which znode, by path.
    pub fn on_data(&self) -> impl Iterator<Item = (&Path, Vec<ConnId>)> {
        self.by_path.iter().filter_map(|(path, watchers)| {
            let told = watchers.as_slice().iter().filter(|(_, has)| has.meets(Kinds::OF_ZNODE));
            let told: Vec<ConnId> = told.map(|(conn, _)| *conn).collect();
            (!told.is_empty()).then_some((path, told))
        })
    }

    fn kinds(&self, path: &str, conn: ConnId) -> Kinds {
        self.by_path.get(path).map_or(Kinds::NONE, |watchers| watchers.get(conn))
    }

    /// The connection's watches on the path are others now.
    fn set(&mut self, path: &Path, conn: ConnId, before: Kinds, after: Kinds) {
        if before == after {
            return;
        }
        let watchers = self.by_path.entry(path.clone()).or_insert_with(Watchers::nobody);
        watchers.set(conn, after);
        if watchers.is_nobody() {
            self.by_path.remove(path);
        }
        if before == Kinds::NONE {
            self.by_conn.entry(conn).or_default().paths.insert(path.clone());
        }
        self.note(path, conn, before, after);
    }

    /// Keeps the sums in step with the watchers of a path, and ends the last of a connection.
    fn note(&mut self, path: &str, conn: ConnId, before: Kinds, after: Kinds) {
        self.recursive += usize::from(after.meets(Kinds::RECURSIVE));
        self.recursive -= usize::from(before.meets(Kinds::RECURSIVE));
        let Some(of_conn) = self.by_conn.get_mut(&conn) else { return };
        of_conn.count = of_conn.count + after.count() - before.count();
        if after == Kinds::NONE {
            of_conn.paths.remove(path);
        }
        if of_conn.paths.is_empty() {
            self.by_conn.remove(&conn);
        }
    }

    /// The watchers of `path` with a watch of these kinds, in order; those in `once` are gone then.
    fn take(&mut self, path: &str, kinds: Kinds, once: Kinds) -> Vec<ConnId> {
        let Some(watchers) = self.by_path.get_mut(path) else { return Vec::new() };
        let told = watchers.as_slice().iter().filter(|(_, has)| has.meets(kinds)).copied();
        let told = told.collect::<Vec<_>>();
        watchers.lose(once);
        if watchers.is_nobody() {
            self.by_path.remove(path);
        }
        for (conn, has) in &told {
            self.note(path, *conn, *has, has.without(once));
        }
        told.into_iter().map(|(conn, _)| conn).collect()
    }

    /// Adds those who watch all that is below an ancestor of `path`; order and uniqueness stay.
    fn add_watchers_above(&self, path: &str, told: &mut Vec<ConnId>) {
        let mut below = path;
        while let Some((parent, _)) = path::split(below) {
            let watchers = self.by_path.get(path::shown(parent));
            let watchers = watchers.map_or(&[][..], Watchers::as_slice);
            for (conn, has) in watchers {
                if has.meets(Kinds::RECURSIVE)
                    && let Err(at) = told.binary_search(conn)
                {
                    told.insert(at, *conn);
                }
            }
            below = parent;
        }
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
        let fired = table.fire(&Change { kind, path: path.into(), acl: None, parent_acl: None });
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

    fn persistent(path: &str) -> Watch {
        Watch::Persistent(path.into())
    }

    fn recursive(path: &str) -> Watch {
        Watch::Recursive(path.into())
    }

    #[test]
    fn a_persistent_watch_tells_of_the_znode_and_its_children_and_stays() {
        let mut table = table(&[(persistent("/a"), A)]);
        let kept = table.clone();
        assert_eq!(table.count(), 2, "it is counted as a data and a child watch");
        for (kind, path, expected) in [
            (ChangeKind::Created, "/a", &[(1, 1, "/a")][..]),
            (ChangeKind::DataChanged, "/a", &[(1, 3, "/a")]),
            (ChangeKind::Created, "/a/b", &[(1, 4, "/a")]),
            (ChangeKind::DataChanged, "/a/b", &[]),
            (ChangeKind::Created, "/a/b/c", &[]),
            (ChangeKind::Deleted, "/a/b", &[(1, 4, "/a")]),
            (ChangeKind::Deleted, "/a", &[(1, 2, "/a")]),
        ] {
            assert_eq!(fire(&mut table, kind, path), told(expected), "{kind:?} {path}");
            assert_eq!(table, kept);
        }
    }

    #[test]
    fn a_recursive_watch_tells_of_all_below_and_never_of_children() {
        let mut table = table(&[(recursive("/a"), A), (recursive("/"), B)]);
        let kept = table.clone();
        for (kind, path, expected) in [
            (ChangeKind::Created, "/a", &[(1, 1, "/a"), (2, 1, "/a")][..]),
            (ChangeKind::Created, "/a/b/c", &[(1, 1, "/a/b/c"), (2, 1, "/a/b/c")]),
            (ChangeKind::DataChanged, "/a/b", &[(1, 3, "/a/b"), (2, 3, "/a/b")]),
            (ChangeKind::Deleted, "/a/b", &[(1, 2, "/a/b"), (2, 2, "/a/b")]),
            (ChangeKind::DataChanged, "/ab", &[(2, 3, "/ab")]),
            (ChangeKind::DataChanged, "/", &[(2, 3, "/")]),
        ] {
            assert_eq!(fire(&mut table, kind, path), told(expected), "{kind:?} {path}");
            assert_eq!(table, kept);
        }
    }

    #[test]
    fn many_kinds_of_one_connection_are_one_event() {
        let mut table = table(&[
            (data("/a"), A),
            (child("/a"), A),
            (persistent("/a"), A),
            (recursive("/a"), A),
            (recursive("/"), A),
            (data("/a"), B),
        ]);
        let events = fire(&mut table, ChangeKind::Deleted, "/a");
        assert_eq!(events, told(&[(1, 2, "/a"), (2, 2, "/a")]));
        let events = fire(&mut table, ChangeKind::DataChanged, "/a");
        assert_eq!(events, told(&[(1, 3, "/a")]), "the one-shot watch of the other is gone");
        assert_eq!((table.count_of(A), table.count_of(B)), (3, 0));
    }

    #[test]
    fn watches_are_found_and_taken_back_by_kind() {
        use WatcherType::{Any, Children, Data, Persistent, PersistentRecursive};
        let one = |watch: Watch| table(&[(watch, A)]);
        for (watch, kind) in [
            (data("/a"), Data),
            (child("/a"), Children),
            (persistent("/a"), Persistent),
            (recursive("/a"), PersistentRecursive),
        ] {
            for asked in [Children, Data, Any, Persistent, PersistentRecursive] {
                let mut table = one(watch.clone());
                let is_meant = asked == kind || asked == Any;
                assert_eq!(table.contains("/a", asked, A), is_meant, "{watch:?} {asked:?}");
                assert!(!table.contains("/a", asked, B) && !table.contains("/", asked, A));
                assert!(!table.remove(&"/a".into(), asked, B));
                assert_eq!(table.remove(&"/a".into(), asked, A), is_meant);
                assert!(!table.remove(&"/a".into(), asked, A));
                assert_eq!(table == WatchTable::default(), is_meant);
            }
        }
        let mut both = table(&[(data("/a"), A), (recursive("/a"), A)]);
        assert!(both.remove(&"/a".into(), PersistentRecursive, A));
        assert_eq!(both, one(data("/a")));
    }

    #[test]
    fn watches_that_stay_are_set_again_without_events() {
        let once = SetWatches {
            relative_zxid: Zxid(1),
            data_watches: vec!["/new".into()],
            exist_watches: vec![],
            child_watches: vec![],
        };
        let request = SetWatches2 {
            once,
            persistent_watches: vec!["/new".into(), "/gone".into()],
            recursive_watches: vec!["/gone".into()],
        };
        let mut set = WatchTable::default();
        let events = set.set_watches2(&request, &tree(), A);
        assert_eq!(events, [(EventType::NodeDataChanged, "/new".into())]);
        let stay = [persistent("/new"), persistent("/gone"), recursive("/gone")];
        assert_eq!(set, table(&stay.map(|watch| (watch, A))));
        set.remove_conn(A);
        assert_eq!(set, WatchTable::default());
    }
}
