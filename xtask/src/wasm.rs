//! The core as a WebAssembly module, built and wrapped for the page; and its tests.
//!
//! The standard library for WebAssembly comes with rustup where rustup may download. Where it may
//! not, Debian has a second compiler with its library's source, and the library is built from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::install::apt;
use crate::shell::{Result, cargo, output, root, run, succeeds};

/// What a page runs: no operating system.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's second compiler.
pub const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// What starts Chromium for the tests that run in it.
pub const CHROMEDRIVER: &str = "/usr/bin/chromedriver";
/// The package that is built.
const PACKAGE: &str = "zablab-wasm";
/// Its profile, in the workspace's Cargo.toml.
const PROFILE: &str = "wasm";
/// A folder of its own: another compiler, and other flags, than the rest has.
const TARGET_DIR: &str = "target/wasm";
/// Where the page imports it from.
const PAGE_FOLDER: &str = "www/src/core/wasm";
/// How long the tests in Chromium may take; its own limit is for pages, not for 1,000 runs.
const TEST_SECONDS: &str = "300";
/// A linker for WebAssembly that is new enough for Debian's second compiler.
const DEBIAN_LINKER: &str = "/usr/bin/wasm-ld-19";
/// For the library's tests, unwinding and `test` as well; for both the same, to build it once.
const BUILD_STD: &str = "-Zbuild-std=std,panic_abort,panic_unwind,test";

/// How the compiler gets a standard library.
enum Toolchain {
    /// The compiler in use has it.
    Ready,
    /// Debian's compiler builds it, and this linker links.
    Debian { linker: PathBuf },
}

/// Builds the module and what binds it to JavaScript, into the sources of the page.
pub fn build() -> Result {
    let toolchain = Toolchain::find()?;
    let tools = tools()?;
    let mut build = toolchain.cargo("build");
    run(build.args(["--quiet", "--lib"]))?;
    let file_name = format!("{}.wasm", PACKAGE.replace('-', "_"));
    let module = root().join(TARGET_DIR).join(TARGET).join(PROFILE).join(file_name);
    let mut bind = Command::new(tools.join("wasm-bindgen"));
    bind.args(["--target", "web", "--remove-name-section", "--remove-producers-section"]);
    bind.arg("--out-dir").arg(root().join(PAGE_FOLDER));
    run(bind.arg(module))
}

/// The tests of the package that run as WebAssembly: in Node, and in Chromium those that say so.
pub fn tests() -> Result<Command> {
    let mut test = Toolchain::find()?.cargo("test");
    // The documentation's examples are not run for this target. Not `--quiet`, which cargo would
    // hand on to a runner that does not know it.
    test.args(["--tests", "--no-fail-fast"]);
    let runner = tools()?.join("wasm-bindgen-test-runner");
    test.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
    test.env("CHROMEDRIVER", CHROMEDRIVER);
    test.env("WASM_BINDGEN_TEST_TIMEOUT", TEST_SECONDS);
    Ok(test)
}

/// Whether the compiler in use has a standard library for WebAssembly, or could add it.
pub fn has_target() -> bool {
    let folder =
        output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    folder.is_ok_and(|folder| Path::new(folder.trim()).exists())
        || succeeds(Command::new("rustup").args(["target", "add", TARGET]))
}

/// Whether a compiler brings the source of its standard library.
pub fn has_source(rustc: &str) -> bool {
    let library = sysroot(rustc).map(|folder| folder.join("lib/rustlib/src/rust/library"));
    library.is_ok_and(|library| library.join("core/Cargo.toml").exists())
}

impl Toolchain {
    fn find() -> Result<Toolchain> {
        if has_target() {
            return Ok(Toolchain::Ready);
        }
        println!("rustup has no {TARGET} here; its library is built with Debian's compiler");
        if !has_source(DEBIAN_RUSTC) {
            apt(&["rustc-web", "rust-web-src"], "Rust's standard library for WebAssembly")?;
        }
        Ok(Toolchain::Debian { linker: linker()? })
    }

    fn cargo(&self, command: &str) -> Command {
        let mut cargo = cargo();
        cargo.args([command, "--locked", "--package", PACKAGE, "--profile", PROFILE]);
        cargo.args(["--target", TARGET, "--target-dir", TARGET_DIR]);
        if let Toolchain::Debian { linker } = self {
            cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1").arg(BUILD_STD);
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        cargo
    }
}

/// rustup's compiler carries a linker for every target, Debian's does not.
fn linker() -> Result<PathBuf> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc -vV names no host")?;
    let carried = sysroot("rustc")?.join("lib/rustlib").join(host).join("bin/rust-lld");
    if carried.exists() {
        return Ok(carried);
    }
    if !Path::new(DEBIAN_LINKER).exists() {
        apt(&["lld-19"], "a linker for WebAssembly")?;
    }
    Ok(DEBIAN_LINKER.into())
}

fn sysroot(rustc: &str) -> Result<PathBuf> {
    let sysroot = output(Command::new(rustc).args(["--print", "sysroot"]))?;
    Ok(sysroot.trim().into())
}

/// The folder of wasm-bindgen's programs. They read what the library of exactly the same version
/// has written into the module.
fn tools() -> Result<PathBuf> {
    let lock = fs::read_to_string(root().join("Cargo.lock"));
    let lock = lock.map_err(|error| format!("Cargo.lock: {error}"))?;
    let version = locked_version(&lock, "wasm-bindgen");
    let version = version.ok_or("Cargo.lock has no wasm-bindgen")?;
    let folder = root().join("target/tools");
    let program = folder.join("bin/wasm-bindgen");
    let has = program.exists()
        && output(Command::new(&program).arg("--version"))
            .is_ok_and(|said| said.split_whitespace().nth(1) == Some(version));
    if !has {
        println!("installing wasm-bindgen {version} into target/tools");
        let mut install = cargo();
        // Not `--locked`: a registry may lack the very versions that the tool was published with.
        install.args(["install", "--quiet", "wasm-bindgen-cli", "--version"]);
        // Not into a folder that the caller has chosen for the workspace: its lock may be taken.
        install.arg(format!("={version}")).arg("--root").arg(&folder);
        install.env_remove("CARGO_TARGET_DIR");
        run(&mut install)?;
    }
    Ok(folder.join("bin"))
}

/// The version of a package in a Cargo.lock.
fn locked_version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let name = format!("name = \"{name}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locked_version_is_of_the_whole_name() {
        let lock = "[[package]]\nname = \"wasm-bindgen-shared\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "bindgen"), None);
    }
}
