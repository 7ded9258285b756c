//! The writer thread: takes what waits, does it in one transaction, and answers.

mod apply;

use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot, watch as signal};

use super::log::{Bounds, read_bounds, to_sql};
use super::place::Place;
use super::schema::{self, OpenError};
use crate::error::StoreError;
use crate::limits::{COMMIT_GROUP_MAX, COMPACTION_STEP_ROWS, COMPACTION_STRIDE_REVISIONS};
use crate::store::Revision;
use crate::transaction::{Outcome, Transaction};

/// What the writer can be asked for.
pub(super) enum Task {
    Commit(Transaction),
    /// A durable write that changes nothing that anyone could see.
    Probe,
    Compact {
        keep_revisions: u64,
    },
}

/// A task, and where its answer goes.
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) answer: oneshot::Sender<Result<Outcome, StoreError>>,
}

/// How it stands with what was committed to files that are not in their place any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rescue {
    NotNeeded,
    Pending,
    Done,
}

pub(super) struct Writer {
    place: Arc<Place>,
    /// `None` after a failure, until the next job.
    connection: Option<Connection>,
    /// Reads once and stays open: with the last connection SQLite would delete the write-ahead
    /// log, and the next one would make another.
    anchor: Connection,
    rescue: Rescue,
    jobs: mpsc::Receiver<Job>,
    newest: signal::Sender<Revision>,
    history_revisions: u64,
    /// Whether there is history to drop.
    compaction_due: bool,
}

impl Writer {
    /// Opens the file; the receiver tells of every new revision.
    pub(super) fn open(
        place: Arc<Place>,
        jobs: mpsc::Receiver<Job>,
        history_revisions: u64,
    ) -> Result<(Self, signal::Receiver<Revision>), OpenError> {
        schema::create_file(place.path())?;
        place.check()?;
        place.check_log()?;
        let connection = schema::open_writer(place.path())?;
        let anchor = schema::open_reader(place.path())?;
        let (newest, told) = signal::channel(read_bounds(&anchor)?.newest);
        place.hold_log()?;
        let writer = Self {
            place,
            connection: Some(connection),
            anchor,
            rescue: Rescue::NotNeeded,
            jobs,
            newest,
            history_revisions,
            // What an earlier run did not get to.
            compaction_due: true,
        };
        Ok((writer, told))
    }

    /// Works until the store is dropped and its queue is empty.
    pub(super) fn run(mut self) {
        while let Some(first) = self.next_job() {
            let mut group = vec![first];
            while group.len() < COMMIT_GROUP_MAX
                && let Ok(job) = self.jobs.try_recv()
            {
                group.push(job);
            }
            self.serve(group);
        }
    }

