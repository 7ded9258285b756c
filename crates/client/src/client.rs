//! One client for a game: its settings, and the handle by which the game looks on and leaves.

use std::sync::Arc;

use http::HeaderValue;
use lifeboat_core::ids::WorldId;
use lifeboat_core::live_config::LiveConfig;
use lifeboat_core::time::Timestamp;
use lifeboat_core::version::BaseVersion;
use lifeboat_protocol::client::Status;
use lifeboat_protocol::join::{ACCEPTS_PLACEMENT, ClientInfo};
use serde_json::{Map, Value};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::base_url::BaseUrl;
use crate::clock::Clock;
use crate::driver::{Driver, Order, Ticketing};
use crate::game::GameConnector;
use crate::http::Http;
use crate::limits::{FAREWELL_TIMEOUT, MESSAGES_KEPT_MAX};
use crate::live_values;
use crate::observer::{Observer, Progress, Sight};

/// How a client joins.
///
/// ```
/// use lifeboat_client::ClientSettings;
///
/// let base_url = "http://127.0.0.1:7400".parse()?;
/// let settings = ClientSettings::new(base_url, "wld_main".parse()?).base_version(38);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClientSettings {
    base_url: BaseUrl,
    world: WorldId,
    bearer: Option<HeaderValue>,
    client: ClientInfo,
    seed: Option<u64>,
}

impl ClientSettings {
    /// A guest of `world` that can be moved over the session channel.
    #[must_use]
    pub fn new(base_url: BaseUrl, world: WorldId) -> Self {
        let client = ClientInfo {
            base_version: None,
            kind: Some("native".to_owned()),
            accepts: vec![ACCEPTS_PLACEMENT.to_owned()],
        };
        Self { base_url, world, bearer: None, client, seed: None }
    }

    /// Joins as the player of this JWT. While it is refused, such as when it has expired, the
    /// client waits with the code `unauthorized` and asks again. A text that no header can carry
    /// counts as no token of anybody's, and is refused by the server.
    #[must_use]
    pub fn token(mut self, jwt: &str) -> Self {
        self.bearer = Some(bearer(jwt));
        self
    }

    /// Says of which base version the client is.
    #[must_use]
    pub fn base_version(mut self, number: u32) -> Self {
        self.client.base_version = Some(BaseVersion::new(number));
        self
    }

    /// Says what the client is, in a word such as `native` (the default) or `bot`.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        self.client.kind = Some(kind.to_owned());
        self
    }

    /// Asks for every placement, rather than taking it over the session channel. There is no reason
    /// for it but to be tested.
    #[must_use]
    pub fn without_placement(mut self) -> Self {
        self.client.accepts.clear();
        self
    }

    /// Decides all jitter by this number, for tests.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

/// The header of a player's token.
pub(crate) fn bearer(jwt: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(&format!("Bearer {jwt}"))
        .unwrap_or_else(|_| HeaderValue::from_static("Bearer invalid"));
    value.set_sensitive(true);
    value
}

/// A running client. Dropping it closes all connections without a word to Lifeboat, which holds the
/// player's seat for five minutes; [`Client::leave`] gives it back.
#[derive(Debug)]
pub struct Client {
    status: watch::Receiver<Status>,
    live_config: watch::Receiver<Arc<LiveConfig>>,
    progress: watch::Receiver<Option<Progress>>,
    messages: broadcast::Sender<Arc<str>>,
    orders: watch::Sender<Order>,
    task: JoinHandle<()>,
}

impl Client {
    /// Joins, and keeps the player in the world from then on.
    ///
    /// # Panics
    /// When it is called outside a tokio runtime.
    #[must_use]
    pub fn connect(settings: ClientSettings, game: impl GameConnector) -> Self {
        let (orders, order) = watch::channel(Order::Stay);
        let (status_tx, status) = watch::channel(Status::Joining);
        let (live_config_tx, live_config) = watch::channel(Arc::default());
        let (progress_tx, progress) = watch::channel(None);
        let (messages, _) = broadcast::channel(MESSAGES_KEPT_MAX);
        let screen = Screen {
            status: status_tx,
            live_config: live_config_tx,
            progress: progress_tx,
            messages: messages.clone(),
        };
        let ticketing = Ticketing {
            http: Arc::new(Http::new()),
            uri: settings.base_url.join(&settings.world),
            bearer: settings.bearer,
        };
        let seed = settings.seed.unwrap_or_else(rand::random);
        let timing = (Clock::start(), seed);
        let driver = Driver::new(ticketing, settings.client, game, screen, timing);
        let task = tokio::spawn(driver.run(order));
        Self { status, live_config, progress, messages, orders, task }
    }

    /// Where the player is, now and from now on. [`Status::Refused`] and [`Status::Ended`] are
    /// final.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// The live config that players may see, whole, at each change; empty until Lifeboat said it.
    #[must_use]
    pub fn live_config(&self) -> watch::Receiver<Arc<LiveConfig>> {
        self.live_config.clone()
    }

    /// How far the failover is that the player waits in, at most once a second; none before the
    /// first, and what was said last once the player is in.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Option<Progress>> {
        self.progress.clone()
    }

    /// The messages to the player from now on, to be shown as text. A reader that does not keep up
    /// misses the oldest.
    #[must_use]
    pub fn messages(&self) -> broadcast::Receiver<Arc<str>> {
        self.messages.subscribe()
    }

    /// Leaves for good, and gives the seat back. Returns once that is said, at the latest after a
    /// few seconds.
    pub async fn leave(mut self) {
        self.orders.send_replace(Order::Leave);
        // The task itself bounds its farewell; this bound is for a game that does not yield.
        let _ = timeout(2 * FAREWELL_TIMEOUT, &mut self.task).await;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Shows a client's doings to its owner.
struct Screen {
    status: watch::Sender<Status>,
    live_config: watch::Sender<Arc<LiveConfig>>,
    progress: watch::Sender<Option<Progress>>,
    messages: broadcast::Sender<Arc<str>>,
}

impl Screen {
    fn change(&self, changes: Map<String, Value>) {
        self.live_config.send_modify(|config| live_values::apply(Arc::make_mut(config), changes));
    }
}

impl Observer for Screen {
    fn see(&mut self, sight: Sight, _: Timestamp) {
        match sight {
            Sight::Status(status) => {
                self.status.send_replace(status);
            }
            Sight::LiveConfig(changes) => self.change(changes),
            Sight::Progress(progress) => {
                self.progress.send_replace(Some(progress));
            }
            Sight::Message(text) => {
                // Nobody may be listening.
                let _ = self.messages.send(text.into());
            }
            Sight::Told | Sight::GameLost => {}
        }
    }
}
