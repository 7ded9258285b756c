//! How fast people are moved.

use serde::{Deserialize, Serialize};

use super::{DrillFacts, MoveFacts};
use crate::failover::FailoverRequest;
use crate::mods::JOINS_PER_SECOND_PER_SERVER_DEFAULT;
use crate::pacing::Rate;
use crate::readiness::Side;

/// Where a rate is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RateSource {
    /// The request asked for no more.
    Request,
    /// The target's `Admission.JoinsPerSecond`.
    LiveConfig,
    /// The last drill measured it.
    Drill,
    /// The mod's rate for each server.
    Mod,
}

/// A rate and where it is from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdmissionRate {
    /// How many in a second.
    pub rate: Rate,
    /// Where it is from.
    pub source: RateSource,
}

/// How many joins a world takes per second: as its live config says, else as the last drill
/// measured it, else the mod's rate for each server.
#[must_use]
pub fn admission_rate(world: &Side<'_>, last_drill: Option<DrillFacts>) -> AdmissionRate {
    let set = world.live.map(|live| live.game.admission.joins_per_second);
    let measured = last_drill.map(|drill| drill.joins_per_second);
    let of_mod = world.deployment.map_or(
        JOINS_PER_SECOND_PER_SERVER_DEFAULT,
        // An ended deployment's number is still that of the mod.
        crate::deployment::Deployment::joins_per_second,
    );
    first_rate(set, measured, of_mod)
}

/// The first of these that is a rate: what live config sets, what a drill measured, what the mod
/// says.
pub(crate) fn first_rate(set: Option<f64>, measured: Option<f64>, of_mod: f64) -> AdmissionRate {
    let is_a_rate = |rate: &f64| rate.is_finite() && *rate > 0.0;
    let (rate, source) = if let Some(set) = set.filter(is_a_rate) {
        (set, RateSource::LiveConfig)
    } else if let Some(measured) = measured.filter(is_a_rate) {
        (measured, RateSource::Drill)
    } else {
        (of_mod, RateSource::Mod)
    };
    AdmissionRate { rate: Rate::per_second(rate), source }
}

/// The rate of a move: what the target takes, or less if less was asked for. A drill measures the
/// standby, so it says nothing of the way home.
pub(super) fn rate(
    request: &FailoverRequest,
    facts: &MoveFacts<'_>,
    target: Option<&Side<'_>>,
) -> AdmissionRate {
    let is_main = target.is_some_and(|target| target.world.id == facts.main.world.id);
    let last_drill = facts.last_drill.filter(|_| !is_main);
    let taken = admission_rate(target.unwrap_or(&facts.main), last_drill);
    match request.max_rejoins_per_second.map(Rate::per_second) {
        Some(asked) if asked < taken.rate => {
            AdmissionRate { rate: asked, source: RateSource::Request }
        }
        _ => taken,
    }
}
