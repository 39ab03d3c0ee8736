//! The bytes of a snapshot: a file with its seals, and the same body as a SNAP carries it.
//!
//! Written in the form of 3.9 (three seals), read in every form since 3.4. What is written is the
//! state of one moment; what Java wrote may be fuzzy. Not here: names and the order of file
//! operations (see [`super::files`]), compression (a driver unpacks).
//! Source: `FileSnap`, `SnapStream`, `SerializeUtils`, `DataTree.serialize`.

use adler2::Adler32;
use alloc::vec::Vec;
use bytes::Bytes;

use crate::limits::JUTE_MAX_BUFFER_PEER;
use crate::tree::{AclKey, DataTree, Database, LoadError, Znode};
use crate::txn::Acl;
use crate::types::{SessionId, WallMs, Zxid};
use crate::wire::jute::{JuteError, Reader, Writer};
use crate::wire::txn::DIGEST_VERSION;

/// What a snapshot begins with: `ZKSN`, version 2, database -1.
const HEADER: [u8; 16] = *b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff";
/// The path that ends the znodes, and every seal.
const END: &str = "/";
/// The text that ends a SNAP.
const SIGNATURE: &str = "BenWasHere";
/// Pieces are about this long, in bytes, unless one value is longer.
const PIECE_LEN: usize = 64 << 10;
/// A session: number and timeout.
const SESSION_LEN: usize = 12;
/// What follows a znode's data: number of its list, and `StatPersisted`.
const ZNODE_TAIL_LEN: usize = 8 + 60;
/// A checksum and [`END`].
const SEAL_LEN: usize = 8 + 5;

/// The body of a SNAP: sessions, access lists, znodes, `/`. Comes in pieces.
pub fn encode_body(state: &Database) -> impl Iterator<Item = Bytes> + '_ {
    let mut head = Some(encode_head(state));
    let mut znodes = Some(state.tree.walk());
    core::iter::from_fn(move || {
        let mut out = head.take().unwrap_or_default();
        let mut written = 0;
        let walk = znodes.as_mut()?;
        while written < PIECE_LEN {
            let Some((path, znode)) = walk.next() else {
                out.ustring(END);
                znodes = None;
                break;
            };
            write_znode(path, znode, &mut out);
            written += path.len() + znode.data_len() + ZNODE_TAIL_LEN;
        }
        Some(out.finish())
    })
}

/// The body of a SNAP and the `BenWasHere` that ends it, in pieces.
pub fn encode_snap_stream(state: &Database) -> impl Iterator<Item = Bytes> + '_ {
    let mut signature = Writer::default();
    signature.ustring(SIGNATURE);
    encode_body(state).chain([signature.finish()])
}

/// The bytes of a snapshot file, in pieces.
pub fn encode_file(state: &Database) -> impl Iterator<Item = Bytes> + '_ {
    let mut pieces = [Bytes::from_static(&HEADER)].into_iter().chain(encode_body(state));
    let mut sum = Some(Adler32::new());
    core::iter::from_fn(move || {
        let Some(piece) = pieces.next() else {
            return sum.take().map(|sum| encode_trailer(state, sum));
        };
        if let Some(sum) = &mut sum {
            sum.write_slice(&piece);
        }
        Some(piece)
    })
}

/// What a snapshot file holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Tree and sessions. Its `last_zxid` is zero: the file's name says which it is, since the
    /// replay must begin there also when the file knows better (it may be fuzzy).
    pub state: Database,
    /// The tree's digest once the log was replayed up to this transaction, if the file has one.
    pub digest: Option<(Zxid, u64)>,
}

