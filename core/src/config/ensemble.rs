//! Server entries and the text of an ensemble, as it stands in `/zookeeper/config`, in
//! notifications and in NEWLEADER.
//!
//! Not here: several addresses for one server, which are refused.
//! Source: Java's `QuorumPeer.QuorumServer`, `QuorumMaj` and `QuorumHierarchical`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::properties::{self, Property};
use super::{ConfigError, Ensemble, Hierarchy, HostPort, PeerRole, ServerEntry};
use crate::limits::SERVERS_MAX;
use crate::quorum::{GroupId, Quorums, Seat};
use crate::sorted::SortedMap;
use crate::types::ServerId;

/// The client address of an entry that names only a port: every address of the machine.
pub(super) const ANY_ADDRESS: &str = "0.0.0.0";

/// What stands behind `server.` and the like.
const SID_FORM: &str = "a number of 0 or more as N";
const ENTRY_FORM: &str = "host:port:port[:participant|observer][;[address:]clientPort]";

impl Ensemble {
    /// The line of a server here, or else in the one that is proposed: who acknowledged that one
    /// may be needed for a quorum of it.
    pub fn line_of<'a>(
        &'a self,
        next: Option<&'a Ensemble>,
        sid: ServerId,
    ) -> Option<&'a ServerEntry> {
        self.servers.get(&sid).or_else(|| next?.servers.get(&sid))
    }

    /// The text that all servers agree on: a line for each server in the order of their numbers,
    /// groups and weights if there are any, then `version=` in hexadecimal, without a newline at
    /// the end.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (sid, entry) in &self.servers {
            let _infallible = writeln!(text, "server.{sid}={entry}");
        }
        if let Some(hierarchy) = &self.hierarchy {
            hierarchy.write(&mut text);
        }
        let _infallible = write!(text, "version={:x}", self.version);
        text
    }

    /// Reads what [`Ensemble::to_text`] or a Java server wrote. Without a version it is 0.
    ///
    /// # Errors
    /// A line that is no server entry, a version that is not hexadecimal, groups that do not fit
    /// the voters, or more than [`SERVERS_MAX`] servers. Other keys are ignored, as Java does.
    pub fn parse(text: &str) -> Result<Ensemble, ConfigError> {
        let mut ensemble = Ensemble::default();
        for property in properties::parse(text)? {
            if property.key == "version" {
                let version = u64::from_str_radix(&property.value, 16);
                ensemble.version =
                    version.map_err(|_| property.no_number("a hexadecimal number"))?;
            } else {
                ensemble.insert_property(&property)?;
            }
        }
        ensemble.check_hierarchy()?;
        Ok(ensemble)
    }

    /// Which of them together are a quorum.
    pub fn quorums(&self) -> Quorums {
        let Some(Hierarchy { groups, weights }) = &self.hierarchy else {
            return Quorums::majority(self.voters());
        };
        let seat = |sid: ServerId| {
            let weight = weights.get(&sid).copied().unwrap_or(1);
            groups.get(&sid).map(|group| (sid, Seat { group: *group, weight }))
        };
        Quorums::new(self.voters().filter_map(seat).collect())
    }

    /// The servers that vote, in order.
    pub fn voters(&self) -> impl Iterator<Item = ServerId> + '_ {
        let voting = self.servers.iter().filter(|(_, entry)| entry.role == PeerRole::Participant);
        voting.map(|(sid, _)| *sid)
    }

    /// True if `sid` is in the ensemble and votes.
    pub fn is_voter(&self, sid: ServerId) -> bool {
        self.servers.get(&sid).is_some_and(|entry| entry.role == PeerRole::Participant)
    }

    /// Takes the property if it belongs to an ensemble, and says whether it did.
    pub(super) fn insert_property(&mut self, property: &Property) -> Result<bool, ConfigError> {
        if let Some(number) = property.key.strip_prefix("group.") {
            let hierarchy = self.hierarchy.get_or_insert_default();
            return hierarchy.insert_group(number, property).map(|()| true);
        }
        if let Some(number) = property.key.strip_prefix("weight.") {
            let hierarchy = self.hierarchy.get_or_insert_default();
            return hierarchy.insert_weight(number, property).map(|()| true);
        }
        let Some(number) = property.key.strip_prefix("server.") else { return Ok(false) };
        let sid = parse_sid(number).ok_or_else(|| property.no_number(SID_FORM))?;
        if property.value.contains('|') {
            return Err(property.unsupported("several addresses for one server"));
        }
        let entry = ServerEntry::parse(&property.value).map_err(|bad| match bad {
            BadEntry::Form => property.bad(ENTRY_FORM),
            BadEntry::Number => property.no_number(ENTRY_FORM),
        })?;
        self.servers.insert(sid, entry);
        if self.servers.len() > SERVERS_MAX {
            return Err(ConfigError::TooManyServers { max: SERVERS_MAX });
        }
        Ok(true)
    }

    /// Every voter in one group, and nobody else; some weight at all.
    pub(super) fn check_hierarchy(&self) -> Result<(), ConfigError> {
        let Some(Hierarchy { groups, weights }) = &self.hierarchy else { return Ok(()) };
        let named = groups.keys().map(|sid| ("group", *sid));
        let mut named = named.chain(weights.keys().map(|sid| ("weight", *sid)));
        if let Some((key, sid)) = named.find(|(_, sid)| !self.is_voter(*sid)) {
            return Err(ConfigError::NoVoter { key, sid });
        }
        if let Some(sid) = self.voters().find(|sid| !groups.contains_key(sid)) {
            return Err(ConfigError::NotInGroup { sid });
        }
        let quorums = self.quorums();
        match self.voters().any(|sid| quorums.is_electable(sid)) || groups.is_empty() {
            true => Ok(()),
            false => Err(ConfigError::NoWeight),
        }
    }
}

