//! `zablab-sim replay`: plays a `.zlab` file and says what breaks.

use std::fs;
use std::process::ExitCode;

use zablab_sim::formats::{json, zlab};
use zablab_sim::script::{self, Opened};

use crate::escaped;

/// Plays the file that the arguments name. The error is what is wrong with them, or with the file.
pub(crate) fn main(args: &[String]) -> Result<ExitCode, String> {
    let (mut as_json, mut trace, mut paths) = (false, false, Vec::new());
    for arg in args {
        match arg.as_str() {
            "--json" => as_json = true,
            "--trace" => trace = true,
            flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
            path => paths.push(path),
        }
    }
    let [path] = paths[..] else { return Err("replay needs one file".to_owned()) };
    let at = |error: &dyn std::fmt::Display| format!("{path}: {error}");
    let file = fs::read(path).map_err(|error| at(&error))?;
    let run = zlab::decode(&file).map_err(|error| at(&error))?;
    let Opened { played, same } = script::open(&run).map_err(|error| at(&error))?;
    if trace {
        played.events.iter().for_each(|event| println!("{}", json::encode(event)));
    }
    if !same {
        eprintln!("core {} wrote another trace of this run", run.core);
    }
    let mut world = played.timeline.world().clone();
    let (steps, ms) = (world.steps(), world.now().as_ms());
    let violation = world.end().first().cloned();
    if as_json {
        let violation = violation.as_ref().map_or("null".to_owned(), |violation| {
            format!(
                "{{\"invariant\":\"{}\",\"step\":{},\"what\":\"{}\"}}",
                violation.invariant,
                violation.step,
                escaped(&violation.to_string())
            )
        });
        println!("{{\"steps\":{steps},\"ms\":{ms},\"same\":{same},\"violation\":{violation}}}");
    } else {
        println!("{steps} steps, {ms} ms simulated");
        match &violation {
            Some(violation) => println!("{violation}"),
            None => println!("nothing breaks"),
        }
    }
    Ok(ExitCode::from(u8::from(violation.is_some())))
}
