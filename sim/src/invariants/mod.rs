//! The invariants of the protocol, checked after every step of a simulation.
//!
//! [`Checker`] is told everything that happens, in order, through its hooks, and keeps a list of
//! what was broken. It reads trace events and the writes of the servers, never their state, so a
//! server that fools itself does not fool the checker. A hook costs a few look-ups; no view is
//! built. A clone is as large as the list of transactions and goes back in time with its world.
//!
//! One file per family of rules: `local` (L: each server by itself, against its own disk),
//! `broadcast` and `streams` (Z: all servers together), `election` (E), `liveness` (what needs
//! time), `clients`, `reads` and `access` (K: what clients were told), `watches` (W: of what they
//! were told without asking), `trees` (Z16: what histories do). All read the same `facts`; a
//! rule that needs more keeps it in its own file. `paxos` (X) has facts and hooks of its own, as
//! its processes are no servers. Deliberately not here: what depends on wall time.
//!
//! Source: part B of the correctness notes, whose names the rules keep; Junqueira, Reed, Serafini
//! 2011; the TLA+ specifications kept with Apache ZooKeeper.

mod access;
mod broadcast;
mod clients;
mod election;
mod facts;
mod histories;
mod liveness;
mod local;
mod paxos;
mod reads;
mod streams;
#[cfg(test)]
mod tests;
mod trees;
mod watches;

use std::fmt;
use std::hash::{Hash, Hasher};

use zablab_core::client::CallId;
use zablab_core::config::{Config, ElectionAlg};
use zablab_core::paxos::{Durable, Value};
use zablab_core::quorum::Quorums;
use zablab_core::storage::{Recovered, Write};
use zablab_core::trace::Event;
use zablab_core::tree::Database;
use zablab_core::types::{Mono, Path, ServerId, SessionId, Ticket, Zxid};
use zablab_core::wire::client::Request;

use crate::client::{Call, Outcome};
use crate::step::ClientId;
use broadcast::Broadcast;
use clients::Clients;
use election::Elections;
use facts::Facts;
use liveness::Liveness;
use streams::Streams;
use trees::Trees;
use watches::Watches;

pub use liveness::Limits;

macro_rules! invariants {
    ($($name:ident $text:literal),* $(,)?) => {
        /// The name of an invariant: Z broadcast safety, L local order, K sessions and clients,
        /// W watches, X single-decree Paxos.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        pub enum Invariant {
            $(#[doc = $text] $name,)*
        }

        impl Invariant {
            /// All that are checked.
            pub const ALL: &'static [Invariant] = &[$(Invariant::$name),*];

            /// Its short name, such as `Z1`.
            pub fn id(self) -> &'static str {
                match self {
                    $(Invariant::$name => stringify!($name),)*
                }
            }

            /// True if it demands that something happens in time.
            pub fn is_about_time(self) -> bool {
                matches!(self, Invariant::E5 | Invariant::E6)
            }

            /// What it demands, in one sentence.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Invariant::$name => $text,)*
                }
            }
        }
    };
}

