//! The past: listings at a revision, and compaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Subject, text};
use crate::{Range, Store, StoreError, Transaction};

/// Listings at revisions.
pub async fn each_revision_is_listed_as_it_was(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let mut state = BTreeMap::new();
    let mut states = vec![(subject.newest().await, state.clone())];
    for number in 0..40_u32 {
        let key = format!("k/{}", number * 7 % 5);
        let transaction = match number % 4 {
            3 => Transaction::new().delete_prefix(key.clone()).put("other", "1"),
            _ => Transaction::new().put(key.clone(), number.to_string()),
        };
        let revision = subject.commit(transaction).await;
        match number % 4 {
            3 => state.remove(&key),
            _ => state.insert(key, number.to_string()),
        };
        states.push((revision, state.clone()));
    }
    for (revision, state) in states {
        let listing = subject.list_at(Range::prefix("k/"), revision).await;
        assert_eq!(listing.revision, revision);
        let found: BTreeMap<_, _> =
            listing.items.iter().map(|item| (item.key.clone(), text(&item.value))).collect();
        assert_eq!(found, state, "at {revision}");
    }
}

/// Compaction, seen by readers of the past.
pub async fn a_compacted_revision_is_refused_and_names_the_oldest(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let mut revisions = Vec::new();
    for number in 0..10_u32 {
        revisions.push(subject.put("a", number.to_string()).await);
    }
    store.compact(3).await.expect("the store compacts");
    let error = store.list(Range::prefix(""), Some(revisions[0])).await.expect_err("it is gone");
    let StoreError::Compacted { oldest } = error else { panic!("{error:?}") };
    assert!(oldest > revisions[0] && oldest <= revisions[9], "{oldest}");
    subject.list_at(Range::prefix(""), oldest).await;
    subject.watch("", oldest).await;
    let error = store.watch("", revisions[0]).await.expect_err("it is gone");
    assert!(matches!(error, StoreError::Compacted { oldest: same } if same == oldest), "{error:?}");
    store.compact(100).await.expect("what is gone is not missed");
    let error = store.watch("", revisions[0]).await.expect_err("it is gone");
    assert!(matches!(error, StoreError::Compacted { oldest: same } if same == oldest), "{error:?}");
}

/// Compaction, seen by readers of the present.
pub async fn compaction_keeps_the_newest_state(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    for number in 0..300_u32 {
        let key = format!("k/{:03}", number % 100);
        subject.commit(Transaction::new().put(key, number.to_string()).put("hot", "1")).await;
    }
    subject.commit(Transaction::new().delete_prefix("k/05")).await;
    let before = subject.list(Range::prefix("")).await;
    store.compact(0).await.expect("the store compacts");
    assert_eq!(subject.list(Range::prefix("")).await, before);
    assert_eq!(subject.list_at(Range::prefix(""), before.revision).await, before);
    let revision = subject.put("hot", "2").await;
    assert_eq!(subject.list_at(Range::prefix(""), before.revision).await, before);
    assert!(revision > before.revision);
    store.health().await.expect("the store is in order");
}

/// Revisions of a future that was lost.
pub async fn a_revision_that_has_not_happened_is_refused(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let at = subject.put("a", "1").await;
    let error = store.list(Range::prefix(""), Some(at + 1)).await.expect_err("not yet");
    assert!(matches!(error, StoreError::Future { newest } if newest == at), "{error:?}");
    let error = store.watch("", at + 1).await.expect_err("not yet");
    assert!(matches!(error, StoreError::Future { newest } if newest == at), "{error:?}");
}
