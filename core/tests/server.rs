//! A standalone server at its boundary: bytes of a client in, effects out.

use bytes::Bytes;
use zablab_core::config::{
    Config, CrossEpoch, ElectionAlg, HostPort, Password, Proofs, Reaping, Rules, SessionRules,
};
use zablab_core::endpoint::Endpoint;
use zablab_core::limits::CLIENT_OUTSTANDING_MAX;
use zablab_core::policy::Correct;
use zablab_core::process::{Effect, Input, Out, PortKind, Process};
use zablab_core::storage::Recovered;
use zablab_core::tree::Database;
use zablab_core::txn::{Acl, Id};
use zablab_core::types::{ConnId, Mono, Now, ServerId, SessionId, Ticket, WallMs, Xid, Zxid};
use zablab_core::wire::client::{
    AuthRequest, ConnectRequest, ConnectResponse, CreateRequest, DeleteRequest, ErrorCode, OpCode,
    ReplyHeader, Request, Response, SetDataRequest, SetWatches, SetWatches2, WatcherEvent,
    XID_AUTH, XID_EVENT, XID_PING, XID_SET_WATCHES, encode_request,
};

const CLIENT: ConnId = ConnId(1);
const OTHER: ConnId = ConnId(2);

struct Server {
    endpoint: Endpoint<Correct>,
    now: Now,
}

impl Server {
    fn start() -> Server {
        Server::with_proofs(Proofs::default())
    }

    fn with_proofs(proofs: Proofs) -> Server {
        Server::with(proofs, zablab_core::limits::JUTE_MAX_BUFFER)
    }

    fn with(proofs: Proofs, jute_max_buffer: usize) -> Server {
        let config = Config {
            me: ServerId(0),
            ensemble: None,
            next: None,
            own: None,
            file: String::from("zoo.cfg"),
            tick_time_ms: 2000,
            init_limit: 10,
            sync_limit: 5,
            client_addr: HostPort { host: String::from("127.0.0.1"), port: 2181 },
            min_session_timeout_ms: 4000,
            max_session_timeout_ms: 40_000,
            jute_max_buffer,
            max_client_cnxns: 60,
            snap_count: 100_000,
            commit_log_count: 500,
            sync_quorum: false,
            autocreate: true,
            log_diff_percent: zablab_core::limits::LOG_DIFF_PERCENT,
            cross_epoch: CrossEpoch::Snap,
            election: ElectionAlg::Fast,
            rules: Rules { extended_types: true, ..Rules::default() },
            sessions: SessionRules::default(),
            super_digest: Some(String::from("super:xQJmxLMiHGwaqBvst5y6rkB6HQs=")),
            proofs,
            reaping: Reaping::default(),
        };
        let recovered = Recovered::of_snapshot(Database::genesis());
        let endpoint = Endpoint::new(config, recovered, 1, Correct);
        let now = Now { mono: Mono(0), wall: WallMs(1_000_000) };
        let mut server = Server { endpoint, now };
        server.give(Input::Start);
        server
    }

    fn give(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Out::new(false);
        self.endpoint.handle(self.now, input, &mut out);
        out.effects
    }

    fn bytes(&mut self, conn: ConnId, chunk: Bytes) -> Vec<Effect> {
        self.give(Input::Bytes { conn, chunk })
    }

    fn call(&mut self, conn: ConnId, request: &ConnectRequest) -> Vec<Effect> {
        let remote = String::from("127.0.0.1:40000");
        self.give(Input::ConnUp { conn, port: PortKind::Client, remote, subject: None });
        self.bytes(conn, request.encode())
    }

    fn sync_disk(&mut self, effects: &[Effect]) -> Vec<Effect> {
        let tickets = effects.iter().filter_map(|effect| match effect {
            Effect::Persist { ticket, .. } => Some(*ticket),
            _ => None,
        });
        let through: Ticket = tickets.max().expect("something was written");
        self.give(Input::Persisted { through })
    }

    /// A client with a new session.
    fn connect(&mut self) -> ConnectResponse {
        let written = self.call(CLIENT, &connect_request(SessionId(0), None));
        assert!(replies(&written, CLIENT).is_empty(), "answered before the session is durable");
        let answered = self.sync_disk(&written);
        let frame = replies(&answered, CLIENT).remove(0);
        ConnectResponse::decode(frame.slice(4..)).expect("a connect response")
    }
}

