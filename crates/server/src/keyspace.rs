//! Where things stand in the store: every key and prefix, in one place.
//!
//! What is under [`STATE`] makes the catalog and is watched by every node; the rest is read when
//! it is asked for.

use lifeboat_core::ids::{
    BanId, DeploymentId, DrillId, FailoverId, KeyId, LoginId, ServerId, SessionId, WebhookId,
    WorldId,
};
use lifeboat_core::time::Timestamp;

/// Everything that makes the catalog.
pub(crate) const STATE: &str = "/state/";
pub(crate) const WORLDS: &str = "/state/worlds/";
pub(crate) const LIVE: &str = "/state/live-config/";
pub(crate) const DEPLOYMENTS: &str = "/state/deployments/";
pub(crate) const BANS: &str = "/state/bans/";
pub(crate) const KICKED: &str = "/state/kicked/";
pub(crate) const LOGGED_OUT: &str = "/state/logged-out/";
pub(crate) const FAILOVERS: &str = "/state/failovers/";
pub(crate) const DRILLS: &str = "/state/drills/";

/// Which worlds fail over by themselves.
pub(crate) const AUTOMATION_WORLDS: &str = "/automation/worlds/";
/// Whether all automation was stopped.
pub(crate) const AUTOMATION_SWITCH: &str = "/automation/switch";
/// Addresses that are told of events, with the secrets that sign what they are told.
pub(crate) const WEBHOOKS: &str = "/webhooks/";
/// What each of them was told, or is to be.
pub(crate) const DELIVERIES: &str = "/webhook-deliveries/";
/// API keys, as hashes.
pub(crate) const API_KEYS: &str = "/api-keys/";
/// The keys that sign tokens.
pub(crate) const SIGNING_KEYS: &str = "/secrets/signing-keys";
/// Who changed what; entries are ordered by time.
pub(crate) const AUDIT: &str = "/audit/";

/// Where the audit entries of a time begin: those of that millisecond and later are after it.
pub(crate) fn audit_since(at: Timestamp) -> String {
    format!("{AUDIT}{:014}", at.as_ms().max(0))
}

pub(crate) fn world(id: &WorldId) -> String {
    format!("{WORLDS}{id}")
}

/// Holds the name of a world, so that two cannot take the same one at once.
pub(crate) fn world_name(name: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(name.as_bytes());
    format!("/world-names/{}", hex(&digest[..16]))
}

pub(crate) fn live(id: &WorldId) -> String {
    format!("{LIVE}{id}")
}

/// Earlier live configs of a world; ordered by when they were saved.
pub(crate) fn live_history(id: &WorldId) -> String {
    format!("/live-config-history/{id}/")
}

pub(crate) fn deployment(id: &DeploymentId) -> String {
    format!("{DEPLOYMENTS}{id}")
}

/// Every server that a deployment ever had, for its logs.
pub(crate) fn deployment_servers(id: &DeploymentId) -> String {
    format!("/deployment-servers/{id}/")
}

pub(crate) fn deployment_server(id: &DeploymentId, server: &ServerId) -> String {
    format!("/deployment-servers/{id}/{server}")
}

pub(crate) fn automation(id: &WorldId) -> String {
    format!("{AUTOMATION_WORLDS}{id}")
}

pub(crate) fn webhook(id: &WebhookId) -> String {
    format!("{WEBHOOKS}{id}")
}

/// The deliveries of a webhook; ordered by when they were made.
pub(crate) fn deliveries(id: &WebhookId) -> String {
    format!("{DELIVERIES}{id}/")
}

pub(crate) fn ban(id: &BanId) -> String {
    format!("{BANS}{id}")
}

pub(crate) fn kicked(id: &SessionId) -> String {
    format!("{KICKED}{id}")
}

pub(crate) fn logged_out(id: &LoginId) -> String {
    format!("{LOGGED_OUT}{id}")
}

pub(crate) fn failover(id: &FailoverId) -> String {
    format!("{FAILOVERS}{id}")
}

pub(crate) fn drill(id: &DrillId) -> String {
    format!("{DRILLS}{id}")
}

/// The log of a failover's ledger, in pages.
pub(crate) fn ledger(id: &FailoverId) -> String {
    format!("/ledger/{id}/")
}

pub(crate) fn ledger_page(id: &FailoverId, number: u64) -> String {
    format!("/ledger/{id}/{number:010}")
}

/// The number of the page under a key of [`ledger_page`].
pub(crate) fn ledger_page_number(key: &str) -> Option<u64> {
    key.rsplit('/').next()?.parse().ok()
}

pub(crate) fn api_key(id: &KeyId) -> String {
    format!("{API_KEYS}{id}")
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
