//! The place of the database, and whether the files there are still those that are written.
//!
//! A file that was moved, deleted or replaced is written all the same by whoever has it open, and
//! nobody who opens the place later finds what was written. So both files are looked at again
//! around every commit, the database and the write-ahead log beside it: what went elsewhere must
//! not be acknowledged.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::schema::OpenError;
use crate::error::{Outage, StoreError};

/// Bytes of the log's index that tell how far the log goes, and how much of it is in the database:
/// a header, its copy, and the first of what follows (SQLite's "WAL-mode file format", 2.1).
const INDEX_BYTES: usize = 100;
/// Bytes of the log before its first frame, and of a frame before its page.
const LOG_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: u64 = 24;
/// What a log begins with, whatever the order of bytes in its checksums.
const LOG_MAGIC: [[u8; 4]; 2] = [[0x37, 0x7F, 0x06, 0x82], [0x37, 0x7F, 0x06, 0x83]];

/// Device and inode.
type Identity = (u64, u64);

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// Where the database is, and which files it is that were found there first.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    file: OnceLock<Identity>,
    log: OnceLock<(PathBuf, Identity)>,
}

impl Place {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, file: OnceLock::new(), log: OnceLock::new() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file that SQLite keeps beside the database under this suffix.
    fn beside(&self, suffix: &str) -> Result<PathBuf, StoreError> {
        // It goes by the name that links lead to.
        let mut name = self.path.canonicalize().map_err(StoreError::unavailable)?.into_os_string();
        name.push(suffix);
        Ok(PathBuf::from(name))
    }

    /// From now on the log that is there is the one. To be called with a connection open that
    /// stays so: SQLite deletes the log with the last one and makes another with the next.
    pub(super) fn hold_log(&self) -> Result<(), StoreError> {
        let path = self.beside("-wal")?;
        let metadata = path.metadata().map_err(StoreError::unavailable)?;
        self.log.get_or_init(|| (path, identity(&metadata)));
        self.check()
    }

    /// Checks that the files at the place are those that were there the first time.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let found = identity(&self.path.metadata().map_err(StoreError::unavailable)?);
        if *self.file.get_or_init(|| found) != found {
            return Err(Outage::Displaced.into());
        }
        let Some((path, log)) = self.log.get() else { return Ok(()) };
        match path.metadata() {
            Ok(metadata) if identity(&metadata) == *log => Ok(()),
            Ok(_) => Err(Outage::LogDisplaced.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Outage::LogDisplaced.into())
            }
            Err(error) => Err(StoreError::unavailable(error)),
        }
    }

    /// Checks, before anybody opens the database, that the log is there with all that was
    /// committed to it alone. SQLite would open the database as it was before, and say nothing;
    /// but its index of the log outlives a process that was killed.
    pub(super) fn check_log(&self) -> Result<(), OpenError> {
        let index_path = self.beside("-shm")?;
        // Gone, or not written yet: SQLite makes it from the log.
        let Some(index) = beginning::<INDEX_BYTES>(&index_path)? else { return Ok(()) };
        let (committed, in_database) = (number(&index, 16), number(&index, 96));
        if committed <= in_database {
            return Ok(());
        }
        let log_path = self.beside("-wal")?;
        let header = beginning::<LOG_HEADER_BYTES>(&log_path)?;
        if let Some(header) = header.filter(|header| LOG_MAGIC.contains(&first(header))) {
            let page_bytes =
                u64::from(u32::from_be_bytes([header[8], header[9], header[10], header[11]]));
            let needed = LOG_HEADER_BYTES as u64 + committed * (FRAME_HEADER_BYTES + page_bytes);
            let length = log_path.metadata().map_err(StoreError::unavailable)?.len();
            // After the machine itself went down the index may be of an earlier log: its marks
            // differ then, and it says nothing of this one.
            if header[16..24] != index[32..40] || length >= needed {
                return Ok(());
            }
        }
        Err(OpenError::LogMissing { pages: committed - in_database, index: index_path })
    }
}

/// The first bytes of a file, if it is there and has so many.
fn beginning<const BYTES: usize>(path: &Path) -> Result<Option<[u8; BYTES]>, StoreError> {
    let mut bytes = [0; BYTES];
    match File::open(path).and_then(|file| file.read_exact_at(&mut bytes, 0)) {
        Ok(()) => Ok(Some(bytes)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) =>
        {
            Ok(None)
        }
        Err(error) => Err(StoreError::unavailable(error)),
    }
}

fn first(header: &[u8; LOG_HEADER_BYTES]) -> [u8; 4] {
    [header[0], header[1], header[2], header[3]]
}

/// A number of the index, which is written as the machine has it.
fn number(index: &[u8; INDEX_BYTES], at: usize) -> u64 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&index[at..at + 4]);
    u64::from(u32::from_ne_bytes(bytes))
}
