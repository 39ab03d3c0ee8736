//! A run that one works with: carries out what a page asks for and says what changed.
//!
//! A [`Lab`] holds one run with all its branches. A request that fails changes nothing. Not here:
//! the form of requests and answers ([`crate::formats::messages`]), and who carries them.

mod export;
mod open;
mod run;

use zablab_core::types::{Mono, ServerId};

use crate::formats::batch::{BatchError, EventBatch};
use crate::formats::messages::{
    Answer, Ask, BranchView, Done, ExportForm, More, Parent, Problem, ProblemKind, Request,
    ServerShort, Short, Source, Steps, View,
};
use crate::formats::zlab::{Exact, ZlabError};
use crate::reel::Frame;
use crate::script::{Failure, parse_act, parse_predicate, parse_predict};
use crate::timeline::BranchId;
use crate::trace::TraceEvent;
use run::Run;

/// Clients of a run: each is one more figure on the page.
pub const CLIENTS_MAX: usize = 256;
/// Frames of one answer: more than a page can show in one go, and some hundred MiB.
pub const FRAMES_MAX: u64 = 100_000;

/// A run, or none yet.
#[derive(Debug, Default)]
pub struct Lab {
    run: Option<Run>,
}

/// What a request made: frames, events, and what was asked for besides.
#[derive(Debug)]
struct Made {
    frames: Vec<Frame>,
    events: Vec<TraceEvent>,
    more: More,
}

impl Made {
    fn only(more: More) -> Made {
        Made { frames: Vec::new(), events: Vec::new(), more }
    }
}

impl Lab {
    /// Without a run.
    pub fn new() -> Lab {
        Lab::default()
    }

    /// Carries a request out and answers it. The batch has what happened because of it.
    pub fn answer(&mut self, request: Request) -> (Answer, EventBatch) {
        let id = Some(request.id);
        match self.handle(request.ask) {
            Ok((done, batch)) => (Answer { id, result: Ok(done) }, batch),
            Err(problem) => (Answer { id, result: Err(problem) }, EventBatch::default()),
        }
    }

    /// Carries a request out.
    ///
    /// # Errors
    /// What is in the way; then nothing has changed.
    pub fn handle(&mut self, ask: Ask) -> Result<(Done, EventBatch), Problem> {
        let made = match ask {
            Ask::Open(source) => {
                let (run, made) = match source {
                    Source::Script(text) => open::script(&text)?,
                    Source::Zlab(link) => open::link(&link)?,
                };
                self.run = Some(run);
                made
            }
            ask => {
                let run = self.run.as_mut().ok_or_else(|| cannot("no run is open"))?;
                carry_out(run, ask)?
            }
        };
        let run = self.run.as_ref().ok_or_else(|| cannot("no run is open"))?;
        let Made { frames, events, more } = made;
        Ok((Done { view: view(run), frames, more }, batch(&events)?))
    }
}

