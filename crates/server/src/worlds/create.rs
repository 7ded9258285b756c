//! New worlds.

use std::sync::Arc;

use lifeboat_core::catalog::{Catalog, LiveEntry};
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::WorldId;
use lifeboat_core::limits::{WORLDS_MAX, WRITE_RETRIES_MAX};
use lifeboat_core::live_config::LiveConfig;
use lifeboat_core::world::{World, WorldSpec};
use lifeboat_store::{Precondition, Transaction};
use serde_json::Value;

use super::draft::complete;
use super::stored::{Draft, audited, commit, contended};
use crate::app::{App, world_of};
use crate::auth::{Caller, Role};
use crate::http::problem::{ApiError, ApiResult};
use crate::live_config::{history_key, rules_of};
use crate::places::Place;
use crate::writer::{About, json};
use crate::{ids, keyspace};

/// Internal settings are seen and set by `support` and above. An empty object says nothing.
pub(super) fn may_set_internal(role: Role, sent: &Value) -> ApiResult<()> {
    let says_nothing = |settings: &Value| settings.as_object().is_some_and(|map| map.is_empty());
    match sent.get("settings") {
        Some(settings) if !role.sees_internal() && !says_nothing(settings) => Err(ApiError::new(
            ErrorCode::RoleRequired,
            "`settings` are internal: leave them out, or use a key of role `support` or `admin`",
        )),
        _ => Ok(()),
    }
}

/// Makes a world from what was sent, with the live config that its mod begins with.
pub(crate) async fn create(app: &App, caller: &Caller, sent: &Value) -> ApiResult<Arc<World>> {
    may_set_internal(caller.role, sent)?;
    let spec = complete(&app.mods, sent)?;
    let world = new_world(app, spec);
    let config = rules_of(app, &world)?.defaults().clone();
    let _place = take_place(app, &world.id)?;
    for _ in 0..WRITE_RETRIES_MAX {
        check_name(&app.catalog(), &world.spec.name, None)?;
        let transaction =
            put_new(app, Transaction::new(), &world, config.clone(), &caller.actor.name);
        let about = About {
            action: "world.create",
            target: world.id.to_string(),
            after: audited(&world),
            ..About::default()
        };
        if commit(app, &caller.actor, Draft { transaction, about }).await? {
            return world_of(&app.catalog(), &world.id);
        }
    }
    Err(contended())
}

/// A world that nobody has yet.
pub(super) fn new_world(app: &App, spec: WorldSpec) -> World {
    World {
        id: WorldId::from_unique(&ids::unique()),
        spec,
        standby_for: None,
        standby: None,
        mirror: false,
        deployment: None,
        created_at: app.now(),
    }
}

/// Writes a new world with its name and live config.
pub(super) fn put_new(
    app: &App,
    transaction: Transaction,
    world: &World,
    config: LiveConfig,
    by: &str,
) -> Transaction {
    let now = app.now();
    let live = LiveEntry::new(0, now, by.to_owned(), config);
    let (key, name) = (keyspace::world(&world.id), keyspace::world_name(&world.spec.name));
    transaction
        .require(Precondition::absent(&key))
        .require(Precondition::absent(&name))
        .put(key, json(world))
        .put(name, json(&world.id))
        .put(keyspace::live(&world.id), json(&live))
        .put(history_key(&world.id, now), json(&live))
}

/// Takes a place among the installation's worlds, to be held until the world is there.
pub(super) fn take_place<'a>(app: &'a App, world: &WorldId) -> ApiResult<Place<'a>> {
    let has = |catalog: &Arc<Catalog>, id: &str| {
        id.parse().is_ok_and(|id: WorldId| catalog.world(&id).is_some())
    };
    let count = |catalog: &Arc<Catalog>| catalog.worlds().count();
    let place = app.places.worlds.take(world.as_str(), WORLDS_MAX, || app.catalog(), count, has);
    place.ok_or_else(|| {
        let detail = format!(
            "an installation has at most {WORLDS_MAX} worlds; delete some that are not needed any \
             more"
        );
        ApiError::new(ErrorCode::LimitReached, detail)
    })
}

/// Whether no world but `own` has the name.
pub(super) fn check_name(catalog: &Catalog, name: &str, own: Option<&WorldId>) -> ApiResult<()> {
    match catalog.world_named(name) {
        Some(taken) if Some(&taken.id) != own => {
            let detail =
                format!("/name: world {} is called `{name}` already; choose another", taken.id);
            Err(ApiError::new(ErrorCode::NameTaken, detail))
        }
        _ => Ok(()),
    }
}
