//! The deterministic simulator.

pub mod invariants;
