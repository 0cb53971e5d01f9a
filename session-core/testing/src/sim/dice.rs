//! Chance that a seed decides.

use std::time::Duration;

use parking_lot::Mutex;

use session_core::entropy::{Entropy, NoEntropy};

/// Chance as a function: the same question has the same answer, whoever asks first.
#[derive(Clone, Copy, Debug)]
pub struct Dice {
    seed: u64,
}

/// A short sequence of random numbers.
#[derive(Clone, Debug)]
pub struct Roll {
    state: u64,
}

impl Dice {
    /// Everything follows from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The numbers that belong to `question`.
    #[must_use]
    pub fn roll(&self, question: &[u64]) -> Roll {
        let mut roll = Roll { state: self.seed };
        for part in question {
            roll.state = roll.draw() ^ *part;
        }
        roll.draw();
        roll
    }
}

impl Roll {
    /// The next number (`SplitMix64`).
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; zero when there is none.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.draw().checked_rem(limit).unwrap_or(0)
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Whole milliseconds below `limit`.
    pub fn millis(&mut self, limit: u64) -> Duration {
        Duration::from_millis(self.below(limit))
    }

    /// One of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(choices.len()).unwrap_or(0);
        usize::try_from(self.below(count))
            .ok()
            .and_then(|at| choices.get(at))
    }
}

/// Randomness for [`session_core::service::Parts`].
#[derive(Debug)]
pub struct SimEntropy(Mutex<Roll>);

impl SimEntropy {
    /// Random bytes from `roll`.
    #[must_use]
    pub fn new(roll: Roll) -> Self {
        Self(Mutex::new(roll))
    }
}

impl Entropy for SimEntropy {
    fn fill(&self, into: &mut [u8]) -> Result<(), NoEntropy> {
        let mut roll = self.0.lock();
        for chunk in into.chunks_mut(8) {
            for (to, from) in chunk.iter_mut().zip(roll.draw().to_le_bytes()) {
                *to = from;
            }
        }
        Ok(())
    }
}
