//! An allowance: so much per second, and a burst of what was not used.

use std::time::Duration;

/// A token bucket. Times are those of the caller's clock.
#[derive(Debug, Clone)]
pub struct Allowance {
    per_second: f64,
    burst: f64,
    left: f64,
    counted_at: Duration,
}

impl Allowance {
    /// A full allowance of `per_second`, of which `burst` may be used at once.
    #[must_use]
    pub fn new(per_second: f64, burst: f64, now: Duration) -> Self {
        Self { per_second, burst, left: burst, counted_at: now }
    }

    /// Takes `amount` if that much is left, else nothing.
    #[must_use]
    pub fn take(&mut self, amount: f64, now: Duration) -> bool {
        let granted = self.left(now) >= amount;
        if granted {
            self.left -= amount;
        }
        granted
    }

    /// Takes up to `amount`, and says how much it was.
    pub fn take_up_to(&mut self, amount: f64, now: Duration) -> f64 {
        let taken = amount.min(self.left(now));
        self.left -= taken;
        taken
    }

    fn left(&mut self, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.counted_at).as_secs_f64();
        self.counted_at = self.counted_at.max(now);
        self.left = (self.left + passed * self.per_second).min(self.burst);
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_comes_back_with_time() {
        let mut allowance = Allowance::new(2.0, 3.0, Duration::ZERO);
        let taken = (0..10).filter(|_| allowance.take(1.0, Duration::ZERO)).count();
        assert_eq!(taken, 3);
        assert!(!allowance.take(1.0, Duration::from_millis(400)));
        assert!(allowance.take(1.0, Duration::from_millis(500)));
    }

    #[test]
    fn no_more_than_the_burst_is_saved_up() {
        let mut allowance = Allowance::new(2.0, 3.0, Duration::ZERO);
        assert!((allowance.take_up_to(9.0, Duration::from_hours(1)) - 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_clock_that_steps_back_grants_nothing() {
        let mut allowance = Allowance::new(1.0, 1.0, Duration::from_secs(9));
        assert!(allowance.take(1.0, Duration::from_secs(9)));
        assert!(!allowance.take(1.0, Duration::from_secs(1)));
        assert!(!allowance.take(1.0, Duration::from_millis(9_500)));
    }
}
