//! Fast Leader Election: which vote wins, decided one notification at a time.
//!
//! A pure state machine: it says what to send and when to wake it; the connections are
//! [`super::mesh`]'s, the receive queue and the role change are the peer's.
//! Source: ZooKeeper's `FastLeaderElection.lookForLeader`; the reading of votes of servers that
//! already lead or follow is ZOOKEEPER-1732, 1805, 1818.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::{Ask, Ballot, Wait};
use crate::limits::{FINALIZE_WAIT_MS, NOTIFICATION_INTERVAL_MAX_MS, NOTIFICATION_INTERVAL_MIN_MS};
use crate::policy::Policy;
use crate::process::{Effect, Out};
use crate::quorum::Quorums;
use crate::sorted::SortedMap;
use crate::trace::{Event, Reason, Verdict};
use crate::types::{ElectionEpoch, Mono, ServerId};
use crate::wire::election::{PeerState, Vote};

/// An election under way at one server.
#[derive(Clone, Debug, Hash)]
pub struct FastElection {
    me: ServerId,
    quorums: Quorums,
    /// The vote this server started with; what a newer round is compared to.
    own: Vote,
    proposal: Vote,
    received: SortedMap<ServerId, Ballot>,
    out_of_election: SortedMap<ServerId, Ballot>,
    interval_ms: u64,
    wait: Wait,
}

/// The total order of votes: epoch, then zxid, then server, behind whether the candidate could be
/// elected at all. `Some(field)` if `a` beats `b`.
pub fn supersedes(quorums: &Quorums, a: &Vote, b: &Vote) -> Option<Reason> {
    match deciding_field(quorums, a, b) {
        (Ordering::Greater, reason) => Some(reason),
        (Ordering::Less | Ordering::Equal, _) => None,
    }
}

fn deciding_field(quorums: &Quorums, a: &Vote, b: &Vote) -> (Ordering, Reason) {
    // An observer proposes nobody; whoever is proposed beats that.
    let named = a.leader.is_named().cmp(&b.leader.is_named());
    if named.is_ne() {
        return (named, Reason::Sid);
    }
    let is_electable = |vote: &Vote| quorums.is_electable(vote.leader);
    let by_weight = is_electable(a).cmp(&is_electable(b));
    if by_weight.is_ne() {
        return (by_weight, Reason::Weight);
    }
    let by_epoch = a.peer_epoch.cmp(&b.peer_epoch);
    if by_epoch.is_ne() {
        return (by_epoch, Reason::Epoch);
    }
    let by_zxid = a.zxid.cmp(&b.zxid);
    if by_zxid.is_ne() {
        return (by_zxid, Reason::Zxid);
    }
    let by_sid = a.leader.cmp(&b.leader);
    if by_sid.is_ne() { (by_sid, Reason::Sid) } else { (by_sid, Reason::Equal) }
}

impl FastElection {
    /// Begins a round. `own` names this server, its last logged zxid and currentEpoch, and the
    /// round; an observer proposes nobody.
    pub fn start(
        me: ServerId,
        quorums: Quorums,
        own: Vote,
        now: Mono,
        out: &mut Out<Effect>,
    ) -> FastElection {
        out.milestone(Event::ElectionStarted { round: own.election_epoch });
        out.event(|| Event::VoteChanged { vote: own, reason: Reason::OwnVote });
        FastElection {
            me,
            quorums,
            own,
            proposal: own,
            received: SortedMap::new(),
            out_of_election: SortedMap::new(),
            interval_ms: NOTIFICATION_INTERVAL_MIN_MS,
            wait: Wait::Gathering { until: now.plus_ms(NOTIFICATION_INTERVAL_MIN_MS) },
        }
    }

    /// The vote that this server proposes now.
    pub fn proposal(&self) -> Vote {
        self.proposal
    }

    /// The round.
    pub fn round(&self) -> ElectionEpoch {
        self.proposal.election_epoch
    }

    /// The latest votes of this round, by voter.
    pub fn received(&self) -> &SortedMap<ServerId, Ballot> {
        &self.received
    }

    /// The latest votes of servers that lead or follow, by voter.
    pub fn out_of_election(&self) -> &SortedMap<ServerId, Ballot> {
        &self.out_of_election
    }

    /// The voters whose votes of this round equal the proposal.
    pub fn agreeing(&self) -> Vec<ServerId> {
        self.received
            .iter()
            .filter(|(sid, ballot)| self.quorums.is_voter(**sid) && ballot.vote == self.proposal)
            .map(|(sid, _)| *sid)
            .collect()
    }

