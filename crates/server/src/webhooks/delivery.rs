//! One delivery: what is sent, how often that was tried, and what came of it.

use std::time::Duration;

use lifeboat_core::limits::{
    WEBHOOK_BACKOFF, WEBHOOK_BACKOFF_MAX, WEBHOOK_DELIVERIES_KEPT_MAX, WEBHOOK_PENDING_MAX,
    WEBHOOK_TRIES_MAX,
};
use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Line;
use crate::ids;

/// What has become of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It is to be tried, or tried again.
    Pending,
    /// The receiver took it.
    Delivered,
    /// It was tried as often as allowed.
    Failed,
    /// Too many waited, and it was the oldest.
    Dropped,
}

/// A delivery as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivery {
    /// The same at every try, so that receivers can tell repetitions.
    id: String,
    event: String,
    created_at: Timestamp,
    /// What is sent, to the byte.
    body: String,
    state: State,
    tries: u32,
    last_try_at: Option<Timestamp>,
    next_try_at: Option<Timestamp>,
    status: Option<u16>,
    error: Option<String>,
}

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answered with 2xx.
    Taken(u16),
    /// Answered with something else.
    Refused(u16),
    /// Not answered; why.
    Unreachable(String),
}

impl Delivery {
    pub(super) fn new(event: &str, body: String, now: Timestamp) -> Self {
        Self {
            id: format!("msg_{}", ids::unique()),
            event: event.to_owned(),
            created_at: now,
            body,
            state: State::Pending,
            tries: 0,
            last_try_at: None,
            next_try_at: Some(now),
            status: None,
            error: None,
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn body(&self) -> &str {
        &self.body
    }

    /// The key under which it is kept, below its webhook's; in the order of time.
    pub(super) fn key(&self) -> String {
        format!("{:014}-{}", self.created_at.as_ms().max(0), self.id)
    }

    /// Whether it is to be tried, now or later.
    pub(super) fn is_pending(&self) -> bool {
        self.state == State::Pending
    }

    /// Whether it was tried, or never will be.
    pub(super) fn was_tried(&self) -> bool {
        self.tries > 0 || !self.is_pending()
    }

    /// When it is to be tried next.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        self.next_try_at.filter(|_| self.is_pending())
    }

    /// The delivery as admins see it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id, "event": self.event, "state": self.state, "createdAt": self.created_at,
            "tries": self.tries, "lastTryAt": self.last_try_at,
            "nextTryAt": self.next_try_at, "status": self.status, "error": self.error,
        })
    }

    /// Notes what came of a try. `random`, from 0 to 1, spreads the tries of many receivers.
    pub(super) fn note(&mut self, outcome: &Outcome, now: Timestamp, random: f64) {
        if !self.is_pending() {
            return;
        }
        self.tries += 1;
        self.last_try_at = Some(now);
        (self.status, self.error) = match outcome {
            Outcome::Taken(status) => (Some(*status), None),
            Outcome::Refused(status @ 300..400) => {
                (Some(*status), Some("redirects are not followed".to_owned()))
            }
            Outcome::Refused(status) => (Some(*status), Some(format!("answered {status}"))),
            Outcome::Unreachable(why) => (None, Some(why.clone())),
        };
        self.state = match outcome {
            Outcome::Taken(_) => State::Delivered,
            _ if self.tries >= WEBHOOK_TRIES_MAX => State::Failed,
            _ => State::Pending,
        };
        self.next_try_at = self.is_pending().then(|| now + wait_after(self.tries, random));
    }
}

/// How long to wait after so many failed tries: doubled each time, and up to a half less.
pub(super) fn wait_after(tries: u32, random: f64) -> Duration {
    let doubled = WEBHOOK_BACKOFF.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
    doubled.min(WEBHOOK_BACKOFF_MAX).mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
}

/// What has changed in a line by a new delivery, to be written down.
pub(super) struct Changed {
    pub(super) kept: Vec<Delivery>,
    pub(super) forgotten: Vec<Delivery>,
}

impl Line {
    /// Takes a delivery in. If too many wait the oldest is dropped; if too many are kept the oldest
    /// is forgotten.
    pub(super) fn take(&mut self, delivery: Delivery) -> Changed {
        let mut kept = vec![delivery.clone()];
        if self.pending() >= WEBHOOK_PENDING_MAX
            && let Some(oldest) = self.deliveries.iter_mut().find(|one| one.is_pending())
        {
            oldest.state = State::Dropped;
            oldest.next_try_at = None;
            oldest.error = Some("too many were waiting".to_owned());
            kept.push(oldest.clone());
        }
        self.deliveries.push_back(delivery);
        let mut forgotten = Vec::new();
        while self.deliveries.len() > WEBHOOK_DELIVERIES_KEPT_MAX {
            let oldest = self.deliveries.iter().position(|one| !one.is_pending()).unwrap_or(0);
            forgotten.extend(self.deliveries.remove(oldest));
        }
        kept.retain(|one| forgotten.iter().all(|gone| gone.id != one.id));
        Changed { kept, forgotten }
    }

    /// The delivery that has waited longest since it was due, and is to be tried by `now`.
    pub(super) fn due(&self, now: Timestamp) -> Option<&Delivery> {
        let waiting = self.deliveries.iter().filter(|_| !self.is_busy);
        let due = waiting.filter(|one| one.due_at().is_some_and(|at| at <= now));
        due.min_by_key(|one| one.due_at())
    }

    /// When there is something to try next.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        self.deliveries.iter().filter(|_| !self.is_busy).filter_map(Delivery::due_at).min()
    }
}
