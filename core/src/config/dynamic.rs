//! The dynamic configuration: who is in the ensemble, in files of its own beside `zoo.cfg`.
//!
//! `zoo.cfg.dynamic.<version>` is the configuration in force; `zoo.cfg` names it in the line
//! `dynamicConfigFile`. `zoo.cfg.dynamic.next` is one that was proposed. Not here: in which order
//! they are written (see [`crate::storage::files`]), and the reading of files.
//! Source: Java's `QuorumPeerConfig.writeDynamicConfig`, `editStaticConfig`, `parse`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::properties::{self, Property};
use super::{ConfigError, Ensemble};
use crate::types::ServerId;

/// The name of the file that names the others. A driver may know it by another one.
pub const STATIC_FILE: &str = "zoo.cfg";
/// Ends the name of the proposed configuration.
pub const NEXT_SUFFIX: &str = ".dynamic.next";
/// The key in `zoo.cfg` whose value is the path of the dynamic file.
pub const DYNAMIC_KEY: &str = "dynamicConfigFile";

/// What the name of the file of this version ends in, behind that of `zoo.cfg`.
pub fn suffix(version: u64) -> String {
    format!(".dynamic.{version:x}")
}

/// The version in the name of a dynamic file, 0 if it has none.
pub fn version_of(path: &str) -> u64 {
    let digits = path.rsplit_once('.').map_or("", |(_, digits)| digits);
    let all_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(digits, 16).ok().filter(|_| all_hex).unwrap_or(0)
}

/// The value of `dynamicConfigFile` in a `zoo.cfg`, if it has that line.
///
/// # Errors
/// A text that is not of the properties form.
pub fn path_in(zoo_cfg: &str) -> Result<Option<String>, ConfigError> {
    let named = properties::parse(zoo_cfg)?.into_iter().rfind(|it| it.key == DYNAMIC_KEY);
    Ok(named.map(|property| property.value))
}

/// Reads a dynamic file, whose version is in its name.
///
/// # Errors
/// As [`Ensemble::parse`], and for any key that is none of an ensemble: a version inside, too.
pub fn parse(text: &str, version: u64) -> Result<Ensemble, ConfigError> {
    let foreign = |property: &Property| !is_dynamic(&property.key);
    if let Some(Property { key, line, .. }) = properties::parse(text)?.into_iter().find(foreign) {
        return Err(ConfigError::NotDynamic { key, line });
    }
    Ok(Ensemble { version, ..Ensemble::parse(text)? })
}

/// Reads the members that a request names; a version in it counts for nothing.
///
/// # Errors
/// As [`parse`], but for the version.
pub fn parse_members(text: &str) -> Result<Ensemble, ConfigError> {
    let foreign = |property: &Property| !is_dynamic(&property.key) && property.key != "version";
    if let Some(Property { key, line, .. }) = properties::parse(text)?.into_iter().find(foreign) {
        return Err(ConfigError::NotDynamic { key, line });
    }
    Ensemble::parse(text)
}

/// The lines of a dynamic file in the order of Java's, which is that of the text; the proposed
/// one has its version inside. No newline at the end.
pub fn text(ensemble: &Ensemble, with_version: bool) -> String {
    let whole = ensemble.to_text();
    let is_kept = |line: &&str| with_version || !line.starts_with("version=");
    let mut lines: Vec<&str> = whole.lines().filter(is_kept).collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// A `zoo.cfg` whose dynamic file is at `path`: without what is in that file, and without the
/// client port if the line of `me` has it. Comments and all other lines stay.
///
/// # Errors
/// A text that is not of the properties form.
pub fn point_to(
    zoo_cfg: &str,
    path: &str,
    me: ServerId,
    ensemble: &Ensemble,
) -> Result<String, ConfigError> {
    let has_client = ensemble.servers.get(&me).is_some_and(|entry| entry.client.is_some());
    let goes = |key: &str| {
        let is_client = key == "clientPort" || key == "clientPortAddress";
        is_dynamic(key) || key == DYNAMIC_KEY || key == "peerType" || (has_client && is_client)
    };
    let mut rest = properties::without(zoo_cfg, goes)?;
    if !rest.is_empty() && !rest.ends_with('\n') {
        rest.push('\n');
    }
    // A backslash escapes in this form.
    let path = path.replace('\\', "\\\\");
    rest.push_str(&format!("{DYNAMIC_KEY}={path}\n"));
    Ok(rest)
}

/// Whether a key says who is in the ensemble.
pub(super) fn is_dynamic(key: &str) -> bool {
    ["server.", "group.", "weight."].iter().any(|prefix| key.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "server.10=b:1:2:participant;0.0.0.0:3\n\
                        server.1=a:1:2:participant;0.0.0.0:3\n\
                        server.2=c:1:2:observer;0.0.0.0:3";

    #[test]
    fn a_dynamic_file_reads_back_with_the_version_in_its_name() {
        let ensemble = parse(TEXT, 0x1_0000_0003).expect("it is well formed");
        assert_eq!(text(&ensemble, false), TEXT);
        let next = text(&ensemble, true);
        assert!(next.ends_with("\nversion=100000003"), "{next}");
        assert_eq!(Ensemble::parse(&next), Ok(ensemble));
        assert_eq!(suffix(0x1_0000_0003), ".dynamic.100000003");
        assert_eq!(version_of("/etc/zoo.cfg.dynamic.100000003"), 0x1_0000_0003);
        assert_eq!(version_of("/etc/zoo.cfg.dynamic"), 0, "no version in the name");
    }

    #[test]
    fn a_dynamic_file_holds_nothing_else() {
        let error = parse("server.1=a:1:2;3\nversion=7", 7).expect_err("the name has it");
        assert_eq!(error, ConfigError::NotDynamic { key: "version".into(), line: 2 });
    }

    #[test]
    fn the_static_file_loses_what_the_dynamic_one_has() {
        let ensemble = parse(TEXT, 5).expect("it is well formed");
        let before = "# mine\ntickTime=2000\nserver.1=a:1:2\nserver.2=\\\n  b:1:2\n\
                      clientPort=3\ndynamicConfigFile=old\npeerType=observer\ndataDir=/d";
        let after = point_to(before, "/etc/z.dynamic.5", ServerId(1), &ensemble);
        let expected = "# mine\ntickTime=2000\ndataDir=/d\ndynamicConfigFile=/etc/z.dynamic.5\n";
        assert_eq!(after.as_deref(), Ok(expected));
        assert_eq!(path_in(expected), Ok(Some("/etc/z.dynamic.5".into())));
        let stranger = point_to("clientPort=3\n", "d", ServerId(7), &ensemble);
        assert_eq!(stranger.as_deref(), Ok("clientPort=3\ndynamicConfigFile=d\n"));
    }
}
