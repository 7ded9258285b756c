//! Worlds, deployments and sessions as they are shown.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::deployment::{Deployment, Server, ServerPhase};
use lifeboat_core::failover::MovePhase;
use lifeboat_core::ids::{
    DeploymentId, FailoverId, LaunchContextId, ServerId, SessionId, User, WorldId,
};
use lifeboat_core::phase::Phase;
use lifeboat_core::time::Timestamp;
use lifeboat_core::world::{Access, Build, Scale, Streaming, World};
use lifeboat_gateway::desk::SessionView as DeskSession;
use lifeboat_protocol::frame::ClientState;
use lifeboat_runtime::ServerHealth;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Role;
use crate::http::cursor;
use crate::http::problem::ApiResult;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page<T> {
    /// The entries.
    pub(crate) items: Vec<T>,
    /// To be sent as `cursor` for the next page; null on the last one.
    pub(crate) next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The page after `cursor` of what is ordered by `id`: after any id of its kind, also one that
    /// is gone by now.
    ///
    /// # Errors
    /// When the cursor is no such id.
    pub(crate) fn cut<S, I: FromStr + Ord + Display>(
        all: impl Iterator<Item = S>,
        cursor: Option<&str>,
        limit: usize,
        id: impl Fn(&S) -> &I,
        show: impl Fn(&S) -> T,
    ) -> ApiResult<Self> {
        let after = cursor.map(|text| text.parse::<I>().map_err(|_| cursor::refused(text)));
        let after = after.transpose()?;
        let mut rest = all.filter(|one| after.as_ref().is_none_or(|after| id(one) > after));
        let mut last = None;
        let mut items = Vec::new();
        for one in rest.by_ref().take(limit) {
            items.push(show(&one));
            last = Some(one);
        }
        let has_more = rest.next().is_some();
        let next_cursor = last.filter(|_| has_more).map(|last| id(&last).to_string());
        Ok(Self { items, next_cursor })
    }
}

/// A world.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorldView {
    #[schema(value_type = String)]
    id: WorldId,
    name: String,
    description: String,
    labels: BTreeMap<String, String>,
    #[schema(value_type = Object)]
    build: Build,
    #[schema(value_type = Object)]
    scale: Scale,
    duration_minutes: u32,
    #[schema(value_type = Object)]
    access: Access,
    #[schema(value_type = Object)]
    streaming: Streaming,
    /// For `support` and above only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    settings: Option<Map<String, Value>>,
    /// The main world that this one stands in for.
    #[schema(value_type = Option<String>)]
    standby_for: Option<WorldId>,
    #[schema(value_type = Option<String>)]
    standby: Option<WorldId>,
    /// Whether the standby's live config follows this world's.
    mirror: bool,
    /// How many people fit in.
    capacity: u32,
    #[schema(value_type = String)]
    created_at: Timestamp,
    status: StatusView,
}

/// How a world is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StatusView {
    #[schema(value_type = String)]
    phase: Phase,
    message: String,
    /// Null while it is Inactive.
    #[schema(value_type = Option<String>)]
    deployment_id: Option<DeploymentId>,
    #[schema(value_type = Option<String>)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    ends_at: Option<Timestamp>,
    /// Open session channels of people placed here.
    sessions: usize,
    /// Null while no override is set.
    failover: Option<FailoverStatus>,
}

/// Where a failed-over world sends people, and how far that is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FailoverStatus {
    /// `redirecting-new-joiners`, or the failover's phase.
    #[schema(value_type = String)]
    phase: Value,
    #[schema(value_type = Option<String>)]
    failover_id: Option<FailoverId>,
    target_world_id: String,
}

impl WorldView {
    /// The world as `role` may see it.
    pub(crate) fn of(app: &App, catalog: &Catalog, world: &World, role: Role) -> Self {
        let spec = world.spec.clone();
        Self {
            id: world.id.clone(),
            name: spec.name,
            description: spec.description,
            labels: spec.labels,
            build: spec.build,
            duration_minutes: spec.duration_minutes,
            access: spec.access,
            streaming: spec.streaming,
            settings: role.sees_internal().then_some(spec.settings),
            standby_for: world.standby_for.clone(),
            standby: world.standby.clone(),
            mirror: world.mirror,
            capacity: spec.scale.profile.seats(),
            scale: spec.scale,
            created_at: world.created_at,
            status: status(app, catalog, world),
        }
    }
}

