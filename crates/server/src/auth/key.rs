//! API keys as they are kept: never the secret, only its hash.

use lifeboat_core::ids::KeyId;
use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Role;
use crate::ids;
use crate::keyspace::hex;

/// How every secret begins, so that people and scanners know what they found.
pub(super) const SECRET_PREFIX: &str = "lbk_";

/// An API key as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKey {
    /// Its id.
    pub(crate) id: KeyId,
    /// Whose it is, for the audit log.
    pub(crate) name: String,
    /// What it may do.
    pub(crate) role: Role,
    /// The SHA-256 of the secret, in hexadecimal digits.
    pub(crate) hash: String,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// When it was used, give or take some minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_used_at: Option<Timestamp>,
    /// The revision of the record that this was read from.
    #[serde(skip)]
    pub(crate) modified: u64,
}

impl ApiKey {
    /// A new key, and its secret: this is the only time that it is known.
    pub(crate) fn new(name: String, role: Role, now: Timestamp) -> (Self, String) {
        let secret = format!("{SECRET_PREFIX}{}", ids::secret());
        let key = Self {
            id: KeyId::from_unique(&ids::unique()),
            name,
            role,
            hash: digest(&secret),
            created_at: now,
            last_used_at: None,
            modified: 0,
        };
        (key, secret)
    }
}

/// The hash by which a secret is known. A secret is 160 random bits, so there is nothing to guess
/// that a slow hash would have to slow down.
pub(super) fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}
