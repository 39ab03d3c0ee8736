//! A follower or observer: finding its leader, promising the epoch, and normal work.
//!
//! How the history is brought up to date is in [`super::adopt`]. Nothing is acknowledged before
//! it is durable. Source: ZooKeeper's `Learner`, `Follower`, `Observer`; Zab's phases.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};

use crate::config::PeerRole;
use crate::limits::{LEARNER_CONNECT_TRIES, LEARNER_RETRY_MS};
use crate::membership::brought_by;
use crate::policy::Policy;
use crate::process::{Effect, Out, PortKind};
use crate::request::Request;
use crate::request::sessions::SessionTracker;
use crate::request::syncs::WaitingSyncs;
use crate::shared::Shared;
use crate::storage::Write;
use crate::trace::{Event, Leave, Phase};
use crate::tree::Database;
use crate::txn::LogRecord;
use crate::types::{ConnId, Epoch, Mono, Now, ServerId, SessionId, Ticket, Xid, Zxid};
use crate::wire::client::OpCode;
use crate::wire::quorum::{
    LearnerInfo, PROTOCOL_VERSION, PacketKind, PingData, QuorumPacket, RevalidateReply,
    RevalidateRequest,
};
use crate::wire::txn;
use crate::zab::adopt::{Adoption, Synchronization};
use crate::zab::packet::{self, send};

/// A server in the role FOLLOWING or OBSERVING.
#[derive(Clone, Debug, Hash)]
pub struct Learner {
    pub(super) leader: ServerId,
    /// Whether it votes: that of its entry, but for one that has lost its history.
    pub(super) role: PeerRole,
    pub(super) conn: ConnId,
    pub(super) stage: Stage,
    /// What waits for its write, in the order of the tickets.
    held: VecDeque<(Ticket, Held)>,
    last_heard: Mono,
    /// Sessions whose clients were heard of since the last ping.
    touched: BTreeMap<SessionId, i32>,
    /// Syncs sent to the leader, in order.
    syncs: VecDeque<(SessionId, Xid)>,
    /// Syncs that the leader answered; they wait until what was committed before is applied.
    answered_syncs: WaitingSyncs,
    /// Which sessions live, for a follower that gives them up itself; only a bug has it.
    pub(super) sessions: Option<Box<SessionTracker>>,
}

/// How far the learner has come.
#[derive(Clone, Debug, Hash)]
pub(super) enum Stage {
    /// Reaching the leader. `retry_at` is set between two tries.
    Connecting { tries: u32, retry_at: Option<Mono>, until: Mono },
    /// FOLLOWERINFO or OBSERVERINFO is sent.
    Discovery,
    /// acceptedEpoch is being written; ACKEPOCH waits for it.
    Promising { epoch: Epoch },
    /// ACKEPOCH is sent; the leader sends what is missing.
    Synchronization(Synchronization),
    /// NEWLEADER came; what it closes is written, acknowledged, and UPTODATE is to come.
    Adopting(Adoption),
    /// Serving. `committed` is the last COMMIT.
    Broadcast { epoch: Epoch, committed: Zxid },
}

/// An acknowledgement that waits for its write.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) enum Held {
    Promise(Epoch),
    NewLeader,
    Proposal(Zxid),
}

impl Learner {
    /// Elected to learn from `leader`.
    pub fn start<P: Policy>(
        shared: &mut Shared<P>,
        now: Mono,
        leader: ServerId,
        out: &mut Out<Effect>,
    ) -> Learner {
        out.milestone(Event::PhaseEntered { phase: Phase::Discovery });
        let until = now.plus_ms(shared.config.init_limit_ms());
        let mut learner = Learner {
            leader,
            role: shared.acts_as(),
            conn: ConnId(0),
            stage: Stage::Connecting { tries: 0, retry_at: None, until },
            held: VecDeque::new(),
            last_heard: now,
            touched: BTreeMap::new(),
            syncs: VecDeque::new(),
            answered_syncs: WaitingSyncs::default(),
            sessions: None,
        };
        learner.connect(shared, out);
        learner
    }

