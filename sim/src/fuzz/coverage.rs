//! What a run of schedules has really exercised: a fuzzer that never truncates a log proves
//! nothing about truncation.

use std::str::FromStr;

use zablab_core::config::PeerRole;
use zablab_core::sorted::{SortedMap, SortedSet};
use zablab_core::trace::{Event, Leave, Refusal, SyncMode};
use zablab_core::types::{ServerId, SessionId, Zxid};
use zablab_core::wire::quorum::PacketKind;

use super::Failure;
use crate::given::Given;
use crate::step::{Fault, Host};
use crate::trace::{TraceEvent, What};
use crate::world::World;

macro_rules! kinds {
    (situations { $($name:ident $label:literal),* $(,)? }
     faults { $($fault:ident $word:literal),* $(,)? }) => {
        /// What is counted.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        pub enum Kind {
            $(#[doc = $label] $name,)*
            $(#[doc = $word] $fault,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)* $(Kind::$fault,)*];
            /// Those that are faults, which can be switched off.
            pub const FAULTS: &'static [Kind] = &[$(Kind::$fault,)*];

            /// Its name; that of a fault is one word.
            pub fn label(self) -> &'static str {
                match self {
                    $(Kind::$name => $label,)*
                    $(Kind::$fault => $word,)*
                }
            }
        }
    };
}

kinds! {
    situations {
        Diff "DIFF",
        LogDiff "disk DIFF",
        Trunc "TRUNC",
        Snap "SNAP",
        Refused "refused learner",
        EpochChange "change of epoch",
        Rollover "rollover",
        Expiry "expiry",
        Move "session move",
        Rejoin "rejoin",
        Observer "observer",
        LostWrite "lost unsynced write",
        Reconfig "reconfiguration",
    }
    faults {
        Crash "crash",
        Cut "cut",
        CutOneWay "cut-one-way",
        Reset "reset",
        Lose "lose",
        Hold "hold",
        SlowWay "slow-way",
        SlowDisk "slow-disk",
        FailDisk "fail-disk",
        FillDisk "fill-disk",
        FlipByte "flip-byte",
        Pause "pause",
        WipeDisk "wipe-disk",
        JumpClock "jump-clock",
        SkewClock "skew-clock",
        DropClient "drop-client",
    }
}

/// Which faults may happen in a schedule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Faults(u64);

impl Faults {
    /// Every fault there is.
    pub const ALL: Faults = Faults(u64::MAX);
    /// None.
    pub const NONE: Faults = Faults(0);

    /// These and one more.
    #[must_use]
    pub fn with(self, fault: Kind) -> Faults {
        Faults(self.0 | 1 << fault as u32)
    }

    /// Whether this one may happen.
    pub fn has(self, fault: Kind) -> bool {
        self.0 >> fault as u32 & 1 == 1
    }
}

/// There is no fault of this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no fault is called {name:?}; there are all, none, {}", names())]
pub struct NoSuchFault {
    /// The name.
    pub name: String,
}

