//! Orders to rejoin: who has to, when it is their turn, and the placements that are pushed then.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lifeboat_core::access::Identity;
use lifeboat_core::failover::{Kind, LedgerEvent};
use lifeboat_core::ids::{FailoverId, WorldId};
use lifeboat_core::pacing::{Pacer, Rate, SlotLine};
use lifeboat_core::phase::Phase;
use lifeboat_core::route::{NOT_ACTIVE_RETRY, Refusal, destination, route};
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::frame::{Rejoin, RejoinReason, ServerFrame};
use lifeboat_protocol::join::is_final;

use super::effect::{ConnRef, Effect, OrderLine, OrderTemplate, Sink};
use super::join::spread_refusal;
use super::placement::{Candidate, Granted};
use super::session::{Order, Session};
use super::values::Moved;
use super::{BURST_SHARE, Desk, GRANTS_PER_TICK_MAX, Key, ORDERS_PER_EFFECT, PUSH_GRACE, Tick};

/// What the orders of several sessions have in common: where they are, why they leave, and the
/// failover that they move with.
type About = (WorldId, RejoinReason, Option<FailoverId>);

/// The turns of people who have to rejoin a world without a failover: which slots they get, and
/// that those whose slot passed while they could not come do not come together.
pub(super) struct Unplanned {
    line: SlotLine,
    pacer: Pacer,
}

impl Desk {
    /// Why a session has to rejoin, if it has to, and the failover that it moves with.
    pub(super) fn rejoin_reason(
        &self,
        session: &Session,
    ) -> Option<(RejoinReason, Option<FailoverId>)> {
        match (self.called_out(session), self.called_home(session)) {
            (Some(called), Some(home)) => {
                let goes_home = self.goes_home(session, called.1.as_ref(), home.1.as_ref());
                Some(if goes_home { home } else { called })
            }
            (Some(call), None) | (None, Some(call)) => Some(call),
            (None, None) => self.lost_place(session).map(|reason| (reason, None)),
        }
    }

    /// Whether a session that is called out of its world and home too goes with those who go home.
    fn goes_home(
        &self,
        session: &Session,
        called: Option<&FailoverId>,
        home: Option<&FailoverId>,
    ) -> bool {
        let leads_there = |id| {
            let end = destination(&self.catalog, &session.requested).ok();
            let target = self.moves.get(id).map(|open| &open.record.target_world_id);
            target == end.as_ref().map(|end| &end.id)
        };
        match (called, home) {
            (_, None) => false,
            // Of two calls, the one that is in progress has a place in its line.
            (None, Some(_)) => true,
            // Of two in progress, the one that leads where the session goes: the way home of a
            // chain's first world has nothing to do with what holds up its second.
            (Some(called), Some(home)) => leads_there(home) && !leads_there(called),
        }
    }

    /// Whether everyone in its world was told to rejoin since it was placed.
    fn called_out(&self, session: &Session) -> Option<(RejoinReason, Option<FailoverId>)> {
        if session.generation >= self.catalog.called_below(&session.placed) {
            return None;
        }
        let (reason, kind) = match self.catalog.override_of(&session.placed) {
            Some(_) => (RejoinReason::Failover, Kind::Failover),
            None => (RejoinReason::Rejoin, Kind::Rejoin),
        };
        Some((reason, self.move_of(&session.placed, kind)))
    }

    /// Whether everyone who was sent elsewhere from the world that it asked for was called home.
    fn called_home(&self, session: &Session) -> Option<(RejoinReason, Option<FailoverId>)> {
        let is_called = session.requested != session.placed
            && session.returned < self.catalog.redirected(&session.requested);
        let failback = || self.move_of(&session.requested, Kind::Failback);
        is_called.then(|| (RejoinReason::Failback, failback()))
    }

    /// The open failover of a world, the wanted kind before any other.
    fn move_of(&self, world: &WorldId, kind: Kind) -> Option<FailoverId> {
        let of_world = || {
            self.moves
                .values()
                .filter(|open| &open.record.world_id == world && open.record.phase.is_open())
        };
        of_world()
            .find(|open| open.record.kind == kind)
            .or_else(|| of_world().next())
            .map(|open| open.record.id.clone())
    }

