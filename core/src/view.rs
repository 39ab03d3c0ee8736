//! The state of a server as plain data, for the page, the four-letter words and tests.
//!
//! Nothing here decides anything; it is copied out of the live state on demand.

use alloc::string::String;
use alloc::vec::Vec;

use crate::config::PeerRole;
use crate::trace::{Phase, Role};
use crate::types::{
    ConnId, ElectionEpoch, Epoch, Epochs, Mono, ServerId, SessionId, WallMs, Xid, Zxid,
};
use crate::wire::election::{PeerState, Vote};

/// One server.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ServerView {
    /// Its number, 0 when standalone.
    pub me: ServerId,
    /// What it does.
    pub role: Role,
    /// Which phase of that.
    pub phase: Phase,
    /// Whom it follows; itself if it leads.
    pub leader: Option<ServerId>,
    /// True while clients are served, reads and writes.
    pub serving: bool,
    /// True while they are served reads only, because there is no leader.
    pub read_only: bool,
    /// Both epochs, as in memory.
    pub epochs: Epochs,
    /// The election round.
    pub round: ElectionEpoch,
    /// The vote that it reports now.
    pub vote: Option<Vote>,
    /// Latest votes of this round, by voter.
    pub tally: Vec<TallyView>,
    /// Latest votes of servers that lead or follow, by voter.
    pub out_of_election: Vec<TallyView>,
    /// Last transaction handed to the log.
    pub last_logged: Zxid,
    /// Last transaction known to be durable here.
    pub last_durable: Zxid,
    /// Last transaction applied to the tree.
    pub last_applied: Zxid,
    /// What clients are told: `last_applied`, or `(e,0)` in a fresh epoch.
    pub last_processed: Zxid,
    /// First transaction of the window for DIFF.
    pub min_committed_log: Zxid,
    /// Last transaction of the window for DIFF.
    pub max_committed_log: Zxid,
    /// Proposals without a quorum, in order (leader), or without a COMMIT (learner).
    pub outstanding: Vec<ProposalView>,
    /// What it waits for a quorum of, if anything.
    pub awaited: Option<AwaitedView>,
    /// Connected learners (leader).
    pub learners: Vec<LearnerView>,
    /// Client connections.
    pub clients: Vec<ClientView>,
    /// Global sessions.
    pub sessions: Vec<SessionView>,
    /// Sessions that only this server has.
    pub local_sessions: u64,
    /// Znodes, the root counted once.
    pub node_count: u64,
    /// Registered watches.
    pub watch_count: u64,
    /// Ephemeral znodes.
    pub ephemeral_count: u64,
    /// Bytes of all paths and values.
    pub data_size: u64,
    /// The digest of the tree.
    #[cfg_attr(feature = "serde", serde(with = "crate::json::hex"))]
    pub digest: u64,
    /// Counters since the start.
    pub stats: Stats,
}

impl ServerView {
    /// The answer to the four-letter word `isro`.
    pub fn isro(&self) -> &'static str {
        match (self.serving, self.read_only) {
            (true, _) => "rw",
            (false, true) => "ro",
            (false, false) => "null",
        }
    }
}

/// A vote that a server has counted.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TallyView {
    /// Whose.
    pub voter: ServerId,
    /// What it said of itself.
    pub state: PeerState,
    /// For whom.
    pub vote: Vote,
}

/// A proposal under way.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ProposalView {
    /// Which.
    pub zxid: Zxid,
    /// Who acknowledged it, as far as this server knows.
    pub acks: Vec<ServerId>,
}

/// What a server waits for a quorum of.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AwaitedView {
    /// What is counted.
    pub what: Awaited,
    /// The voters that are counted already, by number.
    pub counted: Vec<ServerId>,
    /// How many make a quorum.
    pub need: u32,
}

