//! Time travel: a start, the steps that were taken, and copies of the world along the way.
//!
//! Going to a moment takes the nearest copy before it and plays the rest. Acting in the past begins
//! a branch, which shares everything before it. Not here: what a step means ([`crate::world`]).

use std::sync::Arc;

use zablab_core::sorted::SortedMap;

use crate::given::Given;
use crate::io::GivenDiskError;
use crate::step::Step;
use crate::teaching::Teaching;
use crate::trace::TraceEvent;
use crate::world::World;

/// The most copies of the world that a timeline keeps; at this number every second one goes.
pub const CHECKPOINTS_MAX: usize = 48;
/// Steps between two copies at first.
const SPACING_MIN: usize = 64;

/// A branch's number, in the order of their beginnings. Branch 0 is the first one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct BranchId(pub usize);

/// A line of steps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branch {
    /// The branch that it left, and after how many of all steps of that one; `None` for the first.
    pub parent: Option<(BranchId, usize)>,
    /// The steps since then.
    pub steps: Vec<Step>,
}

/// A run that can be rewound.
#[derive(Clone, Debug)]
pub struct Timeline {
    origin: World,
    branches: Vec<Branch>,
    current: BranchId,
    position: usize,
    world: World,
    checkpoints: SortedMap<(BranchId, usize), World>,
    spacing: usize,
}

impl Timeline {
    /// A run at its beginning.
    ///
    /// # Errors
    /// If no server could have left a disk that is given.
    pub fn new(given: Arc<Given>, policy: Teaching) -> Result<Timeline, GivenDiskError> {
        Ok(Timeline::at(World::new(given, policy)?))
    }

    /// A run that begins with this world.
    pub fn at(world: World) -> Timeline {
        Timeline {
            origin: world.clone(),
            branches: vec![Branch { parent: None, steps: Vec::new() }],
            current: BranchId(0),
            position: 0,
            world,
            checkpoints: SortedMap::new(),
            spacing: SPACING_MIN,
        }
    }

    /// The world at the beginning.
    pub fn origin(&self) -> &World {
        &self.origin
    }

    /// The world at the present position.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// How many steps from the beginning the present position is.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The branch that is being looked at.
    pub fn branch(&self) -> BranchId {
        self.current
    }

    /// All branches, by number.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// How many steps a branch has, those before its beginning included.
    pub fn len(&self, branch: BranchId) -> usize {
        let Some(line) = self.branches.get(branch.0) else { return 0 };
        line.parent.map_or(0, |(_, at)| at) + line.steps.len()
    }

    /// True if no step was taken yet.
    pub fn is_empty(&self) -> bool {
        self.branches.len() == 1 && self.branches[0].steps.is_empty()
    }

    /// Takes a step at the present position. If there are later steps, and this is not the next
    /// of them, a branch begins here.
    pub fn apply(&mut self, step: &Step) -> Vec<TraceEvent> {
        if self.position == self.len(self.current) {
            self.branches[self.current.0].steps.push(step.clone());
        } else if self.step_at(self.current, self.position) != Some(step) {
            let parent = Some((self.current, self.position));
            self.branches.push(Branch { parent, steps: vec![step.clone()] });
            self.current = BranchId(self.branches.len() - 1);
        }
        self.advance(step)
    }

    /// Begins a branch without steps at the present position and goes to it.
    pub fn fork(&mut self) {
        let parent = Some((self.current, self.position));
        self.branches.push(Branch { parent, steps: Vec::new() });
        self.current = BranchId(self.branches.len() - 1);
    }

    /// Forgets the steps of a branch after a position, as if they had not been taken; those before
    /// the branch began stay. False, and nothing happens, if there is no such branch, or if
    /// another branch begins later on it.
    pub fn forget(&mut self, branch: BranchId, position: usize) -> bool {
        let later = |(from, at): (BranchId, usize)| from == branch && at > position;
        let leaves = |other: &Branch| other.parent.is_some_and(later);
        if branch.0 >= self.branches.len() || self.branches.iter().any(leaves) {
            return false;
        }
        if self.current == branch {
            self.go_to(branch, self.position.min(position));
        }
        let line = &mut self.branches[branch.0];
        let start = line.parent.map_or(0, |(_, at)| at);
        line.steps.truncate(position.saturating_sub(start));
        self.checkpoints.retain(|(of, at), _| *of != branch || *at <= position.max(start));
        self.position = self.position.min(self.len(self.current));
        true
    }