fn connect_request(session: SessionId, password: Option<Bytes>) -> ConnectRequest {
    ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: Zxid::ZERO,
        timeout_ms: 10_000,
        session,
        password,
        read_only: Some(false),
    }
}

fn create(path: &str) -> Request {
    let id = Id { scheme: String::from("world"), id: String::from("anyone") };
    let acl = vec![Acl { perms: 31, id }];
    Request::Create(CreateRequest { path: path.into(), data: None, acl, flags: 0 })
}

fn exists(path: &str) -> Request {
    Request::Exists { path: path.into(), watch: false }
}

/// The frames sent on one connection.
fn replies(effects: &[Effect], to: ConnId) -> Vec<Bytes> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Send { conn, parts } if *conn == to => Some(Bytes::from(parts.concat())),
        _ => None,
    });
    sent.collect()
}

fn header(frame: &Bytes) -> ReplyHeader {
    ReplyHeader::decode(frame.slice(4..)).expect("a reply").0
}

fn is_hung_up(effects: &[Effect], on: ConnId) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Disconnect { conn } if *conn == on))
}

#[test]
fn a_write_is_answered_when_it_is_durable_and_reads_wait_behind_it() {
    let mut server = Server::start();
    server.connect();
    let written = server.bytes(CLIENT, encode_request(Xid(1), &create("/a")));
    let read = server.bytes(CLIENT, encode_request(Xid(2), &exists("/a")));
    assert!(replies(&written, CLIENT).is_empty());
    assert!(replies(&read, CLIENT).is_empty());

    let answered = replies(&server.sync_disk(&written), CLIENT);
    let headers: Vec<_> = answered.iter().map(header).map(|h| (h.xid, h.zxid, h.err)).collect();
    assert_eq!(headers, [(Xid(1), Zxid(2), 0), (Xid(2), Zxid(2), 0)]);
    let body = ReplyHeader::decode(answered[0].slice(4..)).expect("a reply").1;
    assert_eq!(Response::decode(OpCode::Create, body), Ok(Response::Create { path: "/a".into() }));
}

/// The disk may make both writes durable at once; the sync between them is answered between them.
#[test]
fn a_sync_is_answered_in_its_place_among_the_writes_of_its_client() {
    let mut server = Server::start();
    server.connect();
    let sync = Request::Sync { path: "/a".into() };
    let asked = [(1, create("/a")), (2, sync), (3, create("/b")), (4, exists("/b"))];
    let frames = asked.map(|(xid, request)| encode_request(Xid(xid), &request));
    let written = server.bytes(CLIENT, frames.concat().into());
    let answered = replies(&server.sync_disk(&written), CLIENT);
    let headers: Vec<_> = answered.iter().map(header).map(|h| (h.xid, h.zxid, h.err)).collect();
    let zxids = [(1, 2), (2, 2), (3, 3), (4, 3)];
    assert_eq!(headers, zxids.map(|(xid, zxid)| (Xid(xid), Zxid(zxid), 0)));
}

#[test]
fn a_client_with_too_much_under_way_is_not_read_until_half_is_answered() {
    let mut server = Server::start();
    server.connect();
    let written = server.bytes(CLIENT, encode_request(Xid(1), &create("/a")));
    // One chunk holds more requests than may wait.
    let total = CLIENT_OUTSTANDING_MAX + 200;
    let mut chunk = Vec::new();
    for xid in 2..=total {
        let xid = Xid(i32::try_from(xid).expect("a small number"));
        chunk.extend_from_slice(&encode_request(xid, &exists("/a")));
    }
    let paused = server.bytes(CLIENT, chunk.into());
    assert!(matches!(paused[..], [Effect::PauseReads { conn: CLIENT }]));
    assert_eq!(server.endpoint.view().clients[0].outstanding, CLIENT_OUTSTANDING_MAX as u64);

    // What was read but not looked at is taken up again, and nothing is lost or reordered.
    let answered = server.sync_disk(&written);
    assert!(answered.iter().any(|e| matches!(e, Effect::ResumeReads { conn: CLIENT })));
    let xids: Vec<i32> = replies(&answered, CLIENT).iter().map(|f| header(f).xid.0).collect();
    let all: Vec<i32> = (1..=i32::try_from(total).expect("a small number")).collect();
    assert_eq!(xids, all);
}

