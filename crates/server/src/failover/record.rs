//! Records of failovers: how a new one looks, and which ones a save by hand opens and closes.

use lifeboat_core::catalog::Catalog;
use lifeboat_core::failover::{Edit, FailoverRecord, NewRecord, Trigger};
use lifeboat_core::ids::FailoverId;
use lifeboat_store::Transaction;

use crate::app::App;
use crate::live_config::Step;
use crate::writer::{Actor, WriteError, json, unchanged};
use crate::{ids, keyspace};

/// A record that begins now, of what is asked for and of what is found.
pub(super) fn open(app: &App, catalog: &Catalog, new: NewRecord) -> FailoverRecord {
    let now = app.now();
    let found = NewRecord {
        sessions: app.gateway.desk().present_for(new.kind, &new.world, now),
        target_deployment: catalog.current_deployment(&new.target).map(|one| one.id.clone()),
        last_healthy_at: app.last_healthy_at(catalog, &new.world),
        ..new
    };
    found.begin(FailoverId::from_unique(&ids::unique()), now)
}

/// The records that a save by hand opens, changes or closes.
pub(crate) fn by_hand(app: &App, step: &Step<'_>, actor: &Actor) -> Vec<FailoverRecord> {
    let Step { catalog, world, .. } = *step;
    let edit =
        Edit { catalog, world: &world.id, before: &step.before.game, after: &step.after.game };
    let follows = edit.consequences(app.now());
    let opened = follows.begun.into_iter().map(|begun| {
        let rate_per_second = catalog.joins_per_second(&begun.target);
        let new = NewRecord::new(world.id.clone(), begun, Trigger::LiveConfig, rate_per_second);
        let (reason, by) = ("live config edited by hand".to_owned(), actor.name.clone());
        open(app, catalog, NewRecord { reason, by, ..new })
    });
    follows.changed.into_iter().chain(opened).collect()
}

/// Adds records to a commit that was decided by `catalog`. Whoever steers or keeps a failover
/// writes its record and no live config, so a record that is there already is written on the
/// condition that it is still the one that was looked at.
///
/// # Errors
/// [`WriteError::Lost`] when it is not, which is to be decided anew.
pub(crate) async fn put_records(
    app: &App,
    catalog: &Catalog,
    mut transaction: Transaction,
    records: &[FailoverRecord],
) -> Result<Transaction, WriteError> {
    for record in records {
        let key = keyspace::failover(&record.id);
        let modified = match catalog.failover(&record.id) {
            Some(seen) => modified_as(app, &key, seen).await?,
            None => 0,
        };
        transaction = transaction.require(unchanged(key.clone(), modified)).put(key, json(record));
    }
    Ok(transaction)
}

/// The revision that wrote a record as it was seen; the catalog does not hold it.
async fn modified_as(app: &App, key: &str, seen: &FailoverRecord) -> Result<u64, WriteError> {
    let kept = app.store.read(key).await.map_err(WriteError::Failed)?.ok_or(WriteError::Lost)?;
    let record = serde_json::from_slice::<FailoverRecord>(&kept.value);
    let is_same =
        record.is_ok_and(|record| FailoverRecord { revision: kept.created, ..record } == *seen);
    if is_same { Ok(kept.modified) } else { Err(WriteError::Lost) }
}

#[cfg(test)]
mod tests;
