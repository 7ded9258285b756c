//! `POST /api/worlds/{id}/join`: who asks is told where to go, or why not and when to ask again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::WorldId;
use lifeboat_core::limits::{MIN_REVISION_WAIT, NAME_CHARS_MAX};
use lifeboat_core::problem::FieldProblem;
use lifeboat_core::route::Refusal;
use lifeboat_core::ticket::Claims;
use lifeboat_gateway::desk::{JoinInput, NewIds};
use lifeboat_protocol::join::{JoinAnswer, JoinRequest};
use lifeboat_protocol::problem::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::body::{Body, Id};
use crate::http::problem::{ApiError, ApiResult};
use crate::ids;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(join))
}

/// Asks to join a world
///
/// The answer is authoritative: the client goes where it is sent. A refusal that waiting helps
/// against carries `retryAfterMs`, to be followed exactly.
#[utoipa::path(
    post,
    path = "/api/worlds/{id}/join",
    tag = "players",
    params(("id" = String, Path, description = "The world that is asked for")),
    request_body(content = JoinRequest, description = "`client`, `previous`, `minRevision`; all optional"),
    responses(
        (status = 200, description = "The placement, with ticket and session token", body = JoinAnswer),
        (status = 401, description = "The player's token is not valid, or has expired and `previous` is no session token of the same user"),
        (status = 403, description = "access_denied, banned, guest_not_allowed"),
        (status = 404, description = "world_not_found"),
        (status = 409, description = "base_version_mismatch, launch_context_required"),
        (status = 503, description = "world_not_active, target_not_active, world_full, admission_paced, failover_held, override_cycle"),
    )
)]
pub(crate) async fn join(
    State(app): State<Arc<App>>,
    Id(world): Id<WorldId>,
    headers: HeaderMap,
    Body(request): Body<JoinRequest>,
) -> ApiResult<Json<JoinAnswer>> {
    let previous = previous(&app, &request);
    let is_over = |claims: &&Claims| app.catalog().kicked().has(&claims.ses);
    let standing = previous.as_ref().filter(|claims| !is_over(claims));
    let identity = app.auth.player(&headers, standing)?;
    check(&request)?;
    if let Some(wanted) = request.min_revision
        && !app.feed.reaches(wanted, MIN_REVISION_WAIT).await
    {
        return Err(Problem::new(
            ErrorCode::StoreUnavailable,
            "this node does not have the revision that `minRevision` asks for yet; ask again",
        )
        .retry_after_ms(1_000)
        .into());
    }
    // The token's time is that of the decision, as nearly as may be.
    let (session, guest, token) = (ids::unique(), ids::unique(), ids::token(app.now()));
    let input = JoinInput {
        world: &world,
        identity: identity.as_ref(),
        client: &request.client,
        previous: previous.as_ref(),
        ids: NewIds { session: &session, guest: &guest, token: &token },
    };
    let outcome = app.gateway.join(&input);
    app.metrics.joined(outcome.as_ref().map_or_else(|refusal| refusal.code.as_str(), |_| "placed"));
    outcome.map(Json).map_err(|refusal| refused(refusal, &world))
}

/// What the earlier token says, unless it is none of ours or too old.
fn previous(app: &App, request: &JoinRequest) -> Option<Claims> {
    let keys = app.gateway.keys();
    keys.check_previous(request.previous.as_deref()?, app.now()).ok()
}

fn check(request: &JoinRequest) -> ApiResult<()> {
    let mut problems = Vec::new();
    if request.client.kind.as_ref().is_some_and(|kind| kind.chars().count() > NAME_CHARS_MAX) {
        let message = format!("a client's kind has at most {NAME_CHARS_MAX} characters");
        problems.push(FieldProblem::invalid("/client/kind", message));
    }
    if request.client.accepts.len() > ACCEPTS_MAX {
        let message = format!("at most {ACCEPTS_MAX} words; the only one known is `placement`");
        problems.push(FieldProblem::invalid("/client/accepts", message));
    }
    if problems.is_empty() { Ok(()) } else { Err(ApiError::fields(problems)) }
}

/// Words in a client's `accepts`.
const ACCEPTS_MAX: usize = 16;

fn refused(refusal: Refusal, world: &WorldId) -> ApiError {
    let detail = match refusal.code {
        ErrorCode::WorldNotFound => format!("there is no world {world}; check the address"),
        ErrorCode::AccessDenied => {
            "the world is not public and you are in none of its access groups".to_owned()
        }
        ErrorCode::GuestNotAllowed => "sign in: this world does not admit guests".to_owned(),
        ErrorCode::Banned => "an operator has kept you out of this world".to_owned(),
        ErrorCode::BaseVersionMismatch => {
            "your client is of another base version than the world; update it".to_owned()
        }
        ErrorCode::LaunchContextRequired => {
            "clients of base version 37 and older need a launch context, and none is known"
                .to_owned()
        }
        ErrorCode::WorldNotActive => "the world is not running; ask again".to_owned(),
        ErrorCode::TargetNotActive => {
            "the backup world is not ready yet; ask again, you will be let in as soon as it is"
                .to_owned()
        }
        ErrorCode::WorldFull => "every seat is taken; ask again".to_owned(),
        ErrorCode::AdmissionPaced => "many are coming in; ask again at your turn".to_owned(),
        ErrorCode::FailoverHeld => "the operator has paused the move; ask again".to_owned(),
        ErrorCode::OverrideCycle => {
            "the worlds redirect in a circle; the operator has to clear an override".to_owned()
        }
        code => code.title().to_owned(),
    };
    let problem = Problem::new(refusal.code, detail);
    let problem = match refusal.retry_after {
        Some(wait) => problem.retry_after_ms(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        None => problem,
    };
    // An override cycle is a 422 when it is saved and waits to be mended here.
    let status = if refusal.code == ErrorCode::OverrideCycle { 503 } else { problem.status };
    Problem { status, ..problem }.into()
}
