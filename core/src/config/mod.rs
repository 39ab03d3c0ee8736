//! The configuration of one server and of its ensemble.
//!
//! Text in, one validated struct out; reading the files is the driver's: `zoo.cfg`, `myid`, and
//! the dynamic configuration ([`dynamic`]), where it is one.
//! Source: Java's `QuorumPeerConfig`, `QuorumMaj` and `QuorumPeer.QuorumServer`.

pub mod dynamic;
mod ensemble;
mod jaas;
mod proofs;
mod properties;
mod tls;
mod traffic;
mod zoo_cfg;

pub use ensemble::BadEntry;
pub use jaas::Password;
pub use tls::{ClientAuth, PlainPort, Tls, TlsVersion};

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits;
use crate::quorum::GroupId;
use crate::sorted::{SortedMap, SortedSet};
use crate::types::ServerId;

/// A host, by name or address, and a port.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct HostPort {
    /// Name, IPv4 or IPv6 address (without brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Whether a server votes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PeerRole {
    /// It votes.
    Participant,
    /// It only learns.
    Observer,
}

/// One `server.N` line.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct ServerEntry {
    /// Where a leader listens to learners.
    pub quorum: HostPort,
    /// Where everybody listens to notifications.
    pub election: HostPort,
    /// Whether it votes.
    pub role: PeerRole,
    /// Its client port, if the line names it.
    pub client: Option<HostPort>,
}

/// Who is in the ensemble, and who of it is a quorum (`QuorumVerifier`).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default)]
pub struct Ensemble {
    /// Every server, by number.
    pub servers: SortedMap<ServerId, ServerEntry>,
    /// Groups and weights, if majorities of voters are not meant.
    pub hierarchy: Option<Hierarchy>,
    /// The zxid of the reconfiguration that made it, 0 for the first.
    pub version: u64,
}

/// The `group.N` and `weight.N` lines.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default)]
pub struct Hierarchy {
    /// The group of each voter.
    pub groups: SortedMap<ServerId, GroupId>,
    /// How much a voter counts in its group; 1 unless given.
    pub weights: SortedMap<ServerId, u32>,
}

/// Everything the core needs to know of `zoo.cfg` and `myid`.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Config {
    /// This server's number; 0 when standalone.
    pub me: ServerId,
    /// The ensemble; `None` when standalone. This server need not be in it: it follows then, and
    /// does not vote.
    pub ensemble: Option<Ensemble>,
    /// The ensemble that was proposed last, if it is later than the one in force
    /// (`zoo.cfg.dynamic.next`).
    pub next: Option<Ensemble>,
    /// This server's own line: its ports, whether or not the ensemble names it. `None` when
    /// standalone.
    pub own: Option<ServerEntry>,
    /// The path of `zoo.cfg`, to which those of the dynamic files add a suffix.
    pub file: String,
    /// Unit of all other times, in ms.
    pub tick_time_ms: u32,
    /// Ticks to connect to a leader and be brought up to date.
    pub init_limit: u32,
    /// Ticks of silence allowed.
    pub sync_limit: u32,
    /// Where clients connect.
    pub client_addr: HostPort,
    /// The shortest session timeout granted, in ms.
    pub min_session_timeout_ms: i32,
    /// The longest session timeout granted, in ms.
    pub max_session_timeout_ms: i32,
    /// The largest frame of a client, in bytes (`jute.maxbuffer`).
    pub jute_max_buffer: usize,
    /// Connections per client address, 0 for no limit.
    pub max_client_cnxns: u32,
    /// Transactions between two snapshots.
    pub snap_count: u64,
    /// Transactions kept in memory for DIFF.
    pub commit_log_count: usize,
    /// Whether a voter without any history votes. False keeps one whose disk was wiped from
    /// electing and acknowledging until a leader has brought it up to date: it may have forgotten
    /// what a quorum relies on (`zookeeper.db.autocreate`, ZOOKEEPER-261). Only
    /// `FastLeaderElection` heeds it.
    pub autocreate: bool,
    /// How large what a learner gets from the log may be, in percent of the tree's data, before
    /// the whole tree is sent instead; 0 for none (`snapshotSizeFactor`, a fraction there).
    pub log_diff_percent: u32,
    /// What a learner gets whose history leaves the leader's inside the window.
    pub cross_epoch: CrossEpoch,
    /// Whether a leader answers a sync only when a quorum has acknowledged something that it
    /// proposed after it (`sync.quorum`, ours). Without it, a leader that has been replaced and
    /// does not know it yet answers, as in Java (ZOOKEEPER-1675).
    pub sync_quorum: bool,
    /// How leaders are elected.
    pub election: ElectionAlg,
    /// What clients may do.
    pub rules: Rules,
    /// Which sessions are served without the ensemble.
    pub sessions: SessionRules,
    /// The super user as access lists of the scheme `digest` would name him
    /// (`DigestAuthenticationProvider.superDigest`); there is none unless it is given.
    pub super_digest: Option<String>,
    /// How clients prove who they are beside passwords of the scheme `digest`.
    pub proofs: Proofs,
    /// How containers and znodes whose time is over are deleted.
    pub reaping: Reaping,
}

