//! What a predicate says of a world at a moment.
//!
//! Types were checked when it was read. Not here: when it is asked (see [`super::run`]).

use std::fmt;

use zablab_core::client::{SessionState, acl_text};
use zablab_core::paxos::{Ballot, PaxosView, Proposal, Reading};
use zablab_core::process::Process;
use zablab_core::sorted::SortedMap;
use zablab_core::trace::{Phase, Role};
use zablab_core::tree::Database;
use zablab_core::types::{Epoch, ServerId, SessionId, Zxid};
use zablab_core::view::ServerView;
use zablab_core::wire::client::Response;

use super::ast::{Call, Comparison, Pattern, Predicate, ServerArg, Sids, Term};
use super::events::{Row, result_word};
use super::given::members;
use super::vocabulary::{ClientFn, NodeFn, PaxosFn, ServerFn, same_word};
use crate::client::Outcome;
use crate::paxos;
use crate::step::ClientId;
use crate::world::World;

/// The value of a term.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// There is none.
    None,
    /// Yes or no.
    Bool(bool),
    /// A number.
    Int(i128),
    /// A text.
    Str(String),
    /// A name of the protocol.
    Word(String),
    /// A zxid.
    Zxid(Zxid),
    /// A vote.
    Vote {
        /// For whom.
        leader: i128,
        /// The candidate's last zxid.
        zxid: Zxid,
    },
    /// A number of Paxos.
    Ballot(Ballot),
    /// A proposal of Paxos.
    Proposal(Proposal),
}

impl Value {
    /// True if the literal means this value.
    pub fn is(&self, literal: &Term) -> bool {
        match (self, literal) {
            (Value::None, Term::None) => true,
            (Value::Int(n), Term::Int(literal)) => n == literal,
            (Value::Str(text), Term::Str(literal)) => text == literal,
            (Value::Bool(is), Term::Word(literal)) => same_word(&is.to_string(), literal),
            (Value::Word(word) | Value::Str(word), Term::Word(literal)) => same_word(word, literal),
            (Value::Zxid(zxid), Term::Pair(..)) => zxid_literal(literal) == Some(*zxid),
            (Value::Vote { leader, zxid }, Term::Pair(candidate, counter)) => {
                leader == candidate && i128::from(zxid.counter()) == *counter
            }
            (Value::Vote { leader, zxid }, Term::Vote(candidate, epoch, counter)) => {
                leader == candidate && *zxid == Zxid::new(Epoch(*epoch), *counter)
            }
            (Value::Ballot(ballot), Term::Int(round)) => i128::from(ballot.round) == *round,
            (Value::Ballot(ballot), Term::Pair(round, proposer)) => {
                let number = (i128::from(ballot.round), i128::from(ballot.proposer.0));
                number == (*round, *proposer)
            }
            (Value::Proposal(proposal), Term::Proposal(round, value)) => {
                i128::from(proposal.ballot.round) == *round && *proposal.value == **value
            }
            _ => false,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("none"),
            Value::Bool(is) => write!(f, "{is}"),
            Value::Int(n) => write!(f, "{n}"),
            Value::Str(text) if is_name(text) => f.write_str(text),
            Value::Str(text) => write!(f, "{text:?}"),
            Value::Word(word) => f.write_str(word),
            Value::Zxid(zxid) => write!(f, "{zxid:?}"),
            Value::Vote { leader, zxid } => write!(f, "({leader},{zxid:?})"),
            Value::Ballot(ballot) => {
                write!(f, "({},{})", ballot.round, paxos::called(ballot.proposer))
            }
            Value::Proposal(proposal) => {
                write!(f, "({},{:?})", proposal.ballot.round, proposal.value)
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric())
}

fn zxid_literal(literal: &Term) -> Option<Zxid> {
    let Term::Pair(epoch, counter) = literal else { return None };
    Some(Zxid::new(Epoch(u32::try_from(*epoch).ok()?), u32::try_from(*counter).ok()?))
}

/// What predicates are asked about.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The world now.
    pub world: &'a World,
    /// Every event so far.
    pub rows: &'a [Row],
    /// How many events there were at each mark.
    pub marks: &'a SortedMap<String, usize>,
    /// Clients by their names.
    pub clients: &'a SortedMap<String, ClientId>,
}

impl Scene<'_> {
    /// True if the predicate holds.
    pub fn holds(&self, predicate: &Predicate) -> bool {
        Bound { scene: self, variables: Vec::new() }.holds(predicate)
    }

