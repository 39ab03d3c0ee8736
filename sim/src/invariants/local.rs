//! L1 to L9: what each server owes to its own disk, before anything global can break.
//!
//! Each packet is checked at the moment it leaves against the durable shadow of its sender.
//! Every real bug class of Zab in the last ten years breaks one of these orders first.
//! Deliberately not here yet: L10 (bounds of queues).
//! Source: part B.2 of the correctness notes; ZOOKEEPER-1291, 2307, 2845, 3911, 4643, 4646.

use std::fmt::Display;

use zablab_core::config::ElectionAlg;
use zablab_core::trace::{Event, Reason};
use zablab_core::types::{Epoch, ServerId, Zxid};
use zablab_core::wire::election::Vote;
use zablab_core::wire::quorum::PacketKind;

use super::facts::{Change, Facts, Following};
use super::histories::History;
use super::{Invariant, Report};

/// Reads one event against the facts before it.
pub(super) fn event(facts: &Facts, id: ServerId, event: &Event, report: &mut Report) {
    match event {
        Event::PacketSent { to, kind, zxid } => packet(facts, id, *to, *kind, *zxid, report),
        // Only the vote with which it begins a round: later it may adopt what another server still
        // says of it from before its log was cut, and that is harmless.
        Event::VoteChanged { vote, reason: Reason::OwnVote } if vote.leader == id => {
            own_vote(facts, id, *vote, report);
        }
        Event::Acked { zxid, by } if *by == id && zxid.counter() == 0 => {
            let to = &"itself";
            adopted_durable(facts, id, Some(id), zxid.epoch(), to, report);
        }
        Event::Acked { zxid, by } if *by == id => ack_durable(facts, id, &"itself", *zxid, report),
        Event::Committed { zxid } => commit_justified(facts, id, *zxid, report),
        Event::ElectionStarted { .. } => quiet_log(facts, id, report),
        _ => {}
    }
}

/// L3 for a disk that a crash left: what is written in one batch shows only then.
pub(super) fn started(facts: &Facts, id: ServerId, report: &mut Report) {
    let server = facts.server(id);
    let Some(adopting) = server.adopting else { return };
    let disk = server.durable;
    if disk.epochs.current == adopting.epoch {
        history_of_epoch(facts, id, adopting, disk.history, report);
    }
}

/// L9 (ZOOKEEPER-4712, 4541).
fn quiet_log(facts: &Facts, id: ServerId, report: &mut Report) {
    let server = facts.server(id);
    let (durable, issued) = (server.durable.history, server.issued().history);
    if durable != issued {
        let last = facts.histories.last(issued);
        let why = format!(
            "server {id} began an election while its last role was still writing its log up to \
             {last:?}"
        );
        report.broken(Invariant::L9, [id], why);
    }
}

fn packet(
    facts: &Facts,
    id: ServerId,
    to: ServerId,
    kind: PacketKind,
    zxid: Zxid,
    report: &mut Report,
) {
    let following = facts.server(id).following;
    match kind {
        PacketKind::LeaderInfo => promise_durable(facts, id, zxid.epoch(), "LEADERINFO", report),
        PacketKind::AckEpoch => {
            if let Some(following) = following {
                promise_durable(facts, id, following.epoch, "ACKEPOCH", report);
            }
            promise_kept(facts, id, "ACKEPOCH", report);
            last_zxid_true(facts, id, zxid, report);
        }
        PacketKind::Ack if zxid.counter() == 0 => {
            promise_kept(facts, id, "ACK", report);
            let leader = following.map(|following| following.leader);
            adopted_durable(facts, id, leader, zxid.epoch(), &to, report);
        }
        PacketKind::Ack => {
            promise_kept(facts, id, "ACK", report);
            ack_durable(facts, id, &to, zxid, report);
        }
        PacketKind::Commit
        | PacketKind::CommitAndActivate
        | PacketKind::Inform
        | PacketKind::InformAndActivate => commit_sent(facts, id, to, zxid, report),
        PacketKind::Request
        | PacketKind::Proposal
        | PacketKind::Ping
        | PacketKind::Revalidate
        | PacketKind::Sync
        | PacketKind::NewLeader
        | PacketKind::FollowerInfo
        | PacketKind::UpToDate
        | PacketKind::Diff
        | PacketKind::Trunc
        | PacketKind::Snap
        | PacketKind::ObserverInfo => {}
    }
}

