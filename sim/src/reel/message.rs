//! What a message is, by its bytes: the same codecs read it that the servers use.
//!
//! Not here: where it travels (see [`super::camera`]).

use bytes::Bytes;
use zablab_core::paxos::message::Message;
use zablab_core::paxos::{Ballot, Proposal};
use zablab_core::process::PortKind;
use zablab_core::txn::{LogRecord, Txn};
use zablab_core::types::{ServerId, Zxid};
use zablab_core::wire::client::{
    ConnectRequest, ConnectResponse, CreateTtlRequest, ErrorCode, EventType, OpCode,
    ReconfigRequest, ReplyHeader, Request, RequestHeader, SetWatches2, WatcherEvent, XID_EVENT,
    XID_PING,
};
use zablab_core::wire::datagram::{Poll, Push};
use zablab_core::wire::election::{InitialMessage, Notification, PeerState, Vote};
use zablab_core::wire::frame::FrameBuffer;
use zablab_core::wire::quorum::{
    AckEpoch, LeaderInfo, LearnerInfo, PacketKind, PingData, QuorumPacket, RequestData,
    RevalidateReply, RevalidateRequest,
};
use zablab_core::wire::txn;

use super::frame::{Family, Field};
use crate::datagram::Content;
use crate::paxos;
use crate::step::Side;

/// The number of the first message on a lane: the item before it is the connection's own news.
const FIRST: u64 = 1;
/// Characters of a value that the inspector shows of a client's data.
const DATA_SHOWN: usize = 64;
/// Bytes of the length before every frame of the client port.
const LENGTH_LEN: usize = 4;

/// A message as the inspector shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Described {
    pub(super) family: Family,
    pub(super) letters: String,
    pub(super) kind: String,
    pub(super) reply: bool,
    pub(super) quiet: bool,
    pub(super) zxid: Option<Zxid>,
    pub(super) ballot: Option<ServerId>,
    pub(super) fields: Vec<Field>,
}

impl Described {
    fn new(family: Family, letters: &str, kind: impl Into<String>) -> Described {
        Described {
            family,
            letters: letters.to_owned(),
            kind: kind.into(),
            reply: false,
            quiet: false,
            zxid: None,
            ballot: None,
            fields: Vec::new(),
        }
    }

    fn reply(mut self) -> Described {
        self.reply = true;
        self
    }

    fn quiet(mut self) -> Described {
        self.quiet = true;
        self
    }

