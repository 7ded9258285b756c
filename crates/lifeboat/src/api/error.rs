//! What can go wrong with a call, and what to do about it.

use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::Rule;
use lifeboat_protocol::problem::Problem;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::limits::EXCERPT_CHARS;

/// Why a call did not give its answer.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    /// Nobody answers.
    #[error("cannot reach Lifeboat at {url}")]
    OutOfReach {
        /// Where it was looked for.
        url: String,
        /// What happened.
        source: reqwest::Error,
    },
    /// Lifeboat says no, and why.
    #[error("{} ({}): {}", .0.title, .0.code, .0.detail)]
    Refused(Box<Problem>),
    /// An answer that the contract does not have.
    #[error("Lifeboat answered with status {status} and something that is not understood: {text}")]
    Unexpected {
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer.
        text: String,
    },
    /// An answer that lacks what the command needs.
    #[error("the answer is not of the expected shape")]
    Shape(#[source] serde_json::Error),
}

impl ApiError {
    /// The refusal in an answer that is not of success.
    pub(super) fn refused(status: u16, text: &str) -> Self {
        serde_json::from_str(text).map_or_else(
            |_| Self::unexpected(status, text),
            |problem| Self::Refused(Box::new(problem)),
        )
    }

    pub(super) fn unexpected(status: u16, text: &str) -> Self {
        let text = text.chars().take(EXCERPT_CHARS).filter(|char| !char.is_control()).collect();
        Self::Unexpected { status, text }
    }

    /// Reads a value in the shape that is needed.
    ///
    /// # Errors
    /// When it is of another shape.
    pub(crate) fn shape<T: DeserializeOwned>(value: Value) -> Result<T, Self> {
        serde_json::from_value(value).map_err(Self::Shape)
    }

    /// The code of a refusal.
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// The rules that block a failover.
    pub(crate) fn rules(&self) -> Option<Vec<Rule>> {
        let Self::Refused(problem) = self else { return None };
        serde_json::from_value(problem.more.get("rules")?.clone()).ok()
    }

    /// Whether asking again later may help without anybody doing anything here.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::OutOfReach { .. })
            || self.code().is_some_and(|code| code.status() == 503)
    }

    /// The program's exit code: 3 for what a state forbids, 4 for what is out of reach.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::OutOfReach { .. } => 4,
            Self::Refused(problem) if problem.code == ErrorCode::StoreUnavailable => 4,
            Self::Refused(problem) if problem.status == 409 => 3,
            Self::Refused(_) | Self::Unexpected { .. } | Self::Shape(_) => 1,
        }
    }

    /// What is worth knowing beyond the sentence, line by line, the remedy last.
    pub(crate) fn advice(&self) -> Vec<String> {
        match self {
            Self::OutOfReach { .. } => vec![
                "is `lifeboat serve` running there? Give another address with --url or LIFEBOAT_URL"
                    .to_owned(),
            ],
            Self::Refused(problem) => {
                // One that the sentence before it tells already is not told again.
                let untold = problem.errors.iter().filter(|field| {
                    problem.errors.len() > 1 || !problem.detail.contains(&field.message)
                });
                let mut lines: Vec<String> = untold
                    .map(|field| format!("{}: {} ({})", field.path, field.message, field.code))
                    .collect();
                lines.extend(
                    self.rules()
                        .unwrap_or_default()
                        .iter()
                        .map(|rule| format!("{}: {}; {}", rule.code, rule.message, rule.remedy)),
                );
                lines.extend(remedy(problem.code).map(str::to_owned));
                lines
            }
            Self::Unexpected { .. } => {
                vec!["is it Lifeboat that listens there, and of this version?".to_owned()]
            }
            Self::Shape(_) => {
                vec!["`lifeboat --version` here and there should be the same".to_owned()]
            }
        }
    }
}

/// What an operator types next.
fn remedy(code: ErrorCode) -> Option<&'static str> {
    use ErrorCode as C;
    Some(match code {
        C::Unauthorized => {
            "give a key: LIFEBOAT_API_KEY, or --data with the directory that holds admin.key"
        }
        C::RoleRequired => {
            "use a key of a higher role; an admin makes one with `lifeboat key create`"
        }
        C::StoreUnavailable => {
            "joins and redirects go on from memory; try again once the store is back"
        }
        C::WorldFailedOver => "add --failover keep or --failover clear",
        C::WorldRunning => "stop it first: `lifeboat world stop WORLD`",
        C::WorldNotRunning => "start it first: `lifeboat world launch WORLD`",
        C::WorldInUse => "end the failover first (`lifeboat failback WORLD`), or stop what runs",
        C::StandbyExists => {
            "see it with `lifeboat standby check WORLD`; `lifeboat standby release WORLD` releases it"
        }
        C::StandbyMissing => "make one: `lifeboat standby create WORLD --launch`",
        C::IfMatchFailed => "read it again with `lifeboat config show WORLD` and decide anew",
        C::FailoverBlocked => {
            "`lifeboat failover plan WORLD` has all of it; --force --reason overrides what may be"
        }
        C::FailoverInProgress => "see it with `lifeboat failover status WORLD`",
        C::ReasonRequired => "add --reason",
        C::OverrideTargetNotActive | C::OverrideDeploymentMismatch => {
            "`lifeboat standby check WORLD` says what runs; --force --reason saves it anyway"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: ErrorCode) -> ApiError {
        ApiError::refused(code.status(), &serde_json::to_string(&Problem::new(code, "d")).unwrap())
    }

    #[test]
    fn exit_codes_tell_rules_from_reach_from_failure() {
        for (code, exit) in [
            (ErrorCode::FailoverBlocked, 3),
            (ErrorCode::WorldInUse, 3),
            (ErrorCode::StoreUnavailable, 4),
            (ErrorCode::ValidationFailed, 1),
            (ErrorCode::Unauthorized, 1),
        ] {
            assert_eq!(refused(code).exit_code(), exit, "{code}");
        }
    }

    #[test]
    fn a_refusal_shows_its_fields_and_a_remedy() {
        let text = r#"{"type":"t","title":"T","status":401,"detail":"d","code":"unauthorized",
            "errors":[{"path":"/a","code":"unknown_key","message":"m"}]}"#;
        let advice = ApiError::refused(401, text).advice();
        assert_eq!(advice[0], "/a: m (unknown_key)");
        assert!(advice[1].contains("LIFEBOAT_API_KEY"));
    }

    #[test]
    fn a_field_that_the_detail_tells_of_is_told_once() {
        let field = r#"{"path":"/a","code":"schema_violation","message":"at most 1, but is 9"}"#;
        let advice = |errors: &str| {
            let text = format!(
                r#"{{"type":"t","title":"T","status":422,"detail":"/a: at most 1, but is 9",
                "code":"schema_violation","errors":[{errors}]}}"#
            );
            ApiError::refused(422, &text).advice()
        };
        assert_eq!(advice(field), Vec::<String>::new());
        assert_eq!(advice(&format!("{field},{field}")).len(), 2);
    }

    #[test]
    fn what_no_lifeboat_would_say_is_shown_in_part_and_without_control_characters() {
        let error = ApiError::refused(502, &format!("\u{1b}[31m{}", "x".repeat(9_000)));
        assert!(error.to_string().len() < 500 && !error.to_string().contains('\u{1b}'));
    }
}
