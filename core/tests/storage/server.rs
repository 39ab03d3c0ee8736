//! A server that only writes: it makes changes, may crash at any operation, and starts again.
//!
//! Beside it runs the reference: the list of states that the writes must lead through.

use std::collections::VecDeque;

use bytes::Bytes;
use zablab_core::storage::{FileOp, Files, FilesConfig, Recovery, Write, recover, snapshot_ops};
use zablab_core::tree::Database;
use zablab_core::txn::{CreateKind, CreateTxn, Txn, TxnHeader};
use zablab_core::types::{Epoch, Epochs, SessionId, WallMs, Xid, Zxid};
use zablab_core::wire::txn;

use super::disk::{Crash, Disk};
use super::rng::Rng;

/// One thing that happens to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Some records, not synced.
    Append,
    /// The end of a batch.
    Sync,
    /// TRUNC to some transaction of the history.
    Truncate,
    /// `acceptedEpoch` rises.
    Accept,
    /// `currentEpoch` becomes `acceptedEpoch`, and the next transaction is of that epoch.
    Adopt,
    /// SNAP with some state.
    Install,
    /// A background snapshot begins.
    Snapshot,
    /// The disk is read again without a crash.
    Reload,
    /// A crash between two acts.
    Crash(Crash),
    /// A crash in front of the n-th operation from now.
    CrashAfter(usize, Crash),
}

/// What the disk must give back.
#[derive(Clone, Debug)]
struct State {
    database: Database,
    epochs: Epochs,
    /// All states since the last SNAP, or since the beginning: where TRUNC may lead.
    history: Vec<Database>,
}

impl State {
    /// What a start makes of it: see `recover` on a history ahead of currentEpoch.
    fn recovered_epochs(&self) -> Epochs {
        let current = self.epochs.current.max(self.database.last_zxid.epoch());
        Epochs { current, ..self.epochs }
    }

    fn is(&self, database: &Database, epochs: Epochs) -> bool {
        summary(&self.database) == summary(database) && self.recovered_epochs() == epochs
    }
}

type Summary = (Zxid, u64, u64, Vec<(SessionId, i32)>);

fn summary(database: &Database) -> Summary {
    let sessions = database.sessions.iter().map(|(session, timeout)| (*session, *timeout));
    let tree = &database.tree;
    (database.last_zxid, tree.digest(), tree.node_count(), sessions.collect())
}

/// The server, its disk and the reference.
pub struct Server {
    pub disk: Disk,
    config: FilesConfig,
    files: Option<Files>,
    rng: Rng,
    /// States that the disk may hold, oldest first; the first one is durable.
    states: Vec<State>,
    background: Option<(Zxid, VecDeque<FileOp>)>,
    /// Operations until the next crash.
    fuel: Option<(usize, Crash)>,
    /// Operations run so far.
    pub ops_run: usize,
}

/// The server crashed in the middle of an act.
struct Crashed(Crash);

impl Server {
    pub fn new(preallocate: u64, seed: u64) -> Server {
        let database = Database::genesis();
        let history = vec![database.clone()];
        let genesis = State { database, epochs: Epochs::default(), history };
        Server {
            disk: Disk::default(),
            config: FilesConfig { preallocate },
            files: None,
            rng: Rng(seed),
            states: vec![genesis],
            background: None,
            fuel: None,
            ops_run: 0,
        }
    }

    /// Starts the server, then lets all acts happen, then crashes once more and starts again.
    pub fn run(&mut self, acts: &[Act]) {
        self.start();
        for act in acts {
            if let Err(Crashed(crash)) = self.act(*act) {
                self.crash(crash);
            }
        }
        self.crash(Crash::PowerAnyOrder);
    }

    fn crash(&mut self, crash: Crash) {
        self.files = None;
        self.background = None;
        let mut rng = Rng(self.rng.next());
        self.disk.crash(crash, &mut rng);
        // A crash may also come while the start repairs.
        let again = self.rng.below(3) == 0;
        self.fuel = again.then(|| (self.rng.below(12), Crash::PowerAnyOrder));
        self.start();
    }

