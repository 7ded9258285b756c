//! From the settings to a running control plane, and back.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat_core::catalog::Catalog;
use lifeboat_gateway::tokens::{KeptKeys, KeyRing, KeysUnreadable};
use lifeboat_gateway::{Gateway, OnBreak, Settings};
use lifeboat_runtime::{LocalConfig, LocalRuntime, Runtime};
use lifeboat_store::{MemoryStore, Precondition, SqliteStore, Store, StoreError, Transaction};
use rustix::fs::FlockOperation;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::alarms::Alarms;
use crate::app::{App, stopped, wall_clock};
use crate::audit;
use crate::auth::{Auth, AuthError};
use crate::automation::{self, Automation};
use crate::config::{Config, Greeting, ServersOnStop, StoreKind, Tls};
use crate::drills::{self, Drills};
use crate::events::Events;
use crate::failover;
use crate::feed::Feed;
use crate::http::idempotency::Idempotency;
use crate::http::tls::{Certificate, CertificateError};
use crate::http::{listen, router};
use crate::ids;
use crate::keyspace;
use crate::metrics::Metrics;
use crate::mods::{Mods, ModsError};
use crate::places::Places;
use crate::reconciler;
use crate::watcher;
use crate::webhooks::{self, Webhooks};
use crate::worlds;
use crate::writer::{Writer, json};

