//! From elected to established: the leader's discovery and synchronization.
//!
//! A quorum names its acceptedEpochs, promises the next one, is brought to the leader's history
//! ([`super::synchronize`]) and acknowledges NEWLEADER. Source: ZooKeeper's `Leader.lead`,
//! `LearnerHandler`; Zab's phases 1 and 2 (Junqueira, Reed, Serafini 2011).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::config::{Ensemble, PeerRole};
use crate::policy::Policy;
use crate::process::{Effect, Out};
use crate::shared::Shared;
use crate::sorted::SortedSet;
use crate::storage::Write;
use crate::trace::{Event, Phase, Refusal};
use crate::tree::Database;
use crate::types::{ConnId, Now, ServerId, Zxid};
use crate::wire::quorum::{AckEpoch, LearnerInfo, PacketKind, QuorumPacket};
use crate::zab::broadcast::Broadcast;
use crate::zab::leader::{Handler, Held, Leader, Outcome, Progress, Stage};
use crate::zab::packet::{self, send};

impl Leader {
    pub(super) fn on_learner_info<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        conn: ConnId,
        packet: &QuorumPacket,
        out: &mut Out<Effect>,
    ) -> Outcome {
        let Some(info) = packet.require_data().and_then(LearnerInfo::decode).ok() else {
            return Outcome::Refuse(Refusal::ProtocolError);
        };
        let handler = self.learners.get_mut(&conn).expect("checked by the caller");
        if handler.progress != Progress::Connected {
            return Outcome::Refuse(Refusal::ProtocolError);
        }
        handler.sid = info.sid;
        let (kind, zxid) = (packet.kind, packet.zxid);
        out.event(|| Event::PacketReceived { from: info.sid, kind, zxid });
        let named = shared.ensemble().servers.get(&info.sid).map(|entry| entry.role);
        // Where the ensemble may change, whoever is to join follows first, without a vote.
        let may_join = shared.config.rules.reconfig;
        if info.sid == shared.me() || (named.is_none() && !may_join) {
            return Outcome::Refuse(Refusal::Unknown);
        }
        if info.config_version > shared.ensemble().version.cast_signed() {
            return Outcome::Refuse(Refusal::NewerConfig);
        }
        // Who says so itself does not vote, whatever it is meant to be (ZOOKEEPER-261).
        handler.role = match (kind, named) {
            (PacketKind::ObserverInfo, _) => PeerRole::Observer,
            (_, Some(role)) if !may_join => role,
            (_, Some(_) | None) => PeerRole::Participant,
        };
        handler.progress = Progress::Informed;
        let votes = handler.votes();
        self.drop_older_connection(conn, info.sid, out);
        match &mut self.stage {
            Stage::Discovery { offers, .. } => {
                if votes {
                    offers.insert(info.sid, zxid.epoch());
                    self.choose_epoch(shared, now, out);
                }
            }
            Stage::Promising { durable: false, .. } => {}
            Stage::Promising { epoch, .. }
            | Stage::Adopting { epoch, .. }
            | Stage::Synchronization { epoch, .. } => {
                send(conn, info.sid, &packet::leader_info(*epoch), out);
            }
            Stage::Broadcast(broadcast) => {
                send(conn, info.sid, &packet::leader_info(broadcast.epoch), out);
            }
        }
        Outcome::Go
    }

    /// A learner that calls again has lost its old connection, whatever that one's end says.
    fn drop_older_connection(&mut self, conn: ConnId, sid: ServerId, out: &mut Out<Effect>) {
        let is_older = |(other, handler): &(&ConnId, &Handler)| {
            **other != conn && handler.sid == sid && handler.progress != Progress::Connected
        };
        let older = self.learners.iter().find(is_older).map(|(other, _)| *other);
        if let Some(older) = older {
            self.on_down(older);
            out.push(Effect::Disconnect { conn: older });
        }
    }

    /// D3: with a quorum's acceptedEpochs at hand, the next one is chosen, once.
    pub(super) fn choose_epoch<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) {
        let Stage::Discovery { offers, until } = &self.stage else { return };
        if !shared.is_quorum(offers.keys().copied()) {
            return;
        }
        let greatest = offers.values().copied().max().unwrap_or_default();
        let Some(epoch) = greatest.next() else {
            // The epochs are used up: nothing can be led any more. The wait for initLimit ends
            // this leadership, and every later one.
            return;
        };
        let until = *until;
        out.milestone(Event::EpochProposed { epoch });
        let promised = SortedSet::from([shared.me()]);
        self.stage = Stage::Promising { epoch, durable: false, promised, until };
        let ticket = shared.disk.persist(Write::SetAcceptedEpoch(epoch), out);
        if shared.policy.promise_waits_for_sync() {
            self.held.push_back((ticket, Held::AcceptedEpoch));
        } else {
            self.announce_epoch(shared, now, out);
        }
    }

    /// The promise is durable: LEADERINFO to everybody who asked.
    pub(super) fn announce_epoch<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) {
        let Stage::Promising { epoch, durable, .. } = &mut self.stage else { return };
        *durable = true;
        let epoch = *epoch;
        out.milestone(Event::AcceptedEpochSet { epoch });
        if !shared.policy.leads_with_its_log() {
            shared.disk.claim(Zxid::new(epoch, 0));
        }
        for (conn, handler) in &self.learners {
            if handler.progress == Progress::Informed {
                send(*conn, handler.sid, &packet::leader_info(epoch), out);
            }
        }
        self.adopt_epoch(shared, now, out);
    }

    pub(super) fn on_ack_epoch<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        conn: ConnId,
        packet: &QuorumPacket,
        out: &mut Out<Effect>,
    ) -> Outcome {
        let ack = packet.require_data().and_then(AckEpoch::decode).ok();
        let handler = self.learners.get_mut(&conn).expect("checked by the caller");
        let Some(ack) = ack.filter(|_| handler.progress == Progress::Informed) else {
            return Outcome::Refuse(Refusal::ProtocolError);
        };
        let last = packet.zxid;
        handler.progress = Progress::Promised { last };
        let (sid, votes) = (handler.sid, handler.votes());
        match &mut self.stage {
            Stage::Discovery { .. } => return Outcome::Refuse(Refusal::ProtocolError),
            Stage::Promising { promised, .. } => {
                // `None` means: this epoch was accepted before; sync me, do not count me.
                if let Some(current) = ack.current_epoch {
                    let own = (shared.epochs().current, shared.disk.last_logged());
                    if (current, last) > own && shared.policy.refuses_more_recent() {
                        return Outcome::Refuse(Refusal::MoreRecent);
                    }
                    if votes {
                        promised.insert(sid);
                    }
                }
                self.adopt_epoch(shared, now, out);
            }
            Stage::Adopting { .. } => {}
            Stage::Synchronization { .. } | Stage::Broadcast(_) => {
                self.synchronize(shared, conn, last, out);
            }
        }
        Outcome::Go
    }

    /// D5: a quorum promised; this leader's history becomes the initial history of the epoch.
    fn adopt_epoch<P: Policy>(&mut self, shared: &mut Shared<P>, now: Now, out: &mut Out<Effect>) {
        let Stage::Promising { epoch, durable: true, promised, until } = &self.stage else {
            return;
        };
        if !shared.is_quorum(promised.iter().copied()) {
            return;
        }
        let (epoch, until) = (*epoch, *until);
        self.stage = Stage::Adopting { epoch, until };
        if let Some(counter) = shared.first_counter.take() {
            let last_zxid = Zxid::new(epoch, counter);
            shared.install(Database { last_zxid, ..shared.database.clone() }, out);
        }
        if shared.ensemble().version == 0 && shared.next().is_none() {
            // From now on it is later than what a server has that was never part of an epoch
            // (ZOOKEEPER-1783).
            let version = Zxid::new(epoch, 0).0;
            shared.see_config(Ensemble { version, ..shared.ensemble().clone() }, out);
        }
        let ticket = shared.disk.persist(Write::SetCurrentEpoch(epoch), out);
        if shared.policy.promise_waits_for_sync() {
            self.held.push_back((ticket, Held::CurrentEpoch));
        } else {
            self.begin_synchronization(shared, now, out);
        }
    }

    pub(super) fn begin_synchronization<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) {
        let Stage::Adopting { epoch, .. } = self.stage else { return };
        out.milestone(Event::CurrentEpochSet { epoch });
        let last = shared.disk.last_logged();
        out.milestone(Event::HistoryAdopted { epoch, last });
        out.milestone(Event::PhaseEntered { phase: Phase::Synchronization });
        let until = now.mono.plus_ms(shared.config.init_limit_ms());
        let acked = SortedSet::from([shared.me()]);
        self.stage = Stage::Synchronization { epoch, acked, until };
        let promised = self.learners.iter().filter_map(|(conn, handler)| match handler.progress {
            Progress::Promised { last } => Some((*conn, last)),
            Progress::Connected
            | Progress::Informed
            | Progress::Reading { .. }
            | Progress::Synchronizing
            | Progress::Ready => None,
        });
        for (conn, last) in promised.collect::<Vec<_>>() {
            self.synchronize(shared, conn, last, out);
        }
        self.establish(shared, now, out);
    }

    pub(super) fn on_ack<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        conn: ConnId,
        zxid: Zxid,
        out: &mut Out<Effect>,
    ) -> Outcome {
        let handler = self.learners.get_mut(&conn).expect("checked by the caller");
        if zxid.counter() != 0 {
            return self.on_proposal_ack(shared, now, conn, zxid, out);
        }
        let (sid, votes) = (handler.sid, handler.votes());
        match (&mut self.stage, handler.progress) {
            // The second one answers UPTODATE.
            (Stage::Broadcast(_), Progress::Ready) => Outcome::Go,
            (Stage::Synchronization { epoch, acked, .. }, Progress::Synchronizing)
                if zxid == Zxid::new(*epoch, 0) =>
            {
                handler.progress = Progress::Ready;
                if votes || !shared.policy.only_voters_count() {
                    acked.insert(sid);
                }
                self.establish(shared, now, out);
                Outcome::Go
            }
            (Stage::Broadcast(broadcast), Progress::Synchronizing)
                if zxid == Zxid::new(broadcast.epoch, 0) =>
            {
                handler.progress = Progress::Ready;
                send(conn, sid, &packet::up_to_date(), out);
                Outcome::Go
            }
            _ => Outcome::Refuse(Refusal::ProtocolError),
        }
    }

    /// With a quorum's ACKs of NEWLEADER the epoch's initial history is committed.
    fn establish<P: Policy>(&mut self, shared: &mut Shared<P>, now: Now, out: &mut Out<Effect>) {
        let Stage::Synchronization { epoch, acked, .. } = &self.stage else { return };
        if !shared.is_quorum(acked.iter().copied()) {
            return;
        }
        let epoch = *epoch;
        out.milestone(Event::Established { epoch });
        out.milestone(Event::PhaseEntered { phase: Phase::Broadcast });
        let mut broadcast = Broadcast::new(shared, epoch, now.mono);
        if let Some(config) = shared.next().cloned() {
            // What an earlier leader began is finished (ZOOKEEPER-1324).
            if !broadcast.leads_by(shared, &config) {
                broadcast.hand_over(Zxid::new(epoch, 0), None);
            }
            shared.activate(config, out);
        }
        self.stage = Stage::Broadcast(Box::new(broadcast));
        shared.enter_epoch(epoch);
        shared.show_config();
        for (conn, handler) in &self.learners {
            if handler.progress == Progress::Ready {
                send(*conn, handler.sid, &packet::up_to_date(), out);
            }
        }
    }
}
