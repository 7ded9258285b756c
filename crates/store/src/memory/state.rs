//! The state of the store in memory, and the history that leads back from it.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use bytes::Bytes;

use crate::error::StoreError;
use crate::limits::PREFIX_DELETION_KEYS_MAX;
use crate::range::{Interval, Listing, Order, PageBuilder, Range};
use crate::store::{KeyValue, Revision};
use crate::transaction::{Outcome, Transaction, Write, within};
use crate::watch::{Change, LogPage, LogPageBuilder};

/// The newest values, and for each kept revision what it changed.
pub(super) struct State {
    values: BTreeMap<String, KeyValue>,
    history: VecDeque<Step>,
    revision: Revision,
    /// The oldest revision that can be read at.
    oldest: Revision,
    history_revisions: u64,
    /// Whether a test has asked for an outage.
    pub(super) outage: bool,
}

/// What one revision did: for each key the states before and after it.
struct Step {
    revision: Revision,
    changes: BTreeMap<String, (Option<KeyValue>, Option<KeyValue>)>,
}

impl State {
    pub(super) fn new(history_revisions: u64) -> Self {
        Self {
            values: BTreeMap::new(),
            history: VecDeque::new(),
            revision: 0,
            oldest: 0,
            history_revisions,
            outage: false,
        }
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    pub(super) fn read(&self, key: &str) -> Option<KeyValue> {
        self.values.get(key).cloned()
    }

    pub(super) fn list(&self, range: &Range, at: Option<Revision>) -> Result<Listing, StoreError> {
        let at = at.unwrap_or(self.revision);
        self.check_kept(at)?;
        let interval = range.interval();
        let mut page = PageBuilder::new(range);
        if interval.is_empty() {
            return Ok(page.finish(at));
        }
        let mut values: BTreeMap<&str, &KeyValue> =
            self.within(&interval).map(|(key, value)| (key.as_str(), value)).collect();
        // Walk back from the newest state.
        for step in self.history.iter().rev().take_while(|step| step.revision > at) {
            for (key, (before, _)) in step.changes.range::<str, _>(bounds(&interval)) {
                match before {
                    Some(before) => values.insert(key, before),
                    None => values.remove(key.as_str()),
                };
            }
        }
        let ordered: Box<dyn Iterator<Item = &KeyValue>> = match range.order {
            Order::Ascending => Box::new(values.into_values()),
            Order::Descending => Box::new(values.into_values().rev()),
        };
        for value in ordered {
            if page.is_full() {
                page.end_early();
                break;
            }
            page.push(value.clone());
        }
        Ok(page.finish(at))
    }

    pub(super) fn commit(&mut self, transaction: &Transaction) -> Result<Outcome, StoreError> {
        for precondition in &transaction.preconditions {
            let modified = self.values.get(precondition.key()).map(|value| value.modified);
            if !precondition.holds(modified) {
                return Ok(Outcome::Conflict { key: precondition.key().to_owned() });
            }
        }
        let revision = self.revision + 1;
        let mut after: BTreeMap<String, Option<KeyValue>> = BTreeMap::new();
        for write in &transaction.writes {
            match write {
                Write::Put { key, value } => {
                    let put = self.put(key, value, revision);
                    after.insert(key.clone(), Some(put));
                }
                Write::Delete { key } if self.values.contains_key(key) => {
                    after.insert(key.clone(), None);
                }
                Write::Delete { .. } => {}
                Write::DeletePrefix { prefix } => {
                    let interval = Interval::of_prefix(prefix);
                    let keys = || self.within(&interval).map(|(key, _)| key);
                    within("keys of a prefix deletion", keys().count(), PREFIX_DELETION_KEYS_MAX)?;
                    after.extend(keys().map(|key| (key.clone(), None)));
                }
            }
        }
        if !after.is_empty() {
            self.apply(revision, after);
        }
        Ok(Outcome::Committed(self.revision))
    }

    fn put(&self, key: &str, value: &Bytes, revision: Revision) -> KeyValue {
        let created = self.values.get(key).map_or(revision, |before| before.created);
        KeyValue { key: key.to_owned(), value: value.clone(), created, modified: revision }
    }

    fn apply(&mut self, revision: Revision, after: BTreeMap<String, Option<KeyValue>>) {
        let mut changes = BTreeMap::new();
        for (key, after) in after {
            let before = match &after {
                Some(value) => self.values.insert(key.clone(), value.clone()),
                None => self.values.remove(&key),
            };
            changes.insert(key, (before, after));
        }
        self.history.push_back(Step { revision, changes });
        self.revision = revision;
        self.compact(self.history_revisions);
    }

    pub(super) fn read_log(&self, prefix: &str, after: Revision) -> Result<LogPage, StoreError> {
        self.check_kept(after)?;
        let interval = Interval::of_prefix(prefix);
        let first = self.history.partition_point(|step| step.revision <= after);
        let mut page = LogPageBuilder::default();
        for step in self.history.range(first..) {
            for (key, (_, value)) in step.changes.range::<str, _>(bounds(&interval)) {
                let change = Change { key: key.clone(), value: value.clone() };
                if let Err(through) = page.push(step.revision, change) {
                    return Ok(page.finish(through));
                }
            }
        }
        Ok(page.finish(self.revision))
    }

    pub(super) fn compact(&mut self, keep_revisions: u64) {
        self.oldest = self.oldest.max(self.revision.saturating_sub(keep_revisions));
        let dropped = self.history.partition_point(|step| step.revision <= self.oldest);
        self.history.drain(..dropped);
    }

    fn check_kept(&self, revision: Revision) -> Result<(), StoreError> {
        if revision < self.oldest {
            Err(StoreError::Compacted { oldest: self.oldest })
        } else if revision > self.revision {
            Err(StoreError::Future { newest: self.revision })
        } else {
            Ok(())
        }
    }

    fn within(&self, interval: &Interval) -> impl Iterator<Item = (&String, &KeyValue)> {
        self.values.range::<str, _>(bounds(interval))
    }
}

/// The bounds of an interval that is not empty.
fn bounds(interval: &Interval) -> (Bound<&str>, Bound<&str>) {
    let end = interval.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    (Bound::Included(&interval.begin), end)
}
