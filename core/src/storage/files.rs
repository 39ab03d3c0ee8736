//! Which files there are, and the order of operations that makes a change to them durable.
//!
//! [`Files`] plans; a driver runs each [`FileOp`] to its end before the next one, on a real disk
//! or a simulated one. After a crash in front of any operation, [`super::recover()`] finds the
//! state before the change or the state after it. Not here: reading and checking what a disk
//! holds (see [`super::recover()`]), threads, descriptors.
//!
//! Source: `FileTxnLog`, `FileTxnSnapLog`, `AtomicFileOutputStream`. Unlike Java: a transaction's
//! folder entry is synced before it counts; a cut is synced (M47); TRUNC and SNAP happen behind a
//! marker, so that no old record is ever replayed on top of a newer snapshot (ZOOKEEPER-2832).

use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

use super::epoch::{self, ACCEPTED_EPOCH, CURRENT_EPOCH};
use super::names::{FileId, Folder};
use super::recover::{self, RecoverError};
use super::{Write, config, snapshot, txnlog};
use crate::limits;
use crate::sorted::SortedSet;
use crate::tree::Database;
use crate::types::{Epoch, Epochs, Zxid};

/// The log is extended when fewer than this many bytes are left (as in Java).
const PREALLOCATE_MARGIN: u64 = 4096;
/// One operation on one file; each is done before the next begins.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum FileOp {
    /// Make it, empty; an old one of this name is emptied.
    Create(FileId),
    /// Write at this offset; the file grows as needed.
    WriteAt(FileId, u64, Bytes),
    /// Set its length; new bytes are zero.
    SetLen(FileId, u64),
    /// Make its content durable.
    Sync(FileId),
    /// Give it another name in the same folder, over any file of that name.
    Rename(FileId, String),
    /// Remove it.
    Remove(FileId),
    /// Make creations, renames and removals in this folder durable.
    SyncFolder(Folder),
}

/// A file could not be read. The driver says why, in words.
#[derive(Clone, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// What the system said.
    pub message: String,
}

/// How a driver reads a whole file. A name that ends in `.gz` or `.snappy` gives what it unpacks
/// to.
pub type ReadFile<'a> = dyn FnMut(&FileId) -> Result<Bytes, ReadError> + 'a;

/// What of the writing may be configured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct FilesConfig {
    /// A log is extended by this many bytes ahead of writing; 0 for never.
    pub preallocate: u64,
}

impl Default for FilesConfig {
    fn default() -> Self {
        FilesConfig { preallocate: limits::LOG_PREALLOCATE }
    }
}

/// Why a change cannot be made. The server must stop: what it holds in memory and what the disk
/// holds would part.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A record does not come after the last one.
    #[error("transaction {zxid} does not come after {last}")]
    OutOfOrder {
        /// The last one in the log.
        last: Zxid,
        /// The one to append.
        zxid: Zxid,
    },
    /// A record is too long for the length field of the log.
    #[error("transaction {zxid} is {length} bytes long")]
    RecordTooLong {
        /// Which one.
        zxid: Zxid,
        /// Its length in bytes.
        length: usize,
    },
    /// An epoch would fall, or currentEpoch would rise above acceptedEpoch.
    #[error("accepted epoch {} and current epoch {} may not become {} and {}",
        have.accepted, have.current, want.accepted, want.current)]
    EpochOrder {
        /// Before the change.
        have: Epochs,
        /// After it.
        want: Epochs,
    },
    /// The configuration cannot be written, because `zoo.cfg` cannot be read.
    #[error("cannot write the configuration: {why}")]
    Config {
        /// What reading it gave.
        why: String,
    },
    /// The history cannot be cut there (ZOOKEEPER-3701): the transaction is not in it, or what
    /// would remain is damaged.
    #[error("cannot truncate after {after}: {why}")]
    Truncate {
        /// The last transaction that should stay.
        after: Zxid,
        /// What reading the rest gave.
        why: RecoverError,
    },
}

