//! What operators ask of a running server.
//!
//! Not here yet: the AdminServer, Prometheus metrics and the live stream of the page.

pub mod ask;
mod counters;
pub mod four_letter;
pub mod http;
pub mod page;

pub use counters::{Counters, Summary};

use std::sync::Arc;

use zablab_core::config::ServerConfig;
use zablab_core::tree::Database;
use zablab_core::types::{ConnId, Path, SessionId, WallMs};
use zablab_core::view::{ClientTimes, ServerView};

/// Everything that a report is made of, as of one moment.
#[derive(Clone, Debug)]
pub struct Status {
    /// The state of the core.
    pub view: ServerView,
    /// The configuration it runs with.
    pub config: Arc<ServerConfig>,
    /// What the driver counts itself.
    pub counters: Arc<Counters>,
    /// Milliseconds since the process was started.
    pub uptime_ms: u64,
    /// Milliseconds since this server began to lead, if it leads.
    pub leader_uptime_ms: Option<u64>,
    /// The time on the wall.
    pub wall: WallMs,
    /// What each client's connection did last, if somebody asks for that.
    pub times: Vec<(ConnId, ClientTimes)>,
    /// Which sessions watch the data of which path, if somebody asks for that.
    pub watches: Vec<(Path, Vec<SessionId>)>,
    /// The tree, if somebody asks for its ephemerals.
    pub database: Option<Database>,
    /// What `stmk` has set.
    pub trace_mask: i64,
}
