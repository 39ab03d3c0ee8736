//! What is done in a run, move by move, and each as a line of text.

use std::fmt;

use serde::{Deserialize, Serialize};
use zablab_core::types::ServerId;

use crate::script::ast::Act;
use crate::script::parse_act;
use crate::step::{Fault, Host, LaneId, LinkId, Step};

/// Something that is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Move {
    /// The chooser takes that many steps.
    Auto(u64),
    /// An act of a script.
    Act(Act),
    /// Exactly this step.
    Step(Exact),
}

/// A step that names what it acts on, and that no act of a script can name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[allow(missing_docs, reason = "the variants are those of Step and Fault")]
pub enum Exact {
    Deliver { lane: LaneId, seq: u64 },
    GiveUp { lane: LaneId },
    Tick { host: Host },
    CompleteIo { server: ServerId },
    CompleteSnapshot { server: ServerId },
    Hold { lane: LaneId, seq: u64 },
    Lose { lane: LaneId, seq: u64 },
    Release { lane: LaneId },
    Reset { link: LinkId },
    Duplicate { lane: LaneId, seq: u64 },
}

impl Exact {
    /// It as a step of the world.
    pub fn step(self) -> Step {
        match self {
            Exact::Deliver { lane, seq } => Step::Deliver { lane, seq },
            Exact::GiveUp { lane } => Step::GiveUp { lane },
            Exact::Tick { host } => Step::Tick { host },
            Exact::CompleteIo { server } => Step::CompleteIo { server },
            Exact::CompleteSnapshot { server } => Step::CompleteSnapshot { server },
            Exact::Hold { lane, seq } => Step::Fault(Fault::Hold { lane, seq }),
            Exact::Lose { lane, seq } => Step::Fault(Fault::Lose { lane, seq }),
            Exact::Release { lane } => Step::Fault(Fault::Release { lane }),
            Exact::Reset { link } => Step::Fault(Fault::Reset { link }),
            Exact::Duplicate { lane, seq } => Step::Fault(Fault::Duplicate { lane, seq }),
        }
    }

    /// Reads what `Display` writes.
    fn parse(text: &str) -> Option<Exact> {
        let (name, object) = text.split_once(' ')?;
        match name {
            "deliver" => message(object).map(|(lane, seq)| Exact::Deliver { lane, seq }),
            "hold" => message(object).map(|(lane, seq)| Exact::Hold { lane, seq }),
            "lose" => message(object).map(|(lane, seq)| Exact::Lose { lane, seq }),
            "duplicate" => message(object).map(|(lane, seq)| Exact::Duplicate { lane, seq }),
            "give-up" => lane(object).map(|lane| Exact::GiveUp { lane }),
            "release" => lane(object).map(|lane| Exact::Release { lane }),
            "tick" => Host::try_from(object.to_owned()).ok().map(|host| Exact::Tick { host }),
            "complete-io" => server(object).map(|server| Exact::CompleteIo { server }),
            "complete-snapshot" => server(object).map(|server| Exact::CompleteSnapshot { server }),
            "reset" => object.parse().ok().map(|link| Exact::Reset { link: LinkId(link) }),
            _ => None,
        }
    }
}

fn message(text: &str) -> Option<(LaneId, u64)> {
    let (name, seq) = text.split_once('.')?;
    Some((lane(name)?, seq.parse().ok()?))
}

fn lane(text: &str) -> Option<LaneId> {
    LaneId::try_from(text.to_owned()).ok()
}

fn server(text: &str) -> Option<ServerId> {
    text.parse().ok().map(ServerId)
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lane = |lane: &LaneId| String::from(*lane);
        match self {
            Exact::Deliver { lane: on, seq } => write!(f, "deliver {}.{seq}", lane(on)),
            Exact::GiveUp { lane: on } => write!(f, "give-up {}", lane(on)),
            Exact::Tick { host } => write!(f, "tick {host}"),
            Exact::CompleteIo { server } => write!(f, "complete-io {server}"),
            Exact::CompleteSnapshot { server } => write!(f, "complete-snapshot {server}"),
            Exact::Hold { lane: on, seq } => write!(f, "hold {}.{seq}", lane(on)),
            Exact::Lose { lane: on, seq } => write!(f, "lose {}.{seq}", lane(on)),
            Exact::Release { lane: on } => write!(f, "release {}", lane(on)),
            Exact::Reset { link } => write!(f, "reset {}", link.0),
            Exact::Duplicate { lane: on, seq } => write!(f, "duplicate {}.{seq}", lane(on)),
        }
    }
}

/// A text that is no step.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text:?} is no step")]
pub struct NoStep {
    text: String,
}

impl From<Exact> for String {
    fn from(step: Exact) -> String {
        step.to_string()
    }
}

impl TryFrom<String> for Exact {
    type Error = NoStep;

    fn try_from(text: String) -> Result<Exact, NoStep> {
        Exact::parse(&text).ok_or(NoStep { text })
    }
}

impl Move {
    /// How many positions it is long.
    pub fn units(&self) -> u64 {
        match self {
            Move::Auto(steps) => *steps,
            Move::Act(_) | Move::Step(_) => 1,
        }
    }

    /// Reads a line.
    pub(super) fn parse(line: &str) -> Option<Move> {
        if let Some(steps) = line.strip_prefix("auto ") {
            return steps.parse().ok().filter(|steps| *steps > 0).map(Move::Auto);
        }
        if let Some(step) = line.strip_prefix("step ") {
            return Exact::parse(step).map(Move::Step);
        }
        parse_act(line).ok().map(Move::Act)
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Move::Auto(steps) => write!(f, "auto {steps}"),
            Move::Act(act) => write!(f, "{act}"),
            Move::Step(exact) => write!(f, "step {exact}"),
        }
    }
}
