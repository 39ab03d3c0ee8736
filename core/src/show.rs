//! How a server shows itself: its [`ServerView`], copied out of the live state.

use alloc::vec::Vec;

use crate::election::Ballot;
use crate::peer::{Peer, RoleState};
use crate::policy::Policy;
use crate::request::sessions::SessionTracker;
use crate::sorted::SortedMap;
use crate::txn::LogRecord;
use crate::types::{ServerId, Zxid};
use crate::view::{
    Awaited, AwaitedView, LearnerView, ProposalView, ServerView, SessionView, TallyView,
};
use crate::zab::broadcast::Broadcast;

impl<P: Policy> Peer<P> {
    /// Its state as plain data.
    pub fn view(&self) -> ServerView {
        let shared = &self.shared;
        let window = shared.history.applied();
        let last_applied = shared.database.last_zxid;
        let (tally, out_of_election) = self.ballots();
        ServerView {
            me: shared.me(),
            role: self.role(),
            phase: self.phase(),
            leader: self.leader(),
            serving: shared.clients.is_serving(),
            read_only: shared.clients.is_read_only(),
            epochs: shared.epochs(),
            round: self.round,
            vote: shared.vote,
            tally,
            out_of_election,
            last_logged: shared.disk.last_logged(),
            last_durable: shared.disk.last_durable(),
            last_applied,
            last_processed: shared.last_processed(),
            min_committed_log: window.front().map_or(last_applied, LogRecord::zxid),
            max_committed_log: window.back().map_or(last_applied, LogRecord::zxid),
            outstanding: self.outstanding(),
            awaited: self.awaited(),
            learners: self.learners(),
            clients: shared.clients.view(),
            sessions: self.sessions(),
            local_sessions: shared.clients.local_count() as u64,
            node_count: shared.database.tree.node_count(),
            watch_count: shared.clients.watch_count(),
            ephemeral_count: shared.database.tree.ephemeral_count(),
            data_size: shared.database.tree.data_size(),
            digest: shared.database.tree.digest(),
            stats: shared.stats,
        }
    }

    /// The last transaction that it knows to be committed while it serves.
    pub fn committed(&self) -> Option<Zxid> {
        match &self.role {
            RoleState::Leading(leader) => leader.broadcast().map(Broadcast::last_committed),
            RoleState::Learning(learner) => learner.committed(),
            RoleState::Standalone(_) => Some(self.shared.disk.last_durable()),
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Halted => None,
        }
    }

    fn ballots(&self) -> (Vec<TallyView>, Vec<TallyView>) {
        let RoleState::Looking(election) = &self.role else { return (Vec::new(), Vec::new()) };
        (tally(&election.received()), tally(&election.out_of_election()))
    }

    fn outstanding(&self) -> Vec<ProposalView> {
        let broadcast = match &self.role {
            RoleState::Leading(leader) => leader.broadcast(),
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Learning(_)
            | RoleState::Standalone(_)
            | RoleState::Halted => None,
        };
        let acks_of = |zxid: Zxid| match broadcast {
            Some(broadcast) => broadcast.acks_of(zxid),
            None => Vec::new(),
        };
        let pending = self.shared.history.pending().iter().map(LogRecord::zxid);
        pending.map(|zxid| ProposalView { zxid, acks: acks_of(zxid) }).collect()
    }

    fn awaited(&self) -> Option<AwaitedView> {
        let (what, counted): (Awaited, Vec<ServerId>) = match &self.role {
            RoleState::Looking(election) => {
                let candidate = election.proposal().leader;
                if !candidate.is_named() {
                    return None;
                }
                (Awaited::Votes { candidate }, election.agreeing())
            }
            RoleState::Leading(leader) => leader.awaited(&self.shared)?,
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Learning(_)
            | RoleState::Standalone(_)
            | RoleState::Halted => return None,
        };
        let need = self.shared.quorums.need(&self.shared.policy, &counted) as u32;
        Some(AwaitedView { what, counted, need })
    }

    fn learners(&self) -> Vec<LearnerView> {
        match &self.role {
            RoleState::Leading(leader) => leader.learner_views(),
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Learning(_)
            | RoleState::Standalone(_)
            | RoleState::Halted => Vec::new(),
        }
    }

    fn sessions(&self) -> Vec<SessionView> {
        let tracker: Option<&SessionTracker> = match &self.role {
            RoleState::Leading(leader) => {
                leader.broadcast().map(|broadcast| &broadcast.pipeline.sessions)
            }
            RoleState::Standalone(standalone) => Some(&standalone.pipeline.sessions),
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Learning(_)
            | RoleState::Halted => None,
        };
        let database = &self.shared.database;
        let view = |(id, timeout_ms): (&_, &i32)| SessionView {
            id: *id,
            timeout_ms: *timeout_ms,
            ephemerals: database.tree.ephemerals_of(*id).count() as u64,
            expires_at_ms: tracker.and_then(|tracker| tracker.expires_at_ms(*id)),
        };
        database.sessions.iter().map(view).collect()
    }
}

fn tally(ballots: &SortedMap<ServerId, Ballot>) -> Vec<TallyView> {
    let view = |(voter, ballot): (&ServerId, &Ballot)| TallyView {
        voter: *voter,
        state: ballot.state,
        vote: ballot.vote,
    };
    ballots.iter().map(view).collect()
}
