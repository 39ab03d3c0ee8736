//! Writes a script, so that reading it again gives the same one.
//!
//! One form for each line: what is the default is left out, paths and numbers have one spelling.

use core::fmt::{self, Display, Formatter, Write as _};

use zablab_core::client::acl_text;
use zablab_core::config::{CrossEpoch, ElectionAlg};
use zablab_core::paxos::{Ask, Ballot};
use zablab_core::quorum::GroupId;
use zablab_core::recipes::Patience;
use zablab_core::types::{ServerId, Zxid};

use crate::paxos;
use crate::step::{Keep, Stored};

use super::ast::{
    Act, Call, ChooserKind, ClientAct, Command, Comparison, Data, Given, GivenTxn, HostName,
    MessageKind, Part, Pattern, PaxosKind, Predicate, Read, Script, ServerArg, Sids, Survivors,
    Term, Way, Write,
};
use super::{FLIPPED_BYTE, HEADER};

impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        for line in &self.lines {
            writeln!(f, "{}", line.command)?;
            if let Some(block) = &line.expected {
                writeln!(f, "----")?;
                for output in &block.lines {
                    writeln!(f, "{output}")?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Command::Given(given) => write!(f, "given {given}"),
            Command::Act(act) => write!(f, "{act}"),
            Command::Step(n) => write!(f, "step {n}"),
            Command::RunUntil { predicate, within_us } => {
                write!(f, "run until {predicate} within {}", Duration(*within_us))
            }
            Command::RunUntilEvent { pattern, times, within_us } => {
                write!(f, "run until event {pattern}")?;
                if *times != 1 {
                    write!(f, " times {times}")?;
                }
                write!(f, " within {}", Duration(*within_us))
            }
            Command::RunFor(us) => write!(f, "run for {}", Duration(*us)),
            Command::Mark(name) => write!(f, "mark {name}"),
            Command::Expect(predicate) => write!(f, "expect {predicate}"),
            Command::Predict(p) => {
                write!(f, "predict {} {} after {}", p.name, p.term, p.after)?;
                write!(f, " within {}", Duration(p.within_us))?;
                for (index, (value, answer)) in p.map.iter().enumerate() {
                    f.write_str(if index == 0 { " as " } else { " " })?;
                    match value {
                        Some(value) => write!(f, "{value}={answer}")?,
                        None => write!(f, "*={answer}")?,
                    }
                }
                Ok(())
            }
            Command::Goal { name, predicate } => write!(f, "goal {name} {predicate}"),
            Command::ExpectBroken(id) => write!(f, "expect-broken {id}"),
        }
    }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

impl Display for Given {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Given::Servers(n) => write!(f, "servers {n}"),
            Given::Observers(at) => write!(f, "observers {at}"),
            Given::Standalone => write!(f, "standalone"),
            Given::Clients(names) => write!(f, "clients {}", names.join(" ")),
            Given::Seed(seed) => write!(f, "seed {seed}"),
            Given::Chooser(ChooserKind::Fifo) => write!(f, "chooser fifo"),
            Given::Chooser(ChooserKind::Random) => write!(f, "chooser random"),
            Given::Tick(us) => write!(f, "tick {}", Duration(*us)),
            Given::InitLimit(n) => write!(f, "init-limit {n}"),
            Given::SyncLimit(n) => write!(f, "sync-limit {n}"),
            Given::Delay(us) => write!(f, "delay {}", Duration(*us)),
            Given::Jitter(us) => write!(f, "jitter {}", Duration(*us)),
            Given::SyncJitter(us) => write!(f, "sync-jitter {}", Duration(*us)),
            Given::GiveUp(us) => write!(f, "give-up {}", Duration(*us)),
            Given::SnapCount(n) => write!(f, "snap-count {n}"),
            Given::Window(n) => write!(f, "window {n}"),
            Given::CrossEpoch(CrossEpoch::Snap) => write!(f, "cross-epoch snap"),
            Given::CrossEpoch(CrossEpoch::TruncDiff) => write!(f, "cross-epoch trunc-diff"),
            Given::Autocreate(on) => write!(f, "autocreate {}", on_off(*on)),
            Given::LogDiff(percent) => write!(f, "log-diff {percent}"),
            Given::ReadOnlyMode(on) => write!(f, "read-only-mode {}", on_off(*on)),
            Given::LocalSessions(on) => write!(f, "local-sessions {}", on_off(*on)),
            Given::LocalSessionsUpgrading(on) => {
                write!(f, "local-sessions-upgrading {}", on_off(*on))
            }
            Given::SyncQuorum(on) => write!(f, "sync-quorum {}", on_off(*on)),
            Given::Reconfig(on) => write!(f, "reconfig {}", on_off(*on)),
            Given::SkipAcl(on) => write!(f, "skip-acl {}", on_off(*on)),
            Given::Joining(at) => write!(f, "joining {at}"),
            Given::ElectionAlg(algorithm) => {
                let number = match algorithm {
                    ElectionAlg::Polling => 0,
                    ElectionAlg::Pushing { challenge } => 1 + u8::from(*challenge),
                    ElectionAlg::Fast => 3,
                };
                write!(f, "election-alg {number}")
            }
            Given::Group(at, GroupId(group)) => write!(f, "group {at}: {group}"),
            Given::Weight(at, weight) => write!(f, "weight {at}: {weight}"),
            Given::ClockPpm(at, ppm) => write!(f, "clock-ppm {at}: {ppm}"),
            Given::SyncTime(us) => write!(f, "sync-time {}", Duration(*us)),
            Given::AcceptedEpoch(at, epoch) => write!(f, "accepted-epoch {at}: {epoch}"),
            Given::CurrentEpoch(at, epoch) => write!(f, "current-epoch {at}: {epoch}"),
            Given::Log { at, first, last, txn } => {
                write!(f, "log {at}: {}", Pair(*first))?;
                if first != last {
                    write!(f, "..{}", Pair(*last))?;
                }
                match txn {
                    Some(txn) => write!(f, " {txn}"),
                    None => Ok(()),
                }
            }
            Given::Snapshot(at, zxid) => write!(f, "snapshot {at}: {}", Pair(*zxid)),
            Given::Round(at, round) => write!(f, "round {at}: {round}"),
            Given::Counter(at, counter) => write!(f, "counter {at}: {counter}"),
            Given::CommitLog(at, first, last) => {
                write!(f, "commit-log {at}: {}..{}", Pair(*first), Pair(*last))
            }
            Given::Bug(name) => write!(f, "bug {name}"),
            Given::Paxos(kind, n) => {
                let kind = match kind {
                    PaxosKind::Acceptors => "acceptors",
                    PaxosKind::Proposers => "proposers",
                    PaxosKind::Learners => "learners",
                    PaxosKind::Peers => "peers",
                };
                write!(f, "paxos {kind} {n}")
            }
            Given::Promised(at, ballot) => write!(f, "promised {at}: {}", Number(*ballot)),
            Given::Accepted(at, proposal) => {
                let (number, value) = (Number(proposal.ballot), Quoted(&proposal.value));
                write!(f, "accepted {at}: {number} {value}")
            }
        }
    }
}

