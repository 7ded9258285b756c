//! Failovers as they are shown.

use lifeboat_core::failover::{FailoverRecord, Row};
use lifeboat_core::ids::FailoverId;
use serde_json::{Value, json};

use super::keeper::kept_rows;
use crate::app::App;
use crate::http::problem::ApiResult;

/// A record with the figures of this moment.
pub(crate) fn record_view(app: &App, record: &FailoverRecord) -> FailoverRecord {
    let mut shown = record.clone();
    if let Some(progress) = app.gateway.desk().progress(&record.id) {
        shown.counts = progress.counts;
        shown.refusals = progress.refusals;
        shown.dark_ms = progress.dark_ms;
        shown.fanout_ms = progress.fanout_ms;
    }
    shown
}

/// The rows of a failover's ledger.
pub(crate) async fn rows_of(app: &App, id: &FailoverId) -> ApiResult<Vec<Row>> {
    let watched = app.gateway.desk().rows(id);
    match watched {
        Some(rows) => Ok(rows),
        None => Ok(kept_rows(app, id).await?),
    }
}

/// What an organiser wants to know the next morning.
pub(crate) async fn report(app: &App, record: &FailoverRecord) -> ApiResult<Value> {
    let rows = rows_of(app, &record.id).await?;
    let began = record.started_at;
    let offset = |at: Option<lifeboat_core::time::Timestamp>| {
        at.map(|at| u64::try_from(at.since(began).as_millis()).unwrap_or(u64::MAX))
    };
    let mut arrivals: Vec<u64> = rows
        .iter()
        .filter(|row| row.stage == lifeboat_core::failover::Stage::Landed)
        .filter_map(|row| offset(row.settled_at))
        .collect();
    arrivals.sort_unstable();
    let mut dark: Vec<u64> = rows.iter().filter_map(Row::dark_ms).collect();
    dark.sort_unstable();
    let stragglers: Vec<Value> = rows
        .iter()
        .filter(|row| row.stage == lifeboat_core::failover::Stage::Pending)
        .map(|row| json!({ "session": row.session, "user": row.user, "toldAt": row.told_at }))
        .collect();
    let mut view = serde_json::to_value(record_view(app, record)).unwrap_or(Value::Null);
    view["arrivalsMs"] = json!(arrivals);
    view["darkDistributionMs"] = json!(dark);
    view["stragglers"] = json!(stragglers);
    Ok(view)
}
