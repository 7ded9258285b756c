//! Transactions: what has to hold, what to write, and what came of it.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::error::StoreError;
use crate::limits::{
    KEY_BYTES_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_PRECONDITIONS_MAX, TRANSACTION_WRITES_MAX,
    VALUE_BYTES_MAX,
};
use crate::store::Revision;

/// What has to hold for a transaction to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// The key does not exist.
    Absent {
        /// The key.
        key: String,
    },
    /// The key exists and was last put in just that revision.
    At {
        /// The key.
        key: String,
        /// The revision of its last put, from [`crate::KeyValue::modified`].
        modified: Revision,
    },
    /// The key exists, with whatever value.
    Exists {
        /// The key.
        key: String,
    },
}

impl Precondition {
    /// The key does not exist.
    #[must_use]
    pub fn absent(key: impl Into<String>) -> Self {
        Self::Absent { key: key.into() }
    }

    /// The key was last put in the revision `modified`.
    #[must_use]
    pub fn at(key: impl Into<String>, modified: Revision) -> Self {
        Self::At { key: key.into(), modified }
    }

    /// The key exists.
    #[must_use]
    pub fn exists(key: impl Into<String>) -> Self {
        Self::Exists { key: key.into() }
    }

    /// The key that this is about.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Absent { key } | Self::At { key, .. } | Self::Exists { key } => key,
        }
    }

    /// Whether it holds for a key last put in `modified`, or absent.
    pub(crate) fn holds(&self, modified: Option<Revision>) -> bool {
        match self {
            Self::Absent { .. } => modified.is_none(),
            Self::At { modified: wanted, .. } => modified == Some(*wanted),
            Self::Exists { .. } => modified.is_some(),
        }
    }
}

/// One write of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Sets the key's value, whether or not it exists.
    Put {
        /// The key.
        key: String,
        /// The new value.
        value: Bytes,
    },
    /// Deletes the key, if it exists.
    Delete {
        /// The key.
        key: String,
    },
    /// Deletes all keys that begin with `prefix`; the empty one deletes everything.
    DeletePrefix {
        /// How the keys begin.
        prefix: String,
    },
}

impl Write {
    /// The key or prefix that is written.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Put { key: text, .. }
            | Self::Delete { key: text }
            | Self::DeletePrefix { prefix: text } => text,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Put { key, value } => key.len() + value.len(),
            Self::Delete { key: text } | Self::DeletePrefix { prefix: text } => text.len(),
        }
    }
}

/// Preconditions and writes that are done together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transaction {
    /// What has to hold.
    pub preconditions: Vec<Precondition>,
    /// What to write then; the order does not matter.
    pub writes: Vec<Write>,
}

impl Transaction {
    /// A transaction that demands nothing and writes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a precondition.
    #[must_use]
    pub fn require(mut self, precondition: Precondition) -> Self {
        self.preconditions.push(precondition);
        self
    }

    /// Adds a put.
    #[must_use]
    pub fn put(mut self, key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.writes.push(Write::Put { key: key.into(), value: value.into() });
        self
    }

    /// Adds a deletion.
    #[must_use]
    pub fn delete(mut self, key: impl Into<String>) -> Self {
        self.writes.push(Write::Delete { key: key.into() });
        self
    }

    /// Adds a deletion of all keys that begin with `prefix`.
    #[must_use]
    pub fn delete_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.writes.push(Write::DeletePrefix { prefix: prefix.into() });
        self
    }

    /// Checks the rules that hold on every backend.
    pub(crate) fn validate(&self) -> Result<(), StoreError> {
        within(
            "preconditions of a transaction",
            self.preconditions.len(),
            TRANSACTION_PRECONDITIONS_MAX,
        )?;
        within("writes of a transaction", self.writes.len(), TRANSACTION_WRITES_MAX)?;
        for precondition in &self.preconditions {
            within("bytes of a key", precondition.key().len(), KEY_BYTES_MAX)?;
        }
        for write in &self.writes {
            validate_write(write)?;
        }
        let conditions: usize = self.preconditions.iter().map(|one| one.key().len()).sum();
        let writes: usize = self.writes.iter().map(Write::bytes).sum();
        within("bytes of a transaction", conditions + writes, TRANSACTION_BYTES_MAX)?;
        self.refuse_overlap()
    }

    /// A key that is put may not be touched by another write: backends would disagree which wins.
    fn refuse_overlap(&self) -> Result<(), StoreError> {
        let mut put = BTreeSet::new();
        for write in &self.writes {
            if let Write::Put { key, .. } = write
                && !put.insert(key.as_str())
            {
                return Err(StoreError::Overlap { key: key.clone() });
            }
        }
        for write in &self.writes {
            let overlapped = match write {
                Write::Put { .. } => None,
                Write::Delete { key } => put.get(key.as_str()),
                Write::DeletePrefix { prefix } => {
                    put.range(prefix.as_str()..).next().filter(|key| key.starts_with(prefix))
                }
            };
            if let Some(&key) = overlapped {
                return Err(StoreError::Overlap { key: key.to_owned() });
            }
        }
        Ok(())
    }
}

fn validate_write(write: &Write) -> Result<(), StoreError> {
    let key = match write {
        Write::Put { key, value } => {
            within("bytes of a value", value.len(), VALUE_BYTES_MAX)?;
            key
        }
        Write::Delete { key } => key,
        Write::DeletePrefix { prefix } => return within_key(prefix),
    };
    if key.is_empty() {
        return Err(StoreError::KeyMissing);
    }
    within_key(key)
}

fn within_key(key: &str) -> Result<(), StoreError> {
    within("bytes of a key", key.len(), KEY_BYTES_MAX)
}

/// Refuses what is over a limit.
pub(crate) fn within(what: &'static str, found: usize, max: usize) -> Result<(), StoreError> {
    if found > max { Err(StoreError::Limit { what, found, max }) } else { Ok(()) }
}

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Done, and durable. The revision is the new one, or the one that stands if nothing changed.
    Committed(Revision),
    /// Lost the race: a precondition did not hold, and nothing was written.
    Conflict {
        /// The key of the first precondition that did not hold.
        key: String,
    },
}

impl Outcome {
    /// The revision if it was committed.
    #[must_use]
    pub fn committed(&self) -> Option<Revision> {
        match self {
            Self::Committed(revision) => Some(*revision),
            Self::Conflict { .. } => None,
        }
    }
}
