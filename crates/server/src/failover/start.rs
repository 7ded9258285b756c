//! Beginning a failover, the way back, and undoing one: overrides, counter, record and audit entry
//! in one commit.

use std::sync::{Arc, OnceLock};

use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::{
    Begun, FailoverRecord, FailoverRequest, Kind, MovePhase, NewRecord, Rule, Trigger, target_of,
};
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::live_config::{ConfigRules, LiveConfig};
use lifeboat_core::phase::Phase;
use lifeboat_core::problem::FieldProblem;
use lifeboat_core::readiness::is_standby_of;
use lifeboat_protocol::problem::Problem;
use serde_json::{Value, json};

use super::fields;
use super::planning::{Planned, Way, plan};
use super::record;
use crate::app::{App, world_of};
use crate::drills::{self, Preempted};
use crate::http::problem::{ApiError, ApiResult};
use crate::live_config::{self, SaveOptions, Step};
use crate::worlds::{self, LaunchOptions};
use crate::writer::{About, Actor};

/// What a request to begin led to.
pub(crate) enum Started {
    /// It began now.
    Began(Arc<FailoverRecord>),
    /// The same one is in progress already.
    Moving(Arc<FailoverRecord>),
    /// Nothing was changed; this is what would happen.
    Planned(Box<FailoverRecord>),
}

/// Fails a world over to its standby, or to the target that the request names.
pub(crate) async fn fail_over(
    app: &App,
    actor: &Actor,
    world: &WorldId,
    request: &FailoverRequest,
    trigger: Trigger,
) -> ApiResult<Started> {
    let way = Way { kind: Kind::Failover, trigger, action: "failover.run" };
    begin(app, actor, world, request, way).await
}

/// Brings everyone home who asked for a world and was sent elsewhere.
pub(crate) async fn fail_back(
    app: &App,
    actor: &Actor,
    world: &WorldId,
    request: &FailoverRequest,
    trigger: Trigger,
) -> ApiResult<Started> {
    if request.target_world_id.as_ref().is_some_and(|target| target != world) {
        let message = format!("a failback leads home, to {world} itself; leave it out");
        return Err(ApiError::fields(vec![FieldProblem::invalid("/targetWorldId", message)]));
    }
    let way = Way { kind: Kind::Failback, trigger, action: "failover.failback" };
    bring_home(app, actor, world, request, way).await
}

async fn bring_home(
    app: &App,
    actor: &Actor,
    world: &WorldId,
    request: &FailoverRequest,
    way: Way,
) -> ApiResult<Started> {
    let catalog = app.catalog();
    let main = world_of(&catalog, world)?;
    let is_moving_home =
        catalog.open_failover(world).is_some_and(|record| record.kind == Kind::Failback);
    // An override that was cleared by hand leaves people away whom nobody called home.
    let away = app.gateway.desk().present_for(Kind::Failback, world, app.now());
    if catalog.override_of(world).is_none() && !is_moving_home && away == 0 {
        let stands_in_for = main.standby_for.as_ref().and_then(|other| catalog.world(other));
        let nobody = "the world has no override, and nobody who asked for it is elsewhere: there is \
                      nothing to bring home";
        let detail = stands_in_for.map_or_else(|| nobody.to_owned(), |main| is_standby_of(main));
        return Err(ApiError::new(ErrorCode::NotFailedOver, detail));
    }
    begin(app, actor, world, request, way).await
}

/// Undoes a failover: overrides cleared, those still in main stay, those moved come home.
pub(crate) async fn undo(app: &App, actor: &Actor, id: &FailoverId) -> ApiResult<Started> {
    let catalog = app.catalog();
    let record = super::steer::known(&catalog, id)?;
    let is_failed_over = catalog.override_of(&record.world_id).is_some();
    let latest = catalog.latest_failover(&record.world_id);
    let is_it = latest.is_some_and(|latest| latest.id == *id)
        && !matches!(record.phase, MovePhase::Cancelled | MovePhase::FailedBack);
    if !is_failed_over || !is_it {
        let standing = latest.filter(|_| is_failed_over).map_or_else(
            || format!("world {} has none", record.world_id),
            |latest| format!("of world {} that is {}", record.world_id, latest.id),
        );
        let detail = format!(
            "only the failover whose override still stands can be undone, and {standing}; see \
             `status.failover` of the world"
        );
        return Err(ApiError::new(ErrorCode::FailoverState, detail));
    }
    let request = FailoverRequest {
        reason: format!("undo of {id}"),
        force: true,
        ..FailoverRequest::default()
    };
    let way = Way { kind: Kind::Failback, trigger: Trigger::Api, action: "failover.undo" };
    bring_home(app, actor, &record.world_id, &request, way).await
}

