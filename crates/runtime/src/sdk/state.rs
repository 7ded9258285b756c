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

use std::collections::{BTreeMap, BTreeSet};
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

/// Everything that the SDK keeps of one game server and that survives a restart of Lifeboat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sdk {
    state: SdkState,
    state_before_unhealthy: Option<SdkState>,
    reserved_until: Option<Timestamp>,
    ready_at: Option<Timestamp>,
    version: u64,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    counters: BTreeMap<String, Counter>,
    lists: BTreeMap<String, List>,
}

/// Read access.
impl Sdk {
    /// The state.
    #[must_use]
    pub fn state(&self) -> SdkState {
        self.state
    }

    /// When it first said Ready (or took itself as allocated, which says the same).
    #[must_use]
    pub fn ready_at(&self) -> Option<Timestamp> {
        self.ready_at
    }

    /// When the reservation ends, if the server is reserved for a time.
    #[must_use]
    pub fn reserved_until(&self) -> Option<Timestamp> {
        self.reserved_until.filter(|_| self.state == SdkState::Reserved)
    }

    /// Grows with every change, and only then.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The labels.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// The annotations.
    #[must_use]
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> &BTreeMap<String, Counter> {
        &self.counters
    }

    /// The lists, `players` included.
    #[must_use]
    pub fn lists(&self) -> &BTreeMap<String, List> {
        &self.lists
    }

    /// The values of the list `players`.
    #[must_use]
    pub fn players(&self) -> Arc<Vec<String>> {
        self.lists.get(PLAYERS).map(|list| Arc::clone(&list.values)).unwrap_or_default()
    }

    /// One counter.
    pub fn counter(&self, name: &str) -> Result<Counter, SdkError> {
        self.counters.get(name).copied().ok_or_else(|| SdkError::unknown("counter", name))
    }

    /// One list.
    pub fn list(&self, name: &str) -> Result<&List, SdkError> {
        self.lists.get(name).ok_or_else(|| SdkError::unknown("list", name))
    }
}

/// The state and its moves.
impl Sdk {
    /// A server whose process was just started, with room for `seats` players.
    #[must_use]
    pub fn new(
        seats: u32,
        labels: BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
        counters: BTreeMap<String, Counter>,
        mut lists: BTreeMap<String, List>,
    ) -> Self {
        lists.insert(PLAYERS.into(), List::with_capacity(i64::from(seats).min(LIST_CAPACITY_MAX)));
        Self {
            state: SdkState::Scheduled,
            state_before_unhealthy: None,
            reserved_until: None,
            ready_at: None,
            version: 1,
            labels,
            annotations,
            counters,
            lists,
        }
    }

    /// The server can take players. Without effect when unhealthy or shutting down, as for every
    /// move below: in this contract a call's success is no proof of the state.
    pub fn ready(&mut self, now: Timestamp) {
        self.move_to(SdkState::Ready, None, now);
    }

    /// The server takes itself as in use.
    pub fn allocate(&mut self, now: Timestamp) {
        self.move_to(SdkState::Allocated, None, now);
    }

    /// The server is kept for `seconds`, then Ready again; 0 is for good.
    pub fn reserve(&mut self, seconds: i64, now: Timestamp) -> Result<(), SdkError> {
        let seconds = u64::try_from(seconds).map_err(|_| {
            SdkError::invalid(format!("seconds has to be 0 or more, and is {seconds}"))
        })?;
        let until = (seconds > 0).then(|| now + Duration::from_secs(seconds));
        self.move_to(SdkState::Reserved, until, now);
        Ok(())
    }

    /// The server wants to be ended.
    pub fn shutdown(&mut self) {
        if self.state != SdkState::Shutdown {
            self.state = SdkState::Shutdown;
            self.reserved_until = None;
            self.version += 1;
        }
    }

    /// Ends a reservation whose time is up.
    pub fn expire(&mut self, now: Timestamp) {
        if self.reserved_until().is_some_and(|until| until <= now) {
            self.move_to(SdkState::Ready, None, now);
        }
    }

    /// The server missed its health calls.
    pub fn mark_unhealthy(&mut self) {
        if !matches!(self.state, SdkState::Shutdown | SdkState::Unhealthy) {
            self.state_before_unhealthy = Some(self.state);
            self.state = SdkState::Unhealthy;
            self.version += 1;
        }
    }

    /// The control plane takes an unhealthy server back: its state is what it was before.
    pub fn reinstate(&mut self) {
        if self.state == SdkState::Unhealthy {
            self.state = self.state_before_unhealthy.take().unwrap_or(SdkState::Ready);
            self.version += 1;
        }
    }

    fn move_to(&mut self, to: SdkState, until: Option<Timestamp>, now: Timestamp) {
        if matches!(self.state, SdkState::Shutdown | SdkState::Unhealthy) {
            return;
        }
        if matches!(to, SdkState::Ready | SdkState::Allocated) {
            self.ready_at.get_or_insert(now);
        }
        if self.state != to || self.reserved_until != until {
            self.state = to;
            self.reserved_until = until;
            self.version += 1;
        }
    }
}

/// Labels and annotations.
impl Sdk {
    /// The server sets one of its labels; the key is prefixed.
    pub fn set_label(&mut self, name: &str, value: &str) -> Result<(), SdkError> {
        let key = server_key(name)?;
        if value.len() > LABEL_VALUE_BYTES_MAX || !(value.is_empty() || is_qualified_name(value)) {
            return Err(SdkError::invalid(format!(
                "the value of label {name} has to be at most {LABEL_VALUE_BYTES_MAX} letters, \
                 digits, `-`, `_` or `.`, and begin and end with a letter or digit"
            )));
        }
        if put(&mut self.labels, key, value)? {
            self.version += 1;
        }
        Ok(())
    }

