//! An ordered map whose clone costs one reference count: a B+-tree of shared pages.
//!
//! A write copies the pages on its path that somebody else still holds, and no others. That gives
//! consistent snapshots while the tree goes on changing, cheap time travel and cheap model states.
//! It is deliberately not a general collection: no entry API, no reverse iteration.
//! Source: the usual B+-tree; that pages beat shards here is measured in the architecture notes.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::{mem, slice};

/// Entries of one page. A page of znodes is then about 8 KiB: copying one costs microseconds.
const PAGE_MAX: usize = 64;
/// A page with fewer entries is joined with a neighbour. A quarter, not a half, so that a page
/// that was just split is not joined again by the next remove.
const PAGE_MIN: usize = PAGE_MAX / 4;

/// What a map can be searched with: anything ordered like its keys.
pub trait SearchKey<K> {
    /// How `self` compares with `key`.
    fn compare(&self, key: &K) -> Ordering;
}

impl<K: Borrow<Q>, Q: Ord + ?Sized> SearchKey<K> for Q {
    fn compare(&self, key: &K) -> Ordering {
        self.cmp(key.borrow())
    }
}

/// A persistent ordered map.
pub struct PageMap<K, V> {
    /// `None` when empty; else pages of equal depth, none of them empty.
    root: Option<Arc<Page<K, V>>>,
    len: usize,
}

#[derive(Clone)]
enum Page<K, V> {
    Leaf(Vec<(K, V)>),
    /// Each child with a lower bound of its keys, above all keys of the child before it. The first
    /// bound is never compared.
    Branch(Vec<Child<K, V>>),
}

type Child<K, V> = (K, Arc<Page<K, V>>);

impl<K, V> PageMap<K, V> {
    /// A map without entries.
    pub const fn new() -> Self {
        PageMap { root: None, len: 0 }
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if it has no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of `key`.
    pub fn get<Q: SearchKey<K> + ?Sized>(&self, key: &Q) -> Option<&V> {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The stored key equal to `key`, with its value.
    pub fn get_key_value<Q: SearchKey<K> + ?Sized>(&self, key: &Q) -> Option<(&K, &V)> {
        let mut page = self.root.as_deref()?;
        loop {
            match page {
                Page::Leaf(entries) => {
                    let at = search(entries, key).ok()?;
                    return Some((&entries[at].0, &entries[at].1));
                }
                Page::Branch(children) => page = &children[child_of(children, key)].1,
            }
        }
    }

    /// True if `key` has a value.
    pub fn contains_key<Q: SearchKey<K> + ?Sized>(&self, key: &Q) -> bool {
        self.get(key).is_some()
    }

    /// All entries in order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        let mut iter = Iter::empty();
        if let Some(root) = &self.root {
            iter.descend(root);
        }
        iter
    }

    /// The entries from `start` (included) on, in order.
    pub fn iter_from<Q: SearchKey<K> + ?Sized>(&self, start: &Q) -> Iter<'_, K, V> {
        let mut iter = Iter::empty();
        let Some(mut page) = self.root.as_deref() else { return iter };
        loop {
            match page {
                Page::Leaf(entries) => {
                    let at = search(entries, start).unwrap_or_else(|at| at);
                    iter.leaf = entries[at..].iter();
                    return iter;
                }
                Page::Branch(children) => {
                    let at = child_of(children, start);
                    iter.branches.push(children[at + 1..].iter());
                    page = &children[at].1;
                }
            }
        }
    }
}

impl<K: Clone, V: Clone> PageMap<K, V> {
    /// The value of `key`, to be changed. Pages on the way that a clone still holds are copied.
    pub fn get_mut<Q: SearchKey<K> + ?Sized>(&mut self, key: &Q) -> Option<&mut V> {
        let mut page = Arc::make_mut(self.root.as_mut()?);
        loop {
            match page {
                Page::Leaf(entries) => {
                    let at = search(entries, key).ok()?;
                    return Some(&mut entries[at].1);
                }
                Page::Branch(children) => {
                    let at = child_of(children, key);
                    page = Arc::make_mut(&mut children[at].1);
                }
            }
        }
    }

