//! The dependency rule between the crates of the workspace (docs/architecture.md).

use std::path::PathBuf;

use super::Problem;
use crate::shell::{Result, cargo, output};

/// Each crate of the workspace with its folder and the ones it may depend on, dev-dependencies
/// included. The core knows nobody; server and simulator never meet.
const ALLOWED: &[(&str, &str, &[&str])] = &[
    ("zablab-core", "core", &[]),
    ("zablab-sim", "sim", &["zablab-core"]),
    ("zablab", "native", &["zablab-core"]),
    ("zablab-wasm", "wasm", &["zablab-core", "zablab-sim"]),
    ("zablab-tests", "tests", &["zablab-core", "zablab-sim"]),
    ("xtask", "xtask", &[]),
];

/// Every dependency that breaks the rule.
pub fn check() -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for member in members()? {
        let Some((_, folder, allowed)) = ALLOWED.iter().find(|(name, ..)| *name == member) else {
            let what = format!("{member} has no place in the dependency rule of xtask");
            problems.push(Problem { path: PathBuf::from("Cargo.toml"), line: 0, what });
            continue;
        };
        for dependency in dependencies(&member)? {
            let ours = ALLOWED.iter().any(|(name, ..)| *name == dependency);
            if ours && !allowed.contains(&dependency.as_str()) {
                let path = PathBuf::from(folder).join("Cargo.toml");
                let what = format!("{member} must not depend on {dependency}");
                problems.push(Problem { path, line: 0, what });
            }
        }
    }
    Ok(problems)
}

fn members() -> Result<Vec<String>> {
    tree(&["--workspace", "--depth", "0"])
}

/// Everything that a crate is built or tested with, however indirectly, without itself.
fn dependencies(member: &str) -> Result<Vec<String>> {
    let mut names = tree(&["--package", member, "--edges", "all", "--target", "all"])?;
    names.retain(|name| name != member);
    Ok(names)
}

/// The names in what `cargo tree` prints.
fn tree(arguments: &[&str]) -> Result<Vec<String>> {
    let mut command = cargo();
    command.args(["tree", "--quiet", "--locked", "--prefix", "none", "--format", "{p}"]);
    let text = output(command.args(arguments))?;
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}
