//! A script as data. What each line means: `docs/formats.md`, section 1.
//!
//! Comments and empty lines are not kept; rewriting expected output therefore works on the text.

use zablab_core::config::{CrossEpoch, ElectionAlg};
use zablab_core::paxos::{Ask, Ballot, Proposal};
use zablab_core::quorum::GroupId;
use zablab_core::recipes::Wish;
use zablab_core::txn::Acl;
use zablab_core::types::{Epoch, ServerId, Zxid};

use crate::step::{Keep, Stored};

use super::vocabulary::{ClientFn, NodeFn, PaxosFn, ServerFn};

/// A whole script.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Script {
    /// Its commands, in order.
    pub lines: Vec<Line>,
}

/// A command, where it stands, and what it must print.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// From 1.
    pub number: u32,
    /// What to do.
    pub command: Command,
    /// What it must print; `None` if it may print what it likes.
    pub expected: Option<Block>,
}

/// An expected output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// The line of its `----`, from 1.
    pub number: u32,
    /// Its lines.
    pub lines: Vec<String>,
}

/// One command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// A part of the start.
    Given(Given),
    /// Something happens now.
    Act(Act),
    /// The chooser takes that many steps.
    Step(u32),
    /// Steps until a predicate is true.
    RunUntil {
        /// What must become true.
        predicate: Predicate,
        /// In that much simulated time, in µs.
        within_us: u64,
    },
    /// Steps until events have happened.
    RunUntilEvent {
        /// Which.
        pattern: Pattern,
        /// How many.
        times: u32,
        /// In that much simulated time, in µs.
        within_us: u64,
    },
    /// Steps until that much simulated time has passed, in µs.
    RunFor(u64),
    /// Names this moment.
    Mark(String),
    /// Must be true now.
    Expect(Predicate),
    /// A question, answered on a copy that runs ahead.
    Predict(Predict),
    /// A task: false now, true at some step before the next mark.
    Goal {
        /// Its name.
        name: String,
        /// What must become true.
        predicate: Predicate,
    },
    /// This invariant may break from here on, and must have at the end.
    ExpectBroken(String),
}

/// A part of the start of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Given {
    /// So many servers, numbered from 1.
    Servers(u32),
    /// These do not vote.
    Observers(Sids),
    /// One server without an ensemble.
    Standalone,
    /// Names clients, in the order of their numbers.
    Clients(Vec<String>),
    /// Of all random numbers.
    Seed(u64),
    /// Who picks the next step.
    Chooser(ChooserKind),
    /// tickTime, in µs.
    Tick(u64),
    /// In ticks.
    InitLimit(u32),
    /// In ticks.
    SyncLimit(u32),
    /// Of every message, in µs.
    Delay(u64),
    /// Added to that at most, drawn for every message, in µs.
    Jitter(u64),
    /// Of a disk's sync, in µs.
    SyncTime(u64),
    /// Added to that at most, drawn for every sync, in µs.
    SyncJitter(u64),
    /// Until a sender gives up a cut connection, in µs.
    GiveUp(u64),
    /// Transactions between two snapshots.
    SnapCount(u32),
    /// Transactions kept in memory for DIFF.
    Window(u32),
    /// Whether a voter without any history votes.
    Autocreate(bool),
    /// How large a DIFF from the log may be, in percent of the tree.
    LogDiff(u32),
    /// What a learner gets whose history leaves the leader's inside the window.
    CrossEpoch(CrossEpoch),
    /// A sync needs a quorum.
    SyncQuorum(bool),
    /// Whether reads are served without a leader.
    ReadOnlyMode(bool),
    /// Whether a new session is one of its server alone.
    LocalSessions(bool),
    /// Whether such a session may become one of the ensemble.
    LocalSessionsUpgrading(bool),
    /// How leaders are elected.
    ElectionAlg(ElectionAlg),
    /// The ensemble may change.
    Reconfig(bool),
    /// Access lists count for nothing.
    SkipAcl(bool),
    /// These are in nobody's configuration but their own.
    Joining(Sids),
    /// In which group of a hierarchical quorum.
    Group(Sids, GroupId),
    /// How much a voter counts in its group.
    Weight(Sids, u32),
    /// How much faster clocks run, in millionths.
    ClockPpm(Sids, i32),
    /// On disk.
    AcceptedEpoch(Sids, Epoch),
    /// On disk.
    CurrentEpoch(Sids, Epoch),
    /// Records on disk.
    Log {
        /// Where.
        at: Sids,
        /// The first zxid.
        first: Zxid,
        /// The last one, of the same epoch.
        last: Zxid,
        /// What the single record says, if not the usual creation.
        txn: Option<GivenTxn>,
    },
    /// A snapshot on disk, of the history up to there.
    Snapshot(Sids, Zxid),
    /// Volatile: the election round.
    Round(Sids, u64),
    /// Volatile: the zxid counter.
    Counter(Sids, u32),
    /// Volatile: the window for DIFF.
    CommitLog(Sids, Zxid, Zxid),
    /// A mutation of the protocol.
    Bug(String),
    /// So many Paxos processes of this kind, in the place of servers.
    Paxos(PaxosKind, u32),
    /// On disk: what an acceptor promised.
    Promised(Sids, Ballot),
    /// On disk: what an acceptor accepted, and so promised.
    Accepted(Sids, Proposal),
}

