//! The leader and the learners that it looks after.
//!
//! How it becomes established is in [`super::establish`], proposals and commits in
//! [`super::broadcast`]. Each promise is durable before it is spoken: acceptedEpoch before
//! LEADERINFO (ZOOKEEPER-1291), currentEpoch before the first learner is synchronized.
//! Source: ZooKeeper's `Leader`, `LearnerHandler`.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::config::PeerRole;
use crate::policy::Policy;
use crate::process::{Effect, Out, PortKind};
use crate::request::Request;
use crate::request::sessions::SessionTracker;
use crate::shared::Shared;
use crate::sorted::{SortedMap, SortedSet};
use crate::trace::{Event, Leave, Phase, Refusal};
use crate::txn::LogRecord;
use crate::types::{ConnId, Epoch, Mono, Now, ServerId, Ticket, Xid, Zxid};
use crate::view::{Awaited, LearnerView};
use crate::wire::client::OpCode;
use crate::wire::quorum::{PacketKind, PingData, QuorumPacket, RevalidateReply, RevalidateRequest};
use crate::zab::broadcast::{Broadcast, connected};
use crate::zab::packet::{self, send};

/// A server in the role LEADING.
#[derive(Clone, Debug, Hash)]
pub struct Leader {
    pub(super) stage: Stage,
    pub(super) learners: SortedMap<ConnId, Handler>,
    /// What waits for its write, in the order of the tickets.
    pub(super) held: VecDeque<(Ticket, Held)>,
    next_half_tick: Mono,
    half_ticks: u64,
}

/// How far the leadership has come.
#[derive(Clone, Debug, Hash)]
pub(super) enum Stage {
    /// Collecting acceptedEpochs until a quorum has named its own.
    Discovery { offers: SortedMap<ServerId, Epoch>, until: Mono },
    /// The epoch is chosen; LEADERINFO waits for the disk, then a quorum must promise.
    Promising { epoch: Epoch, durable: bool, promised: SortedSet<ServerId>, until: Mono },
    /// A quorum promised; currentEpoch is being written.
    Adopting { epoch: Epoch, until: Mono },
    /// Learners are brought up to date until a quorum has acknowledged NEWLEADER.
    Synchronization { epoch: Epoch, acked: SortedSet<ServerId>, until: Mono },
    /// Established.
    Broadcast(Box<Broadcast>),
}

#[derive(Clone, Copy, Debug, Hash)]
pub(super) enum Held {
    AcceptedEpoch,
    CurrentEpoch,
    OwnAck(Zxid),
    /// A learner that was read a history for is registered late; only a bug does that.
    Registration(ConnId),
}

/// One learner's connection.
#[derive(Clone, Debug, Hash)]
pub(super) struct Handler {
    pub(super) sid: ServerId,
    pub(super) role: PeerRole,
    pub(super) progress: Progress,
    last_heard: Mono,
    pub(super) last_acked: Zxid,
    /// The oldest proposal without an ACK, and since when it is waited for.
    pub(super) unacked: Option<(Zxid, Mono)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(super) enum Progress {
    /// Connected; FOLLOWERINFO or OBSERVERINFO is to come.
    Connected,
    /// It said who it is; ACKEPOCH is to come.
    Informed,
    /// It acknowledged the epoch and ends at this transaction; it waits to be synchronized.
    Promised { last: Zxid },
    /// The log is being read for it.
    Reading { last: Zxid },
    /// NEWLEADER is sent; from then on everything is forwarded.
    Synchronizing,
    /// It acknowledged NEWLEADER.
    Ready,
}

impl Handler {
    /// Whether it gets what is proposed and committed.
    pub(super) fn is_forwarded(&self) -> bool {
        matches!(self.progress, Progress::Synchronizing | Progress::Ready)
    }

    /// Whether it acknowledged NEWLEADER.
    pub(super) fn is_ready(&self) -> bool {
        self.progress == Progress::Ready
    }

