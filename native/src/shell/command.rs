//! Words as a command: which there are, what each takes, and which group runs it.

use std::ops::RangeInclusive;

use super::answer::Answer;
use super::connection::Connection;
use super::quota::Quota;
use super::read::Read;
use super::reconfig::Reconfig;
use super::trouble::Trouble;
use super::watching::Watching;
use super::words::{Arguments, Flag, sort};
use super::write::Change;
use super::{quota, read, reconfig, watching, write};

/// What a command is called and what it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spec {
    /// Its name.
    pub name: &'static str,
    /// What follows the name, as `zkCli.sh` writes it.
    pub usage: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// Its options.
    pub flags: &'static [Flag],
    /// How many words it takes besides.
    pub words: RangeInclusive<usize>,
}

/// A command, with what it was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// One that reads.
    Read(Read),
    /// One that changes znodes.
    Change(Change),
    /// One about quotas.
    Quota(Quota),
    /// One about watches that stay, or that are taken back.
    Watching(Watching),
    /// One that changes the ensemble.
    Reconfig(Reconfig),
    /// One that the shell does itself.
    Own(Own),
}

/// What the shell does itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Own {
    /// Show the last commands.
    History,
    /// Run the command with this number again.
    Redo(usize),
    /// Say whether watch events are printed, or change it.
    PrintWatches(Option<bool>),
    /// End the session and begin one, perhaps with other servers.
    Connect(Option<String>),
    /// End the session.
    Close,
    /// End the session and the program.
    Quit,
    /// Tell the version of this program.
    Version,
    /// List all commands, or tell of one.
    Help(Option<String>),
}

const OWN: &[Spec] = &[
    spec("close", "", "end the session"),
    Spec { words: 0..=1, ..spec("connect", "[host:port]", "begin a new session") },
    spec("exit", "", "end the session and the program"),
    Spec { words: 0..=1, ..spec("help", "[command]", "list the commands, or tell of one") },
    spec("history", "", "show the last commands"),
    Spec { words: 0..=1, ..spec("printwatches", "on|off", "print watch events, or not") },
    spec("quit", "", "end the session and the program"),
    Spec { words: 1..=1, ..spec("redo", "cmdno", "run a command of the history again") },
    spec("version", "", "tell the version of this program"),
];

/// One without options and words.
pub const fn spec(name: &'static str, usage: &'static str, about: &'static str) -> Spec {
    Spec { name, usage, about, flags: &[], words: 0..=0 }
}

/// All commands, by name.
pub fn all() -> Vec<&'static Spec> {
    let groups = [OWN, read::SPECS, write::SPECS, quota::SPECS, watching::SPECS, reconfig::SPECS];
    let mut all: Vec<&Spec> = groups.into_iter().flatten().collect();
    all.sort_by_key(|spec| spec.name);
    all
}

impl Command {
    /// Reads the words of a line.
    ///
    /// # Errors
    /// [`Trouble::Usage`].
    pub fn parse(words: &[String]) -> Result<Command, Trouble> {
        let [name, rest @ ..] = words else {
            return Err(Trouble::Usage("No command entered".into()));
        };
        let all = all();
        let spec = all.iter().find(|spec| spec.name == name);
        let unknown = || Trouble::Usage(format!("Command not found {name}"));
        let spec = spec.ok_or_else(unknown)?;
        let arguments = sort(rest, spec.flags).map_err(Trouble::Usage)?;
        if !spec.words.contains(&arguments.words.len()) {
            return Err(spec.misused());
        }
        if let Some(command) = read::parse(spec, &arguments)? {
            return Ok(Command::Read(command));
        }
        if let Some(command) = write::parse(spec, &arguments)? {
            return Ok(Command::Change(command));
        }
        if let Some(command) = quota::parse(spec, &arguments)? {
            return Ok(Command::Quota(command));
        }
        if let Some(command) = watching::parse(spec, &arguments)? {
            return Ok(Command::Watching(command));
        }
        if let Some(command) = reconfig::parse(spec, &arguments)? {
            return Ok(Command::Reconfig(command));
        }
        own(spec, &arguments).map(Command::Own)
    }
}

