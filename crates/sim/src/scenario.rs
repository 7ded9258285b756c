//! What a seed stands for: the crowd, the network, and who breaks or orders what and when.

use std::time::Duration;

use lifeboat_core::failover::Mode;

use crate::random::Random;
use crate::setup::WORLDS;

/// A defect that is put into a simulation, to see that the checkers find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// A restarted node has forgotten the overrides.
    RestartForgetsOverride,
    /// A restarted node has forgotten the counters.
    RestartForgetsCounters,
    /// A restarted node has forgotten the rows of its ledgers.
    RestartForgetsRows,
    /// Tokens do not say which failover placed their session.
    TokenForgetsFailover,
    /// Tokens carry the counter of the world asked for, not of the world placed in.
    TokenCarriesRequestedCounter,
    /// A join is answered as if its slot had come.
    JoinIgnoresSlot,
    /// The ledger is never told that somebody is in the world.
    ArrivalsAreLost,
    /// A client that is sent elsewhere keeps its old game connection.
    ClientStaysConnected,
}

impl Mutation {
    /// Every defect that can be planted.
    pub const ALL: [Self; 8] = [
        Self::RestartForgetsOverride,
        Self::RestartForgetsCounters,
        Self::RestartForgetsRows,
        Self::TokenForgetsFailover,
        Self::TokenCarriesRequestedCounter,
        Self::JoinIgnoresSlot,
        Self::ArrivalsAreLost,
        Self::ClientStaysConnected,
    ];
}

