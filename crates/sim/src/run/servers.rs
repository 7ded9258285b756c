//! Game servers, who is on them, and what becomes of them.

use std::collections::BTreeMap;
use std::time::Duration;

use lifeboat_core::catalog::{Catalog, CatalogChange};
use lifeboat_core::deployment::{Deployment, ServerPhase};
use lifeboat_core::ids::{DeploymentId, ServerId, SessionId, WorldId};

use super::Simulation;
use crate::event::{Event, PlayId};
use crate::setup;

/// How soon the end of a process is noticed.
const END_NOTICED: Duration = Duration::from_secs(2);
/// How soon missed health calls are noticed.
const HANG_NOTICED: Duration = Duration::from_secs(20);
/// How long a replacement takes to be ready.
const REPLACEMENT: Duration = Duration::from_secs(4);

/// Whether a server's process does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Up,
    Hung,
    Dead,
}

/// One game-server process.
pub(super) struct GameServer {
    pub(super) world: WorldId,
    pub(super) deployment: DeploymentId,
    pub(super) life: Life,
    /// The counter that it was told.
    pub(super) counter: u64,
    pub(super) players: BTreeMap<SessionId, PlayId>,
}

impl GameServer {
    pub(super) fn new(deployment: &Deployment) -> Self {
        Self {
            world: deployment.world.clone(),
            deployment: deployment.id.clone(),
            life: Life::Up,
            counter: 0,
            players: BTreeMap::new(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.life == Life::Up
    }
}

impl Simulation {
    pub(super) fn kill_server(&mut self, id: &ServerId) {
        let Some(server) = self.servers.get_mut(id) else { return };
        if server.life == Life::Dead {
            return;
        }
        server.life = Life::Dead;
        let players: Vec<PlayId> = std::mem::take(&mut server.players).into_values().collect();
        self.note(format_args!("{id}: killed, with {} people", players.len()));
        for play in players {
            self.lose_play(play);
        }
        let noticed = self.random.span_ms(100, 2_000).min(END_NOTICED);
        self.plan(noticed, Event::Noticed(id.clone()));
    }

    pub(super) fn hang_server(&mut self, id: &ServerId, wakes_after: Option<Duration>) {
        let Some(server) = self.servers.get_mut(id).filter(|one| one.life == Life::Up) else {
            return;
        };
        server.life = Life::Hung;
        self.note(format_args!("{id}: hangs"));
        self.plan(HANG_NOTICED, Event::Noticed(id.clone()));
        if let Some(after) = wakes_after {
            self.plan(after, Event::Awake(id.clone()));
        }
    }

    pub(super) fn awake(&mut self, id: &ServerId) {
        let Some(server) = self.servers.get_mut(id).filter(|one| one.life == Life::Hung) else {
            return;
        };
        server.life = Life::Up;
        let world = server.world.clone();
        self.note(format_args!("{id}: goes on"));
        // It reads the counter from the stream that waited for it, if the node runs.
        if let Some(desk) = &self.node.desk {
            let counter = desk.catalog().all_clients(&world);
            let delay = self.random.span_ms(1, 500);
            self.plan(delay, Event::Counter(id.clone(), counter));
        }
    }

    /// The runtime sees that a server is gone or hangs: it is cleared away and replaced.
    pub(super) fn noticed(&mut self, id: &ServerId) {
        let Some(server) = self.servers.get(id).filter(|one| one.life != Life::Up) else {
            return;
        };
        if self.node.desk.is_none() {
            // Noticed again when the node is back.
            return;
        }
        let deployment = server.deployment.clone();
        if server.life == Life::Hung {
            self.kill_server(id);
        }
        let mut known = self.store.deployment(&deployment).clone();
        let was_known = known.servers.iter().any(|one| &one.id == id);
        if !was_known {
            return;
        }
        known.servers.retain(|one| &one.id != id);
        self.note(format_args!("node: {id} is lost"));
        self.commit(vec![CatalogChange::Deployment(deployment, Some(known))]);
        self.plan(REPLACEMENT, Event::Replaced(id.clone()));
    }

    pub(super) fn replaced(&mut self, lost: &ServerId) {
        if self.node.desk.is_none() {
            return self.plan(Duration::from_secs(1), Event::Replaced(lost.clone()));
        }
        let Some(server) = self.servers.get(lost) else { return };
        let mut deployment = self.store.deployment(&server.deployment).clone();
        let number = self.servers.len();
        let new = setup::server(&format!("new-{number}"));
        self.note(format_args!("node: {} stands in for {lost}", new.id));
        let id = new.id.clone();
        let mut game = GameServer::new(&deployment);
        game.counter = self.store.live(&deployment.world).game.force_disconnect.all_clients;
        self.servers.insert(id, game);
        deployment.servers.push(new);
        self.commit(vec![CatalogChange::Deployment(deployment.id.clone(), Some(deployment))]);
    }

    /// A node that starts looks at the processes that it finds.
    pub(super) fn catch_up_on_servers(&mut self) {
        let listed = self.store.deployments().flat_map(|one| &one.servers);
        let gone: Vec<ServerId> = listed
            .filter(|one| one.phase == ServerPhase::Ready)
            .filter(|one| self.servers.get(&one.id).is_none_or(|game| !game.is_up()))
            .map(|one| one.id.clone())
            .collect();
        for id in gone {
            let is_hung = self.servers.get(&id).is_some_and(|game| game.life == Life::Hung);
            let after = if is_hung { HANG_NOTICED } else { END_NOTICED };
            self.plan(after, Event::Noticed(id));
        }
    }

    /// Tells the servers the counters of a catalog.
    pub(super) fn tell_counters(&mut self, catalog: &Catalog) {
        let behind: Vec<(ServerId, u64)> = self
            .servers
            .iter()
            .map(|(id, server)| (id, server, catalog.all_clients(&server.world)))
            .filter(|(_, server, counter)| server.is_up() && server.counter < *counter)
            .map(|(id, _, counter)| (id.clone(), counter))
            .collect();
        for (id, counter) in behind {
            let delay = self.random.span_ms(1, 300);
            self.plan(delay, Event::Counter(id, counter));
        }
    }

    /// A server learns the counter: whoever has a ticket from before is dropped.
    pub(super) fn counter(&mut self, id: &ServerId, counter: u64) {
        let Some(server) = self.servers.get_mut(id).filter(|one| one.is_up()) else { return };
        if counter <= server.counter {
            return;
        }
        server.counter = counter;
        let players = std::mem::take(&mut server.players);
        let (kept, dropped): (BTreeMap<_, _>, BTreeMap<_, _>) = players
            .into_iter()
            .partition(|(_, play)| self.plays[*play].claims.generation >= counter);
        server.players = kept;
        self.note(format_args!("{id}: counter {counter}, drops {}", dropped.len()));
        for play in dropped.into_values() {
            self.lose_play(play);
        }
    }
}
