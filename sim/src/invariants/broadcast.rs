//! Z: what all servers together owe to each other.
//!
//! Everything is measured against one committed order, which leaders extend when they are
//! established and when they commit; so each rule looks at one transaction or at one number for
//! each server. Deliberately not here: rules that follow from these on finite runs (Z5 to Z8).
//! Source: part B.1 of the correctness notes; Junqueira, Reed, Serafini 2011, section III.

use zablab_core::sorted::{SortedMap, SortedSet};
use zablab_core::storage::{Recovered, Write};
use zablab_core::trace::Event;
use zablab_core::types::{Epoch, ServerId, Zxid};
use zablab_core::wire::quorum::PacketKind;

use super::facts::{Change, Facts, Tenure};
use super::histories::{Conflict, History};
use super::{Invariant, Report};

/// Who led which epoch.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Broadcast {
    /// Who was established in an epoch (`Est(e)`).
    established: SortedMap<Epoch, Tenure>,
    /// ACKEPOCHs that left as promises: from, to, for which epoch.
    promises: SortedSet<(ServerId, ServerId, Epoch)>,
    /// Whose promises each leader received in its present period.
    promised_to: SortedMap<Tenure, SortedSet<ServerId>>,
    /// Who first had a quorum of promises for an epoch.
    holders: SortedMap<Epoch, Tenure>,
}

impl Broadcast {
    /// Reads one event against the facts before it.
    pub(super) fn before_event(
        &mut self,
        facts: &Facts,
        id: ServerId,
        event: &Event,
        report: &mut Report,
    ) {
        match event {
            Event::PacketSent { to, kind: PacketKind::AckEpoch, .. } => {
                if let Some(following) = facts.server(id).following.filter(|f| f.promising) {
                    self.promises.insert((id, *to, following.epoch));
                }
            }
            Event::PacketReceived { from, kind: PacketKind::AckEpoch, .. } => {
                self.promise_received(facts, id, *from, report);
            }
            Event::Established { epoch } => {
                self.one_leader(facts, id, *epoch, report);
                leader_complete(facts, id, *epoch, report);
            }
            Event::Committed { zxid } if facts.server(id).decides() => {
                commit_continues(facts, id, *zxid, report);
            }
            Event::Applied { zxid, .. } => applied(facts, id, *zxid, report),
            Event::Replied { .. } => answers_from_adopted(facts, id, report),
            _ => {}
        }
    }

    /// Reads one event against the facts after it.
    pub(super) fn after_event(
        &mut self,
        facts: &Facts,
        id: ServerId,
        event: &Event,
        report: &mut Report,
    ) {
        match event {
            Event::Established { .. }
            | Event::PacketReceived { kind: PacketKind::UpToDate, .. } => {
                delivered(facts, id, facts.server(id).delivered, report);
                committed_held(facts, id, report);
            }
            Event::Applied { .. } if facts.server(id).serving => {
                delivered(facts, id, facts.server(id).delivered, report);
            }
            Event::Committed { .. } => committed_held(facts, id, report),
            _ => {}
        }
    }

    /// A disk changed: a cut or a snapshot may take committed transactions from it.
    pub(super) fn durable(
        &mut self,
        facts: &Facts,
        id: ServerId,
        change: Change,
        report: &mut Report,
    ) {
        let (before, after) = (change.before.history, change.after.history);
        if before != after && facts.histories.parent(after) != before {
            committed_held(facts, id, report);
        }
    }

    /// A process read its disk; `explained` tells whether that can be what its writes left.
    pub(super) fn recovered(
        &mut self,
        facts: &Facts,
        id: ServerId,
        explained: bool,
        recovered: &Recovered,
        report: &mut Report,
    ) {
        if !explained {
            let last = recovered.database.last_zxid;
            let (accepted, current) = (recovered.epochs.accepted, recovered.epochs.current);
            let why = format!(
                "recovery of server {id} found a history up to {last:?}, acceptedEpoch {accepted} \
                 and currentEpoch {current}, which no prefix of its writes gives"
            );
            report.broken(Invariant::Z17, [id], why);
        }
        committed_held(facts, id, report);
    }