    /// Whether the deployment or the server that a session was placed on is gone.
    fn lost_place(&self, session: &Session) -> Option<RejoinReason> {
        let Some(deployment) = self.catalog.deployment(&session.deployment) else {
            return Some(RejoinReason::DeploymentEnded);
        };
        let current = self.catalog.current_deployment(&session.placed);
        let was_succeeded = current.is_some_and(|current| current.id != deployment.id);
        if deployment.phase.has_ended() || (deployment.phase == Phase::Error && was_succeeded) {
            return Some(RejoinReason::DeploymentEnded);
        }
        let is_there = deployment.ready_servers().any(|server| server.id == session.server);
        (deployment.takes_people() && !is_there).then_some(RejoinReason::ServerReplaced)
    }

    /// Orders these sessions to rejoin, each at its slot; sessions without a channel get a slot
    /// all the same.
    pub(super) fn order_all(&mut self, keys: &[Key], now: Timestamp, sink: &mut Sink<'_>) {
        for keys in keys.chunks(ORDERS_PER_EFFECT) {
            let mut effects: Vec<(About, Arc<OrderTemplate>, Vec<OrderLine>)> = Vec::new();
            for &key in keys {
                if !self.order(key, now) {
                    continue;
                }
                let session = &self.sessions[key];
                let (Some(order), Some(channel)) = (&session.order, &session.channel) else {
                    continue;
                };
                let line = order_line(key, channel.conn, order, session.takes_pushes, now);
                // Nearly always there is one kind of order, so a search is the fastest.
                let same = |(placed, reason, failover): &About| {
                    *placed == session.placed
                        && *reason == order.reason
                        && *failover == order.failover
                };
                match effects.iter_mut().find(|(about, _, _)| same(about)) {
                    Some((_, _, to)) => to.push(line),
                    None => {
                        let about = (session.placed.clone(), order.reason, order.failover.clone());
                        let template = self.template(&about);
                        effects.push((about, template, vec![line]));
                    }
                }
            }
            let orders = effects.into_iter();
            orders
                .map(|(_, template, to)| Effect::Order { template, to, values: None })
                .for_each(&mut *sink);
        }
    }

    fn template(&self, (placed, reason, failover): &About) -> Arc<OrderTemplate> {
        let message = failover.as_ref().and_then(|id| self.moves.get(id)?.record.message.clone());
        let all_clients = self.catalog.all_clients(placed);
        let placed = placed.clone();
        Arc::new(OrderTemplate::new(placed, all_clients, *reason, failover.clone(), message))
    }

    /// Gives a session that has to rejoin its order and its slot. Says whether it has to.
    pub(super) fn order(&mut self, key: Key, now: Timestamp) -> bool {
        self.clear_order(key);
        let Some((reason, failover)) = self.rejoin_reason(&self.sessions[key]) else {
            return false;
        };
        if let Some(failover) = &failover {
            self.recollect(failover, key);
        }
        if self.tells_nobody(failover.as_ref()) {
            return false;
        }
        let is_held = self.is_on_hold(failover.as_ref());
        let stays = failover.as_ref().is_some_and(|id| self.is_graceful(id));
        *self.sessions.order(key) =
            Some(Order { reason, failover, slot: None, leave_at: now, due_at: None });
        if is_held {
            return true;
        }
        let slot = self.assign_slot(key, now);
        if let Some(order) = self.sessions.order(key) {
            order.leave_at = if stays { slot } else { now };
        }
        true
    }

