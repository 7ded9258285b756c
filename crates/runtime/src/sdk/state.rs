//! The SDK's state of one game server: a pure state machine, told the time.
//!
//! ```text
//! Scheduled ──ready──▶ Ready ◀──ready / time up── Reserved
//!     │                 │ ▲                          ▲
//!     │             allocate ready               reserve
//!     │                 ▼ │                          │
//!     │              Allocated ──────────────────────┘
//!     │   (ready, allocate and reserve lead from each of these four to the one they name)
//!     ├──▶ Unhealthy   by missed health; left by `reinstate` (the control plane) or shutdown only
//!     └──▶ Shutdown    from everywhere; nothing leaves it
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::SdkError;
use crate::limits::{
    LABEL_VALUE_BYTES_MAX, LIST_CAPACITY_MAX, LIST_VALUE_BYTES_MAX, METADATA_ENTRIES_MAX,
    METADATA_NAME_BYTES_MAX, METADATA_VALUE_BYTES_MAX,
};

/// The list in which a server names the sessions that are present.
pub const PLAYERS: &str = "players";
/// What the keys of labels and annotations set by the server itself begin with.
pub const METADATA_PREFIX: &str = "agones.dev/sdk-";

/// The state of a game server, in the words of Agones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SdkState {
    /// Its process was started.
    Scheduled,
    /// It takes players.
    Ready,
    /// It is kept for someone, for a time or for good.
    Reserved,
    /// It is in use.
    Allocated,
    /// It missed its health calls.
    Unhealthy,
    /// It asked to be ended.
    Shutdown,
}

impl SdkState {
    /// The state's name in the SDK.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "Scheduled",
            Self::Ready => "Ready",
            Self::Reserved => "Reserved",
            Self::Allocated => "Allocated",
            Self::Unhealthy => "Unhealthy",
            Self::Shutdown => "Shutdown",
        }
    }
}

/// A counter of a game server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Its value, from 0 to the capacity.
    pub count: i64,
    /// Its largest value.
    pub capacity: i64,
}

/// A list of a game server: values without repetition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// How many values it takes.
    pub capacity: i64,
    /// The values, in the order they were added. Shared, so that a snapshot costs nothing.
    pub values: Arc<Vec<String>>,
}

impl List {
    /// An empty list.
    #[must_use]
    pub fn with_capacity(capacity: i64) -> Self {
        Self { capacity, values: Arc::default() }
    }
}

/// A change of a counter; what is `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CounterUpdate {
    /// The new capacity.
    pub capacity: Option<i64>,
    /// The new count.
    pub count: Option<i64>,
    /// To be added to the count, after `count`.
    pub difference: i64,
}

/// A change of a list; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListUpdate {
    /// The new capacity.
    pub capacity: Option<i64>,
    /// The new values; those beyond the capacity are dropped, as in Agones.
    pub values: Option<Vec<String>>,
}
