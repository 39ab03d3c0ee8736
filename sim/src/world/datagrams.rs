//! Datagrams in a world: of Paxos processes, and of servers that elect as before
//! FastLeaderElection.

use bytes::Bytes;
use zablab_core::paxos;
use zablab_core::process::Input;
use zablab_core::types::ServerId;

use super::World;
use crate::link::Datagram;
use crate::step::{Host, LaneId};
use crate::trace::What;

impl World {
    /// One server or process sends another a datagram.
    pub(super) fn post(&mut self, from: ServerId, to: ServerId, bytes: Bytes) {
        let (from, to, len) = (Host::Server(from), Host::Server(to), bytes.len() as u64);
        let (lane, seq) = self.net.post(self.now, from, to, bytes);
        self.record(Some(from), What::MessageSent { lane, seq, to, bytes: len });
    }

    /// A datagram arrives; nobody hears it where no process runs.
    pub(super) fn receive(&mut self, lane: LaneId, seq: u64, datagram: Datagram) {
        let Datagram { from, to, bytes } = datagram;
        match (from, to) {
            (Host::Server(sender), Host::Server(sid))
                if self.nodes.get(&sid).is_some_and(|node| node.is_up()) =>
            {
                self.record(Some(to), What::MessageDelivered { lane, seq, from });
                if self.is_paxos(sid) {
                    self.tell_paxos(sid, paxos::Input::Datagram { from: sender, bytes });
                } else {
                    self.input(sid, Input::Datagram { from: sender, bytes });
                }
            }
            _ => self.record(None, What::MessageLost { lane, seq }),
        }
    }

    pub(super) fn duplicate(&mut self, lane: LaneId, seq: u64) {
        let Some(twin) = self.net.duplicate(self.now, lane, seq) else { return };
        let Some(link) = self.net.link(lane.link) else { return };
        let (from, to) = (link.end(lane.to.other()).host, link.end(lane.to).host);
        let item = link.in_flight(lane.to).find(|item| item.seq == twin);
        let bytes = item.map_or(0, |item| item.len());
        self.record(Some(from), What::MessageSent { lane, seq: twin, to, bytes });
    }
}
