//! What the page asks the worker that holds a run, and what it answers: `docs/formats.md`,
//! section 3.
//!
//! An answer travels beside the batch of what happened (see [`super::batch`]). Not here: carrying
//! requests out, and reading the lines of a script in them (see [`crate::script`]).

use serde::{Deserialize, Serialize, Serializer};
use zablab_core::trace::{Phase, Role};
use zablab_core::types::{ElectionEpoch, Epochs, Mono, ServerId, Zxid};
use zablab_core::view::ServerView;
use zablab_core::wire::election::Vote;

use super::SAFE_INTEGER_MAX;
use super::json::drop_wide;
use super::zlab::Exact;
use crate::reel::Frame;
use crate::script::{ParseError, STEPS_MAX};

/// The version that is written and read.
pub const VERSION: u64 = 1;
/// Bytes of a request: the longest script, every character of it escaped, or the longest link.
pub const REQUEST_LEN_MAX: usize = 2 << 20;

/// A request with its number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The page's number for it; its answer has the same.
    pub id: u64,
    /// What shall be done.
    pub ask: Ask,
}

/// What the page asks for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "do", rename_all = "lowercase")]
#[cfg_attr(feature = "ts", ts(rename = "Request"))]
pub enum Ask {
    /// Begin a run.
    Open(Source),
    /// Let the chooser step.
    Advance {
        /// Up to this moment, in microseconds of simulated time.
        until_us: Mono,
        /// At most so many steps.
        max_steps: u64,
    },
    /// Take steps.
    Step(Steps),
    /// Do something now; in the past this begins a branch.
    Act {
        /// A line of section 1.3.
        line: String,
    },
    /// Go to a position.
    Seek {
        /// Of this branch, by its number.
        branch: u64,
        /// After so many steps from the beginning of the run.
        position: u64,
        /// The later steps of this branch go: nobody has seen them.
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "ts", ts(optional, as = "Option<bool>"))]
        forget: bool,
    },
    /// Show a part of a branch again, without going there.
    Frames {
        /// Of this branch.
        branch: u64,
        /// After so many steps; the frame of this position is not part of the answer.
        from: u64,
        /// Up to this position.
        to: u64,
    },
    /// Look.
    View {
        /// At this server in detail, or at all of them in short.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        server: Option<ServerId>,
    },
    /// Answer a question, on a copy of the run.
    Predict {
        /// A `predict` line of section 1.4.
        line: String,
    },
    /// Evaluate now.
    Check {
        /// A predicate of section 1.5.
        predicate: String,
    },
    /// Write the run.
    Export {
        /// In this form.
        r#as: ExportForm,
    },
}

/// From what a run is opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The text of a script; the run is at its start.
    Script(String),
    /// The link of a `.zlab` file; the run is at its cursor.
    Zlab(String),
}

/// Which steps are taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Steps {
    /// So many, as the chooser picks them.
    Count(u64),
    /// Exactly this one.
    Step(#[cfg_attr(feature = "ts", ts(type = "string"))] Exact),
}

/// In which form a run is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum ExportForm {
    /// The link of a `.zlab` file.
    Zlab,
    /// A script.
    Script,
    /// Its trace as JSON lines, up to the present position.
    Jsonl,
}

/// The answer to a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The request's number; `None` if it could not be read.
    pub id: Option<u64>,
    /// What came of it.
    pub result: Result<Done, Problem>,
}

/// A request was carried out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(into = "DoneForm")]
pub struct Done {
    /// The run as it is now.
    pub view: View,
    /// The frames of the steps that the request took, or asked for; after `open` all up to its
    /// position, frame 0 first.
    pub frames: Vec<Frame>,
    /// What was asked for besides.
    pub more: More,
}

/// What an answer has besides the view.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum More {
    /// Nothing.
    Nothing,
    /// To `view` with a server: all about it; `None` if it is down.
    Server(Option<Box<ServerView>>),
    /// To `predict`: the answer's name.
    Answer(String),
    /// To `check`: whether it is true. To `open` of a link: whether its trace is the one that was
    /// written down.
    Value(bool),
    /// To `export`: the run's text.
    Data(String),
}

