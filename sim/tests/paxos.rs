//! Paxos in a world: random schedules with every fault that datagrams and machines have. The
//! correct protocol breaks nothing and ends; each known mistake is found.

use std::sync::Arc;

use zablab_core::paxos::Ask;
use zablab_core::prng::Prng;
use zablab_core::types::ServerId;
use zablab_sim::chooser::{Chooser, Random};
use zablab_sim::invariants::Invariant;
use zablab_sim::paxos::number_of;
use zablab_sim::script::{self, Start};
use zablab_sim::step::Side;
use zablab_sim::teaching::{Bug, BugSet, Teaching};
use zablab_sim::{Fault, Host, Keep, LaneId, Step, World};

/// Schedules of the correct protocol; enough to see every mistake many times over.
const SEEDS: u64 = 300;
const STEPS: u32 = 400;
/// Schedules until a known mistake must have shown.
const MISTAKE_SEEDS: u64 = 2_000;

struct Run {
    world: World,
    prng: Prng,
    chooser: Random,
}

fn sid(name: &str) -> ServerId {
    number_of(name).expect("a process's name")
}

impl Run {
    fn new(seed: u64, bugs: BugSet) -> Run {
        let text = "zablab script 1\ngiven paxos acceptors 3\ngiven paxos proposers 2\n\
                    given paxos learners 1\ngiven jitter 20ms\ngiven sync-jitter 5ms\n";
        let script = script::parse(text).expect("it is a script");
        let mut start = Start::of(&script).expect("it makes sense");
        Arc::make_mut(&mut start.given).seed = seed;
        let world = World::new(start.given, Teaching { bugs }).expect("disks are empty");
        Run { world, prng: Prng::new(seed), chooser: Random::new(seed) }
    }

    fn pick<T>(&mut self, mut all: Vec<T>) -> Option<T> {
        let len = all.len() as u64;
        (len > 0).then(|| all.swap_remove(self.prng.below(len) as usize))
    }

    fn ask(&mut self, name: &str, ask: Ask) {
        self.world.apply(&Step::Ask { server: sid(name), ask: Arc::new(ask) });
    }

    fn message(&mut self) -> Option<(LaneId, u64)> {
        let links: Vec<_> = self.world.net().links().collect();
        let under_way = links.iter().flat_map(|(id, link)| {
            [Side::Opener, Side::Acceptor].into_iter().flat_map(move |to| {
                let lane = LaneId { link: *id, to };
                link.in_flight(to).map(move |item| (lane, item.seq))
            })
        });
        let under_way = under_way.collect();
        self.pick(under_way)
    }

    fn fault(&mut self) -> Option<Fault> {
        let name = self.pick(vec!["A1", "A2", "A3", "P1", "P2", "L1"])?;
        let (server, other) = (sid(name), self.pick(vec!["A1", "A2", "A3"])?);
        let (a, b) = (Host::Server(server), Host::Server(sid(other)));
        Some(match self.prng.below(10) {
            0 => Fault::Crash { server, keep: Keep::NOTHING },
            1 => Fault::Crash { server, keep: Keep { reached: 3, ..Keep::NOTHING } },
            2 => Fault::Cut { a, b },
            3 => Fault::CutOneWay { from: a, to: b },
            4 | 5 => Fault::HealAll,
            6 => self.message().map(|(lane, seq)| Fault::Hold { lane, seq })?,
            7 => self.message().map(|(lane, seq)| Fault::Duplicate { lane, seq })?,
            _ => self.message().map(|(lane, seq)| Fault::Lose { lane, seq })?,
        })
    }

    fn start_all(&mut self) {
        for name in ["A1", "A2", "A3", "P1", "P2", "L1"] {
            self.world.apply(&Step::Fault(Fault::Start { server: sid(name) }));
        }
    }

    fn play(&mut self) {
        for _ in 0..STEPS {
            match self.prng.below(40) {
                0 => self.ask("P1", Ask::Propose { value: "a".into() }),
                1 => self.ask("P2", Ask::Propose { value: "b".into() }),
                2 | 3 => {
                    let reader = self.pick(vec!["A1", "A2", "A3"]).unwrap_or("A1");
                    self.ask(reader, Ask::Read);
                }
                4 | 5 => {
                    if let Some(fault) = self.fault() {
                        self.world.apply(&Step::Fault(fault));
                    }
                }
                6 => self.start_all(),
                _ => {
                    if let Some(step) = self.chooser.choose(self.world.agenda()) {
                        self.world.apply(&step);
                    }
                }
            }
        }
    }

    /// Everything is mended: a value must be chosen, and learned by who proposes.
    fn heal(&mut self) -> bool {
        self.world.apply(&Step::Fault(Fault::HealAll));
        self.start_all();
        self.ask("P1", Ask::Propose { value: "a".into() });
        self.ask("P2", Ask::Propose { value: "b".into() });
        for _ in 0..STEPS {
            let learned = |name| self.world.paxos(sid(name)).is_some_and(|p| p.learned.is_some());
            if learned("P1") && learned("P2") {
                return true;
            }
            let Some(step) = self.world.agenda().first().map(|entry| entry.step()) else { break };
            self.world.apply(&step);
        }
        false
    }
}

#[test]
fn the_correct_protocol_survives_and_ends() {
    for seed in 0..SEEDS {
        let mut run = Run::new(seed, BugSet::default());
        run.play();
        let ended = run.heal();
        assert_eq!(run.world.violations(), [], "seed {seed}");
        assert!(ended, "seed {seed}: nothing is learned");
    }
}

#[test]
fn every_known_mistake_is_found() {
    for (bug, invariant) in
        [(Bug::M44, Invariant::X5), (Bug::M45, Invariant::X1), (Bug::M46, Invariant::X4)]
    {
        let found = (0..MISTAKE_SEEDS).any(|seed| {
            let mut run = Run::new(seed, BugSet::default().with(bug));
            run.play();
            run.world.violations().iter().any(|violation| violation.invariant == invariant)
        });
        assert!(found, "{bug} does not break {invariant}");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let play = || {
        let mut run = Run::new(5, BugSet::default());
        run.play();
        run.world.fingerprint()
    };
    assert_eq!(play(), play());
}