fn names() -> String {
    Kind::FAULTS.iter().map(|fault| fault.label()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Faults {
    type Err = NoSuchFault;

    /// Names with commas between them; `all`, `none`.
    fn from_str(list: &str) -> Result<Faults, NoSuchFault> {
        list.split(',').try_fold(Faults::NONE, |faults, name| match name {
            "all" => Ok(Faults::ALL),
            "none" => Ok(faults),
            _ => match Kind::FAULTS.iter().find(|fault| fault.label() == name) {
                Some(fault) => Ok(faults.with(*fault)),
                None => Err(NoSuchFault { name: name.to_owned() }),
            },
        })
    }
}

/// How often what happened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    counts: [u64; Kind::ALL.len()],
    /// Who was started before: a server that is brought up to date again has rejoined.
    started: SortedSet<ServerId>,
    returning: SortedSet<ServerId>,
    observers: SortedSet<ServerId>,
    /// Where each session was last.
    homes: SortedMap<SessionId, ServerId>,
    /// The version of the configuration that was put in force last.
    in_force: Zxid,
    /// The learner that each leader has read its log for last.
    read_for: SortedMap<ServerId, ServerId>,
}

impl Coverage {
    /// Nothing happened yet in a run that begins so.
    pub(super) fn of_run(given: &Given) -> Coverage {
        let mut coverage = Coverage::default();
        for (sid, server) in &given.servers {
            if server.role == PeerRole::Observer {
                coverage.observers.insert(*sid);
            }
            if server.clock_ppm != 0 {
                coverage.counts[Kind::SkewClock as usize] = 1;
            }
        }
        coverage
    }

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
            match &event.what {
                What::Core(core) => {
                    if let Some(server) = server {
                        self.count_core(server, core);
                    }
                }
                What::Started { .. } => {
                    let again = server.filter(|sid| !self.started.insert(*sid));
                    self.returning.extend(again);
                }
                What::Crashed { lost, .. } => {
                    self.add_one(Kind::Crash);
                    if *lost > 0 {
                        self.add_one(Kind::LostWrite);
                    }
                }
                What::DiskFailed { .. } => self.add_one(Kind::FailDisk),
                What::FaultInjected(fault) => {
                    if let Some(kind) = kind_of(*fault) {
                        self.add_one(kind);
                    }
                }
                _ => {}
            }
        }
    }

    fn count_core(&mut self, server: ServerId, event: &Event) {
        match event {
            Event::LogRead { learner, .. } => {
                self.read_for.insert(server, *learner);
            }
            Event::SyncChosen { learner, mode, entries, .. } => match mode {
                // An empty DIFF brings nothing.
                SyncMode::Diff if *entries == 0 => {}
                SyncMode::Diff if self.read_for.remove(&server) == Some(*learner) => {
                    self.add_one(Kind::LogDiff);
                }
                SyncMode::Diff => self.add_one(Kind::Diff),
                SyncMode::Trunc => self.add_one(Kind::Trunc),
                SyncMode::Snap => self.add_one(Kind::Snap),
            },
            Event::LearnerRefused { why: Refusal::MoreRecent, .. } => self.add_one(Kind::Refused),
            Event::Established { epoch } if epoch.0 > 1 => self.add_one(Kind::EpochChange),
            Event::RoleLeft { why: Leave::CounterUsedUp, .. } => self.add_one(Kind::Rollover),
            Event::ConfigActivated { version } if *version > self.in_force => {
                self.in_force = *version;
                self.add_one(Kind::Reconfig);
            }
            Event::SessionExpired { .. } => self.add_one(Kind::Expiry),
            Event::SessionAttached { session, .. } => {
                let before = self.homes.insert(*session, server);
                if before.is_some_and(|before| before != server) {
                    self.add_one(Kind::Move);
                }
            }
            Event::PacketReceived { kind: PacketKind::UpToDate, .. } => {
                if self.returning.remove(&server) {
                    self.add_one(Kind::Rejoin);
                }
                if self.observers.contains(&server) {
                    self.add_one(Kind::Observer);
                }
            }
            _ => {}
        }
    }

    fn add_one(&mut self, kind: Kind) {
        self.counts[kind as usize] += 1;
    }
}

/// A sync that takes longer, in µs, is slow; others only undo that.
const SLOW_SYNC_US: u64 = 10_000;

/// As what a fault counts. A crash and a failed sync count when they happen; what mends, never.
fn kind_of(fault: Fault) -> Option<Kind> {
    match fault {
        Fault::Cut { .. } => Some(Kind::Cut),
        Fault::CutOneWay { .. } => Some(Kind::CutOneWay),
        Fault::Reset { .. } => Some(Kind::Reset),
        Fault::Lose { .. } => Some(Kind::Lose),
        Fault::Hold { .. } => Some(Kind::Hold),
        Fault::Delay { .. } => Some(Kind::SlowWay),
        Fault::SlowDisk { sync_us, .. } => (sync_us > SLOW_SYNC_US).then_some(Kind::SlowDisk),
        Fault::FillDisk { .. } => Some(Kind::FillDisk),
        Fault::FlipByte { .. } => Some(Kind::FlipByte),
        Fault::Pause { .. } => Some(Kind::Pause),
        Fault::WipeDisk { .. } => Some(Kind::WipeDisk),
        Fault::JumpWallClock { .. } => Some(Kind::JumpClock),
        Fault::DropClient { .. } => Some(Kind::DropClient),
        _ => None,
    }
}

/// A server that ended in the last step although its disk had not failed, been damaged, or full.
pub(crate) fn unexplained_end(world: &World, events: &[TraceEvent]) -> Option<Failure> {
    let failed = |event: &TraceEvent| matches!(event.what, What::DiskFailed { .. });
    if events.iter().any(failed) {
        return None;
    }
    events.iter().find_map(|event| match (&event.what, event.host) {
        (What::StartRefused { why } | What::Stopped { why }, Some(Host::Server(server)))
            if world.checker().vouches_for(server) && !is_excused(world, server) =>
        {
            Some(Failure::Gone { server, why: why.clone() })
        }
        _ => None,
    })
}

/// Its disk is full, or it was taken out of the ensemble.
fn is_excused(world: &World, server: ServerId) -> bool {
    world.node(server).is_some_and(|node| node.disk().is_limited() || node.is_left_out())
}
