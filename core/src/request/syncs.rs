//! Syncs of this server's own clients, waiting until what was committed before them is applied.

use alloc::collections::VecDeque;

use crate::policy::Policy;
use crate::process::{Effect, Out};
use crate::shared::Shared;
use crate::txn::LogRecord;
use crate::types::{Now, SessionId, Xid, Zxid};

/// In the order in which they were asked for.
#[derive(Clone, Debug, Default, Hash)]
pub struct WaitingSyncs {
    queue: VecDeque<(Zxid, SessionId, Xid)>,
}

impl WaitingSyncs {
    /// A sync that waits for everything up to `behind`.
    pub fn push(&mut self, behind: Zxid, session: SessionId, cxid: Xid) {
        self.queue.push_back((behind, session, cxid));
    }

    /// Answers those that wait for nothing more. A transaction that is committed but not durable
    /// here is not applied yet, so its sync still waits.
    pub fn release<P: Policy>(&mut self, shared: &mut Shared<P>, now: Now, out: &mut Out<Effect>) {
        let open = shared.history.pending().front().map(LogRecord::zxid);
        while let Some((_, session, cxid)) =
            self.queue.pop_front_if(|(behind, _, _)| open.is_none_or(|open| *behind < open))
        {
            shared.complete_sync(now, session, cxid, out);
        }
    }
}
