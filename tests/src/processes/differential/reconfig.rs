//! Reconfiguration: the same changes, asked one by one of two ensembles.
//!
//! Three servers run in each, further ones are only named. The clients use one that always votes;
//! another one votes, observes and leaves; the leader leaves once. Compared are codes, data with
//! the names of ports in the place of their numbers, stats but for the time of the last change, the
//! counters of all zxids, and the events of watches on the configuration.
//! `ZABLAB_RECONFIGS` says how many changes are drawn, `ZABLAB_SEED` from which seed.

use std::collections::BTreeMap;

use zablab_core::tree::path::CONFIG;
use zablab_core::types::{Path, WallMs, Zxid};
use zablab_core::wire::client::{AuthRequest, ErrorCode, ReconfigRequest, Request, Response};

use super::cluster::{ANCHOR, Cluster, Epochs, FIRST_LEADER, IDS_END, RUNNING, Told, member};
use super::pair::Pair;
use super::sockets::Program;
use super::{OURS, THEIRS, given};
use crate::allowed::ALLOWED;
use crate::workload::play::Expected;
use crate::workload::talk::Item;
use crate::workload::{Ask, Rng};

/// How many changes the test of every change of ours draws.
const RECONFIGS: u64 = 60;
/// Who may reconfigure.
const SUPER: usize = 0;
/// Who watches.
const WATCHER: usize = 1;
const CLIENTS: usize = 2;

/// Joined together, no quorum of the outcome runs: who takes what stands before them says so.
const NOBODY: [u16; 4] = [5, 6, 7, 8];

/// What is no server that could join, or in a form that is seldom seen.
const JOINING: [&str; 51] = [
    "server.4",
    "server.4=",
    "=",
    "server.4=a=b",
    "server.x=127.0.0.1:1:2;3",
    "server.=127.0.0.1:1:2;3",
    "server.99999999999999999999=127.0.0.1:1:2;3",
    "server.4==127.0.0.1:1:2;3",
    "4=127.0.0.1:1:2;3",
    "x.y.4=127.0.0.1:1:2;3",
    "server.4 = 127.0.0.1:1:2;3",
    "server.4=h",
    "server.4=127.0.0.1:1",
    "server.4=127.0.0.1:1:2",
    "server.4=127.0.0.1:1:2;",
    "server.4=127.0.0.1:1:2;;",
    "server.4=;",
    "server.4=;3",
    "server.4=127.0.0.1:1:2;3;4",
    "server.4=127.0.0.1:1:2;x",
    "server.4=127.0.0.1:1:2;127.0.0.1:x",
    "server.4=127.0.0.1:1:2;127.0.0.1:3:4",
    "server.4=127.0.0.1:1:2; 3",
    "server.4=127.0.0.1:1:2;70000",
    "server.4=127.0.0.1:1:2;-1",
    "server.4=127.0.0.1:1:2;+3",
    "server.4=127.0.0.1:70000:2;3",
    "server.4=127.0.0.1:1:-2;3",
    "server.4=127.0.0.1:x:2;3",
    "server.4=127.0.0.1: 1:2;3",
    "server.4=127.0.0.1:1:1;3",
    "server.4=[::1]:1:2;3",
    "server.4=[::1:1:2;3",
    "server.4=[::1];3",
    "server.4=[::1]:;3",
    "server.4=::1:1:2;3",
    "server.4=127.0.0.1:1:2:leader;3",
    "server.4=127.0.0.1:1:2:observer:5;3",
    "server.4=127.0.0.1:1:2:;3",
    "server.4=127.0.0.1:1:2: OBSERVER ;3",
    "server.4=127.0.0.1:1:2|127.0.0.2:1:2;3",
    "server.4=10.9.9.9:1:2;3,server.3=10.9.9.9:4:1;3",
    "server.4=10.9.9.9:1:2;3,server.4=10.9.9.9:1:2;3",
    "server.4=0.0.0.0:1:2;3,server.3=0.0.0.0:1:2;3",
    "server.4=127.0.0.1:1:2;3,server.3=127.0.0.1:1:2;3",
    "server.4=localhost:1:2;3,server.3=LOCALHOST:2:1;3",
    "server.4=127.0.0.1:0:2;3",
    "server.4=:1:2;3",
    "server.4=a b:1:2;3",
    "server.4=[::1]x1:2;3",
    "server.-4=127.0.0.1:1:2;3",
];
/// The same for who leaves.
const LEAVING: [&str; 8] = ["x", "1 2", "-5", "+2", ",", " ", "2,2", "99999999999999999999"];
/// The same for all members: lines behind ones that are right.
const MEMBERS: [&str; 19] = [
    "clientPort=3",
    "nonsense",
    "server.x=127.0.0.1:1:2;3",
    "server.4=127.0.0.1:1:2",
    "server.4=127.0.0.1:1:2;",
    "server.4=127.0.0.1:1:2;x",
    "server.4=127.0.0.1:70000:2;3",
    "server.4=127.0.0.1:1:1;3",
    "version=5",
    "version=nonsense",
    "group.1=1:2:3:5:6:7:8",
    "group.1=1:2",
    "group.1=1:2:3:5:6:7:8\ngroup.2=1",
    "group.1=1:2:3:5:6:7:8:9",
    "server.4=127.0.0.1:1:2;3 ",
    "group.x=1",
    "group.1=x",
    "weight.1=x",
    "# a remark",
];

