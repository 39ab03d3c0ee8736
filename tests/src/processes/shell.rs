//! The client of the binary, `zablab cli`: every command against an ensemble, beside `zkCli.sh`,
//! and at a terminal.

use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::clients::zk_cli;
use super::ensemble::{Ensemble, lines_of};
use super::tools::{Folder, finish, four_letter, free_ports, wait_for, zablab};

/// How long one command may take: an election can be in its way.
const COMMAND_FOR: Duration = Duration::from_secs(60);

/// What both clients are asked. The last ones remove all that the others made, so that each finds
/// the same. A command whose usage or options ZooKeeper changed between versions is not here.
const COMMON: &[&str] = &[
    "create /c one",
    "create /c two",
    "create /c/b \"two words\"",
    "create -e /c/eph",
    "create /c/eph/x",
    "create -s /c/s- x",
    "create -c /c/container",
    "create -t 10000 /c/ttl x",
    "create -e -t 10000 /c/ttl x",
    "create /x/y z",
    "create /bad/",
    "create nopath",
    "ls /c",
    "ls -s /c",
    "ls -R /c",
    "ls /none",
    "get /c",
    "get -s /c",
    "get '/c/b'",
    "get /c/eph",
    "set /c 2",
    "set -s /c 3",
    "set -v 7 /c 3",
    "stat /c",
    "stat /none",
    "delete /c",
    "delete -v 9 /c/b",
    "delete /c/b",
    "deleteall /c/none",
    "sync /c",
    "addauth digest bob:x",
    "whoami",
    "create /c/mine d auth::cdra",
    "set /c/mine e",
    "getAcl /c/mine",
    "setAcl /c/mine world:anyone:cdrwa",
    "setAcl -v 8 /c/mine world:anyone:r",
    "setAcl -s /c/mine world:anyone:cdrwa",
    "setAcl -R /c world:anyone:cdrwa",
    "getAcl -s /c",
    "setquota -n 1 /c",
    "setquota -B 100 /c",
    "setquota -n 5 /c/eph",
    "setquota -n 0 /c",
    "listquota /c",
    "delquota -n /c",
    "listquota /c",
    "delquota /c",
    "delquota /c",
    "get -w /c",
    "set /c 4",
    "sync /c",
    "ls -w /c",
    "create /c/new",
    "sync /c",
    "addWatch /c",
    "set /c/new x",
    "sync /c",
    "removewatches /c",
    "sync /c",
    "removewatches /none",
    "config",
    "config -s",
    "getEphemerals",
    "getEphemerals /none",
    "getAllChildrenNumber /c",
    "printwatches",
    "printwatches off",
    "printwatches",
    "redo 0",
    "redo 999",
    "delete -z /c",
    "deleteall /c",
    "ls /",
    "history",
];

#[test]
fn what_is_printed_is_what_zk_cli_prints() {
    let ensemble = Ensemble::start(3);
    let theirs = zk_cli(&ensemble.all_hosts(), COMMON);
    let mut client = Command::new(zablab());
    client.args(["cli", "--wait-for-connection", "--server", &ensemble.all_hosts()]);
    let ours = finish(client, &(COMMON.join("\n") + "\nquit\n"), COMMAND_FOR);
    let (theirs, ours) = (Printed::read(&theirs), Printed::read(&ours));
    assert_eq!(theirs.results.join("\n"), ours.results.join("\n"));
    assert_eq!(theirs.events, ours.events);
    assert!(ours.results.len() > 100, "most commands print something");
    assert_eq!(ours.events.len(), 4);
}

/// What a client printed, without what differs from one session to the next.
struct Printed {
    results: Vec<String>,
    /// Apart, because `zkCli.sh` prints them on a thread of their own.
    events: Vec<String>,
}

impl Printed {
    fn read(text: &str) -> Printed {
        let (mut results, mut events) = (Vec::new(), Vec::new());
        for line in text.lines() {
            if line.starts_with("WatchedEvent") {
                // Since 3.9 the zxid of the change is told too.
                let event = line.split(" zxid: ").next().unwrap_or_default();
                if !event.contains("type:None") {
                    events.push(event.to_owned());
                }
            } else if !is_greeting(line) {
                results.push(timeless(line));
            }
        }
        Printed { results, events }
    }
}

