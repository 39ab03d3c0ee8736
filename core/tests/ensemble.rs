//! One server of three at its boundary: bytes of its peers in, effects out. What it writes is
//! durable at once, unless its disk stands still.

use bytes::Bytes;
use zablab_core::config::{HostPort, PeerRole, ServerConfig};
use zablab_core::endpoint::Endpoint;
use zablab_core::policy::Correct;
use zablab_core::process::{Effect, Input, Out, PortKind, Process};
use zablab_core::storage::Recovered;
use zablab_core::trace::Role;
use zablab_core::tree::Database;
use zablab_core::txn::{Txn, TxnHeader};
use zablab_core::types::{
    ConnId, ElectionEpoch, Epoch, Mono, Now, ServerId, SessionId, Ticket, WallMs, Xid, Zxid,
};
use zablab_core::view::ServerView;
use zablab_core::wire::client::ConnectRequest;
use zablab_core::wire::election::{InitialMessage, Notification, PeerState, Vote};
use zablab_core::wire::frame::FrameBuffer;
use zablab_core::wire::quorum::{
    AckEpoch, LeaderInfo, LearnerInfo, PROTOCOL_VERSION, PacketKind, PingData, QuorumPacket,
};
use zablab_core::wire::txn;

const ZOO_CFG: &str = "dataDir=/data\nclientPort=2181\ntickTime=2000\ninitLimit=10\nsyncLimit=5\n\
    server.1=one:2888:3888\nserver.2=two:2888:3888\nserver.3=three:2888:3888\n";

/// What an earlier epoch left.
const OLD_1: Zxid = Zxid::new(Epoch(0), 1);
const OLD_2: Zxid = Zxid::new(Epoch(0), 2);
/// The epoch that begins, and its first transaction.
const BEGIN: Zxid = Zxid::new(Epoch(1), 0);
const FIRST: Zxid = Zxid::new(Epoch(1), 1);

struct Server {
    endpoint: Endpoint<Correct>,
    now: Now,
    /// The number of the last connection that came in.
    last: u64,
    /// Whether its disk takes writes and makes nothing durable.
    disk_stands_still: bool,
    /// The last write that is not durable.
    written: Option<Ticket>,
}

impl Server {
    /// It starts, and looks for a leader.
    fn start(me: u32) -> (Server, Vec<Effect>) {
        Server::start_with(ZOO_CFG, me)
    }

    fn start_with(zoo_cfg: &str, me: u32) -> (Server, Vec<Effect>) {
        let config = ServerConfig::parse(zoo_cfg, Some(&me.to_string())).expect("a zoo.cfg");
        let recovered = Recovered::of_snapshot(Database::genesis());
        let endpoint = Endpoint::new(config.core, recovered, 1, Correct);
        let now = Now { mono: Mono(0), wall: WallMs(1_000_000) };
        let mut server = Server { endpoint, now, last: 0, disk_stands_still: false, written: None };
        let effects = server.give(Input::Start);
        (server, effects)
    }

    /// Server 3, elected by server 2.
    fn leading() -> Server {
        Server::leading_with(ZOO_CFG)
    }

    fn leading_with(zoo_cfg: &str) -> Server {
        let (mut server, effects) = Server::start_with(zoo_cfg, 3);
        let (conn, _) = *dialed(&effects, PortKind::Election)
            .iter()
            .find(|(_, host)| *host == "two")
            .expect("it calls server 2");
        server.up(conn, PortKind::Election);
        server.elect(conn);
        assert_eq!(server.view().role, Role::Leading);
        server
    }

    /// Server 3, followed by server 2 on the connection that is returned.
    fn established() -> (Server, ConnId) {
        let mut server = Server::leading();
        let conn = server.bring_up(2);
        let sent = server.packet(conn, PacketKind::Ack, BEGIN, None);
        assert_eq!(kinds(&sent, conn), [PacketKind::UpToDate]);
        (server, conn)
    }

