//! Takes over servers that an earlier process of Lifeboat started.

use std::collections::HashSet;

use lifeboat_core::deployment::{Deployment, Server};
use lifeboat_core::ids::ServerId;
use lifeboat_runtime::{Adoption, StartedServer};
use serde::Deserialize as _;

use super::parts::Parts;
use super::{Trouble, leftovers};

/// Which servers of the records need no adoption (any more): they were started by this process,
/// or are known to be gone.
#[derive(Default)]
pub(super) struct Adoptions(HashSet<ServerId>);

impl Adoptions {
    /// This process starts the server itself.
    pub(super) fn started_here(&mut self, server: &ServerId) {
        self.0.insert(server.clone());
    }

    /// The server is in no record any more.
    pub(super) fn forget(&mut self, server: &ServerId) {
        self.0.remove(server);
    }

    /// Has the runtime watch every server of the record that still runs.
    ///
    /// # Errors
    /// When one runs and cannot be watched now: nothing may be decided about its deployment, for
    /// it would be taken for lost.
    pub(super) async fn adopt(
        &mut self,
        parts: &Parts,
        deployment: &Deployment,
    ) -> Result<(), Trouble> {
        let unknown = |server: &&Server| !self.0.contains(&server.id);
        let unknown: Vec<&Server> = deployment.servers.iter().filter(unknown).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let watched: HashSet<ServerId> =
            parts.runtime.observe().iter().map(|seen| seen.server().clone()).collect();
        for server in unknown {
            if !watched.contains(&server.id) {
                find(parts, server).await?;
            }
            self.0.insert(server.id.clone());
        }
        Ok(())
    }
}

async fn find(parts: &Parts, server: &Server) -> Result<(), Trouble> {
    let process = server.process.as_ref().map(StartedServer::deserialize);
    match process {
        Some(Ok(record)) => match parts.runtime.adopt(record).await {
            Ok(Adoption::Adopted) => Ok(()),
            Ok(Adoption::Gone) => {
                tracing::info!(
                    server.id = server.id.as_str(),
                    "a server ended while Lifeboat was away"
                );
                Ok(())
            }
            Err(error) => {
                let id = server.id.as_str();
                tracing::warn!(server.id = id, %error, "a server cannot be adopted");
                Err(Trouble::Adoption)
            }
        },
        other => {
            if let Some(Err(error)) = other {
                let id = server.id.as_str();
                tracing::error!(server.id = id, %error, "its process is unreadable");
            }
            leftovers::end(&server.id).await;
            Ok(())
        }
    }
}
