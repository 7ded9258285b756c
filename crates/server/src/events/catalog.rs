//! What a new catalog is news of.

use std::collections::BTreeSet;
use std::sync::Arc;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::deployment::Deployment;
use lifeboat_core::failover::FailoverRecord;
use lifeboat_core::ids::WorldId;
use serde_json::{Value, json};

use super::{EventKind, Events};

impl Events {
    /// Publishes in what `after` differs from `before`: ids and what a list shows, never the values
    /// of live config or settings.
    pub(crate) fn catalog_changed(&self, before: &Catalog, after: &Catalog) {
        self.deployments_changed(before, after);
        self.worlds_changed(before, after);
        self.live_changed(before, after);
        self.failovers_changed(before, after);
        self.bans_changed(before, after);
    }

    fn worlds_changed(&self, before: &Catalog, after: &Catalog) {
        let differs = |id: &WorldId| {
            !same(before.world(id), after.world(id)) || before.phase(id) != after.phase(id)
        };
        for id in ids(before.worlds().map(|world| &world.id), after.worlds().map(|world| &world.id))
            .into_iter()
            .filter(|id| differs(id))
        {
            let payload = match after.world(id) {
                Some(world) => json!({
                    "id": id, "revision": after.revision, "name": world.spec.name,
                    "phase": after.phase(id), "deploymentId": world.deployment,
                    "standbyFor": world.standby_for, "standby": world.standby,
                }),
                None => deleted(id.as_str(), after),
            };
            self.publish(EventKind::World, &payload);
        }
    }

    fn deployments_changed(&self, before: &Catalog, after: &Catalog) {
        let all =
            ids(before.deployments().map(|one| &one.id), after.deployments().map(|one| &one.id));
        for id in all {
            let now = after.deployment(id);
            if same(before.deployment(id), now) {
                continue;
            }
            let payload = now.map_or_else(
                || deleted(id.as_str(), after),
                |deployment| of_deployment(deployment, after),
            );
            self.publish(EventKind::Deployment, &payload);
        }
    }

    fn live_changed(&self, before: &Catalog, after: &Catalog) {
        for world in after.worlds() {
            let now = after.live(&world.id);
            if same(before.live(&world.id), now) {
                continue;
            }
            let Some(live) = now else { continue };
            self.publish(
                EventKind::LiveConfig,
                &json!({
                    "id": world.id, "worldId": world.id, "revision": live.revision,
                    "updatedAt": live.updated_at, "updatedBy": live.updated_by,
                    "overrideWorldId": after.override_of(&world.id).map(|target| target.world),
                    "allClients": after.all_clients(&world.id),
                    "redirected": after.redirected(&world.id),
                }),
            );
        }
    }

    fn failovers_changed(&self, before: &Catalog, after: &Catalog) {
        let all = ids(before.failovers().map(|one| &one.id), after.failovers().map(|one| &one.id));
        for id in all {
            let now = after.failover(id);
            if same(before.failover(id), now) {
                continue;
            }
            let payload = now
                .map_or_else(|| deleted(id.as_str(), after), |record| of_failover(record, after));
            self.publish(EventKind::Failover, &payload);
        }
    }

    fn bans_changed(&self, before: &Catalog, after: &Catalog) {
        let has = |catalog: &Catalog, id| catalog.bans().any(|ban| &ban.id == id);
        let bans =
            |catalog: &Catalog| catalog.bans().map(|ban| ban.id.clone()).collect::<BTreeSet<_>>();
        for id in bans(before).symmetric_difference(&bans(after)) {
            let payload = if has(after, id) {
                json!({ "id": id, "revision": after.revision })
            } else {
                deleted(id.as_str(), after)
            };
            self.publish(EventKind::Ban, &payload);
        }
    }
}

/// The catalogs share what did not change, so most are the same value.
fn same<T: PartialEq>(before: Option<&Arc<T>>, after: Option<&Arc<T>>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => Arc::ptr_eq(before, after) || before == after,
        (None, None) => true,
        _ => false,
    }
}

fn ids<'a, T: Ord>(
    before: impl Iterator<Item = &'a T>,
    after: impl Iterator<Item = &'a T>,
) -> BTreeSet<&'a T> {
    before.chain(after).collect()
}

fn deleted(id: &str, after: &Catalog) -> Value {
    json!({ "id": id, "revision": after.revision, "deleted": true })
}

fn of_deployment(deployment: &Deployment, after: &Catalog) -> Value {
    let servers: Vec<Value> = deployment
        .servers
        .iter()
        .map(|server| json!({ "id": server.id, "phase": server.phase }))
        .collect();
    json!({
        "id": deployment.id, "revision": after.revision, "worldId": deployment.world,
        "phase": deployment.phase, "message": deployment.message, "endsAt": deployment.ends_at,
        "servers": servers,
    })
}

fn of_failover(record: &FailoverRecord, after: &Catalog) -> Value {
    json!({
        "id": record.id, "revision": after.revision, "kind": record.kind,
        "trigger": record.trigger, "worldId": record.world_id,
        "targetWorldId": record.target_world_id, "phase": record.phase, "counts": record.counts,
    })
}

#[cfg(test)]
mod tests {
    use lifeboat_core::catalog::CatalogChange;
    use lifeboat_core::world::World;

    use super::*;

    fn world() -> World {
        serde_json::from_value(json!({
            "id": "wld_main", "standbyFor": null, "standby": null, "deployment": null,
            "createdAt": "2026-11-18T11:06:40.123Z",
            "spec": {
                "name": "Main Stage", "description": "", "labels": {},
                "build": { "mod": "plaza", "modVersion": "1.0.0", "contentVersion": "2026.11.1",
                           "baseVersion": 38, "map": "plaza" },
                "scale": { "profile": "Capacity500" }, "durationMinutes": 180,
                "access": { "public": true, "guests": true, "groups": [] },
                "streaming": { "launchMode": "same-tab" }, "settings": { "secret": "hidden" }
            }
        }))
        .unwrap()
    }

    #[test]
    fn only_what_differs_is_news_and_internal_settings_are_not_in_it() {
        let events = Events::new();
        let id: WorldId = "wld_main".parse().unwrap();
        let empty = Catalog::default();
        let first = empty.with(1, [CatalogChange::World(id.clone(), Some(world()))]);
        events.catalog_changed(&empty, &first);
        events.catalog_changed(&first, &first.with(2, []));
        events.catalog_changed(&first, &first.with(3, [CatalogChange::World(id, None)]));
        let start = events.id(0);
        let published = events.read(Some(&start)).missed;
        let data: Vec<Value> =
            published.iter().map(|event| serde_json::from_str(&event.data).unwrap()).collect();
        assert_eq!(data.len(), 2);
        assert_eq!(data[0]["name"], "Main Stage");
        assert_eq!(data[1], json!({ "id": "wld_main", "revision": 3, "deleted": true }));
        assert!(!published[0].data.contains("hidden"));
    }
}
