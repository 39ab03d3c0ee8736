//! Trace events as JSON lines: `docs/formats.md`, section 4.
//!
//! Not here: which numbers become strings (see [`zablab_core::json`]).

use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use zablab_core::types::{Mono, ServerId};

use crate::fingerprint::Fnv;
use crate::step::{ClientId, Host, LaneId, LinkId, Side};
use crate::trace::{TraceEvent, What};

/// The version in every line.
const VERSION: u8 = 1;
/// Bytes of a line: a client's largest value, byte by byte, and room for its keys.
pub const LINE_LEN_MAX: usize = 4 << 20;

/// A line that is no trace event.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is too long.
    #[error("a line of {len} bytes; the limit is {LINE_LEN_MAX}")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// It is of a version that this reader does not know.
    #[error("version {version}; this reader knows {VERSION}")]
    Version {
        /// Its version.
        version: u8,
    },
    /// It is no JSON, or not of this form.
    #[error(transparent)]
    Syntax(#[from] serde_json::Error),
}

#[derive(Serialize, Deserialize)]
struct Form<W> {
    v: u8,
    seq: u64,
    at_us: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<Host>,
    #[serde(flatten)]
    what: W,
}

fn form(event: &TraceEvent) -> Form<&What> {
    let TraceEvent { seq, at, host, what } = event;
    Form { v: VERSION, seq: *seq, at_us: at.0, host: *host, what }
}

/// One event as a line, without its LF.
pub fn encode(event: &TraceEvent) -> String {
    serde_json::to_string(&form(event)).expect("every part of an event has a JSON form")
}

/// One event as a JSON value, for those who look at its fields by name.
pub fn value(event: &TraceEvent) -> serde_json::Value {
    serde_json::to_value(form(event)).expect("every part of an event has a JSON form")
}

/// As [`value`], but a number that JavaScript does not have is null: that is only the leader of a
/// vote for nobody.
pub fn safe_value(event: &TraceEvent) -> serde_json::Value {
    let mut value = value(event);
    drop_wide(&mut value);
    value
}

/// Replaces every number that JavaScript does not have by null.
pub fn drop_wide(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Number(number) => {
            let size = number.as_i64().map(i64::unsigned_abs).or(number.as_u64());
            if size.is_some_and(|size| size > super::SAFE_INTEGER_MAX) {
                *value = serde_json::Value::Null;
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(drop_wide),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(drop_wide),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_) => {}
    }
}

/// Reads a line.
///
/// # Errors
/// It is no line of this format and version.
pub fn decode(line: &str) -> Result<TraceEvent, JsonError> {
    if line.len() > LINE_LEN_MAX {
        return Err(JsonError::TooLong { len: line.len() });
    }
    let Form { v, seq, at_us, host, what } = serde_json::from_str::<Form<What>>(line)?;
    if v != VERSION {
        return Err(JsonError::Version { version: v });
    }
    Ok(TraceEvent { seq, at: Mono(at_us), host, what })
}

/// The hash of a trace: of its lines, each with its LF.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TraceHash(Fnv);

impl TraceHash {
    /// Adds an event.
    pub fn add(&mut self, event: &TraceEvent) {
        self.0.write(encode(event).as_bytes());
        self.0.write(b"\n");
    }

    /// The hash of what was added so far.
    pub fn value(&self) -> u64 {
        self.0.finish()
    }
}

/// A name that stands for no host or lane.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{name:?} is not of the form {form}")]
pub struct BadName {
    name: String,
    form: &'static str,
}

impl From<Host> for String {
    fn from(host: Host) -> String {
        host.to_string()
    }
}

impl TryFrom<String> for Host {
    type Error = BadName;

    fn try_from(name: String) -> Result<Host, BadName> {
        let server = name.strip_prefix('s').and_then(|sid| sid.parse().ok());
        let client = name.strip_prefix('c').and_then(|id| id.parse().ok());
        let host = server.map(|sid| Host::Server(ServerId(sid)));
        let host = host.or(client.map(|id| Host::Client(ClientId(id))));
        host.ok_or(BadName { name, form: "s1 or c1" })
    }
}

impl From<LaneId> for String {
    fn from(lane: LaneId) -> String {
        let end = match lane.to {
            Side::Acceptor => 'a',
            Side::Opener => 'o',
        };
        format!("{}{end}", lane.link.0)
    }
}

impl TryFrom<String> for LaneId {
    type Error = BadName;