/// L1, guarded against by the order of steps D3 and D4 (ZOOKEEPER-1291).
fn promise_durable(facts: &Facts, id: ServerId, epoch: Epoch, packet: &str, report: &mut Report) {
    let have = facts.server(id).durable.epochs.accepted;
    if have < epoch {
        let why = format!(
            "server {id} sent {packet} for epoch {epoch} \
             before its acceptedEpoch was durable (its disk says {have})"
        );
        report.broken(Invariant::L1, [id], why);
    }
}

/// L2: the epoch and everything that the leader began it with (ZOOKEEPER-3911, 4646).
fn adopted_durable(
    facts: &Facts,
    id: ServerId,
    leader: Option<ServerId>,
    epoch: Epoch,
    to: &dyn Display,
    report: &mut Report,
) {
    let disk = facts.server(id).durable;
    let histories = &facts.histories;
    if disk.epochs.current < epoch {
        let have = disk.epochs.current;
        let why = format!(
            "server {id} acknowledged NEWLEADER of epoch {epoch} to {to} \
             before its currentEpoch was durable (its disk says {have})"
        );
        report.broken(Invariant::L2, [id], why);
    }
    let Some(initial) = leader.and_then(|leader| facts.initial(leader, epoch)) else {
        return;
    };
    if !histories.is_prefix(initial, disk.history) {
        let (need, have) = (histories.last(initial), histories.last(disk.history));
        let why = format!(
            "server {id} acknowledged NEWLEADER of epoch {epoch} to {to} before the epoch's \
             history up to {need:?} was durable (its disk ends with {have:?})"
        );
        report.broken(Invariant::L2, [id], why);
    }
}

/// L4.
fn ack_durable(facts: &Facts, id: ServerId, to: &dyn Display, zxid: Zxid, report: &mut Report) {
    let history = facts.server(id).durable.history;
    if facts.histories.up_to(history, zxid).is_none() {
        let have = facts.histories.last(history);
        let why = format!(
            "server {id} acknowledged {zxid:?} to {to} \
             before its log record was durable (its disk ends with {have:?})"
        );
        report.broken(Invariant::L4, [id], why);
    }
}

/// L5 where the leader decides. Acknowledgements come in the order of the log, so that one of a
/// transaction stands for all before it.
fn commit_justified(facts: &Facts, id: ServerId, zxid: Zxid, report: &mut Report) {
    let Some(leading) = &facts.server(id).leading else {
        return;
    };
    let acked = leading.acked.iter().filter(|(_, last)| **last >= zxid).map(|(server, _)| *server);
    if !facts.is_quorum_of(id, acked.clone()) {
        let acked: Vec<ServerId> = acked.collect();
        let voters = facts.quorums_of(id).voters().len();
        let why = format!(
            "leader {id} committed {zxid:?} before a quorum of {voters} voters acknowledged it \
             (only {acked:?} did)"
        );
        report.broken(Invariant::L5, [id], why);
    }
    let Some(history) = facts.logged(id, zxid) else {
        return;
    };
    let before = facts.histories.parent(history);
    if !facts.is_committed(before) && facts.histories.is_prefix(facts.committed(), before) {
        let before = facts.histories.last(before);
        let why = format!("leader {id} committed {zxid:?} before {before:?}, which precedes it");
        report.broken(Invariant::L5, [id], why);
    }
}

/// L5 where a learner is told. While it is brought up to date it is also sent COMMITs of the
/// history that the epoch begins with; those are of older epochs.
fn commit_sent(facts: &Facts, id: ServerId, to: ServerId, zxid: Zxid, report: &mut Report) {
    let Some(leading) = &facts.server(id).leading else {
        return;
    };
    if leading.epoch != Some(zxid.epoch()) {
        return;
    }
    if !facts.logged(id, zxid).is_some_and(|history| facts.is_committed(history)) {
        let why = format!("leader {id} sent COMMIT of {zxid:?} to {to} before it committed it");
        report.broken(Invariant::L5, [id, to], why);
    }
}

