//! Whole processes against each other: nothing between them but a list of datagrams.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use bytes::Bytes;
use proptest::prelude::*;

use super::message::Message;
use super::{
    Ask, Ballot, Durable, Effect, Input, Paxos, PaxosConfig, PaxosView, Proposal, Reading, Roles,
    Stage,
};
use crate::policy::{Correct, Policy};
use crate::prng::Prng;
use crate::process::{Out, Process};
use crate::trace::Event;
use crate::types::{Mono, Now, ServerId, Ticket, WallMs};

/// Three acceptors 1..3 that also read, proposers 11 and 12, learner 21.
struct Group<P: Policy> {
    policy: P,
    nodes: BTreeMap<i64, Paxos<P>>,
    disks: BTreeMap<i64, Durable>,
    unsynced: BTreeMap<i64, Vec<(Ticket, Durable, bool)>>,
    post: VecDeque<(i64, i64, Bytes)>,
    events: Vec<(i64, Event)>,
    now: u64,
}

const ALL: [i64; 6] = [1, 2, 3, 11, 12, 21];

fn config(me: i64) -> PaxosConfig {
    let roles = Roles {
        proposer: (11..20).contains(&me),
        acceptor: me < 10,
        learner: me > 20,
        reader: me < 10,
    };
    let (acceptors, learners) = ([1, 2, 3].map(ServerId).into(), [21].map(ServerId).into());
    PaxosConfig { me: ServerId(me), roles, acceptors, learners }
}

impl<P: Policy> Group<P> {
    fn new(policy: P) -> Group<P> {
        let mut group = Group {
            policy,
            nodes: BTreeMap::new(),
            disks: BTreeMap::new(),
            unsynced: BTreeMap::new(),
            post: VecDeque::new(),
            events: Vec::new(),
            now: 0,
        };
        ALL.into_iter().for_each(|me| group.start(me));
        group
    }

    fn start(&mut self, me: i64) {
        let state = self.disks.get(&me).cloned().unwrap_or_default();
        self.unsynced.remove(&me);
        let seed = me as u64 + self.now;
        self.nodes.insert(me, Paxos::new(config(me), state, seed, self.policy.clone()));
    }

    fn input(&mut self, me: i64, input: Input) {
        let now = Now { mono: Mono(self.now), wall: WallMs(0) };
        let mut out = Out::new(true);
        self.nodes.get_mut(&me).expect("it runs").handle(now, input, &mut out);
        self.events.extend(out.events.into_iter().map(|event| (me, event)));
        for effect in out.effects {
            match effect {
                Effect::Datagram { to, bytes } => self.post.push_back((me, to.0, bytes)),
                Effect::Persist { ticket, state, sync } => {
                    self.unsynced.entry(me).or_default().push((ticket, state, sync));
                }
                Effect::Halt { why } => panic!("{why}"),
            }
        }
    }

    fn ask(&mut self, me: i64, ask: Ask) {
        self.input(me, Input::Ask(ask));
        self.sync(me);
    }

    fn sync(&mut self, me: i64) {
        while let Some((through, state, sync)) = self.unsynced.get_mut(&me).and_then(Vec::pop) {
            self.unsynced.remove(&me);
            if sync {
                self.disks.insert(me, state);
            }
            self.input(me, Input::Persisted { through });
        }
    }

    /// Delivers everything that `passes` lets through and loses the rest.
    fn deliver(&mut self, passes: impl Fn(i64, i64, &Message) -> bool) {
        while let Some((from, to, bytes)) = self.post.pop_front() {
            let message = Message::decode(&bytes).expect("they write what they read");
            if passes(from, to, &message) {
                self.input(to, Input::Datagram { from: ServerId(from), bytes });
                self.sync(to);
            }
        }
    }

    fn view(&self, me: i64) -> PaxosView {
        self.nodes[&me].view()
    }

    fn accepted(&self, me: i64) -> Option<(u32, &str)> {
        let accepted = self.disks.get(&me)?.accepted.as_ref()?;
        Some((accepted.ballot.round, &accepted.value))
    }
}

fn prepare(round: u32, value: &str) -> Ask {
    Ask::Prepare { round: Some(round), value: value.into() }
}

fn everything(_: i64, _: i64, _: &Message) -> bool {
    true
}

