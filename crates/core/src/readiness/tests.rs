pub(crate) mod fixture;

use std::time::Duration;

use serde_json::json;

use self::fixture::{NOW, Pair, rules};
use super::*;
use crate::deployment::ServerPhase;
use crate::ids::{DeploymentId, LaunchContextId};
use crate::version::BaseVersion;
use crate::world::{LaunchMode, Profile};

/// The checks that do not hold.
fn failing(pair: &Pair) -> Vec<CheckId> {
    let readiness = check(&pair.facts(), NOW);
    readiness.checks.iter().filter(|check| !check.ok).map(|check| check.id).collect()
}

type Change = fn(&mut Pair);

/// Each check with changes of its own field, some at either world.
fn changes() -> Vec<(CheckId, Change)> {
    use CheckId as Id;
    vec![
        (Id::BuildMod, |pair| pair.standby.running().build.mod_name = "forum".into()),
        (Id::BuildMod, |pair| pair.main.running().build.mod_version = "1.1.0".into()),
        (Id::BuildContent, |pair| pair.standby.running().build.content_version = "old".into()),
        (Id::BuildContent, |pair| pair.main.running().build.content_version = "new".into()),
        (Id::BuildBase, |pair| {
            pair.standby.running().build.base_version = BaseVersion::new(39);
        }),
        (Id::BuildMap, |pair| pair.standby.running().build.map = "garden".into()),
        (Id::ScaleProfile, |pair| pair.standby.running().seats = 100),
        (Id::ScaleProfile, |pair| pair.main.running().seats = 1_500),
        (Id::DurationRemaining, |pair| {
            let standby = pair.standby.running();
            standby.ends_at = standby.ends_at - Duration::from_mins(1);
        }),
        (Id::DurationRemaining, |pair| {
            let main = pair.main.running();
            main.ends_at = main.ends_at + Duration::from_mins(5);
        }),
        (Id::AccessGroups, |pair| pair.standby.world.spec.access.groups.clear()),
        (Id::AccessGroups, |pair| pair.main.world.spec.access.groups.push("press".into())),
        (Id::AccessGuests, |pair| pair.standby.world.spec.access.guests = false),
        (Id::StreamingLaunchMode, |pair| {
            pair.standby.world.spec.streaming.launch_mode = LaunchMode::Native;
        }),
        (Id::SettingsInternal, |pair| {
            pair.standby.world.spec.settings.insert("secret".into(), json!("b"));
        }),
        (Id::SettingsInternal, |pair| pair.main.world.spec.settings.clear()),
        (Id::LaunchContextKnown, |pair| {
            pair.main.running().build.base_version = BaseVersion::new(37);
            pair.standby.running().build.base_version = BaseVersion::new(37);
            pair.standby.running().launch_context = None;
        }),
        (Id::DeploymentActive, |pair| pair.standby.running().phase = Phase::Starting),
        (Id::DeploymentActive, |pair| pair.standby.running().phase = Phase::Stopping),
        (Id::DeploymentActive, |pair| pair.standby.running().phase = Phase::Error),
        (Id::DeploymentActive, |pair| pair.standby.running().phase = Phase::Inactive),
        (Id::DeploymentActive, |pair| pair.standby.deployment = None),
        (Id::DeploymentHealthy, |pair| pair.standby.hung_servers = 1),
        (Id::DeploymentHealthy, |pair| {
            pair.standby.running().servers[0].phase = ServerPhase::Lost;
        }),
        (Id::CapacitySeats, |pair| pair.seats_used_at_standby = 451),
        (Id::CapacitySeats, |pair| pair.connected_in_main = 500),
        (Id::LiveConfigValues, |pair| pair.standby.set("project", "Stage", "DoorsOpen", true)),
        (Id::LiveConfigValues, |pair| pair.main.set("game", "Other", "Key", 1)),
        (Id::LiveConfigSchema, |pair| pair.standby.rules = rules("number")),
        (Id::OverrideStale, |pair| {
            pair.main.set("game", "Failover", "OverrideWorldId", "wld_standby");
            pair.main.set("game", "Failover", "OverrideDeploymentId", "dep_earlier");
        }),
        (Id::AccessPublic, |pair| pair.standby.world.spec.access.public = false),
        (Id::DrillAge, |pair| pair.last_drill_at = None),
        (Id::DrillAge, |pair| pair.last_drill_at = Some(NOW - Duration::from_hours(8 * 24))),
    ]
}

