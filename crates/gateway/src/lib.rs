//! Sessions: who is where, the channels to them, fan-out, pacing and the landing ledgers.
//!
//! [`desk::Desk`] decides everything and does no IO: calls go in with the time, [`desk::Effect`]s
//! come out. Around it, [`Gateway`] carries the effects out over the session channels' sockets and
//! signs with a [`tokens::KeyRing`] what the desk grants.

pub mod desk;
mod gateway;
mod socket;
pub mod tokens;

pub use gateway::{Gateway, OnBreak, Settings};
pub use socket::{Secrecy, Upgraded};