/// Which version a change starts from.
#[derive(Clone, Copy, Debug)]
enum From {
    Any,
    Current,
    Before,
    Other(i64),
}

struct Ensembles {
    clusters: [Cluster; 2],
    epochs: [Epochs; 2],
    /// The version in force, and the one before it.
    versions: [[i64; 2]; 2],
    /// Who is a member, and whether it votes.
    members: BTreeMap<u16, bool>,
    asked: u64,
    succeeded: u64,
}

#[test]
fn reconfigurations_are_judged_alike() {
    let (seed, reconfigs) = (given("ZABLAB_SEED", 1), given("ZABLAB_RECONFIGS", RECONFIGS));
    let mut rng = Rng::new(seed);
    let mut both = Ensembles::start();

    // Nobody but the super user may.
    let who = both.clients_reconfigure(WATCHER, &joining(&member(4, "")), From::Any);
    assert_eq!(who, Err(ErrorCode::NoAuth.to_wire()));
    let auth = Some("super:admin".into());
    both.ask(SUPER, &Request::Auth(AuthRequest { scheme: "digest".into(), auth }));
    both.watch();

    both.ask_what_is_odd();
    (both.asked, both.succeeded) = (0, 0);
    for _ in 0..reconfigs / 2 {
        both.draw(&mut rng, 2, FIRST_LEADER);
    }
    both.change_to_groups();
    let leader = both.remove_the_leader(rng.below(2) == 0);
    for _ in 0..reconfigs / 2 {
        both.draw(&mut rng, FIRST_LEADER, leader);
    }
    println!("{} of {} succeeded", both.succeeded, both.asked);
    assert!(2 * both.succeeded >= both.asked, "{} of {} succeed", both.succeeded, both.asked);
}

#[test]
fn reconfiguration_of_no_ensemble_is_refused_alike() {
    let expected = [
        ("reconfigEnabled=false", ErrorCode::ReconfigDisabled),
        ("reconfigEnabled=true", ErrorCode::Unimplemented),
    ];
    for (line, code) in expected {
        let mut pair = Pair::start(&[line], 1);
        for request in [joining("server.4=127.0.0.1:1:2;3"), ReconfigRequest::default()] {
            let reply = pair.ask(0, Request::Reconfig(request));
            assert_eq!(reply, Err(code.to_wire()), "{line}");
        }
        let read = Request::GetData { path: CONFIG.into(), watch: true };
        let _ = pair.ask(0, read).expect("everybody may read it");
    }
}

fn joining(servers: &str) -> ReconfigRequest {
    let joining = Some(servers.to_owned());
    ReconfigRequest { joining, from_config: -1, ..ReconfigRequest::default() }
}

/// The lines of servers that run nowhere.
fn nobody(separator: &str) -> String {
    let lines = NOBODY.map(|id| format!("server.{}", member(id, "")));
    lines.join(separator)
}

impl Ensembles {
    fn start() -> Ensembles {
        let lines = "reconfigEnabled=true\n\
            DigestAuthenticationProvider.superDigest=super:xQJmxLMiHGwaqBvst5y6rkB6HQs=";
        let clusters =
            [Program::Zablab, Program::ZooKeeper].map(|it| Cluster::start(it, lines, CLIENTS));
        let members = RUNNING.map(|id| (id, true)).into();
        let epochs = [Epochs::default(), Epochs::default()];
        let versions = [[0; 2]; 2];
        Ensembles { clusters, epochs, versions, members, asked: 0, succeeded: 0 }
    }

