//! The parts of a running control plane, as handlers and tasks see them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::WorldId;
use lifeboat_core::time::Timestamp;
use lifeboat_core::world::World;
use lifeboat_gateway::Gateway;
use lifeboat_runtime::Runtime;
use lifeboat_store::Store;
use tokio::sync::Notify;

use crate::auth::Auth;
use crate::config::Config;
use crate::events::Events;
use crate::feed::Feed;
use crate::http::problem::{ApiError, ApiResult};
use crate::metrics::Metrics;
use crate::mods::Mods;
use crate::writer::Writer;

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
    pub(crate) events: Arc<Events>,
    pub(crate) metrics: Metrics,
    /// Has the reconciler look at every deployment now.
    pub(crate) reconcile: Notify,
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
