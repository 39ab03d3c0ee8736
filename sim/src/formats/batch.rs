//! What happened because of one request, as columns that a page reads in place: `docs/formats.md`,
//! section 3.1.
//!
//! A row is what a page needs to draw an event, not the whole event; that is a line of
//! [`super::json`]. Not here: requests and answers (see [`super::messages`]).

use zablab_core::sorted::SortedMap;
use zablab_core::types::{Mono, ServerId, Zxid};
use zablab_core::wire::client::{EventType, OpCode};

use super::SAFE_INTEGER_MAX;
use crate::script::events;
use crate::script::predicate::Value;
use crate::step::{ClientId, Host, LaneId, Side};
use crate::trace::{TraceEvent, What};

/// The version that is written and read.
pub const VERSION: u32 = 1;
/// Events of a batch; of more, the last ones are kept. 44 MiB, some hundred times a lesson.
pub const ROWS_MAX: usize = 1 << 20;
/// Bytes of a table of strings; no name is long, and a batch has few different paths.
pub const TABLE_LEN_MAX: usize = 16 << 20;

/// Version, rows, first number, place and entries of the table.
const HEADER_LEN: usize = 24;
/// Three columns of 8 bytes, four of 4, two of 2.
const ROW_LEN: usize = 44;
const BATCH_LEN_MAX: usize = HEADER_LEN + ROWS_MAX * ROW_LEN + TABLE_LEN_MAX;
/// Hosts from this code on are clients.
const CLIENT_CODE: u16 = 0x8000;

/// Events that are no batch, or bytes that are none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// An event does not follow the one before it.
    #[error("event {seq} where {expected} was due")]
    Gap {
        /// Its number.
        seq: u64,
        /// The number that was due.
        expected: u64,
    },
    /// A host has too great a number for its column.
    #[error("{host} does not fit into a column of two bytes")]
    Host {
        /// Which.
        host: Host,
    },
    /// A number or a time is none in JavaScript.
    #[error("{value} is above 2^53 - 1")]
    Unsafe {
        /// Which.
        value: u64,
    },
    /// It is of a version that this reader does not know.
    #[error("version {version}; this reader knows {VERSION}")]
    Version {
        /// Its version.
        version: u32,
    },
    /// It is longer than allowed, or has more rows.
    #[error("{value} bytes or rows; the limit is {max}")]
    TooLong {
        /// How many.
        value: usize,
        /// The limit.
        max: usize,
    },
    /// It ends too early, or something follows it.
    #[error("{len} bytes, which is not the length that its header and table tell")]
    Length {
        /// Its length.
        len: usize,
    },
    /// The table does not begin where the columns end.
    #[error("a table of strings at {found}; the columns end at {expected}")]
    TablePlace {
        /// Where it should be by the header.
        found: usize,
        /// Where it must be.
        expected: usize,
    },
    /// An entry of the table is no UTF-8.
    #[error("string {entry} is not UTF-8")]
    NotText {
        /// Which, from 0.
        entry: usize,
    },
    /// A row refers to an entry that is not there, or has no name.
    #[error("row {row} refers to string {reference} of {entries}")]
    NoSuchString {
        /// Which, from 0.
        row: usize,
        /// Entry plus one.
        reference: u32,
        /// How many there are.
        entries: usize,
    },
}

/// Consecutive events.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventBatch {
    first_seq: u64,
    rows: Vec<Row>,
    strings: Vec<String>,
}

/// One event of a batch. Which fields of an event are meant is a table of the document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventRow<'a> {
    /// Its place in the order of all events.
    pub seq: u64,
    /// When.
    pub at: Mono,
    /// Where.
    pub host: Option<Host>,
    /// Its name.
    pub event: &'a str,
    /// The transaction; `(0,0)` is written as none.
    pub zxid: Option<Zxid>,
    /// Session, ticket, round, epoch, connection, call or lane; 0 for none.
    pub value: u64,
    /// Error, count or request number; 0 for none.
    pub number: i32,
    /// The other host: to, from, leader, by.
    pub other: Option<Host>,
    /// Kind, role, phase, reason, verdict, operation or result.
    pub word: Option<&'a str>,
    /// A path, or a reason.
    pub text: Option<&'a str>,
}