/// Why bytes are not a snapshot. Offsets count from the first byte of the file or body.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It does not begin as a snapshot of version 2 does.
    #[error("not the header of a snapshot")]
    Header,
    /// The bytes end before the snapshot does.
    #[error("it ends at byte {offset}, too early")]
    CutOff {
        /// The length in bytes.
        offset: u64,
    },
    /// A count or length is out of range.
    #[error("unreasonable length {length} at byte {offset}")]
    Length {
        /// Where the item begins that it belongs to.
        offset: u64,
        /// What stands there.
        length: i32,
    },
    /// A field is not what it should be.
    #[error("item at byte {offset}: {error}")]
    Field {
        /// Where the item begins; the error counts from there.
        offset: u64,
        /// What is wrong.
        error: JuteError,
    },
    /// The znodes are no tree.
    #[error("item at byte {offset}: {error}")]
    Tree {
        /// Where the item begins.
        offset: u64,
        /// What is wrong.
        error: LoadError,
    },
    /// A SNAP does not end with `BenWasHere`.
    #[error("no signature at byte {offset}")]
    Signature {
        /// Where it should be.
        offset: u64,
    },
    /// The bytes have changed since they were written.
    #[error("checksum at byte {offset} is 0x{written:x}, the bytes give 0x{computed:x}")]
    Checksum {
        /// Where the checksum is.
        offset: u64,
        /// What the file says.
        written: u64,
        /// What its bytes give.
        computed: u64,
    },
    /// A seal does not end with `/`, or something follows the last one.
    #[error("broken seal at byte {offset}")]
    Seal {
        /// Where it goes wrong.
        offset: u64,
    },
}

/// Reads a snapshot file.
///
/// # Errors
/// [`SnapshotError`].
pub fn decode_file(file: &Bytes) -> Result<Snapshot, SnapshotError> {
    if !file.starts_with(&HEADER[..8]) || file.len() < HEADER.len() {
        return Err(SnapshotError::Header);
    }
    let mut rest = file.slice(HEADER.len()..);
    let mut body = Body::new(HEADER.len() as u64);
    let Some(state) = body.push(&mut rest)? else {
        return Err(SnapshotError::CutOff { offset: file.len() as u64 });
    };
    let mut seals = Seals { file, at: 0, sum: Adler32::new() };
    seals.part_ends(file.len() - rest.len())?;
    let digest = match seals.rest().len() {
        0 => return Ok(Snapshot { state, digest: None }),
        // The last zxid without a digest before it (digest.enabled=false).
        left if left == 8 + SEAL_LEN => None,
        _ => seals.digest()?,
    };
    if !seals.rest().is_empty() {
        seals.part_ends(seals.at + 8)?;
    }
    if !seals.rest().is_empty() {
        return Err(SnapshotError::Seal { offset: seals.at as u64 });
    }
    Ok(Snapshot { state, digest })
}

/// Reads the body of a SNAP as it comes in, cut anywhere. It holds at most one item that is not
/// complete yet, besides the tree.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct BodyDecoder {
    body: Body,
    /// What the body gave, while the signature is still to come.
    state: Option<Database>,
    signature: Gather,
}

impl Default for BodyDecoder {
    fn default() -> Self {
        BodyDecoder { body: Body::new(0), state: None, signature: Gather::default() }
    }
}

impl BodyDecoder {
    /// Takes bytes from the front of `chunk`. Gives the state once `BenWasHere` has been read;
    /// what is left in `chunk` then belongs to the next packet. The state's `last_zxid` is zero:
    /// the packet SNAP says which it is.
    ///
    /// # Errors
    /// [`SnapshotError`]; the connection must be closed.
    pub fn push(&mut self, chunk: &mut Bytes) -> Result<Option<Database>, SnapshotError> {
        if self.state.is_none() {
            self.state = self.body.push(chunk)?;
        }
        if self.state.is_none() {
            return Ok(None);
        }
        let need = |_: &[u8]| Ok(4 + SIGNATURE.len());
        let Some(signature) = self.signature.next(chunk, need)? else { return Ok(None) };
        let right = Reader::new(signature, SIGNATURE.len()).ustring() == Ok(Some(SIGNATURE));
        if !right {
            return Err(SnapshotError::Signature { offset: self.body.offset });
        }
        Ok(self.state.take())
    }
}

/// Gathers the bytes of one item, however they are cut. An item that is whole in its chunk is
/// not copied; of another one, each byte is copied once.
#[derive(Clone, Debug, Default, Hash, PartialEq, Eq)]
struct Gather {
    pending: Vec<u8>,
}

