//! Keeps the ledgers: what the desk learns of each client goes to the store in batches, so that a
//! `kill -9` loses none of it.

use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::failover::{FailoverRecord, MovePhase, Row};
use lifeboat_core::ids::FailoverId;
use lifeboat_core::limits::FAILOVER_HISTORY_MAX;
use lifeboat_gateway::desk::MoveNews;
use lifeboat_store::{Precondition, Range, StoreError, Transaction};
use tokio::sync::watch;

use crate::app::{App, stopped};
use crate::keyspace;
use crate::writer::{WriteError, json};

/// How often what is new is kept.
const KEEP_PERIOD: Duration = Duration::from_millis(100);
/// Chunks of rows that are written in one commit.
const CHUNKS_PER_COMMIT: usize = 8;
/// Chunks read at once.
const READ_PAGE: usize = 100;

/// Takes up every failover that was in progress, with the rows that were kept.
pub(crate) async fn restore(app: &App) -> Result<(), StoreError> {
    let catalog = app.catalog();
    let unfinished = |record: &&Arc<FailoverRecord>| {
        record.phase.is_open() || record.phase == MovePhase::CompleteWithStragglers
    };
    for record in catalog.failovers().filter(unfinished) {
        let rows = kept_rows(app, &record.id).await?;
        let now = app.now();
        app.gateway.desk().restore_move(Arc::clone(record), rows, now);
    }
    Ok(())
}

/// The rows of a failover's ledger as they were kept.
pub(super) async fn kept_rows(app: &App, id: &FailoverId) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    let mut range = Range::prefix(keyspace::ledger(id)).limit(READ_PAGE);
    loop {
        let page = app.store.list(range.clone(), None).await?;
        for item in &page.items {
            match serde_json::from_slice::<Vec<Row>>(&item.value) {
                Ok(chunk) => rows.extend(chunk),
                Err(error) => tracing::error!(key = %item.key, %error, "rows cannot be read"),
            }
        }
        match page.next {
            Some(next) => range = range.after(next),
            None => return Ok(rows),
        }
    }
}

/// Keeps what is new until `shutdown`, and once more then.
pub(crate) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    loop {
        // Who is present at a failover is stored at once, everything after it in batches.
        let stopping = tokio::select! {
            () = stopped(&mut shutdown) => true,
            () = app.keep.notified() => false,
            () = tokio::time::sleep(KEEP_PERIOD) => false,
        };
        keep_all(&app).await;
        if stopping {
            return;
        }
    }
}

/// Whether a failover began between two catalogs.
pub(crate) fn has_begun(before: &Catalog, after: &Catalog) -> bool {
    after.failovers().any(|record| record.phase.is_open() && before.failover(&record.id).is_none())
}

async fn keep_all(app: &App) {
    let news = {
        let mut desk = app.gateway.desk();
        if !desk.has_moves() {
            return;
        }
        desk.take_news(app.now())
    };
    for news in news {
        if let Err(error) = keep(app, &news).await {
            tracing::warn!(failover.id = %news.failover, ?error, "a ledger could not be kept yet");
            app.gateway.desk().keep_news(&news.failover);
        }
    }
}

async fn keep(app: &App, news: &MoveNews) -> Result<(), WriteError> {
    for chunks in news.chunks.chunks(CHUNKS_PER_COMMIT) {
        let transaction = chunks.iter().fold(Transaction::new(), |transaction, (number, rows)| {
            transaction.put(keyspace::ledger_chunk(&news.failover, *number), json(rows))
        });
        app.writer.commit_unaudited(transaction).await?;
    }
    let key = keyspace::failover(&news.failover);
    let Some(kept) = app.store.read(&key).await.map_err(WriteError::Failed)? else {
        return Ok(());
    };
    let Ok(record) = serde_json::from_slice::<FailoverRecord>(&kept.value) else { return Ok(()) };
    let next = updated(app, &record, news);
    if next == record {
        return Ok(());
    }
    let finished = next.phase != record.phase;
    let transaction = Transaction::new()
        .require(Precondition::at(key.clone(), kept.modified))
        .put(key, json(&next));
    app.writer.commit_unaudited(transaction).await?;
    if finished {
        tracing::info!(
            failover.id = %next.id, landed = next.counts.landed, pending = next.counts.pending,
            dark.p99_ms = next.dark_ms.p99, "a failover is {:?}", next.phase
        );
        measure(app, &next);
        prune(app).await;
    }
    Ok(())
}

fn updated(app: &App, record: &FailoverRecord, news: &MoveNews) -> FailoverRecord {
    let progress = &news.progress;
    let phase = news
        .phase
        .filter(|_| record.phase.is_open() || record.phase == MovePhase::CompleteWithStragglers);
    let outage = |healthy| progress.last_landed_at.map(|landed| landed.since(healthy));
    let outage = record.last_healthy_at.and_then(outage);
    FailoverRecord {
        phase: phase.unwrap_or(record.phase),
        finished_at: record.finished_at.or_else(|| phase.map(|_| app.now())),
        counts: progress.counts,
        refusals: progress.refusals.clone(),
        dark_ms: progress.dark_ms,
        fanout_ms: progress.fanout_ms,
        outage_ms: outage.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
        present_fixed: progress.present_fixed,
        ..record.clone()
    }
}

/// Enters the fan-out of a finished failover into the metrics.
fn measure(app: &App, record: &FailoverRecord) {
    let rows = app.gateway.desk().rows(&record.id).unwrap_or_default();
    for told_at in rows.iter().filter_map(|row| row.told_at) {
        app.metrics.fanned_out(told_at.since(record.started_at));
    }
    let told = u64::try_from(record.counts.told).unwrap_or(u64::MAX);
    app.metrics.pushed("forceDisconnect", told);
}

/// Forgets the oldest finished failovers beyond the limit, with their rows.
async fn prune(app: &App) {
    let catalog = app.catalog();
    let mut finished: Vec<_> =
        catalog.failovers().filter(|record| !record.phase.is_open()).collect();
    finished.sort_by_key(|record| record.started_at);
    let surplus = finished.len().saturating_sub(FAILOVER_HISTORY_MAX);
    for record in finished.into_iter().take(surplus) {
        let transaction = Transaction::new()
            .delete(keyspace::failover(&record.id))
            .delete_prefix(keyspace::ledger(&record.id));
        if let Err(error) = app.writer.commit_unaudited(transaction).await {
            tracing::warn!(failover.id = %record.id, ?error, "an old failover could not be forgotten");
        }
    }
}
