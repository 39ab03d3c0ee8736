//! Every scenario under `lessons/`, played to its end: what its script expects is true, no
//! invariant breaks, stepping back and forward again gives the same world at every step, and so
//! does a link.
//!
//! A scenario with a bug in it (`given bug`) is played without it, too: then nothing may break.
//! If what it expects depends on the bug, a variant beside it is the same without the bug.
//! What a script without a bug breaks, it breaks by a fault that the model does not bear.
//!
//! With `REWRITE=1` the output blocks of the scripts are written anew; read the diff.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use zablab_core::process::Process;
use zablab_core::trace::Event;
use zablab_core::types::{ServerId, SessionId};
use zablab_core::wire::client::OpCode;
use zablab_sim::Host;
use zablab_sim::formats::zlab;
use zablab_sim::script::{self, Played};
use zablab_sim::trace::What;

/// Characters of a link that a chat or a mail carries without harm.
const LINK_LEN_MAX: usize = 2000;
/// Positions between two jumps back; every position is visited on the way forward again.
const STRIDE: usize = 50;

fn scripts() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lessons");
    let mut found: Vec<PathBuf> =
        entries(&root).iter().flat_map(|folder| entries(folder)).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    found.sort();
    assert!(found.iter().any(|path| path.ends_with("el-1/script.txt")), "no scripts: {found:?}");
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.expect("the folder can be read").path()).collect()
}

fn play(path: &Path, text: &str, check_output: bool) -> Result<Played, String> {
    let script = script::parse(text).map_err(|error| error.to_string())?;
    let played = script::play(&script, check_output).map_err(|error| error.to_string())?;
    if !check_output {
        let rewritten = script::rewrite(text, &script, &played);
        fs::write(path, rewritten).map_err(|error| error.to_string())?;
    }
    Ok(played)
}

/// Sends a run through a link and opens it again.
fn share(text: &str, played: &Played) -> Result<(), String> {
    let script = script::parse(text).map_err(|error| error.to_string())?;
    let link = zlab::to_link(&script::record(&script, played)).map_err(|e| e.to_string())?;
    let run = zlab::from_link(&link).map_err(|error| error.to_string())?;
    let opened = script::open(&run).map_err(|failure| failure.to_string())?;
    let world = |played: &Played| played.timeline.world().fingerprint();
    if !opened.same || world(&opened.played) != world(played) {
        return Err("the link opens another run".to_owned());
    }
    let len = link.len();
    if len <= LINK_LEN_MAX { Ok(()) } else { Err(format!("a link of {len} characters")) }
}

/// Goes back in jumps and forward again, and compares the world with what it was.
fn rewind(mut played: Played) -> Result<(), String> {
    let last = played.timeline.position();
    let mut check = |position: usize| {
        played.timeline.seek(position);
        let Some(was) = played.fingerprints.get(&position) else { return Ok(()) };
        let is = played.timeline.world().fingerprint();
        (is == *was).then_some(()).ok_or(format!("position {position} is {is:x} and was {was:x}"))
    };
    for from in (0..=last).step_by(STRIDE).collect::<Vec<_>>().into_iter().rev() {
        for position in from..=(from + STRIDE).min(last) {
            check(position)?;
        }
    }
    Ok(())
}

#[test]
fn the_example_of_the_format_comes_true() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/formats.md");
    let docs = fs::read_to_string(docs).expect("the formats are described");
    let example = docs.split("```text\n").find(|block| block.starts_with(script::HEADER));
    let example = example.and_then(|block| block.split("```").next()).expect("it has an example");
    assert_eq!(play(Path::new(""), example, true).map(|_| ()), Ok(()));
}

