//! Drills: rehearsals with bots on the real pair.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use lifeboat_core::drill::DrillRecord;
use lifeboat_core::ids::WorldId;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::failovers::page;
use crate::app::App;
use crate::auth::Caller;
use crate::drills::{self, NewDrill};
use crate::http::body::{Ask, Body, Id};
use crate::http::problem::ApiResult;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(run, list))
}

/// Rehearses a failover with bots, there and back
///
/// The bots are players of their own in a process of their own. Refused while people are in either
/// world, unless forced with a reason: they would be moved along. A real failover ends a drill at
/// once and goes before it.
#[utoipa::path(
    post, path = "/api/worlds/{id}/drills", tag = "failover",
    params(("id" = String, Path, description = "The main world")),
    request_body(content = Value, description = "`clients`: how many bots; optional `maxRejoinsPerSecond` (may be above the standby's own rate, to find out what it takes), `force`, `reason`"),
    responses((status = 202, description = "The drill, begun: `id`, `phase`, `clients`, and as it goes on `failoverId`, `failbackId`, `out` and `home` with their figures, `joinsPerSecond`, `finishedAt`", body = Value),
              (status = 409, description = "drill_blocked; with `rules` if the failover itself would be blocked"),
              (status = 422, description = "The fields that break a rule"))
)]
pub(crate) async fn run(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(world): Id<WorldId>,
    Body(new): Body<NewDrill>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let record = drills::begin(&app, &caller.actor, &world, new).await?;
    Ok((StatusCode::ACCEPTED, Json(shown(&record))))
}

/// `?cursor=&limit=`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DrillsQuery {
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Lists the drills of a world, the newest first
#[utoipa::path(
    get, path = "/api/worlds/{id}/drills", tag = "failover",
    params(("id" = String, Path, description = "The main world"),
           ("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most")),
    responses((status = 200, description = "`items` and `nextCursor`", body = Value),
              (status = 404, description = "world_not_found"))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Id(world): Id<WorldId>,
    Ask(query): Ask<DrillsQuery>,
) -> ApiResult<Json<Value>> {
    app.world(&world)?;
    let catalog = app.catalog();
    let mut drills: Vec<_> = catalog.drills().filter(|one| one.world_id == world).collect();
    drills.sort_by_key(|one| std::cmp::Reverse((one.started_at, one.id.clone())));
    let after = query.cursor.as_deref();
    let (page, next) = page(&drills, after, query.limit, |one| one.id.as_str())?;
    let items: Vec<Value> = page.iter().map(|drill| shown(drill)).collect();
    Ok(Json(json!({ "items": items, "nextCursor": next })))
}

/// A drill, with what it offers as the standby's rate.
fn shown(record: &DrillRecord) -> Value {
    let mut view = json!(record);
    view["offer"] = match record.joins_per_second {
        Some(rate) => json!({
            "worldId": record.target_world_id,
            "path": "/game/Admission/JoinsPerSecond",
            "value": rate,
            "command": format!(
                "lifeboat config set {} game.Admission.JoinsPerSecond={rate}",
                record.target_world_id
            ),
        }),
        None => Value::Null,
    };
    view
}
