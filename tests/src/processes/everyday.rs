//! Everyday operations through ZooKeeper's own clients.

use std::time::Duration;

use super::clients::{kazoo, zk_cli};
use super::ensemble::Ensemble;

const FOR: Duration = Duration::from_secs(120);

/// create, get, set with version check, children, watch, ephemeral, sequential, transaction.
#[test]
fn kazoo_does_everything_on_an_ensemble() {
    let ensemble = Ensemble::start(3);
    kazoo("basics.py", &[&ensemble.all_hosts()], FOR);
}

#[test]
fn kazoo_does_everything_on_a_standalone_server() {
    let ensemble = Ensemble::start(1);
    kazoo("basics.py", &[&ensemble.all_hosts()], FOR);
}

/// The same by zkCli.sh, whose `deleteall` is a transaction.
#[test]
fn zk_cli_does_everything_on_an_ensemble() {
    let ensemble = Ensemble::start(3);
    let commands = [
        "create /cli one",
        "get /cli",
        "set -v 0 /cli two",
        "set -v 0 /cli three",
        "get -w /cli",
        "set /cli four",
        "create -e /cli/mine x",
        "create -s /cli/s- y",
        "create -s /cli/s- z",
        "ls -w /cli",
        "delete /cli/mine",
        "ls /cli",
        "get /none",
        "create /cli again",
        "stat /cli",
    ];
    let printed = zk_cli(&ensemble.all_hosts(), &commands);
    let expected = [
        "Created /cli",
        "one",
        "version No is not valid : /cli",
        "two",
        "WatchedEvent state:SyncConnected type:NodeDataChanged path:/cli",
        "Created /cli/mine",
        "Created /cli/s-0000000001",
        "Created /cli/s-0000000002",
        "[mine, s-0000000001, s-0000000002]",
        "WatchedEvent state:SyncConnected type:NodeChildrenChanged path:/cli",
        "[s-0000000001, s-0000000002]",
        "Node does not exist: /none",
        "Node already exists: /cli",
        "dataVersion = 2",
        "numChildren = 2",
    ];
    // Events come on a thread of their own, so the order of lines is not that of the commands.
    for line in expected {
        let found = printed.lines().any(|printed| printed.trim_end() == line);
        assert!(found, "{line:?} is not in\n{printed}");
    }

    let printed =
        zk_cli(&ensemble.all_hosts(), &["sync /cli", "ls /cli", "deleteall /cli", "ls /"]);
    assert!(printed.contains("[s-0000000001, s-0000000002]"), "{printed}");
    assert!(printed.contains("[zookeeper]"), "{printed}");
}
