//! What every role of a server works on: disk, history, tree, clients, counters.
//!
//! A role owns only what belongs to it; what outlives it is here. Not here: any decision of the
//! election or of Zab.

use crate::config::{Config, Ensemble, PeerRole, ServerEntry};
use crate::membership::quorums_of;
use crate::policy::Policy;
use crate::prng::Prng;
use crate::process::{Effect, Out};
use crate::quorum::Quorums;
use crate::request::clients::{ClientRules, Clients, Scene};
use crate::request::sessions::SessionTracker;
use crate::request::syncs::WaitingSyncs;
use crate::sorted::SortedMap;
use crate::storage::{Recovered, Write};
use crate::trace::Event;
use crate::tree::Database;
use crate::txn::{LogRecord, Txn};
use crate::types::{ConnId, Epoch, Epochs, Now, ServerId, SessionId, Ticket, Xid, Zxid};
use crate::view::Stats;
use crate::wire::election::Vote;
use crate::wire::quorum::RevalidateReply;
use crate::zab::durability::Durability;
use crate::zab::history::History;
use alloc::boxed::Box;

/// The part of a server that outlives its roles.
#[derive(Clone, Debug, Hash)]
pub struct Shared<P: Policy> {
    /// What the server was told.
    pub config: Config,
    /// Whom it counts, by the configuration in force and the next one; empty when standalone.
    pub quorums: Quorums,
    /// Its decisions.
    pub policy: P,
    /// Its random numbers.
    pub prng: Prng,
    /// Its writes.
    pub disk: Durability,
    /// Recent transactions.
    pub history: History,
    /// Tree and sessions after the last applied transaction.
    pub database: Database,
    /// The oldest snapshot on disk; the history cannot be cut before it.
    pub oldest: Zxid,
    /// Connections of clients.
    pub clients: Clients,
    /// Counters.
    pub stats: Stats,
    /// The vote that lookers are told.
    pub vote: Option<Vote>,
    /// The epoch that was entered last, as `(e,0)`.
    established: Zxid,
    pub(crate) next_conn: u64,
    snapshots: Snapshots,
    /// The last transaction of each learner that this server, leading, told to cut its log. It
    /// outlives the role: a leadership that waits for such a learner alone ends before it is back.
    pub told_to_cut: SortedMap<ServerId, Zxid>,
    /// Whether the configuration on disk is one that the ensemble agreed on, with this server in it
    /// at some time; if not, it is the first one, as an operator wrote it.
    pub was_member: bool,
    /// Who leads behind the role that ends now, as the new configuration's old leader said.
    pub appointed: Option<ServerId>,
    /// The zxid counter with which this server first leads; only a simulation sets it.
    pub first_counter: Option<u32>,
}

/// When the next background snapshot is due.
#[derive(Clone, Debug, Hash)]
struct Snapshots {
    applied_since: u64,
    due_after: u64,
    running: bool,
}

impl<P: Policy> Shared<P> {
    /// As recovery found it.
    pub fn new(config: Config, recovered: Recovered, seed: u64, policy: P) -> Shared<P> {
        let mut prng = Prng::new(seed);
        let Recovered { database, epochs, recent, oldest, notes: _ } = recovered;
        let disk = Durability::new(epochs, database.last_zxid);
        let due_after = snapshot_distance(&config, &mut prng);
        let was_member = config.ensemble.as_ref().is_some_and(|ensemble| ensemble.version > 0);
        Shared {
            clients: Clients::new(&config),
            quorums: quorums_of(config.ensemble.as_ref(), config.next.as_ref()),
            history: History::new(recent, config.commit_log_count),
            config,
            policy,
            prng,
            disk,
            database,
            oldest,
            stats: Stats {
                proposal_size_last: -1,
                proposal_size_min: -1,
                proposal_size_max: -1,
                ..Stats::default()
            },
            vote: None,
            established: Zxid::ZERO,
            next_conn: 0,
            snapshots: Snapshots { applied_since: 0, due_after, running: false },
            told_to_cut: SortedMap::new(),
            was_member,
            appointed: None,
            first_counter: None,
        }
    }

    /// This server's number.
    pub fn me(&self) -> ServerId {
        self.config.me
    }

    /// The ensemble.
    pub fn ensemble(&self) -> &Ensemble {
        self.config.ensemble.as_ref().expect("roles but Standalone exist only in an ensemble")
    }

    /// This server's own line of the configuration, or the last one it had.
    pub fn my_entry(&self) -> &ServerEntry {
        self.config.own.as_ref().expect("roles but Standalone exist only in an ensemble")
    }

