//! How often somebody tried something within a minute; bounded in memory whoever tries.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lifeboat_core::limits::LOGIN_FAILURES_PER_MINUTE_MAX;
use lifeboat_core::time::Timestamp;

/// The span over which tries are counted.
const WINDOW: Duration = Duration::from_mins(1);
/// Somebodies that are counted at the same time.
const TRACKED_MAX: usize = 10_000;
/// Refused tries of one caller that are noted in the audit log within a minute.
const REFUSALS_NOTED_PER_MINUTE_MAX: usize = 60;

/// Counts tries by who made them.
pub(crate) struct Attempts {
    max: usize,
    counts: Mutex<HashMap<String, Window>>,
}

struct Window {
    began_at: Timestamp,
    tries: usize,
}

impl Attempts {
    /// Wrong logins of an address.
    pub(super) fn logins() -> Self {
        Self::new(LOGIN_FAILURES_PER_MINUTE_MAX)
    }

    /// Refused tries that go into the audit log.
    pub(super) fn refusals() -> Self {
        Self::new(REFUSALS_NOTED_PER_MINUTE_MAX)
    }

    fn new(max: usize) -> Self {
        Self { max, counts: Mutex::default() }
    }

    /// How long `who` has to wait before the next try, if there were too many.
    pub(crate) fn wait(&self, who: &str, now: Timestamp) -> Option<Duration> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let window = counts.get(who)?;
        let age = now.since(window.began_at);
        (window.tries >= self.max && age < WINDOW).then(|| WINDOW - age)
    }

    /// Counts a try of `who`; false when there were too many already.
    pub(crate) fn count(&self, who: &str, now: Timestamp) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= TRACKED_MAX && !counts.contains_key(who) {
            counts.retain(|_, window| now.since(window.began_at) < WINDOW);
            if counts.len() >= TRACKED_MAX {
                return false;
            }
        }
        let window = counts.entry(who.to_owned()).or_insert(Window { began_at: now, tries: 0 });
        if now.since(window.began_at) >= WINDOW {
            *window = Window { began_at: now, tries: 0 };
        }
        window.tries += 1;
        window.tries <= self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_tries_wait_for_the_rest_of_the_minute_and_others_do_not() {
        let attempts = Attempts::new(2);
        let start = Timestamp::from_ms(1_000_000);
        assert!(attempts.count("a", start));
        assert_eq!(attempts.wait("a", start), None);
        assert!(attempts.count("a", start));
        let later = start + Duration::from_secs(15);
        assert_eq!(attempts.wait("a", later), Some(Duration::from_secs(45)));
        assert!(!attempts.count("a", later));
        assert_eq!(attempts.wait("b", later), None);
        let much_later = start + Duration::from_secs(60);
        assert_eq!(attempts.wait("a", much_later), None);
        assert!(attempts.count("a", much_later));
    }

    #[test]
    fn the_addresses_that_are_counted_are_bounded_and_forgotten_after_their_minute() {
        let attempts = Attempts::new(2);
        let start = Timestamp::from_ms(1_000_000);
        let tracked = || attempts.counts.lock().unwrap().len();
        for number in 0..TRACKED_MAX {
            assert!(attempts.count(&number.to_string(), start));
        }
        assert!(!attempts.count("one more", start));
        assert_eq!(tracked(), TRACKED_MAX);
        assert!(attempts.count("0", start), "who is counted goes on being counted");
        assert!(attempts.count("one more", start + WINDOW));
        assert_eq!(tracked(), 1);
    }
}
