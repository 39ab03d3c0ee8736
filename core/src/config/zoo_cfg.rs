//! `zoo.cfg` and `myid` to a validated [`ServerConfig`].
//!
//! Keys that this server does not know are warned about and ignored, except those whose neglect
//! would change who makes a quorum. Source: Java's `QuorumPeerConfig.parseProperties`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::ensemble::{ANY_ADDRESS, parse_port, parse_role, parse_sid};
use super::jaas;
use super::proofs::{JAAS_FILE, SASL_PROVIDER, X509_PROVIDER};
use super::properties::{self, Property};
use super::{
    Config, ConfigError, CrossEpoch, Dynamic, ElectionAlg, Ensemble, HostPort, PeerRole, PlainPort,
    Reaping, Rules, ServerConfig, ServerEntry, SessionRules, Whitelist, dynamic,
};
use crate::limits;
use crate::sorted::SortedMap;
use crate::types::ServerId;

/// The keys that are Java system properties, which a file may also write with `zookeeper.` before.
const SYSTEM_PROPERTIES: [&str; 26] = [
    "4lw.commands.whitelist",
    "DigestAuthenticationProvider.enabled",
    "DigestAuthenticationProvider.superDigest",
    "X509AuthenticationProvider.superUser",
    "admin.enableServer",
    "allowSaslFailedClients",
    "client.portUnification",
    "commitLogCount",
    "db.autocreate",
    "emulate353TTLNodes",
    "enforce.auth.enabled",
    "enforce.auth.schemes",
    "enforceQuota",
    "extendedTypesEnabled",
    "nio.sessionlessCnxnTimeout",
    "preAllocSize",
    "readonlymode.enabled",
    "sasl.serverconfig",
    "sessionRequireClientSASLAuth",
    "skipACL",
    "snapCount",
    "snapshotSizeFactor",
    "superUser",
    "znode.container.checkIntervalMs",
    "znode.container.maxNeverUsedIntervalMs",
    "znode.container.maxPerMinute",
];
/// Groups of such keys.
const SYSTEM_PREFIXES: [&str; 3] = ["authProvider.", "ssl.", "superUser."];
/// `tickTime` when it is not given, in ms.
const TICK_TIME_MS: i64 = 3000;
/// The longest tick: 20 of them still fit the 32 bits of a session timeout.
const TICK_TIME_MS_MAX: i64 = i32::MAX as i64 / 20;
/// The most ticks of `initLimit` and `syncLimit`; with the longest tick far below 64 bits of ms.
const TICKS_MAX: i64 = i32::MAX as i64;
/// The largest `preAllocSize`, in KiB: 1 TiB.
const PREALLOCATE_KIB_MAX: i64 = 1 << 30;
/// The greatest `snapshotSizeFactor`.
const LOG_DIFF_FACTOR_MAX: f64 = 1000.0;
/// What is told of `emulate353TTLNodes`, which asks for nothing else.
const EMULATION: &str =
    "emulate353TTLNodes: times to live as ZooKeeper 3.5.3 stored them are not read";
/// The longest times of `znode.container`, in ms: a year.
const REAPING_MS_MAX: i64 = 365 * 24 * 3_600_000;
/// The most transactions kept in memory that may be asked for.
const COMMIT_LOG_COUNT_MAX: i64 = 1_000_000;

impl ServerConfig {
    /// Reads the text of a `zoo.cfg` and, if the file exists, of the `myid` in its `dataDir`.
    ///
    /// A driver that does not know `dataDir` yet takes it from [`ServerConfig::data_dir_of`].
    ///
    /// # Errors
    /// The first thing that is wrong, with its key, value and line where there is one.
    pub fn parse(zoo_cfg: &str, myid: Option<&str>) -> Result<ServerConfig, ConfigError> {
        ServerConfig::parse_dynamic(zoo_cfg, myid, None)
    }

