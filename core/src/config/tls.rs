//! The keys of TLS: where it is served, with which certificate, and which clients are believed.
//!
//! Here keys become values; the files that they name are the driver's, and so is TLS itself. What
//! would be unsafe to ignore (revocation, TLS between servers) is refused.
//! Source: Java's `X509Util`, `ClientX509Util`, `KeyStoreFileType`, `SSLContextAndOptions`.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::properties::Property;
use super::zoo_cfg::Keys;
use super::{ConfigError, HostPort};
use crate::sorted::SortedSet;

/// All keys that this module takes begin so, but for the ports.
const PREFIX: &str = "ssl.";
/// How stores of Java's own formats become one that is read here.
const CONVERT_JKS: &str = "JKS is not read; convert it to PEM with \"keytool -importkeystore \
    -srckeystore STORE.jks -destkeystore STORE.p12 -deststoretype PKCS12\" and then \
    \"openssl pkcs12 -in STORE.p12 -nodes -out STORE.pem\"";
const CONVERT_PKCS12: &str = "PKCS12 is not read; convert it to PEM with \
    \"openssl pkcs12 -in STORE.p12 -nodes -out STORE.pem\"";
const CONVERT_BCFKS: &str = "BCFKS is not read; convert it to PKCS12 with keytool, and that to PEM \
    with \"openssl pkcs12 -in STORE.p12 -nodes -out STORE.pem\"";
/// Switches that are refused if they are on.
const REFUSED: [(&str, &str); 5] = [
    ("ssl.crl", "revoked certificates are not looked up"),
    ("ssl.ocsp", "revoked certificates are not looked up"),
    ("ssl.allowReverseDnsLookup", "clients are not looked up by name"),
    ("sslQuorum", "connections between servers are never encrypted"),
    ("portUnification", "connections between servers are never encrypted"),
];

/// How clients are served with TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tls {
    /// The port that takes nothing else (`secureClientPort`).
    pub addr: Option<HostPort>,
    /// What the other client port takes.
    pub plain: PlainPort,
    /// The PEM file with the server's certificate, those between it and its root, and its key
    /// (`ssl.keyStore.location`).
    pub key_store: String,
    /// Which clients are let in.
    pub client_auth: ClientAuth,
    /// Whether a client's certificate must name the address that it comes from
    /// (`ssl.clientHostnameVerification`).
    pub checks_address: bool,
    /// The versions that are spoken, never empty (`ssl.enabledProtocols`).
    pub versions: SortedSet<TlsVersion>,
    /// The only cipher suites to use, by their names in Java; all that are known unless given
    /// (`ssl.ciphersuites`).
    pub cipher_suites: Option<Vec<String>>,
}

/// What the port without `secure` in its name takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlainPort {
    /// There is none: [`super::Config::client_addr`] is the secure one.
    None,
    /// Only plain text.
    Plain,
    /// Plain text and TLS; the first byte tells (`client.portUnification`).
    Unified,
}

/// What a client's certificate is for (`ssl.clientAuth`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientAuth {
    /// It is not asked for.
    None,
    /// It is asked for; who has none is let in as nobody.
    Want {
        /// The PEM file with the roots that are trusted (`ssl.trustStore.location`).
        trust_store: String,
    },
    /// Who has none is turned away.
    Need {
        /// The PEM file with the roots that are trusted (`ssl.trustStore.location`).
        trust_store: String,
    },
}

