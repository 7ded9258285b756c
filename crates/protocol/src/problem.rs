//! Errors as they are sent: RFC 9457 problem documents.

use lifeboat_core::code::ErrorCode;
use lifeboat_core::problem::FieldProblem;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A problem document (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A URI that identifies the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short sentence that is the same at each occurrence of the code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, and what to do about it.
    pub detail: String,
    /// The code, from the closed list.
    pub code: ErrorCode,
    /// Which fields break which rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// When asking again may help, in milliseconds; to be followed exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Further members that belong to the code, such as `rules`.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Problem {
    /// A problem with this code.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:lifeboat:problem:{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            errors: Vec::new(),
            retry_after_ms: None,
            more: Map::new(),
        }
    }

    /// A problem with the fields that break rules. The document's own code is the first one's when
    /// all are of the same code, else the general one.
    #[must_use]
    pub fn with_fields(errors: Vec<FieldProblem>) -> Self {
        let code = match errors.as_slice() {
            [first, rest @ ..] if rest.iter().all(|one| one.code == first.code) => first.code,
            _ => ErrorCode::ValidationFailed,
        };
        let detail = match errors.as_slice() {
            [only] if only.path.is_empty() => only.message.clone(),
            [only] => format!("{}: {}", only.path, only.message),
            _ => format!("{} fields break a rule; see `errors`", errors.len()),
        };
        Self { errors, ..Self::new(code, detail) }
    }

    /// The same with a time after which asking again may help.
    #[must_use]
    pub fn retry_after_ms(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    /// The same with one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_members_of_the_standard() {
        let problem = Problem::new(ErrorCode::AdmissionPaced, "ask again").retry_after_ms(1_500);
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:lifeboat:problem:admission_paced", "title": "It is not your turn yet",
                "status": 503, "detail": "ask again", "code": "admission_paced",
                "retryAfterMs": 1500
            })
        );
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }

    #[test]
    fn problems_of_one_code_give_the_document_that_code() {
        let field = |code| FieldProblem { path: "/a".into(), code, message: "m".into() };
        let same =
            Problem::with_fields(vec![field(ErrorCode::UnknownKey), field(ErrorCode::UnknownKey)]);
        assert_eq!(same.code, ErrorCode::UnknownKey);
        let mixed =
            Problem::with_fields(vec![field(ErrorCode::UnknownKey), field(ErrorCode::CounterJump)]);
        assert_eq!((mixed.code, mixed.status), (ErrorCode::ValidationFailed, 422));
    }
}
