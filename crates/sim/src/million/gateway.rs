//! One gateway of many: a real desk, its sessions' real clients, and delays between them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lifeboat_core::catalog::{Catalog, CatalogChange, LiveEntry};
use lifeboat_core::failover::{Begun, Kind, NewRecord, Trigger};
use lifeboat_core::ids::FailoverId;
use lifeboat_core::limits::SESSION_TOKEN_TTL;
use lifeboat_core::live_config::{Audience, Counter};
use lifeboat_core::ticket::{Claims, SESSION_AUDIENCE};
use lifeboat_core::time::Timestamp;
use lifeboat_gateway::desk::{ConnRef, Desk, Effect, Granted, JoinInput, NewIds, Opened, Signed};
use lifeboat_protocol::client::{Action, Client, Input, Settings, Status};
use lifeboat_protocol::frame::{ClientFrame, ServerFrame};
use lifeboat_protocol::join::{ACCEPTS_PLACEMENT, ClientInfo, JoinAnswer, JoinRequest};
use serde_json::json;

use super::Plan;
use super::report::Part;
use crate::random::Random;
use crate::setup::{self, ProjectVisible, START, Size, world_id};

/// How long after the commit the store's watch reaches a gateway, at the longest.
const WATCH_MS_MAX: u64 = 20;
/// Time to write one order to its socket; `make bench` measures it.
const WRITE_US: u64 = 7;
/// How long a message travels.
const TRAVEL_MS: (u64, u64) = (10, 120);
/// How long a client takes from the placement to the door of the game server and in.
const CONNECT_MS: (u64, u64) = (60, 900);
/// The desk is looked at on a grid, which makes a million feasible; a real gateway is finer.
const TICK: Duration = Duration::from_millis(10);
/// How often the ledger's news is kept.
const KEEP: Duration = Duration::from_millis(100);
/// Simulated time after which it is given up.
const TIME_MAX: Duration = Duration::from_mins(5);

/// What happens at a gateway.
enum Event {
    Tick,
    Keep,
    Heard(usize, Box<ServerFrame>),
    Wake(usize),
    Asked(usize, JoinRequest),
    Answered(usize, Input),
    Open(usize, String),
    Said(usize, ClientFrame),
    InGame(usize, u32),
}

/// A client, and what its gateway knows of it.
struct Seat {
    machine: Client,
    world: u32,
    claims: Option<Claims>,
    key: usize,
    serial: u32,
    /// Game connections that were begun.
    knocks: u32,
    dark_since: Option<Timestamp>,
    landed_at: Option<Timestamp>,
}

pub(super) struct Gateway {
    plan: Plan,
    random: Random,
    now: Timestamp,
    desk: Desk,
    seats: Vec<Seat>,
    events: BinaryHeap<Reverse<(Timestamp, u64)>>,
    /// What happens at each of `events`, by its number.
    planned: Vec<Option<Event>>,
    tokens: u64,
    part: Part,
    worked: Duration,
}

fn main_name(world: u32) -> String {
    format!("main-{world:02}")
}

fn standby_name(world: u32) -> String {
    format!("standby-{world:02}")
}

impl Gateway {
    pub(super) fn new(plan: &Plan, random: Random) -> Self {
        let rules = setup::rules();
        let size = Size {
            seats: plan.people_per_world,
            servers: plan.servers_per_world,
            joins_per_second: plan.rate_per_world(),
        };
        let pair = |world| {
            let (main, standby) = (main_name(world), standby_name(world));
            let config = rules.defaults().clone();
            let mut pair =
                setup::running(&main, Some(&standby), "Capacity50000", size, config.clone());
            pair.extend(setup::running(&standby, None, "Capacity50000", size, config));
            pair
        };
        let catalog = Catalog::default().with(1, (0..plan.worlds).flat_map(pair));
        Self {
            plan: *plan,
            random,
            now: START,
            desk: Desk::new(Arc::new(catalog), Arc::new(ProjectVisible)),
            seats: Vec::new(),
            events: BinaryHeap::new(),
            planned: Vec::new(),
            tokens: 0,
            part: Part::default(),
            worked: Duration::ZERO,
        }
    }

