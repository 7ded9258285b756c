//! Whether the standby runs, and runs well.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Check, CheckId, Pair, Side};
use crate::deployment::Deployment;
use crate::ids::LaunchContextId;
use crate::phase::Phase;

/// A drill older than this proves little of what runs today.
const DRILL_AGE_MAX: Duration = Duration::from_hours(7 * 24);

pub(super) fn checks(pair: &Pair<'_>) -> Vec<Check> {
    vec![launch_context(pair), active(pair), healthy(pair), drill(pair)]
}

fn phase(side: &Side<'_>) -> Phase {
    side.deployment.map_or(Phase::Inactive, |deployment| deployment.phase)
}

/// Clients launch with the launch context of what runs, so only a standing deployment's counts.
fn launch_context(pair: &Pair<'_>) -> Check {
    let known = |side: &Side<'_>| {
        let context = side.standing().and_then(|deployment| deployment.launch_context.as_ref());
        context.map_or(Value::Null, |id: &LaunchContextId| id.as_str().into())
    };
    let is_asked_for = [&pair.main, &pair.standby]
        .iter()
        .any(|side| side.build().base_version.needs_launch_context());
    let (main, standby) = (known(&pair.main), known(&pair.standby));
    let ok = !is_asked_for || !standby.is_null();
    let message = match (is_asked_for, ok) {
        (false, _) => "clients of these base versions need no launch context",
        (true, true) => "the launch context of the standby is known",
        (true, false) => {
            "clients of this base version need a launch context, and the standby's deployment has \
             none"
        }
    };
    let id = &pair.standby.world.id;
    let verb = if pair.standby.standing().is_some() { "restart" } else { "launch" };
    Check::new(CheckId::LaunchContextKnown, ok, main, standby)
        .saying(message)
        .remedied(format!("lifeboat world {verb} {id}"))
}

fn active(pair: &Pair<'_>) -> Check {
    let (main, standby) = (phase(&pair.main), phase(&pair.standby));
    let ok = pair.standby.is_active();
    let id = &pair.standby.world.id;
    let (message, remedy) = match standby {
        Phase::Active if ok => ("the standby takes people", String::new()),
        Phase::Inactive => ("the standby does not run", format!("lifeboat world launch {id}")),
        Phase::Error => ("the standby is in Error", format!("lifeboat world restart {id}")),
        Phase::Stopping => ("the standby is being stopped", format!("lifeboat world launch {id}")),
        Phase::Starting | Phase::Active => {
            ("the standby is starting", format!("lifeboat world show {id}"))
        }
    };
    Check::new(CheckId::DeploymentActive, ok, format!("{main:?}"), format!("{standby:?}"))
        .saying(message)
        .remedied(remedy)
}

fn healthy(pair: &Pair<'_>) -> Check {
    let servers = |side: &Side<'_>| {
        let ready = side.deployment.map_or(0, |deployment| deployment.ready_servers().count());
        let wanted = side.standing().map_or(0, |deployment: &Deployment| deployment.servers_wanted);
        json!({ "ready": ready, "hung": side.hung_servers, "wanted": wanted })
    };
    let ok = pair.standby.is_healthy();
    let id = &pair.standby.world.id;
    let message = match (ok, pair.standby.hung_servers) {
        (true, _) => "no server of the standby is missing or hangs".to_owned(),
        (false, 0) => "servers of the standby are missing".to_owned(),
        (false, hung) => format!("servers of the standby hang: {hung}"),
    };
    Check::new(CheckId::DeploymentHealthy, ok, servers(&pair.main), servers(&pair.standby))
        .saying(message)
        .remedied(format!("lifeboat world logs {id} && lifeboat world restart {id}"))
}

fn drill(pair: &Pair<'_>) -> Check {
    let last = pair.facts.last_drill_at;
    let age = last.map(|at| pair.now.since(at));
    let ok = age.is_some_and(|age| age <= DRILL_AGE_MAX);
    let message = match age {
        None => "the pair was never drilled".to_owned(),
        Some(age) => format!("the last drill was {} hours ago", age.as_secs() / 3600),
    };
    let at = last.map_or(Value::Null, |at| at.to_string().into());
    Check::new(CheckId::DrillAge, ok, Value::Null, at)
        .saying(message)
        .remedied(format!("lifeboat drill run {} --clients 50", pair.main.world.id))
}
