//! The bytes of a transaction log: header, framed records, and where its valid part ends.
//!
//! A file is a 16-byte header, records, and zeros up to the preallocated length. A record is a
//! checksum, a length, the transaction's bytes and a terminator. Not here: what the bytes of a
//! transaction mean (see [`crate::wire::txn`]), and which files there are (see [`super::files`]).
//! Source: `FileTxnLog`, `FileHeader`.

use alloc::vec::Vec;
use bytes::Bytes;

use crate::types::Zxid;

/// The length in bytes of a log's header.
pub const HEADER_LEN: u64 = 16;
/// What a log begins with: `ZKLG`, version 2, database 0.
const HEADER: [u8; 16] = *b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0";
/// Checksum (8 bytes) and length (4 bytes) before a record's transaction.
const RECORD_HEAD: usize = 12;
/// The byte after a record's transaction. It is written last, so it tells that all was written.
const TERMINATOR: u8 = b'B';
/// The length of a `TxnHeader`: session, cxid, zxid, time, type.
const TXN_HEADER_LEN: usize = 32;
/// Where the zxid is in a `TxnHeader`.
const ZXID_AT: usize = 12;

/// What a log begins with.
pub fn encode_header() -> Bytes {
    Bytes::from_static(&HEADER)
}

/// The bytes of one record around a transaction's bytes.
///
/// # Panics
/// If `txn` is 2 GiB or longer; [`super::Files`] refuses such a one before.
pub fn encode_record(txn: &[u8]) -> Bytes {
    let length = i32::try_from(txn.len()).expect("the writer refuses records of 2 GiB");
    let mut out = Vec::with_capacity(RECORD_HEAD + txn.len() + 1);
    out.extend_from_slice(&u64::from(adler2::adler32_slice(txn)).to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(txn);
    out.push(TERMINATOR);
    Bytes::from(out)
}

/// One whole record with a right checksum.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its transaction's place in the order.
    pub zxid: Zxid,
    /// Where in the file it begins, in bytes.
    pub offset: u64,
    /// The transaction's bytes; they share the memory of the file.
    pub txn: Bytes,
}

/// What is wrong with the bytes where a record should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The header is not that of a log of version 2.
    #[error("not the header of a transaction log")]
    Header,
    /// The file ends inside the record.
    #[error("the record needs {need} bytes, {have} are left")]
    CutOff {
        /// The record's length with its frame.
        need: u64,
        /// The bytes left.
        have: u64,
    },
    /// The length is not positive though bytes follow, or too short for a transaction.
    #[error("unreasonable length {length}")]
    Length {
        /// What stands there.
        length: i32,
    },
    /// The last byte is not the terminator.
    #[error("terminator 0x{byte:02x} instead of 0x42")]
    Terminator {
        /// What stands there.
        byte: u8,
    },
    /// The whole record is there, but its bytes have changed.
    #[error("checksum 0x{computed:x}, the record says 0x{written:x}")]
    Checksum {
        /// What the record says.
        written: u64,
        /// What its bytes give.
        computed: u64,
    },
}

/// Damage that no interrupted write explains. The server must not start on such a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[error("at byte {offset}: {damage}")]
pub struct Corrupt {
    /// Where the damaged record begins, in bytes.
    pub offset: u64,
    /// What is wrong with it.
    pub damage: Damage,
}

/// What a scan finds next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// A record.
    Record(Record),
    /// The end; only zeros may follow.
    End,
    /// The beginning of a record that was never written to its end, and nothing valid after it.
    Torn(Damage),
}

/// Reads a log from its start.
#[derive(Clone, Debug)]
pub struct Scan {
    file: Bytes,
    offset: usize,
    last: Zxid,
}