async fn begin(
    app: &App,
    actor: &Actor,
    world: &WorldId,
    request: &FailoverRequest,
    way: Way,
) -> ApiResult<Started> {
    check(request)?;
    world_of(&app.catalog(), world)?;
    let catalog = app.catalog();
    let mut planned = plan(app, &catalog, world, request, way);
    if let Some(moving) = same_in_progress(&catalog, world, &planned, way)? {
        if moving.waits_for_target && request.wait_for_target && !request.dry_run {
            // It may have been stopped, or have failed, while it was waited for.
            wake_target(app, actor, &catalog, Some(&moving.target_world_id)).await?;
        }
        return Ok(if request.dry_run {
            Started::Planned(Box::new((*moving).clone()))
        } else {
            Started::Moving(moving)
        });
    }
    if request.dry_run {
        let record = new_record(app, &catalog, actor, world, request, way, &planned, 0);
        return Ok(Started::Planned(Box::new(record)));
    }
    // A drill goes on until it is known that this begins, and waits then for what becomes of it.
    let mut preempted = Vec::new();
    if lacks_seats_only(&planned, request) {
        // Bots have taken them perhaps.
        preempted = preempt(app, world, way).await;
        planned = plan(app, &app.catalog(), world, request, way);
    }
    if !planned.may_proceed(request) {
        let refusal = blocked(&planned.rules);
        let about = About {
            action: way.action,
            target: world.to_string(),
            after: json!({ "rules": planned.rules }),
            reason: Some(request.reason.clone()).filter(|reason| !reason.is_empty()),
            ..About::default()
        };
        app.writer.note_refused(actor, about, refusal.code()).await;
        return Err(refusal);
    }
    if planned.waits_for_target {
        wake_target(app, actor, &catalog, planned.target.as_ref()).await?;
    }
    preempted.extend(preempt(app, world, way).await);
    commit(app, actor, world, request, way).await
}

async fn preempt(app: &App, world: &WorldId, way: Way) -> Vec<Preempted> {
    match way.trigger {
        Trigger::Drill => Vec::new(),
        Trigger::Api | Trigger::LiveConfig => drills::preempt(app, world).await,
    }
}

/// Whether nothing but seats stands in the way.
fn lacks_seats_only(planned: &Planned, request: &FailoverRequest) -> bool {
    !planned.may_proceed(request) && planned.rules.iter().all(|rule| rule.code == "seats")
}

/// Launches a target that sleeps. The redirect stands from the commit on; who is in the main world
/// is told to leave when the target is Active, and not before.
async fn wake_target(
    app: &App,
    actor: &Actor,
    catalog: &Catalog,
    target: Option<&WorldId>,
) -> ApiResult<()> {
    let Some(target) = target else { return Ok(()) };
    match catalog.phase(target) {
        Phase::Inactive | Phase::Error => {
            worlds::launch(app, actor, target, &LaunchOptions::default()).await?;
            Ok(())
        }
        Phase::Starting | Phase::Active | Phase::Stopping => Ok(()),
    }
}

async fn commit(
    app: &App,
    actor: &Actor,
    world: &WorldId,
    request: &FailoverRequest,
    way: Way,
) -> ApiResult<Started> {
    let redirect = |catalog: &Catalog, rules: &ConfigRules, now: &LiveConfig| {
        let main = catalog.world(world);
        let target = main.and_then(|main| target_of(way.kind, request, main));
        way.kind.redirect(rules, now, target.as_ref())
    };
    // The same one, if somebody else began it meanwhile.
    let same = OnceLock::new();
    let records = |step: &Step<'_>| {
        let planned = plan(app, step.catalog, world, request, way);
        if let Some(moving) = same_in_progress(step.catalog, world, &planned, way)? {
            let _ = same.set(moving);
            return Err(ApiError::new(ErrorCode::FailoverInProgress, "it has begun already"));
        }
        if !planned.may_proceed(request) {
            return Err(blocked(&planned.rules));
        }
        let counter = way.kind.counter().read(&step.after.config);
        let new = new_record(app, step.catalog, actor, world, request, way, &planned, counter);
        let ended = way.kind.overtakes(step.catalog, world, app.now());
        Ok(ended.into_iter().chain([new]).collect())
    };
    let options = SaveOptions {
        action: way.action,
        // What the state speaks against was weighed by the rules of the plan.
        force_reason: Some(request.reason.clone()),
        ..SaveOptions::default()
    };
    let change = live_config::Change { actor, world, options: &options, edit: redirect, records };
    match (change.save(app).await, same.get().cloned()) {
        (Ok(saved), _) => begun(saved.records).map(Started::Began),
        (Err(_), Some(moving)) => Ok(Started::Moving(moving)),
        (Err(refusal), None) => Err(refusal),
    }
}

