//! Placing a session: the server is chosen, the seat taken, the tokens' claims fixed.

use std::time::Duration;

use lifeboat_core::code::ErrorCode;
use lifeboat_core::deployment::{Deployment, Server};
use lifeboat_core::failover::LedgerEvent;
use lifeboat_core::ids::{
    DeploymentId, FailoverId, LaunchContextId, ServerId, SessionId, User, WorldId,
};
use lifeboat_core::limits::SEAT_HOLD;
use lifeboat_core::route::{Refusal, Route};
use lifeboat_core::ticket::{Claims, ISSUER, SESSION_AUDIENCE};
use lifeboat_core::time::Timestamp;
use lifeboat_core::version::BaseVersion;
use lifeboat_core::world::Streaming;
use lifeboat_protocol::frame::ClientState;
use lifeboat_protocol::join::JoinAnswer;

use super::session::Session;
use super::{Desk, Key, spread};

/// How long somebody waits who found every seat taken, before it is spread.
const FULL_RETRY: Duration = Duration::from_secs(5);

/// A placement: everything that the answer and the tokens say, before they are signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Granted {
    /// The session.
    pub session: SessionId,
    /// The user.
    pub user: User,
    /// The world that was asked for.
    pub requested: WorldId,
    /// The world placed in.
    pub world: WorldId,
    /// The deployment placed in.
    pub deployment: DeploymentId,
    /// For clients of base version 37 and older.
    pub launch_context: Option<LaunchContextId>,
    /// Whether an override led elsewhere.
    pub redirected: bool,
    /// Whether the session of an earlier token goes on.
    pub previous_accepted: bool,
    /// The server placed on.
    pub server: ServerId,
    /// Where it takes clients.
    pub endpoint: String,
    /// How clients are launched.
    pub streaming: Streaming,
    /// `AllClients` of `world`.
    pub generation: u64,
    /// `Redirected` of `requested`.
    pub returned: u64,
    /// The catalog's revision.
    pub revision: u64,
    /// The client's base version.
    pub base_version: u32,
    /// The client's kind.
    pub kind: String,
    /// Whether the client takes pushed placements.
    pub takes_pushes: bool,
    /// The user's access groups.
    pub groups: Vec<String>,
    /// The id of the tokens.
    pub token: String,
    /// The failover that moves the session, if it was present at one.
    pub moved_by: Option<FailoverId>,
}

impl Granted {
    /// The claims of a token for `audience`, issued now and good for `ttl`.
    #[must_use]
    pub fn claims(&self, audience: &str, now: Timestamp, ttl: Duration) -> Claims {
        Claims {
            iss: ISSUER.to_owned(),
            aud: audience.to_owned(),
            sub: self.user.clone(),
            ses: self.session.clone(),
            req: self.requested.clone(),
            wld: self.world.clone(),
            dep: self.deployment.clone(),
            srv: self.server.clone(),
            generation: self.generation,
            ret: self.returned,
            rev: self.revision,
            bv: self.base_version,
            kind: self.kind.clone(),
            iat: now.as_seconds(),
            exp: (now + ttl).as_seconds(),
            jti: self.token.clone(),
            acc: self.takes_pushes,
            grp: self.groups.clone(),
            mov: self.moved_by.clone().filter(|_| audience == SESSION_AUDIENCE),
        }
    }

    /// The answer to the join.
    #[must_use]
    pub fn answer(self, signed: Signed) -> JoinAnswer {
        JoinAnswer {
            ticket: signed.ticket,
            session_token: signed.session_token,
            session_url: signed.session_url,
            session: self.session,
            user: self.user,
            requested_world: self.requested,
            world: self.world,
            deployment: self.deployment,
            launch_context: self.launch_context,
            redirected: self.redirected,
            previous_accepted: self.previous_accepted,
            server: self.server,
            endpoint: self.endpoint,
            streaming: self.streaming,
            all_clients: self.generation,
            revision: self.revision,
        }
    }
}

/// What only whoever signs can add to a placement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The ticket for the game server.
    pub ticket: String,
    /// The token for the session channel.
    pub session_token: String,
    /// Where the session channel is opened.
    pub session_url: String,
}

/// Who is to be placed; what does not come from the route.
pub(super) struct Candidate {
    pub(super) session: SessionId,
    pub(super) user: User,
    pub(super) groups: Vec<String>,
    pub(super) requested: WorldId,
    pub(super) kind: String,
    pub(super) takes_pushes: bool,
    pub(super) previous_accepted: bool,
    pub(super) token: String,
}

