//! Table tests of every code, and of each way to the next document.

use serde_json::{Value, json};

use super::*;
use crate::limits::{COUNTER_JUMP_MAX, LIVE_CONFIG_BYTES_MAX};
use crate::live_config::{Changes, GameConfig};

const SCHEMA: &str = r##"{
  "type": "object",
  "properties": {
    "Stage": { "type": "object", "description": "The stage.", "properties": {
      "DoorsOpen": { "type": "boolean", "default": false },
      "Light": { "type": "integer", "default": 4, "minimum": 0, "maximum": 10, "multipleOf": 2 },
      "Volume": { "type": "number", "default": 0.5, "exclusiveMinimum": 0, "exclusiveMaximum": 2 },
      "Title": { "type": "string", "default": "Hi", "minLength": 1, "maxLength": 200000 },
      "Colour": { "type": "string", "default": "#fff", "pattern": "^#[0-9a-f]{3}$" },
      "Steps": { "type": "array", "items": { "type": "integer" }, "default": [1, 2] }
    } },
    "Backstage": { "type": "object", "properties": {
      "Pin": { "type": "string", "default": "0000", "internal": true },
      "Cue": { "type": "string", "default": "", "client": false }
    } }
  }
}"##;

pub(super) fn rules() -> ConfigRules {
    let schema = Arc::new(ProjectSchema::parse(SCHEMA).unwrap());
    let map = json!({ "Stage": { "Light": 6 }, "Gone": 1 });
    let defaults = schema.defaults(&[map.as_object().unwrap()]).unwrap();
    ConfigRules::new(schema, defaults)
}

fn patched(patch: Value) -> LiveConfig {
    rules().patch(rules().defaults(), &patch, Audience::Support).unwrap()
}

fn refused(current: &LiveConfig, patch: &Value) -> Vec<(String, ErrorCode)> {
    let problems = rules().patch(current, patch, Audience::Support).unwrap_err();
    problems.into_iter().map(|problem| (problem.path, problem.code)).collect()
}

#[test]
fn each_broken_rule_has_its_code_and_its_place() {
    let current = patched(json!({ "game": { "ForceDisconnect": { "AllClients": 5 } } }));
    let long = "x".repeat(LIVE_CONFIG_BYTES_MAX);
    let counter = "/game/ForceDisconnect/AllClients";
    use ErrorCode::{
        CounterDecreased, CounterJump, OverrideIncomplete, SchemaViolation, UnknownKey,
        ValidationFailed,
    };
    let force = |count: Value| json!({ "game": { "ForceDisconnect": { "AllClients": count } } });
    let stage = |value: Value| json!({ "project": { "Stage": value } });
    let failover = |value: Value| json!({ "game": { "Failover": value } });
    let table = [
        (json!([]), "", SchemaViolation),
        (json!(null), "", SchemaViolation),
        (json!({ "game": 3 }), "/game", SchemaViolation),
        (json!({ "project": [] }), "/project", SchemaViolation),
        (json!({ "games": {} }), "/games", UnknownKey),
        (stage(json!({ "Doors": true })), "/project/Stage/Doors", UnknownKey),
        (stage(json!({ "a/b": null })), "/project/Stage/a~1b", UnknownKey),
        (stage(json!(1)), "/project/Stage", SchemaViolation),
        (stage(json!({ "DoorsOpen": "yes" })), "/project/Stage/DoorsOpen", SchemaViolation),
        (stage(json!({ "DoorsOpen": {} })), "/project/Stage/DoorsOpen", SchemaViolation),
        (stage(json!({ "Light": 12 })), "/project/Stage/Light", SchemaViolation),
        (stage(json!({ "Light": -2 })), "/project/Stage/Light", SchemaViolation),
        (stage(json!({ "Light": 3 })), "/project/Stage/Light", SchemaViolation),
        (stage(json!({ "Light": 2.5 })), "/project/Stage/Light", SchemaViolation),
        (stage(json!({ "Volume": 0 })), "/project/Stage/Volume", SchemaViolation),
        (stage(json!({ "Volume": 2 })), "/project/Stage/Volume", SchemaViolation),
        (stage(json!({ "Title": "" })), "/project/Stage/Title", SchemaViolation),
        (stage(json!({ "Title": long })), "", ValidationFailed),
        (stage(json!({ "Colour": "red" })), "/project/Stage/Colour", SchemaViolation),
        (stage(json!({ "Steps": [1, "2"] })), "/project/Stage/Steps", SchemaViolation),
        (stage(json!({ "Steps": 1 })), "/project/Stage/Steps", SchemaViolation),
        (force(json!("4")), counter, SchemaViolation),
        (force(json!(-1)), counter, SchemaViolation),
        (force(json!(9_007_199_254_740_992_u64)), counter, SchemaViolation),
        (force(json!(1e300)), counter, SchemaViolation),
        (force(json!(4)), counter, CounterDecreased),
        (force(json!(null)), counter, CounterDecreased),
        (json!({ "game": null }), counter, CounterDecreased),
        (force(json!(5 + COUNTER_JUMP_MAX + 1)), counter, CounterJump),
        (
            failover(json!({ "OverrideDeploymentId": "dep_1" })),
            "/game/Failover/OverrideDeploymentId",
            OverrideIncomplete,
        ),
        (
            failover(json!({ "OverrideLaunchContextId": "lc_1" })),
            "/game/Failover/OverrideLaunchContextId",
            OverrideIncomplete,
        ),
    ];
    for (patch, path, code) in table {
        let shown: String = patch.to_string().chars().take(80).collect();
        assert_eq!(refused(&current, &patch), [(path.to_owned(), code)], "{shown}");
    }
}

