//! A line of sequential ephemeral znodes: fair lock, read-write lock, semaphore, membership.
//!
//! Whoever has too many before it waits; nobody is woken for nothing but those who wait for a
//! lease. The owner's number is in the name, so that after a lost connection it finds its own
//! znode and never has two. Source: Curator's `LockInternals` and its protection mode.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use super::{
    CONNECTION_LOSS, NO_NODE, Notice, Out, Patience, Reply, Verb, Wish, below, children_request,
    create_request, delete_request, exists_request, is_before, names_of, number_behind,
};
use crate::types::{Mono, Path};
use crate::wire::client::{CreateMode, Request, Response};

/// What a place in the line is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(super) enum Mark {
    /// The lock.
    Lock,
    /// The lock that readers share.
    Read,
    /// The same for one writer.
    Write,
    /// One of the leases.
    Lease,
    /// Nobody waits: being in the line is all.
    Member,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Mark::Lock => "lock-",
            Mark::Read => "read-",
            Mark::Write => "write-",
            Mark::Lease => "lease-",
            Mark::Member => "member-",
        }
    }
}

/// One owner's place.
#[derive(Clone, Debug, Hash)]
pub(super) struct WaitingLine {
    folder: Path,
    mark: Mark,
    /// How the names of the owner's znodes begin.
    mine: String,
    /// How many may hold at once.
    limit: u32,
    text: String,
    /// How often the owner holds it.
    count: u32,
    patience: Patience,
    hold_ms: u32,
    /// When it has waited, or held it, for long enough.
    give_up_at: Option<Mono>,
    /// What is told once the place is given up, if it is to be.
    leave_with: Option<Notice>,
    state: State,
}

#[derive(Clone, Debug, Hash)]
enum State {
    Idle,
    /// The place is being made.
    Making,
    /// The connection was lost meanwhile: the server is to be up to date.
    Syncing,
    /// Is the place there?
    Finding,
    /// Who is before it?
    Looking(Path),
    /// Is who must go first still there?
    Watching(Path),
    Waiting(Path),
    Held(Path),
    Leaving(Path, Notice),
}

