//! What the simulator writes for others: trace events as lines, whole runs as
//! files and links.
//!
//! Bytes and grammar: `docs/formats.md`. Scripts are a module of their own, [`crate::script`].

pub mod json;
pub mod zlab;
