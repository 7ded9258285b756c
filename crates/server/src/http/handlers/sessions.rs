//! Sessions as operators see them: list and kick.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::{SessionId, WorldId};
use serde::Deserialize;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::worlds::page_limit;
use crate::app::App;
use crate::auth::Caller;
use crate::ended;
use crate::http::body::{Ask, Id};
use crate::http::problem::{ApiError, ApiResult};
use crate::http::views::{Page, SessionView};
use crate::writer::About;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(kick))
}

/// `?cursor=&limit=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SessionsQuery {
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Lists the sessions placed in a world whose channel is open, by id
#[utoipa::path(
    get, path = "/api/worlds/{id}/sessions", tag = "sessions",
    params(("id" = String, Path, description = "The world"),
           ("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most")),
    responses((status = 200, description = "A page of sessions", body = Page<SessionView>),
              (status = 404, description = "world_not_found"))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Id(world): Id<WorldId>,
    Ask(query): Ask<SessionsQuery>,
) -> ApiResult<Json<Page<SessionView>>> {
    app.world(&world)?;
    let mut sessions = app.gateway.desk().sessions_of(&world);
    sessions.sort_by(|a, b| a.id.cmp(&b.id));
    Page::cut(
        sessions.iter(),
        query.cursor.as_deref(),
        page_limit(query.limit),
        |session| &session.id,
        |session| SessionView::from(*session),
    )
    .map(Json)
}

/// Kicks a session: its channel is closed for good
#[utoipa::path(
    delete, path = "/api/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "The session")),
    responses((status = 204, description = "It is gone"),
              (status = 404, description = "not_found"))
)]
pub(crate) async fn kick(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<SessionId>,
) -> ApiResult<StatusCode> {
    let missing = || {
        let detail =
            format!("there is no session {id}; `GET /api/worlds/{{id}}/sessions` lists a world's");
        ApiError::new(ErrorCode::NotFound, detail)
    };
    let session = app.gateway.desk().session(&id).ok_or_else(missing)?;
    let about = About {
        action: "session.kick",
        target: id.to_string(),
        before: json!({ "user": session.user, "world": session.world, "server": session.server }),
        ..About::default()
    };
    let kick = ended::kick(&app.catalog(), &id, app.now());
    app.writer.commit(kick, &caller.actor, about).await?;
    Ok(StatusCode::NO_CONTENT)
}