impl Gather {
    /// Takes the next item off `chunk`, if it is complete. `need` says how long it is at least,
    /// of what is there of it; it is complete once that much is there.
    fn next(
        &mut self,
        chunk: &mut Bytes,
        need: impl Fn(&[u8]) -> Result<usize, SnapshotError>,
    ) -> Result<Option<Bytes>, SnapshotError> {
        if self.pending.is_empty() {
            let mut need_len = need(chunk)?;
            // Each answer rests on more bytes than the one before, until it is met.
            while need_len <= chunk.len() {
                let again = need(&chunk[..need_len])?;
                if again == need_len {
                    return Ok(Some(chunk.split_to(need_len)));
                }
                need_len = again;
            }
        }
        loop {
            let need_len = need(&self.pending)?;
            if need_len == self.pending.len() {
                return Ok(Some(Bytes::from(core::mem::take(&mut self.pending))));
            }
            if chunk.is_empty() {
                return Ok(None);
            }
            let missing = (need_len - self.pending.len()).min(chunk.len());
            self.pending.extend_from_slice(&chunk.split_to(missing));
        }
    }
}

/// The part of the body whose items come next.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum Section {
    SessionCount,
    Sessions {
        left: u32,
    },
    ListCount,
    /// The number of a list and how many entries it has.
    ListHead {
        left: u32,
    },
    ListEntries {
        left: u32,
        key: AclKey,
        entries: u32,
    },
    Znodes,
}

/// Reads sessions, access lists and znodes, an item at a time.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Body {
    section: Section,
    gather: Gather,
    /// Where the next item begins.
    offset: u64,
    /// The entries of the list that is being read.
    list: Vec<Acl>,
    state: Database,
}

impl Body {
    fn new(offset: u64) -> Body {
        Body {
            section: Section::SessionCount,
            gather: Gather::default(),
            offset,
            list: Vec::new(),
            state: Database { tree: DataTree::empty(), ..Database::default() },
        }
    }

    /// Takes items off `chunk`; gives the state when `/` was read.
    fn push(&mut self, chunk: &mut Bytes) -> Result<Option<Database>, SnapshotError> {
        loop {
            let (section, offset) = (self.section, self.offset);
            let item = self.gather.next(chunk, |have| section.need(have, offset))?;
            let Some(item) = item else { return Ok(None) };
            let len = item.len() as u64;
            let ended = self.take(item)?;
            self.offset += len;
            if ended {
                let finished = self.state.tree.finish_load();
                finished.map_err(|error| SnapshotError::Tree { offset, error })?;
                return Ok(Some(core::mem::take(&mut self.state)));
            }
        }
    }

    /// Puts an item in its place. True if it was the end.
    fn take(&mut self, item: Bytes) -> Result<bool, SnapshotError> {
        let offset = self.offset;
        let mut input = Reader::new(item, JUTE_MAX_BUFFER_PEER);
        let field = |error| SnapshotError::Field { offset, error };
        match self.section {
            Section::SessionCount => {
                let left = count(input.int().map_err(field)?, offset)?;
                self.section = sessions_or_lists(left);
            }
            Section::Sessions { left } => {
                let session = SessionId(input.long().map_err(field)?);
                self.state.sessions.insert(session, input.int().map_err(field)?);
                self.section = sessions_or_lists(left - 1);
            }
            Section::ListCount => {
                let left = count(input.int().map_err(field)?, offset)?;
                self.section = lists_or_znodes(left);
            }
            Section::ListHead { left } => {
                let key = AclKey(input.long().map_err(field)?);
                let entries = count(input.int().map_err(field)?, offset)?;
                self.section = Section::ListEntries { left, key, entries };
                self.end_list()?;
            }
            Section::ListEntries { left, key, entries } => {
                self.list.push(Acl::read(&mut input).map_err(field)?);
                self.section = Section::ListEntries { left, key, entries: entries - 1 };
                self.end_list()?;
            }
            Section::Znodes => return self.take_znode(&mut input),
        }
        Ok(false)
    }

    /// Stores the list if all its entries are there.
    fn end_list(&mut self) -> Result<(), SnapshotError> {
        let Section::ListEntries { left, key, entries: 0 } = self.section else { return Ok(()) };
        let list = core::mem::take(&mut self.list);
        let loaded = self.state.tree.acls_mut().load(key, list);
        loaded.map_err(|error| SnapshotError::Tree { offset: self.offset, error })?;
        self.section = lists_or_znodes(left - 1);
        Ok(())
    }

