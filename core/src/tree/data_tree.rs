//! All znodes, with what is kept up beside them: ephemerals by session, lists, size, digest.
//!
//! A znode's key is its parent's path and its name, so the children of a znode are a range of the
//! map and no set. Not here: what a transaction does ([`super::apply`]), any check of a request.
//! Source: Java's `DataTree`, `NodeHashMapImpl`, `DigestCalculator`.

use core::cmp::Ordering;

use bytes::Bytes;

use super::acl::{AclCache, AclKey, READ, world_anyone};
use super::key::{NodeKey, PathKey};
use super::page_map::{PageMap, SearchKey};
use super::path::{self, stored};
use super::quota::limited_by;
use super::znode::{Owner, Znode};
use crate::types::{Path, SessionId, WallMs, Zxid};

/// The znodes of one moment. A clone is cheap.
#[derive(Clone, Debug, Default)]
pub struct DataTree {
    nodes: PageMap<NodeKey, Node>,
    ephemerals: PageMap<(SessionId, Path), ()>,
    /// Containers, and znodes with a time to live.
    reapable: PageMap<Path, ()>,
    /// Subtrees with limits.
    limited: PageMap<Path, ()>,
    acls: AclCache,
    digest: u64,
    data_size: u64,
}

/// Why a snapshot's content is no tree.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// No znode can have this path.
    #[error("no znode can have the path {path:?}")]
    BadPath {
        /// What was read.
        path: Path,
    },
    /// A znode came before its parent, or has none.
    #[error("the parent of {path:?} is missing")]
    NoParent {
        /// The child.
        path: Path,
    },
    /// A znode came twice.
    #[error("{path:?} came twice")]
    Duplicate {
        /// Which.
        path: Path,
    },
    /// No access list may have this number, or two have it.
    #[error("bad number {key} of an access list")]
    AclKey {
        /// What was read.
        key: i64,
    },
    /// There is no root.
    #[error("there is no root")]
    NoRoot,
}

impl DataTree {
    /// No znode at all, not even the root: what a snapshot is loaded into.
    pub fn empty() -> DataTree {
        DataTree::default()
    }

    /// The tree of a new ensemble: the root and the built-in znodes.
    pub fn fresh() -> DataTree {
        let mut tree = DataTree::empty();
        for path in ["", path::ZOOKEEPER, path::QUOTA] {
            let znode = built_in(AclKey::OPEN);
            tree.insert_loaded(path.into(), znode).expect("parents come first, none comes twice");
        }
        tree.add_config();
        tree
    }

    /// The znode at `path`; the root is `/` or the empty string.
    pub fn get(&self, path: &str) -> Option<&Znode> {
        self.nodes.get(&PathKey::of(path)?).map(|node| &node.znode)
    }