invariants! {
    Z1 "An epoch has at most one established leader.",
    Z2 "At most one leader collects a quorum of promises for an epoch.",
    Z3 "What any two servers delivered is one sequence, which one of them may have less of.",
    Z4 "A server delivers only what was proposed and committed, and each transaction once.",
    Z8 "A leader gives out zxids of its own epoch only.",
    Z10 "A committed transaction stays on the disks of a quorum.",
    Z11 "An established leader's history begins with all that was committed before its epoch.",
    Z13 "Logs that share a transaction are equal up to it.",
    Z14 "Equal zxids name equal bytes.",
    Z15 "Neither a log nor what a leader sends to a learner has a gap.",
    Z16 "A tree has all of the history that was adopted, and equal histories make equal trees.",
    Z17 "Recovery finds what the disk made durable, and nothing that was not written.",
    L1 "A promise is durable before LEADERINFO or ACKEPOCH leaves.",
    L2 "The epoch and its history are durable before ACK NEWLEADER leaves.",
    L3 "The history of an epoch is durable before currentEpoch says so.",
    L4 "A transaction is durable before its ACK leaves or is counted.",
    L5 "A leader commits what a quorum acknowledged, in order.",
    L6 "Epochs never fall, and currentEpoch is not above acceptedEpoch.",
    L7 "A server acknowledges nothing to a leader of an older epoch than it promised.",
    L8 "The last zxid and epoch that a server reports are what a reload would find.",
    L9 "No write of a role is under way when the next role begins.",
    E2 "Within one round a server's vote only gets better.",
    E3 "A server decides with a quorum of equal votes, or one that the leader confirms.",
    E5 "A quorum that can talk has an established leader in time.",
    E6 "A server joins a leader of a quorum in time, and no packet of either surprises the other.",
    K1 "A write that begins after another was answered OK comes after it.",
    K2 "What a session asks for is done and answered in the order in which it asked.",
    K3 "A read shows what was written last before the zxid of its reply, and nothing else.",
    K4 "The zxids of the replies of a session never fall.",
    K5 "A sync is answered behind every write that was answered before it was asked for.",
    K6 "A write that was answered OK is committed and in the history of every later leader.",
    K7 "No request is done twice.",
    K8 "An ephemeral znode belongs to a session that lives in the same state.",
    K9 "A session ends by its leader, or the server that alone has it, and not before its timeout.",
    K10 "The numbers in the stat of a znode go together.",
    K11 "The numbers of sequential names rise under each parent.",
    K12 "Access lists decide what is done, everywhere and at any time alike.",
    Q1 "A leader that hears of no quorum answers nobody.",
    W1 "A client is told of a change that it watches for before it can see it.",
    W2 "Events reach a client in the order of the changes.",
    W3 "A watch tells of one change, which was made after the watch was set.",
    W4 "No change that is watched for is kept secret.",
    X1 "An acceptor's promise never falls, and it says nothing that is not durable.",
    X2 "Once a value is chosen, every proposal with a greater number has that value.",
    X3 "At most one value is chosen, and it was proposed.",
    X4 "No two proposals share a number, also after a proposer's restart.",
    X5 "A read returns only what is chosen.",
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// An invariant that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// The step of the simulation, as given to [`Checker::begin_step`].
    pub step: u64,
    /// The servers concerned; the first one is where it showed.
    pub servers: Vec<ServerId>,
    /// What happened, in one sentence that names the two things that do not go together.
    pub explanation: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} broken at step {}: {}", self.invariant, self.step, self.explanation)
    }
}

/// Where rules put what they found: the first violation of each invariant.
#[derive(Clone, Debug, Default)]
struct Report {
    step: u64,
    found: Vec<Violation>,
}

impl Report {
    fn broken<const N: usize>(
        &mut self,
        invariant: Invariant,
        servers: [ServerId; N],
        explanation: String,
    ) {
        if self.found.iter().all(|violation| violation.invariant != invariant) {
            let servers = servers.to_vec();
            self.found.push(Violation { invariant, step: self.step, servers, explanation });
        }
    }
}

/// All invariants over one run.
///
/// The order of the hooks is the order of what happens: inside one step of a server first its
/// writes ([`Checker::on_persist_issued`]), then its events ([`Checker::on_event`]); and
/// [`Checker::on_durable`] before the server itself is told.
#[derive(Clone, Debug)]
pub struct Checker {
    facts: Facts,
    broadcast: Broadcast,
    clients: Clients,
    elections: Elections,
    streams: Streams,
    trees: Trees,
    watches: Watches,
    liveness: Liveness,
    paxos: paxos::Paxos,
    report: Report,
}

impl Checker {
    /// A checker for an ensemble whose voters these are. Any other server that shows up is an
    /// observer.
    pub fn new(quorums: Quorums, limits: Limits) -> Self {
        Checker {
            facts: Facts::new(quorums),
            broadcast: Broadcast::default(),
            clients: Clients::default(),
            elections: Elections::default(),
            streams: Streams::default(),
            trees: Trees::default(),
            watches: Watches::default(),
            liveness: Liveness::new(limits),
            paxos: paxos::Paxos::default(),
            report: Report::default(),
        }
    }

    /// The same for an ensemble that elects by this algorithm.
    #[must_use]
    pub fn with_election(mut self, election: ElectionAlg) -> Self {
        self.facts.election = election;
        self
    }

    /// The same for leaders that answer a sync only when a quorum has acknowledged that they lead.
    #[must_use]
    pub fn with_sync_quorum(mut self, sync_quorum: bool) -> Self {
        self.clients.set_sync_quorum(sync_quorum);
        self
    }

    /// The same with these Paxos processes that accept.
    #[must_use]
    pub fn with_acceptors(mut self, acceptors: impl Iterator<Item = ServerId>) -> Self {
        self.paxos.set_acceptors(acceptors);
        self
    }

