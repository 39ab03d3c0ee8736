//! Data folders of the real server: every file decodes to what an independent decoder printed,
//! records encode to themselves, and a start finds the recorded state; then each kind of damage.
#![allow(clippy::unwrap_used, reason = "in a test it is a failure like any other")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use zablab_core::storage::snapshot::{self, BodyDecoder};
use zablab_core::storage::txnlog::{Corrupt, Damage, Next, Record, Scan, encode_record};
use zablab_core::storage::{
    FileId, FileOp, FilesConfig, Folder, ReadError, RecoverError, Recovery, recover,
};
use zablab_core::tree::{Database, Znode};
use zablab_core::types::{Epoch, Epochs, SessionId, Zxid};
use zablab_core::wire::frame::FrameBuffer;
use zablab_core::wire::quorum::{PacketKind, QuorumPacket};
use zablab_core::wire::txn;

/// A data folder in memory.
#[derive(Clone, Default)]
struct Folders {
    files: BTreeMap<FileId, Vec<u8>>,
}

impl Folders {
    fn load(vector: &str) -> Folders {
        let mut folders = Folders::default();
        for entry in fs::read_dir(path(vector)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_file() && !name.ends_with(".txt") {
                folders.put(&name, fs::read(entry.path()).unwrap());
            }
        }
        folders
    }

    fn standalone() -> Folders {
        Folders::load("datadir-standalone/version-2")
    }

    /// A poisoned log with the empty snapshot that its folder had.
    fn poison(vector: &str) -> Folders {
        let mut folders = Folders::load(vector);
        folders.put("snapshot.0", Folders::standalone().get("snapshot.0").to_vec());
        folders
    }

    fn get(&self, name: &str) -> &[u8] {
        &self.files[&id(name)]
    }

    fn get_mut(&mut self, name: &str) -> &mut Vec<u8> {
        self.files.get_mut(&id(name)).unwrap()
    }

    fn put(&mut self, name: &str, content: Vec<u8>) {
        self.files.insert(id(name), content);
    }

    fn remove(&mut self, name: &str) {
        self.files.remove(&id(name)).unwrap();
    }

    fn recover(&self) -> Result<Recovery, RecoverError> {
        let list: Vec<FileId> = self.files.keys().cloned().collect();
        let mut read = |file: &FileId| match self.files.get(file) {
            Some(content) => Ok(Bytes::from(content.clone())),
            None => Err(ReadError { message: "no such file".into() }),
        };
        recover(&list, &mut read, FilesConfig::default())
    }

    fn state(&self) -> Database {
        self.recover().unwrap().recovered.database
    }

    fn run(&mut self, ops: &[FileOp]) {
        for op in ops {
            match op {
                FileOp::Create(file) => {
                    self.files.insert(file.clone(), Vec::new());
                }
                FileOp::WriteAt(file, at, bytes) => {
                    let content = self.files.get_mut(file).unwrap();
                    assert_eq!(*at, content.len() as u64);
                    content.extend_from_slice(bytes);
                }
                FileOp::SetLen(file, len) => {
                    self.files.get_mut(file).unwrap().resize(usize::try_from(*len).unwrap(), 0);
                }
                FileOp::Rename(file, to) => {
                    let content = self.files.remove(file).unwrap();
                    self.files.insert(FileId { folder: file.folder, name: to.clone() }, content);
                }
                FileOp::Remove(file) => {
                    self.files.remove(file).unwrap();
                }
                FileOp::Sync(file) => assert!(self.files.contains_key(file)),
                FileOp::SyncFolder(Folder::Data | Folder::Log | Folder::Config) => {}
            }
        }
    }

    /// The last record of `log`.
    fn last_record(&self, log: &str) -> Record {
        records(self.get(log)).pop().unwrap()
    }
}

fn path(vector: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(vector)
}

fn id(name: &str) -> FileId {
    FileId { folder: Folder::of(name), name: name.into() }
}

fn records(log: &[u8]) -> Vec<Record> {
    let mut scan = Scan::open(Bytes::copy_from_slice(log)).unwrap().unwrap();
    let mut records = Vec::new();
    while let Next::Record(record) = scan.next_record().unwrap() {
        records.push(record);
    }
    records
}

