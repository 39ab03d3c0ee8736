//! The codecs against recorded bytes of the Java server: every stream under `vectors/` decodes to
//! what its transcript says, and encodes to the same bytes again.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use zablab_core::limits::{JUTE_MAX_BUFFER, JUTE_MAX_BUFFER_PEER};
use zablab_core::storage::snapshot::{BodyDecoder, encode_snap_stream};
use zablab_core::txn::Acl;
use zablab_core::types::{SessionId, Xid};
use zablab_core::wire::client::{
    ConnectRequest, ConnectResponse, OpCode, ReplyHeader, Request, RequestError, RequestHeader,
    Response, WatcherEvent, XID_EVENT, encode_event, encode_reply, encode_request,
    session_password,
};
use zablab_core::wire::election::{InitialMessage, Notification, Vote};
use zablab_core::wire::frame::FrameBuffer;
use zablab_core::wire::jute::{JuteError, Reader, Writer};
use zablab_core::wire::quorum::{
    AckEpoch, LeaderInfo, LearnerInfo, PacketKind, PingData, QuorumPacket, RequestData,
    RevalidateReply, RevalidateRequest,
};
use zablab_core::wire::txn;

/// The files of a folder that end in `suffix`, without it, sorted.
fn recordings(folder: &str, suffix: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(folder);
    let mut found: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the folder of recordings is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter_map(|path| path.to_str()?.strip_suffix(suffix).map(PathBuf::from))
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

fn read(stem: &Path, suffix: &str) -> Bytes {
    let path = format!("{}{suffix}", stem.display());
    Bytes::from(fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
}

/// The stream in a buffer, cut into chunks of an awkward length.
fn buffered(stream: &Bytes) -> FrameBuffer {
    let mut buffer = FrameBuffer::default();
    for chunk in stream.chunks(37) {
        buffer.push(Bytes::copy_from_slice(chunk));
    }
    buffer
}

/// The lines of a transcript that name a packet or a message.
fn transcript(stem: &Path) -> Vec<String> {
    let text = String::from_utf8(read(stem, ".txt").to_vec()).expect("transcripts are text");
    let is_message = |line: &&str| ["@", "init ", "len="].iter().any(|head| line.starts_with(head));
    text.lines().filter(is_message).map(String::from).collect()
}

#[test]
fn election_streams() {
    let mut messages = 0;
    for stem in recordings("peer", ".bin") {
        let name = stem.file_name().and_then(|name| name.to_str()).expect("names are text");
        if name.starts_with("quorum-") {
            continue;
        }
        assert!(name.starts_with("election-"), "{name}");
        let stream = read(&stem, ".bin");
        let mut buffer = buffered(&stream);
        let mut encoded = Vec::new();
        let mut said = Vec::new();
        if name.ends_with("init2acc") {
            let greeting = InitialMessage::decode(&mut buffer).expect("it is well formed");
            let greeting = greeting.expect("it is whole");
            let address = &greeting.addresses()[0];
            said.push(format!(
                "init pv=-65536 sid={} addr={}:{}",
                greeting.sid(),
                address.host,
                address.port
            ));
            encoded.extend_from_slice(&greeting.encode());
        }
        while let Some(message) = Notification::decode(&mut buffer).expect("it is well formed") {
            said.push(describe_notification(&message));
            encoded.extend_from_slice(&message.encode());
        }
        assert_eq!(said, transcript(&stem), "{name}");
        assert_eq!(encoded, stream, "{name}");
        messages += said.len();
    }
    assert_eq!(messages, 14);
}

/// A notification as the transcripts have it.
fn describe_notification(message: &Notification) -> String {
    let vote = &message.vote;
    let is_for_nobody = vote.leader == Vote::NOBODY;
    let peer_epoch = if is_for_nobody { i64::MIN } else { i64::from(vote.peer_epoch.0) };
    let config = std::str::from_utf8(&message.config).expect("configurations are text");
    format!(
        "len={} state={} leader={} zxid={} round={} peerEpoch={peer_epoch} version={} cfglen={} \
         cfg='{}'",
        44 + config.len(),
        message.state.to_wire(),
        vote.leader,
        vote.zxid,
        vote.election_epoch,
        message.version,
        config.len(),
        config.replace('\n', "\\n"),
    )
}

#[test]
fn quorum_streams() {
    let mut kinds: HashMap<PacketKind, usize> = HashMap::new();
    for stem in recordings("peer", ".bin") {
        let name = stem.file_name().and_then(|name| name.to_str()).expect("names are text");
        if !name.starts_with("quorum-") {
            continue;
        }
        let is_leader = name.ends_with("leader2learner");
        let stream = read(&stem, ".bin");
        let mut buffer = buffered(&stream);
        let mut encoded = Vec::new();
        let expected = transcript(&stem);
        let mut packets = 0;
        while let Some(packet) = QuorumPacket::decode(&mut buffer).expect("it is well formed") {
            let described = describe_packet(encoded.len(), &packet);
            let line = expected.get(packets).expect("the transcript has every packet");
            assert!(line.starts_with(&described), "{name}: {described} is not {line}");
            check_data(&packet, is_leader);
            encoded.extend_from_slice(&packet.encode());
            if packet.kind == PacketKind::Snap {
                let body = SnapBody::take(&mut buffer);
                assert_eq!(SnapBody::through_state(&body.encode()).sorted(), body.sorted());
                encoded.extend_from_slice(&body.encode());
            }
            *kinds.entry(packet.kind).or_default() += 1;
            packets += 1;
        }
        assert_eq!(packets, expected.len(), "{name}");
        assert_eq!(encoded, stream, "{name}");
    }
    // No session moved while the capture ran.
    let unseen: Vec<_> = PacketKind::ALL.iter().filter(|kind| !kinds.contains_key(kind)).collect();
    assert_eq!(unseen, [&PacketKind::Revalidate]);
}

/// A packet as the transcripts have it, up to the identities.
fn describe_packet(offset: usize, packet: &QuorumPacket) -> String {
    let kind = format!("{:?}", packet.kind).to_uppercase();
    let data = packet.data.as_ref().map_or(String::from("null"), |data| data.len().to_string());
    let auth = packet.auth.as_ref().map_or(String::from("null"), |ids| {
        let ids = ids.iter().map(|id| format!("('{}', '{}')", id.scheme, id.id));
        format!("[{}]", ids.collect::<Vec<_>>().join(", "))
    });
    format!(
        "@{offset} {kind}({}) zxid={:x} data={data} auth={auth}",
        packet.kind.to_wire(),
        packet.zxid.0
    )
}

/// What comes with a packet decodes and encodes to itself, too.
fn check_data(packet: &QuorumPacket, is_leader: bool) {
    let data = || packet.require_data().expect("its kind has data");
    let why = "the data is well formed";
    let again = match packet.kind {
        PacketKind::Proposal | PacketKind::Inform => check_record(&data()),
        PacketKind::InformAndActivate => {
            check_record(&data().slice(8..));
            return;
        }
        PacketKind::Request => check_request(data()),
        PacketKind::Ping if !is_leader => PingData::decode(data()).expect(why).encode(),
        PacketKind::Revalidate if is_leader => RevalidateReply::decode(data()).expect(why).encode(),
        PacketKind::Revalidate => RevalidateRequest::decode(data()).expect(why).encode(),
        PacketKind::FollowerInfo | PacketKind::ObserverInfo => {
            LearnerInfo::decode(data()).expect(why).encode()
        }
        PacketKind::LeaderInfo => LeaderInfo::decode(data()).expect(why).encode(),
        PacketKind::AckEpoch => AckEpoch::decode(data()).expect(why).encode(),
        PacketKind::CommitAndActivate | PacketKind::NewLeader => return,
        PacketKind::Ping
        | PacketKind::Ack
        | PacketKind::Commit
        | PacketKind::Sync
        | PacketKind::UpToDate
        | PacketKind::Diff
        | PacketKind::Trunc
        | PacketKind::Snap => {
            assert_eq!(packet.data, None);
            return;
        }
    };
    assert_eq!(again, data());
}

fn check_record(data: &Bytes) -> Bytes {
    let record = txn::decode(data.clone()).expect("it is a transaction");
    assert_eq!(record.encoded, data);
    let again = txn::encode(&record.header, &record.txn, record.digest);
    assert_eq!(again, data);
    again
}

fn check_request(data: Bytes) -> Bytes {
    let request = RequestData::decode(data).expect("it has a header");
    if request.op != OpCode::Reconfig.to_wire() {
        let asked = Request::decode(request.op, request.body.clone()).expect("it is supported");
        assert_eq!(asked.encode(), request.body);
    }
    request.encode()
}

/// The records of a SNAP's body in their order. Order and numbers of lists are free, so that no
/// tree can give back the same bytes; it gives back the same records.
struct SnapBody {
    sessions: Vec<(SessionId, i32)>,
    acls: Vec<(i64, Vec<Acl>)>,
    nodes: Vec<SnapNode>,
}

/// One znode; the numbers are those of `StatPersisted`.
#[derive(Clone, PartialEq, Eq, Debug)]
struct SnapNode {
    path: String,
    data: Option<Bytes>,
    acl_key: i64,
    times: [i64; 4],
    versions: [i32; 3],
    owner_and_pzxid: [i64; 2],
}

/// A znode and the list that its number names.
type NodeWithList = (SnapNode, Option<Vec<Acl>>);

impl SnapBody {
    const END: &str = "BenWasHere";

    /// Takes a body off, all of which must be there.
    fn take(buffer: &mut FrameBuffer) -> SnapBody {
        let bytes = Bytes::copy_from_slice(buffer.peek());
        let mut input = Reader::new(bytes, JUTE_MAX_BUFFER_PEER);
        let body = SnapBody::read(&mut input).expect("the body is well formed");
        buffer.take(input.offset());
        body
    }

    fn read(input: &mut Reader) -> Result<SnapBody, JuteError> {
        let session = |input: &mut Reader| Ok((SessionId(input.long()?), input.int()?));
        let sessions = input.vector(12, session)?.expect("it is not null");
        let list = |input: &mut Reader| Ok((input.long()?, Acl::read_list(input)?));
        let acls = input.vector(12, list)?.expect("it is not null");
        let mut nodes = Vec::new();
        loop {
            let path = input.text()?.to_string();
            if path == "/" {
                break;
            }
            nodes.push(SnapNode {
                path,
                data: input.buffer()?,
                acl_key: input.long()?,
                times: [input.long()?, input.long()?, input.long()?, input.long()?],
                versions: [input.int()?, input.int()?, input.int()?],
                owner_and_pzxid: [input.long()?, input.long()?],
            });
        }
        assert_eq!(&*input.text()?, SnapBody::END);
        Ok(SnapBody { sessions, acls, nodes })
    }

    /// The records that a server sends once it has read these bytes.
    fn through_state(bytes: &Bytes) -> SnapBody {
        let mut decoder = BodyDecoder::default();
        let mut state = None;
        for chunk in bytes.chunks(37) {
            let mut chunk = Bytes::copy_from_slice(chunk);
            assert_eq!(state, None);
            state = decoder.push(&mut chunk).expect("the body is well formed");
            assert!(chunk.is_empty());
        }
        let state = state.expect("the body is whole");
        let encoded: Vec<u8> = encode_snap_stream(&state).flatten().collect();
        let mut input = Reader::new(Bytes::from(encoded), JUTE_MAX_BUFFER_PEER);
        let body = SnapBody::read(&mut input).expect("the body is well formed");
        assert_eq!(input.remaining(), 0);
        body
    }

    /// Sessions by number, znodes by path, each with its list instead of the list's number.
    fn sorted(&self) -> (Vec<(SessionId, i32)>, Vec<NodeWithList>) {
        let lists: HashMap<i64, &Vec<Acl>> = self.acls.iter().map(|(k, l)| (*k, l)).collect();
        let mut sessions = self.sessions.clone();
        sessions.sort();
        let with_list = |node: &SnapNode| {
            let list = lists.get(&node.acl_key).map(|list| list.to_vec());
            assert!(list.is_some() || node.acl_key == -1);
            (SnapNode { acl_key: 0, ..node.clone() }, list)
        };
        let mut nodes: Vec<_> = self.nodes.iter().map(with_list).collect();
        nodes.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        (sessions, nodes)
    }

    fn encode(&self) -> Bytes {
        let mut out = Writer::default();
        out.vector(&self.sessions, |out, (session, timeout_ms)| {
            out.long(session.0);
            out.int(*timeout_ms);
        });
        out.vector(&self.acls, |out, (key, list)| {
            out.long(*key);
            Acl::write_list(list, out);
        });
        for node in &self.nodes {
            out.ustring(&node.path);
            out.buffer(node.data.as_deref());
            out.long(node.acl_key);
            node.times.iter().for_each(|number| out.long(*number));
            node.versions.iter().for_each(|number| out.int(*number));
            node.owner_and_pzxid.iter().for_each(|number| out.long(*number));
        }
        out.ustring("/");
        out.ustring(SnapBody::END);
        out.finish()
    }
}

/// What was seen in the streams of clients.
#[derive(Default, PartialEq, Eq, Debug)]
struct Seen {
    requests: usize,
    null_lists: usize,
    unsupported: usize,
    malformed: usize,
    bad_multis: usize,
    replies: usize,
    errors: usize,
    events: usize,
}

#[test]
fn client_streams() {
    let mut seen = Seen::default();
    for folder in ["client", "client-ensemble"] {
        for stem in recordings(folder, ".c2s.bin") {
            let mut asked = check_requests(&stem, &mut seen);
            check_replies(&stem, &mut asked, &mut seen);
        }
    }
    let expected = Seen {
        requests: 212,
        null_lists: 1,
        unsupported: 2,
        malformed: 1,
        bad_multis: 2,
        replies: 211,
        errors: 42,
        events: 22,
    };
    assert_eq!(seen, expected);
}

/// What was asked, by the number that the reply will have.
type Asked = HashMap<Xid, VecDeque<Result<OpCode, RequestError>>>;

fn check_requests(stem: &Path, seen: &mut Seen) -> Asked {
    let mut buffer = buffered(&read(stem, ".c2s.bin"));
    let mut asked = Asked::new();
    let why = format!("{}", stem.display());
    let connect = buffer.next_frame(JUTE_MAX_BUFFER).expect(&why).expect(&why);
    let request = ConnectRequest::decode(connect.clone()).expect(&why);
    assert_eq!(request.encode().slice(4..), connect, "{why}");
    while let Some(frame) = buffer.next_frame(JUTE_MAX_BUFFER).expect(&why) {
        let (header, body) = RequestHeader::decode(frame.clone()).expect(&why);
        let outcome = Request::decode(header.op, body);
        match &outcome {
            Ok(request) => {
                let again = encode_request(header.xid, request).slice(4..);
                if again != frame {
                    // A null list is read as an empty one, which is refused just the same.
                    assert_eq!(Request::decode(header.op, again.slice(8..)), outcome, "{why}");
                    seen.null_lists += 1;
                }
                seen.requests += 1;
            }
            Err(RequestError::Unimplemented { .. }) => seen.unsupported += 1,
            Err(RequestError::BadMultiOp { .. }) => seen.bad_multis += 1,
            Err(_) => seen.malformed += 1,
        }
        let outcome = outcome.map(|request| request.op());
        asked.entry(header.xid).or_default().push_back(outcome);
    }
    assert!(buffer.is_empty(), "{why}");
    asked
}

fn check_replies(stem: &Path, asked: &mut Asked, seen: &mut Seen) {
    let mut buffer = buffered(&read(stem, ".s2c.bin"));
    let why = format!("{}", stem.display());
    // A server that must not take the client closes the connection without a word.
    let Some(connect) = buffer.next_frame(JUTE_MAX_BUFFER_PEER).expect(&why) else { return };
    let response = ConnectResponse::decode(connect.clone()).expect(&why);
    assert_eq!(response.encode().slice(4..), connect, "{why}");
    if response.session != SessionId(0) {
        let password = response.password.expect(&why);
        assert_eq!(password, session_password(response.session)[..], "{why}");
    }
    while let Some(frame) = buffer.next_frame(JUTE_MAX_BUFFER_PEER).expect(&why) {
        let (header, body) = ReplyHeader::decode(frame.clone()).expect(&why);
        if header.xid == XID_EVENT {
            let event = WatcherEvent::decode(body).expect(&why);
            assert_eq!(encode_event(header.zxid, &event).slice(4..), frame, "{why}");
            seen.events += 1;
            continue;
        }
        let answered = asked.get_mut(&header.xid).and_then(VecDeque::pop_front);
        let response = match answered.expect("only requests are answered") {
            Ok(_) if header.err != 0 => {
                seen.errors += 1;
                Response::Empty
            }
            Ok(op) => match Response::decode(op, body) {
                Ok(response) => response,
                Err(error) => panic!("{why}: {error}"),
            },
            Err(RequestError::Malformed(_)) => {
                assert_eq!(header.err, -5, "{why}");
                continue;
            }
            // Operations that this server does not have yet.
            Err(_) => continue,
        };
        let again = encode_reply(header.xid, header.zxid, header.err, &response);
        assert_eq!(again.slice(4..), frame, "{why}");
        seen.replies += 1;
    }
    assert!(buffer.is_empty(), "{why}");
}
