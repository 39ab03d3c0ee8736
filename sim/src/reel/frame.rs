//! The shapes of what a camera sees. Their JSON is what the page's `types.ts` says.
//!
//! Not here: where the values come from (the other modules of this one).

use serde::{Serialize, Serializer};
use zablab_core::paxos::{Ballot, Proposal, Reading, Stage};
use zablab_core::trace::{Phase, Role};
use zablab_core::types::{ElectionEpoch, Epoch, Epochs, Mono, ServerId, SessionId, Zxid};
use zablab_core::wire::election::{PeerState, Vote};

use crate::formats::json;
use crate::step::{Host, LaneId};
use crate::trace::TraceEvent;

/// What one step changed. Frame 0 is the start and has everything.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Frame {
    /// Steps from the beginning of the run after this one.
    pub position: u64,
    /// Simulated time, in microseconds.
    pub at_us: Mono,
    /// The step in the words of docs/formats.md, section 2; null at the start.
    pub step: Option<String>,
    /// The event that tells most of what happened; null if there is nothing to show.
    #[serde(serialize_with = "as_line")]
    #[cfg_attr(feature = "ts", ts(type = "TraceLine | null"))]
    pub headline: Option<TraceEvent>,
    /// What the step is on the time axis, if it is a mark there.
    pub mark: Option<Mark>,
    /// Servers that changed, whole.
    pub servers: Vec<ServerFrame>,
    /// Clients that changed, whole.
    pub clients: Vec<ClientFrame>,
    /// All cut ways, if they changed.
    pub cuts: Option<Vec<Way>>,
    /// Messages that went under way.
    pub sent: Vec<Flight>,
    /// Messages that arrived or were lost.
    pub ended: Vec<FlightEnd>,
    /// All held messages (those behind a held one included), if they changed.
    pub held: Option<Vec<FlightId>>,
    /// Invariants that this step broke.
    pub broken: Vec<Broken>,
}

/// What a step was, for marks on the time axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the words are those of the protocol")]
pub enum Mark {
    Elected,
    Established,
    Committed,
    Crashed,
    Started,
    Cut,
    Healed,
    Watch,
    Expired,
    Truncated,
    Halted,
    Broken,
}

/// A direction between two hosts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Way {
    /// The sender.
    pub from: Host,
    /// The receiver.
    pub to: Host,
}

/// An invariant that was broken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(feature = "ts", ts(rename = "Violation"))]
pub struct Broken {
    /// Its id, such as `Z10`.
    pub invariant: String,
    /// What does not go together, in words.
    pub message: String,
}

/// A server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ServerFrame {
    /// Its number.
    pub sid: ServerId,
    /// True for an observer by configuration.
    pub observer: bool,
    /// null while it is down.
    pub up: Option<ServerState>,
    /// Of the disk: what a sync is under way for, or still needs; `failed` if the next one fails.
    pub disk: DiskFrame,
    /// The newest entries of its log, oldest first; of a server that is down, those on its disk.
    pub log: Vec<Tile>,
    /// How many older entries are not in `log`.
    pub earlier: u64,
    /// Set if it is no server but a Paxos process; then `up` is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub paxos: Option<PaxosFrame>,
}

/// A Paxos process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PaxosFrame {
    /// What a script calls it: `A1`, `P2`, `L1`.
    pub name: String,
    /// It promises and accepts.
    pub acceptor: bool,
    /// It proposes.
    pub proposer: bool,
    /// It is told what was accepted.
    pub learner: bool,
    /// null while it is down.
    pub up: Option<PaxosState>,
}

/// A Paxos process that is up. The names are those of the core's `PaxosView`.
#[allow(missing_docs, reason = "documented in PaxosView")]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PaxosState {
    pub promised: Option<Ballot>,
    pub accepted: Option<Proposal>,
    pub stage: Stage,
    pub ballot: Option<Ballot>,
    pub proposal: Option<Proposal>,
    pub counted: Vec<ServerId>,
    pub need: u32,
    pub learned: Option<String>,
    #[cfg_attr(
        feature = "ts",
        ts(type = "\"Idle\" | \"Asking\" | { Found: Proposal } | \"Failed\"")
    )]
    pub reading: Reading,
    pub answered: Vec<ServerId>,
    /// The next timer: when it was set and when it fires, in microseconds.
    pub timer: Option<TimerFrame>,
}

