//! The handshake of a client: the first frame each way.

use bytes::Bytes;

use crate::limits::JUTE_MAX_BUFFER_MAX;
use crate::types::{SessionId, Zxid};
use crate::wire::jute::{JuteError, Reader, Writer};

/// What a client begins with.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct ConnectRequest {
    /// 0.
    pub protocol_version: i32,
    /// The last zxid the client saw; a server that has less must not take it.
    pub last_zxid_seen: Zxid,
    /// The session timeout it asks for, in ms.
    pub timeout_ms: i32,
    /// Its session; 0 for a new one.
    pub session: SessionId,
    /// The session's password.
    pub password: Option<Bytes>,
    /// Whether a server that only reads will do; `None` from clients before 3.4.
    pub read_only: Option<bool>,
}

impl ConnectRequest {
    /// Reads one from a frame.
    ///
    /// # Errors
    /// If the bytes are no such record.
    pub fn decode(frame: Bytes) -> Result<ConnectRequest, JuteError> {
        let mut input = Reader::new(frame, JUTE_MAX_BUFFER_MAX);
        Ok(ConnectRequest {
            protocol_version: input.int()?,
            last_zxid_seen: Zxid::from_wire(input.long()?),
            timeout_ms: input.int()?,
            session: SessionId(input.long()?),
            password: input.buffer()?,
            read_only: read_only(&mut input)?,
        })
    }

    /// Its frame, length included.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::frame(64);
        out.int(self.protocol_version);
        out.long(self.last_zxid_seen.to_wire());
        out.int(self.timeout_ms);
        out.long(self.session.0);
        out.buffer(self.password.as_deref());
        if let Some(read_only) = self.read_only {
            out.boolean(read_only);
        }
        out.finish_frame()
    }
}

/// What a client is answered.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct ConnectResponse {
    /// 0.
    pub protocol_version: i32,
    /// The session timeout it gets, in ms; 0 refuses it.
    pub timeout_ms: i32,
    /// Its session; 0 refuses it.
    pub session: SessionId,
    /// The session's password.
    pub password: Option<Bytes>,
    /// Whether this server only reads; there only if the request had its flag.
    pub read_only: Option<bool>,
}

impl ConnectResponse {
    /// Reads one from a frame.
    ///
    /// # Errors
    /// If the bytes are no such record.
    pub fn decode(frame: Bytes) -> Result<ConnectResponse, JuteError> {
        let mut input = Reader::new(frame, JUTE_MAX_BUFFER_MAX);
        Ok(ConnectResponse {
            protocol_version: input.int()?,
            timeout_ms: input.int()?,
            session: SessionId(input.long()?),
            password: input.buffer()?,
            read_only: read_only(&mut input)?,
        })
    }

    /// Its frame, length included.
    pub fn encode(&self) -> Bytes {
        let mut out = Writer::frame(64);
        out.int(self.protocol_version);
        out.int(self.timeout_ms);
        out.long(self.session.0);
        out.buffer(self.password.as_deref());
        if let Some(read_only) = self.read_only {
            out.boolean(read_only);
        }
        out.finish_frame()
    }
}

fn read_only(input: &mut Reader) -> Result<Option<bool>, JuteError> {
    if input.remaining() == 0 { Ok(None) } else { input.boolean().map(Some) }
}
