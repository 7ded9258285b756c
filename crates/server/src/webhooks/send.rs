//! One try of a delivery: a signed POST, of which only the status of the answer is read.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, Request};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lifeboat_core::limits::WEBHOOK_TRY_TIMEOUT;
use lifeboat_core::time::Timestamp;
use rustls::{ClientConfig, RootCertStore};

use super::Webhook;
use super::delivery::{Delivery, Outcome};
use super::kept::SECRET_PREFIX;

type Https = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Tries a delivery. Redirects are not followed, and nothing of the answer but its head is read.
pub(super) async fn send(webhook: &Webhook, delivery: &Delivery, now: Timestamp) -> Outcome {
    let request = match request(webhook, delivery, now) {
        Ok(request) => request,
        Err(error) => return Outcome::Unreachable(error.to_string()),
    };
    match tokio::time::timeout(WEBHOOK_TRY_TIMEOUT, client().request(request)).await {
        Ok(Ok(answer)) if answer.status().is_success() => Outcome::Taken(answer.status().as_u16()),
        Ok(Ok(answer)) => Outcome::Refused(answer.status().as_u16()),
        Ok(Err(error)) => Outcome::Unreachable(causes(&error)),
        Err(_) => {
            let seconds = WEBHOOK_TRY_TIMEOUT.as_secs();
            Outcome::Unreachable(format!("no answer within {seconds} s"))
        }
    }
}

fn request(
    webhook: &Webhook,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let seconds = now.as_seconds().to_string();
    let signature = signature(&webhook.secret, delivery.id(), &seconds, delivery.body());
    let named = HeaderName::from_static;
    Request::post(&webhook.url)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("lifeboat/", env!("CARGO_PKG_VERSION")))
        .header(named("webhook-id"), delivery.id())
        .header(named("webhook-timestamp"), seconds)
        .header(named("webhook-signature"), signature)
        .body(Full::new(Bytes::from(delivery.body().to_owned())))
}

/// The signature by the Standard Webhooks scheme: an HMAC over id, time and body.
pub(super) fn signature(secret: &str, id: &str, seconds: &str, body: &str) -> String {
    let encoded = secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret);
    let key = STANDARD.decode(encoded).unwrap_or_else(|_| encoded.as_bytes().to_vec());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

/// The client of all webhooks, made when the first one is told something.
fn client() -> &'static Https {
    static CLIENT: OnceLock<Https> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = HttpsConnectorBuilder::new();
        let builder = match builder.with_provider_and_native_roots(Arc::clone(&provider)) {
            Ok(builder) => builder,
            Err(error) => {
                tracing::error!(%error, "no certificates are trusted: https webhooks will fail");
                HttpsConnectorBuilder::new().with_tls_config(trusting_nobody(provider))
            }
        };
        let connector = builder.https_or_http().enable_http1().build();
        // Deliveries are rare: a connection that is kept would be closed by the time of the next.
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)
    })
}

fn trusting_nobody(provider: Arc<rustls::crypto::CryptoProvider>) -> ClientConfig {
    let with_roots = |config: rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>| {
        config.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    };
    let builder = ClientConfig::builder_with_provider(provider);
    match builder.with_safe_default_protocol_versions() {
        Ok(builder) => with_roots(builder),
        // The provider is the one that this builder is made with by default.
        Err(_) => with_roots(ClientConfig::builder()),
    }
}

/// An error with its causes: the outermost alone says only that it failed.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
