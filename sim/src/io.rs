//! What a server wants of its disk, in order, and what the disk is doing.
//!
//! Like the server's log thread: everything that waits is one batch with one sync, and one answer
//! for the last ticket. A snapshot is written in the background, but never while the history is
//! being cut or replaced. Not here: bytes and files (`zablab_core::storage`), crashes
//! ([`crate::disk`]), and time ([`crate::world`]).

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use zablab_core::config::{Config, ConfigError, Ensemble, dynamic};
use zablab_core::policy::Policy;
use zablab_core::storage::epoch::{ACCEPTED_EPOCH, CURRENT_EPOCH};
use zablab_core::storage::txnlog::{Next, Scan};
use zablab_core::storage::{
    FileId, FileOp, Files, FilesConfig, Folder, ReadError, RecoverError, Recovered, Write,
    WriteError, log_after, recover, snapshot_ops,
};
use zablab_core::tree::Database;
use zablab_core::txn::LogRecord;
use zablab_core::types::{ConnId, ServerId, Ticket, Zxid};

use crate::disk::{Disk, DiskFull};
use crate::given::DiskGiven;
use crate::step::Stored;

/// No log is extended ahead of writing: a simulated disk does not run full, and holes cost memory.
const CONFIG: FilesConfig = FilesConfig { preallocate: 0 };

/// The queue of one process to its disk. It ends with the process.
#[derive(Clone, Debug)]
pub(crate) struct Io {
    files: Files,
    queue: VecDeque<Job>,
    busy: Option<Busy>,
    /// What the reading of a part of the log found; the log goes on meanwhile.
    found: Option<Vec<LogRecord>>,
    snapshot: Option<Zxid>,
    snapshot_wanted: Option<Database>,
    /// Whether cuts are synced, and logs that a reload reads; only a bug leaves it out.
    syncs_cuts: bool,
}

#[derive(Clone, Debug)]
enum Job {
    Write(Ticket, Write),
    /// A snapshot beside the log, whatever that holds: only a bug wants this.
    Add(Ticket, Database),
    Reload(Ticket),
    ReadLog(Part),
}

/// A part of the log that a leader wants for a learner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(crate) struct Part {
    /// For which learner.
    pub(crate) conn: ConnId,
    /// The first record.
    pub(crate) from: Zxid,
    /// How many bytes it may be.
    pub(crate) limit: u64,
}

/// What the disk is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(crate) enum Busy {
    /// It makes these writes durable.
    Writes {
        /// The first of the batch.
        first: Ticket,
        /// The last of the batch.
        through: Ticket,
        /// What they change.
        what: Batch,
    },
    /// It reads everything.
    Reload(Ticket),
    /// It reads a part of the log.
    ReadLog(Part),
}

/// What the writes of a batch change, the gravest of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub(crate) enum Batch {
    /// Nothing but epochs.
    Epochs,
    /// The log gets longer.
    Records,
    /// The configuration is another one.
    Config,
    /// The history is cut.
    Cut,
    /// A snapshot replaces the history.
    Installs,
}

impl Batch {
    fn of(write: &Write) -> Batch {
        match write {
            Write::SetAcceptedEpoch(_) | Write::SetCurrentEpoch(_) => Batch::Epochs,
            Write::Append { .. } => Batch::Records,
            Write::SetNextConfig(_) | Write::SetConfig(_) => Batch::Config,
            Write::Truncate { .. } => Batch::Cut,
            Write::InstallSnapshot { .. } => Batch::Installs,
        }
    }
}

/// A write cannot be made; the server must stop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refused {
    /// Which.
    pub(crate) ticket: Ticket,
    /// Why.
    pub(crate) why: WriteError,
}

impl Io {
    /// Reads the disk as a start does, repairs it, and begins an empty queue.
    ///
    /// # Errors
    /// [`Unusable`]: the server must not start on this disk.
    pub(crate) fn start(
        disk: &mut Disk,
        policy: &impl Policy,
    ) -> Result<(Io, Recovered), Unusable> {
        let (files, recovered) = match recover_and_repair(disk, true) {
            Err(Unusable::Recover(
                RecoverError::NoValidSnapshot { .. } | RecoverError::SnapshotLost { .. },
            )) if !policy.starts_from_a_snapshot() => {
                begin_with_nothing(disk)?;
                recover_and_repair(disk, true)?
            }
            read => read?,
        };
        let io = Io {
            files,
            queue: VecDeque::new(),
            busy: None,
            found: None,
            snapshot: None,
            snapshot_wanted: None,
            syncs_cuts: policy.cut_is_synced(),
        };
        Ok((io, recovered))
    }

