//! Everything that can be wrong with a schema is found, and found by its place.

use super::*;

fn keys(schema: &Value) -> Vec<String> {
    let problems = ProjectSchema::parse(&schema.to_string()).map(|_| ()).unwrap_err();
    problems.into_iter().map(|problem| problem.key).collect()
}

fn with(leaf: &Value) -> Value {
    json!({ "type": "object", "properties": { "A": leaf } })
}

#[test]
fn each_fault_of_a_value_is_named_by_its_place() {
    let table = [
        (json!(3), ""),
        (json!({}), "/type"),
        (json!({ "type": ["string", "null"] }), "/type"),
        (json!({ "type": "null", "default": null }), "/type"),
        (json!({ "type": "string" }), "/default"),
        (json!({ "type": "string", "default": 3 }), "/default"),
        (json!({ "type": "boolean", "default": "true" }), "/default"),
        (json!({ "type": "integer", "default": 2.5 }), "/default"),
        (json!({ "type": "integer", "default": 9_007_199_254_740_992_i64 }), "/default"),
        (json!({ "type": "integer", "default": 2, "minimum": 3 }), "/default"),
        (json!({ "type": "number", "default": 0, "exclusiveMinimum": 0 }), "/default"),
        (json!({ "type": "number", "default": 0, "minimum": "0" }), "/minimum"),
        (json!({ "type": "number", "default": 0, "multipleOf": 0 }), "/multipleOf"),
        (json!({ "type": "string", "default": "", "minLength": -1 }), "/minLength"),
        (json!({ "type": "string", "default": "", "minLength": 1 }), "/default"),
        (json!({ "type": "string", "default": "", "maxLength": "1" }), "/maxLength"),
        (json!({ "type": "string", "default": "", "pattern": "(" }), "/pattern"),
        (json!({ "type": "string", "default": "", "pattern": "\\w{9999}{9999}" }), "/pattern"),
        (json!({ "type": "string", "default": "", "pattern": 1 }), "/pattern"),
        (json!({ "type": "string", "default": "", "enum": [""] }), "/enum"),
        (json!({ "type": "string", "default": "", "minimum": 1 }), "/minimum"),
        (json!({ "type": "boolean", "default": true, "pattern": "a" }), "/pattern"),
        (json!({ "type": "string", "default": "", "internal": "yes" }), "/internal"),
        (json!({ "type": "string", "default": "", "client": 0 }), "/client"),
        (json!({ "type": "string", "default": "", "description": 0 }), "/description"),
        (json!({ "type": "array", "default": [] }), "/items"),
        (json!({ "type": "array", "default": [], "items": { "type": "array" } }), "/items/type"),
        (
            json!({ "type": "array", "default": [], "items": { "type": "string", "pattern": "" } }),
            "/items/pattern",
        ),
        (
            json!({ "type": "array", "default": [1, "a"], "items": { "type": "integer" } }),
            "/default",
        ),
        (json!({ "type": "object" }), "/properties"),
        (json!({ "type": "object", "properties": {}, "default": {} }), "/default"),
        (json!({ "type": "object", "properties": {}, "$schema": "" }), "/$schema"),
    ];
    for (leaf, place) in table {
        assert_eq!(keys(&with(&leaf)), [format!("/properties/A{place}")], "{leaf}");
    }
}

#[test]
fn the_whole_file_has_rules_too() {
    for text in ["", "[]", "{"] {
        let problems = ProjectSchema::parse(text).map(|_| ()).unwrap_err();
        assert_eq!(problems[0].key, "", "{text}");
    }
    assert_eq!(keys(&json!({ "properties": {} })), ["/type"]);
    assert_eq!(keys(&json!({ "type": "object" })), ["/properties"]);
}

#[test]
fn keys_that_a_flag_s_name_could_not_hold_are_refused() {
    for key in ["", "a.b", "a/b", "1a", "ä", &"a".repeat(65)] {
        let leaf = json!({ "type": "boolean", "default": true });
        let schema = json!({ "type": "object", "properties": { key: leaf } });
        assert_eq!(keys(&schema).len(), 1, "{key}");
    }
}

#[test]
fn sections_have_a_depth() {
    let leaf = json!({ "type": "boolean", "default": true });
    let nested = |depth: usize| (0..depth).fold(leaf.clone(), |schema, _| with(&schema));
    assert!(ProjectSchema::parse(&nested(8).to_string()).is_ok());
    assert_eq!(keys(&nested(9)).len(), 1);
    assert_eq!(keys(&nested(30)).len(), 1);
}

#[test]
fn all_faults_are_told_at_once() {
    let schema = json!({ "type": "object", "oneOf": [], "properties": {
        "A": { "type": "string", "default": 1 },
        "B": { "type": "string", "default": "", "format": "date", "minLength": "x" },
    } });
    assert_eq!(
        keys(&schema),
        ["/oneOf", "/properties/A/default", "/properties/B/format", "/properties/B/minLength",]
    );
}

#[test]
fn a_section_passes_its_marks_on_to_what_is_in_it() {
    let schema = json!({ "type": "object", "properties": {
        "Hidden": { "type": "object", "internal": true, "properties": {
            "A": { "type": "boolean", "default": true, "internal": false },
        } },
        "Server": { "type": "object", "client": false, "properties": {
            "B": { "type": "boolean", "default": true, "client": true },
        } },
    } });
    let schema = ProjectSchema::parse(&schema.to_string()).unwrap();
    let seen = |audience| {
        let view = schema.root().view(&schema.root().defaults(), audience);
        view.keys().cloned().collect::<Vec<_>>()
    };
    assert!(seen(Audience::Players).is_empty());
    assert_eq!(seen(Audience::Operators), ["Server"]);
    assert_eq!(seen(Audience::Support), ["Hidden", "Server"]);
}

#[test]
fn multiples_of_fractions_are_recognised() {
    let leaf = json!({ "type": "number", "default": 0.3, "multipleOf": 0.1 });
    assert!(ProjectSchema::parse(&with(&leaf).to_string()).is_ok());
    let leaf = json!({ "type": "number", "default": 0.35, "multipleOf": 0.1 });
    assert_eq!(keys(&with(&leaf)), ["/properties/A/default"]);
}

#[test]
fn a_wrong_value_in_a_layer_is_named_with_its_layer_and_unknown_keys_are_passed_over() {
    let leaf = json!({ "type": "integer", "default": 3, "maximum": 5 });
    let schema = ProjectSchema::parse(&with(&leaf).to_string()).unwrap();
    let layer = |value: Value| value.as_object().cloned().unwrap();
    let good = layer(json!({ "A": 4, "Unknown": { "B": 1 } }));
    let bad = layer(json!({ "A": 6 }));
    assert_eq!(schema.defaults(&[&good]).unwrap(), layer(json!({ "A": 4 })));
    let problems = schema.defaults(&[&good, &bad]).unwrap_err();
    let [(index, problem)] = problems.as_slice() else { unreachable!("one fault: {problems:?}") };
    assert_eq!((*index, problem.key.as_str()), (1, "/A"));
}
