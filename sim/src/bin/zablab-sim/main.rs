//! The command line of the simulator: `zablab-sim fuzz` runs random schedules, `replay` plays what
//! it found, `run` plays scripts, and `check` searches all schedules within bounds.

mod check;
mod fuzz;
mod replay;
mod run;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::str::FromStr;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const USAGE: &str = "\
usage: zablab-sim fuzz [--bug NAME]... [--servers N] [--seed N] [--seconds N | --runs N]
                       [--faults LIST] [--jobs N] [--at-least N] [--out FOLDER] [--json] [--trace]
       zablab-sim replay [--json] [--trace] FILE
       zablab-sim run [--trace] [--rewrite] [--link] PATH...
       zablab-sim check [--servers N] [--crashes N] [--epochs N] [--writes N] [--whole-election]
                        [--states N] [--bug NAME]... [--json]

fuzz runs random schedules, one for each seed from --seed (default 1) on, --runs of them (default
100) or for --seconds, on --servers servers (default 3), in --jobs threads (default 1). --bug puts a
known bug into the servers. --faults names those that may happen, with commas between them: all
(default), none, or some of
  {faults}.
The first schedule that fails is made shorter, and written into --out (default: here) as a .zlab
file, which replay and the page open. --at-least demands that everything that is counted happened
that often. --trace prints every event of what failed. With --runs the result does not depend on
--jobs.

replay plays a .zlab file up to its cursor and says what breaks.

run plays scripts (docs/formats.md), all those in a folder and below, or a .zlab file. --trace
prints every event as a JSON line, --rewrite writes the present output into the scripts, --link
prints the run as a link.

check visits every state within its bounds (default: 3 servers, 1 crash, 2 epochs, 2 writes), with
clocks frozen and each election run to its end at once; --whole-election searches inside elections,
too. It stops after --states states. What it finds is a schedule with frozen clocks.

Bugs: {bugs}.
Exit code: 0 nothing broke, 1 something broke, or was not covered, 2 wrong usage.";

/// Characters of a line of the usage.
const LINE_LEN: usize = 100;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.split_first().map(|(name, rest)| (name.as_str(), rest)) {
        Some(("fuzz", rest)) => fuzz::main(rest),
        Some(("replay", rest)) => replay::main(rest),
        Some(("run", rest)) => run::main(rest),
        Some(("check", rest)) => check::main(rest),
        Some(("--help" | "-h" | "help", _)) => {
            println!("{}", usage());
            Ok(ExitCode::SUCCESS)
        }
        Some(_) | None => Err("the commands are fuzz, replay, run and check".to_owned()),
    };
    done.unwrap_or_else(|why| {
        eprintln!("{why}\n\n{}", usage());
        ExitCode::from(2)
    })
}

fn usage() -> String {
    let faults = zablab_sim::fuzz::Kind::FAULTS.iter().map(|fault| fault.label());
    let bugs = zablab_sim::teaching::Bug::ALL.iter().map(|bug| bug.name());
    let faults = wrapped(faults, 2).replace('\n', "\n  ");
    USAGE.replace("{faults}", &faults).replace("{bugs}", &wrapped(bugs, 6))
}

/// Words with commas between them, in lines that leave so much room.
fn wrapped<'a>(words: impl Iterator<Item = &'a str>, room: usize) -> String {
    let mut lines = vec![String::new()];
    for word in words {
        let last = lines.len() - 1;
        match lines[last].len() + word.len() + 2 + room {
            _ if lines[last].is_empty() => lines[last] += word,
            len if len < LINE_LEN => lines[last] += &format!(", {word}"),
            _ => {
                lines[last].push(',');
                lines.push(word.to_owned());
            }
        }
    }
    lines.join("\n")
}

fn number<T: FromStr>(flag: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{flag} needs a number, not {text:?}"))
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