/// What the writer must know of the files. Made by [`super::recover()`], one for each start.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Files {
    config: FilesConfig,
    listing: Listing,
    epochs: Epochs,
    /// The last transaction in log and snapshots.
    last_zxid: Zxid,
    /// The log that takes the next record. A file that was there before the start never is.
    writer: Option<LogWriter>,
    /// The log that holds records which no sync has followed yet.
    unsynced: Option<FileId>,
}

/// The files that hold transactions, in their order.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Default)]
pub(super) struct Listing {
    /// Snapshots by the zxid in their name.
    pub(super) snapshots: SortedSet<(Zxid, FileId)>,
    /// Logs by the zxid in their name, that of their first record.
    pub(super) logs: SortedSet<(Zxid, FileId)>,
}

#[derive(Clone, PartialEq, Eq, Debug, Hash)]
struct LogWriter {
    file: FileId,
    /// Where the next record goes.
    end: u64,
    /// The file's length with what is preallocated.
    allocated: u64,
}

impl Files {
    pub(super) fn new(
        config: FilesConfig,
        listing: Listing,
        epochs: Epochs,
        last_zxid: Zxid,
    ) -> Files {
        Files { config, listing, epochs, last_zxid, writer: None, unsynced: None }
    }

    /// Adds to `ops` what makes `write` real. What is appended becomes durable by the next
    /// [`Files::sync`]; every other write is durable once its operations have run.
    ///
    /// All operations planned before must have run when a `Truncate`, a `SetNextConfig` or a
    /// `SetConfig` is planned, because they read files. And since the operations of a `Truncate` or
    /// `InstallSnapshot` remove files, no background snapshot (see [`snapshot_ops`]) may be under
    /// way while they run: the driver waits for its end and calls [`Files::snapshot_taken`] first.
    ///
    /// # Errors
    /// [`WriteError`]; nothing was added to `ops` then, and the server must stop.
    pub fn plan(
        &mut self,
        write: &Write,
        read: &mut ReadFile<'_>,
        ops: &mut Vec<FileOp>,
    ) -> Result<(), WriteError> {
        match write {
            Write::Append { zxid, record } => self.append(*zxid, record, ops),
            Write::Truncate { after } => self.truncate(*after, read, ops),
            Write::SetAcceptedEpoch(accepted) => {
                self.set_epochs(Epochs { accepted: *accepted, ..self.epochs }, ops)
            }
            Write::SetCurrentEpoch(current) => {
                self.set_epochs(Epochs { current: *current, ..self.epochs }, ops)
            }
            Write::InstallSnapshot { state } => {
                self.install(state, ops);
                Ok(())
            }
            Write::SetNextConfig(next) => {
                config::next_ops(next.as_ref(), read, ops);
                Ok(())
            }
            Write::SetConfig(config) => config::in_force_ops(config, read, ops),
        }
    }

    /// Adds to `ops` what makes everything planned so far durable: the end of a batch.
    pub fn sync(&mut self, ops: &mut Vec<FileOp>) {
        if let Some(log) = self.unsynced.take() {
            ops.push(FileOp::Sync(log));
        }
    }

    /// Notes that the operations of [`snapshot_ops`] have run: the next record begins a new log.
    pub fn snapshot_taken(&mut self, zxid: Zxid) {
        self.listing.snapshots.insert((zxid, FileId::snapshot(zxid)));
        self.writer = None;
    }

    /// The last transaction that was planned or found.
    pub fn last_zxid(&self) -> Zxid {
        self.last_zxid
    }

    /// Both epochs as planned or found.
    pub fn epochs(&self) -> Epochs {
        self.epochs
    }

