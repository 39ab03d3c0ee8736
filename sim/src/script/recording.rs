//! From a played script to a `.zlab` file, and from a file to a run.
//!
//! Not here: bytes and text of the file (see [`crate::formats::zlab`]).

use super::acts::carry_out;
use super::ast::{Command, Line, Script};
use super::given::Start;
use super::run::{Failure, Played, Player};
use crate::formats::json::TraceHash;
use crate::formats::zlab::{Branch, Move, Place, Run};
use crate::trace::TraceEvent;

/// A run that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The run up to the cursor.
    pub played: Played,
    /// True if its trace is the one that was written down.
    pub same: bool,
}

/// What was played, as one branch that is looked at from its end.
pub fn record(script: &Script, played: &Played) -> Run {
    let given = script.lines.iter().filter_map(|line| match &line.command {
        Command::Given(given) => Some(given.clone()),
        _ => None,
    });
    let branch = Branch { from: None, moves: played.moves.clone() };
    Run {
        core: env!("CARGO_PKG_VERSION").to_owned(),
        given: given.collect(),
        cursor: Place { branch: 0, position: branch.units() },
        branches: vec![branch],
        select: None,
        tab: None,
        lesson: None,
        hash: hash(&played.events),
    }
}

/// Plays a run again, up to its cursor. A step that is not possible is skipped.
///
/// # Errors
/// The start makes no sense, or an act is not possible.
pub fn open(run: &Run) -> Result<Opened, Failure> {
    let moves = path(run);
    let command = |command| Line { number: 1, command, expected: None };
    let given = run.given.iter().cloned().map(Command::Given);
    // Clients are numbered as they appear, so the start must know of the acts.
    let acts = moves.iter().filter_map(|step| match step {
        Move::Act(act) => Some(Command::Act(act.clone())),
        Move::Auto(_) | Move::Step(_) => None,
    });
    let script = Script { lines: given.chain(acts).map(command).collect() };
    let start = Start::of(&script).map_err(|(_, error)| Failure::from(error))?;
    let mut player = Player::new(start)?;
    for step in &moves {
        match step {
            Move::Auto(steps) => (0..*steps).try_for_each(|_| player.choose())?,
            Move::Act(act) => carry_out(&mut player, act)?,
            Move::Step(exact) => player.apply(&exact.step()),
        }
    }
    let mut played = player.finish();
    played.moves = moves;
    let same = hash(&played.events) == run.hash;
    Ok(Opened { played, same })
}

fn hash(events: &[TraceEvent]) -> u64 {
    let mut hash = TraceHash::default();
    events.iter().for_each(|event| hash.add(event));
    hash.value()
}

/// The moves from the start to the cursor.
fn path(run: &Run) -> Vec<Move> {
    let mut pieces = Vec::new();
    let mut place = Some(run.cursor);
    while let Some((at, branch)) = place.and_then(|at| Some((at, run.branches.get(at.branch)?))) {
        pieces.push(beginning(branch, at.position));
        // Only an earlier branch can be left, so this ends.
        place = branch.from.filter(|from| from.branch < at.branch);
    }
    pieces.into_iter().rev().flatten().collect()
}

/// The first units of a branch.
fn beginning(branch: &Branch, units: u64) -> Vec<Move> {
    let mut left = units;
    let mut moves = Vec::new();
    for step in &branch.moves {
        if left == 0 {
            break;
        }
        let taken = step.units().min(left);
        left -= taken;
        moves.push(match step {
            Move::Auto(_) => Move::Auto(taken),
            Move::Act(_) | Move::Step(_) => step.clone(),
        });
    }
    moves
}
