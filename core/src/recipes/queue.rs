//! A queue of sequential znodes, with or without a capacity.
//!
//! Of several consumers that see an item, the one whose delete succeeds has it. A capacity holds
//! because counting and adding are one multi, which fails if another item was added in between.
//! If a connection is lost in the middle, an item is neither put twice nor taken twice; then its
//! owner may be told that nobody can know. Source: ZooKeeper Recipes and Solutions, queues.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;

use super::{
    CONNECTION_LOSS, NO_NODE, Notice, Out, Reply, Wish, below, children_request, create_request,
    delete_request, is_before, names_of, number_behind, text_of,
};
use crate::types::Path;
use crate::wire::client::{
    CheckVersionRequest, CreateMode, ErrorCode, MultiOp, MultiResult, Request, Response,
    SetDataRequest,
};

const ITEM: &str = "item-";

/// Who puts items in.
#[derive(Clone, Debug, Hash)]
pub(super) struct Producer {
    folder: Path,
    owner: u64,
    /// How many items it has begun to put, for their names.
    begun: u64,
    /// What is still to be put, the first one under way, each with the queue's capacity or 0.
    items: VecDeque<(String, u32)>,
    state: ProducerState,
}

#[derive(Clone, Debug, Hash)]
enum ProducerState {
    Idle,
    /// How many items are there?
    Counting,
    Adding,
    /// The connection was lost meanwhile: the server is to be up to date.
    Syncing,
    /// Is the item there?
    Finding,
    /// The queue is full.
    Waiting,
    /// The folder is being made.
    Founding,
}

impl Producer {
    pub(super) fn new(folder: Path, owner: u64) -> Producer {
        let (items, state) = (VecDeque::new(), ProducerState::Idle);
        Producer { folder, owner, begun: 0, items, state }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, ProducerState::Idle)
    }

    pub(super) fn ask(&mut self, ask: &Wish, out: &mut Out) {
        self.items.push_back((ask.text.clone(), ask.number));
        if self.is_idle() {
            self.next(out);
        }
    }

    pub(super) fn woken(&mut self, out: &mut Out) {
        if matches!(self.state, ProducerState::Waiting) {
            self.count(out);
        }
    }

    pub(super) fn replied(&mut self, reply: Reply<'_>, out: &mut Out) {
        match (core::mem::replace(&mut self.state, ProducerState::Idle), reply) {
            (ProducerState::Counting, Ok(Response::Children2 { children, stat })) => {
                // The version of the folder's data counts the items that were added.
                let capacity = self.items.front().map_or(0, |(_, capacity)| *capacity);
                if children.len() < capacity as usize {
                    self.add(Some(stat.version), out);
                } else {
                    self.state = ProducerState::Waiting;
                }
            }
            (ProducerState::Counting, Err(NO_NODE)) => {
                self.state = ProducerState::Founding;
                out.send(create_request(&self.folder, CreateMode::Persistent, ""));
            }
            (ProducerState::Founding, _) => self.count(out),
            (ProducerState::Adding, Ok(Response::Multi(results))) => {
                let error = results.iter().find_map(|result| match result {
                    MultiResult::Error(code) if *code != ErrorCode::Ok.to_wire() => Some(*code),
                    _ => None,
                });
                match error {
                    None => self.done(Notice::Stored, out),
                    Some(code) if code == ErrorCode::BadVersion.to_wire() => self.count(out),
                    Some(code) => self.done(Notice::Failed { code }, out),
                }
            }
            (ProducerState::Adding, Ok(_)) => self.done(Notice::Stored, out),
            (ProducerState::Adding, Err(CONNECTION_LOSS)) => {
                self.state = ProducerState::Syncing;
                out.send(Request::Sync { path: self.folder.clone() });
            }
            (ProducerState::Syncing, _) => {
                self.state = ProducerState::Finding;
                out.send(children_request(&self.folder, false));
            }
            (ProducerState::Finding, Ok(response)) => {
                let name = self.name();
                let is_there = names_of(response).iter().any(|child| child.starts_with(&name));
                // If it is not, it was not put, or somebody has taken it.
                self.done(if is_there { Notice::Stored } else { Notice::Unknown }, out);
            }
            (state @ (ProducerState::Idle | ProducerState::Waiting), _) => self.state = state,
            (_, Ok(_)) => {}
            (_, Err(code)) => self.done(Notice::Failed { code }, out),
        }
    }

    fn next(&mut self, out: &mut Out) {
        let Some((_, capacity)) = self.items.front() else { return };
        let is_bounded = *capacity > 0;
        self.begun += 1;
        if is_bounded { self.count(out) } else { self.add(None, out) }
    }

    fn done(&mut self, notice: Notice, out: &mut Out) {
        self.items.pop_front();
        out.tell(notice);
        self.next(out);
    }

    fn count(&mut self, out: &mut Out) {
        self.state = ProducerState::Counting;
        out.send(children_request(&self.folder, true));
    }

    fn name(&self) -> String {
        format!("_c_{:016x}-{}-{ITEM}", self.owner, self.begun)
    }

    /// Adds the item; to a bounded queue only if its version is this one.
    fn add(&mut self, version: Option<i32>, out: &mut Out) {
        let text = self.items.front().map_or("", |(text, _)| text);
        let path = below(&self.folder, &self.name());
        let create = create_request(&path, CreateMode::PersistentSequential, text);
        self.state = ProducerState::Adding;
        let (Some(version), Request::Create2(create)) = (version, &create) else {
            return out.send(create);
        };
        let path = || self.folder.clone();
        out.send(Request::Multi(vec![
            MultiOp::Check(CheckVersionRequest { path: path(), version }),
            MultiOp::SetData(SetDataRequest { path: path(), data: Some(Bytes::new()), version }),
            MultiOp::Create(create.clone()),
        ]));
    }
}

