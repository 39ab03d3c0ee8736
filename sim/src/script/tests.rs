//! Reading and writing scripts, at the boundary: text in, text or an error out.

use proptest::prelude::*;

use super::{HEADER, ParseError, Script, parse, parse_act, parse_predicate, play, rewrite};

/// One line of every form, as the printer writes it.
const GIVEN: &[&str] = &[
    "given servers 5",
    "given observers 4,5",
    "given standalone",
    "given clients c d",
    "given jitter 1ms",
    "given sync-jitter 1ms",
    "given give-up 15s",
    "given snap-count 100",
    "given window 3",
    "given cross-epoch trunc-diff",
    "given autocreate off",
    "given log-diff 500",
    "given sync-quorum on",
    "given local-sessions on",
    "given local-sessions-upgrading on",
    "given read-only-mode on",
    "given reconfig on",
    "given skip-acl on",
    "given joining 4,5",
    "given election-alg 2",
    "given group 1,2: 7",
    "given weight 3: 0",
    "given clock-ppm 1: -1000",
    "given seed 18446744073709551615",
    "given chooser random",
    "given tick 2s",
    "given init-limit 10",
    "given sync-limit 5",
    "given delay 1500us",
    "given sync-time 1ms",
    "given accepted-epoch 1..3: 2",
    "given current-epoch all: 1",
    "given log 1,2: (1,1)..(1,4)",
    "given log 1: (1,5) create \"/a\" \"x # \\\" \\\\ \\n\"",
    "given log 1: (1,6) set \"/a\" \"\"",
    "given log 1: (1,7) delete \"/a\"",
    "given log all: (1,6) create \"/n\" \"\" number 2147483646",
    "given log all: (0,1) session c 10s",
    "given snapshot voters: (1,3)",
    "given round 1: 3",
    "given counter 2: 4294967292",
    "given commit-log 1: (5,1)..(5,5)",
    "given bug M32",
    "given paxos acceptors 3",
    "given paxos proposers 2",
    "given paxos learners 1",
    "given paxos peers 3",
    "given promised 1,2: (2,P1)",
    "given accepted 3: (2,P1) \"v 1\"",
];

const ACTS: &[&str] = &[
    "start 1..3,5",
    "crash 1",
    "crash 1,2 keep all",
    "crash observers keep 3,2,17,1",
    "wipe 2",
    "cut 1 from 2,3",
    "cut 1->2",
    "heal 1 from 2",
    "heal",
    "delay 3->1 150ms",
    "hold 3->1 PROPOSAL",
    "lose 3->1 CHALLENGE",
    "forge 1->2 vote 3 (1,9) round 1 tag 7 challenge 99",
    "hold c->1 *",
    "release 3->1",
    "release",
    "lose 1->3 NOTIFICATION",
    "reset 1 c",
    "deliver 5->4",
    "deliver 5->4 ACK",
    "slow-disk 2 12s",
    "fail-disk 2",
    "fill-disk 1,2",
    "fill-disk 3 17",
    "free-disk 1,2",
    "flip-byte 1 record (1,3)",
    "flip-byte 1 snapshot (1,3) at 0",
    "flip-byte 2 accepted-epoch",
    "flip-byte 2 current-epoch at 1",
    "copy-disk 1",
    "restore-disk 1",
    "pause 3",
    "resume 1..3",
    "myid 2 is 1",
    "jump-clock 1 1800s",
    "jump-clock 1 back 1800s",
    "c: pause",
    "c: resume",
    "c: connect 1,2 timeout 4s",
    "c: disconnect",
    "c: crash",
    "c: close",
    "c: create \"/a\" \"1\" ephemeral sequential times 121",
    "c: set \"/a\" \"1\" version -1",
    "c: delete \"/a\"",
    "c: create \"/a\" \"\" acl \"world:anyone:r,digest:bob:x=:cdrwa\"",
    "c: set \"/a\" bytes 1048576 version 3",
    "c: auth digest \"bob:secret\"",
    "c: get-acl \"/a\"",
    "c: set-acl \"/a\" \"auth::rw\" version 2",
    "c: add-watch \"/a\" recursive",
    "c: add-watch \"/a\"",
    "c: remove-watches \"/a\"",
    "c: lock \"/l\"",
    "c: lock \"/l\" try",
    "c: herd-lock \"/l\" within 2s for 500ms",
    "c: put \"/q\" \"item\" number 3",
    "c: enter \"/b\" number 4",
    "c: multi { create \"/x\" \"\"; check \"/y\" version 2; delete \"/z\" version 0 }",
    "c: get \"/a\" watch",
    "c: exists \"/a\" times 12",
    "c: children \"/\"",
    "c: sync \"/a\"",
    "cut P1 from 1,2",
    "duplicate P1->2 ACCEPT",
    "P1: prepare 2 \"x\"",
    "P9: prepare \"x\"",
    "P1: accept",
    "A1: propose \"x\"",
    "A3: read",
];

