//! Commits: preconditions, races, and what a transaction may hold.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::Subject;
use crate::limits::{
    KEY_BYTES_MAX, PREFIX_DELETION_KEYS_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_PRECONDITIONS_MAX,
    TRANSACTION_WRITES_MAX, VALUE_BYTES_MAX, WATCH_CHANGES_MAX,
};
use crate::{Outcome, Precondition, Range, Store, StoreError, Transaction};

/// Reads after writes.
pub async fn a_key_is_read_as_it_was_put(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    assert_eq!(subject.read("a").await, None);
    let created = subject.put("a", "one").await;
    let modified = subject.put("a", "two").await;
    assert!(modified > created);
    let found = subject.read("a").await.expect("it was put");
    assert_eq!((found.key.as_str(), &found.value[..]), ("a", b"two".as_slice()));
    assert_eq!((found.created, found.modified), (created, modified));
    subject.put("empty", "").await;
    assert_eq!(subject.text("empty").await.as_deref(), Some(""));
    let again = subject.put("a", "two").await;
    assert!(again > modified, "putting the same value is a change");
}

/// Deletion and creation anew.
pub async fn a_key_that_was_deleted_and_put_again_is_a_new_one(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let first = subject.put("a", "one").await;
    let deleted = subject.delete("a").await;
    assert!(deleted > first);
    assert_eq!(subject.read("a").await, None);
    let second =
        subject.commit(Transaction::new().require(Precondition::absent("a")).put("a", "two")).await;
    let found = subject.read("a").await.expect("it was put again");
    assert_eq!((found.created, found.modified), (second, second));
    let stale = Transaction::new().require(Precondition::at("a", first)).delete("a");
    assert_eq!(subject.try_commit(stale).await, Outcome::Conflict { key: "a".to_owned() });
}

/// Every kind of precondition, met and not met.
pub async fn a_lost_race_is_a_conflict_that_names_the_key_and_writes_nothing(
    store: Arc<dyn Store>,
) {
    let subject = Subject(&*store);
    let at = subject.put("here", "1").await;
    for (precondition, holds) in [
        (Precondition::absent("here"), false),
        (Precondition::absent("gone"), true),
        (Precondition::exists("here"), true),
        (Precondition::exists("gone"), false),
        (Precondition::at("here", at), true),
        (Precondition::at("here", at + 1), false),
        (Precondition::at("gone", at), false),
        (Precondition::at("gone", 0), false),
    ] {
        let key = precondition.key().to_owned();
        let before = subject.newest().await;
        let transaction = Transaction::new()
            .require(Precondition::exists("here"))
            .require(precondition.clone())
            .put("other", "1")
            .delete("untouched");
        let outcome = subject.try_commit(transaction).await;
        if holds {
            let revision = outcome.committed().expect("the precondition holds");
            assert!(revision > before, "{precondition:?}");
            subject.delete("other").await;
        } else {
            assert_eq!(outcome, Outcome::Conflict { key }, "{precondition:?}");
            assert_eq!(subject.newest().await, before, "{precondition:?}");
            assert_eq!(subject.read("other").await, None, "{precondition:?}");
        }
    }
}

/// Compare and swap, everyone from the same revision.
pub async fn of_many_writers_of_one_revision_one_wins(store: Arc<dyn Store>) {
    const WRITERS: usize = 32;
    let subject = Subject(&*store);
    let mut at = subject.put("a", "start").await;
    for _ in 0..5 {
        let mut writers = JoinSet::new();
        for number in 0..WRITERS {
            let store = Arc::clone(&store);
            writers.spawn(async move {
                let transaction = Transaction::new()
                    .require(Precondition::at("a", at))
                    .put("a", number.to_string());
                (number, Subject(&*store).try_commit(transaction).await)
            });
        }
        let outcomes = writers.join_all().await;
        let won: Vec<_> = outcomes
            .iter()
            .filter_map(|(number, outcome)| Some((number, outcome.committed()?)))
            .collect();
        let [(number, revision)] = won[..] else { panic!("one wins, not {}", won.len()) };
        assert_eq!(subject.text("a").await, Some(number.to_string()));
        at = revision;
    }
}

