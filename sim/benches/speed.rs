//! How fast the simulator is: elections, and steps of a broadcast, on one core with all invariants.
//!
//! Run by hand: `cargo bench -p zablab-sim --bench speed`. It prints; it holds nobody to a number.
#![expect(clippy::disallowed_types, reason = "how long it takes is no simulated time")]

use std::fs;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mimalloc::MiMalloc;
use zablab_core::trace::Event;
use zablab_core::tree::acl::{self, world_anyone};
use zablab_core::types::{Path, ServerId};
use zablab_core::wire::client::{CreateMode, CreateRequest, Request};
use zablab_sim::chooser::{Chooser, Fifo};
use zablab_sim::client::ClientOp;
use zablab_sim::step::ClientId;
use zablab_sim::teaching::Teaching;
use zablab_sim::trace::{TraceEvent, What};
use zablab_sim::{Given, Step, World};

/// As `zablab-sim` has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How long each kind of run is repeated.
const MEASURED: Duration = Duration::from_secs(5);
const VOTERS: u32 = 3;
const CLIENTS: u32 = 3;
/// Writes that each client has under way at the beginning of a broadcast.
const WRITES: u32 = 1000;

/// When the first measurement began, for systems that do not tell what [`core_time`] asks.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How long this thread has had a core: what else the machine does is not measured.
fn core_time() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| BEGAN.elapsed(), Duration::from_nanos)
}

fn world(seed: u64) -> World {
    World::new(Arc::new(Given::of_voters(VOTERS, seed)), Teaching::default())
        .expect("empty disks are possible")
}

/// Takes the step that is due first; its events.
fn step(world: &mut World) -> Vec<TraceEvent> {
    let step = Fifo.choose(world.agenda()).expect("timers never end");
    world.apply(&step)
}

/// Runs until a quorum has acknowledged NEWLEADER; the number of steps.
fn elect(world: &mut World) -> u64 {
    let is_over = |event: &TraceEvent| matches!(event.what, What::Core(Event::Established { .. }));
    while !step(world).iter().any(is_over) {}
    world.steps()
}

fn elections() {
    let (began, mut count, mut steps) = (core_time(), 0_u64, 0);
    while core_time() - began < MEASURED {
        let mut world = world(count);
        steps += elect(&mut world);
        assert!(world.violations().is_empty());
        count += 1;
    }
    let seconds = (core_time() - began).as_secs_f64();
    println!(
        "elections: {:.0} a second, {:.0} steps each, {:.0} steps a second",
        count as f64 / seconds,
        steps as f64 / count as f64,
        steps as f64 / seconds
    );
}

/// An ensemble with a leader, and clients whose writes are all under way.
fn loaded(seed: u64) -> World {
    let mut world = world(seed);
    elect(&mut world);
    for client in 1..=CLIENTS {
        let servers = vec![ServerId(i64::from(client))];
        let connect = ClientOp::Connect { servers, timeout_ms: 30_000, read_only: false };
        let client = ClientId(client);
        world.apply(&Step::Act { client, op: Arc::new(connect) });
    }
    let connected = |event: &TraceEvent| matches!(event.what, What::ClientConnected { .. });
    let mut standing = 0;
    while standing < CLIENTS {
        standing += step(&mut world).iter().filter(|event| connected(event)).count() as u32;
    }
    for number in 0..CLIENTS * WRITES {
        let request = CreateRequest {
            path: Path::from(format!("/n{number}")),
            data: Some(Bytes::from_static(b"measured")),
            acl: vec![world_anyone(acl::ALL)],
            flags: CreateMode::Persistent.to_wire(),
        };
        let client = ClientId(1 + number % CLIENTS);
        let op = Arc::new(ClientOp::Request(Request::Create(request)));
        world.apply(&Step::Act { client, op });
    }
    world
}

fn broadcast() {
    let (mut spent, mut steps, mut writes) = (Duration::ZERO, 0_u64, 0_u64);
    for seed in 0.. {
        let mut world = loaded(seed);
        let (began, first) = (core_time(), world.steps());
        let mut returned = 0;
        while returned < CLIENTS * WRITES {
            let is_return = |event: &&TraceEvent| matches!(event.what, What::ClientReturned { .. });
            returned += step(&mut world).iter().filter(is_return).count() as u32;
        }
        spent += core_time() - began;
        steps += world.steps() - first;
        writes += u64::from(returned);
        assert!(world.violations().is_empty());
        if spent >= MEASURED {
            break;
        }
    }
    let seconds = spent.as_secs_f64();
    println!(
        "broadcast: {:.0} steps a second, {:.0} writes a second, {:.1} steps each",
        steps as f64 / seconds,
        writes as f64 / seconds,
        steps as f64 / writes as f64
    );
}

fn main() {
    elections();
    broadcast();
}
