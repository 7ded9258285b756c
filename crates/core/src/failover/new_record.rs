//! A record as it begins.

use std::collections::BTreeMap;

use super::{
    Begun, Counts, FailoverRecord, Figures, Kind, Mode, MovePhase, PlanSummary, Rule, Trigger,
};
use crate::ids::{DeploymentId, FailoverId, WorldId};
use crate::pacing::{Rate, window};
use crate::time::Timestamp;

/// What a new record is made of.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// Which way people move.
    pub kind: Kind,
    /// What set it off.
    pub trigger: Trigger,
    /// The world whose people move; of a failback, the world that they come home to.
    pub world: WorldId,
    /// Where they go.
    pub target: WorldId,
    /// The target's deployment now.
    pub target_deployment: Option<DeploymentId>,
    /// The counter, as it is raised now.
    pub counter: u64,
    /// Whether people leave at once.
    pub mode: Mode,
    /// Why.
    pub reason: String,
    /// A message to the players.
    pub message: Option<String>,
    /// Who begins it.
    pub by: String,
    /// How many people are to move, as far as that is known.
    pub sessions: usize,
    /// How many are placed in a second.
    pub rate_per_second: f64,
    /// Rules that are overridden.
    pub rules: Vec<Rule>,
    /// Whether nobody is told to leave before the target takes people.
    pub waits_for_target: bool,
    /// The main world's last healthy moment, if it is not healthy any more.
    pub last_healthy_at: Option<Timestamp>,
}

impl NewRecord {
    /// An emergency of which nothing more is known.
    #[must_use]
    pub fn new(world: WorldId, begun: Begun, trigger: Trigger, rate_per_second: f64) -> Self {
        Self {
            kind: begun.kind,
            trigger,
            world,
            target: begun.target,
            target_deployment: None,
            counter: begun.counter,
            mode: Mode::Emergency,
            reason: String::new(),
            message: None,
            by: String::new(),
            sessions: 0,
            rate_per_second,
            rules: Vec::new(),
            waits_for_target: false,
            last_healthy_at: None,
        }
    }

    /// The record of a failover that begins now.
    #[must_use]
    pub fn begin(self, id: FailoverId, now: Timestamp) -> FailoverRecord {
        let window = window(self.sessions, Rate::per_second(self.rate_per_second));
        FailoverRecord {
            id,
            kind: self.kind,
            trigger: self.trigger,
            world_id: self.world,
            target_world_id: self.target,
            target_deployment_id: self.target_deployment,
            phase: if self.waits_for_target { MovePhase::Held } else { MovePhase::Moving },
            mode: self.mode,
            reason: self.reason,
            message: self.message,
            by: self.by,
            started_at: now,
            finished_at: None,
            revision: 0,
            counter: self.counter,
            plan: PlanSummary {
                sessions: self.sessions,
                window_ms: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
                rate_per_second: self.rate_per_second,
                rules: self.rules,
            },
            counts: Counts::default(),
            refusals: BTreeMap::new(),
            dark_ms: Figures::default(),
            fanout_ms: Figures::default(),
            outage_ms: None,
            last_healthy_at: self.last_healthy_at,
            present_fixed: false,
            nudges: 0,
            waits_for_target: self.waits_for_target,
            nobody_told: self.waits_for_target,
            counter_before: self.counter.saturating_sub(1),
            waited_until: None,
            planned_per_second: None,
        }
    }
}
