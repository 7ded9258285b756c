//! What live config says about the stage, as people see it.

use serde::Serialize;
use serde_json::Value;

use crate::limits::{SNAPSHOT_RATE_HZ_DEFAULT, SNAPSHOT_RATE_HZ_MAX, TITLE_CHARS_MAX};

/// The live values that plaza honours.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// The revision of the live config that these values are of; 0 before any was seen.
    pub revision: u64,
    /// Whether people may walk onto the stage's area.
    pub doors_open: bool,
    /// What is on, up to 80 characters.
    pub title: String,
    /// How bright the stage is, 0 to 1.
    pub light_level: f64,
    /// Snapshots per second, 1 to 20.
    pub snapshot_rate_hz: u32,
    /// Whether people may say something.
    pub chat_open: bool,
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            revision: 0,
            doors_open: true,
            title: "Plaza".to_owned(),
            light_level: 0.8,
            snapshot_rate_hz: SNAPSHOT_RATE_HZ_DEFAULT,
            chat_open: true,
        }
    }
}

impl Stage {
    /// The values in a live config document `{revision, game, project}`. What is missing or of
    /// another type has its default; what is out of range, the nearest value in it.
    #[must_use]
    pub fn from_live_config(document: &Value) -> Self {
        let default = Self::default();
        let leaf = |pointer: &str| document.pointer(pointer);
        Self {
            revision: leaf("/revision").and_then(Value::as_u64).unwrap_or(default.revision),
            doors_open: leaf("/project/Stage/DoorsOpen")
                .and_then(Value::as_bool)
                .unwrap_or(default.doors_open),
            title: leaf("/project/Stage/Title")
                .and_then(Value::as_str)
                .map_or(default.title, |title| title.chars().take(TITLE_CHARS_MAX).collect()),
            light_level: leaf("/project/Stage/LightLevel")
                .and_then(Value::as_f64)
                .map_or(default.light_level, |level| level.clamp(0.0, 1.0)),
            snapshot_rate_hz: leaf("/project/Crowd/SnapshotRateHz")
                .and_then(Value::as_u64)
                .and_then(|rate| u32::try_from(rate).ok())
                .map_or(default.snapshot_rate_hz, |rate| rate.clamp(1, SNAPSHOT_RATE_HZ_MAX)),
            chat_open: leaf("/project/Crowd/ChatOpen")
                .and_then(Value::as_bool)
                .unwrap_or(default.chat_open),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_live_values_are_read() {
        let stage = Stage::from_live_config(&json!({
            "revision": 7, "game": {},
            "project": {
                "Stage": {"DoorsOpen": false, "Title": "Finale", "LightLevel": 0.25},
                "Crowd": {"SnapshotRateHz": 5, "ChatOpen": false},
            },
        }));
        let expected = Stage {
            revision: 7,
            doors_open: false,
            title: "Finale".to_owned(),
            light_level: 0.25,
            snapshot_rate_hz: 5,
            chat_open: false,
        };
        assert_eq!(stage, expected);
    }

    #[test]
    fn nonsense_is_read_as_the_default_and_excess_as_the_limit() {
        let stage = Stage::from_live_config(&json!({"project": {
            "Stage": {"DoorsOpen": "no", "Title": 4, "LightLevel": 9},
            "Crowd": {"SnapshotRateHz": 4_000_000},
        }}));
        let expected =
            Stage { light_level: 1.0, snapshot_rate_hz: SNAPSHOT_RATE_HZ_MAX, ..Stage::default() };
        assert_eq!(stage, expected);
        assert_eq!(Stage::from_live_config(&json!("x")), Stage::default());
    }

    #[test]
    fn the_defaults_are_those_of_the_schema() {
        let schema: Value =
            serde_json::from_str(include_str!("../../../mods/plaza/1.1.0/project.schema.json"))
                .unwrap();
        let mut project = json!({});
        for (section, entry) in schema["properties"].as_object().unwrap() {
            for (key, leaf) in entry["properties"].as_object().unwrap() {
                project[section][key] = leaf["default"].clone();
            }
        }
        let seeded = Stage::from_live_config(&json!({"revision": 0, "project": project}));
        assert_eq!(seeded, Stage::default());
    }
}
