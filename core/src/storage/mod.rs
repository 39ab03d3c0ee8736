//! What a server keeps on disk, as bytes: transaction logs, snapshots, epoch files, its
//! configuration, recovery.
//!
//! All of it is pure. [`Files`] turns a [`Write`] into the exact order of file operations, syncs
//! included; the server runs them on a real disk, the simulator on one that can crash. So the
//! order of writes has one home. Not here: threads, descriptors, batching.
//!
//! Formats: Apache ZooKeeper's own, see `docs/formats.md`.

pub(crate) mod config;
pub mod epoch;
pub mod files;
mod log_after;
pub mod names;
pub mod recover;
pub mod snapshot;
pub mod txnlog;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

use crate::config::Ensemble;
use crate::tree::Database;
use crate::txn::LogRecord;
use crate::types::{Epoch, Epochs, ServerId, Zxid};

pub use files::{FileOp, Files, FilesConfig, ReadError, ReadFile, WriteError, snapshot_ops};
pub use log_after::log_after;
pub use names::{FileId, Folder};
pub use recover::{RecoverError, Recovery, recover};

/// One durable change. Writes are made in the order of their tickets.
#[derive(Clone, Debug)]
pub enum Write {
    /// A record at the end of the log.
    Append {
        /// The transaction's id, greater than every one before it.
        zxid: Zxid,
        /// Its bytes: header, transaction, digest.
        record: Bytes,
    },
    /// Everything after this transaction goes: log records and snapshots (TRUNC).
    Truncate {
        /// The last one that stays.
        after: Zxid,
    },
    /// A promise: `acceptedEpoch`.
    SetAcceptedEpoch(Epoch),
    /// An adoption: `currentEpoch`.
    SetCurrentEpoch(Epoch),
    /// The state that came by SNAP replaces everything; older logs are retired in the same step
    /// (ZOOKEEPER-2832).
    InstallSnapshot {
        /// The whole state, as of its `last_zxid`.
        state: Box<Database>,
    },
    /// A configuration was proposed, or the one that was is of no more concern:
    /// `zoo.cfg.dynamic.next`.
    SetNextConfig(Option<Ensemble>),
    /// A configuration is in force: `zoo.cfg.dynamic.<version>`, which `zoo.cfg` names from now on.
    SetConfig(Box<ConfigInForce>),
}

/// What makes a configuration the one that the next start reads.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct ConfigInForce {
    /// The configuration.
    pub ensemble: Ensemble,
    /// Whose `zoo.cfg` it is.
    pub me: ServerId,
    /// The path of that file, to which the suffix of the dynamic file is added.
    pub file: String,
}

/// What a start finds on the disk.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Tree and sessions after replaying the log to its end.
    pub database: Database,
    /// Both epochs.
    pub epochs: Epochs,
    /// The last transactions that were replayed, oldest first, without a gap, at most
    /// [`crate::limits::COMMITTED_LOG_LEN`]: from them a leader serves DIFF.
    pub recent: Vec<LogRecord>,
    /// The oldest snapshot: the history cannot be cut before it, because no state is left from
    /// which that could be done.
    pub oldest: Zxid,
    /// What recovery had to do, in words, for the server's log (torn tail cut, bad snapshot
    /// skipped).
    pub notes: Vec<alloc::string::String>,
}

impl Recovered {
    /// What a disk gives that holds a snapshot of this state and nothing else.
    pub fn of_snapshot(database: Database) -> Recovered {
        let oldest = database.last_zxid;
        let epochs = Epochs { accepted: oldest.epoch(), current: oldest.epoch() };
        Recovered { database, epochs, recent: Vec::new(), oldest, notes: Vec::new() }
    }
}
