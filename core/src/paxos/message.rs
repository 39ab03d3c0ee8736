//! The bytes of a datagram between Paxos processes. A format of our own, version 1.
//!
//! | Offset | Bytes | Content |
//! | --- | --- | --- |
//! | 0 | 1 | `50`, for Paxos |
//! | 1 | 1 | version, 1 |
//! | 2 | 1 | kind: 1 PREPARE, 2 PROMISE, 3 ACCEPT, 4 ACCEPTED, 5 NACK, 6 READ, 7 STATE |
//! | 3 | rest | the fields below, one after the other, nothing behind them |
//!
//! PREPARE ballot; PROMISE ballot, proposal or nothing; ACCEPT ballot, value; ACCEPTED ballot,
//! value; NACK the refused ballot, the promised ballot; READ tag; STATE tag, proposal or nothing.
//! A ballot is its round (4 bytes) and its proposer (8), big-endian; a value its length (2) and
//! its UTF-8 bytes, at most [`VALUE_MAX`]; a proposal its ballot and its value, behind one byte 1,
//! or one byte 0 for nothing; a tag 8 bytes.

use alloc::vec::Vec;
use bytes::Bytes;

use super::{Ballot, Proposal, Value};
use crate::types::ServerId;

/// Bytes of a value: it fits into one datagram on every network.
pub const VALUE_MAX: usize = 1024;
const MAGIC: u8 = b'P';
const VERSION: u8 = 1;

/// A message.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Message {
    /// Phase 1: promise to accept nothing below this number.
    Prepare {
        /// The number.
        ballot: Ballot,
    },
    /// The promise, and what was accepted before it.
    Promise {
        /// The number.
        ballot: Ballot,
        /// The greatest proposal accepted so far.
        accepted: Option<Proposal>,
    },
    /// Phase 2: accept this.
    Accept(Proposal),
    /// It is accepted. Goes to the proposer and to all learners.
    Accepted(Proposal),
    /// A greater number was promised.
    Nack {
        /// The number that was refused.
        ballot: Ballot,
        /// The number that was promised.
        promised: Ballot,
    },
    /// What have you accepted?
    Read {
        /// Comes back in the answer.
        tag: u64,
    },
    /// The answer to [`Message::Read`].
    State {
        /// That of the question.
        tag: u64,
        /// The greatest proposal accepted so far.
        accepted: Option<Proposal>,
    },
}

/// Bytes that are no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// It does not begin as a message does.
    #[error("no Paxos message of version {VERSION}")]
    NotPaxos,
    /// There is no such kind.
    #[error("no kind {kind} of message")]
    Kind {
        /// What it says.
        kind: u8,
    },
    /// It ends too early, or something follows it.
    #[error("{length} bytes, which is not its length")]
    Length {
        /// Its length.
        length: usize,
    },
    /// A value is too long or not UTF-8, or a mark is neither 0 nor 1.
    #[error("a value that is none")]
    Value,
}

impl Message {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Message::Prepare { .. } => "PREPARE",
            Message::Promise { .. } => "PROMISE",
            Message::Accept(_) => "ACCEPT",
            Message::Accepted(_) => "ACCEPTED",
            Message::Nack { .. } => "NACK",
            Message::Read { .. } => "READ",
            Message::State { .. } => "STATE",
        }
    }

    /// It as bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(32);
        let mut begin = |kind| out.extend([MAGIC, VERSION, kind]);
        match self {
            Message::Prepare { ballot } => {
                begin(1);
                put_ballot(&mut out, *ballot);
            }
            Message::Promise { ballot, accepted } => {
                begin(2);
                put_ballot(&mut out, *ballot);
                put_accepted(&mut out, accepted.as_ref());
            }
            Message::Accept(proposal) => {
                begin(3);
                put_proposal(&mut out, proposal);
            }
            Message::Accepted(proposal) => {
                begin(4);
                put_proposal(&mut out, proposal);
            }
            Message::Nack { ballot, promised } => {
                begin(5);
                put_ballot(&mut out, *ballot);
                put_ballot(&mut out, *promised);
            }
            Message::Read { tag } => {
                begin(6);
                out.extend(tag.to_be_bytes());
            }
            Message::State { tag, accepted } => {
                begin(7);
                out.extend(tag.to_be_bytes());
                put_accepted(&mut out, accepted.as_ref());
            }
        }
        Bytes::from(out)
    }

    /// Reads what [`Message::encode`] writes.
    ///
    /// # Errors
    /// [`MessageError`] for any other bytes.
    pub fn decode(bytes: &[u8]) -> Result<Message, MessageError> {
        let [MAGIC, VERSION, kind, fields @ ..] = bytes else {
            return Err(MessageError::NotPaxos);
        };
        let mut input = Fields { rest: fields, length: bytes.len() };
        let message = match kind {
            1 => Message::Prepare { ballot: input.ballot()? },
            2 => Message::Promise { ballot: input.ballot()?, accepted: input.accepted()? },
            3 => Message::Accept(input.proposal()?),
            4 => Message::Accepted(input.proposal()?),
            5 => Message::Nack { ballot: input.ballot()?, promised: input.ballot()? },
            6 => Message::Read { tag: u64::from_be_bytes(input.array()?) },
            7 => Message::State {
                tag: u64::from_be_bytes(input.array()?),
                accepted: input.accepted()?,
            },
            kind => return Err(MessageError::Kind { kind: *kind }),
        };
        input.end()?;
        Ok(message)
    }
}

