//! What a server serves without the ensemble: reads while it looks for a leader, and sessions that
//! only it has.
//!
//! Source: Java's `QuorumPeer.run`, `ReadOnlyZooKeeperServer`.

use super::{Peer, RoleState};
use crate::policy::Policy;
use crate::process::{Effect, Out};
use crate::request::Request;
use crate::trace::Event;
use crate::txn::{LogRecord, Txn, TxnHeader};
use crate::types::{Mono, Now, SessionId, Zxid};
use crate::wire::txn;

impl<P: Policy> Peer<P> {
    /// An election began: reads are served if it lasts. Who has lost its history has none to show.
    pub(super) fn prepare_read_only(&mut self, now: Mono) {
        let config = &self.shared.config;
        let serves = config.sessions.read_only_mode && !self.shared.is_amnesiac();
        self.read_only_at = serves.then(|| now.plus_ms(config.read_only_wait_ms()));
    }

    /// The election is over: who was served reads finds another server, or comes back.
    pub(super) fn end_read_only(&mut self, out: &mut Out<Effect>) {
        self.read_only_at = None;
        if self.shared.clients.is_read_only() {
            self.shared.clients.stop_serving(out);
            out.milestone(Event::ReadOnlyEnded);
        }
    }

    pub(super) fn deadline_of_local_sessions(&self) -> Option<Mono> {
        self.read_only_at.into_iter().chain(self.shared.clients.deadline()).min()
    }

    /// Begins to serve reads when it is time, and ends the local sessions whose time is over.
    pub(super) fn on_local_timer(&mut self, now: Now, out: &mut Out<Effect>) {
        if self.read_only_at.is_some_and(|at| at <= now.mono) {
            self.read_only_at = None;
            self.shared.clients.start_read_only();
            out.milestone(Event::ReadOnlyBegan);
        }
        for session in self.shared.clients.expire_local(now.mono, out) {
            self.on_local_end(now, session, out);
        }
    }

    /// A local session ends. That is nobody else's concern, and nothing that a server may log
    /// without a leader (ZOOKEEPER-3526).
    pub(super) fn on_local_end(&mut self, now: Now, session: SessionId, out: &mut Out<Effect>) {
        if !matches!(self.role, RoleState::Looking(_))
            || self.shared.policy.read_only_logs_nothing()
        {
            return;
        }
        let last = self.shared.history.pending().back().map_or(Zxid::ZERO, LogRecord::zxid);
        let zxid = Zxid(last.0 + 1);
        let Request { session, cxid, .. } = Request::expiry(session);
        let header = TxnHeader { session, cxid, zxid, time: now.wall };
        let txn = Txn::CloseSession { paths: None };
        let encoded = txn::encode(&header, &txn, None);
        self.shared.append(LogRecord { header, txn, digest: None, encoded }, out);
    }
}
