//! The game server object in the types of the proto file.

use super::proto::GameServer;
use super::proto::game_server::status::{Address, CounterStatus, ListStatus, Port};
use super::proto::game_server::{ObjectMeta, Spec, Status, spec};
use crate::live_server::LiveServer;
use crate::sdk::state::Sdk;
use crate::sdk::view::{NAMESPACE, PORT_NAME};

/// The object of a server as it is now.
pub(super) fn game_server(server: &LiveServer) -> GameServer {
    let rule = server.rule();
    let health = spec::Health {
        disabled: false,
        period_seconds: i32::try_from(rule.period.as_secs()).unwrap_or(i32::MAX),
        failure_threshold: i32::try_from(rule.misses_max).unwrap_or(i32::MAX),
        initial_delay_seconds: 0,
    };
    server.read(|sdk| GameServer {
        object_meta: Some(object_meta(server, sdk)),
        spec: Some(Spec { health: Some(health) }),
        status: Some(status(server, sdk)),
    })
}

fn object_meta(server: &LiveServer, sdk: &Sdk) -> ObjectMeta {
    let started = server.record();
    ObjectMeta {
        name: started.server.to_string(),
        namespace: NAMESPACE.into(),
        uid: started.server.to_string(),
        resource_version: sdk.version().to_string(),
        generation: 1,
        creation_timestamp: started.started_at.as_seconds(),
        deletion_timestamp: 0,
        annotations: sdk.annotations().clone().into_iter().collect(),
        labels: sdk.labels().clone().into_iter().collect(),
    }
}

fn status(server: &LiveServer, sdk: &Sdk) -> Status {
    let started = server.record();
    let host = &started.game_host;
    let counters = sdk.counters().iter().map(|(name, counter)| {
        (name.clone(), CounterStatus { count: counter.count, capacity: counter.capacity })
    });
    let lists = sdk.lists().iter().map(|(name, list)| {
        (name.clone(), ListStatus { capacity: list.capacity, values: list.values.to_vec() })
    });
    Status {
        state: sdk.state().as_str().into(),
        address: host.clone(),
        addresses: vec![Address { r#type: "InternalIP".into(), address: host.clone() }],
        ports: vec![Port { name: PORT_NAME.into(), port: started.game_port.into() }],
        players: None,
        counters: counters.collect(),
        lists: lists.collect(),
    }
}
