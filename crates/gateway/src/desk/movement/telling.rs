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
        let due = self.moves.iter_mut().filter_map(|(id, open)| {
            let is_due = open.tells_progress(now);
            is_due.then(|| id.clone())
        });
        let due: Vec<_> = due.collect();
        due.iter().filter_map(|id| self.progress_frame(id)).collect()
    }

    /// What is to be told as it comes.
    pub(super) fn tell_progress(
        &mut self,
        failover: &FailoverId,
        now: Timestamp,
    ) -> Option<Effect> {
        let is_due = self.moves.get_mut(failover)?.tells_progress(now);
        if is_due { self.progress_frame(failover) } else { None }
    }

    /// How far a failover is, for those who wait in it. The counts are the record's, so that every
    /// desk tells the same.
    fn progress_frame(&self, failover: &FailoverId) -> Option<Effect> {
        let open = self.moves.get(failover)?;
        let Counts { landed, present, .. } = open.record.counts;
        let to = self.connections(&self.pending_keys(failover));
        if to.is_empty() {
            return None;
        }
        let frame = ServerFrame::Progress { over: landed as u64, present: present as u64 };
        Some(Effect::Broadcast { to, text: Bytes::from(frame.to_text()) })
    }
}
