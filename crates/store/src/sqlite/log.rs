//! Reading: the newest state, past states and the log.

use std::collections::VecDeque;

use bytes::Bytes;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Rows, params};

use crate::error::StoreError;
use crate::range::{Interval, Listing, Order, PageBuilder, Range};
use crate::store::{KeyValue, Revision};
use crate::watch::{Change, LogPage, LogPageBuilder};

/// The oldest and the newest revision that can be read at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) newest: Revision,
    pub(super) oldest: Revision,
}

impl Bounds {
    fn check_kept(self, revision: Revision) -> Result<(), StoreError> {
        if revision < self.oldest {
            Err(StoreError::Compacted { oldest: self.oldest })
        } else if revision > self.newest {
            Err(StoreError::Future { newest: self.newest })
        } else {
            Ok(())
        }
    }
}

/// A revision as SQLite stores it.
pub(super) fn to_sql(revision: Revision) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

/// A revision from a column.
pub(super) fn revision(row: &Row<'_>, column: usize) -> rusqlite::Result<Revision> {
    let stored: i64 = row.get(column)?;
    u64::try_from(stored).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, stored))
}

/// The end of an interval as a parameter. SQLite orders every blob after every text, so an empty
/// blob is the end of all keys.
pub(super) fn end(interval: &Interval) -> Value {
    interval.end.clone().map_or(Value::Blob(Vec::new()), Value::Text)
}

pub(super) fn read_bounds(connection: &Connection) -> Result<Bounds, StoreError> {
    let mut statement = connection.prepare_cached("SELECT newest, oldest FROM meta")?;
    let bounds = statement
        .query_row([], |row| Ok(Bounds { newest: revision(row, 0)?, oldest: revision(row, 1)? }))?;
    Ok(bounds)
}

pub(super) fn read(connection: &Connection, key: &str) -> Result<Option<KeyValue>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT key, created, modified, value FROM versions
         WHERE key = ?1 AND superseded IS NULL",
    )?;
    Ok(statement.query_row([key], key_value).optional()?)
}

pub(super) fn list(
    connection: &Connection,
    range: &Range,
    at: Option<Revision>,
) -> Result<Listing, StoreError> {
    let bounds = read_bounds(connection)?;
    let at = at.unwrap_or(bounds.newest);
    bounds.check_kept(at)?;
    let interval = range.interval();
    let page = PageBuilder::new(range);
    let page = if at == bounds.newest {
        list_newest(connection, &interval, range.order, page)?
    } else {
        list_past(connection, &interval, range.order, at, page)?
    };
    Ok(page.finish(at))
}

fn list_newest(
    connection: &Connection,
    interval: &Interval,
    order: Order,
    page: PageBuilder,
) -> Result<PageBuilder, StoreError> {
    const ASCENDING: &str = "SELECT key, created, modified, value FROM versions
        WHERE superseded IS NULL AND key >= ?1 AND key < ?2 ORDER BY key ASC";
    const DESCENDING: &str = "SELECT key, created, modified, value FROM versions
        WHERE superseded IS NULL AND key >= ?1 AND key < ?2 ORDER BY key DESC";
    let mut statement = connection.prepare_cached(match order {
        Order::Ascending => ASCENDING,
        Order::Descending => DESCENDING,
    })?;
    fill(page, statement.query(params![interval.begin, end(interval)])?)
}

/// What was valid at `at` is either valid still or was superseded later, and the latter is at most
/// the kept history.
fn list_past(
    connection: &Connection,
    interval: &Interval,
    order: Order,
    at: Revision,
    page: PageBuilder,
) -> Result<PageBuilder, StoreError> {
    const ASCENDING: &str = "SELECT key, created, modified, value FROM versions
            WHERE superseded IS NULL AND key >= ?1 AND key < ?2 AND modified <= ?3
        UNION ALL SELECT key, created, modified, value FROM versions
            WHERE superseded > ?3 AND key >= ?1 AND key < ?2 AND modified <= ?3
        ORDER BY key ASC";
    const DESCENDING: &str = "SELECT key, created, modified, value FROM versions
            WHERE superseded IS NULL AND key >= ?1 AND key < ?2 AND modified <= ?3
        UNION ALL SELECT key, created, modified, value FROM versions
            WHERE superseded > ?3 AND key >= ?1 AND key < ?2 AND modified <= ?3
        ORDER BY key DESC";
    let mut statement = connection.prepare_cached(match order {
        Order::Ascending => ASCENDING,
        Order::Descending => DESCENDING,
    })?;
    fill(page, statement.query(params![interval.begin, end(interval), to_sql(at)])?)
}

fn fill(mut page: PageBuilder, mut rows: Rows<'_>) -> Result<PageBuilder, StoreError> {
    while let Some(row) = rows.next()? {
        if page.is_full() {
            page.end_early();
            break;
        }
        page.push(key_value(row)?);
    }
    Ok(page)
}

pub(super) fn read_log(
    connection: &Connection,
    prefix: &str,
    after: Revision,
) -> Result<LogPage, StoreError> {
    let bounds = read_bounds(connection)?;
    bounds.check_kept(after)?;
    if after == bounds.newest {
        return Ok(LogPage { batches: VecDeque::new(), through: after });
    }
    let interval = Interval::of_prefix(prefix);
    let mut statement = connection.prepare_cached(
        "SELECT key, created, modified, value FROM versions INDEXED BY log
         WHERE modified > ?1 AND key >= ?2 AND key < ?3 ORDER BY modified, key",
    )?;
    let mut rows = statement.query(params![to_sql(after), interval.begin, end(&interval)])?;
    let mut page = LogPageBuilder::default();
    while let Some(row) = rows.next()? {
        if let Err(through) = page.push(revision(row, 2)?, change(row)?) {
            return Ok(page.finish(through));
        }
    }
    Ok(page.finish(bounds.newest))
}

fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    let deleted = matches!(row.get_ref(3)?, rusqlite::types::ValueRef::Null);
    let value = if deleted { None } else { Some(key_value(row)?) };
    Ok(Change { key: row.get(0)?, value })
}

fn key_value(row: &Row<'_>) -> rusqlite::Result<KeyValue> {
    Ok(KeyValue {
        key: row.get(0)?,
        created: revision(row, 1)?,
        modified: revision(row, 2)?,
        value: Bytes::from(row.get::<_, Vec<u8>>(3)?),
    })
}
