//! From the acts of a script to steps of the world.
//!
//! Not here: what a step does (see [`crate::world`]).

use std::sync::Arc;

use bytes::Bytes;
use zablab_core::process::PortKind;
use zablab_core::sorted::SortedMap;
use zablab_core::tree::acl::{ALL, world_anyone};
use zablab_core::types::{ElectionEpoch, ServerId, Tag};
use zablab_core::wire::client::{
    AddWatchMode, AuthRequest, CheckVersionRequest, CreateMode, CreateRequest, DeleteRequest,
    MultiOp, Request, SetAclRequest, SetDataRequest, WatcherType,
};
use zablab_core::wire::election::Notification;
use zablab_core::wire::frame::FrameBuffer;
use zablab_core::wire::quorum::QuorumPacket;

use super::SESSION_TIMEOUT_MS;
use super::ast::{
    Act, ClientAct, Data, HostName, MessageKind, Part, Read, Sids, Survivors, Way, Write,
};
use super::predicate::servers_of;
use super::run::Failure;
use super::vocabulary::same_word;
use crate::client::ClientOp;
use crate::datagram::Content;
use crate::link::{Cargo, Item, Link};
use crate::step::{ClientId, Fault, Host, Keep, LaneId, Side, Step};
use crate::trace::{TraceEvent, What};
use crate::world::World;

/// What a value that is given by its size is made of.
pub(crate) const FILLING: u8 = b'x';

/// What waits or is lost as soon as it is sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rules {
    hold: Vec<Rule>,
    lose: Vec<Rule>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    from: Host,
    to: Host,
    kind: MessageKind,
}

impl Rules {
    /// The steps that these events call for.
    pub(crate) fn after(&mut self, world: &World, events: &[TraceEvent]) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.hold.is_empty() && self.lose.is_empty() {
            return steps;
        }
        for event in events {
            let What::MessageSent { lane, seq, .. } = event.what else { continue };
            let Some(link) = world.net().link(lane.link) else { continue };
            let Some(item) = link.in_flight(lane.to).find(|item| item.seq == seq) else { continue };
            if let Some(place) = self.lose.iter().position(|rule| rule.means(link, lane.to, item)) {
                self.lose.remove(place);
                steps.push(Step::Fault(Fault::Lose { lane, seq }));
            } else if !link.is_held(lane.to, seq)
                && self.hold.iter().any(|rule| rule.means(link, lane.to, item))
            {
                steps.push(Step::Fault(Fault::Hold { lane, seq }));
            }
        }
        steps
    }
}

impl Rule {
    fn is_way(&self, link: &Link, to: Side) -> bool {
        link.end(to.other()).host == self.from && link.end(to).host == self.to
    }

    fn means(&self, link: &Link, to: Side, item: &Item) -> bool {
        let is_kind = match link.datagrams {
            true => is_datagram(item, &self.kind),
            false => is_kind(link.port, item, &self.kind),
        };
        self.is_way(link, to) && is_kind
    }

    /// The datagrams of this direction that are meant; of a connection only the first one is
    /// named, because all behind it shares its fate.
    fn under_way_all(&self, world: &World) -> Vec<(LaneId, u64)> {
        let meant = lanes(world).flat_map(|(lane, link)| {
            let items = link.in_flight(lane.to).filter(move |item| self.means(link, lane.to, item));
            let most = if link.datagrams { usize::MAX } else { 1 };
            items.take(most).map(move |item| (lane, item.seq))
        });
        meant.collect()
    }

    /// The lanes of this direction, and on each the first message under way that is meant.
    fn under_way<'a>(&'a self, world: &'a World) -> impl Iterator<Item = (LaneId, u64)> + 'a {
        lanes(world).filter_map(|(lane, link)| {
            let item = link.in_flight(lane.to).find(|item| self.means(link, lane.to, item))?;
            Some((lane, item.seq))
        })
    }
}

/// Both directions of all connections.
fn lanes(world: &World) -> impl Iterator<Item = (LaneId, &Link)> {
    world.net().links().flat_map(|(id, link)| {
        [Side::Opener, Side::Acceptor].map(|to| (LaneId { link: id, to }, link))
    })
}

