//! Thousands of bots in one process. Each is a whole client: the same machine, a session channel
//! and a game connection of its own; only the pool of HTTP connections is shared.

mod bot;
mod counts;
mod descriptors;
mod journey;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::ids::WorldId;
use lifeboat_core::time::Timestamp;
use lifeboat_core::version::BaseVersion;
use lifeboat_protocol::join::{ACCEPTS_PLACEMENT, ClientInfo};
use thiserror::Error;
use tokio::sync::{broadcast, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::base_url::BaseUrl;
use crate::client::bearer;
use crate::clock::Clock;
use crate::driver::{Driver, Order, Ticketing};
use crate::http::Http;
use crate::limits::OUTCOMES_KEPT_MAX;
use crate::plaza::PlazaGame;

use bot::Bot;
pub(crate) use bot::Ledger;
pub use counts::FleetCounts;
pub use journey::{Journey, MoveFigures, Outcome, OutcomeEnd, TimeFigures};

/// Gives each bot, by its number, the JWT of a player of its own.
pub type Tokens = Arc<dyn Fn(usize) -> String + Send + Sync>;

/// What a fleet is made of. Start from [`FleetSettings::new`] and change what differs.
#[derive(Clone)]
#[non_exhaustive]
pub struct FleetSettings {
    /// Where Lifeboat is.
    pub base_url: BaseUrl,
    /// The world that every bot asks for.
    pub world: WorldId,
    /// How many bots.
    pub count: usize,
    /// The span over which they come, evenly. Zero: all at once.
    pub ramp: Duration,
    /// Bots are called this and their number, such as `bot-12`. Empty: as the server names them.
    pub name_prefix: String,
    /// Whether bots walk about, or stand.
    pub walking: bool,
    /// Decides all jitter and all steps.
    pub seed: u64,
    /// Whether bots take placements over the session channel, or ask for each.
    pub accepts_placement: bool,
    /// The base version that bots say they are of.
    pub base_version: Option<BaseVersion>,
    /// The players that bots join as; none: guests. No two may be of one player, of whom Lifeboat
    /// admits one at a time.
    pub tokens: Option<Tokens>,
}

impl FleetSettings {
    /// So many bots that come at once as guests, walk about and take placements.
    #[must_use]
    pub fn new(base_url: BaseUrl, world: WorldId, count: usize) -> Self {
        Self {
            base_url,
            world,
            count,
            ramp: Duration::ZERO,
            name_prefix: String::new(),
            walking: true,
            seed: 0,
            accepts_placement: true,
            base_version: None,
            tokens: None,
        }
    }
}

impl fmt::Debug for FleetSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetSettings")
            .field("base_url", &self.base_url)
            .field("world", &self.world)
            .field("count", &self.count)
            .field("ramp", &self.ramp)
            .finish_non_exhaustive()
    }
}

/// Why a fleet does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FleetError {
    /// The process may not have so many sockets.
    #[error(
        "{count} bots need more sockets than this process may have ({descriptors} file \
         descriptors, enough for {bots_max} bots): start several processes, or raise the limit \
         (`ulimit -n`)"
    )]
    TooManyBots {
        /// How many were asked for.
        count: usize,
        /// The process's limit of file descriptors.
        descriptors: u64,
        /// How many bots that is enough for.
        bots_max: usize,
    },
}

/// A running fleet. Dropping it cuts all connections; [`Fleet::stop`] lets everybody leave.
#[derive(Debug)]
pub struct Fleet {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    orders: watch::Sender<Order>,
    keeper: JoinHandle<()>,
}

impl Fleet {
    /// Starts a fleet. The soft limit of file descriptors is raised to the hard one if need be.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use lifeboat_client::{Fleet, FleetSettings};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let base_url = "http://127.0.0.1:7400".parse()?;
    /// let mut settings = FleetSettings::new(base_url, "wld_main".parse()?, 1_000);
    /// settings.ramp = Duration::from_secs(10);
    /// let fleet = Fleet::start(settings)?;
    /// fleet.watch_counts().wait_for(|counts| counts.in_worlds() == 1_000).await?;
    /// let counts = fleet.stop(Duration::from_secs(10)).await;
    /// assert_eq!(counts.left, 1_000);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the process may not have the sockets for so many bots.
    ///
    /// # Panics
    /// When it is called outside a tokio runtime.
    pub fn start(settings: FleetSettings) -> Result<Self, FleetError> {
        descriptors::reserve(settings.count)?;
        let clock = Clock::start();
        let ledger = Arc::new(Ledger::new(settings.count, OUTCOMES_KEPT_MAX));
        let (orders, order) = watch::channel(Order::Stay);
        let barracks = Barracks::new(settings, Arc::clone(&ledger), clock);
        let keeper = tokio::spawn(barracks.keep(order));
        Ok(Self { ledger, clock, orders, keeper })
    }

