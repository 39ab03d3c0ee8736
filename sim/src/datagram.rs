//! What the datagrams of a world say: those of Paxos, and of the elections before
//! FastLeaderElection.
//!
//! A world has one protocol for them, and the bytes tell which: only Paxos has a magic byte, and
//! the others differ in length. Not here: what a process does with them.

use bytes::Bytes;
use zablab_core::paxos::message::Message;
use zablab_core::wire::datagram::{Poll, Push};

/// A datagram's content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    /// Between Paxos processes.
    Paxos(Message),
    /// Of `LeaderElection`.
    Poll(Poll),
    /// Of `AuthFastLeaderElection`.
    Push(Push),
}

impl Content {
    /// Reads one; `None` if it is no protocol's.
    pub(crate) fn decode(bytes: &Bytes) -> Option<Content> {
        let paxos = Message::decode(bytes).ok().map(Content::Paxos);
        let poll = || Poll::decode(bytes).ok().map(Content::Poll);
        let push = || Push::decode(bytes).ok().map(Content::Push);
        paxos.or_else(poll).or_else(push)
    }

    /// Its name, as a script writes it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Content::Paxos(message) => message.name(),
            Content::Poll(Poll::Ask { .. }) => "POLL",
            Content::Poll(Poll::Answer { .. }) => "VOTE",
            Content::Push(push) => push.name(),
        }
    }
}
