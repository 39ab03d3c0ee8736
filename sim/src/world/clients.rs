//! Clients in a world: what they are asked to do, what reaches them, what they want done.

use std::sync::Arc;

use zablab_core::client::{CallId, Effect, Input, SessionState};
use zablab_core::process::{Out, PortKind, Process};
use zablab_core::recipes::{Action, Recipes};
use zablab_core::types::{Now, ServerId, WallMs};
use zablab_core::wire::client::Request;

use super::World;
use crate::agenda::Entry;
use crate::client::{ClientOp, Outcome};
use crate::link::Arrival;
use crate::step::{ClientId, Host};
use crate::trace::What;

impl World {
    /// A client is asked to do something.
    pub(super) fn act(&mut self, id: ClientId, op: &Arc<ClientOp>) {
        let host = Host::Client(id);
        match &**op {
            ClientOp::Request(request) => self.call(id, request),
            ClientOp::Recipe(ask) => {
                self.record(Some(host), What::ClientActed { op: Arc::clone(op) });
                let now = self.now;
                self.with_recipes(id, |recipes| recipes.ask(now, ask));
            }
            ClientOp::Connect { servers, timeout_ms, read_only } => {
                self.record(Some(host), What::ClientActed { op: Arc::clone(op) });
                self.connect(id, servers, (*timeout_ms, *read_only));
            }
            ClientOp::Disconnect => {
                self.record(Some(host), What::ClientActed { op: Arc::clone(op) });
                self.stay_away(id);
            }
            ClientOp::Close => {
                self.record(Some(host), What::ClientActed { op: Arc::clone(op) });
                self.client_input(id, Input::Close);
            }
        }
    }

    pub(super) fn tick_client(&mut self, id: ClientId) {
        if self.clients.get(&id).is_some_and(|client| !client.away) {
            self.client_input(id, Input::Tick);
        }
        let now = self.now;
        self.with_recipes(id, |recipes| recipes.tick(now));
    }

    pub(super) fn tell_client(&mut self, id: ClientId, arrival: Arrival) {
        match arrival {
            Arrival::Knock { .. } => {}
            Arrival::Up { conn, .. } => self.client_input(id, Input::ConnUp { conn }),
            Arrival::Message { conn, parts, .. } => {
                for chunk in parts {
                    self.client_input(id, Input::Bytes { conn, chunk });
                }
            }
            Arrival::Down { conn, .. } => self.client_input(id, Input::ConnDown { conn }),
        }
    }

    /// The process of a client ends.
    pub(super) fn drop_client(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.drop_process();
        self.net.crash(self.now, Host::Client(id));
        self.net.sleep(Host::Client(id), false);
        self.touch(Host::Client(id));
    }

    /// After inputs: puts its timer on the agenda.
    pub(super) fn settle_client(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let deadline = client.deadline().filter(|_| !self.net.is_asleep(Host::Client(id)));
        let entry = deadline.map(|due| Entry::timer(due, Host::Client(id)));
        self.agenda.replace(&mut client.timer, entry);
    }

    /// `asked` is the timeout that it asks for, in ms, and whether a server that only reads will
    /// do.
    fn connect(&mut self, id: ClientId, servers: &[ServerId], asked: (u32, bool)) {
        let client = self.clients.entry(id).or_default();
        client.away = false;
        if client.needs_session() {
            let seed = self.given.seed ^ (u64::from(id.0) << 40) ^ self.next_call;
            let resumed = self.given.clients.get(&id).filter(|_| !client.has_begun());
            self.checker.on_client_begun(id);
            client.begin(id, servers, asked, seed, resumed.map(|given| given.session));
            self.client_input(id, Input::Start);
        } else if let Some(conn) = client.wanted.take() {
            // What it wanted while it was away counts as failed, so it tries the next server.
            self.client_input(id, Input::ConnDown { conn });
        }
    }

    fn stay_away(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.away = true;
        let conns = self.net.conns_of(Host::Client(id));
        self.net.crash(self.now, Host::Client(id));
        for conn in conns {
            self.client_input(id, Input::ConnDown { conn });
        }
        self.touch(Host::Client(id));
    }