/// What a disk has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "documented at the field")]
pub enum DiskFrame {
    Idle,
    Writing,
    Unsynced,
    Failed,
}

/// A server that is up. The names are those of the core's `ServerView`.
#[allow(missing_docs, reason = "most fields are documented in ServerView")]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ServerState {
    pub role: Role,
    pub phase: Phase,
    pub leader: Option<ServerId>,
    pub serving: bool,
    pub read_only: bool,
    /// Who is the ensemble, as far as it knows; null if that cannot change.
    pub members: Option<MembersFrame>,
    pub epochs: Epochs,
    pub round: ElectionEpoch,
    pub vote: Option<Vote>,
    pub last_logged: Zxid,
    pub last_durable: Zxid,
    pub last_applied: Zxid,
    pub last_processed: Zxid,
    pub min_committed_log: Zxid,
    pub max_committed_log: Zxid,
    /// The latest vote of each voter known here, its own included.
    pub tally: Vec<TallyVote>,
    /// What it waits for a quorum of, if anything: the tray in the middle of the ring.
    pub tray: Option<Tray>,
    pub learners: Vec<LearnerFrame>,
    pub sessions: Vec<SessionFrame>,
    pub nodes: u64,
    pub watches: u64,
    /// The next timer: when it was set and when it fires, in microseconds.
    pub timer: Option<TimerFrame>,
}

/// The configuration that a server has in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MembersFrame {
    /// Which transaction changed it last.
    pub version: Zxid,
    /// Who votes.
    pub voters: Vec<ServerId>,
    /// Who observes.
    pub observers: Vec<ServerId>,
}

/// A vote that a server has counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TallyVote {
    /// Whose.
    pub voter: ServerId,
    /// What the voter said of itself.
    pub state: PeerState,
    /// For whom.
    pub vote: Vote,
    /// False for a vote outside the election (of a server that leads or follows).
    pub counted: bool,
}

/// What a server waits for a quorum of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Tray {
    /// `votes` for a candidate, `promises` of an epoch (ACKEPOCH), `synced` (ACK of NEWLEADER),
    /// `acks` of a proposal.
    pub of: TrayOf,
    /// For whom the votes are.
    pub candidate: Option<ServerId>,
    /// Which epoch is promised or synchronized; null while none is chosen.
    pub epoch: Option<Epoch>,
    /// Which proposal is acknowledged.
    pub zxid: Option<Zxid>,
    /// One for each voter.
    pub slots: Vec<Slot>,
    /// How many are in.
    pub have: u32,
    /// How many make a quorum.
    pub need: u32,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "documented at the field")]
pub enum TrayOf {
    Votes,
    Promises,
    Synced,
    Acks,
}

/// A voter's place in a tray.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Slot {
    /// Whose.
    pub sid: ServerId,
    /// `in`: counted. `expected`: what will be counted is under way. `open`: not yet.
    /// `down`, `cut`: cannot be filled as things are.
    pub state: SlotState,
}

/// How full a slot is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "documented at the field")]
pub enum SlotState {
    In,
    Expected,
    Open,
    Down,
    Cut,
}

/// A learner, as its leader sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LearnerFrame {
    /// Which.
    pub sid: ServerId,
    /// True once it acknowledged NEWLEADER.
    pub synced: bool,
    /// The last zxid it acknowledged.
    pub last_acked: Zxid,
}

/// A session, as a server knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SessionFrame {
    /// Its number.
    pub id: SessionId,
    /// Its timeout in ms.
    pub timeout_ms: i32,
    /// Its ephemeral znodes.
    pub ephemerals: u64,
}

/// A timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TimerFrame {
    /// When it was set.
    pub since_us: Mono,
    /// When it fires.
    pub due_us: Mono,
}

/// An entry of a log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Tile {
    /// Its place in the order of all transactions.
    pub zxid: Zxid,
    /// `create`, `set`, `delete`, `session`, `close`, `multi`, …
    pub op: String,
    /// Of which znode; null if of none, or of several.
    pub path: Option<String>,
    /// How far it has come on this server.
    pub state: TileState,
}