    /// Sets the value of `key`; gives the value it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V>
    where
        K: Ord,
    {
        let Some(root) = &mut self.root else {
            self.root = Some(Arc::new(Page::Leaf([(key, value)].into())));
            self.len = 1;
            return None;
        };
        let (before, right) = Page::insert(Arc::make_mut(root), key, value);
        if let Some(right) = right {
            let bounds = (root.first_key().clone(), right.first_key().clone());
            let children = [(bounds.0, root.clone()), (bounds.1, right)];
            *root = Arc::new(Page::Branch(children.into()));
        }
        self.len += usize::from(before.is_none());
        before
    }

    /// Takes `key` out; gives the value it had.
    pub fn remove<Q: SearchKey<K> + ?Sized>(&mut self, key: &Q) -> Option<V> {
        if !self.contains_key(key) {
            return None; // or else the path would be copied for nothing
        }
        let root = self.root.as_mut()?;
        let removed = Page::remove(Arc::make_mut(root), key);
        assert!(removed.is_some(), "the key was found a moment ago");
        self.len -= 1;
        match &**root {
            Page::Leaf(entries) if entries.is_empty() => self.root = None,
            Page::Branch(children) if children.len() == 1 => {
                let only = children[0].1.clone();
                self.root = Some(only);
            }
            Page::Leaf(_) | Page::Branch(_) => {}
        }
        removed
    }
}

impl<K: Clone, V: Clone> Page<K, V> {
    fn len(&self) -> usize {
        match self {
            Page::Leaf(entries) => entries.len(),
            Page::Branch(children) => children.len(),
        }
    }

    fn first_key(&self) -> &K {
        match self {
            Page::Leaf(entries) => &entries[0].0,
            Page::Branch(children) => &children[0].0,
        }
    }

    /// Inserts below `self`. Gives the value that was there, and a new page to stand at the right
    /// of this one if this one was full.
    fn insert(&mut self, key: K, value: V) -> (Option<V>, Option<Arc<Self>>)
    where
        K: Ord,
    {
        let at = match self {
            Page::Leaf(entries) => match search(entries, &key) {
                Ok(at) => return (Some(mem::replace(&mut entries[at].1, value)), None),
                Err(at) => {
                    entries.insert(at, (key, value));
                    at
                }
            },
            Page::Branch(children) => {
                let at = child_of(children, &key);
                let (before, right) = Page::insert(Arc::make_mut(&mut children[at].1), key, value);
                let Some(right) = right else { return (before, None) };
                children.insert(at + 1, (right.first_key().clone(), right));
                at + 1
            }
        };
        // Keys that come in rising order, such as sequential znodes, leave pages fuller than half.
        let appended = at + 1 == self.len();
        (None, self.split_if_over(if appended { PAGE_MAX - PAGE_MIN } else { PAGE_MAX / 2 }))
    }

    /// Moves what follows the first `cut` entries of an overfull page to a new one.
    fn split_if_over(&mut self, cut: usize) -> Option<Arc<Self>> {
        if self.len() <= PAGE_MAX {
            return None;
        }
        Some(Arc::new(match self {
            Page::Leaf(entries) => Page::Leaf(entries.split_off(cut)),
            Page::Branch(children) => Page::Branch(children.split_off(cut)),
        }))
    }

    /// Removes below `self`, which may then have one entry too few.
    fn remove<Q: SearchKey<K> + ?Sized>(&mut self, key: &Q) -> Option<V> {
        match self {
            Page::Leaf(entries) => {
                let at = search(entries, key).ok()?;
                Some(entries.remove(at).1)
            }
            Page::Branch(children) => {
                let at = child_of(children, key);
                let removed = Page::remove(Arc::make_mut(&mut children[at].1), key);
                if children[at].1.len() < PAGE_MIN {
                    join_with_neighbour(children, at);
                }
                removed
            }
        }
    }

