//! A double barrier: a number of members begin together and end together.
//!
//! Who comes last makes the znode `ready`, which lets all in, and who leaves last deletes it: so
//! one that was away still finds it. Who leaves waits for the last: the lowest waits for the
//! highest, every other one goes and waits for the lowest. If the last one crashes while it
//! leaves, `ready` stays and has to be deleted before the barrier is used again.
//! Source: ZooKeeper Recipes and Solutions, double barriers.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{
    CONNECTION_LOSS, NO_NODE, NODE_EXISTS, Notice, Out, Reply, Verb, Wish, below, children_request,
    create_request, delete_request, exists_request, names_of,
};
use crate::types::Path;
use crate::wire::client::CreateMode;

const READY: &str = "ready";

/// One member.
#[derive(Clone, Debug, Hash)]
pub(super) struct DoubleBarrier {
    folder: Path,
    name: String,
    size: usize,
    state: State,
}

#[derive(Clone, Debug, Hash)]
enum State {
    Idle,
    /// The own znode is being made.
    Joining,
    /// Is it open?
    Watching,
    /// How many are there? And has `ready` changed since it was asked for?
    Counting {
        is_stale: bool,
    },
    /// It opens when somebody makes `ready`.
    Waiting,
    /// The last one opens it.
    Opening,
    Inside,
    /// Who is still there?
    Looking,
    /// The own znode goes; then the lowest is waited for.
    Going(Path),
    /// The own znode goes, the last one.
    GoingLast,
    /// It is closed behind the last one.
    Closing,
    /// Is this one still there?
    WatchingOther,
    WaitingForOther,
}

impl DoubleBarrier {
    pub(super) fn new(folder: Path, owner: u64) -> DoubleBarrier {
        DoubleBarrier { folder, name: format!("{owner:016x}"), size: 1, state: State::Idle }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    pub(super) fn ask(&mut self, ask: &Wish, out: &mut Out) {
        match (ask.verb, &self.state) {
            (Verb::Enter, State::Idle) => {
                self.size = ask.number.max(1) as usize;
                self.join(out);
            }
            (Verb::Leave, State::Inside) => self.look(out),
            (Verb::Leave, State::Idle) => out.tell(Notice::Left),
            (_, _) => out.tell(Notice::Busy),
        }
    }

    pub(super) fn woken(&mut self, out: &mut Out) {
        match &mut self.state {
            State::Waiting => self.watch(out),
            State::Counting { is_stale } => *is_stale = true,
            State::WaitingForOther => self.look(out),
            _ => {}
        }
    }

    pub(super) fn replied(&mut self, reply: Reply<'_>, out: &mut Out) {
        match (core::mem::replace(&mut self.state, State::Idle), reply) {
            // After a lost connection it may be there already.
            (State::Joining, Ok(_) | Err(NODE_EXISTS)) => self.watch(out),
            (State::Joining, Err(CONNECTION_LOSS)) => self.join(out),
            (State::Watching, Ok(_)) => self.enter(out),
            (State::Watching, Err(NO_NODE)) => {
                self.state = State::Counting { is_stale: false };
                out.send(children_request(&self.folder, false));
            }
            (State::Counting { is_stale }, Ok(response)) => {
                let names = names_of(response);
                if is_stale || names.iter().any(|name| &**name == READY) {
                    self.watch(out);
                } else if names.len() < self.size {
                    self.state = State::Waiting;
                } else {
                    self.open(out);
                }
            }
            (State::Opening, Ok(_) | Err(NODE_EXISTS)) => self.enter(out),
            (State::Opening, Err(CONNECTION_LOSS)) => self.open(out),
            (State::Looking, Ok(response)) => self.judge(names_of(response), out),
            (State::Going(lowest), Ok(_) | Err(NO_NODE)) => {
                self.state = State::WatchingOther;
                out.send(exists_request(&lowest));
            }
            (State::Going(lowest), Err(CONNECTION_LOSS)) => self.go(Some(lowest), out),
            (State::GoingLast, Ok(_) | Err(NO_NODE)) => self.close(out),
            (State::GoingLast, Err(CONNECTION_LOSS)) => self.go(None, out),
            (State::Closing, Ok(_) | Err(NO_NODE)) => out.tell(Notice::Left),
            (State::Closing, Err(CONNECTION_LOSS)) => self.close(out),
            (State::WatchingOther, Ok(_)) => self.state = State::WaitingForOther,
            (State::WatchingOther, Err(NO_NODE)) => self.look(out),
            (
                state @ (State::Idle | State::Waiting | State::Inside | State::WaitingForOther),
                _,
            ) => {
                self.state = state;
            }
            (_, Err(code)) => out.tell(Notice::Failed { code }),
        }
    }

    fn ready(&self) -> Path {
        below(&self.folder, READY)
    }

    fn own(&self) -> Path {
        below(&self.folder, &self.name)
    }

    fn join(&mut self, out: &mut Out) {
        self.state = State::Joining;
        out.send(create_request(&self.own(), CreateMode::Ephemeral, ""));
    }

    fn watch(&mut self, out: &mut Out) {
        self.state = State::Watching;
        out.send(exists_request(&self.ready()));
    }

    fn open(&mut self, out: &mut Out) {
        self.state = State::Opening;
        out.send(create_request(&self.ready(), CreateMode::Persistent, ""));
    }

    fn close(&mut self, out: &mut Out) {
        self.state = State::Closing;
        out.send(delete_request(&self.ready()));
    }

    fn enter(&mut self, out: &mut Out) {
        self.state = State::Inside;
        out.tell(Notice::Passed);
    }

    fn look(&mut self, out: &mut Out) {
        self.state = State::Looking;
        out.send(children_request(&self.folder, false));
    }

    fn judge(&mut self, names: &[Arc<str>], out: &mut Out) {
        let mut names: Vec<&str> = names.iter().map(|name| &**name).collect();
        names.retain(|name| *name != READY);
        names.sort_unstable();
        let is_there = names.contains(&&*self.name);
        match (names.first(), names.last()) {
            (None, _) | (_, None) => out.tell(Notice::Left),
            (Some(first), Some(last)) if first == last && is_there => self.go(None, out),
            (Some(first), Some(last)) if **first == *self.name => {
                self.state = State::WatchingOther;
                out.send(exists_request(&below(&self.folder, last)));
            }
            (Some(first), Some(_)) => self.go(Some(below(&self.folder, first)), out),
        }
    }

    /// Deletes the own znode; nobody else has its name.
    fn go(&mut self, lowest: Option<Path>, out: &mut Out) {
        self.state = lowest.map_or(State::GoingLast, State::Going);
        out.send(delete_request(&self.own()));
    }
}
