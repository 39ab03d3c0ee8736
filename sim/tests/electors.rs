//! The elections before FastLeaderElection, over datagrams that are lost, doubled and overtaken.

use std::sync::Arc;

use zablab_core::config::ElectionAlg;
use zablab_core::prng::Prng;
use zablab_core::trace::Role;
use zablab_core::types::{Mono, ServerId};
use zablab_sim::chooser::{Chooser, Fifo};
use zablab_sim::step::{LaneId, Side};
use zablab_sim::teaching::Teaching;
use zablab_sim::{Fault, Given, Keep, World};

/// One datagram of so many is lost, and as many are doubled.
const ONE_OF: u64 = 8;
const SEEDS: u64 = 25;

struct Run {
    world: World,
    prng: Prng,
    /// Datagrams that have met their fate.
    judged: Vec<(LaneId, u64)>,
}

impl Run {
    fn new(election: ElectionAlg, seed: u64) -> Run {
        let mut given = Given::of_voters(3, seed);
        given.timing.election = election;
        given.timing.jitter_us = 30_000;
        let world = World::new(Arc::new(given), Teaching::default()).expect("empty disks");
        Run { world, prng: Prng::new(seed), judged: Vec::new() }
    }

    /// Loses and doubles some of the datagrams that are new.
    fn spoil(&mut self) {
        let lanes = self.world.net().links().filter(|(_, link)| link.datagrams);
        let under_way = lanes.flat_map(|(id, link)| {
            [Side::Opener, Side::Acceptor].into_iter().flat_map(move |to| {
                let lane = LaneId { link: id, to };
                link.in_flight(to).map(move |item| (lane, item.seq))
            })
        });
        let fresh: Vec<(LaneId, u64)> = under_way.filter(|it| !self.judged.contains(it)).collect();
        for (lane, seq) in fresh {
            self.judged.push((lane, seq));
            match self.prng.below(ONE_OF) {
                0 => self.fault(Fault::Lose { lane, seq }),
                1 => self.fault(Fault::Duplicate { lane, seq }),
                _ => {}
            }
        }
    }

    fn fault(&mut self, fault: Fault) {
        self.world.apply(&zablab_sim::Step::Fault(fault));
    }

    /// Runs on until one leads and all that are up serve.
    fn elect(&mut self, why: &str) -> ServerId {
        let end = Mono(self.world.now().0 + 120_000_000);
        loop {
            if let Some(leader) = self.leader() {
                return leader;
            }
            self.spoil();
            let step = Fifo.choose(self.world.agenda()).expect("timers never end");
            self.world.apply(&step);
            assert_eq!(self.world.violations(), [], "{why}");
            assert!(self.world.now() < end, "{why}: nobody leads after two minutes");
        }
    }

    fn leader(&self) -> Option<ServerId> {
        let up = self.world.nodes().filter(|(_, node)| node.is_up());
        let views: Vec<_> = up.filter_map(|(sid, _)| self.world.view(sid)).collect();
        let leader = views.iter().find(|view| view.role == Role::Leading)?.me;
        views.iter().all(|view| view.serving && view.leader == Some(leader)).then_some(leader)
    }
}

fn elects_again_and_again(election: ElectionAlg) {
    for seed in 0..SEEDS {
        let why = format!("{election:?}, seed {seed}");
        let mut run = Run::new(election, seed);
        let first = run.elect(&why);
        run.fault(Fault::Crash { server: first, keep: Keep::NOTHING });
        let second = run.elect(&why);
        assert_ne!(first, second, "{why}");
        // One that comes late takes nothing over.
        run.fault(Fault::Start { server: first });
        assert_eq!(run.elect(&why), second, "{why}");
        assert!(!run.judged.is_empty(), "{why}: nothing came by datagram");
    }
}

#[test]
fn by_polls() {
    elects_again_and_again(ElectionAlg::Polling);
}

#[test]
fn by_pushed_votes() {
    elects_again_and_again(ElectionAlg::Pushing { challenge: false });
}

#[test]
fn by_pushed_votes_behind_a_challenge() {
    elects_again_and_again(ElectionAlg::Pushing { challenge: true });
}

#[test]
fn no_connection_is_made_for_them() {
    let mut run = Run::new(ElectionAlg::Polling, 1);
    run.elect("polls");
    let ports = run.world.net().links().filter(|(_, link)| !link.datagrams);
    assert!(
        ports.into_iter().all(|(_, link)| link.port != zablab_core::process::PortKind::Election)
    );
}
