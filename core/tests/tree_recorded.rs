//! The tree against what Java did: transaction logs with digests, and a client's requests with
//! the transactions and replies that Java made of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::{Buf, Bytes};
use zablab_core::config::Rules;
use zablab_core::request::prep::{PrepContext, prep};
use zablab_core::request::read::{ReadContext, read};
use zablab_core::tree::Database;
use zablab_core::txn::{CreateKind, Id, LogRecord, Txn, TxnHeader};
use zablab_core::types::{SessionId, WallMs, Xid};
use zablab_core::wire::client::{
    ErrorCode, OpCode, ReplyHeader, Request, RequestHeader, Response, encode_reply,
};
use zablab_core::wire::txn::decode;

/// As the recording server was configured.
const RULES: Rules = Rules {
    extended_types: true,
    skip_acl: false,
    enforce_quota: false,
    without_digest: false,
    names_sasl: true,
    names_x509: true,
    reconfig: false,
    lone_voter: false,
};

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(name)
}

fn bytes(name: &str) -> Bytes {
    let path = vector(name);
    Bytes::from(std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")))
}

/// The records of a log file, without the care of a real reader.
fn log(name: &str) -> Vec<LogRecord> {
    let mut file = bytes(name).slice(16..);
    let mut records = Vec::new();
    while file.len() > 12 {
        let (_checksum, length) = (file.get_u64(), file.get_u32() as usize);
        if length == 0 {
            break;
        }
        records.push(decode(file.split_to(length)).expect("a recorded transaction"));
        assert_eq!(file.get_u8(), b'B');
    }
    records
}

fn frames(name: &str) -> Vec<Bytes> {
    let mut stream = bytes(name);
    let mut frames = Vec::new();
    while !stream.is_empty() {
        let length = stream.get_u32() as usize;
        frames.push(stream.split_to(length));
    }
    frames
}

/// Applies a log; gives the state and how many digests were compared.
fn replay(names: &[&str]) -> (Database, usize) {
    let (mut database, mut compared) = (Database::genesis(), 0);
    for record in names.iter().flat_map(|name| log(name)) {
        let applied = database.apply(&record.header, &record.txn);
        if let Some(digest) = record.digest {
            assert_eq!(database.tree.digest(), digest, "{record:?}");
            assert_eq!(applied.error, 0, "{record:?}");
            compared += 1;
        }
    }
    (database, compared)
}

#[test]
fn digests_of_the_standalone_server() {
    let folder = "datadir-standalone/version-2";
    let (database, compared) = replay(&[&format!("{folder}/log.1"), &format!("{folder}/log.1d")]);
    assert!(compared > 20, "{compared}");
    assert!(database.tree.get("/中文-é").is_some());
    // All that a client may see of the sum must also be what a walk over the tree gives.
    let mut copy = zablab_core::tree::DataTree::empty();
    for (key, list) in database.tree.acls().iter() {
        copy.acls_mut().load(key, list.to_vec()).expect("keys differ");
    }
    for (path, znode) in database.tree.walk() {
        copy.insert_loaded(path.clone(), znode.clone()).expect("parents come first");
    }
    copy.finish_load().expect("it is a tree");
    assert_eq!(copy, database.tree);
}

#[test]
fn digests_of_the_ensemble() {
    let (database, compared) = replay(&["datadir-ensemble-trunc/log.100000001"]);
    assert!(compared > 5, "{compared}");
    let config = database.tree.get("/zookeeper/config").expect("built in");
    assert_eq!(config.stat().version, -1);
}

#[test]
fn poisoned_transactions_fail_and_change_nothing() {
    for (name, zxid, code) in [
        ("poison-ttl/log.1", 0x14, ErrorCode::BadArguments),
        ("poison-check/log.1", 0x20, ErrorCode::Unimplemented),
    ] {
        let mut database = Database::genesis();
        let mut seen = false;
        for record in log(name) {
            let before = database.tree.clone();
            let applied = database.apply(&record.header, &record.txn);
            if record.zxid().0 == zxid {
                assert_eq!(applied.error, code.to_wire());
                assert_eq!(applied.changes, []);
                assert_eq!(before, database.tree);
                seen = true;
            }
        }
        assert!(seen, "{name}");
    }
}

/// A recorded connection: its requests and replies by number.
struct Recording {
    requests: BTreeMap<Xid, (i32, Bytes)>,
    replies: BTreeMap<Xid, Bytes>,
}

impl Recording {
    fn load(name: &str) -> (SessionId, Recording) {
        let sent = frames(&format!("client/{name}.c2s.bin"));
        let received = frames(&format!("client/{name}.s2c.bin"));
        let session = SessionId((&received[0][8..]).get_i64());
        let requests = sent.into_iter().skip(1).map(|frame| {
            let (header, body) = RequestHeader::decode(frame).expect("a recorded request");
            (header.xid, (header.op, body))
        });
        let replies = received.into_iter().skip(1).map(|frame| {
            let (header, _) = ReplyHeader::decode(frame.clone()).expect("a recorded reply");
            (header.xid, frame)
        });
        (session, Recording { requests: requests.collect(), replies: replies.collect() })
    }
}

/// 3.8.0 makes a create of every create2 in a multi; we keep it, as 3.9 does.
fn as_in_3_8(txn: Txn) -> Txn {
    let Txn::Multi(mut parts) = txn else { return txn };
    for part in &mut parts {
        if let Txn::Create(create) = part
            && create.kind == CreateKind::Create2
        {
            create.kind = CreateKind::Create;
        }
    }
    Txn::Multi(parts)
}

#[test]
fn requests_become_the_recorded_transactions_and_replies() {
    let names = ["20-datadir-build", "20-second-session", "20-third-session"];
    let recordings: BTreeMap<_, _> = names.into_iter().map(Recording::load).collect();
    let digest = |id: &str| Id { scheme: "digest".into(), id: id.into() };
    let auth = [digest("bob:fyVmFCwVbTJYrznoSu1koqYEYF0=")];
    let (mut database, mut compared) = (Database::genesis(), 0);
    for record in log("datadir-standalone/version-2/log.1") {
        let (header, recorded) = (record.header, record.txn);
        let of_session = recordings.get(&header.session);
        let request = of_session.and_then(|recording| recording.requests.get(&header.cxid));
        let request = request.and_then(|(op, body)| Request::decode(*op, body.clone()).ok());
        let Some(request) = request else {
            database.apply(&header, &recorded); // an operation that no client here may ask for
            continue;
        };
        let made = prep(
            &request,
            &PrepContext { header, auth: &auth, rules: RULES, is_local: false, members: None },
            &database,
            &mut Vec::new(),
        );
        assert_eq!(as_in_3_8(made.clone()), recorded);
        let applied = database.apply(&header, &as_in_3_8(made));
        let Some(reply) = of_session.and_then(|recording| recording.replies.get(&header.cxid))
        else {
            continue;
        };
        let frame = encode_reply(header.cxid, header.zxid, applied.error, &applied.result);
        assert_eq!(frame.slice(4..), reply, "{request:?}");
        compared += 1;
    }
    assert!(compared > 15, "{compared}");
}

/// The times in a reply are those of the recording machine.
fn without_times(mut response: Response) -> Response {
    let stat = match &mut response {
        Response::Create2 { stat, .. }
        | Response::Stat(stat)
        | Response::Data { stat, .. }
        | Response::Children2 { stat, .. } => stat,
        _ => return response,
    };
    (stat.ctime, stat.mtime) = (WallMs(0), WallMs(0));
    response
}

#[test]
fn every_reply_of_a_session_is_the_recorded_one() {
    let (session, recording) = Recording::load("01-basic-crud");
    let mut database = Database::genesis();
    database.sessions.insert(session, 30_000);
    let mut compared = 0;
    for (xid, (op, body)) in recording.requests.range(Xid(1)..) {
        let reply = recording.replies[xid].clone();
        let (header, reply) = ReplyHeader::decode(reply).expect("a recorded reply");
        let Some(op) = OpCode::from_wire(*op) else { continue };
        let txn_header = TxnHeader { session, cxid: *xid, zxid: header.zxid, time: WallMs(0) };
        let context = PrepContext {
            header: txn_header,
            auth: &[],
            rules: RULES,
            is_local: false,
            members: None,
        };
        let (error, result) = match Request::decode(op.to_wire(), body.clone()) {
            Err(error) => panic!("xid {xid}: {error}"),
            // The empty path is the root for Java; no client sends it.
            Ok(Request::GetData { path, .. }) if path.is_empty() => continue,
            Ok(Request::Sync { .. }) => continue,
            Ok(request) if header.zxid == database.last_zxid => {
                let result =
                    read(&request, &ReadContext { session, auth: &[], rules: RULES }, &database)
                        .result;
                let error = result.as_ref().err().map_or(0, |error| error.to_wire());
                (error, result.unwrap_or(Response::Empty))
            }
            Ok(request) => {
                let txn = prep(&request, &context, &database, &mut Vec::new());
                let applied = database.apply(&txn_header, &txn);
                (applied.error, applied.result)
            }
        };
        assert_eq!(error, header.err, "xid {xid}");
        if error == 0 {
            let mut recorded = Response::decode(op, reply).expect("a recorded reply");
            if let Response::Children(names) | Response::Paths(names) = &mut recorded {
                names.sort(); // Java's are in the order of their hashes
            }
            assert_eq!(result, without_times(recorded), "xid {xid}");
        }
        compared += 1;
    }
    assert!(compared > 35, "{compared}");
}
