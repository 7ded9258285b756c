//! A join: what a client asks, and the answer, which is authoritative.

use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::{DeploymentId, LaunchContextId, ServerId, SessionId, User, WorldId};
use lifeboat_core::version::BaseVersion;
use lifeboat_core::world::Streaming;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::schema::{BaseVersionShape, StreamingShape};

/// What a client may say in `accepts` to get its placement over the session channel.
pub const ACCEPTS_PLACEMENT: &str = "placement";

/// `POST /api/worlds/{id}/join`; every field is optional.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct JoinRequest {
    /// What the client is.
    #[serde(deserialize_with = "or_default")]
    pub client: ClientInfo,
    /// The session token of an earlier join: keeps user, session, seat and ledger line.
    pub previous: Option<String>,
    /// The answer must not come from a catalog older than this revision.
    pub min_revision: Option<u64>,
}

/// `null` says no more than a field that is left out.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What a client is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientInfo {
    /// Its base version; the target's is assumed if absent.
    #[schema(value_type = Option<BaseVersionShape>)]
    pub base_version: Option<BaseVersion>,
    /// A word for what it is, such as `browser` or `bot`.
    pub kind: Option<String>,
    /// What it understands beyond the guide's two steps; see [`ACCEPTS_PLACEMENT`].
    #[serde(deserialize_with = "or_default")]
    pub accepts: Vec<String>,
}

impl ClientInfo {
    /// Whether it takes its placement over the session channel.
    #[must_use]
    pub fn accepts_placement(&self) -> bool {
        self.accepts.iter().any(|word| word == ACCEPTS_PLACEMENT)
    }
}

/// Whether a refusal with this code ends a join: the ledger counts the client as refused, and the
/// client asks no more. Any other helps by waiting, if only for an operator to mend something or
/// for the player to sign in again. What a code is elsewhere does not matter: as the answer to a
/// join, `override_cycle` waits to be cleared.
#[must_use]
pub fn is_final(code: ErrorCode) -> bool {
    matches!(code.status(), 403 | 404 | 409)
}

/// The answer to a join. Everything but `requested_world` is of the world placed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinAnswer {
    /// The session.
    #[schema(value_type = String)]
    pub session: SessionId,
    /// The user.
    #[schema(value_type = String)]
    pub user: User,
    /// The world that was asked for.
    #[schema(value_type = String)]
    pub requested_world: WorldId,
    /// The world placed in.
    #[schema(value_type = String)]
    pub world: WorldId,
    /// The deployment placed in.
    #[schema(value_type = String)]
    pub deployment: DeploymentId,
    /// For clients of base version 37 and older.
    #[schema(value_type = Option<String>, required)]
    pub launch_context: Option<LaunchContextId>,
    /// Whether an override led elsewhere.
    pub redirected: bool,
    /// Whether `previous` was a token of this user's.
    pub previous_accepted: bool,
    /// The server placed on.
    #[schema(value_type = String)]
    pub server: ServerId,
    /// Where that server takes clients.
    pub endpoint: String,
    /// How clients are launched.
    #[schema(value_type = StreamingShape)]
    pub streaming: Streaming,
    /// `ForceDisconnect.AllClients` of the world placed in.
    pub all_clients: u64,
    /// The catalog's revision.
    pub revision: u64,
    /// For the game server, good for minutes.
    pub ticket: String,
    /// For the session channel and later joins, good for hours.
    pub session_token: String,
    /// Where the session channel is opened.
    pub session_url: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_says_no_more_than_a_field_that_is_left_out() {
        let nothing = JoinRequest::default();
        for body in [
            json!({}),
            json!({ "client": null, "previous": null, "minRevision": null }),
            json!({ "client": { "baseVersion": null, "kind": null, "accepts": null } }),
        ] {
            assert_eq!(serde_json::from_value::<JoinRequest>(body).unwrap(), nothing);
        }
        assert!(serde_json::from_value::<JoinRequest>(json!({ "client": 5 })).is_err());
    }
}
