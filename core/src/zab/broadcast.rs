//! Broadcast at the leader: propose, count acknowledgements, commit in order.
//!
//! A transaction commits when a quorum has it on disk and every one before it is committed.
//! Source: ZooKeeper's `Leader.propose`, `processAck`, `tryToCommit`; Zab's phase 3.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cmp::Reverse;

use bytes::Bytes;

use crate::config::{Ensemble, PeerRole};
use crate::membership::brought_by;
use crate::policy::Policy;
use crate::process::{Effect, Out};
use crate::request::Request;
use crate::request::pipeline::Pipeline;
use crate::request::reaper::Reaper;
use crate::request::reconfig::Members;
use crate::request::sessions::SessionTracker;
use crate::request::syncs::WaitingSyncs;
use crate::shared::Shared;
use crate::sorted::SortedMap;
use crate::trace::{Event, Leave};
use crate::txn::LogRecord;
use crate::types::{ConnId, Epoch, Mono, Now, ServerId, Zxid};
use crate::wire::client::OpCode;
use crate::zab::leader::{Handler, Leader, Stage};
use crate::zab::packet::{self, send};

/// What an established leader has of its own.
#[derive(Clone, Debug, Hash)]
pub struct Broadcast {
    /// The epoch.
    pub epoch: Epoch,
    /// Where requests become transactions.
    pub pipeline: Pipeline,
    last_committed: Zxid,
    /// The greatest zxid each voter has acknowledged; ACKs are cumulative because they are FIFO.
    acked: SortedMap<ServerId, Zxid>,
    /// Syncs of learners that wait for everything proposed before them.
    learner_syncs: VecDeque<(Zxid, ConnId)>,
    /// Syncs of this server's own clients.
    own_syncs: WaitingSyncs,
    /// By the configuration that is in force now, another server leads.
    hands_over: Option<HandOver>,
}

/// The end of a leadership by reconfiguration: nothing is committed behind it.
#[derive(Clone, Copy, Debug, Hash)]
struct HandOver {
    /// The last transaction that is committed; the role ends when it is applied here.
    after: Zxid,
    /// Who leads next, unless that is left to an election.
    to: Option<ServerId>,
}

impl Broadcast {
    /// Begins with an empty list of proposals: all of the history so far is committed.
    pub(super) fn new<P: Policy>(shared: &Shared<P>, epoch: Epoch, now: Mono) -> Broadcast {
        let database = &shared.database;
        let renews = shared.policy.renews_sessions();
        let granted = |timeout_ms: i32| if renews { timeout_ms } else { 0 };
        let known = database.sessions.iter().map(|(sid, timeout)| (*sid, granted(*timeout)));
        let sessions = SessionTracker::new(shared.config.tick_time_ms, known, now);
        let first = Zxid::new(epoch, 0).max(database.last_zxid);
        let reaper = Reaper::new(shared.config.reaping, now);
        let rules = shared.config.rules;
        let mut pipeline = Pipeline::new(database.clone(), first, sessions, rules, reaper)
            .with_policy(&shared.policy);
        if shared.config.sessions.local {
            pipeline = pipeline.with_local_sessions(shared.me());
        }
        Broadcast {
            epoch,
            pipeline,
            last_committed: first,
            acked: SortedMap::new(),
            learner_syncs: VecDeque::new(),
            own_syncs: WaitingSyncs::default(),
            hands_over: None,
        }
    }

    /// Whether this server may lead by that configuration: it votes, at the same address.
    pub(super) fn leads_by<P: Policy>(&self, shared: &Shared<P>, config: &Ensemble) -> bool {
        let named = config.servers.get(&shared.me());
        config.is_voter(shared.me())
            && named.is_some_and(|entry| entry.quorum == shared.my_entry().quorum)
    }

    /// Commits nothing behind this transaction: `to` leads on, or whoever is elected.
    pub(super) fn hand_over(&mut self, after: Zxid, to: Option<ServerId>) {
        self.hands_over = Some(HandOver { after, to });
    }

    /// Who leads by a configuration that is committed now: this server, or the voter that has
    /// acknowledged most.
    fn designated<P: Policy>(&self, shared: &Shared<P>, config: &Ensemble, zxid: Zxid) -> ServerId {
        let me = shared.me();
        if self.leads_by(shared, config) {
            return me;
        }
        let voters = self
            .acked
            .iter()
            .filter(|(sid, acked)| **acked >= zxid && **sid != me && config.is_voter(**sid));
        let most = voters.max_by_key(|(sid, acked)| (**acked, Reverse(**sid)));
        most.map_or(me, |(sid, _)| *sid)
    }

    /// The last transaction proposed, `(e,0)` at first.
    pub fn last_proposed(&self) -> Zxid {
        self.pipeline.last_proposed()
    }

    /// The last transaction committed, `(e,0)` at first.
    pub fn last_committed(&self) -> Zxid {
        self.last_committed
    }

    /// Who acknowledged a proposal.
    pub fn acks_of(&self, zxid: Zxid) -> Vec<ServerId> {
        self.acked.iter().filter(|(_, acked)| **acked >= zxid).map(|(sid, _)| *sid).collect()
    }

