//! How a server elects: it begins to look, votes come and go, a role is taken.
//!
//! The algorithm decides ([`crate::election`]); here its questions are answered, whatever carries
//! the votes. Not here: what a role does.

use alloc::vec::Vec;
use bytes::Bytes;

use super::{Peer, RoleState};
use crate::config::{Config, ElectionAlg, Ensemble, PeerRole};
use crate::election::courier::Courier;
use crate::election::fast::FastElection;
use crate::election::mesh::Mesh;
use crate::election::polling::{Candidate, PollingElection};
use crate::election::pushing::PushingElection;
use crate::election::{Ask, Ballot, Election};
use crate::limits::NOTIFICATION_QUEUE_LEN;
use crate::policy::Policy;
use crate::process::{Effect, Out};
use crate::trace::{Event, Phase, Role, Verdict};
use crate::types::{ConnId, ElectionEpoch, Epoch, Mono, Now, ServerId, Zxid};
use crate::wire::datagram::{Poll, Push};
use crate::wire::election::{InitialMessage, Notification, PeerState, Vote};
use crate::zab::leader::Leader;
use crate::zab::learner::Learner;

/// How votes travel.
#[derive(Clone, Debug, Hash)]
pub(super) enum Carrier {
    /// Not at all: this server is alone.
    Nothing,
    /// Over connections between all servers.
    Mesh(Mesh),
    /// As datagrams that are repeated.
    Courier(Courier),
    /// As questions and answers.
    Polls,
}

impl Carrier {
    pub(super) fn new(config: &Config) -> Carrier {
        let (Some(ensemble), Some(own)) = (&config.ensemble, &config.own) else {
            return Carrier::Nothing;
        };
        match config.election {
            ElectionAlg::Fast => {
                let (address, next) = (own.election.clone(), config.next.as_ref());
                Carrier::Mesh(Mesh::new(config.me, address, ensemble, next))
            }
            ElectionAlg::Pushing { challenge } => Carrier::Courier(Courier::new(challenge)),
            ElectionAlg::Polling => Carrier::Polls,
        }
    }

    /// Whether it uses connections.
    pub(super) fn connects(&self) -> bool {
        matches!(self, Carrier::Mesh(_))
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        match self {
            Carrier::Courier(courier) => courier.deadline(),
            Carrier::Nothing | Carrier::Mesh(_) | Carrier::Polls => None,
        }
    }

    pub(super) fn on_timer(&mut self, now: Mono, round: ElectionEpoch, out: &mut Out<Effect>) {
        if let Carrier::Courier(courier) = self {
            courier.on_timer(now, round, out);
        }
    }

    pub(super) fn on_drained(&mut self, conn: ConnId, through: u64, out: &mut Out<Effect>) {
        if let Carrier::Mesh(mesh) = self {
            mesh.on_drained(conn, through, out);
        }
    }
}

/// What comes in on the election port.
impl<P: Policy> Peer<P> {
    /// A server that was called on its election port stands.
    pub fn on_election_dialed(&mut self, conn: ConnId, out: &mut Out<Effect>) {
        if let Carrier::Mesh(mesh) = &mut self.carrier {
            mesh.on_dialed(conn, out);
        }
    }

    /// A caller on the election port said who it is.
    pub fn on_greeting(&mut self, conn: ConnId, greeting: &InitialMessage, out: &mut Out<Effect>) {
        if let Carrier::Mesh(mesh) = &mut self.carrier {
            let strangers = self.shared.config.rules.reconfig;
            mesh.on_greeting(conn, greeting, strangers, self.shared.conn_counter(), out);
        }
    }

