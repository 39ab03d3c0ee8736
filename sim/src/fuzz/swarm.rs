//! What kind of run a seed means: which faults, how often, and how fast everything is.
//!
//! Each seed switches a random subset of the faults off and draws the rates of the others afresh,
//! because a run with a little of everything rarely has enough of anything.

use zablab_core::config::PeerRole;
use zablab_core::prng::Prng;
use zablab_core::types::ServerId;

use crate::given::{Given, Timing};
use crate::link::Link;
use crate::step::{Fault, Host, Keep, LaneId, LinkId, Side};
use crate::world::World;

/// The kinds of faults that are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Drawn {
    Crash,
    CrashAll,
    Start,
    Cut,
    CutOneWay,
    Isolate,
    HealOne,
    HealAll,
    Reset,
    Lose,
    SlowDisk,
    SlowWay,
    FailDisk,
    JumpWallClock,
}

/// Each kind with the most weight that it may get. What mends is never switched off.
const KINDS: [(Drawn, u64, bool); 14] = [
    (Drawn::Crash, 8, false),
    (Drawn::CrashAll, 1, false),
    (Drawn::Start, 24, true),
    (Drawn::Cut, 4, false),
    (Drawn::CutOneWay, 4, false),
    (Drawn::Isolate, 4, false),
    (Drawn::HealOne, 6, true),
    (Drawn::HealAll, 6, true),
    (Drawn::Reset, 6, false),
    (Drawn::Lose, 6, false),
    (Drawn::SlowDisk, 3, false),
    (Drawn::SlowWay, 3, false),
    (Drawn::FailDisk, 1, false),
    (Drawn::JumpWallClock, 1, false),
];

/// The character of one run.
#[derive(Clone, Debug)]
pub(super) struct Swarm {
    /// How many steps the window with faults has.
    pub(super) window_steps: u64,
    /// One step in this many is a fault.
    fault_one_in: u64,
    weights: Vec<(Drawn, u64)>,
    total: u64,
    /// What is still to be injected, for faults of several parts.
    rest: Vec<Fault>,
}

impl Swarm {
    pub(super) fn draw(prng: &mut Prng, servers: u32) -> Swarm {
        let mut weights = Vec::new();
        for (kind, most, always) in KINDS {
            if always || prng.below(3) > 0 {
                weights.push((kind, 1 + prng.below(most)));
            }
        }
        Swarm {
            window_steps: 800 + prng.below(400 * u64::from(servers)),
            fault_one_in: [20, 40, 80, 160][prng.below(4) as usize],
            total: weights.iter().map(|(_, weight)| weight).sum(),
            weights,
            rest: Vec::new(),
        }
    }

    /// How the world of this run begins.
    pub(super) fn given(&self, prng: &mut Prng, servers: u32) -> Given {
        let mut given = Given::of_voters(servers, prng.next_u64());
        let tick_time_ms = [200, 500, 2000][prng.below(3) as usize];
        given.timing = Timing {
            tick_time_ms,
            init_limit: 5 + prng.below(6) as u32,
            sync_limit: 2 + prng.below(4) as u32,
            delay_us: 100 + prng.below(10_000),
            jitter_us: [0, 1000, 20_000][prng.below(3) as usize],
            sync_us: 100 + prng.below(5000),
            sync_jitter_us: [0, 10_000, 50_000][prng.below(3) as usize],
            give_up_ms: u64::from(tick_time_ms) * (2 + prng.below(20)),
            snap_count: [4, 30, 100_000][prng.below(3) as usize],
            commit_log_count: [2, 10, 500][prng.below(3) as usize],
            ..Timing::default()
        };
        let skewed = prng.below(2) == 0;
        let observer = servers > 3 && prng.below(4) == 0;
        for (sid, server) in &mut given.servers {
            if skewed {
                server.clock_ppm = prng.below(200_001) as i32 - 100_000;
            }
            if observer && sid.0 == i64::from(servers) {
                server.role = PeerRole::Observer;
            }
        }
        given
    }

