//! Seats: a world has as many as its profile says. One is taken from the join on, held for a while
//! after its user was dropped, and reserved at the target for everybody who moves.

use std::collections::HashMap;

use lifeboat_core::ids::{FastHash, SessionId, WorldId};
use lifeboat_core::limits::SEAT_HOLD;
use lifeboat_core::time::Timestamp;

/// The seats of every world.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: HashMap<WorldId, usize>,
    reserved: HashMap<WorldId, HashMap<SessionId, Timestamp, FastHash>>,
    /// When the first reservation may have run out.
    expires_at: Option<Timestamp>,
}

impl Seats {
    pub(super) fn take(&mut self, world: &WorldId) {
        *self.taken.entry(world.clone()).or_default() += 1;
    }

    pub(super) fn leave(&mut self, world: &WorldId) {
        if let Some(taken) = self.taken.get_mut(world) {
            *taken -= 1;
            if *taken == 0 {
                self.taken.remove(world);
            }
        }
    }

    /// Seats that are taken or held.
    pub(super) fn taken(&self, world: &WorldId) -> usize {
        self.taken.get(world).copied().unwrap_or(0)
    }

    /// Seats that are reserved for people on their way.
    pub(super) fn reserved(&self, world: &WorldId) -> usize {
        self.reserved.get(world).map_or(0, HashMap::len)
    }

    /// Whether there is a seat for `session`: a reserved one for who has it, else a free one. Where
    /// more are reserved than there are, by a failover that was forced, the earlier ones hold.
    pub(super) fn has_room_for(&self, world: &WorldId, session: &SessionId, seats: usize) -> bool {
        let (taken, reserved) = (self.taken(world), self.reserved(world));
        let reservations = self.reserved.get(world);
        let Some(own) = reservations.and_then(|reservations| reservations.get(session)) else {
            return taken + reserved < seats;
        };
        let earlier = || reservations.into_iter().flat_map(HashMap::values).filter(|at| *at < own);
        taken + reserved <= seats || taken + earlier().count() < seats
    }

    /// Room for so many more reservations, made at once.
    pub(super) fn expect(&mut self, world: &WorldId, reservations: usize) {
        self.reserved.entry(world.clone()).or_default().reserve(reservations);
    }

    pub(super) fn reserve(&mut self, world: &WorldId, session: &SessionId, now: Timestamp) {
        let until = now + SEAT_HOLD;
        self.reserved.entry(world.clone()).or_default().insert(session.clone(), until);
        self.expires_at = Some(self.expires_at.map_or(until, |at| at.min(until)));
    }

    pub(super) fn use_reservation(&mut self, world: &WorldId, session: &SessionId) {
        if let Some(reserved) = self.reserved.get_mut(world) {
            reserved.remove(session);
        }
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        if self.expires_at.is_none_or(|at| now < at) {
            return;
        }
        for reserved in self.reserved.values_mut() {
            reserved.retain(|_, until| *until > now);
        }
        self.reserved.retain(|_, reserved| !reserved.is_empty());
        self.expires_at = self.reserved.values().flat_map(HashMap::values).min().copied();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_seat_is_for_who_has_it_and_only_for_a_while() {
        let world = WorldId::from_unique("w");
        let (mover, stranger) = (SessionId::from_unique("1"), SessionId::from_unique("2"));
        let now = Timestamp::from_ms(0);
        let mut seats = Seats::default();
        seats.take(&world);
        seats.reserve(&world, &mover, now);
        assert!(seats.has_room_for(&world, &mover, 2));
        assert!(!seats.has_room_for(&world, &stranger, 2));
        seats.expire(now + SEAT_HOLD);
        assert!(seats.has_room_for(&world, &stranger, 2));
    }
    #[test]
    fn a_seat_that_was_reserved_is_not_taken_by_who_reserved_one_too_many() {
        let world = WorldId::from_unique("w");
        let session = |number: u32| SessionId::from_unique(&number.to_string());
        let now = Timestamp::from_ms(0);
        let mut seats = Seats::default();
        (0..2).for_each(|number| seats.reserve(&world, &session(number), now));
        let later = now + std::time::Duration::from_secs(1);
        (2..5).for_each(|number| seats.reserve(&world, &session(number), later));
        let has_room = |seats: &Seats, number| seats.has_room_for(&world, &session(number), 3);
        assert!(has_room(&seats, 4));
        seats.use_reservation(&world, &session(4));
        seats.take(&world);
        assert!(!has_room(&seats, 2) && !has_room(&seats, 3), "the other two are for 0 and 1");
        assert!(has_room(&seats, 0) && has_room(&seats, 1));
        seats.expire(now + SEAT_HOLD);
        assert!(has_room(&seats, 2) && has_room(&seats, 3));
    }
}