    /// Lets everybody in, fails every main world over, and follows until all have landed.
    pub(super) fn run(mut self) -> Part {
        self.populate();
        let committed_at = self.now;
        self.now = self.now + self.random.span_ms(1, WATCH_MS_MAX);
        self.fail_over(committed_at);
        self.plan(TICK, Event::Tick);
        self.plan(KEEP, Event::Keep);
        while self.part.landed_ms.len() < self.seats.len() {
            let Some(Reverse((at, number))) = self.events.pop() else { break };
            self.now = at;
            let place = usize::try_from(number).unwrap_or(usize::MAX);
            if let Some(event) = self.planned[place].take() {
                self.step(event, committed_at);
            }
            if self.now.since(committed_at) > TIME_MAX {
                break;
            }
        }
        self.part.people = self.seats.len();
        self.part.desk_work = self.worked;
        self.part
    }

    fn plan(&mut self, after: Duration, event: Event) {
        let number = self.planned.len();
        self.planned.push(Some(event));
        self.events.push(Reverse((self.now + after, u64::try_from(number).unwrap_or(u64::MAX))));
    }

    fn travel(&mut self) -> Duration {
        self.random.span_ms(TRAVEL_MS.0, TRAVEL_MS.1)
    }

    // --- before ---

    fn populate(&mut self) {
        let share = self.plan.people_per_world / self.plan.gateways;
        for world in 0..self.plan.worlds {
            for _ in 0..share {
                let asks = self.random.chance(self.plan.asking);
                let accepts = (!asks).then(|| ACCEPTS_PLACEMENT.to_owned()).into_iter().collect();
                let kind = Some("simulated".to_owned());
                let client = ClientInfo { base_version: None, kind, accepts };
                let seat = self.seats.len();
                self.seats.push(Seat {
                    machine: Client::new(Settings { client: client.clone() }),
                    world,
                    claims: None,
                    key: 0,
                    serial: 0,
                    knocks: 0,
                    dark_since: None,
                    landed_at: None,
                });
                self.enter(seat, &client);
            }
        }
        self.events.clear();
        self.planned.clear();
        self.part = Part::default();
        self.now = self.now + Duration::from_secs(60);
    }

    /// A client that is in its world before anything fails.
    fn enter(&mut self, seat: usize, client: &ClientInfo) {
        let _ = self.seats[seat].machine.handle(Input::Start, self.now, 0.5);
        let request = JoinRequest { client: client.clone(), ..JoinRequest::default() };
        let Input::Joined { answer } = self.join(seat, &request) else { return };
        let token = answer.session_token.clone();
        let _ = self.seats[seat].machine.handle(Input::Joined { answer }, self.now, 0.5);
        if let Some(hello) = self.open(seat, &token) {
            let _ = self.seats[seat].machine.handle(Input::Frame { frame: hello }, self.now, 0.5);
        }
        let said = self.seats[seat].machine.handle(Input::GameConnected, self.now, 0.5);
        for action in said {
            if let Action::Send { frame } = action {
                self.said(seat, frame);
            }
        }
    }

    fn fail_over(&mut self, committed_at: Timestamp) {
        let rules = setup::rules();
        let before = Arc::clone(self.desk.catalog());
        let share = self.plan.rate_per_world() / f64::from(self.plan.gateways);
        let changes = (0..self.plan.worlds).flat_map(|world| {
            let (main, standby) = (world_id(&main_name(world)), world_id(&standby_name(world)));
            let patch = json!({ "game": { "Failover": { "OverrideWorldId": standby.as_str() },
                                          "ForceDisconnect": { "AllClients": 1 } } });
            let defaults = rules.defaults();
            let config = rules.patch(defaults, &patch, Audience::Support);
            let config = config.unwrap_or_else(|_| defaults.clone());
            let counter = Counter::AllClients.read(&config);
            let live = LiveEntry::new(2, committed_at, String::new(), config);
            let begun = Begun { kind: Kind::Failover, target: standby, counter };
            let new = NewRecord::new(main.clone(), begun, Trigger::Api, share);
            let id = FailoverId::from_unique(&format!("{world:02}"));
            let record = new.begin(id.clone(), committed_at);
            [CatalogChange::Live(main, Some(live)), CatalogChange::Failover(id, Some(record))]
        });
        let next = Arc::new(before.with(2, changes));
        let began = Instant::now();
        let mut effects = Vec::new();
        self.desk.set_catalog(next, self.now, &mut |effect| effects.push(effect));
        self.part.orders_work = began.elapsed();
        self.worked += began.elapsed();
        self.carry_out(effects, committed_at);
    }

