//! The audit log: who did what, append-only; entries are written with what they tell of, by the
//! writer.

use std::time::Duration;

use lifeboat_store::{Range, Store, StoreError};
use serde_json::{Value, json};

use crate::events::{EventKind, Events};
use crate::keyspace;
use crate::writer::AuditEntry;

/// Wait before a watch that broke is taken up again.
const REWATCH_DELAY: Duration = Duration::from_millis(250);

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

/// Publishes what is written to the log, by whichever node, for ever: who did what to what, and
/// not what it was or is.
pub(crate) async fn publish(store: &dyn Store, events: &Events) {
    loop {
        if let Err(error) = follow(store, events).await {
            tracing::debug!(%error, "the audit log is not followed; going on from its end");
        }
        tokio::time::sleep(REWATCH_DELAY).await;
    }
}

async fn follow(store: &dyn Store, events: &Events) -> Result<(), StoreError> {
    let end = Range::prefix(keyspace::AUDIT).descending().limit(1);
    let revision = store.list(end, None).await?.revision;
    let mut watch = store.watch(keyspace::AUDIT, revision).await?;
    loop {
        let batch = watch.next().await?;
        for value in batch.changes.iter().filter_map(|change| change.value.as_ref()) {
            let Ok(entry) = serde_json::from_slice::<AuditEntry>(&value.value) else { continue };
            let payload = json!({
                "id": value.key.strip_prefix(keyspace::AUDIT), "revision": batch.revision,
                "at": entry.at, "who": entry.who, "action": entry.action,
                "target": entry.target, "outcome": entry.outcome,
            });
            events.publish(EventKind::Audit, &payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_internal_is_masked_and_the_rest_is_not() {
        let world = json!({ "name": "Main", "settings": { "key": "secret" } });
        assert_eq!(
            masked(world, &["/settings", "/missing"]),
            json!({ "name": "Main", "settings": MASK })
        );
    }
}
