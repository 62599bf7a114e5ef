//! Chance, and the count of what it did.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::rates::{Mistake, rate};
use super::systems::System;

/// How often a mistake was drawn, and how often it happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chance {
    /// Times that it could have happened.
    pub tries: u32,
    /// Times that it did.
    pub hits: u32,
}

/// Every mistake that was made, by system.
pub type Tally = BTreeMap<(System, Mistake), Chance>;

/// One system's chance. Each system has a stream of its own, so that a change to one leaves the others as they were.
#[derive(Debug)]
pub struct Dice<'a> {
    system: System,
    tally: &'a mut Tally,
    /// For what is no mistake.
    pub rng: ChaCha8Rng,
}

impl<'a> Dice<'a> {
    /// The dice of one system under one seed.
    pub fn new(seed: u64, system: System, tally: &'a mut Tally) -> Self {
        Dice { system, tally, rng: stream(seed, system, 0) }
    }

    /// Whether a mistake happens this time.
    pub fn happens(&mut self, mistake: Mistake) -> bool {
        let happened = rand::Rng::random_bool(&mut self.rng, rate(self.system, mistake));
        let chance = self.tally.entry((self.system, mistake)).or_default();
        chance.tries += 1;
        chance.hits += u32::from(happened);
        happened
    }
}

/// A stream of random numbers for one system's records (part 0) or its other tables (from 1).
pub fn stream(seed: u64, system: System, part: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Stream 0 is the population's.
    rng.set_stream(1 + part * 16 + system as u64);
    rng
}
