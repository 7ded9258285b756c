//! What worlds are made of, and who may say so.

use lifeboat_core::code::ErrorCode;
use serde_json::{Value, json};

use super::create::may_set_internal;
use super::draft::{complete, patched};
use crate::auth::Role;
use crate::mods::Mods;

fn mods() -> Mods {
    Mods::load(None).unwrap()
}

fn refused(sent: &Value) -> Vec<(String, String)> {
    let problem = complete(&mods(), sent).unwrap_err().0;
    assert_eq!(problem.status, 422);
    problem.errors.into_iter().map(|one| (one.path, one.message)).collect()
}

#[test]
fn a_name_and_a_mod_are_enough() {
    let spec = complete(&mods(), &json!({ "name": "Main", "build": { "mod": "plaza" } })).unwrap();
    assert_eq!(
        serde_json::to_value(&spec).unwrap(),
        json!({
            "name": "Main", "description": "", "labels": {},
            "build": { "mod": "plaza", "modVersion": "1.1.0", "contentVersion": "2026.11.1",
                       "baseVersion": 38, "map": "plaza" },
            "scale": { "profile": "Capacity500" }, "durationMinutes": 180,
            "access": { "public": true, "guests": true, "groups": [] },
            "streaming": { "launchMode": "same-tab" }, "settings": {}
        })
    );
}

#[test]
fn null_asks_for_the_default() {
    let sent = json!({
        "name": "Main", "description": null, "access": { "groups": null, "guests": false },
        "build": { "mod": "plaza", "modVersion": "1.0.0", "baseVersion": "V37", "map": null },
    });
    let spec = complete(&mods(), &sent).unwrap();
    assert_eq!((spec.description.as_str(), spec.build.map.as_str()), ("", "plaza"));
    assert_eq!(spec.build.base_version.number(), 37);
    assert!(spec.access.public && !spec.access.guests);
}

#[test]
fn what_is_missing_or_not_installed_is_named_with_what_there_is() {
    let paths = |sent| refused(&sent).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    assert_eq!(paths(json!({})), ["/name", "/build/mod"]);
    assert_eq!(paths(Value::Null), [""]);
    let build = |build: Value| {
        let (path, message) = refused(&json!({ "name": "Main", "build": build })).remove(0);
        (path, message)
    };
    for (sent, path, offered) in [
        (json!({ "mod": "forest" }), "/build/mod", "plaza"),
        (json!({ "mod": "plaza", "modVersion": "9" }), "/build/modVersion", "1.0.0, 1.1.0"),
        (json!({ "mod": "plaza", "contentVersion": "1" }), "/build/contentVersion", "2026.11.1"),
        (json!({ "mod": "plaza", "baseVersion": 12 }), "/build/baseVersion", "V38"),
        (json!({ "mod": "plaza", "map": "moon" }), "/build/map", "garden"),
    ] {
        let (found, message) = build(sent);
        assert_eq!(found, path);
        assert!(message.contains(offered), "{message}");
    }
}

#[test]
fn a_patch_changes_what_it_names_and_nothing_else() {
    let spec = complete(&mods(), &json!({ "name": "Main", "build": { "mod": "plaza" } })).unwrap();
    let next = patched(&mods(), &spec, &json!({ "access": { "public": false } })).unwrap();
    assert!(!next.access.public && next.access.guests);
    assert_eq!(next.build, spec.build);
    let problem = patched(&mods(), &spec, &json!({ "id": "wld_other" })).unwrap_err();
    assert_eq!(problem.code(), ErrorCode::ValidationFailed);
}

#[test]
fn internal_settings_are_for_support_and_above() {
    let sent = json!({ "settings": { "licence": "x" } });
    let refusal = may_set_internal(Role::Operator, &sent).unwrap_err();
    assert_eq!(refusal.code(), ErrorCode::RoleRequired);
    assert!(may_set_internal(Role::Operator, &json!({ "settings": null })).is_err());
    assert!(may_set_internal(Role::Operator, &json!({ "settings": {} })).is_ok());
    assert!(may_set_internal(Role::Support, &sent).is_ok());
}
