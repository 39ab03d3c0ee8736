//! A million watches on a thousand connections cost at most 200 bytes each.
//!
//! It has a process of its own, because it reads how much memory the process has.
#![cfg(target_os = "linux")]

use zablab_core::tree::{Watch, WatchTable};
use zablab_core::types::{ConnId, Path};

const CONNECTIONS: u64 = 1000;
const WATCHES: u64 = 1_000_000;
const BYTES_MAX: u64 = 200;

/// Bytes of memory that this process has.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("it says so");
    let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("of KiB");
    kib * 1024
}

/// Sets the watches, each with a path from a frame of its own; gives what each one takes, too.
fn fill(path: impl Fn(u64) -> String) -> (u64, WatchTable) {
    let before = resident();
    let mut table = WatchTable::default();
    for at in 0..WATCHES {
        let path = Path::from(path(at));
        let watch = if at % 2 == 0 { Watch::Data(path) } else { Watch::Child(path) };
        table.add(watch, ConnId(at % CONNECTIONS));
    }
    let cost = resident().saturating_sub(before) / WATCHES;
    assert_eq!((table.count(), table.count_of(ConnId(7))), (WATCHES, WATCHES / CONNECTIONS));
    (cost, table)
}

#[test]
fn a_million_watches_fit() {
    let (apart, first) = fill(|at| format!("/services/orders/instance-{at:07}"));
    println!("{apart} bytes for a watch on a path of its own");
    assert!(apart <= BYTES_MAX, "{apart}");
    // The first ones stay, or their memory would serve these.
    let (shared, _second) = fill(|at| format!("/services/instance-{:07}", at / CONNECTIONS));
    println!("{shared} bytes for a watch on a path that all watch");
    assert!(shared <= BYTES_MAX, "{shared}");
    drop(first);
}
