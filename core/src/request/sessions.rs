//! Which sessions live, until when, and which server serves them: the leader's table. Each server
//! has one as well, of the sessions that only it knows.
//!
//! Expiry of the ensemble's sessions is decided by the leader alone, in buckets of one tick, so
//! that sessions that end together are looked at together.
//! Source: ZooKeeper's `SessionTrackerImpl`, `ExpiryQueue`.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::types::{Mono, ServerId, SessionId};
use crate::wire::client::ErrorCode;

/// Sessions, as who decides on their end sees them.
#[derive(Clone, Debug, Hash)]
pub struct SessionTracker {
    tick_ms: u64,
    sessions: BTreeMap<SessionId, Tracked>,
    /// Sessions by the moment, in ms since the start, at which they expire.
    buckets: BTreeMap<u64, BTreeSet<SessionId>>,
}

#[derive(Clone, Debug, Hash)]
struct Tracked {
    timeout_ms: i32,
    bucket: u64,
    /// The server whose connection the session's requests come through.
    owner: Option<ServerId>,
    /// Its closeSession is under way; nothing more is accepted from it.
    closing: bool,
}

impl SessionTracker {
    /// Every known session gets its full timeout: none expires *because* of an election.
    pub fn new(
        tick_ms: u32,
        known: impl Iterator<Item = (SessionId, i32)>,
        now: Mono,
    ) -> SessionTracker {
        let mut tracker = SessionTracker {
            tick_ms: u64::from(tick_ms.max(1)),
            sessions: BTreeMap::new(),
            buckets: BTreeMap::new(),
        };
        for (session, timeout_ms) in known {
            tracker.add(session, timeout_ms, now);
        }
        tracker
    }

    /// A session was created.
    pub fn add(&mut self, session: SessionId, timeout_ms: i32, now: Mono) {
        self.remove(session);
        let bucket = self.bucket(timeout_ms, now);
        let tracked = Tracked { timeout_ms, bucket, owner: None, closing: false };
        self.sessions.insert(session, tracked);
        self.buckets.entry(bucket).or_default().insert(session);
    }

    /// Its client was heard of. `timeout_ms` replaces the old one.
    pub fn touch(&mut self, session: SessionId, timeout_ms: i32, now: Mono) {
        let bucket = self.bucket(timeout_ms, now);
        let Some(tracked) = self.sessions.get_mut(&session) else { return };
        if tracked.closing {
            return;
        }
        tracked.timeout_ms = timeout_ms;
        let old = tracked.bucket;
        if old == bucket {
            return;
        }
        tracked.bucket = bucket;
        self.leave_bucket(session, old);
        self.buckets.entry(bucket).or_default().insert(session);
    }

    /// As [`SessionTracker::touch`], with the timeout it has.
    pub fn refresh(&mut self, session: SessionId, now: Mono) {
        if let Some(timeout_ms) = self.sessions.get(&session).map(|tracked| tracked.timeout_ms) {
            self.touch(session, timeout_ms, now);
        }
    }

    /// A session ended.
    pub fn remove(&mut self, session: SessionId) {
        if let Some(tracked) = self.sessions.remove(&session) {
            self.leave_bucket(session, tracked.bucket);
        }
    }

    /// All sessions are gone.
    pub fn clear(&mut self) {
        self.sessions.clear();
        self.buckets.clear();
    }

    /// Whether it exists, closing or not.
    pub fn contains(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.sessions.len()
    }

    /// Whether it exists and is not closing.
    pub fn is_alive(&self, session: SessionId) -> bool {
        self.sessions.get(&session).is_some_and(|tracked| !tracked.closing)
    }

    /// A client re-attached through `owner`; requests by way of another server are refused.
    pub fn set_owner(&mut self, session: SessionId, owner: ServerId) {
        if let Some(tracked) = self.sessions.get_mut(&session) {
            tracked.owner = Some(owner);
        }
    }

