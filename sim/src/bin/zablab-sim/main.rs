//! The command line of the simulator: `zablab-sim fuzz` runs random schedules,
//! `zablab-sim run` plays scripts.

mod check;
mod run;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use zablab_sim::TraceEvent;
use zablab_sim::fuzz::{self, Coverage, Kind, Plan, Report};
use zablab_sim::teaching::{Bug, BugSet};

const USAGE: &str = "\
usage: zablab-sim check [--servers N] [--crashes N] [--epochs N] [--writes N] [--whole-election]
                        [--states N] [--bug NAME]... [--json]
       zablab-sim run [--trace] [--rewrite] [--link] PATH...
       zablab-sim fuzz [--servers N] [--runs N] [--seed N] [--bug NAME]... [--at-least N]
                       [--json] [--trace]

check visits every state within its bounds (default: 3 servers, 1 crash, 2 epochs, 2 writes), with
clocks frozen and each election run to its end at once; --whole-election searches inside elections,
too. It stops after --states states. What it finds is a schedule with frozen clocks.

run plays scripts (docs/formats.md), all scripts of a folder, or a .zlab file. --trace prints every
event as a JSON line, --rewrite writes the present output into the scripts, --link prints the run as
a link.

fuzz runs random schedules, one for each seed from --seed (default 1) on, --runs of them (default
100), on --servers servers (default 3). --bug puts a known bug into the servers (M02, M13, M30,
M32).
--at-least demands that everything that is counted happened that often.
--trace prints every event of a schedule that fails.
Exit code: 0 all held, 1 something broke or was not covered, 2 wrong usage.";

/// The last steps of a failed schedule that are printed.
const STEPS_SHOWN: usize = 40;
/// Runs between two lines of progress.
const PROGRESS_EVERY: u64 = 1000;

/// The seed of the schedule that is running, for the message of a panic.
static SEED: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("run", paths)) = args.split_first().map(|(name, rest)| (name.as_str(), rest)) {
        return run::main(paths).unwrap_or_else(usage);
    }
    if let Some(("check", bounds)) = args.split_first().map(|(name, rest)| (name.as_str(), rest)) {
        return check::main(bounds).unwrap_or_else(usage);
    }
    match Options::parse(&args) {
        Ok(options) => {
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                eprintln!("seed {} panicked", SEED.load(Ordering::Relaxed));
                hook(info);
            }));
            fuzz_all(&options)
        }
        Err(why) => usage(why),
    }
}

fn usage(why: String) -> ExitCode {
    eprintln!("{why}\n\n{USAGE}");
    ExitCode::from(2)
}

/// What the command line asks for.
struct Options {
    servers: u32,
    runs: u64,
    seed: u64,
    bugs: BugSet,
    at_least: u64,
    json: bool,
    trace: bool,
}

impl Options {
    fn parse(args: &[String]) -> Result<Options, String> {
        let mut options = Options {
            servers: 3,
            runs: 100,
            seed: 1,
            bugs: BugSet::default(),
            at_least: 0,
            json: false,
            trace: false,
        };
        let mut args = args.iter().map(String::as_str);
        if args.next() != Some("fuzz") {
            return Err("the commands are check, fuzz and run".to_owned());
        }
        while let Some(flag) = args.next() {
            let mut value = || args.next().ok_or(format!("{flag} needs a value"));
            match flag {
                "--servers" => options.servers = number(flag, value()?)?,
                "--runs" => options.runs = number(flag, value()?)?,
                "--seed" => options.seed = number(flag, value()?)?,
                "--at-least" => options.at_least = number(flag, value()?)?,
                "--bug" => {
                    let bug = Bug::from_str(value()?).map_err(|error| error.to_string())?;
                    options.bugs = options.bugs.with(bug);
                }
                "--json" => options.json = true,
                "--trace" => options.trace = true,
                _ => return Err(format!("unknown option {flag}")),
            }
        }
        if !(1..=9).contains(&options.servers) {
            return Err("--servers must be from 1 to 9".to_owned());
        }
        Ok(options)
    }
}

fn number<T: FromStr>(flag: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{flag} needs a number, not {text:?}"))
}

