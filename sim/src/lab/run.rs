//! One run with its branches, and who drives each of them on.
//!
//! The chooser and the rules for messages have states of their own. They are kept for every step,
//! so that going back and on again is the same run.

use std::sync::Arc;

use zablab_core::sorted::SortedMap;
use zablab_core::types::Mono;

use super::{CLIENTS_MAX, Made, cannot, impossible};
use crate::formats::messages::{More, Problem};
use crate::formats::zlab::{BRANCHES_MAX, Exact};
use crate::reel::{Camera, Frame};
use crate::script::ast::{Act, Given, HostName, Way};
use crate::script::events::Row;
use crate::script::{Actor, Driver, Player, Rules, STEPS_MAX, carry_out};
use crate::step::{ClientId, Step};
use crate::timeline::{BranchId, Timeline};
use crate::trace::TraceEvent;
use crate::world::World;

/// A run.
#[derive(Debug)]
pub(super) struct Run {
    /// The start, as a script has it.
    pub(super) given: Vec<Given>,
    /// What happened before the first step.
    pub(super) begin: Vec<TraceEvent>,
    pub(super) timeline: Timeline,
    /// How each step of a branch came to be, beside [`crate::timeline::Branch::steps`].
    pub(super) notes: Vec<Vec<Note>>,
    clients: SortedMap<String, ClientId>,
    /// The clients that are there from the beginning.
    shown: usize,
    /// The driver before the first step, and the one at the present position.
    first: Arc<Driver>,
    driver: Arc<Driver>,
    camera: Camera,
}

/// How a step came to be.
#[derive(Clone, Debug)]
pub(super) struct Note {
    /// True if the chooser picked it.
    pub(super) auto: bool,
    /// What drives the run after it.
    after: Arc<Driver>,
}

impl Run {
    /// At its start. `world` has no events left.
    pub(super) fn new(
        given: Vec<Given>,
        world: World,
        begin: Vec<TraceEvent>,
        clients: SortedMap<String, ClientId>,
        driver: Driver,
    ) -> Run {
        let driver = Arc::new(driver);
        let names = clients.iter().map(|(name, id)| (*id, name.clone())).collect();
        Run {
            given,
            begin,
            camera: Camera::new(&world, 0, &names),
            timeline: Timeline::at(world),
            notes: vec![Vec::new()],
            shown: clients.len(),
            clients,
            first: Arc::clone(&driver),
            driver,
        }
    }

    /// The clients by their numbers.
    pub(super) fn names(&self) -> SortedMap<ClientId, String> {
        self.clients.iter().map(|(name, id)| (*id, name.clone())).collect()
    }

    /// The frame of the beginning.
    pub(super) fn frame_0(&self) -> Frame {
        let origin = self.timeline.origin();
        self.camera_at(origin, 0).whole(origin, &self.begin)
    }

    /// Lets the chooser step up to a moment.
    pub(super) fn advance(&mut self, until: Mono, max_steps: u64) -> Result<Made, Problem> {
        let mut made = Made::only(More::Nothing);
        for _ in 0..max_steps {
            let due = self.timeline.world().agenda().first().map(|entry| entry.due);
            if due.is_none_or(|due| due > until) {
                break;
            }
            match self.room() {
                Err(problem) if made.frames.is_empty() => return Err(problem),
                Err(_) => break,
                Ok(()) => {}
            }
            let mut driver = Driver::clone(&self.driver);
            let Some(step) = driver.picker.choose(self.timeline.world().agenda()) else { break };
            self.drive(driver);
            self.take(&step, true, &mut made)?;
        }
        Ok(made)
    }

    /// Takes exactly this step.
    pub(super) fn exact(&mut self, exact: Exact) -> Result<Made, Problem> {
        let step = exact.step();
        if !self.timeline.world().can(&step) {
            return Err(impossible(exact));
        }
        let mut made = Made::only(More::Nothing);
        self.take(&step, false, &mut made)?;
        Ok(made)
    }

    /// Acts now. The act is tried on a copy first, so one that fails changes nothing.
    pub(super) fn act(&mut self, act: &Act) -> Result<Made, Problem> {
        let fresh = self.fresh_clients(act)?;
        let mut clients = self.clients.clone();
        clients.extend(fresh.iter().cloned());
        let mut trial = Trial {
            world: self.timeline.world().clone(),
            clients,
            rules: self.driver.rules.clone(),
            steps: Vec::new(),
        };
        carry_out(&mut trial, act)?;
        self.room()?;
        for (name, id) in fresh {
            self.camera.name(id, &name);
            self.clients.insert(name, id);
        }
        let mut driver = Driver::clone(&self.driver);
        driver.rules = trial.rules;
        self.drive(driver);
        let mut made = Made::only(More::Nothing);
        for step in &trial.steps {
            self.apply(step, false, &mut made);
        }
        if trial.steps.is_empty() {
            self.keep_driver();
        }
        Ok(made)
    }

