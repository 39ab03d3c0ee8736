//! `cargo xtask tidy`: what this repository demands and no compiler checks.
//!
//! It only reads: a problem is named with its place, and the user mends it.

mod graph;
mod page;
mod script;
mod sources;

use std::fmt;
use std::path::PathBuf;

use crate::purity;
use crate::shell::{Result, root};

/// Something that must not stay as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Problem {
    /// The file, relative to the workspace.
    path: PathBuf,
    /// The line, counted from 1; 0 for the whole file.
    line: usize,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.line {
            0 => write!(f, "{path}: {}", self.what),
            line => write!(f, "{path}:{line}: {}", self.what),
        }
    }
}

/// Runs all checks and prints every problem.
pub fn tidy() -> Result {
    let mut problems = graph::check()?;
    problems.extend(sources::check(&root())?);
    for problem in &problems {
        println!("{problem}");
    }
    purity::check()?;
    match problems.len() {
        0 => Ok(()),
        count => Err(format!("tidy: {count} problems")),
    }
}