/// Who takes items out.
#[derive(Clone, Debug, Hash)]
pub(super) struct Consumer {
    folder: Path,
    /// How many more it is to take.
    wanted: u32,
    state: ConsumerState,
}

#[derive(Clone, Debug, Hash)]
enum ConsumerState {
    Idle,
    Listing,
    Reading {
        name: String,
        later: Vec<String>,
    },
    Deleting {
        name: String,
        text: String,
        later: Vec<String>,
    },
    /// The connection was lost meanwhile: the server is to be up to date.
    Syncing {
        name: String,
        text: String,
    },
    /// Is the item still there?
    Finding {
        name: String,
        text: String,
    },
    Waiting,
    /// The folder is being made.
    Founding,
}

impl Consumer {
    pub(super) fn new(folder: Path) -> Consumer {
        Consumer { folder, wanted: 0, state: ConsumerState::Idle }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, ConsumerState::Idle)
    }

    pub(super) fn ask(&mut self, out: &mut Out) {
        self.wanted += 1;
        if self.is_idle() {
            self.list(out);
        }
    }

    pub(super) fn woken(&mut self, out: &mut Out) {
        if matches!(self.state, ConsumerState::Waiting) {
            self.list(out);
        }
    }

    pub(super) fn replied(&mut self, reply: Reply<'_>, out: &mut Out) {
        match (core::mem::replace(&mut self.state, ConsumerState::Idle), reply) {
            (ConsumerState::Listing, Ok(response)) => {
                self.try_each(sorted(names_of(response)), out)
            }
            (ConsumerState::Listing, Err(NO_NODE)) => {
                self.state = ConsumerState::Founding;
                out.send(create_request(&self.folder, CreateMode::Persistent, ""));
            }
            (ConsumerState::Founding, _) => self.list(out),
            (ConsumerState::Reading { name, later }, Ok(Response::Data { data, .. })) => {
                let text = text_of(data.as_ref());
                self.delete(name, text, later, out);
            }
            // Somebody else was faster.
            (ConsumerState::Reading { later, .. }, Err(NO_NODE))
            | (ConsumerState::Deleting { later, .. }, Err(NO_NODE)) => self.try_next(later, out),
            (ConsumerState::Deleting { name, text, .. }, Ok(_)) => {
                self.done(Notice::Taken { name, text }, out);
            }
            (ConsumerState::Deleting { name, text, .. }, Err(CONNECTION_LOSS)) => {
                self.state = ConsumerState::Syncing { name, text };
                out.send(Request::Sync { path: self.folder.clone() });
            }
            (ConsumerState::Syncing { name, text }, _) => {
                let path = below(&self.folder, &name);
                self.state = ConsumerState::Finding { name, text };
                out.send(Request::GetData { path, watch: false });
            }
            (ConsumerState::Finding { name, text }, Ok(_)) => {
                self.delete(name, text, Vec::new(), out);
            }
            // Nobody can know who took it.
            (ConsumerState::Finding { .. }, Err(NO_NODE)) => self.done(Notice::Unknown, out),
            (state @ (ConsumerState::Idle | ConsumerState::Waiting), _) => self.state = state,
            (_, Ok(_)) => {}
            (_, Err(code)) => self.done(Notice::Failed { code }, out),
        }
    }

    fn list(&mut self, out: &mut Out) {
        self.state = ConsumerState::Listing;
        out.send(children_request(&self.folder, true));
    }

    fn try_each(&mut self, names: Vec<String>, out: &mut Out) {
        if names.is_empty() {
            self.state = ConsumerState::Waiting;
        } else {
            self.try_next(names, out);
        }
    }

    /// Tries the next item, the last of the list; if none is left, what there is now.
    fn try_next(&mut self, mut names: Vec<String>, out: &mut Out) {
        let Some(name) = names.pop() else { return self.list(out) };
        let path = below(&self.folder, &name);
        self.state = ConsumerState::Reading { name, later: names };
        out.send(Request::GetData { path, watch: false });
    }

    fn delete(&mut self, name: String, text: String, later: Vec<String>, out: &mut Out) {
        out.send(delete_request(&below(&self.folder, &name)));
        self.state = ConsumerState::Deleting { name, text, later };
    }

    fn done(&mut self, notice: Notice, out: &mut Out) {
        self.wanted -= 1;
        out.tell(notice);
        if self.wanted > 0 {
            self.list(out);
        }
    }
}

/// The items, the oldest last.
fn sorted(names: &[Arc<str>]) -> Vec<String> {
    let numbered = |name: &Arc<str>| Some((number_behind(name, ITEM)?, name.to_string()));
    let mut items: Vec<(i32, String)> = names.iter().filter_map(numbered).collect();
    items.sort_by(|(a, _), (b, _)| match (is_before(*a, *b), a == b) {
        (_, true) => core::cmp::Ordering::Equal,
        (true, _) => core::cmp::Ordering::Greater,
        (false, _) => core::cmp::Ordering::Less,
    });
    items.into_iter().map(|(_, name)| name).collect()
}
