//! What a start reads from the disk: the newest snapshot, the log behind it, both epochs.
//!
//! Only damage that an interrupted write explains is repaired; everything else is a reason not to
//! start, with file and offset. Not here: the writing (see [`super::files`]).
//! Source: `FileTxnSnapLog.restore`, `QuorumPeer.loadDataBase`. Unlike Java: a torn tail is told
//! from corruption, gaps are refused, a snapshot is needed even if it is empty (ZOOKEEPER-2325).

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

use super::Recovered;
use super::epoch::{self, ACCEPTED_EPOCH, CURRENT_EPOCH, EpochError};
use super::files::{
    FileOp, Files, FilesConfig, Listing, ReadError, ReadFile, epoch_ops, snapshot_ops,
};
use super::names::{FileId, Folder, Kind};
use super::snapshot::{self, Snapshot, SnapshotError};
use super::txnlog::{Corrupt, Next, Record, Scan};
use crate::limits::COMMITTED_LOG_LEN;
use crate::sorted::SortedSet;
use crate::tree::Database;
use crate::txn::LogRecord;
use crate::types::{Epoch, Epochs, Zxid};
use crate::wire::txn::{self, TxnError};

/// Why a server must not start on this disk.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// A log is in the snapshots' folder or a snapshot in the logs': the folders were mixed up.
    #[error("{file} is in the wrong one of the two folders")]
    Misplaced {
        /// Which.
        file: FileId,
    },
    /// A file could not be read.
    #[error("cannot read {file}: {error}")]
    Read {
        /// Which.
        file: FileId,
        /// Why.
        error: ReadError,
    },
    /// An epoch file is damaged.
    #[error("{file}: {error}")]
    BadEpoch {
        /// Which.
        file: FileId,
        /// What it holds.
        error: EpochError,
    },
    /// Two changes were interrupted; one alone can be.
    #[error("both {first} and {second} are there")]
    TwoMarkers {
        /// One marker.
        first: FileId,
        /// The other.
        second: FileId,
    },
    /// There is something, but no snapshot to begin with (ZOOKEEPER-2325).
    #[error("no snapshot to begin with, but there is {file}. Something is broken")]
    NoSnapshot {
        /// What there is: a log with transactions, an epoch file or a marker.
        file: FileId,
    },
    /// No snapshot is whole.
    #[error("no snapshot is whole; the newest, {file}: {error}")]
    NoValidSnapshot {
        /// The newest.
        file: FileId,
        /// What is wrong with it.
        error: SnapshotError,
    },
    /// A snapshot is damaged, and the log does not hold what it held.
    #[error("{file} is damaged, and the log ends at {last} without what it held: {error}")]
    SnapshotLost {
        /// Which.
        file: FileId,
        /// What is wrong with it.
        error: SnapshotError,
        /// How far the rest reaches.
        last: Zxid,
    },
    /// A log is damaged in a way that no interrupted write explains.
    #[error("{file} is corrupt {corrupt}")]
    CorruptLog {
        /// Which.
        file: FileId,
        /// Where, and what is wrong.
        corrupt: Corrupt,
    },
    /// A record is whole, but is no transaction.
    #[error("{file}, record {zxid} at byte {offset}: {error}")]
    BadTxn {
        /// In which log.
        file: FileId,
        /// Where it begins, in bytes.
        offset: u64,
        /// Which.
        zxid: Zxid,
        /// What is wrong.
        error: TxnError,
    },
    /// Transactions are missing, or in the wrong order.
    #[error("{file}, byte {offset}: {zxid} does not follow {last}")]
    Gap {
        /// In which log.
        file: FileId,
        /// Where the record begins, in bytes.
        offset: u64,
        /// The transaction before it.
        last: Zxid,
        /// Which it is.
        zxid: Zxid,
    },
    /// The history does not hold the transaction that it must end with.
    #[error("there is no {after}, the history ends at {last}")]
    NotFound {
        /// Which should be the last one.
        after: Zxid,
        /// The last one before it.
        last: Zxid,
    },
    /// The history is of a later epoch than the server ever promised.
    #[error("the last transaction is {last}, but the accepted epoch is {accepted}")]
    HistoryAhead {
        /// The last transaction.
        last: Zxid,
        /// `acceptedEpoch`.
        accepted: Epoch,
    },
    /// The adopted epoch is above the promised one.
    #[error("the current epoch {} is above the accepted epoch {}", epochs.current, epochs.accepted)]
    EpochOrder {
        /// Both.
        epochs: Epochs,
    },
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