fn carry_out(run: &mut Run, ask: Ask) -> Result<Made, Problem> {
    match ask {
        // The caller's business.
        Ask::Open(_) => Ok(Made::only(More::Nothing)),
        Ask::Advance { until_us, max_steps } => run.advance(until_us, max_steps),
        Ask::Step(Steps::Count(count)) => {
            let made = run.advance(Mono(u64::MAX), count)?;
            match made.frames.is_empty() && count > 0 {
                true => Err(cannot("nothing can happen any more")),
                false => Ok(made),
            }
        }
        Ask::Step(Steps::Step(exact)) => run.exact(exact),
        Ask::Act { line } => run.act(&parse_act(&line).map_err(|error| Problem::from(&error))?),
        Ask::Seek { branch, position, forget } => {
            let (branch, position) = place(run, branch, position)?;
            run.seek(branch, position, forget)
        }
        Ask::Frames { branch, from, to } => {
            let (branch, to) = place(run, branch, to)?;
            let from = usize::try_from(from).unwrap_or(usize::MAX).min(to);
            if (to - from) as u64 > FRAMES_MAX {
                return Err(cannot(format!("more than {FRAMES_MAX} frames")));
            }
            Ok(Made { frames: run.frames(branch, from, to), ..Made::only(More::Nothing) })
        }
        Ask::View { server: None } => Ok(Made::only(More::Nothing)),
        Ask::View { server: Some(sid) } => server(run, sid).map(Made::only),
        Ask::Predict { line } => {
            let predict = parse_predict(&line).map_err(|error| Problem::from(&error))?;
            let answer = run.player(line.contains("count")).answer(&predict);
            Ok(Made::only(More::Answer(answer?)))
        }
        Ask::Check { predicate: text } => {
            let predicate = parse_predicate(&text).map_err(|error| Problem::from(&error))?;
            let value = run.player(text.contains("count")).scene().holds(&predicate);
            Ok(Made::only(More::Value(value)))
        }
        Ask::Export { r#as: form } => {
            let data = match form {
                ExportForm::Zlab => export::link(run)?,
                ExportForm::Script => export::script(run)?,
                ExportForm::Jsonl => export::lines(run),
            };
            Ok(Made::only(More::Data(data)))
        }
    }
}

fn place(run: &Run, branch: u64, position: u64) -> Result<(BranchId, usize), Problem> {
    let id = usize::try_from(branch).ok().filter(|id| *id < run.timeline.branches().len());
    let id = BranchId(id.ok_or_else(|| cannot(format!("there is no branch {branch}")))?);
    let within = usize::try_from(position).ok().filter(|at| *at <= run.timeline.len(id));
    let position = within
        .ok_or_else(|| cannot(format!("branch {branch} has {} steps", run.timeline.len(id))))?;
    Ok((id, position))
}

fn server(run: &Run, sid: ServerId) -> Result<More, Problem> {
    let world = run.timeline.world();
    if world.node(sid).is_none() {
        return Err(cannot(format!("there is no server {sid}")));
    }
    Ok(More::Server(world.view(sid).map(Box::new)))
}

fn view(run: &Run) -> View {
    let (timeline, world) = (&run.timeline, run.timeline.world());
    let server = |(sid, _)| {
        let view = world.view(sid);
        ServerShort { sid, up: view.as_ref().map(Short::from) }
    };
    let branch = |number: usize| {
        let line = &timeline.branches()[number];
        let parent = line.parent.map(|(of, at)| Parent { branch: of.0 as u64, at: at as u64 });
        let first = line.steps.first().filter(|_| parent.is_some());
        let step = first.map(|step| crate::reel::step_words(step, &run.names()));
        BranchView { parent, length: timeline.len(BranchId(number)) as u64, step }
    };
    View {
        now_us: world.now(),
        branch: timeline.branch().0 as u64,
        position: timeline.position() as u64,
        length: timeline.len(timeline.branch()) as u64,
        servers: world.nodes().map(server).collect(),
        branches: (0..timeline.branches().len()).map(branch).collect(),
    }
}

/// The batch of these events; of more than fit, the last ones.
fn batch(events: &[TraceEvent]) -> Result<EventBatch, Problem> {
    EventBatch::of(events).map_err(|error: BatchError| cannot(error.to_string()))
}

/// The run cannot do this, or not now.
fn cannot(message: impl Into<String>) -> Problem {
    Problem { kind: ProblemKind::Run, message: message.into(), line: None, column: None }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        cannot(failure.to_string())
    }
}

impl From<ZlabError> for Problem {
    fn from(error: ZlabError) -> Problem {
        let (line, column) = match &error {
            ZlabError::Content(error) => (Some(error.line), Some(error.column)),
            _ => (None, None),
        };
        Problem { kind: ProblemKind::Syntax, message: error.to_string(), line, column }
    }
}

/// Why an exact step is not possible.
fn impossible(exact: Exact) -> Problem {
    cannot(format!("\"{exact}\" is not possible now"))
}
