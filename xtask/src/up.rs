//! `cargo xtask up`: server and page are built, then the server becomes this process.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::shell::Result;
use crate::{binary, page};

/// Builds server and page, and runs `zablab up` with `arguments`. Returns only if that fails.
pub fn up(arguments: &[String]) -> Result {
    let executable = binary::build("zablab")?;
    let mut up = Command::new(&executable);
    up.arg("up").args(arguments);
    if !arguments.iter().any(|argument| argument.starts_with("--page")) {
        // Servers need nothing but Rust.
        match page::tools() {
            Ok(()) => _ = up.arg("--page").arg(page::build()?),
            Err(missing) => println!("{missing}\nwithout it, the page only lists the servers"),
        }
    }
    let error = up.exec();
    Err(format!("{executable}: {error}"))
}