    /// The same with the dynamic configuration, for a `zoo.cfg` that names its file.
    ///
    /// # Errors
    /// As [`ServerConfig::parse`]; also if both say who is in the ensemble.
    pub fn parse_dynamic(
        zoo_cfg: &str,
        myid: Option<&str>,
        dynamic: Option<Dynamic>,
    ) -> Result<ServerConfig, ConfigError> {
        let mut keys = Keys::parse(zoo_cfg)?;
        let data_dir = keys.required("dataDir")?;
        let data_log_dir = keys.take("dataLogDir").map_or(data_dir.clone(), |dir| dir.value);
        let log_preallocate = match keys.integer("preAllocSize", 1..=PREALLOCATE_KIB_MAX)? {
            Some(kib) => kib.unsigned_abs() * 1024,
            None => limits::LOG_PREALLOCATE,
        };
        let mut four_letter_whitelist = keys.whitelist();
        let silence_max_ms = keys.silence_max_ms()?;
        let rules = keys.rules()?;
        let plain_client = keys.port_and_address("clientPort", "clientPortAddress")?;
        keys.boolean("admin.enableServer", true)?;
        keys.refuse_other_elections()?;
        let members = keys.membership(myid, &data_dir, rules, dynamic)?;
        let (me, entry_client) = (members.me, members.client.clone());
        let tls = keys.tls(plain_client.is_some() || entry_client.is_some())?;
        let secure_client = tls.as_ref().and_then(|tls| tls.addr.clone());
        let fixed_client = match tls.as_ref().map(|tls| tls.plain) {
            Some(PlainPort::None) => secure_client,
            Some(PlainPort::Plain | PlainPort::Unified) | None => plain_client,
        };
        let client_addr = agreed_client_addr(me, fixed_client, entry_client)?;
        let mut core = keys.core(members, rules, client_addr)?;
        if core.rules.extended_types && me.0 > limits::EXTENDED_SERVER_ID_MAX {
            return Err(ConfigError::ServerIdTooLarge { me, max: limits::EXTENDED_SERVER_ID_MAX });
        }
        core.rules.names_x509 |= tls.is_some();
        let jaas = keys.jaas();
        if jaas.is_none() && core.proofs.required_schemes.contains("sasl") {
            keys.warn(format!("{JAAS_FILE} is missing: no client can prove who it is by SASL"));
        }
        if jaas.is_some() && !core.rules.names_sasl {
            keys.warn(String::from(
                "no authProvider is SASLAuthenticationProvider: access lists cannot name users of SASL",
            ));
        }
        if let (Whitelist::Words(words), true) =
            (&mut four_letter_whitelist, core.sessions.read_only_mode)
        {
            // Clients that look for a server that writes ask for it.
            words.insert("isro".to_string());
        }
        Ok(ServerConfig {
            core,
            data_dir,
            data_log_dir,
            log_preallocate,
            silence_max_ms,
            jaas,
            tls,
            four_letter_whitelist,
            warnings: keys.into_warnings(),
        })
    }

    /// Takes the users of SASL from the text of the file that [`ServerConfig::jaas`] names.
    ///
    /// # Errors
    /// Where it is no JAAS file, or its section is missing or asks for another login module.
    pub fn add_users(&mut self, text: &str) -> Result<(), ConfigError> {
        if let Some((_, section)) = &self.jaas {
            self.core.proofs.sasl_users = Some(jaas::users(text, section)?);
        }
        Ok(())
    }

    /// The `dataDir` of a `zoo.cfg`, which says where `myid` is.
    ///
    /// # Errors
    /// A text that is not of the properties form, or without `dataDir`.
    pub fn data_dir_of(zoo_cfg: &str) -> Result<String, ConfigError> {
        Keys::parse(zoo_cfg)?.required("dataDir")
    }
}

/// Who this server is, and in what ensemble.
struct Membership {
    me: ServerId,
    ensemble: Option<Ensemble>,
    next: Option<Ensemble>,
    own: Option<ServerEntry>,
    /// The client address in this server's own line.
    client: Option<HostPort>,
}

/// The properties not yet taken, and the warnings so far.
pub(super) struct Keys {
    pub(super) properties: SortedMap<String, Property>,
    warnings: Vec<String>,
}

impl Keys {
    fn parse(text: &str) -> Result<Keys, ConfigError> {
        let mut keys = Keys { properties: SortedMap::new(), warnings: Vec::new() };
        for mut property in properties::parse(text)? {
            if let Some(plain) = property.key.strip_prefix("zookeeper.")
                && (SYSTEM_PROPERTIES.contains(&plain)
                    || SYSTEM_PREFIXES.iter().any(|prefix| plain.starts_with(prefix)))
            {
                property.key = plain.to_string();
            }
            let Property { ref key, line, .. } = property;
            let key = key.clone();
            if let Some(earlier) = keys.properties.insert(key, property) {
                let Property { key, line: earlier, .. } = earlier;
                keys.warn(format!("line {line}: {key} replaces that of line {earlier}"));
            }
        }
        Ok(keys)
    }

    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Property> {
        self.properties.remove(key)
    }

