//! Table tests of every rule about the target of an override.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::*;
use crate::code::ErrorCode;
use crate::limits::OVERRIDE_HOPS_MAX;
use crate::live_config::Counter;

/// Worlds and deployments as the tests lay them out; everything is ready unless said otherwise.
#[derive(Default)]
struct Facts {
    worlds: BTreeMap<WorldId, WorldFacts>,
    deployments: BTreeMap<DeploymentId, DeploymentFacts>,
    is_unready: bool,
    mirrored: Option<WorldId>,
}

impl OverrideFacts for Facts {
    fn world(&self, id: &WorldId) -> Option<WorldFacts> {
        self.worlds.get(id).cloned()
    }

    fn deployment(&self, id: &DeploymentId) -> Option<DeploymentFacts> {
        self.deployments.get(id).cloned()
    }

    fn is_ready_to_stand_in(&self, _: &WorldId, _: &WorldId) -> bool {
        !self.is_unready
    }

    fn overwritten_by(&self, _: &WorldId, step: SaveStep<'_>) -> Option<WorldId> {
        self.mirrored.clone().filter(|_| step.before.project != step.after.project)
    }
}

fn world(name: &str) -> WorldId {
    WorldId::from_unique(name)
}

impl Facts {
    /// Main `a`, which has crashed; `b`, which runs as `dep_b` with `lc_b`; `c`, which does not.
    fn pair() -> Self {
        let mut facts = Self::default();
        for name in ["a", "b", "c"] {
            facts.add(name);
        }
        facts.launch("b", "b", Some("b"));
        facts.deployment_of("old", "b", false);
        facts.deployment_of("else", "c", true);
        facts
    }

    fn add(&mut self, name: &str) {
        let facts = WorldFacts {
            base_version: BaseVersion::new(38),
            active_deployment: None,
            is_healthy: false,
            target: None,
        };
        self.worlds.insert(world(name), facts);
    }

    fn at(&mut self, name: &str) -> &mut WorldFacts {
        self.worlds.get_mut(&world(name)).unwrap()
    }

    fn launch(&mut self, name: &str, deployment: &str, launch_context: Option<&str>) {
        self.deployment_of(deployment, name, true);
        let id = DeploymentId::from_unique(deployment);
        self.deployments.get_mut(&id).unwrap().launch_context =
            launch_context.map(LaunchContextId::from_unique);
        let facts = self.at(name);
        facts.active_deployment = Some(id);
        facts.is_healthy = true;
    }

    fn deployment_of(&mut self, deployment: &str, name: &str, is_active: bool) {
        let facts = DeploymentFacts { world: world(name), is_active, launch_context: None };
        self.deployments.insert(DeploymentId::from_unique(deployment), facts);
    }

    fn send(&mut self, from: &str, to: &str) {
        self.at(from).target = Some(OverrideTarget::world(world(to)));
    }

    fn check(&self, texts: [&str; 3]) -> OverrideCheck {
        check_override(&world("a"), &config(["", "", ""], 0), &config(texts, 0), self)
    }

    fn codes(&self, texts: [&str; 3]) -> Vec<ErrorCode> {
        self.check(texts).problems.into_iter().map(|problem| problem.code).collect()
    }
}

/// A document with the three values of `Failover` and the counter `AllClients`.
fn config([world, deployment, launch_context]: [&str; 3], all_clients: u64) -> LiveConfig {
    let Value::Object(mut game) = json!({ "Failover": {
        "OverrideWorldId": world,
        "OverrideDeploymentId": deployment,
        "OverrideLaunchContextId": launch_context,
    } }) else {
        unreachable!("an object, as just written")
    };
    Counter::AllClients.write(&mut game, all_clients);
    LiveConfig { game, project: Map::new() }
}

#[test]
fn a_good_override_is_taken() {
    for texts in [
        ["", "", ""],
        ["wld_b", "", ""],
        ["wld_b", "dep_b", ""],
        ["wld_b", "", "lc_b"],
        ["wld_b", "dep_b", "lc_b"],
    ] {
        let check = Facts::pair().check(texts);
        assert_eq!((check.problems, check.warnings), (vec![], vec![]), "{texts:?}");
    }
}

#[test]
fn each_broken_rule_has_its_code() {
    use ErrorCode::{
        OverrideDeploymentMismatch, OverrideLaunchContextMismatch, OverrideSelf,
        OverrideTargetNotActive, OverrideTargetNotFound,
    };
    let table: [([&str; 3], &[ErrorCode]); 12] = [
        (["wld_x", "", ""], &[OverrideTargetNotFound]),
        (["dep_b", "", ""], &[OverrideTargetNotFound]),
        (["b", "", ""], &[OverrideTargetNotFound]),
        ([" wld_b", "", ""], &[OverrideTargetNotFound]),
        (["wld_a", "", ""], &[OverrideSelf]),
        (["wld_c", "", ""], &[OverrideTargetNotActive]),
        (["wld_b", "dep_x", ""], &[OverrideDeploymentMismatch]),
        (["wld_b", "wld_b", ""], &[OverrideDeploymentMismatch]),
        (["wld_b", "dep_old", ""], &[OverrideDeploymentMismatch]),
        (["wld_b", "dep_else", ""], &[OverrideDeploymentMismatch]),
        (["wld_b", "", "lc_x"], &[OverrideLaunchContextMismatch]),
        (
            ["wld_b", "dep_old", "not an id"],
            &[OverrideDeploymentMismatch, OverrideLaunchContextMismatch],
        ),
    ];
    for (texts, codes) in table {
        assert_eq!(Facts::pair().codes(texts), codes, "{texts:?}");
    }
}

