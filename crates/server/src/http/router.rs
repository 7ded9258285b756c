//! Every route of the control plane: the table of contents.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use lifeboat_core::code::ErrorCode;
use tower_http::trace::TraceLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::http::handlers::{
    alarms, audit, automation, bans, deployments, drills, events, failovers, join, keys,
    live_config, login, ofrep, reports, session, sessions, standby, standing, tokens, webhooks,
    worlds,
};
use crate::http::openapi::{self, Document};
use crate::http::problem::ApiError;
use crate::http::{access, faults, idempotency, pages};

/// The routes of the API, with what OpenAPI says of them.
pub(crate) fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(worlds::routes())
        .merge(deployments::routes())
        .merge(sessions::routes())
        .merge(bans::routes())
        .merge(live_config::routes())
        .merge(join::routes())
        .merge(session::routes())
        .merge(standby::routes())
        .merge(failovers::routes())
        .merge(reports::routes())
        .merge(automation::routes())
        .merge(drills::routes())
        .merge(alarms::routes())
        .merge(keys::routes())
        .merge(login::routes())
        .merge(tokens::routes())
        .merge(audit::routes())
        .merge(events::routes())
        .merge(webhooks::routes())
        .merge(ofrep::routes())
        .merge(standing::routes())
}

/// The router of a running control plane.
pub(crate) fn build(app: &Arc<App>) -> Router {
    let (api, document) = api().split_for_parts();
    api.merge(openapi::route(document))
        // Before the layers, so that a preflight is answered and not refused as a method.
        .method_not_allowed_fallback(async || {
            ApiError::new(
                ErrorCode::MethodNotAllowed,
                "this address exists, but not with this method; see /api/openapi.json",
            )
        })
        .route_layer(from_fn_with_state(Arc::clone(app), idempotency::remember))
        .route_layer(from_fn_with_state(Arc::clone(app), access::guard))
        .layer(access::cors(&app.config))
        .fallback(pages::serve)
        // What fails by a fault of ours is logged here, at whatever level requests are traced.
        .layer(from_fn(faults::log))
        .layer(TraceLayer::new_for_http().on_failure(()))
        .with_state(Arc::clone(app))
}
