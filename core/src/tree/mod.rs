//! The replicated state: znodes and sessions.

use alloc::collections::BTreeMap;

use crate::types::{SessionId, Zxid};

/// Tree and sessions after one transaction. A clone is cheap: pages are shared until written.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// Timeout in ms of every global session.
    pub sessions: BTreeMap<SessionId, i32>,
    /// The last transaction applied, [`Zxid::ZERO`] at first.
    pub last_zxid: Zxid,
}
