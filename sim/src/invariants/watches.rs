//! W1 to W4: what clients are told of changes, against what they can see of them.
//!
//! A client that set a watch knows in which state it saw the znode. Whatever shows it another
//! state, a reply or the zxid of one, must come behind the event. Of a getChildren, whose reply
//! does not say in which state the children were, only W3 is judged. What a client missed while
//! it was away is told without a zxid, so that no order of it is judged.
//! Source: part B.4 of the correctness notes; ZooKeeper's programmer's guide, "What ZooKeeper
//! Guarantees about Watches".

use zablab_core::client::{CallError, CallId};
use zablab_core::sorted::SortedMap;
use zablab_core::types::{Path, Zxid};
use zablab_core::wire::client::{ErrorCode, Request, Response};
use zablab_core::wire::records::Stat;

use super::{Invariant, Report};
use crate::client::Outcome;
use crate::step::ClientId;

/// The watches of all clients, and what clients know beside them.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Watches {
    /// Calls without an answer that will show the state of a znode.
    open: SortedMap<CallId, (ClientId, Look)>,
    clients: SortedMap<ClientId, Seen>,
}

/// A request whose reply shows the state of a znode.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
struct Look {
    path: Path,
    watch: Option<Kind>,
    /// Whether it is an exists, which also watches what is missing.
    exists: bool,
}

/// What is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
enum Kind {
    Data,
    Children,
}

/// What one client knows.
#[derive(Clone, Debug, Default, Hash)]
struct Seen {
    /// The last reply on the present connection, and its zxid.
    reply: Option<(CallId, Zxid)>,
    /// The zxid of the last event on the present connection.
    event: Option<Zxid>,
    /// The watches that have not fired.
    set: SortedMap<CallId, Set>,
}

/// A watch that has not fired.
#[derive(Clone, Debug, Hash)]
struct Set {
    path: Path,
    kind: Kind,
    /// In which state its call saw the znode, if it said so.
    saw: Option<State>,
    /// The call that showed another state.
    shown_by: Option<CallId>,
}

/// The state of a znode, as far as a watch tells of its changes: the transaction that made it, and
/// the last one that a watch of its kind tells of. `None` if there is no znode.
type State = Option<(Zxid, Zxid)>;

fn state_of(stat: &Stat, kind: Kind) -> State {
    match kind {
        Kind::Data => Some((stat.czxid, stat.mzxid)),
        Kind::Children => Some((stat.czxid, stat.pzxid)),
    }
}

impl Look {
    fn of(request: &Request) -> Option<Look> {
        let (path, watch, exists) = match request {
            Request::Exists { path, watch } => (path, watch.then_some(Kind::Data), true),
            Request::GetData { path, watch } => (path, watch.then_some(Kind::Data), false),
            Request::GetChildren { path, watch } | Request::GetChildren2 { path, watch } => {
                (path, watch.then_some(Kind::Children), false)
            }
            Request::SetData(set) => (&set.path, None, false),
            _ => return None,
        };
        Some(Look { path: path.clone(), watch, exists })
    }
}

impl Watches {
    /// A call begins.
    pub(super) fn called(&mut self, client: ClientId, call: CallId, request: &Request) {
        if let Some(look) = Look::of(request) {
            self.open.insert(call, (client, look));
        }
    }

    /// A client begins anew.
    pub(super) fn begun(&mut self, client: ClientId) {
        self.clients.remove(&client);
    }

    /// A client has a connection. Its watches outlive a session that only one server had.
    pub(super) fn connected(&mut self, client: ClientId) {
        let seen = self.clients.entry(client).or_default();
        (seen.reply, seen.event) = (None, None);
    }