impl Hierarchy {
    /// `group.N=sid:sid:…`.
    fn insert_group(&mut self, number: &str, property: &Property) -> Result<(), ConfigError> {
        let group = parse_sid(number).ok_or_else(|| property.no_number(SID_FORM))?;
        for sid in property.value.split(':') {
            let sid = parse_sid(sid.trim());
            let sid =
                sid.ok_or_else(|| property.no_number("numbers of servers with colons between"))?;
            if self.groups.insert(sid, GroupId(group.0)).is_some() {
                return Err(property.bad("servers that are in no other group"));
            }
        }
        Ok(())
    }

    /// `weight.N=…`.
    fn insert_weight(&mut self, number: &str, property: &Property) -> Result<(), ConfigError> {
        let sid = parse_sid(number).ok_or_else(|| property.no_number(SID_FORM))?;
        let digits = property.value.bytes().all(|b| b.is_ascii_digit());
        let weight = property.value.parse().ok().filter(|_| digits);
        self.weights.insert(sid, weight.ok_or_else(|| property.no_number("0 to 4294967295"))?);
        Ok(())
    }

    /// A line for each group, then one for each voter's weight, also where it is 1.
    fn write(&self, text: &mut String) {
        let mut groups: SortedMap<GroupId, String> = SortedMap::new();
        for (sid, group) in &self.groups {
            let members = groups.entry(*group).or_default();
            let colon = if members.is_empty() { "" } else { ":" };
            let _infallible = write!(members, "{colon}{sid}");
        }
        for (GroupId(group), members) in groups {
            let _infallible = writeln!(text, "group.{group}={members}");
        }
        for sid in self.groups.keys() {
            let weight = self.weights.get(sid).copied().unwrap_or(1);
            let _infallible = writeln!(text, "weight.{sid}={weight}");
        }
    }
}

