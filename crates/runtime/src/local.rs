//! Game servers as processes of this machine.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lifeboat_core::ids::ServerId;
use lifeboat_core::limits::{
    HEALTH_MISSES_MAX, HEALTH_PERIOD, LOG_TAIL_LINES_MAX, SERVER_LOG_BYTES_MAX,
};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

use crate::event::{RuntimeEvent, ServerObservation};
use crate::files::{self, LogRule, ServerFiles};
use crate::health::{HealthRule, Moment};
use crate::launch::{self, Launched, Ports};
use crate::limits::{
    EVENTS_MAX, KILL_WAIT, LOG_TAIL_BYTES_MAX, PORT_TRIES_MAX, REBIND_PERIOD, REBIND_WAIT,
    REQUESTS_MAX,
};
use crate::live_server::LiveServer;
use crate::output;
use crate::process::{self, Process, ProcessStat};
use crate::registry::{Claim, Entry, Registry};
use crate::runtime::{
    AdoptError, Adoption, Runtime, ServerSpec, StartError, StartedServer, StopError, UnknownServer,
};
use crate::sdk::state::Sdk;
use crate::sdk::{grpc, rest};
use crate::supervisor::{Request, Supervisor};

/// How a [`LocalRuntime`] works.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// The folder of its servers' files, one folder each; made if it is missing.
    pub dir: PathBuf,
    /// Where servers find the keys that tickets are checked with.
    pub jwks_url: String,
    /// How often servers have to call health.
    pub health: HealthRule,
    /// Bytes of a server's log over which it is rotated.
    pub log_bytes_max: u64,
    /// Time between two looks at the length of a log.
    pub log_check_period: Duration,
}

impl LocalConfig {
    /// The configuration with the limits of [`lifeboat_core::limits`].
    #[must_use]
    pub fn new(dir: PathBuf, jwks_url: String) -> Self {
        Self {
            dir,
            jwks_url,
            health: HealthRule { period: HEALTH_PERIOD, misses_max: HEALTH_MISSES_MAX },
            log_bytes_max: SERVER_LOG_BYTES_MAX,
            log_check_period: Duration::from_secs(5),
        }
    }
}

/// Runs game servers as processes of this machine. Dropping it leaves them running, unwatched.
#[derive(Debug)]
pub struct LocalRuntime {
    config: LocalConfig,
    boot_id: String,
    registry: Registry,
    events: broadcast::Sender<RuntimeEvent>,
}

impl LocalRuntime {
    /// A runtime that knows no servers yet. Fails when its folder cannot be made or the machine
    /// has no `/proc`.
    pub fn open(config: LocalConfig) -> io::Result<Self> {
        std::fs::create_dir_all(&config.dir)?;
        Ok(Self {
            boot_id: process::boot_id()?,
            registry: Registry::default(),
            events: broadcast::Sender::new(EVENTS_MAX),
            config,
        })
    }

    fn files(&self, server: &ServerId) -> ServerFiles {
        ServerFiles::of(&self.config.dir, server)
    }

    /// Puts a process under watch and serves its SDK.
    fn watch(&self, claim: Claim, live: Arc<LiveServer>, process: Process, sdk: SdkListeners) {
        let (requests, inbox) = mpsc::channel(REQUESTS_MAX);
        let supervisor = Supervisor::new(Arc::clone(&live), process, inbox, self.events.clone());
        let rule =
            LogRule { bytes_max: self.config.log_bytes_max, period: self.config.log_check_period };
        let files = self.files(&live.record().server);
        tokio::spawn(rest::serve(sdk.http, Arc::clone(&live)));
        if let Some(listener) = sdk.grpc {
            tokio::spawn(grpc::serve(listener, Arc::clone(&live)));
        }
        let keeper = tokio::spawn(files::keep(Arc::clone(&live), files, rule));
        let supervisor = tokio::spawn(supervisor.run()).abort_handle();
        claim.enter(Entry { live, requests, supervisor, keeper: Some(keeper) });
    }

    async fn request(
        &self,
        server: &ServerId,
        request: Request,
        patience: Duration,
    ) -> Result<(), StopError> {
        let found =
            self.registry.with(server, |entry| (Arc::clone(&entry.live), entry.requests.clone()));
        let Some((live, requests)) = found else {
            return Err(UnknownServer { server: server.clone() }.into());
        };
        let gone = async {
            // Refused only when the supervisor has ended, as it does when the server is gone.
            let _ = requests.send(request).await;
            live.exited().await;
        };
        timeout(patience, gone).await.map_err(|_| StopError::StillThere { server: server.clone() })
    }

