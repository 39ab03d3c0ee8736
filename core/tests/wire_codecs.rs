//! Properties of all codecs: what is encoded decodes to itself, any bytes give a value or an
//! error but never a panic, and a stream may be cut anywhere.

use std::fmt::Debug;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use zablab_core::config::HostPort;
use zablab_core::limits::{JUTE_MAX_BUFFER, NOTIFICATION_MAX};
use zablab_core::txn::{Acl, CreateKind, CreateTxn, Id, Txn, TxnHeader};
use zablab_core::types::{ElectionEpoch, Epoch, Path, ServerId, SessionId, WallMs, Xid, Zxid};
use zablab_core::wire::client::{
    AuthRequest, CheckVersionRequest, ClientInfo, ConnectRequest, ConnectResponse, CreateRequest,
    CreateTtlRequest, DeleteRequest, EventType, MultiOp, MultiResult, OpCode, ReadOp, ReadResult,
    ReconfigRequest, ReplyHeader, Request, RequestHeader, Response, SetAclRequest, SetDataRequest,
    SetWatches, SetWatches2, Stat, WatcherEvent, encode_event, encode_reply, encode_request,
};
use zablab_core::wire::election::{InitialMessage, Notification, PeerState, Vote};
use zablab_core::wire::frame::FrameBuffer;
use zablab_core::wire::quorum::{
    AckEpoch, LeaderInfo, LearnerInfo, PacketKind, PingData, QuorumPacket, RequestData,
    RevalidateReply, RevalidateRequest,
};
use zablab_core::wire::txn;

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn any_reconfig() -> impl Strategy<Value = Request> {
    let text = || option::of(".{0,16}");
    (text(), text(), text(), any::<i64>()).prop_map(
        |(joining, leaving, new_members, from_config)| {
            Request::Reconfig(ReconfigRequest { joining, leaving, new_members, from_config })
        },
    )
}

fn data() -> impl Strategy<Value = Option<Bytes>> {
    option::of(bytes())
}

fn path() -> impl Strategy<Value = Path> {
    "(/[a-z\u{e9}\u{4e2d}-]{1,8}){1,4}".prop_map(Path::from)
}

fn id() -> impl Strategy<Value = Id> {
    (".{0,8}", ".{0,16}").prop_map(|(scheme, id)| Id { scheme, id })
}

fn acl() -> impl Strategy<Value = Vec<Acl>> {
    vec((any::<i32>(), id()).prop_map(|(perms, id)| Acl { perms, id }), 0..4)
}

fn zxid() -> impl Strategy<Value = Zxid> {
    any::<u64>().prop_map(Zxid)
}

prop_compose! {
    fn stat()(
        (czxid, mzxid, pzxid) in (zxid(), zxid(), zxid()),
        (ctime, mtime, owner) in any::<(i64, i64, i64)>(),
        (version, cversion, aversion) in any::<(i32, i32, i32)>(),
        (data_length, num_children) in any::<(i32, i32)>(),
    ) -> Stat {
        Stat {
            czxid,
            mzxid,
            ctime: WallMs(ctime),
            mtime: WallMs(mtime),
            version,
            cversion,
            aversion,
            ephemeral_owner: SessionId(owner),
            data_length,
            num_children,
            pzxid,
        }
    }
}

fn create() -> impl Strategy<Value = CreateRequest> {
    (path(), data(), acl(), any::<i32>()).prop_map(|(path, data, acl, flags)| CreateRequest {
        path,
        data,
        acl,
        flags,
    })
}

fn delete() -> impl Strategy<Value = DeleteRequest> {
    (path(), any::<i32>()).prop_map(|(path, version)| DeleteRequest { path, version })
}

fn set_data() -> impl Strategy<Value = SetDataRequest> {
    (path(), data(), any::<i32>()).prop_map(|(path, data, version)| SetDataRequest {
        path,
        data,
        version,
    })
}

fn check() -> impl Strategy<Value = CheckVersionRequest> {
    (path(), any::<i32>()).prop_map(|(path, version)| CheckVersionRequest { path, version })
}

