//! The time of day that never runs backwards, and sleeping until it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lifeboat_core::time::Timestamp;
use tokio::time::Instant;

/// The wall clock as it was at the start, carried on by the monotonic one: a wall clock that is
/// set in the middle of a failover neither hurries nor delays anybody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    began: Instant,
    began_at: Timestamp,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let ms = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        Self { began: Instant::now(), began_at: Timestamp::from_ms(ms) }
    }

    pub(crate) fn now(self) -> Timestamp {
        self.began_at + self.began.elapsed()
    }

    /// When, on the monotonic clock, it is `at`.
    pub(crate) fn instant(self, at: Timestamp) -> Instant {
        self.began + at.since(self.began_at)
    }
}
