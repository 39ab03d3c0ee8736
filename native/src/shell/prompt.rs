//! Where commands come from: a line editor at a terminal, or the lines of standard input.
//!
//! Both wait on a thread of their own, so that the session goes on meanwhile.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc as blocking};
use std::thread;

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{CompletionType, Config, Editor};
use tokio::sync::mpsc;

use super::complete::Completion;
use super::screen::Screen;

/// Lines that the history keeps.
const HISTORY_MAX: usize = 1000;
/// Commands that begin so carry secrets, and are not written to the history.
const SECRET: &str = "addauth";

/// What was typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Typed {
    /// A line.
    Line(String),
    /// The line was given up.
    Interrupted,
    /// There will be no more.
    End,
}

/// Where commands come from.
#[derive(Debug)]
pub struct Prompt {
    /// Asks for the next line; the text is the prompt.
    asks: blocking::Sender<String>,
    lines: mpsc::UnboundedReceiver<Typed>,
}

impl Prompt {
    /// A line editor on this terminal, with the history of last time.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub fn editor(completion: Completion, screen: &Arc<Screen>) -> Result<Prompt, ReadlineError> {
        let config = Config::builder().max_history_size(HISTORY_MAX)?;
        let config = config.completion_type(CompletionType::List).build();
        let history = MemHistory::with_config(&config);
        let mut editor: Editor<Completion, MemHistory> = Editor::with_history(config, history)?;
        editor.set_helper(Some(completion));
        // A terminal that cannot move its cursor has none; events are then printed where it is.
        if let Ok(printer) = editor.create_external_printer() {
            screen.set_printer(Box::new(printer));
        }
        let file = history_file();
        for line in file.as_deref().map(load).unwrap_or_default() {
            editor.add_history_entry(line)?;
        }
        Ok(Prompt::start(move |prompt| match editor.readline(prompt) {
            Ok(line) => {
                if !line.trim().is_empty() {
                    // Neither is worth an error: the command counts.
                    let _ = editor.add_history_entry(line.as_str());
                    let _ = file.as_deref().map(|file| append(file, &line));
                }
                Typed::Line(line)
            }
            Err(ReadlineError::Interrupted) => Typed::Interrupted,
            Err(_) => Typed::End,
        }))
    }

    /// The lines of standard input, without a prompt.
    pub fn input() -> Prompt {
        Prompt::start(|_| {
            let mut line = Vec::new();
            match io::stdin().lock().read_until(b'\n', &mut line) {
                Ok(1..) => Typed::Line(String::from_utf8_lossy(&line).trim_end().to_owned()),
                Ok(0) | Err(_) => Typed::End,
            }
        })
    }

    fn start(mut read: impl FnMut(&str) -> Typed + Send + 'static) -> Prompt {
        let (asks, asked) = blocking::channel::<String>();
        let (sender, lines) = mpsc::unbounded_channel();
        thread::spawn(move || {
            while let Ok(prompt) = asked.recv() {
                if sender.send(read(&prompt)).is_err() {
                    return;
                }
            }
        });
        Prompt { asks, lines }
    }

    /// The next line.
    pub async fn next(&mut self, prompt: String) -> Typed {
        match self.asks.send(prompt) {
            Ok(()) => self.lines.recv().await.unwrap_or(Typed::End),
            Err(_) => Typed::End,
        }
    }
}

/// Where the XDG says that such things are kept.
fn history_file() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("zablab").join("history"))
}

/// The last lines; a file that has grown too long is cut.
fn load(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(HISTORY_MAX)..];
    if last.len() < lines.len() / 2 {
        let _ = fs::write(file, last.join("\n") + "\n");
    }
    last.iter().map(|line| (*line).to_owned()).collect()
}

/// Adds a line, readable by its user alone.
fn append(file: &Path, line: &str) -> io::Result<()> {
    if line.trim_start().starts_with(SECRET) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    writeln!(file, "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn the_history_is_kept_and_cut_and_has_no_secrets() {
        let folder = TempDir::new();
        let file = folder.path().join("state").join("history");
        assert_eq!(load(&file), [] as [&str; 0]);
        for line in ["ls /", "  addauth digest bob:secret", "get /a"] {
            append(&file, line).expect("the folder takes files");
        }
        assert_eq!(load(&file), ["ls /", "get /a"]);
        for n in 0..3 * HISTORY_MAX {
            append(&file, &format!("get /{n}")).expect("the folder takes files");
        }
        assert_eq!(load(&file).len(), HISTORY_MAX);
        let kept = fs::read_to_string(&file).expect("it is there");
        assert_eq!(kept.lines().count(), HISTORY_MAX);
        assert_eq!(kept.lines().last(), Some("get /2999"));
    }
}
