//! A distribution in four figures.

use serde::{Deserialize, Serialize};

/// How many values there were, and what the middle, the slow and the slowest one were.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// How many values.
    pub n: usize,
    /// Half of them are at most this.
    pub p50: u64,
    /// 99 of 100 are at most this.
    pub p99: u64,
    /// All are at most this.
    pub max: u64,
}

/// The figures of `values`, by the nearest rank.
#[must_use]
pub fn figures(mut values: Vec<u64>) -> Figures {
    values.sort_unstable();
    let rank = |percent: usize| {
        let index = (values.len() * percent).div_ceil(100).saturating_sub(1);
        values.get(index).copied().unwrap_or(0)
    };
    Figures { n: values.len(), p50: rank(50), p99: rank(99), max: rank(100) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rank_is_taken() {
        assert_eq!(figures(Vec::new()), Figures::default());
        assert_eq!(figures(vec![7]), Figures { n: 1, p50: 7, p99: 7, max: 7 });
        let hundred = figures((1..=100).rev().collect());
        assert_eq!(hundred, Figures { n: 100, p50: 50, p99: 99, max: 100 });
    }
}
