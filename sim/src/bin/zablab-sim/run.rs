//! `zablab-sim run`: plays scripts, says which line did not come true, and opens `.zlab` files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use zablab_sim::TraceEvent;
use zablab_sim::formats::{json, zlab};
use zablab_sim::script::{self, Played, Script};

/// What the command line asks for.
struct Options {
    trace: bool,
    rewrite: bool,
    link: bool,
    paths: Vec<PathBuf>,
}

/// Runs the command with the arguments behind `run`.
///
/// # Errors
/// What is wrong with the arguments, in words.
pub fn main(args: &[String]) -> Result<ExitCode, String> {
    let options = parse(args)?;
    let mut failed = false;
    let mut paths = Vec::new();
    for path in &options.paths {
        match scripts(path) {
            found if found.is_empty() => return Err(format!("{}: no script", path.display())),
            found => paths.extend(found),
        }
    }
    for path in paths {
        let is_zlab = path.extension().is_some_and(|extension| extension == "zlab");
        match if is_zlab { open(&path, &options) } else { play(&path, &options) } {
            Ok(summary) => eprintln!("{}: {summary}", path.display()),
            Err(why) => {
                failed = true;
                eprintln!("{}: {why}", path.display());
            }
        }
    }
    Ok(ExitCode::from(u8::from(failed)))
}

fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options { trace: false, rewrite: false, link: false, paths: Vec::new() };
    for arg in args {
        match arg.as_str() {
            "--trace" => options.trace = true,
            "--rewrite" => options.rewrite = true,
            "--link" => options.link = true,
            flag if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
            path => options.paths.push(PathBuf::from(path)),
        }
    }
    match options.paths.is_empty() {
        true => Err("run needs a script or the folder of a lesson".to_owned()),
        false => Ok(options),
    }
}

/// The path itself, or all scripts in a folder and in those inside it, in the order of their names.
fn scripts(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return vec![path.to_owned()] };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.is_dir() || path.extension().is_some_and(|it| it == "txt"));
    paths.sort();
    paths.iter().flat_map(|path| scripts(path)).collect()
}

fn play(path: &Path, options: &Options) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let script = script::parse(&text).map_err(|error| error.to_string())?;
    let played = match script::play(&script, !options.rewrite) {
        Ok(played) => played,
        Err(error) => {
            print(&error.events, options);
            return Err(error.to_string());
        }
    };
    print(&played.events, options);
    if options.rewrite {
        rewrite(path, &text, &script, &played)?;
    }
    if options.link {
        let run = script::record(&script, &played);
        println!("{}", zlab::to_link(&run).map_err(|error| error.to_string())?);
    }
    Ok(summary(&played))
}

fn open(path: &Path, options: &Options) -> Result<String, String> {
    let file = fs::read(path).map_err(|error| error.to_string())?;
    let run = zlab::decode(&file).map_err(|error| error.to_string())?;
    let opened = script::open(&run).map_err(|failure| failure.to_string())?;
    print(&opened.played.events, options);
    match opened.same {
        true => Ok(summary(&opened.played)),
        false => Err(format!("core {} wrote another trace of this run", run.core)),
    }
}

fn summary(played: &Played) -> String {
    let world = played.timeline.world();
    format!("{} steps, {} ms simulated", played.timeline.position(), world.now().as_ms())
}

fn rewrite(path: &Path, text: &str, script: &Script, played: &Played) -> Result<(), String> {
    let rewritten = script::rewrite(text, script, played);
    fs::write(path, rewritten).map_err(|error| error.to_string())
}

fn print(events: &[TraceEvent], options: &Options) {
    if options.trace {
        events.iter().for_each(|event| println!("{}", json::encode(event)));
    }
}