    /// A learner calls, promises, and gets what it lacks, which is nothing.
    fn bring_up(&mut self, learner: i64) -> ConnId {
        let conn = self.accept(PortKind::Quorum);
        let sent = self.packet(conn, PacketKind::FollowerInfo, Zxid::ZERO, info(learner));
        assert_eq!(kinds(&sent, conn), [PacketKind::LeaderInfo]);
        assert_eq!(kinds(&self.promise(conn), conn), [PacketKind::Diff, PacketKind::NewLeader]);
        conn
    }

    /// A learner promises the epoch.
    fn promise(&mut self, conn: ConnId) -> Vec<Effect> {
        let promise = AckEpoch { current_epoch: Some(Epoch(0)) }.encode();
        self.packet(conn, PacketKind::AckEpoch, Zxid::ZERO, Some(promise))
    }

    /// Server 1, which has called server 3 on the connection that is returned.
    fn calling() -> (Server, ConnId) {
        let (mut server, _) = Server::start(1);
        let conn = server.accept(PortKind::Election);
        server.bytes(conn, greeting(3, "three"));
        let effects = server.elect(conn);
        let [(conn, "three")] = dialed(&effects, PortKind::Quorum)[..] else {
            panic!("it calls server 3: {effects:?}");
        };
        let sent = server.up(conn, PortKind::Quorum);
        assert_eq!(kinds(&sent, conn), [PacketKind::FollowerInfo]);
        (server, conn)
    }

    fn begin_epoch(&mut self, conn: ConnId) -> Vec<Effect> {
        let epoch = LeaderInfo { protocol_version: PROTOCOL_VERSION }.encode();
        self.packet(conn, PacketKind::LeaderInfo, BEGIN, Some(epoch))
    }

    /// Server 1, which server 3 brings up to date from the beginning.
    fn synchronizing() -> (Server, ConnId) {
        let (mut server, conn) = Server::calling();
        let sent = server.begin_epoch(conn);
        assert_eq!(kinds(&sent, conn), [PacketKind::AckEpoch]);
        server.packet(conn, PacketKind::Diff, OLD_2, None);
        (server, conn)
    }

    /// Its leader proposes a transaction.
    fn propose(&mut self, conn: ConnId, zxid: Zxid) -> Vec<Effect> {
        let (session, cxid, time) = (SessionId(7), Xid(0), WallMs(1_000_000));
        let header = TxnHeader { session, cxid, zxid, time };
        let record = txn::encode(&header, &Txn::CreateSession { timeout_ms: 10_000 }, None);
        self.packet(conn, PacketKind::Proposal, zxid, Some(record))
    }

    /// A client asks for a session.
    fn connect_client(&mut self) -> Vec<Effect> {
        let client = self.accept(PortKind::Client);
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid::ZERO,
            timeout_ms: 10_000,
            session: SessionId(0),
            password: None,
            read_only: Some(false),
        };
        self.bytes(client, request.encode())
    }

    /// All effects of an input; what they write is durable.
    fn give(&mut self, input: Input) -> Vec<Effect> {
        let (mut inputs, mut effects) = (vec![input], Vec::new());
        while let Some(input) = inputs.pop() {
            let mut out = Out::new(false);
            self.endpoint.handle(self.now, input, &mut out);
            let written = out.effects.iter().filter_map(|effect| match effect {
                Effect::Persist { ticket, .. } => Some(*ticket),
                _ => None,
            });
            self.written = written.max().or(self.written);
            if !self.disk_stands_still {
                inputs.extend(self.written.take().map(|through| Input::Persisted { through }));
            }
            effects.extend(out.effects);
        }
        effects
    }

    /// The disk goes on: what was written is durable.
    fn sync_disk(&mut self) -> Vec<Effect> {
        self.disk_stands_still = false;
        let through = self.written.take().expect("something was written");
        self.give(Input::Persisted { through })
    }

    fn bytes(&mut self, conn: ConnId, chunk: Bytes) -> Vec<Effect> {
        self.give(Input::Bytes { conn, chunk })
    }

    fn packet(
        &mut self,
        conn: ConnId,
        kind: PacketKind,
        zxid: Zxid,
        data: Option<Bytes>,
    ) -> Vec<Effect> {
        self.bytes(conn, QuorumPacket::new(kind, zxid, data).encode())
    }

    /// A connection comes in.
    fn accept(&mut self, port: PortKind) -> ConnId {
        self.last += 1;
        let conn = ConnId(self.last);
        self.up(conn, port);
        conn
    }

    fn up(&mut self, conn: ConnId, port: PortKind) -> Vec<Effect> {
        let remote = String::from("10.0.0.1:40000");
        self.give(Input::ConnUp { conn, port, remote, subject: None })
    }

    fn wait_ms(&mut self, ms: u64) -> Vec<Effect> {
        self.now.mono = self.now.mono.plus_ms(ms);
        self.give(Input::Tick)
    }

    fn view(&self) -> ServerView {
        self.endpoint.view()
    }

    /// Who is on this connection votes for server 3, as this server does then.
    fn elect(&mut self, conn: ConnId) -> Vec<Effect> {
        let (zxid, election_epoch, peer_epoch) = (Zxid::ZERO, ElectionEpoch(1), Epoch(0));
        let vote = Vote { leader: ServerId(3), zxid, election_epoch, peer_epoch };
        let notification = Notification::new(PeerState::Looking, vote, Bytes::new());
        self.bytes(conn, notification.encode());
        self.wait_ms(1000)
    }
}