#[test]
fn each_check_flips_when_and_only_when_its_own_field_differs() {
    assert_eq!(failing(&Pair::matching()), [], "the pair matches");
    for (index, (id, change)) in changes().into_iter().enumerate() {
        let mut pair = Pair::matching();
        change(&mut pair);
        assert_eq!(failing(&pair), [id], "change {index}");
    }
}

#[test]
fn every_check_of_the_contract_is_in_the_answer_and_in_the_table() {
    let readiness = check(&Pair::matching().facts(), NOW);
    let answered: Vec<_> = readiness.checks.iter().map(|check| check.id).collect();
    assert_eq!(answered, CheckId::ALL[1..], "all but standby.exists, in order");
    for id in answered {
        assert!(changes().iter().any(|(changed, _)| *changed == id), "{id:?} has no change");
    }
}

#[test]
fn only_blocking_checks_make_a_pair_not_ready_and_each_names_a_command() {
    for (id, change) in changes() {
        let mut pair = Pair::matching();
        change(&mut pair);
        let readiness = check(&pair.facts(), NOW);
        assert_eq!(readiness.ready, id.severity() != Severity::Block, "{id:?}");
        let found = readiness.check(id).unwrap();
        if id == CheckId::AccessPublic {
            assert_eq!(found.remedy, "", "a standby is best not public");
        } else {
            assert!(found.remedy.starts_with("lifeboat "), "{id:?}: {}", found.remedy);
            assert!(found.remedy.contains("wld_"), "{id:?}: {}", found.remedy);
        }
        assert!(!found.message.is_empty());
        let others = readiness.checks.iter().filter(|check| check.ok);
        assert!(others.clone().all(|check| check.remedy.is_empty() && !check.message.is_empty()));
    }
}

#[test]
fn a_standby_that_is_public_beside_a_main_world_that_is_not_has_a_remedy() {
    let mut pair = Pair::matching();
    pair.main.world.spec.access.public = false;
    let readiness = check(&pair.facts(), NOW);
    let found = readiness.check(CheckId::AccessPublic).unwrap();
    assert_eq!(found.remedy, "lifeboat world set wld_standby access.public=false");
}

#[test]
fn what_may_differ_between_the_worlds_is_no_difference() {
    let harmless: [(&str, Change); 8] = [
        ("names", |pair| pair.standby.world.spec.name = "FAILOVER x".into()),
        ("a larger profile", |pair| pair.standby.running().seats = 5_000),
        ("a longer time", |pair| pair.main.running().ends_at = NOW),
        ("the order of groups", |pair| pair.main.world.spec.access.groups.reverse()),
        ("counters", |pair| pair.standby.set("game", "ForceDisconnect", "AllClients", 7)),
        ("admission", |pair| pair.standby.set("game", "Admission", "JoinsPerSecond", 7)),
        ("the wish of a running world", |pair| {
            pair.standby.world.spec.build.map = "garden".into();
            pair.standby.world.spec.scale.profile = Profile::Capacity30;
            pair.standby.world.spec.duration_minutes = 1;
        }),
        ("a launch context that nobody asks for", |pair| {
            pair.standby.running().launch_context = None;
        }),
    ];
    for (what, change) in harmless {
        let mut pair = Pair::matching();
        change(&mut pair);
        assert_eq!(failing(&pair), [], "{what}");
    }
}

#[test]
fn a_dead_main_world_is_compared_by_what_it_ran() {
    let mut pair = Pair::matching();
    pair.main.running().phase = Phase::Error;
    pair.main.running().servers.clear();
    pair.main.hung_servers = 1;
    pair.main.world.spec.build.map = "garden".into();
    assert_eq!(failing(&pair), []);
}

#[test]
fn worlds_that_do_not_run_are_compared_by_what_they_would_run() {
    let mut pair = Pair::matching();
    pair.main.running().phase = Phase::Inactive;
    pair.standby.running().phase = Phase::Inactive;
    pair.standby.world.spec.build.map = "garden".into();
    pair.standby.world.spec.duration_minutes = 179;
    let failing = failing(&pair);
    let expected = [CheckId::BuildMap, CheckId::DurationRemaining, CheckId::DeploymentActive];
    assert_eq!(failing, expected);
}

