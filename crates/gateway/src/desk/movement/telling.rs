//! Telling those who wait how far a failover is.

use std::time::Duration;

use bytes::Bytes;
use lifeboat_core::failover::Counts;
use lifeboat_core::ids::FailoverId;
use lifeboat_core::limits::{PROGRESS_PERIOD, PROGRESS_TOLD_PER_SECOND_MAX};
use lifeboat_core::time::Timestamp;
use lifeboat_protocol::frame::ServerFrame;

use super::super::Desk;
use super::super::effect::Effect;
use super::Move;

impl Move {
    /// Whether those who wait are to be told how far it is: by now more are over than they know.
    fn tells_progress(&mut self, now: Timestamp) -> bool {
        let landed = self.record.counts.landed;
        if !self.record.phase.is_open() || landed == self.progress_told {
            return false;
        }
        let share = self.ledger.counts().pending as f64 / PROGRESS_TOLD_PER_SECOND_MAX as f64;
        let period = PROGRESS_PERIOD.max(Duration::from_secs_f64(share));
        let is_due = now.since(self.progress_told_at) >= period;
        if is_due {
            self.progress_told_at = now;
            self.progress_told = landed;
        }
        is_due
    }
}

impl Desk {
    /// What was not told as it came, because it came too soon after the last time: of a failover
    /// that is held, nothing may come for long.
    pub(in crate::desk) fn tell_late_progress(&mut self, now: Timestamp) -> Vec<Effect> {
        let moves: Vec<_> = self.moves.keys().cloned().collect();
        moves.iter().filter_map(|id| self.tell_progress(id, now)).collect()
    }

    /// How far a failover is, for those who wait in it. The counts are the record's, so that every
    /// desk tells the same.
    pub(super) fn tell_progress(
        &mut self,
        failover: &FailoverId,
        now: Timestamp,
    ) -> Option<Effect> {
        let open = self.moves.get_mut(failover)?;
        if !open.tells_progress(now) {
            return None;
        }
        let Counts { landed, present, .. } = open.record.counts;
        let to = self.connections(&self.pending_keys(failover));
        if to.is_empty() {
            return None;
        }
        let frame = ServerFrame::Progress { over: landed as u64, present: present as u64 };
        Some(Effect::Broadcast { to, text: Bytes::from(frame.to_text()) })
    }
}