fn greeting(sid: i64, host: &str) -> Bytes {
    let address = HostPort { host: host.into(), port: 3888 };
    InitialMessage::V1 { sid: ServerId(sid), address }.encode()
}

fn info(sid: i64) -> Option<Bytes> {
    let info =
        LearnerInfo { sid: ServerId(sid), protocol_version: PROTOCOL_VERSION, config_version: 0 };
    Some(info.encode())
}

/// The connections that are asked for on a kind of port, and to whom.
fn dialed(effects: &[Effect], kind: PortKind) -> Vec<(ConnId, &str)> {
    let dialed = effects.iter().filter_map(|effect| match effect {
        Effect::Connect { conn, port, addr } if *port == kind => Some((*conn, addr.host.as_str())),
        _ => None,
    });
    dialed.collect()
}

fn hung_up(effects: &[Effect]) -> Vec<ConnId> {
    let ended = effects.iter().filter_map(|effect| match effect {
        Effect::Disconnect { conn } => Some(*conn),
        _ => None,
    });
    ended.collect()
}

/// The packets that are sent on a connection.
fn packets(effects: &[Effect], to: ConnId) -> Vec<QuorumPacket> {
    let mut buffer = FrameBuffer::default();
    for effect in effects {
        if let Effect::Send { conn, parts } = effect
            && *conn == to
        {
            parts.iter().for_each(|part| buffer.push(part.clone()));
        }
    }
    let next = || QuorumPacket::decode(&mut buffer).expect("a packet");
    std::iter::from_fn(next).collect()
}

fn kinds(effects: &[Effect], to: ConnId) -> Vec<PacketKind> {
    packets(effects, to).iter().map(|packet| packet.kind).collect()
}

#[test]
fn a_leader_takes_nobody_that_is_in_no_configuration_nor_itself() {
    let mut server = Server::leading();
    for sid in [9, 3] {
        let conn = server.accept(PortKind::Quorum);
        let effects = server.packet(conn, PacketKind::FollowerInfo, Zxid::ZERO, info(sid));
        assert_eq!(hung_up(&effects), [conn], "server {sid}");
        assert!(packets(&effects, conn).is_empty(), "server {sid}");
    }
}

