//! The thread that makes writes durable: many writes, one sync, one answer.
//!
//! It takes all that is queued, plans it, runs the operations, syncs once and answers the last
//! ticket. A failure is answered once and for good: after a failed sync nobody knows what the disk
//! holds, so nothing is tried again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use zablab_core::process::Input;
use zablab_core::storage::{FileOp, Files, FilesConfig, Write};
use zablab_core::tree::Database;
use zablab_core::types::{Ticket, Zxid};

use super::snapshot::SnapshotThread;
use super::{Disk, DiskError, open};
use crate::admin::Counters;
use crate::inbox::{Event, Inbox};

/// Writes that share one sync at most, so that an answer is never far away (Java's
/// `zookeeper.maxBatchSize`).
const BATCH_MAX: usize = 1000;

/// What the thread is given, in this order.
#[derive(Debug)]
pub enum Job {
    /// Make it durable.
    Write {
        /// Its place.
        ticket: Ticket,
        /// What.
        write: Write,
    },
    /// Read the disk as a start does.
    Reload {
        /// Its place.
        ticket: Ticket,
    },
    /// Write a snapshot beside the log.
    Snapshot {
        /// Of what.
        state: Database,
    },
    /// A snapshot ended, well or not.
    SnapshotEnded {
        /// Its name.
        zxid: Zxid,
        /// What the system said, if it failed.
        result: Result<(), String>,
    },
    /// End, once all before it is done.
    Stop,
}

/// The core thread's end.
#[derive(Debug)]
pub struct LogThread {
    jobs: Sender<Vec<Job>>,
    reader: Disk,
    thread: JoinHandle<()>,
}

impl LogThread {
    /// Starts it, and the thread for snapshots.
    pub fn start(
        disk: Disk,
        files: Files,
        config: FilesConfig,
        inbox: Inbox,
        counters: Arc<Counters>,
    ) -> LogThread {
        let (jobs, queue) = mpsc::channel();
        let reader = disk.another();
        let snapshots = SnapshotThread::start(disk.another(), jobs.clone(), Arc::clone(&counters));
        let log = Log {
            disk,
            files,
            config,
            queue,
            ahead: VecDeque::new(),
            snapshots,
            snapshots_running: 0,
            inbox,
            counters,
        };
        let thread = thread::Builder::new().name("log".into()).spawn(move || log.run());
        LogThread { jobs, reader, thread: thread.expect("the system has room for one more thread") }
    }

    /// Queues the jobs of one batch. After a failure nobody takes them, and the core knows.
    pub fn queue(&self, jobs: Vec<Job>) {
        let _ = self.jobs.send(jobs);
    }

    /// The same folders, to read beside the writing.
    pub fn reader(&self) -> Disk {
        self.reader.another()
    }

    /// Waits until all that was queued is durable.
    pub fn finish(self) {
        self.queue(vec![Job::Stop]);
        let _ = self.thread.join();
    }
}

struct Log {
    disk: Disk,
    files: Files,
    config: FilesConfig,
    queue: Receiver<Vec<Job>>,
    /// Taken from the queue, not done yet.
    ahead: VecDeque<Job>,
    snapshots: SnapshotThread,
    snapshots_running: usize,
    inbox: Inbox,
    counters: Arc<Counters>,
}

/// Something could not be made durable, or not be read back.
struct Failed {
    ticket: Ticket,
    error: String,
}

impl Log {
    fn run(mut self) {
        if let Err(Failed { ticket, error }) = self.work() {
            self.inbox.tell(Event::Input(Input::PersistFailed { ticket, error }));
        }
    }

    fn work(&mut self) -> Result<(), Failed> {
        loop {
            let Some(job) = self.next() else { return Ok(()) };
            match job {
                Job::Write { ticket, write } => self.write_batch(ticket, write)?,
                Job::Reload { ticket } => self.reload(ticket)?,
                Job::Snapshot { state } => {
                    self.snapshots_running += 1;
                    self.snapshots.queue(state);
                }
                Job::SnapshotEnded { zxid, result } => self.snapshot_ended(zxid, result),
                Job::Stop => return Ok(()),
            }
        }
    }