/// A run in short.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct View {
    /// Simulated time, in microseconds.
    pub now_us: Mono,
    /// The present branch.
    pub branch: u64,
    /// How many steps the present moment is from the beginning of the run.
    pub position: u64,
    /// How many steps the end of the branch is from there.
    pub length: u64,
    /// Every server, by number.
    pub servers: Vec<ServerShort>,
    /// All branches, by number.
    pub branches: Vec<BranchView>,
}

/// A branch in short.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct BranchView {
    /// The branch that it left, and after how many steps; null for the first.
    pub parent: Option<Parent>,
    /// How many steps it has from the beginning of the run.
    pub length: u64,
    /// The step with which it left.
    pub step: Option<String>,
}

/// Where a branch left another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Parent {
    /// Which one.
    pub branch: u64,
    /// After how many steps.
    pub at: u64,
}

/// A server in short.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ServerShort {
    /// Its number.
    pub sid: ServerId,
    /// What it knows; `None` if it is down.
    pub up: Option<Short>,
}

/// What a server that is up knows, in short. The names are those of [`ServerView`].
#[allow(missing_docs, reason = "the fields are documented in ServerView")]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Short {
    pub role: Role,
    pub phase: Phase,
    pub leader: Option<ServerId>,
    pub epochs: Epochs,
    pub round: ElectionEpoch,
    pub vote: Option<Vote>,
    pub last_logged: Zxid,
    pub last_applied: Zxid,
}

/// Why a request was not carried out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Problem {
    /// Whose fault it is.
    pub kind: ProblemKind,
    /// What happened, in words.
    pub message: String,
    /// The line of the text that is wrong, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub line: Option<u32>,
    /// The character of that line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub column: Option<u32>,
}

/// Kinds of problems.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum ProblemKind {
    /// The page's: this is no request of this version.
    Request,
    /// The reader's: a script, line, predicate or link is wrong.
    Syntax,
    /// The run's: it cannot do this, or not now.
    Run,
}

/// A text that is no message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// It is too long.
    #[error("a request of {len} bytes; the limit is {REQUEST_LEN_MAX}")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// It is of a version that this reader does not know.
    #[error("version {version}; this reader knows {VERSION}")]
    Version {
        /// Its version.
        version: u64,
        /// Its number, if it has one.
        id: Option<u64>,
    },
    /// It is no JSON, or not of this form.
    #[error("{source}")]
    Syntax {
        /// Where and why.
        source: serde_json::Error,
        /// Its number, if it has one.
        id: Option<u64>,
    },
    /// A number is too great.
    #[error("{field} is {value}; the limit is {max}")]
    TooGreat {
        /// Which.
        field: &'static str,
        /// The number.
        value: u64,
        /// The limit.
        max: u64,
        /// The message's number, if it has a proper one.
        id: Option<u64>,
    },
}

impl Request {
    /// It as JSON text.
    pub fn encode(&self) -> String {
        let form = Form { v: VERSION, id: self.id, body: &self.ask };
        serde_json::to_string(&form).expect("every request has a JSON form")
    }

    /// Reads a request and checks its limits, but not the lines of a script in it.
    ///
    /// # Errors
    /// [`MessageError`]; [`Answer::unread`] makes the answer of it.
    pub fn decode(text: &str) -> Result<Request, MessageError> {
        if text.len() > REQUEST_LEN_MAX {
            return Err(MessageError::TooLong { len: text.len() });
        }
        let id = head(text)?.id;
        let Form { v: _, id, body: ask } = parse::<Form<u64, Ask>>(text, id)?;
        Request { id, ask }.check()
    }

