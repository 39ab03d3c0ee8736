//! Recipes: locks, barriers, queues, elections and the like, made of what a client can ask for.
//!
//! Each is a state machine without IO: what its user asks for, replies and watch events in,
//! requests and notices out. [`Recipes`] holds those of one owner and shares out what comes in.
//! A machine has one request under way at a time. Reads that a lost connection leaves without an
//! answer are asked again here; of writes each machine has to find out what became of them. Not
//! here: sessions ([`crate::client`]).
//! Source: ZooKeeper Recipes and Solutions; Hunt et al. 2010, section 2.4.

mod barrier;
mod double_barrier;
mod queue;
mod single;
#[cfg(test)]
mod tests;
mod waiting_line;
mod watcher;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;

use crate::client::{CallError, CallId};
use crate::sorted::SortedMap;
use crate::tree::acl::{ALL, world_anyone};
use crate::tree::path;
use crate::types::{Mono, Path};
use crate::wire::client::{CreateMode, CreateRequest, DeleteRequest, ErrorCode, Request, Response};
use barrier::Barrier;
use double_barrier::DoubleBarrier;
use queue::{Consumer, Producer};
use single::Single;
use waiting_line::{Mark, WaitingLine};
use watcher::Watcher;

macro_rules! verbs {
    ($($(#[$doc:meta])* $verb:ident $name:literal $recipe:ident,)*) => {
        /// What an owner can ask for.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum Verb {
            $($(#[$doc])* $verb,)*
        }

        impl Verb {
            /// Every verb.
            pub const ALL: &'static [Verb] = &[$(Verb::$verb),*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Verb::$verb => $name,)* }
            }

            fn recipe(self) -> Recipe {
                match self { $(Verb::$verb => Recipe::$recipe,)* }
            }
        }
    };
}

verbs! {
    /// Get the lock for which everybody waits at once.
    HerdLock "herd-lock" HerdLock,
    /// Give it back.
    HerdUnlock "herd-unlock" HerdLock,
    /// Get the fair lock, once more if it is held.
    Lock "lock" FairLock,
    /// Give it back as often.
    Unlock "unlock" FairLock,
    /// Get the lock that readers share.
    ReadLock "read-lock" ReadLock,
    /// Give it back.
    ReadUnlock "read-unlock" ReadLock,
    /// Get the same for a writer.
    WriteLock "write-lock" WriteLock,
    /// Give it back.
    WriteUnlock "write-unlock" WriteLock,
    /// Get one of a number of leases.
    Acquire "acquire" Semaphore,
    /// Give it back.
    Release "release" Semaphore,
    /// Wait until a barrier is gone.
    Await "await" Barrier,
    /// Wait until a number of members is there.
    Enter "enter" DoubleBarrier,
    /// Wait until all of them leave.
    Leave "leave" DoubleBarrier,
    /// Put an item into a queue, which may have a capacity.
    Put "put" Producer,
    /// Take the oldest item out of it.
    Take "take" Consumer,
    /// Be master, now or when the others are gone.
    Run "run-for-master" Election,
    /// Be it no longer.
    Resign "resign" Election,
    /// Be told of a value, now and whenever it changes.
    Follow "follow" Configuration,
    /// Be found under a name of one's own, with a value.
    Register "register" Membership,
    /// Be found no longer.
    Unregister "unregister" Membership,
    /// Be told who is registered, now and whenever that changes.
    Members "members" Members,
    /// The same with their values.
    Discover "discover" Discovery,
}

/// Which machine serves a verb.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
enum Recipe {
    HerdLock,
    FairLock,
    ReadLock,
    WriteLock,
    Semaphore,
    Barrier,
    DoubleBarrier,
    Producer,
    Consumer,
    Election,
    Configuration,
    Membership,
    Members,
    Discovery,
}

/// A wish of an owner.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Wish {
    /// What for.
    pub verb: Verb,
    /// The znode that the recipe is about, or the folder of its znodes.
    pub path: Path,
    /// Leases of a semaphore, members of a double barrier, capacity of a queue; 0 for none.
    pub number: u32,
    /// An item, or the value of a registration.
    pub text: String,
    /// How long it waits for a lock.
    pub patience: Patience,
    /// After how many ms it gives a lock back by itself; 0 for never.
    pub hold_ms: u32,
}

/// How long somebody waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Patience {
    /// Until it is there.
    Forever,
    /// Not at all.
    Try,
    /// So many ms.
    Within(u32),
}

impl Patience {
    /// When the wait that begins now is given up, if time decides that.
    fn until(self, now: Mono) -> Option<Mono> {
        match self {
            Patience::Within(ms) => Some(now.plus_ms(u64::from(ms))),
            Patience::Forever | Patience::Try => None,
        }
    }
}