#[test]
fn a_deployment_s_id_in_the_world_s_place_is_told_with_its_world() {
    let check = Facts::pair().check(["dep_b", "", ""]);
    let message = &check.problems[0].message;
    assert!(message.contains("deployment's id") && message.contains("wld_b"), "{message}");
    let check = Facts::pair().check(["dep_nowhere", "", ""]);
    assert!(check.problems[0].message.contains("deployment's id"));
}

#[test]
fn only_the_state_of_the_target_may_be_forced() {
    let check = Facts::pair().check(["wld_c", "dep_b", ""]);
    assert_eq!(check.refusals(Force::No).count(), 2);
    assert_eq!(check.refusals(Force::WithReason).count(), 0);
    let check = Facts::pair().check(["wld_b", "dep_old", "lc_x"]);
    let left: Vec<_> = check.refusals(Force::WithReason).map(|problem| problem.code).collect();
    assert_eq!(left, [ErrorCode::OverrideLaunchContextMismatch]);
}

#[test]
fn old_base_versions_require_a_launch_context_that_is_set_or_known() {
    for old in ["a", "b"] {
        let mut facts = Facts::pair();
        facts.at(old).base_version = BaseVersion::new(37);
        assert_eq!(facts.codes(["wld_b", "", ""]), [], "known, {old}");
        facts.launch("b", "b", None);
        let required = [ErrorCode::LaunchContextRequired];
        assert_eq!(facts.codes(["wld_b", "", ""]), required, "{old}");
        let check = facts.check(["wld_b", "", ""]);
        assert_eq!(check.refusals(Force::WithReason).count(), 1);
        let mismatch = [ErrorCode::OverrideLaunchContextMismatch];
        assert_eq!(facts.codes(["wld_b", "", "lc_b"]), mismatch);
    }
    let mut facts = Facts::pair();
    facts.launch("b", "b", None);
    assert_eq!(facts.codes(["wld_b", "", ""]), [], "38 and newer do without");
}

#[test]
fn a_launch_context_for_a_target_that_sleeps_cannot_be_judged_and_is_taken_when_forced() {
    let mut facts = Facts::pair();
    facts.at("a").base_version = BaseVersion::new(36);
    assert_eq!(facts.codes(["wld_c", "", "lc_c"]), [ErrorCode::OverrideTargetNotActive]);
    let unknown = [ErrorCode::OverrideTargetNotActive, ErrorCode::LaunchContextRequired];
    assert_eq!(facts.codes(["wld_c", "", ""]), unknown);
}

#[test]
fn a_cycle_is_found_through_a_chain_and_all_of_the_chain_was_read() {
    let mut facts = Facts::pair();
    facts.send("b", "c");
    assert_eq!(facts.codes(["wld_b", "", ""]), [ErrorCode::OverrideTargetNotActive]);
    facts.send("c", "a");
    let check = facts.check(["wld_b", "", ""]);
    assert_eq!(check.problems[0].code, ErrorCode::OverrideCycle);
    assert!(check.problems[0].message.contains("wld_a → wld_b → wld_c → wld_a"));
    assert_eq!(check.worlds_read, ["a", "b", "c"].map(world).into());
    facts.send("c", "b");
    assert_eq!(facts.codes(["wld_b", "", ""]), [ErrorCode::OverrideCycle], "not through main");
}

#[test]
fn a_target_that_was_itself_failed_over_leads_to_a_world_that_runs() {
    let mut facts = Facts::pair();
    facts.send("c", "b");
    let check = facts.check(["wld_c", "", ""]);
    assert_eq!(check.problems, []);
    assert_eq!(check.worlds_read, ["a", "b", "c"].map(world).into());
}

#[test]
fn a_chain_is_as_long_as_a_join_follows_and_no_longer() {
    for (hops, codes) in [
        (OVERRIDE_HOPS_MAX, vec![]),
        (OVERRIDE_HOPS_MAX + 1, vec![ErrorCode::OverrideCycle]),
        (OVERRIDE_HOPS_MAX * 4, vec![ErrorCode::OverrideCycle]),
    ] {
        let mut facts = Facts::pair();
        for hop in 1..=hops {
            facts.add(&format!("n{hop}"));
        }
        for hop in 1..hops {
            facts.send(&format!("n{hop}"), &format!("n{}", hop + 1));
        }
        facts.launch(&format!("n{hops}"), "end", None);
        let check = facts.check(["wld_n1", "", ""]);
        assert_eq!(check.problems.iter().map(|p| p.code).collect::<Vec<_>>(), codes, "{hops}");
        assert!(check.worlds_read.len() <= OVERRIDE_HOPS_MAX + 1);
    }
}

