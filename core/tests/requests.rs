//! What requests become: the order of checks, the results in the transactions, and reads.

use bytes::Bytes;
use zablab_core::config::Rules;
use zablab_core::request::prep::{PrepContext, prep};
use zablab_core::request::read::{Read, ReadContext, read};
use zablab_core::tree::{ChangeKind, Database, Watch};
use zablab_core::txn::{Acl, CreateKind, CreateTxn, Id, Txn, TxnHeader};
use zablab_core::types::{Path, SessionId, WallMs, Xid, Zxid};
use zablab_core::wire::client::{
    CheckVersionRequest, ClientInfo, CreateRequest, CreateTtlRequest, DeleteRequest, ErrorCode,
    MultiOp, MultiResult, ReadOp, ReadResult, Request, Response, SetAclRequest, SetDataRequest,
};

const SESSION: SessionId = SessionId(0x100_0000_0000_0001);

fn id(scheme: &str, id: &str) -> Id {
    Id { scheme: scheme.into(), id: id.into() }
}

fn entry(scheme: &str, name: &str) -> Acl {
    Acl { perms: 31, id: id(scheme, name) }
}

fn create(path: &str, flags: i32) -> CreateRequest {
    CreateRequest { path: path.into(), data: None, acl: vec![entry("world", "anyone")], flags }
}

fn delete(path: &str, version: i32) -> DeleteRequest {
    DeleteRequest { path: path.into(), version }
}

fn set_data(path: &str, version: i32) -> SetDataRequest {
    SetDataRequest { path: path.into(), data: Some(Bytes::from_static(b"new")), version }
}

fn check(path: &str, version: i32) -> CheckVersionRequest {
    CheckVersionRequest { path: path.into(), version }
}

/// A server on which one session writes.
struct Server {
    database: Database,
    session: SessionId,
    rules: Rules,
}

impl Server {
    fn new() -> Server {
        let mut database = Database::genesis();
        database.sessions.insert(SESSION, 4000);
        Server {
            database,
            session: SESSION,
            rules: Rules {
                extended_types: true,
                names_sasl: true,
                names_x509: true,
                ..Rules::default()
            },
        }
    }

    /// One on which these znodes were made, in this order.
    fn with(paths: &[(&str, i32)]) -> Server {
        let mut server = Server::new();
        for (path, flags) in paths {
            server.write(Request::Create(create(path, *flags))).expect("it can be made");
        }
        server
    }

    fn header(&self) -> TxnHeader {
        let zxid = Zxid(self.database.last_zxid.0 + 1);
        TxnHeader { session: self.session, cxid: Xid(1), zxid, time: WallMs(zxid.0 as i64 * 1000) }
    }

    fn prep_as(&self, request: &Request, auth: &[Id]) -> Txn {
        let (header, rules) = (self.header(), self.rules);
        let context = PrepContext { header, auth, rules, is_local: false, members: None };
        prep(request, &context, &self.database, &mut Vec::new())
    }

    fn prep(&self, request: Request) -> Txn {
        self.prep_as(&request, &[])
    }

    fn write(&mut self, request: Request) -> Result<Response, i32> {
        let txn = self.prep(request);
        let applied = self.database.apply(&self.header(), &txn);
        if applied.error == 0 { Ok(applied.result) } else { Err(applied.error) }
    }

    fn read(&self, request: Request) -> Read {
        self.read_as(&request, &[])
    }

    fn read_as(&self, request: &Request, auth: &[Id]) -> Read {
        let context = ReadContext { session: self.session, auth, rules: self.rules };
        read(request, &context, &self.database)
    }
}

fn error(code: ErrorCode) -> Txn {
    Txn::Error(code.to_wire())
}

#[track_caller]
fn assert_create(server: &Server, path: &str, flags: i32, code: ErrorCode) {
    assert_eq!(server.prep(Request::Create(create(path, flags))), error(code), "{path}");
    let multi = server.prep(Request::Multi(vec![MultiOp::Create2(create(path, flags))]));
    assert_eq!(multi, Txn::Multi(vec![error(code)]), "{path} in a multi");
}

#[test]
fn checks_of_create_come_in_zookeepers_order() {
    let mut server = Server::with(&[("/a", 0), ("/e", 1)]);
    assert_create(&server, "x", 9, ErrorCode::BadArguments);
    assert_create(&server, "x", 0, ErrorCode::BadArguments);
    assert_create(&server, "/no\0/x", 0, ErrorCode::BadArguments);
    assert_create(&server, "/a//b", 0, ErrorCode::NoNode);
    assert_create(&server, "/a/./b", 0, ErrorCode::NoNode);
    assert_create(&server, "/nope/x", 0, ErrorCode::NoNode);
    assert_create(&server, "/a/", 0, ErrorCode::BadArguments);
    assert_create(&server, "//b", 0, ErrorCode::BadArguments);
    assert_create(&server, "/a/..", 0, ErrorCode::BadArguments);
    assert_create(&server, "/a", 0, ErrorCode::NodeExists);
    assert_create(&server, "/", 0, ErrorCode::NodeExists);
    assert_create(&server, "/e/x", 0, ErrorCode::NoChildrenForEphemerals);
    for flags in [-1, 5, 6, 7, 9] {
        assert_create(&server, "/ok", flags, ErrorCode::BadArguments);
    }
    let no_acl = |path: &str| Request::Create(CreateRequest { acl: vec![], ..create(path, 0) });
    assert_eq!(server.prep(no_acl("x")), error(ErrorCode::BadArguments));
    assert_eq!(server.prep(no_acl("/nope/x")), error(ErrorCode::InvalidAcl));
    server.session = SessionId(2);
    assert_create(&server, "x", 9, ErrorCode::BadArguments);
    assert_create(&server, "x", 0, ErrorCode::SessionExpired);
}

