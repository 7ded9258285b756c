//! What a commit of live config means for the failovers of its world: the guide's two steps by
//! hand, and the same two in one.

use std::sync::Arc;

use serde_json::json;

use super::{FailoverRecord, Kind, MovePhase, Trigger};
use crate::catalog::{Catalog, newest};
use crate::ids::WorldId;
use crate::live_config::{Audience, ConfigRules, Counter, GameConfig, LiveConfig};
use crate::problem::FieldProblem;
use crate::route::destination;
use crate::time::Timestamp;

/// A save of a world's live config.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// Everything else, as the save looked at it.
    pub catalog: &'a Catalog,
    /// The world.
    pub world: &'a WorldId,
    /// What was there.
    pub before: &'a GameConfig,
    /// What is there now.
    pub after: &'a GameConfig,
}

/// A failover that an edit begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Which way people move.
    pub kind: Kind,
    /// Where they go.
    pub target: WorldId,
    /// The counter, as it was raised.
    pub counter: u64,
}

/// What follows from an edit.
#[derive(Debug, Clone, PartialEq)]
pub struct Consequences {
    /// Records that go on otherwise, or end.
    pub changed: Vec<FailoverRecord>,
    /// What begins.
    pub begun: Vec<Begun>,
}

impl Edit<'_> {
    /// The failovers that a save by hand begins, changes or ends. A further raise while one moves
    /// belongs to that one, unless it leads elsewhere; a rehearsal and a way home end for it. The
    /// two steps may come in either order: an override that is set after the raise takes those who
    /// still move with it.
    #[must_use]
    pub fn consequences(&self, now: Timestamp) -> Consequences {
        let (before, after) = (self.before.force_disconnect, self.after.force_disconnect);
        let is_raised = after.all_clients > before.all_clients;
        let open = || self.catalog.open_failovers_of(self.world);
        let mut follows = Consequences { changed: Vec::new(), begun: Vec::new() };
        if is_raised {
            self.all_leave(now, &mut follows);
        } else if self.is_cleared() {
            let moving = open().filter(|record| record.kind == Kind::Failover);
            follows.changed.extend(moving.map(|record| record.cancelled(now)));
        } else {
            follows.changed.extend(open().filter_map(|record| self.led_elsewhere(record)));
        }
        // A way home that was under way ends with the raise, so another one begins.
        let is_coming_home = !is_raised && open().any(|record| record.kind == Kind::Failback);
        if after.redirected > before.redirected && !is_coming_home {
            let target = self.end().unwrap_or_else(|| self.world.clone());
            let counter = after.redirected;
            follows.begun.push(Begun { kind: Kind::Failback, target, counter });
            if !self.after.failover.is_set() {
                follows.changed.extend(brought_home(self.catalog, self.world));
            }
        }
        self.pace_anew(&mut follows);
        follows
    }

    /// The moves into this world go as fast as it takes people now, and no faster than planned. A
    /// rehearsal tries a rate of its own.
    fn pace_anew(&self, follows: &mut Consequences) {
        let (before, after) = (self.before.admission, self.after.admission);
        if before == after {
            return;
        }
        let per_second = self.catalog.joins_per_second_with(self.world, Some(after));
        let is_paced = |record: &FailoverRecord| {
            let is_into = &record.target_world_id == self.world;
            is_into && record.phase.is_open() && record.trigger != Trigger::Drill
        };
        for record in self.catalog.failovers().filter(|record| is_paced(record)) {
            match follows.changed.iter_mut().find(|one| one.id == record.id) {
                Some(changed) if is_paced(changed) => {
                    *changed = changed.at_pace_of_target(per_second);
                }
                Some(_) => {}
                None => follows.changed.push(record.at_pace_of_target(per_second)),
            }
        }
    }

    fn is_cleared(&self) -> bool {
        self.before.failover.is_set() && !self.after.failover.is_set()
    }

    /// Where the override leads now.
    fn end(&self) -> Option<WorldId> {
        let target = self.after.failover.target()?;
        destination(self.catalog, &target.world).ok().map(|end| end.id.clone())
    }

    /// Everyone leaves: to where the override leads, or into the world again where there is none.
    /// Whatever else moves the world's people ends for it.
    fn all_leave(&self, now: Timestamp, follows: &mut Consequences) {
        let counter = self.after.force_disconnect.all_clients;
        let (kind, target) = match self.end() {
            Some(end) => (Kind::Failover, end),
            None => (Kind::Rejoin, self.world.clone()),
        };
        let is_same = |record: &&Arc<FailoverRecord>| {
            let is_real = record.trigger != Trigger::Drill;
            is_real && record.kind == kind && record.target_world_id == target
        };
        let open = || self.catalog.open_failovers_of(self.world);
        let same = newest(open().filter(is_same));
        let others = open().filter(|one| same.is_none_or(|same| same.id != one.id));
        follows.changed.extend(others.map(|record| record.cancelled(now)));
        match same {
            Some(same) => follows.changed.push(FailoverRecord { counter, ..(**same).clone() }),
            None => follows.begun.push(Begun { kind, target, counter }),
        }
    }

    /// A record whose people go elsewhere from now on, since another override was set.
    fn led_elsewhere(&self, record: &FailoverRecord) -> Option<FailoverRecord> {
        let is_other = self.before.failover.target() != self.after.failover.target();
        let moves_away = record.kind != Kind::Failback && record.trigger != Trigger::Drill;
        let target = self.end().filter(|end| *end != record.target_world_id)?;
        (is_other && moves_away).then(|| {
            let deployment = self.catalog.current_deployment(&target);
            FailoverRecord {
                kind: Kind::Failover,
                target_deployment_id: deployment.map(|one| one.id.clone()),
                target_world_id: target.clone(),
                ..record.at_pace(self.catalog.joins_per_second(&target))
            }
        })
    }
}