    /// Z15, for the log (ZOOKEEPER-4925).
    pub(super) fn before_write(
        &mut self,
        facts: &Facts,
        id: ServerId,
        write: &Write,
        report: &mut Report,
    ) {
        let Write::Append { zxid, .. } = write else { return };
        let last = facts.histories.last(facts.server(id).issued().history);
        if !zxid.follows(last) {
            let why = format!("server {id} logged {zxid:?} directly after {last:?}");
            report.broken(Invariant::Z15, [id], why);
        }
    }

    /// Z13 and Z14: a log got a record that disagrees with another log.
    pub(super) fn log_conflict(
        &mut self,
        facts: &Facts,
        id: ServerId,
        conflict: Conflict,
        report: &mut Report,
    ) {
        let history = facts.server(id).issued().history;
        let zxid = facts.histories.last(history);
        match conflict {
            Conflict::Content => {
                let why = format!("server {id} logged {zxid:?} with other bytes than first seen");
                report.broken(Invariant::Z14, [id], why);
            }
            Conflict::Before { first } => {
                let before = facts.histories.last(facts.histories.parent(history));
                let why = format!(
                    "server {id} logged {zxid:?} after {before:?}, \
                     but in another log it comes after {first:?}"
                );
                report.broken(Invariant::Z13, [id], why);
            }
        }
    }

    /// The run is over: Z3 between all pairs, from whole histories.
    pub(super) fn end(&mut self, facts: &Facts, report: &mut Report) {
        for (i, one) in facts.servers() {
            for (j, other) in facts.servers().filter(|(j, _)| i < *j) {
                let (a, b) = (one.delivered, other.delivered);
                if !facts.histories.is_prefix(a, b) && !facts.histories.is_prefix(b, a) {
                    let (a, b) = (facts.histories.last(a), facts.histories.last(b));
                    let why = format!(
                        "server {i} delivered up to {a:?} and server {j} up to {b:?}, \
                         and neither sequence begins with the other"
                    );
                    report.broken(Invariant::Z3, [i, j], why);
                }
            }
        }
    }

    /// Z1.
    fn one_leader(&mut self, facts: &Facts, id: ServerId, epoch: Epoch, report: &mut Report) {
        let Some(leading) = &facts.server(id).leading else {
            return;
        };
        let first = *self.established.entry(epoch).or_insert(leading.tenure);
        if first != leading.tenure {
            let other = first.server;
            let why = format!(
                "server {id} was established as leader of epoch {epoch} \
                 after server {other} was in the same epoch"
            );
            report.broken(Invariant::Z1, [id, other], why);
        }
    }

    /// Z2 (ZOOKEEPER-1291).
    fn promise_received(
        &mut self,
        facts: &Facts,
        id: ServerId,
        from: ServerId,
        report: &mut Report,
    ) {
        let Some(leading) = &facts.server(id).leading else {
            return;
        };
        let Some(epoch) = leading.epoch else { return };
        if !self.promises.contains(&(from, id, epoch)) {
            return;
        }
        let promised = self.promised_to.entry(leading.tenure).or_insert([id].into());
        promised.insert(from);
        if !facts.is_quorum_of(id, promised.iter().copied()) {
            return;
        }
        let first = *self.holders.entry(epoch).or_insert(leading.tenure);
        if first != leading.tenure {
            let other = first.server;
            let why = format!(
                "leader {id} collected promises of a quorum for epoch {epoch} \
                 after leader {other} did in another term"
            );
            report.broken(Invariant::Z2, [id, other], why);
        }
    }
}

/// Z11.
fn leader_complete(facts: &Facts, id: ServerId, epoch: Epoch, report: &mut Report) {
    let Some(initial) = facts.initial(id, epoch) else {
        return;
    };
    // A quorum's acknowledgements may arrive late, when it has gone on to a later epoch; what that
    // one commits is none of this leader's.
    let earlier = facts.committed_before(epoch);
    if !facts.histories.is_prefix(earlier, initial) {
        let shared = facts.committed_part(initial);
        let (shared, all) = (facts.histories.last(shared), facts.histories.last(earlier));
        let why = format!(
            "leader {id} of epoch {epoch} was established with a history that has the committed \
             order only up to {shared:?}, after {all:?} was committed"
        );
        report.broken(Invariant::Z11, [id], why);
    }
}