#[test]
fn every_scenario_comes_true_and_can_be_rewound_and_shared() {
    let check_output = std::env::var_os("REWRITE").is_none_or(|value| value != "1");
    let mut failures = Vec::new();
    for path in scripts() {
        let text = fs::read_to_string(&path).expect("the script can be read");
        let done = play(&path, &text, check_output).and_then(|played| {
            share(&text, &played)?;
            rewind(played)
        });
        if let Err(why) = done {
            failures.push(format!("{}: {why}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// The same script without its bugs, and without what it says of them.
fn without_bugs(text: &str) -> Option<String> {
    let is_bug = |line: &&str| line.starts_with("given bug ") || line.starts_with("expect-broken ");
    let has_bug = text.lines().any(|line| line.starts_with("given bug "));
    let kept = text.lines().filter(|line| !is_bug(line)).collect::<Vec<_>>();
    has_bug.then(|| kept.join("\n") + "\n")
}

/// Whether a script in the same folder has no bug; it is played for itself.
fn has_correct_variant(path: &Path) -> bool {
    let folder = path.parent().map(entries).unwrap_or_default();
    let mut texts = folder.iter().filter_map(|path| fs::read_to_string(path).ok());
    texts.any(|text| text.starts_with(script::HEADER) && without_bugs(&text).is_none())
}

#[test]
fn without_its_bug_every_schedule_holds() {
    let mut failures = Vec::new();
    for path in scripts() {
        let text = fs::read_to_string(&path).expect("the script can be read");
        let Some(text) = without_bugs(&text).filter(|_| !has_correct_variant(&path)) else {
            continue;
        };
        if let Err(why) = play(&path, &text, true) {
            failures.push(format!("{}: {why}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// How often each server began to bring a learner up to date by DIFF, TRUNC and SNAP, as its trace
/// says, since it last started.
fn syncs_chosen(played: &Played) -> BTreeMap<ServerId, [u64; 3]> {
    let mut chosen = BTreeMap::new();
    for event in &played.events {
        let Some(Host::Server(sid)) = event.host else { continue };
        match event.what {
            What::Started { .. } => drop(chosen.insert(sid, [0; 3])),
            What::Core(Event::SyncChosen { mode, .. }) => {
                chosen.entry(sid).or_default()[mode as usize] += 1;
            }
            _ => {}
        }
    }
    chosen
}

#[test]
fn servers_count_the_learners_that_they_brought_up_to_date() {
    let (mut failures, mut seen) = (Vec::new(), [0; 3]);
    for path in scripts() {
        let text = fs::read_to_string(&path).expect("the script can be read");
        let played = match play(&path, &text, true) {
            Ok(played) => played,
            Err(why) => panic!("{}: {why}", path.display()),
        };
        for (sid, chosen) in syncs_chosen(&played) {
            let node = played.timeline.world().node(sid);
            let Some(process) = node.and_then(|node| node.process()) else { continue };
            let stats = process.view().stats;
            let counted = [stats.syncs_diff, stats.syncs_trunc, stats.syncs_snap];
            if counted != chosen {
                failures
                    .push(format!("{}: {sid} counts {counted:?} of {chosen:?}", path.display()));
            }
            seen = [0, 1, 2].map(|mode| seen[mode] + chosen[mode]);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

/// Whose creations the first server applied, in order.
fn senders(played: &Played) -> Vec<SessionId> {
    let creations = played.events.iter().filter_map(|event| match event.what {
        What::Core(Event::Applied { op, session, .. })
            if op == OpCode::Create.to_wire() && event.host == Some(Host::Server(ServerId(1))) =>
        {
            Some(session)
        }
        _ => None,
    });
    creations.collect()
}

/// ZB-9: what its script allows happens; from 200 seeds at least half of the 20 possible orders of
/// three writes each of two clients.
#[test]
fn two_senders_are_mixed_in_many_ways() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lessons/zb-9/script.txt");
    let text = fs::read_to_string(path).expect("the script can be read");
    let seeds = 1..=200;
    let orders: BTreeSet<Vec<bool>> = seeds
        .map(|seed| {
            let text = text.replace("given seed 1\n", &format!("given seed {seed}\n"));
            let script = script::parse(&text).expect("it parses");
            let played = script::play(&script, true).unwrap_or_else(|error| panic!("{error}"));
            let senders = senders(&played);
            assert_eq!(senders.len(), 6, "seed {seed}");
            let first = senders.iter().min().copied();
            senders.iter().map(|sender| Some(*sender) == first).collect()
        })
        .collect();
    assert!(orders.len() >= 10, "{} orders", orders.len());
}
