//! A deployment: one start of a world, with the servers that it runs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{DeploymentId, LaunchContextId, ServerId, WorldId};
use crate::phase::Phase;
use crate::time::Timestamp;
use crate::world::Build;

/// One start of a world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Its id; a new one at every start.
    pub id: DeploymentId,
    /// The world.
    pub world: WorldId,
    /// Where it is in its life.
    pub phase: Phase,
    /// Why it is there, in a sentence for operators.
    pub message: String,
    /// What it was started with.
    pub build: Build,
    /// When it was launched.
    pub started_at: Timestamp,
    /// When its time is over.
    pub ends_at: Timestamp,
    /// When its last process was gone.
    pub ended_at: Option<Timestamp>,
    /// How clients of base version 37 and older launch into it.
    pub launch_context: Option<LaunchContextId>,
    /// People that fit in altogether.
    pub seats: u32,
    /// People that fit on one server.
    pub seats_per_server: u32,
    /// Joins per second that one server takes, as the mod says.
    pub joins_per_second_per_server: f64,
    /// How many servers it should have.
    pub servers_wanted: u32,
    /// Its servers, lost and replaced ones included as long as their processes may live.
    pub servers: Vec<Server>,
    /// When servers were lost, within the window over which replacements are counted.
    #[serde(default)]
    pub losses: Vec<Timestamp>,
}

/// One game-server process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// Its id; a replacement has another.
    pub id: ServerId,
    /// Where it is in its life.
    pub phase: ServerPhase,
    /// Where clients connect to, once it is known.
    pub endpoint: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// What the runtime needs to find the process again; opaque here.
    #[serde(default)]
    pub process: Option<Value>,
}

/// Where a server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerPhase {
    /// Started, has not said that it is ready.
    Starting,
    /// Takes people.
    Ready,
    /// Ended or hung without being asked to; to be cleared away and replaced.
    Lost,
    /// Asked to end.
    Stopping,
}

impl Deployment {
    /// The servers that take people.
    pub fn ready_servers(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter().filter(|server| server.phase == ServerPhase::Ready)
    }

    /// The server with this id.
    #[must_use]
    pub fn server(&self, id: &ServerId) -> Option<&Server> {
        self.servers.iter().find(|server| &server.id == id)
    }

    /// Whether people can be placed in it.
    #[must_use]
    pub fn takes_people(&self) -> bool {
        self.phase == Phase::Active && self.ready_servers().next().is_some()
    }

    /// Joins per second that all its servers take together, as the mod says.
    #[must_use]
    pub fn joins_per_second(&self) -> f64 {
        self.joins_per_second_per_server * f64::from(self.servers_wanted.max(1))
    }
}
