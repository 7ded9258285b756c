//! A drill: a failover of bots on the real pair, and the way back, timed. What it proves is kept
//! with the machine and the build that it was proved on.

use serde::{Deserialize, Serialize};

use crate::failover::{Counts, Figures};
use crate::ids::{DrillId, FailoverId, WorldId};
use crate::time::Timestamp;
use crate::world::Build;

/// Where a drill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrillPhase {
    /// The bots come into the main world.
    Gathering,
    /// They move into the standby.
    MovingOut,
    /// They move back.
    MovingHome,
    /// There and back, and everybody is accounted for.
    Complete,
    /// It could not be brought to its end.
    Failed,
    /// A real failover went before it.
    Preempted,
}

impl DrillPhase {
    /// Whether it is still running.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Gathering | Self::MovingOut | Self::MovingHome)
    }
}

/// What a drill ran on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The processor, as it names itself.
    pub processor: String,
    /// Cores that the control plane may use.
    pub cores: usize,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// The system's kernel.
    pub kernel: String,
}

/// How the bots fared one way.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WayFigures {
    /// From the commit to the last landing, in milliseconds.
    pub duration_ms: u64,
    /// How many were where at the end.
    pub counts: Counts,
    /// How long each bot was without a world, in milliseconds.
    pub dark_ms: Figures,
    /// From the commit to the order on each bot's socket, in milliseconds.
    pub fanout_ms: Figures,
    /// The rate that was asked for.
    pub planned_per_second: f64,
    /// The rate at which they landed; none if they were too few to tell.
    pub landed_per_second: Option<f64>,
}

/// What is kept of a drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillRecord {
    /// Its id.
    pub id: DrillId,
    /// The main world.
    pub world_id: WorldId,
    /// Its standby.
    pub target_world_id: WorldId,
    /// How many bots.
    pub clients: usize,
    /// Where it is.
    pub phase: DrillPhase,
    /// Why it failed or was ended, in words.
    #[serde(default)]
    pub message: Option<String>,
    /// Who asked for it.
    pub by: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended, however it did.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// Its failover.
    #[serde(default)]
    pub failover_id: Option<FailoverId>,
    /// Its way back.
    #[serde(default)]
    pub failback_id: Option<FailoverId>,
    /// How long the bots took to come into the main world, in milliseconds.
    #[serde(default)]
    pub gathered_ms: Option<u64>,
    /// How they fared on the way out.
    #[serde(default)]
    pub out: Option<WayFigures>,
    /// How they fared on the way home.
    #[serde(default)]
    pub home: Option<WayFigures>,
    /// How many joins per second the standby took; none if the bots were too few to tell.
    #[serde(default)]
    pub joins_per_second: Option<f64>,
    /// What the main world runs.
    pub build: Build,
    /// What it ran on.
    pub machine: Machine,
    /// Lifeboat's version.
    pub lifeboat: String,
}

/// The shortest span of arrivals, in seconds of the planned rate, that says something of a rate:
/// anything shorter is mostly the first second's burst.
const MEASURED_SECONDS_MIN: f64 = 2.0;
/// The part of the planned rate from which on the target kept up with it.
const KEPT_UP_SHARE: f64 = 0.9;

/// At which rate people landed, by the times at which they did: their number over the span from
/// the first to the last. None if they were too few for the planned rate.
#[must_use]
pub fn landed_per_second(mut landed: Vec<Timestamp>, planned_per_second: f64) -> Option<f64> {
    landed.sort_unstable();
    let (first, last) = (landed.first()?, landed.last()?);
    #[expect(clippy::cast_precision_loss, reason = "a number of bots is far below 2^52")]
    let count = landed.len() as f64;
    let span = last.since(*first).as_secs_f64();
    let is_enough = count >= MEASURED_SECONDS_MIN * planned_per_second && span > 0.0;
    is_enough.then(|| (count - 1.0) / span)
}

/// What the target takes, as a way into it showed: the planned rate if it kept up with that, else
/// the rate at which people landed. Without this step each drill would offer a little less than the
/// one before, as nobody lands in no time.
#[must_use]
pub fn joins_per_second(way: &WayFigures) -> Option<f64> {
    let landed = way.landed_per_second?;
    let has_kept_up = landed >= KEPT_UP_SHARE * way.planned_per_second;
    Some(if has_kept_up { way.planned_per_second } else { (landed * 10.0).floor() / 10.0 })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn arrivals(count: u64, every_ms: u64) -> Vec<Timestamp> {
        (0..count).map(|n| Timestamp::from_ms(0) + Duration::from_millis(n * every_ms)).collect()
    }

    fn way(planned_per_second: f64, landed: Vec<Timestamp>) -> WayFigures {
        let landed_per_second = landed_per_second(landed, planned_per_second);
        WayFigures { planned_per_second, landed_per_second, ..WayFigures::default() }
    }

    #[test]
    fn too_few_bots_say_nothing_of_a_rate() {
        assert_eq!(landed_per_second(Vec::new(), 100.0), None);
        assert_eq!(landed_per_second(arrivals(199, 10), 100.0), None);
        assert_eq!(landed_per_second(arrivals(200, 0), 100.0), None, "all at once is no rate");
        assert_eq!(landed_per_second(arrivals(201, 10), 100.0), Some(100.0));
    }

    #[test]
    fn a_target_that_kept_up_takes_what_was_planned_and_another_what_it_took() {
        assert_eq!(joins_per_second(&way(100.0, arrivals(300, 11))), Some(100.0));
        assert_eq!(joins_per_second(&way(100.0, arrivals(300, 25))), Some(40.0));
        assert_eq!(joins_per_second(&way(100.0, arrivals(3, 10))), None);
    }
}
