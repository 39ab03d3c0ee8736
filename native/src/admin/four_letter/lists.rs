//! The words that list clients, sessions, ephemeral znodes and watches.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use zablab_core::config::ServerConfig;
use zablab_core::trace::Role;
use zablab_core::types::{Path, SessionId, WallMs};
use zablab_core::view::{ClientTimes, ClientView};
use zablab_core::wire::client::OpCode;

use crate::admin::Status;
use crate::shell::time::date;

/// `cons`.
pub fn connections(text: &mut String, status: &Status, asker: &str) -> fmt::Result {
    for client in &status.view.clients {
        let ClientView { remote, outstanding, received, sent, .. } = client;
        write!(text, " /{remote}[1](queued={outstanding},recved={received},sent={sent}")?;
        if let Some(session) = client.session {
            connected(text, client, session, &times_of(status, client))?;
        }
        writeln!(text, ")")?;
    }
    writeln!(text, " /{asker}[0](queued=0,recved=1,sent=0)")?;
    writeln!(text)
}

fn connected(
    text: &mut String,
    client: &ClientView,
    session: SessionId,
    times: &ClientTimes,
) -> fmt::Result {
    let (operation, timeout_ms) = (operation(times.last_op), client.timeout_ms);
    write!(text, ",sid={session},lop={operation},est={}", times.established.0)?;
    write!(text, ",to={timeout_ms}")?;
    if let Some(cxid) = times.last_cxid {
        write!(text, ",lcxid=0x{:x}", cxid.0)?;
    }
    let mean_us = times.total_us.checked_div(times.replies).unwrap_or(0);
    let zxid = client.last_zxid;
    write!(text, ",lzxid={zxid},lresp={},llat={}", times.last_reply_ms, times.last_us / 1000)?;
    let (min, mean, max) = (times.min_us / 1000, mean_us / 1000, times.max_us / 1000);
    write!(text, ",minlat={min},avglat={mean},maxlat={max}")
}

fn times_of(status: &Status, client: &ClientView) -> ClientTimes {
    let found = status.times.iter().find(|(conn, _)| *conn == client.conn);
    found.map(|(_, times)| *times).unwrap_or_default()
}

/// What Java's `FinalRequestProcessor` calls an operation.
fn operation(op: Option<i32>) -> &'static str {
    let Some(op) = op.and_then(OpCode::from_wire) else { return "NA" };
    match op {
        OpCode::Ping => "PING",
        OpCode::CreateSession => "SESS",
        OpCode::Multi => "MULT",
        OpCode::MultiRead => "MLTR",
        OpCode::Create | OpCode::Create2 | OpCode::CreateTtl | OpCode::CreateContainer => "CREA",
        OpCode::Delete | OpCode::DeleteContainer => "DELE",
        OpCode::SetData => "SETD",
        OpCode::Reconfig => "RECO",
        OpCode::SetAcl => "SETA",
        OpCode::CloseSession => "CLOS",
        OpCode::Sync => "SYNC",
        OpCode::Check => "CHEC",
        OpCode::Exists => "EXIS",
        OpCode::GetData => "GETD",
        OpCode::SetWatches => "SETW",
        OpCode::SetWatches2 => "STW2",
        OpCode::AddWatch => "ADDW",
        OpCode::GetAcl => "GETA",
        OpCode::GetChildren | OpCode::GetChildren2 => "GETC",
        OpCode::GetAllChildrenNumber => "GETACN",
        OpCode::CheckWatches => "CHKW",
        OpCode::RemoveWatches => "REMW",
        OpCode::WhoAmI => "HOMI",
        OpCode::GetEphemerals => "GETE",
        _ => "NA",
    }
}

