//! Writes: every change of the state goes through here, with its audit entry in the same commit,
//! and is answered once this node serves from the new revision.

use std::array;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::WorldId;
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::problem::Problem;
use lifeboat_store::{Outcome, Precondition, Store, StoreError, Transaction};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::feed::Feed;
use crate::http::idempotency::Mark;
use crate::http::problem::ApiError;
use crate::keyspace;

/// How long an answer waits for this node to serve from the new revision.
const SERVE_PATIENCE: Duration = Duration::from_secs(5);
/// Worlds that share a turn wait for each other, which is no harm.
const TURNS: usize = 64;
/// How long a write waits for its turn; then it goes without, since the store's conditions hold in
/// any case.
const TURN_PATIENCE: Duration = Duration::from_secs(2);

/// Who changes something.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    /// The key's name, or the operator's as given at the login.
    pub(crate) name: String,
    /// The role, in lower case; `system` for Lifeboat itself.
    pub(crate) role: String,
    /// Where the request came from.
    pub(crate) address: Option<IpAddr>,
    /// What the request leaves in what it changes, if it may come again.
    pub(crate) mark: Option<Arc<Mark>>,
}

impl Actor {
    /// Somebody in a role, at an address if there is one.
    pub(crate) fn new(name: impl Into<String>, role: &str, address: Option<IpAddr>) -> Self {
        Self { name: name.into(), role: role.to_owned(), address, mark: None }
    }

    /// Lifeboat itself.
    pub(crate) fn system() -> Self {
        Self::new("lifeboat", "system", None)
    }
}

/// One entry of the audit log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditEntry {
    /// When.
    pub(crate) at: Timestamp,
    /// Who.
    pub(crate) who: String,
    /// In which role.
    pub(crate) role: String,
    /// From where.
    pub(crate) address: Option<String>,
    /// What was done, such as `world.launch`.
    pub(crate) action: String,
    /// To what, by id.
    pub(crate) target: String,
    /// What it was before.
    pub(crate) before: Value,
    /// What it is now.
    pub(crate) after: Value,
    /// Why, as the operator said.
    pub(crate) reason: Option<String>,
    /// `done`, or the code of the refusal.
    pub(crate) outcome: String,
}

/// What a change is about, for the audit log.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    /// What is done, such as `world.launch`.
    pub(crate) action: &'static str,
    /// To what, by id.
    pub(crate) target: String,
    /// What it was before; internal values masked.
    pub(crate) before: Value,
    /// What it is now; internal values masked.
    pub(crate) after: Value,
    /// Why, as the operator said.
    pub(crate) reason: Option<String>,
}

/// A write that was not done.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// Something that it was conditioned on has changed: look again and decide anew.
    Lost,
    /// It cannot be done now.
    Failed(StoreError),
}

/// Writes to the store.
pub(crate) struct Writer {
    store: Arc<dyn Store>,
    feed: Arc<Feed>,
    clock: fn() -> Timestamp,
    turns: [Mutex<()>; TURNS],
}

impl Writer {
    pub(crate) fn new(store: Arc<dyn Store>, feed: Arc<Feed>, clock: fn() -> Timestamp) -> Self {
        Self { store, feed, clock, turns: array::from_fn(|_| Mutex::default()) }
    }

    /// Waits until nobody else on this node decides about a world. Who holds its turn until it has
    /// written loses no race to the others, however many write at once; to other nodes it may.
    /// A task holds one turn at a time.
    pub(crate) async fn turn(&self, world: &WorldId) -> Option<MutexGuard<'_, ()>> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(world);
        let index = usize::try_from(hash % TURNS as u64).unwrap_or_default();
        timeout(TURN_PATIENCE, self.turns[index].lock()).await.ok()
    }

    /// The time of what is written.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Commits a change with its audit entry, and waits until this node serves from it.
    pub(crate) async fn commit(
        &self,
        transaction: Transaction,
        actor: &Actor,
        about: About,
    ) -> Result<u64, WriteError> {
        let entry = self.entry(actor, about, "done");
        let mark = actor.mark.as_ref();
        let mut transaction = transaction.put(self.audit_key(entry.at), json(&entry));
        if let Some((key, record)) = mark.and_then(|mark| mark.write(&entry)) {
            transaction = transaction.put(key, record);
        }
        let revision = self.commit_unaudited(transaction).await?;
        if let Some(mark) = mark {
            mark.leave();
        }
        Ok(revision)
    }

    /// Commits what is no operator's act, such as progress that is kept.
    pub(crate) async fn commit_unaudited(
        &self,
        transaction: Transaction,
    ) -> Result<u64, WriteError> {
        let touches_state =
            transaction.writes.iter().any(|write| write.key().starts_with(keyspace::STATE));
        match self.store.commit(transaction).await {
            Ok(Outcome::Committed(revision)) => {
                if touches_state && !self.feed.reaches(revision, SERVE_PATIENCE).await {
                    tracing::warn!(revision, "this node serves from an older revision still");
                }
                Ok(revision)
            }
            Ok(Outcome::Conflict { .. }) => Err(WriteError::Lost),
            Err(error) => Err(WriteError::Failed(error)),
        }
    }

    /// Notes a refused try. That it could not be noted does not change the refusal.
    pub(crate) async fn note_refused(&self, actor: &Actor, about: About, code: ErrorCode) {
        let entry = self.entry(actor, about, code.as_str());
        let transaction = Transaction::new().put(self.audit_key(entry.at), json(&entry));
        if let Err(error) = self.store.commit(transaction).await {
            tracing::warn!(%error, "a refused try could not be noted in the audit log");
        }
    }

    fn entry(&self, actor: &Actor, about: About, outcome: &str) -> AuditEntry {
        AuditEntry {
            at: self.now(),
            who: actor.name.clone(),
            role: actor.role.clone(),
            address: actor.address.map(|address| address.to_string()),
            action: about.action.to_owned(),
            target: about.target,
            before: about.before,
            after: about.after,
            reason: about.reason,
            outcome: outcome.to_owned(),
        }
    }

    fn audit_key(&self, at: Timestamp) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number:08x}", keyspace::audit_since(at))
    }
}

/// The JSON form of a record.
pub(crate) fn json(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).unwrap_or_else(|error| {
        // Every record of ours has a JSON form: maps with text keys, finite numbers.
        tracing::error!(%error, "a record has no JSON form");
        b"null".to_vec()
    })
}

/// The condition that a key is as it was read: unchanged since `revision`, or absent at 0.
pub(crate) fn unchanged(key: String, modified: u64) -> Precondition {
    if modified == 0 { Precondition::absent(key) } else { Precondition::at(key, modified) }
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        let problem = match error {
            WriteError::Lost => Problem::new(
                ErrorCode::WriteContended,
                "others changed the same thing several times in a row; try again",
            )
            .retry_after_ms(500),
            WriteError::Failed(error) => store_problem(&error),
        };
        Self(Box::new(problem))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self(Box::new(store_problem(&error)))
    }
}

fn store_problem(error: &StoreError) -> Problem {
    tracing::warn!(%error, "the store does not answer");
    match error {
        StoreError::Limit { what, found, max } => Problem::new(
            ErrorCode::LimitReached,
            format!("{what} of {found} is over the limit of {max}; nothing was saved"),
        ),
        _ => Problem::new(
            ErrorCode::StoreUnavailable,
            "the store is out of reach: nothing was saved; joins and redirects go on from memory",
        )
        .retry_after_ms(2_000),
    }
}
