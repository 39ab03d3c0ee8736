//! Episodes as scripts: what random schedules found, and options that no lesson needs.

use zablab_sim::script;

fn play(text: &str) {
    let script = script::parse(text).expect("it parses");
    if let Err(error) = script::play(&script, true) {
        panic!("{error}");
    }
}

#[test]
fn groups_of_servers_make_quorums() {
    play(include_str!("scripts/groups.txt"));
}

#[test]
fn who_weighs_nothing_is_not_elected() {
    play(include_str!("scripts/weights.txt"));
}

#[test]
fn the_log_serves_who_is_too_far_behind() {
    play(include_str!("scripts/log-diff.txt"));
}

#[test]
fn a_snapshot_holds_what_is_committed() {
    play(include_str!("scripts/snap-behind-commit.txt"));
}

#[test]
fn what_cannot_be_cut_is_replaced() {
    play(include_str!("scripts/cut-behind-snapshot.txt"));
}

#[test]
fn a_log_is_cut_just_behind_a_snapshot() {
    play(include_str!("scripts/cut-to-snapshot.txt"));
}

#[test]
fn a_leader_remembers_who_could_not_cut() {
    play(include_str!("scripts/cut-without-quorum.txt"));
}

#[test]
fn without_a_leader_reads_are_served() {
    play(include_str!("scripts/read-only.txt"));
}

#[test]
fn who_only_reads_looks_for_a_server_that_writes() {
    play(include_str!("scripts/read-only-search.txt"));
}

#[test]
fn local_sessions_are_their_servers_own() {
    play(include_str!("scripts/local-sessions.txt"));
}

#[test]
fn a_local_session_becomes_one_of_the_ensemble() {
    play(include_str!("scripts/local-session-upgrade.txt"));
}

#[test]
fn a_follower_has_its_time_for_each_proposal() {
    play(include_str!("scripts/late-acks.txt"));
}

#[test]
fn what_comes_late_on_an_old_connection_is_not_done() {
    play(include_str!("scripts/late-request.txt"));
}

#[test]
fn an_elected_server_is_tried_five_times() {
    play(include_str!("scripts/unreachable-leader.txt"));
}

#[test]
fn a_server_joins_as_an_observer_and_becomes_a_voter() {
    play(include_str!("scripts/reconfig-join.txt"));
}

#[test]
fn a_follower_that_leaves_counts_no_more() {
    play(include_str!("scripts/reconfig-remove-follower.txt"));
}

#[test]
fn a_leader_that_leaves_hands_over() {
    play(include_str!("scripts/reconfig-remove-leader.txt"));
}

#[test]
fn a_configuration_that_a_dead_leader_proposed_is_finished() {
    play(include_str!("scripts/reconfig-leader-dies-kept.txt"));
}

#[test]
fn a_configuration_that_only_a_dead_leader_had_is_forgotten() {
    play(include_str!("scripts/reconfig-leader-dies-lost.txt"));
}

#[test]
fn a_configuration_that_is_learned_late_changes_no_leader() {
    play(include_str!("scripts/reconfig-learned-late.txt"));
}

#[test]
fn a_log_is_not_read_for_what_the_window_would_have() {
    play(include_str!("scripts/snap-inside-window.txt"));
}
