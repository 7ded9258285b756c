//! What the control plane knows of whatever runs its game servers.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lifeboat_core::ids::{DeploymentId, ServerId, WorldId};
use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use tokio::sync::broadcast;

use crate::event::{RuntimeEvent, ServerObservation};
use crate::sdk::state::{Counter, List};

/// Everything needed to start one game server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSpec {
    /// The new server's id, never used before.
    pub server: ServerId,
    /// The world it belongs to.
    pub world: WorldId,
    /// The deployment it belongs to.
    pub deployment: DeploymentId,
    /// The world's name, for the server to show.
    pub world_name: String,
    /// Program and arguments, free of placeholders. A program that is no absolute path is looked
    /// for in `working_dir`, and, if it is a bare name, then in `PATH`.
    pub command: Vec<String>,
    /// Where it runs: the mod's folder.
    pub working_dir: PathBuf,
    /// Environment of the mod. The names of the contract (`LIFEBOAT_…`, `PORT`, `AGONES_…`) are
    /// set by the runtime and win.
    pub env: BTreeMap<String, String>,
    /// The map to load.
    pub map: String,
    /// People it may hold; the capacity of its list `players`.
    pub seats: u32,
    /// The address that players reach it at, without port; shown as `status.address`.
    pub game_host: String,
    /// Labels of its game server object, keys as they are.
    pub labels: BTreeMap<String, String>,
    /// Annotations of its game server object, keys as they are. The runtime adds
    /// `lifeboat.dev/world-id`, `…/world-name`, `…/deployment-id`, `…/map` and `…/seats`.
    pub annotations: BTreeMap<String, String>,
    /// Counters that it may use.
    pub counters: BTreeMap<String, Counter>,
    /// Lists that it may use besides `players`, which every server has.
    pub lists: BTreeMap<String, List>,
}

/// The record of a started server: all that is needed to find it again. The control plane stores
/// it and gives it back to [`Runtime::adopt`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartedServer {
    /// The server.
    pub server: ServerId,
    /// The world it belongs to.
    pub world: WorldId,
    /// The deployment it belongs to.
    pub deployment: DeploymentId,
    /// Its process, which leads a process group of the same number.
    pub pid: u32,
    /// The process's start in clock ticks since boot: field 22 of `/proc/<pid>/stat`. Tells it
    /// from a later process of the same number.
    pub start_time_ticks: u64,
    /// The boot that the two numbers above belong to.
    pub boot_id: String,
    /// The address that players reach it at, without port.
    pub game_host: String,
    /// The port it was told to listen on for players.
    pub game_port: u16,
    /// The loopback port of its SDK over HTTP.
    pub sdk_http_port: u16,
    /// The loopback port of its SDK over gRPC, where that is served.
    pub sdk_grpc_port: Option<u16>,
    /// Where its output goes.
    pub log: PathBuf,
    /// When it was started.
    pub started_at: Timestamp,
}

/// What became of a server that an earlier Lifeboat started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adoption {
    /// It runs and is watched from now on, with its SDK at the same ports.
    Adopted,
    /// Its process is gone; what was left of its process group has been killed.
    Gone,
}

