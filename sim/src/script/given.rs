//! From the `given` lines of a script to the start of a world.
//!
//! Not here: what a world makes of it (see [`crate::given`]).

use std::sync::Arc;

use bytes::Bytes;
use zablab_core::config::PeerRole;
use zablab_core::paxos::Roles;
use zablab_core::sorted::SortedMap;
use zablab_core::tree::acl::{self, world_anyone};
use zablab_core::tree::{Database, path};
use zablab_core::txn::{CreateKind, CreateTxn, LogRecord, Txn, TxnHeader};
use zablab_core::types::{ElectionEpoch, Epoch, ServerId, SessionId, WallMs, Xid, Zxid};
use zablab_core::wire::txn::record;

use super::ast::{Act, ChooserKind, Command, Given, GivenTxn, HostName, PaxosKind, Script, Sids};
use crate::given::{ClientGiven, ServerGiven};
use crate::paxos::{PaxosGiven, number_of};
use crate::step::ClientId;
use crate::teaching::{Bug, BugSet};

/// Sessions of `given log` are numbered from here, as if server 1 had made them.
const FIRST_SESSION: i64 = 0x0100_0000_0000_0000;

/// Everything that a script decides before its first step.
#[derive(Clone, Debug)]
pub struct Start {
    /// The world's start.
    pub given: Arc<crate::Given>,
    /// Clients by their names.
    pub clients: SortedMap<String, ClientId>,
    /// Who picks the next step.
    pub chooser: ChooserKind,
    /// Which bugs are on.
    pub bugs: BugSet,
}

/// A start that makes no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A line names a server that there is not.
    #[error("there is no server {server}")]
    NoServer {
        /// Which.
        server: ServerId,
    },
    /// A line is about Paxos, but names a server.
    #[error("server {server} is no Paxos process")]
    NoProcess {
        /// Which.
        server: ServerId,
    },
    /// There is no such mutation.
    #[error("there is no bug {name}")]
    NoBug {
        /// Its name.
        name: String,
    },
    /// A record cannot follow the records before it.
    #[error("the log of server {server} cannot go on with {zxid:?}: {why}")]
    Record {
        /// Whose log.
        server: ServerId,
        /// Which record.
        zxid: Zxid,
        /// Why.
        why: &'static str,
    },
}

impl Start {
    /// The start of this script.
    ///
    /// # Errors
    /// The first given line that makes no sense, with its number.
    pub fn of(script: &Script) -> Result<Start, (u32, StartError)> {
        let mut builder = Builder::new(client_numbers(script));
        let lines = || script.lines.iter();
        // How many servers there are must be known before anything is said of one.
        for line in lines() {
            if let Command::Given(given) = &line.command {
                builder.ensemble(given).map_err(|error| (line.number, error))?;
            }
        }
        for line in lines() {
            if let Command::Given(given) = &line.command {
                builder.take(given).map_err(|error| (line.number, error))?;
            }
        }
        Ok(builder.finish())
    }
}

/// The servers of a set; those of `up` are the caller's to know.
pub(super) fn members(set: &Sids, servers: &SortedMap<ServerId, ServerGiven>) -> Vec<ServerId> {
    let of_role = |role: PeerRole| {
        let those = servers.iter().filter(move |(_, server)| server.role == role);
        those.map(|(sid, _)| *sid).collect()
    };
    match set {
        Sids::All | Sids::Up => servers.keys().copied().collect(),
        Sids::Voters => of_role(PeerRole::Participant),
        Sids::Observers => of_role(PeerRole::Observer),
        Sids::List(items) => {
            let numbers = items.iter().flat_map(|(first, last)| first.0..=last.0);
            numbers.map(ServerId).collect()
        }
    }
}

