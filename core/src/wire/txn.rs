//! Transactions as bytes: what the log holds and a PROPOSAL carries.
//!
//! A header, the transaction's record and, since 3.6, the digest of the tree after it. Bytes that
//! follow and are not known here stay in [`LogRecord::encoded`], which is what travels.
//! Not here: the log's file format (see [`crate::storage::txnlog`]).
//! Source: `SerializeUtils.deserializeTxn`; `zookeeper.jute`, module `org.apache.zookeeper.txn`.

use alloc::vec::Vec;
use bytes::Bytes;

use super::client::OpCode;
use super::jute::{JuteError, Reader, Writer};
use crate::limits::JUTE_MAX_BUFFER_PEER;
use crate::txn::{Acl, CreateKind, CreateTxn, LogRecord, Txn, TxnHeader};
use crate::types::{Path, SessionId, WallMs, Xid, Zxid};

/// The version of the digest's algorithm; digests of other versions are not compared.
pub const DIGEST_VERSION: i32 = 2;
/// A digest with its version, in bytes.
const DIGEST_LEN: usize = 12;

/// Why bytes are no transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TxnError {
    /// The bytes do not parse.
    #[error("transaction does not parse: {0}")]
    Malformed(#[from] JuteError),
    /// There is no such type of transaction.
    #[error("transaction of type {op}")]
    UnknownType {
        /// The type.
        op: i32,
    },
    /// The end of a session removes a znode without a path.
    #[error("an empty path in the end of a session")]
    EmptyPath,
    /// A multi holds a transaction of a type that none may hold.
    #[error("transaction of type {op} in a multi")]
    BadPart {
        /// The type.
        op: i32,
    },
}

/// The bytes of a transaction.
///
/// # Panics
/// If a multi holds a part that none may hold.
pub fn encode(header: &TxnHeader, txn: &Txn, digest: Option<u64>) -> Bytes {
    let mut out = Writer::with_capacity(192);
    out.long(header.session.0);
    out.int(header.cxid.0);
    out.long(header.zxid.to_wire());
    out.long(header.time.0);
    out.int(txn.op().to_wire());
    write(txn, &mut out);
    if let Some(digest) = digest {
        out.int(DIGEST_VERSION);
        out.long(digest as i64);
    }
    out.finish()
}

/// Encodes a transaction and keeps its bytes with it.
///
/// # Panics
/// If a multi holds a part that none may hold.
pub fn record(header: TxnHeader, txn: Txn, digest: Option<u64>) -> LogRecord {
    let encoded = encode(&header, &txn, digest);
    LogRecord { header, txn, digest, encoded }
}

/// Reads a transaction; its buffers share the memory of `bytes`.
///
/// # Errors
/// [`TxnError`].
pub fn decode(bytes: Bytes) -> Result<LogRecord, TxnError> {
    let mut input = Reader::new(bytes.clone(), JUTE_MAX_BUFFER_PEER);
    let session = SessionId(input.long()?);
    let cxid = Xid(input.int()?);
    let zxid = Zxid::from_wire(input.long()?);
    let time = WallMs(input.long()?);
    let op = input.int()?;
    let txn = read(op, &mut input)?;
    let digest = read_digest(&mut input)?;
    let header = TxnHeader { session, cxid, zxid, time };
    Ok(LogRecord { header, txn, digest, encoded: bytes })
}

impl Txn {
    /// Its type on the wire.
    pub fn op(&self) -> OpCode {
        match self {
            Txn::CreateSession { .. } => OpCode::CreateSession,
            Txn::CloseSession { .. } => OpCode::CloseSession,
            Txn::Error(_) => OpCode::Error,
            Txn::Create(create) => match create.kind {
                CreateKind::Create => OpCode::Create,
                CreateKind::Create2 => OpCode::Create2,
                CreateKind::Container => OpCode::CreateContainer,
                CreateKind::Ttl(_) => OpCode::CreateTtl,
            },
            Txn::Delete { container: false, .. } => OpCode::Delete,
            Txn::Delete { container: true, .. } => OpCode::DeleteContainer,
            Txn::SetData { reconfig: false, .. } => OpCode::SetData,
            Txn::SetData { reconfig: true, .. } => OpCode::Reconfig,
            Txn::SetAcl { .. } => OpCode::SetAcl,
            Txn::Check { .. } => OpCode::Check,
            Txn::Multi(_) => OpCode::Multi,
        }
    }

    /// True if a multi may hold it.
    pub fn is_multi_part(&self) -> bool {
        may_be_part(self.op())
    }
}

