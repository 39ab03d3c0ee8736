//! A znode as the tree stores it, and what clients are told of it.
//!
//! Source: Java's `DataNode`, `StatPersisted`, `EphemeralType`.

use bytes::Bytes;

use super::acl::AclKey;
use crate::types::{SessionId, WallMs, Zxid};
use crate::wire::client::Stat;

/// A znode. Its path is its key in the tree.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Znode {
    /// Its data; null and empty differ.
    pub data: Option<Bytes>,
    /// The number of its access list.
    pub acl: AclKey,
    /// The transaction that made it.
    pub czxid: Zxid,
    /// The last transaction that set its data.
    pub mzxid: Zxid,
    /// The last transaction that made or removed a child.
    pub pzxid: Zxid,
    /// When it was made.
    pub ctime: WallMs,
    /// When its data was last set.
    pub mtime: WallMs,
    /// Changes of its data.
    pub version: i32,
    /// Creates of its children; clients are shown another number.
    pub cversion: i32,
    /// Changes of its access list.
    pub aversion: i32,
    /// Whose it is, encoded; see [`Owner`].
    pub ephemeral_owner: i64,
    /// Its children. Not stored in snapshots: the tree counts them.
    pub children: u32,
}

/// What `ephemeral_owner` says of a znode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Owner {
    /// Nobody's: it stays until it is deleted.
    Persistent,
    /// It goes when its last child has gone.
    Container,
    /// It goes when childless and unchanged for this many milliseconds.
    Ttl(i64),
    /// It goes with this session.
    Session(SessionId),
}

/// The longest time to live, in milliseconds: 40 bits.
pub const TTL_MAX_MS: i64 = 0xff_ffff_ffff;
const CONTAINER: i64 = i64::MIN;
/// The top three bytes of a znode with a time to live: the mark, and 0 for this feature.
const TTL_MARK: i64 = 0xff00_0000_0000_0000_u64 as i64;

impl Owner {
    /// Reads the stored number.
    pub const fn decode(raw: i64) -> Owner {
        match raw {
            0 => Owner::Persistent,
            CONTAINER => Owner::Container,
            _ if raw & !TTL_MAX_MS == TTL_MARK => Owner::Ttl(raw & TTL_MAX_MS),
            _ => Owner::Session(SessionId(raw)),
        }
    }

    /// The number to store. `None` for a time to live that is not in 1..=[`TTL_MAX_MS`].
    pub fn encode(self) -> Option<i64> {
        match self {
            Owner::Persistent => Some(0),
            Owner::Container => Some(CONTAINER),
            Owner::Ttl(ms) => (1..=TTL_MAX_MS).contains(&ms).then_some(TTL_MARK | ms),
            Owner::Session(session) => Some(session.0),
        }
    }
}

impl Znode {
    /// A znode as its create leaves it.
    pub fn new(data: Option<Bytes>, acl: AclKey, zxid: Zxid, time: WallMs, owner: i64) -> Znode {
        Znode {
            data,
            acl,
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: time,
            mtime: time,
            version: 0,
            cversion: 0,
            aversion: 0,
            ephemeral_owner: owner,
            children: 0,
        }
    }

    /// What its `ephemeral_owner` says.
    pub const fn owner(&self) -> Owner {
        Owner::decode(self.ephemeral_owner)
    }

    /// What clients are told of it. They see creates and deletes of children in one number, and
    /// no owner but a session.
    pub fn stat(&self) -> Stat {
        let children = self.children as i32;
        let ephemeral_owner = match self.owner() {
            Owner::Session(session) => session,
            Owner::Persistent | Owner::Container | Owner::Ttl(_) => SessionId(0),
        };
        Stat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            ctime: self.ctime,
            mtime: self.mtime,
            version: self.version,
            cversion: self.cversion.wrapping_mul(2).wrapping_sub(children),
            aversion: self.aversion,
            ephemeral_owner,
            data_length: self.data_len() as i32,
            num_children: children,
            pzxid: self.pzxid,
        }
    }

    /// Length of its data in bytes, 0 for null.
    pub fn data_len(&self) -> usize {
        self.data.as_ref().map_or(0, Bytes::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_as_java_stores_them() {
        for (raw, owner) in [
            (0, Owner::Persistent),
            (i64::MIN, Owner::Container),
            (0xff00_0000_0009_27c0_u64 as i64, Owner::Ttl(600_000)),
            (0xff00_00ff_ffff_ffff_u64 as i64, Owner::Ttl(TTL_MAX_MS)),
            (0x100_001b_0fd2_0000, Owner::Session(SessionId(0x100_001b_0fd2_0000))),
            (0xff00_0100_0000_0001_u64 as i64, {
                Owner::Session(SessionId(0xff00_0100_0000_0001_u64 as i64))
            }),
        ] {
            assert_eq!(Owner::decode(raw), owner);
            assert_eq!(owner.encode(), Some(raw));
        }
        for ttl in [-1, 0, TTL_MAX_MS + 1, i64::MAX, i64::MIN] {
            assert_eq!(Owner::Ttl(ttl).encode(), None);
        }
    }

    #[test]
    fn clients_see_creates_and_deletes_in_one_number_and_only_sessions_as_owners() {
        let znode = Znode::new(None, AclKey::OPEN, Zxid(1), WallMs(2), i64::MIN);
        let znode = Znode { cversion: 3, children: 1, ..znode };
        assert_eq!(znode.stat().cversion, 5);
        assert_eq!(znode.stat().ephemeral_owner, SessionId(0));
        let full = Znode { cversion: i32::MAX, ..znode };
        assert_eq!(full.stat().cversion, -3);
    }
}
