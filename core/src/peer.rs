//! One server: its role, and what every input means to it.
//!
//! Roles own their state and are consumed when they end. Between two roles the server *settles*:
//! it waits until every write it has handed out is durable and takes the whole log into its tree,
//! so that what it says of its history is what its disk holds (ZOOKEEPER-2845, 4712).
//! Source: ZooKeeper's `QuorumPeer`. Not here: bytes and frames, see [`crate::endpoint`].

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

use crate::config::PeerRole;
use crate::election::fast::{Ask, Ballot, FastElection};
use crate::election::mesh::Mesh;
use crate::limits::NOTIFICATION_QUEUE_LEN;
use crate::policy::Policy;
use crate::process::{Effect, Out, PortKind};
use crate::request::Request;
use crate::request::clients::Upstream;
use crate::shared::Shared;
use crate::standalone::Standalone;
use crate::storage::Recovered;
use crate::trace::{Event, Leave, Phase, Role, Verdict};
use crate::tree::Database;
use crate::types::{ConnId, ElectionEpoch, Mono, Now, ServerId, SessionId, Ticket};
use crate::wire::election::{InitialMessage, Notification, PeerState, Vote};
use crate::wire::quorum::{QuorumPacket, RevalidateReply, RevalidateRequest};
use crate::zab::leader::Leader;
use crate::zab::learner::Learner;

/// A server over typed messages.
#[derive(Clone, Debug, Hash)]
pub struct Peer<P: Policy> {
    pub(crate) shared: Shared<P>,
    pub(crate) role: RoleState,
    mesh: Option<Mesh>,
    /// The election round; it outlives the elections of one process.
    pub(crate) round: ElectionEpoch,
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
    Looking(FastElection),
    Leading(Leader),
    Learning(Learner),
    Standalone(Standalone),
    Halted,
}

impl<P: Policy> Peer<P> {
    /// Nothing happens before [`Peer::start`].
    pub fn new(shared: Shared<P>) -> Peer<P> {
        let config = &shared.config;
        let mesh = config.ensemble.as_ref().map(|ensemble| Mesh::new(config.me, ensemble));
        Peer {
            shared,
            role: RoleState::New,
            mesh,
            round: ElectionEpoch(0),
            waiting: VecDeque::new(),
        }
    }

