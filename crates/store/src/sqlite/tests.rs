use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::limits::{COMPACTION_STEP_ROWS, COMPACTION_STRIDE_REVISIONS};

async fn fixture() -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    (Arc::new(store), folder)
}

crate::conformance_suite!(fixture());

fn put(key: &str, value: &str) -> Transaction {
    Transaction::new().put(key, value.to_owned())
}

/// Drops the store and waits until its writer has let go of the file.
async fn close(store: SqliteStore) {
    let mut newest = store.newest.clone();
    drop(store);
    while newest.changed().await.is_ok() {}
}

async fn wait_until(mut reached: impl FnMut() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("reached in time");
}

#[tokio::test]
async fn what_was_committed_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let revision = store.commit(put("a", "1")).await.unwrap().committed().unwrap();
    close(store).await;
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.read("a").await.unwrap().unwrap().modified, revision);
    let mut watch = store.watch("", 0).await.unwrap();
    assert_eq!(watch.next().await.unwrap().revision, revision);
    let next = store.commit(put("a", "2")).await.unwrap().committed().unwrap();
    assert!(next > revision);
}

#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    let (store, folder) = fixture().await;
    let _ = store.commit(put("a", "1")).await.unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE theirs (a); PRAGMA application_id = 42;").unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign { application_id: 42 }), "{error:?}");
    other.execute_batch("PRAGMA application_id = 0;").unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign { application_id: 0 }), "{error:?}");
    let mode: String = other.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete");
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    close(SqliteStore::open(&path).await.unwrap()).await;
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 2;").unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 2, known: 1 }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    fs::write(&path, "no database, and long enough to be looked at. ".repeat(100)).unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Corrupt(_)), "{error:?}");
}

#[tokio::test]
async fn a_file_without_our_tables_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    close(SqliteStore::open(&path).await.unwrap()).await;
    Connection::open(&path).unwrap().execute_batch("DROP TABLE meta;").unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Corrupt(_)), "{error:?}");
}

#[tokio::test]
async fn damage_within_the_file_is_corruption_at_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).await.unwrap();
    for number in 0..50 {
        let _ = store.commit(put(&format!("k/{number}"), &"v".repeat(1_000))).await.unwrap();
    }
    close(store).await;
    let pages = fs::metadata(&path).unwrap().len() / 4096;
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for page in 2..pages {
        file.seek(SeekFrom::Start(page * 4096)).unwrap();
        file.write_all(&[0xA5; 4096]).unwrap();
    }
    let corrupt = match SqliteStore::open(&path).await {
        Err(error) => matches!(error, OpenError::Corrupt(_)),
        Ok(store) => {
            let listed = store.list(Range::prefix(""), None).await;
            let committed = store.commit(put("k/7", "new")).await;
            matches!(listed, Err(StoreError::Corrupt(_)))
                && matches!(committed, Err(StoreError::Corrupt(_)))
        }
    };
    assert!(corrupt);
}

