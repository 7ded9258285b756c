//! How a process of bots tells its parent how they fare: JSON lines, each whole by itself.
//!
//! ```no_run
//! use lifeboat_client::report::{FleetReport, Reporter};
//! # async fn run(fleet: lifeboat_client::Fleet) -> Result<(), Box<dyn std::error::Error>> {
//! // In the process of the bots, until it is told to stop:
//! let mut reporter = Reporter::new(&fleet);
//! let line = reporter.next().await.to_line();
//! println!("{line}");
//! let counts = fleet.stop(std::time::Duration::from_secs(10)).await;
//! println!("{}", reporter.last(counts).to_line());
//! // In the parent:
//! let report: FleetReport = line.parse()?;
//! println!("{} of {} are in", report.counts.in_worlds(), report.counts.count);
//! # Ok(())
//! # }
//! ```

use std::str::FromStr;
use std::sync::Arc;

use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::clock::Clock;
use crate::fleet::{Fleet, FleetCounts, Ledger, MoveFigures};
use crate::limits::REPORT_EVERY;

/// How a fleet fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetReport {
    /// When.
    pub at: Timestamp,
    /// Where the bots are.
    pub counts: FleetCounts,
    /// How many are neither in a world, nor refused, nor gone: [`FleetCounts::lost`].
    pub lost: usize,
    /// How their latest moves went, as they saw them.
    pub moves: MoveFigures,
    /// Whether it is the last line.
    pub is_last: bool,
}

impl FleetReport {
    /// The report as one line, without its end.
    ///
    /// # Panics
    /// Never: every part of a report has a JSON form.
    #[must_use]
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("every part of a report has a JSON form")
    }
}

impl FromStr for FleetReport {
    type Err = serde_json::Error;

    fn from_str(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}

/// Makes the reports of a fleet, one whenever something changed, at most one each
/// [`REPORT_EVERY`].
#[derive(Debug)]
pub struct Reporter {
    ledger: Arc<Ledger>,
    counts: watch::Receiver<FleetCounts>,
    clock: Clock,
    due_at: Instant,
}

impl Reporter {
    /// A reporter on this fleet. Its first report comes at once.
    #[must_use]
    pub fn new(fleet: &Fleet) -> Self {
        let ledger = Arc::clone(&fleet.ledger);
        let mut counts = ledger.counts.subscribe();
        counts.mark_changed();
        Self { ledger, counts, clock: fleet.clock, due_at: Instant::now() }
    }

    /// The next report. May be given up at any time without a loss.
    pub async fn next(&mut self) -> FleetReport {
        sleep_until(self.due_at).await;
        // The sender lives as long as the ledger, which this has a share in.
        let _ = self.counts.changed().await;
        self.due_at = Instant::now() + REPORT_EVERY;
        let counts = self.counts.borrow_and_update().clone();
        self.report(counts)
    }

    /// The last report, with what [`Fleet::stop`] gave.
    #[must_use]
    pub fn last(self, counts: FleetCounts) -> FleetReport {
        FleetReport { is_last: true, ..self.report(counts) }
    }

    fn report(&self, counts: FleetCounts) -> FleetReport {
        FleetReport {
            at: self.clock.now(),
            lost: counts.lost(),
            counts,
            moves: self.ledger.moves(Timestamp::from_ms(0)),
            is_last: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back() {
        let report = FleetReport {
            at: Timestamp::from_ms(1_795_000_000_123),
            counts: FleetCounts {
                count: 3,
                in_world: [("wld_a".parse().unwrap(), 2)].into(),
                refused: [(lifeboat_core::code::ErrorCode::Banned, 1)].into(),
                ..FleetCounts::default()
            },
            lost: 0,
            moves: MoveFigures::default(),
            is_last: true,
        };
        let line = report.to_line();
        assert!(!line.contains('\n'));
        assert!(line.contains(r#""inWorld":{"wld_a":2},"refused":{"banned":1}"#), "{line}");
        assert_eq!(line.parse::<FleetReport>().unwrap(), report);
    }
}
