//! What a soak looks at.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::Moves;
use crate::figures::median;
use crate::machine;
use crate::subject::Lifeboat;

/// One look at the control plane.
pub(crate) struct Sample {
    /// Since the beginning.
    pub(crate) at: Duration,
    /// Resident memory in bytes.
    pub(crate) memory: f64,
    /// Open descriptors, those of sessions not counted.
    pub(crate) descriptors: f64,
    sessions: u64,
}

impl Sample {
    pub(crate) fn line(&self, moves: &Moves) -> String {
        let seconds = self.at.as_secs();
        format!(
            "{:>3}:{:02}  {:>5} sessions  {:>6.1} MiB  {:>4.0} other descriptors  {} of {} moves \
             complete",
            seconds / 60,
            seconds % 60,
            self.sessions,
            self.memory / 1_048_576.0,
            self.descriptors,
            moves.complete,
            moves.begun
        )
    }
}

/// Looks and compares.
pub(crate) struct Watch;

impl Watch {
    pub(crate) fn look(subject: &Lifeboat, at: Duration) -> Result<Sample> {
        let worlds = subject.operator.call("GET", "/api/worlds", &Value::Null)?;
        let of = |world: &Value| world["status"]["sessions"].as_u64().unwrap_or(0);
        let sessions = worlds["items"].as_array().map_or(0, |all| all.iter().map(of).sum());
        let open = fs::read_dir(format!("/proc/{}/fd", subject.pid()))?.count();
        let others = u32::try_from(open)?.saturating_sub(u32::try_from(sessions)?);
        Ok(Sample {
            at,
            memory: machine::resident(subject.pid())?,
            descriptors: f64::from(others),
            sessions,
        })
    }

    /// The median of the last quarter, as a multiple of the second quarter's: the first one is
    /// warming up.
    pub(crate) fn growth(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
        let quarter = samples.len() / 4;
        let values =
            |from: usize| -> Vec<f64> { samples.iter().skip(from).take(quarter).map(of).collect() };
        median(&values(3 * quarter)) / median(&values(quarter)).max(1.0)
    }
}