    fn start(&mut self) {
        loop {
            match self.load() {
                Ok(()) => return,
                Err(Crashed(crash)) => {
                    let mut rng = Rng(self.rng.next());
                    self.disk.crash(crash, &mut rng);
                }
            }
        }
    }

    /// Recovers, checks what came out against the reference, runs the repairs.
    fn load(&mut self) -> Result<(), Crashed> {
        let disk = self.disk.clone();
        let recovery = recover(&disk.list(), &mut |file| disk.read(file), self.config);
        let Recovery { recovered, files, repairs } = recovery.unwrap_or_else(|error| {
            panic!("{error}\n{:?}", disk.list());
        });
        let found = self.states.iter().rposition(|s| s.is(&recovered.database, recovered.epochs));
        let Some(found) = found else {
            panic!(
                "recovered {:?} {:?}\nof {:#?}\nfrom {:?}",
                summary(&recovered.database),
                recovered.epochs,
                self.states.iter().map(|s| (summary(&s.database), s.epochs)).collect::<Vec<_>>(),
                disk.list(),
            );
        };
        assert_eq!(files.last_zxid(), recovered.database.last_zxid);
        assert_eq!(files.epochs(), recovered.epochs);
        let digests = recovered.notes.iter().find(|note| note.contains("digest"));
        assert_eq!(digests, None);
        let recent: Vec<Zxid> = recovered.recent.iter().map(|record| record.zxid()).collect();
        assert!(recent.is_sorted_by(|a, b| b.follows(*a)));
        assert!(recent.last().is_none_or(|last| *last == recovered.database.last_zxid));
        self.states.truncate(found + 1);
        for op in &repairs {
            self.op(op)?;
        }
        self.states.drain(..found);
        self.states[0].epochs = recovered.epochs;
        self.files = Some(files);
        self.fuel = None;
        Ok(())
    }

    fn act(&mut self, act: Act) -> Result<(), Crashed> {
        match act {
            Act::Append => {
                for _ in 0..=self.rng.below(3) {
                    self.append()?;
                }
                Ok(())
            }
            Act::Sync => self.sync(),
            Act::Truncate => {
                self.end_background()?;
                let keep = self.rng.below(self.last().history.len());
                let after = self.last().history[keep].last_zxid;
                self.write(Write::Truncate { after }, |state| {
                    state.history.truncate(keep + 1);
                    state.database = state.history[keep].clone();
                })
            }
            Act::Accept => {
                let accepted = Epoch(self.last().epochs.accepted.0 + 1 + self.rng.below(2) as u32);
                let write = Write::SetAcceptedEpoch(accepted);
                self.write(write, |state| state.epochs.accepted = accepted)
            }
            Act::Adopt => {
                let current = self.last().epochs.accepted;
                let write = Write::SetCurrentEpoch(current);
                self.write(write, |state| state.epochs.current = current)
            }
            Act::Install => {
                self.end_background()?;
                let database = self.foreign_state();
                let write = Write::InstallSnapshot { state: Box::new(database.clone()) };
                self.write(write, |state| {
                    state.history = vec![database.clone()];
                    state.database = database;
                })
            }
            Act::Snapshot => {
                self.end_background()?;
                self.sync()?;
                let database = &self.last().database;
                let ops = snapshot_ops(database).collect();
                self.background = Some((database.last_zxid, ops));
                Ok(())
            }
            Act::Reload => {
                self.end_background()?;
                self.sync()?;
                assert_eq!(self.states.len(), 1);
                self.load()
            }
            Act::Crash(crash) => Err(Crashed(crash)),
            Act::CrashAfter(ops, crash) => {
                self.fuel = Some((ops, crash));
                Ok(())
            }
        }
    }

