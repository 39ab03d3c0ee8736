//! The protocol with chosen bugs in it, to teach what they break and to prove that it is seen.
//!
//! Each bug is a mutation of part C of the correctness notes, by its number there. Bugs of a disk
//! or a link are no policy; they are faults ([`crate::Fault`]).

use std::fmt;
use std::str::FromStr;

use zablab_core::policy::{Correct, Policy};

/// A bug that can be switched on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Bug {
    /// M02 `follower.ack_newleader_before_fsync` (ZOOKEEPER-3911, 4646).
    M02,
    /// M13 `leader.accepted_epoch_late` (ZOOKEEPER-1291).
    M13,
    /// M30 `quorum.half`: half of the voters are taken for a quorum.
    M30,
    /// M32 `follower.ack_on_receive`, and M33 on the leader: an ACK does not wait for the disk.
    M32,
}

impl Bug {
    /// Every bug that there is.
    pub const ALL: [Bug; 4] = [Bug::M02, Bug::M13, Bug::M30, Bug::M32];
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// There is no bug of this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no bug is called {name:?}; there are M02, M13, M30 and M32")]
pub struct NoSuchBug {
    /// The name.
    pub name: String,
}

impl FromStr for Bug {
    type Err = NoSuchBug;

    fn from_str(name: &str) -> Result<Bug, NoSuchBug> {
        let found = Bug::ALL.into_iter().find(|bug| bug.to_string() == name);
        found.ok_or_else(|| NoSuchBug { name: name.to_owned() })
    }
}

/// A set of bugs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct BugSet(u32);

impl BugSet {
    /// This set and one more bug.
    #[must_use]
    pub fn with(self, bug: Bug) -> BugSet {
        BugSet(self.0 | 1 << bug as u32)
    }

    /// True if the bug is in the set.
    pub fn has(self, bug: Bug) -> bool {
        self.0 >> bug as u32 & 1 == 1
    }
}

/// The correct protocol, except for the bugs of its set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Teaching {
    /// Which bugs are on.
    pub bugs: BugSet,
}

impl Policy for Teaching {
    fn ack_waits_for_sync(&self) -> bool {
        Correct.ack_waits_for_sync() && !self.bugs.has(Bug::M32)
    }

    fn newleader_ack_waits_for_sync(&self) -> bool {
        Correct.newleader_ack_waits_for_sync() && !self.bugs.has(Bug::M02)
    }

    fn promise_waits_for_sync(&self) -> bool {
        Correct.promise_waits_for_sync() && !self.bugs.has(Bug::M13)
    }

    fn quorum_size(&self, voters: usize) -> usize {
        match self.bugs.has(Bug::M30) {
            true => voters / 2,
            false => Correct.quorum_size(voters),
        }
    }
}
