//! Connections like TCP's: in order, without gaps, two directions, each delayed on its own.
//!
//! * Opening takes one delay to the acceptor (who learns it at once) and one back. A host that is
//!   down or does not listen answers with a refusal.
//! * A cut lane stalls. What was sent on it arrives after the healing, unless the sender gave up
//!   first ([`crate::Step::GiveUp`]): then the sender's end closes and the receiver learns it once
//!   healed, so until then the connection is half open.
//! * A crash or [`crate::Fault::Reset`] closes ends; the other side learns it by an item that
//!   travels like a message. Whoever has closed an end hears nothing more of it.
//! * A host that is asleep takes nothing and learns nothing; it hears all of it when it wakes up.
//! * The sender's operating system takes [`SOCKET_BUFFER`] bytes that are under way at once
//!   (`Drained`), also on a cut lane; more only as they arrive.
//!
//! Beside them travel datagrams: see `datagrams`. Not here: who listens, and what a message means.

mod datagrams;

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use zablab_core::prng::Prng;
use zablab_core::process::{Parts, PortKind};
use zablab_core::sorted::{SortedMap, SortedSet};
use zablab_core::types::{ConnId, Mono};

use crate::agenda::{Agenda, Auto, Entry, Rank};
use crate::given::Timing;
use crate::step::{Host, LaneId, LinkId, Side};
use datagrams::Place;

pub use datagrams::Datagram;

/// Bytes that an operating system takes for one direction of a connection before it makes the
/// sender wait: about what Linux grants for sending and receiving together.
pub const SOCKET_BUFFER: u64 = 256 << 10;

/// One connection.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Link {
    /// To which kind of port it goes.
    pub port: PortKind,
    /// True if it is no connection but the way of the datagrams between two hosts.
    pub datagrams: bool,
    /// The host that opened it.
    pub opener: End,
    /// The host that accepts it.
    pub acceptor: End,
    to_opener: Lane,
    to_acceptor: Lane,
}

/// One end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct End {
    /// Whose it is.
    pub host: Host,
    /// What its owner calls it; `None` until it is accepted.
    pub conn: Option<ConnId>,
    /// What its owner may do with it.
    pub state: EndState,
}

/// What the owner of an end may do with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum EndState {
    /// It waits until the other side answers.
    Opening,
    /// It sends and receives.
    Open,
    /// Nothing.
    Closed,
}

/// One direction of a connection.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub struct Lane {
    items: VecDeque<Item>,
    next_seq: u64,
    last_due: Mono,
    sent: u64,
    in_flight: u64,
    taken: u64,
    held: Option<u64>,
    paused: bool,
    entry: Option<Entry>,
    /// Of datagrams: the place of each on the agenda.
    places: SortedMap<u64, Place>,
}

/// One thing under way.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Item {
    /// Its number on its lane.
    pub seq: u64,
    /// When it was sent.
    pub sent: Mono,
    /// When it arrives if nothing holds it up.
    pub due: Mono,
    /// What it is.
    pub cargo: Cargo,
}

/// What travels on a lane.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Cargo {
    /// The wish to connect.
    Knock,
    /// The acceptor's consent.
    Welcome,
    /// A message.
    Message(Parts),
    /// The end, or a refusal.
    Closed,
}

/// What the arrival of an item means for the host it arrives at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// Somebody wants to connect; [`Net::accept`] or [`Net::refuse`] answers.
    Knock {
        /// Who is called.
        host: Host,
        /// On which port.
        port: PortKind,
        /// Who calls.
        from: Host,
    },
    /// Its connection stands.
    Up {
        /// Who opened it.
        host: Host,
        /// What it calls it.
        conn: ConnId,
        /// To which port it goes.
        port: PortKind,
        /// Who accepted it.
        from: Host,
    },
    /// A message.
    Message {
        /// Who receives it.
        host: Host,
        /// On which of its connections.
        conn: ConnId,
        /// Who sent it.
        from: Host,
        /// The bytes.
        parts: Parts,
    },
    /// Its connection is closed.
    Down {
        /// Who learns it.
        host: Host,
        /// What it calls it.
        conn: ConnId,
        /// The other side.
        from: Host,
    },
}