fn status(app: &App, catalog: &Catalog, world: &World) -> StatusView {
    let newest = catalog.current_deployment(&world.id);
    let running = newest.filter(|one| one.phase != Phase::Inactive);
    StatusView {
        phase: running.map_or(Phase::Inactive, |one| one.phase),
        message: newest
            .map_or_else(|| "it was never launched".to_owned(), |one| one.message.clone()),
        deployment_id: running.map(|one| one.id.clone()),
        started_at: running.map(|one| one.started_at),
        ends_at: running.map(|one| one.ends_at),
        sessions: app.gateway.desk().crowd(&world.id).connected,
        failover: failover_status(catalog, world),
    }
}

fn failover_status(catalog: &Catalog, world: &World) -> Option<FailoverStatus> {
    let target_world_id = catalog.override_of(&world.id)?.world.to_string();
    // One that was called off, or whose people went home, is not what this override is about.
    let over = |phase| matches!(phase, MovePhase::Cancelled | MovePhase::FailedBack);
    let record = catalog.latest_failover(&world.id).filter(|record| !over(record.phase));
    let phase = record.and_then(|record| serde_json::to_value(record.phase).ok());
    Some(FailoverStatus {
        phase: phase.unwrap_or_else(|| Value::from("redirecting-new-joiners")),
        failover_id: record.map(|record| record.id.clone()),
        target_world_id,
    })
}

/// A deployment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeploymentView {
    #[schema(value_type = String)]
    id: DeploymentId,
    #[schema(value_type = String)]
    world_id: WorldId,
    #[schema(value_type = String)]
    phase: Phase,
    message: String,
    #[schema(value_type = String)]
    started_at: Timestamp,
    #[schema(value_type = String)]
    ends_at: Timestamp,
    #[schema(value_type = Option<String>)]
    ended_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    launch_context_id: Option<LaunchContextId>,
    #[schema(value_type = Object)]
    build: Build,
    seats: u32,
    servers_wanted: u32,
    servers: Vec<ServerView>,
}

/// A server of a deployment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ServerView {
    #[schema(value_type = String)]
    id: ServerId,
    #[schema(value_type = String)]
    phase: ServerPhase,
    endpoint: Option<String>,
    pid: Option<u32>,
    /// People placed on it.
    sessions: usize,
    /// Null while nothing of it is seen.
    #[schema(value_type = Option<String>)]
    health: Option<ServerHealth>,
    #[schema(value_type = Option<String>)]
    last_healthy_at: Option<Timestamp>,
    #[schema(value_type = String)]
    started_at: Timestamp,
}

impl DeploymentView {
    /// The deployment with what the runtime and the desk see of it.
    pub(crate) fn of(app: &App, deployment: &Deployment) -> Self {
        let observed = app.runtime.observe();
        let server = |server: &Server| {
            let seen = observed.iter().find(|seen| seen.server() == &server.id);
            ServerView {
                id: server.id.clone(),
                phase: server.phase,
                endpoint: server.endpoint.clone(),
                pid: seen.filter(|seen| seen.is_alive()).map(|seen| seen.started.pid),
                sessions: app.gateway.desk().load_of(&server.id),
                health: seen.filter(|seen| seen.is_alive()).map(|seen| seen.health),
                last_healthy_at: seen.and_then(|seen| seen.last_healthy_at),
                started_at: server.started_at,
            }
        };
        Self {
            id: deployment.id.clone(),
            world_id: deployment.world.clone(),
            phase: deployment.phase,
            message: deployment.message.clone(),
            started_at: deployment.started_at,
            ends_at: deployment.ends_at,
            ended_at: deployment.ended_at,
            launch_context_id: deployment.launch_context.clone(),
            build: deployment.build.clone(),
            seats: deployment.seats,
            servers_wanted: deployment.servers_wanted,
            servers: deployment.servers.iter().map(server).collect(),
        }
    }
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    #[schema(value_type = String)]
    id: SessionId,
    #[schema(value_type = String)]
    user: User,
    #[schema(value_type = String)]
    requested_world: WorldId,
    #[schema(value_type = String)]
    world: WorldId,
    #[schema(value_type = String)]
    server: ServerId,
    #[schema(value_type = String)]
    state: ClientState,
    #[schema(value_type = String)]
    since: Timestamp,
    kind: String,
}

impl From<&DeskSession> for SessionView {
    fn from(session: &DeskSession) -> Self {
        Self {
            id: session.id.clone(),
            user: session.user.clone(),
            requested_world: session.requested_world.clone(),
            world: session.world.clone(),
            server: session.server.clone(),
            state: session.state,
            since: session.since,
            kind: session.kind.clone(),
        }
    }
}