    fn about(mut self, zxid: Zxid) -> Described {
        self.zxid = Some(zxid);
        self.with("zxid", shown(zxid))
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Described {
        self.fields.push(Field { name: name.to_owned(), value: value.into() });
        self
    }
}

/// What travels to this side of a connection to this kind of port, as its `seq`-th item.
pub(super) fn describe(port: PortKind, to: Side, seq: u64, parts: &[Bytes]) -> Described {
    let described = match (port, to) {
        (PortKind::Election, Side::Acceptor) if seq == FIRST => greeting(parts),
        (PortKind::Election, _) => notification(parts),
        (PortKind::Quorum, _) => packet(parts, to),
        (PortKind::Client, Side::Acceptor) if seq == FIRST => connect(parts),
        (PortKind::Client, Side::Acceptor) => request(parts),
        (PortKind::Client, Side::Opener) if seq == FIRST => connected(parts),
        (PortKind::Client, Side::Opener) => answer(parts),
    };
    // Only what a mutation garbles: every server of the simulator writes what these read.
    described.unwrap_or_else(|| Described::new(Family::Link, "?", "UNKNOWN").quiet())
}

/// What a datagram is.
pub(super) fn describe_datagram(parts: &[Bytes]) -> Described {
    match parts.first().and_then(Content::decode) {
        Some(Content::Paxos(message)) => paxos_message(&message),
        Some(content @ Content::Poll(poll)) => poll_message(content.name(), poll),
        Some(content @ Content::Push(push)) => push_message(content.name(), push),
        None => Described::new(Family::Link, "?", "UNKNOWN").quiet(),
    }
}

fn poll_message(name: &str, poll: Poll) -> Described {
    let new = |letters| Described::new(Family::Election, letters, name);
    match poll {
        Poll::Ask { xid } => new("PL").with("xid", xid.to_string()),
        Poll::Answer { xid, sid, leader, zxid } => {
            let mut described = new("V").reply().with("xid", xid.to_string());
            described.ballot = Some(leader);
            described.with("sid", sid.to_string()).with("leader", leader.to_string()).about(zxid)
        }
    }
}

fn push_message(name: &str, push: Push) -> Described {
    let new = |letters, tag: u64, state: PeerState| {
        let described = Described::new(Family::Election, letters, name);
        described.with("tag", tag.to_string()).with("state", format!("{state:?}").to_uppercase())
    };
    let voting = |mut described: Described, vote: Vote| {
        described.ballot = vote.leader.is_named().then_some(vote.leader);
        let described = described.with("leader", vote.leader.to_string()).about(vote.zxid);
        described.with("electionEpoch", vote.election_epoch.to_string())
    };
    match push {
        Push::ChallengeRequest { tag, state } => new("CQ", tag, state),
        Push::Challenge { tag, state, challenge } => {
            new("CH", tag, state).reply().with("challenge", format!("{challenge:#x}"))
        }
        Push::Notification { tag, state, vote, challenge } => {
            voting(new("N", tag, state), vote).with("challenge", format!("{challenge:#x}"))
        }
        Push::Ack { tag, state, vote } => voting(new("A", tag, state).reply(), vote),
    }
}

fn paxos_message(message: &Message) -> Described {
    let number = |ballot: &Ballot| format!("({},{})", ballot.round, paxos::called(ballot.proposer));
    let accepted = |described: Described, accepted: &Option<Proposal>| match accepted {
        Some(Proposal { ballot, value }) => {
            described.with("accepted", number(ballot)).with("value", value.to_string())
        }
        None => described.with("accepted", "none"),
    };
    let new = |family, letters| Described::new(family, letters, message.name());
    match message {
        Message::Prepare { ballot } => new(Family::Election, "PR").with("ballot", number(ballot)),
        Message::Promise { ballot, accepted: before } => {
            let promise = new(Family::Election, "PM").reply();
            accepted(promise.with("ballot", number(ballot)), before)
        }
        Message::Nack { ballot, promised } => new(Family::Election, "NK")
            .reply()
            .with("ballot", number(ballot))
            .with("promised", number(promised)),
        Message::Accept(Proposal { ballot, value }) => new(Family::Broadcast, "AC")
            .with("ballot", number(ballot))
            .with("value", value.to_string()),
        Message::Accepted(Proposal { ballot, value }) => new(Family::Broadcast, "AD")
            .reply()
            .with("ballot", number(ballot))
            .with("value", value.to_string()),
        Message::Read { .. } => new(Family::Client, "RD"),
        Message::State { accepted: has, .. } => accepted(new(Family::Client, "ST").reply(), has),
    }
}

/// A zxid as people write it.
fn shown(zxid: Zxid) -> String {
    format!("({},{})", zxid.epoch(), zxid.counter())
}

fn buffer(parts: &[Bytes]) -> FrameBuffer {
    let mut buffer = FrameBuffer::default();
    parts.iter().for_each(|part| buffer.push(part.clone()));
    buffer
}

/// What is in a frame of the client port, without its length.
fn frame(parts: &[Bytes]) -> Option<Bytes> {
    let mut buffer = buffer(parts);
    let all = buffer.take(buffer.len());
    (all.len() >= LENGTH_LEN).then(|| all.slice(LENGTH_LEN..))
}

fn greeting(parts: &[Bytes]) -> Option<Described> {
    let greeting = InitialMessage::decode(&mut buffer(parts)).ok()??;
    let described = Described::new(Family::Election, "HI", "INITIAL").quiet();
    Some(described.with("sid", greeting.sid().to_string()))
}

fn notification(parts: &[Bytes]) -> Option<Described> {
    let mut buffer = buffer(parts);
    let Notification { state, vote, version, config: _, next: _ } =
        Notification::decode(&mut buffer).ok()??;
    let described = Described::new(Family::Election, "N", "NOTIFICATION");
    // Whoever leads or follows sends one only as an answer.
    let mut described = if state == PeerState::Looking { described } else { described.reply() };
    described = described.with("state", format!("{state:?}").to_uppercase());
    if vote.leader.is_named() {
        described.ballot = Some(vote.leader);
        described = described.with("leader", vote.leader.to_string()).about(vote.zxid);
        described = described.with("peerEpoch", vote.peer_epoch.to_string());
    }
    let described = described.with("electionEpoch", vote.election_epoch.to_string());
    Some(described.with("version", version.to_string()))
}

fn packet(parts: &[Bytes], to: Side) -> Option<Described> {
    let mut buffer = buffer(parts);
    // The body of a snapshot is no packet: it does not end where a packet would.
    let packet = QuorumPacket::decode(&mut buffer).ok().flatten().filter(|_| buffer.is_empty());
    let Some(packet) = packet else {
        return Some(Described::new(Family::Sync, "SN", "SNAPSHOT"));
    };
    let (family, letters) = packet_letters(&packet);
    let mut described =
        Described::new(family, letters, format!("{:?}", packet.kind).to_uppercase());
    // The leader is who accepted the connection.
    let by_leader = to == Side::Opener;
    described.reply = match packet.kind {
        PacketKind::Ack | PacketKind::AckEpoch | PacketKind::Sync => true,
        PacketKind::Ping => !by_leader,
        PacketKind::Revalidate => by_leader,
        _ => false,
    };
    described.quiet = packet.kind == PacketKind::Ping;
    if packet.zxid != QuorumPacket::NO_ZXID && packet.kind != PacketKind::Sync {
        described = described.about(packet.zxid);
    }
    Some(match &packet.data {
        Some(data) => packet_data(described, packet.kind, by_leader, data.clone()),
        None => described,
    })
}

fn packet_letters(packet: &QuorumPacket) -> (Family, &'static str) {
    match packet.kind {
        PacketKind::FollowerInfo => (Family::Sync, "FI"),
        PacketKind::ObserverInfo => (Family::Sync, "OI"),
        PacketKind::LeaderInfo => (Family::Sync, "LI"),
        PacketKind::AckEpoch => (Family::Sync, "AE"),
        PacketKind::Diff => (Family::Sync, "DF"),
        PacketKind::Trunc => (Family::Sync, "TR"),
        PacketKind::Snap => (Family::Sync, "SN"),
        PacketKind::NewLeader => (Family::Sync, "NL"),
        PacketKind::UpToDate => (Family::Sync, "UP"),
        // An ACK of NEWLEADER, and of UPTODATE.
        PacketKind::Ack if packet.zxid.counter() == 0 => (Family::Sync, "A"),
        PacketKind::Ack => (Family::Broadcast, "A"),
        PacketKind::Request => (Family::Broadcast, "RQ"),
        PacketKind::Proposal => (Family::Broadcast, "P"),
        PacketKind::Commit | PacketKind::CommitAndActivate => (Family::Broadcast, "C"),
        PacketKind::Inform | PacketKind::InformAndActivate => (Family::Broadcast, "IN"),
        PacketKind::Sync => (Family::Broadcast, "SY"),
        PacketKind::Revalidate => (Family::Broadcast, "RV"),
        PacketKind::Ping => (Family::Heartbeat, "."),
    }
}

fn packet_data(described: Described, kind: PacketKind, by_leader: bool, data: Bytes) -> Described {
    match kind {
        PacketKind::CommitAndActivate | PacketKind::InformAndActivate => {
            let leader = data.first_chunk::<8>().map(|sid| i64::from_be_bytes(*sid));
            match leader {
                Some(leader) => described.with("designatedLeader", leader.to_string()),
                None => described,
            }
        }
        PacketKind::Proposal | PacketKind::Inform => match txn::decode(data) {
            Ok(record) => record_fields(described, &record),
            Err(_) => described,
        },
        PacketKind::Request => match RequestData::decode(data) {
            Ok(request) => {
                let described = described
                    .with("sessionId", request.session.to_string())
                    .with("cxid", request.cxid.to_string())
                    .with("type", op_word(request.op));
                match Request::decode(request.op, request.body) {
                    Ok(request) => request_fields(described, &request),
                    Err(_) => described,
                }
            }
            Err(_) => described,
        },
        PacketKind::FollowerInfo | PacketKind::ObserverInfo => match LearnerInfo::decode(data) {
            Ok(info) => described
                .with("serverid", info.sid.to_string())
                .with("protocolVersion", format!("{:#x}", info.protocol_version))
                .with("configVersion", info.config_version.to_string()),
            Err(_) => described,
        },
        PacketKind::LeaderInfo => match LeaderInfo::decode(data) {
            Ok(info) => described.with("protocolVersion", format!("{:#x}", info.protocol_version)),
            Err(_) => described,
        },
        PacketKind::AckEpoch => match AckEpoch::decode(data) {
            Ok(ack) => {
                let epoch = ack.current_epoch.map_or("-1".to_owned(), |epoch| epoch.to_string());
                described.with("currentEpoch", epoch)
            }
            Err(_) => described,
        },
        PacketKind::Ping => match PingData::decode(data) {
            Ok(ping) => described.with("sessions", ping.touched.len().to_string()),
            Err(_) => described,
        },
        PacketKind::Revalidate if by_leader => match RevalidateReply::decode(data) {
            Ok(reply) => described
                .with("sessionId", reply.session.to_string())
                .with("valid", reply.valid.to_string()),
            Err(_) => described,
        },
        PacketKind::Revalidate => match RevalidateRequest::decode(data) {
            Ok(asked) => described
                .with("sessionId", asked.session.to_string())
                .with("timeout", asked.timeout_ms.to_string()),
            Err(_) => described,
        },
        _ => described.with("data", format!("{} bytes", data.len())),
    }
}

fn record_fields(described: Described, record: &LogRecord) -> Described {
    let header = record.header;
    let described = described
        .with("clientId", header.session.to_string())
        .with("cxid", header.cxid.to_string())
        .with("type", txn_word(&record.txn));
    match (txn_path(&record.txn), &record.txn) {
        (Some(path), Txn::Create(create)) => {
            described.with("path", path).with("data", data_text(create.data.as_ref()))
        }
        (Some(path), Txn::SetData { data, version, .. }) => described
            .with("path", path)
            .with("data", data_text(data.as_ref()))
            .with("version", version.to_string()),
        (Some(path), _) => described.with("path", path),
        (None, Txn::CreateSession { timeout_ms }) => {
            described.with("timeOut", timeout_ms.to_string())
        }
        (None, Txn::Error(code)) => described.with("err", error_word(*code)),
        (None, _) => described,
    }
}

fn connect(parts: &[Bytes]) -> Option<Described> {
    let asked = ConnectRequest::decode(frame(parts)?).ok()?;
    let described = Described::new(Family::Client, "CN", "connect")
        .with("sessionId", asked.session.to_string())
        .with("timeOut", asked.timeout_ms.to_string());
    Some(described.with("lastZxidSeen", shown(asked.last_zxid_seen)))
}

fn connected(parts: &[Bytes]) -> Option<Described> {
    let response = ConnectResponse::decode(frame(parts)?).ok()?;
    // A timeout of 0 refuses the session.
    let letters = if response.timeout_ms > 0 { "OK" } else { "ERR" };
    let described = Described::new(Family::Client, letters, "connectResponse").reply();
    let described = described.with("sessionId", response.session.to_string());
    Some(described.with("timeOut", response.timeout_ms.to_string()))
}

fn request(parts: &[Bytes]) -> Option<Described> {
    let (header, body) = RequestHeader::decode(frame(parts)?).ok()?;
    if header.xid == XID_PING {
        return Some(Described::new(Family::Heartbeat, ".", "ping").quiet());
    }
    let kind = op_word(header.op);
    let family = Described::new(Family::Client, request_letters(header.op), kind);
    let described = family.with("xid", header.xid.to_string());
    Some(match Request::decode(header.op, body) {
        Ok(request) => request_fields(described, &request),
        Err(_) => described,
    })
}

fn request_fields(described: Described, request: &Request) -> Described {
    let described = match request.path() {
        Some(path) => described.with("path", path.to_string()),
        None => described,
    };
    match request {
        Request::Create(create)
        | Request::Create2(create)
        | Request::CreateContainer(create)
        | Request::CreateTtl(CreateTtlRequest { create, .. }) => described
            .with("data", data_text(create.data.as_ref()))
            .with("flags", create.flags.to_string()),
        Request::SetAcl(set) => described.with("version", set.version.to_string()),
        Request::MultiRead(ops) => described.with("ops", ops.len().to_string()),
        Request::GetEphemerals { prefix } => described.with("prefixPath", prefix.to_string()),
        Request::Auth(auth) => described.with("scheme", auth.scheme.clone()),
        Request::AddWatch { mode, .. } => described.with("mode", mode.to_string()),
        Request::CheckWatches { kind, .. } | Request::RemoveWatches { kind, .. } => {
            described.with("type", kind.to_string())
        }
        Request::SetData(set) => described
            .with("data", data_text(set.data.as_ref()))
            .with("version", set.version.to_string()),
        Request::Delete(delete) => described.with("version", delete.version.to_string()),
        Request::Exists { watch, .. }
        | Request::GetData { watch, .. }
        | Request::GetChildren { watch, .. }
        | Request::GetChildren2 { watch, .. } => described.with("watch", watch.to_string()),
        Request::Multi(ops) => described.with("ops", ops.len().to_string()),
        Request::Reconfig(reconfig) => {
            let ReconfigRequest { joining, leaving, new_members, from_config } = reconfig;
            let fields = [
                ("joiningServers", joining),
                ("leavingServers", leaving),
                ("newMembers", new_members),
            ];
            let mut described = described;
            for (name, text) in fields {
                if let Some(text) = text {
                    described = described.with(name, text.clone());
                }
            }
            described.with("curConfigId", from_config.to_string())
        }
        Request::CreateSession { timeout_ms } => described.with("timeOut", timeout_ms.to_string()),
        Request::SetWatches(watches) | Request::SetWatches2(SetWatches2 { once: watches, .. }) => {
            described.with("relativeZxid", shown(watches.relative_zxid))
        }
        Request::CloseSession
        | Request::Check(_)
        | Request::GetAcl { .. }
        | Request::GetAllChildrenNumber { .. }
        | Request::DeleteContainer { .. }
        | Request::WhoAmI
        | Request::Sync { .. }
        | Request::Ping => described,
    }
}

fn answer(parts: &[Bytes]) -> Option<Described> {
    let (header, body) = ReplyHeader::decode(frame(parts)?).ok()?;
    if header.xid == XID_PING {
        return Some(Described::new(Family::Heartbeat, ".", "ping").reply().quiet());
    }
    if header.xid == XID_EVENT {
        let event = WatcherEvent::decode(body).ok()?;
        let kind = EventType::from_wire(event.kind).map(|kind| format!("{kind:?}"));
        let described = Described::new(Family::Client, "W", "watch event");
        // What was missed while a client was away is of no one change.
        let is_of_change = header.zxid.to_wire() > 0;
        let described = if is_of_change { described.about(header.zxid) } else { described };
        let described = described.with("type", kind.unwrap_or_else(|| event.kind.to_string()));
        return Some(described.with("path", event.path.to_string()));
    }
    let letters = if header.err == ErrorCode::Ok.to_wire() { "OK" } else { "ERR" };
    let described = Described::new(Family::Client, letters, "reply").reply();
    let described = described.with("xid", header.xid.to_string()).about(header.zxid);
    Some(described.with("err", error_word(header.err)))
}

fn request_letters(op: i32) -> &'static str {
    match OpCode::from_wire(op) {
        Some(OpCode::Create | OpCode::Create2) => "cr",
        Some(OpCode::SetData) => "set",
        Some(OpCode::GetData) => "get",
        Some(OpCode::Exists) => "ex",
        Some(OpCode::GetChildren | OpCode::GetChildren2) => "ls",
        Some(OpCode::Delete) => "del",
        Some(OpCode::Sync) => "sy",
        Some(OpCode::Multi) => "mul",
        Some(OpCode::CloseSession) => "CL",
        Some(OpCode::SetWatches | OpCode::SetWatches2) => "sw",
        Some(_) | None => "rq",
    }
}

