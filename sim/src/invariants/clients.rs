//! K6: what clients were told must come true.
//!
//! Deliberately not here yet: the rules that need whole results (K1 to K5, W1 to W4); they will
//! read the same calls and returns at the end of a run.
//! Source: part B.4 of the correctness notes; Hunt et al. 2010, section 4.

use std::collections::BTreeMap;

use zablab_core::trace::Event;
use zablab_core::types::{ServerId, Zxid};

use super::facts::Facts;
use super::histories::History;
use super::{CallId, Invariant, Report};

/// What clients did and were told.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients {
    /// Calls without an answer, with their operation codes.
    open: BTreeMap<CallId, i32>,
    /// The last transaction of the committed order that a client was told is done.
    told: Option<(CallId, History)>,
}

impl Clients {
    /// A call begins.
    pub(super) fn called(&mut self, call: CallId, op: i32) {
        self.open.insert(call, op);
    }

    /// A call ends. An OK write must be in the committed order already.
    pub(super) fn returned(
        &mut self,
        facts: &Facts,
        call: CallId,
        zxid: Zxid,
        error: i32,
        report: &mut Report,
    ) {
        let Some(op) = self.open.remove(&call) else {
            return;
        };
        if error != 0 || !is_write(op) {
            return;
        }
        let order = facts.committed();
        let Some(history) = facts.histories.up_to(order, zxid) else {
            let client = call.client;
            let last = facts.histories.last(order);
            let why = format!(
                "client {client} was told that its write {zxid:?} is done, \
                 but no leader committed it (the committed order ends with {last:?})"
            );
            report.broken(Invariant::K6, [], why);
            return;
        };
        let len = facts.histories.len(history);
        if self.told.is_none_or(|(_, told)| facts.histories.len(told) < len) {
            self.told = Some((call, history));
        }
    }

    /// Every later leader must begin with what clients were told.
    pub(super) fn before_event(
        &mut self,
        facts: &Facts,
        id: ServerId,
        event: &Event,
        report: &mut Report,
    ) {
        let Event::Established { epoch } = event else {
            return;
        };
        let Some((call, told)) = self.told else {
            return;
        };
        let Some(initial) = facts.initial(id, *epoch) else {
            return;
        };
        if !facts.histories.is_prefix(told, initial) {
            let client = call.client;
            let (told, last) = (facts.histories.last(told), facts.histories.last(initial));
            let why = format!(
                "client {client} was told that its write {told:?} is done, but leader {id} of \
                 epoch {epoch} begins without it (its history ends with {last:?})"
            );
            report.broken(Invariant::K6, [id], why);
        }
    }
}

/// Operation codes that become transactions: create 1, delete 2, setData 5, setACL 7, multi 14,
/// create2 15, reconfig 16, createContainer 19, deleteContainer 20, createTTL 21, closeSession -11.
fn is_write(op: i32) -> bool {
    matches!(op, 1 | 2 | 5 | 7 | 14 | 15 | 16 | 19 | 20 | 21 | -11)
}
