//! The quorum port: packets between leader and learners.
//!
//! Packets stand one after the other on the stream, without lengths; a SNAP is followed by the
//! body of a snapshot (see [`crate::storage::snapshot`]). Not here: which packet is due when.
//! Source: `zookeeper.jute`, module `org.apache.zookeeper.server.quorum`; `Leader`, `Learner`.

use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;

use super::frame::FrameBuffer;
use super::jute::{JuteError, Reader, Writer};
use crate::limits::{AUTH_IDS_MAX, JUTE_MAX_BUFFER_PEER, PIECE_MIN};
use crate::txn::Id;
use crate::types::{Epoch, ServerId, SessionId, Xid, Zxid};

/// The version of the protocol that LEADERINFO and LearnerInfo name.
pub const PROTOCOL_VERSION: i32 = 0x1_0000;

wire_enum! {
    /// The kinds of packets.
    PacketKind {
        /// To the leader: a write or sync of a learner's client.
        Request = 1,
        /// To followers: log this transaction.
        Proposal = 2,
        /// To the leader: all up to this zxid is durable here.
        Ack = 3,
        /// To followers: apply the proposal of this zxid.
        Commit = 4,
        /// Both ways: a sign of life.
        Ping = 5,
        /// Both ways: does this session live?
        Revalidate = 6,
        /// To a learner: its oldest open sync is done.
        Sync = 7,
        /// To observers: a proposal that is committed already.
        Inform = 8,
        /// To followers: as `Commit`, and the configuration changes.
        CommitAndActivate = 9,
        /// To learners: the initial history of the epoch ends here.
        NewLeader = 10,
        /// To the leader, first packet of a follower.
        FollowerInfo = 11,
        /// To learners: serve clients now.
        UpToDate = 12,
        /// To learners: the transactions you lack follow.
        Diff = 13,
        /// To learners: cut your log after this zxid.
        Trunc = 14,
        /// To learners: the whole state follows.
        Snap = 15,
        /// To the leader, first packet of an observer.
        ObserverInfo = 16,
        /// To learners: the epoch.
        LeaderInfo = 17,
        /// To the leader: the epoch is promised.
        AckEpoch = 18,
        /// To observers: as `Inform`, and the configuration changes.
        InformAndActivate = 19,
    }
}

/// One packet.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct QuorumPacket {
    /// What it is.
    pub kind: PacketKind,
    /// What it is about; [`QuorumPacket::NO_ZXID`] for kinds that are about no zxid.
    pub zxid: Zxid,
    /// What comes with it; null and empty differ.
    pub data: Option<Bytes>,
    /// On whose behalf a REQUEST is; null in all others.
    pub auth: Option<Vec<Id>>,
}

/// Why bytes are not what a peer must send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum QuorumError {
    /// There is no such kind of packet.
    #[error("packet of kind {kind}")]
    UnknownKind {
        /// The number.
        kind: i32,
    },
    /// The identities in a packet are too many, or their number is negative.
    #[error("{count} identities, at most {max}")]
    UnreasonableIds {
        /// How many.
        count: i32,
        /// The most there may be.
        max: usize,
    },
    /// A packet or its data does not parse.
    #[error("packet does not parse: {0}")]
    Malformed(#[from] JuteError),
    /// A packet has no data where its kind needs some.
    #[error("packet without data")]
    NoData,
    /// An epoch is negative or above the greatest one.
    #[error("epoch {epoch}")]
    BadEpoch {
        /// The number.
        epoch: i32,
    },
    /// A server's PING data is not a whole number of pairs.
    #[error("ping data of {length} bytes")]
    BadPing {
        /// Its length.
        length: usize,
    },
}

impl QuorumPacket {
    /// The zxid of packets that are about none: REQUEST, REVALIDATE, UPTODATE. It is -1.
    pub const NO_ZXID: Zxid = Zxid(u64::MAX);

    /// A packet without identities, as all but REQUEST are.
    pub fn new(kind: PacketKind, zxid: Zxid, data: Option<Bytes>) -> QuorumPacket {
        QuorumPacket { kind, zxid, data, auth: None }
    }

    /// Its data.
    ///
    /// # Errors
    /// `NoData` if it is null.
    pub fn require_data(&self) -> Result<Bytes, QuorumError> {
        self.data.clone().ok_or(QuorumError::NoData)
    }

