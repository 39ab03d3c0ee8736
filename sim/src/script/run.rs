//! Plays a script on a world: acts, runs, checks; invariants after every command.
//!
//! Every step goes through a [`Timeline`], so that a played script can be rewound. What is held
//! back or lost by kind is a rule of the player, which turns it into steps that name messages; a
//! recording therefore needs no rules. Not here: what a predicate means (see
//! [`super::predicate`]).

use std::fmt::Write as _;
use std::sync::Arc;

use zablab_core::sorted::{SortedMap, SortedSet};
use zablab_core::types::Mono;

use super::STEPS_MAX;
use super::acts::{Actor, Rules, carry_out};
use super::ast::{Block, ChooserKind, Command, Pattern, Predicate, Predict, Script};
use super::events::Row;
use super::given::{Start, StartError};
use super::predicate::{Scene, Value};
use crate::agenda::Agenda;
use crate::chooser::{Chooser, Fifo, Random};
use crate::formats::json::TraceHash;
use crate::formats::zlab::Move;
use crate::invariants::Violation;
use crate::io::GivenDiskError;
use crate::paxos;
use crate::step::{ClientId, Host, Step};
use crate::teaching::Teaching;
use crate::timeline::Timeline;
use crate::trace::TraceEvent;
use crate::world::World;

/// Up to this position every one has its fingerprint.
const EVERY_FINGERPRINT: usize = 2000;
/// Behind that one in so many has.
const FINGERPRINT_STRIDE: usize = 32;

/// A line of a script that did not come true.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {failure}")]
pub struct RunError {
    /// The line, from 1.
    pub line: u32,
    /// What went wrong.
    pub failure: Failure,
    /// Every event until then.
    pub events: Vec<TraceEvent>,
}

/// What may go wrong in a line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The start makes no sense.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No server could have left such a disk.
    #[error(transparent)]
    Disk(#[from] GivenDiskError),
    /// A line names a server or client that there is not.
    #[error("there is no {name}")]
    Unknown {
        /// What it names.
        name: String,
    },
    /// There is no message to deliver.
    #[error("no such message is in front on its way")]
    NoMessage,
    /// A predicate is not true.
    #[error("not true{}", listed(.values))]
    NotTrue {
        /// The functions in it, with their values.
        values: Vec<String>,
    },
    /// A predicate did not become true.
    #[error("not reached in time{}", listed(.values))]
    NotReached {
        /// The functions in it, with their values.
        values: Vec<String>,
    },
    /// Nothing can happen any more.
    #[error("nothing can happen any more{}", listed(.values))]
    Stuck {
        /// The functions in the awaited predicate, with their values.
        values: Vec<String>,
    },
    /// Events did not happen often enough.
    #[error("{seen} of {times} events happened in time")]
    Events {
        /// How many did.
        seen: usize,
        /// How many should have.
        times: u32,
    },
    /// The run is too long.
    #[error("more than {STEPS_MAX} steps")]
    TooLong,
    /// A goal was true already.
    #[error("the goal {name} is reached before anything was done for it")]
    GoalTooEarly {
        /// Its name.
        name: String,
    },
    /// A goal was not reached in its part of the script.
    #[error("the goal {name} is not reached before the next mark")]
    GoalMissed {
        /// Its name.
        name: String,
    },
    /// The value of a prediction has no answer.
    #[error("no answer for the value {value}")]
    NoAnswer {
        /// The value.
        value: Value,
    },
    /// The output is another one.
    #[error("the output is\n{}\nand not\n{}", .found.join("\n"), .expected.join("\n"))]
    Output {
        /// What the script says.
        expected: Vec<String>,
        /// What it is.
        found: Vec<String>,
    },
    /// An invariant is broken.
    #[error("{0}")]
    Broken(Violation),
    /// An invariant that should break did not.
    #[error("invariant {id} was not broken")]
    NotBroken {
        /// Its id.
        id: String,
    },
}

fn listed(values: &[String]) -> String {
    values.iter().fold(String::new(), |text, value| text + "\n  " + value)
}

/// A script that was played to its end.
#[derive(Clone, Debug)]
pub struct Played {
    /// The run, at its end.
    pub timeline: Timeline,
    /// The fingerprint of the world at every position from the beginning, by the position; of a
    /// long run behind that only now and then, as each looks at all that the world has become.
    pub fingerprints: SortedMap<usize, u64>,
    /// Every event.
    pub events: Vec<TraceEvent>,
    /// What was done, as a `.zlab` file has it.
    pub moves: Vec<Move>,
    /// What each line printed, by the number of the line.
    pub outputs: SortedMap<u32, Vec<String>>,
}

