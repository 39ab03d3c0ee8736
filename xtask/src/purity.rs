//! Proof that the core needs nothing but `core` and `alloc`: it is checked for a target without
//! an operating system, with only these two built.
//!
//! That takes the source of the standard library, which rustup has as a component and Debian as a
//! package. Where neither can be had, a check against the whole standard library of that target
//! stands in: it is weaker, as a dependency could then use `std`.

use std::process::Command;

use crate::install::apt;
use crate::shell::{Result, cargo, run, succeeds};
use crate::wasm::{DEBIAN_RUSTC, TARGET, has_source, has_target};

/// Checks the core.
pub fn check() -> Result {
    let mut check = cargo();
    check.args(["check", "--quiet", "--locked", "--package", "zablab-core"]);
    // Two compilers or two sets of flags in one folder would undo each other's work.
    check.args(["--target", TARGET, "--target-dir", "target/purity"]);
    if has_source("rustc") || add_source() {
        build_std(&mut check);
    } else if has_target() {
        println!("checking against all of the standard library: its source cannot be had");
    } else {
        if !has_source(DEBIAN_RUSTC) {
            apt(&["rustc-web", "rust-web-src"], "the source of Rust's standard library")?;
        }
        check.env("RUSTC", DEBIAN_RUSTC);
        build_std(&mut check);
    }
    run(&mut check)
}

/// Building the standard library is not stable yet; this is the only use of what is not.
fn build_std(check: &mut Command) {
    check.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=core,alloc");
}

fn add_source() -> bool {
    succeeds(Command::new("rustup").args(["component", "add", "rust-src"]))
}