/// Read, raise, write, again after a conflict.
pub async fn a_counter_raised_by_many_writers_loses_no_count(store: Arc<dyn Store>) {
    const WRITERS: u32 = 8;
    const RAISES: u32 = 10;
    Subject(&*store).put("count", "0").await;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for _ in 0..RAISES {
                raise(&Subject(&*store)).await;
            }
        });
    }
    writers.join_all().await;
    let count = Subject(&*store).text("count").await;
    assert_eq!(count, Some((WRITERS * RAISES).to_string()));
}

async fn raise(subject: &Subject<'_>) {
    loop {
        let found = subject.read("count").await.expect("the counter exists");
        let count: u32 = super::text(&found.value).parse().expect("the counter is a number");
        let transaction = Transaction::new()
            .require(Precondition::at("count", found.modified))
            .put("count", (count + 1).to_string());
        if subject.try_commit(transaction).await.committed().is_some() {
            return;
        }
    }
}

/// Write skew: each depends on the key that the other writes.
pub async fn two_saves_that_contradict_each_other_cannot_both_pass(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    for round in 0..20 {
        let a = subject.put("a", "").await;
        let b = subject.put("b", "").await;
        let link = |from: &str, to: &str| {
            Transaction::new()
                .require(Precondition::at("a", a))
                .require(Precondition::at("b", b))
                .put(from, to.to_owned())
        };
        let (one, other) = tokio::join!(
            subject.try_commit(link("a", "points to b")),
            subject.try_commit(link("b", "points to a")),
        );
        let passed = [one, other].iter().filter_map(Outcome::committed).count();
        assert_eq!(passed, 1, "round {round}");
    }
}

/// Atomicity.
pub async fn a_transaction_is_one_revision(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    subject.put("old", "1").await;
    let revision =
        subject.commit(Transaction::new().put("a", "1").put("b", "2").delete("old")).await;
    let listing = subject.list(Range::prefix("")).await;
    assert_eq!(listing.revision, revision);
    assert_eq!(super::keys(&listing), ["a", "b"]);
    assert!(listing.items.iter().all(|item| item.modified == revision));
}

/// Empty transactions and deletions of nothing.
pub async fn a_transaction_that_changes_nothing_makes_no_revision(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    assert_eq!(subject.commit(Transaction::new()).await, subject.newest().await);
    let at = subject.put("a", "1").await;
    assert_eq!(subject.commit(Transaction::new()).await, at);
    assert_eq!(subject.delete("gone").await, at);
    assert_eq!(subject.commit(Transaction::new().delete_prefix("gone/")).await, at);
    let only_asked = Transaction::new().require(Precondition::exists("a"));
    assert_eq!(subject.commit(only_asked).await, at);
    assert_eq!(subject.newest().await, at);
}

/// The ends of a prefix.
pub async fn a_prefix_deletion_deletes_just_the_prefix(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    for key in ["a", "a/", "a/1", "a/\u{10FFFF}", "a0", "b", "ä"] {
        subject.put(key, "").await;
    }
    subject.commit(Transaction::new().delete_prefix("a/").put("c", "")).await;
    assert_eq!(subject.keys(Range::prefix("")).await, ["a", "a0", "b", "c", "ä"]);
    subject.commit(Transaction::new().delete_prefix("")).await;
    assert!(subject.keys(Range::prefix("")).await.is_empty());
}

/// Two deletions of the same key.
pub async fn deletions_may_overlap(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    for key in ["a/1", "a/2", "a/b/1"] {
        subject.put(key, "").await;
    }
    let before = subject.newest().await;
    let transaction = Transaction::new()
        .delete("a/1")
        .delete_prefix("a/b/")
        .delete("a/1")
        .delete_prefix("a/")
        .delete("a/2");
    subject.commit(transaction).await;
    assert!(subject.keys(Range::prefix("")).await.is_empty());
    let batch = super::next(&mut subject.watch("", before).await).await;
    assert_eq!(batch.changes.len(), 3, "each key is told once");
}

/// The same key twice.
pub async fn a_key_put_and_written_again_in_one_transaction_is_refused(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let before = subject.newest().await;
    for transaction in [
        Transaction::new().put("a/1", "1").put("a/1", "2"),
        Transaction::new().put("a/1", "1").delete("a/1"),
        Transaction::new().delete("a/1").put("a/1", "1"),
        Transaction::new().delete_prefix("a/").put("a/1", "1"),
        Transaction::new().put("0", "").put("a/1", "1").delete_prefix(""),
    ] {
        let shown = format!("{transaction:?}");
        let error = subject.refused(transaction).await;
        assert!(matches!(&error, StoreError::Overlap { .. }), "{error:?} of {shown}");
    }
    assert_eq!(subject.newest().await, before);
}

