//! The task behind all webhooks: puts events into their queues and works the queues off, one try at
//! a time for each, so that a dead receiver holds up no other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::ids::WebhookId;
use lifeboat_core::limits::FAILOVER_HISTORY_MAX;
use lifeboat_core::time::Timestamp;
use rand::RngExt as _;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::delivery::{Changed, Delivery, Outcome};
use super::{Webhook, kept, message, send};
use crate::app::{App, stopped};
use crate::events::{Event, EventKind};

/// The longest wait without a look at the queues.
const IDLE: Duration = Duration::from_secs(60);

/// A try that is over.
struct Tried {
    webhook: WebhookId,
    delivery: String,
    outcome: Outcome,
}

/// Tells webhooks what happens until the control plane stops. What was not delivered by then is
/// kept, and goes on after the next start.
pub(crate) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut events = app.events.read(None).coming;
    let mut phases = HashMap::new();
    let mut tries: JoinSet<Tried> = JoinSet::new();
    loop {
        for (webhook, delivery) in app.webhooks.begin_due(app.now()) {
            let now = app.now();
            tries.spawn(async move {
                let outcome = send::send(&webhook, &delivery, now).await;
                Tried { webhook: webhook.id, delivery: delivery.id().to_owned(), outcome }
            });
        }
        let pause = app.webhooks.pause(app.now());
        tokio::select! {
            () = stopped(&mut shutdown) => return,
            event = events.recv() => match event {
                Ok(event) => dispatch(&app, &event, &mut phases).await,
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "webhooks miss events: too many at once");
                }
                Err(RecvError::Closed) => return,
            },
            Some(tried) = tries.join_next() => {
                // A try that panicked would leave its queue busy; it cannot.
                if let Ok(tried) = tried {
                    settle(&app, &tried).await;
                }
            }
            () = app.webhooks.wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

impl super::Webhooks {
    /// The deliveries that are to be tried now, one of each queue at the most.
    fn begin_due(&self, now: Timestamp) -> Vec<(Webhook, Delivery)> {
        let mut lines = self.lines();
        let begin = |line: &mut super::Line| {
            let delivery = line.due(now)?.clone();
            line.is_busy = true;
            Some((line.webhook.clone(), delivery))
        };
        lines.values_mut().filter_map(begin).collect()
    }

    /// How long there is nothing to try.
    fn pause(&self, now: Timestamp) -> Duration {
        let next = self.lines().values().filter_map(super::Line::due_at).min();
        next.map_or(IDLE, |at| at.since(now).min(IDLE))
    }
}

/// Puts an event into the queues of those who want to know of it.
async fn dispatch(app: &App, event: &Event, phases: &mut HashMap<String, String>) {
    let wanted: Vec<Webhook> = {
        let lines = app.webhooks.lines();
        let wants = |webhook: &&Webhook| webhook.events.contains(&event.kind);
        lines.values().map(|line| &line.webhook).filter(wants).cloned().collect()
    };
    let Ok(data) = serde_json::from_str::<Value>(&event.data) else { return };
    if event.kind == EventKind::Failover && !is_new_phase(&data, phases) {
        return;
    }
    // That a webhook was tested is no news for it.
    if wanted.is_empty() || data["action"] == "webhook.test" {
        return;
    }
    let now = app.now();
    let text = message::text(&app.catalog(), event.kind, &data);
    for webhook in wanted {
        let kind = event.kind.as_str();
        let body = message::body(&webhook, kind, now, &text, data.clone());
        let changed = {
            let mut lines = app.webhooks.lines();
            lines.get_mut(&webhook.id).map(|line| line.take(Delivery::new(kind, body, now)))
        };
        if let Some(changed) = changed {
            kept::keep(app, &webhook.id, &changed).await;
        }
    }
}

/// Whether a failover is in another phase than when it was last told of: its counts change ten
/// times a second while people move.
fn is_new_phase(data: &Value, phases: &mut HashMap<String, String>) -> bool {
    let word = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
    if phases.len() > 2 * FAILOVER_HISTORY_MAX {
        phases.clear();
    }
    phases.insert(word("id"), word("phase")).as_deref() != data["phase"].as_str()
}

/// Notes what came of a try, and writes it down.
async fn settle(app: &App, tried: &Tried) {
    let changed = {
        let mut lines = app.webhooks.lines();
        let Some(line) = lines.get_mut(&tried.webhook) else { return };
        line.is_busy = false;
        let mut deliveries = line.deliveries.iter_mut();
        deliveries.find(|one| one.id() == tried.delivery).map(|delivery| {
            delivery.note(&tried.outcome, app.now(), rand::rng().random());
            delivery.clone()
        })
    };
    app.webhooks.tries.send_modify(|tries| *tries += 1);
    let Some(delivery) = changed else { return };
    if !matches!(tried.outcome, Outcome::Taken(_)) {
        let view = delivery.view();
        tracing::warn!(
            webhook.id = %tried.webhook, delivery.id = delivery.id(), tries = %view["tries"],
            error = %view["error"], "a webhook did not take a delivery"
        );
    }
    let changed = Changed { kept: vec![delivery], forgotten: Vec::new() };
    kept::keep(app, &tried.webhook, &changed).await;
}
