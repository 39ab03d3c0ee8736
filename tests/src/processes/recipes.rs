//! Recipes and clients in other languages, unmodified, between different servers of an ensemble.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::clients::kazoo;
use super::ensemble::Ensemble;
use super::tools;

const FOR: Duration = Duration::from_secs(120);

/// Locks, semaphores, barriers, elections, queues, counters, parties, watches, caches, partitions,
/// access lists, and reads, writes and syncs that are all under way at once.
#[test]
fn kazoo_s_recipes_work() {
    let ensemble = Ensemble::start(3);
    let printed = kazoo("recipes.py", &[&ensemble.all_hosts()], FOR);
    assert!(printed.contains("\nunder_way "), "{printed}");
}

/// Those of Apache Curator, from its source on.
#[test]
fn curator_s_recipes_work() {
    let ensemble = Ensemble::start(3);
    let mut java = tools::curator();
    java.arg(tools::root().join("tests/process/Curator.java")).arg(ensemble.all_hosts());
    let printed = tools::finish(java, "", FOR);
    assert!(printed.contains("all recipes"), "{printed}");
}

/// The client library in C, by its command line.
#[test]
fn the_client_in_c_does_everything() {
    let cli = Path::new("/usr/lib/zookeeper/bin/cli_mt");
    assert!(
        cli.exists(),
        "cli_mt is missing; install it with: apt-get install -y --no-install-recommends zookeeper-bin"
    );
    let ensemble = Ensemble::start(3);
    let commands = [
        "create /c",
        "set /c one",
        "get /c",
        "set /c two",
        "create +e /c/mine",
        "create +s /c/s-",
        "create +c /c/container",
        "ls2 /c",
        "sync /c",
        "delete /c/mine",
        "get /none",
        "quit",
    ];
    // It reads no command before it is connected, and ends without waiting for answers.
    let mut script = String::from("(sleep 2");
    for command in commands {
        write!(script, "; echo '{command}'; sleep 0.3").expect("a text grows");
    }
    write!(script, ") | {} {}", cli.display(), ensemble.all_hosts()).expect("a text grows");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script]);
    let printed = tools::finish(shell, "", FOR);
    for expected in [
        "Watcher SESSION_EVENT state = CONNECTED_STATE",
        "\tname = /c",
        "one",
        "Watcher CHANGED_EVENT state = CONNECTED_STATE for path /c",
        "\tversion=2\taversion=0",
        "\tname = /c/mine",
        "\tname = /c/s-0000000001",
        "\tname = /c/container",
        "\ts-0000000001",
        "Watcher CHILD_EVENT state = CONNECTED_STATE for path /c",
        "/c/mine: rc = 0",
        "/none: rc = -101",
    ] {
        let found = printed.lines().any(|line| line.trim_end() == expected);
        assert!(found, "{expected:?} is not in\n{printed}");
    }
}
