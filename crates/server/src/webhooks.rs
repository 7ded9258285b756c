//! Webhooks: other services are told what happens, signed by the Standard Webhooks scheme, and
//! again until they have taken it. Nothing waits for them: events go into a bounded queue of each
//! webhook, kept in the store, and one task works those queues off.

mod delivery;
mod dispatch;
mod kept;
mod message;
mod send;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lifeboat_core::ids::WebhookId;
use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::events::EventKind;

use delivery::Delivery;
pub(crate) use dispatch::run;
pub(crate) use kept::{NewWebhook, create, remove, test};

/// The form of what is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// `type`, `timestamp`, `text` and `data`.
    #[default]
    Json,
    /// `text` alone, as chats take it.
    Slack,
}

/// A webhook as it is kept. The secret has to be there as it is: it signs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Webhook {
    pub(crate) id: WebhookId,
    url: String,
    events: Vec<EventKind>,
    format: Format,
    secret: String,
    by: String,
    created_at: Timestamp,
}

impl Webhook {
    /// The webhook as admins see it: without its secret.
    fn view(&self) -> Value {
        json!({
            "id": self.id, "url": self.url, "events": self.events, "format": self.format,
            "by": self.by, "createdAt": self.created_at,
        })
    }

    /// The same for the audit log, which more people read. The path of an address is often a
    /// secret, as with chats.
    fn masked(&self) -> Value {
        let place = self.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        json!({ "url": format!("{place}/•••"), "events": self.events, "format": self.format })
    }
}

/// A webhook and what it was told, or is to be; the oldest first.
#[derive(Debug)]
struct Line {
    webhook: Webhook,
    deliveries: VecDeque<Delivery>,
    /// One of them is being tried.
    is_busy: bool,
}

/// Every webhook with its deliveries.
#[derive(Debug)]
pub(crate) struct Webhooks {
    lines: Mutex<BTreeMap<WebhookId, Line>>,
    /// Has the queues looked at now.
    wake: Notify,
    /// Counts tries, for whoever waits for one.
    tries: watch::Sender<u64>,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self { lines: Mutex::default(), wake: Notify::new(), tries: watch::Sender::new(0) }
    }
}

impl Webhooks {
    fn lines(&self) -> MutexGuard<'_, BTreeMap<WebhookId, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every webhook, by its id, as admins see it.
    pub(crate) fn views(&self) -> Vec<(String, Value)> {
        let lines = self.lines();
        let view = |line: &Line| {
            let mut view = line.webhook.view();
            view["pending"] = json!(line.pending());
            view["lastDelivery"] = json!(line.deliveries.back().map(Delivery::view));
            view
        };
        lines.iter().map(|(id, line)| (id.to_string(), view(line))).collect()
    }

    /// The deliveries of a webhook, the newest first, each by its id; none if there is no such
    /// webhook.
    pub(crate) fn deliveries(&self, id: &WebhookId) -> Option<Vec<(String, Value)>> {
        let lines = self.lines();
        let newest_first = lines.get(id)?.deliveries.iter().rev();
        Some(newest_first.map(|one| (one.id().to_owned(), one.view())).collect())
    }
}

impl Line {
    fn pending(&self) -> usize {
        self.deliveries.iter().filter(|one| one.is_pending()).count()
    }
}
