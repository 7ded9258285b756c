use std::time::Duration;

use serde_json::json;

use super::*;
use crate::catalog::CatalogChange;
use crate::deployment::ServerPhase;
use crate::failover::{Begun, FailoverRecord, MovePhase, NewRecord, Trigger};
use crate::phase::Phase;
use crate::readiness::tests::fixture::{NOW, Pair};
use crate::version::BaseVersion;

/// A pair that matches, with everything that a plan is made from.
struct Scene {
    pair: Pair,
    records: Vec<FailoverRecord>,
    /// Overrides of other worlds than main, from and to.
    overrides: Vec<(&'static str, &'static str)>,
    request: FailoverRequest,
    old_clients: usize,
    drill_rate: Option<f64>,
}

fn id(text: &str) -> WorldId {
    text.parse().unwrap()
}

fn record(target: &str, phase: MovePhase, seconds_ago: u64) -> FailoverRecord {
    let begun = Begun { kind: Kind::Failover, target: id(target), counter: 1 };
    let new = NewRecord::new(id("wld_main"), begun, Trigger::Api, 1.0);
    let began_at = NOW - Duration::from_secs(seconds_ago);
    let record = new.begin(FailoverId::from_unique(target), began_at);
    FailoverRecord { phase, revision: 1, present_fixed: true, ..record }
}

impl Scene {
    /// A dead main world and a standby that would do.
    fn new() -> Self {
        let mut pair = Pair::matching();
        pair.main.running().phase = Phase::Error;
        pair.main.world.standby = Some(id("wld_standby"));
        Self {
            pair,
            records: Vec::new(),
            overrides: Vec::new(),
            request: FailoverRequest::default(),
            old_clients: 0,
            drill_rate: None,
        }
    }

    /// The same, failed over, and main is well again.
    fn failed_over() -> Self {
        let mut scene = Self::new();
        scene.pair.main.running().phase = Phase::Active;
        scene.pair.main.set("game", "Failover", "OverrideWorldId", "wld_standby");
        scene
    }

    fn catalog(&self) -> Catalog {
        let mut changes = vec![
            CatalogChange::Live(id("wld_main"), Some(self.pair.main.live.clone())),
            CatalogChange::Live(id("wld_standby"), Some(self.pair.standby.live.clone())),
        ];
        for (from, to) in &self.overrides {
            let mut side = Pair::matching().main;
            side.set("game", "Failover", "OverrideWorldId", *to);
            changes.push(CatalogChange::Live(id(from), Some(side.live)));
        }
        let records = self.records.iter().cloned();
        changes.extend(records.map(|one| CatalogChange::Failover(one.id.clone(), Some(one))));
        Catalog::default().with(1, changes)
    }

    fn plan(&self, kind: Kind) -> Planned {
        self.plan_with(&self.catalog(), kind)
    }

    fn plan_with(&self, catalog: &Catalog, kind: Kind) -> Planned {
        let facts = MoveFacts {
            catalog,
            main: self.pair.main.side(),
            away: Some(self.pair.standby.side()),
            sessions: self.pair.connected_in_main,
            old_clients: self.old_clients,
            seats_used_at_target: self.pair.seats_used_at_standby,
            last_drill: self.drill_rate.map(|rate| DrillFacts { at: NOW, joins_per_second: rate }),
        };
        plan(kind, &self.request, &facts, NOW)
    }

    /// The codes of the rules, with whether each may be forced.
    fn rules(&self, kind: Kind) -> Vec<(String, bool)> {
        let rules = self.plan(kind).rules;
        assert!(rules.iter().all(|rule| rule.remedy.starts_with("lifeboat ")), "{rules:?}");
        rules.into_iter().map(|rule| (rule.code, rule.may_force)).collect()
    }
}

type Change = fn(&mut Scene);

/// Each rule of a failover with what breaks it, and whether it may be forced.
fn broken() -> Vec<(&'static str, bool, Change)> {
    vec![
        ("target_missing", false, |s| s.pair.main.world.standby = None),
        ("target_missing", false, |s| s.request.target_world_id = Some(id("wld_gone"))),
        ("target_is_main", false, |s| s.request.target_world_id = Some(id("wld_main"))),
        ("target_not_active", true, |s| s.pair.standby.running().phase = Phase::Starting),
        ("target_not_active", true, |s| s.pair.standby.deployment = None),
        ("target_not_healthy", true, |s| s.pair.standby.hung_servers = 1),
        ("build.content", true, |s| {
            s.pair.standby.running().build.content_version = "old".into();
        }),
        ("access.guests", true, |s| s.pair.standby.world.spec.access.guests = false),
        ("seats", true, |s| s.pair.seats_used_at_standby = 460),
        ("override_cycle", false, |s| s.overrides = vec![("wld_standby", "wld_main")]),
        ("override_cycle", false, |s| {
            s.overrides = vec![("wld_standby", "wld_c"), ("wld_c", "wld_main")];
        }),
        ("target_redirects", true, |s| s.overrides = vec![("wld_standby", "wld_c")]),
        ("launch_context_required", false, |s| {
            s.old_clients = 3;
            s.pair.standby.running().launch_context = None;
        }),
        ("launch_context_required", false, |s| {
            s.old_clients = 3;
            for side in [&mut s.pair.main, &mut s.pair.standby] {
                side.running().build.base_version = BaseVersion::new(37);
            }
            s.pair.standby.running().launch_context = None;
        }),
        ("cool_down", true, |s| {
            s.records.push(record("wld_standby", MovePhase::Complete, 59));
        }),
        ("failover_in_progress", false, |s| {
            s.records.push(record("wld_other", MovePhase::Held, 61));
        }),
    ]
}