    /// Reads a request that is an object already, and checks its limits as [`Request::decode`].
    ///
    /// # Errors
    /// [`MessageError`]; [`Answer::unread`] makes the answer of it.
    pub fn of_value(value: serde_json::Value) -> Result<Request, MessageError> {
        let id = head_of(&value)?.id;
        let read = serde_json::from_value::<Form<u64, Ask>>(value);
        let Form { v: _, id, body: ask } =
            read.map_err(|source| MessageError::Syntax { source, id })?;
        Request { id, ask }.check()
    }

    fn check(self) -> Result<Request, MessageError> {
        let Request { id, ask } = self;
        at_most("id", id, SAFE_INTEGER_MAX, None)?;
        let safe = SAFE_INTEGER_MAX;
        let text = match &ask {
            Ask::Open(Source::Script(text) | Source::Zlab(text)) => text,
            Ask::Act { line } | Ask::Predict { line } => line,
            Ask::Check { predicate } => predicate,
            _ => "",
        };
        if text.len() > REQUEST_LEN_MAX {
            return Err(MessageError::TooLong { len: text.len() });
        }
        let numbers: &[(&str, u64, u64)] = match &ask {
            Ask::Advance { until_us, max_steps } => {
                &[("until_us", until_us.0, safe), ("max_steps", *max_steps, STEPS_MAX)]
            }
            Ask::Step(Steps::Count(count)) => &[("count", *count, STEPS_MAX)],
            Ask::Seek { branch, position, forget: _ } => {
                &[("branch", *branch, safe), ("position", *position, safe)]
            }
            Ask::Frames { branch, from, to } => {
                &[("branch", *branch, safe), ("from", *from, safe), ("to", *to, safe)]
            }
            Ask::Open(Source::Script(_) | Source::Zlab(_))
            | Ask::Step(Steps::Step(_))
            | Ask::Act { .. }
            | Ask::View { .. }
            | Ask::Predict { .. }
            | Ask::Check { .. }
            | Ask::Export { .. } => &[],
        };
        for (field, value, max) in numbers {
            at_most(field, *value, *max, Some(id))?;
        }
        Ok(Request { id, ask })
    }
}

impl Answer {
    /// The answer to a request that could not be read.
    pub fn unread(error: &MessageError) -> Answer {
        let id = match error {
            MessageError::TooLong { .. } => None,
            MessageError::Version { id, .. }
            | MessageError::Syntax { id, .. }
            | MessageError::TooGreat { id, .. } => *id,
        };
        let message = error.to_string();
        let problem = Problem { kind: ProblemKind::Request, message, line: None, column: None };
        Answer { id, result: Err(problem) }
    }

    /// It as JSON text, without the batch of events.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("every answer has a JSON form")
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let (ok, done, error) = match &self.result {
            Ok(done) => (true, Some(done), None),
            Err(problem) => (false, None, Some(problem)),
        };
        Form { v: VERSION, id: self.id, body: Outcome { ok, done, error } }.serialize(out)
    }
}

impl From<&ServerView> for Short {
    fn from(view: &ServerView) -> Short {
        Short {
            role: view.role,
            phase: view.phase,
            leader: view.leader,
            epochs: view.epochs,
            round: view.round,
            // An observer votes for nobody.
            vote: view.vote.filter(|vote| vote.leader.is_named()),
            last_logged: view.last_logged,
            last_applied: view.last_applied,
        }
    }
}

impl From<&ParseError> for Problem {
    fn from(error: &ParseError) -> Problem {
        Problem {
            kind: ProblemKind::Syntax,
            message: error.to_string(),
            line: Some(error.line),
            column: Some(error.column),
        }
    }
}

/// What is read first, of any version.
#[derive(Deserialize)]
struct Head {
    v: u64,
    id: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Form<I, B> {
    v: u64,
    id: I,
    #[serde(flatten)]
    body: B,
}

#[derive(Serialize)]
struct Outcome<'a> {
    ok: bool,
    #[serde(flatten)]
    done: Option<&'a Done>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Problem>,
}

