//! From a write request to its transaction: every check, and every result.
//!
//! The leader checks against `prepared`, the state with all transactions under way applied, so
//! that the transaction holds its results and replicas check nothing. A request that fails becomes
//! a transaction too. The order of checks is ZooKeeper's, as clients' test suites see it.
//! Not here: what an access list allows (see [`super::access`]), and who owns a session.
//! Source: Java's `PrepRequestProcessor`.

use alloc::format;
use alloc::vec::Vec;
use bytes::Bytes;

use crate::config::Rules;
use crate::request::access::{Access, fix_up_acl};
use crate::request::reconfig::{Members, data_of, next_ensemble};
use crate::tree::acl::{ADMIN, CREATE, DELETE, READ, WRITE};
use crate::tree::{Database, OverQuota, Owner, Znode, path};
use crate::txn::{CreateKind, CreateTxn, Id, Txn, TxnHeader};
use crate::types::Path;
use crate::wire::client::{
    CheckVersionRequest, CreateMode, CreateRequest, CreateTtlRequest, DeleteRequest, ErrorCode,
    MultiOp, ReconfigRequest, Request, SetAclRequest, SetDataRequest,
};

/// Who asks, and what the transaction will begin with.
#[derive(Clone, Copy, Debug)]
pub struct PrepContext<'a> {
    /// The header: session, request number, zxid and time.
    pub header: TxnHeader,
    /// The identities of the connection.
    pub auth: &'a [Id],
    /// What clients may do.
    pub rules: Rules,
    /// Whether only the server that sent it has the session.
    pub is_local: bool,
    /// Who is in the ensemble; `None` without one.
    pub members: Option<Members<'a>>,
}

impl PrepContext<'_> {
    /// Whether the connection may do it to the znode.
    fn check(&self, prepared: &Database, znode: &Znode, perms: i32) -> Result<(), ErrorCode> {
        Access { auth: self.auth, rules: self.rules }.check(&prepared.tree, znode, perms)
    }
}

/// Makes the transaction of a write request. `prepared` is the state that it will find.
///
/// What is over a quota's limit is noted in `over`, whether it is refused or not.
///
/// What is no write, and a check outside a multi, becomes [`ErrorCode::Unimplemented`].
pub fn prep(
    request: &Request,
    context: &PrepContext<'_>,
    prepared: &Database,
    over: &mut Vec<OverQuota>,
) -> Txn {
    let made = match request {
        Request::CreateSession { timeout_ms } => Ok(Txn::CreateSession { timeout_ms: *timeout_ms }),
        Request::CloseSession => Ok(close_session(context, prepared)),
        Request::Create(create) => prep_create(create, CreateKind::Create, context, prepared, over),
        Request::Create2(create) => {
            prep_create(create, CreateKind::Create2, context, prepared, over)
        }
        Request::Delete(delete) => prep_delete(delete, context, prepared),
        Request::SetData(set) => prep_set_data(set, context, prepared, over),
        Request::SetAcl(set) => prep_set_acl(set, context, prepared),
        Request::DeleteContainer { path } => prep_reaping(path, prepared),
        Request::CreateContainer(create) => {
            prep_create(create, CreateKind::Container, context, prepared, over)
        }
        Request::CreateTtl(CreateTtlRequest { create, ttl_ms }) => {
            prep_create(create, CreateKind::Ttl(*ttl_ms), context, prepared, over)
        }
        Request::Multi(ops) => Ok(prep_multi(ops, context, prepared, over)),
        Request::Reconfig(reconfig) => prep_reconfig(reconfig, context, prepared),
        // 3.8.0 logs a lone check in a form that no start can read.
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
        | Request::AddWatch { .. }
        | Request::CheckWatches { .. }
        | Request::RemoveWatches { .. }
        | Request::Sync { .. }
        | Request::Ping
        | Request::SetWatches(_)
        | Request::SetWatches2(_) => Err(ErrorCode::Unimplemented),
    };
    made.unwrap_or_else(error_txn)
}

fn error_txn(code: ErrorCode) -> Txn {
    Txn::Error(code.to_wire())
}

/// The ephemerals of the session are listed, those included whose create is still under way.
fn close_session(context: &PrepContext<'_>, prepared: &Database) -> Txn {
    let ephemerals = prepared.tree.ephemerals_of(context.header.session);
    Txn::CloseSession { paths: Some(ephemerals.cloned().collect()) }
}

fn prep_multi(
    ops: &[MultiOp],
    context: &PrepContext<'_>,
    prepared: &Database,
    over: &mut Vec<OverQuota>,
) -> Txn {
    let mut attempt = prepared.clone(); // later parts see earlier ones
    let mut parts = Vec::with_capacity(ops.len());
    let mut failed = false;
    for op in ops {
        if failed {
            parts.push(error_txn(ErrorCode::RuntimeInconsistency));
            continue;
        }
        let part = match prep_part(op, context, &attempt, over) {
            Ok(part) => {
                attempt.apply(&context.header, &part);
                part
            }
            Err(code) => {
                failed = true;
                error_txn(code)
            }
        };
        parts.push(part);
    }
    Txn::Multi(parts)
}

