//! The Rust SDK of Lifeboat: a game client that is moved to the backup world when its world fails,
//! and a fleet of bots that is made of it.
//!
//! A [`Client`] joins a world, holds the session channel to Lifeboat, keeps one connection to a
//! game server, and obeys: it leaves when it is told to, comes back when it is its turn, and goes
//! where it is sent. What it decides is decided by `lifeboat_protocol::client`, which is pure; this
//! crate has the sockets and the clock. A game brings its own connection, by [`GameConnector`]:
//!
//! ```no_run
//! use lifeboat_client::{Client, ClientSettings, Status};
//! use lifeboat_client::{Entered, GameConnector, GameEnd, GameSpot};
//!
//! struct MyGame;
//!
//! impl GameConnector for MyGame {
//!     fn connect(
//!         &mut self,
//!         spot: GameSpot,
//!         entered: Entered,
//!     ) -> impl Future<Output = GameEnd> + Send + 'static {
//!         async move {
//!             // Connect to `spot.endpoint`, show `spot.ticket`, and once the player is in:
//!             entered.now();
//!             // Play, until the connection ends. To disconnect, the client drops this future.
//!             std::future::pending().await
//!         }
//!     }
//! }
//!
//! # async fn play() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = ClientSettings::new("http://127.0.0.1:7400".parse()?, "wld_main".parse()?);
//! let client = Client::connect(settings, MyGame);
//! let mut status = client.status();
//! loop {
//!     match &*status.borrow_and_update() {
//!         Status::InWorld { world, .. } => println!("in {world}"),
//!         Status::Refused { code } => break println!("turned away: {code}"),
//!         Status::Ended { reason } => break println!("over: {reason:?}"),
//!         _ => println!("one moment, please"),
//!     }
//!     if status.changed().await.is_err() {
//!         break;
//!     }
//! }
//! client.leave().await;
//! # Ok(())
//! # }
//! ```
//!
//! [`PlazaGame`] connects to the reference world. [`Fleet`] runs thousands of such clients in one
//! process, counts where they are and times their moves; [`report`] is how a process of bots tells
//! its parent.
//!
//! The cargo feature `tls` adds `https` and `wss`.

mod base_url;
mod channel;
mod client;
mod clock;
mod driver;
mod fleet;
mod game;
mod http;
pub mod limits;
mod live_values;
mod observer;
mod plaza;
pub mod report;
mod socket;
#[cfg(feature = "tls")]
mod tls;

pub use base_url::{BaseUrl, BaseUrlInvalid};
pub use client::{Client, ClientSettings};
pub use fleet::{
    Fleet, FleetCounts, FleetError, FleetSettings, Journey, MoveFigures, Outcome, OutcomeEnd,
    TimeFigures, Tokens,
};
pub use game::{Entered, GameConnector, GameEnd, GameSpot};
pub use lifeboat_core::live_config::LiveConfig;
pub use lifeboat_protocol::client::{EndReason, Status};
pub use observer::Progress;
pub use plaza::PlazaGame;
