//! The names of the files in the two folders, and what a name says.
//!
//! Not here: what is in the files. Source: `Util.getZxidFromName`, `AtomicFileOutputStream`.

use alloc::format;
use alloc::string::String;

use super::epoch::{ACCEPTED_EPOCH, CURRENT_EPOCH};
use crate::config::dynamic::STATIC_FILE;
use crate::types::Zxid;

/// Begins the name of the marker behind which a snapshot replaces everything.
const SYNCING_PREFIX: &str = "syncing.";
/// Begins the name of the marker behind which the history is cut.
const TRUNCATING_PREFIX: &str = "truncating.";
/// Begins the name of an unfinished snapshot. It does not begin with `snapshot.`, because Java
/// would take such a name for a snapshot whatever it ends in.
const TMP_PREFIX: &str = "tmp.snapshot.";
/// Ends the name of an unfinished epoch file; Java uses the same.
const TMP_SUFFIX: &str = ".tmp";

/// Which folder a file is in: `dataDir` or `dataLogDir`, each with `version-2`, or that of the
/// configuration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Folder {
    /// Snapshots, epoch files and markers.
    Data,
    /// Transaction logs.
    Log,
    /// `zoo.cfg` and the files of the dynamic configuration beside it.
    Config,
}

impl Folder {
    /// Where a file of this name belongs. A driver whose two folders are the same one lists it
    /// once and asks here.
    pub fn of(name: &str) -> Folder {
        if name.starts_with("log.") { Folder::Log } else { Folder::Data }
    }
}

/// A file, by folder and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct FileId {
    /// Its folder.
    pub folder: Folder,
    /// Its name without the folder.
    pub name: String,
}

impl FileId {
    /// The first record of the log that this is, if it is one.
    pub fn log_start(&self) -> Option<Zxid> {
        match Kind::of(&self.name) {
            Kind::Log(zxid) => Some(zxid),
            _ => None,
        }
    }

    /// The last transaction in the snapshot that this is, if it is one.
    pub fn snapshot_end(&self) -> Option<Zxid> {
        match Kind::of(&self.name) {
            Kind::Snapshot(zxid) => Some(zxid),
            _ => None,
        }
    }

    /// `zoo.cfg`, or a file whose name is that and `suffix`. The driver knows the real name.
    pub fn config(suffix: &str) -> FileId {
        FileId { folder: Folder::Config, name: format!("{STATIC_FILE}{suffix}") }
    }

    fn data(name: impl Into<String>) -> FileId {
        FileId { folder: Folder::Data, name: name.into() }
    }

    /// The snapshot of this zxid.
    pub(super) fn snapshot(zxid: Zxid) -> FileId {
        FileId::data(format!("snapshot.{:x}", zxid.0))
    }

    /// The same while it is being written.
    pub(super) fn snapshot_tmp(zxid: Zxid) -> FileId {
        FileId::data(format!("{TMP_PREFIX}{:x}", zxid.0))
    }

    /// The marker of an installation.
    pub(super) fn syncing(zxid: Zxid) -> FileId {
        FileId::data(format!("{SYNCING_PREFIX}{:x}", zxid.0))
    }

    /// The marker of a cut.
    pub(super) fn truncating(zxid: Zxid) -> FileId {
        FileId::data(format!("{TRUNCATING_PREFIX}{:x}", zxid.0))
    }

    /// An epoch file while it is being written.
    pub(super) fn epoch_tmp(name: &str) -> FileId {
        FileId::data(format!("{name}{TMP_SUFFIX}"))
    }

    /// The log whose first record is this one.
    pub(super) fn log(zxid: Zxid) -> FileId {
        FileId { folder: Folder::Log, name: format!("log.{:x}", zxid.0) }
    }
}

impl core::fmt::Display for FileId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.name)
    }
}

/// What a name in the two folders means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Snapshot(Zxid),
    Log(Zxid),
    AcceptedEpoch,
    CurrentEpoch,
    Syncing(Zxid),
    Truncating(Zxid),
    /// Left over from an interrupted write.
    Temporary,
    /// Not ours.
    Other,
}

impl Kind {
    pub(super) fn of(name: &str) -> Kind {
        if name == ACCEPTED_EPOCH {
            return Kind::AcceptedEpoch;
        }
        if name == CURRENT_EPOCH {
            return Kind::CurrentEpoch;
        }
        let epoch_tmp = name.strip_suffix(TMP_SUFFIX);
        if epoch_tmp.is_some_and(|name| name == ACCEPTED_EPOCH || name == CURRENT_EPOCH) {
            return Kind::Temporary;
        }
        if name.starts_with(TMP_PREFIX) {
            return Kind::Temporary;
        }
        let zxid = |prefix| name.strip_prefix(prefix).and_then(parse_hex);
        if let Some(zxid) = zxid("log.") {
            return Kind::Log(zxid);
        }
        if let Some(zxid) = zxid(SYNCING_PREFIX) {
            return Kind::Syncing(zxid);
        }
        if let Some(zxid) = zxid(TRUNCATING_PREFIX) {
            return Kind::Truncating(zxid);
        }
        let packed = name.strip_suffix(".gz").or(name.strip_suffix(".snappy")).unwrap_or(name);
        match packed.strip_prefix("snapshot.").and_then(parse_hex) {
            Some(zxid) => Kind::Snapshot(zxid),
            None => Kind::Other,
        }
    }
}

/// A number as it stands in names: hexadecimal digits only.
fn parse_hex(digits: &str) -> Option<Zxid> {
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, 16).ok().map(Zxid)
}