/// `dump`.
pub fn dump(text: &mut String, status: &Status) -> fmt::Result {
    writeln!(text, "SessionTracker dump:")?;
    let sessions = &status.view.sessions;
    if matches!(status.view.role, Role::Leading | Role::Standalone) {
        let ends = sessions.iter().map(|it| (it.expires_at_ms.unwrap_or(0), it.id.to_string()));
        buckets(text, "Session", status, ends)?;
    } else {
        writeln!(text, "Global Sessions({}):", sessions.len())?;
        for session in sessions {
            writeln!(text, "{}\t{}ms", session.id, session.timeout_ms)?;
        }
    }
    writeln!(text, "ephemeral nodes dump:")?;
    let mut owned: BTreeMap<SessionId, Vec<&Path>> = BTreeMap::new();
    for (session, path) in status.database.iter().flat_map(|it| it.tree.ephemerals()) {
        owned.entry(session).or_default().push(path);
    }
    writeln!(text, "Sessions with Ephemerals ({}):", owned.len())?;
    for (session, paths) in owned {
        writeln!(text, "{session}:")?;
        for path in paths {
            writeln!(text, "\t{path}")?;
        }
    }
    writeln!(text, "Connections dump:")?;
    let ends = status.view.clients.iter().map(|client| {
        let session = client.session.unwrap_or(SessionId(0));
        let what = format!("ip: /{} sessionId: {session}", client.remote);
        (silent_until_ms(status, client), what)
    });
    buckets(text, "Connections", status, ends)
}

/// When a connection would be closed if nothing more came, in ms since the start: as Java, in
/// steps of how long a client may be silent at first.
fn silent_until_ms(status: &Status, client: &ClientView) -> u64 {
    let ServerConfig { silence_max_ms: step, .. } = *status.config;
    let timeout_ms = client.session.map_or(step, |_| client.timeout_ms.unsigned_abs().into());
    let until = times_of(status, client).last_reply_ms + timeout_ms;
    (until / step + 1) * step
}

/// What ends at the same time is listed together, as in Java's `ExpiryQueue`.
fn buckets(
    text: &mut String,
    what: &str,
    status: &Status,
    ends: impl Iterator<Item = (u64, String)>,
) -> fmt::Result {
    let mut sets: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut count = 0;
    for (at_ms, one) in ends {
        sets.entry(at_ms).or_default().push(one);
        count += 1;
    }
    writeln!(text, "{what} Sets ({})/({count}):", sets.len())?;
    for (at_ms, set) in sets {
        let from_now = at_ms as i64 - status.uptime_ms as i64;
        writeln!(text, "{} expire at {}:", set.len(), date(WallMs(status.wall.0 + from_now)))?;
        for one in set {
            writeln!(text, "\t{one}")?;
        }
    }
    Ok(())
}

fn by_session(status: &Status) -> BTreeMap<SessionId, Vec<&Path>> {
    let mut paths: BTreeMap<SessionId, Vec<&Path>> = BTreeMap::new();
    for (path, sessions) in &status.watches {
        for session in sessions {
            paths.entry(*session).or_default().push(path);
        }
    }
    paths
}

/// `wchs`. As in Java, the watches of children are left out of these words.
pub fn watches_summed_up(text: &mut String, status: &Status) -> fmt::Result {
    let connections = by_session(status).len();
    let paths = status.watches.len();
    let total: usize = status.watches.iter().map(|(_, sessions)| sessions.len()).sum();
    writeln!(text, "{connections} connections watching {paths} paths")?;
    writeln!(text, "Total watches:{total}")
}

/// `wchc`.
pub fn watches_by_session(text: &mut String, status: &Status) -> fmt::Result {
    for (session, paths) in by_session(status) {
        writeln!(text, "{session}")?;
        for path in paths {
            writeln!(text, "\t{path}")?;
        }
    }
    writeln!(text)
}

/// `wchp`.
pub fn watches_by_path(text: &mut String, status: &Status) -> fmt::Result {
    for (path, sessions) in &status.watches {
        writeln!(text, "{path}")?;
        for session in sessions {
            writeln!(text, "\t{session}")?;
        }
    }
    writeln!(text)
}
