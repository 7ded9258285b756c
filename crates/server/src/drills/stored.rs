//! The records of drills in the store.

use lifeboat_core::drill::DrillRecord;
use lifeboat_core::limits::DRILL_HISTORY_MAX;
use lifeboat_store::{Precondition, Transaction};

use crate::app::App;
use crate::keyspace;
use crate::writer::json;

/// Keeps a drill as it is now. With the store out of reach the drill goes on, and the next change
/// is kept with what this one missed.
pub(super) async fn keep(app: &App, record: &DrillRecord) {
    let key = keyspace::drill(&record.id);
    // Its world may have been deleted with it.
    let transaction =
        Transaction::new().require(Precondition::exists(key.clone())).put(key, json(record));
    if let Err(error) = app.writer.commit_unaudited(transaction).await {
        tracing::warn!(drill.id = %record.id, ?error, "a drill could not be kept");
    }
}

/// Forgets the oldest finished drills beyond the limit.
pub(super) async fn prune(app: &App) {
    let catalog = app.catalog();
    let mut finished: Vec<_> = catalog.drills().filter(|one| !one.phase.is_open()).collect();
    finished.sort_by_key(|one| one.started_at);
    let surplus = finished.len().saturating_sub(DRILL_HISTORY_MAX);
    for one in finished.into_iter().take(surplus) {
        let transaction = Transaction::new().delete(keyspace::drill(&one.id));
        if let Err(error) = app.writer.commit_unaudited(transaction).await {
            tracing::warn!(drill.id = %one.id, ?error, "an old drill could not be forgotten");
        }
    }
}