    /// True if a quorum agrees and only a better vote could change the outcome.
    pub fn is_deciding(&self) -> bool {
        self.wait.is_deciding()
    }

    /// When to call [`FastElection::on_timer`].
    pub fn deadline(&self) -> Mono {
        self.wait.until()
    }

    /// The deadline has come.
    pub fn on_timer(&mut self, now: Mono) -> Option<Ask> {
        match self.wait {
            Wait::Gathering { until } if now >= until => {
                self.interval_ms = (self.interval_ms * 2).min(NOTIFICATION_INTERVAL_MAX_MS);
                self.wait = Wait::Gathering { until: now.plus_ms(self.interval_ms) };
                Some(Ask::Nudge)
            }
            Wait::Finalizing { until } if now >= until => Some(Ask::Elected(self.proposal)),
            Wait::Gathering { .. } | Wait::Finalizing { .. } => None,
        }
    }

    /// Judges one notification of the voter `from`, this server's own included.
    pub fn on_notification<P: Policy>(
        &mut self,
        policy: &P,
        now: Mono,
        from: ServerId,
        ballot: Ballot,
        out: &mut Out<Effect>,
    ) -> Vec<Ask> {
        let mut asks = Vec::new();
        let verdict = self.judge(policy, now, from, ballot, &mut asks, out);
        out.event(|| Event::NotificationReceived {
            from,
            state: ballot.state,
            vote: ballot.vote,
            verdict,
        });
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
        let is_voter = |sid: &ServerId| self.quorums.is_voter(*sid);
        if !is_voter(&from) || !is_voter(&ballot.vote.leader) {
            return Verdict::NotVoter;
        }
        match ballot.state {
            PeerState::Looking => self.judge_looking(policy, now, from, ballot, asks, out),
            PeerState::Following | PeerState::Leading => {
                self.judge_established(policy, from, ballot, asks)
            }
            PeerState::Observing => Verdict::Ignored,
        }
    }

    fn judge_looking<P: Policy>(
        &mut self,
        policy: &P,
        now: Mono,
        from: ServerId,
        ballot: Ballot,
        asks: &mut Vec<Ask>,
        out: &mut Out<Effect>,
    ) -> Verdict {
        let vote = ballot.vote;
        let verdict = if vote.election_epoch > self.round() {
            self.join_round(vote, asks, out);
            Verdict::JoinedRound
        } else if vote.election_epoch < self.round() {
            asks.push(Ask::SendTo(from));
            return Verdict::OlderRound;
        } else {
            let (order, reason) = deciding_field(&self.quorums, &vote, &self.proposal);
            if order.is_gt() {
                self.propose(vote, reason, asks, out);
                Verdict::Adopted(reason)
            } else {
                Verdict::Kept(reason)
            }
        };
        self.received.insert(from, ballot);
        self.tally(policy, now, asks, out);
        verdict
    }

    /// A newer round: what was counted in the old one says nothing. The own *first* vote is what
    /// the newcomer is compared to, not the one adopted in the old round.
    fn join_round(&mut self, vote: Vote, asks: &mut Vec<Ask>, out: &mut Out<Effect>) {
        self.received.clear();
        self.own.election_epoch = vote.election_epoch;
        let newer = supersedes(&self.quorums, &vote, &self.own).is_some();
        let best = if newer { vote } else { self.own };
        self.propose(best, Reason::Round, asks, out);
    }

    fn propose(&mut self, vote: Vote, reason: Reason, asks: &mut Vec<Ask>, out: &mut Out<Effect>) {
        self.proposal = vote;
        out.event(|| Event::VoteChanged { vote, reason });
        asks.push(Ask::SendToAll);
    }

    /// Counts the votes that equal the proposal and decides how long to wait on.
    fn tally<P: Policy>(
        &mut self,
        policy: &P,
        now: Mono,
        asks: &mut Vec<Ask>,
        out: &mut Out<Effect>,
    ) {
        let agree = self.agreeing();
        if !self.quorums.is_quorum(policy, agree.iter().copied()) {
            if self.wait.is_deciding() || !policy.asks_on_time() {
                self.wait = Wait::Gathering { until: now.plus_ms(self.interval_ms) };
            }
            return;
        }
        if agree.len() == self.quorums.voters().len() || !policy.waits_for_better_votes() {
            // Nobody is left who could name a better one.
            asks.push(Ask::Elected(self.proposal));
            return;
        }
        if !self.wait.is_deciding() {
            let vote = self.proposal;
            out.event(|| Event::QuorumReached { vote, voters: agree });
        }
        self.wait = Wait::Finalizing { until: now.plus_ms(FINALIZE_WAIT_MS) };
    }

