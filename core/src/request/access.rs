//! Who may do what: identities, their schemes, and the access lists that name them.
//!
//! A connection carries identities: its address, which is only seen, and those that it proved.
//! Not here: the exchange of SASL (see [`super::sasl`]), which adds an identity when it ends, and
//! whether a certificate is to be trusted (the driver speaks TLS).
//! A list may name identities of SASL and of certificates only where the configuration brings
//! them; lists that do all the same, from another time, give nothing.
//! Source: Java's `ZooKeeperServer.checkACL`, `PrepRequestProcessor.fixupACL`, `ProviderRegistry`,
//! the providers `DigestAuthenticationProvider`, `IPAuthenticationProvider`,
//! `SASLAuthenticationProvider` and `X509AuthenticationProvider`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::distinguished::is_distinguished_name;
use crate::config::Rules;
use crate::tree::acl::{ADMIN, READ};
use crate::tree::{AclKey, DataTree, Znode};
use crate::txn::{Acl, Id};
use crate::wire::client::{AuthRequest, ClientInfo, ErrorCode};

/// Whose request or watch it is, and whether lists count.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// The identities of the connection.
    pub auth: &'a [Id],
    /// What clients may do.
    pub rules: Rules,
}

impl Access<'_> {
    /// Whether the znode's list gives one of these permissions.
    ///
    /// # Errors
    /// `NoAuth`.
    pub fn check(&self, tree: &DataTree, znode: &Znode, perms: i32) -> Result<(), ErrorCode> {
        if znode.acl == AclKey::OPEN || self.rules.skip_acl {
            return Ok(());
        }
        // A list is missing only if a log ended before it made up for a fuzzy snapshot.
        let list = tree.acls().get(znode.acl).ok_or(ErrorCode::NoAuth)?;
        self.check_list(list, perms)
    }

    /// Whether a list gives one of these permissions; an empty one gives all.
    ///
    /// # Errors
    /// `NoAuth`.
    pub fn check_list(&self, list: &[Acl], perms: i32) -> Result<(), ErrorCode> {
        let is_super = self.auth.iter().any(|id| id.scheme == "super");
        let gives = |acl: &Acl| acl.perms & perms != 0 && self.is(&acl.id);
        if self.rules.skip_acl || list.is_empty() || is_super || list.iter().any(gives) {
            Ok(())
        } else {
            Err(ErrorCode::NoAuth)
        }
    }

    /// The znode's list as this connection may see it: without the permission ADMIN it is not told
    /// what proves an identity.
    ///
    /// # Errors
    /// `NoAuth` without READ and ADMIN.
    pub fn shown(&self, tree: &DataTree, znode: &Znode) -> Result<Vec<Acl>, ErrorCode> {
        self.check(tree, znode, READ | ADMIN)?;
        let mut list = tree.acls().shown(znode.acl).ok_or(ErrorCode::SystemError)?;
        if self.check(tree, znode, ADMIN).is_err() {
            for acl in list.iter_mut().filter(|acl| acl.id.scheme == "digest") {
                acl.id.id = format!("{}:x", digest_user(&acl.id.id));
            }
        }
        Ok(list)
    }

    /// Whether the connection is who the entry of a list names.
    fn is(&self, named: &Id) -> bool {
        let mut same = self.auth.iter().filter(|id| id.scheme == named.scheme);
        match named.scheme.as_str() {
            "world" => named.id == "anyone",
            "ip" => same.any(|id| is_within(&id.id, &named.id)),
            // As in Java, where whoever proves that name by SASL is everybody there.
            "sasl" if self.rules.names_sasl => same.any(|id| id.id == named.id || id.id == "super"),
            scheme if is_proof(scheme, self.rules) => same.any(|id| id.id == named.id),
            _ => false,
        }
    }
}

/// The identities of a connection that has just come: its address last.
///
/// `subject` is that of the certificate that the client has shown to be its own, and `x509_super`
/// that of the super user's.
pub fn first_identities(
    address: &str,
    subject: Option<String>,
    x509_super: Option<&str>,
) -> Vec<Id> {
    let mut first = Vec::new();
    if let Some(subject) = subject {
        if x509_super == Some(&*subject) {
            first.push(Id { scheme: String::from("super"), id: subject.clone() });
        }
        first.push(Id { scheme: String::from("x509"), id: subject });
    }
    first.push(Id { scheme: String::from("ip"), id: String::from(address) });
    first
}

