//! What a ticket and a session token say. Both carry the same claims and differ in audience and
//! lifetime: the ticket is shown to one game server, the session token to any Lifeboat node.

use serde::{Deserialize, Serialize};

use crate::ids::{DeploymentId, FailoverId, ServerId, SessionId, User, WorldId};

/// The audience of a session token.
pub const SESSION_AUDIENCE: &str = "lifeboat";
/// The issuer of tickets and session tokens.
pub const ISSUER: &str = "lifeboat";

/// The claims of a ticket (`aud` is the server) or a session token (`aud` is `lifeboat`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it: [`ISSUER`].
    pub iss: String,
    /// Whom it is for: a server's id, or [`SESSION_AUDIENCE`].
    pub aud: String,
    /// The user.
    pub sub: User,
    /// The session.
    pub ses: SessionId,
    /// The world that was asked for.
    pub req: WorldId,
    /// The world placed in.
    pub wld: WorldId,
    /// The deployment placed in.
    pub dep: DeploymentId,
    /// The server placed on.
    pub srv: ServerId,
    /// `ForceDisconnect.AllClients` of `wld` when this was issued.
    #[serde(rename = "gen")]
    pub generation: u64,
    /// `ForceDisconnect.Redirected` of `req` when this was issued.
    pub ret: u64,
    /// The catalog's revision when this was issued.
    pub rev: u64,
    /// The client's base version.
    pub bv: u32,
    /// The client's kind, as it named itself.
    pub kind: String,
    /// Issued at, in seconds since the Unix epoch.
    pub iat: i64,
    /// Expires at, in seconds since the Unix epoch.
    pub exp: i64,
    /// Unique id of this token; tokens of one session compare by it: the larger is the newer.
    pub jti: String,
    /// Whether the client takes its placement over the session channel.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acc: bool,
    /// The user's access groups when this was issued; a rejoin is decided by them again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grp: Vec<String>,
    /// The failover that moved the session here, in a session token: whoever was placed right
    /// before a crash, with nothing of the ledger kept yet, is known by it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mov: Option<FailoverId>,
}
