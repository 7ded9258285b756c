//! Records of failovers, as the server makes them: new ones, and those that a save by hand opens,
//! changes or closes.

use lifeboat_core::catalog::{Catalog, LiveEntry};
use lifeboat_core::failover::{FailoverRecord, Kind, Mode};
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::route::destination;

use super::Simulation;
use crate::record::{NewRecord, cancelled, record};

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
