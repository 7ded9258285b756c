//! Webhooks and their deliveries in the store: made, removed, tested, found again after a restart.

use std::collections::{BTreeSet, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::WebhookId;
use lifeboat_core::limits::{WEBHOOK_TRY_TIMEOUT, WEBHOOK_URL_BYTES_MAX, WEBHOOKS_MAX};
use lifeboat_core::problem::FieldProblem;
use lifeboat_store::{KeyValue, Precondition, Range, Store, StoreError, Transaction};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::delivery::{Changed, Delivery};
use super::{Format, Line, Webhook, Webhooks, message};
use crate::address::is_address;
use crate::app::App;
use crate::events::EventKind;
use crate::http::problem::{ApiError, ApiResult};
use crate::ids;
use crate::keyspace;
use crate::places::Place;
use crate::writer::{About, Actor, json as record, unchanged};

/// How every secret begins, by the Standard Webhooks scheme.
pub(super) const SECRET_PREFIX: &str = "whsec_";
/// Records read at once.
const READ_PAGE: usize = 500;

/// The body of a new webhook.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewWebhook {
    url: String,
    #[serde(default = "usual_events")]
    events: Vec<EventKind>,
    #[serde(default)]
    format: Format,
}

/// What somebody wants to know who says nothing else.
fn usual_events() -> Vec<EventKind> {
    vec![EventKind::Alert, EventKind::Failover]
}

impl Webhooks {
    /// What was kept, with the deliveries that wait.
    pub(crate) async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let webhooks = Self::default();
        for item in all(store, keyspace::WEBHOOKS).await? {
            let Some(webhook) = read::<Webhook>(&item) else { continue };
            let mut deliveries = VecDeque::new();
            for item in all(store, &keyspace::deliveries(&webhook.id)).await? {
                deliveries.extend(read::<Delivery>(&item));
            }
            let id = webhook.id.clone();
            webhooks.lines().insert(id, Line { webhook, deliveries, is_busy: false });
        }
        Ok(webhooks)
    }
}

async fn all(store: &dyn Store, prefix: &str) -> Result<Vec<KeyValue>, StoreError> {
    let mut range = Range::prefix(prefix).limit(READ_PAGE);
    let mut items = Vec::new();
    loop {
        let page = store.list(range.clone(), None).await?;
        items.extend(page.items);
        match page.next {
            Some(next) => range = range.after(next),
            None => return Ok(items),
        }
    }
}

fn read<T: DeserializeOwned>(item: &KeyValue) -> Option<T> {
    serde_json::from_slice(&item.value)
        .inspect_err(
            |error| tracing::error!(key = %item.key, %error, "a webhook's record is damaged"),
        )
        .ok()
}

/// Makes a webhook. The answer has its secret, this once.
pub(crate) async fn create(app: &App, actor: &Actor, new: NewWebhook) -> ApiResult<Value> {
    check(&new)?;
    let id = WebhookId::from_unique(&ids::unique());
    let _place = take_place(app, &id)?;
    let secret = format!("{SECRET_PREFIX}{}", STANDARD.encode(ids::seed()));
    let mut events = Vec::new();
    for event in new.events {
        if !events.contains(&event) {
            events.push(event);
        }
    }
    let webhook = Webhook {
        id,
        url: new.url,
        events,
        format: new.format,
        secret: secret.clone(),
        by: actor.name.clone(),
        created_at: app.now(),
    };
    let key = keyspace::webhook(&webhook.id);
    let transaction =
        Transaction::new().require(unchanged(key.clone(), 0)).put(key, record(&webhook));
    let about = About {
        action: "webhook.create",
        target: webhook.id.to_string(),
        after: webhook.masked(),
        ..About::default()
    };
    app.writer.commit(transaction, actor, about).await?;
    let mut view = webhook.view();
    view["secret"] = json!(secret);
    let line = Line { webhook: webhook.clone(), deliveries: VecDeque::new(), is_busy: false };
    app.webhooks.lines().insert(webhook.id, line);
    Ok(view)
}

/// Takes a place among the webhooks, to be held until the webhook is there.
fn take_place<'a>(app: &'a App, webhook: &WebhookId) -> ApiResult<Place<'a>> {
    let there =
        || -> BTreeSet<String> { app.webhooks.lines().keys().map(ToString::to_string).collect() };
    let has = |there: &BTreeSet<String>, id: &str| there.contains(id);
    let place = app.places.webhooks.take(webhook.as_str(), WEBHOOKS_MAX, there, BTreeSet::len, has);
    place.ok_or_else(|| {
        let detail = format!("there are {WEBHOOKS_MAX} webhooks already; delete one first");
        ApiError::new(ErrorCode::LimitReached, detail)
    })
}