fn is_greeting(line: &str) -> bool {
    const GREETINGS: [&str; 5] =
        ["SLF4J: ", "Connecting to ", "Welcome to ZooKeeper!", "JLine support", "WATCHER::"];
    line.is_empty() || GREETINGS.iter().any(|greeting| line.starts_with(greeting))
}

/// A line without the names of Java's classes, zxids, sessions and times.
fn timeless(line: &str) -> String {
    let line = match line.strip_prefix("org.apache.commons.cli.") {
        Some(rest) => rest.split_once(": ").map_or(rest, |(_, message)| message),
        None => line,
    };
    match line.split_once(" = ") {
        Some((name @ ("ctime" | "mtime"), value)) => {
            // `Sun Nov 22 21:19:21 UTC 2026`, in both.
            let words: Vec<&str> = value.split(' ').collect();
            assert_eq!((words.len(), words[3].len()), (6, 8), "{line}");
            format!("{name} = some time")
        }
        Some((name @ ("cZxid" | "mZxid" | "pZxid"), value)) => {
            assert!(value.starts_with("0x"), "{line}");
            format!("{name} = some zxid")
        }
        _ => line.to_owned(),
    }
}

/// A client that is asked for JSON.
struct Client {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    events: Vec<String>,
}

impl Client {
    fn start(hosts: &str) -> Client {
        let mut command = Command::new(zablab());
        command.args(["cli", "--json", "--wait-for-connection", "--server", hosts]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let stdin = child.stdin.take().expect("its input is piped");
        let stdout = child.stdout.take().expect("its output is piped");
        let lines = lines_of(BufReader::new(stdout));
        Client { child, stdin, lines, events: Vec::new() }
    }

    fn next(&mut self) -> String {
        let line = self.lines.recv_timeout(COMMAND_FOR);
        line.unwrap_or_else(|_| panic!("nothing more comes after {:?}", self.events))
    }

    /// What a command comes to; events before it are kept.
    fn ask(&mut self, command: &str) -> String {
        writeln!(self.stdin, "{command}").expect("the client reads");
        loop {
            let line = self.next();
            if line.starts_with("{\"event\":") {
                self.events.push(line);
            } else {
                return line;
            }
        }
    }

    /// The same, with words that must be in it.
    fn expect(&mut self, command: &str, words: &[&str]) {
        let answer = self.ask(command);
        for word in words {
            assert!(answer.contains(word), "{command}: {word} is not in {answer}");
        }
    }

    /// Waits for an event with these words.
    fn await_event(&mut self, words: &[&str]) {
        let fits = |event: &String| words.iter().all(|word| event.contains(word));
        while !self.events.iter().any(fits) {
            let line = self.next();
            assert!(line.starts_with("{\"event\":"), "{words:?}: {line}");
            self.events.push(line);
        }
        self.events.clear();
    }

    fn end(mut self) -> i32 {
        drop(self.stdin);
        let ended = wait_for(COMMAND_FOR, || self.child.try_wait().expect("it is our child"));
        ended.and_then(|status| status.code()).expect("the client ends with its input")
    }
}

/// The server with most connections; asking is one.
fn server_of_the_client(ensemble: &Ensemble) -> u16 {
    let clients = |id: &u16| {
        let stat = four_letter(ensemble.port(*id), "stat").expect("the server answers");
        stat.lines().filter(|line| line.starts_with(" /")).count()
    };
    ensemble.ids().max_by_key(clients).expect("there are servers")
}

#[test]
fn every_command_works_and_the_session_survives_its_server() {
    let mut ensemble = Ensemble::configured(3, "extendedTypesEnabled=true\nenforceQuota=true\n");
    let mut client = Client::start(&ensemble.all_hosts());
    let done = "{\"result\":{}}";
    client.expect("create /a one", &["{\"result\":{\"path\":\"/a\"}}"]);
    client.await_event(&["\"None\"", "SyncConnected"]);
    client.expect("create /a", &["\"code\":-110", "\"name\":\"NODEEXISTS\"", "\"path\":\"/a\""]);
    client.expect("create -e -s /a/e-", &["/a/e-0000000000"]);
    client.expect("create -c /a/c", &["/a/c"]);
    client.expect("create -t 60000 /a/t", &["/a/t"]);
    client.expect("ls /a", &["[\"c\",\"e-0000000000\",\"t\"]"]);
    client
        .expect("ls -s /a", &["\"cversion\":3", "\"numChildren\":3", "\"ephemeralOwner\":\"0x0\""]);
    client.expect("ls -R /a", &["[\"/a\",\"/a/c\",\"/a/e-0000000000\",\"/a/t\"]"]);
    client.expect("set -b /a /w==", &[done]);
    client.expect("get /a", &["\"data\":\"/w==\"", "\"encoding\":\"base64\""]);
    client.expect("set -s -v 1 /a two", &["\"version\":2"]);
    client.expect("get -s /a", &["\"data\":\"two\"", "\"encoding\":\"utf-8\"", "\"version\":2"]);
    client.expect("get /a/c", &["\"data\":null"]);
    client.expect("stat /a", &["\"dataLength\":3"]);
    client.expect("sync /", &["Sync is OK"]);
    client.expect("delete -v 5 /a/c", &["BADVERSION"]);
    client.expect("delete /a/c", &[done]);
    client.expect("getEphemerals", &["[\"/a/e-0000000000\"]"]);
    client.expect("getAllChildrenNumber /a", &["\"number\":2"]);
    client.expect("setquota -N 4 /a", &["\"warnings\":[]"]);
    client.expect("create /a/4", &["/a/4"]);
    client.expect("create /a/5", &["QUOTAEXCEEDED"]);
    client.expect("listquota /a", &["\"countHardLimit\":4", "\"used\":{\"bytes\":3,\"count\":4}"]);
    client.expect("setquota -b 4 /a", &["\"warnings\":[]"]);
    client.expect("set /a three", &[done]);
    let log = ensemble.log(ensemble.leader());
    for warning in ["current count=5, hardCountLimit=4", "current bytes=5, softByteLimit=4"] {
        let line = format!("WARN Quota exceeded: /a [{warning}]");
        assert!(log.contains(&line), "{line:?} is not in\n{log}");
    }
    client.expect("setquota -n 9 /a/4", &["has a parent /a which has a quota"]);
    client.expect("delquota /a", &[done]);
    client.expect("create /a/5", &["/a/5"]);
    client.expect("addauth digest bob:secret", &[done]);
    client.expect("whoami", &["{\"scheme\":\"digest\",\"user\":\"bob\"}"]);
    client.expect("setAcl -s /a/5 auth::r", &["\"aversion\":1"]);
    client.expect("getAcl /a/5", &["\"perms\":\"r\"", "\"scheme\":\"digest\""]);
    client.expect("set /a/5 x", &["NOAUTH"]);
    client.expect("config", &["server.1=127.0.0.1:", ":participant\\n", "version=0", "utf-8"]);
    client.expect("config -c -s", &["\"data\":", "\"stat\":"]);
    client.expect("version", &["zablab"]);
    client.expect("history", &["35 - version", "36 - history"]);
    client.expect("redo 1", &["NODEEXISTS"]);
    client.expect("printwatches", &["printwatches is on"]);
    client.expect("help", &["getAllChildrenNumber path"]);
    client.expect("reconfig -remove 3", &["\"code\":-123", "\"path\":\"/zookeeper/config\""]);
    client.expect("frobnicate", &["Command not found frobnicate"]);
    client.expect("set /a \"unended", &["has no end"]);

    client.expect("addWatch /a", &[done]);
    client.expect("get -w /a/4", &["\"data\":null"]);
    client.expect("get -w /a/5", &["\"data\":null"]);
    client.expect("removewatches -d /a/5", &["[\"DataWatchRemoved\"]"]);
    client.expect("removewatches -d /a/5", &["NOWATCHER"]);
    client.events.clear();
    ensemble.kill(server_of_the_client(&ensemble));
    client.await_event(&["Disconnected"]);
    client.await_event(&["SyncConnected"]);
    client.expect("getEphemerals", &["[\"/a/e-0000000000\"]"]);
    client.expect("whoami", &["\"user\":\"bob\""]);
    client.expect("set /a/4 x", &[done]);
    client.await_event(&["NodeDataChanged", "\"path\":\"/a/4\"", "\"zxid\":\"0x"]);

    client.expect("close", &[done]);
    client.expect("ls /", &["Not connected"]);
    let below = format!("connect {}/a", ensemble.all_hosts());
    client.expect(&below, &[done]);
    client.expect("ls /", &["[\"4\",\"5\",\"t\"]"]);
    client.expect("setquota -n 5 /", &["\"warnings\":[]"]);
    client.expect("config", &["\"data\":", "utf-8"]);
    client.expect(&format!("connect {}", ensemble.all_hosts()), &[done]);
    client.expect("listquota /a", &["\"count\":5"]);
    client.expect("deleteall /zookeeper/quota/a", &[done]);
    client.expect("deleteall /a -b 2", &["NOAUTH", "\"path\":\"/a/5\""]);
    client.expect("addauth digest bob:secret", &[done]);
    client.expect("deleteall /a -b 2", &[done]);
    client.expect("ls /", &["[\"zookeeper\"]"]);
    client.expect("get /a", &["NONODE"]);
    assert_eq!(client.end(), 1, "the last command failed");
}

#[test]
fn one_command_ends_with_a_code() {
    let ensemble = Ensemble::start(1);
    let code = |hosts: &str, words: &[&str]| {
        let client = Command::new(zablab()).args(["cli", "--server", hosts]).args(words).output();
        let output = client.expect("the binary starts");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code().expect("it ends by itself"), printed)
    };
    let hosts = ensemble.all_hosts();
    assert_eq!(code(&hosts, &["create", "-e", "/a", "two words"]), (0, String::new()));
    assert_eq!(code(&hosts, &["ls", "/"]), (0, "[zookeeper]\n".into()), "its session has ended");
    assert_eq!(code(&hosts, &["get", "/a"]).0, 1);
    assert_eq!(code(&hosts, &["get"]).0, 2);
    assert_eq!(code("no host", &["ls", "/"]).0, 2);
    let nobody = format!("127.0.0.1:{}", free_ports(1));
    assert_eq!(code(&nobody, &["ls", "/"]), (3, String::new()));
}

