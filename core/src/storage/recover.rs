//! To be written.

use alloc::vec::Vec;

use super::Recovered;
use super::files::{FileId, FileOp, Files, FilesConfig, Listing, ReadFile};
use crate::types::Zxid;

/// Why a server must not start on this disk.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// There are transactions but no snapshot to apply them to (ZOOKEEPER-2325).
    #[error("no snapshot, but there are transactions in the log")]
    NoSnapshot,
}

/// A start's result.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// What the server begins with.
    pub recovered: Recovered,
    /// The writer for all that follows.
    pub files: Files,
    /// To be run before anything else: a torn tail is cut, an interrupted change finished, and
    /// what was read is synced, so that nothing is built on bytes that only a cache holds.
    pub repairs: Vec<FileOp>,
}

/// What the files hold.
pub(super) struct Loaded {
    pub(super) cuts: Vec<(FileId, u64)>,
}

/// Reads the disk as a start does. `files` are all files of both folders.
///
/// # Errors
/// [`RecoverError`]: the server must not start.
pub fn recover(
    _files: &[FileId],
    _read: &mut ReadFile<'_>,
    _config: FilesConfig,
) -> Result<Recovery, RecoverError> {
    Err(RecoverError::NoSnapshot)
}

pub(super) fn load(
    _listing: &Listing,
    _through: Option<Zxid>,
    _read: &mut ReadFile<'_>,
) -> Result<Loaded, RecoverError> {
    Err(RecoverError::NoSnapshot)
}
