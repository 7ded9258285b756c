//! What is known of one running server, shared by its supervisor, its SDK endpoints and the
//! runtime. Every change goes through here, so whoever waits for a change is woken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore, watch};

use crate::event::{Exit, ServerHealth, ServerObservation};
use crate::health::{HealthClock, HealthRule, Moment};
use crate::limits::SDK_WATCHERS_MAX;
use crate::runtime::StartedServer;
use crate::sdk::state::{Sdk, SdkState};

/// One server.
#[derive(Debug)]
pub(crate) struct LiveServer {
    started: StartedServer,
    /// Held for moments only, never across an await.
    inner: Mutex<Inner>,
    /// The SDK's version; for the watchers and whoever saves it.
    version: watch::Sender<u64>,
    /// Something is worth the supervisor's look.
    attention: Notify,
    live_config: watch::Sender<Arc<Value>>,
    exit: watch::Sender<Option<Exit>>,
    closed: watch::Sender<bool>,
    /// One permit for each stream that a watcher may hold.
    pub(crate) watchers: Arc<Semaphore>,
}

#[derive(Debug)]
struct Inner {
    sdk: Sdk,
    health: HealthClock,
}

impl LiveServer {
    /// A server that was just started.
    pub(crate) fn started(started: StartedServer, sdk: Sdk, rule: HealthRule) -> Arc<Self> {
        Self::new(started, sdk, HealthClock::new(rule))
    }

    /// A server that an earlier Lifeboat started, with its SDK as it was.
    pub(crate) fn adopted(started: StartedServer, sdk: Sdk, rule: HealthRule) -> Arc<Self> {
        let status = match (sdk.state(), sdk.ready_at()) {
            (SdkState::Unhealthy, _) => ServerHealth::Unhealthy,
            (_, Some(_)) => ServerHealth::Healthy,
            (_, None) => ServerHealth::Pending,
        };
        Self::new(started, sdk, HealthClock::adopted(rule, status, Moment::now()))
    }

    fn new(started: StartedServer, sdk: Sdk, health: HealthClock) -> Arc<Self> {
        let nothing = json!({ "revision": 0, "game": {}, "project": {} });
        Arc::new(Self {
            started,
            version: watch::Sender::new(sdk.version()),
            inner: Mutex::new(Inner { sdk, health }),
            attention: Notify::new(),
            live_config: watch::Sender::new(Arc::new(nothing)),
            exit: watch::Sender::new(None),
            closed: watch::Sender::new(false),
            watchers: Arc::new(Semaphore::new(SDK_WATCHERS_MAX)),
        })
    }

    /// The record it was started with.
    pub(crate) fn record(&self) -> &StartedServer {
        &self.started
    }

    /// How often it has to call health.
    pub(crate) fn rule(&self) -> HealthRule {
        self.lock().health.rule()
    }

    /// Looks at the SDK's state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Sdk) -> T) -> T {
        look(&self.lock().sdk)
    }

    /// Changes the SDK's state and wakes whoever waits for a change, if there was one.
    pub(crate) fn change<T>(&self, now: Moment, act: impl FnOnce(&mut Sdk) -> T) -> T {
        let mut inner = self.lock();
        let before = inner.sdk.version();
        let result = act(&mut inner.sdk);
        if inner.sdk.ready_at().is_some() {
            inner.health.begin(now);
        }
        let after = inner.sdk.version();
        if before != after {
            // Sent under the lock, so that versions arrive in their order.
            self.version.send_replace(after);
            self.attention.notify_one();
        }
        result
    }

    /// The server called health.
    pub(crate) fn beat(&self, now: Moment) {
        let mut inner = self.lock();
        let before = inner.health.status();
        inner.health.beat(now);
        if inner.health.status() != before {
            self.attention.notify_one();
        }
    }

    /// Looks at, or judges, the health.
    pub(crate) fn health<T>(&self, act: impl FnOnce(&mut HealthClock) -> T) -> T {
        act(&mut self.lock().health)
    }

    /// All that is known now.
    pub(crate) fn observe(&self) -> ServerObservation {
        let inner = self.lock();
        ServerObservation {
            started: self.started.clone(),
            exit: *self.exit.borrow(),
            state: inner.sdk.state(),
            ready_at: inner.sdk.ready_at(),
            health: inner.health.status(),
            last_healthy_at: inner.health.last_healthy_at(),
            players: inner.sdk.players(),
        }
    }

    /// Waits until the supervisor should look.
    pub(crate) async fn attention(&self) {
        self.attention.notified().await;
    }

    /// The SDK's version now and from now on.
    pub(crate) fn versions(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The live config now and from now on.
    pub(crate) fn live_configs(&self) -> watch::Receiver<Arc<Value>> {
        self.live_config.subscribe()
    }

    /// Sets the live config.
    pub(crate) fn set_live_config(&self, config: Arc<Value>) {
        self.live_config.send_replace(config);
    }

    /// The process is gone.
    pub(crate) fn set_exit(&self, exit: Exit) {
        self.exit.send_replace(Some(exit));
    }

    /// Waits until the process is gone.
    pub(crate) async fn exited(&self) {
        // The sender lives as long as `self`: this ends with an exit only.
        let _ = self.exit.subscribe().wait_for(Option::is_some).await;
    }

    /// Ends the SDK endpoints and whatever else is done for the server.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Waits until [`Self::close`].
    pub(crate) async fn closed(&self) {
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that runs under the lock leaves the state half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
