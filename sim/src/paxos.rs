//! What a world has of a Paxos process beside its node: how it begins, and its disk's queue.
//!
//! Processes are numbered by what they do, so that a script can call them by letter and number:
//! acceptor `A1` is 1, proposer `P1` is 11, learner `L1` is 21. No ZooKeeper server has a number
//! above 9. Not here: what a process decides (`zablab_core::paxos`).

use std::collections::VecDeque;

use zablab_core::paxos::record::{self, RecordError};
use zablab_core::paxos::{Durable, Paxos, PaxosConfig, Roles};
use zablab_core::types::{ServerId, Ticket};

use crate::disk::{Disk, DiskFull};
use crate::given::Given;
use crate::teaching::Teaching;

/// Processes of one letter.
pub const OF_A_LETTER_MAX: u32 = 9;
/// The number of a proposer is its own plus this.
const PROPOSERS: i64 = 10;
/// The number of a learner is its own plus this.
const LEARNERS: i64 = 20;

/// A Paxos process at the start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PaxosGiven {
    /// What it does.
    pub roles: Roles,
    /// What its disk holds.
    pub state: Durable,
}

impl PaxosGiven {
    /// The disk at the beginning.
    pub(crate) fn disk(&self) -> Disk {
        let mut disk = Disk::default();
        if self.state != Durable::default() {
            disk.begin(record::replace(&self.state, true));
            disk.complete().expect("a new disk has room");
        }
        disk
    }
}

/// The number of the process of this name, such as `P2`.
pub fn number_of(name: &str) -> Option<ServerId> {
    let mut letters = name.chars();
    let base = match letters.next()? {
        'A' => 0,
        'P' => PROPOSERS,
        'L' => LEARNERS,
        _ => return None,
    };
    let digit = letters.next()?.to_digit(10).filter(|digit| (1..=OF_A_LETTER_MAX).contains(digit));
    letters.next().is_none().then_some(ServerId(base + i64::from(digit?)))
}

/// What a script calls a process: its letter and number.
pub fn called(sid: ServerId) -> String {
    name_of(sid).unwrap_or_else(|| format!("A{sid}"))
}

/// The name of the process of this number; acceptors share their numbers with servers, so they
/// have none here.
pub fn name_of(sid: ServerId) -> Option<String> {
    let (letter, n) = match sid.0 {
        11..=19 => ('P', sid.0 - PROPOSERS),
        21..=29 => ('L', sid.0 - LEARNERS),
        _ => return None,
    };
    Some(format!("{letter}{n}"))
}

impl Given {
    /// The Paxos processes that accept.
    pub fn acceptors(&self) -> impl Iterator<Item = ServerId> {
        self.paxos_with(|roles| roles.acceptor)
    }

    fn paxos_with(&self, has: impl Fn(Roles) -> bool) -> impl Iterator<Item = ServerId> {
        self.servers
            .iter()
            .filter(move |(_, server)| server.paxos.as_ref().is_some_and(|given| has(given.roles)))
            .map(|(sid, _)| *sid)
    }

    /// What this process reads at every start, if it is one of Paxos.
    pub(crate) fn paxos_config(&self, me: ServerId) -> Option<PaxosConfig> {
        let given = self.servers.get(&me)?.paxos.as_ref()?;
        Some(PaxosConfig {
            me,
            roles: given.roles,
            acceptors: self.acceptors().collect(),
            learners: self.paxos_with(|roles| roles.learner).collect(),
        })
    }
}

/// What ends with a Paxos process.
#[derive(Clone, Debug)]
pub(crate) struct RunningPaxos {
    pub(crate) process: Paxos<Teaching>,
    pub(crate) io: RecordIo,
    /// Why it wants to end, if it does.
    pub(crate) halted: Option<String>,
}

/// The queue of one process to its disk: as each write replaces the record, a batch is its last.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct RecordIo {
    queue: VecDeque<(Ticket, Durable, bool)>,
    busy: Option<(Ticket, Ticket)>,
}

impl RecordIo {
    /// Reads the disk as a start does.
    ///
    /// # Errors
    /// The process must not start on this disk.
    pub(crate) fn read(disk: &Disk) -> Result<Durable, RecordError> {
        record::decode(disk.read(&record::file()).as_deref())
    }

    /// Queues a write.
    pub(crate) fn persist(&mut self, ticket: Ticket, state: Durable, sync: bool) {
        self.queue.push_back((ticket, state, sync));
    }

    /// The first and the last write that are under way.
    pub(crate) fn busy(&self) -> Option<(Ticket, Ticket)> {
        self.busy
    }

    /// Begins what can begin.
    pub(crate) fn begin(&mut self, disk: &mut Disk) {
        if self.busy.is_some() {
            return;
        }
        let sync = self.queue.iter().any(|(_, _, sync)| *sync);
        let (first, last) = (self.queue.front().map(|write| write.0), self.queue.pop_back());
        if let (Some(first), Some((through, state, _))) = (first, last) {
            disk.begin(record::replace(&state, sync));
            self.busy = Some((first, through));
            self.queue.clear();
        }
    }

    /// The batch is done.
    ///
    /// # Errors
    /// [`DiskFull`]: it is not; the process must stop.
    pub(crate) fn finish(&mut self, disk: &mut Disk) -> Result<(), DiskFull> {
        self.busy = None;
        disk.complete()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_one() {
        assert_eq!(["A1", "P1", "L9"].map(number_of), [1, 11, 29].map(|n| Some(ServerId(n))));
        assert_eq!(["p1", "P0", "P10", "B1", "P", ""].map(number_of), [None; 6]);
        for sid in (11..=19).chain(21..=29).map(ServerId) {
            assert_eq!(name_of(sid).as_deref().and_then(number_of), Some(sid));
        }
        assert_eq!(name_of(ServerId(1)), None);
    }
}
