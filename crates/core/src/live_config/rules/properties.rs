//! Properties that hold for every patch and every sequence of operations.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::tests::rules;
use super::*;
use crate::limits::COUNTER_JUMP_MAX;
use crate::live_config::{Changes, GameConfig};

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-3_i64..1_500).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u32..12).prop_map(|n| json!(f64::from(n))),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["", "#fff", "#ff", "wld_b", "4", "ünï"]).prop_map(Value::from),
    ]
}

fn value(depth: u32) -> impl Strategy<Value = Value> {
    scalar().prop_recursive(depth, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map("[a-c/~]{0,2}", inner, 0..3)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Mostly values that fit, so that patches are accepted often enough to say something.
fn section(keys: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let fitting = prop_oneof![
        Just(json!(true)),
        Just(json!(2)),
        Just(json!(1.0)),
        Just(json!("#abc")),
        Just(json!([3, 4.0])),
    ];
    let any = prop_oneof![3 => fitting, 1 => value(2)];
    btree_map(prop::sample::select(keys), any, 0..3)
        .prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)))
        .prop_map(|entries| Value::Object(entries.collect()))
}

fn patch() -> impl Strategy<Value = Value> {
    let failover = section(&["OverrideWorldId", "OverrideDeploymentId"]);
    let force = section(&["AllClients", "Redirected"]);
    let admission = section(&["JoinsPerSecond"]);
    let stage = section(&["DoorsOpen", "Light", "Volume", "Title", "Colour", "Steps"]);
    let odd = section(&["Stage", "Unknown"]);
    prop_oneof![
        1 => failover.prop_map(|s| json!({ "game": { "Failover": s } })),
        1 => force.prop_map(|s| json!({ "game": { "ForceDisconnect": s } })),
        1 => admission.prop_map(|s| json!({ "game": { "Admission": s } })),
        4 => stage.prop_map(|s| json!({ "project": { "Stage": s } })),
        1 => odd.prop_map(|s| json!({ "project": s })),
        1 => value(3),
    ]
}

fn document() -> impl Strategy<Value = LiveConfig> {
    let part = || btree_map("[a-c/~]{0,2}", value(3), 0..4);
    (part(), part()).prop_map(|(game, project)| LiveConfig {
        game: game.into_iter().collect(),
        project: project.into_iter().collect(),
    })
}