impl WaitingLine {
    pub(super) fn new(folder: Path, mark: Mark, owner: u64) -> WaitingLine {
        WaitingLine {
            folder,
            mark,
            mine: format!("_c_{owner:016x}-"),
            limit: 1,
            text: String::new(),
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
        let is_leaving = matches!(
            ask.verb,
            Verb::Unlock | Verb::ReadUnlock | Verb::WriteUnlock | Verb::Release | Verb::Unregister
        );
        match (is_leaving, &self.state) {
            (false, State::Idle) => {
                self.limit = ask.number.max(1);
                self.text.clone_from(&ask.text);
                self.patience = ask.patience;
                self.hold_ms = ask.hold_ms;
                self.give_up_at = ask.patience.until(now);
                self.leave_with = None;
                self.make(out);
            }
            (false, State::Held(name)) => {
                let fence = self.number(name);
                self.count += 1;
                out.tell(Notice::Held { fence });
            }
            // It waits already, or is leaving: one place is all that an owner has.
            (false, _) => out.tell(Notice::Busy),
            (true, State::Idle) => out.tell(Notice::Released),
            (true, State::Held(name)) if self.count <= 1 => {
                self.leave(name.clone(), Notice::Released, out);
            }
            (true, State::Held(_)) => {
                self.count -= 1;
                out.tell(Notice::Released);
            }
            (true, _) => self.give_up(Notice::Released, out),
        }
    }

    pub(super) fn time_out(&mut self, out: &mut Out) {
        self.give_up_at = None;
        match &self.state {
            State::Held(name) => self.leave(name.clone(), Notice::Released, out),
            _ => self.give_up(Notice::TimedOut, out),
        }
    }

    /// Something that it waits for has changed.
    pub(super) fn woken(&mut self, out: &mut Out) {
        if let State::Waiting(name) = &self.state {
            self.look(name.clone(), out);
        }
    }

    pub(super) fn replied(&mut self, now: Mono, reply: Reply<'_>, out: &mut Out) {
        match core::mem::replace(&mut self.state, State::Idle) {
            State::Making => match reply {
                Ok(Response::Create2 { path, .. }) => self.placed(now, path.clone(), out),
                Err(CONNECTION_LOSS) => {
                    self.state = State::Syncing;
                    out.send(Request::Sync { path: self.folder.clone() });
                }
                other => self.fail(other, out),
            },
            State::Syncing => {
                self.state = State::Finding;
                out.send(children_request(&self.folder, false));
            }
            State::Finding => match reply {
                Ok(response) => match self.find(names_of(response)) {
                    Some(name) => self.placed(now, name, out),
                    None => self.make(out),
                },
                Err(NO_NODE) => self.make(out),
                other => self.fail(other, out),
            },
            State::Looking(name) => match reply {
                Ok(response) => self.judge(now, name, names_of(response), out),
                other => self.fail(other, out),
            },
            State::Watching(name) => match reply {
                Ok(_) if self.leave_with.is_none() => self.state = State::Waiting(name),
                // Who was before it went meanwhile.
                Ok(_) | Err(NO_NODE) => self.look(name, out),
                other => self.fail(other, out),
            },
            State::Leaving(name, notice) => match reply {
                Ok(_) | Err(NO_NODE) => out.tell(notice),
                Err(CONNECTION_LOSS) => self.leave(name, notice, out),
                other => self.fail(other, out),
            },
            // Nothing is under way in these.
            state @ (State::Idle | State::Waiting(_) | State::Held(_)) => self.state = state,
        }
    }

    fn make(&mut self, out: &mut Out) {
        self.state = State::Making;
        let name = below(&self.folder, &[&*self.mine, self.mark.word()].concat());
        out.send(create_request(&name, CreateMode::EphemeralSequential, &self.text));
    }

    fn find(&self, names: &[Arc<str>]) -> Option<Path> {
        let is_mine =
            |name: &&Arc<str>| name.starts_with(&*self.mine) && name.contains(self.mark.word());
        names.iter().find(is_mine).map(|name| below(&self.folder, name))
    }

    fn placed(&mut self, now: Mono, name: Path, out: &mut Out) {
        match (self.mark, self.leave_with.take()) {
            (_, Some(notice)) => self.leave(name, notice, out),
            (Mark::Member, None) => self.hold(now, name, out),
            (_, None) => self.look(name, out),
        }
    }

    fn look(&mut self, name: Path, out: &mut Out) {
        self.state = State::Looking(name);
        // Any of those who hold a lease may be the next to go.
        out.send(children_request(&self.folder, self.mark == Mark::Lease));
    }

    /// Whether it is its turn, and if not, whom it waits for.
    fn judge(&mut self, now: Mono, own: Path, names: &[Arc<str>], out: &mut Out) {
        let Some(number) = number_behind(&own, self.mark.word()) else {
            return self.fail(Err(NO_NODE), out);
        };
        if !names.iter().any(|name| own.ends_with(&**name)) {
            // Somebody else removed it.
            out.tell(Notice::Lost);
            return;
        }
        let ahead = names.iter().filter_map(|name| Some((name, self.blocks(name, number)?)));
        let count = ahead.clone().count();
        let nearest = ahead.max_by_key(|(_, other)| other.wrapping_sub(number));
        let nearest = nearest.map(|(name, _)| below(&self.folder, name));
        if let Some(notice) = self.leave_with.take() {
            self.leave(own, notice, out);
        } else if count < self.limit as usize {
            self.hold(now, own, out);
        } else if self.patience == Patience::Try {
            self.leave(own, Notice::Busy, out);
        } else if self.mark == Mark::Lease {
            self.state = State::Waiting(own);
        } else {
            self.state = State::Watching(own);
            if let Some(nearest) = nearest {
                out.send(exists_request(&nearest));
            }
        }
    }

    /// The number of a znode that must go before the one with this number may hold.
    fn blocks(&self, name: &str, number: i32) -> Option<i32> {
        let words: &[&str] = match self.mark {
            // A writer may read, too.
            Mark::Read if name.starts_with(&*self.mine) => return None,
            Mark::Read => &["write-"],
            Mark::Write => &["read-", "write-"],
            Mark::Lock => &["lock-"],
            Mark::Lease => &["lease-"],
            Mark::Member => return None,
        };
        let other = words.iter().find_map(|word| number_behind(name, word))?;
        is_before(other, number).then_some(other)
    }

    fn hold(&mut self, now: Mono, name: Path, out: &mut Out) {
        self.give_up_at = (self.hold_ms > 0).then(|| now.plus_ms(u64::from(self.hold_ms)));
        self.count = 1;
        let fence = self.number(&name);
        self.state = State::Held(name);
        out.tell(Notice::Held { fence });
    }

    /// Gives the place up, as soon as it is known which that is.
    fn give_up(&mut self, notice: Notice, out: &mut Out) {
        match &self.state {
            State::Waiting(name) => self.leave(name.clone(), notice, out),
            _ => self.leave_with = Some(notice),
        }
    }

    fn leave(&mut self, name: Path, notice: Notice, out: &mut Out) {
        self.give_up_at = None;
        self.count = 0;
        out.send(delete_request(&name));
        self.state = State::Leaving(name, notice);
    }

    fn fail(&mut self, reply: Reply<'_>, out: &mut Out) {
        self.give_up_at = None;
        out.tell(Notice::Failed { code: reply.err().unwrap_or(NO_NODE) });
    }

    fn number(&self, name: &str) -> i64 {
        number_behind(name, self.mark.word()).map_or(0, i64::from)
    }
}
