//! Z8 and Z15 where they leave the leader: what one learner is sent, packet by packet.
//!
//! From the choice of DIFF, TRUNC or SNAP on, a learner is sent each transaction of its leader's
//! history once, in order, and each COMMIT behind its transaction. A learner that checks refuses
//! a hole, and one that does not would log it; both begin here.
//! Source: part A.3 of the correctness notes; ZOOKEEPER-962, 1154, 4925.

use zablab_core::sorted::SortedMap;
use zablab_core::trace::{Event, SyncMode};
use zablab_core::types::{ServerId, Zxid};
use zablab_core::wire::quorum::PacketKind;

use super::facts::Facts;
use super::{Invariant, Report};

/// What each leader sent each of its learners.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Streams {
    by_pair: SortedMap<(ServerId, ServerId), Stream>,
}

/// How far one learner was brought.
#[derive(Clone, Copy, Debug, Hash)]
struct Stream {
    proposed: Zxid,
    committed: Zxid,
}

impl Streams {
    /// Reads one event against the facts before it.
    pub(super) fn event(
        &mut self,
        facts: &Facts,
        id: ServerId,
        event: &Event,
        report: &mut Report,
    ) {
        match event {
            Event::SyncChosen { learner, peer_last, mode, to, .. } => {
                let from = if *mode == SyncMode::Diff { *peer_last } else { *to };
                self.by_pair.insert((id, *learner), Stream { proposed: from, committed: from });
            }
            Event::PacketSent { to, kind, zxid } => self.sent(facts, id, *to, *kind, *zxid, report),
            Event::Proposed { zxid, .. } => own_epoch(facts, id, *zxid, report),
            _ => {}
        }
    }

    fn sent(
        &mut self,
        facts: &Facts,
        id: ServerId,
        to: ServerId,
        kind: PacketKind,
        zxid: Zxid,
        report: &mut Report,
    ) {
        let informs = matches!(kind, PacketKind::Inform | PacketKind::InformAndActivate);
        let proposes = informs || kind == PacketKind::Proposal;
        let commits = informs || matches!(kind, PacketKind::Commit | PacketKind::CommitAndActivate);
        let Some(stream) = self.by_pair.get_mut(&(id, to)).filter(|_| proposes || commits) else {
            return;
        };
        let before = facts.before(id, zxid);
        let has_hole = |last: Zxid| before.is_some_and(|before| before != last);
        if proposes {
            let last = std::mem::replace(&mut stream.proposed, zxid);
            if has_hole(last) {
                let why = format!("leader {id} sent {to} the transaction {zxid:?} after {last:?}");
                report.broken(Invariant::Z15, [id, to], why);
            }
        }
        if commits {
            let last = std::mem::replace(&mut stream.committed, zxid);
            if zxid > stream.proposed {
                let why = format!("leader {id} sent {to} a COMMIT of {zxid:?}, but never the rest");
                report.broken(Invariant::Z15, [id, to], why);
            } else if has_hole(last) {
                let why = format!("leader {id} sent {to} the COMMIT of {zxid:?} after {last:?}");
                report.broken(Invariant::Z15, [id, to], why);
            }
        }
    }
}

/// Z8 at its source: a leader gives out zxids of its own epoch (ZOOKEEPER-1277).
fn own_epoch(facts: &Facts, id: ServerId, zxid: Zxid, report: &mut Report) {
    let epoch = facts.server(id).leading.as_ref().and_then(|leading| leading.epoch);
    if let Some(epoch) = epoch.filter(|epoch| *epoch != zxid.epoch()) {
        let why = format!("leader {id} of epoch {epoch} proposed {zxid:?}");
        report.broken(Invariant::Z8, [id], why);
    }
}