    fn append(
        &mut self,
        zxid: Zxid,
        record: &Bytes,
        ops: &mut Vec<FileOp>,
    ) -> Result<(), WriteError> {
        if zxid <= self.last_zxid {
            return Err(WriteError::OutOfOrder { last: self.last_zxid, zxid });
        }
        if i32::try_from(record.len()).is_err() {
            return Err(WriteError::RecordTooLong { zxid, length: record.len() });
        }
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.create_log(zxid, ops),
        };
        let framed = txnlog::encode_record(record);
        let end = writer.end + framed.len() as u64;
        let preallocate = self.config.preallocate;
        if preallocate > 0 && end + PREALLOCATE_MARGIN >= writer.allocated {
            let steps = (end + PREALLOCATE_MARGIN) / preallocate + 1;
            writer.allocated = txnlog::HEADER_LEN + steps * preallocate;
            ops.push(FileOp::SetLen(writer.file.clone(), writer.allocated));
        }
        ops.push(FileOp::WriteAt(writer.file.clone(), writer.end, framed));
        writer.end = end;
        self.unsynced = Some(writer.file.clone());
        self.writer = Some(writer);
        self.last_zxid = zxid;
        Ok(())
    }

    /// A new log with its header. Its name is durable before its first record is written, so
    /// that a record never counts in a file that a crash could make disappear.
    fn create_log(&mut self, zxid: Zxid, ops: &mut Vec<FileOp>) -> LogWriter {
        self.sync(ops);
        let file = FileId::log(zxid);
        ops.push(FileOp::Create(file.clone()));
        ops.push(FileOp::WriteAt(file.clone(), 0, txnlog::encode_header()));
        ops.push(FileOp::SyncFolder(Folder::Log));
        self.listing.logs.insert((zxid, file.clone()));
        LogWriter { file, end: txnlog::HEADER_LEN, allocated: txnlog::HEADER_LEN }
    }

    fn set_epochs(&mut self, want: Epochs, ops: &mut Vec<FileOp>) -> Result<(), WriteError> {
        let have = self.epochs;
        let falls = want.accepted < have.accepted || want.current < have.current;
        if falls || want.current > want.accepted {
            return Err(WriteError::EpochOrder { have, want });
        }
        // The history comes before the epoch that claims it (ZOOKEEPER-4643).
        self.sync(ops);
        if want.accepted != have.accepted {
            epoch_ops(ACCEPTED_EPOCH, want.accepted, ops);
        }
        if want.current != have.current {
            epoch_ops(CURRENT_EPOCH, want.current, ops);
        }
        self.epochs = want;
        Ok(())
    }

    fn truncate(
        &mut self,
        after: Zxid,
        read: &mut ReadFile<'_>,
        ops: &mut Vec<FileOp>,
    ) -> Result<(), WriteError> {
        // Reading all that will remain proves that a start will succeed on it.
        let loaded = recover::load(&self.listing, Some(after), read)
            .map_err(|why| WriteError::Truncate { after, why })?;
        self.sync(ops);
        ops.push(FileOp::Create(FileId::truncating(after)));
        ops.push(FileOp::SyncFolder(Folder::Data));
        self.listing.finish_truncate(after, &loaded.cuts, ops);
        self.writer = None;
        self.last_zxid = after;
        Ok(())
    }

    fn install(&mut self, state: &Database, ops: &mut Vec<FileOp>) {
        let zxid = state.last_zxid;
        self.sync(ops);
        ops.extend(snapshot_tmp_ops(state));
        // The marker is made only when the snapshot is whole and durable under its temporary
        // name; from then on a start finishes the installation.
        ops.push(FileOp::SyncFolder(Folder::Data));
        ops.push(FileOp::Create(FileId::syncing(zxid)));
        ops.push(FileOp::SyncFolder(Folder::Data));
        ops.push(rename_tmp(zxid));
        self.listing.finish_install(zxid, ops);
        self.writer = None;
        self.last_zxid = zxid;
    }
}

impl Listing {
    /// What a cut does once its marker is durable; recovery does the same.
    ///
    /// Newest first, so that even a reader that does not know the marker finds a prefix.
    pub(super) fn finish_truncate(
        &mut self,
        after: Zxid,
        cuts: &[(FileId, u64)],
        ops: &mut Vec<FileOp>,
    ) {
        remove_if(&mut self.snapshots, |zxid| zxid > after, ops);
        ops.push(FileOp::SyncFolder(Folder::Data));
        remove_if(&mut self.logs, |zxid| zxid > after, ops);
        ops.push(FileOp::SyncFolder(Folder::Log));
        self.cut(cuts, ops);
        ops.push(FileOp::Remove(FileId::truncating(after)));
        ops.push(FileOp::SyncFolder(Folder::Data));
    }

