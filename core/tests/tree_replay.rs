//! Applying is idempotent: a log replayed over a fuzzy snapshot gives the state it gave before.
//!
//! The histories come from random requests, so they also show that what prep lets through applies
//! without error, and that sums kept up along the way are those of a fresh walk.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;
use zablab_core::config::Rules;
use zablab_core::request::prep::{PrepContext, prep};
use zablab_core::tree::{DataTree, Database, Owner, path};
use zablab_core::txn::{Acl, Id, Txn, TxnHeader};
use zablab_core::types::{Path, SessionId, WallMs, Xid, Zxid};
use zablab_core::wire::client::{
    CheckVersionRequest, CreateRequest, CreateTtlRequest, DeleteRequest, MultiOp, MultiResult,
    Request, Response, SetAclRequest, SetDataRequest,
};

/// A client that may do everything.
const RULES: Rules = Rules {
    without_digest: false,
    extended_types: true,
    skip_acl: true,
    enforce_quota: true,
    names_sasl: true,
    names_x509: true,
    reconfig: false,
    lone_voter: false,
};

fn acl(perms: i32) -> Vec<Acl> {
    vec![Acl { perms, id: Id { scheme: "world".into(), id: "anyone".into() } }]
}

fn paths() -> impl Strategy<Value = Path> {
    let names = ["/a", "/b", "/a/a", "/a/b", "/b/a", "/a/a/a", "/a/a/a/a", "/zookeeper/a", "/"];
    select(names.to_vec()).prop_map(Path::from)
}

fn data() -> impl Strategy<Value = Option<Bytes>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..4).prop_map(Bytes::from))
}