impl fmt::Display for ServerEntry {
    /// The value of its `server.N` line, with its role always given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.role {
            PeerRole::Participant => "participant",
            PeerRole::Observer => "observer",
        };
        write!(f, "{}:{}:{role}", self.quorum, self.election.port)?;
        match &self.client {
            Some(client) => write!(f, ";{client}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for HostPort {
    /// `host:port`, with an IPv6 address in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl HostPort {
    /// Reads `host:port`, with an IPv6 address in brackets; `None` if it is not of that form.
    pub fn parse(text: &str) -> Option<HostPort> {
        let (host, port) = split_host(text)?;
        Some(HostPort { host: host.to_string(), port: parse_port(port)? })
    }
}

/// A server's number: decimal digits only, as `myid` and `server.N` have it.
pub(super) fn parse_sid(text: &str) -> Option<ServerId> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok().map(ServerId) } else { None }
}

/// The role that a word names, in any case, as Java has it.
pub(super) fn parse_role(word: &str) -> Option<PeerRole> {
    if word.eq_ignore_ascii_case("participant") {
        Some(PeerRole::Participant)
    } else if word.eq_ignore_ascii_case("observer") {
        Some(PeerRole::Observer)
    } else {
        None
    }
}

/// Why a text is no server entry. Who reconfigures is told by two codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadEntry {
    /// It is not of that form.
    Form,
    /// Where a port stands is a number that no port has, or there is nothing at all: Java's parser
    /// ends with an exception that nobody expects.
    Number,
}

impl ServerEntry {
    /// Reads the value of a `server.N` line.
    ///
    /// # Errors
    /// What is not of that form, and ports that are one.
    pub fn parse(text: &str) -> Result<ServerEntry, BadEntry> {
        let (server, client) = match split(text, ';')[..] {
            [] => return Err(BadEntry::Number),
            [server] => (server, None),
            [server, client] => (server, Some(parse_client(client)?)),
            _ => return Err(BadEntry::Form),
        };
        let (host, quorum, election, role) = match parts(server)?[..] {
            [host, quorum, election] => (host, quorum, election, PeerRole::Participant),
            [host, quorum, election, role] => {
                let role = parse_role(role.trim()).ok_or(BadEntry::Form)?;
                (host, quorum, election, role)
            }
            _ => return Err(BadEntry::Form),
        };
        let (quorum, election) = (host_port(host, quorum)?, host_port(host, election)?);
        if quorum == election {
            Err(BadEntry::Form)
        } else {
            Ok(ServerEntry { quorum, election, role, client })
        }
    }
}

fn parse_client(text: &str) -> Result<HostPort, BadEntry> {
    match parts(text)?[..] {
        [] => Err(BadEntry::Number),
        [port] => host_port(ANY_ADDRESS, port),
        [host, port] => host_port(host, port),
        _ => Err(BadEntry::Form),
    }
}

/// A host and what stands behind it between colons.
fn parts(text: &str) -> Result<Vec<&str>, BadEntry> {
    let Some(bracketed) = text.strip_prefix('[') else { return Ok(split(text, ':')) };
    let (host, rest) = bracketed.split_once(']').ok_or(BadEntry::Form)?;
    if rest.is_empty() {
        return Ok(Vec::from([host]));
    }
    let rest = rest.strip_prefix(':').filter(|rest| !rest.is_empty()).ok_or(BadEntry::Form)?;
    Ok(core::iter::once(host).chain(split(rest, ':')).collect())
}

/// As Java splits: what is empty at the end is left out, but of an empty text.
fn split(text: &str, at: char) -> Vec<&str> {
    let kept = text.trim_end_matches(at);
    if kept.is_empty() && !text.is_empty() { Vec::new() } else { kept.split(at).collect() }
}

fn host_port(host: &str, port: &str) -> Result<HostPort, BadEntry> {
    let port: i32 = port.parse().map_err(|_| BadEntry::Form)?;
    let port = u16::try_from(port).map_err(|_| BadEntry::Number)?;
    // Java takes these, and then nobody gets there.
    if port == 0 || !is_host(host) {
        return Err(BadEntry::Form);
    }
    Ok(HostPort { host: host.to_string(), port })
}

