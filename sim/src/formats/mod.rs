//! What the simulator writes for others: trace events as lines, whole runs as
//! files and links, what page and worker say to each other.
//!
//! Bytes and grammar: `docs/formats.md`. Scripts are a module of their own, [`crate::script`].

pub mod batch;
pub mod json;
pub mod messages;
pub mod zlab;

/// The greatest number that is one in JavaScript, too.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;