/// What clients may do, where a `zoo.cfg` decides it. The whole ensemble must agree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct Rules {
    /// Whether znodes may have a time to live (`extendedTypesEnabled`).
    pub extended_types: bool,
    /// Whether access lists are kept but count for nothing (`skipACL`).
    pub skip_acl: bool,
    /// Whether hard limits of quotas are kept (`enforceQuota`).
    pub enforce_quota: bool,
    /// Whether there is no scheme `digest` (`DigestAuthenticationProvider.enabled=false`).
    pub without_digest: bool,
    /// Whether access lists may name identities of SASL (`authProvider.N`).
    pub names_sasl: bool,
    /// Whether they may name subjects of certificates (`authProvider.N`, or TLS is served).
    pub names_x509: bool,
    /// Whether the ensemble may be changed while it runs (`reconfigEnabled`).
    pub reconfig: bool,
    /// Whether it may be changed to one with a single voter (`standaloneEnabled=false`).
    pub lone_voter: bool,
}

/// Which sessions a server serves that only it knows. The whole ensemble must agree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct SessionRules {
    /// Whether a server that looks for a leader for some time serves reads meanwhile, to clients
    /// that ask for no more (`readonlymode.enabled`).
    pub read_only_mode: bool,
    /// Whether a new session is one of its server alone (`localSessionsEnabled`); a standalone
    /// server has none.
    pub local: bool,
    /// Whether such a session becomes one of the ensemble when it makes an ephemeral znode
    /// (`localSessionsUpgradingEnabled`), which is refused otherwise.
    pub upgrades: bool,
}

/// How clients prove who they are by SASL or certificates, and which proof each one owes.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default)]
pub struct Proofs {
    /// The users of SASL DIGEST-MD5; `None` if there is no SASL.
    pub sasl_users: Option<SortedMap<String, Password>>,
    /// The users of SASL who are super users (`superUser`, `superUser.N`).
    pub sasl_supers: SortedSet<String>,
    /// The subject of the certificate whose owner is the super user
    /// (`X509AuthenticationProvider.superUser`).
    pub x509_super: Option<String>,
    /// Whether a client whose SASL failed may go on as nobody (`allowSaslFailedClients`).
    pub allows_failed_sasl: bool,
    /// A client without an identity of one of these schemes is turned away, if there are any
    /// (`enforce.auth.schemes`; `sessionRequireClientSASLAuth` means `sasl`).
    pub required_schemes: SortedSet<String>,
}

/// How containers and znodes whose time is over are deleted (`znode.container.*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Reaping {
    /// The pause between two searches, in ms (`checkIntervalMs`).
    pub check_interval_ms: u64,
    /// Deletions in one minute (`maxPerMinute`).
    pub max_per_minute: u32,
    /// How long a container may wait for its first child, in ms; 0 for ever
    /// (`maxNeverUsedIntervalMs`).
    pub max_never_used_ms: u64,
}

impl Default for Reaping {
    fn default() -> Reaping {
        Reaping {
            check_interval_ms: limits::REAP_INTERVAL_MS,
            max_per_minute: limits::REAPED_PER_MINUTE,
            max_never_used_ms: 0,
        }
    }
}

