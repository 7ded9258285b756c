//! The database file: how it is made, recognised and opened.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use thiserror::Error;

use crate::error::{Cause, Outage, StoreError};
use crate::limits::{BUSY_TIMEOUT, READER_CACHE_KIB};

/// Marks the file as ours: "LFBT".
const APPLICATION_ID: i64 = 0x4C46_4254;
/// The version of the tables.
const SCHEMA_VERSION: i64 = 1;
/// Bytes that the write-ahead log keeps on the disk between bursts.
const WAL_BYTES_KEPT: i64 = 64 * 1024 * 1024;

/// Every value that a key ever had, until compaction. A row was valid from `modified` until before
/// `superseded`, or still is; a deletion is a row without value that is superseded as it is made.
/// So the newest state is what is not superseded, the log is the order of `modified`, and what
/// compaction drops is the beginning of the order of `superseded`.
const TABLES: &str = "
    CREATE TABLE versions (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        created INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        superseded INTEGER,
        value BLOB
    ) STRICT;
    CREATE UNIQUE INDEX live ON versions (key) WHERE superseded IS NULL;
    CREATE UNIQUE INDEX log ON versions (modified, key);
    CREATE INDEX past ON versions (superseded) WHERE superseded IS NOT NULL;
    CREATE TABLE meta (
        id INTEGER PRIMARY KEY CHECK (id = 0),
        newest INTEGER NOT NULL,
        oldest INTEGER NOT NULL,
        probe INTEGER NOT NULL
    ) STRICT;
    INSERT INTO meta (id, newest, oldest, probe) VALUES (0, 0, 0, 0);
";

/// Why a file was not opened as a store.
#[derive(Debug, Clone, Error)]
pub enum OpenError {
    /// The file is a database of another program.
    #[error(
        "the file is a database of another program (application id {application_id:#x}); \
         name another file"
    )]
    Foreign {
        /// What the file says it belongs to; 0 if it does not say.
        application_id: i64,
    },
    /// The file was written by a newer version of this program.
    #[error(
        "the file is of version {found}, and this program knows up to {known}; \
         use the newer program"
    )]
    Newer {
        /// The version of the file.
        found: i64,
        /// The newest version that this program can open.
        known: i64,
    },
    /// The file is damaged, or no database at all; restore a backup.
    #[error("the file is corrupt")]
    Corrupt(#[source] Cause),
    /// The write-ahead log that belongs to the file was taken away after a run that did not end by
    /// itself. Opened without it, what was acknowledged last would be gone, and nobody told.
    #[error(
        "the write-ahead log is gone, with {pages} pages of acknowledged writes that are nowhere \
         else; put it back, or delete `{}` to go on without them",
        .index.display()
    )]
    LogMissing {
        /// How many pages of the database were written to it alone.
        pages: u64,
        /// The file that says so.
        index: PathBuf,
    },
    /// The file cannot be reached or written at the moment.
    #[error("the file is out of reach")]
    Unavailable(#[source] Cause),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => Self::Unavailable(cause),
            StoreError::Corrupt(cause) => Self::Corrupt(cause),
            other => Self::Unavailable(Arc::new(other)),
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Unavailable(cause) => Self::Unavailable(cause),
            OpenError::Corrupt(cause) => Self::Corrupt(cause),
            // Another file took the place of ours while we ran.
            foreign @ (OpenError::Foreign { .. }
            | OpenError::Newer { .. }
            | OpenError::LogMissing { .. }) => Self::corrupt(foreign),
        }
    }
}

/// Makes the file if it is not there. Only when the store is opened: a file that vanishes later
/// must not come back empty.
pub(super) fn create_file(path: &Path) -> Result<(), OpenError> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match created {
        Ok(file) => sync_entry(&file, path).map_err(|error| StoreError::unavailable(error).into()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::unavailable(error).into()),
    }
}

/// Makes the name of a new file durable, else its commits might be lost with it.
fn sync_entry(file: &File, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Opens a connection that writes, and makes the tables in an empty file.
pub(super) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    let mut connection = connect(path)?;
    check_or_initialise(&mut connection)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::from(Outage::WriteAheadLogUnsupported).into());
    }
    // In WAL mode only FULL syncs every commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    // A negative size is one in KiB.
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    // Even a connection that only reads has to write the index of the write-ahead log.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

fn check_or_initialise(connection: &mut Connection) -> Result<(), OpenError> {
    let application_id = pragma(connection, "application_id")?;
    if application_id == 0 {
        return initialise(connection);
    }
    if application_id != APPLICATION_ID {
        return Err(OpenError::Foreign { application_id });
    }
    let found = pragma(connection, "user_version")?;
    if found > SCHEMA_VERSION {
        return Err(OpenError::Newer { found, known: SCHEMA_VERSION });
    }
    Ok(())
}

/// Makes the tables if the file is empty; all in one transaction, so that a file is either empty
/// or ours.
fn initialise(connection: &mut Connection) -> Result<(), OpenError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let objects: i64 = tx.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if objects > 0 || pragma(&tx, "user_version")? != 0 {
        return Err(OpenError::Foreign { application_id: 0 });
    }
    tx.execute_batch(TABLES)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    tx.commit()?;
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
