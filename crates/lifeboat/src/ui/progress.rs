//! A failover while it moves, and its figures afterwards.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use lifeboat_core::failover::Figures;
use tokio::time::Instant;

use super::table::{Table, sheet};
use super::{millis, note};
use crate::api::FailoverView;
use crate::limits::LINE_EVERY;

/// Shows how a failover fares: a bar with a line of counts on a terminal, else a line now and then.
pub(crate) struct MoveProgress {
    bar: ProgressBar,
    has_terminal: bool,
    last_line: Option<(Instant, String)>,
}

impl MoveProgress {
    /// Begins to show.
    pub(crate) fn start() -> Self {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} landed  {elapsed}\n{msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("█▉▊▋▌▍▎▏ ");
        let bar = ProgressBar::new(0).with_style(style);
        Self { bar, has_terminal: std::io::stderr().is_terminal(), last_line: None }
    }

    /// Shows the present state.
    pub(crate) fn show(&mut self, failover: &FailoverView) {
        let counts = &failover.counts;
        self.bar.set_length(counts.present as u64);
        self.bar.set_position(counts.landed as u64);
        let line = progress_line(failover);
        self.bar.set_message(line.clone());
        let is_due = self.last_line.as_ref().is_none_or(|(at, last)| {
            *last != line && (failover.is_finished() || at.elapsed() >= LINE_EVERY)
        });
        if !self.has_terminal && is_due {
            note(&line);
            self.last_line = Some((Instant::now(), line));
        }
    }

    /// Says something above the bar.
    pub(crate) fn say(&self, text: &str) {
        self.bar.suspend(|| note(text));
    }

    /// Leaves the last state to be seen.
    pub(crate) fn finish(self) {
        self.bar.abandon();
    }
}

/// The counts of a failover in a line.
pub(crate) fn progress_line(failover: &FailoverView) -> String {
    let counts = &failover.counts;
    let mut line = format!(
        "{}: present {}, told {}, placed {}, landed {}, pending {}",
        failover.phase.as_deref().unwrap_or("planned"),
        counts.present,
        counts.told,
        counts.placed,
        counts.landed,
        counts.pending
    );
    if counts.refused > 0 {
        let by_code: Vec<String> =
            failover.refusals.iter().map(|(code, count)| format!("{code} {count}")).collect();
        line.push_str(&format!(", refused {} ({})", counts.refused, by_code.join(", ")));
    }
    if counts.left > 0 {
        line.push_str(&format!(", left {}", counts.left));
    }
    if let Some(left) = time_to_go(failover) {
        line.push_str(&format!(", about {} to go", millis(left.as_millis() as u64)));
    }
    line
}

/// How long the pending take at the planned rate.
fn time_to_go(failover: &FailoverView) -> Option<Duration> {
    let rate = failover.plan.rate_per_second;
    if failover.is_finished() || failover.counts.pending == 0 || rate <= 0.0 {
        return None;
    }
    Duration::try_from_secs_f64((failover.counts.pending as f64 / rate).ceil()).ok()
}

/// What a failover came to.
pub(crate) fn figures(failover: &FailoverView) -> Table {
    let counts = &failover.counts;
    sheet([
        ("Phase", failover.phase.clone().unwrap_or_default()),
        (
            "People",
            format!(
                "{} present, {} landed, {} refused, {} left, {} pending",
                counts.present, counts.landed, counts.refused, counts.left, counts.pending
            ),
        ),
        ("Dark time", distribution(&failover.dark_ms)),
        ("Fan-out", distribution(&failover.fanout_ms)),
        ("Outage", failover.outage_ms.map(millis).unwrap_or_default()),
        ("Record", failover.id.clone().unwrap_or_default()),
    ])
}

fn distribution(figures: &Figures) -> String {
    if figures.n == 0 {
        return String::new();
    }
    let [p50, p99, max] = [figures.p50, figures.p99, figures.max].map(millis);
    format!("half within {p50}, 99 % within {p99}, the slowest {max}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn moving() -> FailoverView {
        serde_json::from_value(json!({
            "id": "fo_1", "phase": "moving",
            "plan": { "sessions": 500, "windowMs": 5000, "ratePerSecond": 100.0, "rules": [] },
            "counts": { "present": 500, "told": 500, "asked": 300, "placed": 240, "landed": 200,
                        "confirmed": 0, "refused": 1, "left": 2, "pending": 297 },
            "refusals": { "banned": 1 }, "darkMs": null,
            "fanoutMs": { "n": 500, "p50": 12, "p99": 40, "max": 51 }, "outageMs": 4210
        }))
        .unwrap()
    }

    #[test]
    fn the_line_has_every_count_and_the_time_to_go() {
        let line = progress_line(&moving());
        insta::assert_snapshot!(line.replace(", ", "\n"), @r"
        moving: present 500
        told 500
        placed 240
        landed 200
        pending 297
        refused 1 (banned 1)
        left 2
        about 3.0 s to go
        ");
    }

    #[test]
    fn nothing_is_promised_without_a_rate_or_after_the_end() {
        let mut failover = moving();
        failover.plan.rate_per_second = 0.0;
        assert_eq!(time_to_go(&failover), None);
        failover.plan.rate_per_second = 1.0;
        failover.phase = Some("complete".to_owned());
        assert_eq!(time_to_go(&failover), None);
    }

    #[test]
    fn figures_are_a_sheet_of_what_is_known() {
        insta::assert_snapshot!(figures(&moving()), @r"
        Phase    moving
        People   500 present, 200 landed, 1 refused, 2 left, 297 pending
        Fan-out  half within 12 ms, 99 % within 40 ms, the slowest 51 ms
        Outage   4.2 s
        Record   fo_1
        ");
    }
}
