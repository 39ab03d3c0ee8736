//! K3 and K10: what clients read is what was written.
//!
//! Judged when the run is over, over all calls of all clients: a value is known by its znode and
//! the transaction that wrote it. A read whose header has a zxid shows the last value written up
//! to there; values that no answer vouches for (a lost connection, a multi) must at least agree
//! with each other. Deliberately not here: that a znode is absent, and lists of children.
//! Source: part B.4 of the correctness notes; Hunt et al. 2010, section 4.

use bytes::Bytes;
use zablab_core::client::CallId;
use zablab_core::sorted::SortedMap;
use zablab_core::types::{Path, Zxid};
use zablab_core::wire::client::{Request, Response};
use zablab_core::wire::records::Stat;

use super::{Invariant, Report};
use crate::client::Call;

/// The value of a znode, who told of it, and whether as its writer.
struct Value {
    data: Option<Bytes>,
    call: CallId,
}

/// The values of each znode, by the transactions that wrote them.
#[derive(Default)]
struct Values {
    of: SortedMap<Path, SortedMap<Zxid, Value>>,
}

impl Values {
    /// A value that somebody told of; it must be the one that is known, if it is.
    fn add(
        &mut self,
        path: &Path,
        zxid: Zxid,
        data: &Option<Bytes>,
        call: CallId,
        report: &mut Report,
    ) {
        let values = self.of.entry(path.clone()).or_default();
        let fresh = Value { data: data.clone(), call };
        let known = values.entry(zxid).or_insert(fresh);
        if known.data != *data {
            let (one, other) = (known.call.0, call.0);
            let why = format!(
                "calls {one} and {other} tell of different values of {path} that {zxid:?} wrote"
            );
            report.broken(Invariant::K3, [], why);
        }
    }
}

/// The run is over.
pub(super) fn end<'a>(calls: impl Iterator<Item = &'a Call>, report: &mut Report) {
    let mut values = Values::default();
    // What was read: where, up to which zxid, and what.
    let mut reads = Vec::new();
    for call in calls {
        let Some((_, outcome)) = &call.returned else { continue };
        // A server without a leader shows what it has, and nobody knows what of it will stay.
        if call.read_only {
            continue;
        }
        let (Some(zxid), Ok(response)) = (outcome.zxid, &outcome.result) else { continue };
        match (&call.request, response) {
            (Request::Create(create), Response::Create { path }) => {
                values.add(path, zxid, &create.data, call.id, report);
            }
            (Request::SetData(set), Response::Stat(_)) => {
                values.add(&set.path, zxid, &set.data, call.id, report);
            }
            (Request::GetData { path, .. }, Response::Data { data, stat }) => {
                values.add(path, stat.mzxid, data, call.id, report);
                reads.push((path, call.id, zxid, *stat));
            }
            (Request::Exists { path, .. }, Response::Stat(stat))
            | (Request::GetChildren2 { path, .. }, Response::Children2 { stat, .. }) => {
                reads.push((path, call.id, zxid, *stat));
            }
            _ => {}
        }
    }
    stats_go_together(&reads, report);
    for (path, call, zxid, stat) in reads {
        let newest = stat.czxid.max(stat.mzxid).max(stat.pzxid);
        if newest > zxid {
            let why = format!(
                "call {} read {path} as {newest:?} left it, but was answered with {zxid:?}",
                call.0
            );
            report.broken(Invariant::K3, [], why);
        }
        let written = values.of.get(path).and_then(|values| values.range(..=zxid).next_back());
        if let Some((last, value)) = written.filter(|(last, _)| **last > stat.mzxid) {
            let why = format!(
                "call {} read {path} as of {zxid:?} with what {:?} wrote, \
                 but call {} tells of what {last:?} wrote",
                call.0, stat.mzxid, value.call.0
            );
            report.broken(Invariant::K3, [], why);
        }
    }
}

/// K10. Two stats of one znode tell how often its data was set between them: at least once, if
/// that was ever.
fn stats_go_together(reads: &[(&Path, CallId, Zxid, Stat)], report: &mut Report) {
    // Of each znode, by the transactions that set its data.
    let mut versions: SortedMap<_, SortedMap<Zxid, (i32, CallId)>> = SortedMap::new();
    for (path, call, _, stat) in reads {
        let number = call.0;
        if stat.mzxid < stat.czxid || stat.pzxid < stat.czxid {
            let (made, set, child) = (stat.czxid, stat.mzxid, stat.pzxid);
            let why = format!(
                "call {number} read {path} made by {made:?}, but changed by {set:?} and {child:?}"
            );
            report.broken(Invariant::K10, [], why);
        }
        if stat.ephemeral_owner.0 > 0 && stat.num_children > 0 {
            let (owner, count) = (stat.ephemeral_owner, stat.num_children);
            let why = format!("call {number} read {path} of session {owner} with {count} children");
            report.broken(Invariant::K10, [], why);
        }
        let known = versions.entry((path, stat.czxid)).or_default();
        let before = known.range(..stat.mzxid).next_back().map(|(_, (version, of))| (version, of));
        let after = known.range(stat.mzxid..).next().map(|(set, version)| (*set, *version));
        let wrong = before.filter(|(version, _)| **version >= stat.version).map(|(_, of)| *of);
        let wrong = wrong.or(after.and_then(|(set, (version, of))| {
            let fits =
                if set == stat.mzxid { version == stat.version } else { version > stat.version };
            (!fits).then_some(of)
        }));
        if let Some(of) = wrong {
            let (version, set, of) = (stat.version, stat.mzxid, of.0);
            let why = format!(
                "call {number} read version {version} of {path} as {set:?} left it, which does not \
                 go with what call {of} read"
            );
            report.broken(Invariant::K10, [], why);
        }
        known.insert(stat.mzxid, (stat.version, *call));
    }
}
