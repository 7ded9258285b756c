//! The four roles, each including the one before, and who was found to call.

use axum::extract::FromRequestParts;
use http::request::Parts;
use lifeboat_core::ids::KeyId;
use lifeboat_core::live_config::Audience;
use serde::{Deserialize, Serialize};

use super::{Login, no_key};
use crate::http::problem::{ApiError, ApiResult};
use crate::writer::Actor;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Reads.
    Viewer,
    /// Worlds, live config, failover, kick and ban.
    Operator,
    /// Also what is marked internal.
    Support,
    /// Also keys.
    Admin,
}

impl Role {
    /// The role as it is written.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Support => "support",
            Self::Admin => "admin",
        }
    }

    /// Which live config values this role sees.
    pub(crate) fn audience(self) -> Audience {
        if self >= Self::Support { Audience::Support } else { Audience::Operators }
    }

    /// Whether this role sees and sets a world's internal settings.
    pub(crate) fn sees_internal(self) -> bool {
        self >= Self::Support
    }
}

/// The operator or service whose key came with a request; put there by the guard in front of
/// every handler.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// For the audit log.
    pub(crate) actor: Actor,
    /// What it may do.
    pub(crate) role: Role,
    /// By what it was found.
    pub(crate) credential: Credential,
}

/// What somebody showed.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// The secret of this key.
    Key(KeyId),
    /// The dashboard's cookie.
    Cookie(Login),
}

impl Caller {
    /// The text that stands for this caller where two must not be taken for one another.
    pub(crate) fn identity(&self) -> &str {
        match &self.credential {
            Credential::Key(id) => id.as_str(),
            Credential::Cookie(login) => login.id.as_str(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        parts.extensions.get::<Self>().cloned().ok_or_else(no_key)
    }
}