/// The lines that the decoder printed of one file.
fn printed(vector: &str, file: &str) -> Vec<String> {
    let text = fs::read_to_string(path(vector)).unwrap();
    let is_title = |line: &str| !line.starts_with(' ');
    let mut lines = text.lines().skip_while(|line| !(is_title(line) && line.contains(file)));
    assert!(lines.next().is_some(), "{file}");
    lines.take_while(|line| !is_title(line)).map(String::from).collect()
}

/// Bytes as the decoder printed them.
fn python_bytes(data: Option<&[u8]>) -> String {
    let Some(data) = data else { return "None".into() };
    let mut out = String::from("b'");
    for byte in data {
        match byte {
            b'\n' => out += "\\n",
            0x20..=0x7e => out.push(char::from(*byte)),
            _ => out += &format!("\\x{byte:02x}"),
        }
    }
    out + "'"
}

fn znode_line(path: &str, znode: &Znode) -> String {
    let Znode { acl, czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion, .. } = znode;
    format!(
        "  node '{path}' {} acl {} czxid {:x} mzxid {:x} ctime {ctime} mtime {mtime} ver {version} \
         cver {cversion} aver {aversion} eo {:x} pzxid {:x}",
        python_bytes(znode.data.as_deref()),
        acl.0,
        czxid.0,
        mzxid.0,
        znode.ephemeral_owner,
        pzxid.0,
    )
}

#[test]
fn snapshots_decode_to_what_was_printed() {
    let standalone =
        ["snapshot.0", "snapshot.1c"].map(|name| ("datadir-standalone", "version-2/", name));
    let ensemble = ["snapshot.0", "snapshot.100000016", "snapshot.200000006"]
        .map(|name| ("datadir-ensemble-trunc", "", name));
    for (vector, folder, name) in standalone.into_iter().chain(ensemble) {
        let folders = Folders::load(&format!("{vector}/{folder}"));
        let file = Bytes::copy_from_slice(folders.get(name));
        let decoded = snapshot::decode_file(&file).unwrap();
        let lines = printed(&format!("{vector}/expected-decode.txt"), &format!("{name} "));
        let mut want: Vec<&String> = lines.iter().filter(|l| l.starts_with("  node ")).collect();
        let mut have: Vec<String> =
            decoded.state.tree.walk().map(|(path, znode)| znode_line(path, znode)).collect();
        want.sort();
        have.sort();
        assert_eq!(have.iter().collect::<Vec<_>>(), want);
        let sessions: Vec<String> =
            decoded.state.sessions.iter().map(|(id, ms)| format!("('{id}', {ms})")).collect();
        let count = decoded.state.sessions.len();
        let have = format!("  sessions {count} [");
        let want = lines.iter().find(|line| line.starts_with("  sessions ")).unwrap();
        assert!(want.starts_with(&have), "{want}");
        assert!(sessions.iter().all(|session| want.contains(session)), "{want} {sessions:?}");
        let acls = lines.iter().find(|line| line.starts_with("  acls ")).unwrap();
        let count = decoded.state.tree.acls().len();
        assert!(acls.starts_with(&format!("  acls {count} [")), "{acls}");
        // An empty state's file has the digest 0, which says nothing.
        if let Some((_, digest)) = decoded.digest {
            assert_eq!(digest, decoded.state.tree.digest());
        }
        encodes_to_itself(&decoded.state, &file);
    }
}

/// The order of siblings is free, so what is compared is what is read again.
fn encodes_to_itself(state: &Database, file: &Bytes) {
    let encoded: Vec<u8> = snapshot::encode_file(state).flatten().collect();
    // The last zxid and its seal are new in 3.9.
    assert_eq!(encoded.len(), file.len() + 8 + 13);
    let again = snapshot::decode_file(&encoded.into()).unwrap();
    assert_eq!(again.state.tree, state.tree);
    assert_eq!(again.state.sessions, state.sessions);
}

#[test]
fn the_oldest_form_of_a_snapshot_is_read() {
    let folders = Folders::load("datadir-handmade");
    let file = Bytes::copy_from_slice(folders.get("snapshot.5"));
    let decoded = snapshot::decode_file(&file).unwrap();
    assert_eq!(decoded.digest, None);
    for len in 0..file.len() {
        assert!(snapshot::decode_file(&file.slice(..len)).is_err(), "{len}");
    }
}