    fn required(&mut self, key: &'static str) -> Result<String, ConfigError> {
        let given = self.take(key).filter(|property| !property.value.is_empty());
        given.map(|property| property.value).ok_or(ConfigError::Missing { key })
    }

    pub(super) fn integer(
        &mut self,
        key: &str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, ConfigError> {
        let Some(property) = self.take(key) else { return Ok(None) };
        let number: i64 = property.value.parse().map_err(|_| property.bad("a whole number"))?;
        if range.contains(&number) {
            Ok(Some(number))
        } else if number < *range.start() {
            Err(property.bad("a greater number"))
        } else {
            Err(property.bad("a smaller number"))
        }
    }

    pub(super) fn boolean(&mut self, key: &str, default: bool) -> Result<bool, ConfigError> {
        let Some(property) = self.take(key) else { return Ok(default) };
        if property.value.eq_ignore_ascii_case("true") {
            Ok(true)
        } else if property.value.eq_ignore_ascii_case("false") {
            Ok(false)
        } else {
            Err(property.bad("true or false"))
        }
    }

    fn whitelist(&mut self) -> Whitelist {
        let given = self.take("4lw.commands.whitelist");
        let words = given.as_ref().map_or("srvr", |property| property.value.as_str());
        let mut words = words.split(',').map(str::trim).filter(|word| !word.is_empty());
        if words.clone().any(|word| word == "*") {
            Whitelist::All
        } else {
            Whitelist::Words(words.by_ref().map(String::from).collect())
        }
    }

    /// `address:port`, if the file has a port.
    pub(super) fn port_and_address(
        &mut self,
        key: &'static str,
        address_key: &str,
    ) -> Result<Option<HostPort>, ConfigError> {
        let address = self.take(address_key).map(|property| property.value);
        let Some(property) = self.take(key) else {
            return if address.is_some() { Err(ConfigError::Missing { key }) } else { Ok(None) };
        };
        let port = parse_port(&property.value).ok_or_else(|| property.bad("1 to 65535"))?;
        let host = address.unwrap_or_else(|| ANY_ADDRESS.to_string());
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        Ok(Some(HostPort { host: bare.unwrap_or(&host).to_string(), port }))
    }

    fn refuse_other_elections(&mut self) -> Result<(), ConfigError> {
        if let Some(property) = self.take("electionAlg")
            && property.value != "3"
        {
            return Err(property.unsupported("only 3 is served, as in ZooKeeper since 3.6; a lab script with \"given election-alg\" \
                 shows the others"));
        }
        if self.boolean("emulate353TTLNodes", false)? {
            self.warn(EMULATION.to_string());
        }
        Ok(())
    }

    /// The ensemble with this server's place in it; standalone with at most one participant.
    fn membership(
        &mut self,
        myid: Option<&str>,
        data_dir: &str,
        rules: Rules,
        dynamic: Option<Dynamic>,
    ) -> Result<Membership, ConfigError> {
        let standalone_enabled = !rules.lone_voter;
        let peer_role = match self.take("peerType") {
            Some(property) => {
                let role = parse_role(&property.value);
                Some(role.ok_or_else(|| property.bad("participant or observer"))?)
            }
            None => None,
        };
        let (ensemble, next) = match (self.take(dynamic::DYNAMIC_KEY), dynamic) {
            (Some(_), Some(Dynamic { current, next })) => {
                let mut properties = self.properties.values();
                if let Some(property) = properties.find(|it| dynamic::is_dynamic(&it.key)) {
                    let (key, line) = (property.key.clone(), property.line);
                    return Err(ConfigError::NotStatic { key, line });
                }
                (current, next)
            }
            (Some(property), None) => return Err(property.unsupported("this file was not read")),
            (None, dynamic) => (self.ensemble()?, dynamic.and_then(|dynamic| dynamic.next)),
        };
        let voters = ensemble.voters().count();
        let observers = ensemble.servers.len() - voters;
        if standalone_enabled && voters <= 1 {
            if observers > 0 {
                return Err(ConfigError::ObserversWithoutQuorum);
            }
            let client = ensemble.servers.into_values().next().and_then(|only| only.client);
            let (me, ensemble, next, own) = (ServerId(0), None, None, None);
            return Ok(Membership { me, ensemble, next, own, client });
        }
        if voters == 0 {
            return Err(ConfigError::NoParticipants);
        }
        let me = self.my_id(myid, data_dir)?;
        let Some(entry) = ensemble.line_of(next.as_ref(), me) else {
            return Err(ConfigError::MyIdNotListed { me });
        };
        let (client, own) = (entry.client.clone(), Some(entry.clone()));
        self.warn_about_roles(me, entry.role, peer_role, voters);
        Ok(Membership { me, ensemble: Some(ensemble), next, own, client })
    }

    fn ensemble(&mut self) -> Result<Ensemble, ConfigError> {
        let mut ensemble = Ensemble::default();
        let mut taken = Vec::new();
        for (key, property) in &self.properties {
            if ensemble.insert_property(property)? {
                taken.push(key.clone());
            }
        }
        for key in taken {
            self.properties.remove(&key);
        }
        ensemble.check_hierarchy()?;
        Ok(ensemble)
    }

    fn my_id(&mut self, myid: Option<&str>, data_dir: &str) -> Result<ServerId, ConfigError> {
        let Some(text) = myid else {
            return Err(ConfigError::MyIdMissing { data_dir: data_dir.to_string() });
        };
        let first_line = text.lines().next().unwrap_or("").trim();
        let Some(me) = parse_sid(first_line) else {
            return Err(ConfigError::BadMyId { text: first_line.to_string() });
        };
        if !(1..=255).contains(&me.0) {
            self.warn(format!("myid is {me}; ids from 1 to 255 are usual"));
        }
        Ok(me)
    }

    fn warn_about_roles(
        &mut self,
        me: ServerId,
        role: PeerRole,
        peer_role: Option<PeerRole>,
        voters: usize,
    ) {
        if peer_role.is_some_and(|peer_role| peer_role != role) {
            self.warn(format!(
                "peerType differs from the role in the line server.{me}, which counts"
            ));
        }
        if voters <= 2 {
            self.warn(format!("{voters} participants tolerate no failure; use at least 3"));
        } else if voters.is_multiple_of(2) {
            self.warn(format!(
                "{voters} participants tolerate no more failures than {}",
                voters - 1
            ));
        }
    }

    fn core(
        &mut self,
        members: Membership,
        rules: Rules,
        client_addr: HostPort,
    ) -> Result<Config, ConfigError> {
        let Membership { me, ensemble, next, own, client: _ } = members;
        let tick_time_ms = self.integer("tickTime", 1..=TICK_TIME_MS_MAX)?.unwrap_or(TICK_TIME_MS);
        let quorum = ensemble.is_some();
        let init_limit = self.ticks("initLimit", quorum)?;
        let sync_limit = self.ticks("syncLimit", quorum)?;
        let min = self.session_timeout("minSessionTimeout", tick_time_ms * 2)?;
        let max = self.session_timeout("maxSessionTimeout", tick_time_ms * 20)?;
        if min > max {
            return Err(ConfigError::SessionTimeouts { min_ms: min, max_ms: max });
        }
        let max_client_cnxns = self.integer("maxClientCnxns", i64::MIN..=i64::from(u32::MAX))?;
        let snap_count = self.integer("snapCount", 2..=i64::MAX)?;
        let commit_log_count = self.integer("commitLogCount", 1..=COMMIT_LOG_COUNT_MAX)?;
        let autocreate = self.boolean("db.autocreate", true)?;
        let log_diff_percent = self.log_diff_percent()?;
        let cross_epoch = self.cross_epoch()?;
        let sync_quorum = self.sync_quorum()?;
        Ok(Config {
            me,
            ensemble,
            next: next.filter(|_| rules.reconfig),
            own,
            file: String::from(dynamic::STATIC_FILE),
            tick_time_ms: narrow(tick_time_ms),
            init_limit,
            sync_limit,
            client_addr,
            min_session_timeout_ms: min,
            max_session_timeout_ms: max,
            jute_max_buffer: self.jute_max_buffer()?,
            // As in Java, a number below 0 is no limit either.
            max_client_cnxns: max_client_cnxns
                .map_or(limits::CLIENT_CONNECTIONS_PER_ADDRESS, |n| narrow(n.max(0))),
            snap_count: snap_count.map_or(limits::SNAP_COUNT, i64::unsigned_abs),
            commit_log_count: commit_log_count.map_or(limits::COMMITTED_LOG_LEN, narrow),
            autocreate,
            log_diff_percent,
            cross_epoch,
            sync_quorum,
            election: ElectionAlg::Fast,
            rules,
            sessions: self.session_rules()?,
            super_digest: self.super_digest(),
            proofs: self.proofs()?,
            reaping: self.reaping()?,
        })
    }

    /// A fraction; below 0 the log is never read for a learner.
    fn log_diff_percent(&mut self) -> Result<u32, ConfigError> {
        let Some(property) = self.take("snapshotSizeFactor") else {
            return Ok(limits::LOG_DIFF_PERCENT);
        };
        match property.value.parse::<f64>() {
            Ok(factor) if factor <= LOG_DIFF_FACTOR_MAX => Ok((factor.max(0.0) * 100.0) as u32),
            Ok(_) | Err(_) => Err(property.bad("a number up to 1000")),
        }
    }

    fn rules(&mut self) -> Result<Rules, ConfigError> {
        Ok(Rules {
            without_digest: !self.boolean("DigestAuthenticationProvider.enabled", true)?,
            names_sasl: self.provider(SASL_PROVIDER),
            names_x509: self.provider(X509_PROVIDER),
            extended_types: self.boolean("extendedTypesEnabled", false)?,
            // As in Java, only this word switches them off.
            skip_acl: self.take("skipACL").is_some_and(|property| property.value == "yes"),
            enforce_quota: self.boolean("enforceQuota", false)?,
            reconfig: self.boolean("reconfigEnabled", false)?,
            lone_voter: !self.boolean("standaloneEnabled", true)?,
        })
    }

    fn session_rules(&mut self) -> Result<SessionRules, ConfigError> {
        Ok(SessionRules {
            read_only_mode: self.boolean("readonlymode.enabled", false)?,
            local: self.boolean("localSessionsEnabled", false)?,
            upgrades: self.boolean("localSessionsUpgradingEnabled", false)?,
        })
    }

    fn reaping(&mut self) -> Result<Reaping, ConfigError> {
        let usual = Reaping::default();
        let interval = self.integer("znode.container.checkIntervalMs", 1..=REAPING_MS_MAX)?;
        let rate = self.integer("znode.container.maxPerMinute", 1..=i64::from(u32::MAX))?;
        let unused = self.integer("znode.container.maxNeverUsedIntervalMs", 0..=REAPING_MS_MAX)?;
        Ok(Reaping {
            check_interval_ms: interval.map_or(usual.check_interval_ms, i64::unsigned_abs),
            max_per_minute: rate.map_or(usual.max_per_minute, narrow),
            max_never_used_ms: unused.map_or(usual.max_never_used_ms, i64::unsigned_abs),
        })
    }

    /// An option of this server alone.
    fn cross_epoch(&mut self) -> Result<CrossEpoch, ConfigError> {
        let Some(property) = self.take("sync.cross_epoch") else { return Ok(CrossEpoch::Snap) };
        match property.value.as_str() {
            "snap" => Ok(CrossEpoch::Snap),
            "trunc_diff" => Ok(CrossEpoch::TruncDiff),
            _ => Err(property.bad("snap or trunc_diff")),
        }
    }

    /// An option of this server alone.
    fn sync_quorum(&mut self) -> Result<bool, ConfigError> {
        let Some(property) = self.take("sync.quorum") else { return Ok(false) };
        match property.value.as_str() {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(property.bad("on or off")),
        }
    }

    /// A number of ticks that only an ensemble needs; 0 if a standalone server has none.
    fn ticks(&mut self, key: &'static str, needed: bool) -> Result<u32, ConfigError> {
        match self.integer(key, 1..=TICKS_MAX)? {
            Some(ticks) => Ok(narrow(ticks)),
            None if needed => Err(ConfigError::Missing { key }),
            None => Ok(0),
        }
    }

    /// A session timeout in ms; -1 means the default, as in Java.
    fn session_timeout(&mut self, key: &str, default_ms: i64) -> Result<i32, ConfigError> {
        let given = self.integer(key, -1..=i64::from(i32::MAX))?.filter(|&ms| ms != -1);
        Ok(narrow(given.unwrap_or(default_ms)))
    }

    /// Everything that nobody took is not known here.
    fn into_warnings(mut self) -> Vec<String> {
        let mut unknown: Vec<(u32, String)> =
            self.properties.into_iter().map(|(key, property)| (property.line, key)).collect();
        unknown.sort_unstable();
        for (line, key) in unknown {
            self.warnings.push(format!("line {line}: {key} is not known here and is ignored"));
        }
        self.warnings
    }
}

impl Property {
    pub(super) fn bad(&self, expected: &'static str) -> ConfigError {
        let (key, value, line) = (self.key.clone(), self.value.clone(), self.line);
        ConfigError::BadValue { key, value, line, expected }
    }

