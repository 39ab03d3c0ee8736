//! Reads a script. Every error says line, column and what was expected.
//!
//! Not here: whether the servers and marks that a script names exist (see `run`).

use zablab_core::config::{CrossEpoch, ElectionAlg};
use zablab_core::paxos::{Ask, Ballot, Proposal};
use zablab_core::quorum::GroupId;
use zablab_core::sorted::SortedSet;
use zablab_core::types::{Epoch, ServerId, Zxid};

use crate::paxos::{OF_A_LETTER_MAX, number_of};
use crate::step::{Keep, Stored};

use super::ast::{
    Act, Block, ChooserKind, Command, Given, GivenTxn, HostName, Line, MessageKind, PaxosKind,
    Predicate, Predict, Script, Sids, Survivors, Way,
};
use super::lex::{Token, Tokens};
use super::parse_client::client_act;
use super::parse_predicate::{literal, pattern, predicate, term, zxid};
use super::vocabulary::{ELECTION_DATAGRAMS, PACKETS, PAXOS_MESSAGES, same_word};
use super::{FLIPPED_BYTE, HEADER, LINES_MAX, REPEAT_MAX, SCRIPT_LEN_MAX, SERVERS_MAX};

/// The most that a clock may be wrong, in millionths.
const PPM_MAX: i128 = 100_000;

