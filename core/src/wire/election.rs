//! The election port: the greeting of a connection, and notifications.
//!
//! Not here: what is done with them (see [`crate::peer`]).
//! Source: `QuorumCnxManager.InitialMessage`, `FastLeaderElection.buildMsg` and its receiver.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;

use super::frame::{FrameBuffer, FrameError};
use super::jute::{JuteError, Reader, Writer};
use crate::config::HostPort;
use crate::limits::{ELECTION_ADDR_MAX, NOTIFICATION_MAX};
use crate::types::{ElectionEpoch, Epoch, ServerId, Zxid};

wire_enum! {
    /// The state that a server reports in a notification.
    PeerState {
        /// It looks for a leader.
        Looking = 0,
        /// It follows one.
        Following = 1,
        /// It leads.
        Leading = 2,
        /// It observes: follows without a vote.
        Observing = 3,
    }
}

/// Whom a server proposes, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Vote {
    /// The candidate.
    pub leader: ServerId,
    /// The candidate's last logged transaction.
    pub zxid: Zxid,
    /// The round in which this vote was made.
    pub election_epoch: ElectionEpoch,
    /// The candidate's currentEpoch.
    pub peer_epoch: Epoch,
}

impl Vote {
    /// The candidate of those who may not vote.
    pub const NOBODY: ServerId = ServerId(i64::MIN);

    /// What an observer sends while it looks for the leader: candidate, zxid and epoch are
    /// `i64::MIN` on the wire. Here the epoch is 0, as none is negative.
    pub const fn for_nobody(round: ElectionEpoch) -> Vote {
        Vote {
            leader: Vote::NOBODY,
            zxid: Zxid::from_wire(i64::MIN),
            election_epoch: round,
            peer_epoch: Epoch(0),
        }
    }
}

/// Why bytes are not what the election port carries.
#[derive(Clone, PartialEq, Eq, Debug, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ElectionError {
    /// The greeting has a version that is not known.
    #[error("greeting of version {version}")]
    UnknownVersion {
        /// The version.
        version: i64,
    },
    /// The length of the greeting's addresses is out of range.
    #[error("addresses of {length} bytes, at most {max}")]
    BadAddressLength {
        /// The length.
        length: i32,
        /// The greatest one allowed.
        max: usize,
    },
    /// An address is not `host:port`.
    #[error("address {address:?}")]
    BadAddress {
        /// What is there instead.
        address: String,
    },
    /// The stream is not made of frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A notification does not parse.
    #[error("notification does not parse: {0}")]
    Malformed(#[from] JuteError),
    /// A notification names a state that does not exist.
    #[error("state {state}")]
    BadState {
        /// The number.
        state: i32,
    },
    /// A candidate's epoch is out of range.
    #[error("peer epoch {epoch}")]
    BadEpoch {
        /// The number.
        epoch: i64,
    },
}

/// The greeting: the first bytes of whoever opened the connection. No length before it.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum InitialMessage {
    /// From servers before 3.5: only who it is.
    Sid {
        /// Who it is.
        sid: ServerId,
    },
    /// One address.
    V1 {
        /// Who it is.
        sid: ServerId,
        /// Its election address.
        address: HostPort,
    },
    /// Several addresses.
    V2 {
        /// Who it is.
        sid: ServerId,
        /// Its election addresses.
        addresses: Vec<HostPort>,
    },
}

impl InitialMessage {
    /// Version of the greeting with one address.
    pub const VERSION_1: i64 = -65536;
    /// Version of the greeting with several addresses.
    pub const VERSION_2: i64 = -65535;

    /// Who it is.
    pub fn sid(&self) -> ServerId {
        match self {
            InitialMessage::Sid { sid }
            | InitialMessage::V1 { sid, .. }
            | InitialMessage::V2 { sid, .. } => *sid,
        }
    }

