//! Joins over HTTP: one pool of connections for all clients that share it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lifeboat_core::code::ErrorCode;
use lifeboat_core::limits::BODY_BYTES_MAX;
use lifeboat_protocol::join::{JoinAnswer, JoinRequest};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::limits::{CONNECT_TIMEOUT, HTTP_IDLE, JOIN_TIMEOUT, JOINS_AT_ONCE_MAX};

#[cfg(not(feature = "tls"))]
type Connector = HttpConnector;
#[cfg(feature = "tls")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector>;

/// What clients join over.
#[derive(Debug)]
pub(crate) struct Http {
    client: HttpClient<Connector, Full<Bytes>>,
    permits: Semaphore,
}

/// A join that was refused or not answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct JoinFailure {
    /// Why; none when the server could not be reached, or spoke no language of ours.
    pub(crate) code: Option<ErrorCode>,
    /// The wait that the server asks for.
    pub(crate) retry_after_ms: Option<u64>,
}

/// Why no answer came; for the log, since to the machine all of it is one.
#[derive(Debug, Error)]
enum NoAnswer {
    #[error("the request could not be sent")]
    Request(#[from] hyper_util::client::legacy::Error),
    #[error("the answer broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer is not the one to a join")]
    Answer(#[from] serde_json::Error),
    #[error("no answer within {} s", JOIN_TIMEOUT.as_secs())]
    TimedOut,
}

impl Http {
    pub(crate) fn new() -> Self {
        let client = HttpClient::builder(TokioExecutor::new())
            .pool_idle_timeout(HTTP_IDLE)
            .pool_max_idle_per_host(JOINS_AT_ONCE_MAX)
            .pool_timer(TokioTimer::new())
            .build(connector());
        Self { client, permits: Semaphore::new(JOINS_AT_ONCE_MAX) }
    }

    /// Asks to join. Whoever comes while too many are on their way waits for its turn.
    pub(crate) async fn join(
        &self,
        uri: Uri,
        bearer: Option<HeaderValue>,
        request: &JoinRequest,
    ) -> Result<Box<JoinAnswer>, JoinFailure> {
        let _permit = self.permits.acquire().await.map_err(|_| JoinFailure::default())?;
        let asked = timeout(JOIN_TIMEOUT, self.ask(uri, bearer, request)).await;
        asked.unwrap_or(Err(NoAnswer::TimedOut)).unwrap_or_else(|error| {
            tracing::debug!(error = &error as &dyn std::error::Error, "a join had no answer");
            Err(JoinFailure::default())
        })
    }

    async fn ask(
        &self,
        uri: Uri,
        bearer: Option<HeaderValue>,
        request: &JoinRequest,
    ) -> Result<Result<Box<JoinAnswer>, JoinFailure>, NoAnswer> {
        let mut post = Request::post(uri)
            .body(Full::from(serde_json::to_vec(request)?))
            .expect("a method and a parsed URI make a request");
        let json = HeaderValue::from_static("application/json");
        post.headers_mut().insert(header::CONTENT_TYPE, json);
        if let Some(bearer) = bearer {
            post.headers_mut().insert(header::AUTHORIZATION, bearer);
        }
        let (head, body) = self.client.request(post).await?.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(NoAnswer::Body)?;
        let bytes = body.to_bytes();
        if head.status.is_success() {
            return Ok(Ok(Box::new(serde_json::from_slice(&bytes)?)));
        }
        Ok(Err(failure(head.headers.get(header::RETRY_AFTER), &bytes)))
    }
}

fn connector() -> Connector {
    let mut plain = HttpConnector::new();
    plain.set_nodelay(true);
    plain.set_connect_timeout(Some(CONNECT_TIMEOUT));
    #[cfg(feature = "tls")]
    {
        plain.enforce_http(false);
        crate::tls::over(plain)
    }
    #[cfg(not(feature = "tls"))]
    plain
}

/// What a refusal says. Only what is needed is read, so that a code or a member that this version
/// does not know is no obstacle: such a refusal is asked again, ever more slowly.
fn failure(retry_after: Option<&HeaderValue>, body: &[u8]) -> JoinFailure {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Refusal {
        code: Value,
        retry_after_ms: Value,
    }
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let from_header = || {
        let seconds = retry_after?.to_str().ok()?.trim().parse().ok()?;
        u64::try_from(Duration::from_secs(seconds).as_millis()).ok()
    };
    JoinFailure {
        code: serde_json::from_value(refusal.code).ok(),
        retry_after_ms: refusal.retry_after_ms.as_u64().or_else(from_header),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(retry_after: Option<&'static str>, body: &str) -> JoinFailure {
        failure(retry_after.map(HeaderValue::from_static).as_ref(), body.as_bytes())
    }

    #[test]
    fn the_body_says_when_to_come_again_and_else_the_header() {
        let paced = r#"{"type":"urn:x","code":"admission_paced","retryAfterMs":1234,"new":[]}"#;
        let code = Some(ErrorCode::AdmissionPaced);
        assert_eq!(read(Some("2"), paced), JoinFailure { code, retry_after_ms: Some(1_234) });
        let silent = r#"{"code":"admission_paced"}"#;
        assert_eq!(read(Some("2"), silent), JoinFailure { code, retry_after_ms: Some(2_000) });
        assert_eq!(read(None, silent), JoinFailure { code, retry_after_ms: None });
    }

    #[test]
    fn what_is_no_problem_document_is_no_refusal() {
        for body in ["", "<html>", "[]", r#"{"code":"of tomorrow"}"#, r#"{"code":7}"#] {
            assert_eq!(read(None, body), JoinFailure::default(), "{body}");
        }
        let later = JoinFailure { code: None, retry_after_ms: Some(7_000) };
        assert_eq!(read(Some("7"), "<html>"), later);
        assert_eq!(read(Some("Wed, 21 Oct 2026 07:28:00 GMT"), ""), JoinFailure::default());
    }
}
