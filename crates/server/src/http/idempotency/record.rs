//! A request as it is remembered: its answer, or what it did.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::http::problem::{ApiError, ApiResult};
use crate::writer::AuditEntry;

/// The headers that belong to an answer; the others belong to its delivery.
const HEADERS: [HeaderName; 4] = [CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER];
/// Tells whoever repeated a request that it was not done again.
const REPLAYED: &str = "idempotency-replayed";

/// What became of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Recorded {
    /// The hash of the request.
    pub(super) request: String,
    /// When it was done.
    pub(super) at: Timestamp,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Outcome {
    Answered {
        status: u16,
        headers: BTreeMap<String, String>,
        /// In base64.
        body: String,
    },
    /// It changed something, and no answer was written down.
    Done { action: String, target: String },
}

impl Recorded {
    /// What a request did, which has no answer yet.
    pub(super) fn done(request: &str, entry: &AuditEntry) -> Self {
        let (action, target) = (entry.action.clone(), entry.target.clone());
        let outcome = Outcome::Done { action, target };
        Self { request: request.to_owned(), at: entry.at, outcome }
    }

    /// The answer once more, or that there is none.
    pub(super) fn replay(&self) -> ApiResult<Response> {
        let (status, known, body) = match &self.outcome {
            Outcome::Answered { status, headers, body } => (*status, headers, body),
            Outcome::Done { action, target } => return Err(done(action, target)),
        };
        let body = STANDARD.decode(body).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        for (name, value) in known {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                headers.insert(name, value);
            }
        }
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }
}

fn done(action: &str, target: &str) -> ApiError {
    let detail = format!(
        "the first request with this `Idempotency-Key` was carried out (`{action}`, {target}), but \
         its answer is lost, as when Lifeboat was killed: look at what is there now; it is not done \
         again"
    );
    ApiError::new(ErrorCode::IdempotencyDone, detail)
}

/// Reads an answer and gives it back, with its record unless it is too large for one.
pub(super) async fn record(
    response: Response,
    request: String,
    now: Timestamp,
    bytes_max: usize,
) -> (Response, Option<Recorded>) {
    let (parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        return (Response::from_parts(parts, Body::empty()), None);
    };
    let bytes = body.to_bytes();
    let recorded = (bytes.len() <= bytes_max).then(|| {
        let of = |name: &HeaderName| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some((name.to_string(), value.to_owned()))
        };
        let outcome = Outcome::Answered {
            status: parts.status.as_u16(),
            headers: HEADERS.iter().filter_map(of).collect(),
            body: STANDARD.encode(&bytes),
        };
        Recorded { request, at: now, outcome }
    });
    (Response::from_parts(parts, Body::from(bytes)), recorded)
}
