//! What a mod's folder may hold, and how its faults are told.

use serde_json::json;

use super::*;
use crate::version::BaseVersion;

const MANIFEST: &str = r#"
name = "plaza"
version = "1.0.0"
command = ["lifeboat-plaza", "--map", "plaza"]
base_versions = [37, 38, 39]
content_versions = ["2026.11.1", "2026.11.2"]
maps = ["plaza", "garden"]
seats_per_server = 100
protocol = "ws"
"#;

const SCHEMA: &str = r#"{ "type": "object", "properties": { "Stage": { "type": "object",
    "properties": { "Light": { "type": "integer", "default": 1, "maximum": 5 } } } } }"#;

fn files() -> ModFiles {
    ModFiles { manifest: MANIFEST.to_owned(), schema: SCHEMA.to_owned(), ..ModFiles::default() }
}

fn places(files: &ModFiles) -> Vec<(String, String)> {
    let problems = Mod::parse(files).map(|_| ()).unwrap_err();
    problems.into_iter().map(|problem| (problem.file, problem.key)).collect()
}

#[test]
fn a_manifest_is_read_and_what_it_leaves_out_has_a_default() {
    let manifest = ModManifest::parse(MANIFEST).unwrap();
    assert_eq!(manifest.base_versions, [37, 38, 39].map(BaseVersion::new));
    assert_eq!(manifest.joins_per_second_per_server, 50.0);
    assert_eq!((manifest.protocol, manifest.path.as_str()), (Protocol::Ws, "/"));
    let faster = format!("{MANIFEST}\njoins_per_second_per_server = 80\npath = \"/room\"\n");
    let manifest = ModManifest::parse(&faster).unwrap();
    assert_eq!((manifest.joins_per_second_per_server, manifest.path.as_str()), (80.0, "/room"));
}

#[test]
fn each_fault_of_a_manifest_is_named_by_its_key() {
    let table = [
        ("name = \"plaza\"", "name = \"../plaza\"", "name"),
        ("name = \"plaza\"", "", "name"),
        ("version = \"1.0.0\"", "version = 1.0", "version"),
        ("command = [\"lifeboat-plaza\", \"--map\", \"plaza\"]", "command = []", "command"),
        ("[37, 38, 39]", "[]", "base_versions"),
        ("[37, 38, 39]", "[37, 37]", "base_versions"),
        ("[37, 38, 39]", "[-1]", "base_versions"),
        ("[37, 38, 39]", "[\"V37\"]", "base_versions"),
        ("[\"2026.11.1\", \"2026.11.2\"]", "\"2026.11.1\"", "content_versions"),
        ("[\"plaza\", \"garden\"]", "[\"a b\"]", "maps"),
        ("= 100", "= 0", "seats_per_server"),
        ("= 100", "= 1.5", "seats_per_server"),
        ("= 100", "= 100\njoins_per_second_per_server = 0", "joins_per_second_per_server"),
        ("= 100", "= 100\njoins_per_second_per_server = nan", "joins_per_second_per_server"),
        ("\"ws\"", "\"http\"", "protocol"),
        ("\"ws\"", "\"ws\"\npath = \"room\"", "path"),
        ("\"ws\"", "\"ws\"\nseats = 3", "seats"),
        ("\"ws\"", "\"ws\"\n[ports]\ngame = 0", "ports"),
        ("\"ws\"", "\"ws", ""),
    ];
    for (from, to, key) in table {
        let text = MANIFEST.replace(from, to);
        assert_ne!(text, MANIFEST);
        let problems = ModManifest::parse(&text).unwrap_err();
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, [key], "{to}");
    }
}

#[test]
fn faults_of_all_files_are_told_at_once() {
    let files = ModFiles {
        manifest: MANIFEST.replace("= 100", "= 0\nextra = 1"),
        schema: SCHEMA.replace("\"maximum\"", "\"most\""),
        overrides: Some("[]".to_owned()),
        map_overrides: [("garden".to_owned(), "{".to_owned())].into(),
    };
    let place = |file: &str, key: &str| (file.to_owned(), key.to_owned());
    assert_eq!(
        places(&files),
        [
            place("mod.toml", "seats_per_server"),
            place("mod.toml", "extra"),
            place("project.schema.json", "/properties/Stage/properties/Light/most"),
            place("overrides/project.override.json", ""),
            place("overrides/garden/project.override.json", ""),
        ]
    );
}

#[test]
fn defaults_come_from_schema_mod_and_map_in_this_order() {
    let light = |found: &Mod, map: &str| {
        found.rules(map).unwrap().defaults().get("/project/Stage/Light").cloned()
    };
    let found = Mod::parse(&files()).unwrap();
    assert_eq!(light(&found, "garden"), Some(json!(1)));
    assert!(found.rules("moon").is_none());
    let mut files = files();
    files.overrides = Some(r#"{ "Stage": { "Light": 2 }, "Gone": true }"#.to_owned());
    let map = r#"{ "Stage": { "Light": 3 } }"#.to_owned();
    files.map_overrides.insert("garden".to_owned(), map);
    let found = Mod::parse(&files).unwrap();
    assert_eq!((light(&found, "plaza"), light(&found, "garden")), (Some(json!(2)), Some(json!(3))));
}

#[test]
fn a_wrong_override_is_a_fault_of_its_file_told_once() {
    let mut files = files();
    let wrong = r#"{ "Stage": { "Light": 9 } }"#.to_owned();
    files.overrides = Some(wrong.clone());
    files.map_overrides.insert("garden".to_owned(), wrong);
    let key = "/Stage/Light".to_owned();
    assert_eq!(
        places(&files),
        [(OVERRIDES_FILE.to_owned(), key.clone()), (map_overrides_file("garden"), key),]
    );
}

#[test]
fn overrides_of_a_map_that_the_mod_does_not_have_are_a_fault() {
    let mut files = files();
    files.map_overrides.insert("moon".to_owned(), "{}".to_owned());
    assert_eq!(places(&files), [(map_overrides_file("moon"), String::new())]);
}
