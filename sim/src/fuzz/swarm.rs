//! What kind of run a seed means: which faults, how often, and how fast everything is.
//!
//! Each seed switches a random subset of the faults off and draws the rates of the others afresh,
//! because a run with a little of everything rarely has enough of anything.

use zablab_core::config::{CrossEpoch, PeerRole};
use zablab_core::prng::Prng;
use zablab_core::storage::FileId;
use zablab_core::trace::{Phase, Role};
use zablab_core::types::{Epoch, ServerId};

use super::Plan;
use super::coverage::Kind;
use crate::link::Link;
use crate::node::Node;
use crate::script::ast::{Given, Sids};
use crate::step::{Fault, Host, Keep, LaneId, LinkId, Side, Stored};
use crate::teaching::Bug;
use crate::world::World;

/// What is drawn: a fault, or several that belong together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Drawn {
    Crash,
    CrashAll,
    Start,
    Cut,
    CutOneWay,
    Isolate,
    Partition,
    HealOne,
    HealAll,
    Reset,
    Lose,
    Hold,
    SlowDisk,
    SlowWay,
    FailDisk,
    FillDisk,
    FreeDisk,
    FlipByte,
    Pause,
    Resume,
    WipeObserver,
    JumpWallClock,
}

/// Each with the most weight that it may get, and the fault that it is. What mends is never
/// switched off.
const KINDS: [(Drawn, u64, Option<Kind>); 22] = [
    (Drawn::Crash, 12, Some(Kind::Crash)),
    (Drawn::CrashAll, 1, Some(Kind::Crash)),
    (Drawn::Start, 24, None),
    (Drawn::Cut, 4, Some(Kind::Cut)),
    (Drawn::CutOneWay, 4, Some(Kind::CutOneWay)),
    (Drawn::Isolate, 4, Some(Kind::Cut)),
    (Drawn::Partition, 2, Some(Kind::Cut)),
    (Drawn::HealOne, 6, None),
    (Drawn::HealAll, 6, None),
    (Drawn::Reset, 6, Some(Kind::Reset)),
    (Drawn::Lose, 6, Some(Kind::Lose)),
    (Drawn::Hold, 6, Some(Kind::Hold)),
    (Drawn::SlowDisk, 3, Some(Kind::SlowDisk)),
    (Drawn::SlowWay, 3, Some(Kind::SlowWay)),
    (Drawn::FailDisk, 1, Some(Kind::FailDisk)),
    (Drawn::FillDisk, 1, Some(Kind::FillDisk)),
    (Drawn::FreeDisk, 4, None),
    (Drawn::FlipByte, 4, Some(Kind::FlipByte)),
    (Drawn::Pause, 4, Some(Kind::Pause)),
    (Drawn::Resume, 8, None),
    (Drawn::WipeObserver, 4, Some(Kind::WipeDisk)),
    (Drawn::JumpWallClock, 1, Some(Kind::JumpClock)),
];

/// What still fits on a disk that is filled, in bytes at most: some transactions.
const ROOM_MAX: u64 = 2000;
/// Where the content of a log record begins, in bytes: behind its checksum and its length. A wrong
/// length is not told from the end of a torn write.
const BEHIND_LEN: u32 = 12;
/// While a log is being cut, its disk fails in one step of so many.
const CUT_FAILS_ONE_IN: u64 = 40;
/// The longest jump of a wall clock, in ms: one hour.
const JUMP_MAX_MS: u64 = 3_600_000;

/// The character of one run.
#[derive(Clone, Debug)]
pub(super) struct Swarm {
    /// How many steps the window with faults has.
    pub(super) window_steps: u64,
    /// One step in this many is a fault.
    fault_one_in: u64,
    weights: Vec<(Drawn, u64)>,
    total: u64,
    /// One fault in this many hits whoever leads, and as many whoever is being synchronized.
    aimed_one_in: u64,
    /// True if all servers start at once.
    starts_whole: bool,
    skewed: bool,
    /// What is still to be injected, for faults of several parts, the last one first.
    rest: Vec<Fault>,
}

impl Swarm {
    pub(super) fn draw(prng: &mut Prng, plan: &Plan) -> Swarm {
        let mut weights = Vec::new();
        for (kind, most, fault) in KINDS {
            let drawn = fault.is_none() || prng.below(3) > 0;
            let weight = 1 + prng.below(most);
            if drawn && fault.is_none_or(|fault| plan.faults.has(fault)) {
                weights.push((kind, weight));
            }
        }
        Swarm {
            window_steps: 800 + prng.below(400 * u64::from(plan.servers)),
            fault_one_in: [20, 40, 80, 160][prng.below(4) as usize],
            total: weights.iter().map(|(_, weight)| weight).sum(),
            weights,
            aimed_one_in: [2, 4, 1000][prng.below(3) as usize],
            starts_whole: prng.below(3) > 0,
            skewed: prng.below(2) == 0 && plan.faults.has(Kind::SkewClock),
            rest: Vec::new(),
        }
    }

