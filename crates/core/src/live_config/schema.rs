//! The schema of live config: the mod's for `project`, ours for `game`, both in one small subset
//! of JSON Schema, and what each audience may see of a document.

mod load;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::leaf::{Leaf, LeafKind, SAFE_INTEGER_MAX, ScalarKind};
use super::pointer::child;

pub(super) use load::load_section;

/// Who reads a document or its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Players and their clients: nothing internal, nothing marked `client: false`.
    Players,
    /// Those who run events: nothing internal.
    Operators,
    /// `support` and above: everything.
    Support,
}

/// A fault in a schema or an overrides file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaProblem {
    /// Where in the file, as a JSON pointer; empty for the file as a whole.
    pub key: String,
    /// The rule that is broken and what to write instead.
    pub rule: String,
}

impl SchemaProblem {
    pub(super) fn new(key: &str, rule: impl Into<String>) -> Self {
        Self { key: key.to_owned(), rule: rule.into() }
    }
}

/// A group of values.
#[derive(Debug, Clone, Default)]
pub struct Section {
    pub(super) description: String,
    pub(super) entries: BTreeMap<String, Entry>,
}

/// What a key of a section stands for.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A section within the section.
    Section(Section),
    /// A value.
    Leaf(Leaf),
}

/// The schema of a mod's `project` part: checked, so that whatever is in it holds.
#[derive(Debug, Clone, Default)]
pub struct ProjectSchema {
    pub(super) root: Section,
}

impl ProjectSchema {
    /// Reads a schema from the text of `project.schema.json`.
    ///
    /// # Errors
    /// All faults at once: text that is not JSON, unknown types and keywords, values without a
    /// default, defaults that break their own rules, patterns that do not compile.
    pub fn parse(text: &str) -> Result<Self, Vec<SchemaProblem>> {
        load_section(text).map(|root| Self { root })
    }

    /// The outermost section.
    #[must_use]
    pub const fn root(&self) -> &Section {
        &self.root
    }

    /// The defaults of the schema with `layers` over them, later ones winning. Keys that the
    /// schema does not know are passed over, as the format of overrides files has it.
    ///
    /// # Errors
    /// For each layer by its index: values of a wrong type or outside their constraints.
    pub fn defaults(
        &self,
        layers: &[&Map<String, Value>],
    ) -> Result<Map<String, Value>, Vec<(usize, SchemaProblem)>> {
        let mut values = self.root.defaults();
        let mut problems = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let mut found = Vec::new();
            self.root.overlay(&mut values, layer, "", &mut found);
            problems.extend(found.into_iter().map(|problem| (index, problem)));
        }
        if problems.is_empty() { Ok(values) } else { Err(problems) }
    }
}

