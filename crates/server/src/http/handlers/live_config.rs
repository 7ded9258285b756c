//! The live config of a world: read, save, increment, history, rollback.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, ETAG, IF_MATCH, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use lifeboat_core::catalog::{Catalog, LiveEntry};
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::WorldId;
use lifeboat_core::limits::{PAGE_DEFAULT, PAGE_MAX};
use lifeboat_core::live_config::{ConfigRules, LiveConfig, RollbackScope};
use lifeboat_core::problem::FieldProblem;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::drills;
use crate::failover;
use crate::http::body::{Ask, Body, Id, JsonBody};
use crate::http::problem::{ApiError, ApiResult};
use crate::http::tags::Tags;
use crate::live_config::{self, SaveOptions, Saved, Step};

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(read, save))
        .routes(routes!(schema))
        .routes(routes!(increment))
        .routes(routes!(history))
        .routes(routes!(rollback))
}

/// `?force=true&reason=…`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ForceQuery {
    force: bool,
    reason: Option<String>,
}

impl ForceQuery {
    /// The reason of a force; an error when there is a force and no reason.
    pub(crate) fn reason(self) -> ApiResult<Option<String>> {
        failover::fields::check_reason(self.reason.as_deref())?;
        let reason = self.reason.filter(|reason| !reason.trim().is_empty());
        match (self.force, reason) {
            (true, None) => Err(ApiError::new(
                ErrorCode::ReasonRequired,
                "`force` overrides a rule: say why in `reason`, for the audit log",
            )),
            (true, reason) => Ok(reason),
            (false, _) => Ok(None),
        }
    }
}

fn document(app: &App, caller: &Caller, world: &WorldId, entry: &LiveEntry) -> ApiResult<Value> {
    let known = app.world(world)?;
    let view = live_config::rules_of(app, &known)?.view(&entry.config, caller.role.audience());
    Ok(json!({
        "revision": entry.revision,
        "updatedAt": entry.updated_at,
        "updatedBy": entry.updated_by,
        "game": view.game,
        "project": view.project,
    }))
}

fn answer(document: Value, revision: u64) -> Response {
    tagged(Json(document).into_response(), revision)
}

fn tagged(mut response: Response, revision: u64) -> Response {
    if let Ok(etag) = HeaderValue::from_str(&live_config::etag(revision)) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

fn saved(app: &App, caller: &Caller, world: &WorldId, saved: &Saved) -> ApiResult<Response> {
    let mut document = document(app, caller, world, &saved.entry)?;
    document["warnings"] = json!(saved.warnings);
    Ok(answer(document, saved.entry.revision))
}

/// A save by hand: whatever raises a counter opens a record, like the one-step request does. And
/// like that, it goes before a drill: what moves people waits until the bots are gone.
async fn save_by_hand(
    app: &App,
    caller: &Caller,
    world: &WorldId,
    options: &SaveOptions,
    edit: impl Fn(&ConfigRules, &LiveConfig) -> Result<LiveConfig, Vec<FieldProblem>>,
) -> ApiResult<Saved> {
    let records = |step: &Step<'_>| Ok(failover::by_hand(app, step, &caller.actor));
    let edit = |_: &Catalog, rules: &ConfigRules, now: &LiveConfig| edit(rules, now);
    let change = live_config::Change { actor: &caller.actor, world, options, edit, records };
    // The drill waits for what becomes of the save. One that is refused lets it go on.
    let mut preempted = Vec::new();
    if app.drills.has(world) && change.moves_people(app)? {
        preempted = drills::preempt(app, world).await;
    }
    let saved = change.save(app).await;
    drop(preempted);
    saved
}

/// Reads the live config of a world
#[utoipa::path(
    get, path = "/api/worlds/{id}/live-config", tag = "live config",
    params(("id" = String, Path, description = "The world"),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer")),
    responses((status = 200, description = "The values and their revision, as `ETag` too", body = serde_json::Value),
              (status = 304, description = "Nothing changed"),
              (status = 404, description = "world_not_found"))
)]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(world): Id<WorldId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    app.world(&world)?;
    let entry = live_config::live_of(&app.catalog(), &world)?;
    let known = Tags::of(&headers, IF_NONE_MATCH);
    let response = if known.is_some_and(|known| known.name(&live_config::etag(entry.revision))) {
        tagged(StatusCode::NOT_MODIFIED.into_response(), entry.revision)
    } else {
        answer(document(&app, &caller, &world, &entry)?, entry.revision)
    };
    // Whoever comes with another key may see more of the same revision.
    let caching =
        [(CACHE_CONTROL, "private, no-cache"), (VARY, "Authorization, X-Api-Key, Cookie")];
    Ok((caching, response).into_response())
}

/// Reads the JSON Schema of a world's live config
#[utoipa::path(
    get, path = "/api/worlds/{id}/live-config/schema", tag = "live config",
    params(("id" = String, Path, description = "The world")),
    responses((status = 200, description = "A JSON Schema of `game` and `project`", body = serde_json::Value))
)]
pub(crate) async fn schema(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(world): Id<WorldId>,
) -> ApiResult<Json<Value>> {
    let known = app.world(&world)?;
    let rules = live_config::rules_of(&app, &known)?;
    Ok(Json(rules.schema_document(caller.role.audience())))
}

