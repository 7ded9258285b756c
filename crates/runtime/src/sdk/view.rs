//! The game server object and its parts as JSON, the way gRPC's gateway writes them: names as in
//! the proto file, 64-bit integers as strings, nothing left out for being empty.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::state::{Counter, List, Sdk};
use crate::health::HealthRule;
use crate::runtime::StartedServer;

/// A 64-bit integer: written as a string, read from a string or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Int64(pub(crate) i64);

impl Serialize for Int64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(i64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(number) => Ok(Self(number)),
            Form::Text(text) => text.parse().map(Self).map_err(serde::de::Error::custom),
        }
    }
}

/// The game server object.
#[derive(Debug, Serialize)]
pub(crate) struct GameServerView<'a> {
    object_meta: ObjectMeta<'a>,
    spec: Spec,
    status: Status<'a>,
}

#[derive(Debug, Serialize)]
struct ObjectMeta<'a> {
    name: &'a str,
    namespace: &'a str,
    uid: &'a str,
    resource_version: String,
    generation: Int64,
    creation_timestamp: Int64,
    deletion_timestamp: Int64,
    annotations: &'a BTreeMap<String, String>,
    labels: &'a BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct Spec {
    health: Health,
}

#[derive(Debug, Serialize)]
struct Health {
    disabled: bool,
    period_seconds: u64,
    failure_threshold: u32,
    initial_delay_seconds: u32,
}

#[derive(Debug, Serialize)]
struct Status<'a> {
    state: &'static str,
    address: &'a str,
    addresses: [Address<'a>; 1],
    ports: [Port; 1],
    /// Player tracking is off; the list `players` has its place.
    players: Option<()>,
    counters: BTreeMap<&'a str, CounterStatus>,
    lists: BTreeMap<&'a str, ListStatus<'a>>,
}

#[derive(Debug, Serialize)]
struct Address<'a> {
    r#type: &'static str,
    address: &'a str,
}

#[derive(Debug, Serialize)]
struct Port {
    name: &'static str,
    port: u16,
}

#[derive(Debug, Serialize)]
struct CounterStatus {
    count: Int64,
    capacity: Int64,
}

#[derive(Debug, Serialize)]
struct ListStatus<'a> {
    capacity: Int64,
    values: &'a [String],
}

/// The namespace that every game server object is in.
pub(crate) const NAMESPACE: &str = "lifeboat";
/// The name of the one port of a game server.
pub(crate) const PORT_NAME: &str = "default";

impl<'a> GameServerView<'a> {
    /// The object of a server as it is now.
    pub(crate) fn new(started: &'a StartedServer, rule: HealthRule, sdk: &'a Sdk) -> Self {
        let name = started.server.as_str();
        let host = started.game_host.as_str();
        let counters = sdk.counters().iter().map(|(name, counter)| {
            let Counter { count, capacity } = *counter;
            (name.as_str(), CounterStatus { count: Int64(count), capacity: Int64(capacity) })
        });
        let lists = sdk.lists().iter().map(|(name, list)| {
            (name.as_str(), ListStatus { capacity: Int64(list.capacity), values: &list.values })
        });
        Self {
            object_meta: ObjectMeta {
                name,
                namespace: NAMESPACE,
                uid: name,
                resource_version: sdk.version().to_string(),
                generation: Int64(1),
                creation_timestamp: Int64(started.started_at.as_seconds()),
                deletion_timestamp: Int64(0),
                annotations: sdk.annotations(),
                labels: sdk.labels(),
            },
            spec: Spec {
                health: Health {
                    disabled: false,
                    period_seconds: rule.period.as_secs(),
                    failure_threshold: rule.misses_max,
                    initial_delay_seconds: 0,
                },
            },
            status: Status {
                state: sdk.state().as_str(),
                address: host,
                addresses: [Address { r#type: "InternalIP", address: host }],
                ports: [Port { name: PORT_NAME, port: started.game_port }],
                players: None,
                counters: counters.collect(),
                lists: lists.collect(),
            },
        }
    }
}

/// A counter as the answer to a call about it.
#[derive(Debug, Serialize)]
pub(crate) struct CounterView<'a> {
    name: &'a str,
    count: Int64,
    capacity: Int64,
}

impl<'a> CounterView<'a> {
    /// The counter of this name.
    pub(crate) fn new(name: &'a str, counter: Counter) -> Self {
        Self { name, count: Int64(counter.count), capacity: Int64(counter.capacity) }
    }
}

/// A list as the answer to a call about it.
#[derive(Debug, Serialize)]
pub(crate) struct ListView<'a> {
    name: &'a str,
    capacity: Int64,
    values: &'a [String],
}

impl<'a> ListView<'a> {
    /// The list of this name.
    pub(crate) fn new(name: &'a str, list: &'a List) -> Self {
        Self { name, capacity: Int64(list.capacity), values: &list.values }
    }
}
