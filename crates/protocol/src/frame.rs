//! The frames of the session channel: one JSON object a text frame, with its `type` in it.

use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::{FailoverId, ServerId, SessionId, WorldId};
use lifeboat_core::live_config::LiveConfig;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};

use crate::join::JoinAnswer;

/// The subprotocol of the session channel.
pub const SUBPROTOCOL: &str = "lifeboat.v1";
/// How a session token is given among the subprotocols.
pub const TOKEN_SUBPROTOCOL_PREFIX: &str = "token.";

/// Close codes of the session channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// The server shuts down; come back.
    Shutdown = 1001,
    /// The token is not valid.
    BadToken = 4001,
    /// The token has expired.
    Expired = 4002,
    /// Another channel took the session over; final.
    Replaced = 4003,
    /// Kicked or banned; final.
    Kicked = 4004,
    /// The client did not read what was sent to it.
    Slow = 4008,
    /// The client broke the protocol.
    Protocol = 4009,
}

impl CloseCode {
    /// The number in the close frame.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Whether a client must not come back by itself after this close code.
    #[must_use]
    pub const fn is_final(number: u16) -> bool {
        number == Self::Replaced.number() || number == Self::Kicked.number()
    }
}

/// Why a session has to rejoin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RejoinReason {
    /// The world it is in was failed over.
    Failover,
    /// The world that it asked for is back.
    Failback,
    /// Everyone in its world was told to rejoin.
    Rejoin,
    /// Its server was lost and replaced.
    ServerReplaced,
    /// Its deployment has ended.
    DeploymentEnded,
    /// A reason that this version does not know. The order stands all the same.
    #[serde(other)]
    Unknown,
}

/// Why the server closes a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ByeReason {
    /// The server shuts down; come back.
    Shutdown,
    /// Another channel took the session over.
    Replaced,
    /// Kicked or banned.
    Kicked,
    /// The token has expired.
    Expired,
    /// The client did not read what was sent to it.
    Slow,
    /// A reason that this version does not know, and so none that is final.
    #[serde(other)]
    Unknown,
}

/// When to leave and when to ask again, in a `hello`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejoin {
    /// Leave the game server after this time.
    pub leave_after_ms: u64,
    /// Ask to join after this time, unless a placement came before.
    pub rejoin_after_ms: u64,
    /// Why.
    pub reason: RejoinReason,
}

/// What the server sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServerFrame {
    /// The first frame on every channel.
    Hello {
        /// The session.
        session: SessionId,
        /// The catalog's revision.
        revision: u64,
        /// `AllClients` of the world placed in.
        all_clients: u64,
        /// The values that players may see.
        live_config: LiveConfig,
        /// Time between two pings.
        heartbeat_seconds: u64,
        /// Whether the session has to rejoin.
        rejoin: Option<Rejoin>,
        /// Whether the server takes [`ClientFrame::Reopen`] on this channel.
        #[serde(default)]
        reopens: bool,
    },
    /// Values that changed, by JSON Pointer.
    LiveConfig {
        /// The catalog's revision.
        revision: u64,
        /// The new values.
        changes: Map<String, Value>,
    },
    /// Leave and rejoin.
    ForceDisconnect {
        /// `AllClients` of the world placed in.
        all_clients: u64,
        /// Leave the game server after this time.
        leave_after_ms: u64,
        /// Ask to join after this time, unless a placement came before.
        rejoin_after_ms: u64,
        /// Why.
        reason: RejoinReason,
        /// The failover that it belongs to.
        failover: Option<FailoverId>,
        /// A message to show.
        message: Option<String>,
    },
    /// The answer to a join that need not be asked.
    Placement(Box<JoinAnswer>),
    /// Stop the timers and wait.
    Hold {},
    /// A message to show.
    Message {
        /// The text.
        text: String,
    },
    /// How far the failover is that the session waits in, for the loading screen.
    Progress {
        /// Sessions that are over.
        over: u64,
        /// Sessions that were there when it began.
        present: u64,
    },
    /// New tokens for the placement that stands.
    Tokens {
        /// For the game server.
        ticket: String,
        /// For the session channel and later joins.
        session_token: String,
    },
    /// Are you there?
    Ping {},
    /// Something is wrong; a close follows.
    Error {
        /// What; none for a code that this version does not know.
        #[serde(default, deserialize_with = "known_code")]
        code: Option<ErrorCode>,
        /// What is wrong here, and what to do about it.
        detail: String,
        /// When coming back may help.
        retry_after_ms: Option<u64>,
    },
    /// The server closes the channel.
    Bye {
        /// Why.
        reason: ByeReason,
        /// When coming back may help.
        retry_after_ms: Option<u64>,
    },
    /// A type that this version does not know; to be ignored.
    #[serde(other)]
    Unknown,
}

