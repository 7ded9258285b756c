//! The worlds of a simulation: main, its standby, and a third world that the standby can be
//! failed over to.

use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::catalog::{Catalog, CatalogChange, LiveEntry};
use lifeboat_core::deployment::{Deployment, Server, ServerPhase};
use lifeboat_core::ids::{DeploymentId, ServerId, WorldId};
use lifeboat_core::live_config::{ConfigRules, LiveConfig, ProjectSchema};
use lifeboat_core::phase::Phase;
use lifeboat_core::time::Timestamp;
use lifeboat_core::world::{World, WorldSpec};
use lifeboat_gateway::desk::PlayerView;
use serde_json::json;

/// When every simulation begins.
pub(crate) const START: Timestamp = Timestamp::from_ms(1_795_000_000_000);

/// The names of the worlds.
pub(crate) const WORLDS: [&str; 3] = ["main", "standby", "third"];
/// Servers of each world.
const SERVERS: u32 = 2;

pub(crate) fn world_id(name: &str) -> WorldId {
    WorldId::from_unique(name)
}

/// The rules of the live config that all worlds share.
pub(crate) fn rules() -> Arc<ConfigRules> {
    let schema = r#"{ "type": "object", "properties": { "Stage": { "type": "object",
        "properties": { "DoorsOpen": { "type": "boolean", "default": false } } } } }"#;
    let schema = Arc::new(ProjectSchema::parse(schema).expect("a schema of our own"));
    let defaults = schema.defaults(&[]).expect("a schema of our own");
    Arc::new(ConfigRules::new(schema, defaults))
}

/// Players see the part `project`.
pub(crate) struct ProjectVisible;

impl PlayerView for ProjectVisible {
    fn of(&self, catalog: &Catalog, world: &WorldId) -> LiveConfig {
        let project = catalog.live(world).map(|live| live.config.project.clone());
        LiveConfig { project: project.unwrap_or_default(), ..LiveConfig::default() }
    }
}

/// The sizes of a world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) seats: u32,
    pub(crate) servers: u32,
    pub(crate) joins_per_second: f64,
}

impl Size {
    pub(crate) const fn small(joins_per_second: f64) -> Self {
        Self { seats: 100, servers: SERVERS, joins_per_second }
    }
}

/// The spec of a world; `profile` is its size's name.
fn spec(name: &str, profile: &str, is_public: bool) -> WorldSpec {
    serde_json::from_value(json!({
        "name": name, "description": "", "labels": {},
        "build": { "mod": "plaza", "modVersion": "1.0.0", "contentVersion": "2026.11.1",
                   "baseVersion": 38, "map": "plaza" },
        "scale": { "profile": profile }, "durationMinutes": 180,
        "access": { "public": is_public, "guests": true, "groups": [] },
        "streaming": { "launchMode": "same-tab" }, "settings": {}
    }))
    .expect("a spec of our own")
}

/// A world that runs, with its deployment and its live config.
pub(crate) fn running(
    name: &str,
    standby: Option<&str>,
    profile: &str,
    size: Size,
    config: LiveConfig,
) -> Vec<CatalogChange> {
    let id = world_id(name);
    let deployment_id = DeploymentId::from_unique(name);
    let is_public = name != "standby";
    let world = World {
        id: id.clone(),
        spec: spec(name, profile, is_public),
        standby_for: None,
        standby: standby.map(world_id),
        mirror: false,
        deployment: Some(deployment_id.clone()),
        created_at: START,
    };
    let deployment = Deployment {
        id: deployment_id.clone(),
        world: id.clone(),
        phase: Phase::Active,
        message: String::new(),
        build: world.spec.build.clone(),
        started_at: START,
        ends_at: START + Duration::from_hours(3),
        ended_at: None,
        launch_context: None,
        seats: size.seats,
        seats_per_server: size.seats / size.servers,
        joins_per_second_per_server: size.joins_per_second / f64::from(size.servers),
        servers_wanted: size.servers,
        servers: (1..=size.servers).map(|number| server(&format!("{name}-{number}"))).collect(),
        losses: Vec::new(),
    };
    let live = LiveEntry::new(0, START, "setup".to_owned(), config);
    vec![
        CatalogChange::World(id.clone(), Some(world)),
        CatalogChange::Deployment(deployment_id, Some(deployment)),
        CatalogChange::Live(id, Some(live)),
    ]
}

/// A server that takes people.
pub(crate) fn server(name: &str) -> Server {
    Server {
        id: ServerId::from_unique(name),
        phase: ServerPhase::Ready,
        endpoint: Some(format!("ws://{name}/")),
        started_at: START,
        process: None,
    }
}

/// Everything that a small simulation begins with.
pub(crate) fn worlds(rules: &ConfigRules, joins_per_second: f64) -> Vec<CatalogChange> {
    let standbys = [Some("standby"), Some("third"), None];
    WORLDS
        .iter()
        .zip(standbys)
        .flat_map(|(name, standby)| {
            let size = Size::small(joins_per_second);
            running(name, standby, "Capacity100", size, rules.defaults().clone())
        })
        .collect()
}
