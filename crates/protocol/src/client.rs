//! The client's state machine: joins, holds the session channel, keeps one game connection, obeys
//! what the server sends. It does no IO: inputs go in, actions come out, and the caller carries
//! them out. The Rust SDK, the bots and the simulator run it; the TypeScript SDK mirrors it.
//!
//! ```text
//!            join ok              game open
//! Joining ───────────▶ Connecting ─────────▶ InWorld
//!    ▲                     ▲                    │ game lost, told to leave
//!    │ slot, retry         │ placement          ▼
//!    └─────────────────────┴──────────────── Loading        Refused and Ended are final
//! ```
//!
//! Time comes in as `now` with each input, randomness as a number below one, used for jitter.

mod action;
mod channel;
mod delay;
mod machine;
#[cfg(test)]
mod tests;

pub use action::{Action, EndReason, Input, Status};
pub use machine::{Client, Settings};
