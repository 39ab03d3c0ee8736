//! Access lists, each stored once; znodes hold its number.
//!
//! Not here: whether a list allows something.
//! Source: Java's `ReferenceCountedACLCache`.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::LoadError;
use super::page_map::PageMap;
use crate::txn::{Acl, Id};

/// The number of an access list, as the snapshot holds it: [`AclKey::OPEN`], or 1 and above.
///
/// Servers number their lists on their own; only the lists themselves are replicated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AclKey(pub i64);

impl AclKey {
    /// No list is stored: everybody may do everything. Built-in znodes have it.
    pub const OPEN: AclKey = AclKey(-1);
}

/// The greatest number taken from a snapshot, far from where new numbers would overflow.
const LOADED_KEY_MAX: i64 = 1 << 62;

/// The permission to read.
pub const READ: i32 = 1;
/// The permission to change data.
pub const WRITE: i32 = 2;
/// The permission to make children.
pub const CREATE: i32 = 4;
/// The permission to delete children.
pub const DELETE: i32 = 8;
/// The permission to change the access list.
pub const ADMIN: i32 = 16;
/// All permissions.
pub const ALL: i32 = 31;

/// The list `world:anyone` with these permissions.
pub fn world_anyone(perms: i32) -> Acl {
    Acl { perms, id: Id { scheme: "world".into(), id: "anyone".into() } }
}

/// The access lists in use.
#[derive(Clone, Debug, Default)]
pub struct AclCache {
    lists: PageMap<AclKey, Entry>,
    keys: PageMap<Arc<[Acl]>, AclKey>,
    /// The greatest number that a list or a znode ever had, 0 at first.
    key_max: i64,
}

#[derive(Clone, Debug)]
struct Entry {
    list: Arc<[Acl]>,
    /// Znodes that hold the number.
    uses: u64,
}

impl AclCache {
    /// The list with this number. [`AclKey::OPEN`] has none, nor has a number that a fuzzy
    /// snapshot left behind, until the log brings its list.
    pub fn get(&self, key: AclKey) -> Option<&[Acl]> {
        self.lists.get(&key).map(|entry| &*entry.list)
    }

    /// As [`AclCache::get`], shared, for what outlives the znode.
    pub(super) fn shared(&self, key: AclKey) -> Option<Arc<[Acl]>> {
        self.lists.get(&key).map(|entry| entry.list.clone())
    }

    /// The list that clients are shown: for [`AclKey::OPEN`] it is `world:anyone` with all
    /// permissions.
    pub fn shown(&self, key: AclKey) -> Option<Vec<Acl>> {
        match key {
            AclKey::OPEN => Some([world_anyone(ALL)].into()),
            key => self.get(key).map(Vec::from),
        }
    }

    /// Whether a snapshot may hold this number.
    pub fn is_loadable(key: AclKey) -> bool {
        key == AclKey::OPEN || (1..=LOADED_KEY_MAX).contains(&key.0)
    }

    /// All lists by number, as a snapshot holds them.
    pub fn iter(&self) -> impl Iterator<Item = (AclKey, &[Acl])> {
        self.lists.iter().map(|(key, entry)| (*key, &*entry.list))
    }

    /// How many lists are stored.
    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// True if no list is stored.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Stores a list of a snapshot under the number it has there.
    ///
    /// # Errors
    /// [`LoadError::AclKey`] if no list may have this number, or one has it already.
    pub fn load(&mut self, key: AclKey, list: Vec<Acl>) -> Result<(), LoadError> {
        if key == AclKey::OPEN || !AclCache::is_loadable(key) || self.lists.contains_key(&key) {
            return Err(LoadError::AclKey { key: key.0 });
        }
        let list: Arc<[Acl]> = list.into();
        self.key_max = self.key_max.max(key.0);
        self.lists.insert(key, Entry { list: list.clone(), uses: 0 });
        if !self.keys.contains_key(&list) {
            self.keys.insert(list, key);
        }
        Ok(())
    }

    /// Forgets the lists that no znode uses, such as those a fuzzy snapshot took along.
    pub fn drop_unused(&mut self) {
        let unused: Vec<AclKey> =
            self.lists.iter().filter(|(_, entry)| entry.uses == 0).map(|(key, _)| *key).collect();
        for key in unused {
            self.forget(key);
        }
    }

    /// The number of `list`, for one more znode. An empty list is [`AclKey::OPEN`].
    pub(super) fn acquire(&mut self, list: &[Acl]) -> AclKey {
        if list.is_empty() {
            return AclKey::OPEN;
        }
        if let Some(&key) = self.keys.get(list) {
            self.acquire_key(key);
            return key;
        }
        self.key_max += 1;
        let (key, list) = (AclKey(self.key_max), Arc::from(list));
        self.lists.insert(key, Entry { list: Arc::clone(&list), uses: 1 });
        self.keys.insert(list, key);
        key
    }

    /// One more znode holds this number. It need not be known: the lists of a fuzzy snapshot are
    /// written before its znodes.
    pub(super) fn acquire_key(&mut self, key: AclKey) {
        self.key_max = self.key_max.max(key.0);
        if let Some(entry) = self.lists.get_mut(&key) {
            entry.uses += 1;
        }
    }

    /// One znode less holds this number; a list without znodes is forgotten.
    pub(super) fn release(&mut self, key: AclKey) {
        let Some(entry) = self.lists.get_mut(&key) else { return };
        entry.uses = entry.uses.saturating_sub(1);
        if entry.uses == 0 {
            self.forget(key);
        }
    }

    pub(super) fn miscount(&mut self) {
        let keys: Vec<AclKey> = self.lists.iter().map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(entry) = self.lists.get_mut(&key) {
                entry.uses = 1;
            }
        }
    }

    fn forget(&mut self, key: AclKey) {
        let Some(entry) = self.lists.remove(&key) else { return };
        // A snapshot may hold one list under two numbers; then the other one stays the list's.
        if self.keys.get(&*entry.list) == Some(&key) {
            self.keys.remove(&*entry.list);
        }
    }
}
