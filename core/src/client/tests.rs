//! A session at its boundary: inputs in, effects out, with a server's bytes made by hand.

use alloc::vec;
use alloc::vec::Vec;
use bytes::{Buf, Bytes};
use proptest::prelude::*;

use super::*;
use crate::process::{Out, Process};
use crate::types::{Mono, Now, WallMs, Xid};
use crate::wire::client::{
    AuthRequest, ConnectRequest, ConnectResponse, ErrorCode, RequestHeader, WatcherEvent, XID_AUTH,
    XID_PING, XID_SET_WATCHES, encode_event, encode_reply,
};

const TIMEOUT_MS: u32 = 30_000;
const NEGOTIATED_MS: u32 = 12_000;
const SESSION: SessionId = SessionId(0x0100_0011_c8f2_0000);
const PASSWORD: &[u8] = &[7; 16];

/// A session with its clock, and the effects not looked at yet.
struct Rig {
    session: Session,
    now_ms: u64,
    conn: ConnId,
    server: usize,
}

impl Rig {
    fn new(server_count: usize) -> Rig {
        let session =
            Session::new(Settings { server_count, timeout_ms: TIMEOUT_MS, read_only: false }, 5);
        Rig { session, now_ms: 0, conn: ConnId(0), server: 0 }
    }

    /// One with a session on its first server.
    fn connected(server_count: usize) -> Rig {
        let mut rig = Rig::new(server_count);
        let effects = rig.input(Input::Start);
        rig.dialed(&effects);
        rig.take_session(SESSION);
        rig
    }

    fn input(&mut self, input: Input) -> Vec<Effect> {
        let mono = Mono(0).plus_ms(self.now_ms);
        let mut out = Out::new(false);
        self.session.handle(Now { mono, wall: WallMs(0) }, input, &mut out);
        out.effects
    }

    fn bytes(&mut self, chunk: Bytes) -> Vec<Effect> {
        self.input(Input::Bytes { conn: self.conn, chunk })
    }

    fn submit(&mut self, call: u64, request: Request) -> Vec<Effect> {
        self.input(Input::Submit { call: CallId(call), request })
    }

    fn reply(&mut self, xid: i32, zxid: u64, err: i32, body: &Response) -> Vec<Effect> {
        self.bytes(encode_reply(Xid(xid), Zxid(zxid), err, body))
    }

    /// Time passes until the deadline.
    fn deadline(&mut self) -> Vec<Effect> {
        self.now_ms = self.session.deadline().expect("a timer is armed").as_ms();
        self.input(Input::Tick)
    }

    /// The only effect is a new connection.
    fn dialed(&mut self, effects: &[Effect]) {
        let [Effect::Connect { conn, server }] = effects else { panic!("{effects:?}") };
        (self.conn, self.server) = (*conn, *server);
    }

    /// The connection stands and the server gives `session`; effects after the connect request.
    fn take_session(&mut self, session: SessionId) -> Vec<Effect> {
        let effects = self.input(Input::ConnUp { conn: self.conn });
        assert!(matches!(effects[..], [Effect::Send { .. }]), "{effects:?}");
        let response = ConnectResponse {
            protocol_version: 0,
            timeout_ms: if session.0 == 0 { 0 } else { NEGOTIATED_MS as i32 },
            session,
            password: Some(Bytes::from_static(PASSWORD)),
            read_only: Some(false),
        };
        self.bytes(response.encode())
    }

    fn down(&mut self) -> Vec<Effect> {
        self.input(Input::ConnDown { conn: self.conn })
    }
}

fn get(path: &str, watch: bool) -> Request {
    Request::GetData { path: Path::from(path), watch }
}

fn exists(path: &str) -> Request {
    Request::Exists { path: Path::from(path), watch: true }
}

fn children(path: &str) -> Request {
    Request::GetChildren { path: Path::from(path), watch: true }
}

fn sync(path: &str) -> Request {
    Request::Sync { path: Path::from(path) }
}

fn synced(path: &str) -> Response {
    Response::Sync { path: Path::from(path) }
}

/// The payload of a frame.
fn payload(frame: &Bytes) -> Bytes {
    let mut frame = frame.clone();
    assert_eq!(frame.get_i32() as usize, frame.len());
    frame
}