/// A row as it is written. References to the table are entry plus one, 0 for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Row {
    at_us: u64,
    zxid: u64,
    value: u64,
    number: i32,
    event: u32,
    word: u32,
    text: u32,
    host: u16,
    other: u16,
}

impl EventBatch {
    /// The batch of consecutive events: the last ones that are within the limits.
    ///
    /// # Errors
    /// [`BatchError::Gap`], [`BatchError::Host`] and [`BatchError::Unsafe`].
    pub fn of(events: &[TraceEvent]) -> Result<EventBatch, BatchError> {
        EventBatch::within(events, ROWS_MAX, TABLE_LEN_MAX)
    }

    /// The events, in order.
    pub fn rows(&self) -> impl Iterator<Item = EventRow<'_>> {
        let text = |reference: u32| {
            let entry = (reference as usize).checked_sub(1)?;
            self.strings.get(entry).map(String::as_str)
        };
        (self.first_seq..).zip(&self.rows).map(move |(seq, row)| EventRow {
            seq,
            at: Mono(row.at_us),
            host: host_of(row.host),
            event: text(row.event).unwrap_or_default(),
            zxid: Some(Zxid(row.zxid)).filter(|zxid| *zxid != Zxid::ZERO),
            value: row.value,
            number: row.number,
            other: host_of(row.other),
            word: text(row.word),
            text: text(row.text),
        })
    }

    /// It as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let table = HEADER_LEN + self.rows.len() * ROW_LEN;
        let mut bytes = Vec::with_capacity(table);
        let u32 = |n: usize| u32::try_from(n).expect("a batch is below 64 MiB").to_le_bytes();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(u32(self.rows.len()));
        bytes.extend(self.first_seq.to_le_bytes());
        bytes.extend(u32(table));
        bytes.extend(u32(self.strings.len()));
        let rows = || self.rows.iter();
        bytes.extend(rows().flat_map(|row| row.at_us.to_le_bytes()));
        bytes.extend(rows().flat_map(|row| row.zxid.to_le_bytes()));
        bytes.extend(rows().flat_map(|row| row.value.to_le_bytes()));
        bytes.extend(rows().flat_map(|row| row.number.to_le_bytes()));
        bytes.extend(rows().flat_map(|row| row.event.to_le_bytes()));
        bytes.extend(rows().flat_map(|row| row.word.to_le_bytes()));
        bytes.extend(rows().flat_map(|row| row.text.to_le_bytes()));
        bytes.extend(rows().flat_map(|row| row.host.to_le_bytes()));
        bytes.extend(rows().flat_map(|row| row.other.to_le_bytes()));
        for string in &self.strings {
            bytes.extend(u32(string.len()));
            bytes.extend(string.as_bytes());
        }
        bytes
    }

    /// Reads what [`EventBatch::encode`] writes. Lengths are checked before anything is allocated.
    ///
    /// # Errors
    /// Every [`BatchError`] but `Gap` and `Host`.
    pub fn decode(bytes: &[u8]) -> Result<EventBatch, BatchError> {
        at_most(bytes.len(), BATCH_LEN_MAX)?;
        let mut input = Input { rest: bytes, len: bytes.len() };
        let version = input.u32()?;
        if version != VERSION {
            return Err(BatchError::Version { version });
        }
        let count = input.u32()? as usize;
        at_most(count, ROWS_MAX)?;
        let first_seq = safe(u64::from_le_bytes(input.array()?))?;
        safe(first_seq + count as u64)?;
        let (found, expected) = (input.u32()? as usize, HEADER_LEN + count * ROW_LEN);
        if found != expected {
            return Err(BatchError::TablePlace { found, expected });
        }
        let entries = input.u32()? as usize;
        let rows = input.rows(count)?;
        let mut strings = Vec::new();
        for entry in 0..entries {
            let len = input.u32()? as usize;
            let text = str::from_utf8(input.take(len)?);
            strings.push(text.map_err(|_| BatchError::NotText { entry })?.to_owned());
        }
        if !input.rest.is_empty() {
            return Err(BatchError::Length { len: bytes.len() });
        }
        for (index, row) in rows.iter().enumerate() {
            check(index, row, entries)?;
        }
        Ok(EventBatch { first_seq, rows, strings })
    }

    fn within(events: &[TraceEvent], rows: usize, table: usize) -> Result<EventBatch, BatchError> {
        for pair in events.windows(2) {
            let (seq, expected) = (pair[1].seq, pair[0].seq + 1);
            if seq != expected {
                return Err(BatchError::Gap { seq, expected });
            }
        }
        // From the last one backwards, so that the newest are kept.
        let mut batch = EventBatch::default();
        let mut strings = Strings { table, ..Strings::default() };
        for event in events.iter().rev().take(rows) {
            let Some(row) = Facts::of(event).row(event, &mut strings)? else { break };
            batch.rows.push(row);
            batch.first_seq = safe(event.seq)?;
        }
        batch.rows.reverse();
        batch.strings = strings.entries;
        Ok(batch)
    }
}

