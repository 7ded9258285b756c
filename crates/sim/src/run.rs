//! One simulation: the parts, the clock, and what happens in which order.

mod clients;
mod faults;
mod keeper;
mod links;
mod node;
mod operator;
mod plays;
mod servers;
mod verdict;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::ids::ServerId;
use lifeboat_core::live_config::ConfigRules;
use lifeboat_core::ticket::Claims;
use lifeboat_core::time::Timestamp;

use crate::check::{Checks, Violation};
use crate::event::{Event, Queue};
use crate::random::Random;
use crate::scenario::{Command, Mutation, Scenario};
use crate::setup::{self, START};
use crate::store::Store;
use crate::trace::{Keep, Trace};
use clients::Host;
use links::Link;
use node::Node;
use plays::Play;
use servers::GameServer;

/// How long after faults stopped everybody has to be where they belong.
const ARRIVAL_BOUND: Duration = Duration::from_mins(6);
/// How often it is looked whether they are.
const VERDICT_PERIOD: Duration = Duration::from_secs(5);
/// Events of one simulation; more is a storm, which is a defect of its own.
const EVENTS_MAX: usize = 3_000_000;

/// What a simulation led to.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The hash of everything that happened.
    pub hash: u64,
    /// How many events there were.
    pub events: usize,
    /// How long after faults stopped everybody was where they belong.
    pub settled_after: Duration,
    /// The first rule that did not hold.
    pub violation: Option<Violation>,
    /// The trace, if it was asked for.
    pub lines: Vec<String>,
}

/// Runs the simulation of `seed`.
#[must_use]
pub fn simulate(seed: u64, mutation: Option<Mutation>, keep: Keep) -> Outcome {
    Simulation::new(seed, mutation, keep).run(seed)
}

pub(crate) struct Simulation {
    now: Timestamp,
    queue: Queue,
    random: Random,
    trace: Trace,
    scenario: Scenario,
    mutation: Option<Mutation>,
    rules: Arc<ConfigRules>,
    store: Store,
    node: Node,
    hosts: Vec<Host>,
    links: Vec<Link>,
    plays: Vec<Play>,
    servers: BTreeMap<ServerId, GameServer>,
    /// Every token that was ever signed; a token's text is its place here.
    tokens: Vec<Claims>,
    checks: Checks,
    /// Whether overrides are edited by hand.
    is_edited_by_hand: bool,
    mended_at: Option<Timestamp>,
    settled_at: Option<Timestamp>,
}

impl Simulation {
    fn new(seed: u64, mutation: Option<Mutation>, keep: Keep) -> Self {
        let mut random = Random::new(seed);
        let scenario = Scenario::new(&mut random);
        let rules = setup::rules();
        let mut store = Store::default();
        store.commit(setup::worlds(&rules, scenario.joins_per_second));
        let mut simulation = Self {
            now: START,
            queue: Queue::default(),
            random,
            trace: Trace::new(keep),
            mutation,
            rules,
            node: Node::default(),
            hosts: Vec::new(),
            links: Vec::new(),
            plays: Vec::new(),
            servers: BTreeMap::new(),
            tokens: Vec::new(),
            checks: Checks::default(),
            is_edited_by_hand: false,
            mended_at: None,
            settled_at: None,
            scenario,
            store,
        };
        simulation.prepare();
        simulation
    }

    fn prepare(&mut self) {
        let servers: Vec<_> = self
            .store
            .deployments()
            .flat_map(|one| one.servers.iter().map(|server| (server.id.clone(), one.clone())))
            .collect();
        for (id, deployment) in servers {
            self.servers.insert(id, GameServer::new(&deployment));
        }
        self.queue.plan(START, Event::Boot);
        for client in 0..self.scenario.clients {
            let host = Host::new(self.random.chance(self.scenario.pushed), &mut self.random);
            self.hosts.push(host);
            let after = self.random.span_ms(100, 20_000);
            self.queue.plan(START + after, Event::Arrive(client));
        }
        for (after, fault) in std::mem::take(&mut self.scenario.faults) {
            self.queue.plan(START + after, Event::Fault(fault));
        }
        for (after, command) in std::mem::take(&mut self.scenario.orders) {
            self.is_edited_by_hand |= matches!(command, Command::Override { .. });
            self.queue.plan(START + after, Event::Order(command));
        }
        self.queue.plan(START + self.scenario.mend_after, Event::Mend);
    }

    fn run(mut self, seed: u64) -> Outcome {
        let mut events = 0;
        while self.checks.violation().is_none() && self.settled_at.is_none() {
            let Some((at, event)) = self.queue.next() else { break };
            self.now = at;
            events += 1;
            self.step(event);
            self.check_step();
            if events > EVENTS_MAX {
                self.checks.fail(self.now, "storm", "more events than a simulation can have");
            }
        }
        let settled_after = match (self.mended_at, self.settled_at) {
            (Some(mended), Some(settled)) => settled.since(mended),
            _ => ARRIVAL_BOUND,
        };
        Outcome {
            seed,
            hash: self.trace.hash(),
            events,
            settled_after,
            violation: self.checks.take_violation(),
            lines: self.trace.into_lines(),
        }
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Arrive(client) => self.arrive(client),
            Event::Wake(client, epoch) => self.wake(client, epoch),
            Event::Asked { client, attempt, sent_at, request } => {
                self.asked(client, attempt, sent_at, &request);
            }
            Event::Answered { client, attempt, outcome } => self.answered(client, attempt, outcome),
            Event::Open(link, token) => self.open(link, &token),
            Event::Said(link, text) => self.said(link, &text),
            Event::ClosedAtNode(link) => self.closed_at_node(link),
            Event::Heard(link, frame) => self.heard(link, *frame),
            Event::ClosedAtClient(link, code) => self.closed_at_client(link, code),
            Event::Beat(link) => self.beat(link),
            Event::Tick(boot) => self.tick(boot),
            Event::Keep(boot) => self.keep(boot),
            Event::Feed(boot) => self.feed(boot),
            Event::Roll(boot) => self.roll(boot),
            Event::Boot => self.boot(),
            Event::Knock(play) => self.knock(play),
            Event::Entered(play) => self.entered(play),
            Event::GameLost(play) => self.game_lost(play),
            Event::GameLeft(play) => self.game_left(play),
            Event::Counter(server, counter) => self.counter(&server, counter),
            Event::Awake(server) => self.awake(&server),
            Event::Noticed(server) => self.noticed(&server),
            Event::Replaced(server) => self.replaced(&server),
            Event::Fault(fault) => self.fault(fault),
            Event::Order(command) => self.order(command),
            Event::Mend => self.mend(),
            Event::Verdict => self.verdict(),
        }
    }

    fn plan(&mut self, after: Duration, event: Event) {
        self.queue.plan(self.now + after, event);
    }

    fn note(&mut self, what: fmt::Arguments<'_>) {
        self.trace.note(self.now, what);
    }

    /// How long a message takes.
    fn delay(&mut self) -> Duration {
        let longest = self.scenario.delay_ms;
        self.random.span_ms(1, longest)
    }

    fn is_mended(&self) -> bool {
        self.mended_at.is_some()
    }
}