    /// The next job; drops history while there is none.
    fn next_job(&mut self) -> Option<Job> {
        while self.compaction_due {
            match self.jobs.try_recv() {
                Ok(job) => return Some(job),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => {
                    self.compaction_due = self.compact_step().unwrap_or_else(|error| {
                        // Not tried again before the next commit has shown that the disk works.
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "compaction failed"
                        );
                        false
                    });
                }
            }
        }
        self.jobs.blocking_recv()
    }

    /// Does a group of jobs and answers them: one failure of the disk is the failure of all.
    fn serve(&mut self, mut group: Vec<Job>) {
        // Whoever stopped waiting does not know whether it was done; best that it was not.
        group.retain(|job| !job.answer.is_closed());
        let answers = self.do_together(&group);
        match answers {
            Ok(answers) => {
                for (job, answer) in group.into_iter().zip(answers) {
                    // Who asked may be gone by now.
                    drop(job.answer.send(answer));
                }
            }
            Err(error) => {
                for job in group {
                    drop(job.answer.send(Err(error.clone())));
                }
            }
        }
    }

    /// The answers to `group` once it is durable.
    fn do_together(
        &mut self,
        group: &[Job],
    ) -> Result<Vec<Result<Outcome, StoreError>>, StoreError> {
        let (answers, bounds) = self.transact(|connection| {
            let before = read_bounds(connection)?;
            let mut bounds = before;
            let mut answers = Vec::with_capacity(group.len());
            for job in group {
                answers.push(apply::apply(connection, &mut bounds, &job.task)?);
            }
            store_bounds(connection, before, bounds)?;
            Ok((answers, bounds))
        })?;
        self.compaction_due |= compaction_target(bounds, self.history_revisions).is_some()
            || group.iter().any(|job| matches!(job.task, Task::Compact { .. }));
        Ok(answers)
    }

    /// Drops a piece of the history; whether there is more to drop.
    fn compact_step(&mut self) -> Result<bool, StoreError> {
        let history_revisions = self.history_revisions;
        self.transact(|connection| {
            let before = read_bounds(connection)?;
            let mut bounds = before;
            if let Some(target) = compaction_target(bounds, history_revisions) {
                bounds.oldest = target;
            }
            store_bounds(connection, before, bounds)?;
            let mut statement = connection.prepare_cached(
                "DELETE FROM versions WHERE id IN
                     (SELECT id FROM versions WHERE superseded <= ?1 ORDER BY superseded LIMIT ?2)",
            )?;
            let rows = i64::try_from(COMPACTION_STEP_ROWS).unwrap_or(i64::MAX);
            let dropped = statement.execute(params![to_sql(bounds.oldest), rows])?;
            Ok((dropped == COMPACTION_STEP_ROWS, bounds))
        })
        .map(|(more, _)| more)
    }

    /// Runs `work` in one durable transaction and tells the watches. A connection that failed is
    /// dropped, and the next call opens another.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<(T, Bounds), StoreError>,
    ) -> Result<(T, Bounds), StoreError> {
        // The connection is kept meanwhile: a file that is put back is gone on with.
        self.check_place()?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connection = schema::open_writer(self.place.path())?;
                // One that found no log has made another; it must not be written.
                self.check_place()?;
                connection
            }
        };
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (answer, bounds) = work(&tx)?;
        tx.commit()?;
        self.connection = Some(connection);
        self.check_place()?;
        // Also tells of a transaction that was called failed and turned out to be written.
        self.newest.send_if_modified(|newest| {
            let grown = bounds.newest > *newest;
            *newest = bounds.newest;
            grown
        });
        Ok((answer, bounds))
    }

    /// Checks that what is written can be found again. If not, what was acknowledged so far is
    /// copied from the log into the database, while there is still somebody who has the log open.
    fn check_place(&mut self) -> Result<(), StoreError> {
        let Err(error) = self.place.check() else {
            self.rescue = Rescue::NotNeeded;
            return Ok(());
        };
        if self.rescue == Rescue::NotNeeded {
            self.rescue = Rescue::Pending;
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "nothing is saved until the store's files are back, or until a restart"
            );
        }
        // Short of all while somebody reads an older state; the next look tries again.
        if self.rescue == Rescue::Pending && self.copy_log().unwrap_or(false) {
            self.rescue = Rescue::Done;
            tracing::info!("what was saved before is in the database, without its log too");
        }
        Err(error)
    }

    /// Copies the log into the database; whether all of it. The log stays as it is: put back, it
    /// says the same again.
    fn copy_log(&self) -> Result<bool, rusqlite::Error> {
        self.anchor.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?)
        })
    }
}

fn store_bounds(connection: &Connection, before: Bounds, after: Bounds) -> Result<(), StoreError> {
    if (before.newest, before.oldest) != (after.newest, after.oldest) {
        let mut statement =
            connection.prepare_cached("UPDATE meta SET newest = ?1, oldest = ?2")?;
        statement.execute(params![to_sql(after.newest), to_sql(after.oldest)])?;
    }
    Ok(())
}

/// Where the history should begin, once enough has gathered to be worth a step.
fn compaction_target(bounds: Bounds, history_revisions: u64) -> Option<Revision> {
    let target = bounds.newest.saturating_sub(history_revisions);
    (target >= bounds.oldest + COMPACTION_STRIDE_REVISIONS).then_some(target)
}