    // --- while they move ---

    fn step(&mut self, event: Event, committed_at: Timestamp) {
        match event {
            Event::Tick => self.tick(),
            Event::Keep => self.keep(),
            Event::Heard(seat, frame) => self.give(seat, Input::Frame { frame: *frame }),
            Event::Wake(seat) => {
                if self.seats[seat].machine.deadline().is_some_and(|at| at <= self.now) {
                    self.give(seat, Input::Timer);
                }
            }
            Event::Asked(seat, request) => {
                self.part.joins_in += 1;
                let answer = self.join(seat, &request);
                let after = self.travel();
                self.plan(after, Event::Answered(seat, answer));
            }
            Event::Answered(seat, input) => self.give(seat, input),
            Event::Open(seat, token) => {
                self.part.channels_opened += 1;
                if let Some(hello) = self.open(seat, &token) {
                    self.send(seat, hello);
                }
            }
            Event::Said(seat, ClientFrame::Reopen { session_token }) => {
                self.part.frames_in += 1;
                if let Some(hello) = self.open(seat, &session_token) {
                    self.send(seat, hello);
                }
            }
            Event::Said(seat, frame) => {
                let arrives =
                    matches!(self.seats[seat].machine.status(), Some(Status::InWorld { .. }));
                self.part.frames_in += 1;
                self.said(seat, frame);
                if arrives {
                    self.landed(seat, committed_at);
                }
            }
            Event::InGame(seat, knock) => {
                if self.seats[seat].knocks == knock {
                    self.give(seat, Input::GameConnected);
                }
            }
        }
    }

    fn landed(&mut self, seat: usize, committed_at: Timestamp) {
        let now = self.now;
        let Some(one) = self.seats.get_mut(seat).filter(|one| one.landed_at.is_none()) else {
            return;
        };
        one.landed_at = Some(now);
        let ms = |span: Duration| u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
        self.part.landed_ms.push(ms(now.since(committed_at)));
        self.part.dark_ms.push(ms(now.since(one.dark_since.unwrap_or(committed_at))));
    }

    fn carry_out(&mut self, effects: Vec<Effect>, committed_at: Timestamp) {
        let mut written = 0;
        for effect in effects {
            let Effect::Order { template, to, .. } = effect else { continue };
            let mut told = Vec::with_capacity(to.len());
            for line in to {
                let mut text = String::new();
                template.write(&line, &mut text);
                written += 1;
                self.part.orders_out += 1;
                self.part.bytes_out += text.len();
                let Ok(frame) = serde_json::from_str(&text) else { continue };
                let waited = Duration::from_micros(written * WRITE_US);
                let after = waited + self.travel();
                let seat = usize::try_from(line.conn.slot).unwrap_or(usize::MAX);
                let told_ms = (self.now + waited).since(committed_at).as_millis();
                self.part.told_ms.push(u32::try_from(told_ms).unwrap_or(u32::MAX));
                self.plan(after, Event::Heard(seat, Box::new(frame)));
                told.push(line.key);
            }
            if let Some(failover) = &template.failover {
                self.desk.told(failover, &told, self.now);
            }
        }
    }

    fn tick(&mut self) {
        loop {
            let began = Instant::now();
            let tick = self.desk.tick(self.now);
            self.worked += began.elapsed();
            for (conn, granted) in tick.granted {
                let seat = usize::try_from(conn.slot).unwrap_or(usize::MAX);
                let answer = self.sign(seat, granted);
                self.part.placements_out += 1;
                self.send(seat, ServerFrame::Placement(Box::new(answer)));
            }
            if self.desk.deadline().is_none_or(|at| at > self.now) {
                break;
            }
        }
        self.plan(TICK, Event::Tick);
    }

    fn keep(&mut self) {
        let news = self.desk.take_news(self.now);
        for one in news {
            self.part.commits += 1;
            self.part.rows_kept += one.rows.len();
        }
        self.plan(KEEP, Event::Keep);
    }