fn at_most(value: usize, max: usize) -> Result<(), BatchError> {
    if value <= max { Ok(()) } else { Err(BatchError::TooLong { value, max }) }
}

fn safe(value: u64) -> Result<u64, BatchError> {
    if value <= SAFE_INTEGER_MAX { Ok(value) } else { Err(BatchError::Unsafe { value }) }
}

fn check(index: usize, row: &Row, entries: usize) -> Result<(), BatchError> {
    safe(row.at_us)?;
    let nameless = (row.event == 0).then_some(0);
    let outside = [row.event, row.word, row.text].into_iter().find(|n| *n as usize > entries);
    match nameless.or(outside) {
        Some(reference) => Err(BatchError::NoSuchString { row: index, reference, entries }),
        None => Ok(()),
    }
}

/// The code of a host in its column, if it has one: 0 is nobody, then come servers, then clients.
fn code_of(host: Host) -> Option<u16> {
    match host {
        Host::Server(ServerId(sid)) => {
            let code = u16::try_from(sid).ok()?.checked_add(1)?;
            Some(code).filter(|code| *code < CLIENT_CODE)
        }
        Host::Client(ClientId(id)) => u16::try_from(id).ok()?.checked_add(CLIENT_CODE),
    }
}

fn host_of(code: u16) -> Option<Host> {
    match code {
        0 => None,
        1..CLIENT_CODE => Some(Host::Server(ServerId(i64::from(code) - 1))),
        CLIENT_CODE.. => Some(Host::Client(ClientId(u32::from(code - CLIENT_CODE)))),
    }
}

/// The table under construction.
#[derive(Default)]
struct Strings {
    table: usize,
    len: usize,
    entries: Vec<String>,
    known: SortedMap<String, u32>,
}

impl Strings {
    /// The reference to a text; `None` if the table is full.
    fn reference(&mut self, text: &str) -> Option<u32> {
        if let Some(reference) = self.known.get(text) {
            return Some(*reference);
        }
        let len = self.len + size_of::<u32>() + text.len();
        if len > self.table {
            return None;
        }
        self.len = len;
        self.entries.push(text.to_owned());
        let reference = u32::try_from(self.entries.len()).ok()?;
        self.known.insert(text.to_owned(), reference);
        Some(reference)
    }
}

/// The fields of an event, by name; those of a fault without the fault's own name before them.
struct Facts {
    event: String,
    fault: Option<String>,
    fields: Vec<(String, Value)>,
}

impl Facts {
    fn of(event: &TraceEvent) -> Facts {
        let events::Row { host: _, event: name, mut fields } = events::Row::of(event);
        let mut fault = None;
        if matches!(event.what, What::FaultInjected(_)) {
            for (name, _) in &mut fields {
                let (head, field) = name.split_once('.').unwrap_or((name.as_str(), ""));
                fault = Some(head.to_owned());
                *name = field.to_owned();
            }
        }
        Facts { event: name, fault, fields }
    }

