//! Whether a drill may begin, and its beginning.

use std::sync::Arc;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::drill::{DrillPhase, DrillRecord};
use lifeboat_core::failover::{FailoverRequest, Trigger, may_proceed};
use lifeboat_core::ids::{DrillId, WorldId};
use lifeboat_core::limits::DRILL_CLIENTS_MAX;
use lifeboat_core::live_config::Force;
use lifeboat_core::problem::FieldProblem;
use lifeboat_core::world::World;
use lifeboat_protocol::problem::Problem;
use lifeboat_store::{Precondition, Transaction};
use serde::Deserialize;
use serde_json::json;

use super::{Place, course, machine, stored};
use crate::app::{App, world_of};
use crate::failover::{Started, fail_over, fields};
use crate::http::problem::{ApiError, ApiResult};
use crate::ids;
use crate::keyspace;
use crate::writer::{About, Actor, json as encode};

/// What an operator asks for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewDrill {
    /// How many bots.
    clients: usize,
    /// At which rate they move; the target's own if absent. A drill may try a higher one.
    #[serde(default)]
    pub(super) max_rejoins_per_second: Option<f64>,
    /// Rehearse although people are in one of the worlds, or rules speak against it.
    #[serde(default)]
    pub(super) force: bool,
    /// Why.
    #[serde(default)]
    reason: String,
}

