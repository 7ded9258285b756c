//! Makes what runs agree with what the records say.
//!
//! Levels, not edges: a pass looks at every deployment that runs or has processes, lets
//! [`lifeboat_core::reconcile::decide`] say what to do, writes the record, and only then acts.
//! Passes are set off by new catalogs, by the runtime's events, by operators' requests and by the
//! time that the last decision named; one that comes for nothing finds nothing to do.
//!
//! **Revisions.** The catalog does not hold the revisions of deployments. It is asked first, so
//! that a pass without work costs no read; before anything is written or done the record is read
//! from the store and decided upon anew, and the write is fenced by the revision just read. So an
//! old catalog never makes us kill a server that a newer record has, and a store that is away
//! makes us wait and nothing else.
//!
//! **Crashes.** A server's id is in the record before its process is started, and the process is
//! written into the record by the next pass, which finds it lacking. A crash in between leaves an
//! id without a process; such a server is looked for by its id in the environment of this
//! machine's processes, ended, and made good like any that is lost.

mod adoption;
mod carrier;
mod history;
mod leftovers;
mod levels;
mod observe;
mod parts;
mod round;
mod start;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::DeploymentId;
use lifeboat_core::phase::Phase;
use lifeboat_core::time::Timestamp;
use lifeboat_runtime::RuntimeEvent;
use lifeboat_store::StoreError;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, watch};

use crate::app::App;
use crate::config::ServersOnStop;
pub(crate) use history::servers_of;

use adoption::Adoptions;
use carrier::Carrier;
use levels::Levels;
use observe::ByDeployment;
use parts::Parts;

/// Wait before a pass that the store or the runtime cut short is repeated; doubled each time.
const RETRY_MIN: Duration = Duration::from_millis(250);
/// The longest such wait.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// A pass comes at least this often, whatever was missed.
const IDLE_PERIOD: Duration = Duration::from_secs(15);

/// Finds the game servers again that an earlier process of Lifeboat left running. What cannot be
/// adopted now is tried again by the passes of [`run`].
pub(crate) async fn adopt_all(app: &App) {
    let parts = Parts::of(app);
    let catalog = app.catalog();
    let mut adoptions = Adoptions::default();
    for deployment in catalog.deployments().filter(|one| one.phase != Phase::Inactive) {
        // Logged where it failed; the passes go on from there.
        let _ = adoptions.adopt(&parts, deployment).await;
    }
    Levels::default().push(&parts, &catalog, &parts.runtime.observe());
}

/// Keeps every deployment as its record says until `shutdown` turns true; then leaves the servers
/// running or stops them, as configured, and returns.
pub(crate) async fn run(app: Arc<App>, shutdown: watch::Receiver<bool>) {
    let mut reconciler = Reconciler::new(Parts::of(&app));
    reconciler.run(&app.reconcile, shutdown).await;
    match app.config.servers_on_stop {
        ServersOnStop::Leave => {}
        ServersOnStop::Stop => reconciler.stop_everything().await,
    }
    app.runtime.detach().await;
}

/// Something that cut a pass short.
#[derive(Debug)]
enum Trouble {
    /// The store does not answer, or lost races do not end.
    Store(Option<StoreError>),
    /// A server that runs cannot be adopted now.
    Adoption,
}

/// The state between two passes; all of it can be lost.
struct Reconciler {
    parts: Parts,
    carrier: Carrier,
    adoptions: Adoptions,
    levels: Levels,
    /// Deployments whose history was looked at since they ended.
    ended: HashSet<DeploymentId>,
    retry: Option<Duration>,
}

impl Reconciler {
    fn new(parts: Parts) -> Self {
        Self {
            carrier: Carrier::new(&parts),
            parts,
            adoptions: Adoptions::default(),
            levels: Levels::default(),
            ended: HashSet::new(),
            retry: None,
        }
    }

