//! What a drill leaves behind that could not be brought to its end, and putting that in order: a
//! world that was failed over for a rehearsal is not left so.

use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::drill::{DrillPhase, DrillRecord};
use lifeboat_core::failover::{FailoverRequest, Trigger};
use lifeboat_core::limits::DRILL_PATIENCE;
use lifeboat_core::live_config::OverrideTarget;
use tokio::time::Instant;

use super::{ROLE, stored};
use crate::app::App;
use crate::failover::fail_back;
use crate::writer::Actor;

/// How often the way home is tried again.
const RETRY_PERIOD: Duration = Duration::from_secs(1);

/// Ends the drills that were running when this data was last served from, and brings their worlds
/// home. Their bots went with the process. Which they are is settled when it is called: before
/// anybody can begin another.
pub(crate) fn recover(app: Arc<App>) -> impl Future<Output = ()> {
    let catalog = app.catalog();
    let open = catalog.drills().filter(|one| one.phase.is_open());
    let open: Vec<Arc<DrillRecord>> = open.cloned().collect();
    async move {
        for record in open {
            end(&app, &record).await;
        }
    }
}

async fn end(app: &App, record: &DrillRecord) {
    let actor = Actor::new(record.id.to_string(), ROLE, None);
    let left = bring_home(app, record, &actor).await;
    let why = "the control plane was restarted";
    let ended = DrillRecord {
        phase: DrillPhase::Failed,
        message: Some(left.map_or_else(|| why.to_owned(), |left| format!("{why}; {left}"))),
        finished_at: Some(app.now()),
        ..record.clone()
    };
    stored::keep(app, &ended).await;
    tracing::info!(drill.id = %ended.id, message = ended.message, "a drill was cut off");
}

/// Brings home what a drill moved; says what is left to do if that is not possible.
pub(super) async fn bring_home(app: &App, record: &DrillRecord, actor: &Actor) -> Option<String> {
    let until = Instant::now() + DRILL_PATIENCE;
    loop {
        let catalog = app.catalog();
        let world = &record.world_id;
        // By its own name, and as a failover sets it: an override that was set by hand since
        // belongs to no failover.
        let is_ours = catalog.latest_failover(world).is_some_and(|latest| {
            latest.trigger == Trigger::Drill && latest.by == record.id.as_str()
        });
        let as_set = OverrideTarget::world(record.target_world_id.clone());
        if !is_ours || catalog.override_of(world) != Some(as_set) {
            return None;
        }
        let request = FailoverRequest {
            reason: format!("end of the drill {}", record.id),
            ..FailoverRequest::default()
        };
        match fail_back(app, actor, world, &request, Trigger::Drill).await {
            Ok(_) => return None,
            Err(refusal) if Instant::now() > until => {
                return Some(format!(
                    "its world is failed over still ({}): lifeboat failback {world}",
                    refusal.0.detail
                ));
            }
            Err(_) => tokio::time::sleep(RETRY_PERIOD).await,
        }
    }
}