fn write(txn: &Txn, out: &mut Writer) {
    match txn {
        Txn::CreateSession { timeout_ms } => out.int(*timeout_ms),
        Txn::CloseSession { paths: Some(paths) } => {
            out.vector(paths, |out, path| out.ustring(path));
        }
        Txn::CloseSession { paths: None } => {}
        Txn::Error(code) => out.int(*code),
        Txn::Create(create) => write_create(create, out),
        Txn::Delete { path, container: _ } => out.ustring(path),
        Txn::SetData { path, data, version, reconfig: _ } => {
            out.ustring(path);
            out.buffer(data.as_deref());
            out.int(*version);
        }
        Txn::SetAcl { path, acl, version } => {
            out.ustring(path);
            Acl::write_list(acl, out);
            out.int(*version);
        }
        Txn::Check { path, version } => {
            out.ustring(path);
            out.int(*version);
        }
        Txn::Multi(parts) => out.vector(parts, |out, part| {
            assert!(part.is_multi_part());
            out.int(part.op().to_wire());
            let mut data = Writer::default();
            write(part, &mut data);
            out.buffer(Some(&data.finish()));
        }),
    }
}

fn write_create(create: &CreateTxn, out: &mut Writer) {
    out.ustring(&create.path);
    out.buffer(create.data.as_deref());
    Acl::write_list(&create.acl, out);
    match create.kind {
        CreateKind::Create | CreateKind::Create2 => {
            out.boolean(create.ephemeral);
            out.int(create.parent_cversion);
        }
        CreateKind::Container => out.int(create.parent_cversion),
        CreateKind::Ttl(ttl_ms) => {
            out.int(create.parent_cversion);
            out.long(ttl_ms);
        }
    }
}

fn read(op: i32, input: &mut Reader) -> Result<Txn, TxnError> {
    let code = OpCode::from_wire(op).ok_or(TxnError::UnknownType { op })?;
    let txn = match code {
        OpCode::CreateSession => Txn::CreateSession { timeout_ms: input.int()? },
        OpCode::CloseSession => Txn::CloseSession { paths: read_closed_paths(input)? },
        OpCode::Error => Txn::Error(input.int()?),
        OpCode::Create => Txn::Create(read_create(CreateKind::Create, input)?),
        OpCode::Create2 => Txn::Create(read_create(CreateKind::Create2, input)?),
        OpCode::CreateContainer => Txn::Create(read_create(CreateKind::Container, input)?),
        OpCode::CreateTtl => {
            // The time to live is the record's last field.
            let create = read_create(CreateKind::Ttl(0), input)?;
            Txn::Create(CreateTxn { kind: CreateKind::Ttl(input.long()?), ..create })
        }
        OpCode::Delete | OpCode::DeleteContainer => {
            Txn::Delete { path: input.text()?, container: code == OpCode::DeleteContainer }
        }
        OpCode::SetData | OpCode::Reconfig => Txn::SetData {
            path: input.text()?,
            data: input.buffer()?,
            version: input.int()?,
            reconfig: code == OpCode::Reconfig,
        },
        OpCode::SetAcl => {
            Txn::SetAcl { path: input.text()?, acl: Acl::read_list(input)?, version: input.int()? }
        }
        OpCode::Check => Txn::Check { path: input.text()?, version: input.int()? },
        OpCode::Multi => Txn::Multi(read_multi(input)?),
        OpCode::Exists
        | OpCode::GetData
        | OpCode::GetAcl
        | OpCode::GetChildren
        | OpCode::Sync
        | OpCode::Ping
        | OpCode::GetChildren2
        | OpCode::CheckWatches
        | OpCode::RemoveWatches
        | OpCode::MultiRead
        | OpCode::Auth
        | OpCode::SetWatches
        | OpCode::Sasl
        | OpCode::GetEphemerals
        | OpCode::GetAllChildrenNumber
        | OpCode::SetWatches2
        | OpCode::AddWatch
        | OpCode::WhoAmI => return Err(TxnError::UnknownType { op }),
    };
    Ok(txn)
}

fn read_create(kind: CreateKind, input: &mut Reader) -> Result<CreateTxn, JuteError> {
    let path = input.text()?;
    let data = input.buffer()?;
    let acl = Acl::read_list(input)?;
    let ephemeral = match kind {
        CreateKind::Create | CreateKind::Create2 => input.boolean()?,
        CreateKind::Container | CreateKind::Ttl(_) => false,
    };
    // Before 3.4 the record of type 1 ended here (CreateTxnV0).
    let is_v0 = kind == CreateKind::Create && input.remaining() == 0;
    let parent_cversion = if is_v0 { -1 } else { input.int()? };
    Ok(CreateTxn { path, data, acl, kind, ephemeral, parent_cversion })
}

/// The znodes that go with a session. Before 3.6, and with `closeSessionTxn.enabled=false`, the
/// record is absent; what follows then is nothing or a digest. A digest cannot be a list: its
/// version 2 would be the count, and two paths take more than its 8 bytes, as none is empty.
fn read_closed_paths(input: &mut Reader) -> Result<Option<Vec<Path>>, TxnError> {
    if input.remaining() == 0 {
        return Ok(None);
    }
    let is_digest = input.remaining() == DIGEST_LEN && input.clone().int()? == DIGEST_VERSION;
    if is_digest {
        return Ok(None);
    }
    let paths = input.vector(4, Reader::text)?.unwrap_or_default();
    match paths.iter().any(|path| path.is_empty()) {
        true => Err(TxnError::EmptyPath),
        false => Ok(Some(paths)),
    }
}