impl Desk {
    /// Takes a seat on the least loaded server of the route's deployment.
    pub(super) fn seat(
        &mut self,
        route: &Route,
        candidate: Candidate,
        now: Timestamp,
    ) -> Result<Granted, Refusal> {
        let key = self.by_id.get(&candidate.session).copied();
        let (server, endpoint) = self.choose_server(route, &candidate.session, key)?;
        let generation = self.catalog.all_clients(&route.world.id);
        let returned = self.catalog.redirected(&candidate.requested);
        let granted = Granted {
            moved_by: self.mover_of(&candidate.session),
            session: candidate.session,
            user: candidate.user,
            requested: candidate.requested,
            world: route.world.id.clone(),
            deployment: route.deployment.id.clone(),
            launch_context: route.launch_context.clone(),
            redirected: route.hops > 0,
            previous_accepted: candidate.previous_accepted,
            server,
            endpoint,
            streaming: route.world.spec.streaming.clone(),
            generation,
            returned,
            revision: self.catalog.revision,
            base_version: route.deployment.build.base_version.number(),
            kind: candidate.kind,
            takes_pushes: candidate.takes_pushes,
            groups: candidate.groups,
            token: candidate.token,
        };
        self.settle_in(&granted, key, now);
        Ok(granted)
    }

    fn choose_server(
        &self,
        route: &Route,
        session: &SessionId,
        key: Option<Key>,
    ) -> Result<(ServerId, String), Refusal> {
        let full = || Refusal::for_now(ErrorCode::WorldFull, spread(FULL_RETRY, session.as_str()));
        let deployment = &route.deployment;
        let own = key.and_then(|key| self.sessions.get(key));
        if own.is_none() && self.is_full() {
            return Err(full());
        }
        let has_seat = own.is_some_and(|own| own.placed == route.world.id);
        let seats = usize::try_from(deployment.seats).unwrap_or(usize::MAX);
        if !has_seat && !self.seats.has_room_for(&route.world.id, session, seats) {
            return Err(full());
        }
        let own_server = own.map(|own| &own.server);
        let server = self.least_loaded(deployment, own_server).ok_or_else(full)?;
        Ok((server.id.clone(), server.endpoint.clone().unwrap_or_default()))
    }

    /// The ready server with the fewest sessions, among those with a free seat.
    fn least_loaded<'a>(
        &self,
        deployment: &'a Deployment,
        own: Option<&ServerId>,
    ) -> Option<&'a Server> {
        let seats = usize::try_from(deployment.seats_per_server).unwrap_or(usize::MAX);
        deployment
            .ready_servers()
            .map(|server| {
                let others = self.loads.get(&server.id).copied().unwrap_or(0);
                (server, others - usize::from(own == Some(&server.id) && others > 0))
            })
            .filter(|(_, others)| *others < seats)
            .min_by_key(|(_, others)| *others)
            .map(|(server, _)| server)
    }

    /// Enters the placement into the books.
    fn settle_in(&mut self, granted: &Granted, key: Option<Key>, now: Timestamp) {
        self.seats.use_reservation(&granted.world, &granted.session);
        self.note(&granted.session, LedgerEvent::Placed, now);
        match key {
            Some(key) => {
                self.release_place(key);
                self.clear_order(key);
                update(&mut self.sessions.edit(key), granted, now);
                if self.sessions[key].channel.is_none() {
                    self.hold_seat(key, now);
                }
            }
            None => {
                let claims = granted.claims("", now, Duration::ZERO);
                let key = self.add(Session::from_claims(&claims, now));
                self.expiry.insert((now + SEAT_HOLD, key));
            }
        }
        self.seats.take(&granted.world);
        self.load(&granted.server.clone());
    }

    /// Gives the seat and the place on the server back, to be taken anew.
    pub(super) fn release_place(&mut self, key: Key) {
        let (placed, server) =
            (self.sessions[key].placed.clone(), self.sessions[key].server.clone());
        self.seats.leave(&placed);
        self.unload(&server);
    }

    /// Holds the seat of a session without a channel from now on.
    pub(super) fn hold_seat(&mut self, key: Key, now: Timestamp) {
        let until = now + SEAT_HOLD;
        let earlier = self.sessions.edit(key).seat_until.replace(until);
        if let Some(earlier) = earlier {
            self.expiry.remove(&(earlier, key));
        }
        self.expiry.insert((until, key));
    }
}

fn update(session: &mut Session, granted: &Granted, now: Timestamp) {
    if session.server != granted.server {
        // Until the client says so itself it is not there.
        (session.state, session.since) = (ClientState::Connecting, now);
    }
    session.groups.clone_from(&granted.groups);
    session.requested = granted.requested.clone();
    session.placed = granted.world.clone();
    session.deployment = granted.deployment.clone();
    session.server = granted.server.clone();
    session.generation = granted.generation;
    session.returned = granted.returned;
    session.takes_pushes = granted.takes_pushes;
    session.base_version = Some(BaseVersion::new(granted.base_version));
    session.client_kind = granted.kind.as_str().into();
    session.token = granted.token.as_str().into();
}