    fn live(&self, server: &ServerId) -> Result<Arc<LiveServer>, UnknownServer> {
        self.registry
            .with(server, |entry| Arc::clone(&entry.live))
            .ok_or_else(|| UnknownServer { server: server.clone() })
    }

    /// The process of a record, if it is still the one that was started.
    fn find(&self, record: &StartedServer) -> io::Result<Option<Process>> {
        if record.boot_id != self.boot_id {
            return Ok(None);
        }
        let process = match Process::watch(record.pid) {
            Ok(process) => process,
            Err(error) if ProcessStat::read(record.pid).is_none() => {
                tracing::debug!(server.id = record.server.as_str(), %error, "no such process");
                process::kill_remnants(record.pid, &record.server);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        // Read after the descriptor was opened, so that both are about one process.
        match ProcessStat::read(record.pid) {
            Some(stat) if stat.start_time_ticks == record.start_time_ticks && !stat.is_dead => {
                Ok(Some(process))
            }
            Some(stat) if stat.start_time_ticks == record.start_time_ticks => {
                process.end_group();
                Ok(None)
            }
            _ => {
                process::kill_remnants(record.pid, &record.server);
                Ok(None)
            }
        }
    }
}

#[async_trait]
impl Runtime for LocalRuntime {
    async fn start(&self, spec: ServerSpec) -> Result<StartedServer, StartError> {
        let Some(mut claim) = self.registry.claim(&spec.server) else {
            return Err(StartError::AlreadyStarted { server: spec.server });
        };
        let no_port = |purpose| move |source| StartError::NoPort { purpose, source };
        let http = bind(0).await.map_err(no_port("SDK"))?;
        let grpc = bind(0).await.map_err(no_port("SDK"))?;
        let ports = Ports {
            game: free_game_port(&mut claim).await.map_err(no_port("players"))?,
            sdk_http: http.local_addr().map_err(no_port("SDK"))?.port(),
            sdk_grpc: Some(grpc.local_addr().map_err(no_port("SDK"))?.port()),
        };
        let files = self.files(&spec.server);
        let sdk = launch::initial_sdk(&spec);
        let launched = launch_apart(&spec, &files, ports, &self.config.jwks_url, &sdk).await?;
        let record = StartedServer {
            server: spec.server,
            world: spec.world,
            deployment: spec.deployment,
            pid: launched.pid,
            start_time_ticks: launched.start_time_ticks,
            boot_id: self.boot_id.clone(),
            game_host: spec.game_host,
            game_port: ports.game,
            sdk_http_port: ports.sdk_http,
            sdk_grpc_port: ports.sdk_grpc,
            log: files.log(),
            started_at: Moment::now().at,
        };
        tracing::info!(
            server.id = record.server.as_str(),
            world.id = record.world.as_str(),
            pid = record.pid,
            port = record.game_port,
            "a game server was started"
        );
        let live = LiveServer::started(record.clone(), sdk, self.config.health);
        self.watch(claim, live, launched.keep(), SdkListeners { http, grpc: Some(grpc) });
        Ok(record)
    }

    async fn adopt(&self, record: StartedServer) -> Result<Adoption, AdoptError> {
        let server = record.server.clone();
        let Some(claim) = self.registry.claim(&server) else {
            return Err(AdoptError::AlreadyWatched { server });
        };
        let found = self.find(&record).map_err(|source| AdoptError::Process {
            server: server.clone(),
            pid: record.pid,
            source,
        })?;
        let Some(process) = found else { return Ok(Adoption::Gone) };
        let listeners = SdkListeners::again(&record).await?;
        let files = self.files(&server);
        let sdk = load_apart(&files, &server).await;
        let live = LiveServer::adopted(record, sdk, self.config.health);
        tracing::info!(server.id = server.as_str(), "a running game server was found again");
        self.watch(claim, live, process, listeners);
        Ok(Adoption::Adopted)
    }

    async fn stop(&self, server: &ServerId, grace: Duration) -> Result<(), StopError> {
        self.request(server, Request::Stop(grace), grace.saturating_add(KILL_WAIT)).await
    }

    async fn kill(&self, server: &ServerId) -> Result<(), StopError> {
        self.request(server, Request::Kill, KILL_WAIT).await
    }

    fn observe(&self) -> Vec<ServerObservation> {
        self.registry.servers().iter().map(|live| live.observe()).collect()
    }

    fn subscribe(&self) -> broadcast::Receiver<RuntimeEvent> {
        self.events.subscribe()
    }

    fn forget(&self, server: &ServerId) {
        self.registry.remove(server);
    }

    async fn discard_files(&self, server: &ServerId) -> io::Result<()> {
        match tokio::fs::remove_dir_all(self.files(server).folder()).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn set_live_config(&self, server: &ServerId, config: Arc<Value>) -> Result<(), UnknownServer> {
        self.live(server)?.set_live_config(config);
        Ok(())
    }

    fn set_annotation(
        &self,
        server: &ServerId,
        key: &str,
        value: &str,
    ) -> Result<(), UnknownServer> {
        let set =
            self.live(server)?.change(Moment::now(), |sdk| sdk.set_annotation(key.into(), value));
        if let Err(error) = set {
            tracing::warn!(server.id = server.as_str(), key, %error, "an annotation was not set");
        }
        Ok(())
    }

    fn reinstate(&self, server: &ServerId) -> Result<(), UnknownServer> {
        self.live(server)?.change(Moment::now(), Sdk::reinstate);
        Ok(())
    }

    async fn tail(&self, server: &ServerId, lines: usize) -> io::Result<Vec<String>> {
        let log = self.files(server).log();
        let lines = lines.min(LOG_TAIL_LINES_MAX);
        spawn_blocking(move || output::tail(&log, lines, LOG_TAIL_BYTES_MAX)).await?
    }

    async fn detach(&self) {
        for mut entry in self.registry.take_all() {
            let keeper = entry.keeper.take();
            drop(entry);
            if let Some(keeper) = keeper {
                // It saves and ends; a disk that hangs is not waited for.
                let _ = timeout(REBIND_WAIT, keeper).await;
            }
        }
    }
}

/// The ports that a server's SDK is served at.
#[derive(Debug)]
struct SdkListeners {
    http: TcpListener,
    /// Not there for servers that were started without it.
    grpc: Option<TcpListener>,
}

impl SdkListeners {
    /// The ports of a server that an earlier Lifeboat started.
    async fn again(record: &StartedServer) -> Result<Self, AdoptError> {
        let taken = |port| {
            let server = record.server.clone();
            move |source| AdoptError::SdkPortTaken { server, port, source }
        };
        let http = rebind(record.sdk_http_port).await.map_err(taken(record.sdk_http_port))?;
        let grpc = match record.sdk_grpc_port {
            Some(port) => Some(rebind(port).await.map_err(taken(port))?),
            None => None,
        };
        Ok(Self { http, grpc })
    }
}

async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Takes a port again that an earlier Lifeboat had. Its closing connections do not stand in the
/// way (the listener is bound with `SO_REUSEADDR`), but its last breath may.
async fn rebind(port: u16) -> io::Result<TcpListener> {
    let until = Instant::now() + REBIND_WAIT;
    loop {
        match bind(port).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                sleep(REBIND_PERIOD).await;
            }
            other => return other,
        }
    }
}

/// A port that is free now and given to no other server. The server binds it itself, so another
/// program may be quicker; then the server fails to start and is replaced.
async fn free_game_port(claim: &mut Claim) -> io::Result<u16> {
    for _ in 0..PORT_TRIES_MAX {
        let probe = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        let port = probe.local_addr()?.port();
        if claim.take_port(port) {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::AddrNotAvailable.into())
}

/// Launches on a thread that may block.
async fn launch_apart(
    spec: &ServerSpec,
    files: &ServerFiles,
    ports: Ports,
    jwks_url: &str,
    sdk: &Sdk,
) -> Result<Launched, StartError> {
    let (spec, files, jwks_url, sdk) =
        (spec.clone(), files.clone(), jwks_url.to_owned(), sdk.clone());
    let folder = files.folder().to_owned();
    spawn_blocking(move || launch::launch(&spec, &files, ports, &jwks_url, &sdk))
        .await
        .unwrap_or_else(|ended| {
            Err(StartError::Files { path: folder, source: io::Error::other(ended) })
        })
}

/// The saved state of a server's SDK; a fresh one, not Ready, if it cannot be read.
async fn load_apart(files: &ServerFiles, server: &ServerId) -> Sdk {
    let files = files.clone();
    let loaded = spawn_blocking(move || files.load()).await;
    loaded.map_err(io::Error::other).flatten().unwrap_or_else(|error| {
        tracing::warn!(server.id = server.as_str(), %error, "the saved state of the SDK is lost");
        Sdk::new(0, Default::default(), Default::default(), Default::default(), Default::default())
    })
}
