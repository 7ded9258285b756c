//! Live config: the values of a world that can be changed while it runs, and the one truth of a
//! failover. `game` is defined by Lifeboat, `project` by the mod's schema.
//!
//! [`ConfigRules`] says what the live config of one world may be and derives every next document
//! from the present one; [`check_override`] adds what can only be judged by looking at other
//! worlds. Both return their reasons as
//! [`FieldProblem`](crate::problem::FieldProblem)s and change nothing themselves.

mod diff;
mod game;
mod leaf;
mod pointer;
mod problem;
mod rules;
mod save;
mod schema;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use diff::Changes;
pub use game::{
    Admission, COUNTER_MAX, Counter, Failover, ForceDisconnect, GameConfig, OverrideTarget,
    game_section,
};
pub use leaf::{Leaf, LeafKind, ScalarKind};
pub use problem::ProblemKind;
pub use rules::{Carry, ConfigRules, LaunchSeed, Migrated, RollbackScope};
pub use save::{
    DeploymentFacts, Force, OverrideCheck, OverrideFacts, SaveStep, SaveWarning, WarningCode,
    WorldFacts, check_override,
};
pub use schema::{Audience, Entry, ProjectSchema, SchemaProblem, Section};

/// The live config of a world, whole: every key of both schemas has a value. Also the shape of a
/// view of it, in which what its reader may not see is missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveConfig {
    /// The part that Lifeboat defines.
    pub game: Map<String, Value>,
    /// The part that the mod's schema defines.
    pub project: Map<String, Value>,
}

impl LiveConfig {
    /// The value at a JSON pointer such as `/game/ForceDisconnect/AllClients`.
    #[must_use]
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        let mut keys = pointer::keys(pointer)?.into_iter();
        let part = match keys.next()?.as_str() {
            "game" => &self.game,
            "project" => &self.project,
            _ => return None,
        };
        let mut found = part.get(&keys.next()?)?;
        for key in keys {
            found = found.as_object()?.get(&key)?;
        }
        Some(found)
    }

    /// How many bytes the document takes as JSON.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |bytes| bytes.len())
    }
}
