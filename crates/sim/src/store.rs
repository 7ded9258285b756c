//! The store: whatever was committed is there after a crash, and nothing else is.

use std::collections::BTreeMap;

use lifeboat_core::catalog::{Catalog, CatalogChange, LiveEntry};
use lifeboat_core::deployment::Deployment;
use lifeboat_core::failover::{FailoverRecord, Ledger, Row};
use lifeboat_core::ids::{DeploymentId, FailoverId, WorldId};
use lifeboat_core::world::World;

/// What is durable.
#[derive(Debug, Default)]
pub(crate) struct Store {
    revision: u64,
    worlds: BTreeMap<WorldId, World>,
    live: BTreeMap<WorldId, LiveEntry>,
    deployments: BTreeMap<DeploymentId, Deployment>,
    failovers: BTreeMap<FailoverId, FailoverRecord>,
    /// Ledger rows as they are written, each time that they change: JSON, write after write.
    ledgers: BTreeMap<FailoverId, Vec<Vec<u8>>>,
}

impl Store {
    /// Commits all of these or none; gives them back as the watch tells them.
    pub(crate) fn commit(&mut self, changes: Vec<CatalogChange>) -> (u64, Vec<CatalogChange>) {
        self.revision += 1;
        let revision = self.revision;
        let changes = changes.into_iter().map(|change| self.put(revision, change)).collect();
        (revision, changes)
    }

    fn put(&mut self, revision: u64, change: CatalogChange) -> CatalogChange {
        match change {
            CatalogChange::Live(id, Some(live)) => {
                let live = LiveEntry { revision, ..live };
                self.live.insert(id.clone(), live.clone());
                CatalogChange::Live(id, Some(live))
            }
            CatalogChange::Failover(id, Some(record)) => {
                let created = self.failovers.get(&id).map_or(revision, |known| known.revision);
                let record = FailoverRecord { revision: created, ..record };
                self.failovers.insert(id.clone(), record.clone());
                CatalogChange::Failover(id, Some(record))
            }
            CatalogChange::Deployment(id, Some(deployment)) => {
                self.deployments.insert(id.clone(), deployment.clone());
                CatalogChange::Deployment(id, Some(deployment))
            }
            CatalogChange::World(id, Some(world)) => {
                self.worlds.insert(id.clone(), world.clone());
                CatalogChange::World(id, Some(world))
            }
            other => other,
        }
    }

    /// Keeps rows of a failover that changed.
    pub(crate) fn put_rows(&mut self, failover: &FailoverId, rows: &[Row]) {
        self.revision += 1;
        let bytes = serde_json::to_vec(rows).expect("rows have a JSON form");
        self.ledgers.entry(failover.clone()).or_default().push(bytes);
    }

    /// The ledger of a failover as it was kept.
    pub(crate) fn ledger(&self, failover: &FailoverId) -> Ledger {
        let writes = self.ledgers.get(failover).into_iter().flatten();
        let rows = writes.flat_map(|bytes| {
            serde_json::from_slice::<Vec<Row>>(bytes).expect("what was kept can be read")
        });
        Ledger::restore(rows)
    }

    pub(crate) fn live(&self, world: &WorldId) -> &LiveEntry {
        &self.live[world]
    }

    pub(crate) fn deployment(&self, id: &DeploymentId) -> &Deployment {
        &self.deployments[id]
    }

    pub(crate) fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        self.deployments.values()
    }

    pub(crate) fn failover(&self, id: &FailoverId) -> Option<&FailoverRecord> {
        self.failovers.get(id)
    }

    pub(crate) fn failovers(&self) -> impl Iterator<Item = &FailoverRecord> {
        self.failovers.values()
    }

    /// Everything, as a process that starts reads it.
    pub(crate) fn catalog(&self) -> Catalog {
        let worlds =
            self.worlds.iter().map(|(id, one)| CatalogChange::World(id.clone(), Some(one.clone())));
        let live =
            self.live.iter().map(|(id, one)| CatalogChange::Live(id.clone(), Some(one.clone())));
        let deployments = self
            .deployments
            .iter()
            .map(|(id, one)| CatalogChange::Deployment(id.clone(), Some(one.clone())));
        let failovers = self
            .failovers
            .iter()
            .map(|(id, one)| CatalogChange::Failover(id.clone(), Some(one.clone())));
        let changes = worlds.chain(live).chain(deployments).chain(failovers);
        Catalog::default().with(self.revision, changes)
    }
}