impl Display for GivenTxn {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            GivenTxn::Create(path, data, number) => {
                write!(f, "create {} {}", Quoted(path), Quoted(data))?;
                number.map_or(Ok(()), |number| write!(f, " number {number}"))
            }
            GivenTxn::Set(path, data) => write!(f, "set {} {}", Quoted(path), Quoted(data)),
            GivenTxn::Delete(path) => write!(f, "delete {}", Quoted(path)),
            GivenTxn::Session(client, us) => write!(f, "session {client} {}", Duration(*us)),
        }
    }
}

impl Display for Act {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Act::Start(at) => write!(f, "start {at}"),
            Act::Crash { at, keep: Survivors::Nothing } => write!(f, "crash {at}"),
            Act::Crash { at, keep: Survivors::All } => write!(f, "crash {at} keep all"),
            Act::Crash { at, keep: Survivors::Some(keep) } => {
                let Keep { reached, data, torn, names } = keep;
                write!(f, "crash {at} keep {reached},{data},{torn},{names}")
            }
            Act::Wipe(at) => write!(f, "wipe {at}"),
            Act::Cut(a, b) => write!(f, "cut {a} from {b}"),
            Act::CutOneWay(way) => write!(f, "cut {way}"),
            Act::Heal(a, b) => write!(f, "heal {a} from {b}"),
            Act::HealAll => write!(f, "heal"),
            Act::Delay(way, us) => write!(f, "delay {way} {}", Duration(*us)),
            Act::Hold(way, kind) => write!(f, "hold {way} {kind}"),
            Act::Release(way) => write!(f, "release {way}"),
            Act::ReleaseAll => write!(f, "release"),
            Act::Lose(way, kind) => write!(f, "lose {way} {kind}"),
            Act::Forge { from, to, vote: (leader, zxid), numbers: [round, tag, challenge] } => {
                let (epoch, counter) = (zxid.epoch(), zxid.counter());
                write!(f, "forge {from}->{to} vote {leader} ({epoch},{counter}) ")?;
                write!(f, "round {round} tag {tag} challenge {challenge}")
            }
            Act::Duplicate(way, kind) => write!(f, "duplicate {way} {kind}"),
            Act::Reset(a, b) => write!(f, "reset {a} {b}"),
            Act::Deliver(way, MessageKind::Any) => write!(f, "deliver {way}"),
            Act::Deliver(way, kind) => write!(f, "deliver {way} {kind}"),
            Act::SlowDisk(at, us) => write!(f, "slow-disk {at} {}", Duration(*us)),
            Act::FailDisk(at) => write!(f, "fail-disk {at}"),
            Act::FillDisk(at, 0) => write!(f, "fill-disk {at}"),
            Act::FillDisk(at, left) => write!(f, "fill-disk {at} {left}"),
            Act::FreeDisk(at) => write!(f, "free-disk {at}"),
            Act::FlipByte { at, of, byte: FLIPPED_BYTE } => write!(f, "flip-byte {at} {of}"),
            Act::FlipByte { at, of, byte } => write!(f, "flip-byte {at} {of} at {byte}"),
            Act::CopyDisk(at) => write!(f, "copy-disk {at}"),
            Act::RestoreDisk(at) => write!(f, "restore-disk {at}"),
            Act::Pause(at) => write!(f, "pause {at}"),
            Act::Resume(at) => write!(f, "resume {at}"),
            Act::Myid(at, says) => write!(f, "myid {at} is {says}"),
            Act::JumpClock { at, us, back } => {
                let back = if *back { "back " } else { "" };
                write!(f, "jump-clock {at} {back}{}", Duration(*us))
            }
            Act::Client { client, op } => write!(f, "{client}: {op}"),
            Act::Paxos { at, ask } => {
                write!(f, "{}: ", paxos::called(*at))?;
                match ask {
                    Ask::Propose { value } => write!(f, "propose {}", Quoted(value)),
                    Ask::Prepare { round: None, value } => write!(f, "prepare {}", Quoted(value)),
                    Ask::Prepare { round: Some(round), value } => {
                        write!(f, "prepare {round} {}", Quoted(value))
                    }
                    Ask::Accept => f.write_str("accept"),
                    Ask::Read => f.write_str("read"),
                }
            }
        }
    }
}

