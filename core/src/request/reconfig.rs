//! A request to change the ensemble becomes the next configuration, or is refused.
//!
//! The order of checks and their codes are ZooKeeper's. Not here: what a configuration does once
//! it is proposed (see [`crate::membership`]). Source: Java's `PrepRequestProcessor`,
//! `QuorumPeerConfig.parseDynamicConfig`, `QuorumServer.checkAddressDuplicate`.

use alloc::vec::Vec;
use bytes::Bytes;
use core::net::IpAddr;

use crate::config::{BadEntry, ConfigError, Ensemble, HostPort, Rules, ServerEntry, dynamic};
use crate::policy::Correct;
use crate::types::{ServerId, Zxid};
use crate::wire::client::{ErrorCode, ReconfigRequest};

/// What a leader knows of the ensemble when it is asked to change it.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    /// The configuration in force.
    pub current: &'a Ensemble,
    /// Another one that is under way.
    pub next: Option<&'a Ensemble>,
    /// Who is connected and in sync, this server included.
    pub synced: &'a [ServerId],
}

/// The configuration that the request asks for, as of `zxid`. `members` is `None` without an
/// ensemble.
///
/// # Errors
/// Why not; that the znode may be written is checked after this.
pub fn next_ensemble(
    request: &ReconfigRequest,
    zxid: Zxid,
    rules: Rules,
    members: Option<Members<'_>>,
) -> Result<Ensemble, ErrorCode> {
    if !rules.reconfig {
        return Err(ErrorCode::ReconfigDisabled);
    }
    let Members { current, next, synced } = members.ok_or(ErrorCode::Unimplemented)?;
    if next.is_some() {
        return Err(ErrorCode::ReconfigInProgress);
    }
    if request.from_config != -1 && request.from_config != current.version.cast_signed() {
        return Err(ErrorCode::BadVersion);
    }
    let mut ensemble = match &request.new_members {
        Some(members) => all_anew(members, rules)?,
        None => changed(current, request)?,
    };
    ensemble.version = zxid.0;
    let voters = ensemble.voters().count();
    if voters < if rules.lone_voter { 1 } else { 2 } {
        return Err(ErrorCode::BadArguments);
    }
    if !ensemble.quorums().is_quorum(&Correct, synced.iter().copied()) {
        return Err(ErrorCode::NewConfigNoQuorum);
    }
    Ok(ensemble)
}

/// The data of the znode of the configuration.
pub fn data_of(ensemble: &Ensemble) -> Bytes {
    Bytes::from(ensemble.to_text())
}

fn all_anew(members: &str, rules: Rules) -> Result<Ensemble, ErrorCode> {
    let text = members.replace(',', "\n");
    let ensemble = dynamic::parse_members(&text).map_err(|error| match error {
        ConfigError::NoNumber { .. }
        | ConfigError::BadEscape { .. }
        | ConfigError::NoVoter { key: "group", .. } => ErrorCode::MarshallingError,
        _ => ErrorCode::BadArguments,
    })?;
    let voters = ensemble.voters().count();
    let has_observers = ensemble.servers.len() > voters;
    // Java refuses these with an exception that nobody expects.
    let is_odd = match voters {
        0 => rules.lone_voter || has_observers,
        1 => !rules.lone_voter && has_observers,
        _ => false,
    };
    if is_odd { Err(ErrorCode::MarshallingError) } else { Ok(ensemble) }
}

fn changed(current: &Ensemble, request: &ReconfigRequest) -> Result<Ensemble, ErrorCode> {
    if current.hierarchy.is_some() {
        return Err(ErrorCode::BadArguments);
    }
    let mut ensemble = current.clone();
    for leaving in request.leaving.iter().flat_map(|list| items(list, ',')) {
        ensemble.servers.remove(&number(leaving)?);
    }
    for joining in request.joining.iter().flat_map(|list| items(list, ',')) {
        let parts: Vec<&str> = items(joining, '=').collect();
        let [key, value] = parts[..] else { return Err(ErrorCode::BadArguments) };
        let sid = number(key.rsplit('.').next().unwrap_or(key))?;
        let entry = ServerEntry::parse(value).map_err(|bad| match bad {
            BadEntry::Form => ErrorCode::BadArguments,
            BadEntry::Number => ErrorCode::MarshallingError,
        })?;
        let collides =
            |(other, at): (&ServerId, &ServerEntry)| *other != sid && overlap(&entry, at);
        // Java takes a negative number, which no server can have.
        if sid.0 < 0 || entry.client.is_none() || ensemble.servers.iter().any(collides) {
            return Err(ErrorCode::BadArguments);
        }
        ensemble.servers.insert(sid, entry);
        if ensemble.servers.len() > crate::limits::SERVERS_MAX {
            return Err(ErrorCode::BadArguments);
        }
    }
    Ok(ensemble)
}

fn items(list: &str, between: char) -> impl Iterator<Item = &str> {
    list.split(between).map(str::trim).filter(|it| !it.is_empty())
}

/// Java answers what is no number as what it cannot read.
fn number(text: &str) -> Result<ServerId, ErrorCode> {
    text.parse().map(ServerId).map_err(|_| ErrorCode::MarshallingError)
}

