//! A control plane in memory for tests of handlers, asked without sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use lifeboat_core::deployment::{Deployment, Server, ServerPhase};
use lifeboat_core::ids::{ServerId, WorldId};
use lifeboat_core::phase::Phase;
use lifeboat_core::ticket::Claims;
use lifeboat_gateway::desk::{ConnRef, Opened};
use lifeboat_gateway::tokens::{KeptKeys, KeyRing};
use lifeboat_gateway::{Gateway, Settings};
use lifeboat_runtime::{LocalConfig, LocalRuntime, Runtime};
use lifeboat_store::{MemoryStore, Store, Transaction};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tower::ServiceExt as _;

use crate::app::{App, wall_clock};
use crate::auth::Auth;
use crate::config::{
    Config, Greeting, Issuer, MetricsAccess, RestartPolicy, ServersOnStop, StoreKind,
};
use crate::events::Events;
use crate::feed::Feed;
use crate::http::idempotency::Idempotency;
use crate::http::listen::Peer;
use crate::http::router;
use crate::keyspace;
use crate::metrics::Metrics;
use crate::mods::Mods;
use crate::places::Places;
use crate::writer::{Writer, json};

/// The origin that pages may join from.
pub(crate) const OTHER_ORIGIN: &str = "https://stage.example";
/// Where the control plane is reached.
pub(crate) const PUBLIC_URL: &str = "https://lifeboat.example";

/// A control plane with its first admin key.
pub(crate) struct Plane {
    pub(crate) app: Arc<App>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) admin: String,
    data: TempDir,
    issuers: Vec<Issuer>,
    follower: AbortHandle,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    /// The code of a refusal.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or("")
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.app.gateway.stop();
    }
}

impl Plane {
    /// A control plane that starts for the first time.
    pub(crate) async fn start() -> Self {
        Self::start_with(Vec::new()).await
    }

    /// The same with issuers of players' tokens.
    pub(crate) async fn start_with(issuers: Vec<Issuer>) -> Self {
        let (store, data) =
            (Arc::new(MemoryStore::new()) as Arc<dyn Store>, TempDir::new().unwrap());
        let (app, admin, follower) = build(&store, &data, &issuers).await;
        let admin = admin.expect("the first start makes a key");
        Self { app, store, admin, data, issuers, follower }
    }

    /// The same store under another process.
    pub(crate) async fn restart(&mut self) {
        self.app.gateway.stop();
        let (app, first_key, follower) = build(&self.store, &self.data, &self.issuers).await;
        assert!(first_key.is_none(), "only the first start makes a key");
        (self.app, self.follower) = (app, follower);
    }

    /// From now on nothing that is written is read back.
    pub(crate) fn stop_following(&self) {
        self.follower.abort();
    }

    fn router(&self) -> Router {
        let peer = Peer(SocketAddr::from((Ipv4Addr::LOCALHOST, 4_000)));
        router::build(&self.app).layer(axum::Extension(peer))
    }

