//! Where Lifeboat is.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use lifeboat_core::ids::WorldId;
use thiserror::Error;

/// Where Lifeboat is: scheme, host and, behind a proxy, a path, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

/// A text that is no base URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no base URL: {rule}")]
pub struct BaseUrlInvalid {
    /// The text as given.
    pub text: String,
    /// What it has to be.
    pub rule: &'static str,
}

impl BaseUrl {
    /// Where joins of `world` are asked for.
    pub(crate) fn join(&self, world: &WorldId) -> Uri {
        let text = format!("{}/api/worlds/{world}/join", self.0);
        text.parse().expect("the base was parsed, and an id has only letters, digits, - and _")
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlInvalid;

    fn from_str(text: &str) -> Result<Self, BaseUrlInvalid> {
        let refuse = |rule| BaseUrlInvalid { text: text.chars().take(200).collect(), rule };
        let uri: Uri = text
            .parse()
            .map_err(|_| refuse("write it as `http://host:port`, without a fragment"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") if cfg!(feature = "tls") => {}
            Some("https") => return Err(refuse("`https` needs the cargo feature `tls`")),
            _ => return Err(refuse("it has to begin with `http://` or `https://`")),
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(refuse("it has to name a host"));
        }
        if uri.query().is_some() {
            return Err(refuse("it has no query"));
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_are_asked_for_below_the_base() {
        let world = "wld_a".parse().unwrap();
        for base in ["http://127.0.0.1:7400", "http://127.0.0.1:7400/"] {
            let uri = base.parse::<BaseUrl>().unwrap().join(&world);
            assert_eq!(uri, "http://127.0.0.1:7400/api/worlds/wld_a/join");
        }
    }

    #[test]
    fn what_cannot_be_asked_is_refused_with_the_rule() {
        for text in ["", "lifeboat", "ftp://a", "http://", "http://a/?b", "/a", "http://a b"] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
        let secure = "https://lifeboat.example".parse::<BaseUrl>();
        assert_eq!(secure.is_ok(), cfg!(feature = "tls"));
    }
}