#[test]
fn records_decode_to_what_was_printed_and_encode_to_themselves() {
    for (vector, expected, log) in [
        ("datadir-standalone/version-2", "datadir-standalone/expected-decode.txt", "log.1"),
        ("datadir-standalone/version-2", "datadir-standalone/expected-decode.txt", "log.1d"),
        ("datadir-ensemble-trunc", "datadir-ensemble-trunc/expected-decode.txt", "log.100000001"),
        ("datadir-ensemble-trunc", "datadir-ensemble-trunc/expected-decode.txt", "log.300000001"),
        ("poison-ttl", "poison-ttl/decode.txt", "log.1"),
        ("poison-check", "poison-check/decode.txt", "log.1"),
    ] {
        let folders = Folders::load(vector);
        let file = folders.get(log);
        let lines = printed(expected, &format!("{log} "));
        let lines: Vec<&String> = lines.iter().filter(|line| line.starts_with("  @")).collect();
        let records = records(file);
        assert_eq!(records.len(), lines.len());
        for (record, line) in records.iter().zip(lines) {
            let decoded = txn::decode(record.txn.clone()).unwrap();
            let header = decoded.header;
            let have = format!(
                "  @{} len {} crc True eor 42 cl={:x} cxid={} zxid={:x} t={} type={} ",
                record.offset,
                record.txn.len(),
                header.session.0,
                header.cxid,
                header.zxid.0,
                header.time,
                decoded.txn.op().to_wire(),
            );
            assert!(line.starts_with(&have), "{line}\n{have}");
            let digest = decoded.digest.map(|digest| format!("00000002{digest:016x}"));
            assert!(line.ends_with(&format!("rest={}", digest.unwrap_or_default())), "{line}");
            assert_eq!(txn::encode(&header, &decoded.txn, decoded.digest), record.txn);
            let framed = encode_record(&record.txn);
            let at = usize::try_from(record.offset).unwrap();
            assert_eq!(framed, file[at..at + framed.len()]);
        }
    }
}

#[test]
fn a_standalone_folder_recovers() {
    let mut folders = Folders::standalone();
    let Recovery { recovered, files, repairs } = folders.recover().unwrap();
    let database = recovered.database;
    assert_eq!(database.last_zxid, Zxid(0x1f));
    assert_eq!(database.tree.digest(), 0x8_e20f_d3ca);
    assert_eq!(recovered.epochs, Epochs::default());
    assert_eq!(recovered.notes, Vec::<String>::new());
    let recent: Vec<u64> = recovered.recent.iter().map(|record| record.zxid().0).collect();
    assert_eq!(recent, [0x1d, 0x1e, 0x1f]);
    assert_eq!(files.last_zxid(), Zxid(0x1f));
    let sessions: Vec<SessionId> = database.sessions.iter().map(|(id, _)| *id).collect();
    let ids = [0x0100_001b_0fd2_0000, 0x0100_001b_0fd2_0002, 0x0100_001b_1e32_0000];
    assert_eq!(sessions, ids.map(SessionId));
    let after = database.tree.get("/after").unwrap();
    assert_eq!((after.data.as_deref(), after.version), (Some(&b"2"[..]), 1));
    // The repairs only make durable what is there.
    let before = folders.files.clone();
    folders.run(&repairs);
    assert!(folders.files == before);
}

#[test]
fn the_log_alone_gives_the_digest_of_the_snapshot() {
    let mut folders = Folders::standalone();
    folders.remove("snapshot.1c");
    folders.remove("log.1d");
    let database = folders.state();
    assert_eq!(database.last_zxid, Zxid(0x1c));
    assert_eq!(database.tree.digest(), 0x8_6073_03e4);
}

#[test]
fn a_quorum_members_folder_recovers() {
    let folders = Folders::load("datadir-ensemble-trunc");
    let recovered = folders.recover().unwrap().recovered;
    assert_eq!(recovered.database.last_zxid, Zxid(0x3_0000_0002));
    assert_eq!(recovered.epochs, Epochs { accepted: Epoch(3), current: Epoch(3) });
    assert_eq!(recovered.database.tree.digest(), 0x4_d6df_47c3);
    assert_eq!(recovered.notes, Vec::<String>::new());
    // From the older snapshots the replay crosses the cut of TRUNC and two changes of epoch.
    for newest in ["snapshot.200000006", "snapshot.100000016"] {
        let mut older = folders.clone();
        older.remove(newest);
        assert_eq!(older.state().tree.digest(), recovered.database.tree.digest());
    }
}

