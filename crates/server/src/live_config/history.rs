//! Earlier live configs of a world.

use std::sync::atomic::{AtomicU32, Ordering};

use lifeboat_core::catalog::LiveEntry;
use lifeboat_core::ids::WorldId;
use lifeboat_core::limits::LIVE_CONFIG_HISTORY_MAX;
use lifeboat_core::time::Timestamp;
use lifeboat_store::{KeyValue, Range, StoreError, Transaction};

use crate::app::App;
use crate::http::cursor;
use crate::http::problem::ApiResult;
use crate::keyspace;

/// One save of the history.
pub(crate) struct Saved {
    /// What was saved, with the revision of the save.
    pub(crate) entry: LiveEntry,
}

/// Where a save made now is kept. Keys are ordered by time.
pub(crate) fn key(world: &WorldId, now: Timestamp) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}{:014}-{number:08x}", keyspace::live_history(world), now.as_ms().max(0))
}

fn read(item: &KeyValue) -> Option<Saved> {
    let entry: LiveEntry = serde_json::from_slice(&item.value).ok()?;
    let entry = LiveEntry::new(item.created, entry.updated_at, entry.updated_by, entry.config);
    Some(Saved { entry })
}

/// The newest saves first, after the cursor, which is the key of a save of this world.
pub(crate) async fn list(
    app: &App,
    world: &WorldId,
    after: Option<String>,
    limit: usize,
) -> ApiResult<(Vec<Saved>, Option<String>)> {
    let prefix = keyspace::live_history(world);
    let is_key = |after: &&String| after.strip_prefix(&prefix).is_some_and(cursor::is_moment);
    if let Some(after) = after.as_ref().filter(|after| !is_key(after)) {
        return Err(cursor::refused(after));
    }
    let mut range = Range::prefix(prefix).limit(limit).descending();
    range.after = after;
    let listing = app.store.list(range, None).await?;
    Ok((listing.items.iter().filter_map(read).collect(), listing.next))
}

/// The save that made `revision`.
pub(crate) async fn at_revision(
    app: &App,
    world: &WorldId,
    revision: u64,
) -> Result<Option<Saved>, StoreError> {
    let range = Range::prefix(keyspace::live_history(world)).limit(LIVE_CONFIG_HISTORY_MAX * 2);
    let listing = app.store.list(range, None).await?;
    Ok(listing.items.iter().filter(|item| item.created == revision).find_map(read))
}

/// Forgets saves beyond the limit. What cannot be forgotten now is at the next save.
pub(crate) async fn prune(app: &App, world: &WorldId) {
    let range = Range::prefix(keyspace::live_history(world))
        .limit(LIVE_CONFIG_HISTORY_MAX + PRUNED_AT_ONCE)
        .descending();
    let Ok(listing) = app.store.list(range, None).await else { return };
    let old: Vec<_> = listing.items.iter().skip(LIVE_CONFIG_HISTORY_MAX).collect();
    if old.is_empty() {
        return;
    }
    let transaction =
        old.iter().fold(Transaction::new(), |transaction, item| transaction.delete(&item.key));
    if let Err(error) = app.store.commit(transaction).await {
        tracing::warn!(%error, "old live configs could not be forgotten");
    }
}

/// Saves forgotten in one go.
const PRUNED_AT_ONCE: usize = 50;