/// Splits `host:rest` or `[address]:rest`.
fn split_host(text: &str) -> Option<(&str, &str)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once("]:")?,
        None => text.split_once(':')?,
    };
    let host = host.trim();
    if is_host(host) { Some((host, rest)) } else { None }
}

/// One word at least.
fn is_host(host: &str) -> bool {
    !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == ']')
}

/// A port from 1 to 65535.
pub(super) fn parse_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&port| digits && port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn the_canonical_text_of_a_java_server_reads_and_writes_back() {
        let text = "server.1=127.0.0.1:2888:3888:participant;0.0.0.0:2181\n\
                    server.2=[::1]:2889:3889:observer;[::]:2182\n\
                    server.10=zk-10.local:2888:3888:participant\n\
                    version=100000000";
        let ensemble = Ensemble::parse(text).expect("it is well formed");
        assert_eq!(ensemble.version, 1 << 32);
        assert_eq!(ensemble.voters().collect::<Vec<_>>(), [ServerId(1), ServerId(10)]);
        assert_eq!(ensemble.servers[&ServerId(2)].election.host, "::1");
        assert_eq!(ensemble.to_text(), text);
    }

    #[test]
    fn short_entries_are_filled() {
        let ensemble = Ensemble::parse("server.1 = h:1:2;3").expect("it is well formed");
        assert_eq!(ensemble.to_text(), "server.1=h:1:2:participant;0.0.0.0:3\nversion=0");
    }

    #[test]
    fn malformed_entries_are_refused() {
        let entries = [
            "",
            "h",
            "h:1",
            "h:1:x",
            "h:1:0",
            "h:1: 2",
            "h:1:1",
            ":1:2",
            "h:1:2:leader",
            "h:1:2:observer:3",
            "h:1:2;3;4",
            "h:1:2;a",
            "h:1:2;a:b",
            "h:1:2;a:3:4",
            ";3",
            "[::1]",
            "[::1]:",
            "[::1]x1:2",
            "[::1:1:2",
            "::1:1:2",
            "a b:1:2",
        ];
        for entry in entries {
            let text = format!("# first\nserver.1={entry}");
            let error = Ensemble::parse(&text).expect_err(entry);
            assert!(matches!(&error, ConfigError::BadValue { line: 2, .. }), "{entry}: {error}");
        }
    }

    #[test]
    fn ports_that_are_none_are_another_mistake() {
        for entry in ["h:1:65536", "h:-1:2", "h:1:2;70000", ";", "h:1:2;:"] {
            let error = Ensemble::parse(&format!("server.1={entry}")).expect_err(entry);
            assert!(matches!(&error, ConfigError::NoNumber { line: 1, .. }), "{entry}: {error}");
        }
    }

    #[test]
    fn what_java_leaves_out_is_left_out() {
        for entry in ["h:1:2;", "h:1:+2", "h:1:2:;;", "h:1:2: PARTICIPANT"] {
            let ensemble = Ensemble::parse(&format!("server.1={entry}")).expect(entry);
            assert_eq!(ensemble.to_text(), "server.1=h:1:2:participant\nversion=0", "{entry}");
        }
    }

    #[test]
    fn several_addresses_are_refused() {
        let error = Ensemble::parse("server.1=a:1:2|b:1:2").expect_err("not supported");
        assert!(matches!(error, ConfigError::Unsupported { line: 1, .. }));
    }

    #[test]
    fn groups_and_weights_make_another_quorum() {
        let servers: String = (1..=3).map(|sid| format!("server.{sid}=h:1:2\n")).collect();
        let text = format!("weight.3=0\n{servers}group.7=2:1\ngroup.9 = 3\n");
        let ensemble = Ensemble::parse(&text).expect("it is well formed");
        assert!(ensemble.to_text().ends_with(
            "participant\ngroup.7=1:2\ngroup.9=3\nweight.1=1\nweight.2=1\nweight.3=0\nversion=0"
        ));
        assert_eq!(
            Ensemble::parse(&ensemble.to_text()),
            Ok(Ensemble {
                hierarchy: ensemble.hierarchy.as_ref().map(|hierarchy| Hierarchy {
                    weights: [(1, 1), (2, 1), (3, 0)].map(|(sid, w)| (ServerId(sid), w)).into(),
                    ..hierarchy.clone()
                }),
                ..ensemble.clone()
            })
        );
        let quorums = ensemble.quorums();
        let is_quorum = |sids: &[i64]| {
            quorums.is_quorum(&crate::policy::Correct, sids.iter().copied().map(ServerId))
        };
        assert!(is_quorum(&[1, 2]) && !is_quorum(&[1, 3]));
    }

    #[test]
    fn groups_that_do_not_fit_the_voters_are_refused() {
        let servers = "server.1=h:1:2\nserver.2=h:1:2\nserver.3=h:1:2:observer\n";
        let refused = |lines: &str| {
            Ensemble::parse(&format!("{servers}{lines}")).expect_err(lines).to_string()
        };
        assert_eq!(refused("weight.1=2"), "server.1 votes and is in no group");
        assert_eq!(refused("group.1=1"), "server.2 votes and is in no group");
        let no_voter = "which is no voter of this ensemble";
        assert_eq!(refused("group.1=1:2:3"), format!("group names 3, {no_voter}"));
        assert_eq!(refused("group.1=1:2\nweight.9=1"), format!("weight names 9, {no_voter}"));
        assert_eq!(refused("group.1=1:2\nweight.1=0\nweight.2=0"), "every voter has weight 0");
        for line in ["group.1=1:2\ngroup.2=2", "group.1=", "group.x=1:2", "weight.1=-1"] {
            assert!(refused(line).contains("expected"), "{line}");
        }
    }

    #[test]
    fn the_number_of_servers_is_limited() {
        let mut text = String::new();
        for sid in 0..=SERVERS_MAX {
            text.push_str(&format!("server.{sid}=h:1:2\n"));
        }
        let error = ConfigError::TooManyServers { max: SERVERS_MAX };
        assert_eq!(Ensemble::parse(&text), Err(error));
    }

    fn any_host_port() -> impl Strategy<Value = HostPort> {
        let host = prop_oneof!["[a-z0-9.-]{1,12}", "[0-9a-f]{0,4}::[0-9a-f]{0,4}"];
        (host, 1u16..).prop_map(|(host, port)| HostPort { host, port })
    }

    fn any_entry() -> impl Strategy<Value = ServerEntry> {
        let role = prop_oneof![Just(PeerRole::Participant), Just(PeerRole::Observer)];
        let client = proptest::option::of(any_host_port());
        let ports =
            (any_host_port(), 1u16..).prop_filter("two ports", |(at, port)| at.port != *port);
        (ports, role, client).prop_map(|((quorum, port), role, client)| {
            let election = HostPort { host: quorum.host.clone(), port };
            ServerEntry { quorum, election, role, client }
        })
    }

    proptest! {
        #[test]
        fn every_ensemble_reads_back(
            servers in proptest::collection::btree_map(
                (0i64..).prop_map(ServerId), any_entry(), 0..8),
            version: u64,
        ) {
            let servers = servers.into_iter().collect();
            let ensemble = Ensemble { servers, hierarchy: None, version };
            prop_assert_eq!(Ensemble::parse(&ensemble.to_text()), Ok(ensemble));
        }

        #[test]
        fn no_text_panics(text in "(server[.]|group[.]|weight[.]|version|[0-9:;=|\\[\\]a\\n\\\\]){0,40}") {
            let _ = Ensemble::parse(&text);
        }
    }
}
