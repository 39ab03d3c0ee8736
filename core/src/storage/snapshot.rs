//! To be written.

use alloc::vec::Vec;
use bytes::Bytes;

use crate::tree::Database;

/// The bytes of a snapshot file, a piece at a time.
pub fn encode_file(_state: &Database) -> impl Iterator<Item = Bytes> + '_ {
    core::iter::empty()
}

/// The body of a SNAP: sessions, access lists, znodes, `/`, a piece at a time.
pub fn encode_body(_state: &Database) -> impl Iterator<Item = Bytes> + '_ {
    core::iter::empty()
}

/// The body of a SNAP and the `BenWasHere` that ends it, a piece at a time.
pub fn encode_snap_stream(_state: &Database) -> impl Iterator<Item = Bytes> + '_ {
    core::iter::empty()
}

/// Why bytes are not a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// A count or length is out of range.
    #[error("unreasonable length {length} at byte {offset}")]
    Length {
        /// Where it stands.
        offset: u64,
        /// What stands there.
        length: i32,
    },
}

/// Reads the body of a SNAP as it comes in, cut anywhere.
#[derive(Clone, Debug, Default)]
pub struct BodyDecoder {
    pending: Vec<u8>,
}

impl BodyDecoder {
    /// Takes bytes from the front of `chunk`. Gives the state once `BenWasHere` has been read;
    /// what is left in `chunk` then is the next packet's. Its `last_zxid` is `Zxid::ZERO`: the
    /// SNAP packet says which it is.
    ///
    /// # Errors
    /// [`SnapshotError`]; the connection must be closed.
    pub fn push(&mut self, chunk: &mut Bytes) -> Result<Option<Database>, SnapshotError> {
        self.pending.extend_from_slice(&chunk.split_to(chunk.len()));
        Ok(None)
    }
}