    /// The value of a term.
    pub fn value(&self, term: &Term) -> Value {
        Bound { scene: self, variables: Vec::new() }.value(term)
    }

    /// The functions in a predicate with their values, for a message to people.
    pub fn explain(&self, predicate: &Predicate) -> Vec<String> {
        let mut lines = Vec::new();
        Bound { scene: self, variables: Vec::new() }.explain(predicate, &mut lines);
        lines
    }

    /// How many events since its mark a pattern means.
    pub fn count(&self, pattern: &Pattern) -> usize {
        Bound { scene: self, variables: Vec::new() }.count(pattern)
    }
}

/// A scene and the variables of `all` and `any`, innermost last.
struct Bound<'a> {
    scene: &'a Scene<'a>,
    variables: Vec<(String, ServerId)>,
}

impl Bound<'_> {
    fn holds(&mut self, predicate: &Predicate) -> bool {
        match predicate {
            Predicate::Or(parts) => parts.iter().any(|part| self.holds(part)),
            Predicate::And(parts) => parts.iter().all(|part| self.holds(part)),
            Predicate::Not(inner) => !self.holds(inner),
            Predicate::Each { all, variable, set, body } => {
                let servers = servers_of(self.scene.world, set);
                let mut each = |sid| {
                    self.variables.push((variable.clone(), sid));
                    let holds = self.holds(body);
                    self.variables.pop();
                    holds
                };
                match all {
                    true => servers.into_iter().all(&mut each),
                    false => servers.into_iter().any(&mut each),
                }
            }
            Predicate::Truth(call) => self.call(call) == Value::Bool(true),
            Predicate::Compare(left, comparison, right) => self.compare(left, *comparison, right),
        }
    }

    fn compare(&self, left: &Term, comparison: Comparison, right: &Term) -> bool {
        match comparison {
            Comparison::Equal => self.equal(left, right),
            Comparison::NotEqual => !self.equal(left, right),
            Comparison::Less => self.order(left, right).is_some_and(|o| o.is_lt()),
            Comparison::LessEqual => self.order(left, right).is_some_and(|o| o.is_le()),
            Comparison::Greater => self.order(left, right).is_some_and(|o| o.is_gt()),
            Comparison::GreaterEqual => self.order(left, right).is_some_and(|o| o.is_ge()),
        }
    }

    fn equal(&self, left: &Term, right: &Term) -> bool {
        match (is_literal(left), is_literal(right)) {
            (true, _) => self.value(right).is(left),
            (false, true) => self.value(left).is(right),
            (false, false) => self.value(left) == self.value(right),
        }
    }

    fn order(&self, left: &Term, right: &Term) -> Option<std::cmp::Ordering> {
        match (self.value(left), self.value(right)) {
            (Value::Int(left), Value::Int(right)) => Some(left.cmp(&right)),
            (Value::Zxid(left), Value::Zxid(right)) => Some(left.cmp(&right)),
            _ => None,
        }
    }

    fn value(&self, term: &Term) -> Value {
        match term {
            Term::None => Value::None,
            Term::Int(n) => Value::Int(*n),
            Term::Str(text) => Value::Str(text.clone()),
            Term::Word(word) => Value::Word(word.clone()),
            Term::Pair(..) => zxid_literal(term).map_or(Value::None, Value::Zxid),
            Term::Vote(leader, epoch, counter) => {
                Value::Vote { leader: *leader, zxid: Zxid::new(Epoch(*epoch), *counter) }
            }
            // Only ever compared, never computed with.
            Term::Proposal(..) => Value::None,
            Term::Variable(name) => {
                self.variable(name).map_or(Value::None, |sid| Value::Int(i128::from(sid.0)))
            }
            Term::Call(call) => self.call(call),
        }
    }

    fn variable(&self, name: &str) -> Option<ServerId> {
        let bound = self.variables.iter().rev().find(|(variable, _)| variable == name);
        bound.map(|(_, sid)| *sid)
    }

    fn call(&self, call: &Call) -> Value {
        match call {
            Call::Server(function, server) => self.of_server(*function, self.server(server)),
            Call::Node(function, server, path) => {
                self.of_node(*function, self.server(server), path)
            }
            Call::Client(function, client) => self.of_client(*function, client),
            Call::TreesEqual(servers) => Value::Bool(self.trees_equal(servers)),
            Call::Count(pattern) => Value::Int(self.count(pattern) as i128),
            Call::Time => Value::Int(i128::from(self.scene.world.now().as_ms())),
            Call::Paxos(function, process) => {
                let view = self.scene.world.paxos(self.server(process));
                view.map_or(Value::None, |view| of_paxos(*function, view))
            }
            Call::Chosen => text(self.scene.world.checker().chosen()),
            Call::Broken(id) => {
                let mut broken = self.scene.world.violations().iter();
                Value::Bool(broken.any(|violation| violation.invariant.id() == id))
            }
            Call::Steps => Value::Int(i128::from(self.scene.world.steps())),
        }
    }

    fn server(&self, server: &ServerArg) -> ServerId {
        match server {
            ServerArg::Sid(sid) => *sid,
            // The parser refuses variables that nothing binds.
            ServerArg::Variable(name) => self.variable(name).unwrap_or_default(),
        }
    }

    fn of_server(&self, function: ServerFn, sid: ServerId) -> Value {
        if function == ServerFn::Config {
            let process = self.scene.world.node(sid).and_then(|node| node.process());
            let ensemble = process.and_then(|process| process.config().ensemble.as_ref());
            return ensemble.map_or(Value::None, |ensemble| Value::Zxid(Zxid(ensemble.version)));
        }
        match (function, self.scene.world.view(sid)) {
            (_, Some(view)) => of_view(function, &view),
            (ServerFn::Up | ServerFn::Leads | ServerFn::Serving | ServerFn::ReadOnly, None) => {
                Value::Bool(false)
            }
            (ServerFn::Role, None) => Value::Word("DOWN".to_owned()),
            (_, None) => Value::None,
        }
    }

    fn database(&self, sid: ServerId) -> Option<&Database> {
        Some(self.scene.world.node(sid)?.process()?.database())
    }

    fn of_node(&self, function: NodeFn, sid: ServerId, path: &str) -> Value {
        let node = self.database(sid).and_then(|database| database.tree.get(path));
        let Some(node) = node else {
            return if function == NodeFn::Exists { Value::Bool(false) } else { Value::None };
        };
        match function {
            NodeFn::Exists => Value::Bool(true),
            NodeFn::Data => node.data.as_deref().map_or(Value::None, text_of),
            NodeFn::Version => Value::Int(i128::from(node.version)),
            NodeFn::Children => Value::Int(i128::from(node.children)),
            NodeFn::Czxid => Value::Zxid(node.czxid),
            NodeFn::Mzxid => Value::Zxid(node.mzxid),
            NodeFn::Pzxid => Value::Zxid(node.pzxid),
            NodeFn::Ctime => Value::Int(i128::from(node.ctime.0)),
            NodeFn::Mtime => Value::Int(i128::from(node.mtime.0)),
            NodeFn::Cversion => Value::Int(i128::from(node.stat().cversion)),
            NodeFn::Aversion => Value::Int(i128::from(node.aversion)),
            NodeFn::EphemeralOwner => {
                Value::Int(i128::from(node.stat().ephemeral_owner.0.cast_unsigned()))
            }
            NodeFn::DataLength => Value::Int(i128::from(node.stat().data_length)),
        }
    }

    fn of_client(&self, function: ClientFn, name: &str) -> Value {
        let client = self.scene.clients.get(name).and_then(|id| self.scene.world.client(*id));
        let Some(client) = client else {
            return match function {
                ClientFn::State => Value::Word("DISCONNECTED".to_owned()),
                ClientFn::Pending | ClientFn::Oks => Value::Int(0),
                ClientFn::Result
                | ClientFn::Value
                | ClientFn::ResultZxid
                | ClientFn::Created
                | ClientFn::Names
                | ClientFn::Timeout => Value::None,
            };
        };
        let outcome_of =
            |call: &'_ crate::client::Call| call.returned.clone().map(|(_, done)| done);
        let mut done = client.history().iter().rev().filter_map(outcome_of);
        match function {
            ClientFn::State => Value::Word(state_word(client.state()).to_owned()),
            ClientFn::Result => done.next().map_or(Value::None, |last| result_word(last.code())),
            ClientFn::Value => done.find_map(|outcome| data_of(&outcome)).unwrap_or(Value::None),
            ClientFn::Pending => Value::Int(client.pending() as i128),
            ClientFn::Oks => Value::Int(done.filter(|outcome| outcome.code() == 0).count() as i128),
            ClientFn::ResultZxid => {
                done.find_map(|outcome| outcome.zxid).map_or(Value::None, Value::Zxid)
            }
            ClientFn::Created => done.find_map(|done| created_of(&done)).unwrap_or(Value::None),
            ClientFn::Names => done.find_map(|done| names_of(&done)).unwrap_or(Value::None),
            ClientFn::Timeout => match client.session().map(Process::view) {
                Some(view) if view.session != SessionId(0) => {
                    Value::Int(i128::from(view.timeout_ms))
                }
                Some(_) | None => Value::None,
            },
        }
    }

    fn trees_equal(&self, servers: &[ServerArg]) -> bool {
        let mut states = servers.iter().map(|server| self.database(self.server(server)));
        let Some(Some(first)) = states.next() else { return false };
        states.all(|state| {
            state.is_some_and(|s| s.tree == first.tree && s.sessions == first.sessions)
        })
    }

    fn count(&self, pattern: &Pattern) -> usize {
        let since = pattern.since.as_ref().and_then(|mark| self.scene.marks.get(mark));
        let rows = self.scene.rows.get(since.copied().unwrap_or(0)..).unwrap_or(&[]);
        let bound = |term: &Term| match term {
            Term::Variable(_) => Some(self.value(term)),
            _ => None,
        };
        rows.iter().filter(|row| row.matches(pattern, &bound)).count()
    }

    fn explain(&mut self, predicate: &Predicate, lines: &mut Vec<String>) {
        match predicate {
            Predicate::Or(parts) | Predicate::And(parts) => {
                parts.iter().for_each(|part| self.explain(part, lines));
            }
            Predicate::Not(inner) => self.explain(inner, lines),
            Predicate::Each { variable, set, body, .. } => {
                for sid in servers_of(self.scene.world, set) {
                    lines.push(format!("{variable} = {sid}:"));
                    self.variables.push((variable.clone(), sid));
                    self.explain(body, lines);
                    self.variables.pop();
                }
            }
            Predicate::Truth(call) => lines.push(format!("{call} is {}", self.call(call))),
            Predicate::Compare(left, _, right) => {
                for term in [left, right] {
                    if let Term::Call(call) = term {
                        lines.push(format!("{call} is {}", self.call(call)));
                    }
                }
            }
        }
    }
}