    /// Appends all of the page to the right.
    fn append(&mut self, right: Self, bound: K) {
        match (self, right) {
            (Page::Leaf(entries), Page::Leaf(more)) => entries.extend(more),
            (Page::Branch(children), Page::Branch(mut more)) => {
                more[0].0 = bound; // its own may be stale: it was never compared
                children.extend(more);
            }
            (Page::Leaf(_), Page::Branch(_)) | (Page::Branch(_), Page::Leaf(_)) => {
                unreachable!("pages side by side have the same depth")
            }
        }
    }
}

/// Joins the child at `at` with the one beside it, and splits the result again if it is too large.
fn join_with_neighbour<K: Clone, V: Clone>(children: &mut Vec<Child<K, V>>, at: usize) {
    if children.len() < 2 {
        return; // only the root has so few, and it gives way to its only child
    }
    let left = at.min(children.len() - 2);
    let (bound, right) = children.remove(left + 1);
    let page = Arc::make_mut(&mut children[left].1);
    page.append(Arc::unwrap_or_clone(right), bound);
    if let Some(right) = page.split_if_over(PAGE_MAX / 2) {
        children.insert(left + 1, (right.first_key().clone(), right));
    }
}

fn search<K, V, Q: SearchKey<K> + ?Sized>(entries: &[(K, V)], key: &Q) -> Result<usize, usize> {
    entries.binary_search_by(|(have, _)| key.compare(have).reverse())
}

/// The child whose keys may include `key`.
fn child_of<K, C, Q: SearchKey<K> + ?Sized>(children: &[(K, C)], key: &Q) -> usize {
    children[1..].partition_point(|(bound, _)| key.compare(bound) != Ordering::Less)
}

/// Entries of a [`PageMap`] in order.
pub struct Iter<'a, K, V> {
    /// What is left of the branches above the current leaf, outermost first.
    branches: Vec<slice::Iter<'a, Child<K, V>>>,
    leaf: slice::Iter<'a, (K, V)>,
}

impl<'a, K, V> Iter<'a, K, V> {
    fn empty() -> Self {
        Iter { branches: Vec::new(), leaf: [].iter() }
    }

    /// Goes to the first leaf below `page`.
    fn descend(&mut self, mut page: &'a Page<K, V>) {
        loop {
            match page {
                Page::Leaf(entries) => {
                    self.leaf = entries.iter();
                    return;
                }
                Page::Branch(children) => {
                    self.branches.push(children[1..].iter());
                    page = &children[0].1;
                }
            }
        }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.leaf.next() {
                return Some((key, value));
            }
            match self.branches.last_mut()?.next() {
                Some((_, page)) => self.descend(page),
                None => {
                    self.branches.pop();
                }
            }
        }
    }
}

impl<K, V> Clone for PageMap<K, V> {
    fn clone(&self) -> Self {
        PageMap { root: self.root.clone(), len: self.len }
    }
}

impl<K, V> Default for PageMap<K, V> {
    fn default() -> Self {
        PageMap::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for PageMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for PageMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for PageMap<K, V> {}

impl<K: Hash, V: Hash> Hash for PageMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.len.hash(state);
        for entry in self.iter() {
            entry.hash(state);
        }
    }
}

