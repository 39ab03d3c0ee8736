//! From request to transaction: the leader's side of a write.
//!
//! Requests are checked against `prepared`, the tree with every proposed transaction applied,
//! committed or not; so the next request sees the ones before it, and the digest after each is at
//! hand. Source: ZooKeeper's `PrepRequestProcessor` (its `outstandingChanges` are our `prepared`).

use alloc::format;
use alloc::vec::Vec;

use crate::config::Rules;
use crate::limits::CLOSING_LIST_MAX;
use crate::policy::Policy;
use crate::process::{Effect, Out};
use crate::request::prep::{PrepContext, prep};
use crate::request::reaper::Reaper;
use crate::request::reconfig::Members;
use crate::request::sessions::SessionTracker;
use crate::request::{Origin, Request};
use crate::trace::Event;
use crate::tree::{Database, OverQuota};
use crate::txn::{LogRecord, Txn, TxnHeader};
use crate::types::{Mono, Now, Path, ServerId, SessionId, Xid, Zxid};
use crate::wire::client::{self, CreateMode, ErrorCode, OpCode};
use crate::wire::txn;

/// Where requests become transactions, in order.
#[derive(Clone, Debug, Hash)]
pub struct Pipeline {
    prepared: Database,
    last_proposed: Zxid,
    rules: Rules,
    /// This server, if sessions may live that are not in the table, because another one has them.
    local_sessions: Option<ServerId>,
    reaper: Reaper,
    /// Which sessions live.
    pub sessions: SessionTracker,
    /// How many bytes of paths a closeSession lists.
    closing_list_max: usize,
    /// The number of the next sequential name, if it is not its parent's; only a bug counts so.
    next_number: Option<i32>,
}

impl Pipeline {
    /// Begins after `last`, on a tree that holds everything up to it.
    pub fn new(
        database: Database,
        last: Zxid,
        sessions: SessionTracker,
        rules: Rules,
        reaper: Reaper,
    ) -> Pipeline {
        Pipeline {
            prepared: database,
            last_proposed: last,
            rules,
            local_sessions: None,
            reaper,
            sessions,
            closing_list_max: CLOSING_LIST_MAX,
            next_number: None,
        }
    }

    /// The same for a leader `me` of servers that have sessions of their own.
    pub fn with_local_sessions(mut self, me: ServerId) -> Pipeline {
        self.local_sessions = Some(me);
        self
    }

    /// The same with the decisions of a policy.
    pub fn with_policy(mut self, policy: &impl Policy) -> Pipeline {
        self.closing_list_max = policy.closing_list_max();
        self.next_number = (!policy.numbers_by_the_tree()).then_some(0);
        self
    }

    /// The last transaction made.
    pub fn last_proposed(&self) -> Zxid {
        self.last_proposed
    }

    /// Whether the epoch has no more zxids (ZOOKEEPER-1277).
    pub fn is_used_up(&self) -> bool {
        self.last_proposed.counter() >= Zxid::COUNTER_MAX
    }

    /// When the next session may expire, or the next znode be reaped.
    pub fn deadline(&self) -> Option<Mono> {
        let reaping = self.reaper.deadline(&self.prepared.tree);
        self.sessions.deadline().into_iter().chain(reaping).min()
    }

    /// The end of the next znode whose time is over. To be asked, and submitted, until there is
    /// none.
    pub fn take_reaped(&mut self, now: Now) -> Option<Request> {
        self.reaper.take_due(now, &self.prepared.tree).map(Request::reaping)
    }