/// What a record of `given log` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GivenTxn {
    /// A persistent znode is made, perhaps as the child of this number, from 0.
    Create(String, String, Option<i32>),
    /// Data changes.
    Set(String, String),
    /// A znode goes.
    Delete(String),
    /// A client's session begins, with this timeout in µs.
    Session(String, u64),
}

/// What Paxos processes do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PaxosKind {
    /// They promise and accept, and read when they are asked to.
    Acceptors,
    /// They propose.
    Proposers,
    /// They are told what was accepted.
    Learners,
    /// They do everything.
    Peers,
}

/// The choosers that a script can name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChooserKind {
    /// What is due first.
    Fifo,
    /// Any.
    Random,
}

/// A set of servers, by number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sids {
    /// Every server.
    All,
    /// Those that vote.
    Voters,
    /// Those that do not.
    Observers,
    /// Those that run at the moment; only in predicates.
    Up,
    /// Ranges, both ends included.
    List(Vec<(ServerId, ServerId)>),
}

/// A server or a client.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum HostName {
    /// A server.
    Server(ServerId),
    /// A client, by its name.
    Client(String),
}

/// A direction between two hosts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// The sender.
    pub from: HostName,
    /// The receiver.
    pub to: HostName,
}

/// What happens at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Servers start from their disks.
    Start(Sids),
    /// Machines stop.
    Crash {
        /// Which.
        at: Sids,
        /// What survives of the writes without a sync.
        keep: Survivors,
    },
    /// Disks are lost.
    Wipe(Sids),
    /// Nothing passes between two groups.
    Cut(Sids, Sids),
    /// Nothing passes in one direction.
    CutOneWay(Way),
    /// Undoes the cuts between two groups.
    Heal(Sids, Sids),
    /// Undoes all cuts and holds.
    HealAll,
    /// Messages of this direction take this long from now on, in µs.
    Delay(Way, u64),
    /// Such messages wait from now on.
    Hold(Way, MessageKind),
    /// Ends the holds of a direction.
    Release(Way),
    /// Ends all holds.
    ReleaseAll,
    /// The next such message is lost, and its connection reset.
    Lose(Way, MessageKind),
    /// The oldest such datagram under way arrives twice.
    Duplicate(Way, MessageKind),
    /// A vote reaches a server that bears another's address.
    Forge {
        /// Whose address it bears.
        from: ServerId,
        /// Who gets it.
        to: ServerId,
        /// Whom it names, and that one's last transaction.
        vote: (ServerId, Zxid),
        /// Its round, its tag, and the challenge that it repeats.
        numbers: [u64; 3],
    },
    /// The connections between two hosts are reset.
    Reset(HostName, HostName),
    /// The oldest message of a direction arrives now.
    Deliver(Way, MessageKind),
    /// A sync takes this long from now on, in µs.
    SlowDisk(Sids, u64),
    /// The next sync fails.
    FailDisk(Sids),
    /// So many bytes more fit on disks from now on.
    FillDisk(Sids, u32),
    /// There is room on disks again.
    FreeDisk(Sids),
    /// A durable byte changes.
    FlipByte {
        /// Where.
        at: Sids,
        /// In what.
        of: Stored,
        /// Which byte of it, from 0.
        byte: u32,
    },
    /// What is durable is copied.
    CopyDisk(Sids),
    /// Disks become what was copied.
    RestoreDisk(Sids),
    /// Processes stand still.
    Pause(Sids),
    /// They go on.
    Resume(Sids),
    /// Machines are told another number than theirs.
    Myid(Sids, ServerId),
    /// Wall clocks jump.
    JumpClock {
        /// Which.
        at: Sids,
        /// By so many µs.
        us: u64,
        /// True if into the past.
        back: bool,
    },
    /// A client does something.
    Client {
        /// Its name.
        client: String,
        /// What.
        op: ClientAct,
    },
    /// A Paxos process is asked for something.
    Paxos {
        /// Which.
        at: ServerId,
        /// What.
        ask: Ask,
    },
}

