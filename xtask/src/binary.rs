//! Building a program of this workspace, and finding it.

use crate::shell::{Result, cargo, run_lines};

/// What the tests need. Always all of it: tests enable features of what they share with the
/// programs, so cargo would compile the core again for a program alone.
pub const TESTED: [&str; 3] = ["--lib", "--bins", "--tests"];

/// Builds these targets of the workspace, the program among them, and says where it is.
///
/// Profile and packages are those of the tests: with other ones, cargo would compile shared
/// dependencies again.
pub fn build(name: &str, targets: &[&str]) -> Result<String> {
    let mut executable = None;
    let mut build = cargo();
    build.args(["build", "--locked", "--profile", "ci", "--workspace"]).args(targets);
    build.arg("--message-format=json-render-diagnostics");
    run_lines(&mut build, |message| {
        executable = executable_of(message, name).or(executable.take());
    })?;
    executable.ok_or_else(|| format!("cargo did not say where {name} is"))
}

/// The path in one of cargo's messages, if it is about this program and not about its tests.
fn executable_of(message: &str, name: &str) -> Option<String> {
    let is_program = message.contains(r#""kind":["bin"]"#) && message.contains(r#""test":false}"#);
    if !is_program || !message.contains(&format!(r#""name":"{name}""#)) {
        return None;
    }
    let (_, path) = message.split_once("\"executable\":\"")?;
    let (path, _) = path.split_once('"')?;
    Some(path.replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_binary_has_an_executable() {
        let message = |kind: &str, test: bool, executable: &str| {
            format!(
                r#"{{"target":{{"kind":["{kind}"],"name":"zablab"}},"profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let program = message("bin", false, r#""/a b/zablab""#);
        assert_eq!(executable_of(&program, "zablab").as_deref(), Some("/a b/zablab"));
        assert_eq!(executable_of(&program, "zablab-sim"), None);
        assert_eq!(executable_of(&message("bin", true, r#""/a/zablab-1""#), "zablab"), None);
        assert_eq!(executable_of(&message("lib", false, "null"), "zablab"), None);
    }
}