    /// Ends the role.
    pub fn stop(&mut self, out: &mut Out<Effect>) {
        out.push(Effect::Disconnect { conn: self.conn });
    }

    /// The server it learns from.
    pub fn leader(&self) -> ServerId {
        self.leader
    }

    /// Whether it votes.
    pub fn role(&self) -> PeerRole {
        self.role
    }

    /// The phase of Zab.
    pub fn phase(&self) -> Phase {
        match self.stage {
            Stage::Connecting { .. } | Stage::Discovery | Stage::Promising { .. } => {
                Phase::Discovery
            }
            Stage::Synchronization(_) | Stage::Adopting(_) => Phase::Synchronization,
            Stage::Broadcast { .. } => Phase::Broadcast,
        }
    }

    /// The last COMMIT, once it serves.
    pub fn committed(&self) -> Option<Zxid> {
        match self.stage {
            Stage::Broadcast { committed, .. } => Some(committed),
            Stage::Connecting { .. }
            | Stage::Discovery
            | Stage::Promising { .. }
            | Stage::Synchronization(_)
            | Stage::Adopting(_) => None,
        }
    }

    /// True between two tries to reach the leader.
    pub fn is_redialing(&self) -> bool {
        matches!(self.stage, Stage::Connecting { retry_at: Some(_), .. })
    }

    /// Whether this is the connection to its leader.
    pub fn is_on(&self, conn: ConnId) -> bool {
        self.conn == conn
    }

    /// The connection stands: say who calls and what was promised.
    pub fn on_up<P: Policy>(&mut self, shared: &Shared<P>, now: Mono, out: &mut Out<Effect>) {
        let Stage::Connecting { .. } = self.stage else { return };
        self.last_heard = now;
        self.stage = Stage::Discovery;
        let kind = match self.role {
            PeerRole::Participant => PacketKind::FollowerInfo,
            PeerRole::Observer => PacketKind::ObserverInfo,
        };
        let info = LearnerInfo {
            sid: shared.me(),
            protocol_version: PROTOCOL_VERSION,
            config_version: shared.ensemble().version.cast_signed(),
        };
        let packet = packet::learner_info(kind, shared.epochs().accepted, &info);
        send(self.conn, self.leader, &packet, out);
    }

    /// The connection ended, or could not be opened.
    ///
    /// # Errors
    /// Why the role ends.
    pub fn on_down(&mut self, now: Mono) -> Result<(), Leave> {
        let Stage::Connecting { tries, retry_at, until } = &mut self.stage else {
            return Err(Leave::LeaderLost);
        };
        // A leader that has just been elected may not listen yet.
        if *tries >= LEARNER_CONNECT_TRIES || now >= *until {
            return Err(Leave::LeaderUnreachable);
        }
        *retry_at = Some(now.plus_ms(LEARNER_RETRY_MS));
        Ok(())
    }

    /// When [`Learner::on_timer`] has something to do.
    pub fn deadline<P: Policy>(&self, shared: &Shared<P>) -> Mono {
        match &self.stage {
            Stage::Connecting { retry_at, until, .. } => {
                retry_at.map_or(*until, |retry_at| retry_at.min(*until))
            }
            Stage::Discovery
            | Stage::Promising { .. }
            | Stage::Synchronization(_)
            | Stage::Adopting(_) => self.last_heard.plus_ms(shared.config.init_limit_ms()),
            Stage::Broadcast { .. } => {
                let silence = self.last_heard.plus_ms(shared.config.sync_limit_ms());
                let expiry = self.sessions.as_ref().and_then(|sessions| sessions.deadline());
                expiry.map_or(silence, |expiry| expiry.min(silence))
            }
        }
    }

