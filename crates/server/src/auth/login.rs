//! Dashboard logins: a signed cookie, so that a restarted server knows its operators still.

use std::sync::Arc;

use http::HeaderMap;
use http::header::COOKIE;
use lifeboat_core::ids::{KeyId, LoginId};
use lifeboat_core::limits::LOGIN_TTL;
use lifeboat_core::ticket::ISSUER;
use lifeboat_core::time::Timestamp;
use lifeboat_gateway::tokens::KeyRing;
use serde::{Deserialize, Serialize};

use super::ApiKey;
use crate::feed::Feed;
use crate::ids;

/// The audience of the cookie's token.
const AUDIENCE: &str = "dashboard";
/// The name of the cookie.
pub(crate) const COOKIE_NAME: &str = "lifeboat";

/// Somebody who is logged in to the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// Which login.
    pub(crate) id: LoginId,
    /// The key that it was begun with.
    pub(crate) key: KeyId,
    /// The operator, as given.
    pub(crate) name: String,
    /// When it ends by itself.
    pub(crate) expires_at: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The key.
    sub: KeyId,
    name: String,
    exp: i64,
    jti: LoginId,
}

/// Begins logins, and knows them again.
pub(super) struct Logins {
    keys: Arc<KeyRing>,
    feed: Arc<Feed>,
}

impl Logins {
    pub(super) fn new(keys: Arc<KeyRing>, feed: Arc<Feed>) -> Self {
        Self { keys, feed }
    }

    /// The value of the cookie of a new login.
    pub(super) fn begin(&self, key: &ApiKey, name: &str, now: Timestamp) -> String {
        self.keys.sign(&Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: key.id.clone(),
            name: name.to_owned(),
            exp: (now + LOGIN_TTL).as_seconds(),
            jti: LoginId::from_unique(&ids::secret()),
        })
    }

    /// The login whose cookie a request carries. What is wrong with a cookie is nobody's fault:
    /// browsers send old ones.
    pub(super) fn of(&self, headers: &HeaderMap, now: Timestamp) -> Option<Login> {
        let claims: Claims = self.keys.check(cookie(headers)?, AUDIENCE).ok()?;
        let expires_at = Timestamp::from_ms(claims.exp.saturating_mul(1_000));
        let login = Login { id: claims.jti, key: claims.sub, name: claims.name, expires_at };
        (now < expires_at && !self.is_ended(&login)).then_some(login)
    }

    fn is_ended(&self, login: &Login) -> bool {
        self.feed.current().logged_out().has(&login.id)
    }

    /// Waits until a login is over.
    pub(super) async fn over(&self, login: &Login, now: Timestamp) {
        let mut served = self.feed.follow();
        let ended = served.wait_for(|_| self.is_ended(login));
        let _ = tokio::time::timeout(login.expires_at.since(now), ended).await;
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lists = headers.get_all(COOKIE).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE_NAME).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lifeboat_gateway::tokens::KeptKeys;

    use super::*;
    use crate::auth::Role;

    #[tokio::test]
    async fn a_login_lasts_until_its_time_is_over() {
        let now = Timestamp::from_ms(1_795_000_000_000);
        let ring = KeyRing::new(&KeptKeys::new([7; 32], now)).unwrap();
        let feed = Feed::load(&lifeboat_store::MemoryStore::new()).await.unwrap();
        let logins = Logins::new(Arc::new(ring), Arc::new(feed));
        let (key, _) = ApiKey::new("main".into(), Role::Operator, now);
        let mut headers = HeaderMap::new();
        let cookie = format!("other=1; {COOKIE_NAME}={}", logins.begin(&key, "Ada", now));
        headers.insert(COOKIE, cookie.parse().unwrap());
        let login = logins.of(&headers, now).unwrap();
        assert_eq!((login.key.clone(), login.name.as_str()), (key.id, "Ada"));
        assert!(logins.of(&headers, now + LOGIN_TTL + Duration::from_secs(1)).is_none());
        headers.insert(COOKIE, format!("{COOKIE_NAME}=forged").parse().unwrap());
        assert!(logins.of(&headers, now).is_none());
    }
}