/// Something that breaks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// The control plane is killed and started again.
    NodeCrash { down: Duration },
    /// Every server of a world is killed.
    KillWorld(&'static str),
    /// Every server of a world hangs; some wake up later.
    HangWorld(&'static str, Option<Duration>),
    /// One server of a world is killed.
    KillServer(&'static str),
    /// A part of the clients cannot reach the control plane.
    CutFromNode { share: f64, span: Duration },
    /// A part of the clients cannot reach the game servers.
    CutFromGames { share: f64, span: Duration },
    /// A part of the session channels breaks; nobody is told.
    BreakLinks { share: f64 },
    /// A part of the clients is gone for good without a word.
    ClientsDie { share: f64 },
    /// A part of the clients says goodbye.
    ClientsLeave { share: f64 },
}

/// Something that an operator does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    FailOver {
        world: &'static str,
        mode: Mode,
        rate: Option<f64>,
        force: bool,
    },
    FailBack {
        world: &'static str,
        force: bool,
    },
    Hold,
    Resume,
    Nudge,
    Retune(f64),
    /// The override is edited by hand.
    Override {
        world: &'static str,
        to: Option<&'static str>,
    },
    /// `AllClients` is raised by hand.
    RaiseAllClients(&'static str),
    /// `Redirected` is raised by hand.
    RaiseRedirected(&'static str),
}

/// One simulation.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) clients: usize,
    /// The part of the clients that take pushed placements.
    pub(crate) pushed: f64,
    pub(crate) joins_per_second: f64,
    /// The longest delay of a message.
    pub(crate) delay_ms: u64,
    /// How probable it is that a message breaks its connection.
    pub(crate) loss: f64,
    /// When faults stop.
    pub(crate) mend_after: Duration,
    pub(crate) faults: Vec<(Duration, Fault)>,
    pub(crate) orders: Vec<(Duration, Command)>,
}

impl Scenario {
    pub(crate) fn new(random: &mut Random) -> Self {
        let mend_after = random.span_ms(120_000, 260_000);
        let mut scenario = Self {
            clients: usize::try_from(random.between(6, 36)).unwrap_or(6),
            pushed: *random.pick(&[0.0, 0.5, 0.8, 1.0]),
            joins_per_second: *random.pick(&[2.0, 5.0, 10.0, 20.0]),
            delay_ms: *random.pick(&[5, 40, 200]),
            loss: *random.pick(&[0.0, 0.0, 0.001, 0.01]),
            mend_after,
            faults: Vec::new(),
            orders: Vec::new(),
        };
        let first_at = random.span_ms(15_000, 50_000);
        scenario.plan_first_failover(random, first_at);
        let rest_ms = u64::try_from((mend_after - first_at).as_millis()).unwrap_or(0);
        for _ in 0..random.between(0, 7) {
            let at = first_at + Duration::from_millis(random.between(0, rest_ms));
            scenario.faults.push((at, fault(random)));
        }
        for _ in 0..random.between(0, 8) {
            let at = first_at + Duration::from_millis(random.between(0, rest_ms));
            scenario.orders.push((at, command(random)));
        }
        scenario
    }

    /// Main fails in some way, and an operator acts soon after.
    fn plan_first_failover(&mut self, random: &mut Random, at: Duration) {
        let fault = match random.between(0, 3) {
            0 => Some(Fault::KillWorld("main")),
            1 => Some(Fault::HangWorld("main", Some(random.span_ms(20_000, 60_000)))),
            2 => Some(Fault::HangWorld("main", None)),
            _ => None,
        };
        self.faults.extend(fault.map(|fault| (at, fault)));
        let act_at = at + random.span_ms(500, 5_000);
        if random.chance(0.8) {
            let order = fail_over(random, "main", 1.0);
            self.orders.push((act_at, order));
        } else {
            let to = Some("standby");
            self.orders.push((act_at, Command::Override { world: "main", to }));
            let raise_at = act_at + random.span_ms(200, 8_000);
            self.orders.push((raise_at, Command::RaiseAllClients("main")));
        }
        if random.chance(0.5) {
            // A crash in the middle of the first moves is what matters most.
            let crash_at = act_at + random.span_ms(0, 6_000);
            let down = random.span_ms(50, 4_000);
            self.faults.push((crash_at, Fault::NodeCrash { down }));
        }
    }
}

fn fail_over(random: &mut Random, world: &'static str, force: f64) -> Command {
    Command::FailOver {
        world,
        mode: *random.pick(&[Mode::Emergency, Mode::Emergency, Mode::Graceful]),
        rate: *random.pick(&[None, None, Some(1.0), Some(4.0)]),
        force: random.chance(force),
    }
}

fn fault(random: &mut Random) -> Fault {
    let share = *random.pick(&[0.1, 0.3, 1.0]);
    match random.between(0, 10) {
        0..=2 => Fault::NodeCrash { down: random.span_ms(50, 20_000) },
        3 => Fault::KillWorld(a_world(random)),
        4 => Fault::HangWorld(a_world(random), Some(random.span_ms(5_000, 60_000))),
        5 => Fault::KillServer(a_world(random)),
        6 | 7 => Fault::CutFromNode { share, span: random.span_ms(2_000, 120_000) },
        8 => Fault::CutFromGames { share, span: random.span_ms(2_000, 60_000) },
        9 => Fault::BreakLinks { share },
        _ if random.chance(0.5) => Fault::ClientsDie { share: 0.2 },
        _ => Fault::ClientsLeave { share: 0.2 },
    }
}

fn command(random: &mut Random) -> Command {
    let world = *random.pick(&["main", "main", "standby"]);
    match random.between(0, 15) {
        0..=2 => fail_over(random, world, 0.7),
        3..=5 => Command::FailBack { world, force: random.chance(0.7) },
        6 | 7 => Command::Hold,
        8 | 9 => Command::Resume,
        10 => Command::Nudge,
        11 => Command::Retune(*random.pick(&[0.5, 3.0, 12.0])),
        12 => {
            let to = *random.pick(&[None, Some("standby"), Some("third")]);
            Command::Override { world, to }
        }
        13 | 14 => Command::RaiseAllClients(a_world(random)),
        _ => Command::RaiseRedirected(world),
    }
}

fn a_world(random: &mut Random) -> &'static str {
    let worlds: [&'static str; 3] = WORLDS;
    random.pick::<&'static str>(&worlds)
}