    /// The value that a majority of Paxos acceptors has accepted under one number, whether or not
    /// anybody knows.
    pub fn chosen(&self) -> Option<&Value> {
        self.paxos.chosen()
    }

    /// What was broken so far, in order: for each invariant its first violation.
    pub fn violations(&self) -> &[Violation] {
        &self.report.found
    }

    /// Feeds what is remembered of the past to a hasher: what decides which step breaks a rule.
    /// The rules about time and about Paxos are not among them.
    pub(crate) fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Checker { facts, broadcast, clients, elections, streams, .. } = self;
        facts.hash(hasher);
        broadcast.hash(hasher);
        clients.hash(facts, hasher);
        elections.hash(hasher);
        streams.hash(hasher);
        (&self.trees, &self.watches).hash(hasher);
    }

    /// How many transactions are in the order that was committed.
    pub fn committed(&self) -> usize {
        self.facts.committed_len()
    }

    /// Whether a quorum has this transaction of a server's log, and all before it.
    pub fn is_committed(&self, server: ServerId, zxid: Zxid) -> bool {
        let history = self.facts.knows(server).then(|| self.facts.logged(server, zxid)).flatten();
        history.is_some_and(|history| self.facts.is_committed(history))
    }

    /// How many transactions are known that come before this one in a server's log.
    pub fn before(&self, server: ServerId, zxid: Zxid) -> usize {
        let history = self.facts.knows(server).then(|| self.facts.logged(server, zxid)).flatten();
        history.map_or(0, |history| self.facts.histories.len(history).saturating_sub(1))
    }

    /// Whether one of these could lead, if nobody else comes.
    pub fn can_lead(&self, up: &[ServerId]) -> bool {
        self.facts.can_lead(up.iter().copied())
    }

    /// Whether a start of this server must find what its writes have left: not before its first
    /// start, nor after its disk was tampered with.
    pub fn vouches_for(&self, server: ServerId) -> bool {
        self.facts.knows(server) && self.facts.server(server).known
    }

    /// The number under which the hooks that follow are reported.
    pub fn begin_step(&mut self, step: u64) {
        self.report.step = step;
    }

    /// The world's time, and since when nothing happens much later than it is due: a paused server
    /// cannot know that its time is over.
    pub fn on_time(&mut self, now: Mono, punctual_since: Mono) {
        self.liveness.on_time(now, punctual_since);
    }

    /// Now and then: since when nothing disturbs the world. All that is sent arrives soon, and no
    /// server starts or ends.
    pub fn on_calm(&mut self, since: Mono) {
        self.liveness.on_calm(&self.facts, since, &mut self.report);
    }

    /// A server starts with what recovery read from its disk. At the very first start any disk is
    /// fine; later it must be one that the writes before the crash can have left (Z17).
    pub fn on_start(&mut self, server: ServerId, recovered: &Recovered) {
        self.liveness.on_up(server);
        let explained = self.facts.start(server, recovered);
        local::started(&self.facts, server, &mut self.report);
        Clients::recovered(server, &recovered.database, &mut self.report);
        self.broadcast.recovered(&self.facts, server, explained, recovered, &mut self.report);
    }

    /// It starts with this configuration.
    pub fn on_config(&mut self, server: ServerId, config: &Config) {
        self.facts.configured(server, config);
    }

    /// A running server gets the answer to its `Reload`.
    pub fn on_reload(&mut self, server: ServerId, recovered: &Recovered) {
        self.facts.enter(server);
        let explained = self.facts.reload(server, recovered);
        self.broadcast.recovered(&self.facts, server, explained, recovered, &mut self.report);
    }

    /// A server handed a write to its disk (`Effect::Persist`).
    pub fn on_persist_issued(&mut self, server: ServerId, ticket: Ticket, write: &Write) {
        self.facts.enter(server);
        self.broadcast.before_write(&self.facts, server, write, &mut self.report);
        if let Some(conflict) = self.facts.issue(server, ticket, write) {
            self.broadcast.log_conflict(&self.facts, server, conflict, &mut self.report);
        }
    }

    /// A server's disk made every write up to this ticket durable.
    pub fn on_durable(&mut self, server: ServerId, through: Ticket) {
        while let Some(change) = self.facts.next_durable(server, through) {
            local::durable(&self.facts, server, change, &mut self.report);
            self.broadcast.durable(&self.facts, server, change, &mut self.report);
        }
    }

    /// A disk lost the writes up to this ticket, and the server goes on: only a bug does that.
    pub fn on_failed(&mut self, server: ServerId, through: Ticket) {
        self.facts.fail(server, through);
    }

    /// A server's process ended. What its disk kept shows at the next [`Checker::on_start`].
    pub fn on_crash(&mut self, server: ServerId) {
        self.liveness.on_down(server);
        self.facts.crash(server);
    }

    /// The disk of a server that is down was emptied: a fault outside the model, so what it held
    /// is counted as if it were still there.
    pub fn on_wiped(&mut self, server: ServerId) {
        self.facts.wipe(server);
    }

    /// A byte of a disk has changed: recovery may find less than was durable, and what it held is
    /// counted as if it were still there. What is read in spite of it must be whole.
    pub fn on_damaged(&mut self, server: ServerId) {
        self.facts.damage(server);
    }

    /// An older copy took the place of the disk of a server that is down: a fault outside the
    /// model, so what the disk held is counted as if it were still there. So are its promises.
    pub fn on_replaced(&mut self, server: ServerId) {
        self.facts.replace(server);
    }

    /// The next trace event of a server.
    pub fn on_event(&mut self, server: ServerId, event: &Event) {
        self.facts.enter(server);
        local::event(&self.facts, server, event, &mut self.report);
        self.broadcast.before_event(&self.facts, server, event, &mut self.report);
        self.clients.before_event(&self.facts, server, event, &mut self.report);
        self.elections.event(&self.facts, server, event, &mut self.report);
        self.streams.event(&self.facts, server, event, &mut self.report);
        self.liveness.event(&self.facts, server, event, &mut self.report);
        self.facts.event(server, event);
        self.broadcast.after_event(&self.facts, server, event, &mut self.report);
    }

    /// A Paxos process starts with what its disk holds.
    pub fn on_paxos_start(&mut self, process: ServerId, state: &Durable) {
        self.paxos.start(process, state, &mut self.report);
    }

    /// A Paxos process handed a record to its disk.
    pub fn on_paxos_issued(&mut self, process: ServerId, ticket: Ticket, state: &Durable) {
        self.paxos.issued(process, ticket, state);
    }

    /// The disk of a Paxos process says that every record up to this ticket is durable.
    pub fn on_paxos_durable(&mut self, process: ServerId, through: Ticket) {
        self.paxos.durable(process, through);
    }

    /// The next trace event of a Paxos process.
    pub fn on_paxos_event(&mut self, process: ServerId, event: &Event) {
        self.paxos.event(process, event, &mut self.report);
    }

    /// The state of a server that has just applied something or begun to serve.
    pub fn on_state(&mut self, server: ServerId, database: &Database) {
        self.trees.stands(&self.facts, server, database, &mut self.report);
    }

    /// A client sends a request.
    pub fn on_client_call(&mut self, client: ClientId, call: CallId, request: &Request) {
        self.clients.called(client, call, request);
        self.watches.called(client, call, request);
    }

    /// A client begins anew, without a session and without watches.
    pub fn on_client_begun(&mut self, client: ClientId) {
        self.watches.begun(client);
    }

    /// A server has a client's session, a new one or the one it had.
    pub fn on_client_connected(&mut self, client: ClientId, session: SessionId) {
        self.clients.connected(client, session);
        self.watches.connected(client);
    }

    /// A client's call ended.
    pub fn on_client_return(&mut self, client: ClientId, call: CallId, outcome: &Outcome) {
        self.clients.returned(&self.facts, call, outcome, &mut self.report);
        self.watches.returned(client, call, outcome, &mut self.report);
    }

    /// A client is told of a change; `zxid` is of the event, `watchers` are the calls that set the
    /// watches which it fires.
    pub fn on_client_event(
        &mut self,
        client: ClientId,
        path: &Path,
        zxid: Option<Zxid>,
        watchers: &[CallId],
    ) {
        self.watches.told(client, path, zxid, watchers, &mut self.report);
    }

    /// The run is over: what all clients asked for, and what came of it.
    pub fn on_calls<'a>(&mut self, calls: impl Iterator<Item = &'a Call>) {
        reads::end(calls, &mut self.report);
    }

    /// The run is over: these are the clients with all their calls.
    pub fn on_access<'a>(&mut self, clients: impl Iterator<Item = (ClientId, &'a [Call])>) {
        access::end(clients, &mut self.report);
    }

    /// The run is over: what is kept up to date step by step is computed once more from scratch.
    pub fn on_end(&mut self) {
        self.broadcast.end(&self.facts, &mut self.report);
        self.watches.end(&mut self.report);
    }
}
