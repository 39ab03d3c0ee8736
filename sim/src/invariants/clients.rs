//! K1, K2, K4, K6, K8: what clients were told is one order, their own, and comes true.
//!
//! A reply names the transaction up to which its server had gone, so no search for an order is
//! needed. Deliberately not here: what a reply says (see `reads`), and watches (W1 to W4).
//! Source: part B.4 of the correctness notes; Hunt et al. 2010, section 4.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use zablab_core::client::CallId;
use zablab_core::trace::Event;
use zablab_core::tree::Database;
use zablab_core::types::{ServerId, SessionId, Zxid};
use zablab_core::wire::client::Request;

use super::facts::Facts;
use super::histories::History;
use super::{Invariant, Report};
use crate::step::ClientId;

/// What clients did and were told.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients {
    /// Calls without an answer.
    open: BTreeMap<CallId, Open>,
    /// The last transaction of the committed order that a client was told is done.
    told: Option<(CallId, History)>,
    /// The greatest zxid of a write that was answered OK, and its call.
    newest: Option<(Zxid, CallId)>,
    /// The present session of each client.
    sessions: BTreeMap<ClientId, Session>,
}

/// A call without an answer.
#[derive(Clone, Debug, Hash)]
struct Open {
    client: ClientId,
    is_write: bool,
    /// The newest write that was answered before this call began.
    after: Option<(Zxid, CallId)>,
}

/// What a client has seen in its session.
#[derive(Clone, Copy, Debug, Default, Hash)]
struct Session {
    id: Option<SessionId>,
    /// The last call that was answered, and the zxid of its reply.
    last: Option<(CallId, Zxid)>,
    /// The last write that was answered OK, and its zxid.
    last_write: Option<(CallId, Zxid)>,
}

impl Clients {
    /// Feeds all of it to a hasher.
    pub(super) fn hash<H: Hasher>(&self, facts: &Facts, hasher: &mut H) {
        let Clients { open, told, newest, sessions } = self;
        let told = told.map(|(call, history)| (call, facts.histories.digest(history)));
        (open, told, newest, sessions).hash(hasher);
    }

    /// A call begins.
    pub(super) fn called(&mut self, client: ClientId, call: CallId, request: &Request) {
        let open = Open { client, is_write: is_write(request), after: self.newest };
        self.open.insert(call, open);
    }

    /// A client has a session: the one it had, or a new one, in which it has seen nothing.
    pub(super) fn connected(&mut self, client: ClientId, session: SessionId) {
        let seen = self.sessions.entry(client).or_default();
        if seen.id != Some(session) {
            *seen = Session { id: Some(session), ..Session::default() };
        }
    }

    /// A call ends. `zxid` is `None` if there was no reply.
    pub(super) fn returned(
        &mut self,
        facts: &Facts,
        call: CallId,
        zxid: Option<Zxid>,
        error: i32,
        report: &mut Report,
    ) {
        let Some(open) = self.open.remove(&call) else { return };
        let Some(zxid) = zxid else { return };
        let done = open.is_write && error == 0;
        self.in_session(&open, call, zxid, done, report);
        if !done {
            return;
        }
        if let Some((earlier, other)) = open.after.filter(|(earlier, _)| *earlier >= zxid) {
            let (call, other) = (call.0, other.0);
            let why = format!(
                "call {call} began after call {other} was answered OK with {earlier:?}, \
                 but its own write is {zxid:?}"
            );
            report.broken(Invariant::K1, [], why);
        }
        self.newest = self.newest.max(Some((zxid, call)));
        let order = facts.committed();
        let Some(history) = facts.histories.up_to(order, zxid) else {
            let call = call.0;
            let last = facts.histories.last(order);
            let why = format!(
                "the write {zxid:?} of call {call} was answered OK, \
                 but no leader committed it (the committed order ends with {last:?})"
            );
            report.broken(Invariant::K6, [], why);
            return;
        };
        let len = facts.histories.len(history);
        if self.told.is_none_or(|(_, told)| facts.histories.len(told) < len) {
            self.told = Some((call, history));
        }
    }

