//! The start of a world: everything that is decided before its first step.
//!
//! The same [`Given`] and the same steps make the same world, on every machine. Not here: its text
//! form (see [`crate::script`]).

use zablab_core::config::dynamic::STATIC_FILE;
use zablab_core::config::{
    Config, CrossEpoch, ElectionAlg, Ensemble, Hierarchy, HostPort, PeerRole, Proofs, Reaping,
    Rules, ServerEntry, SessionRules,
};
use zablab_core::limits::JUTE_MAX_BUFFER;
use zablab_core::process::PortKind;
use zablab_core::quorum::{GroupId, Quorums};
use zablab_core::sorted::SortedMap;
use zablab_core::tree::Database;
use zablab_core::txn::LogRecord;
use zablab_core::types::{ElectionEpoch, Epochs, ServerId, SessionId, WallMs, Zxid};

use crate::invariants::Limits;
use crate::paxos::PaxosGiven;
use crate::step::ClientId;

/// The quorum port of every simulated server.
pub const QUORUM_PORT: u16 = 2888;
/// The election port of every simulated server.
pub const ELECTION_PORT: u16 = 3888;
/// The client port of every simulated server.
pub const CLIENT_PORT: u16 = 2181;

/// The start of a world.
#[derive(Clone, Debug)]
pub struct Given {
    /// The servers, by number.
    pub servers: SortedMap<ServerId, ServerGiven>,
    /// True for servers that know of no others; their only number is 0.
    pub standalone: bool,
    /// The clients that begin with a session. Others come into being when they first act.
    pub clients: SortedMap<ClientId, ClientGiven>,
    /// Limits and delays.
    pub timing: Timing,
    /// Seeds all random numbers of the servers, clients and links.
    pub seed: u64,
}

/// One server at the start.
#[derive(Clone, Debug)]
pub struct ServerGiven {
    /// Whether it votes.
    pub role: PeerRole,
    /// Its group, if quorums are hierarchical; 0 unless given.
    pub group: Option<GroupId>,
    /// What it counts there, if it votes; 1 unless given.
    pub weight: Option<u32>,
    /// Whether it starts by itself at the beginning.
    pub up: bool,
    /// What its disk holds.
    pub disk: DiskGiven,
    /// Volatile state that its first start begins with.
    pub preset: Preset,
    /// How much faster (or slower) its clock runs, in millionths; at most 100,000 either way.
    pub clock_ppm: i32,
    /// True if it is in nobody's configuration but its own: it may join.
    pub joins: bool,
    /// Set if it is no ZooKeeper server but a Paxos process.
    pub paxos: Option<PaxosGiven>,
}

/// A client that begins with a session, which it takes up when it first connects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct ClientGiven {
    /// The session; the disks hold its transaction.
    pub session: SessionId,
    /// Its timeout in ms.
    pub timeout_ms: i32,
}

/// What a disk holds at the start.
#[derive(Clone, Debug, Default)]
pub struct DiskGiven {
    /// Both epochs.
    pub epochs: Epochs,
    /// A snapshot, if there is one.
    pub snapshot: Option<Database>,
    /// The records of the log, oldest first.
    pub log: Vec<LogRecord>,
}

/// The only volatile state that a start may be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Preset {
    /// The election round before its first election.
    pub round: Option<ElectionEpoch>,
    /// The zxid counter with which it first leads: its history jumps there, as if so many
    /// transactions had been, and learners follow by SNAP.
    pub counter: Option<u32>,
    /// The window for DIFF, from its first transaction to its last.
    pub commit_log: Option<(Zxid, Zxid)>,
}

