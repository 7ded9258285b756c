//! Who calls: keys and roles of operators and services, tokens of players.

mod attempts;
mod first_key;
mod key;
mod key_table;
mod login;
mod player;
mod role;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use lifeboat_core::access::Identity;
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ticket::Claims;
use lifeboat_gateway::tokens::KeyRing;
use lifeboat_store::{Store, StoreError};
use thiserror::Error;

pub(crate) use attempts::Attempts;
pub(crate) use first_key::FirstKey;
pub(crate) use key::ApiKey;
pub(crate) use login::{COOKIE_NAME, Login};
pub(crate) use player::{Grant, check_groups, check_subject};
pub(crate) use role::{Caller, Credential, Role};

use crate::app::wall_clock;
use crate::config::Config;
use crate::feed::Feed;
use crate::http::problem::{ApiError, ApiResult};
use crate::writer::Actor;
use key::{SECRET_PREFIX, digest};
use key_table::KeyTable;
use login::Logins;
use player::Players;

/// Why nobody can be identified.
#[derive(Debug, Error)]
pub enum AuthError {
    /// The keys cannot be read.
    #[error("the API keys cannot be read")]
    Store(#[from] StoreError),
    /// The first key cannot be left for the command line.
    #[error("{} cannot be written", path.display())]
    AdminKeyFile {
        /// Which file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The public keys of an issuer are not usable.
    #[error("the keys of issuer `{issuer}` cannot be used: {rule}")]
    Issuer {
        /// Which issuer.
        issuer: String,
        /// What is wrong, and what to do about it.
        rule: String,
    },
}

/// Finds out who calls.
pub(crate) struct Auth {
    keys: Arc<KeyTable>,
    logins: Logins,
    players: Players,
    /// Wrong logins, by address.
    pub(crate) login_failures: Attempts,
    /// Refused tries that were noted in the audit log, by who tried.
    pub(crate) refusals_noted: Attempts,
    _follower: Follower,
}

/// The task that follows the keys; it ends with what it serves.
struct Follower(tokio::task::AbortHandle);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Auth {
    /// Loads the keys and follows them from there. The first start of a data directory makes one
    /// admin key, which is returned this once and left in `<data>/admin.key`.
    pub(crate) async fn load(
        store: Arc<dyn Store>,
        keys: Arc<KeyRing>,
        feed: Arc<Feed>,
        config: &Config,
    ) -> Result<(Self, Option<FirstKey>), AuthError> {
        let players = Players::new(Arc::clone(&keys), &config.issuers)?;
        let first = first_key::make(&*store, &config.data, wall_clock()).await?;
        let table = Arc::new(KeyTable::load(Arc::clone(&store)).await?);
        let follower = tokio::spawn(Arc::clone(&table).follow()).abort_handle();
        let auth = Self {
            keys: table,
            logins: Logins::new(keys, feed),
            players,
            login_failures: Attempts::logins(),
            refusals_noted: Attempts::refusals(),
            _follower: Follower(follower),
        };
        Ok((auth, first))
    }

    /// The player who sent these headers: none is a guest, who has no token at all. One whose token
    /// has expired goes on with `previous`, the claims of a session token of theirs.
    pub(crate) fn player(
        &self,
        headers: &HeaderMap,
        previous: Option<&Claims>,
    ) -> ApiResult<Option<Identity>> {
        self.players.identify(headers, previous, wall_clock())
    }

    /// The operator or service who sent these headers, if they carry a key or the dashboard's
    /// cookie. A key that is not valid is an error, not nobody.
    pub(crate) fn caller(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
    ) -> ApiResult<Option<Caller>> {
        if let Some(secret) = sent_key(headers)? {
            let key = self.key_of(secret).ok_or_else(bad_key)?;
            self.keys.touch(&key, wall_clock());
            let name = key.name.clone();
            return Ok(Some(Caller::new(&key, name, address, Credential::Key(key.id.clone()))));
        }
        let Some(login) = self.logins.of(headers, wall_clock()) else { return Ok(None) };
        // The cookie dies with its key.
        let Some(key) = self.keys.get(&login.key) else { return Ok(None) };
        let name = login.name.clone();
        Ok(Some(Caller::new(&key, name, address, Credential::Cookie(login))))
    }

    /// The key with this secret.
    pub(crate) fn key_of(&self, secret: &str) -> Option<Arc<ApiKey>> {
        self.keys.with_digest(&digest(secret))
    }

    /// Every key.
    pub(crate) fn keys(&self) -> Vec<Arc<ApiKey>> {
        self.keys.all()
    }

    /// Waits until this node knows of a change of the keys at `revision`.
    pub(crate) async fn reaches(&self, revision: u64) -> bool {
        self.keys.reaches(revision).await
    }

    /// Begins a dashboard login: the value of its cookie.
    pub(crate) fn log_in(&self, key: &ApiKey, name: &str) -> String {
        self.logins.begin(key, name, wall_clock())
    }

    /// A token for a player, signed by the built-in issuer.
    pub(crate) fn player_token(&self, grant: &Grant) -> String {
        self.players.sign(grant)
    }

    /// Waits until a caller's key is revoked, or its login is over.
    pub(crate) async fn ended(&self, caller: &Caller) {
        match &caller.credential {
            Credential::Key(id) => self.keys.revoked(id).await,
            Credential::Cookie(login) => {
                tokio::select! {
                    () = self.keys.revoked(&login.key) => {}
                    () = self.logins.over(login, wall_clock()) => {}
                }
            }
        }
    }
}

/// The key that a request carries.
fn sent_key(headers: &HeaderMap) -> ApiResult<Option<&str>> {
    let bearer = match headers.get(AUTHORIZATION) {
        Some(value) => {
            let text = value.to_str().map_err(|_| bad_key())?;
            Some(bearer(text).ok_or_else(bad_key)?)
        }
        None => None,
    };
    match (bearer, headers.get("x-api-key")) {
        (Some(secret), _) => Ok(Some(secret)),
        (None, Some(value)) => value.to_str().map(|text| Some(text.trim())).map_err(|_| bad_key()),
        (None, None) => Ok(None),
    }
}

/// Whether a request brings an operator's or a service's key, valid or not, where players ask, too.
pub(crate) fn brings_key(headers: &HeaderMap) -> bool {
    let text = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = text.and_then(bearer).is_some_and(|secret| secret.starts_with(SECRET_PREFIX));
    bearer || headers.contains_key("x-api-key")
}

/// The token of an `Authorization: Bearer` header.
fn bearer(text: &str) -> Option<&str> {
    let (scheme, token) = text.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn bad_key() -> ApiError {
    ApiError::new(
        ErrorCode::Unauthorized,
        "the API key is not valid, or was revoked; send a valid one as `Authorization: Bearer`",
    )
}

/// Nobody, where somebody has to be known.
pub(crate) fn no_key() -> ApiError {
    ApiError::new(
        ErrorCode::Unauthorized,
        "send an API key as `Authorization: Bearer` or `x-api-key`, or log in to the dashboard",
    )
}

impl Caller {
    fn new(key: &ApiKey, name: String, address: Option<IpAddr>, credential: Credential) -> Self {
        let actor = Actor::new(name, key.role.as_str(), address);
        Self { actor, role: key.role, credential }
    }
}
