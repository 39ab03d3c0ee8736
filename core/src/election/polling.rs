//! `LeaderElection`, the first algorithm (`electionAlg=0`): every server asks every voter, one
//! after the other, whom it votes for, and again a second later, until one candidate has a
//! majority.
//!
//! A vote is a candidate and its last transaction; it has no round and no epoch, and nobody is told
//! of a change: so it takes several seconds where [`super::fast`] takes a fraction of one, and it
//! can prefer a longer history of an older epoch.
//! Source: `LeaderElection` of releases before 3.6; ZOOKEEPER-569 for votes for the dead.

use alloc::vec::Vec;

use super::Ask;
use crate::limits::{POLL_PAUSE_MS, POLL_WAIT_MS};
use crate::process::{Effect, Out};
use crate::sorted::{SortedMap, SortedSet};
use crate::trace::{Event, Reason, Verdict};
use crate::types::{Mono, ServerId, Zxid};
use crate::wire::election::{PeerState, Vote};

/// Whom a server names, and how far that one is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Candidate {
    /// Its last transaction; the greatest wins.
    pub zxid: Zxid,
    /// Who; among equals the greatest number wins.
    pub leader: ServerId,
}

/// An election under way at one server.
#[derive(Clone, Debug, Hash)]
pub struct PollingElection {
    me: ServerId,
    voters: SortedSet<ServerId>,
    own: Vote,
    proposal: Vote,
    /// Answers carry it back; those of an earlier election do not have it.
    xid: i32,
    /// What this poll has brought, by who said it.
    heard: SortedMap<ServerId, Candidate>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
enum Stage {
    /// Until then for the answer of this one.
    Asking { whom: ServerId, until: Mono },
    /// The next poll is then.
    Pausing { until: Mono },
}

/// What one poll comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Count {
    /// Votes for servers that answered themselves.
    valid: usize,
    /// The greatest candidate among them.
    best: Option<Candidate>,
    /// The candidate with most votes, and how many.
    first: Option<(Candidate, usize)>,
}

impl PollingElection {
    /// Begins to poll. `own` names this server and its last logged zxid; an observer, which is
    /// asked by nobody, proposes nobody. `xid` is random.
    pub fn start(
        me: ServerId,
        voters: SortedSet<ServerId>,
        own: Vote,
        xid: i32,
        now: Mono,
        out: &mut Out<Effect>,
    ) -> PollingElection {
        out.milestone(Event::ElectionStarted { round: own.election_epoch });
        out.event(|| Event::VoteChanged { vote: own, reason: Reason::OwnVote });
        let heard = SortedMap::new();
        // Nobody has been asked: the first poll begins with the first tick, which is due now.
        let stage = Stage::Pausing { until: now };
        PollingElection { me, voters, own, proposal: own, xid, heard, stage }
    }

    /// The vote that this server tells whoever asks.
    pub fn proposal(&self) -> Vote {
        self.proposal
    }

    /// What this poll has brought so far, as votes.
    pub fn heard(&self) -> impl Iterator<Item = (ServerId, Vote)> {
        self.heard.iter().map(|(sid, candidate)| (*sid, self.vote_for(*candidate)))
    }

    /// When to call [`PollingElection::on_timer`].
    pub fn deadline(&self) -> Mono {
        match self.stage {
            Stage::Asking { until, .. } | Stage::Pausing { until } => until,
        }
    }

    /// The deadline has come.
    pub fn on_timer(&mut self, now: Mono, out: &mut Out<Effect>) -> Vec<Ask> {
        if now < self.deadline() {
            return Vec::new();
        }
        match self.stage {
            Stage::Asking { whom, .. } => self.ask_after(Some(whom), now, out),
            Stage::Pausing { .. } => {
                self.heard.clear();
                self.ask_after(None, now, out)
            }
        }
    }

    /// An answer; the own vote is asked for like any other.
    pub fn on_answer(
        &mut self,
        now: Mono,
        from: ServerId,
        xid: i32,
        candidate: Candidate,
        out: &mut Out<Effect>,
    ) -> Vec<Ask> {
        let Stage::Asking { whom, .. } = self.stage else { return Vec::new() };
        let counts = xid == self.xid && self.voters.contains(&from);
        let verdict = if counts { Verdict::Noted } else { Verdict::Ignored };
        let vote = self.vote_for(candidate);
        let state = PeerState::Looking;
        out.event(|| Event::NotificationReceived { from, state, vote, verdict });
        if !counts {
            return Vec::new();
        }
        self.heard.insert(from, candidate);
        if from == whom { self.ask_after(Some(whom), now, out) } else { Vec::new() }
    }

