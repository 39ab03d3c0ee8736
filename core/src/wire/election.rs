//! The election port: the greeting of a connection, and notifications.

use crate::types::{ElectionEpoch, Epoch, ServerId, Zxid};

/// The state that a server reports in a notification.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum PeerState {
    /// 0.
    Looking,
    /// 1.
    Following,
    /// 2.
    Leading,
    /// 3.
    Observing,
}

/// Whom a server proposes, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Vote {
    /// The candidate.
    pub leader: ServerId,
    /// The candidate's last logged transaction.
    pub zxid: Zxid,
    /// The round in which this vote was made.
    pub election_epoch: ElectionEpoch,
    /// The candidate's currentEpoch.
    pub peer_epoch: Epoch,
}
