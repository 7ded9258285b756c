//! What a commit of live config means for the failovers of its world: the guide's two steps by
//! hand, and the same two in one.

use serde_json::json;

use super::{FailoverRecord, Kind, MovePhase, Trigger};
use crate::catalog::Catalog;
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
    /// belongs to that one; a rehearsal ends for what is meant in earnest.
    #[must_use]
    pub fn consequences(&self, now: Timestamp) -> Consequences {
        let (before, after) = (self.before.force_disconnect, self.after.force_disconnect);
        let open_now = self.catalog.open_failover(self.world);
        let (mut changed, mut begun) = (Vec::new(), Vec::new());
        if after.all_clients > before.all_clients {
            let counter = after.all_clients;
            let is_rehearsal = |record: &FailoverRecord| record.trigger == Trigger::Drill;
            changed.extend(open_now.filter(|one| is_rehearsal(one)).map(|one| one.cancelled(now)));
            let real = open_now.filter(|record| !is_rehearsal(record));
            match real.filter(|record| record.kind != Kind::Failback) {
                Some(moving) => changed.push(FailoverRecord { counter, ..(**moving).clone() }),
                None => begun.push(self.sent_away(counter)),
            }
        } else if self.is_cleared() {
            let moving = open_now.filter(|record| record.kind == Kind::Failover);
            changed.extend(moving.map(|record| record.cancelled(now)));
        }
        let is_coming_home = open_now.is_some_and(|record| record.kind == Kind::Failback);
        if after.redirected > before.redirected && !is_coming_home {
            let (target, counter) = (self.world.clone(), after.redirected);
            begun.push(Begun { kind: Kind::Failback, target, counter });
        }
        Consequences { changed, begun }
    }

    fn is_cleared(&self) -> bool {
        self.before.failover.is_set() && !self.after.failover.is_set()
    }

    /// Everyone leaves: to where the override leads, or into the world again where there is none.
    fn sent_away(&self, counter: u64) -> Begun {
        let target = self.after.failover.target();
        let end = target.and_then(|target| destination(self.catalog, &target.world).ok());
        match end {
            Some(end) => Begun { kind: Kind::Failover, target: end.id.clone(), counter },
            None => Begun { kind: Kind::Rejoin, target: self.world.clone(), counter },
        }
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
        let open = catalog.open_failover(world).map(|record| record.cancelled(now));
        let is_complete = |record: &FailoverRecord| {
            matches!(record.phase, MovePhase::Complete | MovePhase::CompleteWithStragglers)
        };
        let latest = catalog.latest_failover(world).filter(|_| self == Self::Failback);
        let undone = latest
            .filter(|record| is_complete(record))
            .map(|record| FailoverRecord { phase: MovePhase::FailedBack, ..(**record).clone() });
        open.into_iter().chain(undone).collect()
    }
}

#[cfg(test)]
mod tests {
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

    fn catalog(record: Option<FailoverRecord>) -> Catalog {
        let pair = Pair::matching();
        let mut changes: Vec<_> = [pair.main, pair.standby]
            .into_iter()
            .map(|side| CatalogChange::World(side.world.id.clone(), Some(side.world)))
            .collect();
        changes.extend(record.map(|one| CatalogChange::Failover(one.id.clone(), Some(one))));
        Catalog::default().with(1, changes)
    }

    /// The phases and counters of the records that change, and what begins.
    type Follows = (Vec<(MovePhase, u64)>, Vec<(Kind, WorldId, u64)>);

    fn follows(record: Option<FailoverRecord>, before: &GameConfig, after: &GameConfig) -> Follows {
        let (catalog, world) = (catalog(record), &id("wld_main"));
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
        assert_eq!(home, (vec![], vec![away]));
    }

    #[test]
    fn an_override_that_is_taken_back_ends_the_failover_and_calling_home_begins_once() {
        let (before, after) = (game("wld_standby", 1, 0), game("", 1, 1));
        let home = (Kind::Failback, id("wld_main"), 1);
        let moving = |kind| Some(record(kind, Trigger::LiveConfig, MovePhase::Held));
        let undone = follows(moving(Kind::Failover), &before, &after);
        assert_eq!(undone, (vec![(MovePhase::Cancelled, 1)], vec![home]));
        assert_eq!(follows(moving(Kind::Failback), &before, &after), (vec![], vec![]));
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
            let catalog = catalog(Some(record(Kind::Failover, Trigger::Api, phase)));
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
