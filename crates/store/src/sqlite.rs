//! The backend on SQLite: one file, one writer thread, a few connections that read beside it.
//!
//! Commits wait in a bounded queue. The writer takes all that wait, up to a limit, does them in
//! one SQLite transaction, and answers each when that is on the disk: many commits share a sync,
//! and one on an idle store waits for nobody. Connections that failed are dropped and opened
//! again by the next request, so an outage leaves nothing behind.

mod failure;
mod log;
mod place;
mod readers;
mod schema;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch as signal};

use crate::error::{Outage, StoreError};
use crate::limits::{ANSWER_TIMEOUT, COMMIT_QUEUE_MAX, HISTORY_REVISIONS_MAX, LOOK_PERIOD};
use crate::range::{Listing, Range};
use crate::store::{KeyValue, Revision, Store};
use crate::transaction::{Outcome, Transaction};
use crate::watch::{Log, LogPage, Watch, follow};
use place::Place;
use readers::Readers;
pub use schema::OpenError;
use writer::{Job, Task, Writer};

/// A store in one SQLite file.
///
/// The file has to be this process's alone; who sees to that is the owner of the data directory.
/// When the store is dropped, what waits is still done.
pub struct SqliteStore {
    jobs: mpsc::Sender<Job>,
    readers: Arc<Readers>,
    newest: signal::Receiver<Revision>,
}

impl SqliteStore {
    /// Opens the store in the file `path`, made with mode 0600 if it is not there. Needs a Tokio
    /// runtime.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_keeping(path.as_ref().to_owned(), HISTORY_REVISIONS_MAX).await
    }

    async fn open_keeping(path: PathBuf, history_revisions: u64) -> Result<Self, OpenError> {
        let (jobs, queue) = mpsc::channel(COMMIT_QUEUE_MAX);
        let (opened, opening) = oneshot::channel();
        let place = Arc::new(Place::new(path));
        let readers = Arc::new(Readers::new(Arc::clone(&place)));
        let looking = look_after(Arc::clone(&place), jobs.downgrade());
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || match Writer::open(place, queue, history_revisions) {
                Ok((writer, newest)) => {
                    if opened.send(Ok(newest)).is_ok() {
                        writer.run();
                    }
                }
                // Who asked may be gone; then nobody needs the answer.
                Err(error) => drop(opened.send(Err(error))),
            })
            .map_err(StoreError::unavailable)?;
        let newest = opening.await.map_err(|_| StoreError::from(Outage::Closed))??;
        tokio::spawn(looking);
        Ok(Self { jobs, readers, newest })
    }

    /// Has the writer do a task, and waits for its answer.
    async fn submit(&self, task: Task) -> Result<Outcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.try_send(Job { task, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Outage::QueueFull,
            mpsc::error::TrySendError::Closed(_) => Outage::Closed,
        })?;
        match tokio::time::timeout(ANSWER_TIMEOUT, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Outage::Closed.into()),
            Err(_) => Err(Outage::Timeout.into()),
        }
    }
}

/// Looks at the place also while nobody writes, and has the writer see to what is wrong there:
/// sooner or later somebody kills the process, and what is in a log that was taken away goes too.
async fn look_after(place: Arc<Place>, jobs: mpsc::WeakSender<Job>) {
    loop {
        tokio::time::sleep(LOOK_PERIOD).await;
        let looking = Arc::clone(&place);
        let Ok(found) = tokio::task::spawn_blocking(move || looking.check()).await else { return };
        let Some(jobs) = jobs.upgrade() else { return };
        if found.is_err() {
            let (answer, answered) = oneshot::channel();
            // With a full queue the writer meets it anyway.
            if jobs.try_send(Job { task: Task::Probe, answer }).is_ok() {
                // What it says to others it says to them.
                drop(answered.await);
            }
        }
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Log for Arc<Readers> {
    async fn read_log(&self, prefix: &str, after: Revision) -> Result<LogPage, StoreError> {
        let prefix = prefix.to_owned();
        self.read(move |tx| log::read_log(tx, &prefix, after)).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn read(&self, key: &str) -> Result<Option<KeyValue>, StoreError> {
        let key = key.to_owned();
        self.readers.read(move |tx| log::read(tx, &key)).await
    }

    async fn list(&self, range: Range, at: Option<Revision>) -> Result<Listing, StoreError> {
        self.readers.read(move |tx| log::list(tx, &range, at)).await
    }

    async fn commit(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        transaction.validate()?;
        self.submit(Task::Commit(transaction)).await
    }

    async fn watch(&self, prefix: &str, after: Revision) -> Result<Watch, StoreError> {
        let readers = Arc::clone(&self.readers);
        follow(readers, prefix.to_owned(), after, self.newest.clone()).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.readers.read(|tx| log::read_bounds(tx).map(drop)).await?;
        self.submit(Task::Probe).await.map(drop)
    }

    async fn compact(&self, keep_revisions: u64) -> Result<(), StoreError> {
        self.submit(Task::Compact { keep_revisions }).await.map(drop)
    }
}

#[cfg(test)]
mod tests;
