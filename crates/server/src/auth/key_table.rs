//! The keys in memory, as the store has them: what is revoked there stops here at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use lifeboat_core::ids::KeyId;
use lifeboat_core::time::Timestamp;
use lifeboat_store::{KeyValue, Precondition, Range, Store, StoreError, Transaction, Watch};
use tokio::sync::watch;

use super::ApiKey;
use crate::keyspace;
use crate::writer::json;

/// Wait before a watch that broke is taken up again.
const REWATCH_DELAY: Duration = Duration::from_millis(250);
/// How exactly it is kept when a key was used.
const LAST_USED_STEP: Duration = Duration::from_mins(10);
/// How long a change waits for this node to know of it.
const KNOWN_PATIENCE: Duration = Duration::from_secs(5);

/// A key with what this node alone knows of it.
struct Entry {
    key: Arc<ApiKey>,
    /// When its use was last written down, in milliseconds since the Unix epoch.
    noted_ms: AtomicI64,
}

#[derive(Default)]
struct Keys {
    by_id: HashMap<KeyId, Arc<Entry>>,
    by_digest: HashMap<String, Arc<Entry>>,
}

/// Every key of the installation.
pub(super) struct KeyTable {
    store: Arc<dyn Store>,
    current: ArcSwap<Keys>,
    revision: watch::Sender<u64>,
}

impl KeyTable {
    pub(super) async fn load(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let (keys, revision) = read(&*store).await?;
        let current = ArcSwap::from_pointee(keys);
        Ok(Self { store, current, revision: watch::Sender::new(revision) })
    }

    /// The key whose secret has this digest. How long the look-up takes may tell of the digest,
    /// which tells nothing of the secret.
    pub(super) fn with_digest(&self, digest: &str) -> Option<Arc<ApiKey>> {
        self.current.load().by_digest.get(digest).map(|entry| Arc::clone(&entry.key))
    }

    pub(super) fn get(&self, id: &KeyId) -> Option<Arc<ApiKey>> {
        self.current.load().by_id.get(id).map(|entry| Arc::clone(&entry.key))
    }

    /// Every key, the oldest first.
    pub(super) fn all(&self) -> Vec<Arc<ApiKey>> {
        let keys = self.current.load();
        let mut all: Vec<_> = keys.by_id.values().map(|entry| Arc::clone(&entry.key)).collect();
        all.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        all
    }

    /// Waits until this node knows the keys as of `revision`; false when that takes too long.
    pub(super) async fn reaches(&self, revision: u64) -> bool {
        let mut known = self.revision.subscribe();
        let reached = known.wait_for(|known| *known >= revision);
        tokio::time::timeout(KNOWN_PATIENCE, reached).await.is_ok()
    }

    /// Waits until there is no such key.
    pub(super) async fn revoked(&self, id: &KeyId) {
        let mut known = self.revision.subscribe();
        // The table owns the sender, so waiting ends only with the key.
        let _ = known.wait_for(|_| !self.current.load().by_id.contains_key(id)).await;
    }

    /// Notes that a key was used, every few minutes.
    pub(super) fn touch(&self, key: &ApiKey, now: Timestamp) {
        let keys = self.current.load();
        let Some(entry) = keys.by_id.get(&key.id) else { return };
        let noted_ms = entry.noted_ms.load(Ordering::Relaxed);
        if now.since(Timestamp::from_ms(noted_ms)) < LAST_USED_STEP {
            return;
        }
        let order = Ordering::Relaxed;
        if entry.noted_ms.compare_exchange(noted_ms, now.as_ms(), order, order).is_err() {
            return;
        }
        let record = ApiKey { last_used_at: Some(now), ..key.clone() };
        let store_key = keyspace::api_key(&key.id);
        let transaction = Transaction::new()
            .require(Precondition::at(store_key.clone(), key.modified))
            .put(store_key, json(&record));
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            if let Err(error) = store.commit(transaction).await {
                tracing::debug!(%error, "the last use of a key is not noted");
            }
        });
    }

    /// Follows the store for ever.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut watch = self.watch().await;
        loop {
            match watch.next().await {
                Ok(batch) => {
                    let mut keys = Keys::of(self.current.load().by_id.values());
                    for change in &batch.changes {
                        keys.apply(&change.key, change.value.as_ref());
                    }
                    self.current.store(Arc::new(keys));
                    self.revision.send_replace(batch.revision);
                }
                Err(error) => {
                    tracing::warn!(%error, "the watch of the API keys broke; reading them anew");
                    watch = self.watch_anew().await;
                }
            }
        }
    }

    async fn watch(&self) -> Watch {
        let after = *self.revision.borrow();
        match self.store.watch(keyspace::API_KEYS, after).await {
            Ok(watch) => watch,
            Err(error) => {
                tracing::warn!(%error, "the API keys cannot be watched; reading them anew");
                self.watch_anew().await
            }
        }
    }

    /// Reads every key before watching: a history that is gone must not hide a revocation.
    async fn watch_anew(&self) -> Watch {
        loop {
            tokio::time::sleep(REWATCH_DELAY).await;
            let Ok((keys, revision)) = read(&*self.store).await else { continue };
            self.current.store(Arc::new(keys));
            self.revision.send_replace(revision);
            if let Ok(watch) = self.store.watch(keyspace::API_KEYS, revision).await {
                return watch;
            }
        }
    }
}

impl Keys {
    fn of<'a>(entries: impl Iterator<Item = &'a Arc<Entry>>) -> Self {
        let mut keys = Self::default();
        for entry in entries {
            keys.insert(Arc::clone(entry));
        }
        keys
    }

    fn insert(&mut self, entry: Arc<Entry>) {
        self.by_digest.insert(entry.key.hash.clone(), Arc::clone(&entry));
        self.by_id.insert(entry.key.id.clone(), entry);
    }

    fn apply(&mut self, store_key: &str, value: Option<&KeyValue>) {
        let id = store_key.strip_prefix(keyspace::API_KEYS).and_then(|id| id.parse::<KeyId>().ok());
        let Some(id) = id else { return };
        if let Some(before) = self.by_id.remove(&id) {
            self.by_digest.remove(&before.key.hash);
        }
        // What cannot be read opens no door.
        let Some(value) = value else { return };
        match serde_json::from_slice::<ApiKey>(&value.value) {
            Ok(key) => {
                let noted_ms = AtomicI64::new(key.last_used_at.unwrap_or_default().as_ms());
                let key = Arc::new(ApiKey { modified: value.modified, ..key });
                self.insert(Arc::new(Entry { key, noted_ms }));
            }
            Err(error) => tracing::error!(%error, key = store_key, "an API key cannot be read"),
        }
    }
}

async fn read(store: &dyn Store) -> Result<(Keys, u64), StoreError> {
    let mut keys = Keys::default();
    let mut range = Range::prefix(keyspace::API_KEYS);
    let mut page = store.list(range.clone(), None).await?;
    let revision = page.revision;
    loop {
        for item in &page.items {
            keys.apply(&item.key, Some(item));
        }
        let Some(next) = page.next else { return Ok((keys, revision)) };
        range = range.after(next);
        page = store.list(range.clone(), Some(revision)).await?;
    }
}