/// A number of bytes of a connection that the sender's operating system took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Drained {
    /// The sender.
    pub host: Host,
    /// On which of its connections.
    pub conn: ConnId,
    /// How many of all that were sent.
    pub through: u64,
}

/// All connections of a world, and what keeps them from flowing.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Net {
    links: SortedMap<LinkId, Link>,
    ends: SortedMap<(Host, ConnId), LaneId>,
    cuts: SortedMap<(Host, Host), Mono>,
    delays: SortedMap<(Host, Host), u64>,
    /// Hosts that take nothing from their connections and send nothing.
    asleep: SortedSet<Host>,
    next_link: u64,
    delay_us: u64,
    jitter_us: u64,
    give_up_us: u64,
    prng: Prng,
    drained: VecDeque<Drained>,
    lost: Vec<(LaneId, u64)>,
    touched: Vec<LaneId>,
    /// The links of datagrams, by their two hosts.
    datagram_links: SortedMap<(Host, Host), LinkId>,
    touched_datagrams: Vec<(LaneId, u64)>,
}

impl Net {
    /// No connections yet.
    pub fn new(timing: &Timing, seed: u64) -> Net {
        Net {
            links: SortedMap::new(),
            ends: SortedMap::new(),
            cuts: SortedMap::new(),
            delays: SortedMap::new(),
            asleep: SortedSet::new(),
            next_link: 1,
            delay_us: timing.delay_us,
            jitter_us: timing.jitter_us,
            give_up_us: timing.give_up_ms * 1000,
            prng: Prng::new(seed),
            drained: VecDeque::new(),
            lost: Vec::new(),
            touched: Vec::new(),
            datagram_links: SortedMap::new(),
            touched_datagrams: Vec::new(),
        }
    }

