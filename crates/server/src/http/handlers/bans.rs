//! Bans: users who are kept out of one world or of all.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use lifeboat_core::access::Ban;
use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::{BanId, User, WorldId};
use lifeboat_core::limits::{BANS_MAX, REASON_CHARS_MAX, USER_CHARS_MAX};
use lifeboat_core::problem::FieldProblem;
use lifeboat_store::{Precondition, Transaction};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::http::body::{Ask, Body, Id};
use crate::http::handlers::audit::{PageQuery, page_by_id};
use crate::http::problem::{ApiError, ApiResult};
use crate::places::Place;
use crate::writer::{About, WriteError, json as record};
use crate::{ids, keyspace};

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(delete))
}

fn shown(ban: &Ban) -> Value {
    json!({
        "id": ban.id, "user": ban.user, "worldId": ban.world, "reason": ban.reason,
        "at": ban.at, "by": ban.by,
    })
}

/// Lists the bans
#[utoipa::path(
    get, path = "/api/bans", tag = "sessions",
    params(("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most")),
    responses((status = 200, description = "`items` of `id`, `user`, `worldId`, `reason`, `at`, `by`, and `nextCursor`", body = Value))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Ask(page): Ask<PageQuery>,
) -> ApiResult<Json<Value>> {
    let catalog = app.catalog();
    let items = catalog.bans().map(|ban| (ban.id.to_string(), shown(ban))).collect();
    page_by_id(items, &page)
}

/// The body of a new ban.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewBan {
    user: String,
    #[serde(default)]
    world_id: Option<String>,
    reason: String,
}

/// Bans a user, from one world or from all
///
/// Bans hold everywhere that people are sent to; a session of the user is closed.
#[utoipa::path(
    post, path = "/api/bans", tag = "sessions",
    request_body(content = Value, description = "`user`, `reason`, and `worldId` unless it is for all worlds"),
    responses((status = 201, description = "The ban with its `id`", body = Value),
              (status = 409, description = "limit_reached"),
              (status = 422, description = "The fields that break a rule"))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(new): Body<NewBan>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let world = check(&app, &new)?;
    let ban = Ban {
        id: BanId::from_unique(&ids::unique()),
        user: User::from_subject(&new.user),
        world,
        reason: new.reason,
        at: app.now(),
        by: caller.actor.name.clone(),
    };
    let _place = take_place(&app, &ban.id)?;
    let key = keyspace::ban(&ban.id);
    let mut transaction =
        Transaction::new().require(Precondition::absent(key.clone())).put(key, record(&ban));
    if let Some(world) = &ban.world {
        transaction = transaction.require(Precondition::exists(keyspace::world(world)));
    }
    let about = About {
        action: "ban.create",
        target: ban.id.to_string(),
        after: shown(&ban),
        reason: Some(ban.reason.clone()),
        ..About::default()
    };
    app.writer.commit(transaction, &caller.actor, about).await?;
    Ok((StatusCode::CREATED, Json(shown(&ban))))
}

/// Takes a place among the bans, to be held until the ban is there.
fn take_place<'a>(app: &'a App, ban: &BanId) -> ApiResult<Place<'a>> {
    let has = |catalog: &Arc<Catalog>, id: &str| {
        id.parse().is_ok_and(|id: BanId| catalog.ban(&id).is_some())
    };
    let count = |catalog: &Arc<Catalog>| catalog.bans().count();
    let place = app.places.bans.take(ban.as_str(), BANS_MAX, || app.catalog(), count, has);
    place.ok_or_else(|| {
        let detail = format!("there are {BANS_MAX} bans already; lift one that is not needed");
        ApiError::new(ErrorCode::LimitReached, detail)
    })
}

fn check(app: &App, new: &NewBan) -> ApiResult<Option<WorldId>> {
    let mut problems = Vec::new();
    if new.user.trim().is_empty() || new.user.chars().count() > USER_CHARS_MAX {
        let rule = format!("a user's id has 1 to {USER_CHARS_MAX} characters and is not blank");
        problems.push(FieldProblem::invalid("/user", rule));
    }
    if new.reason.trim().is_empty() || new.reason.chars().count() > REASON_CHARS_MAX {
        let rule = format!("say why, in 1 to {REASON_CHARS_MAX} characters");
        problems.push(FieldProblem::invalid("/reason", rule));
    }
    let known = |text: &String| {
        text.parse::<WorldId>().ok().filter(|id| app.catalog().world(id).is_some()).ok_or_else(
            || {
                FieldProblem::invalid(
                    "/worldId",
                    "there is no such world; leave it out for all worlds",
                )
            },
        )
    };
    let world = new.world_id.as_ref().map(known).transpose().unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    if problems.is_empty() { Ok(world) } else { Err(ApiError::fields(problems)) }
}

/// Lifts a ban
#[utoipa::path(
    delete, path = "/api/bans/{id}", tag = "sessions",
    params(("id" = String, Path, description = "The ban")),
    responses((status = 204, description = "Lifted"), (status = 404, description = "not_found"))
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<BanId>,
) -> ApiResult<StatusCode> {
    let missing = || {
        let detail = format!("there is no ban {id}; `GET /api/bans` lists them");
        ApiError::new(ErrorCode::NotFound, detail)
    };
    let catalog = app.catalog();
    let ban = catalog.bans().find(|ban| ban.id == id).ok_or_else(missing)?;
    let key = keyspace::ban(&id);
    let transaction = Transaction::new().require(Precondition::exists(key.clone())).delete(key);
    let about = About {
        action: "ban.delete",
        target: id.to_string(),
        before: shown(ban),
        ..About::default()
    };
    match app.writer.commit(transaction, &caller.actor, about).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(WriteError::Lost) => Err(missing()),
        Err(failed) => Err(failed.into()),
    }
}