    /// Whether it acknowledges what is proposed. Where the ensemble may change, that is also who
    /// is to join it: the configuration decides whose acknowledgements count.
    pub(super) fn votes(&self) -> bool {
        self.role == PeerRole::Participant
    }
}

/// What a handler of a packet decides about the learner, or about the leadership.
pub(super) enum Outcome {
    Go,
    Refuse(Refusal),
    Leave(Leave),
}

impl Leader {
    /// Elected. Listens to learners; this server's own acceptedEpoch is the first offer.
    pub fn start<P: Policy>(shared: &mut Shared<P>, now: Now, out: &mut Out<Effect>) -> Leader {
        out.milestone(Event::PhaseEntered { phase: Phase::Discovery });
        out.push(Effect::Listen { port: PortKind::Quorum, addr: shared.my_entry().quorum.clone() });
        let offers = SortedMap::from([(shared.me(), shared.epochs().accepted)]);
        let until = now.mono.plus_ms(shared.config.init_limit_ms());
        let mut leader = Leader {
            stage: Stage::Discovery { offers, until },
            learners: SortedMap::new(),
            held: VecDeque::new(),
            next_half_tick: now.mono.plus_ms(shared.config.half_tick_ms()),
            half_ticks: 0,
        };
        leader.choose_epoch(shared, now, out);
        leader
    }

    /// Ends the leadership: learners are cut off, the port is closed.
    pub fn stop(&mut self, out: &mut Out<Effect>) {
        for conn in core::mem::take(&mut self.learners).into_keys() {
            out.push(Effect::Disconnect { conn });
        }
        out.push(Effect::Unlisten { port: PortKind::Quorum });
    }

    /// The phase of Zab.
    pub fn phase(&self) -> Phase {
        match self.stage {
            Stage::Discovery { .. } | Stage::Promising { .. } | Stage::Adopting { .. } => {
                Phase::Discovery
            }
            Stage::Synchronization { .. } => Phase::Synchronization,
            Stage::Broadcast(_) => Phase::Broadcast,
        }
    }

    /// Its broadcast, once it is established.
    pub fn broadcast(&self) -> Option<&Broadcast> {
        match &self.stage {
            Stage::Broadcast(broadcast) => Some(broadcast),
            Stage::Discovery { .. }
            | Stage::Promising { .. }
            | Stage::Adopting { .. }
            | Stage::Synchronization { .. } => None,
        }
    }

    /// The session table, once it is established.
    pub fn sessions_mut(&mut self) -> Option<&mut SessionTracker> {
        match &mut self.stage {
            Stage::Broadcast(broadcast) => Some(&mut broadcast.pipeline.sessions),
            Stage::Discovery { .. }
            | Stage::Promising { .. }
            | Stage::Adopting { .. }
            | Stage::Synchronization { .. } => None,
        }
    }

    /// What it waits for a quorum of, and who is counted already; for showing.
    pub fn awaited<P: Policy>(&self, shared: &Shared<P>) -> Option<(Awaited, Vec<ServerId>)> {
        match &self.stage {
            Stage::Discovery { .. } => Some((Awaited::Promises { epoch: None }, Vec::new())),
            Stage::Promising { epoch, promised, .. } => {
                let what = Awaited::Promises { epoch: Some(*epoch) };
                Some((what, promised.iter().copied().collect()))
            }
            Stage::Adopting { .. } => None,
            Stage::Synchronization { epoch, acked, .. } => {
                Some((Awaited::Synced { epoch: *epoch }, acked.iter().copied().collect()))
            }
            Stage::Broadcast(broadcast) => {
                let committed = broadcast.last_committed();
                let mut open = shared.history.pending().iter().map(LogRecord::zxid);
                let zxid = open.find(|zxid| *zxid > committed)?;
                Some((Awaited::Acks { zxid }, broadcast.acks_of(zxid)))
            }
        }
    }

