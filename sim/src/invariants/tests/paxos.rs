//! Bad histories of Paxos, each made to break one rule.

use expect_test::{Expect, expect};
use zablab_core::paxos::{Ballot, Durable, Proposal};
use zablab_core::quorum::Quorums;
use zablab_core::trace::Event;
use zablab_core::types::{ServerId, Ticket};

use super::{LIMITS, wrapped};
use crate::invariants::Checker;

const P1: i64 = 11;
const P2: i64 = 12;

/// A run of three acceptors and two proposers, written by hand.
struct Run {
    checker: Checker,
    disks: [Durable; 3],
    ticket: u64,
    step: u64,
}

fn ballot(round: u32, proposer: i64) -> Ballot {
    Ballot { round, proposer: ServerId(proposer) }
}

impl Run {
    fn new() -> Run {
        let checker = Checker::new(Quorums::default(), LIMITS)
            .with_acceptors([1, 2, 3].map(ServerId).into_iter());
        let mut run = Run { checker, disks: Default::default(), ticket: 0, step: 0 };
        (1..=3).for_each(|id| run.restart(id, |_| {}));
        run
    }

    fn event(&mut self, id: i64, event: Event) {
        self.step += 1;
        self.checker.begin_step(self.step);
        self.checker.on_paxos_event(ServerId(id), &event);
    }

    /// An acceptor starts again, with this done to its disk.
    fn restart(&mut self, id: i64, damage: impl Fn(&mut Durable)) {
        let state = &mut self.disks[id as usize - 1];
        damage(state);
        self.checker.on_paxos_start(ServerId(id), state);
    }

    /// An acceptor's disk changes; durably, unless a test says otherwise.
    fn write(&mut self, id: i64, synced: bool, change: impl Fn(&mut Durable)) {
        self.ticket += 1;
        let state = &mut self.disks[id as usize - 1];
        change(state);
        self.checker.on_paxos_issued(ServerId(id), Ticket(self.ticket), state);
        if synced {
            self.checker.on_paxos_durable(ServerId(id), Ticket(self.ticket));
        }
    }

    fn begin(&mut self, ballot: Ballot) {
        self.event(ballot.proposer.0, Event::BallotBegun { ballot });
    }

    fn promise(&mut self, id: i64, ballot: Ballot) {
        self.write(id, true, |state| state.promised = Some(ballot));
        let (to, accepted) = (ballot.proposer, None);
        self.event(id, Event::PromiseGiven { to, ballot, accepted });
    }

    fn propose(&mut self, ballot: Ballot, value: &str) {
        let (value, adopted) = (value.into(), false);
        self.event(ballot.proposer.0, Event::ValueProposed { ballot, value, adopted });
    }

    fn accept(&mut self, id: i64, ballot: Ballot, value: &str) {
        self.write(id, true, |state| {
            state.promised = Some(ballot);
            state.accepted = Some(Proposal { ballot, value: value.into() });
        });
        self.event(id, Event::ValueAccepted { ballot, value: value.into() });
    }

    fn read(&mut self, id: i64, ballot: Ballot, value: &str) {
        let found = Some(Proposal { ballot, value: value.into() });
        self.event(id, Event::ReadEnded { found });
    }

    fn breaks(self, expected: Expect) {
        let lines = self.checker.violations().iter().map(|broken| wrapped(&broken.to_string()));
        expected.assert_eq(&lines.collect::<String>());
    }
}

/// Both phases by the book, on these acceptors.
fn choose(run: &mut Run, number: Ballot, value: &str, acceptors: [i64; 2]) {
    run.begin(number);
    acceptors.into_iter().for_each(|id| run.promise(id, number));
    run.propose(number, value);
    acceptors.into_iter().for_each(|id| run.accept(id, number, value));
}

#[test]
fn a_good_run_breaks_nothing() {
    let mut run = Run::new();
    choose(&mut run, ballot(1, P2), "v", [1, 2]);
    assert_eq!(run.checker.chosen().map(|value| &**value), Some("v"));
    run.restart(2, |_| {});
    run.read(3, ballot(1, P2), "v");
    choose(&mut run, ballot(2, P1), "v", [2, 3]);
    run.read(1, ballot(2, P1), "v");
    run.breaks(expect![[""]]);
}

