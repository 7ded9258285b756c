//! The session channels' sockets: a few threads, each with its own poll, its own slab of
//! connections and one read buffer for all of them. A broadcast is one pass of non-blocking writes
//! over the slab; no task is woken for a client, and no buffer is kept for one that is idle.
//!
//! See `docs/decisions/0001-socket-layer.md` for why this is not one task a connection.

mod connection;
mod mailbox;
mod shard;
mod stream;
mod websocket;

pub use mailbox::Upgraded;
pub(crate) use mailbox::{Arrival, Mailbox, Note};
pub(crate) use shard::Shard;
pub use stream::Secrecy;