    /// The row; `None` if the table has no room for its texts.
    fn row(&self, event: &TraceEvent, strings: &mut Strings) -> Result<Option<Row>, BatchError> {
        let host = event.host.map_or(Ok(0), |host| code_of(host).ok_or(BatchError::Host { host }));
        let texts = [Some(self.event.clone()), self.word(), self.text()];
        let [name, word, text] = texts.map(|text| match text {
            Some(text) => strings.reference(&text),
            None => Some(0),
        });
        let (Some(name), Some(word), Some(text)) = (name, word, text) else { return Ok(None) };
        Ok(Some(Row {
            at_us: safe(event.at.0)?,
            zxid: self.zxid().map_or(0, |zxid| zxid.0),
            value: self.value().unwrap_or(0),
            number: self.number().unwrap_or(0),
            event: name,
            word,
            text,
            host: host?,
            other: self.other().unwrap_or(0),
        }))
    }

    /// The first of these fields of which `pick` can make something.
    fn first<T>(&self, names: &[&str], pick: impl Fn(&Value) -> Option<T>) -> Option<T> {
        names.iter().find_map(|name| {
            let (_, value) = self.fields.iter().find(|(field, _)| field == name)?;
            pick(value)
        })
    }

    fn zxid(&self) -> Option<Zxid> {
        let names = ["zxid", "vote.zxid", "last", "after", "last_logged", "to", "outcome.zxid"];
        self.first(&names, |value| match value {
            Value::Zxid(zxid) => Some(*zxid),
            _ => None,
        })
    }

    fn value(&self) -> Option<u64> {
        let names = ["session", "ticket", "through", "round", "vote.election_epoch", "epoch"];
        let later = ["conn", "call", "ballot.round", "found.ballot.round"];
        let wide = |value: &Value| int(value).and_then(|n| u64::try_from(n).ok());
        self.first(&names, wide).or_else(|| self.first(&later, wide)).or_else(|| {
            let lane = LaneId::try_from(self.first(&["lane"], word)?).ok()?;
            let side = match lane.to {
                Side::Acceptor => 0,
                Side::Opener => 1,
            };
            Some(lane.link.0.checked_mul(2)? + side)
        })
    }

    fn number(&self) -> Option<i32> {
        let names = ["error", "entries", "lost", "number", "timeout_ms", "cxid", "xid"];
        let n = self.first(&names, int)?;
        let n = n.clamp(i128::from(i32::MIN), i128::from(i32::MAX));
        i32::try_from(n).ok()
    }

    fn other(&self) -> Option<u16> {
        let names = ["to", "from", "leader", "by", "learner", "peer", "server", "vote.leader"];
        self.first(&names, |value| {
            let host = match int(value) {
                Some(sid) => Host::Server(ServerId(i64::try_from(sid).ok()?)),
                None => Host::try_from(word(value)?).ok()?,
            };
            code_of(host)
        })
    }

    fn word(&self) -> Option<String> {
        let code = |value: &Value| int(value).and_then(|n| i32::try_from(n).ok());
        let op = |value: &Value| OpCode::from_wire(code(value)?).map(|op| format!("{op:?}"));
        let kind =
            |value: &Value| EventType::from_wire(code(value)?).map(|kind| format!("{kind:?}"));
        let names = ["verdict", "result", "kind", "role", "phase", "reason", "mode", "state", "op"];
        let named = self.first(&names, word);
        let numbered = || self.first(&["op"], op).or_else(|| self.first(&["kind"], kind));
        self.fault.clone().or(named).or_else(numbered)
    }

    fn text(&self) -> Option<String> {
        let names = ["path", "why", "verdict.Adopted", "verdict.Kept", "notes.0"];
        self.first(&names, word).or_else(|| self.first(&["value", "found.value"], word))
    }
}

fn int(value: &Value) -> Option<i128> {
    match value {
        Value::Int(n) => Some(*n),
        _ => None,
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) | Value::Word(text) => Some(text.clone()),
        _ => None,
    }
}