/// The one that begins, of the records that were written with it.
fn begun(records: Vec<FailoverRecord>) -> ApiResult<Arc<FailoverRecord>> {
    let open = records.into_iter().find(|record| record.phase.is_open()).map(Arc::new);
    open.ok_or_else(|| ApiError::new(ErrorCode::Internal, "the failover's record is gone"))
}

/// The failover that is in progress already, if the request asks for the same; an error if it asks
/// for another.
fn same_in_progress(
    catalog: &Catalog,
    world: &WorldId,
    planned: &Planned,
    way: Way,
) -> ApiResult<Option<Arc<FailoverRecord>>> {
    let Some(open) = catalog.open_failover(world) else { return Ok(None) };
    if open.trigger == Trigger::Drill && way.trigger != Trigger::Drill {
        // A rehearsal is not the same, wherever it leads: the real one takes its place.
        return Ok(None);
    }
    match (open.kind, way.kind) {
        // One that an override was set over meanwhile brings nobody home any more.
        (Kind::Failback, Kind::Failback) if catalog.override_of(world).is_none() => {
            Ok(Some(Arc::clone(open)))
        }
        (Kind::Failover, Kind::Failover) if Some(&open.target_world_id) == planned.end.as_ref() => {
            Ok(Some(Arc::clone(open)))
        }
        (Kind::Failover, Kind::Failover) => {
            let detail = format!(
                "failover {} to {} is in progress; undo it before you fail over to another world",
                open.id, open.target_world_id
            );
            Err(ApiError::new(ErrorCode::FailoverInProgress, detail))
        }
        _ => Ok(None),
    }
}

#[expect(clippy::too_many_arguments, reason = "each is a part of the record that is made here")]
fn new_record(
    app: &App,
    catalog: &Catalog,
    actor: &Actor,
    world: &WorldId,
    request: &FailoverRequest,
    way: Way,
    planned: &Planned,
    counter: u64,
) -> FailoverRecord {
    let target = planned.end.clone().unwrap_or_else(|| world.clone());
    let begun = Begun { kind: way.kind, target, counter };
    let new = NewRecord {
        mode: request.mode,
        reason: request.reason.clone(),
        message: request.message.clone(),
        by: actor.name.clone(),
        rules: planned.rules.clone(),
        waits_for_target: planned.waits_for_target,
        ..NewRecord::new(world.clone(), begun, way.trigger, planned.rate_per_second)
    };
    record::open(app, catalog, new)
}

fn blocked(rules: &[Rule]) -> ApiError {
    let blocking: Vec<&str> = rules.iter().map(|rule| rule.code.as_str()).collect();
    let may_force = rules.iter().all(|rule| rule.may_force);
    let force = if may_force { "may be forced, with a reason" } else { "cannot be forced" };
    let detail = format!("blocked by {}; {force}", blocking.join(", "));
    let rules = serde_json::to_value(rules).unwrap_or(Value::Null);
    Problem::new(ErrorCode::FailoverBlocked, detail).with("rules", rules).into()
}

/// What is wrong with a request as such.
fn check(request: &FailoverRequest) -> ApiResult<()> {
    if request.force && request.reason.trim().is_empty() {
        return Err(ApiError::new(
            ErrorCode::ReasonRequired,
            "`force` overrides rules: say why in `reason`, for the audit log",
        ));
    }
    let found = [
        fields::reason(&request.reason),
        fields::message(request.message.as_deref()),
        fields::rate(request.max_rejoins_per_second, "leave it out for the target's own"),
    ];
    let problems: Vec<_> = found.into_iter().flatten().collect();
    if problems.is_empty() { Ok(()) } else { Err(ApiError::fields(problems)) }
}

#[cfg(test)]
mod tests;
