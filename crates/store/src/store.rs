//! The contract that every backend keeps.

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::StoreError;
use crate::range::{Listing, Range};
use crate::transaction::{Outcome, Transaction};
use crate::watch::Watch;

/// A state of the whole store. Grows with every transaction that changes something, is not dense,
/// and stays below 2^53 so that JSON can carry it. An empty store is at the backend's first
/// revision, which may be 0.
pub type Revision = u64;

/// A key with its value, as of some revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Bytes,
    /// The revision in which the key came to be; a new one after a deletion.
    pub created: Revision,
    /// The revision of the last put.
    pub modified: Revision,
}

/// A revisioned key-value store with preconditions on several keys and a watch.
///
/// # Order
/// - Transactions happen one after another, each as a whole or not at all. Each that changes
///   something makes one new revision; one that changes nothing (no writes, or deletions of what
///   is not there) is committed at the revision that stands. Putting the value that is there
///   already is a change.
/// - All preconditions of a transaction are checked against the state that its writes meet. Two
///   transactions that each depend on what the other writes cannot both pass.
/// - Whoever asks after a commit was answered, on any handle, sees it.
///
/// # Durability
/// - [`Outcome::Committed`] is answered when the transaction survives the death of the process
///   and of the machine, as far as the backend is durable at all ([`crate::MemoryStore`] is not).
///
/// # Conflict
/// - A precondition that does not hold is an answer, [`Outcome::Conflict`], never an error; nothing
///   was written.
///
/// # Outage
/// - [`StoreError::Unavailable`] from a commit leaves open whether it happened: the disk may have
///   failed after the data was written. The same holds for a commit whose future is dropped. Read
///   before trying again, or let the preconditions refuse the second try.
/// - Every answer comes within [`crate::limits::ANSWER_TIMEOUT`]. Waiting in [`Watch::next`] for a
///   change has no limit.
/// - The store recovers by itself once the cause is gone; nothing has to be reopened.
/// - A store that cannot write may still read.
/// - [`StoreError::Corrupt`] is never mixed up with an outage: it does not pass.
///
/// # History
/// - The last [`crate::limits::HISTORY_REVISIONS_MAX`] revisions can be listed at and watched
///   after, unless [`Store::compact`] dropped them; else [`StoreError::Compacted`] tells the oldest
///   that is left.
/// - A revision beyond the newest is [`StoreError::Future`]: whoever holds one has seen a state
///   that the store, restored from a backup, has lost.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The key's newest value, if it exists.
    async fn read(&self, key: &str) -> Result<Option<KeyValue>, StoreError>;

    /// A page of the keys in `range`, as of the revision `at`, or the newest one. Pages listed at
    /// the revision of the first are one consistent state.
    async fn list(&self, range: Range, at: Option<Revision>) -> Result<Listing, StoreError>;

    /// Does all writes if all preconditions hold. Refused before anything is done: what is over a
    /// limit, an empty key ([`StoreError::KeyMissing`]), and a put of a key that another write of
    /// the same transaction touches ([`StoreError::Overlap`]); deletions may overlap.
    async fn commit(&self, transaction: Transaction) -> Result<Outcome, StoreError>;

    /// Every revision after `after` that changed a key beginning with `prefix`, in order and
    /// without gaps: first those of the past, then each as it happens. To follow a state, list it
    /// and watch after the listing's revision.
    ///
    /// A slow reader holds up nobody and costs no memory: it reads from the history at its own
    /// pace, until that is compacted under it and it gets [`StoreError::Compacted`].
    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch, StoreError>;

    /// Whether the store answers, found out by a real read and a real, durable write. The write
    /// makes no revision and uses no further space; ask every few seconds, not every few
    /// milliseconds.
    async fn health(&self) -> Result<(), StoreError>;

    /// Drops the history but for the last `keep_revisions` revisions; 0 leaves the newest state
    /// only. Answered when the older ones can no longer be read; their space is freed in small
    /// steps afterwards. Called by itself with [`crate::limits::HISTORY_REVISIONS_MAX`].
    async fn compact(&self, keep_revisions: u64) -> Result<(), StoreError>;
}