/// A script, or a line of one, that could not be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}, found {found}")]
pub struct ParseError {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// What would have been right.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl ParseError {
    pub(super) fn new(
        line: u32,
        column: u32,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> ParseError {
        ParseError { line, column, expected: expected.into(), found: found.into() }
    }
}

/// Reads a whole script.
///
/// # Errors
/// The first line that is not one of `docs/formats.md`, section 1, or a limit of section 1.6.
pub fn parse(text: &str) -> Result<Script, ParseError> {
    if text.len() > SCRIPT_LEN_MAX {
        return Err(ParseError::new(1, 1, format!("at most {SCRIPT_LEN_MAX} bytes"), "more"));
    }
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > LINES_MAX {
        return Err(ParseError::new(1, 1, format!("at most {LINES_MAX} lines"), "more"));
    }
    match lines.first() {
        Some(first) if first.trim_end() == HEADER => {}
        first => {
            let found = format!("\"{}\"", first.unwrap_or(&""));
            return Err(ParseError::new(1, 1, format!("\"{HEADER}\""), found));
        }
    }
    let mut script = Script::default();
    let mut marks = SortedSet::from(["start".to_string()]);
    let mut at = 1;
    while let Some(text) = lines.get(at) {
        let number = line_number(at);
        at += 1;
        if text.trim_end() == "----" {
            return Err(ParseError::new(number, 1, "a command before its output", "\"----\""));
        }
        let mut tokens = Tokens::new(number, text)?;
        if tokens.is_done() {
            continue;
        }
        let command = command(&mut tokens)?;
        check_place(number, &command, &script, &mut marks)?;
        let expected = block(&lines, &mut at);
        script.lines.push(Line { number, command, expected });
    }
    Ok(script)
}

/// Reads one act, as the page and a `.zlab` file have it.
///
/// # Errors
/// The line is no act; the error's line is 1.
pub fn parse_act(text: &str) -> Result<Act, ParseError> {
    let mut tokens = Tokens::new(1, text)?;
    match command(&mut tokens)? {
        Command::Act(act) => Ok(act),
        _ => Err(ParseError::new(1, 1, "an act", format!("\"{text}\""))),
    }
}

/// Reads one predicate.
///
/// # Errors
/// The line is no predicate; the error's line is 1.
pub fn parse_predicate(text: &str) -> Result<Predicate, ParseError> {
    let mut tokens = Tokens::new(1, text)?;
    let predicate = predicate(&mut tokens)?;
    tokens.done()?;
    Ok(predicate)
}

/// Reads one whole `predict` line.
///
/// # Errors
/// The line is no such one; the error's line is 1.
pub fn parse_predict(text: &str) -> Result<Predict, ParseError> {
    let mut tokens = Tokens::new(1, text)?;
    match command(&mut tokens)? {
        Command::Predict(predict) => Ok(predict),
        _ => Err(ParseError::new(1, 1, "a predict line", format!("\"{text}\""))),
    }
}

fn line_number(index: usize) -> u32 {
    u32::try_from(index + 1).expect("a script has at most LINES_MAX lines")
}

/// The rules that no single line can break: given lines come first, marks have names of their own.
fn check_place(
    number: u32,
    command: &Command,
    before: &Script,
    marks: &mut SortedSet<String>,
) -> Result<(), ParseError> {
    let begun = before.lines.last().is_some_and(|l| !matches!(l.command, Command::Given(_)));
    if begun && matches!(command, Command::Given(_)) {
        return Err(ParseError::new(number, 1, "given lines before all others", "\"given\""));
    }
    if let Command::Mark(name) = command
        && !marks.insert(name.clone())
    {
        return Err(ParseError::new(number, 6, "a new name", format!("\"{name}\"")));
    }
    Ok(())
}

fn block(lines: &[&str], at: &mut usize) -> Option<Block> {
    if lines.get(*at).map(|text| text.trim_end()) != Some("----") {
        return None;
    }
    let number = line_number(*at);
    *at += 1;
    let mut output = Vec::new();
    while let Some(text) = lines.get(*at) {
        *at += 1;
        if text.trim_end().is_empty() {
            break;
        }
        output.push(text.trim_end().to_string());
    }
    Some(Block { number, lines: output })
}

fn command(tokens: &mut Tokens) -> Result<Command, ParseError> {
    if matches!(tokens.peek_second(), Some(Token::Sign(":"))) {
        let client = tokens.word("a client's name")?;
        tokens.sign(":")?;
        if let Some(at) = number_of(&client) {
            let ask = paxos_ask(tokens)?;
            tokens.done()?;
            return Ok(Command::Act(Act::Paxos { at, ask }));
        }
        let op = client_act(tokens)?;
        tokens.done()?;
        return Ok(Command::Act(Act::Client { client, op }));
    }
    let word = tokens.word("a command")?;
    let command = match word.as_str() {
        "given" => Command::Given(given(tokens)?),
        "step" => Command::Step(tokens.number_u32("a number of steps", 1)?),
        "run" => run(tokens)?,
        "mark" => Command::Mark(tokens.word("a name")?),
        "expect" => Command::Expect(predicate(tokens)?),
        "expect-broken" => Command::ExpectBroken(tokens.word("an invariant's id, such as Z10")?),
        "predict" => Command::Predict(predict(tokens)?),
        "goal" => Command::Goal { name: tokens.word("a name")?, predicate: predicate(tokens)? },
        _ => Command::Act(act(&word, tokens)?),
    };
    tokens.done()?;
    Ok(command)
}

fn run(tokens: &mut Tokens) -> Result<Command, ParseError> {
    if tokens.take_word("for") {
        return Ok(Command::RunFor(tokens.duration_us()?));
    }
    tokens.keyword("until")?;
    if tokens.take_word("event") {
        let pattern = pattern(tokens)?;
        let times = if tokens.take_word("times") { repeat(tokens)? } else { 1 };
        let within_us = within(tokens)?;
        return Ok(Command::RunUntilEvent { pattern, times, within_us });
    }
    let predicate = predicate(tokens)?;
    Ok(Command::RunUntil { predicate, within_us: within(tokens)? })
}

fn within(tokens: &mut Tokens) -> Result<u64, ParseError> {
    tokens.keyword("within")?;
    tokens.duration_us()
}

pub(super) fn repeat(tokens: &mut Tokens) -> Result<u32, ParseError> {
    let n = tokens.number("a number", 1, i128::from(REPEAT_MAX))?;
    Ok(u32::try_from(n).expect("within the limits just checked"))
}

fn predict(tokens: &mut Tokens) -> Result<Predict, ParseError> {
    let name = tokens.word("a name")?;
    let (term, _) = term(tokens)?;
    tokens.keyword("after")?;
    let after = predicate(tokens)?;
    let within_us = within(tokens)?;
    let mut map = Vec::new();
    if tokens.take_word("as") {
        while map.is_empty() || !tokens.is_done() {
            let value = if tokens.take_sign("*") { None } else { Some(literal(tokens)?) };
            tokens.sign("=")?;
            map.push((value, tokens.word("an answer")?));
        }
    }
    Ok(Predict { name, term, after, within_us, map })
}

fn given(tokens: &mut Tokens) -> Result<Given, ParseError> {
    let what = tokens.word("what is given")?;
    match what.as_str() {
        "servers" => {
            let n = tokens.number("a number of servers", 1, i128::from(SERVERS_MAX))?;
            Ok(Given::Servers(u32::try_from(n).expect("within the limits just checked")))
        }
        "observers" => Ok(Given::Observers(sids(tokens)?)),
        "standalone" => Ok(Given::Standalone),
        "clients" => {
            let mut names = vec![tokens.word("a client's name")?];
            while !tokens.is_done() {
                names.push(tokens.word("a client's name")?);
            }
            Ok(Given::Clients(names))
        }
        "seed" => {
            let seed = tokens.number("a seed", 0, i128::from(u64::MAX))?;
            Ok(Given::Seed(u64::try_from(seed).expect("within the limits just checked")))
        }
        "chooser" => match tokens.word("fifo or random")?.as_str() {
            "fifo" => Ok(Given::Chooser(ChooserKind::Fifo)),
            "random" => Ok(Given::Chooser(ChooserKind::Random)),
            _ => tokens.error_before("fifo or random"),
        },
        "tick" => Ok(Given::Tick(tokens.duration_us()?)),
        "init-limit" => Ok(Given::InitLimit(tokens.number_u32("ticks", 1)?)),
        "sync-limit" => Ok(Given::SyncLimit(tokens.number_u32("ticks", 1)?)),
        "delay" => Ok(Given::Delay(tokens.duration_us()?)),
        "jitter" => Ok(Given::Jitter(tokens.duration_us()?)),
        "sync-jitter" => Ok(Given::SyncJitter(tokens.duration_us()?)),
        "give-up" => Ok(Given::GiveUp(tokens.duration_us()?)),
        "snap-count" => Ok(Given::SnapCount(tokens.number_u32("transactions", 1)?)),
        "window" => Ok(Given::Window(tokens.number_u32("transactions", 1)?)),
        "cross-epoch" => match tokens.word("snap or trunc-diff")?.as_str() {
            "snap" => Ok(Given::CrossEpoch(CrossEpoch::Snap)),
            "trunc-diff" => Ok(Given::CrossEpoch(CrossEpoch::TruncDiff)),
            _ => tokens.error_before("snap or trunc-diff"),
        },
        "log-diff" => Ok(Given::LogDiff(tokens.number_u32("percent", 0)?)),
        "autocreate" => Ok(Given::Autocreate(on_off(tokens)?)),
        "read-only-mode" => Ok(Given::ReadOnlyMode(on_off(tokens)?)),
        "local-sessions" => Ok(Given::LocalSessions(on_off(tokens)?)),
        "local-sessions-upgrading" => Ok(Given::LocalSessionsUpgrading(on_off(tokens)?)),
        "reconfig" => Ok(Given::Reconfig(on_off(tokens)?)),
        "skip-acl" => Ok(Given::SkipAcl(on_off(tokens)?)),
        "joining" => Ok(Given::Joining(sids(tokens)?)),
        "sync-quorum" => Ok(Given::SyncQuorum(on_off(tokens)?)),
        "election-alg" => {
            let number = tokens.number_u32("an algorithm", 0)?;
            match ElectionAlg::of_number(number) {
                Some(algorithm) => Ok(Given::ElectionAlg(algorithm)),
                None => tokens.error_before("0, 1, 2 or 3"),
            }
        }
        "sync-time" => Ok(Given::SyncTime(tokens.duration_us()?)),
        "paxos" => given_paxos(tokens),
        "bug" => Ok(Given::Bug(tokens.word("a mutation's number, such as M32")?)),
        _ => given_at(&what, tokens),
    }
}

fn on_off(tokens: &mut Tokens) -> Result<bool, ParseError> {
    match tokens.word("on or off")?.as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => tokens.error_before("on or off"),
    }
}

