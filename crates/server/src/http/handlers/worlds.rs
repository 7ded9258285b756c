//! Worlds: list, make, read, change, delete, launch, stop, restart.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::WorldId;
use lifeboat_core::limits::{PAGE_DEFAULT, PAGE_MAX};
use lifeboat_core::world::World;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::http::body::{Ask, Body, Id, JsonBody};
use crate::http::problem::ApiResult;
use crate::http::tags::Tags;
use crate::http::views::{DeploymentView, Page, WorldView};
use crate::worlds::{self, LaunchOptions, RestartOptions, StopOptions};

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, change, delete))
        .routes(routes!(launch))
        .routes(routes!(stop))
        .routes(routes!(restart))
}

/// `?cursor=&limit=&name=&label=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WorldsQuery {
    cursor: Option<String>,
    limit: Option<usize>,
    name: Option<String>,
    label: Option<String>,
}

impl WorldsQuery {
    fn admits(&self, world: &World) -> bool {
        let name = self.name.as_ref().is_none_or(|name| *name == world.spec.name);
        let label = self.label.as_ref().is_none_or(|label| match label.split_once('=') {
            Some((key, value)) => world.spec.labels.get(key).is_some_and(|own| own == value),
            None => world.spec.labels.contains_key(label),
        });
        name && label
    }
}

/// How many entries a page has.
pub(crate) fn page_limit(asked: Option<usize>) -> usize {
    asked.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX)
}

/// A world with its `ETag`.
pub(super) fn answer(
    app: &App,
    catalog: &Catalog,
    caller: &Caller,
    world: &World,
    status: StatusCode,
) -> Response {
    let view = WorldView::of(app, catalog, world, caller.role);
    let mut response = (status, Json(view)).into_response();
    if let Ok(etag) = HeaderValue::from_str(&worlds::etag(world)) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// Lists the worlds, by id
#[utoipa::path(
    get, path = "/api/worlds", tag = "worlds",
    params(("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most"),
           ("name" = Option<String>, Query, description = "Only the world of this name"),
           ("label" = Option<String>, Query, description = "Only worlds with this label: `key` or `key=value`")),
    responses((status = 200, description = "A page of worlds", body = Page<WorldView>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ask(query): Ask<WorldsQuery>,
) -> ApiResult<Json<Page<WorldView>>> {
    let catalog = app.catalog();
    Page::cut(
        catalog.worlds().filter(|world| query.admits(world)),
        query.cursor.as_deref(),
        page_limit(query.limit),
        |world| &world.id,
        |world| WorldView::of(&app, &catalog, world, caller.role),
    )
    .map(Json)
}

/// Makes a world
///
/// The body is a JSON merge patch over the defaults; `name` and `build.mod` are required. Its live
/// config begins with the defaults of the mod and the map.
#[utoipa::path(
    post, path = "/api/worlds", tag = "worlds",
    request_body = serde_json::Value,
    responses((status = 201, description = "The world", body = WorldView),
              (status = 403, description = "role_required: `settings` are for `support` and above"),
              (status = 409, description = "name_taken, limit_reached"),
              (status = 422, description = "The fields that break a rule, with what there is to choose from"))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(sent): JsonBody,
) -> ApiResult<Response> {
    let world = worlds::create(&app, &caller, &sent).await?;
    Ok(answer(&app, &app.catalog(), &caller, &world, StatusCode::CREATED))
}

/// Reads a world
#[utoipa::path(
    get, path = "/api/worlds/{id}", tag = "worlds",
    params(("id" = String, Path, description = "The world")),
    responses((status = 200, description = "The world, its `ETag` for changes", body = WorldView),
              (status = 404, description = "world_not_found"))
)]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<WorldId>,
) -> ApiResult<Response> {
    let catalog = app.catalog();
    let world = crate::app::world_of(&catalog, &id)?;
    Ok(answer(&app, &catalog, &caller, &world, StatusCode::OK))
}

