//! What the page asks the worker that holds a run, and what it answers: `docs/formats.md`,
//! section 3.
//!
//! An answer travels beside the batch of what happened (see [`super::batch`]). Not here: carrying
//! requests out, and reading the lines of a script in them (see [`crate::script`]).

use serde::{Deserialize, Serialize};
use zablab_core::trace::{Phase, Role};
use zablab_core::types::{ElectionEpoch, Epochs, Mono, ServerId, Zxid};
use zablab_core::view::ServerView;
use zablab_core::wire::election::Vote;

use super::SAFE_INTEGER_MAX;
use super::zlab::Exact;
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
#[serde(tag = "do", rename_all = "lowercase")]
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
    },
    /// Look.
    View {
        /// At this server in detail, or at all of them in short.
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The text of a script; the run is at its start.
    Script(String),
    /// The link of a `.zlab` file; the run is at its cursor.
    Zlab(String),
}

/// Which steps are taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Steps {
    /// So many, as the chooser picks them.
    Count(u64),
    /// Exactly this one.
    Step(Exact),
}

/// In which form a run is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "DoneForm", try_from = "DoneForm")]
pub struct Done {
    /// The run as it is now.
    pub view: View,
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
    /// To `check`: whether it is true.
    Value(bool),
    /// To `export`: the run's text.
    Data(String),
}

/// A run in short.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
}

/// A server in short.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServerShort {
    /// Its number.
    pub sid: ServerId,
    /// What it knows; `None` if it is down.
    pub up: Option<Short>,
}

