//! The Agones SDK contract, as one game server sees it.

pub mod state;