pub(super) fn put_ballot(out: &mut Vec<u8>, ballot: Ballot) {
    out.extend(ballot.round.to_be_bytes());
    out.extend(ballot.proposer.0.to_be_bytes());
}

pub(super) fn put_accepted(out: &mut Vec<u8>, accepted: Option<&Proposal>) {
    out.push(u8::from(accepted.is_some()));
    if let Some(proposal) = accepted {
        put_proposal(out, proposal);
    }
}

fn put_proposal(out: &mut Vec<u8>, proposal: &Proposal) {
    put_ballot(out, proposal.ballot);
    // No value is longer: a proposer refuses one that is, and so does the decoder.
    let length = u16::try_from(proposal.value.len()).unwrap_or(u16::MAX);
    out.extend(length.to_be_bytes());
    out.extend_from_slice(proposal.value.as_bytes());
}

/// The fields of a message or record, from the first to the last.
pub(super) struct Fields<'a> {
    pub(super) rest: &'a [u8],
    pub(super) length: usize,
}

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], MessageError> {
        let split = self.rest.split_at_checked(count);
        let (taken, rest) = split.ok_or(MessageError::Length { length: self.length })?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], MessageError> {
        let length = self.length;
        self.take(N)?.try_into().map_err(|_| MessageError::Length { length })
    }

    pub(super) fn ballot(&mut self) -> Result<Ballot, MessageError> {
        let round = u32::from_be_bytes(self.array()?);
        Ok(Ballot { round, proposer: ServerId(i64::from_be_bytes(self.array()?)) })
    }

    pub(super) fn is_there(&mut self) -> Result<bool, MessageError> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [_] => Err(MessageError::Value),
        }
    }

    pub(super) fn accepted(&mut self) -> Result<Option<Proposal>, MessageError> {
        if self.is_there()? { Ok(Some(self.proposal()?)) } else { Ok(None) }
    }

    fn proposal(&mut self) -> Result<Proposal, MessageError> {
        let ballot = self.ballot()?;
        let length = usize::from(u16::from_be_bytes(self.array()?));
        if length > VALUE_MAX {
            return Err(MessageError::Value);
        }
        let value = core::str::from_utf8(self.take(length)?).map_err(|_| MessageError::Value)?;
        Ok(Proposal { ballot, value: Value::from(value) })
    }

    pub(super) fn end(&self) -> Result<(), MessageError> {
        let over = self.rest.is_empty();
        over.then_some(()).ok_or(MessageError::Length { length: self.length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ballot() -> impl Strategy<Value = Ballot> {
        (any::<u32>(), any::<i64>())
            .prop_map(|(round, proposer)| Ballot { round, proposer: ServerId(proposer) })
    }

    fn proposal() -> impl Strategy<Value = Proposal> {
        (ballot(), ".{0,40}")
            .prop_map(|(ballot, value)| Proposal { ballot, value: value.as_str().into() })
    }

    fn message() -> impl Strategy<Value = Message> {
        let accepted = || proptest::option::of(proposal());
        prop_oneof![
            ballot().prop_map(|ballot| Message::Prepare { ballot }),
            (ballot(), accepted())
                .prop_map(|(ballot, accepted)| Message::Promise { ballot, accepted }),
            proposal().prop_map(Message::Accept),
            proposal().prop_map(Message::Accepted),
            (ballot(), ballot()).prop_map(|(ballot, promised)| Message::Nack { ballot, promised }),
            any::<u64>().prop_map(|tag| Message::Read { tag }),
            (any::<u64>(), accepted()).prop_map(|(tag, accepted)| Message::State { tag, accepted }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(message in message()) {
            let bytes = message.encode();
            prop_assert_eq!(Message::decode(&bytes), Ok(message));
            for end in 0..bytes.len() {
                prop_assert!(Message::decode(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), kind in 0u8..9) {
            let _ = Message::decode(&bytes);
            let mut framed = vec![MAGIC, VERSION, kind];
            framed.extend(bytes);
            let _ = Message::decode(&framed);
        }
    }

    #[test]
    fn bytes_are_pinned() {
        let ballot = Ballot { round: 2, proposer: ServerId(11) };
        let promise = Message::Promise {
            ballot,
            accepted: Some(Proposal { ballot: Ballot { round: 1, ..ballot }, value: "v".into() }),
        };
        let expected =
            b"P\x01\x02\0\0\0\x02\0\0\0\0\0\0\0\x0b\x01\0\0\0\x01\0\0\0\0\0\0\0\x0b\0\x01v";
        assert_eq!(promise.encode().as_ref(), expected);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert_eq!(Message::decode(b""), Err(MessageError::NotPaxos));
        assert_eq!(Message::decode(b"P\x02\x06"), Err(MessageError::NotPaxos));
        assert_eq!(Message::decode(b"P\x01\x08"), Err(MessageError::Kind { kind: 8 }));
        let mut read = Message::Read { tag: 7 }.encode().to_vec();
        read.push(0);
        assert_eq!(Message::decode(&read), Err(MessageError::Length { length: 12 }));
    }
}