/// An operation as a client's user calls it.
pub(super) fn op_word(op: i32) -> String {
    match OpCode::from_wire(op) {
        Some(OpCode::Create | OpCode::Create2) => "create".to_owned(),
        Some(OpCode::SetData) => "set".to_owned(),
        Some(OpCode::GetData) => "get".to_owned(),
        Some(OpCode::GetChildren | OpCode::GetChildren2) => "children".to_owned(),
        Some(OpCode::CreateSession) => "session".to_owned(),
        Some(OpCode::CloseSession) => "close".to_owned(),
        Some(op) => {
            let name = format!("{op:?}");
            let (first, rest) = name.split_at(1);
            first.to_lowercase() + rest
        }
        None => op.to_string(),
    }
}

/// What a transaction does, in the same words.
pub(super) fn txn_word(txn: &Txn) -> String {
    op_word(txn.op().to_wire())
}

/// The znode of a transaction, if it is about exactly one.
pub(super) fn txn_path(txn: &Txn) -> Option<String> {
    match txn {
        Txn::Create(create) => Some(create.path.to_string()),
        Txn::Delete { path, .. }
        | Txn::SetData { path, .. }
        | Txn::SetAcl { path, .. }
        | Txn::Check { path, .. } => Some(path.to_string()),
        Txn::CreateSession { .. } | Txn::CloseSession { .. } | Txn::Error(_) | Txn::Multi(_) => {
            None
        }
    }
}

/// An error's name as clients know it, `OK` for none.
pub(super) fn error_word(code: i32) -> String {
    ErrorCode::from_wire(code)
        .map_or_else(|| code.to_string(), |code| format!("{code:?}").to_uppercase())
}

/// A value as text, cut where it gets long.
fn data_text(data: Option<&Bytes>) -> String {
    let Some(data) = data else { return "null".to_owned() };
    let text = String::from_utf8_lossy(data);
    let mut short: String = text.chars().take(DATA_SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("\"{short}\"")
}