#[test]
fn a_session_goes_on_with_its_password_only_and_on_its_last_connection() {
    let mut server = Server::start();
    let first = server.connect();
    let (session, password) = (first.session, first.password);

    let wrong = server.call(OTHER, &connect_request(session, Some(Bytes::from_static(&[7; 16]))));
    let refusal = replies(&wrong, OTHER).remove(0);
    let refusal = ConnectResponse::decode(refusal.slice(4..)).expect("a connect response");
    assert_eq!((refusal.session, refusal.timeout_ms), (SessionId(0), 0));
    assert!(is_hung_up(&wrong, OTHER));

    let right = server.call(OTHER, &connect_request(session, password));
    assert!(is_hung_up(&right, CLIENT), "a session has one connection");
    let renewed = replies(&right, OTHER).remove(0);
    let renewed = ConnectResponse::decode(renewed.slice(4..)).expect("a connect response");
    assert_eq!((renewed.session, renewed.timeout_ms), (session, 10_000));
}

#[test]
fn a_client_from_the_future_is_turned_away() {
    let mut server = Server::start();
    let mut request = connect_request(SessionId(0), None);
    request.last_zxid_seen = Zxid(9);
    let refused = server.call(CLIENT, &request);
    assert!(replies(&refused, CLIENT).is_empty());
    assert!(is_hung_up(&refused, CLIENT));
}

#[test]
fn unknown_and_lonely_operations_are_answered_with_minus_six() {
    let mut server = Server::start();
    server.connect();
    let check = Request::decode(13, Bytes::from_static(b"\0\0\0\x02/a\0\0\0\0"));
    let lonely = server.bytes(CLIENT, encode_request(Xid(1), &check.expect("a check")));
    let header_of = |effects: &[Effect]| header(&replies(effects, CLIENT)[0]);
    assert_eq!(header_of(&lonely).err, ErrorCode::Unimplemented.to_wire());
    assert!(!is_hung_up(&lonely, CLIENT));

    let unknown = server.bytes(CLIENT, Bytes::from_static(b"\0\0\0\x08\0\0\0\x02\0\0\x03\xe7"));
    assert_eq!(header_of(&unknown).err, ErrorCode::Unimplemented.to_wire());
    assert_eq!(header_of(&unknown).zxid, Zxid(u64::MAX));
    assert!(is_hung_up(&unknown, CLIENT));
}

#[test]
fn a_four_letter_word_is_handed_to_the_driver_however_it_is_cut() {
    let mut server = Server::start();
    let remote = String::from("127.0.0.1:40000");
    let subject = None;
    server.give(Input::ConnUp { conn: CLIENT, port: PortKind::Client, remote, subject });
    assert!(server.bytes(CLIENT, Bytes::from_static(b"sr")).is_empty());
    let handed = server.bytes(CLIENT, Bytes::from_static(b"vr"));
    let [Effect::Command { conn: CLIENT, word, argument: 0 }] = handed[..] else {
        panic!("{handed:?}")
    };
    assert_eq!(&word, b"srvr");
    assert!(server.endpoint.view().clients.is_empty());

    let (remote, subject) = (String::from("127.0.0.1:40000"), None);
    server.give(Input::ConnUp { conn: CLIENT, port: PortKind::Client, remote, subject });
    assert!(server.bytes(CLIENT, Bytes::from_static(b"stmk\0\0\0\0\0\0\x01")).is_empty());
    let handed = server.bytes(CLIENT, Bytes::from_static(b"\x32"));
    let [Effect::Command { conn: CLIENT, word, argument: 0x132 }] = handed[..] else {
        panic!("{handed:?}")
    };
    assert_eq!(&word, b"stmk");
}

#[test]
fn a_session_that_is_silent_ends_with_its_ephemerals() {
    let mut server = Server::start();
    server.connect();
    let mut ephemeral = create("/e");
    if let Request::Create(create) = &mut ephemeral {
        create.flags = 1;
    }
    let written = server.bytes(CLIENT, encode_request(Xid(1), &ephemeral));
    server.sync_disk(&written);
    assert_eq!(server.endpoint.view().ephemeral_count, 1);

    server.now.mono = server.endpoint.deadline().expect("a session may expire");
    let expiry = server.give(Input::Tick);
    let ended = server.sync_disk(&expiry);
    assert!(is_hung_up(&ended, CLIENT));
    let view = server.endpoint.view();
    assert_eq!((view.ephemeral_count, view.sessions.len()), (0, 0));
}