#[test]
fn all_problems_are_told_at_once_and_their_number_is_bounded() {
    let patch = json!({ "x": 1, "game": { "y": 1, "Failover": { "OverrideWorldId": 7 } } });
    assert_eq!(refused(rules().defaults(), &patch).len(), 3);
    let many: Map<String, Value> = (0..5_000).map(|n| (format!("k{n}"), json!(1))).collect();
    assert_eq!(refused(rules().defaults(), &json!({ "project": many })).len(), 100);
}

#[test]
fn a_message_names_field_rule_and_remedy() {
    let patch = json!({ "project": { "Stage": { "Light": 12, "Dors": true } } });
    let problems = rules().patch(rules().defaults(), &patch, Audience::Support).unwrap_err();
    let messages: Vec<_> = problems.into_iter().map(|problem| problem.message).collect();
    assert_eq!(
        messages,
        [
            "`/project/Stage/Dors` is not in the schema: use `Colour`, `DoorsOpen`, `Light`, \
             `Steps`, `Title`, `Volume`",
            "`/project/Stage/Light` must be at most 10, but is 12",
        ]
    );
}

#[test]
fn whole_numbers_are_read_with_and_without_a_fraction() {
    let next = patched(json!({
        "game": { "ForceDisconnect": { "AllClients": 4.0 } },
        "project": { "Stage": { "Steps": [1.0, 2] } },
    }));
    assert_eq!(next.get("/game/ForceDisconnect/AllClients").unwrap().to_string(), "4");
    assert_eq!(next.get("/project/Stage/Steps").unwrap().to_string(), "[1,2]");
}

#[test]
fn null_returns_a_value_or_a_section_to_the_default_of_the_map() {
    let current = patched(json!({ "project": { "Stage": { "Light": 2, "DoorsOpen": true } } }));
    for patch in [json!({ "project": { "Stage": null } }), json!({ "project": null })] {
        let next = rules().patch(&current, &patch, Audience::Support).unwrap();
        assert_eq!(&next, rules().defaults());
    }
    let patch = json!({ "project": { "Stage": { "Light": null } } });
    let next = rules().patch(&current, &patch, Audience::Support).unwrap();
    assert_eq!(next.get("/project/Stage/Light"), Some(&json!(6)));
    assert_eq!(next.get("/project/Stage/DoorsOpen"), Some(&json!(true)));
}

