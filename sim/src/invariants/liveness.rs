//! What needs time: E5 and E6 (the ensemble comes and stays up), Q1 (no quorum, no service) and K9
//! (no session ends early).
//!
//! The world tells the time and since when nothing disturbs it. Limits are generous, because
//! clocks may run at different rates and an election may have backed off to its longest wait.
//! E6 has a second form that needs no time: packets of a server that joins never surprise.
//! Source: parts A.6, A.8 and B.3 of the correctness notes.

use zablab_core::limits::NOTIFICATION_INTERVAL_MAX_MS;
use zablab_core::sorted::{SortedMap, SortedSet};
use zablab_core::trace::{Event, Leave, Refusal};
use zablab_core::types::{Mono, ServerId, SessionId};

use super::facts::Facts;
use super::{Invariant, Report};

/// How much longer than said a server may take, in percent: clocks differ by ten percent either
/// way, and ticks are coarse.
const SLACK_PERCENT: u64 = 130;

/// How many of the longest waits of an election may follow each other when nothing disturbs it:
/// within the first every looker has sent its vote to all, and who could not take part in what
/// came of it asks within the second.
const ELECTION_WAITS: u64 = 2;

/// The limits of the servers, as far as rules need them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// tickTime, in ms.
    pub tick_ms: u64,
    /// initLimit.
    pub init_ticks: u64,
    /// syncLimit.
    pub sync_ticks: u64,
}

impl Limits {
    /// How long an ensemble that nothing disturbs may take until all of it serves, in ms.
    pub fn calm_ms(&self) -> u64 {
        let ticks = 2 * (2 * self.init_ticks + self.sync_ticks);
        let waits = ELECTION_WAITS * NOTIFICATION_INTERVAL_MAX_MS;
        (waits + ticks * self.tick_ms) * SLACK_PERCENT / 100
    }
}

/// What happened when.
#[derive(Clone, Debug)]
pub(super) struct Liveness {
    limits: Limits,
    now: Mono,
    /// Since when timers fire and messages arrive in time.
    punctual_since: Mono,
    /// When a leader last stepped down because its counter was used up. That is how the protocol
    /// is, and the ensemble begins anew.
    new_epoch: Mono,
    up: SortedSet<ServerId>,
    /// When each leader last heard of each of its learners.
    heard: SortedMap<ServerId, SortedMap<ServerId, Mono>>,
    /// Since when each leader has been established.
    established: SortedMap<ServerId, Mono>,
    /// The shortest timeout that each session was ever granted, in ms.
    timeouts: SortedMap<SessionId, u64>,
    /// The sessions that only one server has: when it last heard of each, and its timeout in ms.
    local: SortedMap<(ServerId, SessionId), (Mono, u64)>,
    /// When a leader last heard of a session by a client of its own.
    touched: SortedMap<(ServerId, SessionId), Mono>,
}

impl Liveness {
    pub(super) fn new(limits: Limits) -> Liveness {
        Liveness {
            limits,
            now: Mono(0),
            punctual_since: Mono(0),
            new_epoch: Mono(0),
            up: SortedSet::new(),
            heard: SortedMap::new(),
            established: SortedMap::new(),
            timeouts: SortedMap::new(),
            local: SortedMap::new(),
            touched: SortedMap::new(),
        }
    }

    pub(super) fn on_up(&mut self, id: ServerId) {
        self.up.insert(id);
    }

    pub(super) fn on_down(&mut self, id: ServerId) {
        self.up.remove(&id);
    }

    /// The time, and since when everything happens when it is due.
    pub(super) fn on_time(&mut self, now: Mono, punctual_since: Mono) {
        self.now = now;
        self.punctual_since = punctual_since;
    }

    /// Since when the world is calm.
    pub(super) fn on_calm(&mut self, facts: &Facts, since: Mono, report: &mut Report) {
        let since = since.max(self.new_epoch);
        let limit_ms = self.limits.calm_ms();
        if self.now >= since.plus_ms(limit_ms) {
            self.all_is_well(facts, limit_ms, report);
        }
    }

    /// Reads one event against the facts before it.
    pub(super) fn event(
        &mut self,
        facts: &Facts,
        id: ServerId,
        event: &Event,
        report: &mut Report,
    ) {
        self.local_session(id, event, report);
        match event {
            Event::Established { .. } => {
                self.established.insert(id, self.now);
            }
            Event::PacketReceived { from, .. } if facts.server(id).leading.is_some() => {
                self.heard.entry(id).or_default().insert(*from, self.now);
            }
            Event::Replied { .. } if facts.server(id).leading.is_some() => {
                self.hears_of_a_quorum(facts, id, report);
            }
            Event::SessionAttached { session, timeout_ms, .. } => {
                let timeout_ms = u64::try_from(*timeout_ms).unwrap_or(0);
                let least = self.timeouts.entry(*session).or_insert(timeout_ms);
                *least = timeout_ms.min(*least);
            }
            Event::Requested { session, .. } if facts.server(id).leading.is_some() => {
                self.touched.insert((id, *session), self.now);
            }
            Event::SessionExpired { session } if facts.server(id).decides() => {
                self.expired(id, *session, report);
            }
            Event::SessionExpired { session } => {
                let why = format!("server {id} gave session {session} up, but it does not lead");
                report.broken(Invariant::K9, [id], why);
            }
            Event::RoleLeft { why: Leave::CounterUsedUp, .. } => self.new_epoch = self.now,
            Event::RoleLeft { why: Leave::ProtocolError, .. } => {
                let why = format!("server {id} left its leader over a packet of it");
                report.broken(Invariant::E6, [id], why);
            }
            Event::LearnerRefused { learner, why: Refusal::ProtocolError } => {
                let why = format!("leader {id} turned {learner} away over a packet of it");
                report.broken(Invariant::E6, [id, *learner], why);
            }
            _ => {}
        }
    }

