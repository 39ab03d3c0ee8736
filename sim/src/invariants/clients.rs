//! K1, K2, K4 to K9, K11: what clients were told is one order, their own, and comes true.
//!
//! A reply names the transaction up to which its server had gone, so no search for an order is
//! needed. Deliberately not here: what a reply says (see `reads`), watches (see `watches`), and
//! what of K9 needs time (see `liveness`).
//! Source: part B.4 of the correctness notes; Hunt et al. 2010, section 4.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use zablab_core::client::CallId;
use zablab_core::sorted::{SortedMap, SortedSet};
use zablab_core::trace::Event;
use zablab_core::tree::Database;
use zablab_core::types::{ServerId, SessionId, Xid, Zxid};
use zablab_core::wire::client::{CreateMode, OpCode, Request, Response};

use super::facts::Facts;
use super::histories::History;
use super::{Invariant, Report};
use crate::client::Outcome;
use crate::step::ClientId;

/// How many digits the number of a sequential name has.
const NUMBER_LEN: usize = 10;

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
    sessions: SortedMap<ClientId, Session>,
    /// Whether a sync proves that its leader leads.
    sync_quorum: bool,
    /// Whose request became which proposal, until it is committed.
    proposed: BTreeMap<Zxid, (SessionId, Xid)>,
    /// The last request of each session that was committed.
    done: SortedMap<SessionId, (Xid, Zxid)>,
    /// Sessions that only one server had, and that have ended.
    ended_local: SortedSet<SessionId>,
    /// The closeSession of each session that has ended.
    ended: SortedMap<SessionId, Zxid>,
    /// The number of each sequential name, by its parent and its transaction.
    numbers: SortedMap<String, SortedMap<Zxid, (u32, CallId)>>,
}