    /// Sends a request with these headers and waits for its head.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response {
        self.router().oneshot(request).await.unwrap()
    }

    /// Sends a request and reads the whole answer. `line` is the method and the address.
    pub(crate) async fn send(
        &self,
        line: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let (method, address) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.open(request.body(body).unwrap()).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body, text }
    }

    /// The same with the admin key.
    pub(crate) async fn ask(&self, line: &str, body: Option<Value>) -> Answer {
        self.send(line, &[("x-api-key", &self.admin)], body).await
    }

    /// A world of plaza that was never launched.
    pub(crate) async fn world(&self, name: &str) -> WorldId {
        let body = serde_json::json!({ "name": name, "build": { "mod": "plaza" } });
        let made = self.ask("POST /api/worlds", Some(body)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        made.body["id"].as_str().unwrap().parse().unwrap()
    }

    /// A main world and its standby, both Active as far as the catalog tells.
    pub(crate) async fn pair(&self) -> (WorldId, WorldId) {
        let main = self.world("Main").await;
        let made = self.ask(&format!("POST /api/worlds/{main}/standby"), None).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let standby = made.body["id"].as_str().unwrap().parse().unwrap();
        self.activate(&main).await;
        self.activate(&standby).await;
        (main, standby)
    }

    /// Launches a world, and does by hand what the reconciler does with servers.
    pub(crate) async fn activate(&self, world: &WorldId) {
        let launched = self.ask(&format!("POST /api/worlds/{world}/launch"), None).await;
        assert_eq!(launched.status, StatusCode::ACCEPTED, "{}", launched.text);
        let started = self.app.catalog().current_deployment(world).unwrap().clone();
        let server = |number| Server {
            id: ServerId::from_unique(&format!("{world}{number}")),
            phase: ServerPhase::Ready,
            endpoint: Some("ws://game.example".to_owned()),
            started_at: started.started_at,
            process: None,
        };
        let servers = (0..started.servers_wanted).map(server).collect();
        let active = Deployment { phase: Phase::Active, servers, ..(*started).clone() };
        let key = keyspace::deployment(&active.id);
        let transaction = Transaction::new().put(key, json(&active));
        self.app.writer.commit_unaudited(transaction).await.unwrap();
    }

    /// A guest who asks for a world, with the channel open and no game.
    pub(crate) async fn enter(&self, world: &WorldId) {
        let line = format!("POST /api/worlds/{world}/join");
        let joined = self.send(&line, &[], Some(serde_json::json!({}))).await;
        let token = joined.body["sessionToken"].as_str().expect(&joined.text);
        let claims = token.split('.').nth(1).unwrap();
        let claims: Claims =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let conn = ConnRef { shard: 0, slot: u32::MAX, serial: 0 };
        let opened = self.app.gateway.desk().open(&claims, conn, self.app.now());
        assert!(matches!(opened, Opened::Welcome { .. }), "{opened:?}");
    }

    /// A new key: its id and secret.
    pub(crate) async fn key(&self, role: &str) -> (String, String) {
        let body = serde_json::json!({ "name": format!("a {role}"), "role": role });
        let made = self.ask("POST /api/keys", Some(body)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
        (text("id"), text("secret"))
    }
}

fn config(data: &TempDir, issuers: &[Issuer]) -> Config {
    Config {
        tls: None,
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        data: data.path().to_owned(),
        store: StoreKind::Memory,
        mods: None,
        public_url: Some(PUBLIC_URL.to_owned()),
        advertise_host: "127.0.0.1".to_owned(),
        cors_origins: vec![OTHER_ORIGIN.to_owned()],
        restart_policy: RestartPolicy::OnFailure,
        servers_on_stop: ServersOnStop::Leave,
        metrics: MetricsAccess::Viewers,
        gateway_threads: 1,
        io_uring: true,
        issuers: issuers.to_vec(),
        greeting: Greeting::Silent,
    }
}

async fn build(
    store: &Arc<dyn Store>,
    data: &TempDir,
    issuers: &[Issuer],
) -> (Arc<App>, Option<String>, AbortHandle) {
    let config = config(data, issuers);
    let mods = Arc::new(Mods::load(None).unwrap());
    let keys = Arc::new(KeyRing::new(&KeptKeys::new([7; 32], wall_clock())).unwrap());
    let feed = Arc::new(Feed::load(&**store).await.unwrap());
    let session_url = "wss://lifeboat.example/session".to_owned();
    let settings = Settings { shards: 1, io_uring: true, session_url, on_break: Box::new(|_| {}) };
    let view = Arc::clone(&mods) as Arc<_>;
    let gateway = Gateway::start(settings, feed.current(), view, Arc::clone(&keys)).unwrap();
    let servers = LocalConfig::new(data.path().join("servers"), String::new());
    let runtime = Arc::new(LocalRuntime::open(servers).unwrap()) as Arc<dyn Runtime>;
    let (auth, first_key) =
        Auth::load(Arc::clone(store), keys, Arc::clone(&feed), &config).await.unwrap();
    let app = Arc::new(App {
        drills: crate::drills::Drills::default(),
        alarms: crate::alarms::Alarms::default(),
        automation: crate::automation::Automation::default(),
        webhooks: crate::webhooks::Webhooks::default(),
        writer: Writer::new(Arc::clone(store), Arc::clone(&feed), wall_clock),
        public_url: PUBLIC_URL.to_owned(),
        store: Arc::clone(store),
        feed,
        gateway,
        runtime,
        mods,
        auth,
        events: Events::new(),
        metrics: Metrics::new(),
        idempotency: Idempotency::default(),
        places: Places::default(),
        reconcile: Notify::new(),
        keep: Notify::new(),
        config,
    });
    let follower = Arc::downgrade(&app);
    let (feed, store) = (Arc::clone(&app.feed), Arc::clone(store));
    let following = tokio::spawn(async move {
        let each = |before: &_, next: &_| {
            if let Some(app) = follower.upgrade() {
                app.gateway.set_catalog(Arc::clone(next));
                app.events.catalog_changed(before, next);
            }
        };
        feed.run(&*store, each).await;
    });
    (app, first_key.map(|key| key.secret), following.abort_handle())
}
