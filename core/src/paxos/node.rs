//! The process: it takes inputs apart, lets the roles decide, and holds back what depends on the
//! disk.
//!
//! Every answer of an acceptor, and the first message of an attempt, waits for all writes that
//! were handed out before it. Messages to itself take no datagram and wait likewise.

use alloc::collections::VecDeque;
use alloc::string::String;
use bytes::Bytes;
use core::hash::{Hash, Hasher};

use super::acceptor::{self, Decision};
use super::learner::Learner;
use super::message::{Message, VALUE_MAX};
use super::proposer::Proposer;
use super::reader::{Reader, Reading, Rule};
use super::{Ask, Ballot, Durable, Effect, Input, PaxosConfig, PaxosView, Proposal, Stage, Value};
use crate::policy::Policy;
use crate::prng::Prng;
use crate::process::{Out, Process};
use crate::trace::Event;
use crate::types::{Mono, Now, ServerId, Ticket};

/// One Paxos process.
#[derive(Clone, Debug, Hash)]
pub struct Paxos<P: Policy> {
    policy: P,
    config: PaxosConfig,
    /// What the disk will hold when all writes are done.
    state: Durable,
    /// The greatest round used as proposer.
    round: u32,
    /// The last write that was handed out.
    issued: Ticket,
    /// The last write that is durable.
    durable: Ticket,
    /// What waits for which write, oldest first.
    waiting: VecDeque<(Ticket, Then)>,
    proposer: Proposer,
    learner: Learner,
    reader: Reader,
    prng: Prng,
    /// Messages to itself.
    inbox: VecDeque<Message>,
    halted: bool,
}

/// What happens when the disk is ready.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
enum Then {
    /// An attempt asks for promises.
    Begin(Ballot),
    /// An acceptor answers.
    Answer { to: ServerId, message: Message },
}

impl<P: Policy> Paxos<P> {
    /// A process that starts with what its disk holds.
    pub fn new(config: PaxosConfig, state: Durable, seed: u64, policy: P) -> Paxos<P> {
        Paxos {
            policy,
            config,
            round: state.round,
            state,
            issued: Ticket(0),
            durable: Ticket(0),
            waiting: VecDeque::new(),
            proposer: Proposer::default(),
            learner: Learner::default(),
            reader: Reader::default(),
            prng: Prng::new(seed),
            inbox: VecDeque::new(),
            halted: false,
        }
    }

    /// What it was told when it started.
    pub fn config(&self) -> &PaxosConfig {
        &self.config
    }

    fn need(&self) -> usize {
        self.policy.majority(self.config.acceptors.len() as u64) as usize
    }

    fn rule(&self) -> Rule {
        Rule {
            acceptors: self.config.acceptors.len(),
            need: self.need(),
            by_number: self.policy.paxos_read_compares_numbers(),
        }
    }

    fn send(&mut self, to: ServerId, message: Message, out: &mut Out<Effect>) {
        if to == self.config.me {
            self.inbox.push_back(message);
        } else {
            out.push(Effect::Datagram { to, bytes: message.encode() });
        }
    }

    fn send_all(&mut self, message: &Message, out: &mut Out<Effect>) {
        for place in 0..self.config.acceptors.len() {
            self.send(self.config.acceptors[place], message.clone(), out);
        }
    }

    /// Hands the state to the disk.
    fn persist(&mut self, sync: bool, out: &mut Out<Effect>) {
        self.issued = self.issued.next();
        out.push(Effect::Persist { ticket: self.issued, state: self.state.clone(), sync });
    }

    /// Does it once all that was handed to the disk is durable.
    fn when_durable(&mut self, now: Mono, then: Then, out: &mut Out<Effect>) {
        if self.issued == self.durable {
            self.carry_out(now, then, out);
        } else {
            self.waiting.push_back((self.issued, then));
        }
    }

    fn carry_out(&mut self, now: Mono, then: Then, out: &mut Out<Effect>) {
        match then {
            Then::Begin(ballot) => {
                if self.proposer.waits_for(ballot) {
                    out.event(|| Event::BallotBegun { ballot });
                    self.proposer.asked(now);
                    self.send_all(&Message::Prepare { ballot }, out);
                }
            }
            Then::Answer { to, message } => self.answer(to, message, out),
        }
    }

    /// An acceptor's answer leaves.
    fn answer(&mut self, to: ServerId, message: Message, out: &mut Out<Effect>) {
        match &message {
            Message::Promise { ballot, accepted } => {
                let (ballot, accepted) = (*ballot, accepted.clone());
                out.event(|| Event::PromiseGiven { to, ballot, accepted });
            }
            Message::Nack { ballot, promised } => {
                let (ballot, promised) = (*ballot, *promised);
                out.event(|| Event::BallotRefused { to, ballot, promised });
            }
            Message::Accepted(Proposal { ballot, value }) => {
                let (ballot, value) = (*ballot, value.clone());
                out.event(|| Event::ValueAccepted { ballot, value });
                for place in 0..self.config.learners.len() {
                    let learner = self.config.learners[place];
                    if learner != to {
                        self.send(learner, message.clone(), out);
                    }
                }
            }
            Message::Prepare { .. }
            | Message::Accept(_)
            | Message::Read { .. }
            | Message::State { .. } => {}
        }
        self.send(to, message, out);
    }
}