/// What is given to some of the servers.
fn given_at(what: &str, tokens: &mut Tokens) -> Result<Given, ParseError> {
    match what {
        "group" => {
            let at = sids_colon(tokens)?;
            let group = tokens.number_u32("the number of a group", 0)?;
            Ok(Given::Group(at, GroupId(i64::from(group))))
        }
        "weight" => {
            let at = sids_colon(tokens)?;
            Ok(Given::Weight(at, tokens.number_u32("a weight", 0)?))
        }
        "clock-ppm" => {
            let at = sids_colon(tokens)?;
            let ppm = tokens.number("millionths", -PPM_MAX, PPM_MAX)?;
            Ok(Given::ClockPpm(at, i32::try_from(ppm).expect("within the limits just checked")))
        }
        "accepted-epoch" => {
            let at = sids_colon(tokens)?;
            Ok(Given::AcceptedEpoch(at, epoch(tokens)?))
        }
        "current-epoch" => {
            let at = sids_colon(tokens)?;
            Ok(Given::CurrentEpoch(at, epoch(tokens)?))
        }
        "log" => given_log(tokens),
        "snapshot" => {
            let at = sids_colon(tokens)?;
            Ok(Given::Snapshot(at, zxid(tokens)?))
        }
        "round" => {
            let at = sids_colon(tokens)?;
            let round = tokens.number("a round", 0, i128::from(i64::MAX))?;
            Ok(Given::Round(at, u64::try_from(round).expect("within the limits just checked")))
        }
        "counter" => {
            let at = sids_colon(tokens)?;
            Ok(Given::Counter(at, tokens.number_u32("a counter", 0)?))
        }
        "commit-log" => {
            let at = sids_colon(tokens)?;
            let first = zxid(tokens)?;
            tokens.sign("..")?;
            Ok(Given::CommitLog(at, first, zxid(tokens)?))
        }
        "promised" => {
            let at = sids_colon(tokens)?;
            Ok(Given::Promised(at, ballot(tokens)?))
        }
        "accepted" => {
            let at = sids_colon(tokens)?;
            let ballot = ballot(tokens)?;
            let value = tokens.string()?.as_str().into();
            Ok(Given::Accepted(at, Proposal { ballot, value }))
        }
        _ => tokens.error_before(
            "one of servers observers standalone clients seed chooser tick init-limit sync-limit \
             delay jitter sync-time sync-jitter give-up snap-count window autocreate log-diff \
             cross-epoch read-only-mode local-sessions local-sessions-upgrading sync-quorum \
             election-alg reconfig skip-acl joining group weight clock-ppm accepted-epoch \
             current-epoch log snapshot round counter commit-log bug paxos promised accepted",
        ),
    }
}

