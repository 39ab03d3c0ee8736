//! Datagrams of the elections that came before FastLeaderElection: `LeaderElection` asks and is
//! answered, `AuthFastLeaderElection` pushes votes and may ask for a challenge first.
//!
//! A datagram is read as a whole: a length that is not the one of its kind is an error.
//! Source: `LeaderElection.lookForLeader`, `QuorumPeer.ResponderThread` and
//! `AuthFastLeaderElection.Messenger` of releases before 3.6. Not here: what is done with them
//! (see [`crate::election`]).

use bytes::Bytes;

use super::election::{PeerState, Vote};
use super::jute::{JuteError, Reader, Writer};
use crate::types::{ElectionEpoch, Epoch, ServerId, Zxid};

/// Why bytes are no datagram of the old elections.
#[derive(Clone, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DatagramError {
    /// No kind of datagram has this length.
    #[error("a datagram of {length} bytes")]
    Length {
        /// How long it is.
        length: usize,
    },
    /// A message of `AuthFastLeaderElection` has a type that does not exist.
    #[error("message type {kind}")]
    Kind {
        /// The number.
        kind: i32,
    },
    /// A message names a state that does not exist.
    #[error("state {state}")]
    State {
        /// The number.
        state: i32,
    },
    /// It ends too early, which its length forbids.
    #[error(transparent)]
    Malformed(#[from] JuteError),
}

/// What `LeaderElection` sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Poll {
    /// Whom do you vote for?
    Ask {
        /// Comes back in the answer.
        xid: i32,
    },
    /// For this one.
    Answer {
        /// That of the question.
        xid: i32,
        /// Who answers.
        sid: ServerId,
        /// Its candidate, or the leader that it has.
        leader: ServerId,
        /// The candidate's last transaction, as far as it knows.
        zxid: Zxid,
    },
}

impl Poll {
    /// Bytes of a question.
    pub const ASK_LEN: usize = 4;
    /// Bytes of an answer.
    pub const ANSWER_LEN: usize = 28;

    /// Its bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::with_capacity(Poll::ANSWER_LEN);
        match *self {
            Poll::Ask { xid } => out.int(xid),
            Poll::Answer { xid, sid, leader, zxid } => {
                out.int(xid);
                out.long(sid.0);
                out.long(leader.0);
                out.long(zxid.to_wire());
            }
        }
        out.finish()
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`DatagramError`].
    pub fn decode(bytes: &Bytes) -> Result<Poll, DatagramError> {
        let length = bytes.len();
        let mut input = Reader::new(bytes.clone(), length);
        match length {
            Poll::ASK_LEN => Ok(Poll::Ask { xid: input.int()? }),
            Poll::ANSWER_LEN => Ok(Poll::Answer {
                xid: input.int()?,
                sid: ServerId(input.long()?),
                leader: ServerId(input.long()?),
                zxid: Zxid::from_wire(input.long()?),
            }),
            length => Err(DatagramError::Length { length }),
        }
    }
}

/// What `AuthFastLeaderElection` sends. A tag names one attempt to tell one server of a vote; it
/// comes back in all that belongs to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Push {
    /// A challenge is asked for, for the notification with this tag.
    ChallengeRequest {
        /// Which.
        tag: u64,
        /// What the sender does.
        state: PeerState,
    },
    /// The challenge: whoever can repeat it receives what is sent to its address.
    Challenge {
        /// For which notification.
        tag: u64,
        /// What the sender does.
        state: PeerState,
        /// A counter, then 32 random bits.
        challenge: u64,
    },
    /// A vote.
    Notification {
        /// Its own.
        tag: u64,
        /// What the sender does.
        state: PeerState,
        /// Its vote; the epoch of the candidate does not travel.
        vote: Vote,
        /// What the receiver gave for this tag; 0 where no challenge is asked for.
        challenge: u64,
    },
    /// A notification was taken.
    Ack {
        /// Which.
        tag: u64,
        /// What the sender of the acknowledgement does.
        state: PeerState,
        /// Its own vote: so a server learns of a leader that there is already.
        vote: Vote,
    },
}

impl Push {
    /// Bytes of each.
    pub const LEN: usize = 48;

    const CHALLENGE_REQUEST: i32 = 0;
    const CHALLENGE: i32 = 1;
    const NOTIFICATION: i32 = 2;
    const ACK: i32 = 3;