/// Bytes that are being read.
struct Input<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], BatchError> {
        let split = self.rest.split_at_checked(len);
        let (head, rest) = split.ok_or(BatchError::Length { len: self.len })?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BatchError> {
        let (head, rest) =
            self.rest.split_first_chunk().ok_or(BatchError::Length { len: self.len })?;
        self.rest = rest;
        Ok(*head)
    }

    fn u32(&mut self) -> Result<u32, BatchError> {
        self.array().map(u32::from_le_bytes)
    }

    fn column<const N: usize>(&mut self, rows: usize) -> Result<&'a [[u8; N]], BatchError> {
        self.take(rows * N).map(|bytes| bytes.as_chunks().0)
    }

    fn rows(&mut self, count: usize) -> Result<Vec<Row>, BatchError> {
        let at_us = self.column(count)?;
        let zxid = self.column(count)?;
        let value = self.column(count)?;
        let number = self.column(count)?;
        let event = self.column(count)?;
        let word = self.column(count)?;
        let text = self.column(count)?;
        let host = self.column(count)?;
        let other = self.column(count)?;
        let row = |i: usize| Row {
            at_us: u64::from_le_bytes(at_us[i]),
            zxid: u64::from_le_bytes(zxid[i]),
            value: u64::from_le_bytes(value[i]),
            number: i32::from_le_bytes(number[i]),
            event: u32::from_le_bytes(event[i]),
            word: u32::from_le_bytes(word[i]),
            text: u32::from_le_bytes(text[i]),
            host: u16::from_le_bytes(host[i]),
            other: u16::from_le_bytes(other[i]),
        };
        Ok((0..count).map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zablab_core::trace::Event;
    use zablab_core::types::Epoch;
    use zablab_core::wire::quorum::PacketKind;

    use super::*;
    use crate::script::{parse, play};
    use crate::step::Fault;

    fn played() -> Vec<TraceEvent> {
        let text = "zablab script 1\nstart all\nrun until leads(3) within 9s\n\
            c: connect 1\nc: create /a \"x\"\nrun until result(c) == OK within 9s\n\
            crash 3\nrun for 100ms\n";
        let script = parse(text).expect("it parses");
        play(&script, true).expect("it comes true").events
    }

    fn packet() -> TraceEvent {
        let zxid = Zxid::new(Epoch(1), 4);
        let event = Event::PacketSent { to: ServerId(1), kind: PacketKind::Proposal, zxid };
        let host = Some(Host::Server(ServerId(3)));
        TraceEvent { seq: 412, at: Mono(260_000), host, what: What::Core(event) }
    }

    #[test]
    fn a_played_script_survives_its_batch() {
        let events = played();
        let batch = EventBatch::of(&events).expect("it fits");
        assert_eq!(EventBatch::decode(&batch.encode()), Ok(batch.clone()));
        assert_eq!(batch.rows().count(), events.len());
        for (row, event) in batch.rows().zip(&events) {
            assert_eq!((row.seq, row.at, row.host), (event.seq, event.at, event.host));
            assert_eq!(row.event, events::Row::of(event).event);
            if let What::Core(Event::Applied { zxid, session, error, op }) = &event.what {
                assert_eq!((row.zxid, row.number), (Some(*zxid), *error));
                assert_eq!(row.value, session.0 as u64);
                assert_eq!(row.word, OpCode::from_wire(*op).map(|op| format!("{op:?}")).as_deref());
            }
        }
        let one = |event, word, text| {
            batch.rows().any(|row| (row.event, row.word, row.text) == (event, word, text))
        };
        assert!(one("Requested", Some("Create"), Some("/a")));
        assert!(one("ClientReturned", Some("OK"), None));
        assert!(one("FaultInjected", Some("Crash"), None));
        assert!(one("NotificationReceived", Some("Adopted"), Some("Sid")));
        assert!(one("RoleLeft", Some("Following"), Some("LeaderLost")));
    }

    #[test]
    fn the_bytes_are_as_documented() {
        let batch = EventBatch::of(&[packet()]).expect("it fits");
        let mut bytes = vec![1, 0, 0, 0, 1, 0, 0, 0, 156, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend([68, 0, 0, 0, 2, 0, 0, 0]);
        bytes.extend(260_000_u64.to_le_bytes());
        bytes.extend([4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 4, 0, 2, 0]);
        bytes.extend([10, 0, 0, 0]);
        bytes.extend(b"PacketSent");
        bytes.extend([8, 0, 0, 0]);
        bytes.extend(b"Proposal");
        assert_eq!(batch.encode(), bytes);
        assert_eq!(EventBatch::decode(&bytes), Ok(batch));
    }

    #[test]
    fn the_newest_events_are_kept() {
        let events = played();
        let last = events.last().expect("something happened").seq;
        let few = EventBatch::within(&events, 5, TABLE_LEN_MAX).expect("it fits");
        assert_eq!(
            few.rows().map(|row| row.seq).collect::<Vec<_>>(),
            Vec::from_iter(last - 4..=last)
        );
        let short = EventBatch::within(&events, ROWS_MAX, 60).expect("it fits");
        assert!(short.rows.len() < events.len());
        assert_eq!(EventBatch::decode(&short.encode()), Ok(short));
        assert_eq!(EventBatch::of(&[]), Ok(EventBatch::default()));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let gap = BatchError::Gap { seq: 412, expected: 413 };
        assert_eq!(EventBatch::of(&[packet(), packet()]), Err(gap));
        let host = Host::Client(ClientId(0x8000));
        let far = TraceEvent { host: Some(host), ..packet() };
        assert_eq!(EventBatch::of(&[far]), Err(BatchError::Host { host }));
        let late = TraceEvent { at: Mono(1 << 53), ..packet() };
        assert_eq!(EventBatch::of(&[late]), Err(BatchError::Unsafe { value: 1 << 53 }));
        let fault = What::FaultInjected(Fault::HealAll);
        let heal = TraceEvent { what: fault, host: None, ..packet() };
        let batch = EventBatch::of(&[heal]).expect("it fits");
        assert_eq!(batch.rows().next().and_then(|row| row.word), Some("HealAll"));
    }

    #[test]
    fn damaged_batches_are_refused() {
        let good = EventBatch::of(&[packet()]).expect("it fits").encode();
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            EventBatch::decode(&bytes)
        };
        assert_eq!(with(0, 2), Err(BatchError::Version { version: 2 }));
        let max = ROWS_MAX;
        assert_eq!(with(7, 1), Err(BatchError::TooLong { value: (1 << 24) + 1, max }));
        assert!(matches!(with(15, 1), Err(BatchError::Unsafe { .. })));
        assert_eq!(with(16, 69), Err(BatchError::TablePlace { found: 69, expected: 68 }));
        let missing = |reference| BatchError::NoSuchString { row: 0, reference, entries: 2 };
        assert_eq!(with(52, 0), Err(missing(0)));
        assert_eq!(with(56, 3), Err(missing(3)));
        assert_eq!(with(72, 0xff), Err(BatchError::NotText { entry: 0 }));
        for len in 0..good.len() {
            assert_eq!(EventBatch::decode(&good[..len]), Err(BatchError::Length { len }));
        }
        let len = good.len() + 1;
        let long = [&good[..], &[0]].concat();
        assert_eq!(EventBatch::decode(&long), Err(BatchError::Length { len }));
    }

    proptest! {
        #[test]
        fn hosts_survive_their_codes(code in any::<u16>()) {
            prop_assert_eq!(host_of(code).and_then(code_of).unwrap_or(0), code);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(
            junk in prop::collection::vec(any::<u8>(), 0..200),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let _ = EventBatch::decode(&junk);
            let mut bytes = EventBatch::of(&[packet()]).expect("it fits").encode();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(batch) = EventBatch::decode(&bytes) {
                prop_assert_eq!(batch.rows().count(), batch.rows.len());
                prop_assert_eq!(EventBatch::decode(&batch.encode()), Ok(batch));
            }
        }
    }
}