/// Whether two servers have an address in common that names one machine to all: not every
/// address of a machine, nor a machine to itself.
fn overlap(one: &ServerEntry, other: &ServerEntry) -> bool {
    fn all(entry: &ServerEntry) -> impl Iterator<Item = &HostPort> {
        let all = [Some(&entry.quorum), Some(&entry.election), entry.client.as_ref()];
        all.into_iter().flatten().filter(|at| match at.host.parse::<IpAddr>() {
            Ok(address) => !address.is_unspecified() && !address.is_loopback(),
            Err(_) => !at.host.eq_ignore_ascii_case("localhost"),
        })
    }
    all(one).any(|at| all(other).any(|there| there == at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn current() -> Ensemble {
        let text = "server.1=a:1:2;3\nserver.2=b:1:2;3\nserver.3=c:1:2;3\nversion=100000000";
        Ensemble::parse(text).expect("it is well formed")
    }

    fn asked(joining: &str, leaving: &str) -> ReconfigRequest {
        let given = |text: &str| (!text.is_empty()).then(|| String::from(text));
        ReconfigRequest {
            joining: given(joining),
            leaving: given(leaving),
            new_members: None,
            from_config: -1,
        }
    }

    fn anew(members: &str) -> ReconfigRequest {
        ReconfigRequest { new_members: Some(members.into()), from_config: -1, ..asked("", "") }
    }

    const ON: Rules = Rules {
        reconfig: true,
        lone_voter: false,
        extended_types: false,
        skip_acl: false,
        enforce_quota: false,
        without_digest: false,
        names_sasl: false,
        names_x509: false,
    };

    fn tried(request: &ReconfigRequest) -> Result<String, ErrorCode> {
        let all = [1, 2, 3, 4].map(ServerId);
        let current = current();
        let members = Members { current: &current, next: None, synced: &all };
        let made = next_ensemble(request, Zxid(0x1_0000_0007), ON, Some(members))?;
        Ok(made.to_text())
    }

    #[test]
    fn servers_join_leave_and_change() {
        let request = asked("server.4=d:1:2:observer;[::]:9, server.2 = b:5:6;3", "1,");
        let made = tried(&request).expect("it is well formed");
        assert_eq!(
            made,
            "server.2=b:5:6:participant;0.0.0.0:3\nserver.3=c:1:2:participant;0.0.0.0:3\n\
             server.4=d:1:2:observer;[::]:9\nversion=100000007"
        );
        for host in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"] {
            let twice = [4, 5].map(|sid| alloc::format!("server.{sid}={host}:1:2:observer;3"));
            assert!(tried(&asked(&twice.join(","), "")).is_ok(), "{host} is another one for each");
        }
        let request = anew("server.1=a:1:2;3,server.4=d:1:2;3\nversion=5");
        let made = tried(&request).expect("it is well formed");
        assert_eq!(
            made,
            "server.1=a:1:2:participant;0.0.0.0:3\nserver.4=d:1:2:participant;0.0.0.0:3\n\
             version=100000007"
        );
    }

    #[test]
    fn each_refusal_has_its_code() {
        let bad = Err(ErrorCode::BadArguments);
        for joining in ["server.4", "server.4=d:1", "server.4=d:1:2", "server.4=a:1:7;3"] {
            assert_eq!(tried(&asked(joining, "")), bad, "{joining}");
        }
        assert_eq!(tried(&asked("server.-4=d:1:2;3", "")), bad, "a negative number");
        assert_eq!(tried(&asked("", "1,2")), bad, "one voter alone");
        for joining in ["server.4=d:1:70000;3", "server.4=d:1:2;-1", "server.4=;"] {
            assert_eq!(tried(&asked(joining, "")), Err(ErrorCode::MarshallingError), "{joining}");
        }
        for more in ["version=x", "group.1=1:x", "group.1=1:2:9", "server.x=d:1:2;3"] {
            let members = anew(&alloc::format!("server.1=a:1:2;3,server.2=b:1:2;3,{more}"));
            assert_eq!(tried(&members), Err(ErrorCode::MarshallingError), "{more}");
        }
        assert_eq!(tried(&asked("", "x")), Err(ErrorCode::MarshallingError));
        assert_eq!(tried(&anew("server.1=a:1:2;3\nclientPort=3")), bad);
        assert_eq!(tried(&anew("server.1=a:1:2;3")), bad);
        let lone = anew("server.1=a:1:2;3,server.2=a:4:5:observer;6");
        assert_eq!(tried(&lone), Err(ErrorCode::MarshallingError));
        let absent = anew("server.1=a:1:2;3,server.7=d:1:2;3");
        assert_eq!(tried(&absent), Err(ErrorCode::NewConfigNoQuorum));
        let old = ReconfigRequest { from_config: 7, ..asked("", "1") };
        assert_eq!(tried(&old), Err(ErrorCode::BadVersion));
        let known = ReconfigRequest { from_config: 0x1_0000_0000, ..asked("", "1") };
        assert!(tried(&known).is_ok());
    }

    #[test]
    fn one_at_a_time_and_only_where_it_is_allowed() {
        let (current, all) = (current(), [1, 2, 3].map(ServerId));
        let request = asked("", "1");
        let under_way = Members { current: &current, next: Some(&current), synced: &all };
        let tried = |rules, members| next_ensemble(&request, Zxid(9), rules, members);
        assert_eq!(tried(ON, Some(under_way)), Err(ErrorCode::ReconfigInProgress));
        assert_eq!(tried(Rules::default(), Some(under_way)), Err(ErrorCode::ReconfigDisabled));
        assert_eq!(tried(ON, None), Err(ErrorCode::Unimplemented));
    }
}
