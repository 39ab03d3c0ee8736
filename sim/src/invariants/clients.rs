//! K6: what clients were told must come true.
//!
//! Deliberately not here yet: the rules that need whole results (K1 to K5, W1 to W4); they will
//! read the same calls and returns at the end of a run.
//! Source: part B.4 of the correctness notes; Hunt et al. 2010, section 4.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use zablab_core::client::CallId;
use zablab_core::trace::Event;
use zablab_core::types::{ServerId, Zxid};
use zablab_core::wire::client::Request;

use super::facts::Facts;
use super::histories::History;
use super::{Invariant, Report};

/// What clients did and were told.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients {
    /// Writes without an answer.
    open: BTreeSet<CallId>,
    /// The last transaction of the committed order that a client was told is done.
    told: Option<(CallId, History)>,
}

impl Clients {
    /// Feeds all of it to a hasher.
    pub(super) fn hash<H: Hasher>(&self, facts: &Facts, hasher: &mut H) {
        let Clients { open, told } = self;
        let told = told.map(|(call, history)| (call, facts.histories.digest(history)));
        (open, told).hash(hasher);
    }

    /// A call begins.
    pub(super) fn called(&mut self, call: CallId, request: &Request) {
        if is_write(request) {
            self.open.insert(call);
        }
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
        if !self.open.remove(&call) || error != 0 {
            return;
        }
        let order = facts.committed();
        let Some(history) = facts.histories.up_to(order, zxid) else {
            let call = call.0;
            let last = facts.histories.last(order);
            let why = format!(
                "the write {zxid:?} of call {call} was answered OK, \
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
            let call = call.0;
            let (told, last) = (facts.histories.last(told), facts.histories.last(initial));
            let why = format!(
                "the write {told:?} of call {call} was answered OK, but leader {id} of \
                 epoch {epoch} begins without it (its history ends with {last:?})"
            );
            report.broken(Invariant::K6, [id], why);
        }
    }
}

/// True if it becomes a transaction, and its answer carries the zxid of that.
fn is_write(request: &Request) -> bool {
    match request {
        Request::CreateSession { .. }
        | Request::CloseSession
        | Request::Create(_)
        | Request::Create2(_)
        | Request::Delete(_)
        | Request::SetData(_)
        | Request::Multi(_) => true,
        Request::Check(_)
        | Request::Exists { .. }
        | Request::GetData { .. }
        | Request::GetAcl { .. }
        | Request::GetChildren { .. }
        | Request::GetChildren2 { .. }
        | Request::Sync { .. }
        | Request::Ping
        | Request::SetWatches(_) => false,
    }
}