    /// Its learners, for showing.
    pub fn learner_views(&self) -> Vec<LearnerView> {
        let named = self.learners.values().filter(|handler| handler.sid.is_named());
        let view = |handler: &Handler| LearnerView {
            sid: handler.sid,
            role: handler.role,
            synced: handler.progress == Progress::Ready,
            last_acked: handler.last_acked,
        };
        named.map(view).collect()
    }

    /// A learner connected.
    pub fn on_up(&mut self, conn: ConnId, now: Mono) {
        let handler = Handler {
            sid: ServerId::NOBODY,
            role: PeerRole::Observer,
            progress: Progress::Connected,
            last_heard: now,
            last_acked: Zxid::ZERO,
            unacked: None,
        };
        self.learners.insert(conn, handler);
    }

    /// A learner's connection ended, by itself.
    pub fn on_lost<P: Policy>(&mut self, shared: &Shared<P>, conn: ConnId, out: &mut Out<Effect>) {
        let is_nobodys = self.learners.get(&conn).is_some_and(|handler| !handler.sid.is_named());
        if is_nobodys && !shared.policy.keeps_accepting() {
            out.push(Effect::Unlisten { port: PortKind::Quorum });
        }
        self.on_down(conn);
    }

    pub(super) fn on_down(&mut self, conn: ConnId) {
        self.learners.remove(&conn);
        if let Stage::Broadcast(broadcast) = &mut self.stage {
            broadcast.forget_learner(conn);
        }
    }

    /// Bytes to a learner left. One that is taking a long SNAP is alive, though it says nothing.
    pub fn on_drained(&mut self, now: Mono, conn: ConnId) {
        if let Some(handler) = self.learners.get_mut(&conn)
            && handler.progress == Progress::Synchronizing
        {
            handler.last_heard = now;
        }
    }

    /// A packet of a learner.
    ///
    /// # Errors
    /// Why the leadership ends.
    pub fn on_packet<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        conn: ConnId,
        packet: QuorumPacket,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let Some(handler) = self.learners.get_mut(&conn) else { return Ok(()) };
        handler.last_heard = now.mono;
        let from = handler.sid;
        let (kind, zxid) = (packet.kind, packet.zxid);
        if handler.sid.is_named() {
            out.event(|| Event::PacketReceived { from, kind, zxid });
        }
        let outcome = match kind {
            PacketKind::FollowerInfo | PacketKind::ObserverInfo => {
                self.on_learner_info(shared, now, conn, &packet, out)
            }
            PacketKind::AckEpoch => self.on_ack_epoch(shared, now, conn, &packet, out),
            PacketKind::Ack => self.on_ack(shared, now, conn, zxid, out),
            PacketKind::Request => self.on_request(shared, now, conn, &packet, out),
            PacketKind::Revalidate => self.on_revalidate(now, conn, &packet, out),
            PacketKind::Ping => self.on_ping(now.mono, &packet),
            PacketKind::Proposal
            | PacketKind::Commit
            | PacketKind::Sync
            | PacketKind::Inform
            | PacketKind::CommitAndActivate
            | PacketKind::NewLeader
            | PacketKind::UpToDate
            | PacketKind::Diff
            | PacketKind::Trunc
            | PacketKind::Snap
            | PacketKind::LeaderInfo
            | PacketKind::InformAndActivate => Outcome::Refuse(Refusal::ProtocolError),
        };
        match outcome {
            Outcome::Go => Ok(()),
            Outcome::Refuse(why) => {
                self.refuse(conn, why, out);
                Ok(())
            }
            Outcome::Leave(why) => Err(why),
        }
    }

