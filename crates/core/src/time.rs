//! Points in time and spans, in milliseconds. Core reads no clock: every `now` is an argument.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time: milliseconds since the Unix epoch. Written as RFC 3339 in UTC.
///
/// They are kept shifted so that none is zero and their order stays: then one that may be missing,
/// of which a session and its line in a ledger have many, takes no more room than another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(NonZeroU64);

/// The epoch, as it is kept.
const EPOCH: u64 = 1 << 63;

impl Timestamp {
    /// A point in time from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Self {
        match NonZeroU64::new(ms.cast_unsigned() ^ EPOCH) {
            Some(kept) => Self(kept),
            // Of the two earliest, one is enough.
            None => Self(NonZeroU64::MIN),
        }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_ms(self) -> i64 {
        (self.0.get() ^ EPOCH).cast_signed()
    }

    /// Whole seconds since the Unix epoch, as JWTs count.
    #[must_use]
    pub const fn as_seconds(self) -> i64 {
        self.as_ms().div_euclid(1000)
    }

    /// How long after `earlier` this is; zero when it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let ms = self.as_ms().saturating_sub(earlier.as_ms());
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }
}

fn to_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self::from_ms(self.as_ms().saturating_add(to_ms(span)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self::from_ms(self.as_ms().saturating_sub(to_ms(span)))
    }
}

impl Default for Timestamp {
    fn default() -> Self {
        Self::from_ms(0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({})", self.as_ms())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.as_ms()) {
            Ok(at) => write!(f, "{at:.3}"),
            Err(_) => write!(f, "{}ms", self.as_ms()),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self::from_ms(at.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_rfc_3339_in_utc_and_read_back() {
        let at = Timestamp::from_ms(1_795_000_000_123);
        let text = serde_json::to_string(&at).unwrap();
        assert_eq!(text, "\"2026-11-18T11:06:40.123Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), at);
    }

    #[test]
    fn order_and_value_are_those_of_the_milliseconds_and_one_that_may_be_missing_is_no_larger() {
        let times = [i64::MIN + 1, -7, -1, 0, 1, 1_795_000_000_123, i64::MAX];
        for (at, later) in times.iter().zip(&times[1..]) {
            assert!(Timestamp::from_ms(*at) < Timestamp::from_ms(*later), "{at} {later}");
        }
        assert_eq!(times.map(Timestamp::from_ms).map(Timestamp::as_ms), times);
        assert_eq!(Timestamp::from_ms(i64::MIN), Timestamp::from_ms(i64::MIN + 1));
        assert_eq!(Timestamp::default().as_ms(), 0);
        assert_eq!(size_of::<Option<Timestamp>>(), size_of::<i64>());
    }

    #[test]
    fn since_never_runs_backwards() {
        let (early, late) = (Timestamp::from_ms(5), Timestamp::from_ms(9));
        assert_eq!(late.since(early), Duration::from_millis(4));
        assert_eq!(early.since(late), Duration::ZERO);
    }
}
