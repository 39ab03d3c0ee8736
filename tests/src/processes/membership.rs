//! The ensemble changes while it runs and a client writes all the time.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::clients::kazoo;
use super::crashes::{Writer, check_numbers};
use super::ensemble::Ensemble;
use super::tools::{finish, zablab};

const FOR: Duration = Duration::from_secs(120);
const NUMBERS: usize = 3000;
const LINES: &str = "reconfigEnabled=true\nskipACL=yes\n";

/// What `reconfig.py` read at the end: the configuration in force.
fn change(ensemble: &Ensemble, verb: &str, what: &str) -> String {
    kazoo("reconfig.py", &[&ensemble.all_hosts(), verb, what], FOR)
}

/// A server joins as an observer, then votes; another one leaves, and so does the leader. Nothing
/// acknowledged is lost, and who is killed starts from the files that all this left.
#[test]
fn members_join_change_their_role_and_leave_under_load() {
    let mut ensemble = Ensemble::configured(3, LINES);
    let mut writer = Writer::start(&ensemble.all_hosts(), NUMBERS);
    writer.until_acknowledged(NUMBERS / 10);

    let joiner = ensemble.join(LINES);
    let config = change(&ensemble, "joining", &ensemble.member(joiner, "observer"));
    assert!(config.contains(&ensemble.member(joiner, "observer")), "{config}");
    ensemble.wait_for_mode(joiner, "observer");
    writer.until_acknowledged(NUMBERS / 5);

    let config = change(&ensemble, "joining", &ensemble.member(joiner, "participant"));
    assert!(config.contains(&ensemble.member(joiner, "participant")), "{config}");
    ensemble.wait_for_mode(joiner, "follower");
    writer.until_acknowledged(NUMBERS / 3);

    let gone = ensemble.ids().find(|id| *id != joiner && *id != ensemble.leader());
    let gone = gone.expect("three others are there");
    let mut cli = Command::new(zablab());
    cli.args(["cli", "--server", &ensemble.all_hosts(), "reconfig", "-remove", &gone.to_string()]);
    let config = finish(cli, "", FOR);
    let (said, config) = config.split_once('\n').expect("it prints several lines");
    assert_eq!(said, "Committed new config:");
    assert!(!config.contains(&format!("server.{gone}=")), "{config}");
    ensemble.kill(gone);
    writer.until_acknowledged(NUMBERS / 2);

    // The leader says who leads on.
    let old = ensemble.leader();
    let config = change(&ensemble, "leaving", &old.to_string());
    assert!(!config.contains(&format!("server.{old}=")), "{config}");
    ensemble.kill(old);
    let leader = ensemble.leader();
    assert!(leader != old && leader != gone, "{leader} leads");
    writer.finish();

    let members: Vec<u16> = ensemble.ids().filter(|id| *id != gone && *id != old).collect();
    assert_eq!(members.len(), 2);
    check_numbers(&ensemble.hosts(members.iter().copied()), NUMBERS);
    for id in &members {
        ensemble.kill(*id);
    }
    for id in &members {
        let zoo_cfg = fs::read_to_string(ensemble.server_folder(*id).join("zoo.cfg"));
        let zoo_cfg = zoo_cfg.expect("it is still there");
        let is_there = |text| zoo_cfg.contains(text);
        assert!(is_there("dynamicConfigFile=") && !is_there("server."), "{zoo_cfg}");
        ensemble.spawn(*id);
    }
    check_numbers(&ensemble.hosts(members), NUMBERS);
    // Who was taken out is in no configuration that it knows.
    let why = ensemble.refused(old);
    assert!(why.contains(&format!("there is no line server.{old}")), "{why}");
}
