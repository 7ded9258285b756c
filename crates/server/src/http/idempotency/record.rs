//! An answer as it is remembered.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The headers that belong to an answer; the others belong to its delivery.
const HEADERS: [HeaderName; 4] = [CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER];
/// Tells whoever repeated a request that it was not done again.
const REPLAYED: &str = "idempotency-replayed";

/// An answer, and which request it is the answer to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Recorded {
    /// The hash of the request.
    pub(super) request: String,
    /// When it was answered.
    pub(super) at: Timestamp,
    status: u16,
    headers: BTreeMap<String, String>,
    /// In base64.
    body: String,
}

impl Recorded {
    /// The answer once more.
    pub(super) fn replay(&self) -> Response {
        let body = STANDARD.decode(&self.body).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                headers.insert(name, value);
            }
        }
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
        response
    }
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
        Recorded {
            request,
            at: now,
            status: parts.status.as_u16(),
            headers: HEADERS.iter().filter_map(of).collect(),
            body: STANDARD.encode(&bytes),
        }
    });
    (Response::from_parts(parts, Body::from(bytes)), recorded)
}
