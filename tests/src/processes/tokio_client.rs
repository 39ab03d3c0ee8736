//! The crate `zookeeper-client`: somebody else's client in Rust, whose leader is killed meanwhile.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Duration;

use super::ensemble::Ensemble;
use super::tools::{self, Client};

/// How long it may take after its last word.
const END_FOR: Duration = Duration::from_secs(20);

/// All kinds of znodes and watches, transactions, access lists, and its lock.
#[test]
fn the_client_in_rust_does_everything() {
    let mut ensemble = Ensemble::start(3);
    let mut command = tools::tokio_client();
    command.arg(ensemble.all_hosts()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let (client, stdin, stdout) = Client::start(&mut command);
    let mut stdin = stdin.expect("its input is piped");
    let lines = BufReader::new(stdout.expect("its output is piped")).lines();
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
    assert_eq!(said, ["kill the leader", "all of it"]);
    client.finish(END_FOR);
}
