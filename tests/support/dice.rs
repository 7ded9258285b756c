//! Random moments that can be had again: every fault test rolls its dice once, says with which
//! seed, and takes all its randomness from there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// A test's randomness.
#[derive(Debug)]
pub struct Dice {
    seed: u64,
    random: SmallRng,
}

impl Dice {
    /// New dice, or those of `LIFEBOAT_FAULT_SEED`. The seed is printed.
    #[must_use]
    pub fn of(test: &str) -> Self {
        let seed = number("LIFEBOAT_FAULT_SEED").unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            now.as_nanos() as u64 % 1_000_000_000
        });
        show(&format!("{test}: seed {seed} (LIFEBOAT_FAULT_SEED={seed} replays it)"));
        Self { seed, random: SmallRng::seed_from_u64(seed) }
    }

    /// What it was made from.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// A number from 0 to below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.random.random_range(0..end.max(1))
    }

    /// A time from zero to below `end`, in microseconds.
    pub fn within(&mut self, end: Duration) -> Duration {
        Duration::from_micros(self.below(end.as_micros() as u64))
    }
}

/// Whether the long form was asked for, with `LIFEBOAT_FAULT_FORM=long`; `make faults` does.
#[must_use]
pub fn is_long() -> bool {
    std::env::var("LIFEBOAT_FAULT_FORM").is_ok_and(|form| form == "long")
}

/// How often something is done: so often in the short form, so often in the long one, both times
/// `LIFEBOAT_FAULT_RUNS`.
#[must_use]
pub fn times(short: usize, long: usize) -> usize {
    let runs = number("LIFEBOAT_FAULT_RUNS").unwrap_or(1) as usize;
    runs * if is_long() { long } else { short }
}

/// A size of the short or the long form, however often it is run.
#[must_use]
pub fn sized<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

/// Prints a line that belongs to the result of a test.
pub fn show(line: &str) {
    #[expect(clippy::print_stdout, reason = "what a fault test saw is its result")]
    {
        println!("{line}");
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
