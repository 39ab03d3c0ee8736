//! `zablab-sim fuzz`: random schedules, until one fails.
#![expect(clippy::disallowed_types, reason = "how long to search, and how long it took, is real")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use zablab_sim::formats::{json, zlab};
use zablab_sim::fuzz::{self, Coverage, Faults, Kind, Plan, Report, Schedule, Shrunk};
use zablab_sim::teaching::{Bug, BugSet};

use crate::{escaped, number};

/// The last steps of a failed schedule that are printed.
const STEPS_SHOWN: usize = 40;
/// Between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// Threads at most.
const JOBS_MAX: usize = 256;

thread_local! {
    /// The seed of the schedule that this thread runs, for the message of a panic.
    static SEED: Cell<u64> = const { Cell::new(0) };
}

/// What the command line asks for.
struct Options {
    servers: u32,
    seed: u64,
    limit: Limit,
    bugs: BugSet,
    faults: Faults,
    jobs: usize,
    at_least: u64,
    out: PathBuf,
    json: bool,
    trace: bool,
}

/// When to stop if nothing fails.
#[derive(Clone, Copy)]
enum Limit {
    Runs(u64),
    Seconds(u64),
}

impl Options {
    fn parse(args: &[String]) -> Result<Options, String> {
        let mut options = Options {
            servers: 3,
            seed: 1,
            limit: Limit::Runs(100),
            bugs: BugSet::default(),
            faults: Faults::ALL,
            jobs: 1,
            at_least: 0,
            out: PathBuf::from("."),
            json: false,
            trace: false,
        };
        let mut limited = None;
        let mut args = args.iter().map(String::as_str);
        while let Some(flag) = args.next() {
            let mut value = || args.next().ok_or(format!("{flag} needs a value"));
            match flag {
                "--servers" => options.servers = number(flag, value()?)?,
                "--seed" => options.seed = number(flag, value()?)?,
                "--runs" | "--seconds" => {
                    if limited.replace(flag).is_some_and(|other| other != flag) {
                        return Err("--runs and --seconds exclude each other".to_owned());
                    }
                    let limit = number(flag, value()?)?;
                    options.limit = match flag {
                        "--runs" => Limit::Runs(limit),
                        _ => Limit::Seconds(limit),
                    };
                }
                "--bug" => {
                    let bug = Bug::from_str(value()?).map_err(|error| error.to_string())?;
                    options.bugs = options.bugs.with(bug);
                }
                "--faults" => {
                    options.faults = value()?.parse::<Faults>().map_err(|why| why.to_string())?;
                }
                "--jobs" => options.jobs = number(flag, value()?)?,
                "--at-least" => options.at_least = number(flag, value()?)?,
                "--out" => options.out = PathBuf::from(value()?),
                "--json" => options.json = true,
                "--trace" => options.trace = true,
                _ => return Err(format!("unknown option {flag}")),
            }
        }
        if !(1..=9).contains(&options.servers) {
            return Err("--servers must be from 1 to 9".to_owned());
        }
        if !(1..=JOBS_MAX).contains(&options.jobs) {
            return Err(format!("--jobs must be from 1 to {JOBS_MAX}"));
        }
        if !options.out.is_dir() {
            return Err(format!("there is no folder {}", options.out.display()));
        }
        Ok(options)
    }

    fn plan(&self, seed: u64) -> Plan {
        Plan { servers: self.servers, seed, bugs: self.bugs, faults: self.faults }
    }
}

/// Runs schedules as the arguments say. The error is what is wrong with them.
pub(crate) fn main(args: &[String]) -> Result<ExitCode, String> {
    let options = Options::parse(args)?;
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        eprintln!("seed {} panicked", SEED.get());
        hook(info);
    }));
    let begin = Instant::now();
    let tally = run_all(&options, begin);
    let seconds = begin.elapsed().as_secs_f64();
    let found = tally.failed.as_ref().map(|report| Found::of(report, &options)).transpose()?;
    let missing: Vec<Kind> =
        Kind::ALL.iter().copied().filter(|kind| short(*kind, &tally, &options)).collect();
    let summary = Summary { options: &options, tally: &tally, seconds, found: found.as_ref() };
    match options.json {
        true => println!("{}", summary.json()),
        false => summary.print(),
    }
    if found.is_some() {
        return Ok(ExitCode::from(1));
    }
    if !missing.is_empty() {
        let labels: Vec<&str> = missing.iter().map(|kind| kind.label()).collect();
        eprintln!("not covered {} times: {}", options.at_least, labels.join(", "));
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether something happened too rarely that may happen at all.
fn short(kind: Kind, tally: &Tally, options: &Options) -> bool {
    let off = Kind::FAULTS.contains(&kind) && !options.faults.has(kind);
    !off && tally.coverage.of(kind) < options.at_least
}

/// What came of all schedules up to the first that failed, in the order of their seeds.
#[derive(Default)]
struct Tally {
    coverage: Coverage,
    lengths: Vec<usize>,
    failed: Option<Report>,
}

impl Tally {
    fn add(&mut self, report: Report) {
        if self.failed.is_some() {
            return;
        }
        self.coverage.add(&report.coverage);
        self.lengths.push(report.schedule.steps.len());
        if report.failure.is_some() {
            self.failed = Some(report);
        }
    }

    fn steps(&self) -> usize {
        self.lengths.iter().sum()
    }

    fn median(&self) -> usize {
        let mut lengths = self.lengths.clone();
        lengths.sort_unstable();
        lengths.get(lengths.len() / 2).copied().unwrap_or(0)
    }
}

/// Hands seeds to threads and takes their reports in the order of the seeds.
fn run_all(options: &Options, begin: Instant) -> Tally {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..options.jobs {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || work(options, begin, next, stop, &sender));
        }
        drop(sender);
        let (mut early, mut said) = (BTreeMap::new(), begin);
        loop {
            match receiver.recv_timeout(PROGRESS_EVERY) {
                Ok((run, report)) => _ = early.insert(run, report),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Some(report) = early.remove(&(tally.lengths.len() as u64)) {
                tally.add(report);
                if tally.failed.is_some() {
                    stop.store(true, Ordering::Relaxed);
                    break;
                }
            }
            if !options.json && said.elapsed() >= PROGRESS_EVERY {
                said = Instant::now();
                progress(&tally, begin.elapsed().as_secs_f64());
            }
        }
    });
    tally
}

