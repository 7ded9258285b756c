//! What operators order: the one-step failover and failback, and live config edited by hand. The
//! rules and plans are the real ones; what the server does around them is done here as it does.

use std::sync::Arc;

use lifeboat_core::catalog::{Catalog, CatalogChange, LiveEntry};
use lifeboat_core::failover::{
    Begun, Edit, FailoverRecord, FailoverRequest, Kind, Mode, MoveFacts, MovePhase, NewRecord,
    Trigger, may_proceed, plan, target_of,
};
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::live_config::{
    Audience, Counter, DeploymentFacts, Force, LiveConfig, OverrideFacts, SaveStep, WorldFacts,
    check_override,
};
use lifeboat_core::problem::FieldProblem;
use lifeboat_core::readiness::Side;
use lifeboat_core::route::destination;
use serde_json::json;

use super::Simulation;
use crate::scenario::Command;
use crate::setup::world_id;

/// What the rules about an override's target have to know.
struct Facts<'a>(&'a Catalog);

impl OverrideFacts for Facts<'_> {
    fn world(&self, id: &WorldId) -> Option<WorldFacts> {
        let world = self.0.world(id)?;
        let active = self.0.current_deployment(id).filter(|one| one.takes_people());
        Some(WorldFacts {
            base_version: world.spec.build.base_version,
            active_deployment: active.map(|one| one.id.clone()),
            is_healthy: active.is_some(),
            target: self.0.override_of(id),
        })
    }

    fn deployment(&self, id: &lifeboat_core::ids::DeploymentId) -> Option<DeploymentFacts> {
        let deployment = self.0.deployment(id)?;
        Some(DeploymentFacts {
            world: deployment.world.clone(),
            is_active: deployment.takes_people(),
            launch_context: deployment.launch_context.clone(),
        })
    }

    fn is_ready_to_stand_in(&self, _: &WorldId, _: &WorldId) -> bool {
        true
    }

    fn overwritten_by(&self, _: &WorldId, _: SaveStep<'_>) -> Option<WorldId> {
        None
    }
}

impl Simulation {
    pub(super) fn order(&mut self, command: Command) {
        if self.node.desk.is_none() {
            return;
        }
        self.catch_up();
        self.note(format_args!("operator: {command:?}"));
        match command {
            Command::FailOver { world, mode, rate, force } => {
                let request = request(mode, rate, force);
                self.begin(&world_id(world), &request, Kind::Failover);
            }
            Command::FailBack { world, force } => {
                let request = request(Mode::Emergency, None, force);
                self.begin(&world_id(world), &request, Kind::Failback);
            }
            Command::Override { world, to } => {
                let to = to.map(|to| world_id(to).to_string()).unwrap_or_default();
                let patch = json!({ "game": { "Failover": { "OverrideWorldId": to } } });
                let rules = Arc::clone(&self.rules);
                self.edit(&world_id(world), |current| {
                    rules.patch(current, &patch, Audience::Support)
                });
            }
            Command::RaiseAllClients(world) => self.raise(world, Counter::AllClients),
            Command::RaiseRedirected(world) => self.raise(world, Counter::Redirected),
            Command::Hold => self.steer(|record| match record.phase {
                MovePhase::Moving => Some(FailoverRecord { phase: MovePhase::Held, ..record }),
                _ => None,
            }),
            Command::Resume => self.steer(|record| match record.phase {
                MovePhase::Held => Some(FailoverRecord { phase: MovePhase::Moving, ..record }),
                _ => None,
            }),
            Command::Nudge => self.steer(|record| match record.phase {
                MovePhase::Moving => Some(FailoverRecord { nudges: record.nudges + 1, ..record }),
                _ => None,
            }),
            Command::Retune(rate) => self.steer(|mut record| {
                record.plan.rate_per_second = rate;
                record.phase.is_open().then_some(record)
            }),
        }
    }

    fn raise(&mut self, world: &str, counter: Counter) {
        let rules = Arc::clone(&self.rules);
        self.edit(&world_id(world), |current| rules.increment(current, counter.pointer()));
    }

    /// Changes the records that are open.
    fn steer(&mut self, change: impl Fn(FailoverRecord) -> Option<FailoverRecord>) {
        let changed: Vec<_> = self
            .store
            .failovers()
            .filter_map(|record| change(record.clone()).filter(|next| next != record))
            .collect();
        for record in changed {
            self.commit(vec![CatalogChange::Failover(record.id.clone(), Some(record))]);
        }
    }

    /// The one-step request: overrides, counter and record in one commit.
    fn begin(&mut self, world: &WorldId, request: &FailoverRequest, kind: Kind) {
        let Some(desk) = &self.node.desk else { return };
        let catalog = Arc::clone(desk.catalog());
        let is_home = catalog.override_of(world).is_none();
        let open = catalog.open_failover(world);
        if kind == Kind::Failback && is_home && open.is_none_or(|one| one.kind != kind) {
            return;
        }
        if open.is_some_and(|one| one.kind == kind) {
            // The same is moving already, or another target is refused.
            return;
        }
        let planned = self.planned(&catalog, world, request, kind);
        let Some((planned, end)) = planned else { return };
        let force = if request.force { Force::WithReason } else { Force::No };
        if !may_proceed(&planned.rules, force) {
            let codes: Vec<_> = planned.rules.iter().map(|rule| rule.code.clone()).collect();
            return self.note(format_args!("node: blocked by {codes:?}"));
        }
        let before = self.store.live(world).clone();
        let next = kind.redirect(&self.rules, &before.config, planned.target.as_ref());
        let Ok(next) = next else { return };
        let checked = check_override(world, &before.config, &next, &Facts(&catalog));
        if checked.refusals(Force::WithReason).next().is_some() {
            return;
        }
        let counter = kind.counter().read(&next);
        let begun = Begun { kind, target: end, counter };
        let rate = planned.rate_per_second;
        let new = NewRecord::new(world.clone(), begun, Trigger::Api, rate);
        let mut records = kind.overtakes(&catalog, world, self.now);
        records.push(self.record(NewRecord { mode: request.mode, ..new }, 0));
        self.save(world, next, records);
    }