#[test]
fn a_value_is_chosen_learned_and_kept_by_a_later_proposer() {
    let mut group = Group::new(Correct);
    group.ask(12, prepare(1, "one"));
    group.deliver(everything);
    assert_eq!(group.view(12).stage, Stage::Ready);
    group.ask(12, Ask::Accept);
    group.deliver(everything);
    assert_eq!(group.view(12).stage, Stage::Done);
    assert_eq!(group.view(21).learned.as_deref(), Some("one"));
    group.ask(11, prepare(2, "two"));
    group.deliver(everything);
    assert_eq!(group.view(11).proposal.map(|own| own.value), Some("one".into()));
    group.ask(11, Ask::Accept);
    group.deliver(everything);
    assert_eq!([1, 2, 3].map(|me| group.accepted(me)), [Some((2, "one")); 3]);
}

#[test]
fn the_greatest_number_among_the_promises_counts() {
    let mut group = Group::new(Correct);
    // 12 does not reach 3, and 11 does not reach 1.
    let passes = |from: i64, to: i64, _: &Message| {
        !matches!((from, to), (12, 3) | (3, 12) | (11, 1) | (1, 11))
    };
    group.ask(12, prepare(1, "v1"));
    group.deliver(passes);
    group.ask(11, prepare(2, "v2"));
    group.deliver(passes);
    group.ask(12, Ask::Accept);
    group.deliver(passes);
    assert_eq!((group.accepted(1), group.accepted(2)), (Some((1, "v1")), None));
    assert_eq!(group.view(12).stage, Stage::Refused);
    group.ask(11, Ask::Accept);
    group.deliver(passes);
    group.ask(12, prepare(3, "v1"));
    group.deliver(passes);
    group.ask(12, Ask::Accept);
    group.deliver(passes);
    let accepted = [1, 2, 3].map(|me| group.accepted(me));
    assert_eq!(accepted, [Some((3, "v2")), Some((3, "v2")), Some((2, "v2"))]);
}

#[test]
fn nothing_is_said_before_it_is_durable() {
    let mut group = Group::new(Correct);
    let ballot = Ballot { round: 1, proposer: ServerId(11) };
    let from = ServerId(11);
    let mut datagram = |message: Message| {
        group.input(1, Input::Datagram { from, bytes: message.encode() });
        assert!(group.post.is_empty());
    };
    datagram(Message::Prepare { ballot });
    datagram(Message::Accept(Proposal { ballot, value: "x".into() }));
    datagram(Message::Read { tag: 1 });
    datagram(Message::Prepare { ballot: Ballot { round: 0, ..ballot } });
    group.input(1, Input::Persisted { through: Ticket(1) });
    assert_eq!(group.post.len(), 1);
    group.input(1, Input::Persisted { through: Ticket(2) });
    // The acceptance goes to proposer and learner; then the state, then the refusal.
    assert_eq!(group.post.len(), 5);
    group.input(11, Input::Ask(prepare(1, "x")));
    assert_eq!(group.post.len(), 5);
    group.sync(11);
    assert_eq!(group.post.len(), 8);
}

#[test]
fn a_number_is_not_used_again_after_a_restart() {
    #[derive(Clone, Hash, Debug)]
    struct Forgets;
    impl Policy for Forgets {
        fn paxos_number_is_durable(&self) -> bool {
            false
        }
    }
    fn rounds<P: Policy>(policy: P) -> Vec<u32> {
        let mut group = Group::new(policy);
        for value in ["a", "b"] {
            group.ask(11, Ask::Prepare { round: None, value: value.into() });
            group.post.clear();
            group.start(11);
        }
        let begun = group.events.iter().filter_map(|(_, event)| match event {
            Event::BallotBegun { ballot } => Some(ballot.round),
            _ => None,
        });
        begun.collect()
    }
    assert_eq!(rounds(Correct), [1, 2]);
    assert_eq!(rounds(Forgets), [1, 1]);
}

#[test]
fn a_read_finds_what_a_majority_has_and_repairs() {
    let accepted = |round, value: &str| {
        let ballot = Ballot { round, proposer: ServerId(11) };
        let accepted = Some(Proposal { ballot, value: value.into() });
        Durable { round: 0, promised: Some(ballot), accepted }
    };
    let mut group = Group::new(Correct);
    for (me, state) in [(1, accepted(1, "v1")), (2, accepted(2, "v2")), (3, accepted(2, "v2"))] {
        group.disks.insert(me, state);
        group.start(me);
    }
    group.ask(1, Ask::Read);
    group.deliver(everything);
    assert!(matches!(group.view(1).reading, Reading::Found(found) if &*found.value == "v2"));
    group.sync(1);
    assert_eq!(group.accepted(1), Some((2, "v2")));

    // With equal values under unequal numbers, and with too few answers, it fails.
    for (me, state) in [(1, accepted(1, "v1")), (2, accepted(3, "v1")), (3, accepted(2, "v2"))] {
        group.disks.insert(me, state);
        group.start(me);
    }
    group.ask(1, Ask::Read);
    group.deliver(|from, to, _| from != 3 && to != 3);
    assert_eq!(group.view(1).reading, Reading::Asking);
    group.now = 1_000_000;
    group.input(1, Input::Tick);
    assert_eq!(group.view(1).reading, Reading::Failed);
    assert_eq!(group.accepted(1), Some((1, "v1")));
}