#[test]
fn a_leader_shows_what_is_committed_and_how_long_sessions_live() {
    let (mut server, follower) = Server::established();
    assert_eq!(server.endpoint.committed(), Some(BEGIN));
    let sent = server.connect_client();
    assert_eq!(kinds(&sent, follower), [PacketKind::Proposal]);
    // On its own disk, which is no quorum.
    assert_eq!(server.endpoint.committed(), Some(BEGIN));
    let outstanding = server.view().outstanding;
    assert_eq!((outstanding[0].zxid, &outstanding[0].acks[..]), (FIRST, &[ServerId(3)][..]));
    assert!(server.view().sessions.is_empty());
    let sent = server.packet(follower, PacketKind::Ack, FIRST, None);
    assert_eq!(kinds(&sent, follower), [PacketKind::Commit]);
    assert_eq!(server.endpoint.committed(), Some(FIRST));
    let sessions = server.view().sessions;
    assert!(sessions.len() == 1 && sessions[0].expires_at_ms.is_some(), "{sessions:?}");
}

/// ZOOKEEPER-4925.
#[test]
fn a_gap_in_what_a_learner_gets_ends_its_synchronization() {
    let (mut server, conn) = Server::synchronizing();
    assert!(hung_up(&server.propose(conn, OLD_1)).is_empty());
    assert!(hung_up(&server.propose(conn, OLD_2)).is_empty());
    let (mut server, conn) = Server::synchronizing();
    assert!(hung_up(&server.propose(conn, OLD_1)).is_empty());
    assert_eq!(hung_up(&server.propose(conn, Zxid::new(Epoch(0), 3))), [conn]);
}

#[test]
fn of_two_servers_the_one_with_the_greater_number_opens_the_connection() {
    // A call of the lesser one only asks to be called; the call under way will do.
    let (mut server, effects) = Server::start(3);
    let calls = dialed(&effects, PortKind::Election);
    assert_eq!(calls.len(), 2, "{calls:?}");
    let conn = server.accept(PortKind::Election);
    let effects = server.bytes(conn, greeting(1, "one"));
    assert_eq!(hung_up(&effects), [conn]);
    assert!(dialed(&effects, PortKind::Election).is_empty());
    // A call of the greater one counts, and ends the own one.
    let (mut server, effects) = Server::start(1);
    let calls = dialed(&effects, PortKind::Election);
    let (own, _) = *calls.iter().find(|(_, host)| *host == "three").expect("it calls server 3");
    let conn = server.accept(PortKind::Election);
    assert_eq!(hung_up(&server.bytes(conn, greeting(3, "three"))), [own]);
}

#[test]
fn who_acknowledges_what_it_did_not_get_is_refused() {
    for counter in [1, 7] {
        let (mut server, follower) = Server::established();
        let zxid = Zxid::new(Epoch(1), counter);
        let effects = server.packet(follower, PacketKind::Ack, zxid, None);
        assert_eq!(hung_up(&effects), [follower], "{zxid:?}");
    }
}

#[test]
fn who_is_listed_as_an_observer_has_no_vote_whatever_it_says() {
    let zoo_cfg = format!("{ZOO_CFG}server.4=four:2888:3888:observer\n");
    let mut server = Server::leading_with(&zoo_cfg);
    let conn = server.accept(PortKind::Quorum);
    let sent = server.packet(conn, PacketKind::FollowerInfo, Zxid::ZERO, info(4));
    // With a vote there would be a quorum that chooses an epoch.
    assert!(packets(&sent, conn).is_empty());
    assert_eq!(server.view().learners[0].role, PeerRole::Observer);
}

#[test]
fn a_learner_says_nothing_before_it_is_durable() {
    // Its promise of an epoch.
    let (mut server, conn) = Server::calling();
    server.disk_stands_still = true;
    assert_eq!(kinds(&server.begin_epoch(conn), conn), []);
    assert_eq!(kinds(&server.sync_disk(), conn), [PacketKind::AckEpoch]);
    // The initial history of the epoch.
    server.packet(conn, PacketKind::Diff, OLD_1, None);
    server.propose(conn, OLD_1);
    server.packet(conn, PacketKind::Commit, OLD_1, None);
    server.disk_stands_still = true;
    assert_eq!(kinds(&server.packet(conn, PacketKind::NewLeader, BEGIN, None), conn), []);
    assert_eq!(kinds(&server.sync_disk(), conn), [PacketKind::Ack]);
    server.packet(conn, PacketKind::UpToDate, QuorumPacket::NO_ZXID, None);
    // A proposal, though it is committed by then.
    server.disk_stands_still = true;
    assert_eq!(kinds(&server.propose(conn, FIRST), conn), []);
    server.packet(conn, PacketKind::Commit, FIRST, None);
    let sent = packets(&server.sync_disk(), conn);
    assert_eq!(sent, [QuorumPacket::new(PacketKind::Ack, FIRST, None)]);
}