    /// The server sets one of its annotations; the key is prefixed.
    pub fn set_own_annotation(&mut self, name: &str, value: &str) -> Result<(), SdkError> {
        let key = server_key(name)?;
        self.set_annotation(key, value)
    }

    /// Sets an annotation under the key as it is.
    pub fn set_annotation(&mut self, key: String, value: &str) -> Result<(), SdkError> {
        if value.len() > METADATA_VALUE_BYTES_MAX {
            return Err(SdkError::invalid(format!(
                "the value of annotation {key} is over {METADATA_VALUE_BYTES_MAX} bytes"
            )));
        }
        if put(&mut self.annotations, key, value)? {
            self.version += 1;
        }
        Ok(())
    }
}

/// Counters and lists.
impl Sdk {
    /// Changes a counter, as a whole or not at all.
    pub fn update_counter(
        &mut self,
        name: &str,
        update: CounterUpdate,
    ) -> Result<Counter, SdkError> {
        let counter =
            self.counters.get_mut(name).ok_or_else(|| SdkError::unknown("counter", name))?;
        let capacity = update.capacity.unwrap_or(counter.capacity);
        let count =
            update.count.unwrap_or(counter.count).checked_add(update.difference).unwrap_or(-1);
        if capacity < 0 || count < 0 || count > capacity {
            return Err(SdkError::out_of_range(format!(
                "counter {name} has to stay from 0 to its capacity of {capacity}"
            )));
        }
        let updated = Counter { count, capacity };
        if *counter != updated {
            *counter = updated;
            self.version += 1;
        }
        Ok(updated)
    }

    /// Changes a list, as a whole or not at all.
    pub fn update_list(&mut self, name: &str, update: ListUpdate) -> Result<&List, SdkError> {
        let list = self.lists.get_mut(name).ok_or_else(|| SdkError::unknown("list", name))?;
        let capacity = update.capacity.unwrap_or(list.capacity);
        if !(0..=LIST_CAPACITY_MAX).contains(&capacity) {
            return Err(SdkError::out_of_range(format!(
                "the capacity of list {name} has to be from 0 to {LIST_CAPACITY_MAX}"
            )));
        }
        let mut values = match update.values {
            Some(values) => Arc::new(unrepeated(name, values)?),
            None => Arc::clone(&list.values),
        };
        let room = usize::try_from(capacity).unwrap_or(0);
        if values.len() > room {
            Arc::make_mut(&mut values).truncate(room);
        }
        let updated = List { capacity, values };
        if *list != updated {
            *list = updated;
            self.version += 1;
        }
        Ok(list)
    }

    /// Adds a value to a list.
    pub fn add_to_list(&mut self, name: &str, value: &str) -> Result<&List, SdkError> {
        check_list_value(name, value)?;
        let list = self.lists.get_mut(name).ok_or_else(|| SdkError::unknown("list", name))?;
        if list.values.iter().any(|present| present == value) {
            return Err(SdkError::already_exists(format!("list {name} has {value} already")));
        }
        if i64::try_from(list.values.len()).unwrap_or(i64::MAX) >= list.capacity {
            return Err(SdkError::out_of_range(format!("list {name} is full")));
        }
        Arc::make_mut(&mut list.values).push(value.into());
        self.version += 1;
        Ok(list)
    }

    /// Removes a value from a list.
    pub fn remove_from_list(&mut self, name: &str, value: &str) -> Result<&List, SdkError> {
        let list = self.lists.get_mut(name).ok_or_else(|| SdkError::unknown("list", name))?;
        let Some(at) = list.values.iter().position(|present| present == value) else {
            return Err(SdkError::not_found(format!("list {name} does not have the value")));
        };
        Arc::make_mut(&mut list.values).remove(at);
        self.version += 1;
        Ok(list)
    }
}

/// The key under which a server's own label or annotation is kept.
fn server_key(name: &str) -> Result<String, SdkError> {
    if name.len() + "sdk-".len() > METADATA_NAME_BYTES_MAX || !is_qualified_name(name) {
        return Err(SdkError::invalid(format!(
            "a key has to be 1 to {} letters, digits, `-`, `_` or `.`, and begin and end with a \
             letter or digit",
            METADATA_NAME_BYTES_MAX - "sdk-".len()
        )));
    }
    Ok(format!("{METADATA_PREFIX}{name}"))
}

/// Whether a text is a name as Kubernetes takes it, its length apart.
fn is_qualified_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

/// Sets a value and says whether that changed anything.
fn put(map: &mut BTreeMap<String, String>, key: String, value: &str) -> Result<bool, SdkError> {
    if map.get(&key).is_some_and(|present| present == value) {
        return Ok(false);
    }
    if map.len() >= METADATA_ENTRIES_MAX && !map.contains_key(&key) {
        return Err(SdkError::exhausted(format!("there are {METADATA_ENTRIES_MAX} keys already")));
    }
    map.insert(key, value.into());
    Ok(true)
}

fn check_list_value(name: &str, value: &str) -> Result<(), SdkError> {
    if value.len() > LIST_VALUE_BYTES_MAX {
        return Err(SdkError::invalid(format!(
            "a value of list {name} has to be at most {LIST_VALUE_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

/// The values without repetitions, in their order.
fn unrepeated(name: &str, values: Vec<String>) -> Result<Vec<String>, SdkError> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::with_capacity(values.len());
    for value in values {
        check_list_value(name, &value)?;
        if seen.insert(value.clone()) {
            kept.push(value);
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests;
