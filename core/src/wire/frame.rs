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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_frame_is_not_copied() {
        let chunk = Bytes::from_static(&[0, 0, 0, 2, 7, 8, 0, 0, 0, 1, 9]);
        let mut buffer = FrameBuffer::default();
        buffer.push(chunk.clone());
        for place in [4..6, 10..11] {
            let frame = buffer.next_frame(8).expect("lengths are good").expect("it is there");
            assert_eq!(frame, chunk[place.clone()]);
            assert_eq!(frame.as_ptr(), chunk[place].as_ptr());
        }
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_large_frame_in_small_chunks_is_gathered_in_place() {
        let mut buffer = FrameBuffer::default();
        buffer.push(Bytes::from_static(&[0, 8, 0, 0]));
        let mut moves = 0;
        let mut place = buffer.peek().as_ptr();
        for _ in 0..0x8_0000 / 16 {
            assert_eq!(buffer.next_frame(0x8_0000), Ok(None));
            buffer.push(Bytes::from_static(&[1; 16]));
            moves += u32::from(place != buffer.peek().as_ptr());
            place = buffer.peek().as_ptr();
        }
        // The room grows by doubling; without that there would be 32,768 moves.
        assert!(moves <= 20);
        let frame = buffer.next_frame(0x8_0000).expect("the length is good");
        assert_eq!(frame.expect("it is there").as_ptr(), place.wrapping_add(4));
    }

    #[test]
    fn lengths_are_checked_before_the_frame_is_there() {
        for (prefix, length) in [([0, 0, 0, 9], 9), ([0xff; 4], -1)] {
            let mut buffer = FrameBuffer::default();
            buffer.push(Bytes::copy_from_slice(&prefix));
            assert_eq!(buffer.next_frame(8), Err(FrameError::BadLength { length, max: 8 }));
        }
    }

    #[test]
    fn equal_bytes_are_equal_buffers() {
        let mut whole = FrameBuffer::default();
        whole.push(Bytes::from_static(&[0, 0, 0]));
        let mut cut = FrameBuffer::default();
        cut.push(Bytes::from_static(&[0]));
        cut.push(Bytes::from_static(&[0, 0]));
        assert_eq!(whole, cut);
        cut.push(Bytes::from_static(&[0]));
        assert_ne!(whole, cut);
    }
}