fn progress(tally: &Tally, seconds: f64) {
    let runs = tally.lengths.len();
    eprintln!(
        "{runs} schedules, {} steps, {seconds:.0} s, {:.0} schedules a second",
        tally.steps(),
        runs as f64 / seconds
    );
}

fn work(
    options: &Options,
    begin: Instant,
    next: &AtomicU64,
    stop: &AtomicBool,
    reports: &Sender<(u64, Report)>,
) {
    while !stop.load(Ordering::Relaxed) {
        let run = match options.limit {
            Limit::Seconds(seconds) if begin.elapsed().as_secs() >= seconds => return,
            Limit::Seconds(_) | Limit::Runs(_) => next.fetch_add(1, Ordering::Relaxed),
        };
        if matches!(options.limit, Limit::Runs(runs) if run >= runs) {
            return;
        }
        let seed = options.seed.wrapping_add(run);
        SEED.set(seed);
        let mut report = fuzz::run(options.plan(seed));
        if report.failure.is_none() {
            // Only how many there were is of interest, and this may wait for its turn.
            report.schedule.given = Vec::new();
        }
        if reports.send((run, report)).is_err() {
            return;
        }
    }
}

/// A failure, made shorter and written down.
struct Found<'a> {
    report: &'a Report,
    short: Shrunk,
    file: PathBuf,
}

impl Found<'_> {
    fn of<'a>(report: &'a Report, options: &Options) -> Result<Found<'a>, String> {
        let failure = report.failure.as_ref().ok_or("it did not fail")?;
        if !options.json {
            eprintln!("seed {}: {failure}; making it shorter", report.plan.seed);
        }
        let short = fuzz::shrink(report).ok_or("it did not fail")?;
        let name = format!("zablab-{}-{}.zlab", failure.name(), report.plan.seed);
        let file = options.out.join(name);
        write(&file, &short.schedule)?;
        Ok(Found { report, short, file })
    }
}

fn write(path: &Path, schedule: &Schedule) -> Result<(), String> {
    let run = schedule.file().map_err(|error| error.to_string())?;
    let bytes = zlab::encode(&run).map_err(|error| error.to_string())?;
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

struct Summary<'a> {
    options: &'a Options,
    tally: &'a Tally,
    seconds: f64,
    found: Option<&'a Found<'a>>,
}

impl Summary<'_> {
    fn print(&self) {
        let (runs, seconds) = (self.tally.lengths.len(), self.seconds);
        println!("{runs} schedules in {seconds:.1} s, {} steps in the median", self.tally.median());
        for kind in Kind::ALL {
            println!("{:>10} {}", self.tally.coverage.of(*kind), kind.label());
        }
        let Some(found) = self.found else { return };
        let short = &found.short;
        let (seed, length) = (found.report.plan.seed, short.schedule.steps.len());
        println!("\nseed {seed}: {}", short.failure);
        if self.options.trace {
            print_trace(&short.schedule);
        }
        let first = length.saturating_sub(STEPS_SHOWN);
        for (number, step) in short.schedule.steps.iter().enumerate().skip(first) {
            println!("{:>6} {step:?}", number + 1);
        }
        let before = found.report.schedule.steps.len();
        let healing = match short.healing {
            0 => String::new(),
            healing => format!(", the last {healing} of them to mend everything"),
        };
        println!("\n{length} steps of {before}{healing}: {}", found.file.display());
    }

    fn json(&self) -> String {
        let counts = Kind::ALL.iter();
        let counts =
            counts.map(|kind| format!("{:?}:{}", kind.label(), self.tally.coverage.of(*kind)));
        let violation = self.found.map_or("null".to_owned(), |found| {
            format!(
                "{{\"invariant\":\"{}\",\"seed\":{},\"steps\":{},\"healing\":{},\
                 \"file\":\"{}\",\"what\":\"{}\",\"before\":{}}}",
                found.short.failure.name(),
                found.report.plan.seed,
                found.short.schedule.steps.len(),
                found.short.healing,
                escaped(&found.file.display().to_string()),
                escaped(&found.short.failure.to_string()),
                found.report.schedule.steps.len()
            )
        });
        format!(
            "{{\"servers\":{},\"seed\":{},\"runs\":{},\"steps\":{},\"seconds\":{:.1},\
             \"median_steps\":{},\"coverage\":{{{}}},\"violation\":{violation}}}",
            self.options.servers,
            self.options.seed,
            self.tally.lengths.len(),
            self.tally.steps(),
            self.seconds,
            self.tally.median(),
            counts.collect::<Vec<_>>().join(","),
        )
    }
}

/// Plays a schedule again and prints all that happens.
fn print_trace(schedule: &Schedule) {
    let mut world = schedule.world();
    let mut events = world.take_events();
    for step in &schedule.steps {
        events.extend(world.apply(step));
    }
    events.iter().for_each(|event| println!("{}", json::encode(event)));
}
