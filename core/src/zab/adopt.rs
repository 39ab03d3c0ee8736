//! A learner's synchronization: from ACKEPOCH to UPTODATE.
//!
//! The order is `history ≺ currentEpoch ≺ ACK NEWLEADER`, each durable before the next
//! (ZOOKEEPER-3911, 4643, 4646, 4785). Proposals without a COMMIT stay aside, and are logged and
//! acknowledged only after UPTODATE (ZOOKEEPER-4394, 4685). A SNAP replaces the tree only when it
//! is complete and closed by NEWLEADER (ZOOKEEPER-3642). Source: `Learner.syncWithLeader`.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::config::{Ensemble, PeerRole, ServerEntry};
use crate::policy::Policy;
use crate::process::{Effect, Out};
use crate::request::sessions::SessionTracker;
use crate::shared::Shared;
use crate::storage::Write;
use crate::trace::{Event, Leave, Phase, SyncMode};
use crate::tree::Database;
use crate::txn::LogRecord;
use crate::types::{Epoch, Now, ServerId, Ticket, Zxid};
use crate::wire::quorum::{PacketKind, QuorumPacket};
use crate::zab::learner::{Held, Learner, Stage, decode_record};
use crate::zab::packet::{self, send};

/// Between ACKEPOCH and NEWLEADER.
#[derive(Clone, Debug, Hash)]
pub(super) struct Synchronization {
    epoch: Epoch,
    mode: Option<SyncMode>,
    /// The last transaction that is held, here or aside.
    last: Zxid,
    /// The tree that came by SNAP.
    incoming: Option<Database>,
    snapshot_zxid: Zxid,
    /// The log is being cut and the tree read anew; packets wait in `stalled`.
    reloading: Option<Ticket>,
    stalled: VecDeque<QuorumPacket>,
    committed: Vec<LogRecord>,
    proposed: VecDeque<LogRecord>,
}

/// Between NEWLEADER and UPTODATE.
#[derive(Clone, Debug, Hash)]
pub(super) struct Adoption {
    epoch: Epoch,
    acknowledged: bool,
    last: Zxid,
    /// Logged and acknowledged after UPTODATE.
    proposed: VecDeque<LogRecord>,
    /// COMMITs that may name a proposal from before NEWLEADER; one of a configuration also says
    /// who leads by it.
    commits: VecDeque<(Zxid, Option<ServerId>)>,
    /// The configuration of the epoch, which UPTODATE puts in force.
    config: Option<Ensemble>,
}

impl Synchronization {
    pub(super) fn new(epoch: Epoch, last: Zxid) -> Synchronization {
        Synchronization {
            epoch,
            mode: None,
            last,
            incoming: None,
            snapshot_zxid: Zxid::ZERO,
            reloading: None,
            stalled: VecDeque::new(),
            committed: Vec::new(),
            proposed: VecDeque::new(),
        }
    }

    pub(super) fn on_snapshot<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        mut database: Database,
    ) -> Result<(), Leave> {
        if self.mode != Some(SyncMode::Snap) || self.incoming.is_some() {
            return Err(Leave::ProtocolError);
        }
        database.last_zxid = self.snapshot_zxid;
        if !shared.policy.counts_users_of_lists() {
            database.tree.miscount_lists();
        }
        if !shared.policy.keeps_snap_aside() {
            shared.take_over(database.clone());
        }
        self.incoming = Some(database);
        Ok(())
    }

    fn take_proposal(&mut self, record: LogRecord) -> Result<(), Leave> {
        check_next(&mut self.last, &record)?;
        self.proposed.push_back(record);
        Ok(())
    }

    fn take_commit(&mut self, zxid: Zxid) -> Result<(), Leave> {
        let record = self.proposed.pop_front_if(|record| record.zxid() == zxid);
        self.committed.push(record.ok_or(Leave::ProtocolError)?);
        Ok(())
    }
}

/// Each transaction directly follows the one before it (ZOOKEEPER-4925).
fn check_next(last: &mut Zxid, record: &LogRecord) -> Result<(), Leave> {
    if !record.zxid().follows(*last) {
        return Err(Leave::ProtocolError);
    }
    *last = record.zxid();
    Ok(())
}