/// What is counted on the way to a quorum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Awaited {
    /// Equal votes of this round for the server's own proposal.
    Votes {
        /// For whom.
        candidate: ServerId,
    },
    /// ACKEPOCH. Without an epoch, a quorum must first say which ones it promised.
    Promises {
        /// Of which epoch.
        epoch: Option<Epoch>,
    },
    /// ACK of NEWLEADER.
    Synced {
        /// Of which epoch.
        epoch: Epoch,
    },
    /// ACK of the oldest proposal that is not committed.
    Acks {
        /// Which.
        zxid: Zxid,
    },
}

/// A learner, as its leader sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LearnerView {
    /// Which.
    pub sid: ServerId,
    /// Whether it votes.
    pub role: PeerRole,
    /// True once it acknowledged NEWLEADER.
    pub synced: bool,
    /// The last zxid it acknowledged.
    pub last_acked: Zxid,
}

/// A client's connection.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClientView {
    /// Its name.
    pub conn: ConnId,
    /// `address:port` of the client.
    pub remote: String,
    /// Its session, once it has one.
    pub session: Option<SessionId>,
    /// Negotiated timeout in ms.
    pub timeout_ms: i32,
    /// Requests without an answer.
    pub outstanding: u64,
    /// Frames received.
    pub received: u64,
    /// Frames sent.
    pub sent: u64,
    /// Number of the last request answered.
    pub last_xid: Xid,
    /// Zxid of the last reply.
    pub last_zxid: Zxid,
    /// Watches set on this connection.
    pub watches: u64,
}

/// What a client's connection did last, and how long its answers took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct ClientTimes {
    /// When it began with its session, by the clock on the wall.
    pub established: WallMs,
    /// The operation that was answered last.
    pub last_op: Option<i32>,
    /// Number of the last request answered that was the client's own: no ping and the like.
    pub last_cxid: Option<Xid>,
    /// When that was answered, in ms since the start.
    pub last_reply_ms: u64,
    /// How long that took, in µs.
    pub last_us: u64,
    /// The shortest time from request to reply.
    pub min_us: u64,
    /// The longest.
    pub max_us: u64,
    /// The sum.
    pub total_us: u64,
    /// How many answers that were.
    pub replies: u64,
}

impl ClientTimes {
    /// Counts an answer.
    pub fn count(&mut self, xid: Xid, op: i32, now: Mono, took_us: u64) {
        self.last_op = Some(op);
        self.last_cxid = if xid.0 >= 0 { Some(xid) } else { self.last_cxid };
        self.last_reply_ms = now.as_ms();
        self.last_us = took_us;
        self.min_us = if self.replies == 0 { took_us } else { self.min_us.min(took_us) };
        self.max_us = self.max_us.max(took_us);
        self.total_us = self.total_us.saturating_add(took_us);
        self.replies += 1;
    }
}

/// A global session.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SessionView {
    /// Its number.
    pub id: SessionId,
    /// Its timeout in ms.
    pub timeout_ms: i32,
    /// Its ephemeral znodes.
    pub ephemerals: u64,
    /// When it expires, in ms since the start (leader and standalone only).
    pub expires_at_ms: Option<u64>,
}

/// Counters since the process was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stats {
    /// Client frames received.
    pub packets_received: u64,
    /// Client frames sent.
    pub packets_sent: u64,
    /// Requests answered.
    pub requests: u64,
    /// Shortest time from request to reply, in µs.
    pub latency_min_us: u64,
    /// Longest.
    pub latency_max_us: u64,
    /// Sum.
    pub latency_total_us: u64,
    /// Elections begun.
    pub elections: u64,
    /// Proposals made or received.
    pub proposals: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Bytes of the last proposal; -1 before the first.
    pub proposal_size_last: i64,
    /// Smallest; -1 before the first.
    pub proposal_size_min: i64,
    /// Largest; -1 before the first.
    pub proposal_size_max: i64,
    /// Synchronizations by DIFF given.
    pub syncs_diff: u64,
    /// By TRUNC.
    pub syncs_trunc: u64,
    /// By SNAP.
    pub syncs_snap: u64,
}
