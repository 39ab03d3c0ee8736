//! Bytes to values and back: jute, the client protocol, both peer protocols, transactions.
//!
//! Every decoder takes any bytes and gives a precise error, never a panic. Every encoder gives
//! exactly the bytes of Apache ZooKeeper.

/// An enum whose variants are numbers on the wire, four bytes each.
macro_rules! wire_enum {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS))]
        #[repr(i32)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $code,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The number on the wire.
            pub const fn to_wire(self) -> i32 {
                self as i32
            }

            /// From the number on the wire; `None` if no such one is known.
            pub const fn from_wire(raw: i32) -> Option<$name> {
                match raw {
                    $($code => Some($name::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

pub mod client;
pub mod datagram;
pub mod election;
mod four_letter;
pub mod frame;
pub mod jute;
pub mod quorum;
pub mod records;
pub mod txn;

pub use four_letter::{SET_TRACE_MASK, four_letter_word};
