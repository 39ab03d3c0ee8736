//! How a connection becomes part of a session: a new one, the client's own, or none.
//!
//! A session of the ensemble begins with a transaction, and its leader says whether it still
//! lives; of the sessions that only this server has, it knows itself (see [`super::local`]).
//! Source: Java's `ZooKeeperServer.processConnectRequest`, `ReadOnlyZooKeeperServer`.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;

use super::{Attachment, Clients, Offer, Scene, Service, Upstream};
use crate::process::{Effect, Out};
use crate::request::{Origin, Request};
use crate::trace::Event;
use crate::tree::Database;
use crate::types::{ConnId, Now, SessionId, Xid};
use crate::wire::client::{self, ConnectRequest, ConnectResponse, OpCode, session_password};
use crate::wire::quorum::{RevalidateReply, RevalidateRequest};

impl Clients {
    /// The leader said whether a session lives.
    ///
    /// If the client called more than once, the answers to its earlier calls say nothing: what it
    /// asks for must reach the leader behind the last REVALIDATE, or that would take the session
    /// back from where the client has gone meanwhile, and let an old request through behind it.
    pub fn on_revalidated(&mut self, scene: &mut Scene, reply: &RevalidateReply) {
        let Some(left) = self.revalidating.get_mut(&reply.session) else { return };
        *left -= 1;
        if *left > 0 {
            return;
        }
        self.revalidating.remove(&reply.session);
        let Some((conn, offer)) = self.take_attaching(reply.session) else { return };
        if reply.valid {
            self.attach(scene, conn, offer, true);
        } else {
            self.turn_away(scene, conn, offer.knows_read_only, "the session is over");
        }
    }

    pub(super) fn on_connect(
        &mut self,
        scene: &mut Scene,
        conn: ConnId,
        frame: Bytes,
    ) -> Vec<Upstream> {
        let request = match ConnectRequest::decode(frame) {
            Ok(_) if self.service == Service::None => {
                return self.turn_out(conn, "not serving", scene.out);
            }
            Ok(request) => request,
            Err(_) => return self.turn_out(conn, "no connect request", scene.out),
        };
        if self.service == Service::ReadOnly && request.read_only != Some(true) {
            return self.turn_out(conn, "only reads are served, and it may write", scene.out);
        }
        if request.last_zxid_seen > scene.last_processed {
            // It has seen what this server has not: reading here would take it back in time.
            return self.turn_out(conn, "the client has seen a later zxid", scene.out);
        }
        let timeout_ms = request.timeout_ms.clamp(self.min_timeout_ms, self.max_timeout_ms);
        let knows_read_only = request.read_only.is_some();
        if request.session == SessionId(0) {
            let session = self.take_session(scene.now, scene.database);
            return self.begin(scene, conn, Offer { session, timeout_ms, knows_read_only });
        }
        let offer = Offer { session: request.session, timeout_ms, knows_read_only };
        let password = request.password.unwrap_or_default();
        if password[..] != session_password(offer.session) {
            self.turn_away(scene, conn, knows_read_only, "wrong password");
            return Vec::new();
        }
        self.resume_session(scene, conn, offer)
    }

    /// A new session: one of the ensemble needs a transaction, one of this server alone does not.
    fn begin(&mut self, scene: &mut Scene, conn: ConnId, offer: Offer) -> Vec<Upstream> {
        let Offer { session, timeout_ms, .. } = offer;
        if self.begins_local() {
            self.local.add(session, timeout_ms, scene.now.mono);
            scene.out.event(|| Event::LocalSessionBegun { session, timeout_ms });
            self.attach(scene, conn, offer, false);
            return Vec::new();
        }
        self.attaching.insert(session, conn);
        let Some(connection) = self.connections.get_mut(&conn) else { return Vec::new() };
        connection.attachment = Attachment::Creating(offer);
        vec![self.create_session(session, timeout_ms)]
    }

