//! What a Paxos process keeps on its disk: one file `paxos`, replaced as a whole.
//!
//! The bytes are `50 58 01` (`PX`, version 1), the round (4 bytes), the promised ballot or nothing
//! and the accepted proposal or nothing (as in a [`super::message`]), and the CRC-32 of all that
//! (4 bytes, big-endian). The order of operations is that of every file that is replaced: a
//! temporary file is written and synced, then renamed, then the folder is synced; so a crash
//! leaves the old record or the new one.

use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

use super::Durable;
use super::message::{Fields, put_accepted, put_ballot};
use crate::storage::{FileId, FileOp, Folder};

/// The file.
pub const NAME: &str = "paxos";
const TMP_NAME: &str = "paxos.tmp";
const HEAD: [u8; 3] = [b'P', b'X', 1];
/// Bytes of the checksum at the end.
const CRC_LEN: usize = 4;

/// A file that is no record: the process must not start on it, because it may have promised
/// what it cannot read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[error("the file {NAME} is damaged")]
pub struct RecordError;

/// The file that holds the record.
pub fn file() -> FileId {
    FileId { folder: Folder::Data, name: String::from(NAME) }
}

/// The bytes of a record.
pub fn encode(state: &Durable) -> Bytes {
    let mut out = Vec::from(HEAD);
    out.extend(state.round.to_be_bytes());
    out.push(u8::from(state.promised.is_some()));
    if let Some(ballot) = state.promised {
        put_ballot(&mut out, ballot);
    }
    put_accepted(&mut out, state.accepted.as_ref());
    out.extend(crc32fast::hash(&out).to_be_bytes());
    Bytes::from(out)
}

/// Reads a record. A disk without the file holds the first one.
///
/// # Errors
/// The bytes are not those of a record.
pub fn decode(bytes: Option<&[u8]>) -> Result<Durable, RecordError> {
    let Some(bytes) = bytes else { return Ok(Durable::default()) };
    let split = bytes.len().checked_sub(CRC_LEN).and_then(|end| bytes.split_at_checked(end));
    let (body, crc) = split.ok_or(RecordError)?;
    let fields = body.strip_prefix(&HEAD).ok_or(RecordError)?;
    if crc32fast::hash(body).to_be_bytes() != crc {
        return Err(RecordError);
    }
    let mut input = Fields { rest: fields, length: bytes.len() };
    let read = |input: &mut Fields| {
        let round = u32::from_be_bytes(input.array()?);
        let promised = if input.is_there()? { Some(input.ballot()?) } else { None };
        let accepted = input.accepted()?;
        input.end()?;
        Ok(Durable { round, promised, accepted })
    };
    read(&mut input).map_err(|_: super::message::MessageError| RecordError)
}

/// The operations that replace the record. Without `sync` (a mutation) a crash may undo them.
pub fn replace(state: &Durable, sync: bool) -> Vec<FileOp> {
    let tmp = FileId { folder: Folder::Data, name: String::from(TMP_NAME) };
    let mut ops = Vec::from([
        FileOp::Create(tmp.clone()),
        FileOp::WriteAt(tmp.clone(), 0, encode(state)),
        FileOp::Rename(tmp.clone(), String::from(NAME)),
    ]);
    if sync {
        ops.insert(2, FileOp::Sync(tmp));
        ops.push(FileOp::SyncFolder(Folder::Data));
    }
    ops
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paxos::{Ballot, Proposal};
    use crate::types::ServerId;

    #[test]
    fn records_round_trip_and_damage_is_seen() {
        let ballot = Ballot { round: 3, proposer: ServerId(12) };
        let full = Durable {
            round: 7,
            promised: Some(ballot),
            accepted: Some(Proposal { ballot, value: "x".into() }),
        };
        for state in [Durable::default(), full] {
            let bytes = encode(&state);
            assert_eq!(decode(Some(&bytes)), Ok(state));
            for place in 0..bytes.len() {
                let mut damaged = bytes.to_vec();
                damaged[place] ^= 1;
                assert_eq!(decode(Some(&damaged)), Err(RecordError));
                assert_eq!(decode(Some(&bytes[..place])), Err(RecordError));
            }
        }
        assert_eq!(decode(None), Ok(Durable::default()));
    }

    #[test]
    fn the_old_record_stays_until_the_new_one_is_durable() {
        let ops = replace(&Durable::default(), true);
        let sync = ops.iter().position(|op| matches!(op, FileOp::Sync(_)));
        let rename = ops.iter().position(|op| matches!(op, FileOp::Rename(..)));
        assert!(sync < rename && matches!(ops.last(), Some(FileOp::SyncFolder(_))));
    }
}
