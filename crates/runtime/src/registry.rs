//! Which servers are known, and which are about to be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lifeboat_core::ids::ServerId;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinHandle};

use crate::live_server::LiveServer;
use crate::supervisor::Request;

/// A watched server, or one whose end was seen. Dropping it ends the watch, not the server.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What is known of it.
    pub(crate) live: Arc<LiveServer>,
    /// To its supervisor.
    pub(crate) requests: mpsc::Sender<Request>,
    /// Its supervisor.
    pub(crate) supervisor: AbortHandle,
    /// Keeps its files; ends by itself once the endpoints are closed.
    pub(crate) keeper: Option<JoinHandle<()>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.supervisor.abort();
        self.live.close();
    }
}

#[derive(Debug, Default)]
struct Known {
    entries: BTreeMap<ServerId, Entry>,
    /// Ids whose start or adoption is under way.
    claimed: BTreeSet<ServerId>,
    /// Game ports given to a server whose start is under way.
    claimed_ports: BTreeSet<u16>,
}

/// All servers of one runtime.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    /// Held for moments only, never across an await.
    known: Arc<Mutex<Known>>,
}

impl Registry {
    /// Takes an id for a start or adoption; `None` if it is known or taken.
    pub(crate) fn claim(&self, server: &ServerId) -> Option<Claim> {
        let mut known = self.lock();
        if known.entries.contains_key(server) || !known.claimed.insert(server.clone()) {
            return None;
        }
        Some(Claim { registry: self.clone(), server: server.clone(), port: None })
    }

    /// What a function makes of one server's entry.
    pub(crate) fn with<T>(&self, server: &ServerId, look: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.lock().entries.get(server).map(look)
    }

    /// All servers, in order of id.
    pub(crate) fn servers(&self) -> Vec<Arc<LiveServer>> {
        self.lock().entries.values().map(|entry| Arc::clone(&entry.live)).collect()
    }

    /// Lets go of one server.
    pub(crate) fn remove(&self, server: &ServerId) -> Option<Entry> {
        self.lock().entries.remove(server)
    }

    /// Lets go of all servers.
    pub(crate) fn take_all(&self) -> Vec<Entry> {
        std::mem::take(&mut self.lock().entries).into_values().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Nothing that runs under the lock can leave the maps half changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to enter one server; given back when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    registry: Registry,
    server: ServerId,
    port: Option<u16>,
}

impl Claim {
    /// Takes a game port too, unless a known server has it.
    pub(crate) fn take_port(&mut self, port: u16) -> bool {
        let mut known = self.registry.lock();
        let is_given = known.entries.values().any(|entry| entry.live.record().game_port == port);
        if is_given || !known.claimed_ports.insert(port) {
            return false;
        }
        self.port = Some(port);
        true
    }

    /// Enters the server.
    pub(crate) fn enter(self, entry: Entry) {
        self.registry.lock().entries.insert(self.server.clone(), entry);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut known = self.registry.lock();
        known.claimed.remove(&self.server);
        if let Some(port) = self.port {
            known.claimed_ports.remove(&port);
        }
    }
}