    fn vote_for(&self, candidate: Candidate) -> Vote {
        Vote { leader: candidate.leader, zxid: candidate.zxid, ..self.own }
    }

    /// The next voter's turn, or the count.
    fn ask_after(&mut self, last: Option<ServerId>, now: Mono, out: &mut Out<Effect>) -> Vec<Ask> {
        let mut rest = self.voters.iter().filter(|sid| last.is_none_or(|last| **sid > last));
        let Some(whom) = rest.next().copied() else { return self.finish_poll(now, out) };
        self.stage = Stage::Asking { whom, until: now.plus_ms(POLL_WAIT_MS) };
        if whom == self.me {
            let Vote { leader, zxid, .. } = self.proposal;
            return self.on_answer(now, whom, self.xid, Candidate { zxid, leader }, out);
        }
        Vec::from([Ask::Poll { whom, xid: self.xid }])
    }

    /// Everybody was asked: a majority decides, else the own vote becomes the greatest one.
    fn finish_poll(&mut self, now: Mono, out: &mut Out<Effect>) -> Vec<Ask> {
        self.stage = Stage::Pausing { until: now.plus_ms(POLL_PAUSE_MS) };
        let Count { valid, best, first } = count(&self.heard);
        let votes = first.map_or(0, |(_, votes)| votes);
        out.event(|| Event::PollEnded { valid: valid as u32, votes: votes as u32 });
        let (Some(best), Some((winner, _))) = (best, first) else {
            // ZOOKEEPER-569: all named somebody who is not there.
            self.propose(self.own, Reason::OwnVote, out);
            return Vec::new();
        };
        if votes > self.voters.len() / 2 {
            let vote = self.vote_for(winner);
            self.propose(vote, Reason::Round, out);
            return Vec::from([Ask::Elected(vote)]);
        }
        let ahead = self.proposal;
        let reason = if best.zxid == ahead.zxid { Reason::Sid } else { Reason::Zxid };
        self.propose(self.vote_for(best), reason, out);
        Vec::new()
    }

    fn propose(&mut self, vote: Vote, reason: Reason, out: &mut Out<Effect>) {
        if vote != self.proposal {
            self.proposal = vote;
            out.event(|| Event::VoteChanged { vote, reason });
        }
    }
}

