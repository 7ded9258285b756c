//! Routing a join: from the world that was asked for to a deployment that takes the user, or to a
//! refusal. Pure; seats, pacing and the choice of the server come after it, in the gateway's desk.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{Identity, may_enter};
use crate::catalog::Catalog;
use crate::code::ErrorCode;
use crate::deployment::Deployment;
use crate::ids::{LaunchContextId, WorldId};
use crate::limits::OVERRIDE_HOPS_MAX;
use crate::live_config::OverrideTarget;
use crate::version::BaseVersion;
use crate::world::World;

/// Where a join leads.
#[derive(Debug, Clone)]
pub struct Route {
    /// The world placed in.
    pub world: Arc<World>,
    /// The deployment placed in: Active, with a server that takes people.
    pub deployment: Arc<Deployment>,
    /// For clients of base version 37 and older: how they launch.
    pub launch_context: Option<LaunchContextId>,
    /// Overrides followed on the way; more than zero means redirected.
    pub hops: usize,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub code: ErrorCode,
    /// When asking again may help; none where waiting does not help.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal that waiting does not help against.
    #[must_use]
    pub const fn last(code: ErrorCode) -> Self {
        Self { code, retry_after: None }
    }

    /// A refusal for the time being.
    #[must_use]
    pub const fn for_now(code: ErrorCode, retry_after: Duration) -> Self {
        Self { code, retry_after: Some(retry_after) }
    }
}

/// How long clients wait before they ask again for a world that does not run. The caller spreads
/// it, so that they do not come together.
pub const NOT_ACTIVE_RETRY: Duration = Duration::from_secs(3);

/// Where a join of `requested` leads.
///
/// # Errors
/// A [`Refusal`] with the first rule that does not hold, in the order of DESIGN's routing.
pub fn route(
    catalog: &Catalog,
    requested: &WorldId,
    identity: &Identity,
    client: Option<BaseVersion>,
) -> Result<Route, Refusal> {
    let first = catalog.world(requested).ok_or(Refusal::last(ErrorCode::WorldNotFound))?;
    refuse_banned(catalog, identity, requested)?;
    may_enter(&first.spec.access, identity).map_err(Refusal::last)?;

    let end = follow_overrides(catalog, requested)?;
    if end.hops > 0 {
        // The right to enter was decided at the requested world; only bans hold everywhere.
        refuse_banned(catalog, identity, &end.world.id)?;
    }
    let deployment = usable_deployment(catalog, &end)?;
    let version = client.unwrap_or(deployment.build.base_version);
    if version != deployment.build.base_version {
        return Err(Refusal::last(ErrorCode::BaseVersionMismatch));
    }
    let launch_context = launch_context(catalog, &end, &deployment, version)?;
    Ok(Route { world: end.world, deployment, launch_context, hops: end.hops })
}

/// The world that joiners of `requested` are sent to in the end, whatever its state.
///
/// # Errors
/// [`ErrorCode::OverrideCycle`] when the overrides do not end, [`ErrorCode::TargetNotActive`] when
/// they lead to a world that is gone.
pub fn destination(catalog: &Catalog, requested: &WorldId) -> Result<Arc<World>, Refusal> {
    follow_overrides(catalog, requested).map(|end| end.world)
}

/// The end of a chain of overrides.
struct ChainEnd {
    world: Arc<World>,
    /// The override that led here.
    by: Option<OverrideTarget>,
    hops: usize,
}

fn follow_overrides(catalog: &Catalog, requested: &WorldId) -> Result<ChainEnd, Refusal> {
    let mut at = requested.clone();
    let mut by = None;
    for hops in 0..=OVERRIDE_HOPS_MAX {
        let gone = if hops == 0 {
            Refusal::last(ErrorCode::WorldNotFound)
        } else {
            Refusal::for_now(ErrorCode::TargetNotActive, NOT_ACTIVE_RETRY)
        };
        let world = catalog.world(&at).ok_or(gone)?;
        match catalog.override_of(&at) {
            None => return Ok(ChainEnd { world: Arc::clone(world), by, hops }),
            Some(target) => {
                at = target.world.clone();
                by = Some(target);
            }
        }
    }
    Err(Refusal::for_now(ErrorCode::OverrideCycle, NOT_ACTIVE_RETRY))
}

fn refuse_banned(catalog: &Catalog, identity: &Identity, world: &WorldId) -> Result<(), Refusal> {
    if catalog.is_banned(&identity.user, world) {
        return Err(Refusal::last(ErrorCode::Banned));
    }
    Ok(())
}

/// The pinned deployment while it lives, else the world's newest one; either has to take people.
fn usable_deployment(catalog: &Catalog, end: &ChainEnd) -> Result<Arc<Deployment>, Refusal> {
    let pinned = end
        .by
        .as_ref()
        .and_then(|by| catalog.deployment(by.deployment.as_ref()?))
        .filter(|pinned| pinned.world == end.world.id && pinned.takes_people());
    let chosen = pinned.or_else(|| catalog.current_deployment(&end.world.id));
    match chosen {
        Some(deployment) if deployment.takes_people() => Ok(Arc::clone(deployment)),
        Some(_) | None if end.hops > 0 => {
            Err(Refusal::for_now(ErrorCode::TargetNotActive, NOT_ACTIVE_RETRY))
        }
        Some(_) | None => Err(Refusal::for_now(ErrorCode::WorldNotActive, NOT_ACTIVE_RETRY)),
    }
}

/// Old clients get the override's launch context, else the deployment's own; newer ones none.
fn launch_context(
    catalog: &Catalog,
    end: &ChainEnd,
    deployment: &Deployment,
    version: BaseVersion,
) -> Result<Option<LaunchContextId>, Refusal> {
    if !version.needs_launch_context() {
        return Ok(None);
    }
    // An override's launch context belongs to the deployment that it was saved with; once another
    // one runs, only that one's own can be right.
    let is_passed_over = |set: &LaunchContextId| {
        let pinned = end.by.as_ref().and_then(|by| by.deployment.as_ref());
        let of_another = |one: &Arc<Deployment>| {
            one.id != deployment.id && one.launch_context.as_ref() == Some(set)
        };
        pinned.is_some_and(|pinned| pinned != &deployment.id)
            || catalog.deployments().any(of_another)
    };
    let set = end.by.as_ref().and_then(|by| by.launch_context.clone());
    set.filter(|set| !is_passed_over(set))
        .or_else(|| deployment.launch_context.clone())
        .map(Some)
        .ok_or(Refusal::last(ErrorCode::LaunchContextRequired))
}

#[cfg(test)]
mod tests;