#[test]
fn without_a_standby_the_answer_is_one_check_that_blocks() {
    let pair = Pair::matching();
    let facts = PairFacts { standby: None, ..pair.facts() };
    let readiness = check(&facts, NOW);
    assert!(!readiness.ready);
    let [only] = readiness.checks.as_slice() else { panic!("{readiness:?}") };
    assert_eq!(only.id, CheckId::StandbyExists);
    assert_eq!(only.remedy, "lifeboat standby create wld_main");
}

#[test]
fn of_a_standby_the_answer_names_the_world_that_is_meant() {
    let pair = Pair::matching();
    let main = &pair.main.world;
    let facts = PairFacts {
        main: pair.standby.side(),
        standby: None,
        stands_in_for: Some(main),
        ..pair.facts()
    };
    let readiness = check(&facts, NOW);
    let [only] = readiness.checks.as_slice() else { panic!("{readiness:?}") };
    assert_eq!(only.message, format!("this is the standby of {}; name that", main.spec.name));
    assert_eq!(only.remedy, "lifeboat standby check wld_main");
}

#[test]
fn internal_values_are_never_shown() {
    let mut pair = Pair::matching();
    pair.standby.world.spec.settings.insert("secret".into(), json!("swordfish"));
    pair.standby.set("project", "Stage", "Secret", "swordfish");
    let readiness = check(&pair.facts(), NOW);
    let text = serde_json::to_string(&readiness).unwrap();
    assert!(!text.contains("swordfish"), "{text}");
    let values = readiness.check(CheckId::LiveConfigValues).unwrap();
    assert_eq!(values.standby, json!({ "/project/Stage/Secret": "hidden" }));
    assert_eq!(readiness.check(CheckId::SettingsInternal).unwrap().main, "differs");
}

#[test]
fn the_remedy_of_a_running_standby_that_is_set_right_is_a_restart() {
    let mut pair = Pair::matching();
    pair.standby.running().build.map = "garden".into();
    let remedy =
        |pair: &Pair| check(&pair.facts(), NOW).check(CheckId::BuildMap).unwrap().remedy.clone();
    assert_eq!(remedy(&pair), "lifeboat world restart wld_standby");
    pair.standby.world.spec.build.map = "garden".into();
    assert_eq!(
        remedy(&pair),
        "lifeboat world stop wld_standby --wait && lifeboat world set wld_standby \
         build.map=plaza && \
         lifeboat world launch wld_standby"
    );
}

#[test]
fn an_override_of_the_present_deployment_is_not_stale() {
    let mut pair = Pair::matching();
    pair.main.set("game", "Failover", "OverrideWorldId", "wld_standby");
    pair.main.set("game", "Failover", "OverrideDeploymentId", "dep_standby");
    assert_eq!(failing(&pair), []);
    pair.standby.running().id = DeploymentId::from_unique("next");
    assert_eq!(failing(&pair), [CheckId::OverrideStale]);
}

#[test]
fn an_old_base_version_is_served_by_the_launch_context_of_what_runs() {
    let mut pair = Pair::matching();
    for side in [&mut pair.main, &mut pair.standby] {
        side.running().build.base_version = BaseVersion::new(37);
    }
    assert_eq!(failing(&pair), []);
    assert_eq!(
        check(&pair.facts(), NOW).check(CheckId::LaunchContextKnown).unwrap().standby,
        LaunchContextId::from_unique("standby").as_str()
    );
}

#[test]
fn it_is_written_as_the_contract_has_it() {
    let mut pair = Pair::matching();
    pair.standby.running().build.content_version = "2026.11.2".into();
    let readiness = check(&pair.facts(), NOW);
    let json = serde_json::to_value(&readiness).unwrap();
    assert_eq!(json["ready"], false);
    assert_eq!(json["checkedAt"], NOW.to_string());
    assert_eq!(
        json["checks"][1],
        json!({
            "id": "build.content", "severity": "block", "ok": false,
            "main": "2026.11.1", "standby": "2026.11.2",
            "message": "the content version differs: the main world has \"2026.11.1\", the \
                        standby \"2026.11.2\"",
            "remedy": "lifeboat world restart wld_standby",
        })
    );
    assert_eq!(serde_json::from_value::<Readiness>(json).unwrap(), readiness);
    for id in CheckId::ALL {
        assert_eq!(serde_json::to_value(id).unwrap(), id.as_str());
    }
}
