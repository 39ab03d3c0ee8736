//! The four-letter words: a plain word on the client port, a text back, then the end.
//!
//! Only what this server really measures is in the texts; a key of Java's `mntr` whose value would
//! have to be invented is left out. Source: Java's `org.apache.zookeeper.server.command` and
//! recorded answers of 3.8.0. The words that list clients, sessions and watches are in [`lists`].

mod environment;
mod lists;

use std::fmt::{self, Write};
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use zablab_core::config::{PeerRole, Whitelist};
use zablab_core::trace::{Phase, Role};
use zablab_core::view::{ServerView, Stats};

use super::{Status, Summary};

/// The version in `srvr`, `stat` and `mntr`: the release of Apache ZooKeeper whose behaviour and
/// formats are followed, then this server's own.
pub const VERSION: &str = concat!("3.9.0-zablab-", env!("CARGO_PKG_VERSION"));

/// When that version was made, which clients read behind it. It is a constant, so that the same
/// source stays the same program.
const BUILT: &str = "2026-11-23 00:00 UTC";

/// The backlog of the client port, see `net`.
const CLIENT_PORT_BACKLOG: i32 = crate::net::LISTEN_BACKLOG;
/// Java's mask at first; nothing is traced by it here.
pub const TRACE_MASK: i64 = 306;
const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests\n";

/// The words that are answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// The server in short.
    Srvr,
    /// `srvr` with its clients.
    Stat,
    /// Every measured value.
    Mntr,
    /// The configuration.
    Conf,
    /// Read-only?
    Isro,
    /// The clients, with what each did last.
    Cons,
    /// Sessions, their ephemeral znodes, connections.
    Dump,
    /// Where the server runs.
    Envi,
    /// The watches of data, summed up.
    Wchs,
    /// The same by session.
    Wchc,
    /// The same by path.
    Wchp,
    /// What the files take.
    Dirs,
    /// Counts what each client did anew.
    Crst,
    /// Counts what the server did anew.
    Srst,
    /// A mask of what is traced, which has no meaning here.
    Gtmk,
    /// Sets it.
    Stmk,
}

/// What a word needs to be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// This text, whatever the state.
    Text(String),
    /// [`render`] of this word with the state.
    Ask(Word),
    /// Nothing: the word is not known.
    Nothing,
}

/// Looks a word up, and in the list of words allowed.
pub fn answer(word: [u8; 4], whitelist: &Whitelist) -> Answer {
    let name = String::from_utf8_lossy(&word);
    if !whitelist.allows(&name) {
        let text = format!("{name} is not executed because it is not in the whitelist.\n");
        return Answer::Text(text);
    }
    match &word {
        b"ruok" => Answer::Text("imok".into()),
        b"srvr" => Answer::Ask(Word::Srvr),
        b"stat" => Answer::Ask(Word::Stat),
        b"mntr" => Answer::Ask(Word::Mntr),
        b"conf" => Answer::Ask(Word::Conf),
        b"isro" => Answer::Ask(Word::Isro),
        b"cons" => Answer::Ask(Word::Cons),
        b"dump" => Answer::Ask(Word::Dump),
        b"envi" => Answer::Ask(Word::Envi),
        b"wchs" => Answer::Ask(Word::Wchs),
        b"wchc" => Answer::Ask(Word::Wchc),
        b"wchp" => Answer::Ask(Word::Wchp),
        b"dirs" => Answer::Ask(Word::Dirs),
        b"crst" => Answer::Ask(Word::Crst),
        b"srst" => Answer::Ask(Word::Srst),
        b"gtmk" => Answer::Ask(Word::Gtmk),
        b"stmk" => Answer::Ask(Word::Stmk),
        _ => Answer::Nothing,
    }
}

/// The text of one word. `asker` is the connection that asked, which is a client's as well.
pub fn render(word: Word, status: &Status, asker: &str) -> String {
    let serves = status.view.serving || status.view.read_only;
    match word {
        Word::Isro => status.view.isro().into(),
        Word::Envi => written(environment::write),
        Word::Gtmk | Word::Stmk => status.trace_mask.to_string(),
        _ if !serves => NOT_SERVING.into(),
        Word::Srvr => written(|text| server(text, status, None)),
        Word::Stat => written(|text| server(text, status, Some(asker))),
        Word::Mntr => written(|text| monitor(text, status)),
        Word::Conf => written(|text| configuration(text, status)),
        Word::Cons => written(|text| lists::connections(text, status, asker)),
        Word::Dump => written(|text| lists::dump(text, status)),
        Word::Wchs => written(|text| lists::watches_summed_up(text, status)),
        Word::Wchc => written(|text| lists::watches_by_session(text, status)),
        Word::Wchp => written(|text| lists::watches_by_path(text, status)),
        Word::Dirs => written(|text| directories(text, status)),
        Word::Crst => "Connection stats reset.\n".into(),
        Word::Srst => "Server stats reset.\n".into(),
    }
}