fn given_paxos(tokens: &mut Tokens) -> Result<Given, ParseError> {
    let kind = match tokens.word("acceptors, proposers, learners or peers")?.as_str() {
        "acceptors" => PaxosKind::Acceptors,
        "proposers" => PaxosKind::Proposers,
        "learners" => PaxosKind::Learners,
        "peers" => PaxosKind::Peers,
        _ => return tokens.error_before("acceptors, proposers, learners or peers"),
    };
    let n = tokens.number("how many", 1, i128::from(OF_A_LETTER_MAX))?;
    Ok(Given::Paxos(kind, u32::try_from(n).expect("within the limits just checked")))
}

fn ballot(tokens: &mut Tokens) -> Result<Ballot, ParseError> {
    tokens.sign("(")?;
    let round = tokens.number_u32("a round", 1)?;
    tokens.sign(",")?;
    let proposer = sid(tokens)?;
    tokens.sign(")")?;
    Ok(Ballot { round, proposer })
}

fn paxos_ask(tokens: &mut Tokens) -> Result<Ask, ParseError> {
    match tokens.word("prepare, accept, propose or read")?.as_str() {
        "prepare" => {
            let named = matches!(tokens.peek(), Some(Token::Number(..)));
            let round = if named { Some(tokens.number_u32("a round", 1)?) } else { None };
            Ok(Ask::Prepare { round, value: tokens.string()?.as_str().into() })
        }
        "accept" => Ok(Ask::Accept),
        "propose" => Ok(Ask::Propose { value: tokens.string()?.as_str().into() }),
        "read" => Ok(Ask::Read),
        _ => tokens.error_before("prepare, accept, propose or read"),
    }
}