    /// The sender leads or follows already: join it if a quorum says the same and the leader
    /// itself confirms, so that nobody elects a dead leader whom others still quote.
    fn judge_established<P: Policy>(
        &mut self,
        policy: &P,
        from: ServerId,
        ballot: Ballot,
        asks: &mut Vec<Ask>,
    ) -> Verdict {
        let vote = ballot.vote;
        if vote.election_epoch == self.round() {
            self.received.insert(from, ballot);
            if self.confirmed(policy, &self.received, &ballot) {
                self.settle_on(vote, asks);
                return Verdict::OutOfElection;
            }
        }
        self.out_of_election.insert(from, ballot);
        if self.confirmed(policy, &self.out_of_election, &ballot) {
            self.settle_on(vote, asks);
        }
        Verdict::OutOfElection
    }

    fn settle_on(&mut self, vote: Vote, asks: &mut Vec<Ask>) {
        self.proposal = vote;
        asks.push(Ask::Elected(vote));
    }

    fn confirmed<P: Policy>(
        &self,
        policy: &P,
        votes: &SortedMap<ServerId, Ballot>,
        claim: &Ballot,
    ) -> bool {
        let is_same = |ballot: &Ballot| same_choice(policy, ballot, claim);
        let agree = votes.iter().filter(|(_, ballot)| is_same(ballot)).map(|(sid, _)| *sid);
        // By a configuration that is only proposed, a server that was alone in seeing it could
        // never come back (unlike Java). The leader counts for itself.
        self.quorums.is_quorum_in_force(policy, agree)
            && (self.leader_confirms(votes, &claim.vote) || !policy.asks_the_leader())
    }

    fn leader_confirms(&self, votes: &SortedMap<ServerId, Ballot>, vote: &Vote) -> bool {
        if vote.leader == self.me {
            return vote.election_epoch == self.round();
        }
        votes.get(&vote.leader).is_some_and(|ballot| ballot.state == PeerState::Leading)
    }
}

