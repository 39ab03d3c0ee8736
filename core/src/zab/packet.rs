//! The packets of the quorum port, by name, and the one place where they leave.

use bytes::Bytes;

use crate::config::Ensemble;
use crate::process::{Effect, Out};
use crate::trace::{Event, Leave, SyncMode};
use crate::txn::LogRecord;
use crate::types::{ConnId, Epoch, ServerId, Zxid};
use crate::wire::quorum::{
    AckEpoch, LeaderInfo, LearnerInfo, PROTOCOL_VERSION, PacketKind, PingData, QuorumPacket,
    RevalidateReply, RevalidateRequest,
};

/// Sends a packet and records that it left.
pub fn send(conn: ConnId, to: ServerId, packet: &QuorumPacket, out: &mut Out<Effect>) {
    let (kind, zxid) = (packet.kind, packet.zxid);
    out.event(|| Event::PacketSent { to, kind, zxid });
    out.push(Effect::Send { conn, parts: packet.encode_parts() });
}

fn bare(kind: PacketKind, zxid: Zxid) -> QuorumPacket {
    QuorumPacket { kind, zxid, data: None, auth: None }
}

fn with_data(kind: PacketKind, zxid: Zxid, data: Bytes) -> QuorumPacket {
    QuorumPacket { kind, zxid, data: Some(data), auth: None }
}

/// FOLLOWERINFO or OBSERVERINFO: who this learner is and what it promised.
pub fn learner_info(kind: PacketKind, accepted: Epoch, info: &LearnerInfo) -> QuorumPacket {
    with_data(kind, Zxid::new(accepted, 0), info.encode())
}

/// LEADERINFO: the epoch of this leadership.
pub fn leader_info(epoch: Epoch) -> QuorumPacket {
    with_data(
        PacketKind::LeaderInfo,
        Zxid::new(epoch, 0),
        LeaderInfo { protocol_version: PROTOCOL_VERSION }.encode(),
    )
}

/// ACKEPOCH: where this learner's history ends, and in which epoch; no epoch if it accepted this
/// one before and must not be counted.
pub fn ack_epoch(current_epoch: Option<Epoch>, last_logged: Zxid) -> QuorumPacket {
    with_data(PacketKind::AckEpoch, last_logged, AckEpoch { current_epoch }.encode())
}

/// DIFF, TRUNC or SNAP.
pub fn sync_header(mode: SyncMode, to: Zxid) -> QuorumPacket {
    let kind = match mode {
        SyncMode::Diff => PacketKind::Diff,
        SyncMode::Trunc => PacketKind::Trunc,
        SyncMode::Snap => PacketKind::Snap,
    };
    bare(kind, to)
}

/// NEWLEADER: the initial history ends here.
pub fn new_leader(epoch: Epoch, ensemble: &Ensemble) -> QuorumPacket {
    let config = Bytes::from(ensemble.to_text());
    with_data(PacketKind::NewLeader, Zxid::new(epoch, 0), config)
}

/// UPTODATE: serve.
pub fn up_to_date() -> QuorumPacket {
    bare(PacketKind::UpToDate, QuorumPacket::NO_ZXID)
}

/// PROPOSAL: log this.
pub fn proposal(record: &LogRecord) -> QuorumPacket {
    with_data(PacketKind::Proposal, record.zxid(), record.encoded.clone())
}

/// INFORM: a committed transaction as the log has it, for observers.
pub fn inform(zxid: Zxid, encoded: Bytes) -> QuorumPacket {
    with_data(PacketKind::Inform, zxid, encoded)
}

/// ACK of a proposal, or of NEWLEADER and UPTODATE with `(e,0)`.
pub fn ack(zxid: Zxid) -> QuorumPacket {
    bare(PacketKind::Ack, zxid)
}

/// COMMIT: a quorum has it.
pub fn commit(zxid: Zxid) -> QuorumPacket {
    bare(PacketKind::Commit, zxid)
}

/// COMMITANDACTIVATE: a quorum has this configuration, and it is in force under this leader.
pub fn commit_and_activate(zxid: Zxid, designated: ServerId) -> QuorumPacket {
    let data = Bytes::copy_from_slice(&designated.0.to_be_bytes());
    with_data(PacketKind::CommitAndActivate, zxid, data)
}

/// INFORMANDACTIVATE: the same for observers, with the transaction.
pub fn inform_and_activate(zxid: Zxid, encoded: &Bytes, designated: ServerId) -> QuorumPacket {
    let data = [&designated.0.to_be_bytes()[..], encoded].concat();
    with_data(PacketKind::InformAndActivate, zxid, Bytes::from(data))
}

/// Whom COMMITANDACTIVATE or INFORMANDACTIVATE names as leader.
///
/// # Errors
/// It names nobody.
pub fn designated_of(packet: &QuorumPacket) -> Result<ServerId, Leave> {
    let data = packet.data.as_deref().unwrap_or_default();
    let sid = data.first_chunk::<8>().ok_or(Leave::ProtocolError)?;
    Ok(ServerId(i64::from_be_bytes(*sid)))
}

/// INFORMANDACTIVATE as the designated leader and a plain INFORM.
///
/// # Errors
/// It is too short.
pub fn split_inform(packet: &QuorumPacket) -> Result<(ServerId, QuorumPacket), Leave> {
    let designated = designated_of(packet)?;
    let record = packet.data.as_ref().map(|data| data.slice(size_of::<i64>()..));
    let inform = QuorumPacket { kind: PacketKind::Inform, data: record, ..packet.clone() };
    Ok((designated, inform))
}

/// PING of a leader.
pub fn ping(last_proposed: Zxid) -> QuorumPacket {
    bare(PacketKind::Ping, last_proposed)
}

/// A learner's answer to a ping: the same zxid, and whom it heard of.
pub fn pong(zxid: Zxid, touched: PingData) -> QuorumPacket {
    with_data(PacketKind::Ping, zxid, touched.encode())
}

/// REVALIDATE: does this session live?
pub fn revalidate(asked: &RevalidateRequest) -> QuorumPacket {
    with_data(PacketKind::Revalidate, QuorumPacket::NO_ZXID, asked.encode())
}

/// The answer to REVALIDATE.
pub fn revalidate_reply(reply: &RevalidateReply) -> QuorumPacket {
    with_data(PacketKind::Revalidate, QuorumPacket::NO_ZXID, reply.encode())
}

/// SYNC: everything committed when the sync was asked for is on its way before this.
pub fn sync() -> QuorumPacket {
    bare(PacketKind::Sync, Zxid::ZERO)
}
