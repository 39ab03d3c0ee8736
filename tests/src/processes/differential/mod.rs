//! ZooKeeper itself and our server, asked the same: every reply, event and closed connection.
//!
//! Both are standalone servers in processes of their own. The same random requests of several
//! clients go to both; what they answer must be the same, but for the rows of [`ALLOWED`].
//! Ours must also say what the [naive model](crate::model) says.
//! What that model does not have is asked by a [pair](pair) of servers, one request at a time.
//! `ZABLAB_OPERATIONS` says how many requests, `ZABLAB_SEED` from which seed.

mod avoided;
mod cluster;
mod pair;
mod proofs;
mod quotas;
mod reaping;
mod reconfig;
mod sockets;

use std::collections::BTreeMap;

use sockets::{Program, Sockets};
use zablab_core::wire::client::{OpCode, Request};

use crate::allowed::{self, ALLOWED};
use crate::workload::Ask;
use crate::workload::play::{Expected, Play, Round};
use crate::workload::talk::Item;

/// How many operations the test of every change has.
const OPERATIONS: u64 = 10_000;
const CLIENTS: usize = 5;
/// Where each server's answers are in a round.
const OURS: usize = 0;
const THEIRS: usize = 1;

/// Containers and what has lived for its time stay during a test.
const SELDOM_REAPED: &str = "znode.container.checkIntervalMs=2000000000";

/// How often each row was met.
type Met = BTreeMap<&'static str, u64>;

#[test]
fn zookeeper_and_ours_answer_the_same() {
    let (seed, operations) = (given("ZABLAB_SEED", 1), given("ZABLAB_OPERATIONS", OPERATIONS));
    let servers = [Program::Zablab, Program::ZooKeeper]
        .map(|program| Sockets::start(program, &[SELDOM_REAPED]));
    let avoids = |client, ask: &_, world: &_| avoided::is_avoided(client, ask, world);
    let play = Play::new(seed, CLIENTS, servers.into(), avoids);
    // Until it is applied, ZooKeeper checks what is asked behind it by the list before.
    let mut play = play.waiting_for(|ask| matches!(ask, Ask::Request(Request::SetAcl(_))));
    let mut met = Met::new();
    let mut differences = Vec::new();
    check(&play.begin(), &mut met, &mut differences);
    while play.asked() < operations && differences.is_empty() {
        check(&play.step(), &mut met, &mut differences);
    }
    println!("{}", play.table());
    for (name, times) in &met {
        println!("{name:<22}{times:>9}");
    }
    assert!(differences.is_empty(), "seed {seed}:\n{}", differences.join("\n"));
    for (op, count) in &play.counts {
        let may_fail = matches!(op, None | Some(OpCode::Check));
        assert!(may_fail || 2 * count.succeeded >= count.all, "most of {op:?} fail: {count:?}");
    }
}

/// A number that the environment may give.
fn given(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(given) => given.parse().unwrap_or_else(|_| panic!("{name}={given}")),
        Err(_) => default,
    }
}

/// Compares what was said in a round.
fn check(round: &Round, met: &mut Met, differences: &mut Vec<String>) {
    round.check(OURS);
    for client in 0..CLIENTS {
        let expected = &round.expected[client];
        if let Err(what) = compare(expected, round, client, met) {
            differences.push(format!("client {client}: {what}\nin the round {}", round.what));
        }
    }
}

fn compare(
    expected: &[Expected],
    round: &Round,
    client: usize,
    met: &mut Met,
) -> Result<(), String> {
    let mut ours = round.told[OURS][client].iter();
    let mut theirs = round.told[THEIRS][client].iter().peekable();
    for expected in expected {
        // Some builds of 3.8 have the fix that withholds it, too.
        if expected.withheld && !theirs.peek().is_some_and(|item| allowed::is_told(expected, item))
        {
            continue;
        }
        let our = if expected.withheld { None } else { ours.next() };
        let their = theirs.next();
        if our == their {
            continue;
        }
        let row = ALLOWED.iter().find(|row| (row.covers)(expected, our, their));
        let Some(row) = row else {
            return Err(format!("\n  ours {our:?}\ntheirs {their:?}"));
        };
        *met.entry(row.name).or_default() += 1;
    }
    let rest: Vec<&Item> = theirs.collect();
    if rest.is_empty() { Ok(()) } else { Err(format!("only theirs: {rest:?}")) }
}