    pub(super) fn forget_learner(&mut self, conn: ConnId) {
        self.learner_syncs.retain(|(_, waiting)| *waiting != conn);
    }

    /// Transactions that are committed but wait for this server's own disk to be applied.
    pub(super) fn unapplied<'a, P: Policy>(
        &self,
        shared: &'a Shared<P>,
    ) -> impl Iterator<Item = &'a LogRecord> + use<'a, P> {
        let committed = self.last_committed;
        shared.history.pending().iter().take_while(move |record| record.zxid() <= committed)
    }

    /// What is beyond the committed history goes to a voter that joins: the open proposals. It
    /// acknowledges them (again), because what it had of them it has cut: an ACK of its last
    /// connection counts no more.
    pub(super) fn forward_open<P: Policy>(
        &mut self,
        shared: &Shared<P>,
        conn: ConnId,
        handler: &Handler,
        out: &mut Out<Effect>,
    ) {
        self.acked.remove(&handler.sid);
        if handler.role == PeerRole::Observer {
            return;
        }
        for record in shared.history.pending() {
            if record.zxid() > self.last_committed {
                send(conn, handler.sid, &packet::proposal(record), out);
            }
        }
    }
}

impl Leader {
    /// Takes a request of this server's client, or of a learner's (`from`).
    ///
    /// # Errors
    /// The zxid counter is used up: the leadership ends before it would run into the epoch.
    pub fn submit<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        request: Request,
        from: Option<ConnId>,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let Stage::Broadcast(broadcast) = &mut self.stage else { return Ok(()) };
        let is_sync = request.op == OpCode::Sync;
        let proposes = !is_sync || shared.config.sync_quorum;
        let used_up = broadcast.pipeline.is_used_up() && shared.policy.steps_down_at_rollover();
        if proposes && used_up {
            return Err(Leave::CounterUsedUp);
        }
        if is_sync {
            let proof = shared.config.sync_quorum.then(|| broadcast.pipeline.nothing(now));
            let behind = broadcast.pipeline.last_proposed();
            match from {
                Some(conn) => broadcast.learner_syncs.push_back((behind, conn)),
                None => broadcast.own_syncs.push(behind, request.session, request.cxid),
            }
            if let Some(record) = proof {
                self.propose(shared, now, record, out);
            }
            self.release_syncs(shared, now, out);
            return Ok(());
        }
        let connected: Vec<ServerId> = match request.op {
            OpCode::Reconfig => connected(&self.learners).chain([shared.me()]).collect(),
            _ => Vec::new(),
        };
        let (current, next, synced) = (shared.ensemble(), shared.next(), &connected[..]);
        let members = Some(Members { current, next, synced });
        let record = broadcast.pipeline.prepare(now, &request, members, out);
        self.propose(shared, now, record, out);
        Ok(())
    }

    /// Ends the leadership if another server leads by the configuration in force.
    ///
    /// # Errors
    /// Then, once what was committed is applied here.
    pub fn hand_over<P: Policy>(&mut self, shared: &mut Shared<P>) -> Result<(), Leave> {
        let Stage::Broadcast(broadcast) = &self.stage else { return Ok(()) };
        match broadcast.hands_over {
            Some(HandOver { after, to }) if shared.last_processed() >= after => {
                shared.appointed = to;
                Err(Leave::Reconfigured)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Closes the sessions whose time is over, and deletes such znodes.
    ///
    /// # Errors
    /// The zxid counter is used up.
    pub(super) fn end_what_is_over<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        let Stage::Broadcast(broadcast) = &mut self.stage else { return Ok(()) };
        for session in broadcast.pipeline.sessions.expire(now.mono) {
            out.milestone(Event::SessionExpired { session });
            self.submit(shared, now, Request::expiry(session), None, out)?;
        }
        while let Stage::Broadcast(broadcast) = &mut self.stage
            && let Some(request) = broadcast.pipeline.take_reaped(now)
        {
            self.submit(shared, now, request, None, out)?;
        }
        Ok(())
    }

    fn propose<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        record: LogRecord,
        out: &mut Out<Effect>,
    ) {
        let zxid = record.zxid();
        let (op, header) = (record.txn.op().to_wire(), record.header);
        let (session, cxid) = (header.session, header.cxid);
        out.event(|| Event::Proposed { zxid, op, session, cxid });
        shared.count_proposal(record.encoded.len());
        let packet = packet::proposal(&record);
        shared.see_config_of(&record, out);
        let ticket = shared.append(record, out);
        let parts = packet.encode_parts();
        for (conn, handler) in &mut self.learners {
            let is_asked = handler.is_forwarded();
            let is_late = !shared.policy.proposes_to_all_asked() && !handler.is_ready();
            if !is_asked || is_late || handler.role == PeerRole::Observer {
                continue;
            }
            let to = handler.sid;
            handler.unacked.get_or_insert((zxid, now.mono));
            out.event(|| Event::PacketSent { to, kind: packet.kind, zxid });
            out.push(Effect::Send { conn: *conn, parts: parts.clone() });
        }
        self.hold_own_ack(shared, now, ticket, zxid, out);
    }

    /// One voter has everything up to `zxid` on disk.
    pub(super) fn count_ack<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        by: ServerId,
        zxid: Zxid,
        out: &mut Out<Effect>,
    ) {
        let Stage::Broadcast(broadcast) = &mut self.stage else { return };
        out.event(|| Event::Acked { zxid, by });
        let acked = broadcast.acked.entry(by).or_insert(zxid);
        *acked = (*acked).max(zxid);
        // Behind a configuration others count, so what follows is counted anew.
        while self.commit_counted(shared, now, zxid, out) {}
    }

    /// Commits what a quorum has, up to the next configuration. Returns whether it was one.
    fn commit_counted<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        zxid: Zxid,
        out: &mut Out<Effect>,
    ) -> bool {
        let Stage::Broadcast(broadcast) = &mut self.stage else { return false };
        if broadcast.hands_over.is_some() {
            return false;
        }
        let mut committed = Vec::new();
        let mut config = None;
        let pending = shared.history.pending();
        let open = pending.partition_point(|record| record.zxid() <= broadcast.last_committed);
        for record in pending.range(open..) {
            if record.zxid() != zxid && !shared.policy.commits_in_order() {
                continue;
            }
            let zxid = record.zxid();
            let acks = broadcast.acked.iter().filter(|(_, acked)| **acked >= zxid);
            if !shared.is_quorum(acks.map(|(sid, _)| *sid)) {
                break;
            }
            broadcast.last_committed = zxid;
            committed.push((zxid, record.encoded.clone()));
            config = brought_by(record).filter(|_| shared.config.rules.reconfig);
            if config.is_some() {
                break;
            }
        }
        let (is_any, is_config) = (!committed.is_empty(), config.is_some());
        let last = committed.last().map(|(zxid, _)| *zxid);
        for (zxid, encoded) in committed {
            match config.take_if(|_| last == Some(zxid)) {
                Some(config) => self.put_in_force(shared, zxid, encoded, config, out),
                None => self.announce_commit(shared, zxid, encoded, None, out),
            }
        }
        if is_any {
            self.apply_committed(shared, now, out);
        }
        is_config
    }

    /// A configuration has quorums of the old and of the new one: it is in force, and everybody
    /// is told who leads by it.
    fn put_in_force<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        zxid: Zxid,
        encoded: Bytes,
        config: Ensemble,
        out: &mut Out<Effect>,
    ) {
        let Stage::Broadcast(broadcast) = &mut self.stage else { return };
        let designated = broadcast.designated(shared, &config, zxid);
        if designated != shared.me() {
            broadcast.hand_over(zxid, Some(designated));
        }
        self.announce_commit(shared, zxid, encoded, Some(designated), out);
        shared.activate(config, out);
    }

    fn announce_commit<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        zxid: Zxid,
        encoded: Bytes,
        designated: Option<ServerId>,
        out: &mut Out<Effect>,
    ) {
        out.event(|| Event::Committed { zxid });
        shared.stats.commits += 1;
        let (to_voters, to_observers) = match designated {
            Some(sid) => {
                let inform = packet::inform_and_activate(zxid, &encoded, sid);
                (packet::commit_and_activate(zxid, sid), inform)
            }
            None => (packet::commit(zxid), packet::inform(zxid, encoded)),
        };
        for (conn, handler) in &self.learners {
            let is_late = !shared.policy.commits_to_all_asked() && !handler.is_ready();
            if handler.is_forwarded() && !is_late {
                let packet = match handler.role {
                    PeerRole::Participant => &to_voters,
                    PeerRole::Observer => &to_observers,
                };
                send(*conn, handler.sid, packet, out);
            }
        }
    }

    /// Applies what is committed and durable here, and answers the syncs that waited for it.
    pub(super) fn apply_committed<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) {
        let Stage::Broadcast(broadcast) = &mut self.stage else { return };
        let tracker = Some(&mut broadcast.pipeline.sessions);
        let (committed, syncs) = (broadcast.last_committed, &mut broadcast.own_syncs);
        shared.apply_through(now, committed, tracker, syncs, out);
        self.release_syncs(shared, now, out);
        shared.maybe_snapshot(out);
    }

    fn release_syncs<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) {
        let Stage::Broadcast(broadcast) = &mut self.stage else { return };
        let committed = broadcast.last_committed;
        while let Some((_, conn)) =
            broadcast.learner_syncs.pop_front_if(|(behind, _)| *behind <= committed)
        {
            if let Some(handler) = self.learners.get(&conn) {
                send(conn, handler.sid, &packet::sync(), out);
            }
        }
        broadcast.own_syncs.release(shared, now, out);
    }
}

/// The learners that acknowledge proposals, voters or not.
pub(super) fn connected(
    learners: &SortedMap<ConnId, Handler>,
) -> impl Iterator<Item = ServerId> + Clone {
    let forwarded = learners.values().filter(|handler| handler.is_forwarded() && handler.votes());
    forwarded.map(|handler| handler.sid)
}
