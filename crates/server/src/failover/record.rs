//! Records of failovers: how a new one looks, and which ones a save by hand opens and closes.

use std::collections::BTreeMap;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::failover::{
    Counts, FailoverRecord, Figures, Kind, Mode, MovePhase, PlanSummary, Rule, Trigger,
};
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::pacing::{Rate, window};
use lifeboat_core::route::destination;
use lifeboat_core::time::Timestamp;
use lifeboat_store::Transaction;

use crate::app::App;
use crate::live_config::Step;
use crate::writer::{Actor, WriteError, json, unchanged};
use crate::{ids, keyspace};

/// What a new record is made of.
pub(super) struct NewRecord<'a> {
    pub(super) kind: Kind,
    pub(super) trigger: Trigger,
    pub(super) world: &'a WorldId,
    pub(super) target: WorldId,
    pub(super) counter: u64,
    pub(super) mode: Mode,
    pub(super) reason: String,
    pub(super) message: Option<String>,
    pub(super) rate_per_second: f64,
    pub(super) rules: Vec<Rule>,
    pub(super) by: &'a str,
    pub(super) waits_for_target: bool,
}

/// A record that begins now.
pub(super) fn open(app: &App, catalog: &Catalog, new: NewRecord<'_>) -> FailoverRecord {
    let now = app.now();
    let sessions = app.gateway.desk().present_for(new.kind, new.world, now);
    let window = window(sessions, Rate::per_second(new.rate_per_second));
    FailoverRecord {
        id: FailoverId::from_unique(&ids::unique()),
        kind: new.kind,
        trigger: new.trigger,
        world_id: new.world.clone(),
        target_deployment_id: catalog.current_deployment(&new.target).map(|one| one.id.clone()),
        target_world_id: new.target,
        phase: if new.waits_for_target { MovePhase::Held } else { MovePhase::Moving },
        mode: new.mode,
        reason: new.reason,
        message: new.message,
        by: new.by.to_owned(),
        started_at: now,
        finished_at: None,
        revision: 0,
        counter: new.counter,
        plan: PlanSummary {
            sessions,
            window_ms: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
            rate_per_second: new.rate_per_second,
            rules: new.rules,
        },
        counts: Counts::default(),
        refusals: BTreeMap::new(),
        dark_ms: Figures::default(),
        fanout_ms: Figures::default(),
        outage_ms: None,
        last_healthy_at: app.last_healthy_at(catalog, new.world),
        present_fixed: false,
        nudges: 0,
        waits_for_target: new.waits_for_target,
        nobody_told: new.waits_for_target,
        counter_before: new.counter.saturating_sub(1),
        waited_until: None,
    }
}

/// A record that ends before everyone is accounted for.
pub(super) fn cancelled(record: &FailoverRecord, now: Timestamp) -> FailoverRecord {
    FailoverRecord { phase: MovePhase::Cancelled, finished_at: Some(now), ..record.clone() }
}

/// The records that a save by hand opens, changes or closes. A further raise while one moves
/// belongs to that one.
pub(crate) fn by_hand(app: &App, step: &Step<'_>, actor: &Actor) -> Vec<FailoverRecord> {
    let Step { catalog, world, .. } = *step;
    let (before, after) = (&step.before.game, &step.after.game);
    let open_now = catalog.open_failover(&world.id);
    let raised = after.force_disconnect.all_clients > before.force_disconnect.all_clients;
    let called_home = after.force_disconnect.redirected > before.force_disconnect.redirected;
    let cleared = before.failover.is_set() && !after.failover.is_set();
    let mut records = Vec::new();
    if raised {
        let counter = after.force_disconnect.all_clients;
        let is_rehearsal = |record: &FailoverRecord| record.trigger == Trigger::Drill;
        if let Some(rehearsal) = open_now.filter(|record| is_rehearsal(record)) {
            records.push(cancelled(rehearsal, app.now()));
        }
        let real = open_now.filter(|record| !is_rehearsal(record));
        match real.filter(|record| record.kind != Kind::Failback) {
            Some(moving) => records.push(FailoverRecord { counter, ..(**moving).clone() }),
            None => {
                let target = after
                    .failover
                    .target()
                    .and_then(|target| destination(catalog, &target.world).ok())
                    .map(|target| target.id.clone());
                let kind = if target.is_some() { Kind::Failover } else { Kind::Rejoin };
                let target = target.unwrap_or_else(|| world.id.clone());
                records.push(edited(app, catalog, kind, &world.id, target, counter, actor));
            }
        }
    } else if cleared && let Some(moving) = open_now.filter(|one| one.kind == Kind::Failover) {
        records.push(cancelled(moving, app.now()));
    }
    if called_home && open_now.is_none_or(|record| record.kind != Kind::Failback) {
        let counter = after.force_disconnect.redirected;
        let home = world.id.clone();
        records.push(edited(app, catalog, Kind::Failback, &world.id, home, counter, actor));
    }
    records
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

fn edited(
    app: &App,
    catalog: &Catalog,
    kind: Kind,
    world: &WorldId,
    target: WorldId,
    counter: u64,
    actor: &Actor,
) -> FailoverRecord {
    let rate_per_second = catalog.joins_per_second(&target);
    let new = NewRecord {
        kind,
        trigger: Trigger::LiveConfig,
        world,
        target,
        counter,
        mode: Mode::Emergency,
        reason: "live config edited by hand".to_owned(),
        message: None,
        rate_per_second,
        rules: Vec::new(),
        by: &actor.name,
        waits_for_target: false,
    };
    open(app, catalog, new)
}

#[cfg(test)]
mod tests;