#[test]
fn a_failed_write_stops_the_server() {
    let mut server = Server::start();
    server.connect();
    server.bytes(CLIENT, encode_request(Xid(1), &create("/a")));
    let error = String::from("No space left on device");
    let halted = server.give(Input::PersistFailed { ticket: Ticket(2), error });
    assert!(is_hung_up(&halted, CLIENT));
    assert!(matches!(&halted[..], [.., Effect::Halt { why }] if why.contains("No space left")));
    assert!(replies(&halted, CLIENT).is_empty());
}

#[test]
fn a_container_goes_when_its_last_child_has_gone_and_watchers_are_told() {
    let mut server = Server::start();
    server.connect();
    let flags = |path: &str| match create(path) {
        Request::Create(create) => create,
        other => panic!("{other:?}"),
    };
    let delete = DeleteRequest { path: "/c/x".into(), version: -1 };
    for (at, request) in
        [Request::CreateContainer(flags("/c")), create("/c/x"), Request::Delete(delete)]
            .iter()
            .enumerate()
    {
        let written = server.bytes(CLIENT, encode_request(Xid(at as i32 + 1), request));
        server.sync_disk(&written);
    }
    let watch = Request::GetChildren { path: "/".into(), watch: true };
    server.bytes(CLIENT, encode_request(Xid(9), &watch));
    for ms in [8_000, 16_000, 24_000, 32_000, 40_000, 48_000, 56_000, 60_000] {
        server.now.mono = Mono(ms * 1000);
        server.bytes(CLIENT, encode_request(XID_PING, &Request::Ping));
    }
    assert_eq!(server.endpoint.deadline(), Some(server.now.mono));
    let reaped = server.give(Input::Tick);
    let told = replies(&server.sync_disk(&reaped), CLIENT);
    let (header, body) = ReplyHeader::decode(told[0].slice(4..)).expect("an event");
    let event = WatcherEvent::decode(body).expect("an event");
    assert_eq!((header.xid, event.kind, &*event.path), (XID_EVENT, 4, "/"));
    assert!(server.endpoint.database().tree.get("/c").is_none());
    let reap = Request::DeleteContainer { path: "/zookeeper".into() };
    let refused = server.bytes(CLIENT, encode_request(Xid(10), &reap));
    assert_eq!(self::header(&replies(&refused, CLIENT)[0]).err, -6);
}

#[test]
fn credentials_hold_from_then_on_and_wrong_ones_end_the_connection() {
    let mut server = Server::start();
    server.connect();
    let auth = |scheme: &str, secret: &'static [u8]| {
        let (scheme, auth) = (scheme.into(), Some(Bytes::from_static(secret)));
        Request::Auth(AuthRequest { scheme, auth })
    };
    // A write is under way; credentials do not wait for it.
    let written = server.bytes(CLIENT, encode_request(Xid(1), &create("/a")));
    for _ in 0..2 {
        let request = encode_request(XID_AUTH, &auth("digest", b"super:admin"));
        let answered = server.bytes(CLIENT, request);
        let answer = header(&replies(&answered, CLIENT)[0]);
        assert_eq!((answer.xid, answer.zxid, answer.err), (XID_AUTH, Zxid::ZERO, 0));
    }
    server.sync_disk(&written);
    let who = server.bytes(CLIENT, encode_request(Xid(2), &Request::WhoAmI));
    let (_, body) = ReplyHeader::decode(replies(&who, CLIENT)[0].slice(4..)).expect("a reply");
    let Ok(Response::Identities(infos)) = Response::decode(OpCode::WhoAmI, body) else { panic!() };
    let infos: Vec<(&str, &str)> = infos.iter().map(|it| (&*it.scheme, &*it.user)).collect();
    assert_eq!(infos, [("digest", "super"), ("super", ""), ("ip", "127.0.0.1")]);

    let refused = server.bytes(CLIENT, encode_request(XID_AUTH, &auth("nonsense", b"x")));
    assert_eq!(header(&replies(&refused, CLIENT)[0]).err, ErrorCode::AuthFailed.to_wire());
    assert!(is_hung_up(&refused, CLIENT));
}