    /// All connections with at least one end that is not closed.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        self.links.iter().map(|(id, link)| (*id, link))
    }

    /// One connection.
    pub fn link(&self, id: LinkId) -> Option<&Link> {
        self.links.get(&id)
    }

    /// The lane to this end of a connection of `host`, by the name that `host` gave it.
    pub fn lane_of(&self, host: Host, conn: ConnId) -> Option<LaneId> {
        self.ends.get(&(host, conn)).copied()
    }

    /// The connections of a host that it has not closed, by its names for them.
    pub fn conns_of(&self, host: Host) -> Vec<ConnId> {
        let own = self.ends.range((host, ConnId(0))..=(host, ConnId(u64::MAX)));
        own.map(|((_, conn), _)| *conn).collect()
    }

    /// A random number from 0 to `most`, from the network's own generator.
    pub(crate) fn draw(&mut self, most: u64) -> u64 {
        match most {
            0 => 0,
            most => self.prng.below(most + 1),
        }
    }

    /// Which ways are cut, from whom to whom.
    pub fn cuts(&self) -> impl Iterator<Item = (Host, Host)> {
        self.cuts.keys().copied()
    }

    /// True if something is cut or held anywhere.
    pub fn is_obstructed(&self) -> bool {
        let held = |(_, link): (LinkId, &Link)| {
            link.holds_anything(Side::Opener) || link.holds_anything(Side::Acceptor)
        };
        !self.cuts.is_empty() || self.links().any(held)
    }

    /// Whether nothing passes from one host to another.
    pub fn is_cut(&self, from: Host, to: Host) -> bool {
        self.cuts.contains_key(&(from, to))
    }

    /// `host` opens a connection, which it calls `conn`.
    pub fn open(&mut self, now: Mono, host: Host, conn: ConnId, to: Host, port: PortKind) {
        let id = LinkId(self.next_link);
        self.next_link += 1;
        let end = |host, conn| End { host, conn, state: EndState::Opening };
        let link = Link {
            port,
            datagrams: false,
            opener: end(host, Some(conn)),
            acceptor: end(to, None),
            to_opener: Lane::default(),
            to_acceptor: Lane::default(),
        };
        self.links.insert(id, link);
        self.ends.insert((host, conn), LaneId { link: id, to: Side::Opener });
        self.put(now, LaneId { link: id, to: Side::Acceptor }, Cargo::Knock);
    }

    /// The called host takes the connection that knocked, and calls it `conn`.
    pub fn accept(&mut self, now: Mono, id: LinkId, conn: ConnId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let host = link.acceptor.host;
        link.acceptor = End { host, conn: Some(conn), state: EndState::Open };
        self.ends.insert((host, conn), LaneId { link: id, to: Side::Acceptor });
        self.put(now, LaneId { link: id, to: Side::Opener }, Cargo::Welcome);
    }

    /// Nobody listens where the connection knocked.
    pub fn refuse(&mut self, now: Mono, id: LinkId) {
        self.put(now, LaneId { link: id, to: Side::Opener }, Cargo::Closed);
        self.close_end(LaneId { link: id, to: Side::Acceptor });
    }

    /// `host` sends a message: its lane, its number there, and to whom it goes. `None` if the
    /// connection is closed: it is lost without a trace, as it is for a socket.
    pub fn send(
        &mut self,
        now: Mono,
        host: Host,
        conn: ConnId,
        parts: Parts,
    ) -> Option<(LaneId, u64, Host)> {
        let own = *self.ends.get(&(host, conn))?;
        let lane = LaneId { link: own.link, to: own.to.other() };
        let (seq, to) = self.put(now, lane, Cargo::Message(parts))?;
        Some((lane, seq, to))
    }

    /// `host` closes a connection behind all that it sent on it.
    pub fn close(&mut self, now: Mono, host: Host, conn: ConnId) {
        let Some(own) = self.ends.get(&(host, conn)).copied() else { return };
        self.put(now, LaneId { link: own.link, to: own.to.other() }, Cargo::Closed);
        self.close_end(own);
    }

    /// `host` reads no more from a connection, or reads again.
    pub fn pause(&mut self, host: Host, conn: ConnId, paused: bool) {
        let Some(own) = self.ends.get(&(host, conn)).copied() else { return };
        if let Some(link) = self.links.get_mut(&own.link) {
            link.lane_mut(own.to).paused = paused;
            self.touched.push(own);
        }
    }

    /// What a lane has on the agenda.
    pub fn scheduled(&self, lane: LaneId) -> Option<Entry> {
        self.links.get(&lane.link)?.lane(lane.to).entry
    }

    /// The first item of a lane arrives: its number, and what there is to tell to whom.
    pub fn arrive(&mut self, lane: LaneId) -> Option<(u64, Option<Arrival>)> {
        self.touched.push(lane);
        let link = self.links.get_mut(&lane.link).filter(|link| !link.datagrams)?;
        let item = link.lane_mut(lane.to).items.pop_front()?;
        let (port, end, from) = (link.port, link.end(lane.to), link.end(lane.to.other()).host);
        let host = end.host;
        let arrival = match item.cargo {
            Cargo::Knock => Some(Arrival::Knock { host, port, from }),
            Cargo::Welcome => {
                link.end_mut(lane.to).state = EndState::Open;
                end.conn.map(|conn| Arrival::Up { host, conn, port, from })
            }
            Cargo::Message(parts) => {
                link.lane_mut(lane.to).in_flight -= size(&parts);
                let word = link.drain(lane.to);
                self.tell_drained(word);
                end.conn.map(|conn| Arrival::Message { host, conn, from, parts })
            }
            Cargo::Closed => {
                self.close_end(lane);
                end.conn.map(|conn| Arrival::Down { host, conn, from })
            }
        };
        Some((item.seq, arrival))
    }

    /// The sender of a lane gives the connection up.
    pub fn give_up(&mut self, now: Mono, lane: LaneId) -> Option<Arrival> {
        let link = self.links.get(&lane.link)?;
        let (own, from) = (link.end(lane.to.other()), link.end(lane.to).host);
        self.lose_from(lane, 0);
        self.put(now, lane, Cargo::Closed);
        self.close_end(LaneId { link: lane.link, to: lane.to.other() });
        own.conn.map(|conn| Arrival::Down { host: own.host, conn, from })
    }

    /// All ends of a host close at once; the others learn it one delay later.
    pub fn crash(&mut self, now: Mono, host: Host) {
        for conn in self.conns_of(host) {
            self.close(now, host, conn);
        }
    }

    /// A connection is reset: all in flight is lost, and both sides learn it.
    pub fn reset(&mut self, now: Mono, id: LinkId) {
        if self.links.get(&id).is_some_and(|link| link.datagrams) {
            return;
        }
        for to in [Side::Opener, Side::Acceptor] {
            let lane = LaneId { link: id, to };
            self.lose_from(lane, 0);
            self.put(now, lane, Cargo::Closed);
        }
    }

    /// A message and all behind it are lost; then the connection is reset. Of datagrams only this
    /// one is lost.
    pub fn lose(&mut self, now: Mono, lane: LaneId, seq: u64) {
        if self.is_for_datagrams(lane) {
            return self.drop_datagram(lane, seq);
        }
        self.lose_from(lane, seq);
        self.put(now, lane, Cargo::Closed);
        self.put(now, LaneId { link: lane.link, to: lane.to.other() }, Cargo::Closed);
    }

    /// A message and all behind it wait. Of datagrams only this one waits.
    pub fn hold(&mut self, lane: LaneId, seq: u64) {
        if self.is_for_datagrams(lane) {
            return self.hold_datagram(lane, seq);
        }
        if let Some(link) = self.links.get_mut(&lane.link) {
            link.lane_mut(lane.to).held = Some(seq);
            self.touched.push(lane);
        }
    }

    /// A held lane flows again.
    pub fn release(&mut self, lane: LaneId) {
        self.release_datagrams(lane);
        if let Some(link) = self.links.get_mut(&lane.link) {
            link.lane_mut(lane.to).held = None;
            self.touched.push(lane);
        }
    }

    /// Nothing passes from one host to another from now on.
    pub fn cut(&mut self, now: Mono, from: Host, to: Host) {
        self.cuts.entry((from, to)).or_insert(now);
        self.drop_datagrams(from, to);
        self.touch_between(from, to);
    }

    /// Everything passes again from one host to another.
    pub fn heal(&mut self, from: Host, to: Host) {
        self.cuts.remove(&(from, to));
        self.touch_between(from, to);
    }

    /// Nothing is cut, held or slow any more.
    pub fn heal_all(&mut self) {
        self.cuts.clear();
        self.delays.clear();
        for id in self.datagram_links.values().copied().collect::<Vec<_>>() {
            for to in [Side::Opener, Side::Acceptor] {
                self.release_datagrams(LaneId { link: id, to });
            }
        }
        for (id, link) in &mut self.links {
            for to in [Side::Opener, Side::Acceptor] {
                link.lane_mut(to).held = None;
                self.touched.push(LaneId { link: *id, to });
            }
        }
    }

    /// A host stands still, or goes on: nothing reaches it in between.
    pub fn sleep(&mut self, host: Host, asleep: bool) {
        match asleep {
            true => self.asleep.insert(host),
            false => self.asleep.remove(&host),
        };
        for (id, link) in &self.links {
            if link.opener.host == host || link.acceptor.host == host {
                self.touched.push(LaneId { link: *id, to: Side::Opener });
                self.touched.push(LaneId { link: *id, to: Side::Acceptor });
            }
        }
        self.touch_datagrams_to(host);
    }

    /// Whether a host stands still.
    pub fn is_asleep(&self, host: Host) -> bool {
        self.asleep.contains(&host)
    }

    /// Whether any host does.
    pub fn has_sleepers(&self) -> bool {
        !self.asleep.is_empty()
    }

    /// From now on a message from one host to another takes this long.
    pub fn set_delay(&mut self, from: Host, to: Host, delay_us: u64) {
        self.delays.insert((from, to), delay_us);
    }

    /// Feeds what is under way to a hasher, by those who talk and not by the numbers of links and
    /// messages.
    pub(crate) fn hash_cargo<H: Hasher>(&self, hasher: &mut H) {
        let mut links: Vec<&Link> = self.links.values().collect();
        links.sort_by_key(|link| (link.opener.host, link.opener.conn, link.acceptor.host));
        for link in links {
            (link.port, &link.opener, &link.acceptor).hash(hasher);
            for to in [Side::Opener, Side::Acceptor] {
                let Lane { items, held, paused, .. } = link.lane(to);
                (items.len(), held, paused).hash(hasher);
                items.iter().for_each(|item| item.cargo.hash(hasher));
            }
        }
    }

    /// The next word that an operating system took bytes, oldest first, for a host that is awake.
    pub fn next_drained(&mut self) -> Option<Drained> {
        let awake = self.drained.iter().position(|word| !self.asleep.contains(&word.host))?;
        self.drained.remove(awake)
    }

    /// The messages that were lost since the last call.
    pub fn take_lost(&mut self) -> Vec<(LaneId, u64)> {
        std::mem::take(&mut self.lost)
    }

    /// Brings the agenda up to date with all lanes that changed, and forgets the connections whose
    /// ends are both closed.
    pub fn reschedule(&mut self, agenda: &mut Agenda) {
        self.reschedule_datagrams(agenda);
        while let Some(lane) = self.touched.pop() {
            let Some(link) = self.links.get(&lane.link) else { continue };
            let entry = self.entry(link, lane);
            let Some(link) = self.links.get_mut(&lane.link) else { continue };
            agenda.replace(&mut link.lane_mut(lane.to).entry, entry);
            // Closing an end empties the lane to it, so nothing is left on the agenda here.
            if link.is_over() {
                self.links.remove(&lane.link);
            }
        }
    }
}

