//! Watches: replay, live changes, and readers that are slow.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{Subject, WAIT, next, text};
use crate::limits::WATCH_BYTES_MAX;
use crate::{Batch, Revision, Store, StoreError, Transaction, Watch};

fn shown(batch: &Batch) -> Vec<(String, Option<String>)> {
    let value = |value: &crate::KeyValue| text(&value.value);
    let changes = batch.changes.iter();
    changes.map(|change| (change.key.clone(), change.value.as_ref().map(value))).collect()
}

fn put(key: &str, value: &str) -> (String, Option<String>) {
    (key.to_owned(), Some(value.to_owned()))
}

/// What a batch tells.
pub async fn a_watch_tells_puts_and_deletions_of_its_prefix_only(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let start = subject.put("w/old", "0").await;
    let mut watch = subject.watch("w/", start).await;
    subject.put("v", "not watched").await;
    let created = subject.commit(Transaction::new().put("w/b", "2").put("w/a", "1")).await;
    let batch = next(&mut watch).await;
    assert_eq!(batch.revision, created);
    assert_eq!(shown(&batch), [put("w/a", "1"), put("w/b", "2")]);
    let value = batch.changes[0].value.as_ref().expect("it was put");
    assert_eq!((value.created, value.modified), (created, created));

    subject.put("w0", "not watched").await;
    let mixed = Transaction::new().delete("w/old").put("w/a", "3").delete("w/none").put("v", "x");
    let modified = subject.commit(mixed).await;
    let batch = next(&mut watch).await;
    assert_eq!(batch.revision, modified);
    assert_eq!(shown(&batch), [put("w/a", "3"), ("w/old".to_owned(), None)]);
    let value = batch.changes[0].value.as_ref().expect("it was put");
    assert_eq!((value.created, value.modified), (created, modified));
}

/// Replay.
pub async fn a_watch_from_the_past_replays_and_goes_on(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let first = subject.put("a", "1").await;
    let second = subject.put("a", "2").await;
    let third = subject.delete("a").await;
    let mut watch = subject.watch("a", first).await;
    assert_eq!(shown(&next(&mut watch).await), [put("a", "2")]);
    let batch = next(&mut watch).await;
    assert_eq!((batch.revision, shown(&batch)), (third, vec![("a".to_owned(), None)]));
    let fourth = subject.put("a", "4").await;
    assert_eq!(next(&mut watch).await.revision, fourth);
    let mut later = subject.watch("", second).await;
    assert_eq!(next(&mut later).await.revision, third);
}

/// The revisions that a watch tells, until it told `last`.
async fn revisions_until(watch: &mut Watch, last: Revision) -> Vec<Revision> {
    let mut told = Vec::new();
    while told.last() != Some(&last) {
        told.push(next(watch).await.revision);
    }
    told
}

async fn write_all(store: &Arc<dyn Store>, writers: u32, puts: u32) -> Vec<Revision> {
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let mut revisions = Vec::new();
            for number in 0..puts {
                let key = format!("w/{writer}");
                revisions.push(Subject(&*store).put(&key, number.to_string()).await);
            }
            revisions
        });
    }
    let mut revisions: Vec<Revision> = tasks.join_all().await.into_iter().flatten().collect();
    revisions.sort_unstable();
    revisions
}

/// Gaps and order.
pub async fn a_watch_has_no_gaps_under_many_writers(store: Arc<dyn Store>) {
    let start = Subject(&*store).newest().await;
    let mut watches = Vec::new();
    for _ in 0..2 {
        watches.push(Subject(&*store).watch("w/", start).await);
    }
    let writing = tokio::spawn({
        let store = Arc::clone(&store);
        async move { write_all(&store, 8, 40).await }
    });
    // Read while they write.
    let mut told = Vec::new();
    for _ in 0..100 {
        told.push(next(&mut watches[0]).await.revision);
    }
    let written = writing.await.expect("the writers are done");
    assert_eq!(told, written[..100]);
    let last = written[written.len() - 1];
    assert_eq!(revisions_until(&mut watches[0], last).await, written[100..]);
    assert_eq!(revisions_until(&mut watches[1], last).await, written);
    // One that begins in the middle.
    let middle = written.len() / 2;
    let mut late = Subject(&*store).watch("w/", written[middle]).await;
    assert_eq!(revisions_until(&mut late, last).await, written[middle + 1..]);
}