    /// Queues a write.
    pub(crate) fn persist(&mut self, ticket: Ticket, write: Write) {
        self.queue.push_back(Job::Write(ticket, write));
    }

    /// Queues a snapshot that retires no log.
    pub(crate) fn add_snapshot(&mut self, ticket: Ticket, state: Database) {
        self.queue.push_back(Job::Add(ticket, state));
    }

    /// Queues a reload behind all writes.
    pub(crate) fn reload(&mut self, ticket: Ticket) {
        self.queue.push_back(Job::Reload(ticket));
    }

    /// Queues the reading of a part of the log. A real disk does it beside the writing.
    pub(crate) fn read_log(&mut self, part: Part) {
        self.queue.push_back(Job::ReadLog(part));
    }

    /// Asks for a snapshot. If one is under way, it is written next, unless a later one is asked
    /// for before that.
    pub(crate) fn want_snapshot(&mut self, state: Database) {
        self.snapshot_wanted = Some(state);
    }

    /// What the disk is doing.
    pub(crate) fn busy(&self) -> Option<Busy> {
        self.busy
    }

    /// True if something waits for the disk.
    pub(crate) fn has_queue(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The snapshot that is under way.
    pub(crate) fn snapshot(&self) -> Option<Zxid> {
        self.snapshot
    }

    /// Begins what can begin. True if there is a new batch or reload.
    ///
    /// # Errors
    /// [`Refused`]: a write of the batch is impossible; nothing of it was begun.
    pub(crate) fn begin(&mut self, disk: &mut Disk) -> Result<bool, Refused> {
        self.begin_snapshot(disk);
        if self.busy.is_some() || self.queue.is_empty() {
            return Ok(false);
        }
        let read = match self.queue.front() {
            Some(Job::Reload(ticket)) => Busy::Reload(*ticket),
            Some(Job::ReadLog(part)) => {
                let names: Vec<FileId> = disk.files().cloned().collect();
                let mut read = |file: &FileId| read(disk, file);
                self.found = log_after(&names, part.from, part.limit, &mut read);
                Busy::ReadLog(*part)
            }
            Some(Job::Write(..) | Job::Add(..)) | None => return self.begin_writes(disk),
        };
        self.busy = Some(read);
        self.queue.pop_front();
        Ok(true)
    }

    /// The batch is durable.
    ///
    /// # Errors
    /// [`DiskFull`]: it is not; the server must stop.
    pub(crate) fn finish(&mut self, disk: &mut Disk) -> Result<(), DiskFull> {
        self.busy = None;
        disk.complete()
    }

    /// The batch failed, and nobody cares.
    pub(crate) fn give_up(&mut self) {
        self.busy = None;
    }

    /// The disk has been read again.
    ///
    /// # Errors
    /// [`Unusable`]: the server cannot go on with this disk.
    pub(crate) fn finish_reload(&mut self, disk: &mut Disk) -> Result<Recovered, Unusable> {
        let (files, recovered) = recover_and_repair(disk, self.syncs_cuts)?;
        self.files = files;
        self.busy = None;
        Ok(recovered)
    }

    /// A part of the log has been read.
    pub(crate) fn finish_read(&mut self) -> Option<Vec<LogRecord>> {
        self.busy = None;
        self.found.take()
    }

    /// The snapshot is durable under its name, or it was given up.
    pub(crate) fn finish_snapshot(
        &mut self,
        disk: &mut Disk,
    ) -> Option<(Zxid, Result<(), DiskFull>)> {
        let zxid = self.snapshot.take()?;
        let written = disk.complete_background();
        if written.is_ok() {
            self.files.snapshot_taken(zxid);
        }
        Some((zxid, written))
    }

    fn begin_snapshot(&mut self, disk: &mut Disk) {
        let replacing =
            matches!(self.busy, Some(Busy::Writes { what: Batch::Cut | Batch::Installs, .. }));
        if self.snapshot.is_some() || replacing {
            return;
        }
        if let Some(state) = self.snapshot_wanted.take() {
            disk.begin_background(snapshot_ops(&state));
            self.snapshot = Some(state.last_zxid);
        }
    }

    fn begin_writes(&mut self, disk: &mut Disk) -> Result<bool, Refused> {
        let mut ops = Vec::new();
        let mut batch: Option<(Ticket, Ticket)> = None;
        let mut what = Batch::Epochs;
        while let Some(job) = self.queue.front() {
            let (ticket, write) = match job {
                Job::Write(ticket, write) => (*ticket, write),
                Job::Add(ticket, state) => {
                    let through = *ticket;
                    what = what.max(Batch::Records);
                    ops.extend(snapshot_ops(state));
                    self.files.snapshot_taken(state.last_zxid);
                    batch = Some((batch.map_or(through, |(first, _)| first), through));
                    self.queue.pop_front();
                    continue;
                }
                Job::Reload(_) | Job::ReadLog(_) => break,
            };
            let change = Batch::of(write);
            // It reads files, so all before it must be done.
            if change > Batch::Records && batch.is_some() {
                break;
            }
            // It removes some, so no snapshot may be under way.
            if change > Batch::Config && self.snapshot.is_some() {
                break;
            }
            what = what.max(change);
            let planned = self.files.plan(write, &mut |file| read(disk, file), &mut ops);
            planned.map_err(|why| Refused { ticket, why })?;
            batch = Some((batch.map_or(ticket, |(first, _)| first), ticket));
            self.queue.pop_front();
        }
        let Some((first, through)) = batch else { return Ok(false) };
        self.files.sync(&mut ops);
        if what == Batch::Cut && !self.syncs_cuts {
            leave_out_syncs(&mut ops);
        }
        disk.begin(ops);
        self.busy = Some(Busy::Writes { first, through, what });
        Ok(true)
    }
}

impl Hash for Io {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        // What a write contains is in the process too, so its ticket says enough.
        self.files.hash(hasher);
        self.busy.hash(hasher);
        self.found.as_ref().map(|found| found.last().map(LogRecord::zxid)).hash(hasher);
        self.snapshot.hash(hasher);
        self.snapshot_wanted.as_ref().map(|state| state.last_zxid).hash(hasher);
        for job in &self.queue {
            match job {
                Job::Write(ticket, _) => (0u8, ticket).hash(hasher),
                Job::Add(ticket, _) => (2u8, ticket).hash(hasher),
                Job::Reload(ticket) => (1u8, ticket).hash(hasher),
                Job::ReadLog(part) => (3u8, part).hash(hasher),
            }
        }
    }
}