#[tokio::test]
async fn a_database_locked_by_another_is_an_outage_that_passes() {
    let (store, folder) = fixture().await;
    let before = store.commit(put("a", "1")).await.unwrap().committed().unwrap();
    let mut watch = store.watch("", before).await.unwrap();
    let other = Connection::open(folder.path().join("store.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE;").unwrap();

    let (first, second) = tokio::join!(store.commit(put("a", "2")), store.health());
    assert!(matches!(first, Err(StoreError::Unavailable(_))), "{first:?}");
    assert!(matches!(second, Err(StoreError::Unavailable(_))), "{second:?}");
    let found = store.read("a").await.unwrap().unwrap();
    assert_eq!(found.value, "1", "reading goes on");

    other.execute_batch("ROLLBACK;").unwrap();
    store.health().await.unwrap();
    let after = store.commit(put("a", "3")).await.unwrap().committed().unwrap();
    assert_eq!(watch.next().await.unwrap().revision, after);
}

#[tokio::test]
async fn reading_goes_on_while_a_write_is_in_progress() {
    let (store, folder) = fixture().await;
    let _ = store.commit(put("a", "1")).await.unwrap();
    let other = Connection::open(folder.path().join("store.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE versions SET value = x'00';").unwrap();
    assert_eq!(store.read("a").await.unwrap().unwrap().value, "1");
    assert_eq!(store.list(Range::prefix(""), None).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_file_that_vanished_is_an_outage_and_never_an_empty_store() {
    let (store, folder) = fixture().await;
    let path = folder.path().join("store.db");
    let _ = store.commit(put("a", "1")).await.unwrap();
    // Makes the writer open the file again.
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE;").unwrap();
    assert!(store.commit(put("a", "2")).await.is_err());
    other.execute_batch("ROLLBACK;").unwrap();
    let away = folder.path().join("away.db");
    fs::rename(&path, &away).unwrap();
    let refused = store.commit(put("a", "3")).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    fs::rename(&away, &path).unwrap();
    let _ = store.commit(put("a", "4")).await.unwrap();
    assert_eq!(store.read("a").await.unwrap().unwrap().value, "4");
}

#[tokio::test]
async fn a_file_that_was_replaced_acknowledges_nothing_until_it_is_put_back() {
    let (store, folder) = fixture().await;
    let (path, away) = (folder.path().join("store.db"), folder.path().join("away.db"));
    let _ = store.commit(put("a", "1")).await.unwrap();
    fs::rename(&path, &away).unwrap();
    fs::write(&path, "").unwrap();
    let refused = store.commit(put("a", "2")).await;
    let Err(StoreError::Unavailable(cause)) = &refused else { panic!("{refused:?}") };
    assert_eq!(cause.downcast_ref(), Some(&Outage::Displaced));
    assert!(store.health().await.is_err());
    fs::rename(&away, &path).unwrap();
    let _ = store.commit(put("a", "3")).await.unwrap();
    assert_eq!(store.read("a").await.unwrap().unwrap().value, "3");
    store.health().await.unwrap();
}

#[tokio::test]
async fn a_full_queue_turns_transactions_away() {
    let (store, folder) = fixture().await;
    let other = Connection::open(folder.path().join("store.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE;").unwrap();
    let commits = (0..COMMIT_QUEUE_MAX * 2).map(|_| store.commit(put("a", "1")));
    let outcomes = futures::future::join_all(commits).await;
    let turned_away = outcomes.iter().filter(|outcome| {
        let Err(StoreError::Unavailable(cause)) = outcome else { return false };
        cause.downcast_ref() == Some(&Outage::QueueFull)
    });
    assert!(turned_away.count() >= COMMIT_QUEUE_MAX / 2);
    other.execute_batch("ROLLBACK;").unwrap();
    let _ = store.commit(put("a", "2")).await.unwrap();
}

#[tokio::test]
async fn waiting_transactions_become_durable_together() {
    let (store, folder) = fixture().await;
    let path = folder.path().join("store.db");
    let other = Connection::open(&path).unwrap();
    let version =
        || -> i64 { other.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap() };
    let before = version();
    let keys: Vec<String> = (0..100).map(|number| format!("k/{number}")).collect();
    let outcomes =
        futures::future::join_all(keys.iter().map(|key| store.commit(put(key, "1")))).await;
    let mut revisions: Vec<_> =
        outcomes.into_iter().map(|outcome| outcome.unwrap().committed().unwrap()).collect();
    revisions.dedup();
    assert_eq!(revisions.len(), 100, "each has its own revision");
    assert_ne!(version(), before);
    let wal_bytes = fs::metadata(path.with_extension("db-wal")).unwrap().len();
    // Apart, each would write at least the pages of the table, three indices and the bounds.
    assert!(wal_bytes < 100 * 4 * 4096, "{wal_bytes} bytes");
}

#[tokio::test]
async fn the_history_is_bounded_and_its_rows_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open_keeping(path.clone(), 10).await.unwrap();
    let commits = COMPACTION_STRIDE_REVISIONS + 20;
    for number in 0..commits {
        let transaction = Transaction::new().put("a", number.to_string()).put("b", "1");
        let _ = store.commit(transaction).await.unwrap();
    }
    let other = Connection::open(&path).unwrap();
    let rows = || -> u64 {
        let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let rows = other.query_row("SELECT count(*) FROM versions", [], count).unwrap();
        u64::try_from(rows).unwrap()
    };
    wait_until(|| rows() < commits).await;
    let error = store.watch("", 0).await.unwrap_err();
    assert!(matches!(error, StoreError::Compacted { .. }), "{error:?}");
    let mut kept = store.watch("", commits - 10).await.unwrap();
    assert_eq!(kept.next().await.unwrap().revision, commits - 9);
    store.compact(0).await.unwrap();
    wait_until(|| rows() == 2).await;
}

#[tokio::test]
async fn what_a_compaction_did_not_get_to_is_dropped_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let keys = COMPACTION_STEP_ROWS * 3;
    let keys: Vec<String> = (0..keys).map(|number| format!("k/{number}")).collect();
    for some in keys.chunks(100) {
        let transaction = some.iter().fold(Transaction::new(), |sum, key| sum.put(key, "1"));
        let _ = store.commit(transaction).await.unwrap();
    }
    let _ = store.commit(Transaction::new().delete_prefix("k/")).await.unwrap();
    close(store).await;
    let other = Connection::open(&path).unwrap();
    other.execute_batch("UPDATE meta SET oldest = newest").unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    wait_until(|| {
        other.query_row("SELECT count(*) = 0 FROM versions", [], |row| row.get(0)).unwrap()
    })
    .await;
    store.health().await.unwrap();
}

#[tokio::test]
async fn health_checks_do_not_let_the_file_grow() {
    let (store, folder) = fixture().await;
    let _ = store.commit(put("a", "1")).await.unwrap();
    let other = Connection::open(folder.path().join("store.db")).unwrap();
    let pages = || -> i64 { other.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap() };
    let before = pages();
    for _ in 0..50 {
        store.health().await.unwrap();
    }
    assert_eq!(pages(), before);
}

#[test]
fn reads_use_an_index_for_their_range() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    schema::create_file(&path).unwrap();
    let connection = schema::open_writer(&path).unwrap();
    for query in [
        "SELECT key FROM versions WHERE superseded IS NULL AND key >= 'a' AND key < x''",
        "SELECT key FROM versions WHERE key = 'a' AND superseded IS NULL",
        "SELECT key FROM versions WHERE superseded > 7 AND key >= 'a' AND key < 'b'",
        "SELECT id FROM versions WHERE superseded <= 7 ORDER BY superseded LIMIT 1",
    ] {
        let plan: String = connection
            .query_row(&format!("EXPLAIN QUERY PLAN {query}"), [], |row| row.get(3))
            .unwrap();
        assert!(plan.starts_with("SEARCH"), "{plan} for {query}");
    }
}

/// The place of the store in this folder, and of its write-ahead log.
fn store_and_log(folder: &TempDir) -> (PathBuf, PathBuf) {
    (folder.path().join("store.db"), folder.path().join("store.db-wal"))
}

fn is_log_displaced<T>(answer: &Result<T, StoreError>) -> bool {
    let Err(StoreError::Unavailable(cause)) = answer else { return false };
    cause.downcast_ref() == Some(&Outage::LogDisplaced)
}

#[tokio::test]
async fn a_log_that_was_taken_away_or_replaced_acknowledges_nothing_until_it_is_put_back() {
    let (store, folder) = fixture().await;
    let ((_, log), away) = (store_and_log(&folder), folder.path().join("away"));
    let _ = store.commit(put("a", "1")).await.unwrap();
    assert!(store.read("a").await.is_ok());
    for replacement in [None, Some("")] {
        fs::rename(&log, &away).unwrap();
        if let Some(bytes) = replacement {
            fs::write(&log, bytes).unwrap();
        }
        let refused = store.commit(put("a", "2")).await;
        assert!(is_log_displaced(&refused), "{refused:?}");
        assert!(store.health().await.is_err());
        assert_eq!(store.read("a").await.unwrap().unwrap().value, "1", "who reads goes on");
        fs::rename(&away, &log).unwrap();
        store.health().await.unwrap();
        let _ = store.commit(put("a", "1")).await.unwrap();
    }
}

/// The files of a store, as a process that was killed at this moment would leave them.
fn killed(folder: &TempDir) -> (TempDir, PathBuf) {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let from = entry.unwrap().path();
        fs::copy(&from, copy.path().join(from.file_name().unwrap())).unwrap();
    }
    let path = copy.path().join("store.db");
    (copy, path)
}

#[tokio::test]
async fn what_was_acknowledged_before_the_log_was_deleted_is_in_the_database() {
    let (store, folder) = fixture().await;
    let (_, log) = store_and_log(&folder);
    let _ = store.commit(put("a", "1")).await.unwrap();
    fs::remove_file(&log).unwrap();
    // Nobody writes; it is noticed all the same.
    let (mut copy, mut path) = killed(&folder);
    let opening = async {
        loop {
            match SqliteStore::open(&path).await {
                Ok(opened) => break opened,
                Err(error) => assert!(matches!(error, OpenError::LogMissing { .. }), "{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            (copy, path) = killed(&folder);
        }
    };
    let opened = tokio::time::timeout(Duration::from_secs(20), opening).await.unwrap();
    assert_eq!(opened.read("a").await.unwrap().unwrap().value, "1");
    drop(copy);
}

#[tokio::test]
async fn a_store_whose_log_was_taken_away_after_a_kill_is_not_opened_without_it() {
    let (store, folder) = fixture().await;
    let _ = store.commit(put("a", "1")).await.unwrap();
    let (copy, path) = killed(&folder);
    let ((_, log), away) = (store_and_log(&copy), copy.path().join("away"));
    fs::rename(&log, &away).unwrap();
    for replacement in [&b""[..], &[7; 4096][..], &fs::read(&away).unwrap()[..100]] {
        let error = SqliteStore::open(&path).await.unwrap_err();
        assert!(matches!(error, OpenError::LogMissing { .. }), "{error:?}");
        assert!(error.to_string().contains("store.db-shm"), "{error}");
        fs::write(&log, replacement).unwrap();
    }
    fs::rename(&away, &log).unwrap();
    let opened = SqliteStore::open(&path).await.unwrap();
    assert_eq!(opened.read("a").await.unwrap().unwrap().value, "1", "put back, all is there");
    close(opened).await;
}

#[tokio::test]
async fn who_has_no_log_to_put_back_goes_on_without_it_by_deleting_its_index() {
    let (store, folder) = fixture().await;
    let _ = store.commit(put("a", "1")).await.unwrap();
    let (copy, path) = killed(&folder);
    fs::remove_file(store_and_log(&copy).1).unwrap();
    assert!(SqliteStore::open(&path).await.is_err());
    fs::remove_file(copy.path().join("store.db-shm")).unwrap();
    let opened = SqliteStore::open(&path).await.unwrap();
    assert_eq!(opened.read("a").await.unwrap(), None);
}

#[tokio::test]
async fn the_log_beside_a_database_behind_a_link_is_found() {
    let (elsewhere, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("store.db");
    fs::write(elsewhere.path().join("real.db"), "").unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("real.db"), &path).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    let _ = store.commit(put("a", "1")).await.unwrap();
    fs::remove_file(elsewhere.path().join("real.db-wal")).unwrap();
    let refused = store.commit(put("a", "2")).await;
    assert!(is_log_displaced(&refused), "{refused:?}");
}
