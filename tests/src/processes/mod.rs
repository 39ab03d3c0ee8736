//! The binary as its users have it: real processes, real sockets and disks, unmodified clients.
//!
//! What only these tests can show: that ZooKeeper's own clients are content, and that nothing
//! acknowledged is lost when processes are killed. Protocol episodes are scripts of the simulator.
//! Run by `cargo xtask test`, one at a time; Java, Python and kazoo must be there.

mod certificates;
mod clients;
mod control;
mod crashes;
mod differential;
mod ensemble;
mod everyday;
mod failover;
mod membership;
mod proofs;
mod recipes;
mod sessions;
mod shell;
mod tls;
mod tokio_client;
mod tools;
