//! A reconciler over the real store in memory, the real feed, the real writer, and a fake runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use lifeboat_core::catalog::LiveEntry;
use lifeboat_core::deployment::Deployment;
use lifeboat_core::ids::{DeploymentId, ServerId, WorldId};
use lifeboat_core::live_config::LiveConfig;
use lifeboat_core::reconcile::{LaunchIds, Policy, RestartPolicy, launch, stop};
use lifeboat_core::time::Timestamp;
use lifeboat_core::world::World;
use lifeboat_store::{MemoryStore, Store, Transaction};
use serde_json::json;

use super::fake::Fake;
use crate::app::wall_clock;
use crate::feed::Feed;
use crate::keyspace;
use crate::mods::Mods;
use crate::reconciler::parts::Parts;
use crate::reconciler::{Reconciler, round};
use crate::writer::{self, Writer};

/// The longest that a test waits for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Bench {
    pub(super) store: MemoryStore,
    pub(super) feed: Arc<Feed>,
    pub(super) mods: Arc<Mods>,
    pub(super) runtime: Arc<Fake>,
    pub(super) reconciler: Reconciler,
    pub(super) id: DeploymentId,
    pub(super) world: World,
    clock: Arc<AtomicI64>,
    policy: RestartPolicy,
}

impl Bench {
    /// A world that was just launched.
    pub(super) async fn launched(policy: RestartPolicy) -> Self {
        let store = MemoryStore::new();
        let mods = Arc::new(Mods::load(None).unwrap());
        let feed = Arc::new(Feed::load(&store).await.unwrap());
        let (fed, shown) = (store.clone(), Arc::clone(&feed));
        tokio::spawn(async move { shown.run(&fed, |_, _| {}).await });
        let clock = Arc::new(AtomicI64::new(1_000_000));
        let runtime = Fake::new();
        let parts = parts(&store, &feed, &mods, &runtime, &clock, policy);
        let id = DeploymentId::from_unique("a");
        let world = world(&id);
        let bench = Self {
            reconciler: Reconciler::new(parts),
            store,
            feed,
            mods,
            runtime,
            id,
            world,
            clock,
            policy,
        };
        bench.put_live(0).await;
        bench.put_deployment(&bench.new_deployment()).await;
        bench.put(keyspace::world(&bench.world.id), writer::json(&bench.world)).await;
        bench
    }

    pub(super) fn new_deployment(&self) -> Deployment {
        let manifest = self.mods.get("plaza", "1.0.0").unwrap().mod_.manifest();
        let ids = LaunchIds { deployment: self.id.clone(), launch_context: None };
        launch(&self.world, manifest, ids, self.now()).unwrap()
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.clock.load(Ordering::Relaxed))
    }

    pub(super) fn passes(&self, span: Duration) {
        let ms = i64::try_from(span.as_millis()).unwrap();
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    pub(super) async fn put(&self, key: String, value: Vec<u8>) {
        let outcome = self.store.commit(Transaction::new().put(key, value)).await.unwrap();
        assert!(self.feed.reaches(outcome.committed().unwrap(), PATIENCE).await);
    }

    pub(super) async fn put_deployment(&self, deployment: &Deployment) {
        self.put(keyspace::deployment(&deployment.id), writer::json(deployment)).await;
    }

    /// Saves a live config with this counter.
    pub(super) async fn put_live(&self, all_clients: u64) {
        let game = json!({ "ForceDisconnect": { "AllClients": all_clients } });
        let config: LiveConfig =
            serde_json::from_value(json!({ "game": game, "project": {} })).unwrap();
        let rules = self.mods.rules(&self.world.spec.build).unwrap();
        let config = rules.migrate(&config).config;
        let entry = LiveEntry::new(0, self.now(), "test".into(), config);
        self.put(keyspace::live(&self.world.id), writer::json(&entry)).await;
    }

    pub(super) async fn ask_to_stop(&self) {
        let stopping = stop(&self.record(), "asked for").unwrap().unwrap();
        self.put_deployment(&stopping).await;
    }

    /// One pass, and the ends that it began.
    pub(super) async fn pass(&mut self) -> Duration {
        let wait = self.reconciler.pass().await;
        let settled = async {
            while self.runtime.living().iter().any(|one| self.reconciler.carrier.is_ending(one)) {
                tokio::task::yield_now().await;
            }
            // An ended server may be counted as ending for a moment still.
            for seen in lifeboat_runtime::Runtime::observe(&*self.runtime) {
                while self.reconciler.carrier.is_ending(seen.server()) {
                    tokio::task::yield_now().await;
                }
            }
        };
        tokio::time::timeout(PATIENCE, settled).await.expect("stops and kills are done");
        wait
    }

    /// Starts the servers and lets them be ready.
    pub(super) async fn active(policy: RestartPolicy) -> Self {
        let mut bench = Self::launched(policy).await;
        bench.pass().await;
        bench.runtime.all_ready();
        bench.pass().await;
        bench
    }

    pub(super) fn record(&self) -> Arc<Deployment> {
        Arc::clone(self.feed.current().deployment(&self.id).expect("it is there"))
    }

    pub(super) fn server(&self) -> ServerId {
        self.record().ready_servers().next().expect("one is ready").id.clone()
    }

    /// A new Lifeboat on the same store, which finds `alive` running.
    pub(super) fn restarted(self, alive: &[ServerId]) -> Self {
        let runtime = Fake::new();
        runtime.state().left_behind.extend(alive.iter().cloned());
        let parts = parts(&self.store, &self.feed, &self.mods, &runtime, &self.clock, self.policy);
        Self { runtime, reconciler: Reconciler::new(parts), ..self }
    }

    pub(super) async fn stored(&self) -> Deployment {
        let stored = round::read(&self.reconciler.parts, &self.id).await.unwrap();
        stored.expect("it is there").deployment
    }
}

fn world(deployment: &DeploymentId) -> World {
    let spec = json!({
        "name": "Main Stage", "description": "", "labels": {},
        "build": { "mod": "plaza", "modVersion": "1.0.0", "contentVersion": "2026.11.1",
                   "baseVersion": 38, "map": "garden" },
        "scale": { "profile": "Capacity500" }, "durationMinutes": 180,
        "access": { "public": true, "guests": true, "groups": [] },
        "streaming": { "launchMode": "same-tab" }, "settings": {}
    });
    World {
        id: WorldId::from_unique("main"),
        spec: serde_json::from_value(spec).unwrap(),
        standby_for: None,
        standby: None,
        mirror: false,
        deployment: Some(deployment.clone()),
        created_at: Timestamp::default(),
    }
}

fn parts(
    store: &MemoryStore,
    feed: &Arc<Feed>,
    mods: &Arc<Mods>,
    runtime: &Arc<Fake>,
    clock: &Arc<AtomicI64>,
    policy: RestartPolicy,
) -> Parts {
    let clock = Arc::clone(clock);
    Parts {
        store: Arc::new(store.clone()),
        feed: Arc::clone(feed),
        writer: Writer::new(Arc::new(store.clone()), Arc::clone(feed), wall_clock),
        runtime: Arc::<Fake>::clone(runtime),
        mods: Arc::clone(mods),
        advertise_host: "games.example".into(),
        data: std::env::temp_dir(),
        policy: Policy::new(policy),
        now: Box::new(move || Timestamp::from_ms(clock.load(Ordering::Relaxed))),
        confirm: Box::new(|_| {}),
    }
}
