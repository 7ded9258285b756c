//! Why a save of live config is refused: which codes there are, and how they are collected.

use serde::{Deserialize, Serialize};

use crate::code::ErrorCode;
use crate::problem::FieldProblem;

/// Whether the request or the present state of things is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The request breaks a rule, whatever the state: HTTP 422.
    Invalid,
    /// The state forbids it now, and `force` with a reason gets past it: HTTP 409.
    State,
}

impl ProblemKind {
    /// What a code means in the answer to a save. (A code may stand for another status
    /// elsewhere: `launch_context_required` is 409 at a join and 422 here.)
    #[must_use]
    pub const fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::OverrideTargetNotActive | ErrorCode::OverrideDeploymentMismatch => {
                Self::State
            }
            _ => Self::Invalid,
        }
    }

    /// Whether `force` with a reason gets past problems of this kind.
    #[must_use]
    pub const fn may_force(self) -> bool {
        matches!(self, Self::State)
    }
}

pub(super) fn problem(path: &str, code: ErrorCode, message: String) -> FieldProblem {
    FieldProblem { path: path.to_owned(), code, message }
}

/// Problems of one save that are reported; a body of nothing but nonsense gets no longer answer.
const PROBLEMS_MAX: usize = 100;
/// Characters of a text from outside that a message quotes.
const QUOTE_CHARS_MAX: usize = 80;

/// Problems as they are found, at most [`PROBLEMS_MAX`].
#[derive(Debug, Default)]
pub(super) struct Found(Vec<FieldProblem>);

impl Found {
    pub(super) fn push(&mut self, path: &str, code: ErrorCode, message: String) {
        if self.0.len() < PROBLEMS_MAX {
            self.0.push(problem(path, code, message));
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` when there is no problem, else all of them.
    pub(super) fn or_value<T>(self, value: T) -> Result<T, Vec<FieldProblem>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

/// A text from outside, shortened to what a message may quote.
pub(super) fn quote(text: &str) -> String {
    if text.chars().count() <= QUOTE_CHARS_MAX {
        return format!("`{text}`");
    }
    let start: String = text.chars().take(QUOTE_CHARS_MAX).collect();
    format!("`{start}…`")
}