/// A call without an answer.
#[derive(Clone, Debug, Hash)]
struct Open {
    client: ClientId,
    is_write: bool,
    is_sync: bool,
    is_sequential: bool,
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
        let Clients { open, told, newest, sessions, sync_quorum: _, proposed, done, .. } = self;
        let told = told.map(|(call, history)| (call, facts.histories.digest(history)));
        (open, told, newest, sessions).hash(hasher);
        (proposed, done, &self.ended, &self.ended_local, &self.numbers).hash(hasher);
    }

    /// Whether leaders prove with each sync that they lead.
    pub(super) fn set_sync_quorum(&mut self, sync_quorum: bool) {
        self.sync_quorum = sync_quorum;
    }

    /// A call begins.
    pub(super) fn called(&mut self, client: ClientId, call: CallId, request: &Request) {
        let open = Open {
            client,
            is_write: is_write(request),
            is_sync: matches!(request, Request::Sync { .. }),
            is_sequential: is_sequential(request),
            after: self.newest,
        };
        self.open.insert(call, open);
    }

    /// A client has a session: the one it had, or a new one, in which it has seen nothing.
    pub(super) fn connected(&mut self, client: ClientId, session: SessionId) {
        let seen = self.sessions.entry(client).or_default();
        if seen.id != Some(session) {
            *seen = Session { id: Some(session), ..Session::default() };
        }
    }

    /// A call ends.
    pub(super) fn returned(
        &mut self,
        facts: &Facts,
        call: CallId,
        outcome: &Outcome,
        report: &mut Report,
    ) {
        let Some(open) = self.open.remove(&call) else { return };
        let Some(zxid) = outcome.zxid else { return };
        let Ok(response) = &outcome.result else {
            return self.in_session(&open, call, zxid, false, report);
        };
        self.in_session(&open, call, zxid, open.is_write, report);
        if open.is_sync {
            self.synced(&open, call, zxid, report);
        }
        if !open.is_write {
            return;
        }
        if let Response::Create { path } | Response::Create2 { path, .. } = response
            && open.is_sequential
        {
            self.numbered(path, zxid, call, report);
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

    /// K5. A leader that was replaced and does not know it may answer a sync, unless it proves that
    /// it leads (ZOOKEEPER-1675); then what it does not know is of a later epoch.
    fn synced(&self, open: &Open, call: CallId, zxid: Zxid, report: &mut Report) {
        let Some((before, other)) = open.after.filter(|(before, _)| *before > zxid) else { return };
        if self.sync_quorum || before.epoch() == zxid.epoch() {
            let (call, other) = (call.0, other.0);
            let why = format!(
                "the sync of call {call} was answered with {zxid:?}, but it began after call \
                 {other} was answered OK with {before:?}"
            );
            report.broken(Invariant::K5, [], why);
        }
    }

    /// K11: neighbours in the order of transactions have rising numbers.
    fn numbered(&mut self, path: &str, zxid: Zxid, call: CallId, report: &mut Report) {
        let Some((parent, name)) = path.rsplit_once('/') else { return };
        let digits = name.len().checked_sub(NUMBER_LEN).and_then(|at| name.get(at..));
        let Some(number) = digits.and_then(|digits| digits.parse().ok()) else { return };
        let numbers = self.numbers.entry(parent.to_owned()).or_default();
        let before = numbers.range(..zxid).next_back().map(|(_, earlier)| *earlier);
        let after = numbers.range(zxid..).next().map(|(_, later)| *later);
        numbers.insert(zxid, (number, call));
        // At the end of the signed numbers they begin again at the negative end.
        let falls = |lower: u32, upper: u32| lower >= upper && lower < i32::MAX as u32;
        let earlier = before.filter(|(earlier, _)| falls(*earlier, number));
        if let Some((other, of)) = earlier.or(after.filter(|(later, _)| falls(number, *later))) {
            let (call, of) = (call.0, of.0);
            let why = format!(
                "call {call} got the number {number} under {parent}/ with {zxid:?}, and call {of} \
                 the number {other}: they do not rise with the transactions"
            );
            report.broken(Invariant::K11, [], why);
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
        let epoch = match event {
            Event::Established { epoch } => epoch,
            Event::Proposed { zxid, op, session, cxid } => {
                if *op != OpCode::Error.to_wire() && cxid.0 > 0 {
                    self.proposed.insert(*zxid, (*session, *cxid));
                }
                return;
            }
            Event::Committed { zxid } => {
                return if facts.server(id).decides() {
                    self.committed(id, *zxid, report)
                };
            }
            Event::Applied { zxid, op, session, error: 0 } => {
                if *op == OpCode::CloseSession.to_wire() {
                    self.ended.entry(*session).or_insert(*zxid);
                }
                return;
            }
            Event::LocalSessionEnded { session, .. } => {
                self.ended_local.insert(*session);
                return;
            }
            Event::Replied { session, op, zxid, error: 0, .. } => {
                return self.answered(id, *session, *op, *zxid, report);
            }
            _ => return,
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

impl Clients {
    /// K7: what is committed of a session has its requests in order, each once.
    fn committed(&mut self, id: ServerId, zxid: Zxid, report: &mut Report) {
        let Some((session, xid)) = self.proposed.remove(&zxid) else { return };
        let (last, other) = *self.done.entry(session).or_insert((xid, zxid));
        // A leader that was replaced may learn late that a quorum has what it proposed.
        if other < zxid {
            self.done.insert(session, (xid, zxid));
        }
        if other != zxid && (last < xid) != (other < zxid) {
            let (xid, last) = (xid.0, last.0);
            let why = format!(
                "leader {id} committed request {xid} of session {session} as {zxid:?}, but \
                 {other:?} is its request {last}"
            );
            report.broken(Invariant::K7, [id], why);
        }
    }

    /// K9: nothing is OK in a session that has ended.
    fn answered(&self, id: ServerId, session: SessionId, op: i32, zxid: Zxid, report: &mut Report) {
        if self.ended_local.contains(&session) {
            let why = format!(
                "server {id} answered a request of session {session}, which only one server had \
                 and which has ended"
            );
            return report.broken(Invariant::K9, [id], why);
        }
        let end = self.ended.get(&session).filter(|end| **end <= zxid);
        if let Some(end) = end.filter(|_| op != OpCode::CloseSession.to_wire()) {
            let why = format!(
                "server {id} answered a request of session {session} with {zxid:?} though {end:?} \
                 had ended it"
            );
            report.broken(Invariant::K9, [id], why);
        }
    }
}

fn is_sequential(request: &Request) -> bool {
    let (Request::Create(create) | Request::Create2(create)) = request else { return false };
    matches!(
        CreateMode::from_wire(create.flags),
        Some(CreateMode::PersistentSequential | CreateMode::EphemeralSequential)
    )
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
        | Request::Reconfig(_)
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
