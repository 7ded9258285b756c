//! Whether a server calls health often enough: a clock that is told the time.
//!
//! It runs on the monotonic clock, so that a step of the wall clock cannot declare every server of
//! the machine dead at once.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lifeboat_core::time::Timestamp;

use crate::event::ServerHealth;

/// A moment on both clocks: one to measure with, one to tell people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The monotonic clock.
    pub instant: Instant,
    /// The wall clock.
    pub at: Timestamp,
}

impl Moment {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Self { instant: Instant::now(), at: Timestamp::from_ms(ms) }
    }
}

/// How often a server has to call health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthRule {
    /// Time between two calls.
    pub period: Duration,
    /// Calls it may miss in a row.
    pub misses_max: u32,
}

impl HealthRule {
    /// Silence after which a server is unhealthy.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.period.saturating_mul(self.misses_max.max(1))
    }
}

/// The health of one server.
#[derive(Debug, Clone)]
pub struct HealthClock {
    rule: HealthRule,
    status: ServerHealth,
    quiet_since: Option<Instant>,
    last_healthy_at: Option<Timestamp>,
}

impl HealthClock {
    /// A server that has not said Ready.
    #[must_use]
    pub fn new(rule: HealthRule) -> Self {
        Self { rule, status: ServerHealth::Pending, quiet_since: None, last_healthy_at: None }
    }

    /// A server that said Ready to an earlier Lifeboat, with its full patience before it: while
    /// nobody listened, nobody could call.
    #[must_use]
    pub fn adopted(rule: HealthRule, status: ServerHealth, now: Moment) -> Self {
        let quiet_since = (status != ServerHealth::Pending).then_some(now.instant);
        Self { rule, status, quiet_since, last_healthy_at: None }
    }

    /// The rule it goes by.
    #[must_use]
    pub fn rule(&self) -> HealthRule {
        self.rule
    }

    /// Whether the server is well.
    #[must_use]
    pub fn status(&self) -> ServerHealth {
        self.status
    }

    /// When it was last known to be well.
    #[must_use]
    pub fn last_healthy_at(&self) -> Option<Timestamp> {
        self.last_healthy_at
    }

    /// The server said Ready: from now on its calls are expected.
    pub fn begin(&mut self, now: Moment) {
        if self.status == ServerHealth::Pending {
            self.status = ServerHealth::Healthy;
            self.quiet_since = Some(now.instant);
            self.last_healthy_at = Some(now.at);
        }
    }

    /// The server called health.
    pub fn beat(&mut self, now: Moment) {
        if self.status != ServerHealth::Pending {
            self.status = ServerHealth::Healthy;
            self.quiet_since = Some(now.instant);
        }
        self.last_healthy_at = Some(now.at);
    }

    /// Gives full patience again, without a call.
    pub fn excuse(&mut self, now: Moment) {
        if self.quiet_since.is_some() {
            self.quiet_since = Some(now.instant);
        }
    }

    /// When the server becomes unhealthy unless it calls before.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.status {
            ServerHealth::Healthy => self.quiet_since.map(|since| since + self.rule.patience()),
            ServerHealth::Pending | ServerHealth::Unhealthy => None,
        }
    }

    /// Judges; true when the server has become unhealthy now.
    pub fn check(&mut self, now: Moment) -> bool {
        let is_over = self.deadline().is_some_and(|deadline| deadline <= now.instant);
        if is_over {
            self.status = ServerHealth::Unhealthy;
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: HealthRule = HealthRule { period: Duration::from_secs(5), misses_max: 3 };

    fn after(start: Moment, seconds: u64) -> Moment {
        let span = Duration::from_secs(seconds);
        Moment { instant: start.instant + span, at: start.at + span }
    }

    #[test]
    fn nothing_is_expected_before_ready() {
        let start = Moment::now();
        let mut clock = HealthClock::new(RULE);
        clock.beat(start);
        assert!(!clock.check(after(start, 3_600)));
        assert_eq!(clock.status(), ServerHealth::Pending);
    }

    #[test]
    fn three_missed_calls_are_too_many_and_a_call_recovers() {
        let start = Moment::now();
        let mut clock = HealthClock::new(RULE);
        clock.begin(start);
        clock.beat(after(start, 10));
        assert!(!clock.check(after(start, 24)));
        assert!(clock.check(after(start, 25)));
        assert!(!clock.check(after(start, 26)), "told once");
        assert_eq!(clock.last_healthy_at(), Some(after(start, 10).at));
        clock.beat(after(start, 30));
        assert_eq!(clock.status(), ServerHealth::Healthy);
    }

    #[test]
    fn an_adopted_server_has_its_full_patience() {
        let start = Moment::now();
        let mut clock = HealthClock::adopted(RULE, ServerHealth::Healthy, start);
        assert!(!clock.check(after(start, 14)));
        clock.excuse(after(start, 14));
        assert!(!clock.check(after(start, 28)));
        assert!(clock.check(after(start, 29)));
    }
}