impl<K: Clone + Ord, V: Clone> FromIterator<(K, V)> for PageMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = PageMap::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Depth and fill of every page, bounds and order of every branch.
    fn check_pages(
        page: &Page<u16, u32>,
        is_root: bool,
        low: Option<u16>,
        high: Option<u16>,
    ) -> u32 {
        assert!(page.len() <= PAGE_MAX);
        assert!(is_root || page.len() >= PAGE_MIN);
        match page {
            Page::Leaf(entries) => {
                assert!(entries.is_sorted_by(|a, b| a.0 < b.0));
                for (key, _) in entries {
                    assert!(low.is_none_or(|low| low <= *key));
                    assert!(high.is_none_or(|high| *key < high));
                }
                1
            }
            Page::Branch(children) => {
                assert!(children.len() >= 2);
                let mut depths = Vec::new();
                for (at, (bound, child)) in children.iter().enumerate() {
                    let low = if at == 0 { low } else { Some(*bound) };
                    let high = children.get(at + 1).map(|next| next.0).or(high);
                    depths.push(check_pages(child, false, low, high));
                }
                assert!(depths.iter().all(|depth| *depth == depths[0]));
                depths[0] + 1
            }
        }
    }

    fn check(map: &PageMap<u16, u32>, model: &BTreeMap<u16, u32>) {
        assert_eq!(map.len(), model.len());
        assert!(map.iter().eq(model.iter()));
        match &map.root {
            Some(root) => assert!(check_pages(root, true, None, None) < 5),
            None => assert!(model.is_empty()),
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u16, u32),
        Change(u16, u32),
        Remove(u16),
        InsertRun(u16, u16),
        RemoveRun(u16, u16),
        Clone,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let key = 0u16..2000;
        let step = prop_oneof![
            4 => (key.clone(), any::<u32>()).prop_map(|(k, v)| Step::Insert(k, v)),
            2 => (key.clone(), any::<u32>()).prop_map(|(k, v)| Step::Change(k, v)),
            4 => key.clone().prop_map(Step::Remove),
            2 => (key.clone(), 0u16..400).prop_map(|(k, n)| Step::InsertRun(k, n)),
            2 => (key, 0u16..400).prop_map(|(k, n)| Step::RemoveRun(k, n)),
            1 => Just(Step::Clone),
        ];
        prop::collection::vec(step, 0..60)
    }

    fn run(step: &Step, map: &mut PageMap<u16, u32>, model: &mut BTreeMap<u16, u32>) {
        match *step {
            Step::Insert(key, value) => {
                assert_eq!(map.insert(key, value), model.insert(key, value));
            }
            Step::Change(key, value) => {
                let (have, want) = (map.get_mut(&key), model.get_mut(&key));
                assert_eq!(have.is_some(), want.is_some());
                if let (Some(have), Some(want)) = (have, want) {
                    *have = value;
                    *want = value;
                }
            }
            Step::Remove(key) => assert_eq!(map.remove(&key), model.remove(&key)),
            Step::InsertRun(from, n) => {
                for key in from..from + n {
                    assert_eq!(map.insert(key, 7), model.insert(key, 7));
                }
            }
            Step::RemoveRun(from, n) => {
                for key in (from..from + n).rev() {
                    assert_eq!(map.remove(&key), model.remove(&key));
                }
            }
            Step::Clone => {}
        }
    }

    proptest! {
        #[test]
        fn behaves_like_a_btree_map_and_clones_never_change(steps in steps(), probe in 0u16..2500) {
            let (mut map, mut model) = (PageMap::new(), BTreeMap::new());
            let mut clones = Vec::new();
            for step in &steps {
                if matches!(step, Step::Clone) {
                    clones.push((map.clone(), model.clone()));
                }
                run(step, &mut map, &mut model);
                check(&map, &model);
                prop_assert_eq!(map.get(&probe), model.get(&probe));
                prop_assert!(map.iter_from(&probe).eq(model.range(probe..)));
            }
            for (map, model) in &clones {
                check(map, model);
            }
        }
    }

    #[test]
    fn a_write_after_a_clone_copies_one_path() {
        let mut map: PageMap<u16, u32> = (0..3000).map(|key| (key, 0)).collect();
        let before = map.clone();
        map.insert(1500, 1);
        let (Some(Page::Branch(old)), Some(Page::Branch(new))) =
            (before.root.as_deref(), map.root.as_deref())
        else {
            panic!("3000 entries need branches");
        };
        let copied = old.iter().zip(new).filter(|(a, b)| !Arc::ptr_eq(&a.1, &b.1)).count();
        assert_eq!(copied, 1);
        assert_eq!(before.get(&1500), Some(&0));
    }
}