    /// The next job; waits for one. `None` if there will be no more.
    fn next(&mut self) -> Option<Job> {
        while self.ahead.is_empty() {
            self.ahead.extend(self.queue.recv().ok()?);
        }
        self.ahead.pop_front()
    }

    /// The next job if it is a write and already there.
    fn next_write(&mut self) -> Option<(Ticket, Write)> {
        if self.ahead.is_empty() {
            self.ahead.extend(self.queue.try_iter().flatten());
        }
        match self.ahead.pop_front()? {
            Job::Write { ticket, write } => Some((ticket, write)),
            other => {
                self.ahead.push_front(other);
                None
            }
        }
    }

    /// This write and those queued behind it: one sync, one answer.
    fn write_batch(&mut self, ticket: Ticket, write: Write) -> Result<(), Failed> {
        let mut ops = Vec::new();
        let mut next = Some((ticket, write));
        let mut through = ticket;
        let mut count = 0;
        while let Some((ticket, write)) = next {
            through = ticket;
            count += 1;
            self.plan(ticket, &write, &mut ops)?;
            next = if count < BATCH_MAX { self.next_write() } else { None };
        }
        let failed = |error: DiskError| Failed { ticket, error: error.to_string() };
        self.disk.run(ops.drain(..)).map_err(failed)?;
        self.files.sync(&mut ops);
        let began = Instant::now();
        self.disk.run(ops).map_err(failed)?;
        self.counters.fsync.add(began.elapsed());
        self.inbox.tell(Event::Input(Input::Persisted { through }));
        Ok(())
    }

    fn plan(&mut self, ticket: Ticket, write: &Write, ops: &mut Vec<FileOp>) -> Result<(), Failed> {
        match write {
            // These two read and remove files, so everything before them must have been done.
            Write::Truncate { .. } | Write::InstallSnapshot { .. } => {
                let done = self.disk.run(ops.drain(..));
                done.map_err(|error| Failed { ticket, error: error.to_string() })?;
                self.wait_for_snapshots();
            }
            Write::SetNextConfig(_) | Write::SetConfig(_) => {
                let done = self.disk.run(ops.drain(..));
                done.map_err(|error| Failed { ticket, error: error.to_string() })?;
            }
            Write::Append { .. } | Write::SetAcceptedEpoch(_) | Write::SetCurrentEpoch(_) => {}
        }
        let disk = &self.disk;
        let planned = self.files.plan(write, &mut |file| disk.read(file), ops);
        planned.map_err(|error| Failed { ticket, error: error.to_string() })
    }

    fn reload(&mut self, ticket: Ticket) -> Result<(), Failed> {
        self.wait_for_snapshots();
        let began = Instant::now();
        let recovery = open(&mut self.disk, self.config)
            .map_err(|error| Failed { ticket, error: error.to_string() })?;
        self.counters.db_init.add(began.elapsed());
        self.files = recovery.files;
        let recovered = recovery.recovered;
        let recovered = Box::new(recovered);
        self.inbox.tell(Event::Input(Input::Reloaded { ticket, recovered }));
        Ok(())
    }

    fn wait_for_snapshots(&mut self) {
        while self.snapshots_running > 0 {
            let ended = |job: &Job| matches!(job, Job::SnapshotEnded { .. });
            let job = self.ahead.iter().position(ended).and_then(|at| self.ahead.remove(at));
            if let Some(Job::SnapshotEnded { zxid, result }) = job {
                self.snapshot_ended(zxid, result);
                continue;
            }
            let Ok(more) = self.queue.recv() else { return };
            self.ahead.extend(more);
        }
    }

    fn snapshot_ended(&mut self, zxid: Zxid, result: Result<(), String>) {
        self.snapshots_running -= 1;
        let input = match result {
            Ok(()) => {
                self.files.snapshot_taken(zxid);
                Input::SnapshotDone { zxid }
            }
            Err(error) => Input::SnapshotFailed { zxid, error },
        };
        self.inbox.tell(Event::Input(input));
    }
}

#[cfg(test)]
mod tests {
    use zablab_core::txn::{Txn, TxnHeader};
    use zablab_core::types::{Epoch, SessionId, WallMs, Xid};
    use zablab_core::wire::txn;

    use super::*;
    use crate::inbox::{Events, inbox};
    use crate::testing::TempDir;

    const CONFIG: FilesConfig = FilesConfig { preallocate: 1 << 16 };

