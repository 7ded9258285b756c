//! Reads a schema and finds everything that is wrong with it, before any world relies on it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Entry, SchemaProblem, Section};
use crate::live_config::leaf::{Leaf, LeafKind, ScalarKind, compile_pattern, whole};
use crate::live_config::pointer::child;
use crate::live_config::problem::quote;

/// Characters of a key of live config.
const KEY_CHARS_MAX: usize = 64;
/// Sections within sections.
const SECTION_DEPTH_MAX: usize = 8;

const SECTION_KEYWORDS: [&str; 5] = ["type", "description", "properties", "internal", "client"];
const ROOT_KEYWORDS: [&str; 4] = ["$schema", "$id", "$comment", "title"];
const LEAF_KEYWORDS: [&str; 5] = ["type", "description", "default", "internal", "client"];
const NUMBER_KEYWORDS: [&str; 5] =
    ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const TEXT_KEYWORDS: [&str; 3] = ["minLength", "maxLength", "pattern"];

/// What a section passes on to everything below it.
#[derive(Clone, Copy)]
struct Inherited {
    is_internal: bool,
    is_for_clients: bool,
    depth: usize,
}

/// Reads the outermost section from the text of a schema file.
pub(in crate::live_config) fn load_section(text: &str) -> Result<Section, Vec<SchemaProblem>> {
    let schema: Value = serde_json::from_str(text)
        .map_err(|e| vec![SchemaProblem::new("", format!("must be JSON: {e}"))])?;
    let Value::Object(schema) = schema else {
        return Err(vec![SchemaProblem::new("", "must be a JSON object of `type` `object`")]);
    };
    let mut loader = Loader { problems: Vec::new() };
    let inherited = Inherited { is_internal: false, is_for_clients: true, depth: 0 };
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        loader.problem("/type", "must be `object` in the outermost schema");
    }
    let root = loader.section(&schema, "", inherited);
    if loader.problems.is_empty() { Ok(root) } else { Err(loader.problems) }
}

struct Loader {
    problems: Vec<SchemaProblem>,
}

impl Loader {
    fn problem(&mut self, key: &str, rule: impl Into<String>) {
        self.problems.push(SchemaProblem::new(key, rule));
    }

    fn section(&mut self, schema: &Map<String, Value>, at: &str, outer: Inherited) -> Section {
        let root: &[&str] = if at.is_empty() { &ROOT_KEYWORDS } else { &[] };
        self.check_keywords(schema, at, &[&SECTION_KEYWORDS, root]);
        let inherited = self.inherit(schema, at, outer);
        let description = self.description(schema, at);
        let at = child(at, "properties");
        let mut entries = BTreeMap::new();
        match schema.get("properties") {
            Some(Value::Object(properties)) => {
                for (key, entry) in properties {
                    let at = child(&at, key);
                    self.check_key(key, &at);
                    if let Some(entry) = self.entry(entry, &at, inherited) {
                        entries.insert(key.clone(), entry);
                    }
                }
            }
            _ => self.problem(&at, "is missing: a section lists its values in `properties`"),
        }
        Section { description, entries }
    }

    fn entry(&mut self, schema: &Value, at: &str, inherited: Inherited) -> Option<Entry> {
        let Value::Object(schema) = schema else {
            self.problem(at, "must be an object with a `type`");
            return None;
        };
        let type_at = child(at, "type");
        match schema.get("type") {
            Some(Value::String(name)) if name == "object" => {
                if inherited.depth >= SECTION_DEPTH_MAX {
                    self.problem(at, format!("lies deeper than {SECTION_DEPTH_MAX} sections"));
                    return None;
                }
                Some(Entry::Section(self.section(schema, at, inherited)))
            }
            Some(Value::String(name)) if name == "array" => {
                let kind = LeafKind::Array(self.items(schema, at)?);
                self.leaf(schema, at, kind, inherited).map(Entry::Leaf)
            }
            Some(Value::String(name)) => {
                let Some(kind) = ScalarKind::from_name(name) else {
                    self.problem(
                        &type_at,
                        format!(
                            "is {}, which is unknown: use string, boolean, number, integer, \
                             object or array",
                            quote(name)
                        ),
                    );
                    return None;
                };
                self.leaf(schema, at, LeafKind::Scalar(kind), inherited).map(Entry::Leaf)
            }
            _ => {
                self.problem(
                    &type_at,
                    "must be one of string, boolean, number, integer, object and array",
                );
                None
            }
        }
    }

    fn items(&mut self, schema: &Map<String, Value>, at: &str) -> Option<ScalarKind> {
        let at = child(at, "items");
        let Some(Value::Object(items)) = schema.get("items") else {
            self.problem(&at, "is missing: an array says its values' type in `items`");
            return None;
        };
        self.check_keywords(items, &at, &[&["type"]]);
        let kind = items.get("type").and_then(Value::as_str).and_then(ScalarKind::from_name);
        if kind.is_none() {
            self.problem(&child(&at, "type"), "must be one of string, boolean, number and integer");
        }
        kind
    }

