//! Tokens for players, of the built-in issuer.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use lifeboat_core::problem::FieldProblem;
use lifeboat_store::Transaction;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::{Caller, Grant, check_groups, check_subject};
use crate::http::body::Body;
use crate::http::problem::{ApiError, ApiResult};
use crate::writer::About;

/// Minutes that a token is good for, when none are asked for: an event's day.
const TTL_MINUTES_DEFAULT: u64 = 12 * 60;
/// Minutes that a token is good for at the most.
const TTL_MINUTES_MAX: u64 = 31 * 24 * 60;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create))
}

/// The body of a new token.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewToken {
    sub: String,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    ttl_minutes: Option<u64>,
}

/// Makes a player's token
///
/// For tests, staff and small events; players of a larger one bring the tokens of an issuer that is
/// configured.
#[utoipa::path(
    post, path = "/api/tokens", tag = "players",
    request_body(content = Value, description = "`sub`: the player's id; optional `groups` and `ttlMinutes`"),
    responses((status = 201, description = "`token` and `expiresAt`", body = Value),
              (status = 422, description = "The fields that break a rule"))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(new): Body<NewToken>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let minutes = new.ttl_minutes.unwrap_or(TTL_MINUTES_DEFAULT);
    let mut problems = Vec::new();
    let mut check = |path: &str, outcome: Result<(), String>| {
        problems.extend(outcome.err().map(|rule| FieldProblem::invalid(path, rule)));
    };
    check("/sub", check_subject(&new.sub));
    check("/groups", check_groups(&new.groups));
    let fits = (1..=TTL_MINUTES_MAX).contains(&minutes);
    let rule = || format!("a token is good for 1 to {TTL_MINUTES_MAX} minutes");
    check("/ttlMinutes", fits.then_some(()).ok_or_else(rule));
    if !problems.is_empty() {
        return Err(ApiError::fields(problems));
    }
    let now = app.now();
    let expires_at = now + Duration::from_mins(minutes);
    let about = About {
        action: "token.create",
        target: new.sub.clone(),
        after: json!({ "groups": new.groups, "expiresAt": expires_at }),
        ..About::default()
    };
    app.writer.commit(Transaction::new(), &caller.actor, about).await?;
    let token = app.auth.player_token(&Grant::new(new.sub, new.groups, now, expires_at));
    Ok((StatusCode::CREATED, Json(json!({ "token": token, "expiresAt": expires_at }))))
}
