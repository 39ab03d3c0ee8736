//! Who decides what happens next. The only nondeterminism of a run is here.

use std::collections::VecDeque;

use zablab_core::prng::Prng;

use crate::agenda::{Agenda, Entry};
use crate::step::Step;

/// Picks the next step.
pub trait Chooser {
    /// The next step, or `None` to stop.
    fn choose(&mut self, agenda: &Agenda) -> Option<Step>;
}

/// Takes what is due first: the order of a quiet network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fifo;

impl Chooser for Fifo {
    fn choose(&mut self, agenda: &Agenda) -> Option<Step> {
        agenda.first().map(Entry::step)
    }
}

/// Mostly takes what is due first, and now and then lets something else overtake it. How often and
/// how far is drawn from the seed, so that runs differ in kind and not only in detail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Random {
    prng: Prng,
    /// One step in this many overtakes.
    one_in: u64,
    /// By at most this many places.
    reach: u64,
}

impl Random {
    /// The chooser of this seed.
    pub fn new(seed: u64) -> Random {
        let mut prng = Prng::new(seed);
        let one_in = [2, 5, 20, 100][prng.below(4) as usize];
        let reach = [2, 4, 16][prng.below(3) as usize];
        Random { prng, one_in, reach }
    }
}

impl Chooser for Random {
    fn choose(&mut self, agenda: &Agenda) -> Option<Step> {
        let place = match self.prng.below(self.one_in) {
            0 => self.prng.below(self.reach.min(agenda.len().max(1) as u64)),
            _ => 0,
        };
        agenda.iter().nth(place as usize).map(Entry::step)
    }
}

/// Plays a list of steps.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recorded {
    steps: VecDeque<Step>,
}

impl Recorded {
    /// Plays these steps, and then stops.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Recorded {
        Recorded { steps: steps.into_iter().collect() }
    }
}

impl Chooser for Recorded {
    fn choose(&mut self, _agenda: &Agenda) -> Option<Step> {
        self.steps.pop_front()
    }
}

/// Takes what somebody pointed at, and stops when nobody did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manual {
    next: Option<Step>,
}

impl Manual {
    /// The next step is to be this one.
    pub fn point_at(&mut self, step: Step) {
        self.next = Some(step);
    }
}

impl Chooser for Manual {
    fn choose(&mut self, _agenda: &Agenda) -> Option<Step> {
        self.next.take()
    }
}
