//! Launches: a new deployment of a world, with the live config that it begins with.

use std::sync::Arc;

use lifeboat_core::catalog::{Catalog, LiveEntry};
use lifeboat_core::code::ErrorCode;
use lifeboat_core::deployment::Deployment;
use lifeboat_core::failover::{FailoverRecord, Kind, MovePhase};
use lifeboat_core::ids::{DeploymentId, LaunchContextId, WorldId};
use lifeboat_core::limits::WRITE_RETRIES_MAX;
use lifeboat_core::live_config::{Carry, LaunchSeed};
use lifeboat_core::phase::{Phase, PhaseAnswer, PhaseEvent};
use lifeboat_core::reconcile::{self, LaunchIds};
use lifeboat_core::world::World;
use lifeboat_store::{Precondition, Transaction};
use serde::Deserialize;

use super::draft::manifest;
use super::stored::{
    self, Draft, Stored, audited_deployment, commit, contended, put_deployment, put_world,
};
use crate::app::App;
use crate::failover::fields::check_reason;
use crate::failover::put_records;
use crate::http::problem::{ApiError, ApiResult};
use crate::live_config::{history_key, live_of, rules_of};
use crate::writer::{About, Actor, WriteError, json, unchanged};
use crate::{ids, keyspace};

/// What becomes of overrides that are set when a world is launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum OnFailedOver {
    /// Joiners go on being sent elsewhere.
    Keep,
    /// The overrides are cleared; nobody is called home by that.
    Clear,
}

/// How a world is launched.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct LaunchOptions {
    /// Whether the deployment gets a launch context, for clients of base version 37 and older.
    pub(crate) launch_context: bool,
    /// Has to be said when overrides are set.
    pub(crate) failover: Option<OnFailedOver>,
    /// Whether `project` keeps its values instead of returning to the defaults.
    pub(crate) keep_live_config: bool,
    /// Why, for the audit log.
    pub(crate) reason: Option<String>,
}

impl Default for LaunchOptions {
    fn default() -> Self {
        Self { launch_context: true, failover: None, keep_live_config: false, reason: None }
    }
}

/// Launches a world that does not run.
///
/// # Errors
/// `world_running`, `world_failed_over`, or what of its build is not installed.
pub(crate) async fn launch(
    app: &App,
    actor: &Actor,
    id: &WorldId,
    options: &LaunchOptions,
) -> ApiResult<Arc<Deployment>> {
    check_reason(options.reason.as_deref())?;
    let _turn = app.writer.turn(id).await;
    for _ in 0..WRITE_RETRIES_MAX {
        let world = stored::world(app, id).await?;
        let old = stored::current(app, &world.record).await?;
        check_phase(&world.record, old.as_ref(), PhaseEvent::Launch)?;
        let catalog = app.catalog();
        let new = new_deployment(app, &world.record, options)?;
        let transaction = succeed(&world, old.as_ref(), &new);
        let reseeded = reseed(app, &catalog, actor, &world.record, options, transaction).await?;
        let Some(transaction) = reseeded else {
            app.catch_up().await;
            continue;
        };
        let about = about("world.launch", id, old.as_ref(), &new, options.reason.clone());
        if commit(app, actor, Draft { transaction, about }).await? {
            return Ok(launched(app, new));
        }
    }
    Err(contended())
}

/// The deployment as this node serves it now, and the reconciler on its way.
pub(super) fn launched(app: &App, new: Deployment) -> Arc<Deployment> {
    app.reconcile.notify_one();
    app.catalog().deployment(&new.id).cloned().unwrap_or_else(|| Arc::new(new))
}

pub(super) fn about(
    action: &'static str,
    id: &WorldId,
    old: Option<&Stored<Deployment>>,
    new: &Deployment,
    reason: Option<String>,
) -> About {
    About {
        action,
        target: id.to_string(),
        before: audited_deployment(old.map(|old| &old.record)),
        after: audited_deployment(Some(new)),
        reason,
    }
}