    pub(super) fn no_number(&self, expected: &'static str) -> ConfigError {
        let (key, value, line) = (self.key.clone(), self.value.clone(), self.line);
        ConfigError::NoNumber { key, value, line, expected }
    }

    pub(super) fn unsupported(&self, what: &'static str) -> ConfigError {
        let (key, value, line) = (self.key.clone(), self.value.clone(), self.line);
        ConfigError::Unsupported { key, value, line, what }
    }
}

/// The server's line wins, but only where the file says nothing else.
fn agreed_client_addr(
    me: ServerId,
    fixed: Option<HostPort>,
    entry: Option<HostPort>,
) -> Result<HostPort, ConfigError> {
    match (fixed, entry) {
        (None, None) => Err(ConfigError::Missing { key: "clientPort" }),
        (Some(addr), None) | (None, Some(addr)) => Ok(addr),
        (Some(fixed), Some(entry)) => {
            let any_host = fixed.host == ANY_ADDRESS && fixed.port == entry.port;
            if any_host || fixed == entry {
                Ok(entry)
            } else {
                Err(ConfigError::TwoClientAddresses { me, fixed, entry })
            }
        }
    }
}

/// For numbers whose range was checked.
fn narrow<T: TryFrom<i64>>(number: i64) -> T {
    T::try_from(number).ok().expect("the range of this key fits its type")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SERVERS: &str = "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2;[::1]:2183\n";

    fn parse(text: &str, myid: Option<&str>) -> ServerConfig {
        ServerConfig::parse(text, myid).expect("the text is accepted")
    }

    fn error(text: &str, myid: Option<&str>) -> String {
        ServerConfig::parse(text, myid).expect_err("the text is refused").to_string()
    }

    fn quorum(more: &str) -> String {
        format!("dataDir=/d\nclientPort=2181\ninitLimit=10\nsyncLimit=5\n{SERVERS}{more}")
    }

    #[test]
    fn the_sample_of_apache_is_a_standalone_server() {
        let text = "# The number of milliseconds of each tick\ntickTime=2000\n\
                    initLimit=10\nsyncLimit=5\ndataDir=/tmp/zookeeper\nclientPort=2181\n\
                    #maxClientCnxns=60\n";
        let config = parse(text, None);
        let core = &config.core;
        assert_eq!((core.me, core.ensemble.as_ref()), (ServerId(0), None));
        assert_eq!(core.client_addr.to_string(), "0.0.0.0:2181");
        assert_eq!((core.tick_time_ms, core.init_limit, core.sync_limit), (2000, 10, 5));
        assert_eq!((core.min_session_timeout_ms, core.max_session_timeout_ms), (4000, 40_000));
        assert_eq!((core.max_client_cnxns, core.snap_count), (60, 100_000));
        assert_eq!(core.commit_log_count, 500);
        assert_eq!(config.data_log_dir, "/tmp/zookeeper");
        assert_eq!(config.log_preallocate, 64 << 20);
        assert!(config.four_letter_whitelist.allows("srvr"));
        assert!(!config.four_letter_whitelist.allows("ruok"));
        assert_eq!(config.warnings, Vec::<String>::new());
    }

    #[test]
    fn an_ensemble_takes_its_client_address_from_either_place() {
        let config = parse(&quorum(""), Some("1\n"));
        let ensemble = config.core.ensemble.as_ref().expect("three servers are an ensemble");
        assert_eq!((config.core.me, ensemble.servers.len()), (ServerId(1), 3));
        assert_eq!(config.core.client_addr.to_string(), "0.0.0.0:2181");

        let own_line = quorum("").replace("clientPort=2181", "");
        assert_eq!(parse(&own_line, Some("3")).core.client_addr.to_string(), "[::1]:2183");
        assert_eq!(error(&own_line, Some("1")), "clientPort is missing");
        let expected = "clientPort says 0.0.0.0:2181, but the line server.3 says [::1]:2183";
        assert_eq!(error(&quorum(""), Some("3")), expected);
    }

    #[test]
    fn one_server_line_is_standalone_unless_that_is_switched_off() {
        let text = "dataDir=/d\ninitLimit=5\nsyncLimit=2\nserver.1=localhost:2888:3888;2181\n";
        let config = parse(text, Some("1"));
        assert_eq!((config.core.me, config.core.ensemble), (ServerId(0), None));
        assert_eq!(config.core.client_addr.port, 2181);
        let alone = format!("{text}standaloneEnabled=false\n");
        let config = parse(&alone, Some("1"));
        assert_eq!(config.core.ensemble.map(|ensemble| ensemble.servers.len()), Some(1));
        assert_eq!(config.warnings, ["1 participants tolerate no failure; use at least 3"]);
    }

    #[test]
    fn the_keys_of_a_driver_are_read() {
        let text = "dataDir=/d\ndataLogDir=/l\nclientPort=1\nzookeeper.preAllocSize=100\n\
                    4lw.commands.whitelist=ruok, mntr\nadmin.enableServer=false\n\
                    clientPortAddress=[::1]\nmaxClientCnxns=-1\n";
        let config = parse(text, None);
        assert_eq!((config.data_log_dir.as_str(), config.log_preallocate), ("/l", 102_400));
        assert!(config.four_letter_whitelist.allows("mntr"));
        assert!(!config.four_letter_whitelist.allows("srvr"));
        assert_eq!(config.core.client_addr.host, "::1");
        assert_eq!(config.core.max_client_cnxns, 0);
        assert_eq!(config.core.cross_epoch, CrossEpoch::Snap);
        let classic = parse("dataDir=/d\nclientPort=1\nsync.cross_epoch=trunc_diff", None);
        assert_eq!(classic.core.cross_epoch, CrossEpoch::TruncDiff);
        assert_eq!(config.core.rules, Rules::default());
        let extended = "dataDir=/d\nclientPort=1\nzookeeper.extendedTypesEnabled=true";
        assert!(parse(extended, None).core.rules.extended_types);
        let reaping = "dataDir=/d\nclientPort=1\nznode.container.checkIntervalMs=500\n\
                       zookeeper.znode.container.maxPerMinute=60\nenforceQuota=true";
        let reaping = parse(reaping, None).core;
        let expected = Reaping { check_interval_ms: 500, max_per_minute: 60, max_never_used_ms: 0 };
        assert_eq!((reaping.reaping, reaping.rules.enforce_quota), (expected, true));
        assert_eq!(config.core.reaping.check_interval_ms, 60_000);
        assert_eq!(config.core.sessions, SessionRules::default());
        let sasl = "dataDir=/d\nclientPort=1\njava.security.auth.login.config=/e/jaas.conf\n\
                    sessionRequireClientSASLAuth=true\nsuperUser=boss\n\
                    authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n\
                    enforce.auth.enabled=true\nenforce.auth.schemes=x509, digest";
        let mut sasl = parse(sasl, None);
        assert_eq!(sasl.warnings, Vec::<String>::new());
        assert_eq!(sasl.jaas, Some(("/e/jaas.conf".into(), "Server".into())));
        let required: Vec<&String> = sasl.core.proofs.required_schemes.iter().collect();
        assert_eq!(required, ["digest", "sasl", "x509"]);
        let users = "Server { x.DigestLoginModule required user_boss=secret; };";
        sasl.add_users(users).expect("it is a JAAS file");
        assert_eq!(sasl.core.proofs.sasl_users.map(|users| users.len()), Some(1));
        let no_users = "dataDir=/d\nclientPort=1\nsessionRequireClientSASLAuth=true";
        let missing =
            "java.security.auth.login.config is missing: no client can prove who it is by SASL";
        assert_eq!(parse(no_users, None).warnings, [missing]);
        let sessions = "dataDir=/d\nclientPort=1\nzookeeper.readonlymode.enabled=true\n\
                        localSessionsEnabled=true\nlocalSessionsUpgradingEnabled=TRUE";
        let sessions = parse(sessions, None);
        let expected = SessionRules { read_only_mode: true, local: true, upgrades: true };
        assert_eq!(sessions.core.sessions, expected);
        assert!(sessions.four_letter_whitelist.allows("isro"), "its clients need it");
        assert!(!config.four_letter_whitelist.allows("isro"));
        let access = "dataDir=/d\nclientPort=1\nskipACL=yes\n\
                      zookeeper.DigestAuthenticationProvider.superDigest=super:x=";
        let access = parse(access, None).core;
        assert_eq!(
            (access.rules.skip_acl, access.super_digest.as_deref()),
            (true, Some("super:x="))
        );
        assert!(!config.core.sync_quorum);
        assert!(parse("dataDir=/d\nclientPort=1\nsync.quorum=on", None).core.sync_quorum);
        let all = parse("dataDir=/d\nclientPort=1\n4lw.commands.whitelist=*", None);
        assert_eq!(all.four_letter_whitelist, Whitelist::All);
        assert_eq!(ServerConfig::data_dir_of(text).as_deref(), Ok("/d"));
    }

    #[test]
    fn warnings_name_the_line() {
        let config = parse(&quorum("autopurge.purgeInterval=1\ninitLimit=11\n"), Some("1"));
        let expected = [
            "line 9: initLimit replaces that of line 3",
            "line 8: autopurge.purgeInterval is not known here and is ignored",
        ];
        assert_eq!(config.warnings, expected);
        let config = parse(&quorum("server.4=d:1:2\npeerType=observer"), Some("4"));
        let expected = [
            "peerType differs from the role in the line server.4, which counts",
            "4 participants tolerate no more failures than 3",
        ];
        assert_eq!(config.warnings, expected);
        let old = "dataDir=/d\nclientPort=1\nzookeeper.emulate353TTLNodes=true";
        assert_eq!(parse(old, None).warnings, [EMULATION]);
    }

    #[test]
    fn errors_name_key_value_and_line() {
        let cases: [(String, Option<&str>, &str); 17] = [
            ("clientPort=1".into(), None, "dataDir is missing"),
            ("dataDir=/d".into(), None, "clientPort is missing"),
            ("dataDir=/d\nclientPort=0".into(), None, "line 2: clientPort=0: expected 1 to 65535"),
            (quorum("tickTime=x"), Some("1"), "line 8: tickTime=x: expected a whole number"),
            (quorum("tickTime=0"), Some("1"), "line 8: tickTime=0: expected a greater number"),
            (quorum("snapCount=1"), Some("1"), "line 8: snapCount=1: expected a greater number"),
            (
                quorum("admin.enableServer=yes"),
                Some("1"),
                "line 8: admin.enableServer=yes: expected true or false",
            ),
            (
                quorum("peerType=boss"),
                Some("1"),
                "line 8: peerType=boss: expected participant or observer",
            ),
            (
                quorum("electionAlg=1"),
                Some("1"),
                "line 8: electionAlg=1: only 3 is served, as in ZooKeeper since 3.6; a lab script with \
                 \"given election-alg\" shows the others",
            ),
            (
                quorum("minSessionTimeout=70000"),
                Some("1"),
                "minSessionTimeout (70000 ms) is above maxSessionTimeout (60000 ms)",
            ),
            (quorum(""), None, "the file myid is missing in /d"),
            (quorum(""), Some("one"), "myid is \"one\": expected a number of 0 or more"),
            (quorum(""), Some("9"), "myid is 9, but there is no line server.9"),
            (quorum("").replace("syncLimit=5", ""), Some("1"), "syncLimit is missing"),
            (
                quorum("server.255=d:1:2\nextendedTypesEnabled=true"),
                Some("255"),
                "myid is 255: with extendedTypesEnabled it may be 254 at most",
            ),
            (
                "dataDir=/d\nclientPort=1\nserver.1=a:1:2:observer".into(),
                Some("1"),
                "observers need at least two participants",
            ),
            (
                "dataDir=/d\nclientPort=1\nstandaloneEnabled=false".into(),
                None,
                "no server is a participant",
            ),
        ];
        for (text, myid, expected) in cases {
            assert_eq!(error(&text, myid), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_file_panics(
            lines in proptest::collection::vec(
                ("(tickTime|initLimit|syncLimit|dataDir|clientPort|clientPortAddress|snapCount|\
                   preAllocSize|maxClientCnxns|commitLogCount|minSessionTimeout|peerType|\
                   server[.][0-9]{1,20}|zookeeper[.]snapCount|.{0,5})",
                 "([-0-9]{0,20}|[a-z]:[0-9]{0,6}:[0-9]{0,6}(;[0-9]{0,5})?|.{0,10})"),
                0..12),
            myid in proptest::option::of("[-0-9a]{0,20}"),
        ) {
            let mut text = String::from("dataDir=/d\nclientPort=1\ninitLimit=1\nsyncLimit=1\n");
            for (key, value) in lines {
                text.push_str(&format!("{key}={value}\n"));
            }
            let _ = ServerConfig::parse(&text, myid.as_deref());
        }
    }
}
