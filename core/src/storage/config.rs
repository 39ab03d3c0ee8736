//! The order of operations that makes a change of the configuration durable.
//!
//! The new dynamic file is there before `zoo.cfg` names it, and the proposed one goes last: a start
//! in between knows both, and asks for quorums of both. Source: Java's `setLastSeenQuorumVerifier`,
//! `setQuorumVerifier`. Unlike Java: folders are synced, and a failed write stops the server.

use alloc::string::ToString;
use alloc::vec::Vec;
use bytes::Bytes;

use super::files::{FileOp, ReadFile, WriteError};
use super::{ConfigInForce, FileId, Folder};
use crate::config::{Ensemble, dynamic};

/// Replaces the proposed configuration, or removes it.
pub(super) fn next_ops(next: Option<&Ensemble>, read: &mut ReadFile<'_>, ops: &mut Vec<FileOp>) {
    match next {
        Some(next) => {
            let text = dynamic::text(next, true);
            replace(dynamic::NEXT_SUFFIX, Bytes::from(text), ops);
        }
        None => remove_next(read, ops),
    }
}

/// Writes the configuration, lets `zoo.cfg` name it, and removes the proposed one.
///
/// # Errors
/// [`WriteError::Config`] if there is no `zoo.cfg` that could be read.
pub(super) fn in_force_ops(
    config: &ConfigInForce,
    read: &mut ReadFile<'_>,
    ops: &mut Vec<FileOp>,
) -> Result<(), WriteError> {
    let unreadable = |why: &dyn ToString| WriteError::Config { why: why.to_string() };
    let before = read(&FileId::config("")).map_err(|error| unreadable(&error))?;
    let before = core::str::from_utf8(&before).map_err(|error| unreadable(&error))?;
    let ConfigInForce { ensemble, me, file } = config;
    let suffix = dynamic::suffix(ensemble.version);
    let path = alloc::format!("{file}{suffix}");
    let after = dynamic::point_to(before, &path, *me, ensemble);
    let after = after.map_err(|error| unreadable(&error))?;
    replace(&suffix, Bytes::from(dynamic::text(ensemble, false)), ops);
    replace("", Bytes::from(after), ops);
    remove_next(read, ops);
    Ok(())
}

fn replace(suffix: &str, content: Bytes, ops: &mut Vec<FileOp>) {
    let tmp = FileId::config(&alloc::format!("{suffix}.tmp"));
    ops.push(FileOp::Create(tmp.clone()));
    ops.push(FileOp::WriteAt(tmp.clone(), 0, content));
    ops.push(FileOp::Sync(tmp.clone()));
    ops.push(FileOp::Rename(tmp, FileId::config(suffix).name));
    ops.push(FileOp::SyncFolder(Folder::Config));
}

fn remove_next(read: &mut ReadFile<'_>, ops: &mut Vec<FileOp>) {
    let next = FileId::config(dynamic::NEXT_SUFFIX);
    if read(&next).is_ok() {
        ops.push(FileOp::Remove(next));
        ops.push(FileOp::SyncFolder(Folder::Config));
    }
}