    /// The next fault, if it is time for one.
    pub(super) fn next_fault(&mut self, prng: &mut Prng, world: &World) -> Option<Fault> {
        if let Some(fault) = self.rest.pop() {
            return Some(fault);
        }
        if !world.agenda().is_empty() && prng.below(self.fault_one_in) > 0 {
            return None;
        }
        let mut place = prng.below(self.total);
        let drawn = self.weights.iter().find(|(_, weight)| {
            let found = place < *weight;
            place = place.saturating_sub(*weight);
            found
        });
        let (kind, _) = *drawn?;
        self.make(kind, prng, world)
    }

    fn make(&mut self, kind: Drawn, prng: &mut Prng, world: &World) -> Option<Fault> {
        let servers: Vec<ServerId> = world.nodes().map(|(sid, _)| sid).collect();
        let server = servers[prng.below(servers.len() as u64) as usize];
        let other = servers[prng.below(servers.len() as u64) as usize];
        let (a, b) = (Host::Server(server), Host::Server(other));
        match kind {
            Drawn::Crash => {
                world.node(server)?.process()?;
                Some(Fault::Crash { server, keep: keep(prng, world, server) })
            }
            Drawn::CrashAll => {
                let crash = |server| Fault::Crash { server, keep: keep(prng, world, server) };
                self.rest = servers.into_iter().map(crash).collect();
                self.rest.pop()
            }
            Drawn::Start => {
                let down = world.nodes().find(|(_, node)| !node.is_up());
                down.map(|(server, _)| Fault::Start { server })
            }
            Drawn::Cut => (a != b).then_some(Fault::Cut { a, b }),
            Drawn::CutOneWay => (a != b).then_some(Fault::CutOneWay { from: a, to: b }),
            Drawn::Isolate => {
                let others = servers.into_iter().filter(|other| *other != server);
                self.rest = others.map(|sid| Fault::Cut { a, b: Host::Server(sid) }).collect();
                self.rest.pop()
            }
            Drawn::HealOne => {
                let cuts: Vec<(Host, Host)> = world.net().cuts().collect();
                let count = cuts.len() as u64;
                let (a, b) = *cuts.get(prng.below(count.max(1)) as usize)?;
                Some(Fault::Heal { a, b })
            }
            Drawn::HealAll => Some(Fault::HealAll),
            Drawn::Reset => some_link(prng, world).map(|(link, _)| Fault::Reset { link }),
            Drawn::Lose => {
                let (id, link) = some_link(prng, world)?;
                let to = [Side::Opener, Side::Acceptor][prng.below(2) as usize];
                let seq = link.in_flight(to).last()?.seq;
                Some(Fault::Lose { lane: LaneId { link: id, to }, seq })
            }
            Drawn::SlowDisk => {
                let sync_us = [100, 20_000, 300_000][prng.below(3) as usize];
                Some(Fault::SlowDisk { server, sync_us })
            }
            Drawn::SlowWay => {
                let delay_us = [100, 50_000, 500_000][prng.below(3) as usize];
                (a != b).then_some(Fault::Delay { from: a, to: b, delay_us })
            }
            Drawn::FailDisk => Some(Fault::FailDisk { server }),
            Drawn::JumpWallClock => {
                let by_ms = prng.below(7_200_000) as i64 - 3_600_000;
                Some(Fault::JumpWallClock { server, by_ms })
            }
        }
    }
}

/// What a crash leaves: everything, nothing, or some prefix, now and then with a torn write.
fn keep(prng: &mut Prng, world: &World, server: ServerId) -> Keep {
    let Some(node) = world.node(server) else { return Keep::NOTHING };
    let reached = prng.below(node.disk().under_way() as u64 + 1) as u32;
    let most = node.disk().unsynced() as u64 + u64::from(reached) + 1;
    match prng.below(4) {
        0 => Keep::ALL,
        1 => Keep::NOTHING,
        2 => Keep { reached, data: 0, torn: 0, names: 0 },
        _ => Keep {
            reached,
            data: prng.below(most) as u32,
            torn: prng.below(80) as u32,
            names: prng.below(most) as u32,
        },
    }
}

fn some_link<'w>(prng: &mut Prng, world: &'w World) -> Option<(LinkId, &'w Link)> {
    let count = world.net().links().count() as u64;
    world.net().links().nth(prng.below(count.max(1)) as usize)
}