#[test]
fn a_watch_tells_only_what_its_connection_may_read() {
    let mut server = Server::start();
    server.connect();
    let mut secret = create("/a");
    if let Request::Create(create) = &mut secret {
        create.acl[0].perms = 2;
    }
    let add = |path: &str| Request::AddWatch { path: path.into(), mode: 1 };
    server.bytes(CLIENT, encode_request(Xid(1), &add("/")));
    let written = server.bytes(CLIENT, encode_request(Xid(2), &secret));
    let xids: Vec<Xid> =
        replies(&server.sync_disk(&written), CLIENT).iter().map(|it| header(it).xid).collect();
    assert_eq!(xids, [Xid(2)], "no event");
    let written = server.bytes(CLIENT, encode_request(Xid(3), &create("/b")));
    let xids: Vec<Xid> =
        replies(&server.sync_disk(&written), CLIENT).iter().map(|it| header(it).xid).collect();
    assert_eq!(xids, [XID_EVENT, Xid(3)], "the event comes first");
}

/// As Java's client sends a list that names nobody.
#[test]
fn a_list_with_an_identity_of_null_is_refused() {
    let mut server = Server::start();
    server.connect();
    let mut frame = Vec::from(38_i32.to_be_bytes());
    for number in [1, 1, 2] {
        frame.extend(i32::to_be_bytes(number)); // xid, create, the length of the path
    }
    frame.extend(b"/a");
    for number in [-1, 1, 31, -1, -1, 0] {
        frame.extend(i32::to_be_bytes(number)); // data, one entry, its identity, flags
    }
    let written = server.bytes(CLIENT, frame.into());
    let answered = server.sync_disk(&written);
    assert_eq!(header(&replies(&answered, CLIENT)[0]).err, ErrorCode::InvalidAcl.to_wire());
}

#[test]
fn a_client_may_send_as_much_as_jute_maxbuffer_says() {
    for (jute_max_buffer, passes) in [(4096, true), (4095, false)] {
        let mut server = Server::with(Proofs::default(), jute_max_buffer);
        server.connect();
        let sent = server.bytes(CLIENT, 4096_i32.to_be_bytes().to_vec().into());
        assert_eq!(is_hung_up(&sent, CLIENT), !passes, "{jute_max_buffer}");
    }
}

/// A client that connects again is told what it missed, of data, of what was made, and of
/// children: before the reply, of no transaction, and whatever the lists say.
#[test]
fn missed_changes_are_told_before_the_watches_are_confirmed() {
    for again in [false, true] {
        let mut server = Server::start();
        server.connect();
        for (at, path) in ["/a", "/secret"].into_iter().enumerate() {
            let mut made = create(path);
            if let Request::Create(create) = &mut made {
                create.acl[0].perms = if path == "/secret" { 2 } else { 31 };
            }
            let written = server.bytes(CLIENT, encode_request(Xid(at as i32 + 1), &made));
            server.sync_disk(&written);
        }
        let paths = |paths: [&str; 3]| paths.map(Into::into).to_vec();
        let once = SetWatches {
            relative_zxid: Zxid(1),
            data_watches: paths(["/secret", "/gone", "/zookeeper"]),
            exist_watches: paths(["/gone", "/a", "/secret"]),
            child_watches: paths(["/gone", "/a", "/zookeeper"]),
        };
        let (persistent_watches, recursive_watches) = (paths(["/a", "/a", "/gone"]), Vec::new());
        let request = match again {
            true => {
                Request::SetWatches2(SetWatches2 { once, persistent_watches, recursive_watches })
            }
            false => Request::SetWatches(once),
        };
        let told =
            replies(&server.bytes(CLIENT, encode_request(XID_SET_WATCHES, &request)), CLIENT);
        let (reply, events) = told.split_last().expect("it is answered");
        let ReplyHeader { xid, err, .. } = header(reply);
        assert_eq!((xid, err), (XID_SET_WATCHES, 0));
        let events = events.iter().map(|frame| {
            let (header, body) = ReplyHeader::decode(frame.slice(4..)).expect("an event");
            assert_eq!((header.xid, header.zxid.to_wire(), header.err), (XID_EVENT, -1, 0));
            let event = WatcherEvent::decode(body).expect("an event");
            (event.kind, event.path.to_string())
        });
        let expected = [
            (3, "/secret"), // data
            (2, "/gone"),
            (1, "/a"), // exist
            (1, "/secret"),
            (2, "/gone"), // child
            (4, "/a"),
        ];
        let expected = expected.map(|(kind, path)| (kind, path.to_string()));
        assert_eq!(events.collect::<Vec<_>>(), expected);
        // What was told is not watched any more; what stays is.
        let set = SetDataRequest { path: "/a".into(), data: None, version: -1 };
        let written = server.bytes(CLIENT, encode_request(Xid(3), &Request::SetData(set)));
        let told = replies(&server.sync_disk(&written), CLIENT);
        assert_eq!(told.len(), if again { 2 } else { 1 });
    }
}

