//! The way in for those who come unannounced: who is not let in is told a time of its own.

use std::time::Duration;

use super::{Pacer, Rate, SlotLine};
use crate::limits::TURN_AHEAD_MAX;
use crate::time::Timestamp;

/// The part of the pace at which turns are handed out. The rest is for who comes a little late:
/// else each of them would make all who follow late too.
const TURNS_SHARE: f64 = 0.95;
/// How long somebody waits whose turn is too far away to be told, before it is spread.
pub const FAR_TURN_RETRY: Duration = Duration::from_secs(TURN_AHEAD_MAX.as_secs() / 2);

/// Lets in at most its rate, and sends nobody away for a time that others were told as well: those
/// who wait come one after another, not all at the next free moment.
///
/// Nobody shows whose turn it is, since whoever was never let in has nothing to show: a turn is an
/// estimate, the pace alone decides. Who finds its turn taken gets another.
#[derive(Debug, Clone)]
pub struct Turnstile {
    pacer: Pacer,
    turns: SlotLine,
}

impl Turnstile {
    /// A turnstile that lets `burst` extra through at once after a time of rest.
    #[must_use]
    pub fn new(rate: Rate, burst: f64, now: Timestamp) -> Self {
        Self { pacer: Pacer::new(rate, burst, now), turns: SlotLine::new(turns_rate(rate), now) }
    }

    /// Goes on with another rate. Who waits counts as much as it would have at this rate.
    pub fn set_rate(&mut self, rate: Rate, burst: f64, now: Timestamp) {
        self.pacer.set_rate(rate, burst, now);
        self.turns.rescale(turns_rate(rate), now);
    }

    /// Counts one that passes without asking. See [`Pacer::charge`].
    pub fn charge(&mut self, now: Timestamp) {
        self.pacer.charge(now);
    }

    /// Takes the burst away. See [`Pacer::spend_burst`].
    pub fn spend_burst(&mut self, now: Timestamp) {
        self.pacer.spend_burst(now);
    }

    /// Lets one in, if it is not before `opens_at`.
    ///
    /// # Errors
    /// When to come again; nothing where that is too far away to be told.
    pub fn try_enter(
        &mut self,
        opens_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Option<Timestamp>> {
        let free_at = if now < opens_at {
            opens_at
        } else {
            match self.pacer.try_take(now) {
                Ok(()) => return Ok(()),
                Err(wait) => now + wait,
            }
        };
        let farthest = now + TURN_AHEAD_MAX;
        let is_near = free_at.max(self.turns.end()) <= farthest;
        Err(is_near.then(|| self.turns.assign(free_at)))
    }
}

fn turns_rate(rate: Rate) -> Rate {
    Rate::per_second(rate.get() * TURNS_SHARE)
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_ms(1_000_000);

    /// So many people come at once; each does as it is told, `late` after its time. How often they
    /// asked in all, and when the last of them was let in.
    fn crowd(gate: &mut Turnstile, people: usize, late: Duration) -> (usize, Timestamp) {
        let mut asks: BinaryHeap<_> = (0..people).map(|who| Reverse((START, who))).collect();
        let (mut asked, mut last) = (0, START);
        while let Some(Reverse((at, who))) = asks.pop() {
            asked += 1;
            match gate.try_enter(START, at) {
                Ok(()) => last = at,
                Err(turn) => {
                    let again_at = turn.unwrap_or(at + FAR_TURN_RETRY) + late;
                    asks.push(Reverse((again_at, who)));
                }
            }
        }
        (asked, last)
    }

    #[test]
    fn who_comes_when_told_is_let_in() {
        let mut gate = Turnstile::new(Rate::per_second(4.0), 3.0, START);
        let (asked, last) = crowd(&mut gate, 40, Duration::ZERO);
        assert_eq!(asked, 4 + 36 * 2);
        assert!(last.since(START) <= Duration::from_millis(9_500), "{:?}", last.since(START));
    }

    #[test]
    fn late_people_make_nobody_else_late() {
        let mut gate = Turnstile::new(Rate::per_second(1.0), 0.0, START);
        let (asked, last) = crowd(&mut gate, 25, Duration::from_millis(45));
        assert!(asked <= 51, "{asked}");
        assert!(last.since(START) <= Duration::from_secs(27), "{:?}", last.since(START));
    }

    #[test]
    fn a_turn_is_told_only_as_far_ahead_as_things_can_be_foreseen() {
        let mut gate = Turnstile::new(Rate::per_second(1.0), 0.0, START);
        let told = (0..100).filter(|_| gate.try_enter(START, START) != Err(None)).count();
        assert!((29..=31).contains(&told), "{told}");
        let opens_at = START + TURN_AHEAD_MAX + Duration::from_secs(1);
        let mut closed = Turnstile::new(Rate::per_second(1.0), 0.0, START);
        assert_eq!(closed.try_enter(opens_at, START), Err(None));
    }

    #[test]
    fn before_it_opens_turns_are_told_from_then_on() {
        let mut gate = Turnstile::new(Rate::per_second(19.0), 0.0, START);
        let opens_at = START + Duration::from_secs(2);
        let turns: Vec<_> = (0..3).map(|_| gate.try_enter(opens_at, START)).collect();
        let after = |ms| Err(Some(opens_at + Duration::from_millis(ms)));
        assert_eq!(turns, [after(0), after(56), after(111)]);
    }

    #[test]
    fn at_a_faster_pace_the_turns_come_nearer() {
        let mut gate = Turnstile::new(Rate::per_second(1.0), 0.0, START);
        while gate.try_enter(START, START) != Err(None) {}
        gate.set_rate(Rate::per_second(100.0), 0.0, START);
        assert!(gate.try_enter(START, START).is_err(), "the last one still counts");
        let turn = gate.try_enter(START, START).unwrap_err().unwrap();
        assert!(turn.since(START) < Duration::from_millis(400), "{:?}", turn.since(START));
    }

    proptest! {
        #[test]
        fn whoever_else_comes_nobody_is_turned_away_for_long(
            rate in 1.0f64..200.0,
            people in 1usize..400,
            late_ms in 0u64..40,
        ) {
            let mut gate = Turnstile::new(Rate::per_second(rate), rate - 1.0, START);
            let (asked, last) = crowd(&mut gate, people, Duration::from_millis(late_ms));
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let needed = people as f64 / rate;
            let took = last.since(START).as_secs_f64();
            prop_assert!(took <= needed * 1.1 + 20.0, "{took} s where {needed} are needed");
            // A turn, and one ask in a while for those whose turn is not told yet.
            #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "small")]
            let asks_max = people * (3 + (needed / FAR_TURN_RETRY.as_secs_f64()) as usize);
            prop_assert!(asked <= asks_max, "{people} asked {asked} times at {rate} a second");
        }
    }
}
