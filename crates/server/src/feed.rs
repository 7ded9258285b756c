//! The catalog's feed: loads everything under `/state/` once and follows the store's watch from
//! there. What this node serves comes from here and nowhere else, so it goes on with the store
//! gone.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use lifeboat_core::catalog::{Catalog, CatalogChange, LiveEntry};
use lifeboat_core::failover::FailoverRecord;
use lifeboat_store::{Change, KeyValue, Range, Store, StoreError, Watch};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::keyspace;

/// Wait before a watch that broke is taken up again.
const REWATCH_DELAY: Duration = Duration::from_millis(250);
/// Entries read at once while loading.
const LOAD_PAGE: usize = 1_000;

/// The catalog as this node knows it.
pub(crate) struct Feed {
    current: ArcSwap<Catalog>,
    revision: watch::Sender<u64>,
}

impl Feed {
    /// Loads the catalog as it stands.
    pub(crate) async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let catalog = list(store).await?;
        let revision = watch::Sender::new(catalog.revision);
        Ok(Self { current: ArcSwap::from_pointee(catalog), revision })
    }

    /// The newest catalog of this node.
    pub(crate) fn current(&self) -> Arc<Catalog> {
        self.current.load_full()
    }

    /// Follows the revisions as they are served.
    pub(crate) fn follow(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Waits until this node serves from `revision` or a later one; false when that takes longer
    /// than `patience`.
    pub(crate) async fn reaches(&self, revision: u64, patience: Duration) -> bool {
        let mut served = self.revision.subscribe();
        let reached = served.wait_for(|served| *served >= revision);
        tokio::time::timeout(patience, reached).await.is_ok()
    }

    /// Follows the store for ever. `each` is called with every next catalog, before it is served.
    pub(crate) async fn run(&self, store: &dyn Store, each: impl Fn(&Catalog, &Arc<Catalog>)) {
        loop {
            let watch = store.watch(keyspace::STATE, self.current().revision).await;
            let broke = match watch {
                Ok(watch) => self.follow_watch(watch, &each).await,
                Err(error) => error,
            };
            tracing::warn!(error = %broke, "the store cannot be watched; going on from memory");
            tokio::time::sleep(REWATCH_DELAY).await;
            if matches!(broke, StoreError::Compacted { .. } | StoreError::Future { .. }) {
                // What happened meanwhile is not to be had as changes any more.
                match list(store).await {
                    Ok(catalog) => self.serve(catalog, &each),
                    Err(error) => tracing::warn!(%error, "the state cannot be listed anew yet"),
                }
            }
        }
    }

    /// Follows one watch until it is of no use any more, and says why.
    async fn follow_watch(
        &self,
        mut watch: Watch,
        each: &impl Fn(&Catalog, &Arc<Catalog>),
    ) -> StoreError {
        loop {
            match watch.next().await {
                Ok(batch) => {
                    let decoded = batch
                        .changes
                        .iter()
                        .filter_map(|change: &Change| decode(&change.key, change.value.as_ref()));
                    self.serve(self.current().with(batch.revision, decoded), each);
                }
                // It stands where it stood.
                Err(error @ StoreError::Unavailable(_)) => {
                    tracing::warn!(%error, "the store's watch stands still; going on from memory");
                    tokio::time::sleep(REWATCH_DELAY).await;
                }
                Err(error) => return error,
            }
        }
    }

    fn serve(&self, next: Catalog, each: &impl Fn(&Catalog, &Arc<Catalog>)) {
        let (before, next) = (self.current(), Arc::new(next));
        let revision = next.revision;
        each(&before, &next);
        self.current.store(next);
        self.revision.send_replace(revision);
    }
}

/// The whole state as it stands.
async fn list(store: &dyn Store) -> Result<Catalog, StoreError> {
    let mut range = Range::prefix(keyspace::STATE).limit(LOAD_PAGE);
    let mut page = store.list(range.clone(), None).await?;
    let revision = page.revision;
    let mut changes = Vec::new();
    loop {
        changes.extend(page.items.iter().filter_map(|item| decode(&item.key, Some(item))));
        let Some(next) = page.next else { break };
        range = range.after(next);
        page = store.list(range.clone(), Some(revision)).await?;
    }
    Ok(Catalog::default().with(revision, changes))
}

