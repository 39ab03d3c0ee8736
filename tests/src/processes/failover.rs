//! One `zkCli.sh` whose session outlives the leader: typed into line by line, before and after.

use std::collections::VecDeque;
use std::io::{BufReader, Write, pipe};
use std::process::{ChildStdin, Command};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::ensemble::{Ensemble, lines_of};
use super::tools::{self, Client};

/// How long one command may take: an election can be in its way.
const COMMAND_FOR: Duration = Duration::from_secs(60);
/// Asks no server; what it prints ends what the command before it printed.
const MARK: &str = "version";
const MARKED: &str = "ZooKeeper CLI version: ";
/// Writes that are under way when the leader is killed.
const BURST: usize = 40;

/// A `zkCli.sh` that runs on.
struct ZkCli {
    client: Client,
    stdin: ChildStdin,
    lines: Receiver<String>,
    /// Events that nobody has asked for yet.
    events: VecDeque<String>,
}

impl ZkCli {
    fn start(hosts: &str) -> ZkCli {
        let (reader, writer) = pipe().expect("the system has pipes");
        let mut command = tools::zk_cli();
        command.args(["-waitforconnection", "-server", hosts]);
        // One pipe, so that errors stand where they happened.
        command.stderr(writer.try_clone().expect("a pipe has many ends")).stdout(writer);
        let (client, stdin, _) = Client::start(&mut command);
        let stdin = stdin.expect("its input is piped");
        let lines = lines_of(BufReader::new(reader));
        let mut client = ZkCli { client, stdin, lines, events: VecDeque::new() };
        client.ask("sync /");
        client
    }

    fn type_in(&mut self, command: &str) {
        writeln!(self.stdin, "{command}").expect("the client reads");
    }

    /// The next line that is no event.
    fn next(&mut self, end: Instant) -> Option<String> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).ok()?;
            if line.starts_with("WatchedEvent ") {
                // Since 3.9 the zxid of the change is told too.
                let event = line.split(" zxid: ").next().unwrap_or_default();
                self.events.push_back(event.trim_end().to_owned());
            } else if !line.is_empty() && line != "WATCHER::" {
                return Some(line);
            }
        }
    }

    /// What is printed until the mark.
    fn until_marked(&mut self) -> Vec<String> {
        let end = Instant::now() + COMMAND_FOR;
        let mut printed = Vec::new();
        loop {
            match self.next(end) {
                Some(line) if line.starts_with(MARKED) => return printed,
                Some(line) => printed.push(line),
                None => panic!("nothing more comes after {printed:#?} and {:#?}", self.events),
            }
        }
    }

    /// All that a command prints.
    fn ask(&mut self, command: &str) -> Vec<String> {
        self.type_in(command);
        self.type_in(MARK);
        self.until_marked()
    }

    /// A command prints just these lines.
    fn expect(&mut self, command: &str, lines: &[&str]) {
        assert_eq!(self.ask(command), lines, "{command}");
    }

    /// A command prints these lines among others, in this order.
    fn expect_among(&mut self, command: &str, lines: &[&str]) {
        let printed = self.ask(command);
        let mut rest = printed.iter();
        for line in lines {
            assert!(rest.any(|printed| printed == line), "{command}: no {line:?} in {printed:#?}");
        }
    }

    /// A command prints a list with just these names, in any order.
    fn expect_list(&mut self, command: &str, names: &[&str]) {
        let printed = self.ask(command);
        let list = printed.last().and_then(|list| list.strip_prefix('[')?.strip_suffix(']'));
        let list = list.unwrap_or_else(|| panic!("{command}: no list in {printed:#?}"));
        let mut found: Vec<&str> = list.split(", ").collect();
        found.sort_unstable();
        assert_eq!(found, names, "{command}");
    }

    /// Waits for an event, and drops those before it.
    fn await_event(&mut self, event: &str) {
        let end = Instant::now() + COMMAND_FOR;
        let event = format!("WatchedEvent {event}");
        let mut missed = Vec::new();
        loop {
            match self.events.pop_front() {
                Some(found) if found == event => return,
                Some(other) => missed.push(other),
                None if Instant::now() > end => panic!("{event} does not come after {missed:#?}"),
                // Events are only read on the way to a mark.
                None => assert_eq!(self.ask("printwatches"), ["printwatches is on"]),
            }
        }
    }

    fn quit(mut self) {
        self.type_in("quit");
        self.client.finish(COMMAND_FOR);
    }
}

/// What somebody else sees.
fn outside(ensemble: &Ensemble, words: &[&str]) -> String {
    let mut client = Command::new(tools::zablab());
    client.args(["cli", "--wait-for-connection", "--server", &ensemble.all_hosts()]).args(words);
    tools::finish(client, "", COMMAND_FOR)
}