#[test]
fn a_create_carries_all_that_follows_from_it() {
    let mut server = Server::with(&[("/a", 0)]);
    let made = |path: &str, kind, ephemeral, parent_cversion| {
        let (path, acl) = (Path::from(path), vec![entry("world", "anyone")]);
        Txn::Create(CreateTxn { path, data: None, acl, kind, ephemeral, parent_cversion })
    };
    let plain = server.prep(Request::Create(create("/a/x", 0)));
    assert_eq!(plain, made("/a/x", CreateKind::Create, false, 1));
    let ephemeral = server.prep(Request::Create2(create("/a/x", 1)));
    assert_eq!(ephemeral, made("/a/x", CreateKind::Create2, true, 1));
    // The operation decides, not the flag of a container.
    let container = server.prep(Request::Create(create("/a/x", 4)));
    assert_eq!(container, made("/a/x", CreateKind::Create, false, 1));
    let result = server.write(Request::Create2(create("/a/x", 1)));
    let Ok(Response::Create2 { path, stat }) = result else { panic!("{result:?}") };
    assert_eq!(&*path, "/a/x");
    assert_eq!((stat.czxid, stat.mzxid, stat.pzxid), (Zxid(2), Zxid(2), Zxid(2)));
    assert_eq!((stat.ctime, stat.mtime), (WallMs(2000), WallMs(2000)));
    assert_eq!((stat.version, stat.cversion, stat.aversion), (0, 0, 0));
    assert_eq!(stat.ephemeral_owner, SESSION);
    let parent = server.database.tree.get("/a").expect("made").stat();
    assert_eq!((parent.pzxid, parent.cversion, parent.num_children), (Zxid(2), 1, 1));
    assert_eq!((parent.mzxid, parent.mtime), (Zxid(1), WallMs(1000)));
}

#[test]
fn sequence_numbers_count_every_create_and_no_delete() {
    let mut server = Server::with(&[("/a", 0), ("/a/b", 0)]);
    server.write(Request::Delete(delete("/a/b", -1))).expect("it is there");
    let made = server.write(Request::Create(create("/a/s-", 2)));
    assert_eq!(made, Ok(Response::Create { path: "/a/s-0000000001".into() }));
    let made = server.write(Request::Create(create("/a/", 3)));
    assert_eq!(made, Ok(Response::Create { path: "/a/0000000002".into() }));
    let stat = server.database.tree.get("/a").expect("made").stat();
    assert_eq!(stat.cversion, 4, "three creates and a delete");
}

#[test]
fn a_sequence_number_may_be_negative() {
    let mut server = Server::new();
    let parent_cversion = |parent_cversion| {
        Txn::Create(CreateTxn {
            path: format!("/x{parent_cversion}").into(),
            data: None,
            acl: vec![entry("world", "anyone")],
            kind: CreateKind::Create,
            ephemeral: false,
            parent_cversion,
        })
    };
    server.database.apply(&server.header(), &parent_cversion(i32::MAX));
    let Txn::Create(last) = server.prep(Request::Create(create("/s-", 2))) else { panic!() };
    assert_eq!(&*last.path, "/s-2147483647");
    assert_eq!(last.parent_cversion, i32::MIN);
    let mut snapshot = zablab_core::tree::DataTree::empty();
    for (path, znode) in Database::genesis().tree.walk() {
        let mut znode = znode.clone();
        znode.cversion = i32::MIN;
        znode.acl = zablab_core::tree::AclKey::OPEN;
        snapshot.insert_loaded(path.clone(), znode).expect("parents come first");
    }
    server.database.tree = snapshot;
    let Txn::Create(wrapped) = server.prep(Request::Create(create("/s-", 2))) else { panic!() };
    assert_eq!(&*wrapped.path, "/s--2147483648");
}