/// The names of a script's clients, in the order of their numbers.
fn client_numbers(script: &Script) -> SortedMap<String, ClientId> {
    let mut names: Vec<&String> = Vec::new();
    let mut see = |name| {
        if !names.contains(&name) {
            names.push(name);
        }
    };
    for line in &script.lines {
        match &line.command {
            Command::Given(Given::Clients(all)) => all.iter().for_each(&mut see),
            Command::Given(Given::Log { txn: Some(GivenTxn::Session(name, _)), .. }) => see(name),
            Command::Act(Act::Client { client, .. }) => see(client),
            Command::Act(
                Act::CutOneWay(way)
                | Act::Delay(way, _)
                | Act::Hold(way, _)
                | Act::Release(way)
                | Act::Lose(way, _)
                | Act::Duplicate(way, _)
                | Act::Deliver(way, _),
            ) => {
                for host in [&way.from, &way.to] {
                    if let HostName::Client(name) = host {
                        see(name);
                    }
                }
            }
            _ => {}
        }
    }
    (1..).zip(names).map(|(number, name)| (name.clone(), ClientId(number))).collect()
}

struct Builder {
    given: crate::Given,
    clients: SortedMap<String, ClientId>,
    chooser: ChooserKind,
    bugs: BugSet,
    disks: SortedMap<ServerId, History>,
    accepted: SortedMap<ServerId, Epoch>,
    current: SortedMap<ServerId, Epoch>,
}

/// A log as it is written, and the state after each of its records.
struct History {
    records: Vec<LogRecord>,
    state: Database,
    snapshot: Option<Database>,
}

impl Builder {
    fn new(clients: SortedMap<String, ClientId>) -> Builder {
        let mut given = crate::Given::of_voters(3, 1);
        down(&mut given.servers);
        Builder {
            given,
            clients,
            chooser: ChooserKind::Fifo,
            bugs: BugSet::default(),
            disks: SortedMap::new(),
            accepted: SortedMap::new(),
            current: SortedMap::new(),
        }
    }

