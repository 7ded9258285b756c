//! The parts of the control plane that the reconciler works with.

use std::path::PathBuf;
use std::sync::Arc;

use lifeboat_core::ids::SessionId;
use lifeboat_core::reconcile::{Policy, RestartPolicy};
use lifeboat_core::time::Timestamp;
use lifeboat_runtime::Runtime;
use lifeboat_store::Store;

use crate::app::{App, wall_clock};
use crate::config;
use crate::feed::Feed;
use crate::mods::Mods;
use crate::writer::Writer;

/// Takes the ids that a game server lists.
pub(super) type Confirm = Box<dyn Fn(&[String]) + Send + Sync>;

/// See the module's documentation.
pub(super) struct Parts {
    pub(super) store: Arc<dyn Store>,
    pub(super) feed: Arc<Feed>,
    pub(super) writer: Writer,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) mods: Arc<Mods>,
    /// The host that clients reach game servers at.
    pub(super) advertise_host: String,
    /// Where servers of the built-in mod run, which has no folder of its own.
    pub(super) data: PathBuf,
    pub(super) policy: Policy,
    pub(super) now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// Told the sessions that a game server lists, as the server wrote them.
    pub(super) confirm: Confirm,
}

impl Parts {
    /// The parts of a running control plane.
    pub(super) fn of(app: &App) -> Self {
        let restart = match app.config.restart_policy {
            config::RestartPolicy::OnFailure => RestartPolicy::OnFailure,
            config::RestartPolicy::Never => RestartPolicy::Never,
        };
        let (clock, witness) = (Arc::clone(&app.gateway), Arc::clone(&app.gateway));
        Self {
            store: Arc::clone(&app.store),
            feed: Arc::clone(&app.feed),
            writer: Writer::new(Arc::clone(&app.store), Arc::clone(&app.feed), wall_clock),
            runtime: Arc::clone(&app.runtime),
            mods: Arc::clone(&app.mods),
            advertise_host: app.config.advertise_host.clone(),
            data: app.config.data.clone(),
            policy: Policy::new(restart),
            now: Box::new(move || clock.now()),
            confirm: Box::new(move |listed| {
                let now = witness.now();
                let mut desk = witness.desk();
                // Only failovers ask who arrived; reading thousands of ids for nobody is waste.
                if desk.has_moves() {
                    let sessions: Vec<SessionId> =
                        listed.iter().filter_map(|text| text.parse().ok()).collect();
                    desk.confirm(&sessions, now);
                }
            }),
        }
    }
}
