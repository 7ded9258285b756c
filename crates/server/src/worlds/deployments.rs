//! What operators do with a deployment that runs: stop, restart, extend.

use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::deployment::Deployment;
use lifeboat_core::ids::{DeploymentId, WorldId};
use lifeboat_core::limits::{DURATION_MINUTES_MAX, WRITE_RETRIES_MAX};
use lifeboat_core::phase::PhaseEvent;
use lifeboat_core::reconcile;
use lifeboat_store::Transaction;
use serde::Deserialize;

use super::draft::invalid;
use super::launch::{LaunchOptions, about, check_phase, launched, new_deployment, succeed};
use super::stored::{
    self, Draft, audited_deployment, commit, contended, no_deployment, put_deployment,
};
use crate::app::App;
use crate::failover::fields::check_reason;
use crate::http::problem::{ApiError, ApiResult};
use crate::writer::{About, Actor};

/// How a world is stopped.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct StopOptions {
    /// Stop it although people were sent there.
    pub(crate) force: bool,
    /// Why; required with `force`.
    pub(crate) reason: Option<String>,
}

/// How a world is restarted.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RestartOptions {
    /// Whether the new deployment gets a launch context, whatever the one before had.
    pub(crate) launch_context: bool,
    /// Restart it although people were sent there.
    pub(crate) force: bool,
    /// Why; required with `force`.
    pub(crate) reason: Option<String>,
}

impl Default for RestartOptions {
    fn default() -> Self {
        Self { launch_context: true, force: false, reason: None }
    }
}

/// Whether a rule is overridden, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forced {
    Yes,
    No,
}

/// What `force` and `reason` say together.
fn forced(force: bool, reason: Option<&str>) -> ApiResult<(Forced, Option<String>)> {
    let reason = reason.filter(|reason| !reason.trim().is_empty());
    if force && reason.is_none() {
        let detail = "`force` overrides a rule: say why in `reason`, for the audit log";
        return Err(ApiError::new(ErrorCode::ReasonRequired, detail));
    }
    check_reason(reason)?;
    Ok((if force { Forced::Yes } else { Forced::No }, reason.map(str::to_owned)))
}

/// Stops a world. One that is being stopped already stays so.
///
/// # Errors
/// `world_not_running`; `world_in_use` while people were sent there by an override, unless forced.
pub(crate) async fn stop(
    app: &App,
    actor: &Actor,
    id: &WorldId,
    options: &StopOptions,
) -> ApiResult<Arc<Deployment>> {
    let (forced, reason) = forced(options.force, options.reason.as_deref())?;
    let _turn = app.writer.turn(id).await;
    for _ in 0..WRITE_RETRIES_MAX {
        let world = stored::world(app, id).await?;
        let current = stored::current(app, &world.record).await?;
        check_phase(&world.record, current.as_ref(), PhaseEvent::Stop)?;
        if forced == Forced::No {
            check_nobody_was_sent(app, &app.catalog(), id)?;
        }
        let Some(current) = current else { break };
        let why = match &reason {
            Some(reason) => format!("stopped by {}: {reason}", actor.name),
            None => format!("stopped by {}", actor.name),
        };
        let Ok(Some(next)) = reconcile::stop(&current.record, &why) else {
            return Ok(Arc::new(current.record));
        };
        let transaction = put_deployment(Transaction::new(), &next, current.modified);
        let about = about("world.stop", id, Some(&current), &next, reason.clone());
        if commit(app, actor, Draft { transaction, about }).await? {
            return Ok(launched(app, next));
        }
    }
    Err(contended())
}

