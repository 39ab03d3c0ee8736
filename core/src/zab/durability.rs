//! What is written and what of it is durable: the tickets of one server.
//!
//! Everything that must not leave before a write is durable waits in the role's own list under
//! the write's ticket; this module only knows how far the disk has come. Source: the orders
//! `P(x) ≺ S(m)` of Zab's phases; ZOOKEEPER-2307 for "file first, memory second".

use alloc::collections::VecDeque;

use crate::process::{Effect, Out};
use crate::storage::Write;
use crate::types::{Epochs, Ticket, Zxid};

/// The writes of one server, in order.
#[derive(Clone, Debug, Hash)]
pub struct Durability {
    issued: Ticket,
    durable: Ticket,
    /// What each ticket changes, for those that are not durable yet.
    under_way: VecDeque<(Ticket, Change)>,
    /// Both epochs as the disk has them.
    epochs: Epochs,
    last_logged: Zxid,
    last_durable: Zxid,
}

#[derive(Clone, Copy, Debug, Hash)]
enum Change {
    /// The log ends at this transaction.
    Log(Zxid),
    Accepted(crate::types::Epoch),
    Current(crate::types::Epoch),
    /// Neither history nor epochs.
    Barrier,
}

impl Durability {
    /// As recovery found it.
    pub fn new(epochs: Epochs, last_logged: Zxid) -> Durability {
        Durability {
            issued: Ticket(0),
            durable: Ticket(0),
            under_way: VecDeque::new(),
            epochs,
            last_logged,
            last_durable: last_logged,
        }
    }

    /// Both epochs as the disk has them.
    pub fn epochs(&self) -> Epochs {
        self.epochs
    }

    /// The last transaction handed to the log.
    pub fn last_logged(&self) -> Zxid {
        self.last_logged
    }

    /// The last transaction that is durable.
    pub fn last_durable(&self) -> Zxid {
        self.last_durable
    }

    /// Says that the log ends there, whatever was handed to it.
    pub fn claim(&mut self, zxid: Zxid) {
        self.last_logged = zxid;
    }

    /// The ticket of the last write.
    pub fn issued(&self) -> Ticket {
        self.issued
    }

    /// Whether all writes up to `ticket` are durable.
    pub fn is_durable(&self, ticket: Ticket) -> bool {
        ticket <= self.durable
    }

    /// Hands a write to the driver and returns its ticket.
    pub fn persist(&mut self, write: Write, out: &mut Out<Effect>) -> Ticket {
        let change = match &write {
            Write::Append { zxid, .. } => Change::Log(*zxid),
            Write::Truncate { after } => Change::Log(*after),
            Write::InstallSnapshot { state } => Change::Log(state.last_zxid),
            Write::SetAcceptedEpoch(epoch) => Change::Accepted(*epoch),
            Write::SetCurrentEpoch(epoch) => Change::Current(*epoch),
            Write::SetNextConfig(_) | Write::SetConfig(_) => Change::Barrier,
        };
        let ticket = self.take_ticket(change);
        out.push(Effect::Persist { ticket, write });
        ticket
    }

    /// Asks for the disk's content behind all writes so far.
    pub fn reload(&mut self, out: &mut Out<Effect>) -> Ticket {
        let ticket = self.take_ticket(Change::Barrier);
        out.push(Effect::Reload { ticket });
        ticket
    }

    /// Everything up to `through` is durable.
    pub fn on_persisted(&mut self, through: Ticket) {
        assert!(through <= self.issued, "the driver reports a write that was never issued");
        self.durable = self.durable.max(through);
        while let Some((ticket, change)) = self.under_way.front().copied() {
            if ticket > through {
                break;
            }
            self.under_way.pop_front();
            match change {
                Change::Log(zxid) => self.last_durable = zxid,
                Change::Accepted(epoch) => self.epochs.accepted = epoch,
                Change::Current(epoch) => self.epochs.current = epoch,
                Change::Barrier => {}
            }
        }
    }

    fn take_ticket(&mut self, change: Change) -> Ticket {
        if let Change::Log(zxid) = change {
            self.last_logged = zxid;
        }
        self.issued = self.issued.next();
        self.under_way.push_back((self.issued, change));
        self.issued
    }
}
