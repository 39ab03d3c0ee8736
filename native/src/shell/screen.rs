//! Where results, errors and events go: standard output and standard error, as text or as JSON.
//!
//! While somebody types at the prompt, events are printed above it.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustyline::ExternalPrinter;
use serde_json::{Value, json};
use zablab_core::client::SessionState;

use super::answer::{Answer, event, watched};
use super::connection::Notice;
use super::trouble::Trouble;

/// Prints above the prompt.
pub type Printer = Box<dyn ExternalPrinter + Send>;

/// Where everything is printed.
pub struct Screen {
    json: bool,
    /// Whether changes of the session's state are told.
    tells_states: bool,
    /// Whether standard output is a terminal, which control characters of data would steer.
    is_terminal: bool,
    tells_watches: AtomicBool,
    printer: Mutex<Option<Printer>>,
}

impl Screen {
    /// One that tells watch events.
    pub fn new(json: bool, tells_states: bool, is_terminal: bool) -> Screen {
        let tells_watches = AtomicBool::new(true);
        Screen { json, tells_states, is_terminal, tells_watches, printer: Mutex::new(None) }
    }

    /// From now on events are printed above the prompt.
    pub fn set_printer(&self, printer: Printer) {
        *self.printer.lock().unwrap_or_else(PoisonError::into_inner) = Some(printer);
    }

    /// Whether watch events are printed.
    pub fn tells_watches(&self) -> bool {
        self.tells_watches.load(Ordering::Relaxed)
    }

    /// Prints watch events, or not.
    pub fn set_tells_watches(&self, tells: bool) {
        self.tells_watches.store(tells, Ordering::Relaxed);
    }

    /// What a command came to.
    pub fn answer(&self, answer: &Answer) {
        if self.json {
            return self.out(&line(&answer.json()));
        }
        if let Some(remark) = answer.remark() {
            self.remark(&remark);
        }
        if !matches!(answer, Answer::Removed(..)) || self.tells_watches() {
            self.out(&answer.text());
        }
    }

    /// Why a command has no result.
    pub fn trouble(&self, trouble: &Trouble) {
        match self.json {
            true => self.out(&line(&trouble.json())),
            false => self.remark(&trouble.to_string()),
        }
    }

    /// What happened without being asked for.
    pub fn notice(&self, notice: &Notice) {
        if !self.tells_watches() {
            return;
        }
        let text = match notice {
            Notice::State(_) if !self.tells_states => return,
            Notice::State(state) => self.event("None", state_name(*state), None, None),
            Notice::Watch { kind, path, zxid } if self.json => {
                self.event(&format!("{kind:?}"), "SyncConnected", Some(path), *zxid)
            }
            Notice::Watch { kind, path, zxid } => watched(&format!("{kind:?}"), Some(path), *zxid),
        };
        let mut printer = self.printer.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *printer {
            // A terminal that has gone is noticed by whoever reads from it.
            Some(printer) => drop(printer.print(self.clean(&text))),
            None => self.out(&text),
        }
    }

    /// For people only, on standard error.
    pub fn remark(&self, text: &str) {
        // Nobody may be reading; the exit code tells.
        let _ = writeln!(io::stderr(), "{}", self.clean(text));
    }

    fn event(
        &self,
        kind: &str,
        state: &str,
        path: Option<&str>,
        zxid: Option<zablab_core::types::Zxid>,
    ) -> String {
        if self.json {
            let zxid = zxid.map(|zxid| zxid.to_string());
            let event = json!({ "type": kind, "state": state, "path": path, "zxid": zxid });
            return line(&json!({ "event": event }));
        }
        event(kind, state, path, zxid)
    }

    fn out(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(self.clean(text).as_bytes()).and_then(|()| out.flush());
    }

    fn clean(&self, text: &str) -> String {
        match self.is_terminal {
            true => harmless(text),
            false => text.to_owned(),
        }
    }
}

/// A text without what steers a terminal.
fn harmless(text: &str) -> String {
    let harmless = |c: char| if c.is_control() && !"\n\t".contains(c) { '\u{fffd}' } else { c };
    text.chars().map(harmless).collect()
}

/// The state as an event of ZooKeeper has it.
fn state_name(state: SessionState) -> &'static str {
    match state {
        SessionState::Connecting => "Disconnected",
        SessionState::Connected { .. } => "SyncConnected",
        SessionState::ConnectedReadOnly { .. } => "ConnectedReadOnly",
        SessionState::Expired => "Expired",
        SessionState::Closed => "Closed",
        SessionState::AuthFailed => "AuthFailed",
    }
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_does_not_steer_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2J\tb\r\n"), "a\u{fffd}[2J\tb\u{fffd}\n");
    }
}