fn epoch(tokens: &mut Tokens) -> Result<Epoch, ParseError> {
    let n = tokens.number("an epoch", 0, i128::from(Epoch::MAX.0))?;
    Ok(Epoch(u32::try_from(n).expect("within the limits just checked")))
}

fn given_log(tokens: &mut Tokens) -> Result<Given, ParseError> {
    let at = sids_colon(tokens)?;
    let first = zxid(tokens)?;
    if tokens.take_sign("..") {
        let at_last = tokens.clone();
        let last = zxid(tokens)?;
        let same_epoch = first.epoch() == last.epoch();
        let rises = first <= last;
        let short = rises && last.counter() - first.counter() < REPEAT_MAX;
        if !(same_epoch && short) {
            let expected = format!("a later zxid of the same epoch, at most {REPEAT_MAX} records");
            return at_last.error(expected);
        }
        return Ok(Given::Log { at, first, last, txn: None });
    }
    let txn = if tokens.is_done() { None } else { Some(given_txn(tokens)?) };
    Ok(Given::Log { at, first, last: first, txn })
}

fn given_txn(tokens: &mut Tokens) -> Result<GivenTxn, ParseError> {
    let what = tokens.word("create, set, delete or session")?;
    match what.as_str() {
        "create" => {
            let (path, text) = (tokens.path()?, text(tokens)?);
            let is_numbered = tokens.take_word("number");
            let number = if is_numbered { Some(child_number(tokens)?) } else { None };
            Ok(GivenTxn::Create(path, text, number))
        }
        "set" => Ok(GivenTxn::Set(tokens.path()?, tokens.string()?)),
        "delete" => Ok(GivenTxn::Delete(tokens.path()?)),
        "session" => Ok(GivenTxn::Session(tokens.word("a client's name")?, tokens.duration_us()?)),
        _ => tokens.error_before("create, set, delete or session"),
    }
}