fn multi_op() -> impl Strategy<Value = MultiOp> {
    prop_oneof![
        create().prop_map(MultiOp::Create),
        create().prop_map(MultiOp::Create2),
        delete().prop_map(MultiOp::Delete),
        set_data().prop_map(MultiOp::SetData),
        check().prop_map(MultiOp::Check),
        create().prop_map(MultiOp::CreateContainer),
        create_ttl().prop_map(MultiOp::CreateTtl),
    ]
}

fn create_ttl() -> impl Strategy<Value = CreateTtlRequest> {
    (create(), any::<i64>()).prop_map(|(create, ttl_ms)| CreateTtlRequest { create, ttl_ms })
}

fn read_op() -> impl Strategy<Value = ReadOp> {
    (path(), any::<bool>(), any::<bool>()).prop_map(|(path, watch, data)| match data {
        true => ReadOp::GetData { path, watch },
        false => ReadOp::GetChildren { path, watch },
    })
}

fn set_watches() -> impl Strategy<Value = SetWatches> {
    (zxid(), vec(path(), 0..3), vec(path(), 0..3), vec(path(), 0..3)).prop_map(
        |(relative_zxid, data_watches, exist_watches, child_watches)| SetWatches {
            relative_zxid,
            data_watches,
            exist_watches,
            child_watches,
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let read = (path(), any::<bool>());
    prop_oneof![
        any::<i32>().prop_map(|timeout_ms| Request::CreateSession { timeout_ms }),
        Just(Request::CloseSession),
        Just(Request::Ping),
        create().prop_map(Request::Create),
        create().prop_map(Request::Create2),
        delete().prop_map(Request::Delete),
        set_data().prop_map(Request::SetData),
        check().prop_map(Request::Check),
        vec(multi_op(), 0..5).prop_map(Request::Multi),
        (0..4, read).prop_map(|(which, (path, watch))| match which {
            0 => Request::Exists { path, watch },
            1 => Request::GetData { path, watch },
            2 => Request::GetChildren { path, watch },
            _ => Request::GetChildren2 { path, watch },
        }),
        path().prop_map(|path| Request::GetAcl { path }),
        path().prop_map(|path| Request::Sync { path }),
        set_watches().prop_map(Request::SetWatches),
        later_request(),
    ]
}

/// Those that came with 3.5 and later.
fn later_request() -> impl Strategy<Value = Request> {
    let watch = (path(), any::<i32>());
    let again = (set_watches(), vec(path(), 0..3), vec(path(), 0..3));
    prop_oneof![
        again.prop_map(|(once, persistent_watches, recursive_watches)| {
            Request::SetWatches2(SetWatches2 { once, persistent_watches, recursive_watches })
        }),
        (0..3, watch).prop_map(|(which, (path, kind))| match which {
            0 => Request::AddWatch { path, mode: kind },
            1 => Request::CheckWatches { path, kind },
            _ => Request::RemoveWatches { path, kind },
        }),
        (path(), acl(), any::<i32>()).prop_map(|(path, acl, version)| {
            Request::SetAcl(SetAclRequest { path, acl, version })
        }),
        create().prop_map(Request::CreateContainer),
        create_ttl().prop_map(Request::CreateTtl),
        path().prop_map(|path| Request::DeleteContainer { path }),
        vec(read_op(), 0..5).prop_map(Request::MultiRead),
        path().prop_map(|prefix| Request::GetEphemerals { prefix }),
        path().prop_map(|path| Request::GetAllChildrenNumber { path }),
        Just(Request::WhoAmI),
        (".{0,8}", data()).prop_map(|(scheme, auth)| Request::Auth(AuthRequest { scheme, auth })),
        any_reconfig(),
    ]
}

fn multi_result() -> impl Strategy<Value = MultiResult> {
    prop_oneof![
        path().prop_map(|path| MultiResult::Create { path }),
        (path(), stat()).prop_map(|(path, stat)| MultiResult::Create2 { path, stat }),
        Just(MultiResult::Delete),
        stat().prop_map(|stat| MultiResult::SetData { stat }),
        Just(MultiResult::Check),
        any::<i32>().prop_map(MultiResult::Error),
    ]
}

fn read_result() -> impl Strategy<Value = ReadResult> {
    prop_oneof![
        (data(), stat()).prop_map(|(data, stat)| ReadResult::Data { data, stat }),
        vec(path(), 0..5).prop_map(ReadResult::Children),
        any::<i32>().prop_map(ReadResult::Error),
    ]
}

fn client_info() -> impl Strategy<Value = ClientInfo> {
    id().prop_map(|Id { scheme, id: user }| ClientInfo { scheme, user })
}

/// A response, and an operation that it answers.
fn response() -> impl Strategy<Value = (OpCode, Response)> {
    prop_oneof![
        Just((OpCode::Delete, Response::Empty)),
        path().prop_map(|path| (OpCode::Create, Response::Create { path })),
        (path(), stat())
            .prop_map(|(path, stat)| (OpCode::Create2, Response::Create2 { path, stat })),
        stat().prop_map(|stat| (OpCode::Exists, Response::Stat(stat))),
        (data(), stat()).prop_map(|(data, stat)| (OpCode::GetData, Response::Data { data, stat })),
        (acl(), stat()).prop_map(|(acl, stat)| (OpCode::GetAcl, Response::Acl { acl, stat })),
        vec(path(), 0..5).prop_map(|names| (OpCode::GetChildren, Response::Children(names))),
        (vec(path(), 0..5), stat()).prop_map(|(children, stat)| {
            (OpCode::GetChildren2, Response::Children2 { children, stat })
        }),
        path().prop_map(|path| (OpCode::Sync, Response::Sync { path })),
        vec(multi_result(), 0..5).prop_map(|results| (OpCode::Multi, Response::Multi(results))),
        vec(read_result(), 0..5)
            .prop_map(|results| (OpCode::MultiRead, Response::MultiRead(results))),
        vec(path(), 0..5).prop_map(|paths| (OpCode::GetEphemerals, Response::Paths(paths))),
        any::<i32>().prop_map(|n| (OpCode::GetAllChildrenNumber, Response::Number(n))),
        any::<i32>().prop_map(|code| (OpCode::AddWatch, Response::Code(code))),
        vec(client_info(), 0..4).prop_map(|infos| (OpCode::WhoAmI, Response::Identities(infos))),
    ]
}

fn create_txn() -> impl Strategy<Value = Txn> {
    let kind = prop_oneof![
        Just(CreateKind::Create),
        Just(CreateKind::Create2),
        Just(CreateKind::Container),
        any::<i64>().prop_map(CreateKind::Ttl),
    ];
    (path(), data(), acl(), kind, any::<bool>(), any::<i32>()).prop_map(
        |(path, data, acl, kind, ephemeral, parent_cversion)| {
            // Only the first two kinds have a place for the flag.
            let may_be_ephemeral = matches!(kind, CreateKind::Create | CreateKind::Create2);
            let ephemeral = ephemeral && may_be_ephemeral;
            Txn::Create(CreateTxn { path, data, acl, kind, ephemeral, parent_cversion })
        },
    )
}

fn multi_part() -> impl Strategy<Value = Txn> {
    prop_oneof![
        create_txn(),
        any::<i32>().prop_map(Txn::Error),
        (path(), Just(false)).prop_map(|(path, container)| Txn::Delete { path, container }),
        (path(), data(), any::<i32>()).prop_map(|(path, data, version)| Txn::SetData {
            path,
            data,
            version,
            reconfig: false
        }),
        (path(), any::<i32>()).prop_map(|(path, version)| Txn::Check { path, version }),
    ]
}

fn any_txn() -> impl Strategy<Value = Txn> {
    prop_oneof![
        multi_part(),
        any::<i32>().prop_map(|timeout_ms| Txn::CreateSession { timeout_ms }),
        option::of(vec(path(), 0..4)).prop_map(|paths| Txn::CloseSession { paths }),
        path().prop_map(|path| Txn::Delete { path, container: true }),
        (path(), data(), any::<i32>()).prop_map(|(path, data, version)| Txn::SetData {
            path,
            data,
            version,
            reconfig: true
        }),
        (path(), acl(), any::<i32>()).prop_map(|(path, acl, version)| Txn::SetAcl {
            path,
            acl,
            version
        }),
        vec(multi_part(), 0..4).prop_map(Txn::Multi),
    ]
}

fn header() -> impl Strategy<Value = TxnHeader> {
    (any::<i64>(), any::<i32>(), zxid(), any::<i64>()).prop_map(|(session, cxid, zxid, time)| {
        TxnHeader { session: SessionId(session), cxid: Xid(cxid), zxid, time: WallMs(time) }
    })
}

fn packet() -> impl Strategy<Value = QuorumPacket> {
    let kind = proptest::sample::select(PacketKind::ALL);
    (kind, zxid(), data(), option::of(vec(id(), 0..4)))
        .prop_map(|(kind, zxid, data, auth)| QuorumPacket { kind, zxid, data, auth })
}

fn address() -> impl Strategy<Value = HostPort> {
    let host = prop_oneof!["[a-z][a-z0-9.-]{0,20}", Just(String::from("fe80::1:2"))];
    (host, any::<u16>()).prop_map(|(host, port)| HostPort { host, port })
}

fn greeting() -> impl Strategy<Value = InitialMessage> {
    let sid = || (0..i64::MAX).prop_map(ServerId);
    prop_oneof![
        sid().prop_map(|sid| InitialMessage::Sid { sid }),
        (sid(), address()).prop_map(|(sid, address)| InitialMessage::V1 { sid, address }),
        (sid(), vec(address(), 1..4))
            .prop_map(|(sid, addresses)| InitialMessage::V2 { sid, addresses }),
    ]
}

fn notification() -> impl Strategy<Value = Notification> {
    let vote = (any::<i64>(), zxid(), any::<u64>(), any::<u32>()).prop_map(
        |(leader, zxid, round, epoch)| Vote {
            leader: ServerId(leader.max(i64::MIN + 1)),
            zxid,
            election_epoch: ElectionEpoch(round),
            peer_epoch: Epoch(epoch),
        },
    );
    let vote =
        prop_oneof![vote, any::<u64>().prop_map(|round| Vote::for_nobody(ElectionEpoch(round)))];
    (proptest::sample::select(PeerState::ALL), vote, bytes())
        .prop_map(|(state, vote, config)| Notification::new(state, vote, config))
}

/// Puts `stream` into a buffer, cut after each `step` bytes, and takes off what `take` finds.
fn take_all<T, E: Debug>(
    stream: &[u8],
    step: usize,
    take: impl Fn(&mut FrameBuffer) -> Result<Option<T>, E>,
) -> Vec<T> {
    let mut buffer = FrameBuffer::default();
    let mut taken = Vec::new();
    for chunk in stream.chunks(step) {
        buffer.push(Bytes::copy_from_slice(chunk));
        while let Some(value) = take(&mut buffer).expect("the stream is well formed") {
            taken.push(value);
        }
    }
    assert!(buffer.is_empty());
    taken
}

/// The payload of a frame.
fn payload(frame: &Bytes) -> Bytes {
    let mut taken = take_all(frame, frame.len(), |buffer| buffer.next_frame(usize::MAX));
    assert_eq!(taken.len(), 1);
    taken.remove(0)
}

proptest! {
    #[test]
    fn requests_round_trip(xid in any::<i32>(), request in request()) {
        let (header, body) = RequestHeader::decode(payload(&encode_request(Xid(xid), &request)))?;
        prop_assert_eq!(header, RequestHeader { xid: Xid(xid), op: request.op().to_wire() });
        prop_assert_eq!(&body, &request.encode());
        prop_assert_eq!(Request::decode(header.op, body)?, request);
    }

    #[test]
    fn replies_round_trip(xid in any::<i32>(), zxid in zxid(), answer in response()) {
        let (op, response) = answer;
        let frame = encode_reply(Xid(xid), zxid, 0, &response);
        let (header, body) = ReplyHeader::decode(payload(&frame))?;
        prop_assert_eq!(header, ReplyHeader { xid: Xid(xid), zxid, err: 0 });
        prop_assert_eq!(Response::decode(op, body)?, response);
    }

    #[test]
    fn events_round_trip(
        kind in proptest::sample::select(EventType::ALL), path in path(), zxid in zxid(),
    ) {
        let event = WatcherEvent::new(kind, path);
        let (header, body) = ReplyHeader::decode(payload(&encode_event(zxid, &event)))?;
        prop_assert_eq!(header, ReplyHeader { xid: Xid(-1), zxid, err: 0 });
        prop_assert_eq!(WatcherEvent::decode(body)?, event);
    }

    #[test]
    fn handshakes_round_trip(
        numbers in any::<(i32, u64, i32, i64)>(),
        password in data(),
        read_only in option::of(any::<bool>()),
    ) {
        let (protocol_version, last_zxid_seen, timeout_ms, session) = numbers;
        let (session, last_zxid_seen) = (SessionId(session), Zxid(last_zxid_seen));
        let request = ConnectRequest {
            protocol_version, last_zxid_seen, timeout_ms, session, read_only,
            password: password.clone(),
        };
        prop_assert_eq!(ConnectRequest::decode(payload(&request.encode()))?, request);
        let response =
            ConnectResponse { protocol_version, timeout_ms, session, password, read_only };
        prop_assert_eq!(ConnectResponse::decode(payload(&response.encode()))?, response);
    }

    #[test]
    fn txns_round_trip(
        header in header(),
        txn in any_txn(),
        digest in option::of(any::<u64>()),
        unknown in bytes(),
    ) {
        let encoded = txn::encode(&header, &txn, digest);
        let record = txn::decode(encoded.clone())?;
        prop_assert_eq!(&record, &txn::record(header, txn.clone(), digest));
        prop_assert_eq!(&record.encoded, &encoded);
        // What a later version adds behind the digest is kept.
        if digest.is_some() && txn != (Txn::CloseSession { paths: None }) {
            let extended = Bytes::from([&encoded[..], &unknown[..]].concat());
            let record = txn::decode(extended.clone())?;
            prop_assert_eq!((record.txn, record.digest, record.encoded), (txn, digest, extended));
        }
    }

    #[test]
    fn packets_round_trip(packets in vec(packet(), 1..5), step in 1_usize..400) {
        let stream: Vec<u8> = packets.iter().flat_map(QuorumPacket::encode).collect();
        prop_assert_eq!(take_all(&stream, step, QuorumPacket::decode), packets.clone());
        for packet in packets {
            prop_assert_eq!(packet.encode_parts().concat(), packet.encode());
        }
    }

    #[test]
    fn greetings_round_trip(greeting in greeting(), step in 1_usize..100) {
        let taken = take_all(&greeting.encode(), step, InitialMessage::decode);
        prop_assert_eq!(taken, vec![greeting]);
    }

    #[test]
    fn notifications_round_trip(sent in vec(notification(), 1..4), step in 1_usize..400) {
        let stream: Vec<u8> = sent.iter().flat_map(Notification::encode).collect();
        prop_assert_eq!(take_all(&stream, step, Notification::decode), sent);
    }

    #[test]
    fn packet_data_round_trips(
        (sid, config_version, session) in any::<(i64, i64, i64)>(),
        (number, valid) in any::<(i32, bool)>(),
        epoch in option::of(0..=Epoch::MAX.0),
        touched in vec(any::<(i64, i32)>(), 0..5),
        body in bytes(),
    ) {
        let session = SessionId(session);
        let info =
            LearnerInfo { sid: ServerId(sid), protocol_version: number, config_version };
        prop_assert_eq!(LearnerInfo::decode(info.encode())?, info);
        let info = LeaderInfo { protocol_version: number };
        prop_assert_eq!(LeaderInfo::decode(info.encode())?, info);
        let ack = AckEpoch { current_epoch: epoch.map(Epoch) };
        prop_assert_eq!(AckEpoch::decode(ack.encode())?, ack);
        let touched = touched.into_iter().map(|(id, ms)| (SessionId(id), ms)).collect();
        let ping = PingData { touched };
        prop_assert_eq!(PingData::decode(ping.encode())?, ping);
        let ask = RevalidateRequest { session, timeout_ms: number };
        prop_assert_eq!(RevalidateRequest::decode(ask.encode())?, ask);
        prop_assert_eq!(ask.encode().len(), 12);
        let reply = RevalidateReply { session, valid };
        prop_assert_eq!(RevalidateReply::decode(reply.encode())?, reply);
        prop_assert_eq!(reply.encode().len(), 9);
        let request = RequestData { session, cxid: Xid(number), op: number, body };
        prop_assert_eq!(RequestData::decode(request.encode())?, request);
    }

    #[test]
    fn any_bytes_are_safe(noise in bytes(), op in -12_i32..110) {
        let _ = RequestHeader::decode(noise.clone());
        let _ = Request::decode(op, noise.clone());
        let _ = ReplyHeader::decode(noise.clone());
        if let Some(op) = OpCode::from_wire(op) {
            let _ = Response::decode(op, noise.clone());
        }
        let _ = WatcherEvent::decode(noise.clone());
        let _ = ConnectRequest::decode(noise.clone());
        let _ = ConnectResponse::decode(noise.clone());
        let _ = txn::decode(noise.clone());
        let _ = LearnerInfo::decode(noise.clone());
        let _ = LeaderInfo::decode(noise.clone());
        let _ = AckEpoch::decode(noise.clone());
        let _ = PingData::decode(noise.clone());
        let _ = RevalidateRequest::decode(noise.clone());
        let _ = RevalidateReply::decode(noise.clone());
        let _ = RequestData::decode(noise.clone());
        drain(&noise, QuorumPacket::decode);
        drain(&noise, InitialMessage::decode);
        drain(&noise, Notification::decode);
        drain(&noise, |buffer| buffer.next_frame(JUTE_MAX_BUFFER));
    }

    /// Damage to good bytes reaches deeper than noise does.
    #[test]
    fn damaged_bytes_are_safe(
        (request, answer, txn) in (request(), response(), any_txn()),
        (header, packet, notification) in (header(), packet(), notification()),
        (place, value) in any::<(proptest::sample::Index, u8)>(),
    ) {
        let damage = |good: Bytes| {
            let mut bad = good.to_vec();
            if !bad.is_empty() {
                let place = place.index(bad.len());
                bad[place] = value;
            }
            Bytes::from(bad)
        };
        let _ = Request::decode(request.op().to_wire(), damage(request.encode()));
        let body = payload(&encode_reply(Xid(1), Zxid::ZERO, 0, &answer.1)).slice(16..);
        let _ = Response::decode(answer.0, damage(body));
        let _ = txn::decode(damage(txn::encode(&header, &txn, Some(7))));
        drain(&damage(packet.encode()), QuorumPacket::decode);
        drain(&damage(notification.encode()), Notification::decode);
    }

    #[test]
    fn frames_come_out_however_they_are_cut(
        frames in vec(bytes(), 0..6),
        step in 1_usize..700,
    ) {
        let mut stream = Vec::new();
        for frame in &frames {
            stream.extend_from_slice(&(frame.len() as u32).to_be_bytes());
            stream.extend_from_slice(frame);
        }
        let taken = take_all(&stream, step, |buffer| buffer.next_frame(NOTIFICATION_MAX));
        prop_assert_eq!(taken, frames);
    }
}

/// Takes off all there is, up to the first error.
fn drain<T, E>(stream: &Bytes, take: impl Fn(&mut FrameBuffer) -> Result<Option<T>, E>) {
    let mut buffer = FrameBuffer::default();
    buffer.push(stream.clone());
    while let Ok(Some(_)) = take(&mut buffer) {}
}