    /// A voter that begins without any history, where that may mean that it was lost
    /// ([`Config::autocreate`]): it follows an established leader, and has no vote until then.
    pub fn is_amnesiac(&self) -> bool {
        let is_empty = self.disk.last_logged() == Zxid::ZERO && self.epochs().current == Epoch(0);
        !self.config.autocreate && is_empty && self.is_voter()
    }

    /// How it takes part as of now. Who votes in the next configuration only is needed for a quorum
    /// of it already; in Java such an observer's vote is for nobody, and may be missing for ever.
    pub fn acts_as(&self) -> PeerRole {
        if self.is_amnesiac() {
            PeerRole::Observer
        } else if self.quorums.is_voter(self.me()) {
            PeerRole::Participant
        } else {
            self.my_entry().role
        }
    }

    /// Both epochs, as the disk has them.
    pub fn epochs(&self) -> Epochs {
        self.disk.epochs()
    }

    /// Whether the voters among `servers` (each named once) are a quorum.
    pub fn is_quorum(&self, servers: impl Iterator<Item = ServerId> + Clone) -> bool {
        if self.policy.only_voters_count() {
            return self.quorums.is_quorum(&self.policy, servers);
        }
        let voters = self.quorums.voters().len() as u64;
        servers.count() as u64 >= self.policy.majority(voters)
    }

    /// What clients are told as the last zxid: that of the tree, or `(e,0)` in a fresh epoch.
    pub fn last_processed(&self) -> Zxid {
        self.database.last_zxid.max(self.established)
    }

    /// A name for a connection of this server's own.
    pub fn take_conn(&mut self) -> ConnId {
        self.next_conn += 1;
        ConnId::outgoing(self.next_conn)
    }

    /// The counter behind [`Shared::take_conn`], for the election's mesh.
    pub fn conn_counter(&mut self) -> &mut u64 {
        &mut self.next_conn
    }

    /// Clients are served from here on, in this epoch.
    pub fn enter_epoch(&mut self, epoch: Epoch) {
        self.established = Zxid::new(epoch, 0);
        if let Some(vote) = &mut self.vote {
            // All members report the same epoch, or nobody could join them (ZOOKEEPER-1732).
            vote.peer_epoch = epoch;
        }
        self.clients.start_serving();
    }

    /// Hands a transaction to the log.
    pub fn append(&mut self, record: LogRecord, out: &mut Out<Effect>) -> Ticket {
        let zxid = record.zxid();
        let write = Write::Append { zxid, record: record.encoded.clone() };
        let ticket = self.disk.persist(write, out);
        out.event(|| Event::Appended { zxid, ticket });
        self.history.push(record);
        ticket
    }

    /// Another state replaces this one, on disk and in memory.
    pub fn install(&mut self, state: Database, out: &mut Out<Effect>) {
        self.disk.persist(Write::InstallSnapshot { state: Box::new(state.clone()) }, out);
        self.oldest = state.last_zxid;
        self.database = state;
        self.history.replace(alloc::vec::Vec::new());
    }

    /// Another state replaces this one, in memory alone.
    pub fn take_over(&mut self, state: Database) {
        self.disk.claim(state.last_zxid);
        self.database = state;
        self.history.replace(alloc::vec::Vec::new());
    }

    /// Takes what the disk holds now.
    pub fn on_reloaded(&mut self, recovered: Recovered) {
        let (found, written) = (recovered.database.last_zxid, self.disk.last_logged());
        assert!(
            found == written || !self.policy.stops_on_failed_cut(),
            "the disk holds a history up to {found} and not to {written}"
        );
        self.database = recovered.database;
        self.oldest = recovered.oldest;
        self.history.replace(recovered.recent);
    }

    /// Everything in the log becomes part of the tree, committed or not, so that what this server
    /// says of its history is what its disk holds (ZOOKEEPER-2845). Only between two roles.
    pub fn fast_forward(&mut self) {
        if !self.policy.takes_in_the_log() || !self.policy.waits_for_the_log_writer() {
            return self.forget_the_rest();
        }
        while let Some(record) = self.history.take_through(Zxid(u64::MAX), true) {
            self.database.apply(&record.header, &record.txn);
        }
    }

    /// The tree stays as it is, or takes in what is durable; the rest of the log is forgotten.
    fn forget_the_rest(&mut self) {
        while self.policy.takes_in_the_log()
            && let Some(record) = self.history.take_through(self.disk.last_durable(), true)
        {
            self.database.apply(&record.header, &record.txn);
        }
        if !self.history.pending().is_empty() {
            self.history.forget_pending();
            self.disk.claim(self.database.last_zxid);
        }
    }

