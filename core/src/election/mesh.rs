//! The connections between all servers on their election ports: one for each pair.
//!
//! Of a pair, the connection that the server with the greater number opened is kept. Each peer
//! has room for one message that waits, and the newest wins: an older vote is worthless. When a
//! connection stands again, the last message is sent again.
//! Source: ZooKeeper's `QuorumCnxManager`. Not here: what the votes mean.

use alloc::vec;
use bytes::Bytes;

use crate::config::{Ensemble, HostPort};
use crate::limits::SERVERS_MAX;
use crate::process::{Effect, Out, PortKind};
use crate::sorted::SortedMap;
use crate::types::{ConnId, ServerId};
use crate::wire::election::InitialMessage;

/// All connections of the election port of one server.
#[derive(Clone, Debug, Hash)]
pub struct Mesh {
    me: ServerId,
    my_address: HostPort,
    links: SortedMap<ServerId, Link>,
    /// The versions of the configuration in force and of the next one, as it knows them.
    knows: (u64, Option<u64>),
}

#[derive(Clone, Debug, Hash)]
struct Link {
    address: HostPort,
    wire: Wire,
    /// The message that waits for the connection or for room on it.
    waiting: Option<Bytes>,
    /// The last message handed to a connection.
    last_sent: Option<Bytes>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
enum Wire {
    Down,
    Dialing(ConnId),
    /// `sent` and `drained` count bytes since the connection stands.
    Up {
        conn: ConnId,
        sent: u64,
        drained: u64,
    },
}

impl Mesh {
    /// No connection yet.
    pub fn new(
        me: ServerId,
        my_address: HostPort,
        current: &Ensemble,
        next: Option<&Ensemble>,
    ) -> Mesh {
        let others = others(me, current, next).into_iter();
        let links = others.map(|(sid, address)| (sid, Link::new(address.clone()))).collect();
        Mesh { me, my_address, links, knows: versions(current, next) }
    }

    /// The versions of the configurations that it knows.
    pub fn knows(&self) -> (u64, Option<u64>) {
        self.knows
    }

    /// The ensemble changes: new peers are called, those that are in no configuration any more
    /// are cut off, and so are those whose address is another one.
    pub fn reconfigure(
        &mut self,
        my_address: HostPort,
        current: &Ensemble,
        next: Option<&Ensemble>,
        next_conn: &mut u64,
        out: &mut Out<Effect>,
    ) {
        self.knows = versions(current, next);
        self.my_address = my_address;
        let addresses = others(self.me, current, next);
        self.links.retain(|sid, link| {
            let stays = addresses.get(sid).is_some_and(|address| **address == link.address);
            if !stays {
                link.hang_up(false, out);
            }
            stays
        });
        for (sid, address) in addresses {
            let link = self.links.entry(sid);
            link.or_insert_with(|| Link::new(address.clone())).dial(next_conn, out);
        }
    }

    /// Queues a message for `to` in place of any that waits, and connects if need be.
    pub fn send(
        &mut self,
        to: ServerId,
        message: Bytes,
        next_conn: &mut u64,
        out: &mut Out<Effect>,
    ) {
        let Some(link) = self.links.get_mut(&to) else { return };
        link.waiting = Some(message);
        link.flush(out);
        link.dial(next_conn, out);
    }

    /// Connects to every peer to which no connection stands.
    pub fn connect_all(&mut self, next_conn: &mut u64, out: &mut Out<Effect>) {
        for link in self.links.values_mut() {
            link.dial(next_conn, out);
        }
    }

    /// True if to some peer nothing waits any more: something was delivered (`haveDelivered`).
    pub fn has_delivered(&self) -> bool {
        self.links.values().any(|link| link.waiting.is_none())
    }

    /// A connection that was dialed stands.
    pub fn on_dialed(&mut self, conn: ConnId, out: &mut Out<Effect>) {
        let Some((sid, link)) =
            self.links.iter_mut().find(|(_, link)| link.wire == Wire::Dialing(conn))
        else {
            out.push(Effect::Disconnect { conn });
            return;
        };
        let greeting = InitialMessage::V1 { sid: self.me, address: self.my_address.clone() };
        let greeting = greeting.encode();
        let length = greeting.len() as u64;
        out.push(Effect::Send { conn, parts: vec![greeting] });
        if *sid > self.me {
            // The greater number's connection is the one that is kept: it calls back.
            link.wire = Wire::Down;
            out.push(Effect::Disconnect { conn });
            return;
        }
        link.wire = Wire::Up { conn, sent: length, drained: 0 };
        link.resume(out);
    }