impl Display for Stored {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Stored::Record(zxid) => write!(f, "record {}", Pair(*zxid)),
            Stored::Snapshot(zxid) => write!(f, "snapshot {}", Pair(*zxid)),
            Stored::AcceptedEpoch => f.write_str("accepted-epoch"),
            Stored::CurrentEpoch => f.write_str("current-epoch"),
        }
    }
}

impl Display for ClientAct {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ClientAct::Connect { to, timeout_us, read_only } => {
                write!(f, "connect {to}")?;
                if let Some(us) = timeout_us {
                    write!(f, " timeout {}", Duration(*us))?;
                }
                f.write_str(if *read_only { " read-only" } else { "" })
            }
            ClientAct::Disconnect => write!(f, "disconnect"),
            ClientAct::Crash => write!(f, "crash"),
            ClientAct::Pause => write!(f, "pause"),
            ClientAct::Resume => write!(f, "resume"),
            ClientAct::Close => write!(f, "close"),
            ClientAct::Write { write, times: 1 } => write!(f, "{write}"),
            ClientAct::Write { write, times } => write!(f, "{write} times {times}"),
            ClientAct::Multi(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    f.write_str(if index == 0 { "multi { " } else { "; " })?;
                    match part {
                        Part::Write(write) => write!(f, "{write}")?,
                        Part::Check(path, version) => {
                            write!(f, "check {} version {version}", Quoted(path))?;
                        }
                    }
                }
                f.write_str(" }")
            }
            ClientAct::Read { what, path, watch, times } => {
                let name = match what {
                    Read::Get => "get",
                    Read::Exists => "exists",
                    Read::Children => "children",
                    Read::Acl => "get-acl",
                };
                let watch = if *watch { " watch" } else { "" };
                write!(f, "{name} {}{watch}", Quoted(path))?;
                if *times == 1 { Ok(()) } else { write!(f, " times {times}") }
            }
            ClientAct::Sync(path) => write!(f, "sync {}", Quoted(path)),
            ClientAct::Auth { scheme, secret } => write!(f, "auth {scheme} {}", Quoted(secret)),
            ClientAct::SetAcl { path, acl, version } => {
                write!(f, "set-acl {} {}", Quoted(path), Quoted(&acl_text(acl)))?;
                optional_version(f, *version)
            }
            ClientAct::AddWatch { path, recursive } => {
                write!(f, "add-watch {}", Quoted(path))?;
                f.write_str(if *recursive { " recursive" } else { "" })
            }
            ClientAct::RemoveWatches(path) => write!(f, "remove-watches {}", Quoted(path)),
            ClientAct::Recipe(ask) => {
                write!(f, "{} {}", ask.verb.name(), Quoted(&ask.path))?;
                if !ask.text.is_empty() {
                    write!(f, " {}", Quoted(&ask.text))?;
                }
                if ask.number > 0 {
                    write!(f, " number {}", ask.number)?;
                }
                match ask.patience {
                    Patience::Forever => {}
                    Patience::Try => f.write_str(" try")?,
                    Patience::Within(ms) => {
                        write!(f, " within {}", Duration(u64::from(ms) * 1000))?
                    }
                }
                match ask.hold_ms {
                    0 => Ok(()),
                    ms => write!(f, " for {}", Duration(u64::from(ms) * 1000)),
                }
            }
            ClientAct::Reconfig(reconfig) => write!(f, "{reconfig}"),
        }
    }
}

