//! Carries the votes of [`super::pushing`] over datagrams: each is sent until it is acknowledged,
//! and with `electionAlg=2` only behind a challenge.
//!
//! The receiver of a vote first gives its sender a number, at the address that the sender claims;
//! the vote must repeat it. So a sender proves that it receives what is sent to that address, and
//! nothing more: the datagrams are neither signed nor encrypted.
//! Source: `AuthFastLeaderElection.Messenger`. Other than there, a newer vote for a server replaces
//! one that still waits for it.

use alloc::vec::Vec;
use bytes::Bytes;

use super::Ballot;
use crate::limits::{CHALLENGES_KEPT, PUSH_ATTEMPTS, PUSH_FINALIZE_WAIT_MS};
use crate::prng::Prng;
use crate::process::{Effect, Out};
use crate::sorted::SortedMap;
use crate::trace::Event;
use crate::types::{ElectionEpoch, Mono, ServerId, Tag};
use crate::wire::datagram::Push;
use crate::wire::election::PeerState;

/// All votes on their way from one server, and the challenges that it gave.
#[derive(Clone, Debug, Hash)]
pub struct Courier {
    with_challenge: bool,
    /// Tags given to votes so far.
    tags: u64,
    /// Challenges given so far.
    challenges: u32,
    letters: SortedMap<ServerId, Letter>,
    given: SortedMap<ServerId, SortedMap<u64, u64>>,
}

/// A vote for one server, until it is acknowledged.
#[derive(Clone, Debug, Hash)]
struct Letter {
    tag: u64,
    ballot: Ballot,
    attempts: u32,
    challenge: Option<u64>,
    until: Mono,
}

impl Courier {
    /// Nothing on its way.
    pub fn new(with_challenge: bool) -> Courier {
        Courier {
            with_challenge,
            tags: 0,
            challenges: 0,
            letters: SortedMap::new(),
            given: SortedMap::new(),
        }
    }

    /// Sends a vote to one server, in place of any that is still on its way there.
    pub fn send(&mut self, to: ServerId, ballot: Ballot, now: Mono, out: &mut Out<Effect>) {
        self.tags += 1;
        let tag = self.tags;
        let letter = Letter { tag, ballot, attempts: 0, challenge: None, until: now };
        self.letters.insert(to, letter);
        self.try_again(to, now, out);
    }

    /// When to call [`Courier::on_timer`].
    pub fn deadline(&self) -> Option<Mono> {
        self.letters.values().map(|letter| letter.until).min()
    }

    /// The deadline has come. Votes of older rounds than this are given up.
    pub fn on_timer(&mut self, now: Mono, round: ElectionEpoch, out: &mut Out<Effect>) {
        let late = self.letters.iter().filter(|(_, letter)| now >= letter.until);
        for to in late.map(|(to, _)| *to).collect::<Vec<_>>() {
            let Some(letter) = self.letters.get_mut(&to) else { continue };
            letter.attempts += 1;
            if letter.attempts == PUSH_ATTEMPTS {
                // As if it were sent for the first time.
                letter.attempts = 0;
                letter.challenge = None;
                if letter.ballot.vote.election_epoch != round {
                    self.letters.remove(&to);
                }
            }
            self.try_again(to, now, out);
        }
    }

    /// A datagram. `mine` is what this server does and votes, for the answer. Returns a vote to be
    /// judged: a notification's, or that of a server that acknowledged and does not look any more.
    pub fn on_push(
        &mut self,
        now: Mono,
        from: ServerId,
        push: Push,
        mine: Ballot,
        prng: &mut Prng,
        out: &mut Out<Effect>,
    ) -> Option<Ballot> {
        match push {
            Push::ChallengeRequest { tag, .. } => {
                let challenge = self.new_challenge(from, tag, prng);
                out.event(|| Event::ChallengeGiven { to: from, tag: Tag(tag) });
                post(from, &Push::Challenge { tag, state: mine.state, challenge }, out);
                None
            }
            Push::Challenge { tag, challenge, .. } => {
                let letter = self.letters.get_mut(&from).filter(|letter| letter.tag == tag)?;
                if letter.challenge.is_none() {
                    letter.challenge = Some(challenge);
                    self.transmit(from, now, out);
                }
                None
            }
            Push::Notification { tag, state, vote, challenge } => {
                if self.with_challenge && self.given(from, tag) != Some(challenge) {
                    out.event(|| Event::NotificationDistrusted { from, tag: Tag(tag) });
                    return None;
                }
                out.event(|| Event::NotificationAcked { to: from, tag: Tag(tag) });
                post(from, &Push::Ack { tag, state: mine.state, vote: mine.vote }, out);
                Some(Ballot { state, vote })
            }
            Push::Ack { tag, state, vote } => {
                let is_it = self.letters.get(&from).is_some_and(|letter| letter.tag == tag);
                if !is_it {
                    return None;
                }
                self.letters.remove(&from);
                (state != PeerState::Looking).then_some(Ballot { state, vote })
            }
        }
    }

    fn new_challenge(&mut self, to: ServerId, tag: u64, prng: &mut Prng) -> u64 {
        self.challenges = self.challenges.wrapping_add(1);
        let challenge = u64::from(self.challenges) << 32 | prng.next_u64() >> 32;
        let given = self.given.entry(to).or_default();
        given.insert(tag, challenge);
        if given.len() > CHALLENGES_KEPT {
            given.pop_first();
        }
        challenge
    }

    fn given(&self, to: ServerId, tag: u64) -> Option<u64> {
        self.given.get(&to)?.get(&tag).copied()
    }

