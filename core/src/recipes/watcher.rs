//! Following a value or a list of children: configuration centre, members of a group, discovery
//! of services.
//!
//! Each read leaves a watch, and each event leads to the next read; so what comes between may be
//! missed, but never the newest. Source: Hunt et al. 2010, section 2.4.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{
    NO_NODE, Notice, Out, Reply, below, children_request, exists_request, names_of, text_of,
};
use crate::types::Path;
use crate::wire::client::{Request, Response};

/// What is followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(super) enum What {
    /// The value of a znode.
    Value,
    /// The names of its children.
    Names,
    /// The values of its children.
    Values,
}

/// One follower.
#[derive(Clone, Debug, Hash)]
pub(super) struct Watcher {
    path: Path,
    what: What,
    state: State,
}

#[derive(Clone, Debug, Hash)]
enum State {
    Idle,
    /// What is it now?
    Reading,
    /// What are the values of those that are left?
    Collecting {
        left: VecDeque<String>,
        found: Vec<String>,
        is_stale: bool,
    },
    /// It is missing; will it still be?
    Missing,
    Waiting,
}

impl Watcher {
    pub(super) fn new(path: Path, what: What) -> Watcher {
        Watcher { path, what, state: State::Idle }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    pub(super) fn ask(&mut self, out: &mut Out) {
        if self.is_idle() {
            self.read(out);
        }
    }

    pub(super) fn woken(&mut self, out: &mut Out) {
        match &mut self.state {
            State::Waiting => self.read(out),
            // Told first, then read again.
            State::Collecting { is_stale, .. } => *is_stale = true,
            State::Idle | State::Reading | State::Missing => {}
        }
    }

    pub(super) fn replied(&mut self, reply: Reply<'_>, out: &mut Out) {
        match (core::mem::replace(&mut self.state, State::Idle), reply) {
            (State::Reading, Ok(Response::Data { data, stat })) => {
                self.state = State::Waiting;
                let (text, version) = (text_of(data.as_ref()), stat.version);
                out.tell(Notice::Value { text, version });
            }
            (State::Reading, Ok(response)) => {
                let mut names: Vec<String> =
                    names_of(response).iter().map(|name| name.to_string()).collect();
                names.sort();
                if self.what == What::Values {
                    self.collect(names.into(), Vec::new(), false, out);
                } else {
                    self.state = State::Waiting;
                    out.tell(Notice::Members { names });
                }
            }
            (State::Reading, Err(NO_NODE)) => {
                self.state = State::Missing;
                out.send(exists_request(&self.path));
            }
            (State::Missing, Ok(_)) => self.read(out),
            (State::Missing, Err(NO_NODE)) => {
                self.state = State::Waiting;
                out.tell(Notice::Absent);
            }
            (State::Collecting { left, mut found, is_stale }, Ok(Response::Data { data, .. })) => {
                found.push(text_of(data.as_ref()));
                self.collect(left, found, is_stale, out);
            }
            // It went meanwhile; the watch tells of it.
            (State::Collecting { left, found, is_stale }, Err(NO_NODE)) => {
                self.collect(left, found, is_stale, out);
            }
            (state @ (State::Idle | State::Waiting), _) => self.state = state,
            (_, Ok(_)) => {}
            (_, Err(code)) => out.tell(Notice::Failed { code }),
        }
    }

    fn read(&mut self, out: &mut Out) {
        self.state = State::Reading;
        out.send(match self.what {
            What::Value => Request::GetData { path: self.path.clone(), watch: true },
            What::Names | What::Values => children_request(&self.path, true),
        });
    }

    fn collect(
        &mut self,
        mut left: VecDeque<String>,
        mut found: Vec<String>,
        is_stale: bool,
        out: &mut Out,
    ) {
        if let Some(name) = left.pop_front() {
            let path = below(&self.path, &name);
            self.state = State::Collecting { left, found, is_stale };
            return out.send(Request::GetData { path, watch: false });
        }
        found.sort();
        self.state = State::Waiting;
        out.tell(Notice::Members { names: found });
        if is_stale {
            self.read(out);
        }
    }
}