impl Kind {
    /// The counter that it raises.
    #[must_use]
    pub const fn counter(self) -> Counter {
        match self {
            Self::Failback => Counter::Redirected,
            Self::Failover | Self::Rejoin => Counter::AllClients,
        }
    }

    /// The two steps in one: the override to `target`, none for the way home, and the counter.
    ///
    /// # Errors
    /// When the values do not go with the rules.
    pub fn redirect(
        self,
        rules: &ConfigRules,
        current: &LiveConfig,
        target: Option<&WorldId>,
    ) -> Result<LiveConfig, Vec<FieldProblem>> {
        let target = match self {
            Self::Failback => None,
            Self::Failover | Self::Rejoin => target,
        };
        // No deployment is pinned: the target's active one is meant, also after a restart of it.
        let patch = json!({ "game": { "Failover": {
            "OverrideWorldId": target.map_or("", WorldId::as_str),
            "OverrideDeploymentId": "",
            "OverrideLaunchContextId": "",
        } } });
        let redirected = rules.patch(current, &patch, Audience::Support)?;
        rules.increment(&redirected, self.counter().pointer())
    }

    /// The records of a world that end when one of this kind begins.
    #[must_use]
    pub fn overtakes(
        self,
        catalog: &Catalog,
        world: &WorldId,
        now: Timestamp,
    ) -> Vec<FailoverRecord> {
        let ended = catalog.open_failovers_of(world).map(|record| record.cancelled(now));
        let undone = brought_home(catalog, world).filter(|_| self == Self::Failback);
        ended.chain(undone).collect()
    }
}

