//! From request to transaction: the leader's side of a write.
//!
//! Requests are checked against `prepared`, the tree with every proposed transaction applied,
//! committed or not; so the next request sees the ones before it, and the digest after each is at
//! hand. Source: ZooKeeper's `PrepRequestProcessor` (its `outstandingChanges` are our `prepared`).

use crate::config::Rules;
use crate::request::prep::{PrepContext, prep};
use crate::request::sessions::SessionTracker;
use crate::request::{Origin, Request};
use crate::tree::Database;
use crate::txn::{LogRecord, Txn, TxnHeader};
use crate::types::{Now, SessionId, Xid, Zxid};
use crate::wire::client::{self, ErrorCode, OpCode};
use crate::wire::txn;

/// Where requests become transactions, in order.
#[derive(Clone, Debug, Hash)]
pub struct Pipeline {
    prepared: Database,
    last_proposed: Zxid,
    rules: Rules,
    /// Which sessions live.
    pub sessions: SessionTracker,
}

impl Pipeline {
    /// Begins after `last`, on a tree that holds everything up to it.
    pub fn new(database: Database, last: Zxid, sessions: SessionTracker, rules: Rules) -> Pipeline {
        Pipeline { prepared: database, last_proposed: last, rules, sessions }
    }

    /// The last transaction made.
    pub fn last_proposed(&self) -> Zxid {
        self.last_proposed
    }

    /// Whether the epoch has no more zxids (ZOOKEEPER-1277).
    pub fn is_used_up(&self) -> bool {
        self.last_proposed.counter() >= Zxid::COUNTER_MAX
    }

    /// Makes the transaction of a request; a failed one takes a zxid, too. Not to be called when
    /// the counter [is used up](Pipeline::is_used_up).
    pub fn prepare(&mut self, now: Now, request: &Request) -> LogRecord {
        let zxid = Zxid(self.last_proposed.0 + 1);
        let header =
            TxnHeader { session: request.session, cxid: request.cxid, zxid, time: now.wall };
        let txn =
            self.decide(now, request, &header).unwrap_or_else(|code| Txn::Error(code.to_wire()));
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
    ) -> Result<Txn, ErrorCode> {
        let op = request.op;
        match request.origin {
            Origin::Expiry => {}
            Origin::ClientOf(_) if op == OpCode::CreateSession => {}
            Origin::ClientOf(server) => self.sessions.check(request.session, server)?,
        }
        let decoded = client::Request::decode(op.to_wire(), request.body.clone())
            .map_err(|error| error.code())?;
        if op == OpCode::CloseSession {
            self.sessions.set_closing(request.session);
        }
        let context = PrepContext { header: *header, auth: &request.auth, rules: self.rules };
        let txn = prep(&decoded, &context, &self.prepared);
        if let Txn::CreateSession { timeout_ms } = txn {
            // Now, not when it is applied: a follower may apply it first, and its client's next
            // request be here before this server's own disk has the session.
            self.sessions.add(request.session, timeout_ms, now.mono);
        }
        Ok(txn)
    }
}
