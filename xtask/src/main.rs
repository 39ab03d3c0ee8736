//! The commands of this repository: `cargo xtask up`, `cargo xtask test`, `cargo xtask tidy`.
//!
//! No dependencies, so that the first command of a fresh clone compiles only what it runs.
#![forbid(unsafe_code)]

mod binary;
mod install;
mod purity;
mod shell;
mod test;
mod tidy;
mod up;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  up [...]   build the server and run `zablab up` with these arguments
  test       install what is missing, then check and test everything
  tidy       the checks that neither compiler nor clippy makes";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let result = match (command.as_deref(), rest.is_empty()) {
        (Some("up"), _) => up::up(&rest),
        (Some("test"), true) => test::test(),
        (Some("tidy"), true) => tidy::tidy(),
        (None | Some(_), _) => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
