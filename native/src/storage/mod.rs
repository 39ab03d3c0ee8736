//! The server's files: one disk, a thread that writes the log, a thread that writes snapshots.
//!
//! What is written, and in which order, is planned by the core's [`zablab_core::storage::Files`];
//! here the plans are run. Not here: formats, recovery (both are the core's).

mod disk;
mod lock;
mod log;
mod snapshot;

pub use disk::{Disk, DiskError};
pub use lock::{DataLock, holder};
pub use log::{Job, LogThread};

use std::time::{Duration, Instant};

use tracing::info;
use zablab_core::storage::{FilesConfig, Recovery, recover};

/// A sync that takes longer than this is worth a line (`fsync.warningthresholdms`).
const SYNC_WARN: Duration = Duration::from_millis(1000);

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// An operation of the file system failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What is there must not be started on.
    #[error("{0}")]
    Recover(#[from] zablab_core::storage::RecoverError),
}

/// Reads the disk as a start does, and repairs what a crash has left. All that is then known is
/// durable.
pub fn open(disk: &mut Disk, config: FilesConfig) -> Result<Recovery, OpenError> {
    let began = Instant::now();
    let names = disk.list()?;
    let recovery = recover(&names, &mut |file| disk.read(file), config)?;
    for note in &recovery.recovered.notes {
        info!("recovery: {note}");
    }
    disk.run(recovery.repairs.iter().cloned())?;
    info!(
        "recovered up to {} in {} ms",
        recovery.recovered.database.last_zxid,
        began.elapsed().as_millis()
    );
    Ok(recovery)
}
