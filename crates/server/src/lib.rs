//! The control plane: wires the parts together and serves them over HTTP.

mod address;
mod alarms;
mod app;
mod audit;
mod auth;
mod automation;
mod config;
mod drills;
mod ended;
mod events;
mod failover;
mod feed;
mod http;
mod ids;
mod keyspace;
mod live_config;
mod metrics;
mod mods;
mod places;
mod reconciler;
mod startup;
mod watcher;
mod webhooks;
mod worlds;
mod writer;

pub use auth::AuthError;
pub use config::{
    Config, ConfigError, DEFAULT, Greeting, Issuer, Layer, MetricsAccess, RestartPolicy,
    ServersOnStop, StoreKind, Tls,
};
pub use startup::{ServeError, run};
