//! X1 to X5: what single-decree Paxos promises.
//!
//! A number is *chosen* when a majority of acceptors has accepted it, durably, whether or not
//! anybody knows. What an acceptor said is compared with its disk at that moment, and with its
//! disk after each restart.
//! Source: part B.5 of the correctness notes; Lamport, "Paxos Made Simple", section 2.2.

use std::collections::VecDeque;

use zablab_core::paxos::{Ballot, Durable, Proposal, Value};
use zablab_core::sorted::{SortedMap, SortedSet};
use zablab_core::trace::Event;
use zablab_core::types::{ServerId, Ticket};

use super::{Invariant, Report};

/// What is known of all Paxos processes.
#[derive(Clone, Debug, Default)]
pub(super) struct Paxos {
    acceptors: SortedSet<ServerId>,
    shadows: SortedMap<ServerId, Shadow>,
    /// Every proposal, by its number; of two values the first.
    proposed: SortedMap<Ballot, Value>,
    /// Every number that a proposer began with.
    begun: SortedSet<Ballot>,
    /// Who accepted which proposal.
    holders: SortedMap<Proposal, SortedSet<ServerId>>,
    /// What a majority accepted, in the order in which that happened.
    chosen: Vec<Proposal>,
}

/// One process: its disk, and what it said.
#[derive(Clone, Debug, Default)]
struct Shadow {
    durable: Durable,
    pending: VecDeque<(Ticket, Durable)>,
    /// The greatest number it promised to somebody.
    promised: Option<Ballot>,
    /// The greatest number under which it told somebody that it accepted.
    accepted: Option<Ballot>,
}

impl Paxos {
    /// These accept; a majority of them chooses.
    pub(super) fn set_acceptors(&mut self, acceptors: impl Iterator<Item = ServerId>) {
        self.acceptors = acceptors.collect();
    }

    /// The value that was chosen first.
    pub(super) fn chosen(&self) -> Option<&Value> {
        self.chosen.first().map(|proposal| &proposal.value)
    }

    /// A process starts with what its disk holds. What it holds at the very first start counts as
    /// proposed and accepted before.
    pub(super) fn start(&mut self, id: ServerId, state: &Durable, report: &mut Report) {
        let shadow = self.shadows.entry(id).or_default();
        if let Some(said) = shadow.promised.filter(|said| state.promised < Some(*said)) {
            let why = format!(
                "acceptor {id} promised {}, but after a restart it knows of {}",
                shown(Some(said)),
                shown(state.promised)
            );
            report.broken(Invariant::X1, [id], why);
        }
        let accepted = state.accepted.as_ref().map(|proposal| proposal.ballot);
        if let Some(said) = shadow.accepted.filter(|said| accepted < Some(*said)) {
            let why = format!(
                "acceptor {id} said that it accepted {}, but after a restart it has {}",
                shown(Some(said)),
                shown(accepted)
            );
            report.broken(Invariant::X1, [id], why);
        }
        shadow.durable = state.clone();
        shadow.pending.clear();
        if let Some(accepted) = &state.accepted {
            self.proposed.entry(accepted.ballot).or_insert_with(|| accepted.value.clone());
            self.hold(id, accepted, report);
        }
    }

    /// A process handed a record to its disk.
    pub(super) fn issued(&mut self, id: ServerId, ticket: Ticket, state: &Durable) {
        self.shadows.entry(id).or_default().pending.push_back((ticket, state.clone()));
    }

    /// Its disk says that all up to this ticket is durable.
    pub(super) fn durable(&mut self, id: ServerId, through: Ticket) {
        let shadow = self.shadows.entry(id).or_default();
        while let Some((_, state)) = shadow.pending.pop_front_if(|(ticket, _)| *ticket <= through) {
            shadow.durable = state;
        }
    }

    /// What happened at a process.
    pub(super) fn event(&mut self, id: ServerId, event: &Event, report: &mut Report) {
        match event {
            Event::BallotBegun { ballot } if !self.begun.insert(*ballot) => {
                let number = shown(Some(*ballot));
                let why = format!("proposer {id} begins a second time with {number}");
                report.broken(Invariant::X4, [id], why);
            }
            Event::PromiseGiven { ballot, .. } => self.promises(id, *ballot, report),
            Event::ValueProposed { ballot, value, .. } => {
                self.proposes(id, *ballot, value, report);
            }
            Event::ValueAccepted { ballot, value } => {
                let proposal = Proposal { ballot: *ballot, value: value.clone() };
                self.accepts(id, &proposal, report);
            }
            Event::ReadEnded { found: Some(found) }
                if self.chosen.iter().all(|chosen| chosen.value != found.value) =>
            {
                let value = &found.value;
                let why = format!("reader {id} returned {value:?}, which is not chosen");
                report.broken(Invariant::X5, [id], why);
            }
            _ => {}
        }
    }