    fn append(&mut self) -> Result<(), Crashed> {
        let State { mut database, epochs, history: _ } = self.last().clone();
        let last = database.last_zxid;
        let zxid = if epochs.current > last.epoch() {
            Zxid::new(epochs.current, 1)
        } else {
            Zxid(last.0 + 1)
        };
        let header =
            TxnHeader { session: SessionId(7), cxid: Xid(1), zxid, time: WallMs(zxid.0 as i64) };
        let txn = match self.rng.below(4) {
            0 => Txn::CreateSession { timeout_ms: self.rng.below(90_000) as i32 },
            1 => Txn::Error(-101),
            _ => self.create(zxid),
        };
        database.apply(&header, &txn);
        let digest = (!matches!(txn, Txn::Error(_))).then(|| database.tree.digest());
        let record = txn::encode(&header, &txn, digest);
        self.write(Write::Append { zxid, record }, |state| {
            state.history.push(database.clone());
            state.database = database;
        })
    }

    /// A znode with data of any length, also longer than the steps of preallocation.
    fn create(&mut self, zxid: Zxid) -> Txn {
        let len = match self.rng.below(8) {
            0 => 5000,
            1 => 0,
            _ => self.rng.below(200),
        };
        let data: Bytes = (0..len).map(|_| self.rng.next() as u8).collect::<Vec<_>>().into();
        Txn::Create(CreateTxn {
            path: format!("/n{:x}", zxid.0).into(),
            data: Some(data),
            acl: Vec::new(),
            kind: CreateKind::Create,
            ephemeral: false,
            parent_cversion: zxid.counter() as i32,
        })
    }

    /// A state that some leader might send: before or after ours, of any promised epoch.
    fn foreign_state(&mut self) -> Database {
        let epoch = Epoch(self.rng.below(self.last().epochs.accepted.0 as usize + 1) as u32);
        let zxid = Zxid::new(epoch, self.rng.below(12) as u32);
        let mut database = Database::genesis();
        let header = TxnHeader { session: SessionId(8), cxid: Xid(1), zxid, time: WallMs(1) };
        let txn = self.create(zxid);
        database.apply(&header, &txn);
        database
    }

    /// Plans and runs one write. What is appended counts from the next sync on.
    fn write(&mut self, write: Write, change: impl FnOnce(&mut State)) -> Result<(), Crashed> {
        let mut ops = Vec::new();
        let disk = self.disk.clone();
        let files = self.files.as_mut().expect("the server is up");
        let planned = files.plan(&write, &mut |file| disk.read(file), &mut ops);
        planned.unwrap_or_else(|error| panic!("{write:?}: {error}"));
        let mut state = self.last().clone();
        change(&mut state);
        self.states.push(state);
        for op in &ops {
            self.op(op)?;
        }
        if !matches!(write, Write::Append { .. }) {
            self.all_durable();
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Crashed> {
        let mut ops = Vec::new();
        self.files.as_mut().expect("the server is up").sync(&mut ops);
        for op in &ops {
            self.op(op)?;
        }
        self.all_durable();
        Ok(())
    }

    fn all_durable(&mut self) {
        let last = self.states.len() - 1;
        self.states.drain(..last);
    }

    fn last(&self) -> &State {
        self.states.last().expect("there is always a state")
    }

    /// Runs an operation, unless the crash comes first; the background may go on meanwhile.
    fn op(&mut self, op: &FileOp) -> Result<(), Crashed> {
        self.run_one(op)?;
        if self.rng.below(2) == 0 {
            self.background_step()?;
        }
        Ok(())
    }

    fn run_one(&mut self, op: &FileOp) -> Result<(), Crashed> {
        match &mut self.fuel {
            Some((0, crash)) => {
                let crash = *crash;
                self.fuel = None;
                return Err(Crashed(crash));
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
        self.ops_run += 1;
        self.disk.run(op);
        Ok(())
    }

    fn background_step(&mut self) -> Result<(), Crashed> {
        let Some((zxid, ops)) = &mut self.background else { return Ok(()) };
        let zxid = *zxid;
        match ops.pop_front() {
            Some(op) => self.run_one(&op),
            None => {
                self.background = None;
                self.files.as_mut().expect("the server is up").snapshot_taken(zxid);
                Ok(())
            }
        }
    }

    fn end_background(&mut self) -> Result<(), Crashed> {
        while self.background.is_some() {
            self.background_step()?;
        }
        Ok(())
    }
}