    /// The client's own session, from this server or from another one.
    fn resume_session(&mut self, scene: &mut Scene, conn: ConnId, offer: Offer) -> Vec<Upstream> {
        let Offer { session, timeout_ms, knows_read_only } = offer;
        if self.local.is_alive(session) {
            self.local.touch(session, timeout_ms, scene.now.mono);
            self.attach(scene, conn, offer, true);
            return Vec::new();
        }
        if self.service == Service::ReadOnly {
            if self.is_over(session, scene.database) {
                self.turn_away(scene, conn, knows_read_only, "the session is over");
                return Vec::new();
            }
            return self.turn_out(conn, "only a leader knows whether it lives", scene.out);
        }
        // The client called before; it listens to its last call. What comes late on an older one
        // must not follow the REVALIDATE, behind which the leader takes it for the client's next.
        let opened = self.by_session.get(&session).copied();
        for older in self.attaching.remove(&session).into_iter().chain(opened) {
            self.disconnect(older, scene.out);
        }
        self.attaching.insert(session, conn);
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.attachment = Attachment::Revalidating(offer);
        }
        *self.revalidating.entry(session).or_default() += 1;
        vec![Upstream::Revalidate(RevalidateRequest { session, timeout_ms })]
    }

    /// What asks the leader for a session of the ensemble.
    pub(super) fn create_session(&self, session: SessionId, timeout_ms: i32) -> Upstream {
        Upstream::Submit(Request {
            session,
            cxid: Xid(0),
            op: OpCode::CreateSession,
            body: client::Request::CreateSession { timeout_ms }.encode(),
            auth: Vec::new(),
            origin: Origin::ClientOf(self.me),
        })
    }

    pub(super) fn on_session_created(&mut self, scene: &mut Scene, session: SessionId) {
        if let Some((conn, offer)) = self.take_attaching(session) {
            self.attach(scene, conn, offer, false);
        }
    }

    fn take_attaching(&mut self, session: SessionId) -> Option<(ConnId, Offer)> {
        let conn = self.attaching.remove(&session)?;
        match self.connections.get(&conn)?.attachment {
            Attachment::Creating(offer) | Attachment::Revalidating(offer) => Some((conn, offer)),
            Attachment::New | Attachment::Open(_) => None,
        }
    }

    fn attach(&mut self, scene: &mut Scene, conn: ConnId, offer: Offer, renewed: bool) {
        let Offer { session, timeout_ms, knows_read_only } = offer;
        if let Some(older) = self.by_session.get(&session).copied() {
            self.disconnect(older, scene.out);
        }
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.attachment = Attachment::Open(offer);
            connection.times.established = scene.now.wall;
            connection.times.last_op = Some(OpCode::CreateSession.to_wire());
            connection.times.last_cxid = Some(Xid(0));
            connection.times.last_reply_ms = scene.now.mono.as_ms();
        }
        self.by_session.insert(session, conn);
        scene.out.event(|| Event::SessionAttached { session, conn, timeout_ms, renewed });
        let response = ConnectResponse {
            protocol_version: 0,
            timeout_ms,
            session,
            password: Some(Bytes::copy_from_slice(&session_password(session))),
            read_only: knows_read_only.then_some(self.service == Service::ReadOnly),
        };
        self.send(scene, conn, response.encode());
    }

    /// The answer to a session that is over or not this client's: no session, then the end.
    fn turn_away(&mut self, scene: &mut Scene, conn: ConnId, knows_read_only: bool, why: &str) {
        let response = ConnectResponse {
            protocol_version: 0,
            timeout_ms: 0,
            session: SessionId(0),
            password: Some(Bytes::from_static(&[0; 16])),
            read_only: knows_read_only.then_some(false),
        };
        self.send(scene, conn, response.encode());
        self.turn_out(conn, why, scene.out);
    }

    fn turn_out(&mut self, conn: ConnId, why: &str, out: &mut Out<Effect>) -> Vec<Upstream> {
        self.on_down(conn);
        refuse(conn, why, out);
        Vec::new()
    }

    /// The first id of a run comes from the clock, its top byte from this server.
    fn take_session(&mut self, now: Now, database: &Database) -> SessionId {
        let first = || {
            let clock = now.wall.0.cast_unsigned() << 24 >> 8 & 0x00ff_ffff_ffff_ffff;
            SessionId(clock.cast_signed() | self.me.0 << 56)
        };
        let next = |session: SessionId| SessionId(session.0.wrapping_add(1));
        let mut session = self.last_session.map_or_else(first, next);
        // The clock may have been set back since the last run.
        while database.sessions.contains_key(&session) || is_reserved(session) {
            session = next(session);
        }
        self.last_session = Some(session);
        session
    }
}

/// 0 asks for a new session; the least number marks container znodes.
fn is_reserved(session: SessionId) -> bool {
    session.0 == 0 || session.0 == i64::MIN
}

pub(super) fn refuse(conn: ConnId, why: &str, out: &mut Out<Effect>) {
    out.milestone(Event::ClientRefused { conn, why: String::from(why) });
    out.push(Effect::Disconnect { conn });
}