    /// What an installation does once the snapshot has its name; recovery does the same.
    ///
    /// Old logs and snapshots are removed, not renamed: a leader has overruled them, and files
    /// under other names would only wait for somebody to clean up.
    pub(super) fn finish_install(&mut self, zxid: Zxid, ops: &mut Vec<FileOp>) {
        let file = FileId::snapshot(zxid);
        ops.push(FileOp::SyncFolder(Folder::Data));
        remove_if(&mut self.logs, |_| true, ops);
        ops.push(FileOp::SyncFolder(Folder::Log));
        self.snapshots.remove(&(zxid, file.clone()));
        remove_if(&mut self.snapshots, |_| true, ops);
        self.snapshots.insert((zxid, file));
        ops.push(FileOp::SyncFolder(Folder::Data));
        ops.push(FileOp::Remove(FileId::syncing(zxid)));
        ops.push(FileOp::SyncFolder(Folder::Data));
    }

    /// Cuts logs at exact bytes; a log of which nothing is left goes.
    pub(super) fn cut(&mut self, cuts: &[(FileId, u64)], ops: &mut Vec<FileOp>) {
        for (file, length) in cuts {
            if *length > txnlog::HEADER_LEN {
                ops.push(FileOp::SetLen(file.clone(), *length));
                ops.push(FileOp::Sync(file.clone()));
            } else {
                self.logs.retain(|(_, log)| log != file);
                ops.push(FileOp::Remove(file.clone()));
                ops.push(FileOp::SyncFolder(Folder::Log));
            }
        }
    }
}

/// What makes `state` a durable snapshot; needs nothing of [`Files`], so that it can run beside
/// the log. The file's bytes are made as the operations are taken, a piece at a time.
///
/// The transactions in `state` should be durable: else a crash could leave a snapshot that is
/// ahead of the log, and the history could not be cut at what the log lost.
pub fn snapshot_ops(state: &Database) -> impl Iterator<Item = FileOp> + '_ {
    let last = [rename_tmp(state.last_zxid), FileOp::SyncFolder(Folder::Data)];
    snapshot_tmp_ops(state).chain(last)
}

fn snapshot_tmp_ops(state: &Database) -> impl Iterator<Item = FileOp> + '_ {
    let file = FileId::snapshot_tmp(state.last_zxid);
    let create = FileOp::Create(file.clone());
    let sync = FileOp::Sync(file.clone());
    let writes = snapshot::encode_file(state).scan(0, move |offset, piece| {
        let at = *offset;
        *offset += piece.len() as u64;
        Some(FileOp::WriteAt(file.clone(), at, piece))
    });
    [create].into_iter().chain(writes).chain([sync])
}

fn rename_tmp(zxid: Zxid) -> FileOp {
    FileOp::Rename(FileId::snapshot_tmp(zxid), FileId::snapshot(zxid).name)
}

/// Replaces an epoch file in one step: temporary file, sync, rename, folder.
pub(super) fn epoch_ops(name: &str, epoch: Epoch, ops: &mut Vec<FileOp>) {
    let tmp = FileId::epoch_tmp(name);
    ops.push(FileOp::Create(tmp.clone()));
    ops.push(FileOp::WriteAt(tmp.clone(), 0, epoch::encode(epoch)));
    ops.push(FileOp::Sync(tmp.clone()));
    ops.push(FileOp::Rename(tmp, name.into()));
    ops.push(FileOp::SyncFolder(Folder::Data));
}

fn remove_if(
    files: &mut SortedSet<(Zxid, FileId)>,
    goes: impl Fn(Zxid) -> bool,
    ops: &mut Vec<FileOp>,
) {
    for (_, file) in files.iter().rev().filter(|(zxid, _)| goes(*zxid)) {
        ops.push(FileOp::Remove(file.clone()));
    }
    files.retain(|(zxid, _)| !goes(*zxid));
}
