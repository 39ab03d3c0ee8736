//! A part of the log, read again while the server runs: what a learner lacks that the window in
//! memory does not reach back to.
//!
//! The writer may be appending to the newest log meanwhile; what it has not finished looks torn,
//! and the reading ends there. Source: `FileTxnLog.read`, `ZKDatabase.getProposalsFromTxnLog`.

use alloc::vec::Vec;
use bytes::Bytes;

use super::files::ReadFile;
use super::names::{FileId, Folder};
use super::txnlog::{Next, Scan};
use crate::txn::LogRecord;
use crate::types::Zxid;
use crate::wire::txn;

/// The records from `from` on, which is the first of them, without a gap, to the end of the log.
/// `None` if the log does not hold `from`, holds more than `limit` bytes behind it, or cannot be
/// read: then it says nothing about a learner that ends at `from`.
pub fn log_after(
    files: &[FileId],
    from: Zxid,
    limit: u64,
    read: &mut ReadFile<'_>,
) -> Option<Vec<LogRecord>> {
    let mut logs: Vec<(Zxid, &FileId)> = files
        .iter()
        .filter(|file| file.folder == Folder::Log)
        .filter_map(|file| Some((file.log_start()?, file)))
        .collect();
    logs.sort_unstable();
    let first = logs.iter().rposition(|(start, _)| *start <= from)?;
    let (mut records, mut size): (Vec<LogRecord>, u64) = (Vec::new(), 0);
    for (_, file) in &logs[first..] {
        let Some(mut scan) = Scan::open(read(file).ok()?).ok()? else { continue };
        while let Next::Record(record) = scan.next_record().ok()? {
            let is_next = match records.last() {
                None if record.zxid < from => continue,
                None => record.zxid == from,
                Some(last) => record.zxid.follows(last.zxid()),
            };
            size += record.txn.len() as u64;
            if !is_next || size > limit {
                return None;
            }
            // Copied, so that a record never keeps the memory of its whole log.
            records.push(txn::decode(Bytes::copy_from_slice(&record.txn)).ok()?);
        }
    }
    (!records.is_empty()).then_some(records)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;
    use crate::storage::ReadError;
    use crate::storage::txnlog::{encode_header, encode_record};
    use crate::txn::{Txn, TxnHeader};
    use crate::types::{Epoch, SessionId, WallMs, Xid};

    fn z(epoch: u32, counter: u32) -> Zxid {
        Zxid::new(Epoch(epoch), counter)
    }

    fn record(zxid: Zxid) -> Bytes {
        let header = TxnHeader { session: SessionId(1), cxid: Xid(1), zxid, time: WallMs(0) };
        encode_record(&txn::encode(&header, &Txn::CreateSession { timeout_ms: 4000 }, None))
    }

    /// Logs of these records, each with room behind them.
    fn logs(of: &[&[Zxid]]) -> BTreeMap<FileId, Vec<u8>> {
        let log = |zxids: &&[Zxid]| {
            let records = zxids.iter().flat_map(|zxid| record(*zxid));
            (
                FileId::log(zxids[0]),
                encode_header().into_iter().chain(records).chain([0; 99]).collect(),
            )
        };
        of.iter().map(log).collect()
    }

    fn read(disk: &BTreeMap<FileId, Vec<u8>>, from: Zxid, limit: u64) -> Option<Vec<Zxid>> {
        let files: Vec<FileId> = disk.keys().cloned().collect();
        let mut read = |file: &FileId| {
            let missing = || ReadError { message: "no such file".into() };
            disk.get(file).map(|bytes| bytes.clone().into()).ok_or_else(missing)
        };
        let records = log_after(&files, from, limit, &mut read)?;
        Some(records.iter().map(LogRecord::zxid).collect())
    }

    #[test]
    fn it_begins_with_what_is_asked_for_and_goes_to_the_end() {
        let disk = logs(&[&[z(1, 1), z(1, 2)], &[z(1, 3)], &[z(2, 1), z(2, 2)]]);
        let all = [z(1, 2), z(1, 3), z(2, 1), z(2, 2)];
        assert_eq!(read(&disk, z(1, 2), 1000), Some(all.into()));
        assert_eq!(read(&disk, z(1, 3), 1000), Some(all[1..].into()));
        assert_eq!(read(&disk, z(2, 2), 1000), Some(all[3..].into()));
    }

    #[test]
    fn what_it_does_not_hold_it_does_not_prove() {
        let disk = logs(&[&[z(1, 2), z(1, 3)], &[z(2, 1)]]);
        for absent in [z(0, 9), z(1, 1), z(1, 4), z(2, 2)] {
            assert_eq!(read(&disk, absent, 1000), None, "{absent}");
        }
        let gap = logs(&[&[z(1, 2), z(1, 3)], &[z(1, 5)]]);
        assert_eq!(read(&gap, z(1, 2), 1000), None);
        let one = record(z(1, 2)).len() as u64;
        assert_eq!(read(&disk, z(1, 2), 2 * one), None, "three records are longer");
        assert_eq!(read(&disk, z(1, 3), 2 * one), Some([z(1, 3), z(2, 1)].into()));
    }

    #[test]
    fn a_record_that_is_being_written_is_not_there_yet_and_a_damaged_one_ends_it() {
        let mut disk = logs(&[&[z(1, 1), z(1, 2), z(1, 3)]]);
        let bytes = disk.values_mut().next().expect("a log");
        let last = bytes.len() - 99 - 1;
        bytes[last] = 0;
        assert_eq!(read(&disk, z(1, 1), 1000), Some([z(1, 1), z(1, 2)].into()));
        let bytes = disk.values_mut().next().expect("a log");
        bytes[40] ^= 1;
        assert_eq!(read(&disk, z(1, 1), 1000), None);
        assert_eq!(read(&BTreeMap::new(), z(1, 1), 1000), None);
    }
}