/// L7.
fn promise_kept(facts: &Facts, id: ServerId, packet: &str, report: &mut Report) {
    let server = facts.server(id);
    let Some(following) = server.following else {
        return;
    };
    let promised = server.promised;
    if following.epoch < promised {
        let (leader, epoch) = (following.leader, following.epoch);
        let why = format!(
            "server {id} sent {packet} to leader {leader} of epoch {epoch} \
             after it had promised epoch {promised}"
        );
        report.broken(Invariant::L7, [id, leader], why);
    }
}

/// L8 at ACKEPOCH (ZOOKEEPER-2355, 2845, 3642).
fn last_zxid_true(facts: &Facts, id: ServerId, zxid: Zxid, report: &mut Report) {
    let disk = facts.histories.last(facts.server(id).issued().history);
    if zxid != disk {
        let why = format!(
            "server {id} reported {zxid:?} as its last transaction in ACKEPOCH, \
             but its log ends with {disk:?}"
        );
        report.broken(Invariant::L8, [id], why);
    }
}

/// L8 at a vote for oneself.
fn own_vote(facts: &Facts, id: ServerId, vote: Vote, report: &mut Report) {
    let disk = facts.server(id).issued();
    let last = facts.histories.last(disk.history);
    // The older algorithms do not put the epoch to the vote.
    let epoch_is_true =
        facts.election != ElectionAlg::Fast || vote.peer_epoch == disk.epochs.current;
    if vote.zxid != last || !epoch_is_true {
        let (zxid, epoch, current) = (vote.zxid, vote.peer_epoch, disk.epochs.current);
        let why = format!(
            "server {id} voted for itself with {zxid:?} in epoch {epoch}, \
             but its disk has {last:?} in epoch {current}"
        );
        report.broken(Invariant::L8, [id], why);
    }
}

/// L3 and L6: a change that has just become durable.
pub(super) fn durable(facts: &Facts, id: ServerId, change: Change, report: &mut Report) {
    let (before, after) = (change.before.epochs, change.after.epochs);
    for (file, old, new) in [
        ("acceptedEpoch", before.accepted, after.accepted),
        ("currentEpoch", before.current, after.current),
    ] {
        if new < old {
            let why = format!("server {id} wrote {file} {new} after {old}");
            report.broken(Invariant::L6, [id], why);
        }
    }
    if after.current > after.accepted {
        let (current, accepted) = (after.current, after.accepted);
        let why = format!(
            "server {id} wrote currentEpoch {current} before acceptedEpoch (its disk says \
             {accepted})"
        );
        report.broken(Invariant::L6, [id], why);
    }
    log_within_promise(facts, id, change, report);
    if before.current != after.current {
        epoch_after_history(facts, id, change, report);
    }
}

/// L6: a late follower logs transactions of the new epoch before it may write `currentEpoch`
/// (L3 demands that order), so the log is bounded by the promise.
fn log_within_promise(facts: &Facts, id: ServerId, change: Change, report: &mut Report) {
    let last = facts.histories.last(change.after.history);
    let accepted = change.after.epochs.accepted;
    if change.before.history != change.after.history && last.epoch() > accepted {
        let why =
            format!("server {id} logged {last:?} before acceptedEpoch (its disk says {accepted})");
        report.broken(Invariant::L6, [id], why);
    }
}

/// L3 (ZOOKEEPER-4643, 1282).
fn epoch_after_history(facts: &Facts, id: ServerId, change: Change, report: &mut Report) {
    let Some(following) = facts.server(id).following else {
        return;
    };
    let epoch = change.after.epochs.current;
    if following.epoch != epoch {
        return;
    }
    history_of_epoch(facts, id, following, change.after.history, report);
}

fn history_of_epoch(
    facts: &Facts,
    id: ServerId,
    following: Following,
    history: History,
    report: &mut Report,
) {
    let epoch = following.epoch;
    let Some(initial) = facts.initial(following.leader, epoch) else {
        return;
    };
    if !facts.histories.is_prefix(initial, history) {
        let need = facts.histories.last(initial);
        let have = facts.histories.last(history);
        let why = format!(
            "server {id} wrote currentEpoch {epoch} before the epoch's history up to {need:?} \
             was durable (its disk ends with {have:?})"
        );
        report.broken(Invariant::L3, [id, following.leader], why);
    }
}
