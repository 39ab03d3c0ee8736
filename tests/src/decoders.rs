//! Every decoder of bytes from outside, as one function each of any bytes: none panics, and what
//! one accepts is written so that it reads as the same again.
//!
//! The property tests feed them a few thousand inputs in each run of the tests; the targets of
//! `tests/fuzz` feed them for as long as one likes. Not here: what a decoder must refuse, which
//! stands beside each.

use bytes::Bytes;
use zablab_core::config::ServerConfig;
use zablab_core::limits::JUTE_MAX_BUFFER;
use zablab_core::paxos::message::Message;
use zablab_core::storage::epoch;
use zablab_core::storage::snapshot::{self, BodyDecoder};
use zablab_core::storage::txnlog::{Next, Scan};
use zablab_core::types::Xid;
use zablab_core::wire::client::{
    ConnectRequest, ConnectResponse, OpCode, ReplyHeader, Request, RequestHeader, Response,
    WatcherEvent, encode_request,
};
use zablab_core::wire::datagram::{Poll, Push};
use zablab_core::wire::election::{InitialMessage, Notification};
use zablab_core::wire::frame::FrameBuffer;
use zablab_core::wire::quorum::{
    AckEpoch, LeaderInfo, LearnerInfo, PingData, QuorumPacket, RequestData, RevalidateReply,
    RevalidateRequest,
};
use zablab_core::wire::txn;
use zablab_sim::formats::{batch, json, messages, zlab};
use zablab_sim::script;

/// A decoder by its name, which is that of its fuzz target.
pub type Decoder = (&'static str, fn(&[u8]));

/// All of them.
pub const ALL: &[Decoder] = &[
    ("client", client),
    ("peer", peer),
    ("election", election),
    ("txnlog", txnlog),
    ("snapshot", snapshot),
    ("config", config),
    ("trace", trace),
];

fn stream(bytes: &[u8]) -> FrameBuffer {
    let mut buffer = FrameBuffer::default();
    // In two chunks: a decoder must not care how a stream is cut.
    let (first, rest) = bytes.split_at(bytes.len() / 3);
    buffer.push(Bytes::copy_from_slice(first));
    buffer.push(Bytes::copy_from_slice(rest));
    buffer
}

/// What clients send, and what servers answer.
pub fn client(bytes: &[u8]) {
    let mut frames = stream(bytes);
    while let Ok(Some(frame)) = frames.next_frame(JUTE_MAX_BUFFER) {
        client_frame(frame);
    }
    client_frame(Bytes::copy_from_slice(bytes));
}

fn client_frame(frame: Bytes) {
    if let Ok(connect) = ConnectRequest::decode(frame.clone()) {
        let again = ConnectRequest::decode(connect.encode().slice(4..));
        assert_eq!(again.as_ref(), Ok(&connect));
    }
    let _ = ConnectResponse::decode(frame.clone());
    if let Ok((header, body)) = RequestHeader::decode(frame.clone())
        && let Ok(request) = Request::decode(header.op, body)
    {
        let frame = encode_request(Xid(1), &request).slice(4..);
        let (header, body) = RequestHeader::decode(frame).expect("it was written just now");
        assert_eq!(Request::decode(header.op, body).as_ref(), Ok(&request));
    }
    if let Ok((_, body)) = ReplyHeader::decode(frame) {
        let _ = WatcherEvent::decode(body.clone());
        for op in OpCode::ALL {
            let _ = Response::decode(*op, body.clone());
        }
    }
}

/// What servers send each other on the quorum port.
pub fn peer(bytes: &[u8]) {
    let mut packets = stream(bytes);
    while let Ok(Some(packet)) = QuorumPacket::decode(&mut packets) {
        let again = QuorumPacket::decode(&mut stream(&packet.encode()));
        assert_eq!(again, Ok(Some(packet.clone())));
        packet.data.into_iter().for_each(packet_data);
    }
    packet_data(Bytes::copy_from_slice(bytes));
}

fn packet_data(data: Bytes) {
    let _ = LearnerInfo::decode(data.clone());
    let _ = LeaderInfo::decode(data.clone());
    let _ = AckEpoch::decode(data.clone());
    let _ = PingData::decode(data.clone());
    let _ = RevalidateRequest::decode(data.clone());
    let _ = RevalidateReply::decode(data.clone());
    if let Ok(request) = RequestData::decode(data.clone()) {
        let _ = Request::decode(request.op, request.body);
    }
    transaction(data);
}

fn transaction(bytes: Bytes) {
    if let Ok(record) = txn::decode(bytes) {
        let again = txn::decode(txn::encode(&record.header, &record.txn, record.digest));
        let again = again.expect("it was written just now");
        assert_eq!((again.header, again.txn), (record.header, record.txn));
    }
}

/// What servers and Paxos processes send each other to agree.
pub fn election(bytes: &[u8]) {
    let mut greeting = stream(bytes);
    let _ = InitialMessage::decode(&mut greeting);
    let mut notifications = stream(bytes);
    // After a notification that is damaged in itself the next one can be taken.
    for _ in 0..bytes.len() {
        match Notification::decode(&mut notifications) {
            Ok(Some(notification)) if notification.version == Notification::VERSION => {
                let again = Notification::decode(&mut stream(&notification.encode()));
                assert_eq!(again, Ok(Some(notification)));
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => break,
        }
    }
    let datagram = Bytes::copy_from_slice(bytes);
    if let Ok(poll) = Poll::decode(&datagram) {
        assert_eq!(Poll::decode(&poll.encode()), Ok(poll));
    }
    if let Ok(push) = Push::decode(&datagram) {
        assert_eq!(Push::decode(&push.encode()), Ok(push));
    }
    if let Ok(message) = Message::decode(&datagram) {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
}

/// A log of transactions.
pub fn txnlog(bytes: &[u8]) {
    let file = Bytes::copy_from_slice(bytes);
    transaction(file.clone());
    if let Ok(Some(mut scan)) = Scan::open(file) {
        while let Ok(Next::Record(record)) = scan.next_record() {
            transaction(record.txn);
        }
    }
    let _ = epoch::decode(bytes);
}

/// A snapshot, as a file and as what follows a SNAP.
pub fn snapshot(bytes: &[u8]) {
    let _ = snapshot::decode_file(&Bytes::copy_from_slice(bytes));
    let mut body = BodyDecoder::default();
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    for chunk in [first, rest] {
        if body.push(&mut Bytes::copy_from_slice(chunk)).is_err() {
            break;
        }
    }
}

/// `zoo.cfg`, with `myid` behind its first zero byte if it has one.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (zoo_cfg, myid) = match text.split_once('\0') {
        Some((zoo_cfg, myid)) => (zoo_cfg, Some(myid)),
        None => (text.as_ref(), None),
    };
    let _ = ServerConfig::parse(zoo_cfg, myid);
}

/// What the simulator and the page write: runs, events, messages, scripts.
pub fn trace(bytes: &[u8]) {
    let _ = zlab::decode(bytes);
    let _ = batch::EventBatch::decode(bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = zlab::from_link(&text);
    let _ = messages::Request::decode(&text);
    for line in text.lines() {
        if let Ok(event) = json::decode(line) {
            let again = json::decode(&json::encode(&event));
            assert_eq!(again.ok(), Some(event));
        }
        if let Ok(act) = script::parse_act(line) {
            assert_eq!(script::parse_act(&act.to_string()), Ok(act));
        }
    }
    let _ = script::parse(&text);
}
