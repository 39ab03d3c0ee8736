//! A ZooKeeper server without IO.
//!
//! The same core runs behind sockets and disks (`native`), in the deterministic simulator (`sim`)
//! and, inside it, in a browser (`wasm`). See `docs/architecture.md`.
#![cfg_attr(not(any(test, feature = "ts")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod client;
pub mod config;
pub mod election;
pub mod endpoint;
#[cfg(feature = "serde")]
pub mod json;
pub mod limits;
pub mod membership;
pub mod paxos;
pub mod peer;
pub mod policy;
pub mod prng;
pub mod process;
pub mod quorum;
pub mod recipes;
pub mod request;
mod shared;
mod show;
pub mod sorted;
pub mod standalone;
pub mod storage;
pub mod trace;
pub mod tree;
pub mod txn;
pub mod types;
pub mod view;
pub mod wire;
pub mod zab;