/// Saves changes to the live config of a world
///
/// A JSON merge patch of `game` and `project`; `null` returns a value to its default. All of it is
/// saved or nothing. The codes of `warnings` are `main_healthy`, `standby_not_ready`,
/// `counter_without_override`, `override_deployment_stale`, `redirected_with_override` and
/// `mirror_overwrites`.
#[utoipa::path(
    patch, path = "/api/worlds/{id}/live-config", tag = "live config",
    params(("id" = String, Path, description = "The world"),
           ("If-Match" = Option<String>, Header, description = "The revision that was edited"),
           ("force" = Option<bool>, Query, description = "Override what the target's state speaks against"),
           ("reason" = Option<String>, Query, description = "Why; required with `force`")),
    request_body = serde_json::Value,
    responses((status = 200, description = "The values as saved, with `warnings`", body = serde_json::Value),
              (status = 409, description = "override_target_not_active, override_deployment_mismatch"),
              (status = 412, description = "if_match_failed"),
              (status = 422, description = "The rules that the save would break, field by field"))
)]
pub(crate) async fn save(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(world): Id<WorldId>,
    Ask(force): Ask<ForceQuery>,
    headers: HeaderMap,
    JsonBody(patch): JsonBody,
) -> ApiResult<Response> {
    app.world(&world)?;
    let options = SaveOptions {
        if_match: Tags::of(&headers, IF_MATCH),
        reason: force.reason.clone(),
        force_reason: force.reason()?,
        action: "liveConfig.save",
    };
    let audience = caller.role.audience();
    let outcome = save_by_hand(&app, &caller, &world, &options, |rules, current| {
        rules.patch(current, &patch, audience)
    });
    saved(&app, &caller, &world, &outcome.await?)
}

/// The body of an increment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Increment {
    path: String,
}

/// Raises a counter by one
///
/// `AllClients` has everyone placed in this world rejoin; `Redirected` everyone who asked for this
/// world and was sent elsewhere.
#[utoipa::path(
    post, path = "/api/worlds/{id}/live-config/increment", tag = "live config",
    params(("id" = String, Path, description = "The world"),
           ("If-Match" = Option<String>, Header, description = "The revision that was looked at")),
    request_body(content = serde_json::Value, description = "`path`: the counter, as a JSON Pointer"),
    responses((status = 200, description = "The values as saved, with `warnings`", body = serde_json::Value),
              (status = 412, description = "if_match_failed"),
              (status = 422, description = "unknown_key, schema_violation"))
)]
pub(crate) async fn increment(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(world): Id<WorldId>,
    headers: HeaderMap,
    Body(body): Body<Increment>,
) -> ApiResult<Response> {
    app.world(&world)?;
    let options = SaveOptions {
        if_match: Tags::of(&headers, IF_MATCH),
        action: "liveConfig.increment",
        ..SaveOptions::default()
    };
    let outcome = save_by_hand(&app, &caller, &world, &options, |rules, current| {
        rules.increment(current, &body.path)
    });
    saved(&app, &caller, &world, &outcome.await?)
}

/// `?cursor=&limit=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PageQuery {
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Lists earlier live configs, the newest first
#[utoipa::path(
    get, path = "/api/worlds/{id}/live-config/history", tag = "live config",
    params(("id" = String, Path, description = "The world"),
           ("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most")),
    responses((status = 200, description = "`items` with their values, and `nextCursor`", body = serde_json::Value))
)]
pub(crate) async fn history(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(world): Id<WorldId>,
    Ask(page): Ask<PageQuery>,
) -> ApiResult<Json<Value>> {
    app.world(&world)?;
    let limit = page.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let (saves, next) = live_config::list_history(&app, &world, page.cursor, limit).await?;
    let items: Vec<Value> = saves
        .iter()
        .map(|save| document(&app, &caller, &world, &save.entry))
        .collect::<ApiResult<_>>()?;
    Ok(Json(json!({ "items": items, "nextCursor": next })))
}

/// The body of a rollback.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rollback {
    revision: u64,
    #[serde(default)]
    include_failover: bool,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    force: bool,
}

/// Saves the values of an earlier revision anew
///
/// `Failover` and `ForceDisconnect` stay as they are unless `includeFailover` and a `reason` are
/// given; counters never fall, and values that the key's role does not see stay as they are.
#[utoipa::path(
    post, path = "/api/worlds/{id}/live-config/rollback", tag = "live config",
    params(("id" = String, Path, description = "The world"),
           ("If-Match" = Option<String>, Header, description = "The revision that was looked at")),
    request_body(content = serde_json::Value, description = "`revision`, `includeFailover`, `reason`, `force`"),
    responses((status = 200, description = "The values as saved, with `warnings`", body = serde_json::Value),
              (status = 412, description = "if_match_failed"),
              (status = 422, description = "reason_required, or the revision is not in the history"))
)]
pub(crate) async fn rollback(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(world): Id<WorldId>,
    headers: HeaderMap,
    Body(body): Body<Rollback>,
) -> ApiResult<Response> {
    app.world(&world)?;
    let wants_reason = body.include_failover || body.force;
    let given = body.reason.clone().filter(|reason| !reason.trim().is_empty());
    let reason = ForceQuery { force: wants_reason, reason: body.reason }.reason()?.or(given);
    let old = live_config::at_revision(&app, &world, body.revision).await?.ok_or_else(|| {
        let message = format!(
            "revision {} is not in the history of this world; `GET …/live-config/history` lists \
             those that are",
            body.revision
        );
        ApiError::fields(vec![FieldProblem::invalid("/revision", message)])
    })?;
    let scope = if body.include_failover {
        RollbackScope::IncludingFailover
    } else {
        RollbackScope::WithoutFailover
    };
    let options = SaveOptions {
        if_match: Tags::of(&headers, IF_MATCH),
        force_reason: reason.clone().filter(|_| body.force),
        reason,
        action: "liveConfig.rollback",
    };
    let audience = caller.role.audience();
    let outcome = save_by_hand(&app, &caller, &world, &options, |rules, current| {
        Ok(rules.rollback(current, &old.entry.config, scope, audience).config)
    });
    saved(&app, &caller, &world, &outcome.await?)
}

#[cfg(test)]
mod tests;