    /// Passes until `shutdown` turns true.
    async fn run(&mut self, asked: &Notify, mut shutdown: watch::Receiver<bool>) {
        let mut served = self.parts.feed.follow();
        let mut events = self.parts.runtime.subscribe();
        let settled = self.carrier.settled();
        self.confirm_everyone();
        while !*shutdown.borrow_and_update() {
            let wait = self.pass().await;
            let pause = tokio::time::sleep(wait);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    over = shutdown.changed() => {
                        if over.is_err() {
                            return;
                        }
                        break;
                    }
                    event = events.recv() => if self.is_news(event) { break },
                    Ok(()) = served.changed() => break,
                    () = asked.notified() => break,
                    () = settled.notified() => break,
                    () = &mut pause => break,
                }
            }
        }
    }

    /// Whether an event asks for a pass. People who arrive are only confirmed.
    fn is_news(&self, event: Result<RuntimeEvent, broadcast::error::RecvError>) -> bool {
        match event {
            Ok(RuntimeEvent::PlayersChanged { sessions, .. }) => {
                (self.parts.confirm)(&sessions);
                false
            }
            Ok(_) => true,
            Err(RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "events of the runtime were missed; looking at levels");
                self.confirm_everyone();
                true
            }
            // Only when the runtime is gone, and then nothing is news.
            Err(RecvError::Closed) => false,
        }
    }

    fn confirm_everyone(&self) {
        for seen in self.parts.runtime.observe() {
            (self.parts.confirm)(&seen.players);
        }
    }

    /// Looks at everything once; says how long nothing needs to be looked at again.
    async fn pass(&mut self) -> Duration {
        let catalog = self.parts.feed.current();
        match self.look(&catalog).await {
            Ok(wake_at) => {
                if self.retry.take().is_some() {
                    tracing::info!("the deployments are looked after again");
                }
                let now = (self.parts.now)();
                wake_at.map_or(IDLE_PERIOD, |at| at.since(now)).min(IDLE_PERIOD)
            }
            Err(trouble) => self.back_off(&trouble),
        }
    }

    fn back_off(&mut self, trouble: &Trouble) -> Duration {
        if self.retry.is_none() {
            match trouble {
                Trouble::Store(Some(error)) => tracing::warn!(
                    %error,
                    "deployments are not looked after while the store is away; servers run on"
                ),
                Trouble::Store(None) => {
                    tracing::warn!("a deployment's record changes all the time");
                }
                // Logged with its server.
                Trouble::Adoption => {}
            }
        }
        let wait = self.retry.map_or(RETRY_MIN, |last| (last * 2).min(RETRY_MAX));
        self.retry = Some(wait);
        wait
    }

    async fn look(&mut self, catalog: &Catalog) -> Result<Option<Timestamp>, Trouble> {
        let observed = self.parts.runtime.observe();
        self.levels.push(&self.parts, catalog, &observed);
        let by_deployment = ByDeployment::new(observed);
        let mut wake_at: Option<Timestamp> = None;
        let mut trouble = None;
        for deployment in catalog.deployments() {
            if deployment.phase == Phase::Inactive && !by_deployment.has(&deployment.id) {
                continue;
            }
            match self.round(catalog, deployment).await {
                Ok(at) => wake_at = wake_at.into_iter().chain(at).min(),
                // One that is in trouble does not keep the others from their turn, unless the
                // store is away for all of them.
                Err(Trouble::Store(Some(error))) => return Err(Trouble::Store(Some(error))),
                Err(other) => trouble = Some(other),
            }
        }
        self.clear_orphans(catalog, &by_deployment).await?;
        self.prune_ended(catalog).await?;
        // What was started in this pass has its values at once.
        self.levels.push(&self.parts, catalog, &self.parts.runtime.observe());
        trouble.map_or(Ok(wake_at), Err)
    }

    /// Processes of deployments that do not exist any more: their worlds were deleted.
    async fn clear_orphans(
        &self,
        catalog: &Catalog,
        observed: &ByDeployment,
    ) -> Result<(), Trouble> {
        for (deployment, servers) in observed.iter() {
            if catalog.deployment(deployment).is_some()
                || round::read(&self.parts, deployment).await?.is_some()
            {
                continue;
            }
            for seen in servers {
                if seen.is_alive() {
                    self.carrier.kill(seen.server());
                } else {
                    self.parts.runtime.forget(seen.server());
                }
            }
        }
        Ok(())
    }

    /// Forgets the oldest ended deployments of worlds that have too many.
    async fn prune_ended(&mut self, catalog: &Catalog) -> Result<(), Trouble> {
        let ended: HashSet<DeploymentId> = catalog
            .deployments()
            .filter(|one| one.phase == Phase::Inactive)
            .map(|one| one.id.clone())
            .collect();
        if ended == self.ended {
            return Ok(());
        }
        history::prune(&self.parts, catalog).await.map_err(|error| Trouble::Store(Some(error)))?;
        self.ended = ended;
        Ok(())
    }

    /// Stops every server and writes down that its deployment was stopped, so that the next start
    /// does not take them for lost.
    async fn stop_everything(&mut self) {
        let catalog = self.parts.feed.current();
        for deployment in catalog.deployments().filter(|one| !one.phase.has_ended()) {
            if let Err(trouble) = round::mark_stopped(&self.parts, &deployment.id).await {
                tracing::warn!(
                    deployment.id = deployment.id.as_str(),
                    ?trouble,
                    "it is not written down that a deployment was stopped with Lifeboat"
                );
            }
        }
        self.carrier.stop_all().await;
        self.pass().await;
    }
}
