//! One session as the desk knows it.

use lifeboat_core::access::{Identity, IdentityKind};
use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::{DeploymentId, FailoverId, ServerId, SessionId, User, WorldId};
use lifeboat_core::limits::SEAT_HOLD;
use lifeboat_core::ticket::Claims;
use lifeboat_core::time::Timestamp;
use lifeboat_core::version::BaseVersion;
use lifeboat_protocol::frame::{ClientState, RejoinReason};

use super::effect::ConnRef;

/// One user's presence. It stands for a seat in `placed` as long as it is at the desk.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) user: User,
    pub(super) groups: Vec<String>,
    pub(super) requested: WorldId,
    pub(super) placed: WorldId,
    pub(super) deployment: DeploymentId,
    pub(super) server: ServerId,
    /// `AllClients` of `placed` at the placement.
    pub(super) generation: u64,
    /// `Redirected` of `requested` at the placement.
    pub(super) returned: u64,
    pub(super) base_version: Option<BaseVersion>,
    pub(super) client_kind: Box<str>,
    pub(super) takes_pushes: bool,
    /// The id of its newest token; a larger one is newer.
    pub(super) token: Box<str>,
    pub(super) channel: Option<OpenChannel>,
    pub(super) state: ClientState,
    pub(super) since: Timestamp,
    /// When its channel was lost.
    pub(super) dropped_at: Option<Timestamp>,
    /// Until when its seat is held while it has no channel.
    pub(super) seat_until: Option<Timestamp>,
    pub(super) game_lost_at: Option<Timestamp>,
    pub(super) order: Option<Order>,
}

/// An open channel, and which placement its client knows of.
#[derive(Debug, Clone)]
pub(super) struct OpenChannel {
    pub(super) conn: ConnRef,
    /// The deployment that the channel's token, or the newest push over it, names.
    pub(super) deployment: DeploymentId,
    /// `AllClients` in the same.
    pub(super) generation: u64,
    /// The id of the token that the channel was opened with.
    pub(super) token: Box<str>,
}

/// The order to rejoin that stands for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) reason: RejoinReason,
    pub(super) failover: Option<FailoverId>,
    /// Its turn; none while the failover is on hold.
    pub(super) slot: Option<Timestamp>,
    /// When it leaves by this order.
    pub(super) leave_at: Timestamp,
    /// When its placement is pushed, while that is planned.
    pub(super) due_at: Option<Timestamp>,
}

impl Session {
    /// Has its ids be the catalog's own: one text for everybody instead of one for each. That is
    /// less memory, and whoever looks through all sessions stays within the cache.
    pub(super) fn share_ids(&mut self, catalog: &Catalog) {
        for world in [&mut self.requested, &mut self.placed] {
            if let Some(own) = catalog.world(world) {
                *world = own.id.clone();
            }
        }
        let Some(own) = catalog.deployment(&self.deployment) else { return };
        self.deployment = own.id.clone();
        if let Some(server) = own.servers.iter().find(|server| server.id == self.server) {
            self.server = server.id.clone();
        }
    }

    /// A session as its token tells it, with a seat that is held for the channel to come.
    pub(super) fn from_claims(claims: &Claims, now: Timestamp) -> Self {
        Self {
            id: claims.ses.clone(),
            user: claims.sub.clone(),
            groups: claims.grp.clone(),
            requested: claims.req.clone(),
            placed: claims.wld.clone(),
            deployment: claims.dep.clone(),
            server: claims.srv.clone(),
            generation: claims.generation,
            returned: claims.ret,
            base_version: Some(BaseVersion::new(claims.bv)),
            client_kind: claims.kind.as_str().into(),
            takes_pushes: claims.acc,
            token: claims.jti.as_str().into(),
            channel: None,
            state: ClientState::Loading,
            since: now,
            dropped_at: None,
            seat_until: Some(now + SEAT_HOLD),
            game_lost_at: None,
            order: None,
        }
    }

    /// Who it is. A token of ours is as good as the one that it was given for.
    pub(super) fn identity(&self) -> Identity {
        let is_guest = self.user.as_str().starts_with(User::GUEST_PREFIX);
        let kind = if is_guest { IdentityKind::Guest } else { IdentityKind::Known };
        Identity { user: self.user.clone(), groups: self.groups.clone(), kind }
    }

    /// When its placement is pushed, while that is planned.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        self.order.as_ref()?.due_at
    }

    /// Whether it counts as present at a failover now.
    pub(super) fn is_present(&self, now: Timestamp) -> bool {
        self.channel.is_some()
            || self
                .dropped_at
                .is_some_and(|at| now.since(at) < lifeboat_core::limits::PRESENT_GRACE)
    }

    pub(super) fn view(&self) -> SessionView {
        SessionView {
            id: self.id.clone(),
            user: self.user.clone(),
            requested_world: self.requested.clone(),
            world: self.placed.clone(),
            server: self.server.clone(),
            state: self.state,
            since: self.since,
            is_connected: self.channel.is_some(),
            kind: self.client_kind.to_string(),
        }
    }
}

/// A session as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// The user.
    pub user: User,
    /// The world that was asked for.
    pub requested_world: WorldId,
    /// The world placed in.
    pub world: WorldId,
    /// The server placed on.
    pub server: ServerId,
    /// Where the client says that it is.
    pub state: ClientState,
    /// Since when.
    pub since: Timestamp,
    /// Whether its channel is open; else its seat is held.
    pub is_connected: bool,
    /// The client's kind, as it named itself.
    pub kind: String,
}
