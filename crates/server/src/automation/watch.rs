//! The watch over the worlds that may fail over by themselves.

use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::{
    AutomationPolicy, FailoverRequest, Situation, Standing, Trigger, may_proceed, standing,
};
use lifeboat_core::ids::WorldId;
use lifeboat_core::live_config::Force;
use lifeboat_core::world::World;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{ACTOR, Obstacle};
use crate::alarms::server_trouble;
use crate::app::{App, stopped};
use crate::events::EventKind;
use crate::failover::{Started, fail_over};
use crate::writer::Actor;

/// How often the worlds are looked at.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// How long a try that failed is not repeated.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// Watches until the control plane stops.
pub(crate) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    while tokio::time::timeout(LOOK_PERIOD, stopped(&mut shutdown)).await.is_err() {
        let enabled: Vec<WorldId> = {
            let state = app.automation.lock();
            let enabled = state.policies.iter().filter(|(_, policy)| policy.enabled);
            enabled.map(|(world, _)| world.clone()).collect()
        };
        for id in enabled {
            let catalog = app.catalog();
            match catalog.world(&id) {
                Some(world) => look(&app, &catalog, world).await,
                None => forget(&app, &id),
            }
        }
    }
}

/// A world that was deleted takes its policy along.
fn forget(app: &App, world: &WorldId) {
    let mut state = app.automation.lock();
    state.policies.remove(world);
    state.seen.remove(world);
}

async fn look(app: &App, catalog: &Catalog, world: &World) {
    let trouble = server_trouble(app, catalog, &world.id).map(|trouble| trouble.text(app.now()));
    {
        let (mut state, now) = (app.automation.lock(), app.now());
        let seen = state.seen.entry(world.id.clone()).or_default();
        match &trouble {
            Some(_) => seen.trouble_since = seen.trouble_since.or(Some(now)),
            None => *seen = super::Seen::default(),
        }
    }
    let Some(trouble) = trouble else { return };
    match standing_of(app, catalog, &world.id) {
        Standing::Counting { at } => announce(app, world, &trouble, at.since(app.now())),
        Standing::Due => act(app, world, &trouble).await,
        Standing::Off
        | Standing::Stopped
        | Standing::Away
        | Standing::Watching
        | Standing::CoolingDown { .. } => {}
    }
}

fn standing_of(app: &App, catalog: &Catalog, world: &WorldId) -> Standing {
    let by_itself = catalog
        .failovers()
        .filter(|record| &record.world_id == world && record.by == ACTOR)
        .map(|record| record.started_at)
        .max();
    let is_away = catalog.is_away(world);
    let state = app.automation.lock();
    let trouble_since = state.seen.get(world).and_then(|seen| seen.trouble_since);
    let situation = Situation { trouble_since, is_away, last_automatic_at: by_itself };
    let policy = state.policies.get(world).copied().unwrap_or_default();
    standing(&policy, state.switch.stopped, &situation, app.now())
}

fn announce(app: &App, world: &World, trouble: &str, left: Duration) {
    {
        let mut state = app.automation.lock();
        let seen = state.seen.entry(world.id.clone()).or_default();
        if std::mem::replace(&mut seen.is_announced, true) {
            return;
        }
    }
    let seconds = left.as_secs_f64().ceil();
    tell(app, world, "counting", format!("{trouble}; fails over by itself in {seconds} s"));
}

fn tell(app: &App, world: &World, state: &str, text: String) {
    let message = format!("{}: {text}", world.spec.name);
    tracing::warn!(world.id = %world.id, automation = state, "{message}");
    let payload = json!({
        "worldId": world.id, "state": "firing", "automation": state, "message": message,
    });
    app.events.publish(EventKind::Alert, &payload);
}

