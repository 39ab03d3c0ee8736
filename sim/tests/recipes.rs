//! Every recipe with 50 contenders, while holders, other clients and servers crash.
//!
//! Sessions are long enough to outlive each fault, so nobody loses what it holds but by its own
//! crash. The scripts are played with all invariants; what the recipes promise is read off the
//! events: who was told what, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use zablab_core::recipes::Notice;
use zablab_core::types::ServerId;
use zablab_sim::script::{self, Played};
use zablab_sim::trace::What;
use zablab_sim::{Fault, Host};

const CLIENTS: u32 = 50;
/// How long a lock is held, in ms.
const HOLD_MS: u64 = 200;

/// The clients on three servers, what each does, and then the faults: two clients, a follower,
/// and the leader crash; the servers come back.
fn play(act: impl Fn(u32) -> String, rest: &str) -> Played {
    let mut text = String::from(
        "zablab script 1\ngiven servers 3\ngiven seed 5\ngiven jitter 3ms\ngiven clients",
    );
    (1..=CLIENTS).for_each(|n| write!(text, " c{n}").expect("a string takes all"));
    text += "\nstart 1..3\nrun until leads(3) and all(s in 1..3: serving(s)) within 20s\n";
    for n in 1..=CLIENTS {
        let first = n % 3 + 1;
        let (second, third) = (first % 3 + 1, (first + 1) % 3 + 1);
        let _infallible = writeln!(text, "c{n}: connect {first},{second},{third} timeout 30s");
    }
    let _infallible = writeln!(text, "run until count(ClientConnected) == {CLIENTS} within 30s");
    for n in 1..=CLIENTS {
        let _infallible = writeln!(text, "c{n}: {}", act(n));
    }
    text += "run for 1s\ncrash 1\nrun for 3s\nstart 1\nrun for 2s\nc7: crash\nc20: crash\nrun for 2s\n\
             crash 3\nrun for 8s\nstart 3\nrun for 5s\n";
    text += rest;
    let script = script::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    script::play(&script, true).unwrap_or_else(|error| panic!("{error}"))
}

/// What clients were told, with the time in ms.
fn told(played: &Played) -> Vec<(u64, u32, Notice)> {
    let told = played.events.iter().filter_map(|event| match (&event.what, event.host) {
        (What::RecipeTold { notice, .. }, Some(Host::Client(id))) => {
            Some((event.at.as_ms(), id.0, notice.clone()))
        }
        _ => None,
    });
    told.collect()
}

/// When clients crashed.
fn crashed(played: &Played) -> BTreeMap<u32, u64> {
    let crashes = played.events.iter().filter_map(|event| match event.what {
        What::FaultInjected(Fault::DropClient { client }) => Some((client.0, event.at.as_ms())),
        _ => None,
    });
    crashes.collect()
}

/// Who held something from when to when: until it gave it back by itself, or crashed.
fn held(played: &Played) -> Vec<(u64, u64, u32, i64)> {
    let crashed = crashed(played);
    let mut held = Vec::new();
    for (at, client, notice) in told(played) {
        if let Notice::Held { fence } = notice {
            let end = (at + HOLD_MS).min(crashed.get(&client).copied().unwrap_or(u64::MAX));
            held.push((at, end, client, fence));
        }
    }
    held
}

/// Everybody who did not crash held it once, and no more than so many at once.
fn assert_shared_by(played: &Played, limit: usize) {
    let held = held(played);
    let holders: Vec<u32> = held.iter().map(|(_, _, client, _)| *client).collect();
    let unique: BTreeSet<u32> = holders.iter().copied().collect();
    assert_eq!(holders.len(), unique.len(), "somebody held it twice");
    let crashed = crashed(played);
    let waiting: Vec<u32> = (1..=CLIENTS)
        .filter(|client| !unique.contains(client) && !crashed.contains_key(client))
        .collect();
    assert_eq!(waiting, Vec::<u32>::new(), "these wait for ever");
    for (at, _, client, _) in &held {
        let same = held.iter().filter(|(from, to, ..)| from <= at && at < to).count();
        assert!(same <= limit, "{same} hold it at {at} ms when client {client} gets it");
    }
}

/// Who comes later has a greater number.
fn assert_fences_rise(played: &Played) {
    let fences: Vec<i64> = held(played).iter().map(|(.., fence)| *fence).collect();
    assert!(fences.is_sorted(), "{fences:?}");
}

#[test]
fn the_lock_with_herd_effect_is_held_by_one_at_a_time() {
    let played = play(|_| format!("herd-lock /lock for {HOLD_MS}ms"), "run for 90s\n");
    assert_shared_by(&played, 1);
    assert_fences_rise(&played);
}

#[test]
fn the_fair_lock_is_held_by_one_at_a_time_in_the_order_of_the_line() {
    let played = play(|_| format!("lock /lock for {HOLD_MS}ms"), "run for 90s\n");
    assert_shared_by(&played, 1);
    assert_fences_rise(&played);
}

