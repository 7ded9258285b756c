//! Players: tokens of the built-in issuer and of configured ones.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use lifeboat_core::access::{Identity, IdentityKind};
use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::User;
use lifeboat_core::limits::{GROUPS_MAX, NAME_CHARS_MAX, USER_CHARS_MAX};
use lifeboat_core::ticket::{self, ISSUER};
use lifeboat_core::time::Timestamp;
use lifeboat_gateway::tokens::KeyRing;
use serde::{Deserialize, Serialize};

use super::{AuthError, bearer};
use crate::config;
use crate::http::problem::{ApiError, ApiResult};
use crate::ids;

/// The audience of the built-in issuer's tokens.
const AUDIENCE: &str = "players";
/// Seconds by which another issuer's clock may be off.
const LEEWAY_SECONDS: u64 = 30;

/// What a token of ours says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Grant {
    iss: String,
    aud: String,
    sub: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    iat: i64,
    exp: i64,
    jti: String,
}

impl Grant {
    /// A player who is `sub` and a member of `groups` until `expires_at`.
    pub(crate) fn new(
        sub: String,
        groups: Vec<String>,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub,
            groups,
            iat: now.as_seconds(),
            exp: expires_at.as_seconds(),
            jti: ids::token(now),
        }
    }
}

/// What is read of anybody's token.
#[derive(Clone, Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    groups: Vec<String>,
}

/// A token whose signature, issuer and audience are right.
enum Genuine {
    Current(Claims),
    Expired(Claims),
}

struct Issuer {
    name: String,
    audience: Option<String>,
    keys: Vec<IssuerKey>,
}

struct IssuerKey {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Knows players by their tokens.
pub(super) struct Players {
    keys: Arc<KeyRing>,
    issuers: Vec<Issuer>,
}

impl Players {
    pub(super) fn new(keys: Arc<KeyRing>, issuers: &[config::Issuer]) -> Result<Self, AuthError> {
        let issuers = issuers.iter().map(Issuer::read).collect::<Result<_, _>>()?;
        Ok(Self { keys, issuers })
    }

    pub(super) fn sign(&self, grant: &Grant) -> String {
        self.keys.sign(grant)
    }

    /// Who sent these headers; none for a guest. A token that is not valid makes nobody a guest.
    ///
    /// Nobody who is in is locked out by the hour: one that has expired is good still with
    /// `previous`, a session token of the same user, which then says the groups.
    pub(super) fn identify(
        &self,
        headers: &HeaderMap,
        previous: Option<&ticket::Claims>,
        now: Timestamp,
    ) -> ApiResult<Option<Identity>> {
        let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
        let token = value.to_str().ok().and_then(bearer).ok_or_else(invalid)?;
        match self.own(token, now).or_else(|| self.foreign(token)).ok_or_else(invalid)? {
            Genuine::Current(claims) => identity(claims).map(Some),
            Genuine::Expired(claims) => {
                let expired = identity(claims)?;
                let known = previous.filter(|previous| previous.sub == expired.user);
                let groups = known.ok_or_else(has_expired)?.grp.clone();
                Ok(Some(Identity { groups, ..expired }))
            }
        }
    }

    fn own(&self, token: &str, now: Timestamp) -> Option<Genuine> {
        let grant: Grant = self.keys.check(token, AUDIENCE).ok()?;
        let claims = Claims { sub: grant.sub, groups: grant.groups };
        let is_current = now.as_seconds() <= grant.exp;
        Some(if is_current { Genuine::Current(claims) } else { Genuine::Expired(claims) })
    }

    fn foreign(&self, token: &str) -> Option<Genuine> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        self.issuers.iter().find_map(|issuer| {
            let keys = issuer.keys.iter().filter(|key| {
                // The algorithm is the key's, never the token's choice.
                key.algorithm == header.alg
                    && (header.kid.is_none() || key.kid.is_none() || key.kid == header.kid)
            });
            keys.map(|key| issuer.check(key, token)).find_map(Result::ok)
        })
    }
}

