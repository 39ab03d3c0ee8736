//! `cargo xtask test`: everything that must hold before a change is taken, in layers.
//!
//! A layer that fails does not hide what the later ones would say, except that nothing is tested
//! that does not build. Each layer's seconds are printed, so that growth is seen when it happens.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::shell::{Result, cargo, run, run_lines};
use crate::{binary, install, page, tidy, wasm};

/// The tests of the binary itself, a layer of their own.
const PROCESS_TESTS: &str = "processes::";

/// For each size of an ensemble: schedules, and how often everything that they are meant to meet
/// must have happened. Larger ensembles take longer.
const SCHEDULES: [(&str, &str, &str); 3] =
    [("3", "10000", "20"), ("5", "5000", "10"), ("7", "2000", "4")];

/// What the layers of one budget may take together on two idle cores.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Budget {
    Install,
    Build,
    Tests,
}

impl Budget {
    const ALL: [Budget; 3] = [Budget::Install, Budget::Build, Budget::Tests];

    fn name(self) -> &'static str {
        match self {
            Budget::Install => "install",
            Budget::Build => "build",
            Budget::Tests => "tests",
        }
    }

    fn minutes(self) -> u64 {
        match self {
            Budget::Install => 5,
            Budget::Build => 11,
            Budget::Tests => 14,
        }
    }
}

/// Tests that ran.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counts {
    passed: usize,
    failed: usize,
}

struct Layer {
    name: &'static str,
    budget: Budget,
    took: Duration,
    counts: Counts,
    error: Option<String>,
}

/// The layers so far.
struct Report {
    layers: Vec<Layer>,
}

/// Runs all layers, then prints what each took and what failed.
pub fn test() -> Result {
    let mut report = Report { layers: Vec::new() };
    report.check("install", Budget::Install, install::install);
    report.check("tidy", Budget::Build, tidy::tidy);
    report.check("fmt", Budget::Build, || run(cargo().args(["fmt", "--all", "--check"])));
    report.check("clippy", Budget::Build, || run(&mut clippy()));
    if report.check("build", Budget::Build, || run(&mut build())) {
        report.tests("tests", &mut tests(&["--", "--skip", PROCESS_TESTS]));
        report.check("fuzz", Budget::Tests, fuzz);
        // One at a time: each starts a whole ensemble, and starved servers would time out.
        report.tests("process", &mut tests(&["--lib", PROCESS_TESTS, "--", "--test-threads", "1"]));
    }
    page_layers(&mut report);
    report.print()
}

/// The page, from the module that it runs to what a reader does with it.
fn page_layers(report: &mut Report) {
    if !report.check("wasm", Budget::Build, wasm::build) {
        return;
    }
    match wasm::tests() {
        Ok(mut command) => report.tests("in wasm", &mut command),
        Err(why) => _ = report.check("in wasm", Budget::Tests, || Err(why)),
    }
    report.check("types", Budget::Build, || run(page::npm().args(["run", "--silent", "check"])));
    report.tests("model", page::npm().args(["run", "--silent", "test"]));
    if report.check("bundle", Budget::Build, page::bundle) {
        let embedded = ["--features", "zablab/page", "--bin", "zablab", "page::"];
        report.tests("embedded", &mut tests(&embedded));
        report.check("size", Budget::Tests, page::size);
        report.tests("browser", page::npm().args(["run", "--silent", "test:browser"]));
    }
}

/// Warnings are errors here, and only here: while one writes, they are not.
fn clippy() -> Command {
    let mut clippy = cargo();
    clippy.args(["clippy", "--quiet", "--locked", "--profile", "ci", "--workspace"]);
    clippy.args(["--all-targets", "--", "--deny", "warnings"]);
    clippy
}

fn build() -> Command {
    let mut build = cargo();
    build.args(["build", "--quiet", "--locked", "--profile", "ci", "--workspace"]);
    // Benches are compiled by clippy, and run by hand.
    build.args(["--lib", "--bins", "--tests"]);
    build
}

/// Always the whole workspace: with other packages selected, cargo would give shared dependencies
/// other features and compile them again.
fn tests(arguments: &[&str]) -> Command {
    let mut test = cargo();
    test.args(["test", "--quiet", "--locked", "--profile", "ci", "--no-fail-fast", "--workspace"]);
    test.args(arguments);
    test
}

