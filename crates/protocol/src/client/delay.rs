//! How long a client waits before it tries again, when nobody told it.

use std::time::Duration;

/// The span over which the first retry is spread. The first one needs the widest spread: it is the
/// one that everybody makes at the same moment.
const FIRST_RETRY_SPREAD: Duration = Duration::from_secs(10);
/// The longest wait between two tries.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// The wait after the second try, before it doubles.
const BACKOFF_BASE: Duration = Duration::from_secs(2);
/// How soon a client that lost its game server asks for another.
const LOST_GAME_SPREAD: Duration = Duration::from_secs(1);
/// How long a client that waits for a push waits before it asks all the same.
const SLOW_POLL: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(30));

/// The wait before try number `attempt` (the first retry is 1), with `random` in 0..1.
fn retry(attempt: u32, random: f64) -> Duration {
    if attempt <= 1 {
        return FIRST_RETRY_SPREAD.mul_f64(random);
    }
    let doubled = BACKOFF_BASE.saturating_mul(1 << (attempt - 2).min(8));
    doubled.min(BACKOFF_MAX).mul_f64(0.5 + random / 2.0)
}

/// Failures in a row, and the waits after them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failures(u32);

impl Failures {
    /// The wait after one more. A wait that was asked for is kept exactly, and ends the row:
    /// whoever asked lives, so the next failure without one is again everybody's first.
    pub(super) fn wait_after(&mut self, asked: Option<Duration>, random: f64) -> Duration {
        self.0 = if asked.is_some() { 0 } else { self.0.saturating_add(1) };
        asked.unwrap_or_else(|| retry(self.0, random))
    }

    pub(super) fn end(&mut self) {
        self.0 = 0;
    }
}

/// The wait before the one join that follows a lost game server.
pub(super) fn after_lost_game(random: f64) -> Duration {
    LOST_GAME_SPREAD.mul_f64(random)
}

/// The wait of a client that expects a push.
pub(super) fn slow_poll(random: f64) -> Duration {
    SLOW_POLL.0 + (SLOW_POLL.1 - SLOW_POLL.0).mul_f64(random)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_retry_is_spread_widest_and_no_wait_is_longer_than_the_maximum(
            attempt in 1u32..100, random in 0.0f64..1.0
        ) {
            let wait = retry(attempt, random);
            let most = if attempt == 1 { FIRST_RETRY_SPREAD } else { BACKOFF_MAX };
            prop_assert!(wait <= most);
            if attempt > 6 {
                prop_assert!(wait >= BACKOFF_MAX / 2);
            }
            prop_assert!(slow_poll(random) >= SLOW_POLL.0 && slow_poll(random) <= SLOW_POLL.1);
        }
    }
}
