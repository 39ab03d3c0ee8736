//! Random requests of several clients, drawn from a seed and from the world as it is.
//!
//! Drawn blindly, most requests would fail at their first check. So three of four are drawn again
//! until the [`World`] says that they succeed, up to some tries; the rest are taken as they come,
//! with paths that are none, versions of others, lists that name nobody, and bodies cut short.

mod draw;
pub mod play;
mod rng;
pub mod talk;

use bytes::Bytes;
use zablab_core::wire::client::{ErrorCode, MultiResult, OpCode, ReadResult, Request, Response};

use crate::model::{ClientId, World};
pub use rng::Rng;

/// How often a request is drawn until it succeeds.
const TRIES: u32 = 12;
/// Above so many znodes they are deleted rather than made.
const NODES_MAX: usize = 120;
/// Bytes of the longest pipeline of one client, in requests.
const PIPELINE_MAX: usize = 8;
/// The client that is the super user: it clears away what nobody else may delete.
pub const SUPER: ClientId = 0;

/// What a client does next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// It asks.
    Ask(ClientId, Ask),
    /// It connects again with its session while its old connection stands.
    Renew(ClientId),
    /// Its connection ends, and it connects again with its session.
    Return(ClientId),
    /// Somebody connects who has no right to a session, or to this server.
    Intrude(Intruder),
    /// A client with an ephemeral znode goes away until its session is over.
    Expire(ClientId),
}

/// What a client sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// A request.
    Request(Request),
    /// A body that is no request of this operation.
    Malformed(OpCode, Bytes),
    /// An operation that nobody knows.
    Unknown(i32),
}

/// How a connect request is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Intruder {
    /// The password of an existing session is wrong.
    Password(ClientId),
    /// There is no such session.
    Session,
    /// It has seen what this server has not.
    Future,
}

/// The operations and how often each is drawn.
const OPS: [(OpCode, u64); 27] = [
    (OpCode::Create, 60),
    (OpCode::Create2, 50),
    (OpCode::CreateContainer, 25),
    (OpCode::CreateTtl, 25),
    (OpCode::Delete, 90),
    (OpCode::SetData, 70),
    (OpCode::SetAcl, 30),
    (OpCode::Multi, 60),
    (OpCode::Check, 10),
    (OpCode::Exists, 50),
    (OpCode::GetData, 60),
    (OpCode::GetAcl, 30),
    (OpCode::GetChildren, 50),
    (OpCode::GetChildren2, 50),
    (OpCode::MultiRead, 30),
    (OpCode::GetEphemerals, 20),
    (OpCode::GetAllChildrenNumber, 20),
    (OpCode::WhoAmI, 15),
    (OpCode::Sync, 20),
    (OpCode::Ping, 20),
    (OpCode::Auth, 15),
    (OpCode::AddWatch, 40),
    (OpCode::CheckWatches, 40),
    (OpCode::RemoveWatches, 40),
    (OpCode::SetWatches, 25),
    (OpCode::SetWatches2, 25),
    (OpCode::CloseSession, 4),
];

/// The operations that make znodes.
const CREATES: [OpCode; 4] =
    [OpCode::Create, OpCode::Create2, OpCode::CreateContainer, OpCode::CreateTtl];

/// The source of steps.
#[derive(Clone, Debug)]
pub struct Workload {
    rng: Rng,
    clients: usize,
    /// Who asks, and how often still: requests of one client are pipelined.
    turn: (ClientId, usize),
}

impl Workload {
    /// Of so many clients, numbered from 0.
    pub fn new(seed: u64, clients: usize) -> Workload {
        Workload { rng: Rng::new(seed), clients, turn: (SUPER, 0) }
    }

    /// What comes next in this world.
    pub fn next(&mut self, world: &World) -> Step {
        if self.turn.1 == 0 {
            self.turn = (self.rng.index(self.clients), 1 + self.rng.index(PIPELINE_MAX));
            match self.rng.below(400) {
                0..2 => return Step::Renew(self.turn.0),
                2..5 => return Step::Return(self.turn.0),
                5 => return Step::Intrude(Intruder::Password(self.turn.0)),
                6 => return Step::Intrude(Intruder::Session),
                7 => return Step::Intrude(Intruder::Future),
                8 if self.turn.0 != SUPER && self.rng.below(20) == 0 => {
                    return Step::Expire(self.turn.0);
                }
                _ => {}
            }
        }
        let client = self.turn.0;
        self.turn.1 -= 1;
        Step::Ask(client, self.ask(client, world))
    }

    fn ask(&mut self, client: ClientId, world: &World) -> Ask {
        if client == SUPER && !world.auth(client).iter().any(|id| id.scheme == "super") {
            return Ask::Request(self.super_user());
        }
        if self.rng.below(2000) == 0 {
            return Ask::Unknown([0, 10, 23, 99, 999, -2, i32::MAX][self.rng.index(7)]);
        }
        let insists = self.rng.below(4) > 0;
        let op = self.op(world);
        if !insists && self.rng.below(12) == 0 {
            return self.malformed(op, client, world);
        }
        let mut request = self.draw(op, client, world);
        for _ in 1..TRIES {
            if !insists || succeeds(client, &request, world) {
                break;
            }
            request = self.draw(op, client, world);
        }
        Ask::Request(request)
    }

    fn op(&mut self, world: &World) -> OpCode {
        let total = OPS.iter().map(|(_, weight)| weight).sum();
        let mut at = self.rng.below(total);
        let drawn = OPS.iter().find(|(_, weight)| {
            let found = at < *weight;
            at = at.saturating_sub(*weight);
            found
        });
        let op = drawn.expect("it is below the sum").0;
        let is_full = world.len() > NODES_MAX;
        if is_full && CREATES.contains(&op) && self.rng.below(3) > 0 { OpCode::Delete } else { op }
    }

    /// A request that ends too early.
    fn malformed(&mut self, op: OpCode, client: ClientId, world: &World) -> Ask {
        let request = self.draw(op, client, world);
        let body = request.encode();
        if body.is_empty() || op == OpCode::Auth {
            return Ask::Request(request);
        }
        Ask::Malformed(op, body.slice(..self.rng.index(body.len())))
    }
}

/// Whether a request would succeed, all of it.
fn succeeds(client: ClientId, request: &Request, world: &World) -> bool {
    is_success(&world.clone().request(client, request).reply)
}

/// Whether a reply tells of a success. One half of a multiRead is enough.
pub fn is_success(reply: &Result<Response, ErrorCode>) -> bool {
    match reply {
        Err(_) => false,
        Ok(Response::Multi(results)) => {
            !results.iter().any(|result| matches!(result, MultiResult::Error(_)))
        }
        Ok(Response::MultiRead(results)) => {
            let failed = results.iter().filter(|result| matches!(result, ReadResult::Error(_)));
            2 * failed.count() <= results.len()
        }
        Ok(_) => true,
    }
}