impl Scan {
    /// Begins at the first record. `None` if the file was created but its header never reached
    /// the disk: then it is empty, all zero, or a part of the header and zeros.
    ///
    /// # Errors
    /// [`Damage::Header`] if it is no log, or one of another version.
    pub fn open(file: Bytes) -> Result<Option<Scan>, Corrupt> {
        if file.starts_with(&HEADER[..8]) && file.len() >= HEADER.len() {
            return Ok(Some(Scan { file, offset: HEADER.len(), last: Zxid::ZERO }));
        }
        let same = file.iter().zip(HEADER).take_while(|(have, want)| *have == want).count();
        if is_zero(&file[same..]) {
            return Ok(None);
        }
        Err(Corrupt { offset: 0, damage: Damage::Header })
    }

    /// Where the next record begins, or would begin, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset as u64
    }

    /// The next record, or how the log ends.
    ///
    /// A write that was interrupted leaves a part of its last record, then zeros or nothing.
    /// So a wrong terminator, a zero length or a missing rest is a torn tail as long as no whole
    /// record follows (a client could write the bytes of a record into a value; the price of
    /// that is a refusal, never a lost record). A wrong checksum under a right terminator is
    /// always corruption, as in Java: the terminator is written last.
    ///
    /// # Errors
    /// [`Corrupt`] if the record is damaged in a way that no interrupted write explains.
    pub fn next_record(&mut self) -> Result<Next, Corrupt> {
        let rest = &self.file[self.offset..];
        match parse(rest) {
            Ok(txn_len) => {
                let start = self.offset + RECORD_HEAD;
                let txn = self.file.slice(start..start + txn_len);
                let record = Record { zxid: zxid_of(&txn), offset: self.offset(), txn };
                self.offset = start + txn_len + 1;
                self.last = record.zxid;
                Ok(Next::Record(record))
            }
            Err(_) if is_zero(rest) => Ok(Next::End),
            Err(damage) => {
                let whole = matches!(damage, Damage::Checksum { .. });
                if whole || self.valid_record_follows() {
                    return Err(Corrupt { offset: self.offset(), damage });
                }
                Ok(Next::Torn(damage))
            }
        }
    }

    /// Whether a whole record of a later transaction begins anywhere behind `offset`.
    fn valid_record_follows(&self) -> bool {
        let end = self.file.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        // The high half of a checksum and the sign of a length are zero: most places fall out
        // before a checksum is computed, so this stays linear on real files.
        (self.offset + 1..end).any(|at| {
            let rest = &self.file[at..];
            rest.starts_with(&[0; 4])
                && parse(rest).is_ok_and(|txn_len| {
                    zxid_of(&rest[RECORD_HEAD..RECORD_HEAD + txn_len]) > self.last
                })
        })
    }
}

/// Checks the record that `rest` begins with; gives the length of its transaction.
fn parse(rest: &[u8]) -> Result<usize, Damage> {
    let have = rest.len() as u64;
    let Some((head, body)) = rest.split_first_chunk::<RECORD_HEAD>() else {
        return Err(Damage::CutOff { need: RECORD_HEAD as u64, have });
    };
    let [c0, c1, c2, c3, c4, c5, c6, c7, l0, l1, l2, l3] = *head;
    let written = u64::from_be_bytes([c0, c1, c2, c3, c4, c5, c6, c7]);
    let length = i32::from_be_bytes([l0, l1, l2, l3]);
    let txn_len = match usize::try_from(length) {
        Ok(txn_len) if txn_len >= TXN_HEADER_LEN => txn_len,
        Ok(_) | Err(_) => return Err(Damage::Length { length }),
    };
    let Some(terminator) = body.get(txn_len) else {
        return Err(Damage::CutOff { need: (RECORD_HEAD + txn_len + 1) as u64, have });
    };
    if *terminator != TERMINATOR {
        return Err(Damage::Terminator { byte: *terminator });
    }
    let computed = u64::from(adler2::adler32_slice(&body[..txn_len]));
    if computed != written {
        return Err(Damage::Checksum { written, computed });
    }
    Ok(txn_len)
}

/// The zxid in a transaction's bytes, which are at least [`TXN_HEADER_LEN`] long.
fn zxid_of(txn: &[u8]) -> Zxid {
    let bytes = txn[ZXID_AT..ZXID_AT + 8].try_into().expect("eight bytes make a long");
    Zxid(u64::from_be_bytes(bytes))
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