#[test]
fn a_folder_of_our_own_encoder_recovers() {
    let database = Folders::load("datadir-handmade").state();
    assert_eq!(database.last_zxid, Zxid(8));
    let hello = database.tree.get("/hello").unwrap();
    let have = (hello.data.as_deref(), hello.version, hello.mzxid);
    assert_eq!(have, (Some(&b"new"[..]), 1, Zxid(8)));
    let kid = database.tree.get("/hello/kid").unwrap();
    assert_eq!((kid.data.as_deref(), kid.czxid), (Some(&b"k"[..]), Zxid(6)));
    let eph = database.tree.get("/eph").unwrap();
    assert_eq!((eph.data.as_deref(), eph.ephemeral_owner), (None, 0x77));
}

#[test]
fn poisoned_logs_start() {
    let ttl = Folders::poison("poison-ttl").state();
    assert_eq!(ttl.last_zxid, Zxid(0x14));
    assert_eq!(ttl.tree.get("/ttly"), None);
    let check = Folders::poison("poison-check").state();
    assert_eq!(check.last_zxid, Zxid(0x3e));
    assert_eq!(check.tree.digest(), 0x5_51a5_0866);
}

#[test]
fn a_changed_byte_in_the_last_record_is_corruption() {
    let mut folders = Folders::standalone();
    let last = folders.last_record("log.1d");
    folders.get_mut("log.1d")[usize::try_from(last.offset).unwrap() + 20] ^= 1;
    let error = folders.recover().unwrap_err();
    let RecoverError::CorruptLog { file, corrupt: Corrupt { offset, damage } } = error else {
        panic!("{error}");
    };
    assert_eq!((file, offset), (id("log.1d"), last.offset));
    assert!(matches!(damage, Damage::Checksum { .. }));
}

/// The last record is dropped, the log cut there, and the next start finds nothing to do.
fn drops_the_last_record(mut folders: Folders, end: u64) {
    let Recovery { recovered, repairs, .. } = folders.recover().unwrap();
    assert_eq!(recovered.database.last_zxid, Zxid(0x1e));
    assert_eq!(recovered.database.tree.digest(), 0x8_d759_4dcd);
    assert_eq!(recovered.notes.len(), 1, "{:?}", recovered.notes);
    assert!(repairs.contains(&FileOp::SetLen(id("log.1d"), end)));
    folders.run(&repairs);
    assert_eq!(folders.get("log.1d").len() as u64, end);
    assert_eq!(folders.recover().unwrap().recovered.notes, Vec::<String>::new());
    assert_eq!(folders.state(), recovered.database);
}

#[test]
fn a_log_that_ends_inside_the_last_record_is_cut() {
    let folders = Folders::standalone();
    let last = folders.last_record("log.1d");
    let start = usize::try_from(last.offset).unwrap();
    for kept in 1..12 + last.txn.len() + 1 {
        let mut cut = folders.clone();
        cut.get_mut("log.1d").truncate(start + kept);
        // Without a byte that is not zero there is nothing to tell from padding.
        if cut.get("log.1d")[start..].iter().any(|byte| *byte != 0) {
            drops_the_last_record(cut, last.offset);
        }
    }
}

#[test]
fn a_last_record_whose_tail_is_zero_is_cut() {
    let folders = Folders::standalone();
    let last = folders.last_record("log.1d");
    let start = usize::try_from(last.offset).unwrap();
    for kept in 8..12 + last.txn.len() + 1 {
        let mut zeroed = folders.clone();
        zeroed.get_mut("log.1d")[start + kept..].fill(0);
        drops_the_last_record(zeroed, last.offset);
    }
}

#[test]
fn a_last_record_with_a_wrong_terminator_is_cut() {
    let mut folders = Folders::standalone();
    let last = folders.last_record("log.1d");
    let start = usize::try_from(last.offset).unwrap();
    folders.get_mut("log.1d")[start + 12 + last.txn.len()] = 0x43;
    drops_the_last_record(folders, last.offset);
}