    /// How the world of this run begins, beside its clients; no server is up.
    pub(super) fn given(&self, prng: &mut Prng, plan: &Plan) -> Vec<Given> {
        let pick = |prng: &mut Prng, values: [u64; 3]| values[prng.below(3) as usize];
        let tick_us = pick(prng, [200_000, 500_000, 2_000_000]);
        let mut given = vec![
            Given::Servers(plan.servers),
            Given::Seed(prng.next_u64()),
            Given::Tick(tick_us),
            Given::InitLimit(5 + prng.below(6) as u32),
            Given::SyncLimit(2 + prng.below(4) as u32),
            Given::Delay(100 + prng.below(10_000)),
            Given::Jitter(pick(prng, [0, 1000, 20_000])),
            Given::SyncTime(100 + prng.below(5000)),
            Given::SyncJitter(pick(prng, [0, 10_000, 50_000])),
            Given::GiveUp(tick_us * (2 + prng.below(20))),
            Given::SnapCount(pick(prng, [4, 30, 100_000]) as u32),
            Given::Window(pick(prng, [2, 10, 500]) as u32),
        ];
        given.push(Given::LogDiff(pick(prng, [0, 33, 1000]) as u32));
        if prng.below(4) == 0 {
            given.push(Given::CrossEpoch(CrossEpoch::TruncDiff));
        }
        // The last server; with two voters less can be survived, so mostly not of three.
        if prng.below(if plan.servers > 3 { 3 } else { 6 }) == 0 && plan.servers > 2 {
            given.push(Given::Observers(one(ServerId(i64::from(plan.servers)))));
        }
        if prng.below(5) == 0 {
            given.push(Given::Counter(Sids::All, u32::MAX - prng.below(30) as u32));
        }
        let sids = (1..=i64::from(plan.servers)).map(ServerId);
        let (promised, elected) = (prng.below(5) == 0, prng.below(2) == 0);
        for sid in sids {
            if self.skewed {
                given.push(Given::ClockPpm(one(sid), prng.below(200_001) as i32 - 100_000));
            }
            // A server may have promised, or taken part in elections, before all others did.
            if promised && prng.below(3) == 0 {
                given.push(Given::AcceptedEpoch(one(sid), Epoch(1 + prng.below(3) as u32)));
            }
            if elected {
                given.push(Given::Round(one(sid), prng.below(4)));
            }
        }
        if prng.below(4) == 0 || plan.bugs.iter().any(|bug| bug == Bug::M28) {
            given.push(Given::ReadOnlyMode(true));
        }
        if prng.below(6) == 0 {
            given.push(Given::LocalSessions(true));
            given.push(Given::LocalSessionsUpgrading(prng.below(2) == 0));
        }
        if prng.below(6) == 0 && plan.servers > 2 {
            given.extend([Given::Reconfig(true), Given::SkipAcl(true)]);
            if prng.below(3) == 0 {
                given.push(Given::Joining(one(ServerId(1))));
            }
        }
        given.extend(plan.bugs.iter().map(|bug| Given::Bug(bug.name().to_owned())));
        given
    }

    /// The servers that start at the beginning: all, or some of them.
    pub(super) fn starters(&self, prng: &mut Prng, servers: &[ServerId]) -> Vec<ServerId> {
        let starts = |_: &&ServerId| self.starts_whole || prng.below(2) == 0;
        servers.iter().filter(starts).copied().collect()
    }