    fn ensemble(&mut self, given: &Given) -> Result<(), StartError> {
        match given {
            Given::Servers(n) => {
                self.given.servers = crate::Given::of_voters(*n, 1).servers;
                down(&mut self.given.servers);
            }
            Given::Standalone => {
                self.given.standalone = true;
                self.given.servers = SortedMap::from([(ServerId(0), ServerGiven::default())]);
            }
            Given::Paxos(kind, n) => self.processes(*kind, *n),
            Given::Observers(at) => {
                self.each(at, |server| server.role = PeerRole::Observer)?;
            }
            Given::Joining(at) => self.each(at, |server| server.joins = true)?,
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, given: &Given) -> Result<(), StartError> {
        let timing = &mut self.given.timing;
        match given {
            Given::Servers(_) | Given::Standalone | Given::Observers(_) | Given::Clients(_) => {}
            Given::Joining(_) => {}
            Given::Reconfig(on) => timing.reconfig = *on,
            Given::SkipAcl(on) => timing.skip_acl = *on,
            Given::Paxos(..) => {}
            Given::Promised(at, ballot) => {
                self.process(at, |given| given.state.promised = Some(*ballot))?;
            }
            Given::Accepted(at, proposal) => self.process(at, |given| {
                let state = &mut given.state;
                state.promised = state.promised.max(Some(proposal.ballot));
                state.accepted = Some(proposal.clone());
            })?,
            Given::Seed(seed) => self.given.seed = *seed,
            Given::Chooser(kind) => self.chooser = *kind,
            Given::Tick(us) => timing.tick_time_ms = (us / 1000) as u32,
            Given::InitLimit(n) => timing.init_limit = *n,
            Given::SyncLimit(n) => timing.sync_limit = *n,
            Given::Delay(us) => timing.delay_us = *us,
            Given::Jitter(us) => timing.jitter_us = *us,
            Given::SyncTime(us) => timing.sync_us = *us,
            Given::SyncJitter(us) => timing.sync_jitter_us = *us,
            Given::GiveUp(us) => timing.give_up_ms = us / 1000,
            Given::SnapCount(n) => timing.snap_count = u64::from(*n),
            Given::Window(n) => timing.commit_log_count = *n as usize,
            Given::ClockPpm(at, ppm) => self.each(at, |server| server.clock_ppm = *ppm)?,
            Given::Group(at, group) => self.each(at, |server| server.group = Some(*group))?,
            Given::Weight(at, weight) => self.each(at, |server| server.weight = Some(*weight))?,
            Given::Round(at, round) => {
                self.each(at, |server| server.preset.round = Some(ElectionEpoch(*round)))?;
            }
            Given::Counter(at, counter) => {
                self.each(at, |server| server.preset.counter = Some(*counter))?;
            }
            Given::CrossEpoch(rule) => timing.cross_epoch = *rule,
            Given::Autocreate(on) => timing.autocreate = *on,
            Given::LogDiff(percent) => timing.log_diff_percent = *percent,
            Given::ReadOnlyMode(on) => timing.sessions.read_only_mode = *on,
            Given::LocalSessions(on) => timing.sessions.local = *on,
            Given::LocalSessionsUpgrading(on) => timing.sessions.upgrades = *on,
            Given::SyncQuorum(on) => timing.sync_quorum = *on,
            Given::ElectionAlg(algorithm) => timing.election = *algorithm,
            Given::CommitLog(at, first, last) => {
                self.each(at, |server| server.preset.commit_log = Some((*first, *last)))?;
            }
            Given::AcceptedEpoch(at, epoch) => {
                let at = self.known(at)?;
                self.accepted.extend(at.into_iter().map(|sid| (sid, *epoch)));
            }
            Given::CurrentEpoch(at, epoch) => {
                let at = self.known(at)?;
                self.current.extend(at.into_iter().map(|sid| (sid, *epoch)));
            }
            Given::Log { at, first, last, txn } => {
                for sid in self.known(at)? {
                    for counter in first.counter()..=last.counter() {
                        let zxid = Zxid::new(first.epoch(), counter);
                        self.append(sid, zxid, txn.as_ref())?;
                    }
                }
            }
            Given::Snapshot(at, zxid) => {
                for sid in self.known(at)? {
                    self.snapshot(sid, *zxid)?;
                }
            }
            Given::Bug(name) => {
                let bug: Bug =
                    name.parse().map_err(|_| StartError::NoBug { name: name.clone() })?;
                self.bugs = self.bugs.with(bug);
            }
        }
        Ok(())
    }

    /// Paxos processes of one kind; with the first of them there are no servers any more. All run
    /// from the beginning.
    fn processes(&mut self, kind: PaxosKind, n: u32) {
        let servers = &mut self.given.servers;
        if servers.values().any(|server| server.paxos.is_none()) {
            servers.clear();
        }
        let none = Roles::default();
        let (letter, roles) = match kind {
            PaxosKind::Acceptors => ('A', Roles { acceptor: true, reader: true, ..none }),
            PaxosKind::Proposers => ('P', Roles { proposer: true, ..none }),
            PaxosKind::Learners => ('L', Roles { learner: true, ..none }),
            PaxosKind::Peers => {
                ('A', Roles { proposer: true, acceptor: true, learner: true, reader: true })
            }
        };
        for sid in (1..=n).filter_map(|i| number_of(&format!("{letter}{i}"))) {
            let paxos = Some(PaxosGiven { roles, ..PaxosGiven::default() });
            servers.insert(sid, ServerGiven { up: true, paxos, ..ServerGiven::default() });
        }
    }

    fn process(&mut self, at: &Sids, change: impl Fn(&mut PaxosGiven)) -> Result<(), StartError> {
        for server in self.known(at)? {
            let given = self.given.servers.get_mut(&server).and_then(|own| own.paxos.as_mut());
            change(given.ok_or(StartError::NoProcess { server })?);
        }
        Ok(())
    }

    fn known(&self, at: &Sids) -> Result<Vec<ServerId>, StartError> {
        let members = members(at, &self.given.servers);
        match members.iter().find(|sid| !self.given.servers.contains_key(sid)) {
            Some(server) => Err(StartError::NoServer { server: *server }),
            None => Ok(members),
        }
    }

    fn each(&mut self, at: &Sids, change: impl Fn(&mut ServerGiven)) -> Result<(), StartError> {
        for sid in self.known(at)? {
            let server = self.given.servers.get_mut(&sid);
            change(server.expect("only known servers are in the list"));
        }
        Ok(())
    }

    fn history(&mut self, sid: ServerId) -> &mut History {
        self.disks.entry(sid).or_insert_with(|| History {
            records: Vec::new(),
            state: Database::genesis(),
            snapshot: None,
        })
    }

    fn append(
        &mut self,
        sid: ServerId,
        zxid: Zxid,
        txn: Option<&GivenTxn>,
    ) -> Result<(), StartError> {
        let wall = self.given.timing.wall;
        let session = self.session(txn);
        let history = self.history(sid);
        let refused = |why| Err(StartError::Record { server: sid, zxid, why });
        if zxid <= history.state.last_zxid {
            return refused("zxids must rise");
        }
        let Some(txn) = txn_of(&history.state, zxid, txn) else {
            return refused("there is no such znode, or no such parent");
        };
        let header = TxnHeader { session, cxid: Xid(0), zxid, time: WallMs(wall.0) };
        if history.state.apply(&header, &txn).error != 0 {
            return refused("it fails");
        }
        history.records.push(record(header, txn, Some(history.state.tree.digest())));
        Ok(())
    }

    /// Whose transaction it is; a session that begins becomes its client's.
    fn session(&mut self, txn: Option<&GivenTxn>) -> SessionId {
        let Some(GivenTxn::Session(name, us)) = txn else { return SessionId(0) };
        let id = self.clients[name];
        let session = SessionId(FIRST_SESSION | i64::from(id.0));
        let timeout_ms = (us / 1000) as i32;
        self.given.clients.insert(id, ClientGiven { session, timeout_ms });
        session
    }

    fn snapshot(&mut self, sid: ServerId, zxid: Zxid) -> Result<(), StartError> {
        let history = self.history(sid);
        let mut state = Database::genesis();
        for record in history.records.iter().filter(|record| record.zxid() <= zxid) {
            state.apply(&record.header, &record.txn);
        }
        if state.last_zxid != zxid {
            return Err(StartError::Record {
                server: sid,
                zxid,
                why: "the log has no such record",
            });
        }
        history.snapshot = Some(state);
        Ok(())
    }

    fn finish(mut self) -> Start {
        for (sid, server) in &mut self.given.servers {
            let mut epoch = Epoch(0);
            if let Some(history) = self.disks.remove(sid) {
                epoch = history.state.last_zxid.epoch();
                let base = history.snapshot.as_ref().map_or(Zxid::ZERO, |state| state.last_zxid);
                let log = history.records.into_iter().filter(|record| record.zxid() > base);
                server.disk.log = log.collect();
                server.disk.snapshot = history.snapshot;
            }
            let current = self.current.get(sid).copied().unwrap_or(epoch);
            let accepted = self.accepted.get(sid).copied().unwrap_or(current);
            server.disk.epochs.current = current;
            server.disk.epochs.accepted = accepted;
        }
        let Builder { given, clients, chooser, bugs, .. } = self;
        Start { given: Arc::new(given), clients, chooser, bugs }
    }
}

fn down(servers: &mut SortedMap<ServerId, ServerGiven>) {
    servers.values_mut().for_each(|server| server.up = false);
}

/// The transaction of a `given log` line in this state; `None` if a znode is missing.
fn txn_of(state: &Database, zxid: Zxid, txn: Option<&GivenTxn>) -> Option<Txn> {
    match txn {
        None => create(state, &format!("/{}-{}", zxid.epoch(), zxid.counter()), "", None),
        Some(GivenTxn::Create(path, data, number)) => create(state, path, data, *number),
        Some(GivenTxn::Set(path, data)) => {
            let version = state.tree.get(path)?.version + 1;
            let data = Some(Bytes::copy_from_slice(data.as_bytes()));
            Some(Txn::SetData { path: path.as_str().into(), data, version, reconfig: false })
        }
        Some(GivenTxn::Delete(path)) => {
            state.tree.get(path)?;
            Some(Txn::Delete { path: path.as_str().into(), container: false })
        }
        Some(GivenTxn::Session(_, us)) => {
            Some(Txn::CreateSession { timeout_ms: (us / 1000) as i32 })
        }
    }
}

fn create(state: &Database, path: &str, data: &str, number: Option<i32>) -> Option<Txn> {
    let (parent, _) = path::split(path)?;
    let parent = state.tree.get(parent)?;
    let has = state.tree.get(path).is_some();
    (!has && path::is_valid(path)).then(|| {
        Txn::Create(CreateTxn {
            path: path.into(),
            data: Some(Bytes::copy_from_slice(data.as_bytes())),
            acl: vec![world_anyone(acl::ALL)],
            kind: CreateKind::Create,
            ephemeral: false,
            parent_cversion: number.unwrap_or(parent.cversion) + 1,
        })
    })
}