fn check_nobody_was_sent(app: &App, catalog: &Catalog, id: &WorldId) -> ApiResult<()> {
    let moving =
        catalog.failovers().filter(|one| one.phase.is_open() && one.target_world_id == *id);
    for record in moving.filter(|record| record.world_id != *id) {
        let pending = app.gateway.desk().progress(&record.id).map_or(0, |it| it.counts.pending);
        if pending > 0 {
            let detail = format!(
                "failover {} brings people of world {} here, and {pending} are still to come: \
                 undo it first, or send `force` with a `reason`",
                record.id, record.world_id
            );
            return Err(ApiError::new(ErrorCode::WorldInUse, detail));
        }
    }
    let leads_here = |main: &WorldId| catalog.override_of(main).is_some_and(|to| &to.world == id);
    let Some(main) = catalog.worlds().find(|world| leads_here(&world.id)) else { return Ok(()) };
    let people = app.gateway.desk().crowd(id).connected;
    if people == 0 {
        return Ok(());
    }
    let detail = format!(
        "world {} is failed over to world {id}, and {people} people are in it: fail back first, \
         or send `force` with a `reason`",
        main.id
    );
    Err(ApiError::new(ErrorCode::WorldInUse, detail))
}

/// Starts a new deployment in the place of the one that runs. Live config stays as it is.
///
/// # Errors
/// `world_not_running`; `world_in_use` while people were sent there by an override, unless forced;
/// or what of its build is not installed any more.
pub(crate) async fn restart(
    app: &App,
    actor: &Actor,
    id: &WorldId,
    options: &RestartOptions,
) -> ApiResult<Arc<Deployment>> {
    let (forced, reason) = forced(options.force, options.reason.as_deref())?;
    let _turn = app.writer.turn(id).await;
    for _ in 0..WRITE_RETRIES_MAX {
        let world = stored::world(app, id).await?;
        let old = stored::current(app, &world.record).await?;
        check_phase(&world.record, old.as_ref(), PhaseEvent::Restart)?;
        if forced == Forced::No {
            check_nobody_was_sent(app, &app.catalog(), id)?;
        }
        let launch_context = options.launch_context;
        let launch = LaunchOptions { launch_context, ..LaunchOptions::default() };
        let new = new_deployment(app, &world.record, &launch)?;
        let transaction = succeed(&world, old.as_ref(), &new);
        let about = about("world.restart", id, old.as_ref(), &new, reason.clone());
        if commit(app, actor, Draft { transaction, about }).await? {
            return Ok(launched(app, new));
        }
    }
    Err(contended())
}

/// Gives a deployment more time.
///
/// # Errors
/// `world_not_running` when it has ended; 422 when it would run longer than a world may.
pub(crate) async fn extend(
    app: &App,
    actor: &Actor,
    id: &DeploymentId,
    minutes: u32,
) -> ApiResult<Arc<Deployment>> {
    if !(1..=DURATION_MINUTES_MAX).contains(&minutes) {
        let message = format!("a deployment is extended by 1 to {DURATION_MINUTES_MAX} minutes");
        return Err(invalid("/minutes", message));
    }
    let world = stored::deployment(app, id).await?.record.world;
    let _turn = app.writer.turn(&world).await;
    for _ in 0..WRITE_RETRIES_MAX {
        let before = stored::deployment(app, id).await?;
        let next = extended(&before.record, minutes)?;
        let transaction = put_deployment(Transaction::new(), &next, before.modified);
        let about = About {
            action: "deployment.extend",
            target: id.to_string(),
            before: audited_deployment(Some(&before.record)),
            after: audited_deployment(Some(&next)),
            reason: None,
        };
        if commit(app, actor, Draft { transaction, about }).await? {
            return app.catalog().deployment(id).cloned().ok_or_else(|| no_deployment(id));
        }
    }
    Err(contended())
}

fn extended(deployment: &Deployment, minutes: u32) -> ApiResult<Deployment> {
    if deployment.phase.has_ended() {
        let detail = format!(
            "deployment {} is {:?}; launch its world anew instead",
            deployment.id, deployment.phase
        );
        return Err(ApiError::new(ErrorCode::WorldNotRunning, detail));
    }
    let ends_at = deployment.ends_at + Duration::from_mins(u64::from(minutes));
    let longest = Duration::from_mins(u64::from(DURATION_MINUTES_MAX));
    if ends_at.since(deployment.started_at) > longest {
        let left = longest.saturating_sub(deployment.ends_at.since(deployment.started_at));
        let message = format!(
            "a deployment runs at most {DURATION_MINUTES_MAX} minutes altogether; {} are left",
            left.as_secs() / 60
        );
        return Err(invalid("/minutes", message));
    }
    Ok(Deployment { ends_at, ..deployment.clone() })
}