const CHECKS: &[&str] = &[
    "step 12",
    "run until leads(2) within 5s",
    "run until event PacketSent kind=PROPOSAL|ACK server!=1 zxid.epoch=3 since late times 2 \
     within 1s",
    "run for 10ms",
    "mark late",
    "expect role(1) == LEADING and (epoch(2) == 2 or not up(3)) and vote(3) == (3,9)",
    "expect all(s in 1..3: applied(s) == (1,4) and count(VoteChanged server=s) == 1)",
    "expect any(s in up: vote(s) != (3,(1,9)))",
    "expect last_logged(1) <= last_logged(2) and trees_equal(1, 2, 3) and time() < 500",
    "expect data(1, \"/a\") == \"1\" and exists(1, \"/a\") and result(c) == NONODE",
    "expect leader(1) == none and count(Established) == 0",
    "predict q1 role(3) after leads(2) within 5s as LEADING=wins FOLLOWING=follows *=nothing",
    "predict q2 leader(1) after not (up(2) and up(3)) within 1s",
    "expect promised(1) == (2,11) and accepted(2) == (2,\"x\") and proposal(P1) != none",
    "expect stage(P1) == READY and reading(1) == FAILED and read(1) == none",
    "expect learned(L1) == \"x\" and chosen() == \"x\" and steps() < 9 and not broken(X5)",
    "expect count(BallotRefused server=2 to=11 ballot=1 promised=(2,11)) == 1",
    "goal alone leads(1) and not up(2)",
    "expect-broken Z10",
];

fn script_of(lines: &[&str]) -> String {
    lines.iter().fold(format!("{HEADER}\n"), |text, line| text + line + "\n")
}

