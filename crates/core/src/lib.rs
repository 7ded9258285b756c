//! The domain of Lifeboat, pure: no IO, no clock, no randomness. Whatever decides lives here, and
//! the server, the client SDK, the bots and the simulator all run the same code.

pub mod access;
pub mod catalog;
pub mod code;
pub mod deployment;
pub mod drill;
pub mod ended;
pub mod failover;
pub mod ids;
pub mod limits;
pub mod live_config;
pub mod mods;
pub mod pacing;
pub mod phase;
pub mod problem;
pub mod readiness;
pub mod reconcile;
pub mod route;
pub mod ticket;
pub mod time;
pub mod version;
pub mod world;