/// What it is asked for.
impl<P: Policy> Paxos<P> {
    fn ask(&mut self, now: Mono, ask: Ask, out: &mut Out<Effect>) {
        let roles = self.config.roles;
        let fits = |value: &Value| roles.proposer && value.len() <= VALUE_MAX;
        match ask {
            Ask::Propose { value } if fits(&value) => {
                self.proposer.automatic(value.clone());
                self.begin(now, None, value, out);
            }
            Ask::Prepare { round, value } if fits(&value) => {
                self.proposer.by_hand();
                self.begin(now, round, value, out);
            }
            Ask::Accept => self.propose(out),
            Ask::Read if roles.reader => {
                let tag = self.prng.next_u64();
                self.reader.begin(now, tag);
                out.event(|| Event::ReadBegun);
                self.send_all(&Message::Read { tag }, out);
            }
            Ask::Propose { .. } | Ask::Prepare { .. } | Ask::Read => {}
        }
    }

    /// An attempt begins: its round is durable before anybody hears of it.
    fn begin(&mut self, now: Mono, round: Option<u32>, wish: Value, out: &mut Out<Effect>) {
        let next = self.round.max(self.proposer.heard).checked_add(1);
        let Some(round) = round.or(next).filter(|round| *round > self.round) else { return };
        self.round = round;
        let ballot = Ballot { round, proposer: self.config.me };
        self.proposer.begin(ballot, wish);
        if self.policy.paxos_number_is_durable() {
            self.state.round = round;
            self.persist(true, out);
        }
        self.when_durable(now, Then::Begin(ballot), out);
    }

    /// Phase 2, if a majority has promised.
    fn propose(&mut self, out: &mut Out<Effect>) {
        let Some((proposal, adopted)) = self.proposer.propose() else { return };
        let Proposal { ballot, value } = proposal.clone();
        out.event(|| Event::ValueProposed { ballot, value, adopted });
        self.send_all(&Message::Accept(proposal), out);
    }

    fn tick(&mut self, now: Mono, out: &mut Out<Effect>) {
        let is_due = |deadline: Option<Mono>| deadline.is_some_and(|due| due <= now);
        if is_due(self.reader.deadline) {
            self.reader.time_up();
            self.read_ended(out);
        }
        if is_due(self.proposer.deadline) {
            self.proposer.deadline = None;
            match (self.proposer.stage, self.proposer.wish.clone()) {
                (Stage::Waiting, Some(wish)) => self.begin(now, None, wish, out),
                (_, Some(_)) => self.proposer.failed(now, &mut self.prng),
                (_, None) => {}
            }
        }
    }
}

/// What it is told.
impl<P: Policy> Paxos<P> {
    fn message(&mut self, now: Mono, from: ServerId, message: Message, out: &mut Out<Effect>) {
        let is_acceptor = self.config.roles.acceptor;
        match message {
            Message::Prepare { ballot } if is_acceptor => self.prepare(now, from, ballot, out),
            Message::Accept(proposal) if is_acceptor => self.accept(now, from, proposal, out),
            Message::Read { tag } if is_acceptor => {
                let message = Message::State { tag, accepted: self.state.accepted.clone() };
                self.when_durable(now, Then::Answer { to: from, message }, out);
            }
            // Only acceptors answer; whoever else does is not counted.
            _ if !self.config.acceptors.contains(&from) => {}
            Message::Promise { ballot, accepted } => {
                let need = self.need();
                if self.proposer.promise(from, ballot, accepted, need) {
                    let counted = self.proposer.attempt.as_ref().map_or(0, |own| own.promised());
                    debug_assert!(counted >= need, "a majority has promised");
                    if self.proposer.wish.is_some() {
                        self.propose(out);
                    }
                }
            }
            Message::Accepted(proposal) => self.accepted(from, &proposal, out),
            Message::Nack { ballot, promised } => {
                self.proposer.heard = self.proposer.heard.max(promised.round);
                if self.proposer.waits_for(ballot) {
                    self.proposer.failed(now, &mut self.prng);
                }
            }
            Message::State { tag, accepted } => {
                let waits = self.reader.reading == Reading::Asking && self.reader.tag == tag;
                let rule = self.rule();
                if waits && self.reader.answer(from, accepted, &rule) {
                    self.read_ended(out);
                }
            }
            Message::Prepare { .. } | Message::Accept(_) | Message::Read { .. } => {}
        }
    }