    /// An election connection ended.
    pub fn on_election_down(&mut self, conn: ConnId) {
        if let Carrier::Mesh(mesh) = &mut self.carrier {
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
        let Carrier::Mesh(mesh) = &self.carrier else { return };
        let Some(from) = mesh.peer_of(conn) else { return };
        self.learn_configs(now, notification, out);
        let ballot = Ballot { state: notification.state, vote: notification.vote };
        self.on_ballot(now, from, ballot, out);
    }

    /// A datagram came in. Bytes that are none of ours are dropped, as on any open port.
    pub fn on_datagram(&mut self, now: Now, from: ServerId, bytes: &Bytes, out: &mut Out<Effect>) {
        // Nobody is told of a vote while the last role settles: there is none.
        let Some(vote) = self.shared.vote else { return };
        let mine = Ballot { state: self.state(), vote };
        match &mut self.carrier {
            Carrier::Polls => {
                if let Ok(poll) = Poll::decode(bytes) {
                    self.on_poll(now, from, poll, mine, out);
                }
            }
            Carrier::Courier(courier) => {
                let Ok(push) = Push::decode(bytes) else { return };
                let prng = &mut self.shared.prng;
                if let Some(ballot) = courier.on_push(now.mono, from, push, mine, prng, out) {
                    self.on_ballot(now, from, ballot, out);
                }
            }
            Carrier::Nothing | Carrier::Mesh(_) => {}
        }
    }

    fn on_poll(
        &mut self,
        now: Now,
        from: ServerId,
        poll: Poll,
        mine: Ballot,
        out: &mut Out<Effect>,
    ) {
        match poll {
            Poll::Ask { xid } => {
                let Ballot { state, vote } = mine;
                let zxid = match state {
                    PeerState::Looking => vote.zxid,
                    _ => self.shared.disk.last_logged(),
                };
                let vote = Vote { zxid, ..vote };
                out.event(|| Event::NotificationSent { to: from, state, vote });
                let (sid, leader) = (self.shared.me(), vote.leader);
                let answer = Poll::Answer { xid, sid, leader, zxid };
                out.push(Effect::Datagram { to: from, bytes: answer.encode() });
            }
            Poll::Answer { xid, sid, leader, zxid } => {
                if let RoleState::Looking(Election::Polling(election)) = &mut self.role {
                    let candidate = Candidate { zxid, leader };
                    let asks = election.on_answer(now.mono, sid, xid, candidate, out);
                    self.answer(now, asks, out);
                }
            }
        }
    }
}

/// What an election asks for.
impl<P: Policy> Peer<P> {
    /// Begins an election. All that is logged belongs to the history that is put to the vote.
    pub(super) fn look(&mut self, now: Now, out: &mut Out<Effect>) {
        self.shared.fast_forward();
        if let Some(leader) = self.shared.appointed.take() {
            return self.take_appointed(now, leader, out);
        }
        self.shared.stats.elections += 1;
        self.round.0 += 1;
        let me = self.shared.me();
        let own = match self.shared.acts_as() {
            PeerRole::Participant if self.shared.quorums.is_voter(me) => Vote {
                leader: me,
                zxid: self.shared.disk.last_logged(),
                election_epoch: self.round,
                peer_epoch: match self.shared.config.election {
                    ElectionAlg::Fast => self.shared.epochs().current,
                    // It does not travel, so it is nobody's.
                    ElectionAlg::Polling | ElectionAlg::Pushing { .. } => Epoch(0),
                },
            },
            PeerRole::Participant | PeerRole::Observer => Vote::for_nobody(self.round),
        };
        self.enter_looking(now, own, out);
        if !matches!(self.carrier, Carrier::Polls) {
            self.answer(now, Vec::from([Ask::SendToAll]), out);
        }
        while let Some((from, ballot)) = self.waiting.pop_front() {
            self.on_ballot(now, from, ballot, out);
        }
    }

    fn enter_looking(&mut self, now: Now, own: Vote, out: &mut Out<Effect>) {
        let me = self.shared.me();
        let quorums = self.shared.quorums.clone();
        out.milestone(Event::RoleChanged { role: Role::Looking, leader: None });
        out.milestone(Event::PhaseEntered { phase: Phase::Election });
        let now = now.mono;
        self.role = RoleState::Looking(match self.shared.config.election {
            ElectionAlg::Fast => Election::Fast(FastElection::start(me, quorums, own, now, out)),
            ElectionAlg::Polling => {
                let xid = self.shared.prng.next_u64() as i32;
                let voters = quorums.voters().collect();
                Election::Polling(PollingElection::start(me, voters, own, xid, now, out))
            }
            ElectionAlg::Pushing { .. } => {
                Election::Pushing(PushingElection::start(quorums, own, now, out))
            }
        });
        self.shared.vote = Some(own);
        self.prepare_read_only(now);
    }

