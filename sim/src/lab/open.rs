//! From a script, or the link of a `.zlab` file, to a run.

use super::run::Run;
use super::{Made, cannot};
use crate::formats::json::TraceHash;
use crate::formats::messages::{More, Problem, ProblemKind};
use crate::formats::zlab::{self, Move, Place};
use crate::script::ast::{Command, Given, Line, Script};
use crate::script::{Driver, Picker, Rules, Start, parse};
use crate::teaching::Teaching;
use crate::timeline::BranchId;
use crate::world::World;

/// A run at the start of a script.
pub(super) fn script(text: &str) -> Result<(Run, Made), Problem> {
    let script = parse(text).map_err(|error| Problem::from(&error))?;
    let given = script.lines.iter().filter_map(|line| match &line.command {
        Command::Given(given) => Some(given.clone()),
        _ => None,
    });
    let run = begin(&script, given.collect())?;
    let (frames, events) = (vec![run.frame_0()], run.begin.clone());
    Ok((run, Made { frames, events, more: More::Nothing }))
}

/// A run with all its branches, at its cursor.
pub(super) fn link(link: &str) -> Result<(Run, Made), Problem> {
    let file = zlab::from_link(link)?;
    let command = |command| Line { number: 1, command, expected: None };
    let given = file.given.iter().cloned().map(Command::Given);
    // Clients are numbered as they appear, so the start must know of the acts.
    let moves = file.branches.iter().flat_map(|branch| &branch.moves);
    let acts = moves.filter_map(|step| match step {
        Move::Act(act) => Some(Command::Act(act.clone())),
        Move::Auto(_) | Move::Step(_) => None,
    });
    let script = Script { lines: given.chain(acts).map(command).collect() };
    let mut run = begin(&script, file.given.clone())?;
    // After each unit of a branch, the steps from the beginning of the run.
    let mut ends: Vec<Vec<usize>> = Vec::new();
    for branch in &file.branches {
        if let Some(from) = branch.from {
            let at = steps_at(&run, &ends, from);
            run.jump(BranchId(from.branch), at);
            run.fork();
        }
        ends.push(play(&mut run, &branch.moves)?);
    }
    let at = steps_at(&run, &ends, file.cursor);
    run.jump(BranchId(file.cursor.branch), at);
    let mut frames = vec![run.frame_0()];
    frames.extend(run.frames(BranchId(file.cursor.branch), 0, at));
    let events = run.events();
    let mut hash = TraceHash::default();
    events.iter().for_each(|event| hash.add(event));
    let more = More::Value(hash.value() == file.hash);
    Ok((run, Made { frames, events, more }))
}

fn begin(script: &Script, given: Vec<Given>) -> Result<Run, Problem> {
    let start = Start::of(script).map_err(|(line, error)| Problem {
        kind: ProblemKind::Syntax,
        message: error.to_string(),
        line: Some(line),
        column: None,
    })?;
    let picker = Picker::of(start.chooser, start.given.seed);
    let mut world = World::new(start.given, Teaching { bugs: start.bugs })
        .map_err(|error| cannot(error.to_string()))?;
    let begin = world.take_events();
    let driver = Driver { picker, rules: Rules::default() };
    Ok(Run::new(given, world, begin, start.clients, driver))
}

/// Plays moves at the present position; the position after each of their units.
fn play(run: &mut Run, moves: &[Move]) -> Result<Vec<usize>, Problem> {
    let mut ends = Vec::new();
    for step in moves {
        match step {
            Move::Auto(steps) => {
                for _ in 0..*steps {
                    run.choose()?;
                    ends.push(run.timeline.position());
                }
            }
            Move::Act(act) => {
                run.act(act)?;
                ends.push(run.timeline.position());
            }
            Move::Step(exact) => {
                run.play_step(&exact.step())?;
                ends.push(run.timeline.position());
            }
        }
    }
    Ok(ends)
}

fn steps_at(run: &Run, ends: &[Vec<usize>], place: Place) -> usize {
    let units = usize::try_from(place.position).unwrap_or(usize::MAX);
    let start = run.start(BranchId(place.branch));
    let own = ends.get(place.branch).map_or(&[][..], Vec::as_slice);
    match units.checked_sub(1) {
        None => start,
        Some(last) => own.get(last).or(own.last()).copied().unwrap_or(start),
    }
}
