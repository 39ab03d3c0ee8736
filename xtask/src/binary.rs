//! Building a program of this workspace, and finding it.

use crate::shell::{Result, cargo, run_lines};

/// Builds the program and says where it is.
///
/// Profile and packages are those of the tests: with other ones, cargo would compile shared
/// dependencies again.
pub fn build(name: &str) -> Result<String> {
    let mut executable = None;
    let mut build = cargo();
    build.args(["build", "--locked", "--profile", "ci", "--workspace", "--bin", name]);
    build.arg("--message-format=json-render-diagnostics");
    run_lines(&mut build, |message| executable = executable_of(message).or(executable.take()))?;
    executable.ok_or_else(|| format!("cargo did not say where {name} is"))
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
