//! Jute, ZooKeeper's way of writing records: big-endian numbers, length-prefixed buffers.
//!
//! Records hold no tags and no lengths of their own, so reading one needs its definition; those
//! are where the records are. Not here: framing (see [`crate::wire::frame`]).
//! Source: `org.apache.jute.BinaryInputArchive` and `BinaryOutputArchive`. Unlike Java, text that
//! is not UTF-8 is an error instead of being replaced.

use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;

/// Why bytes are not the record they should be. Offsets count from the record's first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum JuteError {
    /// The bytes end inside a field.
    #[error("field at byte {offset} needs {need} bytes, {have} are left")]
    Short {
        /// Where the field begins.
        offset: usize,
        /// Its length in bytes.
        need: usize,
        /// The bytes that are left.
        have: usize,
    },
    /// A buffer's or text's length is below -1 or above the limit.
    #[error("unreasonable length {length} at byte {offset}, at most {max}")]
    UnreasonableLength {
        /// Where the length is.
        offset: usize,
        /// The length.
        length: i32,
        /// The greatest one allowed.
        max: usize,
    },
    /// A vector's count is below -1, or so great that the bytes left cannot hold its elements.
    #[error("vector of {count} at byte {offset}, {have} bytes are left")]
    UnreasonableCount {
        /// Where the count is.
        offset: usize,
        /// The count.
        count: i32,
        /// The bytes that are left.
        have: usize,
    },
    /// Text is not UTF-8.
    #[error("text at byte {offset} is not UTF-8")]
    BadUtf8 {
        /// Where the text begins.
        offset: usize,
    },
    /// Null where a value must be.
    #[error("null at byte {offset}")]
    Null {
        /// Where the length of -1 is.
        offset: usize,
    },
}

/// Reads fields one after the other. Buffers share the memory of what is read.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
    offset: usize,
    length_max: usize,
}

impl Reader {
    /// Reads `bytes` from its start; buffers and texts may be up to `length_max` bytes long.
    pub fn new(bytes: Bytes, length_max: usize) -> Reader {
        Reader { bytes, offset: 0, length_max }
    }

    /// How many bytes have been read.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.offset
    }

    /// All bytes that are left.
    pub fn rest(&mut self) -> Bytes {
        let rest = self.bytes.slice(self.offset..);
        self.offset = self.bytes.len();
        rest
    }

    /// One byte; as in Java, any but 0 is true.
    ///
    /// # Errors
    /// `Short` if none is left.
    pub fn boolean(&mut self) -> Result<bool, JuteError> {
        Ok(self.array::<1>()? != [0])
    }

    /// A signed number of 4 bytes.
    ///
    /// # Errors
    /// `Short` if fewer are left.
    pub fn int(&mut self) -> Result<i32, JuteError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// A signed number of 8 bytes.
    ///
    /// # Errors
    /// `Short` if fewer are left.
    pub fn long(&mut self) -> Result<i64, JuteError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// A buffer, shared and not copied. Null and empty differ.
    ///
    /// # Errors
    /// `Short` or `UnreasonableLength`.
    pub fn buffer(&mut self) -> Result<Option<Bytes>, JuteError> {
        let Some(length) = self.length()? else { return Ok(None) };
        let start = self.advance(length)?;
        Ok(Some(self.bytes.slice(start..start + length)))
    }

    /// A text. Null and empty differ.
    ///
    /// # Errors
    /// `Short`, `UnreasonableLength` or `BadUtf8`.
    pub fn ustring(&mut self) -> Result<Option<&str>, JuteError> {
        let Some(length) = self.length()? else { return Ok(None) };
        let start = self.advance(length)?;
        core::str::from_utf8(&self.bytes[start..start + length])
            .map(Some)
            .map_err(|_| JuteError::BadUtf8 { offset: start })
    }

    /// A text that must be there, such as a path.
    ///
    /// # Errors
    /// As [`Reader::ustring`], and `Null`.
    pub fn text(&mut self) -> Result<Arc<str>, JuteError> {
        let offset = self.offset;
        self.ustring()?.map(Arc::from).ok_or(JuteError::Null { offset })
    }

    /// A vector whose elements take at least `element_min` bytes each; null is `None`. Room is
    /// set aside only for as many elements as the bytes left can hold.
    ///
    /// # Errors
    /// `Short`, `UnreasonableCount`, and whatever `read` fails with.
    pub fn vector<T>(
        &mut self,
        element_min: usize,
        mut read: impl FnMut(&mut Reader) -> Result<T, JuteError>,
    ) -> Result<Option<Vec<T>>, JuteError> {
        assert!(element_min > 0);
        let offset = self.offset;
        let count = self.int()?;
        if count == -1 {
            return Ok(None);
        }
        let have = self.remaining();
        let unreasonable = JuteError::UnreasonableCount { offset, count, have };
        let count = usize::try_from(count).map_err(|_| unreasonable)?;
        if count > have / element_min {
            return Err(unreasonable);
        }
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(read(self)?);
        }
        Ok(Some(elements))
    }

    fn length(&mut self) -> Result<Option<usize>, JuteError> {
        let offset = self.offset;
        let length = self.int()?;
        if length == -1 {
            return Ok(None);
        }
        match usize::try_from(length) {
            Ok(n) if n <= self.length_max => Ok(Some(n)),
            Ok(_) | Err(_) => {
                Err(JuteError::UnreasonableLength { offset, length, max: self.length_max })
            }
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], JuteError> {
        let start = self.advance(N)?;
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes[start..start + N]);
        Ok(array)
    }

    /// Steps over `need` bytes and gives where they begin.
    fn advance(&mut self, need: usize) -> Result<usize, JuteError> {
        let (offset, have) = (self.offset, self.remaining());
        if need > have {
            return Err(JuteError::Short { offset, need, have });
        }
        self.offset += need;
        Ok(offset)
    }
}

