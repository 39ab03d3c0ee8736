//! E2 and E3: how votes may change, and what a decision needs.
//!
//! Each server's decision is checked against the notifications that it received in that election,
//! not against what it made of them. Deliberately not here: E1, a property of the order of votes
//! (the core's tests have it), and E4, for which the core's tests feed unknown senders.
//! E2 says nothing of polls: a vote there may fall back to the own one (ZOOKEEPER-569).
//! Source: part B.3 of the correctness notes; ZOOKEEPER-1732, 1805.

use zablab_core::config::ElectionAlg;
use zablab_core::election::fast::supersedes;
use zablab_core::policy::Correct;
use zablab_core::quorum::Quorums;
use zablab_core::sorted::SortedMap;
use zablab_core::trace::{Event, Reason};
use zablab_core::types::ServerId;
use zablab_core::wire::election::{PeerState, Vote};

use super::facts::Facts;
use super::{Invariant, Report};

/// The elections under way.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Elections {
    by_server: SortedMap<ServerId, Election>,
}

/// What one server heard since it began to look.
#[derive(Clone, Debug, Default, Hash)]
struct Election {
    /// All that each server said: a vote that has waited for a better one still counts when its
    /// sender says of itself that it leads by now.
    heard: SortedMap<ServerId, Vec<(PeerState, Vote)>>,
    vote: Option<Vote>,
}

impl Elections {
    /// Reads one event.
    pub(super) fn event(
        &mut self,
        facts: &Facts,
        id: ServerId,
        event: &Event,
        report: &mut Report,
    ) {
        match event {
            Event::ElectionStarted { .. } => {
                self.by_server.insert(id, Election::default());
            }
            Event::NotificationReceived { from, state, vote, .. } => {
                if let Some(election) = self.by_server.get_mut(&id) {
                    let said = election.heard.entry(*from).or_default();
                    if said.last() != Some(&(*state, *vote)) {
                        said.push((*state, *vote));
                    }
                }
            }
            Event::VoteChanged { vote, reason } => {
                let Some(election) = self.by_server.get_mut(&id) else { return };
                if let Some(before) = election.vote.replace(*vote)
                    && facts.election != ElectionAlg::Polling
                {
                    only_better(facts.quorums_of(id), id, before, *vote, *reason, report);
                }
            }
            Event::Elected { vote } => {
                let Some(election) = self.by_server.remove(&id) else { return };
                match facts.election {
                    ElectionAlg::Fast => election.decided(facts, id, *vote, report),
                    older => election.decided_as_of_old(facts, id, *vote, older, report),
                }
            }
            _ => {}
        }
    }
}

impl Election {
    /// E3: a quorum of equal votes in hand, or of votes for a leader that says itself that it is
    /// one.
    fn decided(&self, facts: &Facts, id: ServerId, vote: Vote, report: &mut Report) {
        let who = |is_so: &dyn Fn(&(PeerState, Vote)) -> bool| {
            let those = self.heard.iter().filter(|(_, said)| said.iter().any(is_so));
            those.map(|(sid, _)| *sid).collect::<Vec<_>>()
        };
        // Its own vote is among them, or it did not decide by counting votes.
        let voted = who(&|(_, said)| *said == vote);
        let votes = facts.quorums_of(id).is_voter(id);
        if facts.is_quorum_of(id, voted.iter().copied()) && (!votes || voted.contains(&id)) {
            return;
        }
        let following = who(&|(state, said)| match state {
            PeerState::Looking => *said == vote,
            PeerState::Following | PeerState::Leading => {
                (said.leader, said.peer_epoch) == (vote.leader, vote.peer_epoch)
            }
            PeerState::Observing => false,
        });
        let leader = vote.leader;
        let leading = who(&|(state, _)| *state == PeerState::Leading);
        let confirmed = leader == id || leading.contains(&leader);
        let why = if !facts.quorums_of(id).is_quorum_in_force(&Correct, following.into_iter()) {
            format!("server {id} decided for {leader} without a quorum of votes for it")
        } else if !confirmed {
            format!("server {id} decided for {leader}, which never said that it leads")
        } else {
            return;
        };
        report.broken(Invariant::E3, [id, leader], why);
    }
}

/// The older algorithms, which compare no epochs and ask no leader.
impl Election {
    /// E3: a quorum named the candidate; or everybody has pushed a vote, so that it is the best.
    fn decided_as_of_old(
        &self,
        facts: &Facts,
        id: ServerId,
        vote: Vote,
        algorithm: ElectionAlg,
        report: &mut Report,
    ) {
        let pushed = algorithm != ElectionAlg::Polling;
        let names = |(_, said): &(PeerState, Vote)| {
            said.leader == vote.leader && (!pushed || said.zxid == vote.zxid)
        };
        let naming = self.heard.iter().filter(|(_, said)| said.iter().any(names));
        let all = facts.quorums.voters().all(|voter| self.heard.contains_key(&voter));
        if facts.is_quorum(naming.map(|(sid, _)| *sid)) || (pushed && all) {
            return;
        }
        let leader = vote.leader;
        let why = format!("server {id} decided for {leader} without a quorum of votes for it");
        report.broken(Invariant::E3, [id, leader], why);
    }
}

/// E2: within one round a vote only gets better.
fn only_better(
    quorums: &Quorums,
    id: ServerId,
    before: Vote,
    vote: Vote,
    reason: Reason,
    report: &mut Report,
) {
    let same_round = before.election_epoch == vote.election_epoch;
    let worse = supersedes(quorums, &vote, &before).is_none();
    if same_round && worse && !matches!(reason, Reason::OwnVote | Reason::Round) {
        let (from, to) = (before.leader, vote.leader);
        let why = format!("server {id} changed its vote from {from} to {to}, which is no better");
        report.broken(Invariant::E2, [id], why);
    }
}
