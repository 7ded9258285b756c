//! Times, spans and numbers as a reader of the report wants them, and its sentences.

use lifeboat_core::failover::{Kind, Mode, MovePhase, Trigger};
use lifeboat_core::time::Timestamp;

use super::Report;
use super::ending::Cause;

/// Milliseconds from `earlier` to `later`; 0 when it is not later.
pub(super) fn ms_between(earlier: Timestamp, later: Timestamp) -> u64 {
    u64::try_from(later.since(earlier).as_millis()).unwrap_or(u64::MAX)
}

/// A span: `340 ms`, `4.2 s`, `2 min 5 s`, `1 h 3 min`.
pub(super) fn span(ms: u64) -> String {
    let (seconds, minutes, hours) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{seconds}.{} s", ms % 1_000 / 100),
        60_000..3_600_000 if seconds % 60 == 0 => format!("{minutes} min"),
        60_000..3_600_000 => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{hours} h {} min", minutes % 60),
    }
}

/// A number with its thousands apart: `12,345`.
pub(super) fn number(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 person`, `500 people`.
pub(super) fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{} people", number(count)) }
}

/// A day and time in UTC: `18 November 2026, 11:06:40 UTC`.
pub(super) fn day_and_time(at: Timestamp) -> String {
    written(at, "%-d %B %Y, %H:%M:%S UTC")
}

/// A time of day in UTC, to the tenth of a second.
pub(super) fn time_of_day(at: Timestamp) -> String {
    written(at, "%H:%M:%S%.1f")
}

fn written(at: Timestamp, form: &str) -> String {
    match jiff::Timestamp::from_millisecond(at.as_ms()) {
        Ok(known) => known.strftime(form).to_string(),
        Err(_) => at.to_string(),
    }
}

/// The share of `part` in `whole` in percent, rounded down: all but one are never 100 %.
pub(super) fn percent(part: usize, whole: usize) -> usize {
    (part * 100).checked_div(whole).unwrap_or(0)
}

impl Report {
    /// What it is the report of.
    pub(super) fn title(&self) -> String {
        match self.record.kind {
            Kind::Failover => format!("Failover of {}", self.main.name),
            Kind::Failback => format!("Failback to {}", self.main.name),
            Kind::Rejoin => format!("Rejoin of {}", self.main.name),
        }
    }

    /// How it ended, in a few words.
    pub(super) fn headline(&self) -> String {
        let counts = &self.record.counts;
        let (landed, present) = (counts.landed, counts.present);
        if present == 0 {
            return "Nobody was in the world".to_owned();
        }
        if let Some(ending) = &self.ending {
            return ending.headline();
        }
        let landed = match (landed == present, present) {
            (true, 1) => "The one person who was there landed".to_owned(),
            (true, _) => format!("All {} landed", people(present)),
            (false, _) => format!("{} of {} landed", number(landed), people(present)),
        };
        if self.record.phase.is_open() { format!("{landed} so far") } else { landed }
    }

    /// How it went, in a sentence or two.
    pub(super) fn summary(&self) -> String {
        let record = &self.record;
        let there = match record.counts.present {
            1 => "1 person was".to_owned(),
            present => format!("{} were", people(present)),
        };
        let mut text = match record.kind {
            Kind::Failover => format!(
                "{there} in {} when the failover to {} began.",
                self.main.name, self.target.name
            ),
            Kind::Failback => {
                format!("{there} to come home when the failback to {} began.", self.main.name)
            }
            Kind::Rejoin => format!("{there} in {} when the rejoin began.", self.main.name),
        };
        if let (Some(last), Some(_)) = (self.landed_ms.last(), &self.ending) {
            text += &format!(
                " Half of those who are in a world again were without one for at most {}, 99 of 100 \
                 for at most {}; the last one was {} after it began. Whoever is back where they were \
                 counts as landed, too.",
                span(record.dark_ms.p50),
                span(record.dark_ms.p99),
                span(*last)
            );
        } else if let Some(last) = self.landed_ms.last() {
            text += &format!(
                " Half of those who landed were without a world for at most {}, 99 of 100 for at \
                 most {}; the last one landed {} after it began.",
                span(record.dark_ms.p50),
                span(record.dark_ms.p99),
                span(*last)
            );
        }
        text
    }

    /// Where it stands.
    pub(super) fn standing(&self) -> &'static str {
        match self.record.phase {
            MovePhase::Moving => "in progress",
            MovePhase::Held => "on hold",
            MovePhase::Complete => "complete",
            MovePhase::CompleteWithStragglers => "complete, with stragglers",
            MovePhase::Cancelled => match self.ending.as_ref().map(|ending| ending.cause) {
                Some(Cause::Undone { .. }) => "undone",
                _ => "cancelled",
            },
            MovePhase::FailedBack => "complete; people were brought home since",
        }
    }

    /// How it was begun.
    pub(super) fn manner(&self) -> String {
        let trigger = match self.record.trigger {
            Trigger::Api => "in one step",
            Trigger::LiveConfig => "by hand, in the live config",
            Trigger::Drill => "as a drill",
        };
        let mode = match self.record.mode {
            Mode::Emergency => "everyone left at once and came back at their turn",
            Mode::Graceful => "everyone stayed until it was their turn",
        };
        format!("{trigger}; {mode}")
    }

    /// The figures of the night, each with its name.
    pub(super) fn figures(&self) -> Vec<(&'static str, String)> {
        let record = &self.record;
        let (dark, fanout) = (&record.dark_ms, &record.fanout_ms);
        let of = |n: usize, text: String| if n == 0 { "–".to_owned() } else { text };
        vec![
            ("Without a world, half of them at most", of(dark.n, span(dark.p50))),
            ("Without a world, 99 of 100 at most", of(dark.n, span(dark.p99))),
            ("Without a world, the longest", of(dark.n, span(dark.max))),
            ("Told to leave, 99 of 100 within", of(fanout.n, span(fanout.p99))),
            (
                "From the last healthy moment to the last landing",
                record.outage_ms.map_or_else(|| "–".to_owned(), span),
            ),
            ("Planned rate", format!("{} per second", rate(record.plan.rate_per_second))),
            ("Planned time", span(record.plan.window_ms)),
        ]
    }
}

/// A text without what would move, hide or turn round what stands beside it.
pub(super) fn visible(raw: &str) -> String {
    let turns = |char: char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    raw.chars().map(|char| if char.is_control() || turns(char) { ' ' } else { char }).collect()
}

/// A rate without more digits than it needs.
pub(super) fn rate(per_second: f64) -> String {
    let text = format!("{per_second:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
