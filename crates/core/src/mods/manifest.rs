//! The manifest of a mod: `mod.toml`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{MANIFEST_FILE, ModProblem};
use crate::limits::NAME_CHARS_MAX;
use crate::version::BaseVersion;

/// Joins that one server takes per second when the manifest does not say.
pub const JOINS_PER_SECOND_PER_SERVER_DEFAULT: f64 = 50.0;
/// Joins per second that a manifest may claim for one server.
const JOINS_PER_SECOND_MAX: f64 = 1_000_000.0;
/// Seats that a manifest may claim for one server.
const SEATS_MAX: u32 = 1_000_000;
/// Entries of a list in the manifest.
const LIST_ENTRIES_MAX: usize = 256;

/// How clients speak to the mod's servers; the scheme of the endpoints handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
    /// A protocol of the mod's own over TCP.
    Tcp,
    /// A protocol of the mod's own over UDP.
    Udp,
}

impl Protocol {
    const ALL: [Self; 4] = [Self::Ws, Self::Wss, Self::Tcp, Self::Udp];

    /// The protocol as the manifest and the endpoints write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// What `mod.toml` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModManifest {
    /// The mod's name: letters, digits, `-`, `_`.
    pub name: String,
    /// The mod's version: letters, digits, `.`, `-`, `_`, `+`.
    pub version: String,
    /// The program of a server and its arguments.
    pub command: Vec<String>,
    /// Base versions that it runs on.
    pub base_versions: Vec<BaseVersion>,
    /// Content versions that it comes with.
    pub content_versions: Vec<String>,
    /// Maps that it comes with.
    pub maps: Vec<String>,
    /// People that one server takes.
    pub seats_per_server: u32,
    /// Joins that one server takes per second.
    pub joins_per_second_per_server: f64,
    /// How clients speak to its servers.
    pub protocol: Protocol,
    /// The path of a server's endpoint; begins with `/`.
    pub path: String,
}

impl ModManifest {
    /// Reads a manifest from the text of `mod.toml`.
    ///
    /// # Errors
    /// Everything that is wrong with it: unknown keys, missing keys, values out of their rules.
    pub fn parse(text: &str) -> Result<Self, Vec<ModProblem>> {
        let table: Table = text.parse().map_err(|e: toml::de::Error| {
            vec![problem("", format!("must be TOML: {}", e.to_string().trim_end()))]
        })?;
        let mut reader = Reader { table, problems: Vec::new() };
        let manifest = reader.manifest();
        reader.refuse_the_rest();
        match manifest {
            Some(manifest) if reader.problems.is_empty() => Ok(manifest),
            _ => Err(reader.problems),
        }
    }
}

fn problem(key: &str, rule: impl Into<String>) -> ModProblem {
    ModProblem { file: MANIFEST_FILE.to_owned(), key: key.to_owned(), rule: rule.into() }
}

/// Takes keys out of the table one by one; what is left in the end is unknown.
struct Reader {
    table: Table,
    problems: Vec<ModProblem>,
}

const KEYS: &str = "name, version, command, base_versions, content_versions, maps, \
                    seats_per_server, joins_per_second_per_server, protocol, path";
const WORD: &str = "letters, digits, `.`, `-`, `_` and `+`, beginning with a letter or digit";

impl Reader {
    /// Every key is looked at, also after one is found wrong.
    fn manifest(&mut self) -> Option<ModManifest> {
        let name = self.word("name");
        let version = self.word("version");
        let command = self.command();
        let base_versions = self.list("base_versions", "whole numbers such as 38", |value| {
            value.as_integer().and_then(|number| u32::try_from(number).ok()).map(BaseVersion::new)
        });
        let content_versions = self.list("content_versions", WORD, word);
        let maps = self.list("maps", WORD, word);
        let seats_per_server = self.seats();
        let joins_per_second_per_server = self.joins_per_second();
        let protocol = self.protocol();
        let path = self.path();
        Some(ModManifest {
            name: name?,
            version: version?,
            command: command?,
            base_versions: base_versions?,
            content_versions: content_versions?,
            maps: maps?,
            seats_per_server: seats_per_server?,
            joins_per_second_per_server: joins_per_second_per_server?,
            protocol: protocol?,
            path: path?,
        })
    }

