//! `zablab-sim check`: every schedule within bounds.
#![expect(clippy::disallowed_types, reason = "how long a search took is no simulated time")]

use std::process::ExitCode;
use std::str::FromStr;
use std::time::Instant;

use zablab_sim::check::{self, Bounds, Search};
use zablab_sim::teaching::Bug;

use crate::{escaped, number};

/// Searches as the arguments say. The error is what is wrong with them.
pub(crate) fn main(args: &[String]) -> Result<ExitCode, String> {
    let (bounds, json) = parse(args)?;
    let begin = Instant::now();
    let search = check::search(&bounds, |search| {
        if !json {
            eprintln!("{} states in {:.0} s", search.states, begin.elapsed().as_secs_f64());
        }
    });
    let seconds = begin.elapsed().as_secs_f64();
    match json {
        true => println!("{}", as_json(&bounds, &search, seconds)),
        false => print(&bounds, &search, seconds),
    }
    Ok(match search.failure {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::from(1),
    })
}

fn parse(args: &[String]) -> Result<(Bounds, bool), String> {
    let mut bounds = Bounds::default();
    let mut json = false;
    let mut args = args.iter().map(String::as_str);
    while let Some(flag) = args.next() {
        let mut value = || args.next().ok_or(format!("{flag} needs a value"));
        match flag {
            "--servers" => bounds.servers = number(flag, value()?)?,
            "--crashes" => bounds.crashes = number(flag, value()?)?,
            "--epochs" => bounds.epochs = number(flag, value()?)?,
            "--writes" => bounds.writes = number(flag, value()?)?,
            "--states" => bounds.states = number(flag, value()?)?,
            "--whole-election" => bounds.coarse = false,
            "--bug" => {
                let bug = Bug::from_str(value()?).map_err(|error| error.to_string())?;
                bounds.bugs = bounds.bugs.with(bug);
            }
            "--json" => json = true,
            _ => return Err(format!("unknown option {flag}")),
        }
    }
    if !(1..=9).contains(&bounds.servers) {
        return Err("--servers must be from 1 to 9".to_owned());
    }
    Ok((bounds, json))
}

fn print(bounds: &Bounds, search: &Search, seconds: f64) {
    let Bounds { servers, crashes, epochs, writes, coarse, .. } = bounds;
    let election = if *coarse { "elections at once" } else { "elections step by step" };
    println!(
        "{servers} servers, {crashes} crashes, {epochs} epochs, {writes} writes, {election}, \
         clocks frozen"
    );
    let Search { states, transitions, known, cut, ends, depth, whole, failure } = search;
    println!(
        "{states} states in {seconds:.1} s; {transitions} transitions, {known} to known states"
    );
    println!("{cut} led beyond the last epoch, {ends} states were ends; longest schedule: {depth}");
    match failure {
        Some((failure, steps)) => {
            println!("\n{failure}\nafter these {} steps:", steps.len());
            for (number, step) in steps.iter().enumerate() {
                println!("{:>6} {step:?}", number + 1);
            }
        }
        None if *whole => println!("nothing is left to visit: no invariant can break"),
        None => println!("stopped; no invariant broke so far"),
    }
}

fn as_json(bounds: &Bounds, search: &Search, seconds: f64) -> String {
    let Search { states, transitions, known, cut, ends, depth, whole, failure } = search;
    let violation = failure.as_ref().map_or("null".to_owned(), |(failure, steps)| {
        format!("{{\"what\":\"{}\",\"steps\":{}}}", escaped(&failure.to_string()), steps.len())
    });
    format!(
        "{{\"servers\":{},\"crashes\":{},\"epochs\":{},\"writes\":{},\"coarse\":{},\
         \"states\":{states},\"transitions\":{transitions},\"known\":{known},\"cut\":{cut},\
         \"ends\":{ends},\"depth\":{depth},\"whole\":{whole},\"seconds\":{seconds:.1},\
         \"violation\":{violation}}}",
        bounds.servers, bounds.crashes, bounds.epochs, bounds.writes, bounds.coarse
    )
}
