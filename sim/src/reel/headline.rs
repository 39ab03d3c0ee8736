//! Which event of a step tells most, and which steps are marks on the time axis.

use zablab_core::trace::{Event, Reason, Verdict};
use zablab_core::wire::client::OpCode;
use zablab_core::wire::quorum::PacketKind;

use super::frame::Mark;
use crate::step::{Fault, Host};
use crate::trace::{TraceEvent, What};

/// The event that tells most, the last one among equals; `None` if none is worth telling.
pub(super) fn headline(events: &[TraceEvent]) -> Option<&TraceEvent> {
    let ranked = events.iter().map(|event| (rank(event), event));
    ranked.filter(|(rank, _)| *rank > 0).max_by_key(|(rank, _)| *rank).map(|(_, event)| event)
}

/// What the step is on the time axis. `grew` if the committed order did.
pub(super) fn mark(events: &[TraceEvent], grew: bool, broke: bool) -> Option<Mark> {
    let of_events = events.iter().filter_map(event_mark);
    let all = of_events.chain(broke.then_some(Mark::Broken));
    all.chain(grew.then_some(Mark::Committed)).max_by_key(|mark| weight(*mark))
}

fn event_mark(event: &TraceEvent) -> Option<Mark> {
    Some(match &event.what {
        What::Crashed { .. } => Mark::Crashed,
        What::Started { .. } => Mark::Started,
        What::Stopped { .. } | What::StartRefused { .. } => Mark::Halted,
        What::FaultInjected(Fault::Cut { .. } | Fault::CutOneWay { .. }) => Mark::Cut,
        What::FaultInjected(Fault::Heal { .. } | Fault::HealAll) => Mark::Healed,
        What::ClientNotified { .. } => Mark::Watch,
        What::ClientExpired => Mark::Expired,
        // Everybody elects; the mark is where the leader does.
        What::Core(Event::Elected { vote }) if event.host == Some(Host::Server(vote.leader)) => {
            Mark::Elected
        }
        What::Core(Event::Established { .. }) => Mark::Established,
        What::Core(Event::SessionExpired { .. }) => Mark::Expired,
        What::Core(Event::Truncated { .. }) => Mark::Truncated,
        _ => return None,
    })
}

/// Which mark stands for a step that is several.
fn weight(mark: Mark) -> u8 {
    match mark {
        Mark::Broken => 11,
        Mark::Halted => 10,
        Mark::Crashed => 9,
        Mark::Established => 8,
        Mark::Elected => 7,
        Mark::Expired => 6,
        Mark::Truncated => 5,
        Mark::Watch => 4,
        Mark::Committed => 3,
        Mark::Started => 2,
        Mark::Cut => 1,
        Mark::Healed => 0,
    }
}

/// How much an event tells; 0 for nothing.
fn rank(event: &TraceEvent) -> u8 {
    match &event.what {
        What::Stopped { .. } | What::StartRefused { .. } => 100,
        What::DiskFailed { .. } | What::DiskRefused { .. } => 98,
        What::Crashed { .. } => 96,
        What::Started { .. } => 94,
        What::ClientExpired => 88,
        What::RecipeTold { .. } => 77,
        What::ClientNotified { .. } => 76,
        What::ClientReturned { .. } => 75,
        What::ClientConnected { .. } => 73,
        What::ClientClosed => 72,
        What::ClientDisconnected => 71,
        What::ClientCalled { .. } => 66,
        What::ClientActed { .. } | What::PaxosAsked { .. } => 65,
        What::FaultInjected(_) => 50,
        What::SnapshotWritten { .. } => 36,
        What::MessageLost { .. } => 20,
        What::DiskSynced { .. }
        | What::MessageSent { .. }
        | What::MessageDelivered { .. }
        | What::ConnectionOpened { .. }
        | What::ConnectionClosed { .. } => 0,
        What::Core(core) => core_rank(event.host, core),
    }
}

fn core_rank(host: Option<Host>, event: &Event) -> u8 {
    match event {
        Event::Halted { .. } => 99,
        Event::ValueLearned { .. } => 91,
        Event::ReadEnded { .. } => 87,
        Event::ValueProposed { .. } => 81,
        Event::BallotRefused { .. } => 63,
        Event::ValueAccepted { .. } => 60,
        Event::PromiseGiven { .. } => 58,
        Event::BallotBegun { .. } | Event::ReadBegun => 53,
        Event::RepairSent { .. } => 51,
        Event::Established { .. } => 92,
        Event::Elected { .. } => 90,
        Event::SessionExpired { .. } => 88,
        Event::ReadOnlyBegan | Event::ReadOnlyEnded => 86,
        Event::Truncated { .. } => 86,
        Event::SnapshotInstalled { .. } => 85,
        Event::ConfigActivated { .. } => 89,
        Event::LeaderDesignated { .. } => 83,
        Event::ConfigSeen { .. } => 71,
        Event::LearnerRefused { .. } => 84,
        Event::RoleLeft { .. } => 82,
        Event::EpochProposed { .. } => 80,
        Event::HistoryAdopted { .. } => 79,
        Event::QuorumReached { .. } => 78,
        Event::NotificationDistrusted { .. } => 73,
        Event::PollEnded { .. } => 59,
        Event::NotificationAcked { .. } => 29,
        Event::ChallengeAsked { .. } | Event::ChallengeGiven { .. } => 50,
        Event::SyncChosen { .. } => 77,
        Event::LogRead { .. } => 76,
        Event::Committed { .. } => 74,
        Event::WatchFired { .. } => 70,
        Event::Proposed { .. } => 69,
        Event::QuotaExceeded(_) | Event::ClientRefused { .. } => 68,
        // A session's heartbeat tells nothing.
        Event::Replied { op, .. } | Event::Requested { op, .. } if *op == OpCode::Ping as i32 => 0,
        Event::Replied { .. } => 62,
        Event::SessionAttached { .. } => 61,
        Event::LocalSessionBegun { .. }
        | Event::LocalSessionUpgraded { .. }
        | Event::LocalSessionEnded { .. } => 58,
        Event::Acked { .. } => 60,
        Event::AcceptedEpochSet { .. } => 58,
        Event::CurrentEpochSet { .. } => 57,
        // A server's own vote comes to itself, too: that tells nothing.
        Event::NotificationReceived { from, .. } if host == Some(Host::Server(*from)) => 0,
        Event::NotificationReceived { verdict: Verdict::Ignored, .. } => 24,
        Event::NotificationReceived { .. } => 56,
        Event::VoteChanged { reason: Reason::OwnVote, .. } => 25,
        Event::VoteChanged { .. } => 54,
        Event::ElectionStarted { .. } => 53,
        Event::Requested { .. } => 52,
        Event::PacketReceived { kind: PacketKind::Ping, .. }
        | Event::PacketSent { kind: PacketKind::Ping, .. } => 0,
        Event::Applied { .. } => 46,
        Event::Appended { .. } => 45,
        Event::PacketReceived { .. } => 44,
        Event::RoleChanged { .. } => 40,
        Event::PhaseEntered { .. } => 38,
        Event::Synced { .. } => 34,
        Event::PacketSent { .. } => 30,
        Event::NotificationSent { .. } => 28,
        // Newer events tell something, or the core would not have them.
        _ => 10,
    }
}