/// How leaders are elected (`electionAlg`). ZooKeeper removed all but the last one in 3.6; a
/// `zoo.cfg` cannot choose them, a simulation can.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum ElectionAlg {
    /// 0: `LeaderElection`, by polls.
    Polling,
    /// 1 and 2: `AuthFastLeaderElection`, by pushed datagrams.
    Pushing {
        /// 2: a sender must receive at its address.
        challenge: bool,
    },
    /// 3: `FastLeaderElection`.
    #[default]
    Fast,
}

impl ElectionAlg {
    /// The algorithm of this number, as `electionAlg` has it.
    pub fn of_number(number: u32) -> Option<ElectionAlg> {
        match number {
            0 => Some(ElectionAlg::Polling),
            1 => Some(ElectionAlg::Pushing { challenge: false }),
            2 => Some(ElectionAlg::Pushing { challenge: true }),
            3 => Some(ElectionAlg::Fast),
            _ => None,
        }
    }
}

/// How a learner is brought up to date whose last transaction lies between two of the leader's
/// and is none of them; such histories part where an epoch ends (`sync.cross_epoch`, ours).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum CrossEpoch {
    /// The whole tree, as in Java.
    #[default]
    Snap,
    /// Zab's classic rule: cut back to what is common, then send the rest.
    TruncDiff,
}

impl Config {
    /// How long a learner may take to connect and be brought up to date, in ms.
    pub fn init_limit_ms(&self) -> u64 {
        u64::from(self.tick_time_ms) * u64::from(self.init_limit)
    }

    /// How long silence is allowed, in ms.
    pub fn sync_limit_ms(&self) -> u64 {
        u64::from(self.tick_time_ms) * u64::from(self.sync_limit)
    }

    /// How long a server looks before it serves reads without a leader, in ms.
    pub fn read_only_wait_ms(&self) -> u64 {
        u64::from(self.tick_time_ms).max(limits::READ_ONLY_WAIT_MS)
    }

    /// The pause between two pings of a leader, in ms; at least 1.
    pub fn half_tick_ms(&self) -> u64 {
        u64::from(self.tick_time_ms / 2).max(1)
    }
}

/// A whole `zoo.cfg` with its `myid`: what the core needs, and what only a driver does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerConfig {
    /// For [`crate::endpoint::Endpoint::new`].
    pub core: Config,
    /// Where snapshots and `myid` are.
    pub data_dir: String,
    /// Where logs are; `data_dir` unless given.
    pub data_log_dir: String,
    /// By how many bytes a log file grows ahead of writing.
    pub log_preallocate: u64,
    /// How long a client may say nothing before its first byte, in ms.
    pub silence_max_ms: u64,
    /// The JAAS file with the users of SASL, and its section; see [`ServerConfig::add_users`].
    pub jaas: Option<(String, String)>,
    /// How clients are served with TLS, if they are.
    pub tls: Option<Tls>,
    /// The four-letter words that are answered.
    pub four_letter_whitelist: Whitelist,
    /// What is allowed but probably not meant, one sentence each.
    pub warnings: Vec<String>,
}

/// What the files beside a `zoo.cfg` say of the ensemble; see [`dynamic`].
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Dynamic {
    /// The configuration in force; without meaning if `zoo.cfg` itself has it.
    pub current: Ensemble,
    /// The one that was proposed last.
    pub next: Option<Ensemble>,
}

/// Which four-letter words are answered (`4lw.commands.whitelist`).
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Whitelist {
    /// `*`.
    All,
    /// Exactly these.
    Words(SortedSet<String>),
}

impl Whitelist {
    /// True if `word` is answered.
    pub fn allows(&self, word: &str) -> bool {
        match self {
            Whitelist::All => true,
            Whitelist::Words(words) => words.contains(word),
        }
    }
}