    /// Its bytes.
    pub fn encode(&self) -> Bytes {
        let data_len = self.data.as_ref().map_or(0, Bytes::len);
        let mut out = Writer::with_capacity(32 + data_len);
        self.write_head(&mut out);
        if let Some(data) = &self.data {
            out.raw(data);
        }
        self.write_auth(&mut out);
        out.finish()
    }

    /// Its bytes, in pieces if there is much data, which they then share instead of copying it.
    pub fn encode_parts(&self) -> Vec<Bytes> {
        let Some(data) = self.data.as_ref().filter(|data| data.len() >= PIECE_MIN) else {
            return vec![self.encode()];
        };
        let mut head = Writer::with_capacity(16);
        self.write_head(&mut head);
        let mut tail = Writer::with_capacity(4);
        self.write_auth(&mut tail);
        vec![head.finish(), data.clone(), tail.finish()]
    }

    /// Takes the next packet off; `None` until all of it is there.
    ///
    /// # Errors
    /// [`QuorumError`]; the connection is useless from there on.
    pub fn decode(buffer: &mut FrameBuffer) -> Result<Option<QuorumPacket>, QuorumError> {
        let Some(length) = packet_len(buffer.peek())? else { return Ok(None) };
        let mut input = Reader::new(buffer.take(length), JUTE_MAX_BUFFER_PEER);
        let kind = input.int()?;
        let kind = PacketKind::from_wire(kind).ok_or(QuorumError::UnknownKind { kind })?;
        Ok(Some(QuorumPacket {
            kind,
            zxid: Zxid::from_wire(input.long()?),
            data: input.buffer()?,
            auth: input.vector(Id::LEN_MIN, Id::read)?,
        }))
    }

    /// All before the bytes of the data.
    fn write_head(&self, out: &mut Writer) {
        out.int(self.kind.to_wire());
        out.long(self.zxid.to_wire());
        match &self.data {
            Some(data) => out.length(data.len()),
            None => out.int(-1),
        }
    }

    fn write_auth(&self, out: &mut Writer) {
        match &self.auth {
            Some(ids) => out.vector(ids, |out, id| id.write(out)),
            None => out.int(-1),
        }
    }
}

/// The length of the packet at the start of `bytes`; `None` until it is certain. Looks only at
/// lengths, so that asking again for each chunk of a large packet costs little.
fn packet_len(bytes: &[u8]) -> Result<Option<usize>, QuorumError> {
    let Some(kind) = int_at(bytes, 0) else { return Ok(None) };
    if PacketKind::from_wire(kind).is_none() {
        return Err(QuorumError::UnknownKind { kind });
    }
    let Some(mut end) = field_end(bytes, 12)? else { return Ok(None) };
    let Some(count) = int_at(bytes, end) else { return Ok(None) };
    end += 4;
    let unreasonable = QuorumError::UnreasonableIds { count, max: AUTH_IDS_MAX };
    let count = match count {
        -1 => 0,
        n => usize::try_from(n).map_err(|_| unreasonable)?,
    };
    if count > AUTH_IDS_MAX {
        return Err(unreasonable);
    }
    for _ in 0..2 * count {
        match field_end(bytes, end)? {
            Some(next) => end = next,
            None => return Ok(None),
        }
    }
    Ok((bytes.len() >= end).then_some(end))
}

/// Where the buffer or text that begins at `start` ends, which may be after the last byte; `None`
/// if its length is not there yet.
fn field_end(bytes: &[u8], start: usize) -> Result<Option<usize>, JuteError> {
    let Some(length) = int_at(bytes, start) else { return Ok(None) };
    let max = JUTE_MAX_BUFFER_PEER;
    let field_len = match length {
        -1 => 0,
        n => usize::try_from(n)
            .ok()
            .filter(|n| *n <= max)
            .ok_or(JuteError::UnreasonableLength { offset: start, length, max })?,
    };
    Ok(Some(start + 4 + field_len))
}

fn int_at(bytes: &[u8], offset: usize) -> Option<i32> {
    bytes.get(offset..)?.first_chunk::<4>().map(|raw| i32::from_be_bytes(*raw))
}

/// The data of FOLLOWERINFO and OBSERVERINFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct LearnerInfo {
    /// Who it is.
    pub sid: ServerId,
    /// [`PROTOCOL_VERSION`]; 1 if a short form left it out.
    pub protocol_version: i32,
    /// The version of its configuration; 0 if a short form left it out.
    pub config_version: i64,
}

