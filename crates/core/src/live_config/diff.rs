//! What differs between two documents.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::LiveConfig;
use super::pointer::{child, keys};

/// The difference between two documents: the new value at each JSON pointer that changed, `null`
/// where there is none any more. Applied to the old document it gives the new one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Changes(BTreeMap<String, Value>);

impl Changes {
    /// What leads from `old` to `new`.
    #[must_use]
    pub fn between(old: &LiveConfig, new: &LiveConfig) -> Self {
        let mut changes = BTreeMap::new();
        compare(&old.game, &new.game, "/game", &mut changes);
        compare(&old.project, &new.project, "/project", &mut changes);
        Self(changes)
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pointers with their new values, in the order of the pointers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(pointer, value)| (pointer.as_str(), value))
    }

    /// Brings a document to the state that the changes lead to. A pointer into nowhere, which
    /// can only come from another document's changes, is passed over.
    pub fn apply(&self, config: &mut LiveConfig) {
        for (pointer, value) in &self.0 {
            let Some(path) = keys(pointer) else { continue };
            if let [part, between @ .., last] = path.as_slice()
                && let Some(section) = section_mut(config, part, between)
            {
                match value {
                    Value::Null => drop(section.remove(last)),
                    _ => drop(section.insert(last.clone(), value.clone())),
                }
            }
        }
    }
}

fn section_mut<'a>(
    config: &'a mut LiveConfig,
    part: &str,
    between: &[String],
) -> Option<&'a mut Map<String, Value>> {
    let mut section = match part {
        "game" => &mut config.game,
        "project" => &mut config.project,
        _ => return None,
    };
    for key in between {
        section = section.get_mut(key)?.as_object_mut()?;
    }
    Some(section)
}

fn compare(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    at: &str,
    changes: &mut BTreeMap<String, Value>,
) {
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        changes.insert(child(at, key), Value::Null);
    }
    for (key, new) in new {
        match (old.get(key), new) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                compare(old, new, &child(at, key), changes);
            }
            (Some(old), new) if old == new => {}
            _ => {
                changes.insert(child(at, key), new.clone());
            }
        }
    }
}