fn is_kind(port: PortKind, item: &Item, kind: &MessageKind) -> bool {
    let bytes = || match &item.cargo {
        Cargo::Message(parts) => {
            let mut buffer = FrameBuffer::default();
            parts.iter().for_each(|part| buffer.push(part.clone()));
            Some(buffer)
        }
        Cargo::Knock | Cargo::Welcome | Cargo::Closed => None,
    };
    match (kind, port) {
        (MessageKind::Any, _) => true,
        (MessageKind::Notification, PortKind::Election) => bytes().is_some_and(|mut buffer| {
            matches!(Notification::decode(&mut buffer), Ok(Some(_))) && buffer.is_empty()
        }),
        (MessageKind::Packet(name), PortKind::Quorum) => bytes().is_some_and(|mut buffer| {
            // The body of a snapshot is no packet: it does not end where a packet would.
            match QuorumPacket::decode(&mut buffer) {
                Ok(Some(packet)) if buffer.is_empty() => {
                    same_word(&format!("{:?}", packet.kind), name)
                }
                Ok(_) | Err(_) => false,
            }
        }),
        (MessageKind::Notification | MessageKind::Packet(_) | MessageKind::Datagram(_), _) => false,
    }
}

fn is_datagram(item: &Item, kind: &MessageKind) -> bool {
    let name = match kind {
        MessageKind::Any => return true,
        MessageKind::Notification => "NOTIFICATION",
        MessageKind::Packet(name) | MessageKind::Datagram(name) => name,
    };
    let Cargo::Message(parts) = &item.cargo else { return false };
    let content = parts.first().and_then(Content::decode);
    content.is_some_and(|content| same_word(content.name(), name))
}

/// Who carries acts out: whoever takes steps in a world and minds its rules for messages.
pub(crate) trait Actor {
    /// The world as it is now.
    fn world(&self) -> &World;
    /// Its clients by their names.
    fn clients(&self) -> &SortedMap<String, ClientId>;
    /// The rules for its messages.
    fn rules(&mut self) -> &mut Rules;
    /// Takes a step, and those that the rules want after it.
    fn apply(&mut self, step: &Step);
}

/// Carries an act out.
pub(crate) fn carry_out(actor: &mut impl Actor, act: &Act) -> Result<(), Failure> {
    Acting { actor }.act(act)
}

struct Acting<'a, A> {
    actor: &'a mut A,
}

