//! Who looks on while a client runs.

use lifeboat_core::time::Timestamp;
use lifeboat_protocol::client::Status;
use serde_json::{Map, Value};

/// What there is to see.
#[derive(Debug)]
pub(crate) enum Sight {
    /// Where the user is now.
    Status(Status),
    /// The server called the client away.
    Told,
    /// The game connection was lost from within the world, unordered.
    GameLost,
    /// A message to show.
    Message(String),
    /// How far the failover is that the user waits in.
    Progress(Progress),
    /// Values that changed, by JSON Pointer.
    LiveConfig(Map<String, Value>),
}

/// How far a failover is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Sessions that are over.
    pub over: u64,
    /// Sessions that were there when it began.
    pub present: u64,
}

/// Looks on. Called from the client's own task, so it must not wait.
pub(crate) trait Observer: Send + 'static {
    fn see(&mut self, sight: Sight, now: Timestamp);
}
