//! One ephemeral znode that only one can make: the lock with herd effect, master election.
//!
//! All who wait are woken when it goes, and all but one in vain. Its value names its owner, who
//! so finds out after a lost connection whether it is its own. Its czxid is the fencing number.
//! Source: ZooKeeper Recipes and Solutions, locks.

use alloc::format;
use alloc::string::String;

use super::{
    CONNECTION_LOSS, NO_NODE, NODE_EXISTS, Notice, Out, Patience, Reply, Verb, Wish,
    create_request, delete_request, exists_request, text_of,
};
use crate::types::{Mono, Path};
use crate::wire::client::{CreateMode, Request, Response};

/// One owner's part in it.
#[derive(Clone, Debug, Hash)]
pub(super) struct Single {
    path: Path,
    owner: String,
    /// How often the owner holds it.
    count: u32,
    patience: Patience,
    hold_ms: u32,
    /// When it has waited, or held it, for long enough.
    give_up_at: Option<Mono>,
    /// What is told if it is not to have it after all.
    leave_with: Option<Notice>,
    state: State,
}

#[derive(Clone, Debug, Hash)]
enum State {
    Idle,
    Making,
    /// The connection was lost meanwhile: the server is to be up to date.
    Syncing,
    /// Whose is it?
    Asking,
    /// Is it still there?
    Watching,
    Waiting,
    Held(i64),
    Leaving(Notice),
    /// The connection was lost meanwhile: the server is to be up to date.
    SyncingToLeave(Notice),
    /// Is it still one's own? Another one's is not deleted.
    AskingToLeave(Notice),
}

impl Single {
    pub(super) fn new(path: Path, owner: u64) -> Single {
        Single {
            path,
            owner: format!("{owner:016x}"),
            count: 0,
            patience: Patience::Forever,
            hold_ms: 0,
            give_up_at: None,
            leave_with: None,
            state: State::Idle,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        self.give_up_at
    }

    pub(super) fn ask(&mut self, now: Mono, ask: &Wish, out: &mut Out) {
        let is_leaving = matches!(ask.verb, Verb::HerdUnlock | Verb::Resign);
        match (is_leaving, &self.state) {
            (false, State::Idle) => {
                self.patience = ask.patience;
                self.hold_ms = ask.hold_ms;
                self.give_up_at = ask.patience.until(now);
                self.leave_with = None;
                self.make(out);
            }
            (false, State::Held(fence)) => {
                self.count += 1;
                out.tell(Notice::Held { fence: *fence });
            }
            (false, _) => out.tell(Notice::Busy),
            (true, State::Idle) => out.tell(Notice::Released),
            (true, State::Held(_)) if self.count > 1 => {
                self.count -= 1;
                out.tell(Notice::Released);
            }
            (true, State::Held(_)) => self.leave(Notice::Released, out),
            (true, _) => self.give_up(Notice::Released, out),
        }
    }

    pub(super) fn time_out(&mut self, out: &mut Out) {
        self.give_up_at = None;
        match &self.state {
            State::Held(_) => self.leave(Notice::Released, out),
            _ => self.give_up(Notice::TimedOut, out),
        }
    }

    pub(super) fn woken(&mut self, out: &mut Out) {
        if matches!(self.state, State::Waiting) {
            self.make(out);
        }
    }

    pub(super) fn replied(&mut self, now: Mono, reply: Reply<'_>, out: &mut Out) {
        match core::mem::replace(&mut self.state, State::Idle) {
            State::Making => match reply {
                Ok(Response::Create2 { stat, .. }) => self.hold(now, stat.czxid.to_wire(), out),
                Err(NODE_EXISTS) => self.others(out),
                Err(CONNECTION_LOSS) => {
                    self.state = State::Syncing;
                    out.send(Request::Sync { path: self.path.clone() });
                }
                other => self.fail(other, out),
            },
            State::Syncing => {
                self.state = State::Asking;
                out.send(Request::GetData { path: self.path.clone(), watch: false });
            }
            State::Asking => match reply {
                Ok(Response::Data { data, stat }) if text_of(data.as_ref()) == self.owner => {
                    self.hold(now, stat.czxid.to_wire(), out);
                }
                Ok(_) => self.others(out),
                Err(NO_NODE) if self.leave_with.is_none() => self.make(out),
                Err(NO_NODE) => self.done_waiting(out),
                other => self.fail(other, out),
            },
            State::Watching => match reply {
                Ok(_) | Err(NO_NODE) if self.leave_with.is_some() => self.done_waiting(out),
                Ok(_) => self.state = State::Waiting,
                Err(NO_NODE) => self.make(out),
                other => self.fail(other, out),
            },
            State::Leaving(notice) => match reply {
                Ok(_) | Err(NO_NODE) => out.tell(notice),
                Err(CONNECTION_LOSS) => {
                    self.state = State::SyncingToLeave(notice);
                    out.send(Request::Sync { path: self.path.clone() });
                }
                other => self.fail(other, out),
            },
            State::SyncingToLeave(notice) => {
                self.state = State::AskingToLeave(notice);
                out.send(Request::GetData { path: self.path.clone(), watch: false });
            }
            State::AskingToLeave(notice) => match reply {
                Ok(Response::Data { data, .. }) if text_of(data.as_ref()) == self.owner => {
                    self.leave(notice, out);
                }
                Ok(_) | Err(NO_NODE) => out.tell(notice),
                other => self.fail(other, out),
            },
            state @ (State::Idle | State::Waiting | State::Held(_)) => self.state = state,
        }
    }

    fn make(&mut self, out: &mut Out) {
        self.state = State::Making;
        out.send(create_request(&self.path, CreateMode::Ephemeral, &self.owner));
    }

    /// Somebody else has it.
    fn others(&mut self, out: &mut Out) {
        if self.leave_with.is_some() {
            self.done_waiting(out);
        } else if self.patience == Patience::Try {
            out.tell(Notice::Busy);
        } else {
            self.state = State::Watching;
            out.send(exists_request(&self.path));
        }
    }

    fn hold(&mut self, now: Mono, fence: i64, out: &mut Out) {
        self.give_up_at = (self.hold_ms > 0).then(|| now.plus_ms(u64::from(self.hold_ms)));
        if let Some(notice) = self.leave_with.take() {
            return self.leave(notice, out);
        }
        self.count = 1;
        self.state = State::Held(fence);
        out.tell(Notice::Held { fence });
    }

    fn give_up(&mut self, notice: Notice, out: &mut Out) {
        self.leave_with = Some(notice);
        if matches!(self.state, State::Waiting) {
            self.done_waiting(out);
        }
    }

    fn done_waiting(&mut self, out: &mut Out) {
        self.give_up_at = None;
        self.state = State::Idle;
        out.tell(self.leave_with.take().unwrap_or(Notice::Released));
    }

    fn leave(&mut self, notice: Notice, out: &mut Out) {
        self.give_up_at = None;
        self.count = 0;
        out.send(delete_request(&self.path));
        self.state = State::Leaving(notice);
    }

    fn fail(&mut self, reply: Reply<'_>, out: &mut Out) {
        self.give_up_at = None;
        out.tell(Notice::Failed { code: reply.err().unwrap_or(NO_NODE) });
    }
}
