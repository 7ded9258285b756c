//! The end of a world.

use lifeboat_core::catalog::Catalog;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::deployment::Deployment;
use lifeboat_core::ids::WorldId;
use lifeboat_core::limits::{DEPLOYMENT_HISTORY_MAX, WRITE_RETRIES_MAX};
use lifeboat_core::phase::Phase;
use lifeboat_core::world::World;
use lifeboat_store::{Precondition, Transaction};

use super::stored::{self, Draft, Stored, audited, commit, contended, put_world};
use crate::app::App;
use crate::http::problem::{ApiError, ApiResult};
use crate::keyspace;
use crate::live_config::{guard_followed, live_of};
use crate::reconciler::servers_of;
use crate::writer::{About, Actor, unchanged};

/// Other worlds whose overrides are held still while a world is deleted, so that none of them
/// begins to lead there; as many as fit into one transaction.
const GUARDED_MAX: usize = 100;

/// Deletes a world with everything that belongs to it.
///
/// # Errors
/// `world_in_use` while it runs or is part of an override.
pub(crate) async fn remove(app: &App, actor: &Actor, id: &WorldId) -> ApiResult<()> {
    let _turn = app.writer.turn(id).await;
    for _ in 0..WRITE_RETRIES_MAX {
        let before = stored::world(app, id).await?;
        let catalog = app.catalog();
        check_unused(app, &catalog, &before.record)?;
        let gone = deployments_of(&catalog, id);
        let mut servers = Vec::new();
        for deployment in &gone {
            servers.extend(servers_of(&*app.store, &deployment.id).await?);
        }
        let draft = draft(app, &catalog, &before, &gone).await?;
        if commit(app, actor, draft).await? {
            for server in servers {
                app.runtime.forget(&server);
                if let Err(error) = app.runtime.discard_files(&server).await {
                    tracing::warn!(server.id = server.as_str(), %error, "files are left behind");
                }
            }
            app.reconcile.notify_one();
            return Ok(());
        }
    }
    Err(contended())
}

fn check_unused(app: &App, catalog: &Catalog, world: &World) -> ApiResult<()> {
    let refuse = |detail: String| Err(ApiError::new(ErrorCode::WorldInUse, detail));
    let id = &world.id;
    let phase = stored::phase(catalog, world);
    let lives = app.runtime.observe().iter().any(|one| one.is_alive() && &one.started.world == id);
    if phase.is_running() || lives {
        return refuse(format!("world {id} runs (it is {phase:?}); stop it first"));
    }
    if catalog.override_of(id).is_some() {
        return refuse(format!("world {id} is failed over; clear its overrides first"));
    }
    if catalog.takes_part_in_override(id) {
        return refuse(format!(
            "another world is failed over to world {id}; clear that override first"
        ));
    }
    Ok(())
}

/// The deployments that go with the world in one commit, those that are not Inactive first. Older
/// ones than are usually kept are cleared away by the reconciler.
fn deployments_of(catalog: &Catalog, id: &WorldId) -> Vec<Deployment> {
    let own = catalog.deployments().filter(|one| &one.world == id);
    let mut own: Vec<Deployment> = own.map(|one| Deployment::clone(one)).collect();
    own.sort_by_key(|one| (one.phase == Phase::Inactive, std::cmp::Reverse(one.started_at)));
    own.truncate(DEPLOYMENT_HISTORY_MAX);
    own
}

async fn draft(
    app: &App,
    catalog: &Catalog,
    before: &Stored<World>,
    gone: &[Deployment],
) -> ApiResult<Draft> {
    let world = &before.record;
    let id = &world.id;
    let live = live_of(catalog, id)?;
    let mut transaction = Transaction::new()
        .require(Precondition::at(keyspace::world(id), before.modified))
        .require(unchanged(keyspace::live(id), live.revision))
        .delete(keyspace::world(id))
        .delete(keyspace::world_name(&world.spec.name))
        .delete(keyspace::live(id))
        .delete(keyspace::automation(id))
        .delete_prefix(keyspace::live_history(id));
    for deployment in gone {
        transaction = transaction
            .delete(keyspace::deployment(&deployment.id))
            .delete_prefix(keyspace::deployment_servers(&deployment.id));
    }
    for other in catalog.worlds().filter(|other| &other.id != id).take(GUARDED_MAX) {
        transaction = guard_followed(transaction, catalog, &other.id);
    }
    if let Some(main) = &world.standby_for {
        let main = stored::world(app, main).await?;
        let next = World { standby: None, mirror: false, ..main.record };
        transaction = put_world(transaction, &next, main.modified);
    }
    if let Some(standby) = &world.standby {
        let standby = stored::world(app, standby).await?;
        let next = World { standby_for: None, ..standby.record };
        transaction = put_world(transaction, &next, standby.modified);
    }
    let about = About {
        action: "world.delete",
        target: id.to_string(),
        before: audited(world),
        ..About::default()
    };
    Ok(Draft { transaction, about })
}