#[test]
fn what_a_writer_may_not_see_it_cannot_change() {
    let current = patched(json!({ "project": { "Backstage": { "Pin": "1234", "Cue": "go" } } }));
    let patch = json!({ "project": { "Backstage": { "Pin": "9" } } });
    let problems = rules().patch(&current, &patch, Audience::Operators).unwrap_err();
    assert_eq!(problems[0].code, ErrorCode::UnknownKey);
    assert!(!problems[0].message.contains("`Pin`"), "{}", problems[0].message);
    let reset = json!({ "project": null });
    let next = rules().patch(&current, &reset, Audience::Operators).unwrap();
    assert_eq!(next.project["Backstage"], json!({ "Pin": "1234", "Cue": "" }));
}

#[test]
fn each_audience_sees_its_part() {
    let rules = rules();
    let keys = |audience| {
        let view = rules.view(rules.defaults(), audience);
        let game: Vec<_> = view.game.keys().cloned().collect();
        (game, view.project.get("Backstage").cloned())
    };
    let all = ["Admission", "Failover", "ForceDisconnect"];
    assert_eq!(keys(Audience::Players), (vec!["Admission".into(), "ForceDisconnect".into()], None));
    let (game, backstage) = keys(Audience::Operators);
    assert_eq!(
        (game, backstage),
        (all.iter().map(|k| (*k).into()).collect(), Some(json!({ "Cue": "" })))
    );
    let (_, backstage) = keys(Audience::Support);
    assert_eq!(backstage, Some(json!({ "Cue": "", "Pin": "0000" })));
    let document = rules.schema_document(Audience::Operators);
    assert!(document.pointer("/properties/project/properties/Backstage/properties/Cue").is_some());
    assert!(document.pointer("/properties/project/properties/Backstage/properties/Pin").is_none());
}

#[test]
fn the_schema_document_is_json_schema_and_its_defaults_are_valid() {
    let document = rules().schema_document(Audience::Support);
    assert!(jsonschema::meta::is_valid(&document));
    let light = &document["properties"]["project"]["properties"]["Stage"]["properties"]["Light"];
    assert_eq!(light["default"], 6);
    let counters = &document["properties"]["game"]["properties"]["ForceDisconnect"]["properties"];
    assert_eq!(counters["AllClients"]["counter"], true);
    let steps = &document["properties"]["project"]["properties"]["Stage"]["properties"]["Steps"];
    assert_eq!(steps["items"]["maximum"], COUNTER_MAX);
    let validator = jsonschema::draft202012::new(&document).unwrap();
    assert!(validator.is_valid(&serde_json::to_value(rules().defaults()).unwrap()));
}

#[test]
fn an_increment_raises_a_counter_and_nothing_else() {
    let rules = rules();
    let next = rules.increment(rules.defaults(), Counter::AllClients.pointer()).unwrap();
    let changes = Changes::between(rules.defaults(), &next);
    assert_eq!(changes.iter().collect::<Vec<_>>(), [(Counter::AllClients.pointer(), &json!(1))]);
    for (path, code) in [
        ("/game/Admission/JoinsPerSecond", ErrorCode::SchemaViolation),
        ("/project/Stage", ErrorCode::SchemaViolation),
        ("/project/Nothing", ErrorCode::UnknownKey),
        ("", ErrorCode::UnknownKey),
        ("game", ErrorCode::UnknownKey),
    ] {
        assert_eq!(rules.increment(rules.defaults(), path).unwrap_err()[0].code, code, "{path}");
    }
    let mut highest = rules.defaults().clone();
    Counter::AllClients.write(&mut highest.game, COUNTER_MAX);
    let problems = rules.increment(&highest, Counter::AllClients.pointer()).unwrap_err();
    assert_eq!(problems[0].code, ErrorCode::SchemaViolation);
}

#[test]
fn a_rollback_leaves_failover_and_counters_unless_asked_and_never_lowers_a_counter() {
    let rules = rules();
    let old = patched(json!({
        "game": { "Failover": { "OverrideWorldId": "wld_b" },
                  "ForceDisconnect": { "AllClients": 3 } },
        "project": { "Stage": { "DoorsOpen": true } },
    }));
    let current = patched(json!({
        "game": { "ForceDisconnect": { "AllClients": 7, "Redirected": 2 } },
    }));
    let next = rules.rollback(&current, &old, RollbackScope::WithoutFailover, Audience::Support);
    assert_eq!(next.config.game, current.game);
    assert_eq!(next.config.project, old.project);
    let next = rules.rollback(&current, &old, RollbackScope::IncludingFailover, Audience::Support);
    let game = GameConfig::read(&next.config);
    assert_eq!(game.failover.override_world_id, "wld_b");
    assert_eq!(game.force_disconnect.all_clients, 7);
    assert_eq!(game.force_disconnect.redirected, 2);
}