/// Z3 where a leader decides: it commits another transaction than the order has in this place.
fn commit_continues(facts: &Facts, id: ServerId, zxid: Zxid, report: &mut Report) {
    let Some(history) = facts.logged(id, zxid) else {
        return;
    };
    let order = facts.committed();
    if !facts.is_committed(history) && !facts.histories.is_prefix(order, history) {
        let shared = facts.histories.last(facts.committed_part(history));
        let last = facts.histories.last(order);
        let why = format!(
            "leader {id} committed {zxid:?} in a history that leaves the committed order after \
             {shared:?}, when {last:?} was already committed"
        );
        report.broken(Invariant::Z3, [id], why);
    }
}

/// Z3 and Z4 for the tree: the next transaction of the log, and only once.
fn applied(facts: &Facts, id: ServerId, zxid: Zxid, report: &mut Report) {
    let Some(history) = facts.logged(id, zxid) else {
        let why = format!("server {id} applied {zxid:?}, which no server ever logged");
        report.broken(Invariant::Z4, [id], why);
        return;
    };
    let tree = facts.server(id).tree;
    if facts.histories.is_prefix(history, tree) {
        let why = format!("server {id} applied {zxid:?} again");
        report.broken(Invariant::Z4, [id], why);
    } else if facts.histories.parent(history) != tree {
        let last = facts.histories.last(tree);
        let before = facts.histories.last(facts.histories.parent(history));
        let why = format!(
            "server {id} applied {zxid:?} to a tree that ends with {last:?}, \
             but it comes after {before:?}"
        );
        report.broken(Invariant::Z3, [id], why);
    }
}

/// Z16, as far as it needs no trees: what a server answers from has all of the history that it
/// adopted (ZOOKEEPER-3023). Both are parts of the committed order, so their lengths tell.
fn answers_from_adopted(facts: &Facts, id: ServerId, report: &mut Report) {
    let server = facts.server(id);
    let Some(following) = server.following.filter(|_| server.serving) else { return };
    let (leader, epoch) = (following.leader, following.epoch);
    let Some(initial) = facts.initial(leader, epoch) else { return };
    if facts.histories.len(server.tree) < facts.histories.len(initial) {
        let (have, need) = (facts.histories.last(server.tree), facts.histories.last(initial));
        let why = format!(
            "server {id} answered a client from a tree that ends with {have:?} before it applied \
             the history up to {need:?} with which epoch {epoch} of leader {leader} began"
        );
        report.broken(Invariant::Z16, [id, leader], why);
    }
}

/// Z3 and Z4 for what clients can see.
fn delivered(facts: &Facts, id: ServerId, history: History, report: &mut Report) {
    if facts.is_committed(history) {
        return;
    }
    let (zxid, order) = (facts.histories.last(history), facts.committed());
    let last = facts.histories.last(order);
    if facts.histories.is_prefix(order, history) {
        let why = format!(
            "server {id} delivered {zxid:?} before any leader committed it \
             (the committed order ends with {last:?})"
        );
        report.broken(Invariant::Z4, [id], why);
    } else {
        let shared = facts.histories.last(facts.committed_part(history));
        let why = format!(
            "server {id} delivered {zxid:?} in a history that leaves the committed order after \
             {shared:?}, when {last:?} was already committed"
        );
        report.broken(Invariant::Z3, [id], why);
    }
}

/// Z10, which showed at server `id`. Disks are paths in one tree, so a disk holds the committed
/// order up to some point, and only the lengths need counting.
fn committed_held(facts: &Facts, id: ServerId, report: &mut Report) {
    let order = facts.committed();
    let holds = |history: History| facts.histories.is_prefix(order, history);
    let holding = facts
        .servers()
        .filter(|(_, server)| holds(server.durable.history) || holds(server.wiped))
        .map(|(holder, _)| holder);
    if order != History::EMPTY && !facts.is_quorum(holding.clone()) {
        let holding: Vec<ServerId> = holding.collect();
        let (last, voters) = (facts.histories.last(order), facts.quorums.voters().len());
        let why = format!(
            "{last:?} was committed, but of {voters} voters only {holding:?} have it on disk"
        );
        report.broken(Invariant::Z10, [id], why);
    }
}
