//! A runtime whose servers live and die as a test says.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use lifeboat_core::ids::ServerId;
use lifeboat_core::time::Timestamp;
use lifeboat_runtime::{
    AdoptError, Adoption, Exit, Runtime, RuntimeEvent, SdkState, ServerHealth, ServerObservation,
    ServerSpec, StartError, StartedServer, StopError, UnknownServer,
};
use serde_json::Value;
use tokio::sync::broadcast;

/// What the fake knows.
#[derive(Default)]
pub(super) struct State {
    pub(super) servers: BTreeMap<ServerId, ServerObservation>,
    pub(super) specs: BTreeMap<ServerId, ServerSpec>,
    pub(super) live: BTreeMap<ServerId, Value>,
    pub(super) annotations: BTreeMap<(ServerId, String), String>,
    pub(super) stopped: BTreeSet<ServerId>,
    pub(super) discarded: BTreeSet<ServerId>,
    /// Processes that run and are not watched, left by an earlier Lifeboat.
    pub(super) left_behind: BTreeSet<ServerId>,
    /// Whether adoptions fail.
    pub(super) adoption_fails: bool,
    /// Whether starts fail.
    pub(super) start_fails: bool,
}

pub(super) struct Fake {
    state: Mutex<State>,
    events: broadcast::Sender<RuntimeEvent>,
}

impl Fake {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), events: broadcast::Sender::new(64) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn living(&self) -> Vec<ServerId> {
        let state = self.state();
        let living = state.servers.values().filter(|seen| seen.is_alive());
        living.map(|seen| seen.server().clone()).collect()
    }

    /// Every living server says Ready.
    pub(super) fn all_ready(&self) {
        for server in self.living() {
            {
                let mut state = self.state();
                let seen = state.servers.get_mut(&server).unwrap();
                seen.ready_at = Some(Timestamp::from_ms(1));
                seen.health = ServerHealth::Healthy;
                seen.state = SdkState::Ready;
            }
            let _ = self.events.send(RuntimeEvent::Ready { server });
        }
    }

    /// SIGKILL from outside.
    pub(super) fn dies(&self, server: &ServerId) {
        self.exit(server);
    }

    fn exit(&self, server: &ServerId) {
        let exit = Exit::Signal { signal: 9 };
        if let Some(seen) = self.state().servers.get_mut(server) {
            seen.exit = Some(exit);
        }
        let _ = self.events.send(RuntimeEvent::Exited { server: server.clone(), exit });
    }

    fn watch(&self, started: StartedServer) {
        let seen = ServerObservation {
            exit: None,
            state: SdkState::Scheduled,
            ready_at: None,
            health: ServerHealth::Pending,
            last_healthy_at: None,
            players: Arc::default(),
            started,
        };
        self.state().servers.insert(seen.server().clone(), seen);
    }
}

#[async_trait]
impl Runtime for Fake {
    async fn start(&self, spec: ServerSpec) -> Result<StartedServer, StartError> {
        if self.state().start_fails {
            let program = spec.command[0].clone();
            return Err(StartError::ProgramNotFound { program, working_dir: spec.working_dir });
        }
        let started = StartedServer {
            server: spec.server.clone(),
            world: spec.world.clone(),
            deployment: spec.deployment.clone(),
            pid: 4242,
            start_time_ticks: 1,
            boot_id: "boot".into(),
            game_host: spec.game_host.clone(),
            game_port: 7777,
            sdk_http_port: 1,
            sdk_grpc_port: None,
            log: PathBuf::new(),
            started_at: Timestamp::from_ms(1),
        };
        self.watch(started.clone());
        self.state().specs.insert(spec.server.clone(), spec);
        Ok(started)
    }

    async fn adopt(&self, record: StartedServer) -> Result<Adoption, AdoptError> {
        if self.state().adoption_fails {
            return Err(AdoptError::AlreadyWatched { server: record.server });
        }
        if !self.state().left_behind.remove(&record.server) {
            return Ok(Adoption::Gone);
        }
        self.watch(record);
        Ok(Adoption::Adopted)
    }

    async fn stop(&self, server: &ServerId, _: Duration) -> Result<(), StopError> {
        self.state().stopped.insert(server.clone());
        self.exit(server);
        Ok(())
    }

    async fn kill(&self, server: &ServerId) -> Result<(), StopError> {
        self.exit(server);
        Ok(())
    }

    fn observe(&self) -> Vec<ServerObservation> {
        self.state().servers.values().cloned().collect()
    }

    fn subscribe(&self) -> broadcast::Receiver<RuntimeEvent> {
        self.events.subscribe()
    }

    fn forget(&self, server: &ServerId) {
        self.state().servers.remove(server);
    }

    async fn discard_files(&self, server: &ServerId) -> io::Result<()> {
        self.state().discarded.insert(server.clone());
        Ok(())
    }

    fn set_live_config(&self, server: &ServerId, config: Arc<Value>) -> Result<(), UnknownServer> {
        self.state().live.insert(server.clone(), Value::clone(&config));
        Ok(())
    }

    fn set_annotation(
        &self,
        server: &ServerId,
        key: &str,
        value: &str,
    ) -> Result<(), UnknownServer> {
        self.state().annotations.insert((server.clone(), key.to_owned()), value.to_owned());
        Ok(())
    }

    fn reinstate(&self, _: &ServerId) -> Result<(), UnknownServer> {
        Ok(())
    }

    async fn tail(&self, _: &ServerId, _: usize) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn detach(&self) {}
}
