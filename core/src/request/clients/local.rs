//! Sessions that only this server has: they begin and end here, without a transaction.
//!
//! In read-only mode every session is one, as there is no leader to ask; with
//! `localSessionsEnabled` every new one is (ZOOKEEPER-1147). They own no ephemeral znodes, and are
//! gone when the role ends that served them. One that makes an ephemeral znode may become a
//! session of the ensemble before that, with the same number.
//! Source: Java's `ReadOnlyZooKeeperServer`, `ReadOnlyRequestProcessor`, `LearnerSessionTracker`,
//! `QuorumZooKeeperServer.checkUpgradeSession`.

use alloc::vec::Vec;

use super::{Clients, Offer, Scene, Service, Upstream};
use crate::process::{Effect, Out};
use crate::trace::Event;
use crate::tree::Database;
use crate::types::{ConnId, Mono, SessionId};
use crate::wire::client::{CreateMode, CreateRequest, ErrorCode, MultiOp, OpCode, Request};

impl Clients {
    /// Reads are served from here on, and nothing else, to clients that ask for no more.
    pub fn start_read_only(&mut self) {
        self.service = Service::ReadOnly;
    }

    /// Whether reads are served and nothing else.
    pub fn is_read_only(&self) -> bool {
        self.service == Service::ReadOnly
    }

    /// When the next session that only this server has may be over.
    pub fn deadline(&self) -> Option<Mono> {
        self.local.deadline()
    }

    /// Ends those of them whose time is over, and names them.
    pub fn expire_local(&mut self, now: Mono, out: &mut Out<Effect>) -> Vec<SessionId> {
        let expired = self.local.expire(now);
        for session in expired.iter().copied() {
            self.local.remove(session);
            out.milestone(Event::LocalSessionEnded { session, expired: true });
            if let Some(conn) = self.by_session.get(&session).copied() {
                self.disconnect(conn, out);
            }
        }
        expired
    }

    /// Whether a new session is one of this server alone.
    pub(super) fn begins_local(&self) -> bool {
        self.service == Service::ReadOnly || self.sessions.local
    }

    /// How many there are.
    pub fn local_count(&self) -> usize {
        self.local.count()
    }

    /// Whether a session that this server has not may be said to be over, without a leader. Its
    /// server knew of one of the ensemble before its client did, so the number says enough if it
    /// is ours. With local sessions each one is taken for one that its server has lost, as in Java.
    pub(super) fn is_over(&self, session: SessionId, database: &Database) -> bool {
        let is_lost = self.sessions.local || session.is_made_by(self.me);
        is_lost && !database.sessions.contains_key(&session)
    }

    /// What is served of a request: all of it, unless only reads are, or it would give an
    /// ephemeral znode to a session that only this server has.
    pub(super) fn admit(
        &self,
        op: i32,
        is_local: bool,
        decoded: Result<Request, ErrorCode>,
    ) -> Result<Request, ErrorCode> {
        let needs_leader = OpCode::from_wire(op).is_some_and(needs_leader);
        if self.service == Service::ReadOnly && needs_leader {
            return Err(ErrorCode::NotReadOnly);
        }
        if is_local && !self.sessions.upgrades && decoded.as_ref().is_ok_and(asks_for_ephemeral) {
            return Err(ErrorCode::EphemeralOnLocalSession);
        }
        decoded
    }

    /// A session that only this server has becomes one of the ensemble.
    pub(super) fn upgrade(&mut self, scene: &mut Scene, offer: Offer) -> Upstream {
        let Offer { session, timeout_ms, .. } = offer;
        self.local.remove(session);
        scene.out.event(|| Event::LocalSessionUpgraded { session });
        self.create_session(session, timeout_ms)
    }

    /// The client closed a session of this server alone, and was answered.
    pub(super) fn end_local(&mut self, scene: &mut Scene, conn: ConnId) {
        let session = self.session_of(conn);
        self.local.remove(session);
        scene.out.event(|| Event::LocalSessionEnded { session, expired: false });
        self.disconnect(conn, scene.out);
    }
}

/// Whether a request makes an ephemeral znode.
pub(super) fn asks_for_ephemeral(request: &Request) -> bool {
    let is_ephemeral = |create: &CreateRequest| {
        CreateMode::from_wire(create.flags).is_some_and(CreateMode::is_ephemeral)
    };
    match request {
        Request::Create(create) | Request::Create2(create) => is_ephemeral(create),
        Request::Multi(parts) => parts.iter().any(|part| match part {
            MultiOp::Create(create) | MultiOp::Create2(create) => is_ephemeral(create),
            _ => false,
        }),
        _ => false,
    }
}

/// What a server that only reads refuses, whatever is asked of the request's body. Sync is among
/// it: nobody can say what is committed.
fn needs_leader(op: OpCode) -> bool {
    let ends_session = op == OpCode::CloseSession;
    let is_other_write = matches!(op, OpCode::Sync | OpCode::Check | OpCode::DeleteContainer);
    !ends_session && (op.is_write() || is_other_write)
}
