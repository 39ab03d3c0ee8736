//! The replicated state: znodes and sessions, and what each transaction does to them.
//!
//! It is the same on every server after the same transaction. Not here: the checks of a request,
//! which come before a transaction is made.

pub mod acl;
pub mod apply;
pub mod data_tree;
mod key;
pub mod page_map;
pub mod path;
pub mod quota;
pub mod watch;
pub mod znode;

use core::hash::{Hash, Hasher};

use crate::types::{SessionId, Zxid};

pub use acl::{AclCache, AclKey};
pub use apply::{Applied, Change, ChangeKind};
pub use data_tree::{DataTree, LoadError};
pub use page_map::PageMap;
pub use quota::{Counted, Figures, OverQuota};
pub use watch::{Fired, Watch, WatchTable};
pub use znode::{Owner, Znode};

/// Tree and sessions after one transaction. A clone is cheap: pages are shared until written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Database {
    /// The znodes.
    pub tree: DataTree,
    /// Timeout in ms of every global session.
    pub sessions: PageMap<SessionId, i32>,
    /// The last transaction applied, [`Zxid::ZERO`] at first.
    pub last_zxid: Zxid,
}

impl Database {
    /// The state of a new ensemble: the built-in znodes, no session.
    pub fn genesis() -> Database {
        Database { tree: DataTree::fresh(), ..Database::default() }
    }
}

/// Feeds what sums the state up, not every znode: two states with the same digest, sessions and
/// last transaction are the same state.
impl Hash for Database {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tree.digest().hash(state);
        self.tree.node_count().hash(state);
        self.tree.data_size().hash(state);
        self.tree.ephemeral_count().hash(state);
        self.sessions.hash(state);
        self.last_zxid.hash(state);
    }
}
