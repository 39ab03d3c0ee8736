//! One server: its role, and what every input means to it.
//!
//! Roles own their state and are consumed when they end. Between two roles the server *settles*:
//! it waits until every write it has handed out is durable and takes the whole log into its tree,
//! so that what it says of its history is what its disk holds (ZOOKEEPER-2845, 4712).
//! Source: ZooKeeper's `QuorumPeer`. Not here: bytes and frames, see [`crate::endpoint`].

mod election;
mod local;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

use self::election::Carrier;
use crate::config::PeerRole;
use crate::election::{Ballot, Election};
use crate::policy::Policy;
use crate::process::{Effect, Out, PortKind};
use crate::request::Request;
use crate::request::clients::Upstream;
use crate::shared::Shared;
use crate::standalone::Standalone;
use crate::storage::Recovered;
use crate::trace::{Event, Leave, Phase, Role};
use crate::tree::Database;
use crate::txn::LogRecord;
use crate::types::{ConnId, ElectionEpoch, Mono, Now, ServerId, SessionId, Ticket};
use crate::wire::quorum::{QuorumPacket, RevalidateReply, RevalidateRequest};
use crate::zab::leader::Leader;
use crate::zab::learner::Learner;

/// A server over typed messages.
#[derive(Clone, Debug, Hash)]
pub struct Peer<P: Policy> {
    pub(crate) shared: Shared<P>,
    pub(crate) role: RoleState,
    carrier: Carrier,
    /// The election round; it outlives the elections of one process.
    pub(crate) round: ElectionEpoch,
    /// When reads are served without a leader, if this one looks that long.
    read_only_at: Option<Mono>,
    /// Notifications that came while the last role settled.
    waiting: VecDeque<(ServerId, Ballot)>,
}

/// What a server does now.
#[derive(Clone, Debug, Hash)]
pub(crate) enum RoleState {
    /// Constructed; `Start` is to come.
    New,
    /// The last role's writes are becoming durable.
    Settling {
        through: Ticket,
    },
    Looking(Election),
    Leading(Leader),
    Learning(Learner),
    Standalone(Standalone),
    Halted,
}

impl<P: Policy> Peer<P> {
    /// Nothing happens before [`Peer::start`].
    pub fn new(shared: Shared<P>) -> Peer<P> {
        let carrier = Carrier::new(&shared.config);
        Peer {
            shared,
            role: RoleState::New,
            carrier,
            round: ElectionEpoch(0),
            read_only_at: None,
            waiting: VecDeque::new(),
        }
    }

    /// Opens the ports and takes the first role.
    pub fn start(&mut self, now: Now, out: &mut Out<Effect>) {
        self.shared.show_config();
        let client = self.shared.config.client_addr.clone();
        out.push(Effect::Listen { port: PortKind::Client, addr: client });
        if self.shared.config.ensemble.is_some() {
            if self.carrier.connects() {
                let addr = self.shared.my_entry().election.clone();
                out.push(Effect::Listen { port: PortKind::Election, addr });
            }
            self.look(now, out);
        } else {
            let standalone = Standalone::start(&mut self.shared, now.mono);
            self.enter(RoleState::Standalone(standalone), out);
        }
    }

    /// What it does now.
    pub fn role(&self) -> Role {
        match &self.role {
            RoleState::New | RoleState::Settling { .. } => Role::Settling,
            RoleState::Looking(_) => Role::Looking,
            RoleState::Leading(_) => Role::Leading,
            RoleState::Learning(learner) => match learner.role() {
                PeerRole::Participant => Role::Following,
                PeerRole::Observer => Role::Observing,
            },
            RoleState::Standalone(_) => Role::Standalone,
            RoleState::Halted => Role::Halted,
        }
    }

    /// Which phase of it.
    pub fn phase(&self) -> Phase {
        match &self.role {
            RoleState::Leading(leader) => leader.phase(),
            RoleState::Learning(learner) => learner.phase(),
            RoleState::Standalone(_) => Phase::Broadcast,
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Halted => Phase::Election,
        }
    }

