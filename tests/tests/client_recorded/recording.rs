//! Recorded connections, and when each of their requests was answered.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use zablab_core::types::{ServerId, SessionId, WallMs, Xid, Zxid};
use zablab_core::wire::client::{
    ConnectRequest, ConnectResponse, MultiResult, OpCode, ReadResult, ReplyHeader, Request,
    RequestHeader, Response, Stat, XID_EVENT, encode_request,
};
use zablab_tests::workload::Ask;

/// Requests that were answered by the end of the connection, with the transactions that they were.
const UNANSWERED: [(&str, Xid, Zxid); 1] = [("10-follower", Xid(5), Zxid(0x1_0000_0007))];

/// One connection.
pub struct Recording {
    /// Its file, without the ending.
    pub name: &'static str,
    /// The connect request, with its length.
    pub connect: Bytes,
    /// What was asked then, in order.
    pub requests: VecDeque<Asked>,
    /// All that was answered and told, without lengths.
    pub received: Vec<Bytes>,
    /// Whether the server ended it. If not, the client may just not have waited for it.
    pub is_ended: bool,
}

/// One request.
pub struct Asked {
    /// Its number.
    pub xid: Xid,
    /// What it asks.
    pub ask: Ask,
    /// Its bytes, with their length.
    pub frame: Bytes,
    /// When it was answered.
    pub when: When,
}

/// When a request was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// It is the transaction with this zxid.
    Write(Zxid),
    /// This was the last zxid.
    Read(Zxid),
    /// At once: its answer has no zxid.
    Now,
}

impl Recording {
    /// Reads one, by its folder and name.
    pub fn load(folder: &str, name: &'static str) -> Recording {
        let folder = vector(folder);
        let read = |ending: &str| fs::read(folder.join(format!("{name}.{ending}"))).expect(name);
        let transcript = String::from_utf8(read("txt")).expect("a text");
        let mut sent = frames(read("c2s.bin"));
        let received: Vec<Bytes> = frames(read("s2c.bin")).into();
        let connect = framed(&sent.pop_front().expect("a connect request"));
        let reads_only = received.first().is_some_and(|frame| {
            let response = ConnectResponse::decode(frame.clone()).expect("a connect response");
            response.read_only == Some(true)
        });
        let replies = received.iter().skip(1).map(header);
        let mut replies = replies.filter(|header| header.xid != XID_EVENT);
        let requests = sent.into_iter().map(|frame| {
            let (request, body) = RequestHeader::decode(frame.clone()).expect("a request");
            let is_unanswered = |row: &&(_, _, _)| (row.0, row.1) == (name, request.xid);
            let when = match (replies.next(), UNANSWERED.iter().find(is_unanswered)) {
                (Some(reply), None) => {
                    assert_eq!(reply.xid, request.xid, "{name}");
                    let op = OpCode::from_wire(request.op);
                    When::of(reply.zxid, !reads_only && op.is_some_and(OpCode::is_write))
                }
                (None, Some((_, _, zxid))) => When::Write(*zxid),
                (reply, _) => panic!("{name} {}: answered by {reply:?}", request.xid),
            };
            let ask = ask(request.op, body);
            Asked { xid: request.xid, ask, frame: later_form(name, &frame), when }
        });
        let requests: VecDeque<Asked> = requests.collect();
        let closes = requests
            .back()
            .is_some_and(|last| matches!(last.ask, Ask::Request(Request::CloseSession)));
        let is_ended = closes || transcript.contains("EOFError");
        Recording { name, connect, requests, received, is_ended }
    }

    /// The server that gave out its session, and that server's clock when it gave out its first
    /// one; none if the session is of another connection, or of none.
    pub fn origin(&self) -> Option<(ServerId, WallMs)> {
        let request = ConnectRequest::decode(self.connect.slice(4..)).expect("a connect request");
        let SessionId(given) = session(self.received.first()?);
        let clock = given >> 16 & 0xff_ffff_ffff;
        (request.session == SessionId(0)).then_some((ServerId(given >> 56), WallMs(clock)))
    }

