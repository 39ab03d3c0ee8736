//! Looks at a world after every step and says what is different.

use zablab_core::sorted::{SortedMap, SortedSet};
use zablab_core::trace::Role;
use zablab_core::types::ServerId;

use super::frame::{Broken, ClientFrame, Flight, FlightEnd, FlightId, Frame, How, Tile, Way};
use super::frame::{ServerFrame, TileState};
use super::message::{describe, describe_datagram};
use super::words::{Names, step_words};
use super::{client, headline, log, server};
use crate::link::{Cargo, Link};
use crate::step::{ClientId, Host, LaneId, Side, Step};
use crate::trace::{TraceEvent, What};
use crate::world::World;

/// What was seen last of a run. It must look after every step, or be made anew.
#[derive(Clone, Debug)]
pub struct Camera {
    names: Names,
    position: u64,
    servers: SortedMap<ServerId, ServerFrame>,
    /// What is on the disks of servers that are down.
    disks: SortedMap<ServerId, Vec<Tile>>,
    clients: SortedMap<ClientId, ClientFrame>,
    cuts: Vec<Way>,
    held: Vec<FlightId>,
    committed: usize,
    broken: usize,
}

impl Camera {
    /// Looks at a world for the first time, after so many steps. `names` are the clients that are
    /// shown even before they act; all others are shown from their first act.
    pub fn new(world: &World, position: u64, names: &Names) -> Camera {
        let mut camera = Camera {
            names: names.clone(),
            position,
            servers: SortedMap::new(),
            disks: SortedMap::new(),
            clients: SortedMap::new(),
            cuts: cuts(world),
            held: held(world),
            committed: world.checker().committed(),
            broken: world.violations().len(),
        };
        for (sid, node) in world.nodes() {
            if !node.is_up() {
                camera.disks.insert(sid, log::read_disk(node.disk()));
            }
        }
        for (sid, _) in world.nodes() {
            camera.look_at_server(world, sid);
        }
        let acted = world.clients().map(|(id, _)| id);
        for id in names.keys().copied().chain(acted).collect::<SortedSet<_>>() {
            camera.clients.insert(id, client::of(world, id, names));
        }
        camera
    }

    /// Everything that was seen last, as a frame; `events` are those of the beginning.
    pub fn whole(&self, world: &World, events: &[TraceEvent]) -> Frame {
        Frame {
            position: self.position,
            at_us: world.now(),
            step: None,
            headline: headline::headline(events).cloned(),
            mark: headline::mark(events, self.committed > 0, self.broken > 0),
            servers: self.servers.values().cloned().collect(),
            clients: self.clients.values().cloned().collect(),
            cuts: Some(self.cuts.clone()),
            sent: under_way(world),
            ended: Vec::new(),
            held: Some(self.held.clone()),
            broken: broken(world, 0),
        }
    }

    /// A client's name, for steps from now on.
    pub fn name(&mut self, id: ClientId, name: &str) {
        self.names.insert(id, name.to_owned());
    }

    /// What is different after one more step, of which these are the events.
    pub fn look(&mut self, world: &World, step: &Step, events: &[TraceEvent]) -> Frame {
        self.position += 1;
        let cuts = changed(&mut self.cuts, cuts(world));
        let held = changed(&mut self.held, held(world));
        let committed = world.checker().committed();
        let grew = committed > std::mem::replace(&mut self.committed, committed);
        let broken = broken(world, self.broken);
        self.broken += broken.len();
        let (sent, ended) = flights(world, events);
        Frame {
            position: self.position,
            at_us: world.now(),
            step: Some(step_words(step, &self.names)),
            headline: headline::headline(events).cloned(),
            mark: headline::mark(events, grew, !broken.is_empty()),
            servers: self.servers(world, cuts.is_some(), grew),
            clients: self.clients(world),
            cuts,
            sent,
            ended,
            held,
            broken,
        }
    }

    fn servers(&mut self, world: &World, cut: bool, grew: bool) -> Vec<ServerFrame> {
        let mut seen = SortedSet::new();
        let mut moved = cut;
        for host in world.changed() {
            let Host::Server(sid) = *host else { continue };
            let Some(node) = world.node(sid) else { continue };
            if node.is_up() {
                self.disks.remove(&sid);
            } else {
                self.disks.insert(sid, log::read_disk(node.disk()));
            }
            let before = self.role(sid);
            if self.look_at_server(world, sid) {
                seen.insert(sid);
            }
            moved |= before != self.role(sid);
        }
        // Trays show who is down, cut off or looking; logs what others have committed.
        let waits = |frame: &ServerFrame| frame.up.as_ref().is_some_and(|up| up.tray.is_some());
        let lags = |tile: &Tile| matches!(tile.state, TileState::Disk | TileState::Memory);
        let depends =
            |frame: &ServerFrame| (moved && waits(frame)) || (grew && frame.log.iter().any(lags));
        let others: Vec<ServerId> =
            self.servers.values().filter(|frame| depends(frame)).map(|frame| frame.sid).collect();
        for sid in others {
            if self.look_at_server(world, sid) {
                seen.insert(sid);
            }
        }
        seen.iter().filter_map(|sid| self.servers.get(sid).cloned()).collect()
    }

