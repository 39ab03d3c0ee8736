//! Tests that cross crates; see the folders.

pub mod decoders;
#[cfg(test)]
mod processes;