/// Why a server was not started. Nothing of it runs.
#[derive(Debug, Error)]
pub enum StartError {
    /// A server of this id is known already.
    #[error("server {server} was started before")]
    AlreadyStarted {
        /// Which server.
        server: ServerId,
    },
    /// The command is empty, or its program does not exist or may not be executed.
    #[error("program `{program}` is neither an executable file in {} nor in PATH", working_dir.display())]
    ProgramNotFound {
        /// The program as the mod names it.
        program: String,
        /// The mod's folder.
        working_dir: PathBuf,
    },
    /// No port could be had.
    #[error("no port for the server's {purpose}")]
    NoPort {
        /// What it was for.
        purpose: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The server's folder or log file could not be made.
    #[error("the server's files at {} cannot be written", path.display())]
    Files {
        /// Which file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The system did not start the process.
    #[error("`{program}` was not started by the system")]
    Spawn {
        /// The program, resolved.
        program: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Why a server that runs could not be adopted. It is left alone and can be adopted later.
#[derive(Debug, Error)]
pub enum AdoptError {
    /// A server of this id is known already.
    #[error("server {server} is watched already")]
    AlreadyWatched {
        /// Which server.
        server: ServerId,
    },
    /// Someone else holds the port that the server expects its SDK at.
    #[error("port {port} of the SDK of server {server} is taken")]
    SdkPortTaken {
        /// Which server.
        server: ServerId,
        /// The port.
        port: u16,
        /// The system's answer.
        source: io::Error,
    },
    /// The process could not be looked at.
    #[error("process {pid} of server {server} cannot be watched")]
    Process {
        /// Which server.
        server: ServerId,
        /// Its process.
        pid: u32,
        /// The system's answer.
        source: io::Error,
    },
}

/// No server of this id is known to this runtime: it was neither started nor adopted here, or it
/// was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("server {server} is not known to the runtime")]
pub struct UnknownServer {
    /// Which server.
    pub server: ServerId,
}

/// Why a server is not known to have stopped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StopError {
    /// It is not known here.
    #[error(transparent)]
    Unknown(#[from] UnknownServer),
    /// It was sent SIGKILL and is still there: the system holds it. It stays watched.
    #[error("server {server} was killed and is still there")]
    StillThere {
        /// Which server.
        server: ServerId,
    },
}

/// Runs game servers. Every method may be called at any time from anywhere; for one server, calls
/// are carried out in the order they were made.
#[async_trait]
pub trait Runtime: Send + Sync {
    /// Starts a server and watches it. Returns as soon as its process runs; Ready follows as an
    /// event. Who stores the record only afterwards loses the server if it dies in between.
    async fn start(&self, spec: ServerSpec) -> Result<StartedServer, StartError>;

    /// Finds a server again that an earlier Lifeboat started. Its SDK state is as it was; its
    /// health clock begins anew.
    async fn adopt(&self, record: StartedServer) -> Result<Adoption, AdoptError>;

    /// Asks a server to end (SIGTERM to its process group) and kills the group after `grace`.
    /// Returns when it is gone; a server already gone is a success. Dropping the future does not
    /// take the request back, and a second call may shorten the grace, not lengthen it.
    async fn stop(&self, server: &ServerId, grace: Duration) -> Result<(), StopError>;

    /// Kills a server's process group at once and returns when it is gone.
    async fn kill(&self, server: &ServerId) -> Result<(), StopError>;

    /// Every server started or adopted and not forgotten, the dead included, in order of id.
    fn observe(&self) -> Vec<ServerObservation>;

    /// Edges from now on. Bounded: a reader that lags is told so and reads
    /// [`Runtime::observe`] again.
    fn subscribe(&self) -> broadcast::Receiver<RuntimeEvent>;

    /// Stops watching a server and drops it from [`Runtime::observe`]; its files stay. To be
    /// called once its exit has been dealt with. A living server goes on without its SDK.
    fn forget(&self, server: &ServerId);

    /// Deletes the files (log, SDK state) of a server that is not watched any more.
    async fn discard_files(&self, server: &ServerId) -> io::Result<()>;

    /// Sets the live config that the server reads: `{revision, game, project}`.
    fn set_live_config(&self, server: &ServerId, config: Arc<Value>) -> Result<(), UnknownServer>;

    /// Sets an annotation of the server's game server object, such as
    /// `lifeboat.dev/all-clients`; the key is taken as it is. Watchers see it at once.
    fn set_annotation(
        &self,
        server: &ServerId,
        key: &str,
        value: &str,
    ) -> Result<(), UnknownServer>;

    /// Takes back a server that was unhealthy and recovered: its SDK state is again what it was
    /// before. Without effect on others.
    fn reinstate(&self, server: &ServerId) -> Result<(), UnknownServer>;

    /// The last `lines` lines of a server's output, oldest first, at most
    /// [`lifeboat_core::limits::LOG_TAIL_LINES_MAX`]. Works for forgotten servers until their
    /// files are discarded; no file is an empty answer.
    async fn tail(&self, server: &ServerId, lines: usize) -> io::Result<Vec<String>>;

    /// Saves what is not saved yet and stops watching all servers, which go on running. For a
    /// shutdown of Lifeboat that leaves its servers.
    async fn detach(&self);
}
