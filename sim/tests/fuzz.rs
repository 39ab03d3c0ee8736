//! A few random schedules for every change; many more are run by `zablab-sim fuzz`.

use zablab_sim::formats::messages::{Ask, More, Request, Source};
use zablab_sim::formats::zlab;
use zablab_sim::fuzz::{self, Failure, Faults, Plan, Report};
use zablab_sim::lab::Lab;
use zablab_sim::script;
use zablab_sim::teaching::{Bug, BugSet};

fn plan(servers: u32, seed: u64) -> Plan {
    Plan { servers, seed, bugs: BugSet::default(), faults: Faults::ALL }
}

#[test]
fn schedules_of_a_correct_ensemble_hold() {
    for (servers, seeds) in [(3, 1..13), (5, 1..5), (7, 1..3)] {
        for seed in seeds {
            let report = fuzz::run(plan(servers, seed));
            let failure = report.failure.map(|failure| failure.to_string());
            assert_eq!(failure, None, "servers {servers} seed {seed}");
        }
    }
}

#[test]
fn a_schedule_can_be_played_again() {
    let (report, again) = (fuzz::run(plan(3, 4)), fuzz::run(plan(3, 4)));
    assert_eq!(report.schedule, again.schedule);
    let mut world = report.schedule.world();
    for step in &report.schedule.steps {
        world.apply(step);
    }
    let taken = report.schedule.steps.len() as u64;
    assert_eq!(world.steps(), taken, "every step is possible again");
}

/// The first schedule that fails with this bug, of at most 300.
fn failing(bug: Bug, servers: u32) -> Option<(Report, Failure)> {
    let bugs = BugSet::default().with(bug);
    (1..=300).find_map(|seed| {
        let report = fuzz::run(Plan { bugs, ..plan(servers, seed) });
        let failure = report.failure.clone()?;
        Some((report, failure))
    })
}

#[test]
fn every_simple_bug_is_caught() {
    let caught = |bug, servers| failing(bug, servers).map(|(_, failure)| failure.name());
    assert_eq!(caught(Bug::M32, 3), Some("L4"));
    assert_eq!(caught(Bug::M02, 3), Some("L2"));
    assert_eq!(caught(Bug::M13, 3), Some("L1"));
    assert!(caught(Bug::M30, 4).is_some());
}

#[test]
fn a_failure_is_made_short_and_opens_everywhere() {
    for bug in [Bug::M01, Bug::M32, Bug::M03] {
        let (report, failure) = failing(bug, 3).expect("it is found");
        let short = fuzz::shrink(&report).expect("it failed").schedule;
        let (before, after) = (report.schedule.steps.len(), short.steps.len());
        assert!(after * 2 < before, "{bug}: {after} of {before} steps");
        let (again, at) = short.play().expect("it still fails");
        assert_eq!((again.name(), at), (failure.name(), after), "{bug}");
        // The file, as the command line plays it.
        let file = zlab::encode(&short.file().expect("a file can say it")).expect("it fits");
        let opened = script::open(&zlab::decode(&file).expect("it is a file")).expect("it opens");
        assert!(opened.same, "{bug}");
        let broken = opened.played.timeline.world().violations();
        assert_eq!(broken.first().map(|violation| violation.invariant.id()), Some(failure.name()));
        // The same as the page plays it.
        let link = zlab::to_link(&short.file().expect("a file can say it")).expect("it fits");
        let request = Request { id: 1, ask: Ask::Open(Source::Zlab(link)) };
        let (answer, _) = Lab::new().answer(request);
        let done = answer.result.expect("it opens");
        assert_eq!(done.more, More::Value(true), "{bug}");
        assert_eq!(done.view.position, after as u64);
    }
}

#[test]
fn what_only_a_healing_shows_is_made_short_before_it() {
    let (report, failure) = failing(Bug::M04, 3).expect("it is found");
    let short = fuzz::shrink(&report).expect("it failed");
    assert_eq!((failure.name(), short.failure.name()), ("E6", "E6"));
    assert!(short.healing > 0);
    let (before, after) = (report.schedule.steps.len(), short.schedule.steps.len());
    assert!(after * 2 < before, "{after} of {before} steps");
    let (again, at) = short.schedule.play().expect("it still fails");
    assert_eq!((again.name(), at), ("E6", after));
}
