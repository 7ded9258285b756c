//! When a main world was last healthy, for failovers that came before the news of its end: a kill
//! is known some milliseconds after it, a hang only once its health calls were missed.

use std::collections::HashMap;
use std::sync::Arc;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::failover::{FailoverRecord, Kind, Row, Stage};
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::phase::Phase;
use lifeboat_core::time::Timestamp;
use lifeboat_runtime::RuntimeEvent;
use lifeboat_store::{Precondition, Transaction};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use super::view::rows_of;
use crate::app::{App, stopped};
use crate::keyspace;
use crate::writer::{WriteError, json};

/// Writes that lose their race are repeated this often.
const TRIES: usize = 5;

/// A world that turned out not to be healthy any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Loss {
    healthy_at: Timestamp,
    noticed_at: Timestamp,
}

impl Loss {
    /// Whether a failover began while the world was lost and nobody knew it yet.
    fn was_unknown_to(&self, record: &FailoverRecord) -> bool {
        record.last_healthy_at.is_none()
            && record.kind != Kind::Failback
            && self.healthy_at <= record.started_at
            && record.started_at <= self.noticed_at
    }
}

/// Follows the runtime and the catalog until the control plane stops.
pub(crate) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut events = app.runtime.subscribe();
    let mut served = app.feed.follow();
    let mut losses: HashMap<WorldId, Loss> = HashMap::new();
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => losses.extend(loss_by(&app, &event)),
                // What is missed costs a figure of a report, and no more.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            },
            changed = served.changed() => if changed.is_err() { return },
            () = stopped(&mut shutdown) => return,
        }
        if losses.is_empty() {
            continue;
        }
        let catalog = app.catalog();
        losses.retain(|world, _| catalog.world(world).is_some());
        for (id, healthy_at) in belated(&catalog, &losses) {
            enter(&app, &id, healthy_at).await;
        }
    }
}

/// The world whose server was lost by an event, unless it was stopped on purpose.
fn loss_by(app: &App, event: &RuntimeEvent) -> Option<(WorldId, Loss)> {
    let (RuntimeEvent::Exited { server, .. } | RuntimeEvent::Unhealthy { server, .. }) = event
    else {
        return None;
    };
    let observed = app.runtime.observe();
    let world = &observed.iter().find(|one| one.server() == server)?.started.world;
    let catalog = app.catalog();
    let deployment = catalog.current_deployment(world)?;
    let is_wanted = matches!(deployment.phase, Phase::Starting | Phase::Active | Phase::Error);
    let healthy_at = app.last_healthy_at(&catalog, world).filter(|_| is_wanted)?;
    Some((world.clone(), Loss { healthy_at, noticed_at: app.now() }))
}

/// Failovers that lack what is known by now.
fn belated(catalog: &Catalog, losses: &HashMap<WorldId, Loss>) -> Vec<(FailoverId, Timestamp)> {
    let known = |record: &Arc<FailoverRecord>| {
        let loss = losses.get(&record.world_id).filter(|loss| loss.was_unknown_to(record))?;
        Some((record.id.clone(), loss.healthy_at))
    };
    catalog.failovers().filter_map(known).collect()
}

/// Enters the last healthy moment into a record, and the outage that follows from it. Later
/// landings count on from there.
async fn enter(app: &App, id: &FailoverId, healthy_at: Timestamp) {
    for _ in 0..TRIES {
        match try_to_enter(app, id, healthy_at).await {
            Ok(()) => return,
            Err(WriteError::Lost) => app.catch_up().await,
            Err(WriteError::Failed(error)) => {
                tracing::warn!(failover.id = %id, %error, "an outage could not be kept");
                return;
            }
        }
    }
}

async fn try_to_enter(app: &App, id: &FailoverId, healthy_at: Timestamp) -> Result<(), WriteError> {
    let key = keyspace::failover(id);
    let Some(kept) = app.store.read(&key).await.map_err(WriteError::Failed)? else {
        return Ok(());
    };
    let Ok(record) = serde_json::from_slice::<FailoverRecord>(&kept.value) else { return Ok(()) };
    let rows = rows_of(app, id).await.unwrap_or_default();
    let next = FailoverRecord {
        last_healthy_at: Some(healthy_at),
        outage_ms: outage_ms(&rows, healthy_at),
        ..record
    };
    let transaction = Transaction::new()
        .require(Precondition::at(key.clone(), kept.modified))
        .put(key, json(&next));
    app.writer.commit_unaudited(transaction).await.map(drop)
}

/// From the last healthy moment to the last landing.
fn outage_ms(rows: &[Row], healthy_at: Timestamp) -> Option<u64> {
    let landed = rows.iter().filter(|row| row.stage == Stage::Landed);
    let last = landed.filter_map(|row| row.settled_at).max()?;
    u64::try_from(last.since(healthy_at).as_millis()).ok()
}