#[derive(Debug, Clone)]
enum Operation {
    Patch(Value),
    Null(&'static str),
    Increment(Counter),
    Rollback(prop::sample::Index, RollbackScope),
    Reseed(LaunchSeed),
    Mirror(LiveConfig),
    Migrate,
}

fn operation() -> impl Strategy<Value = Operation> {
    let carry = || prop::sample::select(vec![Carry::Keep, Carry::Reset]);
    let scope = vec![RollbackScope::WithoutFailover, RollbackScope::IncludingFailover];
    prop_oneof![
        3 => patch().prop_map(Operation::Patch),
        1 => prop::sample::select(vec!["game", "project"]).prop_map(Operation::Null),
        1 => prop::sample::select(Counter::ALL.to_vec()).prop_map(Operation::Increment),
        1 => (any::<prop::sample::Index>(), prop::sample::select(scope))
            .prop_map(|(index, scope)| Operation::Rollback(index, scope)),
        1 => (carry(), carry())
            .prop_map(|(project, failover)| Operation::Reseed(LaunchSeed { project, failover })),
        1 => document().prop_map(Operation::Mirror),
        1 => Just(Operation::Migrate),
    ]
}

fn perform(rules: &ConfigRules, history: &[LiveConfig], operation: &Operation) -> LiveConfig {
    let current = history.last().unwrap();
    let save = |patch: &Value| rules.patch(current, patch, Audience::Support);
    match operation {
        Operation::Patch(patch) => save(patch).unwrap_or_else(|_| current.clone()),
        Operation::Null(part) => save(&json!({ *part: null })).unwrap_or_else(|_| current.clone()),
        Operation::Increment(counter) => rules.increment(current, counter.pointer()).unwrap(),
        Operation::Rollback(index, scope) => {
            rules.rollback(current, index.get(history), *scope, Audience::Support).config
        }
        Operation::Reseed(seed) => rules.reseed(current, *seed),
        Operation::Mirror(main) => rules.mirror(main, current),
        Operation::Migrate => rules.migrate(current).config,
    }
}

/// What the general validator and the rules on counters and overrides say of the document that
/// the general merge gives.
fn is_right(current: &LiveConfig, merged: &Value) -> bool {
    let document = rules().schema_document(Audience::Support);
    if !jsonschema::draft202012::new(&document).unwrap().is_valid(merged) {
        return false;
    }
    let merged: LiveConfig = serde_json::from_value(merged.clone()).unwrap();
    let counters_hold = Counter::ALL.iter().all(|counter| {
        let (before, after) = (counter.read(current), counter.read(&merged));
        (before..=before + COUNTER_JUMP_MAX).contains(&after)
    });
    let failover = GameConfig::read(&merged).failover;
    counters_hold && (failover.is_set() || failover.override_deployment_id.is_empty())
}

proptest! {
    #[test]
    fn a_diff_leads_from_the_old_document_to_the_new(old in document(), new in document()) {
        let mut config = old.clone();
        Changes::between(&old, &new).apply(&mut config);
        prop_assert_eq!(&config, &new);
        prop_assert!(Changes::between(&config, &new).is_empty());
    }

    #[test]
    fn a_patch_is_taken_exactly_when_the_general_validator_takes_its_result(patch in patch()) {
        let rules = rules();
        let current = rules.defaults();
        let mut merged = serde_json::to_value(current).unwrap();
        json_patch::merge(&mut merged, &patch);
        let result = rules.patch(current, &patch, Audience::Support);
        prop_assert_eq!(result.is_ok(), is_right(current, &merged), "{:?}", result);
        if let Ok(next) = result {
            let read: LiveConfig = serde_json::from_value(merged).unwrap();
            prop_assert_eq!(next, rules.migrate(&read).config);
        }
    }

    #[test]
    fn every_operation_leaves_a_valid_document_and_no_counter_falls(
        operations in vec(operation(), 0..12),
    ) {
        let rules = rules();
        let mut history = vec![rules.defaults().clone()];
        for operation in &operations {
            let next = perform(&rules, &history, operation);
            let migrated = rules.migrate(&next);
            prop_assert!(migrated.dropped.is_empty(), "{:?}: {:?}", operation, migrated.dropped);
            prop_assert_eq!(&migrated.config, &next);
            for counter in Counter::ALL {
                prop_assert!(counter.read(&next) >= counter.read(history.last().unwrap()));
            }
            history.push(next);
        }
    }

    #[test]
    fn players_never_see_failover_nor_anything_hidden_from_them(
        operations in vec(operation(), 0..6),
    ) {
        let rules = rules();
        let mut history = vec![rules.defaults().clone()];
        for operation in &operations {
            history.push(perform(&rules, &history, operation));
        }
        let view = rules.view(history.last().unwrap(), Audience::Players);
        prop_assert!(!view.game.contains_key("Failover"));
        prop_assert_eq!(view.project.keys().collect::<Vec<_>>(), ["Stage"]);
    }

    #[test]
    fn defaults_in_layers_are_those_of_the_last_layer_that_has_them(
        lower in prop::option::of(0_i64..5), upper in prop::option::of(0_i64..5),
    ) {
        let layer = |light: Option<i64>| -> Map<String, Value> {
            let section = light.map(|light| json!({ "Light": light * 2 }));
            section.map(|section| ("Stage".to_owned(), section)).into_iter().collect()
        };
        let rules = rules();
        let schema = rules.project_schema();
        let defaults = schema.defaults(&[&layer(lower), &layer(upper)]).unwrap();
        let expected = upper.or(lower).map_or(4, |light| light * 2);
        prop_assert_eq!(&defaults["Stage"]["Light"], &json!(expected));
        prop_assert_eq!(&defaults["Stage"]["Title"], &json!("Hi"));
    }
}
