//! The keys that sign tickets and session tokens. Any node and any game server checks a token by
//! the public keys alone.
//!
//! Tokens are put together here rather than by the JWT library, because a join signs two of them
//! and the library derives the key anew for each; checking them is the library's.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use lifeboat_core::limits::PREVIOUS_GRACE;
use lifeboat_core::ticket::{Claims, ISSUER, SESSION_AUDIENCE};
use lifeboat_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Signing keys as they are kept: the first one signs, the others are still accepted.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptKeys {
    keys: Vec<KeptKey>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptKey {
    kid: String,
    /// The seed, in base64url.
    seed: String,
    created_at: Timestamp,
}

/// Keys that could not be read.
#[derive(Debug, Error)]
#[error("the signing keys that were kept cannot be read")]
pub struct KeysUnreadable;

/// Why a session token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenRefusal {
    /// It is not one of ours, or was changed.
    #[error("the token is not valid")]
    Invalid,
    /// It was valid once.
    #[error("the token has expired")]
    Expired,
}

impl KeptKeys {
    /// Keys with one new key, from 32 random bytes.
    #[must_use]
    pub fn new(seed: [u8; 32], now: Timestamp) -> Self {
        Self { keys: vec![KeptKey::new(seed, now)] }
    }

    /// The same with a new key that signs from now on; the one that signed so far is accepted
    /// still, older ones are not.
    #[must_use]
    pub fn rotated(&self, seed: [u8; 32], now: Timestamp) -> Self {
        let newest = self.keys.first().cloned();
        Self { keys: std::iter::once(KeptKey::new(seed, now)).chain(newest).collect() }
    }
}

impl KeptKey {
    fn new(seed: [u8; 32], created_at: Timestamp) -> Self {
        let kid = URL_SAFE_NO_PAD.encode(&pair(&seed).public_key().as_ref()[..9]);
        Self { kid, seed: URL_SAFE_NO_PAD.encode(seed), created_at }
    }
}

/// The key pair of a seed.
fn pair(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed")
}

/// Session tokens that this node signed not long ago, by their digests. Most tokens are shown to
/// the node that signed them, within seconds and by thousands at once; such a one needs no second
/// look at its signature, which would be the dearest part of opening a channel. Whatever is not
/// here is checked by its signature, so forgetting costs time only.
struct Signed(Mutex<Vec<Shelf>>);

/// The first half of a token's SHA-256.
type Digest = [u8; 16];

/// Digests that have their place in common, the newest first.
type Shelf = [Digest; 4];

/// Shelves of remembered digests, 64 bytes each. A token's own digest says on which one it is.
const SHELVES: usize = 1 << 14;

impl Default for Signed {
    fn default() -> Self {
        Self(Mutex::new(vec![Shelf::default(); SHELVES]))
    }
}

impl Signed {
    fn remember(&self, token: &str) {
        let (place, digest) = Self::place(token);
        let shelf = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner)[place];
        shelf.rotate_right(1);
        shelf[0] = digest;
    }

    fn knows(&self, token: &str) -> bool {
        let (place, digest) = Self::place(token);
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[place].contains(&digest)
    }

    fn place(token: &str) -> (usize, Digest) {
        let mut digest = Digest::default();
        let length = digest.len();
        digest.copy_from_slice(&Sha256::digest(token.as_bytes())[..length]);
        let place = usize::from(u16::from_be_bytes([digest[0], digest[1]])) % SHELVES;
        (place, digest)
    }
}

/// Signs tokens, and checks those that come back.
pub struct KeyRing {
    signing: Ed25519KeyPair,
    /// The encoded header of every token, with the dot that follows it.
    header: String,
    accepted: Vec<(String, DecodingKey)>,
    jwks: Value,
    signed: Signed,
}

