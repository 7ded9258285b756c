//! Failovers that wait for their target to be awake: they go on by themselves once it takes people.

use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::failover::{FailoverRecord, MovePhase};
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::phase::Phase;
use tokio::sync::watch;

use super::steer;
use crate::app::{App, stopped};
use crate::writer::Actor;

/// Wait before what could not go on is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Looks at each next catalog until the control plane stops.
pub(crate) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut served = app.feed.follow();
    loop {
        let mut is_done = true;
        for id in ready(&app.catalog()) {
            match steer::resume(&app, &Actor::system(), &id).await {
                Ok(_) => tracing::info!(failover.id = %id, "its target is awake: people move now"),
                Err(refusal) => {
                    is_done = false;
                    let code = refusal.code().as_str();
                    tracing::warn!(failover.id = %id, code, "a failover could not go on yet");
                }
            }
        }
        tokio::select! {
            changed = served.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(RETRY_DELAY), if !is_done => {}
            () = stopped(&mut shutdown) => return,
        }
    }
}

/// The failovers whose wait is over.
fn ready(catalog: &Catalog) -> Vec<FailoverId> {
    let is_over = |record: &&Arc<FailoverRecord>| {
        record.waits_for_target
            && record.phase == MovePhase::Held
            && is_awake(catalog, &record.target_world_id)
    };
    catalog.failovers().filter(is_over).map(|record| record.id.clone()).collect()
}

/// The failover of a world that waits for a target which does not come: its launch has failed, or
/// somebody stopped it.
pub(crate) fn waits_in_vain<'a>(
    catalog: &'a Catalog,
    world: &'a WorldId,
) -> Option<&'a Arc<FailoverRecord>> {
    let mut waiting = catalog.open_failovers_of(world).filter(|record| record.waits_for_target);
    waiting.find(|record| !is_coming(catalog.phase(&record.target_world_id)))
}

/// Whether a target in this phase takes people sooner or later.
pub(super) const fn is_coming(phase: Phase) -> bool {
    matches!(phase, Phase::Starting | Phase::Active)
}

/// Whether a target takes people.
pub(super) fn is_awake(catalog: &Catalog, target: &WorldId) -> bool {
    catalog.current_deployment(target).is_some_and(|deployment| deployment.takes_people())
}