    /// A client asks both; none if both cut it off.
    fn ask(&mut self, client: usize, request: &Request) -> Option<Told> {
        let told = [OURS, THEIRS].map(|at| {
            let told = self.clusters[at].ask(client, &self.filled(at, request))?;
            Some(self.comparable(at, told))
        });
        let [ours, mut theirs] = told;
        if let Some(theirs) = &mut theirs {
            let is_again = |event: &Item| {
                let expected = Expected { item: event.clone(), withheld: false, ask: None };
                ALLOWED.iter().any(|row| (row.covers)(&expected, None, Some(event)))
            };
            theirs.before.dedup_by(|again, event| again == event && is_again(event));
        }
        assert_eq!(ours, theirs, "ours (left) and theirs after {request:?}");
        ours
    }

    fn filled(&self, at: usize, request: &Request) -> Request {
        let Request::Reconfig(reconfig) = request else { return request.clone() };
        let fill = |text: &Option<String>| text.as_ref().map(|it| self.clusters[at].filled(it));
        Request::Reconfig(ReconfigRequest {
            joining: fill(&reconfig.joining),
            leaving: fill(&reconfig.leaving),
            new_members: fill(&reconfig.new_members),
            from_config: reconfig.from_config,
        })
    }

    /// With names for ports and epochs, and without the time of the last change: ZooKeeper's is
    /// that of the server's own clock until the transaction is applied.
    fn comparable(&mut self, at: usize, mut told: Told) -> Told {
        let Ensembles { clusters, epochs, versions, .. } = self;
        let mut name = |zxid: Zxid| {
            let (epoch, counter) = epochs[at].name(zxid.to_wire());
            Zxid::from_wire((epoch as i64) << 32 | counter)
        };
        told.reply.0 = name(told.reply.0);
        if let Ok(Response::Data { data: Some(data), stat }) = &mut told.reply.1 {
            let text = String::from_utf8(data.to_vec()).expect("it is a text");
            let (members, version) = text.rsplit_once("version=").expect("it has a version");
            let version = i64::from_str_radix(version, 16).expect("it is a number");
            assert_eq!(version, stat.mzxid.to_wire(), "the znode is of its change");
            if version != versions[at][0] {
                versions[at] = [version, versions[at][0]];
            }
            let version = name(Zxid::from_wire(version));
            // ZooKeeper's lines are in the order of a hash.
            let members = clusters[at].named(members);
            let mut lines: Vec<&str> = members.lines().collect();
            lines.sort_unstable();
            *data = format!("{}\nversion={version}", lines.join("\n")).into();
            (stat.mzxid, stat.mtime) = (version, WallMs(0));
        }
        told
    }

    /// Watches that stay, and what is there.
    fn watch(&mut self) {
        let config = || Path::from(CONFIG);
        self.ask(WATCHER, &Request::AddWatch { path: config(), mode: 0 }).expect("it is answered");
        self.look();
    }

    /// What both have, and what they told the watchers meanwhile.
    fn look(&mut self) {
        self.ask(WATCHER, &Request::Ping).expect("it is answered");
        let read = Request::GetData { path: CONFIG.into(), watch: true };
        let told = self.ask(SUPER, &read).expect("it is answered");
        let Ok(Response::Data { data: Some(data), .. }) = &told.reply.1 else { panic!("{told:?}") };
        let text = String::from_utf8(data.to_vec()).expect("it is a text");
        let servers = text.lines().filter_map(|line| line.strip_prefix("server.")?.split_once('='));
        let parsed = servers
            .map(|(id, rest)| (id.parse().expect("it is a number"), rest.contains(":participant")));
        self.members = parsed.collect();
    }

    fn clients_reconfigure(
        &mut self,
        client: usize,
        request: &ReconfigRequest,
        from: From,
    ) -> Result<(), i32> {
        let [ours, theirs] = self.told(client, request, from);
        assert_eq!(ours, theirs, "ours (left) and theirs after {request:?} from {from:?}");
        ours.reply.1.map(|_| ())
    }

