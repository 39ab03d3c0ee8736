//! Servers against Java's: the bytes that clients of 3.8.0 sent, to a standalone server and to an
//! ensemble, are sent again on all their connections, in the order that the recorded zxids give.
//! Every reply, every watch event and their order must be the recorded ones, byte for byte.
//!
//! Given to the servers are the recorded clocks: those by which session ids are made, and those of
//! the transactions that a stat tells of. Only lists of children and paths are sorted, as theirs is
//! the order of Java's hashes. Each other difference is a row of [`ALLOWED`].

#[path = "client_recorded/play.rs"]
mod play;
#[path = "client_recorded/recording.rs"]
mod recording;
#[path = "client_recorded/servers.rs"]
mod servers;

use std::collections::BTreeMap;
use std::fs;

use bytes::Bytes;
use play::Play;
use recording::vector;
use servers::Servers;
use zablab_core::config::{Config, ServerConfig};
use zablab_core::storage::{FileId, FilesConfig, Folder, ReadError, Recovered, recover};
use zablab_core::tree::Database;
use zablab_core::types::{ServerId, WallMs, Zxid};
use zablab_core::wire::client::Stat;
use zablab_tests::allowed::ALLOWED;

/// The standalone server, in the order of its runs; each begins with the database of the last.
const STANDALONE: [&[&str]; 3] = [
    &[
        "01-basic-crud",
        "01b-after-unknown-op",
        "02-watches",
        "02-watches-writer",
        "02-watches-eph",
        "03-auth-acl-multi",
        "03-noauth",
        "03-noauth2",
        "03-super",
        "04-sess-min",
        "04-reattach",
        "04-sess-max",
    ],
    &["06-after-restart", "06-throwaway", "06-ooo"],
    &["07-final"],
];
/// Another one, of which containers and what has lived for its time are reaped.
const REAPING: [&[&str]; 1] = [&["08-container-ttl"]];
/// A third one, and its restart.
const DATA_FOLDER: [&[&str]; 2] =
    [&["20-datadir-build", "20-second-session", "20-third-session"], &["20-after-restart"]];
/// The ensemble, with the server that each client calls: 2 leads, 4 observes.
const ENSEMBLE: [(&str, i64); 5] = [
    ("10-follower", 1),
    ("10-observer", 4),
    ("10-moved", 3),
    ("10-leader", 2),
    ("10-unknown-session", 3),
];
/// Clients of server 1 while it is alone.
const READ_ONLY: [(&str, i64); 2] =
    [("11-readonly-local-session", 1), ("11-rw-client-on-ro-server", 1)];

/// What most differences are allowed.
const ALLOWED_MAX: usize = 20;

/// As the recording servers were configured.
const BOTH: &str = "dataDir=/data\n\
                    DigestAuthenticationProvider.superDigest=super:xQJmxLMiHGwaqBvst5y6rkB6HQs=\n";
const ALONE: &str = "clientPort=2181\ntickTime=2000\nextendedTypesEnabled=true\n\
                     znode.container.checkIntervalMs=2000\n";
const TOGETHER: &str = "tickTime=1000\ninitLimit=10\nsyncLimit=5\nreconfigEnabled=true\n\
                        server.1=127.0.0.1:23281:23381:participant;127.0.0.1:23181\n\
                        server.2=127.0.0.1:23282:23382:participant;127.0.0.1:23182\n\
                        server.3=127.0.0.1:23283:23383:participant;127.0.0.1:23183\n\
                        server.4=127.0.0.1:23284:23384:observer;127.0.0.1:23184\n";
const READING: &str = "readonlymode.enabled=true\nlocalSessionsEnabled=true\n";

/// Java's standalone server takes 1 for its number.
fn alone() -> Config {
    let config = ServerConfig::parse(&format!("{BOTH}{ALONE}"), None).expect("it is one").core;
    Config { me: ServerId(1), ..config }
}

fn member(me: i64, more: &str) -> Config {
    let zoo_cfg = format!("{BOTH}{TOGETHER}{more}");
    ServerConfig::parse(&zoo_cfg, Some(&me.to_string())).expect("it is one").core
}

