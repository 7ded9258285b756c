//! One file a resource; each says which routes it has.

pub(crate) mod alarms;
pub(crate) mod audit;
pub(crate) mod automation;
pub(crate) mod bans;
pub(crate) mod deployments;
pub(crate) mod drills;
pub(crate) mod events;
pub(crate) mod failovers;
pub(crate) mod join;
pub(crate) mod keys;
pub(crate) mod live_config;
pub(crate) mod login;
pub(crate) mod ofrep;
pub(crate) mod reports;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod standby;
pub(crate) mod standing;
pub(crate) mod tokens;
pub(crate) mod webhooks;
pub(crate) mod worlds;