    /// Whom it follows; itself if it leads.
    pub fn leader(&self) -> Option<ServerId> {
        match &self.role {
            RoleState::Leading(_) => Some(self.shared.me()),
            RoleState::Learning(learner) => Some(learner.leader()),
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Standalone(_)
            | RoleState::Halted => None,
        }
    }

    /// True if the next timer brings the server on by itself: it decides an election, or calls the
    /// leader again. All other timers repeat something, or give something up.
    pub fn goes_on_by_timer(&self) -> bool {
        match &self.role {
            RoleState::Looking(election) => election.is_deciding(),
            RoleState::Learning(learner) => learner.is_redialing(),
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Leading(_)
            | RoleState::Standalone(_)
            | RoleState::Halted => false,
        }
    }

    /// The earliest armed timer.
    pub fn deadline(&self) -> Option<Mono> {
        let of_role = self.deadline_of_role().into_iter();
        of_role.chain(self.carrier.deadline()).chain(self.deadline_of_local_sessions()).min()
    }

    fn deadline_of_role(&self) -> Option<Mono> {
        match &self.role {
            RoleState::Looking(election) => Some(election.deadline()),
            RoleState::Leading(leader) => Some(leader.deadline()),
            RoleState::Learning(learner) => Some(learner.deadline(&self.shared)),
            RoleState::Standalone(standalone) => standalone.deadline(),
            RoleState::New | RoleState::Settling { .. } | RoleState::Halted => None,
        }
    }

    /// The deadline has come.
    pub fn on_tick(&mut self, now: Now, out: &mut Out<Effect>) {
        self.carrier.on_timer(now.mono, self.round, out);
        self.on_local_timer(now, out);
        let shared = &mut self.shared;
        match &mut self.role {
            RoleState::Looking(election) => {
                let asks = election.on_timer(now.mono, out);
                self.answer(now, asks, out);
            }
            RoleState::Leading(leader) => {
                let outcome = leader.on_timer(shared, now, out);
                self.leave_if(now, outcome, out);
            }
            RoleState::Learning(learner) => {
                let outcome = learner.on_timer(shared, now.mono, out);
                self.leave_if(now, outcome, out);
            }
            RoleState::Standalone(standalone) => {
                let outcome = standalone.on_timer(shared, now, out);
                self.leave_if(now, outcome, out);
            }
            RoleState::New | RoleState::Settling { .. } | RoleState::Halted => {}
        }
    }

    /// Every write up to `through` is durable.
    pub fn on_persisted(&mut self, now: Now, through: Ticket, out: &mut Out<Effect>) {
        self.shared.disk.on_persisted(through);
        let last_logged = self.shared.disk.last_durable();
        out.event(|| Event::Synced { through, last_logged });
        let shared = &mut self.shared;
        match &mut self.role {
            RoleState::Leading(leader) => {
                leader.on_persisted(shared, now, out);
                let outcome = leader.hand_over(shared);
                self.leave_if(now, outcome, out);
            }
            RoleState::Learning(learner) => learner.on_persisted(shared, now, out),
            RoleState::Standalone(standalone) => standalone.apply_durable(shared, now, out),
            RoleState::Settling { through } if shared.disk.is_durable(*through) => {
                self.look(now, out);
            }
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Halted => {}
        }
    }

    /// A reload is answered. It counts as durable like any write.
    pub fn on_reloaded(
        &mut self,
        now: Now,
        ticket: Ticket,
        recovered: Recovered,
        out: &mut Out<Effect>,
    ) {
        self.shared.on_reloaded(recovered);
        if let RoleState::Learning(learner) = &mut self.role {
            let outcome = learner.on_reloaded(&mut self.shared, now, ticket, out);
            self.leave_if(now, outcome, out);
        }
        self.on_persisted(now, ticket, out);
    }