fn part() -> impl Strategy<Value = MultiOp> {
    let create =
        || {
            (paths(), data(), 0..4_i32, 1..4_i32).prop_map(|(path, data, flags, perms)| {
                CreateRequest { path, data, acl: acl(perms), flags }
            })
        };
    let version = || prop_oneof![5 => Just(-1), 1 => 0..3_i32];
    prop_oneof![
        4 => create().prop_map(MultiOp::Create),
        2 => create().prop_map(MultiOp::Create2),
        4 => (paths(), version())
            .prop_map(|(path, version)| MultiOp::Delete(DeleteRequest { path, version })),
        2 => (paths(), data(), version()).prop_map(|(path, data, version)| {
            MultiOp::SetData(SetDataRequest { path, data, version })
        }),
        1 => create().prop_map(MultiOp::CreateContainer),
        1 => (create(), 1..9_i64).prop_map(|(create, ttl_ms)| {
            let create = CreateRequest { flags: 5, ..create };
            MultiOp::CreateTtl(CreateTtlRequest { create, ttl_ms })
        }),
        1 => (paths(), version())
            .prop_map(|(path, version)| MultiOp::Check(CheckVersionRequest { path, version })),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let single = part().prop_map(Request::from);
    prop_oneof![
        12 => single,
        2 => prop::collection::vec(part(), 0..4).prop_map(Request::Multi),
        1 => Just(Request::CreateSession { timeout_ms: 4000 }),
        1 => Just(Request::CloseSession),
        1 => (paths(), 1..4_i32).prop_map(|(path, perms)| {
            Request::SetAcl(SetAclRequest { path, acl: acl(perms), version: -1 })
        }),
    ]
}

/// A history: the state before each transaction, and after the last.
struct History {
    txns: Vec<(TxnHeader, Txn)>,
    states: Vec<Database>,
}

fn history(requests: &[(i64, Request)]) -> History {
    let mut history = History { txns: vec![], states: vec![Database::genesis()] };
    // A session's number is used once, as servers see to.
    let mut numbers = [0x100, 0x200];
    let sessions = [0, 1].map(|at| (at, Request::CreateSession { timeout_ms: 4000 }));
    let quota = ["", "/zookeeper_limits", "/zookeeper_stats"].map(|name| {
        let path = format!("/zookeeper/quota/a{name}").into();
        let data = Some(Bytes::from_static(b"count=3,bytes=-1=;byteHardLimit=9;countHardLimit=4"));
        (0, Request::Create(CreateRequest { path, data, acl: acl(1), flags: 0 }))
    });
    let opening: Vec<(i64, Request)> = sessions.into_iter().chain(quota).collect();
    for (at, (session, request)) in opening.iter().chain(requests).enumerate() {
        let number = &mut numbers[*session as usize];
        let mut database = history.states.last().expect("one at least").clone();
        if matches!(request, Request::CreateSession { .. }) {
            if database.sessions.contains_key(&SessionId(*number)) {
                continue;
            }
            *number += 1;
        }
        let header = TxnHeader {
            session: SessionId(*number),
            cxid: Xid(at as i32),
            zxid: Zxid(at as u64 + 1),
            time: WallMs(1000 + at as i64),
        };
        let txn = prep(
            request,
            &PrepContext { header, auth: &[], rules: RULES, is_local: false, members: None },
            &database,
            &mut Vec::new(),
        );
        let applied = database.apply(&header, &txn);
        match (&txn, &applied.result) {
            (Txn::Error(code), _) => assert_eq!(applied.error, *code),
            (Txn::Multi(parts), Response::Multi(results)) => {
                let failed = parts.iter().any(|part| matches!(part, Txn::Error(_)));
                let errors = results.iter().filter(|r| matches!(r, MultiResult::Error(_))).count();
                assert_eq!(errors, if failed { results.len() } else { 0 });
                assert!(!failed || applied.changes.is_empty());
            }
            (_, _) => assert_eq!(applied.error, 0, "{txn:?}"),
        }
        history.txns.push((header, txn));
        history.states.push(database);
    }
    history
}

fn assert_same(a: &Database, b: &Database) {
    assert_eq!(a, b);
    assert_eq!(a.tree.digest(), b.tree.digest());
    assert_eq!(a.tree.data_size(), b.tree.data_size());
    assert!(a.tree.ephemerals().eq(b.tree.ephemerals()));
}

/// The sums kept up along the way are those of a walk.
fn check_sums(database: &Database) {
    let tree = &database.tree;
    let mut copy = DataTree::empty();
    for (key, list) in tree.acls().iter() {
        copy.acls_mut().load(key, list.to_vec()).expect("keys differ");
    }
    for (path, znode) in tree.walk() {
        let children: Vec<&str> = tree.children(path).collect();
        assert_eq!(children.len(), znode.children as usize, "{path}");
        assert!(children.is_sorted());
        if let Owner::Session(session) = znode.owner() {
            assert!(database.sessions.contains_key(&session), "{path} outlived its session");
            assert!(children.is_empty());
        }
        copy.insert_loaded(path.clone(), znode.clone()).expect("parents come first");
    }
    copy.finish_load().expect("it is a tree");
    assert_eq!(copy.node_count(), tree.node_count());
    assert_eq!(copy.digest(), tree.digest());
    assert_eq!(copy.data_size(), tree.data_size());
    assert!(copy.ephemerals().eq(tree.ephemerals()));
    assert!(copy.acls().iter().eq(tree.acls().iter()));
    assert_eq!(&copy, tree);
}

/// A snapshot as Java takes one while transactions go on: lists and sessions first, then each
/// znode with its children's names, the parent before them, at a later and later moment.
fn fuzzy_snapshot(history: &History, start: usize, delays: &[usize]) -> Database {
    let first = &history.states[start];
    let mut snapshot = Database { last_zxid: first.last_zxid, ..Database::default() };
    snapshot.sessions = first.sessions.clone();
    for (key, list) in first.tree.acls().iter() {
        snapshot.tree.acls_mut().load(key, list.to_vec()).expect("keys differ");
    }
    let (mut now, mut delays) = (start, delays.iter().cycle());
    let mut waiting: Vec<Path> = vec!["".into()];
    while let Some(path) = waiting.pop() {
        now = (now + delays.next().expect("it is a cycle")).min(history.states.len() - 1);
        let tree = &history.states[now].tree;
        let Some(znode) = tree.get(&path) else { continue };
        snapshot.tree.insert_loaded(path.clone(), znode.clone()).expect("its parent is there");
        let below = tree.children(&path).map(|name| Path::from(format!("{path}/{name}")));
        waiting.extend(below.collect::<Vec<_>>().into_iter().rev());
    }
    snapshot.tree.finish_load().expect("the built-in znodes are always there");
    snapshot
}

proptest! {
    #[test]
    fn replay_over_a_fuzzy_snapshot_gives_the_same_state(
        requests in prop::collection::vec((0..2_i64, request()), 1..60),
        start in any::<prop::sample::Index>(),
        delays in prop::collection::vec(0..8_usize, 1..8),
    ) {
        let history = history(&requests);
        let last = history.states.last().expect("one at least");
        check_sums(last);
        let start = start.index(history.states.len());
        let mut database = fuzzy_snapshot(&history, start, &delays);
        for (header, txn) in &history.txns[start..] {
            database.apply(header, txn);
        }
        assert_same(&database, last);
        check_sums(&database);
    }

    #[test]
    fn a_transaction_applied_twice_is_applied_once(
        requests in prop::collection::vec((0..2_i64, request()), 1..40),
    ) {
        let history = history(&requests);
        for ((header, txn), after) in history.txns.iter().zip(&history.states[1..]) {
            let mut twice = after.clone();
            twice.apply(header, txn);
            assert_same(&twice, after);
        }
    }

    #[test]
    fn clones_do_not_change(requests in prop::collection::vec((0..2_i64, request()), 1..40)) {
        let history = history(&requests);
        let mut again = Database::genesis();
        for ((header, txn), after) in history.txns.iter().zip(&history.states[1..]) {
            again.apply(header, txn);
            prop_assert_eq!(&again, after);
        }
    }

    #[test]
    fn any_path_is_safe(text in "[/a.\u{0}\u{1f600}]{0,6}", kind in 0..3_u8) {
        let mut database = Database::genesis();
        let path = Path::from(text);
        let txn = match kind {
            0 => Txn::Delete { path: path.clone(), container: false },
            1 => Txn::SetData { path: path.clone(), data: None, version: 1, reconfig: false },
            _ => Txn::SetAcl { path: path.clone(), acl: acl(1), version: 1 },
        };
        let header = TxnHeader {
            session: SessionId(1),
            cxid: Xid(1),
            zxid: Zxid(1),
            time: WallMs(1),
        };
        database.apply(&header, &txn);
        let create = CreateRequest { path: path.clone(), data: None, acl: acl(1), flags: 0 };
        let mut tree = Database::genesis();
        tree.sessions.insert(SessionId(1), 1);
        let (rules, members) = (RULES, None);
        let context = PrepContext { header, auth: &[], rules, is_local: false, members };
        let made = prep(&Request::Create(create), &context, &tree, &mut Vec::new());
        prop_assert_eq!(matches!(made, Txn::Create(_)), path::is_valid(&path)
            && tree.tree.get(path::split(&path).map_or("-", |(parent, _)| parent)).is_some());
        tree.apply(&header, &made);
        check_sums(&tree);
    }
}