    fn call(&mut self, id: ClientId, request: &Request) {
        let client = self.clients.entry(id).or_default();
        if client.session.is_none() {
            return;
        }
        let call = self.name_call();
        self.submit(id, call, request);
    }

    fn name_call(&mut self) -> CallId {
        let call = CallId(self.next_call);
        self.next_call += 1;
        call
    }

    fn submit(&mut self, id: ClientId, call: CallId, request: &Request) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.called(call, request.clone(), self.now);
        let op = request.op();
        self.checker.on_client_call(id, call, request);
        self.record(Some(Host::Client(id)), What::ClientCalled { call, op });
        self.client_input(id, Input::Submit { call, request: request.clone() });
    }

    /// Something happens to what a client does with several requests.
    fn with_recipes(&mut self, id: ClientId, happens: impl FnOnce(&mut Recipes) -> Vec<Action>) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let Some(recipes) = &mut client.recipes else { return };
        let actions = happens(recipes);
        // All get their names before the first is sent: its answer may lead to more.
        let mut requests = Vec::new();
        for action in actions {
            match action {
                Action::Send(_, request) => requests.push((self.name_call(), request)),
                Action::Tell(key, notice) => {
                    let path = key.path().clone();
                    self.record(Some(Host::Client(id)), What::RecipeTold { path, notice });
                }
            }
        }
        if let Some(recipes) = self.clients.get_mut(&id).and_then(|client| client.recipes.as_mut())
        {
            requests.iter().for_each(|(call, _)| recipes.sent(*call));
        }
        for (call, request) in requests {
            self.submit(id, call, &request);
        }
        self.touch(Host::Client(id));
    }

    fn client_input(&mut self, id: ClientId, input: Input) {
        let now = Now { mono: self.now, wall: WallMs(self.now.as_ms() as i64) };
        let Some(client) = self.clients.get_mut(&id) else { return };
        let Some(session) = &mut client.session else { return };
        let mut out = Out::new(false);
        session.handle(now, input, &mut out);
        for effect in out.effects {
            self.run_client(id, effect);
        }
        self.touch(Host::Client(id));
    }

    fn run_client(&mut self, id: ClientId, effect: Effect) {
        let host = Host::Client(id);
        let Some(client) = self.clients.get_mut(&id) else { return };
        match effect {
            Effect::Connect { conn, server } => match client.dialled(server) {
                _ if client.away => client.wanted = Some(conn),
                Some(sid) => {
                    self.net.open(self.now, host, conn, Host::Server(sid), PortKind::Client);
                }
                None => {}
            },
            Effect::Disconnect { conn } => self.net.close(self.now, host, conn),
            Effect::Send { conn, frame } => self.send(host, conn, vec![frame]),
            Effect::Returned { call, zxid, result } => {
                let outcome = Outcome { zxid, result };
                client.returned(call, outcome.clone(), self.now);
                self.checker.on_client_return(id, call, &outcome);
                let result = outcome.result.clone();
                self.record(Some(host), What::ClientReturned { call, outcome: Box::new(outcome) });
                let now = self.now;
                self.with_recipes(id, |recipes| recipes.replied(now, call, &result));
            }
            Effect::WatchEvent { kind, path, zxid, watchers } => {
                self.checker.on_client_event(id, &path, zxid, &watchers);
                self.record(Some(host), What::ClientNotified { kind, path, zxid });
                self.with_recipes(id, |recipes| recipes.fired(&watchers));
            }
            Effect::StateChanged { state } => {
                let what = match state {
                    SessionState::Connecting => What::ClientDisconnected,
                    SessionState::Connected { session, server }
                    | SessionState::ConnectedReadOnly { session, server } => {
                        let Some(server) = client.server(server) else { return };
                        self.checker.on_client_connected(id, session);
                        What::ClientConnected { session, server }
                    }
                    SessionState::Expired => What::ClientExpired,
                    SessionState::Closed | SessionState::AuthFailed => What::ClientClosed,
                };
                let is_over = matches!(what, What::ClientExpired | What::ClientClosed);
                self.record(Some(host), what);
                if is_over {
                    self.with_recipes(id, Recipes::over);
                }
            }
        }
    }
}