    /// Its deadline has come.
    ///
    /// # Errors
    /// Why the role ends.
    pub fn on_timer<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Mono,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        self.expire_sessions(now, out);
        if now < self.deadline(shared) {
            return Ok(());
        }
        match &mut self.stage {
            Stage::Connecting { retry_at, until, .. } => {
                if now >= *until {
                    return Err(Leave::LeaderUnreachable);
                }
                *retry_at = None;
                self.connect(shared, out);
                Ok(())
            }
            Stage::Discovery
            | Stage::Promising { .. }
            | Stage::Synchronization(_)
            | Stage::Adopting(_)
            | Stage::Broadcast { .. } => Err(Leave::LeaderSilent),
        }
    }

    /// The leader is alive: bytes of it came in.
    pub fn on_heard(&mut self, now: Mono) {
        self.last_heard = now;
    }

    /// A packet of the leader.
    ///
    /// # Errors
    /// Why the role ends.
    pub fn on_packet<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        packet: QuorumPacket,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let (from, kind, zxid) = (self.leader, packet.kind, packet.zxid);
        out.event(|| Event::PacketReceived { from, kind, zxid });
        match &mut self.stage {
            Stage::Connecting { .. } | Stage::Promising { .. } => Err(Leave::ProtocolError),
            Stage::Discovery => self.on_leader_info(shared, &packet, out),
            Stage::Synchronization(_) => self.on_sync_packet(shared, packet, out),
            Stage::Adopting(_) => self.on_adopting_packet(shared, now, packet, out),
            Stage::Broadcast { .. } => self.on_broadcast_packet(shared, now, packet, out),
        }
    }

    /// The tree behind a SNAP has arrived.
    ///
    /// # Errors
    /// It was not asked for.
    pub fn on_snapshot<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        database: Database,
    ) -> Result<(), Leave> {
        match &mut self.stage {
            Stage::Synchronization(sync) => sync.on_snapshot(shared, database),
            Stage::Connecting { .. }
            | Stage::Discovery
            | Stage::Promising { .. }
            | Stage::Adopting(_)
            | Stage::Broadcast { .. } => Err(Leave::ProtocolError),
        }
    }

    /// Writes became durable: what waited for them leaves now.
    pub fn on_persisted<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) {
        while let Some((_, held)) =
            self.held.pop_front_if(|(ticket, _)| shared.disk.is_durable(*ticket))
        {
            self.release(shared, held, out);
        }
        self.apply_committed(shared, now, out);
    }

    /// A client's request for the leader.
    pub fn submit(&mut self, request: &Request, out: &mut Out<Effect>) {
        if request.op == OpCode::Sync {
            self.syncs.push_back((request.session, request.cxid));
        }
        send(self.conn, self.leader, &request.to_packet(), out);
    }

    /// A client wants to go on with a session that began elsewhere.
    pub fn revalidate(&mut self, asked: &RevalidateRequest, out: &mut Out<Effect>) {
        send(self.conn, self.leader, &packet::revalidate(asked), out);
    }

    /// A client was heard of; the leader learns of it with the next ping.
    pub fn touch(&mut self, now: Mono, session: SessionId, timeout_ms: i32) {
        self.touched.insert(session, timeout_ms);
        if let Some(sessions) = &mut self.sessions {
            sessions.touch(session, timeout_ms, now);
        }
    }

    /// Gives up the sessions that it keeps track of itself.
    fn expire_sessions(&mut self, now: Mono, out: &mut Out<Effect>) {
        let expired = self.sessions.as_mut().map(|sessions| sessions.expire(now));
        for session in expired.into_iter().flatten() {
            out.milestone(Event::SessionExpired { session });
            send(self.conn, self.leader, &Request::expiry(session).to_packet(), out);
        }
    }

    pub(super) fn hold(&mut self, ticket: Ticket, held: Held) {
        self.held.push_back((ticket, held));
    }

    pub(super) fn release<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        held: Held,
        out: &mut Out<Effect>,
    ) {
        let (conn, leader) = (self.conn, self.leader);
        match held {
            Held::Promise(epoch) => self.promise(shared, epoch, out),
            Held::NewLeader => self.acknowledge_new_leader(out),
            Held::Proposal(zxid) => send(conn, leader, &packet::ack(zxid), out),
        }
    }

    fn connect<P: Policy>(&mut self, shared: &mut Shared<P>, out: &mut Out<Effect>) {
        if let Stage::Connecting { tries, .. } = &mut self.stage {
            *tries += 1;
        }
        self.conn = shared.take_conn();
        let entry = shared.entry_of(self.leader).expect("only members are elected or designated");
        let addr = entry.quorum.clone();
        out.push(Effect::Connect { conn: self.conn, port: PortKind::Quorum, addr });
    }

    /// D4: the promise is durable before it is spoken.
    fn on_leader_info<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        packet: &QuorumPacket,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        if packet.kind != PacketKind::LeaderInfo {
            return Err(Leave::ProtocolError);
        }
        let epoch = packet.zxid.epoch();
        let accepted = shared.epochs().accepted;
        if epoch < accepted && shared.policy.keeps_promises() {
            return Err(Leave::OldEpoch);
        }
        if epoch <= accepted {
            // Accepted before: it needs the history, its promise counts no second time.
            self.begin_synchronization(shared, epoch, None, out);
            return Ok(());
        }
        self.stage = Stage::Promising { epoch };
        let ticket = shared.disk.persist(Write::SetAcceptedEpoch(epoch), out);
        if shared.policy.promise_waits_for_sync() {
            self.hold(ticket, Held::Promise(epoch));
        } else {
            self.promise(shared, epoch, out);
        }
        Ok(())
    }

    fn promise<P: Policy>(&mut self, shared: &mut Shared<P>, epoch: Epoch, out: &mut Out<Effect>) {
        out.milestone(Event::AcceptedEpochSet { epoch });
        let current = shared.epochs().current;
        self.begin_synchronization(shared, epoch, Some(current), out);
    }

    fn begin_synchronization<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        epoch: Epoch,
        current: Option<Epoch>,
        out: &mut Out<Effect>,
    ) {
        let last = shared.disk.last_logged();
        send(self.conn, self.leader, &packet::ack_epoch(current, last), out);
        out.milestone(Event::PhaseEntered { phase: Phase::Synchronization });
        self.stage = Stage::Synchronization(Synchronization::new(epoch, last));
    }

    fn on_broadcast_packet<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        packet: QuorumPacket,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        match packet.kind {
            PacketKind::Proposal => {
                let record = decode_record(&packet)?;
                self.log_proposal(shared, record, out)
            }
            PacketKind::Commit => self.commit(shared, now, packet.zxid, out),
            PacketKind::CommitAndActivate => {
                let designated = packet::designated_of(&packet)?;
                self.commit_and_activate(shared, now, packet.zxid, designated, out)
            }
            PacketKind::Inform => {
                let record = decode_record(&packet)?;
                self.log_inform(shared, now, record, out)
            }
            PacketKind::InformAndActivate => {
                let (designated, inform) = packet::split_inform(&packet)?;
                let record = decode_record(&inform)?;
                self.log(shared, record, out)?;
                self.commit_and_activate(shared, now, packet.zxid, designated, out)
            }
            PacketKind::Ping => {
                let touched = core::mem::take(&mut self.touched).into_iter().collect();
                let pong = packet::pong(packet.zxid, PingData { touched });
                send(self.conn, self.leader, &pong, out);
                Ok(())
            }
            PacketKind::Revalidate => {
                let reply = packet.require_data().and_then(RevalidateReply::decode);
                let reply = reply.map_err(|_| Leave::ProtocolError)?;
                shared.on_revalidated(now, &reply, out);
                Ok(())
            }
            PacketKind::Sync => self.on_sync_answer(shared, now, out),
            PacketKind::Request
            | PacketKind::Ack
            | PacketKind::NewLeader
            | PacketKind::FollowerInfo
            | PacketKind::UpToDate
            | PacketKind::Diff
            | PacketKind::Trunc
            | PacketKind::Snap
            | PacketKind::ObserverInfo
            | PacketKind::LeaderInfo
            | PacketKind::AckEpoch => Err(Leave::ProtocolError),
        }
    }

    /// Logs a proposal; its ACK waits for the disk, and so for the configuration in front of it.
    pub(super) fn log_proposal<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        record: LogRecord,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        shared.see_config_of(&record, out);
        let ticket = self.log(shared, record, out)?;
        let held = Held::Proposal(shared.disk.last_logged());
        if shared.policy.ack_waits_for_sync() {
            self.hold(ticket, held);
        } else {
            self.release(shared, held, out);
        }
        Ok(())
    }

    /// An observer logs what is already committed and acknowledges nothing.
    pub(super) fn log_inform<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        record: LogRecord,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let zxid = record.zxid();
        self.log(shared, record, out)?;
        self.commit(shared, now, zxid, out)
    }

    pub(super) fn log<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        record: LogRecord,
        out: &mut Out<Effect>,
    ) -> Result<Ticket, Leave> {
        if !record.zxid().follows(shared.disk.last_logged()) {
            return Err(Leave::ProtocolError);
        }
        shared.count_proposal(record.encoded.len());
        Ok(shared.append(record, out))
    }

    /// A COMMIT names the oldest proposal without one, or the leader has lost count.
    pub(super) fn commit<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        zxid: Zxid,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let Stage::Broadcast { committed, .. } = &mut self.stage else {
            return Err(Leave::ProtocolError);
        };
        let pending = shared.history.pending();
        let next = pending.partition_point(|record| record.zxid() <= *committed);
        if pending.get(next).map(LogRecord::zxid) != Some(zxid) {
            return Err(Leave::ProtocolError);
        }
        *committed = zxid;
        out.event(|| Event::Committed { zxid });
        shared.stats.commits += 1;
        self.apply_committed(shared, now, out);
        Ok(())
    }

    /// The same for a configuration, which is in force from now on. The leader says who leads by
    /// it: that saves an election.
    pub(super) fn commit_and_activate<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        zxid: Zxid,
        designated: ServerId,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let mut pending = shared.history.pending().iter();
        let record = pending.find(|record| record.zxid() == zxid);
        let config = record.and_then(brought_by).ok_or(Leave::ProtocolError)?;
        self.commit(shared, now, zxid, out)?;
        if shared.activate(config, out)
            && (designated != self.leader || shared.acts_as() != self.role)
        {
            shared.appointed = Some(designated).filter(|sid| shared.entry_of(*sid).is_some());
            return Err(Leave::Reconfigured);
        }
        Ok(())
    }

    fn on_sync_answer<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let committed = self.committed().ok_or(Leave::ProtocolError)?;
        let (session, cxid) = self.syncs.pop_front().ok_or(Leave::ProtocolError)?;
        self.answered_syncs.push(committed, session, cxid);
        self.apply_committed(shared, now, out);
        Ok(())
    }

    /// Applies what is committed and durable here, and answers the syncs that waited for it.
    pub(super) fn apply_committed<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) {
        let Stage::Broadcast { committed, .. } = self.stage else { return };
        let (tracker, syncs) = (self.sessions.as_deref_mut(), &mut self.answered_syncs);
        shared.apply_through(now, committed, tracker, syncs, out);
        shared.maybe_snapshot(out);
    }
}

/// The transaction in a PROPOSAL or INFORM.
pub(super) fn decode_record(packet: &QuorumPacket) -> Result<LogRecord, Leave> {
    let data = packet.require_data().map_err(|_| Leave::ProtocolError)?;
    let record = txn::decode(data).map_err(|_| Leave::ProtocolError)?;
    if record.zxid() == packet.zxid { Ok(record) } else { Err(Leave::ProtocolError) }
}
