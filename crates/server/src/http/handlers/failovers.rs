//! Readiness, failover, failback, and everything that is asked of a failover in progress.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use lifeboat_core::failover::{FailoverRecord, FailoverRequest, Row, Stage, Trigger};
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::limits::{PAGE_DEFAULT, PAGE_MAX};
use lifeboat_core::readiness::Readiness;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::audit::start_after;
use crate::app::App;
use crate::auth::Caller;
use crate::failover::{self, Retune, Started};
use crate::http::body::{Ask, Body, Id};
use crate::http::problem::ApiResult;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(readiness))
        .routes(routes!(run))
        .routes(routes!(fail_back))
        .routes(routes!(list))
        .routes(routes!(read, retune))
        .routes(routes!(clients))
        .routes(routes!(hold))
        .routes(routes!(resume))
        .routes(routes!(nudge))
        .routes(routes!(undo))
}

/// Says whether the standby of a world would do
///
/// Answered also with the main world dead, and without a standby.
#[utoipa::path(
    get, path = "/api/worlds/{id}/readiness", tag = "failover",
    params(("id" = String, Path, description = "The main world")),
    responses((status = 200, description = "`ready`, and every check with both values and a remedy", body = serde_json::Value))
)]
pub(crate) async fn readiness(
    State(app): State<Arc<App>>,
    Id(world): Id<WorldId>,
) -> ApiResult<Json<Option<Readiness>>> {
    app.world(&world)?;
    Ok(Json(failover::readiness_of(&app, &app.catalog(), &world, None)))
}

fn started(app: &App, started: Started) -> (StatusCode, Json<FailoverRecord>) {
    match started {
        Started::Began(record) => (StatusCode::ACCEPTED, Json(failover::record_view(app, &record))),
        Started::Moving(record) => (StatusCode::OK, Json(failover::record_view(app, &record))),
        Started::Planned(record) => (StatusCode::OK, Json(*record)),
    }
}

/// Fails a world over
///
/// Overrides and counter are one revision. The same request again while it moves answers 200 with
/// the same record.
#[utoipa::path(
    post, path = "/api/worlds/{id}/failover", tag = "failover",
    params(("id" = String, Path, description = "The main world")),
    request_body(content = serde_json::Value, description = "`dryRun`, `targetWorldId`, `mode`, `reason`, `message`, `maxRejoinsPerSecond`, `force`, `waitForTarget`; all optional"),
    responses((status = 202, description = "The failover, begun", body = serde_json::Value),
              (status = 200, description = "A dry run, or the same failover in progress", body = serde_json::Value),
              (status = 409, description = "failover_blocked with `rules`, failover_in_progress"))
)]
pub(crate) async fn run(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(world): Id<WorldId>,
    Body(request): Body<FailoverRequest>,
) -> ApiResult<(StatusCode, Json<FailoverRecord>)> {
    let outcome = failover::fail_over(&app, &caller.actor, &world, &request, Trigger::Api).await?;
    Ok(started(&app, outcome))
}

/// Brings people home
///
/// Clears the overrides and raises `Redirected` in one revision; who joined the standby directly
/// is not disturbed.
#[utoipa::path(
    post, path = "/api/worlds/{id}/failback", tag = "failover",
    params(("id" = String, Path, description = "The main world")),
    request_body(content = serde_json::Value, description = "As for a failover; `targetWorldId` is left out, or the main world"),
    responses((status = 202, description = "The failback, begun", body = serde_json::Value),
              (status = 409, description = "not_failed_over, failover_blocked"),
              (status = 422, description = "The fields that break a rule"))
)]
pub(crate) async fn fail_back(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(world): Id<WorldId>,
    Body(request): Body<FailoverRequest>,
) -> ApiResult<(StatusCode, Json<FailoverRecord>)> {
    let outcome = failover::fail_back(&app, &caller.actor, &world, &request, Trigger::Api).await?;
    Ok(started(&app, outcome))
}

/// `?world=&cursor=&limit=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListQuery {
    world: Option<WorldId>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Lists failovers, the newest first
#[utoipa::path(
    get, path = "/api/failovers", tag = "failover",
    params(("world" = Option<String>, Query, description = "Only those of this world"),
           ("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most")),
    responses((status = 200, description = "`items` and `nextCursor`", body = serde_json::Value))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Ask(query): Ask<ListQuery>,
) -> ApiResult<Json<Value>> {
    let catalog = app.catalog();
    let mut records: Vec<_> = catalog
        .failovers()
        .filter(|record| query.world.as_ref().is_none_or(|world| &record.world_id == world))
        .collect();
    records.sort_by(|a, b| (b.started_at, &b.id).cmp(&(a.started_at, &a.id)));
    let after = query.cursor.as_deref();
    let (page, next) = page(&records, after, query.limit, |one| one.id.as_str())?;
    let items: Vec<_> = page.iter().map(|record| failover::record_view(&app, record)).collect();
    Ok(Json(json!({ "items": items, "nextCursor": next })))
}