/// Limits of the servers, delays of links and disks.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Timing {
    /// Unit of all limits, in ms.
    pub tick_time_ms: u32,
    /// Ticks to connect to a leader and be brought up to date.
    pub init_limit: u32,
    /// Ticks of silence allowed.
    pub sync_limit: u32,
    /// How long a message is under way, in µs.
    pub delay_us: u64,
    /// What is added to that at most, drawn for every message, in µs.
    pub jitter_us: u64,
    /// How long a sync of a disk takes, in µs.
    pub sync_us: u64,
    /// What is added to that at most, drawn for every sync, in µs.
    pub sync_jitter_us: u64,
    /// How long a sender waits for a cut lane before it gives the connection up, in ms.
    pub give_up_ms: u64,
    /// Transactions between two snapshots.
    pub snap_count: u64,
    /// Transactions kept in memory for DIFF.
    pub commit_log_count: usize,
    /// Whether a voter without any history votes.
    pub autocreate: bool,
    /// How large a DIFF from the log may be, in percent of the tree's data.
    pub log_diff_percent: u32,
    /// What a learner gets whose history leaves the leader's inside the window.
    pub cross_epoch: CrossEpoch,
    /// Whether a sync needs a quorum.
    pub sync_quorum: bool,
    /// Which sessions are served without the ensemble.
    pub sessions: SessionRules,
    /// How leaders are elected.
    pub election: ElectionAlg,
    /// Whether the ensemble may be changed while it runs.
    pub reconfig: bool,
    /// Whether access lists count for nothing.
    pub skip_acl: bool,
    /// Unix time at the beginning.
    pub wall: WallMs,
}

impl Timing {
    /// What the invariants need to know of it.
    pub fn limits(&self) -> Limits {
        Limits {
            tick_ms: u64::from(self.tick_time_ms),
            init_ticks: u64::from(self.init_limit),
            sync_ticks: u64::from(self.sync_limit),
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            tick_time_ms: 2000,
            init_limit: 10,
            sync_limit: 5,
            delay_us: 10_000,
            jitter_us: 0,
            sync_us: 1000,
            sync_jitter_us: 0,
            give_up_ms: 15_000,
            snap_count: zablab_core::limits::SNAP_COUNT,
            commit_log_count: zablab_core::limits::COMMITTED_LOG_LEN,
            autocreate: true,
            log_diff_percent: zablab_core::limits::LOG_DIFF_PERCENT,
            cross_epoch: CrossEpoch::Snap,
            sync_quorum: false,
            sessions: SessionRules::default(),
            election: ElectionAlg::Fast,
            reconfig: false,
            skip_acl: false,
            // 2026-01-01: any fixed moment will do.
            wall: WallMs(1_767_225_600_000),
        }
    }
}

impl Default for ServerGiven {
    fn default() -> Self {
        ServerGiven {
            role: PeerRole::Participant,
            group: None,
            weight: None,
            up: false,
            disk: DiskGiven::default(),
            preset: Preset::default(),
            clock_ppm: 0,
            joins: false,
            paxos: None,
        }
    }
}

impl Given {
    /// `servers` voters, numbered from 1, all up, with empty disks.
    pub fn of_voters(servers: u32, seed: u64) -> Given {
        let numbers = (1..=i64::from(servers)).map(ServerId);
        let server = ServerGiven { up: true, ..ServerGiven::default() };
        Given {
            servers: numbers.map(|sid| (sid, server.clone())).collect(),
            standalone: false,
            clients: SortedMap::new(),
            timing: Timing::default(),
            seed,
        }
    }

    /// The configuration that this server reads at every start.
    ///
    /// # Panics
    /// If there is no such server.
    pub fn config(&self, me: ServerId) -> Config {
        assert!(self.servers.contains_key(&me), "no server {me}");
        let tick_ms = self.timing.tick_time_ms as i32;
        let mut ensemble = self.ensemble();
        let own = entry_of(me, self.servers[&me].role);
        if self.servers[&me].joins {
            ensemble.servers.insert(me, own.clone());
        }
        let Timing { reconfig, skip_acl, .. } = self.timing;
        Config {
            me,
            ensemble: (!self.standalone).then_some(ensemble),
            next: None,
            own: (!self.standalone).then_some(own),
            file: String::from(STATIC_FILE),
            tick_time_ms: self.timing.tick_time_ms,
            init_limit: self.timing.init_limit,
            sync_limit: self.timing.sync_limit,
            client_addr: address(me, PortKind::Client),
            min_session_timeout_ms: 2 * tick_ms,
            max_session_timeout_ms: 20 * tick_ms,
            jute_max_buffer: JUTE_MAX_BUFFER,
            max_client_cnxns: 0,
            snap_count: self.timing.snap_count,
            commit_log_count: self.timing.commit_log_count,
            autocreate: self.timing.autocreate,
            log_diff_percent: self.timing.log_diff_percent,
            cross_epoch: self.timing.cross_epoch,
            rules: Rules { reconfig, skip_acl, ..Rules::default() },
            sessions: self.timing.sessions,
            super_digest: None,
            proofs: Proofs::default(),
            reaping: Reaping::default(),
            sync_quorum: self.timing.sync_quorum,
            election: self.timing.election,
        }
    }

