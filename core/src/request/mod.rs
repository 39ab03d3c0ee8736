//! A request's way: checked and made a transaction by the leader, or read from the tree.

pub mod prep;
pub mod read;
