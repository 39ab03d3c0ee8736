//! K12: what an access list allows is done, what it does not allow is refused.
//!
//! Judged when the run is over, over all calls of all clients: a list is known by its znode and
//! the transaction that set it. The verdicts are those of the core's own rules on the lists as
//! clients asked for them; what is examined here is whether every server, after restarts and
//! snapshots too, goes by the list that was set last. Znodes that somebody may have changed
//! without being told (a lost connection, a multi, the end of a session) are left out.
//! Source: part B.4 of the correctness notes; ZOOKEEPER-3306 and 4689.

use zablab_core::client::CallError;
use zablab_core::config::Rules;
use zablab_core::request::access::{Access, fix_up_acl, identities};
use zablab_core::sorted::{SortedMap, SortedSet};
use zablab_core::tree::acl::{ADMIN, CREATE, DELETE, READ, WRITE};
use zablab_core::tree::path;
use zablab_core::txn::{Acl, Id};
use zablab_core::types::{Path, Zxid};
use zablab_core::wire::client::{CreateMode, ErrorCode, MultiOp, Request, Response};

use super::{Invariant, Report};
use crate::client::Call;
use crate::given::client_address;
use crate::step::ClientId;

/// The lists of each znode, by the transactions that set them; `None` where it went.
#[derive(Default)]
struct Lists {
    of: SortedMap<Path, SortedMap<Zxid, Option<Vec<Acl>>>>,
    unknown: SortedSet<Path>,
}

impl Lists {
    /// The list of a znode in the state after this transaction, if it is known.
    fn at(&self, path: &str, zxid: Zxid) -> Option<&[Acl]> {
        if self.unknown.contains(path) {
            return None;
        }
        let (_, list) = self.of.get(path)?.range(..=zxid).next_back()?;
        list.as_deref()
    }
}

/// The identities of a client: those that it had for certain, and those that it may have had.
#[derive(Clone, Default)]
struct Identities {
    had: Vec<Id>,
    perhaps: Vec<Id>,
}

/// The run is over.
pub(super) fn end<'a>(clients: impl Iterator<Item = (ClientId, &'a [Call])>, report: &mut Report) {
    let clients: Vec<Caller> = clients.map(|(id, calls)| Caller::new(id, calls)).collect();
    let mut lists = Lists::default();
    for caller in &clients {
        caller.calls.iter().for_each(|call| caller.learn(call, &mut lists));
    }
    for caller in &clients {
        caller.calls.iter().for_each(|call| caller.judge(call, &lists, report));
    }
}

/// A client, its calls, and the identities that it asked for.
struct Caller<'a> {
    address: Id,
    calls: &'a [Call],
    credentials: Vec<(&'a Call, Vec<Id>)>,
}

