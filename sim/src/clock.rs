//! The clocks of one server: a monotonic one that may run fast or slow, and a wall clock that may
//! jump. World time is the truth; a server only ever sees its own clocks.

use zablab_core::types::{Mono, Now, WallMs};

const MILLION: u128 = 1_000_000;

/// The clocks of one server since its last start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Clock {
    /// When the process was started, in world time.
    started: Mono,
    /// Rate of the monotonic clock, in millionths of the world's.
    rate: u32,
    /// The wall clock at world time 0, jumps included.
    wall: WallMs,
}

impl Clock {
    /// A clock that runs `ppm` millionths faster than the world's (slower if negative).
    ///
    /// # Panics
    /// If the rate is off by more than 100,000 millionths, the most that the fault model allows.
    pub fn new(ppm: i32, wall: WallMs) -> Clock {
        assert!(ppm.abs() <= 100_000, "a clock off by more than 10 %");
        Clock { started: Mono(0), rate: (1_000_000 + ppm) as u32, wall }
    }

    /// A new process begins to count at `now`.
    pub fn restart(&mut self, now: Mono) {
        self.started = now;
    }

    /// The monotonic clock alone goes ahead by this many µs of the world's time, for which the
    /// world must have run.
    pub(crate) fn skip(&mut self, us: u64) {
        self.started = Mono(self.started.0.saturating_sub(us));
    }

    /// The wall clock jumps.
    pub fn jump(&mut self, by_ms: i64) {
        self.wall = WallMs(self.wall.0.saturating_add(by_ms));
    }

    /// What the server reads at `now`.
    pub fn read(&self, now: Mono) -> Now {
        let elapsed_us = u128::from(now.0 - self.started.0);
        let mono = Mono((elapsed_us * u128::from(self.rate) / MILLION) as u64);
        Now { mono, wall: WallMs(self.wall.0.saturating_add(now.as_ms() as i64)) }
    }

    /// The first moment of world time at which the server reads `local` or more.
    pub fn due(&self, local: Mono) -> Mono {
        let elapsed_us = (u128::from(local.0) * MILLION).div_ceil(u128::from(self.rate));
        Mono(self.started.0 + elapsed_us as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_reached_at_its_moment_and_not_before() {
        for ppm in [-100_000, -333, 0, 1, 77_777, 100_000] {
            let mut clock = Clock::new(ppm, WallMs(5));
            clock.restart(Mono(123_456));
            for local in [0, 1, 999, 2_000_000, 123_456_789] {
                let due = clock.due(Mono(local));
                assert!(clock.read(due).mono >= Mono(local), "{ppm} {local}");
                if due > Mono(123_456) {
                    assert!(clock.read(Mono(due.0 - 1)).mono < Mono(local), "{ppm} {local}");
                }
            }
        }
    }
}
