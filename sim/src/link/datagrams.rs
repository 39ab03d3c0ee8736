//! Datagrams like UDP's: each travels by itself, may be lost, doubled, or overtaken, and nobody is
//! told. For the protocols that bring their own repetition.
//!
//! The datagrams between two hosts share one link, so that a message has the same kind of name as
//! on a connection. Each has a place of its own on the agenda. A cut way loses what is sent on it
//! and what is under way on it; holding one datagram holds no other.

use bytes::Bytes;
use zablab_core::process::PortKind;
use zablab_core::types::Mono;

use super::{Cargo, End, EndState, Item, Lane, Link, Net};
use crate::agenda::{Agenda, Auto, Entry, Rank};
use crate::step::{Host, LaneId, LinkId, Side};

/// One datagram's place on the agenda.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub(super) struct Place {
    held: bool,
    entry: Option<Entry>,
}

/// A datagram that arrives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Datagram {
    /// Who sent it.
    pub from: Host,
    /// To whom.
    pub to: Host,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Net {
    /// A host sends a datagram; its name.
    pub fn post(&mut self, now: Mono, from: Host, to: Host, bytes: Bytes) -> (LaneId, u64) {
        let lane = self.datagram_lane(from, to);
        let seq = self.launch(now, lane, bytes);
        if self.is_cut(from, to) {
            self.drop_datagram(lane, seq);
        }
        (lane, seq)
    }

    /// Whether datagrams travel there.
    pub fn is_for_datagrams(&self, lane: LaneId) -> bool {
        self.link(lane.link).is_some_and(|link| link.datagrams)
    }

    /// What this datagram has on the agenda.
    pub fn scheduled_datagram(&self, lane: LaneId, seq: u64) -> Option<Entry> {
        self.link(lane.link)?.lane(lane.to).places.get(&seq)?.entry
    }

    /// It arrives.
    pub fn take_datagram(&mut self, lane: LaneId, seq: u64) -> Option<Datagram> {
        let link = self.links.get_mut(&lane.link).filter(|link| link.datagrams)?;
        let (from, to) = (link.end(lane.to.other()).host, link.end(lane.to).host);
        let way = link.lane_mut(lane.to);
        let place = way.items.iter().position(|item| item.seq == seq)?;
        let item = way.items.remove(place)?;
        self.touched_datagrams.push((lane, seq));
        match item.cargo {
            Cargo::Message(parts) => {
                let bytes = parts.into_iter().next().unwrap_or_default();
                Some(Datagram { from, to, bytes })
            }
            Cargo::Knock | Cargo::Welcome | Cargo::Closed => None,
        }
    }

    /// It travels twice from now on; the name of the second one.
    pub fn duplicate(&mut self, now: Mono, lane: LaneId, seq: u64) -> Option<u64> {
        let link = self.links.get(&lane.link).filter(|link| link.datagrams)?;
        let item = link.in_flight(lane.to).find(|item| item.seq == seq)?;
        let Cargo::Message(parts) = &item.cargo else { return None };
        let bytes = parts.first().cloned().unwrap_or_default();
        Some(self.launch(now, lane, bytes))
    }

    /// It is lost.
    pub(super) fn drop_datagram(&mut self, lane: LaneId, seq: u64) {
        if self.take_datagram(lane, seq).is_some() {
            self.lost.push((lane, seq));
        }
    }

    /// It waits.
    pub(super) fn hold_datagram(&mut self, lane: LaneId, seq: u64) {
        let Some(link) = self.links.get_mut(&lane.link) else { return };
        if let Some(place) = link.lane_mut(lane.to).places.get_mut(&seq) {
            place.held = true;
            self.touched_datagrams.push((lane, seq));
        }
    }

    /// All that were held on a lane travel on.
    pub(super) fn release_datagrams(&mut self, lane: LaneId) {
        let Some(link) = self.links.get_mut(&lane.link) else { return };
        for (seq, place) in &mut link.lane_mut(lane.to).places {
            place.held = false;
            self.touched_datagrams.push((lane, *seq));
        }
    }

    /// All that are under way from one host to another are lost.
    pub(super) fn drop_datagrams(&mut self, from: Host, to: Host) {
        let Some(id) = self.datagram_links.get(&(from.min(to), from.max(to))) else { return };
        let lane = LaneId { link: *id, to: side_of(from, to) };
        let Some(link) = self.links.get(id) else { return };
        let under_way: Vec<u64> = link.in_flight(lane.to).map(|item| item.seq).collect();
        for seq in under_way {
            self.drop_datagram(lane, seq);
        }
    }

    /// All that are under way to a host may arrive at other times from now on.
    pub(super) fn touch_datagrams_to(&mut self, host: Host) {
        for id in self.datagram_links.values() {
            let Some(link) = self.links.get(id) else { continue };
            for to in [Side::Opener, Side::Acceptor] {
                if link.end(to).host == host {
                    let seqs = link.in_flight(to).map(|item| item.seq);
                    let lane = LaneId { link: *id, to };
                    self.touched_datagrams.extend(seqs.map(|seq| (lane, seq)));
                }
            }
        }
    }

    /// Brings the agenda up to date with all datagrams that changed.
    pub(super) fn reschedule_datagrams(&mut self, agenda: &mut Agenda) {
        while let Some((lane, seq)) = self.touched_datagrams.pop() {
            let Some(link) = self.links.get_mut(&lane.link) else { continue };
            let (from, to) = (link.end(lane.to.other()).host, link.end(lane.to).host);
            let way = link.lane_mut(lane.to);
            let due = way.items.iter().find(|item| item.seq == seq).map(|item| item.due);
            let Some(place) = way.places.get_mut(&seq) else { continue };
            let what = Auto::Deliver { lane, seq };
            let waits = place.held || self.asleep.contains(&to);
            let entry = due.filter(|_| !waits).map(|due| Entry {
                due,
                rank: Rank::Message,
                from,
                to,
                what,
            });
            agenda.replace(&mut place.entry, entry);
            if due.is_none() {
                way.places.remove(&seq);
            }
        }
    }

    /// The way of the datagrams from one host to another.
    fn datagram_lane(&mut self, from: Host, to: Host) -> LaneId {
        let pair = (from.min(to), from.max(to));
        let link = *self.datagram_links.entry(pair).or_insert_with(|| {
            let id = LinkId(self.next_link);
            self.next_link += 1;
            let end = |host| End { host, conn: None, state: EndState::Open };
            let link = Link {
                // Whoever uses datagrams in an ensemble elects.
                port: PortKind::Election,
                datagrams: true,
                opener: end(pair.0),
                acceptor: end(pair.1),
                to_opener: Lane::default(),
                to_acceptor: Lane::default(),
            };
            self.links.insert(id, link);
            id
        });
        LaneId { link, to: side_of(from, to) }
    }

    /// Puts a datagram on its way. Later ones may overtake it.
    fn launch(&mut self, now: Mono, lane: LaneId, bytes: Bytes) -> u64 {
        let jitter_us = self.draw(self.jitter_us);
        let Some(link) = self.links.get_mut(&lane.link) else { return 0 };
        let way = (link.end(lane.to.other()).host, link.end(lane.to).host);
        let delay_us = self.delays.get(&way).copied().unwrap_or(self.delay_us);
        let target = link.lane_mut(lane.to);
        let seq = target.next_seq;
        target.next_seq += 1;
        let due = Mono(now.0 + delay_us + jitter_us);
        target.items.push_back(Item { seq, sent: now, due, cargo: Cargo::Message(vec![bytes]) });
        target.places.insert(seq, Place::default());
        self.touched_datagrams.push((lane, seq));
        seq
    }
}

impl Link {
    /// Whether a message on the way to one of its ends waits: it is held, or it is behind one that
    /// is.
    pub fn is_held(&self, to: Side, seq: u64) -> bool {
        match self.datagrams {
            true => self.lane(to).places.get(&seq).is_some_and(|place| place.held),
            false => self.held(to).is_some_and(|first| seq >= first),
        }
    }

    /// Whether anything is held on the way to one of its ends.
    pub fn holds_anything(&self, to: Side) -> bool {
        self.held(to).is_some() || self.lane(to).places.values().any(|place| place.held)
    }
}

/// The end of their link that a datagram travels to.
fn side_of(from: Host, to: Host) -> Side {
    if to < from { Side::Opener } else { Side::Acceptor }
}
