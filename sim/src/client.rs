//! A virtual client: the core's client session, the connections that it wants, and its history.
//!
//! Not here: the session's own logic (`zablab_core::client`), and whether a history is right
//! ([`crate::invariants`]).

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zablab_core::client::{CallError, CallId, Session, SessionState, Settings};
use zablab_core::process::Process;
use zablab_core::recipes::{Recipes, Wish};
use zablab_core::types::{ConnId, Mono, ServerId, SessionId, Zxid};
use zablab_core::wire::client::{ErrorCode, MultiResult, Request, Response};

use crate::agenda::Entry;
use crate::step::ClientId;

/// What a client may be asked to do.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub enum ClientOp {
    /// Connect, trying these servers in this order, again and again. A session that is neither
    /// closed nor expired goes on (with its old list of servers); otherwise a new one begins.
    Connect {
        /// Which servers; at least one.
        servers: Vec<ServerId>,
        /// The session timeout to ask for, in ms; above 0.
        timeout_ms: u32,
        /// Whether a server that only reads will do.
        #[serde(default, skip_serializing_if = "is_no")]
        read_only: bool,
    },
    /// Close the connection, keep the session, and stay away until the next `Connect`.
    Disconnect,
    /// Close the session.
    Close,
    /// Wish for something that takes several requests.
    Recipe(Wish),
    /// Send a request; not one of those that a session makes by itself.
    Request(Request),
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_no(flag: &bool) -> bool {
    !flag
}

/// How a request ended.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Outcome {
    /// The zxid in the reply's header; `None` if there was no reply.
    pub zxid: Option<Zxid>,
    /// The reply, or why there is none.
    pub result: Result<Response, CallError>,
}

impl Outcome {
    /// The error's number on the wire, 0 for OK.
    pub fn code(&self) -> i32 {
        match &self.result {
            // A multi fails as a whole, with the error of one of its parts.
            Ok(Response::Multi(results)) => {
                let error = |result: &MultiResult| match result {
                    MultiResult::Error(code) if *code != ErrorCode::Ok.to_wire() => Some(*code),
                    _ => None,
                };
                results.iter().find_map(error).unwrap_or(ErrorCode::Ok.to_wire())
            }
            Ok(_) => ErrorCode::Ok.to_wire(),
            Err(CallError::Refused { code }) => *code,
            Err(CallError::SessionExpired) => ErrorCode::SessionExpired.to_wire(),
            Err(CallError::BadPath) => ErrorCode::BadArguments.to_wire(),
            Err(CallError::AuthFailed) => ErrorCode::AuthFailed.to_wire(),
            // Everything else means that nobody knows; also what newer cores may add.
            Err(_) => ErrorCode::ConnectionLoss.to_wire(),
        }
    }
}

/// One request from its call to its return.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Call {
    /// Its number, counted over all clients.
    pub id: CallId,
    /// In which of its client's sessions, counted from 1.
    pub session: u32,
    /// What was asked for.
    pub request: Request,
    /// Whether the server that answered it had no leader.
    pub read_only: bool,
    /// When it was asked for.
    pub called: Mono,
    /// When it ended, and how.
    pub returned: Option<(Mono, Outcome)>,
}

/// A virtual client. It comes into being with its first act.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The session, while the client's process runs and has one.
    pub(crate) session: Option<Session>,
    /// The servers that the session's indices stand for.
    pub(crate) servers: Vec<ServerId>,
    /// What it is doing with several requests, while there is a session.
    pub(crate) recipes: Option<Recipes>,
    /// How many sessions it has begun.
    begun: u32,
    /// The index that stands for the first server.
    first: Option<usize>,
    /// True while the client stays away.
    pub(crate) away: bool,
    /// The connection that the session wants while the client stays away.
    pub(crate) wanted: Option<ConnId>,
    /// Its timer on the agenda.
    pub(crate) timer: Option<Entry>,
    history: Arc<Vec<Call>>,
    /// The places in `history` of the calls without an answer, in order.
    open: VecDeque<usize>,
}

