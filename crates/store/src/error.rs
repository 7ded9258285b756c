//! What can go wrong with a store. A lost race is none of it: see [`crate::Outcome`].

use std::error::Error;
use std::sync::Arc;

use thiserror::Error as ThisError;

use crate::store::Revision;

/// Why the store failed, as the backend tells it. Shared, since one failed disk write fails every
/// transaction that was in it.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why there is no answer. See [`crate::Store`] for what each means for a commit.
#[derive(Debug, Clone, ThisError)]
pub enum StoreError {
    /// The store is out of reach: disk full or read-only, locked, too busy, not answering. It
    /// comes back by itself when the cause is gone; wait and try again.
    #[error("the store is out of reach")]
    Unavailable(#[source] Cause),
    /// What is stored makes no sense. Trying again does not help; restore a backup.
    #[error("the store is corrupt")]
    Corrupt(#[source] Cause),
    /// The request is over a limit; nothing was done.
    #[error("{what}: {found} is over the limit of {max}; split it up")]
    Limit {
        /// What is limited, with its unit.
        what: &'static str,
        /// How much of it there was.
        found: usize,
        /// How much of it there may be.
        max: usize,
    },
    /// A put or a delete names no key; nothing was done.
    #[error("a write has an empty key; name the key")]
    KeyMissing,
    /// A key that a transaction puts is touched by another write of it; nothing was done.
    #[error("`{key}` is put and written again in one transaction; leave one of the writes out")]
    Overlap {
        /// The key.
        key: String,
    },
    /// The revision asked for is no longer kept. List anew and go on from the listing's revision.
    #[error("the revision is no longer kept; the oldest is {oldest}")]
    Compacted {
        /// The oldest revision that can be listed at and watched after.
        oldest: Revision,
    },
    /// The revision asked for has not happened: the store was restored to an earlier state. List
    /// anew and go on from the listing's revision.
    #[error("the revision has not happened; the newest is {newest}")]
    Future {
        /// The newest revision.
        newest: Revision,
    },
}

impl StoreError {
    pub(crate) fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Arc::new(cause))
    }

    pub(crate) fn corrupt(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Corrupt(Arc::new(cause))
    }
}

/// The causes of [`StoreError::Unavailable`] that are the store's own and not the disk's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
pub enum Outage {
    /// Too many transactions wait already; this one was not done.
    #[error("too many transactions are waiting")]
    QueueFull,
    /// There was no answer in time; a transaction may have been done, or may be done yet.
    #[error("no answer within {} s", crate::limits::ANSWER_TIMEOUT.as_secs())]
    Timeout,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// An outage was asked for, by a test.
    #[error("an outage for a test")]
    Rehearsed,
    /// The database file is another one than was opened; what is written would be lost.
    #[error(
        "the database file was replaced while it was in use; put it back, or restart to use the \
         other one"
    )]
    Displaced,
    /// The write-ahead log is another one than was opened, or gone; what is written would be lost.
    #[error(
        "the write-ahead log was taken away while it was in use; put it back, or restart to go on \
         with a new one"
    )]
    LogDisplaced,
    /// The file system cannot hold a write-ahead log, as some network file systems cannot.
    #[error("the file system does not support a write-ahead log")]
    WriteAheadLogUnsupported,
}

impl From<Outage> for StoreError {
    fn from(outage: Outage) -> Self {
        Self::unavailable(outage)
    }
}