/// What a server that is up knows, in short. The names are those of [`ServerView`].
#[allow(missing_docs, reason = "the fields are documented in ServerView")]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// Whose fault it is.
    pub kind: ProblemKind,
    /// What happened, in words.
    pub message: String,
    /// The line of the text that is wrong, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The character of that line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// Kinds of problems.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
        at_most("id", id, SAFE_INTEGER_MAX, None)?;
        let numbers: &[(&str, u64, u64)] = match &ask {
            Ask::Advance { until_us, max_steps } => {
                &[("until_us", until_us.0, SAFE_INTEGER_MAX), ("max_steps", *max_steps, STEPS_MAX)]
            }
            Ask::Step(Steps::Count(count)) => &[("count", *count, STEPS_MAX)],
            Ask::Seek { branch, position } => {
                &[("branch", *branch, SAFE_INTEGER_MAX), ("position", *position, SAFE_INTEGER_MAX)]
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
        let (ok, done, error) = match &self.result {
            Ok(done) => (true, Some(done), None),
            Err(problem) => (false, None, Some(problem)),
        };
        let form = Form { v: VERSION, id: self.id, body: Outcome { ok, done, error } };
        serde_json::to_string(&form).expect("every answer has a JSON form")
    }

    /// Reads an answer. It is the worker's own and may be as long as a run.
    ///
    /// # Errors
    /// Every [`MessageError`] but `TooLong` and `TooGreat`.
    pub fn decode(text: &str) -> Result<Answer, MessageError> {
        let Head { id, ok, .. } = head(text)?;
        let result = if ok == Some(true) {
            Ok(parse::<Form<Option<u64>, Done>>(text, id)?.body)
        } else {
            Err(parse::<Form<Option<u64>, Failed>>(text, id)?.body.error)
        };
        Ok(Answer { id, result })
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
            vote: view.vote,
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
    ok: Option<bool>,
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

#[derive(Deserialize)]
struct Failed {
    error: Problem,
}

/// A [`Done`] as its keys. A key that is there and `null` is not a key that is absent.
#[derive(Serialize, Deserialize)]
struct DoneForm {
    view: View,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    server: Option<Option<Box<ServerView>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

impl From<Done> for DoneForm {
    fn from(done: Done) -> DoneForm {
        let Done { view, more } = done;
        let form = DoneForm { view, server: None, answer: None, value: None, data: None };
        match more {
            More::Nothing => form,
            More::Server(server) => DoneForm { server: Some(server), ..form },
            More::Answer(answer) => DoneForm { answer: Some(answer), ..form },
            More::Value(value) => DoneForm { value: Some(value), ..form },
            More::Data(data) => DoneForm { data: Some(data), ..form },
        }
    }
}

impl TryFrom<DoneForm> for Done {
    type Error = &'static str;

    fn try_from(form: DoneForm) -> Result<Done, &'static str> {
        let more = match (form.server, form.answer, form.value, form.data) {
            (None, None, None, None) => More::Nothing,
            (Some(server), None, None, None) => More::Server(server),
            (None, Some(answer), None, None) => More::Answer(answer),
            (None, None, Some(value), None) => More::Value(value),
            (None, None, None, Some(data)) => More::Data(data),
            _ => return Err("more than one of server, answer, value and data"),
        };
        Ok(Done { view: form.view, more })
    }
}

fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn head(text: &str) -> Result<Head, MessageError> {
    let head = parse::<Head>(text, None)?;
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
    use crate::script::{parse, parse_act, play};
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
            Ask::Seek { branch: 1, position },
            Ask::View { server: None },
            Ask::View { server: Some(ServerId(3)) },
            Ask::Predict { line: "predict q1 role(3) after up(3) within 5s".into() },
            Ask::Check { predicate: "role(3) == LEADING".into() },
            Ask::Export { r#as: ExportForm::Zlab },
            Ask::Export { r#as: ExportForm::Script },
            Ask::Export { r#as: ExportForm::Jsonl },
        ]
    }

    fn answers() -> Vec<Result<Done, Problem>> {
        let text = "zablab script 1\nstart 1,2\nrun until leads(2) and serving(1) within 9s\n\
            c: connect 1\nc: create /a \"x\"\nrun until result(c) == OK within 9s\n";
        let script = parse(text).expect("it parses");
        let timeline = play(&script, true).expect("it comes true").timeline;
        let world = timeline.world();
        let short = |sid| {
            let view = world.view(sid);
            ServerShort { sid, up: view.as_ref().map(Short::from) }
        };
        let view = View {
            now_us: world.now(),
            branch: 0,
            position: 9,
            length: 9,
            servers: [1, 2, 3].map(|sid| short(ServerId(sid))).to_vec(),
        };
        assert_eq!(view.servers.iter().filter(|server| server.up.is_some()).count(), 2);
        let server = world.view(ServerId(2)).map(Box::new);
        assert!(server.as_ref().is_some_and(|view| !view.learners.is_empty()));
        let more = [
            More::Nothing,
            More::Server(server),
            More::Server(None),
            More::Answer("wins".into()),
            More::Value(true),
            More::Data("zablab script 1\n".into()),
        ];
        let done = more.map(|more| Ok(Done { view: view.clone(), more }));
        let error = parse_act("fly 3").expect_err("no such act");
        done.into_iter().chain([Err(Problem::from(&error))]).collect()
    }

    #[test]
    fn every_request_survives() {
        for ask in requests() {
            let request = Request { id: 7, ask };
            let text = request.encode();
            let again = Request::decode(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(again, request, "{text}");
        }
    }

    #[test]
    fn every_answer_survives() {
        for result in answers() {
            let answer = Answer { id: Some(7), result };
            let text = answer.encode();
            let again = Answer::decode(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(again, answer, "{text}");
        }
    }

    #[test]
    fn messages_are_as_documented() {
        let texts: Vec<String> = requests()
            .into_iter()
            .map(|ask| Request { id: 7, ask }.encode())
            .filter(|text| text.contains("step") || text.contains("seek") || text.contains("xpor"))
            .collect();
        let expected = [
            r#"{"v":1,"id":7,"do":"advance","until_us":5000000,"max_steps":2000000}"#,
            r#"{"v":1,"id":7,"do":"step","count":3}"#,
            r#"{"v":1,"id":7,"do":"step","step":"deliver 12a.7"}"#,
            r#"{"v":1,"id":7,"do":"seek","branch":1,"position":9007199254740991}"#,
            r#"{"v":1,"id":7,"do":"export","as":"zlab"}"#,
            r#"{"v":1,"id":7,"do":"export","as":"script"}"#,
            r#"{"v":1,"id":7,"do":"export","as":"jsonl"}"#,
        ];
        assert_eq!(texts, expected);
        let view = View { now_us: Mono(5), branch: 0, position: 1, length: 2, servers: Vec::new() };
        let done = Done { view, more: More::Server(None) };
        let view = r#"{"now_us":5,"branch":0,"position":1,"length":2,"servers":[]}"#;
        let expected = format!(r#"{{"v":1,"id":7,"ok":true,"view":{view},"server":null}}"#);
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
        let two =
            r#"{"v":1,"id":7,"ok":true,"value":true,"data":"","view":{"now_us":5,"branch":0,"#;
        let two = format!(r#"{two}"position":1,"length":2,"servers":[]}}}}"#);
        let error = Answer::decode(&two).expect_err("two additions").to_string();
        assert!(error.contains("more than one"), "{error}");
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
                let _ = Answer::decode(&text);
                if let Ok(request) = Request::decode(&text) {
                    let again = Request::decode(&request.encode()).map_err(|e| e.to_string());
                    prop_assert_eq!(again, Ok(request));
                }
            }
        }
    }
}
