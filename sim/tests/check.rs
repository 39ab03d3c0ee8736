//! Exhaustive search in small: spaces that are searched whole, and bugs that it finds by itself.

use zablab_sim::check::{Bounds, search};
use zablab_sim::fuzz::Failure;
use zablab_sim::invariants::Invariant;
use zablab_sim::teaching::{Bug, BugSet};

fn two_servers() -> Bounds {
    Bounds { servers: 2, crashes: 1, epochs: 2, writes: 1, ..Bounds::default() }
}

#[test]
fn two_servers_and_a_crash_break_nothing() {
    let search = search(&two_servers(), |_| {});
    assert!(search.failure.is_none(), "{:?}", search.failure);
    assert!(search.whole && search.states > 1000, "{search:?}");
    assert!(search.known > 0 && search.ends > 0, "{search:?}");
}

#[test]
fn what_leads_beyond_the_last_epoch_is_not_followed() {
    let bounded = search(&Bounds { epochs: 1, ..two_servers() }, |_| {});
    assert!(bounded.whole && bounded.cut > 0, "{bounded:?}");
    assert!(bounded.states < search(&two_servers(), |_| {}).states);
}

#[test]
fn elections_step_by_step_break_nothing_either() {
    let bounds = Bounds { crashes: 0, epochs: 1, writes: 0, coarse: false, ..two_servers() };
    let whole = search(&bounds, |_| {});
    assert!(whole.whole && whole.failure.is_none(), "{:?}", whole.failure);
    let coarse = search(&Bounds { coarse: true, ..bounds }, |_| {});
    assert!(whole.states > coarse.states, "{} and {}", whole.states, coarse.states);
}

/// A search that lost schedules finds nothing either. These numbers follow the protocol: where it
/// sends or writes anything else they change, and where it does not they must not.
#[test]
fn it_finds_as_many_states_as_there_are() {
    let bounds = Bounds { servers: 3, crashes: 0, epochs: 1, writes: 1, ..Bounds::default() };
    let search = search(&bounds, |_| {});
    assert!(search.whole && search.failure.is_none(), "{:?}", search.failure);
    assert_eq!((search.states, search.ends), (1476, 9));
}

#[test]
fn it_stops_when_it_is_told_to() {
    let search = search(&Bounds { states: 100, ..two_servers() }, |_| {});
    assert_eq!(search.states, 100);
    assert!(!search.whole && search.failure.is_none());
}

#[test]
fn known_bugs_are_found_without_a_hint() {
    let found = |bug| {
        let bounds = Bounds { bugs: BugSet::default().with(bug), ..two_servers() };
        match search(&bounds, |_| {}).failure {
            Some((Failure::Broken(violation), steps)) => {
                assert!(!steps.is_empty());
                violation.invariant
            }
            other => panic!("{bug}: {other:?}"),
        }
    };
    assert_eq!(found(Bug::M01), Invariant::L3);
    assert_eq!(found(Bug::M02), Invariant::L2);
    assert_eq!(found(Bug::M13), Invariant::L1);
    assert_eq!(found(Bug::M14), Invariant::L2);
    assert_eq!(found(Bug::M32), Invariant::L4);
}