/// Begins a drill, and goes on with it in the background.
///
/// # Errors
/// `drill_blocked` when it is not possible now, with the rules of the failover if those are why.
pub(crate) async fn begin(
    app: &Arc<App>,
    actor: &Actor,
    world: &WorldId,
    new: NewDrill,
) -> ApiResult<Arc<DrillRecord>> {
    check(&new)?;
    let catalog = app.catalog();
    let main = world_of(&catalog, world)?;
    let standby = main.standby.clone().ok_or_else(|| {
        let remedy = format!("lifeboat standby create {world} --launch");
        blocked(format!("world {world} has no standby to rehearse with: {remedy}"))
    })?;
    check_idle(app, &catalog, world, &standby)?;
    check_people(app, world, &standby, new.force)?;
    check_seats(&catalog, &main, &standby, new.clients)?;
    check_rules(app, actor, world, &new).await?;
    let id = DrillId::from_unique(&ids::unique());
    let place =
        app.drills.enter(&id, world, &standby).ok_or_else(|| is_running(app, world, &standby))?;
    let record = DrillRecord {
        id,
        world_id: world.clone(),
        target_world_id: standby,
        clients: new.clients,
        phase: DrillPhase::Gathering,
        message: None,
        by: actor.name.clone(),
        reason: new.reason.clone(),
        started_at: app.now(),
        finished_at: None,
        failover_id: None,
        failback_id: None,
        gathered_ms: None,
        out: None,
        home: None,
        joins_per_second: None,
        build: main.spec.build.clone(),
        machine: machine::describe(),
        lifeboat: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if let Err(error) = commit(app, actor, &record).await {
        app.drills.leave(world, place);
        return Err(error);
    }
    stored::prune(app).await;
    run(app, record.clone(), new, &main, place);
    Ok(Arc::new(record))
}

fn run(app: &Arc<App>, record: DrillRecord, new: NewDrill, main: &World, place: Place) {
    let app = Arc::clone(app);
    let groups = main.spec.access.groups.clone();
    tokio::spawn(async move {
        course::run(&app, record, &new, groups, place).await;
    });
}

async fn commit(app: &App, actor: &Actor, record: &DrillRecord) -> ApiResult<()> {
    let key = keyspace::drill(&record.id);
    let transaction = Transaction::new()
        .require(Precondition::exists(keyspace::world(&record.world_id)))
        .require(Precondition::absent(key.clone()))
        .put(key, encode(record));
    let about = About {
        action: "drill.run",
        target: record.world_id.to_string(),
        after: json!({ "id": record.id, "clients": record.clients }),
        reason: Some(record.reason.clone()).filter(|reason| !reason.is_empty()),
        ..About::default()
    };
    app.writer.commit(transaction, actor, about).await?;
    Ok(())
}

fn check(new: &NewDrill) -> ApiResult<()> {
    if new.force && new.reason.trim().is_empty() {
        return Err(ApiError::new(
            ErrorCode::ReasonRequired,
            "`force` rehearses with people inside: say why in `reason`, for the audit log",
        ));
    }
    let is_possible = (1..=DRILL_CLIENTS_MAX).contains(&new.clients);
    let rule = || format!("a drill has 1 to {DRILL_CLIENTS_MAX} bots, not {}", new.clients);
    let found = [
        (!is_possible).then(|| FieldProblem::invalid("/clients", rule())),
        fields::rate(new.max_rejoins_per_second, "leave it out for the target's own"),
        fields::reason(&new.reason),
    ];
    let problems: Vec<_> = found.into_iter().flatten().collect();
    if problems.is_empty() { Ok(()) } else { Err(ApiError::fields(problems)) }
}

fn blocked(detail: String) -> ApiError {
    ApiError::new(ErrorCode::DrillBlocked, detail)
}

fn is_running(app: &App, main: &WorldId, standby: &WorldId) -> ApiError {
    let id = app.drills.of(main, standby).map(|id| id.to_string()).unwrap_or_default();
    blocked(format!("a drill runs on these worlds already {id}; wait for its end"))
}

/// Nothing else may be going on with the pair, however much it is insisted on.
fn check_idle(app: &App, catalog: &Catalog, main: &WorldId, standby: &WorldId) -> ApiResult<()> {
    if app.drills.of(main, standby).is_some() {
        return Err(is_running(app, main, standby));
    }
    for world in [main, standby] {
        if let Some(open) = catalog.open_failover(world) {
            return Err(blocked(format!("{} moves people; wait for its end", open.id)));
        }
        if catalog.override_of(world).is_some() {
            let remedy = format!("lifeboat failback {world}");
            return Err(blocked(format!("world {world} is failed over; bring it home: {remedy}")));
        }
    }
    Ok(())
}

fn check_people(app: &App, main: &WorldId, standby: &WorldId, force: bool) -> ApiResult<()> {
    let people = {
        let desk = app.gateway.desk();
        desk.crowd(main).connected + desk.crowd(standby).connected
    };
    if people > 0 && !force {
        return Err(blocked(format!(
            "{people} people are in these worlds and would be moved along; rehearse when they are \
             gone, or `force` with a `reason`"
        )));
    }
    Ok(())
}

fn check_seats(
    catalog: &Catalog,
    main: &World,
    standby: &WorldId,
    clients: usize,
) -> ApiResult<()> {
    let seats = |world: &World| world.spec.scale.profile.seats();
    let least = catalog.world(standby).map_or(0, |standby| seats(standby)).min(seats(main));
    if clients > usize::try_from(least).unwrap_or(usize::MAX) {
        let rule =
            format!("the pair has seats for {least}, not for {clients}; rehearse with fewer");
        return Err(ApiError::fields(vec![FieldProblem::invalid("/clients", rule)]));
    }
    Ok(())
}

/// The rules of the failover itself have to hold too.
async fn check_rules(app: &App, actor: &Actor, world: &WorldId, new: &NewDrill) -> ApiResult<()> {
    let request = FailoverRequest {
        dry_run: true,
        force: new.force,
        reason: new.reason.clone(),
        ..FailoverRequest::default()
    };
    let force = if new.force { Force::WithReason } else { Force::No };
    match fail_over(app, actor, world, &request, Trigger::Drill).await? {
        Started::Planned(plan) if !may_proceed(&plan.plan.rules, force) => {
            let rules = &plan.plan.rules;
            let codes: Vec<&str> = rules.iter().map(|rule| rule.code.as_str()).collect();
            let detail = format!("the failover would be blocked by {}", codes.join(", "));
            Err(Problem::new(ErrorCode::DrillBlocked, detail).with("rules", json!(rules)).into())
        }
        _ => Ok(()),
    }
}