    /// Stops for good: what is in memory may not be on disk (ZOOKEEPER-4882).
    pub fn halt(&mut self, why: String, out: &mut Out<Effect>) {
        self.read_only_at = None;
        self.shared.clients.stop_serving(out);
        out.milestone(Event::Halted { why: why.clone() });
        self.role = RoleState::Halted;
        out.push(Effect::Halt { why });
    }

    /// A client connected; `subject` is that of its certificate.
    pub fn on_client_up(
        &mut self,
        conn: ConnId,
        remote: String,
        subject: Option<String>,
        out: &mut Out<Effect>,
    ) {
        self.shared.clients.on_up(conn, remote, subject, out);
    }

    /// A client's connection ended.
    pub fn on_client_down(&mut self, conn: ConnId) {
        self.shared.clients.on_down(conn);
    }

    /// Whether this client is not read for now.
    pub fn is_paused(&self, conn: ConnId) -> bool {
        self.shared.clients.is_paused(conn)
    }

    /// A whole frame of a client.
    pub fn on_client_frame(&mut self, now: Now, conn: ConnId, frame: Bytes, out: &mut Out<Effect>) {
        let (clients, mut scene) = self.shared.scene(now, out);
        for upstream in clients.on_frame(&mut scene, conn, frame) {
            match upstream {
                Upstream::Submit(request) => self.submit(now, request, out),
                Upstream::Revalidate(asked) => self.revalidate(now, asked, out),
                Upstream::Touch(session, timeout_ms) => self.touch(now, session, timeout_ms),
                Upstream::EndLocal(session) => self.on_local_end(now, session, out),
            }
        }
    }

    /// Bytes of a connection left.
    pub fn on_drained(&mut self, now: Now, conn: ConnId, through: u64, out: &mut Out<Effect>) {
        if let RoleState::Leading(leader) = &mut self.role {
            leader.on_drained(now.mono, conn);
        }
        self.carrier.on_drained(conn, through, out);
    }

    /// A part of the log was read for a learner.
    pub fn on_log_read(
        &mut self,
        conn: ConnId,
        records: Option<Vec<LogRecord>>,
        out: &mut Out<Effect>,
    ) {
        if let RoleState::Leading(leader) = &mut self.role {
            leader.on_log_read(&mut self.shared, conn, records, out);
        }
    }

    /// A connection to or from a quorum port stands.
    pub fn on_quorum_up(&mut self, now: Now, conn: ConnId, out: &mut Out<Effect>) {
        match &mut self.role {
            RoleState::Leading(leader) if !conn.is_outgoing() => leader.on_up(conn, now.mono),
            RoleState::Learning(learner) if learner.is_on(conn) => {
                learner.on_up(&self.shared, now.mono, out);
            }
            RoleState::Leading(_)
            | RoleState::Learning(_)
            | RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Standalone(_)
            | RoleState::Halted => out.push(Effect::Disconnect { conn }),
        }
    }

    /// Bytes came in on a quorum connection, perhaps only a part of a long SNAP.
    pub fn on_quorum_heard(&mut self, now: Now, conn: ConnId) {
        if let RoleState::Learning(learner) = &mut self.role
            && learner.is_on(conn)
        {
            learner.on_heard(now.mono);
        }
    }

    /// A packet came in on a quorum connection.
    pub fn on_quorum_packet(
        &mut self,
        now: Now,
        conn: ConnId,
        packet: QuorumPacket,
        out: &mut Out<Effect>,
    ) {
        let outcome = match &mut self.role {
            RoleState::Leading(leader) => {
                let outcome = leader.on_packet(&mut self.shared, now, conn, packet, out);
                outcome.and_then(|()| leader.hand_over(&mut self.shared))
            }
            RoleState::Learning(learner) if learner.is_on(conn) => {
                learner.on_packet(&mut self.shared, now, packet, out)
            }
            RoleState::Learning(_)
            | RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Standalone(_)
            | RoleState::Halted => Ok(()),
        };
        self.leave_if(now, outcome, out);
    }