    /// Where the bots are now.
    #[must_use]
    pub fn counts(&self) -> FleetCounts {
        self.ledger.counts.borrow().clone()
    }

    /// Where the bots are, now and from now on: for progress bars, and to wait for a state.
    #[must_use]
    pub fn watch_counts(&self) -> watch::Receiver<FleetCounts> {
        self.ledger.counts.subscribe()
    }

    /// What becomes of each bot from now on, one by one. A reader that does not keep up misses the
    /// oldest, and is told how many.
    #[must_use]
    pub fn outcomes(&self) -> broadcast::Receiver<Outcome> {
        self.ledger.outcomes.subscribe()
    }

    /// How the latest moves that began at or after `since` went, as the bots saw them.
    #[must_use]
    pub fn moves(&self, since: Timestamp) -> MoveFigures {
        self.ledger.moves(since)
    }

    /// The latest move of each bot, by its number; what [`Fleet::moves`] sums up.
    #[must_use]
    pub fn journeys(&self) -> Vec<Journey> {
        self.ledger.journeys()
    }

    /// The fleet's own time, which all its timestamps are of.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets everybody leave, within this time, and says where they were then. Whoever could not say
    /// that it leaves is cut off and counted where it stood.
    pub async fn stop(mut self, within: Duration) -> FleetCounts {
        let until = Instant::now() + within;
        self.orders.send_replace(Order::Leave);
        if timeout_at(until, &mut self.keeper).await.is_err() {
            tracing::warn!(seconds = within.as_secs_f64(), "not all bots left in time");
        }
        self.counts()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Where the bots come from and live.
struct Barracks {
    settings: FleetSettings,
    ticketing: Ticketing,
    client: ClientInfo,
    ledger: Arc<Ledger>,
    clock: Clock,
}

impl Barracks {
    fn new(settings: FleetSettings, ledger: Arc<Ledger>, clock: Clock) -> Self {
        let accepts = settings.accepts_placement.then(|| ACCEPTS_PLACEMENT.to_owned());
        let client = ClientInfo {
            base_version: settings.base_version,
            kind: Some("bot".to_owned()),
            accepts: accepts.into_iter().collect(),
        };
        let uri = settings.base_url.join(&settings.world);
        let ticketing = Ticketing { http: Arc::new(Http::new()), uri, bearer: None };
        Self { settings, ticketing, client, ledger, clock }
    }

    /// Lets one bot after the other come, and waits until all are gone.
    async fn keep(self, mut order: watch::Receiver<Order>) {
        let begin = Instant::now();
        let mut bots = JoinSet::new();
        let FleetSettings { count, ramp, .. } = self.settings;
        for number in 0..count {
            let come_at = begin + ramp.mul_f64(number as f64 / count as f64);
            tokio::select! {
                biased;
                _ = order.wait_for(|order| *order == Order::Leave) => break,
                () = sleep_until(come_at) => {}
            }
            bots.spawn(self.bot(number).run(order.clone()));
        }
        while bots.join_next().await.is_some() {}
    }

    fn bot(&self, number: usize) -> Driver<PlazaGame, Bot> {
        let FleetSettings { seed, walking, name_prefix, tokens, .. } = &self.settings;
        let seed = seed.wrapping_add(number as u64);
        let mut game = if *walking { PlazaGame::walking(seed) } else { PlazaGame::standing() };
        if !name_prefix.is_empty() {
            game = game.named(format!("{name_prefix}-{number}"));
        }
        let ticketing = Ticketing {
            bearer: tokens.as_ref().map(|token_of| bearer(&token_of(number))),
            ..self.ticketing.clone()
        };
        let bot = Bot::new(number, Arc::clone(&self.ledger));
        Driver::new(ticketing, self.client.clone(), game, bot, (self.clock, seed))
    }
}
