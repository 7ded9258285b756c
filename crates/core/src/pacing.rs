//! Pacing: how many may do something in each second, and whose turn is when.

mod turnstile;

use std::time::Duration;

pub use turnstile::{FAR_TURN_RETRY, Turnstile};

use crate::time::Timestamp;

const MICROS_PER_SECOND: f64 = 1_000_000.0;
/// How far ahead of its time a pacer can be brought by those who do not ask it.
const DEBT_MAX_US: i64 = 1_000_000;

/// A rate per second, above zero and finite.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// The slowest rate: one in a thousand seconds.
    pub const MIN: Self = Self(0.001);
    /// The fastest rate, at which pacing no longer shows.
    pub const MAX: Self = Self(1_000_000.0);

    /// A rate, moved into the range from [`Rate::MIN`] to [`Rate::MAX`].
    #[must_use]
    pub fn per_second(rate: f64) -> Self {
        if rate.is_nan() { Self::MIN } else { Self(rate.clamp(Self::MIN.0, Self::MAX.0)) }
    }

    /// How many in a second.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    fn interval_us(self) -> i64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "at most 1e9, since Rate has a minimum"
        )]
        let interval = (MICROS_PER_SECOND / self.0).round() as i64;
        interval.max(1)
    }
}

fn to_us(at: Timestamp) -> i64 {
    at.as_ms().saturating_mul(1000)
}

/// The same number of people after `now`, each taking another time.
fn rescaled(next_us: i64, before_us: i64, interval_us: i64, now: Timestamp) -> i64 {
    let owed = next_us.saturating_sub(to_us(now));
    if owed <= 0 {
        return next_us;
    }
    let owed = i128::from(owed) * i128::from(interval_us) / i128::from(before_us);
    to_us(now).saturating_add(i64::try_from(owed).unwrap_or(i64::MAX))
}

/// Rounds up, so that whoever waits that long is not refused for a fraction of a millisecond.
fn to_timestamp(us: i64) -> Timestamp {
    Timestamp::from_ms(us.div_euclid(1000) + i64::from(us.rem_euclid(1000) != 0))
}

/// Lets through at most its rate, with a bounded burst (the generic cell rate algorithm: the next
/// free moment is remembered, nothing has to be refilled).
#[derive(Debug, Clone)]
pub struct Pacer {
    interval_us: i64,
    tolerance_us: i64,
    next_us: i64,
}

impl Pacer {
    /// A pacer that lets `burst` extra through at once after a time of rest.
    #[must_use]
    pub fn new(rate: Rate, burst: f64, now: Timestamp) -> Self {
        let mut pacer =
            Self { interval_us: rate.interval_us(), tolerance_us: 0, next_us: to_us(now) };
        pacer.set_rate(rate, burst, now);
        pacer
    }

    /// Goes on with another rate. Whoever was let through before still counts, each as much as one
    /// does now: after a slow time nobody waits for what it would have cost then.
    pub fn set_rate(&mut self, rate: Rate, burst: f64, now: Timestamp) {
        self.next_us = rescaled(self.next_us, self.interval_us, rate.interval_us(), now);
        self.interval_us = rate.interval_us();
        #[expect(clippy::cast_possible_truncation, reason = "bursts are small and not negative")]
        let extra = (burst.max(0.0) * MICROS_PER_SECOND / rate.get()) as i64;
        self.tolerance_us = extra;
    }

    /// Lets one through now, or says how long it has to wait.
    ///
    /// # Errors
    /// The time until one could pass, if nobody else took it.
    pub fn try_take(&mut self, now: Timestamp) -> Result<(), Duration> {
        let now_us = to_us(now);
        let next_us = self.next_us.max(now_us);
        let early_us = next_us - self.tolerance_us - now_us;
        if early_us > 0 {
            let wait_ms = early_us.div_euclid(1000) + i64::from(early_us.rem_euclid(1000) != 0);
            return Err(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0)));
        }
        self.next_us = next_us + self.interval_us;
        Ok(())
    }

    /// Counts one that passes without asking, because its turn was planned elsewhere: whoever asks
    /// comes after it. What is owed so is forgotten beyond a second.
    pub fn charge(&mut self, now: Timestamp) {
        let now_us = to_us(now);
        let owed_us = self.next_us.max(now_us) + self.interval_us;
        let most_us = now_us + self.tolerance_us + DEBT_MAX_US;
        self.next_us = owed_us.min(most_us.max(self.next_us));
    }

    /// Takes the burst away; it is earned anew from now on.
    pub fn spend_burst(&mut self, now: Timestamp) {
        self.next_us = self.next_us.max(to_us(now) + self.tolerance_us);
    }

    /// Gives back one that was let through and not used.
    pub fn give_back(&mut self) {
        self.next_us -= self.interval_us;
    }
}

/// Hands out turns one after another at a rate: the slots of a move.
#[derive(Debug, Clone)]
pub struct SlotLine {
    interval_us: i64,
    next_us: i64,
}

impl SlotLine {
    /// A line whose first slot is at `start`.
    #[must_use]
    pub fn new(rate: Rate, start: Timestamp) -> Self {
        Self { interval_us: rate.interval_us(), next_us: to_us(start) }
    }

    /// Goes on at another rate; slots that were handed out stay.
    pub fn set_rate(&mut self, rate: Rate) {
        self.interval_us = rate.interval_us();
    }

