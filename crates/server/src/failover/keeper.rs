//! Keeps the ledgers: what the desk learns of each client goes to the store in batches, so that a
//! `kill -9` loses none of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::failover::{FailoverRecord, MovePhase};
use lifeboat_core::ids::FailoverId;
use lifeboat_core::limits::FAILOVER_HISTORY_MAX;
use lifeboat_gateway::desk::MoveNews;
use lifeboat_store::{Precondition, StoreError, Transaction};
use tokio::sync::watch;

use super::ledger_log::{LedgerLog, kept_ledger};
use crate::app::{App, stopped};
use crate::keyspace;
use crate::writer::{WriteError, json};

/// How often what is new is kept.
const KEEP_PERIOD: Duration = Duration::from_millis(100);
/// How long keeping waits for orders to leave that are being written, and how often it looks.
const ORDERS_PATIENCE: Duration = Duration::from_millis(250);
const ORDERS_LOOK: Duration = Duration::from_millis(2);

/// Takes up every failover that was in progress, with the rows that were kept.
pub(crate) async fn restore(app: &App) -> Result<(), StoreError> {
    let catalog = app.catalog();
    let unfinished = |record: &&Arc<FailoverRecord>| {
        record.phase.is_open() || record.phase == MovePhase::CompleteWithStragglers
    };
    for record in catalog.failovers().filter(unfinished) {
        let ledger = kept_ledger(app, &record.id).await?;
        let now = app.now();
        app.gateway.desk().restore_move(Arc::clone(record), ledger, now);
    }
    // Where nothing runs there was nobody.
    if catalog.deployments().any(|deployment| deployment.takes_people()) {
        app.gateway.desk().expect_returns(app.now());
    }
    Ok(())
}

/// Keeps what is new until `shutdown`, and once more then.
pub(crate) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut keeper = Keeper { app, logs: BTreeMap::new() };
    loop {
        // Who is present at a failover is stored at once, everything after it in batches.
        let stopping = tokio::select! {
            () = stopped(&mut shutdown) => true,
            () = keeper.app.keep.notified() => false,
            () = tokio::time::sleep(KEEP_PERIOD) => false,
        };
        if !stopping {
            orders_first(&keeper.app).await;
        }
        keeper.keep_all().await;
        if stopping {
            return;
        }
    }
}

/// Lets the orders be written before the ledger is: on a machine of few cores, keeping it would
/// take its time from those who wait to be told. Until the first of it is kept, who was present is
/// known from the clients alone, and a process that was killed asks them (`present_fixed`).
async fn orders_first(app: &App) {
    let written = async {
        while app.gateway.is_ordering() {
            tokio::time::sleep(ORDERS_LOOK).await;
        }
    };
    // A ledger that nobody keeps is worse than an order that comes late.
    let _ = tokio::time::timeout(ORDERS_PATIENCE, written).await;
}

/// Whether a failover began between two catalogs.
pub(crate) fn has_begun(before: &Catalog, after: &Catalog) -> bool {
    after.failovers().any(|record| record.phase.is_open() && before.failover(&record.id).is_none())
}

struct Keeper {
    app: Arc<App>,
    /// The logs of the ledgers that the desk watches.
    logs: BTreeMap<FailoverId, LedgerLog>,
}

impl Keeper {
    async fn keep_all(&mut self) {
        let news = {
            let mut desk = self.app.gateway.desk();
            self.logs.retain(|id, _| desk.is_watched(id));
            desk.take_news(self.app.now())
        };
        for news in news {
            if let Err(error) = self.keep(&news).await {
                tracing::warn!(
                    failover.id = %news.failover, ?error, "a ledger could not be kept yet"
                );
                self.app.gateway.desk().return_news(&news);
            }
        }
    }

    async fn keep(&mut self, news: &MoveNews) -> Result<(), WriteError> {
        let app = &*self.app;
        let log = match self.logs.entry(news.failover.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let read = LedgerLog::read(app, &news.failover).await;
                new.insert(read.map_err(WriteError::Failed)?.0)
            }
        };
        log.append(app, &news.rows).await?;
        let is_finished = keep_record(app, news).await?;
        if is_finished || log.is_long(news.progress.counts.present) {
            let rows = app.gateway.desk().rows(&news.failover).unwrap_or_default();
            if !rows.is_empty() {
                log.begin_anew(app, &rows).await?;
            }
        }
        Ok(())
    }
}

/// Brings a failover's record up to date; says whether it has come to another phase.
async fn keep_record(app: &App, news: &MoveNews) -> Result<bool, WriteError> {
    let key = keyspace::failover(&news.failover);
    let Some(kept) = app.store.read(&key).await.map_err(WriteError::Failed)? else {
        return Ok(false);
    };
    let Ok(record) = serde_json::from_slice::<FailoverRecord>(&kept.value) else {
        return Ok(false);
    };
    let next = news.noted_in(&record, app.now());
    if next == record {
        return Ok(false);
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
    Ok(finished)
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