/// What survives a crash of the writes that no sync made durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Survivors {
    /// Nothing.
    Nothing,
    /// Everything, as when only the process was killed.
    All,
    /// Exactly this; see [`crate::Keep`].
    Some(Keep),
}

/// Which messages are meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MessageKind {
    /// Every one.
    Any,
    /// Notifications of the election.
    Notification,
    /// Packets of the quorum port with this name, as in the script.
    Packet(String),
    /// Datagrams with this name, as in the script.
    Datagram(String),
}

/// What a client does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientAct {
    /// Connects to one of these servers, in this order.
    Connect {
        /// Where it may connect.
        to: Sids,
        /// The timeout that it asks for, in µs.
        timeout_us: Option<u64>,
        /// Whether a server that only reads will do.
        read_only: bool,
    },
    /// Closes the connection, keeps the session.
    Disconnect,
    /// Ends without closing the session.
    Crash,
    /// Stands still.
    Pause,
    /// Goes on.
    Resume,
    /// Closes the session.
    Close,
    /// Changes something.
    Write {
        /// What.
        write: Write,
        /// How often, one after the other.
        times: u32,
    },
    /// Several changes as one.
    Multi(Vec<Part>),
    /// Reads.
    Read {
        /// What.
        what: Read,
        /// Of which znode.
        path: String,
        /// Whether a watch is left.
        watch: bool,
        /// How often, one after the other.
        times: u32,
    },
    /// Waits until this server has all that the leader had committed.
    Sync(String),
    /// Proves who it is.
    Auth {
        /// In which way.
        scheme: String,
        /// By what.
        secret: String,
    },
    /// Changes an access list.
    SetAcl {
        /// Of which znode.
        path: String,
        /// To what.
        acl: Vec<Acl>,
        /// Only if it has this `aversion`.
        version: Option<i32>,
    },
    /// Sets a watch that stays.
    AddWatch {
        /// On which znode.
        path: String,
        /// Whether on all below it, too.
        recursive: bool,
    },
    /// Takes all its watches of a znode back.
    RemoveWatches(String),
    /// Asks for something that takes several requests.
    Recipe(Wish),
    /// Changes the ensemble.
    Reconfig(Reconfig),
}

/// A change of the ensemble.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reconfig {
    /// Whether the voters and observers are all there are, and nobody else stays.
    pub anew: bool,
    /// Who votes from now on.
    pub joining: Vec<ServerId>,
    /// Who observes from now on.
    pub observing: Vec<ServerId>,
    /// Who goes.
    pub leaving: Vec<ServerId>,
    /// Only if this configuration is in force.
    pub from: Option<Zxid>,
}

