//! One deployment's turn: decide, write, act.

use lifeboat_core::catalog::Catalog;
use lifeboat_core::deployment::{Deployment, Server};
use lifeboat_core::ids::{DeploymentId, ServerId};
use lifeboat_core::limits::WRITE_RETRIES_MAX;
use lifeboat_core::reconcile::{self, Action, Plan};
use lifeboat_core::time::Timestamp;
use lifeboat_store::{Precondition, StoreError, Transaction};

use super::observe::observed;
use super::parts::Parts;
use super::start::spec;
use super::{Reconciler, Trouble, history};
use crate::writer::{WriteError, json};
use crate::{ids, keyspace};

/// A record with the revision that wrote it.
pub(super) struct Fenced {
    pub(super) deployment: Deployment,
    pub(super) modified: u64,
}

/// The record of a deployment as the store has it now.
pub(super) async fn read(parts: &Parts, id: &DeploymentId) -> Result<Option<Fenced>, Trouble> {
    let away = |error: StoreError| Trouble::Store(Some(error));
    let Some(item) = parts.store.read(&keyspace::deployment(id)).await.map_err(away)? else {
        return Ok(None);
    };
    match serde_json::from_slice(&item.value) {
        Ok(deployment) => Ok(Some(Fenced { deployment, modified: item.modified })),
        Err(error) => {
            tracing::error!(deployment.id = id.as_str(), %error, "a deployment cannot be read");
            Err(Trouble::Store(None))
        }
    }
}

/// Writes a deployment's next record if nobody wrote another since it was read. New servers are
/// noted beside it first, so that their logs are found after they left the record.
async fn write(parts: &Parts, fenced: &Fenced, next: &Deployment) -> Result<(), WriteError> {
    let key = keyspace::deployment(&next.id);
    let is_new = |server: &&Server| fenced.deployment.server(&server.id).is_none();
    let new: Vec<&Server> = next.servers.iter().filter(is_new).collect();
    for some in new.chunks(NOTES_PER_COMMIT) {
        let notes = some.iter().fold(Transaction::new(), |notes, server| {
            let key = keyspace::deployment_server(&next.id, &server.id);
            notes.put(key, json(&server.started_at))
        });
        parts.writer.commit_unaudited(notes).await?;
    }
    let record =
        Transaction::new().require(Precondition::at(&key, fenced.modified)).put(key, json(next));
    parts.writer.commit_unaudited(record).await.map(drop)
}

/// New servers that are noted in one commit; a transaction takes no more than 128 writes.
const NOTES_PER_COMMIT: usize = 64;

/// Writes down that a deployment is to be stopped because Lifeboat stops.
pub(super) async fn mark_stopped(parts: &Parts, id: &DeploymentId) -> Result<(), Trouble> {
    for _ in 0..WRITE_RETRIES_MAX {
        let Some(fenced) = read(parts, id).await? else { return Ok(()) };
        let why = "Lifeboat was stopped together with its servers";
        let Ok(Some(next)) = reconcile::stop(&fenced.deployment, why) else { return Ok(()) };
        match write(parts, &fenced, &next).await {
            Ok(()) => return Ok(()),
            Err(WriteError::Lost) => {}
            Err(WriteError::Failed(error)) => return Err(Trouble::Store(Some(error))),
        }
    }
    Err(Trouble::Store(None))
}

impl Reconciler {
    /// Looks after one deployment; says when it wants to be looked at again at the latest.
    pub(super) async fn round(
        &mut self,
        catalog: &Catalog,
        known: &Deployment,
    ) -> Result<Option<Timestamp>, Trouble> {
        self.adoptions.adopt(&self.parts, known).await?;
        let plan = self.decide(known);
        if plan.is_empty() {
            return Ok(plan.wake_at);
        }
        for _ in 0..WRITE_RETRIES_MAX {
            let Some(fenced) = read(&self.parts, &known.id).await? else { return Ok(None) };
            self.adoptions.adopt(&self.parts, &fenced.deployment).await?;
            let plan = self.decide(&fenced.deployment);
            if let Some(next) = &plan.next {
                match write(&self.parts, &fenced, next).await {
                    Ok(()) => {}
                    Err(WriteError::Lost) => continue,
                    Err(WriteError::Failed(error)) => return Err(Trouble::Store(Some(error))),
                }
            }
            for reason in &plan.reasons {
                tracing::info!(
                    deployment.id = known.id.as_str(),
                    world.id = known.world.as_str(),
                    reason,
                    "a deployment was looked at"
                );
            }
            let now = plan.next.as_ref().unwrap_or(&fenced.deployment);
            self.carry_out(catalog, now, &plan.actions).await;
            return Ok(plan.wake_at);
        }
        Err(Trouble::Store(None))
    }

    /// The decision, with the processes filled in that the record lacks.
    fn decide(&self, deployment: &Deployment) -> Plan {
        let observed = observed(&self.parts, &self.carrier, deployment);
        let fresh = || ServerId::from_unique(&ids::unique());
        let now = (self.parts.now)();
        let mut plan = reconcile::decide(deployment, &observed, &self.parts.policy, now, fresh);
        for seen in self.parts.runtime.observe() {
            let record = plan.next.as_ref().unwrap_or(deployment);
            let lacks = |one: &Deployment| {
                one.server(seen.server()).is_some_and(|server| server.process.is_none())
            };
            if !lacks(record) {
                continue;
            }
            let next = plan.next.get_or_insert_with(|| deployment.clone());
            let server = next.servers.iter_mut().find(|server| &server.id == seen.server());
            if let Some(server) = server {
                server.process = serde_json::to_value(&seen.started).ok();
            }
        }
        plan
    }

    async fn carry_out(&mut self, catalog: &Catalog, deployment: &Deployment, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Start { server } => {
                    self.adoptions.started_here(server);
                    let spec = spec(&self.parts, catalog, deployment, server);
                    self.carrier.start(server, spec).await;
                    // Its process is written down by the next pass.
                    self.carrier.settled().notify_one();
                }
                Action::Stop { server } => self.carrier.stop(server),
                Action::Kill { server } => self.carrier.kill(server),
                Action::Forget { server } => {
                    self.carrier.forget(server);
                    self.adoptions.forget(server);
                    history::bound_servers(&self.parts, deployment).await;
                }
            }
        }
    }
}