/// What the role is called, in `srvr`, in `mntr` and by `zablab status`.
pub fn mode(view: &ServerView) -> &'static str {
    match view.role {
        Role::Leading => "leader",
        Role::Following => "follower",
        Role::Observing => "observer",
        Role::Standalone => "standalone",
        Role::Looking if view.read_only => "read-only",
        Role::Settling | Role::Looking | Role::Halted => "looking",
    }
}

fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut text = String::new();
    write(&mut text).expect("a String takes any text");
    text
}

fn server(text: &mut String, status: &Status, stat_for: Option<&str>) -> fmt::Result {
    let view = &status.view;
    let stats = &view.stats;
    writeln!(text, "Zookeeper version: {VERSION}, built on {BUILT}")?;
    if view.read_only {
        writeln!(text, "READ-ONLY mode; serving only read-only clients")?;
    }
    if let Some(asker) = stat_for {
        writeln!(text, "Clients:")?;
        for client in &view.clients {
            let (queued, received, sent) = (client.outstanding, client.received, client.sent);
            let remote = &client.remote;
            writeln!(text, " /{remote}[1](queued={queued},recved={received},sent={sent})")?;
        }
        writeln!(text, " /{asker}[0](queued=0,recved=1,sent=0)")?;
        writeln!(text)?;
    }
    let (min, avg, max) = latency(stats);
    writeln!(text, "Latency min/avg/max: {min}/{avg}/{max}")?;
    writeln!(text, "Received: {}", stats.packets_received)?;
    writeln!(text, "Sent: {}", stats.packets_sent)?;
    writeln!(text, "Connections: {}", connections(status))?;
    writeln!(text, "Outstanding: {}", outstanding(status))?;
    writeln!(text, "Zxid: {}", view.last_processed)?;
    writeln!(text, "Mode: {}", mode(view))?;
    writeln!(text, "Node count: {}", view.node_count)?;
    if view.role == Role::Leading {
        let (last, min) = (stats.proposal_size_last, stats.proposal_size_min);
        let max = stats.proposal_size_max;
        writeln!(text, "Proposal sizes last/min/max: {last}/{min}/{max}")?;
    }
    Ok(())
}

fn monitor(text: &mut String, status: &Status) -> fmt::Result {
    let (view, counters) = (&status.view, &status.counters);
    let stats = &view.stats;
    let (min_latency, avg_latency, max_latency) = latency(stats);
    let mut line = |key: &str, value: &dyn fmt::Display| writeln!(text, "zk_{key}\t{value}");
    line("version", &format_args!("{VERSION}, built on {BUILT}"))?;
    line("server_state", &mode(view))?;
    if let Some(ensemble) = &status.config.core.ensemble {
        line("peer_state", &format!("{} - {}", peer_state(view.role), phase(view.phase)))?;
        line("quorum_size", &ensemble.voters().count())?;
    }
    line("avg_latency", &avg_latency)?;
    line("min_latency", &min_latency)?;
    line("max_latency", &max_latency)?;
    line("packets_received", &stats.packets_received)?;
    line("packets_sent", &stats.packets_sent)?;
    line("num_alive_connections", &connections(status))?;
    line("outstanding_requests", &outstanding(status))?;
    line("znode_count", &view.node_count)?;
    line("watch_count", &view.watch_count)?;
    line("ephemerals_count", &view.ephemeral_count)?;
    line("approximate_data_size", &view.data_size)?;
    line("global_sessions", &view.sessions.len())?;
    line("local_sessions", &view.local_sessions)?;
    line("uptime", &status.uptime_ms)?;
    if let Some((open, max)) = file_descriptors() {
        line("open_file_descriptor_count", &open)?;
        line("max_file_descriptor_count", &max)?;
    }
    line("last_client_response_size", &counters.response_last.load(Relaxed))?;
    line("min_client_response_size", &counters.response_min.load(Relaxed))?;
    line("max_client_response_size", &counters.response_max.load(Relaxed))?;
    if view.role == Role::Leading {
        let synced = |role| view.learners.iter().filter(|l| l.synced && l.role == role).count();
        line("learners", &view.learners.len())?;
        line("synced_followers", &synced(PeerRole::Participant))?;
        line("synced_observers", &synced(PeerRole::Observer))?;
        line("last_proposal_size", &stats.proposal_size_last)?;
        line("min_proposal_size", &stats.proposal_size_min)?;
        line("max_proposal_size", &stats.proposal_size_max)?;
    }
    if let Some(leader_uptime_ms) = status.leader_uptime_ms {
        line("leader_uptime", &leader_uptime_ms)?;
    }
    line("bytes_received_count", &counters.bytes_received.load(Relaxed))?;
    line("response_bytes", &counters.response_bytes.load(Relaxed))?;
    line("looking_count", &stats.elections)?;
    line("diff_count", &stats.syncs_diff)?;
    line("snap_count", &stats.syncs_snap)?;
    summary(text, "fsynctime", &counters.fsync)?;
    summary(text, "snapshottime", &counters.snapshot)?;
    summary(text, "dbinittime", &counters.db_init)
}