    /// What a ballot of another server, or the own one, means in this role.
    fn on_ballot(&mut self, now: Now, from: ServerId, ballot: Ballot, out: &mut Out<Effect>) {
        match &mut self.role {
            RoleState::Looking(Election::Fast(_))
                if ballot.state == PeerState::Looking && self.shared.is_amnesiac() =>
            {
                // It takes no part in an election, it waits for one to be over.
                let Ballot { state, vote } = ballot;
                let verdict = Verdict::Ignored;
                out.event(|| Event::NotificationReceived { from, state, vote, verdict });
            }
            RoleState::Looking(Election::Fast(election)) => {
                let policy = &self.shared.policy;
                let mut asks = election.on_notification(policy, now.mono, from, ballot, out);
                let is_voter = self.shared.quorums.is_voter(from);
                if !is_voter && ballot.state == PeerState::Looking {
                    asks.push(Ask::SendTo(from));
                }
                self.answer(now, asks, out);
            }
            RoleState::Looking(Election::Pushing(election)) => {
                let policy = &self.shared.policy;
                let asks = election.on_notification(policy, now.mono, from, ballot, out);
                self.answer(now, asks, out);
            }
            RoleState::Leading(_) | RoleState::Learning(_) => {
                // A datagram was answered by its acknowledgement.
                let is_answered = ballot.state == PeerState::Looking && self.carrier.connects();
                let verdict = if is_answered { Verdict::Answered } else { Verdict::Ignored };
                let Ballot { state, vote } = ballot;
                out.event(|| Event::NotificationReceived { from, state, vote, verdict });
                if is_answered && let Some(vote) = self.shared.vote {
                    self.notify(now, from, vote, out);
                }
            }
            RoleState::New | RoleState::Settling { .. } => {
                if self.waiting.len() >= NOTIFICATION_QUEUE_LEN {
                    self.waiting.pop_front();
                }
                self.waiting.push_back((from, ballot));
            }
            RoleState::Looking(Election::Polling(_))
            | RoleState::Standalone(_)
            | RoleState::Halted => {}
        }
    }

    pub(super) fn answer(&mut self, now: Now, asks: Vec<Ask>, out: &mut Out<Effect>) {
        // A poll may change the vote and ask for nothing.
        self.note_proposal();
        for ask in asks {
            let Some(proposal) = self.note_proposal() else { return };
            match ask {
                Ask::SendToAll => self.notify_voters(now, proposal, out),
                Ask::SendTo(sid) => self.notify(now, sid, proposal, out),
                Ask::Nudge => self.nudge(now, proposal, out),
                Ask::Poll { whom, xid } => {
                    let bytes = Poll::Ask { xid }.encode();
                    out.push(Effect::Datagram { to: whom, bytes });
                }
                Ask::Elected(vote) => self.take_role(now, vote, out),
            }
        }
    }

    /// What the election proposes is what others are told.
    fn note_proposal(&mut self) -> Option<Vote> {
        let RoleState::Looking(election) = &self.role else { return None };
        let proposal = election.proposal();
        self.round = proposal.election_epoch;
        self.shared.vote = Some(proposal);
        Some(proposal)
    }

    fn nudge(&mut self, now: Now, proposal: Vote, out: &mut Out<Effect>) {
        let Carrier::Mesh(mesh) = &mut self.carrier else { return };
        if mesh.has_delivered() {
            self.notify_voters(now, proposal, out);
        } else {
            mesh.connect_all(self.shared.conn_counter(), out);
        }
    }

    /// To every voter; the own vote goes the way of any other.
    fn notify_voters(&mut self, now: Now, vote: Vote, out: &mut Out<Effect>) {
        let me = self.shared.me();
        let voters: Vec<ServerId> = self.shared.quorums.voters().collect();
        for sid in voters.iter().copied().filter(|sid| *sid != me) {
            self.notify(now, sid, vote, out);
        }
        if voters.contains(&me) {
            self.on_ballot(now, me, Ballot { state: PeerState::Looking, vote }, out);
        }
    }