/// Counts votes, those only that name a server that answered; of one candidate all have the
/// greatest zxid that somebody knows.
fn count(heard: &SortedMap<ServerId, Candidate>) -> Count {
    let mut table: SortedMap<ServerId, (Zxid, usize)> = SortedMap::new();
    for Candidate { leader, zxid } in heard.values() {
        if heard.contains_key(leader) {
            let (greatest, votes) = table.entry(*leader).or_insert((*zxid, 0));
            *greatest = (*greatest).max(*zxid);
            *votes += 1;
        }
    }
    let mut count = Count::default();
    for (leader, (zxid, votes)) in table {
        let candidate = Candidate { zxid, leader };
        count.valid += votes;
        count.best = count.best.max(Some(candidate));
        if count.first.is_none_or(|(_, most)| votes > most) {
            count.first = Some((candidate, votes));
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ElectionEpoch, Epoch};

    fn candidate(leader: i64, counter: u32) -> Candidate {
        Candidate { zxid: Zxid::new(Epoch(1), counter), leader: ServerId(leader) }
    }

    fn start(me: i64, counter: u32) -> PollingElection {
        start_among(3, me, counter)
    }

    fn start_among(voters: i64, me: i64, counter: u32) -> PollingElection {
        let Candidate { zxid, leader } = candidate(me, counter);
        let own = Vote { leader, zxid, election_epoch: ElectionEpoch(1), peer_epoch: Epoch(0) };
        let voters = (1..=voters).map(ServerId).collect();
        PollingElection::start(ServerId(me), voters, own, 5, Mono(0), &mut Out::new(false))
    }

    fn answer(election: &mut PollingElection, from: i64, candidate: Candidate) -> Vec<Ask> {
        election.on_answer(Mono(1), ServerId(from), 5, candidate, &mut Out::new(false))
    }

    fn poll(whom: i64) -> Ask {
        Ask::Poll { whom: ServerId(whom), xid: 5 }
    }

    #[test]
    fn it_asks_one_after_the_other_and_takes_over_the_greatest_vote() {
        let out = &mut Out::new(false);
        let mut election = start(1, 5);
        assert_eq!(election.on_timer(Mono(0), out), [poll(2)]);
        assert_eq!(answer(&mut election, 2, candidate(2, 7)), [poll(3)]);
        assert!(answer(&mut election, 3, candidate(3, 7)).is_empty());
        assert_eq!(election.proposal().leader, ServerId(3));
        // A second later all say so.
        let next = election.deadline();
        assert_eq!(next, Mono(1).plus_ms(POLL_PAUSE_MS));
        assert_eq!(election.on_timer(next, out), [poll(2)]);
        assert_eq!(answer(&mut election, 2, candidate(3, 7)), [poll(3)]);
        let asks = answer(&mut election, 3, candidate(3, 7));
        assert_eq!(asks, [Ask::Elected(election.proposal())]);
    }

    #[test]
    fn half_of_the_votes_elect_nobody() {
        let out = &mut Out::new(false);
        let mut election = start_among(5, 1, 5);
        assert_eq!(election.on_timer(Mono(0), out), [poll(2)]);
        answer(&mut election, 2, candidate(3, 7));
        answer(&mut election, 3, candidate(3, 7));
        answer(&mut election, 4, candidate(4, 7));
        // Two of five for S3: not elected, but S4's vote is the greatest.
        assert_eq!(answer(&mut election, 5, candidate(5, 5)), []);
        assert_eq!(election.proposal().leader, ServerId(4));
    }

    #[test]
    fn votes_for_who_does_not_answer_are_dropped() {
        let out = &mut Out::new(false);
        let mut election = start(1, 5);
        election.on_timer(Mono(0), out);
        answer(&mut election, 2, candidate(3, 7));
        assert_eq!(election.proposal().leader, ServerId(1));
        let late = election.deadline();
        assert!(election.on_timer(late, out).is_empty());
        // Its own vote and that for S3: the own one is the only valid one.
        assert_eq!(election.proposal().leader, ServerId(1));
    }

    #[test]
    fn without_any_valid_vote_it_names_itself_again() {
        let out = &mut Out::new(false);
        let mut election = start(1, 5);
        election.proposal = election.vote_for(candidate(3, 7));
        election.on_timer(Mono(0), out);
        answer(&mut election, 2, candidate(3, 7));
        assert!(election.on_timer(election.deadline(), out).is_empty());
        assert_eq!(election.proposal(), election.own);
    }

    #[test]
    fn all_votes_for_one_have_the_greatest_zxid_known() {
        let heard = [(1, candidate(2, 6)), (2, candidate(2, 7)), (3, candidate(3, 7))];
        let heard = heard.map(|(sid, candidate)| (ServerId(sid), candidate)).into();
        let Count { valid, best, first } = count(&heard);
        assert_eq!((valid, best), (3, Some(candidate(3, 7))));
        assert_eq!(first, Some((candidate(2, 7), 2)));
    }

    #[test]
    fn who_has_most_votes_is_first_and_the_least_number_of_those_that_have_as_many() {
        let heard = |votes: [(i64, i64); 3]| {
            let heard = votes.map(|(voter, leader)| (ServerId(voter), candidate(leader, 7)));
            count(&heard.into()).first.map(|(candidate, votes)| (candidate.leader.0, votes))
        };
        assert_eq!(heard([(1, 1), (2, 3), (3, 3)]), Some((3, 2)));
        assert_eq!(heard([(1, 1), (2, 2), (3, 3)]), Some((1, 1)));
    }

    #[test]
    fn answers_to_other_questions_are_ignored() {
        let out = &mut Out::new(false);
        let mut election = start(1, 5);
        election.on_timer(Mono(0), out);
        assert!(election.on_answer(Mono(1), ServerId(2), 6, candidate(2, 7), out).is_empty());
        assert!(election.on_answer(Mono(1), ServerId(9), 5, candidate(2, 7), out).is_empty());
        assert_eq!(election.heard().count(), 1);
    }
}
