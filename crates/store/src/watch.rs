//! The watch: batches read from the log, with a signal for the moment that there is more.

use std::collections::VecDeque;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, Stream, StreamExt};
use tokio::sync::watch as signal;

use crate::error::{Outage, StoreError};
use crate::limits::{WATCH_BYTES_MAX, WATCH_CHANGES_MAX};
use crate::store::{KeyValue, Revision};

/// What a revision did to one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// Its new state; `None` if it was deleted.
    pub value: Option<KeyValue>,
}

/// Everything that one revision changed within a watched prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The revision.
    pub revision: Revision,
    /// The changes, ordered by key, each key once; never empty.
    pub changes: Vec<Change>,
}

/// The changes of a prefix, revision by revision. See [`crate::Store::watch`].
pub struct Watch {
    batches: BoxStream<'static, Result<Batch, StoreError>>,
}

impl Watch {
    /// A watch over a stream that keeps the promises of [`Watch::next`]; for backends.
    #[must_use]
    pub fn new(batches: impl Stream<Item = Result<Batch, StoreError>> + Send + 'static) -> Self {
        Self { batches: batches.boxed() }
    }

    /// The next revision that changed the prefix; waits for it as long as it takes. Dropping the
    /// future loses nothing.
    ///
    /// After [`StoreError::Unavailable`] the watch stands where it stood: wait a little and ask
    /// again. [`StoreError::Compacted`] and [`StoreError::Corrupt`] do not pass.
    pub async fn next(&mut self) -> Result<Batch, StoreError> {
        self.batches.next().await.unwrap_or_else(|| Err(Outage::Closed.into()))
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// A piece of the log: all changes of a prefix after some revision and up to `through`.
pub(crate) struct LogPage {
    pub(crate) batches: VecDeque<Batch>,
    pub(crate) through: Revision,
}

/// A log that can be read from any revision that is kept.
#[async_trait]
pub(crate) trait Log: Send + Sync + 'static {
    /// The changes after `after`; an error if they are not all there.
    async fn read_log(&self, prefix: &str, after: Revision) -> Result<LogPage, StoreError>;
}

/// Follows a log from `after` on. `newest` tells of new revisions; all that a watch keeps is the
/// page that it read last, whatever the pace of its reader.
pub(crate) async fn follow(
    log: impl Log,
    prefix: String,
    after: Revision,
    newest: signal::Receiver<Revision>,
) -> Result<Watch, StoreError> {
    let LogPage { batches, through } = log.read_log(&prefix, after).await?;
    let follower = Follower { log, prefix, batches, through, newest };
    Ok(Watch::new(stream::unfold(follower, |mut follower| async move {
        let batch = follower.advance().await;
        Some((batch, follower))
    })))
}

struct Follower<L> {
    log: L,
    prefix: String,
    batches: VecDeque<Batch>,
    through: Revision,
    newest: signal::Receiver<Revision>,
}

impl<L: Log> Follower<L> {
    async fn advance(&mut self) -> Result<Batch, StoreError> {
        loop {
            if let Some(batch) = self.batches.pop_front() {
                return Ok(batch);
            }
            let through = self.through;
            if self.newest.wait_for(|newest| *newest > through).await.is_err() {
                return Err(Outage::Closed.into());
            }
            let page = self.log.read_log(&self.prefix, through).await?;
            self.batches = page.batches;
            self.through = page.through;
        }
    }
}

/// Gathers changes, in the order of the log, into batches, until enough was read ahead.
#[derive(Default)]
pub(crate) struct LogPageBuilder {
    batches: VecDeque<Batch>,
    changes: usize,
    bytes: usize,
}

impl LogPageBuilder {
    /// Adds a change, unless the page is full and the change begins a new revision: then the page
    /// ends, and the revision through which it is complete is returned.
    pub(crate) fn push(&mut self, revision: Revision, change: Change) -> Result<(), Revision> {
        let bytes = change.key.len() + change.value.as_ref().map_or(0, |one| one.value.len());
        match self.batches.back_mut() {
            Some(last) if last.revision == revision => last.changes.push(change),
            Some(last) if self.changes >= WATCH_CHANGES_MAX || self.bytes >= WATCH_BYTES_MAX => {
                return Err(last.revision);
            }
            _ => self.batches.push_back(Batch { revision, changes: vec![change] }),
        }
        self.changes += 1;
        self.bytes += bytes;
        Ok(())
    }

    pub(crate) fn finish(self, through: Revision) -> LogPage {
        LogPage { batches: self.batches, through }
    }
}