impl<A: Actor> Acting<'_, A> {
    fn act(&mut self, act: &Act) -> Result<(), Failure> {
        match act {
            Act::Start(at) => self.each(at, |server| Fault::Start { server }),
            Act::Crash { at, keep } => {
                let keep = match keep {
                    Survivors::Nothing => Keep::NOTHING,
                    Survivors::All => Keep::ALL,
                    Survivors::Some(keep) => *keep,
                };
                self.each(at, |server| Fault::Crash { server, keep })
            }
            Act::Wipe(at) => self.each(at, |server| Fault::WipeDisk { server }),
            Act::Cut(a, b) => self.pairs(a, b, |a, b| Fault::Cut { a, b }),
            Act::Heal(a, b) => self.pairs(a, b, |a, b| Fault::Heal { a, b }),
            Act::CutOneWay(way) => {
                let (from, to) = self.ends(way)?;
                self.fault(Fault::CutOneWay { from, to });
                Ok(())
            }
            Act::HealAll => {
                *self.actor.rules() = Rules::default();
                self.fault(Fault::HealAll);
                Ok(())
            }
            Act::Delay(way, delay_us) => {
                let (from, to) = self.ends(way)?;
                self.fault(Fault::Delay { from, to, delay_us: *delay_us });
                Ok(())
            }
            Act::Hold(way, kind) => self.hold(self.rule(way, kind)?),
            Act::Release(way) => {
                let (from, to) = self.ends(way)?;
                self.actor.rules().hold.retain(|rule| (rule.from, rule.to) != (from, to));
                self.release(|lane_from, lane_to| (lane_from, lane_to) == (from, to))
            }
            Act::ReleaseAll => {
                self.actor.rules().hold.clear();
                self.release(|_, _| true)
            }
            Act::Lose(way, kind) => self.lose(self.rule(way, kind)?),
            Act::Duplicate(way, kind) => self.duplicate(self.rule(way, kind)?),
            Act::Forge { from, to, vote: (leader, zxid), numbers: [round, tag, challenge] } => {
                for sid in [*from, *to] {
                    self.servers(&Sids::List(vec![(sid, sid)]))?;
                }
                self.fault(Fault::Forge {
                    from: *from,
                    to: *to,
                    leader: *leader,
                    zxid: *zxid,
                    round: ElectionEpoch(*round),
                    tag: Tag(*tag),
                    challenge: Tag(*challenge),
                });
                Ok(())
            }
            Act::Reset(a, b) => self.reset(a, b),
            Act::Deliver(way, kind) => self.deliver(self.rule(way, kind)?),
            Act::SlowDisk(at, us) => {
                self.each(at, |server| Fault::SlowDisk { server, sync_us: *us })
            }
            Act::FailDisk(at) => self.each(at, |server| Fault::FailDisk { server }),
            Act::FillDisk(at, left) => {
                self.each(at, |server| Fault::FillDisk { server, left: *left })
            }
            Act::FreeDisk(at) => self.each(at, |server| Fault::FreeDisk { server }),
            Act::FlipByte { at, of, byte } => {
                self.each(at, |server| Fault::FlipByte { server, of: *of, at: *byte })
            }
            Act::CopyDisk(at) => self.each(at, |server| Fault::CopyDisk { server }),
            Act::RestoreDisk(at) => self.each(at, |server| Fault::RestoreDisk { server }),
            Act::Pause(at) => self.each(at, |server| Fault::Pause { host: Host::Server(server) }),
            Act::Resume(at) => self.each(at, |server| Fault::Resume { host: Host::Server(server) }),
            Act::Myid(at, says) => self.each(at, |server| Fault::Myid { server, says: *says }),
            Act::JumpClock { at, us, back } => {
                let by_ms = (us / 1000) as i64 * if *back { -1 } else { 1 };
                self.each(at, |server| Fault::JumpWallClock { server, by_ms })
            }
            Act::Client { client, op } => self.client_act(client, op),
            Act::Paxos { at, ask } => {
                let sids = Sids::List(vec![(*at, *at)]);
                let server = self.servers(&sids)?.into_iter().next().unwrap_or(*at);
                self.actor.apply(&Step::Ask { server, ask: Arc::new(ask.clone()) });
                Ok(())
            }
        }
    }

    fn fault(&mut self, fault: Fault) {
        self.actor.apply(&Step::Fault(fault));
    }

    fn servers(&self, at: &Sids) -> Result<Vec<ServerId>, Failure> {
        let world = self.actor.world();
        let servers = servers_of(world, at);
        match servers.iter().find(|sid| world.node(**sid).is_none()) {
            Some(sid) => Err(Failure::Unknown { name: format!("server {sid}") }),
            None => Ok(servers),
        }
    }

    fn each(&mut self, at: &Sids, fault: impl Fn(ServerId) -> Fault) -> Result<(), Failure> {
        for sid in self.servers(at)? {
            self.fault(fault(sid));
        }
        Ok(())
    }

    fn pairs(
        &mut self,
        a: &Sids,
        b: &Sids,
        fault: impl Fn(Host, Host) -> Fault,
    ) -> Result<(), Failure> {
        let (a, b) = (self.servers(a)?, self.servers(b)?);
        for (a, b) in a.iter().flat_map(|a| b.iter().map(move |b| (*a, *b))) {
            if a != b {
                self.fault(fault(Host::Server(a), Host::Server(b)));
            }
        }
        Ok(())
    }

    fn host(&self, name: &HostName) -> Result<Host, Failure> {
        match name {
            HostName::Server(sid) => match self.actor.world().node(*sid) {
                Some(_) => Ok(Host::Server(*sid)),
                None => Err(Failure::Unknown { name: format!("server {sid}") }),
            },
            HostName::Client(name) => self.client(name).map(Host::Client),
        }
    }

    fn client(&self, name: &str) -> Result<ClientId, Failure> {
        let unknown = || Failure::Unknown { name: format!("client {name}") };
        self.actor.clients().get(name).copied().ok_or_else(unknown)
    }

    fn ends(&self, way: &Way) -> Result<(Host, Host), Failure> {
        Ok((self.host(&way.from)?, self.host(&way.to)?))
    }

    fn rule(&self, way: &Way, kind: &MessageKind) -> Result<Rule, Failure> {
        let (from, to) = self.ends(way)?;
        Ok(Rule { from, to, kind: kind.clone() })
    }

    fn hold(&mut self, rule: Rule) -> Result<(), Failure> {
        let under_way = rule.under_way_all(self.actor.world());
        self.actor.rules().hold.push(rule);
        for (lane, seq) in under_way {
            self.fault(Fault::Hold { lane, seq });
        }
        Ok(())
    }

    fn release(&mut self, those: impl Fn(Host, Host) -> bool) -> Result<(), Failure> {
        let held = lanes(self.actor.world()).filter(|(lane, link)| {
            let way = (link.end(lane.to.other()).host, link.end(lane.to).host);
            link.holds_anything(lane.to) && those(way.0, way.1)
        });
        let held: Vec<LaneId> = held.map(|(lane, _)| lane).collect();
        for lane in held {
            self.fault(Fault::Release { lane });
        }
        Ok(())
    }

    fn lose(&mut self, rule: Rule) -> Result<(), Failure> {
        let oldest = rule.under_way(self.actor.world()).next();
        match oldest {
            None => self.actor.rules().lose.push(rule),
            Some((lane, seq)) if self.actor.world().net().is_for_datagrams(lane) => {
                self.fault(Fault::Lose { lane, seq });
            }
            Some((lane, seq)) => {
                self.fault(Fault::Lose { lane, seq });
                // What was held is gone; the news of the reset travels on.
                self.fault(Fault::Release { lane });
            }
        }
        Ok(())
    }

    fn duplicate(&mut self, rule: Rule) -> Result<(), Failure> {
        let oldest = rule.under_way(self.actor.world()).next();
        let (lane, seq) = oldest.ok_or(Failure::NoMessage)?;
        self.fault(Fault::Duplicate { lane, seq });
        Ok(())
    }

    fn reset(&mut self, a: &HostName, b: &HostName) -> Result<(), Failure> {
        let (a, b) = (self.host(a)?, self.host(b)?);
        let between = self.actor.world().net().links().filter(|(_, link)| {
            let ends = (link.opener.host, link.acceptor.host);
            ends == (a, b) || ends == (b, a)
        });
        let between: Vec<_> = between.map(|(id, _)| id).collect();
        for link in between {
            self.fault(Fault::Reset { link });
        }
        Ok(())
    }

    fn deliver(&mut self, rule: Rule) -> Result<(), Failure> {
        let world = self.actor.world();
        let ready = world.agenda().iter().map(|entry| entry.step()).find(|step| {
            let Step::Deliver { lane, seq } = step else { return false };
            let Some(link) = world.net().link(lane.link) else { return false };
            // Of a connection only the first message is on the agenda.
            let ready = link.in_flight(lane.to).find(|item| item.seq == *seq);
            ready.is_some_and(|item| rule.means(link, lane.to, item))
        });
        let step = ready.ok_or(Failure::NoMessage)?;
        self.actor.apply(&step);
        Ok(())
    }

    fn client_act(&mut self, name: &str, act: &ClientAct) -> Result<(), Failure> {
        let client = self.client(name)?;
        let (op, times) = match act {
            ClientAct::Crash => {
                self.fault(Fault::DropClient { client });
                return Ok(());
            }
            ClientAct::Pause => {
                self.fault(Fault::Pause { host: Host::Client(client) });
                return Ok(());
            }
            ClientAct::Resume => {
                self.fault(Fault::Resume { host: Host::Client(client) });
                return Ok(());
            }
            ClientAct::Connect { to, timeout_us, read_only } => {
                let timeout_ms = timeout_us.map_or(SESSION_TIMEOUT_MS, |us| (us / 1000) as u32);
                let (servers, read_only) = (self.servers(to)?, *read_only);
                (ClientOp::Connect { servers, timeout_ms, read_only }, 1)
            }
            ClientAct::Disconnect => (ClientOp::Disconnect, 1),
            ClientAct::Close => (ClientOp::Close, 1),
            ClientAct::Write { write, times } => (ClientOp::Request(request(write)), *times),
            ClientAct::Multi(parts) => {
                let parts = parts.iter().map(part).collect();
                (ClientOp::Request(Request::Multi(parts)), 1)
            }
            ClientAct::Read { what, path, watch, times } => {
                let (path, watch) = (path.as_str().into(), *watch);
                let request = match what {
                    Read::Get => Request::GetData { path, watch },
                    Read::Exists => Request::Exists { path, watch },
                    Read::Children => Request::GetChildren2 { path, watch },
                    Read::Acl => Request::GetAcl { path },
                };
                (ClientOp::Request(request), *times)
            }
            ClientAct::Reconfig(reconfig) => (ClientOp::Request(reconfig.request()), 1),
            ClientAct::Sync(path) => {
                (ClientOp::Request(Request::Sync { path: path.as_str().into() }), 1)
            }
            ClientAct::Auth { scheme, secret } => {
                let auth = Some(Bytes::copy_from_slice(secret.as_bytes()));
                let request = AuthRequest { scheme: scheme.clone(), auth };
                (ClientOp::Request(Request::Auth(request)), 1)
            }
            ClientAct::SetAcl { path, acl, version } => {
                let path = path.as_str().into();
                let version = version.unwrap_or(-1);
                let request = SetAclRequest { path, acl: acl.clone(), version };
                (ClientOp::Request(Request::SetAcl(request)), 1)
            }
            ClientAct::AddWatch { path, recursive } => {
                let mode = match recursive {
                    true => AddWatchMode::PersistentRecursive,
                    false => AddWatchMode::Persistent,
                };
                let (path, mode) = (path.as_str().into(), mode.to_wire());
                (ClientOp::Request(Request::AddWatch { path, mode }), 1)
            }
            ClientAct::Recipe(ask) => (ClientOp::Recipe(ask.clone()), 1),
            ClientAct::RemoveWatches(path) => {
                let (path, kind) = (path.as_str().into(), WatcherType::Any.to_wire());
                (ClientOp::Request(Request::RemoveWatches { path, kind }), 1)
            }
        };
        let op = Arc::new(op);
        for _ in 0..times {
            self.actor.apply(&Step::Act { client, op: Arc::clone(&op) });
        }
        Ok(())
    }
}