    /// Names of the children of `path` in order; none if there is no such znode.
    pub fn children<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        let parent = stored(path);
        let first = PathKey::before_children_of(parent);
        let below = self.nodes.iter_from(&first).map(|(key, _)| key);
        let children = below.take_while(move |key| key.parent() == parent);
        children.map(NodeKey::name).filter(|name| !name.is_empty()) // the root is beside them
    }

    /// How many znodes there are below `path`, at any depth; for the root it is all but the root.
    /// It takes time for each of them.
    pub fn descendants(&self, path: &str) -> u64 {
        self.below(path).count() as u64
    }

    /// All znodes below `path`, its children first.
    pub(super) fn below(&self, path: &str) -> impl Iterator<Item = &Znode> {
        let parent = alloc::string::String::from(stored(path));
        let inside = join(&parent, "");
        let children = self.nodes.iter_from(&PathKey::before_children_of(&parent));
        let children = children.take_while(move |(key, _)| key.parent() == parent);
        let deeper = self.nodes.iter_from(&PathKey::before_children_of(&inside));
        let deeper = deeper.take_while(move |(key, _)| key.parent().starts_with(&*inside));
        // The root is beside its children.
        let all = children.filter(|(key, _)| !key.name().is_empty()).chain(deeper);
        all.map(|(_, node)| &node.znode)
    }

    /// All znodes, every parent before its children. The root's path is the empty string.
    pub fn walk(&self) -> impl Iterator<Item = (&Path, &Znode)> {
        self.nodes.iter().map(|(key, node)| (key.path(), &node.znode))
    }

    /// How many znodes there are, the root counted once.
    pub fn node_count(&self) -> u64 {
        self.nodes.len() as u64
    }

    /// Bytes of all paths and values.
    pub fn data_size(&self) -> u64 {
        self.data_size
    }

    /// Paths of the ephemerals of `session` in order.
    pub fn ephemerals_of(&self, session: SessionId) -> impl Iterator<Item = &Path> {
        let start = EphemeralKey { session, path: "" };
        let from = self.ephemerals.iter_from(&start).map(|(key, ())| key);
        from.take_while(move |key| key.0 == session).map(|key| &key.1)
    }

    /// All ephemerals, by session and path.
    pub fn ephemerals(&self) -> impl Iterator<Item = (SessionId, &Path)> {
        self.ephemerals.iter().map(|(key, ())| (key.0, &key.1))
    }

    /// How many ephemerals there are.
    pub fn ephemeral_count(&self) -> u64 {
        self.ephemerals.len() as u64
    }

    /// Paths of the containers and of the znodes with a time to live, in order.
    pub fn reapable(&self) -> impl Iterator<Item = &Path> {
        self.reapable.iter().map(|(path, ())| path)
    }

    /// Paths of the subtrees with limits; the limits are in a znode below `/zookeeper/quota`.
    pub(super) fn limited(&self) -> &PageMap<Path, ()> {
        &self.limited
    }

    /// The digest of the whole tree, the same on every server after the same transaction: a sum of
    /// CRC-32s of all znodes outside `/zookeeper/`.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The access lists of the znodes.
    pub fn acls(&self) -> &AclCache {
        &self.acls
    }

    /// The access lists, to load those of a snapshot; they come before its znodes.
    pub fn acls_mut(&mut self) -> &mut AclCache {
        &mut self.acls
    }

    /// Puts a znode of a snapshot in its place; its `children` are counted anew.
    ///
    /// Its list need not be known: a fuzzy snapshot may hold a znode that is younger than the
    /// lists in it, and the log then brings the list.
    ///
    /// # Errors
    /// A [`LoadError`] if it cannot be in a tree or came before its parent; the tree is unchanged.
    pub fn insert_loaded(&mut self, path: Path, znode: Znode) -> Result<(), LoadError> {
        let path = if &*path == path::ROOT { "".into() } else { path };
        let Some(key) = PathKey::of(&path) else { return Err(LoadError::BadPath { path }) };
        if path::split(&path).is_some_and(|(parent, _)| self.get(parent).is_none()) {
            return Err(LoadError::NoParent { path });
        }
        if self.nodes.contains_key(&key) {
            return Err(LoadError::Duplicate { path });
        }
        if !AclCache::is_loadable(znode.acl) {
            return Err(LoadError::AclKey { key: znode.acl.0 });
        }
        self.acls.acquire_key(znode.acl);
        self.add(path, Znode { children: 0, ..znode });
        Ok(())
    }

    /// Takes each access list for used by one znode. No correct server does
    /// ([`crate::policy::Policy::counts_users_of_lists`]).
    pub fn miscount_lists(&mut self) {
        self.acls.miscount();
    }

    /// Ends the loading of a snapshot: forgets lists that no znode uses, and adds the built-in
    /// znode of the configuration, which snapshots from before 3.5 lack.
    ///
    /// # Errors
    /// [`LoadError::NoRoot`] or [`LoadError::NoParent`] if what every tree has is missing.
    pub fn finish_load(&mut self) -> Result<(), LoadError> {
        if self.get(path::ROOT).is_none() {
            return Err(LoadError::NoRoot);
        }
        if self.get(path::ZOOKEEPER).is_none() {
            return Err(LoadError::NoParent { path: path::CONFIG.into() });
        }
        self.acls.drop_unused();
        if self.get(path::CONFIG).is_none() {
            self.add_config();
        }
        // What is used of a quota is in no transaction, so a fuzzy snapshot has it only by chance.
        for (subtree, ()) in self.limited.clone().iter() {
            self.recount(subtree);
        }
        Ok(())
    }

    /// Makes a znode whose place is free, and changes the stat of its parent. Gives the number that
    /// `acl` gets here; `None` if there is no parent.
    pub(super) fn create(
        &mut self,
        path: &Path,
        znode: Znode,
        acl: &[crate::txn::Acl],
        on_parent: impl FnOnce(&mut Znode),
    ) -> Option<AclKey> {
        let (parent, _) = path::split(path)?;
        let is_counted = self.change(parent, |parent| {
            parent.children += 1;
            on_parent(parent);
        });
        is_counted.then(|| {
            let acl = self.acls.acquire(acl);
            let bytes = znode.data_len() as i64;
            self.put(path.clone(), Znode { acl, ..znode });
            self.count_if_quota(path);
            self.account(path, 1, bytes);
            acl
        })
    }

    /// Takes out a znode, with all below it. False if there is none.
    ///
    /// Something below it is only possible while a log is replayed over a fuzzy snapshot; it was
    /// made by later transactions, which are still to come and make it again.
    pub(super) fn remove(&mut self, path: &str) -> bool {
        let Some((parent, _)) = path::split(path) else { return false };
        if self.get(path).is_none() {
            return false;
        }
        let parent = PathKey::of(parent).expect("what a path is split into is a path");
        let above = self.nodes.get_mut(&parent).expect("every znode but the root has a parent");
        above.znode.children -= 1;
        let mut doomed = alloc::vec![Path::from(path)];
        while let Some(path) = doomed.pop() {
            doomed.extend(self.children(&path).map(|name| join(&path, name)));
            let bytes = self.take(&path) as i64;
            self.account(&path, -1, -bytes);
        }
        true
    }

    /// Changes the stat of a znode. False if there is none.
    pub(super) fn change(&mut self, path: &str, change: impl FnOnce(&mut Znode)) -> bool {
        let Some(key) = PathKey::of(path) else { return false };
        let Some(node) = self.nodes.get_mut(&key) else { return false };
        let before = node.digest(stored(path));
        change(&mut node.znode);
        self.digest = self.digest.wrapping_sub(before).wrapping_add(node.digest(stored(path)));
        true
    }

    /// Changes the data, and the stat, of a znode. False if there is none.
    pub(super) fn set_data(
        &mut self,
        path: &str,
        data: Option<Bytes>,
        change: impl FnOnce(&mut Znode),
    ) -> bool {
        let Some(before) = self.get(path).map(Znode::data_len) else { return false };
        let after = data.as_ref().map_or(0, Bytes::len);
        let found = self.write_data(path, data, change);
        self.count_if_quota(path);
        self.account(path, 0, after as i64 - before as i64);
        found
    }

    /// As [`DataTree::set_data`], for what no quota counts.
    pub(super) fn write_data(
        &mut self,
        path: &str,
        data: Option<Bytes>,
        change: impl FnOnce(&mut Znode),
    ) -> bool {
        let Some(key) = PathKey::of(path) else { return false };
        let Some(node) = self.nodes.get_mut(&key) else { return false };
        let before = (node.digest(stored(path)), node.znode.data_len() as u64);
        node.prefix_crc = prefix_crc(stored(path), data.as_deref());
        node.znode.data = data;
        change(&mut node.znode);
        self.data_size = self.data_size - before.1 + node.znode.data_len() as u64;
        self.digest = self.digest.wrapping_sub(before.0).wrapping_add(node.digest(stored(path)));
        true
    }

    /// Gives a znode another access list, and changes its stat. False if there is none.
    pub(super) fn set_acl(
        &mut self,
        path: &str,
        acl: &[crate::txn::Acl],
        change: impl FnOnce(&mut Znode),
    ) -> bool {
        let Some(before) = self.get(path).map(|znode| znode.acl) else { return false };
        // In this order a list that stays the same keeps its number.
        let acl = self.acls.acquire(acl);
        self.acls.release(before);
        self.change(path, |znode| {
            znode.acl = acl;
            change(znode);
        })
    }

    /// Lets the znode of the configuration say what is in force, unless it says that or something
    /// later: as built in it says nothing. There was no transaction, so it has no time: it is the
    /// same on all servers.
    pub fn show_config(&mut self, data: Bytes, version: Zxid) {
        let says_less = |znode: &Znode| {
            znode.data.as_ref().is_none_or(|data| data.is_empty()) || version > znode.mzxid
        };
        if self.get(path::CONFIG).is_some_and(says_less) {
            self.write_data(path::CONFIG, Some(data), |znode| {
                (znode.version, znode.mzxid, znode.mtime) = (-1, version, WallMs(0));
            });
        }
    }

    fn add_config(&mut self) {
        let acl = self.acls.acquire(&[world_anyone(READ)]);
        // Java sets its list with the version -1.
        self.add(path::CONFIG.into(), Znode { aversion: -1, ..built_in(acl) });
    }

    fn add(&mut self, path: Path, znode: Znode) {
        if let Some((parent, _)) = path::split(&path) {
            let parent = PathKey::of(parent).expect("what a path is split into is a path");
            let above = self.nodes.get_mut(&parent).expect("the caller found the parent");
            above.znode.children += 1;
        }
        self.put(path, znode);
    }

    /// Puts a znode that its parent counts already in its place.
    fn put(&mut self, path: Path, znode: Znode) {
        match znode.owner() {
            Owner::Session(session) => {
                self.ephemerals.insert((session, path.clone()), ());
            }
            Owner::Container | Owner::Ttl(_) => {
                self.reapable.insert(path.clone(), ());
            }
            Owner::Persistent => {}
        }
        if let Some(subtree) = limited_by(&path) {
            self.limited.insert(subtree.into(), ());
        }
        let node = Node { prefix_crc: prefix_crc(&path, znode.data.as_deref()), znode };
        self.digest = self.digest.wrapping_add(node.digest(&path));
        self.data_size += size(&path, &node.znode);
        let before = self.nodes.insert(NodeKey::of(path), node);
        assert!(before.is_none(), "the caller found the place free");
    }

    /// Takes a znode out of its place; gives the bytes of its data.
    fn take(&mut self, path: &str) -> usize {
        let key = PathKey::of(path).expect("a znode has this path");
        let Some(node) = self.nodes.remove(&key) else { return 0 };
        match node.znode.owner() {
            Owner::Session(session) => {
                self.ephemerals.remove(&EphemeralKey { session, path });
            }
            Owner::Container | Owner::Ttl(_) => {
                self.reapable.remove(path);
            }
            Owner::Persistent => {}
        }
        if let Some(subtree) = limited_by(path) {
            self.limited.remove(subtree);
        }
        self.acls.release(node.znode.acl);
        self.digest = self.digest.wrapping_sub(node.digest(path));
        self.data_size -= size(path, &node.znode);
        node.znode.data_len()
    }
}

