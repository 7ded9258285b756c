//! A join: who asks, whether it is their turn, and where they are placed.

use std::time::Duration;

use lifeboat_core::access::{Identity, IdentityKind};
use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::LedgerEvent;
use lifeboat_core::ids::{SessionId, User, WorldId};
use lifeboat_core::pacing::{FAR_TURN_RETRY, Rate, Turnstile};
use lifeboat_core::route::{Refusal, Route, route};
use lifeboat_core::ticket::Claims;
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::join::{ClientInfo, is_final};

use super::orders::following;
use super::placement::{Candidate, Granted};
use super::session::Session;
use super::{Desk, Key, spread};

/// How long somebody waits while a failover is on hold, before it is spread.
const HELD_RETRY: Duration = Duration::from_secs(10);

/// A join as it comes in.
#[derive(Debug, Clone)]
pub struct JoinInput<'a> {
    /// The world that is asked for.
    pub world: &'a WorldId,
    /// Who asks, by a token of an issuer; a guest otherwise.
    pub identity: Option<&'a Identity>,
    /// What the client is.
    pub client: &'a ClientInfo,
    /// The claims of an earlier session token of ours; its signature was checked.
    pub previous: Option<&'a Claims>,
    /// Ids for what is made, never used before.
    pub ids: NewIds<'a>,
}

/// Ids that a join may need.
#[derive(Debug, Clone, Copy)]
pub struct NewIds<'a> {
    /// For a new session.
    pub session: &'a str,
    /// For a new guest.
    pub guest: &'a str,
    /// For the tokens; larger than any earlier one of this node.
    pub token: &'a str,
}

/// Who asks, once the earlier token was considered.
struct Asker {
    identity: Identity,
    session: SessionId,
    previous_accepted: bool,
}

impl Desk {
    /// Answers a join.
    ///
    /// # Errors
    /// A [`Refusal`] with its code and, if waiting helps, the time to wait.
    pub fn join(&mut self, input: &JoinInput<'_>, now: Timestamp) -> Result<Granted, Refusal> {
        let asker = self.asker(input);
        if let Some(previous) = input.previous.filter(|_| asker.previous_accepted) {
            self.recollect_placed(previous);
            self.recall(previous, now);
        }
        self.note(&asker.session, LedgerEvent::Asked, now);
        let key = self.by_id.get(&asker.session).copied();
        let outcome = self.admit(input, &asker, key, now);
        if let Err(refusal) = outcome
            && is_final(refusal.code)
        {
            self.note(&asker.session, LedgerEvent::Refused(refusal.code), now);
        }
        outcome
    }

    fn admit(
        &mut self,
        input: &JoinInput<'_>,
        asker: &Asker,
        key: Option<Key>,
        now: Timestamp,
    ) -> Result<Granted, Refusal> {
        let client = input.client.base_version;
        let route = route(&self.catalog, input.world, &asker.identity, client)
            .map_err(|refusal| spread_refusal(refusal, &asker.session))?;
        self.await_turn(&route, key, &asker.session, now)?;
        let candidate = Candidate {
            session: asker.session.clone(),
            user: asker.identity.user.clone(),
            groups: asker.identity.groups.clone(),
            requested: self.catalog.world(input.world).map_or(input.world, |own| &own.id).clone(),
            kind: input.client.kind.clone().unwrap_or_default(),
            takes_pushes: input.client.accepts_placement(),
            previous_accepted: asker.previous_accepted,
            token: self.token_after(input, asker, key),
        };
        self.seat(&route, candidate, now)
    }

    /// The id of the next token of a session, larger than any that it has.
    fn token_after(&self, input: &JoinInput<'_>, asker: &Asker, key: Option<Key>) -> String {
        let session = key.and_then(|key| self.sessions.get(key));
        let shown = input.previous.filter(|_| asker.previous_accepted);
        let known = session.map(|session| &*session.token);
        let known = known.max(shown.map(|claims| claims.jti.as_str()));
        following(known.unwrap_or(""), input.ids.token)
    }

    /// Who asks: whoever shows an earlier token goes on with its session, and so does a user whom
    /// an issuer names and who asks for the same world again, such as with a restarted client.
    fn asker(&self, input: &JoinInput<'_>) -> Asker {
        let shown = input.previous.filter(|claims| match input.identity {
            Some(identity) => identity.user == claims.sub,
            None => claims.sub.as_str().starts_with(User::GUEST_PREFIX),
        });
        // A session that was kicked is over. Its user is the same, and may be banned.
        let previous = shown.filter(|claims| !self.catalog.kicked().has(&claims.ses));
        let identity = match (input.identity, shown) {
            (Some(identity), _) => identity.clone(),
            (None, Some(claims)) => guest(claims.sub.clone()),
            (None, None) => guest(User::guest(input.ids.guest)),
        };
        let known = || {
            let session = &self.sessions[*self.by_member.get(&identity.user)?];
            (session.requested == *input.world).then(|| session.id.clone())
        };
        let session = previous
            .map(|claims| claims.ses.clone())
            .or_else(known)
            .unwrap_or_else(|| SessionId::from_unique(input.ids.session));
        Asker { identity, session, previous_accepted: previous.is_some() }
    }

