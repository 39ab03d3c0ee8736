//! The core's own random numbers: xoshiro256** seeded by splitmix64.
//!
//! Its outputs are pinned by a test, because a seed in a bug report must mean the same run in
//! every later version; so no crate whose outputs may change, no floats, and no secrets from it.
//! Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2018);
//! Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).

/// A seeded generator. Equal seeds give equal numbers on every machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prng {
    state: [u64; 4],
}

impl Prng {
    /// The generator of `seed`; every seed is a good one, 0 included.
    pub fn new(seed: u64) -> Prng {
        let mut state = seed;
        Prng { state: core::array::from_fn(|_| splitmix64(&mut state)) }
    }

    /// The next number, uniform over all of `u64`.
    pub fn next_u64(&mut self) -> u64 {
        let state = &mut self.state;
        let result = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// A number in `0..n`, uniform.
    ///
    /// # Panics
    /// If `n` is 0: there is no such number.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "no number is below 0");
        // The high half of a 64 by 64 bit product is uniform once the few low halves that some
        // results have in excess are drawn again (Lemire 2019).
        let excess = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            if product as u64 >= excess {
                return (product >> 64) as u64;
            }
        }
    }
}

fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changing these numbers makes every recorded seed mean another run.
    #[test]
    fn outputs_are_pinned() {
        let mut zero = Prng::new(0);
        let first: [u64; 4] = core::array::from_fn(|_| zero.next_u64());
        let expected = [
            0x99ec_5f36_cb75_f2b4,
            0xbf6e_1f78_4956_452a,
            0x1a5f_849d_4933_e6e0,
            0x6aa5_94f1_262d_2d2c,
        ];
        assert_eq!(first, expected, "{first:#x?}");
        let mut die = Prng::new(42);
        let rolls: [u64; 12] = core::array::from_fn(|_| die.below(6));
        assert_eq!(rolls, [0, 2, 4, 5, 5, 4, 4, 5, 4, 3, 4, 1]);
    }

    #[test]
    fn below_reaches_every_number_about_equally_often() {
        let mut prng = Prng::new(7);
        let mut seen = [0u32; 5];
        for _ in 0..10_000 {
            seen[prng.below(5) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (1850..2150).contains(count)), "{seen:?}");
    }

    #[test]
    fn below_one_is_zero_and_below_the_greatest_ends() {
        let mut prng = Prng::new(1);
        assert_eq!(prng.below(1), 0);
        assert!(prng.below(u64::MAX) < u64::MAX);
    }
}
