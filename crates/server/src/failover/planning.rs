//! A plan with the facts of this moment.

use lifeboat_core::catalog::Catalog;
use lifeboat_core::failover::{
    DrillFacts, FailoverRequest, Kind, MoveFacts, Planned as Plan, Rule, Trigger, may_proceed,
    plan as plan_move, target_of,
};
use lifeboat_core::ids::WorldId;
use lifeboat_core::live_config::Force;
use lifeboat_core::mods::JOINS_PER_SECOND_PER_SERVER_DEFAULT;
use lifeboat_core::route::destination;

use super::facts::side;
use crate::app::App;

/// Which way, and what set it off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) kind: Kind,
    pub(super) trigger: Trigger,
    /// The word for it in the audit log.
    pub(super) action: &'static str,
}

/// A plan, and the world where its people end up.
pub(super) struct Planned {
    /// Where the override leads to.
    pub(super) target: Option<WorldId>,
    /// Where people end up, if the target redirects further.
    pub(super) end: Option<WorldId>,
    /// How many are placed in a second.
    pub(super) rate_per_second: f64,
    /// What speaks against it.
    pub(super) rules: Vec<Rule>,
    /// Whether the target is to be launched or awaited first.
    pub(super) waits_for_target: bool,
}

impl Planned {
    /// Whether it may begin.
    pub(super) fn may_proceed(&self, request: &FailoverRequest) -> bool {
        let force = if request.force { Force::WithReason } else { Force::No };
        may_proceed(&self.rules, force)
    }
}

/// Plans a move of `world`'s people.
pub(super) fn plan(
    app: &App,
    catalog: &Catalog,
    world: &WorldId,
    request: &FailoverRequest,
    Way { kind, trigger, .. }: Way,
) -> Planned {
    let Some(main) = side(app, catalog, world) else { return nowhere() };
    let away_id = match kind {
        Kind::Failback => away_from(catalog, world),
        Kind::Failover | Kind::Rejoin => target_of(kind, request, main.world),
    };
    let target = target_of(kind, request, main.world);
    let now = app.now();
    let (sessions, old_clients, seats_used_at_target) = {
        let desk = app.gateway.desk();
        let used = target.as_ref().map_or(0, |target| desk.crowd(target).seats_used);
        (desk.present_for(kind, world, now), desk.old_clients_of(world), used)
    };
    let facts = MoveFacts {
        catalog,
        main,
        away: away_id.as_ref().and_then(|id| side(app, catalog, id)),
        sessions,
        old_clients,
        seats_used_at_target,
        // A drill does not measure by what the last one found.
        last_drill: away_id
            .as_ref()
            .filter(|_| trigger != Trigger::Drill)
            .and_then(|away| drill_of(catalog, world, away)),
    };
    let mut plan = plan_move(kind, request, &facts, now);
    if let (Trigger::Drill, Some(asked)) = (trigger, request.max_rejoins_per_second) {
        // A drill may try more than the target is said to take.
        plan.rate_per_second = asked;
    }
    with_end(catalog, world, kind, plan)
}

/// The world that people are in who asked for `world`: where its override leads, or led to last.
fn away_from(catalog: &Catalog, world: &WorldId) -> Option<WorldId> {
    let target = catalog.override_of(world).map(|target| target.world);
    target.or_else(|| Some(catalog.latest_failover(world)?.target_world_id.clone()))
}

/// What the last drill of a pair found.
fn drill_of(catalog: &Catalog, main: &WorldId, standby: &WorldId) -> Option<DrillFacts> {
    let drill = catalog.last_drill(main, standby)?;
    Some(DrillFacts {
        at: drill.finished_at?,
        joins_per_second: drill.joins_per_second.unwrap_or_default(),
    })
}

fn with_end(catalog: &Catalog, world: &WorldId, kind: Kind, plan: Plan) -> Planned {
    let end = match kind {
        Kind::Failback | Kind::Rejoin => Some(world.clone()),
        Kind::Failover => plan.target.as_ref().map(|target| {
            destination(catalog, target).map_or_else(|_| target.clone(), |end| end.id.clone())
        }),
    };
    Planned {
        target: plan.target,
        end,
        rate_per_second: plan.rate_per_second,
        rules: plan.rules,
        waits_for_target: plan.waits_for_target,
    }
}

fn nowhere() -> Planned {
    Planned {
        target: None,
        end: None,
        rate_per_second: JOINS_PER_SECOND_PER_SERVER_DEFAULT,
        rules: Vec::new(),
        waits_for_target: false,
    }
}
