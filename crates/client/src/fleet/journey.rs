//! One bot's way from one world into the next, and what many such ways come to.

use lifeboat_core::code::ErrorCode;
use lifeboat_core::failover::{Figures, figures};
use lifeboat_core::ids::{ServerId, WorldId};
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::client::EndReason;
use serde::{Deserialize, Serialize};

/// One bot's latest move: from being called away, or losing its server, to being in a world again.
/// What did not happen has no time; a bot's first arrival has none but its last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journey {
    /// When it lost its game server, unordered.
    pub lost_at: Option<Timestamp>,
    /// When the order to leave came, or the placement that stands for one.
    pub told_at: Option<Timestamp>,
    /// When it was in its world no longer.
    pub out_at: Option<Timestamp>,
    /// When it was in a world.
    pub in_world_at: Option<Timestamp>,
}

impl Journey {
    /// When it began.
    #[must_use]
    pub fn began_at(&self) -> Option<Timestamp> {
        [self.lost_at, self.told_at, self.out_at].into_iter().flatten().min()
    }

    /// Milliseconds in no world, if it was in one before and is in one again.
    #[must_use]
    pub fn dark_ms(&self) -> Option<u64> {
        let out_at = [self.lost_at, self.out_at].into_iter().flatten().min()?;
        let dark = self.in_world_at?.since(out_at);
        Some(u64::try_from(dark.as_millis()).unwrap_or(u64::MAX))
    }
}

/// What became of a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The bot's number.
    pub bot: usize,
    /// When.
    pub at: Timestamp,
    /// How it went.
    pub journey: Journey,
    /// What became of it.
    pub end: OutcomeEnd,
}

/// What a bot's way led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "camelCase")]
pub enum OutcomeEnd {
    /// It is in a world.
    InWorld {
        /// The world.
        world: WorldId,
        /// The server.
        server: ServerId,
    },
    /// It was turned away for good.
    Refused {
        /// Why.
        code: ErrorCode,
    },
    /// It is over.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// A distribution of moments: subtract the failover's commit for the fan-out, as bots saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeFigures {
    /// How many.
    pub n: usize,
    /// The first.
    pub first: Timestamp,
    /// Half of them were by then.
    pub p50: Timestamp,
    /// 99 of 100 were by then.
    pub p99: Timestamp,
    /// The last.
    pub last: Timestamp,
}

impl TimeFigures {
    fn of(times: &[Timestamp]) -> Option<Self> {
        let first = *times.iter().min()?;
        let after = |at: &Timestamp| u64::try_from(at.since(first).as_millis()).unwrap_or(0);
        let Figures { n, p50, p99, max } = figures(times.iter().map(after).collect());
        let at = |ms| first + std::time::Duration::from_millis(ms);
        Some(Self { n, first, p50: at(p50), p99: at(p99), last: at(max) })
    }
}

/// How the latest moves of all bots went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveFigures {
    /// How many lost their game server, unordered.
    pub lost_game: usize,
    /// How many were told to leave.
    pub told: usize,
    /// How many are in a world again.
    pub arrived: usize,
    /// When they were told.
    pub told_at: Option<TimeFigures>,
    /// How long they were in no world.
    pub dark_ms: Figures,
}

impl MoveFigures {
    /// Sums up the journeys that began at or after `since`.
    pub(super) fn of(journeys: &[Journey], since: Timestamp) -> Self {
        let moved = || {
            journeys.iter().filter(move |journey| journey.began_at().is_some_and(|at| since <= at))
        };
        let told: Vec<Timestamp> = moved().filter_map(|journey| journey.told_at).collect();
        let dark: Vec<u64> = moved().filter_map(Journey::dark_ms).collect();
        Self {
            lost_game: moved().filter(|journey| journey.lost_at.is_some()).count(),
            told: told.len(),
            arrived: moved().filter(|journey| journey.in_world_at.is_some()).count(),
            told_at: TimeFigures::of(&told),
            dark_ms: figures(dark),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Option<Timestamp> {
        Some(Timestamp::from_ms(ms))
    }

    #[test]
    fn it_is_dark_from_the_earlier_of_loss_and_leaving_and_not_from_a_graceful_order() {
        let lost = Journey { lost_at: at(5), told_at: at(9), out_at: at(5), in_world_at: at(25) };
        assert_eq!(lost.dark_ms(), Some(20));
        let graceful =
            Journey { lost_at: None, told_at: at(1), out_at: at(20), in_world_at: at(25) };
        assert_eq!((graceful.dark_ms(), graceful.began_at()), (Some(5), at(1)));
        assert_eq!(Journey { in_world_at: at(3), ..Journey::default() }.dark_ms(), None);
    }

    #[test]
    fn only_the_moves_asked_for_are_summed_up() {
        let told = |told_at| Journey { told_at, out_at: told_at, ..Journey::default() };
        let first = Journey { in_world_at: at(90), ..Journey::default() };
        let journeys = [told(at(10)), told(at(20)), told(at(24)), first];
        let moves = MoveFigures::of(&journeys, Timestamp::from_ms(15));
        assert_eq!((moves.told, moves.arrived, moves.dark_ms.n), (2, 0, 0));
        let told_at = moves.told_at.unwrap();
        assert_eq!((Some(told_at.first), Some(told_at.last)), (at(20), at(24)));
        assert_eq!(MoveFigures::of(&journeys, Timestamp::from_ms(99)), MoveFigures::default());
    }
}
