//! The backend in memory, for tests and simulation. It needs no runtime, so that a simulator can
//! drive it.

mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch as signal;

use crate::error::{Outage, StoreError};
use crate::limits::HISTORY_REVISIONS_MAX;
use crate::range::{Listing, Range};
use crate::store::{KeyValue, Revision, Store};
use crate::transaction::{Outcome, Transaction};
use crate::watch::{Log, LogPage, Watch, follow};
use state::State;

/// A store in memory. Clones are handles to the same store; it is gone with the last of them.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
    /// Tells watches of new revisions, and of the end when the last handle is dropped.
    newest: Arc<signal::Sender<Revision>>,
}

struct Shared {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store at revision 0.
    #[must_use]
    pub fn new() -> Self {
        Self::keeping(HISTORY_REVISIONS_MAX)
    }

    /// An empty store that keeps `history_revisions` revisions.
    pub(crate) fn keeping(history_revisions: u64) -> Self {
        let state = Mutex::new(State::new(history_revisions));
        Self { shared: Arc::new(Shared { state }), newest: Arc::new(signal::Sender::new(0)) }
    }

    /// Begins an outage: everything is [`StoreError::Unavailable`], and nothing is done.
    pub fn begin_outage(&self) {
        self.shared.lock().outage = true;
    }

    /// Ends an outage; watches go on where they stood.
    pub fn end_outage(&self) {
        self.shared.lock().outage = false;
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.lock();
        if state.outage { Err(Outage::Rehearsed.into()) } else { Ok(state) }
    }
}

#[async_trait]
impl Log for Arc<Shared> {
    async fn read_log(&self, prefix: &str, after: Revision) -> Result<LogPage, StoreError> {
        self.reach()?.read_log(prefix, after)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn read(&self, key: &str) -> Result<Option<KeyValue>, StoreError> {
        Ok(self.shared.reach()?.read(key))
    }

    async fn list(&self, range: Range, at: Option<Revision>) -> Result<Listing, StoreError> {
        self.shared.reach()?.list(&range, at)
    }

    async fn commit(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        transaction.validate()?;
        let mut state = self.shared.reach()?;
        let outcome = state.commit(&transaction)?;
        // Under the lock, so that revisions are told in order.
        self.newest.send_replace(state.revision());
        Ok(outcome)
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch, StoreError> {
        let log = Arc::clone(&self.shared);
        follow(log, prefix.to_owned(), after, self.newest.subscribe()).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.shared.reach().map(drop)
    }

    async fn compact(&self, keep_revisions: u64) -> Result<(), StoreError> {
        self.shared.reach()?.compact(keep_revisions);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