fn prep_part(
    op: &MultiOp,
    context: &PrepContext<'_>,
    prepared: &Database,
    over: &mut Vec<OverQuota>,
) -> Result<Txn, ErrorCode> {
    match op {
        MultiOp::Create(create) => prep_create(create, CreateKind::Create, context, prepared, over),
        MultiOp::Create2(create) => {
            prep_create(create, CreateKind::Create2, context, prepared, over)
        }
        MultiOp::Delete(delete) => prep_delete(delete, context, prepared),
        MultiOp::SetData(set) => prep_set_data(set, context, prepared, over),
        MultiOp::Check(check) => prep_check(check, context, prepared),
        MultiOp::CreateContainer(create) => {
            prep_create(create, CreateKind::Container, context, prepared, over)
        }
        MultiOp::CreateTtl(CreateTtlRequest { create, ttl_ms }) => {
            prep_create(create, CreateKind::Ttl(*ttl_ms), context, prepared, over)
        }
    }
}

fn prep_create(
    request: &CreateRequest,
    kind: CreateKind,
    context: &PrepContext<'_>,
    prepared: &Database,
    over: &mut Vec<OverQuota>,
) -> Result<Txn, ErrorCode> {
    let mode = create_mode(request.flags, kind, context.rules)?;
    if context.is_local && mode.is_ephemeral() {
        return Err(ErrorCode::SessionExpired);
    }
    check_session(context, prepared)?;
    let (parent, _) = request.path.rsplit_once('/').ok_or(ErrorCode::BadArguments)?;
    if request.path.contains('\0') {
        return Err(ErrorCode::BadArguments);
    }
    let acl = fix_up_acl(&request.acl, context.auth, context.rules)?;
    let parent = find(prepared, parent)?;
    context.check(prepared, parent, CREATE)?;
    let path = match mode.is_sequential() {
        true => sequential_path(&request.path, parent.cversion),
        false => request.path.clone(),
    };
    if !path::is_valid(&path) {
        return Err(ErrorCode::BadArguments);
    }
    if prepared.tree.get(&path).is_some() {
        return Err(ErrorCode::NodeExists);
    }
    if matches!(parent.owner(), Owner::Session(_)) {
        return Err(ErrorCode::NoChildrenForEphemerals);
    }
    let bytes = request.data.as_ref().map_or(0, Bytes::len) as i64;
    check_quota(context, prepared, &path, (1, bytes), over)?;
    Ok(Txn::Create(CreateTxn {
        path,
        data: request.data.clone(),
        acl,
        kind,
        // Containers and TTL znodes have no place for it: the operation decides, not the flag.
        ephemeral: mode.is_ephemeral() && matches!(kind, CreateKind::Create | CreateKind::Create2),
        parent_cversion: parent.cversion.wrapping_add(1),
    }))
}

/// The flags, if they may come with this operation.
///
/// Java lets a createTTL pass whose flags are not those of a TTL znode, and dies of it.
fn create_mode(flags: i32, kind: CreateKind, rules: Rules) -> Result<CreateMode, ErrorCode> {
    let mode = CreateMode::from_wire(flags).ok_or(ErrorCode::BadArguments)?;
    if (mode.is_ttl() || matches!(kind, CreateKind::Ttl(_))) && !rules.extended_types {
        return Err(ErrorCode::Unimplemented);
    }
    let fits = match kind {
        CreateKind::Ttl(ms) => mode.is_ttl() && Owner::Ttl(ms).encode().is_some(),
        CreateKind::Create | CreateKind::Create2 | CreateKind::Container => !mode.is_ttl(),
    };
    if fits { Ok(mode) } else { Err(ErrorCode::BadArguments) }
}

/// The path with the number of children ever made, ten characters with the sign.
fn sequential_path(path: &str, cversion: i32) -> Path {
    format!("{path}{cversion:010}").into()
}

fn prep_delete(
    request: &DeleteRequest,
    context: &PrepContext<'_>,
    prepared: &Database,
) -> Result<Txn, ErrorCode> {
    check_session(context, prepared)?;
    let path = &request.path;
    let (parent, _) = path.rsplit_once('/').ok_or(ErrorCode::BadArguments)?;
    if path.contains('\0') || path::is_special(path) {
        return Err(ErrorCode::BadArguments);
    }
    context.check(prepared, find(prepared, parent)?, DELETE)?;
    let znode = find(prepared, path)?;
    next_version(znode.version, request.version)?;
    if znode.children > 0 {
        return Err(ErrorCode::NotEmpty);
    }
    Ok(Txn::Delete { path: path.clone(), container: false })
}

