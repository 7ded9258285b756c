//! What the live config of one world may be, and how each next document follows from the present.

mod patch;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::LiveConfig;
use super::game::{COUNTER_MAX, Counter, game_section};
use super::pointer::child;
use super::problem::{Found, problem, quote};
use super::schema::{Audience, Entry, ProjectSchema, Section};
use crate::code::ErrorCode;
use crate::problem::FieldProblem;

/// Sections of `game` that stay a world's own: never mirrored from another.
const OWN_SECTIONS: [&str; 3] = ["Failover", Counter::SECTION, "Admission"];

/// The schema of a world's live config with the defaults of its map.
///
/// Every operation brings the present document up to this schema first, so that a document of an
/// older mod version or an older Lifeboat never stands in the way of an unrelated change, and
/// every document returned is whole and valid.
#[derive(Debug, Clone)]
pub struct ConfigRules {
    schema: Arc<ProjectSchema>,
    defaults: LiveConfig,
}

/// What becomes of values when a world is launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carry {
    /// They stay.
    Keep,
    /// They return to their defaults.
    Reset,
}

/// What a launch takes over from the time before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LaunchSeed {
    /// The whole part `project`: reset by default, kept with `keepLiveConfig`.
    pub project: Carry,
    /// The section `Failover`: as the launch says; it is refused when overrides are set and it
    /// does not say.
    pub failover: Carry,
}

/// What a rollback brings back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RollbackScope {
    /// All but the sections `Failover` and `ForceDisconnect`, which stay as they are.
    WithoutFailover,
    /// Everything; counters still never fall.
    IncludingFailover,
}

/// A document brought up to another schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Migrated {
    /// The document.
    pub config: LiveConfig,
    /// JSON pointers to values that could not be kept: unknown to the schema, or invalid there.
    pub dropped: Vec<String>,
}

impl ConfigRules {
    /// Rules from a mod's schema and the defaults of a map, as [`ProjectSchema::defaults`] gives
    /// them.
    #[must_use]
    pub fn new(schema: Arc<ProjectSchema>, project_defaults: Map<String, Value>) -> Self {
        let defaults = LiveConfig { game: game_section().defaults(), project: project_defaults };
        Self { schema, defaults }
    }

    /// The live config of a new world.
    #[must_use]
    pub const fn defaults(&self) -> &LiveConfig {
        &self.defaults
    }

    /// The mod's schema.
    #[must_use]
    pub fn project_schema(&self) -> &ProjectSchema {
        &self.schema
    }

