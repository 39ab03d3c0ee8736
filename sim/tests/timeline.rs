//! Rewinding, branches and repetition, with real servers.

use std::sync::Arc;

use zablab_core::prng::Prng;
use zablab_core::types::ServerId;
use zablab_sim::chooser::{Chooser, Fifo, Random, Recorded};
use zablab_sim::teaching::Teaching;
use zablab_sim::timeline::BranchId;
use zablab_sim::{Fault, Given, Host, Keep, Step, Timeline, World};

const S1: ServerId = ServerId(1);
const S2: ServerId = ServerId(2);

fn new_timeline(seed: u64) -> Timeline {
    Timeline::new(Arc::new(Given::of_voters(3, seed)), Teaching::default())
        .expect("empty disks are possible")
}

/// Some steps in which a leader is elected, crashes and comes back.
fn script(run: &mut Timeline, steps: usize) -> Vec<u64> {
    let keep = Keep::NOTHING;
    let faults = [
        (300, Fault::Crash { server: ServerId(3), keep }),
        (500, Fault::CutOneWay { from: Host::Server(S1), to: Host::Server(S2) }),
        (700, Fault::Start { server: ServerId(3) }),
        (800, Fault::HealAll),
    ];
    let mut chooser = Random::new(7);
    let mut prints = vec![run.world().fingerprint()];
    for number in 0..steps {
        let fault = faults.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault);
        let step = match fault {
            Some(fault) => Step::Fault(fault),
            None => chooser.choose(run.world().agenda()).expect("timers never end"),
        };
        run.apply(&step);
        prints.push(run.world().fingerprint());
    }
    prints
}

#[test]
fn every_moment_is_the_same_however_one_gets_there() {
    let mut run = new_timeline(1);
    let prints = script(&mut run, 1200);
    let mut prng = Prng::new(3);
    let mut moments = vec![0, 1, 1199, 1200, 5000, 64, 63, 65];
    moments.extend((0..60).map(|_| prng.below(1201) as usize));
    for moment in moments {
        run.seek(moment);
        let position = moment.min(1200);
        assert_eq!(run.position(), position);
        assert_eq!(run.world().fingerprint(), prints[position], "at {position}");
    }
}

#[test]
fn acting_in_the_past_begins_a_branch_that_shares_what_was_before() {
    let mut run = new_timeline(2);
    let prints = script(&mut run, 400);
    run.seek(200);
    let next = run.steps(BranchId(0)).nth(200).cloned().expect("there are 400");
    run.apply(&next);
    assert_eq!(run.branches().len(), 1, "what happened anyway is no branch");
    run.seek(200);
    let crash = Step::Fault(Fault::Crash { server: S1, keep: Keep::ALL });
    run.apply(&crash);
    assert_eq!((run.branch(), run.position(), run.len(BranchId(1))), (BranchId(1), 201, 201));
    let there = run.world().fingerprint();
    assert_ne!(there, prints[201]);
    run.go_to(BranchId(0), 400);
    assert_eq!(run.world().fingerprint(), prints[400]);
    run.go_to(BranchId(1), 150);
    assert_eq!(run.world().fingerprint(), prints[150]);
    run.seek(201);
    assert_eq!(run.world().fingerprint(), there);
    assert_eq!(run.steps(BranchId(1)).last(), Some(&crash));
}

#[test]
fn the_same_steps_give_the_same_world() {
    let mut run = new_timeline(4);
    script(&mut run, 600);
    let mut again =
        World::new(Arc::new(Given::of_voters(3, 4)), Teaching::default()).expect("as before");
    let mut recorded = Recorded::new(run.steps(BranchId(0)).cloned());
    while let Some(step) = recorded.choose(again.agenda()) {
        again.apply(&step);
    }
    assert_eq!(again.fingerprint(), run.world().fingerprint());
    assert!(again.violations().is_empty());
}

#[test]
fn a_step_that_is_not_possible_changes_nothing() {
    let mut world =
        World::new(Arc::new(Given::of_voters(3, 5)), Teaching::default()).expect("as before");
    let step = Fifo.choose(world.agenda()).expect("servers began to talk");
    world.apply(&step);
    let before = world.fingerprint();
    let events = world.apply(&step);
    assert_eq!((world.fingerprint(), events.len()), (before, 0));
}