/// The servers of a set, those of `up` as it is now.
pub(super) fn servers_of(world: &World, set: &Sids) -> Vec<ServerId> {
    let mut servers = members(set, &world.given().servers);
    if *set == Sids::Up {
        servers.retain(|sid| world.node(*sid).is_some_and(|node| node.is_up()));
    }
    servers
}

fn of_view(function: ServerFn, view: &ServerView) -> Value {
    let count = |n: u64| Value::Int(i128::from(n));
    match function {
        ServerFn::Up => Value::Bool(true),
        // It is no part of what is shown.
        ServerFn::Config => Value::None,
        ServerFn::Leads => {
            Value::Bool(view.role == Role::Leading && view.phase == Phase::Broadcast)
        }
        ServerFn::Serving => Value::Bool(view.serving),
        ServerFn::ReadOnly => Value::Bool(view.read_only),
        ServerFn::Role => Value::Word(format!("{:?}", view.role).to_uppercase()),
        ServerFn::Phase => Value::Word(format!("{:?}", view.phase).to_uppercase()),
        ServerFn::Leader => view.leader.map_or(Value::None, |sid| Value::Int(i128::from(sid.0))),
        ServerFn::Epoch if view.phase != Phase::Broadcast => Value::None,
        ServerFn::Epoch | ServerFn::CurrentEpoch => Value::Int(i128::from(view.epochs.current.0)),
        ServerFn::AcceptedEpoch => Value::Int(i128::from(view.epochs.accepted.0)),
        ServerFn::Round => count(view.round.0),
        ServerFn::Vote => view.vote.map_or(Value::None, |vote| Value::Vote {
            leader: i128::from(vote.leader.0),
            zxid: vote.zxid,
        }),
        ServerFn::LastLogged => Value::Zxid(view.last_logged),
        ServerFn::LastDurable => Value::Zxid(view.last_durable),
        ServerFn::Applied => Value::Zxid(view.last_applied),
        ServerFn::LastProcessed => Value::Zxid(view.last_processed),
        ServerFn::MinCommitted => Value::Zxid(view.min_committed_log),
        ServerFn::MaxCommitted => Value::Zxid(view.max_committed_log),
        ServerFn::Outstanding => count(view.outstanding.len() as u64),
        ServerFn::Nodes => count(view.node_count),
        ServerFn::Sessions => count(view.sessions.len() as u64),
        ServerFn::Watches => count(view.watch_count),
        ServerFn::Ephemerals => count(view.ephemeral_count),
    }
}

