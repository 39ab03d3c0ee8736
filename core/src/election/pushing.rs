//! `AuthFastLeaderElection` (`electionAlg=1`, and `2` with a challenge): votes are pushed as in
//! [`super::fast`], over datagrams that [`super::courier`] repeats until they are acknowledged.
//!
//! Votes are ordered by zxid, then by server; the epoch of the candidate does not travel. A server
//! that leads or follows already says so in its acknowledgements.
//! Source: `AuthFastLeaderElection.lookForLeader` of releases before 3.6. Not kept: that a server
//! stops counting votes while it waits for a better one.

use alloc::vec::Vec;

use super::{Ask, Ballot, Wait};
use crate::limits::PUSH_FINALIZE_WAIT_MS;
use crate::policy::Policy;
use crate::process::{Effect, Out};
use crate::quorum::Quorums;
use crate::sorted::SortedMap;
use crate::trace::{Event, Reason, Verdict};
use crate::types::{Mono, ServerId, Zxid};
use crate::wire::election::{PeerState, Vote};

/// An election under way at one server.
#[derive(Clone, Debug, Hash)]
pub struct PushingElection {
    quorums: Quorums,
    proposal: Vote,
    received: SortedMap<ServerId, Ballot>,
    out_of_election: SortedMap<ServerId, Ballot>,
    wait: Wait,
}

/// What votes are compared by.
fn rank(vote: &Vote) -> (bool, Zxid, ServerId) {
    (vote.leader.is_named(), vote.zxid, vote.leader)
}

impl PushingElection {
    /// Begins a round. `own` names this server and its last logged zxid; an observer proposes
    /// nobody.
    pub fn start(quorums: Quorums, own: Vote, now: Mono, out: &mut Out<Effect>) -> PushingElection {
        out.milestone(Event::ElectionStarted { round: own.election_epoch });
        out.event(|| Event::VoteChanged { vote: own, reason: Reason::OwnVote });
        PushingElection {
            quorums,
            proposal: own,
            received: SortedMap::new(),
            out_of_election: SortedMap::new(),
            wait: gathering(now),
        }
    }

    /// The vote that this server proposes now.
    pub fn proposal(&self) -> Vote {
        self.proposal
    }

    /// The latest votes of this round, by voter.
    pub fn received(&self) -> &SortedMap<ServerId, Ballot> {
        &self.received
    }

    /// The latest votes of servers that lead or follow, by voter.
    pub fn out_of_election(&self) -> &SortedMap<ServerId, Ballot> {
        &self.out_of_election
    }

    /// The voters whose votes of this round name the proposed candidate.
    pub fn agreeing(&self) -> Vec<ServerId> {
        naming(&self.received, &self.proposal).collect()
    }

    /// True if a quorum agrees and only a better vote could change the outcome.
    pub fn is_deciding(&self) -> bool {
        self.wait.is_deciding()
    }

    /// When to call [`PushingElection::on_timer`].
    pub fn deadline(&self) -> Mono {
        self.wait.until()
    }

    /// The deadline has come. Who has heard of nobody but itself has nothing new to say.
    pub fn on_timer(&mut self, now: Mono) -> Option<Ask> {
        match self.wait {
            Wait::Gathering { until } if now >= until => {
                self.wait = gathering(now);
                let alone = self.received.len() <= 1 && self.out_of_election.is_empty();
                (!alone).then_some(Ask::SendToAll)
            }
            Wait::Finalizing { until } if now >= until => Some(Ask::Elected(self.proposal)),
            Wait::Gathering { .. } | Wait::Finalizing { .. } => None,
        }
    }