/// The exchange that pure-sasl and Java's client have with this nonce, from an independent hash.
const NONCE: &str = "Hj/ff77ExpkfPVTpGg649mGsr/A=";
const GOOD: &str = "eafeb674eecf5de0e33695541d9ca676";
const PROOF: &str = "rspauth=bc6144b7e54f4e0ac55a58aa3cec14e7";

fn with_bob(required: bool) -> Server {
    let users = [(String::from("bob"), Password::new("bobsecret"))].into();
    let required = required.then(|| String::from("sasl"));
    Server::with_proofs(Proofs {
        sasl_users: Some(users),
        required_schemes: required.into_iter().collect(),
        ..Proofs::default()
    })
}

fn sasl_request(xid: i32, token: &str) -> Bytes {
    let length = 12 + token.len() as i32;
    let mut frame = Vec::from(length.to_be_bytes());
    for number in [xid, 102, token.len() as i32] {
        frame.extend(number.to_be_bytes());
    }
    frame.extend(token.as_bytes());
    frame.into()
}

fn response(hash: &str) -> String {
    format!(
        "charset=utf-8,username=\"bob\",realm=\"zk-sasl-md5\",nonce=\"{NONCE}\",nc=00000001,\
         cnonce=\"OA6MHXh6VqTrRk\",digest-uri=\"zookeeper/zk-sasl-md5\",maxbuf=65536,\
         response={hash},qop=auth"
    )
}

/// The token of the only reply, which has this error and no zxid.
fn sasl_token(effects: &[Effect], xid: i32, err: i32) -> Bytes {
    let sent = replies(effects, CLIENT);
    let [frame] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(header(frame), ReplyHeader { xid: Xid(xid), zxid: Zxid::ZERO, err });
    frame.slice(20..)
}

#[test]
fn sasl_proves_who_a_client_is() {
    let mut server = with_bob(true);
    server.connect();
    let challenge = server.bytes(CLIENT, sasl_request(1, ""));
    let expected =
        format!("realm=\"zk-sasl-md5\",nonce=\"{NONCE}\",charset=utf-8,algorithm=md5-sess");
    assert_eq!(sasl_token(&challenge, 1, 0).slice(4..), expected.as_bytes());
    let proved = server.bytes(CLIENT, sasl_request(2, &response(GOOD)));
    assert_eq!(sasl_token(&proved, 2, 0).slice(4..), PROOF.as_bytes());
    let whoami = server.bytes(CLIENT, encode_request(Xid(3), &Request::WhoAmI));
    let frame = replies(&whoami, CLIENT).remove(0);
    assert_eq!(header(&frame).err, 0);
    let text = String::from_utf8_lossy(&frame).into_owned();
    assert!(text.contains("sasl\0\0\0\u{3}bob"), "{text:?}");
}

#[test]
fn a_wrong_proof_ends_the_connection() {
    for (required, error) in [(false, -115), (true, -124)] {
        let mut server = with_bob(required);
        server.connect();
        server.bytes(CLIENT, sasl_request(1, ""));
        let refused = server.bytes(CLIENT, sasl_request(2, &response(&GOOD.replace('a', "b"))));
        assert_eq!(sasl_token(&refused, 2, error), [0xff; 4][..], "a null token");
        assert!(is_hung_up(&refused, CLIENT));
    }
}

#[test]
fn who_owes_a_proof_is_served_nothing_before() {
    let mut server = with_bob(true);
    server.connect();
    let refused = server.bytes(CLIENT, encode_request(Xid(1), &exists("/")));
    assert_eq!(header(&replies(&refused, CLIENT).remove(0)).err, -124);
    assert!(is_hung_up(&refused, CLIENT));
}
