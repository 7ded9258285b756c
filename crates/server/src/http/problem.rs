//! Errors of handlers, as problem documents.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use lifeboat_core::code::ErrorCode;
use lifeboat_core::problem::FieldProblem;
use lifeboat_protocol::problem::Problem;

/// A request that is refused or failed.
#[derive(Debug)]
pub(crate) struct ApiError(pub(crate) Box<Problem>);

/// What a handler answers.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// A refusal with this code.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    /// Fields that break rules.
    pub(crate) fn fields(problems: Vec<FieldProblem>) -> Self {
        Self(Box::new(Problem::with_fields(problems)))
    }

    /// The code.
    pub(crate) fn code(&self) -> ErrorCode {
        self.0.code
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::BAD_REQUEST);
        let retry_after_ms = self.0.retry_after_ms;
        let code = self.0.code;
        let mut response = (status, Json(&*self.0)).into_response();
        // For the guard, which notes refused tries in the audit log.
        response.extensions_mut().insert(code);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(ms) = retry_after_ms {
            headers.insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
        }
        response
    }
}
