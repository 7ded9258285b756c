//! Records of failovers, as the server makes them: new ones, and those that a save by hand opens,
//! changes or closes.

use std::collections::BTreeMap;

use lifeboat_core::catalog::{Catalog, LiveEntry};
use lifeboat_core::failover::{
    Counts, FailoverRecord, Figures, Kind, Mode, MovePhase, PlanSummary, Trigger,
};
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::route::destination;
use lifeboat_core::time::Timestamp;

use super::Simulation;

/// What a new record is made of.
pub(super) struct NewRecord {
    pub(super) kind: Kind,
    pub(super) world: WorldId,
    pub(super) target: WorldId,
    pub(super) counter: u64,
    pub(super) mode: Mode,
    pub(super) rate_per_second: f64,
}

/// A record that ends before everyone is accounted for.
pub(super) fn cancelled(record: &FailoverRecord, now: Timestamp) -> FailoverRecord {
    FailoverRecord { phase: MovePhase::Cancelled, finished_at: Some(now), ..record.clone() }
}

/// A record that begins now.
pub(crate) fn record(id: FailoverId, new: NewRecord, now: Timestamp) -> FailoverRecord {
    FailoverRecord {
        id,
        kind: new.kind,
        trigger: Trigger::Api,
        world_id: new.world,
        target_deployment_id: None,
        target_world_id: new.target,
        phase: MovePhase::Moving,
        mode: new.mode,
        reason: "simulated".to_owned(),
        message: None,
        by: "operator".to_owned(),
        started_at: now,
        finished_at: None,
        revision: 0,
        counter: new.counter,
        plan: PlanSummary {
            sessions: 0,
            window_ms: 0,
            rate_per_second: new.rate_per_second,
            rules: Vec::new(),
        },
        counts: Counts::default(),
        refusals: BTreeMap::new(),
        dark_ms: Figures::default(),
        fanout_ms: Figures::default(),
        outage_ms: None,
        last_healthy_at: None,
        present_fixed: false,
        nudges: 0,
    }
}

impl Simulation {
    pub(super) fn new_record(&self, new: NewRecord) -> FailoverRecord {
        let number = self.store.failovers().count();
        record(FailoverId::from_unique(&format!("{number:04}")), new, self.now)
    }

    /// The records that a save by hand opens, changes or closes. A further raise while one moves
    /// belongs to that one.
    pub(super) fn opened_by_hand(
        &self,
        catalog: &Catalog,
        world: &WorldId,
        before: &LiveEntry,
        after: &LiveEntry,
    ) -> Vec<FailoverRecord> {
        let (before, after) = (&before.game, &after.game);
        let open_now = catalog.open_failover(world);
        let raised = after.force_disconnect.all_clients > before.force_disconnect.all_clients;
        let called_home = after.force_disconnect.redirected > before.force_disconnect.redirected;
        let cleared = before.failover.is_set() && !after.failover.is_set();
        let mut records = Vec::new();
        if raised {
            let counter = after.force_disconnect.all_clients;
            match open_now.filter(|record| record.kind != Kind::Failback) {
                Some(moving) => records.push(FailoverRecord { counter, ..(**moving).clone() }),
                None => {
                    let target = after
                        .failover
                        .target()
                        .and_then(|target| destination(catalog, &target.world).ok())
                        .map(|target| target.id.clone());
                    let kind = if target.is_some() { Kind::Failover } else { Kind::Rejoin };
                    let target = target.unwrap_or_else(|| world.clone());
                    records.push(self.edited(catalog, kind, world, target, counter));
                }
            }
        } else if cleared && let Some(moving) = open_now.filter(|one| one.kind == Kind::Failover) {
            records.push(cancelled(moving, self.now));
        }
        if called_home && open_now.is_none_or(|record| record.kind != Kind::Failback) {
            let counter = after.force_disconnect.redirected;
            records.push(self.edited(catalog, Kind::Failback, world, world.clone(), counter));
        }
        records
    }

    fn edited(
        &self,
        catalog: &Catalog,
        kind: Kind,
        world: &WorldId,
        target: WorldId,
        counter: u64,
    ) -> FailoverRecord {
        let deployment = catalog.current_deployment(&target);
        let rate_per_second = deployment.map_or(50.0, |one| one.joins_per_second());
        let world = world.clone();
        let mode = Mode::Emergency;
        self.new_record(NewRecord { kind, world, target, counter, mode, rate_per_second })
    }
}