    /// Where it can be reached, as it says.
    pub fn addresses(&self) -> &[HostPort] {
        match self {
            InitialMessage::Sid { .. } => &[],
            InitialMessage::V1 { address, .. } => core::slice::from_ref(address),
            InitialMessage::V2 { addresses, .. } => addresses,
        }
    }

    /// Its bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::with_capacity(64);
        match self {
            InitialMessage::Sid { .. } => {}
            InitialMessage::V1 { .. } => out.long(InitialMessage::VERSION_1),
            InitialMessage::V2 { .. } => out.long(InitialMessage::VERSION_2),
        }
        out.long(self.sid().0);
        match self {
            InitialMessage::Sid { .. } => {}
            InitialMessage::V1 { .. } | InitialMessage::V2 { .. } => {
                out.ustring(&join(self.addresses()));
            }
        }
        out.finish()
    }

    /// Takes the greeting off; `None` until all of it is there.
    ///
    /// # Errors
    /// [`ElectionError`]; the connection is useless from there on.
    pub fn decode(buffer: &mut FrameBuffer) -> Result<Option<InitialMessage>, ElectionError> {
        let Some(first) = buffer.peek().first_chunk::<8>() else { return Ok(None) };
        let version = i64::from_be_bytes(*first);
        if version >= 0 {
            buffer.take(8);
            return Ok(Some(InitialMessage::Sid { sid: ServerId(version) }));
        }
        if version != InitialMessage::VERSION_1 && version != InitialMessage::VERSION_2 {
            return Err(ElectionError::UnknownVersion { version });
        }
        let Some(head) = buffer.peek().first_chunk::<20>() else { return Ok(None) };
        let length = i32::from_be_bytes([head[16], head[17], head[18], head[19]]);
        let bad_length = ElectionError::BadAddressLength { length, max: ELECTION_ADDR_MAX };
        let Some(addr_len) = usize::try_from(length).ok().filter(|n| ADDR_LENS.contains(n)) else {
            return Err(bad_length);
        };
        if buffer.len() < 20 + addr_len {
            return Ok(None);
        }
        let mut input = Reader::new(buffer.take(20 + addr_len), ELECTION_ADDR_MAX);
        input.long()?;
        let sid = ServerId(input.long()?);
        let text = input.text()?;
        if version == InitialMessage::VERSION_1 {
            return Ok(Some(InitialMessage::V1 { sid, address: parse(&text)? }));
        }
        let addresses = text.split('|').map(parse).collect::<Result<_, _>>()?;
        Ok(Some(InitialMessage::V2 { sid, addresses }))
    }
}

/// What the list of addresses may be long.
const ADDR_LENS: core::ops::RangeInclusive<usize> = 1..=ELECTION_ADDR_MAX;

fn join(addresses: &[HostPort]) -> String {
    let mut text = String::new();
    for address in addresses {
        if !text.is_empty() {
            text.push('|');
        }
        let is_v6 = address.host.contains(':');
        if is_v6 {
            text.push('[');
        }
        text.push_str(&address.host);
        if is_v6 {
            text.push(']');
        }
        text.push(':');
        text.push_str(&address.port.to_string());
    }
    text
}

fn parse(text: &str) -> Result<HostPort, ElectionError> {
    let bad = || ElectionError::BadAddress { address: String::from(text) };
    let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
    let port = port.parse::<u16>().map_err(|_| bad())?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if bare.is_empty() {
        return Err(bad());
    }
    Ok(HostPort { host: String::from(bare), port })
}

/// What a server tells the others of its vote.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Notification {
    /// What the sender does.
    pub state: PeerState,
    /// Its vote.
    pub vote: Vote,
    /// The format the sender used: 0 before 3.4.6, 2 now. Sent is always
    /// [`Notification::VERSION`].
    pub version: i32,
    /// The sender's configuration as text, as in `/zookeeper/config`; empty from old servers.
    pub config: Bytes,
    /// The configuration that the sender has seen proposed, in the same form; empty if none. An
    /// addition of ours behind all that Java reads, which steps over it.
    pub next: Bytes,
}

