//! One value of live config: its type, its constraints and the check against them.

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Number, Value};

use super::problem::quote;

/// The largest integer that every JSON reader keeps exact: 2^53 - 1.
pub(super) const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;
/// Bytes that a compiled pattern may take, and again its search cache.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// Nesting of groups in a pattern.
const PATTERN_NESTING_MAX: u32 = 64;
/// How far a quotient may be from a whole number and still count as a multiple.
const MULTIPLE_TOLERANCE: f64 = 1e-9;

/// The type of a single value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScalarKind {
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// Any number.
    Number,
    /// A whole number, at most 2^53 - 1 from zero; `4.0` is read as `4`.
    Integer,
}

/// The type of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeafKind {
    /// A single value.
    Scalar(ScalarKind),
    /// A list of values of one type.
    Array(ScalarKind),
}

/// A value of live config as its schema declares it.
#[derive(Debug, Clone)]
pub struct Leaf {
    pub(super) kind: LeafKind,
    pub(super) default: Value,
    pub(super) is_internal: bool,
    pub(super) is_for_clients: bool,
    pub(super) pattern: Option<Regex>,
    /// The declaration as written; its keywords were checked when it was loaded.
    pub(super) declared: Map<String, Value>,
}

impl ScalarKind {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "boolean" => Self::Boolean,
            "number" => Self::Number,
            "integer" => Self::Integer,
            _ => return None,
        })
    }

    /// The type with its article, for messages.
    const fn noun(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Integer => "a whole number between -9007199254740991 and 9007199254740991",
        }
    }

    /// The value as it is stored when it is of this type: whole numbers without a fraction.
    fn read(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::String, Value::String(_)) | (Self::Boolean, Value::Bool(_)) => {
                Some(value.clone())
            }
            (Self::Number, Value::Number(_)) => Some(value.clone()),
            (Self::Integer, Value::Number(number)) => whole(number).map(Value::from),
            _ => None,
        }
    }
}

/// The number as an integer that every JSON reader keeps exact, if it is one.
pub(super) fn whole(number: &Number) -> Option<i64> {
    if let Some(integer) = number.as_i64() {
        return (integer.unsigned_abs() <= SAFE_INTEGER_MAX).then_some(integer);
    }
    let float = number.as_f64()?;
    #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact as a float")]
    let fits = float.fract() == 0.0 && float.abs() <= SAFE_INTEGER_MAX as f64;
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range, as just checked")]
    fits.then_some(float as i64)
}

/// Compiles a pattern; the time to match it is linear and its memory bounded.
pub(super) fn compile_pattern(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .nest_limit(PATTERN_NESTING_MAX)
        .build()
        .map_err(|e| e.to_string().lines().last().unwrap_or_default().trim().to_owned())
}

impl Leaf {
    /// The type.
    #[must_use]
    pub const fn kind(&self) -> LeafKind {
        self.kind
    }

    /// The schema's default, before the overrides of mod and map.
    #[must_use]
    pub const fn default(&self) -> &Value {
        &self.default
    }

    /// What the value is for.
    #[must_use]
    pub fn description(&self) -> &str {
        self.declared.get("description").and_then(Value::as_str).unwrap_or_default()
    }

    /// The value as it is to be stored, or what is wrong with it (a predicate without its
    /// subject, such as `must be at most 8`).
    pub(super) fn check(&self, value: &Value) -> Result<Value, String> {
        match self.kind {
            LeafKind::Scalar(kind) => {
                let read = kind.read(value).ok_or_else(|| {
                    format!("must be {}, but is {}", kind.noun(), describe(value))
                })?;
                self.check_constraints(&read)?;
                Ok(read)
            }
            LeafKind::Array(kind) => {
                let Value::Array(items) = value else {
                    return Err(format!("must be a list, but is {}", describe(value)));
                };
                let read_item = |(index, item)| {
                    kind.read(item).ok_or_else(|| {
                        format!(
                            "must hold {} at each place, but at place {index} is {}",
                            kind.noun(),
                            describe(item)
                        )
                    })
                };
                items.iter().enumerate().map(read_item).collect()
            }
        }
    }

    fn check_constraints(&self, value: &Value) -> Result<(), String> {
        match value {
            Value::String(text) => self.check_text(text),
            Value::Number(number) => self.check_number(number),
            _ => Ok(()),
        }
    }

    fn check_text(&self, text: &str) -> Result<(), String> {
        let count = text.chars().count() as u64;
        if let Some(min) = self.limit("minLength").and_then(Number::as_u64)
            && count < min
        {
            return Err(format!("must have at least {min} characters, but has {count}"));
        }
        if let Some(max) = self.limit("maxLength").and_then(Number::as_u64)
            && count > max
        {
            return Err(format!("must have at most {max} characters, but has {count}"));
        }
        match &self.pattern {
            Some(pattern) if !pattern.is_match(text) => {
                Err(format!("must match the pattern `{pattern}`, but is {}", quote(text)))
            }
            _ => Ok(()),
        }
    }

    fn check_number(&self, number: &Number) -> Result<(), String> {
        let value = number.as_f64().unwrap_or(f64::NAN);
        let breaks = |keyword: &str, holds: fn(f64, f64) -> bool| {
            self.limit(keyword).filter(|limit| !limit.as_f64().is_some_and(|l| holds(value, l)))
        };
        if let Some(limit) = breaks("minimum", |v, l| v >= l) {
            return Err(format!("must be at least {limit}, but is {number}"));
        }
        if let Some(limit) = breaks("maximum", |v, l| v <= l) {
            return Err(format!("must be at most {limit}, but is {number}"));
        }
        if let Some(limit) = breaks("exclusiveMinimum", |v, l| v > l) {
            return Err(format!("must be above {limit}, but is {number}"));
        }
        if let Some(limit) = breaks("exclusiveMaximum", |v, l| v < l) {
            return Err(format!("must be below {limit}, but is {number}"));
        }
        if let Some(limit) = breaks("multipleOf", is_multiple) {
            return Err(format!("must be a multiple of {limit}, but is {number}"));
        }
        Ok(())
    }

    fn limit(&self, keyword: &str) -> Option<&Number> {
        match self.declared.get(keyword) {
            Some(Value::Number(limit)) => Some(limit),
            _ => None,
        }
    }
}

/// Exact for whole numbers; else with a tolerance, since 0.3 is no exact multiple of 0.1.
fn is_multiple(value: f64, of: f64) -> bool {
    if value.fract() == 0.0 && of.fract() == 0.0 {
        return value % of == 0.0;
    }
    let quotient = value / of;
    (quotient - quotient.round()).abs() <= MULTIPLE_TOLERANCE * quotient.abs().max(1.0)
}

/// A value as a message shows it: with its type, and shortened.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("the boolean {flag}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string {}", quote(text)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}