#[test]
fn who_waits_for_a_fair_lock_may_give_up() {
    let act = |n: u32| match n % 3 {
        0 => "lock /lock try for 200ms".to_owned(),
        1 => "lock /lock within 2s for 200ms".to_owned(),
        _ => "lock /lock for 200ms".to_owned(),
    };
    let played = play(act, "run for 90s\nexpect children(2, /lock) == 0\n");
    let ends: BTreeSet<u32> = told(&played).iter().map(|(_, client, _)| *client).collect();
    let crashed = crashed(&played);
    assert!((1..=CLIENTS).all(|client| ends.contains(&client) || crashed.contains_key(&client)));
    let count = |wanted: &Notice| told(&played).iter().filter(|(.., n)| n == wanted).count();
    assert!(count(&Notice::Busy) > 0 && count(&Notice::TimedOut) > 0);
    for (at, _, client, _) in held(&played) {
        let same = held(&played).iter().filter(|(from, to, ..)| *from <= at && at < *to).count();
        assert_eq!(same, 1, "client {client} is not alone at {at} ms");
    }
}

#[test]
fn writers_are_alone_and_readers_are_not() {
    let is_writer = |client: u32| client.is_multiple_of(5);
    let act = |n: u32| {
        let verb = if n.is_multiple_of(5) { "write-lock" } else { "read-lock" };
        format!("{verb} /lock for {HOLD_MS}ms")
    };
    let played = play(act, "run for 90s\n");
    assert_shared_by(&played, CLIENTS as usize);
    let held = held(&played);
    let mut most = 0;
    for (at, _, client, _) in &held {
        let others = held.iter().filter(|(from, to, ..)| from <= at && at < to);
        let others: Vec<u32> = others.map(|(_, _, other, _)| *other).collect();
        most = most.max(others.len());
        let has_writer = others.iter().any(|other| is_writer(*other));
        assert!(!has_writer || others.len() == 1, "client {client} is with {others:?}");
    }
    assert!(most > 1, "readers never shared it");
}

#[test]
fn a_semaphore_has_so_many_leases() {
    let act = |_| format!("acquire /leases number 3 for {HOLD_MS}ms");
    let played = play(act, "run for 90s\n");
    assert_shared_by(&played, 3);
}

#[test]
fn there_is_one_master_and_then_the_next() {
    let played = play(|_| format!("run-for-master /master for {HOLD_MS}ms"), "run for 90s\n");
    assert_shared_by(&played, 1);
    assert_fences_rise(&played);
}

#[test]
fn a_barrier_lets_all_pass_when_it_goes() {
    let act = |n: u32| if n == 1 { "create /barrier" } else { "await /barrier" }.to_owned();
    let rest = "expect count(RecipeTold since start notice=Passed) == 0\n\
                c1: delete /barrier\nrun for 60s\n";
    // The barrier has to stand before the others come.
    let act = |n: u32| if n == 1 { act(1) } else { format!("sync /{n}") };
    let waits: String = (2..=CLIENTS).map(|n| format!("c{n}: await /barrier\n")).collect();
    let rest = format!("{waits}run for 5s\n{}", rest.replace(" since start", ""));
    let played = play(act, &rest);
    let passed: BTreeSet<u32> = told(&played).iter().map(|(_, client, _)| *client).collect();
    assert_eq!(passed.len() as u32, CLIENTS - 1 - crashed(&played).len() as u32);
}

#[test]
fn a_double_barrier_opens_for_all_and_ends_for_all() {
    // Two of those who come early crash, so the four late ones are needed.
    let size = CLIENTS - 2;
    let act = |n: u32| match n {
        1..=4 => format!("sync /{n}"),
        _ => format!("enter /gate number {size}"),
    };
    let enter: String = (1..=4).map(|n| format!("c{n}: enter /gate number {size}\n")).collect();
    let leave: String = (2..=CLIENTS).map(|n| format!("c{n}: leave /gate\n")).collect();
    let rest = format!(
        "run for 40s\nexpect count(RecipeTold notice=Passed) == 0\n{enter}\
         run until count(RecipeTold notice=Passed) == {size} within 30s\n\
         {leave}run for 60ms\ncrash 2\nrun for 10s\nstart 2\nrun for 5s\n\
         expect count(RecipeTold notice=Left) == 0\nc1: leave /gate\n\
         run until count(RecipeTold notice=Left) == {size} within 60s\nexpect children(2, /gate) == 0\n"
    );
    play(act, &rest);
}