    /// The next attempt: for the challenge, or with it.
    fn try_again(&mut self, to: ServerId, now: Mono, out: &mut Out<Effect>) {
        let Some(letter) = self.letters.get_mut(&to) else { return };
        if !self.with_challenge || letter.challenge.is_some() {
            self.transmit(to, now, out);
            return;
        }
        letter.until = now.plus_ms(PUSH_FINALIZE_WAIT_MS << letter.attempts);
        let (tag, state) = (letter.tag, letter.ballot.state);
        out.event(|| Event::ChallengeAsked { to, tag: Tag(tag) });
        post(to, &Push::ChallengeRequest { tag, state }, out);
    }

    fn transmit(&mut self, to: ServerId, now: Mono, out: &mut Out<Effect>) {
        let Some(letter) = self.letters.get_mut(&to) else { return };
        letter.until = now.plus_ms(PUSH_FINALIZE_WAIT_MS * 10_u64.pow(letter.attempts));
        let Letter { tag, ballot: Ballot { state, vote }, challenge, .. } = *letter;
        out.event(|| Event::NotificationSent { to, state, vote });
        let challenge = challenge.unwrap_or(0);
        post(to, &Push::Notification { tag, state, vote, challenge }, out);
    }
}

fn post(to: ServerId, push: &Push, out: &mut Out<Effect>) {
    let bytes: Bytes = push.encode();
    out.push(Effect::Datagram { to, bytes });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Epoch, Zxid};
    use crate::wire::election::Vote;

    const ME: ServerId = ServerId(1);
    const OTHER: ServerId = ServerId(2);

    fn ballot(state: PeerState, leader: i64) -> Ballot {
        let vote = Vote {
            leader: ServerId(leader),
            zxid: Zxid::new(Epoch(1), 1),
            election_epoch: ElectionEpoch(1),
            peer_epoch: Epoch(0),
        };
        Ballot { state, vote }
    }

    fn pushed(out: &mut Out<Effect>) -> Vec<Push> {
        let effects = core::mem::take(&mut out.effects);
        let push = |effect| match effect {
            Effect::Datagram { bytes, .. } => Push::decode(&bytes).expect("it is one of ours"),
            other => panic!("{other:?}"),
        };
        effects.into_iter().map(push).collect()
    }

    fn give(courier: &mut Courier, from: ServerId, push: Push) -> (Option<Ballot>, Vec<Push>) {
        let out = &mut Out::new(false);
        let mine = ballot(PeerState::Following, 3);
        let told = courier.on_push(Mono(0), from, push, mine, &mut Prng::new(1), out);
        (told, pushed(out))
    }

    #[test]
    fn a_vote_goes_behind_its_challenge_and_is_acknowledged() {
        let (mut me, mut other) = (Courier::new(true), Courier::new(true));
        let out = &mut Out::new(false);
        let mine = ballot(PeerState::Looking, 1);
        me.send(OTHER, mine, Mono(0), out);
        let [request] = pushed(out)[..] else { panic!("one request") };
        let (None, challenge) = give(&mut other, ME, request) else { panic!("no vote") };
        let (None, vote) = give(&mut me, OTHER, challenge[0]) else { panic!("no vote") };
        let (told, ack) = give(&mut other, ME, vote[0]);
        assert_eq!(told, Some(mine));
        // It comes from a server that follows: its vote counts, too.
        let (told, nothing) = give(&mut me, OTHER, ack[0]);
        assert_eq!(told, Some(ballot(PeerState::Following, 3)));
        assert!(nothing.is_empty());
        assert_eq!(me.deadline(), None);
    }

    #[test]
    fn a_guessed_challenge_is_not_believed() {
        let mut other = Courier::new(true);
        let Ballot { state, vote } = ballot(PeerState::Looking, 1);
        let forged = Push::Notification { tag: 7, state, vote, challenge: 99 };
        assert_eq!(give(&mut other, ME, forged), (None, Vec::new()));
        let (_, given) = give(&mut other, ME, Push::ChallengeRequest { tag: 7, state });
        assert!(matches!(given[0], Push::Challenge { tag: 7, .. }));
        assert_eq!(give(&mut other, ME, forged), (None, Vec::new()));
        // Without challenges everybody is believed.
        let (told, ack) = give(&mut Courier::new(false), ME, forged);
        assert_eq!(told, Some(Ballot { state, vote }));
        assert!(matches!(ack[..], [Push::Ack { tag: 7, .. }]));
    }

    #[test]
    fn three_attempts_then_anew_while_the_round_lasts() {
        let mut me = Courier::new(false);
        let out = &mut Out::new(false);
        me.send(OTHER, ballot(PeerState::Looking, 1), Mono(0), out);
        let mut waits = Vec::new();
        let mut now = Mono(0);
        for _ in 0..4 {
            let until = me.deadline().expect("it is not acknowledged");
            waits.push((until.0 - now.0) / 1000);
            now = until;
            me.on_timer(now, ElectionEpoch(1), out);
        }
        assert_eq!(waits, [100, 1000, 10_000, 100]);
        assert_eq!(pushed(out).len(), 5);
        for _ in 0..2 {
            me.on_timer(me.deadline().expect("still there"), ElectionEpoch(2), out);
        }
        assert_eq!(me.deadline(), None);
    }

    #[test]
    fn challenges_are_forgotten_in_the_end() {
        let mut other = Courier::new(true);
        let state = PeerState::Looking;
        for tag in 0..=CHALLENGES_KEPT as u64 {
            give(&mut other, ME, Push::ChallengeRequest { tag, state });
        }
        assert_eq!(other.given(ME, 0), None);
        assert!(other.given(ME, 1).is_some());
    }
}