    fn refuse_the_rest(&mut self) {
        let unknown = self.table.keys();
        let rule = || format!("is not a key of the manifest: it may have {KEYS}");
        self.problems.extend(unknown.map(|key| problem(key, rule())));
    }

    /// The value of a key that has to be there.
    fn take(&mut self, key: &str) -> Option<Value> {
        let value = self.table.remove(key);
        if value.is_none() {
            self.problems.push(problem(key, "is missing"));
        }
        value
    }

    fn refuse<T>(&mut self, key: &str, rule: impl Into<String>) -> Option<T> {
        self.problems.push(problem(key, rule));
        None
    }

    fn word(&mut self, key: &str) -> Option<String> {
        let value = self.take(key)?;
        word(&value).or_else(|| self.refuse(key, format!("must be a string of {WORD}")))
    }

    fn command(&mut self) -> Option<Vec<String>> {
        let value = self.take("command")?;
        let words = value.as_array().and_then(|words| {
            let words = words.iter().map(|word| word.as_str().map(str::to_owned));
            words.collect::<Option<Vec<_>>>()
        });
        match words {
            Some(words) if words.first().is_some_and(|program| !program.is_empty()) => Some(words),
            _ => self.refuse("command", "must be a list of strings: the program and its arguments"),
        }
    }

    fn list<T: Ord + Clone>(
        &mut self,
        key: &str,
        of: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.take(key)?;
        let entries = match value.as_array() {
            Some(values) if (1..=LIST_ENTRIES_MAX).contains(&values.len()) => {
                values.iter().map(read).collect::<Option<Vec<T>>>()
            }
            _ => None,
        };
        let Some(entries) = entries else {
            let rule = format!("must be a list of 1 to {LIST_ENTRIES_MAX} entries, each {of}");
            return self.refuse(key, rule);
        };
        if entries.iter().collect::<BTreeSet<_>>().len() < entries.len() {
            return self.refuse(key, "must not name an entry twice");
        }
        Some(entries)
    }

    fn seats(&mut self) -> Option<u32> {
        let value = self.take("seats_per_server")?;
        let seats = value.as_integer().and_then(|seats| u32::try_from(seats).ok());
        seats.filter(|seats| (1..=SEATS_MAX).contains(seats)).or_else(|| {
            let rule = format!("must be a whole number from 1 to {SEATS_MAX}");
            self.refuse("seats_per_server", rule)
        })
    }

    fn joins_per_second(&mut self) -> Option<f64> {
        let key = "joins_per_second_per_server";
        let Some(value) = self.table.remove(key) else {
            return Some(JOINS_PER_SECOND_PER_SERVER_DEFAULT);
        };
        let whole = || value.as_integer().and_then(|rate| u32::try_from(rate).ok().map(f64::from));
        let rate = value.as_float().or_else(whole);
        rate.filter(|rate| *rate > 0.0 && *rate <= JOINS_PER_SECOND_MAX).or_else(|| {
            self.refuse(key, format!("must be a number above 0, at most {JOINS_PER_SECOND_MAX}"))
        })
    }

    fn protocol(&mut self) -> Option<Protocol> {
        let value = self.take("protocol")?;
        let name = value.as_str();
        Protocol::ALL.into_iter().find(|protocol| Some(protocol.as_str()) == name).or_else(|| {
            let names = Protocol::ALL.map(Protocol::as_str).join(", ");
            self.refuse("protocol", format!("must be one of {names}"))
        })
    }

    fn path(&mut self) -> Option<String> {
        let Some(value) = self.table.remove("path") else {
            return Some("/".to_owned());
        };
        match value.as_str() {
            Some(path) if path.starts_with('/') && path.chars().all(|c| c.is_ascii_graphic()) => {
                Some(path.to_owned())
            }
            _ => self.refuse("path", "must be a string that begins with `/`, without spaces"),
        }
    }
}

/// A text that can be a folder's name and a part of an address.
fn word(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let is_well_formed = text.len() <= NAME_CHARS_MAX
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_+".contains(c));
    is_well_formed.then(|| text.to_owned())
}
