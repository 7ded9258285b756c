//! What is wrong with the fields that requests about moves have in common.

use lifeboat_core::limits::{MESSAGE_CHARS_MAX, REASON_CHARS_MAX};
use lifeboat_core::problem::FieldProblem;

use crate::http::problem::{ApiError, ApiResult};

/// Refuses a reason that is too long.
///
/// # Errors
/// Naming the limit.
pub(crate) fn check_reason(text: Option<&str>) -> ApiResult<()> {
    text.and_then(reason).map_or(Ok(()), |problem| Err(ApiError::fields(vec![problem])))
}

/// A reason that is too long.
pub(crate) fn reason(text: &str) -> Option<FieldProblem> {
    let rule = || format!("a reason has at most {REASON_CHARS_MAX} characters; shorten it");
    (text.chars().count() > REASON_CHARS_MAX).then(|| FieldProblem::invalid("/reason", rule()))
}

/// A message to players that is too long.
pub(crate) fn message(text: Option<&str>) -> Option<FieldProblem> {
    let rule = || format!("a message has at most {MESSAGE_CHARS_MAX} characters; shorten it");
    text.filter(|text| text.chars().count() > MESSAGE_CHARS_MAX)
        .map(|_| FieldProblem::invalid("/message", rule()))
}

/// A rate that is none; `remedy` is what to do instead.
pub(crate) fn rate(rate: Option<f64>, remedy: &str) -> Option<FieldProblem> {
    let rule = || format!("a rate is a number above 0; {remedy}");
    rate.filter(|rate| !(*rate > 0.0 && rate.is_finite()))
        .map(|_| FieldProblem::invalid("/maxRejoinsPerSecond", rule()))
}