#[test]
fn every_form_is_printed_as_it_was_read() {
    for lines in [GIVEN, ACTS, CHECKS] {
        let text = script_of(lines);
        let script = parse(&text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(script.to_string(), text);
    }
}

#[test]
fn short_spellings_mean_the_same() {
    let read = |line: &str| parse_act(line).map(|act| act.to_string());
    assert_eq!(read("c: create /a"), Ok("c: create \"/a\" \"\"".into()));
    assert_eq!(read("crash 1 keep nothing  # it is gone"), Ok("crash 1".into()));
    assert_eq!(read("deliver 5->4 *"), Ok("deliver 5->4".into()));
    assert_eq!(read("hold A3->L1 accepted"), Ok("hold 3->L1 accepted".into()));
    let predicate = parse_predicate("all(a in A1..A3: promised(a) == (2,P1))");
    let shown = predicate.map(|p| p.to_string());
    assert_eq!(shown, Ok("all(a in 1..3: promised(a) == (2,11))".into()));
    let predicate = parse_predicate("data(1,/a)==\"#\"").map(|p| p.to_string());
    assert_eq!(predicate, Ok("data(1, \"/a\") == \"#\"".into()));
}

#[test]
fn output_belongs_to_its_command_and_ends_at_an_empty_line() {
    let text =
        format!("{HEADER}\r\nstart 1 # first\n----\nS1 Elected\n  indented\n\nstep 1\n----\n");
    let script = parse(&text).expect("the script is well formed");
    let blocks: Vec<_> = script.lines.iter().map(|l| l.expected.clone()).collect();
    let first = blocks[0].as_ref().expect("the first command has a block");
    assert_eq!((first.number, script.lines[1].number), (3, 7));
    assert_eq!(first.lines, ["S1 Elected", "  indented"]);
    assert_eq!(blocks[1].as_ref().map(|b| b.lines.len()), Some(0));
}

#[test]
fn errors_say_line_column_and_what_was_expected() {
    let cases = [
        ("start 1\ncrush 2", 3, 1, "one of given start"),
        ("start 1 2", 2, 9, "the end of the line"),
        ("start 10", 2, 7, "a server's number from 0 to 9"),
        ("run until leads(1)", 2, 19, "\"within\""),
        ("run for 2h", 2, 9, "a duration"),
        ("expect role(1) == LEADNG", 2, 19, "one of DOWN"),
        ("expect epoch(1) == (1,2)", 2, 20, "a number"),
        ("expect role(1) < LEADING", 2, 16, "\"==\" or \"!=\""),
        ("expect leads(s)", 2, 14, "a server's number"),
        ("expect epoch(1)", 2, 16, "a comparison"),
        ("expect sped(1) == 1", 2, 8, "a function's name"),
        ("expect count(PacketSend) == 0", 2, 14, "the name of an event"),
        ("expect count(PacketSent form=1) == 0", 2, 25, "one of server to kind zxid"),
        ("expect \"abc", 2, 8, "a closing quote"),
        ("hold 1->2 PROPOSE", 2, 11, "NOTIFICATION"),
        ("given log 1: (1,4)..(1,2)", 2, 21, "a later zxid"),
        ("start 1\ngiven servers 3", 3, 1, "given lines before"),
        ("mark a\nmark a", 3, 6, "a new name"),
        ("\n----\n", 3, 1, "a command before"),
        ("step 1 ~", 2, 8, "a word"),
    ];
    for (text, line, column, expected) in cases {
        let error = parse(&format!("{HEADER}\n{text}")).expect_err(text);
        assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
        assert!(error.expected.starts_with(expected), "{text}: {error}");
    }
    let found = parse("zablab script 2\n").map_err(|ParseError { found, .. }| found);
    assert_eq!(found, Err("\"zablab script 2\"".into()));
}

#[test]
fn depth_is_limited() {
    let deep = format!("{}up(1){}", "not (".repeat(40), ")".repeat(40));
    let error = parse_predicate(&deep).expect_err("too deep");
    assert!(error.expected.contains("32 levels"), "{error}");
}

/// Plays a script; its outputs, or its error.
fn played(lines: &str) -> Result<Vec<Vec<String>>, String> {
    let script = parse(&format!("{HEADER}\n{lines}")).map_err(|error| error.to_string())?;
    let played = play(&script, true).map_err(|error| error.to_string())?;
    Ok(played.outputs.into_values().collect())
}

#[test]
fn a_line_that_does_not_come_true_says_why() {
    let not_true = played("start 1\nexpect role(1) == LEADING and all(s in 2: up(s))");
    let why = "line 3: not true\n  role(1) is LOOKING\n  s = 2:\n  up(s) is false";
    assert_eq!(not_true, Err(why.into()));
    let late = played("start 1\nrun until leads(1) within 1s");
    assert_eq!(late, Err("line 3: not reached in time\n  leads(1) is false".into()));
    let events = played("start 1,2\nrun until event Elected times 3 within 2s");
    assert_eq!(events, Err("line 3: 2 of 3 events happened in time".into()));
    let nothing = played("run until up(1) within 1s");
    assert_eq!(nothing, Err("line 2: nothing can happen any more\n  up(1) is false".into()));
    assert_eq!(played("start 4"), Err("line 2: there is no server 4".into()));
    let deliver = Err("line 2: no such message is in front on its way".into());
    assert_eq!(played("deliver 1->2"), deliver);
    let output = played("start 1\n----\nS2 Elected\n\n");
    let found = "S1 VoteChanged reason=OwnVote vote=(1,(0,0))";
    assert_eq!(output, Err(format!("line 2: the output is\n{found}\nand not\nS2 Elected")));
}

#[test]
fn goals_are_reached_between_marks() {
    let early = played("goal idle not up(1)\n");
    assert!(early.is_err_and(|why| why.contains("goal idle is reached before")));
    let missed = played("goal run up(1)\nmark next\nstart 1");
    assert!(missed.is_err_and(|why| why.contains("goal run is not reached")));
    assert!(played("goal run up(1)\nstart 1\ncrash 1\nmark next").is_ok());
}

#[test]
fn a_prediction_leaves_the_run_alone() {
    let question = "predict q role(2) after leads(2) within 5s as LEADING=wins *=loses";
    let outputs = played(&format!("start 1,2\n{question}\nexpect role(2) == LOOKING"));
    assert_eq!(outputs.map(|lines| lines[1].clone()), Ok(vec!["q wins".to_owned()]));
}

#[test]
fn a_broken_invariant_must_be_expected() {
    let bug = "given bug M32\ngiven sync-time 50ms\nstart 1..3\n\
               run until all(s in 1..3: serving(s)) within 20s\n\
               c: connect 3\nrun until state(c) == CONNECTED within 5s\nc: create /a\n\
               run until result(c) == OK within 1s\n";
    let broken = played(bug);
    assert!(broken.as_ref().is_err_and(|why| why.contains("broken at step")), "{broken:?}");
    let expected = bug.replace("start 1..3", "start 1..3\nexpect-broken L4\nexpect-broken Z10");
    assert_eq!(played(&expected).map(|_| ()), Ok(()));
    let kept = played("start 1\nexpect-broken Z1");
    assert_eq!(kept, Err("line 3: invariant Z1 was not broken".into()));
}

#[test]
fn presets_are_what_the_servers_begin_with() {
    let lines = "given log 1,2: (1,1)..(1,4)\ngiven snapshot 2: (1,2)\ngiven round 1: 6\n\
                 given accepted-epoch 2: 4\ngiven commit-log 1: (1,3)..(1,4)\nstart 1,2\n\
                 expect round(1) == 7 and round(2) == 1 and accepted_epoch(2) == 4\n\
                 expect current_epoch(1) == 1 and last_logged(2) == (1,4)\n\
                 expect min_committed(1) == (1,3) and min_committed(2) == (1,3)\n\
                 expect applied(1) == (1,4) and exists(1, /1-4) and trees_equal(1,2)";
    assert_eq!(played(lines).map(|_| ()), Ok(()));
    let twice = played("given log 1: (1,2)..(1,4)\ngiven log 1: (1,4)\nstart 1");
    assert!(twice.is_err_and(|why| why.contains("zxids must rise")));
    let parent = played("given log 1: (1,1) create /a/b\nstart 1");
    assert!(parent.is_err_and(|why| why.contains("no such parent")));
}

#[test]
fn rewriting_changes_nothing_but_blocks() {
    let text = format!("{HEADER}\n\n# Why.\nstart 1\n----\nold\n\nexpect up(1)\n----\n\n# End.\n");
    let script = parse(&text).expect("the script is well formed");
    let result = play(&script, false).expect("output is not compared");
    let expected = text.replace("old", "S1 VoteChanged reason=OwnVote vote=(1,(0,0))");
    assert_eq!(rewrite(&text, &script, &result), expected);
}

fn any_line() -> impl Strategy<Value = String> {
    let known = [GIVEN, ACTS, CHECKS].concat();
    prop_oneof![
        ".{0,60}",
        "[a-z(),.:>0-9=\"/ #-]{0,60}",
        (proptest::sample::select(known), 0..40usize, "[ -~]{0,3}").prop_map(|(line, at, junk)| {
            let at = at.min(line.len());
            let end = (at + junk.len()).min(line.len());
            format!("{}{junk}{}", &line[..at], &line[end..])
        }),
    ]
}

fn any_order(lines: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(lines, 0..lines.len()).prop_shuffle()
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(lines in prop::collection::vec(any_line(), 0..8)) {
        let text = lines.iter().fold(format!("{HEADER}\n"), |text, line| text + line + "\n");
        if let Ok(script) = parse(&text) {
            let again: Script = parse(&script.to_string()).expect("what was printed can be read");
            prop_assert_eq!(again.to_string(), script.to_string());
        }
    }

    #[test]
    fn scripts_survive_printing(
        given in any_order(GIVEN),
        acts in any_order(ACTS),
        checks in any_order(CHECKS),
    ) {
        let text = script_of(&[given, acts, checks].concat());
        let script = parse(&text).expect("every line is well formed");
        prop_assert_eq!(parse(&script.to_string()), Ok(script));
    }
}
