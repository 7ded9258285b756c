//! The control plane: the real desk, fed by the store's watch, with what the gateway and the server
//! put around it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::catalog::{Catalog, CatalogChange, LiveEntry};
use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::{FailoverRecord, Ledger, MovePhase};
use lifeboat_core::limits::{SESSION_TOKEN_TTL, TICKET_TTL};
use lifeboat_core::live_config::{Counter, LiveConfig};
use lifeboat_core::ticket::{Claims, SESSION_AUDIENCE};
use lifeboat_core::time::Timestamp;
use lifeboat_gateway::desk::{Desk, Effect, Granted, JoinInput, NewIds, Opened, Signed};
use lifeboat_protocol::frame::{ByeReason, ClientFrame, CloseCode, ServerFrame};
use lifeboat_protocol::join::{JoinAnswer, JoinRequest};

use super::Simulation;
use super::keeper::KEEP_PERIOD;
use super::links::{conn, link_of};
use crate::event::{Event, LinkId, Outcome};
use crate::scenario::Mutation;
use crate::setup::{ProjectVisible, WORLDS, world_id};

/// How often the desk is looked at when nothing is due.
const IDLE_TICK: Duration = Duration::from_secs(1);
/// How often the servers' lists of players reach the node.
const ROLL_PERIOD: Duration = Duration::from_secs(5);

/// The control plane's process.
#[derive(Default)]
pub(super) struct Node {
    /// Which start of it this is.
    pub(super) boot: u64,
    /// What it holds in memory; none while it is down.
    pub(super) desk: Option<Desk>,
    /// Commits that the store's watch has yet to tell.
    pub(super) watch: VecDeque<(u64, Vec<CatalogChange>)>,
    /// When the desk is to be looked at.
    tick_at: Option<Timestamp>,
    pub(super) is_keeping: bool,
    tokens: u32,
}

impl Simulation {
    // --- start and end ---

    pub(super) fn boot(&mut self) {
        if self.node.desk.is_some() {
            return;
        }
        self.node = Node { boot: self.node.boot + 1, ..Node::default() };
        let boot = self.node.boot;
        self.note(format_args!("node: start {boot}"));
        let catalog = Arc::new(self.catalog_of_start());
        let mut desk = Desk::new(Arc::clone(&catalog), Arc::new(ProjectVisible));
        for record in catalog.failovers() {
            if record.phase.is_open() || record.phase == MovePhase::CompleteWithStragglers {
                let ledger = if self.mutation == Some(Mutation::RestartForgetsRows) {
                    Ledger::default()
                } else {
                    self.store.ledger(&record.id)
                };
                desk.restore_move(Arc::clone(record), ledger, self.now);
            }
        }
        if boot > 1 {
            desk.expect_returns(self.now);
        }
        self.node.desk = Some(desk);
        self.plan(ROLL_PERIOD, Event::Roll(boot));
        self.tell_counters(&catalog);
        self.catch_up_on_servers();
        self.after_desk();
    }

    fn catalog_of_start(&self) -> Catalog {
        let catalog = self.store.catalog();
        let forgotten = match self.mutation {
            Some(Mutation::RestartForgetsOverride) => "Failover",
            Some(Mutation::RestartForgetsCounters) => Counter::SECTION,
            _ => return catalog,
        };
        let changes: Vec<_> = WORLDS
            .iter()
            .filter_map(|name| {
                let id = world_id(name);
                let live = catalog.live(&id)?;
                let mut config: LiveConfig = live.config.clone();
                config.game.remove(forgotten);
                let by = live.updated_by.clone();
                let live = LiveEntry::new(live.revision, live.updated_at, by, config);
                Some(CatalogChange::Live(id, Some(live)))
            })
            .collect();
        catalog.with(catalog.revision, changes)
    }

    pub(super) fn crash(&mut self) {
        if self.node.desk.take().is_some() {
            self.note(format_args!("node: killed"));
            self.drop_links();
        }
    }

    // --- what clients ask ---