    fn try_from(name: String) -> Result<LaneId, BadName> {
        let ends = [("a", Side::Acceptor), ("o", Side::Opener)];
        let found = ends.into_iter().find_map(|(end, to)| {
            let link = name.strip_suffix(end)?.parse().ok()?;
            Some(LaneId { link: LinkId(link), to })
        });
        found.ok_or(BadName { name, form: "12a or 12o" })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use zablab_core::client::{CallError, CallId};
    use zablab_core::trace::{Event, Reason, Role, Verdict};
    use zablab_core::types::{
        ConnId, ElectionEpoch, Epoch, ServerId, SessionId, Ticket, Xid, Zxid,
    };
    use zablab_core::wire::client::{OpCode, Response};
    use zablab_core::wire::election::{PeerState, Vote};
    use zablab_core::wire::quorum::PacketKind;
    use zablab_core::wire::records::Stat;

    use super::*;
    use crate::client::Outcome;
    use crate::step::{Fault, Keep, Stored};

    fn at(host: Option<Host>, what: What) -> TraceEvent {
        TraceEvent { seq: 412, at: Mono(260_000), host, what }
    }

    fn examples() -> Vec<What> {
        let zxid = Zxid::new(Epoch(1), 4);
        let vote = Vote {
            leader: ServerId(3),
            zxid,
            election_epoch: ElectionEpoch(u64::MAX),
            peer_epoch: Epoch(1),
        };
        let lane = LaneId { link: LinkId(12), to: Side::Opener };
        let session = SessionId(i64::MIN + 1);
        let data = Response::Data {
            data: Some(Bytes::from_static(&[0, 255])),
            stat: Stat { czxid: zxid, ..Stat::default() },
        };
        let done = Outcome { zxid: Some(zxid), result: Ok(data) };
        let (from, to) = (ServerId(1), ServerId(2));
        let verdict = Verdict::Adopted(Reason::Zxid);
        vec![
            What::Core(Event::PacketSent { to, kind: PacketKind::NewLeader, zxid }),
            What::Core(Event::NotificationReceived {
                from,
                state: PeerState::Looking,
                vote,
                verdict,
            }),
            What::Core(Event::QuorumReached { vote, voters: vec![from, to] }),
            What::Core(Event::RoleChanged { role: Role::Looking, leader: None }),
            What::Core(Event::Appended { zxid, ticket: Ticket(1 << 60) }),
            What::Core(Event::Requested { session, xid: Xid(-1), op: 4, path: Some("/a".into()) }),
            What::Core(Event::ClientRefused { conn: ConnId::outgoing(1), why: "\"\n".into() }),
            What::FaultInjected(Fault::HealAll),
            What::FaultInjected(Fault::Crash { server: to, keep: Keep::ALL }),
            What::FaultInjected(Fault::Hold { lane, seq: 3 }),
            What::FaultInjected(Fault::FlipByte { server: to, of: Stored::Record(zxid), at: 40 }),
            What::FaultInjected(Fault::Pause { host: Host::Client(ClientId(1)) }),
            What::FaultInjected(Fault::Myid { server: to, says: from }),
            What::Started { notes: vec!["torn tail".into()] },
            What::MessageSent { lane, seq: 7, to: Host::Client(ClientId(1)), bytes: 9 },
            What::ClientCalled { call: CallId(1), op: OpCode::GetData },
            What::ClientReturned {
                call: CallId(1),
                outcome: Box::new(Outcome { zxid: None, result: Err(CallError::ConnectionLoss) }),
            },
            What::ClientReturned { call: CallId(1), outcome: Box::new(done) },
        ]
    }

    #[test]
    fn events_survive_their_lines() {
        for what in examples() {
            for host in [None, Some(Host::Server(ServerId(3))), Some(Host::Client(ClientId(1)))] {
                let event = at(host, what.clone());
                let line = encode(&event);
                assert!(!line.contains('\n'), "{line}");
                let again = decode(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                assert_eq!(again, event, "{line}");
            }
        }
    }

    #[test]
    fn a_line_is_as_documented() {
        let zxid = Zxid::new(Epoch(1), 1);
        let packet = Event::PacketSent { to: ServerId(1), kind: PacketKind::Proposal, zxid };
        let event = at(Some(Host::Server(ServerId(3))), What::Core(packet));
        let begin = r#"{"v":1,"seq":412,"at_us":260000,"host":"s3","event":"PacketSent","#;
        let end = r#""to":1,"kind":"Proposal","zxid":{"epoch":1,"counter":1}}"#;
        assert_eq!(encode(&event), format!("{begin}{end}"));
    }

    #[test]
    fn other_versions_and_nonsense_are_refused() {
        let line = encode(&at(None, What::Stopped { why: String::new() }));
        let version = decode(&line.replace("\"v\":1", "\"v\":2"));
        assert!(matches!(version, Err(JsonError::Version { version: 2 })));
        assert!(matches!(decode("{}"), Err(JsonError::Syntax(_))));
        let long = " ".repeat(LINE_LEN_MAX + 1);
        assert!(matches!(decode(&long), Err(JsonError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn no_line_makes_the_reader_panic(
            line in prop_oneof![
                ".{0,80}",
                (0..examples().len(), 0..200usize, "[ -~]{0,3}").prop_map(|(which, place, junk)| {
                    let line = encode(&at(None, examples().swap_remove(which)));
                    let place = (0..=place.min(line.len())).rev();
                    let place = place.into_iter().find(|p| line.is_char_boundary(*p));
                    let (left, right) = line.split_at(place.unwrap_or(0));
                    format!("{left}{junk}{right}")
                }),
            ]
        ) {
            if let Ok(event) = decode(&line) {
                prop_assert_eq!(decode(&encode(&event)).map_err(|e| e.to_string()), Ok(event));
            }
        }
    }
}
