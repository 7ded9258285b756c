//! The parts of a running control plane, as handlers and tasks see them.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::deployment::Deployment;
use lifeboat_core::ids::WorldId;
use lifeboat_core::time::Timestamp;
use lifeboat_core::world::World;
use lifeboat_gateway::Gateway;
use lifeboat_runtime::{Runtime, ServerHealth, ServerObservation};
use lifeboat_store::Store;
use tokio::sync::{Notify, watch};

use crate::alarms::Alarms;
use crate::auth::Auth;
use crate::automation::Automation;
use crate::config::Config;
use crate::drills::Drills;
use crate::events::Events;
use crate::feed::Feed;
use crate::http::idempotency::Idempotency;
use crate::http::problem::{ApiError, ApiResult};
use crate::metrics::Metrics;
use crate::mods::Mods;
use crate::places::Places;
use crate::webhooks::Webhooks;
use crate::writer::Writer;

/// How long a write that lost its race waits for what it lost to.
const CATCH_UP: Duration = Duration::from_millis(100);

/// The parts of a running control plane.
pub(crate) struct App {
    pub(crate) config: Config,
    /// The address under which clients and operators reach this installation.
    pub(crate) public_url: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) writer: Writer,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) mods: Arc<Mods>,
    pub(crate) auth: Auth,
    pub(crate) alarms: Alarms,
    pub(crate) automation: Automation,
    pub(crate) drills: Drills,
    pub(crate) webhooks: Webhooks,
    pub(crate) events: Arc<Events>,
    pub(crate) metrics: Metrics,
    pub(crate) idempotency: Idempotency,
    /// What is being made of which there may be so many and no more.
    pub(crate) places: Places,
    /// Has the reconciler look at every deployment now.
    pub(crate) reconcile: Notify,
    /// Has the ledgers kept now.
    pub(crate) keep: Notify,
}

impl App {
    /// The newest catalog of this node.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.feed.current()
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.gateway.now()
    }

    /// Waits a moment for the catalog to catch up, after a write lost its race to a newer one.
    pub(crate) async fn catch_up(&self) {
        let mut served = self.feed.follow();
        // Nothing newer within that time means that it is here already.
        let _ = tokio::time::timeout(CATCH_UP, served.changed()).await;
    }

    /// What the runtime sees of a deployment's servers.
    pub(crate) fn observed(&self, deployment: &Deployment) -> Vec<ServerObservation> {
        let mut observed = self.runtime.observe();
        observed.retain(|one| deployment.server(&one.started.server).is_some());
        observed
    }

    /// Whether a deployment takes people and none of its servers hangs.
    pub(crate) fn is_healthy(&self, deployment: &Deployment) -> bool {
        deployment.takes_people()
            && self
                .observed(deployment)
                .iter()
                .any(|one| one.exit.is_none() && one.health == ServerHealth::Healthy)
            && self.hung_servers(deployment) == 0
    }

    /// Servers of a deployment that do not call health as they should, or are gone already.
    pub(crate) fn hung_servers(&self, deployment: &Deployment) -> usize {
        let observed = self.observed(deployment);
        let is_hung =
            |one: &&ServerObservation| one.exit.is_some() || one.health == ServerHealth::Unhealthy;
        observed.iter().filter(is_hung).count()
    }

    /// When a world that is not healthy was last known to be; none while it is healthy.
    pub(crate) fn last_healthy_at(&self, catalog: &Catalog, world: &WorldId) -> Option<Timestamp> {
        let deployment = catalog.current_deployment(world)?;
        if self.is_healthy(deployment) {
            return None;
        }
        self.observed(deployment).iter().filter_map(|one| one.last_healthy_at).max()
    }

    /// A world of the newest catalog.
    pub(crate) fn world(&self, id: &WorldId) -> ApiResult<Arc<World>> {
        world_of(&self.catalog(), id)
    }
}

/// A world of a catalog.
pub(crate) fn world_of(catalog: &Catalog, id: &WorldId) -> ApiResult<Arc<World>> {
    catalog.world(id).cloned().ok_or_else(|| {
        let detail = format!("there is no world {id}; `GET /api/worlds` lists them");
        ApiError::new(ErrorCode::WorldNotFound, detail)
    })
}

/// Wall time, for records that are written outside of the gateway.
pub(crate) fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Waits until the control plane stops.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Without a sender there is nobody left to say so, which is the same.
    let _ = stop.wait_for(|stop| *stop).await;
}