/// No item was taken twice, none is lost, and nobody waits for what is there.
fn assert_queue_is_exact(played: &Played) {
    let told = told(played);
    let count = |is: fn(&Notice) -> bool| told.iter().filter(|(.., notice)| is(notice)).count();
    let taken = told.iter().filter_map(|(.., notice)| match notice {
        Notice::Taken { text, .. } => Some(text),
        _ => None,
    });
    let taken: Vec<&String> = taken.collect();
    let unique: BTreeSet<&String> = taken.iter().copied().collect();
    assert_eq!(unique.len(), taken.len(), "an item was taken twice");
    let server = played.timeline.world().node(ServerId(1)).and_then(|node| node.process());
    let queue = server.and_then(|server| server.database().tree.get("/queue"));
    let left = queue.expect("the server is up and has the queue").children as usize;
    let stored = count(|notice| *notice == Notice::Stored);
    let unknown = count(|notice| *notice == Notice::Unknown);
    let crashed = crashed(played).len();
    // What nobody knows of, or a crashed client was about to take, may be gone.
    assert!(taken.len() + left + unknown + crashed >= stored, "{} of {stored}", taken.len());
    // Everybody who lives was answered, but consumers of an empty queue.
    let answered = stored + unknown + taken.len();
    assert!(answered + 2 * crashed >= 100 || left == 0, "{answered} answers, {left} are left");
    assert!(taken.len() > crashed && unknown > 0, "{} taken, {unknown} unknown", taken.len());
}

#[test]
fn every_item_of_a_queue_is_taken_once() {
    let act = |n: u32| {
        if n.is_multiple_of(2) { "take /queue".to_owned() } else { format!("put /queue \"{n}-a\"") }
    };
    let more: String = (1..=CLIENTS)
        .map(|n| match n % 2 {
            0 => format!("c{n}: take /queue\n"),
            _ => format!("c{n}: put /queue \"{n}-b\"\n"),
        })
        .collect();
    let played =
        play(act, &format!("{more}run for 60ms\ncrash 2\nrun for 10s\nstart 2\nrun for 60s\n"));
    assert_queue_is_exact(&played);
    let mut of: BTreeMap<u32, Vec<i32>> = BTreeMap::new();
    for (_, client, notice) in told(&played) {
        if let Notice::Taken { name, .. } = notice {
            let number = name.rsplit('-').next().and_then(|number| number.parse().ok());
            of.entry(client).or_default().push(number.expect("items are numbered"));
        }
    }
    assert!(of.values().all(|numbers| numbers.is_sorted()), "{of:?}");
}

#[test]
fn a_bounded_queue_never_has_more() {
    let act = |n: u32| match n % 2 {
        0 => "take /queue".to_owned(),
        _ => format!("put /queue \"{n}-a\" number 3"),
    };
    let more: String = (1..=CLIENTS)
        .map(|n| match n % 2 {
            0 => format!("c{n}: take /queue\n"),
            _ => format!("c{n}: put /queue \"{n}-b\" number 3\n"),
        })
        .collect();
    let played =
        play(act, &format!("{more}run for 60ms\ncrash 2\nrun for 10s\nstart 2\nrun for 90s\n"));
    assert_queue_is_exact(&played);
    // The children that anybody ever saw.
    let most = played.timeline.world().clients().flat_map(|(_, client)| client.history());
    let seen = most.filter_map(|call| match &call.returned {
        Some((_, outcome)) => match &outcome.result {
            Ok(zablab_core::wire::client::Response::Children2 { children, .. }) => {
                Some(children.len())
            }
            _ => None,
        },
        None => None,
    });
    assert_eq!(seen.max(), Some(3));
}

#[test]
fn followers_of_a_value_end_with_the_newest() {
    let act = |n: u32| if n == 1 { "create /config \"0\"" } else { "follow /config" }.to_owned();
    let rest = "c1: set /config \"1\"\nrun for 1s\ncrash 2\nc1: set /config \"2\"\nrun for 10s\n\
                start 2\nc1: set /config \"3\"\nc1: set /config \"4\"\nrun for 60s\n";
    let played = play(act, rest);
    let crashed = crashed(&played);
    let mut last = BTreeMap::new();
    for (_, client, notice) in told(&played) {
        if let Notice::Value { text, version } = notice {
            let before = last.insert(client, (text, version));
            assert!(before.is_none_or(|(_, before)| before < version), "told again or backwards");
        }
    }
    for client in (2..=CLIENTS).filter(|client| !crashed.contains_key(client)) {
        let newest = last.get(&client).map(|(text, _)| text.as_str());
        assert_eq!(newest, Some("4"), "client {client}");
    }
}

#[test]
fn members_know_each_other() {
    let act = |n: u32| format!("register /group \"address {n}\"");
    let watch: String = (1..=CLIENTS)
        .map(|n| {
            format!("c{n}: {} /group\n", if n.is_multiple_of(2) { "members" } else { "discover" })
        })
        .collect();
    let rest = format!("{watch}run for 5s\nc9: crash\nc30: unregister /group\nrun for 60s\n");
    let played = play(act, &rest);
    let crashed = crashed(&played);
    let mut last = BTreeMap::new();
    for (_, client, notice) in told(&played) {
        if let Notice::Members { names } = notice {
            last.insert(client, names);
        }
    }
    let living = CLIENTS as usize - crashed.len();
    assert_eq!(last.len(), living + usize::from(last.contains_key(&9)));
    for (client, names) in last.iter().filter(|(client, _)| !crashed.contains_key(client)) {
        assert_eq!(names.len(), living - 1, "client {client} knows {names:?}");
        let addresses = names.iter().filter(|name| name.starts_with("address ")).count();
        assert_eq!(addresses, if client.is_multiple_of(2) { 0 } else { living - 1 });
    }
}