    /// A caller said who it is. Returns its number if the connection is kept. `strangers` are
    /// servers that may join: they are heard, and answered at the address that they name.
    pub fn on_greeting(
        &mut self,
        conn: ConnId,
        greeting: &InitialMessage,
        strangers: bool,
        next_conn: &mut u64,
        out: &mut Out<Effect>,
    ) -> Option<ServerId> {
        let sid = greeting.sid();
        if strangers
            && !self.links.contains_key(&sid)
            && self.links.len() < SERVERS_MAX
            && let Some(address) = greeting.addresses().first()
        {
            self.links.insert(sid, Link::new(address.clone()));
        }
        let known = self.links.get_mut(&sid);
        let Some(link) = known.filter(|_| sid != self.me) else {
            // Nobody of this ensemble, or a second server with this server's own number.
            out.push(Effect::Disconnect { conn });
            return None;
        };
        link.hang_up(sid < self.me, out);
        if sid < self.me {
            out.push(Effect::Disconnect { conn });
            link.dial(next_conn, out);
            return None;
        }
        link.wire = Wire::Up { conn, sent: 0, drained: 0 };
        link.resume(out);
        Some(sid)
    }

    /// The driver's socket took bytes.
    pub fn on_drained(&mut self, conn: ConnId, through: u64, out: &mut Out<Effect>) {
        let Some(link) = self.links.values_mut().find(|link| link.conn() == Some(conn)) else {
            return;
        };
        if let Wire::Up { drained, .. } = &mut link.wire {
            *drained = through;
        }
        link.flush(out);
    }

    /// A connection ended or could not be opened. The next message connects again.
    pub fn on_down(&mut self, conn: ConnId) {
        for link in self.links.values_mut() {
            if link.conn() == Some(conn) {
                link.wire = Wire::Down;
            }
        }
    }

    /// Whose connection this is.
    pub fn peer_of(&self, conn: ConnId) -> Option<ServerId> {
        let mut links = self.links.iter();
        links.find(|(_, link)| link.conn() == Some(conn)).map(|(sid, _)| *sid)
    }
}

/// The servers of both configurations, at the address of the one in force if it has them.
fn others<'a>(
    me: ServerId,
    current: &'a Ensemble,
    next: Option<&'a Ensemble>,
) -> SortedMap<ServerId, &'a HostPort> {
    let coming = next.into_iter().flat_map(|next| &next.servers);
    let members = coming.chain(&current.servers).filter(|(sid, _)| **sid != me);
    members.map(|(sid, entry)| (*sid, &entry.election)).collect()
}

fn versions(current: &Ensemble, next: Option<&Ensemble>) -> (u64, Option<u64>) {
    (current.version, next.map(|next| next.version))
}

impl Link {
    fn new(address: HostPort) -> Link {
        Link { address, wire: Wire::Down, waiting: None, last_sent: None }
    }

    fn conn(&self) -> Option<ConnId> {
        match self.wire {
            Wire::Down => None,
            Wire::Dialing(conn) | Wire::Up { conn, .. } => Some(conn),
        }
    }

    fn dial(&mut self, next_conn: &mut u64, out: &mut Out<Effect>) {
        if self.wire != Wire::Down {
            return;
        }
        // As `Shared::take_conn` counts: both name connections of one server.
        *next_conn += 1;
        let conn = ConnId::outgoing(*next_conn);
        self.wire = Wire::Dialing(conn);
        let addr = self.address.clone();
        out.push(Effect::Connect { conn, port: PortKind::Election, addr });
    }

    /// Ends what stands. A dial under way is kept if the peer only asked to be called back.
    fn hang_up(&mut self, keep_dialing: bool, out: &mut Out<Effect>) {
        match self.wire {
            Wire::Down => {}
            Wire::Dialing(_) if keep_dialing => {}
            Wire::Dialing(conn) | Wire::Up { conn, .. } => {
                out.push(Effect::Disconnect { conn });
                self.wire = Wire::Down;
            }
        }
    }

    /// A connection stands: what waits goes out, or else the last message once more.
    fn resume(&mut self, out: &mut Out<Effect>) {
        if self.waiting.is_none() {
            self.waiting = self.last_sent.clone();
        }
        self.transmit(out);
    }

    fn flush(&mut self, out: &mut Out<Effect>) {
        if let Wire::Up { sent, drained, .. } = self.wire
            && sent == drained
        {
            self.transmit(out);
        }
    }

    fn transmit(&mut self, out: &mut Out<Effect>) {
        if let Wire::Up { conn, sent, .. } = &mut self.wire
            && let Some(message) = self.waiting.take()
        {
            *sent += message.len() as u64;
            self.last_sent = Some(message.clone());
            out.push(Effect::Send { conn: *conn, parts: vec![message] });
        }
    }
}