/// The requests that `effects` send, by number.
fn sent(effects: &[Effect]) -> Vec<(i32, Request)> {
    let frames = effects.iter().filter_map(|effect| match effect {
        Effect::Send { frame, .. } => Some(payload(frame)),
        _ => None,
    });
    let decoded = frames.map(|frame| {
        let (header, body) = RequestHeader::decode(frame).expect("it has a header");
        (header.xid.0, Request::decode(header.op, body).expect("it has a body"))
    });
    decoded.collect()
}

fn returned(call: u64, zxid: Option<u64>, result: Result<Response, CallError>) -> Effect {
    Effect::Returned { call: CallId(call), zxid: zxid.map(Zxid), result }
}

fn changed(state: SessionState) -> Effect {
    Effect::StateChanged { state }
}

#[test]
fn the_handshake_is_that_of_a_java_client() {
    let mut rig = Rig::new(1);
    let effects = rig.input(Input::Start);
    rig.dialed(&effects);
    let effects = rig.input(Input::ConnUp { conn: rig.conn });
    let [Effect::Send { frame, .. }] = &effects[..] else { panic!("{effects:?}") };
    let mut recorded = vec![0, 0, 0, 45];
    recorded.extend([0; 12]);
    recorded.extend([0, 0, 0x75, 0x30]);
    recorded.extend([0; 8]);
    recorded.extend([0, 0, 0, 16]);
    recorded.extend([0; 17]);
    assert_eq!(frame[..], recorded);

    let mut rig = Rig::new(1);
    let effects = rig.input(Input::Start);
    rig.dialed(&effects);
    let connected = SessionState::Connected { session: SESSION, server: 0 };
    assert_eq!(rig.take_session(SESSION), [changed(connected)]);
    assert_eq!(rig.session.view().timeout_ms, NEGOTIATED_MS);
}

#[test]
fn requests_are_sent_and_returned_in_order() {
    let mut rig = Rig::new(1);
    assert_eq!(rig.submit(10, sync("/a")), []);
    let effects = rig.input(Input::Start);
    rig.dialed(&effects);
    assert_eq!(rig.submit(11, sync("/b")), []);
    let effects = rig.take_session(SESSION);
    assert_eq!(sent(&effects), [(1, sync("/a")), (2, sync("/b"))]);
    assert_eq!(sent(&rig.submit(12, get("/c", false))), [(3, get("/c", false))]);
    assert_eq!(rig.reply(1, 5, 0, &synced("/a")), [returned(10, Some(5), Ok(synced("/a")))]);
    assert_eq!(rig.reply(2, 5, 0, &synced("/b")), [returned(11, Some(5), Ok(synced("/b")))]);
    let refused = Err(CallError::Refused { code: -101 });
    assert_eq!(rig.reply(3, 6, -101, &Response::Empty), [returned(12, Some(6), refused)]);
    assert_eq!(rig.session.view().last_zxid_seen, Zxid(6));
}

#[test]
fn silence_is_broken_by_a_ping_and_then_by_giving_up() {
    let mut rig = Rig::connected(2);
    let effects = rig.deadline();
    assert_eq!((rig.now_ms, sent(&effects)), (4_000, vec![(-2, Request::Ping)]));
    rig.now_ms = 5_000;
    assert_eq!(rig.reply(XID_PING.0, 1, 0, &Response::Empty), []);
    assert_eq!(sent(&rig.deadline()), [(-2, Request::Ping)]);
    assert_eq!(rig.now_ms, 8_000);
    assert_eq!(sent(&rig.deadline()), [(-2, Request::Ping)]);
    let effects = rig.deadline();
    assert_eq!(rig.now_ms, 5_000 + 8_000, "two thirds of the timeout after the last byte");
    assert_eq!(effects[0], Effect::Disconnect { conn: rig.conn });
    assert_eq!(effects[1], changed(SessionState::Connecting));
    let first = rig.server;
    rig.dialed(&effects[2..]);
    assert_ne!(rig.server, first);
}