    fn send(&mut self, seat: usize, frame: ServerFrame) {
        let after = self.travel();
        self.plan(after, Event::Heard(seat, Box::new(frame)));
    }

    // --- the desk ---

    fn join(&mut self, seat: usize, request: &JoinRequest) -> Input {
        self.tokens += 1;
        let token = format!("{:012x}{:08x}", self.now.as_ms(), self.tokens);
        let unique = format!("{:016x}", self.random.bits());
        let world = world_id(&main_name(self.seats[seat].world));
        let previous = request.previous.as_ref().and(self.seats[seat].claims.clone());
        let input = JoinInput {
            world: &world,
            identity: None,
            client: &request.client,
            previous: previous.as_ref(),
            ids: NewIds { session: &unique, guest: &unique, token: &token },
        };
        let began = Instant::now();
        let joined = self.desk.join(&input, self.now);
        self.worked += began.elapsed();
        match joined {
            Ok(granted) => Input::Joined { answer: Box::new(self.sign(seat, granted)) },
            Err(refusal) => Input::JoinFailed {
                code: Some(refusal.code),
                retry_after_ms: refusal
                    .retry_after
                    .and_then(|wait| u64::try_from(wait.as_millis()).ok()),
            },
        }
    }

    fn open(&mut self, seat: usize, _token: &str) -> Option<ServerFrame> {
        let claims = self.seats[seat].claims.clone()?;
        self.seats[seat].serial += 1;
        let conn = self.conn(seat);
        match self.desk.open(&claims, conn, self.now) {
            Opened::Welcome { key, hello, .. } => {
                self.seats[seat].key = key;
                Some(*hello)
            }
            Opened::Refused { .. } => None,
        }
    }

    fn conn(&self, seat: usize) -> ConnRef {
        let slot = u32::try_from(seat).unwrap_or(u32::MAX);
        ConnRef { shard: 0, slot, serial: self.seats[seat].serial }
    }

    fn said(&mut self, seat: usize, frame: ClientFrame) {
        let (key, conn) = (self.seats[seat].key, self.conn(seat));
        let began = Instant::now();
        self.desk.frame(key, conn, frame, self.now);
        self.worked += began.elapsed();
    }

    /// The tokens' signatures are left out; their claims are what the desk goes by.
    fn sign(&mut self, seat: usize, granted: Granted) -> JoinAnswer {
        let claims = granted.claims(SESSION_AUDIENCE, self.now, SESSION_TOKEN_TTL);
        self.seats[seat].claims = Some(claims);
        granted.answer(Signed {
            ticket: "ticket".to_owned(),
            session_token: "session".to_owned(),
            session_url: "ws://gateway/session".to_owned(),
        })
    }

    // --- the clients ---

    fn give(&mut self, seat: usize, input: Input) {
        let random = self.random.share();
        let one = &mut self.seats[seat];
        let actions = one.machine.handle(input, self.now, random);
        let deadline = one.machine.deadline();
        for action in actions {
            self.act(seat, action);
        }
        // Silence is not simulated here: only what is due while people move.
        if let Some(at) = deadline.filter(|at| at.since(self.now) < Duration::from_secs(30)) {
            self.plan(at.since(self.now), Event::Wake(seat));
        }
    }

    fn act(&mut self, seat: usize, action: Action) {
        match action {
            Action::Join { request } => {
                let after = self.travel();
                self.plan(after, Event::Asked(seat, request));
            }
            Action::OpenChannel { token, .. } => {
                let after = self.travel();
                self.plan(after, Event::Open(seat, token));
            }
            Action::Send { frame } => {
                let after = self.travel();
                self.plan(after, Event::Said(seat, frame));
            }
            Action::ConnectGame { .. } => {
                self.seats[seat].knocks += 1;
                let knock = self.seats[seat].knocks;
                let after = self.random.span_ms(CONNECT_MS.0, CONNECT_MS.1);
                self.plan(after, Event::InGame(seat, knock));
            }
            Action::DisconnectGame => {
                let now = self.now;
                self.seats[seat].dark_since.get_or_insert(now);
            }
            Action::CloseChannel
            | Action::Show { .. }
            | Action::ShowMessage { .. }
            | Action::ShowProgress { .. }
            | Action::LiveConfig { .. } => {}
        }
    }
}
