//! The desk: every session of this node, their seats, the pace at which they come in, and what
//! becomes of them in a failover. One plain value behind one lock; every method takes the time and
//! returns what has to be done. The simulator runs it unchanged.
//!
//! Levels, not edges: whether a session has to rejoin is computed from what its token says and
//! what the catalog says now ([`Desk::open`], [`Desk::set_catalog`]), never remembered alone.

mod catalog_change;
mod channel;
mod effect;
mod join;
mod movement;
mod orders;
mod placement;
mod renewal;
mod seats;
mod session;
mod sessions;
#[cfg(test)]
mod tests;
mod values;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use lifeboat_core::catalog::Catalog;
use lifeboat_core::ids::{FailoverId, FastHash, ServerId, SessionId, User, WorldId};
use lifeboat_core::limits::SESSIONS_MAX;
use lifeboat_core::live_config::LiveConfig;
use lifeboat_core::time::Timestamp;

pub use channel::Opened;
pub use effect::{ConnRef, Effect, OrderLine, OrderTemplate, Sink};
pub use join::{JoinInput, NewIds};
pub use movement::{MoveNews, Progress};
pub use placement::{Granted, Signed};
pub use session::SessionView;
pub use view::Crowd;

use join::WorldTurnstile;
use movement::Move;
use orders::Unplanned;
use seats::Seats;
use session::Session;
use sessions::Sessions;

/// Which live config values players may see; answered by whoever knows the mods.
pub trait PlayerView: Send + Sync {
    /// The values of `world` that its players may see.
    fn of(&self, catalog: &Catalog, world: &WorldId) -> LiveConfig;
}

/// How long after its slot a client that gets its placement pushed asks by itself.
const PUSH_GRACE: Duration = Duration::from_secs(5);
/// Sessions that are ordered to leave before the first of them are handed to their sockets.
const ORDERS_PER_EFFECT: usize = 256;
/// The part of a second's placements that may come early; below the promised tenth.
const BURST_SHARE: f64 = 0.08;
/// Placements granted in one call of [`Desk::tick`] at the most, so that joins get their turn.
const GRANTS_PER_TICK_MAX: usize = 256;

/// Where a session stands in the desk's slab.
type Key = usize;

/// The desk. See the module's documentation.
pub struct Desk {
    catalog: Arc<Catalog>,
    player_view: Arc<dyn PlayerView>,
    sessions: Sessions,
    by_id: HashMap<SessionId, Key, FastHash>,
    /// The session of each user whose channel is open.
    by_user: HashMap<User, Key>,
    /// The newest session of each user who is not a guest, whether its channel is open or not.
    by_member: HashMap<User, Key>,
    seats: Seats,
    /// Sessions placed on each server.
    loads: HashMap<ServerId, usize>,
    /// The way into each world.
    turnstiles: HashMap<WorldId, WorldTurnstile>,
    /// Failovers whose people are not all accounted for.
    moves: BTreeMap<FailoverId, Move>,
    /// Until when sessions of an earlier desk come back.
    returning_until: Option<Timestamp>,
    /// The turns of people who have to rejoin each world without a failover.
    unplanned: HashMap<WorldId, Unplanned>,
    /// When sessions get their placement pushed.
    due: BTreeSet<(Timestamp, Key)>,
    /// When sessions without a channel lose their seat.
    expiry: BTreeSet<(Timestamp, Key)>,
    /// When it is looked for old tokens next.
    renewal_at: Timestamp,
}

impl Desk {
    /// A desk without sessions.
    #[must_use]
    pub fn new(catalog: Arc<Catalog>, player_view: Arc<dyn PlayerView>) -> Self {
        Self {
            catalog,
            player_view,
            sessions: Sessions::default(),
            by_id: HashMap::default(),
            by_user: HashMap::new(),
            by_member: HashMap::new(),
            seats: Seats::default(),
            loads: HashMap::new(),
            turnstiles: HashMap::new(),
            moves: BTreeMap::new(),
            returning_until: None,
            unplanned: HashMap::new(),
            due: BTreeSet::new(),
            expiry: BTreeSet::new(),
            renewal_at: Timestamp::default(),
        }
    }

    /// The catalog that the desk decides by.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// When [`Desk::tick`] has something to do, if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let first = |set: &BTreeSet<(Timestamp, Key)>| set.first().map(|(at, _)| *at);
        [first(&self.due), first(&self.expiry)].into_iter().flatten().min()
    }

    /// Does what is due: seats that are given up, placements whose slot has come, news of how far
    /// a failover is.
    pub fn tick(&mut self, now: Timestamp) -> Tick {
        self.expire(now);
        self.watch_pace(now);
        self.look_after_turnstiles(now);
        self.forget_confirmed(now);
        let mut tick = Tick::default();
        self.grant_due(now, &mut tick);
        self.renew_tokens(now, &mut tick);
        tick.effects.extend(self.tell_late_progress(now));
        tick
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some(&(at, key)) = self.expiry.first()
            && at <= now
        {
            self.expiry.pop_first();
            self.remove(key);
        }
        self.seats.expire(now);
    }

    /// Whether no further session is booked in. Seats are of worlds, and there may be many worlds.
    fn is_full(&self) -> bool {
        self.sessions.len() >= SESSIONS_MAX
    }

    /// Gives a session a place at the desk.
    fn add(&mut self, mut session: Session) -> Key {
        session.share_ids(&self.catalog);
        let (id, user) = (session.id.clone(), session.user.clone());
        let key = self.sessions.insert(session);
        self.by_id.insert(id, key);
        if !user.as_str().starts_with(User::GUEST_PREFIX) {
            self.by_member.insert(user, key);
        }
        key
    }

    /// Forgets a session, with its seat and its place in every line.
    fn remove(&mut self, key: Key) {
        let Some(session) = self.sessions.remove(key) else { return };
        self.by_id.remove(&session.id);
        for index in [&mut self.by_user, &mut self.by_member] {
            if index.get(&session.user) == Some(&key) {
                index.remove(&session.user);
            }
        }
        if let Some(at) = session.due_at() {
            self.due.remove(&(at, key));
        }
        if let Some(until) = session.seat_until {
            self.expiry.remove(&(until, key));
        }
        self.seats.leave(&session.placed);
        self.unload(&session.server);
    }

    fn load(&mut self, server: &ServerId) {
        *self.loads.entry(server.clone()).or_default() += 1;
    }

    fn unload(&mut self, server: &ServerId) {
        if let Some(load) = self.loads.get_mut(server) {
            *load -= 1;
            if *load == 0 {
                self.loads.remove(server);
            }
        }
    }
}

/// What a tick of the desk leads to.
#[derive(Debug, Default)]
pub struct Tick {
    /// Placements to sign and to push.
    pub granted: Vec<(ConnRef, Granted)>,
    /// Placements that stand, whose tokens are to be signed anew.
    pub renewed: Vec<(ConnRef, Granted)>,
    /// What else has to be sent.
    pub effects: Vec<Effect>,
}

/// A time spread by who asks, between one and two times `base`: people who were turned away
/// together do not come back together.
fn spread(base: Duration, session: &str) -> Duration {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in session.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
    let share = (hash >> 40) as f64 / (1u64 << 24) as f64;
    base.mul_f64(1.0 + share)
}