/// Random schedules on three, five and seven servers, on two cores; the same ones in every run.
fn fuzz() -> Result {
    let simulator = binary::build("zablab-sim")?;
    let out = Path::new(&simulator).parent().ok_or("a program is in a folder")?;
    let fuzz = |(servers, runs, at_least)| {
        let mut fuzz = Command::new(&simulator);
        fuzz.args(["fuzz", "--servers", servers, "--runs", runs, "--at-least", at_least]);
        run(fuzz.arg("--out").arg(out))
    };
    let [three, five, seven] = SCHEDULES;
    std::thread::scope(|scope| {
        let others = scope.spawn(|| fuzz(three).and(fuzz(seven)));
        let five = fuzz(five);
        others.join().expect("a failure is a value, not a panic").and(five)
    })
}

impl Report {
    /// Runs a layer that is one check, and says whether it passed.
    fn check(&mut self, name: &'static str, budget: Budget, run: impl FnOnce() -> Result) -> bool {
        println!("== {name}");
        let began = Instant::now();
        let error = run().err();
        let passed = error.is_none();
        let counts = Counts { passed: usize::from(passed), failed: usize::from(!passed) };
        self.add(Layer { name, budget, took: began.elapsed(), counts, error });
        passed
    }

    /// Runs a layer of test programs, shows what they print and counts their tests.
    fn tests(&mut self, name: &'static str, command: &mut Command) {
        println!("== {name}");
        let began = Instant::now();
        let mut counts = Counts::default();
        let result = run_lines(command, |line| {
            println!("{line}");
            counts.add(count(line));
        });
        let error = result.err();
        // A test program that crashes, or does not compile, counts no failed test itself.
        if error.is_some() && counts.failed == 0 {
            counts.failed = 1;
        }
        self.add(Layer { name, budget: Budget::Tests, took: began.elapsed(), counts, error });
    }

    fn add(&mut self, layer: Layer) {
        if let Some(error) = &layer.error {
            println!("{error}");
        }
        self.layers.push(layer);
    }

    fn print(&self) -> Result {
        println!();
        let mut all = Counts::default();
        for Layer { name, took, counts, error, .. } in &self.layers {
            let verdict = if error.is_some() { "FAILED" } else { "ok" };
            println!("{name:<8} {:>7.1} s  {verdict}", took.as_secs_f64());
            all.add(*counts);
        }
        for budget in Budget::ALL {
            self.compare(budget);
        }
        // Failures are named once more, where a reader of a long log looks first.
        for Layer { name, error, .. } in &self.layers {
            if let Some(error) = error {
                println!("{name}: {error}");
            }
        }
        println!("{} passed, {} failed", all.passed, all.failed);
        if all.failed == 0 { Ok(()) } else { Err("the tests failed".to_owned()) }
    }

    fn compare(&self, budget: Budget) {
        let layers = self.layers.iter().filter(|layer| layer.budget == budget);
        let took: Duration = layers.map(|layer| layer.took).sum();
        let (name, minutes) = (budget.name(), budget.minutes());
        if took > Duration::from_secs(60 * minutes) {
            let seconds = took.as_secs();
            println!(
                "warning: {name} took {seconds} s, its budget on 2 idle cores is {minutes} min"
            );
        }
    }
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The numbers in the closing line of a test program.
fn count(line: &str) -> Counts {
    let line = line.trim();
    let rust = line.strip_prefix("test result: ");
    let page = line.strip_prefix("Tests ").filter(|counts| counts.ends_with(')'));
    let Some(result) = rust.or(page) else {
        return Counts::default();
    };
    let words = result.split([' ', '.', ';', '|']).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    let number = |kind: &str| {
        let pair = words.windows(2).find(|pair| pair[1] == kind);
        pair.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
    };
    Counts { passed: number("passed"), failed: number("failed") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 4 filtered \
                    out; finished in 0.02s";
        assert_eq!(count(line), Counts { passed: 12, failed: 3 });
        assert_eq!(count("test other ... ok"), Counts::default());
        let page = "      Tests  2 failed | 11 passed (13)";
        assert_eq!(count(page), Counts { passed: 11, failed: 2 });
        assert_eq!(count(" Test Files  1 passed (1)"), Counts::default());
    }
}
