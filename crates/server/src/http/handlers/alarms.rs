//! The alarms of this moment.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::body::Ask;
use crate::http::handlers::audit::{PageQuery, page_by_id};
use crate::http::problem::ApiResult;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Lists the worlds in trouble
///
/// A world that has people in it and whose servers are gone (`serverGone`), do not call health
/// (`serverHung`), or are well and were yet lost by too many clients (`gameLost`); and a world
/// whose failover waits for a target that does not come (`targetFailed`). Looked at once a second.
#[utoipa::path(
    get, path = "/api/alarms", tag = "failover",
    params(("cursor" = Option<String>, Query, description = "Where the last page ended"),
           ("limit" = Option<usize>, Query, description = "Entries at the most")),
    responses((status = 200, description = "`items` of `worldId`, `worldName`, `cause`, `since`, `connected`, `lostGame`, `standby` (null, or `worldId`, `ready` and the `failing` checks), `failedOver`, `waitsFor` (null, or `failoverId`, and `worldId` and `phase` of the target), `message`; and `nextCursor`", body = Value))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Ask(page): Ask<PageQuery>,
) -> ApiResult<Json<Value>> {
    let now = app.now();
    let alarms = app.alarms.present();
    let views = alarms.iter().map(|alarm| (alarm.world().to_string(), alarm.view(now)));
    page_by_id(views.collect(), &page)
}