    /// The next free slot in the line that a session stands in.
    pub(super) fn assign_slot(&mut self, key: Key, now: Timestamp) -> Timestamp {
        let slot = match self.line_of(key).and_then(|id| self.moves.get_mut(&id)) {
            Some(open) => open.line.assign(now),
            None => self.unplanned(key, now).line.assign(now),
        };
        self.forget_due(key);
        let session = &self.sessions[key];
        let pushes = session.takes_pushes && session.channel.is_some();
        if let Some(order) = self.sessions.order(key) {
            order.slot = Some(slot);
            order.due_at = pushes.then_some(slot);
            if pushes {
                self.due.insert((slot, key));
            }
        }
        slot
    }

    /// The open failover in whose line a session stands: its own, else the one that moves people
    /// into the world that it comes back to, so that both together are not too many for it.
    fn line_of(&self, key: Key) -> Option<FailoverId> {
        let session = &self.sessions[key];
        let own = session.order.as_ref()?.failover.as_ref();
        let is_open =
            |id: &&FailoverId| self.moves.get(*id).is_some_and(|open| open.record.phase.is_open());
        if let Some(own) = own.filter(is_open) {
            return Some(own.clone());
        }
        let end = &destination(&self.catalog, &session.requested).ok()?.id;
        self.moves.values().find(|open| open.leads_into(end)).map(|open| open.record.id.clone())
    }

    /// The turns of those who come into a world without a failover, at the pace of that world.
    fn unplanned(&mut self, key: Key, now: Timestamp) -> &mut Unplanned {
        let requested = &self.sessions[key].requested;
        let end = destination(&self.catalog, requested).map(|end| end.id.clone());
        let world = end.unwrap_or_else(|_| requested.clone());
        let rate = Rate::per_second(self.catalog.joins_per_second(&world));
        let burst = rate.get() * BURST_SHARE;
        let turns = self.unplanned.entry(world).or_insert_with(|| Unplanned {
            line: SlotLine::new(rate, now),
            pacer: Pacer::new(rate, burst, now),
        });
        turns.line.set_rate(rate);
        turns.pacer.set_rate(rate, burst, now);
        turns
    }

    /// Until when people who are on the way into a world come first.
    pub(super) fn line_end(&self, world: &WorldId) -> Option<Timestamp> {
        self.moves
            .values()
            .filter(|open| open.leads_into(world))
            .filter(|open| open.ledger.counts().placed < open.ledger.counts().present)
            // After a restart nobody has a slot yet: then it is the time that they will need.
            .map(|open| open.line.end().max(open.window_end))
            .max()
    }

    /// Whether a failover moves people into a world.
    pub(super) fn is_moved_into(&self, world: &WorldId) -> bool {
        self.moves.values().any(|open| open.leads_into(world))
    }

    /// Lets a session through whose slot has come, or gives it a later one. Where several moves
    /// lead into one world, each counts the people of the others, so that together they are no more
    /// than it takes.
    ///
    /// # Errors
    /// The later slot.
    pub(super) fn take_turn(&mut self, key: Key, now: Timestamp) -> Result<(), Timestamp> {
        let Some(id) = self.line_of(key) else { return self.take_unplanned_turn(key, now) };
        let Some(open) = self.moves.get_mut(&id) else { return Ok(()) };
        if open.pacer.try_take(now).is_ok() {
            let target = open.record.target_world_id.clone();
            let others = self.moves.iter_mut().filter(|(other, _)| **other != id);
            let into = others.filter(|(_, other)| other.leads_into(&target));
            into.for_each(|(_, other)| other.pacer.charge(now));
            return Ok(());
        }
        let slot = self.assign_slot(key, now);
        // It takes longer than was planned, which makes nobody a straggler.
        if let Some(open) = self.moves.get_mut(&id) {
            open.window_end = open.window_end.max(slot);
        }
        Err(slot)
    }

    /// The same for whoever rejoins without a failover. It goes before newcomers, as people of a
    /// failover do.
    fn take_unplanned_turn(&mut self, key: Key, now: Timestamp) -> Result<(), Timestamp> {
        let taken = self.unplanned(key, now).pacer.try_take(now);
        taken.map_err(|_| self.assign_slot(key, now))
    }

    pub(super) fn clear_order(&mut self, key: Key) {
        self.forget_due(key);
        *self.sessions.order(key) = None;
    }