    fn take_znode(&mut self, input: &mut Reader) -> Result<bool, SnapshotError> {
        let offset = self.offset;
        let field = |error| SnapshotError::Field { offset, error };
        let path = input.text().map_err(field)?;
        if &*path == END {
            return Ok(true);
        }
        let znode = read_znode(input).map_err(field)?;
        let inserted = self.state.tree.insert_loaded(path, znode);
        inserted.map_err(|error| SnapshotError::Tree { offset, error })?;
        Ok(false)
    }
}

fn sessions_or_lists(left: u32) -> Section {
    if left > 0 { Section::Sessions { left } } else { Section::ListCount }
}

fn lists_or_znodes(left: u32) -> Section {
    if left > 0 { Section::ListHead { left } } else { Section::Znodes }
}

impl Section {
    /// How long the next item is at least, of what is there of it; see [`Gather::next`].
    fn need(self, have: &[u8], offset: u64) -> Result<usize, SnapshotError> {
        // Steps over a buffer: where it ends, as far as that is known.
        let after_buffer = |at: usize| match read_length(have, at) {
            None => Ok(at + 4),
            Some(length) => Ok(at + 4 + buffer_len(length, offset)?),
        };
        match self {
            Section::SessionCount | Section::ListCount => Ok(4),
            Section::Sessions { left: _ } => Ok(SESSION_LEN),
            Section::ListHead { left: _ } => Ok(8 + 4),
            Section::ListEntries { left: _, key: _, entries: _ } => {
                let scheme_end = after_buffer(4)?;
                if have.len() < scheme_end { Ok(scheme_end) } else { after_buffer(scheme_end) }
            }
            Section::Znodes => {
                let path_end = after_buffer(0)?;
                if have.len() < path_end {
                    return Ok(path_end);
                }
                if have.get(4..path_end) == Some(END.as_bytes()) {
                    return Ok(path_end);
                }
                let data_end = after_buffer(path_end)?;
                if have.len() < path_end + 4 { Ok(data_end) } else { Ok(data_end + ZNODE_TAIL_LEN) }
            }
        }
    }
}

fn read_length(have: &[u8], at: usize) -> Option<i32> {
    let bytes = have.get(at..)?.first_chunk::<4>()?;
    Some(i32::from_be_bytes(*bytes))
}

/// The bytes of a buffer with this length, none for null.
fn buffer_len(length: i32, offset: u64) -> Result<usize, SnapshotError> {
    if length == -1 {
        return Ok(0);
    }
    let len = usize::try_from(length).ok().filter(|len| *len <= JUTE_MAX_BUFFER_PEER);
    len.ok_or(SnapshotError::Length { offset, length })
}

fn count(raw: i32, offset: u64) -> Result<u32, SnapshotError> {
    u32::try_from(raw).map_err(|_| SnapshotError::Length { offset, length: raw })
}

/// Checks the seals, each over all bytes before it.
struct Seals<'a> {
    file: &'a Bytes,
    /// Where the next part begins: behind the last seal.
    at: usize,
    sum: Adler32,
}

impl Seals<'_> {
    fn rest(&self) -> &[u8] {
        &self.file[self.at..]
    }

    /// The part ends at `end`; a seal must follow.
    fn part_ends(&mut self, end: usize) -> Result<(), SnapshotError> {
        let cut_off = SnapshotError::CutOff { offset: self.file.len() as u64 };
        let part = self.file.get(self.at..end).ok_or(cut_off.clone())?;
        self.sum.write_slice(part);
        let computed = self.sum.checksum();
        let written = self.file[end..].first_chunk::<8>().ok_or(cut_off.clone())?;
        let written = u64::from_be_bytes(*written);
        let offset = end as u64;
        if written != u64::from(computed) {
            let computed = u64::from(computed);
            return Err(SnapshotError::Checksum { offset, written, computed });
        }
        let seal = self.file.get(end..end + SEAL_LEN).ok_or(cut_off)?;
        if seal != encode_seal(computed) {
            return Err(SnapshotError::Seal { offset });
        }
        self.sum.write_slice(seal);
        self.at = end + SEAL_LEN;
        Ok(())
    }

    /// The digest's part: zxid, version, digest. A digest of an older version was a text and is
    /// not compared; one of zxid 0 says nothing.
    fn digest(&mut self) -> Result<Option<(Zxid, u64)>, SnapshotError> {
        let offset = self.at as u64;
        let mut input = Reader::new(self.file.slice(self.at..), JUTE_MAX_BUFFER_PEER);
        let mut read = || {
            let zxid = Zxid::from_wire(input.long()?);
            if input.int()? < DIGEST_VERSION {
                input.ustring()?;
                return Ok((None, input.offset()));
            }
            let digest = (zxid, input.long()? as u64);
            Ok((Some(digest).filter(|_| zxid > Zxid::ZERO), input.offset()))
        };
        let (digest, len) = read().map_err(|error| SnapshotError::Field { offset, error })?;
        self.part_ends(self.at + len)?;
        Ok(digest)
    }
}