    /// Goes to a position; with `forget` the later steps of the branch go.
    pub(super) fn seek(
        &mut self,
        branch: BranchId,
        position: usize,
        forget: bool,
    ) -> Result<Made, Problem> {
        if forget {
            if !self.timeline.forget(branch, position) {
                return Err(cannot("another branch begins in what is to be forgotten"));
            }
            let own = self.timeline.branches()[branch.0].steps.len();
            self.notes[branch.0].truncate(own);
        }
        self.timeline.go_to(branch, position);
        self.look_anew();
        Ok(Made::only(More::Nothing))
    }

    /// A part of a branch, without going there.
    pub(super) fn frames(&self, branch: BranchId, from: usize, to: usize) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut camera = None;
        self.timeline.replay(branch, from, to, |world, step, events| {
            let camera = camera.get_or_insert_with(|| self.camera_at(world, from));
            if let Some(step) = step {
                frames.push(camera.look(world, step, events));
            }
        });
        frames
    }

    /// Everything that happened on the way to the present position.
    pub(super) fn events(&self) -> Vec<TraceEvent> {
        let mut all = self.begin.clone();
        let (branch, position) = (self.timeline.branch(), self.timeline.position());
        self.timeline.replay(branch, 0, position, |_, _, events| all.extend_from_slice(events));
        all
    }

    /// A player at the present position, who may run ahead; with the events so far if they count.
    pub(super) fn player(&self, with_events: bool) -> Player {
        let events = if with_events { self.events() } else { Vec::new() };
        let rows = events.iter().map(Row::of).collect();
        let world = self.timeline.world().clone();
        Player::ahead(world, self.clients.clone(), Driver::clone(&self.driver), rows)
    }

    /// Goes on where a file's moves are played; see [`super::open`].
    pub(super) fn jump(&mut self, branch: BranchId, position: usize) {
        self.timeline.go_to(branch, position);
        self.look_anew();
    }

    /// Begins an empty branch at the present position and goes to it.
    pub(super) fn fork(&mut self) {
        self.timeline.fork();
        self.notes.push(Vec::new());
    }

    /// Takes the step that the chooser wants.
    pub(super) fn choose(&mut self) -> Result<(), Problem> {
        let made = self.advance(Mono(u64::MAX), 1)?;
        match made.frames.is_empty() {
            true => Err(cannot("nothing can happen any more")),
            false => Ok(()),
        }
    }

    /// Takes a step, which does nothing if it is not possible.
    pub(super) fn play_step(&mut self, step: &Step) -> Result<(), Problem> {
        self.take(step, false, &mut Made::only(More::Nothing))
    }

    /// For each step of a branch from the beginning of the run, whether the chooser picked it.
    pub(super) fn autos(&self, branch: BranchId) -> impl Iterator<Item = bool> {
        (0..self.timeline.len(branch)).map(move |place| {
            let owner = self.owner(branch, place + 1);
            owner.is_some_and(|(owner, place)| self.notes[owner.0][place].auto)
        })
    }

    fn take(&mut self, step: &Step, auto: bool, made: &mut Made) -> Result<(), Problem> {
        self.room()?;
        let mut steps = vec![(step.clone(), auto)];
        while let Some((step, auto)) = steps.pop() {
            let seen = made.events.len();
            self.apply(&step, auto, made);
            let mut driver = Driver::clone(&self.driver);
            let wanted = driver.rules.after(self.timeline.world(), &made.events[seen..]);
            if driver != *self.driver {
                self.drive(driver);
                self.keep_driver();
            }
            steps.extend(wanted.into_iter().map(|step| (step, false)));
        }
        Ok(())
    }

    /// Takes one step and nothing more.
    fn apply(&mut self, step: &Step, auto: bool, made: &mut Made) {
        let branches = self.timeline.branches().len();
        let events = self.timeline.apply(step);
        if self.timeline.branches().len() > branches {
            self.notes.push(Vec::new());
        }
        let note = Note { auto, after: Arc::clone(&self.driver) };
        let branch = self.timeline.branch();
        let start = self.start(branch);
        let place = self.timeline.position() - 1;
        if place >= start {
            let notes = &mut self.notes[branch.0];
            match notes.get_mut(place - start) {
                // The same step again.
                Some(known) => known.after = note.after,
                None => notes.push(note),
            }
        }
        made.frames.push(self.camera.look(self.timeline.world(), step, &events));
        made.events.extend(events);
    }

    fn drive(&mut self, driver: Driver) {
        if driver != *self.driver {
            self.driver = Arc::new(driver);
        }
    }

    /// Remembers the present driver for the present position.
    fn keep_driver(&mut self) {
        let (branch, position) = (self.timeline.branch(), self.timeline.position());
        match self.owner(branch, position) {
            Some((owner, place)) => self.notes[owner.0][place].after = Arc::clone(&self.driver),
            None => self.first = Arc::clone(&self.driver),
        }
    }

    fn look_anew(&mut self) {
        let (branch, position) = (self.timeline.branch(), self.timeline.position());
        self.driver = match self.owner(branch, position) {
            Some((owner, place)) => Arc::clone(&self.notes[owner.0][place].after),
            None => Arc::clone(&self.first),
        };
        self.camera = self.camera_at(self.timeline.world(), position);
    }

    fn camera_at(&self, world: &World, position: usize) -> Camera {
        let names = self.names();
        let shown = names.iter().take(self.shown).map(|(id, name)| (*id, name.clone())).collect();
        let mut camera = Camera::new(world, position as u64, &shown);
        for (id, name) in &names {
            camera.name(*id, name);
        }
        camera
    }

    /// The branch that has the last of the first `position` steps of this one, and where.
    fn owner(&self, branch: BranchId, position: usize) -> Option<(BranchId, usize)> {
        let mut branch = branch;
        let last = position.checked_sub(1)?;
        while last < self.start(branch) {
            branch = self.timeline.branches()[branch.0].parent?.0;
        }
        Some((branch, last - self.start(branch)))
    }

    /// How many steps there are before a branch's own ones.
    pub(super) fn start(&self, branch: BranchId) -> usize {
        self.timeline.branches()[branch.0].parent.map_or(0, |(_, at)| at)
    }

    /// Whether a step may be taken: it may begin a branch.
    fn room(&self) -> Result<(), Problem> {
        if self.timeline.position() as u64 >= STEPS_MAX {
            return Err(cannot(format!("more than {STEPS_MAX} steps")));
        }
        let at_end = self.timeline.position() == self.timeline.len(self.timeline.branch());
        if !at_end && self.timeline.branches().len() >= BRANCHES_MAX {
            return Err(cannot(format!("more than {BRANCHES_MAX} branches")));
        }
        Ok(())
    }

    /// The clients that an act names for the first time, with their numbers.
    fn fresh_clients(&self, act: &Act) -> Result<Vec<(String, ClientId)>, Problem> {
        let mut fresh: Vec<(String, ClientId)> = Vec::new();
        for name in clients_of(act) {
            let known =
                self.clients.contains_key(name) || fresh.iter().any(|(other, _)| other == name);
            if known {
                continue;
            }
            let number = self.clients.len() + fresh.len() + 1;
            if number > CLIENTS_MAX {
                return Err(cannot(format!("more than {CLIENTS_MAX} clients")));
            }
            fresh.push((name.to_owned(), ClientId(number as u32)));
        }
        Ok(fresh)
    }
}

