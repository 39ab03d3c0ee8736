//! A run as what one sees: for every step a [`Frame`] that says what changed.
//!
//! A [`Camera`] looks at the world after each step and compares with what it saw before. Whatever
//! it shows is a fact of the world (views, disks, bytes under way), so a frame is a function of
//! the run and the position: going there again gives an equal one. All that needs the protocol is
//! decided here or in the core: who is counted for a quorum, what a message is, how far a log
//! entry has come, which event tells most.
//!
//! Not here: how anything is drawn, and any sentence.

mod camera;
mod client;
mod frame;
mod headline;
mod log;
mod message;
mod server;
mod tray;
pub(crate) mod words;

pub use camera::Camera;
pub use frame::{
    Broken, CallFrame, ClientFrame, ClientState, DiskFrame, Family, Field, Flight, FlightEnd,
    FlightId, Frame, How, LearnerFrame, Mark, MembersFrame, PaxosFrame, PaxosState, ServerFrame,
    ServerState, SessionFrame, Slot, SlotState, TallyVote, Tile, TileState, TimerFrame, Tray,
    TrayOf, WatchFrame, WatchOf, Way,
};
pub use words::step_words;

/// Log entries of a server that a frame shows.
pub const TILES_MAX: usize = 24;
/// Finished calls of a client that a frame shows.
pub const DONE_MAX: usize = 8;
