//! The core against a naive model of the world of znodes: the same random requests of several
//! clients, and the same replies and watch events, each in its place.
//!
//! `ZABLAB_OPERATIONS` says how many, `ZABLAB_SEED` from which seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::{Buf, Bytes};
use zablab_core::config::ServerConfig;
use zablab_core::endpoint::Endpoint;
use zablab_core::policy::Correct;
use zablab_core::process::{Effect, Input, Out, PortKind, Process};
use zablab_core::storage::Recovered;
use zablab_core::tree::Database;
use zablab_core::types::{ConnId, Mono, Now, Ticket, WallMs};
use zablab_tests::workload::play::Play;
use zablab_tests::workload::talk::Server;

/// How many operations the test of every change has.
const OPERATIONS: u64 = 100_000;
const CLIENTS: usize = 5;

/// A standalone server's core. Its disk is as fast as the driver lets it be: all that a chunk of
/// bytes leads to is written before any of it is durable.
struct Core {
    endpoint: Endpoint<Correct>,
    now: Now,
    conns: BTreeMap<usize, ConnId>,
    last_conn: u64,
    aside: Option<ConnId>,
    received: BTreeMap<ConnId, VecDeque<Bytes>>,
    ended: BTreeSet<ConnId>,
}

impl Core {
    fn start() -> Core {
        let zoo_cfg = "dataDir=/data\nclientPort=2181\ntickTime=200\nmaxSessionTimeout=600000\n\
             maxClientCnxns=0\nextendedTypesEnabled=true\n\
             znode.container.checkIntervalMs=31536000000\n\
             DigestAuthenticationProvider.superDigest=super:xQJmxLMiHGwaqBvst5y6rkB6HQs=\n";
        let config = ServerConfig::parse(zoo_cfg, None).expect("it is one").core;
        let recovered = Recovered::of_snapshot(Database::genesis());
        let mut core = Core {
            endpoint: Endpoint::new(config, recovered, 1, Correct),
            now: Now { mono: Mono(0), wall: WallMs(1_000_000) },
            conns: BTreeMap::new(),
            last_conn: 0,
            aside: None,
            received: BTreeMap::new(),
            ended: BTreeSet::new(),
        };
        core.give(Input::Start);
        core
    }

    fn give(&mut self, input: Input) {
        let mut input = Some(input);
        while let Some(next) = input {
            // A millisecond for each, so that times differ.
            self.now.mono.0 += 1000;
            self.now.wall.0 += 1;
            let mut out = Out::new(false);
            self.endpoint.handle(self.now, next, &mut out);
            let mut durable: Option<Ticket> = None;
            for effect in out.effects {
                match effect {
                    Effect::Persist { ticket, .. } => durable = Some(ticket),
                    Effect::Send { conn, parts } => {
                        let mut frame = Bytes::from(parts.concat());
                        frame.advance(4);
                        self.received.entry(conn).or_default().push_back(frame);
                    }
                    Effect::Disconnect { conn } => {
                        self.ended.insert(conn);
                    }
                    Effect::Halt { why } => panic!("{why}"),
                    _ => {}
                }
            }
            input = durable.map(|through| Input::Persisted { through });
        }
    }
}

impl Server for Core {
    fn name(&self) -> String {
        "the core".to_owned()
    }

    fn open(&mut self, client: usize, bytes: &Bytes) {
        self.last_conn += 1;
        let conn = ConnId(self.last_conn);
        self.conns.insert(client, conn);
        let remote = String::from("127.0.0.1:40000");
        self.give(Input::ConnUp { conn, port: PortKind::Client, remote, subject: None });
        self.send(client, bytes);
    }

    fn send(&mut self, client: usize, bytes: &Bytes) {
        let (conn, chunk) = (self.conns[&client], bytes.clone());
        self.give(Input::Bytes { conn, chunk });
    }

    fn receive(&mut self, client: usize) -> Option<Bytes> {
        let conn = self.conns[&client];
        self.received.get_mut(&conn).and_then(VecDeque::pop_front)
    }

    fn hang_up(&mut self, client: usize) {
        let conn = self.conns[&client];
        self.give(Input::ConnDown { conn });
    }

    fn put_aside(&mut self, client: usize) {
        self.aside = Some(self.conns[&client]);
    }

    fn old_is_closed(&mut self) -> bool {
        let old = self.aside.take().expect("one was put aside");
        self.ended.contains(&old) && self.received.get(&old).is_none_or(VecDeque::is_empty)
    }

    fn pass(&mut self, ms: u64) {
        self.now.mono.0 += ms * 1000;
        self.now.wall.0 += ms as i64;
        self.give(Input::Tick);
    }
}

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |given| given.parse().unwrap_or_else(|_| panic!("{name}={given}")))
}

#[test]
fn the_core_agrees_with_a_naive_model() {
    let seed = number("ZABLAB_SEED", 1);
    let mut play = Play::new(seed, CLIENTS, vec![Core::start()], |_, _, _| false);
    play.begin().check(0);
    let operations = number("ZABLAB_OPERATIONS", OPERATIONS);
    while play.asked() < operations {
        play.step().check(0);
    }
    println!("{}", play.table());
}
