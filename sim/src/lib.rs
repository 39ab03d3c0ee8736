//! The deterministic simulator: whole servers, links, disks, clocks and clients in one value.
//!
//! See `sim/README.md`. Nothing here knows what the protocol should do (that is the core) or how
//! anything is drawn (that is the page).
#![forbid(unsafe_code)]

pub mod agenda;
pub mod check;
pub mod chooser;
pub mod client;
pub mod clock;
mod datagram;
pub mod disk;
pub mod fingerprint;
pub mod formats;
pub mod fuzz;
pub mod given;
pub mod invariants;
mod io;
pub mod lab;
pub mod link;
pub mod node;
pub mod paxos;
pub mod reel;
pub mod script;
pub mod step;
pub mod teaching;
pub mod timeline;
pub mod trace;
#[cfg(feature = "ts")]
pub mod typescript;
pub mod world;

pub use given::{DiskGiven, Given, Preset, ServerGiven, Timing};
pub use io::GivenDiskError;
pub use step::{ClientId, Fault, Host, Keep, LaneId, LinkId, Side, Step};
pub use timeline::Timeline;
pub use trace::{TraceEvent, What};
pub use world::World;