    /// Whether a request of this session may come through `owner`. The first one decides.
    ///
    /// # Errors
    /// `SessionExpired` if it does not live, `SessionMoved` if another server serves it.
    pub fn check(&mut self, session: SessionId, owner: ServerId) -> Result<(), ErrorCode> {
        let tracked = self.sessions.get_mut(&session).filter(|tracked| !tracked.closing);
        let tracked = tracked.ok_or(ErrorCode::SessionExpired)?;
        if *tracked.owner.get_or_insert(owner) == owner {
            Ok(())
        } else {
            Err(ErrorCode::SessionMoved)
        }
    }

    /// Its closeSession was proposed.
    pub fn set_closing(&mut self, session: SessionId) {
        if let Some(tracked) = self.sessions.get_mut(&session) {
            tracked.closing = true;
            let bucket = tracked.bucket;
            self.leave_bucket(session, bucket);
        }
    }

    /// When the next session may expire.
    pub fn deadline(&self) -> Option<Mono> {
        self.buckets.keys().next().map(|ms| Mono(ms * 1000))
    }

    /// The sessions whose time is over. They stay in the table, closing, until that is committed.
    pub fn expire(&mut self, now: Mono) -> Vec<SessionId> {
        let later = self.buckets.split_off(&(now.as_ms() + 1));
        let due = core::mem::replace(&mut self.buckets, later);
        let expired: Vec<SessionId> = due.into_values().flatten().collect();
        for session in &expired {
            if let Some(tracked) = self.sessions.get_mut(session) {
                tracked.closing = true;
            }
        }
        expired
    }

    /// When it expires, in ms since the start.
    pub fn expires_at_ms(&self, session: SessionId) -> Option<u64> {
        self.sessions.get(&session).filter(|tracked| !tracked.closing).map(|t| t.bucket)
    }

    fn bucket(&self, timeout_ms: i32, now: Mono) -> u64 {
        let timeout_ms = u64::try_from(timeout_ms).unwrap_or(0);
        ((now.as_ms() + timeout_ms) / self.tick_ms + 1) * self.tick_ms
    }

    fn leave_bucket(&mut self, session: SessionId, bucket: u64) {
        if let Some(sessions) = self.buckets.get_mut(&bucket) {
            sessions.remove(&session);
            if sessions.is_empty() {
                self.buckets.remove(&bucket);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: SessionId = SessionId(7);
    const ONE: ServerId = ServerId(1);
    const TWO: ServerId = ServerId(2);

    fn at_ms(ms: u64) -> Mono {
        Mono(ms * 1000)
    }

    #[test]
    fn a_session_expires_in_the_bucket_after_its_timeout() {
        let mut tracker = SessionTracker::new(2000, [(S, 4000)].into_iter(), at_ms(500));
        assert_eq!(tracker.deadline(), Some(at_ms(6000)));
        assert!(tracker.expire(at_ms(5999)).is_empty());
        tracker.refresh(S, at_ms(3000));
        assert!(tracker.expire(at_ms(6000)).is_empty());
        assert_eq!(tracker.expire(at_ms(8000)), [S]);
        assert!(!tracker.is_alive(S));
        assert_eq!(tracker.deadline(), None);
    }

    #[test]
    fn a_moved_session_is_refused_through_its_old_server() {
        let mut tracker = SessionTracker::new(2000, [(S, 4000)].into_iter(), at_ms(0));
        assert_eq!(tracker.check(S, ONE), Ok(()));
        tracker.set_owner(S, TWO);
        assert_eq!(tracker.check(S, ONE), Err(ErrorCode::SessionMoved));
        assert_eq!(tracker.check(S, TWO), Ok(()));
    }

    #[test]
    fn a_closing_session_accepts_nothing() {
        let mut tracker = SessionTracker::new(2000, [(S, 4000)].into_iter(), at_ms(0));
        tracker.set_closing(S);
        assert_eq!(tracker.check(S, ONE), Err(ErrorCode::SessionExpired));
        tracker.touch(S, 4000, at_ms(1000));
        assert_eq!(tracker.deadline(), None);
    }
}