#[test]
fn each_rule_is_broken_by_its_own_fact_alone() {
    assert_eq!(Scene::new().rules(Kind::Failover), []);
    for (index, (code, may_force, change)) in broken().into_iter().enumerate() {
        let mut scene = Scene::new();
        change(&mut scene);
        let expected = [(code.to_owned(), may_force)];
        assert_eq!(scene.rules(Kind::Failover), expected, "change {index}");
    }
}

#[test]
fn force_overrides_what_may_be_overridden_and_nothing_else() {
    assert!(may_proceed(&[], Force::No));
    for (code, may_force, change) in broken() {
        let mut scene = Scene::new();
        change(&mut scene);
        let rules = scene.plan(Kind::Failover).rules;
        assert!(!may_proceed(&rules, Force::No), "{code}");
        assert_eq!(may_proceed(&rules, Force::WithReason), may_force, "{code}");
    }
}

#[test]
fn of_a_standby_the_rule_names_the_world_that_is_meant() {
    let mut scene = Scene::new();
    let main = Pair::matching().main.world;
    scene.pair.main.world.standby = None;
    scene.pair.main.world.id = id("wld_standby");
    scene.pair.main.world.standby_for = Some(main.id.clone());
    let catalog = scene.catalog();
    let catalog = catalog.with(2, [CatalogChange::World(main.id.clone(), Some(main.clone()))]);
    let rules = scene.plan_with(&catalog, Kind::Failover).rules;
    let [rule] = rules.as_slice() else { panic!("{rules:?}") };
    assert_eq!(rule.message, format!("this is the standby of {}; name that", main.spec.name));
    assert_eq!((rule.remedy.as_str(), rule.may_force), ("lifeboat failover run wld_main", false));
}

#[test]
fn a_mismatch_carries_both_values_and_the_remedy_of_its_check() {
    let mut scene = Scene::new();
    scene.pair.standby.running().build.map = "garden".into();
    let rules = scene.plan(Kind::Failover).rules;
    let [rule] = rules.as_slice() else { panic!("{rules:?}") };
    assert_eq!((&rule.main, &rule.standby), (&json!("plaza"), &json!("garden")));
    assert_eq!(rule.remedy, "lifeboat world restart wld_standby");
}

#[test]
fn what_only_warns_stops_nothing() {
    let mut scene = Scene::new();
    scene.pair.main.running().phase = Phase::Active;
    scene.pair.standby.set("project", "Stage", "DoorsOpen", true);
    scene.pair.standby.world.spec.access.public = false;
    let plan = scene.plan(Kind::Failover);
    let warnings: Vec<_> = plan.warnings.iter().map(|rule| rule.code.as_str()).collect();
    assert_eq!((plan.rules.len(), warnings), (0, vec!["liveConfig.values", "main_healthy"]));
}

#[test]
fn the_same_failover_again_is_the_one_that_moves() {
    let mut scene = Scene::new();
    scene.records.push(record("wld_standby", MovePhase::Moving, 5));
    let plan = scene.plan(Kind::Failover);
    assert_eq!(plan.rules, []);
    assert_eq!(plan.same_as, Some(FailoverId::from_unique("wld_standby")));
}

#[test]
fn drills_and_ways_home_neither_block_nor_cool_down() {
    let mut scene = Scene::new();
    let mut drill = record("wld_other", MovePhase::Moving, 5);
    drill.trigger = Trigger::Drill;
    let mut home = record("wld_third", MovePhase::Moving, 5);
    home.kind = Kind::Failback;
    scene.records = vec![drill, home, record("wld_standby", MovePhase::Complete, 60)];
    assert_eq!(scene.rules(Kind::Failover), []);
}

