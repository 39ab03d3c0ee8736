//! The configuration of one server and of its ensemble.

use alloc::collections::BTreeMap;
use alloc::string::String;

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

/// Who is in the ensemble (`QuorumVerifier` with majorities).
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default)]
pub struct Ensemble {
    /// Every server, by number.
    pub servers: BTreeMap<ServerId, ServerEntry>,
    /// The zxid of the reconfiguration that made it, 0 for the first.
    pub version: u64,
}

/// Everything the core needs to know of `zoo.cfg` and `myid`.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Config {
    /// This server's number; 0 when standalone.
    pub me: ServerId,
    /// The ensemble; `None` when standalone.
    pub ensemble: Option<Ensemble>,
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
    /// Connections per client address, 0 for no limit.
    pub max_client_cnxns: u32,
    /// Transactions between two snapshots.
    pub snap_count: u64,
    /// Transactions kept in memory for DIFF.
    pub commit_log_count: usize,
}