/// The part of a list that follows the entry with the id `after`, and the id where it ends if there
/// is more.
///
/// # Errors
/// As [`start_after`].
pub(super) fn page<'a, T>(
    all: &'a [T],
    after: Option<&str>,
    limit: Option<usize>,
    id: impl Fn(&T) -> &str,
) -> ApiResult<(&'a [T], Option<String>)> {
    let limit = limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
    let start = start_after(all, after, &id)?;
    let end = (start + limit).min(all.len());
    let page = &all[start..end];
    let next = (end < all.len()).then(|| page.last().map(|last| id(last).to_owned())).flatten();
    Ok((page, next))
}

/// Reads a failover
#[utoipa::path(
    get, path = "/api/failovers/{id}", tag = "failover",
    params(("id" = String, Path, description = "The failover")),
    responses((status = 200, description = "The failover with its counts of this moment", body = serde_json::Value),
              (status = 404, description = "not_found"))
)]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    Id(id): Id<FailoverId>,
) -> ApiResult<Json<FailoverRecord>> {
    let record = failover::known(&app.catalog(), &id)?;
    Ok(Json(failover::record_view(&app, &record)))
}

/// Changes the pace of a failover, or tells its people something
#[utoipa::path(
    patch, path = "/api/failovers/{id}", tag = "failover",
    params(("id" = String, Path, description = "The failover")),
    request_body(content = serde_json::Value, description = "`maxRejoinsPerSecond`, of which the target's own rate is the most, and `message`"),
    responses((status = 200, description = "The failover", body = serde_json::Value),
              (status = 409, description = "failover_state"))
)]
pub(crate) async fn retune(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<FailoverId>,
    Body(body): Body<Retune>,
) -> ApiResult<Json<FailoverRecord>> {
    let record = failover::retune(&app, &caller.actor, &id, &body).await?;
    Ok(Json(failover::record_view(&app, &record)))
}

/// `?stage=&cursor=&limit=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ClientsQuery {
    stage: Option<Stage>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Lists what became of each client
#[utoipa::path(
    get, path = "/api/failovers/{id}/clients", tag = "failover",
    params(("id" = String, Path, description = "The failover"),
           ("stage" = Option<String>, Query, description = "landed, refused, left or pending"),
           ("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most")),
    responses((status = 200, description = "`items` of `{session, user, stage, at, code?}`, and `nextCursor`", body = serde_json::Value))
)]
pub(crate) async fn clients(
    State(app): State<Arc<App>>,
    Id(id): Id<FailoverId>,
    Ask(query): Ask<ClientsQuery>,
) -> ApiResult<Json<Value>> {
    failover::known(&app.catalog(), &id)?;
    let mut rows = failover::rows_of(&app, &id).await?;
    rows.retain(|row| query.stage.is_none_or(|stage| row.stage == stage));
    let after = query.cursor.as_deref();
    let (page, next) = page(&rows, after, query.limit, |row: &Row| row.session.as_str())?;
    let items: Vec<Value> = page.iter().map(client).collect();
    Ok(Json(json!({ "items": items, "nextCursor": next })))
}

fn client(row: &Row) -> Value {
    let at = row.settled_at.or(row.placed_at).or(row.asked_at).or(row.told_at);
    let mut client = json!({
        "session": row.session, "user": row.user, "stage": row.stage, "at": at,
        "toldAt": row.told_at, "askedAt": row.asked_at, "placedAt": row.placed_at,
        "darkMs": row.dark_ms(), "confirmed": row.confirmed,
    });
    if let Some(code) = row.code {
        client["code"] = json!(code);
    }
    client
}

macro_rules! steering {
    ($name:ident, $path:literal, $summary:literal) => {
        #[doc = $summary]
        #[utoipa::path(
            post, path = $path, tag = "failover",
            params(("id" = String, Path, description = "The failover")),
            responses((status = 200, description = "The failover", body = serde_json::Value),
                      (status = 409, description = "failover_state"))
        )]
        pub(crate) async fn $name(
            State(app): State<Arc<App>>,
            caller: Caller,
            Id(id): Id<FailoverId>,
        ) -> ApiResult<Json<FailoverRecord>> {
            let record = failover::$name(&app, &caller.actor, &id).await?;
            Ok(Json(failover::record_view(&app, &record)))
        }
    };
}

steering!(hold, "/api/failovers/{id}/hold", "Stops the moves for a while");
steering!(resume, "/api/failovers/{id}/resume", "Goes on with the moves");
steering!(nudge, "/api/failovers/{id}/nudge", "Tells those who are pending again");

/// Undoes a failover
///
/// Overrides cleared and `Redirected` raised: those still in main stay, those moved come home,
/// paced.
#[utoipa::path(
    post, path = "/api/failovers/{id}/undo", tag = "failover",
    params(("id" = String, Path, description = "The failover")),
    responses((status = 202, description = "The failback that brings people home", body = serde_json::Value),
              (status = 409, description = "failover_state"))
)]
pub(crate) async fn undo(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<FailoverId>,
) -> ApiResult<(StatusCode, Json<FailoverRecord>)> {
    let outcome = failover::undo(&app, &caller.actor, &id).await?;
    Ok(started(&app, outcome))
}