    /// K9 for a session that only one server has: that one keeps it until its timeout has passed.
    fn local_session(&mut self, id: ServerId, event: &Event, report: &mut Report) {
        let timeout = |timeout_ms: i32| u64::try_from(timeout_ms).unwrap_or(0);
        match event {
            Event::LocalSessionBegun { session, timeout_ms } => {
                self.local.insert((id, *session), (self.now, timeout(*timeout_ms)));
            }
            Event::SessionAttached { session, timeout_ms, .. } => {
                if let Some(known) = self.local.get_mut(&(id, *session)) {
                    *known = (self.now, timeout(*timeout_ms));
                }
            }
            Event::Requested { session, .. } => {
                if let Some((heard, _)) = self.local.get_mut(&(id, *session)) {
                    *heard = self.now;
                }
            }
            Event::LocalSessionUpgraded { session } => {
                self.local.remove(&(id, *session));
            }
            Event::LocalSessionEnded { session, expired } => {
                let Some((heard, timeout_ms)) = self.local.remove(&(id, *session)) else {
                    let why = format!("server {id} ended session {session}, which it has not");
                    return report.broken(Invariant::K9, [id], why);
                };
                if *expired && self.now < heard.plus_ms(timeout_ms * 100 / SLACK_PERCENT) {
                    let why = format!(
                        "server {id} gave its session {session} up before its timeout of \
                         {timeout_ms} ms had passed"
                    );
                    report.broken(Invariant::K9, [id], why);
                }
            }
            _ => {}
        }
    }

    /// E5 and E6, after a long calm.
    fn all_is_well(&self, facts: &Facts, limit_ms: u64, report: &mut Report) {
        if !facts.can_lead(self.up.iter().copied()) {
            return;
        }
        let leads = |id: &&ServerId| facts.server(**id).leading.is_some() && facts.serves(**id);
        let Some(leader) = self.up.iter().find(leads).copied() else {
            let up: Vec<ServerId> = self.up.iter().copied().collect();
            let why = format!("servers {up:?} are up, but after {limit_ms} ms none leads");
            return report.broken(Invariant::E5, [], why);
        };
        let epoch = facts.server(leader).durable.epochs.current;
        for id in self.up.iter().filter(|id| !facts.serves(**id)) {
            // Who promised a later epoch on its own stays out until an election includes it.
            if facts.server(*id).durable.epochs.accepted <= epoch {
                let why = format!("server {id} has not joined leader {leader} in {limit_ms} ms");
                report.broken(Invariant::E6, [*id, leader], why);
            }
        }
    }

    /// Q1: a leader that hears of no quorum does not answer.
    fn hears_of_a_quorum(&self, facts: &Facts, id: ServerId, report: &mut Report) {
        // A learner that is being brought up to date may be silent for initLimit, too.
        let ticks = self.limits.init_ticks + self.limits.sync_ticks + 2;
        let limit_ms = ticks * self.limits.tick_ms * SLACK_PERCENT / 100;
        if self.now < self.punctual_since.plus_ms(limit_ms) {
            return;
        }
        let heard = self.heard.get(&id).into_iter().flatten();
        let recent = heard.filter(|(_, at)| at.plus_ms(limit_ms) >= self.now).map(|(sid, _)| *sid);
        if !facts.is_quorum_of(id, recent.chain([id])) {
            let why =
                format!("leader {id} answered though it heard of no quorum for {limit_ms} ms");
            report.broken(Invariant::Q1, [id], why);
        }
    }

    /// K9: not before its timeout since the present leader began, and since that one heard of it.
    fn expired(&mut self, id: ServerId, session: SessionId, report: &mut Report) {
        let touched = self.touched.remove(&(id, session));
        let (Some(since), Some(timeout_ms)) =
            (self.established.get(&id), self.timeouts.get(&session))
        else {
            return;
        };
        let touched = touched.filter(|touched| touched > since);
        let (since, what) = match touched {
            Some(touched) => (touched, "it was heard of"),
            None => (*since, "the leader began"),
        };
        if self.now < since.plus_ms(timeout_ms * 100 / SLACK_PERCENT) {
            let why = format!(
                "leader {id} gave session {session} up before its timeout of {timeout_ms} ms had \
                 passed since {what}"
            );
            report.broken(Invariant::K9, [id], why);
        }
    }
}
