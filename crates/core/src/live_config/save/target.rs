//! One function for each rule about the target of an override.

use super::{DeploymentFacts, OverrideCheck, OverrideFacts, SaveWarning, WarningCode, WorldFacts};
use crate::code::ErrorCode;
use crate::ids::{DeploymentId, WorldId};
use crate::limits::OVERRIDE_HOPS_MAX;
use crate::live_config::game::{Failover, GameConfig};
use crate::live_config::problem::{problem, quote};
use crate::problem::FieldProblem;
use crate::version::BaseVersion;

const WORLD: &str = "/game/Failover/OverrideWorldId";
const DEPLOYMENT: &str = "/game/Failover/OverrideDeploymentId";
const LAUNCH_CONTEXT: &str = "/game/Failover/OverrideLaunchContextId";

/// Runs every rule about the target of an override that is set.
pub(super) fn check(
    main: &WorldId,
    failover: &Failover,
    facts: &impl OverrideFacts,
    check: &mut OverrideCheck,
) {
    check.worlds_read.insert(main.clone());
    let text = &failover.override_world_id;
    let found = text.parse::<WorldId>().ok().and_then(|id| Some((facts.world(&id)?, id)));
    let Some((target, target_id)) = found else {
        return check.problems.push(target_not_found(text, facts));
    };
    check.worlds_read.insert(target_id.clone());
    if target_id == *main {
        return check.problems.push(problem(
            WORLD,
            ErrorCode::OverrideSelf,
            format!("a world cannot stand in for itself: {target_id} is this very world"),
        ));
    }
    let pinned = pinned_deployment(&target_id, failover, facts);
    if let Err(reason) = &pinned {
        check.problems.push(problem(
            DEPLOYMENT,
            ErrorCode::OverrideDeploymentMismatch,
            format!("`OverrideDeploymentId` {reason}; leave it empty for the active deployment"),
        ));
    }
    match end_of_chain(main, &target_id, &target, facts, check) {
        Ok(end) => check.problems.extend(target_not_active(&end)),
        Err(found) => check.problems.push(*found),
    }
    let deployment = pinned.ok().flatten().or_else(|| active_deployment(&target, facts));
    let main_facts = facts.world(main);
    check.problems.extend(launch_context(
        failover,
        main_facts.as_ref(),
        &target,
        deployment.as_ref(),
    ));
}

fn target_not_found(text: &str, facts: &impl OverrideFacts) -> FieldProblem {
    let deployment = text.parse::<DeploymentId>();
    let message = match deployment.as_ref().map(|id| facts.deployment(id)) {
        Ok(Some(DeploymentFacts { world, .. })) => format!(
            "`OverrideWorldId` holds a deployment's id: put {} into `OverrideDeploymentId` and \
             its world, {world}, here",
            quote(text)
        ),
        Ok(None) => format!(
            "`OverrideWorldId` holds a deployment's id, {}, and of a deployment that does not \
             exist: put the id of the failover world (wld_…) here",
            quote(text)
        ),
        Err(_) => format!(
            "`OverrideWorldId` must be the id of an existing world, but there is no world {}: \
             copy the World ID from the failover world's page",
            quote(text)
        ),
    };
    problem(WORLD, ErrorCode::OverrideTargetNotFound, message)
}

/// The deployment that the override pins, if it pins one that people can be sent to; else what
/// speaks against it.
fn pinned_deployment(
    target: &WorldId,
    failover: &Failover,
    facts: &impl OverrideFacts,
) -> Result<Option<DeploymentFacts>, String> {
    let text = &failover.override_deployment_id;
    if text.is_empty() {
        return Ok(None);
    }
    let found = text.parse::<DeploymentId>().ok().and_then(|id| facts.deployment(&id));
    let name = quote(text);
    match found {
        None if text.starts_with(WorldId::PREFIX) => Err(format!("holds a world's id, {name}")),
        None => Err(format!("must be a deployment of {target}, but there is no {name}")),
        Some(found) if found.world != *target => {
            Err(format!("must be a deployment of {target}, but {name} is one of {}", found.world))
        }
        Some(found) if !found.is_active => {
            Err(format!("must be a deployment that runs, but {name} does not"))
        }
        Some(found) => Ok(Some(found)),
    }
}

fn active_deployment(target: &WorldFacts, facts: &impl OverrideFacts) -> Option<DeploymentFacts> {
    target.active_deployment.as_ref().and_then(|id| facts.deployment(id))
}

/// Where people end up: the target, or where its own override leads on.
struct End {
    id: WorldId,
    is_active: bool,
    is_first: bool,
}