    /// Judges a vote, this server's own included.
    pub fn on_notification<P: Policy>(
        &mut self,
        policy: &P,
        now: Mono,
        from: ServerId,
        ballot: Ballot,
        out: &mut Out<Effect>,
    ) -> Vec<Ask> {
        let mut asks = Vec::new();
        let is_voter = |sid: &ServerId| self.quorums.is_voter(*sid);
        let verdict = if !is_voter(&from) || !is_voter(&ballot.vote.leader) {
            Verdict::NotVoter
        } else {
            match ballot.state {
                PeerState::Looking => self.judge(policy, now, from, ballot, &mut asks, out),
                PeerState::Following | PeerState::Leading => {
                    self.join(policy, from, ballot, &mut asks)
                }
                PeerState::Observing => Verdict::Ignored,
            }
        };
        let Ballot { state, vote } = ballot;
        out.event(|| Event::NotificationReceived { from, state, vote, verdict });
        asks
    }

    fn judge<P: Policy>(
        &mut self,
        policy: &P,
        now: Mono,
        from: ServerId,
        ballot: Ballot,
        asks: &mut Vec<Ask>,
        out: &mut Out<Effect>,
    ) -> Verdict {
        let vote = ballot.vote;
        let (round, mine) = (self.proposal.election_epoch, self.proposal);
        if vote.election_epoch < round {
            return Verdict::Ignored;
        }
        let better = rank(&vote) > rank(&mine);
        let reason = match (vote.zxid == mine.zxid, vote.leader == mine.leader) {
            (false, _) => Reason::Zxid,
            (true, false) => Reason::Sid,
            (true, true) => Reason::Equal,
        };
        let verdict = if vote.election_epoch > round {
            // What was adopted in the old round is kept, unlike in FastLeaderElection.
            self.received.clear();
            let best = if better { vote } else { mine };
            let joined = Vote { election_epoch: vote.election_epoch, ..best };
            self.propose(joined, Reason::Round, asks, out);
            Verdict::JoinedRound
        } else if better {
            self.propose(vote, reason, asks, out);
            Verdict::Adopted(reason)
        } else {
            Verdict::Kept(reason)
        };
        self.received.insert(from, ballot);
        self.tally(policy, now, asks, out);
        verdict
    }

    fn propose(&mut self, vote: Vote, reason: Reason, asks: &mut Vec<Ask>, out: &mut Out<Effect>) {
        self.proposal = vote;
        out.event(|| Event::VoteChanged { vote, reason });
        asks.push(Ask::SendToAll);
    }

    /// All have spoken, or a quorum agrees and waits for a better vote.
    fn tally<P: Policy>(
        &mut self,
        policy: &P,
        now: Mono,
        asks: &mut Vec<Ask>,
        out: &mut Out<Effect>,
    ) {
        if self.received.len() == self.quorums.voters().len() {
            asks.push(Ask::Elected(self.proposal));
            return;
        }
        let voters = self.agreeing();
        if !self.quorums.is_quorum(policy, voters.iter().copied()) {
            self.wait = gathering(now);
            return;
        }
        if !self.wait.is_deciding() {
            let vote = self.proposal;
            out.event(|| Event::QuorumReached { vote, voters });
            self.wait = Wait::Finalizing { until: now.plus_ms(PUSH_FINALIZE_WAIT_MS) };
        }
    }

    /// The sender leads or follows: a quorum of such that name one candidate is joined.
    fn join<P: Policy>(
        &mut self,
        policy: &P,
        from: ServerId,
        ballot: Ballot,
        asks: &mut Vec<Ask>,
    ) -> Verdict {
        self.out_of_election.insert(from, ballot);
        let agreeing = naming(&self.out_of_election, &ballot.vote);
        if self.quorums.is_quorum(policy, agreeing) {
            self.proposal = ballot.vote;
            asks.push(Ask::Elected(ballot.vote));
        }
        Verdict::OutOfElection
    }
}

/// A vote or a timeout begins the wait anew.
fn gathering(now: Mono) -> Wait {
    Wait::Gathering { until: now.plus_ms(2 * PUSH_FINALIZE_WAIT_MS) }
}