#[test]
fn a_lost_connection_fails_what_was_sent_and_keeps_what_was_not() {
    let mut rig = Rig::connected(2);
    rig.submit(1, sync("/a"));
    rig.reply(1, 9, 0, &synced("/a"));
    rig.submit(2, sync("/b"));
    let effects = rig.down();
    assert_eq!(effects[0], returned(2, None, Err(CallError::ConnectionLoss)));
    rig.dialed(&effects[2..]);
    assert_eq!(rig.submit(3, sync("/c")), []);

    let effects = rig.input(Input::ConnUp { conn: rig.conn });
    let [Effect::Send { frame, .. }] = &effects[..] else { panic!("{effects:?}") };
    let request = ConnectRequest::decode(payload(frame)).expect("it is a connect request");
    assert_eq!((request.session, request.last_zxid_seen), (SESSION, Zxid(9)));
    assert_eq!(request.password.as_deref(), Some(PASSWORD));
    assert_eq!(request.timeout_ms, NEGOTIATED_MS as i32);

    let effects = rig.down();
    rig.dialed(&effects);
    assert_eq!(sent(&rig.take_session(SESSION)), [(3, sync("/c"))]);
}

#[test]
fn every_server_is_tried_before_a_pause() {
    let mut rig = Rig::new(3);
    let effects = rig.input(Input::Start);
    rig.dialed(&effects);
    let first = rig.server;
    for step in 1..3 {
        let effects = rig.down();
        rig.dialed(&effects);
        assert_eq!(rig.server, (first + step) % 3);
    }
    assert_eq!(rig.down(), []);
    let effects = rig.deadline();
    assert!((1..=1_000).contains(&rig.now_ms), "{}", rig.now_ms);
    rig.dialed(&effects);
    assert_eq!(rig.server, first);

    let opened_at = rig.now_ms;
    let effects = rig.deadline();
    assert_eq!(rig.now_ms - opened_at, u64::from(TIMEOUT_MS) / 3);
    assert_eq!(effects[0], Effect::Disconnect { conn: rig.conn });
    rig.dialed(&effects[1..]);
}

#[test]
fn a_refused_session_has_expired_for_good() {
    let mut rig = Rig::connected(1);
    let effects = rig.down();
    rig.dialed(&effects[1..]);
    rig.submit(1, sync("/a"));
    let effects = rig.take_session(SessionId(0));
    let expired = Err(CallError::SessionExpired);
    let expected = [
        Effect::Disconnect { conn: rig.conn },
        returned(1, None, expired.clone()),
        changed(SessionState::Expired),
    ];
    assert_eq!(effects, expected);
    assert_eq!(rig.session.deadline(), None);
    assert_eq!(rig.submit(2, sync("/a")), [returned(2, None, expired)]);
}

