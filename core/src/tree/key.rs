//! What the map of znodes is ordered by: the path of the parent, then the name.
//!
//! So the children of a znode stand together, in the order of their names, behind the children of
//! every znode with a lesser path. A search compares a dozen keys that lie anywhere in memory; what
//! decides almost always is therefore in the key itself.

use core::cmp::Ordering;

use super::page_map::SearchKey;
use super::path;
use crate::types::Path;

/// How many bytes of a parent's path, and of a name, are in the key itself.
const HEAD_LEN: usize = 16;

/// The key of a znode. It shares the path with the transaction that made the znode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NodeKey {
    path: Path,
    parent_len: usize,
    parent_head: u128,
    name_head: u128,
}

/// A path to search with. Both parts of the root are empty.
#[derive(Clone, Copy)]
pub(super) struct PathKey<'a> {
    parent: Part<'a>,
    name: Part<'a>,
}

/// A text that is compared byte by byte, and the first bytes of it as a number.
#[derive(Clone, Copy)]
struct Part<'a> {
    bytes: &'a [u8],
    head: u128,
}

impl NodeKey {
    /// The key of the znode at `path`; the root's is the empty string.
    pub(super) fn of(path: Path) -> NodeKey {
        let (parent, name) = path.rsplit_once('/').unwrap_or_default();
        let (parent_len, parent_head, name_head) =
            (parent.len(), head(parent.as_bytes()), head(name.as_bytes()));
        NodeKey { path, parent_len, parent_head, name_head }
    }

    /// The whole path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the parent; the root's own is empty.
    pub(super) fn parent(&self) -> &str {
        &self.path[..self.parent_len]
    }

    /// The last part of the path; the root's is empty.
    pub(super) fn name(&self) -> &str {
        self.path.get(self.parent_len + 1..).unwrap_or_default()
    }

    fn split(&self) -> PathKey<'_> {
        // The bytes and not the text: to cut that would read it.
        let (parent, name) = self.path.as_bytes().split_at(self.parent_len);
        PathKey {
            parent: Part { bytes: parent, head: self.parent_head },
            name: Part { bytes: name.get(1..).unwrap_or_default(), head: self.name_head },
        }
    }
}

impl<'a> PathKey<'a> {
    /// `None` for what cannot be the path of a znode.
    pub(super) fn of(path: &'a str) -> Option<PathKey<'a>> {
        if path::stored(path).is_empty() {
            return Some(PathKey { parent: Part::of(""), name: Part::of("") });
        }
        let (parent, name) = path::split(path)?;
        Some(PathKey { parent: Part::of(parent), name: Part::of(name) })
    }

    /// Where the children of a znode begin.
    pub(super) fn before_children_of(parent: &'a str) -> PathKey<'a> {
        PathKey { parent: Part::of(parent), name: Part::of("") }
    }
}

impl<'a> Part<'a> {
    fn of(text: &'a str) -> Part<'a> {
        Part { bytes: text.as_bytes(), head: head(text.as_bytes()) }
    }

    fn compare(&self, other: &Part<'_>) -> Ordering {
        self.head.cmp(&other.head).then_with(|| {
            if self.bytes.len() <= HEAD_LEN && other.bytes.len() <= HEAD_LEN {
                // One is the other, with zeros behind it or not.
                self.bytes.len().cmp(&other.bytes.len())
            } else {
                self.bytes.cmp(other.bytes)
            }
        })
    }
}

/// The first bytes, most significant first, and zeros if there are fewer: a lesser head is that of
/// a lesser text.
fn head(bytes: &[u8]) -> u128 {
    let mut head = [0; HEAD_LEN];
    let len = bytes.len().min(HEAD_LEN);
    head[..len].copy_from_slice(&bytes[..len]);
    u128::from_be_bytes(head)
}

impl Ord for NodeKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.split().compare(other)
    }
}

impl PartialOrd for NodeKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl SearchKey<NodeKey> for PathKey<'_> {
    fn compare(&self, key: &NodeKey) -> Ordering {
        let key = key.split();
        self.parent.compare(&key.parent).then_with(|| self.name.compare(&key.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Parts of few letters and many lengths around that of a head, zeros among the letters.
    fn any_path() -> impl Strategy<Value = Path> {
        let name = proptest::string::string_regex("(ab){6,8}[a\\x00é]{0,5}|[ab\\x00]{1,3}");
        let names = proptest::collection::vec(name.expect("it is a pattern"), 0..4);
        names.prop_map(|names| {
            names.iter().flat_map(|name| ["/", name]).collect::<alloc::string::String>().into()
        })
    }

    proptest! {
        #[test]
        fn keys_compare_as_parent_and_name_do(a in any_path(), b in any_path()) {
            let texts = |path: &Path| {
                let (parent, name) = path.rsplit_once('/').unwrap_or_default();
                (parent.to_owned(), name.to_owned())
            };
            let (one, other) = (NodeKey::of(a.clone()), NodeKey::of(b.clone()));
            prop_assert_eq!((one.parent().to_owned(), one.name().to_owned()), texts(&a));
            prop_assert_eq!(one.cmp(&other), texts(&a).cmp(&texts(&b)));
            prop_assert_eq!(one == other, a == b);
            let searched = PathKey::of(&a).expect("no name is empty");
            prop_assert_eq!(searched.compare(&other), texts(&a).cmp(&texts(&b)));
        }
    }
}