/// Why the first item of a lane cannot arrive.
enum Obstacle {
    Cut(Mono),
    Waiting,
}

impl Net {
    fn entry(&self, link: &Link, lane: LaneId) -> Option<Entry> {
        if link.datagrams {
            return None;
        }
        let first = link.lane(lane.to).items.front()?;
        let (from, to) = (link.end(lane.to.other()).host, link.end(lane.to).host);
        let (due, what) = match self.obstacle(link, lane.to) {
            None => (first.due, Auto::Deliver { lane, seq: first.seq }),
            Some(Obstacle::Waiting) => return None,
            Some(Obstacle::Cut(_)) if link.is_closed(lane.to.other()) => return None,
            Some(Obstacle::Cut(_)) if self.asleep.contains(&from) => return None,
            Some(Obstacle::Cut(since)) => {
                (Mono(since.max(first.sent).0 + self.give_up_us), Auto::GiveUp { lane })
            }
        };
        Some(Entry { due, rank: Rank::Message, from, to, what })
    }

    fn obstacle(&self, link: &Link, to: Side) -> Option<Obstacle> {
        let lane = link.lane(to);
        let way = (link.end(to.other()).host, link.end(to).host);
        if let Some(since) = self.cuts.get(&way) {
            return Some(Obstacle::Cut(*since));
        }
        let held = match (lane.held, lane.items.front()) {
            (Some(held), Some(first)) => first.seq >= held,
            (Some(_), None) | (None, _) => false,
        };
        let waits = held || lane.paused || self.asleep.contains(&way.1);
        waits.then_some(Obstacle::Waiting)
    }

