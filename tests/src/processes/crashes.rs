//! Killed servers: nothing acknowledged is lost, and who comes back is brought up to date.

use std::io::BufReader;
use std::process::Stdio;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::clients::kazoo;
use super::ensemble::{Ensemble, lines_of};
use super::tools::{self, Client};

const NUMBERS: usize = 1000;
const FOR: Duration = Duration::from_secs(180);
/// Between two acknowledgements, an election included.
const ACK_FOR: Duration = Duration::from_secs(60);

/// A client that writes the numbers, and what it has been told.
pub struct Writer {
    client: Client,
    lines: Receiver<String>,
    count: usize,
    acknowledged: usize,
}

impl Writer {
    /// Begins to write the numbers from 1 to `count`.
    pub fn start(hosts: &str, count: usize) -> Writer {
        let mut command = tools::python("write_numbers.py");
        command.args([hosts, &count.to_string()]);
        let (client, _, stdout) = Client::start(command.stdout(Stdio::piped()));
        let stdout = stdout.expect("its output is piped");
        Writer { client, lines: lines_of(BufReader::new(stdout)), count, acknowledged: 0 }
    }

    /// Waits until so many are acknowledged.
    pub fn until_acknowledged(&mut self, count: usize) {
        while self.acknowledged < count {
            let line = self.lines.recv_timeout(ACK_FOR);
            let line = line.unwrap_or_else(|error| {
                panic!("after {} acknowledgements: {error}", self.acknowledged)
            });
            assert!(line.starts_with("ack "), "{line}");
            self.acknowledged += 1;
        }
    }

    /// Waits until all are.
    pub fn finish(mut self) {
        self.until_acknowledged(self.count);
        self.client.finish(FOR);
    }
}

/// Each of these servers has every number.
pub fn check_numbers(hosts: &str, count: usize) {
    kazoo("check_numbers.py", &[hosts, &count.to_string()], FOR);
}

/// The client reconnects by itself, and every number that it was told is written is there: on the
/// servers that lived, on the one that comes back, and on all after all were killed.
#[test]
fn acknowledged_writes_survive_kill_9_of_the_leader_and_of_all() {
    let mut ensemble = Ensemble::start(3);
    let mut writer = Writer::start(&ensemble.all_hosts(), NUMBERS);
    writer.until_acknowledged(NUMBERS / 3);
    let leader = ensemble.leader();
    ensemble.kill(leader);
    writer.finish();
    let alive: Vec<u16> = ensemble.ids().filter(|id| *id != leader).collect();
    check_numbers(&ensemble.hosts(alive), NUMBERS);
    ensemble.serve(leader);
    check_numbers(&ensemble.all_hosts(), NUMBERS);

    for id in ensemble.ids() {
        ensemble.kill(id);
    }
    ensemble.restart();
    check_numbers(&ensemble.all_hosts(), NUMBERS);
}

#[test]
fn a_wiped_follower_comes_back_by_a_snapshot() {
    let mut ensemble = Ensemble::start(3);
    Writer::start(&ensemble.all_hosts(), NUMBERS).finish();
    let follower = ensemble.follower();
    ensemble.kill(follower);
    ensemble.wipe(follower);
    let leader = ensemble.leader();
    let before = ensemble.metric(leader, "zk_snap_count");
    ensemble.serve(follower);
    assert_eq!(ensemble.metric(leader, "zk_snap_count"), before + 1);
    check_numbers(&ensemble.hosts([follower]), NUMBERS);
}