#[test]
fn a_sleeping_target_is_waited_for_and_one_in_error_is_not() {
    let mut scene = Scene::new();
    scene.request.wait_for_target = true;
    assert!(!scene.plan(Kind::Failover).waits_for_target, "it is Active");
    scene.pair.standby.deployment = None;
    scene.old_clients = 1;
    let plan = scene.plan(Kind::Failover);
    assert!(plan.waits_for_target);
    assert_eq!((plan.rules, plan.target_deployment), (Vec::new(), None));
    let warned: Vec<_> = plan.warnings.iter().map(|rule| rule.code.as_str()).collect();
    assert_eq!(warned, ["target_not_active", "launch_context_required"]);

    let mut scene = Scene::new();
    scene.request.wait_for_target = true;
    scene.pair.standby.running().phase = Phase::Error;
    assert!(!scene.plan(Kind::Failover).waits_for_target);
    assert_eq!(scene.rules(Kind::Failover), [("target_not_active".to_owned(), true)]);
}

#[test]
fn the_rate_is_the_targets_and_less_if_less_was_asked_for() {
    let mut scene = Scene::new();
    let rate = |scene: &Scene| {
        let plan = scene.plan(Kind::Failover);
        (plan.rate_per_second, plan.rate_source)
    };
    assert_eq!(rate(&scene), (100.0, RateSource::Mod), "two servers of 50");
    scene.drill_rate = Some(140.0);
    assert_eq!(rate(&scene), (140.0, RateSource::Drill));
    scene.pair.main.set("game", "Admission", "JoinsPerSecond", 7);
    assert_eq!(rate(&scene), (140.0, RateSource::Drill), "what main takes does not matter");
    scene.pair.standby.set("game", "Admission", "JoinsPerSecond", 80);
    assert_eq!(rate(&scene), (80.0, RateSource::LiveConfig));
    scene.request.max_rejoins_per_second = Some(25.0);
    assert_eq!(rate(&scene), (25.0, RateSource::Request));
    scene.request.max_rejoins_per_second = Some(200.0);
    assert_eq!(rate(&scene), (80.0, RateSource::LiveConfig));
    assert_eq!(scene.plan(Kind::Failback).rate_per_second, 7.0, "main is the target");
}

#[test]
fn the_window_follows_from_the_sessions_and_the_rate() {
    let mut scene = Scene::new();
    scene.pair.connected_in_main = 401;
    let plan = scene.plan(Kind::Failover);
    assert_eq!((plan.sessions, plan.window_ms), (401, 4_000));
    assert_eq!(plan.target, Some(id("wld_standby")));
    assert_eq!(plan.target_deployment.map(|id| id.to_string()).as_deref(), Some("dep_standby"));
    scene.pair.connected_in_main = 0;
    assert_eq!(scene.plan(Kind::Failover).summary().window_ms, 0);
}

#[test]
fn the_way_home_needs_a_failover_and_a_main_world_that_takes_people() {
    assert_eq!(Scene::failed_over().rules(Kind::Failback), []);
    let mut nobody_away = Scene::new();
    nobody_away.pair.connected_in_main = 0;
    assert_eq!(nobody_away.rules(Kind::Failback), [("not_failed_over".to_owned(), false)]);
    let mut override_cleared = Scene::new();
    override_cleared.pair.main.running().phase = Phase::Active;
    assert_eq!(override_cleared.rules(Kind::Failback), [], "people are away all the same");
    let changes: [(&str, bool, Change); 4] = [
        ("main_not_active", false, |s| s.pair.main.running().phase = Phase::Error),
        ("main_not_active", false, |s| s.pair.main.deployment = None),
        ("main_not_healthy", true, |s| {
            s.pair.main.running().servers[0].phase = ServerPhase::Lost;
        }),
        ("seats", true, |s| s.pair.seats_used_at_standby = 460),
    ];
    for (code, may_force, change) in changes {
        let mut scene = Scene::failed_over();
        change(&mut scene);
        assert_eq!(scene.rules(Kind::Failback), [(code.to_owned(), may_force)]);
    }
}

#[test]
fn on_the_way_home_a_mismatch_is_only_a_warning() {
    let mut scene = Scene::failed_over();
    scene.pair.main.running().build.content_version = "2026.11.2".into();
    let plan = scene.plan(Kind::Failback);
    assert_eq!(plan.rules, []);
    assert_eq!(plan.warnings[0].code, "build.content");
    assert_eq!(plan.target, Some(id("wld_main")));
}

#[test]
fn a_rejoin_leads_into_the_same_world() {
    let mut scene = Scene::new();
    assert_eq!(scene.rules(Kind::Rejoin), [("main_not_active".to_owned(), false)]);
    scene.pair.main.running().phase = Phase::Active;
    let plan = scene.plan(Kind::Rejoin);
    assert_eq!((plan.rules.len(), plan.target), (0, Some(id("wld_main"))));
}

#[test]
fn a_plan_is_written_in_camel_case_and_read_back() {
    let plan = Scene::new().plan(Kind::Failover);
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["ratePerSecond"], 100.0);
    assert_eq!(json["rateSource"], "mod");
    assert_eq!(serde_json::from_value::<Planned>(json).unwrap(), plan);
}