fn fuzz_all(options: &Options) -> ExitCode {
    let mut coverage = Coverage::default();
    let mut lengths = Vec::new();
    let mut failed = None;
    for run in 0..options.runs {
        let seed = options.seed + run;
        SEED.store(seed, Ordering::Relaxed);
        let report = fuzz::run(Plan { servers: options.servers, seed, bugs: options.bugs });
        coverage.add(&report.coverage);
        lengths.push(report.steps.len());
        if report.failure.is_some() {
            failed = Some(report);
            break;
        }
        if (run + 1) % PROGRESS_EVERY == 0 && !options.json {
            eprintln!("{} runs", run + 1);
        }
    }
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(0);
    let short = |kind: &&Kind| coverage.of(**kind) < options.at_least;
    let missing: Vec<&Kind> = Kind::ALL.iter().filter(short).collect();
    let summary = Summary { options, runs: lengths.len(), median, coverage: &coverage };
    match options.json {
        true => println!("{}", summary.json(failed.as_ref())),
        false => summary.print(failed.as_ref()),
    }
    match (failed, missing.as_slice()) {
        (None, []) => ExitCode::SUCCESS,
        (Some(_), _) => ExitCode::from(1),
        (None, missing) => {
            let labels: Vec<&str> = missing.iter().map(|kind| kind.label()).collect();
            eprintln!("not covered {} times: {}", options.at_least, labels.join(", "));
            ExitCode::from(1)
        }
    }
}

struct Summary<'a> {
    options: &'a Options,
    runs: usize,
    median: usize,
    coverage: &'a Coverage,
}

impl Summary<'_> {
    fn print(&self, failed: Option<&Report>) {
        println!("{} runs, {} steps in the median", self.runs, self.median);
        for kind in Kind::ALL {
            println!("{:>10} {}", self.coverage.of(*kind), kind.label());
        }
        let Some(report) = failed else { return };
        let Some(failure) = &report.failure else { return };
        println!("\nseed {}: {failure}", report.plan.seed);
        if self.options.trace {
            print_trace(report);
        }
        let first = report.steps.len().saturating_sub(STEPS_SHOWN);
        for (number, step) in report.steps.iter().enumerate().skip(first) {
            println!("{:>6} {step:?}", number + 1);
        }
        println!("\nagain: {}", self.again(report));
    }

    fn again(&self, report: &Report) -> String {
        let Plan { servers, seed, bugs } = report.plan;
        let mut command = format!("zablab-sim fuzz --servers {servers} --runs 1 --seed {seed}");
        for bug in Bug::ALL.iter().filter(|bug| bugs.has(**bug)) {
            // Writing to a string cannot fail.
            let _ = write!(command, " --bug {bug}");
        }
        command
    }

    fn json(&self, failed: Option<&Report>) -> String {
        let counts = Kind::ALL.iter();
        let counts = counts.map(|kind| format!("{:?}:{}", kind.label(), self.coverage.of(*kind)));
        let failure = match failed.and_then(|report| Some((report, report.failure.as_ref()?))) {
            None => "null".to_owned(),
            Some((report, failure)) => format!(
                "{{\"seed\":{},\"step\":{},\"what\":\"{}\",\"again\":\"{}\"}}",
                report.plan.seed,
                report.steps.len(),
                escaped(&failure.to_string()),
                self.again(report)
            ),
        };
        format!(
            "{{\"servers\":{},\"runs\":{},\"median_steps\":{},\"coverage\":{{{}}},\"failure\":{}}}",
            self.options.servers,
            self.runs,
            self.median,
            counts.collect::<Vec<_>>().join(","),
            failure
        )
    }
}

/// Plays a schedule again and prints all that happens.
fn print_trace(report: &Report) {
    let mut world = fuzz::start(report.plan);
    let show = |events: Vec<TraceEvent>| {
        for event in events {
            let host = event.host.map_or(String::new(), |host| host.to_string());
            println!("{:>10} us {host:>6} {:?}", event.at.0, event.what);
        }
    };
    show(world.take_events());
    for step in &report.steps {
        show(world.apply(step));
    }
}

/// The text as it stands between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out
}
