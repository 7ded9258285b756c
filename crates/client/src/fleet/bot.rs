//! What is kept of each bot while it runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lifeboat_core::time::Timestamp;
use lifeboat_protocol::client::Status;
use tokio::sync::{broadcast, watch};

use super::counts::FleetCounts;
use super::journey::{Journey, MoveFigures, Outcome, OutcomeEnd};
use crate::observer::{Observer, Sight};

/// What the bots of a fleet write down.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) counts: watch::Sender<FleetCounts>,
    pub(super) outcomes: broadcast::Sender<Outcome>,
    journeys: Mutex<Vec<Journey>>,
}

impl Ledger {
    pub(super) fn new(count: usize, outcomes_kept_max: usize) -> Self {
        // Room for each bot's way there and on, before a reader misses anything.
        let kept = (2 * count).clamp(64, outcomes_kept_max);
        Self {
            counts: watch::Sender::new(FleetCounts::planned(count)),
            outcomes: broadcast::Sender::new(kept),
            journeys: Mutex::new(vec![Journey::default(); count]),
        }
    }

    pub(super) fn journeys(&self) -> Vec<Journey> {
        self.locked().clone()
    }

    pub(crate) fn moves(&self, since: Timestamp) -> MoveFigures {
        MoveFigures::of(&self.journeys(), since)
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Journey>> {
        self.journeys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks on while one bot runs.
#[derive(Debug)]
pub(super) struct Bot {
    number: usize,
    ledger: Arc<Ledger>,
    status: Option<Status>,
    journey: Journey,
}

impl Bot {
    pub(super) fn new(number: usize, ledger: Arc<Ledger>) -> Self {
        Self { number, ledger, status: None, journey: Journey::default() }
    }

    fn show(&mut self, status: Status, now: Timestamp) {
        let was_in_world = matches!(self.status, Some(Status::InWorld { .. }));
        let end = match &status {
            Status::InWorld { world, server } => {
                self.journey.in_world_at = Some(now);
                Some(OutcomeEnd::InWorld { world: world.clone(), server: server.clone() })
            }
            Status::Refused { code } => Some(OutcomeEnd::Refused { code: *code }),
            Status::Ended { reason } => Some(OutcomeEnd::Ended { reason: *reason }),
            Status::Joining | Status::Waiting { .. } | Status::Connecting { .. } => None,
        };
        if was_in_world && end.is_none() {
            self.on_the_way().out_at.get_or_insert(now);
        }
        self.write_down();
        self.ledger.counts.send_modify(|counts| counts.shift(self.status.as_ref(), &status));
        self.status = Some(status);
        if let Some(end) = end {
            let outcome = Outcome { bot: self.number, at: now, journey: self.journey, end };
            // Nobody may be listening.
            let _ = self.ledger.outcomes.send(outcome);
        }
    }

    /// The move that it is on; a new one if the last has come to its end.
    fn on_the_way(&mut self) -> &mut Journey {
        if self.journey.in_world_at.is_some() {
            self.journey = Journey::default();
        }
        &mut self.journey
    }

    fn write_down(&self) {
        if let Some(journey) = self.ledger.locked().get_mut(self.number) {
            *journey = self.journey;
        }
    }
}

impl Observer for Bot {
    fn see(&mut self, sight: Sight, now: Timestamp) {
        match sight {
            Sight::Status(status) => self.show(status, now),
            Sight::Told => {
                self.on_the_way().told_at.get_or_insert(now);
                self.write_down();
            }
            Sight::GameLost => {
                self.on_the_way().lost_at.get_or_insert(now);
                self.write_down();
            }
            Sight::Message(_) | Sight::Progress(_) | Sight::LiveConfig(_) => {}
        }
    }
}
