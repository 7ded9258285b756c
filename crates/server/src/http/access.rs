//! The guard in front of every route: finds out who calls, asks the one table whether they may,
//! and notes in the audit log who may not.

mod table;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, ORIGIN, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use lifeboat_core::code::ErrorCode;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::{App, wall_clock};
use crate::auth::{Caller, Credential, Role, no_key};
use crate::config::{Config, MetricsAccess};
use crate::http::listen::Peer;
use crate::http::problem::{ApiError, ApiResult};
use crate::writer::{About, Actor};
pub(crate) use table::{Need, Row, TABLE};

/// The header that a page of another site cannot send with the dashboard's cookie.
const DASHBOARD_HEADER: &str = "x-lifeboat";

/// Lets a request through to its handler, with the [`Caller`] who sent it.
pub(crate) async fn guard(
    State(app): State<Arc<App>>,
    matched: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = matched.as_ref().map_or("", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let Some(row) = table::row(method.as_str(), &path) else {
        if table::has_path(&path) {
            // The method is not allowed here, which the router says.
            return next.run(request).await;
        }
        return forgotten(&path).into_response();
    };
    let address = address(&request);
    let target = target(request.uri());
    let admitted = admit(&app, row, &request, address);
    let actor = match &admitted {
        Ok(Some(caller)) => caller.actor.clone(),
        Ok(None) | Err(Refused { caller: None, .. }) => nobody(address),
        Err(Refused { caller: Some(caller), .. }) => caller.actor.clone(),
    };
    let response = match admitted {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(refused) => refused.error.into_response(),
    };
    app.metrics.answered(method.as_str(), row.path, response.status().as_u16());
    if let Some(code) = refusal(row, &response) {
        note_refusal(&app, row, &actor, target, code).await;
    }
    response
}

/// Somebody who may not, and who it was if that is known.
struct Refused {
    error: ApiError,
    caller: Option<Box<Caller>>,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self { error, caller: None }
    }
}

fn admit(
    app: &App,
    row: &Row,
    request: &Request,
    address: Option<IpAddr>,
) -> Result<Option<Caller>, Refused> {
    let role = match row.need {
        Need::Public | Need::Player => return Ok(None),
        Need::Metrics if app.config.metrics == MetricsAccess::Open => return Ok(None),
        Need::Metrics => Role::Viewer,
        Need::Role(role) => role,
    };
    let caller = app.auth.caller(request.headers(), address)?.ok_or_else(no_key)?;
    let allowed = check_role(&caller, role).and_then(|()| check_site(app, &caller, request));
    match allowed {
        Ok(()) => Ok(Some(caller)),
        Err(error) => Err(Refused { error, caller: Some(Box::new(caller)) }),
    }
}

fn check_role(caller: &Caller, role: Role) -> ApiResult<()> {
    if caller.role >= role {
        return Ok(());
    }
    let (needed, has) = (role.as_str(), caller.role.as_str());
    let detail = format!(
        "this needs the role `{needed}` and your key has `{has}`; use a key of `{needed}` or above"
    );
    Err(ApiError::new(ErrorCode::RoleRequired, detail))
}

/// A browser sends its cookie with whatever page asks; only the dashboard's own may change things.
fn check_site(app: &App, caller: &Caller, request: &Request) -> ApiResult<()> {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_safe || !matches!(caller.credential, Credential::Cookie(_)) {
        return Ok(());
    }
    let headers = request.headers();
    let marked = headers.get(DASHBOARD_HEADER).is_some_and(|value| value == "1");
    if marked && is_own_origin(&app.public_url, headers) {
        return Ok(());
    }
    let detail = "a request with the dashboard's cookie needs the header `X-Lifeboat: 1` and the \
                  dashboard's own `Origin`; from elsewhere, send an API key";
    Err(ApiError::new(ErrorCode::CsrfRefused, detail))
}

fn is_own_origin(public_url: &str, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(ORIGIN) else { return false };
    if Some(origin) == origin_of(public_url).as_deref() {
        return true;
    }
    // The dashboard was opened under another name of this machine.
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    host.is_some() && host == text(HOST)
}

/// Scheme, host and port of an address.
fn origin_of(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    Some(format!("{}://{}", url.scheme_str()?, url.authority()?))
}

/// A route that the table does not have opens for nobody.
fn forgotten(path: &str) -> ApiError {
    tracing::error!(path, "a route is not in the table of roles");
    ApiError::new(ErrorCode::RoleRequired, "nobody may call this address")
}

/// Where a request came from.
pub(crate) fn address(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<Peer>().map(|peer| peer.0.ip())
}

fn nobody(address: Option<IpAddr>) -> Actor {
    Actor::new("unknown", "none", address)
}

/// The id in an address, or the address.
fn target(uri: &Uri) -> String {
    let path = uri.path();
    let id = path.split('/').nth(3).filter(|id| !id.is_empty());
    id.unwrap_or(path).chars().take(lifeboat_core::limits::ID_LENGTH_MAX).collect()
}

/// The code of an answer that refuses a write. What blocks a failover is noted with its rules
/// where it is found.
fn refusal(row: &Row, response: &Response) -> Option<ErrorCode> {
    let code = *response.extensions().get::<ErrorCode>()?;
    let is_refusal = response.status().is_client_error() && code != ErrorCode::FailoverBlocked;
    (is_refusal && !row.action.is_empty()).then_some(code)
}

/// Notes a refused write. Whoever tries without end fills the log only so far.
async fn note_refusal(app: &App, row: &Row, actor: &Actor, target: String, code: ErrorCode) {
    let address = actor.address.map(|address| address.to_string()).unwrap_or_default();
    if !app.auth.refusals_noted.count(&format!("{}@{address}", actor.name), wall_clock()) {
        tracing::debug!(action = row.action, "a refused try is not noted: too many of them");
        return;
    }
    let about = About { action: row.action, target, ..About::default() };
    app.writer.note_refused(actor, about, code).await;
}

/// Lets pages of the configured origins do what players do, and nothing else.
pub(crate) fn cors(config: &Config) -> CorsLayer {
    let origins = config.cors_origins.clone();
    let allowed = move |origin: &HeaderValue, parts: &Parts| {
        is_for_players(parts.uri.path()) && origins.iter().any(|one| origin == one.as_str())
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allowed))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_NONE_MATCH,
            HeaderName::from_static("x-api-key"),
        ])
        .expose_headers([RETRY_AFTER, ETAG])
}

/// Whether an address is one that players' pages call.
fn is_for_players(path: &str) -> bool {
    let of_world = path.strip_prefix("/api/worlds/").and_then(|rest| rest.split_once('/'));
    match of_world {
        Some((_, rest)) => rest == "join" || rest.starts_with("ofrep/"),
        None => path == "/session" || path == "/.well-known/jwks.json",
    }
}
