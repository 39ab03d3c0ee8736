//! The keys that bound what a client may send, and how long it may send nothing.

use alloc::format;

use super::ConfigError;
use super::zoo_cfg::Keys;
use crate::limits::{CLIENT_SILENCE_MAX_MS, JUTE_MAX_BUFFER, JUTE_MAX_BUFFER_MAX};

/// The greatest `nio.sessionlessCnxnTimeout`, in ms: a day.
const SILENCE_MS_MAX: i64 = 24 * 3_600_000;

impl Keys {
    /// `jute.maxbuffer`, in Java a system property: what is more than can be served is cut down.
    pub(super) fn jute_max_buffer(&mut self) -> Result<usize, ConfigError> {
        let given = self.integer("jute.maxbuffer", 1..=i64::from(i32::MAX))?;
        let bytes = given.map_or(JUTE_MAX_BUFFER, |bytes| bytes.unsigned_abs() as usize);
        if bytes > JUTE_MAX_BUFFER_MAX {
            self.warn(format!("jute.maxbuffer is at most {JUTE_MAX_BUFFER_MAX} here"));
        }
        Ok(bytes.min(JUTE_MAX_BUFFER_MAX))
    }

    pub(super) fn silence_max_ms(&mut self) -> Result<u64, ConfigError> {
        let given = self.integer("nio.sessionlessCnxnTimeout", 1..=SILENCE_MS_MAX)?;
        Ok(given.map_or(CLIENT_SILENCE_MAX_MS, i64::unsigned_abs))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::ServerConfig;

    fn parse(more: &str) -> ServerConfig {
        let text = format!("dataDir=/d\nclientPort=1\n{more}");
        ServerConfig::parse(&text, None).expect("the text is accepted")
    }

    #[test]
    fn a_frame_and_a_silence_have_limits() {
        let usual = parse("");
        assert_eq!((usual.core.jute_max_buffer, usual.silence_max_ms), (1_048_575, 10_000));
        let own = parse("jute.maxbuffer=4096\nzookeeper.nio.sessionlessCnxnTimeout=500\n");
        assert_eq!((own.core.jute_max_buffer, own.silence_max_ms), (4096, 500));
        assert_eq!(own.warnings, Vec::<String>::new());
        let large = parse("jute.maxbuffer=104857600\n");
        assert_eq!(large.core.jute_max_buffer, 48 << 20);
        assert_eq!(large.warnings, ["jute.maxbuffer is at most 50331648 here"]);
    }

    #[test]
    fn several_users_of_sasl_may_be_super() {
        let config = parse("superUser=a\nsuperUser.1=b\nzookeeper.superUser.x=c\n");
        let supers: Vec<&String> = config.core.proofs.sasl_supers.iter().collect();
        assert_eq!(supers, ["a", "b", "c"]);
        assert!(parse("DigestAuthenticationProvider.enabled=false\n").core.rules.without_digest);
    }
}