/// An empty disk, filled by the same writer that servers use.
///
/// # Errors
/// [`GivenDiskError`] if no server could have left such a disk.
pub(crate) fn fill(given: &DiskGiven) -> Result<Disk, GivenDiskError> {
    let mut disk = Disk::default();
    let is_empty = given.log.is_empty() && given.snapshot.is_none();
    if is_empty && given.epochs == Default::default() {
        return Ok(disk);
    }
    let (mut files, _) = recover_and_repair(&mut disk, true)?;
    let mut writes = vec![
        Write::SetAcceptedEpoch(given.epochs.accepted),
        Write::SetCurrentEpoch(given.epochs.current),
    ];
    if let Some(state) = &given.snapshot {
        writes.push(Write::InstallSnapshot { state: Box::new(state.clone()) });
    }
    for record in &given.log {
        writes.push(Write::Append { zxid: record.zxid(), record: record.encoded.clone() });
    }
    for write in &writes {
        let mut ops = Vec::new();
        files.plan(write, &mut |file| read(&disk, file), &mut ops)?;
        files.sync(&mut ops);
        run(&mut disk, ops)?;
    }
    Ok(disk)
}

/// Why a server finds no configuration to start with.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum NoConfig {
    /// `zoo.cfg` names a file that is not there.
    #[error("there is no file {file}")]
    Missing {
        /// Which.
        file: FileId,
    },
    /// It was taken out of the ensemble.
    #[error("no configuration that it knows has a line server.{me}")]
    LeftOut {
        /// Which server.
        me: ServerId,
    },
    /// A file says something else.
    #[error(transparent)]
    Unreadable(#[from] ConfigError),
}

/// Puts a `zoo.cfg` on the disk of a server whose ensemble may change. The servers of the start are
/// not in it.
pub(crate) fn put_config(disk: &mut Disk) -> Result<(), GivenDiskError> {
    let file = FileId::config("");
    let text = bytes::Bytes::from_static(b"# The first servers are those of the start.\n");
    let ops = vec![
        FileOp::Create(file.clone()),
        FileOp::WriteAt(file.clone(), 0, text),
        FileOp::Sync(file),
        FileOp::SyncFolder(Folder::Config),
    ];
    Ok(run(disk, ops)?)
}

