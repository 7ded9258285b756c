//! Sessions: who is where, the channels to them, fan-out, pacing and the landing ledgers.
//!
//! [`desk::Desk`] decides everything and does no IO: calls go in with the time, [`desk::Effect`]s
//! come out. Around it, `socket` carries the effects out over the session channels, and
//! [`tokens::KeyRing`] signs what the desk grants.

pub mod desk;
pub mod tokens;
