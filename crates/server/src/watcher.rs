//! Watches every world that has people or a standby: a change of readiness is an event, a main
//! world in trouble an alert, as an event and in the log.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::WorldId;
use lifeboat_core::world::World;
use serde_json::json;
use tokio::sync::watch;

use crate::app::{App, stopped};
use crate::events::EventKind;
use crate::failover;

/// How often worlds are looked at.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

/// What was told last of each world.
#[derive(Default)]
struct Told {
    readiness: HashMap<WorldId, bool>,
    trouble: HashMap<WorldId, Facts>,
}

/// What has to change before an alert is told again; the passing of time alone does not count.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Facts {
    connected: usize,
    lost_game: usize,
    standby_ready: Option<bool>,
}

/// Watches until the control plane stops.
pub(crate) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut told = Told::default();
    while tokio::time::timeout(LOOK_PERIOD, stopped(&mut shutdown)).await.is_err() {
        look(&app, &mut told);
    }
}

fn look(app: &App, told: &mut Told) {
    let catalog = app.catalog();
    let gone = |id: &WorldId| catalog.world(id).is_none();
    told.readiness.retain(|id, _| !gone(id));
    told.trouble.retain(|id, _| !gone(id));
    for world in catalog.worlds() {
        let ready = world
            .standby
            .as_ref()
            .and_then(|standby| failover::readiness_of(app, &catalog, &world.id, Some(standby)));
        if let Some(readiness) = &ready
            && told.readiness.insert(world.id.clone(), readiness.ready) != Some(readiness.ready)
        {
            let failing: Vec<_> = readiness.blocking().map(|check| check.id).collect();
            let payload =
                json!({ "worldId": world.id, "ready": readiness.ready, "failing": failing });
            app.events.publish(EventKind::Readiness, &payload);
        }
        let standby_ready = ready.map(|readiness| readiness.ready);
        let trouble = trouble(app, &catalog, world, standby_ready);
        tell_trouble(app, told, world, trouble);
    }
}

fn tell_trouble(app: &App, told: &mut Told, world: &World, trouble: Option<(Facts, String)>) {
    match trouble {
        Some((facts, message)) if told.trouble.get(&world.id) != Some(&facts) => {
            tracing::warn!(world.id = %world.id, "{message}");
            let payload = json!({ "worldId": world.id, "state": "firing", "message": message });
            app.events.publish(EventKind::Alert, &payload);
            told.trouble.insert(world.id.clone(), facts);
        }
        None if told.trouble.remove(&world.id).is_some() => {
            let message = format!("{}: out of trouble", world.spec.name);
            tracing::info!(world.id = %world.id, "{message}");
            let payload = json!({ "worldId": world.id, "state": "resolved", "message": message });
            app.events.publish(EventKind::Alert, &payload);
        }
        Some(_) | None => {}
    }
}

/// What is wrong with a world that has people in it, in a sentence.
fn trouble(
    app: &App,
    catalog: &Catalog,
    world: &World,
    standby_ready: Option<bool>,
) -> Option<(Facts, String)> {
    let crowd = app.gateway.desk().crowd(&world.id);
    let deployment = catalog.current_deployment(&world.id)?;
    if crowd.connected == 0 || app.is_healthy(deployment) {
        return None;
    }
    let since = app.last_healthy_at(catalog, &world.id);
    let gone = match since {
        Some(at) => format!("server gone {} s", app.now().since(at).as_secs()),
        None => "server gone".to_owned(),
    };
    let standby = match standby_ready {
        Some(true) => "standby ready",
        Some(false) => "standby NOT ready",
        None => "no standby",
    };
    let facts = Facts { connected: crowd.connected, lost_game: crowd.lost_game, standby_ready };
    let message = format!(
        "{}: {gone}, {} of {} lost the game, {standby}",
        world.spec.name, crowd.lost_game, crowd.connected
    );
    Some((facts, message))
}
