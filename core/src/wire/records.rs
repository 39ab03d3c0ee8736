//! Records that several protocols share: identities, access lists, the stat of a znode.
//!
//! Source: `zookeeper.jute`, module `org.apache.zookeeper.data`.

use alloc::string::String;
use alloc::vec::Vec;

use super::jute::{JuteError, Reader, Writer};
use crate::txn::{Acl, Id};
use crate::types::{SessionId, WallMs, Zxid};

/// What a client is told of a znode besides its data; 68 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stat {
    /// The transaction that made it.
    pub czxid: Zxid,
    /// The last transaction that changed its data.
    pub mzxid: Zxid,
    /// When it was made.
    pub ctime: WallMs,
    /// When its data last changed.
    pub mtime: WallMs,
    /// Changes of its data.
    pub version: i32,
    /// Creates and deletes of its children.
    pub cversion: i32,
    /// Changes of its access list.
    pub aversion: i32,
    /// The session it goes with; 0 if none.
    pub ephemeral_owner: SessionId,
    /// Bytes of its data; 0 for null.
    pub data_length: i32,
    /// Its children.
    pub num_children: i32,
    /// The last transaction that made or removed a child.
    pub pzxid: Zxid,
}

impl Stat {
    /// Its length in bytes.
    pub const LEN: usize = 68;

    /// Appends it.
    pub fn write(&self, out: &mut Writer) {
        out.long(self.czxid.to_wire());
        out.long(self.mzxid.to_wire());
        out.long(self.ctime.0);
        out.long(self.mtime.0);
        out.int(self.version);
        out.int(self.cversion);
        out.int(self.aversion);
        out.long(self.ephemeral_owner.0);
        out.int(self.data_length);
        out.int(self.num_children);
        out.long(self.pzxid.to_wire());
    }

    /// Takes one off.
    ///
    /// # Errors
    /// `Short`.
    pub fn read(input: &mut Reader) -> Result<Stat, JuteError> {
        Ok(Stat {
            czxid: Zxid::from_wire(input.long()?),
            mzxid: Zxid::from_wire(input.long()?),
            ctime: WallMs(input.long()?),
            mtime: WallMs(input.long()?),
            version: input.int()?,
            cversion: input.int()?,
            aversion: input.int()?,
            ephemeral_owner: SessionId(input.long()?),
            data_length: input.int()?,
            num_children: input.int()?,
            pzxid: Zxid::from_wire(input.long()?),
        })
    }
}

impl Id {
    /// The fewest bytes one takes.
    pub const LEN_MIN: usize = 8;

    /// Appends it.
    pub fn write(&self, out: &mut Writer) {
        out.ustring(&self.scheme);
        out.ustring(&self.id);
    }

    /// Takes one off.
    ///
    /// # Errors
    /// Those of [`Reader::text`].
    pub fn read(input: &mut Reader) -> Result<Id, JuteError> {
        // Both may be null: an identity without a scheme is one of no scheme, which access lists
        // refuse, and kazoo sends null for an empty name, as in its `CREATOR_ALL_ACL`.
        let scheme = input.ustring()?.map(String::from).unwrap_or_default();
        Ok(Id { scheme, id: input.ustring()?.map(String::from).unwrap_or_default() })
    }
}

impl Acl {
    /// The fewest bytes one takes.
    pub const LEN_MIN: usize = 4 + Id::LEN_MIN;

    /// Appends it.
    pub fn write(&self, out: &mut Writer) {
        out.int(self.perms);
        self.id.write(out);
    }

    /// Takes one off.
    ///
    /// # Errors
    /// Those of [`Reader::text`].
    pub fn read(input: &mut Reader) -> Result<Acl, JuteError> {
        Ok(Acl { perms: input.int()?, id: Id::read(input)? })
    }

    /// Appends a list.
    pub fn write_list(list: &[Acl], out: &mut Writer) {
        out.vector(list, |out, acl| acl.write(out));
    }

    /// Takes a list off. A null list is an empty one: ZooKeeper treats both alike.
    ///
    /// # Errors
    /// Those of [`Reader::vector`] and [`Reader::text`].
    pub fn read_list(input: &mut Reader) -> Result<Vec<Acl>, JuteError> {
        Ok(input.vector(Acl::LEN_MIN, Acl::read)?.unwrap_or_default())
    }
}