    /// Its placement is not pushed any more; its slot stays.
    pub(super) fn forget_due(&mut self, key: Key) {
        let order = self.sessions.order(key).as_mut();
        if let Some(at) = order.and_then(|order| order.due_at.take()) {
            self.due.remove(&(at, key));
        }
    }

    /// What a session that opens its channel has to be told. A slot that it has is kept, one that
    /// has passed is given anew: those who were away together must not come together.
    pub(super) fn renew_order(
        &mut self,
        key: Key,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Option<Rejoin> {
        let kept = self.sessions.order(key).take();
        let (reason, _) = self.rejoin_reason(&self.sessions[key])?;
        let stands = |order: &Order| match order.slot {
            Some(slot) => slot > now,
            None => self.is_on_hold(order.failover.as_ref()),
        };
        match kept.filter(stands) {
            Some(mut order) => {
                order.due_at = order.slot.filter(|_| self.sessions[key].takes_pushes);
                if let Some(at) = order.due_at {
                    self.due.insert((at, key));
                }
                *self.sessions.order(key) = Some(order);
            }
            None => {
                self.order(key, now);
            }
        }
        let session = &self.sessions[key];
        let order = session.order.as_ref()?;
        let channel = session.channel.as_ref()?;
        let line = order_line(key, channel.conn, order, session.takes_pushes, now);
        if let Some(failover) = order.failover.clone() {
            self.told(&failover, &[key], now);
            if order_is_held(self.sessions[key].order.as_ref()) {
                effects.push(hold(vec![line.conn]));
            }
        }
        let (leave_after_ms, rejoin_after_ms) = (line.leave_after_ms, line.rejoin_after_ms);
        Some(Rejoin { leave_after_ms, rejoin_after_ms, reason })
    }

    /// Stops the timers of these sessions.
    pub(super) fn hold(&mut self, keys: &[Key]) -> Option<Effect> {
        for &key in keys {
            self.forget_due(key);
            if let Some(order) = self.sessions.order(key) {
                order.slot = None;
            }
        }
        let to = self.connections(keys);
        (!to.is_empty()).then(|| hold(to))
    }

    /// A message to these sessions.
    pub(super) fn message(&self, keys: &[Key], text: &str) -> Option<Effect> {
        let to = self.connections(keys);
        let frame = ServerFrame::Message { text: text.to_owned() };
        (!to.is_empty()).then(|| Effect::Broadcast { to, text: Bytes::from(frame.to_text()) })
    }

    pub(super) fn connections(&self, keys: &[Key]) -> Vec<ConnRef> {
        let session = |key: &Key| self.sessions.get(*key);
        keys.iter().filter_map(|key| Some(session(key)?.channel.as_ref()?.conn)).collect()
    }

    /// Places those whose slot has come and whose client waits for a push.
    pub(super) fn grant_due(&mut self, now: Timestamp, tick: &mut Tick) {
        let mut moved = Moved::default();
        for _ in 0..GRANTS_PER_TICK_MAX {
            let Some(&(at, key)) = self.due.first().filter(|(at, _)| *at <= now) else { break };
            self.due.remove(&(at, key));
            if self.sessions.get(key).is_none() {
                continue;
            }
            let Some(order) = self.sessions.order(key) else { continue };
            order.due_at = None;
            self.grant(key, now, tick, &mut moved);
        }
        tick.effects.extend(self.values_for(moved));
    }

    fn grant(&mut self, key: Key, now: Timestamp, tick: &mut Tick, moved: &mut Moved) {
        if self.rejoin_reason(&self.sessions[key]).is_none() {
            self.clear_order(key);
            return;
        }
        let Some(conn) = self.sessions[key].channel.as_ref().map(|open| open.conn) else { return };
        if self.take_turn(key, now).is_err() {
            return;
        }
        let (id, from) = (self.sessions[key].id.clone(), self.sessions[key].placed.clone());
        self.note(&id, LedgerEvent::Asked, now);
        match self.place_again(key, now) {
            Ok(granted) => {
                moved.add(from, granted.world.clone(), conn);
                // The channel's own token stays: if this push is lost, the client comes back with
                // the token that it has, and is not to be taken for an older channel of itself.
                if let Some(open) = &mut self.sessions.edit(key).channel {
                    open.deployment = granted.deployment.clone();
                    open.generation = granted.generation;
                }
                tick.granted.push((conn, granted));
            }
            Err(refusal) => self.push_refused(key, conn, refusal, now, tick),
        }
    }

    fn place_again(&mut self, key: Key, now: Timestamp) -> Result<Granted, Refusal> {
        let session = &self.sessions[key];
        let identity: Identity = session.identity();
        let route = route(&self.catalog, &session.requested, &identity, session.base_version)?;
        self.charge_world(&route, now);
        let session = &self.sessions[key];
        let candidate = Candidate {
            session: session.id.clone(),
            user: session.user.clone(),
            groups: session.groups.clone(),
            requested: session.requested.clone(),
            kind: session.client_kind.to_string(),
            takes_pushes: true,
            previous_accepted: true,
            token: renewed(&session.token, now),
        };
        self.seat(&route, candidate, now)
    }

    /// A placement that is not possible now is tried again; one that never will be is left to the
    /// client to ask for, so that it sees the refusal itself.
    fn push_refused(
        &mut self,
        key: Key,
        conn: ConnRef,
        refusal: Refusal,
        now: Timestamp,
        tick: &mut Tick,
    ) {
        let id = self.sessions[key].id.clone();
        if is_final(refusal.code) {
            self.note(&id, LedgerEvent::Refused(refusal.code), now);
            if let Some(order) = self.sessions.order(key) {
                order.slot = Some(now);
            }
            let session = &self.sessions[key];
            if let Some(order) = &session.order {
                let about = (session.placed.clone(), order.reason, order.failover.clone());
                let line = OrderLine { key, conn, leave_after_ms: 0, rejoin_after_ms: 0 };
                let template = self.template(&about);
                tick.effects.push(Effect::Order { template, to: vec![line], values: None });
            }
            return;
        }
        let wait = spread_refusal(refusal, &id).retry_after.unwrap_or(NOT_ACTIVE_RETRY);
        let again_at = now + wait;
        if let Some(order) = self.sessions.order(key) {
            order.slot = Some(again_at);
            order.due_at = Some(again_at);
            self.due.insert((again_at, key));
        }
    }
}

/// The id of a token that Lifeboat gives out by itself to follow `known`.
pub(super) fn renewed(known: &str, now: Timestamp) -> String {
    following(known, &format!("{:012x}", now.as_ms().max(0)))
}

/// The id of a token that follows `known`: a fresh one, unless the clock was ahead when `known` was
/// issued. Then whoever held the fresh one would be taken for an older self.
pub(super) fn following(known: &str, fresh: &str) -> String {
    if fresh > known { fresh.to_owned() } else { format!("{known}+") }
}

fn order_line(
    key: Key,
    conn: ConnRef,
    order: &Order,
    takes_pushes: bool,
    now: Timestamp,
) -> OrderLine {
    let until = |at: Timestamp| u64::try_from(at.since(now).as_millis()).unwrap_or(u64::MAX);
    let grace = if takes_pushes { PUSH_GRACE } else { Duration::ZERO };
    let rejoin_at = order.slot.unwrap_or(now + HELD_POLL) + grace;
    OrderLine {
        key,
        conn,
        leave_after_ms: until(order.leave_at),
        rejoin_after_ms: until(rejoin_at),
    }
}

/// When clients of a failover that is on hold would ask by themselves.
const HELD_POLL: Duration = Duration::from_secs(20);

fn order_is_held(order: Option<&Order>) -> bool {
    order.is_some_and(|order| order.slot.is_none())
}

fn hold(to: Vec<ConnRef>) -> Effect {
    Effect::Broadcast { to, text: Bytes::from(ServerFrame::Hold {}.to_text()) }
}
