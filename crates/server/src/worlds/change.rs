//! Changes of worlds.

use std::sync::Arc;

use lifeboat_core::catalog::{Catalog, LiveEntry};
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::WorldId;
use lifeboat_core::limits::WRITE_RETRIES_MAX;
use lifeboat_core::world::World;
use lifeboat_store::{Precondition, Transaction};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::create::{check_name, may_set_internal};
use super::draft::patched;
use super::stored::{self, Draft, Stored, audited, commit, contended, put_world};
use crate::app::{App, world_of};
use crate::auth::Caller;
use crate::http::problem::{ApiError, ApiResult};
use crate::http::tags::Tags;
use crate::keyspace::{self, hex};
use crate::live_config::{history_key, live_of, rules_of};
use crate::writer::{About, json, unchanged};

/// Names what an organiser decided about a world, so that an editor notices changes of others: a
/// digest of the specification, which does not change when the world is launched.
pub(crate) fn etag(world: &World) -> String {
    let digest = Sha256::digest(json(&world.spec));
    format!("\"{}\"", hex(&digest[..12]))
}

/// Applies a JSON merge patch to a world, if it is still what `if_match` names.
pub(crate) async fn change(
    app: &App,
    caller: &Caller,
    id: &WorldId,
    patch: &Value,
    if_match: Option<&Tags>,
) -> ApiResult<Arc<World>> {
    may_set_internal(caller.role, patch)?;
    let _turn = app.writer.turn(id).await;
    for _ in 0..WRITE_RETRIES_MAX {
        let before = stored::world(app, id).await?;
        check_if_match(if_match, &before.record)?;
        let catalog = app.catalog();
        let spec = patched(&app.mods, &before.record.spec, patch)?;
        let next = World { spec, ..before.record.clone() };
        if next == before.record {
            return Ok(Arc::new(next));
        }
        check_phase(&catalog, &before.record, &next)?;
        let draft = draft(app, &catalog, caller, &before, &next)?;
        if commit(app, &caller.actor, draft).await? {
            return world_of(&app.catalog(), id);
        }
    }
    Err(contended())
}

fn check_if_match(wanted: Option<&Tags>, world: &World) -> ApiResult<()> {
    let present = etag(world);
    let Some(wanted) = wanted.filter(|wanted| !wanted.name(&present)) else { return Ok(()) };
    let detail = format!(
        "the world is at {present}, not {wanted}: read it again, look at what changed, and send \
         the patch anew"
    );
    Err(ApiError::new(ErrorCode::IfMatchFailed, detail))
}

fn check_phase(catalog: &Catalog, before: &World, next: &World) -> ApiResult<()> {
    if !stored::phase(catalog, before).is_running() {
        return Ok(());
    }
    let Some(field) = before.spec.changed_while_running(&next.spec) else { return Ok(()) };
    let detail = format!(
        "{field}: a running world keeps what its servers were started with; only name, \
         description, labels, access and settings change. Stop it first"
    );
    Err(ApiError::new(ErrorCode::WorldRunning, detail))
}

fn draft(
    app: &App,
    catalog: &Catalog,
    caller: &Caller,
    before: &Stored<World>,
    next: &World,
) -> ApiResult<Draft> {
    let (old_name, new_name) = (&before.record.spec.name, &next.spec.name);
    let mut transaction = put_world(Transaction::new(), next, before.modified);
    if old_name != new_name {
        check_name(catalog, new_name, Some(&next.id))?;
        let taken = keyspace::world_name(new_name);
        transaction = transaction
            .require(Precondition::absent(&taken))
            .put(taken, json(&next.id))
            .delete(keyspace::world_name(old_name));
    }
    if before.record.spec.build != next.spec.build {
        let live = live_of(catalog, &next.id)?;
        let migrated = rules_of(app, next)?.migrate(&live.config);
        if migrated.config != live.config {
            let now = app.now();
            let entry = LiveEntry::new(0, now, caller.actor.name.clone(), migrated.config);
            let key = keyspace::live(&next.id);
            transaction = transaction
                .require(unchanged(key.clone(), live.revision))
                .put(key, json(&entry))
                .put(history_key(&next.id, now), json(&entry));
        }
    }
    let about = About {
        action: "world.update",
        target: next.id.to_string(),
        before: audited(&before.record),
        after: audited(next),
        reason: None,
    };
    Ok(Draft { transaction, about })
}