impl Notification {
    /// The format that is sent.
    pub const VERSION: i32 = 2;
    /// The shortest one that is not ignored, in bytes.
    pub const LEN_MIN: usize = 28;

    /// A notification of this server.
    pub fn new(state: PeerState, vote: Vote, config: Bytes) -> Notification {
        let (version, next) = (Notification::VERSION, Bytes::new());
        Notification { state, vote, version, config, next }
    }

    /// Its frame, length included, in format [`Notification::VERSION`].
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::frame(48 + self.config.len() + self.next.len());
        out.int(self.state.to_wire());
        out.long(self.vote.leader.0);
        out.long(self.vote.zxid.to_wire());
        out.long(self.vote.election_epoch.0 as i64);
        let for_nobody = self.vote.leader == Vote::NOBODY;
        out.long(if for_nobody { i64::MIN } else { i64::from(self.vote.peer_epoch.0) });
        out.int(Notification::VERSION);
        out.buffer(Some(&self.config));
        if !self.next.is_empty() {
            out.buffer(Some(&self.next));
        }
        out.finish_frame()
    }

    /// Takes the next notification off, stepping over frames too short to be one; `None` until
    /// all of it is there.
    ///
    /// # Errors
    /// `Frame` makes the connection useless; after any other error the next one can be taken.
    pub fn decode(buffer: &mut FrameBuffer) -> Result<Option<Notification>, ElectionError> {
        while let Some(frame) = buffer.next_frame(NOTIFICATION_MAX)? {
            if frame.len() >= Notification::LEN_MIN {
                return Notification::decode_payload(frame).map(Some);
            }
        }
        Ok(None)
    }

    /// Reads one in any format; the length decides which.
    fn decode_payload(frame: Bytes) -> Result<Notification, ElectionError> {
        let frame_len = frame.len();
        let mut input = Reader::new(frame, NOTIFICATION_MAX);
        let state = input.int()?;
        let state = PeerState::from_wire(state).ok_or(ElectionError::BadState { state })?;
        let leader = ServerId(input.long()?);
        let zxid = Zxid::from_wire(input.long()?);
        let election_epoch = ElectionEpoch(input.long()? as u64);
        let peer_epoch =
            if frame_len < 36 { zxid.epoch() } else { peer_epoch(leader, input.long()?)? };
        let version = if frame_len < 44 { 0 } else { input.int()? };
        let config = if version > 1 { input.buffer()?.unwrap_or_default() } else { Bytes::new() };
        // Whatever else may be behind it is none of this format.
        let next = if version > 1 { input.buffer().ok().flatten() } else { None };
        let vote = Vote { leader, zxid, election_epoch, peer_epoch };
        Ok(Notification { state, vote, version, config, next: next.unwrap_or_default() })
    }
}

