//! The server's log: what happened, as the core tells it, one line for each event.
//!
//! Milestones (roles, phases, histories) are shown by default, the rest at level `debug`.

use tracing::{debug, error, info, warn};
use zablab_core::trace::Event;
use zablab_core::types::Mono;

/// How long equal warnings of a quota are only counted, in ms.
const REPEATED_AFTER_MS: u64 = 100;

/// Where lines go, and what is held back.
#[derive(Debug, Default)]
pub struct Journal {
    quotas: Repeats,
}

impl Journal {
    /// Writes what is to be written when this has happened.
    pub fn record(&mut self, now: Mono, event: &Event) {
        match event {
            Event::QuotaExceeded(over) => {
                for line in self.quotas.lines(now, over.to_string()) {
                    warn!("{line}");
                }
            }
            event => write(event),
        }
    }
}

/// Warnings of one kind. Equal ones in a row are counted, and the count is told after a while with
/// the next of them, or with the first other one. Source: Java's `RateLogger`.
#[derive(Debug, Default)]
struct Repeats {
    last: String,
    since: Mono,
    /// How often it came after it was last written.
    count: u64,
}

impl Repeats {
    /// The lines that one more warning gives.
    fn lines(&mut self, now: Mono, warning: String) -> Vec<String> {
        if warning != self.last {
            let lines = self.counted().into_iter().chain([warning.clone()]).collect();
            *self = Repeats { last: warning, since: now, count: 0 };
            return lines;
        }
        self.count += 1;
        if now < self.since.plus_ms(REPEATED_AFTER_MS) {
            return Vec::new();
        }
        let lines = self.counted().into_iter().collect();
        (self.since, self.count) = (now, 0);
        lines
    }

    fn counted(&self) -> Option<String> {
        let Repeats { last, count, .. } = self;
        match count {
            0 => None,
            1 => Some(last.clone()),
            _ => Some(format!("[{count} times] {last}")),
        }
    }
}

/// Writes the line of one event.
fn write(event: &Event) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_warnings_in_a_row_are_counted() {
        let mut repeats = Repeats::default();
        let mut at = |ms, warning: &str| repeats.lines(Mono(0).plus_ms(ms), warning.into());
        assert_eq!(at(1000, "a"), ["a"]);
        assert!(at(1001, "a").is_empty());
        assert!(at(1099, "a").is_empty());
        assert_eq!(at(1100, "a"), ["[3 times] a"]);
        assert!(at(1199, "a").is_empty());
        assert_eq!(at(1199, "b"), ["a", "b"]);
        assert_eq!(at(1200, "a"), ["a"]);
        assert_eq!(at(9000, "a"), ["a"]);
    }
}
