//! The rules of a move: each says what does not hold, both values, the remedy, and whether an
//! operator may insist.

use serde_json::Value;

use super::MoveFacts;
use crate::failover::{FailoverRecord, FailoverRequest, Kind, Rule, Trigger};
use crate::ids::{FailoverId, WorldId};
use crate::limits::{FAILOVER_COOL_DOWN, OVERRIDE_HOPS_MAX};
use crate::phase::Phase;
use crate::readiness::{self, Check, CheckId, PairFacts, Severity, Side};
use crate::time::Timestamp;

/// What was found about a move.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rules: Vec<Rule>,
    pub(super) warnings: Vec<Rule>,
    pub(super) waits_for_target: bool,
    pub(super) same_as: Option<FailoverId>,
}

/// Whether `force` with a reason overrides a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MayForce {
    Yes,
    No,
}

fn rule(code: &str, may_force: MayForce, message: String, remedy: String) -> Rule {
    Rule {
        code: code.to_owned(),
        message,
        main: Value::Null,
        standby: Value::Null,
        remedy,
        may_force: may_force == MayForce::Yes,
    }
}

/// A check that does not hold, as a rule.
fn from_check(code: &str, may_force: MayForce, check: &Check) -> Rule {
    Rule {
        main: check.main.clone(),
        standby: check.standby.clone(),
        ..rule(code, may_force, check.message.clone(), check.remedy.clone())
    }
}

/// Everything that speaks against a move. `target` is where people would go, if it exists.
pub(super) fn judge(
    kind: Kind,
    request: &FailoverRequest,
    facts: &MoveFacts<'_>,
    target: Option<&Side<'_>>,
    now: Timestamp,
) -> Found {
    let mut found = Found::default();
    match kind {
        Kind::Failover => failover(request, facts, target, now, &mut found),
        Kind::Failback => failback(facts, now, &mut found),
        Kind::Rejoin => found.rules.extend(main_not_fit(&facts.main)),
    }
    found
}

fn failover(
    request: &FailoverRequest,
    facts: &MoveFacts<'_>,
    target: Option<&Side<'_>>,
    now: Timestamp,
    found: &mut Found,
) {
    let main = &facts.main.world.id;
    if request.target_world_id.as_ref() == Some(main) {
        found.rules.push(rule(
            "target_is_main",
            MayForce::No,
            format!("{main} cannot stand in for itself"),
            format!("lifeboat failover run {main}"),
        ));
        return;
    }
    let Some(target) = target else {
        return found.rules.push(target_missing(request, facts));
    };
    found.rules.extend(leads_on(facts, &target.world.id));
    moves_under_way(facts, &target.world.id, now, found);
    let compared = compare(facts, &facts.main, target, now);
    compared.iter().for_each(|check| judge_check(check, found));
    if facts.old_clients > 0 {
        old_clients(facts, target, found);
    }
    if request.wait_for_target {
        wait_for(target, found);
    }
    if facts.main.is_active() && facts.main.is_healthy() {
        found.warnings.push(rule(
            "main_healthy",
            MayForce::Yes,
            "the main world is healthy, and everyone would leave it".to_owned(),
            format!("lifeboat world show {main}"),
        ));
    }
}

fn target_missing(request: &FailoverRequest, facts: &MoveFacts<'_>) -> Rule {
    let main = facts.main.world;
    let stands_in_for = main.standby_for.as_ref().and_then(|other| facts.catalog.world(other));
    let (message, remedy) = match (&request.target_world_id, stands_in_for) {
        (Some(target), _) => {
            (format!("there is no world {target}"), "lifeboat world list".to_owned())
        }
        (None, Some(other)) => {
            (readiness::is_standby_of(other), format!("lifeboat failover run {}", other.id))
        }
        (None, None) => (
            "the world has no standby, and no target was given".to_owned(),
            format!("lifeboat standby create {}", main.id),
        ),
    };
    rule("target_missing", MayForce::No, message, remedy)
}

