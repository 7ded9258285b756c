//! What stands: health, readiness, metrics, public keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lifeboat_core::code::ErrorCode;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::problem::{ApiError, ApiResult};
use crate::metrics;

/// The media type of the Prometheus text format, as the library writes it.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(ready))
        .routes(routes!(measured))
        .routes(routes!(public_keys))
}

/// Says that the process answers
#[utoipa::path(get, path = "/healthz", tag = "standing",
    responses((status = 200, description = "It answers", body = Value)))]
pub(crate) async fn health() -> Json<Value> {
    Json(json!({ "ok": true }))
}

/// Says whether this node serves and saves
#[utoipa::path(get, path = "/readyz", tag = "standing",
    responses((status = 200, description = "`ready: true` and its `checks`", body = Value),
              (status = 503, description = "`ready: false` and the check that is not ok", body = Value)))]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    let revision = app.catalog().revision;
    let (store_ok, store_message) = match app.store.health().await {
        Ok(()) => (true, "the store reads and writes".to_owned()),
        Err(error) => {
            (false, format!("{error}: joins and redirects go on from memory, nothing can be saved"))
        }
    };
    let status = if store_ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let checks = json!([
        { "id": "catalog", "ok": true, "message": format!("loaded, at revision {revision}") },
        { "id": "store", "ok": store_ok, "message": store_message },
    ]);
    (status, [(CACHE_CONTROL, "no-store")], Json(json!({ "ready": store_ok, "checks": checks })))
        .into_response()
}

/// Tells what is measured, for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "standing",
    responses((status = 200, description = "Metrics whose names begin with `lifeboat_`", body = String, content_type = "text/plain")))]
pub(crate) async fn measured(State(app): State<Arc<App>>) -> ApiResult<Response> {
    let text = metrics::gather(&app)
        .await
        .map_err(|_| ApiError::new(ErrorCode::Internal, "the metrics cannot be written as text"))?;
    Ok(([(CONTENT_TYPE, METRICS_TYPE)], text).into_response())
}

/// The public keys that tickets are checked with
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "players",
    responses((status = 200, description = "A JWKS document; two keys while they are rotated", body = Value)))]
pub(crate) async fn public_keys(State(app): State<Arc<App>>) -> Response {
    let caching = [(CACHE_CONTROL, "public, max-age=60")];
    (caching, Json(app.gateway.keys().jwks().clone())).into_response()
}
