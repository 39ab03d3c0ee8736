//! The one vocabulary of what happened. The page, the server's log, the invariants, script output
//! and the live stream all read these events; nothing else says what happened.
//!
//! Names are past-tense facts of the protocol. A driver adds time, server and sequence number.

use alloc::string::String;
use alloc::vec::Vec;

use crate::paxos::{Ballot, Proposal, Value};
use crate::tree::OverQuota;
use crate::types::{
    ConnId, ElectionEpoch, Epoch, Path, ServerId, SessionId, Tag, Ticket, Xid, Zxid,
};
use crate::wire::election::{PeerState, Vote};
use crate::wire::quorum::PacketKind;

/// What a server did or noticed. Each variant's line says what its fields are.
#[allow(missing_docs, reason = "the types of the fields are documented where they are defined")]
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "event"))]
#[non_exhaustive]
pub enum Event {
    // Election.
    /// A vote went to a peer's queue.
    NotificationSent { to: ServerId, state: PeerState, vote: Vote },
    /// A vote came in and was judged.
    NotificationReceived { from: ServerId, state: PeerState, vote: Vote, verdict: Verdict },
    /// The election began a round.
    ElectionStarted { round: ElectionEpoch },
    /// The own proposal changed.
    VoteChanged { vote: Vote, reason: Reason },
    /// A quorum agrees; a better vote has this long to show up.
    QuorumReached { vote: Vote, voters: Vec<ServerId> },
    /// A poll ended: so many votes name servers that answered, so many the first of them.
    PollEnded { valid: u32, votes: u32 },
    /// A server is asked for a challenge, to be told of a vote.
    ChallengeAsked { to: ServerId, tag: Tag },
    /// A challenge was given to whoever receives at that server's address.
    ChallengeGiven { to: ServerId, tag: Tag },
    /// A vote without its challenge, or with another, was dropped.
    NotificationDistrusted { from: ServerId, tag: Tag },
    /// A vote that came as a datagram was acknowledged.
    NotificationAcked { to: ServerId, tag: Tag },
    /// The election is over.
    Elected { vote: Vote },
    // Roles.
    /// A role began.
    RoleChanged { role: Role, leader: Option<ServerId> },
    /// A phase of Zab began.
    PhaseEntered { phase: Phase },
    /// A role ended.
    RoleLeft { role: Role, why: Leave },
    // Discovery and synchronization.
    /// The leader chose the epoch.
    EpochProposed { epoch: Epoch },
    /// An epoch became durable.
    AcceptedEpochSet { epoch: Epoch },
    /// An epoch became durable.
    CurrentEpochSet { epoch: Epoch },
    /// The leader refused a learner with a more recent history, or of another epoch.
    LearnerRefused { learner: ServerId, why: Refusal },
    /// The leader looked into its log for what a learner lacks.
    LogRead {
        /// For whom.
        learner: ServerId,
        /// Its last transaction.
        peer_last: Zxid,
        /// How many were found from that one on; 0 if the log does not help.
        records: u32,
    },
    /// The leader chose how a learner is brought up to date.
    SyncChosen { learner: ServerId, peer_last: Zxid, mode: SyncMode, to: Zxid, entries: u32 },
    /// A quorum acknowledged NEWLEADER.
    Established { epoch: Epoch },
    /// This server's history ends here as it adopts the epoch.
    HistoryAdopted { epoch: Epoch, last: Zxid },
    /// The log was cut after a transaction.
    Truncated { after: Zxid },
    /// A state that came by SNAP replaced the tree.
    SnapshotInstalled { zxid: Zxid },
    // Reconfiguration.
    /// A configuration was proposed, and is being written.
    ConfigSeen { version: Zxid },
    /// A configuration is in force.
    ConfigActivated { version: Zxid },
    /// The leader is none of the new configuration's; this server leads it from now on.
    LeaderDesignated { leader: ServerId },
    // Packets between servers.
    /// A packet went out on the quorum port.
    PacketSent { to: ServerId, kind: PacketKind, zxid: Zxid },
    /// A packet came in on the quorum port.
    PacketReceived { from: ServerId, kind: PacketKind, zxid: Zxid },
    // Broadcast.
    /// A request asks for more than the limits of a subtree, with `enforceQuota`; it is refused if
    /// the limit is a hard one.
    QuotaExceeded(OverQuota),
    /// The leader gave a transaction its place.
    Proposed { zxid: Zxid, op: i32, session: SessionId, cxid: Xid },
    /// A transaction was handed to the log.
    Appended { zxid: Zxid, ticket: Ticket },
    /// Every write up to here is durable.
    Synced { through: Ticket, last_logged: Zxid },
    /// The leader counted an acknowledgement.
    Acked { zxid: Zxid, by: ServerId },
    /// The leader has a quorum for it, and for all before it; a learner was told so.
    Committed { zxid: Zxid },
    /// The tree has it.
    Applied { zxid: Zxid, op: i32, session: SessionId, error: i32 },
    // Sessions and clients.
    /// A client's connection became part of a session.
    SessionAttached { session: SessionId, conn: ConnId, timeout_ms: i32, renewed: bool },
    /// A client was turned away.
    ClientRefused { conn: ConnId, why: String },
    /// Reads are served without a leader.
    ReadOnlyBegan,
    /// That is over: there is a leader, or an election ended for nothing.
    ReadOnlyEnded,
    /// A session began that only this server has.
    LocalSessionBegun { session: SessionId, timeout_ms: i32 },
    /// It becomes one of the ensemble.
    LocalSessionUpgraded { session: SessionId },
    /// It ended: its time was over, or its client closed it.
    LocalSessionEnded { session: SessionId, expired: bool },
    /// The leader gave a session up.
    SessionExpired { session: SessionId },
    /// A request came from a client.
    Requested { session: SessionId, xid: Xid, op: i32, path: Option<Path> },
    /// A reply went to a client.
    Replied { session: SessionId, xid: Xid, op: i32, zxid: Zxid, error: i32 },
    /// A watch event went to a client.
    WatchFired { session: SessionId, kind: i32, path: Path, zxid: Zxid },
    /// The process stopped for good.
    Halted { why: String },
    // Single-decree Paxos.
    /// A proposer's number is durable, and it asks for promises.
    BallotBegun { ballot: Ballot },
    /// An acceptor promised, and told what it had accepted before.
    PromiseGiven { to: ServerId, ballot: Ballot, accepted: Option<Proposal> },
    /// An acceptor refused a number, because it had promised a greater one.
    BallotRefused { to: ServerId, ballot: Ballot, promised: Ballot },
    /// A proposer asks to accept; the value is not its own wish if it was adopted.
    ValueProposed { ballot: Ballot, value: Value, adopted: bool },
    /// An acceptor accepted, durably.
    ValueAccepted { ballot: Ballot, value: Value },
    /// A majority is known to have accepted.
    ValueLearned { ballot: Ballot, value: Value },
    /// A reader asks all acceptors.
    ReadBegun,
    /// A read ended: with what a majority has accepted, or without a value.
    ReadEnded { found: Option<Proposal> },
    /// A reader asks an acceptor to accept what the majority has.
    RepairSent { to: ServerId, ballot: Ballot },
}