#[test]
fn checks_of_delete_come_in_zookeepers_order() {
    let mut server = Server::with(&[("/a", 0), ("/a/b", 0)]);
    let cases = [
        ("x", -1, ErrorCode::BadArguments),
        ("", -1, ErrorCode::BadArguments),
        ("/\0", -1, ErrorCode::BadArguments),
        ("/", -1, ErrorCode::BadArguments),
        ("/zookeeper", -1, ErrorCode::BadArguments),
        ("/zookeeper/quota", -1, ErrorCode::BadArguments),
        ("/zookeeper/config", -1, ErrorCode::BadArguments),
        ("/nope/x", -1, ErrorCode::NoNode),
        ("/a/", -1, ErrorCode::NoNode),
        ("/nope", -1, ErrorCode::NoNode),
        ("/a", 1, ErrorCode::BadVersion),
        ("/a", 0, ErrorCode::NotEmpty),
    ];
    for (path, version, code) in cases {
        assert_eq!(server.prep(Request::Delete(delete(path, version))), error(code), "{path}");
    }
    let stored = server.database.tree.get("/a").expect("made").cversion;
    assert_eq!(server.write(Request::Delete(delete("/a/b", 0))), Ok(Response::Empty));
    let parent = server.database.tree.get("/a").expect("made");
    assert_eq!((parent.pzxid, parent.cversion), (Zxid(3), stored));
    assert_eq!(server.write(Request::Delete(delete("/a", -1))), Ok(Response::Empty));
    server.session = SessionId(2);
    let refused = server.prep(Request::Delete(delete("x", -1)));
    assert_eq!(refused, error(ErrorCode::SessionExpired));
}

#[test]
fn checks_of_set_data_come_in_zookeepers_order() {
    let mut server = Server::with(&[("/a", 0)]);
    for (path, version, code) in [
        ("/a/", -1, ErrorCode::BadArguments),
        ("/nope", 7, ErrorCode::NoNode),
        ("/a", 1, ErrorCode::BadVersion),
        ("/a", -2, ErrorCode::BadVersion),
    ] {
        assert_eq!(server.prep(Request::SetData(set_data(path, version))), error(code), "{path}");
    }
    let Ok(Response::Stat(stat)) = server.write(Request::SetData(set_data("/a", 0))) else {
        panic!("the version is right");
    };
    assert_eq!((stat.version, stat.mzxid, stat.mtime), (1, Zxid(2), WallMs(2000)));
    assert_eq!((stat.czxid, stat.ctime, stat.pzxid), (Zxid(1), WallMs(1000), Zxid(1)));
    assert_eq!(stat.data_length, 3);
    assert!(server.write(Request::SetData(set_data("/", -1))).is_ok());
}

#[test]
fn null_and_empty_data_differ() {
    let mut server = Server::new();
    for (path, data) in [("/null", None), ("/empty", Some(Bytes::new()))] {
        let request = CreateRequest { data: data.clone(), ..create(path, 0) };
        server.write(Request::Create(request)).expect("it can be made");
        let read = server.read(Request::GetData { path: path.into(), watch: false });
        let Ok(Response::Data { data: found, .. }) = read.result else { panic!("{path}") };
        assert_eq!(found, data);
    }
}

#[test]
fn access_lists_are_checked_and_completed() {
    let server = Server::new();
    let auth =
        [id("ip", "127.0.0.1"), id("digest", "bob:hash"), id("sasl", "eve"), id("super", "")];
    let fixed = |acl: Vec<Acl>, auth: &[Id]| {
        let request = Request::Create(CreateRequest { acl, ..create("/a", 0) });
        match server.prep_as(&request, auth) {
            Txn::Create(create) => Ok(create.acl),
            Txn::Error(code) => Err(code),
            other => panic!("{other:?}"),
        }
    };
    let valid = [
        ("world", "anyone"),
        ("ip", "10.0.0.1"),
        ("ip", "10.0.0.0/8"),
        ("ip", "10.0.0.0/32"),
        ("ip", "::1/128"),
        ("digest", "bob:hash"),
        ("digest", ":hash"),
        ("sasl", "eve"),
        ("x509", "CN=eve"),
    ];
    for (scheme, name) in valid {
        let acl = vec![entry(scheme, name)];
        assert_eq!(fixed(acl.clone(), &[]), Ok(acl), "{scheme}:{name}");
    }
    let invalid = [
        ("world", "someone"),
        ("ip", ""),
        ("ip", "10.0.0"),
        ("ip", "10.0.0.0/33"),
        ("ip", "10.0.0.0/-1"),
        ("ip", "::1/129"),
        ("digest", "bob"),
        ("digest", "bob:"),
        ("digest", "a:b:c"),
        ("auth", ""),
        ("sasl", "a/b/c@REALM"),
        ("x509", "eve"),
        ("super", "x:y"),
        ("nonsense", "x"),
        ("", ""),
    ];
    for (scheme, name) in invalid {
        let both = vec![entry("world", "anyone"), entry(scheme, name)];
        assert_eq!(fixed(both, &[]), Err(-114), "{scheme}:{name}");
    }
    let twice = vec![entry("world", "anyone"), entry("world", "anyone")];
    assert_eq!(fixed(twice, &[]), Ok(vec![entry("world", "anyone")]));
    let mine = vec![entry("digest", "bob:hash"), entry("sasl", "eve")];
    assert_eq!(fixed(vec![entry("auth", "ignored")], &auth), Ok(mine));
    assert_eq!(fixed(vec![entry("auth", "")], &auth[..1]), Err(-114), "an address is no proof");
    assert_eq!(fixed(vec![], &auth), Err(-114));
}