fn act(word: &str, tokens: &mut Tokens) -> Result<Act, ParseError> {
    match word {
        "start" => Ok(Act::Start(sids(tokens)?)),
        "crash" => Ok(Act::Crash { at: sids(tokens)?, keep: survivors(tokens)? }),
        "wipe" => Ok(Act::Wipe(sids(tokens)?)),
        "cut" if is_way(tokens) => Ok(Act::CutOneWay(way(tokens)?)),
        "cut" => {
            let (a, b) = two_groups(tokens)?;
            Ok(Act::Cut(a, b))
        }
        "heal" if tokens.is_done() => Ok(Act::HealAll),
        "heal" => {
            let (a, b) = two_groups(tokens)?;
            Ok(Act::Heal(a, b))
        }
        "delay" => Ok(Act::Delay(way(tokens)?, tokens.duration_us()?)),
        "hold" => Ok(Act::Hold(way(tokens)?, message_kind(tokens)?)),
        "release" if tokens.is_done() => Ok(Act::ReleaseAll),
        "release" => Ok(Act::Release(way(tokens)?)),
        "lose" => Ok(Act::Lose(way(tokens)?, message_kind(tokens)?)),
        "duplicate" => Ok(Act::Duplicate(way(tokens)?, message_kind(tokens)?)),
        "forge" => forge(tokens),
        "reset" => Ok(Act::Reset(host(tokens)?, host(tokens)?)),
        "deliver" => {
            let way = way(tokens)?;
            let kind = if tokens.is_done() { MessageKind::Any } else { message_kind(tokens)? };
            Ok(Act::Deliver(way, kind))
        }
        "slow-disk" => Ok(Act::SlowDisk(sids(tokens)?, tokens.duration_us()?)),
        "fail-disk" => Ok(Act::FailDisk(sids(tokens)?)),
        "fill-disk" => {
            let at = sids(tokens)?;
            let end = tokens.is_done();
            let left = if end { 0 } else { tokens.number_u32("how many bytes fit", 0)? };
            Ok(Act::FillDisk(at, left))
        }
        "free-disk" => Ok(Act::FreeDisk(sids(tokens)?)),
        "flip-byte" => flip_byte(tokens),
        "copy-disk" => Ok(Act::CopyDisk(sids(tokens)?)),
        "restore-disk" => Ok(Act::RestoreDisk(sids(tokens)?)),
        "pause" => Ok(Act::Pause(sids(tokens)?)),
        "resume" => Ok(Act::Resume(sids(tokens)?)),
        "myid" => {
            let at = sids(tokens)?;
            tokens.keyword("is")?;
            Ok(Act::Myid(at, sid(tokens)?))
        }
        "jump-clock" => {
            let at = sids(tokens)?;
            let back = tokens.take_word("back");
            Ok(Act::JumpClock { at, us: tokens.duration_us()?, back })
        }
        _ => tokens.error_before(
            "one of given start crash wipe cut heal delay hold release lose duplicate forge \
             reset deliver slow-disk fail-disk fill-disk free-disk flip-byte copy-disk \
             restore-disk pause resume myid jump-clock step run mark expect expect-broken predict \
             goal, or the name of a client or Paxos process and \":\"",
        ),
    }
}

fn survivors(tokens: &mut Tokens) -> Result<Survivors, ParseError> {
    if !tokens.take_word("keep") || tokens.take_word("nothing") {
        return Ok(Survivors::Nothing);
    }
    if tokens.take_word("all") {
        return Ok(Survivors::All);
    }
    let reached = tokens.number_u32("nothing, all or how many operations were reached,", 0)?;
    tokens.sign(",")?;
    let data = tokens.number_u32("how many changes of contents survive,", 0)?;
    tokens.sign(",")?;
    let torn = tokens.number_u32("how many bytes of the next one survive,", 0)?;
    tokens.sign(",")?;
    let names = tokens.number_u32("how many changes of names survive,", 0)?;
    Ok(Survivors::Some(Keep { reached, data, torn, names }))
}

fn flip_byte(tokens: &mut Tokens) -> Result<Act, ParseError> {
    let at = sids(tokens)?;
    let of = match tokens.word("record, snapshot, accepted-epoch or current-epoch")?.as_str() {
        "record" => Stored::Record(zxid(tokens)?),
        "snapshot" => Stored::Snapshot(zxid(tokens)?),
        "accepted-epoch" => Stored::AcceptedEpoch,
        "current-epoch" => Stored::CurrentEpoch,
        _ => return tokens.error_before("record, snapshot, accepted-epoch or current-epoch"),
    };
    let byte = match tokens.is_done() {
        true => FLIPPED_BYTE,
        false => {
            tokens.keyword("at")?;
            tokens.number_u32("which byte of it", 0)?
        }
    };
    Ok(Act::FlipByte { at, of, byte })
}

fn forge(tokens: &mut Tokens) -> Result<Act, ParseError> {
    let from = sid(tokens)?;
    tokens.sign("->")?;
    let to = sid(tokens)?;
    tokens.keyword("vote")?;
    let vote = (sid(tokens)?, zxid(tokens)?);
    let mut number = |name: &str| {
        tokens.keyword(name)?;
        let number = tokens.number("a number", 0, i128::from(u64::MAX))?;
        Ok(u64::try_from(number).expect("within the limits just checked"))
    };
    let numbers = [number("round")?, number("tag")?, number("challenge")?];
    Ok(Act::Forge { from, to, vote, numbers })
}

