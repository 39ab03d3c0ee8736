//! A server without an ensemble: its own disk is the quorum.
//!
//! Source: ZooKeeper's `ZooKeeperServer` in standalone mode. It counts on in the epoch of its
//! last transaction; a fresh one in epoch 0.

use crate::policy::Policy;
use crate::process::{Effect, Out};
use crate::request::Request;
use crate::request::pipeline::Pipeline;
use crate::request::reaper::Reaper;
use crate::request::sessions::SessionTracker;
use crate::request::syncs::WaitingSyncs;
use crate::shared::Shared;
use crate::trace::{Event, Leave};
use crate::types::{Mono, Now};
use crate::wire::client::OpCode;

/// A server in the role STANDALONE.
#[derive(Clone, Debug, Hash)]
pub struct Standalone {
    /// Where requests become transactions.
    pub pipeline: Pipeline,
    syncs: WaitingSyncs,
}

impl Standalone {
    /// Serves at once.
    pub fn start<P: Policy>(shared: &mut Shared<P>, now: Mono) -> Standalone {
        let database = &shared.database;
        let known = database.sessions.iter().map(|(session, timeout)| (*session, *timeout));
        let sessions = SessionTracker::new(shared.config.tick_time_ms, known, now);
        let rules = shared.config.rules;
        let reaper = Reaper::new(shared.config.reaping, now);
        let pipeline = Pipeline::new(database.clone(), database.last_zxid, sessions, rules, reaper);
        shared.clients.start_serving();
        Standalone { pipeline, syncs: WaitingSyncs::default() }
    }

    /// Takes a client's request.
    ///
    /// # Errors
    /// The zxid counter is used up.
    pub fn submit<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        request: &Request,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        if request.op == OpCode::Sync {
            let behind = self.pipeline.last_proposed();
            self.syncs.push(behind, request.session, request.cxid);
            self.apply_durable(shared, now, out);
            return Ok(());
        }
        if self.pipeline.is_used_up() {
            return Err(Leave::CounterUsedUp);
        }
        let record = self.pipeline.prepare(now, request, None, out);
        let (zxid, op) = (record.zxid(), record.txn.op().to_wire());
        let (session, cxid) = (record.header.session, record.header.cxid);
        out.event(|| Event::Proposed { zxid, op, session, cxid });
        shared.count_proposal(record.encoded.len());
        shared.append(record, out);
        Ok(())
    }

    /// Applies what is durable, and answers the syncs that waited for it.
    pub fn apply_durable<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) {
        let durable = shared.disk.last_durable();
        let tracker = Some(&mut self.pipeline.sessions);
        shared.apply_through(now, durable, tracker, &mut self.syncs, out);
        shared.maybe_snapshot(out);
    }

    /// When the next session may expire, or a znode be reaped.
    pub fn deadline(&self) -> Option<Mono> {
        self.pipeline.deadline()
    }

    /// Closes the sessions whose time is over, and deletes such znodes.
    ///
    /// # Errors
    /// The zxid counter is used up.
    pub fn on_timer<P: Policy>(
        &mut self,
        shared: &mut Shared<P>,
        now: Now,
        out: &mut Out<Effect>,
    ) -> Result<(), Leave> {
        for session in self.pipeline.sessions.expire(now.mono) {
            out.milestone(Event::SessionExpired { session });
            self.submit(shared, now, &Request::expiry(session), out)?;
        }
        while let Some(request) = self.pipeline.take_reaped(now) {
            self.submit(shared, now, &request, out)?;
        }
        Ok(())
    }
}
