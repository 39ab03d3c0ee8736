//! The keys that say how clients prove who they are.
//!
//! Source: Java's `ProviderRegistry`, `AuthenticationHelper`, `ZooKeeperSaslServer`.

use alloc::string::String;

use super::zoo_cfg::Keys;
use super::{ConfigError, Proofs};
use crate::sorted::SortedSet;

/// The key of the JAAS file, in Java a system property.
pub(super) const JAAS_FILE: &str = "java.security.auth.login.config";
/// The class of an `authProvider.N` that brings SASL.
pub(super) const SASL_PROVIDER: &str = ".SASLAuthenticationProvider";
/// The class of an `authProvider.N` that brings certificates; a secure port brings it as well.
pub(super) const X509_PROVIDER: &str = ".X509AuthenticationProvider";

impl Keys {
    /// Whether an `authProvider.N` is of this class.
    pub(super) fn provider(&mut self, class: &str) -> bool {
        let before = self.properties.len();
        self.properties.retain(|key, property| {
            !(key.starts_with("authProvider.") && property.value.ends_with(class))
        });
        self.properties.len() < before
    }

    /// The JAAS file, and the section of servers in it.
    pub(super) fn jaas(&mut self) -> Option<(String, String)> {
        let section = self.take("sasl.serverconfig").map(|property| property.value);
        let file = self.take(JAAS_FILE)?.value;
        Some((file, section.unwrap_or_else(|| String::from("Server"))))
    }

    pub(super) fn proofs(&mut self) -> Result<Proofs, ConfigError> {
        let mut required_schemes = SortedSet::new();
        let schemes = self.take("enforce.auth.schemes");
        if self.boolean("enforce.auth.enabled", false)? {
            let schemes = schemes.ok_or(ConfigError::Missing { key: "enforce.auth.schemes" })?;
            required_schemes.extend(schemes.value.split(',').map(|scheme| scheme.trim().into()));
        }
        if self.boolean("sessionRequireClientSASLAuth", false)? {
            required_schemes.insert(String::from("sasl"));
        }
        Ok(Proofs {
            sasl_users: None,
            sasl_supers: self.sasl_supers(),
            x509_super: self
                .take("X509AuthenticationProvider.superUser")
                .map(|property| property.value),
            allows_failed_sasl: self.boolean("allowSaslFailedClients", false)?,
            required_schemes,
        })
    }

    fn sasl_supers(&mut self) -> SortedSet<String> {
        let mut supers = SortedSet::new();
        self.properties.retain(|key, property| {
            let is_one = key == "superUser" || key.starts_with("superUser.");
            if is_one {
                supers.insert(property.value.clone());
            }
            !is_one
        });
        supers
    }

    pub(super) fn super_digest(&mut self) -> Option<String> {
        let digest = self.take("DigestAuthenticationProvider.superDigest");
        digest.map(|property| property.value).filter(|digest| !digest.is_empty())
    }
}