#[test]
fn watches_fire_once_and_survive_a_reconnect() {
    let mut rig = Rig::connected(1);
    let stat = crate::wire::client::Stat::default();
    rig.submit(1, get("/a", true));
    rig.reply(1, 1, 0, &Response::Data { data: None, stat });
    rig.submit(2, exists("/missing"));
    rig.reply(2, 1, -101, &Response::Empty);
    rig.submit(3, children("/a"));
    rig.reply(3, 1, 0, &Response::Children(Vec::new()));
    rig.submit(4, get("/b", true));
    rig.reply(4, 1, -101, &Response::Empty);
    rig.submit(5, get("/a", false));
    rig.reply(5, 4, 0, &Response::Data { data: None, stat });
    assert_eq!(rig.session.view().watches.len(), 3, "a failed read sets no watch");

    let effects = rig.down();
    rig.dialed(&effects[1..]);
    let effects = rig.take_session(SESSION);
    let [(xid, Request::SetWatches(set))] = &sent(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((*xid, set.relative_zxid), (XID_SET_WATCHES.0, Zxid(4)));
    assert_eq!(set.data_watches, [Path::from("/a")]);
    assert_eq!(set.exist_watches, [Path::from("/missing")]);
    assert_eq!(set.child_watches, [Path::from("/a")]);
    assert_eq!(rig.reply(XID_SET_WATCHES.0, 4, 0, &Response::Empty), []);

    let event = WatcherEvent::new(EventType::NodeDeleted, Path::from("/a"));
    let fired = Effect::WatchEvent {
        kind: EventType::NodeDeleted,
        path: Path::from("/a"),
        zxid: Some(Zxid(5)),
        watchers: vec![CallId(1), CallId(3)],
    };
    assert_eq!(rig.bytes(encode_event(Zxid(5), &event)), [fired]);
    assert_eq!(rig.bytes(encode_event(Zxid(6), &event)), []);
    assert_eq!(rig.session.view().last_zxid_seen, Zxid(4), "only replies count");
}

#[test]
fn closing_waits_for_earlier_replies() {
    let mut rig = Rig::connected(1);
    rig.submit(1, sync("/a"));
    assert_eq!(sent(&rig.input(Input::Close)), [(2, Request::CloseSession)]);
    assert_eq!(rig.input(Input::Close), []);
    assert_eq!(rig.submit(2, sync("/b")), [returned(2, None, Err(CallError::Closed))]);
    assert_eq!(rig.reply(1, 1, 0, &synced("/a")), [returned(1, Some(1), Ok(synced("/a")))]);
    let effects = rig.reply(2, 2, 0, &Response::Empty);
    let expected = [Effect::Disconnect { conn: rig.conn }, changed(SessionState::Closed)];
    assert_eq!(effects, expected);
}

#[test]
fn closing_without_a_server_ends_at_once() {
    let mut rig = Rig::new(1);
    let effects = rig.input(Input::Start);
    rig.dialed(&effects);
    rig.submit(1, sync("/a"));
    let expected = [
        Effect::Disconnect { conn: rig.conn },
        returned(1, None, Err(CallError::Closed)),
        changed(SessionState::Closed),
    ];
    assert_eq!(rig.input(Input::Close), expected);

    let mut rig = Rig::connected(1);
    rig.submit(1, sync("/a"));
    rig.input(Input::Close);
    let lost = returned(1, None, Err(CallError::ConnectionLoss));
    assert_eq!(rig.down(), [lost, changed(SessionState::Closed)]);
}

#[test]
fn a_server_that_breaks_the_protocol_is_left() {
    let wrong_xid = encode_reply(Xid(9), Zxid(1), 0, &synced("/a"));
    let wrong_body = encode_reply(Xid(1), Zxid(1), 0, &Response::Empty);
    let wrong_length = Bytes::from_static(&[0xff; 4]);
    for chunk in [wrong_xid, wrong_body, wrong_length] {
        let mut rig = Rig::connected(1);
        rig.submit(1, sync("/a"));
        let effects = rig.bytes(chunk);
        assert_eq!(effects[0], Effect::Disconnect { conn: rig.conn });
        assert_eq!(effects[1], returned(1, None, Err(CallError::ConnectionLoss)));
    }
}

#[test]
fn an_old_connection_is_not_heard() {
    let mut rig = Rig::connected(2);
    let old = rig.conn;
    let effects = rig.down();
    rig.dialed(&effects[1..]);
    assert_eq!(rig.input(Input::ConnDown { conn: old }), []);
    let chunk = Bytes::from_static(&[0xff; 8]);
    assert_eq!(rig.input(Input::Bytes { conn: old, chunk }), []);
}

proptest! {
    #[test]
    fn no_bytes_of_a_server_panic(
        shaken: bool,
        frames in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 0..60),
            0..6),
        cut in 1usize..40,
    ) {
        let mut rig = Rig::new(1);
        let effects = rig.input(Input::Start);
        rig.dialed(&effects);
        if shaken {
            rig.take_session(SESSION);
            rig.submit(1, exists("/a"));
            rig.submit(2, children("/a"));
        } else {
            rig.input(Input::ConnUp { conn: rig.conn });
        }
        let mut stream = Vec::new();
        for frame in frames {
            stream.extend((frame.len() as i32).to_be_bytes());
            stream.extend(frame);
        }
        for chunk in stream.chunks(cut) {
            rig.bytes(Bytes::copy_from_slice(chunk));
        }
    }
}

fn credentials(secret: &'static str) -> Request {
    let auth = Some(Bytes::from_static(secret.as_bytes()));
    Request::Auth(AuthRequest { scheme: "digest".into(), auth })
}