/// What an owner is told.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Notice {
    /// It holds what it asked for. Later holders have greater numbers: whoever guards something
    /// refuses smaller ones than it has seen.
    Held {
        /// The fencing number.
        fence: i64,
    },
    /// Somebody else holds it, and it was not to wait.
    Busy,
    /// It waited long enough.
    TimedOut,
    /// It holds it no longer, or waits no longer.
    Released,
    /// The session is over, and with it all that was held.
    Lost,
    /// The barrier is open.
    Passed,
    /// All have left.
    Left,
    /// The item is in the queue.
    Stored,
    /// The item is its own.
    Taken {
        /// The name of its znode.
        name: String,
        /// The item.
        text: String,
    },
    /// The connection was lost, and nobody can know whether it was done.
    Unknown,
    /// The value.
    Value {
        /// As text.
        text: String,
        /// Its version.
        version: i32,
    },
    /// There is no such znode now.
    Absent,
    /// Who is there, with values if they were asked for.
    Members {
        /// Sorted.
        names: Vec<String>,
    },
    /// It cannot be done.
    Failed {
        /// See [`ErrorCode`].
        code: i32,
    },
}

/// Which machine of an owner.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Key {
    recipe: Recipe,
    path: Path,
}

impl Key {
    /// The path that its owner asked about.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What the recipes of an owner want done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Submit this to the session, and say by [`Recipes::sent`] under which name.
    Send(Key, Request),
    /// Tell the owner.
    Tell(Key, Notice),
}

/// What one machine wants done.
#[derive(Debug, Default)]
struct Out {
    requests: Vec<Request>,
    notices: Vec<Notice>,
}

impl Out {
    fn send(&mut self, request: Request) {
        self.requests.push(request);
    }

    fn tell(&mut self, notice: Notice) {
        self.notices.push(notice);
    }
}

/// A reply as machines see it.
type Reply<'a> = Result<&'a Response, i32>;

/// The state of one recipe.
#[derive(Clone, Debug, Hash)]
enum Machine {
    Line(WaitingLine),
    Single(Single),
    Barrier(Barrier),
    DoubleBarrier(DoubleBarrier),
    Producer(Producer),
    Consumer(Consumer),
    Watcher(Watcher),
}

/// A request that is under way, or a watch that it set.
#[derive(Clone, Debug, Hash)]
struct Sent {
    key: Key,
    request: Request,
    /// What waits for the folder that this request makes.
    then: Option<Request>,
}

/// The recipes of one owner: a process, or a thread of one.
#[derive(Clone, Debug, Hash)]
pub struct Recipes {
    owner: u64,
    machines: SortedMap<Key, Machine>,
    sent: SortedMap<CallId, Sent>,
    /// What was handed out and has no name yet, oldest first.
    unnamed: Vec<Sent>,
}

impl Recipes {
    /// None yet. The number is the owner's in the names of its znodes: no other owner has it.
    pub fn new(owner: u64) -> Recipes {
        Recipes { owner, machines: SortedMap::new(), sent: SortedMap::new(), unnamed: Vec::new() }
    }

    /// The owner asks for something.
    pub fn ask(&mut self, now: Mono, ask: &Wish) -> Vec<Action> {
        let key = Key { recipe: ask.verb.recipe(), path: ask.path.clone() };
        let owner = self.owner;
        let machine = self.machines.entry(key.clone()).or_insert_with(|| make(&key, owner));
        let mut out = Out::default();
        match machine {
            Machine::Line(line) => line.ask(now, ask, &mut out),
            Machine::Single(single) => single.ask(now, ask, &mut out),
            Machine::Barrier(barrier) => barrier.ask(&mut out),
            Machine::DoubleBarrier(barrier) => barrier.ask(ask, &mut out),
            Machine::Producer(producer) => producer.ask(ask, &mut out),
            Machine::Consumer(consumer) => consumer.ask(&mut out),
            Machine::Watcher(watcher) => watcher.ask(&mut out),
        }
        self.hand_out(key, out)
    }

    /// The oldest request that was handed out is submitted under this name.
    pub fn sent(&mut self, call: CallId) {
        if !self.unnamed.is_empty() {
            self.sent.insert(call, self.unnamed.remove(0));
        }
    }

