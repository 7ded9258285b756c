//! Carries decisions out: stops and kills take their time and do not hold up the next pass.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use lifeboat_core::ids::ServerId;
use lifeboat_core::limits::STOP_GRACE;
use lifeboat_runtime::{Runtime, ServerSpec, StopError};
use tokio::sync::Notify;

use super::parts::Parts;

/// How a server is ended.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Stop,
    Kill,
}

/// See the module's documentation.
pub(super) struct Carrier {
    runtime: Arc<dyn Runtime>,
    ending: Arc<Mutex<HashSet<ServerId>>>,
    /// Servers that could not be started, and why.
    failed: HashMap<ServerId, String>,
    settled: Arc<Notify>,
}

impl Carrier {
    pub(super) fn new(parts: &Parts) -> Self {
        Self {
            runtime: Arc::clone(&parts.runtime),
            ending: Arc::default(),
            failed: HashMap::new(),
            settled: Arc::default(),
        }
    }

    /// Told when a stop or kill is done.
    pub(super) fn settled(&self) -> Arc<Notify> {
        Arc::clone(&self.settled)
    }

    /// Whether a stop or kill of the server is under way.
    pub(super) fn is_ending(&self, server: &ServerId) -> bool {
        lock(&self.ending).contains(server)
    }

    /// Why the server could not be started, if so.
    pub(super) fn start_failure(&self, server: &ServerId) -> Option<String> {
        self.failed.get(server).cloned()
    }

    /// Starts a server; that it could not be started is seen by the next decision.
    pub(super) async fn start(&mut self, server: &ServerId, spec: Result<ServerSpec, String>) {
        let failure = match spec {
            Ok(spec) => match self.runtime.start(spec).await {
                Ok(_) => return,
                Err(error) => {
                    let cause = std::error::Error::source(&error)
                        .map(|source| format!(": {source}"))
                        .unwrap_or_default();
                    format!("could not be started: {error}{cause}")
                }
            },
            Err(why) => why,
        };
        tracing::warn!(server.id = server.as_str(), failure, "a server was not started");
        self.failed.insert(server.clone(), failure);
        self.settled.notify_one();
    }

    /// Asks a server to end.
    pub(super) fn stop(&self, server: &ServerId) {
        self.end(server, Ending::Stop);
    }

    /// Kills a server.
    pub(super) fn kill(&self, server: &ServerId) {
        self.end(server, Ending::Kill);
    }

    fn end(&self, server: &ServerId, how: Ending) {
        if !lock(&self.ending).insert(server.clone()) {
            return;
        }
        let (runtime, server) = (Arc::clone(&self.runtime), server.clone());
        let (ending, settled) = (Arc::clone(&self.ending), Arc::clone(&self.settled));
        tokio::spawn(async move {
            let outcome = match how {
                Ending::Stop => runtime.stop(&server, STOP_GRACE).await,
                Ending::Kill => runtime.kill(&server).await,
            };
            if let Err(error @ StopError::StillThere { .. }) = outcome {
                tracing::error!(server.id = server.as_str(), %error, "a server does not end");
                // The system holds it; asking at once again would not help.
                tokio::time::sleep(STILL_THERE_PAUSE).await;
            }
            lock(&ending).remove(&server);
            settled.notify_one();
        });
    }

    /// Stops watching a server that is gone.
    pub(super) fn forget(&mut self, server: &ServerId) {
        self.failed.remove(server);
        self.runtime.forget(server);
    }

    /// Asks every living server to end and waits until they have.
    pub(super) async fn stop_all(&self) {
        let observed = self.runtime.observe();
        let living = observed.iter().filter(|seen| seen.is_alive());
        let stops = living.map(|seen| self.runtime.stop(seen.server(), STOP_GRACE));
        for error in join_all(stops).await.into_iter().filter_map(Result::err) {
            tracing::error!(%error, "a server was not stopped");
        }
    }
}

/// Wait before a server that survived a kill is killed again.
const STILL_THERE_PAUSE: Duration = Duration::from_secs(5);

fn lock(ending: &Mutex<HashSet<ServerId>>) -> MutexGuard<'_, HashSet<ServerId>> {
    // Nothing panics while it holds the lock.
    ending.lock().unwrap_or_else(PoisonError::into_inner)
}
