//! What Tab completes: commands, options, and paths, whose children a server is asked for.

use std::sync::Arc;
use std::time::Duration;

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::Current;
use super::calls::{Root, below};
use super::command::all;
use super::words::{LastWord, last_word, split};

/// How long Tab waits for a server.
const CHILDREN_FOR: Duration = Duration::from_secs(2);

/// The editor's helper.
pub struct Completion {
    /// The session, whichever it is at the moment.
    pub current: Current,
    /// Where the session's task runs.
    pub runtime: Handle,
}

impl Helper for Completion {}
impl Validator for Completion {}
impl Highlighter for Completion {}
impl Hinter for Completion {
    type Hint = String;
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let LastWord { start, text, is_first } = last_word(&line[..at]);
        let found = match () {
            () if is_first => commands(&text),
            () if text.starts_with('/') => self.paths(&text),
            () if text.starts_with('-') => options(&line[..start], &text),
            () => Vec::new(),
        };
        Ok((start, found))
    }
}

impl Completion {
    fn paths(&self, text: &str) -> Vec<String> {
        let connection = Arc::clone(&self.current.read());
        if !connection.is_connected() {
            return Vec::new();
        }
        let (parent, prefix) = text.rsplit_once('/').unwrap_or(("", text));
        let parent = if parent.is_empty() { "/" } else { parent };
        let children = connection.children(Root::Chroot, parent, false);
        let names = self.runtime.block_on(async { timeout(CHILDREN_FOR, children).await });
        let Ok(Ok((names, _))) = names else { return Vec::new() };
        let fitting = names.iter().filter(|name| name.starts_with(prefix));
        fitting.map(|name| quoted(&below(parent, name))).collect()
    }
}

/// A path as it is typed.
fn quoted(path: &str) -> String {
    match path.contains(char::is_whitespace) {
        true => format!("\"{path}\""),
        false => path.to_owned(),
    }
}

fn commands(prefix: &str) -> Vec<String> {
    let names = all().into_iter().map(|spec| spec.name);
    names.filter(|name| name.starts_with(prefix)).map(|name| format!("{name} ")).collect()
}

/// The options of the command that begins the line.
fn options(before: &str, prefix: &str) -> Vec<String> {
    let words = split(before).unwrap_or_default();
    let spec = all().into_iter().find(|spec| words.first().is_some_and(|word| word == spec.name));
    let flags = spec.map_or(&[][..], |spec| spec.flags);
    let names = flags.iter().map(|flag| format!("-{} ", flag.name));
    names.filter(|name| name.starts_with(prefix)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_options_are_completed() {
        assert_eq!(commands("del"), ["delete ", "deleteall ", "delquota "]);
        assert_eq!(options("get ", "-"), ["-s ", "-w ", "-b ", "-x "]);
        assert_eq!(options("removewatches /a ", "-l"), ["-l "]);
        assert_eq!(options("frobnicate ", "-"), [] as [&str; 0]);
        assert_eq!(quoted("/a b"), "\"/a b\"");
    }
}