/// The checks of the comparison that do not hold and are more than information.
fn compare(facts: &MoveFacts<'_>, from: &Side<'_>, to: &Side<'_>, now: Timestamp) -> Vec<Check> {
    let pair = PairFacts {
        main: *from,
        standby: Some(*to),
        stands_in_for: None,
        connected_in_main: facts.sessions,
        seats_used_at_standby: facts.seats_used_at_target,
        last_drill_at: facts.last_drill.map(|drill| drill.at),
    };
    let checks = readiness::check(&pair, now).checks.into_iter();
    checks.filter(|check| !check.ok && check.severity != Severity::Info).collect()
}

/// A check that blocks is a rule, and one that warns a warning. Those with a meaning of their own
/// in a move have a code of their own.
fn judge_check(check: &Check, found: &mut Found) {
    if check.severity == Severity::Warn {
        let warning = from_check(check.id.as_str(), MayForce::Yes, check);
        return found.warnings.push(warning);
    }
    let (code, may_force) = match check.id {
        CheckId::DeploymentActive => ("target_not_active", MayForce::Yes),
        CheckId::DeploymentHealthy => ("target_not_healthy", MayForce::Yes),
        CheckId::CapacitySeats => ("seats", MayForce::Yes),
        // Forced or not, the join would refuse every old client.
        CheckId::LaunchContextKnown => (LAUNCH_CONTEXT_REQUIRED, MayForce::No),
        other => (other.as_str(), MayForce::Yes),
    };
    found.rules.push(from_check(code, may_force, check));
}

const LAUNCH_CONTEXT_REQUIRED: &str = "launch_context_required";

/// Old clients may be connected although neither world's base version says so.
fn old_clients(facts: &MoveFacts<'_>, target: &Side<'_>, found: &mut Found) {
    let is_known = target.standing().is_some_and(|one| one.launch_context.is_some());
    if is_known || found.rules.iter().any(|rule| rule.code == LAUNCH_CONTEXT_REQUIRED) {
        return;
    }
    let message = format!(
        "{} connected clients need a launch context, and the target's deployment has none",
        facts.old_clients
    );
    let verb = if target.standing().is_some() { "restart" } else { "launch" };
    let remedy = format!("lifeboat world {verb} {}", target.world.id);
    found.rules.push(rule(LAUNCH_CONTEXT_REQUIRED, MayForce::No, message, remedy));
}

/// A target that sleeps or starts is waited for: what its launch will bring stops nothing.
fn wait_for(target: &Side<'_>, found: &mut Found) {
    let phase = target.deployment.map_or(Phase::Inactive, |deployment| deployment.phase);
    let is_coming = |rule: &Rule| match rule.code.as_str() {
        LAUNCH_CONTEXT_REQUIRED => phase == Phase::Inactive,
        "target_not_active" | "target_not_healthy" => {
            matches!(phase, Phase::Inactive | Phase::Starting)
        }
        _ => false,
    };
    let (coming, rules): (Vec<_>, Vec<_>) = found.rules.drain(..).partition(is_coming);
    found.waits_for_target = coming.iter().any(|rule| rule.code == "target_not_active");
    found.warnings.extend(coming);
    found.rules = rules;
}

/// Whether the target sends its own joiners on: back to main, in a circle, or to a third world.
fn leads_on(facts: &MoveFacts<'_>, target: &WorldId) -> Option<Rule> {
    let main = &facts.main.world.id;
    let first = facts.catalog.override_of(target)?.world;
    let remedy = |world: &WorldId| format!("lifeboat failback {world}");
    let cycle = |way: &[WorldId]| {
        let way: Vec<_> = way.iter().map(WorldId::as_str).collect();
        rule(
            "override_cycle",
            MayForce::No,
            format!("following the overrides never ends: {}", way.join(" → ")),
            remedy(target),
        )
    };
    let mut way = vec![main.clone(), target.clone()];
    let mut next = Some(first.clone());
    while let Some(at) = next {
        let is_seen = way.contains(&at);
        way.push(at.clone());
        if is_seen || way.len() > OVERRIDE_HOPS_MAX + 1 {
            return Some(cycle(&way));
        }
        next = facts.catalog.override_of(&at).map(|target| target.world);
    }
    let message = format!("{target} is failed over itself and sends everyone on to {first}");
    let remedy = format!("lifeboat failover run {main} --to {first}");
    Some(rule("target_redirects", MayForce::Yes, message, remedy))
}

