//! Who may do what.

use zablab_core::request::access::digest_id;
use zablab_core::txn::{Acl, Id};
use zablab_core::types::Zxid;
use zablab_core::wire::client::{AuthRequest, ClientInfo, ErrorCode, Response};

use super::{ClientId, Outcome, World};

pub(super) const READ: i32 = 1;
pub(super) const WRITE: i32 = 2;
pub(super) const CREATE: i32 = 4;
pub(super) const DELETE: i32 = 8;
pub(super) const ADMIN: i32 = 16;
pub(super) const ALL: i32 = 31;

/// Everybody, with these permissions.
pub(super) fn anyone(perms: i32) -> Acl {
    Acl { perms, id: Id { scheme: "world".into(), id: "anyone".into() } }
}

/// Whether a list gives one of the permissions to one of the identities.
pub(super) fn may(auth: &[Id], list: &[Acl], perms: i32) -> bool {
    let named = |id: &Id| match id.scheme.as_str() {
        "world" => true,
        "ip" => auth.iter().any(|mine| mine.scheme == "ip" && is_address(&id.id, &mine.id)),
        _ => auth.contains(id),
    };
    auth.iter().any(|id| id.scheme == "super")
        || list.iter().any(|acl| acl.perms & perms != 0 && named(&acl.id))
}

/// Clients have the address 127.0.0.1 here; a network is that address and a number of bits.
fn is_address(network: &str, address: &str) -> bool {
    match network.split_once('/') {
        None => network == address,
        Some((network, "8")) => network.split('.').next() == address.split('.').next(),
        Some((network, _)) => network == address,
    }
}

impl World {
    pub(super) fn check(&self, client: ClientId, path: &str, perms: i32) -> Result<(), ErrorCode> {
        let list = &self.node(path)?.acl;
        if may(self.auth(client), list, perms) { Ok(()) } else { Err(ErrorCode::NoAuth) }
    }

    pub(super) fn authenticate(&mut self, client: ClientId, request: &AuthRequest) -> Outcome {
        let secret = request.auth.as_deref().map(String::from_utf8_lossy);
        let proved = match (request.scheme.as_str(), secret) {
            ("ip", _) => Some(Vec::new()),
            ("digest", Some(secret)) => {
                let id = digest_id(&secret);
                let boss = Id { scheme: "super".into(), id: String::new() };
                let boss = (id == self.super_digest).then_some(boss);
                let mut proved = vec![Id { scheme: "digest".into(), id }];
                proved.extend(boss);
                Some(proved)
            }
            _ => None,
        };
        let closes = proved.is_none();
        let auth = &mut self.client_mut(client).auth;
        for id in proved.iter().flatten() {
            if !auth.contains(id) {
                auth.insert(auth.len() - 1, id.clone());
            }
        }
        let reply = proved.map(|_| Response::Empty).ok_or(ErrorCode::AuthFailed);
        Outcome { told: Vec::new(), reply, zxid: Zxid::ZERO.to_wire(), closes }
    }

    /// The list that is stored for the one that was asked for.
    pub(super) fn fixed(&self, client: ClientId, list: &[Acl]) -> Result<Vec<Acl>, ErrorCode> {
        let mut fixed: Vec<Acl> = Vec::new();
        for (at, acl) in list.iter().enumerate() {
            if list[..at].contains(acl) {
                continue;
            }
            let before = fixed.len();
            match (acl.id.scheme.as_str(), acl.id.id.as_str()) {
                ("auth", _) => {
                    let mine = self.auth(client).iter().filter(|id| id.scheme == "digest");
                    fixed.extend(mine.map(|id| Acl { perms: acl.perms, id: id.clone() }));
                }
                ("world", "anyone") => fixed.push(acl.clone()),
                ("ip", id) if id.starts_with("127.") => fixed.push(acl.clone()),
                ("digest", id) if id.split(':').count() == 2 => fixed.push(acl.clone()),
                _ => {}
            }
            if fixed.len() == before {
                return Err(ErrorCode::InvalidAcl);
            }
        }
        if fixed.is_empty() { Err(ErrorCode::InvalidAcl) } else { Ok(fixed) }
    }

    /// The list of a znode as a client is shown it.
    pub(super) fn shown(&self, client: ClientId, path: &str) -> Result<Vec<Acl>, ErrorCode> {
        self.check(client, path, READ | ADMIN)?;
        let mut list = self.node(path)?.acl.clone();
        if self.check(client, path, ADMIN).is_err() {
            for acl in list.iter_mut().filter(|acl| acl.id.scheme == "digest") {
                acl.id.id = format!("{}:x", user_of(&acl.id.id));
            }
        }
        Ok(list)
    }

    pub(super) fn who(&self, client: ClientId) -> Vec<ClientInfo> {
        let info = |id: &Id| {
            let user = if id.scheme == "digest" { user_of(&id.id) } else { &id.id };
            ClientInfo { scheme: id.scheme.clone(), user: user.to_owned() }
        };
        self.auth(client).iter().map(info).collect()
    }
}

fn user_of(id: &str) -> &str {
    id.split(':').next().unwrap_or_default()
}