#[test]
fn credentials_are_sent_on_each_connection_before_anything_else() {
    let mut rig = Rig::new(1);
    let effects = rig.input(Input::Start);
    rig.dialed(&effects);
    assert_eq!(rig.submit(1, get("/a", true)), []);
    assert_eq!(rig.submit(2, credentials("bob:secret")), []);
    let first = sent(&rig.take_session(SESSION));
    assert_eq!(first, [(XID_AUTH.0, credentials("bob:secret")), (1, get("/a", true))]);
    assert_eq!(
        rig.reply(XID_AUTH.0, 0, 0, &Response::Empty),
        [returned(2, None, Ok(Response::Empty))]
    );
    rig.reply(1, 5, 0, &Response::Data { data: None, stat: Default::default() });
    assert_eq!(sent(&rig.submit(3, credentials("eve:x"))), [(XID_AUTH.0, credentials("eve:x"))]);

    // The call is answered when a server has judged them, on whichever connection.
    let effects = rig.down();
    assert!(matches!(effects[..], [Effect::StateChanged { .. }, Effect::Connect { .. }]));
    rig.dialed(&effects[1..]);
    let again: Vec<i32> = sent(&rig.take_session(SESSION)).iter().map(|(xid, _)| *xid).collect();
    assert_eq!(again, [XID_AUTH.0, XID_AUTH.0, XID_SET_WATCHES.0]);
    assert_eq!(rig.reply(XID_AUTH.0, 0, 0, &Response::Empty), []);
    assert_eq!(
        rig.reply(XID_AUTH.0, 0, 0, &Response::Empty),
        [returned(3, None, Ok(Response::Empty))]
    );
}

#[test]
fn refused_credentials_end_the_session() {
    let mut rig = Rig::connected(1);
    rig.submit(1, sync("/a"));
    rig.submit(2, credentials("nobody"));
    let code = ErrorCode::AuthFailed.to_wire();
    let effects = rig.reply(XID_AUTH.0, 0, code, &Response::Empty);
    assert_eq!(
        effects,
        [
            returned(2, None, Err(CallError::Refused { code })),
            returned(1, None, Err(CallError::ConnectionLoss)),
            Effect::Disconnect { conn: rig.conn },
            changed(SessionState::AuthFailed),
        ]
    );
    assert_eq!(rig.submit(3, sync("/a")), [returned(3, None, Err(CallError::AuthFailed))]);
    assert_eq!(rig.session.deadline(), None);
}

#[test]
fn paths_are_below_the_chroot() {
    let mut rig = Rig::new(1);
    let chroot = Chroot::new("/app").expect("a chroot");
    rig.session = rig.session.clone().below(chroot);
    let effects = rig.input(Input::Start);
    rig.dialed(&effects);
    rig.take_session(SESSION);
    assert_eq!(sent(&rig.submit(1, sync("/a"))), [(1, sync("/app/a"))]);
    assert_eq!(rig.reply(1, 5, 0, &synced("/app/a")), [returned(1, Some(5), Ok(synced("/a")))]);
    assert_eq!(sent(&rig.submit(2, get("/", true))), [(2, get("/app", true))]);
    rig.reply(2, 5, 0, &Response::Data { data: None, stat: Default::default() });
    let event = WatcherEvent::new(EventType::NodeDataChanged, Path::from("/app"));
    let effects = rig.bytes(encode_event(Zxid(6), &event));
    let [Effect::WatchEvent { path, watchers, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((&**path, &watchers[..]), ("/", &[CallId(2)][..]));
}

#[test]
fn what_is_submitted_unrooted_has_the_servers_paths() {
    let mut rig = Rig::new(1);
    rig.session = rig.session.clone().below(Chroot::new("/app").expect("a chroot"));
    let effects = rig.input(Input::Start);
    rig.dialed(&effects);
    rig.take_session(SESSION);
    let unrooted = |call, path| Input::SubmitUnrooted { call: CallId(call), request: sync(path) };
    assert_eq!(sent(&rig.input(unrooted(1, "/a"))), [(1, sync("/a"))]);
    assert_eq!(rig.reply(1, 5, 0, &synced("/a")), [returned(1, Some(5), Ok(synced("/a")))]);
    assert_eq!(rig.input(unrooted(2, "a")), [returned(2, None, Err(CallError::BadPath))]);
}

#[test]
fn forgotten_watches_are_not_set_again() {
    let mut rig = Rig::connected(1);
    for (call, path) in [(1, "/a"), (2, "/b")] {
        rig.submit(call, get(path, true));
        rig.reply(call as i32, 1, 0, &Response::Data { data: None, stat: Default::default() });
    }
    let effects = rig.down();
    let forget = Input::Forget { path: Path::from("/a"), kind: WatcherType::Data };
    assert_eq!(rig.input(forget), []);
    rig.dialed(&effects[1..]);
    let effects = rig.take_session(SESSION);
    let [(_, Request::SetWatches(set))] = &sent(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(set.data_watches, [Path::from("/b")]);
}
