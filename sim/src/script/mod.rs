//! The scenario script: text in, a checked run out.
//!
//! Grammar and meaning: `docs/formats.md`, section 1. [`mod@parse`] reads, `Display` writes,
//! [`predicate`] evaluates what must be true, [`run`] plays a script on a [`crate::World`].
//! Not here: prose and pictures of a lesson; they hang on a script's marks.

mod acts;
pub mod ast;
pub mod events;
pub mod given;
mod lex;
pub mod parse;
mod parse_client;
mod parse_predicate;
pub mod predicate;
mod print;
mod reconfig;
mod recording;
pub mod run;
pub mod vocabulary;

#[cfg(test)]
mod tests;

pub(crate) use acts::{Actor, FILLING, Rules, carry_out};
pub use ast::{Command, Line, Predicate, Script};
pub use given::{Start, StartError};
pub use parse::{ParseError, parse, parse_act, parse_predicate, parse_predict};
pub use recording::{Opened, open, record};
pub(crate) use run::{Driver, Picker, Player};
pub use run::{Failure, Played, RunError, play, rewrite, trace_hash};

/// The first line of every script.
pub const HEADER: &str = "zablab script 1";
/// Bytes of a script: some hundred times the longest lesson.
pub const SCRIPT_LEN_MAX: usize = 256 << 10;
/// Lines of a script.
pub const LINES_MAX: usize = 10_000;
/// Characters of a line.
pub const LINE_LEN_MAX: usize = 1000;
/// Nesting of a predicate: deeper ones would only exhaust the stack.
pub const DEPTH_MAX: u32 = 32;
/// Records of one `given log` range, and repetitions of one client operation.
pub const REPEAT_MAX: u32 = 10_000;
/// The longest value that a client may write by its size: some more than a server takes.
pub const VALUE_LEN_MAX: u32 = 2 << 20;
/// The longest duration, in microseconds: one hour.
pub const DURATION_MAX_US: u64 = 3_600_000_000;
/// Steps of one run.
pub const STEPS_MAX: u64 = 2_000_000;
/// The session timeout that a client asks for if its line names none, in ms.
pub const SESSION_TIMEOUT_MS: u32 = 10_000;
/// The byte that `flip-byte` means if its line names none: inside a transaction, and inside the
/// sessions or the tree of a snapshot.
pub const FLIPPED_BYTE: u32 = 40;
/// Servers of an ensemble.
pub const SERVERS_MAX: u32 = 9;