/// Why a configuration is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A `\u` that is not followed by four hexadecimal digits of a character.
    #[error("line {line}: \\u needs four hexadecimal digits that name a character")]
    BadEscape {
        /// Where, counted from 1.
        line: u32,
    },
    /// A key that has no default.
    #[error("{key} is missing")]
    Missing {
        /// Which.
        key: &'static str,
    },
    /// A value that its key cannot have.
    #[error("line {line}: {key}={value}: expected {expected}")]
    BadValue {
        /// The key as written.
        key: String,
        /// The value as written.
        value: String,
        /// Where, counted from 1.
        line: u32,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// The same where no number stands that the key could have.
    #[error("line {line}: {key}={value}: expected {expected}")]
    NoNumber {
        /// The key as written.
        key: String,
        /// The value as written.
        value: String,
        /// Where, counted from 1.
        line: u32,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// Something that this server cannot do, and that would be wrong to ignore.
    #[error("line {line}: {key}={value}: {what}")]
    Unsupported {
        /// The key as written.
        key: String,
        /// The value as written.
        value: String,
        /// Where, counted from 1.
        line: u32,
        /// What is not supported.
        what: &'static str,
    },
    /// A text that is no JAAS file, or asks for more than is known here.
    #[error("the JAAS file, line {line}: expected {expected}")]
    Jaas {
        /// Where, counted from 1.
        line: u32,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// A JAAS file without the section of servers.
    #[error("there is no section {section} in the JAAS file")]
    NoSection {
        /// Which.
        section: String,
    },
    /// More servers than a configuration may have.
    #[error("more than {max} servers")]
    TooManyServers {
        /// The limit.
        max: usize,
    },
    /// A dynamic configuration file with anything but servers, groups and weights.
    #[error("line {line}: {key} does not belong into a dynamic configuration file")]
    NotDynamic {
        /// The key as written.
        key: String,
        /// Where, counted from 1.
        line: u32,
    },
    /// A server's line both in `zoo.cfg` and beside it.
    #[error("line {line}: {key} must be in the dynamic configuration file")]
    NotStatic {
        /// The key as written.
        key: String,
        /// Where, counted from 1.
        line: u32,
    },
    /// Groups or weights are given, and this voter is in no group.
    #[error("server.{sid} votes and is in no group")]
    NotInGroup {
        /// Which.
        sid: ServerId,
    },
    /// No voter weighs anything, so nobody could ever lead.
    #[error("every voter has weight 0")]
    NoWeight,
    /// A group or a weight names a server that has no vote.
    #[error("{key} names {sid}, which is no voter of this ensemble")]
    NoVoter {
        /// `group` or `weight`.
        key: &'static str,
        /// Which.
        sid: ServerId,
    },
    /// No server votes, so nobody could ever lead.
    #[error("no server is a participant")]
    NoParticipants,
    /// One participant makes a standalone server, and nobody can observe that.
    #[error("observers need at least two participants")]
    ObserversWithoutQuorum,
    /// `minSessionTimeout` above `maxSessionTimeout`, defaults filled in.
    #[error("minSessionTimeout ({min_ms} ms) is above maxSessionTimeout ({max_ms} ms)")]
    SessionTimeouts {
        /// The least, in ms.
        min_ms: i32,
        /// The most, in ms.
        max_ms: i32,
    },
    /// An ensemble's server without a number of its own.
    #[error("the file myid is missing in {data_dir}")]
    MyIdMissing {
        /// Where it was expected.
        data_dir: String,
    },
    /// A `myid` that is no number.
    #[error("myid is {text:?}: expected a number of 0 or more")]
    BadMyId {
        /// Its first line.
        text: String,
    },
    /// A `myid` that no `server.N` line has.
    #[error("myid is {me}, but there is no line server.{me}")]
    MyIdNotListed {
        /// The number.
        me: ServerId,
    },
    /// A number whose sessions would look like times to live.
    #[error("myid is {me}: with extendedTypesEnabled it may be {max} at most")]
    ServerIdTooLarge {
        /// The number.
        me: ServerId,
        /// The greatest that is allowed.
        max: i64,
    },
    /// Two different client addresses for this server.
    #[error("clientPort says {fixed}, but the line server.{me} says {entry}")]
    TwoClientAddresses {
        /// This server.
        me: ServerId,
        /// From `clientPort` and `clientPortAddress`.
        fixed: HostPort,
        /// From the server's line.
        entry: HostPort,
    },
}