    /// The tree behind a SNAP packet has arrived.
    pub fn on_snapshot(
        &mut self,
        now: Now,
        conn: ConnId,
        database: Database,
        out: &mut Out<Effect>,
    ) {
        if let RoleState::Learning(learner) = &mut self.role
            && learner.is_on(conn)
        {
            let outcome = learner.on_snapshot(&mut self.shared, database);
            self.leave_if(now, outcome, out);
        }
    }

    /// The other side of a quorum connection broke the protocol or the connection ended.
    pub fn on_quorum_down(&mut self, now: Now, conn: ConnId, out: &mut Out<Effect>) {
        match &mut self.role {
            RoleState::Leading(leader) => leader.on_lost(&self.shared, conn, out),
            RoleState::Learning(learner) if learner.is_on(conn) => {
                let outcome = learner.on_down(now.mono);
                self.leave_if(now, outcome, out);
            }
            RoleState::Learning(_)
            | RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Standalone(_)
            | RoleState::Halted => {}
        }
    }

    fn submit(&mut self, now: Now, request: Request, out: &mut Out<Effect>) {
        let outcome = match &mut self.role {
            RoleState::Leading(leader) => leader.submit(&mut self.shared, now, request, None, out),
            RoleState::Learning(learner) => {
                learner.submit(&request, out);
                Ok(())
            }
            RoleState::Standalone(standalone) => {
                standalone.submit(&mut self.shared, now, &request, out)
            }
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Halted => Ok(()),
        };
        self.leave_if(now, outcome, out);
    }

    /// Where the session table is, the answer is at hand; a learner asks its leader.
    fn revalidate(&mut self, now: Now, asked: RevalidateRequest, out: &mut Out<Effect>) {
        let me = self.shared.me();
        let sessions = match &mut self.role {
            RoleState::Leading(leader) => leader.sessions_mut(),
            RoleState::Standalone(standalone) => Some(&mut standalone.pipeline.sessions),
            RoleState::Learning(learner) => {
                learner.revalidate(&asked, out);
                return;
            }
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Halted => None,
        };
        let Some(sessions) = sessions else { return };
        let session = asked.session;
        let valid = sessions.is_alive(session);
        if valid {
            sessions.set_owner(session, me);
            sessions.touch(session, asked.timeout_ms, now.mono);
        }
        self.shared.on_revalidated(now, &RevalidateReply { session, valid }, out);
    }

    fn touch(&mut self, now: Now, session: SessionId, timeout_ms: i32) {
        match &mut self.role {
            RoleState::Leading(leader) => {
                if let Some(sessions) = leader.sessions_mut() {
                    sessions.touch(session, timeout_ms, now.mono);
                }
            }
            RoleState::Standalone(standalone) => {
                standalone.pipeline.sessions.touch(session, timeout_ms, now.mono);
            }
            RoleState::Learning(learner) => learner.touch(now.mono, session, timeout_ms),
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Halted => {}
        }
    }

    /// Leaves the role if what just happened says so.
    fn leave_if(&mut self, now: Now, outcome: Result<(), Leave>, out: &mut Out<Effect>) {
        let Err(why) = outcome else { return };
        let role = self.role();
        out.milestone(Event::RoleLeft { role, why });
        match &mut self.role {
            RoleState::Leading(leader) => leader.stop(out),
            RoleState::Learning(learner) => learner.stop(out),
            RoleState::Standalone(_) => {
                self.halt(String::from("the zxid counter of this epoch is used up"), out);
                return;
            }
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Halted => {}
        }
        self.shared.clients.stop_serving(out);
        self.shared.vote = None;
        let through = self.shared.disk.issued();
        let policy = &self.shared.policy;
        if self.shared.disk.is_durable(through) || !policy.waits_for_the_log_writer() {
            self.look(now, out);
        } else {
            self.enter(RoleState::Settling { through }, out);
        }
    }

    fn enter(&mut self, role: RoleState, out: &mut Out<Effect>) {
        self.role = role;
        let (role, leader) = (self.role(), self.leader());
        out.milestone(Event::RoleChanged { role, leader });
    }
}
