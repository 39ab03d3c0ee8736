//! A schedule: a start and every step that was taken, which together are the whole run.

use zablab_core::sorted::SortedMap;

use super::Failure;
use super::coverage::unexplained_end;
use crate::chooser::{Chooser, Fifo};
use crate::formats::json::TraceHash;
use crate::formats::zlab::{self, Branch, Move, Place};
use crate::reel::words;
use crate::script::ast::Given;
use crate::script::{Command, Line, Script, Start};
use crate::step::{ClientId, Step};
use crate::teaching::Teaching;
use crate::world::World;

/// Steps to take from a start.
#[derive(Clone, PartialEq, Debug)]
pub struct Schedule {
    /// The start, as a script has it, bugs among it.
    pub given: Vec<Given>,
    /// Every step.
    pub steps: Vec<Step>,
}

/// A schedule that no file can hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no line of a file can say {step}")]
pub struct Unsayable {
    /// The step, as the sources have it.
    pub step: String,
}

impl Schedule {
    /// The world at its start.
    ///
    /// # Panics
    /// If the start makes no sense, which those of random schedules do.
    pub fn world(&self) -> World {
        let command = |given: &Given| Command::Given(given.clone());
        let line = |given| Line { number: 1, command: command(given), expected: None };
        let script = Script { lines: self.given.iter().map(line).collect() };
        let start = Start::of(&script).expect("a drawn start makes sense");
        World::new(start.given, Teaching { bugs: start.bugs })
            .expect("its disks are disks that a server may have left")
    }

    /// What goes wrong first when it is played, and after how many steps.
    pub fn play(&self) -> Option<(Failure, usize)> {
        let mut world = self.world();
        for (number, step) in (1..).zip(&self.steps) {
            let events = world.apply(step);
            if let Some(failure) = failure_of(&world).or_else(|| unexplained_end(&world, &events)) {
                return Some((failure, number));
            }
        }
        let violation = world.end().first().cloned();
        violation.map(|violation| (Failure::Broken(violation), self.steps.len()))
    }

    /// It as a file, whose cursor is at its end. Steps that are due anyway need no line each.
    ///
    /// # Errors
    /// The first step that cannot be written.
    pub fn file(&self) -> Result<zlab::Run, Unsayable> {
        let names = self.names();
        let mut world = self.world();
        let mut hash = TraceHash::default();
        world.take_events().iter().for_each(|event| hash.add(event));
        let mut moves = Vec::new();
        for step in &self.steps {
            match (moves.last_mut(), Fifo.choose(world.agenda()).as_ref() == Some(step)) {
                (Some(Move::Auto(steps)), true) => *steps += 1,
                (_, true) => moves.push(Move::Auto(1)),
                (_, false) => {
                    let exact = words::exact(step).map(Move::Step);
                    let said = exact.or_else(|| words::act(step, &names).map(Move::Act));
                    moves.push(said.ok_or_else(|| Unsayable { step: format!("{step:?}") })?);
                }
            }
            world.apply(step).iter().for_each(|event| hash.add(event));
        }
        let branch = Branch { from: None, moves };
        Ok(zlab::Run {
            core: env!("CARGO_PKG_VERSION").to_owned(),
            given: self.given.clone(),
            cursor: Place { branch: 0, position: branch.units() },
            branches: vec![branch],
            select: None,
            tab: None,
            lesson: None,
            hash: hash.value(),
        })
    }

    /// The clients by their numbers.
    fn names(&self) -> SortedMap<ClientId, String> {
        let names = self.given.iter().filter_map(|given| match given {
            Given::Clients(names) => Some(names.clone()),
            _ => None,
        });
        (1..).map(ClientId).zip(names.flatten()).collect()
    }
}

/// The first invariant that was broken so far.
pub(super) fn failure_of(world: &World) -> Option<Failure> {
    world.violations().first().cloned().map(Failure::Broken)
}