    /// Opens the ports and takes the first role.
    pub fn start(&mut self, now: Now, out: &mut Out<Effect>) {
        let client = self.shared.config.client_addr.clone();
        out.push(Effect::Listen { port: PortKind::Client, addr: client });
        if self.mesh.is_some() {
            let addr = self.shared.my_entry().election.clone();
            out.push(Effect::Listen { port: PortKind::Election, addr });
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
            RoleState::Learning(_) => match self.shared.my_entry().role {
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
        let shared = &mut self.shared;
        match &mut self.role {
            RoleState::Looking(election) => {
                let ask = election.on_timer(now.mono);
                self.answer(now, ask.into_iter().collect(), out);
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
            RoleState::Leading(leader) => leader.on_persisted(shared, now, out),
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
        self.shared.clients.stop_serving(out);
        out.milestone(Event::Halted { why: why.clone() });
        self.role = RoleState::Halted;
        out.push(Effect::Halt { why });
    }

    /// A client connected.
    pub fn on_client_up(&mut self, conn: ConnId, remote: String, out: &mut Out<Effect>) {
        self.shared.clients.on_up(conn, remote, out);
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
            }
        }
    }

    /// A server that was called on its election port stands.
    pub fn on_election_dialed(&mut self, conn: ConnId, out: &mut Out<Effect>) {
        if let Some(mesh) = &mut self.mesh {
            mesh.on_dialed(conn, out);
        }
    }

    /// A caller on the election port said who it is.
    pub fn on_greeting(&mut self, conn: ConnId, greeting: &InitialMessage, out: &mut Out<Effect>) {
        if let Some(mesh) = &mut self.mesh {
            mesh.on_greeting(conn, greeting, self.shared.conn_counter(), out);
        }
    }

    /// Bytes of a connection left.
    pub fn on_drained(&mut self, now: Now, conn: ConnId, through: u64, out: &mut Out<Effect>) {
        if let RoleState::Leading(leader) = &mut self.role {
            leader.on_drained(now.mono, conn);
        }
        if let Some(mesh) = &mut self.mesh {
            mesh.on_drained(conn, through, out);
        }
    }

    /// An election connection ended.
    pub fn on_election_down(&mut self, conn: ConnId) {
        if let Some(mesh) = &mut self.mesh {
            mesh.on_down(conn);
        }
    }

    /// A notification came in.
    pub fn on_notification(
        &mut self,
        now: Now,
        conn: ConnId,
        notification: &Notification,
        out: &mut Out<Effect>,
    ) {
        let Some(from) = self.mesh.as_ref().and_then(|mesh| mesh.peer_of(conn)) else { return };
        let ballot = Ballot { state: notification.state, vote: notification.vote };
        self.on_ballot(now, from, ballot, out);
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
                leader.on_packet(&mut self.shared, now, conn, packet, out)
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
            RoleState::Leading(leader) => leader.on_down(conn),
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
            RoleState::Learning(learner) => learner.touch(session, timeout_ms),
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

    /// Begins an election. All that is logged belongs to the history that is put to the vote.
    fn look(&mut self, now: Now, out: &mut Out<Effect>) {
        self.shared.fast_forward();
        self.shared.stats.elections += 1;
        self.round.0 += 1;
        let me = self.shared.me();
        let own = match self.shared.my_entry().role {
            PeerRole::Participant => Vote {
                leader: me,
                zxid: self.shared.disk.last_logged(),
                election_epoch: self.round,
                peer_epoch: self.shared.epochs().current,
            },
            PeerRole::Observer => Vote::for_nobody(self.round),
        };
        let voters: BTreeSet<ServerId> = self.shared.ensemble().voters().collect();
        self.enter_looking(now, me, voters, own, out);
        self.answer(now, Vec::from([Ask::SendToAll]), out);
        while let Some((from, ballot)) = self.waiting.pop_front() {
            self.on_ballot(now, from, ballot, out);
        }
    }

    fn enter_looking(
        &mut self,
        now: Now,
        me: ServerId,
        voters: BTreeSet<ServerId>,
        own: Vote,
        out: &mut Out<Effect>,
    ) {
        out.milestone(Event::RoleChanged { role: Role::Looking, leader: None });
        out.milestone(Event::PhaseEntered { phase: Phase::Election });
        let election = FastElection::start(me, voters, own, now.mono, out);
        self.role = RoleState::Looking(election);
        self.shared.vote = Some(own);
    }

    /// What a ballot of another server, or the own one, means in this role.
    fn on_ballot(&mut self, now: Now, from: ServerId, ballot: Ballot, out: &mut Out<Effect>) {
        match &mut self.role {
            RoleState::Looking(election) => {
                let policy = &self.shared.policy;
                let mut asks = election.on_notification(policy, now.mono, from, ballot, out);
                let is_voter = self.shared.ensemble().is_voter(from);
                if !is_voter && ballot.state == PeerState::Looking {
                    asks.push(Ask::SendTo(from));
                }
                self.answer(now, asks, out);
            }
            RoleState::Leading(_) | RoleState::Learning(_) => {
                let is_answered = ballot.state == PeerState::Looking;
                let verdict = if is_answered { Verdict::Answered } else { Verdict::Ignored };
                let Ballot { state, vote } = ballot;
                out.event(|| Event::NotificationReceived { from, state, vote, verdict });
                if is_answered && let Some(vote) = self.shared.vote {
                    self.notify(from, vote, out);
                }
            }
            RoleState::New | RoleState::Settling { .. } => {
                if self.waiting.len() >= NOTIFICATION_QUEUE_LEN {
                    self.waiting.pop_front();
                }
                self.waiting.push_back((from, ballot));
            }
            RoleState::Standalone(_) | RoleState::Halted => {}
        }
    }

    fn answer(&mut self, now: Now, asks: Vec<Ask>, out: &mut Out<Effect>) {
        for ask in asks {
            let RoleState::Looking(election) = &self.role else { return };
            let proposal = election.proposal();
            self.round = proposal.election_epoch;
            self.shared.vote = Some(proposal);
            match ask {
                Ask::SendToAll => self.notify_voters(now, proposal, out),
                Ask::SendTo(sid) => self.notify(sid, proposal, out),
                Ask::Nudge => self.nudge(now, proposal, out),
                Ask::Elected(vote) => self.take_role(now, vote, out),
            }
        }
    }

    fn nudge(&mut self, now: Now, proposal: Vote, out: &mut Out<Effect>) {
        let Some(mesh) = &mut self.mesh else { return };
        if mesh.has_delivered() {
            self.notify_voters(now, proposal, out);
        } else {
            mesh.connect_all(self.shared.conn_counter(), out);
        }
    }

    /// To every voter; the own vote goes the way of any other.
    fn notify_voters(&mut self, now: Now, vote: Vote, out: &mut Out<Effect>) {
        let me = self.shared.me();
        let voters: Vec<ServerId> = self.shared.ensemble().voters().collect();
        for sid in voters.iter().copied().filter(|sid| *sid != me) {
            self.notify(sid, vote, out);
        }
        if voters.contains(&me) {
            self.on_ballot(now, me, Ballot { state: PeerState::Looking, vote }, out);
        }
    }

    fn notify(&mut self, to: ServerId, vote: Vote, out: &mut Out<Effect>) {
        let Some(mesh) = &mut self.mesh else { return };
        let state = match &self.role {
            RoleState::Leading(_) => PeerState::Leading,
            RoleState::Learning(_) => match self.shared.my_entry().role {
                PeerRole::Participant => PeerState::Following,
                PeerRole::Observer => PeerState::Observing,
            },
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Standalone(_)
            | RoleState::Halted => PeerState::Looking,
        };
        out.event(|| Event::NotificationSent { to, state, vote });
        let config = Bytes::from(self.shared.ensemble().to_text());
        let message = Notification::new(state, vote, config).encode();
        mesh.send(to, message, self.shared.conn_counter(), out);
    }

    fn take_role(&mut self, now: Now, vote: Vote, out: &mut Out<Effect>) {
        out.milestone(Event::Elected { vote });
        self.round = vote.election_epoch;
        self.shared.vote = Some(vote);
        if vote.leader == self.shared.me() {
            out.milestone(Event::RoleChanged { role: Role::Leading, leader: Some(vote.leader) });
            self.role = RoleState::Leading(Leader::start(&mut self.shared, now, out));
        } else {
            let learner = Learner::start(&mut self.shared, now.mono, vote.leader, out);
            self.enter(RoleState::Learning(learner), out);
        }
    }
}
