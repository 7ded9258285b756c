//! Beginning a failover, the way back, and undoing one: overrides, counter, record and audit entry
//! in one commit.

use std::sync::{Arc, OnceLock};

use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::{
    Begun, FailoverRecord, FailoverRequest, Kind, MovePhase, NewRecord, Rule, Trigger,
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
    if catalog.override_of(world).is_none() && !is_moving_home {
        let stands_in_for = main.standby_for.as_ref().and_then(|other| catalog.world(other));
        let nobody = "the world has no override: nobody is sent elsewhere, so there is nothing to \
                      bring home";
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
    let target = plan(app, &app.catalog(), world, request, way).target;
    let rules_of_edit =
        |rules: &ConfigRules, now: &LiveConfig| way.kind.redirect(rules, now, target.as_ref());
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
    let saved = live_config::save(app, actor, world, &options, rules_of_edit, records).await;
    match (saved, same.into_inner()) {
        (Ok(_), _) => begun(&app.catalog(), world).map(Started::Began),
        (Err(_), Some(moving)) => Ok(Started::Moving(moving)),
        (Err(refusal), None) => Err(refusal),
    }
}

/// The newest record of a world.
fn begun(catalog: &Catalog, world: &WorldId) -> ApiResult<Arc<FailoverRecord>> {
    catalog
        .failovers()
        .filter(|record| &record.world_id == world)
        .max_by_key(|record| (record.started_at, record.revision))
        .cloned()
        .ok_or_else(|| ApiError::new(ErrorCode::NotFound, "the failover's record is gone"))
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
mod tests {
    use serde_json::json;

    use crate::http::fixture::Plane;

    async fn world(plane: &Plane, name: &str) -> String {
        let body = json!({ "name": name, "build": { "mod": "plaza" } });
        let made = plane.ask("POST /api/worlds", Some(body)).await;
        made.body["id"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_failback_leads_nowhere_but_home() {
        let plane = Plane::start().await;
        let (main, other) = (world(&plane, "Main").await, world(&plane, "Other").await);
        let line = format!("POST /api/worlds/{main}/failback");
        let elsewhere = json!({ "targetWorldId": other });
        let refused = plane.ask(&line, Some(elsewhere)).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (422, "validation_failed"));
        assert_eq!(refused.body["errors"][0]["path"], "/targetWorldId", "{}", refused.text);
        for home in [json!({ "targetWorldId": main }), json!({ "targetWorldId": null })] {
            let taken = plane.ask(&line, Some(home)).await;
            assert_eq!((taken.status.as_u16(), taken.code()), (409, "not_failed_over"));
        }
    }

    #[tokio::test]
    async fn whoever_names_the_standby_is_told_which_world_is_meant() {
        let plane = Plane::start().await;
        let main = world(&plane, "Main Stage").await;
        let made = plane.ask(&format!("POST /api/worlds/{main}/standby"), Some(json!({}))).await;
        let standby = format!("/api/worlds/{}", made.body["id"].as_str().unwrap());
        let meant = "this is the standby of Main Stage; name that";
        let readiness = plane.ask(&format!("GET {standby}/readiness"), None).await.body;
        let check = &readiness["checks"][0];
        assert_eq!((&readiness["ready"], &check["message"]), (&json!(false), &json!(meant)));
        assert_eq!(check["remedy"], format!("lifeboat standby check {main}"));
        let blocked = plane.ask(&format!("POST {standby}/failover"), Some(json!({}))).await;
        assert_eq!(blocked.code(), "failover_blocked", "{}", blocked.text);
        assert_eq!(blocked.body["detail"], "blocked by target_missing; cannot be forced");
        let rule = &blocked.body["rules"][0];
        assert_eq!((&rule["message"], &rule["mayForce"]), (&json!(meant), &json!(false)));
        assert_eq!(rule["remedy"], format!("lifeboat failover run {main}"));
        for (line, body) in [
            (format!("PUT {standby}/standby"), json!({ "worldId": null })),
            (format!("POST {standby}/standby"), json!({})),
            (format!("POST {standby}/failback"), json!({})),
        ] {
            let refused = plane.ask(&line, Some(body)).await;
            assert!(refused.status.is_client_error(), "{line}: {}", refused.text);
            let detail = refused.body["detail"].as_str().unwrap();
            assert!(detail.contains(meant), "{line}: {detail}");
        }
        let kept = plane.ask(&format!("GET {standby}"), None).await;
        assert_eq!(kept.body["standbyFor"], main);
    }

    fn forced(target: &str) -> serde_json::Value {
        json!({ "targetWorldId": target, "force": true, "reason": "a test" })
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_two_who_fail_over_to_different_targets_at_once_one_is_refused() {
        let plane = Plane::start().await;
        for round in 0..5 {
            let name = |what: &str| format!("{what} {round}");
            let main = world(&plane, &name("Main")).await;
            let targets = [world(&plane, &name("A")).await, world(&plane, &name("B")).await];
            let line = format!("POST /api/worlds/{main}/failover");
            let [first, second] = targets.map(|target| plane.ask(&line, Some(forced(&target))));
            let (first, second) = tokio::join!(first, second);
            let mut statuses = [first.status.as_u16(), second.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [202, 409], "{} {}", first.text, second.text);
            let refused = if first.status.is_success() { second } else { first };
            assert_eq!(refused.code(), "failover_in_progress");
        }
    }

    #[tokio::test]
    async fn only_the_failover_that_stands_is_undone() {
        let plane = Plane::start().await;
        let main = plane.world("Main").await;
        plane.activate(&main).await;
        let fail_over = async |target: &str| {
            let line = format!("POST /api/worlds/{main}/failover");
            let began = plane.ask(&line, Some(forced(target))).await;
            assert_eq!(began.status, 202, "{}", began.text);
            began.body["id"].as_str().unwrap().to_owned()
        };
        let undo = async |id: &str| {
            plane.ask(&format!("POST /api/failovers/{id}/undo"), Some(json!({}))).await
        };
        let first = fail_over(&world(&plane, "A").await).await;
        assert_eq!(undo(&first).await.status, 202);
        let second = fail_over(&world(&plane, "B").await).await;
        let refused = undo(&first).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (409, "failover_state"));
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(&second), "{detail}");
        assert_eq!(undo(&second).await.status, 202);
    }

    #[tokio::test]
    async fn resuming_what_waits_for_its_target_is_to_wait_on_or_to_be_told_what_to_do() {
        let plane = Plane::start().await;
        let (main, standby) = (world(&plane, "Main").await, world(&plane, "Backup").await);
        let request = json!({ "targetWorldId": standby, "waitForTarget": true, "force": true,
            "reason": "a test" });
        let line = format!("POST /api/worlds/{main}/failover");
        let began = plane.ask(&line, Some(request.clone())).await;
        assert_eq!(began.body["waitsForTarget"], true, "{}", began.text);
        let id = began.body["id"].as_str().unwrap();
        let act = async |what: &str| {
            plane.ask(&format!("POST /api/failovers/{id}/{what}"), Some(json!({}))).await
        };
        assert_eq!(act("hold").await.body["waitsForTarget"], false);
        let waits = act("resume").await;
        let shown = (&waits.body["phase"], &waits.body["waitsForTarget"]);
        assert_eq!(shown, (&json!("held"), &json!(true)), "{}", waits.text);
        let stop = format!("POST /api/worlds/{standby}/stop");
        assert_eq!(plane.ask(&stop, Some(json!({}))).await.status, 202);
        let refused = act("resume").await;
        assert_eq!((refused.status.as_u16(), refused.code()), (409, "failover_state"));
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("lifeboat world launch {standby}")), "{detail}");
    }
}
