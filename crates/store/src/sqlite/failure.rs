//! What an error of SQLite means to whoever asked.

use rusqlite::{Error, ErrorCode, ffi};

use crate::error::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if means_corruption(&error) { Self::corrupt(error) } else { Self::unavailable(error) }
    }
}

/// Whether the data is at fault, and not the disk, another process or the moment. When in doubt
/// it is an outage: those who wait find out, those who restore a backup for nothing lose data.
fn means_corruption(error: &Error) -> bool {
    match error {
        Error::SqliteFailure(failure, _) | Error::SqlInputError { error: failure, .. } => {
            match failure.code {
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation => true,
                // Our statements are right, so the tables are not those that we made.
                ErrorCode::Unknown => failure.extended_code == ffi::SQLITE_ERROR,
                _ => false,
            }
        }
        // Every row is ours, so one that is missing or of another shape was not left so by us.
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..)
        | Error::QueryReturnedNoRows => true,
        _ => false,
    }
}
