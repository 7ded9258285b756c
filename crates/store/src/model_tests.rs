//! Random transactions against a model that keeps every state there ever was.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{
    KeyValue, MemoryStore, Outcome, Precondition, Range, Revision, SqliteStore, Store, Transaction,
    Write,
};

type State = BTreeMap<String, KeyValue>;

/// Every state, by the revision that made it.
struct Model {
    states: BTreeMap<Revision, State>,
}

impl Model {
    fn newest(&self) -> (Revision, &State) {
        let (revision, state) = self.states.last_key_value().expect("there is a first state");
        (*revision, state)
    }

    fn commit(&mut self, transaction: &Transaction) -> Outcome {
        let (newest, before) = self.newest();
        for precondition in &transaction.preconditions {
            let found = before.get(precondition.key());
            let holds = match precondition {
                Precondition::Absent { .. } => found.is_none(),
                Precondition::Exists { .. } => found.is_some(),
                Precondition::At { modified, .. } => {
                    found.is_some_and(|found| found.modified == *modified)
                }
            };
            if !holds {
                return Outcome::Conflict { key: precondition.key().to_owned() };
            }
        }
        let revision = newest + 1;
        let mut after = before.clone();
        for write in &transaction.writes {
            match write {
                Write::Put { key, value } => {
                    let created = before.get(key).map_or(revision, |found| found.created);
                    let (key, value) = (key.clone(), value.clone());
                    let put = KeyValue { key: key.clone(), value, created, modified: revision };
                    after.insert(key, put);
                }
                Write::Delete { key } => drop(after.remove(key)),
                Write::DeletePrefix { prefix } => after.retain(|key, _| !key.starts_with(prefix)),
            }
        }
        if after == *before {
            return Outcome::Committed(newest);
        }
        self.states.insert(revision, after);
        Outcome::Committed(revision)
    }
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab]/[0-2]",
        1 => "[ab]",
        1 => Just("a\u{10FFFF}".to_owned()),
    ]
}

fn precondition() -> impl Strategy<Value = Precondition> {
    prop_oneof![
        key().prop_map(Precondition::absent),
        key().prop_map(Precondition::exists),
        (key(), 0..30_u64).prop_map(|(key, modified)| Precondition::at(key, modified)),
    ]
}

fn put() -> impl Strategy<Value = Write> {
    (key(), "[a-z]{0,3}").prop_map(|(key, value)| Write::Put { key, value: Bytes::from(value) })
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        5 => put(),
        2 => key().prop_map(|key| Write::Delete { key }),
        1 => "([ab]/?)?".prop_map(|prefix| Write::DeletePrefix { prefix }),
    ]
}

fn transaction() -> impl Strategy<Value = Transaction> {
    // Mostly without preconditions, else little would ever be written.
    (
        prop_oneof![3 => vec(precondition(), 0..1), 1 => vec(precondition(), 1..3)],
        vec(write(), 0..4),
    )
        .prop_map(|(preconditions, writes)| Transaction { preconditions, writes })
}

async fn check(store: Arc<dyn Store>, transactions: Vec<Transaction>) {
    let mut model = Model { states: BTreeMap::from([(0, State::new())]) };
    for transaction in transactions {
        // Refused transactions are the conformance suite's.
        if transaction.validate().is_err() {
            continue;
        }
        let expected = model.commit(&transaction);
        assert_eq!(store.commit(transaction).await.unwrap(), expected);
    }
    let (_, newest) = model.newest();
    for key in ["a", "b", "a/0", "a/1", "b/2"] {
        assert_eq!(store.read(key).await.unwrap().as_ref(), newest.get(key), "{key}");
    }
    for prefix in ["", "a", "a/", "b/1", "c"] {
        check_listings(&*store, &model, prefix).await;
        check_watch(&*store, &model, prefix).await;
    }
}

async fn check_listings(store: &dyn Store, model: &Model, prefix: &str) {
    for (revision, state) in &model.states {
        let mut expected: Vec<_> =
            state.values().filter(|value| value.key.starts_with(prefix)).cloned().collect();
        for range in [Range::prefix(prefix).limit(2), Range::prefix(prefix).limit(2).descending()] {
            let mut page = range.clone();
            let mut found = Vec::new();
            loop {
                let listing = store.list(page.clone(), Some(*revision)).await.unwrap();
                found.extend(listing.items);
                let Some(cursor) = listing.next else { break };
                page = page.after(cursor);
            }
            assert_eq!(found, expected, "{range:?} at {revision}");
            expected.reverse();
        }
    }
}

async fn check_watch(store: &dyn Store, model: &Model, prefix: &str) {
    let mut state = State::new();
    let mut watch = store.watch(prefix, 0).await.unwrap();
    for (revision, expected) in model.states.range(1..) {
        let expected: State = expected
            .iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if expected == state {
            continue;
        }
        let batch = watch.next().await.unwrap();
        assert_eq!(batch.revision, *revision);
        for change in batch.changes {
            match change.value {
                Some(value) => state.insert(change.key, value),
                None => state.remove(&change.key),
            };
        }
        assert_eq!(state, expected, "at {revision}");
    }
}

proptest! {
    #[test]
    fn memory_does_what_the_model_does(transactions in vec(transaction(), 0..40)) {
        futures::executor::block_on(check(Arc::new(MemoryStore::new()), transactions));
    }
}

proptest! {
    // Each transaction is a sync of the disk.
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn sqlite_does_what_the_model_does(transactions in vec(transaction(), 0..40)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
            check(Arc::new(store), transactions).await;
        });
    }
}
