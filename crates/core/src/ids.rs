//! One type for the id of each kind of thing, so that a world's id cannot be passed for a
//! deployment's. The textual form is a prefix for the kind and an opaque rest.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::ID_LENGTH_MAX;

/// A text that is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{text}` is not {kind} id: it has to begin with `{prefix}`, followed by letters, digits, `-` or `_`"
)]
pub struct IdInvalid {
    /// The text as given, shortened to a length fit for an error message.
    pub text: String,
    /// What it was taken for, with its article.
    pub kind: &'static str,
    /// How ids of that kind begin.
    pub prefix: &'static str,
}

/// Whether `text` is `prefix` and then at least one character of the id alphabet.
fn is_well_formed(text: &str, prefix: &str) -> bool {
    text.len() <= ID_LENGTH_MAX
        && text.strip_prefix(prefix).is_some_and(|rest| {
            !rest.is_empty()
                && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

/// For maps by ids that we made ourselves: nobody outside can choose them so that they collide.
pub type FastHash = foldhash::fast::RandomState;

/// A text that many share, such as the id of the world that thousands are in.
type Shared = Arc<str>;
/// A text that is each owner's own, kept where the owner is: whoever goes through thousands of
/// sessions would else wait for memory at each of them.
type Own = CompactString;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident($text:ty), $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name($text);

        impl $name {
            /// How every id of this kind begins.
            pub const PREFIX: &'static str = $prefix;

            /// An id from the opaque part that follows the prefix. The caller vouches that
            /// `unique` is of the id alphabet and was never used for this kind.
            #[must_use]
            pub fn from_unique(unique: &str) -> Self {
                Self(format!(concat!($prefix, "{}"), unique).into())
            }

            /// The id as text, prefix included.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdInvalid;

            fn from_str(text: &str) -> Result<Self, IdInvalid> {
                if is_well_formed(text, $prefix) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdInvalid {
                        text: text.chars().take(ID_LENGTH_MAX).collect(),
                        kind: $kind,
                        prefix: $prefix,
                    })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdInvalid;

            fn try_from(text: String) -> Result<Self, IdInvalid> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id_type!(
    /// A world: what an organiser sets up. Stable over restarts.
    WorldId(Shared), "wld_", "a world"
);
id_type!(
    /// A deployment: one start of a world.
    DeploymentId(Shared), "dep_", "a deployment"
);
id_type!(
    /// A server: one game-server process of a deployment.
    ServerId(Shared), "srv_", "a server"
);
id_type!(
    /// A launch context: how clients of base version 37 and older launch into a deployment.
    LaunchContextId(Shared), "lc_", "a launch context"
);
id_type!(
    /// A session: one user's presence.
    SessionId(Own), "ses_", "a session"
);
id_type!(
    /// A failover, failback or rejoin.
    FailoverId(Shared), "fo_", "a failover"
);
id_type!(
    /// A drill.
    DrillId(Shared), "drl_", "a drill"
);
id_type!(
    /// An API key.
    KeyId(Shared), "key_", "an API key"
);
id_type!(
    /// A webhook.
    WebhookId(Shared), "wh_", "a webhook"
);
id_type!(
    /// A ban.
    BanId(Shared), "ban_", "a ban"
);
id_type!(
    /// A login to the dashboard.
    LoginId(Own), "login_", "a login"
);

/// A user: `usr_…` for a guest, else the subject of the issuer's token, as it stands there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct User(Own);

impl User {
    /// How the id of a user made for a guest begins.
    pub const GUEST_PREFIX: &'static str = "usr_";

    /// A user made for a guest, from an opaque unique text.
    #[must_use]
    pub fn guest(unique: &str) -> Self {
        Self(format!("{}{unique}", Self::GUEST_PREFIX).into())
    }

    /// A user known by the subject of a token.
    #[must_use]
    pub fn from_subject(subject: &str) -> Self {
        Self(subject.into())
    }

    /// The user as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let refusal = "dep_abc".parse::<WorldId>().unwrap_err();
        assert_eq!((refusal.kind, refusal.prefix), ("a world", "wld_"));
    }

    #[test]
    fn the_alphabet_and_the_length_are_bounded() {
        for text in ["wld_", "wld_a/b", "wld_ü", &format!("wld_{}", "a".repeat(ID_LENGTH_MAX))] {
            assert!(text.parse::<WorldId>().is_err(), "{text}");
        }
        assert_eq!("wld_a-B_9".parse::<WorldId>().unwrap().as_str(), "wld_a-B_9");
    }
}