    fn told(&mut self, client: usize, request: &ReconfigRequest, from: From) -> [Told; 2] {
        [OURS, THEIRS].map(|at| {
            let from_config = match from {
                From::Any => -1,
                From::Current => self.versions[at][0],
                From::Before => self.versions[at][1],
                From::Other(version) => version,
            };
            let request = Request::Reconfig(ReconfigRequest { from_config, ..request.clone() });
            let request = self.filled(at, &request);
            let told = self.clusters[at].ask(client, &request).expect("it is answered");
            self.comparable(at, told)
        })
    }

    /// The super user changes the ensemble, and all look.
    fn change(&mut self, request: &ReconfigRequest, from: From) -> Result<(), i32> {
        let reply = self.clients_reconfigure(SUPER, request, from);
        self.asked += 1;
        self.succeeded += u64::from(reply.is_ok());
        self.look();
        reply
    }

    fn ask_what_is_odd(&mut self) {
        let no_quorum = ErrorCode::NewConfigNoQuorum.to_wire();
        let mut differences = Vec::new();
        let servers: String =
            RUNNING.map(|id| format!("server.{}\n", member(id, ""))).concat() + &nobody("\n");
        assert_eq!(self.change(&joining(&nobody(",")), From::Any), Err(no_quorum));
        let joined = JOINING.map(|odd| (odd, joining(&format!("{odd},{}", nobody(",")))));
        let left = LEAVING.map(|odd| {
            (odd, ReconfigRequest { leaving: Some(odd.to_owned()), ..joining(&nobody(",")) })
        });
        let all = MEMBERS.map(|odd| {
            let new_members = Some(format!("{servers}\n{odd}"));
            (odd, ReconfigRequest { new_members, from_config: -1, ..ReconfigRequest::default() })
        });
        for (odd, request) in joined.into_iter().chain(left).chain(all) {
            let [ours, theirs] = self.told(SUPER, &request, From::Any);
            assert!(ours.before.is_empty() && theirs.before.is_empty(), "nothing happened");
            if ours != theirs && !is_allowed(request, &ours, &theirs) {
                differences.push(format!("{odd}: ours {ours:?}, theirs {theirs:?}"));
            }
        }
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }

    /// Draws a change. `free` is a server that runs and may do anything.
    fn draw(&mut self, rng: &mut Rng, free: u16, leader: u16) {
        let absent = |rng: &mut Rng| 4 + rng.below(u64::from(IDS_END - 4)) as u16;
        let request = match rng.below(20) {
            0..6 => {
                let id = absent(rng);
                joining(&line(rng, id))
            }
            6..8 => {
                let role = rng.pick(&[":observer", ":participant"]);
                joining(&format!("server.{}", member(free, role)))
            }
            8..11 => {
                let leaving = match rng.below(4) {
                    0 => free,
                    _ => absent(rng),
                };
                ReconfigRequest { leaving: Some(leaving.to_string()), ..joining("") }
            }
            11..13 => {
                let (one, other) = (absent(rng), absent(rng));
                let leaving = Some(format!("{one}, {other}"));
                let joiner = absent(rng);
                ReconfigRequest { leaving, ..joining(&line(rng, joiner)) }
            }
            13..17 => anew(rng, [ANCHOR, leader], free),
            17 => rng.pick(&[
                ReconfigRequest::default(),
                joining(""),
                ReconfigRequest { leaving: Some(String::new()), ..joining("") },
                ReconfigRequest { new_members: Some(String::new()), ..joining("") },
                ReconfigRequest { new_members: Some(String::new()), ..joining(&member(4, "")) },
            ]),
            18 => joining(&nobody(",")),
            _ => joining(rng.pick(&JOINING[..7])),
        };
        let from = match rng.below(12) {
            0 => From::Before,
            1 => From::Other(rng.pick(&[0, -2, 1, i64::MIN, i64::MAX])),
            2..5 => From::Current,
            _ => From::Any,
        };
        let _ = self.change(&request, from);
        let mode = if self.members.get(&free) == Some(&false) { "observer" } else { "follower" };
        for cluster in &self.clusters {
            cluster.wait_for_mode(free, mode);
        }
    }

