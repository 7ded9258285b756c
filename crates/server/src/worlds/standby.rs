//! Standbys: made as a copy of their main world, adopted, released, mirrored.
//!
//! A pair is a pair: a world stands in for at most one other, has at most one standby, and never
//! both at once. Chains of standbys are refused, since nobody could say in the night where people
//! end up; chains of overrides, edited by hand, are not affected.

use std::sync::Arc;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::WorldId;
use lifeboat_core::limits::{NAME_CHARS_MAX, WRITE_RETRIES_MAX};
use lifeboat_core::live_config::LiveConfig;
use lifeboat_core::readiness::is_standby_of;
use lifeboat_core::world::{STANDBY_NAME_PREFIX, World};
use lifeboat_store::{Precondition, Transaction};
use serde_json::{Value, json};

use super::create::{check_name, may_set_internal, new_world, put_new, take_place};
use super::draft::{complete, invalid};
use super::stored::{self, Draft, Stored, audited, commit, contended, put_world};
use crate::app::{App, world_of};
use crate::auth::Caller;
use crate::http::problem::{ApiError, ApiResult};
use crate::keyspace;
use crate::live_config::{live_of, rules_of};
use crate::writer::About;

/// A change of who stands in for a world.
#[derive(Debug, Clone, Default)]
pub(crate) struct StandbyChange {
    /// `Some(None)` releases the standby, `Some(Some(_))` adopts one.
    pub(crate) standby: Option<Option<WorldId>>,
    /// Whether the standby's live config follows main's from now on.
    pub(crate) mirror: Option<bool>,
}

/// Makes a standby of `main`: a copy, with `patch` merged over it.
pub(crate) async fn create_standby(
    app: &App,
    caller: &Caller,
    main: &WorldId,
    patch: &Value,
) -> ApiResult<Arc<World>> {
    may_set_internal(caller.role, patch)?;
    let _turn = app.writer.turn(main).await;
    for _ in 0..WRITE_RETRIES_MAX {
        let before = stored::world(app, main).await?;
        let catalog = app.catalog();
        check_can_have_standby(&catalog, &before.record)?;
        let spec = complete(&app.mods, &copy(&before.record, patch)?)?;
        check_name(&catalog, &spec.name, None)?;
        let standby = World { standby_for: Some(main.clone()), ..new_world(app, spec) };
        let _place = take_place(app, &standby.id)?;
        let next = World { standby: Some(standby.id.clone()), ..before.record.clone() };
        let rules = rules_of(app, &standby)?;
        let live = live_of(&catalog, main)?;
        let config: LiveConfig = rules.mirror(&live.config, rules.defaults());
        let transaction = put_world(Transaction::new(), &next, before.modified);
        let transaction = put_new(app, transaction, &standby, config, &caller.actor.name);
        let about = About {
            action: "standby.create",
            target: main.to_string(),
            before: audited(&before.record),
            after: json!({
                "main": audited(&next), "standby": audited(&standby), "id": standby.id,
            }),
            reason: None,
        };
        if commit(app, &caller.actor, Draft { transaction, about }).await? {
            return world_of(&app.catalog(), &standby.id);
        }
    }
    Err(contended())
}

fn check_can_have_standby(catalog: &Catalog, main: &World) -> ApiResult<()> {
    if let Some(standby) = &main.standby {
        let detail = format!(
            "world {} has standby {standby}, and a world has one at most; release that one first",
            main.id
        );
        return Err(ApiError::new(ErrorCode::StandbyExists, detail));
    }
    check_is_no_standby(catalog, main)
}

/// A standby has none of its own, so whoever names it means its main world.
fn check_is_no_standby(catalog: &Catalog, main: &World) -> ApiResult<()> {
    let Some(other) = &main.standby_for else { return Ok(()) };
    let said = match catalog.world(other) {
        Some(other) => is_standby_of(other),
        None => format!("this is the standby of {other}; name that"),
    };
    Err(invalid("", format!("{said}: a standby has no standby of its own")))
}