impl Issuer {
    fn read(config: &config::Issuer) -> Result<Self, AuthError> {
        let unusable = |rule: String| AuthError::Issuer { issuer: config.name.clone(), rule };
        let set: JwkSet = serde_json::from_str(&config.jwks)
            .map_err(|error| unusable(format!("not a JWKS document: {error}")))?;
        let keys: Vec<_> = set.keys.iter().filter_map(IssuerKey::read).collect();
        if keys.is_empty() {
            let rule = "no key for EdDSA, ES256 or RS256 is in its JWKS; add one";
            return Err(unusable(rule.to_owned()));
        }
        Ok(Self { name: config.name.clone(), audience: config.audience.clone(), keys })
    }

    fn check(&self, key: &IssuerKey, token: &str) -> jsonwebtoken::errors::Result<Genuine> {
        let mut validation = Validation::new(key.algorithm);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.name]);
        let mut required = vec!["exp", "iss"];
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                required.push("aud");
            }
            None => validation.validate_aud = false,
        }
        validation.set_required_spec_claims(&required);
        let read = |by: &Validation| jsonwebtoken::decode::<Claims>(token, &key.key, by);
        match read(&validation) {
            Ok(data) => Ok(Genuine::Current(data.claims)),
            // The time is looked at before issuer and audience are.
            Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => {
                validation.validate_exp = false;
                read(&validation).map(|data| Genuine::Expired(data.claims))
            }
            Err(error) => Err(error),
        }
    }
}

impl IssuerKey {
    /// A key that can check signatures; none for keys of other kinds.
    fn read(jwk: &Jwk) -> Option<Self> {
        use jsonwebtoken::jwk::{AlgorithmParameters as Kind, EllipticCurve as Curve};
        let algorithm = match &jwk.algorithm {
            Kind::OctetKeyPair(pair) if pair.curve == Curve::Ed25519 => Algorithm::EdDSA,
            Kind::EllipticCurve(point) if point.curve == Curve::P256 => Algorithm::ES256,
            Kind::RSA(_) => Algorithm::RS256,
            _ => return None,
        };
        let key = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { kid: jwk.common.key_id.clone(), algorithm, key })
    }
}

/// Whether a text may be a player's id; the rule and the remedy where it may not.
pub(crate) fn check_subject(sub: &str) -> Result<(), String> {
    if sub.trim().is_empty() || sub.chars().count() > USER_CHARS_MAX {
        return Err(format!("a player's id has 1 to {USER_CHARS_MAX} characters and is not blank"));
    }
    if sub.chars().any(char::is_control) {
        return Err("a player's id has no control characters; remove them".to_owned());
    }
    if sub.starts_with(User::GUEST_PREFIX) {
        let prefix = User::GUEST_PREFIX;
        return Err(format!("`{prefix}` begins the ids of guests; take another beginning"));
    }
    Ok(())
}

/// Whether texts may be access groups; the rule and the remedy where they may not.
pub(crate) fn check_groups(groups: &[String]) -> Result<(), String> {
    let fits = |group: &String| (1..=NAME_CHARS_MAX).contains(&group.chars().count());
    if groups.len() > GROUPS_MAX || !groups.iter().all(fits) {
        return Err(format!(
            "a player is in at most {GROUPS_MAX} groups of 1 to {NAME_CHARS_MAX} characters each"
        ));
    }
    Ok(())
}

fn identity(claims: Claims) -> ApiResult<Identity> {
    let checked = check_subject(&claims.sub).and_then(|()| check_groups(&claims.groups));
    if let Err(rule) = checked {
        return Err(ApiError::new(ErrorCode::Unauthorized, format!("the player's token: {rule}")));
    }
    let user = User::from_subject(&claims.sub);
    Ok(Identity { user, groups: claims.groups, kind: IdentityKind::Known })
}

fn invalid() -> ApiError {
    ApiError::new(
        ErrorCode::Unauthorized,
        "the player's token is not valid, or is not of a configured issuer; get a new one, or send \
         none to come as a guest",
    )
}

fn has_expired() -> ApiError {
    ApiError::new(
        ErrorCode::Unauthorized,
        "the player's token has expired; get a new one, or send your last session token as \
         `previous` if you are in already",
    )
}