/// A change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    /// A znode is made.
    Create {
        /// Its path, or the beginning of it.
        path: String,
        /// Its value.
        data: Data,
        /// Whether it goes with its session.
        ephemeral: bool,
        /// Whether it gets a number.
        sequential: bool,
        /// Its access list; `None` lets everybody do everything.
        acl: Option<Vec<Acl>>,
    },
    /// Data changes.
    Set {
        /// Of which znode.
        path: String,
        /// To what.
        data: Data,
        /// Only if it has this version.
        version: Option<i32>,
    },
    /// A znode goes.
    Delete {
        /// Which.
        path: String,
        /// Only if it has this version.
        version: Option<i32>,
    },
}

/// A value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Data {
    /// A text.
    Text(String),
    /// So many bytes, each an `x`.
    Size(u32),
}

/// A part of a multi.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// A change.
    Write(Write),
    /// A check of a version.
    Check(String, i32),
}

/// The four reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Read {
    /// Value and Stat.
    Get,
    /// Stat.
    Exists,
    /// The names of the children.
    Children,
    /// The access list.
    Acl,
}

/// A question to the reader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Predict {
    /// Its name.
    pub name: String,
    /// What is asked for.
    pub term: Term,
    /// When the answer is known.
    pub after: Predicate,
    /// In that much simulated time, in µs.
    pub within_us: u64,
    /// Values and the answers that they stand for; `None` is `*`. Empty if the value is the answer.
    pub map: Vec<(Option<Term>, String)>,
}

/// What may be true.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Predicate {
    /// One of them is.
    Or(Vec<Predicate>),
    /// All of them are.
    And(Vec<Predicate>),
    /// It is not.
    Not(Box<Predicate>),
    /// Of all, or of any, of these servers.
    Each {
        /// All (or any).
        all: bool,
        /// The variable's name.
        variable: String,
        /// Which servers.
        set: Sids,
        /// What of each.
        body: Box<Predicate>,
    },
    /// A function whose value is a bool.
    Truth(Call),
    /// A comparison.
    Compare(Term, Comparison, Term),
}

/// The six comparisons.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// Something with a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Term {
    /// No value.
    None,
    /// A number.
    Int(i128),
    /// A text.
    Str(String),
    /// A name of the protocol, such as `LEADING`.
    Word(String),
    /// A zxid, or a vote whose zxid is given by its counter.
    Pair(i128, i128),
    /// A vote: leader, epoch and counter.
    Vote(i128, u32, u32),
    /// A proposal of Paxos: the round of its number, and its value.
    Proposal(i128, String),
    /// The server that `all` or `any` is at.
    Variable(String),
    /// A function.
    Call(Call),
}

/// A function and its arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Of a server.
    Server(ServerFn, ServerArg),
    /// Of a znode in a server's tree.
    Node(NodeFn, ServerArg, String),
    /// Of a client.
    Client(ClientFn, String),
    /// Whether all of these servers have the same tree.
    TreesEqual(Vec<ServerArg>),
    /// How many events there were.
    Count(Pattern),
    /// Simulated milliseconds since the start.
    Time,
    /// Of a Paxos process.
    Paxos(PaxosFn, ServerArg),
    /// The value that a majority of acceptors has accepted under one number.
    Chosen,
    /// Whether this invariant was broken.
    Broken(String),
    /// How many steps were taken.
    Steps,
}

/// A server in an argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServerArg {
    /// By its number.
    Sid(ServerId),
    /// The one that `all` or `any` is at.
    Variable(String),
}

/// Which events are meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    /// The event's name.
    pub event: String,
    /// What its fields must be.
    pub fields: Vec<FieldTest>,
    /// Only after this mark.
    pub since: Option<String>,
}

/// What a field must, or must not, be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldTest {
    /// Its name, with dots.
    pub field: String,
    /// True for `=`.
    pub equal: bool,
    /// One of these.
    pub values: Vec<Term>,
}
