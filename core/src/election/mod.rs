//! Leader election: the decision, and what carries the votes.
//!
//! Servers run [`fast`] over the connections of [`mesh`]. The two older algorithms live here for
//! simulations: [`polling`] asks, [`pushing`] tells by the datagrams of [`courier`].

pub mod courier;
pub mod fast;
pub mod mesh;
pub mod polling;
pub mod pushing;

use alloc::vec::Vec;

use crate::process::{Effect, Out};
use crate::sorted::SortedMap;
use crate::types::{Mono, ServerId};
use crate::wire::election::{PeerState, Vote};
use fast::FastElection;
use polling::PollingElection;
use pushing::PushingElection;

/// What one server said of itself and its vote.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Ballot {
    /// Its state when it sent.
    pub state: PeerState,
    /// Its vote.
    pub vote: Vote,
}

/// What an election asks of its surroundings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Send the current proposal to every voter, this server included.
    SendToAll,
    /// Send the current proposal to one server that lags behind.
    SendTo(ServerId),
    /// Nothing came for a whole interval: send again, or connect again if nothing could be sent.
    Nudge,
    /// Ask a voter whom it votes for.
    Poll {
        /// Whom.
        whom: ServerId,
        /// Comes back in the answer.
        xid: i32,
    },
    /// It is over.
    Elected(Vote),
}

/// What an election that is told votes waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
enum Wait {
    /// Until then for the next vote.
    Gathering { until: Mono },
    /// A quorum agrees; until then for a better vote.
    Finalizing { until: Mono },
}

impl Wait {
    fn until(self) -> Mono {
        match self {
            Wait::Gathering { until } | Wait::Finalizing { until } => until,
        }
    }

    fn is_deciding(self) -> bool {
        matches!(self, Wait::Finalizing { .. })
    }
}

/// An election under way at one server, by any algorithm.
#[derive(Clone, Debug, Hash)]
pub enum Election {
    /// `electionAlg=3`.
    Fast(FastElection),
    /// `electionAlg=0`.
    Polling(PollingElection),
    /// `electionAlg=1` and `2`.
    Pushing(PushingElection),
}

impl Election {
    /// The vote that this server proposes now.
    pub fn proposal(&self) -> Vote {
        match self {
            Election::Fast(election) => election.proposal(),
            Election::Polling(election) => election.proposal(),
            Election::Pushing(election) => election.proposal(),
        }
    }

    /// The latest votes of this round or poll, by voter.
    pub fn received(&self) -> SortedMap<ServerId, Ballot> {
        match self {
            Election::Fast(election) => election.received().clone(),
            Election::Polling(election) => {
                let ballot = |vote| Ballot { state: PeerState::Looking, vote };
                election.heard().map(|(sid, vote)| (sid, ballot(vote))).collect()
            }
            Election::Pushing(election) => election.received().clone(),
        }
    }

    /// The latest votes of servers that lead or follow, by voter. A poll's answer does not say
    /// what its sender does.
    pub fn out_of_election(&self) -> SortedMap<ServerId, Ballot> {
        match self {
            Election::Fast(election) => election.out_of_election().clone(),
            Election::Polling(_) => SortedMap::new(),
            Election::Pushing(election) => election.out_of_election().clone(),
        }
    }

    /// The voters whose latest votes equal the proposal.
    pub fn agreeing(&self) -> Vec<ServerId> {
        match self {
            Election::Fast(election) => election.agreeing(),
            Election::Polling(election) => {
                let vote = election.proposal();
                let agrees = election.heard().filter(|(_, heard)| *heard == vote);
                agrees.map(|(sid, _)| sid).collect()
            }
            Election::Pushing(election) => election.agreeing(),
        }
    }

    /// True if a quorum agrees and only a better vote could change the outcome.
    pub fn is_deciding(&self) -> bool {
        match self {
            Election::Fast(election) => election.is_deciding(),
            Election::Polling(_) => false,
            Election::Pushing(election) => election.is_deciding(),
        }
    }

    /// When to call [`Election::on_timer`].
    pub fn deadline(&self) -> Mono {
        match self {
            Election::Fast(election) => election.deadline(),
            Election::Polling(election) => election.deadline(),
            Election::Pushing(election) => election.deadline(),
        }
    }

    /// The deadline has come.
    pub fn on_timer(&mut self, now: Mono, out: &mut Out<Effect>) -> Vec<Ask> {
        match self {
            Election::Fast(election) => election.on_timer(now).into_iter().collect(),
            Election::Polling(election) => election.on_timer(now, out),
            Election::Pushing(election) => election.on_timer(now).into_iter().collect(),
        }
    }
}
