//! `cargo xtask up`: the server is built, then becomes this process.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::binary;
use crate::shell::Result;

/// Builds the server and runs `zablab up` with `arguments`. Returns only if that fails.
pub fn up(arguments: &[String]) -> Result {
    let executable = binary::build("zablab")?;
    let error = Command::new(&executable).arg("up").args(arguments).exec();
    Err(format!("{executable}: {error}"))
}
