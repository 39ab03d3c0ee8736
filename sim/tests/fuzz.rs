//! A few random schedules for every change; many more are run by `zablab-sim fuzz`.

use zablab_sim::fuzz::{self, Failure, Plan};
use zablab_sim::teaching::{Bug, BugSet};

#[test]
fn schedules_of_a_correct_ensemble_hold() {
    for (servers, seeds) in [(3, 1..13), (5, 1..5)] {
        for seed in seeds {
            let report = fuzz::run(Plan { servers, seed, bugs: BugSet::default() });
            let failure = report.failure.map(|failure| failure.to_string());
            assert_eq!(failure, None, "servers {servers} seed {seed}");
        }
    }
}

#[test]
fn a_schedule_can_be_played_again() {
    let plan = Plan { servers: 3, seed: 4, bugs: BugSet::default() };
    let (report, again) = (fuzz::run(plan), fuzz::run(plan));
    assert_eq!(report.steps, again.steps);
    let mut world = fuzz::start(plan);
    for step in &report.steps {
        world.apply(step);
    }
    assert_eq!(world.steps(), report.steps.len() as u64, "every step is possible again");
}

/// The first invariant that schedules find broken with this bug, in at most 300 of them.
fn caught(bug: Bug, servers: u32) -> Option<&'static str> {
    (1..=300).find_map(|seed| {
        let bugs = BugSet::default().with(bug);
        match fuzz::run(Plan { servers, seed, bugs }).failure? {
            Failure::Broken(violation) => Some(violation.invariant.id()),
            Failure::Gone { .. } | Failure::Stuck { .. } | Failure::Lost { .. } => None,
        }
    })
}

#[test]
fn every_known_bug_is_caught() {
    assert_eq!(caught(Bug::M32, 3), Some("L4"));
    assert_eq!(caught(Bug::M02, 3), Some("L2"));
    assert_eq!(caught(Bug::M13, 3), Some("L1"));
    assert!(caught(Bug::M30, 4).is_some());
}
