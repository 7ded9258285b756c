//! What is wrong with one field of a request: the field, the rule and the remedy.

use serde::{Deserialize, Serialize};

use crate::code::ErrorCode;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The field, as a JSON Pointer into the request's body.
    pub path: String,
    /// Which kind of rule.
    pub code: ErrorCode,
    /// The rule and the remedy, in one sentence.
    pub message: String,
}

impl FieldProblem {
    /// A field whose value breaks a rule.
    #[must_use]
    pub fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), code: ErrorCode::ValidationFailed, message: message.into() }
    }
}

/// Collects the problems of a value while its fields are checked one after another.
#[derive(Debug, Default)]
pub struct Problems(Vec<FieldProblem>);

impl Problems {
    /// Adds a problem at `path` unless the rule holds.
    pub fn require(&mut self, holds: Holds, path: &str, message: impl FnOnce() -> String) {
        if holds == Holds::No {
            self.0.push(FieldProblem::invalid(path, message()));
        }
    }

    /// Adds a problem.
    pub fn push(&mut self, problem: FieldProblem) {
        self.0.push(problem);
    }

    /// `value` when no rule was broken, else every problem.
    ///
    /// # Errors
    /// All problems that were collected.
    pub fn into_result<T>(self, value: T) -> Result<T, Vec<FieldProblem>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

/// Whether a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}