/// Reads the disk as a start does. `files` are all files of both folders; those that are not
/// ours are passed over. No background snapshot may be under way.
///
/// # Errors
/// [`RecoverError`]: the server must not start.
pub fn recover(
    files: &[FileId],
    read: &mut ReadFile<'_>,
    config: FilesConfig,
) -> Result<Recovery, RecoverError> {
    let mut found = Found::sort(files)?;
    let accepted = read_epoch(found.accepted.as_ref(), read)?;
    let current = read_epoch(found.current.as_ref(), read)?;
    let loaded = match found.marker {
        Some(Marker::Truncating(after)) => load(&found.listing, Some(after), read)?,
        Some(Marker::Syncing(zxid)) => load(&found.installed(zxid)?, None, read)?,
        None if found.listing.snapshots.is_empty() => found.load_genesis(read)?,
        None => load(&found.listing, None, read)?,
    };
    let last = loaded.database.last_zxid;
    let epochs = check_epochs(accepted, current, last)?;
    let mut notes = loaded.notes.clone();
    let mut repairs = Vec::new();
    found.repair(&loaded, &mut repairs);
    // Written even where a missing file means the same: the next change of the history must not
    // make an epoch fall that was shown once.
    for (name, epoch, stored) in [
        (ACCEPTED_EPOCH, epochs.accepted, accepted.unwrap_or_default()),
        (CURRENT_EPOCH, epochs.current, current.unwrap_or_default()),
    ] {
        if epoch != stored {
            notes.push(format!("{name} set to {epoch}, the epoch of transaction {last}"));
            epoch_ops(name, epoch, &mut repairs);
        }
    }
    let oldest = found.listing.snapshots.first().map_or(Zxid::ZERO, |(zxid, _)| *zxid);
    let files = Files::new(config, found.listing, epochs, last);
    let recent = loaded.recent.into();
    let recovered = Recovered { database: loaded.database, epochs, recent, oldest, notes };
    Ok(Recovery { recovered, files, repairs })
}

/// What snapshots and logs give together.
pub(super) struct Loaded {
    database: Database,
    /// The newest transactions, at most [`COMMITTED_LOG_LEN`].
    recent: VecDeque<LogRecord>,
    notes: Vec<String>,
    /// Where logs must end: torn tails, and records after the last one that is wanted.
    pub(super) cuts: Vec<(FileId, u64)>,
    /// The files that were read.
    used: Vec<FileId>,
}

/// Loads the newest snapshot that is whole and replays the log behind it. With `through`, what
/// comes after that transaction is left out, and it must be the last one.
///
/// # Errors
/// [`RecoverError`].
pub(super) fn load(
    listing: &Listing,
    through: Option<Zxid>,
    read: &mut ReadFile<'_>,
) -> Result<Loaded, RecoverError> {
    let within = |zxid: Zxid| through.is_none_or(|through| zxid <= through);
    let mut replay = Replay::begin(listing, through, read)?;
    let base = replay.base;
    let logs: Vec<_> = listing.logs.iter().filter(|(zxid, _)| within(*zxid)).collect();
    // The newest log whose first record may be the one after the snapshot, and all later ones.
    let from = logs.iter().rposition(|(first, _)| first.0 <= base.0.saturating_add(1));
    for (_, file) in &logs[from.unwrap_or(0)..] {
        replay.log(file, read)?;
    }
    replay.end()
}