/// Asks the table of phases whether the world takes the operator's request now.
pub(super) fn check_phase(
    world: &World,
    current: Option<&Stored<Deployment>>,
    event: PhaseEvent,
) -> ApiResult<PhaseAnswer> {
    let phase = current.map_or(Phase::Inactive, |current| current.record.phase);
    let answer = phase.on(event);
    let PhaseAnswer::Refuse(code) = answer else { return Ok(answer) };
    let remedy = match (code, phase) {
        (ErrorCode::WorldRunning, Phase::Stopping) => "wait until it has stopped",
        (ErrorCode::WorldRunning, _) => "stop it first, or restart it",
        (_, Phase::Stopping) => "wait until it has stopped, then launch it",
        _ => "launch it",
    };
    Err(ApiError::new(code, format!("world {} is {phase:?}; {remedy}", world.id)))
}

/// A deployment with new ids.
pub(super) fn new_deployment(
    app: &App,
    world: &World,
    options: &LaunchOptions,
) -> ApiResult<Deployment> {
    let launch_context =
        options.launch_context.then(|| LaunchContextId::from_unique(&ids::unique()));
    let ids = LaunchIds { deployment: DeploymentId::from_unique(&ids::unique()), launch_context };
    let manifest = manifest(&app.mods, &world.spec.build)?;
    reconcile::launch(world, manifest, ids, app.now()).map_err(ApiError::fields)
}

/// Makes `new` the world's deployment, and has the one before it stopped if it still may run.
pub(super) fn succeed(
    world: &Stored<World>,
    old: Option<&Stored<Deployment>>,
    new: &Deployment,
) -> Transaction {
    let next = World { deployment: Some(new.id.clone()), ..world.record.clone() };
    let key = keyspace::deployment(&new.id);
    let transaction = put_world(Transaction::new(), &next, world.modified)
        .require(Precondition::absent(&key))
        .put(key, json(new));
    let Some(old) = old else { return transaction };
    let why = format!("deployment {} took its place", new.id);
    match reconcile::stop(&old.record, &why) {
        Ok(Some(stopping)) => put_deployment(transaction, &stopping, old.modified),
        // It has ended, or is ending; that stays so.
        Ok(None) | Err(_) => transaction,
    }
}

/// The same commit with the live config that the launch begins with; none when the failover that it
/// cancels is not as the catalog has it any more.
async fn reseed(
    app: &App,
    catalog: &Catalog,
    actor: &Actor,
    world: &World,
    options: &LaunchOptions,
    transaction: Transaction,
) -> ApiResult<Option<Transaction>> {
    let live = live_of(catalog, &world.id)?;
    let is_failed_over = live.game.failover.is_set();
    if is_failed_over && options.failover.is_none() {
        let detail = format!(
            "world {} sends its joiners to {}: say in `failover` whether to `keep` that or to \
             `clear` it",
            world.id, live.game.failover.override_world_id
        );
        return Err(ApiError::new(ErrorCode::WorldFailedOver, detail));
    }
    let clears = is_failed_over && options.failover == Some(OnFailedOver::Clear);
    let seed = LaunchSeed {
        project: if options.keep_live_config { Carry::Keep } else { Carry::Reset },
        failover: if clears { Carry::Reset } else { Carry::Keep },
    };
    let next = rules_of(app, world)?.reseed(&live.config, seed);
    let key = keyspace::live(&world.id);
    // Also when nothing is written: nobody may fail the world over in this moment.
    let mut transaction = transaction.require(unchanged(key.clone(), live.revision));
    if next != live.config {
        let now = app.now();
        let entry = LiveEntry::new(0, now, actor.name.clone(), next);
        transaction =
            transaction.put(key, json(&entry)).put(history_key(&world.id, now), json(&entry));
    }
    let moving = catalog.open_failover(&world.id).filter(|one| one.kind == Kind::Failover);
    let Some(moving) = moving.filter(|_| clears) else { return Ok(Some(transaction)) };
    // Its people have nowhere to go to any more, as when the overrides are cleared by hand.
    let record = FailoverRecord {
        phase: MovePhase::Cancelled,
        finished_at: Some(app.now()),
        ..FailoverRecord::clone(moving)
    };
    match put_records(app, catalog, transaction, &[record]).await {
        Ok(transaction) => Ok(Some(transaction)),
        Err(WriteError::Lost) => Ok(None),
        Err(failed) => Err(failed.into()),
    }
}