impl Display for Write {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Write::Create { path, data, ephemeral, sequential, acl } => {
                write!(f, "create {} {data}", Quoted(path))?;
                f.write_str(if *ephemeral { " ephemeral" } else { "" })?;
                f.write_str(if *sequential { " sequential" } else { "" })?;
                match acl {
                    Some(acl) => write!(f, " acl {}", Quoted(&acl_text(acl))),
                    None => Ok(()),
                }
            }
            Write::Set { path, data, version } => {
                write!(f, "set {} {data}", Quoted(path))?;
                optional_version(f, *version)
            }
            Write::Delete { path, version } => {
                write!(f, "delete {}", Quoted(path))?;
                optional_version(f, *version)
            }
        }
    }
}

impl Display for Data {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Data::Text(text) => write!(f, "{}", Quoted(text)),
            Data::Size(size) => write!(f, "bytes {size}"),
        }
    }
}

fn optional_version(f: &mut Formatter<'_>, version: Option<i32>) -> fmt::Result {
    match version {
        Some(version) => write!(f, " version {version}"),
        None => Ok(()),
    }
}

impl Display for Predicate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Predicate::Or(parts) => joined(f, parts, " or "),
            Predicate::And(parts) => joined(f, parts, " and "),
            Predicate::Not(inner) => write!(f, "not {}", Inner(inner)),
            Predicate::Each { all, variable, set, body } => {
                let name = if *all { "all" } else { "any" };
                write!(f, "{name}({variable} in {set}: {body})")
            }
            Predicate::Truth(call) => write!(f, "{call}"),
            Predicate::Compare(left, comparison, right) => {
                let sign = match comparison {
                    Comparison::Equal => "==",
                    Comparison::NotEqual => "!=",
                    Comparison::Less => "<",
                    Comparison::LessEqual => "<=",
                    Comparison::Greater => ">",
                    Comparison::GreaterEqual => ">=",
                };
                write!(f, "{left} {sign} {right}")
            }
        }
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[Predicate], between: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { between })?;
        write!(f, "{}", Inner(part))?;
    }
    Ok(())
}