/// Changes a world
///
/// A JSON merge patch; `null` asks for the default. While the world runs only name, description,
/// labels, access and settings change. Another build brings its live config up to that schema.
#[utoipa::path(
    patch, path = "/api/worlds/{id}", tag = "worlds",
    params(("id" = String, Path, description = "The world"),
           ("If-Match" = Option<String>, Header, description = "The `ETag` of what was edited")),
    request_body = serde_json::Value,
    responses((status = 200, description = "The world", body = WorldView),
              (status = 403, description = "role_required: `settings` are for `support` and above"),
              (status = 409, description = "world_running, naming the field; name_taken"),
              (status = 412, description = "if_match_failed"),
              (status = 422, description = "The fields that break a rule"))
)]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<WorldId>,
    headers: HeaderMap,
    JsonBody(patch): JsonBody,
) -> ApiResult<Response> {
    let if_match = Tags::of(&headers, IF_MATCH);
    let world = worlds::change(&app, &caller, &id, &patch, if_match.as_ref()).await?;
    Ok(answer(&app, &app.catalog(), &caller, &world, StatusCode::OK))
}

/// Deletes a world with its live config, its history and its ended deployments
#[utoipa::path(
    delete, path = "/api/worlds/{id}", tag = "worlds",
    params(("id" = String, Path, description = "The world")),
    responses((status = 204, description = "It is gone"),
              (status = 404, description = "world_not_found"),
              (status = 409, description = "world_in_use: it runs, or is part of an override"))
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<WorldId>,
) -> ApiResult<StatusCode> {
    worlds::remove(&app, &caller.actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Launches a world
///
/// `project` of its live config returns to the defaults unless `keepLiveConfig`; counters stay.
#[utoipa::path(
    post, path = "/api/worlds/{id}/launch", tag = "worlds",
    params(("id" = String, Path, description = "The world")),
    request_body(content = serde_json::Value, description = "`launchContext` (true), `failover` (`keep` or `clear`), `keepLiveConfig` (false), `reason`"),
    responses((status = 202, description = "The deployment, on its way", body = DeploymentView),
              (status = 409, description = "world_running; world_failed_over unless `failover` is given"))
)]
pub(crate) async fn launch(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<WorldId>,
    Body(options): Body<LaunchOptions>,
) -> ApiResult<(StatusCode, Json<DeploymentView>)> {
    let deployment = worlds::launch(&app, &caller.actor, &id, &options).await?;
    Ok((StatusCode::ACCEPTED, Json(DeploymentView::of(&app, &deployment))))
}

/// Stops a world
#[utoipa::path(
    post, path = "/api/worlds/{id}/stop", tag = "worlds",
    params(("id" = String, Path, description = "The world")),
    request_body(content = serde_json::Value, description = "`force` (false) and `reason`, required with `force`"),
    responses((status = 202, description = "The deployment, on its way out", body = DeploymentView),
              (status = 409, description = "world_not_running; world_in_use while people were sent there by an override"),
              (status = 422, description = "reason_required"))
)]
pub(crate) async fn stop(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<WorldId>,
    Body(options): Body<StopOptions>,
) -> ApiResult<(StatusCode, Json<DeploymentView>)> {
    let deployment = worlds::stop(&app, &caller.actor, &id, &options).await?;
    Ok((StatusCode::ACCEPTED, Json(DeploymentView::of(&app, &deployment))))
}

/// Starts a new deployment in the place of the one that runs
#[utoipa::path(
    post, path = "/api/worlds/{id}/restart", tag = "worlds",
    params(("id" = String, Path, description = "The world")),
    request_body(content = serde_json::Value, description = "`launchContext` (true), `force` (false) and `reason`, required with `force`"),
    responses((status = 202, description = "The new deployment", body = DeploymentView),
              (status = 409, description = "world_not_running; world_in_use while people were sent there by an override"),
              (status = 422, description = "reason_required"))
)]
pub(crate) async fn restart(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<WorldId>,
    Body(options): Body<RestartOptions>,
) -> ApiResult<(StatusCode, Json<DeploymentView>)> {
    let deployment = worlds::restart(&app, &caller.actor, &id, &options).await?;
    Ok((StatusCode::ACCEPTED, Json(DeploymentView::of(&app, &deployment))))
}

#[cfg(test)]
mod tests;