    fn start(dir: &TempDir) -> (LogThread, Events, Database) {
        let mut disk = Disk::new(dir.path(), dir.path()).expect("the folder takes files");
        let recovery = open(&mut disk, CONFIG).expect("nothing is broken");
        let (inbox, events) = inbox();
        let counters = Arc::new(Counters::new());
        let log = LogThread::start(disk, recovery.files, CONFIG, inbox, counters);
        (log, events, recovery.recovered.database)
    }

    fn append(n: u64) -> Job {
        let zxid = Zxid(n);
        let session = SessionId(n as i64);
        let header = TxnHeader { session, cxid: Xid(0), zxid, time: WallMs(0) };
        let txn = Txn::CreateSession { timeout_ms: 4000 };
        let record = txn::encode(&header, &txn, None);
        Job::Write { ticket: Ticket(n), write: Write::Append { zxid, record } }
    }

    fn next_input(events: &Events) -> Input {
        let mut batch = Vec::new();
        events.wait(None, &mut batch);
        assert_eq!(batch.len(), 1, "{batch:?}");
        match batch.pop() {
            Some(Event::Input(input)) => input,
            other => panic!("{other:?} is no input"),
        }
    }

    #[test]
    fn a_batch_is_answered_once_and_is_there_after_a_restart() {
        let dir = TempDir::new();
        let (log, events, _) = start(&dir);
        log.queue((1..=2500).map(append).collect());
        for through in [1000, 2000, 2500] {
            match next_input(&events) {
                Input::Persisted { through: Ticket(have) } => assert_eq!(have, through),
                other => panic!("{other:?}"),
            }
        }
        log.finish();
        let (log, _, database) = start(&dir);
        assert_eq!(database.last_zxid, Zxid(2500));
        assert_eq!(database.sessions.len(), 2500);
        log.finish();
    }

    #[test]
    fn a_reload_comes_after_all_writes_before_it() {
        let dir = TempDir::new();
        let (log, events, _) = start(&dir);
        let accept = Write::SetAcceptedEpoch(Epoch(3));
        let accept = Job::Write { ticket: Ticket(2), write: accept };
        log.queue(vec![append(1), accept, Job::Reload { ticket: Ticket(3) }]);
        assert!(matches!(next_input(&events), Input::Persisted { through: Ticket(2) }));
        match next_input(&events) {
            Input::Reloaded { ticket: Ticket(3), recovered } => {
                assert_eq!(recovered.database.last_zxid, Zxid(1));
                assert_eq!(recovered.epochs.accepted, Epoch(3));
            }
            other => panic!("{other:?}"),
        }
        log.finish();
    }

    #[test]
    fn a_snapshot_is_taken_beside_the_log_and_a_cut_waits_for_it() {
        let dir = TempDir::new();
        let (log, events, mut state) = start(&dir);
        state.last_zxid = Zxid(1);
        let cut = Write::Truncate { after: Zxid(1) };
        log.queue(vec![append(1), Job::Snapshot { state }, append(2)]);
        log.queue(vec![Job::Write { ticket: Ticket(3), write: cut }]);
        let mut snapshot_done = false;
        loop {
            match next_input(&events) {
                Input::SnapshotDone { zxid: Zxid(1) } => snapshot_done = true,
                Input::Persisted { through: Ticket(3) } => break,
                Input::Persisted { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(snapshot_done);
        log.finish();
        let (log, _, database) = start(&dir);
        assert_eq!(database.last_zxid, Zxid(1));
        log.finish();
    }

    #[test]
    fn a_failure_is_the_last_answer() {
        let dir = TempDir::new();
        let (log, events, _) = start(&dir);
        std::fs::remove_dir_all(dir.path().join("version-2")).expect("it is there");
        log.queue(vec![append(1), append(2)]);
        log.queue(vec![append(3)]);
        match next_input(&events) {
            Input::PersistFailed { ticket: Ticket(1), error } => {
                assert!(error.starts_with("cannot create "), "{error}");
            }
            other => panic!("{other:?}"),
        }
        log.finish();
        let mut batch = Vec::new();
        events.wait(None, &mut batch);
        assert!(matches!(batch[..], [Event::Stop]), "{batch:?}");
    }
}