/// At a terminal: the prompt, Tab, an event while one types, Ctrl-C and Ctrl-D.
#[test]
fn a_terminal_gets_a_prompt() {
    let ensemble = Ensemble::start(1);
    let (hosts, state) = (ensemble.all_hosts(), Folder::new());
    // The terminal is that of script(1).
    let client = format!("{} cli --server {hosts}", zablab().display());
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &client, "/dev/null"]);
    command.env("XDG_STATE_HOME", state.path()).env("TERM", "xterm");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script is a part of Debian's base system");
    let mut stdin = child.stdin.take().expect("its input is piped");
    let mut stdout = child.stdout.take().expect("its output is piped");
    let shown = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&shown);
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(n @ 1..) = stdout.read(&mut chunk) {
            let text = String::from_utf8_lossy(&chunk[..n]).into_owned();
            sink.lock().expect("nobody panics with it").push_str(&text);
        }
    });
    let mut seen = 0;
    let mut see = |words: &str| {
        let found = wait_for(COMMAND_FOR, || {
            let shown = shown.lock().expect("nobody panics with it");
            shown[seen..].find(words).map(|at| seen + at + words.len())
        });
        let all = || shown.lock().expect("nobody panics with it").clone();
        seen = found.unwrap_or_else(|| panic!("{words:?} does not come after {seen}:\n{}", all()));
    };
    let mut type_in = |keys: &str| {
        stdin.write_all(keys.as_bytes()).and_then(|()| stdin.flush()).expect("somebody reads");
    };
    let prompt = |number| format!("[zk: {hosts}(CONNECTED) {number}] ");
    see(&prompt(0));
    type_in("create /greeting hello\r");
    see("Created /greeting");
    see(&prompt(1));
    type_in("ge");
    type_in("t -w /gree\t");
    see("ting");
    type_in("\r");
    see("hello");
    see(&prompt(2));
    let mut outside = Command::new(zablab());
    outside.args(["cli", "--server", &hosts, "set", "/greeting", "x"]);
    assert!(outside.status().is_ok_and(|status| status.success()));
    see("type:NodeDataChanged path:/greeting");
    type_in("not this");
    see("not this");
    type_in("\u{3}");
    see(&prompt(2));
    type_in("\u{1b}[A\r");
    see("get -w /greeting");
    see(&prompt(3));
    type_in("\u{4}");
    let ended = wait_for(COMMAND_FOR, || child.try_wait().expect("it is our child"));
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
    let history = std::fs::read_to_string(state.path().join("zablab").join("history"));
    let expected = "create /greeting hello\nget -w /greeting\nget -w /greeting\n";
    assert_eq!(history.expect("it was written"), expected);
}
