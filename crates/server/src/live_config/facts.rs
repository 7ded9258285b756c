//! What the rules about an override's target have to know, from the catalog and the desk.

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::{DeploymentId, WorldId};
use lifeboat_core::live_config::{DeploymentFacts, OverrideFacts, SaveStep, WorldFacts};

use crate::app::App;
use crate::failover;
use crate::worlds;

/// Facts as of one catalog.
pub(crate) struct Facts<'a> {
    pub(crate) app: &'a App,
    pub(crate) catalog: &'a Catalog,
}

impl OverrideFacts for Facts<'_> {
    fn world(&self, id: &WorldId) -> Option<WorldFacts> {
        let world = self.catalog.world(id)?;
        let active =
            self.catalog.current_deployment(id).filter(|deployment| deployment.takes_people());
        let build = active.map_or(&world.spec.build, |deployment| &deployment.build);
        Some(WorldFacts {
            base_version: build.base_version,
            active_deployment: active.map(|deployment| deployment.id.clone()),
            is_healthy: active.is_some_and(|deployment| self.app.is_healthy(deployment)),
            target: self.catalog.override_of(id),
        })
    }

    fn deployment(&self, id: &DeploymentId) -> Option<DeploymentFacts> {
        let deployment = self.catalog.deployment(id)?;
        Some(DeploymentFacts {
            world: deployment.world.clone(),
            is_active: deployment.takes_people(),
            launch_context: deployment.launch_context.clone(),
        })
    }

    fn is_ready_to_stand_in(&self, main: &WorldId, target: &WorldId) -> bool {
        failover::readiness_of(self.app, self.catalog, main, Some(target))
            .is_some_and(|readiness| readiness.ready)
    }

    fn overwritten_by(&self, standby: &WorldId, step: SaveStep<'_>) -> Option<WorldId> {
        worlds::overwritten_by(self.app, self.catalog, standby, step)
    }
}