/// Whether two ballots choose the same leader. Members of an established ensemble may differ in
/// zxid and round, so among them only leader and epoch count (ZOOKEEPER-1805).
fn same_choice<P: Policy>(policy: &P, a: &Ballot, b: &Ballot) -> bool {
    let is_looking = a.state == PeerState::Looking || b.state == PeerState::Looking;
    if is_looking || !policy.joins_by_leader_and_epoch() {
        a.vote == b.vote
    } else {
        a.vote.leader == b.vote.leader && a.vote.peer_epoch == b.vote.peer_epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Correct;
    use crate::quorum::{GroupId, Seat};
    use crate::types::{Epoch, Zxid};

    fn vote(leader: i64, round: u64, epoch: u32, counter: u32) -> Vote {
        Vote {
            leader: ServerId(leader),
            zxid: Zxid::new(Epoch(1), counter),
            election_epoch: ElectionEpoch(round),
            peer_epoch: Epoch(epoch),
        }
    }

    fn looking(vote: Vote) -> Ballot {
        Ballot { state: PeerState::Looking, vote }
    }

    fn start(me: i64, servers: i64, own: Vote) -> FastElection {
        let quorums = Quorums::majority((1..=servers).map(ServerId));
        FastElection::start(ServerId(me), quorums, own, Mono(0), &mut Out::new(false))
    }

    fn hear(election: &mut FastElection, from: i64, ballot: Ballot) -> Vec<Ask> {
        let out = &mut Out::new(false);
        election.on_notification(&Correct, Mono(1), ServerId(from), ballot, out)
    }

    #[test]
    fn epoch_beats_zxid_beats_number() {
        let quorums = Quorums::majority((1..=3).map(ServerId));
        let order = [vote(1, 1, 1, 3), vote(3, 1, 1, 3), vote(2, 1, 1, 9), vote(1, 1, 2, 1)];
        for (low, a) in order.iter().enumerate() {
            for b in &order[low + 1..] {
                assert!(supersedes(&quorums, b, a).is_some());
                assert_eq!(supersedes(&quorums, a, b), None);
            }
        }
        assert!(supersedes(&quorums, &order[0], &Vote::for_nobody(ElectionEpoch(1))).is_some());
    }

    #[test]
    fn a_quorum_waits_for_a_better_vote_and_then_decides() {
        let own = vote(2, 1, 0, 5);
        let mut election = start(2, 3, own);
        assert!(hear(&mut election, 2, looking(own)).is_empty());
        assert!(!election.is_deciding());
        assert!(hear(&mut election, 1, looking(own)).is_empty());
        assert!(election.is_deciding());
        let until = election.deadline();
        assert_eq!(until, Mono(1).plus_ms(FINALIZE_WAIT_MS));
        assert_eq!(election.on_timer(Mono(until.0 - 1)), None);
        let mut interrupted = election.clone();
        assert_eq!(election.on_timer(until), Some(Ask::Elected(own)));

        let better = vote(3, 1, 0, 5);
        assert_eq!(hear(&mut interrupted, 3, looking(better)), [Ask::SendToAll]);
        assert_eq!(interrupted.on_timer(until), Some(Ask::Nudge));
        assert_eq!(interrupted.proposal(), better);
    }

    #[test]
    fn nobody_is_waited_for_once_all_agree() {
        let own = vote(3, 1, 0, 5);
        let mut election = start(3, 3, own);
        hear(&mut election, 3, looking(own));
        hear(&mut election, 1, looking(own));
        assert_eq!(hear(&mut election, 2, looking(own)), [Ask::Elected(own)]);
    }

    #[test]
    fn a_newer_round_clears_the_tally_and_compares_with_the_own_first_vote() {
        let mut election = start(1, 3, vote(1, 3, 1, 9));
        // Adopted in round 3, and worth nothing in round 5.
        hear(&mut election, 2, looking(vote(2, 3, 2, 9)));
        assert_eq!(election.proposal().leader, ServerId(2));
        hear(&mut election, 3, looking(vote(3, 5, 1, 2)));
        assert_eq!(election.proposal(), vote(1, 5, 1, 9));
        assert_eq!(election.received().len(), 1);
    }

    #[test]
    fn an_older_round_is_answered_and_not_counted() {
        let mut election = start(2, 3, vote(2, 5, 1, 9));
        let asks = hear(&mut election, 1, looking(vote(1, 3, 1, 9)));
        assert_eq!(asks, [Ask::SendTo(ServerId(1))]);
        assert!(election.received().is_empty());
    }

    #[test]
    fn a_running_ensemble_is_joined_only_when_its_leader_says_so_itself() {
        let mut election = start(3, 3, vote(3, 1, 0, 9));
        let theirs = vote(2, 7, 2, 1);
        let follower = Ballot { state: PeerState::Following, vote: theirs };
        assert!(hear(&mut election, 1, follower).is_empty());
        // Round and zxid of its members may differ (ZOOKEEPER-1805).
        let leader = Ballot { state: PeerState::Leading, vote: vote(2, 8, 2, 4) };
        assert_eq!(hear(&mut election, 2, leader), [Ask::Elected(leader.vote)]);
    }

    #[test]
    fn a_dead_leader_whom_others_still_quote_is_not_elected() {
        let mut election = start(4, 5, vote(4, 1, 1, 9));
        let quoted = Ballot { state: PeerState::Following, vote: vote(3, 2, 1, 1) };
        for sid in [1, 2, 5] {
            assert!(hear(&mut election, sid, quoted).is_empty());
        }
    }

    /// Servers 1 and 2 weigh 1, and 3 nothing.
    fn weighted(me: i64, own: Vote) -> FastElection {
        let seat = |sid| Seat { group: GroupId(1), weight: u32::from(sid < 3) };
        let quorums = Quorums::new((1..=3).map(|sid| (ServerId(sid), seat(sid))).collect());
        FastElection::start(ServerId(me), quorums, own, Mono(0), &mut Out::new(false))
    }

    #[test]
    fn who_weighs_nothing_is_neither_elected_nor_waited_for() {
        let (ahead, own) = (vote(3, 1, 2, 9), vote(2, 1, 0, 5));
        let mut election = weighted(2, own);
        hear(&mut election, 2, looking(own));
        assert!(hear(&mut election, 3, looking(ahead)).is_empty());
        assert!(hear(&mut election, 3, looking(own)).is_empty());
        assert!(!election.is_deciding(), "its vote counts nothing");
        hear(&mut election, 1, looking(own));
        assert_eq!(election.proposal(), own);

        let mut weightless = weighted(3, ahead);
        assert_eq!(hear(&mut weightless, 2, looking(own)), [Ask::SendToAll]);
        assert_eq!(weightless.proposal(), own);
    }

    #[test]
    fn who_has_no_vote_is_not_counted() {
        let mut election = start(1, 3, vote(1, 1, 0, 5));
        assert!(hear(&mut election, 9, looking(vote(1, 1, 0, 5))).is_empty());
        assert!(hear(&mut election, 2, looking(vote(9, 1, 7, 9))).is_empty());
        assert!(election.received().is_empty());
    }
}