    /// The first zxid that its requests tell of.
    pub fn first_zxid(&self) -> Option<Zxid> {
        self.requests.iter().find_map(|request| match request.when {
            When::Write(zxid) | When::Read(zxid) => Some(zxid),
            When::Now => None,
        })
    }

    /// Adds the times of transactions that its stats tell of.
    pub fn add_times(&self, times: &mut BTreeMap<Zxid, WallMs>) {
        let asks: BTreeMap<Xid, &Ask> = self.requests.iter().map(|it| (it.xid, &it.ask)).collect();
        for frame in self.received.iter().skip(1) {
            let (header, body) = ReplyHeader::decode(frame.clone()).expect("a reply");
            let op = asks.get(&header.xid).and_then(|ask| OpCode::from_wire(ask.op()));
            let response = op.filter(|_| header.err == 0).map(|op| Response::decode(op, body));
            let Some(Ok(response)) = response else { continue };
            for stat in stats(&response) {
                times.entry(stat.czxid).or_insert(stat.ctime);
                times.entry(stat.mzxid).or_insert(stat.mtime);
            }
        }
    }
}

impl When {
    fn of(zxid: Zxid, is_write: bool) -> When {
        match zxid {
            Zxid(0 | u64::MAX) => When::Now,
            zxid if is_write => When::Write(zxid),
            zxid => When::Read(zxid),
        }
    }
}

/// A folder or file of the recordings.
pub fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name)
}

/// The header of a reply or event.
pub fn header(frame: &Bytes) -> ReplyHeader {
    ReplyHeader::decode(frame.clone()).expect("a reply").0
}

/// The session of a connect response.
fn session(frame: &Bytes) -> SessionId {
    ConnectResponse::decode(frame.clone()).expect("a connect response").session
}

fn frames(stream: Vec<u8>) -> VecDeque<Bytes> {
    let mut stream = Bytes::from(stream);
    let mut frames = VecDeque::new();
    while !stream.is_empty() {
        let length = stream.get_u32() as usize;
        frames.push_back(stream.split_to(length));
    }
    frames
}

fn framed(payload: &Bytes) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u32(payload.len() as u32);
    frame.put_slice(payload);
    frame.freeze()
}

fn ask(op: i32, body: Bytes) -> Ask {
    match (Request::decode(op, body.clone()), OpCode::from_wire(op)) {
        (Ok(request), _) => Ask::Request(request),
        (Err(_), Some(op)) => Ask::Malformed(op, body),
        (Err(_), None) => Ask::Unknown(op),
    }
}

/// Since 3.9 a persistent watch is taken back by a type of its own; 3.8.0 took its half.
fn later_form(name: &str, frame: &Bytes) -> Bytes {
    let (request, body) = RequestHeader::decode(frame.clone()).expect("a request");
    if (name, request.xid) != ("02-watches", Xid(14)) {
        return framed(frame);
    }
    let Ok(Request::RemoveWatches { path, kind: 1 }) = Request::decode(request.op, body) else {
        panic!("another request");
    };
    encode_request(request.xid, &Request::RemoveWatches { path, kind: 4 })
}

fn stats<'a>(response: &'a Response) -> Vec<&'a Stat> {
    match response {
        Response::Create2 { stat, .. }
        | Response::Stat(stat)
        | Response::Data { stat, .. }
        | Response::Acl { stat, .. }
        | Response::Children2 { stat, .. } => vec![stat],
        Response::Multi(results) => {
            let stat = |result: &'a MultiResult| match result {
                MultiResult::Create2 { stat, .. } | MultiResult::SetData { stat } => Some(stat),
                _ => None,
            };
            results.iter().filter_map(stat).collect()
        }
        Response::MultiRead(results) => {
            let stat = |result: &'a ReadResult| match result {
                ReadResult::Data { stat, .. } => Some(stat),
                _ => None,
            };
            results.iter().filter_map(stat).collect()
        }
        _ => Vec::new(),
    }
}