/// The identities that credentials prove, `None` if they prove none. An address needs none.
///
/// `super_digest` is the identity of the super user, if there is one.
pub fn identities(
    request: &AuthRequest,
    super_digest: Option<&str>,
    rules: Rules,
) -> Option<Vec<Id>> {
    match request.scheme.as_str() {
        "ip" => Some(Vec::new()), // it has its address already
        "digest" if !rules.without_digest => {
            let secret = String::from_utf8_lossy(request.auth.as_deref()?);
            let id = digest_id(&secret);
            let is_super = super_digest == Some(&*id);
            let mut proved = Vec::from([Id { scheme: String::from("digest"), id }]);
            if is_super {
                proved.push(Id { scheme: String::from("super"), id: String::new() });
            }
            Some(proved)
        }
        _ => None,
    }
}

/// `user:password` as access lists name it: `user:` and the base64 of the SHA-1 of the whole.
pub fn digest_id(secret: &str) -> String {
    let hash = sha1_smol::Sha1::from(secret.as_bytes()).digest().bytes();
    format!("{}:{}", digest_user(secret), STANDARD.encode(hash))
}

fn digest_user(id: &str) -> &str {
    id.split(':').next().unwrap_or_default()
}

/// Who somebody is, without what proves it. The super user has no name of his own.
pub fn client_info(id: &Id) -> ClientInfo {
    let user = if id.scheme == "digest" { digest_user(&id.id) } else { &id.id };
    ClientInfo { scheme: id.scheme.clone(), user: String::from(user) }
}

/// The list to store: without duplicates, and with the connection's identities for `auth`.
///
/// # Errors
/// `InvalidAcl` if nothing is left, or an identity is none of its scheme.
pub fn fix_up_acl(list: &[Acl], auth: &[Id], rules: Rules) -> Result<Vec<Acl>, ErrorCode> {
    let mut unique: Vec<&Acl> = Vec::with_capacity(list.len());
    for acl in list {
        if !unique.contains(&acl) {
            unique.push(acl);
        }
    }
    let mut fixed = Vec::with_capacity(unique.len());
    for acl in unique {
        match acl.id.scheme.as_str() {
            "auth" => {
                let mine = auth.iter().filter(|id| is_proof(&id.scheme, rules));
                let before = fixed.len();
                fixed.extend(mine.map(|id| Acl { perms: acl.perms, id: id.clone() }));
                if fixed.len() == before {
                    return Err(ErrorCode::InvalidAcl);
                }
            }
            scheme if is_valid_id(scheme, &acl.id.id, rules) => fixed.push(acl.clone()),
            _ => return Err(ErrorCode::InvalidAcl),
        }
    }
    if fixed.is_empty() { Err(ErrorCode::InvalidAcl) } else { Ok(fixed) }
}

/// True for schemes whose identities somebody proved; an address is only seen.
fn is_proof(scheme: &str, rules: Rules) -> bool {
    match scheme {
        "digest" => !rules.without_digest,
        "sasl" => rules.names_sasl,
        "x509" => rules.names_x509,
        _ => false,
    }
}

fn is_valid_id(scheme: &str, id: &str, rules: Rules) -> bool {
    match scheme {
        "world" => id == "anyone",
        "ip" => network(id).is_some(),
        "digest" if !rules.without_digest => {
            id.split_once(':').is_some_and(|(_, hash)| !hash.is_empty() && !hash.contains(':'))
        }
        "sasl" => rules.names_sasl && is_principal(id),
        "x509" => rules.names_x509 && is_distinguished_name(id),
        _ => false,
    }
}

/// Whether a name could be one of Kerberos, with or without instance and realm, as Java demands of
/// all that SASL proves. A name without realm may be anything, the empty one included.
fn is_principal(id: &str) -> bool {
    id.split_once('@')
        .is_none_or(|(name, realm)| name.matches('/').count() <= 1 && !realm.contains(['/', '@']))
}

/// An address, and how many of its bits count: all of them unless a number follows.
fn network(id: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match id.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (id, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(bits_max), |bits| bits.parse().ok())?;
    (bits <= bits_max).then_some((address, bits))
}