    /// A session that this node does not know (any more) and that has to rejoin takes its place in
    /// the line again, by what its token says.
    fn recall(&mut self, claims: &Claims, now: Timestamp) {
        if self.by_id.contains_key(&claims.ses) || self.is_full() {
            return;
        }
        let session = Session::from_claims(claims, now);
        if self.rejoin_reason(&session).is_some() {
            let key = self.admit_session(session, now);
            self.order(key, now);
        }
    }

    /// Whether it is this session's turn.
    fn await_turn(
        &mut self,
        route: &Route,
        key: Option<Key>,
        session: &SessionId,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(key) = key.filter(|key| self.sessions[*key].order.is_some()) else {
            if key.is_some_and(|key| self.is_to_wait(key)) {
                return Err(held(session));
            }
            return self.await_turn_of_newcomers(route, session, now);
        };
        let order = self.sessions[key].order.as_ref();
        let is_held = order.is_some_and(|order| self.is_on_hold(order.failover.as_ref()));
        let slot = match order.and_then(|order| order.slot) {
            Some(slot) => slot,
            None if is_held => return Err(held(session)),
            // It was on hold when it got its order, and is not any more.
            None => self.assign_slot(key, now),
        };
        if now < slot {
            return Err(Refusal::for_now(ErrorCode::AdmissionPaced, slot.since(now)));
        }
        self.take_turn(key, now).map_err(|slot| {
            Refusal::for_now(ErrorCode::AdmissionPaced, slot.since(now).max(MIN_WAIT))
        })?;
        self.charge_world(route, now);
        Ok(())
    }

    /// Whether a session belongs to a failover of which nobody is told yet.
    fn is_to_wait(&self, key: Key) -> bool {
        let reason = self.rejoin_reason(&self.sessions[key]);
        reason.is_some_and(|(_, failover)| self.tells_nobody(failover.as_ref()))
    }

    /// Newcomers come after everybody who is on the way, and no faster than the world takes.
    fn await_turn_of_newcomers(
        &mut self,
        route: &Route,
        session: &SessionId,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let world = &route.world.id;
        let opens_at = self.line_end(world).unwrap_or(now);
        self.turnstile(world, now).try_enter(opens_at, now).map_err(|turn| {
            let far = || spread(FAR_TURN_RETRY, session.as_str());
            let wait = turn.map_or_else(far, |turn| turn.since(now).max(MIN_WAIT));
            Refusal::for_now(ErrorCode::AdmissionPaced, wait)
        })?;
        self.charge_moves(world, now);
        Ok(())
    }

    /// Notices the moves into worlds that are over, so that their burst is earned from then on.
    pub(super) fn look_after_turnstiles(&mut self, now: Timestamp) {
        let moved_into = self.turnstiles.iter().filter(|(_, known)| known.is_moved_into);
        let worlds: Vec<_> = moved_into.map(|(world, _)| world.clone()).collect();
        for world in worlds {
            self.turnstile(&world, now);
        }
    }

    /// Counts somebody of a planned move among those whom a world takes, so that newcomers do not
    /// come on top of them.
    pub(super) fn charge_world(&mut self, route: &Route, now: Timestamp) {
        self.turnstile(&route.world.id, now).charge(now);
    }

    /// The way into a world, with a burst of one second. While people are being moved into it
    /// there is no burst, and none right after.
    fn turnstile(&mut self, world: &WorldId, now: Timestamp) -> &mut Turnstile {
        let rate = self.catalog.joins_per_second(world);
        let is_moved_into = self.is_moved_into(world);
        let burst = if is_moved_into { 0.0 } else { rate - 1.0 };
        let known = self.turnstiles.entry(world.clone()).or_insert_with(|| {
            let turnstile = Turnstile::new(Rate::per_second(rate), burst, now);
            WorldTurnstile { rate, is_moved_into, turnstile }
        });
        let was_moved_into = std::mem::replace(&mut known.is_moved_into, is_moved_into);
        if (known.rate - rate).abs() > f64::EPSILON || was_moved_into != is_moved_into {
            known.rate = rate;
            known.turnstile.set_rate(Rate::per_second(rate), burst, now);
            if was_moved_into && !is_moved_into {
                known.turnstile.spend_burst(now);
            }
        }
        &mut known.turnstile
    }
}

/// The way into a world, and what it was made for.
pub(super) struct WorldTurnstile {
    rate: f64,
    is_moved_into: bool,
    turnstile: Turnstile,
}

/// The shortest wait that a client is told, so that nobody asks in a loop.
const MIN_WAIT: Duration = Duration::from_millis(100);

fn held(session: &SessionId) -> Refusal {
    Refusal::for_now(ErrorCode::FailoverHeld, spread(HELD_RETRY, session.as_str()))
}

fn guest(user: User) -> Identity {
    Identity { user, groups: Vec::new(), kind: IdentityKind::Guest }
}

pub(super) fn spread_refusal(refusal: Refusal, session: &SessionId) -> Refusal {
    let retry_after = refusal.retry_after.map(|wait| spread(wait, session.as_str()));
    Refusal { retry_after, ..refusal }
}
