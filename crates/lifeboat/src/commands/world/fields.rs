//! The fields of a world as options, and the merge patch that they make.

use clap::{ArgAction, Args};
use lifeboat_core::version::BaseVersion;
use lifeboat_core::world::Profile;
use serde_json::{Map, Value, json};

use crate::exit::Usage;
use crate::ui::Minutes;

/// How a world is set up; what is not given stays as it is, or becomes the default.
#[derive(Debug, Default, Args)]
pub(crate) struct WorldFields {
    /// The mod's version.
    #[arg(long, value_name = "VERSION")]
    mod_version: Option<String>,
    /// The content's version.
    #[arg(long, value_name = "VERSION")]
    content_version: Option<String>,
    /// The platform's base version, as 38 or V38.
    #[arg(long, value_name = "VERSION", value_parser = base_version)]
    base_version: Option<BaseVersion>,
    /// The map.
    #[arg(long)]
    map: Option<String>,
    /// For how many people, as 500 or Capacity500.
    #[arg(long, value_parser = profile)]
    profile: Option<Profile>,
    /// For how long a launch runs: minutes, or 90m, 3h, 2h30m.
    #[arg(long, value_name = "TIME")]
    duration: Option<Minutes>,
    /// Let everyone in.
    #[arg(long, conflicts_with = "private")]
    public: bool,
    /// Let in only members of the access groups.
    #[arg(long)]
    private: bool,
    /// Let in users without an account.
    #[arg(long, conflicts_with = "no_guests")]
    guests: bool,
    /// Let in only users with an account.
    #[arg(long)]
    no_guests: bool,
    /// An access group; give it again for more. Replaces those there were.
    #[arg(long = "group", value_name = "GROUP", action = ArgAction::Append)]
    groups: Vec<String>,
    /// Where clients open the world.
    #[arg(long, value_parser = ["same-tab", "new-tab", "embedded", "native"])]
    launch_mode: Option<String>,
    /// A label; an empty value removes it.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// An internal setting, as JSON or text; `null` removes it. Needs the role `support`.
    #[arg(long = "setting", value_name = "KEY=VALUE", value_parser = pair)]
    settings: Vec<(String, String)>,
    /// What operators should know about it.
    #[arg(long)]
    description: Option<String>,
}

impl WorldFields {
    /// The merge patch of what was given.
    pub(crate) fn patch(&self, name: Option<&str>, mod_name: Option<&str>) -> Value {
        let mut patch = Map::new();
        give(&mut patch, "name", name);
        give(&mut patch, "description", self.description.as_deref());
        let labels = self.labels.iter().map(|(key, value)| {
            (key.clone(), if value.is_empty() { Value::Null } else { json!(value) })
        });
        nest(&mut patch, "labels", labels.collect());
        nest(&mut patch, "build", self.build(mod_name));
        if let Some(profile) = self.profile {
            patch.insert("scale".to_owned(), json!({ "profile": profile }));
        }
        give(&mut patch, "durationMinutes", self.duration.map(|minutes| minutes.0));
        nest(&mut patch, "access", self.access());
        if let Some(mode) = &self.launch_mode {
            patch.insert("streaming".to_owned(), json!({ "launchMode": mode }));
        }
        let settings = self.settings.iter().map(|(key, value)| (key.clone(), json_or_text(value)));
        nest(&mut patch, "settings", settings.collect());
        Value::Object(patch)
    }

    fn build(&self, mod_name: Option<&str>) -> Map<String, Value> {
        let mut build = Map::new();
        give(&mut build, "mod", mod_name);
        give(&mut build, "modVersion", self.mod_version.as_deref());
        give(&mut build, "contentVersion", self.content_version.as_deref());
        give(&mut build, "baseVersion", self.base_version.map(BaseVersion::number));
        give(&mut build, "map", self.map.as_deref());
        build
    }

    fn access(&self) -> Map<String, Value> {
        let mut access = Map::new();
        give(&mut access, "public", chosen(self.public, self.private));
        give(&mut access, "guests", chosen(self.guests, self.no_guests));
        if !self.groups.is_empty() {
            access.insert("groups".to_owned(), json!(self.groups));
        }
        access
    }
}

fn give(into: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        into.insert(key.to_owned(), value.into());
    }
}

