//! `cargo xtask up`: the server is built, then becomes this process.
//!
//! Profile and packages are those of the tests, so that both commands of the README compile
//! dependencies once.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::shell::{Result, cargo, run_lines};

/// Builds the server and runs `zablab up` with `arguments`. Returns only if that fails.
pub fn up(arguments: &[String]) -> Result {
    let mut executable = None;
    let mut build = cargo();
    build.args(["build", "--profile", "ci", "--workspace", "--bin", "zablab"]);
    build.arg("--message-format=json-render-diagnostics");
    run_lines(&mut build, |message| executable = executable_of(message).or(executable.take()))?;
    let executable = executable.ok_or("cargo did not say where the binary is")?;
    let error = Command::new(&executable).arg("up").args(arguments).exec();
    Err(format!("{executable}: {error}"))
}

/// The path in one of cargo's messages, if it is about a binary.
fn executable_of(message: &str) -> Option<String> {
    let (_, path) = message.split_once("\"executable\":\"")?;
    let (path, _) = path.split_once('"')?;
    Some(path.replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_binary_has_an_executable() {
        let binary = r#"{"reason":"compiler-artifact","executable":"/a b/zablab","fresh":true}"#;
        assert_eq!(executable_of(binary).as_deref(), Some("/a b/zablab"));
        let library = r#"{"reason":"compiler-artifact","executable":null,"fresh":true}"#;
        assert_eq!(executable_of(library), None);
    }
}
