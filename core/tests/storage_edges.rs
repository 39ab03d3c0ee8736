//! What storage refuses to write, how its operations are ordered, and any bytes at all.
#![allow(clippy::unwrap_used, reason = "in a test it is a failure like any other")]

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use zablab_core::storage::snapshot::{self, BodyDecoder};
use zablab_core::storage::txnlog::{self, Next, Scan};
use zablab_core::storage::{
    FileId, FileOp, Files, FilesConfig, Folder, ReadError, RecoverError, Write, WriteError,
    recover, snapshot_ops,
};
use zablab_core::tree::Database;
use zablab_core::txn::{Txn, TxnHeader};
use zablab_core::types::{Epoch, SessionId, WallMs, Xid, Zxid};
use zablab_core::wire::txn;

type Disk = BTreeMap<FileId, Bytes>;

fn read(disk: &Disk, file: &FileId) -> Result<Bytes, ReadError> {
    disk.get(file).cloned().ok_or_else(|| ReadError { message: "no such file".into() })
}

fn id(name: &str) -> FileId {
    FileId { folder: Folder::of(name), name: name.into() }
}

/// A disk after its first start.
fn genesis() -> Disk {
    let file = snapshot::encode_file(&Database::genesis()).flatten().collect();
    Disk::from([(id("snapshot.0"), file)])
}

fn files_of(disk: &Disk) -> Files {
    let list: Vec<FileId> = disk.keys().cloned().collect();
    let config = FilesConfig { preallocate: 0 };
    recover(&list, &mut |file| read(disk, file), config).unwrap().files
}

fn plan(files: &mut Files, disk: &Disk, write: &Write) -> Result<Vec<FileOp>, WriteError> {
    let mut ops = Vec::new();
    files.plan(write, &mut |file| read(disk, file), &mut ops).map(|()| ops)
}

fn session_record(zxid: Zxid) -> Bytes {
    let header = TxnHeader { session: SessionId(1), cxid: Xid(0), zxid, time: WallMs(0) };
    txn::encode(&header, &Txn::CreateSession { timeout_ms: 4000 }, None)
}

fn append(zxid: Zxid) -> Write {
    Write::Append { zxid, record: session_record(zxid) }
}

/// A log of these records, as one file.
fn log(zxids: &[Zxid]) -> Bytes {
    let records = zxids.iter().map(|zxid| txnlog::encode_record(&session_record(*zxid)));
    std::iter::once(txnlog::encode_header()).chain(records).flatten().collect()
}

#[test]
fn one_sync_makes_a_batch_durable() {
    let disk = genesis();
    let mut files = files_of(&disk);
    let mut ops = Vec::new();
    for counter in 1..=3 {
        ops.extend(plan(&mut files, &disk, &append(Zxid(counter))).unwrap());
    }
    files.sync(&mut ops);
    files.sync(&mut ops);
    let log = id("log.1");
    let framed = |counter| txnlog::encode_record(&session_record(Zxid(counter)));
    let len = framed(1).len() as u64;
    let want = [
        FileOp::Create(log.clone()),
        FileOp::WriteAt(log.clone(), 0, txnlog::encode_header()),
        FileOp::SyncFolder(Folder::Log),
        FileOp::WriteAt(log.clone(), 16, framed(1)),
        FileOp::WriteAt(log.clone(), 16 + len, framed(2)),
        FileOp::WriteAt(log.clone(), 16 + 2 * len, framed(3)),
        FileOp::Sync(log),
    ];
    assert_eq!(ops, want);
}

#[test]
fn the_log_is_durable_before_the_epoch_that_claims_it() {
    let disk = genesis();
    let mut files = files_of(&disk);
    plan(&mut files, &disk, &Write::SetAcceptedEpoch(Epoch(1))).unwrap();
    plan(&mut files, &disk, &append(Zxid::new(Epoch(1), 1))).unwrap();
    let ops = plan(&mut files, &disk, &Write::SetCurrentEpoch(Epoch(1))).unwrap();
    let tmp = id("currentEpoch.tmp");
    let want = [
        FileOp::Sync(id("log.100000001")),
        FileOp::Create(tmp.clone()),
        FileOp::WriteAt(tmp.clone(), 0, Bytes::from_static(b"1")),
        FileOp::Sync(tmp.clone()),
        FileOp::Rename(tmp, "currentEpoch".into()),
        FileOp::SyncFolder(Folder::Data),
    ];
    assert_eq!(ops, want);
}

#[test]
fn a_snapshot_begins_a_new_log() {
    let disk = genesis();
    let mut files = files_of(&disk);
    plan(&mut files, &disk, &append(Zxid(1))).unwrap();
    let state = Database { last_zxid: Zxid(1), ..Database::genesis() };
    let ops: Vec<FileOp> = snapshot_ops(&state).collect();
    let end = [
        FileOp::Sync(id("tmp.snapshot.1")),
        FileOp::Rename(id("tmp.snapshot.1"), "snapshot.1".into()),
        FileOp::SyncFolder(Folder::Data),
    ];
    assert!(ops.ends_with(&end));
    files.snapshot_taken(Zxid(1));
    let ops = plan(&mut files, &disk, &append(Zxid(2))).unwrap();
    assert_eq!(ops[..2], [FileOp::Sync(id("log.1")), FileOp::Create(id("log.2"))]);
}