#[test]
fn a_rollback_changes_nothing_that_its_writer_may_not_see() {
    let rules = rules();
    let of_night = |pin: &str, cue: &str| {
        patched(json!({ "project": { "Backstage": { "Pin": pin, "Cue": cue } } }))
    };
    let (old, current) = (of_night("1111", "a"), of_night("2222", "b"));
    for (writer, expected) in [
        (Audience::Players, of_night("2222", "b")),
        (Audience::Operators, of_night("2222", "a")),
        (Audience::Support, of_night("1111", "a")),
    ] {
        for scope in [RollbackScope::WithoutFailover, RollbackScope::IncludingFailover] {
            let next = rules.rollback(&current, &old, scope, writer).config;
            assert_eq!(next, expected, "{writer:?}");
        }
    }
}

#[test]
fn a_launch_reseeds_project_and_clears_the_override_only_when_told() {
    let rules = rules();
    let current = patched(json!({
        "game": { "Failover": { "OverrideWorldId": "wld_b" },
                  "ForceDisconnect": { "AllClients": 3 } },
        "project": { "Stage": { "DoorsOpen": true } },
    }));
    let seed = |project, failover| rules.reseed(&current, LaunchSeed { project, failover });
    assert_eq!(seed(Carry::Keep, Carry::Keep), current);
    let fresh = seed(Carry::Reset, Carry::Reset);
    assert_eq!(fresh.project, rules.defaults().project);
    assert_eq!(Counter::AllClients.read(&fresh), 3);
    assert!(!GameConfig::read(&fresh).failover.is_set());
}

#[test]
fn a_mirror_copies_all_but_the_standby_s_own_sections() {
    let rules = rules();
    let main = patched(json!({
        "game": { "Failover": { "OverrideWorldId": "wld_b" },
                  "ForceDisconnect": { "AllClients": 3 },
                  "Admission": { "JoinsPerSecond": 9 } },
        "project": { "Stage": { "DoorsOpen": true } },
    }));
    let standby = patched(json!({ "game": { "ForceDisconnect": { "AllClients": 1 } } }));
    let next = rules.mirror(&main, &standby);
    assert_eq!((next.game, next.project), (standby.game, main.project));
}

#[test]
fn a_migration_keeps_what_is_still_valid_and_names_the_rest() {
    let rules = rules();
    let old: LiveConfig = serde_json::from_value(json!({
        "game": { "Old": { "Key": 1 }, "ForceDisconnect": { "AllClients": 8 } },
        "project": { "Stage": { "DoorsOpen": true, "Light": 99, "Gone": 1 }, "Backstage": 5 },
    }))
    .unwrap();
    let Migrated { config, dropped } = rules.migrate(&old);
    assert_eq!(
        dropped,
        ["/game/Old", "/project/Backstage", "/project/Stage/Gone", "/project/Stage/Light"]
    );
    assert_eq!(config.get("/project/Stage/DoorsOpen"), Some(&json!(true)));
    assert_eq!(config.get("/project/Stage/Light"), Some(&json!(6)));
    assert_eq!(Counter::AllClients.read(&config), 8);
    assert_eq!(rules.migrate(&config), Migrated { config, dropped: vec![] });
}

#[test]
fn a_document_of_an_older_schema_does_not_block_an_unrelated_save() {
    let old: LiveConfig = serde_json::from_value(json!({
        "game": {}, "project": { "Stage": { "Light": 99 } },
    }))
    .unwrap();
    let patch = json!({ "project": { "Stage": { "DoorsOpen": true } } });
    let next = rules().patch(&old, &patch, Audience::Operators).unwrap();
    assert_eq!(next, patched(patch));
}
