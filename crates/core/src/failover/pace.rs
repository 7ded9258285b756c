//! Slows a move down when its target does not keep up, and goes back to the plan afterwards.

use std::time::Duration;

use crate::pacing::Rate;
use crate::time::Timestamp;

/// People who may be on their way whatever the rate.
const ON_THEIR_WAY_MIN: f64 = 20.0;
/// Seconds of the plan's rate that may be on their way: who takes longer to land waits for a
/// target that is behind.
const ON_THEIR_WAY_SECONDS: f64 = 3.0;
/// How long too many have to be on their way before the rate is halved, and halved again.
const PATIENCE: Duration = Duration::from_secs(2);
/// By what the rate grows in a second while the target keeps up.
const GROWTH_PER_SECOND: f64 = 1.1;
/// The longest time between two observations that counts as growth: a time in which nothing was
/// observed proves nothing.
const GROWTH_STEP_MAX: Duration = Duration::from_secs(1);
/// The part of the plan's rate that is kept however slow the target is, so that its recovery is
/// noticed.
const FLOOR_PART: f64 = 1.0 / 64.0;
/// The slowest rate of a plan that allows for it.
const FLOOR_PER_SECOND: f64 = 1.0;

/// The rate of a move while it goes on: never above the plan's, halved while too many are placed
/// and have not landed, raised again slowly.
#[derive(Debug, Clone)]
pub struct PaceController {
    plan: Rate,
    rate: Rate,
    crowded_since: Option<Timestamp>,
    observed_at: Timestamp,
}

impl PaceController {
    /// A controller that begins with the plan's rate.
    #[must_use]
    pub const fn new(plan: Rate, now: Timestamp) -> Self {
        Self { plan, rate: plan, crowded_since: None, observed_at: now }
    }

    /// The rate now.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// The rate that it never goes above.
    #[must_use]
    pub const fn plan(&self) -> Rate {
        self.plan
    }

    /// The rate that it never goes below: a small part of the plan's.
    #[must_use]
    pub fn floor(&self) -> Rate {
        let plan = self.plan.get();
        Rate::per_second((plan * FLOOR_PART).max(FLOOR_PER_SECOND).min(plan))
    }

    /// Goes on with another plan, which an operator set in mid-move. The rate follows it at once,
    /// but for a target that was found too slow: there it is only brought between the limits.
    pub fn set_plan(&mut self, plan: Rate) {
        let was_slowed = self.rate < self.plan;
        self.plan = plan;
        self.rate = if was_slowed { self.bounded(self.rate.get()) } else { plan };
    }

    /// Takes note of how many are placed and neither landed nor otherwise settled, and says how
    /// fast to go on. To be called about once a second, or more often.
    pub fn observe(&mut self, on_their_way: usize, now: Timestamp) -> Rate {
        let passed = now.since(self.observed_at).min(GROWTH_STEP_MAX);
        self.observed_at = self.observed_at.max(now);
        #[expect(clippy::cast_precision_loss, reason = "a number of sessions is far below 2^52")]
        let is_crowded = on_their_way as f64 > self.on_their_way_max();
        if is_crowded {
            let since = *self.crowded_since.get_or_insert(now);
            if now.since(since) > PATIENCE {
                self.rate = self.bounded(self.rate.get() / 2.0);
                self.crowded_since = Some(now);
            }
        } else {
            self.crowded_since = None;
            let growth = GROWTH_PER_SECOND.powf(passed.as_secs_f64());
            self.rate = self.bounded(self.rate.get() * growth);
        }
        self.rate
    }

    fn on_their_way_max(&self) -> f64 {
        (self.plan.get() * ON_THEIR_WAY_SECONDS).max(ON_THEIR_WAY_MIN)
    }