/// Follows the overrides from the target on, noting each world on the way.
fn end_of_chain(
    main: &WorldId,
    target_id: &WorldId,
    target: &WorldFacts,
    facts: &impl OverrideFacts,
    check: &mut OverrideCheck,
) -> Result<End, Box<FieldProblem>> {
    let cycle = |message| Box::new(problem(WORLD, ErrorCode::OverrideCycle, message));
    let mut way = vec![main.clone(), target_id.clone()];
    let mut at = target.clone();
    while let Some(next) = at.target.as_ref().map(|target| target.world.clone()) {
        let is_seen = way.contains(&next);
        way.push(next.clone());
        if is_seen {
            return Err(cycle(format!(
                "following the overrides never ends: {}; clear one of them",
                way.iter().map(WorldId::as_str).collect::<Vec<_>>().join(" → ")
            )));
        }
        if way.len() > OVERRIDE_HOPS_MAX + 1 {
            return Err(cycle(format!(
                "a join follows at most {OVERRIDE_HOPS_MAX} overrides, and {target_id} leads \
                 further: name the last world of the chain"
            )));
        }
        check.worlds_read.insert(next.clone());
        let Some(found) = facts.world(&next) else {
            return Ok(End { id: next, is_active: false, is_first: false });
        };
        at = found;
    }
    let is_first = way.len() == 2;
    let id = way.pop().unwrap_or_else(|| target_id.clone());
    Ok(End { id, is_active: at.active_deployment.is_some(), is_first })
}

fn target_not_active(end: &End) -> Option<FieldProblem> {
    let End { id, is_active, is_first } = end;
    let how = if *is_first { "" } else { ", to which the target leads on," };
    (!is_active).then(|| {
        problem(
            WORLD,
            ErrorCode::OverrideTargetNotActive,
            format!(
                "{id}{how} is not Active: launch it and wait until it is, or force this with a \
                 reason"
            ),
        )
    })
}

fn launch_context(
    failover: &Failover,
    main: Option<&WorldFacts>,
    target: &WorldFacts,
    deployment: Option<&DeploymentFacts>,
) -> Option<FieldProblem> {
    let given = &failover.override_launch_context_id;
    let known = deployment.map(|deployment| deployment.launch_context.as_ref());
    if given.is_empty() {
        let is_asked_for =
            main.into_iter().chain([target]).any(|world| world.base_version.needs_launch_context());
        let is_known = known.flatten().is_some();
        return (is_asked_for && !is_known).then(|| {
            problem(
                LAUNCH_CONTEXT,
                ErrorCode::LaunchContextRequired,
                format!(
                    "clients of base version {} and older need a launch context, and the target's \
                     deployment has none: set `OverrideLaunchContextId`, or launch the target \
                     with one",
                    BaseVersion::LAST_WITH_LAUNCH_CONTEXT
                ),
            )
        });
    }
    let message = match known? {
        Some(known) if known.as_str() == given => return None,
        Some(known) => format!(
            "`OverrideLaunchContextId` must be {known}, that of the target's deployment, but is \
             {}; leave it empty to use that one",
            quote(given)
        ),
        None => format!(
            "`OverrideLaunchContextId` is {}, but the target's deployment was launched without a \
             launch context: clear it, or launch the target with one",
            quote(given)
        ),
    };
    Some(problem(LAUNCH_CONTEXT, ErrorCode::OverrideLaunchContextMismatch, message))
}

/// Notes what does not stop the save.
pub(super) fn warn(
    main: &WorldId,
    before: &GameConfig,
    after: &GameConfig,
    facts: &impl OverrideFacts,
    check: &mut OverrideCheck,
) {
    let mut warn = |code, message| check.warnings.push(SaveWarning { code, message });
    let is_changed = before.failover != after.failover;
    let is_raised = after.force_disconnect.all_clients > before.force_disconnect.all_clients;
    let Some(target) = after.failover.target() else {
        if is_raised && !after.failover.is_set() {
            warn(
                WarningCode::CounterWithoutOverride,
                "no override is set: everyone rejoins, and into this same world".to_owned(),
            );
        }
        return;
    };
    if after.force_disconnect.redirected > before.force_disconnect.redirected {
        warn(
            WarningCode::RedirectedWithOverride,
            format!(
                "the override to {} stands: whoever was sent elsewhere is called, and sent there \
                 again; clear `OverrideWorldId` in the same save to bring people home",
                target.world
            ),
        );
    }
    if is_changed && facts.world(main).is_some_and(|world| world.is_healthy) {
        warn(
            WarningCode::MainHealthy,
            "this world is healthy, and from now on its joiners are sent elsewhere: clear \
             `OverrideWorldId` if that is not meant"
                .to_owned(),
        );
    }
    if (is_changed || is_raised) && !facts.is_ready_to_stand_in(main, &target.world) {
        warn(
            WarningCode::StandbyNotReady,
            format!("{} does not match this world: look at its readiness", target.world),
        );
    }
    if let Err(reason) = pinned_deployment(&target.world, &after.failover, facts) {
        warn(
            WarningCode::OverrideDeploymentStale,
            format!(
                "`OverrideDeploymentId` {reason}; it is passed over for the active deployment of \
                 {}",
                target.world
            ),
        );
    }
}