/// Nobody has no epoch: whatever stands there is 0, as in [`Vote::for_nobody`].
fn peer_epoch(leader: ServerId, epoch: i64) -> Result<Epoch, ElectionError> {
    if leader == Vote::NOBODY {
        return Ok(Epoch(0));
    }
    let number = u32::try_from(epoch).map_err(|_| ElectionError::BadEpoch { epoch })?;
    Ok(Epoch(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(bytes: &[u8]) -> FrameBuffer {
        let mut buffer = FrameBuffer::default();
        buffer.push(Bytes::copy_from_slice(bytes));
        buffer
    }

    fn frame(payload: &[u8]) -> FrameBuffer {
        let mut out = Writer::frame(payload.len());
        out.raw(payload);
        buffer(&out.finish_frame())
    }

    const VOTE: Vote = Vote {
        leader: ServerId(3),
        zxid: Zxid(0x2_0000_0005),
        election_epoch: ElectionEpoch(4),
        peer_epoch: Epoch(7),
    };

    #[test]
    fn old_notifications_lack_fields() {
        let config = Bytes::from_static(b"version=0");
        let sent = Notification::new(PeerState::Looking, VOTE, config);
        let payload = sent.encode().slice(4..);
        let taken = |bytes: &[u8]| {
            Notification::decode(&mut frame(bytes)).map(|taken| taken.expect("it is not short"))
        };
        assert_eq!(taken(&payload), Ok(sent.clone()));

        let unversioned = Notification { version: 0, config: Bytes::new(), ..sent.clone() };
        assert_eq!(taken(&payload[..40]), Ok(unversioned.clone()));
        let vote = Vote { peer_epoch: Epoch(2), ..VOTE };
        assert_eq!(taken(&payload[..28]), Ok(Notification { vote, ..unversioned.clone() }));
        let mut version_1 = payload.to_vec();
        version_1[39] = 1;
        assert_eq!(taken(&version_1), Ok(Notification { version: 1, ..unversioned }));
        assert_eq!(Notification::decode(&mut frame(&payload[..27])), Ok(None));
    }

    #[test]
    fn a_vote_for_nobody_has_no_epoch() {
        let vote = Vote::for_nobody(ElectionEpoch(4));
        let sent = Notification::new(PeerState::Observing, vote, Bytes::new());
        let mut payload = sent.encode().slice(4..).to_vec();
        assert_eq!(payload[28..36], i64::MIN.to_be_bytes());
        for epoch in [i64::MIN, 0, 2] {
            payload[28..36].copy_from_slice(&epoch.to_be_bytes());
            assert_eq!(Notification::decode(&mut frame(&payload)), Ok(Some(sent.clone())));
        }
    }

    #[test]
    fn a_proposed_configuration_goes_behind_all_that_java_reads() {
        let config = Bytes::from_static(b"version=0");
        let without = Notification::new(PeerState::Looking, VOTE, config);
        let with = Notification { next: Bytes::from_static(b"version=7"), ..without.clone() };
        let (bytes, more) = (without.encode(), with.encode());
        assert_eq!(more[4..bytes.len()], bytes[4..]);
        assert_eq!(Notification::decode(&mut buffer(&more)), Ok(Some(with)));
        let strange = [&bytes[4..], &[9, 9]].concat();
        assert_eq!(Notification::decode(&mut frame(&strange)), Ok(Some(without)));
    }

    #[test]
    fn a_bad_notification_does_not_spoil_the_next() {
        let good = Notification::new(PeerState::Leading, VOTE, Bytes::new());
        let mut bytes = good.encode().to_vec();
        bytes[7] = 9;
        let mut buffer = buffer(&[&bytes[..], &good.encode()].concat());
        let state = Notification::decode(&mut buffer);
        assert_eq!(state, Err(ElectionError::BadState { state: 9 }));
        assert_eq!(Notification::decode(&mut buffer), Ok(Some(good)));
    }

    #[test]
    fn greetings_are_checked() {
        let version = InitialMessage::decode(&mut buffer(&[0xff; 8]));
        assert_eq!(version, Err(ElectionError::UnknownVersion { version: -1 }));

        let address = HostPort { host: String::from("127.0.0.1"), port: 23381 };
        let good = InitialMessage::V1 { sid: ServerId(1), address }.encode();
        assert_eq!(good.len(), 35);
        let mut long = good[..20].to_vec();
        long[18..].copy_from_slice(&2049_u16.to_be_bytes());
        let length = InitialMessage::decode(&mut buffer(&long));
        assert_eq!(length, Err(ElectionError::BadAddressLength { length: 2049, max: 2048 }));

        let mut no_port = good.to_vec();
        no_port[29] = b'.';
        let address = InitialMessage::decode(&mut buffer(&no_port));
        let text = String::from("127.0.0.1.23381");
        assert_eq!(address, Err(ElectionError::BadAddress { address: text }));
    }
}