    fn prepare(&mut self, now: Mono, to: ServerId, ballot: Ballot, out: &mut Out<Effect>) {
        self.proposer.heard = self.proposer.heard.max(ballot.round);
        let message = match acceptor::prepare(&mut self.state, ballot) {
            Decision::Refused { promised } => Message::Nack { ballot, promised },
            decision => {
                if decision == Decision::Granted {
                    self.persist(self.policy.paxos_promise_is_synced(), out);
                }
                Message::Promise { ballot, accepted: self.state.accepted.clone() }
            }
        };
        self.when_durable(now, Then::Answer { to, message }, out);
    }

    fn accept(&mut self, now: Mono, to: ServerId, proposal: Proposal, out: &mut Out<Effect>) {
        let ballot = proposal.ballot;
        self.proposer.heard = self.proposer.heard.max(ballot.round);
        let message = match acceptor::accept(&mut self.state, &proposal) {
            Decision::Refused { promised } => Message::Nack { ballot, promised },
            decision => {
                if decision == Decision::Granted {
                    self.persist(true, out);
                }
                Message::Accepted(proposal)
            }
        };
        self.when_durable(now, Then::Answer { to, message }, out);
    }

    fn accepted(&mut self, from: ServerId, proposal: &Proposal, out: &mut Out<Effect>) {
        let need = self.need();
        let mut news = self.config.roles.learner && self.learner.report(from, proposal, need);
        if self.proposer.accepted(from, proposal, need) {
            news |= self.learner.know(&proposal.value);
        }
        if news {
            let Proposal { ballot, value } = proposal.clone();
            out.event(|| Event::ValueLearned { ballot, value });
        }
    }

    /// A read has ended: who lacks what it found is asked to accept it.
    fn read_ended(&mut self, out: &mut Out<Effect>) {
        let found = match &self.reader.reading {
            Reading::Found(found) => Some(found.clone()),
            Reading::Idle | Reading::Asking | Reading::Failed => None,
        };
        let proposal = found.clone();
        out.event(|| Event::ReadEnded { found: proposal });
        let Some(found) = found else { return };
        for to in self.reader.lacking(&self.rule()) {
            let ballot = found.ballot;
            out.event(|| Event::RepairSent { to, ballot });
            self.send(to, Message::Accept(found.clone()), out);
        }
    }

    /// The disk has come this far.
    fn persisted(&mut self, now: Mono, through: Ticket, out: &mut Out<Effect>) {
        self.durable = self.durable.max(through.min(self.issued));
        while let Some((_, then)) = self.waiting.pop_front_if(|(ticket, _)| *ticket <= self.durable)
        {
            self.carry_out(now, then, out);
        }
    }

    fn halt(&mut self, why: String, out: &mut Out<Effect>) {
        self.halted = true;
        let reason = why.clone();
        out.milestone(Event::Halted { why: reason });
        out.push(Effect::Halt { why });
    }

    fn datagram(&mut self, now: Mono, from: ServerId, bytes: &Bytes, out: &mut Out<Effect>) {
        if let Ok(message) = Message::decode(bytes) {
            self.message(now, from, message, out);
        }
    }
}

impl<P: Policy> Process for Paxos<P> {
    type Input = Input;
    type Effect = Effect;
    type View = PaxosView;

    fn handle(&mut self, now: Now, input: Input, out: &mut Out<Effect>) {
        if self.halted {
            return;
        }
        let now = now.mono;
        match input {
            Input::Start => {}
            Input::Datagram { from, bytes } => self.datagram(now, from, &bytes, out),
            Input::Persisted { through } => self.persisted(now, through, out),
            Input::PersistFailed { ticket, error } => {
                self.halt(alloc::format!("write {ticket} failed: {error}"), out);
            }
            Input::Tick => self.tick(now, out),
            Input::Ask(ask) => self.ask(now, ask, out),
        }
        // Ends: every message to itself is answered at most once, and no answer to an answer.
        while let Some(message) = self.inbox.pop_front() {
            self.message(now, self.config.me, message, out);
        }
    }

    fn deadline(&self) -> Option<Mono> {
        let deadlines = [self.proposer.deadline, self.reader.deadline];
        deadlines.into_iter().flatten().min()
    }

    fn view(&self) -> PaxosView {
        let attempt = self.proposer.attempt.as_ref();
        let bound = !matches!(self.proposer.stage, Stage::Idle | Stage::Preparing);
        let may_propose = attempt.filter(|own| bound && own.promised() >= self.need());
        PaxosView {
            me: self.config.me,
            promised: self.state.promised,
            accepted: self.state.accepted.clone(),
            stage: self.proposer.stage,
            ballot: attempt.map(|own| own.ballot),
            proposal: may_propose
                .map(|own| Proposal { ballot: own.ballot, value: own.value().clone() }),
            counted: attempt.map(|own| own.counted()).unwrap_or_default(),
            learned: self.learner.learned().cloned(),
            reading: self.reader.reading.clone(),
            answered: self.reader.answered(),
            need: u32::try_from(self.need()).unwrap_or(u32::MAX),
        }
    }

    fn fingerprint(&self, mut hasher: &mut dyn Hasher) {
        self.hash(&mut hasher);
    }
}