    /// A request is answered; of others than its own nothing comes.
    pub fn replied(
        &mut self,
        now: Mono,
        call: CallId,
        result: &Result<Response, CallError>,
    ) -> Vec<Action> {
        let Some(sent) = self.sent.get(&call).cloned() else { return Vec::new() };
        if !sets_watch(&sent.request, result) {
            self.sent.remove(&call);
        }
        let reply = match result {
            Ok(response) => Ok(response),
            Err(CallError::Refused { code }) => Err(*code),
            Err(CallError::ConnectionLoss) => Err(CONNECTION_LOSS),
            // What ends a session is told to all at once.
            Err(CallError::SessionExpired | CallError::Closed | CallError::AuthFailed) => {
                return Vec::new();
            }
            Err(_) => Err(ErrorCode::SystemError.to_wire()),
        };
        if reply == Err(CONNECTION_LOSS) && !sent.request.op().is_write() {
            return self.hand_over(sent);
        }
        if let Some(then) = sent.then.clone()
            && matches!(reply, Ok(_) | Err(NODE_EXISTS | CONNECTION_LOSS))
        {
            // Whoever made the folder, whether it is there shows now.
            return self.hand_over(Sent { key: sent.key, request: then, then: None });
        }
        if let (Request::Create2(create), Err(code)) = (&sent.request, reply)
            && code == NO_NODE
            && sent.then.is_none()
            && let Some((folder, _)) = path::split(&create.path).filter(|(at, _)| !at.is_empty())
        {
            let request = create_request(folder, CreateMode::Persistent, "");
            let then = Some(sent.request);
            return self.hand_over(Sent { key: sent.key, request, then });
        }
        let mut out = Out::default();
        match self.machines.get_mut(&sent.key) {
            Some(Machine::Line(line)) => line.replied(now, reply, &mut out),
            Some(Machine::Single(single)) => single.replied(now, reply, &mut out),
            Some(Machine::Barrier(barrier)) => barrier.replied(reply, &mut out),
            Some(Machine::DoubleBarrier(barrier)) => barrier.replied(reply, &mut out),
            Some(Machine::Producer(producer)) => producer.replied(reply, &mut out),
            Some(Machine::Consumer(consumer)) => consumer.replied(reply, &mut out),
            Some(Machine::Watcher(watcher)) => watcher.replied(reply, &mut out),
            None => {}
        }
        self.hand_out(sent.key, out)
    }

    /// Watches fired that these calls set.
    pub fn fired(&mut self, calls: &[CallId]) -> Vec<Action> {
        let mut actions = Vec::new();
        for call in calls {
            let Some(Sent { key, .. }) = self.sent.remove(call) else { continue };
            let mut out = Out::default();
            match self.machines.get_mut(&key) {
                Some(Machine::Line(line)) => line.woken(&mut out),
                Some(Machine::Single(single)) => single.woken(&mut out),
                Some(Machine::Barrier(barrier)) => barrier.woken(&mut out),
                Some(Machine::DoubleBarrier(barrier)) => barrier.woken(&mut out),
                Some(Machine::Producer(producer)) => producer.woken(&mut out),
                Some(Machine::Consumer(consumer)) => consumer.woken(&mut out),
                Some(Machine::Watcher(watcher)) => watcher.woken(&mut out),
                None => {}
            }
            actions.extend(self.hand_out(key, out));
        }
        actions
    }

    /// The session is over: everything that was held or waited for is lost.
    pub fn over(&mut self) -> Vec<Action> {
        self.sent.clear();
        self.unnamed.clear();
        let lost = core::mem::take(&mut self.machines);
        let busy = lost.into_iter().filter(|(_, machine)| !is_idle(machine));
        busy.map(|(key, _)| Action::Tell(key, Notice::Lost)).collect()
    }

    /// When somebody has waited, or held something, for long enough.
    pub fn deadline(&self) -> Option<Mono> {
        let deadlines = self.machines.values().filter_map(|machine| match machine {
            Machine::Line(line) => line.deadline(),
            Machine::Single(single) => single.deadline(),
            _ => None,
        });
        deadlines.min()
    }

    /// The deadline has come.
    pub fn tick(&mut self, now: Mono) -> Vec<Action> {
        let mut outs = Vec::new();
        for (key, machine) in &mut self.machines {
            let mut out = Out::default();
            match machine {
                Machine::Line(line) if line.deadline().is_some_and(|due| due <= now) => {
                    line.time_out(&mut out);
                }
                Machine::Single(single) if single.deadline().is_some_and(|due| due <= now) => {
                    single.time_out(&mut out);
                }
                _ => continue,
            }
            outs.push((key.clone(), out));
        }
        outs.into_iter().flat_map(|(key, out)| self.hand_out(key, out)).collect()
    }

