//! Plaza, the reference world: a real multi-user server over WebSocket. People have a name and a
//! place, see each other move, chat and leave. It is what demos, drills and the browser client run
//! on, and the example for whoever writes a game server for Lifeboat.
//!
//! The simulation ([`world`]), the check of tickets ([`door`]) and the allowances are pure; the
//! sockets around them are thin. The wire protocol is described in `docs/plaza.md`.

pub mod connection;
pub mod door;
pub mod keys;
pub mod limits;
pub mod mailbox;
pub mod map;
pub mod pace;
pub mod report;
pub mod room;
pub mod sdk;
pub mod server;
pub mod settings;
pub mod stage;
pub mod wire;
pub mod world;

pub use server::{Plaza, PlazaError, run};
pub use settings::{PlazaSettings, SettingInvalid};
