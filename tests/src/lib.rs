//! Tests that cross crates; see the folders.

#[cfg(test)]
mod processes;