fn summary(text: &mut String, name: &str, summary: &Summary) -> fmt::Result {
    let (count, sum_ms, min_ms, max_ms) = summary.read();
    writeln!(text, "zk_avg_{name}\t{}", Decimal::ratio(sum_ms, count))?;
    writeln!(text, "zk_min_{name}\t{min_ms}")?;
    writeln!(text, "zk_max_{name}\t{max_ms}")?;
    writeln!(text, "zk_cnt_{name}\t{count}")?;
    writeln!(text, "zk_sum_{name}\t{sum_ms}")
}

fn configuration(text: &mut String, status: &Status) -> fmt::Result {
    let config = &status.config;
    let core = &config.core;
    let data_dir = Path::new(&config.data_dir).join("version-2");
    let data_log_dir = Path::new(&config.data_log_dir).join("version-2");
    writeln!(text, "clientPort={}", core.client_addr.port)?;
    writeln!(text, "secureClientPort=-1")?;
    writeln!(text, "dataDir={}", data_dir.display())?;
    writeln!(text, "dataDirSize={}", folder_size(&data_dir))?;
    writeln!(text, "dataLogDir={}", data_log_dir.display())?;
    writeln!(text, "dataLogSize={}", folder_size(&data_log_dir))?;
    writeln!(text, "tickTime={}", core.tick_time_ms)?;
    writeln!(text, "maxClientCnxns={}", core.max_client_cnxns)?;
    writeln!(text, "minSessionTimeout={}", core.min_session_timeout_ms)?;
    writeln!(text, "maxSessionTimeout={}", core.max_session_timeout_ms)?;
    writeln!(text, "clientPortListenBacklog={CLIENT_PORT_BACKLOG}")?;
    writeln!(text, "serverId={}", core.me)?;
    let Some(ensemble) = &core.ensemble else { return Ok(()) };
    writeln!(text, "initLimit={}", core.init_limit)?;
    writeln!(text, "syncLimit={}", core.sync_limit)?;
    writeln!(text, "electionAlg=3")?;
    if let Some(entry) = ensemble.servers.get(&core.me) {
        writeln!(text, "electionPort={}", entry.election.port)?;
        writeln!(text, "quorumPort={}", entry.quorum.port)?;
        writeln!(text, "peerType={}", u8::from(entry.role == PeerRole::Observer))?;
    }
    write!(text, "membership: \n{}", ensemble.to_text())
}

fn directories(text: &mut String, status: &Status) -> fmt::Result {
    let size = |folder: &str| folder_size(&Path::new(folder).join("version-2"));
    writeln!(text, "datadir_size: {}", size(&status.config.data_dir))?;
    writeln!(text, "logdir_size: {}", size(&status.config.data_log_dir))
}

/// Shortest, mean and longest, in ms.
fn latency(stats: &Stats) -> (u64, Decimal, u64) {
    let mean = Decimal::ratio(stats.latency_total_us, stats.requests.saturating_mul(1000));
    (stats.latency_min_us / 1000, mean, stats.latency_max_us / 1000)
}

/// The asking connection is one of them, as in Java.
fn connections(status: &Status) -> usize {
    status.view.clients.len() + 1
}

fn outstanding(status: &Status) -> u64 {
    status.view.clients.iter().map(|client| client.outstanding).sum()
}

fn peer_state(role: Role) -> &'static str {
    match role {
        Role::Leading => "leading",
        Role::Following => "following",
        Role::Observing => "observing",
        Role::Settling | Role::Looking | Role::Standalone | Role::Halted => "looking",
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Election => "election",
        Phase::Discovery => "discovery",
        Phase::Synchronization => "synchronization",
        Phase::Broadcast => "broadcast",
    }
}

/// Bytes of all files in a folder; what cannot be read counts as nothing.
fn folder_size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}

/// Open descriptors and their limit, where the system tells.
fn file_descriptors() -> Option<(usize, u64)> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let max = line.split_whitespace().next()?.parse().ok()?;
    Some((open, max))
}

/// A number with up to four places after the point and at least one, as Java shows means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Decimal {
    ten_thousandths: u128,
}

impl Decimal {
    /// `sum / count`, rounded half up; 0 without a count.
    fn ratio(sum: u64, count: u64) -> Decimal {
        let (sum, count) = (u128::from(sum), u128::from(count));
        let ten_thousandths = (sum * 10_000 + count / 2).checked_div(count).unwrap_or(0);
        Decimal { ten_thousandths }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = format!("{:04}", self.ten_thousandths % 10_000);
        let places = places.trim_end_matches('0');
        let places = if places.is_empty() { "0" } else { places };
        write!(f, "{}.{places}", self.ten_thousandths / 10_000)
    }
}

#[cfg(test)]
mod tests;