/// Whether an address is in a network. An IPv4 address is never in one of IPv6.
fn is_within(address: &str, of: &str) -> bool {
    let (Ok(address), Some((network, bits))) = (address.parse::<IpAddr>(), network(of)) else {
        return false;
    };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            (address.to_bits() ^ network.to_bits()) & mask == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            (address.to_bits() ^ network.to_bits()) & mask == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn id(scheme: &str, id: &str) -> Id {
        Id { scheme: scheme.into(), id: id.into() }
    }

    #[test]
    fn digests_as_java_makes_them() {
        assert_eq!(digest_id("bob:secret"), "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=");
        assert_eq!(digest_id("super:admin"), "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=");
        assert!(digest_id("bob").starts_with("bob:") && digest_id("").starts_with(':'));
    }

    #[test]
    fn credentials_prove_identities() {
        let auth = |scheme: &str, auth: Option<&'static str>| AuthRequest {
            scheme: scheme.into(),
            auth: auth.map(|auth| Bytes::from_static(auth.as_bytes())),
        };
        let on = Rules::default();
        let boss = "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=";
        let bob = id("digest", "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=");
        assert_eq!(
            identities(&auth("digest", Some("bob:secret")), Some(boss), on),
            Some(vec![bob])
        );
        let both = vec![id("digest", boss), id("super", "")];
        let admin = auth("digest", Some("super:admin"));
        assert_eq!(identities(&admin, Some(boss), on), Some(both.clone()));
        let off = Rules { without_digest: true, ..on };
        assert_eq!(identities(&admin, Some(boss), off), None, "there is no such scheme");
        assert_eq!(identities(&admin, None, on), Some(both[..1].to_vec()), "nobody is super");
        assert_eq!(identities(&auth("ip", None), None, on), Some(vec![]));
        for (scheme, secret) in [("digest", None), ("world", Some("x")), ("super", Some("x"))] {
            assert_eq!(identities(&auth(scheme, secret), Some(boss), on), None, "{scheme}");
        }
    }

    /// As Java's servers whose `ProviderRegistry` has no such provider.
    #[test]
    fn lists_name_only_schemes_that_the_configuration_brings() {
        let auth = [id("digest", "bob:hash"), id("sasl", "eve"), id("x509", "CN=eve")];
        let made = |named: Id, names_sasl, names_x509| {
            let rules = Rules { names_sasl, names_x509, ..Rules::default() };
            let list = [Acl { perms: READ, id: named }];
            let made = fix_up_acl(&list, &auth, rules)?;
            Ok(made.into_iter().map(|acl| acl.id).collect::<Vec<Id>>())
        };
        for (number, (sasl, x509)) in [(1, (true, false)), (2, (false, true))] {
            let other = auth[3 - number].clone();
            assert_eq!(made(other, sasl, x509), Err(ErrorCode::InvalidAcl));
            let own = auth[number].clone();
            assert_eq!(made(own.clone(), sasl, x509), Ok(vec![own.clone()]));
            assert_eq!(made(id("auth", ""), sasl, x509), Ok(vec![auth[0].clone(), own]));
        }
        assert_eq!(made(id("auth", ""), true, true), Ok(auth.to_vec()));
        assert_eq!(made(id("x509", "eve"), true, true), Err(ErrorCode::InvalidAcl));
    }

    /// `name[/instance][@realm]`, and anything without a realm, as Java's `KerberosName` reads it.
    #[test]
    fn lists_name_of_sasl_what_could_be_a_principal() {
        let rules = Rules { names_sasl: true, ..Rules::default() };
        let made = |name: &str| {
            let list = [Acl { perms: READ, id: id("sasl", name) }];
            fix_up_acl(&list, &[], rules)
                .map(|list| list == [Acl { perms: READ, id: id("sasl", name) }])
        };
        let right =
            ["bob", "", "bob@realm", "a/b@c", "a/b/c", "@", "/", "a@", "@c", "/@", "a b@c d"];
        for name in right {
            assert_eq!(made(name), Ok(true), "{name}");
        }
        for name in ["a/b/c@d", "a@b@c", "a@b/c", "//@", "@@", "@/"] {
            assert_eq!(made(name), Err(ErrorCode::InvalidAcl), "{name}");
        }
    }

    #[test]
    fn a_certificate_is_an_identity_from_the_start() {
        let first = |subject: Option<&str>| {
            first_identities("::1", subject.map(String::from), Some("CN=boss"))
        };
        assert_eq!(first(None), [id("ip", "::1")]);
        assert_eq!(first(Some("CN=bob")), [id("x509", "CN=bob"), id("ip", "::1")]);
        let boss = [id("super", "CN=boss"), id("x509", "CN=boss"), id("ip", "::1")];
        assert_eq!(first(Some("CN=boss")), boss);
    }

    #[test]
    fn addresses_match_by_their_first_bits() {
        for (address, network, expected) in [
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("10.1.2.3", "10.1.0.0/16", true),
            ("10.1.2.3", "10.1.255.255/16", true),
            ("10.2.2.3", "10.1.0.0/16", false),
            ("10.2.2.3", "11.1.0.0/0", true),
            ("10.1.2.3", "10.1.2.2/31", true),
            ("::1", "::/127", true),
            ("::1", "::2/127", false),
            ("fe80::1", "::/0", true),
            ("10.1.2.3", "::/0", false),
            ("::1", "0.0.0.0/0", false),
            ("host", "0.0.0.0/0", false),
        ] {
            assert_eq!(is_within(address, network), expected, "{address} in {network}");
        }
    }

    #[test]
    fn one_entry_must_give_the_permission_to_one_of_the_identities() {
        let lists = |perms, named: Id| [Acl { perms, id: named }];
        let all = Rules { names_sasl: true, names_x509: true, ..Rules::default() };
        let may = |auth: &[Id], list: &[Acl], perms| {
            Access { auth, rules: all }.check_list(list, perms).is_ok()
        };
        let bob = [id("digest", "bob:h"), id("ip", "10.0.0.1")];
        assert!(may(&[], &[], READ), "an empty list gives all");
        assert!(may(&[], &lists(READ, id("world", "anyone")), READ));
        assert!(!may(&bob, &lists(READ, id("world", "someone")), READ));
        assert!(!may(&bob, &lists(READ, id("world", "anyone")), ADMIN));
        assert!(may(&bob, &lists(READ, id("world", "anyone")), READ | ADMIN));
        for named in [id("digest", "bob:h"), id("ip", "10.0.0.0/8")] {
            assert!(may(&bob, &lists(READ, named.clone()), READ));
            assert!(!may(&[], &lists(READ, named), READ));
        }
        for scheme in ["x509", "sasl"] {
            assert!(may(&[id(scheme, "CN=bob")], &lists(READ, id(scheme, "CN=bob")), READ));
            assert!(!may(&[id(scheme, "CN=bob")], &lists(READ, id(scheme, "CN=eve")), READ));
            let none = Access { auth: &[id(scheme, "CN=bob")], rules: Rules::default() };
            let list = lists(READ, id(scheme, "CN=bob"));
            assert_eq!(none.check_list(&list, READ), Err(ErrorCode::NoAuth), "nobody brings it");
        }
        assert!(!may(&bob, &lists(READ, id("sasl", "bob:h")), READ), "another scheme");
        assert!(may(&[id("sasl", "super")], &lists(READ, id("sasl", "bob")), READ));
        assert!(!may(&[id("sasl", "super")], &lists(READ, id("digest", "bob:h")), READ));
        let off = Rules { without_digest: true, ..all };
        let of_bob = lists(READ, id("digest", "bob:h"));
        assert!(Access { auth: &bob, rules: off }.check_list(&of_bob, READ).is_err());
        assert_eq!(fix_up_acl(&of_bob, &bob, off), Err(ErrorCode::InvalidAcl));
        assert_eq!(fix_up_acl(&lists(READ, id("auth", "")), &bob, off), Err(ErrorCode::InvalidAcl));
        assert_eq!(fix_up_acl(&lists(READ, id("", "")), &bob, all), Err(ErrorCode::InvalidAcl));
        assert!(!may(&[id("odd", "x")], &lists(READ, id("odd", "x")), READ), "no such scheme");
        assert!(may(&[id("super", "")], &lists(0, id("digest", "eve:h")), ADMIN));
        let skip = Access { auth: &[], rules: Rules { skip_acl: true, ..Rules::default() } };
        assert!(skip.check_list(&lists(0, id("digest", "eve:h")), ADMIN).is_ok());
    }
}
