//! A client as a frame shows it.

use zablab_core::client::{SessionState, WatchKind};
use zablab_core::process::Process;
use zablab_core::types::{ServerId, SessionId};

use super::DONE_MAX;
use super::frame::{CallFrame, ClientFrame, ClientState, WatchFrame, WatchOf};
use super::message::{error_word, op_word};
use super::words::{Names, client_name};
use crate::client::{Call, Client};
use crate::step::{ClientId, Host};
use crate::world::World;

/// A client now; one that has not acted yet is disconnected.
pub(super) fn of(world: &World, id: ClientId, names: &Names) -> ClientFrame {
    let blank = ClientFrame {
        host: Host::Client(id),
        name: client_name(id, names),
        state: ClientState::Disconnected,
        read_only: false,
        server: None,
        session: None,
        pending: Vec::new(),
        done: Vec::new(),
        watches: Vec::new(),
    };
    let Some(client) = world.client(id) else { return blank };
    let view = client.session().map(Process::view);
    let session = view.as_ref().map(|view| view.session);
    let watches = view.into_iter().flat_map(|view| view.watches);
    let watch = |watch: zablab_core::client::WatchView| WatchFrame {
        path: watch.path.to_string(),
        kind: match watch.kind {
            WatchKind::Data => WatchOf::Data,
            WatchKind::Exist => WatchOf::Exists,
            WatchKind::Child => WatchOf::Child,
            WatchKind::Persistent => WatchOf::Persistent,
            WatchKind::Recursive => WatchOf::Recursive,
        },
    };
    ClientFrame {
        state: match client.state() {
            None | Some(SessionState::Connecting) => ClientState::Disconnected,
            Some(SessionState::Connected { .. } | SessionState::ConnectedReadOnly { .. }) => {
                ClientState::Connected
            }
            Some(SessionState::Expired) => ClientState::Expired,
            Some(SessionState::Closed | SessionState::AuthFailed) => ClientState::Closed,
        },
        read_only: matches!(client.state(), Some(SessionState::ConnectedReadOnly { .. })),
        server: server(world, id),
        session: session.filter(|session| *session != SessionId(0)),
        pending: client.open_calls().map(call).collect(),
        done: done(client),
        watches: watches.map(watch).collect(),
        ..blank
    }
}

/// The server at the other end of the client's connection, open or opening.
fn server(world: &World, id: ClientId) -> Option<ServerId> {
    let host = Host::Client(id);
    let newest = world.net().conns_of(host).into_iter().next_back()?;
    let lane = world.net().lane_of(host, newest)?;
    match world.net().link(lane.link)?.acceptor.host {
        Host::Server(sid) => Some(sid),
        Host::Client(_) => None,
    }
}

fn done(client: &Client) -> Vec<CallFrame> {
    let ended = client.history().iter().rev().filter(|call| call.returned.is_some());
    let mut newest: Vec<CallFrame> = ended.take(DONE_MAX).map(call).collect();
    newest.reverse();
    newest
}

fn call(call: &Call) -> CallFrame {
    let outcome = call.returned.as_ref().map(|(_, outcome)| outcome);
    CallFrame {
        call: call.id.0.to_string(),
        op: op_word(call.request.op().to_wire()),
        path: call.request.path().map(|path| path.to_string()),
        result: outcome.map(|outcome| error_word(outcome.code())),
        zxid: outcome.and_then(|outcome| outcome.zxid),
    }
}
