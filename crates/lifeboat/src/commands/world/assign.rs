//! Fields of a world as the readiness check's remedies write them: `build.map=garden`.

use serde_json::{Map, Value, json};

use super::json_or_text;
use crate::exit::Usage;

/// Fields that are texts also when they look like something else, as a version `2` does.
const TEXTS: [&str; 8] = [
    "name",
    "description",
    "build.mod",
    "build.modVersion",
    "build.contentVersion",
    "build.map",
    "scale.profile",
    "streaming.launchMode",
];

/// Puts `PATH=VALUE …` into a merge patch, over what was given by options.
///
/// # Errors
/// A misuse that names the word that is none.
pub(super) fn put_all(patch: &mut Value, words: &[String]) -> Result<(), Usage> {
    for word in words {
        let misuse = || Usage(format!("`{word}` is no PATH=VALUE, such as build.map=garden"));
        let (path, value) = word.split_once('=').ok_or_else(misuse)?;
        let keys: Vec<&str> = path.split('.').collect();
        if keys.iter().any(|key| key.is_empty()) {
            return Err(misuse());
        }
        let is_text = TEXTS.contains(&path);
        put(patch, &keys, if is_text { json!(value) } else { json_or_text(value) });
    }
    Ok(())
}

fn put(into: &mut Value, keys: &[&str], value: Value) {
    let [key, below @ ..] = keys else {
        *into = value;
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    put(&mut into[*key], below, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(words: &[&str]) -> Result<Value, Usage> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut patch = json!({ "access": { "public": false } });
        put_all(&mut patch, &words).map(|()| patch)
    }

    #[test]
    fn what_remedies_write_becomes_a_merge_patch() {
        let words = [
            "access.groups=[\"crew\"]",
            "access.guests=false",
            "build.contentVersion=2026",
            "durationMinutes=90",
        ];
        assert_eq!(
            patch(&words).unwrap(),
            json!({
                "access": { "public": false, "groups": ["crew"], "guests": false },
                "build": { "contentVersion": "2026" }, "durationMinutes": 90
            })
        );
        for wrong in ["build.map", ".map=x", "=x"] {
            assert!(patch(&[wrong]).is_err(), "{wrong}");
        }
    }
}