impl Learner {
    pub(super) fn on_sync_packet<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        packet: QuorumPacket,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let Stage::Synchronization(sync) = &mut self.stage else {
            return Err(Leave::ProtocolError);
        };
        if sync.reloading.is_some() {
            sync.stalled.push_back(packet);
            return Ok(());
        }
        match packet.kind {
            PacketKind::Diff => {
                if !shared.policy.counts_what_is_logged() {
                    shared.disk.claim(packet.zxid);
                }
                begin(sync, SyncMode::Diff)
            }
            PacketKind::Snap => {
                sync.snapshot_zxid = packet.zxid;
                sync.last = packet.zxid;
                begin(sync, SyncMode::Snap)
            }
            PacketKind::Trunc => {
                begin(sync, SyncMode::Trunc)?;
                // What came by SNAP was never committed, and nothing older is left. Nothing was
                // touched; the leader sends the whole tree when this server calls again.
                if packet.zxid < shared.oldest {
                    return Err(Leave::CannotCut);
                }
                sync.last = packet.zxid;
                shared.disk.persist(Write::Truncate { after: packet.zxid }, out);
                sync.reloading = Some(shared.disk.reload(out));
                Ok(())
            }
            PacketKind::Proposal => sync.take_proposal(decode_record(&packet)?),
            // NEWLEADER says which configuration is in force behind all of these.
            PacketKind::Commit | PacketKind::CommitAndActivate => sync.take_commit(packet.zxid),
            PacketKind::Inform => {
                sync.take_proposal(decode_record(&packet)?)?;
                sync.take_commit(packet.zxid)
            }
            PacketKind::InformAndActivate => {
                let (_, inform) = packet::split_inform(&packet)?;
                sync.take_proposal(decode_record(&inform)?)?;
                sync.take_commit(packet.zxid)
            }
            PacketKind::NewLeader => self.adopt(shared, &packet, out),
            PacketKind::Ping => Ok(()),
            PacketKind::Request
            | PacketKind::Ack
            | PacketKind::Revalidate
            | PacketKind::Sync
            | PacketKind::FollowerInfo
            | PacketKind::UpToDate
            | PacketKind::ObserverInfo
            | PacketKind::LeaderInfo
            | PacketKind::AckEpoch => Err(Leave::ProtocolError),
        }
    }

    /// The log is cut and the tree is what a start would find.
    ///
    /// # Errors
    /// Why the role ends.
    pub fn on_reloaded<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        ticket: Ticket,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let Stage::Synchronization(sync) = &mut self.stage else { return Ok(()) };
        if sync.reloading != Some(ticket) {
            return Ok(());
        }
        sync.reloading = None;
        let after = shared.database.last_zxid;
        out.milestone(Event::Truncated { after });
        for packet in core::mem::take(&mut sync.stalled) {
            // The stage may move on to NEWLEADER and beyond with these.
            match &self.stage {
                Stage::Synchronization(_) => self.on_sync_packet(shared, packet, out)?,
                Stage::Connecting { .. }
                | Stage::Discovery
                | Stage::Promising { .. }
                | Stage::Adopting(_)
                | Stage::Broadcast { .. } => self.on_adopting_packet(shared, now, packet, out)?,
            }
        }
        Ok(())
    }

    /// NEWLEADER: the initial history is complete. Everything that it contains is written, the
    /// configuration of the epoch, then currentEpoch, and when all is durable it is acknowledged.
    fn adopt<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        packet: &QuorumPacket,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let Stage::Synchronization(sync) = &mut self.stage else {
            return Err(Leave::ProtocolError);
        };
        let epoch = sync.epoch;
        let is_complete = match sync.mode {
            None => false,
            Some(SyncMode::Diff | SyncMode::Trunc) => true,
            Some(SyncMode::Snap) => sync.incoming.is_some(),
        };
        if packet.zxid != Zxid::new(epoch, 0) || !is_complete {
            return Err(Leave::ProtocolError);
        }
        let config = config_of(packet);
        if let Some(config) = &config {
            // What was seen before and is not in this history will never be in force.
            shared.see_config(config.clone(), out);
        }
        if !shared.policy.history_precedes_epoch() {
            shared.disk.persist(Write::SetCurrentEpoch(epoch), out);
        }
        if let Some(state) = sync.incoming.take() {
            let zxid = state.last_zxid;
            shared.install(state, out);
            out.milestone(Event::SnapshotInstalled { zxid });
        }
        let mut proposed = core::mem::take(&mut sync.proposed);
        if !shared.policy.keeps_uncommitted_aside() {
            sync.committed.extend(core::mem::take(&mut proposed));
        }
        for record in core::mem::take(&mut sync.committed) {
            shared.append(record, out);
        }
        let last = shared.disk.last_logged();
        let last_held = sync.last;
        if !shared.policy.newleader_ack_comes_first() {
            for record in core::mem::take(&mut proposed) {
                self.log_proposal(shared, record, out)?;
            }
        }
        self.stage = Stage::Adopting(Adoption {
            epoch,
            acknowledged: false,
            last: last_held,
            proposed,
            commits: VecDeque::new(),
            config,
        });
        out.milestone(Event::HistoryAdopted { epoch, last });
        let policy = &shared.policy;
        let waits = policy.newleader_ack_waits_for_sync();
        if policy.history_precedes_epoch() && policy.adopts_before_ack() {
            shared.disk.persist(Write::SetCurrentEpoch(epoch), out);
        }
        let ticket = shared.disk.issued();
        if waits && !shared.disk.is_durable(ticket) {
            self.hold(ticket, Held::NewLeader);
        } else {
            self.acknowledge_new_leader(out);
        }
        Ok(())
    }

    pub(super) fn acknowledge_new_leader(&mut self, out: &mut Out<Effect>) {
        let Stage::Adopting(adoption) = &mut self.stage else { return };
        adoption.acknowledged = true;
        let epoch = adoption.epoch;
        out.milestone(Event::CurrentEpochSet { epoch });
        send(self.conn, self.leader, &packet::ack(Zxid::new(epoch, 0)), out);
    }

    pub(super) fn on_adopting_packet<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        packet: QuorumPacket,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let Stage::Adopting(adoption) = &mut self.stage else {
            return Err(Leave::ProtocolError);
        };
        match packet.kind {
            PacketKind::Proposal => {
                let record = decode_record(&packet)?;
                check_next(&mut adoption.last, &record)?;
                adoption.proposed.push_back(record);
                Ok(())
            }
            PacketKind::Commit => {
                adoption.commits.push_back((packet.zxid, None));
                Ok(())
            }
            PacketKind::CommitAndActivate => {
                let designated = packet::designated_of(&packet)?;
                adoption.commits.push_back((packet.zxid, Some(designated)));
                Ok(())
            }
            PacketKind::Inform => {
                let record = decode_record(&packet)?;
                check_next(&mut adoption.last, &record)?;
                adoption.proposed.push_back(record);
                adoption.commits.push_back((packet.zxid, None));
                Ok(())
            }
            PacketKind::InformAndActivate => {
                let (designated, inform) = packet::split_inform(&packet)?;
                let record = decode_record(&inform)?;
                check_next(&mut adoption.last, &record)?;
                adoption.proposed.push_back(record);
                adoption.commits.push_back((packet.zxid, Some(designated)));
                Ok(())
            }
            PacketKind::UpToDate if adoption.acknowledged => self.serve(shared, now, out),
            PacketKind::Ping => Ok(()),
            PacketKind::UpToDate
            | PacketKind::Request
            | PacketKind::Ack
            | PacketKind::Revalidate
            | PacketKind::Sync
            | PacketKind::NewLeader
            | PacketKind::FollowerInfo
            | PacketKind::Diff
            | PacketKind::Trunc
            | PacketKind::Snap
            | PacketKind::ObserverInfo
            | PacketKind::LeaderInfo
            | PacketKind::AckEpoch => Err(Leave::ProtocolError),
        }
    }

    /// UPTODATE: the epoch is established. What waited is logged, then committed as told.
    fn serve<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let Stage::Adopting(adoption) = &mut self.stage else {
            return Err(Leave::ProtocolError);
        };
        let (role, leader) = (shared.acts_as(), shared.entry_of(self.leader).cloned());
        if let Some(config) = adoption.config.take()
            && shared.activate(config, out)
        {
            // Nobody was designated, so these are left to an election.
            let address = |entry: &ServerEntry| entry.quorum.clone();
            let named = shared.ensemble().servers.get(&self.leader).map(address);
            let leads =
                shared.ensemble().is_voter(self.leader) && named == leader.as_ref().map(address);
            if !leads || shared.acts_as() != role {
                return Err(Leave::Reconfigured);
            }
        }
        if self.role != shared.acts_as() {
            return Err(Leave::Synced);
        }
        shared.show_config();
        let epoch = adoption.epoch;
        let proposed = core::mem::take(&mut adoption.proposed);
        let commits = core::mem::take(&mut adoption.commits);
        send(self.conn, self.leader, &packet::ack(Zxid::new(epoch, 0)), out);
        if !shared.policy.adopts_before_ack() {
            shared.disk.persist(Write::SetCurrentEpoch(epoch), out);
        }
        // What is logged by now was committed before NEWLEADER.
        let committed = shared.disk.last_logged().max(Zxid::new(epoch, 0));
        self.stage = Stage::Broadcast { epoch, committed };
        out.milestone(Event::PhaseEntered { phase: Phase::Broadcast });
        let before = shared.database.last_zxid;
        self.apply_committed(shared, now, out);
        if !shared.policy.window_has_what_was_synced() {
            shared.history.forget_after(before);
        }
        shared.enter_epoch(epoch);
        if !shared.policy.only_the_leader_expires() {
            let known = shared.database.sessions.iter().map(|(sid, timeout)| (*sid, *timeout));
            let tick_ms = shared.config.tick_time_ms;
            self.sessions = Some(Box::new(SessionTracker::new(tick_ms, known, now.mono)));
        }
        for record in proposed {
            match self.role {
                PeerRole::Participant => self.log_proposal(shared, record, out)?,
                PeerRole::Observer => {
                    self.log(shared, record, out)?;
                }
            }
        }
        for (zxid, designated) in commits {
            match designated {
                Some(designated) => {
                    self.commit_and_activate(shared, now, zxid, designated, out)?;
                }
                None => self.commit(shared, now, zxid, out)?,
            }
        }
        Ok(())
    }
}

/// The configuration in NEWLEADER. Servers before 3.5 send none.
fn config_of(packet: &QuorumPacket) -> Option<Ensemble> {
    let text = core::str::from_utf8(packet.data.as_deref()?).ok()?;
    Ensemble::parse(text).ok().filter(|ensemble| !ensemble.servers.is_empty())
}

fn begin(sync: &mut Synchronization, mode: SyncMode) -> Result<(), Leave> {
    if sync.mode.replace(mode).is_some() { Err(Leave::ProtocolError) } else { Ok(()) }
}
