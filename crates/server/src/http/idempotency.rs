//! Repeated requests: the same key with the same request gets the answer of the first one, also
//! after a restart. Whatever a request changes carries its mark in the same commit, so one whose
//! answer was lost with the process is told so and is not done again.

mod mark;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::limits::{IDEMPOTENCY_KEY_BYTES_MAX, IDEMPOTENCY_KEYS_MAX, IDEMPOTENCY_TTL};
use lifeboat_store::{Range, StoreError, Transaction};
use sha2::{Digest as _, Sha256};

use crate::app::{App, wall_clock};
use crate::auth::Caller;
use crate::http::body::whole;
use crate::http::problem::{ApiError, ApiResult};
use crate::keyspace::hex;
use crate::writer::json;
pub(crate) use mark::Mark;
use record::Recorded;

/// The header that carries the key.
const HEADER: &str = "idempotency-key";
/// Where answers are kept.
const PREFIX: &str = "/idempotency/";
/// Answers with a secret in them are not written down.
const SECRET_ANSWERS: [&str; 3] = ["/api/keys", "/api/tokens", "/api/webhooks"];
/// Bytes of an answer that is remembered.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// After how many answers old ones are looked for.
const PRUNE_EVERY: usize = 256;
/// Old answers that are deleted in one commit.
const PRUNE_PAGE: usize = 100;

/// The one place that a repeated request meets its first in. Whoever holds the lock is the first.
type Slot = Arc<tokio::sync::Mutex<Option<Recorded>>>;

/// Answers that are remembered, and requests that are under way.
#[derive(Default)]
pub(crate) struct Idempotency {
    slots: Mutex<Slots>,
    answered: AtomicUsize,
}

#[derive(Default)]
struct Slots {
    by_key: HashMap<String, Slot>,
    oldest_first: VecDeque<String>,
}

impl Idempotency {
    fn slot(&self, key: &str) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.by_key.get(key) {
            return Arc::clone(slot);
        }
        while slots.by_key.len() >= IDEMPOTENCY_KEYS_MAX {
            let Some(oldest) = slots.oldest_first.pop_front() else { break };
            slots.by_key.remove(&oldest);
        }
        let slot = Slot::default();
        slots.by_key.insert(key.to_owned(), Arc::clone(&slot));
        slots.oldest_first.push_back(key.to_owned());
        slot
    }
}

/// Answers a repeated request as the first one was answered. Goes behind the guard, which says who
/// calls.
pub(crate) async fn remember(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> ApiResult<Response> {
    let caller = request.extensions().get::<Caller>();
    let (Some(caller), Some(key), &Method::POST) =
        (caller, request.headers().get(HEADER), request.method())
    else {
        return Ok(next.run(request).await);
    };
    if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
        let detail = format!("an `Idempotency-Key` has 1 to {IDEMPOTENCY_KEY_BYTES_MAX} bytes");
        return Err(ApiError::new(ErrorCode::BadRequest, detail));
    }
    let store_key = store_key(caller.identity(), key.as_bytes());
    let (request, hash) = hashed(request).await?;
    // On its own, so that the answer is recorded also when nobody waits for it any more.
    let answering = tokio::spawn(answer(app, store_key, hash, request, next));
    answering.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a handler failed");
        Err(ApiError::new(
            ErrorCode::Internal,
            "the request failed; it is not known how far it got",
        ))
    })
}

fn store_key(caller: &str, key: &[u8]) -> String {
    let digest = Sha256::new().chain_update(caller).chain_update([0]).chain_update(key).finalize();
    format!("{PREFIX}{}", hex(&digest))
}

/// The request whole, with what tells it from another one.
async fn hashed(request: Request) -> ApiResult<(Request, String)> {
    let (parts, body) = request.into_parts();
    let bytes = whole(body).await?;
    let digest = Sha256::new()
        .chain_update(parts.uri.to_string())
        .chain_update([0])
        .chain_update(&bytes)
        .finalize();
    Ok((Request::from_parts(parts, Body::from(bytes)), hex(&digest)))
}

async fn answer(
    app: Arc<App>,
    key: String,
    hash: String,
    mut request: Request,
    next: Next,
) -> ApiResult<Response> {
    let slot = app.idempotency.slot(&key);
    let mut slot = slot.lock().await;
    if slot.is_none() {
        *slot = kept(&app, &key).await?;
    }
    let fresh = |known: &&Recorded| wall_clock().since(known.at) < IDEMPOTENCY_TTL;
    if let Some(known) = slot.as_ref().filter(fresh) {
        if known.request == hash {
            return known.replay();
        }
        let detail = "this `Idempotency-Key` was used for another request; take a new key";
        return Err(ApiError::new(ErrorCode::IdempotencyMismatch, detail));
    }
    let is_secret = SECRET_ANSWERS.contains(&request.uri().path());
    let mark = Arc::new(Mark::new(key.clone(), hash.clone()));
    if let Some(caller) = request.extensions_mut().get_mut::<Caller>() {
        caller.actor.mark = Some(Arc::clone(&mark));
    }
    let response = next.run(request).await;
    mark.leave();
    look_for_old(&app);
    if response.status().is_server_error() {
        return Ok(response);
    }
    let (response, recorded) = record::record(response, hash, wall_clock(), ANSWER_BYTES_MAX).await;
    if let Some(recorded) = recorded {
        if !is_secret {
            keep(&app, key, &recorded).await;
        }
        *slot = Some(recorded);
    }
    Ok(response)
}

async fn kept(app: &App, key: &str) -> Result<Option<Recorded>, StoreError> {
    let kept = app.store.read(key).await?;
    Ok(kept.and_then(|kept| serde_json::from_slice(&kept.value).ok()))
}

async fn keep(app: &App, key: String, recorded: &Recorded) {
    let transaction = Transaction::new().put(key, json(recorded));
    if let Err(error) = app.writer.commit_unaudited(transaction).await {
        tracing::warn!(?error, "an answer is remembered until the next restart only");
    }
}

/// Has old records deleted now and then.
fn look_for_old(app: &Arc<App>) {
    if app.idempotency.answered.fetch_add(1, Ordering::Relaxed).is_multiple_of(PRUNE_EVERY) {
        let app = Arc::clone(app);
        tokio::spawn(async move {
            if let Err(error) = prune(&app).await {
                tracing::debug!(%error, "old answers are not deleted");
            }
        });
    }
}

/// Deletes answers whose time is over, and the oldest of more than are kept.
async fn prune(app: &App) -> Result<(), StoreError> {
    let now = wall_clock();
    let mut range = Range::prefix(PREFIX).limit(PRUNE_PAGE);
    let (mut kept, mut old) = (Vec::new(), Vec::new());
    loop {
        let page = app.store.list(range.clone(), None).await?;
        for item in page.items {
            match serde_json::from_slice::<Recorded>(&item.value) {
                Ok(recorded) if now.since(recorded.at) < IDEMPOTENCY_TTL => {
                    kept.push((recorded.at, item.key));
                }
                Ok(_) | Err(_) => old.push(item.key),
            }
        }
        let Some(next) = page.next else { break };
        range = range.after(next);
    }
    kept.sort_unstable();
    let surplus = kept.len().saturating_sub(IDEMPOTENCY_KEYS_MAX);
    old.extend(kept.drain(..surplus).map(|(_, key)| key));
    for keys in old.chunks(PRUNE_PAGE) {
        let transaction =
            keys.iter().fold(Transaction::new(), |transaction, key| transaction.delete(key));
        let _ = app.store.commit(transaction).await?;
    }
    Ok(())
}