#[test]
fn parts_of_a_multi_see_earlier_parts_and_share_a_zxid() {
    let mut server = Server::new();
    let request = Request::Multi(vec![
        MultiOp::Create(create("/m", 0)),
        MultiOp::Create2(create("/m/s-", 2)),
        MultiOp::Create(create("/m/s-", 2)),
        MultiOp::SetData(set_data("/m", 0)),
        MultiOp::Check(check("/m", 1)),
        MultiOp::Delete(delete("/m/s-0000000000", 0)),
    ]);
    let txn = server.prep(request);
    let applied = server.database.apply(&server.header(), &txn);
    let Response::Multi(results) = &applied.result else { panic!("{applied:?}") };
    let [first, second, third, fourth, fifth, sixth] = &results[..] else { panic!("{results:?}") };
    assert_eq!(*first, MultiResult::Create { path: "/m".into() });
    let MultiResult::Create2 { path, stat } = second else { panic!("{second:?}") };
    assert_eq!((&**path, stat.czxid), ("/m/s-0000000000", Zxid(1)));
    assert_eq!(*third, MultiResult::Create { path: "/m/s-0000000001".into() });
    let MultiResult::SetData { stat } = fourth else { panic!("{fourth:?}") };
    assert_eq!((stat.version, stat.mzxid, stat.num_children), (1, Zxid(1), 2));
    assert_eq!((fifth, sixth), (&MultiResult::Check, &MultiResult::Delete));
    let kinds: Vec<_> = applied.changes.iter().map(|change| change.kind).collect();
    use ChangeKind::{Created, DataChanged, Deleted};
    assert_eq!(kinds, [Created, Created, Created, DataChanged, Deleted]);
    let Txn::Multi(parts) = txn else { panic!("{txn:?}") };
    assert_eq!(parts[4], Txn::Check { path: "/m".into(), version: 2 }, "one more than checked");
}

#[test]
fn a_failed_multi_changes_nothing_and_says_which_part_failed() {
    let mut server = Server::with(&[("/a", 0)]);
    let before = server.database.tree.clone();
    let txn = server.prep(Request::Multi(vec![
        MultiOp::SetData(set_data("/a", 0)),
        MultiOp::Check(check("/a", 9)),
        MultiOp::Create(create("/b", 0)),
    ]));
    let Txn::Multi(parts) = &txn else { panic!("{txn:?}") };
    assert!(matches!(parts[0], Txn::SetData { version: 1, .. }), "its own content stays");
    assert_eq!(parts[1..], [Txn::Error(-103), Txn::Error(-2)]);
    let applied = server.database.apply(&server.header(), &txn);
    assert_eq!((applied.error, applied.changes), (0, vec![]));
    let errors = [0, -103, -2].map(MultiResult::Error);
    assert_eq!(applied.result, Response::Multi(errors.into()));
    assert_eq!(server.database.tree, before);
    assert_eq!(server.database.last_zxid, Zxid(2), "it takes a zxid all the same");
}

#[test]
fn an_empty_multi_succeeds() {
    let mut server = Server::new();
    assert_eq!(server.write(Request::Multi(vec![])), Ok(Response::Multi(vec![])));
    assert_eq!(server.database.last_zxid, Zxid(1));
}

#[test]
fn the_end_of_a_session_takes_its_ephemerals() {
    let mut server = Server::with(&[("/a", 0), ("/a/e", 1), ("/f", 1), ("/p", 0)]);
    let txn = server.prep(Request::CloseSession);
    let listed = vec![Path::from("/a/e"), Path::from("/f")];
    assert_eq!(txn, Txn::CloseSession { paths: Some(listed) });
    // A log from before 3.6 lists none.
    for txn in [txn, Txn::CloseSession { paths: None }] {
        let mut database = server.database.clone();
        let applied = database.apply(&server.header(), &txn);
        let deleted = applied.changes.iter().map(|change| (change.kind, &*change.path));
        let deleted: Vec<(ChangeKind, &str)> = deleted.collect();
        assert_eq!(deleted, [(ChangeKind::Deleted, "/a/e"), (ChangeKind::Deleted, "/f")]);
        assert_eq!(database.tree.ephemeral_count(), 0);
        assert!(database.sessions.is_empty());
        assert!(database.tree.get("/p").is_some());
        assert_eq!(database.tree.get("/a").expect("made").pzxid, Zxid(5));
    }
    server.write(Request::CloseSession).expect("a session may end");
    assert_create(&server, "/late", 1, ErrorCode::SessionExpired);
}

#[test]
fn a_session_is_there_once_its_transaction_is_applied() {
    let mut server = Server::new();
    server.session = SessionId(9);
    let created = server.write(Request::CreateSession { timeout_ms: 6000 });
    assert_eq!(created, Ok(Response::Empty));
    assert_eq!(server.database.sessions.get(&SessionId(9)), Some(&6000));
}

#[test]
fn what_is_no_write_becomes_an_error() {
    let server = Server::with(&[("/a", 0)]);
    for request in [
        Request::Check(check("/a", -1)),
        Request::Ping,
        Request::Sync { path: "/a".into() },
        Request::Exists { path: "/a".into(), watch: true },
    ] {
        assert_eq!(server.prep(request), error(ErrorCode::Unimplemented));
    }
    let read = server.read(Request::Ping);
    assert_eq!(read, Read { result: Err(ErrorCode::Unimplemented), watches: vec![] });
}