    /// The two parts with their sections and defaults.
    fn parts(&self) -> [(&'static str, &Section, &Map<String, Value>); 2] {
        [
            ("game", game_section(), &self.defaults.game),
            ("project", &self.schema.root, &self.defaults.project),
        ]
    }

    /// The schema as JSON Schema (draft 2020-12), with the effective defaults, for editors. The
    /// keywords `internal` and `client` are kept; counters carry `counter: true`.
    #[must_use]
    pub fn schema_document(&self, audience: Audience) -> Value {
        let [game, project] =
            self.parts().map(|(_, section, defaults)| section.document(defaults, audience));
        let mut document = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Live config",
            "type": "object",
            "properties": { "game": game, "project": project },
            "additionalProperties": false,
        });
        for counter in Counter::ALL {
            let at = ["/properties/game", Counter::SECTION, counter.key()].join("/properties/");
            if let Some(Value::Object(leaf)) = document.pointer_mut(&at) {
                leaf.insert("counter".to_owned(), Value::Bool(true));
            }
        }
        document
    }

    /// The document without what `audience` may not see.
    #[must_use]
    pub fn view(&self, config: &LiveConfig, audience: Audience) -> LiveConfig {
        LiveConfig {
            game: game_section().view(&config.game, audience),
            project: self.schema.root.view(&config.project, audience),
        }
    }

    /// Brings a document up to these rules: values that are still valid stay, the rest is at its
    /// default. Counters are kept whatever the schema says.
    #[must_use]
    pub fn migrate(&self, config: &LiveConfig) -> Migrated {
        let mut dropped = Vec::new();
        let [(_, game, game_defaults), (_, project, project_defaults)] = self.parts();
        let config = LiveConfig {
            game: carry(game, game_defaults, &config.game, "/game", &mut dropped),
            project: carry(project, project_defaults, &config.project, "/project", &mut dropped),
        };
        Migrated { config, dropped }
    }

    /// Applies a JSON merge patch `{game?, project?}` in which `null` returns a value, or all
    /// values of a section, to their defaults. What `writer` may not see it cannot change either.
    ///
    /// # Errors
    /// Everything that is wrong with the patch, or with what it would lead to.
    pub fn patch(
        &self,
        current: &LiveConfig,
        patch: &Value,
        writer: Audience,
    ) -> Result<LiveConfig, Vec<FieldProblem>> {
        let current = self.migrate(current).config;
        let mut problems = Found::default();
        let next = patch::apply(&self.parts(), &current, patch, writer, &mut problems);
        if problems.is_empty() {
            check_transition(&current, &next, &mut problems);
        }
        problems.or_value(next)
    }

    /// Raises the counter at a JSON pointer by one.
    ///
    /// # Errors
    /// When nothing is there, when it is no counter, or when it is at its highest value.
    pub fn increment(
        &self,
        current: &LiveConfig,
        path: &str,
    ) -> Result<LiveConfig, Vec<FieldProblem>> {
        let mut next = self.migrate(current).config;
        let refuse = |code, message| Err(vec![problem(path, code, message)]);
        let Some(counter) = Counter::from_pointer(path) else {
            let counters = Counter::ALL.map(Counter::pointer).join(" or ");
            return if next.get(path).is_some() {
                refuse(
                    ErrorCode::SchemaViolation,
                    format!("{} is not a counter: increment {counters}", quote(path)),
                )
            } else {
                refuse(
                    ErrorCode::UnknownKey,
                    format!("{} does not exist: increment {counters}", quote(path)),
                )
            };
        };
        let count = counter.read(&next);
        if count >= COUNTER_MAX {
            return refuse(
                ErrorCode::SchemaViolation,
                format!("{} is at its highest value, {COUNTER_MAX}", counter.key()),
            );
        }
        counter.write(&mut next.game, count + 1);
        Ok(next)
    }

    /// The values of an old document as the next one. Values that the schema no longer takes are
    /// at their defaults, and named. What `writer` may not see stays as it is. An override that
    /// comes back is to be checked like a saved one.
    #[must_use]
    pub fn rollback(
        &self,
        current: &LiveConfig,
        old: &LiveConfig,
        scope: RollbackScope,
        writer: Audience,
    ) -> Migrated {
        let current = self.migrate(current).config;
        let mut migrated = self.migrate(old);
        if scope == RollbackScope::WithoutFailover {
            copy_sections(&["Failover", Counter::SECTION], &current, &mut migrated.config);
        }
        let next = &mut migrated.config;
        game_section().keep_hidden(writer, &current.game, &mut next.game);
        self.schema.root.keep_hidden(writer, &current.project, &mut next.project);
        keep_counters(&current, &mut migrated.config);
        migrated
    }

    /// The document that a launch begins with. `game` belongs to the world and stays, but for
    /// the overrides if the launch clears them.
    #[must_use]
    pub fn reseed(&self, current: &LiveConfig, seed: LaunchSeed) -> LiveConfig {
        let mut next = self.migrate(current).config;
        if seed.project == Carry::Reset {
            next.project.clone_from(&self.defaults.project);
        }
        if seed.failover == Carry::Reset {
            copy_sections(&["Failover"], &self.defaults, &mut next);
        }
        next
    }

    /// The document of a standby that mirrors `main`: main's values, but its own sections
    /// `Failover`, `ForceDisconnect` and `Admission`.
    #[must_use]
    pub fn mirror(&self, main: &LiveConfig, standby: &LiveConfig) -> LiveConfig {
        let own = self.migrate(standby).config;
        let mut next = self.migrate(main).config;
        copy_sections(&OWN_SECTIONS, &own, &mut next);
        next
    }
}

fn copy_sections(names: &[&str], from: &LiveConfig, to: &mut LiveConfig) {
    for name in names {
        if let Some(section) = from.game.get(*name) {
            to.game.insert((*name).to_owned(), section.clone());
        }
    }
}

/// No counter of `next` is below that of `current`, whatever it was taken from.
fn keep_counters(current: &LiveConfig, next: &mut LiveConfig) {
    for counter in Counter::ALL {
        let count = counter.read(current).max(counter.read(next));
        counter.write(&mut next.game, count);
    }
}

/// `defaults` with those of `values` that are valid in `section`.
fn carry(
    section: &Section,
    defaults: &Map<String, Value>,
    values: &Map<String, Value>,
    at: &str,
    dropped: &mut Vec<String>,
) -> Map<String, Value> {
    let mut next = defaults.clone();
    for (key, value) in values {
        let at = child(at, key);
        let kept = match (section.entries.get(key), value, defaults.get(key)) {
            (Some(Entry::Section(below)), Value::Object(values), Some(Value::Object(defaults))) => {
                Some(Value::Object(carry(below, defaults, values, &at, dropped)))
            }
            (Some(Entry::Leaf(leaf)), value, _) => leaf.check(value).ok(),
            _ => None,
        };
        match kept {
            Some(kept) => drop(next.insert(key.clone(), kept)),
            None => dropped.push(at),
        }
    }
    next
}

/// The rules about the step from one document to the next, and about the next as a whole.
fn check_transition(current: &LiveConfig, next: &LiveConfig, problems: &mut Found) {
    patch::check_counters(current, next, problems);
    patch::check_override_complete(current, next, problems);
    patch::check_size(next, problems);
}
