//! Who may do what: one row for every route, and nowhere else.

use crate::auth::Role;

/// What a caller has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Anybody.
    Public,
    /// A player or a guest; the handler reads the player's token.
    Player,
    /// Whoever has a key of this role or a higher one.
    Role(Role),
    /// A viewer, unless the metrics are open to all.
    Metrics,
}

/// One route.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// The HTTP method.
    pub(crate) method: &'static str,
    /// The address as a template.
    pub(crate) path: &'static str,
    /// Who may.
    pub(crate) need: Need,
    /// What is done, for the audit log; empty for what only reads.
    pub(crate) action: &'static str,
}

const VIEWER: Need = Need::Role(Role::Viewer);
const OPERATOR: Need = Need::Role(Role::Operator);
const ADMIN: Need = Need::Role(Role::Admin);

const fn read(path: &'static str, need: Need) -> Row {
    Row { method: "GET", path, need, action: "" }
}

const fn write(method: &'static str, path: &'static str, need: Need, action: &'static str) -> Row {
    Row { method, path, need, action }
}

/// Every route.
#[rustfmt::skip]
pub(crate) const TABLE: &[Row] = &[
    read("/healthz", Need::Public),
    read("/readyz", Need::Public),
    read("/metrics", Need::Metrics),
    read("/.well-known/jwks.json", Need::Public),
    read("/api/openapi.json", Need::Public),
    read("/session", Need::Player),

    write("POST", "/api/login", Need::Public, "login"),
    write("POST", "/api/logout", VIEWER, "logout"),
    read("/api/me", VIEWER),
    read("/api/keys", ADMIN),
    write("POST", "/api/keys", ADMIN, "key.create"),
    write("DELETE", "/api/keys/{id}", ADMIN, "key.revoke"),
    write("POST", "/api/tokens", OPERATOR, "token.create"),
    read("/api/events", VIEWER),
    read("/api/webhooks", ADMIN),
    write("POST", "/api/webhooks", ADMIN, "webhook.create"),
    write("DELETE", "/api/webhooks/{id}", ADMIN, "webhook.delete"),
    read("/api/webhooks/{id}/deliveries", ADMIN),
    write("POST", "/api/webhooks/{id}/test", ADMIN, "webhook.test"),
    read("/api/audit", VIEWER),

    read("/api/worlds", VIEWER),
    write("POST", "/api/worlds", OPERATOR, "world.create"),
    read("/api/worlds/{id}", VIEWER),
    write("PATCH", "/api/worlds/{id}", OPERATOR, "world.update"),
    write("DELETE", "/api/worlds/{id}", OPERATOR, "world.delete"),
    write("POST", "/api/worlds/{id}/launch", OPERATOR, "world.launch"),
    write("POST", "/api/worlds/{id}/stop", OPERATOR, "world.stop"),
    write("POST", "/api/worlds/{id}/restart", OPERATOR, "world.restart"),
    read("/api/worlds/{id}/deployments", VIEWER),
    read("/api/deployments/{id}", VIEWER),
    write("POST", "/api/deployments/{id}/extend", OPERATOR, "deployment.extend"),
    read("/api/deployments/{id}/logs", VIEWER),
    read("/api/worlds/{id}/sessions", VIEWER),
    write("DELETE", "/api/sessions/{id}", OPERATOR, "session.kick"),
    read("/api/bans", VIEWER),
    write("POST", "/api/bans", OPERATOR, "ban.create"),
    write("DELETE", "/api/bans/{id}", OPERATOR, "ban.delete"),

    read("/api/worlds/{id}/live-config", VIEWER),
    write("PATCH", "/api/worlds/{id}/live-config", OPERATOR, "liveConfig.save"),
    read("/api/worlds/{id}/live-config/schema", VIEWER),
    write("POST", "/api/worlds/{id}/live-config/increment", OPERATOR, "liveConfig.increment"),
    read("/api/worlds/{id}/live-config/history", VIEWER),
    write("POST", "/api/worlds/{id}/live-config/rollback", OPERATOR, "liveConfig.rollback"),

    write("POST", "/api/worlds/{id}/join", Need::Player, ""),
    write("POST", "/api/worlds/{id}/ofrep/v1/evaluate/flags", Need::Player, ""),
    write("POST", "/api/worlds/{id}/ofrep/v1/evaluate/flags/{key}", Need::Player, ""),

    write("POST", "/api/worlds/{id}/standby", OPERATOR, "standby.create"),
    write("PUT", "/api/worlds/{id}/standby", OPERATOR, "standby.set"),
    read("/api/worlds/{id}/readiness", VIEWER),
    write("POST", "/api/worlds/{id}/failover", OPERATOR, "failover.run"),
    write("POST", "/api/worlds/{id}/failback", OPERATOR, "failover.failback"),
    read("/api/failovers", VIEWER),
    read("/api/failovers/{id}", VIEWER),
    write("PATCH", "/api/failovers/{id}", OPERATOR, "failover.retune"),
    read("/api/failovers/{id}/clients", VIEWER),
    read("/api/failovers/{id}/report", VIEWER),
    write("POST", "/api/failovers/{id}/hold", OPERATOR, "failover.hold"),
    write("POST", "/api/failovers/{id}/resume", OPERATOR, "failover.resume"),
    write("POST", "/api/failovers/{id}/nudge", OPERATOR, "failover.nudge"),
    write("POST", "/api/failovers/{id}/undo", OPERATOR, "failover.undo"),
    read("/api/worlds/{id}/drills", VIEWER),
    write("POST", "/api/worlds/{id}/drills", OPERATOR, "drill.run"),
    read("/api/worlds/{id}/automation", VIEWER),
    write("PUT", "/api/worlds/{id}/automation", OPERATOR, "automation.set"),
    read("/api/alarms", VIEWER),
    read("/api/automation", VIEWER),
    write("PUT", "/api/automation", OPERATOR, "automation.switch"),
];

/// The row of a route. `HEAD` is a `GET` without its body.
pub(crate) fn row(method: &str, path: &str) -> Option<&'static Row> {
    let method = if method == "HEAD" { "GET" } else { method };
    // OFREP tolerates a slash at the end.
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
    TABLE.iter().find(|row| row.method == method && row.path == path)
}

/// Whether any method of this address has a row.
pub(crate) fn has_path(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    TABLE.iter().any(|row| row.path == path)
}
