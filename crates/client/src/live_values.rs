//! A client's copy of the live config that players may see.

use lifeboat_core::live_config::LiveConfig;
use serde_json::{Map, Value};

/// Puts changed values in their places. `/game` and `/project` stand for those parts whole, as at
/// each new channel; a pointer that leads nowhere is passed over, for newer servers.
pub(crate) fn apply(config: &mut LiveConfig, changes: Map<String, Value>) {
    for (pointer, value) in changes {
        let mut keys =
            pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~"));
        let part = match keys.next().as_deref() {
            Some("game") => &mut config.game,
            Some("project") => &mut config.project,
            _ => continue,
        };
        let keys: Vec<String> = keys.collect();
        match (keys.split_last(), value) {
            (None, Value::Object(whole)) => *part = whole,
            (None, _) => {}
            (Some((last, path)), value) => {
                if let Some(section) = section(part, path) {
                    section.insert(last.clone(), value);
                }
            }
        }
    }
}

/// The object at `path`, made if it is not there; none where something else stands.
fn section<'a>(
    part: &'a mut Map<String, Value>,
    path: &[String],
) -> Option<&'a mut Map<String, Value>> {
    path.iter().try_fold(part, |found, key| {
        found.entry(key.as_str()).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn wholes_and_single_values_are_put_in_their_places() {
        let mut config = LiveConfig::default();
        apply(
            &mut config,
            changes(json!({ "/game": {}, "/project": { "Stage": { "Doors": 1 } } })),
        );
        apply(&mut config, changes(json!({ "/project/Stage/Doors": 2, "/game/New/a~1b": true })));
        assert_eq!(
            serde_json::to_value(&config).unwrap(),
            json!({ "game": { "New": { "a/b": true } }, "project": { "Stage": { "Doors": 2 } } })
        );
    }

    #[test]
    fn what_leads_nowhere_is_passed_over() {
        let mut config = LiveConfig::default();
        apply(&mut config, changes(json!({ "": 1, "/": 1, "game": 1, "/game": 1, "/other/x": 1 })));
        assert_eq!(config, LiveConfig::default());
        apply(&mut config, changes(json!({ "/game/a": 1 })));
        apply(&mut config, changes(json!({ "/game/a/b": 1 })));
        assert_eq!(config.get("/game/a"), Some(&json!(1)));
    }
}