/// A predicate inside another one: in parentheses if it could be misread.
struct Inner<'a>(&'a Predicate);

impl Display for Inner<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Predicate::Or(_) | Predicate::And(_) => write!(f, "({})", self.0),
            Predicate::Not(_)
            | Predicate::Each { .. }
            | Predicate::Truth(_)
            | Predicate::Compare(..) => write!(f, "{}", self.0),
        }
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Term::None => f.write_str("none"),
            Term::Int(n) => write!(f, "{n}"),
            Term::Str(text) => write!(f, "{}", Quoted(text)),
            Term::Word(word) | Term::Variable(word) => f.write_str(word),
            Term::Pair(first, second) => write!(f, "({first},{second})"),
            Term::Vote(leader, epoch, counter) => write!(f, "({leader},({epoch},{counter}))"),
            Term::Proposal(round, value) => write!(f, "({round},{})", Quoted(value)),
            Term::Call(call) => write!(f, "{call}"),
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Call::Server(function, server) => write!(f, "{}({server})", function.name()),
            Call::Node(function, server, path) => {
                write!(f, "{}({server}, {})", function.name(), Quoted(path))
            }
            Call::Client(function, client) => write!(f, "{}({client})", function.name()),
            Call::TreesEqual(servers) => {
                for (index, server) in servers.iter().enumerate() {
                    f.write_str(if index == 0 { "trees_equal(" } else { ", " })?;
                    write!(f, "{server}")?;
                }
                f.write_str(")")
            }
            Call::Count(pattern) => write!(f, "count({pattern})"),
            Call::Time => f.write_str("time()"),
            Call::Paxos(function, process) => write!(f, "{}({process})", function.name()),
            Call::Chosen => f.write_str("chosen()"),
            Call::Broken(id) => write!(f, "broken({id})"),
            Call::Steps => f.write_str("steps()"),
        }
    }
}

impl Display for ServerArg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ServerArg::Sid(sid) => write!(f, "{}", Named(*sid)),
            ServerArg::Variable(name) => f.write_str(name),
        }
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.event)?;
        for test in &self.fields {
            write!(f, " {}{}", test.field, if test.equal { "=" } else { "!=" })?;
            for (index, value) in test.values.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { "|" })?;
                write!(f, "{value}")?;
            }
        }
        match &self.since {
            Some(mark) => write!(f, " since {mark}"),
            None => Ok(()),
        }
    }
}

impl Display for Sids {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Sids::All => f.write_str("all"),
            Sids::Voters => f.write_str("voters"),
            Sids::Observers => f.write_str("observers"),
            Sids::Up => f.write_str("up"),
            Sids::List(items) => {
                for (index, (first, last)) in items.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write!(f, "{}", Named(*first))?;
                    if first != last {
                        write!(f, "..{}", Named(*last))?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl Display for HostName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            HostName::Server(sid) => write!(f, "{}", Named(*sid)),
            HostName::Client(name) => f.write_str(name),
        }
    }
}

impl Display for Way {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}->{}", self.from, self.to)
    }
}

impl Display for MessageKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            MessageKind::Any => f.write_str("*"),
            MessageKind::Notification => f.write_str("NOTIFICATION"),
            MessageKind::Packet(name) | MessageKind::Datagram(name) => f.write_str(name),
        }
    }
}

/// A server by its number; a proposer or learner by its name.
struct Named(ServerId);

impl Display for Named {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match paxos::name_of(self.0) {
            Some(name) => f.write_str(&name),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A number of Paxos as a script writes it.
struct Number(Ballot);

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.0.round, Named(self.0.proposer))
    }
}

/// A zxid as a script writes it.
struct Pair(Zxid);

impl Display for Pair {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.0.epoch(), self.0.counter())
    }
}

/// A duration in the greatest unit that divides it.
struct Duration(u64);

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let us = self.0;
        if us.is_multiple_of(1_000_000) {
            write!(f, "{}s", us / 1_000_000)
        } else if us.is_multiple_of(1000) {
            write!(f, "{}ms", us / 1000)
        } else {
            write!(f, "{us}us")
        }
    }
}

/// A text in quotes.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}