/// Who names the candidate of this vote, with the same last transaction.
fn naming<'a>(
    ballots: &'a SortedMap<ServerId, Ballot>,
    vote: &'a Vote,
) -> impl Iterator<Item = ServerId> + Clone + 'a {
    let same =
        move |ballot: &Ballot| (ballot.vote.leader, ballot.vote.zxid) == (vote.leader, vote.zxid);
    ballots.iter().filter(move |(_, ballot)| same(ballot)).map(|(sid, _)| *sid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Correct;
    use crate::types::{ElectionEpoch, Epoch};

    fn vote(leader: i64, round: u64, zxid: (u32, u32)) -> Vote {
        Vote {
            leader: ServerId(leader),
            zxid: Zxid::new(Epoch(zxid.0), zxid.1),
            election_epoch: ElectionEpoch(round),
            peer_epoch: Epoch(0),
        }
    }

    fn looking(vote: Vote) -> Ballot {
        Ballot { state: PeerState::Looking, vote }
    }

    fn start(servers: i64, own: Vote) -> PushingElection {
        let quorums = Quorums::majority((1..=servers).map(ServerId));
        PushingElection::start(quorums, own, Mono(0), &mut Out::new(false))
    }

    fn hear(election: &mut PushingElection, from: i64, ballot: Ballot) -> Vec<Ask> {
        let out = &mut Out::new(false);
        election.on_notification(&Correct, Mono(1), ServerId(from), ballot, out)
    }

    #[test]
    fn a_quorum_waits_and_a_better_vote_interrupts_it() {
        let own = vote(2, 1, (1, 5));
        let mut election = start(5, own);
        for sid in [1, 2, 3] {
            assert!(hear(&mut election, sid, looking(own)).is_empty());
        }
        let until = Mono(1).plus_ms(PUSH_FINALIZE_WAIT_MS);
        assert_eq!(election.deadline(), until);
        assert_eq!(election.clone().on_timer(until), Some(Ask::Elected(own)));
        let better = vote(1, 1, (1, 6));
        assert_eq!(hear(&mut election, 4, looking(better)), [Ask::SendToAll]);
        assert!(!election.is_deciding());
        assert_eq!(election.proposal(), better);
    }

    #[test]
    fn it_is_over_when_everybody_has_spoken() {
        let own = vote(3, 1, (1, 5));
        let mut election = start(3, own);
        hear(&mut election, 3, looking(own));
        hear(&mut election, 1, looking(vote(1, 1, (1, 5))));
        let asks = hear(&mut election, 2, looking(vote(2, 1, (1, 4))));
        assert_eq!(asks, [Ask::Elected(own)]);
    }

    #[test]
    fn a_newer_round_keeps_what_was_adopted_and_an_older_one_is_ignored() {
        let mut election = start(5, vote(1, 3, (1, 5)));
        hear(&mut election, 4, looking(vote(4, 3, (1, 9))));
        hear(&mut election, 5, looking(vote(5, 5, (1, 2))));
        assert_eq!(election.proposal(), vote(4, 5, (1, 9)));
        assert_eq!(election.received().len(), 1);
        assert!(hear(&mut election, 2, looking(vote(2, 4, (1, 99)))).is_empty());
        assert_eq!(election.received().len(), 1);
    }

    #[test]
    fn a_running_ensemble_is_joined_by_a_quorum_of_its_members() {
        let mut election = start(3, vote(3, 1, (1, 9)));
        let theirs = vote(2, 7, (1, 5));
        let follower = Ballot { state: PeerState::Following, vote: theirs };
        assert!(hear(&mut election, 1, follower).is_empty());
        let leader = Ballot { state: PeerState::Leading, vote: theirs };
        assert_eq!(hear(&mut election, 2, leader), [Ask::Elected(theirs)]);
    }

    #[test]
    fn who_has_heard_of_nobody_does_not_repeat_itself() {
        let own = vote(1, 1, (0, 0));
        let mut election = start(3, own);
        hear(&mut election, 1, looking(own));
        assert_eq!(election.on_timer(election.deadline()), None);
        hear(&mut election, 2, looking(vote(1, 1, (0, 0))));
        assert!(election.is_deciding());
        hear(&mut election, 2, looking(vote(2, 1, (0, 0))));
        assert_eq!(election.on_timer(election.deadline()), Some(Ask::SendToAll));
    }
}
