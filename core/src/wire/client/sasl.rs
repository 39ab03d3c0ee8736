//! The two records of SASL: a token each way.

use bytes::Bytes;

use super::ReplyHeader;
use crate::limits::JUTE_MAX_BUFFER_MAX;
use crate::types::{Xid, Zxid};
use crate::wire::jute::{JuteError, Reader, Writer};

/// The client's token; null is as good as empty.
///
/// # Errors
/// If the bytes are no such record.
pub fn decode_sasl_token(body: Bytes) -> Result<Bytes, JuteError> {
    Ok(Reader::new(body, JUTE_MAX_BUFFER_MAX).buffer()?.unwrap_or_default())
}

/// The frame of the answer, length included. A refused client is sent no token, but its record.
pub fn encode_sasl_reply(xid: Xid, err: i32, token: Option<&[u8]>) -> Bytes {
    let mut out = Writer::frame(20 + token.map_or(0, <[u8]>::len));
    ReplyHeader { xid, zxid: Zxid::ZERO, err }.write(&mut out);
    out.buffer(token);
    out.finish_frame()
}