fn check(new: &NewWebhook) -> ApiResult<()> {
    let mut problems = Vec::new();
    if new.url.len() > WEBHOOK_URL_BYTES_MAX || !is_address(&new.url) {
        let rule = format!(
            "an address that begins with http:// or https://, without user or password, with a port \
             of 1 to 65535 if any, of at most {WEBHOOK_URL_BYTES_MAX} bytes"
        );
        problems.push(FieldProblem::invalid("/url", rule));
    }
    if new.events.is_empty() {
        problems.push(FieldProblem::invalid("/events", "name at least one event".to_owned()));
    }
    if problems.is_empty() { Ok(()) } else { Err(ApiError::fields(problems)) }
}

fn unknown(id: &WebhookId) -> ApiError {
    let detail = format!("there is no webhook {id}; `GET /api/webhooks` lists them");
    ApiError::new(ErrorCode::NotFound, detail)
}

fn known(app: &App, id: &WebhookId) -> ApiResult<Webhook> {
    app.webhooks.lines().get(id).map(|line| line.webhook.clone()).ok_or_else(|| unknown(id))
}

/// Removes a webhook with its deliveries; what waits is not sent any more.
pub(crate) async fn remove(app: &App, actor: &Actor, id: &WebhookId) -> ApiResult<()> {
    let webhook = known(app, id)?;
    let key = keyspace::webhook(id);
    let transaction = Transaction::new()
        .require(Precondition::exists(key.clone()))
        .delete(key)
        .delete_prefix(keyspace::deliveries(id));
    let about = About {
        action: "webhook.delete",
        target: id.to_string(),
        before: webhook.masked(),
        ..About::default()
    };
    app.writer.commit(transaction, actor, about).await?;
    app.webhooks.lines().remove(id);
    Ok(())
}

/// Sends a test, waits for its first try and says what came of it.
pub(crate) async fn test(app: &App, actor: &Actor, id: &WebhookId) -> ApiResult<Value> {
    let webhook = known(app, id)?;
    let now = app.now();
    let text = format!("A test of Lifeboat's webhook {id}, by {}", actor.name);
    let data = json!({ "webhookId": id, "by": actor.name });
    let delivery = Delivery::new("test", message::body(&webhook, "test", now, &text, data), now);
    let mut tries = app.webhooks.tries.subscribe();
    let changed = {
        let mut lines = app.webhooks.lines();
        lines.get_mut(id).ok_or_else(|| unknown(id))?.take(delivery.clone())
    };
    let about = About {
        action: "webhook.test",
        target: id.to_string(),
        after: json!({ "delivery": delivery.id() }),
        ..About::default()
    };
    app.writer.commit(writes(id, &changed), actor, about).await?;
    app.webhooks.wake.notify_one();
    let tried = async {
        loop {
            match app.webhooks.tried(id, delivery.id()) {
                Some(view) => return view,
                // Without a sender nobody tries any more.
                None if tries.changed().await.is_err() => return delivery.view(),
                None => {}
            }
        }
    };
    // A queue that waits for a slow receiver takes its time; the delivery is listed then.
    let outcome = tokio::time::timeout(WEBHOOK_TRY_TIMEOUT, tried).await;
    Ok(outcome.unwrap_or_else(|_| delivery.view()))
}

impl Webhooks {
    /// A delivery, once it was tried.
    fn tried(&self, webhook: &WebhookId, delivery: &str) -> Option<Value> {
        let lines = self.lines();
        let deliveries = &lines.get(webhook)?.deliveries;
        let found = deliveries.iter().find(|one| one.id() == delivery)?;
        found.was_tried().then(|| found.view())
    }
}

/// What has changed in a line, as writes.
pub(super) fn writes(id: &WebhookId, changed: &Changed) -> Transaction {
    let key = |one: &Delivery| format!("{}{}", keyspace::deliveries(id), one.key());
    let kept = changed
        .kept
        .iter()
        .fold(Transaction::new(), |transaction, one| transaction.put(key(one), record(one)));
    changed.forgotten.iter().fold(kept, |transaction, one| transaction.delete(key(one)))
}

/// Writes down what has changed. A store that is away loses only what a restart would need.
pub(super) async fn keep(app: &App, id: &WebhookId, changed: &Changed) {
    // A webhook that was removed meanwhile gets no deliveries any more.
    let transaction = writes(id, changed).require(Precondition::exists(keyspace::webhook(id)));
    if let Err(error) = app.writer.commit_unaudited(transaction).await {
        tracing::warn!(webhook.id = %id, ?error, "a delivery could not be written down");
    }
}