/// Failovers of the main world that are under way or were a moment ago. Drills do not count: a
/// real failover goes before them.
fn moves_under_way(facts: &MoveFacts<'_>, target: &WorldId, now: Timestamp, found: &mut Found) {
    let main = &facts.main.world.id;
    let is_real = |one: &&FailoverRecord| {
        &one.world_id == main && one.kind == Kind::Failover && one.trigger != Trigger::Drill
    };
    let records = || facts.catalog.failovers().map(|record| &**record).filter(is_real);
    let open = || records().filter(|record| record.phase.is_open());
    if let Some(same) = open().find(|record| &record.target_world_id == target) {
        found.same_as = Some(same.id.clone());
        return;
    }
    if let Some(other) = open().next() {
        let message = format!("{} moves people to {}", other.id, other.target_world_id);
        let remedy = format!("lifeboat failover undo {}", other.id);
        found.rules.push(rule("failover_in_progress", MayForce::No, message, remedy));
    }
    let latest = records().max_by_key(|record| record.started_at);
    let cooled_at = latest.map(|record| record.started_at + FAILOVER_COOL_DOWN);
    if let Some(at) = cooled_at.filter(|at| now < *at) {
        let seconds = at.since(now).as_millis().div_ceil(1_000);
        let message = format!("the last failover was a moment ago: wait {seconds} s");
        let remedy = format!("lifeboat failover list {main}");
        found.rules.push(rule("cool_down", MayForce::Yes, message, remedy));
    }
}

/// Home again. The worlds need not match any more, so the comparison only warns. People may be away
/// although no override stands: it was cleared by hand, and nobody was called home.
fn failback(facts: &MoveFacts<'_>, now: Timestamp, found: &mut Found) {
    let main = &facts.main.world.id;
    if facts.catalog.override_of(main).is_none() && facts.sessions == 0 {
        found.rules.push(rule(
            "not_failed_over",
            MayForce::No,
            format!("no override of {main} is set, and nobody who asked for it is elsewhere"),
            format!("lifeboat failover list {main}"),
        ));
        return;
    }
    found.rules.extend(main_not_fit(&facts.main));
    let Some(away) = &facts.away else { return };
    for check in compare(facts, away, &facts.main, now) {
        match check.id {
            // Of main, these are judged by rules of their own.
            CheckId::DeploymentActive | CheckId::DeploymentHealthy => {}
            CheckId::CapacitySeats | CheckId::LaunchContextKnown => judge_check(&check, found),
            id => found.warnings.push(from_check(id.as_str(), MayForce::Yes, &check)),
        }
    }
}

/// Why people cannot go to the main world, if they cannot.
fn main_not_fit(main: &Side<'_>) -> Option<Rule> {
    let id = &main.world.id;
    let phase = main.deployment.map_or(Phase::Inactive, |deployment| deployment.phase);
    if !main.is_active() {
        let remedy = match main.standing() {
            Some(_) => format!("lifeboat world restart {id}"),
            None => format!("lifeboat world launch {id} --failover keep"),
        };
        let message = format!("the main world is {phase:?}: nobody can be placed in it");
        let rule = rule("main_not_active", MayForce::No, message, remedy);
        return Some(Rule { main: format!("{phase:?}").into(), ..rule });
    }
    (!main.is_healthy()).then(|| {
        rule(
            "main_not_healthy",
            MayForce::Yes,
            "servers of the main world are missing or hang".to_owned(),
            format!("lifeboat world logs {id}"),
        )
    })
}
