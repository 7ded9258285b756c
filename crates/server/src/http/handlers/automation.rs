//! Automatic failovers: each world's policy, and the switch that stops them all.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lifeboat_core::failover::AutomationPolicy;
use lifeboat_core::ids::WorldId;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::automation;
use crate::http::body::{Body, Id};
use crate::http::problem::ApiResult;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(read, set)).routes(routes!(read_switch, set_switch))
}

/// Shows whether a world fails over by itself
///
/// `standing` is `off`, `stopped`, `away` (failed over or moving), `watching`, `counting` (until
/// `at`), `coolingDown` (until `at`), `blocked` (by what `blockedBy` says) or `due`.
#[utoipa::path(
    get, path = "/api/worlds/{id}/automation", tag = "failover",
    params(("id" = String, Path, description = "The main world")),
    responses((status = 200, description = "`enabled`, `graceSeconds`, `coolDownSeconds`, `standing`, `at`, `blockedBy`", body = Value),
              (status = 404, description = "world_not_found"))
)]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    Id(world): Id<WorldId>,
) -> ApiResult<Json<Value>> {
    app.world(&world)?;
    Ok(Json(automation::view(&app, &world)))
}

/// Has a world fail over by itself, or not
///
/// Once its servers are gone for the grace time while people are in it, it fails over to its
/// standby under the same rules as by hand; nothing is ever forced, and it never comes back by
/// itself. What is left out has its default: off, 30 s of grace, 600 s from one to the next.
#[utoipa::path(
    put, path = "/api/worlds/{id}/automation", tag = "failover",
    params(("id" = String, Path, description = "The main world")),
    request_body(content = Value, description = "`enabled`, `graceSeconds` (1 to 3600), `coolDownSeconds` (60 to 86400)"),
    responses((status = 200, description = "As it is now", body = Value),
              (status = 404, description = "world_not_found"),
              (status = 422, description = "The fields that break a rule"))
)]
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(world): Id<WorldId>,
    Body(policy): Body<AutomationPolicy>,
) -> ApiResult<Json<Value>> {
    automation::set_policy(&app, &caller.actor, &world, policy).await?;
    Ok(Json(automation::view(&app, &world)))
}

fn shown(app: &App) -> Value {
    let switch = app.automation.switch();
    let catalog = app.catalog();
    let worlds: Vec<Value> = catalog
        .worlds()
        .filter(|world| app.automation.policy(&world.id).enabled)
        .map(|world| automation::view(app, &world.id))
        .collect();
    json!({
        "stopped": switch.stopped, "reason": switch.reason, "by": switch.by, "at": switch.at,
        "worlds": worlds,
    })
}

/// Shows whether automation was stopped, and which worlds have it
#[utoipa::path(
    get, path = "/api/automation", tag = "failover",
    responses((status = 200, description = "`stopped`, `reason`, `by`, `at`, and the `worlds` with automation", body = Value))
)]
pub(crate) async fn read_switch(State(app): State<Arc<App>>) -> Json<Value> {
    Json(shown(&app))
}

/// The body of the switch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewSwitch {
    stopped: bool,
    #[serde(default)]
    reason: String,
}

/// Stops all automation, or lets it go on
#[utoipa::path(
    put, path = "/api/automation", tag = "failover",
    request_body(content = Value, description = "`stopped`, and a `reason` for a stop"),
    responses((status = 200, description = "As it is now", body = Value),
              (status = 422, description = "The fields that break a rule"))
)]
pub(crate) async fn set_switch(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(new): Body<NewSwitch>,
) -> ApiResult<Json<Value>> {
    automation::set_switch(&app, &caller.actor, new.stopped, new.reason).await?;
    Ok(Json(shown(&app)))
}
