//! What every running server is told: its world's live config, and the counter below which nobody
//! may be in it.

use std::collections::HashMap;
use std::sync::Arc;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::ServerId;
use lifeboat_core::live_config::Audience;
use lifeboat_runtime::ServerObservation;
use serde_json::json;

use super::parts::Parts;

/// The annotation with the counter `AllClients` of the server's world.
pub(super) const ALL_CLIENTS: &str = "lifeboat.dev/all-clients";

/// The revision of the live config and the counter that each server was told.
#[derive(Default)]
pub(super) struct Levels(HashMap<ServerId, (u64, u64)>);

impl Levels {
    /// Tells every living server what it does not have yet. A server is part of the installation
    /// and acts on internal values too, so it sees everything.
    pub(super) fn push(
        &mut self,
        parts: &Parts,
        catalog: &Catalog,
        observed: &[ServerObservation],
    ) {
        let alive: HashMap<&ServerId, &ServerObservation> = observed
            .iter()
            .filter(|seen| seen.is_alive())
            .map(|seen| (seen.server(), seen))
            .collect();
        self.0.retain(|server, _| alive.contains_key(server));
        for (server, seen) in alive {
            let world = &seen.started.world;
            let Some(live) = catalog.live(world) else { continue };
            let counter = catalog.door_counter(world);
            if self.0.get(server) == Some(&(live.revision, counter)) {
                continue;
            }
            let view = parts.mods.view(catalog, world, Audience::Support);
            let document = json!({
                "revision": live.revision, "game": view.game, "project": view.project,
            });
            let told = parts.runtime.set_live_config(server, Arc::new(document)).and_then(|()| {
                parts.runtime.set_annotation(server, ALL_CLIENTS, &counter.to_string())
            });
            // One that was forgotten in this moment has nothing to be told.
            if told.is_ok() {
                self.0.insert(server.clone(), (live.revision, counter));
            }
        }
    }
}
