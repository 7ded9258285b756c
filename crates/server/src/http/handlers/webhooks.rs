//! Webhooks: made, listed, removed, tested, and what they were told.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::WebhookId;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::http::body::{Ask, Body, Id};
use crate::http::handlers::audit::{PageQuery, page_by_id};
use crate::http::problem::{ApiError, ApiResult};
use crate::webhooks::{self, NewWebhook};

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(remove))
        .routes(routes!(deliveries))
        .routes(routes!(test))
}

/// Lists the webhooks, without their secrets
#[utoipa::path(
    get, path = "/api/webhooks", tag = "webhooks",
    params(("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most")),
    responses((status = 200, description = "`items` of `id`, `url`, `events`, `format`, `by`, `createdAt`, `pending`, `lastDelivery`, and `nextCursor`", body = Value))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Ask(page): Ask<PageQuery>,
) -> ApiResult<Json<Value>> {
    page_by_id(app.webhooks.views(), &page)
}

/// Makes a webhook
///
/// What happens is sent to `url` as a POST, signed by the Standard Webhooks scheme with the secret,
/// and again with growing pauses until it is answered with 2xx. Redirects are not followed.
#[utoipa::path(
    post, path = "/api/webhooks", tag = "webhooks",
    request_body(content = Value, description = "`url` (http or https), `events` (of the event stream's; alert, readiness and failover if left out), `format`: json or slack"),
    responses((status = 201, description = "The webhook with its `secret`, this once", body = Value),
              (status = 409, description = "limit_reached"),
              (status = 422, description = "The fields that break a rule"))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(new): Body<NewWebhook>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let made = webhooks::create(&app, &caller.actor, new).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Removes a webhook
///
/// What waits for it is not sent any more.
#[utoipa::path(
    delete, path = "/api/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook")),
    responses((status = 204, description = "Removed"), (status = 404, description = "not_found"))
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<WebhookId>,
) -> ApiResult<StatusCode> {
    webhooks::remove(&app, &caller.actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists what a webhook was told, or is to be, the newest first
#[utoipa::path(
    get, path = "/api/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook"),
           ("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most")),
    responses((status = 200, description = "`items` of `id`, `event`, `state` (pending, delivered, failed, dropped), `createdAt`, `tries`, `lastTryAt`, `nextTryAt`, `status`, `error`, and `nextCursor`", body = Value),
              (status = 404, description = "not_found"))
)]
pub(crate) async fn deliveries(
    State(app): State<Arc<App>>,
    Id(id): Id<WebhookId>,
    Ask(page): Ask<PageQuery>,
) -> ApiResult<Json<Value>> {
    let deliveries = app.webhooks.deliveries(&id).ok_or_else(|| {
        let detail = format!("there is no webhook {id}; `GET /api/webhooks` lists them");
        ApiError::new(ErrorCode::NotFound, detail)
    })?;
    page_by_id(deliveries, &page)
}

/// Sends a test to a webhook
///
/// Answered once it was tried, or after 10 s.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/test", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook")),
    responses((status = 200, description = "The delivery: `state` is delivered, or `error` says what went wrong", body = Value),
              (status = 404, description = "not_found"))
)]
pub(crate) async fn test(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<WebhookId>,
) -> ApiResult<Json<Value>> {
    webhooks::test(&app, &caller.actor, &id).await.map(Json)
}
