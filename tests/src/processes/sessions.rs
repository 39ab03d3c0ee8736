//! Sessions that only one server has: those of read-only mode, and local ones.

use std::process::Stdio;
use std::time::Duration;

use super::clients::kazoo;
use super::ensemble::{Ensemble, SERVING_FOR, lines_of};
use super::tools::{self, four_letter};

const FOR: Duration = Duration::from_secs(120);

/// Two of three servers are killed; the third one serves reads until one of them is back.
#[test]
fn who_only_reads_is_served_without_a_leader() {
    let mut ensemble = Ensemble::configured(3, "readonlymode.enabled=true\n");
    kazoo("read_only.py", &["write", &ensemble.all_hosts()], FOR);
    let left = ensemble.follower();
    let killed: Vec<u16> = ensemble.ids().filter(|id| *id != left).collect();
    for id in &killed {
        ensemble.kill(*id);
    }
    let hosts = ensemble.hosts([left]);
    let is_read_only = || (four_letter(ensemble.port(left), "isro")? == "ro").then_some(());
    tools::wait_for(SERVING_FOR, is_read_only).expect("it serves reads");
    let text = four_letter(ensemble.port(left), "srvr").expect("it answers");
    assert!(text.contains("\nREAD-ONLY mode; serving only read-only clients\n"), "{text}");
    assert!(text.contains("\nMode: read-only\n"), "{text}");
    kazoo("read_only.py", &["read", &hosts], FOR);

    let mut reader = tools::python("read_only.py");
    reader.args(["return", &ensemble.hosts([left, killed[0]])]).stdout(Stdio::piped());
    let mut reader = reader.spawn().expect("Python starts");
    let lines = lines_of(std::io::BufReader::new(reader.stdout.take().expect("it is piped")));
    assert_eq!(lines.recv_timeout(FOR).as_deref(), Ok("read-only"));
    ensemble.serve(killed[0]);
    let ended = tools::wait_for(FOR, || reader.try_wait().expect("it is our child"));
    // It has usually ended by itself.
    let _ = reader.kill();
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    assert_eq!(four_letter(ensemble.port(left), "isro").as_deref(), Some("rw"));
}

#[test]
fn local_sessions_have_no_ephemeral_znodes() {
    let ensemble = Ensemble::configured(3, "localSessionsEnabled=true\n");
    let (host, other) = (ensemble.hosts([ensemble.follower()]), ensemble.leader());
    kazoo("local_sessions.py", &["refused", &host, &ensemble.hosts([other])], FOR);
}

#[test]
fn local_sessions_become_sessions_of_the_ensemble() {
    let options = "localSessionsEnabled=true\nlocalSessionsUpgradingEnabled=true\n";
    let ensemble = Ensemble::configured(3, options);
    let (host, other) = (ensemble.hosts([ensemble.follower()]), ensemble.leader());
    kazoo("local_sessions.py", &["upgraded", &host, &ensemble.hosts([other])], FOR);
}
