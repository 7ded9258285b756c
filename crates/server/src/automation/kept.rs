//! Policies and the switch in the store.

use lifeboat_core::failover::AutomationPolicy;
use lifeboat_core::ids::WorldId;
use lifeboat_core::limits::{REASON_CHARS_MAX, WRITE_RETRIES_MAX};
use lifeboat_core::problem::FieldProblem;
use lifeboat_store::{Precondition, Range, Store, StoreError, Transaction};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Automation, Switch};
use crate::app::App;
use crate::http::problem::{ApiError, ApiResult};
use crate::keyspace;
use crate::writer::{About, Actor, WriteError, json as encode, unchanged};

/// Policies read at once.
const READ_PAGE: usize = 500;

impl Automation {
    /// What was kept.
    pub(crate) async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let automation = Self::default();
        if let Some(kept) = store.read(keyspace::AUTOMATION_SWITCH).await? {
            automation.lock().switch = read(keyspace::AUTOMATION_SWITCH, &kept.value);
        }
        let mut range = Range::prefix(keyspace::AUTOMATION_WORLDS).limit(READ_PAGE);
        loop {
            let page = store.list(range.clone(), None).await?;
            for item in &page.items {
                let id = item.key.strip_prefix(keyspace::AUTOMATION_WORLDS).unwrap_or_default();
                if let Ok(world) = id.parse() {
                    automation.lock().policies.insert(world, read(&item.key, &item.value));
                }
            }
            match page.next {
                Some(next) => range = range.after(next),
                None => return Ok(automation),
            }
        }
    }
}

/// What cannot be read counts as not set: nothing happens by itself then.
fn read<T: DeserializeOwned + Default>(key: &str, value: &[u8]) -> T {
    serde_json::from_slice(value).unwrap_or_else(|error| {
        tracing::error!(key, %error, "an automation setting cannot be read and counts as unset");
        T::default()
    })
}

/// Sets the policy of a world.
///
/// # Errors
/// When a time is out of range, or the write is not possible now.
pub(crate) async fn set_policy(
    app: &App,
    actor: &Actor,
    world: &WorldId,
    policy: AutomationPolicy,
) -> ApiResult<()> {
    app.world(world)?;
    check_policy(&policy)?;
    let key = keyspace::automation(world);
    for _ in 0..WRITE_RETRIES_MAX {
        let kept = app.store.read(&key).await?;
        let transaction = Transaction::new()
            .require(Precondition::exists(keyspace::world(world)))
            .require(unchanged(key.clone(), kept.as_ref().map_or(0, |kept| kept.modified)))
            .put(key.clone(), encode(&policy));
        let about = About {
            action: "automation.set",
            target: world.to_string(),
            before: json!(app.automation.policy(world)),
            after: json!(policy),
            ..About::default()
        };
        match app.writer.commit(transaction, actor, about).await {
            Ok(_) => {
                let mut state = app.automation.lock();
                state.policies.insert(world.clone(), policy);
                state.seen.remove(world);
                return Ok(());
            }
            Err(WriteError::Lost) => {
                app.world(world)?;
            }
            Err(failed) => return Err(failed.into()),
        }
    }
    Err(WriteError::Lost.into())
}

fn check_policy(policy: &AutomationPolicy) -> ApiResult<()> {
    let mut problems = Vec::new();
    let mut within = |path: &str, value: u32, (least, most): (u32, u32)| {
        if !(least..=most).contains(&value) {
            let rule = format!("{least} to {most} seconds, not {value}");
            problems.push(FieldProblem::invalid(path, rule));
        }
    };
    within("/graceSeconds", policy.grace_seconds, AutomationPolicy::GRACE_SECONDS);
    within("/coolDownSeconds", policy.cool_down_seconds, AutomationPolicy::COOL_DOWN_SECONDS);
    if problems.is_empty() { Ok(()) } else { Err(ApiError::fields(problems)) }
}

/// Stops all automation, or lets it go on.
///
/// # Errors
/// When no reason is given for a stop, or the write is not possible now.
pub(crate) async fn set_switch(
    app: &App,
    actor: &Actor,
    stopped: bool,
    reason: String,
) -> ApiResult<Switch> {
    if reason.chars().count() > REASON_CHARS_MAX || (stopped && reason.trim().is_empty()) {
        let rule = format!("say why, in 1 to {REASON_CHARS_MAX} characters");
        return Err(ApiError::fields(vec![FieldProblem::invalid("/reason", rule)]));
    }
    let next = Switch { stopped, reason, by: actor.name.clone(), at: Some(app.now()) };
    let transaction = Transaction::new().put(keyspace::AUTOMATION_SWITCH, encode(&next));
    let about = About {
        action: "automation.switch",
        target: "automation".to_owned(),
        before: json!(app.automation.switch()),
        after: json!(next),
        reason: Some(next.reason.clone()).filter(|reason| !reason.is_empty()),
    };
    app.writer.commit(transaction, actor, about).await?;
    let mut state = app.automation.lock();
    state.switch = next.clone();
    state.seen.clear();
    Ok(next)
}