impl Caller<'_> {
    fn new(id: ClientId, calls: &[Call]) -> Caller<'_> {
        let address = Id { scheme: "ip".to_owned(), id: client_address(id) };
        Caller { address, calls, credentials: calls.iter().filter_map(proved).collect() }
    }

    /// What a call tells of lists.
    fn learn(&self, call: &Call, lists: &mut Lists) {
        let outcome = call.returned.as_ref().map(|(_, outcome)| outcome);
        let is_done = outcome.is_some_and(|outcome| outcome.result.is_ok());
        let is_refused = outcome.is_some_and(|outcome| is_refusal(&outcome.result));
        let zxid = outcome.and_then(|outcome| outcome.zxid).filter(|_| is_done);
        let mut set = |path: &Path, list: Option<Vec<Acl>>| match zxid {
            Some(zxid) => drop(lists.of.entry(path.clone()).or_default().insert(zxid, list)),
            None if is_refused => {}
            None => drop(lists.unknown.insert(path.clone())),
        };
        let fixed = |acl: &[Acl]| {
            let who = self.identities(call);
            let is_certain = who.had.len() == who.perhaps.len();
            if is_certain { fix_up_acl(acl, &who.had, Rules::default()).ok() } else { None }
        };
        match &call.request {
            Request::Create(create) | Request::Create2(create) => {
                let made = match outcome.map(|outcome| &outcome.result) {
                    Some(Ok(Response::Create { path } | Response::Create2 { path, .. })) => path,
                    _ => &create.path,
                };
                let mode = CreateMode::from_wire(create.flags);
                match fixed(&create.acl) {
                    // It goes when its session does, which no call tells.
                    Some(list) if mode.is_some_and(|mode| !mode.is_ephemeral()) => {
                        set(made, Some(list));
                    }
                    Some(_) | None => drop(lists.unknown.insert(made.clone())),
                }
            }
            Request::SetAcl(change) => match fixed(&change.acl) {
                Some(list) => set(&change.path, Some(list)),
                None => drop(lists.unknown.insert(change.path.clone())),
            },
            Request::Delete(delete) => set(&delete.path, None),
            Request::Multi(ops) => {
                for op in ops {
                    if let MultiOp::Create(create) = op {
                        lists.unknown.insert(create.path.clone());
                    } else if let MultiOp::Delete(delete) = op {
                        lists.unknown.insert(delete.path.clone());
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether a call was answered as the lists want it.
    fn judge(&self, call: &Call, lists: &Lists, report: &mut Report) {
        let Some((_, outcome)) = &call.returned else { return };
        let Some(zxid) = outcome.zxid else { return };
        let is_done = outcome.result.is_ok();
        let no_auth = CallError::Refused { code: ErrorCode::NoAuth.to_wire() };
        if !is_done && outcome.result != Err(no_auth) {
            return;
        }
        let Some((path, perms, is_write)) = needed(&call.request) else { return };
        // A write is judged by the state before it.
        let before = if is_write { Zxid(zxid.0.saturating_sub(1)) } else { zxid };
        let Some(list) = lists.at(path, before) else { return };
        let who = self.identities(call);
        let auth = if is_done { &who.perhaps } else { &who.had };
        let allows = Access { auth, rules: Rules::default() }.check_list(list, perms).is_ok();
        if allows != is_done {
            let (number, verdict) = (call.id.0, if is_done { "done" } else { "refused" });
            let says = if allows { "allows" } else { "does not allow" };
            let why = format!(
                "call {number} was {verdict} with {zxid:?}, but the access list of {path} {says} it"
            );
            report.broken(Invariant::K12, [], why);
        }
    }

    /// Who a client was when it made this call.
    fn identities(&self, call: &Call) -> Identities {
        let mut who = Identities::default();
        for (earlier, proved) in &self.credentials {
            if earlier.session != call.session {
                continue;
            }
            // Credentials overtake what waits for a connection.
            let late = call.returned.as_ref().is_some_and(|(end, _)| earlier.called > *end);
            // Those that were taken go before all requests that come after them.
            let is_taken = earlier.returned.as_ref().is_some_and(|(_, done)| done.result.is_ok());
            if earlier.id < call.id && is_taken {
                who.had.extend(proved.iter().cloned());
            }
            if !late {
                who.perhaps.extend(proved.iter().cloned());
            }
        }
        who.had.push(self.address.clone());
        who.perhaps.push(self.address.clone());
        who
    }
}

/// The identities that a call asks for, if it does.
fn proved(call: &Call) -> Option<(&Call, Vec<Id>)> {
    match &call.request {
        Request::Auth(auth) => Some((call, identities(auth, None, Rules::default())?)),
        _ => None,
    }
}

/// Of which znode a request needs which permission, and whether it is a write.
fn needed(request: &Request) -> Option<(&str, i32, bool)> {
    let parent = |path| path::split(path).map(|(parent, _)| path::shown(parent));
    Some(match request {
        Request::Create(create) | Request::Create2(create) => (parent(&create.path)?, CREATE, true),
        Request::Delete(delete) => (parent(&delete.path)?, DELETE, true),
        Request::SetData(set) => (&set.path, WRITE, true),
        Request::SetAcl(set) => (&set.path, ADMIN, true),
        Request::GetAcl { path } => (path, READ | ADMIN, false),
        Request::GetData { path, .. }
        | Request::Exists { path, .. }
        | Request::GetChildren { path, .. }
        | Request::GetChildren2 { path, .. } => (path, READ, false),
        _ => return None,
    })
}

/// Whether a write was certainly not done.
fn is_refusal(result: &Result<Response, CallError>) -> bool {
    !matches!(result, Ok(_) | Err(CallError::ConnectionLoss))
}