    /// The servers that vote.
    pub fn voters(&self) -> impl Iterator<Item = ServerId> {
        let votes = |server: &ServerGiven| {
            server.role == PeerRole::Participant && server.paxos.is_none() && !server.joins
        };
        self.servers.iter().filter(move |(_, server)| votes(server)).map(|(sid, _)| *sid)
    }

    /// Which of them together are a quorum.
    pub fn quorums(&self) -> Quorums {
        match self.voters().next() {
            Some(_) => self.ensemble().quorums(),
            None => Quorums::default(),
        }
    }

    /// Groups and weights, if any are given.
    fn hierarchy(&self) -> Option<Hierarchy> {
        let voters = || self.voters().map(|sid| (sid, &self.servers[&sid]));
        if voters().all(|(_, server)| server.group.is_none() && server.weight.is_none()) {
            return None;
        }
        let group = |(sid, server): (_, &ServerGiven)| (sid, server.group.unwrap_or(GroupId(0)));
        let weight = |(sid, server): (_, &ServerGiven)| Some((sid, server.weight?));
        Some(Hierarchy {
            groups: voters().map(group).collect(),
            weights: voters().filter_map(weight).collect(),
        })
    }

    fn ensemble(&self) -> Ensemble {
        let members = self.servers.iter().filter(|(_, server)| !server.joins);
        let servers = members.map(|(sid, server)| (*sid, entry_of(*sid, server.role))).collect();
        Ensemble { servers, hierarchy: self.hierarchy(), version: 0 }
    }
}

/// The line of a server in a configuration.
pub fn entry_of(sid: ServerId, role: PeerRole) -> ServerEntry {
    ServerEntry {
        quorum: address(sid, PortKind::Quorum),
        election: address(sid, PortKind::Election),
        role,
        client: Some(address(sid, PortKind::Client)),
    }
}

/// Where this server listens for this kind of connection.
pub fn address(sid: ServerId, port: PortKind) -> HostPort {
    let port = match port {
        PortKind::Client => CLIENT_PORT,
        PortKind::Quorum => QUORUM_PORT,
        PortKind::Election => ELECTION_PORT,
    };
    // Numeric addresses, because some formats carry an IP address and not a name.
    let host = format!("10.0.{}.{}", (sid.0 >> 8) & 0xff, sid.0 & 0xff);
    HostPort { host, port }
}

/// The address that servers see of this client.
pub fn client_address(id: ClientId) -> String {
    format!("10.1.{}.{}", (id.0 >> 8) & 0xff, id.0 & 0xff)
}

/// The server that listens there, if the address is one of [`address`].
pub fn server_at(addr: &HostPort) -> Option<(ServerId, PortKind)> {
    let port = match addr.port {
        CLIENT_PORT => PortKind::Client,
        QUORUM_PORT => PortKind::Quorum,
        ELECTION_PORT => PortKind::Election,
        _ => return None,
    };
    let (high, low) = addr.host.strip_prefix("10.0.")?.split_once('.')?;
    let (high, low) = (high.parse::<u8>().ok()?, low.parse::<u8>().ok()?);
    Some((ServerId(i64::from(high) << 8 | i64::from(low)), port))
}