    fn promises(&mut self, id: ServerId, ballot: Ballot, report: &mut Report) {
        let shadow = self.shadows.entry(id).or_default();
        let number = shown(Some(ballot));
        if shadow.durable.promised < Some(ballot) {
            let why = format!("acceptor {id} promises {number} before that is durable");
            report.broken(Invariant::X1, [id], why);
        }
        shadow.promised = shadow.promised.max(Some(ballot));
    }

    fn proposes(&mut self, id: ServerId, ballot: Ballot, value: &Value, report: &mut Report) {
        let number = shown(Some(ballot));
        let first = self.proposed.entry(ballot).or_insert_with(|| value.clone());
        if first != value {
            let why = format!("under {number} both {first:?} and {value:?} are proposed");
            report.broken(Invariant::X4, [id], why);
        }
        let earlier =
            self.chosen.iter().find(|chosen| chosen.ballot < ballot && chosen.value != *value);
        if let Some(earlier) = earlier {
            let (was, is) = (&earlier.value, shown(Some(earlier.ballot)));
            let why =
                format!("{was:?} is chosen under {is}, but under {number} {value:?} is proposed");
            report.broken(Invariant::X2, [id], why);
        }
    }

    fn accepts(&mut self, id: ServerId, proposal: &Proposal, report: &mut Report) {
        let shadow = self.shadows.entry(id).or_default();
        let number = shown(Some(proposal.ballot));
        let on_disk = shadow.durable.accepted.as_ref().map(|accepted| accepted.ballot);
        if on_disk < Some(proposal.ballot) {
            let why = format!("acceptor {id} says that it accepted {number} before it is durable");
            report.broken(Invariant::X1, [id], why);
        }
        if shadow.promised > Some(proposal.ballot) && shadow.accepted < Some(proposal.ballot) {
            let why = format!(
                "acceptor {id} accepts {number}, although it promised {}",
                shown(shadow.promised)
            );
            report.broken(Invariant::X1, [id], why);
        }
        shadow.accepted = shadow.accepted.max(Some(proposal.ballot));
        self.hold(id, proposal, report);
    }

    /// An acceptor has accepted; perhaps that chooses.
    fn hold(&mut self, id: ServerId, proposal: &Proposal, report: &mut Report) {
        if !self.acceptors.contains(&id) {
            return;
        }
        let holders = self.holders.entry(proposal.clone()).or_default();
        holders.insert(id);
        let majority = holders.len() * 2 > self.acceptors.len();
        if majority && !self.chosen.contains(proposal) {
            self.chooses(id, proposal, report);
            self.chosen.push(proposal.clone());
        }
    }

    fn chooses(&self, id: ServerId, proposal: &Proposal, report: &mut Report) {
        let Proposal { ballot, value } = proposal;
        let number = shown(Some(*ballot));
        if self.proposed.get(ballot) != Some(value) {
            let why = format!("{value:?} is chosen under {number}, but nobody proposed that");
            report.broken(Invariant::X3, [id], why);
        }
        if let Some(other) = self.chosen.iter().find(|chosen| chosen.value != *value) {
            let (was, is) = (&other.value, shown(Some(other.ballot)));
            let why = format!("{was:?} was chosen under {is}, and now {value:?} under {number}");
            report.broken(Invariant::X3, [id], why);
        }
        // A greater number may have been proposed before this one was chosen.
        let later = self.proposed.range(*ballot..).find(|(_, proposed)| *proposed != value);
        if let Some((later, proposed)) = later.filter(|(later, _)| *later > ballot) {
            let later = shown(Some(*later));
            let why =
                format!("{value:?} is chosen under {number}, but under {later} {proposed:?} is");
            report.broken(Invariant::X2, [id], why + " proposed");
        }
    }
}

/// A number as people write it.
fn shown(ballot: Option<Ballot>) -> String {
    match ballot {
        Some(Ballot { round, proposer }) => format!("({round},{proposer})"),
        None => "no number".to_owned(),
    }
}
