//! The part of live config that Lifeboat itself defines.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::LiveConfig;
use super::leaf::{SAFE_INTEGER_MAX, whole};
use super::schema::{Section, load_section};
use crate::ids::{DeploymentId, LaunchContextId, WorldId};

/// The highest value of a counter: the largest integer that every JSON reader keeps exact.
pub const COUNTER_MAX: u64 = SAFE_INTEGER_MAX;

static GAME: LazyLock<Section> = LazyLock::new(|| {
    load_section(include_str!("game.schema.json")).expect("part of the program, loaded by a test")
});

/// The schema of the `game` part.
#[must_use]
pub fn game_section() -> &'static Section {
    &GAME
}

/// A counter of live config: a value that only grows, by which clients learn to rejoin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counter {
    /// Everyone placed in this world rejoins.
    AllClients,
    /// Everyone who asked for this world and was sent elsewhere rejoins.
    Redirected,
}

impl Counter {
    /// Every counter.
    pub const ALL: [Self; 2] = [Self::AllClients, Self::Redirected];
    /// The section that holds the counters.
    pub const SECTION: &'static str = "ForceDisconnect";

    /// Its key within the section.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::AllClients => "AllClients",
            Self::Redirected => "Redirected",
        }
    }

    /// Its place in the live config, as a JSON pointer.
    #[must_use]
    pub const fn pointer(self) -> &'static str {
        match self {
            Self::AllClients => "/game/ForceDisconnect/AllClients",
            Self::Redirected => "/game/ForceDisconnect/Redirected",
        }
    }

    /// The counter at a JSON pointer, if there is one.
    #[must_use]
    pub fn from_pointer(pointer: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|counter| counter.pointer() == pointer)
    }

    /// Its value in a document; 0 where there is none.
    #[must_use]
    pub fn read(self, config: &LiveConfig) -> u64 {
        match config.get(self.pointer()) {
            Some(Value::Number(number)) => {
                whole(number).and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Puts a value into a document, without asking whether it may be there.
    pub(super) fn write(self, game: &mut Map<String, Value>, count: u64) {
        let section = game.entry(Self::SECTION).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(section) = section {
            section.insert(self.key().to_owned(), Value::from(count));
        }
    }
}

/// The `game` part, typed. What a document lacks is at its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GameConfig {
    /// Where joiners are sent instead.
    pub failover: Failover,
    /// Who has to rejoin.
    pub force_disconnect: ForceDisconnect,
    /// How fast people are taken in.
    pub admission: Admission,
}

/// The section `Failover`, as an operator wrote it; empty texts are off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Failover {
    /// The world that joiners are sent to.
    pub override_world_id: String,
    /// The deployment there; empty: the world's active one.
    pub override_deployment_id: String,
    /// The launch context there; empty: the deployment's own.
    pub override_launch_context_id: String,
}

/// The section `ForceDisconnect`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ForceDisconnect {
    /// See [`Counter::AllClients`].
    pub all_clients: u64,
    /// See [`Counter::Redirected`].
    pub redirected: u64,
}

/// The section `Admission`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Admission {
    /// Joins per second; 0: as measured by a drill, else the mod's rate.
    pub joins_per_second: f64,
}

/// Where an override leads, its texts read as ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideTarget {
    /// The world.
    pub world: WorldId,
    /// The deployment, when one is pinned. A pin that is no deployment's id counts as none: it
    /// could only have been forced in, and is passed over like one that has ended.
    pub deployment: Option<DeploymentId>,
    /// The launch context, when one is set.
    pub launch_context: Option<LaunchContextId>,
}

impl OverrideTarget {
    /// A world and nothing else, as a failover sets it.
    #[must_use]
    pub const fn world(world: WorldId) -> Self {
        Self { world, deployment: None, launch_context: None }
    }
}

impl GameConfig {
    /// The `game` part of a document. A value that is not of its type, which no save lets in,
    /// reads as its default.
    #[must_use]
    pub fn read(config: &LiveConfig) -> Self {
        let text = |key: &str| {
            let value = config.game.get("Failover").and_then(|section| section.get(key));
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        Self {
            failover: Failover {
                override_world_id: text("OverrideWorldId"),
                override_deployment_id: text("OverrideDeploymentId"),
                override_launch_context_id: text("OverrideLaunchContextId"),
            },
            force_disconnect: ForceDisconnect {
                all_clients: Counter::AllClients.read(config),
                redirected: Counter::Redirected.read(config),
            },
            admission: Admission {
                joins_per_second: config
                    .get("/game/Admission/JoinsPerSecond")
                    .and_then(Value::as_f64)
                    .unwrap_or(0.0),
            },
        }
    }
}

impl Failover {
    /// Whether joiners are sent elsewhere.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.override_world_id.is_empty()
    }

    /// Where joiners are sent; none while the override is off or its world is no world's id.
    #[must_use]
    pub fn target(&self) -> Option<OverrideTarget> {
        Some(OverrideTarget {
            world: self.override_world_id.parse().ok()?,
            deployment: self.override_deployment_id.parse().ok(),
            launch_context: self.override_launch_context_id.parse().ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_schema_loads_and_its_defaults_are_those_of_the_typed_view() {
        let config = LiveConfig { game: game_section().defaults(), project: Map::new() };
        assert_eq!(GameConfig::read(&config), GameConfig::default());
        assert_eq!(serde_json::to_value(GameConfig::default()).unwrap(), {
            let mut game = Value::Object(config.game);
            game["Admission"]["JoinsPerSecond"] = Value::from(0.0);
            game
        });
    }

    #[test]
    fn a_counter_is_found_by_its_pointer_and_by_nothing_else() {
        for counter in Counter::ALL {
            assert_eq!(Counter::from_pointer(counter.pointer()), Some(counter));
        }
        assert_eq!(Counter::from_pointer("/game/Admission/JoinsPerSecond"), None);
    }
}
