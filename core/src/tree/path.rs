//! Paths: which are well formed, and where parent and name are.
//!
//! The root is `/` for clients and the empty string in snapshots and digests; both name it here.
//! Source: Java's `PathUtils.validatePath`.

/// The path of the root as clients write it.
pub const ROOT: &str = "/";
/// The folder of the built-in znodes.
pub const ZOOKEEPER: &str = "/zookeeper";
/// The folder of the quotas.
pub const QUOTA: &str = "/zookeeper/quota";
/// The znode that holds the configuration of the ensemble.
pub const CONFIG: &str = "/zookeeper/config";

/// True if a znode may be made at `path`, or be written there: it starts with a slash, does not
/// end with one (but for the root), has no empty component, no `.` or `..`, and no character that
/// ZooKeeper refuses.
pub fn is_valid(path: &str) -> bool {
    if path == ROOT {
        return true;
    }
    let Some(relative) = path.strip_prefix('/') else { return false };
    relative.split('/').all(|name| !matches!(name, "" | "." | ".."))
        && !path.chars().any(is_refused)
}

/// True for the four built-in znodes, which cannot be deleted.
pub fn is_special(path: &str) -> bool {
    matches!(path, ROOT | ZOOKEEPER | QUOTA | CONFIG)
}

/// Parent and name of a path other than the root; the parent of `/a` is the empty string.
///
/// `None` for the root and for what cannot be the path of a znode. It is deliberately not a full
/// check: logs and snapshots hold what some server once accepted.
pub fn split(path: &str) -> Option<(&str, &str)> {
    if !path.starts_with('/') {
        return None;
    }
    let (parent, name) = path.rsplit_once('/')?;
    (!name.is_empty() && !parent.ends_with('/')).then_some((parent, name))
}

/// The path as the tree keeps it: empty for the root.
pub(super) fn stored(path: &str) -> &str {
    if path == ROOT { "" } else { path }
}

/// The path that clients see: `/` for the empty string.
pub fn shown(path: &str) -> &str {
    if path.is_empty() { ROOT } else { path }
}

/// Characters outside the basic plane are refused because Java tests the halves of their
/// surrogate pairs.
fn is_refused(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}'
        | '\u{fff0}'..='\u{ffff}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_paths() {
        for path in ["/", "/a", "/a/b", "/a/...", "/a/.b", "/a b", "/ü", "/中", "/\u{fdff}", "/ "]
        {
            assert!(is_valid(path), "{path:?}");
        }
    }

    #[test]
    fn malformed_paths() {
        for path in ["", "a", "a/b", "//", "/a/", "//a", "/a//b", "/.", "/..", "/a/./b", "/a/../b"]
        {
            assert!(!is_valid(path), "{path:?}");
        }
    }

    #[test]
    fn refused_characters() {
        let refused = [
            '\0',
            '\u{1}',
            '\u{1f}',
            '\u{7f}',
            '\u{9f}',
            '\u{e000}',
            '\u{f8ff}',
            '\u{fff0}',
            '\u{ffff}',
            '\u{1f600}',
        ];
        for c in refused {
            assert!(!is_valid(&format!("/a{c}")), "{c:?}");
        }
        for c in ['\u{20}', '\u{7e}', '\u{a0}', '\u{d7ff}', '\u{f900}', '\u{ffef}'] {
            assert!(is_valid(&format!("/a{c}")), "{c:?}");
        }
    }

    #[test]
    fn parent_and_name() {
        assert_eq!(split("/a"), Some(("", "a")));
        assert_eq!(split("/a/b"), Some(("/a", "b")));
        for path in ["", "/", "a", "a/b", "/a/", "//", "//a", "/a//b"] {
            assert_eq!(split(path), None, "{path:?}");
        }
    }
}