/// A replay under way.
struct Replay {
    loaded: Loaded,
    /// The zxid of the snapshot's name; the log is replayed from there.
    base: Zxid,
    through: Option<Zxid>,
    /// What the tree's digest must be once this transaction is applied.
    digest: Option<(Zxid, u64)>,
    /// Damaged snapshots newer than `base`, until their transaction is replayed.
    lost: Vec<(Zxid, FileId, SnapshotError)>,
}

impl Replay {
    fn begin(
        listing: &Listing,
        through: Option<Zxid>,
        read: &mut ReadFile<'_>,
    ) -> Result<Replay, RecoverError> {
        let mut lost = Vec::new();
        let mut notes = Vec::new();
        let newest_first = listing.snapshots.iter().rev();
        for (base, file) in newest_first.filter(|(zxid, _)| through.is_none_or(|t| *zxid <= t)) {
            match snapshot::decode_file(&read_file(file, read)?) {
                Ok(Snapshot { mut state, digest }) => {
                    state.last_zxid = *base;
                    let loaded = Loaded {
                        database: state,
                        recent: VecDeque::new(),
                        notes,
                        cuts: Vec::new(),
                        used: [file.clone()].into(),
                    };
                    lost.retain(|(zxid, _, _)| zxid > base);
                    let mut replay = Replay { loaded, base: *base, through, digest, lost };
                    replay.compare_digest();
                    return Ok(replay);
                }
                Err(error) => {
                    notes.push(format!("{file} is damaged and was passed over: {error}"));
                    lost.push((*base, file.clone(), error));
                }
            }
        }
        match (lost.into_iter().next(), through) {
            (Some((_, file, error)), _) => Err(RecoverError::NoValidSnapshot { file, error }),
            (None, Some(after)) => Err(RecoverError::NotFound { after, last: Zxid::ZERO }),
            (None, None) => unreachable!("the caller has a snapshot"),
        }
    }

    /// Replays one log.
    fn log(&mut self, file: &FileId, read: &mut ReadFile<'_>) -> Result<(), RecoverError> {
        let corrupt = |corrupt| RecoverError::CorruptLog { file: file.clone(), corrupt };
        let Some(mut scan) = Scan::open(read_file(file, read)?).map_err(corrupt)? else {
            self.loaded.cuts.push((file.clone(), 0));
            return Ok(());
        };
        let first = scan.offset();
        self.loaded.used.push(file.clone());
        loop {
            let end = scan.offset();
            let cut = match scan.next_record().map_err(corrupt)? {
                Next::Record(record) if self.through.is_some_and(|t| record.zxid > t) => true,
                Next::Record(record) => {
                    self.record(file, record)?;
                    continue;
                }
                Next::End => end == first || self.through.is_some(),
                Next::Torn(damage) => {
                    let note = format!("{file} was not written to its end ({damage})");
                    self.loaded.notes.push(format!("{note}; cut at byte {end}"));
                    true
                }
            };
            if cut {
                self.loaded.cuts.push((file.clone(), end));
            }
            return Ok(());
        }
    }

    fn record(&mut self, file: &FileId, record: Record) -> Result<(), RecoverError> {
        let Record { zxid, offset, txn } = record;
        if zxid <= self.base {
            return Ok(());
        }
        let last = self.loaded.database.last_zxid;
        if !zxid.follows(last) {
            return Err(RecoverError::Gap { file: file.clone(), offset, last, zxid });
        }
        // Copied, so that a record never keeps the memory of its whole log.
        let record = txn::decode(Bytes::copy_from_slice(&txn))
            .map_err(|error| RecoverError::BadTxn { file: file.clone(), offset, zxid, error })?;
        self.loaded.database.apply(&record.header, &record.txn);
        assert_eq!(self.loaded.database.last_zxid, zxid);
        self.lost.retain(|(lost, _, _)| *lost != zxid);
        self.compare_digest();
        if self.loaded.recent.len() == COMMITTED_LOG_LEN {
            self.loaded.recent.pop_front();
        }
        self.loaded.recent.push_back(record);
        Ok(())
    }