fn of_paxos(function: PaxosFn, view: PaxosView) -> Value {
    let proposal = |proposal: Option<Proposal>| proposal.map_or(Value::None, Value::Proposal);
    match function {
        PaxosFn::Promised => view.promised.map_or(Value::None, Value::Ballot),
        PaxosFn::Accepted => proposal(view.accepted),
        PaxosFn::Proposal => proposal(view.proposal),
        PaxosFn::Stage => Value::Word(format!("{:?}", view.stage).to_uppercase()),
        PaxosFn::Learned => text(view.learned.as_ref()),
        PaxosFn::Read => match view.reading {
            Reading::Found(found) => text(Some(&found.value)),
            Reading::Idle | Reading::Asking | Reading::Failed => Value::None,
        },
        PaxosFn::Reading => {
            let word = match view.reading {
                Reading::Idle => "IDLE",
                Reading::Asking => "ASKING",
                Reading::Found(_) => "FOUND",
                Reading::Failed => "FAILED",
            };
            Value::Word(word.to_owned())
        }
    }
}

fn text(value: Option<&zablab_core::paxos::Value>) -> Value {
    value.map_or(Value::None, |value| Value::Str(value.to_string()))
}

fn is_literal(term: &Term) -> bool {
    !matches!(term, Term::Call(_) | Term::Variable(_))
}