impl LearnerInfo {
    /// The data, in its full form of 20 bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::with_capacity(20);
        out.long(self.sid.0);
        out.int(self.protocol_version);
        out.long(self.config_version);
        out.finish()
    }

    /// Reads the data, also the short forms of old learners: 8 bytes, 12 bytes.
    ///
    /// # Errors
    /// If it is shorter than 8 bytes.
    pub fn decode(data: Bytes) -> Result<LearnerInfo, QuorumError> {
        let mut input = Reader::new(data, JUTE_MAX_BUFFER_PEER);
        let sid = ServerId(input.long()?);
        let protocol_version = if input.remaining() >= 4 { input.int()? } else { 1 };
        let config_version = if input.remaining() >= 8 { input.long()? } else { 0 };
        Ok(LearnerInfo { sid, protocol_version, config_version })
    }
}

/// The data of LEADERINFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct LeaderInfo {
    /// [`PROTOCOL_VERSION`].
    pub protocol_version: i32,
}

impl LeaderInfo {
    /// The data.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::with_capacity(4);
        out.int(self.protocol_version);
        out.finish()
    }

    /// Reads the data.
    ///
    /// # Errors
    /// If it is too short.
    pub fn decode(data: Bytes) -> Result<LeaderInfo, QuorumError> {
        let mut input = Reader::new(data, JUTE_MAX_BUFFER_PEER);
        Ok(LeaderInfo { protocol_version: input.int()? })
    }
}

/// The data of ACKEPOCH.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct AckEpoch {
    /// The learner's currentEpoch; `None` (-1 on the wire) if it had accepted the new epoch
    /// before and must not be counted.
    pub current_epoch: Option<Epoch>,
}

impl AckEpoch {
    /// The data.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::with_capacity(4);
        out.int(self.current_epoch.map_or(-1, |epoch| epoch.0 as i32));
        out.finish()
    }

    /// Reads the data.
    ///
    /// # Errors
    /// If it is too short, or names no epoch.
    pub fn decode(data: Bytes) -> Result<AckEpoch, QuorumError> {
        let mut input = Reader::new(data, JUTE_MAX_BUFFER_PEER);
        let epoch = input.int()?;
        let current_epoch = match epoch {
            -1 => None,
            n => Some(Epoch(u32::try_from(n).map_err(|_| QuorumError::BadEpoch { epoch })?)),
        };
        Ok(AckEpoch { current_epoch })
    }
}

/// The data of a learner's PING: the sessions heard of since the last one. A leader's has none.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub struct PingData {
    /// Session and its timeout in ms.
    pub touched: Vec<(SessionId, i32)>,
}

impl PingData {
    /// The data; empty, not null, if no session was heard of.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::with_capacity(12 * self.touched.len());
        for (session, timeout_ms) in &self.touched {
            out.long(session.0);
            out.int(*timeout_ms);
        }
        out.finish()
    }

    /// Reads the data.
    ///
    /// # Errors
    /// If it is not a whole number of pairs.
    pub fn decode(data: Bytes) -> Result<PingData, QuorumError> {
        let length = data.len();
        if !length.is_multiple_of(12) {
            return Err(QuorumError::BadPing { length });
        }
        let mut input = Reader::new(data, JUTE_MAX_BUFFER_PEER);
        let mut touched = Vec::with_capacity(length / 12);
        for _ in 0..length / 12 {
            touched.push((SessionId(input.long()?), input.int()?));
        }
        Ok(PingData { touched })
    }
}

/// The data of a learner's REVALIDATE: a client wants to go on with this session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct RevalidateRequest {
    /// Which.
    pub session: SessionId,
    /// Its timeout in ms, negotiated anew.
    pub timeout_ms: i32,
}

impl RevalidateRequest {
    /// The data.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::with_capacity(12);
        out.long(self.session.0);
        out.int(self.timeout_ms);
        out.finish()
    }

    /// Reads the data.
    ///
    /// # Errors
    /// If it is too short.
    pub fn decode(data: Bytes) -> Result<RevalidateRequest, QuorumError> {
        let mut input = Reader::new(data, JUTE_MAX_BUFFER_PEER);
        Ok(RevalidateRequest { session: SessionId(input.long()?), timeout_ms: input.int()? })
    }
}

