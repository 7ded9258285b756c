//! The connections that read, beside the writer and each other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction};
use tokio::sync::Semaphore;

use super::log::read_bounds;
use super::place::Place;
use super::schema;
use crate::error::{Outage, StoreError};
use crate::limits::{ANSWER_TIMEOUT, READERS_MAX};

/// A few connections, opened as they are needed and dropped when they fail.
pub(super) struct Readers {
    place: Arc<Place>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(place: Arc<Place>) -> Self {
        let permits = Arc::new(Semaphore::new(READERS_MAX));
        Self { place, idle: Mutex::new(Vec::new()), permits }
    }

    /// Runs `query` on one consistent state, on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = Arc::clone(self);
        let answer = async {
            let permits = Arc::clone(&readers.permits);
            let permit = permits.acquire_owned().await.map_err(|_| Outage::Closed)?;
            let reading = tokio::task::spawn_blocking(move || {
                // Held by the thread: a disk that hangs must not gather more and more of them.
                let _permit = permit;
                readers.read_blocking(query)
            });
            reading.await.unwrap_or_else(|_| Err(Outage::Closed.into()))
        };
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Outage::Timeout.into()),
        }
    }

    fn read_blocking<T>(
        &self,
        query: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => {
                self.place.check()?;
                let connection = schema::open_reader(self.place.path())?;
                // It opens the log when it first reads. A log that is gone comes back empty then,
                // and what is read by it makes no sense.
                read_bounds(&connection)?;
                self.place.check()?;
                connection
            }
        };
        let tx = connection.transaction()?;
        let answer = query(&tx);
        let ended = tx.finish();
        let failed = matches!(answer, Err(StoreError::Unavailable(_) | StoreError::Corrupt(_)));
        if ended.is_ok() && !failed {
            self.idle().push(connection);
        }
        answer
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // Pushing and popping leave nothing half done.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
