//! The page: the static folder `www/dist`, which any web server can host under any path.

use std::path::PathBuf;
use std::process::Command;

use crate::shell::{Result, output, root, run, succeeds};
use crate::wasm;

/// The browser of the tests.
pub const CHROMIUM: &str = "/usr/bin/chromium";
/// The oldest Node that the page's tools run on.
const NODE_MIN: (u32, u32) = (20, 19);

/// `cargo xtask page`: builds the folder and says where it is.
pub fn page() -> Result {
    println!("{}", build()?.display());
    Ok(())
}

/// `cargo xtask size`: prints what the built page weighs; fails if that is over a budget.
pub fn size() -> Result {
    run(Command::new("node").arg("tools/size.js").current_dir(www()))
}

/// Builds the folder.
pub fn build() -> Result<PathBuf> {
    tools()?;
    packages()?;
    wasm::build()?;
    bundle()?;
    Ok(www().join("dist"))
}

/// Translates and bundles the sources.
pub fn bundle() -> Result {
    run(npm().args(["run", "--silent", "build", "--", "--logLevel", "warn"]))
}

/// Installs the page's packages, unless those in the lock file are there.
pub fn packages() -> Result {
    let fresh = Command::new("node").arg("tools/installed.js").current_dir(www()).status();
    if fresh.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    run(npm().args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))
}

/// A command of npm, in the folder of the page.
pub fn npm() -> Command {
    let mut npm = Command::new("npm");
    // What it prints is read here; a terminal's colours would be in the way.
    npm.current_dir(www()).env("NO_COLOR", "1").env_remove("FORCE_COLOR");
    npm
}

fn www() -> PathBuf {
    root().join("www")
}

/// Says in one line if Node is missing. Debian's is too old, so that it cannot just be installed.
pub fn tools() -> Result {
    let (major, minor) = NODE_MIN;
    let found = output(Command::new("node").arg("--version")).unwrap_or_default();
    let has_npm = succeeds(Command::new("npm").arg("--version"));
    if has_npm && version(&found).is_some_and(|found| found >= NODE_MIN) {
        return Ok(());
    }
    let found = match found.trim() {
        "" => "none was found",
        old => old,
    };
    Err(format!(
        "the page needs Node {major}.{minor} or newer with npm ({found}): https://nodejs.org/"
    ))
}

/// Major and minor of what `node --version` prints.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("v20.19.2\n"), Some((20, 19)));
        assert!(version("v22.1.0") > Some(NODE_MIN));
        assert!(version("v20.9.0") < Some(NODE_MIN));
        assert_eq!(version("node: not found"), None);
    }
}