/// Reads one key of the state. What cannot be read is left out and logged: one damaged record must
/// not take the catalog down.
fn decode(key: &str, value: Option<&KeyValue>) -> Option<CatalogChange> {
    let (prefix, id) = key.rsplit_once('/')?;
    let change = match format!("{prefix}/").as_str() {
        keyspace::WORLDS => CatalogChange::World(id.parse().ok()?, record(value)?),
        keyspace::LIVE => CatalogChange::Live(id.parse().ok()?, live(value)?),
        keyspace::DEPLOYMENTS => CatalogChange::Deployment(id.parse().ok()?, record(value)?),
        keyspace::BANS => CatalogChange::Ban(id.parse().ok()?, record(value)?),
        keyspace::KICKED => CatalogChange::Kicked(id.parse().ok()?, record(value)?),
        keyspace::LOGGED_OUT => CatalogChange::LoggedOut(id.parse().ok()?, record(value)?),
        keyspace::FAILOVERS => CatalogChange::Failover(id.parse().ok()?, failover(value)?),
        keyspace::DRILLS => CatalogChange::Drill(id.parse().ok()?, record(value)?),
        _ => return None,
    };
    Some(change)
}

/// The outer option is none when the record is damaged, the inner one when it was deleted.
#[expect(clippy::option_option, reason = "deleted and damaged are different answers")]
fn record<T: DeserializeOwned>(value: Option<&KeyValue>) -> Option<Option<T>> {
    let Some(value) = value else { return Some(None) };
    match parse(&value.value) {
        Ok(record) => Some(Some(record)),
        Err(error) => {
            tracing::error!(key = %value.key, %error, "a record of the store cannot be read");
            None
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes)
}

#[expect(clippy::option_option, reason = "deleted and damaged are different answers")]
fn live(value: Option<&KeyValue>) -> Option<Option<LiveEntry>> {
    let entry: Option<LiveEntry> = record(value)?;
    let revision = value.map_or(0, |value| value.modified);
    Some(
        entry.map(|entry| {
            LiveEntry::new(revision, entry.updated_at, entry.updated_by, entry.config)
        }),
    )
}

#[expect(clippy::option_option, reason = "deleted and damaged are different answers")]
fn failover(value: Option<&KeyValue>) -> Option<Option<FailoverRecord>> {
    let known: Option<FailoverRecord> = record(value)?;
    let revision = value.map_or(0, |value| value.created);
    Some(known.map(|known| FailoverRecord { revision, ..known }))
}

#[cfg(test)]
mod tests {
    use lifeboat_core::access::Ban;
    use lifeboat_core::ids::{BanId, User};
    use lifeboat_core::time::Timestamp;
    use lifeboat_store::{MemoryStore, Transaction};

    use super::*;

    #[tokio::test]
    async fn what_is_not_to_be_had_as_changes_any_more_is_listed_anew() {
        let store = Arc::new(MemoryStore::default());
        let feed = Arc::new(Feed::load(&*store).await.unwrap());
        let ban = Ban {
            id: BanId::from_unique("1"),
            user: User::guest("1"),
            world: None,
            reason: String::new(),
            at: Timestamp::default(),
            by: String::new(),
        };
        let mut newest = 0;
        for _ in 0..3 {
            let key = format!("{}{}", keyspace::BANS, ban.id);
            let transaction = Transaction::new().put(key, serde_json::to_vec(&ban).unwrap());
            newest = store.commit(transaction).await.unwrap().committed().unwrap();
        }
        store.compact(0).await.unwrap();
        let (following, from) = (Arc::clone(&feed), Arc::clone(&store));
        let follows = tokio::spawn(async move { following.run(&*from, |_, _| {}).await });
        assert!(feed.reaches(newest, Duration::from_secs(10)).await);
        assert!(feed.current().ban(&ban.id).is_some());
        let gone = Transaction::new().delete(format!("{}{}", keyspace::BANS, ban.id));
        let gone = store.commit(gone).await.unwrap().committed().unwrap();
        assert!(feed.reaches(gone, Duration::from_secs(10)).await, "it is watched again");
        assert!(feed.current().ban(&ban.id).is_none());
        follows.abort();
    }
}
