//! A desk with a main world and a standby, and shorthand for what happens to it.

use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::access::Identity;
use lifeboat_core::catalog::{Catalog, CatalogChange, LiveEntry};
use lifeboat_core::deployment::{Deployment, Server, ServerPhase};
use lifeboat_core::failover::{Begun, Counts, FailoverRecord, Kind, NewRecord, Trigger};
use lifeboat_core::ids::{DeploymentId, FailoverId, ServerId, WorldId};
use lifeboat_core::limits::SESSION_TOKEN_TTL;
use lifeboat_core::live_config::LiveConfig;
use lifeboat_core::phase::Phase;
use lifeboat_core::route::Refusal;
use lifeboat_core::ticket::{Claims, SESSION_AUDIENCE};
use lifeboat_core::time::Timestamp;
use lifeboat_core::world::World;
use lifeboat_protocol::frame::{ClientFrame, ClientState, Rejoin, ServerFrame};
use lifeboat_protocol::join::ClientInfo;
use serde_json::json;

use super::super::*;

pub(super) const START: Timestamp = Timestamp::from_ms(1_000_000);

pub(super) fn world(name: &str) -> WorldId {
    WorldId::from_unique(name)
}

struct EverythingVisible;

impl PlayerView for EverythingVisible {
    fn of(&self, catalog: &Catalog, world: &WorldId) -> LiveConfig {
        let live = catalog.live(world);
        let project = live.map_or_else(Default::default, |live| live.config.project.clone());
        LiveConfig { project, ..LiveConfig::default() }
    }
}

pub(super) struct Fixture {
    pub(super) desk: Desk,
    pub(super) now: Timestamp,
    tokens: u32,
    conns: u32,
}

/// A client as the desk sees it: its newest claims and, while it has one, its channel.
#[derive(Debug, Clone)]
pub(super) struct Player {
    pub(super) claims: Claims,
    pub(super) key: usize,
    pub(super) conn: ConnRef,
    pub(super) rejoin: Option<Rejoin>,
}

impl Fixture {
    /// Somebody kicks a session.
    pub(super) fn kick(&mut self, session: &SessionId) -> Vec<Effect> {
        let until = self.now + Duration::from_hours(30);
        self.change(vec![CatalogChange::Kicked(session.clone(), Some(until))])
    }

    /// Main and standby, Active, with 100 seats and 10 joins a second each.
    pub(super) fn new() -> Self {
        let changes = [active("main", "main"), active("standby", "standby")].into_iter().flatten();
        let catalog = Arc::new(Catalog::default().with(1, changes));
        let desk = Desk::new(catalog, Arc::new(EverythingVisible));
        Self { desk, now: START, tokens: 0, conns: 0 }
    }

    pub(super) fn change(&mut self, changes: Vec<CatalogChange>) -> Vec<Effect> {
        let revision = self.desk.catalog().revision + 1;
        let next = Arc::new(self.desk.catalog().with(revision, changes));
        let mut effects = Vec::new();
        self.desk.set_catalog(next, self.now, &mut |effect| effects.push(effect));
        effects
    }

    pub(super) fn pass(&mut self, span: Duration) {
        self.now = self.now + span;
    }

    pub(super) fn join(
        &mut self,
        requested: &str,
        previous: Option<&Claims>,
        accepts: &[&str],
    ) -> Result<Granted, Refusal> {
        self.join_as(None, requested, previous, accepts)
    }

    pub(super) fn join_as(
        &mut self,
        identity: Option<&Identity>,
        requested: &str,
        previous: Option<&Claims>,
        accepts: &[&str],
    ) -> Result<Granted, Refusal> {
        self.tokens += 1;
        let token = format!("{:012x}{:04}", self.now.as_ms(), self.tokens);
        let unique = self.tokens.to_string();
        let accepts = accepts.iter().map(|&word| word.to_owned()).collect();
        let client = ClientInfo { base_version: None, kind: Some("test".into()), accepts };
        let input = JoinInput {
            world: &world(requested),
            identity,
            client: &client,
            previous,
            ids: NewIds { session: &unique, guest: &unique, token: &token },
        };
        self.desk.join(&input, self.now)
    }

    pub(super) fn claims(&self, granted: &Granted) -> Claims {
        granted.claims(SESSION_AUDIENCE, self.now, SESSION_TOKEN_TTL)
    }

