//! A barrier: who comes waits until its znode is gone. Making and deleting it are ordinary writes.

use super::{NO_NODE, Notice, Out, Reply, exists_request};
use crate::types::Path;

/// One owner's wait.
#[derive(Clone, Debug, Hash)]
pub(super) struct Barrier {
    path: Path,
    state: State,
}

#[derive(Clone, Debug, Hash)]
enum State {
    Idle,
    Watching,
    Waiting,
}

impl Barrier {
    pub(super) fn new(path: Path) -> Barrier {
        Barrier { path, state: State::Idle }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    pub(super) fn ask(&mut self, out: &mut Out) {
        match self.state {
            State::Idle => self.watch(out),
            State::Watching | State::Waiting => out.tell(Notice::Busy),
        }
    }

    pub(super) fn woken(&mut self, out: &mut Out) {
        if matches!(self.state, State::Waiting) {
            self.watch(out);
        }
    }

    pub(super) fn replied(&mut self, reply: Reply<'_>, out: &mut Out) {
        if !matches!(self.state, State::Watching) {
            return;
        }
        self.state = State::Idle;
        match reply {
            Ok(_) => self.state = State::Waiting,
            Err(NO_NODE) => out.tell(Notice::Passed),
            Err(code) => out.tell(Notice::Failed { code }),
        }
    }

    fn watch(&mut self, out: &mut Out) {
        self.state = State::Watching;
        out.send(exists_request(&self.path));
    }
}
