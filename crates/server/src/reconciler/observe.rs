//! What the runtime sees, in the words that decisions are made in.

use std::collections::BTreeMap;

use lifeboat_core::deployment::Deployment;
use lifeboat_core::ids::DeploymentId;
use lifeboat_core::mods::ModManifest;
use lifeboat_core::reconcile::{Health, Observed, ServerObserved};
use lifeboat_runtime::{SdkState, ServerHealth, ServerObservation};

use super::carrier::Carrier;
use super::parts::Parts;

/// Every server that the runtime knows, by its deployment.
pub(super) struct ByDeployment(BTreeMap<DeploymentId, Vec<ServerObservation>>);

impl ByDeployment {
    pub(super) fn new(observed: Vec<ServerObservation>) -> Self {
        let mut all: BTreeMap<DeploymentId, Vec<ServerObservation>> = BTreeMap::new();
        for seen in observed {
            all.entry(seen.started.deployment.clone()).or_default().push(seen);
        }
        Self(all)
    }

    pub(super) fn has(&self, deployment: &DeploymentId) -> bool {
        self.0.contains_key(deployment)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&DeploymentId, &Vec<ServerObservation>)> {
        self.0.iter()
    }
}

/// The servers of one deployment as they are now, those that could not be started among the dead.
pub(super) fn observed(parts: &Parts, carrier: &Carrier, deployment: &Deployment) -> Observed {
    let build = &deployment.build;
    let installed = parts.mods.get(&build.mod_name, &build.mod_version);
    let manifest = installed.map(|installed| installed.mod_.manifest());
    let mut servers = BTreeMap::new();
    for server in &deployment.servers {
        if let Some(why) = carrier.start_failure(&server.id) {
            let dead = ServerObserved { exit: Some(why), ..ServerObserved::default() };
            servers.insert(server.id.clone(), dead);
        }
    }
    let own = |seen: &ServerObservation| seen.started.deployment == deployment.id;
    for seen in parts.runtime.observe().into_iter().filter(own) {
        let endpoint = manifest
            .map(|manifest| endpoint(manifest, &parts.advertise_host, seen.started.game_port));
        let ending = carrier.is_ending(seen.server());
        servers.insert(seen.server().clone(), of_server(&seen, endpoint, ending));
    }
    Observed { servers }
}

fn of_server(seen: &ServerObservation, endpoint: Option<String>, ending: bool) -> ServerObserved {
    ServerObserved {
        alive: seen.is_alive(),
        exit: seen.exit.map(|exit| exit.to_string()),
        ready: seen.ready_at.is_some(),
        health: match seen.health {
            ServerHealth::Pending => Health::Pending,
            ServerHealth::Healthy => Health::Healthy,
            ServerHealth::Unhealthy => Health::Unhealthy,
        },
        endpoint,
        shutdown_requested: seen.state == SdkState::Shutdown,
        ending,
    }
}

/// Where clients connect to.
fn endpoint(manifest: &ModManifest, host: &str, port: u16) -> String {
    let (protocol, path) = (manifest.protocol.as_str(), &manifest.path);
    if host.contains(':') && !host.starts_with('[') {
        format!("{protocol}://[{host}]:{port}{path}")
    } else {
        format!("{protocol}://{host}:{port}{path}")
    }
}
