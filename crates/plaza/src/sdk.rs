//! The calls of the Agones SDK that plaza makes, over REST on the loopback.

use futures::StreamExt as _;
use lifeboat_core::ids::SessionId;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use thiserror::Error;

use crate::limits::{CALL_TIMEOUT, WATCH_LINE_BYTES_MAX};

/// The annotation that carries the world's counter.
const COUNTER_ANNOTATION: &str = "lifeboat.dev/all-clients";

/// An endpoint did not answer as it should.
#[derive(Debug, Error)]
pub enum CallFailed {
    /// It could not be reached, or refused.
    #[error("no good answer")]
    Http(#[from] reqwest::Error),
    /// It sends more than it may.
    #[error("answer over {limit_bytes} bytes")]
    TooLong {
        /// The limit.
        limit_bytes: usize,
    },
}

/// Which stream to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// The game server itself: its state and annotations.
    GameServer,
    /// The world's live config.
    LiveConfig,
}

impl Watch {
    fn path(self) -> &'static str {
        match self {
            Self::GameServer => "/watch/gameserver",
            Self::LiveConfig => "/watch/live-config",
        }
    }
}

/// The SDK endpoint of this server.
#[derive(Debug, Clone)]
pub struct Sdk {
    http: Client,
    base: String,
}

impl Sdk {
    /// The endpoint on the loopback at `port`.
    #[must_use]
    pub fn new(http: Client, port: u16) -> Self {
        Self { http, base: format!("http://127.0.0.1:{port}") }
    }

    fn call(&self, method: Method, path: &str, body: &Value) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).timeout(CALL_TIMEOUT).json(body)
    }

    /// People may be sent here.
    ///
    /// # Errors
    /// When the endpoint is away or refuses.
    pub async fn ready(&self) -> Result<(), CallFailed> {
        self.call(Method::POST, "/ready", &json!({})).send().await?.error_for_status()?;
        Ok(())
    }

    /// This process does not hang.
    ///
    /// # Errors
    /// When the endpoint is away or refuses.
    pub async fn health(&self) -> Result<(), CallFailed> {
        self.call(Method::POST, "/health", &json!({})).send().await?.error_for_status()?;
        Ok(())
    }

    /// Exactly these sessions are here.
    ///
    /// # Errors
    /// When the endpoint is away or refuses.
    pub async fn set_players(&self, sessions: &[SessionId]) -> Result<(), CallFailed> {
        let body = json!({ "values": sessions });
        let request = self.call(Method::PATCH, "/v1beta1/lists/players", &body);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Follows a watch and hands over each `result`, until the endpoint ends it or goes away.
    ///
    /// # Errors
    /// When the endpoint is away, refuses or sends a line without end.
    pub async fn follow(
        &self,
        watch: Watch,
        mut seen: impl FnMut(Value),
    ) -> Result<(), CallFailed> {
        let url = format!("{}{}", self.base, watch.path());
        let mut chunks = self.http.get(url).send().await?.error_for_status()?.bytes_stream();
        let mut line = Vec::new();
        while let Some(chunk) = chunks.next().await {
            for part in chunk?.split_inclusive(|byte| *byte == b'\n') {
                if line.len() + part.len() > WATCH_LINE_BYTES_MAX {
                    return Err(CallFailed::TooLong { limit_bytes: WATCH_LINE_BYTES_MAX });
                }
                line.extend_from_slice(part);
                if line.ends_with(b"\n") {
                    if let Some(result) = result_in(&line) {
                        seen(result);
                    }
                    line.clear();
                }
            }
        }
        Ok(())
    }
}

fn result_in(line: &[u8]) -> Option<Value> {
    let mut value: Value = serde_json::from_slice(line).ok()?;
    Some(value.get_mut("result")?.take())
}

/// The world's counter, as a watched game server carries it.
#[must_use]
pub fn counter_of(game_server: &Value) -> Option<u64> {
    let annotations = game_server.get("object_meta")?.get("annotations")?;
    annotations.get(COUNTER_ANNOTATION)?.as_str()?.parse().ok()
}

/// Whether a watched game server was never, or not yet, declared ready: the endpoint's word, so
/// a call that was lost is made again, and one that took effect is not.
#[must_use]
pub fn awaits_ready(game_server: &Value) -> bool {
    let state = game_server.pointer("/status/state").and_then(Value::as_str);
    matches!(state, Some("PortAllocation" | "Creating" | "Starting" | "Scheduled"))
}

/// The body of an answer, up to a limit.
///
/// # Errors
/// When there is no good answer, or a longer one.
pub async fn bounded_body(
    request: RequestBuilder,
    limit_bytes: usize,
) -> Result<Vec<u8>, CallFailed> {
    let mut chunks = request.send().await?.error_for_status()?.bytes_stream();
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        if body.len() + chunk.len() > limit_bytes {
            return Err(CallFailed::TooLong { limit_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_read_from_the_annotation() {
        let with =
            |value: Value| json!({"object_meta": {"annotations": {COUNTER_ANNOTATION: value}}});
        assert_eq!(counter_of(&with(json!("41"))), Some(41));
        for nonsense in [json!("-1"), json!("x"), json!(null), json!({})] {
            assert_eq!(counter_of(&with(nonsense)), None);
        }
        assert_eq!(counter_of(&json!({"object_meta": {"annotations": null}})), None);
    }

    #[test]
    fn ready_is_said_again_only_where_it_was_lost() {
        let state = |state: &str| json!({"status": {"state": state}});
        assert!(awaits_ready(&state("Scheduled")));
        for settled in ["RequestReady", "Ready", "Allocated", "Unhealthy", "Shutdown"] {
            assert!(!awaits_ready(&state(settled)), "{settled}");
        }
    }
}