#[test]
fn any_damage_in_front_of_a_whole_record_is_corruption() {
    let folders = Folders::standalone();
    let log = folders.get("log.1d").to_vec();
    let records = records(&log);
    let (first, next) = (records[0].offset as usize, records[1].offset as usize);
    for (at, byte) in log.iter().enumerate().take(next).skip(first) {
        for flip in [1, 0x80, *byte] {
            let mut damaged = folders.clone();
            damaged.get_mut("log.1d")[at] ^= flip;
            if flip == 0 {
                continue;
            }
            let error = damaged.recover().unwrap_err();
            let RecoverError::CorruptLog { file, corrupt } = error else { panic!("{error}") };
            assert_eq!((file, corrupt.offset), (id("log.1d"), first as u64));
        }
    }
}

#[test]
fn a_damaged_snapshot_is_passed_over_if_the_log_holds_it_all() {
    let mut folders = Folders::standalone();
    let want = folders.state();
    folders.get_mut("snapshot.1c")[1000] ^= 1;
    let recovered = folders.recover().unwrap().recovered;
    assert_eq!(recovered.database.tree.digest(), want.tree.digest());
    assert_eq!(recovered.database.last_zxid, want.last_zxid);
    assert!(recovered.notes[0].starts_with("snapshot.1c is damaged"), "{:?}", recovered.notes);
}

#[test]
fn every_changed_byte_of_a_snapshot_is_noticed() {
    let folders = Folders::standalone();
    let file = folders.get("snapshot.1c");
    for at in (0..8).chain(16..file.len()) {
        let mut damaged = file.to_vec();
        damaged[at] ^= 1;
        assert!(snapshot::decode_file(&damaged.into()).is_err(), "{at}");
    }
}

#[test]
fn a_damaged_snapshot_that_the_log_does_not_hold_is_refused() {
    let mut folders = Folders::standalone();
    folders.get_mut("snapshot.1c")[1000] ^= 1;
    folders.remove("log.1");
    folders.remove("log.1d");
    let error = folders.recover().unwrap_err();
    assert!(matches!(error, RecoverError::SnapshotLost { file, .. } if file == id("snapshot.1c")));
}

#[test]
fn a_log_without_a_snapshot_is_refused() {
    let mut folders = Folders::standalone();
    folders.remove("snapshot.0");
    folders.remove("snapshot.1c");
    let error = folders.recover().unwrap_err();
    assert_eq!(error, RecoverError::NoSnapshot { file: id("log.1") });
}

#[test]
fn a_missing_log_is_a_gap() {
    let mut folders = Folders::standalone();
    folders.remove("snapshot.1c");
    folders.remove("log.1");
    let (last, zxid) = (Zxid(0), Zxid(0x1d));
    let gap = RecoverError::Gap { file: id("log.1d"), offset: 16, last, zxid };
    assert_eq!(folders.recover().unwrap_err(), gap);
}

#[test]
fn a_dropped_tail_may_be_followed_by_another_log() {
    let mut folders = Folders::standalone();
    let last = folders.last_record("log.1d");
    let start = usize::try_from(last.offset).unwrap();
    let mut next = folders.get("log.1d")[..16].to_vec();
    next.extend_from_slice(&encode_record(&last.txn));
    folders.put("log.1f", next);
    folders.get_mut("log.1d").truncate(start + 30);
    assert_eq!(folders.state().last_zxid, Zxid(0x1f));
}

#[test]
fn epochs_that_cannot_be_are_refused() {
    let folders = Folders::load("datadir-ensemble-trunc");
    let with = |name: &str, text: &str| {
        let mut folders = folders.clone();
        folders.put(name, text.into());
        folders.recover()
    };
    let error = with("acceptedEpoch", "2").unwrap_err();
    assert!(matches!(error, RecoverError::EpochOrder { .. }));
    let error = with("acceptedEpoch", "three").unwrap_err();
    assert!(matches!(error, RecoverError::BadEpoch { .. }));
    // Interrupted between the history and the epoch that claims it.
    let recovery = with("currentEpoch", "1").unwrap();
    assert_eq!(recovery.recovered.epochs, Epochs { accepted: Epoch(3), current: Epoch(3) });
    let mut behind = folders.clone();
    behind.put("acceptedEpoch", "2".into());
    behind.put("currentEpoch", "2".into());
    let error = behind.recover().unwrap_err();
    let ahead = RecoverError::HistoryAhead { last: Zxid(0x3_0000_0002), accepted: Epoch(2) };
    assert_eq!(error, ahead);
    let mut lost = folders.clone();
    lost.files.retain(|file, _| file.name.ends_with("Epoch"));
    assert!(matches!(lost.recover().unwrap_err(), RecoverError::NoSnapshot { .. }));
}

