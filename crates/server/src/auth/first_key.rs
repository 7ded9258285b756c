//! The one admin key that the first start of a data directory makes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use lifeboat_core::time::Timestamp;
use lifeboat_store::{Outcome, Precondition, Range, Store, Transaction};

use super::{ApiKey, AuthError, Role};
use crate::keyspace;
use crate::writer::json;

/// The file within the data directory where the command line finds the key.
const FILE: &str = "admin.key";
/// Holds, once there, that the first key was made: two nodes that start together make one.
const MARK: &str = "/api-keys-begun";

/// A key that was just made. Its secret is known this once.
pub(crate) struct FirstKey {
    /// The secret.
    pub(crate) secret: String,
}

/// Makes the first key if there is none. The file is written before the key is good, so that a
/// crash in between leaves no key that nobody knows.
pub(super) async fn make(
    store: &dyn Store,
    data: &Path,
    now: Timestamp,
) -> Result<Option<FirstKey>, AuthError> {
    let known = store.list(Range::prefix(keyspace::API_KEYS).limit(1), None).await?;
    if !known.items.is_empty() || store.read(MARK).await?.is_some() {
        return Ok(None);
    }
    let (key, secret) = ApiKey::new("first admin key".to_owned(), Role::Admin, now);
    let path = data.join(FILE);
    write(data, &path, &secret)
        .map_err(|source| AuthError::AdminKeyFile { path: path.clone(), source })?;
    let transaction = Transaction::new()
        .require(Precondition::absent(MARK))
        .put(MARK, json(&key.id))
        .put(keyspace::api_key(&key.id), json(&key));
    match store.commit(transaction).await? {
        Outcome::Committed(_) => Ok(Some(FirstKey { secret })),
        Outcome::Conflict { .. } => {
            // Another node was first; what was left here opens nothing.
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, path = %path.display(), "remove this file: its key is void");
            }
            Ok(None)
        }
    }
}

/// Writes the file anew with mode 0600, whatever stood there before.
fn write(data: &Path, path: &Path, secret: &str) -> io::Result<()> {
    fs::create_dir_all(data)?;
    let fresh = path.with_extension("key.new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use lifeboat_store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn the_first_start_leaves_one_key_that_only_its_owner_reads() {
        let store = MemoryStore::new();
        let data = tempfile::tempdir().unwrap();
        let first = make(&store, data.path(), Timestamp::default()).await.unwrap().unwrap();
        let path = data.path().join("admin.key");
        assert_eq!(fs::read_to_string(&path).unwrap().trim(), first.secret);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(make(&store, data.path(), Timestamp::default()).await.unwrap().is_none());
        let kept = store.list(Range::prefix(keyspace::API_KEYS), None).await.unwrap();
        let kept = String::from_utf8(kept.items[0].value.to_vec()).unwrap();
        assert!(!kept.contains(&first.secret), "only a hash is stored");
    }
}
