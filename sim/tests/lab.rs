//! The lab: requests one after the other, as a page makes them.

use zablab_core::types::Mono;
use zablab_sim::formats::messages::{
    Answer, Ask, Done, ExportForm, More, Problem, ProblemKind, Request, Source, Steps,
};
use zablab_sim::formats::zlab::Exact;
use zablab_sim::lab::Lab;
use zablab_sim::reel::{Frame, Mark};
use zablab_sim::step::LaneId;

const SCRIPT: &str = "zablab script 1\ngiven servers 3\ngiven clients c1 c2\n";

fn lab_of(script: &str) -> Lab {
    let mut lab = Lab::new();
    let done = ask(&mut lab, Ask::Open(Source::Script(script.into())));
    assert_eq!((done.frames.len(), done.frames[0].position), (1, 0));
    lab
}

fn try_ask(lab: &mut Lab, ask: Ask) -> Result<Done, Problem> {
    let (answer, batch) = lab.answer(Request { id: 7, ask });
    assert_eq!(answer.id, Some(7));
    if answer.result.is_err() {
        assert_eq!(batch.rows().count(), 0);
    }
    answer.result
}

fn ask(lab: &mut Lab, ask: Ask) -> Done {
    try_ask(lab, ask).unwrap_or_else(|problem| panic!("{problem:?}"))
}

fn act(lab: &mut Lab, line: &str) -> Done {
    ask(lab, Ask::Act { line: line.into() })
}

fn run_for(lab: &mut Lab, ms: u64) -> Done {
    let now = ask(lab, Ask::View { server: None }).view.now_us;
    ask(lab, Ask::Advance { until_us: now.plus_ms(ms), max_steps: 10_000 })
}

fn seek(lab: &mut Lab, branch: u64, position: u64) -> Done {
    ask(lab, Ask::Seek { branch, position, forget: false })
}

fn frames(lab: &mut Lab, branch: u64, from: u64, to: u64) -> Vec<Frame> {
    ask(lab, Ask::Frames { branch, from, to }).frames
}

fn is(lab: &mut Lab, predicate: &str) -> bool {
    match ask(lab, Ask::Check { predicate: predicate.into() }).more {
        More::Value(value) => value,
        more => panic!("{more:?}"),
    }
}