    /// Applies what is committed, as far as it is durable here (ZOOKEEPER-4882). Each sync is
    /// answered in its place among these transactions: its client waits for answers in order.
    pub fn apply_through(
        &mut self,
        now: Now,
        committed: Zxid,
        mut tracker: Option<&mut SessionTracker>,
        syncs: &mut WaitingSyncs,
        out: &mut Out<Effect>,
    ) {
        let limit = committed.min(self.disk.last_durable());
        let whole = self.policy.window_has_what_was_synced();
        loop {
            syncs.release(self, now, out);
            let Some(record) = self.history.take_through(limit, whole) else { break };
            let (header, op) = (record.header, record.txn.op().to_wire());
            let is_close = matches!(record.txn, Txn::CloseSession { .. });
            let is_torn = !self.policy.snapshot_holds_its_zxid();
            let before = is_torn.then(|| self.database.sessions.clone());
            let applied = self.database.apply(&header, &record.txn);
            self.snapshots.applied_since += 1;
            if let Some(sessions) = before {
                self.maybe_snapshot_of(|now| Database { sessions, ..now.clone() }, out);
            }
            if let Some(tracker) = tracker.as_deref_mut().filter(|_| is_close) {
                tracker.remove(header.session);
            }
            let (zxid, session, error) = (header.zxid, header.session, applied.error);
            out.event(|| Event::Applied { zxid, op, session, error });
            let (clients, mut scene) = self.scene(now, out);
            clients.on_applied(&mut scene, &header, &applied);
        }
    }

    /// The clients, and what every step of their service looks at.
    pub fn scene<'a>(
        &'a mut self,
        now: Now,
        out: &'a mut Out<Effect>,
    ) -> (&'a mut Clients, Scene<'a>) {
        let last_processed = self.last_processed();
        let rules = ClientRules {
            events_first: self.policy.events_precede_replies(),
            tells_missed: self.policy.tells_what_was_missed(),
            last_applied: self.policy.headers_say_last_applied(),
        };
        let (database, stats) = (&self.database, &mut self.stats);
        (&mut self.clients, Scene { now, database, last_processed, rules, stats, out })
    }

    /// A client's sync is answered.
    pub fn complete_sync(
        &mut self,
        now: Now,
        session: SessionId,
        cxid: Xid,
        out: &mut Out<Effect>,
    ) {
        let (clients, mut scene) = self.scene(now, out);
        clients.on_synced(&mut scene, session, cxid);
    }

    /// The leader said whether a session lives.
    pub fn on_revalidated(&mut self, now: Now, reply: &RevalidateReply, out: &mut Out<Effect>) {
        let (clients, mut scene) = self.scene(now, out);
        clients.on_revalidated(&mut scene, reply);
    }

    /// Counts a proposal of `size` bytes.
    pub fn count_proposal(&mut self, size: usize) {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let stats = &mut self.stats;
        stats.proposals += 1;
        stats.proposal_size_last = size;
        let first = stats.proposal_size_min < 0;
        stats.proposal_size_min = if first { size } else { stats.proposal_size_min.min(size) };
        stats.proposal_size_max = stats.proposal_size_max.max(size);
    }

    /// Asks for a background snapshot when enough has been applied since the last one. Only while
    /// all that is applied is committed.
    pub fn maybe_snapshot(&mut self, out: &mut Out<Effect>) {
        self.maybe_snapshot_of(Database::clone, out);
    }

    fn maybe_snapshot_of(
        &mut self,
        state: impl FnOnce(&Database) -> Database,
        out: &mut Out<Effect>,
    ) {
        let snapshots = &mut self.snapshots;
        if snapshots.running || snapshots.applied_since < snapshots.due_after {
            return;
        }
        snapshots.running = true;
        snapshots.applied_since = 0;
        snapshots.due_after = snapshot_distance(&self.config, &mut self.prng);
        out.push(Effect::Snapshot { state: Box::new(state(&self.database)) });
    }

    /// The background snapshot ended, well or not; the log still holds everything.
    pub fn on_snapshot_ended(&mut self) {
        self.snapshots.running = false;
    }
}

/// Half of `snapCount` and a random part of the other half, so that servers take turns.
fn snapshot_distance(config: &Config, prng: &mut Prng) -> u64 {
    let half = (config.snap_count / 2).max(1);
    half + prng.below(half)
}