    /// What comes one after the other in a session is answered so.
    fn in_session(
        &mut self,
        open: &Open,
        call: CallId,
        zxid: Zxid,
        done: bool,
        report: &mut Report,
    ) {
        let seen = self.sessions.entry(open.client).or_default();
        let client = open.client.0;
        if let Some((last, before)) = seen.last {
            let (last, call) = (last.0, call.0);
            if last > call {
                let why = format!(
                    "client {client} got the answer to its call {call} after that to {last}"
                );
                report.broken(Invariant::K2, [], why);
            }
            if before > zxid {
                let why = format!(
                    "client {client} saw {before:?} with call {last}, \
                     but only {zxid:?} with call {call} of the same session"
                );
                report.broken(Invariant::K4, [], why);
            }
        }
        seen.last = Some((call, zxid));
        if !done {
            return;
        }
        if let Some((last, before)) = seen.last_write.filter(|(_, before)| *before >= zxid) {
            let (last, call) = (last.0, call.0);
            let why = format!(
                "client {client} asked for call {last} before call {call}, \
                 but their writes are {before:?} and {zxid:?}"
            );
            report.broken(Invariant::K2, [], why);
        }
        seen.last_write = Some((call, zxid));
    }

    /// A disk was read: what its sessions own goes with them.
    pub(super) fn recovered(id: ServerId, state: &Database, report: &mut Report) {
        let orphan = state.tree.ephemerals().find(|(owner, _)| !state.sessions.contains_key(owner));
        if let Some((owner, path)) = orphan {
            let last = state.last_zxid;
            let why = format!(
                "server {id} recovers {path} of session {owner}, \
                 but no such session lives after {last:?}"
            );
            report.broken(Invariant::K8, [id], why);
        }
    }

    /// Every later leader must begin with what clients were told.
    pub(super) fn before_event(
        &mut self,
        facts: &Facts,
        id: ServerId,
        event: &Event,
        report: &mut Report,
    ) {
        let Event::Established { epoch } = event else {
            return;
        };
        let Some((call, told)) = self.told else {
            return;
        };
        let Some(initial) = facts.initial(id, *epoch) else {
            return;
        };
        // It may be established late, when a later epoch has begun.
        if facts.histories.last(told).epoch() < *epoch && !facts.histories.is_prefix(told, initial)
        {
            let call = call.0;
            let (told, last) = (facts.histories.last(told), facts.histories.last(initial));
            let why = format!(
                "the write {told:?} of call {call} was answered OK, but leader {id} of \
                 epoch {epoch} begins without it (its history ends with {last:?})"
            );
            report.broken(Invariant::K6, [id], why);
        }
    }
}

/// True if it becomes a transaction, and its answer carries the zxid of that.
fn is_write(request: &Request) -> bool {
    match request {
        Request::CreateSession { .. }
        | Request::CloseSession
        | Request::Create(_)
        | Request::Create2(_)
        | Request::Delete(_)
        | Request::CreateContainer(_)
        | Request::CreateTtl(_)
        | Request::DeleteContainer { .. }
        | Request::SetData(_)
        | Request::SetAcl(_)
        | Request::Multi(_) => true,
        Request::Check(_)
        | Request::Exists { .. }
        | Request::GetData { .. }
        | Request::GetAcl { .. }
        | Request::GetChildren { .. }
        | Request::GetChildren2 { .. }
        | Request::MultiRead(_)
        | Request::GetEphemerals { .. }
        | Request::GetAllChildrenNumber { .. }
        | Request::WhoAmI
        | Request::Auth(_)
        | Request::Sync { .. }
        | Request::Ping
        | Request::AddWatch { .. }
        | Request::CheckWatches { .. }
        | Request::RemoveWatches { .. }
        | Request::SetWatches(_)
        | Request::SetWatches2(_) => false,
    }
}