    fn notify(&mut self, now: Now, to: ServerId, vote: Vote, out: &mut Out<Effect>) {
        let state = self.state();
        match &mut self.carrier {
            Carrier::Mesh(mesh) => {
                out.event(|| Event::NotificationSent { to, state, vote });
                let config = Bytes::from(self.shared.ensemble().to_text());
                let proposed = self.shared.next().filter(|_| state == PeerState::Looking);
                let next = proposed.map(|next| next.to_text().into()).unwrap_or_default();
                let message = Notification { next, ..Notification::new(state, vote, config) };
                mesh.send(to, message.encode(), self.shared.conn_counter(), out);
            }
            Carrier::Courier(courier) => {
                courier.send(to, Ballot { state, vote }, now.mono, out);
            }
            Carrier::Nothing | Carrier::Polls => {}
        }
    }

    /// What others are told that it does.
    fn state(&self) -> PeerState {
        match &self.role {
            RoleState::Leading(_) => PeerState::Leading,
            RoleState::Learning(learner) => match learner.role() {
                PeerRole::Participant => PeerState::Following,
                PeerRole::Observer => PeerState::Observing,
            },
            RoleState::New
            | RoleState::Settling { .. }
            | RoleState::Looking(_)
            | RoleState::Standalone(_)
            | RoleState::Halted => PeerState::Looking,
        }
    }

    /// A server that looks takes a later configuration from whoever has it: it was in force
    /// there, so it is everywhere. It elects anew by it.
    ///
    /// So it does with one that is proposed, if that is more recent than all that this server has:
    /// it would follow that history anyway. Not so in Java, where servers that know of it and
    /// servers that do not may wait for each other for ever, each without a quorum.
    fn learn_configs(&mut self, now: Now, heard: &Notification, out: &mut Out<Effect>) {
        if !self.shared.config.rules.reconfig || !matches!(self.role, RoleState::Looking(_)) {
            return;
        }
        let mut learned =
            parsed(&heard.config).is_some_and(|config| self.shared.activate(config, out));
        let last_seen = self.shared.last_seen().version;
        let after = self.shared.disk.last_logged().max(Zxid(last_seen));
        if let Some(next) = parsed(&heard.next).filter(|next| Zxid(next.version) > after) {
            self.shared.see_config(next, out);
            learned = true;
        }
        if learned {
            self.look(now, out);
        }
    }

    /// The configuration in force decides which servers are called.
    pub(crate) fn keep_up(&mut self, out: &mut Out<Effect>) {
        let Carrier::Mesh(mesh) = &mut self.carrier else { return };
        let next = self.shared.config.next.as_ref();
        if let Some(current) = &self.shared.config.ensemble
            && let Some(own) = &self.shared.config.own
            && self.shared.config.rules.reconfig
            && mesh.knows() != (current.version, next.map(|next| next.version))
        {
            let my_address = own.election.clone();
            let counter = &mut self.shared.next_conn;
            mesh.reconfigure(my_address, current, next, counter, out);
        }
    }

    /// The leader of the last configuration said who leads by the new one; nobody elects.
    fn take_appointed(&mut self, now: Now, leader: ServerId, out: &mut Out<Effect>) {
        out.milestone(Event::LeaderDesignated { leader });
        let zxid = self.shared.disk.last_logged();
        let (election_epoch, peer_epoch) = (self.round, self.shared.epochs().current);
        self.begin_role(now, Vote { leader, zxid, election_epoch, peer_epoch }, out);
    }

    fn take_role(&mut self, now: Now, vote: Vote, out: &mut Out<Effect>) {
        self.end_read_only(out);
        out.milestone(Event::Elected { vote });
        self.round = vote.election_epoch;
        self.begin_role(now, vote, out);
    }

    fn begin_role(&mut self, now: Now, vote: Vote, out: &mut Out<Effect>) {
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

fn parsed(config: &[u8]) -> Option<Ensemble> {
    let config = Ensemble::parse(core::str::from_utf8(config).ok()?).ok()?;
    Some(config).filter(|config| !config.servers.is_empty())
}