    /// Makes the transaction of a request of an ensemble with these `members`; a failed one takes a
    /// zxid, too. Not to be called when the counter [is used up](Pipeline::is_used_up).
    pub fn prepare(
        &mut self,
        now: Now,
        request: &Request,
        members: Option<Members<'_>>,
        out: &mut Out<Effect>,
    ) -> LogRecord {
        let zxid = Zxid(self.last_proposed.0 + 1);
        let header =
            TxnHeader { session: request.session, cxid: request.cxid, zxid, time: now.wall };
        let mut over = Vec::new();
        let txn = self
            .decide(now, request, &header, members, &mut over)
            .unwrap_or_else(|code| Txn::Error(code.to_wire()));
        for exceeded in over {
            out.milestone(Event::QuotaExceeded(exceeded));
        }
        self.record(header, txn)
    }

    /// A transaction of no session that changes nothing: whoever gets a quorum for it leads. Not
    /// to be called when the counter [is used up](Pipeline::is_used_up).
    pub fn nothing(&mut self, now: Now) -> LogRecord {
        let zxid = Zxid(self.last_proposed.0 + 1);
        let header = TxnHeader { session: SessionId(0), cxid: Xid(0), zxid, time: now.wall };
        self.record(header, Txn::Error(ErrorCode::Ok.to_wire()))
    }

    fn record(&mut self, header: TxnHeader, txn: Txn) -> LogRecord {
        self.last_proposed = header.zxid;
        self.prepared.apply(&header, &txn);
        let digest = match txn {
            Txn::Error(_) => None,
            Txn::CreateSession { .. }
            | Txn::CloseSession { .. }
            | Txn::Create(_)
            | Txn::Delete { .. }
            | Txn::SetData { .. }
            | Txn::SetAcl { .. }
            | Txn::Check { .. }
            | Txn::Multi(_) => Some(self.prepared.tree.digest()),
        };
        let encoded = txn::encode(&header, &txn, digest);
        LogRecord { header, txn, digest, encoded }
    }

    fn decide(
        &mut self,
        now: Now,
        request: &Request,
        header: &TxnHeader,
        members: Option<Members<'_>>,
        over: &mut Vec<OverQuota>,
    ) -> Result<Txn, ErrorCode> {
        let op = request.op;
        let mut is_local = false;
        match request.origin {
            Origin::Expiry | Origin::Reaper => {}
            Origin::ClientOf(_) if op == OpCode::CreateSession => {}
            // No client reaps, whatever its server let through.
            Origin::ClientOf(_) if op == OpCode::DeleteContainer => {
                return Err(ErrorCode::Unimplemented);
            }
            Origin::ClientOf(server) => is_local = self.is_local(request, server)?,
        }
        let mut decoded = client::Request::decode(op.to_wire(), request.body.clone())
            .map_err(|error| error.code())?;
        self.number(&mut decoded);
        if op == OpCode::CloseSession {
            self.sessions.set_closing(request.session);
        }
        let (header, auth, rules) = (*header, &request.auth[..], self.rules);
        let context = PrepContext { header, auth, rules, is_local, members };
        let mut txn = prep(&decoded, &context, &self.prepared, over);
        if let Txn::CloseSession { paths } = &mut txn {
            // Without a list each server takes the ephemerals from its own tree, as before 3.6.
            let len = |paths: &Vec<Path>| paths.iter().map(|path| path.len()).sum::<usize>();
            paths.take_if(|paths| len(paths) > self.closing_list_max);
        }
        if let Txn::CreateSession { timeout_ms } = txn {
            // Now, not when it is applied: a follower may apply it first, and its client's next
            // request be here before this server's own disk has the session.
            self.sessions.add(request.session, timeout_ms, now.mono);
        }
        Ok(txn)
    }

    /// Whether a request comes from a session that only its server has. A session that is not in
    /// the table is one, unless it would be this server's and came through another one: then it
    /// was of the ensemble, and is over (ZOOKEEPER-1147).
    ///
    /// # Errors
    /// As [`SessionTracker::check`].
    fn is_local(&mut self, request: &Request, server: ServerId) -> Result<bool, ErrorCode> {
        let Request { session, op, .. } = request;
        let may_be = self.local_sessions.is_some_and(|me| server == me || !session.is_made_by(me));
        if may_be && *op != OpCode::CloseSession && !self.sessions.contains(*session) {
            return Ok(true);
        }
        self.sessions.check(*session, server).map(|()| false)
    }