    /// Puts an item on a lane, unless its receiver has closed its end: the item's number there, and
    /// to whom it goes.
    fn put(&mut self, now: Mono, lane: LaneId, cargo: Cargo) -> Option<(u64, Host)> {
        let jitter_us = self.draw(self.jitter_us);
        let link = self.links.get_mut(&lane.link)?;
        if link.is_closed(lane.to) {
            return None;
        }
        let way = (link.end(lane.to.other()).host, link.end(lane.to).host);
        let delay_us = self.delays.get(&way).copied().unwrap_or(self.delay_us);
        let target = link.lane_mut(lane.to);
        let due = Mono(now.0 + delay_us + jitter_us).max(target.last_due);
        let seq = target.next_seq;
        target.next_seq += 1;
        target.last_due = due;
        let message = match &cargo {
            Cargo::Message(parts) => Some(size(parts)),
            Cargo::Knock | Cargo::Welcome | Cargo::Closed => None,
        };
        target.items.push_back(Item { seq, sent: now, due, cargo });
        if target.items.len() == 1 {
            self.touched.push(lane);
        }
        if let Some(bytes) = message {
            target.sent += bytes;
            target.in_flight += bytes;
            let word = link.drain(lane.to);
            self.tell_drained(word);
        }
        Some((seq, way.1))
    }