fn text_of(data: &[u8]) -> Value {
    Value::Str(String::from_utf8_lossy(data).into_owned())
}

fn data_of(outcome: &Outcome) -> Option<Value> {
    match &outcome.result {
        Ok(Response::Data { data, .. }) => Some(data.as_deref().map_or(Value::None, text_of)),
        Ok(Response::Acl { acl, .. }) => Some(Value::Str(acl_text(acl))),
        _ => None,
    }
}

fn created_of(outcome: &Outcome) -> Option<Value> {
    match &outcome.result {
        Ok(Response::Create { path } | Response::Create2 { path, .. }) => {
            Some(Value::Str(path.to_string()))
        }
        _ => None,
    }
}

fn names_of(outcome: &Outcome) -> Option<Value> {
    match &outcome.result {
        Ok(Response::Children(names) | Response::Children2 { children: names, .. }) => {
            let mut names = names.clone();
            names.sort();
            Some(Value::Str(names.join(" ")))
        }
        _ => None,
    }
}

pub(crate) fn state_word(state: Option<SessionState>) -> &'static str {
    match state {
        None | Some(SessionState::Connecting) => "DISCONNECTED",
        Some(SessionState::Connected { .. }) => "CONNECTED",
        Some(SessionState::ConnectedReadOnly { .. }) => "CONNECTED_READ_ONLY",
        Some(SessionState::Expired) => "EXPIRED",
        Some(SessionState::Closed) => "CLOSED",
        Some(SessionState::AuthFailed) => "AUTHFAILED",
    }
}
