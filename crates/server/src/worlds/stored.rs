//! Records as the store has them now, with the revisions that fence their next writes.

use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::deployment::Deployment;
use lifeboat_core::ids::{DeploymentId, WorldId};
use lifeboat_core::phase::Phase;
use lifeboat_core::world::World;
use lifeboat_store::{Precondition, Transaction};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::app::App;
use crate::audit::masked;
use crate::http::problem::{ApiError, ApiResult};
use crate::keyspace;
use crate::writer::{self, About, Actor, WriteError};

/// A record and the revision that wrote it.
pub(super) struct Stored<T> {
    pub(super) record: T,
    pub(super) modified: u64,
}

/// A change that was decided upon.
pub(super) struct Draft {
    pub(super) transaction: Transaction,
    pub(super) about: About,
}

/// The world as it is stored now.
pub(super) async fn world(app: &App, id: &WorldId) -> ApiResult<Stored<World>> {
    let missing = || {
        let detail = format!("there is no world {id}; `GET /api/worlds` lists them");
        ApiError::new(ErrorCode::WorldNotFound, detail)
    };
    read(app, keyspace::world(id)).await?.ok_or_else(missing)
}

/// The deployment as it is stored now.
pub(super) async fn deployment(app: &App, id: &DeploymentId) -> ApiResult<Stored<Deployment>> {
    read(app, keyspace::deployment(id)).await?.ok_or_else(|| no_deployment(id))
}

/// The newest deployment of a world, if it ever had one.
pub(super) async fn current(app: &App, world: &World) -> ApiResult<Option<Stored<Deployment>>> {
    match &world.deployment {
        Some(id) => read(app, keyspace::deployment(id)).await,
        None => Ok(None),
    }
}

/// The answer to an id that no deployment has.
pub(crate) fn no_deployment(id: &DeploymentId) -> ApiError {
    let detail = format!(
        "there is no deployment {id}; `GET /api/worlds/{{id}}/deployments` lists those of a world"
    );
    ApiError::new(ErrorCode::NotFound, detail)
}

async fn read<T: DeserializeOwned>(app: &App, key: String) -> ApiResult<Option<Stored<T>>> {
    let Some(item) = app.store.read(&key).await? else { return Ok(None) };
    match serde_json::from_slice(&item.value) {
        Ok(record) => Ok(Some(Stored { record, modified: item.modified })),
        Err(error) => {
            tracing::error!(key, %error, "a record of the store cannot be read");
            let detail = "a record of the store cannot be read; the log names it: restore a backup";
            Err(ApiError::new(ErrorCode::StoreUnavailable, detail))
        }
    }
}

/// The phase of a world as it was read; a deployment that the catalog does not know yet starts.
pub(super) fn phase(catalog: &Catalog, world: &World) -> Phase {
    let current = world.deployment.as_ref();
    current.map_or(Phase::Inactive, |id| {
        catalog.deployment(id).map_or(Phase::Starting, |deployment| deployment.phase)
    })
}

/// Writes a world if it is still as it was read.
pub(super) fn put_world(transaction: Transaction, next: &World, modified: u64) -> Transaction {
    let key = keyspace::world(&next.id);
    transaction.require(Precondition::at(&key, modified)).put(key, writer::json(next))
}

/// Writes a deployment if it is still as it was read.
pub(super) fn put_deployment(
    transaction: Transaction,
    next: &Deployment,
    modified: u64,
) -> Transaction {
    let key = keyspace::deployment(&next.id);
    transaction.require(Precondition::at(&key, modified)).put(key, writer::json(next))
}

/// Commits; says whether the race was won. After a lost one the catalog had time to catch up.
pub(super) async fn commit(app: &App, actor: &Actor, draft: Draft) -> ApiResult<bool> {
    match app.writer.commit(draft.transaction, actor, draft.about).await {
        Ok(_) => Ok(true),
        Err(WriteError::Lost) => {
            app.catch_up().await;
            Ok(false)
        }
        Err(failed) => Err(failed.into()),
    }
}

/// What is answered when every race was lost.
pub(super) fn contended() -> ApiError {
    WriteError::Lost.into()
}

/// A world for the audit log.
pub(super) fn audited(world: &World) -> Value {
    let spec = serde_json::to_value(&world.spec).unwrap_or(Value::Null);
    let mut entry = masked(spec, &["/settings"]);
    entry["standby"] = json!(world.standby);
    entry["standbyFor"] = json!(world.standby_for);
    entry["mirror"] = json!(world.mirror);
    entry
}

/// A deployment for the audit log.
pub(super) fn audited_deployment(deployment: Option<&Deployment>) -> Value {
    deployment.map_or(
        Value::Null,
        |one| json!({ "deployment": one.id, "phase": one.phase, "endsAt": one.ends_at }),
    )
}