    /// Writes became durable.
    pub fn on_persisted<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) {
        let in_order = shared.policy.commits_in_order();
        loop {
            let is_durable = |(ticket, _): &mut (Ticket, Held)| shared.disk.is_durable(*ticket);
            let next = match in_order {
                true => self.held.pop_front_if(is_durable),
                false => self.held.pop_back_if(is_durable),
            };
            let Some((_, held)) = next else { break };
            self.release(shared, now, held, out);
        }
        self.apply_committed(shared, now, out);
    }

    /// The next moment at which [`Leader::on_timer`] has something to do.
    pub fn deadline(&self) -> Mono {
        let expiry = self.broadcast().and_then(|broadcast| broadcast.pipeline.deadline());
        expiry.map_or(self.next_half_tick, |expiry| expiry.min(self.next_half_tick))
    }

    /// A half tick or an expiry has come.
    ///
    /// # Errors
    /// Why the leadership ends.
    pub fn on_timer<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        self.end_what_is_over(shared, now, out)?;
        if now.mono < self.next_half_tick {
            return Ok(());
        }
        self.half_ticks += 1;
        self.next_half_tick = now.mono.plus_ms(shared.config.half_tick_ms());
        self.drop_silent_learners(shared, now.mono, out);
        if !shared.policy.registers_with_reading() {
            self.on_persisted(shared, now, out);
        }
        match &self.stage {
            Stage::Discovery { until, .. }
            | Stage::Promising { until, .. }
            | Stage::Adopting { until, .. }
            | Stage::Synchronization { until, .. } => {
                if now.mono >= *until {
                    return Err(Leave::NoQuorumInTime);
                }
            }
            Stage::Broadcast(broadcast) => {
                let last_proposed = broadcast.last_proposed();
                self.ping_learners(last_proposed, out);
                let stays = !shared.policy.steps_down_without_quorum();
                let looks = self.half_ticks.is_multiple_of(2) && !stays;
                if looks && !self.has_quorum_of_learners(shared) {
                    return Err(Leave::QuorumLost);
                }
            }
        }
        Ok(())
    }

    fn release<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        held: Held,
        out: &mut Out<Effect>,
    ) {
        match held {
            Held::AcceptedEpoch => self.announce_epoch(shared, now, out),
            Held::CurrentEpoch => self.begin_synchronization(shared, now, out),
            Held::OwnAck(zxid) => self.count_ack(shared, now, shared.me(), zxid, out),
            Held::Registration(conn) => self.register(shared, conn, out),
        }
    }

    /// The own record counts when it is durable, not before.
    pub(super) fn hold_own_ack<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        ticket: Ticket,
        zxid: Zxid,
        out: &mut Out<Effect>,
    ) {
        if shared.policy.own_ack_waits_for_sync() {
            self.held.push_back((ticket, Held::OwnAck(zxid)));
        } else {
            self.count_ack(shared, now, shared.me(), zxid, out);
        }
    }

    pub(super) fn on_proposal_ack<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        conn: ConnId,
        zxid: Zxid,
        out: &mut Out<Effect>,
    ) -> Outcome {
        let handler = self.learners.get_mut(&conn).expect("checked by the caller");
        let Stage::Broadcast(broadcast) = &self.stage else {
            return Outcome::Refuse(Refusal::ProtocolError);
        };
        let is_possible = zxid.epoch() == broadcast.epoch
            && zxid <= broadcast.last_proposed()
            && zxid > handler.last_acked
            && handler.progress == Progress::Ready;
        if !is_possible {
            return Outcome::Refuse(Refusal::ProtocolError);
        }
        handler.last_acked = zxid;
        if handler.unacked.is_some_and(|(oldest, _)| zxid >= oldest) {
            let more = zxid < broadcast.last_proposed();
            handler.unacked = more.then(|| (Zxid(zxid.0 + 1), now.mono));
        }
        if handler.votes() {
            let sid = handler.sid;
            self.count_ack(shared, now, sid, zxid, out);
        }
        Outcome::Go
    }

    fn on_request<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        conn: ConnId,
        packet: &QuorumPacket,
        out: &mut Out<Effect>,
    ) -> Outcome {
        let handler = self.learners.get(&conn).expect("checked by the caller");
        let (sid, is_ready) = (handler.sid, handler.progress == Progress::Ready);
        let request = Request::from_packet(packet, sid).filter(|_| is_ready);
        let Some(mut request) = request else {
            return Outcome::Refuse(Refusal::ProtocolError);
        };
        let is_expiry = request.op == OpCode::CloseSession && request.cxid == Xid(0);
        if is_expiry && !shared.policy.only_the_leader_expires() {
            request = Request::expiry(request.session);
        }
        match self.submit(shared, now, request, Some(conn), out) {
            Ok(()) => Outcome::Go,
            Err(why) => Outcome::Leave(why),
        }
    }

    fn on_revalidate(
        &mut self,
        now: Now,
        conn: ConnId,
        packet: &QuorumPacket,
        out: &mut Out<Effect>,
    ) -> Outcome {
        let asked = packet.require_data().and_then(RevalidateRequest::decode);
        let Ok(asked) = asked else {
            return Outcome::Refuse(Refusal::ProtocolError);
        };
        let Stage::Broadcast(broadcast) = &mut self.stage else {
            return Outcome::Refuse(Refusal::ProtocolError);
        };
        let sid = self.learners[&conn].sid;
        let sessions = &mut broadcast.pipeline.sessions;
        let valid = sessions.is_alive(asked.session);
        if valid {
            sessions.set_owner(asked.session, sid);
            sessions.touch(asked.session, asked.timeout_ms, now.mono);
        }
        let reply = RevalidateReply { session: asked.session, valid };
        send(conn, sid, &packet::revalidate_reply(&reply), out);
        Outcome::Go
    }

    /// The answer to a ping carries the sessions whose clients were heard of since the last one.
    fn on_ping(&mut self, now: Mono, packet: &QuorumPacket) -> Outcome {
        let Ok(touched) = packet.require_data().and_then(PingData::decode) else {
            return Outcome::Refuse(Refusal::ProtocolError);
        };
        if let Stage::Broadcast(broadcast) = &mut self.stage {
            for (session, timeout_ms) in touched.touched {
                broadcast.pipeline.sessions.touch(session, timeout_ms, now);
            }
        }
        Outcome::Go
    }

    fn ping_learners(&self, last_proposed: Zxid, out: &mut Out<Effect>) {
        for (conn, handler) in &self.learners {
            if handler.progress == Progress::Ready {
                send(*conn, handler.sid, &packet::ping(last_proposed), out);
            }
        }
    }

    /// Learners that were silent for too long, or that answer pings but do not acknowledge.
    fn drop_silent_learners<P: Policy>(
        &mut self,
        shared: &Shared<P>,
        now: Mono,
        out: &mut Out<Effect>,
    ) {
        let init_ms = shared.config.init_limit_ms();
        let sync_ms = shared.config.sync_limit_ms();
        let is_late = |handler: &Handler| {
            let limit_ms = if handler.progress == Progress::Ready { sync_ms } else { init_ms };
            let is_silent = now >= handler.last_heard.plus_ms(limit_ms);
            let withholds = handler.unacked.is_some_and(|(_, at)| now >= at.plus_ms(sync_ms));
            is_silent || (withholds && handler.progress == Progress::Ready)
        };
        let late = self.learners.iter().filter(|(_, handler)| is_late(handler));
        for conn in late.map(|(conn, _)| *conn).collect::<Vec<_>>() {
            self.refuse(conn, Refusal::TooSlow, out);
        }
    }

    fn has_quorum_of_learners<P: Policy>(&self, shared: &Shared<P>) -> bool {
        shared.is_quorum(connected(&self.learners).chain([shared.me()]))
    }

    fn refuse(&mut self, conn: ConnId, why: Refusal, out: &mut Out<Effect>) {
        if let Some(handler) = self.learners.get(&conn) {
            let learner = handler.sid;
            out.milestone(Event::LearnerRefused { learner, why });
            self.on_down(conn);
            out.push(Effect::Disconnect { conn });
        }
    }
}