/// Main's specification as its standby has it, with the differences that were asked for. Internal
/// settings are copied whoever asks, as the guide wants it.
fn copy(main: &World, patch: &Value) -> ApiResult<Value> {
    if !patch.is_object() {
        return Err(invalid(
            "",
            "the body is a JSON object, a merge patch over the copy; send one",
        ));
    }
    let mut copy = serde_json::to_value(&main.spec).unwrap_or_default();
    copy["name"] = Value::from(standby_name(&main.spec.name));
    copy["access"]["public"] = Value::from(false);
    json_patch::merge(&mut copy, patch);
    Ok(copy)
}

fn standby_name(main: &str) -> String {
    STANDBY_NAME_PREFIX.chars().chain(main.chars()).take(NAME_CHARS_MAX).collect()
}

/// Adopts, releases or mirrors a standby; answers with the main world.
pub(crate) async fn set_standby(
    app: &App,
    caller: &Caller,
    main: &WorldId,
    change: &StandbyChange,
) -> ApiResult<Arc<World>> {
    let _turn = app.writer.turn(main).await;
    for _ in 0..WRITE_RETRIES_MAX {
        let before = stored::world(app, main).await?;
        let next = next_main(&app.catalog(), &before.record, change)?;
        if next == before.record {
            return Ok(Arc::new(next));
        }
        let draft = draft(app, &before, &next).await?;
        if commit(app, &caller.actor, draft).await? {
            return world_of(&app.catalog(), main);
        }
    }
    Err(contended())
}

fn next_main(catalog: &Catalog, main: &World, change: &StandbyChange) -> ApiResult<World> {
    check_is_no_standby(catalog, main)?;
    let standby = change.standby.clone().unwrap_or_else(|| main.standby.clone());
    let is_same = standby == main.standby;
    let mirror = match (change.mirror, &standby) {
        (Some(true), None) => {
            let detail = format!(
                "world {} has no standby that could mirror it; create or adopt one first",
                main.id
            );
            return Err(ApiError::new(ErrorCode::StandbyMissing, detail));
        }
        (Some(mirror), _) => mirror,
        // Another standby is mirrored only when that is asked for.
        (None, _) => main.mirror && is_same,
    };
    if standby.as_ref() == Some(&main.id) {
        return Err(invalid("/worldId", "a world cannot stand in for itself; name another"));
    }
    Ok(World { standby, mirror, ..main.clone() })
}

/// Main and the worlds that it gains and loses change together.
async fn draft(app: &App, before: &Stored<World>, next: &World) -> ApiResult<Draft> {
    let old = &before.record;
    let mut transaction = put_world(Transaction::new(), next, before.modified);
    if old.standby != next.standby {
        if let Some(released) = &old.standby {
            let released = stored::world(app, released).await?;
            let free = World { standby_for: None, ..released.record };
            transaction = put_world(transaction, &free, released.modified);
        }
        if let Some(adopted) = &next.standby {
            let adopted = adoptable(app, &next.id, adopted).await?;
            let taken = World { standby_for: Some(next.id.clone()), ..adopted.record };
            transaction = put_world(transaction, &taken, adopted.modified)
                .require(Precondition::exists(keyspace::live(&taken.id)));
        }
    }
    let about = About {
        action: "standby.set",
        target: next.id.to_string(),
        before: audited(old),
        after: audited(next),
        reason: None,
    };
    Ok(Draft { transaction, about })
}

async fn adoptable(app: &App, main: &WorldId, id: &WorldId) -> ApiResult<Stored<World>> {
    let found = stored::world(app, id).await.map_err(|error| match error.code() {
        ErrorCode::WorldNotFound => invalid("/worldId", format!("there is no world {id}")),
        _ => error,
    })?;
    if let Some(other) = found.record.standby_for.as_ref().filter(|other| *other != main) {
        let message = format!(
            "world {id} stands in for {other} already, and a world stands in for one other only; \
             release it there first"
        );
        return Err(invalid("/worldId", message));
    }
    if let Some(own) = &found.record.standby {
        let message = format!(
            "world {id} has standby {own}, and a standby has no standby of its own; release that \
             one first"
        );
        return Err(invalid("/worldId", message));
    }
    Ok(found)
}
