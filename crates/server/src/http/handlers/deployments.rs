//! Deployments: list, read, extend, logs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::deployment::Deployment;
use lifeboat_core::ids::{DeploymentId, ServerId, WorldId};
use lifeboat_core::limits::LOG_TAIL_LINES_MAX;
use lifeboat_core::phase::Phase;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::worlds::page_limit;
use crate::app::App;
use crate::auth::Caller;
use crate::http::body::{Ask, Body, Id};
use crate::http::problem::{ApiError, ApiResult};
use crate::http::views::{DeploymentView, Page};
use crate::reconciler::servers_of;
use crate::worlds::{self, no_deployment};

/// Lines of a log when none are asked for.
const TAIL_DEFAULT: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(extend))
        .routes(routes!(logs))
}

/// `?phase=&cursor=&limit=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeploymentsQuery {
    phase: Option<Phase>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Lists the deployments of a world, by id
#[utoipa::path(
    get, path = "/api/worlds/{id}/deployments", tag = "worlds",
    params(("id" = String, Path, description = "The world"),
           ("phase" = Option<String>, Query, description = "Only those in this phase"),
           ("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most")),
    responses((status = 200, description = "A page of deployments", body = Page<DeploymentView>),
              (status = 404, description = "world_not_found"))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Id(world): Id<WorldId>,
    Ask(query): Ask<DeploymentsQuery>,
) -> ApiResult<Json<Page<DeploymentView>>> {
    app.world(&world)?;
    let catalog = app.catalog();
    let own = catalog
        .deployments()
        .filter(|one| one.world == world && query.phase.is_none_or(|phase| one.phase == phase));
    Page::cut(
        own,
        query.cursor.as_deref(),
        page_limit(query.limit),
        |one| &one.id,
        |one| DeploymentView::of(&app, one),
    )
    .map(Json)
}

fn known(app: &App, id: &DeploymentId) -> ApiResult<Arc<Deployment>> {
    app.catalog().deployment(id).cloned().ok_or_else(|| no_deployment(id))
}

/// Reads a deployment
#[utoipa::path(
    get, path = "/api/deployments/{id}", tag = "worlds",
    params(("id" = String, Path, description = "The deployment")),
    responses((status = 200, description = "The deployment", body = DeploymentView),
              (status = 404, description = "not_found"))
)]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    Id(id): Id<DeploymentId>,
) -> ApiResult<Json<DeploymentView>> {
    Ok(Json(DeploymentView::of(&app, &*known(&app, &id)?)))
}

/// The body of an extension.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extension {
    minutes: u32,
}

/// Gives a deployment more time
#[utoipa::path(
    post, path = "/api/deployments/{id}/extend", tag = "worlds",
    params(("id" = String, Path, description = "The deployment")),
    request_body(content = serde_json::Value, description = "`minutes`, 1 or more"),
    responses((status = 200, description = "The deployment with its new end", body = DeploymentView),
              (status = 409, description = "world_not_running"),
              (status = 422, description = "It would run longer than a world may"))
)]
pub(crate) async fn extend(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<DeploymentId>,
    Body(body): Body<Extension>,
) -> ApiResult<Json<DeploymentView>> {
    let deployment = worlds::extend(&app, &caller.actor, &id, body.minutes).await?;
    app.reconcile.notify_one();
    Ok(Json(DeploymentView::of(&app, &deployment)))
}

/// `?server=&tail=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LogsQuery {
    server: Option<ServerId>,
    tail: Option<usize>,
}

/// Reads the last lines that servers of a deployment printed
///
/// Of its newest server unless one is named, lost and replaced ones included.
#[utoipa::path(
    get, path = "/api/deployments/{id}/logs", tag = "worlds",
    params(("id" = String, Path, description = "The deployment"),
           ("server" = Option<String>, Query, description = "The server"),
           ("tail" = Option<usize>, Query, description = "Lines at the most; 200 by default")),
    responses((status = 200, description = "The lines, oldest first", body = String, content_type = "text/plain"),
              (status = 404, description = "not_found"))
)]
pub(crate) async fn logs(
    State(app): State<Arc<App>>,
    Id(id): Id<DeploymentId>,
    Ask(query): Ask<LogsQuery>,
) -> ApiResult<([(http::HeaderName, HeaderValue); 1], String)> {
    let deployment = known(&app, &id)?;
    let server = which(&app, &deployment, query.server).await?;
    let lines = query.tail.unwrap_or(TAIL_DEFAULT).clamp(1, LOG_TAIL_LINES_MAX);
    let mut text = String::new();
    if let Some(server) = server {
        let tail = app.runtime.tail(&server, lines).await.map_err(|error| {
            tracing::warn!(server.id = server.as_str(), %error, "a log cannot be read");
            let detail = format!("the log of server {server} cannot be read; look at its file");
            ApiError::new(ErrorCode::NotFound, detail)
        })?;
        for line in tail {
            text.push_str(&line);
            text.push('\n');
        }
    }
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(CONTENT_TYPE, plain)], text))
}

/// The server that is asked about: one that the deployment has or had, or its newest.
async fn which(
    app: &App,
    deployment: &Deployment,
    asked: Option<ServerId>,
) -> ApiResult<Option<ServerId>> {
    let newest = deployment.servers.iter().max_by_key(|one| one.started_at);
    match asked {
        Some(asked) if deployment.server(&asked).is_some() => Ok(Some(asked)),
        None if newest.is_some() => Ok(newest.map(|one| one.id.clone())),
        None => Ok(servers_of(&*app.store, &deployment.id).await?.pop()),
        Some(asked) => {
            let ever = servers_of(&*app.store, &deployment.id).await?;
            if ever.contains(&asked) {
                return Ok(Some(asked));
            }
            let known: Vec<_> = ever.iter().map(ServerId::as_str).collect();
            let detail = format!(
                "deployment {} has no server {asked}; it had {}",
                deployment.id,
                known.join(", ")
            );
            Err(ApiError::new(ErrorCode::NotFound, detail))
        }
    }
}