impl ServerFrame {
    /// The frame as text.
    ///
    /// # Panics
    /// Never: every part of a frame has a JSON form.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("every part of a frame has a JSON form")
    }
}

/// Where a client is, as it reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClientState {
    /// On the loading screen.
    #[default]
    Loading,
    /// Connecting to a game server.
    Connecting,
    /// In the world.
    InWorld,
}

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ClientFrame {
    /// Where it is now.
    State {
        /// Where.
        state: ClientState,
        /// The world, when there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        world: Option<WorldId>,
        /// The server, when there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server: Option<ServerId>,
        /// Why, such as `gameLost`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
        /// Since how long, when it is not since now; a client's clock may count parts of it.
        #[serde(default, deserialize_with = "whole_ms", skip_serializing_if = "Option::is_none")]
        since_ms: Option<u64>,
    },
    /// The channel begins anew, over the connection that is open anyway: what was asked for by a
    /// join is told with the token that the join gave. A `hello` is the answer; what comes before
    /// it is still of the channel so far.
    Reopen {
        /// The newest token of the same session.
        session_token: String,
    },
    /// I am there.
    Pong {},
    /// The user leaves for good.
    Leave {},
    /// A type that this version does not know; to be ignored.
    #[serde(other)]
    Unknown,
}

fn known_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ErrorCode>, D::Error> {
    let given = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(given).ok())
}

fn whole_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let given = Option::<Number>::deserialize(deserializer)?;
    given.map_or(Ok(None), |number| match (number.as_u64(), number.as_f64()) {
        (Some(whole), _) => Ok(Some(whole)),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and more than fits counts as the most that does"
        )]
        (None, Some(parts)) if parts >= 0.0 => Ok(Some(parts as u64)),
        _ => Err(D::Error::custom("`sinceMs` is a number of milliseconds, not below zero")),
    })
}

impl ClientFrame {
    /// The frame as text.
    ///
    /// # Panics
    /// Never: every part of a frame has a JSON form.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("every part of a frame has a JSON form")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_have_the_shapes_of_the_contract() {
        let force = ServerFrame::ForceDisconnect {
            all_clients: 5,
            leave_after_ms: 0,
            rejoin_after_ms: 1_200,
            reason: RejoinReason::ServerReplaced,
            failover: None,
            message: None,
        };
        assert_eq!(
            serde_json::to_value(force).unwrap(),
            json!({ "type": "forceDisconnect", "allClients": 5, "leaveAfterMs": 0,
                    "rejoinAfterMs": 1200, "reason": "serverReplaced", "failover": null,
                    "message": null })
        );
        assert_eq!(ServerFrame::Ping {}.to_text(), r#"{"type":"ping"}"#);
        assert_eq!(
            serde_json::from_str::<ClientFrame>(
                r#"{"type":"state","state":"inWorld","world":"wld_a","server":"srv_b","new":1}"#
            )
            .unwrap(),
            ClientFrame::State {
                state: ClientState::InWorld,
                world: Some("wld_a".parse().unwrap()),
                server: Some("srv_b".parse().unwrap()),
                cause: None,
                since_ms: None
            }
        );
    }

    #[test]
    fn unknown_types_are_no_errors() {
        let frame = serde_json::from_str::<ClientFrame>(r#"{"type":"dance","to":"music"}"#);
        assert_eq!(frame.unwrap(), ClientFrame::Unknown);
        assert_eq!(
            serde_json::from_str::<ServerFrame>(r#"{"type":"later","x":[]}"#).unwrap(),
            ServerFrame::Unknown
        );
        let error = json!({ "type": "error", "code": "of tomorrow", "detail": "d",
                            "retryAfterMs": 7 });
        assert_eq!(
            serde_json::from_value::<ServerFrame>(error).unwrap(),
            ServerFrame::Error { code: None, detail: "d".into(), retry_after_ms: Some(7) }
        );
    }
}