    fn end(self) -> Result<Loaded, RecoverError> {
        let Replay { mut loaded, base: _, through, digest: _, lost } = self;
        let last = loaded.database.last_zxid;
        if let Some(after) = through.filter(|after| *after != last) {
            return Err(RecoverError::NotFound { after, last });
        }
        // The zxid of a NEWLEADER proposal is in no log, so such a snapshot proves nothing.
        if let Some((_, file, error)) = lost.into_iter().find(|(zxid, _, _)| zxid.counter() != 0) {
            return Err(RecoverError::SnapshotLost { file, error, last });
        }
        let written = loaded.recent.back().and_then(|record| record.digest);
        let computed = loaded.database.tree.digest();
        if written.is_some_and(|written| written != computed) {
            loaded.notes.push(format!("the tree's digest at {last} is not that of the log"));
        }
        Ok(loaded)
    }

    /// As in Java a wrong digest is reported and nothing more: it may be the digest that is wrong.
    fn compare_digest(&mut self) {
        let database = &self.loaded.database;
        let Some((_, digest)) = self.digest.take_if(|(zxid, _)| *zxid <= database.last_zxid) else {
            return;
        };
        if digest != database.tree.digest() {
            let zxid = database.last_zxid;
            self.loaded.notes.push(format!("the tree's digest at {zxid} is not the snapshot's"));
        }
    }
}

/// A change that was interrupted.
#[derive(Clone, Copy)]
enum Marker {
    /// The snapshot of this zxid replaces everything.
    Syncing(Zxid),
    /// Nothing after this transaction stays.
    Truncating(Zxid),
}

/// What the two folders hold.
#[derive(Default)]
struct Found {
    listing: Listing,
    accepted: Option<FileId>,
    current: Option<FileId>,
    marker: Option<Marker>,
    temporary: SortedSet<FileId>,
}

impl Found {
    fn sort(files: &[FileId]) -> Result<Found, RecoverError> {
        let mut found = Found::default();
        for file in files {
            let kind = Kind::of(&file.name);
            if kind != Kind::Other && file.folder != Folder::of(&file.name) {
                return Err(RecoverError::Misplaced { file: file.clone() });
            }
            match kind {
                Kind::Snapshot(zxid) => {
                    found.listing.snapshots.insert((zxid, file.clone()));
                }
                Kind::Log(zxid) => {
                    found.listing.logs.insert((zxid, file.clone()));
                }
                Kind::AcceptedEpoch => found.accepted = Some(file.clone()),
                Kind::CurrentEpoch => found.current = Some(file.clone()),
                Kind::Syncing(zxid) => found.mark(Marker::Syncing(zxid))?,
                Kind::Truncating(zxid) => found.mark(Marker::Truncating(zxid))?,
                Kind::Temporary => {
                    found.temporary.insert(file.clone());
                }
                Kind::Other => {}
            }
        }
        Ok(found)
    }

    fn mark(&mut self, marker: Marker) -> Result<(), RecoverError> {
        if let Some(first) = self.marker.replace(marker) {
            let (first, second) = (first.file(), marker.file());
            return Err(RecoverError::TwoMarkers { first, second });
        }
        Ok(())
    }

    /// What an interrupted installation leaves in the end: its snapshot alone, under whichever
    /// of its two names it has.
    fn installed(&self, zxid: Zxid) -> Result<Listing, RecoverError> {
        let (tmp, snapshot) = (FileId::snapshot_tmp(zxid), (zxid, FileId::snapshot(zxid)));
        let mut listing = Listing::default();
        if self.temporary.contains(&tmp) {
            listing.snapshots.insert((zxid, tmp));
        } else if self.listing.snapshots.contains(&snapshot) {
            listing.snapshots.insert(snapshot);
        } else {
            return Err(RecoverError::NoSnapshot { file: FileId::syncing(zxid) });
        }
        Ok(listing)
    }

