//! What a run of schedules has really exercised: a fuzzer that never truncates a log proves
//! nothing about truncation.

use std::collections::BTreeSet;

use zablab_core::trace::{Event, SyncMode};
use zablab_core::types::ServerId;
use zablab_core::wire::quorum::PacketKind;

use super::Failure;
use crate::step::{Fault, Host};
use crate::trace::{TraceEvent, What};

macro_rules! kinds {
    ($($name:ident $label:literal),* $(,)?) => {
        /// What is counted.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        pub enum Kind {
            $(#[doc = $label] $name,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Kind] = &[$(Kind::$name),*];

            /// Its name in words.
            pub fn label(self) -> &'static str {
                match self {
                    $(Kind::$name => $label,)*
                }
            }
        }
    };
}

kinds! {
    Diff "DIFF",
    Trunc "TRUNC",
    Snap "SNAP",
    EpochChange "epoch change",
    Crash "crash",
    Cut "cut",
    LostWrite "lost unsynced write",
    Expiry "session expiry",
    Rejoin "rejoin",
}

/// How often what happened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    counts: [u64; Kind::ALL.len()],
    /// Who was started before: a server that is brought up to date again has rejoined.
    started: BTreeSet<ServerId>,
    returning: BTreeSet<ServerId>,
}

impl Coverage {
    /// How often this happened.
    pub fn of(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Coverage) {
        for (sum, count) in self.counts.iter_mut().zip(other.counts) {
            *sum += count;
        }
    }

    /// Counts what these events tell.
    pub(super) fn count(&mut self, events: &[TraceEvent]) {
        for event in events {
            let server = match event.host {
                Some(Host::Server(sid)) => Some(sid),
                Some(Host::Client(_)) | None => None,
            };
            if let Some(kind) = self.kind_of(server, &event.what) {
                self.counts[kind as usize] += 1;
            }
        }
    }

    fn kind_of(&mut self, server: Option<ServerId>, what: &What) -> Option<Kind> {
        match what {
            What::Core(Event::SyncChosen { mode, entries, .. }) => match mode {
                // An empty DIFF brings nothing.
                SyncMode::Diff => (*entries > 0).then_some(Kind::Diff),
                SyncMode::Trunc => Some(Kind::Trunc),
                SyncMode::Snap => Some(Kind::Snap),
            },
            What::Core(Event::Established { epoch }) => (epoch.0 > 1).then_some(Kind::EpochChange),
            What::Core(Event::SessionExpired { .. }) => Some(Kind::Expiry),
            What::Core(Event::PacketReceived { kind: PacketKind::UpToDate, .. }) => {
                server.filter(|sid| self.returning.remove(sid)).map(|_| Kind::Rejoin)
            }
            What::Started { .. } => {
                let again = server.filter(|sid| !self.started.insert(*sid));
                self.returning.extend(again);
                None
            }
            // A crash that lost something counts as both, see below.
            What::Crashed { lost, .. } => {
                if *lost > 0 {
                    self.counts[Kind::LostWrite as usize] += 1;
                }
                Some(Kind::Crash)
            }
            What::FaultInjected(Fault::Cut { .. } | Fault::CutOneWay { .. }) => Some(Kind::Cut),
            _ => None,
        }
    }
}

/// A server that ended although no disk failed it.
pub(crate) fn unexplained_end(events: &[TraceEvent]) -> Option<Failure> {
    let failed = |event: &TraceEvent| matches!(event.what, What::DiskFailed { .. });
    if events.iter().any(failed) {
        return None;
    }
    events.iter().find_map(|event| match (&event.what, event.host) {
        (What::StartRefused { why } | What::Stopped { why }, Some(Host::Server(server))) => {
            Some(Failure::Gone { server, why: why.clone() })
        }
        _ => None,
    })
}
