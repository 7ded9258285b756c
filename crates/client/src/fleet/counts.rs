//! How many bots are where.

use std::collections::BTreeMap;

use lifeboat_core::code::ErrorCode;
use lifeboat_core::ids::WorldId;
use lifeboat_protocol::client::{EndReason, Status};
use serde::{Deserialize, Serialize};

/// How many bots are where. Each bot is counted in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetCounts {
    /// All of them.
    pub count: usize,
    /// Not begun yet.
    pub planned: usize,
    /// Asking to join.
    pub joining: usize,
    /// On the loading screen, until it is their turn.
    pub waiting: usize,
    /// Connecting to a game server.
    pub connecting: usize,
    /// In a world, by world.
    pub in_world: BTreeMap<WorldId, usize>,
    /// Turned away for good, by the reason.
    pub refused: BTreeMap<ErrorCode, usize>,
    /// Left by themselves.
    pub left: usize,
    /// Kicked or banned.
    pub kicked: usize,
    /// Taken over by another client of the same user.
    pub replaced: usize,
}

impl FleetCounts {
    /// So many bots, none of which has begun.
    pub(super) fn planned(count: usize) -> Self {
        Self { count, planned: count, ..Self::default() }
    }

    /// How many are in a world, whichever.
    #[must_use]
    pub fn in_worlds(&self) -> usize {
        self.in_world.values().sum()
    }

    /// How many are in this world.
    #[must_use]
    pub fn in_the(&self, world: &WorldId) -> usize {
        self.in_world.get(world).copied().unwrap_or(0)
    }

    /// How many were turned away for good.
    #[must_use]
    pub fn all_refused(&self) -> usize {
        self.refused.values().sum()
    }

    /// How many are neither in a world, nor refused, nor gone for good by their own or an
    /// operator's will: those whom a failover has to bring home yet.
    #[must_use]
    pub fn lost(&self) -> usize {
        let found = self.in_worlds() + self.all_refused() + self.left + self.kicked;
        self.count.saturating_sub(found)
    }

    /// Counts one bot in another place; `from` is none for one that begins.
    pub(super) fn shift(&mut self, from: Option<&Status>, to: &Status) {
        match from {
            None => self.planned -= 1,
            Some(from) => self.take(from),
        }
        *self.at(to) += 1;
    }

    fn take(&mut self, from: &Status) {
        *self.at(from) -= 1;
        if let Status::InWorld { world, .. } = from
            && self.in_the(world) == 0
        {
            self.in_world.remove(world);
        }
    }

    fn at(&mut self, status: &Status) -> &mut usize {
        match status {
            Status::Joining => &mut self.joining,
            Status::Waiting { .. } => &mut self.waiting,
            Status::Connecting { .. } => &mut self.connecting,
            Status::InWorld { world, .. } => self.in_world.entry(world.clone()).or_default(),
            Status::Refused { code } => self.refused.entry(*code).or_default(),
            Status::Ended { reason } => match reason {
                EndReason::Left => &mut self.left,
                EndReason::Kicked => &mut self.kicked,
                EndReason::Replaced => &mut self.replaced,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_is_counted_in_one_place_and_lost_until_it_is_somewhere() {
        let mut counts = FleetCounts::planned(2);
        assert_eq!(counts.lost(), 2);
        let world: WorldId = "wld_a".parse().unwrap();
        let inside = Status::InWorld { world: world.clone(), server: "srv_a".parse().unwrap() };
        counts.shift(None, &Status::Joining);
        counts.shift(Some(&Status::Joining), &inside);
        assert_eq!((counts.planned, counts.joining, counts.in_the(&world)), (1, 0, 1));
        assert_eq!(counts.lost(), 1);
        counts.shift(Some(&inside), &Status::Refused { code: ErrorCode::Banned });
        assert!(counts.in_world.is_empty());
        assert_eq!((counts.all_refused(), counts.lost()), (1, 1));
        counts.shift(None, &Status::Ended { reason: EndReason::Replaced });
        assert_eq!(counts.lost(), 1, "somebody else has its session, which is nobody's will");
    }
}
