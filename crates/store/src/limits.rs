//! The limits of the store, with their units. Those of a transaction are within what an etcd
//! server takes as it comes: 128 operations and 1.5 MiB for a request.

use std::time::Duration;

/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 512;
/// Bytes of a value.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of all keys and values of a transaction.
pub const TRANSACTION_BYTES_MAX: usize = 1280 * 1024;
/// Writes of a transaction.
pub const TRANSACTION_WRITES_MAX: usize = 128;
/// Preconditions of a transaction.
pub const TRANSACTION_PRECONDITIONS_MAX: usize = 128;
/// Keys that one prefix deletion may delete.
pub const PREFIX_DELETION_KEYS_MAX: usize = 10_000;

/// Items of one listing.
pub const LIST_ITEMS_MAX: usize = 10_000;
/// Bytes of keys and values after which a listing ends and leaves the rest to the next one.
pub const LIST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of keys and values after which a watch stops reading ahead. A single revision is always
/// read as a whole.
pub const WATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Changes after which a watch stops reading ahead. A single revision is always read as a whole.
pub const WATCH_CHANGES_MAX: usize = 1_000;

/// Revisions that are kept for listings at a revision and watches from the past.
pub const HISTORY_REVISIONS_MAX: u64 = 10_000;
/// Revisions beyond [`HISTORY_REVISIONS_MAX`] that gather before they are compacted together.
pub const COMPACTION_STRIDE_REVISIONS: u64 = 256;
/// Superseded values that one step of a compaction deletes.
pub const COMPACTION_STEP_ROWS: usize = 256;

/// Transactions that may wait for the writer; more are turned away.
pub const COMMIT_QUEUE_MAX: usize = 512;
/// Transactions that become durable together.
pub const COMMIT_GROUP_MAX: usize = 128;
/// Connections that read at the same time.
pub const READERS_MAX: usize = 4;
/// KiB of the database's pages that a connection that reads keeps. What is asked for often is in
/// the catalog, so a larger cache would only fill with what was read once.
pub const READER_CACHE_KIB: i64 = 512;
/// How long another process may hold the database before it counts as out of reach.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// How long any answer of the store may take, a disk that hangs included.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two looks at whether the files of a store are still in their place.
pub const LOOK_PERIOD: Duration = Duration::from_secs(1);
