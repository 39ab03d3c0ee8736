//! Storage on a disk that crashes: whatever is written, whenever the crash comes, a start finds
//! everything that was synced and nothing that was never written (invariant Z17).
#![allow(clippy::unwrap_used, reason = "in a test it is a failure like any other")]

#[path = "storage/disk.rs"]
mod disk;
#[path = "storage/rng.rs"]
mod rng;
#[path = "storage/server.rs"]
mod server;

use disk::Crash;
use proptest::prelude::*;
use server::{Act, Server};

fn any_crash() -> impl Strategy<Value = Crash> {
    prop_oneof![Just(Crash::Process), Just(Crash::Power), Just(Crash::PowerAnyOrder)]
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => Just(Act::Append),
        4 => Just(Act::Sync),
        2 => Just(Act::Truncate),
        1 => Just(Act::Accept),
        2 => Just(Act::Adopt),
        1 => Just(Act::Install),
        2 => Just(Act::Snapshot),
        1 => Just(Act::Reload),
        1 => any_crash().prop_map(Act::Crash),
        3 => (0..30_usize, any_crash()).prop_map(|(ops, crash)| Act::CrashAfter(ops, crash)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(600)
    })]

    #[test]
    fn a_start_finds_what_was_synced_and_nothing_else(
        acts in prop::collection::vec(any_act(), 1..60),
        preallocate in prop_oneof![Just(0_u64), Just(512), Just(8192)],
        seed: u64,
    ) {
        Server::new(preallocate, seed).run(&acts);
    }
}

/// One of everything, so that a crash in front of each single operation is tried.
const EVERYTHING: [Act; 19] = [
    Act::Accept,
    Act::Append,
    Act::Adopt,
    Act::Append,
    Act::Sync,
    Act::Snapshot,
    Act::Append,
    Act::Append,
    Act::Sync,
    Act::Truncate,
    Act::Append,
    Act::Sync,
    Act::Accept,
    Act::Install,
    Act::Append,
    Act::Adopt,
    Act::Append,
    Act::Truncate,
    Act::Sync,
];

#[test]
fn a_crash_may_come_in_front_of_every_operation() {
    for seed in 0..12 {
        let mut whole = Server::new(512, seed);
        whole.run(&EVERYTHING);
        assert!(whole.ops_run > 60, "{}", whole.ops_run);
        for crash in [Crash::Process, Crash::Power, Crash::PowerAnyOrder] {
            for ops in 0..whole.ops_run {
                let mut acts = vec![Act::CrashAfter(ops, crash)];
                acts.extend(EVERYTHING);
                Server::new(512, seed).run(&acts);
            }
        }
    }
}
