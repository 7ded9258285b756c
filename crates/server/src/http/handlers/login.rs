//! The dashboard's login: a key and the operator's name for a cookie.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use lifeboat_core::code::ErrorCode;
use lifeboat_core::limits::LOGIN_TTL;
use lifeboat_protocol::problem::Problem;
use lifeboat_store::Transaction;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::{COOKIE_NAME, Caller, Credential};
use crate::ended;
use crate::http::body::Body;
use crate::http::handlers::keys::check_name;
use crate::http::listen::Peer;
use crate::http::problem::{ApiError, ApiResult};
use crate::writer::{About, Actor};

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(log_in)).routes(routes!(log_out)).routes(routes!(me))
}

/// The body of a login.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogIn {
    key: String,
    name: String,
}

/// Logs in to the dashboard
///
/// The cookie lasts 12 hours and dies with its key. Ten wrong tries a minute and address.
#[utoipa::path(
    post, path = "/api/login", tag = "login",
    request_body(content = Value, description = "`key`: an API key's secret; `name`: who you are, for the audit log"),
    responses((status = 200, description = "`name` and `role`, and the cookie", body = Value),
              (status = 401, description = "unauthorized: the key is not valid"),
              (status = 422, description = "The fields that break a rule"),
              (status = 429, description = "rate_limited: too many wrong tries"))
)]
pub(crate) async fn log_in(
    State(app): State<Arc<App>>,
    peer: Option<Extension<Peer>>,
    Body(body): Body<LogIn>,
) -> ApiResult<Response> {
    let address = peer.map(|Extension(peer)| peer.0.ip());
    let who = address.map(|address| address.to_string()).unwrap_or_default();
    let now = app.now();
    if let Some(wait) = app.auth.login_failures.wait(&who, now) {
        let detail = "too many wrong keys from your address within a minute; wait, then try again";
        let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        return Err(Problem::new(ErrorCode::RateLimited, detail).retry_after_ms(ms).into());
    }
    check_name(&body.name)?;
    let Some(key) = app.auth.key_of(body.key.trim()) else {
        app.auth.login_failures.count(&who, now);
        let detail = "the key is not valid, or was revoked; paste the secret as it was shown";
        return Err(ApiError::new(ErrorCode::Unauthorized, detail));
    };
    let actor = Actor::new(&body.name, key.role.as_str(), address);
    let about = About { action: "login", target: key.id.to_string(), ..About::default() };
    note(&app, &actor, about).await;
    let cookie = cookie(&app, &app.auth.log_in(&key, &body.name), LOGIN_TTL.as_secs())?;
    let answer = Json(json!({ "name": body.name, "role": key.role }));
    Ok(([(SET_COOKIE, cookie), (CACHE_CONTROL, HeaderValue::from_static("no-store"))], answer)
        .into_response())
}

/// Notes a login. An operator must get in also while the store is out of reach.
async fn note(app: &App, actor: &Actor, about: About) {
    let action = about.action;
    if let Err(error) = app.writer.commit(Transaction::new(), actor, about).await {
        tracing::warn!(action, ?error, "this could not be noted in the audit log");
    }
}

fn cookie(app: &App, value: &str, seconds: u64) -> ApiResult<HeaderValue> {
    let secure = if app.public_url.starts_with("https:") { "; Secure" } else { "" };
    let text = format!(
        "{COOKIE_NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    );
    HeaderValue::from_str(&text)
        .map_err(|_| ApiError::new(ErrorCode::Internal, "a token of ours does not fit a header"))
}

/// Logs out of the dashboard
#[utoipa::path(
    post, path = "/api/logout", tag = "login",
    responses((status = 204, description = "Logged out; the cookie is void, also after a restart"),
              (status = 503, description = "store_unavailable: this browser forgets the cookie, which is good still"))
)]
pub(crate) async fn log_out(State(app): State<Arc<App>>, caller: Caller) -> ApiResult<Response> {
    let ending = match &caller.credential {
        Credential::Cookie(login) => ended::log_out(&app.catalog(), login, app.now()),
        Credential::Key(_) => Transaction::new(),
    };
    let about = About { action: "logout", ..About::default() };
    let ended = app.writer.commit(ending, &caller.actor, about).await.map_err(ApiError::from);
    // This browser forgets the cookie in any case.
    let answer =
        ended.map_or_else(ApiError::into_response, |_| StatusCode::NO_CONTENT.into_response());
    Ok(([(SET_COOKIE, cookie(&app, "", 0)?)], answer).into_response())
}

/// Says who calls
#[utoipa::path(
    get, path = "/api/me", tag = "login",
    responses((status = 200, description = "`name` and `role`", body = Value),
              (status = 401, description = "unauthorized"))
)]
pub(crate) async fn me(caller: Caller) -> Json<Value> {
    Json(json!({ "name": caller.actor.name, "role": caller.role }))
}