    /// Closes one end: what is under way to it is lost.
    fn close_end(&mut self, lane: LaneId) {
        self.lose_from(lane, 0);
        let Some(link) = self.links.get_mut(&lane.link) else { return };
        let end = link.end_mut(lane.to);
        end.state = EndState::Closed;
        if let Some(conn) = end.conn {
            let host = end.host;
            self.ends.remove(&(host, conn));
        }
        self.touched.push(LaneId { link: lane.link, to: lane.to.other() });
    }

    fn lose_from(&mut self, lane: LaneId, seq: u64) {
        self.touched.push(lane);
        let Some(link) = self.links.get_mut(&lane.link) else { return };
        let target = link.lane_mut(lane.to);
        let kept = target.items.iter().take_while(|item| item.seq < seq).count();
        for item in target.items.drain(kept..) {
            if let Cargo::Message(parts) = item.cargo {
                target.in_flight -= size(&parts);
                self.lost.push((lane, item.seq));
            }
        }
    }

    /// Remembers to tell the sender of a lane how much its operating system has taken.
    fn tell_drained(&mut self, word: Option<Drained>) {
        let Some(word) = word else { return };
        match self.drained.back_mut() {
            Some(last) if (last.host, last.conn) == (word.host, word.conn) => *last = word,
            Some(_) | None => self.drained.push_back(word),
        }
    }

    fn touch_between(&mut self, from: Host, to: Host) {
        for (id, link) in &self.links {
            for side in [Side::Opener, Side::Acceptor] {
                if (link.end(side.other()).host, link.end(side).host) == (from, to) {
                    self.touched.push(LaneId { link: *id, to: side });
                }
            }
        }
    }
}

impl Item {
    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        match &self.cargo {
            Cargo::Message(parts) => size(parts),
            Cargo::Knock | Cargo::Welcome | Cargo::Closed => 0,
        }
    }

    /// True if it is no message, or one without bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Link {
    /// One of its ends.
    pub fn end(&self, side: Side) -> End {
        match side {
            Side::Opener => self.opener,
            Side::Acceptor => self.acceptor,
        }
    }

    /// What is under way to one of its ends, in order.
    pub fn in_flight(&self, to: Side) -> impl Iterator<Item = &Item> {
        self.lane(to).items.iter()
    }

    /// The first message that is held on the way to one of its ends, by its number.
    pub fn held(&self, to: Side) -> Option<u64> {
        self.lane(to).held
    }

    fn is_over(&self) -> bool {
        let closed = self.is_closed(Side::Opener) && self.is_closed(Side::Acceptor);
        closed && self.to_opener.entry.is_none() && self.to_acceptor.entry.is_none()
    }

    fn is_closed(&self, side: Side) -> bool {
        self.end(side).state == EndState::Closed
    }

    fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Opener => &mut self.opener,
            Side::Acceptor => &mut self.acceptor,
        }
    }

    /// How much the operating system of a lane's sender has taken, if that is news.
    fn drain(&mut self, to: Side) -> Option<Drained> {
        let sender = self.end(to.other());
        let way = self.lane_mut(to);
        let through = way.sent - way.in_flight.saturating_sub(SOCKET_BUFFER);
        let conn = sender.conn.filter(|_| through > way.taken)?;
        way.taken = through;
        Some(Drained { host: sender.host, conn, through })
    }

    fn lane(&self, to: Side) -> &Lane {
        match to {
            Side::Opener => &self.to_opener,
            Side::Acceptor => &self.to_acceptor,
        }
    }

    fn lane_mut(&mut self, to: Side) -> &mut Lane {
        match to {
            Side::Opener => &mut self.to_opener,
            Side::Acceptor => &mut self.to_acceptor,
        }
    }
}

/// How many bytes a message has.
pub fn size(parts: &Parts) -> u64 {
    parts.iter().map(|part| part.len() as u64).sum()
}

#[cfg(test)]
mod tests;