/// What was done with a notification.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Verdict {
    /// The proposal became that vote.
    Adopted(Reason),
    /// The own vote is better or equal.
    Kept(Reason),
    /// Its round is newer: the own tally was cleared.
    JoinedRound,
    /// Counted when all were asked.
    Noted,
    /// Its round is older: not tallied, answered.
    OlderRound,
    /// Sender or candidate is no voter.
    NotVoter,
    /// Counted among the votes of servers that already lead or follow.
    OutOfElection,
    /// This server is not looking; the sender was answered with its vote.
    Answered,
    /// Nothing to do with it.
    Ignored,
}

/// Which field decided a comparison of votes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Reason {
    /// The candidate's weight: who has none is never elected.
    Weight,
    /// The candidate's epoch.
    Epoch,
    /// The candidate's last zxid.
    Zxid,
    /// The candidate's number.
    Sid,
    /// The votes are equal.
    Equal,
    /// The own first vote of a round.
    OwnVote,
    /// A newer round.
    Round,
}

/// The role of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Role {
    /// Waiting until the writes of the last role are durable, then looking.
    Settling,
    /// Electing.
    Looking,
    /// Following a leader.
    Following,
    /// Leading.
    Leading,
    /// Observing a leader.
    Observing,
    /// Alone, without an ensemble.
    Standalone,
    /// Stopped for good.
    Halted,
}

/// The phase of Zab inside a role.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Phase {
    /// Who leads?
    Election,
    /// Which epoch?
    Discovery,
    /// Which history?
    Synchronization,
    /// Normal work.
    Broadcast,
}

/// Why a role was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Leave {
    /// The leader could not be reached.
    LeaderUnreachable,
    /// The connection to the leader ended.
    LeaderLost,
    /// The leader was silent for too long.
    LeaderSilent,
    /// The leader's epoch is older than the promised one.
    OldEpoch,
    /// The leader broke the protocol.
    ProtocolError,
    /// No quorum of learners within initLimit.
    NoQuorumInTime,
    /// No quorum of learners heard of within syncLimit.
    QuorumLost,
    /// The zxid counter is used up (ZOOKEEPER-1277).
    CounterUsedUp,
    /// The log was to be cut where no older snapshot is left to cut back to.
    CannotCut,
    /// It had no history and followed without a vote; now it has one again.
    Synced,
    /// The new configuration gives it another role, or another leader.
    Reconfigured,
}

/// Why a leader refused a learner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Refusal {
    /// It has a more recent history than the leader (A.2, D5).
    MoreRecent,
    /// It is in no configuration.
    Unknown,
    /// Its configuration is newer.
    NewerConfig,
    /// It broke the protocol.
    ProtocolError,
    /// It did not acknowledge in time.
    TooSlow,
}

/// How a learner is brought up to date.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SyncMode {
    /// It gets what it lacks.
    Diff,
    /// It cuts its log.
    Trunc,
    /// It gets the whole tree.
    Snap,
}
