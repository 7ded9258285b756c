//! The configuration file: the embedded default, a file over it, flags over both.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::address::{is_address, origin};

use super::{
    Config, Greeting, Issuer, MetricsAccess, RestartPolicy, ServersOnStop, StoreKind, Tls,
};

/// The default configuration, which documents every setting.
pub const DEFAULT: &str = include_str!("default.toml");

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A file or flag says something that is no setting.
    #[error("{at}: {rule}")]
    Invalid {
        /// Where it stands.
        at: String,
        /// What is wrong, and what is allowed.
        rule: String,
    },
}

/// Settings as a file or the flags give them; what is absent is decided by the layer below.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// Where to listen.
    pub listen: Option<SocketAddr>,
    /// Where to listen with TLS too.
    pub tls_listen: Option<SocketAddr>,
    /// The certificate chain for it, a PEM file.
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key, a PEM file.
    pub tls_key: Option<PathBuf>,
    /// The data directory.
    pub data: Option<PathBuf>,
    /// `sqlite` or `memory`.
    pub store: Option<String>,
    /// A folder with mods.
    pub mods: Option<PathBuf>,
    /// The address under which this installation is reached.
    pub public_url: Option<String>,
    /// The host that game servers are reached at.
    pub advertise_host: Option<String>,
    /// Origins whose pages may join.
    pub cors_origins: Option<Vec<String>>,
    /// `on-failure` or `never`.
    pub restart_policy: Option<String>,
    /// Whether game servers end with the control plane.
    pub stop_servers: Option<bool>,
    /// Whether everyone may read the metrics.
    pub open_metrics: Option<bool>,
    /// Threads that hold session channels.
    pub gateway_threads: Option<u16>,
    /// Whether many frames are given to the system in one call, where it allows that.
    pub io_uring: Option<bool>,
    /// Issuers of players' tokens.
    pub issuers: Option<Vec<IssuerEntry>>,
}

/// An issuer as a file gives it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerEntry {
    name: String,
    jwks_file: PathBuf,
    audience: Option<String>,
}

impl Layer {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`] with the file, the setting and the rule.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&path.display().to_string(), &text)
    }

    fn parse(at: &str, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::Invalid {
            at: at.to_owned(),
            rule: error.to_string().trim_end().to_owned(),
        })
    }

    /// This layer over another.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            listen: self.listen.or(below.listen),
            tls_listen: self.tls_listen.or(below.tls_listen),
            tls_certificate: self.tls_certificate.or(below.tls_certificate),
            tls_key: self.tls_key.or(below.tls_key),
            data: self.data.or(below.data),
            store: self.store.or(below.store),
            mods: self.mods.or(below.mods),
            public_url: self.public_url.or(below.public_url),
            advertise_host: self.advertise_host.or(below.advertise_host),
            cors_origins: self.cors_origins.or(below.cors_origins),
            restart_policy: self.restart_policy.or(below.restart_policy),
            stop_servers: self.stop_servers.or(below.stop_servers),
            open_metrics: self.open_metrics.or(below.open_metrics),
            gateway_threads: self.gateway_threads.or(below.gateway_threads),
            io_uring: self.io_uring.or(below.io_uring),
            issuers: self.issuers.or(below.issuers),
        }
    }
}

impl Config {
    /// The configuration of a file and the flags over it, on top of the default.
    ///
    /// # Errors
    /// [`ConfigError`] with where it stands, and the rule.
    pub fn from_layers(flags: Layer, file: Option<&Path>) -> Result<Self, ConfigError> {
        let default = Layer::parse("the default configuration", DEFAULT)?;
        let file = file.map(Layer::read).transpose()?.unwrap_or_default();
        Self::from_layer(flags.over(file).over(default))
    }

    fn from_layer(layer: Layer) -> Result<Self, ConfigError> {
        let store = match layer.store.as_deref() {
            Some("sqlite") | None => StoreKind::Sqlite,
            Some("memory") => StoreKind::Memory,
            Some(other) => {
                return Err(invalid("store", other, "`sqlite` or `memory`"));
            }
        };
        let restart_policy = match layer.restart_policy.as_deref() {
            Some("on-failure") | None => RestartPolicy::OnFailure,
            Some("never") => RestartPolicy::Never,
            Some(other) => {
                return Err(invalid("restart_policy", other, "`on-failure` or `never`"));
            }
        };
        let public_url = layer.public_url.map(|url| check_url(&url)).transpose()?;
        let issuers = layer.issuers.unwrap_or_default();
        Ok(Self {
            listen: layer.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 7400))),
            tls: tls(
                layer.tls_listen,
                layer.tls_certificate,
                layer.tls_key,
                public_url.as_deref(),
            )?,
            data: layer.data.unwrap_or_else(|| PathBuf::from(".lifeboat")),
            store,
            mods: layer.mods,
            public_url,
            advertise_host: layer.advertise_host.unwrap_or_else(|| "127.0.0.1".to_owned()),
            cors_origins: origins(&layer.cors_origins.unwrap_or_default())?,
            restart_policy,
            servers_on_stop: if layer.stop_servers.unwrap_or(false) {
                ServersOnStop::Stop
            } else {
                ServersOnStop::Leave
            },
            metrics: if layer.open_metrics.unwrap_or(false) {
                MetricsAccess::Open
            } else {
                MetricsAccess::Viewers
            },
            gateway_threads: layer.gateway_threads.unwrap_or(1).max(1),
            io_uring: layer.io_uring.unwrap_or(true),
            issuers: issuers.into_iter().map(issuer).collect::<Result<_, _>>()?,
            greeting: Greeting::Print,
        })
    }
}

fn invalid(setting: &str, found: &str, allowed: &str) -> ConfigError {
    ConfigError::Invalid {
        at: setting.to_owned(),
        rule: format!("`{found}` is not allowed here; use {allowed}"),
    }
}

fn check_url(url: &str) -> Result<String, ConfigError> {
    let url = url.trim_end_matches('/');
    if is_address(url) {
        Ok(url.to_owned())
    } else {
        Err(invalid("public_url", url, "an address that begins with http:// or https://"))
    }
}

fn origins(given: &[String]) -> Result<Vec<String>, ConfigError> {
    let allowed = "an origin as browsers send it, `https://host` or `https://host:port`, with \
                   nothing after it";
    let read = |text: &String| origin(text).ok_or_else(|| invalid("cors_origins", text, allowed));
    given.iter().map(read).collect()
}