/// A version that is spoken; older ones are not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl Keys {
    /// Everything about TLS; `plain` says whether there is a client port without it.
    pub(super) fn tls(&mut self, plain: bool) -> Result<Option<Tls>, ConfigError> {
        let addr = self.port_and_address("secureClientPort", "secureClientPortAddress")?;
        let unified = self.boolean("client.portUnification", false)?;
        self.refuse_switches()?;
        if addr.is_none() && !unified {
            // Nobody speaks TLS, so nothing of it is read: these keys may be meant for tools.
            self.properties.retain(|key, _| !key.starts_with(PREFIX));
            return Ok(None);
        }
        let client_auth = self.client_auth()?;
        let key_store = self.store("ssl.keyStore")?;
        let key_store = key_store.ok_or(ConfigError::Missing { key: "ssl.keyStore.location" })?;
        let (checks, checks_clients) = (
            self.boolean("ssl.hostnameVerification", true)?,
            self.boolean("ssl.clientHostnameVerification", false)?,
        );
        if let Some(provider) = self.take("ssl.authProvider")
            && provider.value != "x509"
        {
            return Err(provider.unsupported("certificates name identities of x509 and no others"));
        }
        Ok(Some(Tls {
            addr,
            plain: match (plain, unified) {
                (false, _) => PlainPort::None,
                (true, false) => PlainPort::Plain,
                (true, true) => PlainPort::Unified,
            },
            key_store,
            client_auth,
            checks_address: checks && checks_clients,
            versions: self.tls_versions()?,
            cipher_suites: self
                .take("ssl.ciphersuites")
                .map(|given| given.value.split(',').map(|name| name.trim().to_owned()).collect()),
        }))
    }

    fn refuse_switches(&mut self) -> Result<(), ConfigError> {
        for (key, why) in REFUSED {
            if let Some(property) = self.take(key)
                && !property.value.eq_ignore_ascii_case("false")
            {
                return Err(property.unsupported(why));
            }
        }
        Ok(())
    }

    fn client_auth(&mut self) -> Result<ClientAuth, ConfigError> {
        let given = self.take("ssl.clientAuth").filter(|given| !given.value.is_empty());
        let word = given.as_ref().map_or("need", |given| given.value.as_str());
        let word = word.to_ascii_lowercase();
        let trust_store = self.store("ssl.trustStore")?;
        let trusted = || trust_store.ok_or(ConfigError::Missing { key: "ssl.trustStore.location" });
        match (word.as_str(), given) {
            ("none", _) => Ok(ClientAuth::None),
            ("want", _) => Ok(ClientAuth::Want { trust_store: trusted()? }),
            (_, Some(given)) if word != "need" => Err(given.bad("need, want or none")),
            _ => Ok(ClientAuth::Need { trust_store: trusted()? }),
        }
    }

    /// The file of a store, if it is of the one type that is read.
    fn store(&mut self, name: &str) -> Result<Option<String>, ConfigError> {
        let key = |what: &str| format!("{name}.{what}");
        let (location, kind) = (self.take(&key("location")), self.take(&key("type")));
        for what in ["password", "passwordPath"] {
            if let Some(Property { key, line, .. }) = self.take(&key(what)) {
                self.warn(format!(
                    "line {line}: {key} is not used: PEM is read without a password"
                ));
            }
        }
        let Some(location) = location.filter(|location| !location.value.is_empty()) else {
            return Ok(None);
        };
        let kind = kind.filter(|kind| !kind.value.is_empty());
        let (by, word) = match &kind {
            Some(kind) => (kind, kind.value.to_ascii_lowercase()),
            None => {
                let ending = location.value.rsplit_once('.').map_or("", |(_, ending)| ending);
                (&location, ending.to_owned())
            }
        };
        match word.as_str() {
            "pem" => Ok(Some(location.value)),
            "jks" => Err(by.unsupported(CONVERT_JKS)),
            "p12" | "pkcs12" => Err(by.unsupported(CONVERT_PKCS12)),
            "bcfks" => Err(by.unsupported(CONVERT_BCFKS)),
            _ if kind.is_some() => Err(by.bad("PEM")),
            _ => Err(by.bad("a name that ends in .pem, or the type PEM")),
        }
    }

    /// Java speaks the newest version alone unless it is told others; here it is both.
    fn tls_versions(&mut self) -> Result<SortedSet<TlsVersion>, ConfigError> {
        let (enabled, only) = (self.take("ssl.enabledProtocols"), self.take("ssl.protocol"));
        let Some(given) = enabled.or(only) else {
            return Ok(SortedSet::from([TlsVersion::V1_2, TlsVersion::V1_3]));
        };
        let version = |name: &str| match name.trim() {
            "TLSv1.2" => Ok(TlsVersion::V1_2),
            "TLSv1.3" => Ok(TlsVersion::V1_3),
            _ => Err(given.bad("TLSv1.2, TLSv1.3 or both")),
        };
        given.value.split(',').map(version).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServerConfig;

    const SECURE: &str = "dataDir=/d\nsecureClientPort=2281\nssl.keyStore.location=/k.pem\n\
        ssl.trustStore.location=/t.pem\n";

    fn parse(text: &str) -> Result<ServerConfig, String> {
        ServerConfig::parse(text, None).map_err(|error| error.to_string())
    }

    fn tls(text: &str) -> Tls {
        parse(text).expect("the text is accepted").tls.expect("TLS is asked for")
    }

    #[test]
    fn a_secure_port_alone_is_where_clients_connect() {
        let config = parse(SECURE).expect("no other port is needed");
        assert_eq!(config.core.client_addr.to_string(), "0.0.0.0:2281");
        assert!(config.core.rules.names_x509);
        assert_eq!(config.warnings, Vec::<String>::new());
        let tls = config.tls.expect("it is asked for");
        let need = ClientAuth::Need { trust_store: String::from("/t.pem") };
        assert_eq!((tls.plain, tls.client_auth), (PlainPort::None, need));
        assert_eq!((tls.key_store.as_str(), tls.checks_address), ("/k.pem", false));
        assert_eq!(tls.versions.len(), 2);
    }

    #[test]
    fn the_keys_are_those_of_java() {
        let text = "dataDir=/d\nclientPort=1\nsecureClientPort=2\nsecureClientPortAddress=[::1]\n\
            zookeeper.ssl.keyStore.location=/k\nssl.keyStore.type=pem\nssl.clientAuth=WANT\n\
            ssl.trustStore.location=/t\nssl.trustStore.type=PEM\nssl.trustStore.password=x\n\
            zookeeper.client.portUnification=true\nssl.clientHostnameVerification=true\n\
            ssl.enabledProtocols=TLSv1.3\nssl.ciphersuites=A, B\nssl.authProvider=x509\n\
            ssl.crl=false\nsslQuorum=false\n\
            zookeeper.X509AuthenticationProvider.superUser=CN=boss\n";
        let config = parse(text).expect("all of it is known");
        let warning =
            "line 10: ssl.trustStore.password is not used: PEM is read without a password";
        assert_eq!(config.warnings, [warning]);
        assert_eq!(config.core.proofs.x509_super.as_deref(), Some("CN=boss"));
        let tls = config.tls.expect("it is asked for");
        assert_eq!(tls.addr.map(|addr| addr.to_string()).as_deref(), Some("[::1]:2"));
        assert_eq!((tls.plain, tls.checks_address), (PlainPort::Unified, true));
        assert_eq!(tls.client_auth, ClientAuth::Want { trust_store: String::from("/t") });
        assert_eq!(tls.versions, SortedSet::from([TlsVersion::V1_3]));
        assert_eq!(tls.cipher_suites, Some(vec![String::from("A"), String::from("B")]));
        let open = format!("{SECURE}clientPort=1\nssl.clientAuth=none\nssl.protocol=TLSv1.2\n");
        let open = tls_of_none(&open);
        assert_eq!((open.client_auth, open.plain), (ClientAuth::None, PlainPort::Plain));
        assert_eq!(open.versions, SortedSet::from([TlsVersion::V1_2]));
        let unused = parse("dataDir=/d\nclientPort=1\nssl.keyStore.location=/k.jks\n");
        let unused = unused.expect("nobody reads it");
        assert_eq!((unused.tls, unused.warnings), (None, Vec::new()));
        assert!(!unused.core.rules.names_x509);
    }

    fn tls_of_none(text: &str) -> Tls {
        tls(&text.replace("ssl.trustStore.location=/t.pem\n", ""))
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let cases = [
            ("ssl.crl=true", "line 5: ssl.crl=true: revoked certificates are not looked up"),
            (
                "sslQuorum=true",
                "line 5: sslQuorum=true: connections between servers are never encrypted",
            ),
            ("ssl.clientAuth=maybe", "line 5: ssl.clientAuth=maybe: expected need, want or none"),
            ("ssl.keyStore.type=zip", "line 5: ssl.keyStore.type=zip: expected PEM"),
            (
                "ssl.enabledProtocols=SSLv3",
                "line 5: ssl.enabledProtocols=SSLv3: expected TLSv1.2, TLSv1.3 or both",
            ),
            (
                "ssl.authProvider=own",
                "line 5: ssl.authProvider=own: certificates name identities of x509 and no others",
            ),
            ("secureClientPort=0", "line 5: secureClientPort=0: expected 1 to 65535"),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(&format!("{SECURE}{line}\n")).expect_err(line), expected);
        }
        let jks = parse(&SECURE.replace("/k.pem", "/k.jks")).expect_err("it is JKS");
        assert_eq!(jks, format!("line 3: ssl.keyStore.location=/k.jks: {CONVERT_JKS}"));
        let p12 =
            parse(&format!("{SECURE}ssl.trustStore.type=PKCS12\n")).expect_err("it is PKCS12");
        assert_eq!(p12, format!("line 5: ssl.trustStore.type=PKCS12: {CONVERT_PKCS12}"));
        let no_ending = parse(&SECURE.replace("/k.pem", "/keys")).expect_err("what is it?");
        assert_eq!(
            no_ending,
            "line 3: ssl.keyStore.location=/keys: expected a name that ends in .pem, or the type PEM"
        );
        for key in ["ssl.keyStore.location", "ssl.trustStore.location"] {
            let without = SECURE.replace(key, "unknown");
            assert_eq!(parse(&without).expect_err(key), format!("{key} is missing"));
        }
        let address = "dataDir=/d\nclientPort=1\nsecureClientPortAddress=::1\n";
        assert_eq!(parse(address).expect_err("no port"), "secureClientPort is missing");
    }
}