/// Writes fields one after the other.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// An empty one with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Writer {
        Writer { out: Vec::with_capacity(capacity) }
    }

    /// One byte, 0 or 1.
    pub fn boolean(&mut self, value: bool) {
        self.out.push(u8::from(value));
    }

    /// A signed number in 4 bytes.
    pub fn int(&mut self, value: i32) {
        self.raw(&value.to_be_bytes());
    }

    /// A signed number in 8 bytes.
    pub fn long(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    /// A buffer; null is a length of -1.
    pub fn buffer(&mut self, value: Option<&[u8]>) {
        match value {
            Some(bytes) => {
                self.length(bytes.len());
                self.raw(bytes);
            }
            None => self.int(-1),
        }
    }

    /// A text that is there.
    pub fn ustring(&mut self, value: &str) {
        self.buffer(Some(value.as_bytes()));
    }

    /// A vector that is there.
    pub fn vector<T>(&mut self, elements: &[T], mut write: impl FnMut(&mut Writer, &T)) {
        self.length(elements.len());
        for element in elements {
            write(self, element);
        }
    }

    /// Bytes as they are, without a length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// What was written.
    pub fn finish(self) -> Bytes {
        Bytes::from(self.out)
    }

    /// What was written behind its length, as one frame.
    ///
    /// # Panics
    /// If the writer was not made by [`Writer::frame`].
    pub fn finish_frame(mut self) -> Bytes {
        let length = self.out.len().checked_sub(4).expect("a frame begins with its length");
        let length = i32::try_from(length).expect("no frame is near 2 GiB long");
        self.out[..4].copy_from_slice(&length.to_be_bytes());
        self.finish()
    }

    /// An empty frame with room for `capacity` bytes; ended by [`Writer::finish_frame`].
    pub fn frame(capacity: usize) -> Writer {
        let mut writer = Writer::with_capacity(4 + capacity);
        writer.int(0);
        writer
    }

    /// The length before a buffer whose bytes are written elsewhere.
    pub fn length(&mut self, length: usize) {
        self.int(i32::try_from(length).expect("nothing encoded is near 2 GiB long"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(bytes: &'static [u8]) -> Reader {
        Reader::new(Bytes::from_static(bytes), 8)
    }

    #[test]
    fn null_and_empty_differ() {
        assert_eq!(reader(&[0xff; 4]).buffer(), Ok(None));
        assert_eq!(reader(&[0; 4]).buffer(), Ok(Some(Bytes::new())));
        assert_eq!(reader(&[0xff; 4]).ustring(), Ok(None));
        assert_eq!(reader(&[0; 4]).ustring(), Ok(Some("")));
        assert_eq!(reader(&[0xff; 4]).text(), Err(JuteError::Null { offset: 0 }));
    }

    #[test]
    fn buffers_share_what_is_read() {
        let bytes = Bytes::from_static(&[0, 0, 0, 2, 7, 8]);
        let buffer = Reader::new(bytes.clone(), 8).buffer().expect("it is a buffer");
        assert_eq!(buffer.expect("it is not null").as_ptr(), bytes[4..].as_ptr());
    }

    #[test]
    fn lengths_are_checked() {
        let short = JuteError::Short { offset: 4, need: 3, have: 1 };
        assert_eq!(reader(&[0, 0, 0, 3, 1]).buffer(), Err(short));
        let long = JuteError::UnreasonableLength { offset: 0, length: 9, max: 8 };
        assert_eq!(reader(&[0, 0, 0, 9]).buffer(), Err(long));
        let negative = JuteError::UnreasonableLength { offset: 0, length: -2, max: 8 };
        assert_eq!(reader(&[0xff, 0xff, 0xff, 0xfe]).ustring(), Err(negative));
        let bad = JuteError::BadUtf8 { offset: 4 };
        assert_eq!(reader(&[0, 0, 0, 1, 0xff]).ustring(), Err(bad));
    }

    #[test]
    fn counts_are_checked_against_what_is_left() {
        let count = JuteError::UnreasonableCount { offset: 0, count: i32::MAX, have: 4 };
        let claim = &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(reader(claim).vector(4, Reader::text), Err(count));
        assert_eq!(reader(&[0xff; 4]).vector(4, Reader::text), Ok(None));
        assert_eq!(reader(&[0; 4]).vector(4, Reader::text), Ok(Some(Vec::new())));
    }
}