#[test]
fn an_empty_disk_becomes_a_genesis_that_java_would_write() {
    let mut folders = Folders::default();
    let Recovery { recovered, repairs, .. } = folders.recover().unwrap();
    assert_eq!(recovered.database, Database::genesis());
    folders.run(&repairs);
    assert_eq!(folders.files.keys().collect::<Vec<_>>(), [&id("snapshot.0")]);
    let java = Folders::standalone();
    let [java, ours] = [&java, &folders].map(|folders| folders.get("snapshot.0"));
    // Seals 1 and 2 with the digest between them are the same bytes; seal 3 follows.
    assert_eq!(java.len(), 457);
    assert_eq!(ours, [java, &ours[457..]].concat());
    assert_eq!(ours.len(), 457 + 21);
    assert_eq!(folders.state(), Database::genesis());
}

#[test]
fn a_file_in_the_wrong_folder_is_refused() {
    let mut folders = Folders::standalone();
    let log = folders.files.remove(&id("log.1")).unwrap();
    let file = FileId { folder: Folder::Data, name: "log.1".into() };
    folders.files.insert(file.clone(), log);
    assert_eq!(folders.recover().unwrap_err(), RecoverError::Misplaced { file });
}

#[test]
fn the_body_of_a_snap_is_read_however_it_is_cut() {
    let state = Folders::standalone().state();
    let stream: Bytes = snapshot::encode_snap_stream(&state).flatten().collect();
    let body: Bytes = snapshot::encode_body(&state).flatten().collect();
    assert_eq!(stream, [&body[..], b"\0\0\0\x0aBenWasHere"].concat());
    let packets = [&stream[..], b"next"].concat();
    for piece_len in [1, 2, 3, 7, 64, 1000, packets.len()] {
        let mut decoder = BodyDecoder::default();
        let mut read = 0;
        let mut got = None;
        while got.is_none() {
            let end = packets.len().min(read + piece_len);
            let mut chunk = Bytes::copy_from_slice(&packets[read..end]);
            got = decoder.push(&mut chunk).unwrap();
            assert!(got.is_some() || chunk.is_empty());
            read = end - chunk.len();
        }
        assert_eq!(read, stream.len());
        let got = got.unwrap();
        assert_eq!(got.tree.digest(), state.tree.digest());
        assert_eq!(got.sessions, state.sessions);
        assert_eq!(got.last_zxid, Zxid::ZERO);
    }
    let mut unsigned = Bytes::from([&body[..], b"\0\0\0\x0aBenWasGone"].concat());
    assert!(BodyDecoder::default().push(&mut unsigned).is_err());
}

#[test]
fn a_recorded_snap_is_read() {
    let stream = fs::read(path("peer/quorum-snap.leader2learner.bin")).unwrap();
    let mut buffer = FrameBuffer::default();
    buffer.push(stream.into());
    let kinds = [PacketKind::LeaderInfo, PacketKind::Snap];
    for kind in kinds {
        assert_eq!(QuorumPacket::decode(&mut buffer).unwrap().unwrap().kind, kind);
    }
    let mut rest = buffer.take(buffer.len());
    let state = BodyDecoder::default().push(&mut rest).unwrap().unwrap();
    // As the next PROPOSAL says, whose transaction begins a session.
    assert_eq!(state.tree.digest(), 0x4_2a4b_faa6);
    assert_eq!(state.sessions.iter().next(), Some((&SessionId(0x0100_0016_b3dc_0001), &20_000)));
    buffer.push(rest);
    let next = QuorumPacket::decode(&mut buffer).unwrap().unwrap();
    assert_eq!(next.kind, PacketKind::NewLeader);
}