    /// Plays a part of a branch again, from after the first `from` steps to after the first `to`,
    /// without going there. `look` sees the world before the first of them with no step, and then
    /// the world after each step and what happened in it.
    pub fn replay(
        &self,
        branch: BranchId,
        from: usize,
        to: usize,
        mut look: impl FnMut(&World, Option<&Step>, &[TraceEvent]),
    ) {
        if branch.0 >= self.branches.len() {
            return;
        }
        let (to, from) = (to.min(self.len(branch)), from.min(self.len(branch)));
        let (at, mut world) = match self.nearest(branch, from) {
            Some((at, world)) => (at, world.clone()),
            None => (0, self.origin.clone()),
        };
        for step in (at..from).filter_map(|position| self.step_at(branch, position)) {
            world.apply(step);
        }
        look(&world, None, &[]);
        for step in (from..to).filter_map(|position| self.step_at(branch, position)) {
            let events = world.apply(step);
            look(&world, Some(step), &events);
        }
    }

    /// Goes to a position of the present branch. Positions past its end mean its end.
    pub fn seek(&mut self, position: usize) {
        self.go_to(self.current, position);
    }

    /// Goes to a position of a branch; nothing happens if there is no such branch.
    pub fn go_to(&mut self, branch: BranchId, position: usize) {
        if branch.0 >= self.branches.len() {
            return;
        }
        let position = position.min(self.len(branch));
        let ahead = branch == self.current && position >= self.position;
        let (at, world) = match self.nearest(branch, position) {
            Some((at, _)) if ahead && at <= self.position => (self.position, None),
            Some((at, world)) => (at, Some(world.clone())),
            None if ahead => (self.position, None),
            None => (0, Some(self.origin.clone())),
        };
        if let Some(world) = world {
            self.world = world;
        }
        self.current = branch;
        self.position = at;
        while self.position < position {
            let step = self.step_at(branch, self.position).cloned();
            let step = step.expect("every position before the end of a branch has a step");
            self.advance(&step);
        }
    }

    /// All steps of a branch from the beginning.
    pub fn steps(&self, branch: BranchId) -> impl Iterator<Item = &Step> {
        (0..self.len(branch)).filter_map(move |position| self.step_at(branch, position))
    }

    /// The step after the first `position` ones of a branch.
    pub fn step_at(&self, branch: BranchId, position: usize) -> Option<&Step> {
        let mut line = self.branches.get(branch.0)?;
        while let Some((parent, at)) = line.parent {
            if position >= at {
                return line.steps.get(position - at);
            }
            line = &self.branches[parent.0];
        }
        line.steps.get(position)
    }

    /// The last checkpoint of a branch at or before a position.
    fn nearest(&self, branch: BranchId, position: usize) -> Option<(usize, &World)> {
        let (mut branch, mut position) = (branch, position);
        loop {
            let start = self.branches[branch.0].parent;
            let first = start.map_or(0, |(_, at)| at);
            let mut own = self.checkpoints.range((branch, first)..=(branch, position.max(first)));
            if let Some(((_, at), world)) = own.next_back()
                && *at <= position
            {
                return Some((*at, world));
            }
            let (parent, at) = start?;
            (branch, position) = (parent, position.min(at));
        }
    }

    fn advance(&mut self, step: &Step) -> Vec<TraceEvent> {
        let events = self.world.apply(step);
        self.position += 1;
        if self.position.is_multiple_of(self.spacing) {
            self.keep_checkpoint();
        }
        events
    }

    fn keep_checkpoint(&mut self) {
        let key = (self.current, self.position);
        if self.checkpoints.contains_key(&key) {
            return;
        }
        if self.checkpoints.len() == CHECKPOINTS_MAX {
            self.spacing *= 2;
            let spacing = self.spacing;
            self.checkpoints.retain(|(_, at), _| at.is_multiple_of(spacing));
        }
        if self.position.is_multiple_of(self.spacing) {
            self.checkpoints.insert(key, self.world.clone());
        }
    }
}
