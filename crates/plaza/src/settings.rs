//! What a server is told at its start, through the environment.

use std::net::SocketAddr;
use std::str::FromStr;

use lifeboat_core::ids::{DeploymentId, ServerId, WorldId};
use thiserror::Error;

use crate::map::Map;

/// Where and as what a plaza server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlazaSettings {
    /// The world that this server belongs to.
    pub world: WorldId,
    /// The deployment that this server belongs to; tickets have to be for it.
    pub deployment: DeploymentId,
    /// This server's own id: the audience of its tickets.
    pub server: ServerId,
    /// Where the keys of the tickets are fetched (`http`: it is on this machine or network).
    pub jwks_url: String,
    /// The port of the SDK endpoint, on the loopback.
    pub sdk_port: u16,
    /// Where to listen; port 0 is the system's choice.
    pub listen: SocketAddr,
    /// Which map to run.
    pub map: Map,
}

/// A setting that is missing or not of its form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("environment variable {name}: {problem}")]
pub struct SettingInvalid {
    /// Which variable.
    pub name: &'static str,
    /// What is wrong with it, and what it has to be.
    pub problem: String,
}

impl PlazaSettings {
    /// The settings in an environment, of which `lookup` gives the values.
    ///
    /// Required are `LIFEBOAT_WORLD_ID`, `LIFEBOAT_DEPLOYMENT_ID`, `LIFEBOAT_SERVER_ID`,
    /// `LIFEBOAT_JWKS_URL` and `PORT`; optional `AGONES_SDK_HTTP_PORT` (9358), `PLAZA_ADDRESS`
    /// (`0.0.0.0`) and `PLAZA_MAP`, else `LIFEBOAT_MAP` (`plaza`).
    ///
    /// # Errors
    /// Names the first variable that is missing or malformed.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingInvalid> {
        let given = |name| lookup(name).filter(|value| !value.is_empty());
        let required =
            |name| given(name).ok_or(SettingInvalid { name, problem: "has to be set".to_owned() });
        let map_name = if given("PLAZA_MAP").is_some() { "PLAZA_MAP" } else { "LIFEBOAT_MAP" };
        let jwks_url = required("LIFEBOAT_JWKS_URL")?;
        if !jwks_url.starts_with("http://") {
            let problem = format!("`{jwks_url}` has to begin with `http://`");
            return Err(SettingInvalid { name: "LIFEBOAT_JWKS_URL", problem });
        }
        let address = or_default("PLAZA_ADDRESS", given("PLAZA_ADDRESS"), "0.0.0.0")?;
        Ok(Self {
            world: parse("LIFEBOAT_WORLD_ID", &required("LIFEBOAT_WORLD_ID")?)?,
            deployment: parse("LIFEBOAT_DEPLOYMENT_ID", &required("LIFEBOAT_DEPLOYMENT_ID")?)?,
            server: parse("LIFEBOAT_SERVER_ID", &required("LIFEBOAT_SERVER_ID")?)?,
            jwks_url,
            sdk_port: or_default("AGONES_SDK_HTTP_PORT", given("AGONES_SDK_HTTP_PORT"), "9358")?,
            listen: SocketAddr::new(address, parse("PORT", &required("PORT")?)?),
            map: or_default(map_name, given(map_name), Map::default().name())?,
        })
    }
}

fn parse<T: FromStr<Err: std::fmt::Display>>(
    name: &'static str,
    text: &str,
) -> Result<T, SettingInvalid> {
    text.parse().map_err(|error: T::Err| SettingInvalid { name, problem: error.to_string() })
}

fn or_default<T: FromStr<Err: std::fmt::Display>>(
    name: &'static str,
    given: Option<String>,
    default: &str,
) -> Result<T, SettingInvalid> {
    parse(name, given.as_deref().unwrap_or(default))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: [(&str, &str); 5] = [
        ("LIFEBOAT_WORLD_ID", "wld_1"),
        ("LIFEBOAT_DEPLOYMENT_ID", "dep_1"),
        ("LIFEBOAT_SERVER_ID", "srv_1"),
        ("LIFEBOAT_JWKS_URL", "http://127.0.0.1:7400/.well-known/jwks.json"),
        ("PORT", "7001"),
    ];

    fn read(change: (&str, &str)) -> Result<PlazaSettings, SettingInvalid> {
        PlazaSettings::from_env(|name| {
            let values = std::iter::once(change).chain(FULL);
            values.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        })
    }

    #[test]
    fn what_is_optional_has_a_default() {
        let settings = read(("", "")).unwrap();
        assert_eq!((settings.sdk_port, settings.map), (9358, Map::Plaza));
        assert_eq!(settings.listen, "0.0.0.0:7001".parse().unwrap());
        assert_eq!(read(("LIFEBOAT_MAP", "garden")).unwrap().map, Map::Garden);
    }

    #[test]
    fn a_bad_value_is_named() {
        for (name, value) in [
            ("PORT", "70000"),
            ("LIFEBOAT_WORLD_ID", "dep_1"),
            ("LIFEBOAT_SERVER_ID", ""),
            ("LIFEBOAT_JWKS_URL", "https://example.org/"),
            ("PLAZA_MAP", "moon"),
            ("AGONES_SDK_HTTP_PORT", "x"),
            ("PLAZA_ADDRESS", "nowhere"),
        ] {
            assert_eq!(read((name, value)).unwrap_err().name, name);
        }
    }
}