/// The clients that an act names.
fn clients_of(act: &Act) -> Vec<&str> {
    let names: Vec<&String> = match act {
        Act::Client { client, .. } => vec![client],
        Act::CutOneWay(Way { from, to })
        | Act::Delay(Way { from, to }, _)
        | Act::Hold(Way { from, to }, _)
        | Act::Release(Way { from, to })
        | Act::Lose(Way { from, to }, _)
        | Act::Reset(from, to)
        | Act::Deliver(Way { from, to }, _) => {
            [from, to].into_iter().filter_map(client_of).collect()
        }
        _ => Vec::new(),
    };
    names.into_iter().map(String::as_str).collect()
}

fn client_of(host: &HostName) -> Option<&String> {
    match host {
        HostName::Client(name) => Some(name),
        HostName::Server(_) => None,
    }
}

/// A copy on which an act is tried.
struct Trial {
    world: World,
    clients: SortedMap<String, ClientId>,
    rules: Rules,
    steps: Vec<Step>,
}

impl Actor for Trial {
    fn world(&self) -> &World {
        &self.world
    }

    fn clients(&self) -> &SortedMap<String, ClientId> {
        &self.clients
    }

    fn rules(&mut self) -> &mut Rules {
        &mut self.rules
    }

    fn apply(&mut self, step: &Step) {
        let mut steps = vec![step.clone()];
        while let Some(step) = steps.pop() {
            let events = self.world.apply(&step);
            steps.extend(self.rules.after(&self.world, &events));
            self.steps.push(step);
        }
    }
}