impl KeyRing {
    /// A key ring from keys that were kept.
    ///
    /// # Errors
    /// [`KeysUnreadable`] when they are damaged.
    pub fn new(kept: &KeptKeys) -> Result<Self, KeysUnreadable> {
        let mut ring: Option<Self> = None;
        let mut public_keys = Vec::new();
        for key in &kept.keys {
            let seed = URL_SAFE_NO_PAD.decode(&key.seed).map_err(|_| KeysUnreadable)?;
            let seed: [u8; 32] = seed.try_into().map_err(|_| KeysUnreadable)?;
            let signing = pair(&seed);
            let x = URL_SAFE_NO_PAD.encode(signing.public_key());
            let decoding = DecodingKey::from_ed_components(&x).map_err(|_| KeysUnreadable)?;
            public_keys.push(json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                                     "kid": key.kid, "x": x }));
            let ring = ring.get_or_insert_with(|| Self {
                signing,
                header: header(&key.kid),
                accepted: Vec::new(),
                jwks: Value::Null,
                signed: Signed::default(),
            });
            ring.accepted.push((key.kid.clone(), decoding));
        }
        let mut ring = ring.ok_or(KeysUnreadable)?;
        ring.jwks = json!({ "keys": public_keys });
        Ok(ring)
    }

    /// Signs claims of any shape as a JWT (EdDSA).
    ///
    /// # Panics
    /// Never for claims that have a JSON form, as all ours have.
    #[must_use]
    pub fn sign(&self, claims: &impl Serialize) -> String {
        let claims = serde_json::to_vec(claims).expect("claims have a JSON form");
        let mut token = String::with_capacity(self.header.len() + claims.len() * 4 / 3 + 90);
        token.push_str(&self.header);
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.signing.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    /// Signs the claims of a session token, and remembers that this node did.
    #[must_use]
    pub fn sign_session(&self, claims: &Claims) -> String {
        let token = self.sign(claims);
        self.signed.remember(&token);
        token
    }

    /// The public keys, as a JWKS document.
    #[must_use]
    pub fn jwks(&self) -> &Value {
        &self.jwks
    }

    /// Checks a session token for opening a channel.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub fn check_session(&self, token: &str, now: Timestamp) -> Result<Claims, TokenRefusal> {
        let claims = self.session_claims(token)?;
        if claims.exp < now.as_seconds() { Err(TokenRefusal::Expired) } else { Ok(claims) }
    }

    /// Checks a session token as the `previous` of a join, for which it is good longer.
    ///
    /// # Errors
    /// [`TokenRefusal`].
    pub fn check_previous(&self, token: &str, now: Timestamp) -> Result<Claims, TokenRefusal> {
        let claims = self.session_claims(token)?;
        let expired_at = Timestamp::from_ms(claims.exp.saturating_mul(1000));
        if now.since(expired_at) > PREVIOUS_GRACE {
            return Err(TokenRefusal::Expired);
        }
        Ok(claims)
    }

    fn session_claims(&self, token: &str) -> Result<Claims, TokenRefusal> {
        if !self.signed.knows(token) {
            return self.check(token, SESSION_AUDIENCE);
        }
        let payload = token.split('.').nth(1).ok_or(TokenRefusal::Invalid)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenRefusal::Invalid)?;
        serde_json::from_slice(&payload).map_err(|_| TokenRefusal::Invalid)
    }

    /// Checks signature, issuer and audience of a token of ours, and reads its claims. Its time is
    /// the caller's to judge.
    ///
    /// # Errors
    /// [`TokenRefusal::Invalid`].
    pub fn check<T>(&self, token: &str, audience: &str) -> Result<T, TokenRefusal>
    where
        T: serde::de::DeserializeOwned + Clone,
    {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenRefusal::Invalid)?;
        let (_, key) = self
            .accepted
            .iter()
            .find(|(kid, _)| header.kid.as_deref() == Some(kid))
            .ok_or(TokenRefusal::Invalid)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[ISSUER]);
        jsonwebtoken::decode::<T>(token, key, &validation).map(|data| data.claims).map_err(
            |error| match error.kind() {
                ErrorKind::ExpiredSignature => TokenRefusal::Expired,
                _ => TokenRefusal::Invalid,
            },
        )
    }
}

