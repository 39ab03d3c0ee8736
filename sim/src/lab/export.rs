//! A run as a `.zlab` link, a script, or the lines of its trace.

use super::cannot;
use super::run::Run;
use crate::formats::json::{self, TraceHash};
use crate::formats::messages::Problem;
use crate::formats::zlab::{self, Branch, Move, Place};
use crate::reel::words;
use crate::script::HEADER;
use crate::script::ast::Given;
use crate::step::Step;
use crate::timeline::BranchId;

/// The link of a file with all branches; its cursor is the present position.
pub(super) fn link(run: &Run) -> Result<String, Problem> {
    let timeline = &run.timeline;
    let mut branches = Vec::new();
    for (number, branch) in timeline.branches().iter().enumerate() {
        let notes = run.notes[number].iter().map(|note| note.auto);
        let moves = moves(run, branch.steps.iter().zip(notes))?;
        let from = branch.parent.map(|(of, at)| place(run, of, at));
        branches.push(Branch { from, moves });
    }
    let mut hash = TraceHash::default();
    run.events().iter().for_each(|event| hash.add(event));
    let file = zlab::Run {
        core: env!("CARGO_PKG_VERSION").to_owned(),
        given: given(run),
        cursor: place(run, timeline.branch(), timeline.position()),
        branches,
        select: None,
        tab: None,
        lesson: None,
        hash: hash.value(),
    };
    Ok(zlab::to_link(&file)?)
}

/// The way to the present position as a script.
pub(super) fn script(run: &Run) -> Result<String, Problem> {
    let timeline = &run.timeline;
    let (branch, position) = (timeline.branch(), timeline.position());
    let steps = timeline.steps(branch).take(position);
    let moves = moves(run, steps.zip(run.autos(branch)))?;
    let mut text = format!("{HEADER}\n");
    for given in given(run) {
        text += &format!("given {given}\n");
    }
    for step in moves {
        text += &match step {
            Move::Auto(steps) => format!("step {steps}\n"),
            Move::Act(act) => format!("{act}\n"),
            Move::Step(exact) => {
                return Err(cannot(format!("no line of a script is the step \"{exact}\"")));
            }
        };
    }
    Ok(text)
}

/// The trace up to the present position.
pub(super) fn lines(run: &Run) -> String {
    let lines = run.events();
    lines.iter().fold(String::new(), |text, event| text + &json::encode(event) + "\n")
}

/// The start, with all clients named in the order of their numbers.
fn given(run: &Run) -> Vec<Given> {
    let names: Vec<String> = run.names().into_values().collect();
    let clients = (!names.is_empty()).then_some(Given::Clients(names));
    let others = run.given.iter().filter(|given| !matches!(given, Given::Clients(_)));
    clients.into_iter().chain(others.cloned()).collect()
}

/// Steps as moves; each step is one unit.
fn moves<'a>(
    run: &Run,
    steps: impl Iterator<Item = (&'a Step, bool)>,
) -> Result<Vec<Move>, Problem> {
    let names = run.names();
    let mut moves = Vec::new();
    for (step, auto) in steps {
        if auto {
            match moves.last_mut() {
                Some(Move::Auto(steps)) => *steps += 1,
                Some(Move::Act(_) | Move::Step(_)) | None => moves.push(Move::Auto(1)),
            }
            continue;
        }
        let exact = words::exact(step).map(Move::Step);
        let step = exact.or_else(|| words::act(step, &names).map(Move::Act));
        moves.push(step.ok_or_else(|| cannot("the run has a step that no line can say"))?);
    }
    Ok(moves)
}

/// A position in the branch whose own steps lead to it.
fn place(run: &Run, branch: BranchId, position: usize) -> Place {
    let mut branch = branch;
    while position < run.start(branch)
        && let Some((parent, _)) = run.timeline.branches()[branch.0].parent
    {
        branch = parent;
    }
    Place { branch: branch.0, position: (position - run.start(branch)) as u64 }
}