/// A disk as it was recorded.
fn disk(folder: &str) -> Recovered {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(vector(folder)).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a text");
        if !name.ends_with(".txt") {
            let content = Bytes::from(fs::read(entry.path()).expect("a file"));
            files.insert(FileId { folder: Folder::of(&name), name }, content);
        }
    }
    let list: Vec<FileId> = files.keys().cloned().collect();
    let mut read = |file: &FileId| {
        files.get(file).cloned().ok_or_else(|| ReadError { message: "no such file".into() })
    };
    recover(&list, &mut read, FilesConfig::default()).expect("it was good").recovered
}

/// Plays the runs of a standalone server; gives its database at the end.
fn standalone(runs: &[&[&'static str]], play_on: impl Fn(&mut Play)) -> Database {
    let mut database = Play::genesis();
    for names in runs {
        let config = alone();
        let me = config.me;
        let mut servers = Servers::default();
        servers.start(config, Recovered::of_snapshot(database));
        let clients: Vec<_> = names.iter().map(|name| (*name, me)).collect();
        let mut play = Play::new(servers, "client", &clients);
        play_on(&mut play);
        database = play.compare().clone();
    }
    database
}

#[test]
fn a_standalone_server_answers_as_recorded() {
    standalone(&STANDALONE, |play| while play.step() {});
}

/// What the gaps between the recorded zxids are is what the server reaps.
#[test]
fn containers_are_reaped_as_recorded() {
    let database = standalone(&REAPING, |play| while play.step_or_wait() {});
    assert!(database.tree.get("/cont").is_none() && database.tree.get("/ttl2").is_none());
    assert!(database.tree.get("/cont2").is_some() && database.tree.get("/ttl").is_some());
}

/// The znodes are those on Java's disk at the end.
#[test]
fn a_data_folder_is_built_as_recorded() {
    let database = standalone(&DATA_FOLDER, |play| while play.step() {});
    let recorded = disk("datadir-standalone/version-2").database;
    assert_eq!(database.last_zxid, recorded.last_zxid);
    // The times of transactions that no stat told of are not known.
    let timeless = |stat: Stat| Stat { ctime: WallMs(0), mtime: WallMs(0), ..stat };
    let znodes = |database: &Database| -> Vec<_> {
        let znodes = database.tree.walk();
        znodes.map(|(path, it)| (path.clone(), it.data.clone(), timeless(it.stat()))).collect()
    };
    assert_eq!(znodes(&database), znodes(&recorded));
}

#[test]
fn an_ensemble_answers_as_recorded() {
    let mut servers = Servers::default();
    let mut start = |me| servers.start(member(me, ""), Recovered::of_snapshot(Play::genesis()));
    start(1);
    start(2);
    servers.serve();
    assert_eq!(servers.leader(), Some(ServerId(2)));
    for me in [3, 4] {
        servers.start(member(me, ""), Recovered::of_snapshot(Play::genesis()));
    }
    servers.serve();
    let clients = ENSEMBLE.map(|(name, at)| (name, ServerId(at)));
    let mut play = Play::new(servers, "client-ensemble", &clients);
    while play.step() {}
    assert_eq!(play.compare().last_zxid, Zxid(0x1_0000_000e));
    assert!(play.is_open("10-moved"), "what still comes by the old way ends only that");
}

#[test]
fn a_server_without_a_quorum_answers_as_recorded() {
    let mut servers = Servers::default();
    servers.start(member(1, READING), disk("datadir-ensemble-trunc"));
    servers.serve();
    let clients = READ_ONLY.map(|(name, at)| (name, ServerId(at)));
    let mut play = Play::new(servers, "client-ensemble", &clients);
    while play.step() {}
    assert_eq!(play.compare().last_zxid, Zxid(0x3_0000_0002));
}

/// Every recording is played, and few differences are allowed.
#[test]
fn every_recording_is_played() {
    assert!(ALLOWED.len() <= ALLOWED_MAX);
    let runs = STANDALONE.iter().chain(&REAPING).chain(&DATA_FOLDER);
    let standalone = runs.flat_map(|names| names.iter().copied());
    let ensemble = ENSEMBLE.iter().chain(&READ_ONLY).map(|(name, _)| *name);
    for (folder, played) in
        [("client", standalone.collect::<Vec<_>>()), ("client-ensemble", ensemble.collect())]
    {
        let entries = fs::read_dir(vector(folder)).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = names.map(|name| name.into_string().expect("a text"));
        for name in names.filter_map(|name| name.strip_suffix(".c2s.bin").map(String::from)) {
            assert!(played.contains(&&*name), "{folder}/{name}");
        }
    }
}