    /// Quorums of groups, which take no single servers, and back.
    fn change_to_groups(&mut self) {
        let servers = RUNNING.map(|id| format!("server.{}", member(id, ""))).join("\n");
        let anew = |more: &str| ReconfigRequest {
            new_members: Some(format!("{servers}\n{more}")),
            ..joining("")
        };
        let groups = "group.1=1:2\ngroup.2=3\nweight.1=2";
        self.change(&anew(groups), From::Any).expect("they run");
        let one = self.change(&joining(&format!("server.{}", member(4, ""))), From::Any);
        assert_eq!(one, Err(ErrorCode::BadArguments.to_wire()));
        self.change(&anew(""), From::Any).expect("they run");
        // Who observed before is no part of a quorum until it follows.
        for cluster in &self.clusters {
            for follower in RUNNING.into_iter().filter(|id| *id != FIRST_LEADER) {
                cluster.wait_for_mode(follower, "follower");
            }
        }
    }

    /// The first leader leaves, or observes; gives who leads then.
    fn remove_the_leader(&mut self, observes: bool) -> u16 {
        let request = match observes {
            true => joining(&format!("server.{}", member(FIRST_LEADER, ":observer"))),
            false => ReconfigRequest { leaving: Some(FIRST_LEADER.to_string()), ..joining("") },
        };
        let request = Request::Reconfig(request);
        for at in [OURS, THEIRS] {
            // It may be cut off before it is answered.
            let request = self.filled(at, &request);
            let told = self.clusters[at].ask(SUPER, &request);
            if let Some(told) = told {
                let reply = self.comparable(at, told).reply;
                assert!(reply.1.is_ok(), "{reply:?}");
            }
        }
        let others = RUNNING.map(|id| id).into_iter().filter(|id| *id != FIRST_LEADER);
        let others: Vec<u16> = others.collect();
        let leaders = self.clusters.each_ref().map(|cluster| cluster.wait_for_leader(&others));
        let mode = if observes { "observer" } else { "follower" };
        for (cluster, leader) in self.clusters.iter_mut().zip(leaders) {
            for other in others.iter().filter(|id| **id != leader) {
                cluster.wait_for_mode(*other, "follower");
            }
            cluster.wait_for_mode(FIRST_LEADER, mode);
            cluster.reconnect();
        }
        let auth = Some("super:admin".into());
        self.ask(SUPER, &Request::Auth(AuthRequest { scheme: "digest".into(), auth }));
        self.watch();
        // Both go on, whoever leads.
        2
    }
}

/// Whether ours is meant to answer another thing.
fn is_allowed(request: ReconfigRequest, ours: &Told, theirs: &Told) -> bool {
    let item = |Told { reply: (zxid, result), .. }: &Told| Item::Reply {
        xid: 0,
        zxid: zxid.to_wire(),
        result: result.clone(),
        length: 0,
    };
    let (ours, theirs) = (item(ours), item(theirs));
    let ask = Some(Ask::Request(Request::Reconfig(request)));
    let expected = Expected { item: ours.clone(), withheld: false, ask };
    ALLOWED.iter().any(|row| (row.covers)(&expected, Some(&ours), Some(&theirs)))
}

/// A server that runs nowhere, in one of the forms that there are.
fn line(rng: &mut Rng, id: u16) -> String {
    let key = rng.pick(&["server.", "server.", " server.", ""]);
    let role = rng.pick(&["", ":participant", ":observer", ":observer", ":Observer", ":observer"]);
    let client = rng.pick(&[";127.0.0.1:client", ";127.0.0.1:client", ";0.0.0.0:client"]);
    format!("{key}{id}=127.0.0.1:quorum{id}:election{id}{role}{client}{id}")
}

/// All members anew: these vote.
fn anew(rng: &mut Rng, voters: [u16; 2], free: u16) -> ReconfigRequest {
    let mut lines: Vec<String> =
        voters.iter().map(|id| format!("server.{}", member(*id, ""))).collect();
    if rng.below(4) > 0 {
        let role = rng.pick(&["", "", "", ":observer"]);
        lines.push(format!("server.{}", member(free, role)));
    }
    for id in 4..IDS_END {
        if rng.below(4) == 0 {
            let role = rng.pick(&[":observer", ":observer", ":participant"]);
            let client = rng.pick(&["", ";127.0.0.1:client0", ";0.0.0.0:client0"]);
            let client = client.replace("client0", &format!("client{id}"));
            lines.push(format!("server.{id} = 127.0.0.1:quorum{id}:election{id}{role}{client}"));
        }
    }
    if rng.below(4) == 0 {
        lines.push("version=77".into());
    }
    let new_members = Some(lines.join(rng.pick(&[",", "\n", ",\n"])));
    ReconfigRequest { new_members, from_config: -1, ..ReconfigRequest::default() }
}