#[test]
fn reads_set_watches_where_they_found_a_znode_and_exists_always() {
    let server = Server::with(&[("/a", 0), ("/a/b", 0), ("/a/c", 0)]);
    let reads = |path: &str, watch| {
        let path = Path::from(path);
        [
            Request::Exists { path: path.clone(), watch },
            Request::GetData { path: path.clone(), watch },
            Request::GetChildren { path: path.clone(), watch },
            Request::GetChildren2 { path, watch },
        ]
        .map(|request| server.read(request))
    };
    let (data, child) = (Watch::Data("/a".into()), Watch::Child("/a".into()));
    let watches = reads("/a", true).map(|read| read.watches);
    assert_eq!(watches, [&data, &data, &child, &child].map(|watch| vec![watch.clone()]));
    assert_eq!(reads("/a", false).map(|read| read.watches), [vec![], vec![], vec![], vec![]]);
    let missing = reads("/x", true);
    let watches = missing.clone().map(|read| read.watches);
    assert_eq!(watches, [vec![Watch::Data("/x".into())], vec![], vec![], vec![]]);
    assert_eq!(missing.map(|read| read.result), [const { Err(ErrorCode::NoNode) }; 4]);
    assert_eq!(reads("x", false).map(|read| read.result), [const { Err(ErrorCode::NoNode) }; 4]);
    let Ok(Response::Children2 { children, stat }) = reads("/a", false)[3].clone().result else {
        panic!("the znode is there");
    };
    assert_eq!(children.iter().map(|name| &**name).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!((stat.num_children, stat.cversion), (2, 2));
}

#[test]
fn access_lists_are_read() {
    let server = Server::with(&[("/a", 0)]);
    for path in ["/a", "/zookeeper"] {
        let read = server.read(Request::GetAcl { path: path.into() });
        let Ok(Response::Acl { acl, .. }) = read.result else { panic!("{path}") };
        assert_eq!(acl, [entry("world", "anyone")], "{path}");
    }
    let config = server.read(Request::GetAcl { path: "/zookeeper/config".into() });
    let Ok(Response::Acl { acl, stat }) = config.result else { panic!("built in") };
    assert_eq!((acl[0].perms, stat.aversion), (1, -1));
}

/// Java's `FinalRequestProcessor` looks for it in no other read.
#[test]
fn only_exists_refuses_a_path_with_a_nul() {
    let server = Server::new();
    let nul = || Path::from("/a\0");
    let read = server.read(Request::Exists { path: nul(), watch: true });
    assert_eq!((read.result, read.watches), (Err(ErrorCode::BadArguments), vec![]));
    let read = server.read(Request::GetData { path: nul(), watch: true });
    assert_eq!((read.result, read.watches), (Err(ErrorCode::NoNode), vec![]));
}

#[test]
fn the_parts_of_a_multi_read_fail_alone_and_watch_nothing() {
    let server = Server::with(&[("/a", 0), ("/a/b", 0)]);
    let get = |path: &str, watch| ReadOp::GetData { path: path.into(), watch };
    let list = |path: &str, watch| ReadOp::GetChildren { path: path.into(), watch };
    let ops = vec![get("/x", true), list("/a", true), list("/x", false), get("/a/b", false)];
    let Read { result, watches } = server.read(Request::MultiRead(ops));
    let Ok(Response::MultiRead(results)) = result else { panic!("{result:?}") };
    let [ReadResult::Error(-101), children, ReadResult::Error(-101), data] = &results[..] else {
        panic!("{results:?}");
    };
    assert_eq!(*children, ReadResult::Children(vec!["b".into()]));
    assert!(matches!(data, ReadResult::Data { data: None, stat } if stat.czxid == Zxid(2)));
    assert_eq!(watches, [], "ZooKeeper drops the flag when it reads a multiRead");
    let nothing = server.read(Request::MultiRead(vec![]));
    assert_eq!(nothing.result, Ok(Response::MultiRead(vec![])));
}

#[test]
fn a_session_is_told_its_own_ephemerals_by_the_text_of_their_paths() {
    let mut server =
        Server::with(&[("/a", 0), ("/a/e", 1), ("/a/e-", 3), ("/b", 0), ("/b/e", 1), ("/ab", 1)]);
    let mine = |server: &Server, prefix: &str| {
        let read = server.read(Request::GetEphemerals { prefix: prefix.into() });
        let Ok(Response::Paths(paths)) = read.result else { panic!("{prefix}: {read:?}") };
        paths.iter().map(|path| path.to_string()).collect::<Vec<_>>()
    };
    let all = ["/a/e", "/a/e-0000000001", "/ab", "/b/e"];
    for prefix in ["", "/", " / ", "\t"] {
        assert_eq!(mine(&server, prefix), all, "{prefix:?}");
    }
    assert_eq!(mine(&server, "/a"), all[..3]);
    assert_eq!(mine(&server, "/a/"), all[..2]);
    assert_eq!(mine(&server, "/x"), all[..0]);
    assert_eq!(mine(&server, "a"), all[..0], "not everything is a path");
    server.session = SessionId(2);
    assert_eq!(mine(&server, ""), all[..0]);
}

#[test]
fn all_descendants_are_counted() {
    let server = Server::with(&[("/a", 0), ("/a/b", 0), ("/a/b/c", 0), ("/a-", 0), ("/a-/b", 0)]);
    let number =
        |path: &str| server.read(Request::GetAllChildrenNumber { path: path.into() }).result;
    for (path, expected) in [("/", 8), ("/a", 2), ("/a/b", 1), ("/a/b/c", 0), ("/zookeeper", 2)] {
        assert_eq!(number(path), Ok(Response::Number(expected)), "{path}");
    }
    for path in ["", "/x", "/a/", "a"] {
        assert_eq!(number(path), Err(ErrorCode::NoNode), "{path}");
    }
}

#[test]
fn a_connection_is_told_who_it_is_without_secrets() {
    let server = Server::new();
    let auth = [id("digest", "bob:hash"), id("super", ""), id("x509", "CN=a:b"), id("ip", "::1")];
    let Read { result, .. } = server.read_as(&Request::WhoAmI, &auth);
    let info = |scheme: &str, user: &str| ClientInfo { scheme: scheme.into(), user: user.into() };
    let expected = [("digest", "bob"), ("super", ""), ("x509", "CN=a:b"), ("ip", "::1")];
    let expected = expected.map(|(scheme, user)| info(scheme, user)).to_vec();
    assert_eq!(result, Ok(Response::Identities(expected)));
}

#[test]
fn checks_of_set_acl_come_in_zookeepers_order() {
    let mut server = Server::with(&[("/a", 0)]);
    let set = |path: &str, acl: Vec<Acl>, version| {
        Request::SetAcl(SetAclRequest { path: path.into(), acl, version })
    };
    let read_only = || vec![Acl { perms: 17, ..entry("world", "anyone") }];
    for (path, acl, version, code) in [
        ("/a/", vec![], 7, ErrorCode::BadArguments),
        ("/nope", vec![], 7, ErrorCode::InvalidAcl),
        ("/nope", read_only(), 7, ErrorCode::NoNode),
        ("/a", read_only(), 1, ErrorCode::BadVersion),
    ] {
        assert_eq!(server.prep(set(path, acl, version)), error(code), "{path}");
    }
    for version in [0, -1] {
        let before = server.database.tree.get("/a").expect("made").stat();
        let Ok(Response::Stat(stat)) = server.write(set("/a", read_only(), version)) else {
            panic!("the version is right");
        };
        assert_eq!(stat.aversion, before.aversion + 1);
        assert_eq!((stat.mzxid, stat.version, stat.pzxid), (Zxid(1), 0, Zxid(1)));
    }
    let read = server.read(Request::GetAcl { path: "/a".into() });
    assert!(matches!(read.result, Ok(Response::Acl { acl, .. }) if acl == read_only()));
    server.session = SessionId(2);
    assert_eq!(server.prep(set("/a/", vec![], 7)), error(ErrorCode::SessionExpired));
}

#[test]
fn the_operation_decides_whether_a_znode_is_a_container_and_the_flags_whether_it_may_live() {
    let mut server = Server::new();
    let container = |flags| Request::CreateContainer(create("/c", flags));
    let ttl = |flags, ttl_ms| {
        Request::CreateTtl(CreateTtlRequest { create: create("/t", flags), ttl_ms })
    };
    for flags in [0, 1, 4] {
        let Txn::Create(made) = server.prep(container(flags)) else { panic!("{flags}") };
        assert_eq!((made.kind, made.ephemeral), (CreateKind::Container, false), "{flags}");
    }
    assert!(
        matches!(server.prep(container(2)), Txn::Create(made) if &*made.path == "/c0000000000")
    );
    assert_eq!(server.prep(container(5)), error(ErrorCode::BadArguments));
    let Txn::Create(made) = server.prep(ttl(6, 7)) else { panic!("it may be made") };
    assert_eq!((made.kind, &*made.path), (CreateKind::Ttl(7), "/t0000000000"));
    for (flags, ms) in [(5, 0), (5, -1), (5, 1 << 40), (0, -1), (0, 7), (1, -1), (4, -1)] {
        assert_eq!(server.prep(ttl(flags, ms)), error(ErrorCode::BadArguments), "{flags} {ms}");
    }
    let made = server.write(ttl(5, (1 << 40) - 1)).expect("the longest time to live");
    assert!(matches!(made, Response::Create2 { stat, .. } if stat.ephemeral_owner == SessionId(0)));
    let multi = vec![
        MultiOp::CreateContainer(create("/m", 4)),
        MultiOp::CreateTtl(CreateTtlRequest { create: create("/m/t", 5), ttl_ms: 9 }),
    ];
    let Ok(Response::Multi(results)) = server.write(Request::Multi(multi)) else { panic!() };
    assert!(results.iter().all(|result| matches!(result, MultiResult::Create2 { .. })));
    server.rules.extended_types = false;
    for request in [ttl(5, 1), ttl(0, -1), container(6), Request::Create(create("/t", 5))] {
        assert_eq!(server.prep(request), error(ErrorCode::Unimplemented));
    }
    assert!(matches!(server.prep(container(4)), Txn::Create(_)), "containers always may");
}

/// A znode with these permissions for everybody, and all for bob.
fn guarded(server: &mut Server, path: &str, perms: i32) {
    let acl = vec![Acl { perms, ..entry("world", "anyone") }, entry("digest", "bob:hash")];
    let request = Request::Create(CreateRequest { acl, ..create(path, 0) });
    server.write(request).expect("its parent is open");
}

#[test]
fn every_operation_needs_its_permission() {
    const READ: i32 = 1;
    const WRITE: i32 = 2;
    const CREATE: i32 = 4;
    const DELETE: i32 = 8;
    const ADMIN: i32 = 16;
    let path = || Path::from("/g");
    let acl = vec![entry("world", "anyone")];
    let cases = [
        (READ, Request::GetData { path: path(), watch: true }),
        (READ, Request::Exists { path: path(), watch: true }),
        (READ, Request::GetChildren { path: path(), watch: true }),
        (READ, Request::GetChildren2 { path: path(), watch: true }),
        (READ, Request::GetAllChildrenNumber { path: path() }),
        (READ | ADMIN, Request::GetAcl { path: path() }),
        (WRITE, Request::SetData(set_data("/g", -1))),
        (ADMIN, Request::SetAcl(SetAclRequest { path: path(), acl, version: -1 })),
        (CREATE, Request::Create(create("/g/x", 0))),
        (CREATE, Request::Create2(create("/g/x", 2))),
        (CREATE, Request::CreateContainer(create("/g/x", 4))),
        (DELETE, Request::Delete(delete("/g/c", -1))),
    ];
    for perms in 0..32 {
        let mut server = Server::with(&[]);
        guarded(&mut server, "/g", perms);
        let child = Request::Create(create("/g/c", 0));
        let bob = [id("digest", "bob:hash")];
        let header = server.header();
        let txn = server.prep_as(&child, &bob);
        server.database.apply(&header, &txn);
        for (needed, request) in &cases {
            let code = |auth: &[Id]| match request.op().is_write() {
                true => match server.prep_as(request, auth) {
                    Txn::Error(code) => code,
                    _ => 0,
                },
                false => {
                    let Read { result, watches } = server.read_as(request, auth);
                    assert!(result.is_ok() || watches.is_empty(), "{request:?} {perms}");
                    result.err().map_or(0, ErrorCode::to_wire)
                }
            };
            let expected = if perms & needed == 0 { -102 } else { 0 };
            assert_eq!(code(&[]), expected, "{request:?} {perms}");
            assert_eq!(code(&bob), 0, "{request:?} {perms}");
            assert_eq!(code(&[id("super", "")]), 0, "{request:?} {perms}");
        }
        let checked = server.prep(Request::Multi(vec![MultiOp::Check(check("/g", -1))]));
        let denied = checked == Txn::Multi(vec![Txn::Error(-102)]);
        assert_eq!(denied, perms & READ == 0, "a check in a multi, {perms}");
    }
}

#[test]
fn permissions_are_looked_at_where_zookeeper_does() {
    let mut server = Server::with(&[]);
    guarded(&mut server, "/g", 0);
    let no_acl = |path: &str| Request::Create(CreateRequest { acl: vec![], ..create(path, 0) });
    let acl = || vec![entry("world", "anyone")];
    let set_acl = |path: &str, acl, version| {
        Request::SetAcl(SetAclRequest { path: path.into(), acl, version })
    };
    for (request, code) in [
        (no_acl("/g/x"), ErrorCode::InvalidAcl),
        (Request::Create(create("/g/", 0)), ErrorCode::NoAuth),
        (Request::Create(create("/g/x/y", 0)), ErrorCode::NoNode),
        (Request::Delete(delete("/g/nope", 9)), ErrorCode::NoAuth),
        (Request::SetData(set_data("/g", 9)), ErrorCode::NoAuth),
        (Request::SetData(set_data("/g/nope", 9)), ErrorCode::NoNode),
        (set_acl("/g", vec![], 9), ErrorCode::InvalidAcl),
        (set_acl("/g", acl(), 9), ErrorCode::NoAuth),
        (Request::SetData(set_data("/zookeeper/config", -1)), ErrorCode::NoAuth),
    ] {
        assert_eq!(server.prep(request.clone()), error(code), "{request:?}");
    }
    let read = server.read(Request::GetData { path: "/zookeeper/config".into(), watch: false });
    assert!(read.result.is_ok());
    server.rules.skip_acl = true;
    assert!(matches!(server.prep(set_acl("/g", acl(), 0)), Txn::SetAcl { version: 1, .. }));
    assert!(server.read(Request::GetData { path: "/g".into(), watch: true }).result.is_ok());
}

#[test]
fn what_proves_an_identity_is_shown_to_those_who_may_change_the_list() {
    let mut server = Server::with(&[]);
    guarded(&mut server, "/g", 1);
    let shown =
        |auth: &[Id]| match server.read_as(&Request::GetAcl { path: "/g".into() }, auth).result {
            Ok(Response::Acl { acl, .. }) => acl[1].id.id.clone(),
            other => panic!("{other:?}"),
        };
    assert_eq!(shown(&[]), "bob:x");
    assert_eq!(shown(&[id("digest", "bob:hash")]), "bob:hash");
    assert_eq!(shown(&[id("super", "")]), "bob:hash");
}

#[test]
fn containers_and_ttl_znodes_are_reaped_while_childless() {
    let mut server = Server::with(&[("/p", 0)]);
    server.write(Request::CreateContainer(create("/c", 4))).expect("it can be made");
    let ttl = CreateTtlRequest { create: create("/t", 5), ttl_ms: 9 };
    server.write(Request::CreateTtl(ttl)).expect("it can be made");
    server.write(Request::Create(create("/c/x", 0))).expect("containers have children");
    server.session = SessionId(0);
    let reap = |path: &str| Request::DeleteContainer { path: path.into() };
    assert_eq!(server.prep(reap("/c")), error(ErrorCode::NotEmpty));
    assert_eq!(server.prep(reap("/p")), error(ErrorCode::BadVersion));
    assert_eq!(server.prep(reap("/x")), error(ErrorCode::NoNode));
    let reapable: Vec<&str> = server.database.tree.reapable().map(|path| &**path).collect();
    assert_eq!(reapable, ["/c", "/t"]);
    let txn = server.prep(reap("/t"));
    assert_eq!(txn, Txn::Delete { path: "/t".into(), container: true });
    let applied = server.database.apply(&server.header(), &txn);
    assert_eq!((applied.error, applied.changes[0].kind), (0, ChangeKind::Deleted));
    assert_eq!(server.database.tree.reapable().count(), 1);
}

/// A server with a quota on `/q`.
fn with_quota(limits: &'static str) -> Server {
    let mut server = Server::with(&[("/q", 0), ("/q/a", 0), ("/zookeeper/quota/q", 0)]);
    for (name, data) in [("limits", limits), ("stats", "")] {
        let path = format!("/zookeeper/quota/q/zookeeper_{name}");
        let data = Some(Bytes::from_static(data.as_bytes()));
        let request = CreateRequest { data, ..create(&path, 0) };
        server.write(Request::Create(request)).expect("it can be made");
    }
    server
}

fn used(server: &Server) -> String {
    let stats = server.database.tree.get("/zookeeper/quota/q/zookeeper_stats").expect("made");
    assert_eq!((stats.version, stats.mzxid), (0, stats.czxid), "no transaction changes it");
    String::from_utf8(stats.data.clone().expect("figures").to_vec()).expect("a text")
}

#[test]
fn what_a_quota_limits_is_counted_from_the_beginning() {
    let mut server = with_quota("count=2,bytes=100");
    assert_eq!(used(&server), "count=2,bytes=0");
    let digest = server.database.tree.digest();
    for (request, expected) in [
        (Request::SetData(set_data("/q/a", -1)), "count=2,bytes=3"),
        (Request::Create(create("/q/a/b", 0)), "count=3,bytes=3"),
        (Request::Create(create("/qq", 0)), "count=3,bytes=3"),
        (Request::SetData(set_data("/q", -1)), "count=3,bytes=6"),
        (Request::Delete(delete("/q/a/b", -1)), "count=2,bytes=6"),
        (Request::Delete(delete("/q/a", -1)), "count=1,bytes=3"),
    ] {
        server.write(request.clone()).expect("only soft limits are passed");
        assert_eq!(used(&server), expected, "{request:?}");
    }
    assert_ne!(server.database.tree.digest(), digest);
    let limits = "/zookeeper/quota/q/zookeeper_limits";
    server.write(Request::Delete(delete(limits, -1))).expect("a quota may go");
    server.write(Request::Create(create("/q/c", 0))).expect("it can be made");
    assert_eq!(used(&server), "count=1,bytes=3", "nobody counts any more");
}

#[test]
fn hard_limits_are_kept_if_they_are_switched_on() {
    let mut server = with_quota("count=1,bytes=-1=;byteHardLimit=4;countHardLimit=3");
    let exceeded = ErrorCode::QuotaExceeded;
    let big = |path: &str, version| SetDataRequest {
        data: Some(Bytes::from_static(b"12345")),
        ..set_data(path, version)
    };
    server.write(Request::SetData(big("/q", -1))).expect("hard limits are off");
    server.rules.enforce_quota = true;
    assert_eq!(
        server.prep(Request::SetData(set_data("/q/a", 9))),
        error(exceeded),
        "before versions"
    );
    server.write(Request::SetData(set_data("/q", -1))).expect("less than before");
    assert_eq!(used(&server), "count=2,bytes=3");
    assert_eq!(server.prep(Request::SetData(big("/q", -1))), error(exceeded));
    let two = vec![MultiOp::Create(create("/q/b", 0)), MultiOp::Create(create("/q/c", 0))];
    let Txn::Multi(parts) = server.prep(Request::Multi(two)) else { panic!() };
    assert_eq!(parts[1], error(exceeded), "later parts see earlier ones");
    server.write(Request::Create(create("/q/b", 0))).expect("three are allowed");
    assert_create(&server, "/q/c", 0, exceeded);
    assert_create(&server, "/q/b", 0, ErrorCode::NodeExists);
    server.write(Request::Create(create("/else", 0))).expect("no quota is here");
}