fn export(lab: &mut Lab, form: ExportForm) -> String {
    match ask(lab, Ask::Export { r#as: form }).more {
        More::Data(data) => data,
        more => panic!("{more:?}"),
    }
}

/// A lab with a leader, in which c1 has written.
fn led(script: &str) -> Lab {
    let mut lab = lab_of(script);
    act(&mut lab, "start 1..3");
    run_for(&mut lab, 5000);
    assert!(is(&mut lab, "leads(3)"));
    act(&mut lab, "c1: connect 1");
    run_for(&mut lab, 200);
    act(&mut lab, "c1: create /a \"x\"");
    run_for(&mut lab, 200);
    assert!(is(&mut lab, "result(c1) == OK"));
    lab
}

#[test]
fn going_back_and_on_again_is_the_same_run() {
    for script in [SCRIPT.to_owned(), format!("{SCRIPT}given chooser random\ngiven seed 5\n")] {
        let mut lab = lab_of(&script);
        act(&mut lab, "start 1..3");
        let first = run_for(&mut lab, 3000);
        let end = first.view.position;
        assert_eq!(frames(&mut lab, 0, 3, end), first.frames);
        for position in [0, 1, 17, 64, 65, end - 1] {
            let back = seek(&mut lab, 0, position);
            assert_eq!((back.view.position, back.view.length), (position, end));
            assert_eq!(back.frames, []);
        }
        // On again by the chooser: no branch, and equal frames.
        seek(&mut lab, 0, 3);
        let again = ask(&mut lab, Ask::Step(Steps::Count(end - 3)));
        assert_eq!(again.frames, first.frames);
        assert_eq!((again.view.branches.len(), again.view.position), (1, end));
    }
}

#[test]
fn acting_in_the_past_begins_a_branch() {
    let mut lab = led(SCRIPT);
    let end = ask(&mut lab, Ask::View { server: None }).view.position;
    let main = frames(&mut lab, 0, 0, end);
    let elected = main.iter().find(|frame| frame.mark == Some(Mark::Established));
    let at = elected.expect("it is established").position;
    seek(&mut lab, 0, at);
    let forked = act(&mut lab, "crash 3");
    assert_eq!(forked.view.branch, 1);
    assert_eq!(forked.view.branches[1].parent.map(|p| (p.branch, p.at)), Some((0, at)));
    assert_eq!(forked.view.branches[1].step.as_deref(), Some("crash 3"));
    assert_eq!(forked.frames[0].position, at + 1);
    run_for(&mut lab, 5000);
    assert!(is(&mut lab, "leads(2)"));
    // What it left is as before, and what they share is shared.
    assert_eq!(frames(&mut lab, 0, 0, end), main);
    assert_eq!(frames(&mut lab, 1, 0, at), main[..at as usize]);
    let back = seek(&mut lab, 0, end);
    assert_eq!((back.view.branch, back.view.position), (0, end));
    assert!(is(&mut lab, "leads(3)"));
}

#[test]
fn steps_that_nobody_saw_can_be_forgotten() {
    let mut lab = led(SCRIPT);
    let end = ask(&mut lab, Ask::View { server: None }).view.position;
    let cut = ask(&mut lab, Ask::Seek { branch: 0, position: end - 20, forget: true });
    assert_eq!((cut.view.position, cut.view.length), (end - 20, end - 20));
    let on = act(&mut lab, "crash 3");
    assert_eq!((on.view.branches.len(), on.view.length), (1, end - 19));
    // Not if another branch begins there.
    seek(&mut lab, 0, end - 30);
    act(&mut lab, "crash 2");
    let before = ask(&mut lab, Ask::View { server: None }).view;
    let refused = try_ask(&mut lab, Ask::Seek { branch: 0, position: 10, forget: true });
    assert_eq!(refused.expect_err("a branch begins there").kind, ProblemKind::Run);
    assert_eq!(ask(&mut lab, Ask::View { server: None }).view, before);
}

#[test]
fn messages_can_be_held_lost_and_delivered_by_name() {
    let mut lab = led(SCRIPT);
    act(&mut lab, "c1: set /a \"y\"");
    let proposal = loop {
        let done = ask(&mut lab, Ask::Step(Steps::Count(1)));
        let sent = done.frames.iter().flat_map(|frame| &frame.sent);
        if let Some(flight) = sent.into_iter().find(|flight| flight.kind == "PROPOSAL") {
            break flight.clone();
        }
    };
    let seq = proposal.id.0.rsplit('.').next().expect("it has a number");
    let (lane, seq): (LaneId, u64) = (proposal.lane, seq.parse().expect("it is a number"));
    let mut exact = |exact| try_ask(&mut lab, Ask::Step(Steps::Step(exact)));
    let held = exact(Exact::Hold { lane, seq }).expect("it is under way");
    assert_eq!(held.frames[0].held.as_deref(), Some(&[proposal.id.clone()][..]));
    assert_eq!(held.frames[0].step.as_deref(), Some(&*format!("hold {}", proposal.id.0)));
    let waits = exact(Exact::Deliver { lane, seq }).expect_err("it is held");
    assert_eq!(waits.kind, ProblemKind::Run);
    let free = exact(Exact::Release { lane }).expect("it is held");
    assert_eq!(free.frames[0].held.as_deref(), Some(&[][..]));
    let came = exact(Exact::Deliver { lane, seq }).expect("it is in front");
    assert_eq!(came.frames[0].ended[0].id, proposal.id);
    exact(Exact::Lose { lane, seq }).expect_err("it is not under way any more");
}

#[test]
fn what_fails_changes_nothing() {
    let mut lab = led(SCRIPT);
    let before = export(&mut lab, ExportForm::Jsonl);
    let view = ask(&mut lab, Ask::View { server: None }).view;
    let fails = |lab: &mut Lab, ask: Ask, kind| {
        let problem = try_ask(lab, ask.clone()).expect_err("it cannot be done");
        assert_eq!(problem.kind, kind, "{ask:?}");
    };
    let (run, syntax) = (ProblemKind::Run, ProblemKind::Syntax);
    fails(&mut lab, Ask::Act { line: "crash 3,9".into() }, run);
    fails(&mut lab, Ask::Act { line: "fly 3".into() }, syntax);
    fails(&mut lab, Ask::Act { line: "deliver 1 -> 2 SNAP".into() }, run);
    fails(&mut lab, Ask::Seek { branch: 1, position: 0, forget: false }, run);
    fails(&mut lab, Ask::Seek { branch: 0, position: 1 << 40, forget: false }, run);
    fails(&mut lab, Ask::View { server: Some(zablab_core::types::ServerId(9)) }, run);
    fails(&mut lab, Ask::Check { predicate: "role(3) ==".into() }, syntax);
    fails(&mut lab, Ask::Predict { line: "expect up(1)".into() }, syntax);
    fails(&mut lab, Ask::Open(Source::Script("nonsense".into())), syntax);
    fails(&mut lab, Ask::Open(Source::Zlab("#/lab/z1.AAAA".into())), syntax);
    assert_eq!(ask(&mut lab, Ask::View { server: None }).view, view);
    assert_eq!(export(&mut lab, ExportForm::Jsonl), before);
    fails(&mut Lab::new(), Ask::View { server: None }, run);
}

#[test]
fn clients_come_when_they_are_named() {
    let mut lab = led("zablab script 1\ngiven servers 3\n");
    let seen = act(&mut lab, "dave: connect 2");
    assert_eq!(seen.frames[0].clients[0].name, "dave");
    assert_eq!(seen.frames[0].step.as_deref(), Some("dave: connect 2"));
    run_for(&mut lab, 200);
    assert!(is(&mut lab, "state(dave) == CONNECTED"));
}

#[test]
fn questions_are_answered_on_a_copy() {
    let mut lab = led(SCRIPT);
    act(&mut lab, "crash 3");
    let view = ask(&mut lab, Ask::View { server: None }).view;
    let line = "predict q role(2) after leads(1) or leads(2) within 9s as LEADING=wins *=not";
    let answer = ask(&mut lab, Ask::Predict { line: line.into() });
    assert_eq!(answer.more, More::Answer("wins".into()));
    assert_eq!(answer.view, view);
    assert!(is(&mut lab, "count(Established) == 1"));
    let server = ask(&mut lab, Ask::View { server: Some(zablab_core::types::ServerId(1)) });
    assert!(matches!(server.more, More::Server(Some(view)) if view.me.0 == 1));
    let text = Answer { id: Some(1), result: Ok(answer) }.encode();
    assert!(text.contains(r#""answer":"wins""#), "{text}");
}

#[test]
fn a_run_with_branches_survives_its_link() {
    for script in [SCRIPT.to_owned(), format!("{SCRIPT}given chooser random\ngiven seed 9\n")] {
        let mut lab = lab_of(&script);
        act(&mut lab, "start 1..3");
        run_for(&mut lab, 3000);
        act(&mut lab, "hold 2 -> 1 COMMIT");
        act(&mut lab, "c1: connect 1");
        let end = run_for(&mut lab, 500).view.position;
        seek(&mut lab, 0, end - 40);
        act(&mut lab, "cut 1 from 2,3");
        let done = run_for(&mut lab, 500);
        let (branch, position) = (done.view.branch, done.view.position);
        let events = export(&mut lab, ExportForm::Jsonl);
        let all = frames(&mut lab, branch, 0, position);
        let link = export(&mut lab, ExportForm::Zlab);
        let mut other = Lab::new();
        let opened = ask(&mut other, Ask::Open(Source::Zlab(link)));
        assert_eq!(opened.more, More::Value(true));
        assert_eq!((opened.view.branch, opened.view.position), (branch, position));
        assert_eq!(opened.view.branches, done.view.branches);
        assert_eq!(opened.frames[1..], all);
        assert_eq!(export(&mut other, ExportForm::Jsonl), events);
        let first = seek(&mut lab, 0, end).view;
        assert_eq!(seek(&mut other, 0, end).view.servers, first.servers);
        assert_eq!(frames(&mut other, 0, 0, end), frames(&mut lab, 0, 0, end));
    }
}

#[test]
fn a_run_can_be_written_as_a_script() {
    let mut lab = led(SCRIPT);
    let script = export(&mut lab, ExportForm::Script);
    let events = export(&mut lab, ExportForm::Jsonl);
    let parsed = zablab_sim::script::parse(&script).expect("it parses");
    let played = zablab_sim::script::play(&parsed, true).expect("it comes true");
    let lines: Vec<_> = played.events.iter().map(zablab_sim::formats::json::encode).collect();
    assert_eq!(events.lines().collect::<Vec<_>>(), lines);
    let far = Ask::Advance { until_us: Mono(0), max_steps: 5 };
    assert_eq!(ask(&mut lab, far).frames, []);
}