    /// The first start: nothing is there, or only what an interrupted first start left.
    fn load_genesis(&self, read: &mut ReadFile<'_>) -> Result<Loaded, RecoverError> {
        if let Some(file) = self.accepted.as_ref().or(self.current.as_ref()) {
            return Err(RecoverError::NoSnapshot { file: file.clone() });
        }
        let mut cuts = Vec::new();
        for (_, file) in &self.listing.logs {
            let scan = Scan::open(read_file(file, read)?).ok().flatten();
            let first = scan.map(|mut scan| scan.next_record());
            match first {
                None | Some(Ok(Next::End | Next::Torn(_))) => cuts.push((file.clone(), 0)),
                Some(Ok(Next::Record(_)) | Err(_)) => {
                    return Err(RecoverError::NoSnapshot { file: file.clone() });
                }
            }
        }
        Ok(Loaded {
            database: Database::genesis(),
            recent: VecDeque::new(),
            notes: ["the disk is empty: a new history begins".into()].into(),
            cuts,
            used: Vec::new(),
        })
    }

    /// Adds to `ops` what brings the disk in order; each of it may be interrupted and done again.
    fn repair(&mut self, loaded: &Loaded, ops: &mut Vec<FileOp>) {
        let epochs = self.accepted.iter().chain(self.current.iter());
        ops.extend(loaded.used.iter().chain(epochs).cloned().map(FileOp::Sync));
        ops.push(FileOp::SyncFolder(Folder::Data));
        ops.push(FileOp::SyncFolder(Folder::Log));
        match self.marker {
            Some(Marker::Truncating(after)) => {
                self.listing.finish_truncate(after, &loaded.cuts, ops);
            }
            Some(Marker::Syncing(zxid)) => {
                let tmp = FileId::snapshot_tmp(zxid);
                if self.temporary.remove(&tmp) {
                    ops.push(FileOp::Rename(tmp, FileId::snapshot(zxid).name));
                }
                self.listing.finish_install(zxid, ops);
            }
            None => self.listing.cut(&loaded.cuts, ops),
        }
        if !self.temporary.is_empty() {
            ops.extend(self.temporary.iter().cloned().map(FileOp::Remove));
            ops.push(FileOp::SyncFolder(Folder::Data));
        }
        if self.listing.snapshots.is_empty() {
            // The genesis marker: from now on a disk without any snapshot is a broken one.
            ops.extend(snapshot_ops(&loaded.database));
            self.listing.snapshots.insert((Zxid::ZERO, FileId::snapshot(Zxid::ZERO)));
        }
    }
}

impl Marker {
    fn file(self) -> FileId {
        match self {
            Marker::Syncing(zxid) => FileId::syncing(zxid),
            Marker::Truncating(after) => FileId::truncating(after),
        }
    }
}

fn read_file(file: &FileId, read: &mut ReadFile<'_>) -> Result<Bytes, RecoverError> {
    read(file).map_err(|error| RecoverError::Read { file: file.clone(), error })
}

fn read_epoch(
    file: Option<&FileId>,
    read: &mut ReadFile<'_>,
) -> Result<Option<Epoch>, RecoverError> {
    let Some(file) = file else { return Ok(None) };
    let epoch = epoch::decode(&read_file(file, read)?);
    epoch.map(Some).map_err(|error| RecoverError::BadEpoch { file: file.clone(), error })
}

/// Both epochs. A file that is missing counts as the last transaction's epoch.
///
/// A history ahead of currentEpoch is what a crash leaves between the transactions of a
/// synchronization and the epoch that claims them; then currentEpoch is raised to the history's.
/// Whoever holds a transaction of an epoch holds that epoch's initial history too, so this claims
/// nothing that is not there; the interrupted NEWLEADER was not acknowledged (ZOOKEEPER-1653,
/// ZOOKEEPER-2354).
fn check_epochs(
    accepted: Option<Epoch>,
    current: Option<Epoch>,
    last: Zxid,
) -> Result<Epochs, RecoverError> {
    let of_last = last.epoch();
    let accepted = accepted.unwrap_or(of_last);
    let current = current.unwrap_or(of_last);
    if current > accepted {
        return Err(RecoverError::EpochOrder { epochs: Epochs { accepted, current } });
    }
    if of_last > accepted {
        return Err(RecoverError::HistoryAhead { last, accepted });
    }
    Ok(Epochs { accepted, current: current.max(of_last) })
}
