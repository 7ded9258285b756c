//! What the commands read of the API's answers. Fields that a later server adds are passed over.

use std::collections::BTreeMap;

use lifeboat_core::failover::{Counts, Figures, Rule};
use lifeboat_core::phase::Phase;
use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The entries of a list's page, taken out of it.
pub(crate) fn items(page: &mut Value) -> Vec<Value> {
    match page["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

/// Figures that there are none of yet may be null.
fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A world.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorldView {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) standby: Option<String>,
    pub(crate) status: StatusView,
}

/// How a world is.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusView {
    pub(crate) phase: Phase,
    #[serde(default)]
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) deployment_id: Option<String>,
    #[serde(default)]
    pub(crate) sessions: u64,
    #[serde(default)]
    pub(crate) failover: Option<WorldFailover>,
}

/// What a world's status says of its failover.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorldFailover {
    #[serde(default)]
    pub(crate) failover_id: Option<String>,
}

/// A deployment.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeploymentView {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) launch_context_id: Option<String>,
    #[serde(default)]
    pub(crate) servers: Vec<ServerView>,
}

/// One game-server process.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerView {
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) pid: Option<i32>,
    #[serde(default)]
    pub(crate) last_healthy_at: Option<Timestamp>,
}

/// The comparison of a main world with its standby.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    #[serde(default)]
    pub(crate) checked_at: Option<Timestamp>,
    pub(crate) checks: Vec<Check>,
}

/// One point of the comparison.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Check {
    pub(crate) id: String,
    pub(crate) severity: String,
    pub(crate) ok: bool,
    #[serde(default)]
    pub(crate) main: Value,
    #[serde(default)]
    pub(crate) standby: Value,
    #[serde(default)]
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) remedy: Option<String>,
}

/// A failover, failback or rejoin; a dry run has no id.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct FailoverView {
    pub(crate) id: Option<String>,
    pub(crate) kind: String,
    pub(crate) world_id: Option<String>,
    pub(crate) target_world_id: Option<String>,
    pub(crate) phase: Option<String>,
    pub(crate) mode: Option<String>,
    pub(crate) started_at: Option<Timestamp>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) plan: PlanView,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) counts: Counts,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) refusals: BTreeMap<String, u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) dark_ms: Figures,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) fanout_ms: Figures,
    pub(crate) outage_ms: Option<u64>,
}

/// What was planned.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PlanView {
    pub(crate) sessions: u64,
    pub(crate) window_ms: u64,
    pub(crate) rate_per_second: f64,
    pub(crate) rules: Vec<Rule>,
}

impl FailoverView {
    /// Whether nobody is moved any more.
    pub(crate) fn is_finished(&self) -> bool {
        matches!(
            self.phase.as_deref(),
            Some("complete" | "complete-with-stragglers" | "cancelled" | "failed-back")
        )
    }

    /// Whether everyone is accounted for.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.phase.as_deref(), Some("complete" | "failed-back"))
    }
}