    fn planned(
        &self,
        catalog: &Catalog,
        world: &WorldId,
        request: &FailoverRequest,
        kind: Kind,
    ) -> Option<(lifeboat_core::failover::Planned, WorldId)> {
        let desk = self.node.desk.as_ref()?;
        let side = |id: &WorldId| self.side(catalog, id);
        let main = catalog.world(world)?;
        let target = target_of(kind, request, main);
        let away = match kind {
            Kind::Failback => catalog.override_of(world).map(|target| target.world),
            Kind::Failover | Kind::Rejoin => target.clone(),
        };
        let away_world = away.as_ref().and_then(|id| catalog.world(id));
        let facts = MoveFacts {
            catalog,
            main: side_of(main, side(world)),
            away: away_world.map(|away| side_of(away, side(&away.id))),
            sessions: desk.present_for(kind, world, self.now),
            old_clients: desk.old_clients_of(world),
            seats_used_at_target: target.as_ref().map_or(0, |to| desk.crowd(to).seats_used),
            last_drill: None,
        };
        let planned = plan(kind, request, &facts, self.now);
        let end = match (kind, &planned.target) {
            (Kind::Failover, Some(to)) => {
                destination(catalog, to).map_or_else(|_| to.clone(), |end| end.id.clone())
            }
            _ => world.clone(),
        };
        Some((planned, end))
    }

    fn side<'a>(&'a self, catalog: &'a Catalog, id: &WorldId) -> SideParts<'a> {
        SideParts {
            deployment: catalog.current_deployment(id).map(|one| &**one),
            live: catalog.live(id).map(|one| &**one),
            rules: &self.rules,
        }
    }

    /// A save by hand, with the records that it opens, changes or closes.
    fn edit(
        &mut self,
        world: &WorldId,
        edit: impl Fn(&LiveConfig) -> Result<LiveConfig, Vec<FieldProblem>>,
    ) {
        let Some(desk) = &self.node.desk else { return };
        let catalog = Arc::clone(desk.catalog());
        let before = self.store.live(world).clone();
        let Ok(next) = edit(&before.config) else { return };
        if next == before.config {
            return;
        }
        let checked = check_override(world, &before.config, &next, &Facts(&catalog));
        if checked.refusals(Force::WithReason).next().is_some() {
            return self.note(format_args!("node: refused: {:?}", checked.problems));
        }
        let after = LiveEntry::new(0, self.now, "operator".to_owned(), next.clone());
        let edit = Edit { catalog: &catalog, world, before: &before.game, after: &after.game };
        let follows = edit.consequences(self.now);
        let begun = follows.begun.into_iter().enumerate().map(|(place, begun)| {
            let rate = catalog.joins_per_second(&begun.target);
            self.record(NewRecord::new(world.clone(), begun, Trigger::LiveConfig, rate), place)
        });
        let records = follows.changed.into_iter().chain(begun).collect();
        self.save(world, next, records);
    }

    /// A record that begins now, after `others` of the same commit.
    fn record(&self, new: NewRecord, others: usize) -> FailoverRecord {
        let number = self.store.failovers().count() + others;
        new.begin(FailoverId::from_unique(&format!("{number:04}")), self.now)
    }

    fn save(&mut self, world: &WorldId, next: LiveConfig, records: Vec<FailoverRecord>) {
        let live = LiveEntry::new(0, self.now, "operator".to_owned(), next);
        let live = CatalogChange::Live(world.clone(), Some(live));
        let records = records
            .into_iter()
            .map(|record| CatalogChange::Failover(record.id.clone(), Some(record)));
        let changes = std::iter::once(live).chain(records).collect();
        self.commit(changes);
    }
}

/// The parts of one side of a pair, but for the world.
struct SideParts<'a> {
    deployment: Option<&'a lifeboat_core::deployment::Deployment>,
    live: Option<&'a LiveEntry>,
    rules: &'a lifeboat_core::live_config::ConfigRules,
}

fn side_of<'a>(world: &'a lifeboat_core::world::World, parts: SideParts<'a>) -> Side<'a> {
    Side {
        world,
        deployment: parts.deployment,
        live: parts.live,
        rules: Some(parts.rules),
        hung_servers: 0,
    }
}

fn request(mode: Mode, rate: Option<f64>, force: bool) -> FailoverRequest {
    FailoverRequest {
        mode,
        max_rejoins_per_second: rate,
        force,
        reason: "simulated".to_owned(),
        ..FailoverRequest::default()
    }
}