    /// Goes on at another rate; who has a slot after `now` counts as if it had got it at that rate.
    pub fn rescale(&mut self, rate: Rate, now: Timestamp) {
        self.next_us = rescaled(self.next_us, self.interval_us, rate.interval_us(), now);
        self.interval_us = rate.interval_us();
    }

    /// The next free slot, not before `now`.
    pub fn assign(&mut self, now: Timestamp) -> Timestamp {
        let slot_us = self.next_us.max(to_us(now));
        self.next_us = slot_us + self.interval_us;
        to_timestamp(slot_us)
    }

    /// When the last slot that was handed out is over.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        to_timestamp(self.next_us)
    }
}

/// How long `sessions` slots take at `rate`.
#[must_use]
pub fn window(sessions: usize, rate: Rate) -> Duration {
    let gaps = sessions.saturating_sub(1);
    #[expect(clippy::cast_precision_loss, reason = "a number of sessions is far below 2^52")]
    Duration::from_secs_f64(gaps as f64 / rate.get())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_ms(1_000_000);

    #[test]
    fn a_pacer_lets_its_burst_through_and_then_one_an_interval() {
        let mut pacer = Pacer::new(Rate::per_second(10.0), 2.0, START);
        assert_eq!(pacer.try_take(START), Ok(()));
        assert_eq!(pacer.try_take(START), Ok(()));
        assert_eq!(pacer.try_take(START), Ok(()));
        assert_eq!(pacer.try_take(START), Err(Duration::from_millis(100)));
        assert_eq!(pacer.try_take(START + Duration::from_millis(100)), Ok(()));
    }

    #[test]
    fn after_a_slow_time_nobody_waits_for_what_it_would_have_cost_then() {
        let mut pacer = Pacer::new(Rate::per_second(0.02), 0.0, START);
        assert_eq!(pacer.try_take(START), Ok(()));
        assert_eq!(pacer.try_take(START), Err(Duration::from_secs(50)));
        pacer.set_rate(Rate::per_second(50.0), 0.0, START);
        assert_eq!(pacer.try_take(START), Err(Duration::from_millis(20)), "it counts as one");
        pacer.set_rate(Rate::per_second(0.02), 0.0, START);
        assert_eq!(pacer.try_take(START), Err(Duration::from_secs(50)));
        let later = START + Duration::from_mins(2);
        pacer.set_rate(Rate::per_second(1.0), 0.0, later);
        assert_eq!(pacer.try_take(later), Ok(()));
    }

    #[test]
    fn who_passes_without_asking_is_counted_for_a_second_at_the_most() {
        let mut pacer = Pacer::new(Rate::per_second(10.0), 0.0, START);
        pacer.charge(START);
        pacer.charge(START);
        assert_eq!(pacer.try_take(START), Err(Duration::from_millis(200)));
        (0..100).for_each(|_| pacer.charge(START));
        assert_eq!(pacer.try_take(START), Err(Duration::from_secs(1)));
        assert_eq!(pacer.try_take(START + Duration::from_secs(1)), Ok(()));
    }

    #[test]
    fn a_burst_that_was_spent_is_earned_anew() {
        let mut pacer = Pacer::new(Rate::per_second(10.0), 4.0, START);
        pacer.spend_burst(START);
        assert_eq!(pacer.try_take(START), Ok(()));
        assert_eq!(pacer.try_take(START), Err(Duration::from_millis(100)));
        let later = START + Duration::from_millis(500);
        assert_eq!((0..9).filter(|_| pacer.try_take(later).is_ok()).count(), 5);
    }

    #[test]
    fn slots_follow_one_another_at_the_rate() {
        let mut line = SlotLine::new(Rate::per_second(3.0), START);
        let slots: Vec<_> = (0..4).map(|_| (line.assign(START).as_ms()) - START.as_ms()).collect();
        assert_eq!(slots, [0, 334, 667, 1000]);
    }

    #[test]
    fn a_rate_is_never_zero_or_infinite() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let rate = Rate::per_second(rate);
            assert!(rate >= Rate::MIN && rate <= Rate::MAX);
        }
    }

    proptest! {
        #[test]
        fn no_second_sees_more_than_rate_and_burst(
            rate in 1.0f64..500.0,
            burst in 0.0f64..20.0,
            gaps in prop::collection::vec(0i64..50, 1..400),
        ) {
            let mut pacer = Pacer::new(Rate::per_second(rate), burst, START);
            let mut now = START;
            let mut passed = Vec::new();
            for gap in gaps {
                now = now + Duration::from_millis(gap.unsigned_abs());
                if pacer.try_take(now).is_ok() {
                    passed.push(now);
                }
            }
            for (index, first) in passed.iter().enumerate() {
                let within = passed[index..]
                    .iter()
                    .take_while(|at| at.since(*first) < Duration::from_secs(1))
                    .count();
                #[expect(clippy::cast_precision_loss, reason = "small")]
                let within = within as f64;
                prop_assert!(within <= rate + burst + 2.0, "{within} at rate {rate}, burst {burst}");
            }
        }

        #[test]
        fn whoever_waits_as_told_passes(rate in 0.5f64..500.0, burst in 0.0f64..5.0) {
            let mut pacer = Pacer::new(Rate::per_second(rate), burst, START);
            let mut now = START;
            for _ in 0..50 {
                if let Err(wait) = pacer.try_take(now) {
                    now = now + wait;
                    prop_assert!(pacer.try_take(now).is_ok());
                }
            }
        }
    }
}
