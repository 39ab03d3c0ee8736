//! The commands of a working day: up, test, tidy.
fn main() {}