/// Plays a script.
///
/// # Errors
/// The first line that does not come true. With `check_output` false, output blocks are not
/// compared.
pub fn play(script: &Script, check_output: bool) -> Result<Played, Box<RunError>> {
    let at = |line, failure, events| Box::new(RunError { line, failure, events });
    let start = Start::of(script).map_err(|(line, error)| at(line, error.into(), Vec::new()))?;
    let mut player = Player::new(start).map_err(|failure| at(1, failure, Vec::new()))?;
    let mut last = 1;
    for line in &script.lines {
        last = line.number;
        let expected = line.expected.as_ref().filter(|_| check_output);
        if let Err(failure) = player.line(last, &line.command, expected) {
            return Err(at(last, failure, player.events));
        }
    }
    if let Err(failure) = player.end() {
        return Err(at(last, failure, player.events));
    }
    Ok(player.finish())
}

/// The hash of the trace of a script that is played with a random chooser of this seed, whatever
/// its own given lines say of them. Nothing else goes into it, so it is the same everywhere.
///
/// # Errors
/// As [`play`].
pub fn trace_hash(script: &Script, seed: u64) -> Result<u64, Box<RunError>> {
    let at = |line, failure, events| Box::new(RunError { line, failure, events });
    let mut start =
        Start::of(script).map_err(|(line, error)| at(line, error.into(), Vec::new()))?;
    Arc::make_mut(&mut start.given).seed = seed;
    start.chooser = ChooserKind::Random;
    let mut player = Player::new(start).map_err(|failure| at(1, failure, Vec::new()))?;
    player.fingerprints = None;
    for line in &script.lines {
        if let Err(failure) = player.line(line.number, &line.command, None) {
            return Err(at(line.number, failure, player.events));
        }
    }
    let mut hash = TraceHash::default();
    player.events.iter().for_each(|event| hash.add(event));
    Ok(hash.value())
}

/// The text of a script with the outputs that its blocks have now; everything else stays.
pub fn rewrite(text: &str, script: &Script, played: &Played) -> String {
    let mut replaced = SortedMap::new();
    for line in &script.lines {
        if let Some(block) = &line.expected {
            let output = played.outputs.get(&line.number).cloned().unwrap_or_default();
            replaced.insert(block.number, (block.lines.len(), output));
        }
    }
    let mut result = String::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        result += line;
        result.push('\n');
        if let Some((old, output)) = replaced.get(&number) {
            lines.by_ref().take(*old).for_each(|_| {});
            for line in output {
                // Writing to a string cannot fail.
                let _ = writeln!(result, "{line}");
            }
        }
    }
    result
}

/// Who picks the next step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Picker {
    Fifo(Fifo),
    Random(Random),
}

impl Picker {
    /// The one that a script names.
    pub(crate) fn of(kind: ChooserKind, seed: u64) -> Picker {
        match kind {
            ChooserKind::Fifo => Picker::Fifo(Fifo),
            ChooserKind::Random => Picker::Random(Random::new(seed)),
        }
    }

    /// The next step.
    pub(crate) fn choose(&mut self, agenda: &Agenda) -> Option<Step> {
        match self {
            Picker::Fifo(fifo) => fifo.choose(agenda),
            Picker::Random(random) => random.choose(agenda),
        }
    }
}

/// What decides how a run goes on, beside its world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Driver {
    /// Who picks the next step.
    pub(crate) picker: Picker,
    /// What waits or is lost as soon as it is sent.
    pub(crate) rules: Rules,
}

/// A script under way.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    pub(super) timeline: Timeline,
    pub(super) clients: SortedMap<String, ClientId>,
    pub(super) rules: Rules,
    picker: Picker,
    events: Vec<TraceEvent>,
    rows: Vec<Row>,
    marks: SortedMap<String, usize>,
    /// The fingerprints by the position, if they are kept.
    fingerprints: Option<SortedMap<usize, u64>>,
    moves: Vec<Move>,
    outputs: SortedMap<u32, Vec<String>>,
    goal: Option<Goal>,
    may_break: SortedSet<String>,
}

/// A goal that is open.
#[derive(Clone, Debug)]
struct Goal {
    name: String,
    predicate: Predicate,
    reached: bool,
}

impl Actor for Player {
    fn world(&self) -> &World {
        self.timeline.world()
    }

    fn clients(&self) -> &SortedMap<String, ClientId> {
        &self.clients
    }

    fn rules(&mut self) -> &mut Rules {
        &mut self.rules
    }

    fn apply(&mut self, step: &Step) {
        Player::apply(self, step);
    }
}

impl Player {
    pub(super) fn new(start: Start) -> Result<Player, Failure> {
        let seed = start.given.seed;
        let timeline = Timeline::new(start.given, Teaching { bugs: start.bugs })?;
        Ok(Player {
            fingerprints: Some(SortedMap::from([(0, timeline.world().fingerprint())])),
            timeline,
            clients: start.clients,
            rules: Rules::default(),
            picker: Picker::of(start.chooser, seed),
            events: Vec::new(),
            rows: Vec::new(),
            marks: SortedMap::from([("start".to_owned(), 0)]),
            moves: Vec::new(),
            outputs: SortedMap::new(),
            goal: None,
            may_break: SortedSet::new(),
        })
    }