/// A [`Done`] as its keys. A key that is there and `null` is not a key that is absent.
#[derive(Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(feature = "ts", ts(rename = "Done"))]
pub(crate) struct DoneForm {
    view: View,
    frames: Vec<Frame>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "safe")]
    #[cfg_attr(feature = "ts", ts(optional, type = "unknown"))]
    server: Option<Option<Box<ServerView>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    answer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    value: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    data: Option<String>,
}

impl From<Done> for DoneForm {
    fn from(done: Done) -> DoneForm {
        let Done { view, frames, more } = done;
        let form = DoneForm { view, frames, server: None, answer: None, value: None, data: None };
        match more {
            More::Nothing => form,
            More::Server(server) => DoneForm { server: Some(server), ..form },
            More::Answer(answer) => DoneForm { answer: Some(answer), ..form },
            More::Value(value) => DoneForm { value: Some(value), ..form },
            More::Data(data) => DoneForm { data: Some(data), ..form },
        }
    }
}

/// A view without the numbers that JavaScript does not have.
fn safe<S: Serializer>(
    server: &Option<Option<Box<ServerView>>>,
    out: S,
) -> Result<S::Ok, S::Error> {
    let mut value = serde_json::to_value(server).map_err(serde::ser::Error::custom)?;
    drop_wide(&mut value);
    value.serialize(out)
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn head(text: &str) -> Result<Head, MessageError> {
    checked(parse::<Head>(text, None)?)
}

fn head_of(value: &serde_json::Value) -> Result<Head, MessageError> {
    let read = Head::deserialize(value);
    checked(read.map_err(|source| MessageError::Syntax { source, id: None })?)
}

fn checked(head: Head) -> Result<Head, MessageError> {
    let id = head.id.filter(|id| *id <= SAFE_INTEGER_MAX);
    if head.v != VERSION {
        return Err(MessageError::Version { version: head.v, id });
    }
    Ok(Head { id, ..head })
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, id: Option<u64>) -> Result<T, MessageError> {
    serde_json::from_str(text).map_err(|source| MessageError::Syntax { source, id })
}

fn at_most(field: &'static str, value: u64, max: u64, id: Option<u64>) -> Result<(), MessageError> {
    if value <= max { Ok(()) } else { Err(MessageError::TooGreat { field, value, max, id }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::step::{LaneId, LinkId, Side};

    fn requests() -> Vec<Ask> {
        let lane = LaneId { link: LinkId(12), to: Side::Acceptor };
        let position = SAFE_INTEGER_MAX;
        vec![
            Ask::Open(Source::Script("zablab script 1\n# \"\u{1f40d}\"\n".into())),
            Ask::Open(Source::Zlab("#/lab/z1.AAAA".into())),
            Ask::Advance { until_us: Mono(5_000_000), max_steps: STEPS_MAX },
            Ask::Step(Steps::Count(3)),
            Ask::Step(Steps::Step(Exact::Deliver { lane, seq: 7 })),
            Ask::Act { line: "c: create /a \"x\"".into() },
            Ask::Seek { branch: 1, position, forget: false },
            Ask::Seek { branch: 1, position: 3, forget: true },
            Ask::Frames { branch: 0, from: 3, to: 9 },
            Ask::View { server: None },
            Ask::View { server: Some(ServerId(3)) },
            Ask::Predict { line: "predict q1 role(3) after up(3) within 5s".into() },
            Ask::Check { predicate: "role(3) == LEADING".into() },
            Ask::Export { r#as: ExportForm::Zlab },
            Ask::Export { r#as: ExportForm::Script },
            Ask::Export { r#as: ExportForm::Jsonl },
        ]
    }

    #[test]
    fn every_request_survives() {
        for ask in requests() {
            let request = Request { id: 7, ask };
            let text = request.encode();
            let again = Request::decode(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(again, request, "{text}");
            let value = serde_json::from_str(&text).expect("it is JSON");
            let again = Request::of_value(value).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(again, request, "{text}");
        }
    }

    #[test]
    fn messages_are_as_documented() {
        let texts: Vec<String> = requests()
            .into_iter()
            .map(|ask| Request { id: 7, ask }.encode())
            .filter(|text| {
                text.contains("step")
                    || text.contains("seek")
                    || text.contains("frames")
                    || text.contains("xpor")
            })
            .collect();
        let expected = [
            r#"{"v":1,"id":7,"do":"advance","until_us":5000000,"max_steps":2000000}"#,
            r#"{"v":1,"id":7,"do":"step","count":3}"#,
            r#"{"v":1,"id":7,"do":"step","step":"deliver 12a.7"}"#,
            r#"{"v":1,"id":7,"do":"seek","branch":1,"position":9007199254740991}"#,
            r#"{"v":1,"id":7,"do":"seek","branch":1,"position":3,"forget":true}"#,
            r#"{"v":1,"id":7,"do":"frames","branch":0,"from":3,"to":9}"#,
            r#"{"v":1,"id":7,"do":"export","as":"zlab"}"#,
            r#"{"v":1,"id":7,"do":"export","as":"script"}"#,
            r#"{"v":1,"id":7,"do":"export","as":"jsonl"}"#,
        ];
        assert_eq!(texts, expected);
        let branches = vec![BranchView { parent: None, length: 2, step: None }];
        let servers = Vec::new();
        let view = View { now_us: Mono(5), branch: 0, position: 1, length: 2, servers, branches };
        let done = Done { view, frames: Vec::new(), more: More::Server(None) };
        let branches = r#"[{"parent":null,"length":2,"step":null}]"#;
        let view = format!(
            r#"{{"now_us":5,"branch":0,"position":1,"length":2,"servers":[],"branches":{branches}}}"#
        );
        let expected =
            format!(r#"{{"v":1,"id":7,"ok":true,"view":{view},"frames":[],"server":null}}"#);
        assert_eq!(Answer { id: Some(7), result: Ok(done) }.encode(), expected);
    }

    #[test]
    fn what_is_no_request_is_answered() {
        let answered = |text: &str| {
            let error = Request::decode(text).expect_err("no request");
            let Answer { id, result } = Answer::unread(&error);
            (id, result.expect_err("a problem").message)
        };
        let version = answered(r#"{"v":2,"id":7,"do":"fly"}"#);
        assert_eq!(version, (Some(7), "version 2; this reader knows 1".into()));
        let great = answered(r#"{"v":1,"id":7,"do":"step","count":2000001}"#);
        assert_eq!(great, (Some(7), "count is 2000001; the limit is 2000000".into()));
        for body in [
            r#""do":"fly""#,
            r#""do":"seek","branch":-1,"position":0"#,
            r#""do":"step","step":"deliver 12x.7""#,
            r#""do":"open""#,
            r#""do":"open","script":"","zlab":"""#,
        ] {
            assert_eq!(answered(&format!(r#"{{"v":1,"id":7,{body}}}"#)).0, Some(7), "{body}");
        }
        assert_eq!(answered(r#"{"v":1,"id":9007199254740992,"do":"view"}"#).0, None);
        assert_eq!(answered("[]").0, None);
        assert_eq!(answered(&" ".repeat(REQUEST_LEN_MAX + 1)).0, None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(
            which in 0..requests().len(),
            at in any::<prop::sample::Index>(),
            junk in prop_oneof![".{0,3}", "[0-9\",:{}]{0,3}"],
        ) {
            let text = Request { id: 7, ask: requests().swap_remove(which) }.encode();
            let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
            let (left, right) = text.split_at(*at.get(&places));
            for text in [format!("{left}{junk}{right}"), format!("{left}{junk}"), junk.clone()] {
                if let Ok(request) = Request::decode(&text) {
                    let again = Request::decode(&request.encode()).map_err(|e| e.to_string());
                    prop_assert_eq!(again, Ok(request));
                }
            }
        }
    }
}