/// The data of a leader's REVALIDATE: the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct RevalidateReply {
    /// Which.
    pub session: SessionId,
    /// Whether it lives.
    pub valid: bool,
}

impl RevalidateReply {
    /// The data.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::with_capacity(9);
        out.long(self.session.0);
        out.boolean(self.valid);
        out.finish()
    }

    /// Reads the data.
    ///
    /// # Errors
    /// If it is too short.
    pub fn decode(data: Bytes) -> Result<RevalidateReply, QuorumError> {
        let mut input = Reader::new(data, JUTE_MAX_BUFFER_PEER);
        Ok(RevalidateReply { session: SessionId(input.long()?), valid: input.boolean()? })
    }
}

/// The data of REQUEST: a write or sync of a learner's client.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct RequestData {
    /// Whose.
    pub session: SessionId,
    /// The request's number on the client's connection.
    pub cxid: Xid,
    /// The operation; see [`super::client::OpCode`].
    pub op: i32,
    /// The request as the client sent it, without header.
    pub body: Bytes,
}

impl RequestData {
    /// The data.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::with_capacity(16 + self.body.len());
        out.long(self.session.0);
        out.int(self.cxid.0);
        out.int(self.op);
        out.raw(&self.body);
        out.finish()
    }

    /// Reads the data.
    ///
    /// # Errors
    /// If it is too short.
    pub fn decode(data: Bytes) -> Result<RequestData, QuorumError> {
        let mut input = Reader::new(data, JUTE_MAX_BUFFER_PEER);
        Ok(RequestData {
            session: SessionId(input.long()?),
            cxid: Xid(input.int()?),
            op: input.int()?,
            body: input.rest(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(bytes: &[u8]) -> FrameBuffer {
        let mut buffer = FrameBuffer::default();
        buffer.push(Bytes::copy_from_slice(bytes));
        buffer
    }

    #[test]
    fn parts_share_much_data_and_copy_little() {
        let parts_of = |data: &Bytes| {
            let packet = QuorumPacket::new(PacketKind::Proposal, Zxid(1), Some(data.clone()));
            let parts = packet.encode_parts();
            assert_eq!(parts.concat(), packet.encode());
            parts
        };
        let much = Bytes::from_static(&[7; PIECE_MIN]);
        assert_eq!(parts_of(&much)[1].as_ptr(), much.as_ptr());
        assert_eq!(parts_of(&much.slice(1..)).len(), 1);
    }

    #[test]
    fn bad_packets_are_refused_at_the_first_bad_field() {
        let kind = QuorumPacket::decode(&mut buffer(&[0, 0, 0, 20]));
        assert_eq!(kind, Err(QuorumError::UnknownKind { kind: 20 }));

        let good = QuorumPacket::new(PacketKind::Ack, Zxid(1), Some(Bytes::new())).encode();
        let mut long = good[..16].to_vec();
        long[12] = 0x7f;
        let length = QuorumPacket::decode(&mut buffer(&long));
        assert!(matches!(
            length,
            Err(QuorumError::Malformed(JuteError::UnreasonableLength { offset: 12, .. }))
        ));

        let mut crowd = good.to_vec();
        crowd[16] = 0x7f;
        let ids = QuorumPacket::decode(&mut buffer(&crowd));
        assert!(matches!(ids, Err(QuorumError::UnreasonableIds { max: AUTH_IDS_MAX, .. })));
    }

    #[test]
    fn learners_of_old_versions_leave_fields_out() {
        let full = LearnerInfo { sid: ServerId(4), protocol_version: 0x1_0000, config_version: 9 };
        let data = full.encode();
        assert_eq!(data.len(), 20);
        let no_config = LearnerInfo { config_version: 0, ..full };
        assert_eq!(LearnerInfo::decode(data.slice(..12)), Ok(no_config));
        let no_version = LearnerInfo { protocol_version: 1, ..no_config };
        assert_eq!(LearnerInfo::decode(data.slice(..8)), Ok(no_version));
        assert!(LearnerInfo::decode(data.slice(..7)).is_err());
    }

    #[test]
    fn an_epoch_accepted_before_is_minus_one() {
        assert_eq!(AckEpoch { current_epoch: None }.encode(), [0xff; 4][..]);
        let negative = AckEpoch::decode(Bytes::from_static(&[0xff, 0xff, 0xff, 0xfe]));
        assert_eq!(negative, Err(QuorumError::BadEpoch { epoch: -2 }));
    }
}
