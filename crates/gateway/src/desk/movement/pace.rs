//! How fast the moves go on, and who counts in that.

use lifeboat_core::failover::MovePhase;
use lifeboat_core::ids::WorldId;
use lifeboat_core::time::Timestamp;

use super::super::{BURST_SHARE, Desk};

impl Desk {
    /// Goes as fast as the targets keep up: whoever comes before its turn at the slower pace gets
    /// a later one.
    pub(in crate::desk) fn watch_pace(&mut self, now: Timestamp) {
        for open in self.moves.values_mut().filter(|open| open.record.phase == MovePhase::Moving) {
            let before = open.pace.rate();
            let rate = open.pace.observe(open.ledger.on_the_way(now), now);
            if rate != before {
                open.pacer.set_rate(rate, rate.get() * BURST_SHARE, now);
                open.line.set_rate(rate);
            }
        }
    }

    /// Counts a newcomer among those whom the moves into a world place, so that their people do not
    /// come on top of it.
    pub(in crate::desk) fn charge_moves(&mut self, world: &WorldId, now: Timestamp) {
        let into = self.moves.values_mut().filter(|open| open.leads_into(world));
        into.for_each(|open| open.pacer.charge(now));
    }
}