/// How far a log entry has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum TileState {
    /// Handed to the disk, not durable.
    Memory,
    /// Durable here.
    Disk,
    /// Durable here, and a quorum has it; this server does not know that yet.
    Acked,
    /// Known here to be committed.
    Committed,
    /// In the tree.
    Applied,
    /// Cut from the log.
    Truncated,
    /// A part of it is on the disk: a crash tore it.
    Torn,
    /// A snapshot that ends with it: all before it is folded in here.
    Snapshot,
}

/// A client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ClientFrame {
    /// Its name in events and lanes.
    pub host: Host,
    /// As in the script.
    pub name: String,
    /// Its session's state.
    pub state: ClientState,
    /// True while the server that it is connected to answers reads only, for want of a leader.
    pub read_only: bool,
    /// The server that it is connected to, or tries.
    pub server: Option<ServerId>,
    /// Its session, once it has a number.
    pub session: Option<SessionId>,
    /// Its calls without a result, oldest first.
    pub pending: Vec<CallFrame>,
    /// Its newest finished calls, oldest first, at most 8.
    pub done: Vec<CallFrame>,
    /// The watches it has.
    pub watches: Vec<WatchFrame>,
}

/// The state of a client's session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[allow(missing_docs, reason = "the words are those of ZooKeeper's clients")]
pub enum ClientState {
    Disconnected,
    Connected,
    Expired,
    Closed,
}

/// A request of a client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename = "ClientCall")]
pub struct CallFrame {
    /// Its number, counted over all clients.
    pub call: String,
    /// What it asks for.
    pub op: String,
    /// Of which znode.
    pub path: Option<String>,
    /// null while it is pending; `OK` or the error's name.
    pub result: Option<String>,
    /// The zxid in the reply's header.
    pub zxid: Option<Zxid>,
}

/// A watch of a client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct WatchFrame {
    /// On which znode.
    pub path: String,
    /// By which read it was left.
    pub kind: WatchOf,
}

/// Kinds of watches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the words are those of the reads")]
pub enum WatchOf {
    Data,
    Exists,
    Child,
    Persistent,
    Recursive,
}

/// A message's name: `12a.7`, lane and number, as in docs/formats.md, section 2.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FlightId(pub String);

impl FlightId {
    /// The name of this message.
    pub fn new(lane: LaneId, seq: u64) -> FlightId {
        FlightId(format!("{}.{seq}", String::from(lane)))
    }
}

/// A message under way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Flight {
    /// Its name.
    pub id: FlightId,
    /// The lane's name, `12a`.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub lane: LaneId,
    /// The sender.
    pub from: Host,
    /// The receiver.
    pub to: Host,
    /// Which kind of talk it belongs to.
    pub family: Family,
    /// At most three letters: `N`, `FI`, `P`, `cr`, `OK`.
    pub letters: String,
    /// The packet's name: `NOTIFICATION`, `PROPOSAL`, `create`, `reply`, …
    pub kind: String,
    /// Drawn hollow.
    pub reply: bool,
    /// Not drawn unless heartbeats are shown.
    pub quiet: bool,
    /// What it is about, if about a transaction or an epoch.
    pub zxid: Option<Zxid>,
    /// For whom, if it carries a vote.
    pub ballot: Option<ServerId>,
    /// The decoded packet, for the inspector: names are ZooKeeper's.
    pub fields: Vec<Field>,
    /// How many bytes it has.
    pub bytes: u64,
}

/// Kinds of talk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the words say it")]
pub enum Family {
    Election,
    Sync,
    Broadcast,
    Client,
    Heartbeat,
    Link,
}

/// A field of a packet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Field {
    /// ZooKeeper's name for it.
    pub name: String,
    /// Its value as text.
    pub value: String,
}

/// The end of a message's way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FlightEnd {
    /// Which.
    pub id: FlightId,
    /// How.
    pub how: How,
}

/// How a message ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the words say it")]
pub enum How {
    Delivered,
    Lost,
}

fn as_line<S: Serializer>(event: &Option<TraceEvent>, out: S) -> Result<S::Ok, S::Error> {
    event.as_ref().map(json::safe_value).serialize(out)
}