    pub(super) fn open(&mut self, claims: &Claims) -> Player {
        self.conns += 1;
        let conn = ConnRef { shard: 0, slot: self.conns, serial: 0 };
        match self.desk.open(claims, conn, self.now) {
            Opened::Welcome { key, hello, .. } => {
                let ServerFrame::Hello { rejoin, .. } = *hello else { panic!("no hello") };
                Player { claims: claims.clone(), key, conn, rejoin }
            }
            Opened::Refused { code, .. } => panic!("refused with {code:?}"),
        }
    }

    /// A guest who asked for `requested`, waited as told, and is in the world.
    pub(super) fn enter(&mut self, requested: &str, accepts: &[&str]) -> Player {
        let granted = loop {
            match self.join(requested, None, accepts) {
                Ok(granted) => break granted,
                Err(refusal) => self.pass(refusal.retry_after.expect("not for good")),
            }
        };
        let claims = self.claims(&granted);
        let player = self.open(&claims);
        self.say_in_world(&player);
        player
    }

    pub(super) fn say_in_world(&mut self, player: &Player) {
        let frame = ClientFrame::State {
            state: ClientState::InWorld,
            world: None,
            server: None,
            cause: None,
            since_ms: None,
        };
        self.desk.frame(player.key, player.conn, frame, self.now);
    }

    /// The failover in one revision: override, counter and record.
    pub(super) fn fail_over(&mut self, counter: u64, rate: f64) -> Vec<Effect> {
        let record = record("1", "main", "standby", counter, rate);
        let id = record.id.clone();
        self.change(vec![
            live("main", "wld_standby", counter, 0),
            CatalogChange::Failover(id, Some(record)),
        ])
    }

    pub(super) fn counts(&self, failover: &str) -> Counts {
        self.desk.progress(&FailoverId::from_unique(failover)).expect("is watched").counts
    }
}

pub(super) fn active(name: &str, deployment: &str) -> Vec<CatalogChange> {
    let spec = json!({
        "name": name, "description": "", "labels": {},
        "build": { "mod": "plaza", "modVersion": "1.0.0", "contentVersion": "2026.11.1",
                   "baseVersion": 38, "map": "plaza" },
        "scale": { "profile": "Capacity100" }, "durationMinutes": 180,
        "access": { "public": true, "guests": true, "groups": [] },
        "streaming": { "launchMode": "same-tab" }, "settings": {}
    });
    let id = world(name);
    let deployment_id = DeploymentId::from_unique(deployment);
    let world = World {
        id: id.clone(),
        spec: serde_json::from_value(spec).unwrap(),
        standby_for: None,
        standby: None,
        mirror: false,
        deployment: Some(deployment_id.clone()),
        created_at: START,
    };
    let deployment = Deployment {
        id: deployment_id.clone(),
        world: id.clone(),
        phase: Phase::Active,
        message: String::new(),
        build: world.spec.build.clone(),
        started_at: START,
        ends_at: START,
        ended_at: None,
        launch_context: None,
        seats: 100,
        seats_per_server: 50,
        joins_per_second_per_server: 5.0,
        servers_wanted: 2,
        servers: vec![server(&format!("{deployment}-1")), server(&format!("{deployment}-2"))],
        losses: Vec::new(),
    };
    vec![
        CatalogChange::World(id, Some(world)),
        CatalogChange::Deployment(deployment_id, Some(deployment)),
        live(name, "", 0, 0),
    ]
}

pub(super) fn server(name: &str) -> Server {
    Server {
        id: ServerId::from_unique(name),
        phase: ServerPhase::Ready,
        endpoint: Some(format!("ws://{name}/")),
        started_at: START,
        process: None,
    }
}

pub(super) fn live(name: &str, target: &str, all_clients: u64, redirected: u64) -> CatalogChange {
    let game = json!({
        "Failover": { "OverrideWorldId": target },
        "ForceDisconnect": { "AllClients": all_clients, "Redirected": redirected },
    });
    let config = LiveConfig { game: game.as_object().unwrap().clone(), ..Default::default() };
    CatalogChange::Live(world(name), Some(LiveEntry::new(1, START, String::new(), config)))
}

pub(super) fn record(
    id: &str,
    main: &str,
    target: &str,
    counter: u64,
    rate: f64,
) -> FailoverRecord {
    let begun = Begun { kind: Kind::Failover, target: world(target), counter };
    let new = NewRecord::new(world(main), begun, Trigger::Api, rate);
    let record = new.begin(FailoverId::from_unique(id), START);
    FailoverRecord { present_fixed: true, ..record }
}

/// The orders among `effects`: whom, and when they leave and ask again.
pub(super) fn orders(effects: &[Effect]) -> Vec<OrderLine> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Order { to, .. } => Some(to.clone()),
            _ => None,
        })
        .flatten()
        .collect()
}