#[test]
fn x1_a_promise_is_forgotten() {
    let mut run = Run::new();
    run.promise(2, ballot(2, P1));
    run.restart(2, |state| state.promised = None);
    run.breaks(expect![["
        X1 broken at step 1: acceptor 2 promised (2,11), but after a restart it knows of
            no number
    "]]);
}

#[test]
fn x1_a_promise_or_an_acceptance_is_not_durable() {
    let mut run = Run::new();
    run.write(1, false, |state| state.promised = Some(ballot(1, P1)));
    let event = Event::PromiseGiven { to: ServerId(P1), ballot: ballot(1, P1), accepted: None };
    run.event(1, event);
    run.breaks(expect![["
        X1 broken at step 1: acceptor 1 promises (1,11) before that is durable
    "]]);

    let mut run = Run::new();
    run.propose(ballot(1, P1), "v");
    run.event(1, Event::ValueAccepted { ballot: ballot(1, P1), value: "v".into() });
    run.breaks(expect![["
        X1 broken at step 2: acceptor 1 says that it accepted (1,11) before it is
            durable
    "]]);
}

#[test]
fn x1_an_acceptance_goes_against_a_promise() {
    let mut run = Run::new();
    run.promise(1, ballot(2, P1));
    run.propose(ballot(1, P2), "v");
    run.accept(1, ballot(1, P2), "v");
    run.breaks(expect![["
        X1 broken at step 3: acceptor 1 accepts (1,12), although it promised (2,11)
    "]]);
}

#[test]
fn x2_a_later_proposal_has_another_value() {
    let mut run = Run::new();
    choose(&mut run, ballot(1, P2), "v", [1, 2]);
    run.propose(ballot(2, P1), "w");
    run.breaks(expect![[r#"
        X2 broken at step 7: "v" is chosen under (1,12), but under (2,11) "w" is
            proposed
    "#]]);

    // The proposal came first, the choice later.
    let mut run = Run::new();
    run.propose(ballot(2, P1), "w");
    choose(&mut run, ballot(1, P2), "v", [1, 2]);
    run.breaks(expect![[r#"
        X2 broken at step 7: "v" is chosen under (1,12), but under (2,11) "w" is
            proposed
    "#]]);
}

#[test]
fn x3_two_values_are_chosen_or_one_that_nobody_proposed() {
    let mut run = Run::new();
    choose(&mut run, ballot(1, P2), "v", [1, 2]);
    run.propose(ballot(2, P1), "w");
    run.accept(2, ballot(2, P1), "w");
    run.accept(3, ballot(2, P1), "w");
    run.breaks(expect![[r#"
        X2 broken at step 7: "v" is chosen under (1,12), but under (2,11) "w" is
            proposed
        X3 broken at step 9: "v" was chosen under (1,12), and now "w" under (2,11)
    "#]]);

    let mut run = Run::new();
    run.accept(1, ballot(1, P1), "v");
    run.accept(2, ballot(1, P1), "v");
    run.breaks(expect![[r#"
        X3 broken at step 2: "v" is chosen under (1,11), but nobody proposed that
    "#]]);
}

#[test]
fn x4_a_number_is_used_twice() {
    let mut run = Run::new();
    run.begin(ballot(1, P1));
    run.begin(ballot(1, P1));
    run.breaks(expect![["
        X4 broken at step 2: proposer 11 begins a second time with (1,11)
    "]]);

    let mut run = Run::new();
    run.propose(ballot(1, P1), "v");
    run.propose(ballot(1, P1), "w");
    run.breaks(expect![[r#"
        X4 broken at step 2: under (1,11) both "v" and "w" are proposed
    "#]]);
}

#[test]
fn x5_a_read_returns_what_is_not_chosen() {
    let mut run = Run::new();
    run.propose(ballot(1, P1), "v");
    run.accept(1, ballot(1, P1), "v");
    run.read(3, ballot(1, P1), "v");
    run.breaks(expect![[r#"
        X5 broken at step 3: reader 3 returned "v", which is not chosen
    "#]]);
}
