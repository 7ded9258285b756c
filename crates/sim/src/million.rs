//! A million clients on a hundred gateways: every gateway is a real desk with ten thousand
//! sessions, every client the real machine. What is coarse is the network (delays only) and the
//! game servers (a time to connect).
//!
//! Gateways do not talk to each other while people move: each has the catalog from the watch, its
//! own sessions, and of each failover's rate the share that its sessions are. So they are
//! simulated one after another, and a million needs no more memory than ten thousand.

mod figure;
mod gateway;
mod report;

use std::time::Instant;

pub use report::Report;

use crate::random::Random;
use gateway::Gateway;

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Gateways.
    pub gateways: u32,
    /// Pairs of a main world and its standby; all main worlds fail at once.
    pub worlds: u32,
    /// People in each world.
    pub people_per_world: u32,
    /// Game servers of each world.
    pub servers_per_world: u32,
    /// What one game server takes in a second.
    pub joins_per_second_per_server: f64,
    /// The part of the clients that ask by join instead of taking a pushed placement.
    pub asking: f64,
    /// Decides every delay.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            gateways: 100,
            worlds: 20,
            people_per_world: 50_000,
            servers_per_world: 100,
            joins_per_second_per_server: 50.0,
            asking: 0.1,
            seed: 1,
        }
    }
}

impl Plan {
    /// What each world takes in a second.
    #[must_use]
    pub fn rate_per_world(&self) -> f64 {
        self.joins_per_second_per_server * f64::from(self.servers_per_world)
    }

    /// Everybody.
    #[must_use]
    pub fn people(&self) -> u64 {
        u64::from(self.worlds) * u64::from(self.people_per_world)
    }
}

/// Simulates the plan; `progress` is given a line now and then.
#[must_use]
pub fn simulate(plan: &Plan, mut progress: impl FnMut(String)) -> Report {
    let began = Instant::now();
    let mut random = Random::new(plan.seed);
    let mut report = Report::new(*plan);
    for number in 1..=plan.gateways {
        let gateway = Gateway::new(plan, Random::new(random.bits()));
        report.add(gateway.run());
        if number % 10 == 0 {
            progress(format!("{number} of {} gateways, {:?}", plan.gateways, began.elapsed()));
        }
    }
    report.took = began.elapsed();
    report
}
