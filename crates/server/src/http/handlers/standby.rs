//! Standbys: make, adopt, release, mirror.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lifeboat_core::ids::WorldId;
use lifeboat_core::problem::FieldProblem;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::worlds::answer;
use crate::app::App;
use crate::auth::Caller;
use crate::http::body::{Body, Id, JsonBody};
use crate::http::problem::{ApiError, ApiResult};
use crate::http::views::WorldView;
use crate::worlds::{self, LaunchOptions, StandbyChange};

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create, set))
}

/// Makes a standby of a world
///
/// A copy named `FAILOVER <name>`, in which everything is as in the main world but `access.public`,
/// which is false. The body is a JSON merge patch over that copy; `launch: true` launches it.
#[utoipa::path(
    post, path = "/api/worlds/{id}/standby", tag = "failover",
    params(("id" = String, Path, description = "The main world")),
    request_body = serde_json::Value,
    responses((status = 201, description = "The standby", body = WorldView),
              (status = 403, description = "role_required: other `settings` are for `support` and above"),
              (status = 409, description = "standby_exists, name_taken, limit_reached"),
              (status = 422, description = "The fields that break a rule"))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(main): Id<WorldId>,
    JsonBody(sent): JsonBody,
) -> ApiResult<Response> {
    let mut patch = if sent.is_null() { Value::Object(Map::new()) } else { sent };
    let launches = take_launch(&mut patch)?;
    let standby = worlds::create_standby(&app, &caller, &main, &patch).await?;
    if launches {
        // Its live config was just copied from main and is not to return to the defaults.
        let options = LaunchOptions { keep_live_config: true, ..LaunchOptions::default() };
        worlds::launch(&app, &caller.actor, &standby.id, &options).await?;
    }
    let catalog = app.catalog();
    let standby = crate::app::world_of(&catalog, &standby.id)?;
    Ok(answer(&app, &catalog, &caller, &standby, StatusCode::CREATED))
}

/// `launch` is no field of the copy.
fn take_launch(patch: &mut Value) -> ApiResult<bool> {
    match patch.as_object_mut().and_then(|patch| patch.remove("launch")) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(launches)) => Ok(launches),
        Some(_) => {
            let message = "`launch` is true or false; send one of them, or leave it out";
            Err(ApiError::fields(vec![FieldProblem::invalid("/launch", message)]))
        }
    }
}

/// The body of a change; a `worldId` of null is not one that is missing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Change {
    #[serde(deserialize_with = "given")]
    #[expect(clippy::option_option, reason = "null and missing are different requests")]
    world_id: Option<Option<WorldId>>,
    mirror: Option<bool>,
}

#[expect(clippy::option_option, reason = "null and missing are different requests")]
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<WorldId>>, D::Error> {
    Option::<WorldId>::deserialize(deserializer).map(Some)
}

/// Adopts, releases or mirrors a standby
///
/// `worldId` names the world to adopt, null releases the present one, and left out it stays.
/// With `mirror` the standby's live config follows main's, but for `Failover`, `ForceDisconnect`
/// and `Admission`, until main is failed over.
#[utoipa::path(
    put, path = "/api/worlds/{id}/standby", tag = "failover",
    params(("id" = String, Path, description = "The main world")),
    request_body(content = serde_json::Value, description = "`worldId` (an id or null) and `mirror`"),
    responses((status = 200, description = "The main world", body = WorldView),
              (status = 409, description = "standby_missing: nothing there that could mirror"),
              (status = 422, description = "The world cannot stand in for this one, or this one is a standby itself"))
)]
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(main): Id<WorldId>,
    Body(body): Body<Change>,
) -> ApiResult<Response> {
    let change = StandbyChange { standby: body.world_id, mirror: body.mirror };
    let world = worlds::set_standby(&app, &caller, &main, &change).await?;
    Ok(answer(&app, &app.catalog(), &caller, &world, StatusCode::OK))
}
