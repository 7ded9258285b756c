//! The keys that tickets are verified with: fetched at the start, again for an unknown key, and
//! kept while Lifeboat is away.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::limits::{
    CALL_TIMEOUT, KEY_SET_BYTES_MAX, KEYS_EVERY, KEYS_MAX, KEYS_WAIT, RETRY_FIRST, RETRY_MAX,
};
use crate::sdk::bounded_body;

/// Ed25519 keys by their id.
#[derive(Clone, Default)]
pub struct KeySet {
    keys: HashMap<String, DecodingKey>,
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

/// Why keys could not be had.
#[derive(Debug, Error)]
pub enum KeysUnavailable {
    /// The endpoint did not answer as it should.
    #[error("keys could not be fetched")]
    Fetch(#[from] crate::sdk::CallFailed),
    /// The answer is no set of keys.
    #[error("not a JSON Web Key Set")]
    Malformed(#[source] serde_json::Error),
    /// No key in it can verify a ticket.
    #[error("no Ed25519 key in the set")]
    Empty,
}

impl KeySet {
    /// The Ed25519 keys in a JSON Web Key Set. Keys of other kinds are passed over.
    ///
    /// # Errors
    /// When it is no such set or has no such key.
    pub fn from_jwks(json: &[u8]) -> Result<Self, KeysUnavailable> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<Value>,
        }
        let jwks: Jwks = serde_json::from_slice(json).map_err(KeysUnavailable::Malformed)?;
        let read = |jwk: &Value| {
            let text = |name| jwk.get(name).and_then(Value::as_str);
            let usable = text("kty") == Some("OKP") && text("crv") == Some("Ed25519");
            let key = DecodingKey::from_ed_components(text("x")?).ok()?;
            usable.then(|| Some((text("kid")?.to_owned(), key))).flatten()
        };
        let keys: HashMap<_, _> = jwks.keys.iter().filter_map(read).take(KEYS_MAX).collect();
        if keys.is_empty() { Err(KeysUnavailable::Empty) } else { Ok(Self { keys }) }
    }

    /// The key of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&DecodingKey> {
        self.keys.get(id)
    }
}

/// The current keys, and the wish for newer ones.
#[derive(Debug)]
pub struct KeyRing {
    current: watch::Sender<Arc<KeySet>>,
    wanted: Notify,
}

impl Default for KeyRing {
    fn default() -> Self {
        Self { current: watch::Sender::new(Arc::default()), wanted: Notify::new() }
    }
}

impl KeyRing {
    /// The keys as last fetched.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        self.current.borrow().clone()
    }

    /// The keys after the next fetch, or as they are if none succeeds within 3 s. However many
    /// ask, one fetch serves them all.
    pub async fn renewed(&self) -> Arc<KeySet> {
        let mut changes = self.current.subscribe();
        self.wanted.notify_one();
        let waited = timeout(KEYS_WAIT, changes.changed()).await;
        if waited.is_err() {
            tracing::debug!("no newer keys in time");
        }
        self.current()
    }

    /// Fetches the keys from `url` now and whenever they are wanted; at most once a second, so
    /// that forged tickets do not become requests. Never returns.
    pub async fn keep(&self, http: &reqwest::Client, url: &str) {
        let mut wait = RETRY_FIRST;
        loop {
            let started = Instant::now();
            match fetch(http, url).await {
                Ok(keys) => {
                    tracing::debug!(?keys, "keys fetched");
                    self.current.send_replace(Arc::new(keys));
                    wait = RETRY_FIRST;
                    self.wanted.notified().await;
                    sleep_until(started + KEYS_EVERY).await;
                }
                Err(error) => {
                    tracing::warn!(%error, url, "keys unavailable; trying again");
                    sleep(wait).await;
                    wait = (wait * 2).min(RETRY_MAX);
                }
            }
        }
    }
}

async fn fetch(http: &reqwest::Client, url: &str) -> Result<KeySet, KeysUnavailable> {
    let request = http.get(url).timeout(CALL_TIMEOUT);
    KeySet::from_jwks(&bounded_body(request, KEY_SET_BYTES_MAX).await?)
}

/// A client for calls to the machine's own endpoints.
///
/// # Errors
/// When the system cannot give one.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(2)).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_kinds_of_keys_are_passed_over() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let jwks = format!(
            r#"{{"keys":[{{"kty":"RSA","kid":"a","n":"x","e":"AQAB"}},{{"kty":"OKP","crv":"X25519","kid":"b","x":"{x}"}},{{"kty":"OKP","crv":"Ed25519","kid":"c","x":"{x}"}},7]}}"#
        );
        let keys = KeySet::from_jwks(jwks.as_bytes()).unwrap();
        assert_eq!(format!("{keys:?}"), r#"{"c"}"#);
    }

    #[test]
    fn a_set_without_a_usable_key_is_refused() {
        assert!(matches!(KeySet::from_jwks(br#"{"keys":[]}"#), Err(KeysUnavailable::Empty)));
        assert!(matches!(KeySet::from_jwks(b"<html>"), Err(KeysUnavailable::Malformed(_))));
    }
}
