//! The audit log: who did what, append-only; entries are written with what they tell of, by the
//! writer. Nothing but its limit ever removes one.

use std::time::{Duration, Instant};

use lifeboat_core::limits::AUDIT_ENTRIES_MAX;
use lifeboat_store::{KeyValue, Range, Store, StoreError, Transaction};
use serde_json::{Value, json};

use crate::app::App;
use crate::events::EventKind;
use crate::keyspace;
use crate::writer::{About, Actor, AuditEntry, WriteError};

/// Wait before a watch that broke is taken up again.
const REWATCH_DELAY: Duration = Duration::from_millis(250);

/// Entries read at once while they are counted.
const COUNT_PAGE: usize = 5_000;
/// Entries that are removed in one commit.
const TRIM_BATCH: usize = 100;
/// The shortest time from one trim to the next.
const TRIM_PAUSE: Duration = Duration::from_secs(60);

/// What stands where a reader must not see the value.
const MASK: &str = "•••";

/// `value` with what is at each JSON Pointer masked, so that the log says that it changed and not
/// what it is.
pub(crate) fn masked(mut value: Value, pointers: &[&str]) -> Value {
    for pointer in pointers {
        if let Some(found) = value.pointer_mut(pointer)
            && !found.is_null()
        {
            *found = Value::from(MASK);
        }
    }
    value
}

/// Follows the log for ever: publishes what is written to it, by whichever node (who did what to
/// what, and not what it was or is), and keeps it within its limit.
pub(crate) async fn follow(app: &App) {
    let mut trimmed_at: Option<Instant> = None;
    loop {
        if let Err(error) = follow_once(app, &mut trimmed_at).await {
            tracing::debug!(%error, "the audit log is not followed; going on from its end");
        }
        tokio::time::sleep(REWATCH_DELAY).await;
    }
}

async fn follow_once(app: &App, trimmed_at: &mut Option<Instant>) -> Result<(), StoreError> {
    let end = Range::prefix(keyspace::AUDIT).descending().limit(1);
    let revision = app.store.list(end, None).await?.revision;
    let mut watch = app.store.watch(keyspace::AUDIT, revision).await?;
    let mut entries = count(&*app.store, revision).await?;
    loop {
        // What a trim removed comes in by the watch: until then it would be counted still.
        let may_trim = trimmed_at.is_none_or(|at| at.elapsed() > TRIM_PAUSE);
        if entries > AUDIT_ENTRIES_MAX && may_trim {
            *trimmed_at = Some(Instant::now());
            trim(app, entries, AUDIT_ENTRIES_MAX).await;
        }
        let batch = watch.next().await?;
        for change in &batch.changes {
            let Some(value) = &change.value else {
                entries = entries.saturating_sub(1);
                continue;
            };
            entries += 1;
            let Ok(entry) = serde_json::from_slice::<AuditEntry>(&value.value) else { continue };
            let payload = json!({
                "id": value.key.strip_prefix(keyspace::AUDIT), "revision": batch.revision,
                "at": entry.at, "who": entry.who, "action": entry.action,
                "target": entry.target, "outcome": entry.outcome,
            });
            app.events.publish(EventKind::Audit, &payload);
        }
    }
}

async fn count(store: &dyn Store, revision: u64) -> Result<usize, StoreError> {
    let mut range = Range::prefix(keyspace::AUDIT).limit(COUNT_PAGE);
    let mut entries = 0;
    loop {
        let page = store.list(range.clone(), Some(revision)).await?;
        entries += page.items.len();
        match page.next {
            Some(next) => range = range.after(next),
            None => return Ok(entries),
        }
    }
}

/// Removes the oldest of `entries` entries until there are a hundredth less than `max`, so that it
/// is not done for each new one. That it was done is itself an entry, in the same commit.
async fn trim(app: &App, entries: usize, max: usize) {
    let mut surplus = entries.saturating_sub(max) + max / 100;
    // Each batch adds the entry that tells of it.
    surplus += surplus.div_ceil(TRIM_BATCH);
    tracing::warn!(entries, max, surplus, "the audit log is full: its oldest entries are removed");
    while surplus > 0 {
        match remove_oldest(app, surplus.min(TRIM_BATCH)).await {
            Ok(0) => return,
            Ok(removed) => surplus = surplus.saturating_sub(removed),
            Err(error) => {
                tracing::warn!(?error, surplus, "the audit log could not be shortened yet");
                return;
            }
        }
    }
}

async fn remove_oldest(app: &App, entries: usize) -> Result<usize, WriteError> {
    let range = Range::prefix(keyspace::AUDIT).limit(entries);
    let oldest = app.store.list(range, None).await.map_err(WriteError::Failed)?.items;
    let (Some(first), Some(last)) = (oldest.first(), oldest.last()) else { return Ok(0) };
    let id = |item: &KeyValue| item.key.strip_prefix(keyspace::AUDIT).map(str::to_owned);
    let about = About {
        action: "audit.trim",
        target: "audit".to_owned(),
        before: json!({ "entries": oldest.len(), "first": id(first), "last": id(last) }),
        reason: Some(format!("the log is kept to {AUDIT_ENTRIES_MAX} entries")),
        ..About::default()
    };
    let transaction = oldest
        .iter()
        .fold(Transaction::new(), |transaction, item| transaction.delete(item.key.clone()));
    app.writer.commit(transaction, &Actor::system(), about).await?;
    Ok(oldest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::fixture::Plane;

    #[test]
    fn what_is_internal_is_masked_and_the_rest_is_not() {
        let world = json!({ "name": "Main", "settings": { "key": "secret" } });
        assert_eq!(
            masked(world, &["/settings", "/missing"]),
            json!({ "name": "Main", "settings": MASK })
        );
    }

    async fn entries(plane: &Plane) -> Vec<Value> {
        let log = plane.ask("GET /api/audit?limit=1000", None).await;
        log.body["items"].as_array().unwrap().clone()
    }

    #[tokio::test]
    async fn a_full_log_loses_its_oldest_entries_and_says_so() {
        let plane = Plane::start().await;
        for number in 0..400 {
            let about = About { action: "test", target: number.to_string(), ..About::default() };
            plane.app.writer.commit(Transaction::new(), &Actor::system(), about).await.unwrap();
        }
        let before = entries(&plane).await.len();
        let revision = plane.app.store.list(Range::prefix(""), None).await.unwrap().revision;
        assert_eq!(count(&*plane.app.store, revision).await.unwrap(), before);
        trim(&plane.app, before, 200).await;
        let left = entries(&plane).await;
        assert!((150..=200).contains(&left.len()), "{}", left.len());
        let told: Vec<&Value> = left.iter().filter(|one| one["action"] == "audit.trim").collect();
        let removed: u64 = told.iter().filter_map(|one| one["before"]["entries"].as_u64()).sum();
        assert_eq!(usize::try_from(removed).unwrap(), before + told.len() - left.len());
        assert_eq!((&told[0]["who"], &told[0]["outcome"]), (&json!("lifeboat"), &json!("done")));
        let kept = left.iter().filter(|one| one["action"] == "test");
        let newest: Vec<&str> = kept.filter_map(|one| one["target"].as_str()).collect();
        assert_eq!(newest.first(), Some(&"399"));
        assert!(!newest.contains(&"0"), "the oldest go first");
    }
}