    fn hand_out(&mut self, key: Key, out: Out) -> Vec<Action> {
        let mut actions = Vec::new();
        for request in out.requests {
            let sent = Sent { key: key.clone(), request, then: None };
            actions.extend(self.hand_over(sent));
        }
        actions.extend(out.notices.into_iter().map(|notice| Action::Tell(key.clone(), notice)));
        actions
    }

    fn hand_over(&mut self, sent: Sent) -> Vec<Action> {
        let action = Action::Send(sent.key.clone(), sent.request.clone());
        self.unnamed.push(sent);
        vec![action]
    }
}

fn make(key: &Key, owner: u64) -> Machine {
    let line = |mark| Machine::Line(WaitingLine::new(key.path.clone(), mark, owner));
    let watcher = |what| Machine::Watcher(Watcher::new(key.path.clone(), what));
    match key.recipe {
        Recipe::FairLock => line(Mark::Lock),
        Recipe::ReadLock => line(Mark::Read),
        Recipe::WriteLock => line(Mark::Write),
        Recipe::Semaphore => line(Mark::Lease),
        Recipe::Membership => line(Mark::Member),
        Recipe::HerdLock | Recipe::Election => {
            Machine::Single(Single::new(key.path.clone(), owner))
        }
        Recipe::Barrier => Machine::Barrier(Barrier::new(key.path.clone())),
        Recipe::DoubleBarrier => {
            Machine::DoubleBarrier(DoubleBarrier::new(key.path.clone(), owner))
        }
        Recipe::Producer => Machine::Producer(Producer::new(key.path.clone(), owner)),
        Recipe::Consumer => Machine::Consumer(Consumer::new(key.path.clone())),
        Recipe::Configuration => watcher(watcher::What::Value),
        Recipe::Members => watcher(watcher::What::Names),
        Recipe::Discovery => watcher(watcher::What::Values),
    }
}

fn is_idle(machine: &Machine) -> bool {
    match machine {
        Machine::Line(line) => line.is_idle(),
        Machine::Single(single) => single.is_idle(),
        Machine::Barrier(barrier) => barrier.is_idle(),
        Machine::DoubleBarrier(barrier) => barrier.is_idle(),
        Machine::Producer(producer) => producer.is_idle(),
        Machine::Consumer(consumer) => consumer.is_idle(),
        Machine::Watcher(watcher) => watcher.is_idle(),
    }
}

/// Whether a request that is answered so may still fire a watch.
fn sets_watch(request: &Request, result: &Result<Response, CallError>) -> bool {
    let missing = Err(CallError::Refused { code: ErrorCode::NoNode.to_wire() });
    match request {
        Request::Exists { watch: true, .. } => result.is_ok() || *result == missing,
        Request::GetData { watch: true, .. } | Request::GetChildren2 { watch: true, .. } => {
            result.is_ok()
        }
        _ => false,
    }
}

const NO_NODE: i32 = ErrorCode::NoNode.to_wire();
const NODE_EXISTS: i32 = ErrorCode::NodeExists.to_wire();
const CONNECTION_LOSS: i32 = ErrorCode::ConnectionLoss.to_wire();

fn create_request(path: &str, mode: CreateMode, text: &str) -> Request {
    Request::Create2(CreateRequest {
        path: path.into(),
        data: Some(Bytes::copy_from_slice(text.as_bytes())),
        acl: vec![world_anyone(ALL)],
        flags: mode.to_wire(),
    })
}

fn delete_request(path: &str) -> Request {
    Request::Delete(DeleteRequest { path: path.into(), version: -1 })
}

fn exists_request(path: &str) -> Request {
    Request::Exists { path: path.into(), watch: true }
}

fn children_request(path: &Path, watch: bool) -> Request {
    Request::GetChildren2 { path: path.clone(), watch }
}

fn below(folder: &str, name: &str) -> Path {
    let folder = if folder == path::ROOT { "" } else { folder };
    format!("{folder}/{name}").into()
}

/// The names in a reply to getChildren.
fn names_of(response: &Response) -> &[Arc<str>] {
    match response {
        Response::Children2 { children, .. } | Response::Children(children) => children,
        _ => &[],
    }
}

/// The number at the end of a sequential name, behind the last of this part.
fn number_behind(name: &str, part: &str) -> Option<i32> {
    let at = name.rfind(part)? + part.len();
    name.get(at..)?.parse().ok()
}

/// Whether a sequential number was given out before another. They begin again at the negative
/// end, and never are half of them in use.
fn is_before(number: i32, other: i32) -> bool {
    number.wrapping_sub(other) < 0
}

fn text_of(data: Option<&Bytes>) -> String {
    String::from_utf8_lossy(data.map_or(&[], |data| data)).into_owned()
}