fn read_multi(input: &mut Reader) -> Result<Vec<Txn>, TxnError> {
    // The parts are read in two steps, so that the depth of nesting is 1 whatever they claim.
    let parts = input.vector(8, |input| {
        let op = input.int()?;
        let offset = input.offset();
        let data = input.buffer()?.ok_or(JuteError::Null { offset })?;
        Ok((op, data))
    })?;
    let mut txns = Vec::new();
    for (op, data) in parts.unwrap_or_default() {
        if !OpCode::from_wire(op).is_some_and(may_be_part) {
            return Err(TxnError::BadPart { op });
        }
        txns.push(read(op, &mut Reader::new(data, JUTE_MAX_BUFFER_PEER))?);
    }
    Ok(txns)
}

fn may_be_part(op: OpCode) -> bool {
    matches!(
        op,
        OpCode::Create
            | OpCode::Create2
            | OpCode::CreateContainer
            | OpCode::CreateTtl
            | OpCode::Delete
            | OpCode::SetData
            | OpCode::Check
            | OpCode::Error
    )
}

/// The digest, if one of the known version is there.
fn read_digest(input: &mut Reader) -> Result<Option<u64>, JuteError> {
    if input.remaining() < DIGEST_LEN {
        return Ok(None);
    }
    let (version, digest) = (input.int()?, input.long()?);
    Ok((version == DIGEST_VERSION).then_some(digest as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: TxnHeader =
        TxnHeader { session: SessionId(5), cxid: Xid(6), zxid: Zxid(7), time: WallMs(8) };
    const HEADER_LEN: usize = 32;

    fn create(parent_cversion: i32) -> CreateTxn {
        CreateTxn {
            path: Path::from("/a"),
            data: None,
            acl: Vec::new(),
            kind: CreateKind::Create,
            ephemeral: true,
            parent_cversion,
        }
    }

    #[test]
    fn a_create_from_before_3_4_has_no_parent_cversion() {
        let now = encode(&HEADER, &Txn::Create(create(3)), None);
        let record = decode(now.slice(..now.len() - 4)).expect("it is a CreateTxnV0");
        assert_eq!(record.txn, Txn::Create(create(-1)));
        assert_eq!(record.encoded, now[..now.len() - 4]);
        let cut = decode(now.slice(..now.len() - 1));
        assert!(matches!(cut, Err(TxnError::Malformed(JuteError::Short { need: 4, .. }))));
    }

    #[test]
    fn a_close_session_may_have_no_record() {
        let bare = encode(&HEADER, &Txn::CloseSession { paths: None }, None);
        assert_eq!(bare.len(), HEADER_LEN);
        for digest in [None, Some(0), Some(u64::MAX)] {
            let encoded = encode(&HEADER, &Txn::CloseSession { paths: None }, digest);
            let record = decode(encoded).expect("it has a header");
            assert_eq!((record.txn, record.digest), (Txn::CloseSession { paths: None }, digest));
        }
    }

    #[test]
    fn a_session_ends_with_no_empty_path() {
        // Two of them would be read as a digest if nothing followed.
        let mut bytes = encode(&HEADER, &Txn::CloseSession { paths: None }, None).to_vec();
        bytes.extend([0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(decode(Bytes::from(bytes)), Err(TxnError::EmptyPath));
    }

    #[test]
    fn a_digest_of_another_version_is_kept_but_not_compared() {
        let mut bytes = encode(&HEADER, &Txn::Error(-101), Some(9)).to_vec();
        bytes[HEADER_LEN + 7] = 3;
        let record = decode(Bytes::from(bytes.clone())).expect("only the version differs");
        assert_eq!((record.digest, record.encoded), (None, Bytes::from(bytes)));
    }

    #[test]
    fn a_multi_holds_no_multi() {
        let mut bytes = encode(&HEADER, &Txn::Multi(alloc::vec![Txn::Error(0)]), None).to_vec();
        bytes[HEADER_LEN + 4..HEADER_LEN + 8].copy_from_slice(&14_i32.to_be_bytes());
        assert_eq!(decode(Bytes::from(bytes)), Err(TxnError::BadPart { op: 14 }));
    }

    #[test]
    fn an_unknown_type_is_an_error() {
        let mut bytes = encode(&HEADER, &Txn::Error(0), None).to_vec();
        bytes[HEADER_LEN - 4..HEADER_LEN].copy_from_slice(&99_i32.to_be_bytes());
        assert_eq!(decode(Bytes::from(bytes)), Err(TxnError::UnknownType { op: 99 }));
    }
}
