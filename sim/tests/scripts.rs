//! Episodes that random schedules found, as scripts.

use zablab_sim::script;

fn play(text: &str) {
    let script = script::parse(text).expect("it parses");
    if let Err(error) = script::play(&script, true) {
        panic!("{error}");
    }
}

#[test]
fn what_cannot_be_cut_is_replaced() {
    play(include_str!("scripts/cut-behind-snapshot.txt"));
}

#[test]
fn a_leader_remembers_who_could_not_cut() {
    play(include_str!("scripts/cut-without-quorum.txt"));
}