    pub(super) fn asked(
        &mut self,
        client: usize,
        attempt: u64,
        sent_at: Timestamp,
        request: &JoinRequest,
    ) {
        let outcome =
            if self.node.desk.is_some() { self.join(client, request) } else { Err((None, None)) };
        let answer_is_lost = !self.is_mended() && self.random.chance(self.scenario.loss);
        if !self.reaches_node(client) || answer_is_lost {
            return self.no_answer(client, attempt, sent_at);
        }
        let delay = self.delay();
        self.plan(delay, Event::Answered { client, attempt, outcome });
    }

    fn join(&mut self, client: usize, request: &JoinRequest) -> Outcome {
        let now = self.now;
        let previous = request.previous.as_deref().and_then(|text| self.claims(text)).cloned();
        let (unique, token) = (self.unique(), self.token());
        let world = self.hosts[client].requested.clone();
        let input = JoinInput {
            world: &world,
            identity: None,
            client: &request.client,
            previous: previous.as_ref(),
            ids: NewIds { session: &unique, guest: &unique, token: &token },
        };
        let Some(desk) = &mut self.node.desk else { return Err((None, None)) };
        if request.min_revision.is_some_and(|wanted| wanted > desk.catalog().revision) {
            return Err((Some(ErrorCode::StoreUnavailable), Some(1_000)));
        }
        let mut joined = desk.join(&input, now);
        if let Err(refusal) = joined
            && self.mutation == Some(Mutation::JoinIgnoresSlot)
            && refusal.code == ErrorCode::AdmissionPaced
        {
            joined = desk.join(&input, now + refusal.retry_after.unwrap_or_default());
        }
        let outcome = match joined {
            Ok(granted) => Ok(Box::new(self.sign(granted))),
            Err(refusal) => {
                let wait = refusal.retry_after.map(|wait| wait.as_millis());
                Err((Some(refusal.code), wait.and_then(|ms| u64::try_from(ms).ok())))
            }
        };
        match &outcome {
            Ok(answer) => self.note(format_args!(
                "node: client {client} is placed in {} on {}",
                answer.world, answer.server
            )),
            Err((code, wait)) => {
                self.note(format_args!("node: client {client} is refused: {code:?}, {wait:?} ms"));
            }
        }
        self.after_desk();
        outcome
    }

    pub(super) fn open(&mut self, link: LinkId, token: &str) {
        if self.links[link].is_broken {
            return;
        }
        if self.node.desk.is_none() {
            let delay = self.delay();
            return self.plan(delay, Event::ClosedAtClient(link, None));
        }
        self.links[link].boot = self.node.boot;
        let Some(claims) = self.claims(token).cloned() else {
            return self.checks.fail(self.now, "token", "a client has a token that nobody signed");
        };
        let Some(desk) = &mut self.node.desk else { return };
        let opened = desk.open(&claims, conn(link), self.now);
        self.opened(link, &claims, opened);
    }

    fn opened(&mut self, link: LinkId, claims: &Claims, opened: Opened) {
        let client = self.links[link].client;
        match opened {
            Opened::Welcome { key, hello, effects } => {
                if let Some(desk) = &self.node.desk {
                    self.checks.came_back(self.now, &claims.ses, desk);
                }
                self.attach(link, key);
                self.note(format_args!("node: client {client} opens channel {link}: {hello:?}"));
                self.send_to_client(link, *hello);
                self.carry_out(effects);
            }
            Opened::Refused { bye, code } => {
                self.note(format_args!("node: channel {link} of client {client}: {code:?}"));
                self.close_at_client(link, bye, code.number());
            }
        }
        self.after_desk();
    }

    pub(super) fn frame_came(&mut self, link: LinkId, frame: ClientFrame) {
        let is_lost = self.mutation == Some(Mutation::ArrivalsAreLost)
            && matches!(frame, ClientFrame::State { .. });
        let client = self.links[link].client;
        self.note(format_args!("node: client {client} says over channel {link}: {frame:?}"));
        if let ClientFrame::Reopen { session_token } = &frame {
            return self.reopen(link, session_token);
        }
        let (Some(key), Some(desk)) = (self.links[link].key, &mut self.node.desk) else { return };
        if !is_lost {
            desk.frame(key, conn(link), frame, self.now);
        }
        self.after_desk();
    }