fn tls(
    listen: Option<SocketAddr>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    public_url: Option<&str>,
) -> Result<Option<Tls>, ConfigError> {
    let rule = |at: &str, rule: &str| ConfigError::Invalid { at: at.into(), rule: rule.into() };
    match (listen, certificate, key) {
        (None, None, None) => Ok(None),
        (Some(listen), Some(certificate), Some(key)) => {
            if public_url.is_some_and(|url| url.starts_with("https://")) {
                Ok(Some(Tls { listen, certificate, key }))
            } else {
                let needed = "with `tls_listen`, say the address that clients use: https:// and \
                              a name that the certificate is for";
                Err(rule("public_url", needed))
            }
        }
        _ => Err(rule("tls_listen", "give `tls_listen`, `tls_certificate` and `tls_key` together")),
    }
}

fn issuer(entry: IssuerEntry) -> Result<Issuer, ConfigError> {
    let jwks = fs::read_to_string(&entry.jwks_file)
        .map_err(|source| ConfigError::Unreadable { path: entry.jwks_file, source })?;
    Ok(Issuer { name: entry.name, jwks, audience: entry.audience })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_the_default() {
        let config = Config::from_layers(Layer::default(), None).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:7400");
        assert_eq!(config.data, Path::new(".lifeboat"));
        assert_eq!(config.restart_policy, RestartPolicy::OnFailure);
    }

    #[test]
    fn flags_win_over_the_file_and_unknown_settings_are_named() {
        let file = Layer::parse("f", "data = \"a\"\nstore = \"memory\"").unwrap();
        let flags = Layer { data: Some("b".into()), ..Layer::default() };
        let both = flags.over(file);
        assert_eq!((both.data, both.store.as_deref()), (Some("b".into()), Some("memory")));
        let error = Layer::parse("f", "datta = \"a\"").unwrap_err().to_string();
        assert!(error.contains("datta"), "{error}");
        let layer = Layer { store: Some("oracle".into()), ..Layer::default() };
        assert!(Config::from_layer(layer).unwrap_err().to_string().contains("sqlite"));
    }

    #[test]
    fn an_origin_that_no_browser_sends_is_refused() {
        let with = |origin: &str| {
            let cors_origins = Some(vec!["https://a.example".into(), origin.into()]);
            Config::from_layer(Layer { cors_origins, ..Layer::default() })
        };
        assert_eq!(with("http://B:80").unwrap().cors_origins[1], "http://b");
        let error = with("zzz/a").unwrap_err().to_string();
        assert!(error.contains("cors_origins") && error.contains("zzz/a"), "{error}");
        assert!(error.contains("https://host:port"), "{error}");
    }
}