impl Client {
    /// Its session's state; `None` before the first `Connect` and after its process ended.
    pub fn state(&self) -> Option<SessionState> {
        self.session.as_ref().map(Session::state)
    }

    /// The session, while there is one.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The server at this index of [`SessionState::Connected`].
    pub fn server(&self, index: usize) -> Option<ServerId> {
        let count = self.servers.len().max(1);
        let turned = index + count - self.first.unwrap_or(0) % count;
        self.servers.get(turned % count).copied()
    }

    /// Every request so far, in the order of their calls.
    pub fn history(&self) -> &[Call] {
        &self.history
    }

    /// The requests that have not ended, in the order of their calls.
    pub fn open_calls(&self) -> impl Iterator<Item = &Call> {
        self.open.iter().filter_map(|place| self.history.get(*place))
    }

    /// How many requests have not ended.
    pub fn pending(&self) -> usize {
        self.open.len()
    }

    /// True if a `Connect` would begin a new session.
    pub(crate) fn needs_session(&self) -> bool {
        match self.state() {
            None
            | Some(SessionState::Expired | SessionState::Closed | SessionState::AuthFailed) => true,
            Some(
                SessionState::Connecting
                | SessionState::Connected { .. }
                | SessionState::ConnectedReadOnly { .. },
            ) => false,
        }
    }

    /// True if it ever had a session.
    pub(crate) fn has_begun(&self) -> bool {
        !self.servers.is_empty()
    }

    /// A session with these servers: a new one, or one that they have already.
    pub(crate) fn begin(
        &mut self,
        id: ClientId,
        servers: &[ServerId],
        (timeout_ms, read_only): (u32, bool),
        seed: u64,
        resumed: Option<SessionId>,
    ) {
        self.begun += 1;
        // Different in each session: its znodes are not those of the last one.
        self.recipes = Some(Recipes::new(u64::from(id.0) << 32 | u64::from(self.begun)));
        let settings = Settings { server_count: servers.len(), timeout_ms, read_only };
        self.session = Some(match resumed {
            Some(session) => Session::resuming(settings, seed, session),
            None => Session::new(settings, seed),
        });
        self.servers = servers.to_vec();
        self.first = None;
    }

    /// The server that the session means. The session draws the index that it tries first; that
    /// one stands for the first server, so that a script knows which it is.
    pub(crate) fn dialled(&mut self, index: usize) -> Option<ServerId> {
        self.first.get_or_insert(index);
        self.server(index)
    }

    /// The process ends; what it asked for stays without an answer for ever.
    pub(crate) fn drop_process(&mut self) {
        self.session = None;
        self.recipes = None;
        self.wanted = None;
        self.open.clear();
    }

    pub(crate) fn called(&mut self, id: CallId, request: Request, now: Mono) {
        self.open.push_back(self.history.len());
        let call = Call {
            id,
            session: self.begun,
            request,
            read_only: false,
            called: now,
            returned: None,
        };
        Arc::make_mut(&mut self.history).push(call);
    }

    pub(crate) fn returned(&mut self, id: CallId, outcome: Outcome, now: Mono) {
        let Ok(at) = self.open.binary_search_by_key(&id, |place| self.history[*place].id) else {
            return;
        };
        let Some(place) = self.open.remove(at) else { return };
        let read_only = matches!(self.state(), Some(SessionState::ConnectedReadOnly { .. }));
        let call = &mut Arc::make_mut(&mut self.history)[place];
        (call.read_only, call.returned) = (read_only, Some((now, outcome)));
    }

    /// When its timer fires; for its session never while it stays away.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        let session = self.session.as_ref().filter(|_| !self.away);
        let recipes = self.recipes.as_ref().and_then(Recipes::deadline);
        session.and_then(Session::deadline).into_iter().chain(recipes).min()
    }
}