fn encode_head(state: &Database) -> Writer {
    let mut out = Writer::with_capacity(PIECE_LEN);
    let as_count = |len: usize| i32::try_from(len).expect("no state has 2^31 sessions or lists");
    out.int(as_count(state.sessions.len()));
    for (session, timeout_ms) in state.sessions.iter() {
        out.long(session.0);
        out.int(*timeout_ms);
    }
    let acls = state.tree.acls();
    out.int(as_count(acls.len()));
    for (key, list) in acls.iter() {
        out.long(key.0);
        Acl::write_list(list, &mut out);
    }
    out
}

fn write_znode(path: &str, znode: &Znode, out: &mut Writer) {
    out.ustring(path);
    out.buffer(znode.data.as_deref());
    out.long(znode.acl.0);
    out.long(znode.czxid.to_wire());
    out.long(znode.mzxid.to_wire());
    out.long(znode.ctime.0);
    out.long(znode.mtime.0);
    out.int(znode.version);
    out.int(znode.cversion);
    out.int(znode.aversion);
    out.long(znode.ephemeral_owner);
    out.long(znode.pzxid.to_wire());
}

/// The rest of a znode behind its path. The data is copied, so that a small znode never keeps a
/// whole file or chunk in memory.
fn read_znode(input: &mut Reader) -> Result<Znode, JuteError> {
    let data = input.buffer()?.map(|data| Bytes::copy_from_slice(&data));
    let acl = AclKey(input.long()?);
    let czxid = Zxid::from_wire(input.long()?);
    let mzxid = Zxid::from_wire(input.long()?);
    let ctime = WallMs(input.long()?);
    let mtime = WallMs(input.long()?);
    let (version, cversion, aversion) = (input.int()?, input.int()?, input.int()?);
    let ephemeral_owner = input.long()?;
    let pzxid = Zxid::from_wire(input.long()?);
    Ok(Znode {
        data,
        acl,
        czxid,
        mzxid,
        pzxid,
        ctime,
        mtime,
        version,
        cversion,
        aversion,
        ephemeral_owner,
        children: 0,
    })
}

/// Seal, digest, seal, last zxid, seal; `sum` is over all that was written before.
fn encode_trailer(state: &Database, mut sum: Adler32) -> Bytes {
    let zxid = state.last_zxid;
    let mut digest = Writer::default();
    digest.long(zxid.to_wire());
    digest.int(DIGEST_VERSION);
    // As in Java, the empty state carries no digest.
    digest.long(if zxid == Zxid::ZERO { 0 } else { state.tree.digest() as i64 });
    let mut last_zxid = Writer::default();
    last_zxid.long(zxid.to_wire());
    let mut out = Writer::default();
    for part in [Writer::default(), digest, last_zxid] {
        let part = part.finish();
        sum.write_slice(&part);
        let seal = encode_seal(sum.checksum());
        sum.write_slice(&seal);
        out.raw(&part);
        out.raw(&seal);
    }
    out.finish()
}

fn encode_seal(checksum: u32) -> [u8; SEAL_LEN] {
    let mut seal = [0; SEAL_LEN];
    seal[..8].copy_from_slice(&u64::from(checksum).to_be_bytes());
    seal[8..].copy_from_slice(b"\0\0\0\x01/");
    seal
}