#[test]
fn a_zk_cli_outlives_the_leader() {
    let mut ensemble = Ensemble::start(3);
    let mut client = ZkCli::start(&ensemble.all_hosts());
    client.expect("create /s", &["Created /s"]);
    client.expect("create /s/log", &["Created /s/log"]);
    client.expect("create -s -e /s/e- x", &["Created /s/e-0000000001"]);
    client.expect("create -e /s/eph mine", &["Created /s/eph"]);
    client.expect("create /s/eph/child x", &["Ephemerals cannot have children: /s/eph/child"]);
    client.expect("create /s/data one", &["Created /s/data"]);
    client.expect_list("ls /s", &["data", "e-0000000001", "eph", "log"]);
    client.expect("set -v 0 /s/data two", &[]);
    client.expect("set -v 0 /s/data three", &["version No is not valid : /s/data"]);
    client.expect_among("get -s /s/data", &["two", "dataVersion = 1", "dataLength = 3"]);
    client.expect_among("stat /s", &["cversion = 4", "ephemeralOwner = 0x0", "numChildren = 4"]);
    client.expect("create /s/gone", &["Created /s/gone"]);
    client.expect("delete -v 3 /s/gone", &["version No is not valid : /s/gone"]);
    client.expect("delete /s/gone", &[]);
    client.expect("get /s/gone", &["Node does not exist: /s/gone"]);
    client.expect("addauth digest bob:secret", &[]);
    client.expect_among("whoami", &["digest: bob", "ip: 127.0.0.1"]);
    client.expect("create /s/mine d auth::cdrwa", &["Created /s/mine"]);
    client.expect("setAcl /s/data world:anyone:rw", &[]);
    client.expect("getAcl /s/data", &["'world,'anyone", ": rw"]);
    client.expect("setquota -n 99 /s", &[]);
    client.expect_among("listquota /s", &["absolute path is /zookeeper/quota/s/zookeeper_limits"]);
    client.expect("sync /s", &["Sync is OK"]);
    client.expect_list("getEphemerals /s", &["/s/e-0000000001", "/s/eph"]);
    client.expect("getAllChildrenNumber /s", &["5"]);
    let configuration = client.ask("config");
    assert_eq!(configuration.len(), 4, "three servers and a version: {configuration:#?}");
    client.expect("addWatch -m PERSISTENT /s/log", &[]);
    client.expect("get -w /s/data", &["two"]);
    client.expect("get -w /s/mine", &["d"]);
    client.expect("removewatches -d /s/mine", &[]);
    client.await_event("state:SyncConnected type:DataWatchRemoved path:/s/mine");

    // Writes in a row; some of them have no answer, because the leader is killed meanwhile.
    let leader = ensemble.leader();
    for _ in 0..BURST {
        client.type_in("create -s /s/log/n- x");
    }
    client.type_in(MARK);
    let end = Instant::now() + COMMAND_FOR;
    let first = client.next(end).expect("the first write is acknowledged");
    ensemble.kill(leader);
    let mut acknowledged = Vec::new();
    for line in [first].into_iter().chain(client.until_marked()) {
        match line.strip_prefix("Created /s/log/") {
            Some(name) => acknowledged.push(name.to_owned()),
            None => assert_eq!(line, "KeeperErrorCode = ConnectionLoss for /s/log/n-"),
        }
    }
    client.await_event("state:Disconnected type:None path:null");
    client.await_event("state:SyncConnected type:None path:null");
    let new_leader = ensemble.leader();
    assert_ne!(new_leader, leader);

    let kept = client.ask("ls /s/log").pop().expect("a list is printed");
    for name in &acknowledged {
        assert!(kept.contains(name.as_str()), "{name} of {acknowledged:?} is not in {kept}");
    }
    client.expect_list("getEphemerals", &["/s/e-0000000001", "/s/eph"]);
    assert!(outside(&ensemble, &["get", "/s/eph"]).contains("mine"));
    // Who the session is was told to its new server as well.
    client.expect_among("whoami", &["digest: bob", "ip: 127.0.0.1"]);
    client.expect("get /s/mine", &["d"]);
    client.expect_among("listquota /s", &["absolute path is /zookeeper/quota/s/zookeeper_limits"]);
    // So were its watches: one that fires once, one that goes on, and none that was removed.
    outside(&ensemble, &["set", "/s/data", "three"]);
    client.await_event("state:SyncConnected type:NodeDataChanged path:/s/data");
    outside(&ensemble, &["set", "/s/data", "four"]);
    for value in ["x", "y"] {
        outside(&ensemble, &["set", "/s/log", value]);
        client.await_event("state:SyncConnected type:NodeDataChanged path:/s/log");
    }
    client.expect("set /s/mine e", &[]);
    client.expect("get /s/data", &["four"]);
    client.expect("sync /s", &["Sync is OK"]);
    assert!(client.events.is_empty(), "{:#?}", client.events);
    client.expect("removewatches -a /s/log", &[]);
    client.await_event("state:SyncConnected type:PersistentWatchRemoved path:/s/log");

    ensemble.serve(leader);
    client.expect("delquota /s", &[]);
    client.expect("create -e /s/late x", &["Created /s/late"]);
    client.expect("deleteall /s/log", &[]);
    client.expect_list("ls /s", &["data", "e-0000000001", "eph", "late", "mine"]);
    client.quit();
    assert_eq!(outside(&ensemble, &["ls", "/s"]), "[data, mine]\n");
}