#[test]
fn a_record_must_come_after_the_last_one() {
    let disk = genesis();
    let mut files = files_of(&disk);
    plan(&mut files, &disk, &append(Zxid(2))).unwrap();
    for zxid in [Zxid(1), Zxid(2)] {
        let error = plan(&mut files, &disk, &append(zxid)).unwrap_err();
        assert_eq!(error, WriteError::OutOfOrder { last: Zxid(2), zxid });
    }
}

#[test]
fn epochs_never_fall_and_keep_their_order() {
    let disk = genesis();
    let mut files = files_of(&disk);
    plan(&mut files, &disk, &Write::SetAcceptedEpoch(Epoch(5))).unwrap();
    plan(&mut files, &disk, &Write::SetCurrentEpoch(Epoch(4))).unwrap();
    let bad = [
        Write::SetAcceptedEpoch(Epoch(4)),
        Write::SetCurrentEpoch(Epoch(3)),
        Write::SetCurrentEpoch(Epoch(6)),
    ];
    for write in bad {
        let error = plan(&mut files, &disk, &write).unwrap_err();
        assert!(matches!(error, WriteError::EpochOrder { .. }), "{write:?}");
    }
}

#[test]
fn a_cut_where_nothing_is_stops_the_server() {
    let mut disk = genesis();
    disk.insert(id("log.1"), log(&[Zxid(1), Zxid(2), Zxid(3)]));
    let cut = |disk: &Disk, after| {
        plan(&mut files_of(disk), disk, &Write::Truncate { after }).map_err(|error| match error {
            WriteError::Truncate { after: _, why } => why,
            other => panic!("{other}"),
        })
    };
    // The log does not hold it.
    let (after, last) = (Zxid(4), Zxid(3));
    assert_eq!(cut(&disk, after).unwrap_err(), RecoverError::NotFound { after, last });
    // What is left has no snapshot to begin with.
    let state = Database { last_zxid: Zxid(2), ..Database::genesis() };
    disk.remove(&id("snapshot.0"));
    disk.insert(id("snapshot.2"), snapshot::encode_file(&state).flatten().collect());
    let (after, last) = (Zxid(1), Zxid::ZERO);
    assert_eq!(cut(&disk, after).unwrap_err(), RecoverError::NotFound { after, last });
    // Cutting at the snapshot itself needs no log.
    let ops = cut(&disk, Zxid(2)).unwrap();
    let len = (log(&[Zxid(1), Zxid(2)])).len() as u64;
    assert!(ops.contains(&FileOp::SetLen(id("log.1"), len)));
}

#[test]
fn two_markers_are_refused() {
    let mut disk = genesis();
    disk.insert(id("syncing.5"), Bytes::new());
    disk.insert(id("truncating.6"), Bytes::new());
    let list: Vec<FileId> = disk.keys().cloned().collect();
    let error = recover(&list, &mut |file| read(&disk, file), FilesConfig::default()).unwrap_err();
    let (first, second) = (id("syncing.5"), id("truncating.6"));
    assert_eq!(error, RecoverError::TwoMarkers { first, second });
}

#[test]
fn names_that_are_not_ours_are_passed_over() {
    let mut disk = genesis();
    for name in ["myid", "snapshot.x", "log.", "log.1.old", "log.+1", "zookeeper_server.pid"] {
        disk.insert(id(name), Bytes::from_static(b"?"));
    }
    assert_eq!(files_of(&disk).last_zxid(), Zxid::ZERO);
}

/// Starts on a disk; no bytes may panic.
fn start(disk: &Disk) {
    let list: Vec<FileId> = disk.keys().cloned().collect();
    let _ = recover(&list, &mut |file| read(disk, file), FilesConfig::default());
}

proptest! {
    #[test]
    fn any_bytes_may_be_a_log(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(Some(mut scan)) = Scan::open(bytes.clone().into()) {
            while let Ok(Next::Record(_)) = scan.next_record() {}
        }
        let log = [&txnlog::encode_header()[..], &bytes].concat();
        let framed = txnlog::encode_record(&bytes);
        let mut disk = genesis();
        disk.insert(id("log.1"), log.into());
        start(&disk);
        disk.insert(id("log.1"), [&txnlog::encode_header()[..], &framed].concat().into());
        start(&disk);
    }

    #[test]
    fn any_bytes_may_be_a_snapshot(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = snapshot::decode_file(&bytes.clone().into());
        let _ = BodyDecoder::default().push(&mut bytes.into());
    }

    #[test]
    fn any_changes_of_a_body_may_come(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        piece_len in 1_usize..200,
    ) {
        let state = Database::genesis();
        let mut stream: Vec<u8> = snapshot::encode_snap_stream(&state).flatten().collect();
        for (at, byte) in changes {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        let mut decoder = BodyDecoder::default();
        for piece in stream.chunks(piece_len) {
            if !matches!(decoder.push(&mut Bytes::copy_from_slice(piece)), Ok(None)) {
                break;
            }
        }
    }

    #[test]
    fn records_come_back(txns in prop::collection::vec(
        prop::collection::vec(any::<u8>(), 32..90), 0..6), padding in 0_usize..40)
    {
        let framed = txns.iter().map(|txn| txnlog::encode_record(txn));
        let mut file: Vec<u8> =
            std::iter::once(txnlog::encode_header()).chain(framed).flatten().collect();
        file.resize(file.len() + padding, 0);
        let mut scan = Scan::open(file.into()).unwrap().unwrap();
        for txn in txns {
            let Next::Record(record) = scan.next_record().unwrap() else { panic!("an end") };
            prop_assert_eq!(record.txn, txn);
        }
        prop_assert_eq!(scan.next_record(), Ok(Next::End));
    }
}
