//! The merge patch, and what must hold between a document and the next.

use serde_json::{Map, Value};

use crate::code::ErrorCode;
use crate::limits::{COUNTER_JUMP_MAX, LIVE_CONFIG_BYTES_MAX};
use crate::live_config::LiveConfig;
use crate::live_config::game::{Counter, GameConfig};
use crate::live_config::pointer::child;
use crate::live_config::problem::{Found, quote};
use crate::live_config::schema::{Audience, Entry, Section};

/// Known keys that the message about an unknown one lists.
const KEYS_LISTED_MAX: usize = 12;

/// A part of the document: its name, its schema, its defaults.
type Part<'a> = (&'static str, &'a Section, &'a Map<String, Value>);

/// `current` with `patch` applied, as far as it is right; the rest becomes problems.
pub(super) fn apply(
    parts: &[Part<'_>; 2],
    current: &LiveConfig,
    patch: &Value,
    writer: Audience,
    problems: &mut Found,
) -> LiveConfig {
    let mut next = current.clone();
    let Value::Object(patch) = patch else {
        let message = "the patch must be a JSON object with `game`, `project` or both";
        problems.push("", ErrorCode::SchemaViolation, message.to_owned());
        return next;
    };
    for key in patch.keys().filter(|key| !parts.iter().any(|(name, ..)| name == key)) {
        let message = format!("live config has no part {}: use `game` or `project`", quote(key));
        problems.push(&child("", key), ErrorCode::UnknownKey, message);
    }
    let [(game_name, game, game_defaults), (project_name, project, project_defaults)] = parts;
    let mut merge = Merge { writer, problems };
    if let Some(patch) = patch.get(*game_name) {
        merge.section(game, game_defaults, &mut next.game, patch, "/game");
    }
    if let Some(patch) = patch.get(*project_name) {
        merge.section(project, project_defaults, &mut next.project, patch, "/project");
    }
    next
}

struct Merge<'a> {
    writer: Audience,
    problems: &'a mut Found,
}

impl Merge<'_> {
    fn section(
        &mut self,
        section: &Section,
        defaults: &Map<String, Value>,
        values: &mut Map<String, Value>,
        patch: &Value,
        at: &str,
    ) {
        let patch = match patch {
            Value::Object(patch) => patch,
            Value::Null => return reset(section, defaults, values, self.writer),
            _ => {
                let message = format!(
                    "{} is a section and must be an object, or null to return it to its defaults",
                    quote(at)
                );
                return self.problems.push(at, ErrorCode::SchemaViolation, message);
            }
        };
        let nothing = Map::new();
        for (key, patch) in patch {
            let at = child(at, key);
            let entry = section.entries.get(key).filter(|e| e.is_visible_to(self.writer));
            match (entry, values.get_mut(key)) {
                (Some(Entry::Section(below)), Some(Value::Object(values))) => {
                    let defaults = defaults.get(key).and_then(Value::as_object);
                    self.section(below, defaults.unwrap_or(&nothing), values, patch, &at);
                }
                (Some(Entry::Leaf(leaf)), Some(value)) => match (patch, defaults.get(key)) {
                    (Value::Null, default) => *value = default.unwrap_or(&leaf.default).clone(),
                    (patch, _) => match leaf.check(patch) {
                        Ok(checked) => *value = checked,
                        Err(rule) => {
                            let message = format!("{} {rule}", quote(&at));
                            self.problems.push(&at, ErrorCode::SchemaViolation, message);
                        }
                    },
                },
                _ => {
                    let message = format!(
                        "{} is not in the schema: use {}",
                        quote(&at),
                        known_keys(section, self.writer)
                    );
                    self.problems.push(&at, ErrorCode::UnknownKey, message);
                }
            }
        }
    }
}

/// Returns every value that `writer` may see to its default.
fn reset(
    section: &Section,
    defaults: &Map<String, Value>,
    values: &mut Map<String, Value>,
    writer: Audience,
) {
    for (key, entry) in section.entries.iter().filter(|(_, e)| e.is_visible_to(writer)) {
        match (entry, values.get_mut(key), defaults.get(key)) {
            (Entry::Section(below), Some(Value::Object(values)), Some(Value::Object(defaults))) => {
                reset(below, defaults, values, writer);
            }
            (Entry::Leaf(_), Some(value), Some(default)) => value.clone_from(default),
            _ => {}
        }
    }
}

fn known_keys(section: &Section, reader: Audience) -> String {
    let visible = section.entries.iter().filter(|(_, entry)| entry.is_visible_to(reader));
    let keys: Vec<String> = visible.map(|(key, _)| format!("`{key}`")).collect();
    match keys.len() {
        0 => "nothing, there are no keys here".to_owned(),
        1..=KEYS_LISTED_MAX => keys.join(", "),
        more => {
            format!("{} or one of {} others", keys[..KEYS_LISTED_MAX].join(", "), {
                more - KEYS_LISTED_MAX
            })
        }
    }
}

/// Counters never fall, and no save raises one by more than the limit.
pub(super) fn check_counters(current: &LiveConfig, next: &LiveConfig, problems: &mut Found) {
    for counter in Counter::ALL {
        let (before, after, key) = (counter.read(current), counter.read(next), counter.key());
        if after < before {
            let message = format!(
                "`{key}` must not fall: it is {before} and would be {after}; increment it instead"
            );
            problems.push(counter.pointer(), ErrorCode::CounterDecreased, message);
        } else if after - before > COUNTER_JUMP_MAX {
            let message = format!(
                "`{key}` may grow by at most {COUNTER_JUMP_MAX} in one save: it is {before} and \
                 would be {after}; an increment by 1 is enough to make everyone rejoin"
            );
            problems.push(counter.pointer(), ErrorCode::CounterJump, message);
        }
    }
}

/// A deployment or a launch context says nothing without the world that it is of.
pub(super) fn check_override_complete(
    current: &LiveConfig,
    next: &LiveConfig,
    problems: &mut Found,
) {
    let failover = GameConfig::read(next).failover;
    if failover.is_set() || failover == GameConfig::read(current).failover {
        return;
    }
    let given = [
        ("OverrideDeploymentId", &failover.override_deployment_id),
        ("OverrideLaunchContextId", &failover.override_launch_context_id),
    ];
    for (key, _) in given.iter().filter(|(_, text)| !text.is_empty()) {
        let message = format!(
            "`{key}` is set but `OverrideWorldId` is empty: set the world too, or clear both"
        );
        let at = child("/game/Failover", key);
        problems.push(&at, ErrorCode::OverrideIncomplete, message);
    }
}

/// The document stays within its limit.
pub(super) fn check_size(next: &LiveConfig, problems: &mut Found) {
    let size = next.size_bytes();
    if size > LIVE_CONFIG_BYTES_MAX {
        let message = format!(
            "the live config may take at most {LIVE_CONFIG_BYTES_MAX} bytes and would take \
             {size}: shorten its longest values"
        );
        problems.push("", ErrorCode::ValidationFailed, message);
    }
}