fn two_groups(tokens: &mut Tokens) -> Result<(Sids, Sids), ParseError> {
    let a = sids(tokens)?;
    tokens.keyword("from")?;
    Ok((a, sids(tokens)?))
}

fn is_way(tokens: &Tokens) -> bool {
    matches!(tokens.peek_second(), Some(Token::Sign("->")))
}

fn way(tokens: &mut Tokens) -> Result<Way, ParseError> {
    let from = host(tokens)?;
    tokens.sign("->")?;
    Ok(Way { from, to: host(tokens)? })
}

fn host(tokens: &mut Tokens) -> Result<HostName, ParseError> {
    match tokens.peek() {
        Some(Token::Word(name)) if number_of(name).is_none() => {
            Ok(HostName::Client(tokens.word("a client's name")?))
        }
        _ => Ok(HostName::Server(sid(tokens)?)),
    }
}

fn message_kind(tokens: &mut Tokens) -> Result<MessageKind, ParseError> {
    if tokens.take_sign("*") {
        return Ok(MessageKind::Any);
    }
    let name = tokens.word("a packet's name, NOTIFICATION or *")?;
    if same_word(&name, "NOTIFICATION") {
        return Ok(MessageKind::Notification);
    }
    if PACKETS.iter().any(|known| same_word(known, &name)) {
        return Ok(MessageKind::Packet(name));
    }
    let mut datagrams = PAXOS_MESSAGES.iter().chain(ELECTION_DATAGRAMS);
    if datagrams.any(|known| same_word(known, &name)) {
        return Ok(MessageKind::Datagram(name));
    }
    let names = [PACKETS, PAXOS_MESSAGES, ELECTION_DATAGRAMS].map(|names| names.join(" "));
    tokens.error_before(format!("NOTIFICATION, * or one of {}", names.join(" ")))
}

pub(super) fn text(tokens: &mut Tokens) -> Result<String, ParseError> {
    match tokens.peek() {
        Some(Token::Str(_)) => tokens.string(),
        _ => Ok(String::new()),
    }
}

fn child_number(tokens: &mut Tokens) -> Result<i32, ParseError> {
    // The parent counts one more after it.
    let n = tokens.number("a number of a child", 0, i128::from(i32::MAX) - 1)?;
    Ok(i32::try_from(n).expect("within the limits just checked"))
}

fn sids_colon(tokens: &mut Tokens) -> Result<Sids, ParseError> {
    let at = sids(tokens)?;
    tokens.sign(":")?;
    Ok(at)
}

pub(super) fn sids(tokens: &mut Tokens) -> Result<Sids, ParseError> {
    for (word, set) in
        [("all", Sids::All), ("voters", Sids::Voters), ("observers", Sids::Observers)]
    {
        if tokens.take_word(word) {
            return Ok(set);
        }
    }
    let mut items = Vec::new();
    loop {
        let first = sid(tokens)?;
        let last = if tokens.take_sign("..") { sid(tokens)? } else { first };
        if last < first {
            return tokens.error_before("a number not below the first");
        }
        items.push((first, last));
        if !tokens.take_sign(",") {
            return Ok(Sids::List(items));
        }
    }
}

pub(super) fn sid(tokens: &mut Tokens) -> Result<ServerId, ParseError> {
    if let Some(Token::Word(name)) = tokens.peek()
        && let Some(process) = number_of(name)
    {
        tokens.take();
        return Ok(process);
    }
    let n = tokens.number("a server's number", 0, i128::from(SERVERS_MAX))?;
    Ok(ServerId(i64::try_from(n).expect("within the limits just checked")))
}

/// A zxid from its two halves.
pub(super) fn zxid_of(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch(epoch), counter)
}
