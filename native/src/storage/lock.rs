//! The lock that keeps two servers from one data directory.
//!
//! An advisory lock on a file that Java does not look at. The system lets it go when the process
//! ends, however it ends, so there is nothing stale to clean up. The file holds the process's
//! number, which `zablab stop` compares with the pid file before it kills anything.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

/// The file in `dataDir`.
const NAME: &str = "zablab.lock";

/// Held as long as the server runs.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// A line that says who has it, or what the system said.
    pub fn take(data_dir: &Path) -> Result<DataLock, String> {
        let path = data_dir.join(NAME);
        let failed = |error: io::Error| format!("cannot lock {}: {error}", path.display());
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let dir = data_dir.display();
                let pid = holder(data_dir).map_or("unknown".into(), |pid| pid.to_string());
                return Err(format!("{dir} is in use by another server, process {pid}"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(failed)?;
        Ok(DataLock { _file: file })
    }
}

/// The process that holds the lock of a data directory, if one does.
pub fn holder(data_dir: &Path) -> Option<u32> {
    let mut file = File::open(data_dir.join(NAME)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            file.read_to_string(&mut pid).ok()?;
            pid.trim().parse().ok()
        }
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn only_one_server_at_a_time() {
        let dir = TempDir::new();
        assert_eq!(holder(dir.path()), None);
        let lock = DataLock::take(dir.path()).expect("nobody has it");
        assert_eq!(holder(dir.path()), Some(std::process::id()));
        let refused = DataLock::take(dir.path()).expect_err("it is taken");
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        drop(lock);
        assert_eq!(holder(dir.path()), None);
        DataLock::take(dir.path()).expect("it is free again");
    }
}
