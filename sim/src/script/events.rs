//! Trace events by the names of their fields, for patterns and for a script's output.
//!
//! The names are those of the JSON form ([`crate::formats::json`]); so a script, a JSON line and
//! the sources say the same words. Not here: values of functions (see [`super::predicate`]).

use serde_json::Value as Json;
use zablab_core::paxos::{Ballot, Proposal};
use zablab_core::types::{Epoch, ServerId, Zxid};
use zablab_core::wire::client::ErrorCode;

use super::ast::{Pattern, Term};
use super::predicate::Value;
use crate::formats::json;
use crate::step::Host;
use crate::trace::{TraceEvent, What};

/// Every event and its fields; nested fields come below theirs, with a dot.
pub const EVENTS: &[(&str, &[&str])] = &[
    ("NotificationSent", &["to", "state", "vote"]),
    ("NotificationReceived", &["from", "state", "vote", "verdict"]),
    ("ElectionStarted", &["round"]),
    ("VoteChanged", &["vote", "reason"]),
    ("QuorumReached", &["vote", "voters"]),
    ("PollEnded", &["valid", "votes"]),
    ("ChallengeAsked", &["to", "tag"]),
    ("ChallengeGiven", &["to", "tag"]),
    ("NotificationDistrusted", &["from", "tag"]),
    ("NotificationAcked", &["to", "tag"]),
    ("Elected", &["vote"]),
    ("RoleChanged", &["role", "leader"]),
    ("PhaseEntered", &["phase"]),
    ("RoleLeft", &["role", "why"]),
    ("EpochProposed", &["epoch"]),
    ("AcceptedEpochSet", &["epoch"]),
    ("CurrentEpochSet", &["epoch"]),
    ("LearnerRefused", &["learner", "why"]),
    ("LogRead", &["learner", "peer_last", "records"]),
    ("SyncChosen", &["learner", "peer_last", "mode", "to", "entries"]),
    ("Established", &["epoch"]),
    ("HistoryAdopted", &["epoch", "last"]),
    ("Truncated", &["after"]),
    ("SnapshotInstalled", &["zxid"]),
    ("ConfigSeen", &["version"]),
    ("ConfigActivated", &["version"]),
    ("LeaderDesignated", &["leader"]),
    ("PacketSent", &["to", "kind", "zxid"]),
    ("PacketReceived", &["from", "kind", "zxid"]),
    ("QuotaExceeded", &["path", "of", "used", "limit", "hard"]),
    ("Proposed", &["zxid", "op", "session", "cxid"]),
    ("Appended", &["zxid", "ticket"]),
    ("Synced", &["through", "last_logged"]),
    ("Acked", &["zxid", "by"]),
    ("Committed", &["zxid"]),
    ("Applied", &["zxid", "op", "session", "error"]),
    ("SessionAttached", &["session", "conn", "timeout_ms", "renewed"]),
    ("ClientRefused", &["conn", "why"]),
    ("ReadOnlyBegan", &[]),
    ("ReadOnlyEnded", &[]),
    ("LocalSessionBegun", &["session", "timeout_ms"]),
    ("LocalSessionUpgraded", &["session"]),
    ("LocalSessionEnded", &["session", "expired"]),
    ("SessionExpired", &["session"]),
    ("Requested", &["session", "xid", "op", "path"]),
    ("Replied", &["session", "xid", "op", "zxid", "error"]),
    ("WatchFired", &["session", "kind", "path", "zxid"]),
    ("Halted", &["why"]),
    ("BallotBegun", &["ballot"]),
    ("PromiseGiven", &["to", "ballot", "accepted"]),
    ("BallotRefused", &["to", "ballot", "promised"]),
    ("ValueProposed", &["ballot", "value", "adopted"]),
    ("ValueAccepted", &["ballot", "value"]),
    ("ValueLearned", &["ballot", "value"]),
    ("ReadBegun", &[]),
    ("ReadEnded", &["found"]),
    ("RepairSent", &["to", "ballot"]),
    ("PaxosAsked", &["ask", "asked_round", "value"]),
    ("FaultInjected", &[]),
    ("Started", &["notes"]),
    ("StartRefused", &["why"]),
    ("Crashed", &["keep", "lost"]),
    ("Stopped", &["why"]),
    ("DiskSynced", &["through"]),
    ("DiskFailed", &["ticket"]),
    ("SnapshotWritten", &["zxid"]),
    ("MessageSent", &["lane", "number", "to", "bytes"]),
    ("MessageDelivered", &["lane", "number", "from"]),
    ("MessageLost", &["lane", "number"]),
    ("ConnectionOpened", &["lane", "peer"]),
    ("ConnectionClosed", &["lane", "peer"]),
    ("ClientActed", &["op"]),
    ("ClientCalled", &["call", "op"]),
    ("ClientReturned", &["call", "outcome", "result"]),
    ("ClientNotified", &["kind", "path", "zxid"]),
    ("RecipeTold", &["path", "notice"]),
    ("ClientConnected", &["session", "server"]),
    ("ClientDisconnected", &[]),
    ("ClientExpired", &[]),
    ("ClientClosed", &[]),
];

/// The events that a script's output shows.
const SHOWN: &[&str] = &[
    "VoteChanged",
    "Elected",
    "RoleLeft",
    "EpochProposed",
    "LearnerRefused",
    "LogRead",
    "SyncChosen",
    "Established",
    "Truncated",
    "SnapshotInstalled",
    "ReadOnlyBegan",
    "ReadOnlyEnded",
    "ConfigSeen",
    "ConfigActivated",
    "LeaderDesignated",
    "SessionExpired",
    "Halted",
    "BallotRefused",
    "ValueProposed",
    "ValueAccepted",
    "ValueLearned",
    "ReadEnded",
    "StartRefused",
    "Crashed",
    "ClientReturned",
];