#[test]
fn a_leader_says_nothing_before_it_is_durable() {
    // Which epoch it leads.
    let mut server = Server::leading();
    let conn = server.accept(PortKind::Quorum);
    server.disk_stands_still = true;
    let sent = server.packet(conn, PacketKind::FollowerInfo, Zxid::ZERO, info(2));
    assert_eq!(kinds(&sent, conn), []);
    assert_eq!(kinds(&server.sync_disk(), conn), [PacketKind::LeaderInfo]);
    // That it adopted the epoch.
    server.disk_stands_still = true;
    assert_eq!(kinds(&server.promise(conn), conn), []);
    assert_eq!(kinds(&server.sync_disk(), conn), [PacketKind::Diff, PacketKind::NewLeader]);
    server.packet(conn, PacketKind::Ack, BEGIN, None);
    // A proposal is out before it is on the own disk, which does not count until then.
    server.disk_stands_still = true;
    assert_eq!(kinds(&server.connect_client(), conn), [PacketKind::Proposal]);
    assert_eq!(kinds(&server.packet(conn, PacketKind::Ack, FIRST, None), conn), []);
    assert_eq!(kinds(&server.sync_disk(), conn), [PacketKind::Commit]);
}

#[test]
fn a_learner_serves_only_behind_its_acknowledgement() {
    for early in [true, false] {
        let (mut server, conn) = Server::synchronizing();
        server.propose(conn, OLD_1);
        server.packet(conn, PacketKind::Commit, OLD_1, None);
        server.disk_stands_still = early;
        let sent = server.packet(conn, PacketKind::NewLeader, BEGIN, None);
        assert_eq!(kinds(&sent, conn), if early { vec![] } else { vec![PacketKind::Ack] });
        let effects = server.packet(conn, PacketKind::UpToDate, QuorumPacket::NO_ZXID, None);
        assert_eq!(hung_up(&effects), if early { vec![conn] } else { vec![] });
        assert_eq!(server.endpoint.is_serving(), !early);
    }
}

/// Lets time pass, in which server 2 is heard, and says whether the leader still has `conn`.
fn keeps(
    server: &mut Server,
    follower: ConnId,
    conn: ConnId,
    mut each_second: impl FnMut(&mut Server),
) -> bool {
    let alive = Some(PingData { touched: Vec::new() }.encode());
    for _ in 0..60 {
        let mut ended = hung_up(&server.wait_ms(1000));
        ended.extend(hung_up(&server.packet(
            follower,
            PacketKind::Ping,
            Zxid::ZERO,
            alive.clone(),
        )));
        assert!(!ended.contains(&follower) && server.view().role == Role::Leading);
        if ended.contains(&conn) {
            return false;
        }
        each_second(server);
    }
    true
}

#[test]
fn a_learner_that_takes_a_long_snapshot_is_alive() {
    let (mut server, follower) = Server::established();
    let conn = server.bring_up(1);
    assert!(!keeps(&mut server, follower, conn, |_| {}), "it takes nothing");
    let conn = server.bring_up(1);
    let mut through = 0;
    let mut drain = |server: &mut Server| {
        through += 1;
        server.give(Input::Drained { conn, through });
    };
    assert!(keeps(&mut server, follower, conn, &mut drain), "it takes bytes");
    // Later it has to say something.
    server.packet(conn, PacketKind::Ack, BEGIN, None);
    assert!(!keeps(&mut server, follower, conn, &mut drain), "it is silent");
}
