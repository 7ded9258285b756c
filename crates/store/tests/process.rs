//! The SQLite backend in a process of its own, which can be killed and deprived of its disk. Each
//! test runs itself again as that process, told by an environment variable where the store is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use lifeboat_store::{Range, SqliteStore, Store, StoreError, Transaction};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const STORE_PATH: &str = "LIFEBOAT_STORE_TEST_PATH";
/// Marks the lines that are meant for the test, among those of the test harness.
const MARK: &str = "told: ";
/// Writers of the process that is killed.
const WRITERS: usize = 4;

/// Where the store is, if this is the process that the test started.
fn store_path() -> Option<PathBuf> {
    std::env::var_os(STORE_PATH).map(PathBuf::from)
}

/// Runs `test` again in a process of its own. The signal of a file that grew too big is ignored
/// there, so that it becomes an error of the write.
fn start(test: &str, path: &Path) -> (Child, BufReader<ChildStdout>) {
    let this: OsString = std::env::current_exe().unwrap().into();
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(this)
        .args(["--exact", test, "--nocapture"])
        .env(STORE_PATH, path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

fn tell(line: &str) {
    // In one write, so that lines of several threads do not mix.
    let line = format!("\n{MARK}{line}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

fn told(output: BufReader<ChildStdout>) -> impl Iterator<Item = String> {
    // A line cut off by the kill is none.
    let lines = output.split(b'\n').map_while(Result::ok);
    lines.filter_map(|line| String::from_utf8(line).ok()?.strip_prefix(MARK).map(ToOwned::to_owned))
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

/// Commits until it is killed, and tells each acknowledged number once it is.
async fn write_for_ever(path: &Path) {
    let store = std::sync::Arc::new(SqliteStore::open(path).await.unwrap());
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = std::sync::Arc::clone(&store);
        writers.spawn(async move {
            for number in 0.. {
                let transaction = Transaction::new()
                    .put(format!("last/{writer}"), number.to_string())
                    .put(format!("all/{writer}/{number:08}"), "");
                let revision = store.commit(transaction).await.unwrap().committed().unwrap();
                tell(&format!("{writer} {number} {revision}."));
            }
        });
    }
    writers.join_all().await;
}

#[test]
fn every_acknowledged_commit_survives_the_kill_of_the_process() {
    if let Some(path) = store_path() {
        return block_on(write_for_ever(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    for kill_after in [1, 50, 300] {
        let (mut child, output) =
            start("every_acknowledged_commit_survives_the_kill_of_the_process", &path);
        let mut acknowledged = Vec::new();
        for line in told(output) {
            // Cut off if it does not end with the stop.
            let Some(line) = line.strip_suffix('.') else { continue };
            let numbers: Vec<u64> = line.split(' ').map(|part| part.parse().unwrap()).collect();
            acknowledged.push((numbers[0], numbers[1], numbers[2]));
            if acknowledged.len() == kill_after {
                // SIGKILL; what it told until then is still read.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged.len() >= kill_after, "{} were told", acknowledged.len());
        block_on(check_survived(&path, &acknowledged));
        std::fs::remove_file(&path).unwrap();
    }
}

async fn check_survived(path: &Path, acknowledged: &[(u64, u64, u64)]) {
    let store = SqliteStore::open(path).await.unwrap();
    let newest = store.list(Range::prefix("").limit(1), None).await.unwrap().revision;
    for (writer, number, revision) in acknowledged {
        let key = format!("all/{writer}/{number:08}");
        let found = store.read(&key).await.unwrap().unwrap_or_else(|| panic!("{key} was lost"));
        assert_eq!(found.modified, *revision);
        assert!(newest >= *revision);
    }
    let mut watch = store.watch("", 0).await.unwrap();
    for revision in 1..=newest {
        let batch = watch.next().await.unwrap();
        assert_eq!((batch.revision, batch.changes.len()), (revision, 2), "whole or not at all");
    }
}

/// Lets no file of this process grow beyond `bytes`; `None` lifts the limit.
fn limit_files(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

/// Fills the disk, sees that it is told, makes room, and sees that all goes on.
async fn write_on_a_full_disk(path: &Path) {
    const FULL_AT_BYTES: u64 = 512 * 1024;
    let store = SqliteStore::open(path).await.unwrap();
    let mut watch = store.watch("", 0).await.unwrap();
    let mut committed = Vec::new();
    for round in 0..3 {
        limit_files(Some(FULL_AT_BYTES * (1 + round)));
        let full = loop {
            let key = format!("k/{:08}", committed.len());
            match store.commit(Transaction::new().put(&key, vec![7; 20_000])).await {
                Ok(outcome) => committed.push((key, outcome.committed().unwrap())),
                Err(error) => break error,
            }
            assert!(committed.len() < 10_000, "the limit does not hold");
        };
        assert!(matches!(full, StoreError::Unavailable(_)), "{full:?}");
        let again = store.commit(Transaction::new().put("more", vec![7; 600_000])).await;
        assert!(matches!(again, Err(StoreError::Unavailable(_))), "{again:?}");
        for (key, revision) in &committed {
            assert_eq!(store.read(key).await.unwrap().unwrap().modified, *revision);
        }
        limit_files(None);
        store.health().await.unwrap();
        let key = format!("after/{round}");
        let outcome = store.commit(Transaction::new().put(&key, "1")).await.unwrap();
        committed.push((key, outcome.committed().unwrap()));
    }
    // What was refused may have been written nevertheless, but nothing else is missing.
    let mut expected = committed.iter();
    let mut next = expected.next();
    while let Some((key, revision)) = next {
        let batch = watch.next().await.unwrap();
        assert!(batch.revision <= *revision, "{key} was skipped");
        if batch.revision == *revision {
            assert_eq!(&batch.changes[0].key, key);
            next = expected.next();
        }
    }
    tell(&format!("done with {}.", committed.len()));
}

#[test]
fn a_full_disk_is_an_outage_that_passes() {
    if let Some(path) = store_path() {
        return block_on(write_on_a_full_disk(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (mut child, output) = start("a_full_disk_is_an_outage_that_passes", &path);
    let told: Vec<String> = told(output).collect();
    assert!(child.wait().unwrap().success());
    assert!(told.iter().any(|line| line.starts_with("done with ")), "{told:?}");
}