    /// The next fault, if it is time for one.
    pub(super) fn next_fault(&mut self, prng: &mut Prng, world: &World) -> Option<Fault> {
        if let Some(fault) = self.rest.pop() {
            return Some(fault);
        }
        if let Some(server) = self.cutting(world)
            && prng.below(CUT_FAILS_ONE_IN) == 0
        {
            return Some(Fault::FailDisk { server });
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

    /// A server whose log is being cut, if disks may fail: that is rare and soon over.
    fn cutting(&self, world: &World) -> Option<ServerId> {
        let fails = |(drawn, weight): &(Drawn, u64)| *drawn == Drawn::FailDisk && *weight > 0;
        let mut cutting = world.nodes().filter(|(_, node)| node.is_cutting());
        let (server, _) = cutting.next()?;
        self.weights.iter().any(fails).then_some(server)
    }

    /// Whom a fault hits.
    fn target(&self, prng: &mut Prng, world: &World, servers: &[ServerId]) -> ServerId {
        let any = servers[prng.below(servers.len() as u64) as usize];
        let aimed = match prng.below(self.aimed_one_in) {
            0 => servers.iter().find(|sid| world.role(**sid) == Some(Role::Leading)),
            1 => servers.iter().find(|sid| {
                let view = world.view(**sid);
                view.is_some_and(|view| view.phase == Phase::Synchronization)
            }),
            _ => None,
        };
        aimed.copied().unwrap_or(any)
    }

    fn make(&mut self, kind: Drawn, prng: &mut Prng, world: &World) -> Option<Fault> {
        let servers: Vec<ServerId> = world.nodes().map(|(sid, _)| sid).collect();
        let server = self.target(prng, world, &servers);
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
                let down: Vec<ServerId> = startable(world).collect();
                let server = *down.get(prng.below(down.len().max(1) as u64) as usize)?;
                Some(Fault::Start { server })
            }
            Drawn::Cut => (a != b).then_some(Fault::Cut { a, b }),
            Drawn::CutOneWay => (a != b).then_some(Fault::CutOneWay { from: a, to: b }),
            Drawn::Isolate => {
                let others = servers.into_iter().filter(|other| *other != server);
                self.rest = others.map(|sid| Fault::Cut { a, b: Host::Server(sid) }).collect();
                self.rest.pop()
            }
            Drawn::Partition => {
                let sides: Vec<(Host, bool)> = servers
                    .into_iter()
                    .map(|sid| (Host::Server(sid), prng.below(2) == 0))
                    .collect();
                let here = sides.iter().filter(|(_, here)| *here);
                self.rest = here
                    .flat_map(|(a, _)| {
                        let there = sides.iter().filter(|(_, here)| !*here);
                        there.map(|(b, _)| Fault::Cut { a: *a, b: *b })
                    })
                    .collect();
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
            Drawn::Lose => some_message(prng, world).map(|(lane, seq)| Fault::Lose { lane, seq }),
            Drawn::Hold => {
                let (lane, seq) = some_message(prng, world)?;
                // Now and then all that was held flows again.
                self.rest = vec![Fault::HealAll; usize::from(prng.below(8) == 0)];
                Some(Fault::Hold { lane, seq })
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
            Drawn::FillDisk => Some(Fault::FillDisk { server, left: prng.below(ROOM_MAX) as u32 }),
            Drawn::FreeDisk => {
                let full = world.nodes().find(|(_, node)| node.disk().is_limited());
                full.map(|(server, _)| Fault::FreeDisk { server })
            }
            Drawn::FlipByte => {
                let server = observers(world).next()?;
                let view = world.view(server)?;
                let snapshots = world.node(server)?.disk().files().filter_map(FileId::snapshot_end);
                let of = match (prng.below(6), snapshots.max()) {
                    (0, _) => Stored::AcceptedEpoch,
                    (1, _) => Stored::CurrentEpoch,
                    (2 | 3, Some(newest)) => Stored::Snapshot(newest),
                    _ => Stored::Record(view.last_logged),
                };
                let crash = Fault::Crash { server, keep: Keep::ALL };
                self.rest = vec![Fault::Start { server }, crash];
                let at = BEHIND_LEN + prng.below(32) as u32;
                Some(Fault::FlipByte { server, of, at })
            }
            Drawn::Pause => Some(Fault::Pause { host: a }),
            Drawn::Resume => sleepers(world).next().map(|host| Fault::Resume { host }),
            Drawn::WipeObserver => {
                // A voter's disk holds what others rely on.
                let server = observers(world).next()?;
                self.rest = vec![Fault::WipeDisk { server }];
                Some(Fault::Crash { server, keep: Keep::ALL })
            }
            Drawn::JumpWallClock => {
                let by_ms = prng.below(2 * JUMP_MAX_MS + 1) as i64 - JUMP_MAX_MS as i64;
                Some(Fault::JumpWallClock { server, by_ms })
            }
        }
    }
}

/// The servers that never vote.
pub(super) fn observers(world: &World) -> impl Iterator<Item = ServerId> + '_ {
    let may_change = world.given().timing.reconfig;
    let servers = world.given().servers.iter().filter(move |_| !may_change);
    servers.filter(|(_, server)| server.role == PeerRole::Observer).map(|(sid, _)| *sid)
}

/// The servers that are down and not for good.
pub(super) fn startable(world: &World) -> impl Iterator<Item = ServerId> + '_ {
    let down = world.nodes().filter(|(_, node)| !node.is_up());
    down.filter(|(_, node)| !node.is_left_out()).map(|(sid, _)| sid)
}

/// The servers that the ensemble is to have again: all but those that were taken out and ended.
pub(super) fn members(world: &World) -> impl Iterator<Item = (ServerId, &Node)> + '_ {
    world.nodes().filter(|(_, node)| node.is_up() || !node.is_left_out())
}

/// The servers that stand still.
pub(super) fn sleepers(world: &World) -> impl Iterator<Item = Host> + '_ {
    let servers = world.nodes().map(|(sid, _)| Host::Server(sid));
    servers.filter(|host| world.net().is_asleep(*host))
}

fn one(server: ServerId) -> Sids {
    Sids::List(vec![(server, server)])
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

/// The last message under way on some lane.
fn some_message(prng: &mut Prng, world: &World) -> Option<(LaneId, u64)> {
    let (link, net) = some_link(prng, world)?;
    let to = [Side::Opener, Side::Acceptor][prng.below(2) as usize];
    let seq = net.in_flight(to).last()?.seq;
    Some((LaneId { link, to }, seq))
}