fn nest(into: &mut Map<String, Value>, key: &str, value: Map<String, Value>) {
    if !value.is_empty() {
        into.insert(key.to_owned(), Value::Object(value));
    }
}

fn chosen(yes: bool, no: bool) -> Option<bool> {
    (yes || no).then_some(yes)
}

/// Adds `FIELD=VALUE …` to a merge patch, where a field is named as in the API, with dots.
///
/// # Errors
/// A misuse that names the word that is none.
pub(crate) fn assign(patch: &mut Value, words: &[String]) -> Result<(), Usage> {
    let Value::Object(fields) = patch else { return Ok(()) };
    for word in words {
        let field =
            word.split_once('=').filter(|(path, _)| path.split('.').all(|key| !key.is_empty()));
        let Some((path, value)) = field else {
            let text = format!("`{word}` is no FIELD=VALUE; write it as build.map=garden");
            return Err(Usage(text));
        };
        let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
        put(fields, &keys, &json_or_text(value));
    }
    Ok(())
}

/// Puts a value where these keys lead.
pub(crate) fn put(into: &mut Map<String, Value>, keys: &[String], value: &Value) {
    match keys {
        [] => {}
        [last] => {
            into.insert(last.clone(), value.clone());
        }
        [first, rest @ ..] => {
            let below = into.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                put(below, rest, value);
            }
        }
    }
}

/// A value that is typed: JSON if it is some, else the text itself.
pub(crate) fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// A key and a value with `=` between them.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

fn base_version(text: &str) -> Result<BaseVersion, String> {
    serde_json::from_value(json!(text)).map_err(|_| "write it as 38 or V38".to_owned())
}

fn profile(text: &str) -> Result<Profile, String> {
    let seats = text.strip_prefix("Capacity").unwrap_or(text).parse::<u32>().ok();
    Profile::ALL.iter().copied().find(|profile| Some(profile.seats()) == seats).ok_or_else(|| {
        let sizes: Vec<String> =
            Profile::ALL.iter().map(|profile| profile.seats().to_string()).collect();
        format!("a profile is one of {}", sizes.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        fields: WorldFields,
    }

    fn patch(typed: &[&str]) -> Value {
        let words = std::iter::once("t").chain(typed.iter().copied());
        Typed::try_parse_from(words).unwrap().fields.patch(None, None)
    }

    #[test]
    fn only_what_was_given_is_sent() {
        assert_eq!(patch(&[]), json!({}));
        let typed = [
            "--base-version",
            "V37",
            "--profile",
            "1500",
            "--duration",
            "3h",
            "--private",
            "--no-guests",
            "--group",
            "crew",
            "--group",
            "vip",
            "--launch-mode",
            "new-tab",
            "--label",
            "night=1",
            "--label",
            "old=",
            "--setting",
            "region={\"a\":1}",
        ];
        assert_eq!(
            patch(&typed),
            json!({
                "build": { "baseVersion": 37 }, "scale": { "profile": "Capacity1500" },
                "durationMinutes": 180, "streaming": { "launchMode": "new-tab" },
                "access": { "public": false, "guests": false, "groups": ["crew", "vip"] },
                "labels": { "night": "1", "old": null }, "settings": { "region": { "a": 1 } }
            })
        );
    }

    #[test]
    fn fields_are_named_as_in_the_api_and_go_beside_the_options() {
        let mut all = patch(&["--map", "plaza", "--label", "night=1"]);
        let words = ["build.mod=plaza", "build.modVersion=1.0.0", "access.groups=[\"crew\"]"];
        assign(&mut all, &words.map(str::to_owned)).unwrap();
        assert_eq!(
            all,
            json!({ "build": { "map": "plaza", "mod": "plaza", "modVersion": "1.0.0" },
                    "labels": { "night": "1" }, "access": { "groups": ["crew"] } })
        );
        for bad in ["map", "=x", "build.=x", ".map=x"] {
            assert!(assign(&mut all, &[bad.to_owned()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_profile_that_does_not_exist_is_refused_with_those_that_do() {
        assert!(profile("600").unwrap_err().contains("500, 1500"));
        assert_eq!(profile("Capacity30"), Ok(Profile::Capacity30));
    }

    #[test]
    fn contradictions_are_a_misuse() {
        assert!(Typed::try_parse_from(["t", "--public", "--private"]).is_err());
        assert!(Typed::try_parse_from(["t", "--label", "=x"]).is_err());
    }
}
