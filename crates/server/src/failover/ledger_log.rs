//! How a ledger is kept: a log of its rows, each as often as it changed, in pages. What is written
//! follows from what happens, not from how many were present; a reader takes the last row of each
//! session. Once the log is much longer than its ledger, it is begun anew.

use lifeboat_core::failover::{Ledger, Row};
use lifeboat_core::ids::FailoverId;
use lifeboat_core::limits::{LEDGER_LOG_FACTOR, LEDGER_LOG_PAGES_MAX, LEDGER_PAGE_ROWS};
use lifeboat_store::{Range, StoreError, Transaction};

use crate::app::App;
use crate::keyspace;
use crate::writer::{WriteError, json};

/// Pages that are written, or deleted, in one commit.
const PAGES_PER_COMMIT: usize = 8;
/// Pages that are deleted in one commit.
const DELETIONS_PER_COMMIT: usize = 64;
/// Pages read at once.
const PAGES_PER_READ: usize = 100;

/// Where the log of one ledger stands.
pub(super) struct LedgerLog {
    id: FailoverId,
    /// The numbers of its pages; none is ever used again, so a write that was given up for lost
    /// and came through all the same takes nothing's place.
    pages: std::ops::Range<u64>,
    rows: usize,
}

/// A ledger as it was kept.
pub(super) async fn kept_ledger(app: &App, id: &FailoverId) -> Result<Ledger, StoreError> {
    LedgerLog::read(app, id).await.map(|(_, ledger)| ledger)
}

impl LedgerLog {
    /// Reads a log, an empty one too.
    pub(super) async fn read(app: &App, id: &FailoverId) -> Result<(Self, Ledger), StoreError> {
        let mut log = Self { id: id.clone(), pages: 0..0, rows: 0 };
        let mut kept: Vec<Row> = Vec::new();
        let mut range = Range::prefix(keyspace::ledger(id)).limit(PAGES_PER_READ);
        loop {
            let listing = app.store.list(range.clone(), None).await?;
            for item in &listing.items {
                let number = keyspace::ledger_page_number(&item.key);
                match (number, serde_json::from_slice::<Vec<Row>>(&item.value)) {
                    (Some(number), Ok(rows)) => {
                        if log.pages.is_empty() {
                            log.pages.start = number;
                        }
                        log.pages.end = number + 1;
                        kept.extend(rows);
                    }
                    (_, outcome) => {
                        tracing::error!(key = %item.key, error = ?outcome.err(), "a ledger's page cannot be read");
                    }
                }
            }
            match listing.next {
                Some(next) => range = range.after(next),
                None => break,
            }
        }
        log.rows = kept.len();
        Ok((log, Ledger::restore(kept)))
    }

    /// Adds rows that changed.
    pub(super) async fn append(&mut self, app: &App, rows: &[Row]) -> Result<(), WriteError> {
        let pages: Vec<&[Row]> = rows.chunks(LEDGER_PAGE_ROWS).collect();
        for pages in pages.chunks(PAGES_PER_COMMIT) {
            let mut transaction = Transaction::new();
            for page in pages {
                let key = keyspace::ledger_page(&self.id, self.pages.end);
                transaction = transaction.put(key, json(page));
                self.pages.end += 1;
                self.rows += page.len();
            }
            app.writer.commit_unaudited(transaction).await?;
        }
        Ok(())
    }

    /// Whether it is much longer than a ledger of so many rows has to be.
    pub(super) fn is_long(&self, ledger_rows: usize) -> bool {
        let pages = self.pages.end - self.pages.start;
        self.rows > LEDGER_LOG_FACTOR * (ledger_rows + LEDGER_PAGE_ROWS)
            || pages > LEDGER_LOG_PAGES_MAX
    }

    /// Begins it anew with all rows of the ledger. The old pages go once the new ones are there:
    /// whoever reads meanwhile finds both, and the newer ones count.
    pub(super) async fn begin_anew(&mut self, app: &App, rows: &[Row]) -> Result<(), WriteError> {
        let old = self.pages.clone();
        let old_rows = self.rows;
        self.append(app, rows).await?;
        let numbers: Vec<u64> = old.collect();
        for numbers in numbers.chunks(DELETIONS_PER_COMMIT) {
            let keys = numbers.iter().map(|number| keyspace::ledger_page(&self.id, *number));
            let transaction = keys.fold(Transaction::new(), Transaction::delete);
            app.writer.commit_unaudited(transaction).await?;
            self.pages.start += numbers.len() as u64;
        }
        self.rows -= old_rows;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lifeboat_core::failover::LedgerEvent;
    use lifeboat_core::ids::{SessionId, User};
    use lifeboat_core::time::Timestamp;
    use lifeboat_store::Range;

    use super::*;
    use crate::http::fixture::Plane;

    const PRESENT: usize = 600;

    fn session(number: usize) -> SessionId {
        SessionId::from_unique(&number.to_string())
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        for number in 0..PRESENT {
            ledger.add_present(&session(number), &User::guest(&number.to_string()), None);
        }
        ledger
    }

    async fn pages(plane: &Plane, id: &FailoverId) -> usize {
        plane.store.list(Range::prefix(keyspace::ledger(id)), None).await.unwrap().items.len()
    }

    #[tokio::test]
    async fn what_is_read_is_the_last_of_each_row_before_and_after_it_is_begun_anew() {
        let plane = Plane::start().await;
        let (app, id) = (&plane.app, FailoverId::from_unique("1"));
        let (mut log, _) = LedgerLog::read(app, &id).await.unwrap();
        let mut ledger = ledger();
        let mut now = Timestamp::from_ms(1_000);
        log.append(app, &ledger.take_changed()).await.unwrap();
        while !log.is_long(PRESENT) {
            now = now + std::time::Duration::from_millis(1);
            for number in 0..PRESENT {
                let code = if now.as_ms() % 2 == 0 {
                    lifeboat_core::code::ErrorCode::Banned
                } else {
                    lifeboat_core::code::ErrorCode::AccessDenied
                };
                ledger.note(&session(number), LedgerEvent::Refused(code), now);
            }
            log.append(app, &ledger.take_changed()).await.unwrap();
        }
        let long = pages(&plane, &id).await;
        assert_eq!(kept_ledger(app, &id).await.unwrap().rows(), ledger.rows());

        // A process that was killed meanwhile goes on with the log as it finds it.
        let (mut found, _) = LedgerLog::read(app, &id).await.unwrap();
        assert!(found.is_long(PRESENT));
        found.begin_anew(app, ledger.rows()).await.unwrap();
        assert!(!found.is_long(PRESENT));
        assert_eq!(pages(&plane, &id).await, PRESENT.div_ceil(LEDGER_PAGE_ROWS));
        assert!(long > LEDGER_LOG_FACTOR * PRESENT / LEDGER_PAGE_ROWS);
        assert_eq!(kept_ledger(app, &id).await.unwrap().rows(), ledger.rows());

        ledger.note(&session(7), LedgerEvent::Landed, now);
        found.append(app, &ledger.take_changed()).await.unwrap();
        assert_eq!(kept_ledger(app, &id).await.unwrap().rows(), ledger.rows());
    }
}