/// Equal in all that is replicated: znodes and their access lists, not the lists' numbers.
impl PartialEq for DataTree {
    fn eq(&self, other: &DataTree) -> bool {
        let same = |a: &Znode, b: &Znode| {
            self.acls.shown(a.acl) == other.acls.shown(b.acl)
                && *a == Znode { acl: a.acl, ..b.clone() }
        };
        self.node_count() == other.node_count()
            && self.walk().zip(other.walk()).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
    }
}

impl Eq for DataTree {}

fn built_in(acl: AclKey) -> Znode {
    Znode::new(Some(Bytes::new()), acl, Zxid::ZERO, WallMs(0), 0)
}

fn join(parent: &str, name: &str) -> Path {
    [parent, "/", name].concat().into()
}

fn size(path: &str, znode: &Znode) -> u64 {
    (path::shown(path).len() + znode.data_len()) as u64
}

/// A znode with the CRC-32 of its path and data, from which its digest goes on. So a create
/// reads the parent's stat only, however large the parent's data is.
#[derive(Clone, Debug)]
struct Node {
    znode: Znode,
    prefix_crc: u32,
}

impl Node {
    /// What the znode adds to the tree's digest (version 2).
    fn digest(&self, path: &str) -> u64 {
        if path.starts_with("/zookeeper/") {
            return 0;
        }
        let Znode { czxid, mzxid, pzxid, ctime, mtime, .. } = self.znode;
        let mut stat = [0; 60];
        let longs = [czxid.to_wire(), mzxid.to_wire(), pzxid.to_wire(), ctime.0, mtime.0];
        for (at, long) in longs.into_iter().enumerate() {
            stat[at * 8..][..8].copy_from_slice(&long.to_be_bytes());
        }
        let ints = [self.znode.version, self.znode.cversion, self.znode.aversion];
        for (at, int) in ints.into_iter().enumerate() {
            stat[40 + at * 4..][..4].copy_from_slice(&int.to_be_bytes());
        }
        stat[52..].copy_from_slice(&self.znode.ephemeral_owner.to_be_bytes());
        let mut crc = crc32fast::Hasher::new_with_initial(self.prefix_crc);
        crc.update(&stat);
        u64::from(crc.finalize())
    }
}

