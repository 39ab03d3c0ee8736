//! Zab: discovery, synchronization and broadcast, at the leader and at its learners.

mod adopt;
pub mod broadcast;
pub mod durability;
mod establish;
pub mod history;
pub mod leader;
pub mod learner;
mod packet;
pub mod sync_plan;
mod synchronize;