    /// A call of this client ends.
    pub(super) fn returned(
        &mut self,
        client: ClientId,
        call: CallId,
        outcome: &Outcome,
        report: &mut Report,
    ) {
        let look = self.open.remove(&call).map(|(_, look)| look);
        let seen = self.clients.entry(client).or_default();
        seen.reply = outcome.zxid.map(|zxid| (call, zxid)).or(seen.reply);
        let Some(look) = look else { return };
        let (stat, is_there) = match &outcome.result {
            Ok(
                Response::Stat(stat)
                | Response::Data { stat, .. }
                | Response::Children2 { stat, .. },
            ) => (Some(stat), true),
            Ok(Response::Children(_)) => (None, true),
            Err(CallError::Refused { code }) if *code == ErrorCode::NoNode.to_wire() => {
                (None, false)
            }
            Ok(_) | Err(_) => return,
        };
        let says = stat.is_some() || !is_there;
        if says {
            seen.shown(client, call, &look.path, stat, report);
        }
        if let Some(kind) = look.watch.filter(|_| is_there || look.exists) {
            let saw = says.then(|| stat.and_then(|stat| state_of(stat, kind)));
            seen.set.insert(call, Set { path: look.path, kind, saw, shown_by: None });
        }
    }

    /// A client is told of a change.
    pub(super) fn told(
        &mut self,
        client: ClientId,
        path: &Path,
        zxid: Option<Zxid>,
        watchers: &[CallId],
        report: &mut Report,
    ) {
        let seen = self.clients.entry(client).or_default();
        let client = client.0;
        if let (Some(zxid), Some((call, last))) = (zxid, seen.reply)
            && zxid <= last
        {
            let call = call.0;
            let why = format!(
                "client {client} was told of {zxid:?} on {path} after call {call} was answered \
                 with {last:?}"
            );
            report.broken(Invariant::W1, [], why);
        }
        if let (Some(zxid), Some(last)) = (zxid, seen.event)
            && zxid < last
        {
            let why = format!("client {client} was told of {zxid:?} on {path} after {last:?}");
            report.broken(Invariant::W2, [], why);
        }
        seen.event = zxid.or(seen.event);
        for call in watchers {
            let number = call.0;
            let Some(set) = seen.set.remove(call) else {
                let why = format!(
                    "client {client} was told of {path} by the watch of call {number}, which is \
                     not set (any more)"
                );
                report.broken(Invariant::W3, [], why);
                continue;
            };
            let last = set.saw.flatten().map(|(made, changed)| made.max(changed));
            if let (Some(zxid), Some(last)) = (zxid, last)
                && zxid <= last
            {
                let why = format!(
                    "client {client} was told of {zxid:?} on {path} by the watch of call {number}, \
                     which had seen {last:?} already"
                );
                report.broken(Invariant::W3, [], why);
            }
        }
    }

    /// The run is over.
    pub(super) fn end(&self, report: &mut Report) {
        for (client, seen) in &self.clients {
            for (call, set) in &seen.set {
                let Some(shown_by) = set.shown_by else { continue };
                let (client, call, shown_by, path) = (client.0, call.0, shown_by.0, &set.path);
                let why = format!(
                    "client {client} was never told of the change of {path} that its call {call} \
                     watched for and its call {shown_by} has seen"
                );
                report.broken(Invariant::W4, [], why);
            }
        }
    }
}

impl Seen {
    /// A reply shows a znode, or that it is missing.
    fn shown(
        &mut self,
        client: ClientId,
        call: CallId,
        path: &Path,
        stat: Option<&Stat>,
        report: &mut Report,
    ) {
        for (watch, set) in &mut self.set {
            // Older states are a matter of K3 and K4.
            let now = stat.and_then(|stat| state_of(stat, set.kind));
            let is_later = |saw: State| now > saw || now.is_none() && saw.is_some();
            if set.path != *path || !set.saw.is_some_and(is_later) {
                continue;
            }
            set.shown_by.get_or_insert(call);
            let (client, watch, call) = (client.0, watch.0, call.0);
            let why = format!(
                "call {call} showed client {client} a change of {path} for which call {watch} had \
                 set a watch, before it was told"
            );
            report.broken(Invariant::W1, [], why);
        }
    }
}