/// Why the control plane does not run.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Another one runs on the same data.
    #[error("another `lifeboat serve` runs on the data directory {}; stop it first", .0.display())]
    DataInUse(PathBuf),
    /// The data directory cannot be used.
    #[error("the data directory {} cannot be used", path.display())]
    Data {
        /// Which file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// The certificate of the TLS listener cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    OpenStore(#[from] lifeboat_store::OpenError),
    /// The store does not answer.
    #[error("the store does not answer")]
    Store(#[from] StoreError),
    /// The keys of operators or of issuers cannot be used.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The mods cannot be used.
    #[error(transparent)]
    Mods(#[from] ModsError),
    /// The keys that sign tokens are damaged.
    #[error(transparent)]
    Keys(#[from] KeysUnreadable),
    /// Session channels are not held any more as they should be.
    #[error(
        "the thread `{0}` ended by a fault of the program: start Lifeboat again, game servers run on \
         and are found again"
    )]
    Broken(String),
    /// The system does not give what is needed.
    #[error("the system does not give what is needed")]
    System(#[from] io::Error),
}

/// Runs the control plane until `shutdown` is over.
///
/// # Errors
/// [`ServeError`] when it cannot begin. Once it serves, it goes on through every trouble but the
/// end of a thread that holds session channels.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
    let lock = lock_data(&config.data)?;
    let listener = listen::bind(config.listen)
        .map_err(|source| ServeError::Listen { address: config.listen, source })?;
    let address = listener.local_addr()?;
    let secured = config.tls.clone().map(listen_secured).transpose()?;
    let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let (broken, mut breaks) = mpsc::channel(1);
    // One is enough.
    let on_break = Box::new(move |thread: &str| drop(broken.try_send(thread.to_owned())));
    let (app, first_key) =
        build(config, public_url.trim_end_matches('/').to_owned(), address, on_break).await?;
    reconciler::adopt_all(&app).await;
    failover::restore(&app).await?;
    let (stop, stopping) = watch::channel(false);
    let following = follow_store(&app);
    let mut tasks = JoinSet::new();
    spawn_tasks(&app, &stopping, &mut tasks);
    let service =
        listen::Service { router: router::build(&app), gateway: Arc::clone(&app.gateway) };
    let mut serving = JoinSet::new();
    if let Some((listener, certificate)) = secured {
        let (kept, stop) = (Arc::clone(&certificate), stopping.clone());
        tasks.spawn(async move { kept.keep(stop).await });
        let service = service.clone();
        serving.spawn(listen::serve(listener, Some(certificate), service, stopping.clone()));
    }
    serving.spawn(listen::serve(listener, None, service, stopping.clone()));
    announce(&app, address, first_key.as_deref())?;
    let broken = tokio::select! {
        () = shutdown => None,
        Some(thread) = breaks.recv() => Some(thread),
    };
    tracing::info!("stopping");
    // Nobody new comes in, those connected are told to come back, what is known is kept.
    let _ = stop.send(true);
    app.gateway.stop();
    while serving.join_next().await.is_some() {}
    while tasks.join_next().await.is_some() {}
    if broken.is_none() {
        stop_servers(&app).await;
    }
    app.runtime.detach().await;
    following.abort();
    drop(lock);
    broken.map_or(Ok(()), |thread| Err(ServeError::Broken(thread)))
}

fn listen_secured(tls: Tls) -> Result<(TcpListener, Arc<Certificate>), ServeError> {
    let address = tls.listen;
    let certificate = Certificate::load(tls)?;
    let listener =
        listen::bind(address).map_err(|source| ServeError::Listen { address, source })?;
    Ok((listener, Arc::new(certificate)))
}

async fn build(
    config: Config,
    public_url: String,
    address: SocketAddr,
    on_break: OnBreak,
) -> Result<(Arc<App>, Option<String>), ServeError> {
    let mods = Arc::new(Mods::load(config.mods.as_deref())?);
    let store: Arc<dyn Store> = match config.store {
        StoreKind::Sqlite => Arc::new(SqliteStore::open(config.data.join("lifeboat.db")).await?),
        StoreKind::Memory => Arc::new(MemoryStore::new()),
    };
    let keys = Arc::new(KeyRing::new(&signing_keys(&*store).await?)?);
    let feed = Arc::new(Feed::load(&*store).await?);
    let settings = Settings {
        shards: config.gateway_threads,
        io_uring: config.io_uring,
        session_url: format!("{}/session", public_url.replacen("http", "ws", 1)),
        on_break,
    };
    let gateway =
        Gateway::start(settings, feed.current(), Arc::clone(&mods) as Arc<_>, Arc::clone(&keys))?;
    // Game servers run on this machine and reach the control plane where it listens.
    let jwks_url = format!("http://{}/.well-known/jwks.json", reachable(address));
    let runtime = LocalRuntime::open(LocalConfig::new(config.data.join("servers"), jwks_url))?;
    let (auth, first_key) =
        Auth::load(Arc::clone(&store), keys, Arc::clone(&feed), &config).await?;
    let automation = Automation::load(&*store).await?;
    let webhooks = Webhooks::load(&*store).await?;
    let app = Arc::new(App {
        alarms: Alarms::default(),
        automation,
        drills: Drills::default(),
        webhooks,
        writer: Writer::new(Arc::clone(&store), Arc::clone(&feed), wall_clock),
        public_url,
        store,
        feed,
        gateway,
        runtime: Arc::new(runtime) as Arc<dyn Runtime>,
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
    Ok((app, first_key.map(|key| key.secret)))
}

/// An address that listens everywhere is reached at the loopback address.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            SocketAddr::from(([127, 0, 0, 1], v4.port()))
        }
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], v6.port()))
        }
        other => other,
    }
}

/// Serves each next catalog. It goes on until the very end: whoever still writes while the control
/// plane stops waits for what it wrote to be served.
fn follow_store(app: &Arc<App>) -> JoinHandle<()> {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let each = |before: &Catalog, next: &Arc<Catalog>| {
            app.gateway.set_catalog(Arc::clone(next));
            if failover::has_begun(before, next) {
                app.keep.notify_one();
            }
            app.events.catalog_changed(before, next);
        };
        app.feed.run(&*app.store, each).await;
    })
}