fn prefix_crc(path: &str, data: Option<&[u8]>) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(path.as_bytes());
    crc.update(data.unwrap_or_default());
    crc.finalize()
}

/// A session's path to search with.
struct EphemeralKey<'a> {
    session: SessionId,
    path: &'a str,
}

impl SearchKey<(SessionId, Path)> for EphemeralKey<'_> {
    fn compare(&self, key: &(SessionId, Path)) -> Ordering {
        self.session.cmp(&key.0).then_with(|| self.path.cmp(&key.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(tree: &mut DataTree, path: &str, znode: Znode) -> Result<(), LoadError> {
        tree.insert_loaded(path.into(), znode)
    }

    #[test]
    fn the_fresh_tree_is_javas() {
        let tree = DataTree::fresh();
        assert_eq!(tree.digest(), 0x51c6_d660);
        assert_eq!(tree.node_count(), 4);
        assert_eq!(tree.data_size(), 44);
        let paths: Vec<&str> = tree.walk().map(|(path, _)| &**path).collect();
        assert_eq!(paths, ["", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"]);
        let root = tree.get("/").expect("the root").stat();
        assert_eq!((root.cversion, root.num_children), (-1, 1));
        let config = tree.get(path::CONFIG).expect("built in");
        assert_eq!(config.aversion, -1);
        assert_eq!(tree.acls().get(config.acl), Some(&[world_anyone(READ)][..]));
        assert!(tree.children("").eq(["zookeeper"]));
        assert!(tree.children("/").eq(["zookeeper"]));
        assert!(tree.children("/zookeeper").eq(["config", "quota"]));
        assert_eq!(tree.get(path::QUOTA).expect("built in").data, Some(Bytes::new()));
    }

    #[test]
    fn what_is_no_path_finds_nothing() {
        let tree = DataTree::fresh();
        for path in ["zookeeper", "/zookeeper/", "//zookeeper", "//", "/zookeeper//quota", "x"] {
            assert_eq!(tree.get(path), None, "{path}");
            assert_eq!(tree.children(path).count(), 0, "{path}");
        }
    }

    #[test]
    fn children_are_those_of_one_znode() {
        let mut tree = DataTree::fresh();
        for path in ["/a", "/a/x", "/a/x/y", "/a-", "/a-/z", "/a/x-"] {
            load(&mut tree, path, built_in(AclKey::OPEN)).expect("parents come first");
        }
        assert!(tree.children("/").eq(["a", "a-", "zookeeper"]));
        assert!(tree.children("/a").eq(["x", "x-"]));
        assert_eq!(tree.get("/a").expect("made").children, 2);
        let below =
            ["/", "", "/a", "/a/x", "/a-", "/a/x/y", "/nope"].map(|at| tree.descendants(at));
        assert_eq!(below, [9, 9, 3, 1, 1, 0, 0]);
    }

    #[test]
    fn a_snapshot_that_is_no_tree_is_refused() {
        let mut tree = DataTree::empty();
        let znode = || built_in(AclKey::OPEN);
        assert_eq!(tree.finish_load(), Err(LoadError::NoRoot));
        let no_parent = LoadError::NoParent { path: "/a".into() };
        assert_eq!(load(&mut tree, "/a", znode()), Err(no_parent));
        assert_eq!(load(&mut tree, "", znode()), Ok(()));
        assert_eq!(load(&mut tree, "/", znode()), Err(LoadError::Duplicate { path: "".into() }));
        for path in ["a", "/a/", "//a"] {
            let refused = LoadError::BadPath { path: path.into() };
            assert_eq!(load(&mut tree, path, znode()), Err(refused));
        }
        let bad = Znode { acl: AclKey(i64::MAX), ..znode() };
        assert_eq!(load(&mut tree, "/a", bad), Err(LoadError::AclKey { key: i64::MAX }));
        assert!(tree.finish_load().is_err());
        assert_eq!(load(&mut tree, "/zookeeper", znode()), Ok(()));
        assert_eq!(tree.finish_load(), Ok(()));
        assert!(tree.get(path::CONFIG).is_some(), "snapshots from before 3.5 lack it");
    }

    #[test]
    fn lists_keep_their_numbers_until_no_znode_uses_them() {
        let mut tree = DataTree::fresh();
        let (zxid, time) = (Zxid(1), WallMs(1));
        let znode = || Znode::new(None, AclKey::OPEN, zxid, time, 0);
        tree.create(&"/a".into(), znode(), &[world_anyone(31)], |_| {}).expect("a parent");
        tree.create(&"/b".into(), znode(), &[world_anyone(31)], |_| {}).expect("a parent");
        assert_eq!(tree.get("/a").expect("made").acl, AclKey(2));
        assert_eq!(tree.get("/b").expect("made").acl, AclKey(2));
        assert!(tree.set_acl("/a", &[world_anyone(1)], |_| {}));
        assert_eq!(tree.get("/a").expect("made").acl, AclKey(1), "the list of the configuration");
        assert!(tree.remove("/b"));
        assert_eq!(tree.acls().len(), 1);
        tree.create(&"/c".into(), znode(), &[world_anyone(31)], |_| {}).expect("a parent");
        assert_eq!(tree.get("/c").expect("made").acl, AclKey(3), "numbers are not used again");
    }
}
