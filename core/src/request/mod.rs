//! Requests of clients: from the frame to the reply.
//!
//! [`clients`] keeps each connection's order, [`read`] answers from the tree, [`pipeline`] and
//! [`prep`] and [`reconfig`] turn writes into transactions at the leader, [`access`] says who may,
//! [`sasl`] who somebody is, [`sessions`] decides who is alive.

pub mod access;
pub mod clients;
pub mod distinguished;
pub mod pipeline;
pub mod prep;
pub mod read;
pub mod reaper;
pub mod reconfig;
pub mod sasl;
pub mod sessions;
pub mod syncs;

use alloc::vec::Vec;
use bytes::Bytes;

use crate::txn::Id;
use crate::types::{Path, ServerId, SessionId, Xid};
use crate::wire::client::{self, OpCode};
use crate::wire::quorum::{PacketKind, QuorumPacket, RequestData};

/// A request on its way to the leader, its body as the client sent it.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Request {
    /// Whose.
    pub session: SessionId,
    /// Its number in that session.
    pub cxid: Xid,
    /// What is asked.
    pub op: OpCode,
    /// The request record.
    pub body: Bytes,
    /// The identities of the client's connection.
    pub auth: Vec<Id>,
    /// Who sends it.
    pub origin: Origin,
}

/// Who sends a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Origin {
    /// A client, by its connection to this server.
    ClientOf(ServerId),
    /// The leader itself: a session's time is over.
    Expiry,
    /// The leader itself: a znode's time is over.
    Reaper,
}

impl Request {
    /// The end of a session whose time is over.
    pub fn expiry(session: SessionId) -> Request {
        Request {
            session,
            cxid: Xid(0),
            op: OpCode::CloseSession,
            body: Bytes::new(),
            auth: Vec::new(),
            origin: Origin::Expiry,
        }
    }

    /// The end of a container, or of a znode with a time to live.
    pub fn reaping(path: Path) -> Request {
        Request {
            session: SessionId(0),
            cxid: Xid(0),
            op: OpCode::DeleteContainer,
            body: client::Request::DeleteContainer { path }.encode(),
            auth: Vec::new(),
            origin: Origin::Reaper,
        }
    }

    /// From a REQUEST of the learner `sid`; `None` if it is not one.
    pub fn from_packet(packet: &QuorumPacket, sid: ServerId) -> Option<Request> {
        let data = packet.require_data().and_then(RequestData::decode).ok()?;
        Some(Request {
            session: data.session,
            cxid: data.cxid,
            op: OpCode::from_wire(data.op)?,
            body: data.body,
            auth: packet.auth.clone().unwrap_or_default(),
            origin: Origin::ClientOf(sid),
        })
    }

    /// As a REQUEST for the leader.
    pub fn to_packet(&self) -> QuorumPacket {
        let data = RequestData {
            session: self.session,
            cxid: self.cxid,
            op: self.op.to_wire(),
            body: self.body.clone(),
        };
        QuorumPacket {
            kind: PacketKind::Request,
            zxid: QuorumPacket::NO_ZXID,
            data: Some(data.encode()),
            auth: Some(self.auth.clone()),
        }
    }
}