    fn leaf(
        &mut self,
        schema: &Map<String, Value>,
        at: &str,
        kind: LeafKind,
        outer: Inherited,
    ) -> Option<Leaf> {
        let faults_before = self.problems.len();
        let of_kind: &[&str] = match kind {
            LeafKind::Scalar(ScalarKind::String) => &TEXT_KEYWORDS,
            LeafKind::Scalar(ScalarKind::Number | ScalarKind::Integer) => &NUMBER_KEYWORDS,
            LeafKind::Scalar(ScalarKind::Boolean) => &[],
            LeafKind::Array(_) => &["items"],
        };
        self.check_keywords(schema, at, &[&LEAF_KEYWORDS, of_kind]);
        let inherited = self.inherit(schema, at, outer);
        self.description(schema, at);
        self.check_limits(schema, at);
        let mut leaf = Leaf {
            kind,
            default: Value::Null,
            is_internal: inherited.is_internal,
            is_for_clients: inherited.is_for_clients,
            pattern: self.pattern(schema, at),
            declared: schema.clone(),
        };
        let default_at = child(at, "default");
        let Some(default) = schema.get("default") else {
            self.problem(&default_at, "is missing: every value has a default");
            return None;
        };
        if self.problems.len() > faults_before {
            return None;
        }
        match leaf.check(default) {
            Ok(checked) => {
                leaf.default = checked;
                Some(leaf)
            }
            Err(rule) => {
                self.problem(&default_at, rule);
                None
            }
        }
    }

    fn check_keywords(&mut self, schema: &Map<String, Value>, at: &str, known: &[&[&str]]) {
        for keyword in schema.keys() {
            if !known.iter().any(|list| list.contains(&keyword.as_str())) {
                let list = known.concat().join(", ");
                self.problem(
                    &child(at, keyword),
                    format!("is not a keyword of this type: it may have {list}"),
                );
            }
        }
    }

    /// Keys are parts of flag names (`project.Stage.DoorsOpen`) and of JSON pointers alike.
    fn check_key(&mut self, key: &str, at: &str) {
        let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        let is_well_formed = key.starts_with(is_letter)
            && key.len() <= KEY_CHARS_MAX
            && key.chars().all(|c| is_letter(c) || c.is_ascii_digit() || c == '-');
        if !is_well_formed {
            self.problem(
                at,
                format!(
                    "has to begin with a letter or `_` and go on with letters, digits, `_` or \
                     `-`, at most {KEY_CHARS_MAX} characters in all"
                ),
            );
        }
    }

    fn inherit(&mut self, schema: &Map<String, Value>, at: &str, outer: Inherited) -> Inherited {
        Inherited {
            is_internal: outer.is_internal || self.flag(schema, at, "internal") == Some(true),
            is_for_clients: outer.is_for_clients && self.flag(schema, at, "client") != Some(false),
            depth: outer.depth + 1,
        }
    }

    fn flag(&mut self, schema: &Map<String, Value>, at: &str, keyword: &str) -> Option<bool> {
        match schema.get(keyword)? {
            Value::Bool(flag) => Some(*flag),
            _ => {
                self.problem(&child(at, keyword), "must be true or false");
                None
            }
        }
    }

    fn description(&mut self, schema: &Map<String, Value>, at: &str) -> String {
        match schema.get("description") {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(_) => {
                self.problem(&child(at, "description"), "must be a string");
                String::new()
            }
        }
    }

    fn check_limits(&mut self, schema: &Map<String, Value>, at: &str) {
        for keyword in NUMBER_KEYWORDS {
            match schema.get(keyword) {
                None => {}
                Some(Value::Number(limit)) => {
                    let is_positive = limit.as_f64().is_some_and(|limit| limit > 0.0);
                    if keyword == "multipleOf" && !is_positive {
                        self.problem(&child(at, keyword), "must be above 0");
                    }
                }
                Some(_) => self.problem(&child(at, keyword), "must be a number"),
            }
        }
        for keyword in ["minLength", "maxLength"] {
            let is_count = |limit: &Value| match limit {
                Value::Number(limit) => whole(limit).is_some_and(|limit| limit >= 0),
                _ => false,
            };
            if schema.get(keyword).is_some_and(|limit| !is_count(limit)) {
                self.problem(&child(at, keyword), "must be a whole number, 0 or above");
            }
        }
    }

    fn pattern(&mut self, schema: &Map<String, Value>, at: &str) -> Option<regex::Regex> {
        let at = child(at, "pattern");
        match schema.get("pattern")? {
            Value::String(pattern) => match compile_pattern(pattern) {
                Ok(regex) => Some(regex),
                Err(reason) => {
                    self.problem(&at, format!("must be a regular expression: {reason}"));
                    None
                }
            },
            _ => {
                self.problem(&at, "must be a string that holds a regular expression");
                None
            }
        }
    }
}