fn own(spec: &Spec, arguments: &Arguments) -> Result<Own, Trouble> {
    let first = arguments.words.first();
    Ok(match spec.name {
        "close" => Own::Close,
        "connect" => Own::Connect(first.cloned()),
        "help" => Own::Help(first.cloned()),
        "history" => Own::History,
        "printwatches" => Own::PrintWatches(match first.map(String::as_str) {
            None => None,
            Some("on") => Some(true),
            Some("off") => Some(false),
            Some(_) => return Err(spec.misused()),
        }),
        "quit" | "exit" => Own::Quit,
        "redo" => Own::Redo(arguments.word(0).parse().map_err(|_| {
            Trouble::Usage(format!("{} is no command's number", arguments.word(0)))
        })?),
        "version" => Own::Version,
        name => unreachable!("{name} is in one of the lists, and each has its own parser"),
    })
}

impl Spec {
    /// How it is used, in one line.
    pub fn line(&self) -> String {
        [self.name, " ", self.usage].concat().trim_end().to_owned()
    }

    /// That it was not used so.
    pub fn misused(&self) -> Trouble {
        Trouble::Usage(self.line())
    }

    /// Everything about it.
    pub fn help(&self) -> String {
        let mut lines = vec![self.line(), format!("    {}", self.about)];
        lines.extend(self.flags.iter().map(|flag| {
            let name = match flag.value {
                Some(value) => format!("-{} {value}", flag.name),
                None => format!("-{}", flag.name),
            };
            format!("    {name:<14} {}", flag.about)
        }));
        lines.join("\n")
    }

    /// A whole number that an option or a word has.
    ///
    /// # Errors
    /// It is none, or does not fit.
    pub fn number<N: std::str::FromStr>(&self, flag: &str, text: &str) -> Result<N, Trouble> {
        let wrong =
            |_| Trouble::Usage(format!("{} -{flag}: {text} is no number for it", self.name));
        text.parse().map_err(wrong)
    }
}

impl Command {
    /// Asks the servers; `None` for what the shell does itself.
    ///
    /// # Errors
    /// Why it has no result.
    pub async fn run(&self, connection: &Connection) -> Option<Result<Answer, Trouble>> {
        Some(match self {
            Command::Read(command) => command.run(connection).await,
            Command::Change(command) => command.run(connection).await,
            Command::Quota(command) => command.run(connection).await,
            Command::Watching(command) => command.run(connection).await,
            Command::Reconfig(command) => command.run(connection).await,
            Command::Own(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Form;
    use super::super::words::split;
    use super::*;

    fn parse(line: &str) -> Result<Command, Trouble> {
        Command::parse(&split(line).expect("its quotes end"))
    }

    fn refused(line: &str) -> String {
        let trouble = parse(line).expect_err("it is wrong");
        assert_eq!(trouble.exit_code(), 2, "{line}");
        trouble.to_string()
    }

    #[test]
    fn every_command_has_a_parser_and_a_help() {
        for spec in all() {
            let words: Vec<String> = std::iter::once(spec.name.to_owned())
                .chain((0..*spec.words.start()).map(|_| "/a".to_owned()))
                .collect();
            // Some want an option or a number too; what counts is that somebody reads them.
            let _ = Command::parse(&words);
            assert!(spec.help().starts_with(&spec.line()), "{}", spec.name);
            let too_many = [words, vec!["/b".to_owned(); 8]].concat();
            assert!(Command::parse(&too_many).is_err(), "{}", spec.name);
        }
        let names: Vec<&str> = all().iter().map(|spec| spec.name).collect();
        let mut once = names.clone();
        once.dedup();
        assert_eq!(names, once);
    }

    #[test]
    fn commands_are_read() {
        let get = Read::Get { path: "/a".into(), watch: true, stat: true, form: Form::Base64 };
        assert_eq!(parse("get -sw /a -b"), Ok(Command::Read(get)));
        let delete = Change::Delete { path: "/a".into(), version: 3 };
        assert_eq!(parse("delete /a -v 3"), Ok(Command::Change(delete)));
        assert_eq!(parse("redo 4"), Ok(Command::Own(Own::Redo(4))));
        assert_eq!(parse("printwatches off"), Ok(Command::Own(Own::PrintWatches(Some(false)))));
        assert_eq!(parse("connect"), Ok(Command::Own(Own::Connect(None))));
    }

    #[test]
    fn what_is_no_command_is_refused() {
        assert_eq!(refused(""), "No command entered");
        assert_eq!(refused("frobnicate"), "Command not found frobnicate");
        assert_eq!(refused("ls"), "ls [-s] [-w] [-R] path");
        assert_eq!(refused("ls -z /a"), "Unrecognized option: -z");
        assert_eq!(refused("set /a two words"), "set [-s] [-v version] [-b] path data");
        assert_eq!(refused("delete -v x /a"), "delete -v: x is no number for it");
        assert_eq!(refused("redo x"), "x is no command's number");
    }
}