/// The leader asks for it on its own, so nobody's permission is needed.
fn prep_reaping(path: &Path, prepared: &Database) -> Result<Txn, ErrorCode> {
    let znode = find(prepared, path)?;
    if znode.children > 0 {
        return Err(ErrorCode::NotEmpty);
    }
    match znode.owner() {
        Owner::Container | Owner::Ttl(_) => Ok(Txn::Delete { path: path.clone(), container: true }),
        Owner::Persistent | Owner::Session(_) => Err(ErrorCode::BadVersion),
    }
}

fn prep_set_data(
    request: &SetDataRequest,
    context: &PrepContext<'_>,
    prepared: &Database,
    over: &mut Vec<OverQuota>,
) -> Result<Txn, ErrorCode> {
    check_session(context, prepared)?;
    let znode = find_valid(prepared, &request.path)?;
    context.check(prepared, znode, WRITE)?;
    let bytes = request.data.as_ref().map_or(0, Bytes::len) as i64 - znode.data_len() as i64;
    check_quota(context, prepared, &request.path, (0, bytes), over)?;
    let version = next_version(znode.version, request.version)?;
    let (path, data) = (request.path.clone(), request.data.clone());
    Ok(Txn::SetData { path, data, version, reconfig: false })
}

/// Java sets the version of the znode to -1 each time.
fn prep_reconfig(
    request: &ReconfigRequest,
    context: &PrepContext<'_>,
    prepared: &Database,
) -> Result<Txn, ErrorCode> {
    let PrepContext { header, rules, members, .. } = *context;
    let next = next_ensemble(request, header.zxid, rules, members)?;
    context.check(prepared, find(prepared, path::CONFIG)?, WRITE)?;
    let data = Some(data_of(&next));
    Ok(Txn::SetData { path: path::CONFIG.into(), data, version: -1, reconfig: true })
}

fn prep_set_acl(
    request: &SetAclRequest,
    context: &PrepContext<'_>,
    prepared: &Database,
) -> Result<Txn, ErrorCode> {
    check_session(context, prepared)?;
    if !path::is_valid(&request.path) {
        return Err(ErrorCode::BadArguments);
    }
    let acl = fix_up_acl(&request.acl, context.auth, context.rules)?;
    let znode = find(prepared, &request.path)?;
    context.check(prepared, znode, ADMIN)?;
    let version = next_version(znode.aversion, request.version)?;
    Ok(Txn::SetAcl { path: request.path.clone(), acl, version })
}

fn prep_check(
    request: &CheckVersionRequest,
    context: &PrepContext<'_>,
    prepared: &Database,
) -> Result<Txn, ErrorCode> {
    check_session(context, prepared)?;
    let znode = find_valid(prepared, &request.path)?;
    context.check(prepared, znode, READ)?;
    // Java stores the version that a change would have made.
    let version = next_version(znode.version, request.version)?;
    Ok(Txn::Check { path: request.path.clone(), version })
}

/// Whether so many more znodes and bytes fit the hard limits of the subtree they are in; what is
/// over a limit is noted.
fn check_quota(
    context: &PrepContext<'_>,
    prepared: &Database,
    path: &str,
    (count, bytes): (i64, i64),
    over: &mut Vec<OverQuota>,
) -> Result<(), ErrorCode> {
    if !context.rules.enforce_quota {
        return Ok(());
    }
    for exceeded in prepared.tree.over_quota(path, count, bytes) {
        let is_refused = exceeded.hard;
        over.push(exceeded);
        if is_refused {
            return Err(ErrorCode::QuotaExceeded);
        }
    }
    Ok(())
}

/// A session whose end is under way changes nothing more: an ephemeral would outlive it.
fn check_session(context: &PrepContext<'_>, prepared: &Database) -> Result<(), ErrorCode> {
    if !context.is_local && !prepared.sessions.contains_key(&context.header.session) {
        return Err(ErrorCode::SessionExpired);
    }
    Ok(())
}

fn find<'a>(prepared: &'a Database, path: &str) -> Result<&'a Znode, ErrorCode> {
    prepared.tree.get(path).ok_or(ErrorCode::NoNode)
}

fn find_valid<'a>(prepared: &'a Database, path: &str) -> Result<&'a Znode, ErrorCode> {
    if !path::is_valid(path) {
        return Err(ErrorCode::BadArguments);
    }
    find(prepared, path)
}

/// The version after a change, if the expected one is the current one or -1.
fn next_version(current: i32, expected: i32) -> Result<i32, ErrorCode> {
    if expected != -1 && expected != current {
        return Err(ErrorCode::BadVersion);
    }
    Ok(current.wrapping_add(1))
}