/// Sizes and counts.
pub async fn what_is_over_a_limit_is_refused_before_anything_is_done(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let before = subject.newest().await;
    let long = "k".repeat(KEY_BYTES_MAX + 1);
    let big = Bytes::from(vec![0; VALUE_BYTES_MAX]);
    let too_big = Bytes::from(vec![0; VALUE_BYTES_MAX + 1]);
    let many = (0..=TRANSACTION_WRITES_MAX)
        .fold(Transaction::new(), |sum, number| sum.put(number.to_string(), ""));
    let conditions = |count: usize| {
        (0..count).fold(Transaction::new().put("a", ""), |sum, number| {
            sum.require(Precondition::absent(format!("none/{number}")))
        })
    };
    // Keys and values count together.
    let two = |bytes: usize| {
        let rest = vec![0; bytes - VALUE_BYTES_MAX - 2];
        Transaction::new().put("a", Bytes::from(vec![0; VALUE_BYTES_MAX])).put("b", rest)
    };
    subject.commit(conditions(TRANSACTION_PRECONDITIONS_MAX)).await;
    subject.commit(two(TRANSACTION_BYTES_MAX)).await;
    let before = subject.newest().await.max(before);
    for transaction in [
        conditions(TRANSACTION_PRECONDITIONS_MAX + 1),
        two(TRANSACTION_BYTES_MAX + 1),
        Transaction::new().put("a", "").put(long.clone(), ""),
        Transaction::new().put("a", "").delete(long.clone()),
        Transaction::new().put("a", "").delete_prefix(long.clone()),
        Transaction::new().put("a", "").require(Precondition::absent(long)),
        Transaction::new().put("a", "").put("b", too_big),
        Transaction::new().put("a", big.clone()).put("b", big),
        many,
    ] {
        let error = subject.refused(transaction).await;
        assert!(matches!(error, StoreError::Limit { .. }), "{error:?}");
    }
    for transaction in [Transaction::new().put("", "1"), Transaction::new().delete("")] {
        let error = subject.refused(transaction).await;
        assert!(matches!(error, StoreError::KeyMissing), "{error:?}");
    }
    assert_eq!(subject.newest().await, before);
    refuse_a_huge_prefix_deletion(&subject).await;
}

async fn refuse_a_huge_prefix_deletion(subject: &Subject<'_>) {
    let kept = subject.read("a").await;
    let start = subject.newest().await;
    let mut number = 0;
    while number <= PREFIX_DELETION_KEYS_MAX {
        let mut transaction = Transaction::new();
        for _ in 0..TRANSACTION_WRITES_MAX {
            transaction = transaction.put(format!("many/{number}"), "");
            number += 1;
        }
        subject.commit(transaction).await;
    }
    let before = subject.newest().await;
    let error = subject.refused(Transaction::new().put("a", "").delete_prefix("many/")).await;
    assert!(matches!(error, StoreError::Limit { .. }), "{error:?}");
    assert_eq!(subject.newest().await, before);
    assert_eq!(subject.read("a").await, kept);
    // More changes than a watch reads ahead come all the same, and in order.
    assert!(number > WATCH_CHANGES_MAX);
    let mut watch = subject.watch("many/", start).await;
    for revision in start + 1..=before {
        let batch = watch.next().await.expect("it is kept");
        assert_eq!((batch.revision, batch.changes.len()), (revision, TRANSACTION_WRITES_MAX));
    }
}

/// Big values.
pub async fn a_value_as_big_as_allowed_is_kept_whole(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let value: Bytes = (0..VALUE_BYTES_MAX).map(|number| (number % 251) as u8).collect();
    let key = "k".repeat(KEY_BYTES_MAX);
    let revision = subject.put(&key, value.clone()).await;
    assert_eq!(subject.read(&key).await.expect("it was put").value, value);
    subject.put(&key, "small").await;
    let past = subject.list_at(Range::prefix(""), revision).await;
    assert_eq!(past.items[0].value, value);
}

/// Health.
pub async fn a_store_in_order_is_healthy_and_a_check_makes_no_revision(store: Arc<dyn Store>) {
    let subject = Subject(&*store);
    let before = subject.put("a", "1").await;
    for _ in 0..3 {
        store.health().await.expect("the store is in order");
    }
    assert_eq!(subject.newest().await, before);
}