    fn reopen(&mut self, link: LinkId, token: &str) {
        let Some(claims) = self.claims(token).cloned() else {
            return self.checks.fail(self.now, "token", "a client has a token that nobody signed");
        };
        let (Some(key), Some(desk)) = (self.links[link].key, &mut self.node.desk) else { return };
        match desk.reopen(key, conn(link), &claims, conn(link), self.now) {
            Some(opened) => self.opened(link, &claims, opened),
            None => {
                let what = "a channel is reopened for another session";
                self.checks.fail(self.now, "token", what);
            }
        }
    }

    pub(super) fn closed_at_node(&mut self, link: LinkId) {
        if self.links[link].boot != self.node.boot {
            return;
        }
        self.links[link].is_broken = true;
        let (Some(key), Some(desk)) = (self.links[link].key.take(), &mut self.node.desk) else {
            return;
        };
        desk.closed(key, conn(link), self.now);
        self.after_desk();
    }

    // --- what the desk wants done ---

    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Broadcast { to, text } => {
                    let frame: Option<ServerFrame> = serde_json::from_slice(&text).ok();
                    for (conn, frame) in to.into_iter().zip(std::iter::repeat(frame)) {
                        if let Some(frame) = frame {
                            self.send_to_client(link_of(conn), frame);
                        }
                    }
                }
                Effect::Order { template, to, values } => {
                    let values: Option<ServerFrame> =
                        values.and_then(|text| serde_json::from_slice(&text).ok());
                    let mut told = Vec::new();
                    for line in to {
                        let mut text = String::new();
                        template.write(&line, &mut text);
                        let Ok(frame) = serde_json::from_str(&text) else { continue };
                        if self.send_to_client(link_of(line.conn), frame) {
                            told.push(line.key);
                        }
                        if let Some(values) = values.clone() {
                            self.send_to_client(link_of(line.conn), values);
                        }
                    }
                    if let (Some(failover), Some(desk)) = (&template.failover, &mut self.node.desk)
                    {
                        desk.told(failover, &told, self.now);
                    }
                }
                Effect::Close { conn, text, code } => {
                    let link = link_of(conn);
                    let bye =
                        ServerFrame::Bye { reason: ByeReason::Replaced, retry_after_ms: None };
                    let last = serde_json::from_slice(&text).unwrap_or(bye);
                    self.note(format_args!("node: closes channel {link}: {code:?}"));
                    let code: CloseCode = code;
                    self.close_at_client(link, last, code.number());
                }
            }
        }
    }

    pub(super) fn tick(&mut self, boot: u64) {
        if self.node.boot != boot || self.node.tick_at.is_none_or(|at| at > self.now) {
            return;
        }
        self.node.tick_at = None;
        let Some(desk) = &mut self.node.desk else { return };
        let tick = desk.tick(self.now);
        for (conn, granted) in tick.granted {
            let link = link_of(conn);
            let client = self.links[link].client;
            let answer = self.sign(granted);
            self.note(format_args!(
                "node: client {client} is sent its place in {} on {}",
                answer.world, answer.server
            ));
            self.send_to_client(link, ServerFrame::Placement(Box::new(answer)));
        }
        self.carry_out(tick.effects);
        self.after_desk();
    }

    /// Whatever the desk was asked may have changed when it wants to be looked at.
    pub(super) fn after_desk(&mut self) {
        let Some(desk) = &self.node.desk else { return };
        let idle_at = self.now + IDLE_TICK;
        let wanted = desk.deadline().map_or(idle_at, |at| at.min(idle_at)).max(self.now);
        let boot = self.node.boot;
        if desk.has_moves() && !self.node.is_keeping {
            self.node.is_keeping = true;
            self.plan(KEEP_PERIOD, Event::Keep(boot));
        }
        if self.node.tick_at.is_none_or(|at| wanted < at) {
            self.node.tick_at = Some(wanted);
            self.queue.plan(wanted, Event::Tick(boot));
        }
        self.check_desk();
    }

    pub(super) fn roll(&mut self, boot: u64) {
        if self.node.boot != boot {
            return;
        }
        let now = self.now;
        let listed =
            self.servers.values().filter(|one| one.is_up()).flat_map(|one| one.players.keys());
        if let Some(desk) = &mut self.node.desk {
            desk.confirm(listed, now);
        }
        self.plan(ROLL_PERIOD, Event::Roll(boot));
        self.after_desk();
    }

    // --- the store's watch ---

    /// Commits, and has the watch tell this node.
    pub(super) fn commit(&mut self, changes: Vec<CatalogChange>) {
        let (revision, changes) = self.store.commit(changes);
        self.checks.committed(&changes);
        if self.node.desk.is_some() {
            self.node.watch.push_back((revision, changes));
            let delay = self.random.span_ms(0, 5);
            self.plan(delay, Event::Feed(self.node.boot));
        }
    }

    /// Has everything applied that was committed, as a write waits for before it is answered.
    pub(super) fn catch_up(&mut self) {
        while !self.node.watch.is_empty() {
            self.feed(self.node.boot);
        }
    }

    pub(super) fn feed(&mut self, boot: u64) {
        if self.node.boot != boot {
            return;
        }
        let Some((revision, changes)) = self.node.watch.pop_front() else { return };
        let Some(desk) = &mut self.node.desk else { return };
        let before = Arc::clone(desk.catalog());
        let next = Arc::new(before.with(revision, changes));
        let is_new = |record: &&Arc<FailoverRecord>| {
            record.phase.is_open() && before.failover(&record.id).is_none()
        };
        let begun: Vec<_> = next.failovers().filter(is_new).collect();
        let mut effects = Vec::new();
        desk.set_catalog(Arc::clone(&next), self.now, &mut |effect| effects.push(effect));
        begun.iter().for_each(|record| self.checks.began(&record.id, desk));
        let has_begun = !begun.is_empty();
        self.carry_out(effects);
        self.tell_counters(&next);
        self.after_desk();
        if has_begun {
            // Orders go first.
            let delay = self.random.span_ms(0, 250);
            self.plan(delay, Event::Keep(boot));
        }
    }

    // --- tokens ---

    fn sign(&mut self, granted: Granted) -> JoinAnswer {
        self.check_grant(&granted);
        let now = self.now;
        let generation = match (&self.node.desk, self.mutation) {
            (Some(desk), Some(Mutation::TokenCarriesRequestedCounter)) => {
                desk.catalog().all_clients(&granted.requested)
            }
            _ => granted.generation,
        };
        let ticket = granted.claims(granted.server.as_str(), now, TICKET_TTL);
        let mut session = granted.claims(SESSION_AUDIENCE, now, SESSION_TOKEN_TTL);
        if self.mutation == Some(Mutation::TokenForgetsFailover) {
            session.mov = None;
        }
        let signed = Signed {
            ticket: self.signed(Claims { generation, ..ticket }),
            session_token: self.signed(Claims { generation, ..session }),
            session_url: "ws://node/session".to_owned(),
        };
        Granted { generation, ..granted }.answer(signed)
    }

    fn signed(&mut self, claims: Claims) -> String {
        self.tokens.push(claims);
        (self.tokens.len() - 1).to_string()
    }

    pub(super) fn claims(&self, token: &str) -> Option<&Claims> {
        self.tokens.get(token.parse::<usize>().ok()?)
    }

    fn unique(&mut self) -> String {
        format!("{:016x}", self.random.bits())
    }

    /// The id of a new token: larger than any that this start of the node gave out before.
    fn token(&mut self) -> String {
        self.node.tokens += 1;
        format!("{:012x}{:08x}", self.now.as_ms(), self.node.tokens)
    }
}