    /// Gives a sequential name the next number of this leader's own; only a bug does that.
    fn number(&mut self, request: &mut client::Request) {
        let (client::Request::Create(create) | client::Request::Create2(create)) = request else {
            return;
        };
        let plain = match CreateMode::from_wire(create.flags) {
            Some(CreateMode::PersistentSequential) => CreateMode::Persistent,
            Some(CreateMode::EphemeralSequential) => CreateMode::Ephemeral,
            _ => return,
        };
        if let Some(number) = &mut self.next_number {
            create.path = format!("{}{number:010}", create.path).into();
            create.flags = plain.to_wire();
            *number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::JUTE_MAX_BUFFER;
    use crate::tree::{AclKey, Znode};
    use crate::types::{Epoch, Mono, WallMs};
    use crate::wire::frame::FrameBuffer;
    use crate::wire::quorum::{PacketKind, QuorumPacket};

    /// Policy of mutation M42.
    #[derive(Clone, Hash, Debug)]
    struct Unlimited;

    impl Policy for Unlimited {
        fn closing_list_max(&self) -> usize {
            usize::MAX
        }
    }

    const SESSION: SessionId = SessionId(7);
    const NOW: Now = Now { mono: Mono(0), wall: WallMs(0) };

    /// A tree in which a session owns znodes whose paths are longer than any packet.
    fn with_long_ephemerals() -> Database {
        let mut database = Database::genesis();
        database.sessions.insert(SESSION, 4000);
        for number in 0..3 {
            let path = format!("/{number}{}", "x".repeat(CLOSING_LIST_MAX * 9 / 10));
            let znode = Znode::new(None, AclKey::OPEN, Zxid(1), WallMs(0), SESSION.0);
            database.tree.insert_loaded(path.into(), znode).expect("its parent is the root");
        }
        database
    }

    /// What a follower reads of the PROPOSAL of the session's end, and the tree behind it.
    fn end_session(policy: &impl Policy) -> (Option<QuorumPacket>, u64) {
        let sessions = SessionTracker::new(2000, [(SESSION, 4000)].into_iter(), NOW.mono);
        let last = Zxid::new(Epoch(1), 1);
        let reaper = Reaper::new(crate::config::Reaping::default(), Mono(0));
        let pipeline =
            Pipeline::new(with_long_ephemerals(), last, sessions, Rules::default(), reaper);
        let mut pipeline = pipeline.with_policy(policy);
        let record = pipeline.prepare(NOW, &Request::expiry(SESSION), None, &mut Out::new(false));
        let (kind, zxid) = (PacketKind::Proposal, record.zxid());
        let packet = QuorumPacket { kind, zxid, data: Some(record.encoded), auth: None };
        let mut stream = FrameBuffer::default();
        stream.push(packet.encode());
        let read = QuorumPacket::decode(&mut stream).ok().flatten();
        (read, pipeline.prepared.tree.ephemeral_count())
    }

    /// ZOOKEEPER-4306: with the list no server of Java could read the packet, now or after a
    /// restart, unless its `jute.maxbuffer` was raised.
    #[test]
    fn the_end_of_a_session_fits_into_a_packet() {
        let (read, left) = end_session(&crate::policy::Correct);
        let read = read.expect("it can be read");
        let record = txn::decode(read.data.expect("a PROPOSAL has a record")).expect("a record");
        assert_eq!((record.txn, left), (Txn::CloseSession { paths: None }, 0));
        let (read, left) = end_session(&Unlimited);
        let data = read.and_then(|read| read.data).expect("it can be read here");
        assert!(data.len() > 2 * JUTE_MAX_BUFFER && left == 0, "{} bytes", data.len());
    }
}
