//! What is kept of a failover, apart from the rows of its ledger.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Counts, Figures};
use crate::code::ErrorCode;
use crate::ids::{DeploymentId, FailoverId, WorldId};
use crate::time::Timestamp;

/// Which way people move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// From the main world to its target.
    Failover,
    /// Home: from the target to the main world.
    Failback,
    /// Out of the world and into it again; no override is set.
    Rejoin,
}

/// What set it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// The one-step request.
    Api,
    /// Live config values edited by hand.
    LiveConfig,
    /// A drill.
    Drill,
}

/// Whether people leave at once or when it is their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Drop now, rejoin at the slot.
    #[default]
    Emergency,
    /// Stay in the world until the slot.
    Graceful,
}

/// Where a failover is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MovePhase {
    /// People are being moved.
    Moving,
    /// An operator stopped the moves for a while.
    Held,
    /// Everybody is accounted for.
    Complete,
    /// Everybody is accounted for but some, who are named.
    CompleteWithStragglers,
    /// Undone or overtaken before it was complete.
    Cancelled,
    /// Complete, and people were brought home since.
    FailedBack,
}

impl MovePhase {
    /// Whether people are still to be moved.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Moving | Self::Held)
    }
}

/// A precondition of a failover that does not hold, or does only just.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Which rule.
    pub code: String,
    /// What does not hold.
    pub message: String,
    /// The value at the main world.
    pub main: Value,
    /// The value at the target.
    pub standby: Value,
    /// What to do about it.
    pub remedy: String,
    /// Whether `force` with a reason overrides it.
    pub may_force: bool,
}

/// What was planned when it began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanSummary {
    /// Sessions to move.
    pub sessions: usize,
    /// Time over which they are spread.
    pub window_ms: u64,
    /// How many are placed in a second.
    pub rate_per_second: f64,
    /// Rules that were overridden.
    pub rules: Vec<Rule>,
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FailoverRequest {
    /// Say what would happen and change nothing.
    pub dry_run: bool,
    /// Where to; the standby if absent.
    pub target_world_id: Option<WorldId>,
    /// Whether people leave at once.
    pub mode: Mode,
    /// Why, for the audit log; required with `force`.
    pub reason: String,
    /// A message to the players.
    pub message: Option<String>,
    /// How many are placed in a second at most.
    pub max_rejoins_per_second: Option<f64>,
    /// Override the rules that may be overridden.
    pub force: bool,
    /// Launch a sleeping target and move people once it is Active.
    pub wait_for_target: bool,
}

/// A failover, failback or rejoin as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailoverRecord {
    /// Its id.
    pub id: FailoverId,
    /// Which way.
    pub kind: Kind,
    /// What set it off.
    pub trigger: Trigger,
    /// The world whose people move; of a failback, the world that they come home to.
    pub world_id: WorldId,
    /// Where they go.
    pub target_world_id: WorldId,
    /// The target's deployment when it began.
    pub target_deployment_id: Option<DeploymentId>,
    /// Where it is.
    pub phase: MovePhase,
    /// Whether people leave at once.
    pub mode: Mode,
    /// Why.
    pub reason: String,
    /// The message to players.
    pub message: Option<String>,
    /// Who began it.
    pub by: String,
    /// When it was committed.
    pub started_at: Timestamp,
    /// When it was done.
    pub finished_at: Option<Timestamp>,
    /// The revision of the commit; known once it is read back.
    #[serde(default)]
    pub revision: u64,
    /// The value of the counter that it raised.
    pub counter: u64,
    /// What was planned.
    pub plan: PlanSummary,
    /// The counts, kept up to date in batches.
    pub counts: Counts,
    /// Refusals by code.
    pub refusals: BTreeMap<ErrorCode, usize>,
    /// Time that clients were without a world.
    pub dark_ms: Figures,
    /// From the commit to the frame written to a session's socket.
    pub fanout_ms: Figures,
    /// From the main world's last healthy moment to the last landing.
    pub outage_ms: Option<u64>,
    /// The main world's last healthy moment, if it was not healthy any more.
    #[serde(default)]
    pub last_healthy_at: Option<Timestamp>,
    /// Whether the present were fixed and stored.
    #[serde(default)]
    pub present_fixed: bool,
    /// How often an operator had the pending told again.
    #[serde(default)]
    pub nudges: u32,
    /// Whether it is on hold until its target takes people: nobody is told to leave before.
    #[serde(default)]
    pub waits_for_target: bool,
    /// Whether it was on hold from the beginning on, so that nobody was told to leave yet: people
    /// stay where they are.
    #[serde(default)]
    pub nobody_told: bool,
    /// The counter that people in the world had when it began: who may stay has it still.
    #[serde(default)]
    pub counter_before: u64,
    /// When the wait for its target was over, if there was one.
    #[serde(default)]
    pub waited_until: Option<Timestamp>,
    /// The rate of the plan, while its target was made to take fewer people than that.
    #[serde(default)]
    pub planned_per_second: Option<f64>,
}

impl FailoverRecord {
    /// From when on people are told.
    #[must_use]
    pub fn told_from(&self) -> Timestamp {
        self.waited_until.unwrap_or(self.started_at)
    }

    /// Whether people stay where they are until they are told that it is their turn.
    #[must_use]
    pub fn lets_stay(&self) -> bool {
        self.kind != Kind::Failback && (self.mode == Mode::Graceful || self.nobody_told)
    }

    /// Its target takes so many people in a second from now on: it goes no faster than that, and
    /// no faster than planned either.
    #[must_use]
    pub fn at_pace_of_target(&self, per_second: f64) -> Self {
        let planned = self.planned_per_second.unwrap_or(self.plan.rate_per_second);
        let mut next = Self {
            planned_per_second: Some(planned).filter(|planned| per_second < *planned),
            ..self.clone()
        };
        next.plan.rate_per_second = per_second.min(planned);
        next
    }

    /// It goes at this pace from now on, which an operator set.
    #[must_use]
    pub fn at_pace(&self, per_second: f64) -> Self {
        let mut next = Self { planned_per_second: None, ..self.clone() };
        next.plan.rate_per_second = per_second;
        next
    }

    /// It ends before everyone is accounted for.
    #[must_use]
    pub fn cancelled(&self, now: Timestamp) -> Self {
        Self { phase: MovePhase::Cancelled, finished_at: Some(now), ..self.clone() }
    }

    /// Its target takes people now, or nobody wants to wait for that any more.
    #[must_use]
    pub fn go_on(&self, now: Timestamp) -> Self {
        let waited_until = self.nobody_told.then_some(now).or(self.waited_until);
        Self {
            phase: MovePhase::Moving,
            waits_for_target: false,
            nobody_told: false,
            waited_until,
            ..self.clone()
        }
    }
}
