//! A main world and a standby that matches it in everything.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::catalog::LiveEntry;
use crate::deployment::{Deployment, Server, ServerPhase};
use crate::ids::{DeploymentId, LaunchContextId, ServerId, WorldId};
use crate::live_config::{ConfigRules, ProjectSchema};
use crate::phase::Phase;
use crate::readiness::{PairFacts, Side};
use crate::time::Timestamp;
use crate::world::{World, tests::spec};

pub(crate) const NOW: Timestamp = Timestamp::from_ms(1_795_000_000_000);

/// What one side's facts are made of.
pub(crate) struct Owned {
    pub(crate) world: World,
    pub(crate) deployment: Option<Deployment>,
    pub(crate) live: LiveEntry,
    pub(crate) rules: ConfigRules,
    pub(crate) hung_servers: usize,
}

pub(crate) struct Pair {
    pub(crate) main: Owned,
    pub(crate) standby: Owned,
    pub(crate) connected_in_main: usize,
    pub(crate) seats_used_at_standby: usize,
    pub(crate) last_drill_at: Option<Timestamp>,
}

/// The rules of a mod whose `Stage.Level` is of this type.
pub(crate) fn rules(level: &str) -> ConfigRules {
    let schema = json!({
        "type": "object",
        "properties": { "Stage": { "type": "object", "properties": {
            "DoorsOpen": { "type": "boolean", "description": "doors", "default": false },
            "Level": { "type": level, "description": "level", "default": 1 },
            "Secret": { "type": "string", "description": "s", "default": "", "internal": true },
        } } },
    });
    let schema = ProjectSchema::parse(&schema.to_string()).unwrap();
    let defaults = schema.defaults(&[]).unwrap();
    ConfigRules::new(Arc::new(schema), defaults)
}

impl Owned {
    fn new(name: &str) -> Self {
        let mut spec = spec();
        spec.access.groups = vec!["crew".into(), "cast".into()];
        spec.settings.insert("secret".into(), json!("a"));
        let rules = rules("integer");
        let deployment = Deployment {
            id: DeploymentId::from_unique(name),
            world: WorldId::from_unique(name),
            phase: Phase::Active,
            message: String::new(),
            build: spec.build.clone(),
            started_at: NOW,
            ends_at: NOW + Duration::from_mins(180),
            ended_at: None,
            launch_context: Some(LaunchContextId::from_unique(name)),
            seats: 500,
            seats_per_server: 250,
            joins_per_second_per_server: 50.0,
            servers_wanted: 2,
            servers: vec![server("1"), server("2")],
            losses: Vec::new(),
        };
        let world = World {
            id: WorldId::from_unique(name),
            spec,
            standby_for: None,
            standby: None,
            mirror: false,
            deployment: Some(deployment.id.clone()),
            created_at: NOW,
        };
        let live = LiveEntry::new(1, NOW, "ops".into(), rules.defaults().clone());
        Self { world, deployment: Some(deployment), live, rules, hung_servers: 0 }
    }

    pub(crate) fn running(&mut self) -> &mut Deployment {
        self.deployment.as_mut().unwrap()
    }

    pub(crate) fn set(&mut self, part: &str, section: &str, key: &str, value: impl Into<Value>) {
        let mut config = self.live.config.clone();
        let part = if part == "game" { &mut config.game } else { &mut config.project };
        let section = part.entry(section).or_insert_with(|| json!({}));
        section[key] = value.into();
        self.live = LiveEntry::new(2, NOW, "ops".into(), config);
    }

    pub(crate) fn side(&self) -> Side<'_> {
        Side {
            world: &self.world,
            deployment: self.deployment.as_ref(),
            live: Some(&self.live),
            rules: Some(&self.rules),
            hung_servers: self.hung_servers,
        }
    }
}

fn server(name: &str) -> Server {
    Server {
        id: ServerId::from_unique(name),
        phase: ServerPhase::Ready,
        endpoint: Some("ws://127.0.0.1:1/".into()),
        started_at: NOW,
        process: None,
    }
}

impl Pair {
    /// Everything matches and holds.
    pub(crate) fn matching() -> Self {
        Self {
            main: Owned::new("main"),
            standby: Owned::new("standby"),
            connected_in_main: 50,
            seats_used_at_standby: 10,
            last_drill_at: Some(NOW - Duration::from_hours(24)),
        }
    }

    pub(crate) fn facts(&self) -> PairFacts<'_> {
        PairFacts {
            main: self.main.side(),
            standby: Some(self.standby.side()),
            stands_in_for: None,
            connected_in_main: self.connected_in_main,
            seats_used_at_standby: self.seats_used_at_standby,
            last_drill_at: self.last_drill_at,
        }
    }
}