/// The failover whose people are brought home, as far as it was complete.
fn brought_home(catalog: &Catalog, world: &WorldId) -> Option<FailoverRecord> {
    let latest = catalog.latest_failover(world)?;
    matches!(latest.phase, MovePhase::Complete | MovePhase::CompleteWithStragglers)
        .then(|| FailoverRecord { phase: MovePhase::FailedBack, ..(**latest).clone() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::catalog::CatalogChange;
    use crate::failover::NewRecord;
    use crate::ids::FailoverId;
    use crate::readiness::tests::fixture::{NOW, Pair, rules};

    fn id(text: &str) -> WorldId {
        text.parse().unwrap()
    }

    /// Live config of the main world with these values.
    fn game(target: &str, all_clients: u64, redirected: u64) -> GameConfig {
        let mut side = Pair::matching().main;
        let values: [(&str, &str, Value); 3] = [
            ("Failover", "OverrideWorldId", target.into()),
            ("ForceDisconnect", "AllClients", all_clients.into()),
            ("ForceDisconnect", "Redirected", redirected.into()),
        ];
        for (section, key, value) in values {
            side.set("game", section, key, value);
        }
        side.live.game.clone()
    }

    fn record(kind: Kind, trigger: Trigger, phase: MovePhase) -> FailoverRecord {
        let begun = Begun { kind, target: id("wld_standby"), counter: 1 };
        let new = NewRecord::new(id("wld_main"), begun, trigger, 50.0);
        FailoverRecord { phase, ..new.begin(FailoverId::from_unique("1"), NOW) }
    }

    fn catalog(records: impl IntoIterator<Item = FailoverRecord>) -> Catalog {
        let pair = Pair::matching();
        let mut changes: Vec<_> = [pair.main, pair.standby]
            .into_iter()
            .map(|side| CatalogChange::World(side.world.id.clone(), Some(side.world)))
            .collect();
        let records = records.into_iter();
        changes.extend(records.map(|one| CatalogChange::Failover(one.id.clone(), Some(one))));
        Catalog::default().with(1, changes)
    }

    /// The phases and counters of the records that change, and what begins.
    type Follows = (Vec<(MovePhase, u64)>, Vec<(Kind, WorldId, u64)>);

    fn follows(
        records: impl IntoIterator<Item = FailoverRecord>,
        before: &GameConfig,
        after: &GameConfig,
    ) -> Follows {
        let (catalog, world) = (catalog(records), &id("wld_main"));
        let Consequences { changed, begun } =
            Edit { catalog: &catalog, world, before, after }.consequences(NOW);
        let changed = changed.into_iter().map(|one| (one.phase, one.counter)).collect();
        (changed, begun.into_iter().map(|one| (one.kind, one.target, one.counter)).collect())
    }

    #[test]
    fn a_raise_sends_people_where_the_override_leads_or_into_the_world_again() {
        let (before, standby) = (game("", 0, 0), id("wld_standby"));
        let away = (Kind::Failover, standby, 1);
        assert_eq!(follows(None, &before, &game("wld_standby", 1, 0)), (vec![], vec![away]));
        let again = (Kind::Rejoin, id("wld_main"), 1);
        assert_eq!(follows(None, &before, &game("", 1, 0)), (vec![], vec![again]));
        assert_eq!(follows(None, &before, &game("wld_standby", 0, 0)), (vec![], vec![]));
    }

    #[test]
    fn a_further_raise_belongs_to_what_moves_and_ends_a_rehearsal_or_a_way_home() {
        let (before, after) = (game("wld_standby", 1, 0), game("wld_standby", 2, 0));
        let moving = |kind, trigger| Some(record(kind, trigger, MovePhase::Moving));
        let away = (Kind::Failover, id("wld_standby"), 2);
        let real = follows(moving(Kind::Failover, Trigger::Api), &before, &after);
        assert_eq!(real, (vec![(MovePhase::Moving, 2)], vec![]));
        let rehearsal = follows(moving(Kind::Failover, Trigger::Drill), &before, &after);
        assert_eq!(rehearsal, (vec![(MovePhase::Cancelled, 1)], vec![away.clone()]));
        let home = follows(moving(Kind::Failback, Trigger::Api), &before, &after);
        assert_eq!(home, (vec![(MovePhase::Cancelled, 1)], vec![away]));
    }

    #[test]
    fn a_raise_that_leads_elsewhere_begins_anew() {
        let (before, after) = (game("wld_standby", 1, 0), game("", 2, 0));
        let moving = record(Kind::Failover, Trigger::Api, MovePhase::Moving);
        let again = (Kind::Rejoin, id("wld_main"), 2);
        let ended = vec![(MovePhase::Cancelled, 1)];
        assert_eq!(follows(Some(moving), &before, &after), (ended, vec![again]));
    }

    /// The same record, begun a second later under another id.
    fn later(record: FailoverRecord) -> FailoverRecord {
        let started_at = record.started_at + Duration::from_secs(1);
        FailoverRecord { id: FailoverId::from_unique("2"), started_at, ..record }
    }

    #[test]
    fn a_raise_ends_everything_that_moves_but_the_same() {
        let (before, after) = (game("wld_standby", 1, 0), game("wld_standby", 2, 0));
        let failover = record(Kind::Failover, Trigger::LiveConfig, MovePhase::Moving);
        let home = later(record(Kind::Failback, Trigger::LiveConfig, MovePhase::Moving));
        let beside = [failover, home.clone()];
        let goes_on = vec![(MovePhase::Cancelled, 1), (MovePhase::Moving, 2)];
        assert_eq!(follows(beside, &before, &after), (goes_on, vec![]));
        let rejoin = record(Kind::Rejoin, Trigger::LiveConfig, MovePhase::Held);
        let ended = vec![(MovePhase::Cancelled, 1), (MovePhase::Cancelled, 1)];
        let away = (Kind::Failover, id("wld_standby"), 2);
        let both = [rejoin, home];
        assert_eq!(follows(both.clone(), &before, &after), (ended.clone(), vec![away.clone()]));
        let called_too = game("wld_standby", 2, 1);
        let back = (Kind::Failback, id("wld_standby"), 1);
        assert_eq!(follows(both, &before, &called_too), (ended, vec![away, back]));
    }

    #[test]
    fn another_override_leads_also_those_elsewhere_who_move_beside_a_way_home() {
        let failover = record(Kind::Failover, Trigger::LiveConfig, MovePhase::Moving);
        let home = later(record(Kind::Failback, Trigger::LiveConfig, MovePhase::Moving));
        let elsewhere = FailoverRecord { target_world_id: id("wld_elsewhere"), ..failover.clone() };
        let (catalog, world) = (catalog([elsewhere, home]), &id("wld_main"));
        let (before, after) = (&game("wld_elsewhere", 1, 1), &game("wld_standby", 1, 1));
        let edit = Edit { catalog: &catalog, world, before, after };
        let changed = edit.consequences(NOW).changed;
        let [led] = &changed[..] else { panic!("{changed:?}") };
        assert_eq!((&led.id, led.target_world_id.as_str()), (&failover.id, "wld_standby"));
    }

    #[test]
    fn an_override_that_is_set_after_the_raise_takes_those_who_move_with_it() {
        let begun = Begun { kind: Kind::Rejoin, target: id("wld_main"), counter: 1 };
        let new = NewRecord::new(id("wld_main"), begun, Trigger::LiveConfig, 7.0);
        let rejoin = new.begin(FailoverId::from_unique("1"), NOW);
        let held = FailoverRecord { phase: MovePhase::Held, ..rejoin };
        let (catalog, world) = (catalog([held.clone()]), &id("wld_main"));
        let (before, after) = (&game("", 1, 0), &game("wld_standby", 1, 0));
        let edit = Edit { catalog: &catalog, world, before, after };
        let Consequences { changed, begun } = edit.consequences(NOW);
        let [led] = &changed[..] else { panic!("{changed:?}") };
        assert_eq!((led.kind, led.target_world_id.as_str()), (Kind::Failover, "wld_standby"));
        assert_eq!((&led.id, led.phase, led.counter), (&held.id, MovePhase::Held, 1));
        assert_eq!(led.plan.rate_per_second, catalog.joins_per_second(&led.target_world_id));
        assert_eq!(begun, []);
        let nothing = Edit { before: after, ..edit }.consequences(NOW);
        assert_eq!(nothing, Consequences { changed: vec![], begun: vec![] });
    }

    #[test]
    fn a_move_follows_what_its_target_takes_and_goes_no_faster_than_planned() {
        let paced = |per_second: f64| {
            let mut side = Pair::matching().main;
            side.set("game", "Admission", "JoinsPerSecond", per_second);
            side.live.game.clone()
        };
        let new = |kind, trigger, phase| FailoverRecord {
            world_id: id("wld_elsewhere"),
            target_world_id: id("wld_main"),
            ..record(kind, trigger, phase)
        };
        let mut moving = new(Kind::Failover, Trigger::Api, MovePhase::Moving);
        let mut was = 0.0;
        for (rate, goes_at) in [(20.0, 20.0), (5.0, 5.0), (30.0, 30.0), (80.0, 50.0), (7.0, 7.0)] {
            let (catalog, world) = (catalog([moving.clone()]), &id("wld_main"));
            let (before, after) = (&paced(was), &paced(rate));
            let edit = Edit { catalog: &catalog, world, before, after };
            let Consequences { changed, begun } = edit.consequences(NOW);
            let [next] = &changed[..] else { panic!("{changed:?}") };
            assert_eq!((next.plan.rate_per_second, &begun[..]), (goes_at, &[][..]), "{rate}");
            let same = Edit { before: after, ..edit }.consequences(NOW);
            assert_eq!(same, Consequences { changed: vec![], begun: vec![] });
            (moving, was) = (next.clone(), rate);
        }
        let by_operator = moving.at_pace(60.0).at_pace_of_target(70.0);
        assert_eq!(by_operator.plan.rate_per_second, 60.0, "that is the plan from then on");
        for other in [
            new(Kind::Failover, Trigger::Drill, MovePhase::Moving),
            new(Kind::Failover, Trigger::Api, MovePhase::Complete),
            record(Kind::Failover, Trigger::Api, MovePhase::Moving),
        ] {
            assert_eq!(follows([other], &paced(0.0), &paced(1.0)), (vec![], vec![]));
        }
    }

    #[test]
    fn people_who_are_called_while_the_override_stands_come_back_to_where_it_leads() {
        let (before, after) = (game("wld_standby", 1, 0), game("wld_standby", 1, 1));
        let back = (Kind::Failback, id("wld_standby"), 1);
        assert_eq!(follows(None, &before, &after), (vec![], vec![back]));
    }

    #[test]
    fn an_override_that_is_taken_back_ends_the_failover_and_calling_home_begins_once() {
        let (before, after) = (game("wld_standby", 1, 0), game("", 1, 1));
        let home = (Kind::Failback, id("wld_main"), 1);
        let moving = |kind| Some(record(kind, Trigger::LiveConfig, MovePhase::Held));
        let undone = follows(moving(Kind::Failover), &before, &after);
        assert_eq!(undone, (vec![(MovePhase::Cancelled, 1)], vec![home]));
        assert_eq!(follows(moving(Kind::Failback), &before, &after), (vec![], vec![]));
        let complete = record(Kind::Failover, Trigger::Api, MovePhase::Complete);
        let (closed, _) = follows([complete], &before, &after);
        assert_eq!(closed, [(MovePhase::FailedBack, 1)]);
    }

    #[test]
    fn the_two_steps_are_one_edit_and_the_way_home_clears_every_override() {
        let (rules, target) = (rules("integer"), id("wld_standby"));
        let away = Kind::Failover.redirect(&rules, rules.defaults(), Some(&target)).unwrap();
        let at = |config: &LiveConfig, key| config.get(key).cloned();
        let override_world = "/game/Failover/OverrideWorldId";
        assert_eq!(at(&away, override_world), Some("wld_standby".into()));
        assert_eq!((Counter::AllClients.read(&away), Counter::Redirected.read(&away)), (1, 0));
        let home = Kind::Failback.redirect(&rules, &away, Some(&target)).unwrap();
        assert_eq!(at(&home, override_world), Some("".into()));
        assert_eq!((Counter::AllClients.read(&home), Counter::Redirected.read(&home)), (1, 1));
    }

    #[test]
    fn what_begins_ends_what_moves_and_the_way_home_closes_what_was_complete() {
        let ended = |kind: Kind, phase| {
            let catalog = catalog([record(Kind::Failover, Trigger::Api, phase)]);
            let ended = kind.overtakes(&catalog, &id("wld_main"), NOW);
            ended.into_iter().map(|record| record.phase).collect::<Vec<_>>()
        };
        for kind in [Kind::Failover, Kind::Failback] {
            assert_eq!(ended(kind, MovePhase::Held), [MovePhase::Cancelled], "{kind:?}");
            assert_eq!(ended(kind, MovePhase::Cancelled), [], "{kind:?}");
        }
        assert_eq!(
            ended(Kind::Failback, MovePhase::CompleteWithStragglers),
            [MovePhase::FailedBack]
        );
        assert_eq!(ended(Kind::Failover, MovePhase::Complete), []);
    }
}