    /// Its name in the sources.
    pub fn name(&self) -> &'static str {
        match self {
            Push::ChallengeRequest { .. } => "CREQUEST",
            Push::Challenge { .. } => "CHALLENGE",
            Push::Notification { .. } => "NOTIFICATION",
            Push::Ack { .. } => "ACK",
        }
    }

    /// Its bytes; what a kind does not need is 0.
    pub fn encode(&self) -> Bytes {
        let (kind, tag, state) = match *self {
            Push::ChallengeRequest { tag, state } => (Push::CHALLENGE_REQUEST, tag, state),
            Push::Challenge { tag, state, .. } => (Push::CHALLENGE, tag, state),
            Push::Notification { tag, state, .. } => (Push::NOTIFICATION, tag, state),
            Push::Ack { tag, state, .. } => (Push::ACK, tag, state),
        };
        let mut out = Writer::with_capacity(Push::LEN);
        out.int(kind);
        out.long(tag as i64);
        out.int(state.to_wire());
        let longs = match *self {
            Push::ChallengeRequest { .. } => [0; 4],
            Push::Challenge { challenge, .. } => [challenge as i64, 0, 0, 0],
            Push::Notification { vote, challenge, .. } => {
                let round = vote.election_epoch.0 as i64;
                [vote.leader.0, vote.zxid.to_wire(), round, challenge as i64]
            }
            Push::Ack { vote, .. } => {
                [vote.leader.0, vote.zxid.to_wire(), vote.election_epoch.0 as i64, 0]
            }
        };
        longs.into_iter().for_each(|long| out.long(long));
        out.finish()
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`DatagramError`].
    pub fn decode(bytes: &Bytes) -> Result<Push, DatagramError> {
        let length = bytes.len();
        if length != Push::LEN {
            return Err(DatagramError::Length { length });
        }
        let mut input = Reader::new(bytes.clone(), length);
        let kind = input.int()?;
        let tag = input.long()? as u64;
        let state = input.int()?;
        let state = PeerState::from_wire(state).ok_or(DatagramError::State { state })?;
        match kind {
            Push::CHALLENGE_REQUEST => Ok(Push::ChallengeRequest { tag, state }),
            Push::CHALLENGE => Ok(Push::Challenge { tag, state, challenge: input.long()? as u64 }),
            Push::NOTIFICATION => Ok(Push::Notification {
                tag,
                state,
                vote: vote(&mut input)?,
                challenge: input.long()? as u64,
            }),
            Push::ACK => Ok(Push::Ack { tag, state, vote: vote(&mut input)? }),
            kind => Err(DatagramError::Kind { kind }),
        }
    }
}

fn vote(input: &mut Reader) -> Result<Vote, DatagramError> {
    Ok(Vote {
        leader: ServerId(input.long()?),
        zxid: Zxid::from_wire(input.long()?),
        election_epoch: ElectionEpoch(input.long()? as u64),
        peer_epoch: Epoch(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vote_of() -> impl Strategy<Value = Vote> {
        (any::<i64>(), any::<i64>(), any::<u64>()).prop_map(|(leader, zxid, round)| Vote {
            leader: ServerId(leader),
            zxid: Zxid::from_wire(zxid),
            election_epoch: ElectionEpoch(round),
            peer_epoch: Epoch(0),
        })
    }

    fn push() -> impl Strategy<Value = Push> {
        let head = (any::<u64>(), proptest::sample::select(PeerState::ALL));
        (head, any::<u64>(), vote_of(), 0..4).prop_map(|((tag, state), challenge, vote, kind)| {
            match kind {
                0 => Push::ChallengeRequest { tag, state },
                1 => Push::Challenge { tag, state, challenge },
                2 => Push::Notification { tag, state, vote, challenge },
                _ => Push::Ack { tag, state, vote },
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_read(push in push()) {
            let bytes = push.encode();
            prop_assert_eq!(bytes.len(), Push::LEN);
            prop_assert_eq!(Push::decode(&bytes), Ok(push));
        }

        #[test]
        fn what_is_polled_is_read(xid in any::<i32>(), sid in any::<i64>(), zxid in any::<i64>()) {
            let zxid = Zxid::from_wire(zxid);
            let answer = Poll::Answer { xid, sid: ServerId(sid), leader: ServerId(!sid), zxid };
            for poll in [Poll::Ask { xid }, answer] {
                prop_assert_eq!(Poll::decode(&poll.encode()), Ok(poll));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let bytes = Bytes::from(bytes);
            let _ = (Poll::decode(&bytes), Push::decode(&bytes));
        }
    }

    #[test]
    fn bytes_are_pinned() {
        let answer = Poll::Answer {
            xid: 1,
            sid: ServerId(2),
            leader: ServerId(3),
            zxid: Zxid::from_wire(4),
        };
        let expected = b"\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x04";
        assert_eq!(answer.encode().as_ref(), expected);
        let challenge = Push::Challenge { tag: 7, state: PeerState::Looking, challenge: 9 };
        let head = b"\0\0\0\x01\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\x09";
        assert_eq!(&challenge.encode()[..24], head);
        assert!(challenge.encode()[24..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn what_is_no_datagram_is_refused() {
        assert_eq!(
            Poll::decode(&Bytes::from_static(b"12345")),
            Err(DatagramError::Length { length: 5 })
        );
        let mut bytes = [0; Push::LEN];
        bytes[3] = 4;
        let decoded = Push::decode(&Bytes::copy_from_slice(&bytes));
        assert_eq!(decoded, Err(DatagramError::Kind { kind: 4 }));
        bytes[15] = 9;
        let decoded = Push::decode(&Bytes::copy_from_slice(&bytes));
        assert_eq!(decoded, Err(DatagramError::State { state: 9 }));
    }
}