    pub(crate) fn scene(&self) -> Scene<'_> {
        Scene {
            world: self.timeline.world(),
            rows: &self.rows,
            marks: &self.marks,
            clients: &self.clients,
        }
    }

    /// One in the middle of a run, of which these are the events so far. It is for looking ahead
    /// and keeps no fingerprints.
    pub(crate) fn ahead(
        world: World,
        clients: SortedMap<String, ClientId>,
        driver: Driver,
        rows: Vec<Row>,
    ) -> Player {
        let Driver { picker, rules } = driver;
        Player {
            timeline: Timeline::at(world),
            clients,
            rules,
            picker,
            events: Vec::new(),
            rows,
            marks: SortedMap::from([("start".to_owned(), 0)]),
            fingerprints: None,
            moves: Vec::new(),
            outputs: SortedMap::new(),
            goal: None,
            may_break: SortedSet::new(),
        }
    }

    /// Takes a step, and those that the rules for messages want after it.
    pub(super) fn apply(&mut self, step: &Step) {
        let mut steps = vec![step.clone()];
        while let Some(step) = steps.pop() {
            let events = self.timeline.apply(&step);
            let position = self.timeline.position();
            if let Some(fingerprints) = &mut self.fingerprints
                && (position <= EVERY_FINGERPRINT || position.is_multiple_of(FINGERPRINT_STRIDE))
            {
                fingerprints.insert(position, self.timeline.world().fingerprint());
            }
            steps.extend(self.rules.after(self.timeline.world(), &events));
            self.rows.extend(events.iter().map(Row::of));
            self.events.extend(events);
        }
        if let Some(goal) = &self.goal
            && !goal.reached
            && self.scene().holds(&goal.predicate)
            && let Some(goal) = &mut self.goal
        {
            goal.reached = true;
        }
    }

    /// Carries a line out and checks what it must print.
    fn line(
        &mut self,
        number: u32,
        command: &Command,
        expected: Option<&Block>,
    ) -> Result<(), Failure> {
        let output = self.command(command)?;
        self.check_invariants()?;
        if let Some(block) = expected.filter(|block| block.lines != output) {
            return Err(Failure::Output { expected: block.lines.clone(), found: output });
        }
        self.outputs.insert(number, output);
        Ok(())
    }

    /// Carries a command out; its output.
    fn command(&mut self, command: &Command) -> Result<Vec<String>, Failure> {
        let before = self.rows.len();
        match command {
            Command::Given(_) => {}
            Command::Act(act) => {
                carry_out(self, act)?;
                self.moves.push(Move::Act(act.clone()));
            }
            Command::Step(n) => (0..*n).try_for_each(|_| self.choose())?,
            Command::RunUntil { predicate, within_us } => self.run_until(predicate, *within_us)?,
            Command::RunUntilEvent { pattern, times, within_us } => {
                self.run_until_event(pattern, *times, *within_us)?;
            }
            Command::RunFor(us) => self.run_for(*us)?,
            Command::Mark(name) => {
                self.close_goal()?;
                self.marks.insert(name.clone(), self.rows.len());
            }
            Command::Expect(predicate) => self.expect(predicate)?,
            Command::Predict(predict) => return Ok(vec![self.predict(predict)?]),
            Command::Goal { name, predicate } => {
                self.close_goal()?;
                let goal =
                    Goal { name: name.clone(), predicate: predicate.clone(), reached: false };
                if self.scene().holds(predicate) {
                    return Err(Failure::GoalTooEarly { name: goal.name });
                }
                self.goal = Some(goal);
            }
            Command::ExpectBroken(id) => {
                self.may_break.insert(id.clone());
            }
        }
        let name_of = |host| self.host_name(host);
        Ok(self.rows[before..].iter().filter_map(|row| row.shown(&name_of)).collect())
    }

    fn host_name(&self, host: Host) -> String {
        match host {
            Host::Server(sid) => match self.timeline.world().given().servers.get(&sid) {
                Some(server) if server.paxos.is_some() => paxos::called(sid),
                Some(_) | None => format!("S{sid}"),
            },
            Host::Client(id) => {
                let name = self.clients.iter().find(|(_, known)| **known == id);
                name.map_or_else(|| host.to_string(), |(name, _)| name.clone())
            }
        }
    }

    fn next(&mut self) -> Option<Step> {
        self.picker.choose(self.timeline.world().agenda())
    }

    fn now(&self) -> Mono {
        self.timeline.world().now()
    }

    /// When the next step is due, if there is one.
    fn next_due(&self) -> Option<Mono> {
        self.timeline.world().agenda().first().map(|entry| entry.due)
    }

    /// Takes the next step if it is due by then; false if it is later.
    fn advance(&mut self, until: Mono) -> Result<bool, Failure> {
        if self.timeline.position() as u64 >= STEPS_MAX {
            return Err(Failure::TooLong);
        }
        let Some(due) = self.next_due() else {
            return Err(Failure::Stuck { values: Vec::new() });
        };
        if due > until {
            return Ok(false);
        }
        self.choose()?;
        Ok(true)
    }

    /// Takes the step that the chooser wants.
    pub(super) fn choose(&mut self) -> Result<(), Failure> {
        let step = self.next().ok_or(Failure::Stuck { values: Vec::new() })?;
        self.apply(&step);
        match self.moves.last_mut() {
            Some(Move::Auto(steps)) => *steps += 1,
            Some(Move::Act(_) | Move::Step(_)) | None => self.moves.push(Move::Auto(1)),
        }
        Ok(())
    }

    /// The run so far.
    pub(super) fn finish(self) -> Played {
        let Player { timeline, fingerprints, events, moves, outputs, .. } = self;
        let fingerprints = fingerprints.unwrap_or_default();
        Played { timeline, fingerprints, events, moves, outputs }
    }

    fn run_for(&mut self, us: u64) -> Result<(), Failure> {
        let until = Mono(self.now().0 + us);
        while self.next_due().is_some_and(|due| due <= until) {
            self.advance(until)?;
        }
        Ok(())
    }

    fn run_until(&mut self, predicate: &Predicate, within_us: u64) -> Result<(), Failure> {
        let until = Mono(self.now().0 + within_us);
        while !self.scene().holds(predicate) {
            let values = |player: &Player| player.scene().explain(predicate);
            match self.advance(until) {
                Ok(true) => {}
                Ok(false) => return Err(Failure::NotReached { values: values(self) }),
                Err(Failure::Stuck { .. }) => {
                    return Err(Failure::Stuck { values: values(self) });
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    fn run_until_event(
        &mut self,
        pattern: &Pattern,
        times: u32,
        within_us: u64,
    ) -> Result<(), Failure> {
        let until = Mono(self.now().0 + within_us);
        let before = self.scene().count(pattern);
        loop {
            let seen = self.scene().count(pattern) - before;
            if seen >= times as usize {
                return Ok(());
            }
            if !self.advance(until)? {
                return Err(Failure::Events { seen, times });
            }
        }
    }

    fn expect(&self, predicate: &Predicate) -> Result<(), Failure> {
        let scene = self.scene();
        match scene.holds(predicate) {
            true => Ok(()),
            false => Err(Failure::NotTrue { values: scene.explain(predicate) }),
        }
    }

    /// What a question prints, from a copy that runs ahead.
    fn predict(&self, predict: &Predict) -> Result<String, Failure> {
        let answer = self.clone().answer(predict)?;
        Ok(format!("{} {answer}", predict.name))
    }

    /// The answer to a question; it runs ahead until it knows.
    pub(crate) fn answer(mut self, predict: &Predict) -> Result<String, Failure> {
        let ahead = &mut self;
        ahead.run_until(&predict.after, predict.within_us)?;
        let value = ahead.scene().value(&predict.term);
        let is = |literal: &Option<super::ast::Term>| match literal {
            Some(literal) => value.is(literal),
            None => true,
        };
        let answer = match predict.map.iter().find(|(literal, _)| is(literal)) {
            Some((_, answer)) => answer.clone(),
            None if predict.map.is_empty() => value.to_string(),
            None => return Err(Failure::NoAnswer { value }),
        };
        Ok(answer)
    }

    fn close_goal(&mut self) -> Result<(), Failure> {
        match self.goal.take() {
            Some(Goal { name, reached: false, .. }) => Err(Failure::GoalMissed { name }),
            Some(_) | None => Ok(()),
        }
    }

    fn check_invariants(&self) -> Result<(), Failure> {
        let violations = self.timeline.world().violations().iter();
        let mut unexpected =
            violations.filter(|violation| !self.may_break.contains(violation.invariant.id()));
        unexpected.next().map_or(Ok(()), |violation| Err(Failure::Broken(violation.clone())))
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.close_goal()?;
        let mut world = self.timeline.world().clone();
        let broken: Vec<Violation> = world.end().to_vec();
        for violation in &broken {
            if !self.may_break.contains(violation.invariant.id()) {
                return Err(Failure::Broken(violation.clone()));
            }
        }
        let is_broken =
            |id: &&String| broken.iter().any(|violation| violation.invariant.id() == **id);
        match self.may_break.iter().find(|id| !is_broken(id)) {
            Some(id) => Err(Failure::NotBroken { id: id.clone() }),
            None => Ok(()),
        }
    }
}