    fn clients(&mut self, world: &World) -> Vec<ClientFrame> {
        let mut seen = Vec::new();
        for host in world.changed() {
            let Host::Client(id) = *host else { continue };
            let now = client::of(world, id, &self.names);
            if self.clients.get(&id) != Some(&now) {
                self.clients.insert(id, now.clone());
                seen.push(now);
            }
        }
        seen
    }

    /// The role of a server as it was seen last; `None` while it is down.
    fn role(&self, sid: ServerId) -> Option<Role> {
        self.servers.get(&sid)?.up.as_ref().map(|up| up.role)
    }

    /// True if it looks different.
    fn look_at_server(&mut self, world: &World, sid: ServerId) -> bool {
        let Some(node) = world.node(sid) else { return false };
        let read = self.disks.get(&sid).map_or(&[][..], Vec::as_slice);
        let now = server::of(world, sid, node, read);
        if self.servers.get(&sid) == Some(&now) {
            return false;
        }
        self.servers.insert(sid, now);
        true
    }
}

/// The new value, if it is another one.
fn changed<T: PartialEq + Clone>(last: &mut T, now: T) -> Option<T> {
    (*last != now).then(|| {
        *last = now.clone();
        now
    })
}

fn cuts(world: &World) -> Vec<Way> {
    world.net().cuts().map(|(from, to)| Way { from, to }).collect()
}

fn lanes(world: &World) -> impl Iterator<Item = (LaneId, &Link)> {
    world.net().links().flat_map(|(id, link)| {
        [Side::Opener, Side::Acceptor].map(|to| (LaneId { link: id, to }, link))
    })
}

fn held(world: &World) -> Vec<FlightId> {
    let mut ids = Vec::new();
    for (lane, link) in lanes(world) {
        let waiting = link.in_flight(lane.to).filter(|item| link.is_held(lane.to, item.seq));
        let messages = waiting.filter(|item| matches!(item.cargo, Cargo::Message(_)));
        ids.extend(messages.map(|item| FlightId::new(lane, item.seq)));
    }
    ids
}

fn under_way(world: &World) -> Vec<Flight> {
    let items = lanes(world).flat_map(|(lane, link)| {
        link.in_flight(lane.to).filter_map(move |item| flight(link, lane, item.seq))
    });
    items.collect()
}

fn broken(world: &World, known: usize) -> Vec<Broken> {
    let fresh = world.violations().iter().skip(known);
    let broken = fresh.map(|violation| Broken {
        invariant: violation.invariant.id().to_owned(),
        message: violation.explanation.clone(),
    });
    broken.collect()
}

/// The messages that went under way in a step and those that ended. What did both in one step was
/// never seen.
fn flights(world: &World, events: &[TraceEvent]) -> (Vec<Flight>, Vec<FlightEnd>) {
    let (mut sent, mut ended) = (Vec::new(), Vec::new());
    let mut unseen = SortedSet::new();
    for event in events {
        match event.what {
            What::MessageSent { lane, seq, .. } => {
                let link = world.net().link(lane.link);
                match link.and_then(|link| flight(link, lane, seq)) {
                    Some(flight) => sent.push(flight),
                    None => {
                        unseen.insert((lane, seq));
                    }
                }
            }
            What::MessageDelivered { lane, seq, .. } => {
                ended.push((lane, seq, How::Delivered));
            }
            What::MessageLost { lane, seq } => ended.push((lane, seq, How::Lost)),
            _ => {}
        }
    }
    let seen = ended.into_iter().filter(|(lane, seq, _)| !unseen.contains(&(*lane, *seq)));
    let end = |(lane, seq, how)| FlightEnd { id: FlightId::new(lane, seq), how };
    (sent, seen.map(end).collect())
}

/// A message under way; `None` if it is not there, or is news of the connection.
fn flight(link: &Link, lane: LaneId, seq: u64) -> Option<Flight> {
    let item = link.in_flight(lane.to).find(|item| item.seq == seq)?;
    let Cargo::Message(parts) = &item.cargo else { return None };
    let described = match link.datagrams {
        true => describe_datagram(parts),
        false => describe(link.port, lane.to, seq, parts),
    };
    Some(Flight {
        id: FlightId::new(lane, seq),
        lane,
        from: link.end(lane.to.other()).host,
        to: link.end(lane.to).host,
        family: described.family,
        letters: described.letters,
        kind: described.kind,
        reply: described.reply,
        quiet: described.quiet,
        zxid: described.zxid,
        ballot: described.ballot,
        fields: described.fields,
        bytes: parts.iter().map(|part| part.len() as u64).sum(),
    })
}