#[test]
fn a_process_may_play_all_roles() {
    let roles = Roles { proposer: true, acceptor: true, learner: true, reader: true };
    let me = ServerId(1);
    let config = PaxosConfig { me, roles, acceptors: [me].into(), learners: [me].into() };
    let mut node = Paxos::new(config, Durable::default(), 1, Correct);
    let mut out = Out::new(true);
    node.handle(Now::default(), Input::Ask(Ask::Propose { value: "x".into() }), &mut out);
    for ticket in 1..=3 {
        node.handle(Now::default(), Input::Persisted { through: Ticket(ticket) }, &mut out);
    }
    assert_eq!(node.view().learned.as_deref(), Some("x"));
    node.handle(Now::default(), Input::Ask(Ask::Read), &mut out);
    assert!(matches!(node.view().reading, Reading::Found(_)));
    assert!(!out.effects.iter().any(|effect| matches!(effect, Effect::Datagram { .. })));
}

#[test]
fn an_acceptor_alone_counts_and_values_have_a_limit() {
    let mut group = Group::new(Correct);
    group.ask(11, prepare(1, "x"));
    group.post.clear();
    let ballot = Ballot { round: 1, proposer: ServerId(11) };
    for from in [12, 21, 99] {
        let bytes = Message::Promise { ballot, accepted: None }.encode();
        group.input(11, Input::Datagram { from: ServerId(from), bytes });
    }
    assert_eq!(group.view(11).counted, []);
    group.ask(11, prepare(2, &"x".repeat(super::message::VALUE_MAX + 1)));
    group.ask(11, prepare(1, "again"));
    group.ask(1, prepare(1, "not its role"));
    assert!(group.post.is_empty());
}

proptest! {
    /// Whatever is lost, doubled, late or forgotten: one value at most is accepted by a majority
    /// under one number, and every read and learner agrees with it.
    #[test]
    fn at_most_one_value_is_chosen(seed in any::<u64>()) {
        let mut prng = Prng::new(seed);
        let mut group = Group::new(Correct);
        for _ in 0..300 {
            group.now += prng.below(100_000);
            let me = ALL[prng.below(6) as usize];
            match prng.below(16) {
                0 => group.ask(me, Ask::Propose { value: if me == 11 { "a" } else { "b" }.into() }),
                1 => group.ask(me, Ask::Read),
                2 => group.start(me),
                3 => group.sync(me),
                4 => group.input(me, Input::Tick),
                _ => {
                    let len = group.post.len() as u64;
                    if len == 0 { continue; }
                    let place = prng.below(len.min(6)) as usize;
                    let Some((from, to, bytes)) = group.post.remove(place) else { continue };
                    match prng.below(8) {
                        0 => {}
                        fate => {
                            if fate == 1 {
                                group.post.push_back((from, to, bytes.clone()));
                            }
                            group.input(to, Input::Datagram { from: ServerId(from), bytes });
                            if prng.below(4) > 0 {
                                group.sync(to);
                            }
                        }
                    }
                }
            }
        }
        let mut holders: BTreeMap<Ballot, (Vec<i64>, super::Value)> = BTreeMap::new();
        for (me, event) in &group.events {
            if let Event::ValueAccepted { ballot, value } = event {
                let (those, _) = holders.entry(*ballot).or_insert((Vec::new(), value.clone()));
                if !those.contains(me) {
                    those.push(*me);
                }
            }
        }
        let chosen = holders.values().filter(|(those, _)| those.len() >= 2);
        let mut chosen: Vec<_> = chosen.map(|(_, value)| value.clone()).collect();
        chosen.dedup();
        prop_assert!(chosen.len() <= 1, "{:?}", chosen);
        for (_, event) in &group.events {
            let told = match event {
                Event::ValueLearned { value, .. } => Some(value),
                Event::ReadEnded { found: Some(found) } => Some(&found.value),
                _ => None,
            };
            prop_assert!(told.is_none_or(|value| chosen.contains(value)));
        }
    }
}