#[test]
fn an_override_gone_stale_does_not_block_an_unrelated_save() {
    let mut facts = Facts::pair();
    facts.is_unready = true;
    for texts in [["wld_c", "", ""], ["wld_x", "", ""], ["wld_a", "", ""], ["wld_b", "dep_old", ""]]
    {
        let check = check_override(&world("a"), &config(texts, 1), &config(texts, 1), &facts);
        assert_eq!(check.problems, [], "{texts:?}");
    }
}

#[test]
fn each_warning_is_given_when_and_only_when_it_applies() {
    use WarningCode::{
        CounterWithoutOverride, MainHealthy, OverrideDeploymentStale, StandbyNotReady,
    };
    let off = ["", "", ""];
    let on = ["wld_b", "", ""];
    let stale = ["wld_b", "dep_old", ""];
    let healthy: fn(&mut Facts) = |facts| facts.launch("a", "a", None);
    let unready: fn(&mut Facts) = |facts| facts.is_unready = true;
    let as_is: fn(&mut Facts) = |_| {};
    type Step = ([&'static str; 3], u64);
    type Row = (fn(&mut Facts), Step, Step, &'static [WarningCode]);
    let table: [Row; 11] = [
        (healthy, (off, 0), (on, 0), &[MainHealthy]),
        (healthy, (on, 0), (on, 1), &[]),
        (healthy, (on, 0), (off, 0), &[]),
        (unready, (off, 0), (on, 0), &[StandbyNotReady]),
        (unready, (on, 0), (on, 1), &[StandbyNotReady]),
        (unready, (on, 0), (on, 0), &[]),
        (as_is, (off, 0), (off, 1), &[CounterWithoutOverride]),
        (as_is, (on, 0), (off, 1), &[CounterWithoutOverride]),
        (as_is, (off, 0), (on, 1), &[]),
        (as_is, (stale, 0), (stale, 0), &[OverrideDeploymentStale]),
        (as_is, (off, 0), (stale, 0), &[OverrideDeploymentStale]),
    ];
    for (arrange, (before, was), (after, is), expected) in table {
        let mut facts = Facts::pair();
        arrange(&mut facts);
        let check = check_override(&world("a"), &config(before, was), &config(after, is), &facts);
        let codes: Vec<_> = check.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(codes, expected, "{before:?} {was} → {after:?} {is}");
    }
}

#[test]
fn calling_people_home_while_the_override_stands_is_warned_of() {
    let called = |world, redirected| {
        let mut config = config([world, "", ""], 0);
        Counter::Redirected.write(&mut config.game, redirected);
        config
    };
    for (was, is, codes) in [
        ("wld_b", "wld_b", vec![WarningCode::RedirectedWithOverride]),
        ("", "wld_b", vec![WarningCode::RedirectedWithOverride]),
        ("wld_b", "", vec![]),
        ("", "", vec![]),
    ] {
        let (before, after) = (called(was, 0), called(is, 1));
        let check = check_override(&world("a"), &before, &after, &Facts::pair());
        let found: Vec<_> = check.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(found, codes, "{was} → {is}");
    }
    let stays =
        check_override(&world("a"), &called("wld_b", 1), &called("wld_b", 1), &Facts::pair());
    assert_eq!(stays.warnings, []);
}

#[test]
fn what_a_mirror_overwrites_is_warned_of() {
    let facts = Facts { mirrored: Some(world("b")), ..Facts::pair() };
    let before = config(["", "", ""], 0);
    let mut after = before.clone();
    assert_eq!(check_override(&world("a"), &before, &after, &facts).warnings, []);
    after.project.insert("Stage".into(), json!({ "DoorsOpen": true }));
    let warnings = check_override(&world("a"), &before, &after, &facts).warnings;
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(warning.code, WarningCode::MirrorOverwrites);
    assert!(warning.message.contains("mirrors wld_b"), "{}", warning.message);
}

#[test]
fn the_docs_have_every_warning() {
    use WarningCode::{
        CounterWithoutOverride, MainHealthy, MirrorOverwrites, OverrideDeploymentStale,
        RedirectedWithOverride, StandbyNotReady,
    };
    let codes = [
        MainHealthy,
        StandbyNotReady,
        CounterWithoutOverride,
        OverrideDeploymentStale,
        RedirectedWithOverride,
        MirrorOverwrites,
    ];
    let docs = include_str!("../../../../../docs/errors.md");
    for code in codes {
        let name = serde_json::to_value(code).unwrap();
        let row = format!("- `{}`: ", name.as_str().unwrap());
        assert!(docs.contains(&row), "docs/errors.md lacks {row}");
    }
    let rows = docs.lines().filter(|line| line.starts_with("- `")).count();
    assert_eq!(rows, codes.len(), "docs/errors.md has rows of warnings that are gone");
}
