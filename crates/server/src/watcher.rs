//! Watches every world that has people or a standby: a change of readiness is an event, a world in
//! trouble an alarm, and what is new about it an alert, as an event and in the log.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::ids::WorldId;
use lifeboat_core::limits::{ALERT_REPEAT, ALERT_SETTLE};
use lifeboat_core::readiness::Readiness;
use lifeboat_core::time::Timestamp;
use lifeboat_core::world::World;
use serde_json::json;
use tokio::sync::watch;

use crate::alarms::{Alarm, News, alarm_of};
use crate::app::{App, stopped};
use crate::events::EventKind;
use crate::failover;

/// How often worlds are looked at.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

/// What was seen and told last of each world.
#[derive(Default)]
struct Told {
    readiness: HashMap<WorldId, bool>,
    /// Whose standby was said not to be ready any more.
    unready: HashSet<WorldId>,
    losing_since: HashMap<WorldId, Timestamp>,
    alarms: BTreeMap<WorldId, ToldAlarm>,
}

/// An alarm as it was told last.
struct ToldAlarm {
    alarm: Alarm,
    at: Timestamp,
    /// How often it was told.
    times: u32,
}

impl ToldAlarm {
    /// Whether it is time to tell of an alarm again. The first numbers are those of a moment in
    /// which few clients have noticed, so the next ones follow soon, and then seldom.
    fn is_due(&self, news: News, now: Timestamp) -> bool {
        let pause = if self.times == 1 { ALERT_SETTLE } else { ALERT_REPEAT };
        match news {
            News::Decisive => true,
            News::Numbers => now.since(self.at) >= pause,
            News::Nothing => false,
        }
    }
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
    let is_there = |id: &WorldId| catalog.world(id).is_some();
    told.readiness.retain(|id, _| is_there(id));
    told.unready.retain(|id| is_there(id));
    told.losing_since.retain(|id, _| is_there(id));
    told.alarms.retain(|id, _| is_there(id));
    let mut present = BTreeMap::new();
    for world in catalog.worlds() {
        let readiness = world
            .standby
            .as_ref()
            .and_then(|standby| failover::readiness_of(app, &catalog, &world.id, Some(standby)));
        if let Some(readiness) = &readiness {
            tell_readiness(app, told, world, readiness);
        }
        let mut losing_since = told.losing_since.remove(&world.id);
        let alarm = alarm_of(app, &catalog, world, readiness.as_ref(), &mut losing_since);
        if let Some(since) = losing_since {
            told.losing_since.insert(world.id.clone(), since);
        }
        tell_alarm(app, told, world, alarm.as_ref());
        if let Some(alarm) = alarm {
            present.insert(world.id.clone(), alarm);
        }
    }
    app.alarms.replace(present);
}

fn tell_readiness(app: &App, told: &mut Told, world: &World, readiness: &Readiness) {
    let before = told.readiness.insert(world.id.clone(), readiness.ready);
    if before == Some(readiness.ready) {
        return;
    }
    let failing: Vec<_> = readiness.blocking().map(|check| check.id.as_str()).collect();
    let payload = json!({ "worldId": world.id, "ready": readiness.ready, "failing": failing });
    app.events.publish(EventKind::Readiness, &payload);
    // A standby that was just made was never ready, and one that took over need not be.
    let is_away = app.catalog().override_of(&world.id).is_some();
    let is_lost = before == Some(true) && !is_away && told.unready.insert(world.id.clone());
    let is_back = readiness.ready && told.unready.remove(&world.id);
    if is_lost || is_back {
        alert_of_readiness(app, world, readiness.ready, &failing.join(", "));
    }
}

/// A standby that would not do any more is trouble before there is any.
fn alert_of_readiness(app: &App, world: &World, is_ready: bool, failing: &str) {
    let (state, how) = if is_ready {
        ("resolved", "standby ready again".to_owned())
    } else {
        ("firing", format!("standby NOT ready ({failing})"))
    };
    let message = format!("{}: {how}", world.spec.name);
    tracing::warn!(world.id = %world.id, "{message}");
    let payload = json!({
        "worldId": world.id, "worldName": world.spec.name, "state": state,
        "cause": "standbyNotReady", "message": message,
    });
    app.events.publish(EventKind::Alert, &payload);
}

fn tell_alarm(app: &App, told: &mut Told, world: &World, alarm: Option<&Alarm>) {
    let now = app.now();
    let Some(alarm) = alarm else {
        if told.alarms.remove(&world.id).is_some() {
            tell_end(app, world);
        }
        return;
    };
    let last = told.alarms.get(&world.id);
    if last.is_some_and(|last| !last.is_due(alarm.news_since(&last.alarm), now)) {
        return;
    }
    let times = last.map_or(0, |last| last.times) + 1;
    let message = alarm.message(now);
    tracing::warn!(world.id = %world.id, "{message}");
    let mut payload = alarm.view(now);
    payload["state"] = json!("firing");
    app.events.publish(EventKind::Alert, &payload);
    told.alarms.insert(world.id.clone(), ToldAlarm { alarm: alarm.clone(), at: now, times });
}

fn tell_end(app: &App, world: &World) {
    let catalog = app.catalog();
    let deployment = catalog.current_deployment(&world.id);
    let is_healthy = deployment.is_some_and(|deployment| app.is_healthy(deployment));
    let how = if is_healthy { "out of trouble" } else { "nobody is left in it" };
    let message = format!("{}: {how}", world.spec.name);
    tracing::info!(world.id = %world.id, "{message}");
    let payload = json!({
        "worldId": world.id, "worldName": world.spec.name, "state": "resolved",
        "message": message,
    });
    app.events.publish(EventKind::Alert, &payload);
}