fn request(write: &Write) -> Request {
    multi_op(write).into()
}

fn part(part: &Part) -> MultiOp {
    match part {
        Part::Write(write) => multi_op(write),
        Part::Check(path, version) => {
            let path = path.as_str().into();
            MultiOp::Check(CheckVersionRequest { path, version: *version })
        }
    }
}

fn multi_op(write: &Write) -> MultiOp {
    let bytes = |data: &Data| match data {
        Data::Text(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
        Data::Size(size) => Some(vec![FILLING; *size as usize].into()),
    };
    match write {
        Write::Create { path, data, ephemeral, sequential, acl } => {
            let mode = match (ephemeral, sequential) {
                (false, false) => CreateMode::Persistent,
                (true, false) => CreateMode::Ephemeral,
                (false, true) => CreateMode::PersistentSequential,
                (true, true) => CreateMode::EphemeralSequential,
            };
            MultiOp::Create(CreateRequest {
                path: path.as_str().into(),
                data: bytes(data),
                acl: acl.clone().unwrap_or_else(|| vec![world_anyone(ALL)]),
                flags: mode.to_wire(),
            })
        }
        Write::Set { path, data, version } => MultiOp::SetData(SetDataRequest {
            path: path.as_str().into(),
            data: bytes(data),
            version: version.unwrap_or(-1),
        }),
        Write::Delete { path, version } => MultiOp::Delete(DeleteRequest {
            path: path.as_str().into(),
            version: version.unwrap_or(-1),
        }),
    }
}
