//! Tests that cross crates; see the folders.

pub mod allowed;
pub mod decoders;
pub mod model;
#[cfg(test)]
mod processes;
pub mod workload;
