//! The server's log: what happened, as the core tells it, one line for each event.
//!
//! Milestones (roles, phases, histories) are shown by default, the rest at level `debug`.

use tracing::{debug, error, info, warn};
use zablab_core::trace::Event;

/// Writes the line of one event.
pub fn record(event: &Event) {
    match event {
        Event::ElectionStarted { round } => info!("looking for a leader, round {round}"),
        Event::Elected { vote } => {
            info!("server {} is elected, its last zxid is {}", vote.leader, vote.zxid);
        }
        Event::RoleChanged { role, leader: Some(leader) } => {
            info!("role: {role:?}, the leader is server {leader}");
        }
        Event::RoleChanged { role, leader: None } => info!("role: {role:?}"),
        Event::PhaseEntered { phase } => info!("phase: {phase:?}"),
        Event::RoleLeft { role, why } => warn!("no longer {role:?}: {why:?}"),
        Event::EpochProposed { epoch } => info!("the new epoch is {epoch}"),
        Event::Established { epoch } => info!("leadership of epoch {epoch} is established"),
        Event::LearnerRefused { learner, why } => warn!("server {learner} is refused: {why:?}"),
        Event::SyncChosen { learner, peer_last, mode, to, entries } => info!(
            "server {learner} has {peer_last} and is brought to {to} by {mode:?}, {entries} entries"
        ),
        Event::HistoryAdopted { epoch, last } => {
            info!("in step with the leader of epoch {epoch}, last zxid {last}");
        }
        Event::Truncated { after } => warn!("the log was cut after {after}"),
        Event::SnapshotInstalled { zxid } => info!("the leader's snapshot of {zxid} is installed"),
        Event::ConfigSeen { version } => info!("configuration {version} was proposed"),
        Event::ConfigActivated { version } => info!("configuration {version} is in force"),
        Event::LeaderDesignated { leader } => info!("server {leader} is designated to lead"),
        Event::ClientRefused { conn, why } => info!("client connection {conn} is refused: {why}"),
        Event::ReadOnlyBegan => warn!("no leader: serving reads to read-only clients"),
        Event::ReadOnlyEnded => info!("read-only clients are cut off"),
        Event::LocalSessionEnded { session, expired: true } => {
            info!("local session {session} has expired");
        }
        Event::SessionExpired { session } => info!("session {session} has expired"),
        Event::Halted { why } => error!("{why}"),
        other => debug!("{other:?}"),
    }
}