/// The fields of an event; `None` if there is no such event.
pub fn fields_of(event: &str) -> Option<&'static [&'static str]> {
    EVENTS.iter().find(|(name, _)| *name == event).map(|(_, fields)| *fields)
}

/// An event by the names of its fields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Where it happened.
    pub host: Option<Host>,
    /// Its name.
    pub event: String,
    /// Its fields, nested ones with dots.
    pub fields: Vec<(String, Value)>,
}

impl Row {
    /// The row of an event.
    pub fn of(event: &TraceEvent) -> Row {
        let mut row = Row { host: event.host, event: String::new(), fields: Vec::new() };
        let Json::Object(object) = json::value(event) else { return row };
        for (key, value) in object {
            match key.as_str() {
                "v" | "seq" | "at_us" | "host" => {}
                "event" => row.event = value.as_str().unwrap_or_default().to_owned(),
                _ => flatten(&key, &value, &mut row.fields),
            }
        }
        if let What::ClientReturned { outcome, .. } = &event.what {
            row.fields.push(("result".into(), result_word(outcome.code())));
        }
        row
    }

    /// True if the pattern means this event; `since` is the caller's to mind.
    pub fn matches(&self, pattern: &Pattern, bound: &dyn Fn(&Term) -> Option<Value>) -> bool {
        self.event == pattern.event
            && pattern.fields.iter().all(|test| {
                let value = self.field(&test.field);
                let one = test.values.iter().any(|term| match bound(term) {
                    Some(bound) => value == bound,
                    None => value.is(term),
                });
                one == test.equal
            })
    }

    fn field(&self, name: &str) -> Value {
        if name == "server" {
            return match self.host {
                Some(Host::Server(sid)) => Value::Int(i128::from(sid.0)),
                Some(Host::Client(_)) | None => Value::None,
            };
        }
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map_or(Value::None, |(_, value)| value.clone())
    }

    /// Its line in a script's output, if it is shown there.
    pub fn shown(&self, name_of: &dyn Fn(Host) -> String) -> Option<String> {
        if !SHOWN.contains(&self.event.as_str()) {
            return None;
        }
        let host = self.host.map_or("-".to_owned(), name_of);
        let mut line = format!("{host} {}", self.event);
        for (field, value) in self.fields.iter().filter(|(field, _)| !field.contains('.')) {
            line += &format!(" {field}={value}");
        }
        Some(line)
    }
}

/// A result's number as ZooKeeper's name for it.
pub(super) fn result_word(code: i32) -> Value {
    match ErrorCode::from_wire(code) {
        Some(code) => Value::Word(format!("{code:?}").to_uppercase()),
        None => Value::Word("SYSTEMERROR".to_owned()),
    }
}

/// A JSON value as one or more fields: a zxid and a vote are values of their own, an object with
/// one key is that word and what is below it.
fn flatten(name: &str, value: &Json, fields: &mut Vec<(String, Value)>) {
    match value {
        Json::Null => fields.push((name.to_owned(), Value::None)),
        Json::Bool(is) => fields.push((name.to_owned(), Value::Bool(*is))),
        Json::Number(n) => {
            let n = n.as_i64().map(i128::from).or(n.as_u64().map(i128::from));
            fields.push((name.to_owned(), n.map_or(Value::None, Value::Int)));
        }
        Json::String(text) => fields.push((name.to_owned(), text_value(text))),
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{name}.{index}"), item, fields);
            }
        }
        Json::Object(object) => {
            if let Some(zxid) = zxid_of(value) {
                fields.push((name.to_owned(), Value::Zxid(zxid)));
            }
            if let Some(ballot) = ballot_of(value) {
                fields.push((name.to_owned(), Value::Ballot(ballot)));
            }
            let ballot = object.get("ballot").and_then(ballot_of);
            if let (Some(ballot), Some(value)) =
                (ballot, object.get("value").and_then(Json::as_str))
            {
                let proposal = Proposal { ballot, value: value.into() };
                fields.push((name.to_owned(), Value::Proposal(proposal)));
            }
            let leader = object.get("leader").and_then(Json::as_i64);
            let zxid = object.get("zxid").and_then(zxid_of);
            match (leader, zxid) {
                (Some(leader), Some(zxid)) => {
                    let vote = Value::Vote { leader: i128::from(leader), zxid };
                    fields.push((name.to_owned(), vote));
                }
                _ if object.len() == 1 => {
                    let key = object.keys().next().cloned().unwrap_or_default();
                    fields.push((name.to_owned(), Value::Str(key)));
                }
                _ => {}
            }
            for (key, value) in object {
                flatten(&format!("{name}.{key}"), value, fields);
            }
        }
    }
}

fn text_value(text: &str) -> Value {
    let hex = text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    hex.map_or_else(|| Value::Str(text.to_owned()), |n| Value::Int(i128::from(n)))
}

fn ballot_of(value: &Json) -> Option<Ballot> {
    let round = u32::try_from(value.get("round")?.as_u64()?).ok()?;
    Some(Ballot { round, proposer: ServerId(value.get("proposer")?.as_i64()?) })
}

fn zxid_of(value: &Json) -> Option<Zxid> {
    let half = |name| value.get(name).and_then(Json::as_u64).and_then(|n| u32::try_from(n).ok());
    let (epoch, counter) = (half("epoch")?, half("counter")?);
    Some(Zxid::new(Epoch(epoch), counter))
}
