//! What each task does to the database, within the transaction of its group.

use rusqlite::{Connection, OptionalExtension, params};

use super::Task;
use crate::error::StoreError;
use crate::limits::PREFIX_DELETION_KEYS_MAX;
use crate::range::Interval;
use crate::sqlite::log::{Bounds, end, revision, to_sql};
use crate::store::Revision;
use crate::transaction::{Outcome, Transaction, Write, within};

/// Does a task. The outer error fails the whole group; the inner one is this task's own, and
/// nothing of it was written.
pub(super) fn apply(
    connection: &Connection,
    bounds: &mut Bounds,
    task: &Task,
) -> Result<Result<Outcome, StoreError>, StoreError> {
    match task {
        Task::Commit(transaction) => return commit(connection, bounds, transaction),
        Task::Probe => {
            // SQLite writes a page only if it differs.
            connection.prepare_cached("UPDATE meta SET probe = 1 - probe")?.execute([])?;
        }
        Task::Compact { keep_revisions } => {
            let target = bounds.newest.saturating_sub(*keep_revisions);
            bounds.oldest = bounds.oldest.max(target);
        }
    }
    Ok(Ok(Outcome::Committed(bounds.newest)))
}

fn commit(
    connection: &Connection,
    bounds: &mut Bounds,
    transaction: &Transaction,
) -> Result<Result<Outcome, StoreError>, StoreError> {
    for precondition in &transaction.preconditions {
        if !precondition.holds(modified(connection, precondition.key())?) {
            return Ok(Ok(Outcome::Conflict { key: precondition.key().to_owned() }));
        }
    }
    // Everything that may refuse the transaction comes before its first write.
    for write in &transaction.writes {
        if let Write::DeletePrefix { prefix } = write {
            let keys = count(connection, &Interval::of_prefix(prefix))?;
            if let Err(error) = within("keys of a prefix deletion", keys, PREFIX_DELETION_KEYS_MAX)
            {
                return Ok(Err(error));
            }
        }
    }
    let next = bounds.newest + 1;
    let mut changed = false;
    for write in &transaction.writes {
        changed |= match write {
            Write::Put { key, value } => {
                put(connection, next, key, value)?;
                true
            }
            Write::Delete { key } => delete(connection, next, key)?,
            Write::DeletePrefix { prefix } => {
                delete_interval(connection, next, &Interval::of_prefix(prefix))?
            }
        };
    }
    if changed {
        bounds.newest = next;
    }
    Ok(Ok(Outcome::Committed(bounds.newest)))
}

/// The revision of the key's last put, if it exists.
fn modified(connection: &Connection, key: &str) -> Result<Option<Revision>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT modified FROM versions WHERE key = ?1 AND superseded IS NULL")?;
    Ok(statement.query_row([key], |row| revision(row, 0)).optional()?)
}

fn count(connection: &Connection, interval: &Interval) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM versions WHERE superseded IS NULL AND key >= ?1 AND key < ?2",
    )?;
    let keys: i64 =
        statement.query_row(params![interval.begin, end(interval)], |row| row.get(0))?;
    Ok(usize::try_from(keys).unwrap_or(0))
}

/// Ends the key's newest version; returns the revision in which the key was created, if it exists.
fn supersede(
    connection: &Connection,
    at: Revision,
    key: &str,
) -> Result<Option<Revision>, StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE versions SET superseded = ?1 WHERE key = ?2 AND superseded IS NULL
         RETURNING created",
    )?;
    let mut rows = statement.query(params![to_sql(at), key])?;
    let created = rows.next()?.map(|row| revision(row, 0)).transpose()?;
    // The statement has to run to its end to be done.
    while rows.next()?.is_some() {}
    Ok(created)
}

fn put(connection: &Connection, at: Revision, key: &str, value: &[u8]) -> Result<(), StoreError> {
    let created = supersede(connection, at, key)?.unwrap_or(at);
    let mut statement = connection.prepare_cached(
        "INSERT INTO versions (key, created, modified, value) VALUES (?1, ?2, ?3, ?4)",
    )?;
    statement.execute(params![key, to_sql(created), to_sql(at), value])?;
    Ok(())
}

/// Deletes a key; whether it existed.
fn delete(connection: &Connection, at: Revision, key: &str) -> Result<bool, StoreError> {
    let Some(created) = supersede(connection, at, key)? else { return Ok(false) };
    let mut statement = connection.prepare_cached(
        "INSERT INTO versions (key, created, modified, superseded) VALUES (?1, ?2, ?3, ?3)",
    )?;
    statement.execute(params![key, to_sql(created), to_sql(at)])?;
    Ok(true)
}

/// Deletes the keys of an interval; whether there were any.
fn delete_interval(
    connection: &Connection,
    at: Revision,
    interval: &Interval,
) -> Result<bool, StoreError> {
    let at = to_sql(at);
    let mut mark = connection.prepare_cached(
        "INSERT INTO versions (key, created, modified, superseded)
         SELECT key, created, ?1, ?1 FROM versions
         WHERE superseded IS NULL AND key >= ?2 AND key < ?3",
    )?;
    let marked = mark.execute(params![at, interval.begin, end(interval)])?;
    let mut supersede = connection.prepare_cached(
        "UPDATE versions SET superseded = ?1
         WHERE superseded IS NULL AND key >= ?2 AND key < ?3",
    )?;
    supersede.execute(params![at, interval.begin, end(interval)])?;
    Ok(marked > 0)
}