    fn bounded(&self, rate: f64) -> Rate {
        Rate::per_second(rate.clamp(self.floor().get(), self.plan.get()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_ms(1_000_000);

    fn after(seconds: u64) -> Timestamp {
        START + Duration::from_secs(seconds)
    }

    #[test]
    fn it_halves_only_after_a_while_and_once_for_each_while() {
        let mut pace = PaceController::new(Rate::per_second(100.0), START);
        let rates: Vec<_> = (0..=6).map(|second| pace.observe(301, after(second)).get()).collect();
        assert_eq!(rates, [100.0, 100.0, 100.0, 50.0, 50.0, 50.0, 25.0]);
    }

    #[test]
    fn a_short_crowd_changes_nothing() {
        let mut pace = PaceController::new(Rate::per_second(100.0), START);
        for second in 0..30 {
            let on_their_way = if second % 3 == 2 { 300 } else { 301 };
            assert_eq!(pace.observe(on_their_way, after(second)).get(), 100.0);
        }
    }

    #[test]
    fn a_small_move_is_not_slowed_for_a_handful() {
        let mut pace = PaceController::new(Rate::per_second(2.0), START);
        assert!((0..60).all(|second| pace.observe(20, after(second)).get() == 2.0));
    }

    #[test]
    fn it_grows_by_a_tenth_a_second_back_to_the_plan_and_not_over_silence() {
        let mut pace = PaceController::new(Rate::per_second(100.0), START);
        pace.observe(400, after(0));
        assert_eq!(pace.observe(400, after(3)).get(), 50.0);
        assert!((pace.observe(0, after(4)).get() - 55.0).abs() < 1e-9);
        assert!((pace.observe(0, after(600)).get() - 60.5).abs() < 1e-9);
        for second in 601..620 {
            pace.observe(0, after(second));
        }
        assert_eq!(pace.rate(), pace.plan());
    }

    #[test]
    fn another_plan_holds_at_once_unless_the_target_was_too_slow() {
        let mut pace = PaceController::new(Rate::per_second(100.0), START);
        pace.set_plan(Rate::per_second(200.0));
        assert_eq!(pace.rate().get(), 200.0);
        pace.observe(1_000, after(0));
        pace.observe(1_000, after(3));
        pace.set_plan(Rate::per_second(400.0));
        assert_eq!(pace.rate().get(), 100.0, "it is still the target's pace");
        pace.set_plan(Rate::per_second(30.0));
        assert_eq!(pace.rate().get(), 30.0);
    }

    proptest! {
        #[test]
        fn the_rate_stays_between_floor_and_plan(
            plan in prop_oneof![0.001f64..5.0, 1.0f64..100_000.0],
            steps in prop::collection::vec(
                (0usize..500_000, -500i64..5_000, 0.001f64..1e5),
                1..200,
            ),
        ) {
            let mut pace = PaceController::new(Rate::per_second(plan), START);
            let mut now_ms = START.as_ms();
            for (index, (on_their_way, step_ms, other_plan)) in steps.into_iter().enumerate() {
                now_ms += step_ms;
                if index % 50 == 49 {
                    pace.set_plan(Rate::per_second(other_plan));
                }
                let before = pace.rate();
                let rate = pace.observe(on_their_way, Timestamp::from_ms(now_ms));
                prop_assert!(rate <= pace.plan(), "{rate:?} above {:?}", pace.plan());
                prop_assert!(rate >= pace.floor(), "{rate:?} below {:?}", pace.floor());
                prop_assert!(rate.get() <= before.get() * GROWTH_PER_SECOND * 1.000_001);
                prop_assert!(rate.get() >= before.get() / 2.000_001);
            }
        }

        #[test]
        fn a_target_that_keeps_up_is_never_slowed(
            plan in 1.0f64..5_000.0,
            shares in prop::collection::vec(0.0f64..2.9, 1..200),
        ) {
            let mut pace = PaceController::new(Rate::per_second(plan), START);
            for (second, share) in (0..).zip(shares) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "small and not negative"
                )]
                let on_their_way = (plan * share) as usize;
                prop_assert_eq!(pace.observe(on_their_way, after(second)), pace.plan());
            }
        }
    }
}
