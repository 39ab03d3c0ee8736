//! The text of the two epoch files, `acceptedEpoch` and `currentEpoch`.
//!
//! ASCII decimal digits, written without an end of line and read with or without one. Not here:
//! the order in which the files are written (see [`super::files`]).
//! Source: `QuorumPeer.readLongFromFile` and `writeLongToFile`.

use alloc::string::{String, ToString};
use bytes::Bytes;

use crate::types::Epoch;

/// The promise ([`crate::types::Epochs::accepted`]).
pub const ACCEPTED_EPOCH: &str = "acceptedEpoch";
/// The adoption ([`crate::types::Epochs::current`]).
pub const CURRENT_EPOCH: &str = "currentEpoch";

/// The text is not a decimal number from 0 to [`Epoch::MAX`].
#[derive(Clone, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[error("not an epoch: {text:?}")]
pub struct EpochError {
    /// What was read, cut after 32 bytes.
    pub text: String,
}

/// The bytes of an epoch file.
pub fn encode(epoch: Epoch) -> Bytes {
    Bytes::from(epoch.to_string())
}

/// Reads an epoch file.
///
/// # Errors
/// [`EpochError`] for anything but digits, white space around them, and a value in range.
pub fn decode(file: &[u8]) -> Result<Epoch, EpochError> {
    let digits = file.trim_ascii();
    let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = core::str::from_utf8(digits).ok().filter(|_| all_digits);
    let epoch = text.and_then(|text| text.parse().ok()).map(Epoch);
    epoch.filter(|epoch| *epoch <= Epoch::MAX).ok_or_else(|| EpochError {
        text: String::from_utf8_lossy(&file[..file.len().min(32)]).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_takes_an_end_of_line() {
        for epoch in [Epoch(0), Epoch(1), Epoch::MAX] {
            assert_eq!(decode(&encode(epoch)), Ok(epoch));
        }
        assert_eq!(encode(Epoch(1)).as_ref(), &[0x31]);
        assert_eq!(decode(b"12\n"), Ok(Epoch(12)));
    }

    #[test]
    fn refuses_what_is_not_an_epoch() {
        for bad in [&b""[..], b"\n", b"-1", b"+1", b"1 2", b"2147483648", b"99999999999", b"\xff"] {
            assert!(decode(bad).is_err(), "{bad:?}");
        }
    }
}
