//! The content of a run as text, line by line.

use std::fmt::Write as _;

use super::{AUTO_MAX, BRANCHES_MAX, Branch, MOVES_MAX, Move, Place, Run};
use crate::script::ast::{Command, Given};
use crate::script::{HEADER, LINE_LEN_MAX, ParseError, parse};

/// The first line of every content.
const FIRST: &str = "zablab run 1";

/// A run as text. Texts of the page lose their line ends.
pub(super) fn write(run: &Run) -> String {
    let mut text = format!("{FIRST}\ncore {}\n", one_line(&run.core));
    let mut line = |what: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = text.write_fmt(what);
        text.push('\n');
    };
    for given in &run.given {
        line(format_args!("given {given}"));
    }
    for branch in &run.branches {
        match branch.from {
            None => line(format_args!("branch")),
            Some(Place { branch, position }) => {
                line(format_args!("branch from {branch} at {position}"));
            }
        }
        for step in &branch.moves {
            line(format_args!("{step}"));
        }
    }
    line(format_args!("cursor {} {}", run.cursor.branch, run.cursor.position));
    for (name, value) in [("select", &run.select), ("tab", &run.tab), ("lesson", &run.lesson)] {
        if let Some(value) = value {
            line(format_args!("{name} {}", one_line(value)));
        }
    }
    line(format_args!("hash {:016x}", run.hash));
    text
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ").trim().to_owned()
}

/// Reads a content.
pub(super) fn read(text: &str) -> Result<Run, ParseError> {
    let mut lines = Lines { lines: text.split_terminator('\n').collect(), at: 0 };
    if lines.take() != Some(FIRST) {
        return lines.error_before(FIRST);
    }
    let core = lines.value("core")?;
    let given = lines.given()?;
    let branches = lines.branches()?;
    let cursor = lines.value("cursor")?;
    let cursor = match cursor.split_once(' ').and_then(|(branch, at)| place(branch, at)) {
        Some(cursor) if exists(&branches, cursor) => cursor,
        Some(_) | None => return lines.error_before("a branch and a position in it"),
    };
    let select = lines.optional("select")?;
    let tab = lines.optional("tab")?;
    let lesson = lines.optional("lesson")?;
    let hash = lines.value("hash")?;
    let hash = match u64::from_str_radix(&hash, 16) {
        Ok(number) if format!("{number:016x}") == hash => number,
        Ok(_) | Err(_) => return lines.error_before("16 hex digits"),
    };
    match lines.take() {
        None => Ok(Run { core, given, branches, cursor, select, tab, lesson, hash }),
        Some(_) => lines.error_before("the end"),
    }
}

struct Lines<'a> {
    lines: Vec<&'a str>,
    at: usize,
}

impl<'a> Lines<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.lines.get(self.at).copied()
    }

    fn take(&mut self) -> Option<&'a str> {
        let line = self.peek();
        self.at += 1;
        line
    }

    /// An error at the line that was taken last.
    fn error_before<T>(&self, expected: &str) -> Result<T, ParseError> {
        let found = self.lines.get(self.at.saturating_sub(1));
        let found = found.map_or("the end".to_owned(), |line| {
            format!("\"{}\"", line.chars().take(LINE_LEN_MAX).collect::<String>())
        });
        let line = u32::try_from(self.at).unwrap_or(u32::MAX);
        Err(ParseError { line, column: 1, expected: expected.to_owned(), found })
    }

    fn optional(&mut self, name: &str) -> Result<Option<String>, ParseError> {
        let Some(value) = self.peek().and_then(|line| line.strip_prefix(name)) else {
            return Ok(None);
        };
        self.at += 1;
        match value.strip_prefix(' ') {
            Some(value)
                if !value.is_empty() && value.len() <= LINE_LEN_MAX && one_line(value) == value =>
            {
                Ok(Some(value.to_owned()))
            }
            Some(_) | None => self.error_before(&format!("\"{name}\" and a value")),
        }
    }

    fn value(&mut self, name: &str) -> Result<String, ParseError> {
        match self.optional(name)? {
            Some(value) => Ok(value),
            None => {
                self.at += 1;
                self.error_before(&format!("\"{name}\""))
            }
        }
    }

    /// The lines of a script's start, read by the script's own reader.
    fn given(&mut self) -> Result<Vec<Given>, ParseError> {
        let mut all = Vec::new();
        while let Some(line) = self.peek().filter(|line| line.starts_with("given ")) {
            self.at += 1;
            match parse(&format!("{HEADER}\n{line}\n")).map(|script| script.lines) {
                Ok(lines) => all.extend(lines.into_iter().filter_map(|line| match line.command {
                    Command::Given(given) => Some(given),
                    _ => None,
                })),
                Err(error) => return self.error_before(&error.expected),
            }
        }
        Ok(all)
    }

    fn branches(&mut self) -> Result<Vec<Branch>, ParseError> {
        let mut branches: Vec<Branch> = Vec::new();
        let (mut moves, mut auto) = (0, 0);
        while let Some(line) = self.peek().filter(|line| !line.starts_with("cursor ")) {
            self.at += 1;
            if line == "branch" || line.starts_with("branch ") {
                if branches.len() == BRANCHES_MAX {
                    return self.error_before("no more branches");
                }
                let from = self.from(line, &branches)?;
                branches.push(Branch { from, moves: Vec::new() });
                continue;
            }
            let (Some(step), Some(branch)) = (Move::parse(line), branches.last_mut()) else {
                return self.error_before("a branch, a move in it, or the cursor");
            };
            moves += 1;
            auto += match step {
                Move::Auto(steps) => steps.min(AUTO_MAX + 1),
                Move::Act(_) | Move::Step(_) => 0,
            };
            if moves > MOVES_MAX || auto > AUTO_MAX {
                return self.error_before("no more moves");
            }
            branch.moves.push(step);
        }
        Ok(branches)
    }

    fn from(&self, line: &str, before: &[Branch]) -> Result<Option<Place>, ParseError> {
        if before.is_empty() {
            return if line == "branch" { Ok(None) } else { self.error_before("\"branch\"") };
        }
        let parts = line.strip_prefix("branch from ").and_then(|rest| rest.split_once(" at "));
        match parts.and_then(|(branch, position)| place(branch, position)) {
            Some(from) if exists(before, from) => Ok(Some(from)),
            Some(_) | None => self.error_before("\"branch from\" a place in an earlier branch"),
        }
    }
}

fn place(branch: &str, position: &str) -> Option<Place> {
    Some(Place { branch: branch.parse().ok()?, position: position.parse().ok()? })
}

fn exists(branches: &[Branch], place: Place) -> bool {
    branches.get(place.branch).is_some_and(|branch| place.position <= branch.units())
}
