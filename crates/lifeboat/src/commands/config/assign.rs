//! Paths and values of live config as they are typed.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::commands::world::{json_or_text, put};
use crate::exit::Usage;

/// A path in live config: written `/game/Failover/OverrideWorldId` or with dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer(Vec<String>);

impl Pointer {
    /// Whether a change there sends people from one world into another, or makes them rejoin.
    pub(super) fn moves_people(&self) -> bool {
        let [part, section, ..] = self.0.as_slice() else { return false };
        part == "game" && (section == "Failover" || section == "ForceDisconnect")
    }
}

impl FromStr for Pointer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let keys: Vec<String> = match text.strip_prefix('/') {
            Some(pointer) => {
                pointer.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect()
            }
            None => text.split('.').map(str::to_owned).collect(),
        };
        let is_path = keys.len() >= 2
            && matches!(keys[0].as_str(), "game" | "project")
            && keys.iter().all(|key| !key.is_empty());
        if is_path {
            return Ok(Self(keys));
        }
        Err("write a path as game.ForceDisconnect.AllClients or project.Stage.DoorsOpen".to_owned())
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in &self.0 {
            write!(f, "/{}", key.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

/// A path and the value that it is to have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assignment {
    pub(super) pointer: Pointer,
    value: Value,
}

impl Assignment {
    /// Reads `PATH=VALUE …`, or one `PATH VALUE`.
    ///
    /// # Errors
    /// A misuse that names the word that is none.
    pub(super) fn read(words: &[String]) -> Result<Vec<Self>, Usage> {
        if let [path, value] = words
            && !path.contains('=')
        {
            return Ok(vec![Self::of(path, value)?]);
        }
        let read = |word: &String| match word.split_once('=') {
            Some((path, value)) => Self::of(path, value),
            None => Err(Usage(format!("`{word}` has no value; write it as PATH=VALUE"))),
        };
        words.iter().map(read).collect()
    }

    fn of(path: &str, value: &str) -> Result<Self, Usage> {
        let pointer = path.parse().map_err(|rule| Usage(format!("`{path}` is no path: {rule}")))?;
        Ok(Self { pointer, value: json_or_text(value) })
    }

    /// The merge patch that makes all of them.
    pub(super) fn patch(assignments: &[Self]) -> Value {
        let mut patch = Map::new();
        for Self { pointer, value } in assignments {
            put(&mut patch, &pointer.0, value);
        }
        Value::Object(patch)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patch(words: &[&str]) -> Result<Value, Usage> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        Assignment::read(&words).map(|assignments| Assignment::patch(&assignments))
    }

    #[test]
    fn the_guide_s_values_become_one_patch() {
        let typed = [
            "game.Failover.OverrideWorldId=wld_2",
            "/game/Failover/OverrideDeploymentId=dep_2",
            "project.Stage.DoorsOpen=true",
        ];
        assert_eq!(
            patch(&typed),
            Ok(json!({
                "game": { "Failover": {
                    "OverrideWorldId": "wld_2", "OverrideDeploymentId": "dep_2" } },
                "project": { "Stage": { "DoorsOpen": true } }
            }))
        );
        let one = patch(&["game.Admission.JoinsPerSecond", "25"]);
        assert_eq!(one, Ok(json!({ "game": { "Admission": { "JoinsPerSecond": 25 } } })));
        assert_eq!(
            patch(&["project.Stage.Title=null"]),
            Ok(json!({ "project": { "Stage": { "Title": null } } }))
        );
        assert_eq!(
            patch(&["project.Stage.Title=\"42\""]),
            Ok(json!({ "project": { "Stage": { "Title": "42" } } }))
        );
    }

    #[test]
    fn what_is_no_path_or_has_no_value_is_a_misuse() {
        for typed in ["Failover.OverrideWorldId=x", "game=x", "game..x=1", "game.A.B", "=1"] {
            assert!(patch(&[typed]).is_err(), "{typed}");
        }
    }

    #[test]
    fn only_two_sections_move_people() {
        let moves = |text: &str| text.parse::<Pointer>().unwrap().moves_people();
        assert!(
            moves("game.ForceDisconnect.AllClients") && moves("/game/Failover/OverrideWorldId")
        );
        assert!(!moves("game.Admission.JoinsPerSecond") && !moves("project.Failover.X"));
    }
}
