//! The thread that writes snapshots beside the log.
//!
//! It also is where the state it was given is dropped: the last owner of old pages pays for
//! freeing them, and that must not be the core thread.

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Instant;

use tracing::{info, warn};
use zablab_core::storage::snapshot_ops;
use zablab_core::tree::Database;

use super::{Disk, Job};
use crate::admin::Counters;

/// The log thread's end.
#[derive(Debug)]
pub struct SnapshotThread {
    states: Sender<Database>,
}

impl SnapshotThread {
    /// Starts it; each snapshot's end comes back as [`Job::SnapshotEnded`].
    pub fn start(mut disk: Disk, log: Sender<Vec<Job>>, counters: Arc<Counters>) -> SnapshotThread {
        let (states, queue) = mpsc::channel::<Database>();
        let run = move || {
            for state in queue {
                let zxid = state.last_zxid;
                let began = Instant::now();
                let result = disk.run(snapshot_ops(&state)).map_err(|error| error.to_string());
                match &result {
                    Ok(()) => {
                        counters.snapshot.add(began.elapsed());
                        info!("snapshot of {zxid} took {} ms", began.elapsed().as_millis());
                    }
                    Err(error) => warn!("snapshot of {zxid} failed: {error}"),
                }
                drop(state);
                let _ = log.send(vec![Job::SnapshotEnded { zxid, result }]);
            }
        };
        thread::Builder::new()
            .name("snapshot".into())
            .spawn(run)
            .expect("the system has room for one more thread");
        SnapshotThread { states }
    }

    /// Queues a state to be written.
    pub fn queue(&self, state: Database) {
        let _ = self.states.send(state);
    }
}
