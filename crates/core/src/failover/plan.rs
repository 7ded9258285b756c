//! The plan of a move: where to, how many, how fast, and the rules that speak against it. A dry
//! run shows it; a real move is only begun if [`may_proceed`].

mod rate;
mod rules;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::{FailoverRequest, Kind, PlanSummary, Rule};
use crate::catalog::Catalog;
use crate::ids::{DeploymentId, FailoverId, WorldId};
use crate::live_config::Force;
use crate::pacing;
use crate::readiness::Side;
use crate::time::Timestamp;
use crate::world::World;

pub(crate) use rate::first_rate;
pub use rate::{AdmissionRate, RateSource, admission_rate};

/// What a plan is made from, as of one moment.
#[derive(Debug, Clone, Copy)]
pub struct MoveFacts<'a> {
    /// Overrides and earlier failovers.
    pub catalog: &'a Catalog,
    /// The main world.
    pub main: Side<'a>,
    /// The world away from it: of a failover, the one that [`target_of`] names; of a failback, the
    /// one that main's override leads to, or led to last. None if there is none.
    pub away: Option<Side<'a>>,
    /// Sessions that would move.
    pub sessions: usize,
    /// Those of them whose clients need a launch context.
    pub old_clients: usize,
    /// Seats of the target that are taken, held or reserved.
    pub seats_used_at_target: usize,
    /// The last drill of the pair.
    pub last_drill: Option<DrillFacts>,
}

/// What the last drill of a pair found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrillFacts {
    /// When it was finished.
    pub at: Timestamp,
    /// How many joins per second the target took.
    pub joins_per_second: f64,
}

/// The plan of a move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// Which way.
    pub kind: Kind,
    /// Where to; none if that cannot be said.
    pub target: Option<WorldId>,
    /// The target's deployment, while it takes people.
    pub target_deployment: Option<DeploymentId>,
    /// How many move.
    pub sessions: usize,
    /// How many are placed in a second.
    pub rate_per_second: f64,
    /// Where that rate is from.
    pub rate_source: RateSource,
    /// Time over which they are spread.
    pub window_ms: u64,
    /// What speaks against it.
    pub rules: Vec<Rule>,
    /// What an operator should know, and what stops nothing.
    pub warnings: Vec<Rule>,
    /// Whether the target is to be launched or awaited first.
    pub waits_for_target: bool,
    /// The failover to the same target that is moving people already: its record is the answer.
    pub same_as: Option<FailoverId>,
}

impl Planned {
    /// What is kept of it in the record.
    #[must_use]
    pub fn summary(&self) -> PlanSummary {
        PlanSummary {
            sessions: self.sessions,
            window_ms: self.window_ms,
            rate_per_second: self.rate_per_second,
            rules: self.rules.clone(),
        }
    }
}

/// The world that a move would lead to: of a failover the one asked for, else the standby; of the
/// others the main world itself.
#[must_use]
pub fn target_of(kind: Kind, request: &FailoverRequest, main: &World) -> Option<WorldId> {
    match kind {
        Kind::Failover => request.target_world_id.clone().or_else(|| main.standby.clone()),
        Kind::Failback | Kind::Rejoin => Some(main.id.clone()),
    }
}

/// Plans a move.
#[must_use]
pub fn plan(
    kind: Kind,
    request: &FailoverRequest,
    facts: &MoveFacts<'_>,
    now: Timestamp,
) -> Planned {
    let wanted = target_of(kind, request, facts.main.world);
    let target = match kind {
        Kind::Failover => facts.away.filter(|away| Some(&away.world.id) == wanted.as_ref()),
        Kind::Failback | Kind::Rejoin => Some(facts.main),
    };
    let found = rules::judge(kind, request, facts, target.as_ref(), now);
    let pace = rate::rate(request, facts, target.as_ref());
    let window = pacing::window(facts.sessions, pace.rate);
    Planned {
        kind,
        target: wanted,
        target_deployment: target
            .filter(Side::is_active)
            .and_then(|side| side.deployment)
            .map(|deployment| deployment.id.clone()),
        sessions: facts.sessions,
        rate_per_second: pace.rate.get(),
        rate_source: pace.source,
        window_ms: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
        rules: found.rules,
        warnings: found.warnings,
        waits_for_target: found.waits_for_target,
        same_as: found.same_as,
    }
}

/// Whether a move may begin although these rules speak against it.
#[must_use]
pub fn may_proceed(rules: &[Rule], force: Force) -> bool {
    match force {
        Force::No => rules.is_empty(),
        Force::WithReason => rules.iter().all(|rule| rule.may_force),
    }
}
