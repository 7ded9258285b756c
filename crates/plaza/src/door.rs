//! Who may enter: the pure check of a ticket.

use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use lifeboat_core::ids::{DeploymentId, ServerId};
use lifeboat_core::ticket::Claims;
use thiserror::Error;

use crate::keys::KeySet;
use crate::limits::CLOCK_LEEWAY;
use crate::wire::{Frame, FromServer};

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No ticket was shown.
    #[error("no ticket: give it as `?ticket=` or as subprotocol `ticket.<JWT>`")]
    Missing,
    /// What was shown is no ticket.
    #[error("the ticket is not a JWT signed with EdDSA, or lacks claims")]
    Malformed,
    /// It is signed with a key that Lifeboat does not publish.
    #[error("the ticket's key is not known here")]
    KeyUnknown,
    /// It was changed, or not signed by Lifeboat.
    #[error("the ticket's signature does not hold")]
    Signature,
    /// It is for another server.
    #[error("the ticket is for another server")]
    Audience,
    /// It is for another start of the world.
    #[error("the ticket is for another deployment")]
    Deployment,
    /// Its time is over.
    #[error("the ticket has expired; join again")]
    Expired,
    /// It was issued before everybody was asked to join again.
    #[error("everyone in this world has to join again, you too")]
    Outdated,
    /// The session is here with a newer ticket.
    #[error("your session is connected with a newer ticket")]
    Superseded,
    /// The server stops.
    #[error("this server stops; join again")]
    Stopping,
}

impl Refusal {
    /// The code in the error frame.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "ticket_missing",
            Self::Malformed => "ticket_malformed",
            Self::KeyUnknown => "ticket_key_unknown",
            Self::Signature => "ticket_signature",
            Self::Audience => "ticket_audience",
            Self::Deployment => "ticket_deployment",
            Self::Expired => "ticket_expired",
            Self::Outdated => "ticket_outdated",
            Self::Superseded => "ticket_superseded",
            Self::Stopping => "stopping",
        }
    }

    /// The error frame.
    #[must_use]
    pub fn frame(self) -> Frame {
        FromServer::Error { code: self.code(), detail: &self.to_string() }.frame()
    }
}

/// Whom tickets have to be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// This server.
    pub server: ServerId,
    /// Its deployment.
    pub deployment: DeploymentId,
}

/// Checks a ticket: signature, audience, deployment, expiry and counter, in this order. `now` is
/// the time since the Unix epoch, `counter` the world's current AllClients.
///
/// # Errors
/// The first check that the ticket fails.
pub fn check(
    ticket: &str,
    keys: &KeySet,
    addressee: &Addressee,
    counter: u64,
    now: Duration,
) -> Result<Claims, Refusal> {
    let header = jsonwebtoken::decode_header(ticket).map_err(|_| Refusal::Malformed)?;
    if header.alg != Algorithm::EdDSA {
        return Err(Refusal::Malformed);
    }
    let key_id = header.kid.ok_or(Refusal::Malformed)?;
    let key = keys.get(&key_id).ok_or(Refusal::KeyUnknown)?;
    let claims = jsonwebtoken::decode::<Claims>(ticket, key, &signature_only())
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => Refusal::Signature,
            _ => Refusal::Malformed,
        })?
        .claims;
    if claims.aud != addressee.server.as_str() {
        return Err(Refusal::Audience);
    }
    if claims.dep != addressee.deployment {
        return Err(Refusal::Deployment);
    }
    let expires = Duration::from_secs(u64::try_from(claims.exp).unwrap_or(0));
    if expires.saturating_add(CLOCK_LEEWAY) <= now {
        return Err(Refusal::Expired);
    }
    if claims.generation < counter {
        return Err(Refusal::Outdated);
    }
    Ok(claims)
}

/// The library checks the signature; the claims are checked here, against the caller's clock.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}