/// Fails the world over if nothing speaks against it. What does is said, and tried and audited,
/// once; it is looked at again until it is gone.
async fn act(app: &App, world: &World, trouble: &str) {
    let request =
        FailoverRequest { reason: format!("by itself: {trouble}"), ..FailoverRequest::default() };
    let blocked = obstacle(app, world, &request).await;
    if !is_to_be_tried(app, &world.id, blocked.as_ref()) {
        return;
    }
    match (blocked, fail_over(app, &actor(), &world.id, &request, Trigger::Api).await) {
        (_, Ok(Started::Began(record))) => {
            tell(app, world, "moved", format!("{trouble}; failed over by itself ({})", record.id));
        }
        (_, Ok(Started::Moving(_) | Started::Planned(_))) => {}
        (Some(Obstacle { text, .. }), Err(_)) => {
            let text = format!("{trouble}; would fail over by itself but is blocked: {text}");
            tell(app, world, "blocked", text);
        }
        (None, Err(refusal)) => {
            if failed(app, &world.id, refusal.code()) {
                let code = refusal.code().as_str();
                tell(app, world, "blocked", format!("{trouble}; could not fail over: {code}"));
            }
        }
    }
}

/// Whether a failover is tried now: when it is blocked by something else than so far, or by nothing
/// and the pause after the last try is over.
fn is_to_be_tried(app: &App, world: &WorldId, blocked: Option<&Obstacle>) -> bool {
    let (mut state, now) = (app.automation.lock(), app.now());
    let seen = state.seen.entry(world.clone()).or_default();
    let Some(blocked) = blocked else { return seen.retry_at.is_none_or(|at| at <= now) };
    seen.retry_at = None;
    let before = seen.blocked.replace(blocked.clone());
    before.is_none_or(|before| before.codes != blocked.codes)
}

/// Notes a try that failed although no rule spoke against it, such as with the store away; says
/// whether that is news.
fn failed(app: &App, world: &WorldId, code: ErrorCode) -> bool {
    let (mut state, now) = (app.automation.lock(), app.now());
    let seen = state.seen.entry(world.clone()).or_default();
    seen.retry_at = Some(now + RETRY_PAUSE);
    let failed = Obstacle::refused(code);
    let codes = failed.codes.clone();
    seen.blocked.replace(failed).is_none_or(|before| before.codes != codes)
}

/// What speaks against a failover now.
async fn obstacle(app: &App, world: &World, request: &FailoverRequest) -> Option<Obstacle> {
    let dry = FailoverRequest { dry_run: true, ..request.clone() };
    match fail_over(app, &actor(), &world.id, &dry, Trigger::Api).await {
        Ok(Started::Planned(record)) if !may_proceed(&record.plan.rules, Force::No) => {
            let rules = &record.plan.rules;
            let said: Vec<_> = rules.iter().map(|rule| rule.message.as_str()).collect();
            let codes = rules.iter().map(|rule| rule.code.clone()).collect();
            Some(Obstacle { codes, text: said.join("; ") })
        }
        Ok(_) => None,
        Err(refusal) => Some(Obstacle::refused(refusal.code())),
    }
}

fn actor() -> Actor {
    Actor { name: ACTOR.to_owned(), ..Actor::system() }
}

/// The policy of a world and where it stands, as the API shows it.
pub(crate) fn view(app: &App, world: &WorldId) -> Value {
    let AutomationPolicy { enabled, grace_seconds, cool_down_seconds } =
        app.automation.policy(world);
    let standing = standing_of(app, &app.catalog(), world);
    let blocked = app.automation.lock().seen.get(world).and_then(|seen| seen.blocked.clone());
    let blocked = blocked.map(|obstacle| obstacle.text);
    let (word, at) = match standing {
        Standing::Off => ("off", None),
        Standing::Stopped => ("stopped", None),
        Standing::Away => ("away", None),
        Standing::Watching => ("watching", None),
        Standing::Counting { at } => ("counting", Some(at)),
        Standing::CoolingDown { until } => ("coolingDown", Some(until)),
        Standing::Due if blocked.is_some() => ("blocked", None),
        Standing::Due => ("due", None),
    };
    let name = app.catalog().world(world).map(|world| world.spec.name.clone());
    json!({
        "worldId": world, "name": name, "enabled": enabled, "graceSeconds": grace_seconds,
        "coolDownSeconds": cool_down_seconds, "standing": word, "at": at,
        "blockedBy": blocked.filter(|_| word == "blocked"),
    })
}

#[cfg(test)]
mod tests;
