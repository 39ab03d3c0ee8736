//! The commands of this repository: `cargo xtask up`, `page`, `test`, `size` and `tidy`.
//!
//! No dependencies, so that the first command of a fresh clone compiles only what it runs.
#![forbid(unsafe_code)]

mod binary;
mod install;
mod page;
mod purity;
mod shell;
mod test;
mod tidy;
mod up;
mod wasm;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  up [...]   build server and page, and run `zablab up` with these arguments
  page       build the page: a static folder that any web server can host
  size       compare the page that was built with its budgets
  test       install what is missing, then check and test everything
  tidy       the checks that neither compiler nor clippy makes";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let result = match (command.as_deref(), rest.is_empty()) {
        (Some("up"), _) => up::up(&rest),
        (Some("page"), true) => page::page(),
        (Some("size"), true) => page::size(),
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