/// The configuration that a start reads: that of the start of the world, until another one was in
/// force or proposed.
///
/// # Errors
/// Why the server does not start.
pub(crate) fn read_config(disk: &Disk, given: &Config) -> Result<Config, NoConfig> {
    let text = |file: &FileId| {
        let bytes = disk.read(file)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let mut config = given.clone();
    let Some(zoo_cfg) = text(&FileId::config("")) else { return Ok(config) };
    let named = dynamic::path_in(&zoo_cfg)?;
    if let Some(path) = &named {
        let version = dynamic::version_of(path);
        let file = FileId::config(&dynamic::suffix(version));
        let text = text(&file).ok_or(NoConfig::Missing { file })?;
        config.ensemble = Some(dynamic::parse(&text, version)?);
    }
    if let Some(next) = text(&FileId::config(dynamic::NEXT_SUFFIX)) {
        let next = Ensemble::parse(&next)?;
        let current = config.ensemble.as_ref().map_or(0, |ensemble| ensemble.version);
        config.next = Some(next).filter(|next| next.version > current);
    }
    if let Some(ensemble) = config.ensemble.as_ref().filter(|_| named.is_some()) {
        let own = ensemble.line_of(config.next.as_ref(), config.me);
        config.own = Some(own.ok_or(NoConfig::LeftOut { me: config.me })?.clone());
    }
    Ok(config)
}

/// The file and the place of a byte of something on a disk, if it is there.
pub(crate) fn find(disk: &Disk, of: Stored, at: u32) -> Option<(FileId, u64)> {
    let within =
        |file: FileId, from: u64, len: u64| (len > 0).then(|| (file, from + u64::from(at) % len));
    let whole = |is_it: &dyn Fn(&FileId) -> bool| {
        let file = disk.files().find(|file| is_it(file))?.clone();
        let len = disk.read(&file)?.len() as u64;
        within(file, 0, len)
    };
    match of {
        Stored::Record(zxid) => {
            let mut logs = disk.files().filter(|file| file.log_start().is_some());
            logs.find_map(|file| {
                let mut scan = Scan::open(disk.read(file)?).ok()??;
                loop {
                    let Ok(Next::Record(record)) = scan.next_record() else { return None };
                    if record.zxid == zxid {
                        return within(file.clone(), record.offset, scan.offset() - record.offset);
                    }
                }
            })
        }
        Stored::Snapshot(zxid) => whole(&|file| file.snapshot_end() == Some(zxid)),
        Stored::AcceptedEpoch => whole(&|file| file.name == ACCEPTED_EPOCH),
        Stored::CurrentEpoch => whole(&|file| file.name == CURRENT_EPOCH),
    }
}

/// A server cannot run on its disk.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unusable {
    /// What it holds is no history.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// It cannot be repaired.
    #[error(transparent)]
    Full(#[from] DiskFull),
}

/// A disk was asked for that no server could have left.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GivenDiskError {
    /// Its parts do not go together.
    #[error("{0}")]
    Write(#[from] WriteError),
    /// An empty disk could not be set up.
    #[error("{0}")]
    Unusable(#[from] Unusable),
}

fn recover_and_repair(disk: &mut Disk, syncs_logs: bool) -> Result<(Files, Recovered), Unusable> {
    let names: Vec<FileId> = disk.files().cloned().collect();
    let mut recovery = recover(&names, &mut |file| read(disk, file), CONFIG)?;
    if !syncs_logs {
        leave_out_syncs(&mut recovery.repairs);
    }
    run(disk, recovery.repairs)?;
    Ok((recovery.files, recovery.recovered))
}

/// Leaves what is done to logs to the operating system: M47.
fn leave_out_syncs(ops: &mut Vec<FileOp>) {
    ops.retain(|op| !matches!(op, FileOp::Sync(file) if file.log_start().is_some()));
}

/// Puts an empty tree in the place of the snapshots, just before the log: M26.
fn begin_with_nothing(disk: &mut Disk) -> Result<(), Unusable> {
    let snapshots = disk.files().filter(|file| file.snapshot_end().is_some()).cloned();
    let first = disk.files().filter_map(FileId::log_start).min().unwrap_or(Zxid(1));
    let state = Database { last_zxid: Zxid(first.0 - 1), ..Database::genesis() };
    let removals: Vec<FileOp> = snapshots.map(FileOp::Remove).collect();
    run(disk, removals.into_iter().chain(snapshot_ops(&state)).collect())
}

fn run(disk: &mut Disk, ops: Vec<FileOp>) -> Result<(), Unusable> {
    disk.begin(ops);
    Ok(disk.complete()?)
}

fn read(disk: &Disk, file: &FileId) -> Result<bytes::Bytes, ReadError> {
    let missing = || ReadError { message: format!("there is no file {file}") };
    disk.read(file).ok_or_else(missing)
}
