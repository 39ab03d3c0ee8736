//! Bytes to values and back: jute, the client protocol, both peer protocols, transactions.
//!
//! Every decoder takes any bytes and gives a precise error, never a panic. Every encoder gives
//! exactly the bytes of Apache ZooKeeper.

pub mod client;
pub mod election;
pub mod frame;
pub mod jute;
pub mod quorum;
pub mod records;
pub mod txn;
