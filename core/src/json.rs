//! How the wide numbers of the protocol look as JSON: a page reads them, and its numbers have only
//! 53 bits.
//!
//! Not here: lines and their keys (`docs/formats.md`, section 4).

use alloc::format;
use alloc::string::String;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::types::{ConnId, ElectionEpoch, Epoch, SessionId, Tag, Ticket, Zxid};

/// A zxid as its two halves.
#[derive(Serialize, Deserialize)]
pub struct ZxidPair {
    epoch: u32,
    counter: u32,
}

impl From<Zxid> for ZxidPair {
    fn from(zxid: Zxid) -> ZxidPair {
        ZxidPair { epoch: zxid.epoch().0, counter: zxid.counter() }
    }
}

impl From<ZxidPair> for Zxid {
    fn from(pair: ZxidPair) -> Zxid {
        Zxid::new(Epoch(pair.epoch), pair.counter)
    }
}

/// Sixty-four bits as `0x` and hex digits.
pub struct Hex(u64);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:#x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hex, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").ok_or_else(|| D::Error::custom("no 0x"))?;
        u64::from_str_radix(digits, 16).map(Hex).map_err(D::Error::custom)
    }
}

/// For `serde(with)`: a plain 64-bit field in this form.
pub mod hex {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Hex;

    /// Writes it as [`Hex`].
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        Hex(*number).serialize(serializer)
    }

    /// Reads what [`serialize`] writes.
    ///
    /// # Errors
    /// It is no text of `0x` and at most 16 hex digits.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        Hex::deserialize(deserializer).map(|hex| hex.0)
    }
}

macro_rules! as_hex {
    ($($name:ident),*) => {$(
        impl From<$name> for Hex {
            fn from(number: $name) -> Hex {
                Hex(number.0)
            }
        }

        impl From<Hex> for $name {
            fn from(hex: Hex) -> $name {
                $name(hex.0)
            }
        }
    )*};
}

as_hex!(ElectionEpoch, ConnId, Tag, Ticket);

impl From<SessionId> for Hex {
    fn from(session: SessionId) -> Hex {
        Hex(session.0 as u64)
    }
}

impl From<Hex> for SessionId {
    fn from(hex: Hex) -> SessionId {
        SessionId(hex.0 as i64)
    }
}
