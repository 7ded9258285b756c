//! Spans of time as people write and read them.

use std::str::FromStr;

/// A number of minutes, typed as `180`, `90m`, `3h` or `2h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Minutes(pub(crate) u32);

impl FromStr for Minutes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("`{text}` is no duration; write minutes, or 90m, 3h, 2h30m");
        let number = |digits: &str| digits.parse::<u32>().map_err(|_| refuse());
        let (hours, rest) = match text.split_once(['h', 'H']) {
            Some((hours, rest)) => (number(hours)?, rest),
            None => (0, text),
        };
        let minutes = match rest.strip_suffix(['m', 'M']).unwrap_or(rest) {
            "" if rest.is_empty() && rest.len() < text.len() => 0,
            digits => number(digits)?,
        };
        hours.checked_mul(60).and_then(|sum| sum.checked_add(minutes)).map(Self).ok_or_else(refuse)
    }
}

/// Milliseconds for a reader: `340 ms`, `4.2 s`, `2 min 5 s`.
pub(crate) fn millis(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..100_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_typed_in_hours_and_minutes() {
        for (text, minutes) in [("180", 180), ("90m", 90), ("3h", 180), ("2h30m", 150), ("1h5", 65)]
        {
            assert_eq!(text.parse(), Ok(Minutes(minutes)), "{text}");
        }
        for text in ["", "h", "m", "3d", "-1", "1h2h", "99999999h", "4294967296"] {
            assert!(text.parse::<Minutes>().is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_read_at_a_glance() {
        let shown = [0, 340, 4_260, 125_000].map(millis);
        assert_eq!(shown, ["0 ms", "340 ms", "4.2 s", "2 min 5 s"]);
    }
}
