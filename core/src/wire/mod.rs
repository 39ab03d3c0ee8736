//! Bytes to values and back: jute, the client protocol, both peer protocols, transactions.
//!
//! Every decoder takes any bytes and gives a precise error, never a panic. Every encoder gives
//! exactly the bytes of Apache ZooKeeper.

pub mod election;
pub mod quorum;