/// Slow readers.
pub async fn a_slow_watch_holds_up_no_writer_and_misses_nothing(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let start = subject.newest().await;
    let mut slow = subject.watch("", start).await;
    let mut asleep = subject.watch("", start).await;
    let big = Bytes::from(vec![1; WATCH_BYTES_MAX / 8]);
    let mut written = Vec::new();
    for number in 0..40_u32 {
        let transaction = Transaction::new().put(format!("big/{}", number % 3), big.clone());
        written.push(subject.commit(transaction).await);
        if number % 10 == 0 {
            assert_eq!(next(&mut slow).await.revision, written[number as usize / 10]);
        }
    }
    let last = written[written.len() - 1];
    let told = revisions_until(&mut slow, last).await;
    assert_eq!(told, written[4..]);
    assert_eq!(revisions_until(&mut asleep, last).await, written);
}

/// Cancellation.
pub async fn a_wait_that_is_given_up_loses_nothing(store: Arc<dyn Store>) {
    let start = Subject(&*store).newest().await;
    let mut watch = Subject(&*store).watch("", start).await;
    let writers = tokio::spawn({
        let store = Arc::clone(&store);
        async move { write_all(&store, 2, 50).await }
    });
    let mut told = Vec::new();
    let reading = async {
        while told.len() < 100 {
            tokio::select! {
                biased;
                batch = watch.next() => told.push(batch.expect("the watch goes on").revision),
                () = tokio::task::yield_now() => {}
            }
        }
    };
    tokio::time::timeout(WAIT, reading).await.expect("all is told in time");
    assert_eq!(told, writers.await.expect("the writers are done"));
}

/// Progress without changes: what was looked through is not needed any more.
pub async fn a_watch_of_a_quiet_prefix_survives_compaction(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let start = subject.newest().await;
    for number in 0..10_u32 {
        subject.put("busy", number.to_string()).await;
    }
    let mut quiet = subject.watch("quiet/", start).await;
    store.compact(0).await.expect("the store compacts");
    let revision = subject.put("quiet/a", "1").await;
    assert_eq!(next(&mut quiet).await.revision, revision);
}

/// Readers that are too slow.
pub async fn a_watch_that_compaction_overtook_says_so(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let start = subject.put("a", "0").await;
    let mut watch = subject.watch("", start).await;
    subject.put("a", "1").await;
    let newest = subject.put("a", "2").await;
    store.compact(0).await.expect("the store compacts");
    let error = tokio::time::timeout(WAIT, watch.next())
        .await
        .expect("it is told in time")
        .expect_err("it was overtaken");
    assert!(matches!(error, StoreError::Compacted { oldest } if oldest == newest), "{error:?}");
}

/// Batches of many changes.
pub async fn a_prefix_deletion_is_one_batch(store: Arc<dyn Store>) {
    const KEYS: usize = 3_000;
    let subject = Subject(&*store);
    let mut transaction = Transaction::new();
    for number in 0..KEYS {
        transaction = transaction.put(format!("p/{number:05}"), "");
        if transaction.writes.len() == 100 {
            subject.commit(std::mem::take(&mut transaction)).await;
        }
    }
    let before = subject.newest().await;
    let deleted = subject.commit(Transaction::new().delete_prefix("p/").put("q", "")).await;
    let after = subject.put("q", "1").await;
    let mut watch = subject.watch("", before).await;
    let batch = next(&mut watch).await;
    assert_eq!((batch.revision, batch.changes.len()), (deleted, KEYS + 1));
    assert!(batch.changes.is_sorted_by(|one, other| one.key < other.key));
    assert_eq!(next(&mut watch).await.revision, after);
}