fn header(kid: &str) -> String {
    let header = json!({ "typ": "JWT", "alg": "EdDSA", "kid": kid }).to_string();
    let mut encoded = URL_SAFE_NO_PAD.encode(header);
    encoded.push('.');
    encoded
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_795_000_000_000);

    fn claims(audience: &str) -> Claims {
        serde_json::from_value(json!({
            "iss": "lifeboat", "aud": audience, "sub": "usr_1", "ses": "ses_1", "req": "wld_a",
            "wld": "wld_b", "dep": "dep_b", "srv": "srv_b", "gen": 1, "ret": 2, "rev": 3,
            "bv": 38, "kind": "bot", "iat": NOW.as_seconds(),
            "exp": (NOW + Duration::from_mins(5)).as_seconds(), "jti": "1"
        }))
        .unwrap()
    }

    fn ring(kept: &KeptKeys) -> KeyRing {
        KeyRing::new(kept).unwrap()
    }

    #[test]
    fn a_token_says_what_was_signed_until_it_expires() {
        let ring = ring(&KeptKeys::new([7; 32], NOW));
        let token = ring.sign(&claims(SESSION_AUDIENCE));
        assert_eq!(ring.check_session(&token, NOW), Ok(claims(SESSION_AUDIENCE)));
        let later = NOW + Duration::from_mins(6);
        assert_eq!(ring.check_session(&token, later), Err(TokenRefusal::Expired));
        assert!(ring.check_previous(&token, later).is_ok());
        let much_later = NOW + Duration::from_hours(25);
        assert_eq!(ring.check_previous(&token, much_later), Err(TokenRefusal::Expired));
    }

    #[test]
    fn a_token_that_this_node_signed_is_known_until_its_place_is_taken() {
        let ring = ring(&KeptKeys::new([7; 32], NOW));
        let token = ring.sign_session(&claims(SESSION_AUDIENCE));
        assert!(ring.signed.knows(&token));
        assert_eq!(ring.check_session(&token, NOW), Ok(claims(SESSION_AUDIENCE)));
        let later = NOW + Duration::from_mins(6);
        assert_eq!(ring.check_session(&token, later), Err(TokenRefusal::Expired));
        assert!(!ring.signed.knows(&format!("{token}=")));
        let place = Signed::place(&token).0;
        let neighbours = (0..).map(|n| n.to_string()).filter(|n| Signed::place(n).0 == place);
        neighbours.take(4).for_each(|neighbour| ring.signed.remember(&neighbour));
        assert!(!ring.signed.knows(&token));
        assert_eq!(ring.check_session(&token, NOW), Ok(claims(SESSION_AUDIENCE)));
        assert_eq!(ring.check_session(&format!("{token}="), NOW), Err(TokenRefusal::Invalid));
    }

    #[test]
    fn what_was_changed_or_is_for_someone_else_is_invalid() {
        let ours = ring(&KeptKeys::new([7; 32], NOW));
        let token = ours.sign(&claims(SESSION_AUDIENCE));
        let theirs = ring(&KeptKeys::new([8; 32], NOW)).sign(&claims(SESSION_AUDIENCE));
        let ticket = ours.sign(&claims("srv_b"));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let other = ours.sign(&claims("lifeboat2"));
        let (other_signed, _) = other.rsplit_once('.').unwrap();
        let swapped = format!("{other_signed}.{signature}");
        for bad in ["", "a.b.c", signed, &theirs, &ticket, &swapped, &format!("{token}x")] {
            assert_eq!(ours.check_session(bad, NOW), Err(TokenRefusal::Invalid), "{bad}");
        }
    }

    #[test]
    fn after_a_rotation_the_old_key_s_tokens_are_still_good_and_both_keys_are_public() {
        let first = KeptKeys::new([7; 32], NOW);
        let token = ring(&first).sign(&claims(SESSION_AUDIENCE));
        let second = first.rotated([8; 32], NOW);
        let ring_after = ring(&second);
        assert!(ring_after.check_session(&token, NOW).is_ok());
        assert_eq!(ring_after.jwks()["keys"].as_array().map(Vec::len), Some(2));
        let third = second.rotated([9; 32], NOW);
        assert_eq!(ring(&third).check_session(&token, NOW), Err(TokenRefusal::Invalid));
    }
}
