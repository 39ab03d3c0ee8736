//! A client proves who it is: by a password, or by SASL.
//!
//! Both are answered at once, before what was asked earlier: they hold for all that is asked
//! later. Wrong proofs end the connection.
//! Source: Java's `ZooKeeperServer.processPacket`, `processSasl`, `AuthenticationHelper`.

use alloc::string::String;

use bytes::Bytes;

use super::{Clients, Scene};
use crate::limits::AUTH_IDS_MAX;
use crate::request::access::identities;
use crate::request::sasl::{SaslError, nonce_of};
use crate::trace::Event;
use crate::txn::Id;
use crate::types::{ConnId, Xid, Zxid};
use crate::wire::client::{
    self, ErrorCode, OpCode, Response, decode_sasl_token, encode_reply, encode_sasl_reply,
};

impl Clients {
    /// What nonces are made with. Only before clients come, and only from real randomness: who
    /// knows it can prepare answers to challenges that are still to come.
    pub fn set_nonce_key(&mut self, key: [u8; 32]) {
        self.nonce_key = key;
    }

    /// Credentials of some scheme.
    pub(super) fn on_auth(
        &mut self,
        scene: &mut Scene,
        conn: ConnId,
        xid: Xid,
        request: &client::AuthRequest,
    ) {
        let proved = identities(request, self.super_digest.as_deref(), self.rules);
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let known = &mut connection.auth;
        let code = match proved {
            Some(proved) if known.len() + proved.len() <= AUTH_IDS_MAX => {
                for id in proved {
                    if !known.contains(&id) {
                        known.insert(known.len() - 1, id); // the address stays last
                    }
                }
                ErrorCode::Ok
            }
            Some(_) | None => ErrorCode::AuthFailed,
        };
        let (session, op, error) = (self.session_of(conn), OpCode::Auth.to_wire(), code.to_wire());
        scene.out.event(|| Event::Replied { session, xid, op, zxid: Zxid::ZERO, error });
        self.send(scene, conn, encode_reply(xid, Zxid::ZERO, error, &Response::Empty));
        if code != ErrorCode::Ok {
            self.disconnect(conn, scene.out);
        }
    }

    /// A token of SASL.
    pub(super) fn on_sasl(&mut self, scene: &mut Scene, conn: ConnId, xid: Xid, body: Bytes) {
        let (session, op) = (self.session_of(conn), OpCode::Sasl.to_wire());
        scene.out.event(|| Event::Requested { session, xid, op, path: None });
        let Ok(token) = decode_sasl_token(body) else { return self.disconnect(conn, scene.out) };
        let (answer, error) = match self.take_token(conn, &token) {
            Ok(answer) => (Some(answer), ErrorCode::Ok),
            // As Java without a login: an answer, but no token.
            Err(SaslError::Disabled) => (None, ErrorCode::Ok),
            Err(_) if self.must_prove("sasl") => (None, ErrorCode::SessionClosedRequireSaslAuth),
            Err(_) if self.proofs.allows_failed_sasl => (None, ErrorCode::Ok),
            Err(_) => (None, ErrorCode::AuthFailed),
        };
        let code = error.to_wire();
        scene.out.event(|| Event::Replied { session, xid, op, zxid: Zxid::ZERO, error: code });
        let answer = answer.as_deref().map(str::as_bytes);
        self.send(scene, conn, encode_sasl_reply(xid, code, answer));
        if error != ErrorCode::Ok {
            self.disconnect(conn, scene.out);
        }
    }

    fn take_token(&mut self, conn: ConnId, token: &[u8]) -> Result<String, SaslError> {
        let Some(connection) = self.connections.get_mut(&conn) else { return Err(SaslError::Over) };
        let users = self.proofs.sasl_users.as_ref().ok_or(SaslError::Disabled)?;
        self.nonces += 1;
        let (key, number) = (&self.nonce_key, self.nonces);
        let step = connection.sasl.take(users, token, || nonce_of(key, number))?;
        if let Some(user) = step.user {
            let is_super = self.proofs.sasl_supers.contains(&user);
            let known = &mut connection.auth;
            let proved = Id { scheme: String::from("sasl"), id: user };
            known.insert(known.len() - 1, proved); // the address stays last
            if is_super {
                let proved = Id { scheme: String::from("super"), id: String::new() };
                known.insert(known.len() - 1, proved);
            }
        }
        Ok(step.token)
    }

    /// Whether each client owes a proof of this scheme.
    fn must_prove(&self, scheme: &str) -> bool {
        self.proofs.required_schemes.contains(scheme)
    }

    /// Whether a client asks for something before it has proved who it is, as it must.
    pub(super) fn owes_proof(&self, conn: ConnId) -> bool {
        let required = &self.proofs.required_schemes;
        let auth = self.connections.get(&conn).map_or(&[][..], |connection| &connection.auth);
        !required.is_empty() && auth.iter().all(|id| !required.contains(&id.scheme))
    }

    /// The answer to such a client.
    pub(super) fn turn_out_unproved(&mut self, scene: &mut Scene, conn: ConnId, xid: Xid, op: i32) {
        let (session, error) =
            (self.session_of(conn), ErrorCode::SessionClosedRequireSaslAuth.to_wire());
        scene.out.event(|| Event::Replied { session, xid, op, zxid: Zxid::ZERO, error });
        self.send(scene, conn, encode_reply(xid, Zxid::ZERO, error, &Response::Empty));
        self.disconnect(conn, scene.out);
    }
}
