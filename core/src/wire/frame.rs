//! The bytes of one connection as they come in, cut into frames.
//!
//! A chunk that holds whole frames is sliced and not copied. Bytes of an unfinished frame are
//! gathered, each of them copied at most twice, so that a large frame in many small chunks costs
//! no more than its length. Not here: what frames mean.

use alloc::vec::Vec;
use bytes::Bytes;
use core::hash::{Hash, Hasher};

/// Why a connection's bytes are no frames. The connection is useless from there on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A frame's length is negative or above the limit.
    #[error("frame of {length} bytes, at most {max}")]
    BadLength {
        /// The length.
        length: i32,
        /// The greatest one allowed.
        max: usize,
    },
}

/// Bytes that came in and were not taken yet. Two are equal if their bytes are.
#[derive(Clone, Debug, Default)]
pub struct FrameBuffer {
    /// The unread bytes, unless `gathered` has them.
    chunk: Bytes,
    /// The unread bytes if they came in several chunks; then `chunk` is empty.
    gathered: Vec<u8>,
}

impl FrameBuffer {
    /// Adds the next bytes of the stream.
    pub fn push(&mut self, chunk: Bytes) {
        if self.is_empty() {
            self.gathered = Vec::new();
            self.chunk = chunk;
            return;
        }
        if self.gathered.is_empty() {
            self.gathered = Vec::with_capacity(self.chunk.len() + chunk.len());
            self.gathered.extend_from_slice(&self.chunk);
            self.chunk = Bytes::new();
        }
        self.gathered.extend_from_slice(&chunk);
    }

    /// All unread bytes.
    pub fn peek(&self) -> &[u8] {
        if self.gathered.is_empty() { &self.chunk } else { &self.gathered }
    }

    /// How many bytes are unread.
    pub fn len(&self) -> usize {
        self.peek().len()
    }

    /// True if all was taken.
    pub fn is_empty(&self) -> bool {
        self.peek().is_empty()
    }

    /// Takes the next `n` bytes off.
    ///
    /// # Panics
    /// If fewer are unread.
    pub fn take(&mut self, n: usize) -> Bytes {
        assert!(n <= self.len());
        if !self.gathered.is_empty() {
            self.chunk = Bytes::from(core::mem::take(&mut self.gathered));
        }
        self.chunk.split_to(n)
    }

    /// Takes the next frame off, without its length; `None` until all of it is there.
    ///
    /// # Errors
    /// `BadLength` if its length is negative or above `max`.
    pub fn next_frame(&mut self, max: usize) -> Result<Option<Bytes>, FrameError> {
        let Some(prefix) = self.peek().first_chunk::<4>() else { return Ok(None) };
        let length = i32::from_be_bytes(*prefix);
        let frame_len = match usize::try_from(length) {
            Ok(n) if n <= max => n,
            Ok(_) | Err(_) => return Err(FrameError::BadLength { length, max }),
        };
        if self.len() - 4 < frame_len {
            return Ok(None);
        }
        let mut frame = self.take(4 + frame_len);
        Ok(Some(frame.split_off(4)))
    }
}

impl PartialEq for FrameBuffer {
    fn eq(&self, other: &Self) -> bool {
        self.peek() == other.peek()
    }
}

impl Eq for FrameBuffer {}

impl Hash for FrameBuffer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.peek().hash(state);
    }
}
