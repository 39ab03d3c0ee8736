//! The crate `zookeeper-client`: somebody else's client in Rust, whose leader is killed meanwhile.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use super::ensemble::Ensemble;
use super::tools;

/// All kinds of znodes and watches, transactions, access lists, and its lock.
#[test]
fn the_client_in_rust_does_everything() {
    let mut ensemble = Ensemble::start(3);
    let mut client = tools::tokio_client();
    client.arg(ensemble.all_hosts()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = client.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("its input is piped");
    let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
    let mut said = Vec::new();
    // It waits for nothing without an end, so this ends too.
    for line in lines {
        let line = line.expect("it speaks UTF-8");
        if line == "kill the leader" {
            let leader = ensemble.leader();
            ensemble.kill(leader);
            stdin.write_all(b"killed\n").expect("it listens");
        }
        said.push(line);
    }
    let status = child.wait().expect("it is our child");
    assert!(status.success(), "{status}, after {said:?}");
    assert_eq!(said, ["kill the leader", "all of it"]);
}
