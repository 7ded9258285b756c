//! Failovers as they are shown.

use lifeboat_core::failover::{FailoverRecord, Row};
use lifeboat_core::ids::FailoverId;

use super::ledger_log::kept_ledger;
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
        None => Ok(kept_ledger(app, id).await?.rows().to_vec()),
    }
}