fn spawn_tasks(app: &Arc<App>, stopping: &watch::Receiver<bool>, tasks: &mut JoinSet<()>) {
    tasks.spawn(failover::keep_ledgers(Arc::clone(app), stopping.clone()));
    let auditing = Arc::clone(app);
    let audit = async move { audit::follow(&auditing).await };
    tasks.spawn(until_stopped(stopping.clone(), audit));
    tasks.spawn(reconciler::run(Arc::clone(app), stopping.clone()));
    tasks.spawn(watcher::run(Arc::clone(app), stopping.clone()));
    tasks.spawn(failover::end_waits(Arc::clone(app), stopping.clone()));
    tasks.spawn(failover::date_outages(Arc::clone(app), stopping.clone()));
    tasks.spawn(webhooks::run(Arc::clone(app), stopping.clone()));
    tasks.spawn(automation::run(Arc::clone(app), stopping.clone()));
    tasks.spawn(until_stopped(stopping.clone(), drills::recover(Arc::clone(app))));
    tasks.spawn(worlds::mirror(Arc::clone(app), stopping.clone()));
}

/// Work that is dropped where it stands when the control plane stops.
async fn until_stopped(mut stop: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = stopped(&mut stop) => {}
    }
}

async fn stop_servers(app: &App) {
    if app.config.servers_on_stop == ServersOnStop::Stop {
        let grace = lifeboat_core::limits::STOP_GRACE;
        let servers = app.runtime.observe();
        let stops = servers.iter().map(|one| app.runtime.stop(&one.started.server, grace));
        for (outcome, one) in futures::future::join_all(stops).await.iter().zip(&servers) {
            if let Err(error) = outcome {
                tracing::warn!(server.id = %one.started.server, %error, "a server is left running");
            }
        }
    }
}

/// The keys that sign tokens, made at the first start.
async fn signing_keys(store: &dyn Store) -> Result<KeptKeys, ServeError> {
    loop {
        if let Some(kept) = store.read(keyspace::SIGNING_KEYS).await? {
            return Ok(serde_json::from_slice(&kept.value).map_err(|_| KeysUnreadable)?);
        }
        let keys = KeptKeys::new(ids::seed(), wall_clock());
        let transaction = Transaction::new()
            .require(Precondition::absent(keyspace::SIGNING_KEYS))
            .put(keyspace::SIGNING_KEYS, json(&keys));
        // Whoever was first, the next look finds them.
        let _ = store.commit(transaction).await?;
    }
}

/// Makes the data directory and takes it for this process alone.
fn lock_data(path: &Path) -> Result<File, ServeError> {
    let failed = |path: PathBuf| move |source| ServeError::Data { path, source };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed(path.to_owned()))?;
    let file = path.join("lock");
    let lock = fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(&file)
        .map_err(failed(file.clone()))?;
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(ServeError::DataInUse(path.to_owned())),
        Err(errno) => Err(ServeError::Data { path: file, source: errno.into() }),
    }
}

/// Leaves the address where tools on this machine find it, and greets.
fn announce(app: &App, address: SocketAddr, first_key: Option<&str>) -> Result<(), ServeError> {
    let path = app.config.data.join("url");
    leave(&path, &format!("http://{}", reachable(address)))
        .map_err(|source| ServeError::Data { path, source })?;
    tracing::info!(url = %app.public_url, "serving");
    if app.config.greeting == Greeting::Silent {
        return Ok(());
    }
    let mut greeting = format!("Lifeboat serves at {}\n", app.public_url);
    if let Some(secret) = first_key {
        let kept = app.config.data.join("admin.key");
        greeting += &format!(
            "The admin key, shown this once: {secret}\nIt is kept in {} too.\n",
            kept.display()
        );
    }
    // Where nobody can read it, as on a full disk, it serves all the same.
    let _ = io::stdout().write_all(greeting.as_bytes());
    Ok(())
}

/// Writes a file whole or not at all, and not if it says so already: a disk may be full.
fn leave(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    let draft = path.with_extension("draft");
    fs::write(&draft, text)?;
    fs::rename(draft, path)
}
