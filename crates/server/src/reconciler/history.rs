//! What is kept of deployments that ended and of servers that were replaced: bounded.

use std::collections::BTreeMap;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::deployment::Deployment;
use lifeboat_core::ids::{DeploymentId, ServerId, WorldId};
use lifeboat_core::limits::{DEPLOYMENT_HISTORY_MAX, SERVERS_MAX};
use lifeboat_core::phase::Phase;
use lifeboat_store::{Range, Store, StoreError, Transaction};

use super::parts::Parts;
use crate::keyspace;
use crate::writer::WriteError;

/// Servers of one deployment, lost and replaced ones included, whose logs are kept.
const SERVERS_KEPT_MAX: usize = 2 * SERVERS_MAX;

/// Every server that a deployment ever had and whose log is kept, the oldest first.
pub(crate) async fn servers_of(
    store: &dyn Store,
    deployment: &DeploymentId,
) -> Result<Vec<ServerId>, StoreError> {
    let prefix = keyspace::deployment_servers(deployment);
    let mut items = store.list(Range::prefix(&prefix), None).await?.items;
    items.sort_by(|a, b| (a.created, &a.key).cmp(&(b.created, &b.key)));
    Ok(items.iter().filter_map(|item| item.key.strip_prefix(&prefix)?.parse().ok()).collect())
}

/// Deletes the oldest ended deployments of worlds that have more than are kept, with their logs.
pub(super) async fn prune(parts: &Parts, catalog: &Catalog) -> Result<(), StoreError> {
    let mut ended: BTreeMap<&WorldId, Vec<&Deployment>> = BTreeMap::new();
    for deployment in catalog.deployments().filter(|one| one.phase == Phase::Inactive) {
        ended.entry(&deployment.world).or_default().push(deployment);
    }
    for (world, mut deployments) in ended {
        let current = catalog.world(world).and_then(|one| one.deployment.as_ref());
        deployments.sort_by_key(|one| (std::cmp::Reverse(one.started_at), &one.id));
        for old in deployments.into_iter().skip(DEPLOYMENT_HISTORY_MAX) {
            if Some(&old.id) != current {
                delete(parts, &old.id).await?;
            }
        }
    }
    Ok(())
}

async fn delete(parts: &Parts, deployment: &DeploymentId) -> Result<(), StoreError> {
    let servers = servers_of(&*parts.store, deployment).await?;
    let transaction = Transaction::new()
        .delete(keyspace::deployment(deployment))
        .delete_prefix(keyspace::deployment_servers(deployment));
    match parts.writer.commit_unaudited(transaction).await {
        Ok(_) => {}
        // Nothing was demanded, so nothing can be lost.
        Err(WriteError::Lost) => return Ok(()),
        Err(WriteError::Failed(error)) => return Err(error),
    }
    for server in servers {
        discard(parts, &server).await;
    }
    Ok(())
}

/// Discards the logs of the oldest replaced servers of a deployment that has had too many. What
/// cannot be done now is at the next loss.
pub(super) async fn bound_servers(parts: &Parts, deployment: &Deployment) {
    let Ok(servers) = servers_of(&*parts.store, &deployment.id).await else { return };
    let surplus = servers.len().saturating_sub(SERVERS_KEPT_MAX);
    let old: Vec<_> =
        servers.into_iter().filter(|one| deployment.server(one).is_none()).take(surplus).collect();
    if old.is_empty() {
        return;
    }
    let transaction = old.iter().fold(Transaction::new(), |transaction, server| {
        transaction.delete(keyspace::deployment_server(&deployment.id, server))
    });
    if parts.writer.commit_unaudited(transaction).await.is_ok() {
        for server in old {
            discard(parts, &server).await;
        }
    }
}

async fn discard(parts: &Parts, server: &ServerId) {
    if let Err(error) = parts.runtime.discard_files(server).await {
        tracing::warn!(server.id = server.as_str(), %error, "a server's files are left behind");
    }
}