impl Section {
    /// What the section is for.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What its keys stand for, in the order of the keys.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(key, entry)| (key.as_str(), entry))
    }

    /// The schema's own default of every value below.
    pub(super) fn defaults(&self) -> Map<String, Value> {
        let default = |entry: &Entry| match entry {
            Entry::Section(section) => Value::Object(section.defaults()),
            Entry::Leaf(leaf) => leaf.default.clone(),
        };
        self.entries.iter().map(|(key, entry)| (key.clone(), default(entry))).collect()
    }

    fn overlay(
        &self,
        values: &mut Map<String, Value>,
        layer: &Map<String, Value>,
        at: &str,
        problems: &mut Vec<SchemaProblem>,
    ) {
        for (key, over) in layer {
            let at = child(at, key);
            match (self.entries.get(key), values.get_mut(key)) {
                (Some(Entry::Section(section)), Some(Value::Object(below))) => match over {
                    Value::Object(over) => section.overlay(below, over, &at, problems),
                    _ => problems.push(SchemaProblem::new(&at, "must be an object: a section")),
                },
                (Some(Entry::Leaf(leaf)), Some(value)) => match leaf.check(over) {
                    Ok(checked) => *value = checked,
                    Err(rule) => problems.push(SchemaProblem { key: at, rule }),
                },
                _ => {}
            }
        }
    }

    /// Whether `audience` may see anything of the section.
    pub(super) fn is_visible_to(&self, audience: Audience) -> bool {
        self.entries.is_empty() || self.entries.values().any(|e| e.is_visible_to(audience))
    }

    /// `values` without what `audience` may not see, and without what the schema does not know.
    pub(super) fn view(
        &self,
        values: &Map<String, Value>,
        audience: Audience,
    ) -> Map<String, Value> {
        let mut seen = Map::new();
        for (key, entry) in &self.entries {
            match (entry, values.get(key)) {
                (_, None) => {}
                _ if !entry.is_visible_to(audience) => {}
                (Entry::Section(section), Some(Value::Object(below))) => {
                    seen.insert(key.clone(), Value::Object(section.view(below, audience)));
                }
                (_, Some(value)) => {
                    seen.insert(key.clone(), value.clone());
                }
            }
        }
        seen
    }

    /// Sets what `audience` may not see in `to` as it is in `from`; both are whole documents.
    pub(super) fn keep_hidden(
        &self,
        audience: Audience,
        from: &Map<String, Value>,
        to: &mut Map<String, Value>,
    ) {
        for (key, entry) in &self.entries {
            match (entry, from.get(key), to.get_mut(key)) {
                (Entry::Section(below), Some(Value::Object(from)), Some(Value::Object(to))) => {
                    below.keep_hidden(audience, from, to);
                }
                (Entry::Leaf(_), Some(from), Some(to)) if !entry.is_visible_to(audience) => {
                    to.clone_from(from);
                }
                _ => {}
            }
        }
    }

    /// The section as JSON Schema (draft 2020-12), with `defaults` in the place of its own.
    pub(super) fn document(&self, defaults: &Map<String, Value>, audience: Audience) -> Value {
        let nothing = Map::new();
        let properties: Map<String, Value> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.is_visible_to(audience))
            .map(|(key, entry)| {
                let document = match entry {
                    Entry::Section(section) => {
                        let below = defaults.get(key).and_then(Value::as_object);
                        section.document(below.unwrap_or(&nothing), audience)
                    }
                    Entry::Leaf(leaf) => leaf.document(defaults.get(key)),
                };
                (key.clone(), document)
            })
            .collect();
        json!({
            "type": "object",
            "description": self.description,
            "properties": properties,
            "additionalProperties": false,
        })
    }
}

impl Entry {
    pub(super) fn is_visible_to(&self, audience: Audience) -> bool {
        match self {
            Self::Section(section) => section.is_visible_to(audience),
            Self::Leaf(leaf) => match audience {
                Audience::Players => !leaf.is_internal && leaf.is_for_clients,
                Audience::Operators => !leaf.is_internal,
                Audience::Support => true,
            },
        }
    }
}

impl Leaf {
    fn document(&self, default: Option<&Value>) -> Value {
        let mut document = self.declared.clone();
        if let Some(default) = default {
            document.insert("default".to_owned(), default.clone());
        }
        match self.kind {
            LeafKind::Scalar(ScalarKind::Integer) => bound_integer(&mut document),
            LeafKind::Array(ScalarKind::Integer) => {
                if let Some(Value::Object(items)) = document.get_mut("items") {
                    bound_integer(items);
                }
            }
            _ => {}
        }
        Value::Object(document)
    }
}

/// Says in the schema what holds of every integer: that every JSON reader keeps it exact.
fn bound_integer(schema: &mut Map<String, Value>) {
    let bounds = [
        (["minimum", "exclusiveMinimum"], json!(-SAFE_INTEGER_MAX.cast_signed())),
        (["maximum", "exclusiveMaximum"], json!(SAFE_INTEGER_MAX)),
    ];
    for ([keyword, other], bound) in bounds {
        if !schema.contains_key(other) {
            schema.entry(keyword).or_insert(bound);
        }
    }
}
