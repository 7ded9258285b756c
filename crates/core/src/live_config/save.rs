//! The rules about where an override leads: what can only be judged by looking at other worlds.

mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::LiveConfig;
use super::game::{GameConfig, OverrideTarget};
use super::problem::ProblemKind;
use crate::ids::{DeploymentId, LaunchContextId, WorldId};
use crate::problem::FieldProblem;
use crate::version::BaseVersion;

/// What the rules have to know of worlds and deployments. The caller answers from one revision.
pub trait OverrideFacts {
    /// The world with this id.
    fn world(&self, id: &WorldId) -> Option<WorldFacts>;
    /// The deployment with this id, ended ones too.
    fn deployment(&self, id: &DeploymentId) -> Option<DeploymentFacts>;
    /// Whether the comparison of the two worlds finds `target` fit to stand in for `main`.
    fn is_ready_to_stand_in(&self, main: &WorldId, target: &WorldId) -> bool;
    /// The main world whose mirror overwrites at once what this step changes at its standby.
    fn overwritten_by(&self, standby: &WorldId, step: SaveStep<'_>) -> Option<WorldId>;
}

/// A save, as the whole of the values before and after it.
#[derive(Debug, Clone, Copy)]
pub struct SaveStep<'a> {
    /// What was there.
    pub before: &'a LiveConfig,
    /// What is to be there.
    pub after: &'a LiveConfig,
}

/// What the rules have to know of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldFacts {
    /// Its base version.
    pub base_version: BaseVersion,
    /// Its deployment that takes people now; none while it is not Active.
    pub active_deployment: Option<DeploymentId>,
    /// Whether its active deployment is healthy; false without one.
    pub is_healthy: bool,
    /// Where it sends its own joiners, as saved now.
    pub target: Option<OverrideTarget>,
}

/// What the rules have to know of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentFacts {
    /// The world that it is of.
    pub world: WorldId,
    /// Whether it takes people now.
    pub is_active: bool,
    /// Its launch context.
    pub launch_context: Option<LaunchContextId>,
}

/// Something that a save did not stop at, and that the operator should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// Joiners are sent away from a world that is healthy.
    MainHealthy,
    /// The comparison of main and target is not green.
    StandbyNotReady,
    /// Everyone rejoins, and into the same world.
    CounterWithoutOverride,
    /// The pinned deployment has ended or is not the target's; its active one is used.
    OverrideDeploymentStale,
    /// People are called home while the override sends them away again.
    RedirectedWithOverride,
    /// The standby mirrors its main world, which overwrites what was changed.
    MirrorOverwrites,
}

/// A warning in the answer to a save.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveWarning {
    /// Which.
    pub code: WarningCode,
    /// What it means here, and what to do.
    pub message: String,
}

/// Whether an operator insists, with a reason, on what the state speaks against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Force {
    /// No: every problem stops the save.
    No,
    /// Yes: only problems of the request itself stop it.
    WithReason,
}

/// What the rules about the target say of a save.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverrideCheck {
    /// Why the save is refused; see [`OverrideCheck::refusals`].
    pub problems: Vec<FieldProblem>,
    /// What the operator should know.
    pub warnings: Vec<SaveWarning>,
    /// The worlds whose overrides were followed, main included. A commit that holds only if none
    /// of their live configs changed cannot close a cycle together with another save.
    pub worlds_read: BTreeSet<WorldId>,
}

impl OverrideCheck {
    /// The problems that stop the save.
    pub fn refusals(&self, force: Force) -> impl Iterator<Item = &FieldProblem> {
        self.problems
            .iter()
            .filter(move |problem| force == Force::No || !ProblemKind::of(problem.code).may_force())
    }
}

/// Judges the override of `main` in the step from `before` to `after`.
///
/// The rules about the target run only when the section `Failover` changes: an override that has
/// gone stale since does not stand in the way of an unrelated save. Warnings are always given.
#[must_use]
pub fn check_override(
    main: &WorldId,
    before: &LiveConfig,
    after: &LiveConfig,
    facts: &impl OverrideFacts,
) -> OverrideCheck {
    let overwritten_by = facts.overwritten_by(main, SaveStep { before, after });
    let (before, after) = (GameConfig::read(before), GameConfig::read(after));
    let is_changed = before.failover != after.failover;
    let mut check = OverrideCheck::default();
    if is_changed && after.failover.is_set() {
        target::check(main, &after.failover, facts, &mut check);
    }
    target::warn(main, &before, &after, facts, &mut check);
    check.warnings.extend(overwritten_by.map(|main| SaveWarning {
        code: WarningCode::MirrorOverwrites,
        message: format!(
            "this standby mirrors {main}, which overwrites what was changed here: save it there, \
             or end the mirror first"
        ),
    }));
    check
}
